/*
 * Repeated string instructions: copies that overlap and cross pages in both directions, wrap-around of 16-bit
 * index registers, faults and interruptions in the middle.
 */
#include <string.h>

#include "accel/interp/flags.h"
#include "tests/support/interp_bench.h"
#include "tests/support/test.h"

#define SPACE 0x5000 /* bytes compared, more than four pages */

static void run_until_halt(struct interp_bench *b)
{
    enum vcpu_exit reason;
    b->cpu->rip = BENCH_CODE;
    b->cpu->s.activity = X86_ACTIVE;
    do {
        reason = interp_run(b->cpu, 3); /* comes back in the middle of long ones */
    } while (reason == VCPU_KICKED);
    g_assert_cmpint(reason, ==, VCPU_HALTED);
}

/* MOVS as the SDM describes it. */
static void plain_copy(uint8_t *memory, uint64_t to, uint64_t from, unsigned size, uint64_t count, bool down)
{
    for (uint64_t i = 0; i < count; i++) {
        uint8_t element[8];
        uint64_t at = (down ? -i : i) * size;
        memcpy(element, memory + from + at, size);
        memcpy(memory + to + at, element, size);
    }
}

static void test_movs(void)
{
    static const char *const code[] = { "\xf3\xa4\xf4", "\xf3\x66\xa5\xf4", "\xf3\xa5\xf4", "\xf3\x48\xa5\xf4" };
    struct interp_bench b;
    uint8_t *model = g_malloc(SPACE);
    GRand *random = g_rand_new_with_seed(5);
    interp_bench_begin(&b, 64);
    for (unsigned i = 0; i < 2000; i++) {
        unsigned which = i & 3, size = 1 << which;
        bool down = i & 4;
        uint64_t count = g_rand_int_range(random, 0, i % 5 == 0 ? 0x1000 / size : 100);
        int64_t from = g_rand_int_range(random, 0x1100, 0x2f00);
        int64_t to = from + g_rand_int_range(random, -40, 40) + (i & 8 ? 0x1000 : 0);
        uint8_t *memory = interp_bench_at(&b, BENCH_DATA);
        for (unsigned k = 0; k < SPACE; k += 4) {
            uint32_t v = g_rand_int(random);
            memcpy(memory + k, &v, 4);
        }
        memcpy(model, memory, SPACE);
        plain_copy(model, to, from, size, count, down);
        interp_bench_code(&b, BENCH_CODE, code[which], strlen(code[which]));
        b.cpu->gpr[RSI] = BENCH_DATA + from;
        b.cpu->gpr[RDI] = BENCH_DATA + to;
        b.cpu->gpr[RCX] = count;
        cpu_set_rflags(b.cpu, FLAG_1 | (down ? FLAG_DF : 0));
        run_until_halt(&b);
        g_assert_cmpuint(b.cpu->gpr[RCX], ==, 0);
        g_assert_cmphex(b.cpu->gpr[RSI], ==, BENCH_DATA + from + (down ? -count : count) * size);
        g_assert_cmpint(memcmp(memory, model, SPACE), ==, 0);
    }
    interp_bench_end(&b);
    g_rand_free(random);
    g_free(model);
}

/* A long STOS over its own code page and beyond; then REPNE SCAS finds the end. */
static void test_stos_scas(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 64);
    interp_bench_code(&b, BENCH_CODE, "\xf3\xaa\xb0\x55\xf2\xae\xf4", 7);
    b.cpu->gpr[RDI] = BENCH_CODE + 7;
    b.cpu->gpr[RCX] = 0x20000;
    b.cpu->gpr[RAX] = 0x11;
    cpu_set_rflags(b.cpu, FLAG_1);
    *interp_bench_at(&b, BENCH_CODE + 7 + 0x20000 + 0x1234) = 0x55;
    memset(interp_bench_at(&b, BENCH_CODE + 7 + 0x20000), 0x22, 0x1234);
    b.cpu->rip = BENCH_CODE;
    b.cpu->run_end = 0;
    g_assert_cmpint(interp_step(b.cpu), ==, VCPU_DEBUG);
    g_assert_cmpuint(b.cpu->gpr[RCX], ==, 0x1ffff); /* one iteration is one step */
    run_until_halt(&b);
    g_assert_cmpuint(*interp_bench_at(&b, BENCH_CODE + 7), ==, 0x11);
    g_assert_cmpuint(*interp_bench_at(&b, BENCH_CODE + 7 + 0x1ffff), ==, 0x11);
    interp_bench_end(&b);
}

/* 16-bit index registers wrap in the middle of a copy. */
static void test_wrap(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 16);
    interp_bench_code(&b, 0x1000, "\xf3\xa4\xf4", 3);
    for (unsigned i = 0; i < 0x20; i++) {
        *interp_bench_at(&b, (0xfff0 + i) & 0xffff) = i + 1;
    }
    b.cpu->gpr[RSI] = 0xabcdfff0;
    b.cpu->gpr[RDI] = 0x2000;
    b.cpu->gpr[RCX] = 0x20;
    g_assert_cmpint(interp_run(b.cpu, 0), ==, VCPU_HALTED);
    g_assert_cmphex(b.cpu->gpr[RSI], ==, 0xabcd0010);
    for (unsigned i = 0; i < 0x20; i++) {
        g_assert_cmpuint(*interp_bench_at(&b, 0x2000 + i), ==, i + 1);
    }
    interp_bench_end(&b);
}

/* The destination runs over the segment's limit: #GP with the registers where it stopped. */
static void test_fault(void)
{
    struct interp_bench b;
    interp_bench_begin(&b, 16);
    interp_bench_code(&b, 0x1000, "\xf3\xab\xf4", 3);
    interp_bench_code(&b, 0x1100, "\xf4", 1);
    memcpy(interp_bench_at(&b, 13 * 4), "\x00\x11\x00\x00", 4);
    b.cpu->gpr[RSP] = 0x8000;
    b.cpu->gpr[RDI] = 0x7fff8001; /* odd: the last word would cross the limit */
    b.cpu->gpr[RCX] = 0x7000;
    b.cpu->gpr[RAX] = 0x5a5a;
    g_assert_cmpint(interp_run(b.cpu, 0), ==, VCPU_HALTED);
    g_assert_cmphex(b.cpu->rip, ==, 0x1101);
    g_assert_cmphex(b.cpu->gpr[RDI], ==, 0x7fffffff);
    g_assert_cmphex(b.cpu->gpr[RCX], ==, 0x7000 - 0x3fff);
    g_assert_cmphex(*(uint16_t *)interp_bench_at(&b, 0x7ffa), ==, 0x1000);
    interp_bench_end(&b);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/op_string/movs", test_movs);
    g_test_add_func("/op_string/stos_scas", test_stos_scas);
    g_test_add_func("/op_string/wrap", test_wrap);
    g_test_add_func("/op_string/fault", test_fault);
    return g_test_run();
}
