/*
 * Local APICs on a bus of three, by their registers: SDM volume 3, chapter 11.
 */
#include "tests/support/test.h"

#include <string.h>

#include "hw/intc/apic_bus.h"
#include "hw/intc/lapic.h"

enum { CPUS = 3 };
enum { ID = 0x20, VERSION = 0x30, TPR = 0x80, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0, DFR = 0xe0, SVR = 0xf0,
       ISR = 0x100, TMR = 0x180, IRR = 0x200, ESR = 0x280, ICR = 0x300, ICR_HIGH = 0x310, LVT_TIMER = 0x320,
       LVT_LINT0 = 0x350, LVT_LINT1 = 0x360, LVT_ERROR = 0x370, INITIAL = 0x380, CURRENT = 0x390, DIVIDE = 0x3e0 };

struct bench {
    struct machine *machine;
    struct apic_bus bus;
    struct device *apic[CPUS];
    struct test_probe intr[CPUS];
    unsigned nmis[CPUS], inits[CPUS], sipis[CPUS];
    uint8_t sipi_vector;
};

static void on_nmi(void *arg, unsigned cpu)
{
    ((struct bench *)arg)->nmis[cpu]++;
}

static void on_init(void *arg, unsigned cpu)
{
    ((struct bench *)arg)->inits[cpu]++;
}

static void on_sipi(void *arg, unsigned cpu, uint8_t vector)
{
    struct bench *b = arg;
    b->sipis[cpu]++;
    b->sipi_vector = vector;
}

static int pic(void *arg)
{
    return 0x08;
}

static void wr(struct bench *b, unsigned cpu, uint32_t offset, uint32_t value)
{
    lapic_write(b->apic[cpu], offset, value, 4);
}

static uint32_t rd(struct bench *b, unsigned cpu, uint32_t offset)
{
    return (uint32_t)lapic_read(b->apic[cpu], offset, 4);
}

static void bench_init(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    b->machine = test_machine_create();
    const struct lapic_cpu cpu = { b, on_nmi, on_init, on_sipi };
    for (unsigned i = 0; i < CPUS; i++) {
        g_autofree char *id = g_strdup_printf("apic%u", i), *number = g_strdup_printf("%u", i);
        const char *const properties[] = { "id", number, "virtual-wire", i == 0 ? "on" : "off", NULL };
        b->apic[i] = test_device_create(b->machine, &lapic_class, id, properties);
        test_probe_init(&b->intr[i], "intr");
        lapic_connect_cpu(b->apic[i], &b->intr[i].line, &cpu);
        lapic_connect_pic(b->apic[i], pic, NULL);
        lapic_connect_bus(b->apic[i], &b->bus);
    }
}

static void bench_init_enabled(struct bench *b)
{
    bench_init(b);
    for (unsigned i = 0; i < CPUS; i++) {
        wr(b, i, SVR, 0x1ff);
    }
}

static void bench_finish(struct bench *b)
{
    test_machine_destroy(b->machine);
}

/* Sends to itself. */
static void self(struct bench *b, unsigned cpu, uint8_t vector)
{
    wr(b, cpu, ICR, 0x44000u | vector);
}

static void test_registers(void)
{
    struct bench b;
    bench_init(&b);
    g_assert_cmphex(rd(&b, 2, ID), ==, 2u << 24);
    g_assert_cmphex(rd(&b, 0, VERSION), ==, 0x50014);
    g_assert_cmphex(rd(&b, 0, SVR), ==, 0xff);
    g_assert_cmphex(rd(&b, 0, DFR), ==, 0xffffffff);
    g_assert_cmphex(rd(&b, 1, LVT_LINT0), ==, 0x10000);
    /* Software-disabled: masks cannot be cleared. */
    wr(&b, 1, LVT_LINT0, 0x700);
    g_assert_cmphex(rd(&b, 1, LVT_LINT0), ==, 0x10700);
    wr(&b, 1, SVR, 0x1ff);
    wr(&b, 1, LVT_LINT0, 0x700);
    g_assert_cmphex(rd(&b, 1, LVT_LINT0), ==, 0x700);
    wr(&b, 1, SVR, 0xff);
    g_assert_cmphex(rd(&b, 1, LVT_LINT0), ==, 0x10700);
    /* A register that is not there: an error, seen after a write to ESR. */
    rd(&b, 1, 0x40);
    g_assert_cmphex(rd(&b, 1, ESR), ==, 0);
    wr(&b, 1, ESR, 0);
    g_assert_cmphex(rd(&b, 1, ESR), ==, 0x80);
    wr(&b, 1, ESR, 0);
    g_assert_cmphex(rd(&b, 1, ESR), ==, 0);
    bench_finish(&b);
}

