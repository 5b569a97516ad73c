/*
 * 8254: waveforms of all six modes, BCD, latches, read-back, gates, delivery of edges without drift
 * and after a late host (datasheet order number 231164).
 */
#include "tests/support/test.h"

#include "hw/timer/i8254.h"

struct pit {
    struct machine *machine;
    struct device *dev;
    struct test_probe out;
};

static struct pit *pit_create(unsigned channel)
{
    struct pit *pit = g_new0(struct pit, 1);
    pit->machine = test_machine_create();
    pit->dev = test_device_create(pit->machine, &i8254_class, "pit", NULL);
    test_probe_init(&pit->out, "out");
    i8254_connect_out(pit->dev, channel, &pit->out.line);
    return pit;
}

static void pit_destroy(struct pit *pit)
{
    test_machine_destroy(pit->machine);
    g_free(pit);
}

static void out(struct pit *pit, unsigned reg, uint8_t value)
{
    test_region_write(i8254_io(pit->dev), reg, value, 1);
}

static uint8_t in(struct pit *pit, unsigned reg)
{
    return (uint8_t)test_region_read(i8254_io(pit->dev), reg, 1);
}

static void set(struct pit *pit, unsigned n, uint8_t mode, uint16_t count)
{
    out(pit, 3, (uint8_t)(n << 6 | 0x30 | mode << 1));
    out(pit, n, (uint8_t)count);
    out(pit, n, (uint8_t)(count >> 8));
}

static uint16_t count(struct pit *pit, unsigned n)
{
    out(pit, 3, (uint8_t)(n << 6));
    uint8_t low = in(pit, n);
    return (uint16_t)(in(pit, n) << 8 | low);
}

static uint64_t tick_ns(uint64_t tick)
{
    return muldiv64(tick, NS_PER_SECOND, I8254_HZ) + 1;
}

/* To the beginning of a tick of the input clock, counted from 0. */
static void go(struct pit *pit, uint64_t tick)
{
    uint64_t now = clock_now(pit->machine->guest_clock);
    g_assert_cmpuint(tick_ns(tick), >=, now);
    test_advance(pit->machine, tick_ns(tick) - now);
}

/* The level of OUT at the ticks from `from` on, as text: '-' high, '_' low. */
static char *wave(struct pit *pit, unsigned n, uint64_t from, unsigned ticks)
{
    GString *s = g_string_new(NULL);
    for (unsigned i = 0; i < ticks; i++) {
        go(pit, from + i);
        g_string_append_c(s, i8254_output(pit->dev, n) ? '-' : '_');
    }
    return g_string_free(s, FALSE);
}

#define assert_wave(pit, n, from, expected)                                                        \
    do {                                                                                           \
        char *w_ = wave(pit, n, from, sizeof(expected) - 1);                                       \
        g_assert_cmpstr(w_, ==, expected);                                                         \
        g_free(w_);                                                                                \
    } while (0)

static void gate2(struct pit *pit, bool level)
{
    irq_set(i8254_gate(pit->dev, 2), level);
}

static void test_mode0(void)
{
    struct pit *pit = pit_create(0);
    go(pit, 100);
    set(pit, 0, 0, 4);
    /* High N + 1 ticks after the write, and it stays. */
    assert_wave(pit, 0, 100, "_____------");
    g_assert_true(pit->out.level);
    g_assert_cmpuint(pit->out.rises, ==, 1);
    /* The count goes on below zero. */
    g_assert_cmphex(count(pit, 0), ==, 0xfffb);
    /* The first byte of a new count stops it and pulls OUT low. */
    out(pit, 0, 3);
    g_assert_false(i8254_output(pit->dev, 0));
    g_assert_false(pit->out.level);
    go(pit, 120);
    g_assert_false(pit->out.level);
    out(pit, 0, 0);
    assert_wave(pit, 0, 120, "____---");
    pit_destroy(pit);
}

static void test_mode0_gate(void)
{
    struct pit *pit = pit_create(2);
    gate2(pit, true);
    go(pit, 10);
    set(pit, 2, 0, 10);
    go(pit, 15); /* loaded at 11, four ticks counted */
    gate2(pit, false);
    g_assert_cmpuint(count(pit, 2), ==, 6);
    go(pit, 40);
    g_assert_cmpuint(count(pit, 2), ==, 6);
    g_assert_false(i8254_output(pit->dev, 2));
    gate2(pit, true);
    assert_wave(pit, 2, 40, "______--");
    g_assert_cmpuint(pit->out.rises, ==, 1);
    pit_destroy(pit);
}

