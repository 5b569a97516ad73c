/*
 * Lines are idempotent, count their edges, tell probes; OR gates combine.
 */
#include "tests/support/test.h"

static void test_levels(void)
{
    struct test_probe probe;

    test_probe_init(&probe, "line");
    irq_set(&probe.line, false);
    g_assert_cmpuint(probe.falls, ==, 0);
    irq_set(&probe.line, true);
    irq_set(&probe.line, true);
    g_assert_true(probe.level);
    g_assert_cmpuint(probe.rises, ==, 1);
    g_assert_cmpuint(probe.line.rises, ==, 1);
    irq_set(&probe.line, false);
    g_assert_false(probe.level);
    g_assert_cmpuint(probe.falls, ==, 1);
    irq_set(NULL, true);
}

static void test_pulse(void)
{
    struct test_probe probe;

    test_probe_init(&probe, "line");
    irq_pulse(&probe.line);
    g_assert_cmpuint(probe.rises, ==, 1);
    g_assert_cmpuint(probe.falls, ==, 1);
    irq_set(&probe.line, true);
    irq_pulse(&probe.line);
    g_assert_cmpuint(probe.rises, ==, 3);
    g_assert_false(probe.level);
    irq_pulse(NULL);
}

static void count(void *arg, unsigned n, bool level)
{
    unsigned *counts = arg;

    counts[n] += level ? 1 : 100;
}

static void test_probe_after_sink(void)
{
    unsigned sink[4] = { 0 }, probe[4] = { 0 };
    struct irq line;

    irq_init(&line, "line", count, sink, 2);
    line.probe = count;
    line.probe_arg = probe;
    irq_set(&line, true);
    irq_set(&line, false);
    g_assert_cmpuint(sink[2], ==, 101);
    g_assert_cmpuint(probe[2], ==, 101);

    /* A line without a sink function is fine as well. */
    irq_init(&line, "loose", NULL, NULL, 0);
    irq_pulse(&line);
    g_assert_cmpuint(line.rises, ==, 1);
}

static void test_or_gate(void)
{
    struct test_probe probe;
    struct irq_or gate;

    test_probe_init(&probe, "out");
    irq_or_init(&gate, "shared", 32, &probe.line);
    irq_set(&gate.in[0], true);
    irq_set(&gate.in[31], true);
    g_assert_cmphex(gate.levels, ==, 0x80000001);
    irq_set(&gate.in[0], false);
    g_assert_true(probe.level);
    irq_set(&gate.in[31], false);
    g_assert_false(probe.level);
    g_assert_cmpuint(probe.rises, ==, 1);
    g_assert_cmpuint(probe.falls, ==, 1);

    irq_or_init(&gate, "unconnected", 2, NULL);
    irq_pulse(&gate.in[1]);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/irq/levels", test_levels);
    g_test_add_func("/irq/pulse", test_pulse);
    g_test_add_func("/irq/probe", test_probe_after_sink);
    g_test_add_func("/irq/or-gate", test_or_gate);
    return g_test_run();
}
