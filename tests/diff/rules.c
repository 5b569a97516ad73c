/*
 * What user mode on this host cannot show, and what the manuals leave open. Every entry has its reason.
 */
#include "accel/interp/fpu.h"
#include "tests/diff/diff.h"

/* ---- not run ---- */

static const struct {
    const char *name, *reason;
} not_run[] = {
    { "rdtsc", "time" }, { "rdtscp", "time" }, { "rdpmc", "kernel's CR4.PCE and counters" },
    { "rdrand", "random" }, { "rdseed", "random" }, { "rdpid", "kernel's TSC_AUX" },
    { "cpuid", "the guest's is configured" }, { "xgetbv", "the host's XCR0 has more components" },
    { "syscall", "enters the kernel" }, { "sysenter", "enters the kernel" },
    { "sysexit", "maker-dependent in compatibility mode" }, { "sysret", "maker-dependent in compatibility mode" },
    { "sgdt", "UMIP, emulated by the kernel" }, { "sidt", "UMIP, emulated by the kernel" },
    { "sldt", "UMIP, emulated by the kernel" }, { "str", "UMIP, emulated by the kernel" },
    { "smsw", "UMIP, emulated by the kernel" },
    { "rdfsbase", "FS is the C library's" }, { "wrfsbase", "FS is the C library's" },
    { "pop fs", "FS is the C library's" }, { "lfs", "FS is the C library's" },
    { "xsave", "XSTATE_BV follows the host's XINUSE and XCR0; see test_xsave" },
    { "xsaveopt", "the host's modified optimisation; see test_xsave" },
    { "xsavec", "XCOMP_BV follows the host's XCR0; see test_xsave" },
    { "xrstor", "the header depends on XCR0; see test_xsave" },
    { "monitor", "CPL 0 on this maker" }, { "mwait", "CPL 0 on this maker" },
    { "int1", "the hypervisor reports it as a fault" },
};

static bool has_operand(const struct op_row *row, unsigned operand)
{
    return row->operand[0] == operand || row->operand[1] == operand;
}

const char *rule_not_run(const struct op_row *row, unsigned bits, unsigned size)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(not_run); i++) {
        if (strcmp(not_run[i].name, row->mnemonic) == 0) {
            return not_run[i].reason;
        }
    }
    if (strcmp(row->mnemonic, "bswap") == 0 && size == SIZE_66) {
        return "BSWAP of 16 bits is undefined";
    }
    if (row->map == M_V0F3A && (row->opcode == 0x16 || row->opcode == 0x22) && bits == 32 && size == SIZE_W) {
        return "VEX.W is ignored here outside 64-bit mode (SDM), #UD on some hosts";
    }
    bool near = (row->attr & AT_F64 && !(row->attr & AT_CPL0)) || has_operand(row, O_Jb) || has_operand(row, O_Jz);
    if (near && size == SIZE_66 && row->map < M_V0F && row->prefix == PX_ANY) {
        return "near branch with 66: makers differ in 64-bit mode, below 64 KiB in 32-bit mode";
    }
    if ((has_operand(row, O_Ap) || has_operand(row, O_Mp) || strcmp(row->mnemonic, "retf") == 0 ||
         strcmp(row->mnemonic, "iret") == 0) &&
        row->attr & AT_END && (size == SIZE_66 || (bits == 64 && size == SIZE_W && has_operand(row, O_Mp)))) {
        return "far transfer with 66 goes below 64 KiB; with REX.W makers differ";
    }
    if (row->operand[0] == O_Mp || row->operand[1] == O_Mp) {
        if (bits == 64 && size == SIZE_W) {
            return "makers differ in far pointers of 80 bits";
        }
    }
    return NULL;
}

/* ---- undefined flags: SDM volume 2, "Flags Affected" of each instruction ---- */

