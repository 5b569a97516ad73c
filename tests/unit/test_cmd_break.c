/* The monitor's run control: breakpoints by every spelling, the list, steps, and waiting for a stop. */
#include <string.h>

#include "accel/debug.h"
#include "chardev/chardev.h"
#include "core/machine.h"
#include "monitor/wait.h"
#include "tests/support/monitor_test.h"
#include "tests/support/test.h"

/* cli; xor ax,ax; call 7c0ah; hlt; jmp $-1; nop; (7c0ah:) push ax; mov cx,5; loop $; pop ax; ret */
static const uint8_t code[] = { 0xfa, 0x31, 0xc0, 0xe8, 0x04, 0x00, 0xf4, 0xeb, 0xfd, 0x90,
                                0x50, 0xb9, 0x05, 0x00, 0xe2, 0xfe, 0x58, 0xc3 };

static void begin(struct monitor_test *t)
{
    struct x86_state s;
    monitor_test_init(t, true);
    memcpy(t->ram->host + 0x7c00, code, sizeof(code));
    accel_state_get(t->env.accel, 0, &s);
    s.seg[CS].selector = 0;
    s.seg[CS].base = 0;
    s.rip = 0x7c00;
    s.gpr[RSP] = 0x7000;
    s.a20 = true;
    accel_state_put(t->env.accel, 0, &s);
}

/* What the main loop does. */
static void until_stopped(struct monitor_test *t)
{
    gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    while (t->machine->run_state == RUN_STATE_RUNNING && g_get_monotonic_time() < end) {
        machine_serve_request(t->machine);
        g_usleep(200);
    }
}

/* Until the monitor reads on. */
static void settle(struct monitor_test *t, struct chardev *chr, const char *end_text)
{
    gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    size_t size = 0;
    const char *data = "";
    while (g_strstr_len(data, (gssize)size, end_text) == NULL && g_get_monotonic_time() < end) {
        machine_serve_request(t->machine);
        g_main_context_iteration(NULL, FALSE);
        g_usleep(200);
        data = (const char *)chardev_memory_data(chr, &size);
    }
}

/* The end of a command that waits for it. */
static void stopped_at(struct monitor_test *t, const char *where)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_assert_nonnull(t->settings.wait);
    until_stopped(t);
    g_assert_cmpint(command_wait_poll(t->settings.wait, out), ==, WAIT_DONE);
    g_assert_true(g_str_has_prefix(out->str, where));
    g_clear_pointer(&t->settings.wait, command_wait_destroy);
}

static void test_setting(void)
{
    struct monitor_test t;
    begin(&t);
    monitor_test_expect(&t, "break 0x7c0a", "Breakpoint 1: break     0x00007c0a\n");
    monitor_test_expect(&t, "b *0x7c00+6 if $al == 3", "Breakpoint 2: break     0x00007c06\n");
    monitor_test_expect(&t, "vb 0xf000:0xfff0", "Breakpoint 3: break     f000:0000fff0\n");
    monitor_test_expect(&t, "pb 0x7c09", "Breakpoint 4: break     phys 0x00007c09\n");
    monitor_test_expect(&t, "watch 0x500", "Watchpoint 5: watch     0x00000500, 4 bytes, write\n");
    monitor_test_expect(&t, "watch r 0x500 1", "Watchpoint 6: watch     0x00000500, 1 byte, read\n");
    monitor_test_expect(&t, "awatch port 0x60 5",
                        "Watchpoint 7: watch     port 0x0060, 5 ports, read or write\n");
    monitor_test_expect(&t, "break exception #pf", "Breakpoint 8: exception 14\n");
    monitor_test_expect(&t, "break exception #NO", "Error: there is no exception '#NO'\n");
    monitor_test_expect(&t, "tbreak interrupt", "Breakpoint 9: interrupt any\n");
    monitor_test_expect(&t, "modebp", "Breakpoint 10: mode     \n");
    monitor_test_expect(&t, "modebp", "Breakpoint 10 deleted\n");
    monitor_test_expect(&t, "break", "Breakpoint 11: break     0x00007c00\n");
    monitor_test_expect(&t, "delete 5 6 7 8 9", "");
    monitor_test_expect(&t, "condition 1 $cx > 0", "");
    monitor_test_expect(&t, "ignore 3 2", "Will ignore next 2 crossings of breakpoint 3.\n");
    monitor_test_expect(&t, "bpd 4", "");
    monitor_test_expect(&t, "info breakpoints",
                        "Num     Disp Enb What\n"
                        "1       keep y   break     0x00007c0a\n"
                        "        stop only if $cx > 0\n"
                        "2       keep y   break     0x00007c06\n"
                        "        stop only if $al == 3\n"
                        "3       keep y   break     f000:0000fff0\n"
                        "        ignore next 2 hits\n"
                        "4       keep n   break     phys 0x00007c09\n"
                        "11      keep y   break     0x00007c00\n");
    monitor_test_expect(&t, "d", "");
    monitor_test_expect(&t, "blist", "No breakpoints or watchpoints.\n");
    monitor_test_expect(&t, "delete 1", "Error: no breakpoint 1\n");
    monitor_test_expect(&t, "delete x", "Error: 'x' is no breakpoint's number\n");
    monitor_test_expect(&t, "break 1 2",
                        "Error: 'if EXPRESSION' or the end of the line expected at '2'\n");
    monitor_test_expect(&t, "break 1 if", "Error: 'if EXPRESSION' or the end of the line expected at ''\n");
    monitor_test_expect(&t, "break 0x12345:0", "Error: 0x12345 is no selector\n");
    monitor_test_contains(&t, "break exception 256", "out of range");
    monitor_test_contains(&t, "watch 0 0x7fffffffffffffff", "out of range");
    monitor_test_expect(&t, "break $nosuch", "Error: unknown register 'nosuch'\n");
    monitor_test_finish(&t);
}

