/*
 * Control and debug registers: MOV CRn, MOV DRn, LMSW, SMSW, CLTS. SDM volume 3, 2.5, 9.9 (mode switching) and
 * 18.2. Reserved bits raise #GP as the CPU model defines them.
 */
#include "accel/interp/breaks.h"
#include "accel/interp/apic.h"
#include "accel/interp/debug.h"
#include "accel/interp/decode.h"
#include "accel/interp/interrupt.h"
#include "accel/interp/segment.h"
#include "accel/interp/system.h"
#include "accel/interp/tlb.h"
#include "accel/interp/trace.h"

#define CR0_DEFINED                                                                               \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR0_PAGING (CR0_PG | CR0_WP | CR0_PE)
#define CR4_PAGING (CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP)
#define CR3_NO_FLUSH (1ull << 63)
#define DR7_RESERVED 0xd000u /* bits 12, 14, 15 read as 0 */

static void gp0(struct cpu *cpu)
{
    cpu_fault(cpu, NULL, EXC_GP, 0);
}

static bool uses_pdptes(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
    return (cr0 & CR0_PG) != 0 && (cr4 & CR4_PAE) != 0 && (efer & EFER_LMA) == 0;
}

/* ---- CR3 ---- */

bool cr3_loadable(struct cpu *cpu, uint64_t cr3)
{
    uint64_t pdpte[4];
    if (uses_pdptes(cpu->s.cr0, cpu->s.cr4, cpu->s.msr.efer)) {
        return pagewalk_load_pdptes(cpu, cr3, pdpte);
    }
    uint64_t allowed = cpu->phys_mask | ((cpu->s.cr4 & CR4_PCIDE) != 0 ? CR3_NO_FLUSH : 0);
    return (cpu->s.msr.efer & EFER_LMA) == 0 || (cr3 & ~allowed) == 0;
}

void cr3_set(struct cpu *cpu, uint64_t cr3)
{
    if (cpu->breaks != NULL) {
        breaks_cr3(cpu, cr3 & ~CR3_NO_FLUSH);
    }
    cpu->s.cr3 = cr3 & ~CR3_NO_FLUSH;
    if (uses_pdptes(cpu->s.cr0, cpu->s.cr4, cpu->s.msr.efer)) {
        pagewalk_load_pdptes(cpu, cr3, cpu->s.pdpte);
    }
    tlb_flush(cpu, false);
}

/* ---- CR0 ---- */

/* Paging goes on or off: long mode with it. Returns the new EFER. */
static uint64_t cr0_paging_change(struct cpu *cpu, uint64_t value)
{
    uint64_t efer = cpu->s.msr.efer;
    if ((value & CR0_PG) == 0) {
        if ((cpu->mode & MODE_CODE64) != 0 || (cpu->s.cr4 & CR4_PCIDE) != 0) {
            gp0(cpu);
        }
        return efer & ~(uint64_t)EFER_LMA;
    }
    if ((efer & EFER_LME) == 0) {
        return efer;
    }
    if ((cpu->s.cr4 & CR4_PAE) == 0 || (cpu->s.seg[CS].attr & SEG_L) != 0 ||
        ((cpu->s.tr.attr & SEG_P) != 0 && (cpu->s.tr.attr >> SEG_TYPE_SHIFT & 8) == 0)) {
        gp0(cpu);
    }
    return efer | EFER_LMA;
}

static void cr0_write(struct cpu *cpu, uint64_t value)
{
    uint64_t old = cpu->s.cr0, efer = cpu->s.msr.efer;

    if (value >> 32 != 0 || (value & (CR0_PG | CR0_PE)) == CR0_PG ||
        (value & (CR0_NW | CR0_CD)) == CR0_NW) {
        gp0(cpu);
    }
    value = (value & CR0_DEFINED) | CR0_ET;
    if (((value ^ old) & CR0_PG) != 0) {
        efer = cr0_paging_change(cpu, value);
    }
    if (uses_pdptes(value, cpu->s.cr4, efer) && ((value ^ old) & (CR0_PG | CR0_CD | CR0_NW)) != 0) {
        uint64_t pdpte[4];
        if (!pagewalk_load_pdptes(cpu, cpu->s.cr3, pdpte)) {
            gp0(cpu);
        }
        memcpy(cpu->s.pdpte, pdpte, sizeof(pdpte));
    }
    cpu->s.msr.efer = efer;
    cpu->s.cr0 = value;
    if (((value ^ old) & CR0_PAGING) != 0) {
        tlb_flush(cpu, true);
    }
    cpu_update_mode(cpu);
}

/* ---- CR4, CR8 ---- */

static void cr4_write(struct cpu *cpu, uint64_t value)
{
    uint64_t old = cpu->s.cr4, changed = value ^ old;
    bool lma = (cpu->s.msr.efer & EFER_LMA) != 0;

    if ((value & ~x86_cpuid_cr4_mask(cpu->cpuid)) != 0 || (lma && (value & CR4_PAE) == 0) ||
        ((changed & value & CR4_PCIDE) != 0 && (!lma || (cpu->s.cr3 & 0xfff) != 0))) {
        gp0(cpu);
    }
    if (uses_pdptes(cpu->s.cr0, value, cpu->s.msr.efer) &&
        (changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)) != 0) {
        uint64_t pdpte[4];
        if (!pagewalk_load_pdptes(cpu, cpu->s.cr3, pdpte)) {
            gp0(cpu);
        }
        memcpy(cpu->s.pdpte, pdpte, sizeof(pdpte));
    }
    cpu->s.cr4 = value;
    if ((changed & CR4_PAGING) != 0) {
        tlb_flush(cpu, true);
    }
    cpu_update_mode(cpu);
}

