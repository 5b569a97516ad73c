/*
 * MC146818: formats, setting the time, update cycle, roll-over, alarm, periodic and update
 * interrupts, what the battery keeps.
 */
#include "tests/support/test.h"

#include <time.h>

#include "hw/rtc/mc146818.h"
#include "hw/rtc/mc146818_impl.h"

struct rtc {
    struct machine *machine;
    struct device *dev;
    struct test_probe irq;
};

static struct rtc *rtc_create(const char *const *properties)
{
    struct rtc *r = g_new0(struct rtc, 1);
    r->machine = test_machine_create();
    r->dev = test_device_create(r->machine, &mc146818_class, "rtc", properties);
    test_probe_init(&r->irq, "irq8");
    mc146818_connect_irq(r->dev, &r->irq.line);
    return r;
}

static void rtc_destroy(struct rtc *r)
{
    test_machine_destroy(r->machine);
    g_free(r);
}

static void out(struct rtc *r, uint8_t index, uint8_t value)
{
    test_region_write(mc146818_io(r->dev), 0, index, 1);
    test_region_write(mc146818_io(r->dev), 1, value, 1);
}

static uint8_t in(struct rtc *r, uint8_t index)
{
    test_region_write(mc146818_io(r->dev), 0, index, 1);
    return (uint8_t)test_region_read(mc146818_io(r->dev), 1, 1);
}

/* Sets date and time in the 24-hour BCD form, stopped meanwhile. */
static void set_time(struct rtc *r, const uint8_t ymdhms[6])
{
    out(r, RTC_REG_B, 0x82);
    out(r, RTC_YEAR, ymdhms[0]);
    out(r, RTC_MONTH, ymdhms[1]);
    out(r, RTC_DAY, ymdhms[2]);
    out(r, RTC_HOURS, ymdhms[3]);
    out(r, RTC_MINUTES, ymdhms[4]);
    out(r, RTC_SECONDS, ymdhms[5]);
    out(r, RTC_REG_B, 0x02);
}

static void assert_time(struct rtc *r, const uint8_t ymdhms[6])
{
    g_assert_cmphex(in(r, RTC_YEAR), ==, ymdhms[0]);
    g_assert_cmphex(in(r, RTC_MONTH), ==, ymdhms[1]);
    g_assert_cmphex(in(r, RTC_DAY), ==, ymdhms[2]);
    g_assert_cmphex(in(r, RTC_HOURS), ==, ymdhms[3]);
    g_assert_cmphex(in(r, RTC_MINUTES), ==, ymdhms[4]);
    g_assert_cmphex(in(r, RTC_SECONDS), ==, ymdhms[5]);
}

#define TIME(...) ((const uint8_t[6]){__VA_ARGS__})

/* Against the C library, over four centuries. */
static void test_calendar(void)
{
    uint8_t regs[RTC_SIZE] = {[RTC_REG_B] = RTC_B_DM | RTC_B_24H};
    for (int64_t t = 0; t < 400ll * 366 * SECONDS_PER_DAY; t += 40000001) {
        time_t host = (time_t)t;
        struct tm tm;
        gmtime_r(&host, &tm);
        rtc_encode(regs, 0x32, t);
        g_assert_cmpint(regs[RTC_SECONDS], ==, tm.tm_sec);
        g_assert_cmpint(regs[RTC_MINUTES], ==, tm.tm_min);
        g_assert_cmpint(regs[RTC_HOURS], ==, tm.tm_hour);
        g_assert_cmpint(regs[RTC_DAY_OF_WEEK], ==, tm.tm_wday + 1);
        g_assert_cmpint(regs[RTC_DAY], ==, tm.tm_mday);
        g_assert_cmpint(regs[RTC_MONTH], ==, tm.tm_mon + 1);
        g_assert_cmpint(regs[RTC_YEAR], ==, tm.tm_year % 100);
        g_assert_cmpint(rtc_decode(regs, 0x32), ==, t);
    }
}

