/*
 * Lines for the monitor: commands of its table with arguments that are nearly right, expressions of all operators and
 * any depth, formats, quotes, and noise. Half of them come through the line editor with its control keys. Nothing may
 * crash or hang. Commands that write files write into a folder that is thrown away.
 */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "accel/debug.h"
#include "chardev/chardev.h"
#include "monitor/expr.h"
#include "monitor/wait.h"
#include "tests/support/fuzz.h"
#include "tests/support/monitor_test.h"

enum { LINES = 25000, DEPTH = 6 }; /* of a session; of an expression */

static void any_expression(struct fuzz *fuzz, GString *out, unsigned depth)
{
    static const char *const atoms[] = { "$eax", "$rip", "$pc",   "$cs",  "$cs.base", "$cr3", "$nosuch", "%esp",
                                         "'a'",  "'\\n'", "0x10", "0",    "$",        "''",   "08",      "0x",
                                         "18446744073709551615", "99999999999999999999", "foo" };
    static const char *const operators[] = { "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "==", "!=",
                                             "<", ">", "<=", ">=", "&&", "||", "=", "?", " " };
    uint64_t kind = fuzz_below(fuzz, depth == 0 ? 3 : 8);
    if (kind < 2) {
        g_string_append_printf(out, "0x%" G_GINT64_MODIFIER "x", fuzz_number(fuzz));
    } else if (kind == 2) {
        g_string_append(out, atoms[fuzz_below(fuzz, G_N_ELEMENTS(atoms))]);
    } else if (kind == 3) {
        g_string_append_c(out, '(');
        any_expression(fuzz, out, depth - 1);
        g_string_append(out, fuzz_once_in(fuzz, 30) ? "" : ")");
    } else if (kind == 4) {
        g_string_append_c(out, "-+~!"[fuzz_below(fuzz, 4)]);
        any_expression(fuzz, out, depth - 1);
    } else {
        any_expression(fuzz, out, depth - 1);
        g_string_append(out, operators[fuzz_below(fuzz, G_N_ELEMENTS(operators))]);
        any_expression(fuzz, out, depth - 1);
    }
}

static void any_word(struct fuzz *fuzz, GString *out)
{
    static const char *const words[] = { "\"text\"", "\"unended", "a", "none", "help", "ide0-hd0", "ctrl-alt-f1", "-f",
                                         "-a", "-x", "-p", "0xf000:0xfff0", "if", "if $eax", "port", "exception", "mode",
                                         "att", "intel", "1 2 3", "\\", "\"\\", "all", "-" };
    g_string_append(out, words[fuzz_below(fuzz, G_N_ELEMENTS(words))]);
}

static void any_format(struct fuzz *fuzz, GString *out)
{
    g_string_append_c(out, '/');
    for (uint64_t n = fuzz_below(fuzz, 4); n > 0; n--) {
        g_string_append_c(out, "0123456789xduocisbhwgL#"[fuzz_below(fuzz, 23)]);
    }
    g_string_append_c(out, ' ');
}

/* What takes as long as it is asked to, or ends the test. */
static bool is_slow(const char *name)
{
    static const char *const names[] = { "step", "sleep", "sum", "memsave", "pmemsave", "find", "x", "xp", "sendkey",
                                         "type" };
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* What keeps a session from reading on, for some 50 ms of real time or for good. */
static bool is_waiting(const char *line)
{
    static const char *const names[] = { "next", "until", "finish", "sleep", "expectexit", "wait", "quit" };
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_has_prefix(line, names[i])) {
            return true;
        }
    }
    return false;
}

static const struct command *any_row(struct fuzz *fuzz, const struct command *table)
{
    unsigned count = 0;
    while (table[count].name != NULL) {
        count++;
    }
    return &table[fuzz_below(fuzz, count)];
}

static void any_line(struct fuzz *fuzz, GString *out)
{
    const struct command *row = any_row(fuzz, command_table);
    g_string_append(out, row->name);
    if (row->sub != NULL) {
        g_string_append_printf(out, " %s", any_row(fuzz, row->sub)->name);
    }
    g_string_append_c(out, ' ');
    if (strchr(row->shape, '/') != NULL && fuzz_once_in(fuzz, 2)) {
        any_format(fuzz, out);
    }
    for (uint64_t n = fuzz_below(fuzz, 4); n > 0; n--) {
        if (is_slow(row->name)) {
            g_string_append_printf(out, "%u", (unsigned)fuzz_below(fuzz, 100));
        } else if (fuzz_once_in(fuzz, 2)) {
            any_expression(fuzz, out, DEPTH);
        } else {
            any_word(fuzz, out);
        }
        g_string_append_c(out, ' ');
    }
    if (fuzz_once_in(fuzz, 8) && !is_slow(row->name)) {
        out->str[fuzz_below(fuzz, out->len)] = (gchar)fuzz_any(fuzz);
    }
    for (gsize i = 0; i < out->len; i++) { /* paths stay in the folder */
        if (out->str[i] == '\0' || (out->str[i] == '/' && i > 4 && row->shape[0] != '/')) {
            out->str[i] = '.';
        }
    }
}

