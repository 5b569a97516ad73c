/*
 * 8042 with keyboard and mouse plugged in: command byte, translation, self-tests, output port, A20
 * and reset lines, both interrupts, write-to-buffer commands, disabled ports, missing devices.
 */
#include "tests/support/test.h"

#include "core/state.h"
#include "hw/input/i8042.h"
#include "hw/input/ps2_keyboard.h"
#include "hw/input/ps2_mouse.h"

enum { OBF = 0x01, SYS = 0x04, CMD = 0x08, AUX = 0x20, TIMEOUT = 0x40 };

struct kbc {
    struct machine *machine;
    struct device *dev, *kbd, *mouse;
    struct test_probe irq1, irq12, a20, reset;
};

static struct kbc *kbc_create(bool plugged)
{
    struct kbc *k = g_new0(struct kbc, 1);
    k->machine = test_machine_create();
    k->dev = test_device_create(k->machine, &i8042_class, "i8042", NULL);
    k->kbd = test_device_create(k->machine, &ps2_keyboard_class, "kbd", NULL);
    k->mouse = test_device_create(k->machine, &ps2_mouse_class, "mouse", NULL);
    if (plugged) {
        i8042_connect_keyboard(k->dev, ps2_keyboard_port(k->kbd));
        i8042_connect_mouse(k->dev, ps2_mouse_port(k->mouse));
    }
    test_probe_init(&k->irq1, "irq1");
    test_probe_init(&k->irq12, "irq12");
    test_probe_init(&k->a20, "a20");
    test_probe_init(&k->reset, "reset");
    i8042_connect_kbd_irq(k->dev, &k->irq1.line);
    i8042_connect_aux_irq(k->dev, &k->irq12.line);
    i8042_connect_a20(k->dev, &k->a20.line);
    i8042_connect_reset(k->dev, &k->reset.line);
    device_drive(k->dev);
    return k;
}

static void kbc_destroy(struct kbc *k)
{
    test_machine_destroy(k->machine);
    g_free(k);
}

static void command(struct kbc *k, uint8_t value)
{
    test_region_write(i8042_command(k->dev), 0, value, 1);
}

static uint8_t status(struct kbc *k)
{
    return (uint8_t)test_region_read(i8042_command(k->dev), 0, 1);
}

static void data(struct kbc *k, uint8_t value)
{
    test_region_write(i8042_data(k->dev), 0, value, 1);
}

/* Waits for a byte as a driver does, and takes it. */
static uint8_t take(struct kbc *k)
{
    for (unsigned i = 0; i < 100 && !(status(k) & OBF); i++) {
        test_advance(k->machine, 10000);
    }
    g_assert_true(status(k) & OBF);
    return (uint8_t)test_region_read(i8042_data(k->dev), 0, 1);
}

static void assert_empty(struct kbc *k)
{
    test_advance(k->machine, 50000000);
    g_assert_false(status(k) & OBF);
}

static void test_commands(void)
{
    struct kbc *k = kbc_create(true);
    g_assert_cmphex(status(k), ==, 0x10);
    command(k, 0xaa);
    g_assert_cmphex(take(k), ==, 0x55);
    g_assert_cmphex(status(k), ==, 0x1c);
    command(k, 0xab);
    g_assert_cmphex(take(k), ==, 0x00);
    command(k, 0xa9);
    g_assert_cmphex(take(k), ==, 0x00);
    command(k, 0xa4);
    g_assert_cmphex(take(k), ==, 0xf1);
    command(k, 0xc0);
    g_assert_cmphex(take(k) & 0x80, ==, 0x80);
    command(k, 0x60);
    data(k, 0x61);
    g_assert_cmphex(status(k) & (SYS | CMD), ==, 0);
    command(k, 0x20);
    g_assert_cmphex(take(k), ==, 0x61);
    command(k, 0xa7);
    command(k, 0xad);
    command(k, 0x20);
    g_assert_cmphex(take(k), ==, 0x71);
    command(k, 0xa8);
    command(k, 0xae);
    command(k, 0x20);
    g_assert_cmphex(take(k), ==, 0x41);
    command(k, 0x6b);
    data(k, 0x99);
    command(k, 0x2b);
    g_assert_cmphex(take(k), ==, 0x99);
    command(k, 0x99); /* unknown: nothing happens */
    assert_empty(k);
    kbc_destroy(k);
}

