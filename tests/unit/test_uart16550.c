/*
 * 16550A: transmission, FIFO trigger levels, interrupt priority, THRE re-arming, character timeout,
 * loop-back, modem status, break, back-pressure (datasheet TL/C/8652).
 */
#include "tests/support/test.h"

#include <string.h>

#include "chardev/chardev.h"
#include "core/state.h"
#include "hw/char/uart16550.h"

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, THR = 0, FCR = 2 };

#define CHARACTER_9600_NS (10 * NS_PER_SECOND / 9600)

struct uart {
    struct machine *machine;
    struct device *dev;
    struct chardev *chr;
    struct test_probe irq;
};

static struct uart *uart_create(size_t capacity, const char *const *properties)
{
    struct uart *u = g_new0(struct uart, 1);
    u->machine = test_machine_create();
    u->dev = test_device_create(u->machine, &uart16550_class, "serial0", properties);
    u->chr = chardev_memory_create(capacity);
    test_probe_init(&u->irq, "irq4");
    uart16550_connect_irq(u->dev, &u->irq.line);
    uart16550_connect_chardev(u->dev, u->chr);
    test_run_events(u->machine);
    return u;
}

static void uart_destroy(struct uart *u)
{
    uart16550_connect_chardev(u->dev, NULL);
    chardev_destroy(u->chr);
    test_machine_destroy(u->machine);
    g_free(u);
}

static void out(struct uart *u, unsigned reg, uint8_t value)
{
    test_region_write(uart16550_io(u->dev), reg, value, 1);
}

static uint8_t in(struct uart *u, unsigned reg)
{
    return (uint8_t)test_region_read(uart16550_io(u->dev), reg, 1);
}

/* 9600 8N1, FIFOs with the trigger level of bits 7-6. */
static void setup(struct uart *u, uint8_t trigger)
{
    out(u, LCR, 0x83);
    out(u, 0, 12);
    out(u, 1, 0);
    out(u, LCR, 0x03);
    out(u, FCR, trigger | 0x07);
}

static void host_sends(struct uart *u, const char *text)
{
    chardev_memory_send(u->chr, text, strlen(text));
    test_run_events(u->machine);
}

static void assert_sent(struct uart *u, const char *expected)
{
    size_t size;
    const uint8_t *data = chardev_memory_data(u->chr, &size);
    g_assert_cmpmem(data, size, expected, strlen(expected));
    chardev_memory_clear(u->chr);
    test_run_events(u->machine);
}

static void test_registers(void)
{
    struct uart *u = uart_create(100, NULL);
    g_assert_cmphex(in(u, LSR), ==, 0x60);
    g_assert_cmphex(in(u, IIR), ==, 0x01);
    out(u, SCR, 0xa5);
    g_assert_cmphex(in(u, SCR), ==, 0xa5);
    out(u, IER, 0xff);
    g_assert_cmphex(in(u, IER), ==, 0x0f);
    out(u, MCR, 0xff);
    g_assert_cmphex(in(u, MCR), ==, 0x1f);
    setup(u, 0);
    g_assert_cmphex(in(u, IIR) & 0xc0, ==, 0xc0);
    out(u, LCR, 0x80);
    g_assert_cmphex(in(u, 0), ==, 12);
    g_assert_cmphex(in(u, 1), ==, 0);
    out(u, LCR, 0x1e);
    const struct chardev_params *params = chardev_memory_params(u->chr);
    g_assert_cmpuint(params->speed, ==, 9600);
    g_assert_cmpuint(params->data_bits, ==, 7);
    g_assert_cmpuint(params->stop_bits, ==, 2);
    g_assert_cmpint(params->parity, ==, 'E');
    uart_destroy(u);
}

static void test_transmit(void)
{
    struct uart *u = uart_create(100, NULL);
    setup(u, 0);
    for (const char *p = "login: "; *p; p++) {
        g_assert_cmphex(in(u, LSR) & 0x20, ==, 0x20);
        out(u, THR, (uint8_t)*p);
    }
    assert_sent(u, "login: ");
    uart_destroy(u);
}

