/*
 * Locks: who goes together with whom, what the message says, and that qemu-img notices them and is
 * noticed.
 */
#include "block/block.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DISK_BYTES = 65536 };

static const struct block_options writer = {.format = "raw"};
static const struct block_options reader = {.format = "raw", .read_only = true};
static const struct block_options snapshot = {.format = "raw", .snapshot = true};
static const struct block_options sharer = {.format = "raw", .read_only = true, .no_lock = true};

static void test_pairs(void)
{
    static const struct {
        const struct block_options *first;
        const struct block_options *second;
        bool works;
    } pairs[] = {{&writer, &writer, false},    {&writer, &reader, false},
                 {&writer, &snapshot, false},  {&writer, &sharer, true},
                 {&reader, &writer, false},    {&reader, &reader, true},
                 {&reader, &snapshot, true},   {&snapshot, &writer, false},
                 {&snapshot, &snapshot, true}, {&sharer, &writer, true}};

    block_test_begin();
    block_test_create("disk", "raw", DISK_BYTES, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(pairs); i++) {
        GError *error = NULL;
        struct block *first = block_test_open("disk", pairs[i].first);
        struct block *second = block_open("disk", pairs[i].second, NULL, &error);
        g_assert_cmpint(second != NULL, ==, pairs[i].works);
        if (second == NULL) {
            g_assert_error(error, BLOCK_ERROR, EBUSY);
            g_assert_nonnull(strstr(error->message, "this process"));
            g_assert_nonnull(strstr(error->message, "-snapshot"));
            g_clear_error(&error);
        }
        block_close(second);
        block_close(first);
        /* All is free again. */
        block_close(block_test_open("disk", &writer));
    }
    block_test_end();
}

/* A locked file is not emptied by creating another image in its place. */
static void test_create_over(void)
{
    struct block_create_options create = {
        .format = "qcow", .bytes = DISK_BYTES, .have_bytes = true};
    GError *error = NULL;
    uint8_t byte = 5;

    block_test_begin();
    block_test_create("disk", "raw", DISK_BYTES, NULL);
    struct block *block = block_test_open("disk", &writer);
    g_assert_cmpint(block_write(block, 10, &byte, 1), ==, 0);
    g_assert_false(block_create("disk", &create, NULL, &error));
    g_assert_error(error, BLOCK_ERROR, EBUSY);
    g_clear_error(&error);
    byte = 0;
    g_assert_cmpint(block_read(block, 10, &byte, 1), ==, 0);
    g_assert_cmpuint(byte, ==, 5);
    block_close(block);
    block_test_end();
}

static void test_names_the_process(void)
{
    int ready[2];
    GError *error = NULL;
    char byte;

    block_test_begin();
    block_test_create("disk", "raw", DISK_BYTES, NULL);
    g_assert_cmpint(pipe(ready), ==, 0);
    pid_t pid = fork();
    if (pid == 0) {
        block_test_open("disk", &writer);
        if (write(ready[1], "x", 1) == 1) {
            pause();
        }
        _exit(0);
    }
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    g_assert_null(block_open("disk", &writer, NULL, &error));
    g_assert_error(error, BLOCK_ERROR, EBUSY);
    g_autofree char *words = g_strdup_printf("'disk' is in use by process %d (", (int)pid);
    g_assert_nonnull(strstr(error->message, words));
    g_clear_error(&error);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ready[0]);
    close(ready[1]);
    block_close(block_test_open("disk", &writer));
    block_test_end();
}

static void test_qemu_notices(void)
{
    if (!block_test_need_qemu_img()) {
        return;
    }
    block_test_begin();
    block_test_create("disk", "raw", DISK_BYTES, NULL);
    struct block *block = block_test_open("disk", &writer);
    g_autofree char *output = NULL;
    g_assert_cmpint(
        block_test_qemu_img(&output, "compare", "-f", "raw", "-F", "raw", "disk", "disk", NULL), ==,
        2);
    g_assert_nonnull(strstr(output, "lock"));
    g_assert_cmpint(block_test_qemu_img(NULL, "resize", "-f", "raw", "disk", "1M", NULL), ==, 1);
    g_assert_cmpint(block_test_qemu_img(NULL, "info", "-U", "-f", "raw", "disk", NULL), ==, 0);
    block_close(block);
    block = block_test_open("disk", &reader);
    g_assert_cmpint(
        block_test_qemu_img(NULL, "compare", "-f", "raw", "-F", "raw", "disk", "disk", NULL), ==,
        0);
    g_assert_cmpint(block_test_qemu_img(NULL, "resize", "-f", "raw", "disk", "1M", NULL), ==, 1);
    block_close(block);
    g_assert_cmpint(block_test_qemu_img(NULL, "resize", "-f", "raw", "disk", "1M", NULL), ==, 0);
    block_test_end();
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/block-lock/pairs", test_pairs);
    g_test_add_func("/block-lock/create-over", test_create_over);
    g_test_add_func("/block-lock/names-the-process", test_names_the_process);
    g_test_add_func("/block-lock/qemu-notices", test_qemu_notices);
    return g_test_run();
}
