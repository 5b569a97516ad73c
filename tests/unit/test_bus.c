/*
 * The flat view against a naive model, listeners, and how accesses are split.
 */
#include "tests/support/test.h"

#include "core/log.h"

#include <stdio.h>
#include <string.h>

/* A register block that notes its last accesses and reads back offset-dependent bytes. */
struct recorder {
    unsigned reads, writes;
    uint64_t offset, value;
    unsigned size;
    char trace[256];
};

static void note(struct recorder *r, char kind, uint64_t offset, unsigned size)
{
    size_t used = strlen(r->trace);

    snprintf(r->trace + used, sizeof(r->trace) - used, "%c%x/%u ", kind, (unsigned)offset, size);
    r->offset = offset;
    r->size = size;
}

static uint64_t recorder_read(void *owner, uint64_t offset, unsigned size)
{
    struct recorder *r = owner;
    uint64_t value = 0;

    r->reads++;
    note(r, 'r', offset, size);
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)(0x10 + offset + i) << (8 * i);
    }
    /* Bits above the width must not come through. */
    return size < 8 ? value | ~0ull << (8 * size) : value;
}

static void recorder_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct recorder *r = owner;

    r->writes++;
    r->value = value;
    note(r, 'w', offset, size);
}

static const struct region_ops ops_default = { recorder_read, recorder_write, 0, 0 };
static const struct region_ops ops_byte = { recorder_read, recorder_write, 1, 1 };
static const struct region_ops ops_dword = { recorder_read, recorder_write, 4, 4 };
static const struct region_ops ops_wide = { recorder_read, recorder_write, 1, 8 };

static void expect_read(struct bus *bus, struct recorder *r, uint64_t address, unsigned size,
                        uint64_t value, const char *trace)
{
    r->trace[0] = '\0';
    g_assert_cmphex(bus_read(bus, address, size), ==, value);
    g_assert_cmpstr(r->trace, ==, trace);
}

static void expect_write(struct bus *bus, struct recorder *r, uint64_t address, uint64_t value,
                         unsigned size, uint64_t last, const char *trace)
{
    r->trace[0] = '\0';
    bus_write(bus, address, value, size);
    g_assert_cmphex(r->value, ==, last);
    g_assert_cmpstr(r->trace, ==, trace);
}

static void test_sizes(void)
{
    struct bus *bus = bus_create("io", 16);
    struct recorder r = { 0 };
    struct region plain, byte, dword, wide;

    region_init_io(&plain, "plain", 16, &ops_default, &r);
    region_init_io(&byte, "byte", 16, &ops_byte, &r);
    region_init_io(&dword, "dword", 16, &ops_dword, &r);
    region_init_io(&wide, "wide", 16, &ops_wide, &r);
    bus_map(bus, &plain, 0x100, 0);
    bus_map(bus, &byte, 0x200, 0);
    bus_map(bus, &dword, 0x300, 0);
    bus_map(bus, &wide, 0x400, 0);

    expect_read(bus, &r, 0x101, 1, 0x11, "r1/1 ");
    expect_read(bus, &r, 0x101, 2, 0x1211, "r1/2 ");
    expect_read(bus, &r, 0x100, 8, 0x1716151413121110, "r0/4 r4/4 ");
    expect_read(bus, &r, 0x204, 4, 0x17161514, "r4/1 r5/1 r6/1 r7/1 ");
    expect_read(bus, &r, 0x400, 8, 0x1716151413121110, "r0/8 ");
    expect_read(bus, &r, 0x306, 1, 0x16, "r4/4 ");
    expect_read(bus, &r, 0x306, 4, 0x19181716, "r4/4 r8/4 ");
    expect_read(bus, &r, 0x304, 8, 0x1b1a191817161514, "r4/4 r8/4 ");

    expect_write(bus, &r, 0x100, 0x1122334455667788, 8, 0x11223344, "w0/4 w4/4 ");
    expect_write(bus, &r, 0x10f, 0x3344, 1, 0x44, "wf/1 ");
    expect_write(bus, &r, 0x200, 0x1122, 2, 0x11, "w0/1 w1/1 ");
    expect_write(bus, &r, 0x306, 0xaa, 1, 0xaa0000, "w4/4 ");
    bus_destroy(bus);
}

