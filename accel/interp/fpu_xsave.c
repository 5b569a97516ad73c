/*
 * FXSAVE, FXRSTOR and the XSAVE family for the components x87, SSE and AVX, and MXCSR. SDM volume
 * 1, sections 10.5 and chapter 13.
 *
 * Not modelled: the init and modified optimisations. XSAVEOPT and XSAVEC save every requested
 * component, which the manual allows. The standard and the compacted format put the AVX component
 * at the same place.
 */
#include "accel/interp/decode.h"
#include "accel/interp/fpu_fast.h"
#include "accel/interp/fpu_memory.h"

#define XCOMP_X87     1u
#define XCOMP_SSE     2u
#define XCOMP_AVX     4u
#define XCOMP_COMPACT (1ull << 63)

#define FX_MXCSR     24
#define FX_ST        32
#define FX_XMM       160
#define FX_SIZE      512
#define XSAVE_HEADER 512
#define XSAVE_AVX    576
#define XSAVE_SIZE   832

static unsigned xmm_count(const struct cpu *cpu)
{
    return cpu->mode & MODE_CODE64 ? 16 : 8;
}

/* ---- components to and from an image ---- */

/* wide: 64-bit pointers (REX.W). */
static void x87_out(struct cpu *cpu, uint8_t *p, bool wide)
{
    const struct x86_fpu *f = &cpu->s.fpu;
    uint16_t fsw = fpu_status(cpu);
    memcpy(p, &f->fcw, 2);
    memcpy(p + 2, &fsw, 2);
    p[4] = f->ftw;
    p[5] = 0;
    memcpy(p + 6, &f->fop, 2);
    memcpy(p + 8, &f->fip, 8);
    memcpy(p + 16, &f->fdp, 8);
    if (!wide) {
        uint16_t selector[2] = {f->fcs, 0};
        memcpy(p + 12, selector, 4);
        selector[0] = f->fds;
        memcpy(p + 20, selector, 4);
    }
    for (unsigned i = 0; i < 8; i++) {
        memcpy(p + FX_ST + 16 * i, fpu_st(cpu, i), 10);
        memset(p + FX_ST + 16 * i + 10, 0, 6);
    }
}

static void x87_in(struct cpu *cpu, const uint8_t *p, bool wide)
{
    struct x86_fpu *f = &cpu->s.fpu;
    uint16_t fcw, fsw;
    memcpy(&fcw, p, 2);
    memcpy(&fsw, p + 2, 2);
    f->ftw = p[4];
    memcpy(&f->fop, p + 6, 2);
    f->fop &= 0x7ff;
    memcpy(&f->fip, p + 8, 8);
    memcpy(&f->fdp, p + 16, 8);
    if (wide) {
        f->fcs = f->fds = 0;
    } else {
        f->fcs = (uint16_t)(f->fip >> 32);
        f->fds = (uint16_t)(f->fdp >> 32);
        f->fip = (uint32_t)f->fip;
        f->fdp = (uint32_t)f->fdp;
    }
    fpu_set_control(cpu, fcw, fsw);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(fpu_st(cpu, i), p + FX_ST + 16 * i, 10);
    }
}

static void mxcsr_out(struct cpu *cpu, uint8_t *p)
{
    uint32_t v[2] = {fpu_mxcsr(cpu), MXCSR_VALID};
    memcpy(p + FX_MXCSR, v, 8);
}

/* #GP(0) for reserved bits. */
static uint32_t mxcsr_checked(struct cpu *cpu, const struct insn *insn, const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    if (v & ~MXCSR_VALID) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    return v;
}

static void xmm_out(struct cpu *cpu, uint8_t *p)
{
    for (unsigned i = 0; i < xmm_count(cpu); i++) {
        memcpy(p + FX_XMM + 16 * i, &cpu->s.ymm[i][0], 16);
    }
}
/* p NULL: the initial state. */
static void xmm_in(struct cpu *cpu, const uint8_t *p)
{
    for (unsigned i = 0; i < xmm_count(cpu); i++) {
        if (p != NULL) {
            memcpy(&cpu->s.ymm[i][0], p + FX_XMM + 16 * i, 16);
        } else {
            memset(&cpu->s.ymm[i][0], 0, 16);
        }
    }
}
static void avx_out(struct cpu *cpu, uint8_t *p)
{
    for (unsigned i = 0; i < xmm_count(cpu); i++) {
        memcpy(p + XSAVE_AVX + 16 * i, &cpu->s.ymm[i][2], 16);
    }
}
static void avx_in(struct cpu *cpu, const uint8_t *p)
{
    for (unsigned i = 0; i < xmm_count(cpu); i++) {
        if (p != NULL) {
            memcpy(&cpu->s.ymm[i][2], p + XSAVE_AVX + 16 * i, 16);
        } else {
            memset(&cpu->s.ymm[i][2], 0, 16);
        }
    }
}

