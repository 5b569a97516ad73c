/* Saving and loading the machine: which drives take part, and in which order things are checked, read and put. */
#include "monitor/vm_state.h"

#include <errno.h>
#include <string.h>

#include "accel/accel.h"
#include "block/block.h"
#include "core/machine.h"
#include "core/snapshot.h"
#include "core/state.h"
#include "hw/pc/pc_machine.h"

enum { BLOB_MOST_BYTES = 512 << 20, CPUS_MOST = 64 };

static GQuark vm_state_error(void)
{
    return g_quark_from_static_string("vm-state");
}

#define FAIL(error, ...) (g_set_error(error, vm_state_error(), 0, __VA_ARGS__), false)

/* ---- the bytes of a state, in the image ---- */

struct place {
    struct block *block;
    const char *name;  /* of the snapshot, for reading */
    uint8_t *buffer;   /* BLOCK_STATE_UNIT bytes */
    uint64_t offset;   /* of what is in the buffer, or of what comes next */
    size_t used;       /* written into the buffer, or read from it */
    size_t filled;     /* reading: bytes in it */
    uint64_t bytes;    /* reading: all there is */
};

static int place_write(void *arg, const void *data, size_t bytes)
{
    struct place *place = arg;
    const uint8_t *from = data;

    while (bytes > 0) {
        size_t piece = MIN(bytes, BLOCK_STATE_UNIT - place->used);
        memcpy(place->buffer + place->used, from, piece);
        place->used += piece;
        from += piece;
        bytes -= piece;
        if (place->used == BLOCK_STATE_UNIT) {
            int result = block_state_write(place->block, place->offset, place->buffer, BLOCK_STATE_UNIT);
            if (result < 0) {
                return result;
            }
            place->offset += BLOCK_STATE_UNIT;
            place->used = 0;
        }
    }
    return 0;
}

static int place_flush(struct place *place)
{
    if (place->used == 0) {
        return 0;
    }
    memset(place->buffer + place->used, 0, BLOCK_STATE_UNIT - place->used);
    return block_state_write(place->block, place->offset, place->buffer, BLOCK_STATE_UNIT);
}

static int place_read(void *arg, void *data, size_t bytes)
{
    struct place *place = arg;
    uint8_t *to = data;

    while (bytes > 0) {
        if (place->used == place->filled) {
            place->offset += place->filled;
            place->filled = (size_t)MIN(BLOCK_STATE_UNIT, place->bytes - place->offset);
            place->used = 0;
            if (place->filled == 0) {
                return -EPROTO;
            }
            int result = block_state_read(place->block, place->name, place->offset, place->buffer, place->filled);
            if (result < 0) {
                place->filled = 0;
                return result;
            }
        }
        size_t piece = MIN(bytes, place->filled - place->used);
        memcpy(to, place->buffer + place->used, piece);
        place->used += piece;
        to += piece;
        bytes -= piece;
    }
    return 0;
}

/* ---- the drives ---- */

/* Does the disk belong to the state? Then it must be able to. A flash chip's contents are in the chip's own state. */
static bool counts(const struct monitor_drive *drive)
{
    return drive->block != NULL && drive->kind != MONITOR_DRIVE_FLASH && !block_read_only(drive->block);
}

