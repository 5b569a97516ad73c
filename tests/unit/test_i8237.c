/*
 * 8237A: registers and flip-flop, transfers in both directions, terminal count,
 * auto-initialisation, address decrement and wrap, page registers, word channels, cascade.
 */
#include "tests/support/test.h"

#include <string.h>

#include "core/dma.h"
#include "hw/dma/i8237.h"

struct pair {
    struct machine *machine;
    struct device *slave, *master; /* channels 0-3 and 4-7 */
    struct test_probe dack2, dack5;
};

static struct pair *pair_create(void)
{
    static const char *const words[] = {"shift", "1", NULL};
    struct pair *p = g_new0(struct pair, 1);
    p->machine = test_machine_create();
    test_machine_add_ram(p->machine, 1 << 20);
    p->slave = test_device_create(p->machine, &i8237_class, "dma0", NULL);
    p->master = test_device_create(p->machine, &i8237_class, "dma1", words);
    i8237_connect_hrq(p->slave, i8237_dreq(p->master, 0));
    i8237_connect_dack(p->master, 0, i8237_hlda(p->slave));
    test_probe_init(&p->dack2, "dack2");
    i8237_connect_dack(p->slave, 2, &p->dack2.line);
    test_probe_init(&p->dack5, "dack5");
    i8237_connect_dack(p->master, 1, &p->dack5.line);
    /* As the BIOS leaves it: channel 4 in cascade mode, not masked. */
    test_region_write(i8237_io(p->master), 0x0b << 1, 0xc0, 1);
    test_region_write(i8237_io(p->master), 0x0a << 1, 0x00, 1);
    return p;
}

static void pair_destroy(struct pair *p)
{
    test_machine_destroy(p->machine);
    g_free(p);
}

static void out(struct device *dma, unsigned reg, uint8_t value)
{
    unsigned shift = i8237_io(dma)->size == 32;
    test_region_write(i8237_io(dma), reg << shift, value, 1);
}

static uint8_t in(struct device *dma, unsigned reg)
{
    unsigned shift = i8237_io(dma)->size == 32;
    return (uint8_t)test_region_read(i8237_io(dma), reg << shift, 1);
}

static void out16(struct device *dma, unsigned reg, uint16_t value)
{
    out(dma, 0x0c, 0);
    out(dma, reg, (uint8_t)value);
    out(dma, reg, (uint8_t)(value >> 8));
}

static uint16_t in16(struct device *dma, unsigned reg)
{
    out(dma, 0x0c, 0);
    uint8_t low = in(dma, reg);
    return (uint16_t)(in(dma, reg) << 8 | low);
}

/* Channel 2 at physical address page:address, ready to go. */
static void program2(struct pair *p, uint8_t mode, uint8_t page, uint16_t address, uint16_t count)
{
    out(p->slave, 0x0a, 0x06);
    out(p->slave, 0x0b, mode | 2);
    out16(p->slave, 4, address);
    out16(p->slave, 5, count);
    test_region_write(i8237_pages(p->slave), 1, page, 1);
    out(p->slave, 0x0a, 0x02);
    irq_set(i8237_dreq(p->slave, 2), true);
}

static void assert_memory(struct pair *p, uint64_t address, const char *expected)
{
    char data[16] = "";
    dma_read(p->machine->memory, address, data, strlen(expected));
    g_assert_cmpstr(data, ==, expected);
}

static void test_registers(void)
{
    struct pair *p = pair_create();
    out16(p->slave, 0, 0x1234);
    out16(p->slave, 1, 0x5678);
    g_assert_cmphex(in16(p->slave, 0), ==, 0x1234);
    g_assert_cmphex(in16(p->slave, 1), ==, 0x5678);
    out(p->slave, 0x0f, 0x05);
    g_assert_cmphex(in(p->slave, 0x0f), ==, 0xf5);
    out(p->slave, 0x0a, 0x05); /* set bit 1 */
    out(p->slave, 0x0a, 0x00); /* clear bit 0 */
    g_assert_cmphex(in(p->slave, 0x0f), ==, 0xf6);
    out(p->slave, 0x0e, 0);
    g_assert_cmphex(in(p->slave, 0x0f), ==, 0xf0);
    out(p->slave, 0x0d, 0); /* master clear */
    g_assert_cmphex(in(p->slave, 0x0f), ==, 0xff);
    test_region_write(i8237_pages(p->slave), 0, 0xab, 1); /* 80h: plain storage */
    g_assert_cmphex(test_region_read(i8237_pages(p->slave), 0, 1), ==, 0xab);
    pair_destroy(p);
}

static void test_to_memory(void)
{
    struct pair *p = pair_create();
    bool tc;
    program2(p, 0x44, 0x03, 0x1000, 7); /* single, write, 8 bytes */
    g_assert_true(p->dack2.level);
    g_assert_cmpint(i8237_direction(p->slave, 2), ==, I8237_TO_MEMORY);
    g_assert_cmpuint(i8237_to_memory(p->slave, 2, (const uint8_t *)"abc", 3, &tc), ==, 3);
    g_assert_false(tc);
    g_assert_cmphex(in16(p->slave, 4), ==, 0x1003);
    g_assert_cmphex(in16(p->slave, 5), ==, 4);
    g_assert_cmpuint(i8237_to_memory(p->slave, 2, (const uint8_t *)"defghijk", 8, &tc), ==, 5);
    g_assert_true(tc);
    assert_memory(p, 0x31000, "abcdefgh");
    /* Masked at the end; status shows TC once. */
    g_assert_false(p->dack2.level);
    g_assert_cmphex(in(p->slave, 0x0f) & 4, ==, 4);
    g_assert_cmphex(in(p->slave, 8), ==, 0x44);
    g_assert_cmphex(in(p->slave, 8), ==, 0x40);
    g_assert_cmphex(in16(p->slave, 5), ==, 0xffff);
    g_assert_cmpuint(i8237_to_memory(p->slave, 2, (const uint8_t *)"x", 1, &tc), ==, 0);
    pair_destroy(p);
}

