/*
 * See kvm_irqchip.h.
 *
 * Order of giving: lines first, which stir up what is about to be overwritten; then each CPU with its local APIC; then
 * 8259s and I/O APIC, which may send to it. Of taking: local APICs, with what is pending there; CPUs; then the chips.
 */
#include "accel/kvm/kvm_irqchip.h"

#include <errno.h>
#include <string.h>

#include "accel/interp/apic.h"
#include "accel/kvm/kvm_impl.h"

#define MSR_TSC_DEADLINE 0x6e0
#define LVT_TIMER_MODE 0x60000u
#define LVT_TIMER_PERIODIC 0x20000u
#define LVT_TIMER_DEADLINE 0x40000u
#define LVT_MASKED 0x10000u
#define ENTRY_LEVEL (1ull << 15)
#define TIMER_LATE_NS 200000u

/* The kernel's header with room behind it. */
union routing {
    struct kvm_irq_routing head;
    uint8_t room[sizeof(struct kvm_irq_routing) + 64 * sizeof(struct kvm_irq_routing_entry)];
};

static int vm_ioctl(struct kvm_engine *e, unsigned long request, void *data)
{
    return kvm_sys_ioctl_ptr(&e->sys, e->vm, request, data);
}

/* ---- making the chips ---- */

static void route_add(union routing *routing, unsigned gsi, unsigned chip, unsigned pin)
{
    routing->head.entries[routing->head.nr++] = (struct kvm_irq_routing_entry){
        .gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

/* As the board is wired (hw/pc/pc_irq.c). */
static int routes_board(struct kvm_engine *e)
{
    union routing routing = { .room = { 0 } };
    for (unsigned n = 0; n < IRQCHIP_ISA_LINES; n++) {
        if (n != 2) {
            route_add(&routing, n, n / 8, n % 8);
            route_add(&routing, n, KVM_IRQCHIP_IOAPIC, n == 0 ? 2 : n);
        }
    }
    return vm_ioctl(e, KVM_SET_GSI_ROUTING, &routing);
}

static bool lacking(GError **error, const char *kind, const char *what)
{
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                "-machine kernel_irqchip=%s: KVM here has no %s; leave it out or use kernel_irqchip=off", kind, what);
    return false;
}

static int extension(struct kvm_engine *e, int number)
{
    return kvm_sys_ioctl(&e->sys, e->device, KVM_CHECK_EXTENSION, (uintptr_t)number);
}

static bool create_on(struct kvm_engine *e, GError **error)
{
    if (extension(e, KVM_CAP_IRQCHIP) <= 0) {
        return lacking(error, "on", "interrupt controllers (KVM_CAP_IRQCHIP)");
    }
    if (extension(e, KVM_CAP_IRQ_ROUTING) <= 0) {
        return lacking(error, "on", "interrupt routing (KVM_CAP_IRQ_ROUTING)");
    }
    return (vm_ioctl(e, KVM_CREATE_IRQCHIP, NULL) >= 0 && routes_board(e) >= 0) ||
           lacking(error, "on", "use for its interrupt controllers (KVM_CREATE_IRQCHIP failed)");
}

static bool create_split(struct kvm_engine *e, GError **error)
{
    struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args[0] = IRQCHIP_IOAPIC_PINS };
    if (extension(e, KVM_CAP_SPLIT_IRQCHIP) <= 0) {
        return lacking(error, "split", "local APICs of that kind (KVM_CAP_SPLIT_IRQCHIP)");
    }
    if (extension(e, KVM_CAP_SIGNAL_MSI) <= 0 || extension(e, KVM_CAP_IRQ_ROUTING) <= 0) {
        return lacking(error, "split", "messages to local APICs (KVM_CAP_SIGNAL_MSI, KVM_CAP_IRQ_ROUTING)");
    }
    return vm_ioctl(e, KVM_ENABLE_CAP, &cap) >= 0 ||
           lacking(error, "split", "use for split interrupt controllers (KVM_ENABLE_CAP failed)");
}

