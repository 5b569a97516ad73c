/*
 * The mask, item names, the file and warnings said once.
 */
#include "tests/support/test.h"

#include "core/log.h"

#include <glib/gstdio.h>
#include <string.h>

static void test_print(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    struct log *log = log_create(file, LOG_INT);

    g_assert_true(log_wants(log, LOG_INT));
    g_assert_false(log_wants(log, LOG_IO));
    g_assert_false(log_wants(NULL, LOG_INT));
    log_print(log, LOG_INT, "int %d\n", 8);
    log_print(log, LOG_IO, "not this\n");
    log_print(NULL, LOG_INT, "nor this\n");
    log_set_items(log, LOG_IO | LOG_MMU);
    g_assert_cmphex(log_items(log), ==, LOG_IO | LOG_MMU);
    g_assert_cmphex(log_items(NULL), ==, 0);
    log_print(log, LOG_IO, "io\n");
    fflush(file);
    g_assert_cmpstr(text, ==, "int 8\nio\n");
    log_destroy(log);
    log_destroy(NULL);
    fclose(file);
    free(text);
}

static void test_file(void)
{
    char *path = NULL, *text = NULL;
    int fd = g_file_open_tmp("vmm-log-XXXXXX", &path, NULL);
    struct log *log = log_create(stderr, LOG_CPU);

    g_assert_cmpint(fd, >=, 0);
    g_close(fd, NULL);
    g_assert_false(log_set_file(log, "/nonexistent/file"));
    g_assert_true(log_set_file(log, path));
    log_print(log, LOG_CPU, "first\n");
    g_assert_true(log_set_file(log, path));
    log_print(log, LOG_CPU, "second\n");
    log_destroy(log);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "second\n");
    g_free(text);
    g_unlink(path);
    g_free(path);
}

static void test_items(void)
{
    uint32_t items = 0, all = 0;
    char *bad = NULL;
    const char *name, *help;

    for (unsigned i = 0; (name = log_item_name(i, &help)); i++) {
        g_assert_nonnull(help);
        g_assert_true(log_parse_items(name, &items, &bad));
        g_assert_cmphex(items & (items - 1), ==, 0);
        g_assert_cmphex(all & items, ==, 0);
        all |= items;
    }
    g_assert_true(log_parse_items("all", &items, NULL));
    g_assert_cmphex(items, ==, all);
    g_assert_true(log_parse_items("none", &items, NULL));
    g_assert_cmphex(items, ==, 0);
    g_assert_true(log_parse_items("int,cpu_reset", &items, &bad));
    g_assert_cmphex(items, ==, LOG_INT | LOG_CPU_RESET);
    g_assert_true(log_parse_items("unimp,guest_errors,nochain,trace:x*", &items, &bad));
    g_assert_cmphex(items, ==, LOG_UNIMP | LOG_GUEST_ERROR);

    g_assert_false(log_parse_items("int,foo,bar", &items, &bad));
    g_assert_cmpstr(bad, ==, "foo");
    g_assert_cmphex(items, ==, LOG_UNIMP | LOG_GUEST_ERROR);
    g_free(bad);
    g_assert_false(log_parse_items("int,,io", &items, NULL));
}

static void test_warn_once(void)
{
    if (g_test_subprocess()) {
        struct log *log = log_create(stderr, 0);

        for (unsigned i = 0; i < 3; i++) {
            warn_once(log, "option '%s' has no effect", "-foo");
            warn_once(NULL, "swallowed");
        }
        warn_once(log, "another %d", 1);
        log_destroy(log);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*vmm: warning: option '-foo' has no effect\nvmm: warning: another 1\n*");
    g_test_trap_assert_stderr_unmatched("*no effect*no effect*");
    g_test_trap_assert_stderr_unmatched("*swallowed*");
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/log/print", test_print);
    g_test_add_func("/log/file", test_file);
    g_test_add_func("/log/items", test_items);
    g_test_add_func("/log/warn-once", test_warn_once);
    return g_test_run();
}
