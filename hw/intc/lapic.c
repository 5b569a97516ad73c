/*
 * Local APIC: Intel SDM volume 3, chapter 11. This file has the interrupt logic (11.8: priorities, acceptance,
 * EOI) and local interrupts (11.5).
 *
 * Messages arrive at once, so delivery status is always idle. Six entries in the local vector table; no CMCI, no
 * suppression of EOI broadcasts. SMIs vanish (there is no SMM); the thermal and performance counter entries have
 * no source. The polarity bits of LINT0 and LINT1 are kept but lines say "asserted". Focus checking is not there
 * (SVR bit 9 reads as 0).
 */
#include "hw/intc/lapic_impl.h"

#include <string.h>

#include "core/log.h"

/* ---- 256-bit registers ---- */

static int highest(const uint32_t bits[8])
{
    for (int i = 7; i >= 0; i--) {
        if (bits[i] != 0) {
            return i * 32 + 31 - __builtin_clz(bits[i]);
        }
    }
    return -1;
}

static void bit_set(uint32_t bits[8], unsigned n, bool on)
{
    bits[n / 32] = on ? bits[n / 32] | 1u << n % 32 : bits[n / 32] & ~(1u << n % 32);
}

static bool bit_get(const uint32_t bits[8], unsigned n)
{
    return (bits[n / 32] >> n % 32 & 1) != 0;
}

/* ---- priorities ---- */

uint8_t lapic_ppr(const struct lapic *apic)
{
    int serving = highest(apic->isr);
    uint8_t class = serving < 0 ? 0 : (uint8_t)(serving & 0xf0);
    return (apic->tpr & 0xf0) >= class ? apic->tpr : class;
}

static bool software_enabled(const struct lapic *apic)
{
    return apic->mode != LAPIC_OFF && (apic->svr & SVR_ENABLED) != 0;
}

/* The vector that may interrupt the CPU now, or -1. */
static int deliverable(const struct lapic *apic)
{
    int vector = software_enabled(apic) ? highest(apic->irr) : -1;
    return vector >= 0 && (vector & 0xf0) > (lapic_ppr(apic) & 0xf0) ? vector : -1;
}

static bool external(const struct lapic *apic)
{
    uint32_t lvt = apic->lvt[LVT_LINT0];
    if (apic->mode == LAPIC_OFF) {
        return apic->lint[0];
    }
    return apic->extint || (apic->lint[0] && (lvt & LVT_MASKED) == 0 && LVT_DELIVERY(lvt) == APIC_EXTINT);
}

/* LINT0 as a level-triggered vector: requested again after each EOI while the pin is asserted. LINT1 knows
 * edges alone. */
static void drive_lint0(struct lapic *apic)
{
    uint32_t lvt = apic->lvt[LVT_LINT0];
    if (apic->mode != LAPIC_OFF && apic->lint[0] && LVT_DELIVERY(lvt) == APIC_FIXED &&
        (lvt & (LVT_LEVEL | LVT_MASKED | LVT_REMOTE_IRR)) == LVT_LEVEL &&
        lapic_accept(apic, (uint8_t)lvt, true)) {
        apic->lvt[LVT_LINT0] |= LVT_REMOTE_IRR;
    }
}

void lapic_drive(struct device *dev)
{
    struct lapic *apic = (struct lapic *)dev;
    if (apic->away) {
        timer_cancel(&apic->timer);
        irq_set(apic->intr, false);
        return;
    }
    drive_lint0(apic);
    lapic_timer_drive(apic);
    irq_set(apic->intr, deliverable(apic) >= 0 || external(apic));
}

/* ---- acceptance ---- */

void lapic_error(struct lapic *apic, uint32_t error)
{
    bool first = (apic->errors & error) == 0;
    apic->errors |= error;
    if (first && (uint8_t)apic->lvt[LVT_ERROR] >= LAPIC_FIRST_VECTOR) {
        lapic_local(apic, LVT_ERROR);
    }
}