static void test_formats(void)
{
    struct rtc *r = rtc_create(NULL);
    /* The test machine starts on Monday, 1 January 2007. */
    assert_time(r, TIME(0x07, 0x01, 0x01, 0x00, 0x00, 0x00));
    g_assert_cmphex(in(r, RTC_DAY_OF_WEEK), ==, 2);
    g_assert_cmphex(in(r, 0x32), ==, 0x20);
    g_assert_cmphex(in(r, RTC_REG_D), ==, 0x80);
    g_assert_cmphex(in(r, RTC_REG_A), ==, 0x26);
    set_time(r, TIME(0x99, 0x12, 0x31, 0x23, 0x59, 0x58));
    out(r, 0x32, 0x19);
    out(r, RTC_REG_B, 0x00); /* 12 hours, BCD */
    g_assert_cmphex(in(r, RTC_HOURS), ==, 0x91);
    out(r, RTC_REG_B, 0x04); /* 12 hours, binary */
    g_assert_cmphex(in(r, RTC_HOURS), ==, 0x8b);
    g_assert_cmphex(in(r, RTC_YEAR), ==, 99);
    out(r, RTC_REG_B, 0x06);
    g_assert_cmphex(in(r, RTC_HOURS), ==, 23);
    /* Midnight and noon on the 12-hour dial. */
    test_advance(r->machine, 2 * NS_PER_SECOND);
    out(r, RTC_REG_B, 0x00);
    g_assert_cmphex(in(r, RTC_HOURS), ==, 0x12);
    g_assert_cmphex(in(r, 0x32), ==, 0x20);
    test_advance(r->machine, 12 * 3600 * NS_PER_SECOND);
    g_assert_cmphex(in(r, RTC_HOURS), ==, 0x92);
    rtc_destroy(r);
}

static void test_rollover(void)
{
    struct rtc *r = rtc_create(NULL);
    set_time(r, TIME(0x08, 0x02, 0x28, 0x23, 0x59, 0x59));
    test_advance(r->machine, NS_PER_SECOND);
    assert_time(r, TIME(0x08, 0x02, 0x29, 0x00, 0x00, 0x00));
    test_advance(r->machine, 86400 * NS_PER_SECOND);
    assert_time(r, TIME(0x08, 0x03, 0x01, 0x00, 0x00, 0x00));
    set_time(r, TIME(0x09, 0x02, 0x28, 0x23, 0x59, 0x59));
    test_advance(r->machine, NS_PER_SECOND);
    assert_time(r, TIME(0x09, 0x03, 0x01, 0x00, 0x00, 0x00));
    rtc_destroy(r);
}

static void test_set_holds(void)
{
    struct rtc *r = rtc_create(NULL);
    out(r, RTC_REG_B, 0x82);
    out(r, RTC_MINUTES, 0x17);
    test_advance(r->machine, 5 * NS_PER_SECOND);
    g_assert_cmphex(in(r, RTC_SECONDS), ==, 0x00);
    g_assert_cmphex(in(r, RTC_MINUTES), ==, 0x17);
    g_assert_cmphex(in(r, RTC_REG_A) & 0x80, ==, 0);
    out(r, RTC_REG_B, 0x02);
    test_advance(r->machine, NS_PER_SECOND);
    assert_time(r, TIME(0x07, 0x01, 0x01, 0x00, 0x17, 0x01));
    /* Writing while it runs works too. */
    out(r, RTC_HOURS, 0x09);
    assert_time(r, TIME(0x07, 0x01, 0x01, 0x09, 0x17, 0x01));
    rtc_destroy(r);
}

static void test_update_in_progress(void)
{
    struct rtc *r = rtc_create(NULL);
    test_advance(r->machine, NS_PER_SECOND - 2300000);
    g_assert_cmphex(in(r, RTC_REG_A), ==, 0x26);
    test_advance(r->machine, 100000);
    g_assert_cmphex(in(r, RTC_REG_A), ==, 0xa6);
    g_assert_cmphex(in(r, RTC_REG_C), ==, 0x40); /* PF has run all the time, UF has not come */
    test_advance(r->machine, 2200000);
    g_assert_cmphex(in(r, RTC_REG_A), ==, 0x26);
    g_assert_cmphex(in(r, RTC_REG_C) & 0x10, ==, 0x10);
    rtc_destroy(r);
}

