/*
 * What the files of integer instructions share: templates of handlers.
 *
 * A handler with a memory operand comes in two copies: the fast one goes straight to host memory and has no
 * call in it, so that the compiler needs no stack frame; where the TLB misses it tail-calls its cold twin,
 * NAME_miss, which does the whole instruction through the slow path.
 *
 * In the bodies `m` is the memory operand (of `bits` bits), to be changed in read-modify-write handlers.
 */
#ifndef ACCEL_INTERP_OP_IMPL_H
#define ACCEL_INTERP_OP_IMPL_H

#include <string.h>

#include "accel/interp/access.h"
#include "accel/interp/cpu.h"
#include "accel/interp/decode.h"
#include "accel/interp/flags.h"
#include "accel/interp/trace.h"

#define HANDLER static __attribute__((unused)) void
#define COLD static __attribute__((cold, noinline)) void

/* General registers by size; n is insn->reg or insn->rm. */
#define GET8(n) (*reg8(cpu, (n)))
#define GET16(n) ((uint16_t)cpu->gpr[n])
#define GET32(n) ((uint32_t)cpu->gpr[n])
#define GET64(n) (cpu->gpr[n])
#define SET8(n, v) set_reg8(cpu, (n), (uint8_t)(v))
#define SET16(n, v) set_reg16(cpu, (n), (uint16_t)(v))
#define SET32(n, v) set_reg32(cpu, (n), (uint32_t)(v))
#define SET64(n, v) (cpu->gpr[n] = (v))

#define OP_REG(name, ...)                                       \
    HANDLER name(struct cpu *cpu, const struct insn *insn)      \
    {                                                           \
        __VA_ARGS__;                                            \
        NEXT(cpu, insn);                                        \
    }

/* In 64-bit mode all segments but FS and GS begin at 0 and have no limit; with MODE_FLAT it is the same for DS, ES and
 * SS. Where the decoder knows that and the addressing form, it takes one of two shorter copies of a handler: NAME_b
 * (base and displacement) or NAME_x (with an index). They do not look at segf[], so they are not chosen while that
 * forbids fast accesses. A 32-bit sum that overflows misses the TLB and is cut on the slow path. */
#define EA_B (cpu->gpr[insn->base] + (int64_t)insn->disp)
#define EA_X (cpu->gpr[insn->base] + (cpu->gpr[insn->index] << insn->scale) + (int64_t)insn->disp)

static inline void *mem_flat(struct cpu *cpu, uint64_t linear, unsigned size, bool write)
{
    const struct tlb_entry *e = tlb_slot(cpu, linear);
    uint64_t tag = write ? e->write_tag : e->read_tag;
    return likely(tag == ((linear + (size - 1)) & ~0xfffull)) ? (void *)(linear + e->addend) : NULL;
}

#define SEGMENTED(bits, write) mem_fast(cpu, insn->seg, insn_ea(cpu, insn), (bits) / 8, write)
#define FLAT_B(bits, write) mem_flat(cpu, EA_B, (bits) / 8, write)
#define FLAT_X(bits, write) mem_flat(cpu, EA_X, (bits) / 8, write)

/* Reads m. */
#define OP_READ_AT(name, miss, bits, where, ...)                                                        \
    HANDLER name(struct cpu *cpu, const struct insn *insn)                                              \
    {                                                                                                   \
        uint##bits##_t m;                                                                               \
        const void *p_ = where(bits, false);                                                            \
        if (unlikely(p_ == NULL)) {                                                                     \
            return miss(cpu, insn);                                                                     \
        }                                                                                               \
        memcpy(&m, p_, sizeof(m));                                                                      \
        __VA_ARGS__;                                                                                    \
        NEXT(cpu, insn);                                                                                \
    }
