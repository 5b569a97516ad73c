/*
 * Interrupt chips in the kernel: registers to KVM's structures and back, by themselves and through the host's KVM with a
 * whole board; messages, lines and ends of interrupts while the chips are away; what a KVM without them is told.
 */
#include <errno.h>
#include <string.h>

#include "accel/kvm/kvm_impl.h"
#include "accel/kvm/probe.h"
#include "core/state.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"
#include "hw/pc/pc_machine.h"
#include "tests/support/fake_kvm.h"
#include "tests/support/test.h"

#define ROUNDS 300
#define CPUS 2
#define IOAPIC_AT 0xfec00000ull

/* ---- conversions ---- */

static void random_pic(struct test_random *random, unsigned chip, struct pic_registers *pic)
{
    uint64_t bits = test_random_next(random);
    *pic = (struct pic_registers){
        .irr = (uint8_t)bits, .imr = (uint8_t)(bits >> 8), .isr = (uint8_t)(bits >> 16),
        .icw2 = (uint8_t)(bits >> 24) & 0xf8, .icw3 = chip == 0 ? 4 : 2, .elcr = (uint8_t)(bits >> 32) & 0xd8,
        .lowest = (uint8_t)(bits >> 40) & 7, .init_state = (uint8_t)(bits >> 43) & 3,
        .needs_icw4 = bits >> 45 & 1, .aeoi = bits >> 46 & 1, .rotate_aeoi = bits >> 47 & 1, .sfnm = bits >> 48 & 1,
        .special_mask = bits >> 49 & 1, .poll = bits >> 50 & 1, .read_isr = bits >> 51 & 1,
    };
}

static void test_conversions(void)
{
    struct test_random random = { 1 };
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct pic_registers pic, pic_back;
        struct kvm_pic_state pic_kvm;
        random_pic(&random, i & 1, &pic);
        kvm_pic_from(&pic_kvm, i & 1, &pic, (uint8_t)i);
        g_assert_cmphex(pic_kvm.last_irr & 4, ==, i & 1 ? i & 4 : 0); /* the cascade is KVM's own */
        kvm_pic_to(&pic_back, i & 1, &pic_kvm);
        g_assert_cmpmem(&pic, sizeof(pic), &pic_back, sizeof(pic_back));

        struct ioapic_registers io = { .select = (uint8_t)i, .id = (i & 15) << 24 }, io_back;
        struct kvm_ioapic_state io_kvm;
        for (unsigned n = 0; n < IRQCHIP_IOAPIC_PINS; n++) {
            io.table[n] = test_random_next(&random) & 0xff0000000001ffffull;
        }
        kvm_ioapic_from(&io_kvm, &io, 0xffffff);
        for (unsigned n = 0; n < IRQCHIP_IOAPIC_PINS; n++) {
            g_assert_cmpuint(io_kvm.irr >> n & 1, ==, io.table[n] >> 15 & 1); /* levels, but no edge again */
        }
        kvm_ioapic_to(&io_back, &io_kvm);
        g_assert_cmpmem(&io, sizeof(io), &io_back, sizeof(io_back));
    }
}

static void test_message(void)
{
    /* Logical destination 3, lowest priority, level, vector 41h; then a masked edge to APIC 2. */
    struct irqchip_message level = kvm_ioapic_message(0x0300000000008941ull);
    g_assert_cmphex(level.address, ==, 0xfee03004);
    g_assert_cmphex(level.data, ==, 0xc141);
    struct irqchip_message edge = kvm_ioapic_message(0x0200000000010030ull);
    g_assert_cmphex(edge.address, ==, 0xfee02000);
    g_assert_cmphex(edge.data, ==, 0x30);
}

