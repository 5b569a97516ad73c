/*
 * The CPU's state from the interpreter to the host's KVM and back: equal field by field, for random valid states of
 * every mode that this KVM takes. VMM_STATES sets how many [300].
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel/kvm/kvm_impl.h"
#include "accel/kvm/probe.h"
#include "core/state.h"
#include "tests/support/test.h"

#define RAM_SIZE 0x400000u

enum mode { REAL, BIG_REAL, PROT16, PROT32, PROT32_USER, PAGED32, PAE, V86, LONG0, LONG3, COMPAT0, COMPAT3, MODES };
static const char *const mode_names[MODES] = {
    "real", "big real", "16-bit protected", "32-bit protected", "32-bit protected, level 3", "32-bit paging", "PAE",
    "virtual 8086", "64-bit, level 0", "64-bit, level 3", "compatibility, level 0", "compatibility, level 3",
};

struct rig {
    struct machine *machine;
    struct ram *ram;
    struct region region;
    struct x86_cpuid cpuid;
    struct kvm_probe probe;
    void *interp;
    struct kvm_engine *kvm;
    struct test_random random;
};

/* NULL: there is no KVM here; *why says so. */
static struct rig *rig_create(const char **why)
{
    struct rig *r = g_new0(struct rig, 1);
    GError *error = NULL;
    kvm_probe(&r->probe, &kvm_sys_host);
    if (!kvm_probe_usable(&r->probe)) {
        static char text[120];
        g_strlcpy(text, r->probe.reason, sizeof(text));
        *why = text;
        g_free(r);
        return NULL;
    }
    r->machine = test_machine_create();
    r->ram = ram_create("ram", RAM_SIZE, NULL);
    region_init_ram(&r->region, "ram", r->ram, 0, RAM_SIZE);
    bus_map(r->machine->memory, &r->region, 0, 0);
    g_assert_true(x86_cpuid_parse(&r->cpuid, "max", NULL));
    r->cpuid.tsc_khz = 1000000;
    x86_cpuid_mask(&r->cpuid, accel_interp_ops.supports);
    struct accel_open open = { .machine = r->machine, .cpuid = &r->cpuid, .cpus = 1, .may_mask = true,
                               .limits = &r->probe.limits,
                               .limited = r->probe.class == KVM_CLASS_LIMITED };
    open.interp = r->interp = accel_interp_ops.open(&open, NULL);
    r->kvm = kvm_engine_open(&open, &kvm_sys_host, &error);
    g_assert_no_error(error);
    return r;
}

static void rig_destroy(struct rig *r)
{
    accel_kvm_ops.close(r->kvm);
    accel_interp_ops.close(r->interp);
    test_machine_destroy(r->machine);
    ram_destroy(r->ram);
    g_free(r);
}

/* ---- random valid states ---- */

#define rnd() test_random_next(random)

static uint64_t canonical(uint64_t v)
{
    return (uint64_t)((int64_t)(v << 16) >> 16);
}

static bool is_long(enum mode mode)
{
    return mode >= LONG0;
}
static unsigned level(enum mode mode)
{
    return mode == PROT32_USER || mode == LONG3 || mode == COMPAT3 || mode == V86 ? 3 : 0;
}

static struct x86_segment random_segment(struct test_random *random, enum mode mode, uint32_t type, unsigned dpl)
{
    struct x86_segment s = {
        .selector = (uint16_t)(rnd() & 0xfff8) | (uint16_t)dpl,
        .base = (uint32_t)rnd(),
        .attr = type | SEG_S | SEG_A | SEG_P | dpl << SEG_DPL_SHIFT | (rnd() & 1 ? SEG_AVL : 0u),
    };
    if (mode <= BIG_REAL || mode == V86) {
        s.selector = (uint16_t)rnd();
        s.base = s.selector * 16u;
        s.limit = 0xffff;
        s.attr = type | SEG_S | SEG_A | SEG_P | dpl << SEG_DPL_SHIFT;
        if (mode == BIG_REAL) {
            s.limit = 0xffffffff;
            s.attr |= SEG_G;
        }
        return s;
    }
    if (rnd() & 1) {
        s.limit = (uint32_t)rnd() | 0xfff;
        s.attr |= SEG_G;
    } else {
        s.limit = (uint32_t)rnd() & 0xffffe; /* never granular by accident */
    }
    return s;
}

