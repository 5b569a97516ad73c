/*
 * EEPROM, MDIO and PHY of the 82540EM (manual chapters 5, 8 and 13.4.3-13.4.7; the PHY is a Marvell
 * 88E1011 whose registers 0-15 follow IEEE 802.3 clause 22).
 *
 * The EEPROM is read by EERD or bit by bit by EECD (Microwire: start bit, two bits of opcode, six
 * of address). Commands that write act when CS drops, at once, and only after "erase/write enable". What
 * is written stays through resets, as long as the card is there, and is saved: after a reset the card has the address that its
 * EEPROM says.
 * Autonegotiation ends at once and with the same result, 1000 Mbit/s full duplex, whenever the
 * cable is in.
 */
#include "hw/net/e1000_impl.h"

#define EEPROM_SUM      0xbaba
#define EEPROM_SUM_WORD 63
#define MICROWIRE_BITS  9  /* start, opcode, address */
#define MICROWIRE_WRITE_BITS (MICROWIRE_BITS + 16)
#define MICROWIRE_OTHER 0 /* opcodes; of this one the address says more */
#define MICROWIRE_WRITE 1
#define MICROWIRE_READ  2
#define MICROWIRE_ERASE 3
#define MICROWIRE_DISABLE   0 /* the address's upper two bits */
#define MICROWIRE_WRITE_ALL 1
#define MICROWIRE_ERASE_ALL 2
#define MICROWIRE_ENABLE    3

#define PHY_ADDRESS      1
#define PHY_CONTROL      0
#define PHY_STATUS       1
#define PHY_ID1          2
#define PHY_ID2          3
#define PHY_ANAR         4
#define PHY_LPAR         5
#define PHY_EXPANSION    6
#define PHY_1000_CONTROL 9
#define PHY_1000_STATUS  10
#define PHY_EXT_STATUS   15
#define PHY_M88_CONTROL  16
#define PHY_M88_STATUS   17
#define PHY_M88_INT_MASK 18
#define PHY_M88_INT      19
#define PHY_M88_EXT      20

#define PHY_CONTROL_RESET    0x8000
#define PHY_CONTROL_LOOPBACK 0x4000
#define PHY_CONTROL_RESTART  0x0200
#define PHY_CONTROL_DEFAULT  0x1140 /* autonegotiation, full duplex, 1000 */
#define PHY_STATUS_FIXED     0x7949
#define PHY_STATUS_DONE      0x0020
#define PHY_STATUS_LINK      0x0004
#define PHY_M88_LINKED       0xac00 /* 1000, full duplex, resolved, link */

/* What a guest can change of each register. */
static const uint16_t phy_writable[E1000_PHY_REGS] = {
    [PHY_CONTROL] = 0x7dff & ~PHY_CONTROL_RESTART,
    [PHY_ANAR] = 0xbfff,
    [7] = 0xffff,
    [PHY_1000_CONTROL] = 0xff00,
    [PHY_M88_CONTROL] = 0xffff,
    [PHY_M88_INT_MASK] = 0xffff,
    [PHY_M88_EXT] = 0xffff,
    [24] = 0xffff,
    [29] = 0xffff,
    [30] = 0xffff,
};

void e1000_eeprom_fill(struct e1000 *e)
{
    static const uint16_t image[E1000_EEPROM_WORDS] = {
        [0x08] = 0x0300,
        [0x09] = 0x1da0, /* board number */
        [0x0a] = 0x640a, /* initialization control 1 */
        [0x0b] = PCI_SUBSYSTEM_DEVICE_DEFAULT,
        [0x0c] = PCI_SUBSYSTEM_VENDOR_DEFAULT,
        [0x0d] = 0x100e,
        [0x0e] = 0x8086,
        [0x0f] = 0x0420, /* initialization control 2 */
        [0x2f] = 0x0602, /* LEDs */
    };
    uint16_t sum = 0;
    for (unsigned i = 0; i < EEPROM_SUM_WORD; i++) {
        e->eeprom[i] = i < 3 ? (uint16_t)(e->mac[2 * i] | e->mac[2 * i + 1] << 8) : image[i];
        sum = (uint16_t)(sum + e->eeprom[i]);
    }
    e->eeprom[EEPROM_SUM_WORD] = (uint16_t)(EEPROM_SUM - sum);
}

