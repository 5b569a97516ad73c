/*
 * Register file of the 82540EM (manual chapter 13): one table says where each register is, what a
 * guest can write to it and what happens then. Reset values are those of the manual where it gives
 * any.
 */
#include <string.h>

#include "hw/net/e1000_impl.h"

struct e1000_reg {
    uint32_t offset;
    uint16_t count;  /* dwords */
    uint16_t member; /* of the first in struct e1000 */
    uint32_t writable;
    uint32_t (*read)(struct e1000 *e, unsigned i);
    /* Instead of storing under the mask. */
    void (*write)(struct e1000 *e, unsigned i, uint32_t value);
    /* After storing. */
    void (*stored)(struct e1000 *e);
};

static uint32_t read_none(struct e1000 *e, unsigned i)
{
    return 0;
}

static void write_none(struct e1000 *e, unsigned i, uint32_t value)
{
}

static void write_ctrl(struct e1000 *e, unsigned i, uint32_t value)
{
    if (value & CTRL_PHY_RST) {
        e1000_phy_reset(e);
    }
    if (value & CTRL_RST) {
        e1000_reset_mac(e, true);
    } else {
        e->ctrl = value & ~(CTRL_RST | CTRL_PHY_RST);
    }
    device_drive(&e->dev);
}

static uint32_t read_status(struct e1000 *e, unsigned i)
{
    return STATUS_FD | STATUS_SPEED_1000 | STATUS_SPEED_1000 << 2 | (e->link ? STATUS_LU : 0) |
           (e1000_flow_paused(e) ? STATUS_TXOFF : 0);
}

static uint32_t read_eecd(struct e1000 *e, unsigned i)
{
    return e1000_eecd_read(e);
}

static void write_eecd(struct e1000 *e, unsigned i, uint32_t value)
{
    e1000_eecd_write(e, value);
}

static void write_eerd(struct e1000 *e, unsigned i, uint32_t value)
{
    e1000_eerd_write(e, value);
}

static void write_mdic(struct e1000 *e, unsigned i, uint32_t value)
{
    e1000_mdic_write(e, value);
    e1000_irq_drive(e);
}

static uint32_t read_icr(struct e1000 *e, unsigned i)
{
    return e1000_icr_read(e);
}

static void write_icr(struct e1000 *e, unsigned i, uint32_t value)
{
    e->icr &= ~value;
    e1000_irq_drive(e);
}

static void write_ics(struct e1000 *e, unsigned i, uint32_t value)
{
    e1000_irq_raise(e, value & ICR_ALL);
}

static void write_ims(struct e1000 *e, unsigned i, uint32_t value)
{
    e->ims |= value & ICR_ALL;
    e1000_irq_drive(e);
}

static void write_imc(struct e1000 *e, unsigned i, uint32_t value)
{
    e->ims &= ~value;
    e1000_irq_drive(e);
}

static void write_ctrl_ext(struct e1000 *e, unsigned i, uint32_t value)
{
    e->ctrl_ext = value & ~CTRL_EXT_EE_RST;
    if (value & CTRL_EXT_EE_RST) {
        e1000_eeprom_load(e);
    }
}

static void write_rdtr(struct e1000 *e, unsigned i, uint32_t value)
{
    e->rdtr = value & 0xffff;
    if ((value & RDTR_FPD) && e->rx_at != CLOCK_NEVER) {
        e1000_irq_flush_rx(e);
    }
}

static uint32_t read_stat(struct e1000 *e, unsigned i)
{
    return e1000_stat_read(e, i);
}

static void receiver_changed(struct e1000 *e)
{
    e1000_flow_room(e);
    if (e->port != NULL) {
        net_port_resume(e->port);
    }
}

static void write_wus(struct e1000 *e, unsigned i, uint32_t value)
{
    e->wus &= ~value;
}

static void write_wuc(struct e1000 *e, unsigned i, uint32_t value)
{
    e->wuc = (value & 0xb) | (e->wuc & WUC_PME_STATUS & ~value);
}

#define REG(offset_, member_, mask)                                                                \
    {                                                                                              \
        .offset = E1000_##offset_, .count = 1, .member = offsetof(struct e1000, member_),          \
        .writable = mask                                                                           \
    }
#define REG_RX(offset_, member_, mask)                                                             \
    {                                                                                              \
        .offset = E1000_##offset_, .count = 1, .member = offsetof(struct e1000, member_),          \
        .writable = mask, .stored = receiver_changed                                               \
    }
