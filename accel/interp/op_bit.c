/*
 * BT BTS BTR BTC, BSF BSR TZCNT LZCNT POPCNT, CRC32, and the VEX-coded BMI1 and BMI2 instructions, ADCX ADOX.
 */
#include "accel/interp/op_impl.h"

/* ---- bit tests: CF gets the bit, other flags stay ---- */

#define DO_bts(bits, v, bit) ((v) | (bit))
#define DO_btr(bits, v, bit) ((v) & ~(bit))
#define DO_btc(bits, v, bit) ((v) ^ (bit))

/* A register offset reaches memory beyond the operand: signed, in units of the operand size. */
#define BIT_EA(bits)                                                                                   \
    ((insn_ea(cpu, insn) + (uint64_t)((int64_t)(int##bits##_t)GET##bits(insn->reg) / (bits) -          \
                                      ((int##bits##_t)GET##bits(insn->reg) % (bits) < 0)) * ((bits) / 8)) & \
     address_mask[insn->asize])
#define BIT_OF(bits, n) ((uint##bits##_t)((uint##bits##_t)1 << ((n) & ((bits) - 1))))

#define BIT_CHANGE(op, bits)                                                                           \
    OP_REG(op##_EG##bits##_reg, uint##bits##_t b = BIT_OF(bits, GET##bits(insn->reg));                 \
           uint##bits##_t v = GET##bits(insn->rm); set_flag_cf(cpu, v & b);                            \
           SET##bits(insn->rm, DO_##op(bits, v, b)))                                                   \
    OP_REG(op##_EI##bits##_reg, uint##bits##_t b = BIT_OF(bits, insn->imm);                            \
           uint##bits##_t v = GET##bits(insn->rm); set_flag_cf(cpu, v & b);                            \
           SET##bits(insn->rm, DO_##op(bits, v, b)))                                                   \
    OP_RMW(op##_EI##bits##_mem, bits, uint##bits##_t b = BIT_OF(bits, insn->imm);                      \
           set_flag_cf(cpu, m & b); m = DO_##op(bits, m, b))                                           \
    OP_LOCK(op##_EI##bits##_lock, bits, uint##bits##_t b = BIT_OF(bits, insn->imm);                    \
            set_flag_cf(cpu, m & b); m = DO_##op(bits, m, b))                                          \
    HANDLER op##_EG##bits##_mem(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                                  \
        uint##bits##_t b = BIT_OF(bits, GET##bits(insn->reg));                                         \
        uint##bits##_t v = mem_rmw_read##bits(cpu, insn, insn->seg, BIT_EA(bits));                     \
        mem_rmw_write##bits(cpu, insn, DO_##op(bits, v, b));                                           \
        set_flag_cf(cpu, v & b);                                                                       \
        NEXT(cpu, insn);                                                                               \
    }                                                                                                  \
    HANDLER op##_EG##bits##_lock(struct cpu *cpu, const struct insn *insn)                             \
    {                                                                                                  \
        uint##bits##_t b = BIT_OF(bits, GET##bits(insn->reg));                                         \
        uint##bits##_t v = mem_rmw_read##bits(cpu, insn, insn->seg, BIT_EA(bits));                     \
        if (cpu->rmw.host != NULL) {                                                                   \
            while (!atomic_cas##bits(cpu->rmw.host, &v, DO_##op(bits, v, b))) {                        \
            }                                                                                          \
        } else {                                                                                       \
            mem_rmw_finish_slow(cpu, insn, DO_##op(bits, v, b));                                       \
        }                                                                                              \
        set_flag_cf(cpu, v & b);                                                                       \
        NEXT(cpu, insn);                                                                               \
    }
#define BIT_READ(op, bits)                                                                             \
    OP_REG(op##_EG##bits##_reg,                                                                        \
           set_flag_cf(cpu, GET##bits(insn->rm) & BIT_OF(bits, GET##bits(insn->reg))))                 \
    OP_REG(op##_EI##bits##_reg, set_flag_cf(cpu, GET##bits(insn->rm) & BIT_OF(bits, insn->imm)))       \
    OP_READ(op##_EI##bits##_mem, bits, set_flag_cf(cpu, m & BIT_OF(bits, insn->imm)))                  \
    HANDLER op##_EG##bits##_mem(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                                  \
        uint##bits##_t v = mem_read##bits(cpu, insn, insn->seg, BIT_EA(bits));                         \
        set_flag_cf(cpu, v & BIT_OF(bits, GET##bits(insn->reg)));                                      \
        NEXT(cpu, insn);                                                                               \
    }
FOR_V(BIT_READ, bt)
FOR_V(BIT_CHANGE, bts)
FOR_V(BIT_CHANGE, btr)
FOR_V(BIT_CHANGE, btc)
SET_V_RM_PLAIN(op_bt_Ev_Gv, bt_EG)
SET_V_RM(op_bt_Ev_Ib, bt_EI)
SET_V_RML_PLAIN(op_bts_Ev_Gv, bts_EG)
SET_V_RML(op_bts_Ev_Ib, bts_EI)
SET_V_RML_PLAIN(op_btr_Ev_Gv, btr_EG)
SET_V_RML(op_btr_Ev_Ib, btr_EI)
SET_V_RML_PLAIN(op_btc_Ev_Gv, btc_EG)
SET_V_RML(op_btc_Ev_Ib, btc_EI)

/* ---- searches and counts ---- */

/* CF and ZF of TZCNT and LZCNT: source zero, result zero. Others are undefined: cleared. */
#define COUNT_FLAGS(cf, r) (cpu->fl_z = (r), cpu->fl_s = 2, cpu->fl_c = 0, set_flags_cf_of(cpu, (cf), false))

/* A zero source leaves the destination alone, as all processors do. */
#define SEARCH(op, bits)                                                                               \
    static inline void alu_bsf##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)       \
    {                                                                                                  \
        set_flag_zf(cpu, v == 0);                                                                      \
        if (v != 0) {                                                                                  \
            SET##bits(insn->reg, __builtin_ctzll(v));                                                  \
        }                                                                                              \
    }                                                                                                  \
    static inline void alu_bsr##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)       \
    {                                                                                                  \
        set_flag_zf(cpu, v == 0);                                                                      \
        if (v != 0) {                                                                                  \
            SET##bits(insn->reg, 63 - __builtin_clzll(v));                                             \
        }                                                                                              \
    }                                                                                                  \
    static inline void alu_tzcnt##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)     \
    {                                                                                                  \
        uint##bits##_t r = v == 0 ? (bits) : __builtin_ctzll(v);                                       \
        COUNT_FLAGS(v == 0, r);                                                                        \
        SET##bits(insn->reg, r);                                                                       \
    }                                                                                                  \
    static inline void alu_lzcnt##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)     \
    {                                                                                                  \
        uint##bits##_t r = v == 0 ? (bits) : __builtin_clzll(v) - (64 - (bits));                       \
        COUNT_FLAGS(v == 0, r);                                                                        \
        SET##bits(insn->reg, r);                                                                       \
    }                                                                                                  \
    static inline void alu_popcnt##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t v)    \
    {                                                                                                  \
        COUNT_FLAGS(false, v);                                                                         \
        cpu->fl_s = 1; /* PF clear */                                                                  \
        SET##bits(insn->reg, __builtin_popcountll(v));                                                 \
    }
FOR_V(SEARCH, )

#define READ_OP(op, bits)                                                           \
    OP_REG(op##bits##_reg, alu_##op##bits(cpu, insn, GET##bits(insn->rm)))          \
    OP_READ(op##bits##_mem, bits, alu_##op##bits(cpu, insn, m))
#define SEARCH_SET(op) FOR_V(READ_OP, op) SET_V_RM(op_##op, op)
SEARCH_SET(bsf)
SEARCH_SET(bsr)
SEARCH_SET(tzcnt)
SEARCH_SET(lzcnt)
SEARCH_SET(popcnt)

/* The host's own instruction: without it SSE4.2 is not offered. */
#define CRC32C(bits, type, suffix)                                                      \
    static inline uint32_t crc32c##bits(uint32_t crc, type data)                        \
    {                                                                                   \
        uint64_t r = crc;                                                               \
        __asm__("crc32" suffix : "+r"(r) : "r"(data));                                  \
        return (uint32_t)r;                                                             \
    }
CRC32C(8, uint8_t, "b %1, %k0")
CRC32C(16, uint16_t, "w %1, %k0")
CRC32C(32, uint32_t, "l %1, %k0")
CRC32C(64, uint64_t, "q %1, %0")
#define CRC32(op, bits)                                                                                     \
    OP_REG(crc32##bits##_reg, SET32(insn->reg, crc32c##bits(GET32(insn->reg), GET##bits(insn->rm))))        \
    OP_READ(crc32##bits##_mem, bits, SET32(insn->reg, crc32c##bits(GET32(insn->reg), m)))
FOR_BV(CRC32, )
SET_B_RM(op_crc32_Gd_Eb, crc32)
SET_V_RM(op_crc32_Gd_Ev, crc32)