/* A program that never set the line gets eight bits; one that set five gets five. */
static void test_line_not_set(void)
{
    struct uart *u = uart_create(100, NULL);
    g_assert_cmphex(in(u, LCR), ==, 0);
    out(u, THR, 'o');
    assert_sent(u, "o");
    out(u, LCR, 0);
    out(u, THR, 'o');
    assert_sent(u, "\x0f");
    uart_destroy(u);
}

static void test_timing(void)
{
    static const char *const properties[] = {"timing", "on", NULL};
    struct uart *u = uart_create(100, properties);
    setup(u, 0);
    out(u, IER, 0x02);
    g_assert_cmphex(in(u, IIR), ==, 0xc2);
    out(u, THR, 'a');
    out(u, THR, 'b');
    /* a is in the shift register, b in the FIFO. */
    g_assert_cmphex(in(u, LSR), ==, 0x00);
    g_assert_false(u->irq.level);
    test_advance(u->machine, CHARACTER_9600_NS - 1000);
    assert_sent(u, "");
    test_advance(u->machine, 2000);
    assert_sent(u, "a");
    g_assert_cmphex(in(u, LSR), ==, 0x20);
    g_assert_true(u->irq.level);
    test_advance(u->machine, CHARACTER_9600_NS);
    assert_sent(u, "b");
    g_assert_cmphex(in(u, LSR), ==, 0x60);
    uart_destroy(u);
}

/* The host takes nothing: the guest sees a full transmitter, and all comes out when it is emptied.
 */
static void test_back_pressure(void)
{
    struct uart *u = uart_create(3, NULL);
    setup(u, 0);
    for (unsigned i = 0; i < 20; i++) {
        out(u, THR, (uint8_t)('a' + i)); /* 3 gone, 1 in the shift register, 16 in the FIFO */
    }
    g_assert_cmphex(in(u, LSR), ==, 0x00);
    test_advance(u->machine, NS_PER_SECOND);
    assert_sent(u, "abc");
    assert_sent(u, "def");
    assert_sent(u, "ghi");
    assert_sent(u, "jkl");
    assert_sent(u, "mno");
    g_assert_cmphex(in(u, LSR), ==, 0x00);
    assert_sent(u, "pqr");
    assert_sent(u, "st");
    g_assert_cmphex(in(u, LSR), ==, 0x60);
    uart_destroy(u);
}

static void test_trigger_levels(void)
{
    static const uint8_t levels[] = {1, 4, 8, 14};
    for (unsigned i = 0; i < 4; i++) {
        struct uart *u = uart_create(100, NULL);
        setup(u, (uint8_t)(i << 6));
        out(u, IER, 0x01);
        for (unsigned n = 1; n <= 16; n++) {
            host_sends(u, "x");
            g_assert_cmpint(u->irq.level, ==, n >= levels[i]);
            g_assert_cmphex(in(u, IIR), ==, n >= levels[i] ? 0xc4 : 0xc1);
        }
        /* Below the level again: the request goes away. */
        for (unsigned n = 16; n >= levels[i]; n--) {
            g_assert_true(u->irq.level);
            g_assert_cmphex(in(u, RBR), ==, 'x');
        }
        g_assert_false(u->irq.level);
        uart_destroy(u);
    }
}

static void test_timeout(void)
{
    struct uart *u = uart_create(100, NULL);
    setup(u, 0x80);
    out(u, IER, 0x01);
    host_sends(u, "ab");
    test_advance(u->machine, 4 * CHARACTER_9600_NS - 10000);
    g_assert_false(u->irq.level);
    test_advance(u->machine, 20000);
    g_assert_true(u->irq.level);
    g_assert_cmphex(in(u, IIR), ==, 0xcc);
    /* A read restarts the time for what is left. */
    g_assert_cmphex(in(u, RBR), ==, 'a');
    g_assert_false(u->irq.level);
    test_advance(u->machine, 5 * CHARACTER_9600_NS);
    g_assert_cmphex(in(u, IIR), ==, 0xcc);
    g_assert_cmphex(in(u, RBR), ==, 'b');
    test_advance(u->machine, 5 * CHARACTER_9600_NS);
    g_assert_cmphex(in(u, IIR), ==, 0xc1);
    uart_destroy(u);
}

