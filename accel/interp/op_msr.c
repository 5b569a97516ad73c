/*
 * Model-specific registers, the time stamp counter, XCR0, and instructions that read such things: RDMSR, WRMSR,
 * RDTSC(P), RDPMC, RDPID, XGETBV, XSETBV. SDM volume 4.
 *
 * MTRRs and PAT are kept and validated but have no effect: memory is always coherent. There are no performance
 * counters and no machine check banks. Registers that old kernels touch without asking CPUID read as 0 and swallow
 * writes; others raise #GP.
 */
#include <x86intrin.h>

#include "accel/interp/apic.h"
#include "accel/interp/decode.h"
#include "accel/interp/interp.h"
#include "accel/interp/interrupt.h"
#include "accel/interp/segment.h"
#include "accel/interp/system.h"
#include "accel/interp/tlb.h"
#include "accel/interp/trace.h"
#include "core/machine.h"

enum msr_number {
    MSR_TSC = 0x10, MSR_APIC_BASE = 0x1b, MSR_FEATURE_CONTROL = 0x3a, MSR_TSC_ADJUST = 0x3b,
    MSR_UCODE_WRITE = 0x79, MSR_UCODE_REVISION = 0x8b, MSR_MTRR_CAP = 0xfe,
    MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP = 0x175, MSR_SYSENTER_EIP = 0x176,
    MSR_MCG_CAP = 0x179, MSR_MCG_STATUS = 0x17a, MSR_MCG_CTL = 0x17b,
    MSR_MISC_ENABLE = 0x1a0, MSR_DEBUGCTL = 0x1d9,
    MSR_MTRR_BASE0 = 0x200, MSR_MTRR_LAST = 0x200 + 2 * X86_MTRR_VARIABLE - 1,
    MSR_PAT = 0x277, MSR_MTRR_DEF_TYPE = 0x2ff, MSR_TSC_DEADLINE = 0x6e0,
    MSR_X2APIC_FIRST = 0x800, MSR_X2APIC_LAST = 0x8ff, MSR_EFER = 0xc0000080, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_FMASK,
    MSR_FS_BASE = 0xc0000100, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_TSC_AUX,
};

#define MTRR_CAP_VALUE (X86_MTRR_VARIABLE | 1u << 8 | 1u << 10) /* count, fixed ranges, write combining */

/* Read as 0, writes vanish: [first, last]. */
static const struct { uint32_t first, last; } quiet_msrs[] = {
    { 0x17, 0x17 }, { 0x2a, 0x2a }, { 0x33, 0x33 }, { 0x79, 0x79 }, { 0x8b, 0x8b }, { 0xc1, 0xc2 },
    { 0x119, 0x119 }, { 0x186, 0x187 }, { 0x198, 0x19d }, { 0x1db, 0x1de },
    { 0xc0010000, 0xc0010007 }, /* K7 performance counters */
    { 0xc0010010, 0xc001001f }, /* SYSCFG, HWCR, IORRs, TOP_MEM, NB_CFG */
    { 0xc0010020, 0xc0010020 }, /* microcode patch */
    { 0xc0010055, 0xc0010058 }, { 0xc0010061, 0xc0010071 }, { 0xc0010117, 0xc0010117 },
    { 0xc0010140, 0xc0010141 }, { 0xc0011020, 0xc001102f },
};

static bool is_quiet(uint32_t msr)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(quiet_msrs); i++) {
        if (msr >= quiet_msrs[i].first && msr <= quiet_msrs[i].last) {
            return true;
        }
    }
    return false;
}

/* ---- time stamp counter ---- */

static uint64_t tsc_ticks(const struct cpu *cpu)
{
    if (cpu->machine == NULL) {
        return interp_instructions(cpu, NULL);
    }
    return muldiv64(clock_now(cpu->machine->guest_clock), cpu->cpuid->tsc_khz, 1000000);
}

uint64_t cpu_tsc(const struct cpu *cpu)
{
    if (cpu->tsc_host) {
        return __rdtsc();
    }
    return tsc_ticks(cpu) + (uint64_t)cpu->tsc_offset;
}

void cpu_set_tsc(struct cpu *cpu, uint64_t tsc)
{
    if (!cpu->tsc_host) {
        cpu->tsc_offset = (int64_t)(tsc - tsc_ticks(cpu));
    }
}

/* ---- plain registers ---- */

