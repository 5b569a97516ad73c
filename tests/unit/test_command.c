/* Finding commands, parsing their arguments, help and completion; and lines that nobody should
 * type. */
#include "monitor/command.h"

#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "monitor/complete.h"
#include "monitor/symbols.h"
#include "tests/support/monitor_test.h"
#include "tests/support/test.h"

static void test_names(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    monitor_test_expect(&t, "", "");
    monitor_test_expect(&t, "   \t ", "");
    monitor_test_expect(&t, "# a note", "");
    monitor_test_expect(&t, "foo", "unknown command: 'foo'\nDid you mean 'log'?\n");
    monitor_test_expect(&t, "zzzzzzz", "unknown command: 'zzzzzzz'\n");
    monitor_test_expect(&t, "qui", "unknown command: 'qui'\nDid you mean 'quit'?\n");
    monitor_test_expect(&t, "infoo", "unknown command: 'infoo'\nDid you mean 'info'?\n");
    monitor_test_expect(&t, "info regs", "unknown command: 'info regs'\n");
    monitor_test_expect(&t, "info stat",
                        "unknown command: 'info stat'\nDid you mean 'info status'?\n");
    monitor_test_expect(&t, "xp;y", "unknown command: 'xp;y'\nDid you mean 'xp'?\n");
    monitor_test_expect(&t, "\x01\xff", "unknown command: '\\001'\n");
    monitor_test_expect(&t, "  p/x   16", "0x10\n");
    monitor_test_expect(&t, "p /x 0x10+4", "0x14\n");
    monitor_test_expect(&t, "p/x\t16", "0x10\n");
    monitor_test_expect(&t, "print 10", "0xa\n");
    monitor_test_finish(&t);
}

static void test_arguments(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    monitor_test_expect(&t, "p",
                        "unexpected end of expression\nTry \"help p\" for more information\n");
    monitor_test_expect(&t, "p 1 2",
                        "print|p: extraneous characters at the end of line\n"
                        "Try \"help p\" for more information\n");
    monitor_test_expect(&t, "stop x",
                        "stop: extraneous characters at the end of line\nTry \"help stop\" for "
                        "more information\n");
    monitor_test_expect(&t, "info status x",
                        "status: extraneous characters at the end of line\n"
                        "Try \"help info status\" for more information\n");
    monitor_test_contains(&t, "p /z 1", "invalid char in format: 'z'");
    monitor_test_contains(&t, "p /x* 1", "invalid char in format: '*'");
    monitor_test_contains(&t, "xp /99999999999999999999999999x 0", "count is too large");
    monitor_test_contains(&t, "eject", "eject: an argument is missing");
    monitor_test_contains(&t, "eject -x foo", "unsupported option -x");
    monitor_test_contains(&t, "eject -f \"no such\"", "Device 'no such' not found");
    monitor_test_contains(&t, "eject \"no \\\"such\"", "Device 'no \"such' not found");
    monitor_test_contains(&t, "eject \"no", "unterminated string");
    monitor_test_contains(&t, "eject \"no\\", "unterminated string");
    monitor_test_finish(&t);
}

static void test_help(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    g_autofree char *all = monitor_test_run(&t, "help");
    for (const struct command *row = command_table; row->name != NULL; row++) {
        g_assert_nonnull(strstr(all, row->name));
        g_assert_nonnull(row->help);
        g_assert_nonnull(row->params);
        g_assert_nonnull(row->run);
        g_autofree char *line = g_strdup_printf("help %s", row->name);
        monitor_test_contains(&t, line, row->help);
        if (row[1].name != NULL) {
            g_assert_cmpstr(row->name, !=, row[1].name);
        }
    }
    monitor_test_contains(&t, "? q", "quit|q  -- end vmm");
    monitor_test_contains(&t, "help info status", "info status  -- running or paused");
    monitor_test_expect(&t, "help foo", "unknown command: 'foo'\n");
    monitor_test_expect(&t, "help info foo", "unknown command: 'info foo'\n");
    monitor_test_expect(&t, "help quit foo", "unknown command: 'quit foo'\n");
    monitor_test_contains(&t, "info", "info status  --");
    monitor_test_finish(&t);
}

static void expect_complete(struct monitor_test *t, const char *line, size_t start,
                            const char *words)
{
    g_autoptr(GPtrArray) candidates = g_ptr_array_new_with_free_func(g_free);
    g_assert_cmpuint(complete_line(&t->env, line, strlen(line), candidates), ==, start);
    g_autoptr(GString) got = g_string_new(NULL);
    for (guint i = 0; i < candidates->len; i++) {
        g_string_append_printf(got, "%s%s", i > 0 ? " " : "",
                               (char *)g_ptr_array_index(candidates, i));
    }
    g_assert_cmpstr(got->str, ==, words);
}

/* help NAME says how each command is used. */
static void test_examples(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    for (const struct command *row = command_table; row->name != NULL; row++) {
        g_autofree char *line = g_strdup_printf("help %s", row->name);
        monitor_test_contains(&t, line, "\nexample: ");
        for (const struct command *sub = row->sub; sub != NULL && sub->name != NULL; sub++) {
            g_autofree char *second = g_strdup_printf("help %s %s", row->name, sub->name);
            monitor_test_contains(&t, second, "\nexample: ");
        }
    }
    monitor_test_expect(&t, "help info pic", "info pic  -- the interrupt controllers\nexample: info pic\n");
    monitor_test_finish(&t);
}

