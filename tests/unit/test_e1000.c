/* hw/net/e1000*.c: registers, EEPROM, PHY, interrupts, both rings, filters, VLAN, statistics. */
#include <string.h>

#include "net/mac.h"
#include "tests/support/e1000_test.h"

#define EOP_IFCS_RS (TXD_CMD_EOP | TXD_CMD_IFCS | TXD_CMD_RS)

static const uint8_t own[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

static uint8_t *rx_descriptor(struct e1000_test *t, unsigned i)
{
    return t->ram->host + E1000_TEST_RX_RING + i * E1000_DESC_SIZE;
}

static void frame_to(uint8_t *frame, size_t size, const uint8_t mac[6])
{
    memset(frame, 0xa5, size);
    memcpy(frame, mac, 6);
    frame[12] = 0x88;
    frame[13] = 0xb5;
}

static void test_identity(void)
{
    struct e1000_test t;
    uint8_t mac[6];
    e1000_test_begin(&t);
    g_assert_cmphex(pci_get_u16(&t.e->pci, PCI_VENDOR_ID), ==, 0x8086);
    g_assert_cmphex(pci_get_u16(&t.e->pci, PCI_DEVICE_ID), ==, 0x100e);
    g_assert_cmphex(e1000_test_get(&t, E1000_RA), ==, 0x12005452);
    g_assert_cmphex(e1000_test_get(&t, E1000_RA + 4), ==, 0x80005634);
    g_assert_cmphex(e1000_test_get(&t, E1000_STATUS) & STATUS_LU, !=, 0);
    e1000_test_end(&t);
    g_assert_true(net_mac_parse("00:11:22:aa:BB:cc", mac, NULL));
    g_assert_true(net_mac_parse("52:54:0:12:34:5", mac, NULL));
    g_assert_cmpmem(mac, 6, "\x52\x54\0\x12\x34\x05", 6);
    static const char *const bad[] = {"", "00:11:22:33:44", "52:54::12:34:56", "52:54:00:12:34:567", "52:54:00:12:34:56:", "01:00:00:00:00:00",
                                      "00:00:00:00:00:00", "00:11:22:33:44:gg"};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(net_mac_parse(bad[i], mac, NULL));
    }
}

/* One word by Microwire, as drivers for this chip do it. */
static uint16_t microwire_read(struct e1000_test *t, unsigned address)
{
    uint32_t command = 6u << 6 | address, value = 0;
    e1000_test_set(t, E1000_EECD, EECD_REQ);
    g_assert_cmphex(e1000_test_get(t, E1000_EECD) & EECD_GNT, !=, 0);
    for (int bit = 8; bit >= 0; bit--) {
        uint32_t data = EECD_REQ | EECD_CS | (command >> bit & 1 ? EECD_DI : 0);
        e1000_test_set(t, E1000_EECD, data);
        e1000_test_set(t, E1000_EECD, data | EECD_SK);
        e1000_test_set(t, E1000_EECD, data);
    }
    for (int bit = 0; bit < 16; bit++) {
        e1000_test_set(t, E1000_EECD, EECD_REQ | EECD_CS | EECD_SK);
        value = value << 1 | (e1000_test_get(t, E1000_EECD) & EECD_DO ? 1 : 0);
        e1000_test_set(t, E1000_EECD, EECD_REQ | EECD_CS);
    }
    e1000_test_set(t, E1000_EECD, 0);
    return (uint16_t)value;
}

/* A command of so many bits without an answer. */
static void microwire_send(struct e1000_test *t, uint32_t command, int bits)
{
    e1000_test_set(t, E1000_EECD, EECD_REQ);
    for (int bit = bits - 1; bit >= 0; bit--) {
        uint32_t data = EECD_REQ | EECD_CS | (command >> bit & 1 ? EECD_DI : 0);
        e1000_test_set(t, E1000_EECD, data);
        e1000_test_set(t, E1000_EECD, data | EECD_SK);
        e1000_test_set(t, E1000_EECD, data);
    }
    e1000_test_set(t, E1000_EECD, EECD_REQ); /* CS drops */
    e1000_test_set(t, E1000_EECD, EECD_REQ | EECD_CS);
    g_assert_cmphex(e1000_test_get(t, E1000_EECD) & EECD_DO, !=, 0); /* ready */
    e1000_test_set(t, E1000_EECD, 0);
}

