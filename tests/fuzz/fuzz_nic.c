/*
 * Network cards under a hostile driver and a hostile wire. A case is one of: a descriptor ring or a page of ring memory
 * filled with traps and started; a sequence of register accesses in any width; frames from the wire, torn, lying about
 * their lengths, or of any bytes. Cards keep their state from case to case. Between cases time passes, cables are pulled,
 * the peer stops taking frames, states are saved and loaded. Nothing may crash, hang, or grow.
 */
#include <string.h>

#include "core/bus.h"
#include "core/state.h"
#include "hw/net/e1000_impl.h"
#include "hw/net/ne2k.h"
#include "hw/pci/config.h"
#include "net/port.h"
#include "tests/support/fuzz.h"

#define RAM_SIZE 0x100000u
#define CASES    500u /* of a session */

struct rig {
    struct fuzz *fuzz;
    struct machine *machine;
    struct ram *ram;
    struct device *dev;
    struct e1000 *e; /* NULL: an NE2000 */
    struct net_link *link;
    struct net_port *peer;
    bool busy;
    uint64_t taken;
};

static void schedule(void *owner)
{
}

static enum net_result receive(void *owner, const uint8_t *frame, size_t size)
{
    struct rig *rig = owner;
    g_assert_cmpuint(size, <=, NET_FRAME_MAX);
    rig->taken += frame[0] + frame[size - 1];
    return rig->busy ? NET_WAIT : NET_SENT;
}

static const struct net_port_ops ops = { .schedule = schedule, .receive = receive };

static void rig_begin(struct rig *rig, struct fuzz *fuzz, const struct device_class *class)
{
    memset(rig, 0, sizeof(*rig));
    rig->fuzz = fuzz;
    rig->machine = test_machine_create();
    rig->ram = test_machine_add_ram(rig->machine, RAM_SIZE);
    rig->dev = test_device_create(rig->machine, class, "nic", NULL);
    rig->link = net_link_create();
    rig->peer = net_link_port(rig->link, 1);
    net_port_attach(rig->peer, &ops, rig);
    struct net_port *port = net_link_port(rig->link, 0);
    if (class == &e1000_class) {
        rig->e = e1000_of(rig->dev);
        e1000_connect_port(rig->dev, port);
        pci_config_write(&rig->e->pci, PCI_COMMAND, 0x407, 2);
    } else if (class == &ne2k_pci_class) {
        ne2k_pci_connect_port(rig->dev, port);
        pci_config_write(ne2k_pci(rig->dev), PCI_COMMAND, 0x407, 2);
    } else {
        ne2k_isa_connect_port(rig->dev, port);
    }
}

static void rig_end(struct rig *rig)
{
    test_machine_destroy(rig->machine);
    net_port_detach(rig->peer);
    net_link_destroy(rig->link);
}

static void set(struct rig *rig, unsigned region, uint64_t offset, uint64_t value, unsigned size)
{
    test_region_write(rig->dev->regions[region], offset, value, size);
}

/* ---- the 82540EM ---- */

static uint64_t any_address(struct rig *rig)
{
    return fuzz_once_in(rig->fuzz, 8)   ? fuzz_any(rig->fuzz)
           : fuzz_once_in(rig->fuzz, 8) ? RAM_SIZE - fuzz_below(rig->fuzz, 64)
                                        : fuzz_below(rig->fuzz, RAM_SIZE);
}

static void e1000_rings(struct rig *rig)
{
    struct fuzz *fuzz = rig->fuzz;
    uint8_t *ram = rig->ram->host;
    uint32_t tx = (uint32_t)fuzz_below(fuzz, RAM_SIZE - 0x2000) & ~15u, count = 8u << fuzz_below(fuzz, 5);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t d[2] = { any_address(rig), fuzz_any(fuzz) };
        if (fuzz_once_in(fuzz, 2)) { /* sensible lengths */
            d[1] &= ~(uint64_t)0xff000;
        }
        d[1] ^= fuzz_once_in(fuzz, 2) ? (uint64_t)TXD_CMD_DEXT : 0;
        memcpy(ram + tx + 16 * i, d, sizeof(d));
    }
    set(rig, 0, E1000_TDBAL, fuzz_once_in(fuzz, 16) ? any_address(rig) : tx, 4);
    set(rig, 0, E1000_TDBAH, fuzz_once_in(fuzz, 32) ? fuzz_any(fuzz) : 0, 4);
    set(rig, 0, E1000_TDLEN, fuzz_once_in(fuzz, 8) ? fuzz_number(fuzz) : count * 16, 4);
    set(rig, 0, E1000_TDH, fuzz_once_in(fuzz, 4) ? fuzz_number(fuzz) : 0, 4);
    set(rig, 0, E1000_TCTL, TCTL_EN | fuzz_any(fuzz), 4);
    set(rig, 0, E1000_RDBAL, any_address(rig), 4);
    set(rig, 0, E1000_RDBAH, fuzz_once_in(fuzz, 32) ? fuzz_any(fuzz) : 0, 4);
    set(rig, 0, E1000_RDLEN, fuzz_once_in(fuzz, 8) ? fuzz_number(fuzz) : count * 16, 4);
    set(rig, 0, E1000_RDH, fuzz_once_in(fuzz, 4) ? fuzz_number(fuzz) : 0, 4);
    set(rig, 0, E1000_RCTL, RCTL_EN | RCTL_UPE | RCTL_BAM | fuzz_any(fuzz), 4);
    set(rig, 0, E1000_RDT, fuzz_once_in(fuzz, 8) ? fuzz_number(fuzz) : count - 1, 4);
    set(rig, 0, E1000_TDT, fuzz_once_in(fuzz, 8) ? fuzz_number(fuzz) : fuzz_below(fuzz, count), 4);
}

