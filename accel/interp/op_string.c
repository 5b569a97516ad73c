/*
 * String instructions: MOVS CMPS SCAS LODS STOS, alone and repeated. SDM volume 2.
 *
 * A repeated instruction works in chunks that lie within one page of each operand, on host memory where that is
 * plain RAM, else element by element. Registers are up to date after each chunk, so a fault or an interrupt
 * finds the instruction restartable: it leaves with RIP unchanged. Copies whose destination begins inside the
 * source go by elements, as the processor's do.
 */
#include "accel/interp/op_impl.h"

/* ---- index registers and chunks ---- */

static inline uint64_t index_register(const struct cpu *cpu, const struct insn *insn, unsigned r)
{
    return cpu->gpr[r] & address_mask[insn->asize];
}
static inline void set_index_register(struct cpu *cpu, const struct insn *insn, unsigned r, uint64_t v)
{
    uint64_t mask = address_mask[insn->asize];
    cpu->gpr[r] = insn->asize == 0 ? (cpu->gpr[r] & ~mask) | (v & mask) : v & mask;
}
static inline void advance(struct cpu *cpu, const struct insn *insn, unsigned r, uint64_t delta)
{
    set_index_register(cpu, insn, r, cpu->gpr[r] + delta);
}
/* Distance from one element to the next. */
static inline uint64_t step(const struct cpu *cpu, unsigned size)
{
    return cpu->eflags & FLAG_DF ? -(uint64_t)size : size;
}

/* How many of count elements from ea on lie in one page of the segment, in the present direction. */
static uint64_t elements_in_page(const struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea,
                                 unsigned size, uint64_t count)
{
    bool flat = cpu->mode & MODE_CODE64 && seg < FS;
    unsigned offset = ((flat ? 0 : cpu->s.seg[seg].base) + ea) & 0xfff;
    if (offset + size > 0x1000) {
        return 0;
    }
    uint64_t page = cpu->eflags & FLAG_DF ? offset / size + 1 : (0x1000 - offset) / size;
    uint64_t wrap = cpu->eflags & FLAG_DF ? ea / size + 1
                                          : (address_mask[insn->asize] - ea) / size + (insn->asize < 2);
    uint64_t n = page < wrap ? page : wrap;
    return n < count ? n : count;
}

/* Host address of the lowest of n elements from ea on, or NULL. */
static uint8_t *chunk_pointer(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea,
                              unsigned size, uint64_t n, enum access_kind kind)
{
    if (cpu->eflags & FLAG_DF) {
        /* A page fault must name the element that comes first. */
        if (mem_page_pointer(cpu, insn, seg, ea, size, kind) == NULL) {
            return NULL;
        }
        ea -= (n - 1) * size;
    }
    return mem_page_pointer(cpu, insn, seg, ea, n * size, kind);
}

/* Elements of the next chunk: 1 while stepping, so that each iteration is one step. */
static uint64_t chunk_limit(const struct cpu *cpu, uint64_t count)
{
    return cpu->mode & MODE_SINGLE ? 1 : count;
}

/* After a chunk: true if the instruction must be interrupted. Long ones use up the budget without counting as
 * instructions. */
static bool pause_wanted(struct cpu *cpu, uint64_t elements)
{
    cpu_spend(cpu, 1 + (uint32_t)(elements >> 3));
    return cpu->budget < 0 || __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) != 0;
}

/* ---- one element ---- */

static inline uint64_t read_element(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea,
                                    unsigned size)
{
    switch (size) {
    case 1:
        return mem_read8(cpu, insn, seg, ea);
    case 2:
        return mem_read16(cpu, insn, seg, ea);
    case 4:
        return mem_read32(cpu, insn, seg, ea);
    default:
        return mem_read64(cpu, insn, seg, ea);
    }
}
static inline void write_element(struct cpu *cpu, const struct insn *insn, uint64_t ea, uint64_t v,
                                 unsigned size)
{
    switch (size) {
    case 1:
        mem_write8(cpu, insn, ES, ea, v);
        break;
    case 2:
        mem_write16(cpu, insn, ES, ea, v);
        break;
    case 4:
        mem_write32(cpu, insn, ES, ea, v);
        break;
    default:
        mem_write64(cpu, insn, ES, ea, v);
        break;
    }
}
static inline uint64_t host_element(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, p, size);
    return v;
}

/* Flags of a - b. */
static inline void compare(struct cpu *cpu, uint64_t a, uint64_t b, unsigned size)
{
    unsigned shift = 64 - 8 * size;
    uint64_t r = a - b, c = CARRY_SUB(a, b, r);
    flags_result(cpu, (int64_t)(r << shift) >> shift);
    cpu->fl_c = (uint32_t)(c << shift >> 32 & (FL_CF | FL_PO)) | (uint32_t)(c & FL_AF);
}

