/* Dumps of memory, single values and ports, against the shapes that QEMU prints. */
#include <glib/gstdio.h>
#include <string.h>

#include "core/machine.h"
#include "monitor/cpu_view.h"
#include "monitor/command.h"
#include "tests/support/monitor_test.h"
#include "tests/support/test.h"

static const uint8_t reset_vector[] = {0xea, 0x5b, 0xe0, 0x00, 0xf0, 0x30, 0x36, 0x2f,
                                       0x32, 0x33, 0x2f, 0x39, 0x39, 0x00, 0xfc, 0x00};

static void init(struct monitor_test *t, bool cpu)
{
    monitor_test_init(t, cpu);
    memcpy(t->ram->host + 0xffff0, reset_vector, sizeof(reset_vector));
}

static void test_xp(void)
{
    struct monitor_test t;
    init(&t, false);
    monitor_test_expect(&t, "xp /5hx 0xffff0",
                        "00000000000ffff0: 0x5bea 0x00e0 0x30f0 0x2f36 0x3332\n");
    monitor_test_expect(&t, "xp /2hx 0xffff0", "00000000000ffff0: 0x5bea 0x00e0\n");
    monitor_test_expect(&t, "xp /3dg 0xffff0",
                        "00000000000ffff0:  3401960375889976298    70931939903615794\n"
                        "0000000000100000:                    0\n");
    monitor_test_expect(&t, "xp/17xb 0xffff0",
                        "00000000000ffff0: 0xea 0x5b 0xe0 0x00 0xf0 0x30 0x36 0x2f\n"
                        "00000000000ffff8: 0x32 0x33 0x2f 0x39 0x39 0x00 0xfc 0x00\n"
                        "0000000000100000: 0x00\n");
    monitor_test_expect(&t, "xp /5ob 0xffff0", "00000000000ffff0: 0352 0133 0340   0 0360\n");
    monitor_test_expect(&t, "xp /5uw 0xffff0",
                        "00000000000ffff0:   14703594  792080624  959394610   16515129\n"
                        "0000000000100000:          0\n");
    monitor_test_expect(&t, "xp /2db 0xffff0", "00000000000ffff0: 234  91\n");
    monitor_test_expect(&t, "xp /4c 0xffff0", "00000000000ffff0: '\\xea' '[' '\\xe0' '\\x00'\n");
    monitor_test_expect(&t, "xp 0xffff0", "00000000000ffff0: 0x00e05bea\n");
    monitor_test_expect(&t, "xp /0x 0", "");
    /* Format and size are kept from line to line, as QEMU keeps them. */
    struct monitor_settings settings = { 0 };
    g_autoptr(GString) kept = g_string_new(NULL);
    command_run(&t.env, &settings, "xp /1xb 0xffff0", kept);
    command_run(&t.env, &settings, "xp /2 0xffff0", kept);
    command_run(&t.env, &settings, "print /d 16", kept);
    command_run(&t.env, &settings, "print 17", kept);
    command_run(&t.env, &settings, "xp 0xffff0", kept);
    g_assert_cmpstr(kept->str, ==,
                    "00000000000ffff0: 0xea\n00000000000ffff0: 0xea 0x5b\n16\n17\n00000000000ffff0: 234\n");
    memcpy(t.ram->host, "ab\"c\n\0d\xff\0", 9);
    monitor_test_expect(&t, "xp /2s 0",
                        "0000000000000000: \"ab\\\"c\\x0a\"\n0000000000000006: \"d\\xff\"\n");
    memset(t.ram->host, 'a', 4096);
    g_autofree char *answer = monitor_test_run(&t, "xp /1s 0");
    g_assert_true(g_str_has_suffix(answer, "aaa\"...\n"));
    monitor_test_contains(&t, "xp /99999999x 0", "Error: count is too large");
    monitor_test_contains(&t, "xp /99999i 0", "Error: count is too large");
    monitor_test_contains(&t, "xp /99999s 0", "Error: count is too large");
    monitor_test_expect(&t, "xp /2xb 0xffffffffffffffff", "ffffffffffffffff: 0xff 0x61\n");
    monitor_test_finish(&t);
}

