/*
 * ACPI tables for firmware that does not bring its own (UEFI, U-Boot), as QEMU's "etc/table-loader" interface has it
 * (OVMF's OvmfPkg/Include/IndustryStandard/QemuLoader.h names the commands): a blob with the tables, one with the root
 * pointer, and a script by which the firmware allocates both, patches addresses into them and sums them up. Tables are those of ACPI
 * 1.0b with a MADT (ACPI 2.0, 5.2.10); dsdt.asl is the description of the board.
 *
 * The blobs are made when the firmware selects one of them: by then it has put the power management registers where it
 * wants them. SeaBIOS, when it is the default firmware, makes its own tables and is offered none.
 */
#include <string.h>

#include "dsdt.aml.h"
#include "hw/acpi/pm.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pc/pc_impl.h"

#define TABLES_FILE "etc/acpi/tables"
#define RSDP_FILE "etc/acpi/rsdp"
#define LOADER_FILE "etc/table-loader"

#define LOADER_ENTRY 128
#define LOADER_NAME 56
enum loader_command { LOADER_ALLOCATE = 1, LOADER_POINTER = 2, LOADER_CHECKSUM = 3 };
enum loader_zone { ZONE_HIGH = 1, ZONE_FSEG = 2 };

#define HEADER_SIZE 36
#define HEADER_LENGTH 4
#define HEADER_CHECKSUM 9
#define FACS_SIZE 64
#define FADT_SIZE 116
#define RSDP_SIZE 20
#define RSDP_CHECKSUM 8
#define RSDP_RSDT 16

#define SCI 9
#define FADT_FLAGS 0x25 /* WBINVD; C1 on all CPUs; the sleep button is none of the fixed hardware */
#define LAPIC_ADDRESS 0xfee00000u
#define IOAPIC_ADDRESS 0xfec00000u
#define ACTIVE_HIGH_LEVEL 0x0d
#define PCI_WINDOW_BASE 0x80000000u /* in dsdt.asl */
#define PCI_WINDOW_LAST 0xfebfffffu
#define DWORD_DESCRIPTOR 0x87 /* resource descriptor, ACPI 2.0, 6.4.3.5.2: base at 10, last at 14, length at 22 */

static void add(GByteArray *blob, uint64_t value, unsigned bytes)
{
    value = GUINT64_TO_LE(value);
    g_byte_array_append(blob, (const guint8 *)&value, bytes);
}

static void put32(uint8_t *p, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    memcpy(p, &value, sizeof(value));
}

/* ---- the script ---- */

static void script_name(GByteArray *script, const char *name)
{
    char field[LOADER_NAME] = "";
    g_strlcpy(field, name, sizeof(field));
    g_byte_array_append(script, (const guint8 *)field, sizeof(field));
}

/* Entries are padded with zeroes. */
static void script_end(GByteArray *script)
{
    while (script->len % LOADER_ENTRY != 0) {
        add(script, 0, 1);
    }
}

static void script_begin(GByteArray *script, enum loader_command command)
{
    add(script, command, 4);
}

static void script_allocate(GByteArray *script, const char *file, uint32_t align, enum loader_zone zone)
{
    script_begin(script, LOADER_ALLOCATE);
    script_name(script, file);
    add(script, align, 4);
    add(script, zone, 1);
    script_end(script);
}

/* Adds the address of the tables to the 4 bytes at offset of file, which hold an offset in them. */
static void script_pointer(GByteArray *script, const char *file, uint32_t offset)
{
    script_begin(script, LOADER_POINTER);
    script_name(script, file);
    script_name(script, TABLES_FILE);
    add(script, offset, 4);
    add(script, 4, 1);
    script_end(script);
}

static void script_checksum(GByteArray *script, const char *file, uint32_t offset, uint32_t start, uint32_t length)
{
    script_begin(script, LOADER_CHECKSUM);
    script_name(script, file);
    add(script, offset, 4);
    add(script, start, 4);
    add(script, length, 4);
    script_end(script);
}

/* ---- tables ---- */

static guint table_begin(GByteArray *tables, const char *signature, uint8_t revision)
{
    guint at = tables->len;
    g_byte_array_append(tables, (const guint8 *)signature, 4);
    add(tables, 0, 4); /* length */
    add(tables, revision, 1);
    add(tables, 0, 1); /* checksum */
    g_byte_array_append(tables, (const guint8 *)"VMM   VMMPC   \1\0\0\0VMM \1\0\0\0", 26);
    g_assert(tables->len == at + HEADER_SIZE);
    return at;
}

static void table_end(GByteArray *tables, GByteArray *script, guint at)
{
    put32(tables->data + at + HEADER_LENGTH, tables->len - at);
    script_checksum(script, TABLES_FILE, at + HEADER_CHECKSUM, at, tables->len - at);
}

static void make_facs(GByteArray *tables)
{
    uint8_t facs[FACS_SIZE] = "FACS";
    put32(facs + 4, FACS_SIZE);
    g_byte_array_append(tables, facs, sizeof(facs));
}

static guint make_dsdt(const struct pc *pc, GByteArray *tables, GByteArray *script)
{
    guint at = tables->len;
    g_byte_array_append(tables, dsdt_aml, dsdt_aml_len);
    uint8_t *dsdt = tables->data + at;
    for (guint i = 0; i + 26 <= dsdt_aml_len; i++) {
        uint32_t base;
        memcpy(&base, dsdt + i + 10, sizeof(base));
        if (dsdt[i] == DWORD_DESCRIPTOR && GUINT32_FROM_LE(base) == PCI_WINDOW_BASE) {
            uint32_t start = (uint32_t)MAX(pc->below_4g, PCI_WINDOW_BASE);
            put32(dsdt + i + 10, start);
            put32(dsdt + i + 22, PCI_WINDOW_LAST - start + 1);
        }
    }
    dsdt[HEADER_CHECKSUM] = 0;
    script_checksum(script, TABLES_FILE, at + HEADER_CHECKSUM, at, dsdt_aml_len);
    return at;
}

