/*
 * Interrupt chips in the kernel (-machine kernel_irqchip=on|split): KVM API 4.24 (KVM_CREATE_IRQCHIP), 7.5
 * (KVM_CAP_SPLIT_IRQCHIP), 4.25 (KVM_IRQ_LINE), 4.26 and 4.27 (IRQCHIP), 4.57 and 4.58 (LAPIC), 4.38 and 4.39 (MP_STATE), 4.52 (GSI
 * routing), 4.70 (KVM_SIGNAL_MSI).
 *
 *   on     8259s, I/O APIC and local APICs are the kernel's while CPUs run on KVM
 *   split  only the local APICs; the board's I/O APIC sends them messages, its 8259s interrupt by a vector of ours
 *
 * The interpreter always works with the board's chips. So CPUs and chips change sides together: the CPUs are a gang
 * here, all on KVM or all on the interpreter, and whenever they come or go the chips' registers are exchanged.
 */
#ifndef ACCEL_KVM_KVM_IRQCHIP_H
#define ACCEL_KVM_KVM_IRQCHIP_H

#include <glib.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/accel.h"
#include "core/irqchip.h"

struct kvm_cpu;
struct kvm_engine;

struct kvm_chips {
    enum accel_irqchip kind;
    bool away;      /* the kernel's chips are at work; changed with the whole world and the machine lock */
    bool extint;    /* split: the level of the 8259s' INT; atomic */
    uint16_t lines; /* on: levels of the ISA lines as KVM knows them */
    uint64_t routes[IRQCHIP_IOAPIC_PINS]; /* split: the I/O APIC's table as KVM knows it */
};

/* After the VM was made and before its CPUs are. */
bool kvm_irqchip_create(struct kvm_engine *e, GError **error);

enum kvm_gang { KVM_GANG_GIVEN, KVM_GANG_NOT_YET /* a CPU has to stay on the interpreter */, KVM_GANG_REFUSED };
/* Brings all CPUs and the chips to KVM, if every CPU may go. No share held. */
enum kvm_gang kvm_gang_give(struct kvm_cpu *c);
/* Brings all CPUs and the chips to the interpreter. The world is ours. */
void kvm_gang_take(struct kvm_engine *e);

/* The CPU waits in the kernel for an interrupt or a start-up message. */
bool kvm_irqchip_waits(struct kvm_cpu *c);
/* Split: an external interrupt that the CPU is ready for. */
void kvm_irqchip_inject(struct kvm_cpu *c, uint8_t vector);
/* Split: a local APIC in the kernel ended a level-triggered interrupt. */
void kvm_irqchip_eoi(struct kvm_engine *e, uint8_t vector);

/* A CPU's part of the exchange, after its registers were put or before they are fetched. 0 or negative errno. */
int kvm_lapic_give(struct kvm_cpu *c, uint32_t activity);
int kvm_lapic_take(struct kvm_cpu *c, struct lapic_registers *lapic);
int kvm_activity_get(struct kvm_cpu *c, uint32_t *activity);

/* ---- kvm_irqchip_regs.c: the kernel's form of the registers ---- */

void kvm_pic_from(struct kvm_pic_state *k, unsigned chip, const struct pic_registers *pic, uint8_t lines);
void kvm_pic_to(struct pic_registers *pic, unsigned chip, const struct kvm_pic_state *k);
void kvm_ioapic_from(struct kvm_ioapic_state *k, const struct ioapic_registers *ioapic, uint32_t levels);
void kvm_ioapic_to(struct ioapic_registers *ioapic, const struct kvm_ioapic_state *k);
void kvm_lapic_from(struct kvm_lapic_state *k, const struct lapic_registers *lapic);
void kvm_lapic_to(struct lapic_registers *lapic, const struct kvm_lapic_state *k);
/* An entry of the I/O APIC's table as the message that it sends. */
struct irqchip_message kvm_ioapic_message(uint64_t entry);

#endif
