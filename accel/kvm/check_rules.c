/*
 * What can be compared. Left out are instructions that reach devices, tell the time, show the trap flag that single
 * step sets on hardware, or change what a single step does; and modes that this KVM does not have. Flags that the SDM
 * (volume 2, "Flags Affected") leaves undefined need not be equal.
 */
#include <string.h>

#include "accel/interp/tlb.h"
#include "accel/kvm/check_impl.h"
#include "core/bus.h"

static bool is_code_memory(const struct bus *memory, uint64_t physical)
{
    const struct flat_range *range = bus_find(memory, physical);
    return range != NULL && range->region->kind != REGION_IO;
}

/* Machine thread; the flat view does not change while its CPUs stand still, but reading needs the lock. */
static unsigned fetch(struct check_cpu *k, const struct x86_state *state)
{
    struct machine *machine = k->kvm->engine->machine;
    uint64_t linear = state->seg[CS].base + state->rip, physical = 0;
    unsigned n;
    if ((state->seg[CS].attr & SEG_L) == 0) {
        linear &= 0xffffffff;
    }
    lock_acquire(&machine->lock);
    for (n = 0; n < sizeof(k->insn.code);) {
        unsigned left = 0x1000 - ((linear + n) & 0xfff), size = MIN(left, sizeof(k->insn.code) - n);
        if (!pagewalk_probe(k->cpu, linear + n, &physical) || !is_code_memory(machine->memory, physical)) {
            break;
        }
        bus_read_bytes(machine->memory, physical, &k->insn.code[n], size, false);
        n += size;
    }
    lock_release(&machine->lock);
    return n;
}

static bool has_operand(const struct op_row *row, unsigned operand)
{
    return row->operand[0] == operand || row->operand[1] == operand;
}

static bool is_one_of(const char *name, const char *const *names)
{
    return g_strv_contains(names, name);
}

static const char *instruction_obstacle(const struct check_cpu *k, const struct op_row *row)
{
    static const char *const device[] = { "in", "out", "ins", "outs", "rep ins", "rep outs", "hlt", "monitor", "mwait",
                                          NULL };
    static const char *const time[] = { "rdtsc", "rdtscp", "rdpmc", "rdrand", "rdseed", NULL };
    static const char *const system[] = { "rdmsr", "wrmsr", "rdpid", "lidt", "lmsw", "rsm", "xsetbv", "swapgs", NULL };
    static const char *const flow[] = { "pushf", "popf", "iret", "int", "int3", "int1", "into", "syscall", "sysret",
                                        "sysenter", "sysexit", NULL };
    static const char *const image[] = { "fxsave", "fxrstor", "fnsave", "fnstenv", "frstor", "fldenv", "xsave",
                                         "xsaveopt", "xsavec", "xrstor", NULL };
    const char *name = row->mnemonic;
    if (is_one_of(name, device)) {
        return "devices";
    }
    if (is_one_of(name, time)) {
        return "time and chance";
    }
    if (is_one_of(name, system) || has_operand(row, O_Dd) || has_operand(row, O_Cd)) {
        return "system registers";
    }
    /* A KVM that runs user code natively puts the host's features into the table it was given. */
    if (k->kvm->engine->limits.emulated && strcmp(name, "cpuid") == 0) {
        return "CPUID";
    }
    if (is_one_of(name, flow) || (row->operand[0] == O_Sw && k->insn.insn.reg == SS) || strcmp(name, "pop ss") == 0) {
        return "trap flag and interrupts";
    }
    return is_one_of(name, image) ? "images of registers" : NULL;
}

/* What is stored does not arrive, so that a repeated copy must not read what it wrote. */
static bool overlaps(const struct check_cpu *k, const struct x86_state *s)
{
    uint64_t from = s->seg[DS].base + s->gpr[RSI], to = s->seg[ES].base + s->gpr[RDI];
    uint64_t distance = from > to ? from - to : to - from;
    bool plain = k->insn.code[0] == 0xf3 || k->insn.code[0] == 0x66; /* no segment prefix first */
    return strcmp(k->insn.row->mnemonic, "rep movs") == 0 &&
           (!plain || distance < (s->gpr[RCX] & 0xffffffff) * 8 + 8);
}

