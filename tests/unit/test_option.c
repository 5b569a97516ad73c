/* Tests of core/option.c: tables, nearest matches, sizes and lists. */
#include "core/option.h"

#include "tests/support/test.h"

struct target {
    char *text;
    bool flag;
    char *bare;
};

static const struct option table[] = {
    { "text", "T", OPTION_WORKS, "a text", option_set_string, offsetof(struct target, text), NULL },
    { "flag", NULL, OPTION_WORKS, "a flag", option_set_true, offsetof(struct target, flag), NULL },
    { "fixed", NULL, OPTION_WORKS, "fixed text", option_set_const, offsetof(struct target, text), "constant" },
    { "old", NULL, OPTION_NO_EFFECT, "gone", NULL, 0, NULL },
    { "later", "X", OPTION_LATER, NULL, NULL, 0, NULL },
    { NULL, NULL, 0, NULL, NULL, 0, NULL },
};

static bool bare(void *target, const char *word, GError **error)
{
    ((struct target *)target)->bare = g_strdup(word);
    return true;
}

static char *parse(struct target *t, GPtrArray *warnings, const char *line)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autoptr(GError) error = NULL;
    bool ok = option_parse(table, t, (int)g_strv_length(argv), argv, bare, warnings, &error);
    g_assert_true(ok == (error == NULL));
    return error != NULL ? g_strdup(error->message) : NULL;
}

static void test_table(void)
{
    struct target t = { NULL, false, NULL };
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_assert_null(parse(&t, warnings, "vmm -text hello --flag disk.img -old"));
    g_assert_cmpstr(t.text, ==, "hello");
    g_assert_true(t.flag);
    g_assert_cmpstr(t.bare, ==, "disk.img");
    g_assert_cmpuint(warnings->len, ==, 1);
    g_assert_null(parse(&t, NULL, "vmm -fixed"));
    g_assert_cmpstr(t.text, ==, "constant");
    g_free(t.text);
    g_free(t.bare);
}

static void test_errors(void)
{
    static const char *const rows[][2] = {
        { "vmm -txt", "-txt: unknown option; did you mean -text?" },
        { "vmm -zzzzzzzz", "-zzzzzzzz: unknown option; see vmm -help" },
        { "vmm -text", "-text: needs an argument: -text T" },
        { "vmm -later x", "-later: not supported yet" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct target t = { NULL, false, NULL };
        g_autofree char *message = parse(&t, NULL, rows[i][0]);
        g_assert_cmpstr(message, ==, rows[i][1]);
    }
}

static void test_sizes(void)
{
    static const struct {
        const char *text;
        uint64_t bytes; /* 0: refused */
    } rows[] = {
        { "384", 384ull << 20 }, { "1G", 1ull << 30 }, { "512b", 512 }, { "4k", 4096 }, { "2T", 2ull << 40 },
        { "0x10M", 16ull << 20 }, { "", 0 }, { "M", 0 }, { "-1", 0 }, { "1X", 0 }, { "1GG", 0 },
        { "99999999999999999999", 0 }, { "18446744073709551615G", 0 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t bytes = 0;
        g_autoptr(GError) error = NULL;
        bool ok = option_parse_size(rows[i].text, 1 << 20, &bytes, &error);
        g_assert_true(ok == (rows[i].bytes != 0));
        g_assert_cmpuint(ok ? bytes : 0, ==, rows[i].bytes);
    }
}

static void test_lists(void)
{
    static const char *const known[] = { "file", "on", "snapshot", NULL };
    struct option_list list;
    g_assert_true(option_list_parse(&list, "a,,b,snapshot,on=x", "file", known, NULL));
    g_assert_cmpstr(option_list_get(&list, "file"), ==, "a,b");
    g_assert_cmpstr(option_list_get(&list, "snapshot"), ==, "on");
    g_assert_cmpstr(option_list_get(&list, "on"), ==, "x");
    g_assert_null(option_list_get(&list, "none"));
    option_list_finish(&list);
    g_assert_true(option_list_parse(&list, "nosnapshot", NULL, known, NULL));
    g_assert_cmpstr(option_list_get(&list, "snapshot"), ==, "off");
    option_list_finish(&list);
    g_autoptr(GError) error = NULL;
    g_assert_false(option_list_parse(&list, "fil=x", NULL, known, &error));
    g_assert_cmpstr(error->message, ==, "unknown setting 'fil'; did you mean 'file'?");
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/option/table", test_table);
    g_test_add_func("/option/errors", test_errors);
    g_test_add_func("/option/sizes", test_sizes);
    g_test_add_func("/option/lists", test_lists);
    return g_test_run();
}
