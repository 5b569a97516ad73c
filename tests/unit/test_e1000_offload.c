/* hw/net/e1000_offload.c and the transmitter's use of it; descriptors that make no sense. */
#include <string.h>

#include "net/checksum.h"
#include "tests/support/e1000_test.h"

#define HEADER 54u
#define EOP_TSE                                                                                    \
    (TXD_CMD_EOP | TXD_CMD_IFCS | TXD_CMD_RS | TXD_CMD_DEXT | TXD_DTYP_DATA | TXD_CMD_TSE)

/* Ethernet, IPv4, TCP headers in RAM with a payload; the pseudo header's sum without length in
 * place. */
static void make_packet(uint8_t *p, size_t payload)
{
    static const uint8_t head[HEADER] = {
        0x52, 0x55, 10, 0, 2,    2,    0x52, 0x54, 0,  0x12, 0x34, 0x56, 8,    0,
        0x45, 0,    0,  0, 0x10, 0xff, 0x40, 0,    64, 6,    0,    0,    10,   0,
        2,    15,   10, 0, 2,    2,    0x30, 0x39, 0,  80,   0xff, 0xff, 0xff, 0x00,
        0,    0,    0,  1, 0x50, 0x19, 0x20, 0,    0,  0,    0,    0,
    };
    memcpy(p, head, HEADER);
    for (size_t i = 0; i < payload; i++) {
        p[HEADER + i] = (uint8_t)(i * 7 + i / 256);
    }
    uint16_t pseudo = net_sum_fold(net_sum(p + 26, 8) + 6);
    p[50] = (uint8_t)(pseudo >> 8);
    p[51] = (uint8_t)pseudo;
}

static void send_context(struct e1000_test *t, bool tse, unsigned mss)
{
    uint64_t low = 14 | 24u << 8 | 33u << 16 | (uint64_t)(34u | 50u << 8) << 32;
    e1000_test_transmit(t, low,
                        TXD_CMD_DEXT | TXD_CONTEXT_TCP | TXD_CONTEXT_IP |
                            (tse ? TXD_CONTEXT_TSE : 0) | 3000,
                        HEADER << 8 | mss << 16);
}

/* The error bits; the same whether the sum of the whole frame is known or not. */
static uint8_t check_errors(const uint8_t *frame, size_t size, bool l4)
{
    uint8_t errors[2] = {0};
    for (unsigned known = 0; known < 2; known++) {
        const struct e1000_sums sums = {frame, size, known != 0, net_sum_fold(net_sum(frame, size))};
        uint8_t status = 0;
        e1000_check_sums(&sums, true, l4, &status, &errors[known]);
        g_assert_cmphex(status, ==, RXD_STA_IPCS | (l4 ? RXD_STA_TCPCS : 0));
    }
    g_assert_cmphex(errors[0], ==, errors[1]);
    return errors[0];
}

static void check_good(const uint8_t *frame, size_t size)
{
    g_assert_cmphex(check_errors(frame, size, true), ==, 0);
}

static void test_segmentation(void)
{
    struct e1000_test t;
    e1000_test_begin(&t);
    uint8_t *p = t.ram->host + E1000_TEST_TX_DATA;
    make_packet(p, 3000);
    send_context(&t, true, 1460);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, (EOP_TSE & ~TXD_CMD_EOP) | 1000,
                        (TXD_POPTS_IXSM | TXD_POPTS_TXSM) << 8);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA + 1000, EOP_TSE | (HEADER + 3000 - 1000), 0);
    g_assert_cmpuint(t.frames, ==, 3);
    g_assert_cmpuint(t.sizes[0], ==, HEADER + 1460);
    g_assert_cmpuint(t.sizes[1], ==, HEADER + 1460);
    g_assert_cmpuint(t.sizes[2], ==, HEADER + 80);
    check_good(t.frame, t.size);
    g_assert_cmpmem(t.frame + HEADER, 80, p + HEADER + 2920, 80);
    g_assert_cmpmem(t.frame + 16, 4, "\x00\x78\x11\x01", 4); /* length, identification + 2 */
    g_assert_cmpmem(t.frame + 38, 4, "\x00\x00\x0a\x68", 4); /* sequence wraps */
    g_assert_cmphex(t.frame[47], ==, 0x19);                  /* FIN and PSH on the last alone */
    g_assert_cmpuint(e1000_test_get(&t, E1000_STATS + STAT_TSCTC * 4), ==, 1);
    e1000_test_end(&t);
}

