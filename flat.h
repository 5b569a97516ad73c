/*
 * -flat: a flat binary on a CPU with memory and nothing else, as the test driver of the 2007 kvm ran it.
 */
#ifndef FLAT_H
#define FLAT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct accel;
struct chardev;
struct flat;
struct machine;

/* How a flat binary ends, as the exit code of the process. That of HLT is 0; isa-debug-exit gives odd codes. */
enum flat_exit { FLAT_EXIT_HALT = 0, FLAT_EXIT_SHUTDOWN = 2, FLAT_EXIT_ERROR = 4 };

/* Everything is borrowed for the time of flat_create(), but debugcon must outlive the machine. */
struct flat_config {
    const char *file;
    bool protected32;         /* -32: at 1 MiB, in flat 32-bit protected mode; else at F0000h in real mode */
    uint64_t ram;             /* bytes */
    struct chardev *debugcon; /* NULL = the port is not there */
    uint16_t debugcon_iobase;
    bool debug_exit;
    uint16_t debug_exit_iobase, debug_exit_iosize;
};

/* Memory with the image in it, and the ports. NULL and error. */
struct flat *flat_create(struct machine *machine, const struct flat_config *config, GError **error);
/* After machine_destroy(). NULL is fine. */
void flat_destroy(struct flat *flat);

/* After machine_reset(), before the CPU runs: puts the CPU where the image begins and shows its registers on
 * stderr. */
void flat_enter(const struct flat *flat, struct accel *accel);
/* The CPU shut down (triple fault): says so and shows its registers. Parked. */
void flat_report_shutdown(struct accel *accel);

#endif
