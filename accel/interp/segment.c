/*
 * Loading segment registers, and everything derived from them: the mode word, the fast limits, the TLB bank.
 * See segment.h.
 *
 * In real mode a load changes selector and base only, so limits set in protected mode stay ("unreal mode"); a
 * register that was null gets 64 KiB back.
 */
#include "accel/interp/segment.h"

#include "accel/interp/breaks.h"
#include "accel/interp/debug.h"
#include "accel/interp/tlb.h"

#define ATTR_MASK 0x00f0ff00u
#define REAL_DATA (SEG_P | SEG_S | SEG_W | SEG_A)
#define REAL_CODE (REAL_DATA | SEG_CODE)
#define V86_ATTR (REAL_DATA | SEG_DPL)

uint32_t desc_base(const struct descriptor *d)
{
    return d->lo >> 16 | (d->hi & 0xff) << 16 | (d->hi & 0xff000000);
}

uint32_t desc_limit(const struct descriptor *d)
{
    uint32_t limit = (d->lo & 0xffff) | (d->hi & 0xf0000);
    return (d->hi & SEG_G) != 0 ? limit << 12 | 0xfff : limit;
}

bool desc_read(struct cpu *cpu, uint16_t selector, struct descriptor *d, bool wide)
{
    uint64_t base = cpu->s.gdtr.base;
    uint64_t limit = cpu->s.gdtr.limit;
    unsigned offset = selector & ~7u;

    if ((selector & 4) != 0) {
        if ((cpu->s.ldtr.attr & SEG_P) == 0) {
            return false;
        }
        base = cpu->s.ldtr.base;
        limit = cpu->s.ldtr.limit;
    }
    if (offset + (wide ? 15u : 7u) > limit) {
        return false;
    }
    d->linear = base + offset;
    uint64_t raw = lin_read_system(cpu, NULL, d->linear, 8);
    d->lo = (uint32_t)raw;
    d->hi = (uint32_t)(raw >> 32);
    d->high_base = d->last = 0;
    if (wide) {
        raw = lin_read_system(cpu, NULL, d->linear + 8, 8);
        d->high_base = (uint32_t)raw;
        d->last = (uint32_t)(raw >> 32);
    }
    return true;
}

void desc_set_accessed(struct cpu *cpu, struct descriptor *d)
{
    if ((d->hi & SEG_A) == 0) {
        d->hi |= SEG_A;
        lin_write_system(cpu, NULL, d->linear + 5, d->hi >> 8 & 0xff, 1);
    }
}

void desc_set_busy(struct cpu *cpu, struct descriptor *d, bool busy)
{
    d->hi = busy ? d->hi | 1u << 9 : d->hi & ~(1u << 9);
    lin_write_system(cpu, NULL, d->linear + 5, d->hi >> 8 & 0xff, 1);
}

struct x86_segment desc_segment(uint16_t selector, const struct descriptor *d)
{
    return (struct x86_segment){ .base = desc_base(d) | (uint64_t)d->high_base << 32,
                                 .limit = desc_limit(d),
                                 .attr = d->hi & ATTR_MASK,
                                 .selector = selector };
}

struct x86_segment segment_null(uint16_t selector)
{
    return (struct x86_segment){ .selector = selector };
}

void segment_set(struct cpu *cpu, unsigned seg, const struct x86_segment *value)
{
    cpu->s.seg[seg] = *value;
    cpu_update_segment(cpu, seg);
}

void segment_set_real(struct cpu *cpu, unsigned seg, uint16_t selector)
{
    struct x86_segment *s = &cpu->s.seg[seg];
    if ((cpu->eflags & FLAG_VM) != 0) {
        s->limit = 0xffff;
        s->attr = V86_ATTR;
    } else if ((s->attr & SEG_P) == 0) {
        s->limit = 0xffff;
        s->attr = seg == CS ? REAL_CODE : REAL_DATA;
    } else {
        s->attr = (s->attr & (SEG_G | SEG_DB | SEG_AVL)) | (seg == CS ? REAL_CODE : REAL_DATA);
    }
    s->selector = selector;
    s->base = (uint32_t)selector << 4;
    cpu_update_segment(cpu, seg);
}

/* Null selector: never for CS; for SS only in 64-bit mode below level 3, with the level as RPL. */
static struct x86_segment prepare_null(struct cpu *cpu, unsigned seg, uint16_t selector)
{
    struct x86_segment s = segment_null(selector);
    if (seg == SS) {
        if ((cpu->mode & MODE_CODE64) == 0 || cpu->cpl == 3 || (selector & 3) != cpu->cpl) {
            cpu_fault(cpu, NULL, EXC_GP, 0);
        }
        s.attr = (uint32_t)cpu->cpl << SEG_DPL_SHIFT; /* SS.DPL is the CPL */
    }
    return s;
}

struct x86_segment segment_prepare(struct cpu *cpu, unsigned seg, uint16_t selector)
{
    struct descriptor d;
    unsigned rpl = selector & 3;

