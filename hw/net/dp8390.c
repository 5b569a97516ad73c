/*
 * DP8390D: registers, remote DMA, the board's PROM and ports.
 *
 * After: National Semiconductor DP8390D/NS32490D data sheet (register pages 0-2, remote DMA) and Realtek RTL8029AS data
 * sheet (page 3, identification). The board is Novell's NE2000: data port at 10h-17h, reset port at 18h-1Fh, the PROM
 * with each byte twice. Not modelled: the byte order bit, 32-bit addresses (LAS), the automatic start of "send packet",
 * writes to page 2, Realtek's EEPROM.
 */
#include "hw/net/dp8390.h"

#include <string.h>

#include "core/machine.h"
#include "hw/net/dp8390_impl.h"
#include "net/mac.h"

#define DATA_PORT  0x10u
#define RESET_PORT 0x18u
#define PROM_MARK  0x57

const struct field dp8390_fields[] = {
    FIELD_U8(struct dp8390, cr),
    FIELD_U8(struct dp8390, isr),
    FIELD_U8(struct dp8390, imr),
    FIELD_U8(struct dp8390, dcr),
    FIELD_U8(struct dp8390, tcr),
    FIELD_U8(struct dp8390, rcr),
    FIELD_U8(struct dp8390, tsr),
    FIELD_U8(struct dp8390, rsr),
    FIELD_U8(struct dp8390, ncr),
    FIELD_U8(struct dp8390, pstart),
    FIELD_U8(struct dp8390, pstop),
    FIELD_U8(struct dp8390, bnry),
    FIELD_U8(struct dp8390, curr),
    FIELD_U8(struct dp8390, tpsr),
    FIELD_U16(struct dp8390, tbcr),
    FIELD_U16(struct dp8390, clda),
    FIELD_U16(struct dp8390, crda),
    FIELD_U16(struct dp8390, rbcr),
    FIELD_BYTES(struct dp8390, par),
    FIELD_BYTES(struct dp8390, mar),
    FIELD_BYTES(struct dp8390, cntr),
    FIELD_BYTES(struct dp8390, fifo),
    FIELD_U8(struct dp8390, fifo_at),
    FIELD_BOOL(struct dp8390, sending_packet),
    FIELD_U8(struct dp8390, next_bnry),
    FIELD_U8(struct dp8390, rtl_9346cr),
    FIELD_U8(struct dp8390, rtl_config3),
    FIELD_U64(struct dp8390, batch_at),
    FIELD_U64(struct dp8390, overflow_at),
    FIELD_U64(struct dp8390, remind_at),
    FIELD_BOOL(struct dp8390, drained),
    FIELD_BYTES(struct dp8390, ram),
    FIELD_END,
};

/* ---- life ---- */

static void port_schedule(void *owner)
{
    struct dp8390 *chip = owner;
    event_post(chip->dev->machine->events, &chip->port_event);
}

static void port_poll(struct event *event)
{
    struct dp8390 *chip = (struct dp8390 *)((uint8_t *)event - offsetof(struct dp8390, port_event));
    chip->in_batch = chip->batch_at == CLOCK_NEVER;
    net_port_poll(chip->port);
    chip->in_batch = false;
}

static enum net_result port_receive(void *owner, const uint8_t *frame, size_t size)
{
    return dp8390_receive(owner, frame, size);
}

static void port_resume(void *owner)
{
    dp8390_transmit(owner);
    dp8390_drive(owner);
}

static const struct net_port_ops port_ops = {
    .schedule = port_schedule,
    .receive = port_receive,
    .resume = port_resume,
};

bool dp8390_init(struct dp8390 *chip, struct device *dev, const char *mac, void (*interrupt)(struct device *, bool),
                 GError **error)
{
    uint8_t address[6];
    chip->dev = dev;
    chip->interrupt = interrupt;
    chip->port_event.fn = port_poll;
    timer_init(&chip->rx_timer, dev->machine->guest_clock, dp8390_rx_timer, chip);
    if (!net_mac_parse(mac, address, error)) {
        return false;
    }
    for (unsigned i = 0; i < DP8390_PROM_SIZE; i++) {
        chip->prom[i] = i < 12 ? address[i / 2] : i >= 28 ? PROM_MARK : 0;
    }
    return true;
}

void dp8390_finish(struct dp8390 *chip)
{
    if (chip->port != NULL) {
        net_port_detach(chip->port);
        event_cancel(chip->dev->machine->events, &chip->port_event);
    }
    if (chip->dev != NULL) {
        timer_finish(&chip->rx_timer);
    }
}

void dp8390_connect_port(struct dp8390 *chip, struct net_port *port)
{
    chip->port = port;
    net_port_attach(port, &port_ops, chip);
}

/* The reset pin: most registers keep what they hold. */
static void reset_chip(struct dp8390 *chip)
{
    chip->cr = CR_STP | CR_RD_ABORT;
    chip->isr = ISR_RST;
    chip->imr = 0;
    chip->dcr = 0x04; /* LAS; LS is 0: loopback */
    chip->tcr = 0;
    chip->rbcr = 0;
    chip->sending_packet = false;
    chip->batch_at = chip->overflow_at = chip->remind_at = CLOCK_NEVER;
}

