/*
 * Random register accesses to the whole board, as a hostile driver would make them: every port and window, PCI
 * configuration, bus-master IDE with random descriptor tables, the screen in any mode, while time passes and
 * pictures are taken. Nothing may crash or hang.
 */
#include <string.h>

#include "core/bus.h"
#include "hw/pc/pc_impl.h"
#include "tests/support/fuzz_rig.h"
#include "ui/display.h"

enum {
    CASES = 12,       /* of a session */
    ACCESSES = 3000,  /* of a case */
};

#define RAM_END 0x100000u

static unsigned any_size(struct fuzz *fuzz)
{
    return 1u << fuzz_below(fuzz, 3);
}

static void out(struct fuzz_rig *rig, uint16_t port, uint32_t value, unsigned size)
{
    bus_write(rig->t->machine->io, port, value, size);
}

/* An address in something that is not RAM. */
static uint64_t device_address(struct bus *bus, struct fuzz *fuzz)
{
    const struct flat_view *view = bus_view(bus);
    for (unsigned tries = 0; tries < 8 && view->count > 0; tries++) {
        const struct flat_range *r = &view->ranges[fuzz_below(fuzz, view->count)];
        if (r->region->kind == REGION_IO) {
            return r->base + fuzz_below(fuzz, r->last - r->base + 1);
        }
    }
    return fuzz_number(fuzz) & 0xffff;
}

static void touch_port(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    struct bus *io = rig->t->machine->io;
    uint64_t port = device_address(io, fuzz);
    unsigned size = any_size(fuzz);
    if (fuzz_once_in(fuzz, 3)) {
        bus_read(io, port, size);
    } else {
        bus_write(io, port, fuzz_number(fuzz), size);
    }
}

static void touch_memory(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    struct bus *memory = rig->t->machine->memory;
    uint64_t address = fuzz_once_in(fuzz, 2) ? device_address(memory, fuzz) : 0xa0000 + fuzz_below(fuzz, 0x60000);
    unsigned size = any_size(fuzz);
    if (fuzz_once_in(fuzz, 3)) {
        bus_read(memory, address, size);
    } else {
        bus_write(memory, address, fuzz_number(fuzz), size);
    }
}

static void touch_pci(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    uint32_t slot = (uint32_t)fuzz_below(fuzz, 4), function = (uint32_t)fuzz_below(fuzz, 4);
    uint32_t offset = (uint32_t)fuzz_below(fuzz, fuzz_once_in(fuzz, 2) ? 0x44 : 0x100);
    out(rig, 0xcf8, 0x80000000 | slot << 11 | function << 8 | (offset & 0xfc), 4);
    if (offset == 4) {
        out(rig, 0xcfc, 7, 2); /* windows and bus mastering on */
    } else {
        out(rig, (uint16_t)(0xcfc + (offset & 3)), (uint32_t)fuzz_number(fuzz), any_size(fuzz));
    }
}

