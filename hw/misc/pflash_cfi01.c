/* See the header. Command codes and register bits are those of the data sheet's tables 16 and 17. */
#include "hw/misc/pflash_cfi01.h"

#include <errno.h>
#include <string.h>

#include "block/block.h"
#include "core/bus.h"
#include "core/log.h"
#include "core/machine.h"
#include "core/ram.h"

enum command {
    READ_ARRAY_OLD = 0x00, /* accepted by several families */
    BLOCK_ERASE = 0x20,
    PROGRAM = 0x40,
    PROGRAM_OLD = 0x10,
    CLEAR_STATUS = 0x50,
    BLOCK_LOCK = 0x60,
    READ_STATUS = 0x70,
    READ_ID = 0x90,
    READ_QUERY = 0x98,
    SUSPEND = 0xb0,
    CONFIRM = 0xd0,
    WRITE_BUFFER = 0xe8,
    READ_ARRAY = 0xff,
};

/* Status register. */
#define SR_READY 0x80
#define SR_ERASE_ERROR 0x20
#define SR_PROGRAM_ERROR 0x10
#define SR_SEQUENCE_ERROR (SR_ERASE_ERROR | SR_PROGRAM_ERROR)

#define MANUFACTURER 0x89 /* Intel */
#define DEVICE_CODE 0x18
#define QUERY_FIRST 0x10
#define QUERY_SIZE 0x27    /* entries that depend on the chip */
#define QUERY_BLOCKS 0x2d
#define MAX_BLOCKS (16u << 20) / PFLASH_BLOCK_BYTES

/* What reads of the chip give. */
enum show { SHOW_ARRAY, SHOW_STATUS, SHOW_ID, SHOW_QUERY, SHOWS };

/* What the next write is taken for. */
enum expect {
    EXPECT_COMMAND,
    EXPECT_DATA,         /* of PROGRAM */
    EXPECT_ERASE,        /* confirmation of BLOCK_ERASE */
    EXPECT_LOCK,         /* second cycle of BLOCK_LOCK */
    EXPECT_COUNT,        /* of WRITE_BUFFER, less one */
    EXPECT_BUFFER_FIRST, /* its first byte, whose address is the start */
    EXPECT_BUFFER,
    EXPECT_BUFFER_CONFIRM,
    EXPECTS
};

struct pflash {
    struct device dev;
    uint64_t num_blocks; /* property */
    /* Saved. */
    struct ram *array;
    uint8_t show, expect, status;
    uint8_t left, length;  /* bytes of the buffer still to come; in all */
    uint32_t start;        /* of the buffer */
    uint8_t buffer[PFLASH_BUFFER_BYTES];
    /* Derived, wiring. */
    struct region memory, registers;
    struct bus *bus;
    struct mapping *mapping; /* NULL until mapped */
    struct block *block;     /* NULL: changes last until the end of the machine */
    bool read_only;
    /* The image behind: one write at a time; what changes meanwhile is [dirty_first, dirty_end). */
    struct block_request request;
    struct iovec iov;
    bool writing;
    uint32_t dirty_first, dirty_end;
};

static struct pflash *from_dev(struct device *dev)
{
    return (struct pflash *)dev;
}

/* ---- the image behind ---- */

static void write_back(struct pflash *f)
{
    if (f->writing || f->block == NULL || f->read_only || f->dirty_first >= f->dirty_end) {
        return;
    }
    f->writing = true;
    f->iov = (struct iovec){ f->array->host + f->dirty_first, f->dirty_end - f->dirty_first };
    f->request.op = BLOCK_WRITE;
    f->request.offset = f->dirty_first;
    f->request.bytes = f->iov.iov_len;
    f->request.iov = &f->iov;
    f->request.iov_count = 1;
    f->dirty_first = f->dirty_end = 0;
    block_submit(f->block, &f->request);
}

static void write_done(struct block_request *request, int result)
{
    struct pflash *f = request->arg;
    f->writing = false;
    if (result < 0) {
        warn_once(f->dev.machine->log, "%s: the image could not be written: %s; changes are lost at the end",
                  f->dev.id, g_strerror(-result));
        return;
    }
    write_back(f);
}

