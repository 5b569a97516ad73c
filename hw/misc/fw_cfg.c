/*
 * fw_cfg, see the header. Not modelled: writable items (no firmware that we run writes any), so a write
 * through the data port vanishes and a DMA write reports an error.
 */
#include "hw/misc/fw_cfg.h"

#include <string.h>

#include "core/bus.h"
#include "core/dma.h"
#include "core/machine.h"

#define SELECTOR 0
#define DATA 1
#define DMA_HIGH 4
#define DMA_LOW 8

/* Bits of the DMA control word. */
#define DMA_ERROR 0x01u
#define DMA_READ 0x02u
#define DMA_SKIP 0x04u
#define DMA_SELECT 0x08u
#define DMA_WRITE 0x10u

#define ID_TRADITIONAL 1u
#define ID_DMA 2u
#define DMA_SIGNATURE 0x51454d5520434647ull /* "QEMU CFG" */
#define FILE_NAME_SIZE 56

struct file {
    char name[FILE_NAME_SIZE];
    uint16_t key;
    void (*selected)(void *arg); /* NULL, or called when the guest selects it */
    void *arg;
};

struct fw_cfg {
    struct device dev;
    struct region io;
    GHashTable *items; /* key -> GBytes; configuration, not saved */
    GArray *files;     /* struct file, sorted by name */
    uint16_t selector; /* saved */
    uint32_t position; /* next byte of the selected item; saved */
    uint64_t dma_address; /* as written so far, big-endian halves assembled; saved */
};

/* The directory as the guest reads it: a count, then size, key, reserved, name of each, big-endian. */
static void directory_update(struct fw_cfg *cfg)
{
    GByteArray *dir = g_byte_array_new();
    uint32_t count = GUINT32_TO_BE(cfg->files->len);
    g_byte_array_append(dir, (const guint8 *)&count, sizeof(count));
    for (guint i = 0; i < cfg->files->len; i++) {
        const struct file *file = &g_array_index(cfg->files, struct file, i);
        GBytes *data = g_hash_table_lookup(cfg->items, GUINT_TO_POINTER(file->key));
        struct {
            uint32_t size;
            uint16_t key, reserved;
            char name[FILE_NAME_SIZE];
        } entry = { GUINT32_TO_BE((uint32_t)g_bytes_get_size(data)), GUINT16_TO_BE(file->key), 0, "" };
        memcpy(entry.name, file->name, FILE_NAME_SIZE);
        g_byte_array_append(dir, (const guint8 *)&entry, sizeof(entry));
    }
    g_hash_table_replace(cfg->items, GUINT_TO_POINTER(FW_CFG_FILE_DIR), g_byte_array_free_to_bytes(dir));
}

void fw_cfg_add(struct device *dev, uint16_t key, const void *data, size_t size)
{
    struct fw_cfg *cfg = (struct fw_cfg *)dev;
    g_assert(!g_hash_table_contains(cfg->items, GUINT_TO_POINTER(key)));
    g_hash_table_insert(cfg->items, GUINT_TO_POINTER(key), g_bytes_new(data, size));
}

void fw_cfg_add_u16(struct device *dev, uint16_t key, uint16_t value)
{
    value = GUINT16_TO_LE(value);
    fw_cfg_add(dev, key, &value, sizeof(value));
}

void fw_cfg_add_u32(struct device *dev, uint16_t key, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    fw_cfg_add(dev, key, &value, sizeof(value));
}

void fw_cfg_add_u64(struct device *dev, uint16_t key, uint64_t value)
{
    value = GUINT64_TO_LE(value);
    fw_cfg_add(dev, key, &value, sizeof(value));
}

static struct file *find_file(struct fw_cfg *cfg, const char *name)
{
    for (guint i = 0; i < cfg->files->len; i++) {
        struct file *file = &g_array_index(cfg->files, struct file, i);
        if (strcmp(file->name, name) == 0) {
            return file;
        }
    }
    return NULL;
}