static void test_eeprom_write(void)
{
    const uint32_t enable = 0x130, disable = 0x100, erase_all = 0x120, write_all = 0x110;
    struct e1000_test t;
    e1000_test_begin(&t);
    microwire_send(&t, 0x145u << 16 | 0x1234, 25);
    g_assert_cmphex(microwire_read(&t, 5), ==, 0); /* not enabled */
    microwire_send(&t, enable, 9);
    microwire_send(&t, 0x145u << 16 | 0x1234, 25);
    g_assert_cmphex(microwire_read(&t, 5), ==, 0x1234);
    microwire_send(&t, 0x145u << 8 | 0x56, 17); /* cut off */
    g_assert_cmphex(microwire_read(&t, 5), ==, 0x1234);
    microwire_send(&t, 0x1c5, 9); /* erase */
    g_assert_cmphex(microwire_read(&t, 5), ==, 0xffff);
    microwire_send(&t, 0x140u << 16 | 0xbb02, 25);
    e1000_test_set(&t, E1000_CTRL_EXT, CTRL_EXT_EE_RST);
    g_assert_cmphex(e1000_test_get(&t, E1000_RA), ==, 0x1200bb02);
    g_assert_cmphex(e1000_test_get(&t, E1000_CTRL_EXT) & CTRL_EXT_EE_RST, ==, 0);
    /* It keeps what it holds without power; "write enable" is gone. */
    test_machine_reset(t.machine);
    g_assert_cmphex(e1000_test_get(&t, E1000_RA), ==, 0x1200bb02);
    g_assert_cmphex(microwire_read(&t, 0), ==, 0xbb02);
    microwire_send(&t, 0x140u << 16 | 0x1111, 25);
    g_assert_cmphex(microwire_read(&t, 0), ==, 0xbb02);
    microwire_send(&t, enable, 9);
    microwire_send(&t, write_all << 16 | 0x7777, 25);
    g_assert_cmphex(microwire_read(&t, 63), ==, 0x7777);
    microwire_send(&t, erase_all, 9);
    g_assert_cmphex(microwire_read(&t, 0), ==, 0xffff);
    microwire_send(&t, disable, 9);
    microwire_send(&t, 0x145u << 16 | 0x1234, 25);
    g_assert_cmphex(microwire_read(&t, 5), ==, 0xffff);
    e1000_test_end(&t);
}

static void test_eeprom(void)
{
    struct e1000_test t;
    uint16_t sum = 0;
    e1000_test_begin(&t);
    for (unsigned i = 0; i < E1000_EEPROM_WORDS; i++) {
        e1000_test_set(&t, E1000_EERD, i << 8 | EERD_START);
        uint32_t value = e1000_test_get(&t, E1000_EERD);
        g_assert_cmphex(value & EERD_DONE, !=, 0);
        g_assert_cmphex(microwire_read(&t, i), ==, value >> 16);
        sum = (uint16_t)(sum + (value >> 16));
    }
    g_assert_cmphex(sum, ==, 0xbaba);
    g_assert_cmphex(microwire_read(&t, 0), ==, 0x5452);
    e1000_test_end(&t);
}

static uint32_t phy_read(struct e1000_test *t, unsigned phy, unsigned reg)
{
    e1000_test_set(t, E1000_MDIC, MDIC_READ | phy << 21 | reg << 16);
    return e1000_test_get(t, E1000_MDIC);
}

