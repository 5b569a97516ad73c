/*
 * System control port B (port 61h) of the PC/AT.
 *
 *   port61_connect_gate2(dev, line)        bit 0: the gate of timer 2
 *   port61_connect_speaker(dev, line)      bit 1: speaker data enable
 *   port61_connect_out2(dev, fn, arg, n)   bit 5, asked when the port is read; (i8254_output, pit, 2)
 */
#ifndef HW_MISC_PORT61_H
#define HW_MISC_PORT61_H

#include "core/device.h"

/* A level that is asked for instead of signalled. */
typedef bool port61_level_fn(void *arg, unsigned n);

extern const struct device_class port61_class;

struct region *port61_io(struct device *dev); /* 1 byte */
void port61_connect_gate2(struct device *dev, struct irq *line);
void port61_connect_out2(struct device *dev, port61_level_fn *fn, void *arg, unsigned n);
void port61_connect_speaker(struct device *dev, struct irq *line);

/* Bit 1: the cone follows the output of timer 2. */
bool port61_speaker_data(struct device *dev);

/* Calls before(arg) before the port is written to, and after(arg) afterwards. */
void port61_watch(struct device *dev, void (*before)(void *arg), void (*after)(void *arg), void *arg);

/* The cone of the speaker is driven by timer 2 (gate open and data enabled). With i8254_tone() it
 * makes the sound. */
bool port61_speaker_on(struct device *dev);

#endif
