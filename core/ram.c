/*
 * Memory blocks: one anonymous mapping and one flag byte a page.
 *
 * The mapping reserves no swap, so that a large guest costs only the pages that it touches. Flag bytes are
 * changed by engines and devices from several threads at once, so every change is an atomic operation; the
 * common case (flag already as wanted) only reads.
 */
#include "core/ram.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

struct ram *ram_create(const char *name, uint64_t size, GError **error)
{
    uint64_t rounded = (size + RAM_PAGE_SIZE - 1) & ~(uint64_t)(RAM_PAGE_SIZE - 1);
    uint8_t *host = MAP_FAILED;

    errno = ENOMEM;
    if (size > 0 && rounded >= size) {
        host = mmap(NULL, rounded, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    if (host == MAP_FAILED) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOMEM,
                    "cannot allocate %" G_GUINT64_FORMAT " bytes of memory for '%s': %s; remedy: give the "
                    "guest less memory (-m)",
                    size, name, g_strerror(errno));
        return NULL;
    }

    struct ram *ram = g_new0(struct ram, 1);
    ram->name = g_strdup(name);
    ram->size = rounded;
    ram->host = host;
    ram->flags = g_malloc0(rounded >> RAM_PAGE_BITS);
    return ram;
}

void ram_destroy(struct ram *ram)
{
    if (ram == NULL) {
        return;
    }
    munmap(ram->host, ram->size);
    g_free(ram->flags);
    g_free(ram->name);
    g_free(ram);
}

void ram_mark_dirty(struct ram *ram, uint64_t page)
{
    if (__atomic_load_n(&ram->flags[page], __ATOMIC_RELAXED) & RAM_DIRTY) {
        return;
    }
    __atomic_fetch_or(&ram->flags[page], RAM_DIRTY, __ATOMIC_SEQ_CST);
    if (ram->dirtied != NULL && __atomic_load_n(&ram->untold, __ATOMIC_SEQ_CST) != 0 &&
        __atomic_exchange_n(&ram->untold, 0, __ATOMIC_SEQ_CST) != 0) {
        ram->dirtied(ram->dirtied_arg, ram);
    }
}

bool ram_page_is_zero(const struct ram *ram, uint64_t page)
{
    const uint8_t *bytes = ram->host + (page << RAM_PAGE_BITS);

    return bytes[0] == 0 && memcmp(bytes, bytes + 1, RAM_PAGE_SIZE - 1) == 0;
}

void ram_touched(struct ram *ram, uint64_t offset, uint64_t size)
{
    if (offset >= ram->size || size == 0) {
        return;
    }
    size = MIN(size, ram->size - offset);

    bool log_dirty = __atomic_load_n(&ram->log_dirty, __ATOMIC_RELAXED);
    while (size > 0) {
        uint64_t page = offset >> RAM_PAGE_BITS;
        uint64_t piece = MIN(size, RAM_PAGE_SIZE - (offset & (RAM_PAGE_SIZE - 1)));

        if (log_dirty) {
            ram_mark_dirty(ram, page);
        }
        if ((__atomic_load_n(&ram->flags[page], __ATOMIC_ACQUIRE) & RAM_CODE) && ram->code_hook) {
            ram->code_hook(ram->hook_arg, ram, offset, piece);
        }
        offset += piece;
        size -= piece;
    }
}

void ram_log_dirty(struct ram *ram, bool on)
{
    if (ram->log_dirty == on) {
        return;
    }
    __atomic_store_n(&ram->log_dirty, on, __ATOMIC_SEQ_CST);
    if (on) {
        for (uint64_t page = 0; page < ram->size >> RAM_PAGE_BITS; page++) {
            ram_mark_dirty(ram, page);
        }
    }
    if (ram->dirty_hook) {
        ram->dirty_hook(ram->hook_arg, ram);
    }
}

bool ram_dirty_fetch(struct ram *ram, uint64_t first, uint64_t count, uint64_t *bitmap)
{
    uint64_t pages = ram->size >> RAM_PAGE_BITS;
    bool any = false;

    memset(bitmap, 0, (count + 63) / 64 * sizeof(uint64_t));
    /* Before the flags are read: a page that becomes dirty after that is told of. */
    __atomic_store_n(&ram->untold, 1, __ATOMIC_SEQ_CST);
    if (ram->dirty_sync) {
        ram->dirty_sync(ram->dirty_sync_arg, ram);
    }
    for (uint64_t i = 0; i < count && first + i < pages; i++) {
        uint8_t *flags = &ram->flags[first + i];

        if (!(__atomic_load_n(flags, __ATOMIC_RELAXED) & RAM_DIRTY)) {
            continue;
        }
        __atomic_fetch_and(flags, (uint8_t)~RAM_DIRTY, __ATOMIC_ACQ_REL);
        bitmap[i / 64] |= 1ull << (i % 64);
        any = true;
    }
    if (any && ram->dirty_hook) {
        ram->dirty_hook(ram->hook_arg, ram);
    }
    return any;
}