static void test_priorities(void)
{
    struct bench b;
    bench_init_enabled(&b);
    g_assert_cmpint(lapic_acknowledge(b.apic[0]), ==, -1);
    self(&b, 0, 0x31);
    self(&b, 0, 0x52);
    self(&b, 0, 0x58);
    g_assert_true(b.intr[0].level);
    g_assert_cmpint(lapic_acknowledge(b.apic[0]), ==, 0x58);
    g_assert_cmphex(rd(&b, 0, PPR), ==, 0x50);
    g_assert_false(b.intr[0].level); /* 52h is of the same class */
    self(&b, 0, 0x61);
    g_assert_cmpint(lapic_acknowledge(b.apic[0]), ==, 0x61);
    wr(&b, 0, EOI, 0);
    g_assert_false(b.intr[0].level);
    wr(&b, 0, EOI, 0);
    g_assert_cmpint(lapic_acknowledge(b.apic[0]), ==, 0x52);
    wr(&b, 0, EOI, 0);
    wr(&b, 0, TPR, 0x35);
    g_assert_false(b.intr[0].level);
    g_assert_cmphex(rd(&b, 0, PPR), ==, 0x35);
    lapic_set_tpr(b.apic[0], 0x20);
    g_assert_true(b.intr[0].level);
    g_assert_cmpint(lapic_acknowledge(b.apic[0]), ==, 0x31);
    g_assert_cmphex(rd(&b, 0, ISR + 0x10), ==, 1u << 0x11);
    bench_finish(&b);
}

static void test_virtual_wire(void)
{
    struct bench b;
    bench_init(&b);
    irq_set(lapic_lint(b.apic[0], 0), true);
    irq_set(lapic_lint(b.apic[1], 0), true);
    g_assert_true(b.intr[0].level);
    g_assert_false(b.intr[1].level); /* masked */
    g_assert_cmpint(lapic_acknowledge(b.apic[0]), ==, 0x08);
    irq_set(lapic_lint(b.apic[0], 0), false);
    g_assert_false(b.intr[0].level);
    /* Switched off, the pins are the CPU's own. */
    lapic_set_base(b.apic[1], 0xfee00000);
    g_assert_true(b.intr[1].level);
    irq_pulse(lapic_lint(b.apic[1], 1));
    g_assert_cmpuint(b.nmis[1], ==, 1);
    bench_finish(&b);
}

static void test_lint(void)
{
    struct bench b;
    bench_init_enabled(&b);
    wr(&b, 1, LVT_LINT1, 0x400);
    irq_pulse(lapic_lint(b.apic[1], 1));
    g_assert_cmpuint(b.nmis[1], ==, 1);
    /* Level-triggered vector: again after EOI as long as the pin is asserted. */
    wr(&b, 1, LVT_LINT0, 0x8041);
    irq_set(lapic_lint(b.apic[1], 0), true);
    g_assert_cmphex(rd(&b, 1, LVT_LINT0), ==, 0xc041);
    g_assert_cmpint(lapic_acknowledge(b.apic[1]), ==, 0x41);
    g_assert_false(b.intr[1].level);
    wr(&b, 1, EOI, 0);
    g_assert_cmpint(lapic_acknowledge(b.apic[1]), ==, 0x41);
    irq_set(lapic_lint(b.apic[1], 0), false);
    wr(&b, 1, EOI, 0);
    g_assert_false(b.intr[1].level);
    g_assert_cmphex(rd(&b, 1, LVT_LINT0), ==, 0x8041);
    bench_finish(&b);
}

