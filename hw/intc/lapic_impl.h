/*
 * Inside the local APIC: lapic.c has the device and the interrupt logic, lapic_regs.c what software sees,
 * lapic_timer.c the timer, lapic_exchange.c the registers as a whole.
 */
#ifndef HW_INTC_LAPIC_IMPL_H
#define HW_INTC_LAPIC_IMPL_H

#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/machine.h"
#include "hw/intc/lapic.h"

/* Register numbers: MMIO offset / 10h, MSR - 800h. */
enum lapic_reg {
    LAPIC_ID = 0x02, LAPIC_VERSION = 0x03, LAPIC_TPR = 0x08, LAPIC_APR = 0x09, LAPIC_PPR = 0x0a,
    LAPIC_EOI = 0x0b, LAPIC_RRD = 0x0c, LAPIC_LDR = 0x0d, LAPIC_DFR = 0x0e, LAPIC_SVR = 0x0f,
    LAPIC_ISR = 0x10, LAPIC_TMR = 0x18, LAPIC_IRR = 0x20, LAPIC_ESR = 0x28,
    LAPIC_ICR_LOW = 0x30, LAPIC_ICR_HIGH = 0x31, LAPIC_LVT = 0x32, LAPIC_LVT_LAST = 0x37,
    LAPIC_INITIAL_COUNT = 0x38, LAPIC_CURRENT_COUNT = 0x39, LAPIC_DIVIDE = 0x3e, LAPIC_SELF_IPI = 0x3f,
};

enum lapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

#define LVT_MASKED 0x10000u
#define LVT_LEVEL 0x8000u
#define LVT_REMOTE_IRR 0x4000u
#define LVT_STATUS 0x1000u
#define LVT_TIMER_MODE 0x60000u
#define LVT_TIMER_PERIODIC 0x20000u
#define LVT_TIMER_DEADLINE 0x40000u
#define LVT_DELIVERY(lvt) ((enum apic_delivery)((lvt) >> 8 & 7))

#define SVR_ENABLED 0x100u
#define ESR_SEND_ILLEGAL 0x20u
#define ESR_RECEIVE_ILLEGAL 0x40u
#define ESR_REGISTER 0x80u

#define LAPIC_FIRST_VECTOR 16 /* smaller ones are illegal */

enum lapic_mode { LAPIC_OFF, LAPIC_XAPIC, LAPIC_X2APIC };

struct lapic {
    struct device dev;
    /* Saved. */
    uint8_t mode; /* enum lapic_mode */
    uint8_t id;   /* xAPIC id; in x2APIC mode the id is the initial one */
    uint8_t tpr;
    uint32_t ldr, dfr, svr;
    uint32_t esr, errors; /* as read; collected since the last write */
    uint64_t icr;
    uint32_t isr[8], tmr[8], irr[8];
    uint32_t lvt[LVT_COUNT];
    uint32_t divide, initial_count;
    uint64_t next;     /* guest ns at which the timer ends its count; CLOCK_NEVER = stopped */
    uint64_t deadline; /* IA32_TSC_DEADLINE */
    bool lint[2];      /* levels: the memory of the edge detectors */
    bool extint;       /* an ExtINT message waits for its INTA cycle */
    /* Configuration and wiring. */
    uint64_t index;
    bool virtual_wire;
    bool away; /* another stands in for it (core/irqchip.h) */
    struct irq inputs[2];
    struct irq *intr;
    struct lapic_cpu cpu;
    int (*pic_acknowledge)(void *arg);
    void *pic_arg;
    struct apic_bus *bus;
    struct timer timer;
    struct region io;
};

/* lapic.c */
void lapic_drive(struct device *dev);
/* After power-up, INIT, or switching off; the mode stays. */
void lapic_registers_reset(struct lapic *apic);
uint8_t lapic_ppr(const struct lapic *apic);
/* A vector for this CPU: sets IRR. False if it is illegal or the APIC is disabled by software. */
bool lapic_accept(struct lapic *apic, uint8_t vector, bool level);
/* Delivers what an entry of the vector table says. */
void lapic_local(struct lapic *apic, enum lapic_lvt entry);
void lapic_error(struct lapic *apic, uint32_t error);
void lapic_eoi(struct lapic *apic);

/* lapic_regs.c */
extern const struct region_ops lapic_ops;

/* lapic_timer.c */
void lapic_timer_fire(void *arg);
/* Takes notice of the ends of counts that have passed. Before any change of the timer's registers. */
void lapic_timer_account(struct lapic *apic);
void lapic_timer_drive(struct lapic *apic);
uint32_t lapic_timer_count(const struct lapic *apic);
void lapic_timer_start(struct lapic *apic, uint32_t initial);
/* The count goes on from here; 0: it stands. Not in TSC-deadline mode, where the deadline stays to be set. */
void lapic_timer_resume(struct lapic *apic, uint32_t count);
void lapic_timer_set_divide(struct lapic *apic, uint32_t divide);
void lapic_timer_set_lvt(struct lapic *apic, uint32_t lvt);

#endif
