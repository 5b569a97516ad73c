/*
 * Guest memory accesses through the slow paths and the TLB: limits, alignment, page crossing, devices, code pages,
 * dirty log, moving memory.
 */
#include "accel/interp/memory.h"
#include "accel/interp/segment.h"
#include "accel/interp/tlb.h"
#include "tests/support/cpu_test.h"

struct access {
    unsigned seg;
    uint64_t ea;
    unsigned size;
    bool write;
};

static void do_access(struct cpu *cpu, void *arg)
{
    const struct access *a = arg;
    if (a->write) {
        mem_write_slow(cpu, NULL, a->seg, a->ea, 0x1122334455667788, a->size);
    } else {
        mem_read_slow(cpu, NULL, a->seg, a->ea, a->size);
    }
}

/* True if the access does not fault. */
static bool allowed(struct cpu_test *t, unsigned seg, uint64_t ea, unsigned size, bool write)
{
    return cpu_test_try(t, do_access, &(struct access){ seg, ea, size, write });
}

static void set_ds(struct cpu_test *t, uint32_t limit, uint32_t attr)
{
    struct x86_segment s = { .base = 0x20000, .limit = limit, .attr = attr, .selector = SEL_FREE };
    segment_set(t->cpu, DS, &s);
}

static void test_limits(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    static const struct {
        uint32_t limit, attr;
        uint64_t ea;
        bool read, write;
    } cases[] = {
        { 0xfff, SEG_P | SEG_S | SEG_W, 0xffc, true, true },
        { 0xfff, SEG_P | SEG_S | SEG_W, 0xffd, false, false },
        { 0xfff, SEG_P | SEG_S, 0, true, false },
        { 0xfff, SEG_P | SEG_S | SEG_CODE | SEG_R, 0, true, false },
        { 0xfff, SEG_P | SEG_S | SEG_CODE, 0, false, false },
        { 0xfff, SEG_P | SEG_S | SEG_W | SEG_E, 0xfff, false, false },
        { 0xfff, SEG_P | SEG_S | SEG_W | SEG_E, 0x1000, true, true },
        { 0xfff, SEG_P | SEG_S | SEG_W | SEG_E, 0xfffd, false, false },
        { 0xfff, SEG_P | SEG_S | SEG_W | SEG_E | SEG_DB, 0xfffd, true, true },
        { 0, 0, 0, false, false },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        cpu_test_protected(t, 0);
        set_ds(t, cases[i].limit, cases[i].attr);
        g_assert_true(allowed(t, DS, cases[i].ea, 4, false) == cases[i].read);
        if (!cases[i].read) {
            cpu_test_expect_error(t, EXC_GP, 0);
        }
        cpu_test_protected(t, 0);
        set_ds(t, cases[i].limit, cases[i].attr);
        g_assert_true(allowed(t, DS, cases[i].ea, 4, true) == cases[i].write);
        /* The inline path must never allow what the slow one refuses. */
        cpu_test_protected(t, 0);
        set_ds(t, cases[i].limit, cases[i].attr);
        tlb_translate(t->cpu, NULL, 0x20000 + cases[i].ea, ACCESS_WRITE, TLB_SUPERVISOR, &(uint64_t){ 0 });
        g_assert_true(mem_fast(t->cpu, DS, cases[i].ea, 4, true) == NULL || cases[i].write);
        g_assert_true(mem_fast(t->cpu, DS, cases[i].ea, 4, false) == NULL || cases[i].read);
    }
    cpu_test_protected(t, 3);
    t->cpu->s.seg[SS].limit = 0xfff;
    cpu_update_segment(t->cpu, SS);
    g_assert_false(allowed(t, SS, 0xfff, 2, false));
    cpu_test_expect_error(t, EXC_SS, 0);
    cpu_test_long(t, 0);
    g_assert_false(allowed(t, DS, 0x800000000000, 1, false));
    cpu_test_expect_error(t, EXC_GP, 0);
    cpu_test_long(t, 0);
    g_assert_false(allowed(t, SS, 0x7fffffffffff, 2, false));
    cpu_test_expect_error(t, EXC_SS, 0);
    cpu_test_destroy(t);
}

static void test_alignment(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 3);
    t->cpu->s.cr0 |= CR0_AM;
    t->cpu->eflags |= FLAG_AC;
    cpu_update_mode(t->cpu);
    g_assert_true(allowed(t, DS, 0x20000, 4, true));
    g_assert_null(mem_fast(t->cpu, DS, 0x20000, 4, true));
    g_assert_true(allowed(t, DS, 0x20001, 1, true));
    g_assert_false(allowed(t, DS, 0x20002, 4, false));
    cpu_test_expect_error(t, EXC_AC, 0);
    /* not at level 0 */
    t->cpu->eflags |= FLAG_AC;
    cpu_update_mode(t->cpu);
    g_assert_true(allowed(t, DS, 0x20002, 4, false));
    cpu_test_destroy(t);
}