static void test_from_memory(void)
{
    struct pair *p = pair_create();
    uint8_t data[9] = "";
    bool tc;
    dma_write(p->machine->memory, 0x20100, "12345678", 8);
    program2(p, 0x48, 0x02, 0x0100, 7);
    g_assert_cmpint(i8237_direction(p->slave, 2), ==, I8237_FROM_MEMORY);
    g_assert_cmpuint(i8237_from_memory(p->slave, 2, data, 8, &tc), ==, 8);
    g_assert_true(tc);
    g_assert_cmpstr((char *)data, ==, "12345678");
    pair_destroy(p);
}

static void test_verify(void)
{
    struct pair *p = pair_create();
    bool tc;
    dma_write(p->machine->memory, 0x10000, "keep", 4);
    program2(p, 0x40, 0x01, 0x0000, 3);
    g_assert_cmpint(i8237_direction(p->slave, 2), ==, I8237_VERIFY);
    g_assert_cmpuint(i8237_to_memory(p->slave, 2, (const uint8_t *)"lose", 4, &tc), ==, 4);
    g_assert_true(tc);
    assert_memory(p, 0x10000, "keep");
    pair_destroy(p);
}

static void test_auto_init(void)
{
    struct pair *p = pair_create();
    bool tc;
    program2(p, 0x54, 0x01, 0x0200, 3);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(i8237_to_memory(p->slave, 2, (const uint8_t *)"wxyz", 4, &tc), ==, 4);
        g_assert_true(tc);
        g_assert_true(p->dack2.level);
        g_assert_cmphex(in16(p->slave, 4), ==, 0x0200);
        g_assert_cmphex(in16(p->slave, 5), ==, 3);
    }
    pair_destroy(p);
}

static void test_down_and_wrap(void)
{
    struct pair *p = pair_create();
    program2(p, 0x64, 0x01, 0x0303, 3);
    i8237_to_memory(p->slave, 2, (const uint8_t *)"dcba", 4, NULL);
    assert_memory(p, 0x10300, "abcd");
    /* The address wraps within its 64 K, the page stays. */
    program2(p, 0x44, 0x01, 0xfffe, 3);
    i8237_to_memory(p->slave, 2, (const uint8_t *)"1234", 4, NULL);
    assert_memory(p, 0x1fffe, "12");
    assert_memory(p, 0x10000, "34");
    pair_destroy(p);
}

static void test_words(void)
{
    struct pair *p = pair_create();
    bool tc;
    out(p->master, 0x0b, 0x45);
    out16(p->master, 2, 0x0800); /* word address: 1000h */
    out16(p->master, 3, 1);
    test_region_write(i8237_pages(p->master), 3, 0x05, 1); /* 8Bh; bit 0 is not used */
    out(p->master, 0x0a, 0x01);
    irq_set(i8237_dreq(p->master, 1), true);
    g_assert_true(p->dack5.level);
    g_assert_cmpuint(i8237_to_memory(p->master, 1, (const uint8_t *)"abc", 3, &tc), ==, 2);
    g_assert_false(tc);
    g_assert_cmpuint(i8237_to_memory(p->master, 1, (const uint8_t *)"cd", 2, &tc), ==, 2);
    g_assert_true(tc);
    assert_memory(p, 0x41000, "abcd");
    pair_destroy(p);
}

static void test_cascade(void)
{
    struct pair *p = pair_create();
    out(p->master, 0x0a, 0x04); /* channel 4 masked: the slave gets no bus */
    program2(p, 0x44, 0x01, 0x0000, 3);
    g_assert_false(p->dack2.level);
    g_assert_false(i8237_granted(p->slave, 2));
    g_assert_cmpuint(i8237_to_memory(p->slave, 2, (const uint8_t *)"a", 1, NULL), ==, 0);
    out(p->master, 0x0a, 0x00);
    g_assert_true(p->dack2.level);
    /* The controller off, a request withdrawn. */
    out(p->slave, 8, 0x04);
    g_assert_false(p->dack2.level);
    out(p->slave, 8, 0x00);
    g_assert_true(p->dack2.level);
    irq_set(i8237_dreq(p->slave, 2), false);
    g_assert_false(p->dack2.level);
    /* A software request does as well. */
    out(p->slave, 9, 0x06);
    g_assert_true(i8237_granted(p->slave, 2));
    pair_destroy(p);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/i8237/registers", test_registers);
    g_test_add_func("/i8237/to-memory", test_to_memory);
    g_test_add_func("/i8237/from-memory", test_from_memory);
    g_test_add_func("/i8237/verify", test_verify);
    g_test_add_func("/i8237/auto-init", test_auto_init);
    g_test_add_func("/i8237/down-and-wrap", test_down_and_wrap);
    g_test_add_func("/i8237/words", test_words);
    g_test_add_func("/i8237/cascade", test_cascade);
    return g_test_run();
}
