/*
 * Near branches: Jcc JMP CALL RET LOOP JCXZ. SDM volume 2; targets are checked against the limit of CS or for
 * canonical form at the branch. IP is cut to the operand size.
 *
 * Conditional branches do not end their trace: not taken, the next record follows.
 */
#include "accel/interp/op_impl.h"

#define TARGET_MASK(bits) ((bits) == 64 ? ~0ull : (bits) == 32 ? 0xffffffffull : 0xffffull)

/* Faults unless rip, already cut to size, may be branched to. */
static inline void check_target(struct cpu *cpu, const struct insn *insn, uint64_t rip)
{
    bool bad = cpu->mode & MODE_CODE64 ? (uint64_t)((int64_t)(rip << 16) >> 16) != rip
                                       : rip > cpu->s.seg[CS].limit;
    if (unlikely(bad)) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
}

/* A direct branch that wraps around or might go beyond the limit: not linked. */
COLD branch_checked(struct cpu *cpu, const struct insn *insn, uint64_t rip)
{
    check_target(cpu, insn, rip);
    return trace_jump(cpu, insn, rip);
}

#define BRANCH(bits)                                                                                   \
    static inline __attribute__((always_inline)) void branch##bits(struct cpu *cpu,                    \
                                                                   const struct insn *insn)            \
    {                                                                                                  \
        uint64_t rip = cpu->gpr[REG_RIP0] + insn->imm, cut = rip & TARGET_MASK(bits);                  \
        if ((bits) != 64 && unlikely(cut != rip || cut > cpu->exec_limit)) {                           \
            return branch_checked(cpu, insn, cut);                                                     \
        }                                                                                              \
        return trace_branch(cpu, insn, rip);                                                           \
    }
BRANCH(16)
BRANCH(32)
BRANCH(64)

#define JCC(cc, bits)                                                               \
    HANDLER j##cc##bits##_reg(struct cpu *cpu, const struct insn *insn)             \
    {                                                                               \
        if (cond_##cc(cpu)) {                                                       \
            return branch##bits(cpu, insn);                                         \
        }                                                                           \
        NEXT(cpu, insn);                                                            \
    }
#define JCC_SET(cc) FOR_V(JCC, cc) SET_V_R(op_j##cc, j##cc)
FOR_CONDITIONS(JCC_SET)

#define JMP(op, bits)                                                                              \
    HANDLER jmp##bits##_reg(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                              \
        return branch##bits(cpu, insn);                                                            \
    }                                                                                              \
    HANDLER jmp_E##bits##_reg(struct cpu *cpu, const struct insn *insn)                            \
    {                                                                                              \
        uint64_t rip = GET##bits(insn->rm);                                                        \
        if (unlikely(rip > cpu->exec_limit || (bits) == 64)) {                                     \
            check_target(cpu, insn, rip);                                                          \
        }                                                                                          \
        return trace_jump(cpu, insn, rip);                                                         \
    }                                                                                              \
    HANDLER jmp_E##bits##_mem(struct cpu *cpu, const struct insn *insn)                            \
    {                                                                                              \
        uint64_t rip = mem_read##bits(cpu, insn, insn->seg, insn_ea(cpu, insn));                   \
        check_target(cpu, insn, rip);                                                              \
        return trace_jump(cpu, insn, rip);                                                         \
    }
FOR_V(JMP, )
SET_V_R(op_jmp_Jz, jmp)
SET_V_RM_PLAIN(op_jmp_Ev, jmp_E)

