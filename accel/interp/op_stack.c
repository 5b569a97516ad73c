/*
 * PUSH POP PUSHA POPA ENTER LEAVE PUSHF POPF (segment registers: op_system). SDM volume 1, 6.2; volume 2.
 *
 * The stack's address size is in the record (insn->vreg); with 64-bit operands it is always 64.
 */
#include "accel/interp/interrupt.h"
#include "accel/interp/op_impl.h"

/* Offset in SS of the value on top after pushing `bytes`. */
static inline uint64_t push_ea(const struct cpu *cpu, const struct insn *insn, unsigned bytes)
{
    return (cpu->gpr[RSP] - bytes) & stack_mask(insn);
}
static inline uint64_t pop_ea(const struct cpu *cpu, const struct insn *insn)
{
    return cpu->gpr[RSP] & stack_mask(insn);
}
static inline uint64_t push_ea64(const struct cpu *cpu)
{
    return cpu->gpr[RSP] - 8;
}

/* A push of a value that needs no memory access. */
#define PUSH(name, bits, value)                                                                        \
    COLD name##_miss(struct cpu *cpu, const struct insn *insn)                                         \
    {                                                                                                  \
        uint64_t sp = push_ea(cpu, insn, (bits) / 8);                                                  \
        mem_write_slow(cpu, insn, SS, sp, (uint##bits##_t)(value), (bits) / 8);                        \
        set_stack_pointer(cpu, insn, sp);                                                              \
        NEXT(cpu, insn);                                                                               \
    }                                                                                                  \
    HANDLER name(struct cpu *cpu, const struct insn *insn)                                             \
    {                                                                                                  \
        uint64_t sp = (bits) == 64 ? push_ea64(cpu) : push_ea(cpu, insn, (bits) / 8);                  \
        uint##bits##_t v = (uint##bits##_t)(value);                                                    \
        void *p = mem_fast(cpu, SS, sp, sizeof(v), true);                                              \
        if (unlikely(p == NULL)) {                                                                     \
            return name##_miss(cpu, insn);                                                             \
        }                                                                                              \
        memcpy(p, &v, sizeof(v));                                                                      \
        if ((bits) == 64) {                                                                            \
            cpu->gpr[RSP] = sp;                                                                        \
        } else {                                                                                       \
            set_stack_pointer(cpu, insn, sp);                                                          \
        }                                                                                              \
        NEXT(cpu, insn);                                                                               \
    }
#define PUSH_OPS(op, bits)                                       \
    PUSH(push_Z##bits##_reg, bits, GET##bits(insn->reg))         \
    PUSH(push_E##bits##_reg, bits, GET##bits(insn->rm))          \
    PUSH(push_I##bits##_reg, bits, insn->imm)                    \
    HANDLER push_E##bits##_mem(struct cpu *cpu, const struct insn *insn)                               \
    {                                                                                                  \
        uint##bits##_t v = mem_read##bits(cpu, insn, insn->seg, insn_ea(cpu, insn));                   \
        uint64_t sp = push_ea(cpu, insn, sizeof(v));                                                   \
        mem_write##bits(cpu, insn, SS, sp, v);                                                         \
        set_stack_pointer(cpu, insn, sp);                                                              \
        NEXT(cpu, insn);                                                                               \
    }
FOR_V(PUSH_OPS, )
SET_V_R(op_push_Zv, push_Z)
SET_V_RM_PLAIN(op_push_Ev, push_E)
SET_V_R(op_push_Iz, push_I)

/* POP to a register: the value wins over the new stack pointer in POP SP. */
#define POP(bits, name, r)                                                                             \
    COLD name##_miss(struct cpu *cpu, const struct insn *insn)                                         \
    {                                                                                                  \
        uint64_t sp = pop_ea(cpu, insn);                                                               \
        uint##bits##_t v = mem_read_slow(cpu, insn, SS, sp, sizeof(v));                                \
        set_stack_pointer(cpu, insn, sp + sizeof(v));                                                  \
        SET##bits(r, v);                                                                               \
        NEXT(cpu, insn);                                                                               \
    }                                                                                                  \
    HANDLER name(struct cpu *cpu, const struct insn *insn)                                             \
    {                                                                                                  \
        uint64_t sp = (bits) == 64 ? cpu->gpr[RSP] : pop_ea(cpu, insn);                                \
        uint##bits##_t v;                                                                              \
        const void *p = mem_fast(cpu, SS, sp, sizeof(v), false);                                       \
        if (unlikely(p == NULL)) {                                                                     \
            return name##_miss(cpu, insn);                                                             \
        }                                                                                              \
        memcpy(&v, p, sizeof(v));                                                                      \
        if ((bits) == 64) {                                                                            \
            cpu->gpr[RSP] = sp + sizeof(v);                                                            \
        } else {                                                                                       \
            set_stack_pointer(cpu, insn, sp + sizeof(v));                                              \
        }                                                                                              \
        SET##bits(r, v);                                                                               \
        NEXT(cpu, insn);                                                                               \
    }
/* POP to memory: a base of rSP counts after the increment, which must be undone should the write fault. */
#define POP_OPS(op, bits)                                                                              \
    POP(bits, pop_Z##bits##_reg, insn->reg)                                                            \
    POP(bits, pop_E##bits##_reg, insn->rm)                                                             \
    HANDLER pop_E##bits##_mem(struct cpu *cpu, const struct insn *insn)                                \
    {                                                                                                  \
        uint64_t rsp = cpu->gpr[RSP], sp = pop_ea(cpu, insn);                                          \
        uint##bits##_t v = mem_read##bits(cpu, insn, SS, sp);                                          \
        set_stack_pointer(cpu, insn, sp + sizeof(v));                                                  \
        uint64_t ea = insn_ea(cpu, insn);                                                              \
        cpu->gpr[RSP] = rsp;                                                                           \
        mem_write##bits(cpu, insn, insn->seg, ea, v);                                                  \
        set_stack_pointer(cpu, insn, sp + sizeof(v));                                                  \
        NEXT(cpu, insn);                                                                               \
    }
FOR_V(POP_OPS, )
SET_V_R(op_pop_Zv, pop_Z)
SET_V_RM_PLAIN(op_pop_Ev, pop_E)

/* The eight registers in one piece; where the stack pointer wraps, one by one. */
#define PUSHA_POPA(op, bits)                                                                           \
    HANDLER pusha##bits##_reg(struct cpu *cpu, const struct insn *insn)                                \
    {                                                                                                  \
        uint##bits##_t v[8];                                                                           \
        uint64_t top = pop_ea(cpu, insn), sp = push_ea(cpu, insn, sizeof(v));                          \
        for (unsigned i = 0; i < 8; i++) {                                                             \
            v[i] = GET##bits(7 - i);                                                                   \
        }                                                                                              \
        if (sp < top) {                                                                                \
            mem_write_bytes(cpu, insn, SS, sp, v, sizeof(v));                                          \
        } else {                                                                                       \
            for (unsigned i = 8; i-- > 0;) {                                                           \
                mem_write##bits(cpu, insn, SS, (sp + i * sizeof(v[0])) & stack_mask(insn), v[i]);      \
            }                                                                                          \
        }                                                                                              \
        set_stack_pointer(cpu, insn, sp);                                                              \
        NEXT(cpu, insn);                                                                               \
    }                                                                                                  \
    HANDLER popa##bits##_reg(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                                  \
        uint##bits##_t v[8];                                                                           \
        uint64_t sp = pop_ea(cpu, insn);                                                               \
        if (sp + sizeof(v) <= stack_mask(insn)) {                                                      \
            mem_read_bytes(cpu, insn, SS, sp, v, sizeof(v));                                           \
        } else {                                                                                       \
            for (unsigned i = 0; i < 8; i++) {                                                         \
                v[i] = mem_read##bits(cpu, insn, SS, (sp + i * sizeof(v[0])) & stack_mask(insn));      \
            }                                                                                          \
        }                                                                                              \
        for (unsigned i = 0; i < 8; i++) {                                                             \
            if (i != 7 - RSP) {                                                                        \
                SET##bits(7 - i, v[i]);                                                                \
            }                                                                                          \
        }                                                                                              \
        set_stack_pointer(cpu, insn, sp + sizeof(v));                                                  \
        NEXT(cpu, insn);                                                                               \
    }
PUSHA_POPA(, 16)
PUSHA_POPA(, 32)
const struct op_handlers op_pusha = { .reg = { pusha16_reg, pusha32_reg } };
const struct op_handlers op_popa = { .reg = { popa16_reg, popa32_reg } };

#define ENTER_LEAVE(op, bits)                                                                          \
    HANDLER enter##bits##_reg(struct cpu *cpu, const struct insn *insn)                                \
    {                                                                                                  \
        unsigned size = (bits) / 8, level = insn->imm >> 16 & 31;                                      \
        uint64_t mask = stack_mask(insn), sp = push_ea(cpu, insn, size), frame = sp;                   \
        uint64_t bp = cpu->gpr[RBP];                                                                   \
        mem_probe_write(cpu, insn, SS,                                                                 \
                        (sp - level * size - (insn->imm & 0xffff)) & mask, size);                      \
        mem_write##bits(cpu, insn, SS, sp, GET##bits(RBP));                                            \
        for (unsigned i = 1; i < level; i++) {                                                         \
            bp -= size;                                                                                \
            sp = (sp - size) & mask;                                                                   \
            mem_write##bits(cpu, insn, SS, sp, mem_read##bits(cpu, insn, SS, bp & mask));              \
        }                                                                                              \
        if (level > 0) {                                                                               \
            sp = (sp - size) & mask;                                                                   \
            mem_write##bits(cpu, insn, SS, sp, (uint##bits##_t)frame);                                 \
        }                                                                                              \
        SET##bits(RBP, frame);                                                                         \
        set_stack_pointer(cpu, insn, sp - (insn->imm & 0xffff));                                       \
        NEXT(cpu, insn);                                                                               \
    }                                                                                                  \
    HANDLER leave##bits##_reg(struct cpu *cpu, const struct insn *insn)                                \
    {                                                                                                  \
        uint64_t bp = cpu->gpr[RBP] & stack_mask(insn);                                                \
        uint##bits##_t v = mem_read##bits(cpu, insn, SS, bp);                                          \
        set_stack_pointer(cpu, insn, bp + sizeof(v));                                                  \
        SET##bits(RBP, v);                                                                             \
        NEXT(cpu, insn);                                                                               \
    }
FOR_V(ENTER_LEAVE, )
SET_V_R(op_enter, enter)
SET_V_R(op_leave, leave)

/* ---- flags ---- */

static unsigned iopl(const struct cpu *cpu)
{
    return (cpu->eflags & FLAG_IOPL) >> FLAG_IOPL_SHIFT;
}
/* V86 mode with IOPL below 3. */
static bool v86_restricted(const struct cpu *cpu)
{
    return cpu->mode & MODE_V86 && iopl(cpu) != 3;
}

/* The image that PUSHF pushes. #GP in V86 mode unless the mode's extensions make it virtual. */
static uint64_t pushf_image(struct cpu *cpu, const struct insn *insn, bool word)
{
    uint64_t image = cpu_rflags(cpu) & ~(uint64_t)(FLAG_VM | FLAG_RF);
    if (v86_restricted(cpu)) {
        if (!word || (cpu->s.cr4 & CR4_VME) == 0) {
            cpu_fault(cpu, insn, EXC_GP, 0);
        }
        image = (image & ~(uint64_t)FLAG_IF) | FLAG_IOPL | (cpu->eflags & FLAG_VIF ? FLAG_IF : 0);
    }
    return image;
}

#define PUSHF(op, bits)                                                                                \
    HANDLER pushf##bits##_reg(struct cpu *cpu, const struct insn *insn)                                \
    {                                                                                                  \
        uint64_t sp = push_ea(cpu, insn, (bits) / 8);                                                  \
        mem_write##bits(cpu, insn, SS, sp, (uint##bits##_t)pushf_image(cpu, insn, (bits) == 16));      \
        set_stack_pointer(cpu, insn, sp);                                                              \
        NEXT(cpu, insn);                                                                               \
    }
FOR_V(PUSHF, )
SET_V_R(op_pushf, pushf)

/* Which flags POPF may change. SDM volume 2, POPF, table 4-18. */
static uint32_t popf_mask(const struct cpu *cpu, bool word)
{
    uint32_t mask = FLAGS_STATUS | FLAG_TF | FLAG_DF | FLAG_NT | (word ? 0 : FLAG_AC | FLAG_ID);
    if (cpu->cpl == 0) {
        mask |= FLAG_IOPL;
    }
    if (cpu->cpl <= iopl(cpu)) {
        mask |= FLAG_IF;
    }
    return mask;
}

/* The effective flags for a popped image: those POPF may not change are the present ones. */
static uint64_t popf_flags(struct cpu *cpu, const struct insn *insn, uint32_t image, bool word)
{
    uint64_t old = cpu_rflags(cpu);
    uint32_t mask = popf_mask(cpu, word);
    uint64_t flags = (old & ~(uint64_t)mask) | (image & mask);
    if (!word) {
        flags &= ~(uint64_t)FLAG_RF;
    }
    if (v86_restricted(cpu)) {
        if (!word || (cpu->s.cr4 & CR4_VME) == 0 || image & FLAG_TF ||
            (image & FLAG_IF && old & FLAG_VIP)) {
            cpu_fault(cpu, insn, EXC_GP, 0);
        }
        flags = (flags & ~(uint64_t)FLAG_VIF) | (image & FLAG_IF ? FLAG_VIF : 0);
    }
    return flags;
}

#define POPF(op, bits)                                                                                 \
    HANDLER popf##bits##_reg(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                                  \
        uint64_t sp = pop_ea(cpu, insn), old = cpu->eflags;                                            \
        if (v86_restricted(cpu) && (bits) != 16) {                                                     \
            cpu_fault(cpu, insn, EXC_GP, 0);                                                           \
        }                                                                                              \
        uint##bits##_t image = mem_read##bits(cpu, insn, SS, sp);                                      \
        cpu_set_rflags(cpu, popf_flags(cpu, insn, (uint32_t)image, (bits) == 16));                     \
        set_stack_pointer(cpu, insn, sp + sizeof(image));                                              \
        cpu_check_intr(cpu);                                                                           \
        if ((old ^ cpu->eflags) & (FLAG_TF | FLAG_AC)) {                                               \
            cpu_update_mode(cpu);                                                                      \
            return trace_leave(cpu, insn, insn_next_rip(cpu, insn));                                   \
        }                                                                                              \
        /* An interrupt that waited comes now, not at the trace's end: CLI may stand before that. */   \
        if (__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) != 0) {                                 \
            return trace_leave(cpu, insn, insn_next_rip(cpu, insn));                                   \
        }                                                                                              \
        NEXT(cpu, insn);                                                                               \
    }
FOR_V(POPF, )
SET_V_R(op_popf, popf)
