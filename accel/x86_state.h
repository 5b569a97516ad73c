/*
 * The canonical state of one x86 CPU: what both engines can take over from and hand back to each other, what
 * is saved, compared and dumped. It follows the Intel SDM (volumes 1 and 3) and the AMD APM (volume 2).
 */
#ifndef ACCEL_X86_STATE_H
#define ACCEL_X86_STATE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"

enum x86_gpr { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };
enum x86_seg { ES, CS, SS, DS, FS, GS };

/* RFLAGS */
#define FLAG_CF (1u << 0)
#define FLAG_1 (1u << 1)
#define FLAG_PF (1u << 2)
#define FLAG_AF (1u << 4)
#define FLAG_ZF (1u << 6)
#define FLAG_SF (1u << 7)
#define FLAG_TF (1u << 8)
#define FLAG_IF (1u << 9)
#define FLAG_DF (1u << 10)
#define FLAG_OF (1u << 11)
#define FLAG_IOPL (3u << 12)
#define FLAG_IOPL_SHIFT 12
#define FLAG_NT (1u << 14)
#define FLAG_RF (1u << 16)
#define FLAG_VM (1u << 17)
#define FLAG_AC (1u << 18)
#define FLAG_VIF (1u << 19)
#define FLAG_VIP (1u << 20)
#define FLAG_ID (1u << 21)
#define FLAGS_STATUS (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define CR0_PE (1u << 0)
#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_ET (1u << 4)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_AM (1u << 18)
#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)
#define CR0_PG (1u << 31)

#define CR4_VME (1u << 0)
#define CR4_PVI (1u << 1)
#define CR4_TSD (1u << 2)
#define CR4_DE (1u << 3)
#define CR4_PSE (1u << 4)
#define CR4_PAE (1u << 5)
#define CR4_MCE (1u << 6)
#define CR4_PGE (1u << 7)
#define CR4_PCE (1u << 8)
#define CR4_OSFXSR (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP (1u << 11)
#define CR4_FSGSBASE (1u << 16)
#define CR4_PCIDE (1u << 17)
#define CR4_OSXSAVE (1u << 18)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)

#define XCR0_YMM (1u << 2)
#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NXE (1u << 11)

/* Segment attributes are kept where the descriptor's high doubleword has them, bits 8-15 and 20-23. */
#define SEG_TYPE_SHIFT 8
#define SEG_A (1u << 8)   /* accessed */
#define SEG_W (1u << 9)   /* data: writable */
#define SEG_R (1u << 9)   /* code: readable */
#define SEG_E (1u << 10)  /* data: expand-down */
#define SEG_C (1u << 10)  /* code: conforming */
#define SEG_CODE (1u << 11)
#define SEG_S (1u << 12)  /* code or data, not system */
#define SEG_DPL_SHIFT 13
#define SEG_DPL (3u << 13)
#define SEG_P (1u << 15)
#define SEG_AVL (1u << 20)
#define SEG_L (1u << 21)
#define SEG_DB (1u << 22) /* D or B: 32-bit */
#define SEG_G (1u << 23)

struct x86_segment {
    uint64_t base;
    uint32_t limit;    /* bytes, after granularity */
    uint32_t attr;     /* SEG_*; 0 (P clear) = unusable */
    uint16_t selector;
};

struct x86_table { /* GDTR, IDTR */
    uint64_t base;
    uint16_t limit;
};

#define X86_MTRR_VARIABLE 8

struct x86_msrs {
    uint64_t efer, star, lstar, cstar, fmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t apic_base, pat, tsc_aux, misc_enable, spec_ctrl, xss, debugctl;
    uint64_t mtrr_def_type, mtrr_fixed[11];
    uint64_t mtrr_base[X86_MTRR_VARIABLE], mtrr_mask[X86_MTRR_VARIABLE];
    uint64_t mcg_status, mcg_ctl, tsc_deadline, tsc_adjust;
};

enum x86_activity { X86_ACTIVE, X86_HALTED, X86_WAIT_SIPI, X86_SHUTDOWN };

struct x86_fpu {
    uint8_t st[8][16];  /* 80-bit values, ST(0) first as FXSAVE has them; bytes 10-15 are zero */
    uint16_t fcw;
    uint16_t fsw;       /* with TOP in bits 11-13 */
    uint8_t ftw;        /* abridged: bit i = physical register i is not empty */
    uint16_t fop;
    uint64_t fip, fdp;
    uint16_t fcs, fds;
};

struct x86_state {
    uint64_t gpr[16];
    uint64_t rip;
    uint64_t rflags; /* complete, bit 1 set */
    struct x86_segment seg[6], ldtr, tr;
    struct x86_table gdtr, idtr;
    uint64_t cr0, cr2, cr3, cr4, cr8;
    uint64_t pdpte[4]; /* PAE paging: loaded with CR3 */
    uint64_t dr[8];    /* 4 and 5 not used */
    uint64_t xcr0;
    struct x86_msrs msr;
    struct x86_fpu fpu;
    uint64_t ymm[16][4]; /* low half = XMM */
    uint32_t mxcsr;
    uint64_t tsc;        /* as the guest would read it */
    uint32_t activity;   /* enum x86_activity */
    bool nmi_blocked;    /* between NMI and IRET */
    bool nmi_pending;
    bool shadow_sti;     /* interrupts are held for one instruction after STI */
    bool shadow_mov_ss;  /* ... and debug traps too after MOV SS, POP SS */
    bool smm;
    bool smi_pending;
    uint32_t smbase;
    bool a20;            /* address line 20 is passed through */
    bool intr;           /* level of the INTR pin */
};

/* The field table: saving, loading, comparing, printing. */
extern const struct field x86_state_fields[];

/* Power-on or INIT (init true keeps what SDM table 10-1 says INIT keeps). */
void x86_state_reset(struct x86_state *state, bool init, uint32_t cpu_signature);

struct x86_cpuid;
/* For a state from a file: false and error if a CPU of this model cannot be in it (x86_state_check.c). */
bool x86_state_check(const struct x86_state *state, const struct x86_cpuid *cpuid, GError **error);

/* The block of `info registers` in QEMU's layout (docs/monitor.md), 32- or 64-bit by EFER.LMA. */
void x86_state_dump(const struct x86_state *state, unsigned cpu_index, GString *out);

#endif