static void changed(struct pflash *f, uint32_t offset, uint32_t size)
{
    uint32_t first = offset & ~(BLOCK_SECTOR_BYTES - 1u);
    uint32_t end = (offset + size + BLOCK_SECTOR_BYTES - 1) & ~(BLOCK_SECTOR_BYTES - 1u);
    ram_touched(f->array, offset, size);
    bool clean = f->dirty_first >= f->dirty_end;
    f->dirty_first = clean ? first : MIN(f->dirty_first, first);
    f->dirty_end = clean ? end : MAX(f->dirty_end, end);
    write_back(f);
}

/* ---- operations ---- */

static void program(struct pflash *f, uint32_t offset, const uint8_t *data, uint32_t size)
{
    f->status |= SR_READY;
    if (f->read_only || offset + size > f->array->size) {
        f->status |= SR_PROGRAM_ERROR;
        return;
    }
    for (uint32_t i = 0; i < size; i++) {
        f->array->host[offset + i] &= data[i];
    }
    changed(f, offset, size);
}

static void erase(struct pflash *f, uint32_t offset)
{
    f->status |= SR_READY;
    if (f->read_only) {
        f->status |= SR_ERASE_ERROR;
        return;
    }
    offset &= ~(PFLASH_BLOCK_BYTES - 1);
    memset(f->array->host + offset, 0xff, PFLASH_BLOCK_BYTES);
    changed(f, offset, PFLASH_BLOCK_BYTES);
}

static void sequence_error(struct pflash *f, uint8_t value)
{
    log_print(f->dev.machine->log, LOG_GUEST_ERROR, "%s: %02xh is out of sequence\n", f->dev.id, value);
    f->status |= SR_READY | SR_SEQUENCE_ERROR;
    f->expect = EXPECT_COMMAND;
}

/* First cycle of a command: what reads give from now on, and what the next write is. */
static void command(struct pflash *f, uint8_t value)
{
    f->expect = EXPECT_COMMAND;
    switch (value) {
    case READ_ARRAY:
    case READ_ARRAY_OLD:
        f->show = SHOW_ARRAY;
        return;
    case CLEAR_STATUS:
        f->status = 0;
        f->show = SHOW_ARRAY;
        return;
    case READ_ID:
        f->show = SHOW_ID;
        return;
    case READ_QUERY:
        f->show = SHOW_QUERY;
        return;
    case PROGRAM:
    case PROGRAM_OLD:
        f->expect = EXPECT_DATA;
        break;
    case BLOCK_ERASE:
        f->expect = EXPECT_ERASE;
        break;
    case BLOCK_LOCK:
        f->expect = EXPECT_LOCK;
        break;
    case WRITE_BUFFER:
        f->status |= SR_READY; /* a buffer is free */
        f->expect = EXPECT_COUNT;
        break;
    case READ_STATUS:
    case SUSPEND: /* nothing is ever under way, */
    case CONFIRM: /* or suspended */
        break;
    default:
        log_print(f->dev.machine->log, LOG_GUEST_ERROR, "%s: no command %02xh\n", f->dev.id, value);
        f->show = SHOW_ARRAY;
        return;
    }
    f->show = SHOW_STATUS;
}

static void buffer_begin(struct pflash *f, uint8_t value)
{
    if (value >= PFLASH_BUFFER_BYTES) {
        sequence_error(f, value);
        return;
    }
    memset(f->buffer, 0xff, sizeof(f->buffer));
    f->length = f->left = (uint8_t)(value + 1);
    f->expect = EXPECT_BUFFER_FIRST;
}

static void buffer_put(struct pflash *f, uint32_t offset, uint8_t value)
{
    uint32_t at = offset - f->start;
    if (at >= f->length) {
        sequence_error(f, value);
        return;
    }
    f->buffer[at] = value;
    f->expect = --f->left == 0 ? EXPECT_BUFFER_CONFIRM : EXPECT_BUFFER;
}

