/* The backend for tests: what the front writes is kept in memory, what the test sends is delivered.
 */
#include "chardev/chardev_impl.h"

struct chardev_memory {
    struct chardev base;
    GByteArray *data;
    size_t capacity;
    unsigned breaks;
    unsigned out_lines;
    bool has_in_lines;
    unsigned in_lines;
    struct chardev_params params;
};

static size_t memory_write(struct chardev *chr, const uint8_t *data, size_t size)
{
    struct chardev_memory *memory = (struct chardev_memory *)chr;
    size_t taken = MIN(size, memory->capacity - memory->data->len);
    g_byte_array_append(memory->data, data, taken);
    return taken;
}

static void memory_event(struct chardev *chr, enum chardev_event event)
{
    struct chardev_memory *memory = (struct chardev_memory *)chr;
    if (event == CHARDEV_BREAK) {
        memory->breaks++;
    }
}

static void memory_set_params(struct chardev *chr, const struct chardev_params *params)
{
    ((struct chardev_memory *)chr)->params = *params;
}

static void memory_set_lines(struct chardev *chr, unsigned lines)
{
    ((struct chardev_memory *)chr)->out_lines = lines;
}

static unsigned memory_lines(struct chardev *chr)
{
    struct chardev_memory *memory = (struct chardev_memory *)chr;
    if (memory->has_in_lines) {
        return memory->in_lines;
    }
    return CHARDEV_LINE_CTS | CHARDEV_LINE_DSR | CHARDEV_LINE_DCD;
}

static void memory_destroy(struct chardev *chr)
{
    g_byte_array_free(((struct chardev_memory *)chr)->data, TRUE);
}

static const struct chardev_ops memory_ops = {
    .write = memory_write,
    .event = memory_event,
    .set_params = memory_set_params,
    .set_lines = memory_set_lines,
    .lines = memory_lines,
    .destroy = memory_destroy,
};

struct chardev *chardev_memory_create(size_t capacity)
{
    struct chardev_memory *memory = g_new0(struct chardev_memory, 1);
    chardev_init(&memory->base, &memory_ops, "memory", true);
    memory->data = g_byte_array_new();
    memory->capacity = capacity;
    return &memory->base;
}

const uint8_t *chardev_memory_data(struct chardev *chr, size_t *size)
{
    struct chardev_memory *memory = (struct chardev_memory *)chr;
    *size = memory->data->len;
    return memory->data->data;
}

void chardev_memory_clear(struct chardev *chr)
{
    struct chardev_memory *memory = (struct chardev_memory *)chr;
    g_byte_array_set_size(memory->data, 0);
    chardev_writable(chr);
}

size_t chardev_memory_send(struct chardev *chr, const void *data, size_t size)
{
    return chardev_deliver(chr, data, size);
}

void chardev_memory_event(struct chardev *chr, enum chardev_event event)
{
    chardev_deliver_event(chr, event);
}

unsigned chardev_memory_breaks(struct chardev *chr)
{
    return ((struct chardev_memory *)chr)->breaks;
}

const struct chardev_params *chardev_memory_params(struct chardev *chr)
{
    return &((struct chardev_memory *)chr)->params;
}

unsigned chardev_memory_out_lines(struct chardev *chr)
{
    return ((struct chardev_memory *)chr)->out_lines;
}

void chardev_memory_set_in_lines(struct chardev *chr, unsigned lines)
{
    struct chardev_memory *memory = (struct chardev_memory *)chr;
    memory->has_in_lines = true;
    memory->in_lines = lines;
    chardev_deliver_event(chr, CHARDEV_LINES);
}
