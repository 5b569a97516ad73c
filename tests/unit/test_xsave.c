/*
 * Saved state and faults of the floating point units: FXSAVE, FSAVE, XSAVE, reserved bits,
 * alignment, #NM, #MF with and without CR0.NE, #XM.
 */
#include "accel/interp/fpu.h"
#include "tests/support/cpu_test.h"

#define AREA 0x20000u

static struct cpu_test *create(void)
{
    struct cpu_test *t = cpu_test_create("max");
    cpu_test_long(t, 0);
    t->cpu->s.cr0 = (t->cpu->s.cr0 & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE;
    t->cpu->s.cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
    t->cpu->s.xcr0 = x86_cpuid_xcr0_mask(&t->cpuid);
    cpu_update_mode(t->cpu);
    t->cpu->gpr[RBX] = AREA;
    t->cpu->gpr[RAX] = t->cpu->gpr[RDX] = ~0u;
    fpu_init(t->cpu); /* power-on has everything unmasked */
    return t;
}

/* CODE and one step, which must lead to the next instruction. */
#define STEP(t, ...)                                                                               \
    do {                                                                                           \
        CODE(t, __VA_ARGS__, 0x90);                                                                \
        cpu_test_step(t);                                                                          \
        g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + sizeof((uint8_t[]){__VA_ARGS__}));        \
    } while (0)
#define STEP_FAULT(t, vector, ...)                                                                 \
    do {                                                                                           \
        CODE(t, __VA_ARGS__);                                                                      \
        cpu_test_step(t);                                                                          \
        cpu_test_expect_vector(t, vector);                                                         \
        t->cpu->gpr[RSP] = CPU_TEST_STACK0;                                                        \
    } while (0)

static void fill(struct cpu *cpu)
{
    for (unsigned i = 0; i < 16; i++) {
        for (unsigned j = 0; j < 4; j++) {
            cpu->s.ymm[i][j] = 0x1111111111111111ull * i + j;
        }
    }
}

static void test_fxsave(void)
{
    struct cpu_test *t = create();
    fill(t->cpu);
    STEP(t, 0xd9, 0xe8);             /* fld1 */
    STEP(t, 0xd9, 0xeb);             /* fldpi */
    STEP(t, 0x48, 0x0f, 0xae, 0x03); /* fxsave64 [rbx] */
    g_assert_cmphex(cpu_test_peek(t, AREA, 2), ==, 0x37f);
    g_assert_cmphex(cpu_test_peek(t, AREA + 2, 2), ==, 6 << 11);
    g_assert_cmphex(cpu_test_peek(t, AREA + 4, 1), ==, 0xc0);
    g_assert_cmphex(cpu_test_peek(t, AREA + 8, 8), ==, CPU_TEST_CODE);
    g_assert_cmphex(cpu_test_peek(t, AREA + 24, 4), ==, MXCSR_INIT);
    g_assert_cmphex(cpu_test_peek(t, AREA + 28, 4), ==, MXCSR_VALID);
    g_assert_cmphex(cpu_test_peek(t, AREA + 32, 8), ==, 0xc90fdaa22168c235);
    g_assert_cmphex(cpu_test_peek(t, AREA + 48 + 8, 2), ==, 0x3fff);
    g_assert_cmphex(cpu_test_peek(t, AREA + 160 + 16 * 15, 8), ==, 0xffffffffffffffff);
    g_assert_cmphex(cpu_test_peek(t, AREA + 160 + 16 * 3 + 8, 8), ==, 0x3333333333333334);
    STEP(t, 0xdb, 0xe3); /* fninit */
    memset(t->cpu->s.ymm, 0, sizeof(t->cpu->s.ymm));
    cpu_test_poke(t, AREA + 24, 0x7f80, 4);
    STEP(t, 0x48, 0x0f, 0xae, 0x0b); /* fxrstor64 [rbx] */
    g_assert_cmphex(fpu_status(t->cpu), ==, 6 << 11);
    g_assert_cmphex(t->cpu->s.fpu.ftw, ==, 0xc0);
    g_assert_cmphex(t->cpu->s.mxcsr, ==, 0x7f80);
    g_assert_cmphex(t->cpu->s.ymm[15][0], ==, 0xffffffffffffffff);
    g_assert_cmphex(t->cpu->s.ymm[3][2], ==, 0);
    cpu_test_poke(t, AREA + 24, 0x11f80, 4);
    STEP_FAULT(t, EXC_GP, 0x48, 0x0f, 0xae, 0x0b);
    t->cpu->gpr[RBX] = AREA + 8;
    STEP_FAULT(t, EXC_GP, 0x0f, 0xae, 0x03);
    t->cpu->s.cr0 |= CR0_TS;
    cpu_update_mode(t->cpu);
    STEP_FAULT(t, EXC_NM, 0x0f, 0xae, 0x03);
    cpu_test_destroy(t);
}

