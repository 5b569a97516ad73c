/*
 * Intel 8237A DMA controller (datasheet order number 231466), with the page registers of the PC/AT.
 *
 * A peripheral asks by DREQ, gets DACK, and moves bytes itself through i8237_to_memory() and
 * i8237_from_memory(). The bus is thereby never held, and priorities between channels have nothing
 * to decide: every channel whose request stands and is not masked is granted.
 *
 * A word chip (shift 1) counts words: its address register holds A16-A1, its page register A23-A17.
 * Addresses wrap within 64 K transfers and do not carry into the page.
 *
 * Not modelled: memory-to-memory transfers (command bit 0 is kept and does nothing; PCs cannot use
 * them, as channel 0 belonged to refresh), compressed timing, and the end of a transfer by the EOP
 * input. Software requests set the request bit and are granted like DREQ.
 */
#include "hw/dma/i8237.h"

#include <string.h>

#include "core/bus.h"
#include "core/dma.h"
#include "core/irq.h"
#include "core/machine.h"

#define CHANNELS 4
#define PAGES    8

#define COMMAND_DISABLE  0x04
#define COMMAND_DREQ_LOW 0x40 /* DREQ active low */

#define MODE_TYPE    0x0c
#define MODE_WRITE   0x04 /* to memory */
#define MODE_READ    0x08 /* from memory */
#define MODE_AUTO    0x10
#define MODE_DOWN    0x20
#define MODE_SELECT  0xc0
#define MODE_CASCADE 0xc0

#define SET_BIT 0x04 /* in single mask and request writes */

enum {
    REG_COMMAND_STATUS = 8,
    REG_REQUEST,
    REG_SINGLE_MASK,
    REG_MODE,
    REG_CLEAR_FLIP_FLOP,
    REG_MASTER_CLEAR, /* read: temporary register */
    REG_CLEAR_MASK,
    REG_ALL_MASK,
};

struct channel {
    uint16_t base_address, base_count;
    uint16_t address, count;
    uint8_t mode; /* bits 2-7 */
};

struct i8237 {
    struct device dev;
    /* Saved. */
    struct channel channels[CHANNELS];
    uint8_t pages[PAGES];
    uint8_t command;
    uint8_t mask;
    uint8_t request; /* software requests */
    uint8_t reached; /* terminal counts since the last status read */
    uint8_t lines;   /* DREQ levels */
    bool hlda;
    bool flip_flop; /* the next access is to the high byte */
    /* Configuration and wiring. */
    uint64_t shift;
    struct irq *dack[CHANNELS];
    struct irq *hrq;
    struct irq in[CHANNELS + 1]; /* DREQ0..3, HLDA */
    struct region io;
    struct region page_io;
};

/* Where the AT's decoder puts each channel's page register. */
static const uint8_t page_of_channel[CHANNELS] = {7, 3, 1, 2};

static uint8_t requests(const struct i8237 *dma)
{
    uint8_t lines = dma->command & COMMAND_DREQ_LOW ? ~dma->lines & 15 : dma->lines;
    if (dma->command & COMMAND_DISABLE) {
        return 0;
    }
    return (lines & ~dma->mask) | dma->request;
}

/* A chip whose HRQ goes nowhere owns the bus. */
static uint8_t grants(const struct i8237 *dma)
{
    return dma->hrq == NULL || dma->hlda ? requests(dma) : 0;
}

static void i8237_drive(struct device *dev)
{
    struct i8237 *dma = (struct i8237 *)dev;
    irq_set(dma->hrq, requests(dma) != 0);
    /* HRQ may have changed HLDA before this line. */
    uint8_t granted = grants(dma);
    for (unsigned n = 0; n < CHANNELS; n++) {
        irq_set(dma->dack[n], granted & (1u << n));
    }
}

