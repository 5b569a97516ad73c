/*
 * The canonical CPU state: field table, power-on values (Intel SDM volume 3, table 10-1), and the register
 * block of `info registers`.
 */
#include "accel/x86_state.h"

#include <inttypes.h>
#include <string.h>

static const struct field segment_fields[] = {
    FIELD_U16(struct x86_segment, selector),
    FIELD_U64(struct x86_segment, base),
    FIELD_U32(struct x86_segment, limit),
    FIELD_U32(struct x86_segment, attr),
    FIELD_END,
};

static const struct field table_fields[] = {
    FIELD_U64(struct x86_table, base),
    FIELD_U16(struct x86_table, limit),
    FIELD_END,
};

static const struct field msr_fields[] = {
    FIELD_U64(struct x86_msrs, efer),
    FIELD_U64(struct x86_msrs, star),
    FIELD_U64(struct x86_msrs, lstar),
    FIELD_U64(struct x86_msrs, cstar),
    FIELD_U64(struct x86_msrs, fmask),
    FIELD_U64(struct x86_msrs, kernel_gs_base),
    FIELD_U64(struct x86_msrs, sysenter_cs),
    FIELD_U64(struct x86_msrs, sysenter_esp),
    FIELD_U64(struct x86_msrs, sysenter_eip),
    FIELD_U64(struct x86_msrs, apic_base),
    FIELD_U64(struct x86_msrs, pat),
    FIELD_U64(struct x86_msrs, tsc_aux),
    FIELD_U64(struct x86_msrs, misc_enable),
    FIELD_U64(struct x86_msrs, spec_ctrl),
    FIELD_U64(struct x86_msrs, xss),
    FIELD_U64(struct x86_msrs, debugctl),
    FIELD_U64(struct x86_msrs, mtrr_def_type),
    FIELD_U64_ARRAY(struct x86_msrs, mtrr_fixed),
    FIELD_U64_ARRAY(struct x86_msrs, mtrr_base),
    FIELD_U64_ARRAY(struct x86_msrs, mtrr_mask),
    FIELD_U64(struct x86_msrs, mcg_status),
    FIELD_U64(struct x86_msrs, mcg_ctl),
    FIELD_U64(struct x86_msrs, tsc_deadline),
    FIELD_U64(struct x86_msrs, tsc_adjust),
    FIELD_END,
};

static const struct field fpu_fields[] = {
    FIELD_BYTES(struct x86_fpu, st),
    FIELD_U16(struct x86_fpu, fcw),
    FIELD_U16(struct x86_fpu, fsw),
    FIELD_U8(struct x86_fpu, ftw),
    FIELD_U16(struct x86_fpu, fop),
    FIELD_U64(struct x86_fpu, fip),
    FIELD_U64(struct x86_fpu, fdp),
    FIELD_U16(struct x86_fpu, fcs),
    FIELD_U16(struct x86_fpu, fds),
    FIELD_END,
};

const struct field x86_state_fields[] = {
    FIELD_U64_ARRAY(struct x86_state, gpr),
    FIELD_U64(struct x86_state, rip),
    FIELD_U64(struct x86_state, rflags),
    FIELD_STRUCT_ARRAY(struct x86_state, seg, segment_fields),
    FIELD_STRUCT(struct x86_state, ldtr, segment_fields),
    FIELD_STRUCT(struct x86_state, tr, segment_fields),
    FIELD_STRUCT(struct x86_state, gdtr, table_fields),
    FIELD_STRUCT(struct x86_state, idtr, table_fields),
    FIELD_U64(struct x86_state, cr0),
    FIELD_U64(struct x86_state, cr2),
    FIELD_U64(struct x86_state, cr3),
    FIELD_U64(struct x86_state, cr4),
    FIELD_U64(struct x86_state, cr8),
    FIELD_U64_ARRAY(struct x86_state, pdpte),
    FIELD_U64_ARRAY(struct x86_state, dr),
    FIELD_U64(struct x86_state, xcr0),
    FIELD_STRUCT(struct x86_state, msr, msr_fields),
    FIELD_STRUCT(struct x86_state, fpu, fpu_fields),
    FIELD_BYTES(struct x86_state, ymm),
    FIELD_U32(struct x86_state, mxcsr),
    FIELD_U64(struct x86_state, tsc),
    FIELD_U32(struct x86_state, activity),
    FIELD_BOOL(struct x86_state, nmi_blocked),
    FIELD_BOOL(struct x86_state, nmi_pending),
    FIELD_BOOL(struct x86_state, shadow_sti),
    FIELD_BOOL(struct x86_state, shadow_mov_ss),
    FIELD_BOOL(struct x86_state, smm),
    FIELD_BOOL(struct x86_state, smi_pending),
    FIELD_U32(struct x86_state, smbase),
    FIELD_BOOL(struct x86_state, a20),
    FIELD_BOOL(struct x86_state, intr),
    FIELD_END,
};

static void segment_reset(struct x86_segment *seg, uint16_t selector, uint64_t base, uint32_t attr)
{
    *seg = (struct x86_segment){ .base = base, .limit = 0xffff, .attr = attr, .selector = selector };
}

