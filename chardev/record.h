/*
 * What has gone out over a connection of late: the monitor's waitserial looks for text in it. The last
 * RECORD_SIZE bytes are kept; readers keep their place as a count of bytes since the start.
 */
#ifndef CHARDEV_RECORD_H
#define CHARDEV_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_SIZE 65536u /* bytes, a power of two */

struct chardev;
struct chardev_record;

/* Records what the front of a connection writes from now on (chardev_set_tap). Destroy it after the connection. */
struct chardev_record *chardev_record_create(struct chardev *chr);
void chardev_record_destroy(struct chardev_record *record); /* NULL is fine */

/* Looks for text (not empty) from *place on; found: *place is behind it and true is returned. Otherwise *place
 * comes as far forward as cannot be part of a later match. A place that is no longer kept counts as the oldest that
 * is. Any thread. */
bool chardev_record_find(struct chardev_record *record, uint64_t *place, const char *text);

#endif
