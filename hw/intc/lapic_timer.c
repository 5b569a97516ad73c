/*
 * The local APIC's timer: SDM volume 3, 11.5.4. It counts 1 GHz, divided as the register says, so that a
 * count of 1 with divider 1 is a nanosecond of the guest clock. Its state is the moment at which the present count
 * ends; the count itself follows from it.
 *
 * In TSC-deadline mode the CPU says at which guest time the time stamp counter reaches the deadline.
 */
#include "hw/intc/lapic_impl.h"

static uint64_t now(const struct lapic *apic)
{
    return clock_now(apic->dev.machine->guest_clock);
}

static unsigned divider(uint32_t divide)
{
    return 1u << (((divide & 3) | (divide >> 1 & 4)) + 1) % 8;
}

static bool deadline_mode(uint32_t lvt)
{
    return (lvt & LVT_TIMER_MODE) == LVT_TIMER_DEADLINE;
}

void lapic_timer_account(struct lapic *apic)
{
    uint64_t time = now(apic);
    uint64_t period = (uint64_t)apic->initial_count * divider(apic->divide);
    if (apic->next > time) {
        return;
    }
    if ((apic->lvt[LVT_TIMER] & LVT_TIMER_MODE) == LVT_TIMER_PERIODIC && period > 0) {
        apic->next += ((time - apic->next) / period + 1) * period;
    } else {
        apic->next = CLOCK_NEVER;
        apic->deadline = 0;
    }
    lapic_local(apic, LVT_TIMER);
}

void lapic_timer_fire(void *arg)
{
    struct lapic *apic = arg;
    lapic_timer_account(apic);
    lapic_drive(&apic->dev);
}

/* A masked timer counts, but nobody needs to be told. */
void lapic_timer_drive(struct lapic *apic)
{
    bool masked = (apic->lvt[LVT_TIMER] & LVT_MASKED) != 0;
    timer_at(&apic->timer, masked ? CLOCK_NEVER : apic->next);
}

uint32_t lapic_timer_count(const struct lapic *apic)
{
    uint64_t time = now(apic);
    if (deadline_mode(apic->lvt[LVT_TIMER]) || apic->next == CLOCK_NEVER || apic->next <= time) {
        return 0;
    }
    unsigned d = divider(apic->divide);
    uint64_t left = (apic->next - time) / d + ((apic->next - time) % d != 0);
    return (uint32_t)MIN(left, apic->initial_count);
}

void lapic_timer_start(struct lapic *apic, uint32_t initial)
{
    if (deadline_mode(apic->lvt[LVT_TIMER])) {
        return;
    }
    apic->initial_count = initial;
    apic->next = initial != 0 ? now(apic) + (uint64_t)initial * divider(apic->divide) : CLOCK_NEVER;
}

void lapic_timer_resume(struct lapic *apic, uint32_t count)
{
    apic->deadline = 0;
    apic->next = count != 0 && !deadline_mode(apic->lvt[LVT_TIMER])
                     ? now(apic) + (uint64_t)count * divider(apic->divide) : CLOCK_NEVER;
}

/* The count goes on from where it is. */
void lapic_timer_set_divide(struct lapic *apic, uint32_t divide)
{
    uint32_t count = lapic_timer_count(apic);
    apic->divide = divide & 0xb;
    if (count > 0) {
        apic->next = now(apic) + (uint64_t)count * divider(apic->divide);
    }
}

void lapic_timer_set_lvt(struct lapic *apic, uint32_t lvt)
{
    if (deadline_mode(lvt) != deadline_mode(apic->lvt[LVT_TIMER])) {
        apic->next = CLOCK_NEVER;
        apic->deadline = 0;
        apic->initial_count = 0;
    }
    apic->lvt[LVT_TIMER] = lvt;
}

uint64_t lapic_deadline(struct device *dev)
{
    struct lapic *apic = (struct lapic *)dev;
    lapic_timer_account(apic);
    lapic_drive(dev);
    return apic->deadline;
}

void lapic_set_deadline(struct device *dev, uint64_t tsc, uint64_t guest_ns)
{
    struct lapic *apic = (struct lapic *)dev;
    if (apic->mode == LAPIC_OFF || !deadline_mode(apic->lvt[LVT_TIMER])) {
        return;
    }
    lapic_timer_account(apic);
    apic->deadline = tsc;
    apic->next = tsc != 0 ? guest_ns : CLOCK_NEVER;
    lapic_drive(dev);
}
