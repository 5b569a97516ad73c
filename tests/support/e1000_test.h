/*
 * A machine with an 82540EM, its rings in RAM and a fake at the other end of the wire.
 */
#ifndef TESTS_SUPPORT_E1000_TEST_H
#define TESTS_SUPPORT_E1000_TEST_H

#include "hw/net/e1000_impl.h"
#include "tests/support/test.h"

#define E1000_TEST_RAM     0x100000u
#define E1000_TEST_TX_RING 0x1000u
#define E1000_TEST_RX_RING 0x2000u
#define E1000_TEST_COUNT   16u /* descriptors of each ring */
#define E1000_TEST_TX_DATA 0x10000u
#define E1000_TEST_RX_DATA 0x80000u /* 2 KiB each */

struct e1000_test {
    struct machine *machine;
    struct ram *ram;
    struct device *dev;
    struct e1000 *e;
    struct net_link *link;
    struct net_port *peer;
    unsigned frames;              /* that the peer got */
    uint8_t frame[NET_FRAME_MAX]; /* the last of them */
    size_t sizes[64], size;       /* of the first ones, of the last one */
    bool peer_busy;
};

/* Bus master, both rings set up and enabled, interrupts masked, broadcast accepted. */
void e1000_test_begin(struct e1000_test *t);
void e1000_test_end(struct e1000_test *t);
uint32_t e1000_test_get(struct e1000_test *t, uint32_t reg);
void e1000_test_set(struct e1000_test *t, uint32_t reg, uint32_t value);
/* Puts a transmit descriptor at the tail and moves that on. command: dword 2; upper: dword 3. */
void e1000_test_transmit(struct e1000_test *t, uint64_t address, uint32_t command, uint32_t upper);
/* A frame from the peer; runs the card's events. */
void e1000_test_arrive(struct e1000_test *t, const uint8_t *frame, size_t size);
/* Lets both ends take what is queued. */
void e1000_test_run(struct e1000_test *t);

#endif
