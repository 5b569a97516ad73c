/*
 * The decoder: opcodes.def is the one table of instructions. Each row gives where the instruction sits in the
 * opcode maps, its operands, its conditions and its set of handlers. The same table feeds the generated tests.
 */
#ifndef ACCEL_INTERP_DECODE_H
#define ACCEL_INTERP_DECODE_H

#include "accel/interp/cpu.h"

/* Handlers of one row. Index: operand size 0 = 16, 1 = 32, 2 = 64 bits; for VEX rows 0 = VEX.L 0, 1 = L 1.
 * NULL = that form does not exist (#UD). lock: memory forms with a LOCK prefix. flat: optional shorter copies of
 * mem for 64-bit addresses in a segment without base and limit; b without index register, x with. */
struct op_handlers {
    insn_fn *reg[3], *mem[3], *lock[3];
    insn_fn *flat_b[3], *flat_x[3];
};
/* Same handler for all sizes. */
#define HANDLERS(r, m) { { r, r, r }, { m, m, m }, { NULL, NULL, NULL } }

/* Opcode maps. */
enum op_map { M_1, M_0F, M_0F38, M_0F3A, M_V0F, M_V0F38, M_V0F3A /* VEX */, OP_MAPS };

/* Which mandatory or repeat prefix a row wants. PX_ANY rows take every one (66 is then the operand size, and
 * F2/F3 are ignored). A row with a definite prefix is preferred. */
enum op_prefix { PX_ANY, PX_NP, PX_66, PX_F3, PX_F2 };

/* Which ModRM bytes a row wants. */
enum op_ext {
    EX_ANY = -1,
    EX_0 = 0, EX_1, EX_2, EX_3, EX_4, EX_5, EX_6, EX_7, /* ModRM.reg, register or memory form */
    EX_MEM_0 = 8, EX_MEM_1, EX_MEM_2, EX_MEM_3, EX_MEM_4, EX_MEM_5, EX_MEM_6, EX_MEM_7, /* memory form only */
    EX_REG_0 = 16, EX_REG_1, EX_REG_2, EX_REG_3, EX_REG_4, EX_REG_5, EX_REG_6, EX_REG_7, /* register form only */
    EX_BYTE = 0x100, /* EX_BYTE + b: this ModRM byte, e.g. EX_BYTE + 0xf8; preferred to the others */
};

/* Operands, named as in SDM volume 2 appendix A. */
enum op_operand {
    O_NONE,
    O_Eb, O_Ew, O_Ed, O_Ev, O_Ey, O_Eq, /* general register or memory */
    O_Gb, O_Gw, O_Gd, O_Gv, O_Gy,       /* general register in ModRM.reg */
    O_M, O_Mb, O_Mw, O_Md, O_Mq, O_Mp, O_Mdq, O_Ms, O_Ma, /* memory only */
    O_Rv, O_Ry,                         /* register in ModRM.rm only */
    O_Zb, O_Zv,                         /* register in the opcode's low bits (with REX.B) */
    O_Sw, O_Cd, O_Dd,                   /* segment, control, debug register in ModRM.reg */
    O_Ib, O_Ibs, O_Iw, O_Iz, O_Iv, O_I1, /* Ib zero-extended, Ibs sign-extended to 64 bits; Iz 16 or 32 sign-extended; Iv up to 64 */
    O_Iwb,                              /* ENTER: word, byte */
    O_Jb, O_Jz, O_Ap,
    O_Ob, O_Ov,                         /* moffs */
    O_AL, O_AX, O_rAX, O_CL, O_DX,      /* fixed: no bits in the encoding */
    O_Pq, O_Qq, O_Nq, O_Qd,             /* MMX: ModRM.reg; ModRM.rm or memory; ModRM.rm only */
    O_Vx, O_Wx, O_Ux, O_Hx, O_Lx,       /* XMM/YMM: reg; rm or memory; rm only; VEX.vvvv; imm[7:4] */
    O_Wss, O_Wsd, O_Wq, O_Wd, O_Ww,     /* XMM or 4/8/4/8/2-byte memory */
    O_Xb, O_Xv, O_Yb, O_Yv,             /* string source (seg:rSI) and destination (ES:rDI) */
    O_ST0, O_STi, O_Mfp,                /* x87; memory operand of the size the mnemonic says */
    O_Bv, O_By,                         /* VEX.vvvv general register */
};

