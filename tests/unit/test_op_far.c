/*
 * Far transfers: JMP, CALL, RET, IRET through segments and gates, in every mode, with their faults.
 */
#include "accel/interp/segment.h"
#include "accel/interp/system.h"
#include "tests/support/cpu_test.h"

#define CODE_ATTR (SEG_P | SEG_S | SEG_CODE | SEG_R | SEG_DB | SEG_G)
#define GATE_SEL SEL_FREE
#define OTHER_SEL (SEL_FREE + 8)

static void push32(struct cpu_test *t, uint32_t value)
{
    t->cpu->gpr[RSP] -= 4;
    cpu_test_poke(t, (uint32_t)t->cpu->gpr[RSP], value, 4);
}

static void push64(struct cpu_test *t, uint64_t value)
{
    t->cpu->gpr[RSP] -= 8;
    cpu_test_poke(t, (uint32_t)t->cpu->gpr[RSP], value, 8);
}

static void call_gate(struct cpu_test *t, uint16_t selector, uint32_t offset, unsigned dpl, unsigned parameters)
{
    uint32_t lo = (uint32_t)selector << 16 | (offset & 0xffff);
    uint32_t hi = (offset & 0xffff0000) | SEG_P | dpl << SEG_DPL_SHIFT | SYSTEM_CALL32 << SEG_TYPE_SHIFT | parameters;
    cpu_test_poke(t, CPU_TEST_GDT + GATE_SEL, lo | (uint64_t)hi << 32, 8);
    cpu_test_poke(t, CPU_TEST_GDT + GATE_SEL + 8, 0, 8);
}

static void jump_to(struct cpu_test *t, uint16_t selector, uint32_t offset)
{
    uint8_t code[] = { 0xea, (uint8_t)offset, (uint8_t)(offset >> 8), (uint8_t)(offset >> 16),
                       (uint8_t)(offset >> 24), (uint8_t)selector, (uint8_t)(selector >> 8) };
    cpu_test_code(t, code, sizeof(code));
    cpu_test_step(t);
}

static void call_to(struct cpu_test *t, uint16_t selector, uint32_t offset)
{
    uint8_t code[] = { 0x9a, (uint8_t)offset, (uint8_t)(offset >> 8), (uint8_t)(offset >> 16),
                       (uint8_t)(offset >> 24), (uint8_t)selector, (uint8_t)(selector >> 8) };
    cpu_test_code(t, code, sizeof(code));
    cpu_test_step(t);
}

static void test_real(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_real(t);
    t->cpu->s.seg[CS].base = CPU_TEST_CODE;
    t->cpu->s.seg[CS].selector = 0x1000;
    cpu_update_segment(t->cpu, CS);
    CODE(t, 0x9a, 0x34, 0x12, 0x00, 0x20); /* call 2000:1234 */
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, 0x1234);
    g_assert_cmphex(t->cpu->s.seg[CS].base, ==, 0x20000);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 4, 4), ==, 0x10000005);
    cpu_test_poke(t, 0x21234, 0x0002ca, 3); /* retf 2 */
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, 5);
    g_assert_cmphex(t->cpu->s.seg[CS].selector, ==, 0x1000);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0 + 2);
    /* iret: flags by 16 bits */
    cpu_test_poke(t, 0x7000, 0x10000123, 4);
    cpu_test_poke(t, 0x7004, 0xffff, 2);
    t->cpu->gpr[RSP] = 0x7000;
    CODE(t, 0xcf);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, 0x123);
    g_assert_cmphex(cpu_rflags(t->cpu), ==, 0x7fd7);
    cpu_test_destroy(t);
}

