/*
 * Descriptors in words (Intel SDM volume 3, sections 3.4.5, 3.5, 5.8.3, 6.11): used by `info gdt`, `info idt` and `why`.
 */
#ifndef MONITOR_DESCRIPTOR_VIEW_H
#define MONITOR_DESCRIPTOR_VIEW_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A descriptor as the CPU reads it. */
struct descriptor {
    uint32_t low, high; /* the two doublewords */
    uint64_t base, limit; /* of a segment; limit in bytes, after granularity */
    uint16_t selector;  /* of a gate */
    uint64_t offset;
    bool present, system, gate;
    unsigned type, dpl; /* the type field; 4 bits */
    unsigned bytes;     /* 8, or 16 for a system descriptor of long mode */
};

/* Takes 16 bytes apart (the upper 8 are used by system descriptors in long mode). */
struct descriptor descriptor_parse(const uint8_t bytes[16], bool long_mode);
/* Appends "32-bit code, base 00000000, limit ffffffff, DPL 0, readable, accessed" and the like, without a line end. */
void descriptor_describe(const struct descriptor *descriptor, bool long_mode, GString *out);

#endif
