/*
 * See the header.
 */
#include "hw/intc/apic_bus.h"

#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"

#define MSI_BASE 0xfee00000u
#define MSI_LOGICAL 0x04u
#define MSI_DESTINATION_SHIFT 12
#define MSI_DATA_LEVEL 0x8000u
#define MSI_DATA_ASSERT 0x4000u

static struct device *lowest(const struct apic_bus *bus, const struct apic_message *message,
                             const struct device *but)
{
    struct device *best = NULL;
    for (unsigned i = 0; i < bus->cpu_count; i++) {
        struct device *cpu = bus->cpus[i];
        if (cpu != but && lapic_enabled(cpu) && lapic_matches(cpu, message->destination, message->logical) &&
            (best == NULL || lapic_priority(cpu) < lapic_priority(best))) {
            best = cpu;
        }
    }
    return best;
}

/* As a device would write it to FEExxxxxh. */
static bool send_outside(const struct irqchip_outside *outside, const struct apic_message *message)
{
    uint32_t destination = message->destination == APIC_BROADCAST ? 0xff : message->destination & 0xff;
    const struct irqchip_message msi = {
        .address = MSI_BASE | destination << MSI_DESTINATION_SHIFT | (message->logical ? MSI_LOGICAL : 0),
        .data = message->vector | (uint32_t)message->delivery << 8 |
                (message->level ? MSI_DATA_LEVEL | MSI_DATA_ASSERT : 0),
    };
    return outside->message(outside->arg, &msi);
}

bool apic_bus_send(struct apic_bus *bus, const struct apic_message *message, const struct device *but)
{
    if (bus->outside != NULL) {
        return send_outside(bus->outside, message);
    }
    if (message->delivery == APIC_LOWEST) {
        struct device *cpu = lowest(bus, message, but);
        return cpu != NULL && lapic_deliver(cpu, message);
    }
    bool taken = false;
    for (unsigned i = 0; i < bus->cpu_count; i++) {
        struct device *cpu = bus->cpus[i];
        if (cpu != but && lapic_matches(cpu, message->destination, message->logical)) {
            taken |= lapic_deliver(cpu, message);
        }
    }
    return taken;
}

void apic_bus_eoi(struct apic_bus *bus, uint8_t vector)
{
    for (unsigned i = 0; i < bus->ioapic_count; i++) {
        ioapic_eoi(bus->ioapics[i], vector);
    }
}

void apic_bus_msi(struct apic_bus *bus, uint64_t address, uint32_t data)
{
    uint8_t destination = (uint8_t)(address >> 12);
    struct apic_message message = {
        .logical = (address & MSI_LOGICAL) != 0,
        .level = (data & MSI_DATA_LEVEL) != 0,
        .delivery = data >> 8 & 7,
        .vector = (uint8_t)data,
    };
    message.destination = destination == 0xff && !message.logical ? APIC_BROADCAST : destination;
    /* A level that goes away is no message for a local APIC. */
    if (address >> 20 == MSI_BASE >> 20 && (!message.level || (data & MSI_DATA_ASSERT) != 0)) {
        apic_bus_send(bus, &message, NULL);
    }
}