/* What survives INIT: caches' control bits, FPU and SIMD state, MSRs, TSC (SDM volume 3, table 10-1). */
static void keep_over_init(struct x86_state *state, const struct x86_state *old)
{
    state->cr0 |= old->cr0 & (CR0_CD | CR0_NW);
    if (!(old->cr0 & CR0_CD)) {
        state->cr0 &= ~(uint64_t)CR0_CD;
    }
    if (!(old->cr0 & CR0_NW)) {
        state->cr0 &= ~(uint64_t)CR0_NW;
    }
    state->msr = old->msr;
    state->msr.efer = 0;
    state->fpu = old->fpu;
    memcpy(state->ymm, old->ymm, sizeof(state->ymm));
    state->mxcsr = old->mxcsr;
    state->xcr0 = old->xcr0;
    state->tsc = old->tsc;
    state->smbase = old->smbase;
}

void x86_state_reset(struct x86_state *state, bool init, uint32_t cpu_signature)
{
    struct x86_state old = *state;
    memset(state, 0, sizeof(*state));
    state->gpr[RDX] = cpu_signature;
    state->rip = 0xfff0;
    state->rflags = FLAG_1;
    for (unsigned i = 0; i < 6; i++) {
        segment_reset(&state->seg[i], 0, 0, SEG_P | SEG_S | SEG_W | SEG_A);
    }
    segment_reset(&state->seg[CS], 0xf000, 0xffff0000, SEG_P | SEG_S | SEG_CODE | SEG_R | SEG_A);
    segment_reset(&state->ldtr, 0, 0, SEG_P | 2u << SEG_TYPE_SHIFT);
    segment_reset(&state->tr, 0, 0, SEG_P | 11u << SEG_TYPE_SHIFT);
    state->gdtr.limit = state->idtr.limit = 0xffff;
    state->cr0 = CR0_CD | CR0_NW | CR0_ET;
    state->dr[6] = 0xffff0ff0;
    state->dr[7] = 0x400;
    state->xcr0 = 1;
    state->fpu.fcw = 0x40;
    state->mxcsr = 0x1f80;
    state->msr.pat = 0x0007040600070406ull;
    state->msr.apic_base = 0xfee00900;
    state->msr.misc_enable = 1;
    state->smbase = 0x30000;
    state->activity = X86_ACTIVE;
    state->a20 = old.a20;
    state->intr = old.intr;
    if (init) {
        keep_over_init(state, &old);
    }
}

/* ---- info registers ---- */

static void dump_segment(GString *out, const char *name, const struct x86_segment *s, bool wide,
                         bool protected_mode, bool long_mode)
{
    static const char *const system_type[2][16] = {
        { "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16",
          "TrapGate16", "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved",
          "IntGate32", "TrapGate32" },
        { "<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved",
          "Reserved", "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64", "Reserved", "IntGate64",
          "TrapGate64" },
    };
    uint32_t raw_limit = s->attr & SEG_G ? s->limit >> 12 : s->limit;
    uint32_t flags = s->attr | (raw_limit & 0xf0000);
    g_string_append_printf(out, "%-3s=%04x %0*" PRIx64 " %08x %08x", name, s->selector, wide ? 16 : 8,
                           wide ? s->base : s->base & 0xffffffff, s->limit, flags);
    if (protected_mode && s->attr & SEG_P) {
        unsigned dpl = (s->attr & SEG_DPL) >> SEG_DPL_SHIFT;
        g_string_append_printf(out, " DPL=%u ", dpl);
        if (!(s->attr & SEG_S)) {
            g_string_append(out, system_type[long_mode][s->attr >> SEG_TYPE_SHIFT & 15]);
        } else if (s->attr & SEG_CODE) {
            g_string_append_printf(out, "%s [%c%c", s->attr & SEG_L ? "CS64" : s->attr & SEG_DB ? "CS32" : "CS16",
                                   s->attr & SEG_C ? 'C' : '-', s->attr & SEG_R ? 'R' : '-');
        } else {
            g_string_append_printf(out, "%s [%c%c", s->attr & SEG_DB || long_mode ? "DS  " : "DS16",
                                   s->attr & SEG_E ? 'E' : '-', s->attr & SEG_W ? 'W' : '-');
        }
        if (s->attr & SEG_S) {
            g_string_append_printf(out, "%c]", s->attr & SEG_A ? 'A' : '-');
        }
    }
    g_string_append_c(out, '\n');
}

static void dump_gprs(GString *out, const struct x86_state *s, bool wide)
{
    static const char *const name32[] = { "EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI" };
    static const char *const name64[] = { "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI" };
    static const uint8_t order[] = { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP };
    for (unsigned i = 0; i < 8; i++) {
        unsigned r = order[i];
        g_string_append_printf(out, "%s=%0*" PRIx64 "%c", wide ? name64[r] : name32[r], wide ? 16 : 8,
                               wide ? s->gpr[r] : s->gpr[r] & 0xffffffff, i % 4 == 3 ? '\n' : ' ');
    }
    for (unsigned r = 8; wide && r < 16; r++) {
        g_string_append_printf(out, "R%-2u=%016" PRIx64 "%c", r, s->gpr[r], r % 4 == 3 ? '\n' : ' ');
    }
}

