/*
 * Breakpoints of the debug registers: SDM volume 3, chapter 18. A match of a trap kind is collected in
 * cpu->debug_pending and reported after the instruction (interrupt.c).
 */
#ifndef ACCEL_INTERP_DEBUG_H
#define ACCEL_INTERP_DEBUG_H

#include "accel/interp/cpu.h"

#define DR6_BD (1u << 13) /* MOV to or from a debug register with DR7.GD */
#define DEBUGCTL_LBR 1u
#define DEBUGCTL_BTF 2u /* TF traps after branches only (SDM volume 3, 17.4.3) */
#define DR6_BS (1u << 14) /* single step */
#define DR6_BT (1u << 15) /* task switch with the T bit */
#define DR6_FIXED 0xffff0ff0u
#define DR7_GD (1u << 13)
#define DR7_FIXED 0x400u

/* Recomputes code_breakpoints and data_breakpoints from DR7. */
void debug_update(struct cpu *cpu);
/* An access to linear memory or to ports that did not fault. */
void debug_check_data(struct cpu *cpu, uint64_t linear, uint64_t size, bool write);
void debug_check_io(struct cpu *cpu, uint16_t port, unsigned size);
/* DR6 bits of instruction breakpoints at linear; 0 if none. */
uint32_t debug_match_code(const struct cpu *cpu, uint64_t linear);

#endif
