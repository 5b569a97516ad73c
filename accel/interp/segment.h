/*
 * Segment registers and descriptors: SDM volume 3, chapters 3 and 5.
 *
 * The functions here fault "at the present instruction": the caller has put its address into cpu->rip, and
 * passes no insn on.
 */
#ifndef ACCEL_INTERP_SEGMENT_H
#define ACCEL_INTERP_SEGMENT_H

#include "accel/interp/access.h"
#include "accel/interp/cpu.h"

/* System descriptor types */
enum system_type {
    SYSTEM_TSS16 = 1, SYSTEM_LDT = 2, SYSTEM_TSS16_BUSY = 3, SYSTEM_CALL16 = 4, SYSTEM_TASK_GATE = 5,
    SYSTEM_INT16 = 6, SYSTEM_TRAP16 = 7, SYSTEM_TSS32 = 9, SYSTEM_TSS32_BUSY = 11, SYSTEM_CALL32 = 12,
    SYSTEM_INT32 = 14, SYSTEM_TRAP32 = 15
};

#define SEL_INDEX 0xfffcu /* a selector without RPL, as it stands in error codes */

/* An 8- or 16-byte descriptor as read. */
struct descriptor {
    uint64_t linear; /* where it stands */
    uint32_t lo, hi;
    uint32_t high_base; /* of 16-byte ones: base or offset bits 32-63 */
    uint32_t last;      /* of 16-byte ones: the fourth doubleword */
};

static inline bool is_canonical(uint64_t linear)
{
    return (uint64_t)((int64_t)(linear << 16) >> 16) == linear;
}
static inline bool in_protected_mode(const struct cpu *cpu) /* not V86 */
{
    return (cpu->mode & (MODE_PE | MODE_V86)) == MODE_PE;
}
static inline bool in_long_mode(const struct cpu *cpu)
{
    return (cpu->mode & MODE_LMA) != 0;
}
static inline unsigned desc_dpl(const struct descriptor *d)
{
    return d->hi >> SEG_DPL_SHIFT & 3;
}
static inline unsigned desc_type(const struct descriptor *d)
{
    return d->hi >> SEG_TYPE_SHIFT & 15;
}
static inline bool desc_is_code(const struct descriptor *d)
{
    return (d->hi & (SEG_S | SEG_CODE)) == (SEG_S | SEG_CODE);
}
static inline bool desc_is_writable_data(const struct descriptor *d)
{
    return (d->hi & (SEG_S | SEG_CODE | SEG_W)) == (SEG_S | SEG_W);
}
static inline bool desc_is_present(const struct descriptor *d)
{
    return (d->hi & SEG_P) != 0;
}
uint32_t desc_base(const struct descriptor *d);
uint32_t desc_limit(const struct descriptor *d);

/* Reads the descriptor of a selector from the GDT or LDT; false if it lies beyond the table. Not for null
 * selectors. wide: also the upper half of a 16-byte descriptor (must lie in the table too). */
bool desc_read(struct cpu *cpu, uint16_t selector, struct descriptor *d, bool wide);
/* Sets the accessed bit in memory and in *d. */
void desc_set_accessed(struct cpu *cpu, struct descriptor *d);
/* Sets or clears the busy bit of a TSS descriptor in memory and in *d. */
void desc_set_busy(struct cpu *cpu, struct descriptor *d, bool busy);
/* What a segment register holds after loading it. */
struct x86_segment desc_segment(uint16_t selector, const struct descriptor *d);

/* Real mode or V86: selector * 16. Updates what hangs on it. */
void segment_set_real(struct cpu *cpu, unsigned seg, uint16_t selector);
/* Puts a ready value in and updates what hangs on it, but for SS and CS not the mode (cpu_update_mode). */
void segment_set(struct cpu *cpu, unsigned seg, const struct x86_segment *value);
/* An unusable segment with a null selector. */
struct x86_segment segment_null(uint16_t selector);

/* MOV, POP, LxS to ES, SS, DS, FS or GS: all checks, any mode. For SS the caller calls cpu_update_mode. */
void segment_load(struct cpu *cpu, unsigned seg, uint16_t selector);
/* The part of it that may fault, for protected mode; gives the value to put in with segment_set(). */
struct x86_segment segment_prepare(struct cpu *cpu, unsigned seg, uint16_t selector);

/* Checks a stack segment selector for privilege level cpl; faults with vector (#TS, or #GP for IRET and RET;
 * #SS if not present) and the selector | ext as error code. The accessed bit is set. */
struct x86_segment segment_prepare_stack(struct cpu *cpu, uint16_t selector, unsigned cpl,
                                         enum x86_vector vector, uint32_t ext);

/* After a return to an outer level: unloads data segments that the level may not use. cpl is already the new
 * one. */
void segment_drop_inner(struct cpu *cpu);

/* LDTR: checks as of LLDT, with the given vector for bad selectors. */
struct x86_segment segment_prepare_ldt(struct cpu *cpu, uint16_t selector, enum x86_vector vector);

#endif
