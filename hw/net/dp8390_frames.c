/*
 * Frames of the DP8390 (data sheet chapters 7 "Packet Reception", 8 "Packet Transmission", 13 "Loopback Diagnostics"):
 * the receive ring and its overflow, address filter, transmitter, loopback.
 *
 * A frame for which the ring has no room waits on the wire, which holds it for OVERFLOW_NS; only then it is lost and the
 * ring overflows, so that a guest that is merely slow loses nothing. After an overflow reception goes on as soon as there
 * is room, even if software omits the reset that the data sheet asks for. Frames come in batches: after one, the next is
 * held until software acknowledges PRX, or for BATCH_NS. Drivers take a few frames in a turn and then acknowledge; a ring
 * filled up again behind their back would leave them without another interrupt. Where that happens all the same, PRX comes
 * again after REMIND_NS, once for each time that software has taken frames: a full ring would wait for an overflow.
 * Collisions, carrier and FIFO errors do not happen; a frame takes no time.
 */
#include <string.h>
#include <zlib.h>

#include "core/machine.h"
#include "hw/net/dp8390_impl.h"

#define FRAME_MIN   60u   /* without FCS: wires here carry frames without padding */
#define FRAME_MAX   1518u /* without FCS, with a VLAN tag */
#define FCS_SIZE    4u
#define HEADER_SIZE 4u
#define CNTR_MAX    192u
#define CNTR_MSB    0x80u
#define OVERFLOW_NS 500000000ull
#define BATCH_NS    200000ull
#define REMIND_NS   300000ull

/* ---- reception ---- */

/* STP alone stops the chip; drivers write the command register without STA, too. */
static bool is_receiving(const struct dp8390 *chip)
{
    return !(chip->cr & CR_STP) && (chip->dcr & DCR_LS) && !(chip->tcr >> TCR_LB_SHIFT & 3);
}

/* The CRC's upper six bits number a bit of the hash registers. */
static bool match_hash(const struct dp8390 *chip, const uint8_t *address)
{
    uint32_t crc = ~(uint32_t)crc32(0, address, 6);
    unsigned bit = 0;
    for (unsigned i = 0; i < 6; i++) {
        bit = bit << 1 | (crc >> i & 1);
    }
    return chip->mar[bit >> 3] >> (bit & 7) & 1;
}

static bool match(const struct dp8390 *chip, const uint8_t *frame)
{
    static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    if (memcmp(frame, broadcast, 6) == 0) {
        return chip->rcr & RCR_AB;
    }
    if (frame[0] & 1) {
        return (chip->rcr & RCR_AM) && match_hash(chip, frame);
    }
    return (chip->rcr & RCR_PRO) || memcmp(frame, chip->par, 6) == 0;
}

static void count_missed(struct dp8390 *chip)
{
    uint8_t *counter = &chip->cntr[CNTR_MISSED];
    *counter = (uint8_t)MIN(*counter + 1u, CNTR_MAX);
    chip->isr |= *counter & CNTR_MSB ? ISR_CNT : 0;
}

/* Pages of the ring that can be written before the local DMA meets the boundary. */
static unsigned free_pages(const struct dp8390 *chip)
{
    unsigned size = (unsigned)chip->pstop - chip->pstart;
    /* Linux's driver, which keeps BNRY a page behind, writes this when it has read the ring's last page. */
    unsigned bnry = chip->bnry + 1u == chip->pstart ? chip->pstop - 1u : chip->bnry;
    if (chip->curr < chip->pstart || chip->curr >= chip->pstop || chip->pstop <= chip->pstart) {
        return 0;
    }
    if (bnry < chip->pstart || bnry >= chip->pstop || bnry == chip->curr) {
        return size;
    }
    return chip->curr < bnry ? bnry - chip->curr : size - (chip->curr - bnry);
}

static void put(struct dp8390 *chip, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        dp8390_poke(chip, chip->clda, data[i]);
        chip->clda++;
        if (chip->clda == chip->pstop * PAGE_SIZE) {
            chip->clda = (uint16_t)(chip->pstart * PAGE_SIZE);
        }
    }
}

static void store(struct dp8390 *chip, const uint8_t *frame, size_t size, unsigned pages)
{
    uint32_t fcs = (uint32_t)crc32(0, frame, (uInt)size);
    unsigned next = chip->curr + pages, count = (unsigned)size + FCS_SIZE;
    if (next >= chip->pstop) {
        next = next - chip->pstop + chip->pstart;
    }
    const uint8_t header[HEADER_SIZE] = { chip->rsr, (uint8_t)next, (uint8_t)count, (uint8_t)(count >> 8) };
    const uint8_t tail[FCS_SIZE] = { (uint8_t)fcs, (uint8_t)(fcs >> 8), (uint8_t)(fcs >> 16), (uint8_t)(fcs >> 24) };
    chip->clda = (uint16_t)(chip->curr * PAGE_SIZE);
    put(chip, header, sizeof(header));
    put(chip, frame, size);
    put(chip, tail, sizeof(tail));
    chip->curr = (uint8_t)next;
    chip->isr |= ISR_PRX;
    chip->remind_at = CLOCK_NEVER;
}

