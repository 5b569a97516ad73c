/*
 * Interrupts of the 82540EM (manual 13.4.17-13.4.21, 3.2.7): causes, mask, throttling (ITR, units
 * of 256 ns) and the delay timers (RDTR, RADV, TIDV, TADV, units of 1.024 us), all on the guest
 * clock.
 */
#include "hw/net/e1000_impl.h"

#define ITR_UNIT_NS   256u
#define DELAY_UNIT_NS 1024u
#define DELAY_MASK    0xffffu

static uint64_t now(const struct e1000 *e)
{
    return clock_now(e->dev.machine->guest_clock);
}

void e1000_irq_drive(struct e1000 *e)
{
    uint64_t t = now(e), deadline = MIN(MIN(e->rx_at, e->rx_abs_at), MIN(e->tx_at, e->tx_abs_at));
    if ((e->icr & e->ims) == 0) {
        e->asserted = false;
    } else if (!e->asserted && t >= e->itr_until) {
        e->asserted = true;
        e->itr_until = t + (uint64_t)(e->itr & 0xffff) * ITR_UNIT_NS;
    } else if (!e->asserted) {
        deadline = MIN(deadline, e->itr_until);
    }
    pci_intx_set(&e->pci, e->asserted);
    timer_at(&e->timer, deadline);
}

void e1000_irq_raise(struct e1000 *e, uint32_t causes)
{
    e->icr |= causes;
    e1000_irq_drive(e);
}

uint32_t e1000_icr_read(struct e1000 *e)
{
    uint32_t value = e->icr;
    e->icr = 0;
    e1000_irq_drive(e);
    return value;
}

void e1000_irq_flush_rx(struct e1000 *e)
{
    e1000_rx_flush(e);
    e->rx_at = e->rx_abs_at = CLOCK_NEVER;
    e1000_irq_raise(e, ICR_RXT0);
}

void e1000_irq_received(struct e1000 *e)
{
    uint64_t delay = e->rdtr & DELAY_MASK, absolute = e->radv & DELAY_MASK;
    if (delay == 0) {
        e1000_irq_flush_rx(e);
        return;
    }
    e->rx_at = now(e) + delay * DELAY_UNIT_NS;
    if (absolute != 0 && e->rx_abs_at == CLOCK_NEVER) {
        e->rx_abs_at = now(e) + absolute * DELAY_UNIT_NS;
    }
    e1000_irq_drive(e);
}

void e1000_irq_sent(struct e1000 *e, bool delayed)
{
    uint64_t delay = e->tidv & DELAY_MASK, absolute = e->tadv & DELAY_MASK;
    if (!delayed || delay == 0) {
        e1000_tx_flush(e);
        e->tx_at = e->tx_abs_at = CLOCK_NEVER;
        e1000_irq_raise(e, ICR_TXDW);
        return;
    }
    e->tx_at = now(e) + delay * DELAY_UNIT_NS;
    if (absolute != 0 && e->tx_abs_at == CLOCK_NEVER) {
        e->tx_abs_at = now(e) + absolute * DELAY_UNIT_NS;
    }
    e1000_irq_drive(e);
}

void e1000_irq_timer(void *arg)
{
    struct e1000 *e = arg;
    uint64_t t = now(e);
    if (t >= e->rx_at || t >= e->rx_abs_at) {
        e1000_rx_flush(e);
        e->rx_at = e->rx_abs_at = CLOCK_NEVER;
        e->icr |= ICR_RXT0;
    }
    if (t >= e->tx_at || t >= e->tx_abs_at) {
        e1000_tx_flush(e);
        e->tx_at = e->tx_abs_at = CLOCK_NEVER;
        e->icr |= ICR_TXDW;
    }
    e1000_irq_drive(e);
}
