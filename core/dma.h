/*
 * The only way by which devices reach guest memory. RAM only: what is not RAM reads as 0xff and swallows
 * writes, so that a device can never re-enter a device. Lengths are checked, stores tell the engines
 * (ram_touched). Under the machine lock. Descriptors are to be copied with dma_read() before they are
 * validated: the guest may be changing them at the same time.
 */
#ifndef CORE_DMA_H
#define CORE_DMA_H

#include <stdbool.h>
#include <stdint.h>

struct bus;

/* Returns true if every byte was RAM or ROM. */
bool dma_read(struct bus *memory, uint64_t address, void *data, uint64_t size);
/* Returns true if every byte was RAM. */
bool dma_write(struct bus *memory, uint64_t address, const void *data, uint64_t size);

#endif