static void test_code(void)
{
    struct monitor_test t;
    init(&t, true);
    monitor_test_expect(&t, "x /2i 0xffff0",
                        "0x000ffff0:  ea 5b e0 00 f0           ljmpw    $0xf000:$0xe05b\n"
                        "0x000ffff5:  30 36 2f 32              xorb     %dh, 0x322f\n");
    monitor_test_expect(&t, "set asm intel", "");
    monitor_test_expect(&t, "set", "asm intel\n");
    monitor_test_contains(&t, "x /1i 0xffff5", "xor      byte ptr [0x322f], dh");
    monitor_test_expect(&t, "set asm att", "");
    monitor_test_contains(&t, "set asm foo", "Error: asm must be att or intel");
    monitor_test_contains(&t, "set foo bar", "Error: there is no setting 'foo'");
    /* More bytes than a line has, and bytes that are no instruction. */
    struct x86_state state;
    accel_state_get(t.env.accel, 0, &state);
    state.seg[CS].attr |= SEG_DB;
    accel_state_put(t.env.accel, 0, &state);
    memcpy(t.ram->host, "\xc7\x84\x24\x78\x56\x34\x12\xef\xbe\xad\xde\x0f\xff\xff", 14);
    monitor_test_expect(
        &t, "x /2i 0",
        "0x00000000:  c7 84 24 78 56 34 12 ef  movl     $0xdeadbeef, 0x12345678(%esp)\n"
        "0x00000008:  be ad de\n"
        "0x0000000b:  0f ff                    ud0      \n");
    monitor_test_expect(&t, "p $pc", "0xfffffff0\n");
    monitor_test_expect(&t, "p $eip", "0xfff0\n");
    monitor_test_expect(&t, "p $cs", "0xf000\n");
    monitor_test_expect(&t, "p $cs.limit", "0xffff\n");
    monitor_test_contains(&t, "p $nope", "unknown register 'nope'");
    monitor_test_finish(&t);
}

static void test_no_cpu(void)
{
    struct monitor_test t;
    init(&t, false);
    monitor_test_expect(&t, "x 0", "Error: the machine has no CPU\n");
    monitor_test_contains(&t, "p $eax", "unknown register 'eax'");
    monitor_test_expect(&t, "gva2gpa 0", "Error: the machine has no CPU\n");
    monitor_test_expect(&t, "memsave 0 16 /nonexistent", "Error: the machine has no CPU\n");
    monitor_test_finish(&t);
}

static void test_registers(void)
{
    struct x86_state state = {.rip = 0x1234, .rflags = 2, .cr3 = 0x5000};
    static const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"rax", 0x1122334455667788},
        {"eax", 0x55667788},
        {"ax", 0x7788},
        {"al", 0x88},
        {"ah", 0x77},
        {"sp", 0x7000},
        {"r15", 15},
        {"rip", 0x1234},
        {"pc", 0x11234},
        {"eflags", 2},
        {"cr3", 0x5000},
        {"cs", 0x1000},
        {"cs.base", 0x10000},
        {"gs.limit", 7},
        {"tr.attr", 0x8b00},
    };
    uint64_t value;
    state.gpr[RAX] = 0x1122334455667788;
    state.gpr[RSP] = 0x7000;
    state.gpr[R15] = 15;
    state.seg[CS] = (struct x86_segment){.selector = 0x1000, .base = 0x10000};
    state.seg[GS].limit = 7;
    state.tr.attr = 0x8b00;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_true(cpu_view_register(&state, rows[i].name, &value));
        g_assert_cmphex(value, ==, rows[i].value);
    }
    g_assert_false(cpu_view_register(&state, "", &value));
    g_assert_false(cpu_view_register(&state, "cs.", &value));
    g_assert_false(cpu_view_register(&state, "cs.foo", &value));
    g_assert_false(cpu_view_register(&state, ".base", &value));
}

static void test_print(void)
{
    struct monitor_test t;
    init(&t, false);
    monitor_test_expect(&t, "p/d 0xff", "255\n");
    monitor_test_expect(&t, "p/d -1", "-1\n");
    monitor_test_expect(&t, "p/u -1", "18446744073709551615\n");
    monitor_test_expect(&t, "p/o 8", "010\n");
    monitor_test_expect(&t, "p/c 65", "'A'\n");
    monitor_test_expect(&t, "p/c 10", "'\\n'\n");
    monitor_test_expect(&t, "p/c 39", "'\\''\n");
    monitor_test_expect(&t, "p/i 8", "8\n");
    monitor_test_finish(&t);
}