static void test_timer_at_its_end(void)
{
    struct lapic_registers lapic = { .initial_count = 1000, .current_count = 0 }, back;
    struct kvm_lapic_state k;
    kvm_lapic_from(&k, &lapic);
    kvm_lapic_to(&back, &k);
    g_assert_cmpuint(back.initial_count, ==, 0); /* else KVM would let it end again */
    lapic.current_count = 400;
    kvm_lapic_from(&k, &lapic);
    kvm_lapic_to(&back, &k);
    g_assert_cmpuint(back.initial_count, ==, 1000);
    g_assert_cmpuint(back.current_count, ==, 400);
}

/* ---- a board on the host's KVM ---- */

struct rig {
    struct machine *machine;
    struct pc *pc;
    struct x86_cpuid cpuid;
    struct kvm_limits limits;
    void *interp;
    struct kvm_engine *kvm;
    struct test_random random;
    unsigned woken;
};

static void woken(void *arg, unsigned cpu)
{
    ((struct rig *)arg)->woken |= 1u << cpu;
}

static void rig_create(struct rig *r, const struct kvm_sys *sys, enum accel_irqchip kind, GError **error)
{
    struct pc_config config = { .ram = 16u << 20, .cpus = CPUS };
    GError *bad = NULL;
    *r = (struct rig){ .random = { 7 } };
    r->machine = machine_create(NULL);
    g_assert_true(x86_cpuid_parse(&r->cpuid, "qemu64", NULL));
    r->cpuid.cpu_count = CPUS;
    r->cpuid.tsc_khz = 1000000;
    r->pc = pc_create(r->machine);
    g_assert_true(pc_build(r->pc, &config, &bad));
    g_assert_no_error(bad);
    struct accel_open open = { .machine = r->machine, .cpuid = &r->cpuid, .cpus = CPUS, .limits = &r->limits,
                               .irqchip = kind, .wake = woken, .wake_arg = r };
    open.interp = r->interp = accel_interp_ops.open(&open, NULL);
    r->kvm = kvm_engine_open(&open, sys, error);
}

static void rig_destroy(struct rig *r)
{
    if (r->kvm != NULL) {
        accel_kvm_ops.close(r->kvm);
    }
    accel_interp_ops.close(r->interp);
    machine_destroy(r->machine);
    pc_destroy(r->pc);
}

/* The board after a reset, A20 on, CPU 0 about to run. */
static void rig_start(struct rig *r)
{
    machine_reset(r->machine);
    for (unsigned i = 0; i < CPUS; i++) {
        accel_kvm_ops.vcpu_reset(r->kvm, i);
        r->kvm->cpus[i].turn.left = 0;
    }
    accel_kvm_ops.set_a20(r->kvm, true);
}

static bool usable(enum accel_irqchip kind)
{
    struct kvm_probe probe;
    kvm_probe(&probe, &kvm_sys_host);
    if (!kvm_probe_usable(&probe)) {
        g_test_skip(probe.reason);
        return false;
    }
    int fd = kvm_sys_open(&kvm_sys_host, KVM_DEVICE_PATH);
    int cap = kind == ACCEL_IRQCHIP_ON ? KVM_CAP_IRQCHIP : KVM_CAP_SPLIT_IRQCHIP;
    bool there = kvm_sys_ioctl(&kvm_sys_host, fd, KVM_CHECK_EXTENSION, (uintptr_t)cap) > 0;
    kvm_sys_close(&kvm_sys_host, fd);
    if (!there) {
        g_test_skip("KVM here has no such chips");
    }
    return there;
}

static struct device *find(struct rig *r, const char *id)
{
    return machine_find_device(r->machine, id);
}

static GByteArray *saved(struct rig *r, const char *id)
{
    GByteArray *out = g_byte_array_new();
    struct device *dev = find(r, id);
    state_save(dev->class->fields, dev, out);
    return out;
}

