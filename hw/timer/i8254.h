/*
 * Intel 8254 programmable interval timer: three counters clocked at 1193182 Hz of guest time.
 *
 *   i8254_connect_out(pit, n, line)     the output OUTn, as a line with an event for each edge
 *   i8254_output(pit, n)                the level of OUTn now, exact, at no cost while nobody asks
 *   irq_set(i8254_gate(pit, n), level)  the input GATEn; 0 and 1 are high unless connected
 */
#ifndef HW_TIMER_I8254_H
#define HW_TIMER_I8254_H

#include "core/device.h"

#define I8254_HZ 1193182u

extern const struct device_class i8254_class;

/* Counters 0..2 and the control word register. */
struct region *i8254_io(struct device *dev);

struct irq *i8254_gate(struct device *dev, unsigned n);
void i8254_connect_out(struct device *dev, unsigned n, struct irq *line);

/* Level of OUTn at this moment of guest time. pit is the struct device *; it is void * to serve as
 * a level source (port61_connect_out2). */
bool i8254_output(void *pit, unsigned n);

/* Level of OUTn at a tick of I8254_HZ since guest time 0 that lies after the last change of the counter. */
bool i8254_output_at(struct device *dev, unsigned n, uint64_t tick);

/* Calls before(arg) before the state of counter n changes by a write or its gate, and after(arg) afterwards: for
 * the loudspeaker, which needs to know for how long the output was what it was. */
void i8254_watch(struct device *dev, unsigned n, void (*before)(void *arg), void (*after)(void *arg), void *arg);

/* True if counter n makes a square wave or pulse train now; *period is its length in clocks of
 * I8254_HZ. For the loudspeaker. */
bool i8254_tone(struct device *dev, unsigned n, uint32_t *period);

#endif