/* ---- the NE2000 ---- */

static void ne2k_rings(struct rig *rig)
{
    struct fuzz *fuzz = rig->fuzz;
    uint8_t start = (uint8_t)fuzz_below(fuzz, 256);
    set(rig, 0, 0x0, 0x21, 1);
    set(rig, 0, 0xe, fuzz_once_in(fuzz, 4) ? fuzz_any(fuzz) : 0x49, 1);
    set(rig, 0, 0xc, fuzz_any(fuzz), 1);
    set(rig, 0, 0xd, fuzz_once_in(fuzz, 4) ? fuzz_any(fuzz) : 0, 1);
    set(rig, 0, 0x1, fuzz_once_in(fuzz, 2) ? 0x46 : start, 1);
    set(rig, 0, 0x2, fuzz_once_in(fuzz, 2) ? 0x80 : fuzz_any(fuzz), 1);
    set(rig, 0, 0x3, fuzz_once_in(fuzz, 2) ? 0x46 : fuzz_any(fuzz), 1);
    set(rig, 0, 0x0, 0x61, 1);
    set(rig, 0, 0x7, fuzz_once_in(fuzz, 2) ? 0x47 : fuzz_any(fuzz), 1);
    set(rig, 0, 0x0, 0x22, 1);
    set(rig, 0, 0x4, fuzz_any(fuzz), 1);
    set(rig, 0, 0x5, fuzz_any(fuzz), 1);
    set(rig, 0, 0x6, fuzz_once_in(fuzz, 2) ? fuzz_below(fuzz, 8) : fuzz_any(fuzz), 1);
    set(rig, 0, 0x8, fuzz_any(fuzz), 1);
    set(rig, 0, 0x9, fuzz_any(fuzz), 1);
    set(rig, 0, 0xa, fuzz_any(fuzz), 1);
    set(rig, 0, 0xb, fuzz_below(fuzz, 4), 1);
    set(rig, 0, 0x0, fuzz_once_in(fuzz, 2) ? 0x26 : fuzz_any(fuzz), 1);
    for (uint64_t i = fuzz_below(fuzz, 64); i > 0; i--) {
        unsigned size = 1u << fuzz_below(fuzz, 3);
        if (fuzz_once_in(fuzz, 2)) {
            set(rig, 0, 0x10, fuzz_any(fuzz), size);
        } else {
            test_region_read(rig->dev->regions[0], 0x10, size);
        }
    }
}

/* ---- cases ---- */

static void rings(struct rig *rig)
{
    if (rig->e != NULL) {
        e1000_rings(rig);
    } else {
        ne2k_rings(rig);
    }
}

static void registers(struct rig *rig)
{
    struct fuzz *fuzz = rig->fuzz;
    for (uint64_t i = 8 + fuzz_below(fuzz, 56); i > 0; i--) {
        unsigned n = (unsigned)fuzz_below(fuzz, rig->dev->region_count);
        struct region *region = rig->dev->regions[n];
        unsigned size = rig->e != NULL ? 4 : 1u << fuzz_below(fuzz, 3);
        uint64_t offset = fuzz_below(fuzz, fuzz_once_in(fuzz, 4) ? region->size : MIN(region->size, 0x5a00)) & ~(uint64_t)(size - 1);
        if (fuzz_once_in(fuzz, 3)) {
            test_region_read(region, offset, size);
        } else {
            test_region_write(region, offset, fuzz_number(fuzz), size);
        }
    }
}

