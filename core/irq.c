/*
 * Interrupt and signal lines, and the OR gate for lines that several drivers share.
 */
#include "core/irq.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

void irq_init(struct irq *irq, const char *name, irq_fn *fn, void *sink, unsigned n)
{
    memset(irq, 0, sizeof(*irq));
    irq->name = name;
    irq->fn = fn;
    irq->sink = sink;
    irq->n = n;
}

void irq_set(struct irq *irq, bool level)
{
    if (irq == NULL || irq->level == level) {
        return;
    }
    irq->level = level;
    irq->rises += level;
    if (irq->fn != NULL) {
        irq->fn(irq->sink, irq->n, level);
    }
    if (irq->probe != NULL) {
        irq->probe(irq->probe_arg, irq->n, level);
    }
}

void irq_pulse(struct irq *irq)
{
    irq_set(irq, false);
    irq_set(irq, true);
    irq_set(irq, false);
}

static void irq_or_input(void *sink, unsigned n, bool level)
{
    struct irq_or *gate = sink;

    if (level) {
        gate->levels |= 1u << n;
    } else {
        gate->levels &= ~(1u << n);
    }
    irq_set(gate->out, gate->levels != 0);
}

void irq_or_init(struct irq_or *gate, const char *name, unsigned n, struct irq *out)
{
    assert(n <= sizeof(gate->in) / sizeof(gate->in[0]));
    memset(gate, 0, sizeof(*gate));
    gate->out = out;
    for (unsigned i = 0; i < n; i++) {
        irq_init(&gate->in[i], name, irq_or_input, gate, i);
    }
}
