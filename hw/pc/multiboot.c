/* See the header. Everything is put behind the kernel: modules, then strings and the list of modules. */
#include "hw/pc/multiboot.h"

#include <string.h>

#include "hw/pc/boot_rom.h"
#include "multiboot.bin.h"

#define HEADER_MAGIC 0x1badb002u
#define HEADER_SEARCH 8192u
#define HEADER_HAS_ADDRESSES 0x10000u
#define ROM_ENTRY 0x64
#define INFO_ADDRESS 0x9000u /* as in multiboot.asm */
#define INFO_SIZE 0x58u
#define INFO_FLAGS (0x01u | 0x04u | 0x40u | 0x200u) /* memory, command line, memory map, name of the loader */
#define INFO_FLAG_MODULES 0x08u
#define LOW_END 0x9f000u /* the firmware's own data, then ROMs, up to HIGH */
#define HIGH 0x100000u
#define LOWEST 0x10000u /* below lie the BIOS's data and the information */
#define PAGE 4096u
#define LOADER_NAME "vmm"

struct image {
    uint64_t low, high; /* addresses: first, behind the last with .bss */
    uint32_t entry;
    uint8_t *data; /* high - low bytes; owned */
};

static uint32_t get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put32(uint8_t *p, uint32_t v)
{
    v = GUINT32_TO_LE(v);
    memcpy(p, &v, sizeof(v));
}

static const uint8_t *find_header(const uint8_t *data, gsize size)
{
    for (gsize i = 0; i + 12 <= MIN(size, HEADER_SEARCH); i += 4) {
        if (get32(data + i) == HEADER_MAGIC && get32(data + i) + get32(data + i + 4) + get32(data + i + 8) == 0) {
            return data + i;
        }
    }
    return NULL;
}

bool multiboot_check(const uint8_t *data, gsize size)
{
    return find_header(data, size) != NULL;
}

static bool bad(const char *path, const char *what, GError **error)
{
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "-kernel: '%s': %s", path, what);
    return false;
}

static bool image_make(struct image *image, uint64_t top, const char *path, GError **error)
{
    if (image->low < LOWEST || image->high <= image->low || image->high > top ||
        (image->low >= LOW_END && image->high <= HIGH)) {
        return bad(path, "its addresses are not in RAM; give more with -m", error);
    }
    if (image->low < LOW_END && image->high > LOW_END) {
        return bad(path, "it would cover the BIOS", error);
    }
    image->data = g_malloc0(image->high - image->low);
    return true;
}

/* By the addresses in the header (3.1.3). */
static bool load_flat(struct image *image, uint64_t top, const char *path, const uint8_t *data, gsize size,
                      const uint8_t *header, GError **error)
{
    uint64_t at = (uint64_t)(header - data);
    uint64_t header_address = get32(header + 12), load = get32(header + 16), end = get32(header + 20);
    uint64_t bss = get32(header + 24), skip = header_address - load;
    if (header_address < load || skip > at) {
        return bad(path, "its Multiboot header has impossible addresses", error);
    }
    uint64_t bytes = end != 0 ? end - load : size - (at - skip);
    if ((end != 0 && end < load) || bytes > size - (at - skip)) {
        return bad(path, "it is shorter than its Multiboot header says", error);
    }
    image->low = load;
    image->high = MAX(load + bytes, bss);
    image->entry = get32(header + 28);
    if (!image_make(image, top, path, error)) {
        return false;
    }
    memcpy(image->data, data + at - skip, bytes);
    return true;
}

