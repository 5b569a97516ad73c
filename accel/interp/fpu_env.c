/*
 * x87 control: FLDCW, FSTSW, FNINIT, FWAIT and the environment and state images of FLDENV, FSTENV,
 * FSAVE and FRSTOR in their four formats (SDM volume 1, figures 8-9 to 8-12).
 */
#include "accel/interp/fpu_fast.h"
#include "accel/interp/fpu_memory.h"

#define ENV_MAX   28
#define STATE_MAX (ENV_MAX + 80)

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v);
    put16(p + 2, v >> 16);
}
static uint32_t get16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}
static uint32_t get32(const uint8_t *p)
{
    return get16(p) | get16(p + 2) << 16;
}

static bool real_format(const struct cpu *cpu)
{
    return !(cpu->mode & MODE_PE) || (cpu->mode & MODE_V86);
}

/* Returns the image's size. */
static unsigned env_out(struct cpu *cpu, uint8_t *p, bool wide)
{
    const struct x86_fpu *f = &cpu->s.fpu;
    uint32_t fip = (uint32_t)f->fip, fdp = (uint32_t)f->fdp;
    bool real = real_format(cpu);
    if (real) {
        fip += (uint32_t)f->fcs << 4;
        fdp += (uint32_t)f->fds << 4;
    }
    unsigned step = wide ? 4 : 2;
    memset(p, 0, ENV_MAX);
    put16(p, f->fcw);
    put16(p + step, fpu_status(cpu));
    put16(p + 2 * step, fpu_full_tags(cpu));
    if (wide) {
        /* The reserved halves read as ones. */
        put16(p + 2, 0xffff);
        put16(p + 6, 0xffff);
        put16(p + 10, 0xffff);
    }
    if (wide && real) {
        put32(p + 12, 0xffff0000 | (fip & 0xffff));
        put32(p + 16, (f->fop & 0x7ff) | (fip >> 16 & 0xffff) << 12);
        put32(p + 20, 0xffff0000 | (fdp & 0xffff));
        put32(p + 24, (fdp >> 16 & 0xffff) << 12);
    } else if (wide) {
        put32(p + 12, fip);
        put32(p + 16, f->fcs | (uint32_t)(f->fop & 0x7ff) << 16);
        put32(p + 20, fdp);
        put32(p + 24, 0xffff0000 | f->fds);
    } else {
        put16(p + 6, fip);
        put16(p + 8, real ? (fip >> 16 & 15) << 12 | (f->fop & 0x7ff) : f->fcs);
        put16(p + 10, fdp);
        put16(p + 12, real ? (fdp >> 16 & 15) << 12 : f->fds);
    }
    return 7 * step;
}

static void env_in(struct cpu *cpu, const uint8_t *p, bool wide)
{
    struct x86_fpu *f = &cpu->s.fpu;
    unsigned step = wide ? 4 : 2;
    uint32_t high = get32(p + 16);
    f->ftw = fpu_abridged_tags((uint16_t)get16(p + 2 * step));
    f->fcs = f->fds = 0;
    if (wide && real_format(cpu)) {
        f->fip = get16(p + 12) | (high >> 12 & 0xffff) << 16;
        f->fop = high & 0x7ff;
        f->fdp = get16(p + 20) | (get32(p + 24) >> 12 & 0xffff) << 16;
    } else if (wide) {
        f->fip = get32(p + 12);
        f->fcs = (uint16_t)high;
        f->fop = high >> 16 & 0x7ff;
        f->fdp = get32(p + 20);
        f->fds = (uint16_t)get16(p + 24);
    } else if (real_format(cpu)) {
        f->fip = get16(p + 6) | get16(p + 8) >> 12 << 16;
        f->fop = get16(p + 8) & 0x7ff;
        f->fdp = get16(p + 10) | get16(p + 12) >> 12 << 16;
    } else {
        f->fip = get16(p + 6);
        f->fcs = (uint16_t)get16(p + 8);
        f->fdp = get16(p + 10);
        f->fds = (uint16_t)get16(p + 12);
    }
    fpu_set_control(cpu, (uint16_t)get16(p), (uint16_t)get16(p + step));
}

static __attribute__((noinline)) void load_env(struct cpu *cpu, const struct insn *insn, bool wide)
{
    uint8_t image[ENV_MAX] = {0};
    fpu_read_area(cpu, insn, insn_ea(cpu, insn), image, wide ? 28 : 14);
    env_in(cpu, image, wide);
}

static __attribute__((noinline)) void store_env(struct cpu *cpu, const struct insn *insn, bool wide)
{
    uint8_t image[ENV_MAX];
    unsigned size = env_out(cpu, image, wide);
    fpu_write_area(cpu, insn, insn_ea(cpu, insn), image, size);
    fpu_set_control(cpu, cpu->s.fpu.fcw | FCW_MASKS, fpu_status(cpu));
}

