/*
 * Floppy controller (hw/floppy), through its ports: every command, by DMA and through the FIFO.
 */
#include "tests/support/test.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "block/block.h"
#include "block/fault.h"
#include "core/event.h"
#include "core/state.h"
#include "hw/dma/i8237.h"
#include "hw/floppy/i82078_impl.h"

enum { DOR = 0x3f2, TDR = 0x3f3, MSR = 0x3f4, FIFO = 0x3f5, DIR_CCR = 0x3f7, BUFFER = 0x20000 };
enum { SECTOR = 512, K = 1024 };

struct bench {
    struct machine *machine;
    struct device *fdc, *dma;
    struct test_probe irq;
    struct block *blocks[4];
    char *paths[4];
    unsigned count;
    uint8_t result[16];
};

/* Every word of the disk holds its own number. */
static struct block *image(struct bench *b, uint64_t bytes, bool read_only, struct block_fault *fault)
{
    struct block_options options = {
        .format = "raw", .cache = BLOCK_CACHE_UNSAFE, .fault = fault, .read_only = read_only};
    uint32_t *words = g_malloc(bytes + 4);
    GError *error = NULL;
    int fd = g_file_open_tmp("vmm-fd-XXXXXX", &b->paths[b->count], &error);

    g_assert_no_error(error);
    g_close(fd, NULL);
    for (uint64_t i = 0; i < bytes / 4; i++) {
        words[i] = (uint32_t)i;
    }
    g_assert_true(g_file_set_contents(b->paths[b->count], (char *)words, (gssize)bytes, &error));
    g_free(words);
    b->blocks[b->count] = block_open(b->paths[b->count], &options, b->machine->events, &error);
    g_assert_no_error(error);
    return b->blocks[b->count++];
}

static void setup(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    b->machine = test_machine_create();
    test_machine_add_ram(b->machine, 1 << 20);
    b->dma = test_device_create(b->machine, &i8237_class, "dma", NULL);
    b->fdc = test_device_create(b->machine, &i82078_class, "fdc", NULL);
    bus_map(b->machine->io, i82078_io(b->fdc), 0x3f0, 0);
    bus_map(b->machine->io, i82078_dir(b->fdc), 0x3f7, 0);
    bus_map(b->machine->io, i8237_io(b->dma), 0, 0);
    bus_map(b->machine->io, i8237_pages(b->dma), 0x80, 0);
    test_probe_init(&b->irq, "irq6");
    i82078_connect_irq(b->fdc, &b->irq.line);
    i82078_connect_dma(b->fdc, b->dma, 2);
}

static void attach(struct bench *b, unsigned unit, struct block *block, const struct floppy_options *options)
{
    GError *error = NULL;

    i82078_attach(b->fdc, unit, block, options, &error);
    g_assert_no_error(error);
}

static void finish(struct bench *b)
{
    for (unsigned i = 0; i < b->count; i++) {
        block_close(b->blocks[i]);
        g_unlink(b->paths[i]);
        g_free(b->paths[i]);
    }
    test_machine_destroy(b->machine);
}

static uint8_t in(struct bench *b, unsigned port)
{
    return (uint8_t)bus_read(b->machine->io, port, 1);
}

static void out(struct bench *b, unsigned port, unsigned value)
{
    bus_write(b->machine->io, port, value, 1);
}

/* A command byte by byte, and no further. */
static void put(struct bench *b, const uint8_t *bytes, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        g_assert_cmphex(in(b, MSR) & 0xc0, ==, 0x80);
        out(b, FIFO, bytes[i]);
    }
}

#define PUT(b, ...) put(b, (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

static void await_interrupt(struct bench *b)
{
    for (unsigned i = 0; i < 20000 && !b->irq.level; i++) {
        if (event_run(b->machine->events) == 0) {
            g_usleep(50);
        }
    }
    g_assert_true(b->irq.level);
}

/* Fetches the result: exactly `count` bytes. */
static void get(struct bench *b, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        g_assert_cmphex(in(b, MSR) & 0xd0, ==, 0xd0);
        b->result[i] = in(b, FIFO);
    }
    g_assert_cmphex(in(b, MSR) & 0xf0, ==, 0x80);
}

static void assert_result(struct bench *b, unsigned st0, unsigned st1, unsigned st2, unsigned c, unsigned h,
                          unsigned r)
{
    const uint8_t wanted[7] = {(uint8_t)st0, (uint8_t)st1, (uint8_t)st2, (uint8_t)c, (uint8_t)h, (uint8_t)r, 2};

    await_interrupt(b);
    get(b, 7);
    g_assert_false(b->irq.level);
    g_assert_cmpmem(b->result, 7, wanted, 7);
}

/* Channel 2: `bytes` at BUFFER; mode 46h to memory, 4Ah from memory, 42h verify. */
static void dma(struct bench *b, unsigned mode, unsigned bytes)
{
    out(b, 0x0a, 6);
    out(b, 0x0c, 0);
    out(b, 0x04, BUFFER & 0xff);
    out(b, 0x04, BUFFER >> 8 & 0xff);
    out(b, 0x81, BUFFER >> 16);
    out(b, 0x05, (bytes - 1) & 0xff);
    out(b, 0x05, (bytes - 1) >> 8);
    out(b, 0x0b, mode);
    out(b, 0x0a, 2);
}

