/* hw/net/dp8390*.c and ne2k.c: the NE2000 as its drivers see it. */
#include <string.h>
#include <zlib.h>

#include "hw/net/dp8390_impl.h"
#include "hw/net/ne2k.h"
#include "hw/pci/config.h"
#include "tests/support/test.h"

#define PSTART 0x46
#define PSTOP  0x80
#define TPSR   0x40

struct card {
    struct machine *machine;
    struct device *dev;
    struct region *io;
    struct test_probe irq;
    struct net_link *link;
    struct net_port *peer;
    unsigned frames;
    size_t size;
    uint8_t frame[NET_FRAME_MAX];
};

static void schedule(void *owner)
{
}

static enum net_result receive(void *owner, const uint8_t *frame, size_t size)
{
    struct card *c = owner;
    c->frames++;
    c->size = size;
    memcpy(c->frame, frame, size);
    return NET_SENT;
}

static const struct net_port_ops ops = { .schedule = schedule, .receive = receive };
static const uint8_t own[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

static uint8_t in(struct card *c, unsigned port)
{
    return (uint8_t)test_region_read(c->io, port, 1);
}

static void out(struct card *c, unsigned port, unsigned value)
{
    test_region_write(c->io, port, value, 1);
}

/* Remote DMA, word mode. */
static void copy_in(struct card *c, unsigned address, void *data, unsigned size)
{
    uint8_t *p = data;
    out(c, 0, 0x22);
    out(c, 0x8, address & 0xff);
    out(c, 0x9, address >> 8);
    out(c, 0xa, size & 0xff);
    out(c, 0xb, size >> 8);
    out(c, 0, 0x0a);
    for (unsigned i = 0; i < size; i += 2) {
        unsigned word = (unsigned)test_region_read(c->io, 0x10, 2);
        p[i] = (uint8_t)word;
        if (i + 1 < size) {
            p[i + 1] = (uint8_t)(word >> 8);
        }
    }
    g_assert_cmphex(in(c, 7) & ISR_RDC, !=, 0);
    out(c, 7, ISR_RDC);
}

static void copy_out(struct card *c, unsigned address, const void *data, unsigned size)
{
    const uint8_t *p = data;
    out(c, 0, 0x22);
    out(c, 0x8, address & 0xff);
    out(c, 0x9, address >> 8);
    out(c, 0xa, size & 0xff);
    out(c, 0xb, size >> 8);
    out(c, 0, 0x12);
    for (unsigned i = 0; i < size; i += 2) {
        test_region_write(c->io, 0x10, p[i] | (unsigned)p[i + 1] << 8, 2);
    }
    g_assert_cmphex(in(c, 7) & ISR_RDC, !=, 0);
    out(c, 7, ISR_RDC);
}

static void begin(struct card *c)
{
    memset(c, 0, sizeof(*c));
    c->machine = test_machine_create();
    c->dev = test_device_create(c->machine, &ne2k_isa_class, "nic", NULL);
    c->io = ne2k_isa_io(c->dev);
    test_probe_init(&c->irq, "irq");
    ne2k_isa_connect_irq(c->dev, &c->irq.line);
    c->link = net_link_create();
    ne2k_isa_connect_port(c->dev, net_link_port(c->link, 0));
    c->peer = net_link_port(c->link, 1);
    net_port_attach(c->peer, &ops, c);
    /* As drivers start the chip. */
    out(c, 0, 0x21);
    out(c, 0xe, 0x49);
    out(c, 0xc, RCR_AB);
    out(c, 0xd, 0);
    out(c, 0x4, TPSR);
    out(c, 0x1, PSTART);
    out(c, 0x2, PSTOP);
    out(c, 0x3, PSTOP - 1);
    out(c, 0x7, 0xff);
    out(c, 0xf, 0);
    out(c, 0, 0x61);
    for (unsigned i = 0; i < 6; i++) {
        out(c, 1 + i, own[i]);
    }
    out(c, 0x7, PSTART);
    out(c, 0, 0x22);
}

static void end(struct card *c)
{
    test_machine_destroy(c->machine);
    net_port_detach(c->peer);
    net_link_destroy(c->link);
}

/* A frame from the wire, whose bytes count up. */
static void arrive(struct card *c, const uint8_t *to, size_t size)
{
    uint8_t frame[NET_FRAME_MAX];
    for (size_t i = 0; i < size; i++) {
        frame[i] = (uint8_t)(i * 7);
    }
    memcpy(frame, to, 6);
    g_assert_cmpint(net_port_send(c->peer, frame, size), ==, NET_SENT);
    test_run_events(c->machine);
}

static unsigned curr(struct card *c)
{
    out(c, 0, 0x62);
    unsigned page = in(c, 7);
    out(c, 0, 0x22);
    return page;
}

static void test_prom(void)
{
    struct card c;
    uint8_t prom[32];
    begin(&c);
    copy_in(&c, 0, prom, sizeof(prom));
    for (unsigned i = 0; i < 12; i++) {
        g_assert_cmphex(prom[i], ==, own[i / 2]);
    }
    g_assert_cmphex(prom[28], ==, 0x57);
    /* A byte access in word mode moves a word. */
    out(&c, 0x8, 0);
    out(&c, 0x9, 0);
    out(&c, 0xa, 12);
    out(&c, 0xb, 0);
    out(&c, 0, 0x0a);
    for (unsigned i = 0; i < 6; i++) {
        g_assert_cmphex(in(&c, 0x10), ==, own[i]);
    }
    end(&c);
}

static void test_reset(void)
{
    struct card c;
    begin(&c);
    g_assert_cmphex(in(&c, 7) & ISR_RST, ==, 0);
    in(&c, 0x1f);
    g_assert_cmphex(in(&c, 0), ==, 0x21);
    g_assert_cmphex(in(&c, 7), ==, ISR_RST);
    out(&c, 0, 0x22);
    g_assert_cmphex(in(&c, 7) & ISR_RST, ==, 0);
    out(&c, 0, 0xa2); /* page 2 shows what page 0 was written */
    g_assert_cmphex(in(&c, 1), ==, PSTART);
    g_assert_cmphex(in(&c, 2), ==, PSTOP);
    g_assert_cmphex(in(&c, 4), ==, TPSR);
    end(&c);
}

static void test_transmit(void)
{
    struct card c;
    uint8_t frame[64];
    begin(&c);
    memset(frame, 0x5a, sizeof(frame));
    copy_out(&c, TPSR * 256, frame, sizeof(frame));
    out(&c, 0xf, ISR_PTX);
    out(&c, 0x5, 60);
    out(&c, 0x6, 0);
    out(&c, 0, 0x26);
    net_port_poll(c.peer);
    g_assert_cmpuint(c.frames, ==, 1);
    g_assert_cmpuint(c.size, ==, 60);
    g_assert_cmphex(c.frame[59], ==, 0x5a);
    g_assert_cmphex(in(&c, 0) & CR_TXP, ==, 0);
    g_assert_cmphex(in(&c, 4) & TSR_PTX, !=, 0);
    g_assert_true(c.irq.line.level);
    out(&c, 7, ISR_PTX);
    g_assert_false(c.irq.line.level);
    end(&c);
}

static void test_receive(void)
{
    struct card c;
    uint8_t header[4], data[60];
    begin(&c);
    out(&c, 0xf, ISR_PRX);
    arrive(&c, own, 42); /* padded */
    g_assert_true(c.irq.line.level);
    g_assert_cmphex(curr(&c), ==, PSTART + 1);
    copy_in(&c, PSTART * 256, header, sizeof(header));
    g_assert_cmphex(header[0], ==, RSR_PRX);
    g_assert_cmphex(header[1], ==, PSTART + 1);
    g_assert_cmpuint(header[2] | header[3] << 8, ==, 64);
    copy_in(&c, PSTART * 256 + 4, data, sizeof(data));
    g_assert_cmphex(data[41], ==, (uint8_t)(41 * 7));
    g_assert_cmphex(data[42], ==, 0);
    /* "Send packet" reads it in one go and moves the boundary. */
    out(&c, 3, PSTART);
    out(&c, 7, ISR_RDC);
    out(&c, 0, 0x1a);
    for (unsigned i = 0; i < 32; i++) {
        test_region_read(c.io, 0x10, 2);
    }
    g_assert_cmphex(in(&c, 7) & ISR_RDC, !=, 0);
    g_assert_cmphex(in(&c, 3), ==, PSTART + 1);
    end(&c);
}

static void test_filter(void)
{
    static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 }, other[6] = { 2, 0, 0, 0, 0, 1 },
                         group[6] = { 1, 0, 0x5e, 0, 0, 1 };
    struct card c;
    begin(&c);
    arrive(&c, broadcast, 60);
    g_assert_cmphex(curr(&c), ==, PSTART + 1);
    arrive(&c, other, 60);
    arrive(&c, group, 60);
    g_assert_cmphex(curr(&c), ==, PSTART + 1);
    out(&c, 0xc, RCR_AM | RCR_PRO);
    out(&c, 7, ISR_PRX);
    arrive(&c, other, 60);
    g_assert_cmphex(curr(&c), ==, PSTART + 2);
    arrive(&c, group, 60); /* the hash is empty */
    g_assert_cmphex(curr(&c), ==, PSTART + 2);
    /* Bit 31: the hash of 01-00-5e-00-00-01, the group of all hosts. */
    out(&c, 0, 0x62);
    out(&c, 8 + 31 / 8, 1u << (31 % 8));
    out(&c, 0, 0x22);
    out(&c, 7, ISR_PRX);
    arrive(&c, group, 60);
    g_assert_cmphex(curr(&c), ==, PSTART + 3);
    /* Monitor mode counts and stores nothing. */
    out(&c, 0xc, RCR_AB | RCR_MON);
    out(&c, 7, ISR_PRX);
    arrive(&c, broadcast, 60);
    g_assert_cmphex(curr(&c), ==, PSTART + 3);
    g_assert_cmpuint(in(&c, 0xf), ==, 1);
    g_assert_cmpuint(in(&c, 0xf), ==, 0); /* cleared by reading */
    end(&c);
}