static void pflash_drive(struct device *dev)
{
    struct pflash *f = from_dev(dev);
    if (f->mapping != NULL) {
        mapping_retarget(f->mapping, f->show == SHOW_ARRAY ? &f->memory : &f->registers);
    }
}

static void pflash_write(void *owner, uint64_t address, uint64_t data, unsigned size)
{
    struct pflash *f = owner;
    uint32_t offset = (uint32_t)address;
    uint8_t value = (uint8_t)data, show = f->show;
    enum expect expect = f->expect;
    f->expect = EXPECT_COMMAND;
    switch (expect) {
    case EXPECT_DATA:
        program(f, offset, &value, 1);
        break;
    case EXPECT_ERASE:
    case EXPECT_BUFFER_CONFIRM:
        if (value != CONFIRM) {
            sequence_error(f, value);
        } else if (expect == EXPECT_ERASE) {
            erase(f, offset);
        } else {
            program(f, f->start, f->buffer, f->length);
        }
        break;
    case EXPECT_LOCK:
        f->status |= SR_READY;
        break;
    case EXPECT_COUNT:
        buffer_begin(f, value);
        break;
    case EXPECT_BUFFER_FIRST:
        f->start = offset;
        buffer_put(f, offset, value);
        break;
    case EXPECT_BUFFER:
        buffer_put(f, offset, value);
        break;
    default:
        command(f, value);
        break;
    }
    if (f->show != show) {
        pflash_drive(&f->dev);
    }
}

/* ---- registers ---- */

/* CFI query structure from 10h on (JESD68.01, 3); QUERY_SIZE and QUERY_BLOCKS are filled in. */
static const uint8_t query[] = {
    'Q', 'R', 'Y', 0x01, 0x00, 0x31, 0x00, 0x00, 0x00, 0x00, 0x00, /* 10h: command set 1, its table at 31h */
    0x45, 0x55, 0x00, 0x00,                                        /* 1Bh: 4.5 to 5.5 V */
    0x07, 0x07, 0x0a, 0x00, 0x04, 0x04, 0x04, 0x00,                /* 1Fh: typical and longest times */
    0x00, 0x00, 0x00, 0x05, 0x00, 0x01,                            /* 27h: size, byte-wide, buffer of 2^5, one region */
    0x00, 0x00, PFLASH_BLOCK_BYTES / 256 % 256, PFLASH_BLOCK_BYTES / 65536, /* 2Dh: blocks less one, their size */
    'P', 'R', 'I', '1', '0', 0x00, 0x00, 0x00, 0x00,               /* 31h: no optional features */
};

static uint8_t query_byte(const struct pflash *f, uint32_t offset)
{
    uint32_t blocks = (uint32_t)f->num_blocks - 1;
    switch (offset) {
    case QUERY_SIZE:
        return (uint8_t)g_bit_storage(f->array->size - 1);
    case QUERY_BLOCKS:
        return (uint8_t)blocks;
    case QUERY_BLOCKS + 1:
        return (uint8_t)(blocks >> 8);
    default:
        return offset >= QUERY_FIRST && offset - QUERY_FIRST < sizeof(query) ? query[offset - QUERY_FIRST] : 0;
    }
}

static uint64_t pflash_read(void *owner, uint64_t offset, unsigned size)
{
    const struct pflash *f = owner;
    switch (f->show) {
    case SHOW_STATUS:
        return f->status;
    case SHOW_ID:
        /* Each block has the codes at its start, and its lock bit, which is clear. */
        return offset % PFLASH_BLOCK_BYTES == 0 ? MANUFACTURER : offset % PFLASH_BLOCK_BYTES == 1 ? DEVICE_CODE : 0;
    case SHOW_QUERY:
        return query_byte(f, (uint32_t)offset % PFLASH_BLOCK_BYTES);
    default:
        return f->array->host[offset];
    }
}

/* A wider access is so many cycles of the chip. */
static const struct region_ops pflash_ops = { pflash_read, pflash_write, 1, 1 };

/* ---- device ---- */

