/*
 * The other system instructions: CPUID, HLT, CLI, STI, CLAC, STAC, INVLPG, INVPCID, INVD, WBINVD, RDRAND, RDSEED,
 * MONITOR, MWAIT.
 *
 * MWAIT does not wait: a store by another CPU would have to wake it. Caches are not modelled.
 */
#include <sys/random.h>

#include "accel/interp/decode.h"
#include "accel/interp/flags.h"
#include "accel/interp/interrupt.h"
#include "accel/interp/segment.h"
#include "accel/interp/system.h"
#include "accel/interp/tlb.h"
#include "accel/interp/trace.h"

static void cpuid(struct cpu *cpu, const struct insn *insn)
{
    struct x86_cpuid_result r =
        x86_cpuid_query(cpu->cpuid, cpu->index, (uint32_t)cpu->gpr[RAX], (uint32_t)cpu->gpr[RCX], cpu->s.cr4,
                        cpu->s.xcr0, cpu->s.msr.apic_base);
    set_reg32(cpu, RAX, r.eax);
    set_reg32(cpu, RBX, r.ebx);
    set_reg32(cpu, RCX, r.ecx);
    set_reg32(cpu, RDX, r.edx);
    NEXT(cpu, insn);
}
const struct op_handlers h_cpuid = HANDLERS(cpuid, cpuid);

static void hlt(struct cpu *cpu, const struct insn *insn)
{
    cpu->s.activity = X86_HALTED;
    return trace_leave(cpu, insn, system_next(cpu, insn));
}
const struct op_handlers h_hlt = HANDLERS(hlt, hlt);

/* ---- flags ---- */

void cpu_change_flags(struct cpu *cpu, uint64_t flags, uint64_t mask)
{
    uint64_t before = cpu_rflags(cpu);
    uint64_t after = (before & ~mask) | (flags & mask) | FLAG_1;
    if (!cpu->code_breakpoints) {
        after &= ~(uint64_t)FLAG_RF; /* the next instruction would clear it anyway */
    }
    cpu_set_rflags(cpu, after);
    if (((before ^ after) & (FLAG_TF | FLAG_AC | FLAG_VM)) != 0) {
        cpu_update_mode(cpu);
    }
    cpu_check_intr(cpu);
}

enum if_right { IF_REAL, IF_VIRTUAL, IF_NONE };

/* What CLI and STI work on: SDM volume 2, CLI, table 3-6. */
static enum if_right if_right(const struct cpu *cpu)
{
    unsigned iopl = (cpu->eflags & FLAG_IOPL) >> FLAG_IOPL_SHIFT;
    if ((cpu->mode & MODE_PE) == 0 || cpu->cpl <= iopl) {
        return IF_REAL;
    }
    uint64_t extension = (cpu->mode & MODE_V86) != 0 ? CR4_VME : CR4_PVI;
    return cpu->cpl == 3 && (cpu->s.cr4 & extension) != 0 ? IF_VIRTUAL : IF_NONE;
}

static void cli(struct cpu *cpu, const struct insn *insn)
{
    enum if_right right = if_right(cpu);
    if (right == IF_NONE) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    cpu->eflags &= right == IF_REAL ? ~FLAG_IF : ~FLAG_VIF;
    NEXT(cpu, insn);
}
const struct op_handlers h_cli = HANDLERS(cli, cli);

static void sti(struct cpu *cpu, const struct insn *insn)
{
    enum if_right right = if_right(cpu);
    if (right == IF_NONE || (right == IF_VIRTUAL && (cpu->eflags & FLAG_VIP) != 0)) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    if (right == IF_VIRTUAL) {
        cpu->eflags |= FLAG_VIF;
        NEXT(cpu, insn);
    }
    if ((cpu->eflags & FLAG_IF) != 0) {
        NEXT(cpu, insn);
    }
    cpu->eflags |= FLAG_IF;
    cpu_begin_shadow(cpu, system_next(cpu, insn), false);
    cpu_check_intr(cpu);
    if (__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) != 0) {
        return trace_leave(cpu, insn, system_next(cpu, insn));
    }
    NEXT(cpu, insn);
}
const struct op_handlers h_sti = HANDLERS(sti, sti);