static void test_thre_rearm(void)
{
    struct uart *u = uart_create(100, NULL);
    out(u, IER, 0x02);
    g_assert_true(u->irq.level);
    g_assert_cmphex(in(u, IIR), ==, 0x02);
    g_assert_false(u->irq.level); /* the read took it away */
    g_assert_cmphex(in(u, IIR), ==, 0x01);
    out(u, THR, 'x'); /* gone at once: empty again */
    g_assert_true(u->irq.level);
    /* Off and on again asks anew. */
    g_assert_cmphex(in(u, IIR), ==, 0x02);
    out(u, IER, 0x00);
    out(u, IER, 0x02);
    g_assert_true(u->irq.level);
    uart_destroy(u);
}

/* RLS over RDA over THRE over MSI; a THRE that is not the one shown survives the read of IIR. */
static void test_priority(void)
{
    struct uart *u = uart_create(100, NULL);
    out(u, IER, 0x0f);
    chardev_memory_set_in_lines(u->chr, 0);
    chardev_memory_event(u->chr, CHARDEV_BREAK);
    test_run_events(u->machine);
    g_assert_cmphex(in(u, IIR), ==, 0x06);
    g_assert_cmphex(in(u, LSR), ==, 0x79); /* BI, FE, DR */
    g_assert_cmphex(in(u, IIR), ==, 0x04);
    g_assert_cmphex(in(u, RBR), ==, 0x00);
    g_assert_cmphex(in(u, IIR), ==, 0x02);
    g_assert_cmphex(in(u, IIR), ==, 0x00);
    g_assert_true(u->irq.level);
    g_assert_cmphex(in(u, MSR), ==, 0x0b); /* CTS, DSR and DCD fell */
    g_assert_cmphex(in(u, IIR), ==, 0x01);
    g_assert_false(u->irq.level);
    uart_destroy(u);
}

static void test_fifo_error(void)
{
    struct uart *u = uart_create(100, NULL);
    setup(u, 0);
    host_sends(u, "a");
    chardev_memory_event(u->chr, CHARDEV_BREAK);
    test_run_events(u->machine);
    /* The break waits behind the character: only bit 7 tells of it. */
    g_assert_cmphex(in(u, LSR), ==, 0xe1);
    g_assert_cmphex(in(u, RBR), ==, 'a');
    g_assert_cmphex(in(u, LSR), ==, 0xf9);
    g_assert_cmphex(in(u, LSR), ==, 0x61);
    uart_destroy(u);
}

static void test_no_overrun_from_host(void)
{
    struct uart *u = uart_create(100, NULL);
    setup(u, 0);
    host_sends(u, "abcdefghijklmnopqrstuvwxyz");
    for (char c = 'a'; c <= 'z'; c++) {
        g_assert_cmphex(in(u, LSR), ==, 0x61);
        g_assert_cmphex(in(u, RBR), ==, (uint8_t)c);
    }
    g_assert_cmphex(in(u, LSR), ==, 0x60);
    uart_destroy(u);
}

static void test_loopback(void)
{
    struct uart *u = uart_create(100, NULL);
    out(u, LCR, 0x03);
    out(u, MCR, 0x10);
    in(u, MSR);
    out(u, MCR, 0x1f);
    g_assert_cmphex(in(u, MSR), ==, 0xfb); /* all four up; RI counts only when it falls */
    out(u, MCR, 0x1a);
    g_assert_cmphex(in(u, MSR), ==,
                    0x96); /* RTS and OUT2 stay: CTS and DCD; DSR changed, RI fell */
    out(u, THR, 0x5a);
    g_assert_cmphex(in(u, LSR), ==, 0x61);
    out(u, THR, 0x5b); /* without FIFO: overrun, the new one stays */
    g_assert_cmphex(in(u, LSR), ==, 0x63);
    g_assert_cmphex(in(u, RBR), ==, 0x5b);
    assert_sent(u, "");
    /* What the host sends meanwhile waits. */
    host_sends(u, "q");
    g_assert_cmphex(in(u, LSR), ==, 0x60);
    out(u, MCR, 0x00);
    g_assert_cmphex(in(u, RBR), ==, 'q');
    uart_destroy(u);
}