#define REG_TX(offset_, member_, mask)                                                             \
    {                                                                                              \
        .offset = E1000_##offset_, .count = 1, .member = offsetof(struct e1000, member_),          \
        .writable = mask, .stored = e1000_tx_run                                                   \
    }
#define REGS(offset_, member_, mask)                                                               \
    {                                                                                              \
        .offset = E1000_##offset_, .count = sizeof(((struct e1000 *)0)->member_) / 4,              \
        .member = offsetof(struct e1000, member_), .writable = mask                                \
    }
#define REG_FN(offset_, member_, read_, write_)                                                    \
    {                                                                                              \
        .offset = E1000_##offset_, .count = 1, .member = offsetof(struct e1000, member_),          \
        .read = read_, .write = write_                                                             \
    }

static const struct e1000_reg regs[] = {
    REG_FN(CTRL, ctrl, NULL, write_ctrl),
    REG_FN(STATUS, ctrl, read_status, write_none),
    REG_FN(EECD, eecd, read_eecd, write_eecd),
    REG_FN(EERD, eerd, NULL, write_eerd),
    REG_FN(CTRL_EXT, ctrl_ext, NULL, write_ctrl_ext),
    REG_FN(MDIC, mdic, NULL, write_mdic),
    REG(FCAL, fcal, 0xffffffff),
    REG(FCAH, fcah, 0xffff),
    REG(FCT, fct, 0xffff),
    REG(VET, vet, 0xffff),
    REG_FN(ICR, icr, read_icr, write_icr),
    REG(ITR, itr, 0xffff),
    REG_FN(ICS, icr, read_none, write_ics),
    REG_FN(IMS, ims, NULL, write_ims),
    REG_FN(IMC, ims, read_none, write_imc),
    REG_RX(RCTL, rctl, 0x06dfb3fe),
    REG(FCTTV, fcttv, 0xffff),
    REG(TXCW, txcw, 0xc000ffff),
    {.offset = E1000_TCTL, .count = 1, .member = offsetof(struct e1000, tctl),
     .writable = 0x03fffffa, .stored = e1000_tctl_stored},
    REG(TIPG, tipg, 0x3fffffff),
    REG(AIT, ait, 0xffff),
    REG(LEDCTL, ledctl, 0xffffffff),
    REG(PBA, pba, 0x0000ffff),
    REG(FCRTL, fcrtl, 0x8000fff8),
    REG(FCRTH, fcrth, 0x0000fff8),
    REG_RX(RDBAL, rdbal, 0xfffffff0),
    REG_RX(RDBAH, rdbah, 0xffffffff),
    REG_RX(RDLEN, rdlen, 0x000fff80),
    REG_RX(RDH, rdh, 0xffff),
    REG_RX(RDT, rdt, 0xffff),
    REG_FN(RDTR, rdtr, NULL, write_rdtr),
    REG(RXDCTL, rxdctl, 0x013f3f3f),
    REG(RADV, radv, 0xffff),
    REG(RSRPD, rsrpd, 0xfff),
    REG(TXDMAC, txdmac, 0x1),
    REG(TDBAL, tdbal, 0xfffffff0),
    REG(TDBAH, tdbah, 0xffffffff),
    REG(TDLEN, tdlen, 0x000fff80),
    REG(TDH, tdh, 0xffff),
    REG_TX(TDT, tdt, 0xffff),
    REG(TIDV, tidv, 0xffff),
    REG(TXDCTL, txdctl, 0xff3f3f3f),
    REG(TADV, tadv, 0xffff),
    REG(TSPMT, tspmt, 0xffffffff),
    {.offset = E1000_STATS,
     .count = STAT_COUNT,
     .member = offsetof(struct e1000, stats),
     .read = read_stat,
     .write = write_none},
    REG(RXCSUM, rxcsum, 0x7ff),
    REGS(MTA, mta, 0xffffffff),
    REGS(RA, ra, 0xffffffff), /* the high halves have a mask of their own */
    REGS(VFTA, vfta, 0xffffffff),
    REG_FN(WUC, wuc, NULL, write_wuc),
    REG(WUFC, wufc, 0x000f80ff),
    REG_FN(WUS, wus, NULL, write_wus),
    REG(MANC, manc, 0xffffffff),
    REG(IPAV, ipav, 0x0001000f),
    REGS(IP4AT, ip4at, 0xffffffff),
    REGS(IP6AT, ip6at, 0xffffffff),
    REG(WUPL, wupl, 0xfff),
    REGS(WUPM, wupm, 0),
    REG(SWSM, swsm, 3),
    REGS(FFLT, fflt, 0x7ff),
    REGS(FFMT, ffmt, 0xf),
    REGS(FFVT, ffvt, 0xffffffff),
};