/* 32-bit protected and real formats of FSTENV and FSAVE, there and back. */
static void test_fsave(void)
{
    struct cpu_test *t = create();
    cpu_test_protected(t, 0);
    t->cpu->gpr[RBX] = AREA;
    STEP(t, 0xdb, 0xe3); /* fninit */
    STEP(t, 0xd9, 0xee); /* fldz */
    STEP(t, 0xd9, 0xe8); /* fld1 */
    STEP(t, 0xd9, 0x33); /* fnstenv [ebx] */
    g_assert_cmphex(cpu_test_peek(t, AREA, 4), ==, 0xffff037f);
    g_assert_cmphex(cpu_test_peek(t, AREA + 4, 4), ==, 0xffff3000);
    g_assert_cmphex(cpu_test_peek(t, AREA + 8, 4), ==, 0xffff4fff); /* 7 zero, 6 valid */
    g_assert_cmphex(cpu_test_peek(t, AREA + 12, 4), ==, CPU_TEST_CODE);
    g_assert_cmphex(cpu_test_peek(t, AREA + 16, 2), ==, SEL_CODE0);
    STEP(t, 0xdd, 0x33); /* fnsave [ebx] */
    g_assert_cmphex(t->cpu->s.fpu.ftw, ==, 0);
    g_assert_cmphex(cpu_test_peek(t, AREA + 28 + 8, 2), ==, 0x3fff);
    g_assert_cmphex(cpu_test_peek(t, AREA + 38, 8), ==, 0);
    STEP(t, 0xdd, 0x23); /* frstor [ebx] */
    g_assert_cmphex(t->cpu->s.fpu.ftw, ==, 0xc0);
    g_assert_cmphex(t->cpu->s.fpu.fip, ==, CPU_TEST_CODE);
    STEP(t, 0x66, 0xdd, 0x33); /* 16-bit fnsave */
    g_assert_cmphex(cpu_test_peek(t, AREA + 2, 2), ==, 0x3000);
    g_assert_cmphex(cpu_test_peek(t, AREA + 14 + 8, 2), ==, 0x3fff);
    STEP(t, 0x66, 0xdd, 0x23);
    g_assert_cmphex(t->cpu->s.fpu.ftw, ==, 0xc0);
    cpu_test_destroy(t);
}

static void test_xsave(void)
{
    struct cpu_test *t = create();
    if (!x86_has(&t->cpuid, X86_XSAVE) || !x86_has(&t->cpuid, X86_AVX)) {
        g_test_skip("no XSAVE or AVX");
        cpu_test_destroy(t);
        return;
    }
    fill(t->cpu);
    STEP(t, 0x48, 0x0f, 0xae, 0x23); /* xsave64 [rbx] */
    g_assert_cmphex(cpu_test_peek(t, AREA + 512, 8), ==, 7);
    g_assert_cmphex(cpu_test_peek(t, AREA + 576 + 16 * 9, 8), ==, 0x999999999999999b);
    memset(t->cpu->s.ymm, 0x55, sizeof(t->cpu->s.ymm));
    cpu_test_poke(t, AREA + 512, 4, 8); /* SSE and x87 to their initial state */
    STEP(t, 0x48, 0x0f, 0xae, 0x2b);    /* xrstor64 [rbx] */
    g_assert_cmphex(t->cpu->s.ymm[9][0], ==, 0);
    g_assert_cmphex(t->cpu->s.ymm[9][2], ==, 0x999999999999999b);
    /* only what is asked for */
    t->cpu->gpr[RAX] = 2;
    t->cpu->gpr[RDX] = 0;
    t->cpu->s.ymm[0][0] = 0x1234;
    STEP(t, 0x48, 0x0f, 0xae, 0x23);
    g_assert_cmphex(cpu_test_peek(t, AREA + 512, 8), ==, 6);
    g_assert_cmphex(cpu_test_peek(t, AREA + 160, 8), ==, 0x1234);
    t->cpu->gpr[RAX] = 7;
    if (x86_has(&t->cpuid, X86_XSAVEC)) {
        STEP(t, 0x48, 0x0f, 0xc7, 0x23); /* xsavec64 [rbx] */
        g_assert_cmphex(cpu_test_peek(t, AREA + 520, 8), ==, 0x8000000000000007);
        STEP(t, 0x48, 0x0f, 0xae, 0x2b);
        cpu_test_poke(t, AREA + 528, 1, 8);
        STEP_FAULT(t, EXC_GP, 0x48, 0x0f, 0xae, 0x2b);
        cpu_test_poke(t, AREA + 528, 0, 8);
    }
    cpu_test_poke(t, AREA + 520, 0, 8);
    cpu_test_poke(t, AREA + 512, 8, 8); /* a component that XCR0 has not */
    STEP_FAULT(t, EXC_GP, 0x48, 0x0f, 0xae, 0x2b);
    t->cpu->s.cr0 |= CR0_TS;
    cpu_update_mode(t->cpu);
    STEP_FAULT(t, EXC_NM, 0x48, 0x0f, 0xae, 0x23);
    t->cpu->s.cr4 &= ~CR4_OSXSAVE;
    cpu_update_mode(t->cpu);
    STEP_FAULT(t, EXC_UD, 0x48, 0x0f, 0xae, 0x23);
    cpu_test_destroy(t);
}