static void test_ipis(void)
{
    struct bench b;
    bench_init_enabled(&b);
    wr(&b, 0, ICR_HIGH, 2u << 24);
    wr(&b, 0, ICR, 0x4040);
    g_assert_false(b.intr[1].level);
    g_assert_cmpint(lapic_acknowledge(b.apic[2]), ==, 0x40);
    wr(&b, 0, ICR, 0xc4041); /* all others */
    g_assert_false(b.intr[0].level);
    g_assert_true(b.intr[1].level && (rd(&b, 2, IRR + 0x20) & 2) != 0);
    wr(&b, 0, ICR, 0x84042); /* all */
    g_assert_true(b.intr[0].level);
    wr(&b, 0, ICR, 0xc4400); /* NMI */
    g_assert_cmpuint(b.nmis[0] + b.nmis[1] + b.nmis[2], ==, 2);
    wr(&b, 0, ICR, 0xc4500); /* INIT */
    g_assert_cmpuint(b.inits[0] * 10 + b.inits[1] + b.inits[2], ==, 2);
    g_assert_cmphex(rd(&b, 1, SVR), ==, 0xff);
    wr(&b, 0, ICR, 0xc8500); /* INIT, level 0: nothing */
    g_assert_cmpuint(b.inits[1], ==, 1);
    wr(&b, 0, ICR, 0xc4610); /* start-up */
    g_assert_cmpuint(b.sipis[1] + b.sipis[2], ==, 2);
    g_assert_cmphex(b.sipi_vector, ==, 0x10);
    self(&b, 0, 0x0f); /* illegal */
    wr(&b, 0, ESR, 0);
    g_assert_cmphex(rd(&b, 0, ESR), ==, 0x20);
    bench_finish(&b);
}

static void test_logical(void)
{
    struct bench b;
    bench_init_enabled(&b);
    for (unsigned i = 0; i < CPUS; i++) {
        wr(&b, i, LDR, 1u << (24 + i));
    }
    wr(&b, 0, ICR_HIGH, 6u << 24);
    wr(&b, 0, ICR, 0x4850);
    g_assert_true(!b.intr[0].level && b.intr[1].level && b.intr[2].level);
    /* Lowest priority: one of them. */
    wr(&b, 1, TPR, 0x20);
    wr(&b, 0, ICR, 0x4961);
    g_assert_true((rd(&b, 2, IRR + 0x30) & 2) != 0 && (rd(&b, 1, IRR + 0x30) & 2) == 0);
    /* Clusters. */
    for (unsigned i = 0; i < CPUS; i++) {
        wr(&b, i, DFR, 0);
        wr(&b, i, LDR, (i == 2 ? 0x21u : 0x11u << (i == 1)) << 24);
    }
    wr(&b, 1, LDR, 0x12u << 24);
    wr(&b, 0, ICR_HIGH, 0x13u << 24);
    wr(&b, 0, ICR, 0x4870);
    g_assert_true((rd(&b, 0, IRR + 0x30) & 0x10000) != 0 && (rd(&b, 1, IRR + 0x30) & 0x10000) != 0 &&
                  (rd(&b, 2, IRR + 0x30) & 0x10000) == 0);
    bench_finish(&b);
}

static void test_timer(void)
{
    struct bench b;
    bench_init_enabled(&b);
    wr(&b, 0, DIVIDE, 0xb); /* 1 */
    wr(&b, 0, LVT_TIMER, 0x40);
    wr(&b, 0, INITIAL, 1000);
    test_advance(b.machine, 400);
    g_assert_cmpuint(rd(&b, 0, CURRENT), ==, 600);
    test_advance(b.machine, 599);
    g_assert_false(b.intr[0].level);
    test_advance(b.machine, 1);
    g_assert_cmpint(lapic_acknowledge(b.apic[0]), ==, 0x40);
    wr(&b, 0, EOI, 0);
    g_assert_cmpuint(rd(&b, 0, CURRENT), ==, 0);
    test_advance(b.machine, 10000);
    g_assert_false(b.intr[0].level);

    wr(&b, 0, DIVIDE, 0); /* 2 */
    wr(&b, 0, LVT_TIMER, 0x20040);
    wr(&b, 0, INITIAL, 1000);
    for (unsigned i = 0; i < 3; i++) {
        test_advance(b.machine, 2000);
        g_assert_cmpint(lapic_acknowledge(b.apic[0]), ==, 0x40);
        wr(&b, 0, EOI, 0);
    }
    /* Masked it goes on counting, and what passes then is lost. */
    wr(&b, 0, LVT_TIMER, 0x30040);
    test_advance(b.machine, 5000);
    g_assert_cmpuint(rd(&b, 0, CURRENT), ==, 500);
    wr(&b, 0, LVT_TIMER, 0x20040);
    g_assert_false(b.intr[0].level);
    wr(&b, 0, INITIAL, 0);
    test_advance(b.machine, 50000);
    g_assert_false(b.intr[0].level);
    bench_finish(&b);
}