static void assert_memory(struct bench *b, uint32_t first_lba, unsigned sectors)
{
    for (unsigned i = 0; i < sectors * SECTOR / 4; i++) {
        g_assert_cmphex(bus_read(b->machine->memory, BUFFER + i * 4, 4), ==, first_lba * (SECTOR / 4) + i);
    }
}

static void fill_memory(struct bench *b, unsigned bytes, uint8_t first)
{
    for (unsigned i = 0; i < bytes; i++) {
        bus_write(b->machine->memory, BUFFER + i, (uint8_t)(first + i), 1);
    }
}

/* Out of reset with DMA, motors on, drive 0 selected, data rate set, recalibrated. */
static void start(struct bench *b, unsigned rate, bool use_dma)
{
    out(b, DOR, 0x3c);
    await_interrupt(b);
    for (unsigned i = 0; i < 4; i++) {
        PUT(b, 0x08);
        get(b, 2);
        g_assert_cmphex(b->result[0], ==, 0xc0 | i);
    }
    PUT(b, 0x03, 0xdf, use_dma ? 0x02 : 0x03);
    out(b, DIR_CCR, rate);
    PUT(b, 0x07, 0);
    await_interrupt(b);
    PUT(b, 0x08);
    get(b, 2);
    g_assert_cmphex(b->result[0], ==, 0x20);
}

static void seek(struct bench *b, unsigned unit, unsigned cylinder)
{
    PUT(b, 0x0f, (uint8_t)unit, (uint8_t)cylinder);
    test_advance(b->machine, NS_PER_SECOND);
    await_interrupt(b);
    PUT(b, 0x08);
    get(b, 2);
    g_assert_cmphex(b->result[0], ==, 0x20 | unit);
    g_assert_cmphex(b->result[1], ==, cylinder);
}

static void test_reset(void)
{
    struct bench b;

    setup(&b);
    attach(&b, 0, image(&b, 1440 * K, false, NULL), NULL);
    g_assert_cmphex(in(&b, MSR), ==, 0); /* held in reset */
    out(&b, DOR, 0x04);
    g_assert_cmphex(in(&b, MSR), ==, 0x80);
    g_assert_false(b.irq.level); /* DMAGATE is closed */
    out(&b, DOR, 0x0c);
    g_assert_true(b.irq.level);
    PUT(&b, 0x08);
    g_assert_false(b.irq.level);
    get(&b, 2);
    g_assert_cmphex(b.result[0], ==, 0xc0);
    /* By DSR; three of the four were not fetched before, and are new again. */
    out(&b, MSR, 0x80);
    for (unsigned i = 0; i < 4; i++) {
        PUT(&b, 0x08);
        get(&b, 2);
        g_assert_cmphex(b.result[0], ==, 0xc0 | i);
    }
    PUT(&b, 0x08); /* no more: invalid */
    get(&b, 1);
    g_assert_cmphex(b.result[0], ==, 0x80);
    /* Without polling there is no interrupt. */
    PUT(&b, 0x94);
    get(&b, 1);
    g_assert_cmphex(b.result[0], ==, 0x10);
    PUT(&b, 0x13, 0, 0x5a, 7);
    out(&b, DOR, 0x08);
    out(&b, DOR, 0x0c);
    g_assert_false(b.irq.level);
    PUT(&b, 0x0e);
    get(&b, 10);
    g_assert_cmphex(b.result[8], ==, 0x5a); /* kept by LOCK */
    g_assert_cmphex(b.result[9], ==, 7);
    PUT(&b, 0x14);
    get(&b, 1);
    g_assert_cmphex(b.result[0], ==, 0);
    out(&b, MSR, 0x80);
    PUT(&b, 0x0e);
    get(&b, 10);
    g_assert_cmphex(b.result[8], ==, 0x20);
    g_assert_cmphex(b.result[9], ==, 0);
    finish(&b);
}

static void test_small_commands(void)
{
    struct bench b;

    setup(&b);
    attach(&b, 0, image(&b, 1440 * K, false, NULL), NULL);
    attach(&b, 1, image(&b, 720 * K, true, NULL), NULL);
    start(&b, 0, true);
    PUT(&b, 0x10);
    get(&b, 1);
    g_assert_cmphex(b.result[0], ==, 0x90);
    PUT(&b, 0x18);
    get(&b, 1);
    g_assert_cmphex(b.result[0] >> 5, ==, 1);
    PUT(&b, 0x04, 0x04);
    get(&b, 1);
    g_assert_cmphex(b.result[0], ==, 0x3c); /* track 0, head 1 */
    PUT(&b, 0x04, 0x01);
    get(&b, 1);
    g_assert_cmphex(b.result[0], ==, 0x79); /* protected */
    PUT(&b, 0x04, 0x02);
    get(&b, 1);
    g_assert_cmphex(b.result[0], ==, 0x2a); /* no such drive */
    PUT(&b, 0x12, 0x83 | 0x04 << 2);
    PUT(&b, 0x12, 0x3e); /* without OW only GAP and WGATE change */
    PUT(&b, 0x0e);
    get(&b, 10);
    g_assert_cmphex(b.result[4], ==, 0xdf);
    g_assert_cmphex(b.result[5], ==, 0x02);
    g_assert_cmphex(b.result[7], ==, 0x12);
    /* DRIVE SPECIFICATION with a result and without. */
    PUT(&b, 0x8e, 0x25, 0x46, 0x80);
    get(&b, 4);
    g_assert_cmphex(b.result[1], ==, 0x05);
    g_assert_cmphex(b.result[2], ==, 0x06);
    PUT(&b, 0x8e, 0xc0);
    g_assert_cmphex(in(&b, MSR), ==, 0x80);
    PUT(&b, 0x33, 0x01);
    PUT(&b, 0x17, 0x03);
    get(&b, 1);
    g_assert_cmphex(b.result[0], ==, 0x03);
    /* SAVE, change, RESTORE. */
    seek(&b, 0, 33);
    PUT(&b, 0x2e);
    get(&b, 16);
    uint8_t saved[17] = {0x4e};
    memcpy(saved + 1, b.result, 16);
    g_assert_cmphex(saved[3], ==, 33);
    PUT(&b, 0x03, 0x11, 0x22);
    put(&b, saved, 17);
    PUT(&b, 0x0e);
    get(&b, 10);
    g_assert_cmphex(b.result[4], ==, 0xdf);
    for (unsigned code = 0; code < 256; code++) {
        if ((code & 0x1f) == 0x1f || code == 0x00 || code == 0x01 || code == 0x0b) {
            PUT(&b, (uint8_t)code);
            get(&b, 1);
            g_assert_cmphex(b.result[0], ==, 0x80);
        }
    }
    out(&b, TDR, 2);
    g_assert_cmphex(in(&b, TDR), ==, 0xfe);
    g_assert_cmphex(in(&b, 0x3f0), ==, 0xff);
    finish(&b);
}