/* Pushes the return address; the slow twin does the same by the slow path. */
#define PUSH_RETURN(bits)                                                                          \
    static inline uint##bits##_t return_address##bits(const struct cpu *cpu, const struct insn *insn) \
    {                                                                                              \
        return (uint##bits##_t)insn_next_rip(cpu, insn);                                           \
    }                                                                                              \
    static inline bool push_return##bits(struct cpu *cpu, const struct insn *insn)                 \
    {                                                                                              \
        uint##bits##_t v = return_address##bits(cpu, insn);                                        \
        uint64_t sp = (cpu->gpr[RSP] - sizeof(v)) & ((bits) == 64 ? ~0ull : stack_mask(insn));     \
        void *p = mem_fast(cpu, SS, sp, sizeof(v), true);                                          \
        if (unlikely(p == NULL)) {                                                                 \
            return false;                                                                          \
        }                                                                                          \
        memcpy(p, &v, sizeof(v));                                                                  \
        if ((bits) == 64) {                                                                        \
            cpu->gpr[RSP] = sp;                                                                    \
        } else {                                                                                   \
            set_stack_pointer(cpu, insn, sp);                                                      \
        }                                                                                          \
        return true;                                                                               \
    }                                                                                              \
    static void push_return_slow##bits(struct cpu *cpu, const struct insn *insn)                   \
    {                                                                                              \
        uint64_t sp = (cpu->gpr[RSP] - (bits) / 8) & stack_mask(insn);                             \
        mem_write_slow(cpu, insn, SS, sp, return_address##bits(cpu, insn), (bits) / 8);            \
        set_stack_pointer(cpu, insn, sp);                                                          \
    }

/* Where the push misses, or the target may be out of bounds. */
#define CALL(op, bits)                                                                             \
    PUSH_RETURN(bits)                                                                              \
    COLD call##bits##_miss(struct cpu *cpu, const struct insn *insn)                               \
    {                                                                                              \
        uint64_t rip = (cpu->gpr[REG_RIP0] + insn->imm) & TARGET_MASK(bits);                       \
        check_target(cpu, insn, rip);                                                              \
        push_return_slow##bits(cpu, insn);                                                         \
        return trace_jump(cpu, insn, rip);                                                         \
    }                                                                                              \
    HANDLER call##bits##_reg(struct cpu *cpu, const struct insn *insn)                             \
    {                                                                                              \
        uint64_t rip = cpu->gpr[REG_RIP0] + insn->imm;                                             \
        if (((bits) != 64 && unlikely((rip & TARGET_MASK(bits)) != rip || rip > cpu->exec_limit)) || \
            !push_return##bits(cpu, insn)) {                                                       \
            return call##bits##_miss(cpu, insn);                                                   \
        }                                                                                          \
        return trace_branch(cpu, insn, rip);                                                       \
    }                                                                                              \
    COLD call_to_slow##bits(struct cpu *cpu, const struct insn *insn, uint64_t rip)                \
    {                                                                                              \
        push_return_slow##bits(cpu, insn);                                                         \
        return trace_jump(cpu, insn, rip);                                                         \
    }                                                                                              \
    static inline __attribute__((always_inline)) void call_to##bits(struct cpu *cpu,               \
                                                                    const struct insn *insn, uint64_t rip) \
    {                                                                                              \
        check_target(cpu, insn, rip);                                                              \
        if (unlikely(!push_return##bits(cpu, insn))) {                                             \
            return call_to_slow##bits(cpu, insn, rip);                                             \
        }                                                                                          \
        return trace_jump(cpu, insn, rip);                                                         \
    }                                                                                              \
    HANDLER call_E##bits##_reg(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        return call_to##bits(cpu, insn, GET##bits(insn->rm));                                      \
    }                                                                                              \
    HANDLER call_E##bits##_mem(struct cpu *cpu, const struct insn *insn)                           \
    {                                                                                              \
        uint64_t rip = mem_read##bits(cpu, insn, insn->seg, insn_ea(cpu, insn));                   \
        return call_to##bits(cpu, insn, rip);                                                      \
    }
FOR_V(CALL, )
SET_V_R(op_call_Jz, call)
SET_V_RM_PLAIN(op_call_Ev, call_E)

/* RET and RET Iw; the immediate is 0 in the first. */
#define RET(op, bits)                                                                              \
    COLD ret##bits##_miss(struct cpu *cpu, const struct insn *insn)                                \
    {                                                                                              \
        uint64_t sp = cpu->gpr[RSP] & stack_mask(insn);                                            \
        uint##bits##_t rip = mem_read_slow(cpu, insn, SS, sp, sizeof(rip));                        \
        check_target(cpu, insn, rip);                                                              \
        set_stack_pointer(cpu, insn, sp + sizeof(rip) + insn->imm);                                \
        return trace_jump(cpu, insn, rip);                                                         \
    }                                                                                              \
    HANDLER ret##bits##_reg(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                              \
        uint64_t sp = cpu->gpr[RSP] & ((bits) == 64 ? ~0ull : stack_mask(insn));                   \
        uint##bits##_t rip;                                                                        \
        const void *p = mem_fast(cpu, SS, sp, sizeof(rip), false);                                 \
        if (unlikely(p == NULL)) {                                                                 \
            return ret##bits##_miss(cpu, insn);                                                    \
        }                                                                                          \
        memcpy(&rip, p, sizeof(rip));                                                              \
        bool bad = (bits) == 64 ? (uint64_t)((int64_t)((uint64_t)rip << 16) >> 16) != rip          \
                                : rip > cpu->exec_limit;                                           \
        if (unlikely(bad)) {                                                                       \
            return ret##bits##_miss(cpu, insn);                                                    \
        }                                                                                          \
        if ((bits) == 64) {                                                                        \
            cpu->gpr[RSP] = sp + sizeof(rip) + insn->imm;                                          \
        } else {                                                                                   \
            set_stack_pointer(cpu, insn, sp + sizeof(rip) + insn->imm);                            \
        }                                                                                          \
        return trace_jump(cpu, insn, rip);                                                         \
    }
