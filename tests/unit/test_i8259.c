/*
 * 8259A: initialisation, priorities, rotation, end of interrupt, special modes, poll, cascade,
 * spurious interrupts, edge and level inputs (datasheet order number 231468).
 */
#include "tests/support/test.h"

#include "hw/intc/i8259.h"

enum { EOI = 0x20, SPECIFIC_EOI = 0x60, READ_IRR = 0x0a, READ_ISR = 0x0b, POLL = 0x0c };

struct pair {
    struct machine *machine;
    struct device *master, *slave;
    struct test_probe intr;
};

static void out(struct device *pic, unsigned reg, uint8_t value)
{
    test_region_write(i8259_io(pic), reg, value, 1);
}

static uint8_t in(struct device *pic, unsigned reg)
{
    return (uint8_t)test_region_read(i8259_io(pic), reg, 1);
}

static void init(struct device *pic, uint8_t base, uint8_t icw3, uint8_t icw4)
{
    out(pic, 0, 0x11);
    out(pic, 1, base);
    out(pic, 1, icw3);
    out(pic, 1, icw4);
    out(pic, 1, 0);
}

static struct pair pair_create(uint8_t master_icw4, uint8_t slave_icw4)
{
    static const char *const master[] = {"elcr-mask", "0xf8", NULL};
    static const char *const slave[] = {"elcr-mask", "0xde", NULL};
    struct pair p = {.machine = test_machine_create()};
    p.master = test_device_create(p.machine, &i8259_class, "pic0", master);
    p.slave = test_device_create(p.machine, &i8259_class, "pic1", slave);
    i8259_connect_int(p.slave, i8259_irq(p.master, 2));
    i8259_connect_slave(p.master, 2, p.slave);
    init(p.master, 0x08, 0x04, master_icw4);
    init(p.slave, 0x70, 0x02, slave_icw4);
    return p;
}

/* Must not be moved after this: the line is inside. */
static void pair_probe(struct pair *p)
{
    test_probe_init(&p->intr, "intr");
    i8259_connect_int(p->master, &p->intr.line);
    device_drive(p->master);
}

static void pull_high(struct device *pic, unsigned n)
{
    irq_set(i8259_irq(pic, n), true);
}

static void pull_low(struct device *pic, unsigned n)
{
    irq_set(i8259_irq(pic, n), false);
}

static uint8_t isr(struct device *pic)
{
    out(pic, 0, READ_ISR);
    return in(pic, 0);
}

static uint8_t irr(struct device *pic)
{
    out(pic, 0, READ_IRR);
    return in(pic, 0);
}

static void test_priority(void)
{
    struct pair p = pair_create(1, 1);
    pair_probe(&p);
    pull_high(p.master, 5);
    pull_high(p.master, 3);
    g_assert_true(p.intr.level);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0b);
    g_assert_cmphex(isr(p.master), ==, 0x08);
    g_assert_cmphex(irr(p.master), ==, 0x20);
    /* 5 waits for 3, 1 interrupts it. */
    g_assert_false(p.intr.level);
    pull_high(p.master, 1);
    g_assert_true(p.intr.level);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x09);
    g_assert_cmphex(isr(p.master), ==, 0x0a);
    out(p.master, 0, EOI);
    g_assert_cmphex(isr(p.master), ==, 0x08);
    g_assert_false(p.intr.level);
    out(p.master, 0, EOI);
    g_assert_true(p.intr.level);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0d);
    out(p.master, 0, SPECIFIC_EOI | 5);
    g_assert_cmphex(isr(p.master), ==, 0);
    test_machine_destroy(p.machine);
}

static void test_mask(void)
{
    struct pair p = pair_create(1, 1);
    pair_probe(&p);
    out(p.master, 1, 0x10);
    g_assert_cmphex(in(p.master, 1), ==, 0x10);
    pull_high(p.master, 4);
    g_assert_false(p.intr.level);
    out(p.master, 1, 0);
    g_assert_true(p.intr.level);
    test_machine_destroy(p.machine);
}

