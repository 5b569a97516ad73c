/*
 * Saved state.
 *
 * A record is, all little-endian:
 *
 *   u8   length of the name, 1..255        u32  number of elements
 *   ...  name                              u32  size of one element (0 for structs and memory blocks)
 *   u8   type (enum field_type)            u64  length of the payload, then the payload
 *
 * The payload of scalars and bytes is the elements as they lie in memory; of structs, for each element a u32
 * length and its records; of a memory block, its u64 size and then each page that is not all zeros as a u64
 * page number and its 4096 bytes. Nothing in it is trusted: lengths are checked before they are used, and
 * nothing is allocated by them.
 *
 * A machine is the magic, the guest clock as a struct of its own, and for each device its id, its class (both
 * u8 length and text), a u64 length and its records.
 */
#include "core/state.h"

#include "core/machine.h"
#include "core/ram.h"

#include <assert.h>
#include <string.h>

#define STATE_ERROR g_quark_from_static_string("vmm-state")
#define STATE_MAGIC "VMMSTATE1"

enum { STATE_MAX_DEPTH = 8 }; /* structs in structs */

/* ---- saving ---- */

static void put(GByteArray *out, uint64_t value, unsigned size)
{
    g_byte_array_append(out, (const guint8 *)&value, size);
}

static void put_name(GByteArray *out, const char *name)
{
    size_t length = strlen(name);

    assert(length > 0 && length <= UINT8_MAX);
    put(out, length, 1);
    g_byte_array_append(out, (const guint8 *)name, (guint)length);
}

/* Reserves room for a length of the bytes that follow; patch_length() fills it in. */
static guint reserve_length(GByteArray *out, unsigned size)
{
    put(out, 0, size);
    return out->len;
}

static void patch_length(GByteArray *out, guint start, unsigned size)
{
    uint64_t length = out->len - start;

    memcpy(out->data + start - size, &length, size);
}

static void save_ram(const struct ram *ram, GByteArray *out)
{
    put(out, ram ? ram->size : 0, 8);
    for (uint64_t page = 0; ram && page < ram->size >> RAM_PAGE_BITS; page++) {
        const uint8_t *bytes = ram->host + (page << RAM_PAGE_BITS);

        if (!ram_page_is_zero(ram, page)) {
            put(out, page, 8);
            g_byte_array_append(out, bytes, RAM_PAGE_SIZE);
        }
    }
}

static bool is_plain(enum field_type type)
{
    return type != FIELD_TYPE_STRUCT && type != FIELD_TYPE_RAM;
}

void state_save(const struct field *fields, const void *object, GByteArray *out)
{
    for (const struct field *f = fields; f && f->name; f++) {
        const uint8_t *member = (const uint8_t *)object + f->offset;

        put_name(out, f->name);
        put(out, f->type, 1);
        put(out, f->count, 4);
        put(out, is_plain(f->type) ? f->size : 0, 4);
        guint start = reserve_length(out, 8);
        if (f->type == FIELD_TYPE_RAM) {
            save_ram(*(struct ram *const *)member, out);
        } else if (f->type == FIELD_TYPE_STRUCT) {
            for (size_t i = 0; i < f->count; i++) {
                guint inner = reserve_length(out, 4);

                state_save(f->sub, member + i * f->size, out);
                patch_length(out, inner, 4);
            }
        } else {
            g_byte_array_append(out, member, (guint)(f->size * f->count));
        }
        patch_length(out, start, 8);
    }
}

/* ---- loading ---- */

struct reader {
    const uint8_t *data;
    size_t left;
};

static bool get(struct reader *in, uint64_t *value, unsigned size)
{
    if (in->left < size) {
        return false;
    }
    *value = 0;
    memcpy(value, in->data, size);
    in->data += size;
    in->left -= size;
    return true;
}

/* Splits off a reader for the next `length` bytes. */
static bool get_part(struct reader *in, struct reader *part, uint64_t length)
{
    if (in->left < length) {
        return false;
    }
    *part = (struct reader){ in->data, length };
    in->data += length;
    in->left -= length;
    return true;
}

static bool get_name(struct reader *in, char name[UINT8_MAX + 1])
{
    uint64_t length;

    if (!get(in, &length, 1) || length == 0 || in->left < length) {
        return false;
    }
    memcpy(name, in->data, length);
    name[length] = '\0';
    in->data += length;
    in->left -= length;
    return strlen(name) == length;
}