static void test_crossing(void)
{
    struct machine *machine = test_machine_create();
    struct bus *bus = machine->memory;
    struct ram *ram = test_machine_add_ram(machine, 0x1000);
    struct recorder r = { 0 };
    struct region io;

    region_init_io(&io, "io", 0x10, &ops_default, &r);
    struct mapping *mapping = bus_map(bus, &io, 0x1000, 0);
    ram->host[0xffe] = 0x01;
    ram->host[0xfff] = 0x02;
    expect_read(bus, &r, 0xffe, 4, 0x11100201, "r0/2 ");
    expect_read(bus, &r, 0xfff, 4, 0x12111002, "r0/2 r2/1 ");
    expect_write(bus, &r, 0xfff, 0xaabbccdd, 4, 0xaa, "w0/2 w2/1 ");
    g_assert_cmphex(ram->host[0xfff], ==, 0xdd);

    /* Into nothing, and over the end of the bus. */
    g_assert_cmphex(bus_read(bus, 0x100e, 4), ==, 0xffff1f1e);
    g_assert_cmphex(bus_read(bus, (1ull << 52) - 1, 8), ==, UINT64_MAX);
    g_assert_cmphex(bus_read(bus, UINT64_MAX, 1), ==, 0xff);
    bus_write(bus, UINT64_MAX - 1, 0, 2);
    g_assert_cmpuint(bus_stats(bus).unassigned_writes, ==, 1);
    bus_unmap(bus, mapping);
    test_machine_destroy(machine);
}

static void test_memory(void)
{
    struct machine *machine = test_machine_create();
    struct bus *bus = machine->memory;
    struct ram *ram = test_machine_add_ram(machine, 0x4000);
    struct recorder r = { 0 };
    struct region rom;

    ram_log_dirty(ram, true);
    uint64_t bitmap;
    ram_dirty_fetch(ram, 0, 4, &bitmap);
    bus_write(bus, 0x1ffe, 0x8877665544332211, 8);
    g_assert_cmphex(bus_read(bus, 0x1ffe, 8), ==, 0x8877665544332211);
    g_assert_cmphex(bus_read(bus, 0x2000, 2), ==, 0x4433);
    ram_dirty_fetch(ram, 0, 4, &bitmap);
    g_assert_cmphex(bitmap, ==, 6);

    region_init_rom(&rom, "rom", ram, 0x1000, 0x1000);
    struct mapping *mapping = bus_map(bus, &rom, 0x10000, 0);
    bus_write(bus, 0x10ffe, 0, 2);
    g_assert_cmphex(bus_read(bus, 0x10ffe, 2), ==, 0x2211);
    g_assert_cmpuint(bus_stats(bus).unassigned_writes, ==, 0);
    rom.ops = &ops_default;
    rom.owner = &r;
    bus_write(bus, 0x10ffe, 0x55aa, 2);
    g_assert_cmpuint(r.writes, ==, 1);
    g_assert_cmphex(r.offset, ==, 0xffe);
    g_assert_cmphex(bus_read(bus, 0x10ffe, 2), ==, 0x2211);
    g_assert_cmpuint(r.reads, ==, 0);
    bus_unmap(bus, mapping);
    test_machine_destroy(machine);
}