static void test_crossing(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_long(t, 0);
    uint32_t pt = CPU_TEST_TABLES + 0x8000;
    cpu_test_poke(t, CPU_TEST_TABLES + 0x2000 + 8, pt | 7, 8);
    memset(t->mem + pt, 0, 0x1000);
    cpu_test_poke(t, pt, 0x500000 | 7, 8);
    cpu_test_poke(t, pt + 8, 0x300000 | 7, 8);
    mem_write_slow(t->cpu, NULL, DS, 0x200ffd, 0x1122334455667788, 8);
    g_assert_cmphex(cpu_test_peek(t, 0x500ffd, 3), ==, 0x667788);
    g_assert_cmphex(cpu_test_peek(t, 0x300000, 5), ==, 0x1122334455);
    g_assert_cmphex(mem_read64(t->cpu, NULL, DS, 0x200ffd), ==, 0x1122334455667788);
    g_assert_cmphex(mem_rmw_read64(t->cpu, NULL, DS, 0x200ffd), ==, 0x1122334455667788);
    g_assert_null(t->cpu->rmw.host);
    mem_rmw_write64(t->cpu, NULL, 0x8877665544332211);
    g_assert_cmphex(mem_read64(t->cpu, NULL, DS, 0x200ffd), ==, 0x8877665544332211);
    /* The second page is missing: nothing is stored to the first. */
    g_assert_false(allowed(t, DS, 0x201ffd, 8, true));
    g_assert_cmphex(t->cpu->s.cr2, ==, 0x202000);
    cpu_test_expect_error(t, EXC_PF, PF_W);
    g_assert_cmphex(cpu_test_peek(t, 0x300ffd, 3), ==, 0);
    cpu_test_destroy(t);
}

/* ---- devices ---- */

struct recorder {
    char text[256];
};

static uint64_t record_read(void *owner, uint64_t offset, unsigned size)
{
    struct recorder *r = owner;
    g_snprintf(r->text + strlen(r->text), 32, "r%u@%x ", size, (unsigned)offset);
    return 0x0706050403020100ull + offset * 0x0101010101010101ull;
}

static void record_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct recorder *r = owner;
    g_snprintf(r->text + strlen(r->text), 40, "w%u@%x=%llx ", size, (unsigned)offset,
               (unsigned long long)value);
}
static const struct region_ops record_ops = { record_read, record_write, 1, 8 };

static void test_device(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    struct recorder r = { "" };
    struct region region;
    region_init_io(&region, "recorder", 0x1000, &record_ops, &r);
    lock_acquire(&t->machine->lock);
    bus_map(t->machine->memory, &region, 0x2000000, 0);
    lock_release(&t->machine->lock);
    cpu_test_protected(t, 0);
    g_assert_cmphex(mem_read32(t->cpu, NULL, DS, 0x2000004), ==, 0x07060504);
    mem_write16(t->cpu, NULL, DS, 0x2000003, 0xabcd);
    mem_write64(t->cpu, NULL, DS, 0x2000010, 0x1122334455667788);
    mem_write8(t->cpu, NULL, DS, 0x2000020, mem_rmw_read8(t->cpu, NULL, DS, 0x2000020) + 1);
    g_assert_cmpstr(r.text, ==, "r4@4 w1@3=cd w1@4=ab w8@10=1122334455667788 r1@20 w1@20=21 ");
    g_assert_null(mem_page_pointer(t->cpu, NULL, DS, 0x2000000, 16, ACCESS_READ));
    g_assert_false(lock_held(&t->machine->lock));
    cpu_test_destroy(t);
}

static void test_memory_moves(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    struct ram *other = ram_create("other", 0x1000, NULL);
    struct region ram_region, rom_region;
    region_init_ram(&ram_region, "other", other, 0, 0x1000);
    region_init_rom(&rom_region, "rom", other, 0, 0x1000);
    memset(other->host, 0x55, 0x1000);
    cpu_test_protected(t, 0);
    mem_write32(t->cpu, NULL, DS, 0x30000, 0x12345678);
    g_assert_nonnull(mem_fast(t->cpu, DS, 0x30000, 4, true));
    lock_acquire(&t->machine->lock);
    struct mapping *mapping = bus_map(t->machine->memory, &ram_region, 0x30000, 1);
    lock_release(&t->machine->lock);
    g_assert_cmphex(mem_read32(t->cpu, NULL, DS, 0x30000), ==, 0x55555555);
    lock_acquire(&t->machine->lock);
    mapping_retarget(mapping, &rom_region);
    lock_release(&t->machine->lock);
    mem_write32(t->cpu, NULL, DS, 0x30000, 1); /* vanishes */
    g_assert_cmphex(mem_read32(t->cpu, NULL, DS, 0x30000), ==, 0x55555555);
    lock_acquire(&t->machine->lock);
    bus_unmap(t->machine->memory, mapping);
    lock_release(&t->machine->lock);
    g_assert_cmphex(mem_read32(t->cpu, NULL, DS, 0x30000), ==, 0x12345678);
    cpu_test_destroy(t);
    ram_destroy(other);
}

