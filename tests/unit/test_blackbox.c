/* The path in the black box: newest first, with the bases that CS had. */
#include <glib.h>

#include "accel/blackbox.h"

static void test_empty(void)
{
    struct blackbox box;
    uint64_t branches[4];
    blackbox_init(&box);
    g_assert_cmpuint(blackbox_branches(&box, branches, 4), ==, 0);
    blackbox_branch(&box, 0);
    g_assert_cmpuint(blackbox_branches(&box, branches, 4), ==, 1);
    g_assert_cmphex(branches[0], ==, 0);
}

static void test_bases(void)
{
    struct blackbox box;
    uint64_t branches[8];
    blackbox_init(&box);
    blackbox_branch(&box, 1);
    blackbox_set_base(&box, 0xffff0000);
    blackbox_branch(&box, 0xfff0);
    blackbox_set_base(&box, 0xf0000);
    blackbox_branch(&box, 0xe05b);
    blackbox_set_base(&box, 0xf0000);
    blackbox_set_base(&box, 0);
    blackbox_branch(&box, 0xffffffff81000000);
    g_assert_cmpuint(blackbox_branches(&box, branches, 8), ==, 4);
    g_assert_cmphex(branches[0], ==, 0xffffffff81000000);
    g_assert_cmphex(branches[1], ==, 0xfe05b);
    g_assert_cmphex(branches[2], ==, 0xfffffff0);
    g_assert_cmphex(branches[3], ==, 1);
}

static void test_full(void)
{
    struct blackbox box;
    uint64_t branches[BLACKBOX_PATH];
    blackbox_init(&box);
    for (unsigned i = 0; i < 1000; i++) {
        blackbox_branch(&box, i);
    }
    g_assert_cmpuint(blackbox_branches(&box, branches, BLACKBOX_PATH), ==, BLACKBOX_PATH);
    g_assert_cmphex(branches[0], ==, 999);
    g_assert_cmphex(branches[BLACKBOX_PATH - 1], ==, 1000 - BLACKBOX_PATH);
    g_assert_cmpuint(blackbox_branches(&box, branches, 64), ==, 64);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/blackbox/empty", test_empty);
    g_test_add_func("/blackbox/bases", test_bases);
    g_test_add_func("/blackbox/full", test_full);
    return g_test_run();
}
