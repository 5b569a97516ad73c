/*
 * Slots: KVM API 4.35 (KVM_SET_USER_MEMORY_REGION), 4.8 (KVM_GET_DIRTY_LOG), 4.116 (coalesced MMIO).
 *
 * The listener runs under the machine lock, in the thread whose register write moved the memory; other CPUs may be
 * in KVM meanwhile, and see a piece of memory vanish for a moment when its neighbour changes only if it changes
 * itself. ROM slots are read-only: a store comes out as MMIO, and the bus says what becomes of it. A20 has no part
 * in this: a CPU with A20 off is interpreted.
 */
#include "accel/kvm/kvm_memory.h"

#include <errno.h>
#include <string.h>

#include "accel/kvm/kvm_impl.h"
#include "core/bus.h"
#include "core/ram.h"

/* A slot, or with ram = NULL a range whose stores are coalesced. */
struct slot {
    uint64_t base, size;
    struct ram *ram;
    uint64_t ram_offset;
    bool rom;     /* stores come out */
    bool vanish;  /* ... and go nowhere */
    bool logged;  /* KVM keeps a dirty log */
    unsigned id;
};

/* A CPU's own copy of what stores do, for a look without lock. */
struct store_view {
    unsigned generation;
    GArray *slots; /* struct slot; NULL at first */
};

struct kvm_memory {
    struct kvm_engine *engine;
    pthread_mutex_t mutex; /* guards slots; a leaf */
    GArray *slots;         /* struct slot, ascending */
    GByteArray *ids;       /* 1 = in use */
    GPtrArray *blocks;     /* struct ram * whose hook is ours */
    unsigned generation;   /* of slots; atomic */
    struct store_view *views; /* one a CPU */
    /* A log of all RAM, for decoded code. Not on hardware, where it would cost KVM its large pages, and where the
     * interpreter seldom takes over. */
    bool tracks;
    bool code_lost; /* somebody else has fetched a log that had a page with decoded code */
    struct kvm_code_drops drops;
};

