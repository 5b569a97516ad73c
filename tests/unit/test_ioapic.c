/*
 * The I/O APIC with one local APIC: 82093AA data sheet, chapter 3.
 */
#include "tests/support/test.h"

#include <string.h>

#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"

#define MASKED 0x10000u
#define LEVEL 0x8000u
#define REMOTE_IRR 0x4000u

struct bench {
    struct machine *machine;
    struct apic_bus bus;
    struct device *io, *cpu;
    struct test_probe intr;
};

static uint32_t rd(struct bench *b, unsigned reg)
{
    test_region_write(ioapic_region(b->io), 0, reg, 4);
    return (uint32_t)test_region_read(ioapic_region(b->io), 0x10, 4);
}

static void wr(struct bench *b, unsigned reg, uint32_t value)
{
    test_region_write(ioapic_region(b->io), 0, reg, 4);
    test_region_write(ioapic_region(b->io), 0x10, value, 4);
}

static void entry(struct bench *b, unsigned n, uint32_t low)
{
    wr(b, 0x11 + 2 * n, 0);
    wr(b, 0x10 + 2 * n, low);
}

static void bench_init(struct bench *b)
{
    const struct lapic_cpu none = { 0 };
    memset(b, 0, sizeof(*b));
    b->machine = test_machine_create();
    b->cpu = test_device_create(b->machine, &lapic_class, "apic0", NULL);
    b->io = test_device_create(b->machine, &ioapic_class, "ioapic", NULL);
    test_probe_init(&b->intr, "intr");
    lapic_connect_cpu(b->cpu, &b->intr.line, &none);
    lapic_connect_bus(b->cpu, &b->bus);
    ioapic_connect(b->io, &b->bus);
    lapic_write(b->cpu, 0xf0, 0x1ff, 4);
}

static void eoi(struct bench *b)
{
    lapic_write(b->cpu, 0xb0, 0, 4);
}

static void test_registers(void)
{
    struct bench b;
    bench_init(&b);
    g_assert_cmphex(rd(&b, 1), ==, 0x170011);
    wr(&b, 0, 0xffffffff);
    g_assert_cmphex(rd(&b, 0), ==, 0x0f000000);
    g_assert_cmphex(rd(&b, 0x10), ==, MASKED);
    wr(&b, 0x12, 0xffffffff);
    wr(&b, 0x13, 0xffffffff);
    g_assert_cmphex(rd(&b, 0x12), ==, 0x1afff);
    g_assert_cmphex(rd(&b, 0x13), ==, 0xff000000);
    g_assert_cmphex(rd(&b, 0x40), ==, 0);
    test_machine_destroy(b.machine);
}

static void test_edge(void)
{
    struct bench b;
    bench_init(&b);
    irq_pulse(ioapic_irq(b.io, 4)); /* masked: lost */
    entry(&b, 4, 0x34);
    g_assert_false(b.intr.level);
    irq_set(ioapic_irq(b.io, 4), true);
    g_assert_cmpint(lapic_acknowledge(b.cpu), ==, 0x34);
    eoi(&b);
    g_assert_false(b.intr.level);
    irq_set(ioapic_irq(b.io, 4), false);
    irq_set(ioapic_irq(b.io, 4), true);
    g_assert_true(b.intr.level);
    test_machine_destroy(b.machine);
}

static void test_level(void)
{
    struct bench b;
    bench_init(&b);
    irq_set(ioapic_irq(b.io, 11), true);
    entry(&b, 11, LEVEL | 0x61);
    g_assert_cmphex(rd(&b, 0x10 + 22), ==, LEVEL | REMOTE_IRR | 0x61);
    g_assert_cmpint(lapic_acknowledge(b.cpu), ==, 0x61);
    g_assert_false(b.intr.level);
    eoi(&b); /* still asserted */
    g_assert_cmpint(lapic_acknowledge(b.cpu), ==, 0x61);
    irq_set(ioapic_irq(b.io, 11), false);
    eoi(&b);
    g_assert_false(b.intr.level);
    g_assert_cmphex(rd(&b, 0x10 + 22), ==, LEVEL | 0x61);
    /* Going to edge and back forgets a stuck request. */
    irq_set(ioapic_irq(b.io, 11), true);
    lapic_acknowledge(b.cpu);
    entry(&b, 11, MASKED | 0x61);
    entry(&b, 11, MASKED | LEVEL | 0x61);
    g_assert_cmphex(rd(&b, 0x10 + 22), ==, MASKED | LEVEL | 0x61);
    test_machine_destroy(b.machine);
}

/* Nobody takes it: asked again later. */
static void test_not_taken(void)
{
    struct bench b;
    bench_init(&b);
    lapic_write(b.cpu, 0xf0, 0xff, 4);
    irq_set(ioapic_irq(b.io, 9), true);
    entry(&b, 9, LEVEL | 0x71);
    g_assert_cmphex(rd(&b, 0x10 + 18), ==, LEVEL | 0x71);
    lapic_write(b.cpu, 0xf0, 0x1ff, 4);
    entry(&b, 9, LEVEL | 0x71);
    g_assert_cmpint(lapic_acknowledge(b.cpu), ==, 0x71);
    test_machine_destroy(b.machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/ioapic/registers", test_registers);
    g_test_add_func("/ioapic/edge", test_edge);
    g_test_add_func("/ioapic/level", test_level);
    g_test_add_func("/ioapic/not-taken", test_not_taken);
    return g_test_run();
}