static guint make_fadt(const struct pc *pc, GByteArray *tables, GByteArray *script, guint facs, guint dsdt)
{
    uint16_t base = pm_base(pc->pm);
    guint at = table_begin(tables, "FACP", 1);
    add(tables, facs, 4);
    add(tables, dsdt, 4);
    add(tables, 1, 2); /* both PIC and APIC; reserved */
    add(tables, SCI, 2);
    add(tables, 0xb2, 4); /* SMI command port, and what switches ACPI on and off there */
    add(tables, 0xf1, 1);
    add(tables, 0xf0, 1);
    add(tables, 0, 2);
    add(tables, base, 4); /* PM1a events */
    add(tables, 0, 4);
    add(tables, base + 4u, 4); /* PM1a control */
    add(tables, 0, 4);
    add(tables, 0, 4);
    add(tables, base + 8u, 4); /* PM timer */
    add(tables, 0xafe0, 4);    /* GPE 0 */
    add(tables, 0, 4);
    add(tables, 0x04000204, 4); /* lengths: PM1 events, control; PM2; timer */
    add(tables, 4, 4);                   /* of GPE 0; no GPE 1 */
    add(tables, 0x0fff0fff, 4);          /* no C2, C3 */
    add(tables, 0, 8);                   /* cache flushing, duty cycle, alarms */
    add(tables, 0x32, 4);                /* century in CMOS; reserved */
    add(tables, FADT_FLAGS, 4);
    script_pointer(script, TABLES_FILE, at + 36);
    script_pointer(script, TABLES_FILE, at + 40);
    g_assert(tables->len - at == FADT_SIZE);
    table_end(tables, script, at);
    return at;
}

static guint make_madt(const struct pc *pc, GByteArray *tables, GByteArray *script)
{
    static const uint8_t level[] = { 5, 9, 10, 11 };
    guint at = table_begin(tables, "APIC", 1);
    add(tables, LAPIC_ADDRESS, 4);
    add(tables, 1, 4); /* there are 8259s too */
    for (unsigned i = 0; i < pc->cpus; i++) {
        add(tables, 0x0800, 2);
        add(tables, i | i << 8, 2);
        add(tables, 1, 4);
    }
    add(tables, 0x0c01, 2);
    add(tables, 0, 2);
    add(tables, IOAPIC_ADDRESS, 4);
    add(tables, 0, 4);
    add(tables, 0x00000a02, 4); /* the timer is at input 2 */
    add(tables, 2, 4);
    add(tables, 0, 2);
    for (unsigned i = 0; i < G_N_ELEMENTS(level); i++) {
        add(tables, 0x0a02, 3);
        add(tables, level[i], 1);
        add(tables, level[i], 4);
        add(tables, ACTIVE_HIGH_LEVEL, 2);
    }
    add(tables, 0xff0604, 3); /* NMI at LINT1 of all CPUs */
    add(tables, 0, 2);
    add(tables, 1, 1);
    table_end(tables, script, at);
    return at;
}

static guint make_rsdt(GByteArray *tables, GByteArray *script, guint fadt, guint madt)
{
    guint at = table_begin(tables, "RSDT", 1);
    add(tables, fadt, 4);
    add(tables, madt, 4);
    script_pointer(script, TABLES_FILE, at + HEADER_SIZE);
    script_pointer(script, TABLES_FILE, at + HEADER_SIZE + 4);
    table_end(tables, script, at);
    return at;
}

static void make_all(void *arg)
{
    struct pc *pc = arg;
    g_autoptr(GByteArray) tables = g_byte_array_new(), script = g_byte_array_new();
    uint8_t rsdp[RSDP_SIZE] = "RSD PTR \0VMM   ";

    script_allocate(script, RSDP_FILE, 16, ZONE_FSEG);
    script_allocate(script, TABLES_FILE, 64, ZONE_HIGH);
    make_facs(tables);
    guint dsdt = make_dsdt(pc, tables, script);
    guint fadt = make_fadt(pc, tables, script, 0, dsdt);
    guint madt = make_madt(pc, tables, script);
    put32(rsdp + RSDP_RSDT, make_rsdt(tables, script, fadt, madt));
    script_pointer(script, RSDP_FILE, RSDP_RSDT);
    script_checksum(script, RSDP_FILE, RSDP_CHECKSUM, 0, RSDP_SIZE);
    fw_cfg_set_file(pc->fw_cfg, TABLES_FILE, tables->data, tables->len);
    fw_cfg_set_file(pc->fw_cfg, RSDP_FILE, rsdp, sizeof(rsdp));
    fw_cfg_set_file(pc->fw_cfg, LOADER_FILE, script->data, script->len);
}

void pc_acpi_fill(struct pc *pc, const struct pc_config *config)
{
    if (pc->pm == NULL || (config->bios == NULL && pc->flash[0] == NULL)) {
        return;
    }
    make_all(pc);
    fw_cfg_on_select(pc->fw_cfg, TABLES_FILE, make_all, pc);
    fw_cfg_on_select(pc->fw_cfg, RSDP_FILE, make_all, pc);
    fw_cfg_on_select(pc->fw_cfg, LOADER_FILE, make_all, pc);
}
