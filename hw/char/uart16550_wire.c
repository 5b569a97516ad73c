/*
 * The wire side of the 16550A: FIFOs, shift register, modem lines, and the connection to the host
 * (datasheet TL/C/8652, sections 8.2, 8.5 to 8.10).
 *
 * A character that the host does not take waits in the shift register until front_writable().
 */
#include "hw/char/uart16550_impl.h"

#include <string.h>

#include "chardev/chardev.h"

#define TIMEOUT_CHARACTERS 4

uint64_t uart_character_ns(const struct uart16550 *uart)
{
    uint64_t divisor = uart->divisor != 0 ? uart->divisor : 0x10000;
    unsigned bits =
        2 + uart_data_bits(uart) + !!(uart->lcr & UART_LCR_PEN) + !!(uart->lcr & UART_LCR_STB);
    return muldiv64(bits * 16 * divisor, NS_PER_SECOND, UART_CLOCK_HZ);
}

static void restart_timeout(struct uart16550 *uart)
{
    uart->timeout = false;
    uart->timeout_at = uart_now(uart) + TIMEOUT_CHARACTERS * uart_character_ns(uart);
}

/* The errors of the character at the top of the FIFO appear in LSR. */
static void show_errors(struct uart16550 *uart)
{
    if (uart->rx_count > 0) {
        uart->lsr_errors |= uart->rx_errors[0];
        uart->rx_errors[0] = 0;
    }
}

static void uart_rx_push(struct uart16550 *uart, uint8_t byte, uint8_t errors)
{
    if (uart->rx_count >= uart_fifo_size(uart)) {
        uart->lsr_errors |= UART_LSR_OE;
        if (!uart_fifos_on(uart)) {
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

uint8_t uart_rx_pop(struct uart16550 *uart)
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

void uart_rx_clear(struct uart16550 *uart)
{
    uart->rx_count = 0;
    uart->timeout = false;
    memset(uart->rx_errors, 0, sizeof(uart->rx_errors));
}

/* Transmitter. */

void uart_tx_emptied(struct uart16550 *uart)
{
    if (uart->tx_count == 0) {
        uart->thre_pending = true;
    }
}

/* Gives the finished character away. False if the host does not take it yet. */
static bool tx_shift_out(struct uart16550 *uart)
{
    uint8_t byte = uart->tsr & (uint8_t)((1u << uart_data_bits(uart)) - 1);
    if (uart_looping(uart)) {
        uart_rx_push(uart, byte, 0);
    } else if (chardev_write(uart->chr, &byte, 1) != 1) {
        uart->blocked = true;
        return false;
    }
    uart->tsr_full = false;
    return true;
}

void uart_tx_run(struct uart16550 *uart)
{
    for (unsigned i = 0; i <= FIFO_SIZE + 1; i++) {
        if (uart->tsr_full) {
            if (uart_now(uart) < uart->tx_at || !tx_shift_out(uart)) {
                break;
            }
        }
        if (uart->tx_count == 0) {
            break;
        }
        uart->tsr = uart->tx[0];
        uart->tsr_full = true;
        uart->tx_at = uart_now(uart) + (uart->timing ? uart_character_ns(uart) : 0);
        uart->tx_count--;
        memmove(uart->tx, uart->tx + 1, uart->tx_count);
        uart_tx_emptied(uart);
    }
}

void uart_send(struct uart16550 *uart, uint8_t byte)
{
    uart->thre_pending = false;
    if (uart->tx_count < uart_fifo_size(uart)) {
        uart->tx[uart->tx_count++] = byte;
    } else {
        uart->tx[uart->tx_count - 1] = byte;
    }
    uart_tx_run(uart);
}

/* Modem lines. */

uint8_t uart_modem_inputs(struct uart16550 *uart)
{
    if (uart_looping(uart)) {
        return (uart->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
               (uart->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
               (uart->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
               (uart->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0);
    }
    unsigned lines = chardev_lines(uart->chr);
    return (lines & CHARDEV_LINE_CTS ? UART_MSR_CTS : 0) |
           (lines & CHARDEV_LINE_DSR ? UART_MSR_DSR : 0) |
           (lines & CHARDEV_LINE_RI ? UART_MSR_RI : 0) |
           (lines & CHARDEV_LINE_DCD ? UART_MSR_DCD : 0);
}

void uart_update_msr(struct uart16550 *uart)
{
    uint8_t inputs = uart_modem_inputs(uart);
    uint8_t changed = (inputs ^ uart->msr) & ~UART_MSR_DELTAS;
    if (inputs & UART_MSR_RI) {
        changed &= ~UART_MSR_RI;
    }
    uart->msr = inputs | (uart->msr & UART_MSR_DELTAS) | changed >> 4;
}

void uart_tell_lines(struct uart16550 *uart)
{
    unsigned lines = uart_looping(uart) ? 0
                                        : (uart->mcr & UART_MCR_DTR ? CHARDEV_LINE_DTR : 0) |
                                              (uart->mcr & UART_MCR_RTS ? CHARDEV_LINE_RTS : 0);
    chardev_set_lines(uart->chr, lines);
}

void uart_tell_params(struct uart16550 *uart)
{
    unsigned divisor = uart->divisor != 0 ? uart->divisor : 0x10000;
    struct chardev_params params = {
        .speed = UART_CLOCK_HZ / 16 / divisor,
        .data_bits = uart_data_bits(uart),
        .stop_bits = uart->lcr & UART_LCR_STB ? 2 : 1,
        .parity = !(uart->lcr & UART_LCR_PEN) ? 'N'
                  : uart->lcr & UART_LCR_EPS  ? 'E'
                                              : 'O',
    };
    chardev_set_params(uart->chr, &params);
}

/* The character connection. */

static size_t front_room(void *arg)
{
    struct uart16550 *uart = arg;
    return uart_looping(uart) || uart->rx_count >= uart_fifo_size(uart)
               ? 0
               : uart_fifo_size(uart) - uart->rx_count;
}

static void front_receive(void *arg, const uint8_t *data, size_t size)
{
    struct uart16550 *uart = arg;
    uint8_t mask = (uint8_t)((1u << uart_data_bits(uart)) - 1);
    for (size_t i = 0; i < size; i++) {
        uart_rx_push(uart, data[i] & mask, 0);
    }
    device_drive(&uart->dev);
}

static void front_writable(void *arg)
{
    struct uart16550 *uart = arg;
    uart->blocked = false;
    uart_tx_run(uart);
    device_drive(&uart->dev);
}

static void front_event(void *arg, enum chardev_event event)
{
    struct uart16550 *uart = arg;
    if (event != CHARDEV_BREAK) {
        uart_update_msr(uart);
    } else if (!uart_looping(uart)) {
        uart_rx_push(uart, 0, UART_LSR_BI | UART_LSR_FE);
    }
    device_drive(&uart->dev);
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
        uart_tell_params(uart);
        uart_tell_lines(uart);
    }
    /* Plugging in is no event on the wire. */
    uart->msr = (uart->msr & UART_MSR_DELTAS) | uart_modem_inputs(uart);
}