FOR_V(RET, )
SET_V_R(op_ret, ret)

/* ---- count register: its size is the address size ---- */

static inline uint64_t count_register(const struct cpu *cpu, const struct insn *insn)
{
    return cpu->gpr[RCX] & address_mask[insn->asize];
}
/* RCX - 1 in the address size; a 32-bit one zero-extends. */
static inline uint64_t count_down(struct cpu *cpu, const struct insn *insn)
{
    uint64_t mask = address_mask[insn->asize], c = (cpu->gpr[RCX] - 1) & mask;
    cpu->gpr[RCX] = insn->asize == 0 ? (cpu->gpr[RCX] & ~mask) | c : c;
    return c;
}

/* The count is written only where the branch cannot fault any more. */
#define LOOP(name, condition, bits)                                                             \
    HANDLER name##bits##_reg(struct cpu *cpu, const struct insn *insn)                          \
    {                                                                                           \
        uint64_t c = (cpu->gpr[RCX] - 1) & address_mask[insn->asize];                           \
        bool taken = c != 0 && (condition);                                                     \
        if (taken && (bits) != 64) {                                                            \
            check_target(cpu, insn, (cpu->gpr[REG_RIP0] + insn->imm) & TARGET_MASK(bits));      \
        }                                                                                       \
        count_down(cpu, insn);                                                                  \
        if (taken) {                                                                            \
            return branch##bits(cpu, insn);                                                     \
        }                                                                                       \
        NEXT(cpu, insn);                                                                        \
    }
FOR_V(LOOP, loop, true)
FOR_V(LOOP, loope, flag_zf(cpu))
FOR_V(LOOP, loopne, !flag_zf(cpu))
SET_V_R(op_loop, loop)
SET_V_R(op_loope, loope)
SET_V_R(op_loopne, loopne)

#define JCXZ(op, bits)                                                          \
    HANDLER jcxz##bits##_reg(struct cpu *cpu, const struct insn *insn)          \
    {                                                                           \
        if (count_register(cpu, insn) == 0) {                                   \
            return branch##bits(cpu, insn);                                     \
        }                                                                       \
        NEXT(cpu, insn);                                                        \
    }
FOR_V(JCXZ, )
SET_V_R(op_jcxz, jcxz)
