/*
 * Random instructions on both sides. An instruction is made by taking a row of op_table, putting random
 * prefixes before and random bytes behind the opcode, and asking the decoder what it is; then the registers of
 * its memory operand are set so that it lies in the data pages. Flags that the SDM calls undefined are not
 * compared.
 */
#include "tests/support/diff_integer.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "accel/interp/decode.h"
#include "accel/interp/flags.h"
#include "tests/support/interp_bench.h"

#define MODE64 (MODE_CODE64 | MODE_PE | MODE_LMA | MODE_STACK32 | MODE_CPL)
#define MODE32 (MODE_CODE32 | MODE_PE | MODE_STACK32 | MODE_CPL)
#define SHOWN 20

struct sample {
    const struct op_row *row;
    uint8_t code[16];
    unsigned size;
    struct insn insn;
    struct native_regs regs;
};

struct diff {
    struct interp_bench bench;
    GRand *random;
    uint8_t data[BENCH_DATA_SIZE];
    const char *only;
    unsigned bits;
};

static uint64_t random64(struct diff *d)
{
    static const uint64_t corner[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
                                       0xffffffff, INT64_MAX, 1ull << 63, UINT64_MAX };
    uint64_t v = (uint64_t)g_rand_int(d->random) << 32 | g_rand_int(d->random);
    switch (g_rand_int_range(d->random, 0, 4)) {
    case 0:
        return corner[v % G_N_ELEMENTS(corner)];
    case 1:
        return v & 0xff;
    default:
        return v;
    }
}

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(name, *list) == 0) {
            return true;
        }
    }
    return false;
}

/* Not comparable in user mode, or of other parts. */
static bool excluded(const struct op_row *row, unsigned bits)
{
    static const char *const names[] = { "call", "ret", "jmp", "loop", "loope", "loopne", "jcxz", "popf",
                                         "pushf", NULL };
    const char *n = row->mnemonic;
    return (n[0] == 'j') || is_one_of(n, names) ||
           row->attr & (AT_FPU | AT_MMX | AT_SSE | AT_AVX | AT_CPL0 | AT_WAIT | AT_VSIB |
                        (bits == 64 ? AT_NO64 : AT_ONLY64));
}

/* Rows of opcodes_integer.def only: the mnemonics of all others have other tests. */
static bool is_integer(const struct op_row *row)
{
    static const char *const first[] = {
#define OP(map, opcode, prefix, ext, mnemonic, a, b, c, d, attr, feature, handlers) mnemonic,
#define OP8 OP
#include "accel/interp/opcodes_integer.def"
#undef OP
#undef OP8
        NULL
    };
    return row < op_table + G_N_ELEMENTS(first) * 8 && is_one_of(row->mnemonic, first) &&
           row->operand[0] != O_Sw && row->operand[1] != O_Sw && row->operand[0] != O_Cd &&
           row->operand[1] != O_Cd && row->operand[0] != O_Dd && row->operand[1] != O_Dd;
}

static void random_code(struct diff *d, struct sample *s)
{
    static const uint8_t leads[OP_MAPS][3] = { { 0 }, { 1, 0x0f }, { 2, 0x0f, 0x38 }, { 2, 0x0f, 0x3a } };
    const struct op_row *row = s->row;
    unsigned n = 0;
    uint8_t *c = s->code;
    bool w = g_rand_boolean(d->random);
    for (unsigned i = 0; i < sizeof(s->code); i++) {
        c[i] = g_rand_int(d->random);
    }
    if (row->map >= M_V0F) {
        static const uint8_t pp[] = { 0, 0, 1, 2, 3 };
        c[n++] = 0xc4;
        c[n] = (c[n] & 0xe0) | (d->bits == 32 ? 0xc0 : 0) | (row->map - M_V0F + 1);
        n++;
        c[n] = (c[n] & 0x78) | pp[row->prefix] | (row->attr & AT_W1 ? 0x80 : 0) |
               (row->attr & AT_NOV ? 0x78 : 0);
        n++;
    } else {
        if (row->prefix == PX_66 || g_rand_int_range(d->random, 0, 4) == 0) {
            c[n++] = 0x66;
        }
        if (d->bits == 64 && g_rand_int_range(d->random, 0, 8) == 0) {
            c[n++] = 0x67;
        }
        if (row->prefix == PX_F3 || row->prefix == PX_F2) {
            c[n++] = row->prefix == PX_F3 ? 0xf3 : 0xf2;
        } else if (g_rand_int_range(d->random, 0, 8) == 0) {
            c[n++] = 0xf0;
        }
        if (d->bits == 64 && g_rand_boolean(d->random)) {
            c[n] = 0x40 | (c[n] & 7) | (w ? 8 : 0);
            n++;
        }
        memcpy(c + n, leads[row->map] + 1, leads[row->map][0]);
        n += leads[row->map][0];
    }
    c[n++] = row->opcode;
    if (strcmp(row->mnemonic, "enter") == 0) {
        c[n + 1] = 0; /* not far below the data */
        c[n + 2] &= 0xe3;
    }
    if (row->ext >= 0 && row->ext < 0x100) {
        c[n] = (c[n] & 0xc7) | (row->ext & 7) << 3;
    }
}