static void test_edge_and_level(void)
{
    struct pair p = pair_create(1, 1);
    pair_probe(&p);
    /* Edge: held high, one request only. */
    pull_high(p.master, 4);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0c);
    out(p.master, 0, EOI);
    g_assert_false(p.intr.level);
    pull_low(p.master, 4);
    pull_high(p.master, 4);
    g_assert_true(p.intr.level);
    /* A request that goes away is forgotten. */
    pull_low(p.master, 4);
    g_assert_false(p.intr.level);
    /* ELCR: only the bits of the mask. Level: asks again until it goes low. */
    test_region_write(i8259_elcr(p.master), 0, 0xff, 1);
    g_assert_cmphex(test_region_read(i8259_elcr(p.master), 0, 1), ==, 0xf8);
    pull_high(p.master, 4);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0c);
    g_assert_false(p.intr.level);
    out(p.master, 0, EOI);
    g_assert_true(p.intr.level);
    pull_low(p.master, 4);
    g_assert_false(p.intr.level);
    test_machine_destroy(p.machine);
}

static void test_initialisation_clears(void)
{
    struct pair p = pair_create(1, 1);
    pair_probe(&p);
    out(p.master, 1, 0xff);
    pull_high(p.master, 6);
    g_assert_cmphex(irr(p.master), ==, 0x40);
    init(p.master, 0x20, 0x04, 1);
    /* IMR is clear, and the line that is still high must rise anew. */
    g_assert_cmphex(in(p.master, 1), ==, 0);
    g_assert_cmphex(irr(p.master), ==, 0);
    g_assert_false(p.intr.level);
    pull_low(p.master, 6);
    pull_high(p.master, 6);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x26);
    test_machine_destroy(p.machine);
}

static void test_spurious(void)
{
    struct pair p = pair_create(1, 1);
    pair_probe(&p);
    pull_high(p.master, 3);
    pull_low(p.master, 3);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0f);
    g_assert_cmphex(isr(p.master), ==, 0);
    /* The slave asked and gave up between the two INTA pulses: vector of IR15, master's ISR bit 2
     * is set. */
    test_region_write(i8259_elcr(p.slave), 0, 0x02, 1);
    pull_high(p.slave, 5);
    pull_high(p.master, 2);
    i8259_connect_int(p.slave, NULL);
    pull_low(p.slave, 5);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x77);
    g_assert_cmphex(isr(p.slave), ==, 0);
    g_assert_cmphex(isr(p.master), ==, 0x04);
    test_machine_destroy(p.machine);
}

static void test_cascade(void)
{
    struct pair p = pair_create(1, 1);
    pair_probe(&p);
    pull_high(p.slave, 4);
    g_assert_true(p.intr.level);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x74);
    g_assert_cmphex(isr(p.slave), ==, 0x10);
    g_assert_cmphex(isr(p.master), ==, 0x04);
    /* A higher one on the slave has to wait for the master's EOI in normal nesting. */
    pull_high(p.slave, 0);
    g_assert_false(p.intr.level);
    out(p.slave, 0, EOI);
    out(p.master, 0, EOI);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x70);
    /* Wrong identity: nobody answers. */
    out(p.slave, 0, EOI);
    out(p.master, 0, EOI);
    init(p.slave, 0x70, 0x05, 1);
    pull_low(p.slave, 4);
    pull_high(p.slave, 4);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0xff);
    test_machine_destroy(p.machine);
}

static void test_fully_nested(void)
{
    struct pair p = pair_create(0x11, 1);
    pair_probe(&p);
    pull_high(p.slave, 4);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x74);
    g_assert_false(p.intr.level);
    pull_high(p.slave, 0);
    g_assert_true(p.intr.level);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x70);
    /* A lower one of the master stays out. */
    pull_high(p.master, 3);
    g_assert_false(p.intr.level);
    test_machine_destroy(p.machine);
}

static void test_rotation(void)
{
    struct pair p = pair_create(1, 1);
    pair_probe(&p);
    /* Rotate on non-specific EOI: the one served becomes the lowest. */
    pull_high(p.master, 4);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0c);
    out(p.master, 0, 0xa0);
    pull_high(p.master, 3);
    pull_high(p.master, 6);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0e);
    out(p.master, 0, EOI);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0b);
    /* Rotate on specific EOI. */
    out(p.master, 0, 0xe0 | 3);
    pull_low(p.master, 4);
    pull_high(p.master, 4);
    pull_low(p.master, 3);
    pull_high(p.master, 3);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0c);
    /* Set priority: bottom is IR5, so IR6 is top. */
    out(p.master, 0, EOI);
    i8259_acknowledge(p.master);
    out(p.master, 0, EOI);
    out(p.master, 0, 0xc0 | 5);
    pull_low(p.master, 6);
    pull_high(p.master, 6);
    pull_high(p.master, 0);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0e);
    test_machine_destroy(p.machine);
}