bool kvm_irqchip_create(struct kvm_engine *e, GError **error)
{
    if (e->irqchip.kind == ACCEL_IRQCHIP_OFF) {
        return true;
    }
    const char *kind = e->irqchip.kind == ACCEL_IRQCHIP_ON ? "on" : "split";
    if (e->machine->irqchip.cpus < e->count || !x86_has(e->cpuid, X86_APIC)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                    "-machine kernel_irqchip=%s: the guest's CPU has no APIC; choose another -cpu, or use "
                    "kernel_irqchip=off", kind);
        return false;
    }
    if (extension(e, KVM_CAP_MP_STATE) <= 0) {
        return lacking(error, kind, "KVM_CAP_MP_STATE");
    }
    return e->irqchip.kind == ACCEL_IRQCHIP_ON ? create_on(e, error) : create_split(e, error);
}

/* ---- what the board does while its chips are away; machine lock held ---- */

static void line_tell(struct kvm_engine *e, unsigned n, bool level)
{
    struct kvm_irq_level line = { .irq = n, .level = level };
    if ((e->irqchip.lines >> n & 1) != level) {
        vm_ioctl(e, KVM_IRQ_LINE, &line);
        e->irqchip.lines ^= (uint16_t)(1u << n);
    }
}

static void on_line(void *arg, unsigned n, bool level)
{
    line_tell(arg, n, level);
}

static void on_extint(void *arg, bool level)
{
    struct kvm_engine *e = arg;
    __atomic_store_n(&e->irqchip.extint, level, __ATOMIC_SEQ_CST);
    if (level) {
        kvm_kick_all(e);
    }
}

/* KVM must know the I/O APIC's table to report the end of level-triggered interrupts. */
static void routes_renew(struct kvm_engine *e)
{
    const struct machine_irqchip *chips = &e->machine->irqchip;
    struct ioapic_registers ioapic;
    union routing routing = { .room = { 0 } };
    chips->get_ioapic(chips->arg, &ioapic);
    uint64_t changed = 0;
    for (unsigned n = 0; n < IRQCHIP_IOAPIC_PINS; n++) {
        const uint64_t remote_irr = 1ull << 14;
        struct irqchip_message message = kvm_ioapic_message(ioapic.table[n]);
        changed |= (ioapic.table[n] ^ e->irqchip.routes[n]) & ~remote_irr;
        e->irqchip.routes[n] = ioapic.table[n];
        routing.head.entries[routing.head.nr++] = (struct kvm_irq_routing_entry){
            .gsi = n, .type = KVM_IRQ_ROUTING_MSI,
            .u.msi = { .address_lo = (uint32_t)message.address, .data = message.data },
        };
    }
    if (changed != 0) {
        vm_ioctl(e, KVM_SET_GSI_ROUTING, &routing);
    }
}

static bool on_message(void *arg, const struct irqchip_message *message)
{
    const uint32_t level = 0x8000;
    struct kvm_engine *e = arg;
    struct kvm_msi msi = { .address_lo = (uint32_t)message->address, .data = message->data };
    if ((message->data & level) != 0 && e->irqchip.kind == ACCEL_IRQCHIP_SPLIT) {
        routes_renew(e);
    }
    return vm_ioctl(e, KVM_SIGNAL_MSI, &msi) > 0;
}

void kvm_irqchip_eoi(struct kvm_engine *e, uint8_t vector)
{
    const struct machine_irqchip *chips = &e->machine->irqchip;
    lock_acquire(&e->machine->lock);
    chips->eoi(chips->arg, vector);
    lock_release(&e->machine->lock);
}

/* ---- a CPU ---- */

static int deadline_get(struct kvm_cpu *c, uint64_t *value)
{
    return kvm_msr_read(c, MSR_TSC_DEADLINE, value);
}

/* On a KVM that emulates, what a CPU does after a start-up message is for the interpreter (kvm_turn_start_up()). There
 * is no exit for such a message, but single step stops at the first instruction after it. */
static int alarm_set(struct kvm_cpu *c, bool on)
{
    struct kvm_guest_debug debug = { .control = on ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP : 0 };
    if (on == c->alarmed) {
        return 0;
    }
    c->alarmed = on;
    return kvm_cpu_ioctl(c, KVM_SET_GUEST_DEBUG, &debug);
}