static void test_modem_and_break(void)
{
    struct uart *u = uart_create(100, NULL);
    out(u, MCR, 0x03);
    g_assert_cmphex(chardev_memory_out_lines(u->chr), ==, CHARDEV_LINE_DTR | CHARDEV_LINE_RTS);
    g_assert_cmphex(in(u, MSR), ==, 0xb0);
    chardev_memory_set_in_lines(u->chr, CHARDEV_LINE_CTS | CHARDEV_LINE_RI);
    test_run_events(u->machine);
    g_assert_cmphex(in(u, MSR), ==, 0x5a);
    chardev_memory_set_in_lines(u->chr, CHARDEV_LINE_CTS);
    test_run_events(u->machine);
    g_assert_cmphex(in(u, MSR), ==, 0x14); /* trailing edge of RI */
    out(u, LCR, 0x43);
    out(u, LCR, 0x43);
    g_assert_cmpuint(chardev_memory_breaks(u->chr), ==, 1);
    uart_destroy(u);
}

static void test_out2_gate(void)
{
    static const char *const properties[] = {"out2-gate", "on", NULL};
    struct uart *u = uart_create(100, properties);
    out(u, IER, 0x02);
    g_assert_false(u->irq.level);
    out(u, MCR, 0x08);
    g_assert_true(u->irq.level);
    out(u, MCR, 0x18);
    g_assert_false(u->irq.level);
    uart_destroy(u);
}

/* Random registers and states with a slow host behind: nothing breaks, and a reset port works. */
static void test_random(void)
{
    static const char *const properties[] = {"timing", "on", NULL};
    struct uart *u = uart_create(10, properties);
    struct test_random random = {4};
    for (unsigned i = 0; i < 100000; i++) {
        uint64_t dice = test_random_next(&random);
        switch (dice & 7) {
        case 0:
            host_sends(u, "some text");
            break;
        case 1:
            chardev_memory_event(u->chr, (enum chardev_event)(dice >> 8 & 3));
            break;
        case 2:
            chardev_memory_clear(u->chr);
            break;
        case 3:
            test_advance(u->machine, (dice >> 8) % 1000000);
            break;
        case 4:
            in(u, dice >> 8 & 7);
            break;
        default:
            out(u, dice >> 8 & 7, (uint8_t)(dice >> 16));
            break;
        }
        if (i % 1000 == 999) {
            state_randomize(uart16550_class.fields, u->dev, test_random_fn, &random);
            uart16550_class.loaded(u->dev);
            device_drive(u->dev);
        }
    }
    test_machine_reset(u->machine);
    setup(u, 0);
    while (in(u, LSR) & 0x01) {
        in(u, RBR);
    }
    chardev_memory_clear(u->chr);
    test_run_events(u->machine);
    out(u, THR, '!');
    test_advance(u->machine, 2 * CHARACTER_9600_NS);
    assert_sent(u, "!");
    uart_destroy(u);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/uart16550/registers", test_registers);
    g_test_add_func("/uart16550/transmit", test_transmit);
    g_test_add_func("/uart16550/line-not-set", test_line_not_set);
    g_test_add_func("/uart16550/timing", test_timing);
    g_test_add_func("/uart16550/back-pressure", test_back_pressure);
    g_test_add_func("/uart16550/trigger-levels", test_trigger_levels);
    g_test_add_func("/uart16550/timeout", test_timeout);
    g_test_add_func("/uart16550/thre-rearm", test_thre_rearm);
    g_test_add_func("/uart16550/priority", test_priority);
    g_test_add_func("/uart16550/fifo-error", test_fifo_error);
    g_test_add_func("/uart16550/no-overrun-from-host", test_no_overrun_from_host);
    g_test_add_func("/uart16550/loopback", test_loopback);
    g_test_add_func("/uart16550/modem-and-break", test_modem_and_break);
    g_test_add_func("/uart16550/out2-gate", test_out2_gate);
    g_test_add_func("/uart16550/random", test_random);
    return g_test_run();
}