/* Where a register is that is simply kept; NULL if it is not one of those. */
static uint64_t *plain_msr(struct cpu *cpu, uint32_t msr)
{
    static const uint16_t fixed[11] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                        0x26b, 0x26c, 0x26d, 0x26e, 0x26f };
    const struct x86_cpuid *cpuid = cpu->cpuid;
    struct x86_msrs *m = &cpu->s.msr;

    if (msr >= MSR_MTRR_BASE0 && msr <= MSR_MTRR_LAST && x86_has(cpuid, X86_MTRR)) {
        unsigned n = (msr - MSR_MTRR_BASE0) / 2;
        return (msr & 1) != 0 ? &m->mtrr_mask[n] : &m->mtrr_base[n];
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(fixed); i++) {
        if (msr == fixed[i] && x86_has(cpuid, X86_MTRR)) {
            return &m->mtrr_fixed[i];
        }
    }
    switch (msr) {
    case MSR_SYSENTER_CS:
        return x86_has(cpuid, X86_SEP) ? &m->sysenter_cs : NULL;
    case MSR_SYSENTER_ESP:
        return x86_has(cpuid, X86_SEP) ? &m->sysenter_esp : NULL;
    case MSR_SYSENTER_EIP:
        return x86_has(cpuid, X86_SEP) ? &m->sysenter_eip : NULL;
    case MSR_MCG_STATUS:
        return x86_has(cpuid, X86_MCA) ? &m->mcg_status : NULL;
    case MSR_MISC_ENABLE:
        return &m->misc_enable;
    case MSR_DEBUGCTL:
        return &m->debugctl;
    case MSR_PAT:
        return x86_has(cpuid, X86_PAT) ? &m->pat : NULL;
    case MSR_MTRR_DEF_TYPE:
        return x86_has(cpuid, X86_MTRR) ? &m->mtrr_def_type : NULL;
    case MSR_STAR:
        return x86_has(cpuid, X86_SYSCALL) ? &m->star : NULL;
    case MSR_LSTAR:
        return x86_has(cpuid, X86_LM) ? &m->lstar : NULL;
    case MSR_CSTAR:
        return x86_has(cpuid, X86_LM) ? &m->cstar : NULL;
    case MSR_FMASK:
        return x86_has(cpuid, X86_SYSCALL) ? &m->fmask : NULL;
    case MSR_KERNEL_GS_BASE:
        return x86_has(cpuid, X86_LM) ? &m->kernel_gs_base : NULL;
    case MSR_TSC_AUX:
        return x86_has(cpuid, X86_RDTSCP) || x86_has(cpuid, X86_RDPID) ? &m->tsc_aux : NULL;
    case MSR_TSC_ADJUST:
        return x86_has(cpuid, X86_TSC_ADJUST) ? &m->tsc_adjust : NULL;
    default:
        return NULL;
    }
}

bool msr_read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    const uint64_t *plain = plain_msr(cpu, msr);
    bool lm = x86_has(cpu->cpuid, X86_LM);

    *value = 0;
    if (plain != NULL) {
        *value = *plain;
        return true;
    }
    if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST) {
        return x86_has(cpu->cpuid, X86_X2APIC) && apic_msr_read(cpu, msr, value);
    }
    switch (msr) {
    case MSR_TSC:
        *value = cpu_tsc(cpu);
        return true;
    case MSR_APIC_BASE:
        *value = cpu->s.msr.apic_base;
        return x86_has(cpu->cpuid, X86_APIC);
    case MSR_TSC_DEADLINE:
        *value = apic_deadline_read(cpu);
        return x86_has(cpu->cpuid, X86_TSC_DEADLINE);
    case MSR_EFER:
        *value = cpu->s.msr.efer;
        return true;
    case MSR_FS_BASE:
        *value = cpu->s.seg[FS].base;
        return lm;
    case MSR_GS_BASE:
        *value = cpu->s.seg[GS].base;
        return lm;
    case MSR_MTRR_CAP:
        *value = MTRR_CAP_VALUE;
        return x86_has(cpu->cpuid, X86_MTRR);
    case MSR_MCG_CAP: /* no banks */
        return x86_has(cpu->cpuid, X86_MCA);
    case MSR_FEATURE_CONTROL:
        *value = 1; /* locked, nothing enabled */
        return true;
    default:
        return is_quiet(msr);
    }
}

