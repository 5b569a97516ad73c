/*
 * The wires between APICs: messages from I/O APICs, from PCI devices (MSI) and between local APICs find their
 * destination here, and end-of-interrupt messages find the I/O APICs.
 *
 * After: Intel SDM volume 3, chapter 11 (11.6.2 destination, 11.11 message-signalled interrupts). Messages arrive
 * at once. Lowest-priority delivery takes the CPU with the lowest processor priority, among equals the one with
 * the lowest number, so that it is deterministic.
 */
#ifndef HW_INTC_APIC_BUS_H
#define HW_INTC_APIC_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/device.h"
#include "core/irqchip.h"

#define APIC_BUS_MAX_CPUS 64
#define APIC_BUS_MAX_IOAPICS 4
#define APIC_BROADCAST 0xffffffffu

/* As in the interrupt command register, the redirection table and MSI data. */
enum apic_delivery {
    APIC_FIXED, APIC_LOWEST, APIC_SMI, APIC_RESERVED, APIC_NMI, APIC_INIT, APIC_SIPI, APIC_EXTINT
};

struct apic_message {
    uint32_t destination; /* APIC_BROADCAST = all */
    bool logical;
    bool level; /* trigger mode */
    enum apic_delivery delivery;
    uint8_t vector;
};

struct apic_bus {
    struct device *cpus[APIC_BUS_MAX_CPUS]; /* local APICs; not owned */
    unsigned cpu_count;
    struct device *ioapics[APIC_BUS_MAX_IOAPICS];
    unsigned ioapic_count;
    /* Where messages go instead while the local APICs are away (core/irqchip.h); NULL: they are here. Not owned. */
    const struct irqchip_outside *outside;
};

/* Sends to whom it may concern, except `but` (NULL = to all). False if nobody took it. */
bool apic_bus_send(struct apic_bus *bus, const struct apic_message *message, const struct device *but);
/* A local APIC ended a level-triggered interrupt. */
void apic_bus_eoi(struct apic_bus *bus, uint8_t vector);
/* A device's write of data to address FEExxxxxh. */
void apic_bus_msi(struct apic_bus *bus, uint64_t address, uint32_t data);

#endif