static void test_bytes(void)
{
    struct machine *machine = test_machine_create();
    struct bus *bus = machine->memory;
    struct ram *ram = test_machine_add_ram(machine, 0x1000);
    struct recorder r = { 0 };
    struct region io, rom;
    uint8_t data[0x30];

    region_init_io(&io, "io", 0x10, &ops_byte, &r);
    region_init_rom(&rom, "rom", ram, 0, 0x1000);
    struct mapping *a = bus_map(bus, &io, 0x1010, 0);
    struct mapping *b = bus_map(bus, &rom, 0x8000, 0);

    ram->host[0xfff] = 0x77;
    g_assert_cmpuint(bus_read_bytes(bus, 0xfff, data, sizeof(data), false), ==, 1);
    g_assert_cmphex(data[0], ==, 0x77);
    g_assert_cmphex(data[0x12], ==, 0xff);
    g_assert_cmpuint(r.reads, ==, 0);
    g_assert_cmpuint(bus_read_bytes(bus, 0xfff, data, sizeof(data), true), ==, 1);
    g_assert_cmpuint(r.reads, ==, 16);
    g_assert_cmphex(data[0x11], ==, 0x10);
    g_assert_cmphex(data[0x20], ==, 0x1f);
    g_assert_cmphex(data[0x21], ==, 0xff);
    g_assert_cmpuint(bus_stats(bus).unassigned_reads, ==, 0);

    memset(data, 0x5a, sizeof(data));
    g_assert_cmpuint(bus_write_bytes(bus, 0x8ff0, data, sizeof(data), false), ==, 0x10);
    g_assert_cmphex(ram->host[0xff0], ==, 0x5a);
    g_assert_cmpuint(bus_write_bytes(bus, 0x100e, data, 3, true), ==, 0);
    g_assert_cmpuint(r.writes, ==, 1);
    g_assert_cmphex(r.value, ==, 0x5a);
    bus_unmap(bus, a);
    bus_unmap(bus, b);
    test_machine_destroy(machine);
}

/* ---- the flat view ---- */

enum { SPACE = 64, REGIONS = 6, MAPPINGS = 12 };

struct model {
    struct mapping *mapping;
    struct region *region;
    uint64_t base, offset, size;
    int priority;
    unsigned order;
    bool enabled;
};

/* Which region and offset answers at an address, found by trying all. */
static const struct model *model_find(const struct model *models, uint64_t address)
{
    const struct model *best = NULL;

    for (unsigned i = 0; i < MAPPINGS; i++) {
        const struct model *m = &models[i];

        if (!m->mapping || !m->enabled || address < m->base || address - m->base >= m->size) {
            continue;
        }
        if (!best || m->priority > best->priority ||
            (m->priority == best->priority && m->order > best->order)) {
            best = m;
        }
    }
    return best;
}

static void check_view(const struct bus *bus, const struct model *models)
{
    const struct flat_view *view = bus_view(bus);

    for (unsigned i = 0; i < view->count; i++) {
        g_assert_cmpuint(view->ranges[i].base, <=, view->ranges[i].last);
        g_assert_true(i == 0 || view->ranges[i].base > view->ranges[i - 1].last);
    }
    for (uint64_t address = 0; address < SPACE + 20; address++) {
        const struct model *model = model_find(models, address);
        const struct flat_range *range = bus_find(bus, address);

        if (model == NULL) {
            g_assert_null(range);
            continue;
        }
        g_assert_nonnull(range);
        g_assert_true(range->region == model->region);
        g_assert_cmpuint(range->region_offset + (address - range->base), ==,
                         model->offset + (address - model->base));
    }
}

static void change(struct bus *bus, struct region *regions, struct model *m, struct test_random *random,
                   unsigned order)
{
    uint64_t dice = test_random_next(random);

    if (m->mapping == NULL) {
        m->region = &regions[dice % REGIONS];
        m->offset = (dice >> 8) % 8;
        m->size = 1 + (dice >> 16) % 12;
        m->base = (dice >> 24) % SPACE;
        m->priority = (int)((dice >> 32) % 3) - 1;
        m->order = order;
        m->enabled = true;
        m->mapping = bus_map_window(bus, m->region, m->offset, m->size, m->base, m->priority);
    } else if (dice % 4 == 0) {
        bus_unmap(bus, m->mapping);
        m->mapping = NULL;
    } else if (dice % 4 == 1) {
        m->enabled = (dice >> 8) & 1;
        mapping_enable(m->mapping, m->enabled);
    } else if (dice % 4 == 2) {
        m->base = (dice >> 8) % SPACE;
        mapping_move(m->mapping, m->base);
    } else {
        m->region = &regions[(dice >> 8) % REGIONS];
        mapping_retarget(m->mapping, m->region);
    }
}

