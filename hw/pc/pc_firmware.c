/*
 * The firmware's place: at the very top of 4 GiB, its last 128 KiB also below 1 MiB. Either the image of -bios as a
 * ROM, or one or two flash chips, the second right below the first.
 */
#include <string.h>

#include "block/block.h"
#include "core/ram.h"
#include "hw/misc/pflash_cfi01.h"
#include "hw/pc/firmware.h"
#include "hw/pc/pc_impl.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define BIOS_MAX (16 * MIB)
#define BIOS_ISA_MAX (128 * KIB)
#define BIOS_ALIGN (64 * KIB)
#define FV_SIGNATURE 0x28

static void map_below_1m(struct pc *pc)
{
    uint64_t window = MIN(pc->bios->size, BIOS_ISA_MAX);
    region_init_rom(&pc->bios_isa, "isa-bios", pc->bios, pc->bios->size - window, window);
    bus_map(pc->machine->memory, &pc->bios_isa, MIB - window, 0);
}

static bool rom_create(struct pc *pc, const struct pc_config *config, GError **error)
{
    const char *name = config->bios != NULL ? config->bios : "bios-256k.bin";
    g_autoptr(GBytes) image = firmware_load(name, config->firmware_dirs, BIOS_MAX, error);
    if (image == NULL) {
        return false;
    }
    gsize size = g_bytes_get_size(image);
    if (size % BIOS_ALIGN != 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "-bios: '%s' has %zu bytes; a firmware image is a multiple of 64 KiB", name, size);
        return false;
    }
    pc->bios = ram_create("pc.bios", size, error);
    if (pc->bios == NULL) {
        return false;
    }
    memcpy(pc->bios->host, g_bytes_get_data(image, NULL), size);
    region_init_rom(&pc->bios_top, "pc.bios", pc->bios, 0, size);
    bus_map(pc->machine->memory, &pc->bios_top, 4 * GIB - size, 0);
    return true;
}

/* A chip as large as its image, which ends at *top. */
static bool flash_create(struct pc *pc, unsigned n, struct block *block, uint64_t *top, GError **error)
{
    g_autofree char *id = g_strdup_printf("system.flash%u", n);
    struct block_info info;
    block_get_info(block, &info);
    if (info.virtual_bytes == 0 || info.virtual_bytes % PFLASH_BLOCK_BYTES != 0 ||
        info.virtual_bytes > BIOS_MAX - (4 * GIB - *top)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "-drive if=pflash: '%s' has %" G_GUINT64_FORMAT
                    " bytes; flash images are multiples of 4 KiB, together at most 16 MiB",
                    info.file_name, (uint64_t)info.virtual_bytes);
        return false;
    }
    g_autofree char *blocks = g_strdup_printf("%" G_GUINT64_FORMAT, (uint64_t)info.virtual_bytes / PFLASH_BLOCK_BYTES);
    const char *const properties[] = { "num-blocks", blocks, NULL };
    pc->flash[n] = device_create(pc->machine, &pflash_cfi01_class, id, properties, error);
    if (pc->flash[n] == NULL || !pflash_cfi01_attach(pc->flash[n], block, error)) {
        return false;
    }
    *top -= info.virtual_bytes;
    pflash_cfi01_map(pc->flash[n], pc->machine->memory, *top);
    return true;
}

bool pc_firmware_create(struct pc *pc, const struct pc_config *config, GError **error)
{
    uint64_t top = 4 * GIB;
    for (unsigned n = 0; n < PC_FLASHES; n++) {
        if (config->flash[n] != NULL && !flash_create(pc, n, config->flash[n], &top, error)) {
            return false;
        }
    }
    if (pc->flash[0] != NULL) {
        pc->bios = pflash_cfi01_ram(pc->flash[0]);
    } else if (!rom_create(pc, config, error)) {
        return false;
    }
    map_below_1m(pc);
    return true;
}

/* UEFI firmware begins with a firmware volume (Platform Initialization Specification, volume 3, 3.2.1). */
bool pc_firmware_is_uefi(const struct pc *pc)
{
    return memcmp(pc->bios->host + FV_SIGNATURE, "_FVH", 4) == 0;
}

void pc_firmware_destroy(struct pc *pc)
{
    if (pc->flash[0] == NULL) {
        ram_destroy(pc->bios);
    }
}
