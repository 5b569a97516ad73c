/*
 * Intel 82093AA I/O APIC, after its data sheet (290566), chapter 3.
 *
 * An edge sends one message, unless its entry is masked: then it is lost. A level sends one and sets Remote IRR,
 * and sends again if it is still there when the local APIC reports the end of the interrupt. A level that nobody
 * takes is tried again with every change. Not modelled: the APIC bus (arbitration, delivery status).
 */
#include "hw/intc/ioapic.h"

#include <string.h>

#include "core/bus.h"
#include "core/irq.h"
#include "core/machine.h"

#define IOREGSEL 0x00
#define IOWIN 0x10
#define WINDOW_SIZE 0x1000

#define REG_ID 0x00
#define REG_VERSION 0x01
#define REG_ARBITRATION 0x02
#define REG_TABLE 0x10
#define VERSION_VALUE (0x11u | (IOAPIC_INPUTS - 1) << 16)
#define ID_MASK 0x0f000000u

#define ENTRY_LOGICAL (1ull << 11)
#define ENTRY_STATUS (1ull << 12)
#define ENTRY_LOW (1ull << 13)
#define ENTRY_REMOTE_IRR (1ull << 14)
#define ENTRY_LEVEL (1ull << 15)
#define ENTRY_MASKED (1ull << 16)
#define ENTRY_READ_ONLY (ENTRY_STATUS | ENTRY_REMOTE_IRR)
#define ENTRY_VALID 0xff0000000001ffffull

struct ioapic {
    struct device dev;
    /* Saved. */
    uint8_t select; /* IOREGSEL */
    uint32_t id;
    uint64_t table[IOAPIC_INPUTS];
    uint32_t levels; /* of the inputs: what is not an edge any more */
    /* Wiring. */
    struct apic_bus *bus;
    struct irq inputs[IOAPIC_INPUTS];
    struct region io;
};

static bool entry_send(struct ioapic *io, unsigned n)
{
    uint64_t entry = io->table[n];
    uint8_t destination = (uint8_t)(entry >> 56);
    struct apic_message message = {
        .logical = (entry & ENTRY_LOGICAL) != 0,
        .level = (entry & ENTRY_LEVEL) != 0,
        .delivery = entry >> 8 & 7,
        .vector = (uint8_t)entry,
    };
    message.destination = destination == 0xff && !message.logical ? APIC_BROADCAST : destination;
    return io->bus != NULL && apic_bus_send(io->bus, &message, NULL);
}

static bool is_level(uint64_t entry)
{
    return (entry & ENTRY_LEVEL) != 0;
}

static void ioapic_drive(struct device *dev)
{
    struct ioapic *io = (struct ioapic *)dev;
    for (unsigned n = 0; n < IOAPIC_INPUTS; n++) {
        uint64_t entry = io->table[n];
        if (is_level(entry) && (entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) == 0 && (io->levels >> n & 1) != 0 &&
            entry_send(io, n)) {
            io->table[n] |= ENTRY_REMOTE_IRR;
        }
    }
}

static void input_changed(void *sink, unsigned n, bool level)
{
    struct ioapic *io = sink;
    bool rise = level && (io->levels >> n & 1) == 0;
    io->levels = (io->levels & ~(1u << n)) | (uint32_t)level << n;
    if (rise && !is_level(io->table[n]) && (io->table[n] & ENTRY_MASKED) == 0) {
        entry_send(io, n);
    }
    ioapic_drive(&io->dev);
}

void ioapic_eoi(struct device *dev, uint8_t vector)
{
    struct ioapic *io = (struct ioapic *)dev;
    for (unsigned n = 0; n < IOAPIC_INPUTS; n++) {
        if (is_level(io->table[n]) && (uint8_t)io->table[n] == vector) {
            io->table[n] &= ~ENTRY_REMOTE_IRR;
        }
    }
    ioapic_drive(dev);
}

static uint32_t register_read(const struct ioapic *io)
{
    switch (io->select) {
    case REG_ID:
    case REG_ARBITRATION:
        return io->id;
    case REG_VERSION:
        return VERSION_VALUE;
    default:
        if (io->select >= REG_TABLE && io->select < REG_TABLE + 2 * IOAPIC_INPUTS) {
            return (uint32_t)(io->table[(io->select - REG_TABLE) / 2] >> (io->select & 1) * 32);
        }
        return 0;
    }
}

static void entry_write(struct ioapic *io, unsigned n, bool high, uint32_t value)
{
    uint64_t entry = io->table[n];
    uint64_t wanted = high ? (entry & 0xffffffffu) | (uint64_t)value << 32 : (entry & ~0xffffffffull) | value;
    entry = (wanted & ENTRY_VALID & ~ENTRY_READ_ONLY) | (entry & ENTRY_READ_ONLY);
    if (!is_level(entry)) {
        entry &= ~ENTRY_REMOTE_IRR; /* guests end a stuck interrupt so */
    }
    io->table[n] = entry;
}

static void register_write(struct ioapic *io, uint32_t value)
{
    if (io->select == REG_ID) {
        io->id = value & ID_MASK;
    } else if (io->select >= REG_TABLE && io->select < REG_TABLE + 2 * IOAPIC_INPUTS) {
        entry_write(io, (io->select - REG_TABLE) / 2u, io->select & 1, value);
        ioapic_drive(&io->dev);
    }
}

static uint64_t ioapic_read(void *owner, uint64_t offset, unsigned size)
{
    const struct ioapic *io = owner;
    return offset == IOREGSEL ? io->select : offset == IOWIN ? register_read(io) : 0;
}

