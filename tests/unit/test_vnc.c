/* ui/vnc*.c: keysyms, addresses, the password. Pictures and clients: tests/ui/vnc.t. */
#include "tests/support/test.h"

#include <string.h>
#include <unistd.h>

#include "ui/vnc_impl.h"

static void test_keysyms(void)
{
    static const struct {
        uint32_t keysym;
        enum key_code key;
    } rows[] = {
        { 0xff08, KEY_BACKSPACE }, { 0xff09, KEY_TAB },      { 0xff0d, KEY_RET },        { 0xff13, KEY_PAUSE },
        { 0xff14, KEY_SCROLL_LOCK }, { 0xff1b, KEY_ESC },    { 0xff50, KEY_HOME },       { 0xff51, KEY_LEFT },
        { 0xff52, KEY_UP },        { 0xff53, KEY_RIGHT },    { 0xff54, KEY_DOWN },       { 0xff55, KEY_PGUP },
        { 0xff56, KEY_PGDN },      { 0xff57, KEY_END },      { 0xff61, KEY_PRINT },      { 0xff63, KEY_INSERT },
        { 0xff67, KEY_MENU },      { 0xff7f, KEY_NUM_LOCK }, { 0xff8d, KEY_KP_ENTER },   { 0xff95, KEY_KP_7 },
        { 0xff9d, KEY_KP_5 },      { 0xff9f, KEY_KP_DECIMAL }, { 0xffaa, KEY_KP_MULTIPLY }, { 0xffaf, KEY_KP_DIVIDE },
        { 0xffb0, KEY_KP_0 },      { 0xffb9, KEY_KP_9 },     { 0xffbe, KEY_F1 },         { 0xffc9, KEY_F12 },
        { 0xffe1, KEY_SHIFT },     { 0xffe2, KEY_SHIFT_R },  { 0xffe3, KEY_CTRL },       { 0xffe4, KEY_CTRL_R },
        { 0xffe5, KEY_CAPS_LOCK }, { 0xffe9, KEY_ALT },      { 0xffea, KEY_ALT_R },      { 0xffeb, KEY_META_L },
        { 0xfe03, KEY_ALT_R },     { 0xfe20, KEY_TAB },      { 0xffff, KEY_DELETE },     { 'a', KEY_NONE },
        { 0, KEY_NONE },           { 0xffffffff, KEY_NONE },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmphex(vnc_key_of_keysym(rows[i].keysym), ==, rows[i].key);
    }
    g_assert_cmphex(vnc_character_of_keysym('A'), ==, 'A');
    g_assert_cmphex(vnc_character_of_keysym(0xfc), ==, 0xfc);
    g_assert_cmphex(vnc_character_of_keysym(0x20ac), ==, 0x20ac);
    g_assert_cmphex(vnc_character_of_keysym(0x01002018), ==, 0x2018);
    g_assert_cmphex(vnc_character_of_keysym(0x7f), ==, 0);
    g_assert_cmphex(vnc_character_of_keysym(0xff0d), ==, 0);
    g_assert_cmphex(vnc_character_of_keysym(0x01110000), ==, 0);
}

struct bench {
    struct machine *machine;
    struct display *display;
    struct input *input;
    char *folder;
};

static void start(struct bench *bench)
{
    bench->machine = test_machine_create();
    bench->display = display_create();
    bench->input = input_create(bench->machine);
    bench->folder = g_dir_make_tmp("vmm-vnc-XXXXXX", NULL);
}

static void stop(struct bench *bench)
{
    g_assert_cmpint(rmdir(bench->folder), ==, 0);
    g_free(bench->folder);
    input_destroy(bench->input);
    display_destroy(bench->display);
    test_machine_destroy(bench->machine);
}

static struct vnc *open_server(struct bench *bench, const char *address, unsigned to, bool password, GError **error)
{
    struct vnc_options options = { .address = address, .to = to, .password = password };

    return vnc_create(&options, bench->display, bench->input, &bench->machine->lock, error);
}

static void test_addresses(void)
{
    static const char *const bad[] = { "", "1", ":", ":x", ":1x", ":-1", ":59636", "unix:" };
    struct bench bench;
    GError *error = NULL;

    start(&bench);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(open_server(&bench, bad[i], 0, false, &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
    }
    struct vnc *first = open_server(&bench, ":20100", 20200, false, &error);
    g_assert_no_error(error);
    g_assert_true(g_str_has_prefix(vnc_address(first), "127.0.0.1:"));
    g_assert_false(vnc_is_public(first));
    g_autofree char *taken = g_strdup_printf(":%d", atoi(strchr(vnc_address(first), ':') + 1) - 5900);
    g_assert_null(open_server(&bench, taken, 0, false, &error));
    g_assert_nonnull(strstr(error->message, "in use; take another number"));
    g_clear_error(&error);
    struct vnc *second = open_server(&bench, taken, 20300, false, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(vnc_address(second), !=, vnc_address(first));
    struct vnc *public = open_server(&bench, "0.0.0.0:20300", 20400, false, &error);
    g_assert_no_error(error);
    g_assert_true(vnc_is_public(public));
    vnc_destroy(public);
    vnc_destroy(second);
    vnc_destroy(first);
    stop(&bench);
}

static void test_password(void)
{
    struct bench bench;

    start(&bench);
    g_autofree char *path = g_strdup_printf("unix:%s/s", bench.folder);
    struct vnc *vnc = open_server(&bench, path, 0, false, NULL);
    g_assert_nonnull(vnc);
    g_assert_false(vnc_set_password(vnc, "x"));
    GError *error = NULL;
    g_assert_null(open_server(&bench, path, 0, false, &error));
    g_assert_nonnull(strstr(error->message, "in use"));
    g_clear_error(&error);
    vnc_destroy(vnc);
    vnc = open_server(&bench, path, 0, true, NULL);
    g_assert_true(vnc_set_password(vnc, "longer than eight"));
    g_assert_cmpstr(vnc->shared.password, ==, "longer t");
    g_assert_true(vnc_set_password(vnc, NULL));
    g_assert_cmpstr(vnc->shared.password, ==, "");
    g_autoptr(GString) out = g_string_new(NULL);
    vnc_info(vnc, out);
    g_autofree char *want = g_strdup_printf("default:\n  Server: %s (unix)\n    Auth: vnc (Sub: none)\n"
                                            "  Auth: vnc (Sub: none)\n", path);
    g_assert_cmpstr(out->str, ==, want);
    vnc_destroy(vnc);
    stop(&bench);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vnc/keysyms", test_keysyms);
    g_test_add_func("/vnc/addresses", test_addresses);
    g_test_add_func("/vnc/password", test_password);
    return g_test_run();
}