static void test_mode1(void)
{
    struct pit *pit = pit_create(2);
    go(pit, 10);
    set(pit, 2, 1, 3);
    g_assert_true(i8254_output(pit->dev, 2));
    go(pit, 20);
    gate2(pit, true);
    assert_wave(pit, 2, 21, "___---");
    /* Retriggered while low: the pulse is prolonged. */
    gate2(pit, false);
    go(pit, 30);
    gate2(pit, true);
    go(pit, 32);
    gate2(pit, false);
    gate2(pit, true);
    assert_wave(pit, 2, 33, "___--");
    g_assert_cmpuint(pit->out.rises, ==, 3); /* the control word, and two pulses */
    pit_destroy(pit);
}

static void test_mode2(void)
{
    struct pit *pit = pit_create(0);
    go(pit, 10);
    set(pit, 0, 2, 4);
    assert_wave(pit, 0, 11, "---_---_---_");
    /* A new count waits for the end of the period. */
    go(pit, 24);
    out(pit, 0, 3);
    out(pit, 0, 0);
    assert_wave(pit, 0, 24, "--_--_--_--_");
    pit_destroy(pit);
}

static void test_mode2_gate(void)
{
    struct pit *pit = pit_create(2);
    go(pit, 10);
    set(pit, 2, 2, 4);
    assert_wave(pit, 2, 12, "------");
    gate2(pit, true); /* at 17: loads at 18 */
    assert_wave(pit, 2, 18, "---_---_--");
    gate2(pit, false);
    assert_wave(pit, 2, 28, "------");
    pit_destroy(pit);
}

static void test_mode3(void)
{
    struct pit *pit = pit_create(0);
    go(pit, 10);
    set(pit, 0, 3, 6);
    assert_wave(pit, 0, 11, "---___---___");
    go(pit, 23);
    g_assert_cmpuint(count(pit, 0), ==, 6);
    go(pit, 24);
    g_assert_cmpuint(count(pit, 0), ==, 4);
    go(pit, 27);
    g_assert_cmpuint(count(pit, 0), ==, 4);
    /* Odd: one tick longer high than low. */
    set(pit, 0, 3, 5);
    assert_wave(pit, 0, 28, "---__---__");
    /* A new count at the end of the half period: written while high, the low half is already of the
     * new one. */
    go(pit, 38);
    out(pit, 0, 8);
    out(pit, 0, 0);
    assert_wave(pit, 0, 38, "---____----____");
    pit_destroy(pit);
}

static void test_mode4(void)
{
    struct pit *pit = pit_create(0);
    go(pit, 10);
    set(pit, 0, 4, 3);
    assert_wave(pit, 0, 10, "----_-----");
    g_assert_cmpuint(pit->out.rises, ==, 2);
    pit_destroy(pit);
}

static void test_mode5(void)
{
    struct pit *pit = pit_create(2);
    go(pit, 10);
    set(pit, 2, 5, 3);
    assert_wave(pit, 2, 11, "------");
    gate2(pit, true); /* at 16: loads at 17 */
    assert_wave(pit, 2, 17, "---_----");
    pit_destroy(pit);
}

static void test_bcd(void)
{
    struct pit *pit = pit_create(0);
    go(pit, 10);
    out(pit, 3, 0x31 | 2 << 1);
    out(pit, 0, 0x00);
    out(pit, 0, 0x10); /* 1000 */
    go(pit, 12);
    g_assert_cmphex(count(pit, 0), ==, 0x0999);
    go(pit, 11 + 999);
    g_assert_cmphex(count(pit, 0), ==, 0x0001);
    g_assert_false(i8254_output(pit->dev, 0));
    pit_destroy(pit);
}

static void test_latch(void)
{
    struct pit *pit = pit_create(0);
    go(pit, 10);
    set(pit, 0, 2, 0x1234);
    go(pit, 11 + 0x10);
    out(pit, 3, 0x00);
    go(pit, 11 + 0x20);
    out(pit, 3, 0x00); /* a second latch is ignored */
    g_assert_cmphex(in(pit, 0), ==, 0x24);
    g_assert_cmphex(in(pit, 0), ==, 0x12);
    g_assert_cmphex(in(pit, 0), ==, 0x14); /* not latched: live */
    g_assert_cmphex(in(pit, 0), ==, 0x12);
    /* Access by one byte. */
    out(pit, 3, 0x14);
    out(pit, 0, 0x80);
    go(pit, 11 + 0x30);
    g_assert_cmphex(in(pit, 0), ==, in(pit, 0));
    out(pit, 3, 0x24);
    out(pit, 0, 0x80);
    go(pit, 200);
    g_assert_cmphex(in(pit, 0), ==, 0x7f);
    pit_destroy(pit);
}