static void test_jump(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    static const struct {
        unsigned cpl;
        uint32_t attr;
        uint16_t rpl;
        unsigned vector;
    } cases[] = {
        { 0, CODE_ATTR, 0, 0 },
        { 0, CODE_ATTR, 3, EXC_GP },
        { 0, CODE_ATTR & ~SEG_P, 0, EXC_NP },
        { 0, CODE_ATTR & ~SEG_CODE, 0, EXC_GP },
        { 3, CODE_ATTR, 3, EXC_GP },
        { 3, CODE_ATTR | SEG_DPL, 3, 0 },
        { 3, CODE_ATTR | SEG_DPL, 0, 0 },
        { 3, CODE_ATTR | SEG_C, 3, 0 },
        { 0, CODE_ATTR | SEG_C | SEG_DPL, 0, EXC_GP },
        { 0, SEG_P | SYSTEM_LDT << SEG_TYPE_SHIFT, 0, EXC_GP },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        cpu_test_protected(t, cases[i].cpl);
        cpu_test_descriptor(t, OTHER_SEL, 0, UINT32_MAX, cases[i].attr);
        jump_to(t, OTHER_SEL | cases[i].rpl, 0x12345);
        if (cases[i].vector != 0) {
            cpu_test_expect_error(t, cases[i].vector, OTHER_SEL);
        } else {
            g_assert_cmphex(t->cpu->rip, ==, 0x12345);
            g_assert_cmphex(t->cpu->s.seg[CS].selector, ==, OTHER_SEL | cases[i].cpl);
            g_assert_cmpuint(t->cpu->cpl, ==, cases[i].cpl);
        }
    }
    cpu_test_protected(t, 0);
    jump_to(t, 0, 0);
    cpu_test_expect_error(t, EXC_GP, 0);
    cpu_test_protected(t, 0);
    cpu_test_descriptor(t, OTHER_SEL, 0, 0xfff, CODE_ATTR & ~SEG_G);
    jump_to(t, OTHER_SEL, 0x1000);
    cpu_test_expect_error(t, EXC_GP, 0);
    cpu_test_destroy(t);
}

static void test_call_gate(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 3);
    push32(t, 0x11111111);
    push32(t, 0x22222222);
    call_gate(t, SEL_CODE0, 0x12345, 3, 2);
    call_to(t, GATE_SEL | 3, 0xdeadbeef);
    g_assert_cmphex(t->cpu->rip, ==, 0x12345);
    g_assert_cmpuint(t->cpu->cpl, ==, 0);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0 - 24);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 4, 4), ==, SEL_DATA3);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 8, 4), ==, CPU_TEST_STACK3 - 8);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 12, 4), ==, 0x11111111);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 16, 4), ==, 0x22222222);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 20, 4), ==, SEL_CODE3);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 24, 4), ==, CPU_TEST_CODE + 7);
    /* retf 8 goes back and drops the parameters on both stacks, and data segments of level 0 */
    struct x86_segment s = { .limit = 0xfff, .attr = SEG_P | SEG_S | SEG_W, .selector = SEL_DATA0 };
    segment_set(t->cpu, FS, &s);
    cpu_test_poke(t, 0x12345, 0x0008ca, 3);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + 7);
    g_assert_cmpuint(t->cpu->cpl, ==, 3);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK3);
    g_assert_cmphex(t->cpu->s.seg[FS].attr & SEG_P, ==, 0);
    g_assert_cmphex(t->cpu->s.seg[DS].attr & SEG_P, ==, SEG_P);
    /* DPL of the gate */
    cpu_test_protected(t, 3);
    call_gate(t, SEL_CODE0, 0x12345, 0, 0);
    call_to(t, GATE_SEL | 3, 0);
    cpu_test_expect_error(t, EXC_GP, GATE_SEL);
    /* JMP does not change the level */
    cpu_test_protected(t, 3);
    call_gate(t, SEL_CODE0, 0x12345, 3, 0);
    jump_to(t, GATE_SEL | 3, 0);
    cpu_test_expect_error(t, EXC_GP, SEL_CODE0);
    /* bad inner stack */
    cpu_test_protected(t, 3);
    cpu_test_poke(t, CPU_TEST_TSS + 8, SEL_DATA3, 2);
    call_gate(t, SEL_CODE0, 0x12345, 3, 0);
    cpu_test_gate(t, EXC_TS, SEL_CODE3, CPU_TEST_HANDLERS + EXC_TS * 16, SYSTEM_INT32, 0);
    call_to(t, GATE_SEL | 3, 0);
    cpu_test_expect_error(t, EXC_TS, SEL_DATA3 & SEL_INDEX);
    cpu_test_destroy(t);
}

