/*
 * See the header. SDM volume 3: 11.4.4 (IA32_APIC_BASE), 11.12 (x2APIC), 11.8.6 (CR8), 11.5.4.1 (TSC deadline).
 */
#include "accel/interp/apic.h"

#include "accel/interp/interp.h"
#include "accel/interp/system.h"
#include "accel/interp/tlb.h"
#include "core/machine.h"

#define BASE_BSP 0x100u
#define BASE_X2APIC 0x400u
#define BASE_ENABLE 0x800u
#define NO_PAGE ~0ull /* no physical page: its low bits are not 0 */
#define TPR_OFFSET 0x80u
#define TPR_MSR 0x808u

static const struct machine_apics *apics(const struct cpu *cpu)
{
    return cpu->machine != NULL && cpu->machine->apics.read != NULL ? &cpu->machine->apics : NULL;
}

/* Takes the machine lock unless it is held (a device's write may have led here). */
static bool enter(struct cpu *cpu)
{
    bool held = lock_held(&cpu->machine->lock);
    if (!held) {
        lock_acquire(&cpu->machine->lock);
    }
    return !held;
}

static void leave(struct cpu *cpu, bool entered)
{
    if (entered) {
        lock_release(&cpu->machine->lock);
    }
}

void apic_update(struct cpu *cpu)
{
    uint64_t base = cpu->s.msr.apic_base;
    bool page = apics(cpu) != NULL && (base & (BASE_ENABLE | BASE_X2APIC)) == BASE_ENABLE;
    cpu->apic_page = page ? base & cpu->phys_mask & ~0xfffull : NO_PAGE;
}

void apic_set_base(struct cpu *cpu)
{
    const struct machine_apics *a = apics(cpu);
    apic_update(cpu);
    if (a != NULL) {
        bool entered = enter(cpu);
        a->set_base(a->arg, cpu->index, cpu->s.msr.apic_base);
        cpu->s.cr8 = a->tpr(a->arg, cpu->index) >> 4;
        leave(cpu, entered);
    }
}

bool apic_base_write(struct cpu *cpu, uint64_t value)
{
    uint64_t old = cpu->s.msr.apic_base;
    uint64_t allowed = (cpu->phys_mask & ~0xfffull) | BASE_BSP | BASE_ENABLE |
                       (x86_has(cpu->cpuid, X86_X2APIC) ? BASE_X2APIC : 0);
    bool was_x2 = (old & BASE_X2APIC) != 0, x2 = (value & BASE_X2APIC) != 0;
    bool was_on = (old & BASE_ENABLE) != 0, on = (value & BASE_ENABLE) != 0;

    /* SDM figure 11-27: x2APIC mode is entered from xAPIC mode, and left for "off". */
    if ((value & ~allowed) != 0 || (x2 && (!on || !was_on)) || (was_x2 && !x2 && on)) {
        return false;
    }
    cpu->s.msr.apic_base = value;
    apic_set_base(cpu);
    tlb_flush(cpu, true);
    return true;
}

bool apic_msr_read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    const struct machine_apics *a = apics(cpu);
    if (a == NULL) {
        return false;
    }
    bool entered = enter(cpu);
    bool ok = a->msr_read(a->arg, cpu->index, msr, value);
    leave(cpu, entered);
    return ok;
}

bool apic_msr_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    const struct machine_apics *a = apics(cpu);
    if (a == NULL) {
        return false;
    }
    bool entered = enter(cpu);
    bool ok = a->msr_write(a->arg, cpu->index, msr, value);
    if (ok && msr == TPR_MSR) {
        cpu->s.cr8 = a->tpr(a->arg, cpu->index) >> 4;
    }
    leave(cpu, entered);
    return ok;
}

uint64_t apic_deadline_read(struct cpu *cpu)
{
    const struct machine_apics *a = apics(cpu);
    if (a != NULL) {
        bool entered = enter(cpu);
        cpu->s.msr.tsc_deadline = a->deadline(a->arg, cpu->index);
        leave(cpu, entered);
    }
    return cpu->s.msr.tsc_deadline;
}

/* The TSC's value as a time on the guest clock; what lies before its beginning has passed. */
static uint64_t deadline_ns(const struct cpu *cpu, uint64_t tsc)
{
    int64_t ticks = (int64_t)(tsc - (uint64_t)cpu->tsc_offset);
    uint64_t start = 0;
    if (cpu->tsc_host) {
        ticks = (int64_t)(tsc - cpu_tsc(cpu));
        start = clock_now(cpu->machine->guest_clock);
    }
    return start + (ticks > 0 ? muldiv64((uint64_t)ticks, 1000000, cpu->cpuid->tsc_khz) : 0);
}

void apic_deadline_write(struct cpu *cpu, uint64_t tsc)
{
    const struct machine_apics *a = apics(cpu);
    cpu->s.msr.tsc_deadline = tsc;
    if (a != NULL) {
        uint64_t ns = deadline_ns(cpu, tsc);
        bool entered = enter(cpu);
        a->set_deadline(a->arg, cpu->index, tsc, MIN(ns, CLOCK_NEVER - 1));
        leave(cpu, entered);
    }
}

void apic_cr8_write(struct cpu *cpu, uint64_t value)
{
    const struct machine_apics *a = apics(cpu);
    cpu->s.cr8 = value;
    if (a != NULL) {
        bool entered = enter(cpu);
        a->set_tpr(a->arg, cpu->index, (uint8_t)(value << 4));
        leave(cpu, entered);
    }
}

int apic_acknowledge(struct cpu *cpu)
{
    const struct machine *machine = cpu->machine;
    if (apics(cpu) != NULL) {
        return machine->apics.acknowledge(machine->apics.arg, cpu->index);
    }
    return machine->interrupt_acknowledge != NULL ? machine->interrupt_acknowledge(machine->interrupt_arg) : -1;
}

uint64_t apic_read(struct cpu *cpu, uint64_t phys, unsigned size)
{
    const struct machine_apics *a = apics(cpu);
    return a->read(a->arg, cpu->index, phys & 0xfff, size);
}

void apic_write(struct cpu *cpu, uint64_t phys, uint64_t value, unsigned size)
{
    const struct machine_apics *a = apics(cpu);
    a->write(a->arg, cpu->index, phys & 0xfff, value, size);
    if ((phys & 0xfff) == TPR_OFFSET) {
        cpu->s.cr8 = a->tpr(a->arg, cpu->index) >> 4;
    }
}
