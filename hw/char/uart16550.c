/*
 * National Semiconductor PC16550D UART (datasheet TL/C/8652, section 8 "Registers").
 *
 * Sending: FIFO, then shift register, then the host; where the host does not take a byte, it waits
 * in the shift register and the guest sees a transmitter that is busy. Receiving: the host's bytes
 * go into the FIFO as far as there is room, so there are no overruns except in loop-back.
 *
 * The interrupt output is derived from the registers; the one interrupt with a memory of its own is
 * THRE, which IIR reads and THR writes take away and which comes back when the FIFO runs empty or
 * IER asks for it anew.
 *
 * Not modelled: the time that a received character takes on the wire, parity and framing errors
 * (the host has no bad wires), DMA mode pins, and the delay of THRE by one character in FIFO mode.
 */
#include "hw/char/uart16550_impl.h"

#include <string.h>

#include "chardev/chardev.h"

static unsigned trigger_level(const struct uart16550 *uart)
{
    static const uint8_t levels[] = {1, 4, 8, 14};
    return uart_fifos_on(uart) ? levels[uart->fcr >> 6] : 1;
}

/* The interrupt of highest priority that is pending and enabled. */
static uint8_t interrupt_id(const struct uart16550 *uart)
{
    if ((uart->ier & UART_IER_ELSI) && uart->lsr_errors != 0) {
        return UART_IIR_RLS;
    }
    if (uart->ier & UART_IER_ERBFI) {
        if (uart->rx_count >= trigger_level(uart)) {
            return UART_IIR_RDA;
        }
        if (uart_fifos_on(uart) && uart->timeout) {
            return UART_IIR_CTI;
        }
    }
    if ((uart->ier & UART_IER_ETBEI) && uart->thre_pending) {
        return UART_IIR_THRE;
    }
    if ((uart->ier & UART_IER_EDSSI) && (uart->msr & UART_MSR_DELTAS)) {
        return UART_IIR_MSI;
    }
    return UART_IIR_NONE;
}

static bool timeout_awaited(const struct uart16550 *uart)
{
    return uart_fifos_on(uart) && uart->rx_count > 0 && !uart->timeout;
}

static void uart16550_drive(struct device *dev)
{
    struct uart16550 *uart = (struct uart16550 *)dev;
    bool gate = !uart->out2_gate || ((uart->mcr & UART_MCR_OUT2) && !uart_looping(uart));
    uint64_t deadline = timeout_awaited(uart) ? uart->timeout_at : CLOCK_NEVER;
    if (uart->tsr_full && !uart->blocked) {
        deadline = MIN(deadline, uart->tx_at);
    }
    timer_at(&uart->timer, deadline);
    irq_set(uart->irq, gate && interrupt_id(uart) != UART_IIR_NONE);
}

static void uart16550_expired(void *arg)
{
    struct uart16550 *uart = arg;
    uart_tx_run(uart);
    if (timeout_awaited(uart) && uart_now(uart) >= uart->timeout_at) {
        uart->timeout = true;
    }
    uart16550_drive(&uart->dev);
}

/* Registers. */

static void write_ier(struct uart16550 *uart, uint8_t value)
{
    uint8_t risen = value & ~uart->ier;
    uart->ier = value & UART_IER_ALL;
    if ((risen & UART_IER_ETBEI) && uart_thre(uart)) {
        uart->thre_pending = true;
    }
}

static void write_fcr(struct uart16550 *uart, uint8_t value)
{
    bool toggled = (value ^ uart->fcr) & UART_FCR_ENABLE;
    if (!(value & UART_FCR_ENABLE)) {
        value &= UART_FCR_RX_RESET | UART_FCR_TX_RESET; /* the other bits want bit 0 to be 1 */
    }
    if (toggled || (value & UART_FCR_RX_RESET)) {
        uart_rx_clear(uart);
    }
    if ((toggled || (value & UART_FCR_TX_RESET)) && uart->tx_count > 0) {
        uart->tx_count = 0;
        uart_tx_emptied(uart);
    }
    uart->fcr = value & UART_FCR_KEPT;
}

