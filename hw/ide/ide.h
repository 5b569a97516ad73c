/*
 * Words that everyone who attaches an IDE drive needs: kinds of drives, options.
 */
#ifndef HW_IDE_IDE_H
#define HW_IDE_IDE_H

#include <stdbool.h>
#include <stdint.h>

#include "block/error_policy.h"

enum ide_kind { IDE_DISK, IDE_CDROM };

struct ide_geometry {
    uint16_t cylinders, heads, sectors;
};

/* How a drive is set up. Zeroed = defaults. Strings are copied and cut to what IDENTIFY holds. */
struct ide_options {
    const char *serial;   /* at most 20 characters; NULL: VM0000n */
    const char *model;    /* at most 40; NULL: VMM HARDDISK or VMM CD-ROM */
    const char *firmware; /* at most 8; NULL: the program's version */
    struct ide_geometry geometry; /* heads 0: from the size */
    enum block_error_policy read_error, write_error;
    uint64_t wwn;            /* world wide name; 0: none */
    uint32_t physical_bytes; /* of a sector of the medium, a power of two; 0: 512. What the guest addresses stays 512 */
    bool write_cache_off;    /* at power-on */
};

#endif