static void test_deadline(void)
{
    struct bench b;
    bench_init_enabled(&b);
    lapic_set_deadline(b.apic[0], 777, 5000); /* not in this mode: ignored */
    g_assert_cmpuint(lapic_deadline(b.apic[0]), ==, 0);
    wr(&b, 0, LVT_TIMER, 0x40040);
    wr(&b, 0, INITIAL, 5);
    g_assert_cmpuint(rd(&b, 0, INITIAL), ==, 0);
    lapic_set_deadline(b.apic[0], 777, 5000);
    g_assert_cmpuint(lapic_deadline(b.apic[0]), ==, 777);
    g_assert_cmpuint(rd(&b, 0, CURRENT), ==, 0);
    test_advance(b.machine, 5000);
    g_assert_true(b.intr[0].level);
    g_assert_cmpuint(lapic_deadline(b.apic[0]), ==, 0);
    bench_finish(&b);
}

static void test_x2apic(void)
{
    struct bench b;
    uint64_t value;
    bench_init_enabled(&b);
    g_assert_false(lapic_msr_read(b.apic[2], 0x802, &value));
    lapic_set_base(b.apic[2], 0xfee00c00);
    g_assert_cmphex(rd(&b, 2, VERSION), ==, 0); /* the page is gone */
    g_assert_true(lapic_msr_read(b.apic[2], 0x802, &value) && value == 2);
    g_assert_true(lapic_msr_read(b.apic[2], 0x80d, &value) && value == 4);
    g_assert_false(lapic_msr_read(b.apic[2], 0x80e, &value));
    g_assert_false(lapic_msr_read(b.apic[2], 0x80b, &value));
    g_assert_false(lapic_msr_write(b.apic[2], 0x802, 1));
    g_assert_false(lapic_msr_write(b.apic[2], 0x80b, 1));
    g_assert_false(lapic_msr_write(b.apic[2], 0x808, 0x100));
    g_assert_true(lapic_msr_write(b.apic[2], 0x808, 0x10));
    g_assert_true(lapic_msr_write(b.apic[2], 0x83f, 0x44)); /* to itself */
    g_assert_cmpint(lapic_acknowledge(b.apic[2]), ==, 0x44);
    g_assert_true(lapic_msr_write(b.apic[2], 0x80b, 0));
    g_assert_true(lapic_msr_write(b.apic[2], 0x830, 1ull << 32 | 0x45)); /* to CPU 1, by id */
    g_assert_cmpint(lapic_acknowledge(b.apic[1]), ==, 0x45);
    wr(&b, 0, ICR_HIGH, 2u << 24);
    wr(&b, 0, ICR, 0x4046);
    g_assert_cmpint(lapic_acknowledge(b.apic[2]), ==, 0x46);
    bench_finish(&b);
}

static void test_msi(void)
{
    struct bench b;
    bench_init_enabled(&b);
    apic_bus_msi(&b.bus, 0xfee01000, 0x4051);
    g_assert_cmpint(lapic_acknowledge(b.apic[1]), ==, 0x51);
    apic_bus_msi(&b.bus, 0xfeeff000, 0x52); /* to all */
    g_assert_true(b.intr[0].level && b.intr[2].level);
    apic_bus_msi(&b.bus, 0xfed01000, 0x53); /* no MSI address */
    g_assert_cmphex(rd(&b, 1, IRR + 0x20), ==, 1u << 0x12);
    bench_finish(&b);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/lapic/registers", test_registers);
    g_test_add_func("/lapic/priorities", test_priorities);
    g_test_add_func("/lapic/virtual-wire", test_virtual_wire);
    g_test_add_func("/lapic/lint", test_lint);
    g_test_add_func("/lapic/ipis", test_ipis);
    g_test_add_func("/lapic/logical", test_logical);
    g_test_add_func("/lapic/timer", test_timer);
    g_test_add_func("/lapic/deadline", test_deadline);
    g_test_add_func("/lapic/x2apic", test_x2apic);
    g_test_add_func("/lapic/msi", test_msi);
    return g_test_run();
}
