/*
 * The interpreter's CPU, its decoded instruction and trace.
 *
 * How it runs. The decoder turns straight runs of up to TRACE_MAX instructions within one 4 KiB page into a
 * trace: an array of fixed 32-byte records, each with the address of its handler. A handler does its work and
 * tail-calls the handler of the record after it; the last record of a trace looks up the next trace and
 * tail-calls into it. A trace is found again by the host address of its first byte and by the mode word, so
 * remapping of memory needs no invalidation. Everything that can be resolved at decode time is: mode checks,
 * operand form, sizes. So handlers have no mode tests.
 *
 * RIP is not kept up to date inside a trace: gpr[REG_RIP0] is the RIP of the first instruction of the running
 * trace, and insn->off is the distance from it; cpu->rip is valid only outside traces. A memory access that
 * misses the TLB goes down a slow path that gets the insn, and so knows the precise RIP; a fault leaves by
 * longjmp to the run loop and nothing architectural may have been changed before it.
 *
 * Flags are lazy: every arithmetic handler leaves fl_z, fl_s and fl_c (below), and whoever needs a flag
 * computes it from them without knowing which instruction ran.
 */
#ifndef ACCEL_INTERP_CPU_H
#define ACCEL_INTERP_CPU_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accel/x86_cpuid.h"
#include "accel/blackbox.h"
#include "accel/x86_state.h"

struct break_index;
struct breakpoints;
struct cpu;
struct insn;
struct machine;
struct ram;
struct trace_cache;
struct interp_memory;

typedef void insn_fn(struct cpu *cpu, const struct insn *insn);

/* Pseudo registers behind the 16 general ones, so that address computation needs no branches. */
#define REG_ZERO 16 /* always 0: absent base or index */
#define REG_RIP0 17 /* RIP of the running trace's first instruction: base of RIP-relative operands */
#define REG_4G 18   /* always 1 << 32: index of RIP-relative operands whose displacement from REG_RIP0 is more
                     * than 31 bits */
#define REG_COUNT 20

/* A decoded instruction. 32 bytes. */
struct insn {
    insn_fn *fn;
    uint64_t imm; /* immediate, sign-extended as the instruction wants it; for direct branches the target's
                   * distance from the trace's first instruction; ENTER: size | level << 16;
                   * far pointers: offset | selector << 32; moffs: the address */
    int32_t disp; /* displacement; for RIP-relative operands already relative to REG_RIP0; for direct branches
                   * the link: where the target's trace lies in the trace pool, 0 = not linked */
    uint8_t base, index, scale; /* gpr numbers (REG_ZERO if absent), shift count 0-3 */
    uint8_t asize;              /* address size: 0 = 16, 1 = 32, 2 = 64 bits */
    uint8_t seg;  /* enum x86_seg of the memory operand, overrides applied */
    uint8_t reg;  /* ModRM.reg (with REX.R), or the register in the opcode; 8-bit registers: byte offset
                   * into cpu->gpr (so AH is 1); segment, control, MMX, XMM numbers as they are */
    uint8_t rm;   /* ModRM.rm (with REX.B) of register forms; 8-bit registers: byte offset */
    uint8_t vreg; /* VEX.vvvv; for all others the stack address size: 0 = 16, 1 = 32, 2 = 64 bits */
    uint16_t off; /* first byte's distance from the trace's first byte */
    uint8_t n;    /* instructions before this one in the trace */
    uint8_t len;  /* bytes, 0 for the pseudo instruction that ends a trace */
};
_Static_assert(sizeof(struct insn) == 32, "two records a cache line");

#define TRACE_MAX 32

