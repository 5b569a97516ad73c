/* The stream of a machine's state: its framing, and memory without its zero pages. */
#include "core/snapshot.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define MAGIC "vmm state 1\n"

static int write_number(const struct snapshot_stream *stream, uint64_t number)
{
    uint64_t little = htole64(number);

    return stream->write(stream->arg, &little, sizeof(little));
}

static int read_number(const struct snapshot_stream *stream, uint64_t *number)
{
    uint64_t little;
    int result = stream->read(stream->arg, &little, sizeof(little));

    if (result == 0) {
        *number = le64toh(little);
    }
    return result;
}

/* ---- writing ---- */

int snapshot_write_start(const struct snapshot_stream *stream)
{
    return stream->write(stream->arg, MAGIC, strlen(MAGIC));
}

static int write_header(const struct snapshot_stream *stream, enum snapshot_block type, const char *name,
                        uint64_t bytes)
{
    uint32_t type_le = htole32(type);
    uint8_t length = (uint8_t)strlen(name);

    g_assert(strlen(name) <= UINT8_MAX);
    int result = stream->write(stream->arg, &type_le, sizeof(type_le));
    if (result == 0) {
        result = stream->write(stream->arg, &length, 1);
    }
    if (result == 0) {
        result = stream->write(stream->arg, name, length);
    }
    return result == 0 ? write_number(stream, bytes) : result;
}

int snapshot_write_blob(const struct snapshot_stream *stream, const char *name, const void *data, size_t bytes)
{
    int result = write_header(stream, SNAPSHOT_BLOB, name, bytes);

    return result == 0 ? stream->write(stream->arg, data, bytes) : result;
}

static int write_run(const struct snapshot_stream *stream, const struct ram *ram, uint64_t first, uint64_t pages)
{
    int result = write_number(stream, first);

    if (result == 0) {
        result = write_number(stream, pages);
    }
    if (result == 0 && pages > 0) {
        result = stream->write(stream->arg, ram->host + (first << RAM_PAGE_BITS), pages << RAM_PAGE_BITS);
    }
    return result;
}

int snapshot_write_ram(const struct snapshot_stream *stream, const struct ram *ram)
{
    uint64_t pages = ram->size >> RAM_PAGE_BITS, first = 0;
    int result = write_header(stream, SNAPSHOT_RAM, ram->name, ram->size);

    while (result == 0 && first < pages) {
        uint64_t end = first;
        while (end < pages && !ram_page_is_zero(ram, end)) {
            end++;
        }
        if (end > first) {
            result = write_run(stream, ram, first, end - first);
        }
        first = end + 1;
    }
    return result == 0 ? write_run(stream, ram, 0, 0) : result;
}

int snapshot_write_end(const struct snapshot_stream *stream)
{
    return write_header(stream, SNAPSHOT_END, "", 0);
}

/* ---- reading ---- */

int snapshot_read_start(const struct snapshot_stream *stream)
{
    char magic[sizeof(MAGIC) - 1];
    int result = stream->read(stream->arg, magic, sizeof(magic));

    if (result == 0 && memcmp(magic, MAGIC, sizeof(magic)) != 0) {
        result = -EPROTO;
    }
    return result;
}

int snapshot_read_header(const struct snapshot_stream *stream, struct snapshot_header *header)
{
    uint32_t type = 0;
    uint8_t length = 0;
    int result = stream->read(stream->arg, &type, sizeof(type));

    memset(header, 0, sizeof(*header));
    if (result == 0) {
        result = stream->read(stream->arg, &length, 1);
    }
    if (result == 0) {
        result = stream->read(stream->arg, header->name, length);
    }
    if (result == 0) {
        result = read_number(stream, &header->bytes);
    }
    header->type = le32toh(type);
    return result == 0 && header->type > SNAPSHOT_RAM ? -EPROTO : result;
}

int snapshot_read_blob(const struct snapshot_stream *stream, const struct snapshot_header *header, size_t most,
                       GBytes **blob)
{
    if (header->bytes > most) {
        return -EFBIG;
    }
    size_t bytes = (size_t)header->bytes;
    g_autofree uint8_t *data = g_malloc(MAX(bytes, 1));
    int result = stream->read(stream->arg, data, bytes);
    if (result == 0) {
        *blob = g_bytes_new_take(g_steal_pointer(&data), bytes);
    }
    return result;
}

/* Pages that are zero already are left alone, so that the host need not find room for them. */
static void clear_pages(struct ram *ram, uint64_t from, uint64_t to)
{
    for (uint64_t page = from; page < to; page++) {
        if (!ram_page_is_zero(ram, page)) {
            memset(ram->host + (page << RAM_PAGE_BITS), 0, RAM_PAGE_SIZE);
        }
    }
}

int snapshot_read_ram(const struct snapshot_stream *stream, struct ram *ram)
{
    uint64_t all = ram->size >> RAM_PAGE_BITS, next = 0, first = 0, pages = 0;
    int result;

    do {
        result = read_number(stream, &first);
        if (result == 0) {
            result = read_number(stream, &pages);
        }
        if (result == 0 && pages > 0) {
            if (first < next || first > all || pages > all - first) {
                result = -EPROTO;
                break;
            }
            clear_pages(ram, next, first);
            result = stream->read(stream->arg, ram->host + (first << RAM_PAGE_BITS), pages << RAM_PAGE_BITS);
            next = first + pages;
        }
    } while (result == 0 && pages > 0);
    clear_pages(ram, next, all);
    ram_touched(ram, 0, ram->size);
    return result;
}