bool lapic_accept(struct lapic *apic, uint8_t vector, bool level)
{
    if (!software_enabled(apic)) {
        return false;
    }
    if (vector < LAPIC_FIRST_VECTOR) {
        lapic_error(apic, ESR_RECEIVE_ILLEGAL);
        return false;
    }
    bit_set(apic->irr, vector, true);
    bit_set(apic->tmr, vector, level);
    return true;
}

static void send_nmi(struct lapic *apic)
{
    if (apic->cpu.nmi != NULL) {
        apic->cpu.nmi(apic->cpu.arg, (unsigned)apic->index);
    }
}

static void send_init(struct lapic *apic)
{
    lapic_registers_reset(apic);
    if (apic->cpu.init != NULL) {
        apic->cpu.init(apic->cpu.arg, (unsigned)apic->index);
    }
}

/* Everything but driving the outputs. */
static bool deliver(struct lapic *apic, enum apic_delivery delivery, uint8_t vector, bool level)
{
    switch (delivery) {
    case APIC_FIXED:
    case APIC_LOWEST:
        return lapic_accept(apic, vector, level);
    case APIC_NMI:
        send_nmi(apic);
        return true;
    case APIC_INIT:
        send_init(apic);
        return true;
    case APIC_SIPI:
        if (apic->cpu.sipi != NULL) {
            apic->cpu.sipi(apic->cpu.arg, (unsigned)apic->index, vector);
        }
        return true;
    case APIC_EXTINT:
        apic->extint = true;
        return true;
    case APIC_SMI:
        log_print(apic->dev.machine->log, LOG_UNIMP, "APIC %u: SMI ignored\n", (unsigned)apic->index);
        return true;
    case APIC_RESERVED:
        break;
    }
    return false;
}

bool lapic_deliver(struct device *dev, const struct apic_message *message)
{
    struct lapic *apic = (struct lapic *)dev;
    if (apic->mode == LAPIC_OFF) {
        return false;
    }
    bool taken = deliver(apic, message->delivery, message->vector, message->level);
    lapic_drive(dev);
    return taken;
}

void lapic_local(struct lapic *apic, enum lapic_lvt entry)
{
    uint32_t lvt = apic->lvt[entry];
    if ((lvt & LVT_MASKED) == 0) {
        /* Timer and error entries have no delivery field. */
        bool fixed = entry == LVT_TIMER || entry == LVT_ERROR;
        deliver(apic, fixed ? APIC_FIXED : LVT_DELIVERY(lvt), (uint8_t)lvt, false);
    }
}

/* LINT0 as ExtINT, or level-triggered, is derived by lapic_drive(). */
static void lint_changed(void *sink, unsigned n, bool level)
{
    struct lapic *apic = sink;
    bool rise = level && !apic->lint[n];
    uint32_t lvt = apic->lvt[LVT_LINT0 + n];
    bool by_level = n == 0 && (LVT_DELIVERY(lvt) == APIC_EXTINT ||
                               (LVT_DELIVERY(lvt) == APIC_FIXED && (lvt & LVT_LEVEL) != 0));
    apic->lint[n] = level;
    if (apic->away) {
        return;
    }
    if (rise && apic->mode == LAPIC_OFF && n == 1) {
        send_nmi(apic);
    } else if (rise && apic->mode != LAPIC_OFF && !by_level) {
        lapic_local(apic, LVT_LINT0 + n);
    }
    lapic_drive(&apic->dev);
}

int lapic_acknowledge(struct device *dev)
{
    struct lapic *apic = (struct lapic *)dev;
    int vector = deliverable(apic);
    if (vector >= 0) {
        bit_set(apic->irr, (unsigned)vector, false);
        bit_set(apic->isr, (unsigned)vector, true);
    } else if (external(apic)) {
        apic->extint = false;
        vector = apic->pic_acknowledge != NULL ? apic->pic_acknowledge(apic->pic_arg) : -1;
    }
    lapic_drive(dev);
    return vector;
}

void lapic_eoi(struct lapic *apic)
{
    int vector = highest(apic->isr);
    if (vector < 0) {
        return;
    }
    bit_set(apic->isr, (unsigned)vector, false);
    if (!bit_get(apic->tmr, (unsigned)vector)) {
        return;
    }
    if ((uint8_t)apic->lvt[LVT_LINT0] == vector) {
        apic->lvt[LVT_LINT0] &= ~LVT_REMOTE_IRR;
    }
    if (apic->bus != NULL) {
        apic_bus_eoi(apic->bus, (uint8_t)vector);
    }
}

