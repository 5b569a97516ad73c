/* Drives: info block, info blockstats, change, eject, block_resize, commit. */
#include <inttypes.h>
#include <string.h>

#include "block/block.h"
#include "block/size.h"
#include "core/machine.h"
#include "hw/floppy/i82078.h"
#include "hw/ide/channel.h"
#include "hw/pc/pc_machine.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"

/* NULL unless the drive is an IDE drive of the board. */
static struct ide_drive *drive_of(struct command_call *call, const struct monitor_drive *drive)
{
    bool ide = call->env->pc != NULL && drive->kind == MONITOR_DRIVE_IDE;
    return ide ? pc_ide_drive(call->env->pc, drive->index) : NULL;
}

/* Likewise the floppy controller. */
static struct device *floppy_of(struct command_call *call, const struct monitor_drive *drive)
{
    bool floppy = call->env->pc != NULL && drive->kind == MONITOR_DRIVE_FLOPPY;
    return floppy ? pc_floppy(call->env->pc) : NULL;
}

static void print_place(struct command_call *call, const struct monitor_drive *drive)
{
    if (drive->kind == MONITOR_DRIVE_IDE) {
        command_print(call, "    Attached to:      IDE channel %u, drive %u\n", drive->index / 2,
                      drive->index % 2);
    } else if (drive->kind == MONITOR_DRIVE_FLOPPY) {
        struct device *fdc = floppy_of(call, drive);
        command_print(call, "    Attached to:      floppy controller, drive %u (%s)\n", drive->index,
                      fdc != NULL ? floppy_type_name(i82078_drive_type(fdc, drive->index)) : "");
    } else if (drive->kind == MONITOR_DRIVE_FLASH) {
        command_print(call, "    Attached to:      flash chip %u\n", drive->index);
    }
}

static void print_tray(struct command_call *call, const struct monitor_drive *drive)
{
    struct ide_drive *hw = drive_of(call, drive);
    bool locked = false, open = false;
    if (hw != NULL) {
        lock_acquire(&call->env->machine->lock);
        locked = ide_drive_locked(hw);
        open = ide_drive_tray_open(hw);
        lock_release(&call->env->machine->lock);
    } else if (floppy_of(call, drive) != NULL) {
        open = drive->block == NULL;
    } else {
        return;
    }
    command_print(call, "    Removable device: %slocked, tray %s\n", locked ? "" : "not ",
                  open ? "open" : "closed");
}

static void print_medium(struct command_call *call, const struct monitor_drive *drive)
{
    struct block_info info;
    block_get_info(drive->block, &info);
    command_print(call, "%s (#block%u): %s (%s%s)\n", drive->name,
                  (unsigned)(drive - call->env->drives), info.file_name, info.format,
                  info.read_only ? ", read-only" : "");
    print_place(call, drive);
    if (drive->removable) {
        print_tray(call, drive);
    }
    command_print(call, "    Cache mode:       %s\n", block_cache_name(info.cache));
    if (info.detect_zeroes != BLOCK_DETECT_ZEROES_OFF) {
        command_print(call, "    Detect zeroes:    %s\n",
                      info.detect_zeroes == BLOCK_DETECT_ZEROES_ON ? "on" : "unmap");
    }
    if (info.backing_name != NULL) {
        command_print(call, "    Backing file:     %s (chain depth: %u)\n", info.backing_name,
                      info.backing_depth);
    }
    if (info.snapshot) {
        command_print(call, "    Snapshot:         changes go to a temporary file\n");
    }
}

void cmd_info_block(struct command_call *call)
{
    const char *only = call->args[0].text;
    unsigned shown = 0;
    for (unsigned i = 0; i < call->env->drive_count; i++) {
        const struct monitor_drive *drive = &call->env->drives[i];
        if (only != NULL && strcmp(only, drive->name) != 0) {
            continue;
        }
        if (shown++ > 0) {
            command_print(call, "\n");
        }
        if (drive->block != NULL) {
            print_medium(call, drive);
        } else {
            command_print(call, "%s: [not inserted]\n", drive->name);
            print_place(call, drive);
            if (drive->removable) {
                print_tray(call, drive);
            }
        }
    }
    if (only != NULL && shown == 0) {
        command_print(call, "Error: Device '%s' not found\n", only);
    }
}

