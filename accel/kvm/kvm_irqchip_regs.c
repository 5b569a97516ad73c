/*
 * Registers of the interrupt chips between core/irqchip.h and the structures of KVM's API (asm/kvm.h).
 *
 * What the kernel's chips do not have: ICW3 and single mode (its 8259s are always the PC's cascade). A timer of a local
 * APIC that has come to its end is given as one that was never started, since KVM would let it end once more.
 */
#include <string.h>

#include "accel/kvm/kvm_irqchip.h"

#define IOAPIC_BASE 0xfec00000u
#define ENTRY_LEVEL (1ull << 15)
#define ENTRY_LOGICAL (1ull << 11)
#define MSI_BASE 0xfee00000u
#define MSI_LOGICAL 4u
#define MSI_LEVEL_ASSERT 0xc000u
#define CASCADE 2

static const uint8_t elcr_masks[2] = { 0xf8, 0xde };

/* ---- 8259 ---- */

void kvm_pic_from(struct kvm_pic_state *k, unsigned chip, const struct pic_registers *pic, uint8_t lines)
{
    *k = (struct kvm_pic_state){
        .last_irr = chip == 0 ? lines & ~(1u << CASCADE) : lines,
        .irr = pic->irr, .imr = pic->imr, .isr = pic->isr,
        .priority_add = (pic->lowest + 1u) & 7,
        .irq_base = pic->icw2,
        .read_reg_select = pic->read_isr,
        .poll = pic->poll,
        .special_mask = pic->special_mask,
        .init_state = pic->init_state,
        .auto_eoi = pic->aeoi,
        .rotate_on_auto_eoi = pic->rotate_aeoi,
        .special_fully_nested_mode = pic->sfnm,
        .init4 = pic->needs_icw4,
        .elcr = pic->elcr,
        .elcr_mask = elcr_masks[chip],
    };
}

void kvm_pic_to(struct pic_registers *pic, unsigned chip, const struct kvm_pic_state *k)
{
    *pic = (struct pic_registers){
        .irr = k->irr, .imr = k->imr, .isr = k->isr,
        .icw2 = k->irq_base,
        .icw3 = chip == 0 ? 1u << CASCADE : CASCADE,
        .elcr = k->elcr,
        .lowest = (k->priority_add + 7u) & 7,
        .init_state = k->init_state,
        .needs_icw4 = k->init4 != 0,
        .aeoi = k->auto_eoi != 0,
        .rotate_aeoi = k->rotate_on_auto_eoi != 0,
        .sfnm = k->special_fully_nested_mode != 0,
        .special_mask = k->special_mask != 0,
        .poll = k->poll != 0,
        .read_isr = k->read_reg_select != 0,
    };
}

/* ---- I/O APIC ---- */

/* KVM takes a bit of irr for a new edge; an edge that was is not to come again. */
void kvm_ioapic_from(struct kvm_ioapic_state *k, const struct ioapic_registers *ioapic, uint32_t levels)
{
    *k = (struct kvm_ioapic_state){ .base_address = IOAPIC_BASE, .ioregsel = ioapic->select, .id = ioapic->id >> 24 };
    for (unsigned n = 0; n < IRQCHIP_IOAPIC_PINS; n++) {
        k->redirtbl[n].bits = ioapic->table[n];
        k->irr |= (ioapic->table[n] & ENTRY_LEVEL) != 0 ? levels & 1u << n : 0;
    }
}

void kvm_ioapic_to(struct ioapic_registers *ioapic, const struct kvm_ioapic_state *k)
{
    *ioapic = (struct ioapic_registers){ .select = (uint8_t)k->ioregsel, .id = k->id << 24 };
    for (unsigned n = 0; n < IRQCHIP_IOAPIC_PINS; n++) {
        ioapic->table[n] = k->redirtbl[n].bits;
    }
}

