/*
 * Fast system calls: SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS; SDM volume 2, AMD APM volume 3 for SYSCALL outside
 * 64-bit mode.
 *
 * The flat segments are set up without looking at the GDT, as the manuals say.
 */
#include <string.h>

#include "accel/interp/decode.h"
#include "accel/interp/interrupt.h"
#include "accel/interp/segment.h"
#include "accel/interp/system.h"
#include "accel/interp/trace.h"

#define FLAT_DATA (SEG_P | SEG_S | SEG_W | SEG_A | SEG_DB | SEG_G)
#define FLAT_CODE32 (FLAT_DATA | SEG_CODE)
#define FLAT_CODE64 ((FLAT_CODE32 & ~SEG_DB) | SEG_L)
#define SYSRET_FLAGS 0x3c7fd7u

static bool is_amd(const struct cpu *cpu)
{
    return strcmp(cpu->cpuid->vendor, "AuthenticAMD") == 0;
}

static void set_flat(struct cpu *cpu, uint16_t cs, uint16_t ss, bool code64, unsigned cpl)
{
    uint32_t dpl = cpl << SEG_DPL_SHIFT;
    cpu->s.seg[CS] = (struct x86_segment){ .limit = UINT32_MAX, .selector = (uint16_t)((cs & SEL_INDEX) | cpl),
                                           .attr = (code64 ? FLAT_CODE64 : FLAT_CODE32) | dpl };
    cpu->s.seg[SS] = (struct x86_segment){ .limit = UINT32_MAX, .selector = (uint16_t)((ss & SEL_INDEX) | cpl),
                                           .attr = FLAT_DATA | dpl };
}

/* After segments and flags were set. */
static void enter(struct cpu *cpu, const struct insn *insn, uint64_t rip)
{
    cpu_update_mode(cpu);
    cpu_update_segment(cpu, CS);
    cpu_update_segment(cpu, SS);
    cpu_check_intr(cpu);
    return trace_leave(cpu, insn, rip);
}

static void check_sce(struct cpu *cpu, const struct insn *insn)
{
    if ((cpu->s.msr.efer & EFER_SCE) == 0 || ((cpu->mode & MODE_CODE64) == 0 && !is_amd(cpu))) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
}

static void syscall_op(struct cpu *cpu, const struct insn *insn)
{
    const struct x86_msrs *m = &cpu->s.msr;
    uint16_t cs = (uint16_t)(m->star >> 32) & SEL_INDEX;
    uint64_t rip;

    check_sce(cpu, insn);
    if (in_long_mode(cpu)) {
        uint64_t flags = cpu_rflags(cpu) & ~(uint64_t)FLAG_RF;
        rip = (cpu->mode & MODE_CODE64) != 0 ? m->lstar : m->cstar;
        cpu->gpr[RCX] = system_next(cpu, insn);
        cpu->gpr[R11] = flags;
        set_flat(cpu, cs, cs + 8, true, 0);
        cpu_set_rflags(cpu, (flags & ~m->fmask) | FLAG_1);
    } else {
        rip = (uint32_t)m->star;
        set_reg32(cpu, RCX, (uint32_t)system_next(cpu, insn));
        set_flat(cpu, cs, cs + 8, false, 0);
        cpu->eflags &= ~(FLAG_VM | FLAG_IF | FLAG_RF);
    }
    return enter(cpu, insn, rip);
}
const struct op_handlers h_syscall = HANDLERS(syscall_op, syscall_op);

static void sysret(struct cpu *cpu, const struct insn *insn, bool to64)
{
    uint16_t cs = (uint16_t)(cpu->s.msr.star >> 48) & SEL_INDEX;
    uint64_t rip = to64 ? cpu->gpr[RCX] : (uint32_t)cpu->gpr[RCX];

    check_sce(cpu, insn);
    if (cpu->cpl != 0 || (cpu->mode & MODE_PE) == 0 || !is_canonical(rip)) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    if (in_long_mode(cpu)) {
        cpu_set_rflags(cpu, (cpu->gpr[R11] & SYSRET_FLAGS & ~(uint64_t)(FLAG_RF | FLAG_VM)) | FLAG_1);
    } else {
        cpu->eflags |= FLAG_IF;
    }
    set_flat(cpu, to64 ? cs + 16 : cs, cs + 8, to64, 3);
    return enter(cpu, insn, rip);
}

static void sysret_32(struct cpu *cpu, const struct insn *insn)
{
    return sysret(cpu, insn, false);
}
static void sysret_64(struct cpu *cpu, const struct insn *insn)
{
    return sysret(cpu, insn, true);
}
const struct op_handlers h_sysret = {
    { sysret_32, sysret_32, sysret_64 }, { sysret_32, sysret_32, sysret_64 }, { NULL, NULL, NULL }
};

