/*
 * The local APIC's registers: SDM volume 3, 11.4.1 (the page), 11.12 (x2APIC MSRs), 11.6 (interprocessor
 * interrupts), 11.5.3 (errors). Both views share one set of functions, by register number.
 */
#include "hw/intc/lapic_impl.h"

/* Version 14h, six entries in the vector table. */
#define VERSION_VALUE (0x14u | (LVT_COUNT - 1) << 16)

#define ICR_WRITABLE 0xccfffu
#define ICR_LOGICAL 0x800u
#define ICR_LEVEL_ASSERT 0x4000u
#define ICR_TRIGGER_LEVEL 0x8000u

enum shorthand { SHORTHAND_NONE, SHORTHAND_SELF, SHORTHAND_ALL, SHORTHAND_OTHERS };

/* Bits of each vector table entry that software can write. */
static const uint32_t lvt_writable[LVT_COUNT] = {
    [LVT_TIMER] = 0x700ff, [LVT_THERMAL] = 0x107ff, [LVT_PERFORMANCE] = 0x107ff,
    [LVT_LINT0] = 0x1a7ff, [LVT_LINT1] = 0x1a7ff,   [LVT_ERROR] = 0x100ff,
};

/* ---- interprocessor interrupts ---- */

static void icr_send(struct lapic *apic)
{
    uint32_t low = (uint32_t)apic->icr, high = (uint32_t)(apic->icr >> 32);
    struct apic_message message = {
        .destination = high,
        .logical = (low & ICR_LOGICAL) != 0,
        .delivery = low >> 8 & 7,
        .vector = (uint8_t)low,
    };
    if (apic->mode == LAPIC_XAPIC) {
        message.destination = high >> 24 == 0xff && !message.logical ? APIC_BROADCAST : high >> 24;
    }
    bool vectored = message.delivery == APIC_FIXED || message.delivery == APIC_LOWEST;
    if (vectored && message.vector < LAPIC_FIRST_VECTOR) {
        lapic_error(apic, ESR_SEND_ILLEGAL);
        return;
    }
    /* INIT with level 0 only sets arbitration ids, which nothing here uses. */
    if (message.delivery == APIC_INIT && (low & ICR_LEVEL_ASSERT) == 0 && (low & ICR_TRIGGER_LEVEL) != 0) {
        return;
    }
    enum shorthand shorthand = low >> 18 & 3;
    if (shorthand == SHORTHAND_SELF) {
        lapic_deliver(&apic->dev, &message);
        return;
    }
    if (shorthand != SHORTHAND_NONE) {
        message.destination = APIC_BROADCAST;
    }
    if (apic->bus != NULL) {
        apic_bus_send(apic->bus, &message, shorthand == SHORTHAND_OTHERS ? &apic->dev : NULL);
    }
}

/* ---- common to both views ---- */

static uint32_t register_read(struct lapic *apic, unsigned reg)
{
    switch (reg) {
    case LAPIC_ID:
        return apic->mode == LAPIC_X2APIC ? (uint32_t)apic->index : (uint32_t)apic->id << 24;
    case LAPIC_VERSION:
        return VERSION_VALUE;
    case LAPIC_TPR:
        return apic->tpr;
    case LAPIC_PPR:
        return lapic_ppr(apic);
    case LAPIC_LDR:
        return apic->ldr;
    case LAPIC_DFR:
        return apic->dfr;
    case LAPIC_SVR:
        return apic->svr;
    case LAPIC_ISR ... LAPIC_ISR + 7:
        return apic->isr[reg - LAPIC_ISR];
    case LAPIC_TMR ... LAPIC_TMR + 7:
        return apic->tmr[reg - LAPIC_TMR];
    case LAPIC_IRR ... LAPIC_IRR + 7:
        return apic->irr[reg - LAPIC_IRR];
    case LAPIC_ESR:
        return apic->esr;
    case LAPIC_ICR_LOW:
        return (uint32_t)apic->icr;
    case LAPIC_ICR_HIGH:
        return (uint32_t)(apic->icr >> 32);
    case LAPIC_LVT ... LAPIC_LVT_LAST:
        return apic->lvt[reg - LAPIC_LVT];
    case LAPIC_INITIAL_COUNT:
        return apic->initial_count;
    case LAPIC_CURRENT_COUNT:
        return lapic_timer_count(apic);
    case LAPIC_DIVIDE:
        return apic->divide;
    default:
        return 0;
    }
}

static void lvt_write(struct lapic *apic, enum lapic_lvt entry, uint32_t value)
{
    value &= lvt_writable[entry];
    if ((apic->svr & SVR_ENABLED) == 0) {
        value |= LVT_MASKED;
    }
    value |= apic->lvt[entry] & LVT_REMOTE_IRR;
    if ((value & LVT_LEVEL) == 0) {
        value &= ~LVT_REMOTE_IRR;
    }
    if (entry == LVT_TIMER) {
        lapic_timer_set_lvt(apic, value);
    } else {
        apic->lvt[entry] = value;
    }
}

static void svr_write(struct lapic *apic, uint32_t value)
{
    apic->svr = value & 0x1ff;
    if ((apic->svr & SVR_ENABLED) == 0) {
        for (unsigned i = 0; i < LVT_COUNT; i++) {
            apic->lvt[i] |= LVT_MASKED;
        }
    }
}