#define FLAGS_SZAP (FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF)
static const struct {
    const char *name;
    uint32_t flags;
} undefined[] = {
    { "and", FLAG_AF }, { "or", FLAG_AF }, { "xor", FLAG_AF }, { "test", FLAG_AF },
    { "mul", FLAGS_SZAP }, { "imul", FLAGS_SZAP }, { "div", FLAGS_STATUS }, { "idiv", FLAGS_STATUS },
    { "bt", FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF }, { "bts", FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF },
    { "btr", FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF }, { "btc", FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF },
    { "bsf", FLAGS_STATUS & ~FLAG_ZF }, { "bsr", FLAGS_STATUS & ~FLAG_ZF },
    { "tzcnt", FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF }, { "lzcnt", FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF },
    { "andn", FLAG_AF | FLAG_PF }, { "bextr", FLAG_AF | FLAG_PF | FLAG_SF }, { "blsr", FLAG_AF | FLAG_PF },
    { "blsi", FLAG_AF | FLAG_PF }, { "blsmsk", FLAG_AF | FLAG_PF }, { "bzhi", FLAG_AF | FLAG_PF },
    { "rol", FLAG_OF }, { "ror", FLAG_OF }, { "rcl", FLAG_OF }, { "rcr", FLAG_OF },
    { "shl", FLAG_OF | FLAG_AF | FLAG_CF }, { "shr", FLAG_OF | FLAG_AF | FLAG_CF },
    { "sar", FLAG_OF | FLAG_AF }, { "shld", FLAG_OF | FLAG_AF }, { "shrd", FLAG_OF | FLAG_AF },
    { "daa", FLAG_OF }, { "das", FLAG_OF }, { "aaa", FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF },
    { "aas", FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF }, { "aam", FLAG_OF | FLAG_AF | FLAG_CF },
    { "aad", FLAG_OF | FLAG_AF | FLAG_CF },
};

static unsigned shift_count(const struct diff_case *c)
{
    bool by_cl = c->row->operand[1] == O_CL || c->row->operand[2] == O_CL;
    unsigned count = by_cl ? c->start.gpr[RCX] & 0xff : c->row->operand[1] == O_I1 ? 1 : c->insn.imm & 0xff;
    return count & (c->form->size == SIZE_W ? 63 : 31);
}

uint32_t rule_undefined_flags(const struct diff_case *c)
{
    const char *name = c->row->mnemonic;
    uint32_t flags = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(undefined); i++) {
        if (strcmp(undefined[i].name, name) == 0) {
            flags = undefined[i].flags;
        }
    }
    bool shifts = flags & FLAG_OF && (name[0] == 'r' || name[0] == 's');
    if (shifts && shift_count(c) <= 1) {
        flags &= shift_count(c) == 0 ? 0 : FLAG_AF; /* by one defines OF and CF, by zero changes nothing */
    } else if (shifts && flags & FLAG_CF) {
        bool byte = c->row->operand[0] == O_Eb;
        unsigned width = byte ? 8 : c->form->size == SIZE_66 ? 16 : 32;
        flags &= shift_count(c) < width || c->form->size == SIZE_W ? ~FLAG_CF : ~0u;
    }
    return flags;
}

/* Makers differ in whether FCOMI clears C1. */
uint16_t rule_undefined_fsw(const struct diff_case *c)
{
    return strstr(c->row->mnemonic, "comi") != NULL && c->row->attr & AT_FPU ? FSW_C1 : 0;
}

