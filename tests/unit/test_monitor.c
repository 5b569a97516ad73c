/* A monitor on a connection: banner, prompt, line ends, a peer that reads slowly, quit. */
#include "monitor/monitor.h"

#include <string.h>

#include "chardev/chardev.h"
#include "core/machine.h"
#include "tests/support/monitor_test.h"
#include "tests/support/test.h"

#define BANNER "vmm " VMM_VERSION " monitor - type 'help' for more information\r\n(vmm) "

static void send(struct chardev *chr, const char *text)
{
    g_assert_cmpuint(chardev_memory_send(chr, text, strlen(text)), ==, strlen(text));
}

static void expect(struct chardev *chr, const char *text)
{
    size_t size;
    const uint8_t *data = chardev_memory_data(chr, &size);
    g_autofree char *got = g_strndup((const char *)data, size);
    g_assert_cmpstr(got, ==, text);
    chardev_memory_clear(chr);
}

static void test_session(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    struct chardev *chr = chardev_memory_create(65536);
    struct monitor *monitor = monitor_create(&t.env, chr, false);
    expect(chr, BANNER);
    send(chr, "info status\r\n");
    expect(chr, "VM status: paused (prelaunch)\r\n(vmm) ");
    send(chr, "\n");
    expect(chr, "(vmm) ");
    send(chr, "info na");
    expect(chr, "");
    send(chr, "me\nfoo\n");
    expect(chr, "(vmm) unknown command: 'foo'\r\nDid you mean 'log'?\r\n(vmm) ");
    chardev_memory_event(chr, CHARDEV_FOCUSED);
    expect(chr, "(vmm) ");
    chardev_memory_event(chr, CHARDEV_CLOSED);
    chardev_memory_event(chr, CHARDEV_OPENED);
    expect(chr, BANNER);
    send(chr, "set asm intel\nset\n");
    expect(chr, "(vmm) asm intel\r\n(vmm) ");
    send(chr, "q\ninfo status\n");
    expect(chr, "");
    g_assert_cmpuint(t.quits, ==, 1);
    monitor_destroy(monitor);
    chardev_destroy(chr);
    monitor_test_finish(&t);
}

static void test_echo(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    t.env.prompt = "(qemu) ";
    struct chardev *chr = chardev_memory_create(65536);
    struct monitor *monitor = monitor_create(&t.env, chr, true);
    chardev_memory_clear(chr);
    send(chr, "info st\t\r");
    expect(chr, "info status \r\nVM status: paused (prelaunch)\r\n(qemu) ");
    send(chr, "abc\003");
    expect(chr, "abc^C\r\n(qemu) ");
    monitor_destroy(monitor);
    chardev_destroy(chr);
    monitor_test_finish(&t);
}

/* The peer takes 100 bytes at a time: everything arrives, in order, and no command runs before the
 * answers to those before it have gone. */
static void test_slow_peer(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    struct chardev *chr = chardev_memory_create(100);
    struct monitor *monitor = monitor_create(&t.env, chr, false);
    g_autoptr(GString) got = g_string_new(NULL);
    g_autofree char *help = monitor_test_run(&t, "help");
    send(chr, "help\nxp /4096xb 0\nxp /65536xb 0\ncont\n");
    unsigned rounds = 0;
    for (;; rounds++) {
        size_t size;
        const uint8_t *data = chardev_memory_data(chr, &size);
        g_assert_cmpuint(size, <=, 100);
        if (size == 0) {
            break;
        }
        if (rounds == 20) {
            g_assert_cmpint(t.machine->run_state, ==, RUN_STATE_PRELAUNCH);
        }
        g_string_append_len(got, (const char *)data, (gssize)size);
        chardev_memory_clear(chr);
    }
    g_assert_cmpint(t.machine->run_state, ==, RUN_STATE_RUNNING);
    g_assert_cmpuint(rounds, >, 250);
    g_auto(GStrv) lines = g_strsplit(got->str, "\r\n", -1);
    g_auto(GStrv) help_lines = g_strsplit(help, "\n", -1);
    /* banner, help, dump, and the prompts in front of their first lines */
    g_assert_cmpuint(g_strv_length(lines), ==, 1 + g_strv_length(help_lines) - 1 + 512 + 8192 + 1);
    g_assert_true(g_str_has_suffix(got->str, "(vmm) (vmm) "));
    monitor_destroy(monitor);
    chardev_destroy(chr);
    monitor_test_finish(&t);
}

/* A program that writes commands and reads nothing is served all the same, up to a bound. */
static void test_deaf_peer(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    struct chardev *chr = chardev_memory_create(10);
    struct monitor *monitor = monitor_create(&t.env, chr, true);
    for (unsigned i = 0; i < 500; i++) {
        send(chr, "info status\n");
    }
    send(chr, "cont\n");
    g_assert_cmpint(t.machine->run_state, ==, RUN_STATE_RUNNING);
    unsigned taken = 0;
    while (taken < 1000000 && chardev_memory_send(chr, "info status\n", 12) == 12) {
        taken++;
    }
    g_assert_cmpuint(taken, <, 20000);
    monitor_destroy(monitor);
    chardev_destroy(chr);
    monitor_test_finish(&t);
}

/* Bytes of every kind, with and without echo, over a connection that is often full. */
static void test_fuzz(void)
{
    struct test_random random = {.state = 11};
    for (unsigned echo = 0; echo < 2; echo++) {
        struct monitor_test t;
        monitor_test_init(&t, false);
        struct chardev *chr = chardev_memory_create(50);
        struct monitor *monitor = monitor_create(&t.env, chr, echo);
        for (unsigned i = 0; i < 100000; i++) {
            uint64_t r = test_random_next(&random);
            uint8_t byte = (uint8_t)(r >> 8) % ((r & 1) ? 32 : 255);
            chardev_memory_send(chr, &byte, 1);
            if ((r >> 32) % 4 == 0) {
                chardev_memory_clear(chr);
            }
        }
        monitor_destroy(monitor);
        chardev_destroy(chr);
        monitor_test_finish(&t);
    }
}

static void test_run(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    g_autoptr(GString) out = g_string_new("> ");
    monitor_run(&t.env, "info status", out);
    g_assert_cmpstr(out->str, ==, "> VM status: paused (prelaunch)\n");
    monitor_destroy(NULL);
    monitor_test_finish(&t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/monitor/session", test_session);
    g_test_add_func("/monitor/echo", test_echo);
    g_test_add_func("/monitor/deaf-peer", test_deaf_peer);
    g_test_add_func("/monitor/slow-peer", test_slow_peer);
    g_test_add_func("/monitor/fuzz", test_fuzz);
    g_test_add_func("/monitor/run", test_run);
    return g_test_run();
}