static void ioapic_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct ioapic *io = owner;
    if (offset == IOREGSEL) {
        io->select = (uint8_t)value;
    } else if (offset == IOWIN) {
        register_write(io, (uint32_t)value);
    }
}

static const struct region_ops ioapic_ops = { ioapic_read, ioapic_write, 4, 4 };

static bool ioapic_create(struct device *dev, GError **error)
{
    struct ioapic *io = (struct ioapic *)dev;
    region_init_io(&io->io, "ioapic", WINDOW_SIZE, &ioapic_ops, io);
    device_add_region(dev, &io->io);
    for (unsigned n = 0; n < IOAPIC_INPUTS; n++) {
        irq_init(&io->inputs[n], "ioapic", input_changed, io, n);
    }
    dev->inputs = io->inputs;
    dev->input_count = IOAPIC_INPUTS;
    return true;
}

/* Levels are the drivers' and stay. */
static void ioapic_reset(struct device *dev)
{
    struct ioapic *io = (struct ioapic *)dev;
    io->select = 0;
    io->id = 0;
    io->levels = 0;
    for (unsigned n = 0; n < IOAPIC_INPUTS; n++) {
        io->table[n] = ENTRY_MASKED;
        io->levels |= (uint32_t)io->inputs[n].level << n;
    }
}

static void ioapic_loaded(struct device *dev)
{
    struct ioapic *io = (struct ioapic *)dev;
    io->levels &= (1u << IOAPIC_INPUTS) - 1;
    io->id &= ID_MASK;
    for (unsigned n = 0; n < IOAPIC_INPUTS; n++) {
        io->table[n] &= ENTRY_VALID;
    }
}

void ioapic_get(struct device *dev, struct ioapic_registers *r)
{
    const struct ioapic *io = (const struct ioapic *)dev;
    r->select = io->select;
    r->id = io->id;
    memcpy(r->table, io->table, sizeof(r->table));
}

void ioapic_put(struct device *dev, const struct ioapic_registers *r, uint32_t levels)
{
    struct ioapic *io = (struct ioapic *)dev;
    io->select = r->select;
    io->id = r->id;
    memcpy(io->table, r->table, sizeof(io->table));
    io->levels = levels;
    for (unsigned n = 0; n < IOAPIC_INPUTS; n++) {
        io->inputs[n].level = (levels >> n & 1) != 0;
    }
    ioapic_loaded(dev);
}

struct irq *ioapic_irq(struct device *dev, unsigned n)
{
    g_assert(n < IOAPIC_INPUTS);
    return &((struct ioapic *)dev)->inputs[n];
}

struct region *ioapic_region(struct device *dev)
{
    return &((struct ioapic *)dev)->io;
}

void ioapic_connect(struct device *dev, struct apic_bus *bus)
{
    g_assert(bus->ioapic_count < APIC_BUS_MAX_IOAPICS);
    ((struct ioapic *)dev)->bus = bus;
    bus->ioapics[bus->ioapic_count++] = dev;
}

static void format_pins(const char *name, uint32_t pins, GString *out)
{
    g_string_append_printf(out, "  %-8s ", name);
    for (unsigned n = 0; n < IOAPIC_INPUTS; n++) {
        if (pins >> n & 1) {
            g_string_append_printf(out, "%-2u ", n);
        }
    }
    g_string_append(out, pins == 0 ? "(none)\n" : "\n");
}

void ioapic_format(struct device *dev, GString *out)
{
    static const char *const delivery[8] = { "fixed", "lowest", "SMI", "...", "NMI", "INIT", "...", "extINT" };
    const struct ioapic *io = (const struct ioapic *)dev;
    uint32_t waiting = 0, remote = 0;
    g_string_append_printf(out, "ioapic0: ver=0x%02x id=0x%02x sel=0x%02x", VERSION_VALUE & 0xff, io->id >> 24,
                           io->select);
    g_string_append_printf(out, io->select >= REG_TABLE ? " (redir[%u])\n" : "\n", (io->select - REG_TABLE) / 2u);
    for (unsigned n = 0; n < IOAPIC_INPUTS; n++) {
        uint64_t e = io->table[n];
        g_string_append_printf(out, "  pin %-2u 0x%016" G_GINT64_MODIFIER "x dest=%x vec=%-3u %s %-5s %-6s %-6s %s\n", n, e,
                               (unsigned)(e >> 56), (unsigned)(e & 0xff), e & ENTRY_LOW ? "active-lo" : "active-hi",
                               is_level(e) ? "level" : "edge", e & ENTRY_MASKED ? "masked" : "", delivery[e >> 8 & 7],
                               e & ENTRY_LOGICAL ? "logical" : "physical");
        waiting |= (uint32_t)(is_level(e) && io->levels >> n & 1) << n;
        remote |= (uint32_t)((e & ENTRY_REMOTE_IRR) != 0) << n;
    }
    format_pins("IRR", waiting, out);
    format_pins("Remote IRR", remote, out);
}

static const struct field ioapic_fields[] = {
    FIELD_U8(struct ioapic, select),
    FIELD_U32(struct ioapic, id),
    FIELD_U64_ARRAY(struct ioapic, table),
    FIELD_U32(struct ioapic, levels),
    FIELD_END,
};

const struct device_class ioapic_class = {
    .name = "ioapic",
    .description = "Intel 82093AA I/O APIC",
    .state_size = sizeof(struct ioapic),
    .fields = ioapic_fields,
    .create = ioapic_create,
    .reset = ioapic_reset,
    .drive = ioapic_drive,
    .loaded = ioapic_loaded,
};