static void test_view_random(gconstpointer bits)
{
    struct bus *bus = bus_create("test", GPOINTER_TO_UINT(bits));
    struct region regions[REGIONS];
    struct model models[MAPPINGS] = { 0 };
    struct test_random random = { 7 };

    for (unsigned i = 0; i < REGIONS; i++) {
        region_init_io(&regions[i], "region", 32, &ops_default, NULL);
    }
    for (unsigned round = 0; round < 3000; round++) {
        unsigned changes = 1 + test_random_next(&random) % 3;

        bus_begin(bus);
        for (unsigned i = 0; i < changes; i++) {
            change(bus, regions, &models[test_random_next(&random) % MAPPINGS], &random, round * 4 + i);
        }
        bus_commit(bus);
        check_view(bus, models);
    }
    bus_destroy(bus);
}

struct heard {
    unsigned calls, before, after;
};

static void on_commit(void *arg, struct bus *bus, const struct flat_view *before,
                      const struct flat_view *after)
{
    struct heard *heard = arg;

    heard->calls++;
    heard->before = before->count;
    heard->after = after->count;
    g_assert_true(after->count == bus_view(bus)->count);
}

static void test_listener(void)
{
    struct bus *bus = bus_create("memory", 52);
    struct heard heard = { 0 };
    struct region a, b;

    region_init_io(&a, "a", 0x100, &ops_default, NULL);
    region_init_io(&b, "b", 0x10, &ops_default, NULL);
    bus_listen(bus, on_commit, &heard);
    struct mapping *low = bus_map(bus, &a, 0, 0);
    g_assert_cmpuint(heard.calls, ==, 1);

    bus_begin(bus);
    bus_begin(bus);
    struct mapping *high = bus_map(bus, &b, 0x80, 1);
    bus_commit(bus);
    g_assert_cmpuint(heard.calls, ==, 1);
    bus_commit(bus);
    g_assert_cmpuint(heard.calls, ==, 2);
    g_assert_cmpuint(heard.before, ==, 1);
    g_assert_cmpuint(heard.after, ==, 3);

    /* No change: hidden behind others, switched and switched back, or moved to where it is. */
    struct mapping *hidden = bus_map(bus, &b, 0x80, 0);
    bus_begin(bus);
    mapping_enable(high, false);
    mapping_enable(high, true);
    bus_commit(bus);
    mapping_move(low, 0);
    g_assert_cmpuint(heard.calls, ==, 2);
    bus_unmap(bus, hidden);
    mapping_enable(high, false);
    g_assert_cmpuint(heard.calls, ==, 3);
    g_assert_cmpuint(heard.after, ==, 1);
    bus_unmap(bus, NULL);
    bus_destroy(bus);
    bus_destroy(NULL);
}

static void test_limits(void)
{
    struct bus *bus = bus_create("io", 16);
    struct region a;

    /* A BAR that a guest moved to the end, and beyond. */
    region_init_io(&a, "a", 0x100, &ops_default, NULL);
    struct mapping *mapping = bus_map(bus, &a, 0xfff0, 0);
    g_assert_cmphex(bus_find(bus, 0xffff)->last, ==, 0xffff);
    g_assert_null(bus_find(bus, 0x10000));
    mapping_move(mapping, 0x10000);
    g_assert_cmpuint(bus_view(bus)->count, ==, 0);
    mapping_move(mapping, UINT64_MAX - 5);
    g_assert_cmpuint(bus_view(bus)->count, ==, 0);
    bus_destroy(bus);
}

static void test_join(void)
{
    struct bus *bus = bus_create("memory", 52);
    struct region a;

    region_init_io(&a, "a", 0x4000, &ops_default, NULL);
    for (unsigned i = 0; i < 4; i++) {
        bus_map_window(bus, &a, i * 0x1000, 0x1000, 0x10000 + i * 0x1000, 0);
    }
    g_assert_cmpuint(bus_view(bus)->count, ==, 1);
    g_assert_cmphex(bus_view(bus)->ranges[0].last, ==, 0x13fff);
    bus_destroy(bus);
}

/* ---- unassigned ---- */

