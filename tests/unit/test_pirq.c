/*
 * PIRQ router (hw/pci/pirq.c).
 */
#include "hw/pci/pirq.h"
#include "tests/support/test.h"

static void test_routing(void)
{
    uint8_t route[PIRQ_COUNT] = {0x80, 0x0b, 0x0b, 0x05};
    struct test_probe irq5, irq11;
    struct pirq pirq;

    test_probe_init(&irq5, "irq5");
    test_probe_init(&irq11, "irq11");
    pirq_init(&pirq, route);
    pirq.isa[5] = &irq5.line;
    pirq.isa[11] = &irq11.line;
    irq_set(&pirq.in[0], true); /* disabled */
    g_assert_false(irq5.level || irq11.level);
    irq_set(&pirq.in[1], true); /* B and C share IRQ 11 */
    irq_set(&pirq.in[2], true);
    irq_set(&pirq.in[1], false);
    g_assert_true(irq11.level);
    irq_set(&pirq.in[2], false);
    g_assert_false(irq11.level);
    g_assert_cmpuint(irq11.rises, ==, 1);
    route[0] = 0x05; /* a route that changes while the line is high */
    pirq_drive(&pirq);
    g_assert_true(irq5.level);
    route[0] = 0x0b;
    pirq_drive(&pirq);
    g_assert_false(irq5.level);
    g_assert_true(irq11.level);
}

static void test_reserved(void)
{
    static const bool usable[16] = {[3] = true,  [4] = true,  [5] = true,  [6] = true,
                                    [7] = true,  [9] = true,  [10] = true, [11] = true,
                                    [12] = true, [14] = true, [15] = true};
    uint8_t route[PIRQ_COUNT] = {0};
    struct pirq pirq;

    pirq_init(&pirq, route);
    for (unsigned i = 0; i < 16; i++) {
        route[0] = (uint8_t)i;
        g_assert_cmpint(pirq_route(&pirq, 0), ==, usable[i] ? (int)i : -1);
    }
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/pirq/routing", test_routing);
    g_test_add_func("/pirq/reserved", test_reserved);
    return g_test_run();
}
