/*
 * Interrupt and signal lines.
 *
 * A line is a wire between one driver and one sink: it has a level, and setting the same level twice does
 * nothing. Edge memory (latched requests) belongs to the sink's saved state, not to the wire: after a load
 * every device's drive() sets its output lines again from its own fields. Lines are used under the machine
 * lock only.
 */
#ifndef CORE_IRQ_H
#define CORE_IRQ_H

#include <stdbool.h>
#include <stdint.h>

/* Called with the new level when it changed. `sink` and `n` are those given to irq_init(). */
typedef void irq_fn(void *sink, unsigned n, bool level);

struct irq {
    const char *name; /* static or owned by the sink; shown by the monitor */
    irq_fn *fn;
    void *sink;
    unsigned n;     /* which input of the sink */
    bool level;     /* present level; not saved, derived from the driver by drive() */
    uint64_t rises; /* low-to-high changes since creation, for `info irq` */
    irq_fn *probe;  /* NULL, or a test's or the monitor's listener, called after fn */
    void *probe_arg;
};

/* Initialises a line in the caller's memory, level low. */
void irq_init(struct irq *irq, const char *name, irq_fn *fn, void *sink, unsigned n);

/* Drives the line. NULL is an unconnected pin and is fine. Idempotent. */
void irq_set(struct irq *irq, bool level);

/* Low, high, low: for sinks that look at edges. */
void irq_pulse(struct irq *irq);

/* An OR gate: the output is high while any of up to 32 inputs is high. */
struct irq_or {
    struct irq in[32];
    uint32_t levels; /* bit i = level of in[i] */
    struct irq *out; /* NULL while unconnected; not owned */
};

/* Initialises the gate in the caller's memory; gate->in[0..n-1] are the inputs (n <= 32). */
void irq_or_init(struct irq_or *gate, const char *name, unsigned n, struct irq *out);

#endif
