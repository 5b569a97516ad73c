/*
 * The software TLB: filling, flushing, and the pages that code is fetched from.
 */
#ifndef ACCEL_INTERP_TLB_H
#define ACCEL_INTERP_TLB_H

#include "accel/interp/cpu.h"

/* Translates the page of `linear` for an instruction fetch at the present CPL. Returns the host address of the
 * page's first byte and sets *ram, *ram_offset (of the page in the block) and *writable_ram (false for ROM);
 * NULL if there is a device or nothing behind it. Raises #PF (cpu_page_fault with insn NULL, so cpu->rip must
 * be valid). */
const uint8_t *tlb_exec_page(struct cpu *cpu, uint64_t linear, struct ram **ram, uint64_t *ram_offset,
                             bool *writable_ram);

/* The page at this host address got RAM_CODE: every entry through which it could be stored to directly is
 * sent down the slow path (TLB_SLOW in write_tag). */
void tlb_code_page(struct cpu *cpu, const uint8_t *host_page);

#endif
