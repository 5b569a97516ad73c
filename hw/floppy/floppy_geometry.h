/*
 * Floppy disks by size: which formats there are, how fast their bits pass under the head, and which kind of
 * drive reads them. No state, no I/O.
 */
#ifndef HW_FLOPPY_FLOPPY_GEOMETRY_H
#define HW_FLOPPY_FLOPPY_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

/* Drive types with the numbers that a PC keeps in CMOS (register 10h). */
enum floppy_type {
    FLOPPY_NONE = 0,
    FLOPPY_360K = 1, /* 5.25", 40 tracks */
    FLOPPY_1200K = 2,
    FLOPPY_720K = 3, /* 3.5" */
    FLOPPY_1440K = 4,
    FLOPPY_2880K = 5,
};

/* Data rates as the controller's registers number them. */
enum floppy_rate { FLOPPY_RATE_500K, FLOPPY_RATE_300K, FLOPPY_RATE_250K, FLOPPY_RATE_1M };

#define FLOPPY_SECTOR_BYTES 512u
#define FLOPPY_MAX_SECTORS  36u /* of one track */

struct floppy_geometry {
    uint8_t cylinders, heads, sectors; /* sectors of a track */
    uint8_t rate;                      /* enum floppy_rate */
    uint8_t type;                      /* the drive it was made for; enum floppy_type */
};

/* The format of an image of so many bytes. Sizes that no format has are taken as the beginning of a 1.44 or
 * 2.88 MB disk. False if it is empty or larger than any disk. */
bool floppy_geometry_guess(uint64_t bytes, struct floppy_geometry *geometry);

/* Does a disk of this format go into such a drive, and can it be read there? */
bool floppy_fits(enum floppy_type type, const struct floppy_geometry *geometry);

/* Tracks that a drive's head reaches, and how long one turn takes. */
unsigned floppy_tracks(enum floppy_type type);
uint64_t floppy_turn_ns(enum floppy_type type);

/* "1.44M" and the like. */
const char *floppy_type_name(enum floppy_type type);

#endif