static void test_checksum(void)
{
    struct e1000_test t;
    e1000_test_begin(&t);
    uint8_t *p = t.ram->host + E1000_TEST_TX_DATA;
    make_packet(p, 101);
    p[17] = HEADER - 14 + 101;
    uint16_t pseudo = net_sum_fold(net_sum(p + 26, 8) + 6 + 20 + 101);
    p[50] = (uint8_t)(pseudo >> 8);
    p[51] = (uint8_t)pseudo;
    send_context(&t, false, 0);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, (EOP_TSE & ~TXD_CMD_TSE) | (HEADER + 101),
                        (TXD_POPTS_IXSM | TXD_POPTS_TXSM) << 8);
    g_assert_cmpuint(t.frames, ==, 1);
    check_good(t.frame, t.size);
    t.frame[60] ^= 1;
    g_assert_cmphex(check_errors(t.frame, t.size, true), ==, RXD_ERR_TCPE);
    t.frame[20] ^= 1;
    g_assert_cmphex(check_errors(t.frame, t.size, false), ==, RXD_ERR_IPE);
    e1000_test_end(&t);
}

/* Contexts that point outside, no segment size, packets without end: nothing leaves, the card lives
 * on. */
static void test_impossible(void)
{
    struct e1000_test t;
    e1000_test_begin(&t);
    make_packet(t.ram->host + E1000_TEST_TX_DATA, 3000);
    send_context(&t, true, 0);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, EOP_TSE | 3000, 0x300);
    send_context(&t, true, 0xffff);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, EOP_TSE | 3000, 0x300);
    /* The segment size changes to nothing in the middle of a packet. */
    send_context(&t, true, 1460);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, (EOP_TSE & ~TXD_CMD_EOP) | 100, 0x300);
    send_context(&t, true, 0);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, EOP_TSE | TXD_LENGTH_MASK, 0x300);
    g_assert_cmpuint(t.frames, ==, 0);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, TXD_CMD_IFCS | 0xffff, 0);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, TXD_CMD_IFCS | TXD_CMD_EOP | 0xffff, 0);
    g_assert_cmpuint(t.frames, ==, 0);
    e1000_test_transmit(&t, E1000_TEST_TX_DATA, TXD_CMD_IFCS | TXD_CMD_EOP | 100, 0);
    g_assert_cmpuint(t.frames, ==, 1);
    /* Ring pointers outside the ring: nothing moves. */
    e1000_test_set(&t, E1000_TDT, 0xffff);
    e1000_test_set(&t, E1000_RDT, 0xffff);
    e1000_test_set(&t, E1000_RDH, 0x8000);
    test_advance(t.machine, 1000000);
    e1000_test_end(&t);
}

static void test_random(void)
{
    struct e1000_test t;
    struct test_random random = {9};
    e1000_test_begin(&t);
    unsigned rounds = g_test_thorough() ? 100000 : 3000;
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t r = test_random_next(&random), s = test_random_next(&random);
        if (i % 64 == 0) {
            e1000_test_set(&t, E1000_RCTL, (uint32_t)s | RCTL_EN);
            e1000_test_set(&t, E1000_CTRL, (uint32_t)s & CTRL_VME);
            e1000_test_set(&t, E1000_TDH, e1000_test_get(&t, E1000_TDT));
        }
        uint32_t command = (uint32_t)r & (r & 1ull << 40 ? 0xffffffff : 0xff700fff);
        e1000_test_transmit(&t, test_random_next(&random) % (E1000_TEST_RAM + 4096), command,
                            (uint32_t)s);
        uint8_t frame[2000];
        for (unsigned k = 0; k < 64; k++) {
            frame[k] = (uint8_t)(s >> (k % 57));
        }
        memcpy(frame + 12, s & 1 ? "\x08\x00\x45" : "\x81\x00\x00", 3);
        e1000_test_set(&t, E1000_RDT, (e1000_test_get(&t, E1000_RDH) + 15) % E1000_TEST_COUNT);
        e1000_test_arrive(&t, frame, 14 + r % 1980);
        if (i % 512 == 511) {
            e1000_test_set(&t, E1000_CTRL, CTRL_RST);
            e1000_test_set(&t, E1000_TDBAL, E1000_TEST_TX_RING);
            e1000_test_set(&t, E1000_TDLEN, E1000_TEST_COUNT * E1000_DESC_SIZE);
            e1000_test_set(&t, E1000_TCTL, TCTL_EN);
            e1000_test_set(&t, E1000_RDBAL, E1000_TEST_RX_RING);
            e1000_test_set(&t, E1000_RDLEN, E1000_TEST_COUNT * E1000_DESC_SIZE);
            e1000_test_set(&t, E1000_RXCSUM, (uint32_t)s & 0x3ff);
        }
    }
    e1000_test_end(&t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/e1000/segmentation", test_segmentation);
    g_test_add_func("/e1000/checksum", test_checksum);
    g_test_add_func("/e1000/impossible", test_impossible);
    g_test_add_func("/e1000/random", test_random);
    return g_test_run();
}