static void dump_rip(GString *out, const struct x86_state *s, bool wide)
{
    uint64_t f = s->rflags;
    unsigned cpl = f & FLAG_VM ? 3 : s->cr0 & CR0_PE ? (s->seg[SS].attr & SEG_DPL) >> SEG_DPL_SHIFT : 0;
    g_string_append_printf(out, "%s=%0*" PRIx64 " %s=%08x [%c%c%c%c%c%c%c] CPL=%u II=%d A20=%d SMM=%d HLT=%d\n",
                           wide ? "RIP" : "EIP", wide ? 16 : 8, wide ? s->rip : s->rip & 0xffffffff,
                           wide ? "RFL" : "EFL", (unsigned)f, f & FLAG_DF ? 'D' : '-',
                           f & FLAG_OF ? 'O' : '-', f & FLAG_SF ? 'S' : '-', f & FLAG_ZF ? 'Z' : '-',
                           f & FLAG_AF ? 'A' : '-', f & FLAG_PF ? 'P' : '-', f & FLAG_CF ? 'C' : '-', cpl,
                           s->shadow_sti || s->shadow_mov_ss, s->a20, s->smm, s->activity == X86_HALTED);
}

static void dump_control(GString *out, const struct x86_state *s, bool long_mode)
{
    int w = long_mode ? 16 : 8;
    g_string_append_printf(out, "GDT=     %0*" PRIx64 " %08x\n", w, s->gdtr.base, s->gdtr.limit);
    g_string_append_printf(out, "IDT=     %0*" PRIx64 " %08x\n", w, s->idtr.base, s->idtr.limit);
    g_string_append_printf(out, "CR0=%08x CR2=%0*" PRIx64 " CR3=%0*" PRIx64 " CR4=%08x\n", (unsigned)s->cr0, w,
                           s->cr2, w, s->cr3, (unsigned)s->cr4);
    for (unsigned i = 0; i < 4; i++) {
        g_string_append_printf(out, "DR%u=%016" PRIx64 " ", i, s->dr[i]);
    }
    g_string_append_printf(out, "\nDR6=%016" PRIx64 " DR7=%016" PRIx64 "\n", s->dr[6], s->dr[7]);
    g_string_append_printf(out, "EFER=%016" PRIx64 "\n", s->msr.efer);
}

static void dump_fpu(GString *out, const struct x86_state *s, bool wide)
{
    unsigned top = s->fpu.fsw >> 11 & 7;
    g_string_append_printf(out, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n", s->fpu.fcw, s->fpu.fsw, top,
                           s->fpu.ftw, s->mxcsr);
    for (unsigned i = 0; i < 8; i++) {
        /* Physical register i is ST(i - TOP). */
        const uint8_t *st = s->fpu.st[(i - top) & 7];
        uint64_t mantissa;
        uint16_t exponent;
        memcpy(&mantissa, st, 8);
        memcpy(&exponent, st + 8, 2);
        g_string_append_printf(out, "FPR%u=%016" PRIx64 " %04x%c", i, mantissa, exponent, i & 1 ? '\n' : ' ');
    }
    unsigned vectors = wide ? 16 : 8;
    bool avx = (s->xcr0 & XCR0_YMM) != 0;
    for (unsigned i = 0; i < vectors && avx; i++) {
        g_string_append_printf(out, "YMM%02u=%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", i,
                               s->ymm[i][3], s->ymm[i][2], s->ymm[i][1], s->ymm[i][0]);
    }
    for (unsigned i = 0; i < vectors && !avx; i++) {
        g_string_append_printf(out, "XMM%02u=%016" PRIx64 " %016" PRIx64 "%c", i, s->ymm[i][1], s->ymm[i][0],
                               i & 1 ? '\n' : ' ');
    }
}

void x86_state_dump(const struct x86_state *s, unsigned cpu_index, GString *out)
{
    static const char *const seg_name[] = { "ES ", "CS ", "SS ", "DS ", "FS ", "GS " };
    bool long_mode = s->msr.efer & EFER_LMA;
    bool wide = long_mode && s->seg[CS].attr & SEG_L;
    bool protected_mode = s->cr0 & CR0_PE;
    g_string_append_printf(out, "\nCPU#%u\n", cpu_index);
    dump_gprs(out, s, wide);
    dump_rip(out, s, wide);
    for (unsigned i = 0; i < 6; i++) {
        dump_segment(out, seg_name[i], &s->seg[i], wide, protected_mode, long_mode);
    }
    dump_segment(out, "LDT", &s->ldtr, wide, protected_mode, long_mode);
    dump_segment(out, "TR ", &s->tr, wide, protected_mode, long_mode);
    dump_control(out, s, long_mode);
    dump_fpu(out, s, wide);
}
