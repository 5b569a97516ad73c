/* Run control and `info` about the machine, its page tables, board and devices. */
#include <string.h>

#include "core/log.h"
#include "core/machine.h"
#include "tests/support/monitor_test.h"
#include "tests/support/test.h"

static void test_run_control(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    monitor_test_expect(&t, "info status", "VM status: paused (prelaunch)\n");
    monitor_test_expect(&t, "c", "");
    monitor_test_expect(&t, "info status", "VM status: running\n");
    monitor_test_expect(&t, "cont", "");
    monitor_test_expect(&t, "stop", "");
    monitor_test_expect(&t, "info status", "VM status: paused\n");
    monitor_test_expect(&t, "stop", "");
    monitor_test_expect(&t, "system_reset", "");
    g_assert_cmpint(t.machine->request, ==, REQUEST_RESET);
    machine_serve_request(t.machine);
    machine_pause(t.machine, RUN_STATE_INTERNAL_ERROR);
    monitor_test_expect(&t, "info status", "VM status: paused (internal-error)\n");
    monitor_test_expect(&t, "cont", "Error: Resetting the Virtual Machine is required\n");
    monitor_test_expect(&t, "nmi", "Error: the machine has no CPU\n");
    monitor_test_contains(&t, "boot_set d", "Error: ");
    monitor_test_expect(&t, "q", "");
    g_assert_cmpuint(t.quits, ==, 1);
    monitor_test_finish(&t);
}

static void test_plain(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    monitor_test_expect(&t, "info version", VMM_VERSION "\n");
    monitor_test_expect(&t, "info name", "");
    t.machine->name = g_strdup("test");
    monitor_test_expect(&t, "info name", "test\n");
    monitor_test_expect(&t, "info kvm", "kvm support: disabled\n");
    monitor_test_expect(&t, "info accel", "Error: the machine has no CPU\n");
    monitor_test_expect(&t, "info cpus", "");
    monitor_test_expect(&t, "info registers", "Error: the machine has no CPU\n");
    monitor_test_expect(&t, "info registers -a", "Error: the machine has no CPU\n");
    monitor_test_expect(&t, "info mem", "Error: the machine has no CPU\n");
    monitor_test_expect(&t, "info tlb", "Error: the machine has no CPU\n");
    monitor_test_expect(&t, "info pic", "Error: the machine has no board\n");
    monitor_test_expect(&t, "info irq", "Error: the machine has no board\n");
    monitor_test_expect(&t, "info pci", "Error: the machine has no board\n");
    monitor_test_expect(&t, "info block", "");
    monitor_test_expect(&t, "info mice", "No mouse devices connected\n");
    monitor_test_contains(&t, "info mtree", "  0000000000000000-00000000001fffff (prio 0, ram): ");
    monitor_test_contains(&t, "info mtree -f", "flat view: I/O\n");
    monitor_test_expect(&t, "cpu 1", "Error: invalid CPU index\n");
    monitor_test_finish(&t);
}

static void test_cpu(void)
{
    struct monitor_test t;
    monitor_test_init(&t, true);
    monitor_test_contains(&t, "info registers", "EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 ");
    monitor_test_contains(&t, "info registers -a", "\nCPU#0\nEAX=");
    monitor_test_contains(&t, "info cpus", "* CPU #0: thread_id=");
    monitor_test_contains(&t, "info cpus", " pc=0x00000000fffffff0\n");
    monitor_test_contains(&t, "info accel", "interp: ");
    monitor_test_expect(&t, "cpu 0", "");
    monitor_test_expect(&t, "cpu 1", "Error: invalid CPU index\n");
    monitor_test_expect(&t, "nmi", "");
    monitor_test_finish(&t);
}

static void put32(struct monitor_test *t, unsigned address, uint32_t value)
{
    memcpy(t->ram->host + address, &value, 4);
}

static void put64(struct monitor_test *t, unsigned address, uint64_t value)
{
    memcpy(t->ram->host + address, &value, 8);
}