/* What decoding depends on. Traces of different mode words never mix. */
enum mode_bit {
    MODE_CODE32 = 1 << 0,   /* CS.D (never with MODE_CODE64) */
    MODE_CODE64 = 1 << 1,   /* long mode and CS.L */
    MODE_STACK32 = 1 << 2,  /* SS.B */
    MODE_PE = 1 << 3,       /* CR0.PE */
    MODE_V86 = 1 << 4,      /* EFLAGS.VM */
    MODE_CPL_SHIFT = 5,     /* two bits */
    MODE_CPL = 3 << 5,
    MODE_FPU_NM = 1 << 7,   /* x87 raises #NM (CR0.EM or TS); MMX then #NM for TS */
    MODE_FPU_EM = 1 << 8,   /* CR0.EM: MMX and SSE raise #UD */
    MODE_SSE_UD = 1 << 9,   /* SSE raises #UD (CR4.OSFXSR clear or EM) */
    MODE_SSE_NM = 1 << 10,  /* SSE and AVX raise #NM (CR0.TS) */
    MODE_AVX_UD = 1 << 11,  /* AVX raises #UD (CR4.OSXSAVE clear, XCR0 without YMM, or not protected) */
    MODE_LMA = 1 << 12,     /* EFER.LMA */
    MODE_SINGLE = 1 << 13,  /* traces of one instruction: TF, debug registers, monitor stepping */
    MODE_WAIT_NM = 1 << 14, /* CR0.MP and TS: FWAIT raises #NM */
    MODE_ALIGN = 1 << 17,   /* #AC is on: no handler may go round segf[] */
    MODE_FLAT = 1 << 18,    /* outside long mode: DS, ES and SS are 4 GiB from 0, and all accesses to them may be fast */
    /* Only in trace->mode, never in cpu->mode: */
    MODE_CUT = 1 << 15,     /* the page ends beyond the CS limit: trace is checked against it at each use */
    MODE_CROSS = 1 << 16,   /* one instruction that crosses a page: bytes are compared at each use */
};

/* A trace: header and records lie together in the trace cache's pool. */
struct trace {
    uintptr_t key;         /* host address of the first byte; 0 once invalidated */
    uint32_t mode;         /* cpu->mode it was decoded in */
    uint16_t bytes;        /* length of the code */
    uint8_t count;         /* records, without the pseudo end record */
    uint8_t room;          /* records there is room for, likewise */
    struct trace *next;    /* the trace that goes on behind this one in the same page, or NULL; to be followed
                            * only if its key is not 0 */
    struct trace *page_next; /* others with code in the same page, for invalidation */
    union {
        struct trace *hash_next;
        uintptr_t dead_key; /* of a dropped trace: the key it had */
    };
    struct insn insn[];
};

/* Software TLB: one bank each for supervisor and user accesses, direct-mapped. A tag is the linear page
 * address; any low bit set in it makes the fast compare fail and sends the access to the slow path. */
#define TLB_BITS 10
#define TLB_SIZE (1u << TLB_BITS)
enum tlb_bank { TLB_SUPERVISOR, TLB_USER, TLB_SUPERVISOR_NO_SMAP /* EFLAGS.AC set */, TLB_BANKS };
#define TLB_INVALID 1u    /* nothing here */
#define TLB_SLOW 2u       /* translated, but device, code page or dirty log: see slow path */
#define TLB_BESIDE 4u     /* with TLB_SLOW in a write tag: RAM, to be stored to directly if trace_spares() it */
struct tlb_entry {
    uint64_t read_tag, write_tag, exec_tag;
    uintptr_t addend; /* host address = linear address + addend */
};

/* What an access needs to know of a segment register. */
struct seg_fast {
    uint64_t base;        /* 0 in 64-bit mode but for FS and GS */
    uint64_t read_end;    /* first offset that a read may not touch without the slow path; 0 = none may */
    uint64_t write_end;
};

