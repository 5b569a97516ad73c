/*
 * Memory blocks: size, code hook, dirty pages.
 */
#include "tests/support/test.h"

#include <string.h>

static struct ram *make(uint64_t size)
{
    GError *error = NULL;
    struct ram *ram = ram_create("test", size, &error);

    g_assert_no_error(error);
    return ram;
}

static void test_create(void)
{
    struct ram *ram = make(5000);
    GError *error = NULL;

    g_assert_cmpuint(ram->size, ==, 8192);
    g_assert_cmpuint(ram->host[8191], ==, 0);
    g_assert_cmpuint((uintptr_t)ram->host % RAM_PAGE_SIZE, ==, 0);
    ram_destroy(ram);
    ram_destroy(NULL);

    g_assert_null(ram_create("huge", 1ull << 60, &error));
    g_assert_nonnull(strstr(error->message, "huge"));
    g_clear_error(&error);
    g_assert_null(ram_create("empty", 0, &error));
    g_clear_error(&error);
    g_assert_null(ram_create("round", UINT64_MAX, &error));
    g_clear_error(&error);
}

struct seen {
    unsigned code, dirty;
    uint64_t offset, bytes;
};

static void on_code(void *arg, struct ram *ram, uint64_t offset, uint64_t size)
{
    struct seen *seen = arg;

    seen->code++;
    seen->offset = offset;
    seen->bytes += size;
}

static void on_dirty(void *arg, struct ram *ram)
{
    ((struct seen *)arg)->dirty++;
}

static void test_code_hook(void)
{
    struct seen seen = { 0 };
    struct ram *ram = make(4 * RAM_PAGE_SIZE);

    ram->code_hook = on_code;
    ram->hook_arg = &seen;
    ram_touched(ram, 0, ram->size);
    g_assert_cmpuint(seen.code, ==, 0);
    ram->flags[1] |= RAM_CODE;
    ram->flags[2] |= RAM_CODE;
    ram_touched(ram, RAM_PAGE_SIZE - 1, 1);
    g_assert_cmpuint(seen.code, ==, 0);
    ram_touched(ram, RAM_PAGE_SIZE - 1, 2);
    g_assert_cmpuint(seen.code, ==, 1);
    g_assert_cmpuint(seen.offset, ==, RAM_PAGE_SIZE);
    g_assert_cmpuint(seen.bytes, ==, 1);
    ram_touched(ram, 2 * RAM_PAGE_SIZE - 2, 5);
    g_assert_cmpuint(seen.code, ==, 3);
    g_assert_cmpuint(seen.bytes, ==, 6);

    /* Out of range and empty touches do nothing, too long ones are cut. */
    ram_touched(ram, ram->size, 1);
    ram_touched(ram, RAM_PAGE_SIZE, 0);
    ram_touched(ram, 3 * RAM_PAGE_SIZE, UINT64_MAX);
    g_assert_cmpuint(seen.code, ==, 3);
    ram_destroy(ram);
}

/* An engine with a log of its own: one store to page 3. */
static void sync_page_3(void *arg, struct ram *ram)
{
    ram_touched(ram, 3 * RAM_PAGE_SIZE, 1);
}

static void test_dirty_sync(void)
{
    struct ram *ram = make(70 * RAM_PAGE_SIZE);
    uint64_t bitmap[2];

    ram_log_dirty(ram, true);
    ram_dirty_fetch(ram, 0, 70, bitmap);
    ram->dirty_sync = sync_page_3;
    g_assert_true(ram_dirty_fetch(ram, 0, 70, bitmap));
    g_assert_cmphex(bitmap[0], ==, 1 << 3);
    ram_destroy(ram);
}

static void test_dirty(void)
{
    struct seen seen = { 0 };
    struct ram *ram = make(70 * RAM_PAGE_SIZE);
    uint64_t bitmap[2];

    ram->dirty_hook = on_dirty;
    ram->hook_arg = &seen;
    ram_touched(ram, 0, 1);
    g_assert_false(ram_dirty_fetch(ram, 0, 70, bitmap));
    g_assert_cmpuint(seen.dirty, ==, 0);

    ram_log_dirty(ram, true);
    ram_log_dirty(ram, true);
    g_assert_cmpuint(seen.dirty, ==, 1);
    g_assert_true(ram_dirty_fetch(ram, 0, 70, bitmap));
    g_assert_cmphex(bitmap[0], ==, UINT64_MAX);
    g_assert_cmphex(bitmap[1], ==, 0x3f);
    g_assert_cmpuint(seen.dirty, ==, 2);
    g_assert_false(ram_dirty_fetch(ram, 0, 70, bitmap));
    g_assert_cmpuint(seen.dirty, ==, 2);

    ram_touched(ram, 65 * RAM_PAGE_SIZE - 1, 2);
    g_assert_false(ram_dirty_fetch(ram, 0, 64, bitmap));
    g_assert_true(ram_dirty_fetch(ram, 64, 10, bitmap));
    g_assert_cmphex(bitmap[0], ==, 3);

    ram_log_dirty(ram, false);
    ram_touched(ram, 0, 1);
    g_assert_false(ram_dirty_fetch(ram, 0, 70, bitmap));
    ram_destroy(ram);
}

static void test_dirtied(void)
{
    struct ram *ram = ram_create("r", 70 * RAM_PAGE_SIZE, NULL);
    struct seen seen = {0};
    uint64_t bitmap[2];

    ram_log_dirty(ram, true);
    ram->dirtied = on_dirty;
    ram->dirtied_arg = &seen;
    ram_touched(ram, 0, 1);
    g_assert_cmpuint(seen.dirty, ==, 0); /* dirty already, and nobody has fetched */
    ram_dirty_fetch(ram, 0, 70, bitmap);
    ram_touched(ram, 5 * RAM_PAGE_SIZE, 3 * RAM_PAGE_SIZE);
    ram_mark_dirty(ram, 9);
    g_assert_cmpuint(seen.dirty, ==, 1);
    ram_dirty_fetch(ram, 0, 70, bitmap);
    g_assert_cmphex(bitmap[0], ==, 0x2e0);
    ram_mark_dirty(ram, 9);
    g_assert_cmpuint(seen.dirty, ==, 2);
    ram_destroy(ram);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/ram/create", test_create);
    g_test_add_func("/ram/code-hook", test_code_hook);
    g_test_add_func("/ram/dirty", test_dirty);
    g_test_add_func("/ram/dirty-sync", test_dirty_sync);
    g_test_add_func("/ram/dirtied", test_dirtied);
    return g_test_run();
}
