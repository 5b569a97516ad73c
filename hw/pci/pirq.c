/*
 * PIRQ router of the 82371SB. See the header.
 */
#include "hw/pci/pirq.h"

static void input_changed(void *sink, unsigned n, bool level)
{
    struct pirq *pirq = sink;

    pirq->levels[n] = level;
    pirq_drive(pirq);
}

void pirq_init(struct pirq *pirq, const uint8_t *route)
{
    static const char *const names[PIRQ_COUNT] = {"PIRQA", "PIRQB", "PIRQC", "PIRQD"};

    *pirq = (struct pirq){.route = route};
    for (unsigned i = 0; i < PIRQ_COUNT; i++) {
        irq_init(&pirq->in[i], names[i], input_changed, pirq, i);
    }
}

int pirq_route(const struct pirq *pirq, unsigned n)
{
    /* Interrupts 0, 1, 2, 8 and 13 belong to the chip itself. */
    const unsigned reserved = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 8 | 1u << 13;
    unsigned isa = pirq->route[n] & PIRQRC_IRQ_MASK;

    if ((pirq->route[n] & PIRQRC_DISABLED) != 0 || (reserved >> isa & 1) != 0) {
        return -1;
    }
    return (int)isa;
}

void pirq_drive(struct pirq *pirq)
{
    uint32_t high = 0;

    for (unsigned i = 0; i < PIRQ_COUNT; i++) {
        int isa = pirq_route(pirq, i);

        if (isa >= 0 && pirq->levels[i]) {
            high |= 1u << isa;
        }
    }
    for (unsigned i = 0; i < PIRQ_ISA_COUNT; i++) {
        irq_set(pirq->isa[i], (high >> i & 1) != 0);
    }
}