/* A transfer with a random table: descriptors of any length anywhere, with or without an end. */
static void start_dma(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    static const uint8_t commands[] = { 0xc8, 0xca, 0x25, 0x35, 0x20, 0x30, 0xa0, 0xec, 0xa1, 0xe7, 0xc4, 0xc5 };
    uint16_t bm = 0xc000, channel = fuzz_once_in(fuzz, 2) ? 0x1f0 : 0x170;
    uint32_t table = (uint32_t)fuzz_below(fuzz, RAM_END) & ~3u;
    uint16_t base = channel == 0x1f0 ? bm : bm + 8;
    for (unsigned i = 0; i < 8; i++) {
        uint32_t address = (uint32_t)(fuzz_once_in(fuzz, 4) ? fuzz_number(fuzz) : fuzz_below(fuzz, RAM_END));
        uint32_t flags = (uint32_t)fuzz_number(fuzz) & 0x8000ffff;
        cpu_test_poke(rig->t, table + i * 8, address | (uint64_t)flags << 32, 8);
    }
    out(rig, 0xcf8, 0x80000904 + 0x1c, 4); /* BAR 4 of the IDE function */
    out(rig, 0xcfc, bm | 1, 4);
    out(rig, 0xcf8, 0x80000904, 4);
    out(rig, 0xcfc, 7, 2);
    out(rig, base + 4, table, 4);
    out(rig, channel + 6, 0xe0 | (fuzz_any(fuzz) & 0x1f), 1);
    out(rig, channel + 1, fuzz_below(fuzz, 4), 1);
    for (uint16_t i = 2; i < 6; i++) {
        out(rig, channel + i, fuzz_number(fuzz) & 0xff, 1);
    }
    out(rig, channel + 7, commands[fuzz_below(fuzz, sizeof(commands))], 1);
    out(rig, base, 1 | (fuzz_any(fuzz) & 8), 1);
    for (unsigned i = 0; i < 6 && fuzz_once_in(fuzz, 2); i++) { /* a packet, if it was PACKET */
        out(rig, channel, (uint32_t)fuzz_number(fuzz), 2);
    }
}

static void set_screen(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    for (unsigned i = 0; i < 6; i++) {
        uint16_t index = (uint16_t)fuzz_below(fuzz, 11);
        static const uint16_t depths[] = { 0, 4, 8, 15, 16, 24, 32 };
        uint32_t value = (uint32_t)fuzz_number(fuzz);
        if (index == 3) {
            value = depths[fuzz_below(fuzz, G_N_ELEMENTS(depths))];
        } else if (index == 4) {
            value &= 0xe3;
        } else if (fuzz_once_in(fuzz, 2)) {
            value &= 0x7ff;
        }
        out(rig, 0x1ce, index, 2);
        out(rig, 0x1cf, value, 2);
    }
    for (unsigned i = 0; i < 8; i++) {
        static const uint16_t ports[] = { 0x3c4, 0x3ce, 0x3d4 };
        uint16_t port = ports[fuzz_below(fuzz, G_N_ELEMENTS(ports))];
        out(rig, port, (uint32_t)(fuzz_below(fuzz, 0x20) | (fuzz_number(fuzz) & 0xff) << 8), 2);
    }
    display_update(rig->display);
    if (fuzz_once_in(fuzz, 4)) {
        struct text_screen screen = { 0 };
        if (display_text(rig->display, &screen)) {
            text_screen_clear(&screen);
        }
    }
}

static void board_case(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    struct machine *machine = rig->t->machine;
    fuzz_case(fuzz);
    lock_acquire(&machine->lock);
    for (unsigned i = 0; i < ACCESSES; i++) {
        uint64_t kind = fuzz_below(fuzz, 64);
        if (kind == 0) {
            lock_release(&machine->lock);
            fuzz_rig_time(rig, fuzz);
            fuzz_rig_requests(rig, fuzz);
            lock_acquire(&machine->lock);
        } else if (kind == 1) {
            start_dma(rig, fuzz);
        } else if (kind == 2 && fuzz_once_in(fuzz, 4)) {
            set_screen(rig, fuzz);
        } else if (kind == 3 && machine->interrupt_acknowledge != NULL) {
            machine->interrupt_acknowledge(machine->interrupt_arg);
        } else if (kind < 8) {
            touch_pci(rig, fuzz);
        } else if (kind < 24) {
            touch_memory(rig, fuzz);
        } else {
            touch_port(rig, fuzz);
        }
    }
    fuzz->instructions += ACCESSES;
    lock_release(&machine->lock);
}

static void board_session(struct fuzz *fuzz)
{
    struct fuzz_rig rig;
    fuzz_rig_init(&rig, "max", true);
    for (unsigned i = 0; i < CASES; i++) {
        board_case(&rig, fuzz);
    }
    fuzz_rig_finish(&rig);
}

static void test_board(void)
{
    fuzz_sessions("devices of the board", board_session, 4);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/fuzz/devices", test_board);
    return g_test_run();
}
