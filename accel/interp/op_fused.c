/*
 * CMP or TEST and the Jcc behind it in one handler: one dispatch less, and the condition comes straight from the
 * operands. The flags are left as the plain handlers leave them. Where anything is unusual (a TLB miss, a branch
 * that might leave the segment) the second record runs by itself.
 */
#include "accel/interp/fused.h"

#include <glib.h>

#include "accel/interp/op_impl.h"

extern const struct op_handlers op_cmp_Ev_Gv, op_cmp_Gv_Ev, op_cmp_Ev_Iz, op_cmp_Eb_Gb, op_cmp_Eb_Ib;
extern const struct op_handlers op_test_Ev_Gv, op_test_Eb_Gb, op_test_Eb_Ib, op_test_Ev_Iz;
#define DECLARE(cc) extern const struct op_handlers op_j##cc;
FOR_CONDITIONS(DECLARE)

/* Conditions of r = a - b or r = a & b. The rare ones ask the flags. */
#define IF_o flag_of(cpu)
#define IF_no !flag_of(cpu)
#define IF_b (!logic && a < b)
#define IF_nb (logic || a >= b)
#define IF_z (r == 0)
#define IF_nz (r != 0)
#define IF_be (logic ? r == 0 : a <= b)
#define IF_nbe (logic ? r != 0 : a > b)
#define IF_s (r < 0)
#define IF_ns (r >= 0)
#define IF_p flag_pf(cpu)
#define IF_np !flag_pf(cpu)
#define IF_l (logic ? r < 0 : sa < sb)
#define IF_nl (logic ? r >= 0 : sa >= sb)
#define IF_le (logic ? r <= 0 : sa <= sb)
#define IF_nle (logic ? r > 0 : sa > sb)

/* First half: operands, result, flags. */
#define COMPARE(bits, op_logic, x, y)                                                             \
    const bool logic = (op_logic);                                                                \
    uint##bits##_t a = (uint##bits##_t)(x), b = (uint##bits##_t)(y);                              \
    int##bits##_t sa = (int##bits##_t)a, sb = (int##bits##_t)b;                                   \
    int##bits##_t r = logic ? (int##bits##_t)(a & b) : (int##bits##_t)(uint##bits##_t)(a - b);    \
    (void)sa;                                                                                     \
    (void)sb;                                                                                     \
    flags_result(cpu, r);                                                                         \
    cpu->fl_c = logic ? 0 : flags_carries##bits(CARRY_SUB(a, b, (uint##bits##_t)r))

/* Second half. Outside 64-bit mode exec_limit is below 4 GiB, so that wrap-around is seen too. */
#define BRANCH_IF(condition)                                                                      \
    if (condition) {                                                                              \
        uint64_t rip = cpu->gpr[REG_RIP0] + insn[1].imm;                                          \
        if (unlikely(rip > cpu->exec_limit)) {                                                    \
            NEXT(cpu, insn);                                                                      \
        }                                                                                         \
        return trace_branch(cpu, insn + 1, rip);                                                  \
    }                                                                                             \
    return insn[2].fn(cpu, insn + 2)

#define FUSED_REG(name, cc, bits, logic, x, y)                                                    \
    HANDLER name##_##cc(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                             \
        COMPARE(bits, logic, x, y);                                                               \
        BRANCH_IF(IF_##cc);                                                                       \
    }