#define CPU_ATTENTION_INTR 1u    /* INTR pin high */
#define CPU_ATTENTION_NMI 2u
#define CPU_ATTENTION_INIT 4u
#define CPU_ATTENTION_KICK 8u    /* leave the run loop: park, events or timers to run */
#define CPU_ATTENTION_SHADOW 16u /* STI or MOV SS: one instruction without interrupts */
#define CPU_ATTENTION_DEBUG 32u  /* TF or a breakpoint trap is pending */
#define CPU_ATTENTION_SMI 64u
#define CPU_ATTENTION_SIPI 128u  /* start-up message, vector in sipi_vector */
#define CPU_ATTENTION_STOP 1024u /* leave with VCPU_DEBUG: a breakpoint of the debugger was met */
#define CPU_ATTENTION_LOG 2048u  /* leave each trace: -d exec or cpu */
#define CPU_ATTENTION_TLB 512u   /* dirty bits were fetched, or memory moved: drop cached translations */

struct cpu {
    /* Hot: first cache lines. */
    uint64_t gpr[REG_COUNT]; /* byte offsets into this array are the 8-bit register numbers */
    uint64_t fl_z;    /* ZF = (fl_z == 0) */
    uint64_t fl_s;    /* SF = bit 63 (results are stored sign-extended); PF = even parity of bits 0-7 */
    uint32_t fl_c;    /* carry-outs: bit 31 = CF, OF = bit 31 ^ bit 30, bit 3 = AF */
    uint32_t eflags;  /* all but the six status flags; bit 1 set */
    int64_t budget;   /* instructions until the run loop must look at clocks; counted down at trace ends, and
                       * by insn->n when a fault leaves the trace */
    uint32_t attention; /* CPU_ATTENTION_*; atomic, set by any thread */
    uint32_t mode;      /* enum mode_bit, kept up to date by cpu_update_mode() */
    struct tlb_entry *tlb; /* the bank for data accesses at the present CPL and AC */
    struct trace *trace;   /* the running trace */
    /* Code fetch, set by the run loop whenever it enters a trace: TLB bank, base of CS, and the highest RIP up to
     * which no page is cut by the CS limit. */
    struct tlb_entry *tlb_exec;
    uint64_t exec_base, exec_limit;
    struct seg_fast segf[6];
    uint64_t rip;          /* valid outside traces */

    /* A read-modify-write in progress: set by the read half, used by the write half. */
    struct {
        void *host;           /* direct store, or NULL: through phys[] */
        uint64_t phys[2];     /* guest physical; second only if the access crosses a page */
        uint8_t size, first;  /* bytes in all / in the first page */
    } rmw;

    /* Everything else in canonical form. gpr, rip, rflags, tsc of this copy are stale while running; base of
     * segments is the architectural one. */
    struct x86_state s __attribute__((aligned(64))); /* so that no vector register crosses a cache line */
    unsigned index;  /* CPU number */
    uint8_t cpl;

    /* x87 and SIMD control, see fpu.h. While guest code runs, MXCSR and the x87 control word in the host's
     * registers are the guest's with all exceptions masked; s.fpu.st is in physical order, s.fpu.fsw without TOP. */
    bool mxcsr_loaded;  /* the host registers are the guest's */
    bool simd_unmasked; /* the guest has unmasked a SIMD exception */
    bool fpu_slow;      /* the guest has unmasked an x87 exception, or one is pending */
    bool ignne;         /* level of the IGNNE# pin */
    uint8_t fpu_top;    /* physical register that is ST(0) */
    /* FERR# goes active: an x87 exception is pending and CR0.NE is 0. Set by the board (IRQ 13), may be NULL. */
    void (*ferr)(void *arg);
    void *ferr_arg;
    uint8_t simd_scratch[64]; /* a SIMD memory operand on its slow way; means nothing between instructions */

    sigjmp_buf fault_exit; /* to the run loop, after an exception was delivered */
    int exception_depth;   /* vector being delivered, for double faults; -1 if none */
    bool triple_fault;

