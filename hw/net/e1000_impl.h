/* Inside the 82540EM: its state, and what its files offer each other. */
#ifndef HW_NET_E1000_IMPL_H
#define HW_NET_E1000_IMPL_H

#include "core/bus.h"
#include "core/clock.h"
#include "core/device.h"
#include "core/event.h"
#include "core/machine.h"
#include "hw/net/e1000.h"
#include "hw/net/e1000_regs.h"
#include "hw/pci/config.h"
#include "net/port.h"

#define E1000_EEPROM_WORDS 64
#define E1000_PHY_REGS     32
#define E1000_HEADER_MAX   256u
#define E1000_TX_MAX       (NET_FRAME_MAX - 16) /* bytes of a frame that is being put together */
#define E1000_DESC_SIZE    16u
#define E1000_RX_WAITING_MAX 64u
#define E1000_WUPM_SIZE    128u
#define E1000_PM_OFFSET    0xdcu /* of the power management capability */

/* A context descriptor: where the parts of a packet are. Bytes from the start of the frame. */
struct e1000_context {
    uint8_t ipcss, ipcso, tucss, tucso, hdrlen;
    uint16_t ipcse, tucse, mss;
    uint32_t paylen;
    bool tcp, ip; /* TCP not UDP; IPv4 not IPv6 */
};

/* The packet that the transmitter is collecting from data descriptors. */
struct e1000_tx {
    bool busy;     /* the first descriptor of a packet was seen */
    bool extended; /* that one was of the extended type */
    bool tse, ixsm, txsm;
    bool bad;          /* too long, or impossible offloads: dropped at its end */
    uint32_t size;     /* bytes in data */
    uint32_t segments; /* sent of this packet */
    uint32_t sent;     /* payload bytes of it already sent */
    uint8_t data[NET_FRAME_MAX];
};

/* A received frame, and the sum of all its words if it is known. */
struct e1000_sums {
    const uint8_t *frame;
    size_t size;
    bool known;
    uint16_t sum;
};

struct e1000 {
    struct device dev;
    struct pci_device pci;
    char *mac_text; /* property */
    uint8_t mac[6];
    struct region mmio, io;
    struct net_port *port; /* not owned; NULL: no cable */
    struct event port_event;
    uint8_t reg_row[E1000_REGS_END / 4]; /* dword offset to row of the table, + 1 */

    /* Registers, as in the manual; all saved. */
    uint32_t ctrl, ctrl_ext, eecd, eerd, mdic, fcal, fcah, fct, vet;
    uint32_t icr, itr, ims;
    uint32_t rctl, fcttv, txcw, tctl, tipg, ait, ledctl, pba, fcrtl, fcrth;
    uint32_t rdbal, rdbah, rdlen, rdh, rdt, rdtr, rxdctl, radv, rsrpd;
    uint32_t tdbal, tdbah, tdlen, tdh, tdt, tidv, txdctl, tadv, tspmt, txdmac;
    uint32_t rxcsum, wuc, wufc, wus, manc, ipav, wupl, swsm;
    uint32_t ip4at[8], ip6at[4], fflt[8];
    uint32_t ffmt[256], ffvt[256]; /* every other one is there: a dword for each byte of a frame */
    uint32_t wupm[E1000_WUPM_SIZE / 4]; /* start of the packet that woke the system */
    uint32_t mta[128], ra[32], vfta[128];
    uint32_t stats[STAT_COUNT];
    uint32_t io_address;
    uint16_t phy[E1000_PHY_REGS]; /* of the status register only that the link was lost since it was read */
    bool link; /* the cable as the PHY sees it */
    /* Microwire: bits shifted in since the start bit, that bit included, and the word going out. */
    uint32_t ee_in;
    uint16_t ee_out;
    uint8_t ee_count;
    uint8_t ee_address;
    bool ee_reading;
    bool ee_writable; /* "erase/write enable" was the last such command */
    /* Transmitter. */
    struct e1000_context tso, checksum; /* the last context descriptor of either kind */
    struct e1000_tx tx;
    /* Interrupts. Times on the guest clock in ns. */
    bool asserted;
    uint64_t itr_until;                          /* no new interrupt before */
    uint64_t rx_at, rx_abs_at, tx_at, tx_abs_at; /* delayed causes; CLOCK_NEVER = none */
    /* Flow control. */
    uint64_t paused_until; /* the transmitter waits; 0 = it does not */
    bool xoff_sent;        /* the peer was told to wait */
    bool rx_held;          /* a frame waits for descriptors, and was counted */
    /* Written back later, in one go. */
    uint32_t tx_first, tx_waiting; /* first such transmit descriptor; how many want a status */
    uint32_t rx_waiting;           /* receive descriptors before RDH */
    uint64_t rx_back[E1000_RX_WAITING_MAX];
    struct timer timer;
    struct timer tx_timer; /* goes on with a long ring */

    uint16_t eeprom[E1000_EEPROM_WORDS]; /* made from the MAC with the card; guests may write it, no reset changes it */
};