/* The guest stands again, and no command waits. */
static void settle(struct monitor_test *t)
{
    g_clear_pointer(&t->settings.wait, command_wait_destroy);
    t->settings.quit = false;
    machine_serve_request(t->machine);
    if (t->machine->run_state != RUN_STATE_PRELAUNCH) {
        machine_pause(t->machine, RUN_STATE_PAUSED);
    }
}

static void line_case(struct monitor_test *t, struct fuzz *fuzz)
{
    g_autoptr(GString) line = g_string_new(NULL);
    any_line(fuzz, line);
    g_free(monitor_test_run(t, line->str));
    settle(t);
}

/* The same through a session with its line editor; keys are thrown in. */
static void typed_case(struct monitor_test *t, struct chardev *chr, struct fuzz *fuzz)
{
    static const char *const keys[] = { "\t", "\t\t", "\x1b[A", "\x1b[B", "\x1b[D", "\x01", "\x05", "\x17", "\x0b",
                                        "\x7f", "\x1b[3~", "\x1b[", "\x1b", "\xc3\xa4", "\x08", "\x12" };
    g_autoptr(GString) line = g_string_new(NULL);
    any_line(fuzz, line);
    if (is_waiting(line->str) && !fuzz_once_in(fuzz, 200)) {
        return;
    }
    while (fuzz_once_in(fuzz, 2)) {
        g_string_insert(line, (gssize)fuzz_below(fuzz, line->len + 1), keys[fuzz_below(fuzz, G_N_ELEMENTS(keys))]);
    }
    g_string_append_c(line, '\n');
    chardev_memory_send(chr, line->str, MIN(line->len, 2048));
    chardev_memory_send(chr, "\x03", 1); /* ends what waits */
    settle(t);
    g_main_context_iteration(NULL, FALSE);
    chardev_memory_clear(chr);
}

static void expression_case(struct fuzz *fuzz)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    uint64_t value;
    any_expression(fuzz, text, DEPTH);
    if (fuzz_once_in(fuzz, 3)) {
        text->str[fuzz_below(fuzz, text->len)] = (gchar)fuzz_any(fuzz);
    }
    const char *at = text->str;
    bool good = expr_parse(NULL, &at, &value, &error);
    g_assert_true(good == (error == NULL));
}

static void monitor_session(struct fuzz *fuzz)
{
    struct monitor_test t;
    monitor_test_init(&t, true);
    fuzz_bytes(fuzz, t.ram->host, 0x3000);
    struct chardev *chr = NULL;
    struct monitor *monitor = NULL;
    for (unsigned i = 0; i < LINES; i++) {
        fuzz_case(fuzz);
        if (i % 2500 == 0) { /* `quit` and waits end a session */
            monitor_destroy(monitor);
            chardev_destroy(chr);
            chr = chardev_memory_create(4u << 20);
            monitor = monitor_create(&t.env, chr, true);
        }
        switch (fuzz_below(fuzz, 4)) {
        case 0:
            line_case(&t, fuzz);
            break;
        case 1:
            typed_case(&t, chr, fuzz);
            break;
        default:
            expression_case(fuzz);
            break;
        }
    }
    monitor_destroy(monitor);
    chardev_destroy(chr);
    monitor_test_finish(&t);
}

static void test_monitor(void)
{
    g_autofree char *old = g_get_current_dir();
    g_autofree char *folder = g_dir_make_tmp("vmm-fuzz-XXXXXX", NULL);
    g_assert_cmpint(g_chdir(folder), ==, 0);
    fuzz_sessions("lines for the monitor", monitor_session, 1);
    GDir *dir = g_dir_open(".", 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_unlink(name);
    }
    g_dir_close(dir);
    g_assert_cmpint(g_chdir(old), ==, 0);
    g_rmdir(folder);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/fuzz/monitor", test_monitor);
    return g_test_run();
}