/* ---- destinations ---- */

static bool matches_logical(const struct lapic *apic, uint32_t destination)
{
    if (apic->mode == LAPIC_X2APIC) {
        return destination >> 16 == apic->ldr >> 16 && (destination & apic->ldr & 0xffff) != 0;
    }
    uint8_t ldr = (uint8_t)(apic->ldr >> 24), to = (uint8_t)destination;
    if (apic->dfr >> 28 == 15) {
        return (to & ldr) != 0;
    }
    return (to >> 4 == ldr >> 4 || to >> 4 == 15) && (to & ldr & 15) != 0;
}

bool lapic_matches(const struct device *dev, uint32_t destination, bool logical)
{
    const struct lapic *apic = (const struct lapic *)dev;
    if (apic->mode == LAPIC_OFF) {
        return false;
    }
    if (destination == APIC_BROADCAST) {
        return true;
    }
    if (logical) {
        return matches_logical(apic, destination);
    }
    return destination == (apic->mode == LAPIC_X2APIC ? apic->index : apic->id);
}

bool lapic_enabled(const struct device *dev)
{
    return software_enabled((const struct lapic *)dev);
}

uint8_t lapic_priority(const struct device *dev)
{
    return lapic_ppr((const struct lapic *)dev);
}

/* ---- the CPU's side ---- */

uint8_t lapic_tpr(struct device *dev)
{
    return ((struct lapic *)dev)->tpr;
}

void lapic_set_tpr(struct device *dev, uint8_t tpr)
{
    ((struct lapic *)dev)->tpr = tpr;
    lapic_drive(dev);
}

void lapic_set_base(struct device *dev, uint64_t base)
{
    struct lapic *apic = (struct lapic *)dev;
    uint8_t mode = (base & 0x800) == 0 ? LAPIC_OFF : (base & 0x400) != 0 ? LAPIC_X2APIC : LAPIC_XAPIC;
    if (mode == apic->mode) {
        return;
    }
    apic->mode = mode;
    if (mode == LAPIC_OFF) {
        lapic_registers_reset(apic);
        apic->id = (uint8_t)apic->index;
    } else if (mode == LAPIC_X2APIC) {
        uint32_t id = (uint32_t)apic->index;
        apic->ldr = (id >> 4) << 16 | 1u << (id & 15);
    }
    lapic_drive(dev);
}

/* ---- device ---- */

static bool lapic_create(struct device *dev, GError **error)
{
    struct lapic *apic = (struct lapic *)dev;
    if (apic->index >= APIC_BUS_MAX_CPUS) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "apic: id must be below %u",
                    APIC_BUS_MAX_CPUS);
        return false;
    }
    region_init_io(&apic->io, "apic", 0x1000, &lapic_ops, apic);
    device_add_region(dev, &apic->io);
    for (unsigned n = 0; n < G_N_ELEMENTS(apic->inputs); n++) {
        irq_init(&apic->inputs[n], n == 0 ? "lint0" : "lint1", lint_changed, apic, n);
    }
    dev->inputs = apic->inputs;
    dev->input_count = G_N_ELEMENTS(apic->inputs);
    timer_init(&apic->timer, dev->machine->guest_clock, lapic_timer_fire, apic);
    return true;
}

void lapic_registers_reset(struct lapic *apic)
{
    apic->tpr = 0;
    apic->ldr = 0;
    if (apic->mode == LAPIC_X2APIC) {
        apic->ldr = (uint32_t)(apic->index >> 4) << 16 | 1u << (apic->index & 15);
    }
    apic->dfr = 0xffffffff;
    apic->svr = 0xff;
    apic->esr = apic->errors = 0;
    apic->icr = 0;
    memset(apic->isr, 0, sizeof(apic->isr));
    memset(apic->tmr, 0, sizeof(apic->tmr));
    memset(apic->irr, 0, sizeof(apic->irr));
    for (unsigned i = 0; i < LVT_COUNT; i++) {
        apic->lvt[i] = LVT_MASKED;
    }
    if (apic->virtual_wire) {
        apic->lvt[LVT_LINT0] = APIC_EXTINT << 8;
    }
    apic->divide = apic->initial_count = 0;
    apic->next = CLOCK_NEVER;
    apic->deadline = 0;
    apic->extint = false;
}

