/*
 * The interpreter's side: the bench's CPU at CPL 3 with Linux's selectors. Exceptions go through an IDT to one
 * HLT for each vector; so does the #GP of the HLT that stands behind the instruction and ends the case.
 */
#include "accel/interp/fpu.h"
#include "accel/interp/interrupt.h"
#include "tests/diff/diff.h"

#define GDT 0x1000u
#define LDT 0x1800u
#define IDT 0x2000u
#define TSS 0x3000u
#define HANDLERS_AT 0x4000u /* two bytes for each vector */
#define STACK_TOP 0x8000u

static void put64(struct diff *d, uint64_t address, uint64_t value)
{
    memcpy(interp_bench_at(&d->bench, address), &value, sizeof(value));
}

static struct x86_segment flat(uint16_t selector, uint32_t attr)
{
    return (struct x86_segment){ 0, UINT32_MAX, attr | SEG_G | SEG_P | SEG_S | SEG_A, selector };
}

void guest_begin(struct diff *d)
{
    static const uint64_t gdt[] = { 0, 0x00cf9b000000ffff, 0x00af9b000000ffff, 0x00cf93000000ffff,
                                    0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff, 0 };
    struct x86_state s;
    interp_bench_begin(&d->bench, 64);
    for (unsigned f = 0; f < X86_FEATURE_COUNT; f++) {
        if (!interp_host_supports(f)) {
            d->bench.cpuid.features[f / 64] &= ~(1ull << (f % 64));
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(gdt); i++) {
        put64(d, GDT + 8 * i, gdt[i]);
    }
    for (unsigned v = 0; v < 256; v++) {
        uint64_t offset = HANDLERS_AT + 2 * v, dpl = v == 3 || v == 4 ? 0x6000 : 0;
        put64(d, IDT + 16 * v, (offset & 0xffff) | 0x10 << 16 | (0x8e00 | dpl) << 32 | offset >> 16 << 48);
        put64(d, IDT + 16 * v + 8, 0);
        interp_bench_code(&d->bench, offset, "\xf4", 1);
    }
    put64(d, LDT, 0x10cff3000000ffff);
    put64(d, TSS + 4, STACK_TOP);
    put64(d, TSS + 100, 104ull << 16);
    cpu_state_get(d->bench.cpu, &s);
    s.gdtr = (struct x86_table){ GDT, sizeof(gdt) - 1 };
    s.ldtr = (struct x86_segment){ LDT, 7, SEG_P | 2u << SEG_TYPE_SHIFT, 0x50 };
    s.idtr = (struct x86_table){ IDT, 4095 };
    s.tr = (struct x86_segment){ TSS, 103, SEG_P | 11u << SEG_TYPE_SHIFT, 0x40 };
    s.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM;
    s.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE;
    s.xcr0 = 7;
    s.seg[CS] = flat(USER_CS64, SEG_CODE | SEG_R | SEG_DPL | SEG_L);
    s.seg[SS] = s.seg[DS] = s.seg[ES] = flat(USER_DS, SEG_W | SEG_DPL | SEG_DB);
    s.seg[FS] = s.seg[GS] = (struct x86_segment){ 0 };
    memcpy(d->segments, s.seg, sizeof(d->segments));
    cpu_state_put(d->bench.cpu, &s);
}

static void set_segments(struct diff *d, unsigned bits)
{
    struct cpu *cpu = d->bench.cpu;
    memcpy(cpu->s.seg, d->segments, sizeof(d->segments));
    if (bits == 32) {
        cpu->s.seg[CS] = flat(USER_CS32, SEG_CODE | SEG_R | SEG_DPL | SEG_DB);
        cpu->s.seg[GS] = flat(USER_GS32, SEG_W | SEG_DPL | SEG_DB);
        cpu->s.seg[GS].base = GS_BASE;
    } else {
        cpu->s.seg[GS].base = GS_BASE;
    }
    cpu->cpl = 3;
    cpu_update_mode(cpu);
    for (unsigned i = 0; i < 6; i++) {
        cpu_update_segment(cpu, i);
    }
}

uint32_t guest_mode(struct diff *d, unsigned bits)
{
    cpu_set_rflags(d->bench.cpu, FLAG_1 | FLAG_IF);
    set_segments(d, bits);
    return d->bench.cpu->mode;
}

static void load(struct diff *d, const struct diff_case *c)
{
    const struct diff_state *s = &c->start;
    struct cpu *cpu = d->bench.cpu;
    struct x86_fpu *f = &cpu->s.fpu;
    memcpy(&f->fcw, s->fx + FX_FCW, 2);
    memcpy(&f->fsw, s->fx + FX_FSW, 2);
    f->ftw = s->fx[FX_FTW];
    for (unsigned i = 0; i < 8; i++) {
        memcpy(f->st[i], s->fx + FX_ST + 16 * i, 16);
    }
    memcpy(&cpu->s.mxcsr, s->fx + FX_MXCSR, 4);
    for (unsigned i = 0; i < 16; i++) {
        memcpy(&cpu->s.ymm[i][0], s->fx + FX_XMM + 16 * i, 16);
        memcpy(&cpu->s.ymm[i][2], s->fx + FX_YMM + 16 * i, 16);
    }
    memcpy(cpu->gpr, s->gpr, sizeof(s->gpr));
    fpu_state_put(cpu);
    cpu->s.shadow_sti = cpu->s.shadow_mov_ss = cpu->shadow_single = false;
    cpu->s.activity = X86_ACTIVE;
    cpu->triple_fault = false;
    cpu->exception_depth = -1;
    cpu_set_rflags(cpu, s->rflags);
    set_segments(d, c->form->bits);
    cpu->rip = BENCH_CODE;
    memcpy(interp_bench_at(&d->bench, BENCH_DATA), s->data, DATA_SIZE);
    interp_bench_code(&d->bench, BENCH_CODE, c->code, c->size);
    interp_bench_code(&d->bench, BENCH_CODE + c->size, "\xf4", 1);
    interp_bench_code(&d->bench, BENCH_CODE + TAKEN_AT, "\xf4", 1);
}

static void store_fpu(struct cpu *cpu, struct diff_state *out)
{
    static struct x86_state x;
    x.fpu = cpu->s.fpu;
    x.mxcsr = cpu->s.mxcsr;
    memcpy(x.ymm, cpu->s.ymm, sizeof(x.ymm));
    fpu_state_get(cpu, &x);
    memcpy(out->fx + FX_FCW, &x.fpu.fcw, 2);
    memcpy(out->fx + FX_FSW, &x.fpu.fsw, 2);
    out->fx[FX_FTW] = x.fpu.ftw;
    for (unsigned i = 0; i < 8; i++) {
        memcpy(out->fx + FX_ST + 16 * i, x.fpu.st[i], 16);
    }
    memcpy(out->fx + FX_MXCSR, &x.mxcsr, 4);
    for (unsigned i = 0; i < 16; i++) {
        memcpy(out->fx + FX_XMM + 16 * i, &x.ymm[i][0], 16);
        memcpy(out->fx + FX_YMM + 16 * i, &x.ymm[i][2], 16);
    }
}

/* The exception's frame. */
static void store_frame(struct diff *d, const struct diff_case *c, struct diff_state *out)
{
    struct cpu *cpu = d->bench.cpu;
    uint64_t frame[6], *f = frame;
    unsigned vector = (unsigned)(cpu->rip - HANDLERS_AT) / 2;
    bool has_error = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
    memcpy(frame, interp_bench_at(&d->bench, STACK_TOP - (has_error ? 48 : 40)), has_error ? 48 : 40);
    out->vector = (int32_t)vector;
    out->error = has_error ? (uint32_t)*f++ : 0;
    out->rip = f[0];
    out->rflags = f[2];
    out->gpr[RSP] = f[3];
    out->sel[1] = (uint16_t)f[4];
    if (vector == EXC_GP && out->error == 0 &&
        (out->rip == BENCH_CODE + c->size || out->rip == BENCH_CODE + TAKEN_AT)) {
        out->vector = out->rip == BENCH_CODE + c->size ? VECTOR_NONE : VECTOR_TAKEN;
        out->rip = 0;
        out->rflags &= ~(uint64_t)FLAG_RF;
    }
}

void guest_run(struct diff *d, const struct diff_case *c, bool by_step, struct diff_state *out)
{
    struct cpu *cpu = d->bench.cpu;
    load(d, c);
    for (unsigned i = 0; by_step && i < 1000 && cpu->rip == BENCH_CODE; i++) {
        if (interp_step(cpu) != VCPU_DEBUG) {
            break;
        }
    }
    enum vcpu_exit reason = interp_run(cpu, 1000);
    memcpy(out->gpr, cpu->gpr, sizeof(out->gpr));
    store_fpu(cpu, out);
    out->gs_base = cpu->s.seg[GS].base;
    out->sel[0] = cpu->s.seg[ES].selector;
    out->sel[2] = cpu->s.seg[DS].selector;
    out->sel[3] = cpu->s.seg[GS].selector;
    memcpy(out->data, interp_bench_at(&d->bench, BENCH_DATA), DATA_SIZE);
    out->vector = 1000; /* neither */
    out->rip = cpu->rip;
    out->rflags = out->error = 0;
    if (reason == VCPU_HALTED && cpu->rip > HANDLERS_AT && cpu->rip < HANDLERS_AT + 512) {
        store_frame(d, c, out);
    }
}