/* A full ring holds frames back for a while, then overflows; nothing overwrites what is not read. */
static void test_overflow(void)
{
    struct card c;
    uint8_t header[4];
    begin(&c);
    for (unsigned i = 0; i < 20; i++) {
        arrive(&c, own, 1514);
        out(&c, 7, ISR_PRX);
        test_run_events(c.machine);
    }
    unsigned page = curr(&c);
    g_assert_cmpuint(page, >=, PSTOP - 8);
    g_assert_cmphex(in(&c, 7) & ISR_OVW, ==, 0);
    copy_in(&c, PSTART * 256, header, 4);
    g_assert_cmphex(header[1], ==, PSTART + 6);
    test_advance(c.machine, 600000000);
    test_run_events(c.machine);
    test_advance(c.machine, 600000000);
    test_run_events(c.machine);
    g_assert_cmphex(in(&c, 7) & ISR_OVW, !=, 0);
    g_assert_cmpuint(in(&c, 0xf), >=, 1);
    /* The driver's way out: stop, loopback, start, empty the ring, normal mode. */
    out(&c, 0, 0x21);
    out(&c, 0xa, 0);
    out(&c, 0xb, 0);
    out(&c, 0xd, 2);
    out(&c, 0, 0x22);
    out(&c, 3, page - 1);
    out(&c, 7, ISR_OVW | ISR_PRX);
    out(&c, 0xd, 0);
    test_run_events(c.machine);
    g_assert_cmphex(in(&c, 7) & (ISR_PRX | ISR_OVW), ==, ISR_PRX);
    g_assert_cmphex(curr(&c), !=, page);
    end(&c);
}

