/*
 * Receiver of the 82540EM (manual 3.2): address and VLAN filters, the descriptor ring, checksum
 * indication.
 *
 * A frame for which the ring has no room stays in the wire's queue until the guest gives
 * descriptors, so nothing is lost and MPC stays at 0 but in loopback. Descriptors are written back at once, unless
 * RXDCTL.WTHRESH is above 1 and interrupts are delayed (RDTR): then with so many others, or with the interrupt.
 */
#include <string.h>
#include <zlib.h>

#include "core/dma.h"
#include "hw/net/e1000_impl.h"
#include "net/checksum.h"

#define FRAME_MIN   60u
#define FRAME_LONG  1522u /* with FCS and tag; longer only with LPE */
#define FCS_SIZE    4u
#define VLAN_OFFSET 12u
#define VLAN_SIZE   4u
#define RA_PAIRS    16u
#define AS_SOURCE   1u

/* A frame on its way to the ring. */
struct incoming {
    uint8_t data[NET_FRAME_MAX + FCS_SIZE];
    size_t size;
    uint8_t status, errors;
    uint16_t checksum, special;
};

static unsigned ethertype(const uint8_t *frame)
{
    return (unsigned)frame[12] << 8 | frame[13];
}

/* ---- filters ---- */

static bool match_exact(const struct e1000 *e, const uint8_t *frame)
{
    for (unsigned i = 0; i < RA_PAIRS; i++) {
        uint32_t low = e->ra[2 * i], high = e->ra[2 * i + 1];
        const uint8_t *a = (high >> RAH_AS_SHIFT & 3) == AS_SOURCE ? frame + 6 : frame;
        if ((high & RAH_AV) &&
            low == ((uint32_t)a[0] | (uint32_t)a[1] << 8 | (uint32_t)a[2] << 16 |
                    (uint32_t)a[3] << 24) &&
            (high & 0xffff) == ((uint32_t)a[4] | (uint32_t)a[5] << 8)) {
            return true;
        }
    }
    return false;
}

/* Twelve bits of the address, chosen by RCTL.MO, number a bit of the table. */
static bool match_hash(const struct e1000 *e, const uint8_t *frame)
{
    static const uint8_t shifts[] = {4, 3, 2, 0};
    unsigned bits =
        ((unsigned)frame[5] << 8 | frame[4]) >> shifts[e->rctl >> RCTL_MO_SHIFT & 3] & 0xfff;
    return e->mta[bits >> 5] >> (bits & 31) & 1;
}

static bool match_vlan(const struct e1000 *e, const uint8_t *frame, size_t size)
{
    if (!(e->rctl & RCTL_VFE) || size < VLAN_OFFSET + VLAN_SIZE ||
        ethertype(frame) != (e->vet & 0xffff)) {
        return true;
    }
    unsigned tag = (unsigned)frame[14] << 8 | frame[15];
    if ((e->rctl & RCTL_CFIEN) && (tag >> 12 & 1) != ((e->rctl & RCTL_CFI) != 0)) {
        return false;
    }
    return e->vfta[tag >> 5 & 0x7f] >> (tag & 31) & 1;
}

bool e1000_filter(struct e1000 *e, const uint8_t *frame, size_t size)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if (!match_vlan(e, frame, size)) {
        return false;
    }
    if (memcmp(frame, broadcast, sizeof(broadcast)) == 0) {
        return (e->rctl & (RCTL_BAM | RCTL_MPE)) != 0;
    }
    if (frame[0] & 1) {
        return (e->rctl & RCTL_MPE) || match_exact(e, frame) || match_hash(e, frame);
    }
    return (e->rctl & RCTL_UPE) || match_exact(e, frame);
}

/* ---- the ring ---- */

static uint32_t ring_count(const struct e1000 *e)
{
    return e->rdlen / E1000_DESC_SIZE;
}

/* Descriptors that the guest has given and that are not used yet; 0 also if the ring makes no
 * sense. */
static uint32_t ring_free(const struct e1000 *e)
{
    uint32_t count = ring_count(e);
    return e->rdh < count && e->rdt < count ? (e->rdt + count - e->rdh) % count : 0;
}

bool e1000_rx_room(const struct e1000 *e)
{
    return ring_free(e) > 0;
}

static uint32_t buffer_size(const struct e1000 *e)
{
    unsigned size = e->rctl >> RCTL_BSIZE_SHIFT & 3;
    return (e->rctl & RCTL_BSEX) && size != 0 ? 32768u >> size : 2048u >> size;
}

static void write_descriptor(struct e1000 *e, const struct incoming *in, size_t at, uint32_t length,
                             bool last)
{
    uint64_t descriptor =
        ((uint64_t)e->rdbah << 32 | e->rdbal) + (uint64_t)e->rdh * E1000_DESC_SIZE;
    uint64_t address = 0;
    dma_read(e->dev.machine->memory, descriptor, &address, sizeof(address));
    if (address != 0) { /* a null address is padding */
        dma_write(e->dev.machine->memory, address, in->data + at, length);
    }
    const uint8_t back[8] = {
        (uint8_t)length,
        (uint8_t)(length >> 8),
        (uint8_t)in->checksum,
        (uint8_t)(in->checksum >> 8),
        (uint8_t)(RXD_STA_DD | (last ? RXD_STA_EOP | in->status : 0)),
        last ? in->errors : 0,
        (uint8_t)in->special,
        (uint8_t)(in->special >> 8),
    };
    memcpy(&e->rx_back[e->rx_waiting++], back, sizeof(back));
    e->rdh = (e->rdh + 1) % ring_count(e);
    uint32_t threshold = e->rxdctl >> DCTL_WTHRESH_SHIFT & DCTL_WTHRESH_MASK;
    threshold *= e->rxdctl & DCTL_GRAN ? 1 : 2; /* lines of 32 bytes */
    if (e->rx_waiting >= MIN(threshold, E1000_RX_WAITING_MAX) || (e->rdtr & 0xffff) == 0) {
        e1000_rx_flush(e);
    }
}

