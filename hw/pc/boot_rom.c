/* See the header. */
#include "hw/pc/boot_rom.h"

#include <string.h>

/* Positions that the ROMs have in common. */
#define ROM_PNP 0x20
#define ROM_PNP_SIZE 32
#define ROM_PNP_CHECKSUM (ROM_PNP + 9)
#define ROM_COUNT 0x60
#define ROM_LOADS 0x68
#define ROM_LOADS_MAX 8

static void put32_be(uint8_t *p, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    memcpy(p, &v, sizeof(v));
}

void boot_rom_init(struct boot_rom *rom, struct device *fw_cfg, const uint8_t *image)
{
    *rom = (struct boot_rom){ .fw_cfg = fw_cfg };
    memcpy(rom->rom, image, sizeof(rom->rom));
}

void boot_rom_add(struct boot_rom *l, enum fw_cfg_key key, enum fw_cfg_key size_key, const void *data, size_t size,
                  uint32_t address)
{
    g_assert(l->loads < ROM_LOADS_MAX);
    fw_cfg_add_u32(l->fw_cfg, (uint16_t)size_key, (uint32_t)size);
    uint8_t *row = l->rom + ROM_LOADS + 16 * l->loads++;
    fw_cfg_add(l->fw_cfg, (uint16_t)key, data, size);
    put32_be(row, (uint32_t)key << 16 | 0x08 | 0x02); /* select, read */
    put32_be(row + 4, (uint32_t)size);
    put32_be(row + 8, 0);
    put32_be(row + 12, address);
}

void boot_rom_finish(struct boot_rom *l)
{
    l->rom[ROM_COUNT] = (uint8_t)l->loads;
    uint8_t sum = 0;
    for (unsigned i = 0; i < ROM_PNP_SIZE; i++) {
        sum += l->rom[ROM_PNP + i];
    }
    l->rom[ROM_PNP_CHECKSUM] = (uint8_t)-sum;
    sum = 0;
    for (unsigned i = 0; i < sizeof(l->rom); i++) {
        sum += l->rom[i];
    }
    l->rom[sizeof(l->rom) - 1] -= sum;
    fw_cfg_set_file(l->fw_cfg, "genroms/linuxboot.bin", l->rom, sizeof(l->rom));
}

bool boot_file_read(const char *option, const char *path, uint64_t max, char **data, gsize *size, GError **error)
{
    g_autoptr(GError) e = NULL;
    if (!g_file_get_contents(path, data, size, &e)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s: %s", option, e->message);
        return false;
    }
    if (*size > max) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "%s: '%s' (%zu bytes) does not fit into guest memory; give more with -m", option, path, *size);
        g_clear_pointer(data, g_free);
        return false;
    }
    return true;
}