extern const struct field e1000_fields[];
extern const struct field e1000_context_fields[];

static inline struct e1000 *e1000_of(void *dev)
{
    return dev;
}

/* e1000_regs.c */
extern const struct region_ops e1000_mmio_ops, e1000_io_ops;
void e1000_regs_init(struct e1000 *e);
/* Everything but the EEPROM and, with keep_phy, the PHY. */
void e1000_reset_mac(struct e1000 *e, bool keep_phy);

/* e1000_phy.c: EEPROM, MDIO, PHY, link. */
void e1000_eeprom_fill(struct e1000 *e);
void e1000_eecd_write(struct e1000 *e, uint32_t value);
/* The station address again from the EEPROM. */
void e1000_eeprom_load(struct e1000 *e);
/* The station address, as RAL0 and RAH0 have it. */
void e1000_station(const struct e1000 *e, uint8_t mac[6]);
uint32_t e1000_eecd_read(const struct e1000 *e);
void e1000_eerd_write(struct e1000 *e, uint32_t value);
void e1000_mdic_write(struct e1000 *e, uint32_t value);
void e1000_phy_reset(struct e1000 *e);
/* The cable; raises LSC if it changed. */
void e1000_link_set(struct e1000 *e, bool up);
/* Does the transmitter's output go to the receiver? */
bool e1000_loopback(const struct e1000 *e);

/* e1000_irq.c */
void e1000_irq_raise(struct e1000 *e, uint32_t causes);
uint32_t e1000_icr_read(struct e1000 *e);
/* A received frame, a written-back transmit descriptor: their causes come after the delays. */
void e1000_irq_received(struct e1000 *e);
void e1000_irq_sent(struct e1000 *e, bool delayed);
void e1000_irq_flush_rx(struct e1000 *e);
void e1000_irq_drive(struct e1000 *e);
void e1000_irq_timer(void *arg);

/* e1000_tx.c */
void e1000_tx_run(struct e1000 *e);
void e1000_tx_timer(void *arg);
/* Writes back what waits for the threshold. */
void e1000_tx_flush(struct e1000 *e);
void e1000_tctl_stored(struct e1000 *e);
/* Are there descriptors that can be worked on now? */
bool e1000_tx_ready(struct e1000 *e);
void e1000_context_load(struct e1000_context *context, const uint8_t *descriptor);

/* e1000_offload.c: frames in memory only. */
/* Puts the complement of the sum of [css, cse] (cse 0: to the end) at cso. False: outside the
 * frame. */
bool e1000_insert_sum(uint8_t *frame, size_t size, unsigned css, unsigned cso, unsigned cse);
/* Makes one segment of the headers of a large packet: lengths, identification, sequence number,
 * flags. The frame starts as a copy of the large one's header. False: the context is impossible. */
bool e1000_segment(uint8_t *frame, size_t size, const struct e1000_context *context, uint32_t index,
                   uint32_t offset, bool last);
/* Checks the IP and TCP/UDP checksums of a received frame: status and error bits of the descriptor.
 */
void e1000_check_sums(const struct e1000_sums *sums, bool ip, bool l4, uint8_t *status, uint8_t *errors);

/* e1000_rx.c */
enum net_result e1000_receive(struct e1000 *e, const uint8_t *frame, size_t size);
void e1000_rx_flush(struct e1000 *e);
/* Has the receiver any descriptors? */
bool e1000_rx_room(const struct e1000 *e);
bool e1000_filter(struct e1000 *e, const uint8_t *frame, size_t size);

/* e1000_flow.c: IEEE 802.3 pause frames. */
/* A frame that the MAC keeps for itself; a pause takes effect. */
bool e1000_flow_receive(struct e1000 *e, const uint8_t *frame, size_t size);
/* Tells the peer to wait for quanta of 512 bit times, or with 0 to go on. */
void e1000_flow_send(struct e1000 *e, uint32_t quanta);
/* The ring is full; it has descriptors again. Does what CTRL.TFCE asks for. */
void e1000_flow_full(struct e1000 *e);
void e1000_flow_room(struct e1000 *e);
bool e1000_flow_paused(const struct e1000 *e);

/* e1000_wake.c: power states and wake-up. */
void e1000_wake_create(struct e1000 *e);
/* In D3 the card receives nothing, but may wake the system. */
bool e1000_wake_asleep(const struct e1000 *e);
void e1000_wake_frame(struct e1000 *e, const uint8_t *frame, size_t size);
void e1000_wake_link(struct e1000 *e);

/* e1000_stats.c */
void e1000_stat_add(struct e1000 *e, enum e1000_stat stat, uint32_t n);
uint32_t e1000_stat_read(struct e1000 *e, unsigned n);
/* Any frame on the wire while the receiver is on; one that passes the filters and is stored. */
void e1000_stat_arrived(struct e1000 *e, size_t size);
void e1000_stat_received(struct e1000 *e, const uint8_t *frame, size_t size);
void e1000_stat_sent(struct e1000 *e, const uint8_t *frame, size_t size);

#endif