static void test_seek(void)
{
    struct bench b;

    setup(&b);
    attach(&b, 0, image(&b, 1440 * K, false, NULL), NULL);
    attach(&b, 1, image(&b, 1440 * K, false, NULL), NULL);
    start(&b, 0, true);
    g_assert_cmphex(in(&b, DIR_CCR), ==, 0x80); /* no step yet */
    PUT(&b, 0x0f, 0, 40);
    PUT(&b, 0x0f, 1, 10); /* both at once */
    g_assert_cmphex(in(&b, MSR), ==, 0x83);
    g_assert_false(b.irq.level);
    test_advance(b.machine, 30000000 + 1); /* SRT is 3 ms */
    g_assert_true(b.irq.level);
    g_assert_cmphex(in(&b, MSR), ==, 0x81);
    PUT(&b, 0x08);
    get(&b, 2);
    g_assert_cmphex(b.result[0], ==, 0x21);
    g_assert_cmphex(b.result[1], ==, 10);
    g_assert_false(b.irq.level);
    test_advance(b.machine, 90000000);
    g_assert_true(b.irq.level);
    PUT(&b, 0x08);
    get(&b, 2);
    g_assert_cmphex(b.result[0], ==, 0x20);
    g_assert_cmphex(in(&b, DIR_CCR), ==, 0);
    /* Relative, both ways. */
    PUT(&b, 0xcf, 0, 5);
    test_advance(b.machine, NS_PER_SECOND);
    PUT(&b, 0x08);
    get(&b, 2);
    g_assert_cmphex(b.result[1], ==, 45);
    PUT(&b, 0x8f, 0, 15);
    test_advance(b.machine, NS_PER_SECOND);
    PUT(&b, 0x08);
    get(&b, 2);
    g_assert_cmphex(b.result[1], ==, 30);
    PUT(&b, 0x4a, 0);
    await_interrupt(&b);
    get(&b, 7);
    g_assert_cmphex(b.result[3], ==, 30);
    /* Recalibrate has 79 steps; from beyond it takes two. */
    seek(&b, 0, 82);
    PUT(&b, 0x07, 0);
    test_advance(b.machine, NS_PER_SECOND);
    PUT(&b, 0x08);
    get(&b, 2);
    g_assert_cmphex(b.result[0], ==, 0x70);
    PUT(&b, 0x07, 0);
    test_advance(b.machine, NS_PER_SECOND);
    PUT(&b, 0x08);
    get(&b, 2);
    g_assert_cmphex(b.result[0], ==, 0x20);
    /* A drive that is not there never finds track 0. */
    PUT(&b, 0x07, 3);
    test_advance(b.machine, NS_PER_SECOND);
    PUT(&b, 0x08);
    get(&b, 2);
    g_assert_cmphex(b.result[0], ==, 0x73);
    finish(&b);
}

static void test_read_dma(void)
{
    struct bench b;

    setup(&b);
    attach(&b, 0, image(&b, 1440 * K, false, NULL), NULL);
    start(&b, 0, true);
    dma(&b, 0x46, 3 * SECTOR);
    PUT(&b, 0x46, 0x00, 0, 0, 2, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0, 0, 0, 0, 0, 5);
    assert_memory(&b, 1, 3);
    /* A whole cylinder in one go, both heads. */
    seek(&b, 0, 7);
    dma(&b, 0x46, 36 * SECTOR);
    PUT(&b, 0xc6, 0x00, 7, 0, 1, 2, 18, 0x1b, 0xff);
    assert_result(&b, 4, 0, 0, 8, 0, 1);
    assert_memory(&b, 7 * 36, 36);
    /* The count ends inside a sector. */
    dma(&b, 0x46, 700);
    PUT(&b, 0x46, 0x04, 7, 1, 17, 2, 18, 0x1b, 0xff);
    assert_result(&b, 4, 0, 0, 8, 1, 1);
    assert_memory(&b, 7 * 36 + 18 + 16, 1);
    /* Without a terminal count: end of cylinder. */
    dma(&b, 0x46, 60000);
    PUT(&b, 0x46, 0x00, 7, 0, 17, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0x40, 0x80, 0, 8, 0, 1);
    /* The channel is unmasked late. */
    dma(&b, 0x46, SECTOR);
    out(&b, 0x0a, 6);
    PUT(&b, 0x46, 0x00, 7, 0, 1, 2, 18, 0x1b, 0xff);
    for (unsigned i = 0; i < 100; i++) {
        event_run(b.machine->events);
        g_usleep(100);
    }
    g_assert_false(b.irq.level);
    g_assert_cmphex(in(&b, MSR), ==, 0x10);
    out(&b, 0x0a, 2);
    assert_result(&b, 0, 0, 0, 7, 0, 2);
    finish(&b);
}