static void write_lcr(struct uart16550 *uart, uint8_t value)
{
    uint8_t risen = value & ~uart->lcr;
    uart->lcr = value;
    uart->lcr_set = true;
    if ((risen & UART_LCR_BREAK) && !uart_looping(uart)) {
        chardev_send_event(uart->chr, CHARDEV_BREAK);
    }
    uart_tell_params(uart);
}

static void write_mcr(struct uart16550 *uart, uint8_t value)
{
    uart->mcr = value & UART_MCR_ALL;
    uart_tell_lines(uart);
    uart_update_msr(uart);
}

static void write_divisor(struct uart16550 *uart, uint64_t offset, uint8_t value)
{
    uart->divisor =
        offset == 0 ? (uart->divisor & 0xff00) | value : (uart->divisor & 0xff) | value << 8;
    uart_tell_params(uart);
}

static void uart16550_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct uart16550 *uart = owner;
    uint8_t byte = (uint8_t)value;
    bool room_may_grow = false;
    if (offset <= REG_IER && (uart->lcr & UART_LCR_DLAB)) {
        write_divisor(uart, offset, byte);
    } else {
        switch (offset) {
        case REG_DATA:
            uart_send(uart, byte);
            break;
        case REG_IER:
            write_ier(uart, byte);
            break;
        case REG_IIR_FCR:
            write_fcr(uart, byte);
            room_may_grow = true;
            break;
        case REG_LCR:
            write_lcr(uart, byte);
            break;
        case REG_MCR:
            write_mcr(uart, byte);
            room_may_grow = true;
            break;
        case REG_SCR:
            uart->scr = byte;
            break;
        default: /* LSR and MSR: factory test only */
            break;
        }
    }
    uart16550_drive(&uart->dev);
    if (room_may_grow) {
        chardev_accept(uart->chr);
    }
}

static uint8_t read_rbr(struct uart16550 *uart)
{
    uint8_t byte = uart_rx_pop(uart);
    uart16550_drive(&uart->dev);
    chardev_accept(uart->chr);
    return byte;
}

