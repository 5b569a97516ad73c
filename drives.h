/*
 * The drives of the command line: opens their images and lays them out on the IDE channels.
 */
#ifndef DRIVES_H
#define DRIVES_H

#include <glib.h>
#include <stdbool.h>

#include "hw/pc/pc_machine.h"
#include "monitor/monitor.h"
#include "options.h"

struct event_queue;

struct drives {
    struct monitor_drive list[PC_IDE_DRIVES]; /* those that exist */
    unsigned count;
    char *names[PC_IDE_DRIVES]; /* owned; what list[].name points to */
};

/* Opens every image of the options; fills config->drives. False and error naming the option and file. */
bool drives_open(struct drives *drives, const struct options *options, struct event_queue *events,
                 struct pc_config *config, GError **error);
/* Machine parked and not yet destroyed, lock held. */
void drives_close(struct drives *drives);

#endif
