/*
 * Formats that are only read (block/vmdk*.c, vdi.c, vpc.c): damaged headers are refused by name, and a
 * descriptor leads nowhere it may not.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "block/driver_impl.h"
#include "tests/support/block_test.h"
#include "tests/support/image_maker.h"

static const struct image_maker *find_maker(const char *name)
{
    for (const struct image_maker *maker = image_makers; maker->name != NULL; maker++) {
        if (strcmp(maker->name, name) == 0) {
            return maker;
        }
    }
    g_assert_not_reached();
}

static void expect_refused(const char *path, const char *format, const char *words)
{
    struct block_options options = {.format = format, .read_only = true};
    GError *error = NULL;
    struct block *block = block_open(path, &options, NULL, &error);

    g_assert_null(block);
    if (strstr(error->message, words) == NULL) {
        g_error("'%s' does not say '%s'", error->message, words);
    }
    g_clear_error(&error);
}

/* Bytes at a place of a good image, and what opening says then. */
static void test_headers(void)
{
    static const struct {
        const char *maker;
        unsigned at, count;
        const char *bytes, *words;
    } rows[] = {
        {"vdi", 0x40, 1, "x", "does not begin like one"},
        {"vdi", 0x44, 1, "\2", "only version 1.1"},
        {"vdi", 0x4c, 1, "\4", "parent image"},
        {"vdi", 0x1a8, 1, "\1", "parent image"},
        {"vdi", 0x178, 4, "\0\0\0\0", "block size is impossible"},
        {"vdi", 0x178, 4, "\0\0\0\x80", "block size is impossible"},
        {"vdi", 0x170, 8, "\xff\xff\xff\xff\xff\xff\xff\x7f", "map is too short"},
        {"vdi", 0x180, 4, "\xff\xff\xff\x7f", "too large"},
        {"vdi", 0x180, 4, "\0\0\x40\0", "not all in the file"},
        {"vdi", 0x154, 4, "\xff\xff\xff\xff", "not all in the file"},
        {"vpc, fixed", IMAGE_DISK_BYTES + 48, 1, "\1", "footer"},
        {"vmdk, sparse", 4, 1, "\7", "version 7 is unknown"},
        {"vmdk, sparse", 20, 2, "\3\0", "grain size"},
        {"vmdk, sparse", 20, 8, "\0\0\0\0\0\0\1\0", "grain size"},
        {"vmdk, sparse", 44, 4, "\1\0\0\0", "512 entries"},
        {"vmdk, sparse", 73, 1, "\r", "transfer as text"},
        {"vmdk, sparse", 12, 8, "\xff\xff\xff\xff\xff\xff\xff\xff", "size is impossible"},
        {"vmdk, sparse", 12, 8, "\0\0\0\0\0\0\1\0", "too large"},
        {"vmdk, sparse", 56, 8, "\0\0\0\0\0\0\1\0", "not all in the file"},
        {"vmdk, sparse", 36, 8, "\0\0\0\0\0\0\1\0", "descriptor is too large"},
        {"vmdk, compressed", 56, 8, "\0\0\0\0\0\0\0\x80", "not all in the file"},
    };

    block_test_begin();
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const struct image_maker *maker = find_maker(rows[i].maker);
        char *bytes;
        gsize length;
        maker->make("bad.img");
        g_assert_true(g_file_get_contents("bad.img", &bytes, &length, NULL));
        memcpy(bytes + rows[i].at, rows[i].bytes, rows[i].count);
        block_test_put("bad.img", bytes, length);
        g_free(bytes);
        expect_refused("bad.img", maker->format, rows[i].words);
    }
    block_test_put("bad.img", "short", 5);
    expect_refused("bad.img", "vdi", "not all in the file");
    expect_refused("bad.img", "vpc", "too short");
    expect_refused("bad.img", "vmdk", "does not begin like one");
    block_test_end();
}