#define RAH_WRITABLE 0x8003ffffu

void e1000_regs_init(struct e1000 *e)
{
    G_STATIC_ASSERT(G_N_ELEMENTS(regs) < 255);
    for (unsigned row = 0; row < G_N_ELEMENTS(regs); row++) {
        for (unsigned i = 0; i < regs[row].count; i++) {
            e->reg_row[regs[row].offset / 4 + i] = (uint8_t)(row + 1);
        }
    }
}

void e1000_reset_mac(struct e1000 *e, bool keep_phy)
{
    for (unsigned row = 0; row < G_N_ELEMENTS(regs); row++) {
        memset((uint8_t *)e + regs[row].member, 0, 4u * regs[row].count);
    }
    e->ctrl = CTRL_FD | CTRL_SPEED_1000;
    e->fcal = 0x00c28001;
    e->fcah = 0x0100;
    e->fct = 0x8808;
    e->vet = 0x8100;
    e->ledctl = 0x07068302;
    e->pba = 0x00100030;
    e->rxdctl = 0x01010000;
    e->tspmt = 0x01000400;
    e->eecd = EECD_DO;
    e->ee_in = 0;
    e->ee_out = 0;
    e->ee_count = e->ee_address = 0;
    e->ee_reading = false;
    e->io_address = 0;
    e1000_eeprom_load(e);
    memset(&e->tso, 0, sizeof(e->tso));
    memset(&e->checksum, 0, sizeof(e->checksum));
    memset(&e->tx, 0, sizeof(e->tx));
    e->paused_until = 0;
    e->xoff_sent = e->rx_held = false;
    e->tx_first = e->tx_waiting = e->rx_waiting = 0;
    memset(e->rx_back, 0, sizeof(e->rx_back));
    e->asserted = false;
    e->itr_until = 0;
    e->rx_at = e->rx_abs_at = e->tx_at = e->tx_abs_at = CLOCK_NEVER;
    if (!keep_phy) {
        e1000_phy_reset(e);
    }
    receiver_changed(e);
}

static const struct e1000_reg *find(struct e1000 *e, uint64_t offset, unsigned *i)
{
    unsigned row = offset < E1000_REGS_END ? e->reg_row[offset / 4] : 0;
    if (row == 0) {
        log_print(e->dev.machine->log, LOG_UNIMP, "e1000: register %#x is not modelled\n",
                  (unsigned)offset);
        return NULL;
    }
    *i = (unsigned)(offset - regs[row - 1].offset) / 4;
    return &regs[row - 1];
}

static uint64_t mmio_read(void *owner, uint64_t offset, unsigned size)
{
    struct e1000 *e = e1000_of(owner);
    unsigned i;
    const struct e1000_reg *reg = find(e, offset, &i);
    if (reg == NULL) {
        return 0;
    }
    return reg->read != NULL ? reg->read(e, i) : ((uint32_t *)((uint8_t *)e + reg->member))[i];
}

static void mmio_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct e1000 *e = e1000_of(owner);
    unsigned i;
    const struct e1000_reg *reg = find(e, offset, &i);
    if (reg == NULL) {
        return;
    }
    if (reg->write != NULL) {
        reg->write(e, i, (uint32_t)value);
        return;
    }
    uint32_t *stored = (uint32_t *)((uint8_t *)e + reg->member) + i;
    uint32_t mask = reg->offset == E1000_RA && (i & 1) ? RAH_WRITABLE : reg->writable;
    *stored = (*stored & ~mask) | ((uint32_t)value & mask);
    if (reg->stored != NULL) {
        reg->stored(e);
    }
}

const struct region_ops e1000_mmio_ops = {
    .read = mmio_read, .write = mmio_write, .min_size = 4, .max_size = 4};

static uint64_t io_read(void *owner, uint64_t offset, unsigned size)
{
    struct e1000 *e = e1000_of(owner);
    return offset == E1000_IOADDR   ? e->io_address
           : offset == E1000_IODATA ? mmio_read(owner, e->io_address & (E1000_MMIO_SIZE - 4), 4)
                                    : 0;
}

static void io_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct e1000 *e = e1000_of(owner);
    if (offset == E1000_IOADDR) {
        e->io_address = (uint32_t)value;
    } else if (offset == E1000_IODATA) {
        mmio_write(owner, e->io_address & (E1000_MMIO_SIZE - 4), value, 4);
    }
}

const struct region_ops e1000_io_ops = {
    .read = io_read, .write = io_write, .min_size = 4, .max_size = 4};
