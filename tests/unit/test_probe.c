/*
 * Format detection, and that a guessed-raw disk cannot be turned into something else by its guest.
 */
#include "block/driver_impl.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <string.h>

static void test_magic(void)
{
    static const struct {
        const char *head;
        size_t bytes;
        const char *format; /* NULL: refused */
        const char *words;
    } cases[] = {{"", 0, "raw", NULL},
                 {"QFI", 3, "raw", NULL},
                 {"QFI\xfb\0\0\0\1", 8, "qcow", NULL},
                 {"QFI\xfb\0\0\0\2", 8, "qcow2", NULL},
                 {"QFI\xfb\0\0\0\3", 8, "qcow2", NULL},
                 {"QFI\xfb\0\0\0\4", 8, NULL, "qcow"},
                 {"KDMV", 4, "vmdk", NULL},
                 {"# Disk DescriptorFile\n", 22, "vmdk", NULL},
                 {"COWD", 4, NULL, "'vmdk of ESX"},
                 {"conectix", 8, "vpc", NULL},
                 {"\xeb\x3c\x90MSDOS5.0", 11, "raw", NULL}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t head[BLOCK_PROBE_BYTES] = {0};
        GError *error = NULL;
        memcpy(head, cases[i].head, cases[i].bytes);
        const struct block_driver *driver = block_probe(head, sizeof(head), "disk", &error);
        g_assert_cmpint(block_probe_is_foreign(head, sizeof(head)), ==,
                        cases[i].format == NULL || strcmp(cases[i].format, "raw") != 0);
        if (cases[i].format != NULL) {
            g_assert_cmpstr(driver->name, ==, cases[i].format);
            continue;
        }
        g_assert_null(driver);
        g_assert_error(error, BLOCK_ERROR, ENOTSUP);
        g_assert_nonnull(strstr(error->message, cases[i].words));
        g_clear_error(&error);
    }
}

static void test_guest_cannot_change_it(void)
{
    static const char *const heads[] = {"QFI\xfb\0\0\0\1", "QFI\xfb\0\0\0\2"};
    struct block_options said = {.format = "raw"};
    uint8_t sector[1024] = {0};

    block_test_begin();
    block_test_create("disk", "raw", 65536, NULL);
    struct block *block = block_test_open("disk", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(heads); i++) {
        memcpy(sector, heads[i], 8);
        g_assert_cmpint(block_write(block, 0, sector, sizeof(sector)), ==, -EPERM);
        /* Nor bit by bit. */
        g_assert_cmpint(block_write(block, 4, sector + 4, 508), ==, 0);
        g_assert_cmpint(block_write(block, 0, sector, 4), ==, -EPERM);
    }
    memset(sector, 0xee, sizeof(sector));
    g_assert_cmpint(block_write(block, 0, sector, sizeof(sector)), ==, 0);
    g_assert_cmpint(block_read(block, 0, sector, 1), ==, 0);
    g_assert_cmpuint(sector[0], ==, 0xee);
    block_close(block);
    /* Who says raw gets raw. */
    block = block_test_open("disk", &said);
    memcpy(sector, heads[1], 8);
    g_assert_cmpint(block_write(block, 0, sector, sizeof(sector)), ==, 0);
    block_close(block);
    block_test_end();
}

static void test_names(void)
{
    GError *error = NULL;

    g_assert_cmpstr(block_driver_find("qcow", &error)->name, ==, "qcow");
    g_assert_cmpstr(block_driver_find("qcow2", &error)->name, ==, "qcow2");
    g_assert_null(block_driver_find("vhdx", &error));
    g_assert_cmpstr(error->message, ==,
                    "format 'vhdx' is not supported yet; supported: raw qcow qcow2 vmdk vdi vpc");
    g_clear_error(&error);
    g_assert_null(block_driver_find("", &error));
    g_clear_error(&error);
    g_assert_cmpstr(block_format_name(0), ==, "raw");
    g_assert_cmpstr(block_format_name(1), ==, "qcow");
    g_assert_cmpstr(block_format_name(2), ==, "qcow2");
    g_assert_null(block_format_name(3));
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/probe/magic", test_magic);
    g_test_add_func("/probe/guest-cannot-change-it", test_guest_cannot_change_it);
    g_test_add_func("/probe/names", test_names);
    return g_test_run();
}
