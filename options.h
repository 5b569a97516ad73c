/*
 * What the command line of vmm says: one struct, filled by one table (options.c). No part of the emulator but
 * main.c looks at it.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "options_audio.h"
#include "options_display.h"
#include "accel/accel.h"
#include "options_chardev.h"
#include "options_net.h"
#include "sandbox.h"

#define OPTIONS_SERIAL_MAX 4
#define OPTIONS_PARALLEL_MAX 3
#define OPTIONS_MONITOR_MAX 8
#define OPTIONS_QMP_MAX 4

struct option_drive {
    char *file;      /* owned; NULL = no medium */
    char *interface; /* "ide", "floppy"; "none": no drive, unless -device names it */
    int index;       /* ide 0-3: bus and unit; floppy 0-1; -1 = next free */
    bool cdrom;
    bool snapshot, readonly;
    bool discard, allow_backing;
    char *format; /* NULL = probe */
    char *cache;  /* NULL = writeback */
    char *aio;    /* threads, native; NULL = the better one */
    char *detect_zeroes; /* off, on, unmap; NULL = off */
    char *werror; /* NULL = enospc */
    char *rerror; /* NULL = report */
    char *id;     /* NULL = ide0-hd0 and the like */
    /* From -device. */
    char *serial, *model, *version; /* NULL = our own */
    char *translation;              /* none, lba, large, rechs; NULL = by size */
    uint64_t wwn;                   /* 0 = none */
    uint32_t physical_bytes;        /* of a sector, 0 = 512 */
    int cylinders, heads, sectors;  /* 0 = by size */
    int floppy_type;                /* enum floppy_type; 0 = by disk */
    int boot_rank;                  /* bootindex= + 1; 0 = none */
    bool write_cache_off;
};

/* Commands for the monitor: of -e, or a file of them, -mon-script. */
struct option_script {
    bool file;
    char *text; /* owned */
};

/* -device ide-hd,drive=ID and the like: where a drive with if=none goes, and what it is like there. */
struct option_drive_device {
    char *driver, *drive;      /* owned; drive NULL: an empty one */
    int bus, unit;             /* -1 = next free */
    struct option_drive about; /* what -device says of it: the members from serial on, werror, rerror, id */
};

enum option_action { ACTION_RUN, ACTION_HELP, ACTION_VERSION, ACTION_DOCTOR };

struct options {
    enum option_action action;
    char *help_topic; /* "machine", "cpu", "accel", "device", "device CLASS", "nic", "netdev": list and leave */
    uint64_t ram;     /* bytes */
    unsigned cpus;
    char *cpu, *accel, *accel_policy;
    enum accel_irqchip irqchip;
    bool no_acpi, no_vmport;
    char *bios;
    GPtrArray *firmware_dirs; /* char *, -L */
    GPtrArray *drives;        /* struct option_drive * */
    GPtrArray *drive_devices; /* struct option_drive_device * */
    bool snapshot, allow_backing;
    struct option_net net;
    char *boot_order, *boot_once; /* letters a c d n */
    bool boot_menu, no_fd_bootchk;
    char *kernel, *initrd, *append;
    char *vga;     /* std, none */
    struct option_display display;
    struct option_vnc vnc;
    struct option_audio audio;
    bool nographic;
    char *serial[OPTIONS_SERIAL_MAX]; /* NULL = default */
    unsigned serial_count;
    char *parallel[OPTIONS_PARALLEL_MAX]; /* NULL = default */
    unsigned parallel_count;
    struct option_qmp qmp[OPTIONS_QMP_MAX];
    unsigned qmp_count;
    GPtrArray *monitors; /* char *, specs of -monitor and -mon; none: default */
    GPtrArray *chardevs; /* struct option_chardev * */
    char *monitor_prompt;
    GPtrArray *scripts; /* struct option_script *, in order */
    uint64_t timeout;   /* -timeout, seconds; 0 = none */
    char *debugcon;
    uint64_t debugcon_iobase;
    bool debug_exit;
    uint64_t debug_exit_iobase, debug_exit_iosize;
    char *rtc_base; /* utc, localtime or a date */
    char *load_state; /* -loadvm, a name; NULL: start from a reset */
    bool start_paused, no_reboot, no_shutdown;
    char *gdb;        /* -gdb; NULL: none */
    bool gdb_default; /* -s */
    enum accel_action triple_fault, reboot, halt; /* -action */
    uint8_t uuid[16]; /* -uuid */
    bool have_uuid, daemonize;
    struct sandbox_options sandbox;
    GPtrArray *option_roms; /* char * */
    char *name, *pidfile;
    char *keyboard; /* -k: layout of typed text */
    char *flat;  /* a flat binary instead of a PC */
    bool flat32; /* ... in 32-bit protected mode */
    char *log_items, *log_file, *log_filter;
    unsigned echr; /* escape key of the terminal multiplexer, 1 = Ctrl-A */
};

void options_init(struct options *options);
void options_finish(struct options *options);

/* Fills the struct; warnings gets lines for options without effect. False and error. */
bool options_parse(struct options *options, int argc, char **argv, GPtrArray *warnings, GError **error);
/* The text of vmm -help. */
char *options_help(void);

#endif