static void test_descriptors(void)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"RW 8 FLAT \"../secret\" 0\n", "outside the image's folder"},
        {"RW 8 FLAT \"/etc/passwd\" 0\n", "outside the image's folder"},
        {"RW 8 FLAT \"link\" 0\n", "outside the image's folder"},
        {"RW 8 SPARSE \"../secret\"\n", "outside the image's folder"},
        {"RW 8 FLAT \"missing\" 0\n", "No such file"},
        {"RW 8 SPARSE \"flat.img\"\n", "not all in the file"},
        {"RW 8 FLAT \"flat.img\"\n", "makes no sense"},
        {"RW 8 FLAT\n", "makes no sense"},
        {"RW x ZERO\n", "makes no sense"},
        {"RW 0 ZERO\n", "makes no sense"},
        {"RW 99999999999999999999 ZERO\n", "makes no sense"},
        {"RW 18014398509481983 ZERO\nRW 18014398509481983 ZERO\n", "size is impossible"},
        {"RW 8 VMFSRDM \"/dev/sda\"\n", "not supported"},
        {"createType=\"custom\"\n", "names no extents"},
        {"RW 8 ZERO\nparentFileNameHint=\"../secret\"\n", "outside the image's folder"},
    };

    block_test_begin();
    block_test_put("secret", "secret", 6);
    g_assert_cmpint(g_mkdir("images", 0700), ==, 0);
    g_assert_cmpint(g_chdir("images"), ==, 0);
    block_test_put("flat.img", "flat", 4);
    g_assert_cmpint(symlink("../secret", "link"), ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strdup_printf("# Disk DescriptorFile\nversion=1\n%s", rows[i].text);
        block_test_put("bad.vmdk", text, strlen(text));
        expect_refused("bad.vmdk", NULL, rows[i].words);
    }
    /* Too many of them. */
    GString *many = g_string_new("# Disk DescriptorFile\n");
    for (unsigned i = 0; i < 1025; i++) {
        g_string_append(many, "RW 8 ZERO\n");
    }
    block_test_put("bad.vmdk", many->str, many->len);
    g_string_free(many, TRUE);
    expect_refused("bad.vmdk", NULL, "more than 1024 extents");
    g_assert_cmpint(g_chdir(".."), ==, 0);
    block_test_end();
}

/* Tables that point behind the end of the file: an error there, and nowhere else. */
static void test_bad_place(void)
{
    struct block_options options = {.format = "vdi", .read_only = true};
    uint8_t sector[512];
    char *bytes;
    gsize length;

    block_test_begin();
    find_maker("vdi")->make("bad.img");
    g_assert_true(g_file_get_contents("bad.img", &bytes, &length, NULL));
    memcpy(bytes + 512, "\xff\xff\x00\x00", 4);
    block_test_put("bad.img", bytes, length);
    g_free(bytes);
    struct block *block = block_test_open("bad.img", &options);
    g_assert_cmpint(block_read(block, 0, sector, 512), ==, -EIO);
    g_assert_cmpint(block_read(block, 3 * 4096, sector, 512), ==, 0);
    g_assert_cmphex(sector[7], ==, image_maker_byte("vdi", 3 * 4096 + 7));
    g_assert_cmpint(block_write(block, 0, sector, 512), ==, -EROFS);
    block_close(block);
    block_test_end();
}

static void test_only_read(void)
{
    GError *error = NULL;

    block_test_begin();
    find_maker("vdi")->make("disk.vdi");
    g_assert_null(block_open("disk.vdi", NULL, NULL, &error));
    g_assert_nonnull(strstr(error->message, "readonly=on"));
    g_clear_error(&error);
    /* With a temporary layer above it, it can be written. */
    struct block_options options = {.snapshot = true};
    struct block *block = block_test_open("disk.vdi", &options);
    g_assert_cmpint(block_write(block, 4096, "abc", 3), ==, 0);
    char back[3];
    g_assert_cmpint(block_read(block, 4096, back, 3), ==, 0);
    g_assert_cmpmem(back, 3, "abc", 3);
    block_close(block);
    block_test_end();
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/reader/headers", test_headers);
    g_test_add_func("/reader/descriptors", test_descriptors);
    g_test_add_func("/reader/bad-place", test_bad_place);
    g_test_add_func("/reader/only-read", test_only_read);
    return g_test_run();
}
