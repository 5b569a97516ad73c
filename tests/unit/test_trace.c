/*
 * Traces: running, linking, self-modifying code, instructions across pages, limits, wrap-around.
 */
#include <string.h>

#include "accel/interp/decode.h"
#include "accel/interp/flags.h"
#include "tests/support/interp_bench.h"
#include "tests/support/test.h"

#define CODE(address, bytes) interp_bench_code(&b, (address), (bytes), sizeof(bytes) - 1)

/* HLT ends the run. */
static void run(struct interp_bench *b)
{
    b->cpu->s.activity = X86_ACTIVE;
    g_assert_cmpint(interp_run(b->cpu, 1000000), ==, VCPU_HALTED);
}

static void test_loop(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 64);
    /* xor eax,eax; mov ecx,1000; 1: add eax,ecx; dec ecx; jnz 1b; hlt */
    CODE(BENCH_CODE, "\x31\xc0\xb9\xe8\x03\x00\x00\x01\xc8\xff\xc9\x75\xfa\xf4");
    uint64_t before = interp_instructions(b.cpu, NULL);
    run(&b);
    g_assert_cmpuint(b.cpu->gpr[RAX], ==, 500500);
    g_assert_cmphex(b.cpu->rip, ==, BENCH_CODE + 14);
    g_assert_cmpuint(interp_instructions(b.cpu, NULL) - before, ==, 3003);
    interp_bench_end(&b);
}

/* An instruction changes the one behind it in the same trace. */
static void test_self_modifying(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 64);
    for (unsigned i = 0; i < 3; i++) {
        /* mov byte [rip+1],'i' patches the immediate of mov eax,imm; hlt */
        CODE(BENCH_CODE, "\xc6\x05\x01\x00\x00\x00\x07\xb8\x00\x00\x00\x00\xf4");
        *interp_bench_at(&b, BENCH_CODE + 6) = 7 + i;
        trace_invalidate(b.traces, b.ram, 0x1006, 1);
        b.cpu->rip = BENCH_CODE;
        run(&b);
        g_assert_cmpuint(b.cpu->gpr[RAX], ==, 7 + i);
    }
    interp_bench_end(&b);
}

/* A loop whose body, in another trace of the page, is changed while it is linked. */
static void test_linked_change(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 64);
    /* mov ecx,20; 1: jmp 2f; nop*; 2: add eax,1; mov [rip+x],cl -> immediate of add; dec ecx; jnz 1b; hlt */
    CODE(BENCH_CODE, "\xb9\x14\x00\x00\x00\xeb\x02\x90\x90\x83\xc0\x01\x88\x0d\xf9\xff\xff\xff\xff\xc9\x75\xef"
                     "\xf4");
    b.cpu->gpr[RAX] = 0;
    run(&b);
    /* first 1, then the counter's values 20 to 2 */
    g_assert_cmpuint(b.cpu->gpr[RAX], ==, 1 + 20 * 21 / 2 - 1);
    interp_bench_end(&b);
}

/* A call whose push changes an immediate of the running trace, over and over: traces take the places of dropped
 * ones. Then data beside the code, and so many stores there that the page is taken for data once the code is gone. */
static void test_call_into_itself(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 64);
    /* mov ecx,200; 1: lea rsp,[end of imm]; mov rax,imm; call 2f; 2: dec ecx; jnz 1b; hlt */
    CODE(BENCH_CODE, "\xb9\xc8\x00\x00\x00\x48\x8d\x25\x0a\x00\x00\x00\x48\xb8\x01\x00\x00\x00\x00\x00\x00\x00"
                     "\xe8\x00\x00\x00\x00\xff\xc9\x75\xe6\xf4");
    run(&b);
    g_assert_cmphex(b.cpu->gpr[RAX], ==, BENCH_CODE + 27);
    g_assert_cmphex(b.cpu->gpr[RSP], ==, BENCH_CODE + 14);
    /* mov ecx,200; 1: mov [rip+200h],ecx; dec ecx; jnz 1b; hlt */
    CODE(BENCH_CODE, "\xb9\xc8\x00\x00\x00\x89\x0d\x00\x02\x00\x00\xff\xc9\x75\xf6\xf4");
    b.cpu->rip = BENCH_CODE;
    run(&b);
    g_assert_cmpuint(*interp_bench_at(&b, BENCH_CODE + 0x20b), ==, 1);
    g_assert_cmpuint(b.ram->flags[1] & RAM_CODE, !=, 0);
    trace_invalidate(b.traces, b.ram, 0x1000, 64);
    for (unsigned i = 0; i < 100; i++) {
        trace_invalidate(b.traces, b.ram, 0x1800, 1);
    }
    g_assert_cmpuint(b.ram->flags[1] & RAM_CODE, ==, 0);
    interp_bench_end(&b);
}