static void test_errors(void)
{
    struct bench b;

    setup(&b);
    attach(&b, 0, image(&b, 1440 * K, false, NULL), NULL);
    attach(&b, 1, image(&b, 720 * K, true, NULL), NULL);
    start(&b, 0, true);
    dma(&b, 0x46, SECTOR);
    PUT(&b, 0x46, 0x00, 0, 0, 19, 2, 19, 0x1b, 0xff); /* no such sector */
    assert_result(&b, 0x40, 0x04, 0, 0, 0, 19);
    PUT(&b, 0x46, 0x00, 3, 0, 1, 2, 18, 0x1b, 0xff); /* the head is elsewhere */
    assert_result(&b, 0x40, 0x04, 0x10, 3, 0, 1);
    PUT(&b, 0x46, 0x00, 0, 1, 1, 2, 18, 0x1b, 0xff); /* head in the ID differs */
    assert_result(&b, 0x40, 0x04, 0, 0, 1, 1);
    PUT(&b, 0x06, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff); /* FM */
    assert_result(&b, 0x40, 0x01, 0, 0, 0, 1);
    out(&b, DIR_CCR, 2); /* wrong rate */
    PUT(&b, 0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0x40, 0x01, 0, 0, 0, 1);
    dma(&b, 0x4a, SECTOR);
    PUT(&b, 0x45, 0x01, 0, 0, 1, 2, 9, 0x1b, 0xff); /* write-protected */
    assert_result(&b, 0x41, 0x02, 0, 0, 0, 1);
    out(&b, DOR, 0x2c); /* motor of drive 0 off */
    out(&b, DIR_CCR, 0);
    PUT(&b, 0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0x40, 0x01, 0, 0, 0, 1);
    PUT(&b, 0x46, 0x03, 0, 0, 1, 2, 18, 0x1b, 0xff); /* no such drive */
    assert_result(&b, 0x43, 0x01, 0, 0, 0, 1);
    /* An implied seek gets there. */
    out(&b, DOR, 0x3c);
    PUT(&b, 0x13, 0, 0x57, 0);
    dma(&b, 0x46, SECTOR);
    PUT(&b, 0x46, 0x00, 9, 0, 1, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0, 0, 0, 9, 0, 2);
    assert_memory(&b, 9 * 36, 1);
    finish(&b);
}

static void test_write(void)
{
    uint8_t sectors[4 * SECTOR];
    struct bench b;

    setup(&b);
    struct block *disk = image(&b, 1440 * K, false, NULL);
    attach(&b, 0, disk, NULL);
    start(&b, 0, true);
    fill_memory(&b, 3 * SECTOR, 5);
    /* Across the heads, and ending inside a sector: the rest of it is zeroes. */
    dma(&b, 0x4a, 2 * SECTOR + 100);
    PUT(&b, 0xc5, 0x00, 0, 0, 18, 2, 18, 0x1b, 0xff);
    assert_result(&b, 4, 0, 0, 0, 1, 3);
    g_assert_cmpint(block_read(disk, 17 * SECTOR, sectors, sizeof(sectors)), ==, 0);
    for (unsigned i = 0; i < 3 * SECTOR; i++) {
        g_assert_cmphex(sectors[i], ==, i < 2 * SECTOR + 100 ? (uint8_t)(5 + i) : 0);
    }
    g_assert_cmphex(sectors[3 * SECTOR], ==, (20 * SECTOR / 4) & 0xff);
    /* Deleted data is written as normal data. */
    dma(&b, 0x4a, SECTOR);
    PUT(&b, 0x49, 0x00, 0, 0, 3, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0, 0, 0, 0, 0, 4);
    g_assert_cmpint(block_read(disk, 2 * SECTOR, sectors, SECTOR), ==, 0);
    g_assert_cmphex(sectors[1], ==, 6);
    finish(&b);
}

