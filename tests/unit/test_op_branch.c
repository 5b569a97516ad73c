/*
 * Near branches where modes matter: counts by address size, targets cut to the operand size, targets beyond the
 * limit or not canonical fault at the branch and change nothing.
 */
#include <string.h>

#include "accel/interp/flags.h"
#include "tests/support/interp_bench.h"
#include "tests/support/test.h"

#define CODE(address, bytes) interp_bench_code(&b, (address), (bytes), sizeof(bytes) - 1)

static void run(struct interp_bench *b)
{
    b->cpu->s.activity = X86_ACTIVE;
    g_assert_cmpint(interp_run(b->cpu, 100000), ==, VCPU_HALTED);
}

/* The #GP handler of real mode at 2000h is a HLT; returns the IP it was called for. */
static unsigned run_to_fault(struct interp_bench *b)
{
    interp_bench_code(b, 0x2000, "\xf4", 1);
    memcpy(interp_bench_at(b, 13 * 4), "\x00\x20\x00\x00", 4);
    run(b);
    g_assert_cmphex(b->cpu->rip, ==, 0x2001);
    uint16_t ip;
    memcpy(&ip, interp_bench_at(b, b->cpu->gpr[RSP] & 0xffff), sizeof(ip));
    return ip;
}

static void test_count(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 16);
    CODE(0x1000, "\x40\xe2\xfd\xf4"); /* 1: inc ax; loop 1b; hlt, by CX */
    b.cpu->gpr[RAX] = 0;
    b.cpu->gpr[RCX] = 0x50005;
    run(&b);
    g_assert_cmpuint(b.cpu->gpr[RAX], ==, 5);
    g_assert_cmphex(b.cpu->gpr[RCX], ==, 0x50000);
    CODE(0x1000, "\x40\x67\xe2\xfc\xf4"); /* by ECX */
    b.cpu->rip = 0x1000;
    b.cpu->gpr[RAX] = 0;
    b.cpu->gpr[RCX] = 3;
    run(&b);
    g_assert_cmpuint(b.cpu->gpr[RAX], ==, 3);
    g_assert_cmphex(b.cpu->gpr[RCX], ==, 0);
    CODE(0x1000, "\xe3\x01\xf4\x67\xe3\x01\xf4\x40\xf4"); /* jcxz, jecxz: only the first jumps */
    b.cpu->rip = 0x1000;
    b.cpu->gpr[RCX] = 0x10000;
    run(&b);
    g_assert_cmphex(b.cpu->rip, ==, 0x1007);
    interp_bench_end(&b);
}

static void test_call_ret(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 16);
    /* push ax twice; call 1010h; hlt; 1010: call dword 1020h; ret 4; 1020: ret dword */
    CODE(0x1000, "\x50\x50\xe8\x0b\x00\xf4");
    CODE(0x1010, "\x66\xe8\x0a\x00\x00\x00\xc2\x04\x00");
    CODE(0x1020, "\x66\xc3");
    b.cpu->gpr[RSP] = 0x11008000;
    run(&b);
    g_assert_cmphex(b.cpu->rip, ==, 0x1006);
    g_assert_cmphex(b.cpu->gpr[RSP], ==, 0x11008000);
    interp_bench_end(&b);
}

static void test_limit(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 16);
    b.cpu->gpr[RSP] = 0x8000;
    CODE(0x1000, "\x66\xe9\x00\x00\x01\x00"); /* jmp 11006h */
    g_assert_cmphex(run_to_fault(&b), ==, 0x1000);
    g_assert_cmphex(b.cpu->gpr[RSP], ==, 0x8000 - 6);
    CODE(0x1000, "\x40\x66\xe8\x00\x00\x01\x00"); /* inc ax; call 11007h: nothing pushed */
    b.cpu->rip = 0x1000;
    b.cpu->gpr[RSP] = 0x8000;
    g_assert_cmphex(run_to_fault(&b), ==, 0x1001);
    g_assert_cmphex(b.cpu->gpr[RSP], ==, 0x8000 - 6);
    CODE(0x1000, "\x66\xc3"); /* ret to 10000h: nothing popped */
    b.cpu->rip = 0x1000;
    b.cpu->gpr[RSP] = 0x8000;
    memcpy(interp_bench_at(&b, 0x8000), "\x00\x00\x01\x00", 4);
    g_assert_cmphex(run_to_fault(&b), ==, 0x1000);
    g_assert_cmphex(b.cpu->gpr[RSP], ==, 0x8000 - 6);
    CODE(0x1000, "\x66\xff\xe0"); /* jmp eax */
    b.cpu->rip = 0x1000;
    b.cpu->gpr[RAX] = 0x10000;
    g_assert_cmphex(run_to_fault(&b), ==, 0x1000);
    interp_bench_end(&b);
}

/* 64-bit mode: without an IDT a fault is a shutdown; registers tell that nothing happened before. */
static void test_canonical(void)
{
    static const char *const code[] = { "\xff\xe0", "\xff\xd0", "\xc3" }; /* jmp rax, call rax, ret */
    for (unsigned i = 0; i < G_N_ELEMENTS(code); i++) {
        struct interp_bench b;
        uint64_t bad = 1ull << 47;
        interp_bench_begin(&b, 64);
        interp_bench_code(&b, BENCH_CODE, code[i], strlen(code[i]));
        b.cpu->gpr[RAX] = bad;
        b.cpu->gpr[RSP] = BENCH_DATA + 0x100;
        memcpy(interp_bench_at(&b, BENCH_DATA + 0x100), &bad, sizeof(bad));
        g_assert_cmpint(interp_run(b.cpu, 100), ==, VCPU_SHUTDOWN);
        g_assert_cmphex(b.cpu->rip, ==, BENCH_CODE);
        g_assert_cmphex(b.cpu->gpr[RSP], ==, BENCH_DATA + 0x100);
        interp_bench_end(&b);
    }
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/op_branch/count", test_count);
    g_test_add_func("/op_branch/call_ret", test_call_ret);
    g_test_add_func("/op_branch/limit", test_limit);
    g_test_add_func("/op_branch/canonical", test_canonical);
    return g_test_run();
}