static void sysenter(struct cpu *cpu, const struct insn *insn)
{
    const struct x86_msrs *m = &cpu->s.msr;
    uint16_t cs = (uint16_t)m->sysenter_cs & SEL_INDEX;
    bool wide = in_long_mode(cpu);

    if ((cpu->mode & MODE_PE) == 0 || cs == 0) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    cpu->eflags &= ~(FLAG_VM | FLAG_IF | FLAG_RF);
    set_flat(cpu, cs, cs + 8, wide, 0);
    cpu->gpr[RSP] = wide ? m->sysenter_esp : (uint32_t)m->sysenter_esp;
    return enter(cpu, insn, wide ? m->sysenter_eip : (uint32_t)m->sysenter_eip);
}
const struct op_handlers h_sysenter = HANDLERS(sysenter, sysenter);

static void sysexit(struct cpu *cpu, const struct insn *insn, bool to64)
{
    uint16_t cs = (uint16_t)cpu->s.msr.sysenter_cs & SEL_INDEX;
    uint64_t rip = to64 ? cpu->gpr[RDX] : (uint32_t)cpu->gpr[RDX];
    uint64_t rsp = to64 ? cpu->gpr[RCX] : (uint32_t)cpu->gpr[RCX];

    if (cs == 0 || cpu->cpl != 0 || !in_protected_mode(cpu) || !is_canonical(rip) || !is_canonical(rsp)) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    set_flat(cpu, to64 ? cs + 32 : cs + 16, to64 ? cs + 40 : cs + 24, to64, 3);
    cpu->gpr[RSP] = rsp;
    return enter(cpu, insn, rip);
}

static void sysexit_32(struct cpu *cpu, const struct insn *insn)
{
    return sysexit(cpu, insn, false);
}
static void sysexit_64(struct cpu *cpu, const struct insn *insn)
{
    return sysexit(cpu, insn, true);
}
const struct op_handlers h_sysexit = {
    { sysexit_32, sysexit_32, sysexit_64 }, { sysexit_32, sysexit_32, sysexit_64 }, { NULL, NULL, NULL }
};

static void swapgs(struct cpu *cpu, const struct insn *insn)
{
    uint64_t base = cpu->s.seg[GS].base;
    cpu->s.seg[GS].base = cpu->s.msr.kernel_gs_base;
    cpu->s.msr.kernel_gs_base = base;
    cpu_update_segment(cpu, GS);
    NEXT(cpu, insn);
}
const struct op_handlers h_swapgs = HANDLERS(swapgs, swapgs);

/* ---- RDFSBASE and its kin ---- */

static void check_fsgsbase(struct cpu *cpu, const struct insn *insn)
{
    if ((cpu->s.cr4 & CR4_FSGSBASE) == 0) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
}

static void write_base(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t value)
{
    check_fsgsbase(cpu, insn);
    if (!is_canonical(value)) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    cpu->s.seg[seg].base = value;
    cpu_update_segment(cpu, seg);
    NEXT(cpu, insn);
}

#define BASE_HANDLERS(name, number)                                                              \
    static void rd##name##_32(struct cpu *cpu, const struct insn *insn)                       \
    {                                                                                         \
        check_fsgsbase(cpu, insn);                                                            \
        set_reg32(cpu, insn->rm, (uint32_t)cpu->s.seg[number].base);                            \
        NEXT(cpu, insn);                                                                      \
    }                                                                                         \
    static void rd##name##_64(struct cpu *cpu, const struct insn *insn)                       \
    {                                                                                         \
        check_fsgsbase(cpu, insn);                                                            \
        cpu->gpr[insn->rm] = cpu->s.seg[number].base;                                         \
        NEXT(cpu, insn);                                                                      \
    }                                                                                         \
    static void wr##name##_32(struct cpu *cpu, const struct insn *insn)                       \
    {                                                                                         \
        return write_base(cpu, insn, number, (uint32_t)cpu->gpr[insn->rm]);                      \
    }                                                                                         \
    static void wr##name##_64(struct cpu *cpu, const struct insn *insn)                       \
    {                                                                                         \
        return write_base(cpu, insn, number, cpu->gpr[insn->rm]);                                \
    }                                                                                         \
    const struct op_handlers h_rd##name = { { rd##name##_32, rd##name##_32, rd##name##_64 },  \
                                            { NULL, NULL, NULL },                             \
                                            { NULL, NULL, NULL } };                           \
    const struct op_handlers h_wr##name = { { wr##name##_32, wr##name##_32, wr##name##_64 },  \
                                            { NULL, NULL, NULL },                             \
                                            { NULL, NULL, NULL } }
BASE_HANDLERS(fsbase, FS);
BASE_HANDLERS(gsbase, GS);