static uint64_t port_read(void *owner, uint64_t offset, unsigned size)
{
    return 0x11223300 + *(uint8_t *)owner + offset;
}

static void port_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    *(uint8_t *)owner = (uint8_t)value;
}

static void test_ports(void)
{
    static const struct region_ops ops = {.read = port_read, .write = port_write};
    struct region region;
    uint8_t latch = 0x1c;
    struct monitor_test t;
    init(&t, false);
    region_init_io(&region, "port", 4, &ops, &latch);
    lock_acquire(&t.machine->lock);
    bus_map(t.machine->io, &region, 0x64, 0);
    lock_release(&t.machine->lock);
    monitor_test_expect(&t, "i /1xb 0x64", "portb[0x0064] = 0x1c\n");
    monitor_test_expect(&t, "i /h 0x64", "portw[0x0064] = 0x331c\n");
    monitor_test_expect(&t, "i 0x64", "portl[0x0064] = 0x1122331c\n");
    monitor_test_expect(&t, "o /b 0x64 0x112", "");
    g_assert_cmphex(latch, ==, 0x12);
    monitor_test_expect(&t, "i /b 0x64 7", "portb[0x0065] = 0x08\n");
    monitor_test_expect(&t, "in/b 0x10080", "portb[0x0080] = 0xff\n");
    monitor_test_finish(&t);
}

static void test_save(void)
{
    struct monitor_test t;
    GError *error = NULL;
    init(&t, true);
    g_autofree char *folder = g_dir_make_tmp("vmm-monitor-XXXXXX", &error);
    g_autofree char *path = g_strdup_printf("%s/a file", folder);
    g_autofree char *line = g_strdup_printf("pmemsave 0xffff0 16 \"%s\"", path);
    g_autofree char *data = NULL;
    gsize size;
    monitor_test_expect(&t, line, "");
    g_assert_true(g_file_get_contents(path, &data, &size, &error));
    g_assert_cmpmem(data, size, reset_vector, sizeof(reset_vector));
    g_clear_pointer(&data, g_free);
    g_free(line);
    line = g_strdup_printf("memsave 0xfffe0+0x10 0x20000 %s",
                           path); /* the path is the rest of the line */
    monitor_test_expect(&t, line, "");
    g_assert_true(g_file_get_contents(path, &data, &size, &error));
    g_assert_cmpuint(size, ==, 0x20000);
    g_assert_cmpmem(data, 16, reset_vector, 16);
    g_remove(path);
    g_rmdir(folder);
    monitor_test_contains(&t, "pmemsave 0 0x8000000000 /nonexistent/x", "memory ends at");
    monitor_test_contains(&t, "pmemsave 0xffffffffffffffff 0x20 /nonexistent/x", "memory ends at");
    monitor_test_contains(&t, "memsave 0 0xffffffffffffffff /nonexistent/x", "memory ends at");
    monitor_test_contains(&t, "pmemsave 0 16 /nonexistent/x",
                          "Error: Could not open '/nonexistent/x': No such file");
    monitor_test_expect(&t, "sum 0 0x1000", "00000\n");
    memcpy(t.ram->host, "123456789", 9);
    monitor_test_expect(&t, "sum 0 9", "53615\n");
    monitor_test_contains(&t, "sum 0 0xffffffffffffffff", "memory ends at");
    monitor_test_expect(&t, "gva2gpa 0x1000", "gpa: 0x1000\n");
    monitor_test_finish(&t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/cmd_memory/xp", test_xp);
    g_test_add_func("/cmd_memory/code", test_code);
    g_test_add_func("/cmd_memory/no-cpu", test_no_cpu);
    g_test_add_func("/cmd_memory/registers", test_registers);
    g_test_add_func("/cmd_memory/print", test_print);
    g_test_add_func("/cmd_memory/ports", test_ports);
    g_test_add_func("/cmd_memory/save", test_save);
    return g_test_run();
}
