/*
 * Short run of the differential test of integer instructions; `make check-diff` is the long one.
 */
#include "tests/support/diff_integer.h"
#include "tests/support/test.h"

static void test_random(gconstpointer bits)
{
    unsigned tried;
    g_assert_cmpuint(diff_integer(GPOINTER_TO_UINT(bits), 1, 20000, NULL, &tried), ==, 0);
    g_test_message("%u instructions compared", tried);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_data_func("/diff_integer/64", GUINT_TO_POINTER(64), test_random);
    g_test_add_data_func("/diff_integer/32", GUINT_TO_POINTER(32), test_random);
    return g_test_run();
}