/* Chips as a running system has them, with timers that stand. */
static void randomize(struct rig *r)
{
    const struct machine_irqchip *chips = &r->machine->irqchip;
    for (unsigned chip = 0; chip < 2; chip++) {
        struct pic_registers pic;
        random_pic(&r->random, chip, &pic);
        pic.irr &= ~pic.elcr; /* all lines are low */
        pic.irr &= chip == 0 ? 0xfb : 0xff;
        if (chip == 1) {
            pic.imr = 0xff; /* or the cascade would have to follow */
        }
        pic.init_state = 0;
        chips->put_pic(chips->arg, chip, &pic);
    }
    struct ioapic_registers io = { .select = 0x12, .id = 3u << 24 };
    for (unsigned n = 0; n < IRQCHIP_IOAPIC_PINS; n++) {
        io.table[n] = test_random_next(&r->random) & 0xff00000000018bffull; /* fixed, idle */
    }
    chips->put_ioapic(chips->arg, &io);
    for (unsigned i = 0; i < CPUS; i++) {
        struct lapic_registers lapic;
        chips->get_lapic(chips->arg, i, &lapic);
        lapic.tpr = (uint8_t)test_random_next(&r->random);
        lapic.svr = 0x1ff;
        lapic.ldr = (uint32_t)test_random_next(&r->random) & 0xff000000;
        lapic.icr = test_random_next(&r->random) & 0xff000000000cc7ffull;
        lapic.divide = (uint32_t)test_random_next(&r->random) & 0xb;
        for (unsigned n = 1; n < 8; n++) {
            lapic.irr[n] = (uint32_t)test_random_next(&r->random);
            lapic.isr[n] = (uint32_t)test_random_next(&r->random);
            lapic.tmr[n] = (uint32_t)test_random_next(&r->random);
        }
        for (unsigned n = 0; n < IRQCHIP_LVT; n++) {
            lapic.lvt[n] = 0x10000 | ((uint32_t)test_random_next(&r->random) & 0xff);
        }
        chips->put_lapic(chips->arg, i, &lapic);
        r->kvm->cpus[i].cpu->s.cr8 = lapic.tpr >> 4;
    }
    chips->move(chips->arg, IRQCHIP_HERE, NULL);
}

static void round_trips(enum accel_irqchip kind)
{
    static const char *const chips[] = { "pic0", "pic1", "ioapic", "apic0", "apic1" };
    struct rig r;
    GError *error = NULL;
    if (!usable(kind)) {
        return;
    }
    rig_create(&r, &kvm_sys_host, kind, &error);
    g_assert_no_error(error);
    rig_start(&r);
    for (unsigned round = 0; round < ROUNDS; round++) {
        GByteArray *before[G_N_ELEMENTS(chips)];
        lock_acquire(&r.machine->lock);
        randomize(&r);
        for (unsigned i = 0; i < G_N_ELEMENTS(chips); i++) {
            before[i] = saved(&r, chips[i]);
        }
        lock_release(&r.machine->lock);
        g_assert_cmpint(kvm_gang_give(&r.kvm->cpus[0]), ==, KVM_GANG_GIVEN);
        g_assert_true(r.kvm->irqchip.away && r.kvm->cpus[0].native && r.kvm->cpus[1].native);
        g_assert_false(r.kvm->cpus[0].cpu->s.intr); /* ours are silent meanwhile */
        kvm_gang_take(r.kvm);
        g_assert_false(r.kvm->irqchip.away || r.kvm->cpus[0].native || r.kvm->cpus[1].native);
        g_assert_cmpuint(r.kvm->cpus[0].cpu->s.activity, ==, X86_ACTIVE);
        g_assert_cmpuint(r.kvm->cpus[1].cpu->s.activity, ==, X86_WAIT_SIPI);
        lock_acquire(&r.machine->lock);
        for (unsigned i = 0; i < G_N_ELEMENTS(chips); i++) {
            GByteArray *after = saved(&r, chips[i]);
            if (after->len != before[i]->len || memcmp(after->data, before[i]->data, after->len) != 0) {
                g_test_message("round %u: %s differs", round, chips[i]);
                g_test_fail();
            }
            g_byte_array_unref(after);
            g_byte_array_unref(before[i]);
        }
        lock_release(&r.machine->lock);
    }
    g_assert_cmphex(r.woken, ==, 2); /* CPU 1's thread, by CPU 0's */
    rig_destroy(&r);
}

