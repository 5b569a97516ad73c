/*
 * The software TLB: filling, flushing, and the pages that code is fetched from.
 */
#ifndef ACCEL_INTERP_TLB_H
#define ACCEL_INTERP_TLB_H

#include "accel/interp/cpu.h"

/* Host address of the start of the code page that contains linear, with the block and offset behind it, for
 * fetching at the present CPL. writable: it is RAM, so stores may change it. Raises #PF with the fetch bit.
 * Where there is no memory, a page of ones. */
const uint8_t *tlb_exec_page(struct cpu *cpu, uint64_t linear, struct ram **ram, uint64_t *ram_offset,
                             bool *writable_ram);

/* Called when the page at offset of ram has just been flagged RAM_CODE: from now on stores to it take the slow
 * path on every CPU. */
void tlb_protect_code(struct cpu *cpu, struct ram *ram, uint64_t ram_offset);

#endif
