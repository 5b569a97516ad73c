/*
 * Intel 8237A DMA controller: one device a chip, so a PC has two of them.
 *
 * A peripheral raises i8237_dreq(dma, channel). When the channel is unmasked, the controller on and
 * (for a cascaded chip) the upstream chip grants the bus, the line given to i8237_connect_dack()
 * goes high. From then on the peripheral moves bytes by itself with i8237_to_memory() or
 * i8237_from_memory(), as many as it likes at a time, and sees in *tc when the count has run out.
 *
 * Cascade: connect the slave's HRQ to the master's DREQ and the master's DACK to the slave's HLDA:
 *
 *   i8237_connect_hrq(slave, i8237_dreq(master, 0));
 *   i8237_connect_dack(master, 0, i8237_hlda(slave));
 *
 * On a PC the 16-bit chip (channels 4-7) is the master and the 8-bit chip is the slave.
 *
 * Properties: "shift" (u64): 0 for a byte controller, 1 for a word controller (registers two ports
 * apart, addresses and counts in words).
 */
#ifndef HW_DMA_I8237_H
#define HW_DMA_I8237_H

#include "core/device.h"

extern const struct device_class i8237_class;

/* 16 registers, (16 << shift) bytes. */
struct region *i8237_io(struct device *dev);

/* The eight page registers of this chip as the PC/AT decodes them (80h-87h for the byte chip,
 * 88h-8Fh for the word chip); those that belong to no channel are plain storage. */
struct region *i8237_pages(struct device *dev);

struct irq *i8237_dreq(struct device *dev, unsigned channel);
void i8237_connect_dack(struct device *dev, unsigned channel, struct irq *line);
void i8237_connect_hrq(struct device *dev, struct irq *line);
struct irq *i8237_hlda(struct device *dev);

enum i8237_direction {
    I8237_VERIFY,      /* addresses run, nothing moves */
    I8237_TO_MEMORY,   /* "write transfer" */
    I8237_FROM_MEMORY, /* "read transfer" */
};

/* The direction for which the guest has programmed the channel. */
enum i8237_direction i8237_direction(struct device *dev, unsigned channel);

/* True while the channel's DACK is granted. */
bool i8237_granted(struct device *dev, unsigned channel);

/* Peripheral to memory: up to size bytes (for a word chip only whole words). Returns how many were
 * accepted: fewer when the count ran out, 0 when the channel is not granted. A channel programmed
 * for verify accepts without storing, one programmed for the other direction stores nothing either.
 * *tc (may be NULL) is set if the terminal count was reached. */
size_t i8237_to_memory(struct device *dev, unsigned channel, const uint8_t *data, size_t size,
                       bool *tc);

/* Memory to peripheral, likewise; verify and the wrong direction deliver 0xff. */
size_t i8237_from_memory(struct device *dev, unsigned channel, uint8_t *data, size_t size,
                         bool *tc);

#endif
