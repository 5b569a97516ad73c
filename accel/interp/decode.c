/*
 * Decoding one instruction: prefixes, opcode, choice of the table row, ModRM, immediates, conditions.
 * SDM volume 2, chapter 2 and appendix A.
 *
 * Everything that depends on the mode alone is settled here, so that handlers need not ask.
 */
#include "accel/interp/decode.h"

#include "accel/interp/decode_impl.h"

#define INSN_MAX 15

struct decoder {
    const uint8_t *code;
    unsigned avail, pos;
    bool ran_out;
    uint32_t mode;
    const struct x86_cpuid *cpuid;
    uint8_t rep; /* 0, 0xf2 or 0xf3: the last one counts */
    bool size66, size67, lock;
    int seg;                /* override or -1 */
    bool has_rex, w, r, x, b; /* REX or VEX bits */
    bool vex;
    uint8_t vvvv, l, pp;
    uint8_t map, opcode;
    uint8_t modrm;
    bool reg_form;
    uint8_t asize;          /* as struct insn */
    uint8_t osize;          /* index of handlers */
    bool rip_relative;
};

static uint8_t fetch8(struct decoder *d)
{
    if (d->pos >= d->avail) {
        d->ran_out = true;
        return 0;
    }
    return d->code[d->pos++];
}

static uint64_t fetch(struct decoder *d, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)fetch8(d) << 8 * i;
    }
    return v;
}

static int64_t fetch_signed(struct decoder *d, unsigned size)
{
    unsigned shift = 64 - 8 * size;
    return (int64_t)(fetch(d, size) << shift) >> shift;
}

static bool code64(const struct decoder *d)
{
    return d->mode & MODE_CODE64;
}

/* Legacy and REX prefixes; returns the first byte that is none. A REX counts only right before the opcode. */
static uint8_t fetch_prefixes(struct decoder *d)
{
    for (;;) {
        uint8_t byte = fetch8(d);
        if (d->ran_out) {
            return 0;
        }
        if (code64(d) && (byte & 0xf0) == 0x40) {
            d->has_rex = true;
            d->w = byte & 8;
            d->r = byte & 4;
            d->x = byte & 2;
            d->b = byte & 1;
            continue;
        }
        switch (byte) {
        case 0x26: case 0x2e: case 0x36: case 0x3e:
            if (!code64(d)) {
                d->seg = byte >> 3 & 3;
            }
            break;
        case 0x64:
            d->seg = FS;
            break;
        case 0x65:
            d->seg = GS;
            break;
        case 0x66:
            d->size66 = true;
            break;
        case 0x67:
            d->size67 = true;
            break;
        case 0xf0:
            d->lock = true;
            break;
        case 0xf2: case 0xf3:
            d->rep = byte;
            break;
        default:
            return byte;
        }
        d->has_rex = d->w = d->r = d->x = d->b = false;
    }
}

/* C4 or C5 was read: true if they begin a VEX prefix and not LES or LDS. */
static bool starts_vex(struct decoder *d)
{
    if (code64(d)) {
        return true;
    }
    if ((d->mode & (MODE_PE | MODE_V86)) != MODE_PE) {
        return false;
    }
    uint8_t next = fetch8(d);
    if (d->ran_out) {
        return false;
    }
    d->pos--;
    return next >= 0xc0;
}

/* The rest of a VEX prefix and the opcode. False if it is malformed. */
static bool fetch_vex(struct decoder *d, uint8_t first)
{
    bool bad = d->has_rex || d->size66 || d->rep != 0 || d->lock;
    uint8_t byte = fetch8(d);
    d->vex = true;
    d->r = !(byte & 0x80);
    d->map = M_V0F;
    if (first == 0xc4) {
        d->x = !(byte & 0x40);
        d->b = !(byte & 0x20);
        unsigned map = byte & 0x1f;
        bad |= map < 1 || map > 3;
        d->map = map == 2 ? M_V0F38 : map == 3 ? M_V0F3A : M_V0F;
        byte = fetch8(d);
        d->w = byte & 0x80;
    }
    d->vvvv = ~byte >> 3 & 15;
    d->l = byte >> 2 & 1;
    d->pp = byte & 3;
    if (!code64(d)) {
        d->b = false;
        d->vvvv &= 7;
    }
    d->opcode = fetch8(d);
    return !bad;
}

