/*
 * Intel 82540EM Gigabit Ethernet controller: the device, its PCI function and its connection to the
 * wire.
 *
 * After: Intel PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual
 * (317453). Not modelled: the flash, the diagnostic windows on the packet buffer, half duplex and speeds below 1000 Mbit/s.
 */
#include <string.h>

#include "hw/net/e1000_impl.h"
#include "net/mac.h"

#define E1000_VENDOR   0x8086
#define E1000_DEVICE   0x100e
#define E1000_CLASS    0x0200
#define E1000_REVISION 3

const struct field e1000_context_fields[] = {
    FIELD_U8(struct e1000_context, ipcss),   FIELD_U8(struct e1000_context, ipcso),
    FIELD_U8(struct e1000_context, tucss),   FIELD_U8(struct e1000_context, tucso),
    FIELD_U8(struct e1000_context, hdrlen),  FIELD_U16(struct e1000_context, ipcse),
    FIELD_U16(struct e1000_context, tucse),  FIELD_U16(struct e1000_context, mss),
    FIELD_U32(struct e1000_context, paylen), FIELD_BOOL(struct e1000_context, tcp),
    FIELD_BOOL(struct e1000_context, ip),    FIELD_END,
};

static const struct field tx_fields[] = {
    FIELD_BOOL(struct e1000_tx, busy),
    FIELD_BOOL(struct e1000_tx, extended),
    FIELD_BOOL(struct e1000_tx, tse),
    FIELD_BOOL(struct e1000_tx, ixsm),
    FIELD_BOOL(struct e1000_tx, txsm),
    FIELD_BOOL(struct e1000_tx, bad),
    FIELD_U32(struct e1000_tx, size),
    FIELD_U32(struct e1000_tx, segments),
    FIELD_U32(struct e1000_tx, sent),
    FIELD_BYTES(struct e1000_tx, data),
    FIELD_END,
};

#define R(member)  FIELD_U32(struct e1000, member)
#define RS(member) FIELD_U32_ARRAY(struct e1000, member)

const struct field e1000_fields[] = {
    FIELD_STRUCT(struct e1000, pci, pci_device_fields),
    R(ctrl),
    R(ctrl_ext),
    R(eecd),
    R(eerd),
    R(mdic),
    R(fcal),
    R(fcah),
    R(fct),
    R(vet),
    R(icr),
    R(itr),
    R(ims),
    R(rctl),
    R(fcttv),
    R(txcw),
    R(tctl),
    R(tipg),
    R(ait),
    R(ledctl),
    R(pba),
    R(fcrtl),
    R(fcrth),
    R(rdbal),
    R(rdbah),
    R(rdlen),
    R(rdh),
    R(rdt),
    R(rdtr),
    R(rxdctl),
    R(radv),
    R(rsrpd),
    R(tdbal),
    R(tdbah),
    R(tdlen),
    R(tdh),
    R(tdt),
    R(tidv),
    R(txdctl),
    R(tadv),
    R(tspmt),
    R(txdmac),
    R(rxcsum),
    R(wuc),
    R(wufc),
    R(wus),
    R(manc),
    R(swsm),
    R(ipav),
    R(wupl),
    RS(ip4at),
    RS(ip6at),
    RS(fflt),
    RS(ffmt),
    RS(ffvt),
    RS(wupm),
    RS(mta),
    RS(ra),
    RS(vfta),
    RS(stats),
    R(io_address),
    FIELD_U16_ARRAY(struct e1000, phy),
    FIELD_U32(struct e1000, ee_in),
    FIELD_U16(struct e1000, ee_out),
    FIELD_U8(struct e1000, ee_count),
    FIELD_U8(struct e1000, ee_address),
    FIELD_BOOL(struct e1000, ee_reading),
    FIELD_BOOL(struct e1000, ee_writable),
    FIELD_U16_ARRAY(struct e1000, eeprom),
    FIELD_STRUCT(struct e1000, tso, e1000_context_fields),
    FIELD_STRUCT(struct e1000, checksum, e1000_context_fields),
    FIELD_STRUCT(struct e1000, tx, tx_fields),
    FIELD_U64(struct e1000, paused_until),
    FIELD_BOOL(struct e1000, xoff_sent),
    FIELD_BOOL(struct e1000, rx_held),
    FIELD_U32(struct e1000, tx_first),
    FIELD_U32(struct e1000, tx_waiting),
    FIELD_U32(struct e1000, rx_waiting),
    FIELD_U64_ARRAY(struct e1000, rx_back),
    FIELD_BOOL(struct e1000, asserted),
    FIELD_U64(struct e1000, itr_until),
    FIELD_U64(struct e1000, rx_at),
    FIELD_U64(struct e1000, rx_abs_at),
    FIELD_U64(struct e1000, tx_at),
    FIELD_U64(struct e1000, tx_abs_at),
    FIELD_END,
};

