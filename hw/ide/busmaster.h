/*
 * One channel of the PIIX bus master: command, status and descriptor table registers, and the walk through
 * the physical region descriptors (PRDs) that say where in memory the data goes.
 *
 * The drive side calls busmaster_transfer() with data in a buffer of its own; the position in the table
 * moves on and the end of the table is noted. busmaster_commit() makes that final: it clears "active" if
 * the table ended. A transfer that may have to be repeated (a write that the host's disk refuses for now, a
 * snapshot in the middle) is bracketed by busmaster_mark() and busmaster_rewind().
 *
 * Every descriptor is copied before it is looked at and covers at least 2 bytes, so that a walk is bounded
 * by the size of the transfer, whatever the table looks like.
 *
 * After: Intel "Programming Interface for Bus Master IDE Controller" 1.0, 82371SB data sheet section 2.7.
 * Not modelled: the ban on crossing 64 KiB boundaries.
 */
#ifndef HW_IDE_BUSMASTER_H
#define HW_IDE_BUSMASTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"

#define BUSMASTER_PORTS 8 /* of one channel */

#define BUSMASTER_COMMAND 0
#define BUSMASTER_STATUS  2
#define BUSMASTER_TABLE   4

#define BUSMASTER_COMMAND_START 0x01
#define BUSMASTER_COMMAND_READ  0x08 /* from the drive to memory */

#define BUSMASTER_STATUS_ACTIVE    0x01
#define BUSMASTER_STATUS_ERROR     0x02
#define BUSMASTER_STATUS_INTERRUPT 0x04
#define BUSMASTER_STATUS_CAPABLE   0x60 /* "drive n can do DMA": storage for the BIOS */

struct bus;

/* A place in the descriptor table. */
struct busmaster_position {
    uint32_t next;    /* address of the next descriptor */
    uint32_t address; /* in the present region */
    uint32_t left;    /* bytes of the present region */
    bool last;        /* the present region is the table's last */
};

struct busmaster {
    uint8_t command, status;
    uint32_t table;
    struct busmaster_position position;
    struct busmaster_position marked; /* valid if have_mark */
    bool have_mark;
    /* Wiring and derived, not saved. */
    struct bus *memory;
    bool enabled;                    /* the function's bus master enable bit */
    void (*started)(void *arg);      /* START rose */
    void *arg;
};

extern const struct field busmaster_fields[];

void busmaster_init(struct busmaster *bm, struct bus *memory, void (*started)(void *arg), void *arg);
void busmaster_reset(struct busmaster *bm);
/* Clears the bits that are not there, which a damaged snapshot may have set. */
void busmaster_loaded(struct busmaster *bm);

/* Ports, offset 0-7 within the channel's half, size 1, 2 or 4. */
uint32_t busmaster_read(const struct busmaster *bm, unsigned offset, unsigned size);
void busmaster_write(struct busmaster *bm, unsigned offset, uint32_t value, unsigned size);

/* Is a transfer started, allowed and not at its end? */
bool busmaster_ready(const struct busmaster *bm);
/* Moves up to size bytes from data to memory or the other way. Returns how many: fewer when the table ends
 * first. Accesses that miss RAM set the error bit. */
uint32_t busmaster_transfer(struct busmaster *bm, uint8_t *data, uint32_t size, bool to_memory);
void busmaster_commit(struct busmaster *bm);
void busmaster_mark(struct busmaster *bm);
/* Back to the mark, if there is one that the guest has not made void by stopping or restarting. */
void busmaster_rewind(struct busmaster *bm);
/* The drive's interrupt line rose. */
void busmaster_interrupt(struct busmaster *bm);

#endif
