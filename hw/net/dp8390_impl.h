/* Inside the DP8390: bits, and what its files offer each other. */
#ifndef HW_NET_DP8390_IMPL_H
#define HW_NET_DP8390_IMPL_H

#include "hw/net/dp8390.h"

#define CR_STP      0x01
#define CR_STA      0x02
#define CR_TXP      0x04
#define CR_RD_SHIFT 3
#define CR_RD_READ  1
#define CR_RD_WRITE 2
#define CR_RD_SEND  3
#define CR_RD_ABORT 0x20
#define CR_PS_SHIFT 6

#define ISR_PRX 0x01
#define ISR_PTX 0x02
#define ISR_RXE 0x04
#define ISR_OVW 0x10
#define ISR_CNT 0x20
#define ISR_RDC 0x40
#define ISR_RST 0x80

#define DCR_WTS 0x01
#define DCR_LS  0x08 /* 1 = normal operation */

#define TCR_CRC      0x01 /* 1 = none is appended */
#define TCR_LB_SHIFT 1

#define TSR_PTX 0x01

#define RCR_AB  0x04
#define RCR_AM  0x08
#define RCR_PRO 0x10
#define RCR_MON 0x20

#define RSR_PRX 0x01
#define RSR_CRC 0x02
#define RSR_MPA 0x10
#define RSR_PHY 0x20
#define RSR_DIS 0x40

#define CNTR_MISSED 2
#define PAGE_SIZE   256u

/* Byte of packet memory at a chip address; all ones outside. */
static inline uint8_t dp8390_peek(const struct dp8390 *chip, unsigned address)
{
    address &= 0xffff;
    return address - DP8390_RAM_BASE < DP8390_RAM_SIZE ? chip->ram[address - DP8390_RAM_BASE]
           : address < DP8390_PROM_SIZE                ? chip->prom[address]
                                                       : 0xff;
}

static inline void dp8390_poke(struct dp8390 *chip, unsigned address, uint8_t value)
{
    address &= 0xffff;
    if (address - DP8390_RAM_BASE < DP8390_RAM_SIZE) {
        chip->ram[address - DP8390_RAM_BASE] = value;
    }
}

/* dp8390_frames.c */
/* TXP was set, or the wire has room again. */
void dp8390_transmit(struct dp8390 *chip);
enum net_result dp8390_receive(struct dp8390 *chip, const uint8_t *frame, size_t size);
/* Software has cleared PRX. */
void dp8390_acknowledged(struct dp8390 *chip);
/* The receiver may take frames that it did not take before. */
void dp8390_receiver_changed(struct dp8390 *chip);
/* Timer: frames that wait are looked at again. */
void dp8390_rx_timer(void *arg);

#endif
