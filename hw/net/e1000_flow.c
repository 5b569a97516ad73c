/*
 * Flow control of the 82540EM (manual chapter 3, "Flow Control"; IEEE 802.3 annex 31B): pause frames received stop the
 * transmitter (CTRL.RFCE), a full descriptor ring sends them (CTRL.TFCE), as software does with TCTL.SWXOFF.
 *
 * There is no receive FIFO whose fill level FCRTH and FCRTL could watch: the ring itself stands for it, and FCRTL.XONE says
 * whether an XON follows. A quantum is 512 ns, at 1000 Mbit/s.
 */
#include <string.h>

#include "hw/net/e1000_impl.h"

#define QUANTUM_NS   512u
#define OPCODE_PAUSE 0x0001u
#define FRAME_SIZE   60u

static const uint8_t pause_address[6] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x01};

static uint64_t now(const struct e1000 *e)
{
    return clock_now(e->dev.machine->guest_clock);
}

static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

bool e1000_flow_paused(const struct e1000 *e)
{
    return e->paused_until != 0 && now(e) < e->paused_until;
}

bool e1000_flow_receive(struct e1000 *e, const uint8_t *frame, size_t size)
{
    if (size < FRAME_SIZE || get16(frame + 12) != (e->fct & 0xffff)) {
        return false;
    }
    if (get16(frame + 14) != OPCODE_PAUSE) {
        return !(e->rctl & RCTL_PMCF);
    }
    uint8_t mac[6];
    e1000_station(e, mac);
    bool for_us = memcmp(frame, pause_address, 6) == 0 || memcmp(frame, mac, 6) == 0;
    if (!(e->ctrl & CTRL_RFCE) || !for_us) {
        e1000_stat_add(e, STAT_FCRUC, for_us);
        return (e->rctl & RCTL_DPF) != 0;
    }
    uint64_t quanta = get16(frame + 16);
    e1000_stat_add(e, quanta != 0 ? STAT_XOFFRXC : STAT_XONRXC, 1);
    e->paused_until = quanta != 0 ? now(e) + quanta * QUANTUM_NS : 0;
    e1000_tx_run(e);
    return (e->rctl & RCTL_DPF) != 0;
}

void e1000_flow_send(struct e1000 *e, uint32_t quanta)
{
    uint8_t frame[FRAME_SIZE] = {0};
    memcpy(frame, pause_address, 6);
    e1000_station(e, frame + 6);
    frame[12] = (uint8_t)(e->fct >> 8);
    frame[13] = (uint8_t)e->fct;
    frame[15] = OPCODE_PAUSE;
    frame[16] = (uint8_t)(quanta >> 8);
    frame[17] = (uint8_t)quanta;
    e1000_stat_add(e, (quanta & 0xffff) != 0 ? STAT_XOFFTXC : STAT_XONTXC, 1);
    if (e->port != NULL) {
        net_port_send(e->port, frame, sizeof(frame));
    }
}

void e1000_flow_full(struct e1000 *e)
{
    if ((e->ctrl & CTRL_TFCE) && !e->xoff_sent && (e->fcrth & 0xfff8) != 0) {
        e->xoff_sent = true;
        e1000_flow_send(e, e->fcttv);
    }
}

void e1000_flow_room(struct e1000 *e)
{
    if (e->xoff_sent && e1000_rx_room(e)) {
        e->xoff_sent = false;
        if (e->fcrtl & FCRTL_XONE) {
            e1000_flow_send(e, 0);
        }
    }
}