static void set_paging(struct monitor_test *t, uint64_t cr3, uint64_t cr4, uint64_t efer)
{
    struct x86_state state;
    accel_state_get(t->env.accel, 0, &state);
    state.cr0 |= CR0_PG | CR0_PE;
    state.cr3 = cr3;
    state.cr4 = cr4;
    state.msr.efer = efer;
    memcpy(state.pdpte, t->ram->host + cr3, sizeof(state.pdpte));
    accel_state_put(t->env.accel, 0, &state);
}

static void test_paging_32(void)
{
    struct monitor_test t;
    monitor_test_init(&t, true);
    monitor_test_expect(&t, "info mem", "PG disabled\n");
    monitor_test_expect(&t, "info tlb", "PG disabled\n");
    put32(&t, 0x1000, 0x2007);         /* page table, user, writable */
    put32(&t, 0x1000 + 4 * 768, 0x83); /* 4 MiB page at C0000000h */
    put32(&t, 0x2000, 0x5067);
    put32(&t, 0x2004, 0x6007);
    put32(&t, 0x2008, 0x7001); /* read-only, supervisor */
    put32(&t, 0x2ffc, 0x105);
    set_paging(&t, 0x1000, CR4_PSE, 0);
    monitor_test_expect(&t, "info mem",
                        "0000000000000000-0000000000002000 0000000000002000 urw\n"
                        "0000000000002000-0000000000003000 0000000000001000 -r-\n"
                        "00000000003ff000-0000000000400000 0000000000001000 ur-\n"
                        "00000000c0000000-00000000c0400000 0000000000400000 -rw\n");
    monitor_test_expect(&t, "info tlb",
                        "0000000000000000: 0000000000005000 ---DA--UW\n"
                        "0000000000001000: 0000000000006000 -------UW\n"
                        "0000000000002000: 0000000000007000 ---------\n"
                        "00000000003ff000: 0000000000000000 -G-----U-\n"
                        "00000000c0000000: 0000000000000000 --P-----W\n");
    monitor_test_expect(&t, "gva2gpa 0x1010", "gpa: 0x6010\n");
    monitor_test_expect(&t, "gva2gpa 0x3000", "Unmapped\n");
    monitor_test_expect(&t, "x /2xw 0x3000", "0000000000003000: Cannot access memory\n");
    monitor_test_expect(&t, "x /2xw 0x2ffc", "0000000000002ffc: 0x00000000 Cannot access memory\n");
    monitor_test_contains(&t, "x /1i 0x3000", "0x00003000: unable to read memory");
    monitor_test_contains(&t, "x /1s 0x3000", "Cannot access memory");
    monitor_test_finish(&t);
}

static void test_paging_pae(void)
{
    struct monitor_test t;
    monitor_test_init(&t, true);
    put64(&t, 0x1000 + 3 * 8, 0x2001);
    put64(&t, 0x2000, 0x3000 | 3);
    put64(&t, 0x2008, 0x200000 | 0x83);
    put64(&t, 0x3000, 0x8000000000005003ull);
    set_paging(&t, 0x1000, CR4_PAE, EFER_NXE);
    monitor_test_expect(&t, "info tlb",
                        "00000000c0000000: 8000000000005000 X-------W\n"
                        "00000000c0200000: 0000000000200000 --P-----W\n");
    monitor_test_finish(&t);
}

static void test_paging_64(void)
{
    struct monitor_test t;
    monitor_test_init(&t, true);
    put64(&t, 0x1000, 0x2007);
    put64(&t, 0x1000 + 511 * 8, 0x2003); /* the same tables at the top */
    put64(&t, 0x2000, 0x3007);
    put64(&t, 0x2008, 0x40000087); /* 1 GiB page */
    put64(&t, 0x3000, 0x4007);
    put64(&t, 0x4000, 0x5007);
    set_paging(&t, 0x1000, CR4_PAE, EFER_LME | EFER_LMA);
    monitor_test_expect(&t, "info mem",
                        "0000000000000000-0000000000001000 0000000000001000 urw\n"
                        "0000000040000000-0000000080000000 0000000040000000 urw\n"
                        "ffffff8000000000-ffffff8000001000 0000000000001000 -rw\n"
                        "ffffff8040000000-ffffff8080000000 0000000040000000 -rw\n");
    monitor_test_finish(&t);
}