static uint8_t read_iir(struct uart16550 *uart)
{
    uint8_t id = interrupt_id(uart);
    if (id == UART_IIR_THRE) {
        uart->thre_pending = false;
    }
    return id | (uart_fifos_on(uart) ? UART_IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct uart16550 *uart)
{
    uint8_t lsr = uart->lsr_errors;
    uint8_t waiting = 0;
    for (unsigned i = 0; i < uart->rx_count; i++) {
        waiting |= uart->rx_errors[i];
    }
    if (uart_fifos_on(uart) && ((lsr & ~UART_LSR_OE) || waiting)) {
        lsr |= UART_LSR_FIFO_ERROR;
    }
    lsr |= uart->rx_count > 0 ? UART_LSR_DR : 0;
    lsr |= uart_thre(uart) ? UART_LSR_THRE : 0;
    lsr |= uart_thre(uart) && !uart->tsr_full ? UART_LSR_TEMT : 0;
    uart->lsr_errors = 0;
    return lsr;
}

static uint8_t read_msr(struct uart16550 *uart)
{
    uint8_t msr = uart->msr;
    uart->msr &= ~UART_MSR_DELTAS;
    return msr;
}

static uint8_t read_register(struct uart16550 *uart, uint64_t offset)
{
    if (offset <= REG_IER && (uart->lcr & UART_LCR_DLAB)) {
        return (uint8_t)(uart->divisor >> (8 * offset));
    }
    switch (offset) {
    case REG_DATA:
        return read_rbr(uart);
    case REG_IER:
        return uart->ier;
    case REG_IIR_FCR:
        return read_iir(uart);
    case REG_LCR:
        return uart->lcr;
    case REG_MCR:
        return uart->mcr;
    case REG_LSR:
        return read_lsr(uart);
    case REG_MSR:
        return read_msr(uart);
    default:
        return uart->scr;
    }
}

static uint64_t uart16550_read(void *owner, uint64_t offset, unsigned size)
{
    struct uart16550 *uart = owner;
    uint8_t value = read_register(uart, offset);
    uart16550_drive(&uart->dev);
    return value;
}

static const struct region_ops uart16550_ops = {
    .read = uart16550_read, .write = uart16550_write, .max_size = 1};

void uart16550_connect_irq(struct device *dev, struct irq *line)
{
    ((struct uart16550 *)dev)->irq = line;
}

struct region *uart16550_io(struct device *dev)
{
    return &((struct uart16550 *)dev)->io;
}

static void uart16550_reset(struct device *dev)
{
    struct uart16550 *uart = (struct uart16550 *)dev;
    uart->divisor = 12; /* undefined by the datasheet; 9600 bit/s */
    uart->ier = 0;
    uart->fcr = 0;
    uart->lcr = 0;
    uart->lcr_set = false;
    uart->mcr = 0;
    uart->lsr_errors = 0;
    uart->scr = 0;
    memset(uart->rx, 0, sizeof(uart->rx));
    uart_rx_clear(uart);
    memset(uart->tx, 0, sizeof(uart->tx));
    uart->tx_count = 0;
    uart->tsr = 0;
    uart->tsr_full = false;
    uart->thre_pending = false;
    uart->tx_at = 0;
    uart->timeout_at = 0;
    uart->blocked = false;
    uart->msr = uart_modem_inputs(uart);
}

static bool uart16550_create(struct device *dev, GError **error)
{
    struct uart16550 *uart = (struct uart16550 *)dev;
    timer_init(&uart->timer, dev->machine->guest_clock, uart16550_expired, uart);
    region_init_io(&uart->io, "serial", REG_COUNT, &uart16550_ops, uart);
    device_add_region(dev, &uart->io);
    return true;
}

static void uart16550_destroy(struct device *dev)
{
    struct uart16550 *uart = (struct uart16550 *)dev;
    timer_finish(&uart->timer);
    chardev_detach(uart->chr);
}

static void uart16550_loaded(struct device *dev)
{
    struct uart16550 *uart = (struct uart16550 *)dev;
    uart->ier &= UART_IER_ALL;
    uart->fcr &= UART_FCR_KEPT;
    uart->mcr &= UART_MCR_ALL;
    uart->lsr_errors &= UART_LSR_ERRORS;
    uart->rx_count = MIN(uart->rx_count, uart_fifo_size(uart));
    uart->tx_count = MIN(uart->tx_count, uart_fifo_size(uart));
    for (unsigned i = 0; i < FIFO_SIZE; i++) {
        uart->rx_errors[i] &= UART_LSR_ERRORS;
    }
    uart->blocked = false;
    uart_tell_params(uart);
    uart_tell_lines(uart);
}

static const struct property uart16550_properties[] = {
    {"timing", PROPERTY_BOOL, offsetof(struct uart16550, timing), NULL, "sending takes its time"},
    {"out2-gate", PROPERTY_BOOL, offsetof(struct uart16550, out2_gate), NULL,
     "MCR OUT2 gates the interrupt"},
    {NULL},
};

#define U struct uart16550
static const struct field uart16550_fields[] = {
    FIELD_U16(U, divisor),    FIELD_U8(U, ier),
    FIELD_U8(U, fcr),         FIELD_U8(U, lcr),
    FIELD_U8(U, mcr),         FIELD_U8(U, lsr_errors),
    FIELD_U8(U, msr),         FIELD_U8(U, scr),
    FIELD_BYTES(U, rx),       FIELD_BYTES(U, rx_errors),
    FIELD_U8(U, rx_count),    FIELD_BYTES(U, tx),
    FIELD_U8(U, tx_count),    FIELD_U8(U, tsr),
    FIELD_BOOL(U, lcr_set),
    FIELD_BOOL(U, tsr_full),  FIELD_BOOL(U, thre_pending),
    FIELD_BOOL(U, timeout),   FIELD_U64(U, tx_at),
    FIELD_U64(U, timeout_at), FIELD_END,
};
#undef U

const struct device_class uart16550_class = {
    .name = "isa-serial",
    .description = "16550A serial port",
    .state_size = sizeof(struct uart16550),
    .properties = uart16550_properties,
    .fields = uart16550_fields,
    .create = uart16550_create,
    .reset = uart16550_reset,
    .drive = uart16550_drive,
    .loaded = uart16550_loaded,
    .destroy = uart16550_destroy,
};