static void random_segments(struct test_random *random, struct x86_state *s, enum mode mode)
{
    unsigned dpl = level(mode);
    for (unsigned i = 0; i < 6; i++) {
        s->seg[i] = random_segment(random, mode, SEG_W, dpl);
        if (mode >= PROT32 && mode != V86 && i != CS) {
            s->seg[i].attr |= SEG_DB;
        }
    }
    s->seg[CS] = random_segment(random, mode, SEG_CODE | SEG_R, dpl);
    if (mode == LONG0 || mode == LONG3) {
        s->seg[CS].attr |= SEG_L;
        s->seg[FS].base = canonical(rnd());
        s->seg[GS].base = canonical(rnd());
    } else if (mode >= PROT32 && mode != V86) {
        s->seg[CS].attr |= SEG_DB;
    }
    if (mode >= PROT16 && mode != V86 && rnd() % 3 == 0) {
        s->seg[ES] = (struct x86_segment){ 0 };
    }
    s->ldtr = (struct x86_segment){ .selector = 8, .base = (uint32_t)rnd(), .limit = 0x7f,
                                    .attr = SEG_P | 2u << SEG_TYPE_SHIFT };
    s->tr = (struct x86_segment){ .selector = 16, .base = (uint32_t)rnd(), .limit = 0x67,
                                  .attr = SEG_P | 11u << SEG_TYPE_SHIFT };
    if (is_long(mode)) {
        s->ldtr.base = canonical(rnd());
        s->tr.base = canonical(rnd());
    }
}

static void random_control(struct test_random *random, struct x86_state *s, enum mode mode, const struct x86_cpuid *cpuid)
{
    uint64_t cr4 = CR4_TSD | CR4_DE | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    s->cr0 = CR0_ET | (rnd() & (CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_CD));
    s->cr4 = rnd() & cr4 & x86_cpuid_cr4_mask(cpuid);
    s->cr2 = rnd() & (is_long(mode) ? UINT64_MAX : UINT32_MAX);
    s->cr3 = rnd() % (RAM_SIZE >> 12) << 12;
    s->msr.efer = 0;
    if (mode >= PROT16) {
        s->cr0 |= CR0_PE;
    }
    if (mode >= PAGED32 && mode != V86) {
        s->cr0 |= CR0_PG;
    }
    if (mode == PAE || is_long(mode)) {
        s->cr4 |= CR4_PAE;
    }
    if (is_long(mode)) {
        s->msr.efer = EFER_LME | EFER_LMA | (rnd() & (EFER_SCE | EFER_NXE));
    }
}

static uint64_t random_types(struct test_random *random)
{
    static const uint8_t types[] = { 0, 1, 4, 5, 6 };
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++) {
        v |= (uint64_t)types[rnd() % 5] << (8 * i);
    }
    return v;
}

static void random_msrs(struct test_random *random, struct x86_state *s, const struct x86_cpuid *cpuid)
{
    struct x86_msrs *m = &s->msr;
    uint64_t address = ((1ull << cpuid->physical_bits) - 1) & ~0xfffull;
    m->star = rnd();
    m->lstar = canonical(rnd());
    m->cstar = canonical(rnd());
    m->fmask = (uint32_t)rnd();
    m->kernel_gs_base = canonical(rnd());
    m->sysenter_cs = (uint16_t)rnd();
    m->sysenter_esp = canonical(rnd());
    m->sysenter_eip = canonical(rnd());
    m->pat = random_types(random);
    m->mtrr_def_type = 6 | (rnd() & 0xc00);
    for (unsigned i = 0; i < 11; i++) {
        m->mtrr_fixed[i] = random_types(random);
    }
    for (unsigned i = 0; i < X86_MTRR_VARIABLE; i++) {
        m->mtrr_base[i] = (rnd() & address) | 6;
        m->mtrr_mask[i] = (rnd() & address) | (rnd() & 0x800);
    }
    m->tsc_aux = x86_has(cpuid, X86_RDTSCP) ? (uint32_t)rnd() : 0;
}

