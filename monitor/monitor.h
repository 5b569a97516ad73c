/*
 * The monitor: a text console that looks at and controls the machine. There can be several at once,
 * each on its own character connection. Commands run in the main thread, without the machine lock.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct accel;
struct audio;
struct vnc;
struct block;
struct chardev;
struct chardev_record;
struct display;
struct gdb_server;
struct input;
struct log;
struct machine;
struct monitor;
struct net_link;
struct net_user;
struct pc;
struct pcap;
struct symbols;

/* A drive as the monitor names it (ide0-hd0). */
enum monitor_drive_kind {
    MONITOR_DRIVE_IDE,
    MONITOR_DRIVE_FLOPPY,
    MONITOR_DRIVE_FLASH,
    MONITOR_DRIVE_NONE, /* no device uses it */
};

struct monitor_drive {
    const char *name;
    bool removable;
    struct block *block; /* NULL: no medium; replaced by change and eject */
    enum monitor_drive_kind kind;
    unsigned index;      /* for pc_ide_drive(), or of the floppy drive */
    bool read_only;      /* as the options say, for the next medium */
    bool allow_backing;
};

/* A network card. Strings are owned by the list's maker. */
struct monitor_nic {
    char *name; /* e1000.0 */
    const char *model;
    char *mac;
    struct net_link *link; /* the card has end 0 */
    int hub;               /* number of the hub it is at; -1: none */
    struct monitor_net *net; /* what it is connected to without a hub; NULL: nothing */
    struct pcap *capture;  /* NULL: none; replaced by netdump */
};

/* A network: a backend, directly at a card or at a hub. */
struct monitor_net {
    char *name;           /* n0, or user.0 .. */
    const char *type;
    char *settings;       /* for info network; NULL: ask the backend */
    struct net_link *link; /* the backend has end 1; the card's own wire if there is no hub between */
    bool own_link;
    int hub;
    struct net_user *user; /* one of these */
    GPtrArray *guestfwds;  /* of the user network: struct network_guestfwd *; NULL: none */
    struct net_socket *socket;
    struct net_tap *tap;
    struct pcap *capture;
};

#define MONITOR_SERIAL_MAX 4

/* A serial port's output, for waitserial. */
struct monitor_serial {
    struct chardev_record *record; /* NULL: no such port */
    uint64_t place;                /* up to where waitserial has read */
};

/* What a script has to say about the end of vmm. */
struct monitor_outcome {
    bool expects_exit; /* expectexit was given: */
    int expected_code; /* the guest must end vmm with this exit code */
    bool failed;       /* the script has failed: the exit code is 1 */
};

/* What commands work on; borrowed. */
struct monitor_env {
    struct machine *machine;
    struct accel *accel;
    struct pc *pc;
    struct display *display;
    struct input *input;
    struct audio *audio;
    struct vnc *vnc; /* NULL: there is no server */
    struct log *log;
    const char *prompt; /* "(vmm) " */
    struct monitor_drive *drives;
    unsigned drive_count;
    struct monitor_nic *nics;
    unsigned nic_count;
    struct gdb_server *gdb;          /* NULL: none can be opened */
    struct symbols *symbols;         /* of the guest's programs; NULL: none can be loaded */
    struct monitor_net *nets;
    unsigned net_count;
    struct monitor_serial *serial;   /* MONITOR_SERIAL_MAX ports, or NULL */
    struct monitor_outcome *outcome; /* NULL: scripts cannot be run */
    void (*quit)(void *arg); /* ends the process soon */
    void *arg;
};

/* Attaches a monitor to a connection (not owned). echo: the peer is a terminal in raw mode, so echo
 * what is typed; else answers only. */
struct monitor *monitor_create(const struct monitor_env *env, struct chardev *chr, bool echo);
void monitor_destroy(struct monitor *monitor);

/* Runs one command line; the answer is appended to out, lines ending in '\n'. */
void monitor_run(const struct monitor_env *env, const char *line, GString *out);

#endif