static void test_round_trips_on(void)
{
    round_trips(ACCEL_IRQCHIP_ON);
}

static void test_round_trips_split(void)
{
    round_trips(ACCEL_IRQCHIP_SPLIT);
}

/* A count goes on in the kernel and comes back smaller, on the guest's clock. */
static void test_timer_goes_on(void)
{
    struct rig r;
    GError *error = NULL;
    if (!usable(ACCEL_IRQCHIP_ON)) {
        return;
    }
    rig_create(&r, &kvm_sys_host, ACCEL_IRQCHIP_ON, &error);
    g_assert_no_error(error);
    rig_start(&r);
    clock_start(r.machine->guest_clock);
    struct device *apic = find(&r, "apic0");
    lock_acquire(&r.machine->lock);
    lapic_write(apic, 0xf0, 0x1ff, 4);
    lapic_write(apic, 0x3e0, 0xb, 4);         /* divide by 1 */
    lapic_write(apic, 0x380, 2000000000u, 4); /* two seconds */
    uint64_t first = lapic_read(apic, 0x390, 4);
    lock_release(&r.machine->lock);
    g_assert_cmpint(kvm_gang_give(&r.kvm->cpus[0]), ==, KVM_GANG_GIVEN);
    g_usleep(50000);
    kvm_gang_take(r.kvm);
    lock_acquire(&r.machine->lock);
    uint64_t second = lapic_read(apic, 0x390, 4);
    g_assert_cmpuint(lapic_read(apic, 0x380, 4), ==, 2000000000u);
    lock_release(&r.machine->lock);
    g_assert_cmpuint(first - second, >=, 50000000u);
    g_assert_cmpuint(first - second, <=, 1000000000u);
    rig_destroy(&r);
}

/* A count that ends while no CPU is in KVM is no secret of the kernel's: the interrupt comes back with the registers. */
static void test_timer_ends_outside(void)
{
    struct rig r;
    GError *error = NULL;
    if (!usable(ACCEL_IRQCHIP_ON)) {
        return;
    }
    rig_create(&r, &kvm_sys_host, ACCEL_IRQCHIP_ON, &error);
    g_assert_no_error(error);
    rig_start(&r);
    clock_start(r.machine->guest_clock);
    for (unsigned round = 0; round < 20; round++) {
        static const uint32_t activities[] = { X86_ACTIVE, X86_HALTED };
        r.kvm->cpus[1].cpu->s.activity = activities[round & 1];
        r.kvm->cpus[1].turn.left = 0;
        lock_acquire(&r.machine->lock);
        for (unsigned i = 0; i < CPUS; i++) {
            struct device *apic = find(&r, i == 0 ? "apic0" : "apic1");
            lapic_write(apic, 0xf0, 0x1ff, 4);
            lapic_write(apic, 0x3e0, 0xb, 4);
            lapic_write(apic, 0x320, (round & 2) != 0 ? 0x200ec : 0xec, 4); /* periodic, one-shot */
            lapic_write(apic, 0x380, 5000000, 4);                           /* 5 ms */
        }
        lock_release(&r.machine->lock);
        g_assert_cmpint(kvm_gang_give(&r.kvm->cpus[0]), ==, KVM_GANG_GIVEN);
        g_usleep(8000);
        kvm_gang_take(r.kvm);
        lock_acquire(&r.machine->lock);
        for (unsigned i = 0; i < CPUS; i++) {
            struct device *apic = find(&r, i == 0 ? "apic0" : "apic1");
            g_assert_cmphex(lapic_read(apic, 0x270, 4), ==, 1u << (0xec - 0xe0)); /* IRR */
            lapic_write(apic, 0x320, 0x100ec, 4);
            g_assert_cmpint(lapic_acknowledge(apic), ==, 0xec);
            lapic_write(apic, 0xb0, 0, 4);
        }
        lock_release(&r.machine->lock);
    }
    rig_destroy(&r);
}

