/* Drives: info block, info blockstats, change, eject, commit. */
#include <inttypes.h>
#include <string.h>

#include "block/block.h"
#include "core/machine.h"
#include "hw/ide/channel.h"
#include "hw/pc/pc_machine.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"

static struct ide_drive *drive_of(struct command_call *call, const struct monitor_drive *drive)
{
    return call->env->pc != NULL ? pc_ide_drive(call->env->pc, drive->index) : NULL;
}

static void print_medium(struct command_call *call, const struct monitor_drive *drive)
{
    struct block_info info;
    block_get_info(drive->block, &info);
    command_print(call, "%s (#block%u): %s (%s%s)\n", drive->name, drive->index, info.file_name,
                  info.format, info.read_only ? ", read-only" : "");
    command_print(call, "    Attached to:      IDE channel %u, drive %u\n", drive->index / 2,
                  drive->index % 2);
    if (drive->removable) {
        return;
    }
    command_print(call, "    Cache mode:       %s\n", block_cache_name(info.cache));
    if (info.backing_name != NULL) {
        command_print(call, "    Backing file:     %s\n", info.backing_name);
    }
    if (info.snapshot) {
        command_print(call, "    Snapshot:         changes go to a temporary file\n");
    }
}

void cmd_info_block(struct command_call *call)
{
    for (unsigned i = 0; i < call->env->drive_count; i++) {
        const struct monitor_drive *drive = &call->env->drives[i];
        struct ide_drive *hw = drive_of(call, drive);
        if (i > 0) {
            command_print(call, "\n");
        }
        if (drive->block != NULL) {
            print_medium(call, drive);
        } else {
            command_print(call,
                          "%s: [not inserted]\n    Attached to:      IDE channel %u, drive %u\n",
                          drive->name, drive->index / 2, drive->index % 2);
        }
        if (drive->removable && hw != NULL) {
            lock_acquire(&call->env->machine->lock);
            bool locked = ide_drive_locked(hw), open = ide_drive_tray_open(hw);
            lock_release(&call->env->machine->lock);
            command_print(call, "    Removable device: %slocked, tray %s\n", locked ? "" : "not ",
                          open ? "open" : "closed");
        }
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
                      " flush_total_time_ns=%" PRId64 " errors=%" PRIu64 "\n",
                      drive->name, s.bytes_read, s.bytes_written, s.reads, s.writes, s.flushes,
                      s.write_ns, s.read_ns, s.flush_ns, s.errors);
    }
}

/* The removable drive with a name, or NULL and an answer. */
static struct monitor_drive *find_drive(struct command_call *call, const char *name)
{
    for (unsigned i = 0; i < call->env->drive_count; i++) {
        struct monitor_drive *drive = &call->env->drives[i];
        if (strcmp(drive->name, name) != 0) {
            continue;
        }
        if (!drive->removable || drive_of(call, drive) == NULL) {
            command_print(call, "Error: Device '%s' is not removable\n", name);
            return NULL;
        }
        return drive;
    }
    command_print(call, "Error: Device '%s' not found\n", name);
    return NULL;
}

/* Puts a medium in, or with NULL takes it out. Unless forced a locked tray stays closed: then the
 * guest is asked to open it. Takes over the block if it returns true. */
static bool exchange(struct command_call *call, struct monitor_drive *drive, struct block *block,
                     bool force)
{
    struct machine *machine = call->env->machine;
    struct ide_drive *hw = drive_of(call, drive);
    cpu_view_park(call->env);
    lock_acquire(&machine->lock);
    bool allowed =
        force || drive->block == NULL || ide_drive_tray_open(hw) || ide_drive_request_eject(hw);
    if (allowed) {
        ide_drive_change_medium(hw, block);
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
    }
    return allowed;
}

void cmd_change(struct command_call *call)
{
    const struct command_arg *args = call->args;
    struct monitor_drive *drive = find_drive(call, args[0].text);
    struct block_options options = {.format = args[2].given ? args[2].text : "raw",
                                    .read_only = true};
    GError *error = NULL;
    if (drive == NULL) {
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
    struct monitor_drive *drive = find_drive(call, call->args[0].text);
    if (drive != NULL && drive->block != NULL) {
        exchange(call, drive, NULL, call->flags & COMMAND_FLAG('f'));
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

static bool is_snapshot(const struct monitor_drive *drive)
{
    struct block_info info = {0};
    if (drive->block != NULL) {
        block_get_info(drive->block, &info);
    }
    return info.snapshot;
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
        if (is_snapshot(drive)) {
            commit_one(call, drive);
        } else if (!all) {
            command_print(call, "Error: Device '%s' has no snapshot\n", name);
        }
    }
    lock_release(&call->env->machine->lock);
    cpu_view_unpark(call->env);
    if (!found && !all) {
        command_print(call, "Error: Device '%s' not found\n", name);
    }
}