/* Opcode and map after the prefixes. False if #UD whatever follows. */
static bool fetch_opcode(struct decoder *d)
{
    uint8_t byte = fetch_prefixes(d);
    d->map = M_1;
    if (d->ran_out) {
        return true;
    }
    if ((byte == 0xc4 || byte == 0xc5) && starts_vex(d)) {
        return fetch_vex(d, byte);
    }
    if (byte == 0x0f) {
        d->map = M_0F;
        byte = fetch8(d);
        if (byte == 0x38 || byte == 0x3a) {
            d->map = byte == 0x38 ? M_0F38 : M_0F3A;
            byte = fetch8(d);
        }
    }
    d->opcode = byte;
    return true;
}

/* ---- choice of the row ---- */

static bool prefix_fits(const struct decoder *d, unsigned want)
{
    static const uint8_t vex_prefix[4] = { PX_NP, PX_66, PX_F3, PX_F2 };
    if (want == PX_ANY) {
        return true;
    }
    if (d->vex) {
        return vex_prefix[d->pp] == want;
    }
    unsigned have = d->rep == 0xf3 ? PX_F3 : d->rep == 0xf2 ? PX_F2 : d->size66 ? PX_66 : PX_NP;
    return have == want;
}

static bool ext_fits(const struct decoder *d, int ext)
{
    if (ext == EX_ANY) {
        return true;
    }
    if (ext >= EX_BYTE) {
        return d->modrm == ext - EX_BYTE;
    }
    if ((ext & 7) != (d->modrm >> 3 & 7)) {
        return false;
    }
    return ext < EX_MEM_0 || (ext >= EX_REG_0) == d->reg_form;
}

/* Index of the handlers for a row. */
static unsigned operand_size(const struct decoder *d, const struct op_row *row)
{
    if (d->vex) {
        return d->l;
    }
    if (code64(d)) {
        if (row->attr & AT_F64 || d->w) {
            return 2;
        }
        if (row->attr & AT_O64) {
            return 1;
        }
        if (row->attr & AT_D64) {
            return d->size66 ? 0 : 2;
        }
        return d->size66 ? 0 : 1;
    }
    if (row->attr & AT_O64) {
        return 1;
    }
    return !(d->mode & MODE_CODE32) != d->size66 ? 0 : 1;
}

static insn_fn *row_handler(const struct decoder *d, const struct op_row *row, unsigned osize)
{
    const struct op_handlers *h = row->handlers;
    if (d->lock) {
        insn_fn *mem = d->reg_form ? NULL : h->mem[osize];
        return mem == NULL ? NULL : row->attr & AT_LOCK_OK ? mem : h->lock[osize];
    }
    return d->reg_form ? h->reg[osize] : h->mem[osize];
}

/* Outside 64-bit mode VEX.W does not widen general registers: it is ignored where it would. */
static bool effective_w(const struct decoder *d, const struct op_row *row)
{
    if (!d->w || code64(d)) {
        return d->w;
    }
    if (row->map == M_V0F3A && (row->opcode & 0xfe) == 0x60) { /* lengths of VPCMPESTRx */
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        switch ((enum op_operand)row->operand[i]) {
        case O_Ey: case O_Gy: case O_By: case O_Ry: case O_Ed: case O_Eq: case O_Gd:
            return false;
        default:
            break;
        }
    }
    return true;
}

/* The shorter copy of a memory form where there is one and addresses are flat. */
static insn_fn *flat_handler(const struct decoder *d, const struct op_row *row, const struct insn *insn)
{
    const struct op_handlers *h = row->handlers;
    bool flat = insn->asize == 2 || (insn->asize == 1 && d->mode & MODE_FLAT && insn->seg != CS);
    if (d->reg_form || d->lock || !flat || insn->seg >= FS || d->mode & (MODE_SINGLE | MODE_ALIGN)) {
        return NULL;
    }
    return insn->index == REG_ZERO ? h->flat_b[d->osize] : h->flat_x[d->osize];
}

