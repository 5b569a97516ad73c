/* Tests of hw/pc/pc_acpi.c: carries the loader's script out as firmware does, and follows the tables from the root pointer. */
#include <string.h>

#include "core/machine.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pc/pc_machine.h"
#include "tests/support/test.h"

#define PORT 0x510
#define TABLES_AT 0x07f00000u /* where this firmware puts them */
#define CPUS 3

struct blob {
    uint8_t *data;
    uint32_t size;
};

struct rig {
    struct machine *machine;
    struct pc *pc;
    struct blob tables, rsdp;
};

static uint32_t get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t port_be(struct rig *rig, unsigned bytes)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < bytes; i++) {
        v = v << 8 | (uint32_t)bus_read(rig->machine->io, PORT + 1, 1);
    }
    return v;
}

static struct blob read_file(struct rig *rig, const char *name)
{
    bus_write(rig->machine->io, PORT, FW_CFG_FILE_DIR, 2);
    for (uint32_t n = port_be(rig, 4); n > 0; n--) {
        struct blob blob = { .size = port_be(rig, 4) };
        uint32_t key = port_be(rig, 4) >> 16;
        char file[57] = "";
        for (unsigned i = 0; i < 56; i++) {
            file[i] = (char)port_be(rig, 1);
        }
        if (strcmp(file, name) == 0) {
            blob.data = g_malloc(blob.size);
            bus_write(rig->machine->io, PORT, key, 2);
            for (uint32_t i = 0; i < blob.size; i++) {
                blob.data[i] = (uint8_t)port_be(rig, 1);
            }
            return blob;
        }
    }
    return (struct blob){ 0 };
}

static void rig_init(struct rig *rig, const char *bios, uint64_t ram)
{
    struct pc_config config = { .ram = ram, .cpus = CPUS, .acpi = true, .bios = bios };
    GError *error = NULL;
    rig->machine = machine_create(NULL);
    rig->pc = pc_create(rig->machine);
    g_assert_true(pc_build(rig->pc, &config, &error));
    machine_reset(rig->machine);
    lock_acquire(&rig->machine->lock);
}

static void rig_finish(struct rig *rig)
{
    lock_release(&rig->machine->lock);
    machine_destroy(rig->machine);
    pc_destroy(rig->pc);
    g_free(rig->tables.data);
    g_free(rig->rsdp.data);
}

static struct blob *find(struct rig *rig, const char *name)
{
    g_assert_true(strcmp(name, "etc/acpi/tables") == 0 || strcmp(name, "etc/acpi/rsdp") == 0);
    return strcmp(name, "etc/acpi/tables") == 0 ? &rig->tables : &rig->rsdp;
}

static uint8_t sum(const uint8_t *data, uint32_t size)
{
    uint8_t s = 0;
    for (uint32_t i = 0; i < size; i++) {
        s += data[i];
    }
    return s;
}

static void run_entry(struct rig *rig, const uint8_t *entry)
{
    const char *name = (const char *)entry + 4;
    struct blob *blob = find(rig, name);
    uint32_t at;
    switch (get32(entry)) {
    case 1:
        g_assert_null(blob->data);
        *blob = read_file(rig, name);
        g_assert_cmpuint(blob->size, >, 0);
        g_assert_cmpuint(get32(entry + 60) & (get32(entry + 60) - 1), ==, 0);
        break;
    case 2:
        at = get32(entry + 116);
        g_assert_cmpstr((const char *)entry + 60, ==, "etc/acpi/tables");
        g_assert_cmpuint(entry[120], ==, 4);
        g_assert_cmpuint(at + 4, <=, blob->size);
        g_assert_cmpuint(get32(blob->data + at), <, rig->tables.size);
        for (uint32_t i = 0, v = get32(blob->data + at) + TABLES_AT; i < 4; i++) {
            blob->data[at + i] = (uint8_t)(v >> 8 * i);
        }
        break;
    case 3:
        g_assert_cmpuint(get32(entry + 64) + get32(entry + 68), <=, blob->size);
        blob->data[get32(entry + 60)] = (uint8_t)-sum(blob->data + get32(entry + 64), get32(entry + 68));
        break;
    default:
        g_assert_not_reached();
    }
}

