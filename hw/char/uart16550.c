/*
 * National Semiconductor PC16550D UART (datasheet TL/C/8652, section 8 "Registers").
 *
 * Sending: FIFO, then shift register, then the host; where the host does not take a byte, it waits in the
 * shift register and the guest sees a transmitter that is busy. Receiving: the host's bytes go into the FIFO
 * as far as there is room, so there are no overruns except in loop-back.
 *
 * The interrupt output is derived from the registers; the one interrupt with a memory of its own is THRE, which
 * IIR reads and THR writes take away and which comes back when the FIFO runs empty or IER asks for it anew.
 *
 * Not modelled: the time that a received character takes on the wire, parity and framing errors (the host has
 * no bad wires), DMA mode pins, and the delay of THRE by one character in FIFO mode.
 */
#include "hw/char/uart16550.h"

#include <string.h>

#include "chardev/chardev.h"
#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/machine.h"

#define UART_CLOCK_HZ 1843200
#define FIFO_SIZE 16
#define TIMEOUT_CHARACTERS 4

enum { REG_DATA, REG_IER, REG_IIR_FCR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR, REG_COUNT };

#define UART_IER_ERBFI 0x01
#define UART_IER_ETBEI 0x02
#define UART_IER_ELSI 0x04
#define UART_IER_EDSSI 0x08
#define UART_IER_ALL 0x0f

#define UART_IIR_NONE 0x01
#define UART_IIR_MSI 0x00
#define UART_IIR_THRE 0x02
#define UART_IIR_RDA 0x04
#define UART_IIR_RLS 0x06
#define UART_IIR_CTI 0x0c
#define UART_IIR_FIFOS 0xc0

#define UART_FCR_ENABLE 0x01
#define UART_FCR_RX_RESET 0x02
#define UART_FCR_TX_RESET 0x04
#define UART_FCR_KEPT 0xc9

#define UART_LCR_WLS 0x03
#define UART_LCR_STB 0x04
#define UART_LCR_PEN 0x08
#define UART_LCR_EPS 0x10
#define UART_LCR_BREAK 0x40
#define UART_LCR_DLAB 0x80

#define UART_MCR_DTR 0x01
#define UART_MCR_RTS 0x02
#define UART_MCR_OUT1 0x04
#define UART_MCR_OUT2 0x08
#define UART_MCR_LOOP 0x10
#define UART_MCR_ALL 0x1f

#define UART_LSR_DR 0x01
#define UART_LSR_OE 0x02
#define UART_LSR_FE 0x08
#define UART_LSR_BI 0x10
#define UART_LSR_ERRORS 0x1e
#define UART_LSR_THRE 0x20
#define UART_LSR_TEMT 0x40
#define UART_LSR_FIFO_ERROR 0x80

#define UART_MSR_DELTAS 0x0f
#define UART_MSR_TERI 0x04
#define UART_MSR_CTS 0x10
#define UART_MSR_DSR 0x20
#define UART_MSR_RI 0x40
#define UART_MSR_DCD 0x80

struct uart16550 {
    struct device dev;
    /* Registers; saved. */
    uint16_t divisor;
    uint8_t ier;
    uint8_t fcr;
    uint8_t lcr;
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
    bool blocked; /* the host did not take tsr; front_writable() will come. Not saved: then it is tried anew */
    struct timer timer;
    struct region io;
};

static uint64_t now_ns(const struct uart16550 *uart)
{
    return clock_now(uart->dev.machine->guest_clock);
}

static bool fifos_on(const struct uart16550 *uart)
{
    return uart->fcr & UART_FCR_ENABLE;
}

static bool looping(const struct uart16550 *uart)
{
    return uart->mcr & UART_MCR_LOOP;
}

static unsigned fifo_size(const struct uart16550 *uart)
{
    return fifos_on(uart) ? FIFO_SIZE : 1;
}

static unsigned trigger_level(const struct uart16550 *uart)
{
    static const uint8_t levels[] = {1, 4, 8, 14};
    return fifos_on(uart) ? levels[uart->fcr >> 6] : 1;
}

static unsigned data_bits(const struct uart16550 *uart)
{
    return 5 + (uart->lcr & UART_LCR_WLS);
}

