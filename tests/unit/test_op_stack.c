/*
 * Stack instructions where modes matter: 16-bit wrap-around, POP to memory by SP, POPF's protection, faults that
 * must change nothing.
 */
#include <string.h>

#include "accel/interp/flags.h"
#include "tests/support/interp_bench.h"
#include "tests/support/test.h"

#define CODE(address, bytes) interp_bench_code(&b, (address), (bytes), sizeof(bytes) - 1)

static void run(struct interp_bench *b)
{
    b->cpu->s.activity = X86_ACTIVE;
    g_assert_cmpint(interp_run(b->cpu, 1000), ==, VCPU_HALTED);
}

static void test_wrap16(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 16);
    CODE(0x1000, "\x60\x61\x50\xf4"); /* pusha; popa; push ax; hlt */
    b.cpu->gpr[RSP] = 0xdead0006;
    b.cpu->gpr[RAX] = 0x1234;
    b.cpu->gpr[RDI] = 0x5678;
    run(&b);
    g_assert_cmphex(b.cpu->gpr[RSP], ==, 0xdead0004);
    g_assert_cmphex(b.cpu->gpr[RAX], ==, 0x1234);
    g_assert_cmphex(b.cpu->gpr[RDI], ==, 0x5678);
    g_assert_cmphex(*(uint16_t *)interp_bench_at(&b, 4), ==, 0x1234);
    g_assert_cmphex(*(uint16_t *)interp_bench_at(&b, 0xfff6), ==, 0x5678); /* DI, the last pushed */
    interp_bench_end(&b);
}

static void test_pop_memory(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 64);
    CODE(BENCH_CODE, "\x6a\x77\x8f\x44\x24\x08\xf4"); /* push 77h; pop [rsp+8]; hlt */
    b.cpu->gpr[RSP] = BENCH_DATA + 0x100;
    run(&b);
    g_assert_cmphex(b.cpu->gpr[RSP], ==, BENCH_DATA + 0x100);
    g_assert_cmphex(*(uint64_t *)interp_bench_at(&b, BENCH_DATA + 0x108), ==, 0x77);
    interp_bench_end(&b);
}

/* A push whose operand faults leaves SP alone. */
static void test_fault(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 16);
    CODE(0x1000, "\x66\xff\x36\xfe\xff\xf4"); /* push dword [0fffeh]: crosses the limit of DS */
    CODE(0x2000, "\xf4");
    memcpy(interp_bench_at(&b, 13 * 4), "\x00\x20\x00\x00", 4);
    b.cpu->gpr[RSP] = 0x8000;
    run(&b);
    g_assert_cmphex(b.cpu->rip, ==, 0x2001);
    g_assert_cmphex(b.cpu->gpr[RSP], ==, 0x8000 - 6);
    interp_bench_end(&b);
}

/* In user mode POPF changes neither IOPL nor, with IOPL 0, IF. */
static void test_popf(void)
{
    struct interp_bench b;
    struct x86_state s;
    interp_bench_begin(&b, 32);
    CODE(BENCH_CODE, "\x9d\x9c\x58\x90"); /* popf; pushf; pop eax; nop */
    for (unsigned user = 0; user < 2; user++) {
        cpu_state_get(b.cpu, &s);
        s.seg[CS].attr = (s.seg[CS].attr & ~SEG_DPL) | (user ? SEG_DPL : 0);
        s.seg[SS].attr = (s.seg[SS].attr & ~SEG_DPL) | (user ? SEG_DPL : 0);
        s.seg[CS].selector = user ? 0xb : 8;
        s.rip = BENCH_CODE;
        s.gpr[RSP] = BENCH_DATA + 0x100;
        s.rflags = FLAG_1 | FLAG_IF;
        cpu_state_put(b.cpu, &s);
        uint32_t image = FLAG_IOPL | FLAG_CF | FLAG_DF | FLAG_VM | FLAG_ID;
        memcpy(interp_bench_at(&b, s.gpr[RSP]), &image, sizeof(image));
        for (unsigned i = 0; i < 3; i++) {
            g_assert_cmpint(interp_step(b.cpu), ==, VCPU_DEBUG);
        }
        uint32_t kept = user ? FLAG_IF : FLAG_IOPL;
        g_assert_cmphex(b.cpu->gpr[RAX], ==, FLAG_1 | FLAG_CF | FLAG_DF | FLAG_ID | kept);
    }
    interp_bench_end(&b);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/op_stack/wrap16", test_wrap16);
    g_test_add_func("/op_stack/pop_memory", test_pop_memory);
    g_test_add_func("/op_stack/fault", test_fault);
    g_test_add_func("/op_stack/popf", test_popf);
    return g_test_run();
}
