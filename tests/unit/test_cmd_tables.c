/* Tables, page walks and stacks in words; poke, find and set. */
#include <string.h>

#include "accel/x86_state.h"
#include "monitor/descriptor_view.h"
#include "tests/support/monitor_test.h"
#include "tests/support/test.h"

static void put(struct monitor_test *t, uint32_t at, uint64_t value, unsigned size)
{
    memcpy(t->ram->host + at, &value, size);
    ram_touched(t->ram, at, size);
}

static void descriptor_is(uint64_t low, uint64_t high, bool long_mode, const char *expected)
{
    uint8_t bytes[16];
    memcpy(bytes, &low, 8);
    memcpy(bytes + 8, &high, 8);
    struct descriptor d = descriptor_parse(bytes, long_mode);
    g_autoptr(GString) out = g_string_new(NULL);
    descriptor_describe(&d, long_mode, out);
    g_assert_cmpstr(out->str, ==, expected);
}

static void test_descriptors(void)
{
    descriptor_is(0x00cf9b000000ffff, 0, false, "32-bit code, base 00000000, limit ffffffff, DPL 0, readable, accessed");
    descriptor_is(0x00cff2000000ffff, 0, false, "32-bit data, base 00000000, limit ffffffff, DPL 3, writable");
    descriptor_is(0x000096123456ffff, 0, false, "16-bit data, base 00123456, limit 0000ffff, DPL 0, writable, expand-down");
    descriptor_is(0x00209b0000000000, 0, true, "64-bit code, base 00000000, limit 00000000, DPL 0, readable, accessed");
    descriptor_is(0x00001c0000000000, 0, false, "16-bit code, base 00000000, limit 00000000, DPL 0, execute-only, conforming, NOT PRESENT");
    descriptor_is(0x8100ee0000101234, 0, false, "interrupt gate to 0010:81001234, DPL 3");
    descriptor_is(0x81008e0300101234, 0xffffffff, true, "interrupt gate to 0010:ffffffff81001234, DPL 0, IST 3");
    descriptor_is(0x00008c0500081000, 0, false, "call gate to 0008:00001000, DPL 0, 5 parameters");
    descriptor_is(0x0000850000280000, 0, false, "task gate to 0028, DPL 0");
    descriptor_is(0xfe008b1234562067, 0xfffffe00, true, "TSS (busy), base fffffe00fe123456, limit 00002067, DPL 0");
    descriptor_is(0, 0, true, "empty");
}

/* Protected mode with a GDT at 1000h, an IDT at 2000h, a TSS at 3000h, flat segments. */
static void enter_protected(struct monitor_test *t)
{
    struct x86_state s;
    accel_state_get(t->env.accel, 0, &s);
    put(t, 0x1008, 0x00cf9b000000ffff, 8);
    put(t, 0x1010, 0x00cf93000000ffff, 8);
    put(t, 0x2000 + 14 * 8, 0x00008e0000081234, 8);
    put(t, 0x3004, 0x9000, 4);
    put(t, 0x3008, 0x10, 2);
    s.cr0 |= CR0_PE;
    s.gdtr = (struct x86_table){ 0x1000, 0x17 };
    s.idtr = (struct x86_table){ 0x2000, 0x7f };
    s.seg[CS] = (struct x86_segment){ .selector = 8, .limit = 0xffffffff, .attr = 0xc09b00 };
    for (unsigned i = 0; i < 6; i++) {
        if (i != CS) {
            s.seg[i] = (struct x86_segment){ .selector = 0x10, .limit = 0xffffffff, .attr = 0xc09300 };
        }
    }
    s.tr = (struct x86_segment){ .selector = 0x18, .base = 0x3000, .limit = 103, .attr = 0x8b00 };
    s.gpr[RSP] = 0x8000;
    s.gpr[RBP] = 0x8008;
    s.rip = 0x4000;
    accel_state_put(t->env.accel, 0, &s);
}

static void test_tables(void)
{
    struct monitor_test t;
    monitor_test_init(&t, true);
    put(&t, 8 * 4, 0xf000fea5, 4);
    monitor_test_expect(&t, "info ivt", "IVT: base 00000000\n08: f000:fea5\n");
    monitor_test_expect(&t, "info tss", "TSS: none (TR is empty)\n");
    enter_protected(&t);
    monitor_test_expect(&t, "info gdt",
                        "GDT: base 0000000000001000, limit 0017\n"
                        "0008: 32-bit code, base 00000000, limit ffffffff, DPL 0, readable, accessed\n"
                        "0010: 32-bit data, base 00000000, limit ffffffff, DPL 0, writable, accessed\n");
    monitor_test_expect(&t, "info idt", "IDT: base 0000000000002000, limit 007f\n"
                                        "0e: interrupt gate to 0008:00001234, DPL 0\n");
    monitor_test_contains(&t, "info tss", "TSS 0018: base 0000000000003000, limit 00000067, 32-bit\n");
    monitor_test_contains(&t, "info tss", "esp0   00009000\nss0    0010\n");
    monitor_test_contains(&t, "sreg", "cs: 0008, base 0000000000000000, limit ffffffff, 32-bit code, DPL 0\n");
    monitor_test_contains(&t, "creg", "mp PE\n");
    monitor_test_finish(&t);
}

