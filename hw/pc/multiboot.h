/*
 * Multiboot kernels for -kernel (Multiboot Specification 0.6.96): ELF files (entered in 32-bit mode, also if they are
 * of 64 bits, as GRUB has it), or others whose header has the addresses. Modules come from -initrd, as QEMU spells them: "FILE ARGUMENTS,FILE ARGUMENTS,...", a comma in a name doubled.
 * The kernel gets the memory map, its command line, the modules and the loader's name. Not done: the video mode that a
 * header may ask for, symbols, the drives.
 */
#ifndef HW_PC_MULTIBOOT_H
#define HW_PC_MULTIBOOT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct device;

/* Is there a Multiboot header in the file? */
bool multiboot_check(const uint8_t *data, gsize size);

/* Offers kernel and modules to the ROM multiboot.asm. top: end of the RAM below 4 GiB that may be used. modules and append may be
 * NULL. False and error. */
bool multiboot_load(struct device *fw_cfg, uint64_t top, const char *path, const uint8_t *data, gsize size,
                    const char *modules, const char *append, GError **error);

#endif