int kvm_lapic_give(struct kvm_cpu *c, uint32_t activity)
{
    const struct machine_irqchip *chips = &c->engine->machine->irqchip;
    struct lapic_registers lapic;
    struct kvm_lapic_state k;
    struct kvm_mp_state mp = { .mp_state = activity == X86_HALTED      ? KVM_MP_STATE_HALTED
                                           : activity == X86_WAIT_SIPI ? KVM_MP_STATE_INIT_RECEIVED
                                                                       : KVM_MP_STATE_RUNNABLE };
    chips->get_lapic(chips->arg, c->index, &lapic);
    c->initial_count = lapic.current_count == 0 ? lapic.initial_count : 0;
    kvm_lapic_from(&k, &lapic);
    int error = alarm_set(c, c->engine->limits.emulated && c->index > 0 && activity != X86_ACTIVE);
    error = error < 0 ? error : kvm_cpu_ioctl(c, KVM_SET_LAPIC, &k);
    if (error >= 0 && (lapic.lvt[0] & LVT_TIMER_MODE) == LVT_TIMER_DEADLINE) {
        error = kvm_msr_write(c, MSR_TSC_DEADLINE, lapic.deadline);
    }
    return error < 0 ? error : kvm_cpu_ioctl(c, KVM_SET_MP_STATE, &mp);
}

/* KVM does what it does at each entry, and the guest does not run: it is taken for halted, and a signal is pending, so
 * that its interrupts stay where they are. (A guarded CPU that took another one would lose the first.) */
static void enter_halted(struct kvm_cpu *c)
{
    struct kvm_mp_state before, halted = { .mp_state = KVM_MP_STATE_HALTED };
    if (kvm_cpu_ioctl(c, KVM_GET_MP_STATE, &before) < 0) {
        return;
    }
    if (before.mp_state == KVM_MP_STATE_RUNNABLE) {
        kvm_cpu_ioctl(c, KVM_SET_MP_STATE, &halted);
    }
    kvm_enter_and_leave(c);
    kvm_cpu_ioctl(c, KVM_SET_MP_STATE, &before);
}

/* What was seen of a CPU's local APIC while it stands. */
struct lapic_look {
    struct lapic_registers lapic;
    bool seen;
    uint64_t ended; /* host time at which a single count was first seen at its end, 0 = never */
};

/* A count that has come to its end is in IRR only after the next entry, and KVM tells of it in no other way. Its timer
 * may even be late, since the count is computed from the time: a periodic count then stays at 0, a single one cannot be
 * told from one that ended long ago. */
static bool timer_doubtful(struct kvm_engine *e, struct lapic_look *look, const struct lapic_registers *now)
{
    uint32_t mode = now->lvt[0] & LVT_TIMER_MODE;
    if (now->initial_count == 0 || mode == LVT_TIMER_DEADLINE || (now->lvt[0] & LVT_MASKED) != 0) {
        return false;
    }
    if (mode == LVT_TIMER_PERIODIC) {
        return !look->seen || now->current_count == 0 || now->current_count > look->lapic.current_count;
    }
    if (now->current_count != 0) {
        return false;
    }
    look->ended = look->ended != 0 ? look->ended : kvm_now(e);
    return kvm_now(e) - look->ended < TIMER_LATE_NS;
}

/* Fetches all local APICs. True if an end of a count may be missing; then, with `enter`, those CPUs have been entered. */
static bool lapics_look(struct kvm_engine *e, struct lapic_look *looks, bool enter)
{
    bool doubt = false;
    for (unsigned i = 0; i < e->count; i++) {
        struct kvm_cpu *c = &e->cpus[i];
        struct lapic_registers now = { 0 };
        uint32_t activity;
        kvm_activity_get(c, &activity); /* carries out INIT, which changes the registers */
        if (kvm_lapic_take(c, &now) < 0) {
            log_print(e->machine->log, LOG_CPU_RESET, "CPU#%u: KVM does not give the local APIC back\n", i);
        } else if (timer_doubtful(e, &looks[i], &now)) {
            doubt = true;
            if (enter) {
                enter_halted(c);
            }
        }
        looks[i].lapic = now;
        looks[i].seen = true;
    }
    return doubt;
}

/* Takes all local APICs, and the machine lock, so that no message comes any more; what goes on in the kernel afterwards
 * is void. held: the lock is held already, so that nothing can be entered. */
static void lapics_take(struct kvm_engine *e, struct lapic_look *looks, bool held)
{
    enum { MOST = 100 };
    for (unsigned i = 0; i < MOST && !held; i++) {
        if (lapics_look(e, looks, true)) {
            continue;
        }
        lock_acquire(&e->machine->lock);
        if (!lapics_look(e, looks, false)) {
            return;
        }
        lock_release(&e->machine->lock);
    }
    if (!held) {
        lock_acquire(&e->machine->lock);
    }
    lapics_look(e, looks, false);
}