/* ---- FXSAVE, FXRSTOR ---- */

static unsigned fx_size(const struct cpu *cpu)
{
    return FX_XMM + 16 * xmm_count(cpu);
}

static __attribute__((noinline)) void fxsave(struct cpu *cpu, const struct insn *insn, bool wide)
{
    uint8_t image[FX_SIZE];
    uint64_t ea = insn_ea(cpu, insn);
    fpu_check_alignment(cpu, insn, ea, 16);
    x87_out(cpu, image, wide);
    mxcsr_out(cpu, image);
    xmm_out(cpu, image);
    fpu_write_area(cpu, insn, ea, image, fx_size(cpu));
}

static __attribute__((noinline)) void fxrstor(struct cpu *cpu, const struct insn *insn, bool wide)
{
    uint8_t image[FX_SIZE];
    uint64_t ea = insn_ea(cpu, insn);
    fpu_check_alignment(cpu, insn, ea, 16);
    fpu_read_area(cpu, insn, ea, image, fx_size(cpu));
    uint32_t mxcsr = mxcsr_checked(cpu, insn, image + FX_MXCSR);
    x87_in(cpu, image, wide);
    fpu_set_mxcsr(cpu, mxcsr);
    xmm_in(cpu, image);
}

/* ---- XSAVE ---- */

static void xsave_usable(struct cpu *cpu, const struct insn *insn)
{
    if (!(cpu->s.cr4 & CR4_OSXSAVE)) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
    if (cpu->s.cr0 & CR0_TS) {
        cpu_fault(cpu, insn, EXC_NM, 0);
    }
}

/* Requested-feature bitmap: EDX:EAX & XCR0. */
static uint64_t xsave_rfbm(const struct cpu *cpu)
{
    return ((uint32_t)cpu->gpr[RAX] | cpu->gpr[RDX] << 32) & cpu->s.xcr0;
}

static __attribute__((noinline)) void xsave_components(struct cpu *cpu, const struct insn *insn,
                                                       uint64_t ea, uint64_t rfbm, bool wide,
                                                       bool compact)
{
    uint8_t image[XSAVE_SIZE];
    unsigned count = xmm_count(cpu);
    if (rfbm & XCOMP_X87) {
        x87_out(cpu, image, wide);
        fpu_write_area(cpu, insn, ea, image, FX_MXCSR);
        fpu_write_area(cpu, insn, ea + FX_ST, image + FX_ST, 128);
    }
    if (rfbm & (compact ? XCOMP_SSE : XCOMP_SSE | XCOMP_AVX)) {
        mxcsr_out(cpu, image);
        fpu_write_area(cpu, insn, ea + FX_MXCSR, image + FX_MXCSR, 8);
    }
    if (rfbm & XCOMP_SSE) {
        xmm_out(cpu, image);
        fpu_write_area(cpu, insn, ea + FX_XMM, image + FX_XMM, 16 * count);
    }
    if (rfbm & XCOMP_AVX) {
        avx_out(cpu, image);
        fpu_write_area(cpu, insn, ea + XSAVE_AVX, image + XSAVE_AVX, 16 * count);
    }
}

static __attribute__((noinline)) void xsave(struct cpu *cpu, const struct insn *insn, bool wide,
                                            bool compact)
{
    xsave_usable(cpu, insn);
    uint64_t ea = insn_ea(cpu, insn), rfbm = xsave_rfbm(cpu);
    fpu_check_alignment(cpu, insn, ea, 64);
    uint64_t header[2];
    if (compact) {
        header[0] = rfbm;
        header[1] = rfbm | XCOMP_COMPACT;
    } else {
        fpu_read_area(cpu, insn, ea + XSAVE_HEADER, header, sizeof(header));
        header[0] = (header[0] & ~rfbm) | rfbm;
    }
    fpu_probe_area(cpu, insn, ea, rfbm & XCOMP_AVX ? XSAVE_AVX + 16 * xmm_count(cpu) : XSAVE_AVX);
    xsave_components(cpu, insn, ea, rfbm, wide, compact);
    fpu_write_area(cpu, insn, ea + XSAVE_HEADER, header, compact ? 16 : 8);
}