/* The first CPU in protected mode, at `jmp $`, with handlers for two vectors. */
static void guest_loops(struct rig *r, uint32_t at, const uint8_t vectors[2], uint32_t handlers)
{
    enum { GDT = 0x9000, IDT = 0xa000 };
    const uint64_t gdt[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };
    struct x86_state state;
    accel_kvm_ops.state_get(r->kvm, 0, &state);
    lock_acquire(&r->machine->lock);
    bus_write_bytes(r->machine->memory, at, "\xeb\xfe", 2, false);
    bus_write_bytes(r->machine->memory, GDT, gdt, sizeof(gdt), false);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t gate = 0x00008e0000080000 | (handlers + 16 * i);
        bus_write_bytes(r->machine->memory, IDT + 8u * vectors[i], &gate, sizeof(gate), false);
    }
    lock_release(&r->machine->lock);
    for (unsigned i = 0; i < 6; i++) {
        state.seg[i] = (struct x86_segment){ .selector = i == CS ? 8 : 16, .limit = 0xffffffff,
                                             .attr = i == CS ? 0xc09b00 : 0xc09300 };
    }
    state.gdtr = (struct x86_table){ GDT, sizeof(gdt) - 1 };
    state.idtr = (struct x86_table){ IDT, 0x7ff };
    state.cr0 |= CR0_PE;
    state.rip = at;
    state.rflags = FLAG_1 | FLAG_IF;
    state.gpr[RSP] = 0x8000;
    accel_kvm_ops.state_put(r->kvm, 0, &state);
    r->kvm->cpus[0].turn.left = 0;
}

/* A guarded CPU dies of an interrupt that it has acknowledged. A second one comes, and the timer's count ends, before the
 * registers are fetched: the first is delivered, the second waits. */
static void test_two_interrupts(void)
{
    enum { AT = 0x7000, HANDLERS = 0xc000 };
    static const uint8_t vectors[2] = { 0xec, 0xfb };
    struct kvm_probe probe;
    struct rig r;
    GError *error = NULL;
    if (!usable(ACCEL_IRQCHIP_ON)) {
        return;
    }
    kvm_probe(&probe, &kvm_sys_host);
    if (!probe.limits.emulated) {
        g_test_skip("KVM here does not emulate");
        return;
    }
    rig_create(&r, &kvm_sys_host, ACCEL_IRQCHIP_ON, &error);
    g_assert_no_error(error);
    rig_start(&r);
    clock_start(r.machine->guest_clock);
    r.kvm->limits.emulated = r.kvm->policy.guard = true;
    struct device *apic = find(&r, "apic0");
    for (unsigned round = 0; round < 20; round++) {
        struct kvm_cpu *c = &r.kvm->cpus[0];
        struct kvm_msi msi = { .address_lo = 0xfee00000, .data = vectors[1] };
        guest_loops(&r, AT, vectors, HANDLERS);
        lock_acquire(&r.machine->lock);
        lapic_write(apic, 0xf0, 0x1ff, 4);
        lapic_write(apic, 0x3e0, 0xb, 4);
        lapic_write(apic, 0x320, 0x200ef, 4); /* periodic */
        lapic_write(apic, 0x380, 300000000, 4);
        lapic_write(apic, 0x300, 0x40000 | vectors[0], 4); /* to itself */
        lock_release(&r.machine->lock);
        g_assert_cmpint(kvm_gang_give(c), ==, KVM_GANG_GIVEN);
        g_assert_cmpint(kvm_native_run(c), ==, NATIVE_RESCUE);
        g_assert_cmpint(kvm_sys_ioctl_ptr(&kvm_sys_host, r.kvm->vm, KVM_SIGNAL_MSI, &msi), ==, 1);
        kvm_gang_take(r.kvm);
        g_assert_cmphex(c->cpu->rip, ==, HANDLERS);
        lock_acquire(&r.machine->lock);
        g_assert_cmphex(lapic_read(apic, 0x170, 4), ==, 1u << (vectors[0] - 0xe0)); /* ISR */
        g_assert_cmphex(lapic_read(apic, 0x270, 4), ==, 1u << (vectors[1] - 0xe0)); /* IRR */
        lapic_write(apic, 0xb0, 0, 4);
        g_assert_cmpint(lapic_acknowledge(apic), ==, vectors[1]);
        lapic_write(apic, 0xb0, 0, 4);
        lock_release(&r.machine->lock);
    }
    rig_destroy(&r);
}

