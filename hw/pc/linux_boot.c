/* See the header. Offsets are those of boot.rst, "The Real-Mode Kernel Header". */
#include "hw/pc/linux_boot.h"

#include <string.h>

#include "hw/misc/fw_cfg.h"
#include "hw/pc/boot_rom.h"
#include "hw/pc/multiboot.h"
#include "linuxboot.bin.h"

#define HEADER_SETUP_SECTS 0x1f1
#define HEADER_VID_MODE 0x1fa
#define HEADER_BOOT_FLAG 0x1fe
#define HEADER_MAGIC 0x202
#define HEADER_VERSION 0x206
#define HEADER_TYPE_OF_LOADER 0x210
#define HEADER_LOADFLAGS 0x211
#define HEADER_RAMDISK_IMAGE 0x218
#define HEADER_RAMDISK_SIZE 0x21c
#define HEADER_HEAP_END_PTR 0x224
#define HEADER_CMD_LINE_PTR 0x228
#define HEADER_INITRD_ADDR_MAX 0x22c
#define HEADER_CMDLINE_SIZE 0x238

#define LOADED_HIGH 0x01
#define CAN_USE_HEAP 0x80
#define LOADER_UNDEFINED 0xff

#define SETUP_ADDRESS 0x10000u
#define CMDLINE_ADDRESS 0x20000u
#define OLD_SETUP_ADDRESS 0x90000u /* zImage: the kernel itself goes to 0x10000 */
#define OLD_CMDLINE_ADDRESS 0x9a000u
#define KERNEL_HIGH 0x100000u
#define HEAP_END 0xe000u

/* Positions in linuxboot.asm. */
#define ROM_SETUP_SEGMENT 0x62
#define ROM_STACK_TOP 0x64

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, (uint16_t)v);
    put16(p + 2, (uint16_t)(v >> 16));
}

/* vga=normal|ext|ask|NUMBER belongs to the loader, not to the kernel. */
static uint16_t video_mode(const char *append)
{
    const char *vga = append != NULL ? strstr(append, "vga=") : NULL;
    if (vga == NULL || (vga != append && vga[-1] != ' ')) {
        return 0xffff;
    }
    vga += 4;
    if (g_str_has_prefix(vga, "ext")) {
        return 0xfffe;
    }
    if (g_str_has_prefix(vga, "ask")) {
        return 0xfffd;
    }
    return g_str_has_prefix(vga, "normal") ? 0xffff : (uint16_t)g_ascii_strtoull(vga, NULL, 0);
}

static bool kernel_check(const char *path, const uint8_t *k, gsize size, GError **error)
{
    gsize setup = size > HEADER_SETUP_SECTS ? (k[HEADER_SETUP_SECTS] == 0 ? 4 : k[HEADER_SETUP_SECTS]) : 0;
    if (size < 0x1000 || get16(k + HEADER_BOOT_FLAG) != 0xaa55 || memcmp(k + HEADER_MAGIC, "HdrS", 4) != 0 ||
        (setup + 1) * 512 >= size) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "-kernel: '%s' is neither a Linux kernel (bzImage) nor a Multiboot one; give the file that is called vmlinuz or bzImage", path);
        return false;
    }
    return true;
}

/* Loads the initrd as high as the kernel and the RAM allow. */
static bool initrd_add(struct boot_rom *l, uint8_t *header, uint64_t below_4g, uint64_t kernel_end,
                       const char *path, GError **error)
{
    g_autofree char *data = NULL;
    gsize size;
    uint32_t max = get16(header + HEADER_VERSION) >= 0x203 ? get32(header + HEADER_INITRD_ADDR_MAX) : 0x37ffffff;
    uint64_t top = below_4g > BOOT_TOP_RESERVED ? below_4g - BOOT_TOP_RESERVED : 0;
    top = MIN(top, (uint64_t)max + 1);
    if (!boot_file_read("-initrd", path, top > kernel_end ? top - kernel_end : 0, &data, &size, error)) {
        return false;
    }
    uint32_t address = (uint32_t)((top - size) & ~0xfffull);
    put32(header + HEADER_RAMDISK_IMAGE, address);
    put32(header + HEADER_RAMDISK_SIZE, (uint32_t)size);
    boot_rom_add(l, FW_CFG_INITRD_DATA, FW_CFG_INITRD_SIZE, data, size, address);
    return true;
}