static uint64_t data_address(struct diff *d)
{
    return BENCH_DATA + 64 + g_rand_int_range(d->random, 0, BENCH_DATA_SIZE - 256);
}

/* Registers so that the operand lies in the data pages. False if it cannot. */
static bool aim(struct diff *d, struct sample *s)
{
    struct insn *insn = &s->insn;
    uint64_t *gpr = s->regs.gpr;
    const char *name = s->row->mnemonic;
    uint64_t mask = address_mask[insn->asize];
    gpr[RSP] = data_address(d) & ~7ull;
    gpr[RSI] = data_address(d);
    gpr[RDI] = data_address(d);
    if (strstr(name, "movs") != NULL || strstr(name, "cmps") != NULL || strstr(name, "scas") != NULL ||
        strstr(name, "stos") != NULL || strstr(name, "lods") != NULL) {
        if (s->row->operand[0] != O_Gv) {
            gpr[RCX] = g_rand_int_range(d->random, 0, 8);
        }
    }
    if (strcmp(name, "leave") == 0 || strcmp(name, "enter") == 0) {
        gpr[RBP] = data_address(d);
    }
    if (strcmp(name, "xlat") == 0) {
        gpr[RBX] = data_address(d) & ~0xffull;
    }
    if (s->row->operand[0] == O_Ob || s->row->operand[0] == O_Ov || s->row->operand[1] == O_Ob ||
        s->row->operand[1] == O_Ov) {
        return false;
    }
    bool memory = insn->base != REG_ZERO || insn->index != REG_ZERO || insn->disp != 0;
    if (!memory || strcmp(name, "lea") == 0) {
        return true;
    }
    if (insn->base > R15 || insn->base == insn->index) {
        return false;
    }
    /* BT with a register reaches far: bring the offset near. */
    if (name[0] == 'b' && name[1] == 't' && s->row->operand[1] == O_Gv) {
        gpr[insn->reg] = (uint64_t)((int64_t)(gpr[insn->reg] & 0x3ff) - 0x100);
        if (insn->reg == insn->base || insn->reg == insn->index) {
            return false;
        }
    }
    if (insn->index <= R15) {
        gpr[insn->index] &= 0x7fffffff;
    }
    uint64_t rest = insn->index <= R15 ? gpr[insn->index] << insn->scale : 0;
    uint64_t target = data_address(d);
    if (insn->base == RSP && strcmp(name, "pop") == 0) {
        return false;
    }
    if (insn->asize == 0) {
        return false;
    }
    gpr[insn->base] = (target - rest - (int64_t)insn->disp) & mask;
    return insn->base != RSP || strcmp(name, "push") != 0;
}