static void test_phy_and_link(void)
{
    struct e1000_test t;
    e1000_test_begin(&t);
    g_assert_cmphex(phy_read(&t, 1, 2) & 0xffff, ==, 0x0141);
    g_assert_cmphex(phy_read(&t, 2, 2) & MDIC_ERROR, !=, 0);
    g_assert_cmphex(phy_read(&t, 1, 1) & 4, !=, 0);
    net_link_set(t.link, false);
    e1000_test_run(&t);
    g_assert_cmphex(e1000_test_get(&t, E1000_ICR), ==, ICR_LSC);
    g_assert_cmphex(phy_read(&t, 1, 1) & 4, ==, 0);
    g_assert_cmphex(e1000_test_get(&t, E1000_STATUS) & STATUS_LU, ==, 0);
    net_link_set(t.link, true);
    e1000_test_run(&t);
    g_assert_cmphex(e1000_test_get(&t, E1000_ICR), ==, ICR_LSC);
    g_assert_cmphex(phy_read(&t, 1, 1) & 4, !=, 0);
    /* That it was lost for a moment can be read once. */
    net_link_set(t.link, false);
    e1000_test_run(&t);
    net_link_set(t.link, true);
    e1000_test_run(&t);
    g_assert_cmphex(phy_read(&t, 1, 1) & 4, ==, 0);
    g_assert_cmphex(phy_read(&t, 1, 1) & 4, !=, 0);
    e1000_test_end(&t);
}

static void test_interrupts(void)
{
    struct e1000_test t;
    e1000_test_begin(&t);
    e1000_test_set(&t, E1000_ICS, ICR_LSC);
    g_assert_false(t.e->asserted);
    e1000_test_set(&t, E1000_IMS, ICR_LSC);
    g_assert_true(t.e->asserted);
    g_assert_cmphex(e1000_test_get(&t, E1000_ICR), ==, ICR_LSC);
    g_assert_false(t.e->asserted);
    /* Moderation: the second comes after the interval. */
    e1000_test_set(&t, E1000_ITR, 1000);
    e1000_test_set(&t, E1000_ICS, ICR_LSC);
    g_assert_true(t.e->asserted);
    e1000_test_set(&t, E1000_ICR, 0xffffffff);
    e1000_test_set(&t, E1000_ICS, ICR_LSC);
    g_assert_false(t.e->asserted);
    test_advance(t.machine, 255999);
    g_assert_false(t.e->asserted);
    test_advance(t.machine, 1);
    g_assert_true(t.e->asserted);
    e1000_test_set(&t, E1000_IMC, 0xffffffff);
    g_assert_false(t.e->asserted);
    e1000_test_end(&t);
}

static void test_delays(void)
{
    struct e1000_test t;
    uint8_t frame[60];
    e1000_test_begin(&t);
    frame_to(frame, sizeof(frame), own);
    e1000_test_set(&t, E1000_RDTR, 10);
    e1000_test_set(&t, E1000_RADV, 15);
    e1000_test_arrive(&t, frame, sizeof(frame));
    g_assert_cmphex(t.e->icr & ICR_RXT0, ==, 0);
    test_advance(t.machine, 9 * 1024);
    e1000_test_arrive(&t, frame, sizeof(frame)); /* starts the packet timer again */
    test_advance(t.machine, 5 * 1024);
    g_assert_cmphex(t.e->icr & ICR_RXT0, ==, 0);
    test_advance(t.machine, 1024);
    g_assert_cmphex(t.e->icr & ICR_RXT0, !=, 0); /* the absolute one */
    e1000_test_get(&t, E1000_ICR);
    e1000_test_set(&t, E1000_TIDV, 20);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, EOP_IFCS_RS | TXD_CMD_IDE | 60, 0);
    g_assert_cmphex(t.e->icr & ICR_TXDW, ==, 0);
    test_advance(t.machine, 20 * 1024);
    g_assert_cmphex(t.e->icr & ICR_TXDW, !=, 0);
    e1000_test_end(&t);
}

