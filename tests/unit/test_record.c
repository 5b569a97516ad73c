/* The record of a connection's output: matches across writes, places, and text that is no longer kept. */
#include "chardev/record.h"

#include <string.h>

#include "chardev/chardev.h"
#include "tests/support/test.h"

static void put(struct chardev *chr, const char *text)
{
    g_assert_cmpuint(chardev_write(chr, text, strlen(text)), ==, strlen(text));
}

static void test_find(void)
{
    struct chardev *chr = chardev_null_create();
    struct chardev_record *record = chardev_record_create(chr);
    uint64_t place = 0;
    g_assert_false(chardev_record_find(record, &place, "login:"));
    put(chr, "Debian log");
    g_assert_false(chardev_record_find(record, &place, "login:"));
    put(chr, "in: and more; login:");
    g_assert_true(chardev_record_find(record, &place, "login:"));
    g_assert_cmpuint(place, ==, 13);
    g_assert_true(chardev_record_find(record, &place, "login:"));
    g_assert_false(chardev_record_find(record, &place, "login:"));
    place = 0;
    g_assert_true(chardev_record_find(record, &place, "Debian"));
    chardev_destroy(chr);
    chardev_record_destroy(record);
}

static void test_wrap(void)
{
    struct chardev *chr = chardev_null_create();
    struct chardev_record *record = chardev_record_create(chr);
    uint64_t place = 0;
    put(chr, "first");
    for (unsigned i = 0; i < RECORD_SIZE / 8 - 1; i++) {
        put(chr, "01234567");
    }
    put(chr, "xyz");
    g_assert_true(chardev_record_find(record, &place, "first"));
    put(chr, "last one");
    place = 0;
    g_assert_false(chardev_record_find(record, &place, "first"));
    place = 0;
    g_assert_true(chardev_record_find(record, &place, "xyzlast"));
    chardev_destroy(chr);
    chardev_record_destroy(record);
}

/* What the backend refused has not gone out. */
static void test_refused(void)
{
    struct chardev *chr = chardev_memory_create(4);
    struct chardev_record *record = chardev_record_create(chr);
    uint64_t place = 0;
    g_assert_cmpuint(chardev_write(chr, "abcdef", 6), ==, 4);
    g_assert_false(chardev_record_find(record, &place, "abcde"));
    g_assert_true(chardev_record_find(record, &place, "abcd"));
    chardev_destroy(chr);
    chardev_record_destroy(record);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/record/find", test_find);
    g_test_add_func("/record/wrap", test_wrap);
    g_test_add_func("/record/refused", test_refused);
    return g_test_run();
}
