/*
 * PS/2 mouse: commands, the knocks for wheel and five buttons, reports, sample rate, big motions,
 * scaling, remote and wrap mode.
 */
#include "tests/support/test.h"

#include "hw/input/ps2_mouse.h"

struct mouse {
    struct machine *machine;
    struct device *dev;
    const struct ps2_port *port;
};

static struct mouse mouse_create(void)
{
    struct mouse m = {.machine = test_machine_create()};
    m.dev = test_device_create(m.machine, &ps2_mouse_class, "mouse", NULL);
    m.port = ps2_mouse_port(m.dev);
    return m;
}

static void assert_bytes(struct mouse *m, const char *hex)
{
    GString *got = g_string_new(NULL);
    while (m->port->ops->pending(m->port->owner)) {
        g_string_append_printf(got, "%s%02x", got->len ? " " : "",
                               m->port->ops->take(m->port->owner));
    }
    g_assert_cmpstr(got->str, ==, hex);
    g_string_free(got, TRUE);
}

static void command(struct mouse *m, uint8_t byte, const char *hex)
{
    m->port->ops->send(m->port->owner, byte);
    assert_bytes(m, hex);
}

static void rate(struct mouse *m, uint8_t value)
{
    command(m, 0xf3, "fa");
    command(m, value, "fa");
}

static void move(struct mouse *m, int dx, int dy, int dz, unsigned buttons)
{
    ps2_mouse_event(m->dev, dx, dy, dz, buttons);
}

/* Time for the next sample, at 80 or 100 a second. */
static void wait_sample(struct mouse *m)
{
    test_advance(m->machine, 13000000);
}

static void test_commands(void)
{
    struct mouse m = mouse_create();
    command(&m, 0xff, "fa aa 00");
    command(&m, 0xf2, "fa 00");
    command(&m, 0xe9, "fa 00 02 64");
    command(&m, 0xe8, "fa");
    command(&m, 0x03, "fa");
    rate(&m, 40);
    command(&m, 0xe7, "fa");
    command(&m, 0xf4, "fa");
    command(&m, 0xe9, "fa 30 03 28");
    command(&m, 0xf0, "fa");
    command(&m, 0xe9, "fa 70 03 28");
    command(&m, 0xf6, "fa");
    command(&m, 0xe9, "fa 00 02 64");
    command(&m, 0xe0, "fe"); /* unknown, and again */
    command(&m, 0xe0, "fc");
    command(&m, 0xe8, "fa");
    command(&m, 0x07, "fe");
    command(&m, 0x01, "fa");
    command(&m, 0xe9, "fa 00 01 64");
    command(&m, 0xfe, "64");
    test_machine_destroy(m.machine);
}

static void test_stream(void)
{
    struct mouse m = mouse_create();
    move(&m, 5, 5, 0, 0);
    assert_bytes(&m, ""); /* not enabled */
    command(&m, 0xf4, "fa");
    assert_bytes(&m, "");
    move(&m, 10, -20, 0, INPUT_BUTTON_RIGHT);
    assert_bytes(&m, "0a 0a 14");
    move(&m, -10, 20, 0, INPUT_BUTTON_RIGHT | INPUT_BUTTON_MIDDLE);
    wait_sample(&m);
    assert_bytes(&m, "3e f6 ec");
    move(&m, 0, 0, 0, 0);
    assert_bytes(&m, "08 00 00");
    /* Standard mice know no wheel. */
    wait_sample(&m);
    move(&m, 0, 0, 3, 0);
    wait_sample(&m);
    assert_bytes(&m, "");
    command(&m, 0xf5, "fa");
    move(&m, 1, 1, 0, 0);
    wait_sample(&m);
    assert_bytes(&m, "");
    test_machine_destroy(m.machine);
}

static void test_sample_rate(void)
{
    struct mouse m = mouse_create();
    unsigned reports = 0;
    rate(&m, 20);
    command(&m, 0xf4, "fa");
    for (unsigned ms = 0; ms < 1000; ms++) {
        move(&m, 1, 0, 0, 0);
        while (m.port->ops->pending(m.port->owner)) {
            m.port->ops->take(m.port->owner);
            reports++;
        }
        test_advance(m.machine, 1000000);
    }
    g_assert_cmpuint(reports / 3, ==, 20);
    test_machine_destroy(m.machine);
}

/* A click that is over before the next sample is seen all the same. */
static void test_click(void)
{
    struct mouse m = mouse_create();
    command(&m, 0xf4, "fa");
    move(&m, 1, 0, 0, 0);
    assert_bytes(&m, "08 01 00");
    move(&m, 0, 0, 0, INPUT_BUTTON_LEFT);
    assert_bytes(&m, "09 00 00");
    move(&m, 0, 0, 0, 0);
    assert_bytes(&m, "08 00 00");
    test_machine_destroy(m.machine);
}

