/* The monitor's expressions: values, errors, and whatever bytes a person may type. */
#include "monitor/expr.h"

#include <string.h>

#include "tests/support/test.h"

static bool reg(void *arg, const char *name, uint64_t *value)
{
    if (strcmp(name, "eax") == 0) {
        *value = 0x1234;
    } else if (strcmp(name, "cs.base") == 0) {
        *value = 0xffff0000;
    } else {
        return false;
    }
    return true;
}

static bool symbol(void *arg, const char *name, uint64_t *value)
{
    *value = 0x7c00;
    return strcmp(name, "start") == 0 || strcmp(name, ".loop_1") == 0;
}

/* Memory holds its address, but there is none at 0x666. */
static bool memory(void *arg, uint64_t address, unsigned size, uint64_t *value)
{
    *value = address | (uint64_t)size << 32;
    return address != 0x666;
}

static const struct expr_env env = {.reg = reg, .symbol = symbol, .memory = memory};

static void expect(const char *text, uint64_t value, const char *rest)
{
    uint64_t got = 0;
    GError *error = NULL;
    g_test_message("%s", text);
    g_assert_true(expr_parse(&env, &text, &got, &error));
    g_assert_no_error(error);
    g_assert_cmphex(got, ==, value);
    g_assert_cmpstr(text, ==, rest);
}

static void expect_error(const char *text, const char *message)
{
    uint64_t got;
    GError *error = NULL;
    const char *p = text;
    g_assert_false(expr_parse(&env, &p, &got, &error));
    g_assert_true(p == text);
    g_assert_nonnull(error);
    g_assert_cmpstr(error->message, ==, message);
    g_error_free(error);
}

static void test_values(void)
{
    expect("0", 0, "");
    expect("0x10+4", 0x14, "");
    expect(" 10 ", 10, "");
    expect("010", 8, "");
    expect("1 + 2 * 3", 7, "");
    expect("(1+2)*3", 9, "");
    expect("2*3+1", 7, "");
    expect("10-3-2", 5, "");
    expect("1|2^3&4", 1 | (2 ^ (3 & 4)), "");
    expect("1<<4>>2", 4, "");
    expect("1<<64", 0, "");
    expect("1<<63>>63", 1, "");
    expect("3<4 && 4<=4 && 5>4 && 5>=5 && 1!=2 && 2==2", 1, "");
    expect("0||0", 0, "");
    expect("start+4", 0x7c04, "");
    expect("2*.loop_1", 0xf800, "");
    expect("[start]", 0x7c00, "");
    expect("[start+2].b + 1", 0x100007c03, "");
    expect("[0x10].g", 0x800000010, "");
    expect("2 * *0x10", 0x20, "");
    expect("*start+1", 0x7c01, "");
    expect("[$eax] start", 0x1234, "start");
    expect("7/2", 3, "");
    expect("7%4", 3, "");
    expect("-1", UINT64_MAX, "");
    expect("- -5", 5, "");
    expect("~0", UINT64_MAX, "");
    expect("!5 + !0", 1, "");
    expect("'a'", 'a', "");
    expect("'\\n'", '\n', "");
    expect("'\\\\'", '\\', "");
    expect("$eax+1", 0x1235, "");
    expect("%EAX", 0x1234, "");
    expect("$cs.base + 0xfff0", 0xfffffff0, "");
    expect("5 % $eax", 5, "");
    expect("18446744073709551615", UINT64_MAX, "");
    expect("0xffffffffffffffff+1", 0, "");
}

static void test_rest(void)
{
    expect("0x1000 0x20 file", 0x1000, "0x20 file");
    expect("1 \"a\"", 1, "\"a\"");
    expect("1)", 1, ")");
    expect("1 /tmp/x", 1, "/tmp/x");
    expect("8 /2", 4, "");
}

static void test_errors(void)
{
    expect_error("", "unexpected end of expression");
    expect_error("1+", "unexpected end of expression");
    expect_error("(1", "')' expected");
    expect_error("1/0", "division by zero");
    expect_error("1%0", "division by zero");
    expect_error("$foo", "unknown register 'foo'");
    expect_error("$", "unknown register ''");
    expect_error("abc", "unknown symbol 'abc'; registers are written $abc");
    expect_error("[0x100", "']' expected");
    expect_error("[0x100].q", "a size after '].' is b, h, w or g");
    expect_error("[0x100].", "a size after '].' is b, h, w or g");
    expect_error("[0x666]", "no memory at 0x666");
    expect_error("*0x666", "no memory at 0x666");
    expect_error("12abc", "invalid char 'a' in expression");
    expect_error("09", "invalid char '9' in expression");
    expect_error("0x", "invalid char 'x' in expression");
    expect_error("18446744073709551616", "number too large");
    expect_error("'", "unexpected end of character constant");
    expect_error("'ab'", "missing terminating ' character");
    expect_error("'\\q'", "unknown escape in character constant");
    expect_error("\x01", "invalid char 0x01 in expression");
    expect_error("$a0123456789012345678901234567890123456789", "unknown register");
}

static void test_no_registers(void)
{
    const char *text = "$eax";
    uint64_t value;
    g_assert_false(expr_parse(NULL, &text, &value, NULL));
}

static void test_depth(void)
{
    static const char openers[] = "(-~!+";
    for (unsigned i = 0; openers[i] != '\0'; i++) {
        g_autofree char *text = g_strnfill(100000, openers[i]);
        expect_error(text, "expression is nested too deeply");
    }
    /* Long is not deep. */
    g_autoptr(GString) sum = g_string_new("0");
    for (unsigned i = 0; i < 5000; i++) {
        g_string_append(sum, "+1");
    }
    expect(sum->str, 5000, "");
    g_string_truncate(sum, 0);
    for (unsigned i = 0; i < 30; i++) {
        g_string_append(sum, "(1+");
    }
    g_string_append(sum, "1");
    for (unsigned i = 0; i < 30; i++) {
        g_string_append(sum, ")");
    }
    expect(sum->str, 31, "");
}

static void test_fuzz(void)
{
    static const char alphabet[] = "0123456789xabcf$%()+-*/&|^~!<>= 'eax\\.\t\xff\x80\n";
    struct test_random random = {.state = 7};
    for (unsigned round = 0; round < 50000; round++) {
        char text[40];
        size_t n = test_random_next(&random) % (sizeof(text) - 1);
        for (size_t i = 0; i < n; i++) {
            text[i] = alphabet[test_random_next(&random) % (sizeof(alphabet) - 1)];
        }
        text[n] = '\0';
        const char *p = text;
        uint64_t value;
        GError *error = NULL;
        bool good = expr_parse(&env, &p, &value, &error);
        g_assert_true(good == (error == NULL));
        g_assert_true(p >= text && p <= text + n);
        g_clear_error(&error);
    }
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/expr/values", test_values);
    g_test_add_func("/expr/rest", test_rest);
    g_test_add_func("/expr/errors", test_errors);
    g_test_add_func("/expr/no-registers", test_no_registers);
    g_test_add_func("/expr/depth", test_depth);
    g_test_add_func("/expr/fuzz", test_fuzz);
    return g_test_run();
}