/* Protected mode with flat segments: sums wrap at 4 GiB, and a load of ES in the middle of a trace counts at once. */
static void test_flat(void)
{
    struct interp_bench b;
    struct x86_state s;
    interp_bench_begin(&b, 32);
    cpu_state_get(b.cpu, &s);
    s.gdtr = (struct x86_table){ .base = 0x600, .limit = 15 };
    cpu_state_put(b.cpu, &s);
    g_assert_cmphex(b.cpu->mode & MODE_FLAT, !=, 0);
    /* 8: data at 8000h, up to 8fffh */
    memcpy(interp_bench_at(&b, 0x608), "\xff\x0f\x00\x80\x00\x93\x40\x00", 8);
    memcpy(interp_bench_at(&b, 0x500), "\x11\x22\x33\x44", 4);
    memcpy(interp_bench_at(&b, 0x8010), "\x55\x66\x77\x88", 4);
    /* mov edi,fffff000; mov edx,[edi+1500]; mov eax,8; mov es,eax; mov ebx,es:[10]; hlt */
    CODE(BENCH_CODE, "\xbf\x00\xf0\xff\xff\x8b\x97\x00\x15\x00\x00\xb8\x08\x00\x00\x00\x8e\xc0"
                     "\x26\x8b\x1d\x10\x00\x00\x00\xf4");
    run(&b);
    g_assert_cmphex(b.cpu->gpr[RDX], ==, 0x44332211);
    g_assert_cmphex(b.cpu->gpr[RBX], ==, 0x88776655);
    g_assert_cmphex(b.cpu->mode & MODE_FLAT, ==, 0);
    interp_bench_end(&b);
}

static void test_cross_page(void)
{
    struct interp_bench b;
    uint64_t at = BENCH_BASE + 0x2000 - 3;
    interp_bench_begin(&b, 64);
    for (unsigned i = 0; i < 3; i++) {
        CODE(at, "\xb8\x00\x00\x00\x00\xf4"); /* mov eax, imm32 over the page's end */
        *interp_bench_at(&b, at + 4) = i; /* its second half, without telling */
        b.cpu->rip = at;
        run(&b);
        g_assert_cmphex(b.cpu->gpr[RAX], ==, i << 24);
    }
    interp_bench_end(&b);
}

/* Real mode: IP wraps at 64 KiB in branches; bytes beyond the limit are #GP. */
static void test_real_mode(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 16);
    b.cpu->gpr[RSP] = 0x8000;
    CODE(0x1000, "\xe9\xfd\xef"); /* jmp 0 */
    CODE(0, "\xb8\x34\x12\xe9\xf8\xff"); /* IVT is overwritten, but not used: mov ax,1234h; jmp fffe */
    CODE(0xfffe, "\xeb\x10"); /* jmp 10h, by wrap-around */
    CODE(0x10, "\xf4");
    run(&b);
    g_assert_cmphex(b.cpu->gpr[RAX], ==, 0x1234);
    g_assert_cmphex(b.cpu->rip, ==, 0x11);
    /* An instruction over the limit: INT 13 through the IVT at 34h. */
    CODE(0xfffe, "\xb8\x00");
    CODE(0x34, "\x00\x20\x00\x00");
    CODE(0x2000, "\xf4");
    b.cpu->rip = 0xfffe;
    run(&b);
    g_assert_cmphex(b.cpu->rip, ==, 0x2001);
    g_assert_cmphex(*(uint16_t *)interp_bench_at(&b, 0x7ffa), ==, 0xfffe);
    interp_bench_end(&b);
}