static inline void movs_one(struct cpu *cpu, const struct insn *insn, unsigned size)
{
    uint64_t v = read_element(cpu, insn, insn->seg, index_register(cpu, insn, RSI), size);
    write_element(cpu, insn, index_register(cpu, insn, RDI), v, size);
    advance(cpu, insn, RSI, step(cpu, size));
    advance(cpu, insn, RDI, step(cpu, size));
}
static inline void stos_one(struct cpu *cpu, const struct insn *insn, unsigned size)
{
    write_element(cpu, insn, index_register(cpu, insn, RDI), cpu->gpr[RAX], size);
    advance(cpu, insn, RDI, step(cpu, size));
}
static inline void lods_one(struct cpu *cpu, const struct insn *insn, unsigned size)
{
    uint64_t v = read_element(cpu, insn, insn->seg, index_register(cpu, insn, RSI), size);
    switch (size) {
    case 1:
        SET8(RAX, v);
        break;
    case 2:
        SET16(RAX, v);
        break;
    default:
        cpu->gpr[RAX] = v;
        break;
    }
    advance(cpu, insn, RSI, step(cpu, size));
}
static inline void cmps_one(struct cpu *cpu, const struct insn *insn, unsigned size)
{
    uint64_t a = read_element(cpu, insn, insn->seg, index_register(cpu, insn, RSI), size);
    uint64_t b = read_element(cpu, insn, ES, index_register(cpu, insn, RDI), size);
    compare(cpu, a, b, size);
    advance(cpu, insn, RSI, step(cpu, size));
    advance(cpu, insn, RDI, step(cpu, size));
}
static inline uint64_t accumulator(const struct cpu *cpu, unsigned size)
{
    return cpu->gpr[RAX] & ~0ull >> (64 - 8 * size);
}
static inline void scas_one(struct cpu *cpu, const struct insn *insn, unsigned size)
{
    uint64_t b = read_element(cpu, insn, ES, index_register(cpu, insn, RDI), size);
    compare(cpu, accumulator(cpu, size), b, size);
    advance(cpu, insn, RDI, step(cpu, size));
}

/* ---- chunks: each does up to `count` elements and returns how many; 0 = go by single elements ---- */

static void copy_elements(uint8_t *to, const uint8_t *from, unsigned size, uint64_t n, bool down)
{
    uint64_t bytes = n * size;
    /* Only a destination that begins within the source, seen in the direction of copying, reads back what was
     * just written. */
    bool feeds_itself = down ? to < from && to + bytes > from : to > from && to < from + bytes;
    if (!feeds_itself) {
        memmove(to, from, bytes);
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = (down ? n - 1 - i : i) * size;
        uint8_t element[8];
        memcpy(element, from + at, size);
        memcpy(to + at, element, size);
    }
}

static uint64_t movs_chunk(struct cpu *cpu, const struct insn *insn, unsigned size, uint64_t count, bool repne)
{
    uint64_t si = index_register(cpu, insn, RSI), di = index_register(cpu, insn, RDI);
    uint64_t n = elements_in_page(cpu, insn, insn->seg, si, size, count);
    n = elements_in_page(cpu, insn, ES, di, size, n);
    if (n < 2) {
        return 0;
    }
    const uint8_t *from = chunk_pointer(cpu, insn, insn->seg, si, size, n, ACCESS_READ);
    uint8_t *to = from == NULL ? NULL : chunk_pointer(cpu, insn, ES, di, size, n, ACCESS_WRITE);
    if (to == NULL) {
        return 0;
    }
    copy_elements(to, from, size, n, cpu->eflags & FLAG_DF);
    advance(cpu, insn, RSI, step(cpu, size) * n);
    advance(cpu, insn, RDI, step(cpu, size) * n);
    return n;
}

static uint64_t stos_chunk(struct cpu *cpu, const struct insn *insn, unsigned size, uint64_t count, bool repne)
{
    uint64_t di = index_register(cpu, insn, RDI), v = accumulator(cpu, size);
    uint64_t n = elements_in_page(cpu, insn, ES, di, size, count);
    uint8_t *to = n < 2 ? NULL : chunk_pointer(cpu, insn, ES, di, size, n, ACCESS_WRITE);
    if (to == NULL) {
        return 0;
    }
    if (size == 1 || v == 0) {
        memset(to, (int)v, n * size);
    } else {
        for (uint64_t i = 0; i < n; i++) {
            memcpy(to + i * size, &v, size);
        }
    }
    advance(cpu, insn, RDI, step(cpu, size) * n);
    return n;
}

static uint64_t lods_chunk(struct cpu *cpu, const struct insn *insn, unsigned size, uint64_t count, bool repne)
{
    return 0; /* nobody repeats LODS for speed */
}