void dp8390_reset(struct dp8390 *chip)
{
    memset(&chip->cr, 0, sizeof(*chip) - offsetof(struct dp8390, cr));
    reset_chip(chip);
    dp8390_receiver_changed(chip);
}

void dp8390_loaded(struct dp8390 *chip)
{
    chip->fifo_at %= sizeof(chip->fifo);
    dp8390_receiver_changed(chip);
}

void dp8390_drive(struct dp8390 *chip)
{
    chip->interrupt(chip->dev, (chip->isr & chip->imr & 0x7f) != 0);
    timer_at(&chip->rx_timer, MIN(MIN(chip->overflow_at, chip->batch_at), chip->remind_at));
}

/* ---- remote DMA ---- */

static void remote_start(struct dp8390 *chip, unsigned kind)
{
    chip->sending_packet = kind == CR_RD_SEND;
    if (kind == CR_RD_SEND) {
        unsigned at = chip->bnry * PAGE_SIZE;
        chip->crda = (uint16_t)at;
        chip->next_bnry = dp8390_peek(chip, at + 1);
        chip->rbcr = (uint16_t)(dp8390_peek(chip, at + 2) | dp8390_peek(chip, at + 3) << 8);
    }
    if (chip->rbcr == 0) {
        chip->isr |= ISR_RDC;
    }
}

static unsigned remote_kind(const struct dp8390 *chip)
{
    return chip->cr >> CR_RD_SHIFT & 7;
}

/* The next address; at the end of the receive ring its start follows. */
static uint16_t remote_next(struct dp8390 *chip)
{
    uint16_t address = chip->crda++;
    if (chip->crda == chip->pstop * PAGE_SIZE && chip->pstop != 0) {
        chip->crda = (uint16_t)(chip->pstart * PAGE_SIZE);
    }
    if (--chip->rbcr == 0) {
        chip->isr |= ISR_RDC;
        if (chip->sending_packet) {
            chip->sending_packet = false;
            chip->bnry = chip->next_bnry;
            chip->drained = true;
            dp8390_receiver_changed(chip);
        }
    }
    return address;
}

/* In byte mode an access of any width moves one byte; in word mode a byte access moves a word, too. */
static unsigned remote_width(const struct dp8390 *chip, unsigned size)
{
    return chip->dcr & DCR_WTS ? MAX(size, 2u) : 1;
}

static uint32_t data_read(struct dp8390 *chip, unsigned size)
{
    uint32_t value = 0xffffffff;
    unsigned kind = remote_kind(chip), width = remote_width(chip, size);
    for (unsigned i = 0; i < width; i++) {
        if (chip->rbcr != 0 && (kind == CR_RD_READ || kind == CR_RD_SEND)) {
            value &= ~(0xffu << 8 * i);
            value |= (uint32_t)dp8390_peek(chip, remote_next(chip)) << 8 * i;
        }
    }
    dp8390_drive(chip);
    return value;
}

static void data_write(struct dp8390 *chip, uint32_t value, unsigned size)
{
    unsigned width = remote_width(chip, size);
    for (unsigned i = 0; i < width && chip->rbcr != 0 && remote_kind(chip) == CR_RD_WRITE; i++) {
        dp8390_poke(chip, remote_next(chip), (uint8_t)(value >> 8 * i));
    }
    dp8390_drive(chip);
}

/* ---- registers ---- */

static uint8_t read_page0(struct dp8390 *chip, unsigned reg)
{
    uint8_t value;
    switch (reg) {
    case 0x1: return (uint8_t)chip->clda;
    case 0x2: return (uint8_t)(chip->clda >> 8);
    case 0x3: return chip->bnry;
    case 0x4: return chip->tsr;
    case 0x5: return chip->ncr;
    case 0x6:
        value = chip->fifo[chip->fifo_at];
        chip->fifo_at = (uint8_t)((chip->fifo_at + 1) % sizeof(chip->fifo));
        return value;
    case 0x7: return chip->isr;
    case 0x8: return (uint8_t)chip->crda;
    case 0x9: return (uint8_t)(chip->crda >> 8);
    case 0xa: return chip->rtl8029 ? 0x50 : 0xff;
    case 0xb: return chip->rtl8029 ? 0x43 : 0xff;
    case 0xc: return chip->rsr;
    default: /* tally counters: reading clears */
        value = chip->cntr[reg - 0xd];
        chip->cntr[reg - 0xd] = 0;
        return value;
    }
}

static uint8_t read_page2(const struct dp8390 *chip, unsigned reg)
{
    switch (reg) {
    case 0x1: return chip->pstart;
    case 0x2: return chip->pstop;
    case 0x3: return chip->next_bnry;
    case 0x4: return chip->tpsr;
    case 0x5: return chip->curr;
    case 0x6: return (uint8_t)(chip->clda >> 8);
    case 0x7: return (uint8_t)chip->clda;
    case 0xc: return chip->rcr | 0xc0;
    case 0xd: return chip->tcr | 0xe0;
    case 0xe: return chip->dcr | 0x80;
    case 0xf: return chip->imr | 0x80;
    default: return 0xff;
    }
}