static void test_code_and_dirty(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    uint8_t *flags = &t->ram->flags[0x30000 >> 12];
    uint64_t bitmap[1];
    cpu_test_protected(t, 0);
    mem_write8(t->cpu, NULL, DS, 0x30000, 1);
    g_assert_nonnull(mem_fast(t->cpu, DS, 0x30000, 1, true));
    __atomic_fetch_or(flags, RAM_CODE, __ATOMIC_RELAXED);
    tlb_protect_code(t->cpu, t->ram, 0x30000);
    g_assert_null(mem_fast(t->cpu, DS, 0x30000, 1, true));
    g_assert_nonnull(mem_fast(t->cpu, DS, 0x30000, 1, false));
    g_assert_null(mem_page_pointer(t->cpu, NULL, DS, 0x30000, 4, ACCESS_WRITE));
    __atomic_fetch_and(flags, (uint8_t)~RAM_CODE, __ATOMIC_RELAXED);
    mem_write8(t->cpu, NULL, DS, 0x30000, 2);
    g_assert_nonnull(mem_fast(t->cpu, DS, 0x30000, 1, true));
    /* Dirty log: the first store after a fetch is seen, later ones are fast. */
    ram_log_dirty(t->ram, true);
    ram_dirty_fetch(t->ram, 0x30, 1, bitmap);
    g_assert_cmphex(t->cpu->attention & CPU_ATTENTION_TLB, ==, CPU_ATTENTION_TLB);
    tlb_flush_dirty(t->cpu);
    ram_dirty_fetch(t->ram, 0x30, 1, bitmap);
    g_assert_cmphex(bitmap[0], ==, 1); /* it could have been stored to unseen */
    ram_dirty_fetch(t->ram, 0x30, 1, bitmap);
    g_assert_cmphex(bitmap[0], ==, 0);
    g_assert_null(mem_fast(t->cpu, DS, 0x30000, 1, true));
    mem_write8(t->cpu, NULL, DS, 0x30000, 3);
    g_assert_nonnull(mem_fast(t->cpu, DS, 0x30000, 1, true));
    ram_dirty_fetch(t->ram, 0x30, 1, bitmap);
    g_assert_cmphex(bitmap[0], ==, 1);
    ram_log_dirty(t->ram, false);
    cpu_test_destroy(t);
}

static void test_flush(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_long(t, 0);
    t->cpu->s.cr4 |= CR4_PGE;
    t->mem[CPU_TEST_TABLES + 0x2000 + 2 * 8 + 1] |= 1; /* 4 MiB: global, large */
    mem_read8(t->cpu, NULL, DS, 0x400000);
    mem_read8(t->cpu, NULL, DS, 0x601000);
    g_assert_nonnull(mem_fast(t->cpu, DS, 0x400000, 1, false));
    tlb_flush(t->cpu, false);
    g_assert_nonnull(mem_fast(t->cpu, DS, 0x400000, 1, false));
    g_assert_null(mem_fast(t->cpu, DS, 0x601000, 1, false));
    mem_read8(t->cpu, NULL, DS, 0x401000);
    tlb_flush_page(t->cpu, 0x405000); /* drops all of the large page */
    g_assert_null(mem_fast(t->cpu, DS, 0x401000, 1, false));
    mem_read8(t->cpu, NULL, DS, 0x401000);
    tlb_flush(t->cpu, true);
    g_assert_null(mem_fast(t->cpu, DS, 0x401000, 1, false));
    cpu_test_destroy(t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/access/limits", test_limits);
    g_test_add_func("/access/alignment", test_alignment);
    g_test_add_func("/access/crossing", test_crossing);
    g_test_add_func("/access/device", test_device);
    g_test_add_func("/access/memory_moves", test_memory_moves);
    g_test_add_func("/access/code_and_dirty", test_code_and_dirty);
    g_test_add_func("/access/flush", test_flush);
    return g_test_run();
}