void e1000_rx_flush(struct e1000 *e)
{
    uint32_t count = ring_count(e), waiting = MIN(e->rx_waiting, E1000_RX_WAITING_MAX);
    for (uint32_t i = 0; i < waiting && count > 0; i++) {
        uint32_t index = (e->rdh % count + count - (waiting - i) % count) % count;
        uint64_t at = ((uint64_t)e->rdbah << 32 | e->rdbal) + (uint64_t)index * E1000_DESC_SIZE;
        const uint8_t *back = (const uint8_t *)&e->rx_back[i];
        const uint8_t status = back[4];
        uint8_t rest[8];
        memcpy(rest, back, sizeof(rest));
        rest[4] = 0;
        dma_write(e->dev.machine->memory, at + 8, rest, sizeof(rest));
        /* The guest looks at the status: it goes last. */
        dma_write(e->dev.machine->memory, at + 12, &status, 1);
    }
    e->rx_waiting = 0;
}

static void check(const struct e1000 *e, struct incoming *in)
{
    bool ip = e->rxcsum & RXCSUM_IPOFL, l4 = e->rxcsum & RXCSUM_TUOFL;
    unsigned start = e->rxcsum & RXCSUM_PCSS;
    if (start < in->size) {
        in->checksum = net_sum_fold(net_sum(in->data + start, in->size - start));
    }
    const struct e1000_sums sums = {
        .frame = in->data, .size = in->size, .known = start == 0, .sum = in->checksum
    };
    if (ip || l4) {
        e1000_check_sums(&sums, ip, l4, &in->status, &in->errors);
    } else {
        in->status |= RXD_STA_IXSM;
    }
}

static void prepare(struct e1000 *e, struct incoming *in, const uint8_t *frame, size_t size)
{
    memcpy(in->data, frame, size);
    in->size = size;
    in->status = in->errors = 0;
    in->checksum = in->special = 0;
    if (frame[0] & 1 && !match_exact(e, frame)) {
        in->status |= RXD_STA_PIF;
    }
    check(e, in);
    if ((e->ctrl & CTRL_VME) && size >= VLAN_OFFSET + VLAN_SIZE &&
        ethertype(frame) == (e->vet & 0xffff)) {
        in->status |= RXD_STA_VP;
        in->special = (uint16_t)(frame[14] << 8 | frame[15]);
        in->size -= VLAN_SIZE;
        memmove(in->data + VLAN_OFFSET, in->data + VLAN_OFFSET + VLAN_SIZE, in->size - VLAN_OFFSET);
    }
    if (!(e->rctl & RCTL_SECRC)) {
        uint32_t fcs = (uint32_t)crc32(0, frame, (uInt)size);
        memcpy(in->data + in->size, &fcs, FCS_SIZE);
        in->size += FCS_SIZE;
    }
}

static void received(struct e1000 *e, size_t size)
{
    uint32_t threshold = ring_count(e) >> (1 + MIN(e->rctl >> RCTL_RDMTS_SHIFT & 3, 2u));
    uint32_t causes = 0;
    if (ring_free(e) <= threshold) {
        causes |= ICR_RXDMT0;
    }
    if (e->rsrpd != 0 && size <= e->rsrpd) {
        causes |= ICR_SRPD;
    }
    if (causes != 0) {
        e1000_rx_flush(e);
        e1000_irq_raise(e, causes);
    }
    e1000_irq_received(e);
}

enum net_result e1000_receive(struct e1000 *e, const uint8_t *frame, size_t size)
{
    struct incoming in;
    uint8_t padded[FRAME_MIN] = {0};
    if (e1000_wake_asleep(e)) {
        e1000_wake_frame(e, frame, size);
        return NET_SENT;
    }
    if (!(e->rctl & RCTL_EN) || !pci_is_master(&e->pci) || size < NET_HEADER_SIZE) {
        return NET_SENT;
    }
    if (size < FRAME_MIN) {
        memcpy(padded, frame, size);
        frame = padded;
        size = FRAME_MIN;
    }
    if (!e->rx_held) { /* else it was counted when it came */
        e1000_stat_arrived(e, size);
    }
    if (e1000_flow_receive(e, frame, size) || !e1000_filter(e, frame, size)) {
        e->rx_held = false;
        return NET_SENT;
    }
    if (size + FCS_SIZE > FRAME_LONG && !(e->rctl & RCTL_LPE)) {
        e1000_stat_add(e, STAT_ROC, 1);
        e->rx_held = false;
        return NET_SENT;
    }
    uint32_t piece = buffer_size(e);
    /* One more than most frames need, so that the frame need not be prepared to know its size. */
    uint32_t needed = (uint32_t)((size + FCS_SIZE + piece - 1) / piece);
    if (needed >= ring_count(e)) {
        e1000_stat_add(e, STAT_MPC, 1); /* such a ring can never take it */
        e->rx_held = false;
        return NET_SENT;
    }
    if (ring_free(e) < needed) {
        e1000_stat_add(e, STAT_RNBC, !e->rx_held);
        e->rx_held = true;
        e1000_flow_full(e);
        return NET_WAIT;
    }
    e->rx_held = false;
    e1000_stat_received(e, frame, size);
    prepare(e, &in, frame, size);
    for (size_t at = 0; at < in.size; at += piece) {
        uint32_t n = (uint32_t)MIN((size_t)piece, in.size - at);
        write_descriptor(e, &in, at, n, at + n == in.size);
    }
    received(e, size);
    return NET_SENT;
}
