/*
 * Transmitter of the 82540EM (manual 3.3-3.5): legacy, context and data descriptors, checksum
 * insertion, TCP segmentation, VLAN tags, loopback.
 *
 * A large packet is cut while its descriptors are read: the buffer never holds more than the
 * headers and one segment. A descriptor that asks for it (RS or RPS) is written back at once, unless
 * TXDCTL.WTHRESH is above 1 and it has a delay (IDE, TIDV): then with so many others, or when the delay is over.
 * Transmission takes no guest time.
 */
#include <string.h>

#include "core/dma.h"
#include "hw/net/e1000_impl.h"

#define TX_BATCH     256u     /* descriptors worked on at once; then the guest gets its turn */
#define TSO_MAX      0x40000u /* bytes of a packet to be segmented */
#define SEGMENT_COST 16u      /* so many segments take as long as a descriptor */
#define TX_PAUSE_NS  20000u
#define FRAME_MIN    60u /* without FCS */
#define FCS_SIZE     4u
#define VLAN_OFFSET  12u
#define VLAN_SIZE    4u

struct data_descriptor {
    uint64_t address;
    uint32_t command; /* length and command bits */
    uint8_t options;  /* byte 13: POPTS, or CSS of a legacy one */
    uint16_t special;
};

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint32_t ring_count(const struct e1000 *e)
{
    return e->tdlen / E1000_DESC_SIZE;
}

bool e1000_tx_ready(struct e1000 *e)
{
    uint32_t count = ring_count(e);
    return (e->tctl & TCTL_EN) && e->tdh != e->tdt && e->tdh < count && e->tdt < count &&
           pci_is_master(&e->pci) && !e1000_flow_paused(e) && (e->port == NULL || !net_port_crowded(e->port));
}

void e1000_context_load(struct e1000_context *c, const uint8_t *d)
{
    uint32_t command = get32(d + 8);
    c->ipcss = d[0];
    c->ipcso = d[1];
    c->ipcse = get16(d + 2);
    c->tucss = d[4];
    c->tucso = d[5];
    c->tucse = get16(d + 6);
    c->paylen = command & TXD_LENGTH_MASK;
    c->tcp = command & TXD_CONTEXT_TCP;
    c->ip = command & TXD_CONTEXT_IP;
    c->hdrlen = d[13];
    c->mss = get16(d + 14);
}

/* ---- frames ---- */

static void put_on_wire(struct e1000 *e, const uint8_t *frame, size_t size)
{
    if (e1000_loopback(e)) {
        if (e1000_receive(e, frame, size) == NET_WAIT) {
            e1000_stat_add(e, STAT_MPC, 1);
            e->rx_held = false; /* it is gone */
        }
    } else if (e->port != NULL) {
        net_port_send(e->port, frame, size);
    }
    e1000_stat_sent(e, frame, size);
}

/* Sends size bytes of e->tx.data, tagged or padded if need be. */
static void send_frame(struct e1000 *e, size_t size, const struct data_descriptor *d)
{
    struct e1000_tx *tx = &e->tx;
    if (!(d->command & TXD_CMD_IFCS) && size > FCS_SIZE) {
        size -= FCS_SIZE; /* the guest has made the FCS itself */
    }
    if (size < NET_HEADER_SIZE || size > E1000_TX_MAX) {
        return;
    }
    if ((d->command & TXD_CMD_VLE) && (e->ctrl & CTRL_VME)) {
        uint8_t tagged[NET_FRAME_MAX];
        const uint8_t tag[VLAN_SIZE] = {(uint8_t)(e->vet >> 8), (uint8_t)e->vet,
                                        (uint8_t)(d->special >> 8), (uint8_t)d->special};
        memcpy(tagged, tx->data, VLAN_OFFSET);
        memcpy(tagged + VLAN_OFFSET, tag, VLAN_SIZE);
        memcpy(tagged + VLAN_OFFSET + VLAN_SIZE, tx->data + VLAN_OFFSET, size - VLAN_OFFSET);
        put_on_wire(e, tagged, size + VLAN_SIZE);
        return;
    }
    if ((e->tctl & TCTL_PSP) && size < FRAME_MIN) {
        memset(tx->data + size, 0, FRAME_MIN - size);
        size = FRAME_MIN;
    }
    put_on_wire(e, tx->data, size);
}

