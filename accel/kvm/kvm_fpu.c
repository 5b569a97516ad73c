/*
 * x87, SSE and AVX registers as the XSAVE area has them (SDM volume 1, 13.4, standard format), XCR0, and the debug
 * registers. KVM API 4.22 (KVM_GET_FPU), 4.42 (XSAVE), 4.44 (XCRS), 4.33 (DEBUGREGS).
 *
 * The area has 64-bit instruction and operand pointers, and not every host keeps them: what is lost there stays as it
 * was put last unless the registers changed.
 */
#include <errno.h>
#include <string.h>

#include "accel/kvm/kvm_impl.h"

/* Offsets in the area. */
enum {
    X_FCW = 0, X_FSW = 2, X_FTW = 4, X_FOP = 6, X_FIP = 8, X_FDP = 16, X_MXCSR = 24, X_MASK = 28, X_ST = 32,
    X_XMM = 160, X_BV = 512, X_YMM = 576
};
#define BV_X87 1u
#define BV_SSE 2u
#define BV_AVX 4u

static void area_from_state(uint8_t *area, const struct x86_state *state, bool avx)
{
    const struct x86_fpu *f = &state->fpu;
    uint64_t bv = BV_X87 | BV_SSE | (avx ? BV_AVX : 0);
    memcpy(area + X_FCW, &f->fcw, 2);
    memcpy(area + X_FSW, &f->fsw, 2);
    area[X_FTW] = f->ftw;
    memcpy(area + X_FOP, &f->fop, 2);
    memcpy(area + X_FIP, &f->fip, 8);
    memcpy(area + X_FDP, &f->fdp, 8);
    memcpy(area + X_MXCSR, &state->mxcsr, 4);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(area + X_ST + 16 * i, f->st[i], 10);
    }
    for (unsigned i = 0; i < 16; i++) {
        memcpy(area + X_XMM + 16 * i, state->ymm[i], 16);
        if (avx) {
            memcpy(area + X_YMM + 16 * i, &state->ymm[i][2], 16);
        }
    }
    memcpy(area + X_BV, &bv, 8);
}

/* A host may not keep the pointers while no exception is pending (AMD), or keep no selectors. Where nothing else has
 * changed, no instruction has set them anew. */
static void keep_pointers(struct x86_fpu *f, const struct x86_fpu *old)
{
    bool same = f->fcw == old->fcw && f->fsw == old->fsw && f->ftw == old->ftw &&
                memcmp(f->st, old->st, sizeof(f->st)) == 0;
    if (same) {
        f->fop = old->fop;
        f->fip = old->fip;
        f->fdp = old->fdp;
    }
    f->fcs = f->fip == old->fip ? old->fcs : 0;
    f->fds = f->fdp == old->fdp ? old->fds : 0;
}

/* A component whose bit is clear is in its initial state, whatever its bytes. */
static void state_from_area(struct x86_state *state, const uint8_t *area)
{
    struct x86_fpu *f = &state->fpu;
    struct x86_fpu old = *f;
    uint64_t bv;
    memcpy(&bv, area + X_BV, 8);
    memset(f, 0, sizeof(*f));
    f->fcw = 0x37f;
    if (bv & BV_X87) {
        memcpy(&f->fcw, area + X_FCW, 2);
        memcpy(&f->fsw, area + X_FSW, 2);
        f->ftw = area[X_FTW];
        memcpy(&f->fop, area + X_FOP, 2);
        memcpy(&f->fip, area + X_FIP, 8);
        memcpy(&f->fdp, area + X_FDP, 8);
        for (unsigned i = 0; i < 8; i++) {
            memcpy(f->st[i], area + X_ST + 16 * i, 10);
        }
    }
    keep_pointers(f, &old);
    /* MXCSR is kept whenever SSE or AVX state is saved. */
    if (bv & (BV_SSE | BV_AVX)) {
        memcpy(&state->mxcsr, area + X_MXCSR, 4);
    } else {
        state->mxcsr = 0x1f80;
    }
    memset(state->ymm, 0, sizeof(state->ymm));
    for (unsigned i = 0; i < 16; i++) {
        if (bv & BV_SSE) {
            memcpy(state->ymm[i], area + X_XMM + 16 * i, 16);
        }
        if (bv & BV_AVX) {
            memcpy(&state->ymm[i][2], area + X_YMM + 16 * i, 16);
        }
    }
}

static bool has_avx(const struct kvm_cpu *c)
{
    return c->engine->caps.xcrs && x86_has(c->engine->cpuid, X86_AVX);
}

