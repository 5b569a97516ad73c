/* ui/input*.c */
#include "tests/support/test.h"

#include <string.h>

#include "ui/input.h"

struct seen {
    bool full;     /* the keyboard has no room */
    GString *keys; /* "+a -a " */
    struct input_pointer pointer;
    unsigned reports;
};

static void see_key(void *arg, enum key_code key, bool down)
{
    struct seen *seen = arg;

    g_string_append_printf(seen->keys, "%c%s ", down ? '+' : '-', key_code_name(key));
}

static void see_pointer(void *arg, const struct input_pointer *report)
{
    struct seen *seen = arg;

    seen->pointer = *report;
    seen->reports++;
}

struct bench {
    struct machine *machine;
    struct input *input;
    struct seen seen;
};

static struct bench *bench_create(void)
{
    struct bench *bench = g_new0(struct bench, 1);

    bench->machine = test_machine_create();
    bench->input = input_create(bench->machine);
    bench->seen.keys = g_string_new(NULL);
    input_set_keyboard(bench->input, see_key, &bench->seen);
    input_set_mouse(bench->input, see_pointer, &bench->seen);
    return bench;
}

static void bench_destroy(struct bench *bench)
{
    input_destroy(bench->input);
    test_machine_destroy(bench->machine);
    g_string_free(bench->seen.keys, TRUE);
    g_free(bench);
}

static void expect_keys(struct bench *bench, const char *keys)
{
    test_run_events(bench->machine);
    g_assert_cmpstr(bench->seen.keys->str, ==, keys);
    g_string_truncate(bench->seen.keys, 0);
}

static void count_name(void *arg, const char *name)
{
    unsigned *count = arg;

    g_assert_cmpuint(key_code_parse(name, strlen(name)), !=, KEY_NONE);
    (*count)++;
}

static void test_names(void)
{
    unsigned count = 0;

    g_assert_cmphex(key_code_parse("ctrl", 4), ==, 0x1d);
    g_assert_cmphex(key_code_parse("ctrl_r", 6), ==, 0x9d);
    g_assert_cmphex(key_code_parse("a", 1), ==, 0x1e);
    g_assert_cmphex(key_code_parse("kp_decimal", 10), ==, 0x53);
    g_assert_cmphex(key_code_parse("f12", 3), ==, 0x58);
    g_assert_cmphex(key_code_parse("less", 4), ==, 0x56);
    g_assert_cmphex(key_code_parse("meta_l", 6), ==, 0xdb);
    g_assert_cmphex(key_code_parse("wake", 4), ==, 0xe3);
    g_assert_cmphex(key_code_parse("delete-x", 6), ==, 0xd3);
    g_assert_cmphex(key_code_parse("0x2a", 4), ==, 0x2a);
    g_assert_cmphex(key_code_parse("0xD3", 4), ==, 0xd3);
    g_assert_cmphex(key_code_parse("0x100", 5), ==, KEY_NONE);
    g_assert_cmphex(key_code_parse("0x", 2), ==, KEY_NONE);
    g_assert_cmphex(key_code_parse("0xg", 3), ==, KEY_NONE);
    g_assert_cmphex(key_code_parse("", 0), ==, KEY_NONE);
    g_assert_cmphex(key_code_parse("foo", 3), ==, KEY_NONE);
    g_assert_cmpstr(key_code_name(KEY_RET), ==, "ret");
    g_assert_null(key_code_name(KEY_NONE));
    key_code_foreach_name(count_name, &count);
    g_assert_cmpuint(count, >, 120);
}

static void test_keys(void)
{
    struct bench *bench = bench_create();

    input_key(bench->input, KEY_A, true);
    input_key(bench->input, KEY_A, true);
    g_assert_cmpstr(bench->seen.keys->str, ==, "");
    input_key(bench->input, KEY_B, false);
    input_key(bench->input, KEY_A, false);
    expect_keys(bench, "+a -a ");
    input_key(bench->input, KEY_NONE, true);
    input_key(bench->input, KEY_SHIFT, true);
    input_key(bench->input, KEY_DELETE, true);
    input_release_all(bench->input);
    expect_keys(bench, "+shift +delete -shift -delete ");
    input_release_all(bench->input);
    expect_keys(bench, "");
    bench_destroy(bench);
}

static void test_full_queue_sticks_no_key(void)
{
    struct bench *bench = bench_create();
    unsigned balance = 0;

    for (unsigned round = 0; round < 10; round++) {
        for (unsigned key = 1; key < KEY_COUNT; key++) {
            input_key(bench->input, (enum key_code)key, true);
        }
        for (unsigned key = 1; key < KEY_COUNT; key++) {
            input_key(bench->input, (enum key_code)key, false);
        }
    }
    input_release_all(bench->input);
    test_run_events(bench->machine);
    input_release_all(bench->input);
    test_run_events(bench->machine);
    for (const char *c = bench->seen.keys->str; *c != '\0'; c++) {
        balance += *c == '+' ? 1u : *c == '-' ? -1u : 0;
    }
    g_assert_cmpuint(balance, ==, 0);
    bench_destroy(bench);
}

