/*
 * Sizes as text, both ways.
 */
#include "block/size.h"
#include "tests/support/test.h"

static void test_parse(void)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},           {"512", 512},       {"512b", 512},
                {"1k", 1024},       {"1K", 1024},       {"4G", 4ull << 30},
                {"1.5M", 3 << 19},  {"2T", 2ull << 40}, {"3P", 3ull << 50},
                {"7E", 7ull << 60}, {"0.5k", 512},      {"9223372036854775807", INT64_MAX}};
    static const char *const bad[] = {"",
                                      "k",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1Q",
                                      "1kk",
                                      "1 k",
                                      "0x10",
                                      "8E",
                                      "1.5",
                                      "1.5b",
                                      "1.",
                                      "9223372036854775808",
                                      "99999999999999999999999",
                                      "1.9.9k"};
    uint64_t bytes;

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(block_size_parse(good[i].text, &bytes));
        g_assert_cmpuint(bytes, ==, good[i].bytes);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        if (block_size_parse(bad[i], &bytes)) {
            g_error("'%s' was taken for %" G_GUINT64_FORMAT, bad[i], bytes);
        }
    }
}

static void test_text(void)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {{0, "0 B"},           {512, "512 B"},        {999, "999 B"},
                 {1000, "0.977 KiB"},  {20480, "20 KiB"},     {200704, "196 KiB"},
                 {1572864, "1.5 MiB"}, {4ull << 30, "4 GiB"}, {1ull << 60, "1 EiB"},
                 {INT64_MAX, "8 EiB"}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = block_size_text(cases[i].bytes);
        g_assert_cmpstr(text, ==, cases[i].text);
    }
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/size/parse", test_parse);
    g_test_add_func("/size/text", test_text);
    return g_test_run();
}