static void test_iret(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    /* to level 3; IOPL and IF follow */
    cpu_test_protected(t, 0);
    push32(t, SEL_DATA3);
    push32(t, CPU_TEST_STACK3);
    push32(t, FLAG_1 | FLAG_IF | FLAG_IOPL);
    push32(t, SEL_CODE3);
    push32(t, 0x12345);
    CODE(t, 0xcf);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, 0x12345);
    g_assert_cmpuint(t->cpu->cpl, ==, 3);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK3);
    g_assert_cmphex(cpu_rflags(t->cpu), ==, FLAG_1 | FLAG_IF | FLAG_IOPL);
    g_assert_cmphex(t->cpu->s.seg[DS].attr & SEG_P, ==, 0); /* DS had DPL 0 */
    /* level 3 cannot change IOPL and IF */
    cpu_test_protected(t, 3);
    push32(t, FLAG_1 | FLAG_IF | FLAG_IOPL | FLAG_CF);
    push32(t, SEL_CODE3);
    push32(t, 0x12345);
    CODE(t, 0xcf);
    cpu_test_step(t);
    g_assert_cmphex(cpu_rflags(t->cpu), ==, FLAG_1 | FLAG_CF);
    /* not inwards */
    cpu_test_protected(t, 3);
    push32(t, FLAG_1);
    push32(t, SEL_CODE0);
    push32(t, 0x12345);
    CODE(t, 0xcf);
    cpu_test_step(t);
    cpu_test_expect_error(t, EXC_GP, SEL_CODE0);
    cpu_test_destroy(t);
}

static void test_long(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    /* iretq always pops SS:RSP */
    cpu_test_long(t, 0);
    uint64_t sp = t->cpu->gpr[RSP];
    push64(t, 0);
    push64(t, 0x7000);
    push64(t, FLAG_1);
    push64(t, SEL_CODE0);
    push64(t, 0x12345);
    CODE(t, 0x48, 0xcf);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, 0x12345);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, 0x7000);
    g_assert_cmphex(t->cpu->s.seg[SS].selector, ==, 0);
    g_assert_cmphex(sp, ==, CPU_TEST_STACK0);
    /* to compatibility mode */
    cpu_test_long(t, 0);
    cpu_test_descriptor(t, OTHER_SEL + 8, 0, UINT32_MAX, CODE_ATTR | SEG_DPL);
    push64(t, SEL_DATA3);
    push64(t, CPU_TEST_STACK3);
    push64(t, FLAG_1);
    push64(t, (OTHER_SEL + 8) | 3);
    push64(t, 0x12345);
    CODE(t, 0x48, 0xcf);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->mode & (MODE_CODE64 | MODE_CODE32), ==, MODE_CODE32);
    g_assert_cmpuint(t->cpu->cpl, ==, 3);
    /* call gate from there, 64-bit frame */
    call_gate(t, SEL_CODE0, 0x23456, 3, 0);
    call_to(t, GATE_SEL | 3, 0);
    g_assert_cmphex(t->cpu->rip, ==, 0x23456);
    g_assert_cmphex(t->cpu->mode & MODE_CODE64, ==, MODE_CODE64);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK0 - 32);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_STACK0 - 16, 8), ==, CPU_TEST_STACK3);
    /* and back */
    cpu_test_poke(t, 0x23456, 0xcb48, 2);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + 7);
    g_assert_cmphex(t->cpu->mode & MODE_CODE32, ==, MODE_CODE32);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, CPU_TEST_STACK3);
    /* a far pointer in memory: jmp far [0x500] with REX.W */
    cpu_test_long(t, 0);
    cpu_test_poke(t, 0x500, 0x12345, 8);
    cpu_test_poke(t, 0x508, SEL_CODE0, 2);
    CODE(t, 0x48, 0xff, 0x2c, 0x25, 0x00, 0x05, 0x00, 0x00);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, 0x12345);
    cpu_test_destroy(t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/op_far/real", test_real);
    g_test_add_func("/op_far/jump", test_jump);
    g_test_add_func("/op_far/call_gate", test_call_gate);
    g_test_add_func("/op_far/iret", test_iret);
    g_test_add_func("/op_far/long", test_long);
    return g_test_run();
}
