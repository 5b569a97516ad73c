/*
 * Far transfers of control: SDM volume 3, 5.8; volume 2, JMP, CALL, RET, IRET. All fault at cpu->rip and leave the
 * new instruction pointer in cpu->rip, with mode and segments up to date.
 */
#ifndef ACCEL_INTERP_FAR_H
#define ACCEL_INTERP_FAR_H

#include "accel/interp/cpu.h"

/* width: operand size, 2, 4 or 8 bytes. next_rip: the address after the instruction. */
void far_jump(struct cpu *cpu, uint16_t selector, uint64_t offset, uint64_t next_rip);
void far_call(struct cpu *cpu, uint16_t selector, uint64_t offset, uint64_t next_rip, unsigned width);
/* release: bytes of parameters to drop. */
void far_return(struct cpu *cpu, unsigned width, unsigned release);
void far_iret(struct cpu *cpu, unsigned width, uint64_t next_rip);

#endif
