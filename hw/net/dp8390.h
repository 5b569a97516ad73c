/*
 * National DP8390D network interface controller with the board of an NE2000 around it: 16 KiB of packet memory, a PROM with
 * the address, a data port and a reset port. Part of a card's struct; hw/net/ne2k.c makes the ISA and the PCI card of it.
 */
#ifndef HW_NET_DP8390_H
#define HW_NET_DP8390_H

#include "core/clock.h"
#include "core/device.h"
#include "core/event.h"
#include "net/port.h"

#define DP8390_PORTS     0x20u   /* of the card: chip, data, reset */
#define DP8390_RAM_BASE  0x4000u /* in the chip's address space */
#define DP8390_RAM_SIZE  0x4000u
#define DP8390_PROM_SIZE 32u

struct dp8390 {
    struct device *dev;
    void (*interrupt)(struct device *dev, bool level);
    bool rtl8029; /* Realtek's register page 3 and identification */
    struct net_port *port; /* not owned; NULL: no cable */
    struct event port_event;
    struct timer rx_timer;
    bool in_batch; /* frames are being handed out and may be taken */
    uint8_t prom[DP8390_PROM_SIZE];

    /* Registers as in the data sheet; all saved. */
    uint8_t cr, isr, imr, dcr, tcr, rcr, tsr, rsr, ncr;
    uint8_t pstart, pstop, bnry, curr, tpsr;
    uint16_t tbcr, clda;
    uint16_t crda, rbcr;     /* remote DMA: where it is, bytes that remain */
    uint8_t par[6], mar[8], cntr[3];
    uint8_t fifo[8], fifo_at;  /* what loopback left behind */
    bool sending_packet;     /* remote DMA was started by "send packet" */
    uint8_t next_bnry;       /* BNRY after it */
    uint8_t rtl_9346cr, rtl_config3;
    uint64_t batch_at;       /* the next batch of frames comes then, or when PRX is acknowledged */
    uint64_t overflow_at;    /* a frame has waited long enough then; CLOCK_NEVER = none waits */
    uint64_t remind_at;      /* PRX comes again then, for frames still in the ring; CLOCK_NEVER = it does not */
    bool drained;            /* software has moved BNRY since PRX was set */
    uint8_t ram[DP8390_RAM_SIZE];
};

extern const struct field dp8390_fields[];

/* interrupt is called by dp8390_drive(). mac: as text; false and error if malformed. */
bool dp8390_init(struct dp8390 *chip, struct device *dev, const char *mac, void (*interrupt)(struct device *, bool),
                 GError **error);
/* Safe on a zeroed one. */
void dp8390_finish(struct dp8390 *chip);
void dp8390_connect_port(struct dp8390 *chip, struct net_port *port);

void dp8390_reset(struct dp8390 *chip);
void dp8390_loaded(struct dp8390 *chip);
void dp8390_drive(struct dp8390 *chip);

/* The card's ports; size 1, 2 or 4 at the data port, else the low byte counts. */
uint32_t dp8390_read(struct dp8390 *chip, unsigned offset, unsigned size);
void dp8390_write(struct dp8390 *chip, unsigned offset, uint32_t value, unsigned size);

#endif
