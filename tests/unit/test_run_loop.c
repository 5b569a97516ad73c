/*
 * The run loop's limits, and what it keeps from the guest.
 */
#include "tests/support/cpu_test.h"

/* A handler whose first instruction faults for ever must not keep the limit from being reached. */
static void test_endless_fault(void)
{
    struct cpu_test *t = cpu_test_create("max");
    cpu_test_real(t);
    cpu_test_poke(t, EXC_UD * 4, CPU_TEST_CODE >> 4 << 16, 4);
    t->cpu->s.seg[CS].selector = CPU_TEST_CODE >> 4;
    t->cpu->s.seg[CS].base = CPU_TEST_CODE;
    cpu_update_mode(t->cpu);
    cpu_update_segment(t->cpu, CS);
    CODE(t, 0x0f, 0x0b); /* ud2 */
    g_assert_cmpint(interp_run(t->cpu, 1000), ==, VCPU_KICKED);
    g_assert_cmpuint(interp_instructions(t->cpu, NULL), <, 2);
    cpu_test_destroy(t);
}

/* Nor may a repeated instruction that would take years. */
static void test_endless_repeat(void)
{
    struct cpu_test *t = cpu_test_create("max");
    cpu_test_long(t, 0);
    CODE(t, 0xf3, 0xac); /* rep lodsb */
    t->cpu->gpr[RSI] = CPU_TEST_STACK0;
    t->cpu->gpr[RCX] = UINT64_MAX;
    g_assert_cmpint(interp_run(t->cpu, 10000), ==, VCPU_KICKED);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE);
    g_assert_cmpuint(t->cpu->gpr[RCX], <, UINT64_MAX);
    cpu_test_destroy(t);
}

/* RF goes with the instruction that it protects, not when the limit stops short of it. */
static void test_limit_keeps_resume_flag(void)
{
    struct cpu_test *t = cpu_test_create("max");
    cpu_test_protected(t, 0);
    CODE(t, 0x90, 0x90, 0x90);
    t->cpu->s.dr[7] = 0x401;
    t->cpu->s.dr[0] = CPU_TEST_CODE + 1;
    cpu_update_mode(t->cpu);
    g_assert_cmpint(interp_run(t->cpu, 1), ==, VCPU_KICKED);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + 1);
    t->cpu->eflags |= FLAG_RF;
    g_assert_cmpint(interp_run(t->cpu, 1), ==, VCPU_KICKED);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + 2);
    g_assert_cmphex(t->cpu->eflags & FLAG_RF, ==, 0);
    cpu_test_destroy(t);
}

/* Many pages of code make tables of ours grow, with floating point: no flag of that is the guest's. */
static void test_host_fp_flags(void)
{
    enum { PAGES = 500 };
    struct cpu_test *t = cpu_test_create("max");
    struct x86_state s;
    cpu_test_protected(t, 0);
    for (unsigned i = 0; i < PAGES; i++) {
        cpu_test_poke(t, CPU_TEST_CODE + i * 0x1000, 0x00000ffbe9, 5); /* jmp to the next page */
    }
    cpu_test_poke(t, CPU_TEST_CODE + PAGES * 0x1000, 0xf4, 1);
    t->cpu->rip = CPU_TEST_CODE;
    g_assert_cmpint(interp_run(t->cpu, 10 * PAGES), ==, VCPU_HALTED);
    cpu_state_get(t->cpu, &s);
    g_assert_cmphex(s.mxcsr, ==, 0x1f80);
    cpu_test_destroy(t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/run-loop/endless-fault", test_endless_fault);
    g_test_add_func("/run-loop/endless-repeat", test_endless_repeat);
    g_test_add_func("/run-loop/limit-keeps-rf", test_limit_keeps_resume_flag);
    g_test_add_func("/run-loop/host-fp-flags", test_host_fp_flags);
    return g_test_run();
}