/* The table that a pointer leads to: signed so, and summing up to nothing. */
static const uint8_t *table(struct rig *rig, const uint8_t *pointer, const char *signature)
{
    uint32_t at = get32(pointer) - TABLES_AT;
    g_assert_cmpuint(at, <, rig->tables.size - 8);
    const uint8_t *t = rig->tables.data + at;
    g_assert_cmpmem(t, 4, signature, 4);
    g_assert_cmpuint(at + get32(t + 4), <=, rig->tables.size);
    if (strcmp(signature, "FACS") != 0) {
        g_assert_cmpuint(sum(t, get32(t + 4)), ==, 0);
    } else {
        g_assert_cmpuint(at % 64, ==, 0);
    }
    return t;
}

static void set_pm_base(struct rig *rig, uint16_t base)
{
    bus_write(rig->machine->io, 0xcf8, 0x80000b40, 4); /* slot 1, function 3, PMBA */
    bus_write(rig->machine->io, 0xcfc, base | 1, 4);
}

/* The 32-bit memory window that begins at `start` must be in the DSDT. */
static bool has_window(const uint8_t *dsdt, uint32_t start)
{
    for (uint32_t i = 0; i + 26 <= get32(dsdt + 4); i++) {
        if (dsdt[i] == 0x87 && get32(dsdt + i + 10) == start && get32(dsdt + i + 14) == 0xfebfffff &&
            get32(dsdt + i + 22) == 0xfebfffff - start + 1) {
            return true;
        }
    }
    return false;
}

static void follow(uint64_t ram, uint32_t window)
{
    struct rig rig = { 0 };
    rig_init(&rig, "bios.bin", ram);
    set_pm_base(&rig, 0xb000);
    struct blob script = read_file(&rig, "etc/table-loader");
    g_assert_cmpuint(script.size, >, 0);
    g_assert_cmpuint(script.size % 128, ==, 0);
    for (uint32_t i = 0; i < script.size; i += 128) {
        run_entry(&rig, script.data + i);
    }
    g_free(script.data);
    g_assert_cmpmem(rig.rsdp.data, 8, "RSD PTR ", 8);
    g_assert_cmpuint(sum(rig.rsdp.data, 20), ==, 0);
    const uint8_t *rsdt = table(&rig, rig.rsdp.data + 16, "RSDT");
    g_assert_cmpuint(get32(rsdt + 4), ==, 44);
    const uint8_t *fadt = table(&rig, rsdt + 36, "FACP"), *madt = table(&rig, rsdt + 40, "APIC");
    table(&rig, fadt + 36, "FACS");
    g_assert_true(has_window(table(&rig, fadt + 40, "DSDT"), window));
    g_assert_cmphex(get32(fadt + 56), ==, 0xb000);
    g_assert_cmphex(get32(fadt + 64), ==, 0xb004);
    g_assert_cmphex(get32(fadt + 76), ==, 0xb008);
    g_assert_cmphex(get32(fadt + 88), ==, 0x04000204);
    unsigned cpus = 0;
    for (uint32_t i = 44; i < get32(madt + 4); i += madt[i + 1]) {
        g_assert_cmpuint(madt[i + 1], >, 0);
        cpus += madt[i] == 0;
    }
    g_assert_cmpuint(cpus, ==, CPUS);
    rig_finish(&rig);
}

static void test_tables(void)
{
    follow(64u << 20, 0x80000000);
}

static void test_much_memory(void)
{
    follow(3000ull << 20, 3000u << 20);
}

/* The default firmware makes its own. */
static void test_default_firmware(void)
{
    struct rig rig = { 0 };
    rig_init(&rig, NULL, 64u << 20);
    g_assert_null(read_file(&rig, "etc/table-loader").data);
    rig_finish(&rig);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/pc_acpi/tables", test_tables);
    g_test_add_func("/pc_acpi/much-memory", test_much_memory);
    g_test_add_func("/pc_acpi/default-firmware", test_default_firmware);
    return g_test_run();
}