static bool row_fits(const struct decoder *d, const struct op_row *row)
{
    uint32_t attr = row->attr;
    if (attr & (code64(d) ? AT_NO64 : AT_ONLY64)) {
        return false;
    }
    if (attr & (AT_W0 | AT_W1) && attr & (effective_w(d, row) ? AT_W0 : AT_W1)) {
        return false;
    }
    if (d->vex && attr & (d->l ? AT_VL0 : AT_VL1)) {
        return false;
    }
    if ((attr & AT_NOV && d->vvvv != 0) || (attr & AT_NO_REP && d->rep != 0)) {
        return false;
    }
    /* Where a feature is missing, a plainer row may match: LZCNT is BSR to older CPUs. */
    return prefix_fits(d, row->prefix) && ext_fits(d, row->ext) &&
           (row->feature == X86_BASE || x86_has(d->cpuid, row->feature)) &&
           row_handler(d, row, operand_size(d, row)) != NULL;
}

static const struct op_row *find_row(struct decoder *d, const uint16_t *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (row_fits(d, &op_table[rows[i]])) {
            return &op_table[rows[i]];
        }
    }
    return NULL;
}

/* What the mode makes of a row: a handler that faults, or NULL. */
static insn_fn *condition_handler(uint32_t mode, uint32_t attr)
{
    bool v86 = mode & MODE_V86;
    if (attr & AT_PM && (!(mode & MODE_PE) || v86)) {
        return op_ud;
    }
    if ((attr & AT_V86_GP && v86) || (attr & AT_CPL0 && mode & MODE_CPL)) {
        return op_gp0;
    }
    if ((attr & AT_MMX && mode & MODE_FPU_EM) || (attr & AT_SSE && mode & MODE_SSE_UD) ||
        (attr & AT_AVX && mode & MODE_AVX_UD)) {
        return op_ud;
    }
    if ((attr & (AT_FPU | AT_MMX) && mode & MODE_FPU_NM) ||
        (attr & (AT_SSE | AT_AVX) && mode & MODE_SSE_NM) || (attr & AT_WAIT && mode & MODE_WAIT_NM)) {
        return op_nm;
    }
    return NULL;
}

/* ---- operands ---- */

static void decode_memory16(struct decoder *d, struct insn *insn)
{
    static const uint8_t bases[8] = { RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX };
    static const uint8_t indexes[8] = { RSI, RDI, RSI, RDI, REG_ZERO, REG_ZERO, REG_ZERO, REG_ZERO };
    unsigned mod = d->modrm >> 6, rm = d->modrm & 7;
    insn->base = bases[rm];
    insn->index = indexes[rm];
    if (mod == 0 && rm == 6) {
        insn->base = REG_ZERO;
        insn->disp = (uint16_t)fetch(d, 2);
    } else if (mod != 0) {
        insn->disp = fetch_signed(d, mod);
    }
    if (insn->base == RBP) {
        insn->seg = SS;
    }
}

static void decode_memory32(struct decoder *d, struct insn *insn, bool vsib)
{
    unsigned mod = d->modrm >> 6, rm = d->modrm & 7;
    insn->base = rm | d->b << 3;
    if (rm == 4) {
        uint8_t sib = fetch8(d);
        rm = sib & 7;
        insn->base = rm | d->b << 3;
        insn->scale = sib >> 6;
        unsigned index = (sib >> 3 & 7) | d->x << 3;
        if (vsib) {
            insn->rm = index;
        } else if (index != 4) {
            insn->index = index;
        }
    } else if (mod == 0 && rm == 5) {
        d->rip_relative = code64(d);
    }
    if (mod == 0 && rm == 5) {
        insn->base = REG_ZERO;
        insn->disp = fetch_signed(d, 4);
    } else if (mod != 0) {
        insn->disp = fetch_signed(d, mod == 1 ? 1 : 4);
    }
    if (insn->base == RSP || insn->base == RBP) {
        insn->seg = SS;
    }
}