struct irqchip_message kvm_ioapic_message(uint64_t entry)
{
    return (struct irqchip_message){
        .address = MSI_BASE | (entry >> 56) << 12 | ((entry & ENTRY_LOGICAL) != 0 ? MSI_LOGICAL : 0),
        .data = (uint32_t)(entry & 0x7ff) | ((entry & ENTRY_LEVEL) != 0 ? MSI_LEVEL_ASSERT : 0),
    };
}

/* ---- local APIC: a page of registers, 16 bytes apart ---- */

enum {
    REG_ID = 0x02, REG_TPR = 0x08, REG_LDR = 0x0d, REG_DFR = 0x0e, REG_SVR = 0x0f, REG_ISR = 0x10, REG_TMR = 0x18,
    REG_IRR = 0x20, REG_ESR = 0x28, REG_ICR = 0x30, REG_ICR_HIGH = 0x31, REG_LVT = 0x32, REG_INITIAL = 0x38,
    REG_CURRENT = 0x39, REG_DIVIDE = 0x3e,
};

static void reg_put(struct kvm_lapic_state *k, unsigned reg, uint32_t value)
{
    memcpy(k->regs + 16 * reg, &value, sizeof(value));
}

static uint32_t reg_get(const struct kvm_lapic_state *k, unsigned reg)
{
    uint32_t value;
    memcpy(&value, k->regs + 16 * reg, sizeof(value));
    return value;
}

void kvm_lapic_from(struct kvm_lapic_state *k, const struct lapic_registers *lapic)
{
    bool counts = lapic->current_count != 0;
    memset(k, 0, sizeof(*k));
    reg_put(k, REG_ID, lapic->id << 24);
    reg_put(k, REG_TPR, lapic->tpr);
    reg_put(k, REG_LDR, lapic->ldr);
    reg_put(k, REG_DFR, lapic->dfr);
    reg_put(k, REG_SVR, lapic->svr);
    reg_put(k, REG_ESR, lapic->esr);
    reg_put(k, REG_ICR, (uint32_t)lapic->icr);
    reg_put(k, REG_ICR_HIGH, (uint32_t)(lapic->icr >> 32));
    reg_put(k, REG_INITIAL, counts ? lapic->initial_count : 0);
    reg_put(k, REG_CURRENT, lapic->current_count);
    reg_put(k, REG_DIVIDE, lapic->divide);
    for (unsigned i = 0; i < 8; i++) {
        reg_put(k, REG_ISR + i, lapic->isr[i]);
        reg_put(k, REG_TMR + i, lapic->tmr[i]);
        reg_put(k, REG_IRR + i, lapic->irr[i]);
    }
    for (unsigned i = 0; i < IRQCHIP_LVT; i++) {
        reg_put(k, REG_LVT + i, lapic->lvt[i]);
    }
}

void kvm_lapic_to(struct lapic_registers *lapic, const struct kvm_lapic_state *k)
{
    *lapic = (struct lapic_registers){
        .id = reg_get(k, REG_ID) >> 24,
        .tpr = (uint8_t)reg_get(k, REG_TPR),
        .ldr = reg_get(k, REG_LDR),
        .dfr = reg_get(k, REG_DFR),
        .svr = reg_get(k, REG_SVR),
        .esr = reg_get(k, REG_ESR),
        .icr = reg_get(k, REG_ICR) | (uint64_t)reg_get(k, REG_ICR_HIGH) << 32,
        .initial_count = reg_get(k, REG_INITIAL),
        .current_count = reg_get(k, REG_CURRENT),
        .divide = reg_get(k, REG_DIVIDE),
    };
    for (unsigned i = 0; i < 8; i++) {
        lapic->isr[i] = reg_get(k, REG_ISR + i);
        lapic->tmr[i] = reg_get(k, REG_TMR + i);
        lapic->irr[i] = reg_get(k, REG_IRR + i);
    }
    for (unsigned i = 0; i < IRQCHIP_LVT; i++) {
        lapic->lvt[i] = reg_get(k, REG_LVT + i);
    }
}