static bool pflash_create(struct device *dev, GError **error)
{
    struct pflash *f = from_dev(dev);
    if (f->num_blocks == 0 || f->num_blocks > MAX_BLOCKS) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: a flash chip has 4 KiB to 16 MiB", dev->id);
        return false;
    }
    f->array = ram_create(dev->id, f->num_blocks * PFLASH_BLOCK_BYTES, error);
    if (f->array == NULL) {
        return false;
    }
    memset(f->array->host, 0xff, f->array->size);
    region_init_rom(&f->memory, dev->id, f->array, 0, f->array->size);
    f->memory.ops = &pflash_ops;
    f->memory.owner = f;
    region_init_io(&f->registers, dev->id, f->array->size, &pflash_ops, f);
    device_add_region(dev, &f->registers);
    f->request.done = write_done;
    f->request.arg = f;
    return true;
}

bool pflash_cfi01_attach(struct device *dev, struct block *block, GError **error)
{
    struct pflash *f = from_dev(dev);
    int result = block_read(block, 0, f->array->host, f->array->size);
    if (result < 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_IO, "%s: the flash image could not be read: %s", dev->id,
                    g_strerror(-result));
        return false;
    }
    f->block = block;
    f->read_only = block_read_only(block);
    return true;
}

void pflash_cfi01_map(struct device *dev, struct bus *bus, uint64_t base)
{
    struct pflash *f = from_dev(dev);
    g_assert(f->mapping == NULL);
    f->bus = bus;
    f->mapping = bus_map(bus, &f->memory, base, 0);
}

struct ram *pflash_cfi01_ram(struct device *dev)
{
    return from_dev(dev)->array;
}

/* The array outlasts a reset. */
static void pflash_reset(struct device *dev)
{
    struct pflash *f = from_dev(dev);
    f->show = SHOW_ARRAY;
    f->expect = EXPECT_COMMAND;
    f->status = SR_READY;
    f->left = f->length = 0;
    f->start = 0;
    memset(f->buffer, 0xff, sizeof(f->buffer));
}

static void pflash_loaded(struct device *dev)
{
    struct pflash *f = from_dev(dev);
    f->show = f->show < SHOWS ? f->show : SHOW_ARRAY;
    f->expect = f->expect < EXPECTS ? f->expect : EXPECT_COMMAND;
    f->length = MIN(f->length, PFLASH_BUFFER_BYTES);
    f->left = MIN(f->left, f->length);
    if (f->left == 0 && (f->expect == EXPECT_BUFFER_FIRST || f->expect == EXPECT_BUFFER)) {
        f->expect = EXPECT_COMMAND;
    }
    f->start = (uint32_t)MIN(f->start, f->array->size - 1);
    if (!f->read_only) {
        changed(f, 0, (uint32_t)f->array->size); /* the image is to hold what the saved state had */
    }
}

static void pflash_destroy(struct device *dev)
{
    struct pflash *f = from_dev(dev);
    if (f->mapping != NULL) {
        bus_unmap(f->bus, f->mapping);
    }
    ram_destroy(f->array);
}

static const struct property pflash_properties[] = {
    { "num-blocks", PROPERTY_U64, offsetof(struct pflash, num_blocks), "32", "size, in blocks of 4 KiB" },
    { NULL },
};

static const struct field pflash_fields[] = {
    FIELD_U8(struct pflash, show),
    FIELD_U8(struct pflash, expect),
    FIELD_U8(struct pflash, status),
    FIELD_U8(struct pflash, left),
    FIELD_U8(struct pflash, length),
    FIELD_U32(struct pflash, start),
    FIELD_BYTES(struct pflash, buffer),
    FIELD_RAM(struct pflash, array),
    FIELD_END,
};

const struct device_class pflash_cfi01_class = {
    .name = "cfi.pflash01",
    .description = "NOR flash with the Intel command set, for firmware",
    .state_size = sizeof(struct pflash),
    .properties = pflash_properties,
    .fields = pflash_fields,
    .create = pflash_create,
    .reset = pflash_reset,
    .drive = pflash_drive,
    .loaded = pflash_loaded,
    .destroy = pflash_destroy,
};