static void test_mf(void)
{
    struct cpu_test *t = create();
    cpu_test_poke(t, AREA, 0x37b, 2);
    STEP(t, 0xd9, 0x2b); /* fldcw [rbx]: divide by zero unmasked */
    STEP(t, 0xd9, 0xe8); /* fld1 */
    STEP(t, 0xd9, 0xee); /* fldz */
    STEP(t, 0xde, 0xf9); /* fdivp: not done, reported later */
    g_assert_cmphex(fpu_status(t->cpu), ==, (6 << 11) | FSW_ES | FSW_B | 4);
    g_assert_cmphex(t->cpu->s.fpu.ftw, ==, 0xc0);
    g_assert_cmphex(t->cpu->s.fpu.fop, ==, 0x6f9);
    STEP(t, 0xdf, 0xe0); /* fnstsw ax does not wait */
    g_assert_cmphex(t->cpu->gpr[RAX] & 0xffff, ==, 0xb084);
    STEP_FAULT(t, EXC_MF, 0xd9, 0xe8);
    STEP_FAULT(t, EXC_MF, 0x9b);
    STEP_FAULT(t, EXC_MF, 0x0f, 0x77); /* emms */
    STEP(t, 0xdb, 0xe2);               /* fnclex */
    STEP(t, 0xd9, 0xe8);
    cpu_test_destroy(t);
}

static void count(void *arg)
{
    ++*(unsigned *)arg;
}

/* CR0.NE = 0: FERR#, and the instruction waits until IGNNE#. */
static void test_ferr(void)
{
    struct cpu_test *t = create();
    unsigned ferr = 0;
    t->cpu->s.cr0 &= ~CR0_NE;
    t->cpu->ferr = count;
    t->cpu->ferr_arg = &ferr;
    cpu_test_poke(t, AREA, 0x37e, 2);
    STEP(t, 0xd9, 0x2b);
    STEP(t, 0xd9, 0xe0); /* fchs of an empty register: unmasked invalid */
    g_assert_cmphex(fpu_status(t->cpu) & 0xff, ==, 0xc1);
    CODE(t, 0x9b);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE);
    g_assert_cmpuint(ferr, ==, 1);
    t->cpu->ignne = true;
    STEP(t, 0x9b);
    STEP(t, 0xd9, 0xe8);
    g_assert_cmpuint(ferr, ==, 1);
    cpu_test_destroy(t);
}