static bool insert_sums(struct e1000 *e, const struct e1000_context *c)
{
    struct e1000_tx *tx = &e->tx;
    return (!tx->ixsm || e1000_insert_sum(tx->data, tx->size, c->ipcss, c->ipcso, c->ipcse)) &&
           (!tx->txsm || e1000_insert_sum(tx->data, tx->size, c->tucss, c->tucso, c->tucse));
}

static void send_segment(struct e1000 *e, const struct data_descriptor *d, bool last)
{
    struct e1000_tx *tx = &e->tx;
    const struct e1000_context *c = &e->tso;
    uint8_t header[E1000_HEADER_MAX];
    memcpy(header, tx->data, sizeof(header));
    if (!e1000_segment(tx->data, tx->size, c, tx->segments, tx->sent, last) || !insert_sums(e, c)) {
        tx->bad = true;
        return;
    }
    send_frame(e, tx->size, d);
    memcpy(tx->data, header, sizeof(header));
    tx->segments++;
    tx->sent += tx->size - c->hdrlen;
    tx->size = c->hdrlen;
}

static void end_packet(struct e1000 *e, const struct data_descriptor *d)
{
    struct e1000_tx *tx = &e->tx;
    bool legacy_sum = !tx->extended && (d->command & TXD_CMD_IC);
    if (!tx->bad && tx->tse && tx->size > e->tso.hdrlen) {
        send_segment(e, d, true);
        e1000_stat_add(e, STAT_TSCTC, 1);
    } else if (!tx->bad && !tx->tse) {
        /* A checksum outside the frame is left out, as the manual says. */
        if (legacy_sum) {
            e1000_insert_sum(tx->data, tx->size, d->options, d->command >> 16 & 0xff, 0);
        } else if (tx->extended) {
            insert_sums(e, &e->checksum);
        }
        send_frame(e, tx->size, d);
    }
    if (tx->bad) {
        log_print(e->dev.machine->log, LOG_GUEST_ERROR, "e1000: impossible packet dropped\n");
        e1000_stat_add(e, tx->tse ? STAT_TSCTFC : STAT_MPC, tx->tse);
    }
    tx->busy = false;
}

/* ---- descriptors ---- */

static void begin_packet(struct e1000 *e, const struct data_descriptor *d)
{
    struct e1000_tx *tx = &e->tx;
    tx->busy = true;
    tx->extended = d->command & TXD_CMD_DEXT;
    tx->tse = tx->extended && (d->command & TXD_CMD_TSE);
    tx->ixsm = tx->extended && (d->options & TXD_POPTS_IXSM);
    tx->txsm = tx->extended && (d->options & TXD_POPTS_TXSM);
    tx->bad = tx->tse && (e->tso.mss == 0 || e->tso.hdrlen == 0);
    tx->size = tx->segments = tx->sent = 0;
}

/* Appends a buffer; full segments of a large packet go out on the way. */
static void append(struct e1000 *e, const struct data_descriptor *d, uint32_t length)
{
    struct e1000_tx *tx = &e->tx;
    uint64_t address = d->address;
    uint32_t limit = tx->tse ? (uint32_t)e->tso.hdrlen + e->tso.mss : E1000_TX_MAX;
    /* The context may have changed since the packet began. */
    if (limit > E1000_TX_MAX || (tx->tse && (e->tso.mss == 0 || tx->sent > TSO_MAX))) {
        tx->bad = true;
    }
    while (length > 0 && !tx->bad) {
        if (tx->size >= limit) {
            if (!tx->tse) {
                tx->bad = true;
                break;
            }
            send_segment(e, d, false);
            continue;
        }
        uint32_t n = MIN(length, limit - tx->size);
        dma_read(e->dev.machine->memory, address, tx->data + tx->size, n);
        tx->size += n;
        address += n;
        length -= n;
    }
}

static void process(struct e1000 *e, const uint8_t *raw)
{
    uint32_t command = get32(raw + 8);
    bool extended = command & TXD_CMD_DEXT;
    if (extended && (command & TXD_DTYP_MASK) == 0) {
        e1000_context_load(command & TXD_CONTEXT_TSE ? &e->tso : &e->checksum, raw);
        return;
    }
    const struct data_descriptor d = {
        .address = (uint64_t)get32(raw + 4) << 32 | get32(raw),
        .command = command,
        .options = raw[13],
        .special = get16(raw + 14),
    };
    if (!e->tx.busy) {
        begin_packet(e, &d);
    }
    append(e, &d, command & (extended ? TXD_LENGTH_MASK : 0xffff));
    if (command & TXD_CMD_EOP) {
        end_packet(e, &d);
    }
}

