/*
 * Loading of segment registers: every check and error code, accessed bits, fast limits.
 */
#include "accel/interp/segment.h"
#include "tests/support/cpu_test.h"

#define DATA (SEG_P | SEG_S | SEG_W)
#define READ_ONLY (SEG_P | SEG_S)
#define CODE_X (SEG_P | SEG_S | SEG_CODE)
#define CODE_R (CODE_X | SEG_R)

/* mov ds, ax */
static void load_ds(struct cpu_test *t, uint16_t selector)
{
    CODE(t, 0x8e, 0xd8);
    t->cpu->gpr[RAX] = selector;
    cpu_test_step(t);
}

static void load_ss(struct cpu_test *t, uint16_t selector)
{
    CODE(t, 0x8e, 0xd0);
    t->cpu->gpr[RAX] = selector;
    cpu_test_step(t);
}

static void test_real(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_real(t);
    t->cpu->s.seg[DS].limit = 0xffffffff; /* unreal mode */
    t->cpu->s.seg[CS].base = 0x10000;
    CODE(t, 0x8e, 0xd8);
    t->cpu->gpr[RAX] = 0x1234;
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->s.seg[DS].base, ==, 0x12340);
    g_assert_cmphex(t->cpu->s.seg[DS].limit, ==, 0xffffffff);
    g_assert_cmphex(t->cpu->s.seg[DS].selector, ==, 0x1234);
    cpu_test_destroy(t);
}

static void test_protected_errors(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    static const struct {
        unsigned cpl;
        bool ss;
        uint32_t attr;
        uint16_t selector;
        unsigned vector; /* 0 = succeeds */
        uint32_t error;
    } cases[] = {
        { 0, false, DATA, SEL_FREE, 0, 0 },
        { 0, false, READ_ONLY, SEL_FREE, 0, 0 },
        { 0, false, CODE_R, SEL_FREE, 0, 0 },
        { 0, false, CODE_X, SEL_FREE, EXC_GP, SEL_FREE },
        { 0, false, DATA & ~SEG_P, SEL_FREE, EXC_NP, SEL_FREE },
        { 0, false, DATA, SEL_FREE | 3, EXC_GP, SEL_FREE }, /* RPL beyond DPL */
        { 3, false, DATA, SEL_FREE | 3, EXC_GP, SEL_FREE },
        { 3, false, DATA | SEG_DPL, SEL_FREE, 0, 0 },
        { 3, false, CODE_R | SEG_C, SEL_FREE, 0, 0 },
        { 3, false, CODE_R, SEL_FREE, EXC_GP, SEL_FREE },
        { 0, false, SEG_P | SYSTEM_TSS32 << SEG_TYPE_SHIFT, SEL_FREE, EXC_GP, SEL_FREE },
        { 0, false, DATA, 0x100, EXC_GP, 0x100 }, /* beyond the limit */
        { 0, false, DATA, 0x0c, EXC_GP, 0x0c },   /* no LDT */
        { 0, false, DATA, 0, 0, 0 },
        { 0, true, DATA, SEL_FREE, 0, 0 },
        { 0, true, DATA, 0, EXC_GP, 0 },
        { 0, true, READ_ONLY, SEL_FREE, EXC_GP, SEL_FREE },
        { 0, true, CODE_R, SEL_FREE, EXC_GP, SEL_FREE },
        { 0, true, DATA | SEG_DPL, SEL_FREE, EXC_GP, SEL_FREE },
        { 0, true, DATA, SEL_FREE | 1, EXC_GP, SEL_FREE },
        { 0, true, DATA & ~SEG_P, SEL_FREE, EXC_SS, SEL_FREE },
        { 3, true, DATA | SEG_DPL, SEL_FREE | 3, 0, 0 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        unsigned seg = cases[i].ss ? SS : DS;
        cpu_test_protected(t, cases[i].cpl);
        uint16_t before = t->cpu->s.seg[seg].selector;
        cpu_test_descriptor(t, SEL_FREE, 0x123456, 0xfff, cases[i].attr);
        if (cases[i].ss) {
            load_ss(t, cases[i].selector);
        } else {
            load_ds(t, cases[i].selector);
        }
        if (cases[i].vector != 0) {
            cpu_test_expect_error(t, cases[i].vector, cases[i].error);
            if (cases[i].cpl == 0) {
                g_assert_cmphex(t->cpu->s.seg[seg].selector, ==, before);
            }
            if ((cases[i].attr & SEG_S) != 0) {
                g_assert_cmphex(cpu_test_peek(t, CPU_TEST_GDT + SEL_FREE + 5, 1) & 1, ==, 0);
            }
        } else {
            g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + 2);
            g_assert_cmphex(t->cpu->s.seg[seg].selector, ==, cases[i].selector);
            if (cases[i].selector != 0) {
                g_assert_cmphex(t->cpu->s.seg[seg].base, ==, 0x123456);
                g_assert_cmphex(t->cpu->s.seg[seg].limit, ==, 0xfff);
                g_assert_cmphex(cpu_test_peek(t, CPU_TEST_GDT + SEL_FREE + 5, 1) & 1, ==, 1);
            }
        }
    }
    cpu_test_destroy(t);
}

