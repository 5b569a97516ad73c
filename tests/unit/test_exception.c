/*
 * Delivery of faults: gates, privilege changes, error codes, double and triple faults, in every mode.
 */
#include "accel/interp/interrupt.h"
#include "accel/interp/segment.h"
#include "accel/interp/task.h"
#include "tests/support/cpu_test.h"

static uint32_t stack32(struct cpu_test *t, unsigned i)
{
    return (uint32_t)cpu_test_peek(t, (uint32_t)(t->cpu->s.seg[SS].base + t->cpu->gpr[RSP] + 4 * i), 4);
}

static uint64_t stack64(struct cpu_test *t, unsigned i)
{
    return cpu_test_peek(t, (uint32_t)t->cpu->gpr[RSP] + 8 * i, 8);
}

static void test_real(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_real(t);
    t->cpu->s.seg[CS].base = CPU_TEST_CODE;
    t->cpu->s.seg[CS].selector = CPU_TEST_CODE >> 4;
    cpu_update_segment(t->cpu, CS);
    t->cpu->eflags |= FLAG_IF;
    CODE(t, 0x90, 0x0f, 0x0b); /* ud2 at 1 */
    t->cpu->rip = 1;
    cpu_test_step(t);
    cpu_test_expect_vector(t, EXC_UD);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0 - 6);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 6, 2), ==, 1);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 4, 2), ==, CPU_TEST_CODE >> 4);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 2, 2) & FLAG_IF, ==, FLAG_IF);
    g_assert_cmphex(t->cpu->eflags & FLAG_IF, ==, 0);
    /* int 0x21 returns behind itself */
    cpu_test_real(t);
    t->cpu->s.seg[CS].base = CPU_TEST_CODE;
    cpu_update_segment(t->cpu, CS);
    CODE(t, 0xcd, 0x21);
    cpu_test_step(t);
    cpu_test_expect_vector(t, 0x21);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 6, 2), ==, 2);
    cpu_test_destroy(t);
}

static void test_same_level(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    CODE(t, 0x0f, 0x0b);
    cpu_test_step(t);
    cpu_test_expect_vector(t, EXC_UD);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0 - 12);
    g_assert_cmphex(stack32(t, 0), ==, CPU_TEST_CODE);
    g_assert_cmphex(stack32(t, 1), ==, SEL_CODE0);
    g_assert_cmphex(stack32(t, 2), ==, FLAG_1 | FLAG_RF);
    cpu_test_destroy(t);
}

static void test_inner_level(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 3);
    t->cpu->eflags |= FLAG_NT | FLAG_IF;
    CODE(t, 0xf4); /* hlt: #GP(0) */
    cpu_test_step(t);
    cpu_test_expect_error(t, EXC_GP, 0);
    g_assert_cmpuint(t->cpu->cpl, ==, 0);
    g_assert_cmphex(t->cpu->s.seg[SS].selector, ==, SEL_DATA0);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0 - 24);
    g_assert_cmphex(stack32(t, 1), ==, CPU_TEST_CODE);
    g_assert_cmphex(stack32(t, 2), ==, SEL_CODE3);
    g_assert_cmphex(stack32(t, 4), ==, CPU_TEST_STACK3);
    g_assert_cmphex(stack32(t, 5), ==, SEL_DATA3);
    g_assert_cmphex(t->cpu->eflags & (FLAG_NT | FLAG_IF), ==, 0);
    cpu_test_destroy(t);
}

static void test_software_rights(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 3);
    CODE(t, 0xcd, 0x21); /* gate with DPL 0 */
    cpu_test_step(t);
    cpu_test_expect_error(t, EXC_GP, 0x21 * 8 + 2);
    g_assert_cmphex(stack32(t, 1), ==, CPU_TEST_CODE);
    cpu_test_protected(t, 3);
    CODE(t, 0xcd, 0x80);
    cpu_test_step(t);
    cpu_test_expect_vector(t, 0x80);
    g_assert_cmphex(stack32(t, 0), ==, CPU_TEST_CODE + 2);
    cpu_test_protected(t, 3);
    CODE(t, 0xcc);
    cpu_test_step(t);
    cpu_test_expect_vector(t, EXC_BP);
    /* not present gate */
    cpu_test_protected(t, 0);
    t->mem[CPU_TEST_IDT + 0x90 * 8 + 5] &= 0x7f;
    CODE(t, 0xcd, 0x90);
    cpu_test_step(t);
    cpu_test_expect_error(t, EXC_NP, 0x90 * 8 + 2);
    /* 16-bit trap gate: a 16-bit frame, IF kept */
    cpu_test_protected(t, 0);
    cpu_test_gate(t, 0x91, SEL_CODE0, CPU_TEST_HANDLERS + 0x910, SYSTEM_TRAP16, 0);
    t->cpu->eflags |= FLAG_IF;
    CODE(t, 0xcd, 0x91);
    cpu_test_step(t);
    cpu_test_expect_vector(t, 0x91);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0 - 6);
    g_assert_cmphex(t->cpu->eflags & FLAG_IF, ==, FLAG_IF);
    cpu_test_destroy(t);
}