static void i8237_input(void *sink, unsigned n, bool level)
{
    struct i8237 *dma = sink;
    if (n == CHANNELS) {
        dma->hlda = level;
    } else {
        dma->lines = level ? dma->lines | 1u << n : dma->lines & ~(1u << n);
    }
    i8237_drive(&dma->dev);
}

/* Transfers. */

bool i8237_granted(struct device *dev, unsigned n)
{
    struct i8237 *dma = (struct i8237 *)dev;
    g_assert(n < CHANNELS);
    return grants(dma) & (1u << n);
}

enum i8237_direction i8237_direction(struct device *dev, unsigned n)
{
    struct i8237 *dma = (struct i8237 *)dev;
    g_assert(n < CHANNELS);
    switch (dma->channels[n].mode & MODE_TYPE) {
    case MODE_WRITE:
        return I8237_TO_MEMORY;
    case MODE_READ:
        return I8237_FROM_MEMORY;
    default:
        return I8237_VERIFY;
    }
}

/* Physical address of the channel's next transfer. */
static uint64_t transfer_address(const struct i8237 *dma, unsigned n)
{
    uint64_t page = dma->pages[page_of_channel[n]];
    if (dma->shift != 0) {
        return (page & 0xfe) << 16 | (uint64_t)dma->channels[n].address << 1;
    }
    return page << 16 | dma->channels[n].address;
}

/* How many of `units` transfers can be done in one piece: up to the end of the count, and upwards
 * up to the wrap of the address. Downwards it is one at a time. */
static size_t piece(const struct channel *ch, size_t units)
{
    size_t left = (size_t)ch->count + 1;
    size_t wrap = ch->mode & MODE_DOWN ? 1 : 0x10000 - (size_t)ch->address;
    return MIN(units, MIN(left, wrap));
}

/* Moves the registers on; true at the terminal count. */
static bool advance(struct i8237 *dma, unsigned n, size_t units)
{
    struct channel *ch = &dma->channels[n];
    bool last = units == (size_t)ch->count + 1;
    ch->address = (uint16_t)(ch->mode & MODE_DOWN ? ch->address - units : ch->address + units);
    ch->count = (uint16_t)(ch->count - units);
    if (last) {
        dma->reached |= 1u << n;
        dma->request &= ~(1u << n);
        if (ch->mode & MODE_AUTO) {
            ch->address = ch->base_address;
            ch->count = ch->base_count;
        } else {
            dma->mask |= 1u << n;
        }
    }
    return last;
}

/* One of `in` and `out` is set. */
static size_t transfer(struct i8237 *dma, unsigned n, const uint8_t *in, uint8_t *out, size_t size,
                       bool *tc)
{
    struct bus *memory = dma->dev.machine->memory;
    struct channel *ch = &dma->channels[n];
    size_t done = 0;
    bool last = false;
    bool usable = (ch->mode & MODE_SELECT) != MODE_CASCADE;
    while (!last && usable && (grants(dma) & (1u << n)) && (size - done) >> dma->shift > 0) {
        size_t units = piece(ch, (size - done) >> dma->shift);
        size_t bytes = units << dma->shift;
        if (in != NULL && (ch->mode & MODE_TYPE) == MODE_WRITE) {
            dma_write(memory, transfer_address(dma, n), in + done, bytes);
        } else if (out != NULL && (ch->mode & MODE_TYPE) == MODE_READ) {
            dma_read(memory, transfer_address(dma, n), out + done, bytes);
        } else if (out != NULL) {
            memset(out + done, 0xff, bytes);
        }
        done += bytes;
        last = advance(dma, n, units);
    }
    if (tc != NULL) {
        *tc = last;
    }
    i8237_drive(&dma->dev);
    return done;
}

size_t i8237_to_memory(struct device *dev, unsigned n, const uint8_t *data, size_t size, bool *tc)
{
    g_assert(n < CHANNELS);
    return transfer((struct i8237 *)dev, n, data, NULL, size, tc);
}