/* A program header, of either class of ELF file. */
struct segment {
    uint64_t offset, virtual, physical, file_size, memory_size;
};

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* The n-th program header; false if it is not to be loaded. */
static bool segment_get(const uint8_t *data, gsize size, unsigned n, struct segment *out)
{
    bool wide = data[4] == 2;
    const uint8_t *shape = data + (wide ? 54 : 42); /* e_phentsize */
    uint64_t table = wide ? get64(data + 32) : get32(data + 28);
    uint64_t at = table + (uint64_t)n * (shape[0] | shape[1] << 8);
    if (table > size || at + 56 > size || get32(data + at) != 1) {
        return false;
    }
    const uint8_t *p = data + at;
    *out = wide ? (struct segment){ get64(p + 8), get64(p + 16), get64(p + 24), get64(p + 32), get64(p + 40) }
                : (struct segment){ get32(p + 4), get32(p + 8), get32(p + 12), get32(p + 16), get32(p + 20) };
    return out->memory_size != 0;
}

/* The entry point is a virtual address; the kernel begins without paging. */
static uint32_t entry_address(const struct segment *s, uint64_t entry, uint32_t found)
{
    return entry - s->virtual < s->memory_size ? (uint32_t)(entry - s->virtual + s->physical) : found;
}

static bool load_elf(struct image *image, uint64_t top, const char *path, const uint8_t *data, gsize size, GError **error)
{
    struct segment s;
    if (size < 64 || memcmp(data, "\177ELF", 4) != 0) {
        return bad(path, "a Multiboot kernel is an ELF file or has its addresses in the header", error);
    }
    const uint8_t *shape = data + (data[4] == 2 ? 56 : 44); /* e_phnum */
    unsigned count = shape[0] | (unsigned)shape[1] << 8;
    uint64_t entry = data[4] == 2 ? get64(data + 24) : get32(data + 24);
    image->low = UINT64_MAX;
    image->entry = (uint32_t)entry;
    for (unsigned n = 0; n < count; n++) {
        if (!segment_get(data, size, n, &s)) {
            continue;
        }
        if (s.offset > size || s.file_size > size - s.offset || s.file_size > s.memory_size) {
            return bad(path, "the ELF file is cut off", error);
        }
        if (s.physical >= top || s.memory_size > top - s.physical) {
            return bad(path, "its addresses are not in RAM; give more with -m", error);
        }
        image->low = MIN(image->low, s.physical);
        image->high = MAX(image->high, s.physical + s.memory_size);
        image->entry = entry_address(&s, entry, image->entry);
    }
    if (!image_make(image, top, path, error)) {
        return false;
    }
    for (unsigned n = 0; n < count; n++) {
        if (segment_get(data, size, n, &s)) {
            memcpy(image->data + (s.physical - image->low), data + s.offset, s.file_size);
        }
    }
    return true;
}

/* ---- modules ---- */

struct modules {
    GByteArray *data; /* their contents, each at a page */
    GByteArray *list; /* 16 bytes each: start, end, string, 0; start and end within data, string within strings */
    GByteArray *strings;
};

static bool module_add(struct modules *m, const char *text, uint64_t room, GError **error)
{
    g_autofree char *file = g_strndup(text, strcspn(text, " ")), *bytes = NULL;
    gsize size;
    uint8_t row[16] = { 0 };
    while (m->data->len % PAGE != 0) {
        g_byte_array_append(m->data, (const guint8 *)"", 1);
    }
    if (!boot_file_read("-initrd", file, room > m->data->len ? room - m->data->len : 0, &bytes, &size, error)) {
        return false;
    }
    put32(row, m->data->len);
    put32(row + 4, (uint32_t)(m->data->len + size));
    put32(row + 8, m->strings->len);
    g_byte_array_append(m->data, (const guint8 *)bytes, (guint)size);
    g_byte_array_append(m->list, row, sizeof(row));
    g_byte_array_append(m->strings, (const guint8 *)text, (guint)strlen(text) + 1);
    return true;
}

