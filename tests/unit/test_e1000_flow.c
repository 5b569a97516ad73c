/* hw/net/e1000_flow.c and e1000_wake.c, and the thresholds of write-back. */
#include <string.h>

#include "tests/support/e1000_test.h"

#define EOP_IFCS_RS (TXD_CMD_EOP | TXD_CMD_IFCS | TXD_CMD_RS)
#define PMCSR       (E1000_PM_OFFSET + 4)

static void make_pause(uint8_t frame[60], unsigned quanta)
{
    static const uint8_t head[16] = {1, 0x80, 0xc2, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x88, 0x08, 0, 1};
    memset(frame, 0, 60);
    memcpy(frame, head, sizeof(head));
    frame[16] = (uint8_t)(quanta >> 8);
    frame[17] = (uint8_t)quanta;
}

/* An XOFF stops the transmitter for its time; an XON ends that. */
static void test_paused(void)
{
    struct e1000_test t;
    uint8_t frame[60];
    e1000_test_begin(&t);
    e1000_test_set(&t, E1000_FCT, 0x8808);
    e1000_test_set(&t, E1000_CTRL, e1000_test_get(&t, E1000_CTRL) | CTRL_RFCE);
    make_pause(frame, 1000);
    e1000_test_arrive(&t, frame, sizeof(frame));
    g_assert_cmphex(e1000_test_get(&t, E1000_STATUS) & STATUS_TXOFF, !=, 0);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, 60 | EOP_IFCS_RS, 0);
    e1000_test_run(&t);
    g_assert_cmpuint(t.frames, ==, 0);
    test_advance(t.machine, 1000 * 512 + 100000);
    e1000_test_run(&t);
    g_assert_cmpuint(t.frames, ==, 1);
    e1000_test_arrive(&t, frame, sizeof(frame));
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, 60 | EOP_IFCS_RS, 0);
    make_pause(frame, 0);
    e1000_test_arrive(&t, frame, sizeof(frame));
    e1000_test_run(&t);
    g_assert_cmpuint(t.frames, ==, 2);
    g_assert_cmpuint(e1000_test_get(&t, E1000_STATS + STAT_XOFFRXC * 4), ==, 2);
    g_assert_cmpuint(e1000_test_get(&t, E1000_STATS + STAT_XONRXC * 4), ==, 1);
    e1000_test_end(&t);
}

/* A full ring says XOFF once, and XON when it has room. */
static void test_pauses_peer(void)
{
    struct e1000_test t;
    uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    e1000_test_begin(&t);
    e1000_test_set(&t, E1000_FCT, 0x8808);
    e1000_test_set(&t, E1000_FCTTV, 0x1234);
    e1000_test_set(&t, E1000_FCRTH, 0x8000);
    e1000_test_set(&t, E1000_FCRTL, 0x4000 | FCRTL_XONE);
    e1000_test_set(&t, E1000_CTRL, e1000_test_get(&t, E1000_CTRL) | CTRL_TFCE);
    for (unsigned i = 0; i < E1000_TEST_COUNT + 2; i++) {
        e1000_test_arrive(&t, frame, sizeof(frame));
    }
    e1000_test_run(&t);
    g_assert_cmpuint(t.frames, ==, 1);
    g_assert_cmphex(t.frame[16] << 8 | t.frame[17], ==, 0x1234);
    g_assert_cmphex(t.frame[12] << 8 | t.frame[13], ==, 0x8808);
    e1000_test_set(&t, E1000_RDT, (e1000_test_get(&t, E1000_RDH) + E1000_TEST_COUNT - 1) % E1000_TEST_COUNT);
    e1000_test_run(&t);
    g_assert_cmpuint(t.frames, ==, 2);
    g_assert_cmphex(t.frame[16] << 8 | t.frame[17], ==, 0);
    e1000_test_end(&t);
}

static void test_software_xoff(void)
{
    struct e1000_test t;
    e1000_test_begin(&t);
    e1000_test_set(&t, E1000_FCT, 0x8808);
    e1000_test_set(&t, E1000_FCTTV, 7);
    e1000_test_set(&t, E1000_TCTL, e1000_test_get(&t, E1000_TCTL) | TCTL_SWXOFF);
    e1000_test_run(&t);
    g_assert_cmpuint(t.frames, ==, 1);
    g_assert_cmpuint(t.frame[17], ==, 7);
    g_assert_cmphex(e1000_test_get(&t, E1000_TCTL) & TCTL_SWXOFF, ==, 0);
    g_assert_cmpuint(e1000_test_get(&t, E1000_STATS + STAT_XOFFTXC * 4), ==, 1);
    e1000_test_end(&t);
}

static uint8_t tx_status(struct e1000_test *t, unsigned i)
{
    return ((uint8_t *)t->ram->host)[E1000_TEST_TX_RING + 16 * i + 12];
}

static void test_tx_threshold(void)
{
    struct e1000_test t;
    const uint32_t command = 60 | EOP_IFCS_RS | TXD_CMD_IDE;
    e1000_test_begin(&t);
    e1000_test_set(&t, E1000_TXDCTL, DCTL_GRAN | 4u << DCTL_WTHRESH_SHIFT);
    e1000_test_set(&t, E1000_TIDV, 100);
    for (unsigned i = 0; i < 3; i++) {
        e1000_test_transmit(&t, E1000_TEST_TX_DATA, command, 0);
    }
    g_assert_cmpuint(e1000_test_get(&t, E1000_TDH), ==, 3);
    g_assert_cmphex(tx_status(&t, 0) & TXD_STA_DD, ==, 0);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, command, 0); /* the fourth */
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmphex(tx_status(&t, i) & TXD_STA_DD, !=, 0);
    }
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, command, 0);
    g_assert_cmphex(tx_status(&t, 4) & TXD_STA_DD, ==, 0);
    test_advance(t.machine, 200000); /* the delay is over */
    g_assert_cmphex(tx_status(&t, 4) & TXD_STA_DD, !=, 0);
    e1000_test_end(&t);
}