int kvm_lapic_take(struct kvm_cpu *c, struct lapic_registers *lapic)
{
    struct kvm_lapic_state k;
    int error = kvm_cpu_ioctl(c, KVM_GET_LAPIC, &k);
    if (error < 0) {
        return error;
    }
    kvm_lapic_to(lapic, &k);
    if (lapic->initial_count == 0) {
        lapic->initial_count = c->initial_count; /* it had come to its end, and was not started anew */
    }
    return (lapic->lvt[0] & LVT_TIMER_MODE) == LVT_TIMER_DEADLINE ? deadline_get(c, &lapic->deadline) : 0;
}

int kvm_activity_get(struct kvm_cpu *c, uint32_t *activity)
{
    struct kvm_mp_state mp = { 0 };
    int error = kvm_cpu_ioctl(c, KVM_GET_MP_STATE, &mp);
    bool waits = mp.mp_state == KVM_MP_STATE_INIT_RECEIVED || mp.mp_state == KVM_MP_STATE_UNINITIALIZED;
    *activity = mp.mp_state == KVM_MP_STATE_HALTED ? X86_HALTED : waits ? X86_WAIT_SIPI : X86_ACTIVE;
    return error;
}

bool kvm_irqchip_waits(struct kvm_cpu *c)
{
    uint32_t activity;
    return kvm_activity_get(c, &activity) >= 0 && activity != X86_ACTIVE;
}

/* By the events and not by KVM_INTERRUPT: what that one has taken cannot be asked back. */
void kvm_irqchip_inject(struct kvm_cpu *c, uint8_t vector)
{
    struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };
    struct kvm_vcpu_events *events = &c->run->s.regs.events;
    events->interrupt.injected = 1;
    events->interrupt.nr = vector;
    events->interrupt.soft = 0;
    kvm_events_put(c);
    if (kvm_irqchip_waits(c)) {
        kvm_cpu_ioctl(c, KVM_SET_MP_STATE, &mp);
    }
}

/* ---- the gang ---- */

static bool may_go(struct kvm_cpu *c)
{
    const struct cpu *cpu = c->cpu;
    bool waits = cpu->s.activity == X86_HALTED || cpu->s.activity == X86_WAIT_SIPI;
    return waits ? kvm_turn_idle(c) : !kvm_turn_lasts(c);
}

static void chips_give(struct kvm_engine *e)
{
    const struct machine_irqchip *chips = &e->machine->irqchip;
    struct irqchip_outside outside = { .arg = e, .line = on_line, .extint = on_extint, .message = on_message };
    bool on = e->irqchip.kind == ACCEL_IRQCHIP_ON;
    for (unsigned chip = 0; on && chip < 2; chip++) {
        struct kvm_irqchip k = { .chip_id = chip };
        struct pic_registers pic;
        chips->get_pic(chips->arg, chip, &pic);
        kvm_pic_from(&k.chip.pic, chip, &pic, (uint8_t)(e->irqchip.lines >> 8 * chip));
        vm_ioctl(e, KVM_SET_IRQCHIP, &k);
    }
    if (on) {
        struct kvm_irqchip k = { .chip_id = KVM_IRQCHIP_IOAPIC };
        struct ioapic_registers ioapic;
        chips->get_ioapic(chips->arg, &ioapic);
        kvm_ioapic_from(&k.chip.ioapic, &ioapic, (e->irqchip.lines & ~5u) | (e->irqchip.lines & 1u) << 2);
        vm_ioctl(e, KVM_SET_IRQCHIP, &k);
    }
    chips->move(chips->arg, on ? IRQCHIP_ALL_AWAY : IRQCHIP_LAPICS_AWAY, &outside);
    if (!on) {
        __atomic_store_n(&e->irqchip.extint, chips->extint(chips->arg), __ATOMIC_SEQ_CST);
        routes_renew(e);
    }
}