/* Start bit to last stop bit. A divisor of 0 counts as 65536. */
static uint64_t character_ns(const struct uart16550 *uart)
{
    uint64_t divisor = uart->divisor != 0 ? uart->divisor : 0x10000;
    unsigned bits = 2 + data_bits(uart) + !!(uart->lcr & UART_LCR_PEN) + !!(uart->lcr & UART_LCR_STB);
    return muldiv64(bits * 16 * divisor, NS_PER_SECOND, UART_CLOCK_HZ);
}

static bool thre(const struct uart16550 *uart)
{
    return uart->tx_count == 0;
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
        if (fifos_on(uart) && uart->timeout) {
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
    return fifos_on(uart) && uart->rx_count > 0 && !uart->timeout;
}

static void uart16550_drive(struct device *dev)
{
    struct uart16550 *uart = (struct uart16550 *)dev;
    bool gate = !uart->out2_gate || ((uart->mcr & UART_MCR_OUT2) && !looping(uart));
    uint64_t deadline = timeout_awaited(uart) ? uart->timeout_at : CLOCK_NEVER;
    if (uart->tsr_full && !uart->blocked) {
        deadline = MIN(deadline, uart->tx_at);
    }
    timer_at(&uart->timer, deadline);
    irq_set(uart->irq, gate && interrupt_id(uart) != UART_IIR_NONE);
}

/* Receiver. */

static void restart_timeout(struct uart16550 *uart)
{
    uart->timeout = false;
    uart->timeout_at = now_ns(uart) + TIMEOUT_CHARACTERS * character_ns(uart);
}

/* The errors of the character at the top of the FIFO appear in LSR. */
static void show_errors(struct uart16550 *uart)
{
    if (uart->rx_count > 0) {
        uart->lsr_errors |= uart->rx_errors[0];
        uart->rx_errors[0] = 0;
    }
}

static void rx_push(struct uart16550 *uart, uint8_t byte, uint8_t errors)
{
    if (uart->rx_count >= fifo_size(uart)) {
        uart->lsr_errors |= UART_LSR_OE;
        if (!fifos_on(uart)) {
            uart->rx[0] = byte; /* without FIFO the old character is lost, with it the new one */
        }
        return;
    }
    uart->rx[uart->rx_count] = byte;
    uart->rx_errors[uart->rx_count] = errors;
    uart->rx_count++;
    show_errors(uart);
    restart_timeout(uart);
}

static uint8_t rx_pop(struct uart16550 *uart)
{
    uint8_t byte = uart->rx[0];
    if (uart->rx_count > 0) {
        uart->rx_count--;
        memmove(uart->rx, uart->rx + 1, uart->rx_count);
        memmove(uart->rx_errors, uart->rx_errors + 1, uart->rx_count);
        if (uart->rx_count == 0) {
            uart->rx[0] = byte; /* RBR goes on showing the last character */
        }
        show_errors(uart);
    }
    restart_timeout(uart);
    return byte;
}

static void rx_clear(struct uart16550 *uart)
{
    uart->rx_count = 0;
    uart->timeout = false;
    memset(uart->rx_errors, 0, sizeof(uart->rx_errors));
}

/* Transmitter. */

static void tx_emptied(struct uart16550 *uart)
{
    if (uart->tx_count == 0) {
        uart->thre_pending = true;
    }
}

/* Gives the finished character away. False if the host does not take it yet. */
static bool tx_shift_out(struct uart16550 *uart)
{
    uint8_t byte = uart->tsr & (uint8_t)((1u << data_bits(uart)) - 1);
    if (looping(uart)) {
        rx_push(uart, byte, 0);
    } else if (chardev_write(uart->chr, &byte, 1) != 1) {
        uart->blocked = true;
        return false;
    }
    uart->tsr_full = false;
    return true;
}

/* Moves characters on as far as time and host allow. */
static void tx_run(struct uart16550 *uart)
{
    for (unsigned i = 0; i <= FIFO_SIZE + 1; i++) {
        if (uart->tsr_full) {
            if (now_ns(uart) < uart->tx_at || !tx_shift_out(uart)) {
                break;
            }
        }
        if (uart->tx_count == 0) {
            break;
        }
        uart->tsr = uart->tx[0];
        uart->tsr_full = true;
        uart->tx_at = now_ns(uart) + (uart->timing ? character_ns(uart) : 0);
        uart->tx_count--;
        memmove(uart->tx, uart->tx + 1, uart->tx_count);
        tx_emptied(uart);
    }
}

static void write_thr(struct uart16550 *uart, uint8_t byte)
{
    uart->thre_pending = false;
    if (uart->tx_count < fifo_size(uart)) {
        uart->tx[uart->tx_count++] = byte;
    } else {
        uart->tx[uart->tx_count - 1] = byte;
    }
    tx_run(uart);
}

static void uart16550_expired(void *arg)
{
    struct uart16550 *uart = arg;
    tx_run(uart);
    if (timeout_awaited(uart) && now_ns(uart) >= uart->timeout_at) {
        uart->timeout = true;
    }
    uart16550_drive(&uart->dev);
}

/* Modem lines. */

static uint8_t modem_inputs(struct uart16550 *uart)
{
    if (looping(uart)) {
        return (uart->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) | (uart->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
               (uart->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) | (uart->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0);
    }
    unsigned lines = chardev_lines(uart->chr);
    return (lines & CHARDEV_LINE_CTS ? UART_MSR_CTS : 0) | (lines & CHARDEV_LINE_DSR ? UART_MSR_DSR : 0) |
           (lines & CHARDEV_LINE_RI ? UART_MSR_RI : 0) | (lines & CHARDEV_LINE_DCD ? UART_MSR_DCD : 0);
}

/* Takes the inputs over and notes what changed; RI counts only when it ends. */
static void update_msr(struct uart16550 *uart)
{
    uint8_t inputs = modem_inputs(uart);
    uint8_t changed = (inputs ^ uart->msr) & ~UART_MSR_DELTAS;
    if (inputs & UART_MSR_RI) {
        changed &= ~UART_MSR_RI;
    }
    uart->msr = inputs | (uart->msr & UART_MSR_DELTAS) | changed >> 4;
}

static void tell_lines(struct uart16550 *uart)
{
    unsigned lines = looping(uart) ? 0
                                   : (uart->mcr & UART_MCR_DTR ? CHARDEV_LINE_DTR : 0) |
                                         (uart->mcr & UART_MCR_RTS ? CHARDEV_LINE_RTS : 0);
    chardev_set_lines(uart->chr, lines);
}

static void tell_params(struct uart16550 *uart)
{
    unsigned divisor = uart->divisor != 0 ? uart->divisor : 0x10000;
    struct chardev_params params = {
        .speed = UART_CLOCK_HZ / 16 / divisor,
        .data_bits = data_bits(uart),
        .stop_bits = uart->lcr & UART_LCR_STB ? 2 : 1,
        .parity = !(uart->lcr & UART_LCR_PEN) ? 'N' : uart->lcr & UART_LCR_EPS ? 'E' : 'O',
    };
    chardev_set_params(uart->chr, &params);
}

/* Registers. */

static void write_ier(struct uart16550 *uart, uint8_t value)
{
    uint8_t risen = value & ~uart->ier;
    uart->ier = value & UART_IER_ALL;
    if ((risen & UART_IER_ETBEI) && thre(uart)) {
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
        rx_clear(uart);
    }
    if ((toggled || (value & UART_FCR_TX_RESET)) && uart->tx_count > 0) {
        uart->tx_count = 0;
        tx_emptied(uart);
    }
    uart->fcr = value & UART_FCR_KEPT;
}

static void write_lcr(struct uart16550 *uart, uint8_t value)
{
    uint8_t risen = value & ~uart->lcr;
    uart->lcr = value;
    if ((risen & UART_LCR_BREAK) && !looping(uart)) {
        chardev_send_event(uart->chr, CHARDEV_BREAK);
    }
    tell_params(uart);
}

static void write_mcr(struct uart16550 *uart, uint8_t value)
{
    uart->mcr = value & UART_MCR_ALL;
    tell_lines(uart);
    update_msr(uart);
}

static void write_divisor(struct uart16550 *uart, uint64_t offset, uint8_t value)
{
    uart->divisor = offset == 0 ? (uart->divisor & 0xff00) | value : (uart->divisor & 0xff) | value << 8;
    tell_params(uart);
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
            write_thr(uart, byte);
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
    uint8_t byte = rx_pop(uart);
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
    return id | (fifos_on(uart) ? UART_IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct uart16550 *uart)
{
    uint8_t lsr = uart->lsr_errors;
    uint8_t waiting = 0;
    for (unsigned i = 0; i < uart->rx_count; i++) {
        waiting |= uart->rx_errors[i];
    }
    if (fifos_on(uart) && ((lsr & ~UART_LSR_OE) || waiting)) {
        lsr |= UART_LSR_FIFO_ERROR;
    }
    lsr |= uart->rx_count > 0 ? UART_LSR_DR : 0;
    lsr |= thre(uart) ? UART_LSR_THRE : 0;
    lsr |= thre(uart) && !uart->tsr_full ? UART_LSR_TEMT : 0;
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

static const struct region_ops uart16550_ops = {.read = uart16550_read, .write = uart16550_write, .max_size = 1};

/* The character connection. */

static size_t front_room(void *arg)
{
    struct uart16550 *uart = arg;
    return looping(uart) || uart->rx_count >= fifo_size(uart) ? 0 : fifo_size(uart) - uart->rx_count;
}

static void front_receive(void *arg, const uint8_t *data, size_t size)
{
    struct uart16550 *uart = arg;
    uint8_t mask = (uint8_t)((1u << data_bits(uart)) - 1);
    for (size_t i = 0; i < size; i++) {
        rx_push(uart, data[i] & mask, 0);
    }
    uart16550_drive(&uart->dev);
}

static void front_writable(void *arg)
{
    struct uart16550 *uart = arg;
    uart->blocked = false;
    tx_run(uart);
    uart16550_drive(&uart->dev);
}

static void front_event(void *arg, enum chardev_event event)
{
    struct uart16550 *uart = arg;
    if (event != CHARDEV_BREAK) {
        update_msr(uart);
    } else if (!looping(uart)) {
        rx_push(uart, 0, UART_LSR_BI | UART_LSR_FE);
    }
    uart16550_drive(&uart->dev);
}

static const struct chardev_front front = {
    .room = front_room,
    .receive = front_receive,
    .writable = front_writable,
    .event = front_event,
};

void uart16550_connect_chardev(struct device *dev, struct chardev *chr)
{
    struct uart16550 *uart = (struct uart16550 *)dev;
    chardev_detach(uart->chr);
    uart->chr = chr;
    uart->blocked = false;
    if (chr != NULL) {
        chardev_attach(chr, dev->machine->events, &front, uart);
        tell_params(uart);
        tell_lines(uart);
    }
    /* Plugging in is no event on the wire. */
    uart->msr = (uart->msr & UART_MSR_DELTAS) | modem_inputs(uart);
}

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
    uart->mcr = 0;
    uart->lsr_errors = 0;
    uart->scr = 0;
    memset(uart->rx, 0, sizeof(uart->rx));
    rx_clear(uart);
    memset(uart->tx, 0, sizeof(uart->tx));
    uart->tx_count = 0;
    uart->tsr = 0;
    uart->tsr_full = false;
    uart->thre_pending = false;
    uart->tx_at = 0;
    uart->timeout_at = 0;
    uart->blocked = false;
    uart->msr = modem_inputs(uart);
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
    uart->rx_count = MIN(uart->rx_count, fifo_size(uart));
    uart->tx_count = MIN(uart->tx_count, fifo_size(uart));
    for (unsigned i = 0; i < FIFO_SIZE; i++) {
        uart->rx_errors[i] &= UART_LSR_ERRORS;
    }
    uart->blocked = false;
    tell_params(uart);
    tell_lines(uart);
}

static const struct property uart16550_properties[] = {
    {"timing", PROPERTY_BOOL, offsetof(struct uart16550, timing), NULL, "sending takes its time"},
    {"out2-gate", PROPERTY_BOOL, offsetof(struct uart16550, out2_gate), NULL, "MCR OUT2 gates the interrupt"},
    {NULL},
};

#define U struct uart16550
static const struct field uart16550_fields[] = {
    FIELD_U16(U, divisor),    FIELD_U8(U, ier),          FIELD_U8(U, fcr),
    FIELD_U8(U, lcr),         FIELD_U8(U, mcr),          FIELD_U8(U, lsr_errors),
    FIELD_U8(U, msr),         FIELD_U8(U, scr),          FIELD_BYTES(U, rx),
    FIELD_BYTES(U, rx_errors), FIELD_U8(U, rx_count),    FIELD_BYTES(U, tx),
    FIELD_U8(U, tx_count),    FIELD_U8(U, tsr),          FIELD_BOOL(U, tsr_full),
    FIELD_BOOL(U, thre_pending), FIELD_BOOL(U, timeout), FIELD_U64(U, tx_at),
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
