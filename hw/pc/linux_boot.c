/* See the header. Offsets are those of boot.rst, "The Real-Mode Kernel Header". */
#include "hw/pc/linux_boot.h"

#include <string.h>

#include "hw/misc/fw_cfg.h"
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
/* The firmware keeps tables at the top of low RAM. */
#define TOP_RESERVED 0x40000u

/* Positions in linuxboot.asm. */
#define ROM_PNP 0x20
#define ROM_PNP_SIZE 32
#define ROM_PNP_CHECKSUM (ROM_PNP + 9)
#define ROM_COUNT 0x60
#define ROM_SETUP_SEGMENT 0x62
#define ROM_STACK_TOP 0x64
#define ROM_LOADS 0x68
#define ROM_LOADS_MAX 8

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

static void put32_be(uint8_t *p, uint32_t v)
{
    put32(p, GUINT32_SWAP_LE_BE(v));
}

struct loader {
    struct device *fw_cfg;
    uint8_t rom[sizeof(linuxboot_bin)];
    unsigned loads;
};

/* Offers a piece under a key, its size under another (UEFI firmware takes both and starts the kernel itself), and tells the ROM to put it at address. */
static void loader_add(struct loader *l, enum fw_cfg_key key, enum fw_cfg_key size_key, const void *data, size_t size,
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

static void loader_finish(struct loader *l, uint32_t setup_address)
{
    put16(l->rom + ROM_COUNT, (uint16_t)l->loads);
    put16(l->rom + ROM_SETUP_SEGMENT, (uint16_t)(setup_address >> 4));
    put16(l->rom + ROM_STACK_TOP, HEAP_END);
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

static bool file_read(const char *option, const char *path, uint64_t max, char **data, gsize *size, GError **error)
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

static bool kernel_check(const char *path, const uint8_t *k, gsize size, GError **error)
{
    gsize setup = size > HEADER_SETUP_SECTS ? (k[HEADER_SETUP_SECTS] == 0 ? 4 : k[HEADER_SETUP_SECTS]) : 0;
    if (size < 0x1000 || get16(k + HEADER_BOOT_FLAG) != 0xaa55 || memcmp(k + HEADER_MAGIC, "HdrS", 4) != 0 ||
        (setup + 1) * 512 >= size) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "-kernel: '%s' is no Linux kernel (bzImage); give the file that is called vmlinuz or bzImage", path);
        return false;
    }
    return true;
}

/* Loads the initrd as high as the kernel and the RAM allow. */
static bool initrd_add(struct loader *l, uint8_t *header, uint64_t below_4g, uint64_t kernel_end,
                       const char *path, GError **error)
{
    g_autofree char *data = NULL;
    gsize size;
    uint32_t max = get16(header + HEADER_VERSION) >= 0x203 ? get32(header + HEADER_INITRD_ADDR_MAX) : 0x37ffffff;
    uint64_t top = below_4g > TOP_RESERVED ? below_4g - TOP_RESERVED : 0;
    top = MIN(top, (uint64_t)max + 1);
    if (!file_read("-initrd", path, top > kernel_end ? top - kernel_end : 0, &data, &size, error)) {
        return false;
    }
    uint32_t address = (uint32_t)((top - size) & ~0xfffull);
    put32(header + HEADER_RAMDISK_IMAGE, address);
    put32(header + HEADER_RAMDISK_SIZE, (uint32_t)size);
    loader_add(l, FW_CFG_INITRD_DATA, FW_CFG_INITRD_SIZE, data, size, address);
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
    struct loader l = { .fw_cfg = fw_cfg };
    g_autofree char *data = NULL;
    gsize size;
    memcpy(l.rom, linuxboot_bin, sizeof(l.rom));
    if (!file_read("-kernel", kernel, below_4g > KERNEL_HIGH ? below_4g - KERNEL_HIGH : 0, &data, &size, error) ||
        !kernel_check(kernel, (const uint8_t *)data, size, error)) {
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
    loader_add(&l, FW_CFG_SETUP_DATA, FW_CFG_SETUP_SIZE, data, setup, setup_address);
    loader_add(&l, FW_CFG_CMDLINE_DATA, FW_CFG_CMDLINE_SIZE, append, strlen(append) + 1, cmdline_address);
    loader_add(&l, FW_CFG_KERNEL_DATA, FW_CFG_KERNEL_SIZE, data + setup, size - setup, kernel_address);
    loader_finish(&l, setup_address);
    return true;
}