    uint64_t icount;       /* instructions retired up to the last account */
    int64_t quantum;       /* budget at the last account: icount + quantum - budget were retired up to the start
                            * of the running trace */
    uint64_t run_end;      /* icount + spent at which interp_run() returns, 0 = no limit */
    uint64_t spent;        /* see cpu_spend(); since interp_run() began */
    struct machine *machine;
    const struct x86_cpuid *cpuid;
    struct trace_cache *traces; /* shared by all CPUs of the machine */
    uint64_t a20_mask;     /* ANDed to every physical address */
    uint64_t phys_mask;    /* MAXPHYADDR */
    uint64_t apic_page;    /* physical page of the local APIC's registers; ~0 = not there */
    uint8_t sipi_vector;   /* with CPU_ATTENTION_SIPI */
    bool shares_thread;    /* others run when this one gives up its slice */
    struct interp_memory *memory; /* the machine's memory as the engine sees it; shared by all CPUs */
    int64_t tsc_offset;    /* TSC = guest clock in ticks + this */
    bool tsc_host;         /* TSC = the host's, and writes do nothing: as on a KVM that cannot do better */

    /* Between instructions (interrupt.c). */
    uint64_t shadow_rip;    /* s.shadow_sti and s.shadow_mov_ss hold only while rip is still this */
    uint64_t shadow_count;  /* with shadow_single: interp_instructions() before the instruction in the shadow */
    uint64_t step_count;    /* 1 + interp_instructions() when the instruction was last cleared to run; or 0 */
    uint64_t step_rip;      /* of the instruction that runs with step_armed */
    uint32_t debug_pending; /* DR6 bits of breakpoint traps that the last instruction met */
    bool step_armed;        /* the running instruction began with EFLAGS.TF set */
    bool stepping;          /* the monitor wants traces of one instruction: in mode as MODE_SINGLE */
    bool shadow_single;     /* MODE_SINGLE is set to end an interrupt shadow in time */
    bool code_breakpoints;  /* DR7 enables an instruction breakpoint */
    bool data_breakpoints;  /* DR7 enables a data breakpoint: no access is fast */
    bool alignment_check;   /* CPL 3, CR0.AM, EFLAGS.AC: no access is fast */
    bool delivering;        /* an external interrupt or NMI is on its way to its handler */

    /* The debugger's breakpoints (breaks.h). */
    struct breakpoints *breaks; /* NULL: none set */
    const struct break_index *planted; /* what new traces check; NULL: nothing */
    uint64_t passed_count, passed_rip; /* execution that no code breakpoint stops: 1 + interp_instructions(), RIP */
    uint64_t raised_count, raised_rip; /* execution whose exceptions in `raised` (a bit each) were reported */
    uint32_t raised;
    bool hold_interrupts;   /* no NMI and no interrupt is taken: single step */
    uint64_t rmw_linear[2]; /* of cpu->rmw.phys */

    struct blackbox box;
    struct tlb_entry tlb_bank[TLB_BANKS][TLB_SIZE];
    /* Beside each entry: the guest physical page, and bitmaps of entries in use, global, from large pages. */
    uint64_t tlb_phys[TLB_BANKS][TLB_SIZE];
    uint64_t tlb_used[TLB_BANKS][TLB_SIZE / 64];
    uint64_t tlb_global[TLB_BANKS][TLB_SIZE / 64];
    uint64_t tlb_large[TLB_BANKS][TLB_SIZE / 64];
};

/* ---- helpers that every handler file uses ---- */

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Uses up n of the budget and of interp_run()'s limit without counting instructions: for what takes time and yet
 * retires nothing, so that clocks are served and the limit is kept all the same. */
static inline void cpu_spend(struct cpu *cpu, uint32_t n)
{
    cpu->budget -= n;
    cpu->quantum -= n;
    cpu->spent += n;
}

/* Goes on with the record after this one. Must be the last statement of a handler. */
#define NEXT(cpu, insn) return (insn)[1].fn((cpu), (insn) + 1)

