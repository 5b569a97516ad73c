/*
 * Memory map of the board (82441FX data sheet, section 3.2.18 and 4.1):
 *
 *   0         - 9FFFF     RAM
 *   A0000     - BFFFF     VGA window (mapped by the VGA), or SMRAM
 *   C0000     - FFFFF     switched by the PAM registers between ROM/PCI and RAM
 *   100000    - below_4g  RAM
 *   below_4g  - FFFFFFFF  PCI, and the firmware ROM at the very top
 *   1_00000000 -          the rest of RAM
 *
 * With 3.5 GiB or more the part below 4 GiB is cut to 3 GiB, as firmware for this board expects.
 */
#include "core/ram.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pc/pc_impl.h"
#include "hw/rtc/mc146818.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define LOW_END (640 * KIB)

#define CMOS_EXTENDED_LOW 0x17 /* KiB above 1 MiB, at most 63 MiB; also at 30h */
#define CMOS_BASE_LOW 0x15
#define CMOS_EXTENDED2_LOW 0x30
#define CMOS_ABOVE_16M 0x34 /* 64 KiB units */
#define CMOS_ABOVE_4G 0x5b  /* 64 KiB units, three bytes */

bool pc_memmap_create(struct pc *pc, const struct pc_config *config, GError **error)
{
    struct bus *memory = pc->machine->memory;
    pc->below_4g = config->ram >= 3584 * MIB ? 3 * GIB : config->ram;
    pc->above_4g = config->ram - pc->below_4g;
    pc->ram = ram_create("pc.ram", config->ram, error);
    if (pc->ram == NULL) {
        g_prefix_error(error, "-m: ");
        return false;
    }
    bus_begin(memory);
    region_init_ram(&pc->ram_low, "ram-below-640k", pc->ram, 0, MIN(LOW_END, pc->below_4g));
    bus_map(memory, &pc->ram_low, 0, 0);
    if (pc->below_4g > MIB) {
        region_init_ram(&pc->ram_high, "ram-below-4g", pc->ram, MIB, pc->below_4g - MIB);
        bus_map(memory, &pc->ram_high, MIB, 0);
    }
    if (pc->above_4g > 0) {
        region_init_ram(&pc->ram_above, "ram-above-4g", pc->ram, pc->below_4g, pc->above_4g);
        bus_map(memory, &pc->ram_above, 4 * GIB, 0);
    }
    bool ok = pc_firmware_create(pc, config, error);
    bus_commit(memory);
    return ok;
}

static void cmos_word(struct pc *pc, unsigned index, uint64_t value)
{
    mc146818_set_nvram(pc->rtc, index, (uint8_t)value);
    mc146818_set_nvram(pc->rtc, index + 1, (uint8_t)(value >> 8));
}

/* An entry of "etc/e820": address, length, type 1 = RAM; packed, little-endian. */
static void e820_add(GByteArray *table, uint64_t address, uint64_t size)
{
    uint64_t pair[2] = { GUINT64_TO_LE(address), GUINT64_TO_LE(size) };
    uint32_t type = GUINT32_TO_LE(1);
    g_byte_array_append(table, (const guint8 *)pair, sizeof(pair));
    g_byte_array_append(table, (const guint8 *)&type, sizeof(type));
}

void pc_memmap_describe(struct pc *pc)
{
    uint64_t extended = pc->below_4g > MIB ? MIN((pc->below_4g - MIB) / KIB, 65535) : 0;
    uint64_t above_16m = pc->below_4g > 16 * MIB ? MIN((pc->below_4g - 16 * MIB) / (64 * KIB), 65535) : 0;
    uint64_t above_4g = pc->above_4g / (64 * KIB);
    cmos_word(pc, CMOS_BASE_LOW, 640);
    cmos_word(pc, CMOS_EXTENDED_LOW, extended);
    cmos_word(pc, CMOS_EXTENDED2_LOW, extended);
    cmos_word(pc, CMOS_ABOVE_16M, above_16m);
    cmos_word(pc, CMOS_ABOVE_4G, above_4g);
    mc146818_set_nvram(pc->rtc, CMOS_ABOVE_4G + 2, (uint8_t)(above_4g >> 16));

    g_autoptr(GByteArray) e820 = g_byte_array_new();
    e820_add(e820, 0, pc->below_4g);
    if (pc->above_4g > 0) {
        e820_add(e820, 4 * GIB, pc->above_4g);
    }
    fw_cfg_set_file(pc->fw_cfg, "etc/e820", e820->data, e820->len);
    fw_cfg_add_u64(pc->fw_cfg, FW_CFG_RAM_SIZE, pc->below_4g + pc->above_4g);
}

struct ram *pc_ram(struct pc *pc)
{
    return pc->ram;
}

void pc_memmap_destroy(struct pc *pc)
{
    ram_destroy(pc->ram);
    pc_firmware_destroy(pc);
}