static void test_xm(void)
{
    struct cpu_test *t = create();
    struct cpu *cpu = t->cpu;
    cpu_test_poke(t, AREA, MXCSR_INIT & ~(4u << 7), 4);
    STEP(t, 0x0f, 0xae, 0x13); /* ldmxcsr [rbx]: divide by zero unmasked */
    cpu->s.ymm[1][0] = cpu->s.ymm[1][1] = 0x3f8000003f800000;
    cpu->s.ymm[2][0] = cpu->s.ymm[2][1] = 0x4040000040400000;
    STEP(t, 0x0f, 0x5e, 0xca); /* divps xmm1, xmm2: only inexact */
    g_assert_cmphex(cpu->s.mxcsr & MXCSR_FLAGS, ==, 0x20);
    uint64_t third = cpu->s.ymm[1][0];
    g_assert_cmphex(third, ==, 0x3eaaaaab3eaaaaab);
    cpu->s.ymm[2][1] = 0x4040000000000000;
    STEP_FAULT(t, EXC_XM, 0x0f, 0x5e, 0xca);
    g_assert_cmphex(cpu->s.ymm[1][0], ==, third);
    g_assert_cmphex(cpu->s.mxcsr & MXCSR_FLAGS, ==, 0x24);
    cpu->s.cr4 &= ~CR4_OSXMMEXCPT;
    STEP_FAULT(t, EXC_UD, 0x0f, 0x5e, 0xca);
    cpu->s.cr4 |= CR4_OSXMMEXCPT;
    /* compare and convert to a register: unordered is invalid */
    cpu_test_poke(t, AREA, MXCSR_INIT & ~(1u << 7), 4);
    STEP(t, 0x0f, 0xae, 0x13);
    cpu->s.ymm[2][0] = 0x7fc00000;
    cpu->gpr[RCX] = 5;
    STEP_FAULT(t, EXC_XM, 0x0f, 0x2f, 0xca);       /* comiss */
    STEP_FAULT(t, EXC_XM, 0xf3, 0x0f, 0x2d, 0xca); /* cvtss2si ecx, xmm2 */
    g_assert_cmphex(cpu->gpr[RCX], ==, 5);
    /* tiny and exact: underflow only if it is unmasked */
    cpu_test_poke(t, AREA, MXCSR_INIT & ~MXCSR_UM, 4);
    STEP(t, 0x0f, 0xae, 0x13);
    cpu->s.ymm[1][0] = cpu->s.ymm[1][1] = 0;
    cpu->s.ymm[2][0] = cpu->s.ymm[2][1] = 0;
    cpu->s.ymm[1][0] = 0x00800000;
    cpu->s.ymm[2][0] = 0x3f000000;
    STEP_FAULT(t, EXC_XM, 0x0f, 0x59, 0xca); /* mulps */
    cpu_test_poke(t, AREA, MXCSR_INIT, 4);
    STEP(t, 0x0f, 0xae, 0x13);
    STEP(t, 0x0f, 0x59, 0xca);
    g_assert_cmphex(cpu->s.ymm[1][0], ==, 0x00400000);
    g_assert_cmphex(cpu->s.mxcsr & MXCSR_FLAGS, ==, 0);
    cpu_test_poke(t, AREA, 0x10000, 4);
    STEP_FAULT(t, EXC_GP, 0x0f, 0xae, 0x13);
    cpu_test_destroy(t);
}

static void test_alignment(void)
{
    struct cpu_test *t = create();
    fill(t->cpu);
    t->cpu->gpr[RBX] = AREA + 8;
    STEP_FAULT(t, EXC_GP, 0x0f, 0x28, 0x03); /* movaps xmm0, [rbx] */
    STEP_FAULT(t, EXC_GP, 0x0f, 0x58, 0x03); /* addps */
    STEP_FAULT(t, EXC_GP, 0x0f, 0x29, 0x0b); /* movaps [rbx], xmm1 */
    STEP(t, 0x0f, 0x11, 0x0b);               /* movups */
    g_assert_cmphex(cpu_test_peek(t, AREA + 8, 8), ==, 0x1111111111111111);
    /* across a page, slow both ways */
    t->cpu->gpr[RBX] = AREA + 0xff8;
    STEP(t, 0x0f, 0x11, 0x0b);
    STEP(t, 0x0f, 0x10, 0x13);
    g_assert_cmphex(t->cpu->s.ymm[2][1], ==, 0x1111111111111112);
    if (x86_has(&t->cpuid, X86_AVX)) {
        STEP(t, 0xc5, 0xfc, 0x11, 0x0b); /* vmovups [rbx], ymm1 */
        STEP(t, 0xc5, 0xec, 0x57, 0x13); /* vxorps ymm2, ymm2, [rbx] */
        g_assert_cmphex(t->cpu->s.ymm[2][3], ==, 0x2222222222222225 ^ 0x1111111111111114);
        STEP(t, 0xc5, 0xe8, 0x58, 0x13); /* vaddps xmm2, xmm2, [rbx] */
        g_assert_cmphex(t->cpu->s.ymm[2][3], ==, 0);
        t->cpu->gpr[RBX] = AREA + 16;
        STEP_FAULT(t, EXC_GP, 0xc5, 0xfc, 0x28, 0x03); /* vmovaps ymm0, [rbx] */
    }
    /* page fault in the second half of a store changes nothing */
    t->cpu->gpr[RBX] = CPU_TEST_RAM - 8;
    cpu_test_poke(t, CPU_TEST_RAM - 8, 0x77, 8);
    STEP_FAULT(t, EXC_PF, 0x0f, 0x11, 0x0b);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_RAM - 8, 8), ==, 0x77);
    STEP(t, 0xd9, 0xeb);                     /* fldpi */
    STEP_FAULT(t, EXC_PF, 0xdb, 0x7b, 0x02); /* fstp tword [rbx + 2] */
    g_assert_cmphex(t->cpu->s.fpu.ftw, ==, 0x80);
    cpu_test_destroy(t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/fpu/fxsave", test_fxsave);
    g_test_add_func("/fpu/fsave", test_fsave);
    g_test_add_func("/fpu/xsave", test_xsave);
    g_test_add_func("/fpu/mf", test_mf);
    g_test_add_func("/fpu/ferr", test_ferr);
    g_test_add_func("/fpu/xm", test_xm);
    g_test_add_func("/fpu/alignment", test_alignment);
    return g_test_run();
}