/* The checks of SDM volume 1, section 13.8.1; true if the area is compacted. */
static bool xrstor_header(struct cpu *cpu, const struct insn *insn, const uint64_t *header)
{
    uint64_t bv = header[0], comp = header[1], rest = header[2];
    bool compact = comp >> 63;
    bool bad;
    if (compact) {
        for (unsigned i = 3; i < 8; i++) {
            rest |= header[i];
        }
        bad = !x86_has(cpu->cpuid, X86_XSAVEC) || (comp & ~(cpu->s.xcr0 | XCOMP_COMPACT)) ||
              (bv & ~comp) || rest;
    } else {
        bad = (bv & ~cpu->s.xcr0) || comp || rest;
    }
    if (bad) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    return compact;
}

static __attribute__((noinline)) void xrstor(struct cpu *cpu, const struct insn *insn, bool wide)
{
    xsave_usable(cpu, insn);
    uint8_t image[XSAVE_SIZE];
    uint64_t header[8];
    uint64_t ea = insn_ea(cpu, insn), rfbm = xsave_rfbm(cpu);
    fpu_check_alignment(cpu, insn, ea, 64);
    fpu_read_area(cpu, insn, ea, image, XSAVE_AVX);
    memcpy(header, image + XSAVE_HEADER, sizeof(header));
    bool compact = xrstor_header(cpu, insn, header);
    uint64_t load = rfbm & header[0];
    if (load & XCOMP_AVX) {
        fpu_read_area(cpu, insn, ea + XSAVE_AVX, image + XSAVE_AVX, 16 * xmm_count(cpu));
    }
    bool mxcsr = compact ? (rfbm & XCOMP_SSE) != 0 : (rfbm & (XCOMP_SSE | XCOMP_AVX)) != 0;
    if (mxcsr) {
        bool initial = compact && !(load & XCOMP_SSE);
        fpu_set_mxcsr(cpu, initial ? MXCSR_INIT : mxcsr_checked(cpu, insn, image + FX_MXCSR));
    }
    if (load & XCOMP_X87) {
        x87_in(cpu, image, wide);
    } else if (rfbm & XCOMP_X87) {
        fpu_init(cpu);
        memset(cpu->s.fpu.st, 0, sizeof(cpu->s.fpu.st));
    }
    if (rfbm & XCOMP_SSE) {
        xmm_in(cpu, load & XCOMP_SSE ? image : NULL);
    }
    if (rfbm & XCOMP_AVX) {
        avx_in(cpu, load & XCOMP_AVX ? image : NULL);
    }
}

/* ---- handlers ---- */

/* wide is a constant of the handler: REX.W. */
#define AREA(name, call)                                                                           \
    static void name##_32_m(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                              \
        const bool wide = false;                                                                   \
        call;                                                                                      \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    static void name##_64_m(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                              \
        const bool wide = true;                                                                    \
        call;                                                                                      \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    const struct op_handlers name = {                                                              \
        {NULL, NULL, NULL}, {name##_32_m, name##_32_m, name##_64_m}, {NULL, NULL, NULL}};

AREA(fpu_fxsave, fxsave(cpu, insn, wide))
AREA(fpu_fxrstor, fxrstor(cpu, insn, wide))
AREA(fpu_xsave, xsave(cpu, insn, wide, false))
AREA(fpu_xsavec, xsave(cpu, insn, wide, true))
AREA(fpu_xrstor, xrstor(cpu, insn, wide))

static void sse_ldmxcsr_m(struct cpu *cpu, const struct insn *insn)
{
    uint32_t v = mem_read32(cpu, insn, insn->seg, insn_ea(cpu, insn));
    fpu_set_mxcsr(cpu, mxcsr_checked(cpu, insn, (const uint8_t *)&v));
    NEXT(cpu, insn);
}
const struct op_handlers sse_ldmxcsr = HANDLERS(NULL, sse_ldmxcsr_m);

static void sse_stmxcsr_m(struct cpu *cpu, const struct insn *insn)
{
    mem_write32(cpu, insn, insn->seg, insn_ea(cpu, insn), fpu_mxcsr(cpu));
    NEXT(cpu, insn);
}
const struct op_handlers sse_stmxcsr = HANDLERS(NULL, sse_stmxcsr_m);