static void set_ac(struct cpu *cpu, const struct insn *insn, bool on)
{
    if (cpu->cpl != 0) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
    cpu->eflags = on ? cpu->eflags | FLAG_AC : cpu->eflags & ~FLAG_AC;
    cpu->tlb = cpu->tlb_bank[tlb_bank_of(cpu, 0)];
    NEXT(cpu, insn);
}

static void clac(struct cpu *cpu, const struct insn *insn)
{
    return set_ac(cpu, insn, false);
}
const struct op_handlers h_clac = HANDLERS(clac, clac);

static void stac(struct cpu *cpu, const struct insn *insn)
{
    return set_ac(cpu, insn, true);
}
const struct op_handlers h_stac = HANDLERS(stac, stac);

/* ---- caches and translations ---- */

static void invlpg(struct cpu *cpu, const struct insn *insn)
{
    uint64_t linear = cpu->segf[insn->seg].base + insn_ea(cpu, insn);
    tlb_flush_page(cpu, (cpu->mode & MODE_CODE64) != 0 ? linear : (uint32_t)linear);
    return trace_leave(cpu, insn, system_next(cpu, insn));
}
const struct op_handlers h_invlpg = { { NULL, NULL, NULL }, { invlpg, invlpg, invlpg }, { NULL, NULL, NULL } };

static void invpcid(struct cpu *cpu, const struct insn *insn)
{
    uint64_t descriptor[2];
    uint64_t type = (cpu->mode & MODE_CODE64) != 0 ? cpu->gpr[insn->reg] : (uint32_t)cpu->gpr[insn->reg];
    bool pcide = (cpu->s.cr4 & CR4_PCIDE) != 0;

    mem_read_bytes(cpu, insn, insn->seg, insn_ea(cpu, insn), descriptor, sizeof(descriptor));
    if (type > 3 || descriptor[0] >> 12 != 0 || (type < 2 && descriptor[0] != 0 && !pcide) ||
        (type == 0 && !is_canonical(descriptor[1]))) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    tlb_flush(cpu, true);
    return trace_leave(cpu, insn, system_next(cpu, insn));
}
const struct op_handlers h_invpcid = {
    { NULL, NULL, NULL }, { invpcid, invpcid, invpcid }, { NULL, NULL, NULL }
};

static void nothing(struct cpu *cpu, const struct insn *insn)
{
    NEXT(cpu, insn);
}
const struct op_handlers h_invd = HANDLERS(nothing, nothing);

/* ---- random numbers: 16, 32 or 64 bits, CF = valid, the other flags 0 ---- */

static uint64_t random_bits(struct cpu *cpu)
{
    uint64_t value = 0;
    bool ok = getrandom(&value, sizeof(value), 0) == sizeof(value);
    set_flags_status(cpu, ok ? FLAG_CF : 0);
    return ok ? value : 0;
}

static void rdrand_16(struct cpu *cpu, const struct insn *insn)
{
    set_reg16(cpu, insn->rm, (uint16_t)random_bits(cpu));
    NEXT(cpu, insn);
}
static void rdrand_32(struct cpu *cpu, const struct insn *insn)
{
    set_reg32(cpu, insn->rm, (uint32_t)random_bits(cpu));
    NEXT(cpu, insn);
}
static void rdrand_64(struct cpu *cpu, const struct insn *insn)
{
    cpu->gpr[insn->rm] = random_bits(cpu);
    NEXT(cpu, insn);
}
const struct op_handlers h_rdrand = {
    { rdrand_16, rdrand_32, rdrand_64 }, { NULL, NULL, NULL }, { NULL, NULL, NULL }
};

/* ---- MONITOR, MWAIT ---- */

static void monitor(struct cpu *cpu, const struct insn *insn)
{
    if (cpu->cpl != 0) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
    if ((uint32_t)cpu->gpr[RCX] != 0) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    mem_probe_read(cpu, insn, insn->seg, cpu->gpr[RAX] & address_mask[insn->asize], 1);
    NEXT(cpu, insn);
}
const struct op_handlers h_monitor = HANDLERS(monitor, monitor);

static void mwait(struct cpu *cpu, const struct insn *insn)
{
    if (cpu->cpl != 0) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
    if ((uint32_t)cpu->gpr[RCX] > 1) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    return trace_leave(cpu, insn, system_next(cpu, insn));
}
const struct op_handlers h_mwait = HANDLERS(mwait, mwait);

const struct op_handlers h_ud = HANDLERS(op_ud, op_ud);
