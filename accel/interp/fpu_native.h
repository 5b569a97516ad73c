/*
 * x87 instructions run by the host on a complete copy of the guest's x87 state, with the guest's
 * own control word: the way that is right for everything (stack faults, unmasked exceptions, scaled
 * results), and slow.
 */
#ifndef ACCEL_INTERP_FPU_NATIVE_H
#define ACCEL_INTERP_FPU_NATIVE_H

#include "accel/interp/fpu.h"

/* Numbers an x87 instruction: low three bits of the opcode (D8 to DF), ModRM.reg, ModRM.rm (0 for
 * memory). */
#define X87(opcode, reg, rm) (((opcode)&7) << 6 | (reg) << 3 | (rm))

/* Register forms. */
void fpu_native_reg(struct cpu *cpu, const struct insn *insn, unsigned number);
/* Memory operand of up to 8 bytes, already read from ea. */
void fpu_native_load(struct cpu *cpu, const struct insn *insn, unsigned number, uint64_t operand,
                     uint64_t ea);
/* Memory operand of 10 bytes, read here. */
void fpu_native_load10(struct cpu *cpu, const struct insn *insn, unsigned number);
/* Result of `size` bytes stored to the instruction's memory operand. */
void fpu_native_store(struct cpu *cpu, const struct insn *insn, unsigned number, unsigned size,
                      uint64_t ea);

#endif