static void test_automatic_eoi(void)
{
    struct pair p = pair_create(3, 1);
    pair_probe(&p);
    pull_high(p.master, 4);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0c);
    g_assert_cmphex(isr(p.master), ==, 0);
    out(p.master, 0, 0x80); /* rotate in automatic EOI mode */
    pull_low(p.master, 4);
    pull_high(p.master, 4);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0c);
    pull_low(p.master, 4);
    pull_high(p.master, 4);
    pull_high(p.master, 7);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0f);
    test_machine_destroy(p.machine);
}

/* A slave in automatic EOI mode with two requests: the second makes an edge of its own for the master. */
static void test_automatic_eoi_slave(void)
{
    struct pair p = pair_create(3, 3);
    pair_probe(&p);
    pull_high(p.slave, 1);
    pull_high(p.slave, 6);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x71);
    g_assert_true(p.intr.level);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x76);
    g_assert_false(p.intr.level);
    test_machine_destroy(p.machine);
}

static void test_special_mask(void)
{
    struct pair p = pair_create(1, 1);
    pair_probe(&p);
    pull_high(p.master, 3);
    i8259_acknowledge(p.master);
    pull_high(p.master, 5);
    g_assert_false(p.intr.level);
    out(p.master, 1, 0x08);
    g_assert_false(p.intr.level);
    out(p.master, 0, 0x68); /* special mask mode on */
    g_assert_true(p.intr.level);
    g_assert_cmpint(i8259_acknowledge(p.master), ==, 0x0d);
    /* A non-specific EOI leaves the masked bit alone. */
    out(p.master, 0, EOI);
    g_assert_cmphex(isr(p.master), ==, 0x08);
    out(p.master, 0, EOI);
    g_assert_cmphex(isr(p.master), ==, 0x08);
    out(p.master, 0, 0x48);
    out(p.master, 0, EOI);
    g_assert_cmphex(isr(p.master), ==, 0);
    test_machine_destroy(p.machine);
}

static void test_poll(void)
{
    struct pair p = pair_create(1, 1);
    pair_probe(&p);
    out(p.master, 0, POLL);
    g_assert_cmphex(in(p.master, 0) & 0x80, ==, 0);
    pull_high(p.master, 6);
    out(p.master, 0, POLL);
    g_assert_cmphex(in(p.master, 0), ==, 0x86);
    g_assert_cmphex(isr(p.master), ==, 0x40);
    g_assert_false(p.intr.level);
    test_machine_destroy(p.machine);
}

static void test_level_mode_without_elcr(void)
{
    struct machine *machine = test_machine_create();
    struct device *pic = test_device_create(machine, &i8259_class, "pic", NULL);
    out(pic, 0, 0x1b); /* level, single, ICW4 */
    out(pic, 1, 0x40);
    out(pic, 1, 0x01);
    pull_high(pic, 2);
    g_assert_cmpint(i8259_acknowledge(pic), ==, 0x42);
    g_assert_cmphex(irr(pic), ==, 0x04);
    test_machine_destroy(machine);
}

static void test_format(void)
{
    struct pair p = pair_create(1, 1);
    GString *text = g_string_new(NULL);
    out(p.master, 1, 0xb8);
    pull_high(p.master, 4);
    i8259_format(p.master, 0, text);
    g_assert_cmpstr(text->str, ==,
                    "pic0: irr=10 imr=b8 isr=00 hprio=0 irq_base=08 rr_sel=0 elcr=00 fnm=0\n");
    g_string_free(text, TRUE);
    test_machine_destroy(p.machine);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/i8259/priority", test_priority);
    g_test_add_func("/i8259/mask", test_mask);
    g_test_add_func("/i8259/edge-and-level", test_edge_and_level);
    g_test_add_func("/i8259/initialisation", test_initialisation_clears);
    g_test_add_func("/i8259/spurious", test_spurious);
    g_test_add_func("/i8259/cascade", test_cascade);
    g_test_add_func("/i8259/fully-nested", test_fully_nested);
    g_test_add_func("/i8259/rotation", test_rotation);
    g_test_add_func("/i8259/automatic-eoi", test_automatic_eoi);
    g_test_add_func("/i8259/automatic-eoi-slave", test_automatic_eoi_slave);
    g_test_add_func("/i8259/special-mask", test_special_mask);
    g_test_add_func("/i8259/poll", test_poll);
    g_test_add_func("/i8259/level-mode", test_level_mode_without_elcr);
    g_test_add_func("/i8259/format", test_format);
    return g_test_run();
}
