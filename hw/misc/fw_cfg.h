/*
 * fw_cfg: the channel by which the machine tells its firmware about itself (QEMU's docs/specs/fw_cfg, the
 * interface that SeaBIOS knows). A selector port, a data port, and a DMA interface; items are found by a
 * 16-bit key, named ones through a directory.
 */
#ifndef HW_MISC_FW_CFG_H
#define HW_MISC_FW_CFG_H

#include <stddef.h>
#include <stdint.h>

#include "core/device.h"

enum fw_cfg_key {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_FILE_LAST = 0x9f,
    FW_CFG_SMBIOS_ENTRIES = 0x8001,
    FW_CFG_IRQ0_OVERRIDE = 0x8002, /* one byte: 1 = IRQ 0 is at input 2 of the I/O APIC */
};

extern const struct device_class fw_cfg_class;

/* 12 bytes: selector, data and DMA address register, for port 510h. */
struct region *fw_cfg_io(struct device *dev);

/* Adds an item; the data is copied. Before the machine runs; a key twice is our own bug. */
void fw_cfg_add(struct device *dev, uint16_t key, const void *data, size_t size);
void fw_cfg_add_u16(struct device *dev, uint16_t key, uint16_t value);
void fw_cfg_add_u32(struct device *dev, uint16_t key, uint32_t value);
void fw_cfg_add_u64(struct device *dev, uint16_t key, uint64_t value);

/* From now on fn is called each time the guest selects the file, before it reads; fn may replace files. */
void fw_cfg_on_select(struct device *dev, const char *name, void (*fn)(void *arg), void *arg);

/* Adds or replaces a named file (up to 55 characters); replacing is allowed between runs (boot order after
 * `once`). */
void fw_cfg_set_file(struct device *dev, const char *name, const void *data, size_t size);

#endif
