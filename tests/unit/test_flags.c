/*
 * Lazy flags: each single flag and condition against a plain computation, for all 8-bit additions and
 * subtractions; setting and getting back.
 */
#include "accel/interp/flags.h"
#include "tests/support/test.h"

static uint32_t plain(unsigned a, unsigned b, bool subtract)
{
    unsigned r = (subtract ? a - b : a + b) & 0x1ff;
    unsigned overflow = subtract ? (a ^ b) & (a ^ r) : ~(a ^ b) & (a ^ r);
    return (r & 0x100 ? FLAG_CF : 0) | (__builtin_parity(r & 0xff) ? 0 : FLAG_PF) |
           ((a ^ b ^ r) & 16 ? FLAG_AF : 0) | ((r & 0xff) == 0 ? FLAG_ZF : 0) | (r & 0x80 ? FLAG_SF : 0) |
           (overflow & 0x80 ? FLAG_OF : 0);
}

static void test_results(void)
{
    struct cpu *cpu = g_new0(struct cpu, 1);
    for (unsigned i = 0; i < 0x20000; i++) {
        uint8_t a = i, b = i >> 8, r;
        bool subtract = i >> 16;
        r = subtract ? a - b : a + b;
        flags_result(cpu, (int8_t)r);
        cpu->fl_c = flags_carries8(subtract ? CARRY_SUB(a, b, r) : CARRY_ADD(a, b, r));
        g_assert_cmphex(flags_status(cpu), ==, plain(a, b, subtract));
        if (subtract) {
            g_assert_cmpint(cond_b(cpu), ==, a < b);
            g_assert_cmpint(cond_be(cpu), ==, a <= b);
            g_assert_cmpint(cond_l(cpu), ==, (int8_t)a < (int8_t)b);
            g_assert_cmpint(cond_nle(cpu), ==, (int8_t)a > (int8_t)b);
        }
    }
    g_free(cpu);
}

static void test_set(void)
{
    struct cpu *cpu = g_new0(struct cpu, 1);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t f = (i & 1 ? FLAG_CF : 0) | (i & 2 ? FLAG_PF : 0) | (i & 4 ? FLAG_AF : 0) |
                     (i & 8 ? FLAG_ZF : 0) | (i & 16 ? FLAG_SF : 0) | (i & 32 ? FLAG_OF : 0);
        set_flags_status(cpu, f);
        g_assert_cmphex(flags_status(cpu), ==, f);
        for (unsigned k = 0; k < 8; k++) {
            set_flags_status(cpu, f);
            set_flag_cf(cpu, k & 1);
            g_assert_cmphex(flags_status(cpu), ==, (f & ~FLAG_CF) | (k & 1 ? FLAG_CF : 0));
            set_flags_cf_of(cpu, k & 2, k & 4);
            g_assert_cmphex(flags_status(cpu), ==, (f & ~(FLAG_CF | FLAG_OF)) | (k & 2 ? FLAG_CF : 0) |
                                                       (k & 4 ? FLAG_OF : 0));
            set_flag_zf(cpu, k & 1);
            g_assert_cmpint(flag_zf(cpu), ==, k & 1);
        }
    }
    g_free(cpu);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/flags/results", test_results);
    g_test_add_func("/flags/set", test_set);
    return g_test_run();
}