static void random_fpu(struct test_random *random, struct x86_state *s)
{
    struct x86_fpu *f = &s->fpu;
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned k = 0; k < 10; k++) {
            f->st[i][k] = (uint8_t)rnd();
        }
    }
    f->fcw = (uint16_t)((rnd() & 0xf3f) | 0x40);
    f->fsw = (uint16_t)(rnd() & 0x7f00) | (rnd() & 0x3f & f->fcw);
    f->ftw = (uint8_t)rnd();
    f->fop = rnd() & 0x7ff;
    f->fip = canonical(rnd());
    f->fdp = canonical(rnd());
    f->fcs = f->fds = 0;
    for (unsigned i = 0; i < 16; i++) {
        s->ymm[i][0] = rnd();
        s->ymm[i][1] = rnd();
    }
    s->mxcsr = rnd() & 0xffff;
}

static void random_debug(struct test_random *random, struct x86_state *s)
{
    static const uint8_t conditions[] = { 0, 1, 3 };
    for (unsigned i = 0; i < 4; i++) {
        s->dr[i] = (uint32_t)rnd();
    }
    s->dr[6] = 0xffff0ff0u | (rnd() & 0xe00f);
    s->dr[7] = 0x400 | (rnd() & 0x3ff);
    for (unsigned i = 0; i < 4; i++) {
        s->dr[7] |= (uint64_t)conditions[rnd() % 3] << (16 + 4 * i);
    }
}

static void random_state(struct rig *r, struct x86_state *s, enum mode mode)
{
    struct test_random *random = &r->random;
    uint64_t flags = FLAGS_STATUS | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_ID;
    memset(s, 0, sizeof(*s));
    x86_state_reset(s, false, x86_cpuid_signature(&r->cpuid));
    random_control(random, s, mode, &r->cpuid);
    random_segments(random, s, mode);
    random_msrs(random, s, &r->cpuid);
    random_fpu(random, s);
    random_debug(random, s);
    for (unsigned i = 0; i < 16; i++) {
        s->gpr[i] = rnd() & (is_long(mode) ? UINT64_MAX : UINT32_MAX);
    }
    if (mode != LONG0 && mode != LONG3) {
        for (unsigned i = 0; i < 8; i++) {
            s->gpr[i] = (uint32_t)s->gpr[i];
        }
    }
    s->rip = mode == LONG0 || mode == LONG3 ? canonical(rnd()) : rnd() & 0xffff;
    s->rflags = (rnd() & flags) | FLAG_1 | (mode == V86 ? FLAG_VM : 0u);
    s->gdtr.base = s->idtr.base = is_long(mode) ? canonical(rnd()) : (uint32_t)rnd();
    s->gdtr.limit = (uint16_t)rnd();
    s->idtr.limit = (uint16_t)rnd();
    s->cr8 = is_long(mode) ? rnd() & 15 : 0;
    s->nmi_blocked = rnd() & 1;
    s->shadow_sti = (s->rflags & FLAG_IF) != 0 && rnd() % 4 == 0;
    s->shadow_mov_ss = !s->shadow_sti && rnd() % 8 == 0;
    s->activity = X86_ACTIVE;
    s->a20 = true;
}

/* ---- there and back ---- */