/* Splits at single commas. */
static bool modules_read(struct modules *m, const char *text, uint64_t room, GError **error)
{
    g_autoptr(GString) one = g_string_new(NULL);
    bool ok = true;
    for (const char *p = text; ok && p != NULL; p++) {
        if (*p == ',' && p[1] == ',') {
            g_string_append_c(one, *p++);
        } else if (*p != ',' && *p != '\0') {
            g_string_append_c(one, *p);
        } else {
            const char *start = one->str + strspn(one->str, " ");
            ok = start[0] == '\0' || module_add(m, start, room, error);
            g_string_truncate(one, 0);
            if (*p == '\0') {
                break;
            }
        }
    }
    return ok;
}

/* ---- all together ---- */

static void offer(struct device *fw_cfg, const struct image *image, struct modules *m, const char *path,
                  const char *append)
{
    uint8_t info[INFO_SIZE] = { 0 };
    uint32_t data_at = (uint32_t)(image->high + PAGE - 1) & ~(PAGE - 1);
    uint32_t list_at = (data_at + m->data->len + PAGE - 1) & ~(PAGE - 1), strings_at = list_at + m->list->len;
    uint32_t count = m->list->len / 16;
    g_autofree char *line = g_strconcat(path, append != NULL ? " " : "", append, NULL);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *row = m->list->data + 16 * i;
        put32(row, get32(row) + data_at);
        put32(row + 4, get32(row + 4) + data_at);
        put32(row + 8, get32(row + 8) + strings_at);
    }
    put32(info, INFO_FLAGS | (count > 0 ? INFO_FLAG_MODULES : 0));
    put32(info + 16, strings_at + m->strings->len);
    g_byte_array_append(m->strings, (const guint8 *)line, (guint)strlen(line) + 1);
    put32(info + 20, count);
    put32(info + 24, list_at);
    put32(info + 64, strings_at + m->strings->len);
    g_byte_array_append(m->strings, (const guint8 *)LOADER_NAME, sizeof(LOADER_NAME));
    g_byte_array_append(m->list, m->strings->data, m->strings->len);

    struct boot_rom rom;
    /* Linkers put the headers of a kernel at 1 MiB right below it, where there is no RAM: they are left out. */
    uint64_t low = image->low >= LOW_END ? MAX(image->low, HIGH) : image->low;
    boot_rom_init(&rom, fw_cfg, multiboot_bin);
    put32(rom.rom + ROM_ENTRY, image->entry);
    boot_rom_add(&rom, FW_CFG_KERNEL_DATA, FW_CFG_KERNEL_SIZE, image->data + (low - image->low), image->high - low,
                 (uint32_t)low);
    boot_rom_add(&rom, FW_CFG_INITRD_DATA, FW_CFG_INITRD_SIZE, m->data->data, m->data->len, data_at);
    boot_rom_add(&rom, FW_CFG_CMDLINE_DATA, FW_CFG_CMDLINE_SIZE, m->list->data, m->list->len, list_at);
    boot_rom_add(&rom, FW_CFG_SETUP_DATA, FW_CFG_SETUP_SIZE, info, sizeof(info), INFO_ADDRESS);
    boot_rom_finish(&rom);
}

bool multiboot_load(struct device *fw_cfg, uint64_t top, const char *path, const uint8_t *data, gsize size,
                    const char *modules, const char *append, GError **error)
{
    const uint8_t *header = find_header(data, size);
    bool flat = header + 32 <= data + size && (get32(header + 4) & HEADER_HAS_ADDRESSES) != 0;
    g_autoptr(GByteArray) bytes = g_byte_array_new(), list = g_byte_array_new(), strings = g_byte_array_new();
    struct modules m = { bytes, list, strings };
    struct image image = { 0 };
    bool ok = (flat ? load_flat(&image, top, path, data, size, header, error)
                    : load_elf(&image, top, path, data, size, error)) &&
              modules_read(&m, modules, top > image.high + 4 * PAGE ? top - image.high - 4 * PAGE : 0, error);
    if (ok) {
        offer(fw_cfg, &image, &m, path, append);
    }
    g_free(image.data);
    return ok;
}
