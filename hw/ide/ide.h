/*
 * Words that everyone who attaches an IDE drive needs: kinds of drives, options, error policies.
 */
#ifndef HW_IDE_IDE_H
#define HW_IDE_IDE_H

#include <stdint.h>

enum ide_kind { IDE_DISK, IDE_CDROM };

/* What to do when the host's disk fails; as in rerror= and werror=. */
enum ide_error_policy {
    IDE_ERROR_DEFAULT, /* REPORT for reads, ENOSPC for writes */
    IDE_ERROR_REPORT,  /* tell the guest */
    IDE_ERROR_IGNORE,  /* pretend it worked */
    IDE_ERROR_STOP,    /* pause the machine; the request is repeated when it goes on */
    IDE_ERROR_ENOSPC,  /* STOP if the host is out of space, else REPORT */
};

struct ide_geometry {
    uint16_t cylinders, heads, sectors;
};

/* How a drive is set up. Zeroed = defaults. Strings are copied and cut to what IDENTIFY holds. */
struct ide_options {
    const char *serial;   /* at most 20 characters; NULL: VM0000n */
    const char *model;    /* at most 40; NULL: VMM HARDDISK or VMM CD-ROM */
    const char *firmware; /* at most 8; NULL: the program's version */
    struct ide_geometry geometry; /* heads 0: from the size */
    enum ide_error_policy read_error, write_error;
};

#endif
