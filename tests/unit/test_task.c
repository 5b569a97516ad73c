/*
 * Hardware task switches: 32- and 16-bit TSS, by JMP, CALL, IRET, task gate; busy bits, back links, faults. And the
 * I/O permission bitmap.
 */
#include "accel/interp/debug.h"
#include "accel/interp/segment.h"
#include "accel/interp/task.h"
#include "tests/support/cpu_test.h"

#define NEW_SEL SEL_FREE
#define NEW_TSS 0x3400u

static unsigned type_of(struct cpu_test *t, unsigned selector)
{
    return cpu_test_peek(t, CPU_TEST_GDT + selector + 5, 1) & 15;
}

static void make_task(struct cpu_test *t, uint16_t cs, uint16_t ss)
{
    memset(t->mem + NEW_TSS, 0, 0x68);
    cpu_test_descriptor(t, NEW_SEL, NEW_TSS, 0x67, SEG_P | SEG_DPL | SYSTEM_TSS32 << SEG_TYPE_SHIFT);
    cpu_test_poke(t, NEW_TSS + 4, CPU_TEST_STACK0, 4);
    cpu_test_poke(t, NEW_TSS + 8, SEL_DATA0, 4);
    cpu_test_poke(t, NEW_TSS + 0x20, 0x12345, 4);
    cpu_test_poke(t, NEW_TSS + 0x24, FLAG_1 | FLAG_CF, 4);
    for (unsigned i = 0; i < 8; i++) {
        cpu_test_poke(t, NEW_TSS + 0x28 + i * 4, 0x100 + i, 4);
    }
    cpu_test_poke(t, NEW_TSS + 0x38, 0x7000, 4);
    static const uint8_t data[] = { 0x48, 0x54, 0x58, 0x5c };
    for (unsigned i = 0; i < G_N_ELEMENTS(data); i++) {
        cpu_test_poke(t, NEW_TSS + data[i], ss, 2);
    }
    cpu_test_poke(t, NEW_TSS + 0x4c, cs, 2);
    cpu_test_poke(t, NEW_TSS + 0x50, ss, 2);
    cpu_test_poke(t, NEW_TSS + 0x66, 0x68, 2);
}

static void far_op(struct cpu_test *t, uint8_t opcode)
{
    uint8_t code[] = { opcode, 0, 0, 0, 0, NEW_SEL, 0 };
    cpu_test_code(t, code, sizeof(code));
    cpu_test_step(t);
}

static void test_jump(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    make_task(t, SEL_CODE3, SEL_DATA3);
    t->cpu->gpr[RBX] = 0xbbbb;
    far_op(t, 0xea);
    g_assert_cmphex(t->cpu->rip, ==, 0x12345);
    g_assert_cmpuint(t->cpu->cpl, ==, 3);
    g_assert_cmphex(t->cpu->gpr[RAX], ==, 0x100);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, 0x7000);
    g_assert_cmphex(cpu_rflags(t->cpu), ==, FLAG_1 | FLAG_CF);
    g_assert_cmphex(t->cpu->s.tr.selector, ==, NEW_SEL);
    g_assert_cmphex(t->cpu->s.seg[GS].selector, ==, SEL_DATA3);
    g_assert_cmpuint(type_of(t, NEW_SEL), ==, SYSTEM_TSS32_BUSY);
    g_assert_cmpuint(type_of(t, SEL_TSS), ==, SYSTEM_TSS32);
    g_assert_cmphex(t->cpu->s.cr0 & CR0_TS, ==, CR0_TS);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_TSS + 0x20, 4), ==, CPU_TEST_CODE + 7);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_TSS + 0x34, 4), ==, 0xbbbb);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_TSS + 0x4c, 2), ==, SEL_CODE0);
    /* a busy task cannot be entered */
    far_op(t, 0xea);
    cpu_test_expect_error(t, EXC_GP, NEW_SEL);
    cpu_test_destroy(t);
}

static void test_call_and_return(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    make_task(t, SEL_CODE0, SEL_DATA0);
    cpu_test_poke(t, 0x12345, 0xcf, 1);
    far_op(t, 0x9a);
    g_assert_cmphex(t->cpu->rip, ==, 0x12345);
    g_assert_cmphex(t->cpu->eflags & FLAG_NT, ==, FLAG_NT);
    g_assert_cmphex(cpu_test_peek(t, NEW_TSS, 2), ==, SEL_TSS);
    g_assert_cmpuint(type_of(t, SEL_TSS), ==, SYSTEM_TSS32_BUSY);
    g_assert_cmpuint(type_of(t, NEW_SEL), ==, SYSTEM_TSS32_BUSY);
    cpu_test_step(t); /* iret */
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + 7);
    g_assert_cmphex(t->cpu->s.tr.selector, ==, SEL_TSS);
    g_assert_cmphex(t->cpu->eflags & FLAG_NT, ==, 0);
    g_assert_cmpuint(type_of(t, NEW_SEL), ==, SYSTEM_TSS32);
    g_assert_cmphex(cpu_test_peek(t, NEW_TSS + 0x20, 4), ==, 0x12346);
    g_assert_cmphex(cpu_test_peek(t, NEW_TSS + 0x24, 4) & FLAG_NT, ==, 0);
    cpu_test_destroy(t);
}