/* Without XSAVE: the same registers by KVM_GET_FPU. */
static void fpu_from_area(struct kvm_fpu *fpu, const uint8_t *area)
{
    memset(fpu, 0, sizeof(*fpu));
    memcpy(&fpu->fcw, area + X_FCW, 2);
    memcpy(&fpu->fsw, area + X_FSW, 2);
    fpu->ftwx = area[X_FTW];
    memcpy(&fpu->last_opcode, area + X_FOP, 2);
    memcpy(&fpu->last_ip, area + X_FIP, 8);
    memcpy(&fpu->last_dp, area + X_FDP, 8);
    memcpy(&fpu->mxcsr, area + X_MXCSR, 4);
    memcpy(fpu->fpr, area + X_ST, sizeof(fpu->fpr));
    memcpy(fpu->xmm, area + X_XMM, sizeof(fpu->xmm));
}

static void area_from_fpu(uint8_t *area, const struct kvm_fpu *fpu)
{
    uint64_t bv = BV_X87 | BV_SSE;
    memcpy(area + X_FCW, &fpu->fcw, 2);
    memcpy(area + X_FSW, &fpu->fsw, 2);
    area[X_FTW] = fpu->ftwx;
    memcpy(area + X_FOP, &fpu->last_opcode, 2);
    memcpy(area + X_FIP, &fpu->last_ip, 8);
    memcpy(area + X_FDP, &fpu->last_dp, 8);
    memcpy(area + X_MXCSR, &fpu->mxcsr, 4);
    memcpy(area + X_ST, fpu->fpr, sizeof(fpu->fpr));
    memcpy(area + X_XMM, fpu->xmm, sizeof(fpu->xmm));
    memcpy(area + X_BV, &bv, 8);
}

int kvm_fpu_put(struct kvm_cpu *c, const struct x86_state *state)
{
    struct kvm_xsave xsave = { 0 };
    area_from_state((uint8_t *)xsave.region, state, has_avx(c));
    if (!c->engine->caps.xsave) {
        struct kvm_fpu fpu;
        fpu_from_area(&fpu, (uint8_t *)xsave.region);
        return kvm_cpu_ioctl(c, KVM_SET_FPU, &fpu);
    }
    if (has_avx(c)) {
        struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs[0] = { .xcr = 0, .value = state->xcr0 } };
        int r = kvm_cpu_ioctl(c, KVM_SET_XCRS, &xcrs);
        if (r < 0) {
            return r;
        }
    }
    return kvm_cpu_ioctl(c, KVM_SET_XSAVE, &xsave);
}

int kvm_fpu_get(struct kvm_cpu *c, struct x86_state *state)
{
    struct kvm_xsave xsave = { 0 };
    int r;
    if (c->engine->caps.xsave) {
        r = kvm_cpu_ioctl(c, KVM_GET_XSAVE, &xsave);
    } else {
        struct kvm_fpu fpu;
        r = kvm_cpu_ioctl(c, KVM_GET_FPU, &fpu);
        area_from_fpu((uint8_t *)xsave.region, &fpu);
    }
    if (r < 0) {
        return r;
    }
    state_from_area(state, (const uint8_t *)xsave.region);
    if (has_avx(c)) {
        struct kvm_xcrs xcrs = { 0 };
        r = kvm_cpu_ioctl(c, KVM_GET_XCRS, &xcrs);
        for (unsigned i = 0; r == 0 && i < xcrs.nr_xcrs && i < KVM_MAX_XCRS; i++) {
            state->xcr0 = xcrs.xcrs[i].xcr == 0 ? xcrs.xcrs[i].value : state->xcr0;
        }
    }
    return r;
}

int kvm_debug_put(struct kvm_cpu *c, const struct x86_state *state)
{
    struct kvm_debugregs d = { .dr6 = state->dr[6], .dr7 = state->dr[7] };
    memcpy(d.db, state->dr, sizeof(d.db));
    return c->engine->caps.debugregs ? kvm_cpu_ioctl(c, KVM_SET_DEBUGREGS, &d) : 0;
}

int kvm_debug_get(struct kvm_cpu *c, struct x86_state *state)
{
    struct kvm_debugregs d;
    if (!c->engine->caps.debugregs) {
        return 0;
    }
    int r = kvm_cpu_ioctl(c, KVM_GET_DEBUGREGS, &d);
    if (r == 0) {
        memcpy(state->dr, d.db, sizeof(d.db));
        state->dr[6] = d.dr6;
        state->dr[7] = d.dr7;
    }
    return r;
}