static void test_double_fault(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    cpu_test_gate(t, EXC_GP, 0x100, 0, SYSTEM_INT32, 0); /* selector beyond the GDT */
    CODE(t, 0x8e, 0xd8);
    t->cpu->gpr[RAX] = 0x200;
    cpu_test_step(t);
    cpu_test_expect_error(t, EXC_DF, 0);
    /* A benign exception is followed by the second one. */
    cpu_test_protected(t, 0);
    cpu_test_gate(t, EXC_UD, 0x100, 0, SYSTEM_INT32, 0);
    CODE(t, 0x0f, 0x0b);
    cpu_test_step(t);
    cpu_test_expect_error(t, EXC_GP, 0x101);
    cpu_test_destroy(t);
}

static void test_triple_fault(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    t->cpu->s.idtr.limit = 0;
    CODE(t, 0x0f, 0x0b);
    g_assert_cmpint(cpu_test_step(t), ==, VCPU_SHUTDOWN);
    g_assert_true(t->cpu->triple_fault);
    g_assert_cmpuint(t->cpu->s.activity, ==, X86_SHUTDOWN);
    cpu_test_destroy(t);
}

static void test_long(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_long(t, 3);
    t->cpu->gpr[RSP] = CPU_TEST_STACK3 - 3;
    CODE(t, 0xf4);
    cpu_test_step(t);
    cpu_test_expect_error(t, EXC_GP, 0);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0 - 48);
    g_assert_cmphex(stack64(t, 1), ==, CPU_TEST_CODE);
    g_assert_cmphex(stack64(t, 2), ==, SEL_CODE3);
    g_assert_cmphex(stack64(t, 4), ==, CPU_TEST_STACK3 - 3);
    g_assert_cmphex(stack64(t, 5), ==, SEL_DATA3);
    g_assert_cmphex(t->cpu->s.seg[SS].selector, ==, 0);
    g_assert_cmpuint(t->cpu->cpl, ==, 0);
    /* The stack is aligned; IST */
    cpu_test_long(t, 0);
    t->cpu->gpr[RSP] = CPU_TEST_STACK0 - 3;
    CODE(t, 0x0f, 0x0b);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0 - 16 - 40);
    cpu_test_long(t, 0);
    cpu_test_poke(t, CPU_TEST_TSS + 0x24 + 8, 0x7000, 8); /* IST2 */
    cpu_test_poke(t, CPU_TEST_IDT + EXC_UD * 16 + 4, 2, 1);
    CODE(t, 0x0f, 0x0b);
    cpu_test_step(t);
    cpu_test_expect_vector(t, EXC_UD);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, 0x7000 - 40);
    g_assert_cmphex(t->cpu->s.seg[SS].selector, ==, SEL_DATA0);
    cpu_test_destroy(t);
}

static void test_page_fault(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_long(t, 0);
    cpu_test_poke(t, CPU_TEST_TABLES + 0x2000 + 7 * 8, 0, 8);
    /* mov [0xe00123], ds */
    CODE(t, 0x8c, 0x1c, 0x25, 0x23, 0x01, 0xe0, 0x00);
    cpu_test_step(t);
    cpu_test_expect_error(t, EXC_PF, 2);
    g_assert_cmphex(t->cpu->s.cr2, ==, 0xe00123);
    g_assert_cmphex(stack64(t, 1), ==, CPU_TEST_CODE);
    /* A page fault while one is delivered: the stack is not mapped. */
    cpu_test_long(t, 0);
    cpu_test_poke(t, CPU_TEST_TABLES + 0x2000 + 7 * 8, 0, 8);
    cpu_test_poke(t, CPU_TEST_TSS + 0x24, 0x7000, 8);
    cpu_test_poke(t, CPU_TEST_IDT + EXC_DF * 16 + 4, 1, 1);
    t->cpu->gpr[RSP] = 0xe00800;
    CODE(t, 0x8c, 0x1c, 0x25, 0x23, 0x01, 0xe0, 0x00);
    cpu_test_step(t);
    cpu_test_expect_error(t, EXC_DF, 0);
    cpu_test_destroy(t);
}