static void test_pointer(void)
{
    struct bench *bench = bench_create();

    input_motion(bench->input, 3, -2);
    input_motion(bench->input, 4, -5);
    test_run_events(bench->machine);
    g_assert_cmpuint(bench->seen.reports, ==, 1);
    g_assert_cmpint(bench->seen.pointer.dx, ==, 7);
    g_assert_cmpint(bench->seen.pointer.dy, ==, -7);
    input_motion(bench->input, 1, 1);
    input_button(bench->input, INPUT_BUTTON_RIGHT, true);
    input_button(bench->input, INPUT_BUTTON_RIGHT, true);
    input_wheel(bench->input, 2, 0);
    test_run_events(bench->machine);
    g_assert_cmpuint(bench->seen.reports, ==, 3);
    g_assert_cmpuint(bench->seen.pointer.buttons, ==, INPUT_BUTTON_RIGHT);
    g_assert_cmpint(bench->seen.pointer.wheel, ==, 2);
    input_release_all(bench->input);
    test_run_events(bench->machine);
    g_assert_cmpuint(bench->seen.pointer.buttons, ==, 0);
    bench_destroy(bench);
}

static void test_tablet(void)
{
    struct bench *bench = bench_create();
    struct seen tablet = {0};

    g_assert_false(input_absolute(bench->input));
    input_set_tablet(bench->input, see_pointer, &tablet);
    g_assert_true(input_absolute(bench->input));
    input_position(bench->input, -4, 40000);
    test_run_events(bench->machine);
    g_assert_cmpuint(bench->seen.reports, ==, 0);
    g_assert_cmpuint(tablet.pointer.x, ==, 0);
    g_assert_cmpuint(tablet.pointer.y, ==, INPUT_ABSOLUTE_MAX);
    input_button(bench->input, INPUT_BUTTON_LEFT, true);
    test_run_events(bench->machine);
    g_assert_cmpuint(tablet.pointer.y, ==, INPUT_ABSOLUTE_MAX);
    input_set_tablet(bench->input, NULL, NULL);
    g_assert_false(input_absolute(bench->input));
    bench_destroy(bench);
}

static void see_leds(void *arg, unsigned leds)
{
    *(unsigned *)arg = leds;
}

static void test_leds(void)
{
    struct bench *bench = bench_create();
    unsigned leds = 0;

    input_on_leds(bench->input, see_leds, &leds);
    input_set_leds(bench->input, INPUT_LED_CAPS);
    g_assert_cmpuint(leds, ==, INPUT_LED_CAPS);
    g_assert_cmpuint(input_leds(bench->input), ==, INPUT_LED_CAPS);
    bench_destroy(bench);
}

static void test_send_keys(void)
{
    struct bench *bench = bench_create();
    GError *error = NULL;

    g_assert_true(input_send_keys(bench->input, "ctrl-alt-delete", 0, &error));
    g_assert_true(input_send_keys(bench->input, "0x1e", 30, &error));
    expect_keys(bench, "+ctrl +alt +delete ");
    test_advance(bench->machine, 99000000);
    expect_keys(bench, "");
    test_advance(bench->machine, 1000000);
    expect_keys(bench, "-delete -alt -ctrl ");
    g_assert_true(input_sending(bench->input));
    test_advance(bench->machine, 20000000);
    expect_keys(bench, "+a ");
    test_advance(bench->machine, 30000000);
    expect_keys(bench, "-a ");
    test_advance(bench->machine, 1000000000);
    g_assert_false(input_sending(bench->input));
    g_assert_false(input_send_keys(bench->input, "ctrl-foo-x", 0, &error));
    g_assert_cmpstr(error->message, ==, "invalid parameter: foo");
    g_clear_error(&error);
    g_assert_false(input_send_keys(bench->input, "", 0, &error));
    g_clear_error(&error);
    g_assert_false(input_send_keys(bench->input, "a-", 0, &error));
    g_clear_error(&error);
    expect_keys(bench, "");
    bench_destroy(bench);
}

static void test_type_text(void)
{
    struct bench *bench = bench_create();
    GError *error = NULL;

    g_assert_true(input_type_text(bench->input, "aB?\n", &error));
    for (unsigned i = 0; i < 100; i++) {
        test_run_events(bench->machine);
        test_advance(bench->machine, 10000000);
    }
    expect_keys(bench, "+a -a +shift +b -b -shift +shift +slash -slash -shift +ret -ret ");
    input_set_leds(bench->input, INPUT_LED_CAPS);
    g_assert_true(input_type_text(bench->input, "aB1", &error));
    for (unsigned i = 0; i < 100; i++) {
        test_run_events(bench->machine);
        test_advance(bench->machine, 10000000);
    }
    expect_keys(bench, "+shift +a -a -shift +b -b +1 -1 ");
    g_assert_false(input_type_text(bench->input, "ok\xc3\xa4", &error));
    g_assert_nonnull(strstr(error->message, "byte 3"));
    g_clear_error(&error);
    expect_keys(bench, "");
    g_assert_true(input_type_text(bench->input, "", &error));
    bench_destroy(bench);
}