static void test_gate(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 3);
    make_task(t, SEL_CODE0, SEL_DATA0);
    cpu_test_gate(t, EXC_GP, NEW_SEL, 0, SYSTEM_TASK_GATE, 0);
    CODE(t, 0x8e, 0xd8);
    t->cpu->gpr[RAX] = 0x300;
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, 0x12345);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, 0x7000 - 4);
    g_assert_cmphex(cpu_test_peek(t, 0x7000 - 4, 4), ==, 0x300);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_TSS + 0x20, 4), ==, CPU_TEST_CODE);
    cpu_test_destroy(t);
}

static void test_faults(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    /* too small: still in the old task */
    cpu_test_protected(t, 0);
    make_task(t, SEL_CODE0, SEL_DATA0);
    cpu_test_descriptor(t, NEW_SEL, NEW_TSS, 0x66, SEG_P | SYSTEM_TSS32 << SEG_TYPE_SHIFT);
    far_op(t, 0xea);
    cpu_test_expect_error(t, EXC_TS, NEW_SEL);
    g_assert_cmphex(t->cpu->s.tr.selector, ==, SEL_TSS);
    /* a bad data segment: in the new one */
    cpu_test_protected(t, 0);
    make_task(t, SEL_CODE0, SEL_DATA0);
    cpu_test_poke(t, NEW_TSS + 0x5c, 0x300, 2);
    far_op(t, 0xea);
    cpu_test_expect_error(t, EXC_TS, 0x300);
    g_assert_cmphex(t->cpu->s.tr.selector, ==, NEW_SEL);
    g_assert_cmphex(cpu_test_peek(t, 0x7000 - 12, 4), ==, 0x12345);
    /* the T bit */
    cpu_test_protected(t, 0);
    make_task(t, SEL_CODE0, SEL_DATA0);
    cpu_test_poke(t, NEW_TSS + 0x64, 1, 2);
    far_op(t, 0xea);
    g_assert_cmphex(t->cpu->rip, ==, 0x12345);
    cpu_test_step(t);
    cpu_test_expect_vector(t, EXC_DB);
    g_assert_cmphex(t->cpu->s.dr[6] & DR6_BT, ==, DR6_BT);
    cpu_test_destroy(t);
}

static void test_16(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    memset(t->mem + NEW_TSS, 0, 0x68);
    cpu_test_descriptor(t, NEW_SEL, NEW_TSS, 0x2b, SEG_P | SYSTEM_TSS16 << SEG_TYPE_SHIFT);
    cpu_test_poke(t, NEW_TSS + 0x0e, 0x2345, 2);
    cpu_test_poke(t, NEW_TSS + 0x10, FLAG_1, 2);
    cpu_test_poke(t, NEW_TSS + 0x12, 0x1111, 2);
    cpu_test_poke(t, NEW_TSS + 0x1a, 0x7000, 2);
    cpu_test_poke(t, NEW_TSS + 0x22, SEL_DATA0, 2);
    cpu_test_poke(t, NEW_TSS + 0x24, SEL_CODE0, 2);
    cpu_test_poke(t, NEW_TSS + 0x26, SEL_DATA0, 2);
    far_op(t, 0xea);
    g_assert_cmphex(t->cpu->rip, ==, 0x2345);
    g_assert_cmphex(t->cpu->gpr[RAX] & 0xffff, ==, 0x1111);
    g_assert_cmphex(t->cpu->s.seg[FS].selector, ==, 0);
    g_assert_cmphex(t->cpu->s.seg[SS].selector, ==, SEL_DATA0);
    cpu_test_destroy(t);
}

struct question {
    uint16_t port;
    unsigned size;
    bool answer;
};

static void ask(struct cpu *cpu, void *arg)
{
    struct question *q = arg;
    q->answer = tss_io_allowed(cpu, q->port, q->size);
}

static bool io_allowed(struct cpu_test *t, uint16_t port, unsigned size)
{
    struct question q = { port, size, false };
    g_assert_true(cpu_test_try(t, ask, &q));
    return q.answer;
}

static void test_io_map(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 3);
    g_assert_false(io_allowed(t, 0x80, 1)); /* the map begins at the limit */
    t->cpu->s.tr.limit = 0x68 + 0x20;
    memset(t->mem + CPU_TEST_TSS + 0x68, 0, 0x20);
    cpu_test_poke(t, CPU_TEST_TSS + 0x68 + 0x20, 0xff, 1);
    cpu_test_poke(t, CPU_TEST_TSS + 0x68 + 0x10, 0x08, 1); /* port 0x83 */
    g_assert_true(io_allowed(t, 0x80, 1));
    g_assert_true(io_allowed(t, 0x80, 2));
    g_assert_false(io_allowed(t, 0x80, 4));
    g_assert_false(io_allowed(t, 0x83, 1));
    g_assert_true(io_allowed(t, 0x84, 4));
    g_assert_true(io_allowed(t, 0xff, 1));
    g_assert_false(io_allowed(t, 0xff, 2));
    g_assert_false(io_allowed(t, 0x200, 1));
    cpu_test_destroy(t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/task/jump", test_jump);
    g_test_add_func("/task/call_and_return", test_call_and_return);
    g_test_add_func("/task/gate", test_gate);
    g_test_add_func("/task/faults", test_faults);
    g_test_add_func("/task/16", test_16);
    g_test_add_func("/task/io_map", test_io_map);
    return g_test_run();
}