static int slot_tell(struct kvm_memory *m, const struct slot *s, uint64_t size)
{
    struct kvm_userspace_memory_region region = {
        .slot = s->id,
        .flags = (s->rom ? KVM_MEM_READONLY : 0) | (s->logged && size != 0 ? KVM_MEM_LOG_DIRTY_PAGES : 0),
        .guest_phys_addr = s->base,
        .memory_size = size,
        .userspace_addr = (uintptr_t)(s->ram->host + s->ram_offset),
    };
    return kvm_sys_ioctl_ptr(&m->engine->sys, m->engine->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

static void zone_tell(struct kvm_memory *m, const struct slot *s, bool on)
{
    struct kvm_coalesced_mmio_zone zone = { .addr = s->base, .size = (uint32_t)s->size };
    kvm_sys_ioctl_ptr(&m->engine->sys, m->engine->vm,
                      on ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO, &zone);
}

static bool slot_same(const struct slot *a, const struct slot *b)
{
    return a->base == b->base && a->size == b->size && a->ram == b->ram && a->ram_offset == b->ram_offset &&
           a->rom == b->rom && a->vanish == b->vanish;
}

static unsigned id_take(struct kvm_memory *m)
{
    for (unsigned i = 0; i < m->ids->len; i++) {
        if (m->ids->data[i] == 0) {
            m->ids->data[i] = 1;
            return i;
        }
    }
    g_byte_array_append(m->ids, &(guint8){ 1 }, 1);
    return m->ids->len - 1;
}

static void pages_mark(struct ram *ram, uint64_t page)
{
    __atomic_fetch_or(&ram->flags[page], RAM_DIRTY, __ATOMIC_RELAXED);
}

static void slot_all_dirty(const struct slot *s)
{
    for (uint64_t i = 0; i < s->size >> RAM_PAGE_BITS; i++) {
        pages_mark(s->ram, (s->ram_offset >> RAM_PAGE_BITS) + i);
    }
}

/* A page of the block was stored to. drop: its decoded code can be dropped at once. */
static void page_written(struct kvm_memory *m, struct ram *ram, uint64_t page, bool drop)
{
    if (ram->log_dirty) {
        pages_mark(ram, page);
    }
    if ((__atomic_load_n(&ram->flags[page], __ATOMIC_ACQUIRE) & RAM_CODE) == 0) {
        return;
    }
    m->code_lost = m->code_lost || !drop || ram->code_hook == NULL;
    m->drops.pages++;
    if (drop && ram->code_hook != NULL) {
        ram->code_hook(ram->hook_arg, ram, page << RAM_PAGE_BITS, RAM_PAGE_SIZE);
    }
}

/* Brings KVM's log into the block's flags, and clears it. */
static void slot_fetch_log(struct kvm_memory *m, const struct slot *s, bool drop)
{
    uint64_t pages = s->size >> RAM_PAGE_BITS, words = (pages + 63) / 64;
    g_autofree uint64_t *bits = g_new0(uint64_t, words);
    struct kvm_dirty_log log = { .slot = s->id, .dirty_bitmap = bits };
    if (kvm_sys_ioctl_ptr(&m->engine->sys, m->engine->vm, KVM_GET_DIRTY_LOG, &log) < 0) {
        slot_all_dirty(s);
        m->code_lost = true;
        return;
    }
    for (uint64_t i = 0; i < words; i++) {
        for (uint64_t word = bits[i]; word != 0; word &= word - 1) {
            uint64_t n = i * 64 + (unsigned)__builtin_ctzll(word);
            page_written(m, s->ram, (s->ram_offset >> RAM_PAGE_BITS) + n, drop);
        }
    }
}

/* A block's hook: somebody wants to know what was stored to. The first time nobody kept a log, so all may be. */
static void block_sync(void *arg, struct ram *ram)
{
    struct kvm_memory *m = arg;
    pthread_mutex_lock(&m->mutex);
    for (unsigned i = 0; i < m->slots->len; i++) {
        struct slot *s = &g_array_index(m->slots, struct slot, i);
        if (s->ram != ram || s->rom) {
            continue;
        }
        if (s->logged) {
            slot_fetch_log(m, s, false);
        } else if (ram->log_dirty) {
            s->logged = true;
            slot_tell(m, s, s->size);
            slot_all_dirty(s);
        }
    }
    pthread_mutex_unlock(&m->mutex);
}

static void block_adopt(struct kvm_memory *m, struct ram *ram)
{
    ram->dirty_sync = block_sync;
    ram->dirty_sync_arg = m;
    if (!g_ptr_array_find(m->blocks, ram, NULL)) {
        g_ptr_array_add(m->blocks, ram);
    }
}

/* The legacy window of the display adapter, while it is registers: no store there needs an answer at once. */
static bool is_video_window(const struct flat_range *f)
{
    return f->region->kind == REGION_IO && f->base >= 0xa0000 && f->last <= 0xbffff;
}

static bool slot_from_range(struct kvm_memory *m, struct slot *s, const struct flat_range *f)
{
    const struct region *region = f->region;
    uint64_t base = (f->base + RAM_PAGE_SIZE - 1) & ~(uint64_t)(RAM_PAGE_SIZE - 1);
    uint64_t end = (f->last + 1) & ~(uint64_t)(RAM_PAGE_SIZE - 1);
    if (base >= end) {
        return false;
    }
    *s = (struct slot){ .base = base, .size = end - base };
    if (region->kind == REGION_IO || region->ram == NULL) {
        return m->engine->caps.coalesced != 0 && is_video_window(f);
    }
    s->ram = region->ram;
    s->ram_offset = region->ram_offset + f->region_offset + (base - f->base);
    s->rom = region->kind == REGION_ROM || m->engine->shadow;
    s->vanish = s->rom && (region->ops == NULL || region->ops->write == NULL);
    return (s->ram_offset & (RAM_PAGE_SIZE - 1)) == 0 && (!s->rom || m->engine->caps.readonly_mem);
}

static GArray *slots_of_view(struct kvm_memory *m, const struct flat_view *view)
{
    GArray *slots = g_array_new(FALSE, FALSE, sizeof(struct slot));
    for (unsigned i = 0; i < view->count; i++) {
        struct slot s;
        if (slot_from_range(m, &s, &view->ranges[i])) {
            g_array_append_val(slots, s);
        }
    }
    return slots;
}

static struct slot *slot_find_same(GArray *slots, const struct slot *wanted)
{
    for (unsigned i = 0; i < slots->len; i++) {
        struct slot *s = &g_array_index(slots, struct slot, i);
        if (slot_same(s, wanted)) {
            return s;
        }
    }
    return NULL;
}

static void slot_drop(struct kvm_memory *m, struct slot *s)
{
    if (s->ram == NULL) {
        zone_tell(m, s, false);
        return;
    }
    if (s->logged) {
        slot_fetch_log(m, s, false);
    }
    slot_tell(m, s, 0);
    m->ids->data[s->id] = 0;
}

static int slot_add(struct kvm_memory *m, struct slot *s)
{
    if (s->ram == NULL) {
        zone_tell(m, s, true);
        return 0;
    }
    block_adopt(m, s->ram);
    s->id = id_take(m);
    s->logged = (s->ram->log_dirty || m->tracks) && !s->rom;
    if (s->logged && s->ram->log_dirty) {
        slot_all_dirty(s);
    }
    return slot_tell(m, s, s->size);
}

/* Drops what is not in the new view, then adds what is new. The first error. */
static int view_apply(struct kvm_memory *m, const struct flat_view *view)
{
    GArray *after = slots_of_view(m, view);
    int error = 0;
    pthread_mutex_lock(&m->mutex);
    for (unsigned i = 0; i < m->slots->len; i++) {
        struct slot *s = &g_array_index(m->slots, struct slot, i);
        if (slot_find_same(after, s) == NULL) {
            slot_drop(m, s);
        }
    }
    for (unsigned i = 0; i < after->len; i++) {
        struct slot *s = &g_array_index(after, struct slot, i);
        const struct slot *old = slot_find_same(m->slots, s);
        if (old != NULL) {
            *s = *old;
        } else {
            int r = slot_add(m, s);
            error = error < 0 ? error : r;
        }
    }
    g_array_free(m->slots, TRUE);
    m->slots = after;
    __atomic_fetch_add(&m->generation, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&m->mutex);
    return error;
}

static void view_changed(void *arg, struct bus *bus, const struct flat_view *before, const struct flat_view *after)
{
    struct kvm_memory *m = arg;
    int error = view_apply(m, after);
    if (error < 0) {
        log_print(m->engine->machine->log, LOG_CPU_RESET, "KVM refuses a memory slot: %s\n", g_strerror(-error));
    }
}

struct kvm_memory *kvm_memory_create(struct kvm_engine *engine, GError **error)
{
    struct kvm_memory *m = g_new0(struct kvm_memory, 1);
    m->engine = engine;
    m->tracks = engine->limits.emulated && !engine->shadow;
    pthread_mutex_init(&m->mutex, NULL);
    m->slots = g_array_new(FALSE, FALSE, sizeof(struct slot));
    m->ids = g_byte_array_new();
    m->blocks = g_ptr_array_new();
    m->views = g_new0(struct store_view, engine->count);
    int r = view_apply(m, bus_view(engine->machine->memory));
    if (r < 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "-accel kvm: KVM refuses the guest's memory: %s",
                    g_strerror(-r));
        kvm_memory_destroy(m);
        return NULL;
    }
    bus_listen(engine->machine->memory, view_changed, m);
    return m;
}

void kvm_memory_destroy(struct kvm_memory *m)
{
    if (m == NULL) {
        return;
    }
    bus_unlisten(m->engine->machine->memory, view_changed, m);
    for (unsigned i = 0; i < m->blocks->len; i++) {
        struct ram *ram = g_ptr_array_index(m->blocks, i);
        ram->dirty_sync = NULL;
        ram->dirty_sync_arg = NULL;
    }
    for (unsigned i = 0; i < m->engine->count; i++) {
        if (m->views[i].slots != NULL) {
            g_array_free(m->views[i].slots, TRUE);
        }
    }
    g_free(m->views);
    g_ptr_array_free(m->blocks, TRUE);
    g_byte_array_free(m->ids, TRUE);
    g_array_free(m->slots, TRUE);
    pthread_mutex_destroy(&m->mutex);
    g_free(m);
}

static void view_refresh(struct kvm_memory *m, struct store_view *view)
{
    pthread_mutex_lock(&m->mutex);
    if (view->slots != NULL) {
        g_array_free(view->slots, TRUE);
    }
    view->slots = g_array_copy(m->slots);
    view->generation = m->generation;
    pthread_mutex_unlock(&m->mutex);
}

bool kvm_memory_store_vanishes(struct kvm_memory *m, unsigned cpu, uint64_t phys, unsigned size)
{
    struct store_view *view = &m->views[cpu];
    if (view->slots == NULL || view->generation != __atomic_load_n(&m->generation, __ATOMIC_SEQ_CST)) {
        view_refresh(m, view);
    }
    unsigned low = 0, high = view->slots->len;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const struct slot *s = &g_array_index(view->slots, struct slot, middle);
        if (phys - s->base < s->size) {
            return s->vanish && s->size - (phys - s->base) >= size;
        }
        if (phys < s->base) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

bool kvm_memory_drop_code(struct kvm_memory *m)
{
    pthread_mutex_lock(&m->mutex);
    bool known = m->tracks;
    for (unsigned i = 0; known && i < m->slots->len; i++) {
        struct slot *s = &g_array_index(m->slots, struct slot, i);
        if (s->ram != NULL && !s->rom) {
            slot_fetch_log(m, s, true);
        }
    }
    known = known && !m->code_lost;
    m->code_lost = false;
    m->drops.times++;
    m->drops.unknown += !known;
    pthread_mutex_unlock(&m->mutex);
    return known;
}

struct kvm_code_drops kvm_memory_code_drops(struct kvm_memory *m)
{
    pthread_mutex_lock(&m->mutex);
    struct kvm_code_drops drops = m->drops;
    pthread_mutex_unlock(&m->mutex);
    return drops;
}

void kvm_memory_refresh(struct kvm_memory *m)
{
    pthread_mutex_lock(&m->mutex);
    for (unsigned i = 0; i < m->slots->len; i++) {
        struct slot *s = &g_array_index(m->slots, struct slot, i);
        if (s->ram != NULL) {
            if (s->logged) {
                slot_fetch_log(m, s, false);
            }
            slot_tell(m, s, 0);
            slot_tell(m, s, s->size);
        }
    }
    pthread_mutex_unlock(&m->mutex);
}