void cmd_info_blockstats(struct command_call *call)
{
    for (unsigned i = 0; i < call->env->drive_count; i++) {
        const struct monitor_drive *drive = &call->env->drives[i];
        struct block_stats s = {0};
        if (drive->block != NULL) {
            block_get_stats(drive->block, &s);
        }
        command_print(call,
                      "%s: rd_bytes=%" PRIu64 " wr_bytes=%" PRIu64 " rd_operations=%" PRIu64
                      " wr_operations=%" PRIu64 " flush_operations=%" PRIu64
                      " wr_total_time_ns=%" PRId64 " rd_total_time_ns=%" PRId64
                      " flush_total_time_ns=%" PRId64 " rd_merged=0 wr_merged=0 errors=%" PRIu64 "\n",
                      drive->name, s.bytes_read, s.bytes_written, s.reads, s.writes, s.flushes,
                      s.write_ns, s.read_ns, s.flush_ns, s.errors);
    }
}

/* The drive with a name, or NULL and an answer. */
static struct monitor_drive *find_drive(struct command_call *call, const char *name)
{
    for (unsigned i = 0; i < call->env->drive_count; i++) {
        if (strcmp(call->env->drives[i].name, name) == 0) {
            return &call->env->drives[i];
        }
    }
    command_print(call, "Error: Device '%s' not found\n", name);
    return NULL;
}

static struct monitor_drive *find_removable(struct command_call *call, const char *name)
{
    struct monitor_drive *drive = find_drive(call, name);
    if (drive == NULL) {
        return NULL;
    }
    if (!drive->removable || (drive_of(call, drive) == NULL && floppy_of(call, drive) == NULL)) {
        command_print(call, "Error: Device '%s' is not removable\n", name);
        return NULL;
    }
    return drive;
}

/* Puts a medium in, or with NULL takes it out. Unless forced a locked tray stays closed: then the
 * guest is asked to open it. Takes over the block if it returns true. */
static bool exchange(struct command_call *call, struct monitor_drive *drive, struct block *block,
                     bool force)
{
    struct machine *machine = call->env->machine;
    struct ide_drive *hw = drive_of(call, drive);
    struct device *fdc = floppy_of(call, drive);
    GError *error = NULL;
    cpu_view_park(call->env);
    lock_acquire(&machine->lock);
    bool allowed = hw == NULL || force || drive->block == NULL || ide_drive_tray_open(hw) ||
                   ide_drive_request_eject(hw);
    bool done = allowed;
    if (allowed && hw != NULL) {
        ide_drive_change_medium(hw, block);
    } else if (allowed) {
        done = i82078_change_medium(fdc, drive->index, block, &error);
    }
    if (done) {
        block_close(
            drive->block); /* waits for the disk: parked, with the lock, is the place for it */
        drive->block = block;
    }
    lock_release(&machine->lock);
    cpu_view_unpark(call->env);
    if (!allowed) {
        command_print(call,
                      "Error: Device '%s' is locked and force was not specified, wait for tray to "
                      "open and try "
                      "again\n",
                      drive->name);
    } else if (!done) {
        command_error(call, error);
    }
    return done;
}

/* The last word of `change`; false: unknown. */
static bool parse_mode(const char *mode, const struct monitor_drive *drive, bool *read_only)
{
    bool disc = drive->kind == MONITOR_DRIVE_IDE;
    if (strcmp(mode, "retain") == 0) {
        *read_only = disc || drive->read_only;
    } else if (strcmp(mode, "read-only") == 0 || strcmp(mode, "read-write") == 0) {
        *read_only = disc || strcmp(mode, "read-only") == 0;
    } else {
        return false;
    }
    return true;
}