static void test_transmit(void)
{
    struct e1000_test t;
    e1000_test_begin(&t);
    frame_to(t.ram->host + E1000_TEST_TX_DATA, 100, own);
    /* Two buffers; the second completes the frame. */
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, 40 | TXD_CMD_IFCS, 0);
    g_assert_cmpuint(t.frames, ==, 0);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA + 40, 60 | EOP_IFCS_RS, 0);
    g_assert_cmpuint(t.frames, ==, 1);
    g_assert_cmpmem(t.frame, t.size, t.ram->host + E1000_TEST_TX_DATA, 100);
    g_assert_cmphex(t.ram->host[E1000_TEST_TX_RING + 12] & 1, ==, 0); /* did not ask */
    g_assert_cmphex(t.ram->host[E1000_TEST_TX_RING + 28] & 1, ==, 1);
    g_assert_cmphex(e1000_test_get(&t, E1000_ICR) & (ICR_TXDW | ICR_TXQE), ==, ICR_TXDW | ICR_TXQE);
    g_assert_cmpuint(e1000_test_get(&t, E1000_TDH), ==, 2);
    /* Short frames are padded; a tag is put in. */
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, 20 | EOP_IFCS_RS, 0);
    g_assert_cmpuint(t.size, ==, 60);
    e1000_test_set(&t, E1000_CTRL, CTRL_VME);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, 100 | EOP_IFCS_RS | TXD_CMD_VLE, 0x0123u << 16);
    g_assert_cmpuint(t.size, ==, 104);
    g_assert_cmpmem(t.frame + 12, 6, "\x81\x00\x01\x23\x88\xb5", 6);
    g_assert_cmpuint(e1000_test_get(&t, E1000_STATS + STAT_GPTC * 4), ==, 3);
    g_assert_cmpuint(e1000_test_get(&t, E1000_STATS + STAT_GPTC * 4), ==, 0);
    e1000_test_end(&t);
}

static void test_receive(void)
{
    struct e1000_test t;
    uint8_t frame[1514];
    e1000_test_begin(&t);
    frame_to(frame, sizeof(frame), own);
    e1000_test_arrive(&t, frame, 1514);
    g_assert_cmpmem(t.ram->host + E1000_TEST_RX_DATA, 1514, frame, 1514);
    uint8_t *d = rx_descriptor(&t, 0);
    g_assert_cmpuint(d[8] | d[9] << 8, ==, 1514);
    g_assert_cmphex(d[12] & (RXD_STA_DD | RXD_STA_EOP), ==, RXD_STA_DD | RXD_STA_EOP);
    g_assert_cmphex(e1000_test_get(&t, E1000_ICR) & ICR_RXT0, !=, 0);
    /* A short one is padded; with the FCS kept it is four longer; small buffers share a frame. */
    e1000_test_set(&t, E1000_RCTL, RCTL_EN | 3u << RCTL_BSIZE_SHIFT);
    e1000_test_arrive(&t, frame, 20);
    g_assert_cmpuint(rx_descriptor(&t, 1)[8], ==, 64);
    e1000_test_arrive(&t, frame, 300);
    g_assert_cmpuint(rx_descriptor(&t, 2)[9], ==, 1);
    g_assert_cmphex(rx_descriptor(&t, 2)[12] & RXD_STA_EOP, ==, 0);
    g_assert_cmpuint(rx_descriptor(&t, 3)[8], ==, 304 - 256);
    /* Longer than the wire's usual needs LPE. */
    uint8_t jumbo[4000];
    frame_to(jumbo, sizeof(jumbo), own);
    e1000_test_set(&t, E1000_RCTL, RCTL_EN | RCTL_SECRC);
    e1000_test_arrive(&t, jumbo, sizeof(jumbo));
    g_assert_cmpuint(e1000_test_get(&t, E1000_RDH), ==, 4);
    g_assert_cmpuint(e1000_test_get(&t, E1000_STATS + STAT_ROC * 4), ==, 1);
    e1000_test_set(&t, E1000_RCTL, RCTL_EN | RCTL_SECRC | RCTL_LPE);
    e1000_test_arrive(&t, jumbo, sizeof(jumbo));
    g_assert_cmpuint(e1000_test_get(&t, E1000_RDH), ==, 6);
    e1000_test_end(&t);
}

static uint32_t stat(struct e1000_test *t, unsigned n)
{
    return e1000_test_get(t, E1000_STATS + n * 4);
}

