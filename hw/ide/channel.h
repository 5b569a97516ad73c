/*
 * An IDE channel: one cable with up to two drives, the command block and control block registers, and the
 * interrupt line. A part of the controller's device (hw/ide/piix_ide.h).
 *
 * Both drives see every write to the command block; the selected one answers reads. The line to the
 * interrupt controller is high while the selected drive has an interrupt pending and nIEN is clear. An
 * absent drive 1 reads as drive 0's registers with a status of 0, an empty channel as zeroes.
 *
 * After: ATA/ATAPI-7 volume 2 (T13 1532D), chapters 5 and 9. Not modelled: overlapped and queued commands;
 * resets take no time.
 */
#ifndef HW_IDE_CHANNEL_H
#define HW_IDE_CHANNEL_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/event.h"
#include "core/irq.h"
#include "hw/ide/drive.h"
#include "hw/ide/ide.h"

#define IDE_COMMAND_PORTS 8 /* 1F0h-1F7h */
#define IDE_CONTROL_PORTS 1 /* 3F6h */

#define IDE_CONTROL_NIEN 0x02
#define IDE_CONTROL_SRST 0x04
#define IDE_CONTROL_HOB  0x80

struct machine;

struct ide_channel {
    struct ide_drive drives[2];
    uint8_t control; /* device control register */
    uint8_t select;  /* 0 or 1: the DEV bit */
    bool line;       /* level of INTRQ on the cable */
    /* Wiring, not saved. */
    struct machine *machine;
    struct busmaster *bm;         /* NULL: no DMA on this channel */
    struct irq *irq;              /* NULL while unconnected */
    unsigned number;              /* on the controller, for serial numbers */
    struct region command_region; /* IDE_COMMAND_PORTS bytes, data port 16 or 32 bits wide */
    struct region control_region; /* IDE_CONTROL_PORTS byte */
    struct event resumed;         /* posted when the machine goes on */
};

extern const struct field ide_channel_fields[];

/* Prepares a channel without drives as a part of `dev` and adds its two regions to that device. bm may be
 * NULL. */
void ide_channel_init(struct ide_channel *channel, struct device *dev, struct busmaster *bm);
/* Waits for what is in flight, if anything, and frees the drives' memory. The blocks stay with their owners;
 * they may have been closed. */
void ide_channel_finish(struct ide_channel *channel);
void ide_channel_reset(struct ide_channel *channel);
void ide_channel_loaded(struct ide_channel *channel);
/* Derives the interrupt line and resumes block I/O. */
void ide_channel_drive(struct ide_channel *channel);

void ide_channel_connect_irq(struct ide_channel *channel, struct irq *line);

/* Plugs a drive in before the machine starts. `block` (not owned; NULL only for a CD drive without a disc)
 * must have been opened with the machine's event queue and stay open until it was exchanged, or until the
 * machine is parked for the last time: close it then, before machine_destroy() (the queue must outlive it).
 * False and error if the unit is taken, the disk has no sectors or the host has no memory. options may be
 * NULL. */
bool ide_channel_attach(struct ide_channel *channel, unsigned unit, struct block *block,
                        enum ide_kind kind, const struct ide_options *options, GError **error);

/* NULL if there is no such drive. */
struct ide_drive *ide_channel_drive_at(struct ide_channel *channel, unsigned unit);

/* The disk's image has got another size: from the next IDENTIFY DEVICE on the guest sees it. Machine lock
 * held. */
void ide_drive_resized(struct ide_drive *drive);

/* CD drives, for the monitor. Machine lock held. */

/* Puts another disc in (or with NULL takes it out), closing the tray; the guest is told by unit attention
 * and a media event. Afterwards the drive does not use the former block any more, apart from one request
 * that may be in flight: block_close() waits for it. */
void ide_drive_change_medium(struct ide_drive *drive, struct block *block);
/* Asks for the disc as the button at the front does: true if the tray is not locked and may be emptied with
 * ide_drive_change_medium(); else the guest is told that the button was pressed. */
bool ide_drive_request_eject(struct ide_drive *drive);
bool ide_drive_locked(const struct ide_drive *drive);
bool ide_drive_tray_open(const struct ide_drive *drive);

/* To the channel's own parts: the selected drive or its interrupt may have changed. */
void ide_channel_update(struct ide_channel *channel);

#endif