static void test_complete(void)
{
    struct monitor_drive drives[] = {{.name = "ide0-hd0"}, {.name = "ide1-cd0", .removable = true}};
    struct monitor_test t;
    monitor_test_init(&t, false);
    t.env.drives = drives;
    t.env.drive_count = G_N_ELEMENTS(drives);
    expect_complete(&t, "scr", 0, "screendump screentext");
    expect_complete(&t, "  scr", 2, "screendump screentext");
    expect_complete(&t, "info st", 5, "status");
    expect_complete(&t, "eject ", 6, "ide0-hd0 ide1-cd0");
    expect_complete(&t, "eject -f ide1", 9, "ide1-cd0");
    expect_complete(&t, "help scr", 5, "screendump screentext");
    expect_complete(&t, "sendkey ctrl-al", 13, "alt alt_r");
    expect_complete(&t, "sendkey ret", 8, "ret");
    expect_complete(&t, "log guest", 4, "guest_errors");
    expect_complete(&t, "change ide1-cd0 tests/uni", 16, "tests/unit/");
    expect_complete(&t, "change ide1-cd0 /no/such/place", 16, "");
    expect_complete(&t, "foo bar", 4, "");
    expect_complete(&t, "quit ", 5, "");
    expect_complete(&t, "stop 1 2 3 4 5 6 ", 17, "");
    /* Registers and symbols. */
    g_autofree char *map = g_strdup_printf("%s/vmm-test-%d.map", g_get_tmp_dir(), (int)getpid());
    g_file_set_contents(map, "1000 T kmain\n2000 T kmalloc\n3000 t idle\n", -1, NULL);
    t.env.symbols = symbols_create();
    g_assert_cmpint(symbols_load(t.env.symbols, map, 0, NULL), ==, 3);
    g_remove(map);
    expect_complete(&t, "p $ea", 2, "$eax");
    expect_complete(&t, "x /4xw 4*$cs.", 9, "$cs.attr $cs.base $cs.limit");
    expect_complete(&t, "set $efl", 4, "$eflags");
    expect_complete(&t, "break km", 6, "kmain kmalloc");
    expect_complete(&t, "x /2i kma", 6, "kmain kmalloc");
    expect_complete(&t, "p 4+id", 4, "idle");
    expect_complete(&t, "p ", 2, "");
    symbols_destroy(t.env.symbols);
    monitor_test_finish(&t);
}

/* No line may crash, hang or fill memory. `quit` and commands that write files are left out. */
static void test_fuzz(void)
{
    static const char *const words[] = {
        "x",
        "xp",
        "p",
        "info",
        "help",
        "print",
        "i",
        "sum",
        "/9x",
        "/4i",
        "/2s",
        "/99999999x",
        "/8c",
        "$pc",
        "0x10",
        "(",
        ")",
        "-1",
        "\"",
        "\\",
        "tlb",
        "mem",
        "status",
        "set",
        "asm",
        "intel",
        "-f",
        "sendkey",
        "ctrl-alt-x",
        "type",
        "mouse_move",
        "mouse_button",
        "boot_set",
        "log",
        "none",
        "gva2gpa",
        "0xffffffffffffffff",
        "0xfffffffffffffff0",
        "change",
        "eject",
        "stop",
        "cont",
        "nmi",
        "cpu",
        "o",
        "#",
        "\xff",
        "pic",
        "mtree",
        "registers",
        "-a",
        "screentext",
        "9999999999999999999999",
        "system_reset",
    };
    struct test_random random = {.state = 5};
    struct monitor_test t;
    monitor_test_init(&t, false);
    for (unsigned round = 0; round < 20000; round++) {
        g_autoptr(GString) line = g_string_new(NULL);
        unsigned n = 1 + test_random_next(&random) % 5;
        for (unsigned i = 0; i < n; i++) {
            g_string_append(line, words[test_random_next(&random) % G_N_ELEMENTS(words)]);
            g_string_append(line, test_random_next(&random) % 4 != 0 ? " " : "");
        }
        g_autofree char *answer = monitor_test_run(&t, line->str);
        g_assert_cmpuint(strlen(answer), <, 16u << 20);
    }
    for (unsigned round = 0; round < 20000; round++) {
        char line[64];
        unsigned n = test_random_next(&random) % (sizeof(line) - 1);
        for (unsigned i = 0; i < n; i++) {
            line[i] = (char)test_random_next(&random);
        }
        line[n] = '\0';
        g_free(monitor_test_run(&t, line));
    }
    g_autofree char *long_line = g_strnfill(100000, 'a');
    g_free(monitor_test_run(&t, long_line));
    monitor_test_finish(&t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/command/names", test_names);
    g_test_add_func("/command/arguments", test_arguments);
    g_test_add_func("/command/help", test_help);
    g_test_add_func("/command/examples", test_examples);
    g_test_add_func("/command/complete", test_complete);
    g_test_add_func("/command/fuzz", test_fuzz);
    return g_test_run();
}
