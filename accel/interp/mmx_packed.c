/*
 * MMX arithmetic (mmx.def), shifts by an immediate, PSHUFW and PALIGNR.
 */
#include "accel/interp/mmx.h"

#include "accel/interp/sse_stub.h"

#define MMX_OP(map, opcode, name, feature, bits)                                                   \
    static inline void name##_do(struct cpu *cpu, unsigned r, uint64_t s)                          \
    {                                                                                              \
        uint64_t d = mmx_get(cpu, r);                                                              \
        __asm__ volatile("movq %0, %%mm0\n\tmovq %1, %%mm1\n\t" #name " %%mm1, %%mm0\n\t"          \
                         "movq %%mm0, %0\n\temms"                                                  \
                         : "+r"(d)                                                                 \
                         : "r"(s));                                                                \
        mmx_enter(cpu);                                                                            \
        mmx_set(cpu, r, d);                                                                        \
    }                                                                                              \
    static void mmx_##name##_r(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        if (fpu_wait(cpu, insn)) {                                                                 \
            return;                                                                                \
        }                                                                                          \
        name##_do(cpu, insn->reg, mmx_get(cpu, insn->rm));                                         \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    static void mmx_##name##_m(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        if (fpu_wait(cpu, insn)) {                                                                 \
            return;                                                                                \
        }                                                                                          \
        name##_do(cpu, insn->reg, mem_read##bits(cpu, insn, insn->seg, insn_ea(cpu, insn)));       \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    const struct op_handlers mmx_##name = HANDLERS(mmx_##name##_r, mmx_##name##_m);
#include "accel/interp/mmx.def"

#define MMX_SHIFT(name)                                                                            \
    static void mmx_##name##_imm_r(struct cpu *cpu, const struct insn *insn)                       \
    {                                                                                              \
        if (fpu_wait(cpu, insn)) {                                                                 \
            return;                                                                                \
        }                                                                                          \
        name##_do(cpu, insn->rm, (uint8_t)insn->imm);                                              \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    const struct op_handlers mmx_##name##_imm = HANDLERS(mmx_##name##_imm_r, NULL);
MMX_SHIFT(psrlw)
MMX_SHIFT(psrld)
MMX_SHIFT(psrlq)
MMX_SHIFT(psraw)
MMX_SHIFT(psrad)
MMX_SHIFT(psllw)
MMX_SHIFT(pslld)
MMX_SHIFT(psllq)

#define MMX_IMMEDIATE(name)                                                                        \
    SIMD_STUBS(mmx_##name##_stubs, #name " $simd_stub, %mm1, %mm0")                                \
    static inline void name##_do(struct cpu *cpu, const struct insn *insn, uint64_t s)             \
    {                                                                                              \
        uint64_t d = mmx_get(cpu, insn->reg);                                                      \
        register const uint8_t *stub __asm__("rax") = mmx_##name##_stubs[insn->imm & 0xff];        \
        __asm__ volatile("movq %1, %%mm0\n\tmovq %2, %%mm1\n\t" SIMD_STUB_CALL(                    \
                             "%3") "\n\tmovq %%mm0, %0\n\temms"                                    \
                         : "=r"(d)                                                                 \
                         : "r"(d), "r"(s), "r"(stub));                                             \
        mmx_enter(cpu);                                                                            \
        mmx_set(cpu, insn->reg, d);                                                                \
    }                                                                                              \
    static void mmx_##name##_r(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        if (fpu_wait(cpu, insn)) {                                                                 \
            return;                                                                                \
        }                                                                                          \
        name##_do(cpu, insn, mmx_get(cpu, insn->rm));                                              \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    static void mmx_##name##_m(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        if (fpu_wait(cpu, insn)) {                                                                 \
            return;                                                                                \
        }                                                                                          \
        name##_do(cpu, insn, mem_read64(cpu, insn, insn->seg, insn_ea(cpu, insn)));                \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    const struct op_handlers mmx_##name = HANDLERS(mmx_##name##_r, mmx_##name##_m);
MMX_IMMEDIATE(pshufw)
MMX_IMMEDIATE(palignr)