/* While all is away a line reaches the kernel's 8259 and I/O APIC, and is there when they come back. */
static void test_line(void)
{
    struct rig r;
    GError *error = NULL;
    struct pic_registers pic;
    if (!usable(ACCEL_IRQCHIP_ON)) {
        return;
    }
    rig_create(&r, &kvm_sys_host, ACCEL_IRQCHIP_ON, &error);
    g_assert_no_error(error);
    rig_start(&r);
    lock_acquire(&r.machine->lock);
    bus_write(r.machine->io, 0x21, 0xff, 1);
    lock_release(&r.machine->lock);
    g_assert_cmpint(kvm_gang_give(&r.kvm->cpus[0]), ==, KVM_GANG_GIVEN);
    lock_acquire(&r.machine->lock);
    r.machine->ferr(r.machine->ferr_arg); /* raises interrupt 13 */
    g_assert_cmphex(r.kvm->irqchip.lines, ==, 1u << 13);
    lock_release(&r.machine->lock);
    kvm_gang_take(r.kvm);
    const struct machine_irqchip *chips = &r.machine->irqchip;
    lock_acquire(&r.machine->lock);
    chips->get_pic(chips->arg, 1, &pic);
    g_assert_cmphex(pic.irr, ==, 1u << (13 - 8));
    chips->get_pic(chips->arg, 0, &pic);
    g_assert_cmphex(pic.irr & 4, ==, 4); /* by the cascade */
    lock_release(&r.machine->lock);
    rig_destroy(&r);
}

/* Split: our I/O APIC sends a level to a local APIC in the kernel, and hears of the end of it. */
static void test_split_level(void)
{
    struct rig r;
    GError *error = NULL;
    struct lapic_registers lapic;
    struct ioapic_registers io;
    if (!usable(ACCEL_IRQCHIP_SPLIT)) {
        return;
    }
    rig_create(&r, &kvm_sys_host, ACCEL_IRQCHIP_SPLIT, &error);
    g_assert_no_error(error);
    rig_start(&r);
    lock_acquire(&r.machine->lock);
    lapic_write(find(&r, "apic0"), 0xf0, 0x1ff, 4);
    bus_write(r.machine->memory, IOAPIC_AT, 0x10 + 2 * 13, 4);
    bus_write(r.machine->memory, IOAPIC_AT + 0x10, 0x8051, 4); /* level, vector 51h, to APIC 0 */
    lock_release(&r.machine->lock);
    g_assert_cmpint(kvm_gang_give(&r.kvm->cpus[0]), ==, KVM_GANG_GIVEN);
    const struct machine_irqchip *chips = &r.machine->irqchip;
    lock_acquire(&r.machine->lock);
    r.machine->ferr(r.machine->ferr_arg);
    chips->get_ioapic(chips->arg, &io);
    lock_release(&r.machine->lock);
    g_assert_cmphex(io.table[13] & 0x4000, ==, 0x4000); /* sent, and waits for its end */
    g_assert_cmpint(kvm_lapic_take(&r.kvm->cpus[0], &lapic), ==, 0);
    g_assert_cmphex(lapic.irr[2], ==, 1u << (0x51 - 0x40));
    lock_acquire(&r.machine->lock);
    bus_write(r.machine->io, 0xf0, 0, 1); /* the cause goes away */
    lock_release(&r.machine->lock);
    kvm_irqchip_eoi(r.kvm, 0x51);
    lock_acquire(&r.machine->lock);
    chips->get_ioapic(chips->arg, &io);
    lock_release(&r.machine->lock);
    g_assert_cmphex(io.table[13] & 0x4000, ==, 0);
    kvm_gang_take(r.kvm);
    rig_destroy(&r);
}