static void test_other_reads(void)
{
    struct bench b;

    setup(&b);
    attach(&b, 0, image(&b, 1440 * K, false, NULL), NULL);
    start(&b, 0, true);
    /* READ TRACK starts at the index, whatever sector was named. */
    dma(&b, 0x46, 5 * SECTOR);
    PUT(&b, 0x42, 0x00, 0, 0, 3, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0, 0, 0, 0, 0, 6);
    assert_memory(&b, 0, 5);
    dma(&b, 0x46, 40 * SECTOR);
    PUT(&b, 0x42, 0x00, 0, 0, 1, 2, 4, 0x1b, 0xff);
    assert_result(&b, 0, 0, 0, 1, 0, 1);
    /* READ DELETED DATA on normal sectors: one, with the control mark; or none. */
    dma(&b, 0x46, 5 * SECTOR);
    PUT(&b, 0x4c, 0x00, 0, 0, 2, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0, 0, 0x40, 0, 0, 3);
    assert_memory(&b, 1, 1);
    PUT(&b, 0x6c, 0x00, 0, 0, 2, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0x40, 0x80, 0, 0, 0, 2);
    /* VERIFY without and with a count. No DMA takes part. */
    PUT(&b, 0x56, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0, 0, 0, 1, 0, 1);
    PUT(&b, 0xd6, 0x80, 0, 0, 1, 2, 18, 0x1b, 20);
    assert_result(&b, 4, 0, 0, 0, 1, 3);
    PUT(&b, 0x56, 0x80, 0, 0, 1, 2, 18, 0x1b, 20);
    assert_result(&b, 0x40, 0x80, 0, 1, 0, 1);
    PUT(&b, 0x56, 0x00, 0, 0, 1, 2, 19, 0x1b, 0xff);
    assert_result(&b, 0x40, 0x04, 0, 0, 0, 19);
    /* READ ID: the sectors go round with the time. */
    uint32_t seen = 0;
    for (unsigned i = 0; i < 36; i++) {
        PUT(&b, 0x4a, 0x04);
        await_interrupt(&b);
        get(&b, 7);
        g_assert_cmphex(b.result[0], ==, 4);
        g_assert_cmphex(b.result[4], ==, 1);
        seen |= 1u << b.result[5];
        test_advance(b.machine, 200000000 / 18 / 2);
    }
    g_assert_cmphex(seen, ==, 0x7fffe);
    finish(&b);
}

/* Each scan against a sector that is less, equal and greater. */
static void test_scan(void)
{
    static const struct {
        uint8_t code;
        int delta;
        uint8_t st2;
        uint8_t sector; /* in the result */
    } rows[] = {
        {0x51, 0, 0x08, 2}, {0x51, 1, 0x04, 1}, {0x59, 0, 0x08, 2}, {0x59, 1, 0x00, 2},
        {0x59, -1, 0x04, 1}, {0x5d, 0, 0x08, 2}, {0x5d, -1, 0x00, 2}, {0x5d, 1, 0x04, 1},
    };
    uint8_t sector[SECTOR];
    struct bench b;

    setup(&b);
    struct block *disk = image(&b, 1440 * K, false, NULL);
    attach(&b, 0, disk, NULL);
    start(&b, 0, true);
    memset(sector, 0x40, sizeof(sector));
    g_assert_cmpint(block_write(disk, 0, sector, SECTOR), ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (unsigned k = 0; k < SECTOR; k++) {
            bus_write(b.machine->memory, BUFFER + k, k == 5 ? 0xff : (uint8_t)(0x40 + rows[i].delta), 1);
        }
        dma(&b, 0x4a, 4 * SECTOR);
        PUT(&b, rows[i].code, 0x00, 0, 0, 1, 2, 1, 0x1b, 1);
        assert_result(&b, 0, 0, rows[i].st2, 1, 0, 1);
    }
    /* In steps of two: sectors 1 and 3, where the third hits. */
    for (unsigned k = 0; k < 2 * SECTOR; k++) {
        bus_write(b.machine->memory, BUFFER + k, 0x41, 1);
    }
    memset(sector, 0x41, sizeof(sector));
    g_assert_cmpint(block_write(disk, 2 * SECTOR, sector, SECTOR), ==, 0);
    dma(&b, 0x4a, 4 * SECTOR);
    PUT(&b, 0x51, 0x00, 0, 0, 1, 2, 9, 0x1b, 2);
    assert_result(&b, 0, 0, 0x08, 0, 0, 5);
    finish(&b);
}

static void test_format(void)
{
    uint8_t track[18 * SECTOR];
    struct bench b;

    setup(&b);
    struct block *disk = image(&b, 1440 * K, false, NULL);
    attach(&b, 0, disk, NULL);
    start(&b, 0, true);
    seek(&b, 0, 5);
    for (unsigned i = 0; i < 18; i++) { /* interleaved */
        const uint8_t id[4] = {5, 1, (uint8_t)(i * 7 % 18 + 1), 2};
        for (unsigned k = 0; k < 4; k++) {
            bus_write(b.machine->memory, BUFFER + i * 4 + k, id[k], 1);
        }
    }
    /* 7 and 18 have no common factor: all sectors are there. */
    dma(&b, 0x4a, 18 * 4);
    PUT(&b, 0x4d, 0x04, 2, 18, 0x54, 0xf6);
    await_interrupt(&b);
    get(&b, 7);
    g_assert_cmphex(b.result[0], ==, 4);
    g_assert_cmpint(block_read(disk, (5 * 36 + 18) * SECTOR, track, sizeof(track)), ==, 0);
    for (unsigned i = 0; i < sizeof(track); i++) {
        g_assert_cmphex(track[i], ==, 0xf6);
    }
    g_assert_cmpint(block_read(disk, (5 * 36 + 17) * SECTOR, track, SECTOR), ==, 0);
    g_assert_cmphex(track[4], !=, 0xf6);
    /* A sector that an image cannot hold. */
    bus_write(b.machine->memory, BUFFER + 2, 19, 1);
    dma(&b, 0x4a, 18 * 4);
    PUT(&b, 0x4d, 0x04, 2, 18, 0x54, 0xe5);
    await_interrupt(&b);
    get(&b, 7);
    g_assert_cmphex(b.result[0], ==, 0x44);
    /* FORMAT AND WRITE: two sectors with their contents. */
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t id[4] = {5, 0, (uint8_t)(9 - i), 2};
        for (unsigned k = 0; k < 516; k++) {
            bus_write(b.machine->memory, BUFFER + i * 516 + k, k < 4 ? id[k] : 0x10 + i, 1);
        }
    }
    dma(&b, 0x4a, 2 * 516);
    PUT(&b, 0xed, 0x00, 2, 2, 0x54, 0xe5);
    await_interrupt(&b);
    get(&b, 7);
    g_assert_cmphex(b.result[0], ==, 0);
    g_assert_cmpint(block_read(disk, (5 * 36 + 7) * SECTOR, track, 2 * SECTOR), ==, 0);
    g_assert_cmphex(track[0], ==, 0x11);
    g_assert_cmphex(track[SECTOR], ==, 0x10);
    finish(&b);
}

