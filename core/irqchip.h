/*
 * The interrupt chips and the timer of a PC as registers, and the seam by which they change hands: an engine may keep
 * chips of its own (KVM's, in the kernel) while it runs the CPUs. Then the board's chips stand still ("away"), their
 * inputs go to the engine, and their registers come back before anybody looks at them.
 *
 * Values are as the chips' datasheets have them: Intel 8259A (231468), 82093AA (290566), SDM volume 3 chapter 11 for
 * the local APIC. Levels of input pins are no part of this: the wires have them.
 */
#ifndef CORE_IRQCHIP_H
#define CORE_IRQCHIP_H

#include <stdbool.h>
#include <stdint.h>

#define IRQCHIP_ISA_LINES 16
#define IRQCHIP_IOAPIC_PINS 24
#define IRQCHIP_CPUS 64
#define IRQCHIP_LVT 6 /* timer, thermal, performance, LINT0, LINT1, error */

struct pic_registers {
    uint8_t irr;     /* requests: latched edges, and levels as they were */
    uint8_t imr, isr;
    uint8_t icw2;    /* vector base */
    uint8_t icw3;
    uint8_t elcr;
    uint8_t lowest;  /* input of lowest priority */
    uint8_t init_state; /* what is expected at the odd address: 0 = OCW1, else the number of the ICW - 1 */
    bool single, needs_icw4, aeoi, rotate_aeoi, sfnm, special_mask, poll, read_isr;
};

struct ioapic_registers {
    uint8_t select;
    uint32_t id; /* as in the register, bits 24-27 */
    uint64_t table[IRQCHIP_IOAPIC_PINS];
};

struct lapic_registers {
    bool x2apic;
    uint32_t id; /* xAPIC id, or x2APIC id */
    uint8_t tpr;
    uint32_t ldr, dfr, svr, esr;
    uint64_t icr;
    uint32_t isr[8], tmr[8], irr[8];
    uint32_t lvt[IRQCHIP_LVT];
    uint32_t divide;
    uint32_t initial_count; /* 0: the timer does not count */
    uint32_t current_count; /* 0: it has come to the end */
    uint64_t deadline;      /* IA32_TSC_DEADLINE, 0 = none; in TSC-deadline mode only */
};

/* Which of the chips are away. */
enum irqchip_away { IRQCHIP_HERE, IRQCHIP_LAPICS_AWAY, IRQCHIP_ALL_AWAY /* with 8259s and I/O APIC */ };

/* A message on the APIC bus, as MSI address and data. */
struct irqchip_message {
    uint64_t address;
    uint32_t data;
};

/* What happens here while chips are away. Machine lock held. */
struct irqchip_outside {
    void *arg;
    /* All away: an ISA interrupt line changes. */
    void (*line)(void *arg, unsigned n, bool level);
    /* Local APICs away: the 8259s' INT changes. */
    void (*extint)(void *arg, bool level);
    /* Local APICs away: a message to them. False if none took it. */
    bool (*message)(void *arg, const struct irqchip_message *message);
};

/* Filled by the board; all NULL: it has no such chips. Machine lock held, CPUs standing. */
struct machine_irqchip {
    void *arg;
    unsigned cpus;
    /* The chips as they are; the timer of an APIC as of now. */
    void (*get_pic)(void *arg, unsigned chip, struct pic_registers *pic);
    void (*get_ioapic)(void *arg, struct ioapic_registers *ioapic);
    void (*get_lapic)(void *arg, unsigned cpu, struct lapic_registers *lapic);
    void (*put_pic)(void *arg, unsigned chip, const struct pic_registers *pic);
    void (*put_ioapic)(void *arg, const struct ioapic_registers *ioapic);
    void (*put_lapic)(void *arg, unsigned cpu, const struct lapic_registers *lapic);
    /* The chips go away; `outside` is copied. The board's no longer act; IRQCHIP_HERE: they are back, with the
     * registers that were put meanwhile, the inputs that the wires have, and outputs that follow. */
    void (*move)(void *arg, enum irqchip_away away, const struct irqchip_outside *outside);
    bool (*line)(void *arg, unsigned n); /* the level of an ISA line */
    bool (*extint)(void *arg);           /* the level of the 8259s' INT */
    int (*acknowledge)(void *arg);       /* INTA cycle of the 8259s, which are here */
    void (*eoi)(void *arg, uint8_t vector); /* a local APIC that is away ended a level-triggered interrupt */
};

#endif