static void test_read_back(void)
{
    struct pit *pit = pit_create(0);
    go(pit, 10);
    out(pit, 3, 0x34);
    out(pit, 3, 0xe2);                     /* status of counter 0 */
    g_assert_cmphex(in(pit, 0), ==, 0xf4); /* OUT, NULL COUNT, both bytes, mode 2 */
    out(pit, 0, 0x00);
    out(pit, 0, 0x10);
    go(pit, 12);
    out(pit, 3, 0xc2); /* status and count */
    g_assert_cmphex(in(pit, 0), ==, 0xb4);
    g_assert_cmphex(in(pit, 0), ==, 0xff);
    g_assert_cmphex(in(pit, 0), ==, 0x0f);
    /* Several counters at once. */
    set(pit, 2, 0, 7);
    out(pit, 3, 0xea);
    g_assert_cmphex(in(pit, 0), ==, 0xb4);
    g_assert_cmphex(in(pit, 2) & 0x3f, ==, 0x30);
    pit_destroy(pit);
}

/* A day of 18.2 Hz has exactly as many edges as the arithmetic says. */
static void test_no_drift(void)
{
    struct pit *pit = pit_create(0);
    set(pit, 0, 3, 0);
    test_probe_clear(&pit->out);
    for (unsigned i = 0; i < 86400; i++) {
        test_advance(pit->machine, NS_PER_SECOND);
    }
    g_assert_cmpuint(pit->out.rises, ==, (86400ull * I8254_HZ - 1) / 65536);
    pit_destroy(pit);
}

/* Guest time jumps, as when the host did not run us: edges come one by one, none is lost. */
static void test_late(void)
{
    struct pit *pit = pit_create(0);
    const unsigned period = 11932; /* 100 Hz */
    set(pit, 0, 2, period);
    test_probe_clear(&pit->out);
    go(pit, 1 + 10 * period - 10);
    g_assert_cmpuint(pit->out.rises, ==, 9);
    clock_set(pit->machine->guest_clock, tick_ns(1 + 30 * period + 10));
    clock_run(pit->machine->guest_clock);
    g_assert_cmpuint(pit->out.rises, ==, 10);
    go(pit, 1 + 31 * period - 10);
    g_assert_cmpuint(pit->out.rises, ==, 11);
    go(pit, 1 + 60 * period + 10);
    g_assert_cmpuint(pit->out.rises, ==, 60);
    /* Ten seconds late: all but the last half second is given up. */
    clock_set(pit->machine->guest_clock, tick_ns(1 + 1060 * period + 10));
    go(pit, 1 + 1200 * period + 10);
    g_assert_cmpuint(pit->out.rises, >=, 60 + 140 + 49);
    g_assert_cmpuint(pit->out.rises, <=, 60 + 140 + 51);
    pit_destroy(pit);
}

/* The shortest periods do not stop the machine. */
static void test_fastest(void)
{
    struct pit *pit = pit_create(0);
    set(pit, 0, 2, 2);
    test_advance(pit->machine, NS_PER_SECOND / 100);
    g_assert_cmpuint(pit->out.rises, <, 1200);
    set(pit, 0, 3, 1);
    test_advance(pit->machine, NS_PER_SECOND / 100);
    pit_destroy(pit);
}

static void test_tone(void)
{
    struct pit *pit = pit_create(0);
    uint32_t period;
    g_assert_false(i8254_tone(pit->dev, 2, &period));
    gate2(pit, true);
    set(pit, 2, 3, 1193);
    g_assert_true(i8254_tone(pit->dev, 2, &period));
    g_assert_cmpuint(period, ==, 1193);
    pit_destroy(pit);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/i8254/mode0", test_mode0);
    g_test_add_func("/i8254/mode0-gate", test_mode0_gate);
    g_test_add_func("/i8254/mode1", test_mode1);
    g_test_add_func("/i8254/mode2", test_mode2);
    g_test_add_func("/i8254/mode2-gate", test_mode2_gate);
    g_test_add_func("/i8254/mode3", test_mode3);
    g_test_add_func("/i8254/mode4", test_mode4);
    g_test_add_func("/i8254/mode5", test_mode5);
    g_test_add_func("/i8254/bcd", test_bcd);
    g_test_add_func("/i8254/latch", test_latch);
    g_test_add_func("/i8254/read-back", test_read_back);
    g_test_add_func("/i8254/no-drift", test_no_drift);
    g_test_add_func("/i8254/late", test_late);
    g_test_add_func("/i8254/fastest", test_fastest);
    g_test_add_func("/i8254/tone", test_tone);
    return g_test_run();
}