void e1000_eeprom_load(struct e1000 *e)
{
    e->ra[0] = e->eeprom[0] | (uint32_t)e->eeprom[1] << 16;
    e->ra[1] = e->eeprom[2] | RAH_AV;
}

void e1000_station(const struct e1000 *e, uint8_t mac[6])
{
    for (unsigned i = 0; i < 6; i++) {
        mac[i] = (uint8_t)(e->ra[i / 4] >> 8 * (i % 4));
    }
}

/* ---- Microwire ---- */

static void eeprom_fill_all(struct e1000 *e, uint16_t value)
{
    for (unsigned i = 0; i < E1000_EEPROM_WORDS; i++) {
        e->eeprom[i] = value;
    }
}

/* CS drops: a complete command other than reading takes effect. */
static void microwire_end(struct e1000 *e)
{
    bool data = e->ee_count == MICROWIRE_WRITE_BITS;
    if (e->ee_reading || (e->ee_count != MICROWIRE_BITS && !data)) {
        return;
    }
    uint32_t command = data ? e->ee_in >> 16 : e->ee_in;
    uint16_t value = data ? (uint16_t)e->ee_in : 0xffff;
    unsigned opcode = command >> 6 & 3, address = command & 63;
    unsigned kind = address >> 4;
    if (opcode == MICROWIRE_OTHER && (kind == MICROWIRE_ENABLE || kind == MICROWIRE_DISABLE)) {
        e->ee_writable = kind == MICROWIRE_ENABLE;
    } else if (!e->ee_writable) {
        return;
    } else if ((opcode == MICROWIRE_WRITE && data) || opcode == MICROWIRE_ERASE) {
        e->eeprom[address] = value;
    } else if (opcode == MICROWIRE_OTHER && (kind == MICROWIRE_ERASE_ALL || (kind == MICROWIRE_WRITE_ALL && data))) {
        eeprom_fill_all(e, value);
    }
}

static void microwire_clock(struct e1000 *e, bool bit)
{
    if (e->ee_reading) {
        if (e->ee_count == 16) {
            e->ee_count = 0;
            e->ee_address = (uint8_t)((e->ee_address + 1) % E1000_EEPROM_WORDS);
            e->ee_out = e->eeprom[e->ee_address];
        }
        e->ee_count++;
        e->eecd &= ~EECD_DO;
        e->eecd |= e->ee_out & 0x8000 ? EECD_DO : 0;
        e->ee_out = (uint16_t)(e->ee_out << 1);
        return;
    }
    if (e->ee_count == 0 && !bit) {
        return; /* the start bit is a one */
    }
    if (e->ee_count < 32) {
        e->ee_in = e->ee_in << 1 | bit;
        e->ee_count++;
    }
    if (e->ee_count == MICROWIRE_BITS && (e->ee_in >> 6 & 3) == MICROWIRE_READ) {
        e->ee_reading = true;
        e->ee_address = e->ee_in & 63;
        e->ee_out = e->eeprom[e->ee_address];
        e->ee_count = 0;
        e->eecd &= ~EECD_DO; /* a dummy zero goes before the data */
    }
}

void e1000_eecd_write(struct e1000 *e, uint32_t value)
{
    const uint32_t pins = EECD_SK | EECD_CS | EECD_DI | EECD_FWE | EECD_REQ;
    uint32_t before = e->eecd;
    e->eecd = (before & ~pins) | (value & pins);
    if (!(value & EECD_CS)) {
        microwire_end(e);
        e->ee_reading = false;
        e->ee_count = 0;
        e->ee_in = 0;
        /* Between commands the pin says that the EEPROM is ready. */
        e->eecd |= EECD_DO;
    } else if ((value & EECD_SK) && !(before & EECD_SK)) {
        microwire_clock(e, (value & EECD_DI) != 0);
    }
}