static void register_write(struct lapic *apic, unsigned reg, uint32_t value)
{
    switch (reg) {
    case LAPIC_TPR:
        apic->tpr = (uint8_t)value;
        break;
    case LAPIC_EOI:
        lapic_eoi(apic);
        break;
    case LAPIC_SVR:
        svr_write(apic, value);
        break;
    case LAPIC_ESR:
        apic->esr = apic->errors;
        apic->errors = 0;
        break;
    case LAPIC_LVT ... LAPIC_LVT_LAST:
        lvt_write(apic, reg - LAPIC_LVT, value);
        break;
    case LAPIC_INITIAL_COUNT:
        lapic_timer_start(apic, value);
        break;
    case LAPIC_DIVIDE:
        lapic_timer_set_divide(apic, value);
        break;
    default:
        break;
    }
}

/* ---- the page ---- */

static bool is_register(unsigned reg)
{
    return reg == LAPIC_ID || reg == LAPIC_VERSION || (reg >= LAPIC_TPR && reg <= LAPIC_ESR) ||
           (reg >= LAPIC_ICR_LOW && reg <= LAPIC_CURRENT_COUNT) || reg == LAPIC_DIVIDE;
}

uint64_t lapic_read(struct device *dev, uint32_t offset, unsigned size)
{
    struct lapic *apic = (struct lapic *)dev;
    unsigned reg = (offset & 0xfff) >> 4, shift = (offset & 15) * 8;
    if (apic->mode != LAPIC_XAPIC || shift >= 32) {
        return 0;
    }
    lapic_timer_account(apic);
    if (!is_register(reg)) {
        lapic_error(apic, ESR_REGISTER);
    }
    lapic_drive(dev);
    return register_read(apic, reg) >> shift;
}

void lapic_write(struct device *dev, uint32_t offset, uint64_t value, unsigned size)
{
    struct lapic *apic = (struct lapic *)dev;
    unsigned reg = (offset & 0xfff) >> 4;
    /* Only aligned writes of 32 bits are defined; programs that write bytes of one mean its low part. */
    if (apic->mode != LAPIC_XAPIC || (offset & 15) != 0) {
        return;
    }
    uint32_t v = (uint32_t)value;
    lapic_timer_account(apic);
    switch (reg) {
    case LAPIC_ID:
        apic->id = (uint8_t)(v >> 24);
        break;
    case LAPIC_LDR:
        apic->ldr = v & 0xff000000;
        break;
    case LAPIC_DFR:
        apic->dfr = v | 0x0fffffff;
        break;
    case LAPIC_ICR_LOW:
        apic->icr = (apic->icr & ~0xffffffffull) | (v & ICR_WRITABLE);
        icr_send(apic);
        break;
    case LAPIC_ICR_HIGH:
        apic->icr = (uint32_t)apic->icr | (uint64_t)(v & 0xff000000) << 32;
        break;
    default:
        if (!is_register(reg)) {
            lapic_error(apic, ESR_REGISTER);
        }
        register_write(apic, reg, v);
        break;
    }
    lapic_drive(dev);
}

static uint64_t region_read(void *owner, uint64_t offset, unsigned size)
{
    return lapic_read(owner, (uint32_t)offset, size);
}

static void region_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    lapic_write(owner, (uint32_t)offset, value, size);
}

const struct region_ops lapic_ops = { region_read, region_write, 1, 4 };

/* ---- x2APIC ---- */

#define MSR_FIRST 0x800u

/* Bits that may be written by MSR number - 800h; 0: not writable. ICR, self IPI and EOI are special. */
static uint64_t msr_writable(unsigned reg)
{
    switch (reg) {
    case LAPIC_TPR:
        return 0xff;
    case LAPIC_SVR:
        return 0x3ff;
    case LAPIC_LVT ... LAPIC_LVT_LAST:
        return lvt_writable[reg - LAPIC_LVT] | LVT_STATUS | LVT_REMOTE_IRR;
    case LAPIC_INITIAL_COUNT:
        return 0xffffffff;
    case LAPIC_DIVIDE:
        return 0xb;
    case LAPIC_SELF_IPI:
        return 0xff;
    case LAPIC_ICR_LOW:
        return 0xffffffff00000000ull | ICR_WRITABLE;
    default:
        return 0;
    }
}

bool lapic_msr_read(struct device *dev, uint32_t msr, uint64_t *value)
{
    struct lapic *apic = (struct lapic *)dev;
    unsigned reg = msr - MSR_FIRST;
    bool absent = reg == LAPIC_APR || reg == LAPIC_EOI || reg == LAPIC_RRD || reg == LAPIC_DFR ||
                  reg == LAPIC_ICR_HIGH;
    if (apic->mode != LAPIC_X2APIC || !is_register(reg) || absent) {
        return false;
    }
    lapic_timer_account(apic);
    lapic_drive(dev);
    *value = reg == LAPIC_ICR_LOW ? apic->icr : register_read(apic, reg);
    return true;
}

bool lapic_msr_write(struct device *dev, uint32_t msr, uint64_t value)
{
    struct lapic *apic = (struct lapic *)dev;
    unsigned reg = msr - MSR_FIRST;
    bool zero_only = reg == LAPIC_EOI || reg == LAPIC_ESR;
    uint64_t writable = msr_writable(reg);
    if (apic->mode != LAPIC_X2APIC || (value & ~writable) != 0 || (writable == 0 && !zero_only)) {
        return false;
    }
    lapic_timer_account(apic);
    if (reg == LAPIC_ICR_LOW) {
        apic->icr = value;
        icr_send(apic);
    } else if (reg == LAPIC_SELF_IPI) {
        if (value < LAPIC_FIRST_VECTOR) {
            lapic_error(apic, ESR_SEND_ILLEGAL);
        } else {
            lapic_accept(apic, (uint8_t)value, false);
        }
    } else {
        register_write(apic, reg, (uint32_t)value);
    }
    lapic_drive(dev);
    return true;
}