static void lapic_reset(struct device *dev)
{
    struct lapic *apic = (struct lapic *)dev;
    apic->mode = LAPIC_XAPIC;
    apic->id = (uint8_t)apic->index;
    lapic_registers_reset(apic);
    for (unsigned n = 0; n < G_N_ELEMENTS(apic->inputs); n++) {
        apic->lint[n] = apic->inputs[n].level;
    }
}

static void lapic_loaded(struct device *dev)
{
    struct lapic *apic = (struct lapic *)dev;
    if (apic->mode > LAPIC_X2APIC) {
        apic->mode = LAPIC_XAPIC;
    }
    apic->divide &= 0xb;
    apic->irr[0] &= 0xffff0000;
    apic->isr[0] &= 0xffff0000;
}

static void lapic_destroy(struct device *dev)
{
    timer_finish(&((struct lapic *)dev)->timer);
}

struct irq *lapic_lint(struct device *dev, unsigned n)
{
    struct lapic *apic = (struct lapic *)dev;
    g_assert(n < G_N_ELEMENTS(apic->inputs));
    return &apic->inputs[n];
}

void lapic_connect_cpu(struct device *dev, struct irq *intr, const struct lapic_cpu *cpu)
{
    struct lapic *apic = (struct lapic *)dev;
    apic->intr = intr;
    apic->cpu = *cpu;
}

void lapic_connect_pic(struct device *dev, int (*acknowledge)(void *arg), void *arg)
{
    struct lapic *apic = (struct lapic *)dev;
    apic->pic_acknowledge = acknowledge;
    apic->pic_arg = arg;
}

void lapic_connect_bus(struct device *dev, struct apic_bus *bus)
{
    g_assert(bus->cpu_count < APIC_BUS_MAX_CPUS);
    ((struct lapic *)dev)->bus = bus;
    bus->cpus[bus->cpu_count++] = dev;
}

static const struct property lapic_properties[] = {
    { "id", PROPERTY_U64, offsetof(struct lapic, index), "0", "initial APIC id" },
    { "virtual-wire", PROPERTY_BOOL, offsetof(struct lapic, virtual_wire), NULL,
      "LINT0 is unmasked ExtINT after reset" },
    { NULL, 0, 0, NULL, NULL },
};

static const struct field lapic_fields[] = {
    FIELD_U8(struct lapic, mode),
    FIELD_U8(struct lapic, id),
    FIELD_U8(struct lapic, tpr),
    FIELD_U32(struct lapic, ldr),
    FIELD_U32(struct lapic, dfr),
    FIELD_U32(struct lapic, svr),
    FIELD_U32(struct lapic, esr),
    FIELD_U32(struct lapic, errors),
    FIELD_U64(struct lapic, icr),
    FIELD_U32_ARRAY(struct lapic, isr),
    FIELD_U32_ARRAY(struct lapic, tmr),
    FIELD_U32_ARRAY(struct lapic, irr),
    FIELD_U32_ARRAY(struct lapic, lvt),
    FIELD_U32(struct lapic, divide),
    FIELD_U32(struct lapic, initial_count),
    FIELD_U64(struct lapic, next),
    FIELD_U64(struct lapic, deadline),
    FIELD_BOOL_ARRAY(struct lapic, lint),
    FIELD_BOOL(struct lapic, extint),
    FIELD_END,
};

const struct device_class lapic_class = {
    .name = "apic",
    .description = "local APIC (xAPIC and x2APIC)",
    .state_size = sizeof(struct lapic),
    .properties = lapic_properties,
    .fields = lapic_fields,
    .create = lapic_create,
    .reset = lapic_reset,
    .drive = lapic_drive,
    .loaded = lapic_loaded,
    .destroy = lapic_destroy,
};