static void test_keys_and_translation(void)
{
    struct kbc *k = kbc_create(true);
    ps2_keyboard_key(k->kbd, KEY_A, true);
    g_assert_true(k->irq1.level);
    g_assert_cmphex(take(k), ==, 0x1e);
    g_assert_false(k->irq1.level);
    /* Reading again gives the same byte. */
    g_assert_cmphex(test_region_read(i8042_data(k->dev), 0, 1), ==, 0x1e);
    ps2_keyboard_key(k->kbd, KEY_A, false);
    g_assert_cmphex(take(k), ==, 0x9e);
    ps2_keyboard_key(k->kbd, KEY_RIGHT, true);
    ps2_keyboard_key(k->kbd, KEY_RIGHT, false);
    g_assert_cmphex(take(k), ==, 0xe0);
    g_assert_cmphex(take(k), ==, 0x4d);
    g_assert_cmphex(take(k), ==, 0xe0);
    g_assert_cmphex(take(k), ==, 0xcd);
    ps2_keyboard_key(k->kbd, KEY_PAUSE, true);
    static const uint8_t pause[] = {0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5};
    for (unsigned i = 0; i < sizeof(pause); i++) {
        g_assert_cmphex(take(k), ==, pause[i]);
    }
    assert_empty(k);
    /* Without translation: set 2. */
    command(k, 0x60);
    data(k, 0x01);
    ps2_keyboard_key(k->kbd, KEY_A, true);
    ps2_keyboard_key(k->kbd, KEY_A, false);
    g_assert_cmphex(take(k), ==, 0x1c);
    g_assert_cmphex(take(k), ==, 0xf0);
    g_assert_cmphex(take(k), ==, 0x1c);
    assert_empty(k);
    kbc_destroy(k);
}

/* Set 2 of every key, translated, is set 1: the two tables against each other. */
static void test_translation_table(void)
{
    struct kbc *k = kbc_create(true);
    for (unsigned key = 1; key < 0x80; key++) {
        ps2_keyboard_key(k->kbd, key, true);
        ps2_keyboard_key(k->kbd, key, false);
        g_assert_cmphex(take(k), ==, key);
        g_assert_cmphex(take(k), ==, key | 0x80);
    }
    assert_empty(k);
    kbc_destroy(k);
}

static void test_disabled(void)
{
    struct kbc *k = kbc_create(true);
    command(k, 0xad);
    ps2_keyboard_key(k->kbd, KEY_B, true);
    ps2_keyboard_key(k->kbd, KEY_B, false);
    assert_empty(k);
    g_assert_false(k->irq1.level);
    command(k, 0xae);
    g_assert_cmphex(take(k), ==, 0x30);
    g_assert_cmphex(take(k), ==, 0xb0);
    /* A command to the keyboard opens its port. */
    command(k, 0xad);
    data(k, 0xee);
    g_assert_cmphex(take(k), ==, 0xee);
    command(k, 0x20);
    g_assert_cmphex(take(k) & 0x10, ==, 0);
    /* Without the interrupt enable the byte is there, the line is not. */
    command(k, 0x60);
    data(k, 0x40);
    ps2_keyboard_key(k->kbd, KEY_B, true);
    test_advance(k->machine, 1000000);
    g_assert_cmphex(status(k) & OBF, ==, OBF);
    g_assert_false(k->irq1.level);
    kbc_destroy(k);
}

static void test_aux(void)
{
    struct kbc *k = kbc_create(true);
    command(k, 0x60);
    data(k, 0x43);
    command(k, 0xd4);
    data(k, 0xf4);
    g_assert_true(k->irq12.level);
    g_assert_false(k->irq1.level);
    g_assert_cmphex(status(k) & (OBF | AUX), ==, OBF | AUX);
    g_assert_cmphex(take(k), ==, 0xfa);
    g_assert_false(k->irq12.level);
    ps2_mouse_event(k->mouse, 5, 3, 0, INPUT_BUTTON_LEFT);
    g_assert_cmphex(take(k), ==, 0x29); /* up is positive: sign of y */
    g_assert_cmphex(take(k), ==, 5);
    g_assert_cmphex(take(k), ==, 0xfd);
    assert_empty(k);
    /* Bytes of the mouse are never translated; the keyboard goes first. */
    command(k, 0xd3);
    data(k, 0xf0);
    g_assert_cmphex(status(k) & AUX, ==, AUX);
    g_assert_cmphex(take(k), ==, 0xf0);
    command(k, 0xd2);
    data(k, 0x1c);
    g_assert_cmphex(status(k) & AUX, ==, 0);
    g_assert_true(k->irq1.level);
    g_assert_cmphex(take(k), ==, 0x1c);
    kbc_destroy(k);
}

