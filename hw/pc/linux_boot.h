/*
 * -kernel, -initrd and -append: loading a Linux bzImage or zImage by the x86 boot protocol
 * (Documentation/x86/boot.rst in the kernel's sources). The pieces are put into fw_cfg; the option ROM
 * linuxboot.asm fetches them into guest memory and starts the kernel's real-mode code, so the firmware has
 * set the machine up as for any other boot.
 */
#ifndef HW_PC_LINUX_BOOT_H
#define HW_PC_LINUX_BOOT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct device;

/* below_4g: bytes of RAM from address 0. initrd and append may be NULL. False and error naming the option if
 * a file cannot be read, is no kernel, or does not fit. */
bool linux_boot_load(struct device *fw_cfg, uint64_t below_4g, const char *kernel, const char *initrd,
                     const char *append, GError **error);

/* The ROM's name in the firmware's boot order. */
#define LINUX_BOOT_ORDER_ENTRY "/rom@genroms/linuxboot.bin"

#endif
