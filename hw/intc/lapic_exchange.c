/*
 * The local APIC's registers as a whole, for an engine that has local APICs of its own (core/irqchip.h). The timer is
 * exchanged as a count that goes on from now. What has no register (an ExtINT message that waits, errors not yet moved
 * to ESR) stays here.
 */
#include "hw/intc/lapic_impl.h"

#include <string.h>

_Static_assert((int)LVT_COUNT == (int)IRQCHIP_LVT, "one entry each");

void lapic_get(struct device *dev, struct lapic_registers *r)
{
    struct lapic *apic = (struct lapic *)dev;
    uint32_t count;
    uint64_t next;
    do { /* time goes on: a count is given that has not come to its end, or its end */
        next = apic->next;
        count = lapic_timer_count(apic);
        lapic_timer_account(apic);
    } while (apic->next != next);
    *r = (struct lapic_registers){
        .x2apic = apic->mode == LAPIC_X2APIC,
        .id = apic->mode == LAPIC_X2APIC ? (uint32_t)apic->index : apic->id,
        .tpr = apic->tpr, .ldr = apic->ldr, .dfr = apic->dfr, .svr = apic->svr, .esr = apic->esr, .icr = apic->icr,
        .divide = apic->divide,
        .initial_count = apic->initial_count,
        .current_count = count,
        .deadline = apic->deadline,
    };
    memcpy(r->isr, apic->isr, sizeof(r->isr));
    memcpy(r->tmr, apic->tmr, sizeof(r->tmr));
    memcpy(r->irr, apic->irr, sizeof(r->irr));
    memcpy(r->lvt, apic->lvt, sizeof(r->lvt));
}

void lapic_put(struct device *dev, const struct lapic_registers *r)
{
    struct lapic *apic = (struct lapic *)dev;
    apic->id = apic->mode == LAPIC_X2APIC ? apic->id : (uint8_t)r->id;
    apic->tpr = r->tpr;
    apic->ldr = r->ldr;
    apic->dfr = r->dfr;
    apic->svr = r->svr & 0x1ff;
    apic->esr = r->esr;
    apic->icr = r->icr;
    memcpy(apic->isr, r->isr, sizeof(apic->isr));
    memcpy(apic->tmr, r->tmr, sizeof(apic->tmr));
    memcpy(apic->irr, r->irr, sizeof(apic->irr));
    memcpy(apic->lvt, r->lvt, sizeof(apic->lvt));
    apic->divide = r->divide;
    dev->class->loaded(dev);
    apic->initial_count = r->initial_count;
    lapic_timer_resume(apic, r->current_count);
}

void lapic_set_away(struct device *dev, bool away)
{
    struct lapic *apic = (struct lapic *)dev;
    apic->away = away;
    lapic_drive(dev);
}