static uint32_t undefined_flags(const struct sample *s)
{
    static const struct {
        const char *name;
        uint32_t flags;
    } table[] = {
        { "and", FLAG_AF }, { "or", FLAG_AF }, { "xor", FLAG_AF }, { "test", FLAG_AF },
        { "mul", FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF }, { "imul", FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF },
        { "mulx", 0 }, { "div", FLAGS_STATUS }, { "idiv", FLAGS_STATUS },
        { "bt", FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF }, { "bts", FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF },
        { "btr", FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF }, { "btc", FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF },
        { "bsf", FLAGS_STATUS & ~FLAG_ZF }, { "bsr", FLAGS_STATUS & ~FLAG_ZF },
        { "tzcnt", FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF }, { "lzcnt", FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF },
        { "andn", FLAG_AF | FLAG_PF }, { "bextr", FLAG_AF | FLAG_PF | FLAG_SF }, { "blsr", FLAG_AF | FLAG_PF },
        { "blsi", FLAG_AF | FLAG_PF }, { "blsmsk", FLAG_AF | FLAG_PF }, { "bzhi", FLAG_AF | FLAG_PF },
        { "rol", FLAG_OF }, { "ror", FLAG_OF }, { "rcl", FLAG_OF }, { "rcr", FLAG_OF },
        { "shl", FLAG_OF | FLAG_AF | FLAG_CF }, { "shr", FLAG_OF | FLAG_AF | FLAG_CF },
        { "daa", FLAG_OF }, { "das", FLAG_OF }, { "aaa", FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF },
        { "aas", FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF }, { "aam", FLAG_OF | FLAG_AF | FLAG_CF },
        { "aad", FLAG_OF | FLAG_AF | FLAG_CF },
        { "sar", FLAG_OF | FLAG_AF }, { "shld", FLAG_OF | FLAG_AF }, { "shrd", FLAG_OF | FLAG_AF },
    };
    const char *name = s->row->mnemonic;
    uint32_t flags = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        if (strcmp(table[i].name, name) == 0) {
            flags = table[i].flags;
        }
    }
    bool by_cl = s->row->operand[1] == O_CL || s->row->operand[2] == O_CL;
    unsigned count = by_cl ? s->regs.gpr[RCX] & 0xff : s->insn.imm & 0xff;
    if (flags & FLAG_OF && strchr("rs", name[0]) != NULL && (count & 31) == 1 &&
        (count & 63) == 1) {
        flags &= FLAG_AF; /* shifts by one define OF and CF */
    }
    return flags;
}

static bool make_sample(struct diff *d, struct sample *s)
{
    bool more;
    memset(s, 0, sizeof(*s));
    s->row = &op_table[g_rand_int_range(d->random, 0, op_table_size)];
    if (excluded(s->row, d->bits) || !is_integer(s->row) ||
        (d->only != NULL && strcmp(s->row->mnemonic, d->only) != 0)) {
        return false;
    }
    random_code(d, s);
    if (decode_insn(&s->insn, s->code, 15, d->bits == 64 ? MODE64 : MODE32, &d->bench.cpuid, &more) != s->row) {
        return false;
    }
    s->size = s->insn.len;
    for (unsigned i = 0; i < 16; i++) {
        s->regs.gpr[i] = d->bits == 64 ? random64(d) : (uint32_t)random64(d);
    }
    s->regs.rflags = FLAG_1 | FLAG_IF | (random64(d) & (FLAGS_STATUS | FLAG_DF));
    if (!aim(d, s)) {
        return false;
    }
    /* SHLD and SHRD of 16 bits by more than 16 are undefined through and through. */
    if (strncmp(s->row->mnemonic, "sh", 2) == 0 && strlen(s->row->mnemonic) == 4 &&
        memchr(s->code, 0x66, 4) != NULL) {
        unsigned count = s->row->operand[2] == O_CL ? s->regs.gpr[RCX] : s->insn.imm;
        return (count & 31) <= 16;
    }
    return true;
}

/* Executes in the interpreter, by single steps or by running into a HLT. False if it faulted. */
static bool run_interp(struct diff *d, const struct sample *s, struct native_regs *out)
{
    struct cpu *cpu = d->bench.cpu;
    bool by_step = g_rand_boolean(d->random);
    enum vcpu_exit reason = VCPU_DEBUG;
    interp_bench_code(&d->bench, BENCH_CODE, s->code, s->size);
    interp_bench_code(&d->bench, BENCH_CODE + s->size, "\xf4", 1);
    memcpy(interp_bench_at(&d->bench, BENCH_DATA), d->data, BENCH_DATA_SIZE);
    memcpy(cpu->gpr, s->regs.gpr, sizeof(s->regs.gpr));
    cpu_set_rflags(cpu, s->regs.rflags & ~(uint64_t)FLAG_IF);
    cpu->rip = BENCH_CODE;
    if (by_step) {
        for (unsigned i = 0; i < 1000 && cpu->rip == BENCH_CODE && reason == VCPU_DEBUG; i++) {
            reason = interp_step(cpu);
        }
    } else {
        reason = interp_run(cpu, 1000);
    }
    cpu->triple_fault = false;
    cpu->s.activity = X86_ACTIVE;
    memcpy(out->gpr, cpu->gpr, sizeof(out->gpr));
    out->rflags = cpu_rflags(cpu) | FLAG_IF;
    return reason == (by_step ? VCPU_DEBUG : VCPU_HALTED) && cpu->rip == BENCH_CODE + s->size + !by_step;
}