/* A frame that looks like IPv4 or IPv6 with TCP or UDP, tagged or not, and then is damaged. */
static size_t make_frame(struct rig *rig, uint8_t *frame)
{
    struct fuzz *fuzz = rig->fuzz;
    static const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
    size_t size = fuzz_once_in(fuzz, 8) ? fuzz_below(fuzz, NET_FRAME_MAX + 1) : fuzz_below(fuzz, 1600), at = 12;
    fuzz_bytes(fuzz, frame, MIN(size, 200));
    if (fuzz_once_in(fuzz, 2)) {
        memcpy(frame, mac, sizeof(mac));
    } else if (fuzz_once_in(fuzz, 4)) {
        memset(frame, 0xff, 6);
    }
    if (fuzz_once_in(fuzz, 4)) {
        memcpy(frame + at, "\x81\x00", 2);
        at += 4;
    }
    switch (fuzz_below(fuzz, 5)) {
    case 0: memcpy(frame + at, "\x08\x00\x45", 3); break;
    case 1: memcpy(frame + at, "\x86\xdd\x60", 3); break;
    case 2:
        memcpy(frame, "\x01\x80\xc2\x00\x00\x01", 6);
        memcpy(frame + 12, "\x88\x08\x00\x01", 4);
        break;
    }
    if (fuzz_once_in(fuzz, 2)) {
        frame[at + 2 + 9] = fuzz_once_in(fuzz, 2) ? 6 : 17;
        frame[at + 4] = (uint8_t)(size >> 8);
        frame[at + 5] = (uint8_t)size;
    }
    return MAX(size, 1);
}

static void frames(struct rig *rig)
{
    static uint8_t frame[NET_FRAME_MAX + 64];
    for (uint64_t i = 1 + fuzz_below(rig->fuzz, 6); i > 0; i--) {
        size_t size = make_frame(rig, frame);
        net_port_send(rig->peer, frame, size);
    }
    test_run_events(rig->machine);
}

static void surroundings(struct rig *rig)
{
    struct fuzz *fuzz = rig->fuzz;
    test_advance(rig->machine, fuzz_below(fuzz, 3000000));
    net_port_poll(rig->peer);
    if (fuzz_once_in(fuzz, 64)) {
        rig->busy = !rig->busy;
        net_port_resume(rig->peer);
    }
    if (fuzz_once_in(fuzz, 128)) {
        net_link_set(rig->link, !net_link_up(rig->link));
        test_run_events(rig->machine);
    }
    if (fuzz_once_in(fuzz, 256)) {
        device_reset(rig->dev);
        if (rig->e != NULL) {
            pci_config_write(&rig->e->pci, PCI_COMMAND, 0x407, 2);
        }
    }
    if (fuzz_once_in(fuzz, 128)) {
        g_autoptr(GByteArray) state = g_byte_array_new();
        GError *error = NULL;
        state_save(rig->dev->class->fields, rig->dev, state);
        g_assert_true(state_load(rig->dev->class->fields, rig->dev, state->data, state->len, &error));
        rig->dev->class->loaded(rig->dev);
        device_drive(rig->dev);
    }
}

static void session(struct fuzz *fuzz, const struct device_class *class)
{
    struct rig rig;
    rig_begin(&rig, fuzz, class);
    for (unsigned i = 0; i < CASES; i++) {
        fuzz_case(fuzz);
        switch (fuzz_below(fuzz, 3)) {
        case 0: rings(&rig); break;
        case 1: registers(&rig); break;
        default: frames(&rig); break;
        }
        surroundings(&rig);
    }
    rig_end(&rig);
}

static void e1000_session(struct fuzz *fuzz)
{
    session(fuzz, &e1000_class);
}

static void ne2k_isa_session(struct fuzz *fuzz)
{
    session(fuzz, &ne2k_isa_class);
}

static void ne2k_pci_session(struct fuzz *fuzz)
{
    session(fuzz, &ne2k_pci_class);
}

/* 500,000 cases a card: FUZZ_SEEDS=1000. */
static void test_e1000(void)
{
    fuzz_sessions("e1000", e1000_session, 4);
}

static void test_ne2k_isa(void)
{
    fuzz_sessions("ne2k_isa", ne2k_isa_session, 4);
}

static void test_ne2k_pci(void)
{
    fuzz_sessions("ne2k_pci", ne2k_pci_session, 4);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/fuzz/e1000", test_e1000);
    g_test_add_func("/fuzz/ne2k_isa", test_ne2k_isa);
    g_test_add_func("/fuzz/ne2k_pci", test_ne2k_pci);
    return g_test_run();
}