#define OP_READ(name, bits, ...)                                                                        \
    COLD name##_miss(struct cpu *cpu, const struct insn *insn)                                          \
    {                                                                                                   \
        uint##bits##_t m = mem_read_slow(cpu, insn, insn->seg, insn_ea(cpu, insn), (bits) / 8);         \
        __VA_ARGS__;                                                                                    \
        NEXT(cpu, insn);                                                                                \
    }                                                                                                   \
    OP_READ_AT(name, name##_miss, bits, SEGMENTED, __VA_ARGS__)                                         \
    OP_READ_AT(name##_b, name##_miss, bits, FLAT_B, __VA_ARGS__)                                        \
    OP_READ_AT(name##_x, name##_miss, bits, FLAT_X, __VA_ARGS__)

/* Reads m, changes and writes it. */
#define OP_RMW_AT(name, miss, bits, where, ...)                                                         \
    HANDLER name(struct cpu *cpu, const struct insn *insn)                                              \
    {                                                                                                   \
        uint##bits##_t m;                                                                               \
        void *p_ = where(bits, true);                                                                   \
        if (unlikely(p_ == NULL)) {                                                                     \
            return miss(cpu, insn);                                                                     \
        }                                                                                               \
        memcpy(&m, p_, sizeof(m));                                                                      \
        __VA_ARGS__;                                                                                    \
        memcpy(p_, &m, sizeof(m));                                                                      \
        NEXT(cpu, insn);                                                                                \
    }
#define OP_RMW(name, bits, ...)                                                                         \
    COLD name##_miss(struct cpu *cpu, const struct insn *insn)                                          \
    {                                                                                                   \
        uint##bits##_t m = mem_rmw_slow(cpu, insn, insn->seg, insn_ea(cpu, insn), (bits) / 8);          \
        __VA_ARGS__;                                                                                    \
        mem_rmw_finish_slow(cpu, insn, m);                                                              \
        NEXT(cpu, insn);                                                                                \
    }                                                                                                   \
    OP_RMW_AT(name, name##_miss, bits, SEGMENTED, __VA_ARGS__)                                          \
    OP_RMW_AT(name##_b, name##_miss, bits, FLAT_B, __VA_ARGS__)                                         \
    OP_RMW_AT(name##_x, name##_miss, bits, FLAT_X, __VA_ARGS__)

/* Writes a value. */
#define OP_WRITE_AT(name, miss, bits, where, ...)                                                       \
    HANDLER name(struct cpu *cpu, const struct insn *insn)                                              \
    {                                                                                                   \
        uint##bits##_t m = (__VA_ARGS__);                                                               \
        void *p_ = where(bits, true);                                                                   \
        if (unlikely(p_ == NULL)) {                                                                     \
            return miss(cpu, insn);                                                                     \
        }                                                                                               \
        memcpy(p_, &m, sizeof(m));                                                                      \
        NEXT(cpu, insn);                                                                                \
    }
#define OP_WRITE(name, bits, ...)                                                                       \
    COLD name##_miss(struct cpu *cpu, const struct insn *insn)                                          \
    {                                                                                                   \
        uint##bits##_t m = (__VA_ARGS__);                                                               \
        mem_write_slow(cpu, insn, insn->seg, insn_ea(cpu, insn), m, (bits) / 8);                        \
        NEXT(cpu, insn);                                                                                \
    }                                                                                                   \
    OP_WRITE_AT(name, name##_miss, bits, SEGMENTED, __VA_ARGS__)                                        \
    OP_WRITE_AT(name##_b, name##_miss, bits, FLAT_B, __VA_ARGS__)                                       \
    OP_WRITE_AT(name##_x, name##_miss, bits, FLAT_X, __VA_ARGS__)

/* Host compare-and-swap at any alignment. In a cache line it is one locked instruction; across lines a plain
 * store, since all VCPUs run on one thread and a split lock would stall the whole host. */
#define ATOMIC_CAS(bits, suffix)                                                                        \
    typedef uint##bits##_t __attribute__((aligned(1))) unaligned##bits;                                 \
    static inline bool atomic_cas##bits(void *p, uint##bits##_t *old, uint##bits##_t value)             \
    {                                                                                                   \
        bool ok;                                                                                        \
        if (((uintptr_t)p & 63) + sizeof(value) > 64) {                                                 \
            memcpy(p, &value, sizeof(value));                                                           \
            return true;                                                                                \
        }                                                                                               \
        __asm__ volatile("lock cmpxchg" suffix " %3, %1"                                                \
                         : "=@ccz"(ok), "+m"(*(unaligned##bits *)p), "+a"(*old)                         \
                         : "r"(value)                                                                   \
                         : "memory");                                                                   \
        return ok;                                                                                      \
    }
ATOMIC_CAS(8, "b")
ATOMIC_CAS(16, "w")
ATOMIC_CAS(32, "l")
ATOMIC_CAS(64, "q")

/* As OP_RMW with LOCK; the body may run several times, always from the same fl_c. */
#define OP_LOCK(name, bits, ...)                                                                        \
    HANDLER name(struct cpu *cpu, const struct insn *insn)                                              \
    {                                                                                                   \
        uint32_t carry_ = cpu->fl_c;                                                                    \
        uint##bits##_t m, old_;                                                                         \
        void *p_ = mem_fast(cpu, insn->seg, insn_ea(cpu, insn), (bits) / 8, true);                      \
        if (unlikely(p_ == NULL)) {                                                                     \
            m = mem_rmw_slow(cpu, insn, insn->seg, insn_ea(cpu, insn), (bits) / 8);                     \
            __VA_ARGS__;                                                                                \
            mem_rmw_finish_slow(cpu, insn, m);                                                          \
            NEXT(cpu, insn);                                                                            \
        }                                                                                               \
        memcpy(&old_, p_, sizeof(old_));                                                                \
        do {                                                                                            \
            cpu->fl_c = carry_;                                                                         \
            m = old_;                                                                                   \
            __VA_ARGS__;                                                                                \
        } while (!atomic_cas##bits(p_, &old_, m));                                                      \
        NEXT(cpu, insn);                                                                                \
    }

/* Sets of handlers named PREFIX{16,32,64}_{reg,mem,lock} or PREFIX8_*. In those with _PLAIN the memory handlers
 * have no shorter copies. */
#define FLAT_V(p)                                                           \
    .flat_b = { p##16_mem_b, p##32_mem_b, p##64_mem_b },                    \
    .flat_x = { p##16_mem_x, p##32_mem_x, p##64_mem_x }
#define FLAT_B8(p)                                                          \
    .flat_b = { p##8_mem_b, p##8_mem_b, p##8_mem_b },                       \
    .flat_x = { p##8_mem_x, p##8_mem_x, p##8_mem_x }
#define SET_V_RM_PLAIN(set, p)                                              \
    const struct op_handlers set = { { p##16_reg, p##32_reg, p##64_reg },   \
                                     { p##16_mem, p##32_mem, p##64_mem } };
#define SET_V_RM(set, p)                                                    \
    const struct op_handlers set = { { p##16_reg, p##32_reg, p##64_reg },   \
                                     { p##16_mem, p##32_mem, p##64_mem },   \
                                     FLAT_V(p) };
#define SET_V_RML_PLAIN(set, p)                                             \
    const struct op_handlers set = { { p##16_reg, p##32_reg, p##64_reg },   \
                                     { p##16_mem, p##32_mem, p##64_mem },   \
                                     { p##16_lock, p##32_lock, p##64_lock } };
#define SET_V_RML(set, p)                                                   \
    const struct op_handlers set = { { p##16_reg, p##32_reg, p##64_reg },   \
                                     { p##16_mem, p##32_mem, p##64_mem },   \
                                     { p##16_lock, p##32_lock, p##64_lock }, \
                                     FLAT_V(p) };
#define SET_V_R(set, p) const struct op_handlers set = { .reg = { p##16_reg, p##32_reg, p##64_reg } };
#define SET_B_RM_PLAIN(set, p) const struct op_handlers set = HANDLERS(p##8_reg, p##8_mem);
#define SET_B_RM(set, p)                                                    \
    const struct op_handlers set = { { p##8_reg, p##8_reg, p##8_reg },      \
                                     { p##8_mem, p##8_mem, p##8_mem },      \
                                     FLAT_B8(p) };
#define SET_B_RML_PLAIN(set, p)                                             \
    const struct op_handlers set = { { p##8_reg, p##8_reg, p##8_reg },      \
                                     { p##8_mem, p##8_mem, p##8_mem },      \
                                     { p##8_lock, p##8_lock, p##8_lock } };
#define SET_B_RML(set, p)                                                   \
    const struct op_handlers set = { { p##8_reg, p##8_reg, p##8_reg },      \
                                     { p##8_mem, p##8_mem, p##8_mem },      \
                                     { p##8_lock, p##8_lock, p##8_lock },   \
                                     FLAT_B8(p) };
#define SET_ONE(set, handler) const struct op_handlers set = { .reg = { handler, handler, handler } };
#define SET_ONE_MEM(set, handler) const struct op_handlers set = { .mem = { handler, handler, handler } };

#define FOR_V(macro, ...) macro(__VA_ARGS__, 16) macro(__VA_ARGS__, 32) macro(__VA_ARGS__, 64)
#define FOR_BV(macro, ...) macro(__VA_ARGS__, 8) FOR_V(macro, __VA_ARGS__)

/* The stack: address size from the record, so no mode tests. */
static inline uint64_t stack_mask(const struct insn *insn)
{
    return address_mask[insn->vreg];
}
static inline void set_stack_pointer(struct cpu *cpu, const struct insn *insn, uint64_t sp)
{
    uint64_t mask = stack_mask(insn);
    cpu->gpr[RSP] = (cpu->gpr[RSP] & ~mask) | (sp & mask);
}

#endif