/* What passes the filters is "good"; all that comes is counted in the totals. */
static void test_totals(void)
{
    static const uint8_t other[6] = {2, 0, 0, 0, 0, 1};
    struct e1000_test t;
    uint8_t frame[100];
    e1000_test_begin(&t);
    frame_to(frame, sizeof(frame), own);
    e1000_test_arrive(&t, frame, sizeof(frame));
    frame_to(frame, sizeof(frame), other);
    e1000_test_arrive(&t, frame, sizeof(frame));
    e1000_test_set(&t, E1000_RCTL, 0);
    e1000_test_arrive(&t, frame, sizeof(frame));
    g_assert_cmpuint(stat(&t, STAT_GPRC), ==, 1);
    g_assert_cmpuint(stat(&t, STAT_TPR), ==, 2);
    g_assert_cmpuint(stat(&t, STAT_GORCL), ==, 104);
    g_assert_cmpuint(stat(&t, STAT_TORL), ==, 208);
    g_assert_cmpuint(stat(&t, STAT_TORL), ==, 208); /* the high half clears both */
    g_assert_cmpuint(stat(&t, STAT_TORL + 1), ==, 0);
    g_assert_cmpuint(stat(&t, STAT_TORL), ==, 0);
    /* A frame that waits for descriptors is counted when it comes, and once. */
    frame_to(frame, sizeof(frame), own);
    e1000_test_set(&t, E1000_RDT, e1000_test_get(&t, E1000_RDH));
    e1000_test_set(&t, E1000_RCTL, RCTL_EN);
    e1000_test_arrive(&t, frame, sizeof(frame));
    e1000_test_set(&t, E1000_RCTL, RCTL_EN | RCTL_BAM); /* looked at again */
    e1000_test_run(&t);
    g_assert_cmpuint(stat(&t, STAT_TPR), ==, 1);
    g_assert_cmpuint(stat(&t, STAT_GPRC), ==, 0);
    e1000_test_set(&t, E1000_RDT, (e1000_test_get(&t, E1000_RDH) + 4) % E1000_TEST_COUNT);
    e1000_test_run(&t);
    g_assert_cmpuint(stat(&t, STAT_TPR), ==, 0);
    g_assert_cmpuint(stat(&t, STAT_GPRC), ==, 1);
    g_assert_cmpuint(stat(&t, STAT_RNBC), ==, 1);
    e1000_test_end(&t);
}

/* TXD_LOW: when the last eight are left. */
static void test_transmit_low(void)
{
    struct e1000_test t;
    e1000_test_begin(&t);
    e1000_test_set(&t, E1000_TXDCTL, 1u << DCTL_LWTHRESH_SHIFT);
    e1000_test_set(&t, E1000_TDT, 8);
    e1000_test_run(&t);
    g_assert_cmphex(e1000_test_get(&t, E1000_ICR) & ICR_TXD_LOW, ==, 0); /* never were more */
    e1000_test_set(&t, E1000_TDT, 1); /* nine */
    e1000_test_run(&t);
    g_assert_cmphex(e1000_test_get(&t, E1000_ICR) & ICR_TXD_LOW, !=, 0);
    e1000_test_end(&t);
}

static void test_full_ring(void)
{
    struct e1000_test t;
    uint8_t frame[60];
    e1000_test_begin(&t);
    frame_to(frame, sizeof(frame), own);
    for (unsigned i = 0; i < 20; i++) {
        e1000_test_arrive(&t, frame, sizeof(frame));
    }
    g_assert_cmpuint(e1000_test_get(&t, E1000_RDH), ==, 15);
    g_assert_cmphex(e1000_test_get(&t, E1000_ICR) & ICR_RXDMT0, !=, 0);
    e1000_test_set(&t, E1000_RDT, 14); /* gives them all back: the waiting ones come */
    test_run_events(t.machine);
    g_assert_cmpuint(e1000_test_get(&t, E1000_RDH), ==, 4);
    g_assert_cmpuint(e1000_test_get(&t, E1000_STATS + STAT_MPC * 4), ==, 0);
    /* The other way: a peer that takes nothing stops the transmitter, and nothing is lost. */
    t.peer_busy = true;
    unsigned sent = 0;
    do {
        e1000_test_transmit(&t, E1000_TEST_TX_DATA, 60 | EOP_IFCS_RS, 0);
        sent++;
    } while (e1000_test_get(&t, E1000_TDH) == e1000_test_get(&t, E1000_TDT));
    g_assert_cmpuint(sent, <=, NET_QUEUE_LOW_FRAMES + 3);
    t.peer_busy = false;
    net_port_resume(t.peer);
    e1000_test_run(&t);
    g_assert_cmpuint(t.frames, ==, sent);
    e1000_test_end(&t);
}

static bool accepts(struct e1000_test *t, const uint8_t mac[6])
{
    uint8_t frame[60];
    frame_to(frame, sizeof(frame), mac);
    return e1000_filter(t->e, frame, sizeof(frame));
}

