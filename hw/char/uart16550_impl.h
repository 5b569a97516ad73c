/*
 * The two halves of the 16550A: registers and interrupts (uart16550.c), and the wire side with
 * FIFOs, shift register, modem lines and the connection to the host (uart16550_wire.c).
 */
#ifndef HW_CHAR_UART16550_IMPL_H
#define HW_CHAR_UART16550_IMPL_H

#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/machine.h"
#include "hw/char/uart16550.h"

#define UART_CLOCK_HZ 1843200
#define FIFO_SIZE     16

enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR, REG_COUNT };

#define UART_IER_ERBFI 0x01
#define UART_IER_ETBEI 0x02
#define UART_IER_ELSI  0x04
#define UART_IER_EDSSI 0x08
#define UART_IER_ALL   0x0f

#define UART_IIR_NONE  0x01
#define UART_IIR_MSI   0x00
#define UART_IIR_THRE  0x02
#define UART_IIR_RDA   0x04
#define UART_IIR_RLS   0x06
#define UART_IIR_CTI   0x0c
#define UART_IIR_FIFOS 0xc0

#define UART_FCR_ENABLE   0x01
#define UART_FCR_RX_RESET 0x02
#define UART_FCR_TX_RESET 0x04
#define UART_FCR_KEPT     0xc9

#define UART_LCR_WLS   0x03
#define UART_LCR_STB   0x04
#define UART_LCR_PEN   0x08
#define UART_LCR_EPS   0x10
#define UART_LCR_BREAK 0x40
#define UART_LCR_DLAB  0x80

#define UART_MCR_DTR  0x01
#define UART_MCR_RTS  0x02
#define UART_MCR_OUT1 0x04
#define UART_MCR_OUT2 0x08
#define UART_MCR_LOOP 0x10
#define UART_MCR_ALL  0x1f

#define UART_LSR_DR         0x01
#define UART_LSR_OE         0x02
#define UART_LSR_FE         0x08
#define UART_LSR_BI         0x10
#define UART_LSR_ERRORS     0x1e
#define UART_LSR_THRE       0x20
#define UART_LSR_TEMT       0x40
#define UART_LSR_FIFO_ERROR 0x80

#define UART_MSR_DELTAS 0x0f
#define UART_MSR_TERI   0x04
#define UART_MSR_CTS    0x10
#define UART_MSR_DSR    0x20
#define UART_MSR_RI     0x40
#define UART_MSR_DCD    0x80

struct uart16550 {
    struct device dev;
    /* Registers; saved. */
    uint16_t divisor;
    uint8_t ier;
    uint8_t fcr;
    uint8_t lcr;
    bool lcr_set; /* LCR has been written since the reset */
    uint8_t mcr;
    uint8_t lsr_errors; /* the error bits of LSR */
    uint8_t msr;
    uint8_t scr;
    uint8_t rx[FIFO_SIZE];
    uint8_t rx_errors[FIFO_SIZE]; /* not yet shown in LSR */
    uint8_t rx_count;
    uint8_t tx[FIFO_SIZE];
    uint8_t tx_count;
    uint8_t tsr; /* transmit shift register */
    bool tsr_full;
    bool thre_pending;
    bool timeout;        /* the character timeout has struck */
    uint64_t tx_at;      /* guest ns: the character in tsr is complete */
    uint64_t timeout_at; /* guest ns */
    /* Configuration and wiring. */
    bool timing;
    bool out2_gate;
    struct irq *irq;
    struct chardev *chr;
    bool blocked; /* the host did not take tsr; front_writable() will come. Not saved: then it is
                     tried anew */
    struct timer timer;
    struct region io;
};

static inline uint64_t uart_now(const struct uart16550 *uart)
{
    return clock_now(uart->dev.machine->guest_clock);
}

static inline bool uart_fifos_on(const struct uart16550 *uart)
{
    return uart->fcr & UART_FCR_ENABLE;
}

static inline bool uart_looping(const struct uart16550 *uart)
{
    return uart->mcr & UART_MCR_LOOP;
}

static inline unsigned uart_fifo_size(const struct uart16550 *uart)
{
    return uart_fifos_on(uart) ? FIFO_SIZE : 1;
}

/* A program that never set the line finds it as PC firmware leaves it, with 8 bits, although LCR reads as the
 * datasheet's reset value of 5 bits. */
static inline unsigned uart_data_bits(const struct uart16550 *uart)
{
    return uart->lcr_set ? 5 + (uart->lcr & UART_LCR_WLS) : 8;
}

static inline bool uart_thre(const struct uart16550 *uart)
{
    return uart->tx_count == 0;
}

/* The time of one character on the wire, start bit to last stop bit. A divisor of 0 counts as
 * 65536. */
uint64_t uart_character_ns(const struct uart16550 *uart);

/* Takes the oldest character out of the receiver FIFO; the last one again if it is empty. */
uint8_t uart_rx_pop(struct uart16550 *uart);
void uart_rx_clear(struct uart16550 *uart);

/* A character written to THR. */
void uart_send(struct uart16550 *uart, uint8_t byte);
/* Moves characters on as far as time and host allow. */
void uart_tx_run(struct uart16550 *uart);
/* To be called when tx_count went down: THRE asks for an interrupt when the FIFO is empty. */
void uart_tx_emptied(struct uart16550 *uart);

/* The modem inputs as MSR bits 7-4, from the outputs in loop-back. */
uint8_t uart_modem_inputs(struct uart16550 *uart);
/* Takes the modem inputs over into MSR and notes what changed; RI counts only when it ends. */
void uart_update_msr(struct uart16550 *uart);

/* Tells the host the outgoing modem lines and the line settings. */
void uart_tell_lines(struct uart16550 *uart);
void uart_tell_params(struct uart16550 *uart);

#endif