static bool is_memory_type(uint8_t type)
{
    return type == 0 || type == 1 || (type >= 4 && type <= 6);
}

static bool efer_write(struct cpu *cpu, uint64_t value)
{
    uint64_t old = cpu->s.msr.efer;
    uint64_t allowed = EFER_LMA | (x86_has(cpu->cpuid, X86_SYSCALL) ? EFER_SCE : 0) |
                       (x86_has(cpu->cpuid, X86_LM) ? EFER_LME : 0) |
                       (x86_has(cpu->cpuid, X86_NX) ? EFER_NXE : 0);

    if ((value & ~allowed) != 0 || (((value ^ old) & EFER_LME) != 0 && (cpu->s.cr0 & CR0_PG) != 0)) {
        return false;
    }
    cpu->s.msr.efer = (value & ~(uint64_t)EFER_LMA) | (old & EFER_LMA);
    tlb_flush(cpu, true);
    cpu_update_mode(cpu);
    return true;
}

/* Whether a plain register takes the value. */
static bool plain_value_ok(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    uint64_t beyond = ~cpu->phys_mask;

    if (msr >= MSR_MTRR_BASE0 && msr <= MSR_MTRR_LAST) {
        return (msr & 1) != 0 ? (value & (beyond | 0x7ff)) == 0
                              : (value & (beyond | 0xf00)) == 0 && is_memory_type((uint8_t)value);
    }
    if (msr >= 0x250 && msr <= 0x26f) {
        for (unsigned i = 0; i < 8; i++) {
            if (!is_memory_type((uint8_t)(value >> (8 * i)))) {
                return false;
            }
        }
        return true;
    }
    switch (msr) {
    case MSR_PAT:
        for (unsigned i = 0; i < 8; i++) {
            uint8_t type = (uint8_t)(value >> (8 * i));
            if (!is_memory_type(type) && type != 7) {
                return false;
            }
        }
        return true;
    case MSR_MTRR_DEF_TYPE:
        return (value & ~0xcffull) == 0 && is_memory_type((uint8_t)value);
    case MSR_SYSENTER_ESP:
    case MSR_SYSENTER_EIP:
    case MSR_LSTAR:
    case MSR_CSTAR:
    case MSR_KERNEL_GS_BASE:
        return is_canonical(value);
    case MSR_TSC_AUX:
    case MSR_FMASK:
        return value >> 32 == 0;
    default:
        return true;
    }
}

/* The counter was set: its deadline comes at another time. */
static void deadline_moved(struct cpu *cpu)
{
    uint64_t deadline = x86_has(cpu->cpuid, X86_TSC_DEADLINE) ? apic_deadline_read(cpu) : 0;
    if (deadline != 0) {
        apic_deadline_write(cpu, deadline);
    }
}

bool msr_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    uint64_t *plain = plain_msr(cpu, msr);

    if (plain != NULL) {
        if (!plain_value_ok(cpu, msr, value)) {
            return false;
        }
        if (msr == MSR_TSC_ADJUST) {
            cpu->tsc_offset += (int64_t)(value - *plain);
            deadline_moved(cpu);
        }
        *plain = value;
        return true;
    }
    if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST) {
        return x86_has(cpu->cpuid, X86_X2APIC) && apic_msr_write(cpu, msr, value);
    }
    switch (msr) {
    case MSR_TSC:
        cpu->s.msr.tsc_adjust += value - cpu_tsc(cpu);
        cpu_set_tsc(cpu, value);
        deadline_moved(cpu);
        return true;
    case MSR_APIC_BASE:
        return x86_has(cpu->cpuid, X86_APIC) && apic_base_write(cpu, value);
    case MSR_TSC_DEADLINE:
        if (!x86_has(cpu->cpuid, X86_TSC_DEADLINE)) {
            return false;
        }
        apic_deadline_write(cpu, value);
        return true;
    case MSR_EFER:
        return efer_write(cpu, value);
    case MSR_FS_BASE:
    case MSR_GS_BASE: {
        unsigned seg = msr == MSR_FS_BASE ? FS : GS;
        if (!x86_has(cpu->cpuid, X86_LM) || !is_canonical(value)) {
            return false;
        }
        cpu->s.seg[seg].base = value;
        cpu_update_segment(cpu, seg);
        return true;
    }
    default:
        return is_quiet(msr);
    }
}

/* ---- handlers ---- */