/* Half a second from the release of the divider to the first update. */
static void test_divider_reset(void)
{
    struct rtc *r = rtc_create(NULL);
    test_advance(r->machine, 123456789);
    out(r, RTC_REG_A, 0x76);
    out(r, RTC_SECONDS, 0x30);
    test_advance(r->machine, 10 * NS_PER_SECOND);
    g_assert_cmphex(in(r, RTC_SECONDS), ==, 0x30);
    out(r, RTC_REG_A, 0x26);
    test_advance(r->machine, NS_PER_SECOND / 2 - 1000);
    g_assert_cmphex(in(r, RTC_SECONDS), ==, 0x30);
    test_advance(r->machine, 2000);
    g_assert_cmphex(in(r, RTC_SECONDS), ==, 0x31);
    rtc_destroy(r);
}

static void test_update_interrupt(void)
{
    struct rtc *r = rtc_create(NULL);
    out(r, RTC_REG_B, 0x12);
    test_advance(r->machine, NS_PER_SECOND - 1);
    g_assert_false(r->irq.level);
    test_advance(r->machine, 1);
    g_assert_true(r->irq.level);
    g_assert_cmphex(in(r, RTC_REG_C) & 0x90, ==, 0x90);
    g_assert_false(r->irq.level);
    g_assert_cmphex(in(r, RTC_REG_C), ==, 0);
    rtc_destroy(r);
}

static void test_alarm(void)
{
    struct rtc *r = rtc_create(NULL);
    set_time(r, TIME(0x07, 0x06, 0x30, 0x23, 0x59, 0x50));
    out(r, RTC_HOURS_ALARM, 0x00);
    out(r, RTC_MINUTES_ALARM, 0x00);
    out(r, RTC_SECONDS_ALARM, 0x05);
    out(r, RTC_REG_B, 0x22);
    in(r, RTC_REG_C);
    test_advance(r->machine, 15 * NS_PER_SECOND - 1);
    g_assert_false(r->irq.level);
    test_advance(r->machine, 1);
    g_assert_true(r->irq.level);
    assert_time(r, TIME(0x07, 0x07, 0x01, 0x00, 0x00, 0x05));
    g_assert_cmphex(in(r, RTC_REG_C) & 0xb0, ==, 0xb0);
    /* Tomorrow again, not before. */
    test_advance(r->machine, 86399 * NS_PER_SECOND);
    g_assert_false(r->irq.level);
    test_advance(r->machine, NS_PER_SECOND);
    g_assert_true(r->irq.level);
    in(r, RTC_REG_C);
    /* Don't care: every minute, every second. */
    out(r, RTC_HOURS_ALARM, 0xff);
    out(r, RTC_MINUTES_ALARM, 0xc0);
    test_probe_clear(&r->irq);
    for (unsigned i = 0; i < 600; i++) {
        test_advance(r->machine, NS_PER_SECOND);
        in(r, RTC_REG_C);
    }
    g_assert_cmpuint(r->irq.rises, ==, 10);
    out(r, RTC_SECONDS_ALARM, 0xff);
    test_probe_clear(&r->irq);
    for (unsigned i = 0; i < 60; i++) {
        test_advance(r->machine, NS_PER_SECOND);
        in(r, RTC_REG_C);
    }
    g_assert_cmpuint(r->irq.rises, ==, 60);
    /* No such time: never. */
    out(r, RTC_SECONDS_ALARM, 0x75);
    test_probe_clear(&r->irq);
    test_advance(r->machine, 2 * 86400 * NS_PER_SECOND);
    g_assert_cmpuint(r->irq.rises, ==, 0);
    rtc_destroy(r);
}

static void test_periodic(void)
{
    static const struct {
        uint8_t rs;
        unsigned hz;
    } rates[] = {{1, 256}, {2, 128}, {3, 8192}, {6, 1024}, {10, 64}, {15, 2}};
    for (unsigned i = 0; i < G_N_ELEMENTS(rates); i++) {
        struct rtc *r = rtc_create(NULL);
        out(r, RTC_REG_A, 0x20 | rates[i].rs);
        out(r, RTC_REG_B, 0x42);
        unsigned count = 0;
        while (clock_now(r->machine->guest_clock) < NS_PER_SECOND) {
            test_advance(r->machine, 50000);
            if (r->irq.level) {
                count++;
                g_assert_cmphex(in(r, RTC_REG_C) & 0xc0, ==, 0xc0);
            }
        }
        g_assert_cmpuint(count, ==, rates[i].hz);
        rtc_destroy(r);
    }
}