/* Everything that KVM holds is spoilt in what the engine remembers, so that it can come from nowhere else. */
static void spoil_memory(struct kvm_cpu *c)
{
    struct x86_state old = c->base, *base = &c->base;
    memset(base, 0x5a, sizeof(*base));
    memcpy(base->pdpte, old.pdpte, sizeof(old.pdpte));
    base->xcr0 = old.xcr0;
    base->fpu = old.fpu; /* its pointers; the rest is always read */
    base->dr[4] = base->dr[5] = 0; /* there are none */
    base->smm = old.smm;
    base->smi_pending = old.smi_pending;
    base->smbase = old.smbase;
    base->msr.spec_ctrl = old.msr.spec_ctrl;
    base->msr.xss = old.msr.xss;
    base->msr.debugctl = old.msr.debugctl;
    base->msr.tsc_deadline = old.msr.tsc_deadline;
    base->msr.tsc_adjust = old.msr.tsc_adjust;
    base->msr.tsc_aux = old.msr.tsc_aux;
    base->msr.misc_enable = old.msr.misc_enable;
    base->msr.mcg_status = old.msr.mcg_status;
    base->msr.mcg_ctl = old.msr.mcg_ctl;
    if (c->guarded) { /* KVM has a limit of 0 and a poisoned LSTAR instead */
        base->idtr = old.idtr;
        base->msr.lstar = old.msr.lstar;
    }
}

/* True if KVM took the state; then it came back as it was. */
static bool round_trip(struct rig *r, enum mode mode)
{
    struct kvm_cpu *c = &r->kvm->cpus[0];
    struct x86_state wanted, before, after;
    random_state(r, &wanted, mode);
    accel_interp_ops.state_put(r->interp, 0, &wanted);
    accel_interp_ops.state_get(r->interp, 0, &before);
    if (kvm_give(c) < 0) {
        return false;
    }
    /* Entered and left at once, so that what comes back has been in the VCPU. */
    c->run->immediate_exit = 1;
    int entered = kvm_cpu_ioctl(c, KVM_RUN, NULL);
    c->run->immediate_exit = 0;
    c->ran = true;
    spoil_memory(c);
    /* First without the interpreter, so that it is known to come from KVM. */
    struct cpu_event event;
    bool has_event;
    g_assert_cmpint(kvm_state_get(c, &after, &event, &has_event), ==, 0);
    g_assert_false(has_event);
    kvm_take(c, false);
    if (entered != -EINTR) {
        return false;
    }
    accel_interp_ops.state_get(r->interp, 0, &after);
    after.tsc = before.tsc;
    /* A KVM that silently drops a mode has not taken the state. */
    const uint64_t mode_bits = CR0_PE | CR0_PG;
    if ((before.cr0 & mode_bits) != (after.cr0 & mode_bits) || (before.rflags & FLAG_VM) != (after.rflags & FLAG_VM)) {
        g_assert_true(r->kvm->limits.no_paging32 && (mode == PAGED32 || mode == PAE || mode == V86));
        return false;
    }
    g_autofree char *difference = state_compare(x86_state_fields, &before, &after);
    if (difference != NULL) {
        g_test_message("%s: %s", mode_names[mode], difference);
    }
    g_assert_null(difference);
    return true;
}

static void test_round_trips(void)
{
    const char *why = NULL, *count = getenv("VMM_STATES");
    unsigned states = count != NULL ? (unsigned)atoi(count) : 300;
    unsigned taken[MODES] = { 0 };
    struct rig *r = rig_create(&why);
    if (r == NULL) {
        g_test_skip(why);
        return;
    }
    for (unsigned i = 0; i < states; i++) {
        taken[i % MODES] += round_trip(r, i % MODES);
    }
    for (unsigned i = 0; i < MODES; i++) {
        g_test_message("%s: %u states", mode_names[i], taken[i]);
    }
    /* These every KVM takes. */
    static const enum mode always[] = { REAL, PROT32, LONG0, LONG3, COMPAT3 };
    for (unsigned i = 0; i < G_N_ELEMENTS(always); i++) {
        g_assert_cmpuint(taken[always[i]], >=, states / MODES);
    }
    rig_destroy(r);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/kvm/state/round-trips", test_round_trips);
    return g_test_run();
}