static void test_output_port(void)
{
    struct kbc *k = kbc_create(true);
    g_assert_true(k->a20.level);
    command(k, 0xd1);
    data(k, 0xcd);
    g_assert_false(k->a20.level);
    command(k, 0xd0);
    g_assert_cmphex(take(k), ==, 0xcd);
    command(k, 0xdf);
    g_assert_true(k->a20.level);
    command(k, 0xdd);
    g_assert_false(k->a20.level);
    ps2_keyboard_key(k->kbd, KEY_A, true);
    g_assert_cmphex(take(k), ==, 0x1e);
    g_assert_cmpuint(k->reset.rises, ==, 0);
    command(k, 0xfe);
    g_assert_cmpuint(k->reset.rises, ==, 1);
    g_assert_false(k->reset.level);
    command(k, 0xff); /* pulses nothing */
    g_assert_cmpuint(k->reset.rises, ==, 1);
    command(k, 0xd1);
    data(k, 0xce);
    g_assert_true(k->reset.level);
    device_reset(k->dev);
    g_assert_false(k->reset.level);
    g_assert_true(k->a20.level);
    kbc_destroy(k);
}

static void test_unplugged(void)
{
    struct kbc *k = kbc_create(false);
    data(k, 0xff);
    g_assert_cmphex(status(k) & (OBF | AUX | TIMEOUT), ==, OBF | TIMEOUT);
    g_assert_cmphex(take(k), ==, 0xfe);
    g_assert_cmphex(status(k) & TIMEOUT, ==, 0);
    command(k, 0xd4);
    data(k, 0xff);
    g_assert_cmphex(status(k) & (OBF | AUX | TIMEOUT), ==, OBF | AUX | TIMEOUT);
    g_assert_cmphex(take(k), ==, 0xfe);
    kbc_destroy(k);
}

/* A hostile driver, an impatient user and damaged snapshots, all at once: nothing breaks, and afterwards a
 * reset keyboard works. */
static void test_random(void)
{
    struct kbc *k = kbc_create(true);
    struct device *devices[] = {k->dev, k->kbd, k->mouse};
    struct test_random random = {3};
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t dice = test_random_next(&random);
        uint8_t byte = (uint8_t)(dice >> 8);
        switch (dice & 7) {
        case 0:
            command(k, dice & 0x80 ? 0xd4 : byte);
            break;
        case 1:
            data(k, dice & 0x80 ? byte | 0xe0 : byte);
            break;
        case 2:
            ps2_keyboard_key(k->kbd, byte, dice & 0x80);
            break;
        case 3:
            ps2_mouse_event(k->mouse, (int)(dice >> 32), (int)(dice >> 16), (int8_t)byte, byte);
            break;
        case 4:
            test_advance(k->machine, (dice >> 8) % 1000000);
            break;
        default:
            test_region_read(i8042_data(k->dev), 0, 1);
            break;
        }
        if (i % 1000 == 999) {
            struct device *dev = devices[i / 1000 % 3];
            state_randomize(dev->class->fields, dev, test_random_fn, &random);
            dev->class->loaded(dev);
            device_drive(dev);
        }
    }
    test_machine_reset(k->machine);
    command(k, 0x60);
    data(k, 0x45);
    ps2_keyboard_key(k->kbd, KEY_A, true);
    g_assert_cmphex(take(k), ==, 0x1e);
    kbc_destroy(k);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/i8042/commands", test_commands);
    g_test_add_func("/i8042/keys-and-translation", test_keys_and_translation);
    g_test_add_func("/i8042/translation-table", test_translation_table);
    g_test_add_func("/i8042/disabled", test_disabled);
    g_test_add_func("/i8042/aux", test_aux);
    g_test_add_func("/i8042/output-port", test_output_port);
    g_test_add_func("/i8042/unplugged", test_unplugged);
    g_test_add_func("/i8042/random", test_random);
    return g_test_run();
}
