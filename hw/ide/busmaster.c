/*
 * One channel of the PIIX bus master. See the header.
 */
#include "hw/ide/busmaster.h"

#include "core/dma.h"

#define PRD_BYTES       8
#define PRD_END         0x80000000u
#define PRD_COUNT_MASK  0xfffeu
#define PRD_COUNT_ZERO  0x10000u /* a count of 0 means 64 KiB */
#define TABLE_WRITABLE  0xfffffffcu
#define COMMAND_WRITABLE (BUSMASTER_COMMAND_START | BUSMASTER_COMMAND_READ)

static const struct field position_fields[] = {
    FIELD_U32(struct busmaster_position, next),
    FIELD_U32(struct busmaster_position, address),
    FIELD_U32(struct busmaster_position, left),
    FIELD_BOOL(struct busmaster_position, last),
    FIELD_END,
};

const struct field busmaster_fields[] = {
    FIELD_U8(struct busmaster, command),
    FIELD_U8(struct busmaster, status),
    FIELD_U32(struct busmaster, table),
    FIELD_STRUCT(struct busmaster, position, position_fields),
    FIELD_STRUCT(struct busmaster, marked, position_fields),
    FIELD_BOOL(struct busmaster, have_mark),
    FIELD_END,
};

void busmaster_init(struct busmaster *bm, struct bus *memory, void (*started)(void *arg), void *arg)
{
    *bm = (struct busmaster){.memory = memory, .started = started, .arg = arg};
}

void busmaster_reset(struct busmaster *bm)
{
    bm->command = 0;
    bm->status = 0;
    bm->table = 0;
    bm->position = (struct busmaster_position){0};
    bm->marked = bm->position;
    bm->have_mark = false;
}

void busmaster_loaded(struct busmaster *bm)
{
    bm->command &= COMMAND_WRITABLE;
    bm->status &= BUSMASTER_STATUS_ACTIVE | BUSMASTER_STATUS_ERROR | BUSMASTER_STATUS_INTERRUPT |
                  BUSMASTER_STATUS_CAPABLE;
    bm->table &= TABLE_WRITABLE;
}

static uint8_t read_byte(const struct busmaster *bm, unsigned offset)
{
    switch (offset) {
    case BUSMASTER_COMMAND:
        return bm->command;
    case BUSMASTER_STATUS:
        return bm->status;
    case BUSMASTER_TABLE:
    case BUSMASTER_TABLE + 1:
    case BUSMASTER_TABLE + 2:
    case BUSMASTER_TABLE + 3:
        return (uint8_t)(bm->table >> (8 * (offset - BUSMASTER_TABLE)));
    default:
        return 0;
    }
}

uint32_t busmaster_read(const struct busmaster *bm, unsigned offset, unsigned size)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)read_byte(bm, offset + i) << (8 * i);
    }
    return value;
}

static void write_command(struct busmaster *bm, uint8_t value)
{
    bool was = (bm->command & BUSMASTER_COMMAND_START) != 0;
    bool now = (value & BUSMASTER_COMMAND_START) != 0;

    bm->command = value & COMMAND_WRITABLE;
    if (was == now) {
        return;
    }
    bm->have_mark = false;
    if (now) {
        bm->position = (struct busmaster_position){.next = bm->table};
        bm->status |= BUSMASTER_STATUS_ACTIVE;
        bm->started(bm->arg);
    } else {
        bm->status &= (uint8_t)~BUSMASTER_STATUS_ACTIVE;
    }
}

static void write_byte(struct busmaster *bm, unsigned offset, uint8_t value)
{
    const uint8_t clear = BUSMASTER_STATUS_ERROR | BUSMASTER_STATUS_INTERRUPT;
    unsigned shift;

    switch (offset) {
    case BUSMASTER_COMMAND:
        write_command(bm, value);
        break;
    case BUSMASTER_STATUS:
        bm->status = (uint8_t)((bm->status & ~BUSMASTER_STATUS_CAPABLE & ~(value & clear)) |
                               (value & BUSMASTER_STATUS_CAPABLE));
        break;
    case BUSMASTER_TABLE:
    case BUSMASTER_TABLE + 1:
    case BUSMASTER_TABLE + 2:
    case BUSMASTER_TABLE + 3:
        shift = 8 * (offset - BUSMASTER_TABLE);
        bm->table = (bm->table & ~(0xffu << shift)) | (uint32_t)value << shift;
        bm->table &= TABLE_WRITABLE;
        break;
    default:
        break;
    }
}

void busmaster_write(struct busmaster *bm, unsigned offset, uint32_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        write_byte(bm, offset + i, (uint8_t)(value >> (8 * i)));
    }
}

bool busmaster_ready(const struct busmaster *bm)
{
    return bm->enabled && (bm->status & BUSMASTER_STATUS_ACTIVE) != 0;
}

static uint32_t le32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

/* Takes the next descriptor; false at the end of the table. */
static bool next_region(struct busmaster *bm)
{
    struct busmaster_position *at = &bm->position;
    uint8_t prd[PRD_BYTES];
    uint32_t flags;

    if (at->last) {
        return false;
    }
    if (!dma_read(bm->memory, at->next, prd, sizeof(prd))) {
        bm->status |= BUSMASTER_STATUS_ERROR;
    }
    flags = le32(prd + 4);
    at->address = le32(prd) & ~1u;
    at->left = flags & PRD_COUNT_MASK;
    if (at->left == 0) {
        at->left = PRD_COUNT_ZERO;
    }
    at->last = (flags & PRD_END) != 0;
    at->next += PRD_BYTES;
    return true;
}

uint32_t busmaster_transfer(struct busmaster *bm, uint8_t *data, uint32_t size, bool to_memory)
{
    struct busmaster_position *at = &bm->position;
    uint32_t moved = 0;

    while (moved < size) {
        uint32_t piece;
        bool ok;

        if (at->left == 0 && !next_region(bm)) {
            break;
        }
        piece = at->left < size - moved ? at->left : size - moved;
        ok = to_memory ? dma_write(bm->memory, at->address, data + moved, piece)
                       : dma_read(bm->memory, at->address, data + moved, piece);
        if (!ok) {
            bm->status |= BUSMASTER_STATUS_ERROR;
        }
        at->address += piece;
        at->left -= piece;
        moved += piece;
    }
    return moved;
}

void busmaster_commit(struct busmaster *bm)
{
    bm->have_mark = false;
    if (bm->position.last && bm->position.left == 0) {
        bm->status &= (uint8_t)~BUSMASTER_STATUS_ACTIVE;
    }
}

void busmaster_mark(struct busmaster *bm)
{
    bm->marked = bm->position;
    bm->have_mark = true;
}

void busmaster_rewind(struct busmaster *bm)
{
    if (bm->have_mark) {
        bm->position = bm->marked;
    }
}

void busmaster_interrupt(struct busmaster *bm)
{
    bm->status |= BUSMASTER_STATUS_INTERRUPT;
}
