/*
 * PS/2 keyboard: command sequences, the three scan code sets, the keys with long codes, typematic
 * repeat, buffer overrun.
 */
#include "tests/support/test.h"

#include "hw/input/ps2_keyboard.h"

struct kbd {
    struct machine *machine;
    struct device *dev;
    const struct ps2_port *port;
};

static struct kbd kbd_create(void)
{
    struct kbd k = {.machine = test_machine_create()};
    k.dev = test_device_create(k.machine, &ps2_keyboard_class, "kbd", NULL);
    k.port = ps2_keyboard_port(k.dev);
    return k;
}

static void send(struct kbd *k, uint8_t byte)
{
    k->port->ops->send(k->port->owner, byte);
}

static uint8_t take(struct kbd *k)
{
    g_assert_true(k->port->ops->pending(k->port->owner));
    return k->port->ops->take(k->port->owner);
}

static void assert_bytes(struct kbd *k, const char *hex)
{
    GString *got = g_string_new(NULL);
    while (k->port->ops->pending(k->port->owner)) {
        g_string_append_printf(got, "%s%02x", got->len ? " " : "", take(k));
    }
    g_assert_cmpstr(got->str, ==, hex);
    g_string_free(got, TRUE);
}

static void command(struct kbd *k, uint8_t byte, const char *hex)
{
    send(k, byte);
    assert_bytes(k, hex);
}

static void press(struct kbd *k, enum key_code key)
{
    ps2_keyboard_key(k->dev, key, true);
}

static void let_go(struct kbd *k, enum key_code key)
{
    ps2_keyboard_key(k->dev, key, false);
}

static void test_commands(void)
{
    struct kbd k = kbd_create();
    command(&k, 0xff, "fa aa");
    command(&k, 0xee, "ee");
    command(&k, 0xf2, "fa ab 83");
    command(&k, 0xfe, "83");
    command(&k, 0xed, "fa");
    command(&k, 0x05, "fa");
    g_assert_cmpuint(ps2_keyboard_leds(k.dev), ==, INPUT_LED_SCROLL | INPUT_LED_CAPS);
    command(&k, 0xed, "fa");
    command(&k, 0x55, "fe"); /* no such lights: once more */
    command(&k, 0x02, "fa");
    g_assert_cmpuint(ps2_keyboard_leds(k.dev), ==, INPUT_LED_NUM);
    command(&k, 0xf3, "fa");
    command(&k, 0xf4, "fa"); /* a command instead of the option */
    command(&k, 0x20, "fe");
    command(&k, 0xf0, "fa");
    command(&k, 0x00, "fa 02");
    command(&k, 0xf0, "fa");
    command(&k, 0x01, "fa");
    command(&k, 0xf0, "fa");
    command(&k, 0x00, "fa 01");
    command(&k, 0xf6, "fa");
    command(&k, 0xef, "fe");
    command(&k, 0xf1, "fe");
    test_machine_destroy(k.machine);
}

static void test_enable(void)
{
    struct kbd k = kbd_create();
    command(&k, 0xf5, "fa");
    press(&k, KEY_A);
    assert_bytes(&k, "");
    command(&k, 0xf4, "fa");
    let_go(&k, KEY_A);
    assert_bytes(&k, "f0 1c");
    test_machine_destroy(k.machine);
}

static void test_sets(void)
{
    struct kbd k = kbd_create();
    press(&k, KEY_Z);
    let_go(&k, KEY_Z);
    press(&k, KEY_KP_ENTER);
    let_go(&k, KEY_KP_ENTER);
    press(&k, KEY_F7);
    assert_bytes(&k, "1a f0 1a e0 5a e0 f0 5a 83");
    command(&k, 0xf0, "fa");
    command(&k, 0x01, "fa");
    press(&k, KEY_Z);
    let_go(&k, KEY_Z);
    press(&k, KEY_KP_ENTER);
    let_go(&k, KEY_KP_ENTER);
    press(&k, KEY_F7);
    assert_bytes(&k, "2c ac e0 1c e0 9c 41");
    command(&k, 0xf0, "fa");
    command(&k, 0x03, "fa");
    press(&k, KEY_Z);
    let_go(&k, KEY_Z); /* typematic keys have no break code in set 3 */
    press(&k, KEY_KP_ENTER);
    let_go(&k, KEY_KP_ENTER);
    press(&k, KEY_SHIFT);
    let_go(&k, KEY_SHIFT);
    assert_bytes(&k, "1a 79 12 f0 12");
    command(&k, 0xf8, "fa");
    press(&k, KEY_Z);
    let_go(&k, KEY_Z);
    assert_bytes(&k, "1a f0 1a");
    command(&k, 0xfd, "fa");
    command(&k, 0x1a, "fa"); /* make only, for Z */
    command(&k, 0xf4, "fa");
    press(&k, KEY_Z);
    let_go(&k, KEY_Z);
    press(&k, KEY_X);
    let_go(&k, KEY_X);
    assert_bytes(&k, "1a 22 f0 22");
    test_machine_destroy(k.machine);
}