static bool fail(GError **error, const char *name, const char *what)
{
    g_set_error(error, STATE_ERROR, 0, "saved state is damaged: %s '%s'", what, name);
    return false;
}

static bool load_ram(struct ram *ram, struct reader *in, const char *name, GError **error)
{
    uint64_t size, page;

    if (!get(in, &size, 8) || size != (ram ? ram->size : 0)) {
        return fail(error, name, "wrong size of memory block");
    }
    if (ram == NULL) {
        return true;
    }
    for (page = 0; page < size >> RAM_PAGE_BITS; page++) {
        uint8_t *bytes = ram->host + (page << RAM_PAGE_BITS);

        /* Only what is not zero already: untouched pages shall stay untouched. */
        if (!ram_page_is_zero(ram, page)) {
            memset(bytes, 0, RAM_PAGE_SIZE);
        }
    }
    while (in->left > 0) {
        if (!get(in, &page, 8) || page >= size >> RAM_PAGE_BITS || in->left < RAM_PAGE_SIZE) {
            return fail(error, name, "bad page in memory block");
        }
        memcpy(ram->host + (page << RAM_PAGE_BITS), in->data, RAM_PAGE_SIZE);
        in->data += RAM_PAGE_SIZE;
        in->left -= RAM_PAGE_SIZE;
    }
    ram_touched(ram, 0, ram->size);
    return true;
}

static bool load_fields(const struct field *fields, void *object, struct reader in, unsigned depth,
                        GError **error);

static bool load_structs(const struct field *f, uint8_t *member, uint64_t count, struct reader *in,
                         unsigned depth, GError **error)
{
    for (uint64_t i = 0; i < count && i < f->count; i++) {
        struct reader part;
        uint64_t length;

        if (!get(in, &length, 4) || !get_part(in, &part, length)) {
            return fail(error, f->name, "truncated struct");
        }
        if (!load_fields(f->sub, member + i * f->size, part, depth + 1, error)) {
            return false;
        }
    }
    return true;
}

static bool load_plain(const struct field *f, uint8_t *member, uint64_t count, uint64_t size,
                       struct reader *in, GError **error)
{
    if (size != f->size || count > in->left / size || count * size != in->left) {
        return fail(error, f->name, "wrong length of field");
    }
    count = MIN(count, f->count);
    if (f->type == FIELD_TYPE_BOOL) {
        /* A bool that is neither 0 nor 1 is undefined behaviour in C. */
        for (uint64_t i = 0; i < count; i++) {
            member[i] = in->data[i] != 0;
        }
    } else {
        memcpy(member, in->data, count * size);
    }
    return true;
}