static void test_rx_threshold(void)
{
    struct e1000_test t;
    const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    e1000_test_begin(&t);
    const uint8_t *status = (uint8_t *)t.ram->host + E1000_TEST_RX_RING + 12;
    e1000_test_set(&t, E1000_RXDCTL, DCTL_GRAN | 3u << DCTL_WTHRESH_SHIFT);
    e1000_test_set(&t, E1000_RDTR, 100);
    e1000_test_arrive(&t, frame, sizeof(frame));
    e1000_test_arrive(&t, frame, sizeof(frame));
    g_assert_cmpuint(e1000_test_get(&t, E1000_RDH), ==, 2);
    g_assert_cmphex(status[0] & RXD_STA_DD, ==, 0);
    e1000_test_arrive(&t, frame, sizeof(frame));
    g_assert_cmphex(status[0] & status[16] & status[32] & RXD_STA_DD, !=, 0);
    e1000_test_arrive(&t, frame, sizeof(frame));
    g_assert_cmphex(status[48] & RXD_STA_DD, ==, 0);
    test_advance(t.machine, 200000);
    g_assert_cmphex(status[48] & RXD_STA_DD, !=, 0);
    e1000_test_end(&t);
}

static void test_magic(void)
{
    struct e1000_test t;
    uint8_t frame[120] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    e1000_test_begin(&t);
    memset(frame + 14, 0xff, 6);
    for (unsigned i = 0; i < 16; i++) {
        memcpy(frame + 20 + 6 * i, t.e->mac, 6);
    }
    e1000_test_set(&t, E1000_WUC, WUC_PME_EN);
    e1000_test_set(&t, E1000_WUFC, WUFC_MAG);
    pci_config_write(&t.e->pci, PMCSR, 0x103, 2); /* D3, PME enabled */
    uint32_t head = e1000_test_get(&t, E1000_RDH);
    frame[20] ^= 1;
    e1000_test_arrive(&t, frame, sizeof(frame));
    g_assert_cmphex(e1000_test_get(&t, E1000_WUS), ==, 0);
    frame[20] ^= 1;
    e1000_test_arrive(&t, frame, sizeof(frame));
    g_assert_cmphex(e1000_test_get(&t, E1000_WUS), ==, WUFC_MAG);
    g_assert_cmphex(e1000_test_get(&t, E1000_WUC) & WUC_PME_STATUS, !=, 0);
    g_assert_cmphex(pci_get_u16(&t.e->pci, PMCSR) & 0x8000, !=, 0);
    g_assert_cmpuint(e1000_test_get(&t, E1000_WUPL), ==, sizeof(frame));
    g_assert_cmphex(e1000_test_get(&t, E1000_WUPM), ==, 0xffffffff);
    g_assert_cmpuint(e1000_test_get(&t, E1000_RDH), ==, head);
    pci_config_write(&t.e->pci, PMCSR, 0x8000, 2); /* D0, status cleared */
    g_assert_cmphex(pci_get_u16(&t.e->pci, PMCSR), ==, 0);
    e1000_test_arrive(&t, frame, sizeof(frame));
    g_assert_cmpuint(e1000_test_get(&t, E1000_RDH), ==, head + 1);
    e1000_test_end(&t);
}

/* Two flexible filters: one looks at bytes 12 and 13, the other at a byte that is different. */
static void test_flexible(void)
{
    struct e1000_test t;
    uint8_t frame[64] = {0x52, 0x54, 0, 0x12, 0x34, 0x56, [12] = 0x88, [13] = 0xb5};
    e1000_test_begin(&t);
    e1000_test_set(&t, E1000_FFLT, 16);
    e1000_test_set(&t, E1000_FFLT + 8, 16);
    e1000_test_set(&t, E1000_FFMT + 8 * 12, 1);
    e1000_test_set(&t, E1000_FFMT + 8 * 13, 3);
    e1000_test_set(&t, E1000_FFVT + 8 * 12, 0x88);
    e1000_test_set(&t, E1000_FFVT + 8 * 13, 0x00b5 | 0xb6 << 8);
    e1000_test_set(&t, E1000_WUC, WUC_PME_EN);
    e1000_test_set(&t, E1000_WUFC, 3u << WUFC_FLX_SHIFT);
    pci_config_write(&t.e->pci, PMCSR, 0x103, 2); /* D3, PME enabled */
    frame[12] = 0x89;
    e1000_test_arrive(&t, frame, sizeof(frame));
    g_assert_cmphex(e1000_test_get(&t, E1000_WUS), ==, 0);
    frame[12] = 0x88;
    e1000_test_arrive(&t, frame, 15); /* shorter than the filter */
    g_assert_cmphex(e1000_test_get(&t, E1000_WUS), ==, 0);
    e1000_test_arrive(&t, frame, sizeof(frame));
    g_assert_cmphex(e1000_test_get(&t, E1000_WUS), ==, 1u << WUFC_FLX_SHIFT);
    e1000_test_end(&t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/e1000/flow/paused", test_paused);
    g_test_add_func("/e1000/flow/pauses-peer", test_pauses_peer);
    g_test_add_func("/e1000/flow/software", test_software_xoff);
    g_test_add_func("/e1000/write-back/transmit", test_tx_threshold);
    g_test_add_func("/e1000/write-back/receive", test_rx_threshold);
    g_test_add_func("/e1000/wake", test_magic);
    g_test_add_func("/e1000/wake/flexible", test_flexible);
    return g_test_run();
}