static void enter_v86(struct cpu_test *t, unsigned iopl)
{
    struct x86_state s;
    cpu_test_protected(t, 3);
    cpu_state_get(t->cpu, &s);
    s.rflags |= FLAG_VM | iopl << FLAG_IOPL_SHIFT;
    for (unsigned i = 0; i < 6; i++) {
        s.seg[i] = (struct x86_segment){ .base = 0x100u * i * 16, .limit = 0xffff, .attr = 0xf300,
                                         .selector = (uint16_t)(0x100 * i) };
    }
    s.seg[CS].base = CPU_TEST_CODE;
    s.seg[CS].selector = CPU_TEST_CODE >> 4;
    s.seg[SS].base = 0;
    s.seg[SS].selector = 0;
    s.gpr[RSP] = CPU_TEST_STACK3;
    s.rip = 0;
    cpu_state_put(t->cpu, &s);
}

static void test_v86(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    enter_v86(t, 3);
    CODE(t, 0xcd, 0x80);
    cpu_test_step(t);
    cpu_test_expect_vector(t, 0x80);
    g_assert_cmphex(t->cpu->eflags & FLAG_VM, ==, 0);
    g_assert_cmpuint(t->cpu->cpl, ==, 0);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0 - 36);
    g_assert_cmphex(stack32(t, 0), ==, 2);
    g_assert_cmphex(stack32(t, 1), ==, CPU_TEST_CODE >> 4);
    g_assert_cmphex(stack32(t, 2) & FLAG_VM, ==, FLAG_VM);
    g_assert_cmphex(stack32(t, 3), ==, CPU_TEST_STACK3);
    g_assert_cmphex(stack32(t, 5), ==, 0x100 * ES);
    g_assert_cmphex(stack32(t, 6), ==, 0x100 * DS);
    g_assert_cmphex(stack32(t, 7), ==, 0x100 * FS);
    g_assert_cmphex(stack32(t, 8), ==, 0x100 * GS);
    g_assert_cmphex(t->cpu->s.seg[DS].attr & SEG_P, ==, 0);
    /* and back */
    cpu_test_poke(t, CPU_TEST_HANDLERS + 0x800, 0xcf, 1);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->eflags & FLAG_VM, ==, FLAG_VM);
    g_assert_cmphex(t->cpu->rip, ==, 2);
    g_assert_cmphex(t->cpu->s.seg[DS].base, ==, 0x1000 * DS);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK3);
    /* IOPL 0: INT n is privileged */
    enter_v86(t, 0);
    CODE(t, 0xcd, 0x80);
    t->cpu->rip = 0;
    cpu_test_step(t);
    cpu_test_expect_error(t, EXC_GP, 0);
    cpu_test_destroy(t);
}

static void test_vme(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    struct x86_state s;
    enter_v86(t, 0);
    cpu_state_get(t->cpu, &s);
    s.cr4 |= CR4_VME;
    s.rflags |= FLAG_VIF | FLAG_IF;
    s.tr.limit = 0x67 + 64;
    cpu_state_put(t->cpu, &s);
    cpu_test_poke(t, CPU_TEST_TSS + 0x66, 0x68 + 32, 2);
    memset(t->mem + CPU_TEST_TSS + 0x68, 0, 32);
    cpu_test_poke(t, 0x80 * 4, 0x12340056, 4);
    CODE(t, 0xcd, 0x80);
    t->cpu->rip = 0;
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->eflags & FLAG_VM, ==, FLAG_VM);
    g_assert_cmphex(t->cpu->s.seg[CS].selector, ==, 0x1234);
    g_assert_cmphex(t->cpu->rip, ==, 0x56);
    g_assert_cmphex(t->cpu->eflags & (FLAG_VIF | FLAG_IF), ==, FLAG_IF);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK3 - 2, 2) & (FLAG_IF | FLAG_IOPL), ==, FLAG_IF | FLAG_IOPL);
    cpu_test_destroy(t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/exception/real", test_real);
    g_test_add_func("/exception/same_level", test_same_level);
    g_test_add_func("/exception/inner_level", test_inner_level);
    g_test_add_func("/exception/software_rights", test_software_rights);
    g_test_add_func("/exception/double_fault", test_double_fault);
    g_test_add_func("/exception/triple_fault", test_triple_fault);
    g_test_add_func("/exception/long", test_long);
    g_test_add_func("/exception/page_fault", test_page_fault);
    g_test_add_func("/exception/v86", test_v86);
    g_test_add_func("/exception/vme", test_vme);
    return g_test_run();
}