static void expect_typed(struct bench *bench, const char *layout, const char *text, const char *keys)
{
    GError *error = NULL;

    g_assert_true(input_set_layout(bench->input, layout, &error));
    g_assert_true(input_type_text(bench->input, text, &error));
    for (unsigned i = 0; i < 100; i++) {
        test_run_events(bench->machine);
        test_advance(bench->machine, 10000000);
    }
    expect_keys(bench, keys);
}

/* Other layouts, dead keys, and characters that only look foreign. */
static void test_layouts(void)
{
    struct bench *bench = bench_create();
    GError *error = NULL;

    expect_typed(bench, "de", "zY\xc3\x84", "+y -y +shift +z -z -shift +shift +apostrophe -apostrophe -shift ");
    expect_typed(bench, "de", "@\xe2\x82\xac", "+alt_r +q -q -alt_r +alt_r +e -e -alt_r ");
    expect_typed(bench, "de", "^", "+grave_accent -grave_accent +spc -spc ");
    expect_typed(bench, "fr", "a1.", "+q -q +shift +1 -1 -shift +shift +comma -comma -shift ");
    expect_typed(bench, "es", "\xc3\xb1", "+semicolon -semicolon ");
    expect_typed(bench, "en-gb", "\xc2\xa3", "+shift +3 -3 -shift ");
    expect_typed(bench, "us", "\xe2\x80\x9cx\xe2\x80\x93\r\n",
                 "+shift +apostrophe -apostrophe -shift +x -x +minus -minus +ret -ret ");
    input_set_leds(bench->input, INPUT_LED_CAPS);
    expect_typed(bench, "de", "\xc3\xb6?", "+shift +semicolon -semicolon -shift +shift +minus -minus -shift ");
    g_assert_false(input_set_layout(bench->input, "tlh", &error));
    g_assert_nonnull(strstr(error->message, "gb"));
    g_clear_error(&error);
    g_assert_false(input_type_text(bench->input, "\xff", &error));
    g_assert_nonnull(strstr(error->message, "not UTF-8"));
    g_clear_error(&error);
    g_assert_false(input_type_text(bench->input, "\xe6\x97\xa5", &error));
    g_assert_nonnull(strstr(error->message, "U+65E5"));
    g_clear_error(&error);
    bench_destroy(bench);
}

static bool has_room(void *arg)
{
    return !((struct seen *)arg)->full;
}

/* A burst waits for the keyboard; one that never listens loses it in the end. */
static void test_room(void)
{
    struct bench *bench = bench_create();

    input_set_keyboard_room(bench->input, has_room);
    bench->seen.full = true;
    input_key(bench->input, KEY_A, true);
    input_motion(bench->input, 1, 2);
    input_key(bench->input, KEY_A, false);
    expect_keys(bench, "");
    g_assert_cmpuint(bench->seen.reports, ==, 0);
    test_advance(bench->machine, 50000000);
    expect_keys(bench, "");
    bench->seen.full = false;
    test_advance(bench->machine, 5000000);
    expect_keys(bench, "+a -a ");
    g_assert_cmpint(bench->seen.pointer.dx, ==, 1);
    g_assert_cmpuint(clock_deadline(bench->machine->guest_clock), ==, CLOCK_NEVER);
    bench->seen.full = true;
    input_key(bench->input, KEY_B, true);
    test_run_events(bench->machine);
    test_advance(bench->machine, 3000000000);
    expect_keys(bench, "+b ");
    input_key(bench->input, KEY_B, false);
    expect_keys(bench, "-b ");
    bench->seen.full = false;
    input_key(bench->input, KEY_C, true);
    expect_keys(bench, "+c ");
    bench_destroy(bench);
}

/* A burst does not come faster than a keyboard sends, but whole; a chord comes at once. */
static void test_pace(void)
{
    struct bench *bench = bench_create();

    input_set_keyboard_room(bench->input, has_room);
    test_advance(bench->machine, 100000000);
    for (unsigned i = 0; i < 200; i++) {
        input_key(bench->input, KEY_A, i % 2 == 0);
    }
    test_run_events(bench->machine);
    g_assert_cmpuint(bench->seen.keys->len, ==, 8 * 3);
    test_advance(bench->machine, 30000000);
    g_assert_cmpuint(bench->seen.keys->len, >=, 17 * 3);
    g_assert_cmpuint(bench->seen.keys->len, <=, 18 * 3);
    test_advance(bench->machine, 600000000);
    g_assert_cmpuint(bench->seen.keys->len, ==, 200 * 3);
    bench_destroy(bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/input/names", test_names);
    g_test_add_func("/input/keys", test_keys);
    g_test_add_func("/input/layouts", test_layouts);
    g_test_add_func("/input/pace", test_pace);
    g_test_add_func("/input/full-queue", test_full_queue_sticks_no_key);
    g_test_add_func("/input/pointer", test_pointer);
    g_test_add_func("/input/tablet", test_tablet);
    g_test_add_func("/input/leds", test_leds);
    g_test_add_func("/input/send-keys", test_send_keys);
    g_test_add_func("/input/type-text", test_type_text);
    g_test_add_func("/input/room", test_room);
    return g_test_run();
}
