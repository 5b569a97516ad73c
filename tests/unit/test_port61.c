/*
 * Port 61h with a real timer behind it: gate 2, OUT2, refresh toggle, speaker.
 */
#include "tests/support/test.h"

#include "hw/misc/port61.h"
#include "hw/timer/i8254.h"

struct board {
    struct machine *machine;
    struct device *pit, *port;
};

static struct board board_create(void)
{
    struct board b = {.machine = test_machine_create()};
    b.pit = test_device_create(b.machine, &i8254_class, "pit", NULL);
    b.port = test_device_create(b.machine, &port61_class, "port61", NULL);
    port61_connect_gate2(b.port, i8254_gate(b.pit, 2));
    port61_connect_out2(b.port, i8254_output, b.pit, 2);
    return b;
}

static uint8_t in(struct board *b)
{
    return (uint8_t)test_region_read(port61_io(b->port), 0, 1);
}

static void out(struct board *b, uint8_t value)
{
    test_region_write(port61_io(b->port), 0, value, 1);
}

/* How programs measure the CPU: a one-shot of timer 2, polled through bit 5. */
static void test_one_shot(void)
{
    struct board b = board_create();
    out(&b, 0x00);
    test_region_write(i8254_io(b.pit), 3, 0xb0, 1);
    test_region_write(i8254_io(b.pit), 2, 0xa9, 1);
    test_region_write(i8254_io(b.pit), 2, 0x04, 1); /* 1193 ticks: 1 ms */
    test_advance(b.machine, NS_PER_SECOND);
    g_assert_cmphex(in(&b) & 0x20, ==, 0);
    out(&b, 0x01);
    test_advance(b.machine, 990000);
    g_assert_cmphex(in(&b) & 0x21, ==, 0x01);
    test_advance(b.machine, 20000);
    g_assert_cmphex(in(&b) & 0x21, ==, 0x21);
    test_machine_destroy(b.machine);
}

static void test_refresh(void)
{
    struct board b = board_create();
    unsigned toggles = 0;
    uint8_t last = in(&b) & 0x10;
    for (unsigned us = 0; us < 1500; us++) {
        test_advance(b.machine, 1000);
        if ((in(&b) & 0x10) != last) {
            last ^= 0x10;
            toggles++;
        }
    }
    g_assert_cmpuint(toggles, ==, 99); /* every 15.085 us */
    test_machine_destroy(b.machine);
}

static void test_speaker(void)
{
    struct board b = board_create();
    struct test_probe speaker;
    test_probe_init(&speaker, "speaker");
    port61_connect_speaker(b.port, &speaker.line);
    out(&b, 0xf2); /* the upper bits cannot be written */
    g_assert_true(speaker.level);
    g_assert_false(port61_speaker_on(b.port));
    g_assert_cmphex(in(&b) & 0xcf, ==, 0x02);
    out(&b, 0x03);
    g_assert_true(port61_speaker_on(b.port));
    device_reset(b.port);
    g_assert_false(speaker.level);
    g_assert_false(port61_speaker_on(b.port));
    test_machine_destroy(b.machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/port61/one-shot", test_one_shot);
    g_test_add_func("/port61/refresh", test_refresh);
    g_test_add_func("/port61/speaker", test_speaker);
    return g_test_run();
}