/* Conditions, checked at decode time. */
enum op_attr {
    AT_NONE = 0,
    AT_NO64 = 1 << 0,   /* #UD in 64-bit mode */
    AT_ONLY64 = 1 << 1, /* #UD outside 64-bit mode */
    AT_D64 = 1 << 2,    /* operand size is 64 by default in 64-bit mode (16 with 66) */
    AT_F64 = 1 << 3,    /* operand size is 64 in 64-bit mode, whatever the prefix */
    AT_END = 1 << 4,    /* ends the trace */
    AT_PM = 1 << 5,     /* #UD in real and V86 mode */
    AT_CPL0 = 1 << 6,   /* #GP(0) unless CPL = 0 */
    AT_FPU = 1 << 7,    /* x87: #NM rules */
    AT_MMX = 1 << 8,    /* MMX: #UD/#NM rules, enters MMX state */
    AT_SSE = 1 << 9,    /* legacy SSE: #UD/#NM rules */
    AT_AVX = 1 << 10,   /* VEX-encoded SIMD: #UD/#NM rules */
    AT_VL0 = 1 << 11,   /* VEX.L must be 0 */
    AT_VL1 = 1 << 12,   /* VEX.L must be 1 */
    AT_W0 = 1 << 13, AT_W1 = 1 << 14, /* REX.W / VEX.W must be 0 / 1 */
    AT_NOV = 1 << 15,   /* VEX.vvvv must be 1111b */
    AT_O64 = 1 << 16,   /* operand size 64 only with REX.W, 66 ignored: default 32 (MOVD, CVTSI2SD) */
    AT_WAIT = 1 << 17,  /* FWAIT's own rule */
    AT_LOCK_OK = 1 << 18, /* LOCK allowed though handlers.lock is the same as mem (XCHG) */
    AT_NO_REP = 1 << 19,  /* F2/F3 make it #UD */
    AT_V86_GP = 1 << 20,  /* #GP(0) in V86 mode (HLT, LGDT, ...) */
    AT_INT3 = 1 << 21,
    AT_VSIB = 1 << 22,    /* the SIB index is a vector register: its number in insn->rm, insn->index is REG_ZERO,
                           * insn->scale its scale */
};

struct op_row {
    uint8_t map, opcode, prefix;
    int16_t ext;
    const char *mnemonic; /* lower case, Intel */
    uint8_t operand[4];
    uint32_t attr;
    uint8_t feature; /* enum x86_feature: #UD without it */
    const struct op_handlers *handlers;
};

/* The table, for the decoder and for tests. */
extern const struct op_row op_table[];
extern const unsigned op_table_size;

/* Rows by map and opcode, for speed; immutable after it was made. Free with g_free. */
struct op_index;
struct op_index *op_index_create(void);

/* Decodes one instruction from `avail` (1 to 15) bytes at code into *insn (fn, operands, len; off and n are
 * the caller's, and REG_RIP0-relative fields are for off as set in *insn on entry). Returns the row, NULL for an
 * invalid instruction (fn = op_ud, len = bytes looked at). *more is set if the bytes ran out before the
 * instruction ended (nothing else is valid then). Pure function of code, mode and features. */
const struct op_row *decode_insn(struct insn *insn, const uint8_t *code, unsigned avail, uint32_t mode,
                                 const struct x86_cpuid *cpuid, bool *more);
/* The same with an index. */
const struct op_row *decode_insn_indexed(const struct op_index *index, struct insn *insn, const uint8_t *code,
                                         unsigned avail, uint32_t mode, const struct x86_cpuid *cpuid,
                                         bool *more);

#endif