static void test_long_null_ss(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_long(t, 0);
    load_ss(t, 0);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + 2);
    g_assert_cmpuint(t->cpu->cpl, ==, 0);
    cpu_test_long(t, 3);
    load_ss(t, 3);
    cpu_test_expect_error(t, EXC_GP, 0);
    cpu_test_destroy(t);
}

static void test_push_pop(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    cpu_test_descriptor(t, SEL_FREE, 0, 0xff, DATA);
    CODE(t, 0x0e, 0x07); /* push cs; pop es: code, readable */
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0 - 4);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 4, 4), ==, SEL_CODE0);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0);
    g_assert_cmphex(t->cpu->s.seg[ES].selector, ==, SEL_CODE0);
    /* A fault leaves the stack pointer alone. */
    cpu_test_poke(t, CPU_TEST_STACK0 - 4, 0x100, 4);
    t->cpu->gpr[RSP] = CPU_TEST_STACK0 - 4;
    CODE(t, 0x07);
    cpu_test_step(t);
    cpu_test_expect_error(t, EXC_GP, 0x100);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0 - 4 - 16);
    /* les eax, [0x500] */
    cpu_test_protected(t, 0);
    cpu_test_poke(t, 0x500, 0x12345678, 4);
    cpu_test_poke(t, 0x504, SEL_FREE, 2);
    CODE(t, 0xc4, 0x05, 0x00, 0x05, 0x00, 0x00);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->gpr[RAX], ==, 0x12345678);
    g_assert_cmphex(t->cpu->s.seg[ES].selector, ==, SEL_FREE);
    /* mov cs, ax does not exist */
    CODE(t, 0x8e, 0xc8);
    cpu_test_step(t);
    cpu_test_expect_vector(t, EXC_UD);
    cpu_test_destroy(t);
}

static void test_fast_limits(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    struct x86_segment s = { .base = 0x1000, .limit = 0xff, .attr = READ_ONLY };
    segment_set(t->cpu, DS, &s);
    g_assert_cmphex(t->cpu->segf[DS].read_end, ==, 0x100);
    g_assert_cmphex(t->cpu->segf[DS].write_end, ==, 0);
    s.attr = DATA | SEG_E;
    segment_set(t->cpu, DS, &s);
    g_assert_cmphex(t->cpu->segf[DS].read_end, ==, 0);
    s = segment_null(0);
    segment_set(t->cpu, DS, &s);
    g_assert_cmphex(t->cpu->segf[DS].read_end, ==, 0);
    s = (struct x86_segment){ .base = 0xfffff000, .limit = UINT32_MAX, .attr = DATA };
    segment_set(t->cpu, DS, &s);
    g_assert_cmphex(t->cpu->segf[DS].write_end, ==, 0x1000);
    cpu_test_destroy(t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/segment/real", test_real);
    g_test_add_func("/segment/protected_errors", test_protected_errors);
    g_test_add_func("/segment/long_null_ss", test_long_null_ss);
    g_test_add_func("/segment/push_pop", test_push_pop);
    g_test_add_func("/segment/fast_limits", test_fast_limits);
    return g_test_run();
}