/* A code segment that ends in the middle of a page, then the same page with a bigger limit and back. */
static void test_limit(void)
{
    struct interp_bench b;
    struct x86_state s;
    interp_bench_begin(&b, 16);
    CODE(0x1000, "\x40\x40\x40\xf4"); /* inc ax three times */
    CODE(0x34, "\x00\x08\x00\x00");
    CODE(0x800, "\xf4");
    for (unsigned i = 0; i < 4; i++) {
        cpu_state_get(b.cpu, &s);
        s.rip = 0x1000;
        s.gpr[RSP] = 0x8000;
        s.gpr[RAX] = 0;
        s.activity = X86_ACTIVE;
        s.seg[CS].limit = i & 1 ? 0x2fff : 0x1001;
        s.seg[CS].attr |= SEG_P;
        cpu_state_put(b.cpu, &s);
        run(&b);
        g_assert_cmphex(b.cpu->rip, ==, i & 1 ? 0x1004 : 0x801);
        g_assert_cmpuint(b.cpu->gpr[RAX], ==, i & 1 ? 3 : 2);
    }
    interp_bench_end(&b);
}

/* More traces than the pool holds: everything still works after it was emptied. */
static void test_flush(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 64);
    CODE(BENCH_CODE, "\x31\xc0\xb9\x10\x00\x00\x00\xff\xc0\xe2\xfc\xf4");
    for (unsigned i = 0; i < 3; i++) {
        b.cpu->rip = BENCH_CODE;
        run(&b);
        g_assert_cmpuint(b.cpu->gpr[RAX], ==, 16);
        trace_cache_flush(b.traces);
        g_assert_cmpuint(b.ram->flags[1] & RAM_CODE, ==, 0);
    }
    /* One-instruction traces all over 3 MiB of NOPs. */
    memset(interp_bench_at(&b, BENCH_BASE + 0x100000), 0x90, 0x2ff000);
    *interp_bench_at(&b, BENCH_BASE + 0x3fe000) = 0xf4;
    for (unsigned start = 0; start < 32; start++) {
        b.cpu->rip = BENCH_BASE + 0x100000 + start;
        b.cpu->s.activity = X86_ACTIVE;
        g_assert_cmpint(interp_run(b.cpu, 0), ==, VCPU_HALTED);
    }
    interp_bench_end(&b);
}

static void test_step(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 64);
    CODE(BENCH_CODE, "\x31\xc0\xff\xc0\xff\xc0\xf4");
    for (unsigned i = 1; i <= 3; i++) {
        g_assert_cmpint(interp_step(b.cpu), ==, VCPU_DEBUG);
        g_assert_cmphex(b.cpu->rip, ==, BENCH_CODE + 2 * i);
    }
    g_assert_cmpuint(b.cpu->gpr[RAX], ==, 2);
    interp_bench_end(&b);
}

/* interp_run comes back at its limit and after a kick. */
static void test_return(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 64);
    CODE(BENCH_CODE, "\xeb\xfe");
    uint64_t before = interp_instructions(b.cpu, NULL);
    g_assert_cmpint(interp_run(b.cpu, 5000), ==, VCPU_KICKED);
    uint64_t ran = interp_instructions(b.cpu, NULL) - before;
    g_assert_cmpuint(ran, >=, 5000);
    g_assert_cmpuint(ran, <, 5000 + TRACE_MAX);
    cpu_attention_set(b.cpu, CPU_ATTENTION_KICK);
    g_assert_cmpint(interp_run(b.cpu, 0), ==, VCPU_KICKED);
    interp_bench_end(&b);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/trace/loop", test_loop);
    g_test_add_func("/trace/self_modifying", test_self_modifying);
    g_test_add_func("/trace/linked_change", test_linked_change);
    g_test_add_func("/trace/call_into_itself", test_call_into_itself);
    g_test_add_func("/trace/flat", test_flat);
    g_test_add_func("/trace/cross_page", test_cross_page);
    g_test_add_func("/trace/real_mode", test_real_mode);
    g_test_add_func("/trace/limit", test_limit);
    g_test_add_func("/trace/flush", test_flush);
    g_test_add_func("/trace/step", test_step);
    g_test_add_func("/trace/return", test_return);
    return g_test_run();
}