/* y may use m, the memory operand at base + displacement. */
#define FUSED_MEM(name, cc, bits, logic, x, y)                                                    \
    HANDLER name##_##cc(struct cpu *cpu, const struct insn *insn)                                 \
    {                                                                                             \
        uint##bits##_t m;                                                                         \
        const void *p = mem_flat(cpu, EA_B, (bits) / 8, false);                                   \
        if (unlikely(p == NULL)) {                                                                \
            return name##_miss(cpu, insn);                                                        \
        }                                                                                         \
        memcpy(&m, p, sizeof(m));                                                                 \
        COMPARE(bits, logic, x, y);                                                               \
        BRANCH_IF(IF_##cc);                                                                       \
    }
#define MISS(name, bits, logic, x, y)                                                             \
    COLD name##_miss(struct cpu *cpu, const struct insn *insn)                                    \
    {                                                                                             \
        uint##bits##_t m = mem_read_slow(cpu, insn, insn->seg, insn_ea(cpu, insn), (bits) / 8);   \
        COMPARE(bits, logic, x, y);                                                               \
        NEXT(cpu, insn);                                                                          \
    }

#define ALL(form, name, ...)                                                                           \
    form(name, o, __VA_ARGS__) form(name, no, __VA_ARGS__) form(name, b, __VA_ARGS__)                  \
    form(name, nb, __VA_ARGS__) form(name, z, __VA_ARGS__) form(name, nz, __VA_ARGS__)                 \
    form(name, be, __VA_ARGS__) form(name, nbe, __VA_ARGS__) form(name, s, __VA_ARGS__)                \
    form(name, ns, __VA_ARGS__) form(name, p, __VA_ARGS__) form(name, np, __VA_ARGS__)                 \
    form(name, l, __VA_ARGS__) form(name, nl, __VA_ARGS__) form(name, le, __VA_ARGS__)                 \
    form(name, nle, __VA_ARGS__)
#define NAMES(name)                                                                                    \
    { name##_o, name##_no, name##_b, name##_nb, name##_z, name##_nz, name##_be, name##_nbe,            \
      name##_s, name##_ns, name##_p, name##_np, name##_l, name##_nl, name##_le, name##_nle }

#define REG_FORMS(bits)                                                                                \
    ALL(FUSED_REG, cmp_EG##bits, bits, false, GET##bits(insn->rm), GET##bits(insn->reg))               \
    ALL(FUSED_REG, cmp_GE##bits, bits, false, GET##bits(insn->reg), GET##bits(insn->rm))               \
    ALL(FUSED_REG, cmp_EI##bits, bits, false, GET##bits(insn->rm), insn->imm)                          \
    ALL(FUSED_REG, test_EG##bits, bits, true, GET##bits(insn->rm), GET##bits(insn->reg))               \
    ALL(FUSED_REG, test_EI##bits, bits, true, GET##bits(insn->rm), insn->imm)
#define MEM_FORM(name, bits, logic, x, y) \
    MISS(name, bits, logic, x, y) ALL(FUSED_MEM, name, bits, logic, x, y)
#define MEM_FORMS(bits)                                                          \
    MEM_FORM(cmp_MG##bits, bits, false, m, GET##bits(insn->reg))                 \
    MEM_FORM(cmp_GM##bits, bits, false, GET##bits(insn->reg), m)                 \
    MEM_FORM(cmp_MI##bits, bits, false, m, insn->imm)
REG_FORMS(8)
REG_FORMS(32)
REG_FORMS(64)
MEM_FORMS(32)
MEM_FORMS(64)
MEM_FORM(cmp_MI8, 8, false, m, insn->imm)
MEM_FORM(test_MI8, 8, true, m, insn->imm)

struct fusion {
    const struct op_handlers *set; /* of the plain first instruction, */
    uint8_t size;                  /* its operand size index, */
    bool memory;                   /* and whether it is its flat_b form */
    insn_fn *fused[16];            /* by condition */
};

static const struct fusion fusions[] = {
    { &op_cmp_Ev_Gv, 1, false, NAMES(cmp_EG32) }, { &op_cmp_Ev_Gv, 2, false, NAMES(cmp_EG64) },
    { &op_cmp_Gv_Ev, 1, false, NAMES(cmp_GE32) }, { &op_cmp_Gv_Ev, 2, false, NAMES(cmp_GE64) },
    { &op_cmp_Ev_Iz, 1, false, NAMES(cmp_EI32) }, { &op_cmp_Ev_Iz, 2, false, NAMES(cmp_EI64) },
    { &op_test_Ev_Gv, 1, false, NAMES(test_EG32) }, { &op_test_Ev_Gv, 2, false, NAMES(test_EG64) },
    { &op_test_Ev_Iz, 1, false, NAMES(test_EI32) }, { &op_test_Ev_Iz, 2, false, NAMES(test_EI64) },
    { &op_cmp_Eb_Gb, 0, false, NAMES(cmp_EG8) }, { &op_cmp_Eb_Ib, 0, false, NAMES(cmp_EI8) },
    { &op_test_Eb_Gb, 0, false, NAMES(test_EG8) }, { &op_test_Eb_Ib, 0, false, NAMES(test_EI8) },
    { &op_cmp_Ev_Gv, 1, true, NAMES(cmp_MG32) }, { &op_cmp_Ev_Gv, 2, true, NAMES(cmp_MG64) },
    { &op_cmp_Gv_Ev, 1, true, NAMES(cmp_GM32) }, { &op_cmp_Gv_Ev, 2, true, NAMES(cmp_GM64) },
    { &op_cmp_Ev_Iz, 1, true, NAMES(cmp_MI32) }, { &op_cmp_Ev_Iz, 2, true, NAMES(cmp_MI64) },
    { &op_cmp_Eb_Ib, 0, true, NAMES(cmp_MI8) }, { &op_test_Eb_Ib, 0, true, NAMES(test_MI8) },
};

/* The handler that does the work of both records; NULL if there is none. */
static insn_fn *op_fused(const struct insn *first, const struct insn *second)
{
#define HANDLERS_OF(cc) &op_j##cc,
    static const struct op_handlers *const branches[16] = { FOR_CONDITIONS(HANDLERS_OF) };
    for (unsigned cc = 0; cc < 16; cc++) {
        if (second->fn != branches[cc]->reg[1] && second->fn != branches[cc]->reg[2]) {
            continue;
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(fusions); i++) {
            const struct fusion *f = &fusions[i];
            if (first->fn == (f->memory ? f->set->flat_b : f->set->reg)[f->size]) {
                return f->fused[cc];
            }
        }
    }
    return NULL;
}

void op_fuse(struct insn *insn, unsigned count)
{
    for (unsigned i = 0; i + 1 < count; i++) {
        insn_fn *fused = op_fused(&insn[i], &insn[i + 1]);
        if (fused != NULL) {
            insn[i].fn = fused;
        }
    }
}
