/* net/user_merge.c and net/checksum.c: segments that may be joined, and those that may not. */
#include <string.h>

#include "net/checksum.h"
#include "net/user_merge.h"
#include "tests/support/test.h"

#define HEADERS 54u

static void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static uint16_t tcp_sum(const uint8_t *f, size_t size)
{
    return net_sum_fold(net_sum(f + 26, 8) + 6 + (uint32_t)(size - 34) +
                        net_sum(f + 34, size - 34));
}

/* A data segment with right checksums. Returns its size. */
static size_t make(uint8_t *f, uint32_t sequence, size_t payload, uint8_t fill)
{
    static const uint8_t head[HEADERS] = {
        0x52, 0x55, 10, 0, 2,  2, 0x52, 0x54, 0,  0x12, 0x34, 0x56, 8,    0, 0x45, 0, 0,    0,
        0x10, 0xff, 0,  0, 64, 6, 0,    0,    10, 0,    2,    15,   10,   0, 2,    2, 0x30, 0x39,
        0,    80,   0,  0, 0,  0, 0,    0,    0,  1,    0x50, 0x10, 0x20, 0, 0,    0, 0,    0,
    };
    size_t size = HEADERS + payload;
    memcpy(f, head, HEADERS);
    memset(f + HEADERS, fill, payload);
    put16(f + 16, (unsigned)(size - 14));
    put16(f + 38, sequence >> 16);
    put16(f + 40, sequence & 0xffff);
    put16(f + 24, (uint16_t)~net_sum_fold(net_sum(f + 14, 20)));
    put16(f + 50, (uint16_t)~tcp_sum(f, size));
    return size;
}

static void fix(uint8_t *f, size_t size)
{
    put16(f + 50, 0);
    put16(f + 50, (uint16_t)~tcp_sum(f, size));
}

static void test_sum(void)
{
    uint8_t data[300];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 37 + 5);
    }
    for (size_t start = 0; start < 9; start++) {
        for (size_t size = 0; size + start <= sizeof(data); size++) {
            uint32_t plain = 0;
            for (size_t i = 0; i < size; i++) {
                plain += i & 1 ? data[start + i] : (uint32_t)data[start + i] << 8;
            }
            g_assert_cmphex(net_sum_fold(net_sum(data + start, size)), ==, net_sum_fold(plain));
        }
    }
    memset(data, 0xff, sizeof(data));
    g_assert_cmphex(net_sum_fold(net_sum(data, sizeof(data))), ==, 0xffff);
}

static void test_join(void)
{
    struct user_merge merge = {0};
    uint8_t f[2048];
    size_t size;
    uint32_t sequence = 0xfffffc00; /* wraps on the way */
    static const size_t parts[] = {1460, 1460, 333, 7};
    size_t total = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
        size = make(f, sequence, parts[i], (uint8_t)('a' + i));
        if (i == 2) {
            f[47] |= 8; /* PSH */
            fix(f, size);
        }
        g_assert_true(user_merge_add(&merge, f, size));
        sequence += (uint32_t)parts[i];
        total += parts[i];
    }
    const uint8_t *out = user_merge_take(&merge, &size);
    g_assert_cmpuint(size, ==, HEADERS + total);
    g_assert_cmphex(net_sum_fold(net_sum(out + 14, 20)), ==, 0xffff);
    g_assert_cmphex(tcp_sum(out, size), ==, 0xffff);
    g_assert_cmphex(out[47], ==, 0x18);
    g_assert_cmpint(out[HEADERS + 1459], ==, 'a');
    g_assert_cmpint(out[HEADERS + 1460], ==, 'b');
    g_assert_cmpint(out[size - 1], ==, 'd');
    user_merge_take(&merge, &size);
    g_assert_cmpuint(size, ==, 0);
}

static void test_alone(void)
{
    struct user_merge merge = {0};
    uint8_t f[2048];
    size_t size = make(f, 1000, 1, 'x'), got;
    memset(f + size, 0, 60 - size); /* padding goes */
    g_assert_true(user_merge_add(&merge, f, 60));
    const uint8_t *out = user_merge_take(&merge, &got);
    g_assert_cmpmem(out, got, f, size);
}

/* Changes that keep a segment from following the first. */
static void test_apart(void)
{
    static const struct {
        const char *what;
        unsigned at;
        uint8_t xor ;
    } changes[] = {
        {"sequence", 41, 1},  {"FIN", 47, 1},
        {"port", 35, 1},      {"acknowledgement", 45, 1},
        {"window", 48, 1},    {"destination", 5, 1},
        {"ethertype", 13, 6}, {"damage", HEADERS + 3, 1},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(changes); i++) {
        struct user_merge merge = {0};
        uint8_t f[2048];
        size_t size = make(f, 5000, 100, 'x');
        g_assert_true(user_merge_add(&merge, f, size));
        size = make(f, 5100, 100, 'y');
        f[changes[i].at] ^= changes[i].xor ;
        if (changes[i].at < HEADERS) {
            fix(f, size);
        }
        g_test_message("%s", changes[i].what);
        g_assert_false(user_merge_add(&merge, f, size));
        user_merge_take(&merge, &size);
        g_assert_cmpuint(size, ==, HEADERS + 100);
    }
}

/* Never more than the buffer; nonsense of any length is refused. */
static void test_bounds(void)
{
    struct user_merge merge = {0};
    uint8_t f[2048];
    uint32_t sequence = 1;
    unsigned n = 0;
    while (user_merge_add(&merge, f, make(f, sequence, 1460, 'z'))) {
        sequence += 1460;
        g_assert_cmpuint(++n, <, 20);
    }
    g_assert_cmpuint(n, ==, (USER_MERGE_MAX - HEADERS) / 1460);
    g_assert_cmpuint(merge.size, <=, USER_MERGE_MAX);
    size_t size;
    user_merge_take(&merge, &size);
    struct test_random random;
    random.state = 7;
    for (unsigned i = 0; i < 20000; i++) {
        size = make(f, 1, i % 1400 + 1, 'q');
        for (unsigned k = 0; k < 3; k++) {
            f[test_random_next(&random) % 64] = (uint8_t)test_random_next(&random);
        }
        user_merge_add(&merge, f,
                       test_random_next(&random) % 2 ? size
                                                     : test_random_next(&random) % (size + 1));
        if (i % 8 == 0) {
            user_merge_take(&merge, &size);
        }
    }
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/checksum/sum", test_sum);
    g_test_add_func("/merge/join", test_join);
    g_test_add_func("/merge/alone", test_alone);
    g_test_add_func("/merge/apart", test_apart);
    g_test_add_func("/merge/bounds", test_bounds);
    return g_test_run();
}