uint32_t e1000_eecd_read(const struct e1000 *e)
{
    return e->eecd | EECD_PRES | (e->eecd & EECD_REQ ? EECD_GNT : 0);
}

void e1000_eerd_write(struct e1000 *e, uint32_t value)
{
    unsigned address = value >> 8 & 0xff;
    e->eerd = address << 8;
    if (value & EERD_START) {
        uint32_t data = address < E1000_EEPROM_WORDS ? e->eeprom[address] : 0xffff;
        e->eerd |= data << 16 | EERD_DONE;
    }
}

/* ---- PHY ---- */

void e1000_phy_reset(struct e1000 *e)
{
    for (unsigned i = 0; i < E1000_PHY_REGS; i++) {
        e->phy[i] = 0;
    }
    e->phy[PHY_CONTROL] = PHY_CONTROL_DEFAULT;
    e->phy[PHY_ID1] = 0x0141;
    e->phy[PHY_ID2] = 0x0c20;
    e->phy[PHY_ANAR] = 0x0de1;
    e->phy[PHY_1000_CONTROL] = 0x0e00;
    e->phy[PHY_EXT_STATUS] = 0x3000;
    e->phy[PHY_M88_CONTROL] = 0x0360;
    e->phy[PHY_M88_EXT] = 0x0d60;
}

static uint16_t phy_read(struct e1000 *e, unsigned reg)
{
    bool lost = e->phy[PHY_STATUS] != 0;
    switch (reg) {
    case PHY_STATUS:
        e->phy[PHY_STATUS] = 0;
        return PHY_STATUS_FIXED | (e->link ? PHY_STATUS_DONE : 0) | (e->link && !lost ? PHY_STATUS_LINK : 0);
    case PHY_LPAR:
        return e->link ? 0xcde1 : 0;
    case PHY_EXPANSION:
        return e->link ? 0x000f : 0x0004;
    case PHY_1000_STATUS:
        return e->link ? 0x7c00 : 0;
    case PHY_M88_STATUS:
        return e->link ? PHY_M88_LINKED : 0;
    default:
        return e->phy[reg];
    }
}

static void phy_write(struct e1000 *e, unsigned reg, uint16_t value)
{
    if (reg == PHY_CONTROL && (value & PHY_CONTROL_RESET)) {
        e1000_phy_reset(e);
    } else {
        e->phy[reg] = (uint16_t)((e->phy[reg] & ~phy_writable[reg]) | (value & phy_writable[reg]));
    }
    if (reg == PHY_CONTROL && (value & (PHY_CONTROL_RESET | PHY_CONTROL_RESTART)) && e->link) {
        e->icr |= ICR_LSC;
    }
}

void e1000_mdic_write(struct e1000 *e, uint32_t value)
{
    unsigned reg = value >> 16 & 31;
    e->mdic = value & ~(MDIC_READY | MDIC_ERROR);
    if ((value >> 21 & 31) != PHY_ADDRESS || !(value & (MDIC_READ | MDIC_WRITE))) {
        e->mdic |= MDIC_ERROR;
    } else if (value & MDIC_WRITE) {
        phy_write(e, reg, (uint16_t)value);
    } else {
        e->mdic = (e->mdic & ~0xffffu) | phy_read(e, reg);
    }
    e->mdic |= MDIC_READY;
    if (value & MDIC_IE) {
        e->icr |= ICR_MDAC;
    }
}

void e1000_link_set(struct e1000 *e, bool up)
{
    if (e->link != up) {
        e->link = up;
        if (!up) {
            e->rx_held = false; /* the wire drops what waited */
            e->phy[PHY_STATUS] = PHY_STATUS_LINK;
        }
        e1000_wake_link(e);
        e1000_irq_raise(e, ICR_LSC);
    }
}

bool e1000_loopback(const struct e1000 *e)
{
    return (e->rctl & RCTL_LBM) != 0 || (e->phy[PHY_CONTROL] & PHY_CONTROL_LOOPBACK) != 0;
}
