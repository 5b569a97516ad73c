/*
 * Can a CPU be in this state? For states that come from a file. What is asked for are the rules of VM entry (SDM vol.
 * 3C, 27.3.1) as far as an engine relies on them; a segment or an address that is merely useless to the guest passes.
 */
#include "accel/x86_state.h"

#include "accel/x86_cpuid.h"

#define RFLAGS_ALL 0x3f7fd7ull
#define MXCSR_ALL 0xffffu
#define XCR0_X87 1ull

enum check_error { CHECK_ERROR_STATE };

static bool fail(GError **error, const char *what)
{
    g_set_error(error, g_quark_from_static_string("x86-state"), CHECK_ERROR_STATE,
                "a CPU cannot be in this state: %s", what);
    return false;
}

static bool check_control(const struct x86_state *state, const struct x86_cpuid *cpuid, GError **error)
{
    bool pe = (state->cr0 & CR0_PE) != 0, pg = (state->cr0 & CR0_PG) != 0;
    bool lme = (state->msr.efer & EFER_LME) != 0, lma = (state->msr.efer & EFER_LMA) != 0;

    if ((pg && !pe) || (state->cr0 >> 32) != 0 || ((state->cr0 & CR0_NW) && !(state->cr0 & CR0_CD))) {
        return fail(error, "CR0");
    }
    if ((state->cr4 & ~x86_cpuid_cr4_mask(cpuid)) != 0 || (lma && !(state->cr4 & CR4_PAE))) {
        return fail(error, "CR4");
    }
    if (lma != (lme && pg) || (lme && !x86_has(cpuid, X86_LM)) ||
        (state->msr.efer & ~(uint64_t)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)) != 0) {
        return fail(error, "EFER");
    }
    if ((state->cr3 >> cpuid->physical_bits) != 0 || state->cr8 > 15) {
        return fail(error, "CR3 or CR8");
    }
    if ((state->xcr0 & XCR0_X87) == 0 || (state->xcr0 & ~(x86_cpuid_xcr0_mask(cpuid) | XCR0_X87)) != 0) {
        return fail(error, "XCR0");
    }
    return true;
}

bool x86_state_check(const struct x86_state *state, const struct x86_cpuid *cpuid, GError **error)
{
    bool lma = (state->msr.efer & EFER_LMA) != 0;

    if ((state->rflags & ~RFLAGS_ALL) != 0 || (state->rflags & FLAG_1) == 0 ||
        (lma && (state->rflags & FLAG_VM))) {
        return fail(error, "RFLAGS");
    }
    if (!lma && (state->rip >> 32) != 0) {
        return fail(error, "RIP");
    }
    if ((state->mxcsr & ~MXCSR_ALL) != 0) {
        return fail(error, "MXCSR");
    }
    if (state->activity > X86_SHUTDOWN || state->smm || state->smi_pending) {
        return fail(error, "activity");
    }
    if ((state->msr.apic_base >> cpuid->physical_bits) != 0 || (state->dr[6] >> 32) != 0 || (state->dr[7] >> 32) != 0) {
        return fail(error, "APIC base or debug registers");
    }
    return check_control(state, cpuid, error);
}