/* Number of a byte register as byte offset into gpr[]. */
static uint8_t byte_register(const struct decoder *d, unsigned r)
{
    return r >= 4 && r < 8 && !d->has_rex ? (r - 4) * 8 + 1 : r * 8;
}

/* False if the operand cannot be. */
static bool decode_operand(struct decoder *d, struct insn *insn, enum op_operand operand)
{
    unsigned reg = (d->modrm >> 3 & 7) | d->r << 3;
    unsigned rm = (d->modrm & 7) | d->b << 3;
    unsigned word = d->osize == 0 ? 2 : 4;
    switch (operand) {
    case O_Gb:
        insn->reg = byte_register(d, reg);
        break;
    case O_Gw: case O_Gd: case O_Gv: case O_Gy: case O_Vx:
        insn->reg = reg;
        break;
    case O_Cd: /* #UD comes before the check of CPL */
        insn->reg = reg;
        return reg == 0 || (reg >= 2 && reg <= 4) || reg == 8;
    case O_Dd:
        insn->reg = reg;
        return reg < 8;
    case O_Sw:
        insn->reg = reg & 7;
        return insn->reg < 6;
    case O_Pq:
        insn->reg = reg & 7;
        break;
    case O_Zb:
        insn->reg = byte_register(d, (d->opcode & 7) | d->b << 3);
        break;
    case O_Zv:
        insn->reg = (d->opcode & 7) | d->b << 3;
        break;
    case O_Eb:
        insn->rm = d->reg_form ? byte_register(d, rm) : 0;
        break;
    case O_Nq: case O_Qq: case O_Qd: case O_STi:
        insn->rm = rm & 7;
        break;
    case O_Ib:
        insn->imm = fetch8(d);
        break;
    case O_Lx:
        insn->imm = fetch8(d) & (code64(d) ? 0xff : 0x7f);
        break;
    case O_Ibs:
        insn->imm = fetch_signed(d, 1);
        break;
    case O_Iw:
        insn->imm = fetch(d, 2);
        break;
    case O_Iz:
        insn->imm = fetch_signed(d, word);
        break;
    case O_Iv:
        insn->imm = fetch_signed(d, d->osize == 2 ? 8 : word);
        break;
    case O_I1:
        insn->imm = 1;
        break;
    case O_Iwb:
        insn->imm = fetch(d, 2);
        insn->imm |= (uint64_t)fetch8(d) << 16;
        break;
    case O_Jb:
        insn->imm = fetch_signed(d, 1);
        break;
    case O_Jz:
        insn->imm = fetch_signed(d, word);
        break;
    case O_Ap:
        insn->imm = fetch(d, word);
        insn->imm |= fetch(d, 2) << 32;
        break;
    case O_Ob: case O_Ov:
        insn->imm = fetch(d, 2u << d->asize);
        break;
    default:
        break;
    }
    return true;
}

/* Relative branches and RIP-relative operands are counted from the end of the instruction in the encoding, from
 * the start of the trace in the record. */
static void relocate(const struct decoder *d, struct insn *insn, const struct op_row *row)
{
    if (row->operand[0] == O_Jb || row->operand[0] == O_Jz) {
        insn->imm += insn->off + insn->len;
    }
    if (d->rip_relative) {
        int64_t disp = (int64_t)insn->disp + insn->off + insn->len;
        insn->base = REG_RIP0;
        if (disp > INT32_MAX) {
            insn->index = REG_4G;
            disp -= 1ll << 32;
        }
        insn->disp = disp;
    }
}

