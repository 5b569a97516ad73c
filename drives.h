/*
 * The drives of the command line: opens their images and lays them out on the IDE channels and the floppy
 * controller.
 */
#ifndef DRIVES_H
#define DRIVES_H

#include <glib.h>
#include <stdbool.h>

#include "hw/pc/pc_machine.h"
#include "monitor/monitor.h"
#include "options.h"

struct event_queue;

#define DRIVES_UNUSED 8 /* most drives with if=none that no device uses */
#define DRIVES_MAX    (PC_IDE_DRIVES + I82078_DRIVES + PC_FLASHES + DRIVES_UNUSED)

struct drives {
    struct monitor_drive list[DRIVES_MAX]; /* those that exist */
    unsigned count;
    char *names[DRIVES_MAX]; /* owned; what list[].name points to */
};

/* Opens every image of the options; fills config->drives and floppies. False and error naming the option and file. */
bool drives_open(struct drives *drives, const struct options *options, struct event_queue *events,
                 struct pc_config *config, GError **error);
/* Machine parked and not yet destroyed, lock held. */
void drives_close(struct drives *drives);

#endif
