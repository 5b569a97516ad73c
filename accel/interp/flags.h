/*
 * Lazy flags: setting them from a result and a carry-out vector, and reading single flags back.
 *
 * The carry-out vector has at bit i the carry (or borrow) out of bit i of the operation. For an addition it is
 * (a & b) | ((a | b) & ~r), for a subtraction a - b it is (~a & b) | ((~a | b) & r). CF is the carry out of the
 * highest bit, OF that of the highest xor the next, AF that of bit 3.
 */
#ifndef ACCEL_INTERP_FLAGS_H
#define ACCEL_INTERP_FLAGS_H

#include "accel/interp/cpu.h"

#define FL_CF 0x80000000u
#define FL_PO 0x40000000u /* carry out of the second highest bit */
#define FL_AF 0x00000008u

static inline void flags_result(struct cpu *cpu, int64_t sign_extended_result)
{
    cpu->fl_z = (uint64_t)sign_extended_result;
    cpu->fl_s = (uint64_t)sign_extended_result;
}
/* Carry vector of an operation of 8, 16, 32 or 64 bits brought to the form of fl_c. */
static inline uint32_t flags_carries8(uint32_t c)
{
    return c << 24 | (c & FL_AF);
}
static inline uint32_t flags_carries16(uint32_t c)
{
    return c << 16 | (c & FL_AF);
}
static inline uint32_t flags_carries32(uint32_t c)
{
    return c;
}
static inline uint32_t flags_carries64(uint64_t c)
{
    return (uint32_t)(c >> 32 & (FL_CF | FL_PO)) | (uint32_t)(c & FL_AF);
}
#define CARRY_ADD(a, b, r) (((a) & (b)) | (((a) | (b)) & ~(r)))
#define CARRY_SUB(a, b, r) ((~(a) & (b)) | ((~(a) | (b)) & (r)))

static inline bool flag_cf(const struct cpu *cpu)
{
    return cpu->fl_c >> 31;
}
static inline bool flag_of(const struct cpu *cpu)
{
    return (cpu->fl_c ^ cpu->fl_c << 1) >> 31;
}
static inline bool flag_af(const struct cpu *cpu)
{
    return cpu->fl_c >> 3 & 1;
}
static inline bool flag_zf(const struct cpu *cpu)
{
    return cpu->fl_z == 0;
}
static inline bool flag_sf(const struct cpu *cpu)
{
    return cpu->fl_s >> 63;
}
static inline bool flag_pf(const struct cpu *cpu)
{
    return !__builtin_parity(cpu->fl_s & 0xff);
}
static inline void set_flag_cf(struct cpu *cpu, bool cf)
{
    /* OF is bit 31 ^ bit 30: keep it while CF changes. */
    uint32_t of = (cpu->fl_c ^ cpu->fl_c << 1) & FL_CF;
    uint32_t c = (uint32_t)cf << 31;
    cpu->fl_c = (cpu->fl_c & ~(FL_CF | FL_PO)) | c | ((c ^ of) >> 1);
}
static inline void set_flags_cf_of(struct cpu *cpu, bool cf, bool of)
{
    cpu->fl_c = (cpu->fl_c & ~(FL_CF | FL_PO)) | (uint32_t)cf << 31 | (uint32_t)(cf ^ of) << 30;
}
static inline void set_flag_zf(struct cpu *cpu, bool zf)
{
    cpu->fl_z = !zf;
}
/* The sixteen conditions, in the order of their encoding. */
static inline bool cond_o(const struct cpu *cpu) { return flag_of(cpu); }
static inline bool cond_no(const struct cpu *cpu) { return !flag_of(cpu); }
static inline bool cond_b(const struct cpu *cpu) { return flag_cf(cpu); }
static inline bool cond_nb(const struct cpu *cpu) { return !flag_cf(cpu); }
static inline bool cond_z(const struct cpu *cpu) { return flag_zf(cpu); }
static inline bool cond_nz(const struct cpu *cpu) { return !flag_zf(cpu); }
static inline bool cond_be(const struct cpu *cpu) { return (int)flag_cf(cpu) | flag_zf(cpu); }
static inline bool cond_nbe(const struct cpu *cpu) { return !cond_be(cpu); }
static inline bool cond_s(const struct cpu *cpu) { return flag_sf(cpu); }
static inline bool cond_ns(const struct cpu *cpu) { return !flag_sf(cpu); }
static inline bool cond_p(const struct cpu *cpu) { return flag_pf(cpu); }
static inline bool cond_np(const struct cpu *cpu) { return !flag_pf(cpu); }
static inline bool cond_l(const struct cpu *cpu) { return flag_sf(cpu) ^ flag_of(cpu); }
static inline bool cond_nl(const struct cpu *cpu) { return !cond_l(cpu); }
static inline bool cond_le(const struct cpu *cpu) { return (int)cond_l(cpu) | flag_zf(cpu); }
static inline bool cond_nle(const struct cpu *cpu) { return !cond_le(cpu); }
#define FOR_CONDITIONS(macro)                                                                       \
    macro(o) macro(no) macro(b) macro(nb) macro(z) macro(nz) macro(be) macro(nbe)                   \
    macro(s) macro(ns) macro(p) macro(np) macro(l) macro(nl) macro(le) macro(nle)

/* The six status flags as in EFLAGS. */
static inline uint32_t flags_status(const struct cpu *cpu)
{
    return (flag_cf(cpu) ? FLAG_CF : 0) | (flag_pf(cpu) ? FLAG_PF : 0) | (flag_af(cpu) ? FLAG_AF : 0) |
           (flag_zf(cpu) ? FLAG_ZF : 0) | (flag_sf(cpu) ? FLAG_SF : 0) | (flag_of(cpu) ? FLAG_OF : 0);
}
static inline void set_flags_status(struct cpu *cpu, uint32_t f)
{
    bool cf = f & FLAG_CF, of = (f & FLAG_OF) != 0;
    cpu->fl_z = !(f & FLAG_ZF);
    /* Sign in bit 63; low byte 0 has even parity, 1 odd. */
    cpu->fl_s = ((f & FLAG_SF) ? 1ull << 63 : 0) | ((f & FLAG_PF) ? 0 : 1);
    cpu->fl_c = (uint32_t)cf << 31 | (uint32_t)(cf ^ of) << 30 | ((f & FLAG_AF) ? FL_AF : 0);
}

#endif
