/*
 * The board's APICs: one local APIC a CPU, the I/O APIC at FEC00000h, the wires between them, and the way by which
 * the engine's CPUs reach theirs (machine->apics), which is by CPU number.
 */
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"
#include "hw/pc/pc_impl.h"

#define IOAPIC_BASE 0xfec00000u

/* ---- CPU to APIC ---- */

static struct device *apic_of(void *arg, unsigned cpu)
{
    return ((struct pc *)arg)->apics.cpus[cpu];
}

static int cpu_acknowledge(void *arg, unsigned cpu)
{
    return lapic_acknowledge(apic_of(arg, cpu));
}

static uint64_t cpu_read(void *arg, unsigned cpu, uint32_t offset, unsigned size)
{
    return lapic_read(apic_of(arg, cpu), offset, size);
}

static void cpu_write(void *arg, unsigned cpu, uint32_t offset, uint64_t value, unsigned size)
{
    lapic_write(apic_of(arg, cpu), offset, value, size);
}

static bool cpu_msr_read(void *arg, unsigned cpu, uint32_t msr, uint64_t *value)
{
    return lapic_msr_read(apic_of(arg, cpu), msr, value);
}

static bool cpu_msr_write(void *arg, unsigned cpu, uint32_t msr, uint64_t value)
{
    return lapic_msr_write(apic_of(arg, cpu), msr, value);
}

static void cpu_set_base(void *arg, unsigned cpu, uint64_t base)
{
    lapic_set_base(apic_of(arg, cpu), base);
}

static uint8_t cpu_tpr(void *arg, unsigned cpu)
{
    return lapic_tpr(apic_of(arg, cpu));
}

static void cpu_set_tpr(void *arg, unsigned cpu, uint8_t tpr)
{
    lapic_set_tpr(apic_of(arg, cpu), tpr);
}

static uint64_t cpu_deadline(void *arg, unsigned cpu)
{
    return lapic_deadline(apic_of(arg, cpu));
}

static void cpu_set_deadline(void *arg, unsigned cpu, uint64_t tsc, uint64_t guest_ns)
{
    lapic_set_deadline(apic_of(arg, cpu), tsc, guest_ns);
}

/* ---- APIC to CPU ---- */

static void apic_nmi(void *arg, unsigned cpu)
{
    struct machine *machine = arg;
    if (machine->cpus.nmi != NULL) {
        machine->cpus.nmi(machine->cpus.arg, cpu);
    }
}

static void apic_init(void *arg, unsigned cpu)
{
    struct machine *machine = arg;
    if (machine->cpus.init != NULL) {
        machine->cpus.init(machine->cpus.arg, cpu);
    }
}

static void apic_sipi(void *arg, unsigned cpu, uint8_t vector)
{
    struct machine *machine = arg;
    if (machine->cpus.sipi != NULL) {
        machine->cpus.sipi(machine->cpus.arg, cpu, vector);
    }
}

static void msi(void *arg, uint64_t address, uint32_t data)
{
    apic_bus_msi(&((struct pc *)arg)->apics, address, data);
}

static bool add_lapic(struct pc *pc, unsigned i, GError **error)
{
    const struct lapic_cpu cpu = { pc->machine, apic_nmi, apic_init, apic_sipi };
    g_autofree char *id = g_strdup_printf("apic%u", i), *number = g_strdup_printf("%u", i);
    const char *const properties[] = { "id", number, "virtual-wire", i == 0 ? "on" : "off", NULL };
    struct device *dev = device_create(pc->machine, &lapic_class, id, properties, error);
    if (dev == NULL) {
        return false;
    }
    lapic_connect_bus(dev, &pc->apics);
    lapic_connect_cpu(dev, &pc->intr[i], &cpu);
    lapic_connect_pic(dev, i8259_acknowledge_fn, pc->pic[0]);
    return true;
}

bool pc_apic_create(struct pc *pc, unsigned cpus, GError **error)
{
    struct machine *machine = pc->machine;
    for (unsigned i = 0; i < cpus; i++) {
        if (!add_lapic(pc, i, error)) {
            return false;
        }
    }
    pc->ioapic = device_create(machine, &ioapic_class, "ioapic", NULL, error);
    if (pc->ioapic == NULL) {
        return false;
    }
    ioapic_connect(pc->ioapic, &pc->apics);
    bus_map(machine->memory, ioapic_region(pc->ioapic), IOAPIC_BASE, 0);
    machine->apics = (struct machine_apics){
        .arg = pc,
        .acknowledge = cpu_acknowledge,
        .read = cpu_read,
        .write = cpu_write,
        .msr_read = cpu_msr_read,
        .msr_write = cpu_msr_write,
        .set_base = cpu_set_base,
        .tpr = cpu_tpr,
        .set_tpr = cpu_set_tpr,
        .deadline = cpu_deadline,
        .set_deadline = cpu_set_deadline,
    };
    machine->msi = msi;
    machine->msi_arg = pc;
    return true;
}