    if ((selector & SEL_INDEX) == 0) {
        return prepare_null(cpu, seg, selector);
    }
    if (seg == SS) {
        return segment_prepare_stack(cpu, selector, cpu->cpl, EXC_GP, 0);
    }
    if (!desc_read(cpu, selector, &d, false)) {
        cpu_fault(cpu, NULL, EXC_GP, selector & SEL_INDEX);
    }
    bool code = desc_is_code(&d);
    if ((d.hi & SEG_S) == 0 || (code && (d.hi & SEG_R) == 0)) {
        cpu_fault(cpu, NULL, EXC_GP, selector & SEL_INDEX);
    }
    if (!(code && (d.hi & SEG_C) != 0) && (desc_dpl(&d) < rpl || desc_dpl(&d) < cpu->cpl)) {
        cpu_fault(cpu, NULL, EXC_GP, selector & SEL_INDEX);
    }
    if (!desc_is_present(&d)) {
        cpu_fault(cpu, NULL, EXC_NP, selector & SEL_INDEX);
    }
    desc_set_accessed(cpu, &d);
    return desc_segment(selector, &d);
}

struct x86_segment segment_prepare_stack(struct cpu *cpu, uint16_t selector, unsigned cpl,
                                         enum x86_vector vector, uint32_t ext)
{
    struct descriptor d;
    uint32_t error = (selector & SEL_INDEX) | ext;

    if ((selector & SEL_INDEX) == 0) {
        cpu_fault(cpu, NULL, vector, ext);
    }
    if (!desc_read(cpu, selector, &d, false) || (selector & 3u) != cpl || desc_dpl(&d) != cpl ||
        !desc_is_writable_data(&d)) {
        cpu_fault(cpu, NULL, vector, error);
    }
    if (!desc_is_present(&d)) {
        cpu_fault(cpu, NULL, EXC_SS, error);
    }
    desc_set_accessed(cpu, &d);
    return desc_segment(selector, &d);
}

struct x86_segment segment_prepare_ldt(struct cpu *cpu, uint16_t selector, enum x86_vector vector)
{
    struct descriptor d;
    if ((selector & SEL_INDEX) == 0) {
        return segment_null(selector);
    }
    if ((selector & 4) != 0 || !desc_read(cpu, selector, &d, in_long_mode(cpu)) ||
        (d.hi & SEG_S) != 0 || desc_type(&d) != SYSTEM_LDT) {
        cpu_fault(cpu, NULL, vector, selector & SEL_INDEX);
    }
    if (!desc_is_present(&d)) {
        cpu_fault(cpu, NULL, vector == EXC_TS ? EXC_TS : EXC_NP, selector & SEL_INDEX);
    }
    struct x86_segment s = desc_segment(selector, &d);
    if (!is_canonical(s.base)) {
        cpu_fault(cpu, NULL, EXC_GP, selector & SEL_INDEX);
    }
    return s;
}

void segment_load(struct cpu *cpu, unsigned seg, uint16_t selector)
{
    if (!in_protected_mode(cpu)) {
        segment_set_real(cpu, seg, selector);
        return;
    }
    struct x86_segment s = segment_prepare(cpu, seg, selector);
    segment_set(cpu, seg, &s);
}

void segment_drop_inner(struct cpu *cpu)
{
    static const uint8_t data[] = { ES, DS, FS, GS };
    for (unsigned i = 0; i < G_N_ELEMENTS(data); i++) {
        const struct x86_segment *s = &cpu->s.seg[data[i]];
        bool conforming = (s->attr & (SEG_CODE | SEG_C)) == (SEG_CODE | SEG_C);
        if ((s->attr & SEG_P) != 0 && !conforming && (s->attr >> SEG_DPL_SHIFT & 3) < cpu->cpl) {
            /* In 64-bit mode the hidden base of FS and GS outlives this on most CPUs. */
            struct x86_segment null = segment_null(0);
            null.base = in_long_mode(cpu) ? s->base : 0;
            segment_set(cpu, data[i], &null);
        }
    }
}

/* ---- derived state ---- */

/* The first offset at which an access is not fast. */
static uint64_t fast_end(const struct cpu *cpu, const struct x86_segment *s, bool write)
{
    if ((cpu->mode & (MODE_PE | MODE_V86)) == MODE_PE) {
        bool code = (s->attr & SEG_CODE) != 0;
        if (write ? code || (s->attr & SEG_W) == 0 : code && (s->attr & SEG_R) == 0) {
            return 0;
        }
    }
    /* Wrapping at 4 GiB is left to the slow path. */
    uint64_t room = s->base <= 0xffffffffu ? 0x100000000u - s->base : 0;
    return s->limit < room ? s->limit + 1ull : room;
}

static inline bool is_flat(const struct seg_fast *f)
{
    return f->base == 0 && f->read_end == 1ull << 32 && f->write_end == 1ull << 32;
}

