/*
 * MMX registers: the low 64 bits of the physical x87 registers (SDM volume 1, chapter 9). Any MMX
 * instruction makes TOP 0 and all tags valid, EMMS all empty; a write sets bits 64-79 of the register. The
 * host's own MMX instructions do the work, each followed by EMMS so that the host's x87 stack stays
 * empty.
 */
#ifndef ACCEL_INTERP_MMX_H
#define ACCEL_INTERP_MMX_H

#include "accel/interp/fpu_fast.h"

static inline uint64_t mmx_get(const struct cpu *cpu, unsigned r)
{
    uint64_t v;
    memcpy(&v, cpu->s.fpu.st[r & 7], sizeof(v));
    return v;
}
static inline void mmx_set(struct cpu *cpu, unsigned r, uint64_t v)
{
    memcpy(cpu->s.fpu.st[r & 7], &v, sizeof(v));
    memset(cpu->s.fpu.st[r & 7] + 8, 0xff, 2);
}
/* After the last access that may fault. */
static inline void mmx_enter(struct cpu *cpu)
{
    cpu->fpu_top = 0;
    cpu->s.fpu.ftw = 0xff;
}

#endif