static const struct block_snapshot *find(struct block *block, const char *name)
{
    unsigned count;
    const struct block_snapshot *list = block_snapshots(block, &count);

    for (unsigned i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

/* The drive that holds the states; NULL and error: there is none, or one that would be left behind. */
static struct block *state_drive(const struct monitor_env *env, GError **error)
{
    struct block *first = NULL;

    for (unsigned i = 0; i < env->drive_count; i++) {
        const struct monitor_drive *drive = &env->drives[i];
        if (!counts(drive)) {
            continue;
        }
        if (!block_has_snapshots(drive->block)) {
            (void)FAIL(error, "Device '%s' is writable but does not support snapshots", drive->name);
            return NULL;
        }
        first = first != NULL ? first : drive->block;
    }
    if (first == NULL) {
        (void)FAIL(error, "no block device can store vmstate for snapshot");
    }
    return first;
}

static void drain(const struct monitor_env *env)
{
    lock_acquire(&env->machine->lock);
    for (unsigned i = 0; i < env->drive_count; i++) {
        if (env->drives[i].block != NULL) {
            block_drain(env->drives[i].block);
        }
    }
    lock_release(&env->machine->lock);
}

/* Stops the machine and the disks. Returns whether it ran. */
static bool halt(const struct monitor_env *env)
{
    bool ran = env->machine->run_state == RUN_STATE_RUNNING;

    if (ran) {
        machine_pause(env->machine, RUN_STATE_PAUSED);
    }
    drain(env);
    return ran;
}

static void go_on(const struct monitor_env *env, bool ran)
{
    if (ran) {
        machine_resume(env->machine);
    }
}

/* ---- what a state needs of the machine ---- */

struct config {
    uint64_t ram;  /* bytes */
    uint64_t cpus;
    uint64_t features[G_N_ELEMENTS(((struct x86_cpuid *)0)->features)];
};

static const struct field config_fields[] = {
    FIELD_U64(struct config, ram),
    FIELD_U64(struct config, cpus),
    FIELD_U64_ARRAY(struct config, features),
    FIELD_END,
};

static struct config config_of(const struct monitor_env *env)
{
    struct config config = { .ram = pc_ram(env->pc)->size, .cpus = accel_cpu_count(env->accel) };

    memcpy(config.features, accel_cpuid(env->accel)->features, sizeof(config.features));
    return config;
}

static bool check_config(const struct monitor_env *env, GBytes *blob, GError **error)
{
    struct config now = config_of(env), then = { 0 };
    size_t bytes;
    const uint8_t *data = g_bytes_get_data(blob, &bytes);

    if (!state_load(config_fields, &then, data, bytes, error)) {
        return false;
    }
    if (then.ram != now.ram) {
        return FAIL(error, "it was saved with %" G_GUINT64_FORMAT " MiB of memory; remedy: start with -m %"
                    G_GUINT64_FORMAT "M", then.ram >> 20, then.ram >> 20);
    }
    if (then.cpus != now.cpus) {
        return FAIL(error, "it was saved with %" G_GUINT64_FORMAT " CPUs; remedy: start with -smp %" G_GUINT64_FORMAT,
                    then.cpus, then.cpus);
    }
    if (memcmp(then.features, now.features, sizeof(now.features)) != 0) {
        g_autoptr(GString) difference = g_string_new("");
        x86_cpuid_difference(difference, now.features, then.features);
        return FAIL(error, "it was saved with another CPU model; remedy: start with the -cpu and -accel options of "
                    "then, or append '%s' to -cpu %s", difference->str, accel_cpuid(env->accel)->model);
    }
    return true;
}

/* ---- saving ---- */

static int write_records(const struct snapshot_stream *stream, const struct field *fields, const void *object,
                         const char *name)
{
    g_autoptr(GByteArray) records = g_byte_array_new();

    state_save(fields, object, records);
    return snapshot_write_blob(stream, name, records->data, records->len);
}

static int write_devices(const struct monitor_env *env, const struct snapshot_stream *stream)
{
    g_autoptr(GByteArray) devices = g_byte_array_new();

    lock_acquire(&env->machine->lock);
    state_save_machine(env->machine, devices);
    lock_release(&env->machine->lock);
    return snapshot_write_blob(stream, "machine", devices->data, devices->len);
}

static int write_all(const struct monitor_env *env, const struct snapshot_stream *stream)
{
    struct config config = config_of(env);
    int result = snapshot_write_start(stream);

    if (result == 0) {
        result = write_records(stream, config_fields, &config, "config");
    }
    for (unsigned i = 0; result == 0 && i < accel_cpu_count(env->accel); i++) {
        struct x86_state cpu;
        accel_state_get(env->accel, i, &cpu);
        result = write_records(stream, x86_state_fields, &cpu, "cpu");
    }
    if (result == 0) {
        result = write_devices(env, stream);
    }
    if (result == 0) {
        result = snapshot_write_ram(stream, pc_ram(env->pc));
    }
    return result == 0 ? snapshot_write_end(stream) : result;
}

/* Puts the state beside the disk; *bytes: its length. */
static bool write_state(const struct monitor_env *env, struct block *block, uint64_t *bytes, GError **error)
{
    struct place place = { .block = block, .buffer = g_malloc(BLOCK_STATE_UNIT) };
    struct snapshot_stream stream = { .write = place_write, .arg = &place };
    int result = write_all(env, &stream);

    *bytes = place.offset + place.used;
    if (result == 0) {
        result = place_flush(&place);
    }
    g_free(place.buffer);
    if (result < 0) {
        return FAIL(error, "Error while writing the state of the machine to '%s': %s", block_file_name(block),
                    g_strerror(-result));
    }
    return true;
}

/* Makes the snapshots; after an error those that were made are gone again. */
static bool make_snapshots(const struct monitor_env *env, const char *name, struct block *holder, uint64_t bytes,
                           GError **error)
{
    struct block_state state = { .bytes = bytes, .clock_ns = clock_now(env->machine->guest_clock) };

    for (unsigned i = 0; i < env->drive_count; i++) {
        struct block *block = env->drives[i].block;
        if (counts(&env->drives[i]) &&
            !block_snapshot_create(block, name, block == holder ? &state : NULL, error)) {
            while (i-- > 0) {
                if (counts(&env->drives[i])) {
                    (void)block_snapshot_delete(env->drives[i].block, name, NULL);
                }
            }
            return false;
        }
    }
    return true;
}

static bool delete_snapshots(const struct monitor_env *env, const char *name, GError **error)
{
    for (unsigned i = 0; i < env->drive_count; i++) {
        const struct monitor_drive *drive = &env->drives[i];
        if (counts(drive) && find(drive->block, name) != NULL &&
            !block_snapshot_delete(drive->block, name, error)) {
            return false;
        }
    }
    return true;
}

static bool need_pc(const struct monitor_env *env, GError **error)
{
    return (env->pc != NULL && env->accel != NULL) || FAIL(error, "this machine cannot be saved");
}

bool vm_state_save(const struct monitor_env *env, const char *name, GError **error)
{
    struct block *holder;
    uint64_t bytes;

    if (!need_pc(env, error) || (holder = state_drive(env, error)) == NULL) {
        return false;
    }
    bool ran = halt(env);
    bool ok = write_state(env, holder, &bytes, error) && delete_snapshots(env, name, error) &&
              make_snapshots(env, name, holder, bytes, error);
    go_on(env, ran);
    return ok;
}

bool vm_state_delete(const struct monitor_env *env, const char *name, GError **error)
{
    if (state_drive(env, error) == NULL) {
        return false;
    }
    bool ran = halt(env);
    bool ok = delete_snapshots(env, name, error);
    go_on(env, ran);
    return ok;
}

/* ---- loading ---- */

/* A state as far as it can be checked before anything is changed. */
struct loaded {
    GBytes *devices;
    struct x86_state cpus[CPUS_MOST];
    unsigned cpu_count;
};

static bool load_cpu(const struct monitor_env *env, struct loaded *loaded, GBytes *blob, GError **error)
{
    size_t bytes;
    const uint8_t *data = g_bytes_get_data(blob, &bytes);

    if (loaded->cpu_count >= accel_cpu_count(env->accel) || loaded->cpu_count >= CPUS_MOST) {
        return FAIL(error, "it has more CPUs than it says");
    }
    struct x86_state *cpu = &loaded->cpus[loaded->cpu_count++];
    memset(cpu, 0, sizeof(*cpu));
    return state_load(x86_state_fields, cpu, data, bytes, error) &&
           x86_state_check(cpu, accel_cpuid(env->accel), error);
}

static bool load_blob(const struct monitor_env *env, struct loaded *loaded, const char *name, GBytes *blob,
                      GError **error)
{
    if (strcmp(name, "config") == 0) {
        return check_config(env, blob, error);
    }
    if (strcmp(name, "cpu") == 0) {
        return load_cpu(env, loaded, blob, error);
    }
    if (strcmp(name, "machine") == 0 && loaded->devices == NULL) {
        size_t bytes;
        const uint8_t *data = g_bytes_get_data(blob, &bytes);
        loaded->devices = g_bytes_ref(blob);
        return state_check_machine(env->machine, data, bytes, error);
    }
    return FAIL(error, "it holds '%s', which this vmm does not know", name);
}

/* Reads up to memory's contents, which must be the last but the end. */
static bool read_front(const struct monitor_env *env, const struct snapshot_stream *stream, struct loaded *loaded,
                       GError **error)
{
    struct snapshot_header header;
    int result = snapshot_read_start(stream);

    while (result == 0 && (result = snapshot_read_header(stream, &header)) == 0 && header.type == SNAPSHOT_BLOB) {
        g_autoptr(GBytes) blob = NULL;
        result = snapshot_read_blob(stream, &header, BLOB_MOST_BYTES, &blob);
        if (result == 0 && !load_blob(env, loaded, header.name, blob, error)) {
            return false;
        }
    }
    if (result < 0) {
        return FAIL(error, "%s", result == -EPROTO ? "it is not a state of vmm" : g_strerror(-result));
    }
    struct ram *ram = pc_ram(env->pc);
    if (header.type != SNAPSHOT_RAM || strcmp(header.name, ram->name) != 0 || header.bytes != ram->size ||
        loaded->devices == NULL || loaded->cpu_count != accel_cpu_count(env->accel)) {
        return FAIL(error, "it is not complete");
    }
    return true;
}

static bool apply_disks(const struct monitor_env *env, const char *name, GError **error)
{
    for (unsigned i = 0; i < env->drive_count; i++) {
        if (counts(&env->drives[i]) && !block_snapshot_apply(env->drives[i].block, name, error)) {
            return false;
        }
    }
    return true;
}

/* What cannot be undone. */
static bool put_state(const struct monitor_env *env, const struct snapshot_stream *stream, const char *name,
                      struct loaded *loaded, GError **error)
{
    size_t bytes;
    const uint8_t *data = g_bytes_get_data(loaded->devices, &bytes);

    if (!apply_disks(env, name, error)) {
        return false;
    }
    int result = snapshot_read_ram(stream, pc_ram(env->pc));
    if (result < 0) {
        return FAIL(error, "memory could not be read: %s", g_strerror(-result));
    }
    /* CPUs first: what they tell their local APICs is overruled by what these have saved. */
    machine_reset(env->machine);
    for (unsigned i = 0; i < loaded->cpu_count; i++) {
        accel_state_put(env->accel, i, &loaded->cpus[i]);
    }
    lock_acquire(&env->machine->lock);
    bool ok = state_load_machine(env->machine, data, bytes, error);
    lock_release(&env->machine->lock);
    return ok;
}

/* *whole: the machine is what it was, or what it is to be. */
static bool load_stopped(const struct monitor_env *env, const char *name, struct block *holder, bool *whole,
                         GError **error)
{
    struct place place = { .block = holder, .name = name, .buffer = g_malloc(BLOCK_STATE_UNIT),
                           .bytes = find(holder, name)->state_bytes };
    struct snapshot_stream stream = { .read = place_read, .arg = &place };
    struct loaded *loaded = g_new0(struct loaded, 1);
    bool ok = read_front(env, &stream, loaded, error);

    *whole = true;
    if (ok && !put_state(env, &stream, name, loaded, error)) {
        machine_reset(env->machine);
        g_prefix_error(error, "the machine was reset and stands: ");
        *whole = ok = false;
    } else if (!ok) {
        g_prefix_error(error, "Snapshot '%s' cannot be loaded: ", name);
    }
    g_clear_pointer(&loaded->devices, g_bytes_unref);
    g_free(loaded);
    g_free(place.buffer);
    return ok;
}

bool vm_state_load(const struct monitor_env *env, const char *name, GError **error)
{
    struct block *holder;

    if (!need_pc(env, error) || (holder = state_drive(env, error)) == NULL) {
        return false;
    }
    for (unsigned i = 0; i < env->drive_count; i++) {
        if (counts(&env->drives[i]) && find(env->drives[i].block, name) == NULL) {
            return FAIL(error, "Snapshot '%s' does not exist in one or more devices", name);
        }
    }
    if (find(holder, name)->state_bytes == 0) {
        return FAIL(error, "This is a disk-only snapshot. Revert to it offline using vmm-img");
    }
    bool ran = halt(env);
    bool whole;
    bool ok = load_stopped(env, name, holder, &whole, error);
    go_on(env, ran && whole);
    return ok;
}

/* ---- listing ---- */

/* A state that can be loaded: on every disk, with the machine's state on the first. */
static bool is_whole(const struct monitor_env *env, const struct block_snapshot *snapshot)
{
    for (unsigned i = 0; i < env->drive_count; i++) {
        if (counts(&env->drives[i]) && find(env->drives[i].block, snapshot->name) == NULL) {
            return false;
        }
    }
    return snapshot->state_bytes > 0;
}

static void list_rows(const struct monitor_env *env, struct block *block, bool whole, const char *title, GString *out)
{
    unsigned count;
    const struct block_snapshot *list = block_snapshots(block, &count);
    bool any = false;
    /* is_whole() asks for lists itself, and this one with them. */
    g_autofree struct block_snapshot *copy = g_memdup2(list, count * sizeof(*copy));

    for (unsigned i = 0; i < count; i++) {
        struct block_snapshot row = copy[i];
        if (is_whole(env, &row) != whole) {
            continue;
        }
        if (!any) {
            g_string_append_printf(out, "%s\n", title);
            block_snapshot_heading(out);
            any = true;
        }
        if (whole) {
            row.id = "--";
        }
        block_snapshot_row(&row, out);
    }
}

void vm_state_list(const struct monitor_env *env, GString *out)
{
    GError *error = NULL;
    struct block *holder = state_drive(env, &error);
    gsize before = out->len;

    if (holder == NULL) {
        g_string_append_printf(out, "%s\n", error->message);
        g_error_free(error);
        return;
    }
    list_rows(env, holder, true, "List of snapshots present on all disks:", out);
    if (out->len == before) {
        g_string_append(out, "There is no snapshot available.\n");
    }
    for (unsigned i = 0; i < env->drive_count; i++) {
        const struct monitor_drive *drive = &env->drives[i];
        if (counts(drive)) {
            g_autofree char *title = g_strdup_printf("\nList of partial (non-loadable) snapshots on '%s':", drive->name);
            list_rows(env, drive->block, false, title, out);
        }
    }
}