/* Compares until the condition ends the repetition; the last comparison sets the flags. */
static uint64_t scas_chunk(struct cpu *cpu, const struct insn *insn, unsigned size, uint64_t count, bool repne)
{
    uint64_t di = index_register(cpu, insn, RDI), a = accumulator(cpu, size), b = 0, i = 0;
    uint64_t n = elements_in_page(cpu, insn, ES, di, size, count);
    const uint8_t *p = n < 2 ? NULL : chunk_pointer(cpu, insn, ES, di, size, n, ACCESS_READ);
    if (p == NULL) {
        return 0;
    }
    bool down = cpu->eflags & FLAG_DF;
    do {
        b = host_element(p + (down ? n - 1 - i : i) * size, size);
        i++;
    } while (i < n && (a == b) != repne);
    compare(cpu, a, b, size);
    advance(cpu, insn, RDI, step(cpu, size) * i);
    return i;
}

static uint64_t cmps_chunk(struct cpu *cpu, const struct insn *insn, unsigned size, uint64_t count, bool repne)
{
    uint64_t si = index_register(cpu, insn, RSI), di = index_register(cpu, insn, RDI), a, b, i = 0;
    uint64_t n = elements_in_page(cpu, insn, insn->seg, si, size, count);
    n = elements_in_page(cpu, insn, ES, di, size, n);
    if (n < 2) {
        return 0;
    }
    const uint8_t *p = chunk_pointer(cpu, insn, insn->seg, si, size, n, ACCESS_READ);
    const uint8_t *q = p == NULL ? NULL : chunk_pointer(cpu, insn, ES, di, size, n, ACCESS_READ);
    if (q == NULL) {
        return 0;
    }
    bool down = cpu->eflags & FLAG_DF;
    do {
        uint64_t at = (down ? n - 1 - i : i) * size;
        a = host_element(p + at, size);
        b = host_element(q + at, size);
        i++;
    } while (i < n && (a == b) != repne);
    compare(cpu, a, b, size);
    advance(cpu, insn, RSI, step(cpu, size) * i);
    advance(cpu, insn, RDI, step(cpu, size) * i);
    return i;
}

/* ---- handlers ---- */

/* Repeats to the end (true) or until it must pause (false). compares: ZF ends it when it equals repne. */
#define REPEAT(name, compares)                                                                          \
    static bool name##_repeat(struct cpu *cpu, const struct insn *insn, unsigned size, bool repne)      \
    {                                                                                                   \
        uint64_t count = index_register(cpu, insn, RCX);                                                \
        while (count != 0) {                                                                            \
            uint64_t n = name##_chunk(cpu, insn, size, chunk_limit(cpu, count), repne);                 \
            if (n == 0) {                                                                               \
                name##_one(cpu, insn, size);                                                            \
                n = 1;                                                                                  \
            }                                                                                           \
            count -= n;                                                                                 \
            set_index_register(cpu, insn, RCX, count);                                                  \
            if ((compares) && flag_zf(cpu) == repne) {                                                  \
                break;                                                                                  \
            }                                                                                           \
            if (count != 0 && pause_wanted(cpu, n)) {                                                   \
                return false;                                                                           \
            }                                                                                           \
        }                                                                                               \
        return true;                                                                                    \
    }
#define STRING(name, size, bits)                                                                        \
    OP_REG(name##bits##_reg, name##_one(cpu, insn, size))                                               \
    HANDLER name##_rep##bits##_reg(struct cpu *cpu, const struct insn *insn)                            \
    {                                                                                                   \
        if (!name##_repeat(cpu, insn, size, false)) {                                                   \
            return trace_leave(cpu, insn, insn_rip(cpu, insn));                                         \
        }                                                                                               \
        NEXT(cpu, insn);                                                                                \
    }
#define STRING_REPNE(name, size, bits)                                                                  \
    HANDLER name##_repne##bits##_reg(struct cpu *cpu, const struct insn *insn)                          \
    {                                                                                                   \
        if (!name##_repeat(cpu, insn, size, true)) {                                                    \
            return trace_leave(cpu, insn, insn_rip(cpu, insn));                                         \
        }                                                                                               \
        NEXT(cpu, insn);                                                                                \
    }
#define FOR_SIZES(macro, name) macro(name, 1, 8) macro(name, 2, 16) macro(name, 4, 32) macro(name, 8, 64)
#define STRING_SETS(name, kind)                      \
    SET_ONE(op_##name##kind##b, name##kind##8_reg)   \
    SET_V_R(op_##name##kind##v, name##kind)

#define STRING_OP(name, compares)   \
    REPEAT(name, compares)          \
    FOR_SIZES(STRING, name)         \
    STRING_SETS(name, )             \
    STRING_SETS(name, _rep)
STRING_OP(movs, false)
STRING_OP(stos, false)
STRING_OP(lods, false)
STRING_OP(cmps, true)
STRING_OP(scas, true)
FOR_SIZES(STRING_REPNE, cmps)
FOR_SIZES(STRING_REPNE, scas)
STRING_SETS(cmps, _repne)
STRING_SETS(scas, _repne)
