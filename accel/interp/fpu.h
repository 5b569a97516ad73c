/*
 * x87, MMX and SSE/AVX state while guest code runs.
 *
 * Arithmetic is done by the host's own units, so that results and exception flags are the
 * hardware's. Between fpu_enter() and fpu_leave() the host's MXCSR and x87 control word hold the
 * guest's rounding, precision, DAZ and FTZ with all exceptions masked, and the sticky flags of both
 * units accumulate in the host registers:
 *
 *   guest MXCSR    = s.mxcsr | flags in the host's MXCSR           (fpu_mxcsr())
 *   guest FSW      = s.fpu.fsw with fpu_top in bits 11-13          (fpu_status()); the host's x87
 * flags are always a subset of the guest's, so the x87 fast path never has to clear them
 *
 * If the guest unmasks a SIMD exception (simd_unmasked), the host's flags are kept clear between
 * instructions and each arithmetic handler calls simd_check() before it writes its result. If the
 * guest unmasks an x87 exception (fpu_slow), x87 instructions run on a complete copy of the guest's
 * x87 state in the host's unit with the guest's own control word (fpu_native.c).
 *
 * The x87 registers are kept in physical order (register fpu_top is ST(0)), MMX registers are their
 * low halves. SDM volume 1, chapters 8 to 14.
 */
#ifndef ACCEL_INTERP_FPU_H
#define ACCEL_INTERP_FPU_H

#include "accel/interp/access.h"
#include "accel/interp/cpu.h"

/* x87 status word */
#define FSW_FLAGS 0x3fu /* IE DE ZE OE UE PE */
#define FSW_SF    0x40u
#define FSW_ES    0x80u
#define FSW_C0    0x100u
#define FSW_C1    0x200u
#define FSW_C2    0x400u
#define FSW_TOP   0x3800u
#define FSW_C3    0x4000u
#define FSW_B     0x8000u
#define FSW_CC    (FSW_C0 | FSW_C1 | FSW_C2 | FSW_C3)
#define FCW_MASKS 0x3fu
#define FCW_INIT  0x37fu

#define MXCSR_FLAGS       0x3fu
#define MXCSR_DAZ         0x40u
#define MXCSR_MASKS       0x1f80u
#define MXCSR_MASKS_SHIFT 7
#define MXCSR_UM          (1u << 11)
#define MXCSR_FTZ         (1u << 15)
#define MXCSR_INIT        0x1f80u
#define MXCSR_VALID       0xffffu /* the others are reserved: #GP */

/* ---- for the run loop and for cpu_state_get/put ---- */

/* Loads the guest's FP control into the host's registers, at the start of running guest code;
 * fpu_leave() reads the flags back and restores the host's defaults. Pairs do not nest; both are
 * idempotent. */
void fpu_enter(struct cpu *cpu);
void fpu_leave(struct cpu *cpu);

/* To be called by cpu_state_get() on the copy of cpu->s: fills in fpu (ST order, TOP) and mxcsr. */
void fpu_state_get(const struct cpu *cpu, struct x86_state *state);
/* To be called by cpu_state_put() after cpu->s = *state: brings cpu->s.fpu into the running form.
 */
void fpu_state_put(struct cpu *cpu);

/* True if the host can run the instructions of this feature, or if it needs nothing special of the
 * host. */
bool interp_host_supports(enum x86_feature feature);

/* Around code of the host's that guest code calls into (devices, libraries): such code may use floating point
 * (GLib's hash tables do), whose flags are not the guest's. */
static inline uint32_t fpu_flags_save(void)
{
    uint32_t mxcsr;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    return mxcsr;
}
static inline void fpu_flags_restore(uint32_t saved)
{
    if (fpu_flags_save() != saved) {
        __asm__ volatile("ldmxcsr %0" : : "m"(saved));
    }
}

/* ---- control and status, for handlers ---- */

uint32_t fpu_mxcsr(const struct cpu *cpu);
/* value must have no reserved bits. */
void fpu_set_mxcsr(struct cpu *cpu, uint32_t value);

/* FSW as the guest reads it. */
static inline uint16_t fpu_status(const struct cpu *cpu)
{
    return (uint16_t)(cpu->s.fpu.fsw | cpu->fpu_top << 11);
}
/* Loads control and status word (with TOP); recomputes ES and B. */
void fpu_set_control(struct cpu *cpu, uint16_t fcw, uint16_t fsw);
/* The two-bit tags of FSTENV and FSAVE, physical register 0 lowest; and back to the abridged form.
 */
uint16_t fpu_full_tags(const struct cpu *cpu);
uint8_t fpu_abridged_tags(uint16_t full);
void fpu_init(struct cpu *cpu);

/* An x87 exception is pending and a waiting instruction was met: raises #MF, or with CR0.NE = 0
 * drives FERR# and leaves the trace to wait for the interrupt at this instruction. True: done, the
 * handler must return; false: IGNNE# is active, go on. */
bool fpu_pending(struct cpu *cpu, const struct insn *insn);

/* Reads the flags of the SIMD instruction just done; raises #XM (#UD without CR4.OSXMMEXCPT) if one
 * of them is unmasked. Only to be called with simd_unmasked. */
void simd_check(struct cpu *cpu, const struct insn *insn);

/* ---- x87 registers ---- */

static inline uint8_t *fpu_st(struct cpu *cpu, unsigned i)
{
    return cpu->s.fpu.st[(cpu->fpu_top + i) & 7];
}
/* FIP, FCS, and for memory operands FDP, FDS. */
static inline void fpu_track(struct cpu *cpu, const struct insn *insn)
{
    cpu->s.fpu.fip = insn_rip(cpu, insn);
    cpu->s.fpu.fcs = cpu->s.seg[CS].selector;
}
static inline void fpu_track_mem(struct cpu *cpu, const struct insn *insn, uint64_t ea)
{
    fpu_track(cpu, insn);
    cpu->s.fpu.fdp = ea;
    cpu->s.fpu.fds = cpu->s.seg[insn->seg].selector;
}

#endif