static inline uint64_t insn_rip(const struct cpu *cpu, const struct insn *insn)
{
    return cpu->gpr[REG_RIP0] + insn->off;
}
/* RIP after the instruction; callers in 16-bit code mask it to 16 bits where the manual says so. */
static inline uint64_t insn_next_rip(const struct cpu *cpu, const struct insn *insn)
{
    return cpu->gpr[REG_RIP0] + insn->off + insn->len;
}

/* Effective address (offset in the segment). */
extern const uint64_t address_mask[3];
static inline uint64_t insn_ea(const struct cpu *cpu, const struct insn *insn)
{
    return (cpu->gpr[insn->base] + (cpu->gpr[insn->index] << insn->scale) + (int64_t)insn->disp) &
           address_mask[insn->asize];
}

static inline uint8_t *reg8(struct cpu *cpu, unsigned byte_offset)
{
    return (uint8_t *)cpu->gpr + byte_offset;
}
/* These store the whole register: what reads it next would wait for a shorter store to leave the store buffer. */
static inline void set_reg8(struct cpu *cpu, unsigned byte_offset, uint8_t v)
{
    uint64_t *r = &cpu->gpr[byte_offset / 8];
    unsigned shift = byte_offset % 8 * 8;
    *r = (*r & ~(0xffull << shift)) | (uint64_t)v << shift;
}
static inline void set_reg16(struct cpu *cpu, unsigned r, uint16_t v)
{
    uint64_t whole = (cpu->gpr[r] & ~0xffffull) | v;
    __asm__("" : "+r"(whole));
    cpu->gpr[r] = whole;
}
static inline void set_reg32(struct cpu *cpu, unsigned r, uint32_t v)
{
    cpu->gpr[r] = v; /* zero-extends in every mode: the upper half is not visible outside 64-bit mode */
}

/* Recomputes mode, the TLB bank, CPL-dependent and segment caches after any change of CS, SS, CR0, CR4, EFER,
 * XCR0, EFLAGS.VM/TF/AC or debug registers (segment.c). */
void cpu_update_mode(struct cpu *cpu);
/* Recomputes segf[i] from s.seg[i] and the mode, and MODE_FLAT (segment.c). */
void cpu_update_segment(struct cpu *cpu, unsigned i);

/* Whole RFLAGS from eflags and the lazy flags, and back (flags.h has the single ones). */
uint64_t cpu_rflags(const struct cpu *cpu);
void cpu_set_rflags(struct cpu *cpu, uint64_t rflags);

/* Canonical state out and in (interp.c). in: rebuilds every derived thing and flushes the TLB. */
void cpu_state_get(struct cpu *cpu, struct x86_state *state);
void cpu_state_put(struct cpu *cpu, const struct x86_state *state);

/* ---- faults (exception.c) ---- */

enum x86_vector {
    EXC_DE = 0, EXC_DB = 1, EXC_NMI = 2, EXC_BP = 3, EXC_OF = 4, EXC_BR = 5, EXC_UD = 6, EXC_NM = 7,
    EXC_DF = 8, EXC_TS = 10, EXC_NP = 11, EXC_SS = 12, EXC_GP = 13, EXC_PF = 14, EXC_MF = 16, EXC_AC = 17,
    EXC_MC = 18, EXC_XM = 19
};

/* Raises a fault at this instruction: restores RIP to its start, delivers the exception (which may nest into
 * a double or triple fault) and goes to the run loop. The error code is ignored for vectors without one.
 * insn may be NULL when cpu->rip is already the faulting instruction's. */
void cpu_fault(struct cpu *cpu, const struct insn *insn, enum x86_vector vector, uint32_t error)
    __attribute__((noreturn, cold));
/* As cpu_fault for a page fault; sets CR2. */
void cpu_page_fault(struct cpu *cpu, const struct insn *insn, uint64_t linear, uint32_t error)
    __attribute__((noreturn, cold));
/* A handler that raises #UD; the decoder puts it where nothing else fits. */
insn_fn op_ud, op_gp0, op_nm;

#endif