static void log_unknown(struct cpu *cpu, const char *what, uint32_t msr)
{
    if (cpu->machine != NULL) {
        log_print(cpu->machine->log, LOG_UNIMP, "%s of unknown MSR 0x%x at 0x%llx\n", what, msr,
                  (unsigned long long)cpu->rip);
    }
}

static void set_edx_eax(struct cpu *cpu, uint64_t value)
{
    set_reg32(cpu, RAX, (uint32_t)value);
    set_reg32(cpu, RDX, (uint32_t)(value >> 32));
}

static uint64_t get_edx_eax(const struct cpu *cpu)
{
    return (uint32_t)cpu->gpr[RAX] | cpu->gpr[RDX] << 32;
}

static void rdmsr(struct cpu *cpu, const struct insn *insn)
{
    uint64_t value;
    system_begin(cpu, insn);
    if (!msr_read(cpu, (uint32_t)cpu->gpr[RCX], &value)) {
        log_unknown(cpu, "read", (uint32_t)cpu->gpr[RCX]);
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    set_edx_eax(cpu, value);
    NEXT(cpu, insn);
}
const struct op_handlers h_rdmsr = HANDLERS(rdmsr, rdmsr);

static void wrmsr(struct cpu *cpu, const struct insn *insn)
{
    system_begin(cpu, insn);
    if (!msr_write(cpu, (uint32_t)cpu->gpr[RCX], get_edx_eax(cpu))) {
        log_unknown(cpu, "write", (uint32_t)cpu->gpr[RCX]);
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    return trace_leave(cpu, insn, system_next(cpu, insn));
}
const struct op_handlers h_wrmsr = HANDLERS(wrmsr, wrmsr);

static void check_tsd(struct cpu *cpu, const struct insn *insn)
{
    if ((cpu->s.cr4 & CR4_TSD) != 0 && cpu->cpl != 0) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
}

static void rdtsc(struct cpu *cpu, const struct insn *insn)
{
    check_tsd(cpu, insn);
    set_edx_eax(cpu, cpu_tsc(cpu));
    NEXT(cpu, insn);
}
const struct op_handlers h_rdtsc = HANDLERS(rdtsc, rdtsc);

static void rdtscp(struct cpu *cpu, const struct insn *insn)
{
    check_tsd(cpu, insn);
    set_edx_eax(cpu, cpu_tsc(cpu));
    set_reg32(cpu, RCX, (uint32_t)cpu->s.msr.tsc_aux);
    NEXT(cpu, insn);
}
const struct op_handlers h_rdtscp = HANDLERS(rdtscp, rdtscp);

static void rdpid(struct cpu *cpu, const struct insn *insn)
{
    cpu->gpr[insn->rm] = cpu->s.msr.tsc_aux;
    NEXT(cpu, insn);
}
const struct op_handlers h_rdpid = HANDLERS(rdpid, rdpid);

/* No counter exists, so every index is wrong. */
const struct op_handlers h_rdpmc = HANDLERS(op_gp0, op_gp0);

static void check_osxsave(struct cpu *cpu, const struct insn *insn)
{
    if ((cpu->s.cr4 & CR4_OSXSAVE) == 0) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
}

static void xgetbv(struct cpu *cpu, const struct insn *insn)
{
    uint32_t index = (uint32_t)cpu->gpr[RCX];
    check_osxsave(cpu, insn);
    if (index > 1 || (index == 1 && !x86_has(cpu->cpuid, X86_XGETBV1))) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    /* XINUSE may report components as in use that are not. */
    set_edx_eax(cpu, cpu->s.xcr0);
    NEXT(cpu, insn);
}
const struct op_handlers h_xgetbv = HANDLERS(xgetbv, xgetbv);

static void xsetbv(struct cpu *cpu, const struct insn *insn)
{
    uint64_t value = get_edx_eax(cpu);
    check_osxsave(cpu, insn);
    if (cpu->cpl != 0 || (uint32_t)cpu->gpr[RCX] != 0 || (value & 1) == 0 || (value & 6) == 4 ||
        (value & ~x86_cpuid_xcr0_mask(cpu->cpuid)) != 0) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    cpu->s.xcr0 = value;
    cpu_update_mode(cpu);
    return trace_leave(cpu, insn, system_next(cpu, insn));
}
const struct op_handlers h_xsetbv = HANDLERS(xsetbv, xsetbv);