/* Programmed I/O: a byte, or as many as the FIFO's threshold, an interrupt. */
static void test_pio(void)
{
    struct bench b;

    setup(&b);
    struct block *disk = image(&b, 1440 * K, false, NULL);
    attach(&b, 0, disk, NULL);
    start(&b, 0, false);
    PUT(&b, 0x13, 0, 0x17, 0); /* FIFO on, threshold 8 */
    PUT(&b, 0x46, 0x00, 0, 0, 17, 2, 18, 0x1b, 0xff);
    await_interrupt(&b);
    test_probe_clear(&b.irq);
    for (unsigned i = 0; i < 2 * SECTOR; i++) {
        g_assert_cmphex(in(&b, MSR), ==, 0xf0);
        uint32_t word = 16 * (SECTOR / 4) + i / 4;
        g_assert_cmphex(in(&b, FIFO), ==, word >> 8 * (i % 4) & 0xff);
    }
    g_assert_cmpuint(b.irq.rises, ==, 2 * SECTOR / 9 + 1); /* the last is the result's */
    assert_result(&b, 0x40, 0x80, 0, 1, 0, 1);
    PUT(&b, 0x45, 0x04, 0, 1, 18, 2, 18, 0x1b, 0xff);
    await_interrupt(&b);
    for (unsigned i = 0; i < SECTOR; i++) {
        g_assert_cmphex(in(&b, MSR), ==, 0xb0);
        out(&b, FIFO, i ^ 0x5a);
    }
    assert_result(&b, 0x44, 0x80, 0, 1, 1, 1);
    uint8_t sector[SECTOR];
    g_assert_cmpint(block_read(disk, 35 * SECTOR, sector, SECTOR), ==, 0);
    g_assert_cmphex(sector[77], ==, 77 ^ 0x5a);
    finish(&b);
}

static void test_change(void)
{
    struct bench b;
    GError *error = NULL;

    setup(&b);
    struct block *first = image(&b, 1440 * K, false, NULL), *second = image(&b, 720 * K, false, NULL);
    struct block *large = image(&b, 2880 * K, false, NULL), *old = image(&b, 360 * K, false, NULL);
    attach(&b, 0, first, NULL);
    start(&b, 0, true);
    g_assert_cmphex(in(&b, DIR_CCR), ==, 0x80);
    seek(&b, 0, 1);
    g_assert_cmphex(in(&b, DIR_CCR), ==, 0);
    g_assert_true(i82078_change_medium(b.fdc, 0, NULL, &error));
    g_assert_cmphex(in(&b, DIR_CCR), ==, 0x80);
    seek(&b, 0, 2); /* without a disk a step does not help */
    g_assert_cmphex(in(&b, DIR_CCR), ==, 0x80);
    out(&b, DOR, 0x0c);
    g_assert_cmphex(in(&b, DIR_CCR), ==, 0); /* motor off: not selected */
    out(&b, DOR, 0x1c);
    PUT(&b, 0x4a, 0x00);
    await_interrupt(&b);
    get(&b, 7);
    g_assert_cmphex(b.result[1], ==, 0x01);
    g_assert_true(i82078_change_medium(b.fdc, 0, second, &error));
    g_assert_no_error(error);
    seek(&b, 0, 0);
    g_assert_cmphex(in(&b, DIR_CCR), ==, 0);
    out(&b, DIR_CCR, 2);
    dma(&b, 0x46, SECTOR);
    PUT(&b, 0x46, 0x04, 0, 1, 9, 2, 9, 0x1b, 0xff);
    assert_result(&b, 4, 0, 0, 1, 1, 1);
    assert_memory(&b, 17, 1);
    /* Disks that do not go in. */
    g_assert_false(i82078_change_medium(b.fdc, 0, large, &error));
    g_assert_nonnull(strstr(error->message, "1.44M"));
    g_clear_error(&error);
    g_assert_false(i82078_change_medium(b.fdc, 0, old, &error));
    g_clear_error(&error);
    finish(&b);
}

/* A 40-track disk in an 80-track drive lies on every second track. */
static void test_double_step(void)
{
    const struct floppy_options drive = {.type = FLOPPY_1200K};
    struct bench b;

    setup(&b);
    attach(&b, 0, image(&b, 360 * K, false, NULL), &drive);
    start(&b, 1, true);
    seek(&b, 0, 20);
    dma(&b, 0x46, SECTOR);
    PUT(&b, 0x46, 0x00, 10, 0, 1, 2, 9, 0x1b, 0xff);
    assert_result(&b, 0, 0, 0, 10, 0, 2);
    assert_memory(&b, 180, 1);
    dma(&b, 0x46, SECTOR);
    PUT(&b, 0x46, 0x00, 20, 0, 1, 2, 9, 0x1b, 0xff); /* as the firmware does */
    assert_result(&b, 0, 0, 0, 20, 0, 2);
    assert_memory(&b, 360, 1);
    PUT(&b, 0x4a, 0x00);
    await_interrupt(&b);
    get(&b, 7);
    g_assert_cmpuint(b.result[3], ==, 10);
    finish(&b);
}