static void test_unassigned(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    struct log *log = log_create(file, LOG_UNIMP);
    struct bus *bus = bus_create("io", 16);
    static const struct region_ops write_only = { NULL, recorder_write, 0, 0 };
    struct recorder r = { 0 };
    struct region region;

    bus_set_log(bus, log);
    region_init_io(&region, "write-only", 4, &write_only, &r);
    bus_map(bus, &region, 0x80, 0);
    g_assert_cmphex(bus_read(bus, 0x80, 1), ==, 0xff);
    g_assert_cmphex(bus_read(bus, 0x10, 2), ==, 0xffff);
    g_assert_cmphex(bus_read(bus, 0x10, 4), ==, 0xffffffff);
    bus_write(bus, 0, 1, 1);
    g_assert_cmpuint(bus_stats(bus).unassigned_reads, ==, 3);
    g_assert_cmpuint(bus_stats(bus).unassigned_writes, ==, 1);
    fflush(file);
    g_assert_cmpstr(text, ==,
                    "io: unassigned read of 1 bytes at 0x80\n"
                    "io: unassigned read of 2 bytes at 0x10\n"
                    "io: unassigned write of 1 bytes at 0x0\n");
    for (unsigned port = 0x100; port < 0x8000; port++) {
        bus_read(bus, port, 1);
    }
    fflush(file);
    unsigned lines = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++) {
        lines++;
    }
    g_assert_cmpuint(lines, ==, 4096);
    bus_destroy(bus);
    log_destroy(log);
    fclose(file);
    free(text);
}

/* A register whose access changes the mappings, as PAM and BAR registers do. */
struct mover {
    struct bus *bus;
    struct mapping *mapping;
    uint64_t next;
};

static void mover_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct mover *mover = owner;

    mapping_move(mover->mapping, mover->next);
}

static void test_change_inside_access(void)
{
    static const struct region_ops ops = { NULL, mover_write, 1, 1 };
    struct bus *bus = bus_create("io", 16);
    struct mover mover = { .bus = bus, .next = 0x200 };
    struct region region;

    region_init_io(&region, "mover", 4, &ops, &mover);
    mover.mapping = bus_map(bus, &region, 0x100, 0);
    bus_write(bus, 0x100, 0, 4);
    g_assert_null(bus_find(bus, 0x100));
    g_assert_nonnull(bus_find(bus, 0x200));
    bus_destroy(bus);
}

static void on_mapping(void *arg, const struct region *region, uint64_t base, uint64_t size, int priority,
                       bool enabled)
{
    g_string_append_printf(arg, "%s@%x%s ", region->name, (unsigned)base, enabled ? "" : "-");
}

static void test_foreach(void)
{
    struct bus *bus = bus_create("io", 16);
    GString *text = g_string_new(NULL);
    struct region a, b;

    region_init_io(&a, "a", 1, &ops_default, NULL);
    region_init_io(&b, "b", 1, &ops_default, NULL);
    bus_map(bus, &a, 1, 0);
    mapping_enable(bus_map(bus, &b, 2, 5), false);
    bus_map(bus, &b, 3, 0);
    bus_foreach_mapping(bus, on_mapping, text);
    g_assert_cmpstr(text->str, ==, "b@2- b@3 a@1 ");
    g_string_free(text, TRUE);
    bus_destroy(bus);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/bus/sizes", test_sizes);
    g_test_add_func("/bus/crossing", test_crossing);
    g_test_add_func("/bus/memory", test_memory);
    g_test_add_func("/bus/bytes", test_bytes);
    g_test_add_data_func("/bus/view-random/memory", GUINT_TO_POINTER(52), test_view_random);
    g_test_add_data_func("/bus/view-random/ports", GUINT_TO_POINTER(16), test_view_random);
    g_test_add_func("/bus/listener", test_listener);
    g_test_add_func("/bus/limits", test_limits);
    g_test_add_func("/bus/join", test_join);
    g_test_add_func("/bus/unassigned", test_unassigned);
    g_test_add_func("/bus/change-inside-access", test_change_inside_access);
    g_test_add_func("/bus/foreach", test_foreach);
    return g_test_run();
}