/* A CPU that has to be interpreted keeps all others there. */
static void test_gang_waits(void)
{
    struct rig r;
    GError *error = NULL;
    if (!usable(ACCEL_IRQCHIP_ON)) {
        return;
    }
    rig_create(&r, &kvm_sys_host, ACCEL_IRQCHIP_ON, &error);
    g_assert_no_error(error);
    rig_start(&r);
    r.kvm->cpus[1].cpu->s.activity = X86_ACTIVE;
    r.kvm->cpus[1].turn.left = 100;
    g_assert_cmpint(kvm_gang_give(&r.kvm->cpus[0]), ==, KVM_GANG_NOT_YET);
    g_assert_false(r.kvm->cpus[0].native);
    r.kvm->cpus[1].turn.left = 0;
    g_assert_cmpint(kvm_gang_give(&r.kvm->cpus[0]), ==, KVM_GANG_GIVEN);
    kvm_gang_take(r.kvm);
    rig_destroy(&r);
}

/* ---- a KVM without ---- */

static void lacks(enum accel_irqchip kind, int capability, const char *words)
{
    struct fake_kvm fake;
    struct rig r;
    GError *error = NULL;
    fake_kvm_vt(&fake);
    fake.lacking = capability;
    rig_create(&r, &fake.sys, kind, &error);
    g_assert_null(r.kvm);
    g_assert_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED);
    g_assert_nonnull(strstr(error->message, words));
    g_assert_nonnull(strstr(error->message, "kernel_irqchip=off")); /* the remedy */
    g_error_free(error);
    rig_destroy(&r);
    fake_kvm_assert_clean(&fake);
}

static void test_lacking(void)
{
    lacks(ACCEL_IRQCHIP_ON, KVM_CAP_IRQCHIP, "kernel_irqchip=on: KVM here has no interrupt controllers");
    lacks(ACCEL_IRQCHIP_ON, KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING");
    lacks(ACCEL_IRQCHIP_ON, KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE");
    lacks(ACCEL_IRQCHIP_ON, -1, "KVM_CREATE_IRQCHIP failed"); /* the capability is there, the chips are not */
    lacks(ACCEL_IRQCHIP_SPLIT, KVM_CAP_SPLIT_IRQCHIP, "kernel_irqchip=split: KVM here has no local APICs");
    lacks(ACCEL_IRQCHIP_SPLIT, KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI");
    lacks(ACCEL_IRQCHIP_SPLIT, -1, "KVM_ENABLE_CAP failed");
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/kvm/irqchip/conversions", test_conversions);
    g_test_add_func("/kvm/irqchip/message", test_message);
    g_test_add_func("/kvm/irqchip/timer-at-its-end", test_timer_at_its_end);
    g_test_add_func("/kvm/irqchip/round-trips-on", test_round_trips_on);
    g_test_add_func("/kvm/irqchip/round-trips-split", test_round_trips_split);
    g_test_add_func("/kvm/irqchip/timer-goes-on", test_timer_goes_on);
    g_test_add_func("/kvm/irqchip/timer-ends-outside", test_timer_ends_outside);
    g_test_add_func("/kvm/irqchip/two-interrupts", test_two_interrupts);
    g_test_add_func("/kvm/irqchip/line", test_line);
    g_test_add_func("/kvm/irqchip/split-level", test_split_level);
    g_test_add_func("/kvm/irqchip/gang-waits", test_gang_waits);
    g_test_add_func("/kvm/irqchip/lacking", test_lacking);
    return g_test_run();
}