bool rule_incomparable(const struct diff_case *c)
{
    const char *name = c->row->mnemonic;
    uint32_t mxcsr;
    memcpy(&mxcsr, c->start.fx + FX_MXCSR, 4);
    /* SHLD and SHRD of 16 bits by more than 16. */
    if ((strcmp(name, "shld") == 0 || strcmp(name, "shrd") == 0) && c->form->size == SIZE_66) {
        return shift_count(c) > 16;
    }
    /* A repeat prefix selects the condition of LOOPE and LOOPNE on some hosts; reserved in the SDM. */
    if (g_str_has_prefix(name, "loop") && (memchr(c->code, 0xf3, 3) != NULL || memchr(c->code, 0xf2, 3) != NULL)) {
        return true;
    }
    /* FS is the C library's. */
    if (has_operand(c->row, O_Sw) && c->row->operand[0] == O_Sw && c->insn.reg == FS) {
        return true;
    }
    /* SHA with an unaligned operand: #GP in the SDM (type 4), none on some hosts. */
    if (c->row->feature == X86_SHA && c->ea & 15) {
        return true;
    }
    /* The interpreter reports the flags of all steps of DPPS at once. */
    if (strstr(name, "dpp") != NULL && (mxcsr & 0x1f80) != 0x1f80) {
        return true;
    }
    return false;
}

/* #UD in the SDM, but some hosts take them: VERW with LOCK; VPERMQ and VPERMPD with W = 0; and of what a newer
 * host has and the model has not: VAES and VPCLMULQDQ, with L = 1. */
bool rule_lenient(const struct op_row *row)
{
    static const char *const names[] = { "verr", "verw", "vpermq", "vpermpd" };
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], row->mnemonic) == 0) {
            return true;
        }
    }
    return row->feature == X86_AES || row->feature == X86_PCLMULQDQ;
}

/* ---- implementation-defined results ---- */

static void clear(struct diff_state *host, struct diff_state *guest, const struct diff_case *c, unsigned at,
                  unsigned size)
{
    uint64_t offset = c->ea - BENCH_DATA + at;
    if (offset < DATA_SIZE && size <= DATA_SIZE - offset) {
        memset(host->data + offset, 0, size);
        memset(guest->data + offset, 0, size);
    }
}

/* FOP, FIP and FDP: makers differ in when they store them, and in the selectors. FXSAVE: reserved bytes and
 * MXCSR_MASK too. */
static void clear_pointers(struct diff_state *host, struct diff_state *guest, const struct diff_case *c)
{
    bool word = c->form->size == SIZE_66;
    if (strcmp(c->row->mnemonic, "fxsave") == 0) {
        clear(host, guest, c, 6, 18);
        clear(host, guest, c, 28, 4);
    } else if (strcmp(c->row->mnemonic, "fnstenv") == 0 || strcmp(c->row->mnemonic, "fnsave") == 0) {
        clear(host, guest, c, word ? 6 : 12, word ? 8 : 16);
    }
}

void rule_adjust(const struct diff_case *c, struct diff_state *host, struct diff_state *guest)
{
    uint32_t mxcsr;
    memcpy(&mxcsr, c->start.fx + FX_MXCSR, 4);
    /* With overflow or underflow unmasked the guest may report PE too often. */
    if (host->vector == EXC_XM && (mxcsr & 0xc00) != 0xc00) {
        host->fx[FX_MXCSR] |= guest->fx[FX_MXCSR] & 0x20;
        guest->fx[FX_MXCSR] |= host->fx[FX_MXCSR] & 0x20;
    }
    /* A faulting instruction of MMX and SSE together has entered MMX state, or has not. */
    if (host->vector == EXC_XM && c->row->attr & AT_MMX) {
        memcpy(guest->fx, host->fx, 5);
        memcpy(guest->fx + FX_ST, host->fx + FX_ST, 128);
    }
    /* LAR: bits 16 to 19 are undefined. */
    if (strcmp(c->row->mnemonic, "lar") == 0 && c->insn.reg <= R15 && c->form->size != SIZE_66) {
        host->gpr[c->insn.reg] &= ~0xf0000ull;
        guest->gpr[c->insn.reg] &= ~0xf0000ull;
    }
    /* FCOMI that raises an unmasked exception: makers differ in whether it writes the flags. */
    if (rule_undefined_fsw(c) != 0 && host->fx[FX_FSW] & 0x80) {
        guest->rflags = host->rflags;
    }
    clear_pointers(host, guest, c);
}