static void test_running(void)
{
    struct monitor_test t;
    begin(&t);
    monitor_test_contains(&t, "u", "0x00007c00:  fa ");
    monitor_test_contains(&t, "u /2 0x7c01", "0x00007c03:  e8 ");
    monitor_test_contains(&t, "r", "IP=00007c00");
    monitor_test_contains(&t, "step", "0x00007c01:  31 c0 ");
    monitor_test_expect(&t, "info status", "VM status: paused (debug)\n");
    monitor_test_contains(&t, "s 2", "0x00007c0a:  50 ");
    g_assert_null(t.settings.wait);
    monitor_test_contains(&t, "step 0x7fffffff", "Error: at most");
    monitor_test_expect(&t, "step 2", "0x00007c0e:  e2 fe                    loop     0x7c0e\n");
    monitor_test_expect(&t, "next", ""); /* the whole loop */
    stopped_at(&t, "0x00007c10:  58 ");
    monitor_test_expect(&t, "print $cx", "0\n");
    monitor_test_contains(&t, "print $eip", "0x7c10\n");
    monitor_test_expect(&t, "finish", "");
    stopped_at(&t, "0x00007c06:  f4 ");
    monitor_test_contains(&t, "print $eip", "0x7c06\n");
    monitor_test_contains(&t, "step", "0x00007c07:");
    monitor_test_contains(&t, "step", "CPU#0 waits for an interrupt");
    monitor_test_finish(&t);
}

/* The lines behind a command that waits are read when the machine has stopped. */
static void test_waiting(void)
{
    struct monitor_test t;
    size_t size;
    begin(&t);
    struct chardev *chr = chardev_memory_create(65536);
    struct monitor *monitor = monitor_create(&t.env, chr, false);
    chardev_memory_clear(chr);
    static const char lines[] = "b 0x7c0e\nc\nwaitstop 10\nprint $cx\n\n";
    g_assert_cmpuint(chardev_memory_send(chr, lines, strlen(lines)), ==, strlen(lines));
    settle(&t, chr, "0x5\r\n(vmm) (vmm) ");
    const char *data = (const char *)chardev_memory_data(chr, &size);
    g_autofree char *got = g_strndup(data, size);
    g_assert_cmpstr(got, ==,
                    "Breakpoint 1: break     0x00007c0e\r\n(vmm) (vmm) "
                    "Breakpoint 1, CPU#0, 0000:00007c0e\r\n"
                    "0x00007c0e:  e2 fe                    loop     0x7c0e\r\n"
                    "(vmm) 0x5\r\n(vmm) (vmm) ");
    chardev_memory_clear(chr);
    /* Ctrl-C ends what would go on for ever. */
    static const char more[] = "d\nuntil 0x1234\n\x03info status\n";
    g_assert_cmpuint(chardev_memory_send(chr, more, strlen(more)), ==, strlen(more));
    settle(&t, chr, "VM status");
    data = (const char *)chardev_memory_data(chr, &size);
    g_autofree char *rest = g_strndup(data, size);
    g_assert_nonnull(strstr(rest, "VM status: paused\r\n"));
    monitor_destroy(monitor);
    chardev_destroy(chr);
    monitor_test_finish(&t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/cmd-break/setting", test_setting);
    g_test_add_func("/cmd-break/running", test_running);
    g_test_add_func("/cmd-break/waiting", test_waiting);
    return g_test_run();
}
