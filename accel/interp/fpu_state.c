/*
 * x87 and SIMD state: control and status words, entry to and exit from guest code, pending
 * exceptions. SDM volume 1, sections 8.1 (x87 environment), 8.6 and 8.7 (exceptions), 10.2.3
 * and 11.5 (MXCSR).
 *
 * Unmasked SIMD exceptions. The host runs with everything masked, which shows flags that an
 * unmasked exception would have kept from being found. Two corrections are made: an unmasked
 * pre-computation exception (invalid, denormal, divide) hides the post-computation ones; and with
 * underflow unmasked the host runs with flush-to-zero, so that a tiny but exact result is reported
 * too. Not modelled: PE may be set along with an unmasked OE or UE although the significand was
 * exact, and DPPS reports the flags of all its steps at once.
 */
#include "accel/interp/fpu.h"

#include "accel/interp/trace.h"

static uint32_t host_mxcsr(void)
{
    uint32_t v;
    __asm__ volatile("stmxcsr %0" : "=m"(v));
    return v;
}
static void set_host_mxcsr(uint32_t v)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(v));
}
static void set_host_fcw(uint16_t v)
{
    __asm__ volatile("fnclex\n\tfldcw %0" : : "m"(v));
}

static void load_simd_control(struct cpu *cpu)
{
    uint32_t v = cpu->s.mxcsr | MXCSR_MASKS;
    cpu->simd_unmasked = (cpu->s.mxcsr & MXCSR_MASKS) != MXCSR_MASKS;
    if (cpu->simd_unmasked && !(cpu->s.mxcsr & MXCSR_UM)) {
        v |= MXCSR_FTZ;
    }
    set_host_mxcsr(v & ~MXCSR_FLAGS);
}
static void load_x87_control(struct cpu *cpu)
{
    set_host_fcw(cpu->s.fpu.fcw | FCW_MASKS);
}

void fpu_enter(struct cpu *cpu)
{
    cpu->mxcsr_loaded = true;
    load_simd_control(cpu);
    load_x87_control(cpu);
}

void fpu_leave(struct cpu *cpu)
{
    if (cpu->mxcsr_loaded) {
        cpu->s.mxcsr = fpu_mxcsr(cpu);
        cpu->mxcsr_loaded = false;
        set_host_mxcsr(MXCSR_INIT);
        set_host_fcw(FCW_INIT);
    }
}

uint32_t fpu_mxcsr(const struct cpu *cpu)
{
    return cpu->s.mxcsr | (cpu->mxcsr_loaded ? host_mxcsr() & MXCSR_FLAGS : 0);
}

void fpu_set_mxcsr(struct cpu *cpu, uint32_t value)
{
    cpu->s.mxcsr = value;
    if (cpu->mxcsr_loaded) {
        load_simd_control(cpu);
    }
}

void simd_check(struct cpu *cpu, const struct insn *insn)
{
    uint32_t host = host_mxcsr(), flags = host & MXCSR_FLAGS;
    if (flags == 0) {
        return;
    }
    set_host_mxcsr(host & ~MXCSR_FLAGS);
    uint32_t unmasked = flags & ~(cpu->s.mxcsr >> MXCSR_MASKS_SHIFT);
    if (unmasked & 7) {
        flags &= 7;
    }
    cpu->s.mxcsr |= flags;
    if (unmasked) {
        cpu_fault(cpu, insn, cpu->s.cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD, 0);
    }
}

void fpu_set_control(struct cpu *cpu, uint16_t fcw, uint16_t fsw)
{
    cpu->s.fpu.fcw = (fcw & 0x1f3f) | 0x40;
    cpu->fpu_top = fsw >> 11 & 7;
    fsw &= FSW_FLAGS | FSW_SF | FSW_CC;
    if (fsw & ~cpu->s.fpu.fcw & FSW_FLAGS) {
        fsw |= FSW_ES | FSW_B;
    }
    cpu->s.fpu.fsw = fsw;
    cpu->fpu_slow = (cpu->s.fpu.fcw & FCW_MASKS) != FCW_MASKS || (fsw & FSW_ES);
    if (cpu->mxcsr_loaded) {
        load_x87_control(cpu);
    }
}

void fpu_init(struct cpu *cpu)
{
    fpu_set_control(cpu, FCW_INIT, 0);
    cpu->s.fpu.ftw = 0;
    cpu->s.fpu.fop = 0;
    cpu->s.fpu.fip = cpu->s.fpu.fdp = 0;
    cpu->s.fpu.fcs = cpu->s.fpu.fds = 0;
}

/* 0 valid, 1 zero, 2 special; SDM volume 1, section 8.1.7. */
static unsigned tag_of(const uint8_t *st)
{
    uint64_t significand;
    uint16_t exponent;
    memcpy(&significand, st, 8);
    memcpy(&exponent, st + 8, 2);
    exponent &= 0x7fff;
    if (exponent == 0) {
        return significand == 0 ? 1 : 2;
    }
    return exponent == 0x7fff || !(significand >> 63) ? 2 : 0;
}

uint16_t fpu_full_tags(const struct cpu *cpu)
{
    uint16_t full = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned tag = cpu->s.fpu.ftw >> i & 1 ? tag_of(cpu->s.fpu.st[i]) : 3;
        full |= (uint16_t)(tag << (2 * i));
    }
    return full;
}

uint8_t fpu_abridged_tags(uint16_t full)
{
    uint8_t ftw = 0;
    for (unsigned i = 0; i < 8; i++) {
        if ((full >> (2 * i) & 3) != 3) {
            ftw |= (uint8_t)(1 << i);
        }
    }
    return ftw;
}

void fpu_state_get(const struct cpu *cpu, struct x86_state *state)
{
    state->mxcsr = fpu_mxcsr(cpu);
    state->fpu = cpu->s.fpu;
    state->fpu.fsw = fpu_status(cpu);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(state->fpu.st[i], cpu->s.fpu.st[(cpu->fpu_top + i) & 7], 16);
        memset(state->fpu.st[i] + 10, 0, 6);
    }
}

void fpu_state_put(struct cpu *cpu)
{
    struct x86_fpu in = cpu->s.fpu;
    cpu->s.mxcsr &= MXCSR_VALID;
    fpu_set_control(cpu, in.fcw, in.fsw);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(cpu->s.fpu.st[(cpu->fpu_top + i) & 7], in.st[i], 16);
    }
    if (cpu->mxcsr_loaded) {
        load_simd_control(cpu);
    } else {
        cpu->simd_unmasked = (cpu->s.mxcsr & MXCSR_MASKS) != MXCSR_MASKS;
    }
}

bool fpu_pending(struct cpu *cpu, const struct insn *insn)
{
    if (cpu->s.cr0 & CR0_NE) {
        cpu_fault(cpu, insn, EXC_MF, 0);
    }
    if (cpu->ferr == NULL || cpu->ignne) {
        return false;
    }
    cpu->ferr(cpu->ferr_arg);
    trace_leave(cpu, insn, insn_rip(cpu, insn));
    return true;
}