enum net_result dp8390_receive(struct dp8390 *chip, const uint8_t *frame, size_t size)
{
    uint8_t padded[FRAME_MIN] = { 0 };
    if (!is_receiving(chip) || size < NET_HEADER_SIZE || size > FRAME_MAX || !match(chip, frame)) {
        return NET_SENT;
    }
    if (size < FRAME_MIN) {
        memcpy(padded, frame, size);
        frame = padded;
        size = FRAME_MIN;
    }
    uint8_t group = frame[0] & 1 ? RSR_PHY : 0;
    if (chip->rcr & RCR_MON) {
        chip->rsr = RSR_MPA | RSR_DIS | group;
        count_missed(chip);
        dp8390_drive(chip);
        return NET_SENT;
    }
    unsigned pages = (unsigned)((HEADER_SIZE + size + FCS_SIZE + PAGE_SIZE - 1) / PAGE_SIZE);
    /* The local DMA must not reach the boundary's page: with the last page it would. */
    uint64_t now = clock_now(chip->dev->machine->guest_clock);
    if (!chip->in_batch) {
        return NET_WAIT;
    }
    if (pages >= free_pages(chip)) {
        if (chip->overflow_at == CLOCK_NEVER) {
            chip->overflow_at = now + OVERFLOW_NS;
        } else if (now >= chip->overflow_at) {
            chip->overflow_at = CLOCK_NEVER;
            chip->isr |= ISR_OVW | ISR_RST;
            chip->rsr = RSR_MPA | group;
            count_missed(chip);
            dp8390_drive(chip);
            return NET_SENT;
        }
        dp8390_drive(chip);
        return NET_WAIT;
    }
    chip->overflow_at = CLOCK_NEVER;
    chip->batch_at = now + BATCH_NS;
    chip->rsr = RSR_PRX | group;
    store(chip, frame, size, pages);
    dp8390_drive(chip);
    return NET_SENT;
}

void dp8390_receiver_changed(struct dp8390 *chip)
{
    if (chip->port != NULL) {
        net_port_resume(chip->port);
    }
}

/* BNRY is the page behind the last one read; some drivers let it be that of the next to read. */
static bool is_ring_empty(const struct dp8390 *chip)
{
    unsigned next = chip->bnry + 1u >= chip->pstop ? chip->pstart : chip->bnry + 1u;
    return chip->curr == chip->bnry || chip->curr == next;
}

void dp8390_acknowledged(struct dp8390 *chip)
{
    chip->batch_at = CLOCK_NEVER;
    if (chip->drained && !is_ring_empty(chip)) {
        chip->remind_at = clock_now(chip->dev->machine->guest_clock) + REMIND_NS;
    }
    chip->drained = false;
}

void dp8390_rx_timer(void *arg)
{
    struct dp8390 *chip = arg;
    uint64_t now = clock_now(chip->dev->machine->guest_clock);
    if (now >= chip->batch_at) {
        chip->batch_at = CLOCK_NEVER;
    }
    if (now >= chip->remind_at) {
        chip->remind_at = CLOCK_NEVER;
        chip->isr |= is_ring_empty(chip) ? 0 : ISR_PRX;
        dp8390_drive(chip);
    }
    dp8390_receiver_changed(chip);
    /* An overflow happens when the frame is looked at again; until then the timer has done its part. */
    timer_at(&chip->rx_timer, MIN(chip->batch_at, chip->remind_at));
}

/* ---- transmission ---- */

/* What went round is not stored: its last byte, its CRC and its size can be read from the FIFO. */
static void loop_back(struct dp8390 *chip, const uint8_t *frame, size_t size)
{
    static const uint8_t status[4] = { 0x03, 0x53, 0x43, 0x03 }; /* the data sheet's table, by mode */
    uint32_t fcs;
    bool good = false;
    if (chip->tcr & TCR_CRC) {
        fcs = size > FCS_SIZE ? (uint32_t)crc32(0, frame, (uInt)(size - FCS_SIZE)) : 0;
        good = size > FCS_SIZE && frame[size - 4] == (uint8_t)fcs && frame[size - 3] == (uint8_t)(fcs >> 8) &&
               frame[size - 2] == (uint8_t)(fcs >> 16) && frame[size - 1] == (uint8_t)(fcs >> 24);
    } else {
        fcs = (uint32_t)crc32(0, frame, (uInt)size);
    }
    unsigned count = (unsigned)size + (chip->tcr & TCR_CRC ? 0 : FCS_SIZE);
    const uint8_t fifo[8] = {
        size > 0 ? frame[size - 1] : 0, (uint8_t)fcs,   (uint8_t)(fcs >> 8),   (uint8_t)(fcs >> 16),
        (uint8_t)(fcs >> 24),           (uint8_t)count, (uint8_t)(count >> 8), (uint8_t)(count >> 8),
    };
    memcpy(chip->fifo, fifo, sizeof(fifo));
    chip->fifo_at = 0;
    chip->rsr = good ? RSR_PRX : RSR_CRC;
    chip->tsr = status[chip->tcr >> TCR_LB_SHIFT & 3];
}

void dp8390_transmit(struct dp8390 *chip)
{
    uint8_t frame[NET_FRAME_MAX];
    size_t size = MIN(chip->tbcr, (uint16_t)sizeof(frame));
    bool loop = (chip->tcr >> TCR_LB_SHIFT & 3) != 0 || !(chip->dcr & DCR_LS);
    if (!(chip->cr & CR_TXP) || (!loop && chip->port != NULL && net_port_crowded(chip->port))) {
        return; /* or later */
    }
    for (size_t i = 0; i < size; i++) {
        frame[i] = dp8390_peek(chip, chip->tpsr * PAGE_SIZE + (unsigned)i);
    }
    chip->tsr = TSR_PTX;
    chip->ncr = 0;
    if (loop) {
        loop_back(chip, frame, size);
    } else {
        if (chip->tcr & TCR_CRC) {
            size -= MIN(size, FCS_SIZE); /* software has made the FCS itself */
        }
        if (chip->port != NULL && size >= NET_HEADER_SIZE) {
            net_port_send(chip->port, frame, size);
        }
    }
    chip->cr &= (uint8_t)~CR_TXP;
    chip->isr |= ISR_PTX;
}
