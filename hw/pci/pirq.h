/*
 * The PIRQ router of the 82371SB: four level-sensitive, shared PCI interrupt lines, each steered by a
 * register to one of the ISA interrupts. Several PIRQs may be steered to the same ISA interrupt, which is
 * then high while any of them is; the sharing with ISA devices is made by the board with OR gates.
 *
 * After: Intel 82371SB data sheet (290550), section 2.2.7 (PIRQRCx, 60h-63h).
 */
#ifndef HW_PCI_PIRQ_H
#define HW_PCI_PIRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "core/irq.h"

#define PIRQ_COUNT        4
#define PIRQ_ISA_COUNT    16
#define PIRQRC_DISABLED   0x80 /* bit 7: the line is not steered */
#define PIRQRC_IRQ_MASK   0x0f
#define PIRQRC_WRITABLE   (PIRQRC_DISABLED | PIRQRC_IRQ_MASK)

struct pirq {
    struct irq in[PIRQ_COUNT];        /* PIRQA-PIRQD, active high here */
    bool levels[PIRQ_COUNT];          /* of the inputs; derived by the devices' drive functions */
    const uint8_t *route;             /* the four PIRQRC registers; owned by the chip */
    struct irq *isa[PIRQ_ISA_COUNT];  /* outputs by ISA interrupt; NULL while unconnected */
};

/* `route` points at the four route registers and must stay. */
void pirq_init(struct pirq *pirq, const uint8_t *route);
/* Sets the outputs from levels and routes; to be called when a route register changed. */
void pirq_drive(struct pirq *pirq);
/* The ISA interrupt that PIRQ n is steered to, or -1 (disabled or a reserved number: 0, 1, 2, 8, 13). */
int pirq_route(const struct pirq *pirq, unsigned n);

#endif