/* Tables that point at each other: without bounds the walk would take years. */
static void test_paging_hostile(void)
{
    struct monitor_test t;
    monitor_test_init(&t, true);
    for (unsigned i = 0; i < 512; i++) {
        put64(&t, 0x1000 + 8 * i, 0x1000 | 7);
    }
    set_paging(&t, 0x1000, CR4_PAE, EFER_LME | EFER_LMA);
    g_autofree char *mem = monitor_test_run(&t, "info mem");
    g_autofree char *tlb = monitor_test_run(&t, "info tlb");
    g_assert_true(g_str_has_suffix(mem, "the list ends here\n"));
    g_assert_true(g_str_has_suffix(tlb, "the list ends here\n"));
    g_assert_cmpuint(strlen(tlb), <, 4u << 20);
    monitor_test_finish(&t);
}

struct thing {
    struct device dev;
    uint8_t latch;
};

static void test_device(void)
{
    static const struct field fields[] = {FIELD_U8(struct thing, latch), FIELD_END};
    static const struct device_class class = {.name = "thing",
                                              .description = "a thing",
                                              .state_size = sizeof(struct thing),
                                              .fields = fields};
    struct monitor_test t;
    monitor_test_init(&t, false);
    struct thing *thing = (struct thing *)device_create(t.machine, &class, "thing0", NULL, NULL);
    thing->latch = 0x42;
    monitor_test_contains(&t, "info thing0", "thing0: a thing\n");
    monitor_test_contains(&t, "info thing0", "latch = 0x42");
    monitor_test_contains(&t, "info", "thing0");
    monitor_test_expect(&t, "info thing1", "unknown command: 'info thing1'\n");
    monitor_test_finish(&t);
}

static void test_log(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    monitor_test_expect(&t, "log int", "Error: there is no log\n");
    monitor_test_expect(&t, "logfile /tmp/x", "Error: there is no log\n");
    t.env.log = log_create(stderr, 0);
    monitor_test_expect(&t, "log int,guest_errors", "");
    g_assert_cmphex(log_items(t.env.log), ==, LOG_INT | LOG_GUEST_ERROR);
    monitor_test_contains(&t, "log foo",
                          "Error: unknown log item 'foo'\nLog items (comma separated):\nnone");
    monitor_test_contains(&t, "log help", "guest_errors ");
    monitor_test_expect(&t, "log none", "");
    monitor_test_expect(&t, "trace on", "");
    monitor_test_expect(&t, "show int", "");
    g_assert_cmphex(log_items(t.env.log), ==, LOG_EXEC | LOG_INT);
    monitor_test_expect(&t, "trace off", "");
    g_assert_cmphex(log_items(t.env.log), ==, LOG_INT);
    monitor_test_expect(&t, "show off", "");
    g_assert_cmphex(log_items(t.env.log), ==, 0);
    monitor_test_contains(&t, "trace x", "Error: ");
    monitor_test_contains(&t, "ptime", "ns of the guest's time");
    g_assert_cmphex(log_items(t.env.log), ==, 0);
    monitor_test_contains(&t, "logfile /nonexistent/x",
                          "Error: Could not open '/nonexistent/x': No such file");
    log_destroy(t.env.log);
    monitor_test_finish(&t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/cmd_info/run-control", test_run_control);
    g_test_add_func("/cmd_info/plain", test_plain);
    g_test_add_func("/cmd_info/cpu", test_cpu);
    g_test_add_func("/cmd_info/paging-32", test_paging_32);
    g_test_add_func("/cmd_info/paging-pae", test_paging_pae);
    g_test_add_func("/cmd_info/paging-64", test_paging_64);
    g_test_add_func("/cmd_info/paging-hostile", test_paging_hostile);
    g_test_add_func("/cmd_info/device", test_device);
    g_test_add_func("/cmd_info/log", test_log);
    return g_test_run();
}