static const struct field *find_field(const struct field *fields, const char *name)
{
    for (const struct field *f = fields; f && f->name; f++) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

static bool load_record(const struct field *fields, void *object, struct reader *in, unsigned depth,
                        GError **error)
{
    char name[UINT8_MAX + 1] = "?";
    uint64_t type, count, size, length;
    struct reader payload;

    if (!get_name(in, name) || !get(in, &type, 1) || !get(in, &count, 4) || !get(in, &size, 4) ||
        !get(in, &length, 8) || !get_part(in, &payload, length)) {
        return fail(error, name, "truncated record");
    }
    const struct field *f = find_field(fields, name);
    if (f == NULL) {
        return true;
    }
    if (type != f->type) {
        return fail(error, name, "wrong type of field");
    }
    uint8_t *member = (uint8_t *)object + f->offset;
    if (type == FIELD_TYPE_RAM) {
        return load_ram(*(struct ram **)member, &payload, name, error);
    }
    if (type == FIELD_TYPE_STRUCT) {
        return load_structs(f, member, count, &payload, depth, error);
    }
    return load_plain(f, member, count, size, &payload, error);
}

static bool load_fields(const struct field *fields, void *object, struct reader in, unsigned depth,
                        GError **error)
{
    assert(depth < STATE_MAX_DEPTH);
    while (in.left > 0) {
        if (!load_record(fields, object, &in, depth, error)) {
            return false;
        }
    }
    return true;
}

bool state_load(const struct field *fields, void *object, const uint8_t *data, size_t size,
                GError **error)
{
    return load_fields(fields, object, (struct reader){ data, size }, 0, error);
}

/* ---- the machine ---- */

struct machine_state {
    uint64_t guest_time; /* ns */
};

static const struct field machine_fields[] = {
    FIELD_U64(struct machine_state, guest_time),
    FIELD_END,
};

void state_save_machine(struct machine *machine, GByteArray *out)
{
    struct machine_state state = { .guest_time = clock_now(machine->guest_clock) };

    g_byte_array_append(out, (const guint8 *)STATE_MAGIC, strlen(STATE_MAGIC));
    guint start = reserve_length(out, 8);
    state_save(machine_fields, &state, out);
    patch_length(out, start, 8);
    for (unsigned i = 0; i < machine->devices->len; i++) {
        const struct device *dev = g_ptr_array_index(machine->devices, i);

        put_name(out, dev->id);
        put_name(out, dev->class->name);
        start = reserve_length(out, 8);
        state_save(dev->class->fields, dev, out);
        patch_length(out, start, 8);
    }
}

/* The next device of the data, and its records; NULL and error: damaged, or the machine has no such device. */
static struct device *next_device(struct machine *machine, struct reader *in, struct reader *records, GError **error)
{
    char id[UINT8_MAX + 1] = "?", class_name[UINT8_MAX + 1];
    uint64_t length;

    if (!get_name(in, id) || !get_name(in, class_name) || !get(in, &length, 8) || !get_part(in, records, length)) {
        fail(error, id, "truncated device");
        return NULL;
    }
    struct device *dev = machine_find_device(machine, id);
    if (dev == NULL || strcmp(dev->class->name, class_name) != 0) {
        g_set_error(error, STATE_ERROR, 0,
                    "saved state has a device '%s' (%s) that this machine lacks; remedy: start with the "
                    "options it was saved with",
                    id, class_name);
        return NULL;
    }
    return dev;
}

static bool load_device(struct machine *machine, struct reader *in, GError **error)
{
    struct reader records;
    struct device *dev = next_device(machine, in, &records, error);

    if (dev == NULL) {
        return false;
    }
    if (!load_fields(dev->class->fields, dev, records, 0, error)) {
        g_prefix_error(error, "device '%s': ", dev->id);
        return false;
    }
    return true;
}

/* Reads what stands before the devices. */
static bool load_head(struct reader *in, struct machine_state *state, GError **error)
{
    struct reader magic, header;
    uint64_t length;

    if (!get_part(in, &magic, strlen(STATE_MAGIC)) || memcmp(magic.data, STATE_MAGIC, magic.left) != 0 ||
        !get(in, &length, 8) || !get_part(in, &header, length)) {
        g_set_error(error, STATE_ERROR, 0, "this is not a saved state of vmm");
        return false;
    }
    return load_fields(machine_fields, state, header, 0, error);
}

bool state_check_machine(struct machine *machine, const uint8_t *data, size_t size, GError **error)
{
    struct machine_state state = { 0 };
    struct reader in = { data, size }, records;
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

    if (!load_head(&in, &state, error)) {
        return false;
    }
    while (in.left > 0) {
        struct device *dev = next_device(machine, &in, &records, error);
        if (dev == NULL) {
            return false;
        }
        g_hash_table_add(seen, dev);
    }
    for (unsigned i = 0; i < machine->devices->len; i++) {
        const struct device *dev = g_ptr_array_index(machine->devices, i);
        if (!g_hash_table_contains(seen, dev)) {
            g_set_error(error, STATE_ERROR, 0,
                        "saved state has no device '%s' (%s); remedy: start with the options it was saved with", dev->id,
                        dev->class->name);
            return false;
        }
    }
    return true;
}

bool state_load_machine(struct machine *machine, const uint8_t *data, size_t size, GError **error)
{
    struct machine_state state = { 0 };
    struct reader in = { data, size };

    if (!load_head(&in, &state, error)) {
        return false;
    }
    for (unsigned i = 0; i < machine->devices->len; i++) {
        struct device *dev = g_ptr_array_index(machine->devices, i);

        if (dev->class->reset) {
            dev->class->reset(dev);
        }
    }
    while (in.left > 0) {
        if (!load_device(machine, &in, error)) {
            return false;
        }
    }
    clock_set(machine->guest_clock, state.guest_time);
    for (unsigned i = 0; i < machine->devices->len; i++) {
        struct device *dev = g_ptr_array_index(machine->devices, i);

        if (dev->class->loaded) {
            dev->class->loaded(dev);
        }
    }
    bus_begin(machine->memory);
    bus_begin(machine->io);
    for (unsigned i = 0; i < machine->devices->len; i++) {
        device_drive(g_ptr_array_index(machine->devices, i));
    }
    bus_commit(machine->io);
    bus_commit(machine->memory);
    return true;
}