static void header_fill(uint8_t *h, const char *append, uint32_t cmdline_address)
{
    unsigned version = get16(h + HEADER_VERSION);
    put16(h + HEADER_VID_MODE, video_mode(append));
    h[HEADER_TYPE_OF_LOADER] = LOADER_UNDEFINED;
    if (version >= 0x201) {
        h[HEADER_LOADFLAGS] |= CAN_USE_HEAP;
        put16(h + HEADER_HEAP_END_PTR, HEAP_END - 0x200);
    }
    if (version >= 0x202) {
        put32(h + HEADER_CMD_LINE_PTR, cmdline_address);
    } else {
        put16(h + 0x20, 0xa33f); /* the older protocol's command line magic and offset */
        put16(h + 0x22, (uint16_t)(cmdline_address - OLD_SETUP_ADDRESS));
    }
}

bool linux_boot_load(struct device *fw_cfg, uint64_t below_4g, const char *kernel, const char *initrd,
                     const char *append, GError **error)
{
    struct boot_rom l;
    g_autofree char *data = NULL;
    gsize size;
    boot_rom_init(&l, fw_cfg, linuxboot_bin);
    if (!boot_file_read("-kernel", kernel, below_4g > KERNEL_HIGH ? below_4g - KERNEL_HIGH : 0, &data, &size, error)) {
        return false;
    }
    if (multiboot_check((const uint8_t *)data, size)) {
        return multiboot_load(fw_cfg, below_4g - BOOT_TOP_RESERVED, kernel, (const uint8_t *)data, size, initrd, append, error);
    }
    if (!kernel_check(kernel, (const uint8_t *)data, size, error)) {
        return false;
    }
    uint8_t *h = (uint8_t *)data;
    bool high = get16(h + HEADER_VERSION) >= 0x200 && h[HEADER_LOADFLAGS] & LOADED_HIGH;
    gsize setup = (1u + (h[HEADER_SETUP_SECTS] == 0 ? 4 : h[HEADER_SETUP_SECTS])) * 512u;
    uint32_t setup_address = high ? SETUP_ADDRESS : OLD_SETUP_ADDRESS;
    uint32_t cmdline_address = high ? CMDLINE_ADDRESS : OLD_CMDLINE_ADDRESS;
    uint32_t kernel_address = high ? KERNEL_HIGH : SETUP_ADDRESS;
    uint32_t cmdline_max = get16(h + HEADER_VERSION) >= 0x206 ? get32(h + HEADER_CMDLINE_SIZE) : 255;
    if (append != NULL && strlen(append) > MIN(cmdline_max, 0xf000)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-append: %zu characters, but this kernel takes %u", strlen(append), cmdline_max);
        return false;
    }
    header_fill(h, append, cmdline_address);
    if (initrd != NULL &&
        !initrd_add(&l, h, below_4g, kernel_address + (uint64_t)(size - setup), initrd, error)) {
        return false;
    }
    append = append != NULL ? append : "";
    boot_rom_add(&l, FW_CFG_SETUP_DATA, FW_CFG_SETUP_SIZE, data, setup, setup_address);
    boot_rom_add(&l, FW_CFG_CMDLINE_DATA, FW_CFG_CMDLINE_SIZE, append, strlen(append) + 1, cmdline_address);
    boot_rom_add(&l, FW_CFG_KERNEL_DATA, FW_CFG_KERNEL_SIZE, data + setup, size - setup, kernel_address);
    put16(l.rom + ROM_SETUP_SEGMENT, (uint16_t)(setup_address >> 4));
    put16(l.rom + ROM_STACK_TOP, HEAP_END);
    boot_rom_finish(&l);
    return true;
}