static void test_loopback(void)
{
    struct card c;
    uint8_t frame[16];
    begin(&c);
    memset(frame, 0x33, sizeof(frame));
    copy_out(&c, TPSR * 256, frame, sizeof(frame));
    out(&c, 0xd, 2); /* inside the chip */
    out(&c, 0xe, 0x41);
    out(&c, 0x5, 16);
    out(&c, 0x6, 0);
    out(&c, 7, 0xff);
    out(&c, 0, 0x26);
    net_port_poll(c.peer);
    g_assert_cmpuint(c.frames, ==, 0);
    g_assert_cmphex(in(&c, 7), ==, ISR_PTX);
    g_assert_cmphex(in(&c, 4), ==, 0x53);
    g_assert_cmphex(in(&c, 0xc), ==, RSR_CRC);
    uint32_t fcs = (uint32_t)crc32(0, frame, sizeof(frame));
    g_assert_cmphex(in(&c, 6), ==, 0x33);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmphex(in(&c, 6), ==, fcs >> 8 * i & 0xff);
    }
    g_assert_cmpuint(in(&c, 6), ==, 20);
    end(&c);
}

static void test_pci(void)
{
    struct machine *machine = test_machine_create();
    struct device *dev = test_device_create(machine, &ne2k_pci_class, "nic", NULL);
    g_assert_cmphex(pci_get_u16(ne2k_pci(dev), PCI_VENDOR_ID), ==, 0x10ec);
    g_assert_cmphex(pci_get_u16(ne2k_pci(dev), PCI_DEVICE_ID), ==, 0x8029);
    g_assert_cmphex(test_region_read(dev->regions[0], 0xa, 1), ==, 0x50);
    g_assert_cmphex(test_region_read(dev->regions[0], 0xb, 1), ==, 0x43);
    test_region_write(dev->regions[0], 0, 0xe1, 1); /* page 3 */
    g_assert_cmphex(test_region_read(dev->regions[0], 0xe, 1), ==, 0x29);
    test_machine_destroy(machine);
}