static const char *mode_obstacle(const struct check_cpu *k, const struct x86_state *s)
{
    const struct kvm_limits *limits = &k->kvm->engine->limits;
    enum kvm_mode mode = kvm_mode_of(s->cr0, s->rflags, s->msr.efer, s->seg[CS].attr, k->cpu->cpl);
    if (!s->a20 || s->smm || s->activity != X86_ACTIVE) {
        return "A20 off, or not active";
    }
    if ((s->rflags & FLAG_TF) != 0 || (s->dr[7] & 0xff) != 0) {
        return "the guest debugs itself";
    }
    if (limits->no_paging32 && (mode == KVM_MODE_PAGED || mode == KVM_MODE_V86)) {
        return "32-bit paging and V86 mode";
    }
    if (limits->emulated && (s->rflags & FLAG_AC) != 0 && (s->cr0 & CR0_AM) != 0 && k->cpu->cpl == 3) {
        return "alignment checks";
    }
    return limits->emulated && (s->cr4 & CR4_OSXSAVE) != 0 ? "XSAVE" : NULL;
}

const char *check_obstacle(const struct check_cpu *k, const struct x86_state *state)
{
    const char *mode = mode_obstacle(k, state);
    if (mode != NULL) {
        return mode;
    }
    if (k->insn.row == NULL) {
        return "invalid instructions";
    }
    const char *insn = instruction_obstacle(k, k->insn.row);
    return insn != NULL ? insn : overlaps(k, state) ? "overlapping copies" : NULL;
}

static bool uses_fpu(const struct check_insn *insn)
{
    return insn->row == NULL || (insn->row->attr & (AT_FPU | AT_MMX | AT_SSE | AT_AVX | AT_WAIT)) != 0;
}

#define FLAGS_SZAP (FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF)
#define FLAGS_OSAP (FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF)
static uint32_t undefined_flags(const struct check_insn *insn)
{
    static const struct {
        const char *name;
        uint32_t flags;
    } undefined[] = {
        { "and", FLAG_AF }, { "or", FLAG_AF }, { "xor", FLAG_AF }, { "test", FLAG_AF },
        { "mul", FLAGS_SZAP }, { "imul", FLAGS_SZAP }, { "div", FLAGS_STATUS }, { "idiv", FLAGS_STATUS },
        { "bt", FLAGS_OSAP }, { "bts", FLAGS_OSAP }, { "btr", FLAGS_OSAP }, { "btc", FLAGS_OSAP },
        { "bsf", FLAGS_STATUS & ~FLAG_ZF }, { "bsr", FLAGS_STATUS & ~FLAG_ZF },
        { "tzcnt", FLAGS_OSAP }, { "lzcnt", FLAGS_OSAP },
        { "rol", FLAG_OF }, { "ror", FLAG_OF }, { "rcl", FLAG_OF }, { "rcr", FLAG_OF },
        { "shl", FLAG_OF | FLAG_AF | FLAG_CF }, { "shr", FLAG_OF | FLAG_AF | FLAG_CF }, { "sar", FLAG_OF | FLAG_AF },
        { "shld", FLAG_OF | FLAG_AF | FLAG_CF }, { "shrd", FLAG_OF | FLAG_AF | FLAG_CF },
        { "daa", FLAG_OF }, { "das", FLAG_OF }, { "aaa", FLAGS_STATUS & ~(FLAG_AF | FLAG_CF) },
        { "aas", FLAGS_STATUS & ~(FLAG_AF | FLAG_CF) }, { "aam", FLAG_OF | FLAG_AF | FLAG_CF },
        { "aad", FLAG_OF | FLAG_AF | FLAG_CF },
    };
    for (unsigned i = 0; insn->row != NULL && i < G_N_ELEMENTS(undefined); i++) {
        if (strcmp(undefined[i].name, insn->row->mnemonic) == 0) {
            return undefined[i].flags;
        }
    }
    return 0;
}

bool check_fetch(struct check_cpu *k, const struct op_index *index, const struct x86_state *state)
{
    struct check_insn *insn = &k->insn;
    bool more = false;
    insn->available = fetch(k, state);
    memset(&insn->insn, 0, sizeof(insn->insn));
    if (insn->available == 0) {
        return false;
    }
    insn->row = decode_insn_indexed(index, &insn->insn, insn->code, insn->available, k->cpu->mode, k->cpu->cpuid, &more);
    insn->repeated = insn->row != NULL && g_str_has_prefix(insn->row->mnemonic, "rep");
    insn->undefined = undefined_flags(insn);
    insn->fpu = uses_fpu(insn);
    return !more;
}
