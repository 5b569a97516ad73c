/*
 * Moves: MOV (but segment, control and debug registers), MOVZX, MOVSX, MOVSXD, LEA, XCHG, CMOVcc, SETcc, XADD,
 * CMPXCHG, CMPXCHG8B, CMPXCHG16B, BSWAP, MOVBE, XLAT, CBW and CWD families, LAHF, SAHF, flag instructions, NOP.
 */
#include "accel/interp/op_impl.h"
#include "accel/interp/system.h"
#include "accel/interp/trace.h"

/* ---- MOV ---- */

#define MOV(op, bits)                                                       \
    OP_REG(mov_EG##bits##_reg, SET##bits(insn->rm, GET##bits(insn->reg)))   \
    OP_WRITE(mov_EG##bits##_mem, bits, GET##bits(insn->reg))                \
    OP_REG(mov_GE##bits##_reg, SET##bits(insn->reg, GET##bits(insn->rm)))   \
    OP_READ(mov_GE##bits##_mem, bits, SET##bits(insn->reg, m))              \
    OP_REG(mov_EI##bits##_reg, SET##bits(insn->rm, insn->imm))              \
    OP_WRITE(mov_EI##bits##_mem, bits, (uint##bits##_t)insn->imm)           \
    OP_REG(mov_ZI##bits##_reg, SET##bits(insn->reg, insn->imm))
FOR_BV(MOV, )
SET_B_RM(op_mov_Eb_Gb, mov_EG)
SET_V_RM(op_mov_Ev_Gv, mov_EG)
SET_B_RM(op_mov_Gb_Eb, mov_GE)
SET_V_RM(op_mov_Gv_Ev, mov_GE)
SET_B_RM(op_mov_Eb_Ib, mov_EI)
SET_V_RM(op_mov_Ev_Iz, mov_EI)
SET_ONE(op_mov_Zb_Ib, mov_ZI8_reg)
SET_V_R(op_mov_Zv_Iv, mov_ZI)

#define MOV_OFFSET(op, bits)                                                                        \
    HANDLER mov_AO##bits##_reg(struct cpu *cpu, const struct insn *insn)                            \
    {                                                                                               \
        uint##bits##_t v = mem_read##bits(cpu, insn, insn->seg, insn->imm);                         \
        SET##bits(RAX, v);                                                                          \
        NEXT(cpu, insn);                                                                            \
    }                                                                                               \
    HANDLER mov_OA##bits##_reg(struct cpu *cpu, const struct insn *insn)                            \
    {                                                                                               \
        mem_write##bits(cpu, insn, insn->seg, insn->imm, GET##bits(RAX));                           \
        NEXT(cpu, insn);                                                                            \
    }
FOR_BV(MOV_OFFSET, )
SET_ONE(op_mov_AL_Ob, mov_AO8_reg)
SET_V_R(op_mov_rAX_Ov, mov_AO)
SET_ONE(op_mov_Ob_AL, mov_OA8_reg)
SET_V_R(op_mov_Ov_rAX, mov_OA)

/* from: bits of the source; type: its type, whose sign decides on extension. */
#define EXTEND(name, from, type, bits)                                              \
    OP_REG(name##bits##_reg, SET##bits(insn->reg, (type)GET##from(insn->rm)))       \
    OP_READ(name##bits##_mem, from, SET##bits(insn->reg, (type)m))
FOR_V(EXTEND, movzx_Eb, 8, uint8_t)
FOR_V(EXTEND, movzx_Ew, 16, uint16_t)
FOR_V(EXTEND, movsx_Eb, 8, int8_t)
FOR_V(EXTEND, movsx_Ew, 16, int16_t)
SET_V_RM(op_movzx_Gv_Eb, movzx_Eb)
SET_V_RM(op_movzx_Gv_Ew, movzx_Ew)
SET_V_RM(op_movsx_Gv_Eb, movsx_Eb)
SET_V_RM(op_movsx_Gv_Ew, movsx_Ew)

EXTEND(movsxd, 32, int32_t, 64)
const struct op_handlers op_movsxd = { { mov_GE16_reg, mov_GE32_reg, movsxd64_reg },
                                       { mov_GE16_mem, mov_GE32_mem, movsxd64_mem } };

#define LEA(op, bits) OP_REG(lea##bits##_mem, SET##bits(insn->reg, insn_ea(cpu, insn)))
FOR_V(LEA, )
const struct op_handlers op_lea = { .mem = { lea16_mem, lea32_mem, lea64_mem } };

#define XLAT_EA ((cpu->gpr[RBX] + GET8(RAX)) & address_mask[insn->asize])
OP_REG(xlat, SET8(RAX, mem_read8(cpu, insn, insn->seg, XLAT_EA)))
SET_ONE(op_xlat, xlat)

/* ---- exchanges ---- */

#define XCHG(op, bits)                                                                              \
    OP_REG(xchg##bits##_reg, uint##bits##_t v = GET##bits(insn->rm);                                \
           SET##bits(insn->rm, GET##bits(insn->reg)); SET##bits(insn->reg, v))                      \
    HANDLER xchg##bits##_mem(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                               \
        uint##bits##_t old = mem_rmw_read##bits(cpu, insn, insn->seg, insn_ea(cpu, insn));          \
        if (likely(cpu->rmw.host != NULL)) {                                                        \
            while (!atomic_cas##bits(cpu->rmw.host, &old, GET##bits(insn->reg))) {                  \
            }                                                                                       \
        } else {                                                                                    \
            mem_rmw_finish_slow(cpu, insn, GET##bits(insn->reg));                                   \
        }                                                                                           \
        SET##bits(insn->reg, old);                                                                  \
        NEXT(cpu, insn);                                                                            \
    }
FOR_BV(XCHG, )
#define XCHG_Z(op, bits)                                                \
    OP_REG(xchg_Z##bits##_reg, uint##bits##_t v = GET##bits(insn->reg); \
           SET##bits(insn->reg, GET##bits(RAX)); SET##bits(RAX, v))
FOR_V(XCHG_Z, )
SET_B_RM_PLAIN(op_xchg_Eb_Gb, xchg)
SET_V_RM_PLAIN(op_xchg_Ev_Gv, xchg)
SET_V_R(op_xchg_Zv_rAX, xchg_Z)

/* Opcode 90: NOP (which in 64-bit mode does not zero-extend EAX) unless REX.B names R8. */
#define XCHG_90(op, bits)                                                    \
    HANDLER xchg_90_##bits##_reg(struct cpu *cpu, const struct insn *insn)   \
    {                                                                        \
        if (insn->reg != RAX) {                                              \
            return xchg_Z##bits##_reg(cpu, insn);                            \
        }                                                                    \
        NEXT(cpu, insn);                                                     \
    }
FOR_V(XCHG_90, )
SET_V_R(op_xchg_90, xchg_90_)

/* PAUSE, but XCHG where REX.B names R8. The CPU waits for another one, which runs when this one gives up its slice:
 * at once, since the next instruction may take the lock that the other one wants. */
#define PAUSE(op, bits)                                                           \
    HANDLER pause_##bits##_reg(struct cpu *cpu, const struct insn *insn)          \
    {                                                                             \
        if (!cpu->shares_thread || insn->reg != RAX) {                            \
            return xchg_90_##bits##_reg(cpu, insn);                               \
        }                                                                         \
        __atomic_fetch_or(&cpu->attention, CPU_ATTENTION_KICK, __ATOMIC_SEQ_CST); \
        return trace_leave(cpu, insn, system_next(cpu, insn));                    \
    }
FOR_V(PAUSE, )
SET_V_R(op_pause, pause_)

#define ADD_FLAGS(bits, a, b, r)                                          \
    (flags_result(cpu, (int##bits##_t)(r)),                               \
     cpu->fl_c = flags_carries##bits(CARRY_ADD((a), (b), (r))))
#define SUB_FLAGS(bits, a, b)                                             \
    do {                                                                  \
        uint##bits##_t r_ = (uint##bits##_t)((a) - (b));                  \
        flags_result(cpu, (int##bits##_t)r_);                             \
        cpu->fl_c = flags_carries##bits(CARRY_SUB((a), (b), r_));         \
    } while (0)

/* XADD writes the source register only after the last access that may fault. */
#define XADD(op, bits)                                                                              \
    OP_REG(xadd##bits##_reg, uint##bits##_t a = GET##bits(insn->rm); uint##bits##_t b = GET##bits(insn->reg); \
           uint##bits##_t r = a + b; SET##bits(insn->reg, a); SET##bits(insn->rm, r);               \
           ADD_FLAGS(bits, a, b, r))                                                                \
    static inline void xadd_mem##bits(struct cpu *cpu, const struct insn *insn, bool locked)        \
    {                                                                                               \
        uint##bits##_t b = GET##bits(insn->reg);                                                    \
        uint##bits##_t a = mem_rmw_read##bits(cpu, insn, insn->seg, insn_ea(cpu, insn));            \
        if (locked && cpu->rmw.host != NULL) {                                                      \
            while (!atomic_cas##bits(cpu->rmw.host, &a, a + b)) {                                   \
            }                                                                                       \
        } else {                                                                                    \
            mem_rmw_write##bits(cpu, insn, a + b);                                                  \
        }                                                                                           \
        uint##bits##_t r = a + b;                                                                   \
        SET##bits(insn->reg, a);                                                                    \
        ADD_FLAGS(bits, a, b, r);                                                                   \
    }                                                                                               \
    OP_REG(xadd##bits##_mem, xadd_mem##bits(cpu, insn, false))                                      \
    OP_REG(xadd##bits##_lock, xadd_mem##bits(cpu, insn, true))
FOR_BV(XADD, )
SET_B_RML_PLAIN(op_xadd_Eb_Gb, xadd)
SET_V_RML_PLAIN(op_xadd_Ev_Gv, xadd)

/* CMPXCHG writes its destination in any case: the old value if the comparison fails. In 64-bit mode a failing
 * 32-bit one still zero-extends RAX; the destination register is not written then. */
#define CMPXCHG(op, bits)                                                                           \
    OP_REG(cmpxchg##bits##_reg, uint##bits##_t a = GET##bits(RAX); uint##bits##_t d = GET##bits(insn->rm); \
           SUB_FLAGS(bits, a, d);                                                                   \
           if (a == d) { SET##bits(insn->rm, GET##bits(insn->reg)); } else { SET##bits(RAX, d); })  \
    static inline void cmpxchg_mem##bits(struct cpu *cpu, const struct insn *insn, bool locked)     \
    {                                                                                               \
        uint##bits##_t a = GET##bits(RAX);                                                          \
        uint##bits##_t d = mem_rmw_read##bits(cpu, insn, insn->seg, insn_ea(cpu, insn));            \
        if (locked && cpu->rmw.host != NULL) {                                                      \
            while (!atomic_cas##bits(cpu->rmw.host, &d, a == d ? GET##bits(insn->reg) : d)) {       \
            }                                                                                       \
        } else {                                                                                    \
            mem_rmw_write##bits(cpu, insn, a == d ? GET##bits(insn->reg) : d);                      \
        }                                                                                           \
        SUB_FLAGS(bits, a, d);                                                                      \
        if (a != d) {                                                                               \
            SET##bits(RAX, d);                                                                      \
        }                                                                                           \
    }                                                                                               \
    OP_REG(cmpxchg##bits##_mem, cmpxchg_mem##bits(cpu, insn, false))                                \
    OP_REG(cmpxchg##bits##_lock, cmpxchg_mem##bits(cpu, insn, true))
FOR_BV(CMPXCHG, )
SET_B_RML_PLAIN(op_cmpxchg_Eb_Gb, cmpxchg)
SET_V_RML_PLAIN(op_cmpxchg_Ev_Gv, cmpxchg)

HANDLER cmpxchg8b(struct cpu *cpu, const struct insn *insn)
{
    uint64_t want = cpu->gpr[RDX] << 32 | GET32(RAX);
    uint64_t new = cpu->gpr[RCX] << 32 | GET32(RBX);
    uint64_t d = mem_rmw_read64(cpu, insn, insn->seg, insn_ea(cpu, insn));
    if (cpu->rmw.host != NULL) {
        while (!atomic_cas64(cpu->rmw.host, &d, d == want ? new : d)) {
        }
    } else {
        mem_rmw_finish_slow(cpu, insn, d == want ? new : d);
    }
    if (d != want) {
        SET32(RAX, d);
        SET32(RDX, d >> 32);
    }
    set_flag_zf(cpu, d == want);
    NEXT(cpu, insn);
}

HANDLER cmpxchg16b(struct cpu *cpu, const struct insn *insn)
{
    uint64_t ea = insn_ea(cpu, insn), d[2];
    uint64_t new[2] = { cpu->gpr[RBX], cpu->gpr[RCX] };
    if ((cpu->segf[insn->seg].base + ea) & 15) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
    mem_probe_write(cpu, insn, insn->seg, ea, 16);
    mem_read_bytes(cpu, insn, insn->seg, ea, d, 16);
    bool equal = d[0] == cpu->gpr[RAX] && d[1] == cpu->gpr[RDX];
    mem_write_bytes(cpu, insn, insn->seg, ea, equal ? new : d, 16);
    if (!equal) {
        cpu->gpr[RAX] = d[0];
        cpu->gpr[RDX] = d[1];
    }
    set_flag_zf(cpu, equal);
    NEXT(cpu, insn);
}
const struct op_handlers op_cmpxchg8b = { .mem = { cmpxchg8b, cmpxchg8b, cmpxchg16b },
                                          .lock = { cmpxchg8b, cmpxchg8b, cmpxchg16b } };

/* BSWAP of 16 bits is undefined; processors clear the register. */
OP_REG(bswap16_reg, SET16(insn->reg, 0))
OP_REG(bswap32_reg, SET32(insn->reg, __builtin_bswap32(GET32(insn->reg))))
OP_REG(bswap64_reg, SET64(insn->reg, __builtin_bswap64(GET64(insn->reg))))
SET_V_R(op_bswap, bswap)

#define MOVBE(op, bits)                                                              \
    OP_READ(movbe_GM##bits##_mem, bits, SET##bits(insn->reg, __builtin_bswap##bits(m))) \
    OP_WRITE(movbe_MG##bits##_mem, bits, __builtin_bswap##bits(GET##bits(insn->reg)))
FOR_V(MOVBE, )
const struct op_handlers op_movbe_Gv_M = { .mem = { movbe_GM16_mem, movbe_GM32_mem, movbe_GM64_mem } };
const struct op_handlers op_movbe_M_Gv = { .mem = { movbe_MG16_mem, movbe_MG32_mem, movbe_MG64_mem } };

/* ---- conditions ---- */

/* A false 32-bit CMOV still zero-extends its destination. */
#define CMOV(cc, bits)                                                                        \
    OP_REG(cmov##cc##bits##_reg,                                                              \
           SET##bits(insn->reg, cond_##cc(cpu) ? GET##bits(insn->rm) : GET##bits(insn->reg))) \
    OP_READ(cmov##cc##bits##_mem, bits,                                                       \
            SET##bits(insn->reg, cond_##cc(cpu) ? m : GET##bits(insn->reg)))
#define CONDITIONAL(cc)                                     \
    FOR_V(CMOV, cc)                                         \
    SET_V_RM(op_cmov##cc, cmov##cc)                         \
    OP_REG(set##cc##8_reg, SET8(insn->rm, cond_##cc(cpu)))  \
    OP_WRITE(set##cc##8_mem, 8, cond_##cc(cpu))             \
    SET_B_RM(op_set##cc, set##cc)
FOR_CONDITIONS(CONDITIONAL)

/* ---- accumulator ---- */

OP_REG(cbw16_reg, SET16(RAX, (int8_t)GET8(RAX)))
OP_REG(cbw32_reg, SET32(RAX, (int16_t)GET16(RAX)))
OP_REG(cbw64_reg, SET64(RAX, (int32_t)GET32(RAX)))
SET_V_R(op_cbw, cbw)
OP_REG(cwd16_reg, SET16(RDX, (int16_t)GET16(RAX) >> 15))
OP_REG(cwd32_reg, SET32(RDX, (int32_t)GET32(RAX) >> 31))
OP_REG(cwd64_reg, SET64(RDX, (int64_t)GET64(RAX) >> 63))
SET_V_R(op_cwd, cwd)

/* ---- flags; AH is byte 1 of RAX ---- */

OP_REG(lahf, SET8(1, flags_status(cpu) | FLAG_1))
SET_ONE(op_lahf, lahf)
OP_REG(sahf, set_flags_status(cpu, GET8(1) | (flag_of(cpu) ? FLAG_OF : 0)))
SET_ONE(op_sahf, sahf)
OP_REG(cmc, set_flag_cf(cpu, !flag_cf(cpu)))
SET_ONE(op_cmc, cmc)
OP_REG(clc, set_flag_cf(cpu, false))
SET_ONE(op_clc, clc)
OP_REG(stc, set_flag_cf(cpu, true))
SET_ONE(op_stc, stc)
OP_REG(cld, cpu->eflags &= ~FLAG_DF)
SET_ONE(op_cld, cld)
OP_REG(std, cpu->eflags |= FLAG_DF)
SET_ONE(op_std, std)

OP_REG(nop, )
const struct op_handlers op_nop = HANDLERS(nop, nop);
SET_ONE_MEM(op_nop_mem, nop)