static uint8_t read_page3(const struct dp8390 *chip, unsigned reg)
{
    if (!chip->rtl8029) {
        return 0xff;
    }
    switch (reg) {
    case 0x1: return chip->rtl_9346cr;
    case 0x5: return 0x00; /* CONFIG2: 10BASE-T with link test */
    case 0x6: return chip->rtl_config3;
    case 0xe: return 0x29;
    case 0xf: return 0x80;
    default: return 0x00;
    }
}

static uint8_t read_reg(struct dp8390 *chip, unsigned reg)
{
    if (reg == 0) {
        return chip->cr;
    }
    switch (chip->cr >> CR_PS_SHIFT) {
    case 0: return read_page0(chip, reg);
    case 1: return reg <= 6 ? chip->par[reg - 1] : reg == 7 ? chip->curr : chip->mar[reg - 8];
    case 2: return read_page2(chip, reg);
    default: return read_page3(chip, reg);
    }
}

static void write_cr(struct dp8390 *chip, uint8_t value)
{
    uint8_t before = chip->cr;
    unsigned kind = value >> CR_RD_SHIFT & 7;
    /* TXP can be set, and only the chip clears it. */
    chip->cr = (uint8_t)(value | (before & CR_TXP));
    if (value & CR_STP) {
        chip->isr |= ISR_RST;
        chip->cr &= (uint8_t)~CR_TXP;
        chip->overflow_at = chip->remind_at = CLOCK_NEVER;
    } else if (value & CR_STA) {
        chip->isr &= (uint8_t)~ISR_RST;
    }
    if (kind >= 4) {
        chip->sending_packet = false;
    } else if (kind != 0) {
        remote_start(chip, kind);
    }
    dp8390_transmit(chip);
    dp8390_receiver_changed(chip);
}

static void set_low(uint16_t *reg, uint8_t value)
{
    *reg = (uint16_t)((*reg & 0xff00) | value);
}

static void set_high(uint16_t *reg, uint8_t value)
{
    *reg = (uint16_t)((*reg & 0x00ff) | value << 8);
}

static void write_page0(struct dp8390 *chip, unsigned reg, uint8_t value)
{
    switch (reg) {
    case 0x1: chip->pstart = value; break;
    case 0x2: chip->pstop = value; break;
    case 0x3:
        chip->bnry = value;
        chip->drained = true;
        break;
    case 0x4: chip->tpsr = value; break;
    case 0x5: set_low(&chip->tbcr, value); break;
    case 0x6: set_high(&chip->tbcr, value); break;
    case 0x7:
        chip->isr &= (uint8_t)~(value & 0x7f);
        if (value & ISR_PRX) {
            dp8390_acknowledged(chip);
        }
        break;
    case 0x8: set_low(&chip->crda, value); break;
    case 0x9: set_high(&chip->crda, value); break;
    case 0xa: set_low(&chip->rbcr, value); break;
    case 0xb: set_high(&chip->rbcr, value); break;
    case 0xc: chip->rcr = value & 0x3f; break;
    case 0xd: chip->tcr = value & 0x1f; break;
    case 0xe: chip->dcr = value & 0x7f; break;
    case 0xf: chip->imr = value & 0x7f; break;
    }
    dp8390_receiver_changed(chip);
}

static void write_reg(struct dp8390 *chip, unsigned reg, uint8_t value)
{
    unsigned page = chip->cr >> CR_PS_SHIFT;
    if (reg == 0) {
        write_cr(chip, value);
    } else if (page == 0) {
        write_page0(chip, reg, value);
    } else if (page == 1 && reg <= 6) {
        chip->par[reg - 1] = value;
    } else if (page == 1 && reg == 7) {
        chip->curr = value;
        dp8390_receiver_changed(chip);
    } else if (page == 1) {
        chip->mar[reg - 8] = value;
    } else if (page == 3 && chip->rtl8029 && reg == 1) {
        chip->rtl_9346cr = value & 0xce;
    } else if (page == 3 && chip->rtl8029 && reg == 6 && (chip->rtl_9346cr & 0xc0) == 0xc0) {
        chip->rtl_config3 = value & 0x46;
    }
    dp8390_drive(chip);
}

uint32_t dp8390_read(struct dp8390 *chip, unsigned offset, unsigned size)
{
    if (offset < DATA_PORT) {
        return read_reg(chip, offset);
    }
    if (offset < RESET_PORT) {
        return data_read(chip, size);
    }
    reset_chip(chip);
    dp8390_drive(chip);
    return 0xff;
}

void dp8390_write(struct dp8390 *chip, unsigned offset, uint32_t value, unsigned size)
{
    if (offset < DATA_PORT) {
        write_reg(chip, offset, (uint8_t)value);
    } else if (offset < RESET_PORT) {
        data_write(chip, value, size);
    }
}