static void test_geometry(void)
{
    static const struct {
        unsigned kib;
        uint8_t cylinders, heads, sectors, rate, type;
    } rows[] = {
        {160, 40, 1, 8, 2, 1},   {180, 40, 1, 9, 2, 1},   {320, 40, 2, 8, 2, 1},  {360, 40, 2, 9, 2, 1},
        {720, 80, 2, 9, 2, 3},   {1200, 80, 2, 15, 0, 2}, {1440, 80, 2, 18, 0, 4}, {1680, 80, 2, 21, 0, 4},
        {2880, 80, 2, 36, 3, 5}, {1, 80, 2, 18, 0, 4},    {1500, 80, 2, 36, 3, 5},
    };
    struct floppy_geometry g;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_true(floppy_geometry_guess(rows[i].kib * 1024u, &g));
        g_assert_cmpuint(g.cylinders, ==, rows[i].cylinders);
        g_assert_cmpuint(g.heads, ==, rows[i].heads);
        g_assert_cmpuint(g.sectors, ==, rows[i].sectors);
        g_assert_cmpuint(g.rate, ==, rows[i].rate);
        g_assert_cmpuint(g.type, ==, rows[i].type);
    }
    g_assert_false(floppy_geometry_guess(0, &g));
    g_assert_false(floppy_geometry_guess(2881 * 1024, &g));
}

/* Sectors beyond the end of a short image are not there. */
static void test_short_image(void)
{
    struct bench b;

    setup(&b);
    attach(&b, 0, image(&b, 3 * SECTOR, false, NULL), NULL);
    start(&b, 0, true);
    dma(&b, 0x46, 5 * SECTOR);
    PUT(&b, 0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0x40, 0x04, 0, 0, 0, 4);
    assert_memory(&b, 0, 3);
    finish(&b);
}