static void chips_take(struct kvm_engine *e)
{
    const struct machine_irqchip *chips = &e->machine->irqchip;
    for (unsigned chip = 0; e->irqchip.kind == ACCEL_IRQCHIP_ON && chip < 3; chip++) {
        struct kvm_irqchip k = { .chip_id = chip };
        if (vm_ioctl(e, KVM_GET_IRQCHIP, &k) < 0) {
            log_print(e->machine->log, LOG_CPU_RESET, "KVM does not give interrupt controller %u back\n", chip);
        } else if (chip == KVM_IRQCHIP_IOAPIC) {
            struct ioapic_registers ioapic;
            kvm_ioapic_to(&ioapic, &k.chip.ioapic);
            chips->put_ioapic(chips->arg, &ioapic);
        } else {
            struct pic_registers pic;
            kvm_pic_to(&pic, chip, &k.chip.pic);
            chips->put_pic(chips->arg, chip, &pic);
        }
    }
    e->irqchip.away = false;
    chips->move(chips->arg, IRQCHIP_HERE, NULL);
}

/* The local APIC of a CPU that is on the interpreter again. */
static void lapic_settle(struct kvm_cpu *c, const struct lapic_registers *lapic)
{
    const struct machine_irqchip *chips = &c->engine->machine->irqchip;
    apic_set_base(c->cpu);
    chips->put_lapic(chips->arg, c->index, lapic);
    c->cpu->s.cr8 = lapic->tpr >> 4;
    if (lapic->deadline != 0) {
        apic_deadline_write(c->cpu, lapic->deadline);
    }
}

void kvm_gang_take(struct kvm_engine *e)
{
    bool held = lock_held(&e->machine->lock);
    if (!e->irqchip.away) {
        return;
    }
    /* With the lock held, which is for tests only, exits could not be served. */
    for (unsigned i = 0; i < e->count && !held; i++) {
        kvm_io_complete(&e->cpus[i]);
    }
    g_autofree struct lapic_look *looks = g_new0(struct lapic_look, e->count);
    lapics_take(e, looks, held);
    for (unsigned i = 0; i < e->count; i++) {
        struct kvm_cpu *c = &e->cpus[i];
        kvm_take(c, false);
        if (c->alarmed && (c->cpu->s.cr0 & CR0_PE) == 0) {
            kvm_turn_start_up(c);
        }
        lapic_settle(c, &looks[i].lapic);
    }
    chips_take(e);
    if (!held) {
        lock_release(&e->machine->lock);
    }
}

/* Machine lock held. False: KVM refuses a CPU; those before it have gone. */
static bool cpus_give(struct kvm_engine *e)
{
    for (unsigned i = 0; i < e->count; i++) {
        struct kvm_cpu *c = &e->cpus[i];
        c->turn.patient = e->irqchip.kind == ACCEL_IRQCHIP_SPLIT && c->turn.reason == KVM_REASON_LATE &&
                          e->machine->irqchip.extint(e->machine->irqchip.arg);
        if (kvm_give(c) < 0) {
            return false;
        }
        c->turn.native_since = kvm_now(e);
    }
    return true;
}

enum kvm_gang kvm_gang_give(struct kvm_cpu *c)
{
    struct kvm_engine *e = c->engine;
    enum kvm_gang result = KVM_GANG_GIVEN;
    world_take(&e->world, kvm_kick_all, e);
    lock_acquire(&e->machine->lock);
    for (unsigned i = 0; i < e->count && !e->irqchip.away; i++) {
        result = may_go(&e->cpus[i]) ? result : KVM_GANG_NOT_YET;
    }
    if (result == KVM_GANG_GIVEN && !e->irqchip.away) {
        const struct machine_irqchip *chips = &e->machine->irqchip;
        for (unsigned n = 0; e->irqchip.kind == ACCEL_IRQCHIP_ON && n < IRQCHIP_ISA_LINES; n++) {
            line_tell(e, n, chips->line(chips->arg, n));
        }
        if (cpus_give(e)) {
            chips_give(e);
            e->irqchip.away = true;
        } else {
            result = KVM_GANG_REFUSED;
            for (unsigned i = 0; i < e->count; i++) {
                e->cpus[i].native = false; /* KVM has changed nothing */
            }
        }
    }
    lock_release(&e->machine->lock);
    world_release(&e->world);
    for (unsigned i = 0; i < e->count && result == KVM_GANG_GIVEN && e->wake != NULL; i++) {
        if (i != c->index) {
            e->wake(e->wake_arg, i);
        }
    }
    return result;
}
