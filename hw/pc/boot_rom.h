/*
 * What -kernel needs of its option ROMs (linuxboot.asm, multiboot.asm): pieces of memory offered through fw_cfg, and the table in the
 * ROM by which it fetches them.
 */
#ifndef HW_PC_BOOT_ROM_H
#define HW_PC_BOOT_ROM_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/misc/fw_cfg.h"

#define BOOT_ROM_SIZE 1024
/* The firmware keeps tables at the top of low RAM. */
#define BOOT_TOP_RESERVED 0x40000u

struct boot_rom {
    struct device *fw_cfg;
    uint8_t rom[BOOT_ROM_SIZE];
    unsigned loads;
};

/* image: BOOT_ROM_SIZE bytes. */
void boot_rom_init(struct boot_rom *rom, struct device *fw_cfg, const uint8_t *image);
/* Offers a piece under a key, its size under another (UEFI firmware takes both and starts the kernel itself), and tells the ROM
 * to put it at address. */
void boot_rom_add(struct boot_rom *rom, enum fw_cfg_key key, enum fw_cfg_key size_key, const void *data, size_t size,
                  uint32_t address);
/* Sums the ROM up and gives it to the firmware. */
void boot_rom_finish(struct boot_rom *rom);

/* Reads a file of at most max bytes, to be freed; option names it in errors. */
bool boot_file_read(const char *option, const char *path, uint64_t max, char **data, gsize *size, GError **error);

#endif