static void test_host_errors(void)
{
    struct block_fault *fault = block_fault_create();
    struct bench b;

    setup(&b);
    attach(&b, 0, image(&b, 1440 * K, false, fault), NULL);
    start(&b, 0, true);
    /* One bad sector: those before it arrive. */
    block_fault_add(fault, &(struct block_fault_rule){
                               .ops = BLOCK_FAULT_READ, .first = 4 * SECTOR, .last = 5 * SECTOR - 1, .error = EIO});
    dma(&b, 0x46, 18 * SECTOR);
    PUT(&b, 0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0x40, 0x20, 0x20, 0, 0, 5);
    assert_memory(&b, 0, 4);
    block_fault_clear(fault);
    /* The host's disk is full: the machine stops, and goes on with the same write. */
    block_fault_add(fault, &(struct block_fault_rule){.ops = BLOCK_FAULT_WRITE, .error = ENOSPC, .count = 1});
    fill_memory(&b, SECTOR, 3);
    dma(&b, 0x4a, SECTOR);
    PUT(&b, 0x45, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    for (unsigned i = 0; i < 2000 && b.machine->request == REQUEST_NONE; i++) {
        event_run(b.machine->events);
        g_usleep(100);
    }
    g_assert_cmpint(b.machine->request, ==, REQUEST_PAUSE);
    g_assert_false(b.irq.level);
    lock_release(&b.machine->lock);
    machine_serve_request(b.machine);
    machine_resume(b.machine);
    lock_acquire(&b.machine->lock);
    assert_result(&b, 0, 0, 0, 0, 0, 2);
    /* Any other error is the drive's. */
    block_fault_add(fault, &(struct block_fault_rule){.ops = BLOCK_FAULT_WRITE, .error = EIO});
    dma(&b, 0x4a, SECTOR);
    PUT(&b, 0x45, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0x50, 0, 0, 0, 0, 1);
    finish(&b);
    block_fault_destroy(fault);
}

/* rerror=ignore: zeroes; werror=ignore: lost; report: a full disk is the drive's error; rerror=stop: repeated. */
static void test_policies(void)
{
    struct block_fault *fault = block_fault_create();
    struct bench b;

    setup(&b);
    attach(&b, 0, image(&b, 1440 * K, false, fault), NULL);
    start(&b, 0, true);
    struct fdc_unit *unit = &((struct i82078 *)b.fdc)->units[0];
    block_fault_add(fault, &(struct block_fault_rule){.ops = BLOCK_FAULT_READ, .error = EIO});
    block_fault_add(fault, &(struct block_fault_rule){.ops = BLOCK_FAULT_WRITE, .error = ENOSPC});
    unit->read_error = unit->write_error = BLOCK_ON_ERROR_IGNORE;
    fill_memory(&b, SECTOR, 3);
    dma(&b, 0x46, SECTOR);
    PUT(&b, 0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0, 0, 0, 0, 0, 2);
    g_assert_cmphex(bus_read(b.machine->memory, BUFFER, 4), ==, 0);
    dma(&b, 0x4a, SECTOR);
    PUT(&b, 0x45, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0, 0, 0, 0, 0, 2);

    unit->write_error = BLOCK_ON_ERROR_REPORT;
    dma(&b, 0x4a, SECTOR);
    PUT(&b, 0x45, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0x50, 0, 0, 0, 0, 1);
    g_assert_cmpint(b.machine->request, ==, REQUEST_NONE);

    unit->read_error = BLOCK_ON_ERROR_STOP;
    dma(&b, 0x46, SECTOR);
    PUT(&b, 0x46, 0x00, 0, 0, 3, 2, 18, 0x1b, 0xff);
    for (unsigned i = 0; i < 2000 && b.machine->request == REQUEST_NONE; i++) {
        event_run(b.machine->events);
        g_usleep(100);
    }
    g_assert_cmpint(b.machine->request, ==, REQUEST_PAUSE);
    block_fault_clear(fault);
    lock_release(&b.machine->lock);
    machine_serve_request(b.machine);
    machine_resume(b.machine);
    lock_acquire(&b.machine->lock);
    assert_result(&b, 0, 0, 0, 0, 0, 4);
    assert_memory(&b, 2, 1);
    finish(&b);
    block_fault_destroy(fault);
}

/* Saved in the middle of a transfer through the FIFO, the copy goes on where the original was. */
static void test_save(void)
{
    GByteArray *state = g_byte_array_new();
    GError *error = NULL;
    struct bench b;

    setup(&b);
    attach(&b, 0, image(&b, 1440 * K, false, NULL), NULL);
    start(&b, 0, false);
    PUT(&b, 0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    await_interrupt(&b);
    for (unsigned i = 0; i < 700; i++) {
        in(&b, FIFO);
    }
    state_save(b.fdc->class->fields, b.fdc, state);
    uint8_t next = in(&b, FIFO);
    device_reset(b.fdc);
    g_assert_true(state_load(b.fdc->class->fields, b.fdc, state->data, state->len, &error));
    g_assert_no_error(error);
    b.fdc->class->loaded(b.fdc);
    device_drive(b.fdc);
    g_assert_true(b.irq.level);
    g_assert_cmphex(in(&b, FIFO), ==, next);
    for (unsigned i = 701; i < 18 * SECTOR; i++) {
        g_assert_cmphex(in(&b, FIFO), ==, (i / 4) >> 8 * (i % 4) & 0xff);
    }
    assert_result(&b, 0x40, 0x80, 0, 1, 0, 1);
    g_byte_array_unref(state);
    finish(&b);
}

/* A reset in the middle of a request to the disk: what it brings is dropped. */
static void test_reset_during_read(void)
{
    struct block_fault *fault = block_fault_create();
    struct bench b;

    setup(&b);
    attach(&b, 0, image(&b, 1440 * K, false, fault), NULL);
    start(&b, 0, true);
    block_fault_add(fault, &(struct block_fault_rule){.ops = BLOCK_FAULT_READ, .count = 1, .delay_ms = 30});
    dma(&b, 0x46, SECTOR);
    PUT(&b, 0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
    out(&b, DOR, 0x38);
    out(&b, DOR, 0x3c);
    for (unsigned i = 0; i < 4; i++) {
        PUT(&b, 0x08);
        get(&b, 2);
    }
    dma(&b, 0x46, SECTOR);
    PUT(&b, 0x46, 0x00, 0, 0, 4, 2, 18, 0x1b, 0xff);
    assert_result(&b, 0, 0, 0, 0, 0, 5);
    assert_memory(&b, 3, 1);
    finish(&b);
    block_fault_destroy(fault);
}

static void test_attach_errors(void)
{
    struct bench b;
    GError *error = NULL;

    setup(&b);
    struct block *big = image(&b, 4096 * K, false, NULL), *good = image(&b, 1440 * K, false, NULL);
    g_assert_false(i82078_attach(b.fdc, 0, big, NULL, &error));
    g_assert_nonnull(strstr(error->message, "no floppy disk"));
    g_clear_error(&error);
    g_assert_true(i82078_attach(b.fdc, 0, good, NULL, &error));
    g_assert_false(i82078_attach(b.fdc, 0, good, NULL, &error));
    g_clear_error(&error);
    g_assert_false(i82078_attach(b.fdc, 2, NULL, NULL, &error));
    g_clear_error(&error);
    g_assert_true(i82078_attach(b.fdc, 1, NULL, NULL, &error));
    g_assert_cmpint(i82078_drive_type(b.fdc, 1), ==, FLOPPY_2880K);
    finish(&b);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/floppy/reset", test_reset);
    g_test_add_func("/floppy/small-commands", test_small_commands);
    g_test_add_func("/floppy/seek", test_seek);
    g_test_add_func("/floppy/read-dma", test_read_dma);
    g_test_add_func("/floppy/errors", test_errors);
    g_test_add_func("/floppy/write", test_write);
    g_test_add_func("/floppy/other-reads", test_other_reads);
    g_test_add_func("/floppy/scan", test_scan);
    g_test_add_func("/floppy/format", test_format);
    g_test_add_func("/floppy/pio", test_pio);
    g_test_add_func("/floppy/change", test_change);
    g_test_add_func("/floppy/double-step", test_double_step);
    g_test_add_func("/floppy/geometry", test_geometry);
    g_test_add_func("/floppy/short-image", test_short_image);
    g_test_add_func("/floppy/host-errors", test_host_errors);
    g_test_add_func("/floppy/policies", test_policies);
    g_test_add_func("/floppy/save", test_save);
    g_test_add_func("/floppy/reset-during-read", test_reset_during_read);
    g_test_add_func("/floppy/attach-errors", test_attach_errors);
    return g_test_run();
}