/* A guest that is kept from running for 100 ms at 1024 Hz: gone, or made up for. */
static void test_lost_ticks(void)
{
    static const char *const slew[] = {"lost_tick_policy", "slew", NULL};
    for (unsigned with = 0; with < 2; with++) {
        struct rtc *r = rtc_create(with ? slew : NULL);
        unsigned count = 0;
        out(r, RTC_REG_B, 0x42);
        test_advance(r->machine, NS_PER_SECOND / 10);
        while (clock_now(r->machine->guest_clock) < NS_PER_SECOND) {
            if (r->irq.level) {
                count++;
                in(r, RTC_REG_C);
            }
            test_advance(r->machine, 50000);
        }
        if (with) {
            g_assert_cmpuint(count, >=, 1022);
            g_assert_cmpuint(count, <=, 1025);
        } else {
            g_assert_cmpuint(count, <=, 923);
        }
        rtc_destroy(r);
    }
}

static void test_nvram_and_reset(void)
{
    struct rtc *r = rtc_create(NULL);
    struct test_probe mask;
    test_probe_init(&mask, "nmi-mask");
    mc146818_connect_nmi_mask(r->dev, &mask.line);
    mc146818_set_nvram(r->dev, 0x10, 0x40);
    g_assert_cmphex(in(r, 0x10), ==, 0x40);
    out(r, 0x8f, 0x0a); /* with the NMI mask bit */
    g_assert_true(mask.level);
    g_assert_cmphex(in(r, 0x0f), ==, 0x0a);
    g_assert_false(mask.level);
    g_assert_cmphex(mc146818_nvram(r->dev, 0x0f), ==, 0x0a);
    set_time(r, TIME(0x15, 0x10, 0x21, 0x16, 0x29, 0x00));
    out(r, RTC_REG_B, 0x52);
    test_advance(r->machine, 3 * NS_PER_SECOND);
    g_assert_true(r->irq.level);
    clock_set(r->machine->rtc_clock, (TEST_RTC_SECONDS + 3) * NS_PER_SECOND);
    test_machine_reset(r->machine);
    g_assert_false(r->irq.level);
    g_assert_cmphex(in(r, RTC_REG_B), ==, 0x02);
    g_assert_cmphex(in(r, 0x0f), ==, 0x0a);
    assert_time(r, TIME(0x15, 0x10, 0x21, 0x16, 0x29, 0x03));
    g_assert_cmpint(mc146818_time(r->dev), ==, 1445444943);
    rtc_destroy(r);
}

static void test_bad_properties(void)
{
    static const char *const policy[] = {"lost_tick_policy", "sometimes", NULL};
    static const char *const century[] = {"century", "5", NULL};
    struct machine *machine = test_machine_create();
    GError *error = NULL;
    g_assert_null(device_create(machine, &mc146818_class, "a", policy, &error));
    g_clear_error(&error);
    g_assert_null(device_create(machine, &mc146818_class, "b", century, &error));
    g_clear_error(&error);
    test_machine_destroy(machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/mc146818/calendar", test_calendar);
    g_test_add_func("/mc146818/formats", test_formats);
    g_test_add_func("/mc146818/rollover", test_rollover);
    g_test_add_func("/mc146818/set-holds", test_set_holds);
    g_test_add_func("/mc146818/update-in-progress", test_update_in_progress);
    g_test_add_func("/mc146818/divider-reset", test_divider_reset);
    g_test_add_func("/mc146818/update-interrupt", test_update_interrupt);
    g_test_add_func("/mc146818/alarm", test_alarm);
    g_test_add_func("/mc146818/periodic", test_periodic);
    g_test_add_func("/mc146818/lost-ticks", test_lost_ticks);
    g_test_add_func("/mc146818/nvram-and-reset", test_nvram_and_reset);
    g_test_add_func("/mc146818/bad-properties", test_bad_properties);
    return g_test_run();
}