static void test_print_and_pause(void)
{
    struct kbd k = kbd_create();
    press(&k, KEY_PRINT);
    let_go(&k, KEY_PRINT);
    assert_bytes(&k, "e0 12 e0 7c e0 f0 7c e0 f0 12");
    press(&k, KEY_CTRL);
    press(&k, KEY_PRINT);
    let_go(&k, KEY_PRINT);
    assert_bytes(&k, "14 e0 7c e0 f0 7c");
    press(&k, KEY_PAUSE);
    let_go(&k, KEY_PAUSE);
    let_go(&k, KEY_CTRL);
    assert_bytes(&k, "e0 7e e0 f0 7e f0 14");
    press(&k, KEY_ALT);
    press(&k, KEY_PRINT);
    let_go(&k, KEY_ALT);
    let_go(&k, KEY_PRINT); /* released as it was pressed */
    assert_bytes(&k, "11 84 f0 11 f0 84");
    press(&k, KEY_PAUSE);
    let_go(&k, KEY_PAUSE);
    assert_bytes(&k, "e1 14 77 e1 f0 14 f0 77");
    command(&k, 0xf0, "fa");
    command(&k, 0x01, "fa");
    press(&k, KEY_PAUSE);
    assert_bytes(&k, "e1 1d 45 e1 9d c5");
    press(&k, KEY_PRINT);
    assert_bytes(&k, "e0 2a e0 37");
    test_machine_destroy(k.machine);
}

static unsigned count_pending(struct kbd *k, uint64_t ns)
{
    unsigned count = 0;
    for (uint64_t t = 0; t < ns; t += 1000000) {
        test_advance(k->machine, 1000000);
        while (k->port->ops->pending(k->port->owner)) {
            take(k);
            count++;
        }
    }
    return count;
}

static void test_typematic(void)
{
    struct kbd k = kbd_create();
    press(&k, KEY_A);
    assert_bytes(&k, "1c");
    /* 500 ms, then 10.9 a second. */
    g_assert_cmpuint(count_pending(&k, 499000000), ==, 0);
    g_assert_cmpuint(count_pending(&k, 2000000), ==, 1);
    unsigned second = count_pending(&k, NS_PER_SECOND);
    g_assert_cmpuint(second, >=, 10);
    g_assert_cmpuint(second, <=, 11);
    /* The last key pressed repeats; another one let go changes nothing. */
    press(&k, KEY_B);
    let_go(&k, KEY_A);
    assert_bytes(&k, "32 f0 1c");
    test_advance(k.machine, 501000000);
    assert_bytes(&k, "32");
    let_go(&k, KEY_B);
    assert_bytes(&k, "f0 32");
    g_assert_cmpuint(count_pending(&k, NS_PER_SECOND), ==, 0);
    /* 30 a second after 250 ms. */
    command(&k, 0xf3, "fa");
    command(&k, 0x00, "fa");
    press(&k, KEY_A);
    take(&k);
    second = count_pending(&k, NS_PER_SECOND);
    g_assert_cmpuint(second, >=, 22);
    g_assert_cmpuint(second, <=, 24);
    /* A guest that does not read gets no pile of repeats. */
    test_advance(k.machine, 10 * NS_PER_SECOND);
    assert_bytes(&k, "1c");
    test_machine_destroy(k.machine);
}

static void test_overrun(void)
{
    struct kbd k = kbd_create();
    for (unsigned i = 0; i < 10; i++) {
        press(&k, KEY_1);
        let_go(&k, KEY_1);
    }
    /* Five whole keys, then the sign that something was lost. */
    assert_bytes(&k, "16 f0 16 16 f0 16 16 f0 16 16 f0 16 16 f0 16 00");
    press(&k, KEY_2);
    assert_bytes(&k, "1e");
    test_machine_destroy(k.machine);
}

/* Answers go before keys, and a new command throws the rest of an old answer away. */
static void test_order(void)
{
    struct kbd k = kbd_create();
    press(&k, KEY_A);
    send(&k, 0xed);
    g_assert_cmphex(take(&k), ==, 0xfa);
    g_assert_false(k.port->ops->pending(k.port->owner)); /* the key waits for the option */
    command(&k, 0x00, "fa 1c");
    send(&k, 0xf2);
    take(&k);
    command(&k, 0xee, "ee");
    test_machine_destroy(k.machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/ps2_keyboard/commands", test_commands);
    g_test_add_func("/ps2_keyboard/enable", test_enable);
    g_test_add_func("/ps2_keyboard/sets", test_sets);
    g_test_add_func("/ps2_keyboard/print-and-pause", test_print_and_pause);
    g_test_add_func("/ps2_keyboard/typematic", test_typematic);
    g_test_add_func("/ps2_keyboard/overrun", test_overrun);
    g_test_add_func("/ps2_keyboard/order", test_order);
    return g_test_run();
}