static void cr8_write(struct cpu *cpu, uint64_t value)
{
    if (value > 15) {
        gp0(cpu);
    }
    apic_cr8_write(cpu, value);
}

/* ---- handlers ---- */

static void mov_to_cr(struct cpu *cpu, const struct insn *insn)
{
    uint64_t value = cpu->gpr[insn->rm];

    system_begin(cpu, insn);
    if ((cpu->mode & MODE_CODE64) == 0) {
        value = (uint32_t)value;
    }
    switch (insn->reg) {
    case 0:
        cr0_write(cpu, value);
        break;
    case 2:
        cpu->s.cr2 = value;
        break;
    case 3:
        if (!cr3_loadable(cpu, value)) {
            gp0(cpu);
        }
        cr3_set(cpu, value);
        break;
    case 4:
        cr4_write(cpu, value);
        break;
    case 8:
        cr8_write(cpu, value);
        break;
    default:
        cpu_fault(cpu, NULL, EXC_UD, 0);
    }
    return trace_leave(cpu, insn, system_next(cpu, insn));
}
const struct op_handlers h_mov_to_cr = HANDLERS(mov_to_cr, mov_to_cr);

static void mov_from_cr(struct cpu *cpu, const struct insn *insn)
{
    uint64_t value;
    switch (insn->reg) {
    case 0:
        value = cpu->s.cr0;
        break;
    case 2:
        value = cpu->s.cr2;
        break;
    case 3:
        value = cpu->s.cr3;
        break;
    case 4:
        value = cpu->s.cr4;
        break;
    case 8:
        value = cpu->s.cr8;
        break;
    default:
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
    cpu->gpr[insn->rm] = (cpu->mode & MODE_CODE64) != 0 ? value : (uint32_t)value;
    NEXT(cpu, insn);
}
const struct op_handlers h_mov_from_cr = HANDLERS(mov_from_cr, mov_from_cr);

/* DR4 and DR5 are old names of DR6 and DR7; general detect comes first. Returns the register's number. */
static unsigned debug_register(struct cpu *cpu, const struct insn *insn)
{
    unsigned n = insn->reg;
    if (n > 7 || ((n == 4 || n == 5) && (cpu->s.cr4 & CR4_DE) != 0)) {
        cpu_fault(cpu, NULL, EXC_UD, 0);
    }
    if ((cpu->s.dr[7] & DR7_GD) != 0) {
        cpu->s.dr[7] &= ~(uint64_t)DR7_GD;
        cpu->s.dr[6] |= DR6_BD;
        cpu_fault(cpu, NULL, EXC_DB, 0);
    }
    return n == 4 || n == 5 ? n + 2 : n;
}

static void mov_to_dr(struct cpu *cpu, const struct insn *insn)
{
    uint64_t value = cpu->gpr[insn->rm];

    system_begin(cpu, insn);
    unsigned n = debug_register(cpu, insn);
    if ((cpu->mode & MODE_CODE64) == 0) {
        value = (uint32_t)value;
    } else if (n >= 6 && value >> 32 != 0) {
        gp0(cpu);
    }
    if (n == 6) {
        value = (value & (0xf | DR6_BD | DR6_BS | DR6_BT)) | DR6_FIXED;
    } else if (n == 7) {
        value = (value & ~(uint64_t)DR7_RESERVED) | DR7_FIXED;
    }
    cpu->s.dr[n] = value;
    cpu_update_mode(cpu);
    return trace_leave(cpu, insn, system_next(cpu, insn));
}
const struct op_handlers h_mov_to_dr = HANDLERS(mov_to_dr, mov_to_dr);

static void mov_from_dr(struct cpu *cpu, const struct insn *insn)
{
    system_begin(cpu, insn);
    uint64_t value = cpu->s.dr[debug_register(cpu, insn)];
    cpu->gpr[insn->rm] = (cpu->mode & MODE_CODE64) != 0 ? value : (uint32_t)value;
    NEXT(cpu, insn);
}
const struct op_handlers h_mov_from_dr = HANDLERS(mov_from_dr, mov_from_dr);

/* LMSW cannot clear PE. */
static void load_msw(struct cpu *cpu, const struct insn *insn, uint16_t value)
{
    uint64_t cr0 = (cpu->s.cr0 & ~(uint64_t)(CR0_MP | CR0_EM | CR0_TS)) | (value & 15);
    cr0_write(cpu, cr0);
    return trace_leave(cpu, insn, system_next(cpu, insn));
}

static void lmsw_reg(struct cpu *cpu, const struct insn *insn)
{
    system_begin(cpu, insn);
    return load_msw(cpu, insn, (uint16_t)cpu->gpr[insn->rm]);
}

static void lmsw_mem(struct cpu *cpu, const struct insn *insn)
{
    system_begin(cpu, insn);
    return load_msw(cpu, insn, mem_read16(cpu, NULL, insn->seg, insn_ea(cpu, insn)));
}
const struct op_handlers h_lmsw = HANDLERS(lmsw_reg, lmsw_mem);

static void clts(struct cpu *cpu, const struct insn *insn)
{
    cpu->s.cr0 &= ~(uint64_t)CR0_TS;
    cpu_update_mode(cpu);
    return trace_leave(cpu, insn, system_next(cpu, insn));
}
const struct op_handlers h_clts = HANDLERS(clts, clts);