/* ---- write-back ---- */

static void write_done(struct e1000 *e, uint32_t index)
{
    uint64_t at = ((uint64_t)e->tdbah << 32 | e->tdbal) + (uint64_t)index * E1000_DESC_SIZE;
    uint8_t raw[E1000_DESC_SIZE];
    dma_read(e->dev.machine->memory, at, raw, sizeof(raw));
    if (get32(raw + 8) & (TXD_CMD_RS | TXD_CMD_RPS)) {
        uint8_t status = raw[12] | TXD_STA_DD;
        dma_write(e->dev.machine->memory, at + 12, &status, 1);
    }
}

void e1000_tx_flush(struct e1000 *e)
{
    uint32_t count = ring_count(e);
    for (uint32_t i = e->tx_first, n = 0; e->tx_waiting > 0 && i < count && i != e->tdh && n < count; n++) {
        write_done(e, i);
        i = (i + 1) % count;
    }
    e->tx_waiting = 0;
}

/* A descriptor with RS is done. True: it is written back, and others with it. */
static bool want_write_back(struct e1000 *e, uint32_t index, uint32_t command)
{
    uint32_t threshold = e->txdctl >> DCTL_WTHRESH_SHIFT & DCTL_WTHRESH_MASK;
    threshold *= e->txdctl & DCTL_GRAN ? 1 : 2; /* lines of 32 bytes */
    if (e->tx_waiting == 0) {
        e->tx_first = index;
    }
    e->tx_waiting++;
    return threshold <= 1 || e->tx_waiting >= threshold || !(command & TXD_CMD_IDE) || (e->tidv & 0xffff) == 0 ||
           (command & TXD_CMD_RPS);
}

void e1000_tctl_stored(struct e1000 *e)
{
    if (e->tctl & TCTL_SWXOFF) {
        e->tctl &= ~TCTL_SWXOFF;
        e1000_flow_send(e, e->fcttv);
    }
    e1000_tx_run(e);
}

/* Has the number of descriptors to work on just come down to that of TXDCTL.LWTHRESH (units of eight; 0: never)? */
static bool is_low(const struct e1000 *e)
{
    uint32_t count = ring_count(e), threshold = (e->txdctl >> DCTL_LWTHRESH_SHIFT) * 8;
    return threshold != 0 && (e->tdt + count - e->tdh) % count == threshold;
}

void e1000_tx_run(struct e1000 *e)
{
    bool worked = false, interrupt = false, delayed = true, low = false;
    if (e->port != NULL) {
        net_port_cork(e->port);
    }
    for (unsigned n = 0; n < TX_BATCH && e1000_tx_ready(e); n++) {
        uint64_t at = ((uint64_t)e->tdbah << 32 | e->tdbal) + (uint64_t)e->tdh * E1000_DESC_SIZE;
        uint8_t raw[E1000_DESC_SIZE];
        dma_read(e->dev.machine->memory, at, raw, sizeof(raw));
        process(e, raw);
        uint32_t command = get32(raw + 8);
        uint32_t index = e->tdh;
        n += e->tx.segments / SEGMENT_COST;
        e->tdh = (e->tdh + 1) % ring_count(e);
        worked = true;
        low |= is_low(e);
        if (command & (TXD_CMD_RS | TXD_CMD_RPS)) {
            if (want_write_back(e, index, command)) {
                e1000_tx_flush(e);
            }
            interrupt = true;
            delayed &= (command & TXD_CMD_IDE) != 0;
        }
    }
    if (e->port != NULL) {
        net_port_uncork(e->port);
    }
    if (interrupt) {
        e1000_irq_sent(e, delayed);
    }
    uint32_t causes = (low ? ICR_TXD_LOW : 0) | (worked && e->tdh == e->tdt ? ICR_TXQE : 0);
    if (causes != 0) {
        e1000_irq_raise(e, causes);
    }
    timer_at(&e->tx_timer, e1000_tx_ready(e)       ? clock_now(e->dev.machine->guest_clock) + TX_PAUSE_NS
                           : e1000_flow_paused(e) ? e->paused_until
                                                  : CLOCK_NEVER);
}

void e1000_tx_timer(void *arg)
{
    e1000_tx_run(arg);
}