static const struct property properties[] = {
    {"mac", PROPERTY_STRING, offsetof(struct e1000, mac_text), "52:54:00:12:34:56",
     "hardware address"},
    {NULL},
};

/* ---- the wire ---- */

static void port_schedule(void *owner)
{
    struct e1000 *e = e1000_of(owner);
    event_post(e->dev.machine->events, &e->port_event);
}

static void port_poll(struct event *event)
{
    struct e1000 *e = (struct e1000 *)((uint8_t *)event - offsetof(struct e1000, port_event));
    net_port_poll(e->port);
}

static enum net_result port_receive(void *owner, const uint8_t *frame, size_t size)
{
    struct e1000 *e = e1000_of(owner);
    return e1000_loopback(e) ? NET_SENT : e1000_receive(e, frame, size);
}

static void port_resume(void *owner)
{
    e1000_tx_run(e1000_of(owner));
}

static void port_link(void *owner, bool up)
{
    e1000_link_set(e1000_of(owner), up);
}

static const struct net_port_ops port_ops = {
    .schedule = port_schedule,
    .receive = port_receive,
    .resume = port_resume,
    .link = port_link,
};

void e1000_connect_port(struct device *dev, struct net_port *port)
{
    struct e1000 *e = e1000_of(dev);
    e->port = port;
    e->link = net_port_link_up(port);
    net_port_attach(port, &port_ops, e);
}

/* ---- the device ---- */

static bool create(struct device *dev, GError **error)
{
    struct e1000 *e = e1000_of(dev);
    const struct pci_identity identity = {
        .vendor = E1000_VENDOR,
        .device = E1000_DEVICE,
        .class_code = E1000_CLASS,
        .revision = E1000_REVISION,
        .interrupt_pin = 1,
    };
    e->port_event.fn = port_poll;
    timer_init(&e->timer, dev->machine->guest_clock, e1000_irq_timer, e);
    timer_init(&e->tx_timer, dev->machine->guest_clock, e1000_tx_timer, e);
    pci_init(&e->pci, dev, &identity);
    if (!net_mac_parse(e->mac_text, e->mac, error)) {
        return false;
    }
    e1000_wake_create(e);
    e1000_eeprom_fill(e);
    e1000_regs_init(e);
    region_init_io(&e->mmio, "e1000-mmio", E1000_MMIO_SIZE, &e1000_mmio_ops, e);
    region_init_io(&e->io, "e1000-io", E1000_IO_SIZE, &e1000_io_ops, e);
    device_add_region(dev, &e->mmio);
    device_add_region(dev, &e->io);
    pci_add_bar(&e->pci, 0, PCI_BAR_MEMORY, E1000_MMIO_SIZE, &e->mmio);
    pci_add_bar(&e->pci, 1, PCI_BAR_IO, E1000_IO_SIZE, &e->io);
    return true;
}

static void reset(struct device *dev)
{
    struct e1000 *e = e1000_of(dev);
    pci_reset(&e->pci);
    e->ee_writable = false;
    e1000_reset_mac(e, false);
}

static void drive(struct device *dev)
{
    struct e1000 *e = e1000_of(dev);
    pci_drive(&e->pci);
    e1000_irq_drive(e);
    timer_at(&e->tx_timer, e1000_tx_ready(e)       ? clock_now(dev->machine->guest_clock)
                           : e1000_flow_paused(e) ? e->paused_until
                                                  : CLOCK_NEVER);
}

static void loaded(struct device *dev)
{
    struct e1000 *e = e1000_of(dev);
    pci_loaded(&e->pci);
    e->tx.size = MIN(e->tx.size, E1000_TX_MAX);
    e->ee_address %= E1000_EEPROM_WORDS;
    e->rx_waiting = MIN(e->rx_waiting, E1000_RX_WAITING_MAX - 1);
    if (e->port != NULL) {
        net_port_resume(e->port);
    }
}

static void destroy(struct device *dev)
{
    struct e1000 *e = e1000_of(dev);
    if (e->port != NULL) {
        net_port_detach(e->port);
        event_cancel(dev->machine->events, &e->port_event);
    }
    timer_finish(&e->timer);
    timer_finish(&e->tx_timer);
    pci_finish(&e->pci);
}

const struct device_class e1000_class = {
    .name = "e1000",
    .description = "Intel 82540EM Gigabit Ethernet, PCI",
    .state_size = sizeof(struct e1000),
    .properties = properties,
    .fields = e1000_fields,
    .create = create,
    .reset = reset,
    .drive = drive,
    .loaded = loaded,
    .destroy = destroy,
};

struct pci_device *e1000_pci(struct device *dev)
{
    return &e1000_of(dev)->pci;
}

bool e1000_set_rom(struct device *dev, const void *image, size_t size, GError **error)
{
    return pci_set_rom(&e1000_of(dev)->pci, image, size, error);
}