static void test_filters(void)
{
    static const uint8_t other[6] = {2, 0, 0, 0, 0, 1}, all[6] = {255, 255, 255, 255, 255, 255};
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 0xfb};
    struct e1000_test t;
    e1000_test_begin(&t);
    g_assert_true(accepts(&t, own) && accepts(&t, all));
    g_assert_false(accepts(&t, other) || accepts(&t, group));
    e1000_test_set(&t, E1000_RCTL, RCTL_EN);
    g_assert_false(accepts(&t, all));
    e1000_test_set(&t, E1000_RCTL, RCTL_EN | RCTL_UPE);
    g_assert_true(accepts(&t, other));
    g_assert_false(accepts(&t, group));
    e1000_test_set(&t, E1000_RCTL, RCTL_EN | RCTL_MPE);
    g_assert_true(accepts(&t, group));
    /* Bits 47-36 of the address are fb0h: bit 16 of entry 125. */
    e1000_test_set(&t, E1000_RCTL, RCTL_EN);
    e1000_test_set(&t, E1000_MTA + 125 * 4, 1u << 16);
    g_assert_true(accepts(&t, group));
    e1000_test_set(&t, E1000_RA + 8, 0x00000002);
    e1000_test_set(&t, E1000_RA + 12, RAH_AV | 0x0100);
    g_assert_true(accepts(&t, other));
    e1000_test_end(&t);
}

static void test_vlan(void)
{
    struct e1000_test t;
    uint8_t frame[64];
    e1000_test_begin(&t);
    frame_to(frame, sizeof(frame), own);
    memcpy(frame + 12, "\x81\x00\x00\x05\x08\x00", 6);
    e1000_test_set(&t, E1000_RCTL, RCTL_EN | RCTL_SECRC | RCTL_VFE);
    g_assert_false(e1000_filter(t.e, frame, sizeof(frame)));
    e1000_test_set(&t, E1000_VFTA, 1u << 5);
    g_assert_true(e1000_filter(t.e, frame, sizeof(frame)));
    e1000_test_set(&t, E1000_CTRL, CTRL_VME);
    e1000_test_arrive(&t, frame, sizeof(frame));
    uint8_t *d = rx_descriptor(&t, 0);
    g_assert_cmpuint(d[8], ==, 60);
    g_assert_cmphex(d[12] & RXD_STA_VP, !=, 0);
    g_assert_cmpuint(d[14] | d[15] << 8, ==, 5);
    g_assert_cmpmem(t.ram->host + E1000_TEST_RX_DATA + 12, 2, "\x08\x00", 2);
    e1000_test_end(&t);
}

static void test_loopback(void)
{
    struct e1000_test t;
    e1000_test_begin(&t);
    frame_to(t.ram->host + E1000_TEST_TX_DATA, 80, own);
    e1000_test_set(&t, E1000_RCTL, RCTL_EN | RCTL_SECRC | RCTL_LBM);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, 80 | EOP_IFCS_RS, 0);
    g_assert_cmpuint(t.frames, ==, 0);
    g_assert_cmpmem(t.ram->host + E1000_TEST_RX_DATA, 80, t.ram->host + E1000_TEST_TX_DATA, 80);
    e1000_test_end(&t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/e1000/identity", test_identity);
    g_test_add_func("/e1000/eeprom", test_eeprom);
    g_test_add_func("/e1000/totals", test_totals);
    g_test_add_func("/e1000/transmit-low", test_transmit_low);
    g_test_add_func("/e1000/eeprom-write", test_eeprom_write);
    g_test_add_func("/e1000/phy-and-link", test_phy_and_link);
    g_test_add_func("/e1000/interrupts", test_interrupts);
    g_test_add_func("/e1000/delays", test_delays);
    g_test_add_func("/e1000/transmit", test_transmit);
    g_test_add_func("/e1000/receive", test_receive);
    g_test_add_func("/e1000/full-ring", test_full_ring);
    g_test_add_func("/e1000/filters", test_filters);
    g_test_add_func("/e1000/vlan", test_vlan);
    g_test_add_func("/e1000/loopback", test_loopback);
    return g_test_run();
}
