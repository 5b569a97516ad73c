/*
 * Helpers for tests of block/ (block_test.h).
 */
#include "tests/support/block_test.h"
#include "block/img.h"

#include <glib/gstdio.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void block_test_begin(void)
{
    g_autofree char *folder = g_dir_make_tmp("vmm-block-XXXXXX", NULL);

    g_assert_nonnull(folder);
    g_assert_cmpint(g_chdir(folder), ==, 0);
}

void block_test_end(void)
{
    g_autofree char *folder = g_get_current_dir();
    g_autoptr(GDir) dir = g_dir_open(".", 0, NULL);

    g_assert_nonnull(strstr(folder, "vmm-block-"));
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        if (g_unlink(name) < 0) {
            g_rmdir(name);
        }
    }
    g_assert_cmpint(g_chdir("/"), ==, 0);
    g_rmdir(folder);
}

/* ---- programs ---- */

static GPtrArray *collect(const char *program, va_list args)
{
    GPtrArray *argv = g_ptr_array_new();

    g_ptr_array_add(argv, (gpointer)program);
    for (char *word; (word = va_arg(args, char *)) != NULL;) {
        g_ptr_array_add(argv, word);
    }
    g_ptr_array_add(argv, NULL);
    return argv;
}

/* Runs in a child: `program` by name, or vmm-img's own code if program is NULL. */
static int run(const char *program, GPtrArray *argv, char **output)
{
    char path[] = "vmm-test-output-XXXXXX";
    int fd = g_mkstemp(path);
    int status;

    g_assert_cmpint(fd, >=, 0);
    fflush(stdout);
    fflush(stderr);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fd, 1);
        dup2(fd, 2);
        if (program != NULL) {
            execvp(program, (char **)argv->pdata);
            _exit(127);
        }
        g_set_prgname("vmm-img");
        status = img_main((int)argv->len - 1, (char **)argv->pdata);
        fflush(stdout);
        _exit(status);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (output != NULL) {
        g_assert_true(g_file_get_contents(path, output, NULL, NULL));
    }
    close(fd);
    g_unlink(path);
    g_ptr_array_free(argv, TRUE);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

int block_test_vmm_img(char **output, ...)
{
    va_list args;

    va_start(args, output);
    GPtrArray *argv = collect("vmm-img", args);
    va_end(args);
    return run(NULL, argv, output);
}

int block_test_qemu_img(char **output, ...)
{
    va_list args;

    va_start(args, output);
    GPtrArray *argv = collect("qemu-img", args);
    va_end(args);
    return run("qemu-img", argv, output);
}

bool block_test_need_qemu_img(void)
{
    g_autofree char *path = g_find_program_in_path("qemu-img");

    if (path == NULL) {
        g_test_skip("qemu-img is not installed");
    }
    return path != NULL;
}

/* ---- images ---- */

void block_test_create(const char *path, const char *format, uint64_t bytes, const char *backing)
{
    struct block_create_options options = {
        .format = format, .bytes = bytes, .have_bytes = true, .backing_name = backing};
    GError *error = NULL;

    if (!block_create(path, &options, NULL, &error)) {
        g_error("%s", error->message);
    }
}

struct block *block_test_open(const char *path, const struct block_options *options)
{
    GError *error = NULL;
    struct block *block = block_open(path, options, NULL, &error);

    if (block == NULL) {
        g_error("%s", error->message);
    }
    return block;
}

void block_test_put(const char *path, const void *bytes, size_t count)
{
    /* A new file: some file systems write a file out that is emptied and filled again. */
    g_unlink(path);
    FILE *file = fopen(path, "wb");

    g_assert_nonnull(file);
    g_assert_cmpuint(fwrite(bytes, 1, count, file), ==, count);
    fclose(file);
}

void block_test_same(struct block *block, const uint8_t *model, uint64_t bytes)
{
    g_autofree uint8_t *buffer = g_malloc(bytes);

    g_assert_cmpint(block_read(block, 0, buffer, bytes), ==, 0);
    for (uint64_t i = 0; i < bytes; i++) {
        if (buffer[i] != model[i]) {
            g_error("byte %" G_GUINT64_FORMAT " is %02x, should be %02x", i, buffer[i], model[i]);
        }
    }
}

void block_test_fill(GRand *random, uint8_t *bytes, size_t count)
{
    uint8_t seed = (uint8_t)g_rand_int(random);

    /* Not truly random, for speed: distinct from place to place and call to call. */
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(seed + i * 7 + (i >> 8) * 31);
    }
}

static void pick_range(GRand *random, uint64_t bytes, uint64_t *offset, uint64_t *count)
{
    uint64_t most = g_rand_int_range(random, 0, 20) == 0 ? bytes : 20000;

    *offset = (uint64_t)(g_rand_double(random) * (double)bytes);
    *count = 1 + (uint64_t)(g_rand_double(random) * (double)most);
    if (g_rand_int_range(random, 0, 4) != 0) {
        *offset -= *offset % BLOCK_SECTOR_BYTES;
        *count = (*count + BLOCK_SECTOR_BYTES - 1) / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES;
    }
    *offset = MIN(*offset, bytes - 1);
    *count = MIN(*count, bytes - *offset);
}

void block_test_hammer(struct block *block, uint8_t *model, uint64_t bytes, GRand *random,
                       unsigned count)
{
    g_autofree uint8_t *buffer = g_malloc(bytes);

    for (unsigned i = 0; i < count; i++) {
        uint64_t offset, length;
        int what = g_rand_int_range(random, 0, 100);
        pick_range(random, bytes, &offset, &length);
        if (what < 45) {
            g_assert_cmpint(block_read(block, offset, buffer, length), ==, 0);
            if (memcmp(buffer, model + offset, length) != 0) {
                g_error("operation %u: read of %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT
                        " differs",
                        i, length, offset);
            }
        } else if (what < 90) {
            block_test_fill(random, model + offset, length);
            g_assert_cmpint(block_write(block, offset, model + offset, length), ==, 0);
        } else if (what < 96) {
            memset(model + offset, 0, length);
            g_assert_cmpint(block_write_zeroes(block, offset, length), ==, 0);
        } else {
            g_assert_cmpint(block_flush(block), ==, 0);
        }
    }
}