static void test_bad_places(void)
{
    static const char *const bad[][2] = { { "iobase", "0x301" }, { "iobase", "0x10" }, { "irq", "2" }, { "irq", "16" } };
    struct machine *machine = test_machine_create();
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *const properties[] = { bad[i][0], bad[i][1], NULL };
        GError *error = NULL;
        g_assert_null(device_create(machine, &ne2k_isa_class, "nic", properties, &error));
        g_assert_nonnull(strstr(error->message, bad[i][0]));
        g_clear_error(&error);
    }
    test_machine_destroy(machine);
}

/* Linux's driver writes the page before the ring to BNRY when it has read the last one. */
static void test_boundary_before_ring(void)
{
    struct card c;
    uint8_t header[4];
    begin(&c);
    out(&c, 3, PSTART - 1);
    for (unsigned i = 0; i < 20; i++) {
        arrive(&c, own, 1514);
        out(&c, 7, ISR_PRX);
        test_run_events(c.machine);
    }
    copy_in(&c, PSTART * 256, header, 4);
    g_assert_cmphex(header[1], ==, PSTART + 6);
    g_assert_cmphex(curr(&c), >=, PSTOP - 8);
    end(&c);
}

/* PRX was cleared while frames were left in the ring: it comes again, but not to software that has taken none. */
static void test_reminder(void)
{
    struct card c;
    begin(&c);
    arrive(&c, own, 100);
    test_advance(c.machine, 10000000);
    arrive(&c, own, 100);
    g_assert_cmphex(curr(&c), ==, PSTART + 2);
    out(&c, 7, ISR_PRX);
    test_advance(c.machine, 10000000);
    g_assert_cmphex(in(&c, 7) & ISR_PRX, ==, 0);
    out(&c, 3, PSTART);
    out(&c, 7, ISR_PRX);
    g_assert_cmphex(in(&c, 7) & ISR_PRX, ==, 0);
    test_advance(c.machine, 10000000);
    g_assert_cmphex(in(&c, 7) & ISR_PRX, !=, 0);
    out(&c, 3, PSTART + 1);
    out(&c, 7, ISR_PRX);
    test_advance(c.machine, 10000000);
    g_assert_cmphex(in(&c, 7) & ISR_PRX, ==, 0);
    end(&c);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/dp8390/prom", test_prom);
    g_test_add_func("/dp8390/reset", test_reset);
    g_test_add_func("/dp8390/transmit", test_transmit);
    g_test_add_func("/dp8390/receive", test_receive);
    g_test_add_func("/dp8390/filter", test_filter);
    g_test_add_func("/dp8390/overflow", test_overflow);
    g_test_add_func("/dp8390/boundary-before-ring", test_boundary_before_ring);
    g_test_add_func("/dp8390/reminder", test_reminder);
    g_test_add_func("/dp8390/loopback", test_loopback);
    g_test_add_func("/dp8390/pci", test_pci);
    g_test_add_func("/dp8390/bad-places", test_bad_places);
    return g_test_run();
}