/* Not in long mode, where sums beyond 32 bits could meet translations of 64-bit code. */
static inline void update_flat(struct cpu *cpu)
{
    if ((cpu->mode & MODE_LMA) == 0) {
        bool flat = is_flat(&cpu->segf[DS]) && is_flat(&cpu->segf[ES]) && is_flat(&cpu->segf[SS]);
        cpu->mode = flat ? cpu->mode | MODE_FLAT : cpu->mode & ~MODE_FLAT;
    }
}

static struct seg_fast seg_fast(const struct cpu *cpu, unsigned i)
{
    const struct x86_segment *s = &cpu->s.seg[i];
    bool code64 = (cpu->mode & MODE_CODE64) != 0;
    struct seg_fast f = { .base = code64 && i != FS && i != GS ? 0 : s->base };

    if (cpu->data_breakpoints || cpu->alignment_check) {
        return f;
    }
    if (code64) {
        f.read_end = f.write_end = UINT64_MAX;
        return f;
    }
    if ((s->attr & SEG_P) != 0 && (s->attr & (SEG_CODE | SEG_E)) != SEG_E) {
        f.read_end = fast_end(cpu, s, false);
        f.write_end = fast_end(cpu, s, true);
    }
    return f;
}

void cpu_update_segment(struct cpu *cpu, unsigned i)
{
    cpu->segf[i] = seg_fast(cpu, i);
    update_flat(cpu);
}

static uint32_t fpu_mode(const struct cpu *cpu)
{
    uint64_t cr0 = cpu->s.cr0, cr4 = cpu->s.cr4;
    uint32_t mode = 0;
    mode |= (cr0 & (CR0_EM | CR0_TS)) != 0 ? MODE_FPU_NM : 0;
    mode |= (cr0 & CR0_EM) != 0 ? MODE_FPU_EM : 0;
    mode |= (cr4 & CR4_OSFXSR) == 0 || (cr0 & CR0_EM) != 0 ? MODE_SSE_UD : 0;
    mode |= (cr0 & CR0_TS) != 0 ? MODE_SSE_NM : 0;
    mode |= (cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS) ? MODE_WAIT_NM : 0;
    if ((cr4 & CR4_OSXSAVE) == 0 || (cpu->s.xcr0 & 6) != 6 || (cr0 & CR0_PE) == 0 ||
        (cpu->eflags & FLAG_VM) != 0) {
        mode |= MODE_AVX_UD;
    }
    return mode;
}

static unsigned level(const struct cpu *cpu)
{
    if ((cpu->s.cr0 & CR0_PE) == 0) {
        return 0;
    }
    if ((cpu->eflags & FLAG_VM) != 0) {
        return 3;
    }
    return cpu->s.seg[SS].attr >> SEG_DPL_SHIFT & 3;
}

void cpu_update_mode(struct cpu *cpu)
{
    const struct x86_state *s = &cpu->s;
    uint32_t mode = fpu_mode(cpu);
    uint32_t cs = s->seg[CS].attr, before = cpu->mode;
    bool breakpoints = cpu->data_breakpoints, alignment = cpu->alignment_check;

    cpu->cpl = (uint8_t)level(cpu);
    mode |= (uint32_t)cpu->cpl << MODE_CPL_SHIFT;
    mode |= (s->msr.efer & EFER_LMA) != 0 ? MODE_LMA : 0;
    if ((mode & MODE_LMA) != 0 && (cs & SEG_L) != 0) {
        mode |= MODE_CODE64;
    } else {
        mode |= (cs & SEG_DB) != 0 ? MODE_CODE32 : 0;
        mode |= (s->seg[SS].attr & SEG_DB) != 0 ? MODE_STACK32 : 0;
    }
    mode |= (s->cr0 & CR0_PE) != 0 ? MODE_PE : 0;
    mode |= (cpu->eflags & FLAG_VM) != 0 ? MODE_V86 : 0;

    debug_update(cpu);
    bool single = (cpu->eflags & FLAG_TF) != 0 || (s->dr[7] & 0xff) != 0;
    if (single) {
        __atomic_fetch_or(&cpu->attention, CPU_ATTENTION_DEBUG, __ATOMIC_SEQ_CST);
    }
    mode |= single || cpu->stepping || cpu->shadow_single ? MODE_SINGLE : 0;
    cpu->alignment_check =
        cpu->cpl == 3 && (s->cr0 & CR0_AM) != 0 && (cpu->eflags & FLAG_AC) != 0;
    mode |= cpu->alignment_check ? MODE_ALIGN : 0;
    if (cpu->breaks != NULL) {
        breaks_mode(cpu, before, mode);
    }
    cpu->mode = mode; /* MODE_FLAT: below */
    cpu->tlb = cpu->tlb_bank[tlb_bank_of(cpu, cpu->cpl)];

    uint32_t for_segments = MODE_CODE64 | MODE_PE | MODE_V86;
    if (((mode ^ before) & for_segments) != 0 || breakpoints != cpu->data_breakpoints ||
        alignment != cpu->alignment_check) {
        for (unsigned i = 0; i < 6; i++) {
            cpu_update_segment(cpu, i);
        }
    }
    update_flat(cpu);
}