static void test_stack(void)
{
    struct monitor_test t;
    monitor_test_init(&t, true);
    enter_protected(&t);
    put(&t, 0x8000, 0x11, 4);
    put(&t, 0x8008, 0x8018, 4);
    put(&t, 0x800c, 0x4321, 4);
    put(&t, 0x8018, 0, 4);
    put(&t, 0x801c, 0x5432, 4);
    monitor_test_expect(&t, "print-stack 2", "0x0000000000008000: 0x00000011\n0x0000000000008004: 0x00000000\n");
    monitor_test_expect(&t, "bt", "#0  0x0000000000004000\n#1  0x0000000000004321\n");
    monitor_test_finish(&t);
}

static void test_changes(void)
{
    struct monitor_test t;
    monitor_test_init(&t, true);
    enter_protected(&t);
    monitor_test_expect(&t, "poke 0x5000 0x41", "");
    monitor_test_expect(&t, "poke /w 0x5001 0x44434241", "");
    monitor_test_expect(&t, "p [0x5000]", "0x43424141\n");
    monitor_test_contains(&t, "poke 0x5000 0x141", "Error: 0x141 does not fit into 1 bytes");
    monitor_test_expect(&t, "poke /h 0x5000 (-1)", "");
    monitor_test_expect(&t, "find 0x4000 0x2000 BCD", "0x0000000000005002\n");
    monitor_test_expect(&t, "find -x 0x4000 0x2000 ffff4243", "0x0000000000005000\n");
    monitor_test_expect(&t, "find 0x4000 0x1000 BCD", "not found\n");
    monitor_test_contains(&t, "find -x 0 0x1000 5", "Error: find: give text");
    monitor_test_expect(&t, "set $eax = 0x12345678", "");
    monitor_test_expect(&t, "set $ah=0xff", "");
    monitor_test_expect(&t, "p $eax", "0x1234ff78\n");
    monitor_test_expect(&t, "set $eip 0x4444", "");
    monitor_test_expect(&t, "p $pc", "0x4444\n");
    monitor_test_expect(&t, "set $cs.base = 0x10", "");
    monitor_test_expect(&t, "p $pc", "0x4454\n");
    monitor_test_contains(&t, "set $foo = 1", "Error: there is no register '$foo'");
    monitor_test_contains(&t, "set $eax = 1 2", "Error: set: '2' is left over");
    monitor_test_contains(&t, "set colour red", "Error: there is no setting 'colour'");
    monitor_test_finish(&t);
}

static void test_page(void)
{
    struct monitor_test t;
    struct x86_state s;
    monitor_test_init(&t, true);
    enter_protected(&t);
    monitor_test_expect(&t, "page 0x1234", "paging is off: linear 0x1234 is physical\n");
    put(&t, 0x10000, 0x11027, 4);
    put(&t, 0x10004, 0x400083, 4);
    put(&t, 0x11004, 0x22061, 4);
    accel_state_get(t.env.accel, 0, &s);
    s.cr0 |= CR0_PG;
    s.cr3 = 0x10000;
    s.cr4 |= CR4_PSE;
    accel_state_put(t.env.accel, 0, &s);
    monitor_test_expect(&t, "page 0x1234",
                        "PDE   at 0x000010000: 0x00011027 ---A--UWP\n"
                        "PTE   at 0x000011004: 0x00022061 --DA----P\n"
                        "linear 0x1234 is physical 0x22234 (4 KiB page: supervisor, read-only, executable)\n");
    monitor_test_contains(&t, "page 0x400010", "maps a large page\nlinear 0x400010 is physical 0x400010 (4096 KiB");
    monitor_test_contains(&t, "page 0x2000", "UWP\nPTE   at 0x000011008: 0x00000000 ---------  not present\n"
                                             "linear 0x2000 is not mapped\n");
    monitor_test_finish(&t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/cmd_tables/descriptors", test_descriptors);
    g_test_add_func("/cmd_tables/tables", test_tables);
    g_test_add_func("/cmd_tables/stack", test_stack);
    g_test_add_func("/cmd_tables/changes", test_changes);
    g_test_add_func("/cmd_tables/page", test_page);
    return g_test_run();
}