size_t i8237_from_memory(struct device *dev, unsigned n, uint8_t *data, size_t size, bool *tc)
{
    g_assert(n < CHANNELS);
    return transfer((struct i8237 *)dev, n, NULL, data, size, tc);
}

/* Registers. */

static void set_byte(uint16_t *reg, bool high, uint8_t byte)
{
    *reg = high ? (*reg & 0x00ff) | byte << 8 : (*reg & 0xff00) | byte;
}

static void write_channel(struct i8237 *dma, unsigned reg, uint8_t byte)
{
    struct channel *ch = &dma->channels[reg >> 1];
    bool high = dma->flip_flop;
    dma->flip_flop = !high;
    if (reg & 1) {
        set_byte(&ch->base_count, high, byte);
        ch->count = ch->base_count;
    } else {
        set_byte(&ch->base_address, high, byte);
        ch->address = ch->base_address;
    }
}

static uint8_t read_channel(struct i8237 *dma, unsigned reg)
{
    const struct channel *ch = &dma->channels[reg >> 1];
    uint16_t value = reg & 1 ? ch->count : ch->address;
    bool high = dma->flip_flop;
    dma->flip_flop = !high;
    return (uint8_t)(high ? value >> 8 : value);
}

static void master_clear(struct i8237 *dma)
{
    dma->command = 0;
    dma->mask = 15;
    dma->request = 0;
    dma->reached = 0;
    dma->flip_flop = false;
}

static uint8_t with_bit(uint8_t mask, uint8_t value)
{
    uint8_t bit = 1u << (value & 3);
    return value & SET_BIT ? mask | bit : mask & ~bit;
}

static void i8237_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8237 *dma = owner;
    uint8_t byte = (uint8_t)value;
    unsigned reg = (unsigned)(offset >> dma->shift);
    switch (reg) {
    case REG_COMMAND_STATUS:
        dma->command = byte;
        break;
    case REG_REQUEST:
        dma->request = with_bit(dma->request, byte);
        break;
    case REG_SINGLE_MASK:
        dma->mask = with_bit(dma->mask, byte);
        break;
    case REG_MODE:
        dma->channels[byte & 3].mode = byte & ~3;
        break;
    case REG_CLEAR_FLIP_FLOP:
        dma->flip_flop = false;
        break;
    case REG_MASTER_CLEAR:
        master_clear(dma);
        break;
    case REG_CLEAR_MASK:
        dma->mask = 0;
        break;
    case REG_ALL_MASK:
        dma->mask = byte & 15;
        break;
    default:
        write_channel(dma, reg, byte);
        break;
    }
    i8237_drive(&dma->dev);
}

static uint64_t i8237_read(void *owner, uint64_t offset, unsigned size)
{
    struct i8237 *dma = owner;
    unsigned reg = (unsigned)(offset >> dma->shift);
    if (reg < REG_COMMAND_STATUS) {
        return read_channel(dma, reg);
    }
    switch (reg) {
    case REG_COMMAND_STATUS: {
        uint8_t lines = dma->command & COMMAND_DREQ_LOW ? ~dma->lines & 15 : dma->lines;
        uint8_t status = dma->reached | (uint8_t)((lines | dma->request) << 4);
        dma->reached = 0;
        return status;
    }
    case REG_MASTER_CLEAR: /* the temporary register serves memory-to-memory transfers */
        return 0;
    case REG_ALL_MASK: /* as on the 82371, which lets the masks be read */
        return 0xf0 | dma->mask;
    default:
        return 0xff;
    }
}

static const struct region_ops i8237_ops = {
    .read = i8237_read, .write = i8237_write, .max_size = 1};

static uint64_t page_read(void *owner, uint64_t offset, unsigned size)
{
    return ((struct i8237 *)owner)->pages[offset];
}

static void page_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    ((struct i8237 *)owner)->pages[offset] = (uint8_t)value;
}

static const struct region_ops page_ops = {.read = page_read, .write = page_write, .max_size = 1};