static __attribute__((noinline)) void load_state(struct cpu *cpu, const struct insn *insn,
                                                 bool wide)
{
    uint8_t image[STATE_MAX];
    unsigned env = wide ? 28 : 14;
    fpu_read_area(cpu, insn, insn_ea(cpu, insn), image, env + 80);
    env_in(cpu, image, wide);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(fpu_st(cpu, i), image + env + 10 * i, 10);
    }
}

static __attribute__((noinline)) void store_state(struct cpu *cpu, const struct insn *insn,
                                                  bool wide)
{
    uint8_t image[STATE_MAX];
    unsigned env = env_out(cpu, image, wide);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(image + env + 10 * i, fpu_st(cpu, i), 10);
    }
    fpu_write_area(cpu, insn, insn_ea(cpu, insn), image, env + 80);
    fpu_init(cpu);
}

/* Two handlers, for 16-bit operand size and for the others; waits: checks for a pending exception.
 */
#define IMAGE(name, function, waits)                                                               \
    static void fpu_##name##16_m(struct cpu * cpu, const struct insn *insn)                        \
    {                                                                                              \
        if ((waits) && fpu_wait(cpu, insn)) {                                                      \
            return;                                                                                \
        }                                                                                          \
        function(cpu, insn, false);                                                                \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    static void fpu_##name##32_m(struct cpu * cpu, const struct insn *insn)                        \
    {                                                                                              \
        if ((waits) && fpu_wait(cpu, insn)) {                                                      \
            return;                                                                                \
        }                                                                                          \
        function(cpu, insn, true);                                                                 \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    const struct op_handlers fpu_##name = {{NULL, NULL, NULL},                                     \
                                           {fpu_##name##16_m, fpu_##name##32_m, fpu_##name##32_m}, \
                                           {NULL, NULL, NULL}};

IMAGE(ldenv, load_env, true)
IMAGE(nstenv, store_env, false)
IMAGE(rstor, load_state, true)
IMAGE(nsave, store_state, false)

static void fpu_ldcw_m(struct cpu *cpu, const struct insn *insn)
{
    if (fpu_wait(cpu, insn)) {
        return;
    }
    uint16_t v = mem_read16(cpu, insn, insn->seg, insn_ea(cpu, insn));
    fpu_set_control(cpu, v, fpu_status(cpu));
    NEXT(cpu, insn);
}
FPU_MEM_HANDLERS(fpu_ldcw, fpu_ldcw_m);

static void fpu_nstcw_m(struct cpu *cpu, const struct insn *insn)
{
    mem_write16(cpu, insn, insn->seg, insn_ea(cpu, insn), cpu->s.fpu.fcw);
    NEXT(cpu, insn);
}
FPU_MEM_HANDLERS(fpu_nstcw, fpu_nstcw_m);

static void fpu_nstsw_m(struct cpu *cpu, const struct insn *insn)
{
    mem_write16(cpu, insn, insn->seg, insn_ea(cpu, insn), fpu_status(cpu));
    NEXT(cpu, insn);
}
FPU_MEM_HANDLERS(fpu_nstsw, fpu_nstsw_m);

static void fpu_nstsw_ax_r(struct cpu *cpu, const struct insn *insn)
{
    set_reg16(cpu, RAX, fpu_status(cpu));
    NEXT(cpu, insn);
}
FPU_REG_HANDLERS(fpu_nstsw_ax, fpu_nstsw_ax_r);

static void fpu_nclex_r(struct cpu *cpu, const struct insn *insn)
{
    fpu_set_control(cpu, cpu->s.fpu.fcw, fpu_status(cpu) & (FSW_TOP | FSW_CC));
    NEXT(cpu, insn);
}
FPU_REG_HANDLERS(fpu_nclex, fpu_nclex_r);

static void fpu_ninit_r(struct cpu *cpu, const struct insn *insn)
{
    fpu_init(cpu);
    NEXT(cpu, insn);
}
FPU_REG_HANDLERS(fpu_ninit, fpu_ninit_r);

/* FENI, FDISI, FSETPM of older coprocessors: nothing, without waiting. */
static void fpu_nothing_r(struct cpu *cpu, const struct insn *insn)
{
    NEXT(cpu, insn);
}
FPU_REG_HANDLERS(fpu_nothing, fpu_nothing_r);

static void fpu_wait_r(struct cpu *cpu, const struct insn *insn)
{
    if (fpu_wait(cpu, insn)) {
        return;
    }
    NEXT(cpu, insn);
}
FPU_REG_HANDLERS(fpu_fwait, fpu_wait_r);