static void show(const struct sample *s, const struct native_regs *a, const struct native_regs *b, int number,
                 bool ok, bool memory)
{
    fprintf(stderr, "%s:", s->row->mnemonic);
    for (unsigned i = 0; i < s->size; i++) {
        fprintf(stderr, " %02x", s->code[i]);
    }
    fprintf(stderr, "  signal %d, interpreter %s%s\n", number, ok ? "ok" : "faulted",
            memory ? ", memory differs" : "");
    if (number != 0 || !ok) {
        return;
    }
    for (unsigned i = 0; i < 16; i++) {
        if (a->gpr[i] != b->gpr[i]) {
            fprintf(stderr, "  r%u: before %" PRIx64 ", host %" PRIx64 ", interpreter %" PRIx64 "\n", i,
                    s->regs.gpr[i], a->gpr[i], b->gpr[i]);
        }
    }
    fprintf(stderr, "  flags: before %" PRIx64 ", host %" PRIx64 ", interpreter %" PRIx64 "\n",
            s->regs.rflags, a->rflags, b->rflags);
}

/* True if both agree. */
static bool compare(struct diff *d, const struct sample *s, bool print, bool *comparable)
{
    struct native_regs host = s->regs, guest;
    memcpy((void *)BENCH_DATA, d->data, BENCH_DATA_SIZE);
    int number = d->bits == 64 ? native_run(&host, s->code, s->size) : native_run32(&host, s->code, s->size);
    *comparable = number != SIGILL || s->row->feature == X86_BASE;
    if (!*comparable) {
        return true;
    }
    bool ok = run_interp(d, s, &guest);
    for (unsigned i = 0; d->bits == 32 && i < 16; i++) {
        host.gpr[i] = i < 8 ? (uint32_t)host.gpr[i] : 0;
        guest.gpr[i] = i < 8 ? (uint32_t)guest.gpr[i] : 0;
    }
    bool same = ok == (number == 0), memory = false;
    if (same && ok) {
        uint32_t flags = (FLAGS_STATUS | FLAG_DF) & ~undefined_flags(s);
        memory = memcmp((void *)BENCH_DATA, interp_bench_at(&d->bench, BENCH_DATA), BENCH_DATA_SIZE) != 0;
        same = !memory && memcmp(host.gpr, guest.gpr, sizeof(host.gpr)) == 0 &&
               ((host.rflags ^ guest.rflags) & flags) == 0;
    }
    if (!same && print) {
        show(s, &host, &guest, number, ok, memory);
    }
    return same;
}

unsigned diff_integer(unsigned bits, uint32_t seed, unsigned count, const char *only, unsigned *tried)
{
    struct diff d = { .random = g_rand_new_with_seed(seed), .only = only, .bits = bits };
    unsigned bad = 0, attempts = 0;
    *tried = 0;
    interp_bench_begin(&d.bench, bits);
    if (native_begin()) {
        while (*tried < count && attempts++ < count * 100) {
            struct sample s;
            bool comparable;
            if (!make_sample(&d, &s)) {
                continue;
            }
            for (unsigned i = 0; i < 16; i++) {
                uint32_t v = g_rand_int(d.random);
                memcpy(d.data + g_rand_int_range(d.random, 0, BENCH_DATA_SIZE - 4), &v, sizeof(v));
            }
            bad += !compare(&d, &s, bad < SHOWN, &comparable);
            *tried += comparable;
        }
        native_end();
    }
    interp_bench_end(&d.bench);
    g_rand_free(d.random);
    return bad;
}