struct region *i8237_io(struct device *dev)
{
    return &((struct i8237 *)dev)->io;
}

struct region *i8237_pages(struct device *dev)
{
    return &((struct i8237 *)dev)->page_io;
}

struct irq *i8237_dreq(struct device *dev, unsigned n)
{
    g_assert(n < CHANNELS);
    return &((struct i8237 *)dev)->in[n];
}

struct irq *i8237_hlda(struct device *dev)
{
    return &((struct i8237 *)dev)->in[CHANNELS];
}

void i8237_connect_dack(struct device *dev, unsigned n, struct irq *line)
{
    g_assert(n < CHANNELS);
    ((struct i8237 *)dev)->dack[n] = line;
}

void i8237_connect_hrq(struct device *dev, struct irq *line)
{
    ((struct i8237 *)dev)->hrq = line;
}

static bool i8237_create(struct device *dev, GError **error)
{
    static const char *const names[CHANNELS + 1] = {"dreq0", "dreq1", "dreq2", "dreq3", "hlda"};
    struct i8237 *dma = (struct i8237 *)dev;
    if (dma->shift > 1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "i8237: shift is 0 (bytes) or 1 (words)");
        return false;
    }
    for (unsigned n = 0; n <= CHANNELS; n++) {
        irq_init(&dma->in[n], names[n], i8237_input, dma, n);
    }
    dev->inputs = dma->in;
    dev->input_count = CHANNELS + 1;
    region_init_io(&dma->io, "dma", 16ull << dma->shift, &i8237_ops, dma);
    region_init_io(&dma->page_io, "dma-page", PAGES, &page_ops, dma);
    device_add_region(dev, &dma->io);
    device_add_region(dev, &dma->page_io);
    return true;
}

static void i8237_reset(struct device *dev)
{
    struct i8237 *dma = (struct i8237 *)dev;
    master_clear(dma);
    memset(dma->channels, 0, sizeof(dma->channels));
    memset(dma->pages, 0, sizeof(dma->pages));
    dma->lines = 0;
    for (unsigned n = 0; n < CHANNELS; n++) {
        dma->lines |= dma->in[n].level ? 1u << n : 0;
    }
    dma->hlda = dma->in[CHANNELS].level;
}

static void i8237_loaded(struct device *dev)
{
    struct i8237 *dma = (struct i8237 *)dev;
    dma->mask &= 15;
    dma->request &= 15;
    dma->reached &= 15;
    dma->lines &= 15;
    for (unsigned n = 0; n < CHANNELS; n++) {
        dma->channels[n].mode &= ~3;
    }
}

static const struct property i8237_properties[] = {
    {"shift", PROPERTY_U64, offsetof(struct i8237, shift), "0", "0: bytes, 1: words"},
    {NULL},
};

static const struct field channel_fields[] = {
    FIELD_U16(struct channel, base_address), FIELD_U16(struct channel, base_count),
    FIELD_U16(struct channel, address),      FIELD_U16(struct channel, count),
    FIELD_U8(struct channel, mode),          FIELD_END,
};

static const struct field i8237_fields[] = {
    FIELD_STRUCT_ARRAY(struct i8237, channels, channel_fields),
    FIELD_BYTES(struct i8237, pages),
    FIELD_U8(struct i8237, command),
    FIELD_U8(struct i8237, mask),
    FIELD_U8(struct i8237, request),
    FIELD_U8(struct i8237, reached),
    FIELD_U8(struct i8237, lines),
    FIELD_BOOL(struct i8237, hlda),
    FIELD_BOOL(struct i8237, flip_flop),
    FIELD_END,
};

const struct device_class i8237_class = {
    .name = "i8237",
    .description = "Intel 8237A DMA controller",
    .state_size = sizeof(struct i8237),
    .properties = i8237_properties,
    .fields = i8237_fields,
    .create = i8237_create,
    .reset = i8237_reset,
    .drive = i8237_drive,
    .loaded = i8237_loaded,
};
