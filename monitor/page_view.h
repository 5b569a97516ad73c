/*
 * One linear address's way through the page tables, entry by entry, in words (Intel SDM volume 3, chapter 4): for the
 * command `page` and for `why`.
 */
#ifndef MONITOR_PAGE_VIEW_H
#define MONITOR_PAGE_VIEW_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct machine;
struct x86_state;

struct page_view {
    uint64_t linear;
    bool paging, canonical;
    unsigned count; /* entries looked at */
    struct page_entry {
        const char *name; /* "PML4E" .. "PTE" */
        uint64_t address, value;
        unsigned size; /* bytes of an entry */
        bool memory;   /* false: there is no memory at address */
        bool large;    /* it maps a page */
        uint64_t reserved; /* reserved bits that are set */
    } entries[4];
    bool mapped;
    uint64_t physical, page_size; /* if mapped */
    bool user, write, execute;    /* what all entries allow together */
};

/* VCPUs parked, machine lock not held. */
void page_view_walk(struct machine *machine, const struct x86_state *state, uint64_t linear, struct page_view *view);
/* Appends a line for each entry and one for the outcome. */
void page_view_describe(const struct page_view *view, GString *out);

#endif
