/*
 * Short run of the differential test of integer instructions; `make check-diff` is the long one.
 */
#include "tests/support/diff_integer.h"
#include "tests/support/test.h"

static void test_random(void)
{
    unsigned tried;
    g_assert_cmpuint(diff_integer(1, 20000, NULL, &tried), ==, 0);
    g_test_message("%u instructions compared", tried);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/interp/diff_integer", test_random);
    return g_test_run();
}
