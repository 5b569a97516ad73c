/*
 * What the fast x87 handlers share: the checks in front of them and the update of the status word
 * after them. A handler is fast if no x87 exception is unmasked or pending and the registers it
 * reads are not empty (and the one it pushes is); everything else goes to fpu_native.c.
 */
#ifndef ACCEL_INTERP_FPU_FAST_H
#define ACCEL_INTERP_FPU_FAST_H

#include "accel/interp/decode.h"
#include "accel/interp/fpu_native.h"

/* Every waiting instruction starts with this; true: the handler must return. */
static inline bool fpu_wait(struct cpu *cpu, const struct insn *insn)
{
    return unlikely(cpu->fpu_slow) && (cpu->s.fpu.fsw & FSW_ES) && fpu_pending(cpu, insn);
}
static inline bool fpu_valid(const struct cpu *cpu, unsigned i)
{
    return cpu->s.fpu.ftw >> ((cpu->fpu_top + i) & 7) & 1;
}
static inline bool fpu_fast(const struct cpu *cpu)
{
    return likely(!cpu->fpu_slow && fpu_valid(cpu, 0));
}
static inline bool fpu_fast2(const struct cpu *cpu, unsigned i)
{
    return likely(!cpu->fpu_slow && fpu_valid(cpu, 0) && fpu_valid(cpu, i));
}
static inline bool fpu_fast_push(const struct cpu *cpu)
{
    return likely(!cpu->fpu_slow && !fpu_valid(cpu, 7));
}
/* Host status word -> guest's: sticky flags accumulate, the condition codes in cc are replaced. */
static inline void fpu_flags(struct cpu *cpu, uint16_t host, uint16_t cc)
{
    cpu->s.fpu.fsw = (uint16_t)((cpu->s.fpu.fsw & ~cc) | (host & (FSW_FLAGS | cc)));
}
static inline void fpu_push(struct cpu *cpu)
{
    cpu->fpu_top = (cpu->fpu_top - 1) & 7;
    cpu->s.fpu.ftw |= (uint8_t)(1u << cpu->fpu_top);
}
static inline void fpu_pop(struct cpu *cpu)
{
    cpu->s.fpu.ftw &= (uint8_t) ~(1u << cpu->fpu_top);
    cpu->fpu_top = (cpu->fpu_top + 1) & 7;
}

/* An 80-bit register, and memory of other sizes, as an asm operand. */
struct fpu_reg {
    uint8_t byte[10];
};
struct fpu_memory16 {
    uint8_t byte[2];
};
struct fpu_memory32 {
    uint8_t byte[4];
};
struct fpu_memory64 {
    uint8_t byte[8];
};
#define FPU_REG(p)          (*(struct fpu_reg *)(p))
#define FPU_MEMORY(bits, p) (*(struct fpu_memory##bits *)(p))

/* Copies 80 bits as they are. By the x87 unit itself, since what an FSTP wrote in one piece is slow
 * to load in two and the other way round. */
static inline void fpu_copy(void *to, const void *from)
{
    __asm__ volatile("fldt %1\n\tfstpt %0" : "=m"(FPU_REG(to)) : "m"(FPU_REG(from)));
}

/* What a fast handler goes on in if it cannot be fast: NAME_slow, by the instruction's number. */
#define FPU_SLOW_HANDLER(name, statement)                                                          \
    static void __attribute__((cold, noinline))                                                    \
    name##_slow(struct cpu *cpu, const struct insn *insn)                                          \
    {                                                                                              \
        if (fpu_wait(cpu, insn)) {                                                                 \
            return;                                                                                \
        }                                                                                          \
        statement;                                                                                 \
        NEXT(cpu, insn);                                                                           \
    }
#define FPU_SLOW_REG(name, opcode, ext, rm)                                                        \
    FPU_SLOW_HANDLER(name, fpu_native_reg(cpu, insn, X87(opcode, ext, (rm)&7)))
#define FPU_SLOW_LOAD(name, opcode, ext, bits)                                                     \
    FPU_SLOW_HANDLER(name, {                                                                       \
        uint64_t ea = insn_ea(cpu, insn);                                                          \
        uint##bits##_t v = mem_read##bits(cpu, insn, insn->seg, ea);                               \
        fpu_native_load(cpu, insn, X87(opcode, ext, 0), v, ea);                                    \
    })
#define FPU_SLOW_STORE(name, opcode, ext, bits)                                                    \
    FPU_SLOW_HANDLER(                                                                              \
        name, fpu_native_store(cpu, insn, X87(opcode, ext, 0), (bits) / 8, insn_ea(cpu, insn)))

#define FPU_MEM_HANDLERS(name, fn) const struct op_handlers name = HANDLERS(NULL, fn)
#define FPU_REG_HANDLERS(name, fn) const struct op_handlers name = HANDLERS(fn, NULL)

#endif