static void decode_operands(struct decoder *d, struct insn *insn, const struct op_row *row, bool has_modrm,
                            bool *bad)
{
    insn->seg = DS;
    insn->base = insn->index = REG_ZERO;
    insn->asize = d->asize;
    insn->vreg = d->vex ? d->vvvv : code64(d) ? 2 : d->mode & MODE_STACK32 ? 1 : 0;
    if (has_modrm) {
        insn->reg = (d->modrm >> 3 & 7) | d->r << 3;
        insn->rm = d->reg_form ? (d->modrm & 7) | d->b << 3 : 0;
        if (!d->reg_form) {
            if (d->asize == 0) {
                decode_memory16(d, insn);
            } else {
                decode_memory32(d, insn, row->attr & AT_VSIB);
            }
        }
    }
    if (d->seg >= 0) {
        insn->seg = d->seg;
    }
    for (unsigned i = 0; i < 4 && row->operand[i] != O_NONE; i++) {
        if (row->attr & AT_VSIB && row->operand[i] != O_Vx) {
            continue;
        }
        *bad |= !decode_operand(d, insn, row->operand[i]);
    }
}

static const struct op_row *invalid(struct insn *insn, insn_fn *fn, unsigned len)
{
    insn->fn = fn;
    insn->len = len;
    return NULL;
}

static const struct op_row *finish(struct decoder *d, struct insn *insn, const struct op_row *row, bool bad,
                                   bool *more)
{
    if (d->ran_out) {
        /* With all 15 bytes seen it is too long. */
        *more = d->avail < INSN_MAX;
        return invalid(insn, op_gp0, d->pos);
    }
    if (bad) {
        return invalid(insn, op_ud, d->pos);
    }
    insn->len = d->pos;
    relocate(d, insn, row);
    insn_fn *fault = condition_handler(d->mode, row->attr);
    insn_fn *flat = flat_handler(d, row, insn);
    insn->fn = fault != NULL ? fault : flat != NULL ? flat : row_handler(d, row, d->osize);
    return row;
}

static unsigned address_size(const struct decoder *d)
{
    if (code64(d)) {
        return d->size67 ? 1 : 2;
    }
    return !(d->mode & MODE_CODE32) != d->size67 ? 0 : 1;
}

const struct op_row *decode_insn_indexed(const struct op_index *index, struct insn *insn, const uint8_t *code,
                                         unsigned avail, uint32_t mode, const struct x86_cpuid *cpuid,
                                         bool *more)
{
    struct decoder d = { .code = code, .avail = avail, .mode = mode, .cpuid = cpuid, .seg = -1 };
    uint16_t scan[OP_CANDIDATES_MAX];
    const uint16_t *rows = scan;
    unsigned count;
    bool has_modrm = false;

    *more = false;
    *insn = (struct insn){ .off = insn->off, .n = insn->n };
    bool bad = !fetch_opcode(&d);
    if (d.ran_out || bad) {
        return finish(&d, insn, NULL, bad, more);
    }
    if (index != NULL) {
        unsigned slot = d.map * 256 + d.opcode;
        rows = &index->row[index->first[slot]];
        count = index->first[slot + 1] - index->first[slot];
        has_modrm = index->modrm[slot];
    } else {
        count = op_candidates(d.map, d.opcode, scan);
        for (unsigned i = 0; i < count; i++) {
            has_modrm |= op_row_has_modrm(&op_table[rows[i]]);
        }
    }
    d.reg_form = true;
    if (has_modrm) {
        d.modrm = fetch8(&d);
        /* MOV to and from control and debug registers ignores the mode bits. */
        d.reg_form = d.modrm >= 0xc0 || (d.map == M_0F && (d.opcode & 0xfc) == 0x20);
        if (d.ran_out) {
            return finish(&d, insn, NULL, false, more);
        }
    }
    const struct op_row *row = find_row(&d, rows, count);
    if (row == NULL) {
        return invalid(insn, op_ud, d.pos);
    }
    d.osize = operand_size(&d, row);
    d.asize = address_size(&d);
    decode_operands(&d, insn, row, has_modrm, &bad);
    return finish(&d, insn, row, bad, more);
}

const struct op_row *decode_insn(struct insn *insn, const uint8_t *code, unsigned avail, uint32_t mode,
                                 const struct x86_cpuid *cpuid, bool *more)
{
    return decode_insn_indexed(NULL, insn, code, avail, mode, cpuid, more);
}