void cmd_change(struct command_call *call)
{
    const struct command_arg *args = call->args;
    if (strcmp(args[0].text, "vnc") == 0) {
        cmd_change_vnc(call);
        return;
    }
    struct monitor_drive *drive = find_removable(call, args[0].text);
    GError *error = NULL;
    if (drive == NULL) {
        return;
    }
    struct block_options options = {.format = args[2].given ? args[2].text : "raw",
                                    .allow_backing = drive->allow_backing};
    const char *mode = args[3].given ? args[3].text : "retain";
    if (!parse_mode(mode, drive, &options.read_only)) {
        command_print(call, "Error: '%s': must be retain, read-only or read-write\n", mode);
        return;
    }
    struct block *block = block_open(args[1].text, &options, call->env->machine->events, &error);
    if (block == NULL) {
        command_error(call, error);
    } else if (!exchange(call, drive, block, call->flags & COMMAND_FLAG('f'))) {
        block_close(block);
    }
}

void cmd_eject(struct command_call *call)
{
    struct monitor_drive *drive = find_removable(call, call->args[0].text);
    if (drive != NULL && drive->block != NULL) {
        exchange(call, drive, NULL, call->flags & COMMAND_FLAG('f'));
    }
}

/* In MiB unless the word says otherwise. */
static bool parse_resize(const char *word, uint64_t *bytes)
{
    size_t length = strlen(word);
    g_autofree char *text =
        g_strdup_printf("%s%s", word, length > 0 && g_ascii_isdigit(word[length - 1]) ? "M" : "");
    return block_size_parse(text, bytes) && *bytes > 0 && *bytes <= INT64_MAX - BLOCK_SECTOR_BYTES;
}

void cmd_block_resize(struct command_call *call)
{
    struct monitor_drive *drive = find_drive(call, call->args[0].text);
    uint64_t bytes;
    if (drive == NULL) {
        return;
    }
    if (drive->block == NULL || drive->removable || drive->kind == MONITOR_DRIVE_FLASH) {
        command_print(call, "Error: Device '%s' %s\n", drive->name,
                      drive->block == NULL ? "has no medium" : "has a medium of a given size");
        return;
    }
    if (!parse_resize(call->args[1].text, &bytes)) {
        command_print(call, "Error: '%s' is no size, such as 512M or 8G\n", call->args[1].text);
        return;
    }
    struct ide_drive *hw = drive_of(call, drive);
    cpu_view_park(call->env);
    lock_acquire(&call->env->machine->lock);
    block_drain(drive->block);
    int result = block_truncate(
        drive->block, (bytes + BLOCK_SECTOR_BYTES - 1) / BLOCK_SECTOR_BYTES * BLOCK_SECTOR_BYTES);
    if (result == 0 && hw != NULL) {
        ide_drive_resized(hw);
    }
    lock_release(&call->env->machine->lock);
    cpu_view_unpark(call->env);
    if (result < 0) {
        command_print(call, "Error: Cannot resize '%s': %s\n", drive->name, g_strerror(-result));
    }
}

/* VCPUs parked, machine lock held. */
static void commit_one(struct command_call *call, const struct monitor_drive *drive)
{
    GError *error = NULL;
    block_drain(drive->block);
    if (!block_commit(drive->block, &error)) {
        command_print(call, "%s: ", drive->name);
        command_error(call, error);
    }
}

static bool can_commit(const struct monitor_drive *drive)
{
    struct block_info info = {0};
    if (drive->block != NULL) {
        block_get_info(drive->block, &info);
    }
    return info.snapshot || (info.backing_name != NULL && !info.read_only);
}

void cmd_commit(struct command_call *call)
{
    const char *name = call->args[0].text;
    bool all = strcmp(name, "all") == 0, found = false;
    cpu_view_park(call->env);
    lock_acquire(&call->env->machine->lock);
    for (unsigned i = 0; i < call->env->drive_count; i++) {
        const struct monitor_drive *drive = &call->env->drives[i];
        if (!all && strcmp(drive->name, name) != 0) {
            continue;
        }
        found = true;
        if (can_commit(drive)) {
            commit_one(call, drive);
        } else if (!all) {
            command_print(call, "Error: Device '%s' has neither a snapshot nor a backing file\n", name);
        }
    }
    lock_release(&call->env->machine->lock);
    cpu_view_unpark(call->env);
    if (!found && !all) {
        command_print(call, "Error: Device '%s' not found\n", name);
    }
}