static void test_big_motion(void)
{
    struct mouse m = mouse_create();
    command(&m, 0xf4, "fa");
    move(&m, 600, 0, 0, 0);
    assert_bytes(&m, "08 ff 00");
    wait_sample(&m);
    assert_bytes(&m, "08 ff 00");
    wait_sample(&m);
    assert_bytes(&m, "08 5a 00");
    wait_sample(&m);
    assert_bytes(&m, "");
    move(&m, -1000000000, 0, 0, 0);
    move(&m, -1000000000, 0, 0, 0);
    for (unsigned i = 0; i < 10; i++) { /* one that had left, and 2048 counts */
        wait_sample(&m);
        m.port->ops->take(m.port->owner);
        m.port->ops->take(m.port->owner);
        m.port->ops->take(m.port->owner);
    }
    wait_sample(&m);
    assert_bytes(&m, "");
    test_machine_destroy(m.machine);
}

static void test_wheel(void)
{
    struct mouse m = mouse_create();
    rate(&m, 200);
    rate(&m, 100);
    rate(&m, 80);
    command(&m, 0xf2, "fa 03");
    command(&m, 0xf4, "fa");
    move(&m, 1, 0, 1, 0);
    assert_bytes(&m, "08 01 00 01");
    move(&m, 0, 0, -2, INPUT_BUTTON_SIDE);
    wait_sample(&m);
    assert_bytes(&m, "08 00 00 fe");
    command(&m, 0xff, "fa aa 00");
    command(&m, 0xf2, "fa 00");
    test_machine_destroy(m.machine);
}

static void test_explorer(void)
{
    struct mouse m = mouse_create();
    rate(&m, 200);
    rate(&m, 200);
    rate(&m, 80);
    command(&m, 0xf2, "fa 04");
    command(&m, 0xf4, "fa");
    move(&m, 0, 0, -1, INPUT_BUTTON_SIDE);
    assert_bytes(&m, "08 00 00 1f");
    move(&m, 0, 0, 20, INPUT_BUTTON_EXTRA);
    assert_bytes(&m, "08 00 00 27");
    wait_sample(&m);
    assert_bytes(&m, "08 00 00 27");
    wait_sample(&m);
    assert_bytes(&m, "08 00 00 26");
    test_machine_destroy(m.machine);
}

static void test_knock_is_exact(void)
{
    struct mouse m = mouse_create();
    rate(&m, 200);
    rate(&m, 100);
    rate(&m, 100);
    rate(&m, 80);
    command(&m, 0xf2, "fa 00");
    test_machine_destroy(m.machine);
}

static void test_scaling(void)
{
    static const uint8_t expected[] = {1, 1, 3, 6, 9, 12, 14};
    struct mouse m = mouse_create();
    command(&m, 0xe7, "fa");
    command(&m, 0xf4, "fa");
    for (int i = 0; i < 7; i++) {
        char hex[16];
        move(&m, i + 1, 0, 0, 0);
        wait_sample(&m);
        g_snprintf(hex, sizeof(hex), "08 %02x 00", expected[i]);
        assert_bytes(&m, hex);
    }
    test_machine_destroy(m.machine);
}

static void test_remote(void)
{
    struct mouse m = mouse_create();
    command(&m, 0xf0, "fa");
    move(&m, 3, -4, 0, INPUT_BUTTON_LEFT);
    wait_sample(&m);
    assert_bytes(&m, "");
    command(&m, 0xeb, "fa 09 03 04");
    command(&m, 0xeb, "fa 09 00 00");
    command(&m, 0xea, "fa");
    command(&m, 0xf4, "fa");
    move(&m, 1, 0, 0, INPUT_BUTTON_LEFT);
    assert_bytes(&m, "09 01 00");
    test_machine_destroy(m.machine);
}

static void test_wrap(void)
{
    struct mouse m = mouse_create();
    command(&m, 0xee, "fa");
    command(&m, 0xf2, "f2");
    command(&m, 0x12, "12");
    command(&m, 0xec, "fa");
    command(&m, 0xf2, "fa 00");
    command(&m, 0xee, "fa");
    command(&m, 0xff, "fa aa 00");
    test_machine_destroy(m.machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/ps2_mouse/commands", test_commands);
    g_test_add_func("/ps2_mouse/stream", test_stream);
    g_test_add_func("/ps2_mouse/sample-rate", test_sample_rate);
    g_test_add_func("/ps2_mouse/click", test_click);
    g_test_add_func("/ps2_mouse/big-motion", test_big_motion);
    g_test_add_func("/ps2_mouse/wheel", test_wheel);
    g_test_add_func("/ps2_mouse/explorer", test_explorer);
    g_test_add_func("/ps2_mouse/knock-is-exact", test_knock_is_exact);
    g_test_add_func("/ps2_mouse/scaling", test_scaling);
    g_test_add_func("/ps2_mouse/remote", test_remote);
    g_test_add_func("/ps2_mouse/wrap", test_wrap);
    return g_test_run();
}