void fw_cfg_on_select(struct device *dev, const char *name, void (*fn)(void *arg), void *arg)
{
    struct file *file = find_file((struct fw_cfg *)dev, name);
    g_assert(file != NULL);
    file->selected = fn;
    file->arg = arg;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

void fw_cfg_set_file(struct device *dev, const char *name, const void *data, size_t size)
{
    struct fw_cfg *cfg = (struct fw_cfg *)dev;
    struct file file = { .key = (uint16_t)(FW_CFG_FILE_FIRST + cfg->files->len) };
    g_assert(strlen(name) < FILE_NAME_SIZE);
    g_strlcpy(file.name, name, sizeof(file.name));
    const struct file *old = find_file(cfg, name);
    bool found = old != NULL;
    file.key = found ? old->key : file.key;
    g_hash_table_replace(cfg->items, GUINT_TO_POINTER(file.key), g_bytes_new(data, size));
    if (!found) {
        g_assert(file.key <= FW_CFG_FILE_LAST);
        g_array_append_val(cfg->files, file);
        g_array_sort(cfg->files, compare_names);
    }
    directory_update(cfg);
}

/* Bytes of the selected item from the present position; beyond the end: zeros. */
static void item_read(struct fw_cfg *cfg, uint8_t *out, uint32_t size)
{
    GBytes *item = g_hash_table_lookup(cfg->items, GUINT_TO_POINTER(cfg->selector));
    gsize have = 0;
    const uint8_t *data = item != NULL ? g_bytes_get_data(item, &have) : NULL;
    uint32_t n = cfg->position < have ? (uint32_t)MIN(have - cfg->position, size) : 0;
    if (n > 0) {
        memcpy(out, data + cfg->position, n);
    }
    memset(out + n, 0, size - n);
    cfg->position += cfg->position < have ? n : 0;
}

static void item_select(struct fw_cfg *cfg, uint16_t key)
{
    cfg->selector = key & 0xbfff; /* bit 14 asked for the write channel of old; bit 15: items of the architecture */
    cfg->position = 0;
    for (guint i = 0; i < cfg->files->len; i++) {
        const struct file *file = &g_array_index(cfg->files, struct file, i);
        if (file->key == cfg->selector && file->selected != NULL) {
            file->selected(file->arg);
        }
    }
}

/* A DMA transfer writes at most the item's length and then zeros; the loop is bounded by guest RAM. */
static bool dma_to_guest(struct fw_cfg *cfg, uint64_t address, uint32_t length)
{
    uint8_t buffer[4096];
    bool ok = true;
    while (length > 0 && ok) {
        uint32_t n = MIN(length, (uint32_t)sizeof(buffer));
        item_read(cfg, buffer, n);
        ok = dma_write(cfg->dev.machine->memory, address, buffer, n);
        address += n;
        length -= n;
    }
    return ok;
}

static void dma_run(struct fw_cfg *cfg)
{
    struct {
        uint32_t control, length;
        uint64_t address;
    } request;
    struct bus *memory = cfg->dev.machine->memory;
    uint64_t where = cfg->dma_address;
    cfg->dma_address = 0;
    if (!dma_read(memory, where, &request, sizeof(request))) {
        log_print(cfg->dev.machine->log, LOG_GUEST_ERROR, "fw_cfg: DMA descriptor outside RAM\n");
        return;
    }
    uint32_t control = GUINT32_FROM_BE(request.control);
    uint32_t length = GUINT32_FROM_BE(request.length);
    bool ok = true;
    if (control & DMA_SELECT) {
        item_select(cfg, (uint16_t)(control >> 16));
    }
    if (control & DMA_READ) {
        ok = dma_to_guest(cfg, GUINT64_FROM_BE(request.address), length);
    } else if (control & DMA_WRITE) {
        ok = false;
    } else if (control & DMA_SKIP) {
        cfg->position = length > UINT32_MAX - cfg->position ? UINT32_MAX : cfg->position + length;
    }
    control = GUINT32_TO_BE(ok ? 0 : DMA_ERROR);
    dma_write(memory, where, &control, sizeof(control));
}

static uint64_t fw_cfg_read(void *owner, uint64_t offset, unsigned size)
{
    struct fw_cfg *cfg = owner;
    if (offset >= DMA_HIGH) {
        uint64_t v = 0;
        for (unsigned i = 0; i < size; i++) {
            /* The register is big-endian: its first byte is the highest. */
            v |= (DMA_SIGNATURE >> (56 - 8 * (offset - DMA_HIGH + i)) & 0xff) << 8 * i;
        }
        return v;
    }
    if (offset == DATA) {
        uint8_t byte;
        item_read(cfg, &byte, 1);
        return byte;
    }
    return 0;
}

static void fw_cfg_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct fw_cfg *cfg = owner;
    if (offset == SELECTOR && size == 2) {
        item_select(cfg, (uint16_t)value);
    } else if (offset == DMA_HIGH && size == 4) {
        cfg->dma_address = (uint64_t)GUINT32_FROM_BE((uint32_t)value) << 32;
    } else if (offset == DMA_LOW && size == 4) {
        cfg->dma_address |= GUINT32_FROM_BE((uint32_t)value);
        dma_run(cfg);
    }
}

static const struct region_ops fw_cfg_ops = { fw_cfg_read, fw_cfg_write, 1, 4 };

static bool fw_cfg_create(struct device *dev, GError **error)
{
    struct fw_cfg *cfg = (struct fw_cfg *)dev;
    cfg->items = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_bytes_unref);
    cfg->files = g_array_new(FALSE, TRUE, sizeof(struct file));
    fw_cfg_add(dev, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_u32(dev, FW_CFG_ID, ID_TRADITIONAL | ID_DMA);
    directory_update(cfg);
    region_init_io(&cfg->io, "fwcfg", 12, &fw_cfg_ops, cfg);
    device_add_region(dev, &cfg->io);
    return true;
}

static void fw_cfg_reset(struct device *dev)
{
    struct fw_cfg *cfg = (struct fw_cfg *)dev;
    cfg->selector = 0;
    cfg->position = 0;
    cfg->dma_address = 0;
}

static void fw_cfg_destroy(struct device *dev)
{
    struct fw_cfg *cfg = (struct fw_cfg *)dev;
    g_clear_pointer(&cfg->items, g_hash_table_unref);
    if (cfg->files != NULL) {
        g_array_free(cfg->files, TRUE);
    }
}

struct region *fw_cfg_io(struct device *dev)
{
    return &((struct fw_cfg *)dev)->io;
}

static const struct field fw_cfg_fields[] = {
    FIELD_U16(struct fw_cfg, selector),
    FIELD_U32(struct fw_cfg, position),
    FIELD_U64(struct fw_cfg, dma_address),
    FIELD_END,
};

const struct device_class fw_cfg_class = {
    .name = "fw_cfg_io",
    .description = "firmware configuration channel",
    .state_size = sizeof(struct fw_cfg),
    .fields = fw_cfg_fields,
    .create = fw_cfg_create,
    .reset = fw_cfg_reset,
    .destroy = fw_cfg_destroy,
};
