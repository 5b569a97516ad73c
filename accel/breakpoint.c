/* See the header. */
#include "accel/breakpoint.h"

#include <string.h>

#define PAGE_BITS 12
#define PAGE_MASK 0xfffull
#define VECTORS 256
#define PORTS 65536
/* RET of a frame is looked for this far above the stack pointer at which the search began. */
#define RETURN_WINDOW (1u << 20)

#define CODE_KINDS (1u << BREAK_LINEAR | 1u << BREAK_PHYSICAL | 1u << BREAK_SEGMENT)
#define PRECISE_KINDS (1u << WATCH_LINEAR | 1u << WATCH_PHYSICAL | 1u << WATCH_PORT | 1u << BREAK_MODE | \
                       1u << BREAK_CR3)

const char *break_mode_text(enum break_mode mode)
{
    static const char *const names[] = { "real mode", "protected mode", "V86 mode", "compatibility mode",
                                         "64-bit mode" };
    return names[mode];
}

static void point_free(void *arg)
{
    struct breakpoint *point = arg;
    if (point->condition_free != NULL) {
        point->condition_free(point->condition_arg);
    }
    g_free(point);
}

static GHashTable *table_create(GDestroyNotify free)
{
    return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free);
}

struct breakpoints *breakpoints_create(unsigned cpus)
{
    struct breakpoints *set = g_new0(struct breakpoints, 1);
    pthread_mutex_init(&set->lock, NULL);
    set->points = g_ptr_array_new_with_free_func(point_free);
    set->linear = table_create(NULL);
    set->physical = table_create(NULL);
    set->watched_linear = table_create(g_free);
    set->watched_physical = table_create(g_free);
    set->next_number = 1;
    set->cpus = cpus;
    set->pending = g_new0(struct break_event, cpus);
    set->has_pending = g_new0(bool, cpus);
    return set;
}

void breakpoints_destroy(struct breakpoints *set)
{
    if (set == NULL) {
        return;
    }
    pthread_mutex_destroy(&set->lock);
    g_ptr_array_free(set->points, TRUE);
    g_hash_table_destroy(set->linear);
    g_hash_table_destroy(set->physical);
    g_hash_table_destroy(set->watched_linear);
    g_hash_table_destroy(set->watched_physical);
    g_free(set->pending);
    g_free(set->has_pending);
    g_free(set);
}

/* ---- the index ---- */

static void *table_get(GHashTable *table, uint64_t key)
{
    return g_hash_table_lookup(table, &key);
}

static void table_set(GHashTable *table, uint64_t key, void *value)
{
    uint64_t *copy = g_new(uint64_t, 1);
    *copy = key;
    g_hash_table_insert(table, copy, value);
}

static void add_code_offset(struct breakpoints *set, uint64_t address)
{
    set->index.code[address >> 6 & 63] |= 1ull << (address & 63);
}

static void index_code(struct breakpoints *set, const struct breakpoint *point)
{
    add_code_offset(set, point->address);
    if (point->kind == BREAK_SEGMENT) {
        add_code_offset(set, ((uint64_t)point->selector << 4) + point->address); /* real mode */
        return;
    }
    GHashTable *table = point->kind == BREAK_LINEAR ? set->linear : set->physical;
    uintptr_t count = (uintptr_t)table_get(table, point->address);
    table_set(table, point->address, (void *)(count + 1));
}

static void index_watch(GHashTable *table, uint64_t address, uint64_t size)
{
    while (size > 0) {
        uint64_t offset = address & PAGE_MASK;
        uint64_t n = MIN(size, PAGE_MASK + 1 - offset);
        uint64_t *bytes = table_get(table, address >> PAGE_BITS);
        if (bytes == NULL) {
            bytes = g_new0(uint64_t, BREAK_PAGE_WORDS);
            table_set(table, address >> PAGE_BITS, bytes);
        }
        for (uint64_t i = offset; i < offset + n; i++) {
            bytes[i >> 6] |= 1ull << (i & 63);
        }
        address += n;
        size -= n;
    }
}

static bool is_active(const struct breakpoint *point)
{
    return !point->disabled && !point->gone;
}

void breakpoints_update(struct breakpoints *set)
{
    memset(&set->index, 0, sizeof(set->index));
    g_hash_table_remove_all(set->linear);
    g_hash_table_remove_all(set->physical);
    g_hash_table_remove_all(set->watched_linear);
    g_hash_table_remove_all(set->watched_physical);
    for (guint i = 0; i < set->points->len; i++) {
        const struct breakpoint *point = g_ptr_array_index(set->points, i);
        if (!is_active(point)) {
            continue;
        }
        set->index.events |= 1u << point->kind;
        if ((1u << point->kind & CODE_KINDS) != 0) {
            index_code(set, point);
        } else if (point->kind == WATCH_LINEAR || point->kind == WATCH_PHYSICAL) {
            index_watch(point->kind == WATCH_LINEAR ? set->watched_linear : set->watched_physical, point->address,
                        point->size);
        }
    }
    set->index.precise = (set->index.events & PRECISE_KINDS) != 0;
    set->changed = false;
}

/* ---- editing ---- */

static bool is_valid(const struct breakpoint *point)
{
    uint64_t limit = UINT64_MAX;
    if (point->kind == WATCH_PORT) {
        limit = PORTS - 1;
    } else if (point->kind == BREAK_EXCEPTION || point->kind == BREAK_INTERRUPT) {
        return point->address == BREAK_ANY || point->address < VECTORS;
    }
    return point->size > 0 && point->size <= BREAK_SIZE_MAX && point->address <= limit &&
           point->size - 1 <= limit - point->address;
}

struct breakpoint *breakpoints_add(struct breakpoints *set, const struct breakpoint *values)
{
    struct breakpoint *point = g_memdup2(values, sizeof(*values));
    point->size = MAX(point->size, 1);
    if (!is_valid(point)) {
        g_free(point);
        return NULL;
    }
    point->number = point->hidden ? 0 : set->next_number++;
    point->hits = 0;
    point->gone = false;
    g_ptr_array_add(set->points, point);
    set->changed = true;
    return point;
}

void breakpoints_remove(struct breakpoints *set, struct breakpoint *point)
{
    g_ptr_array_remove(set->points, point);
    set->changed = true;
}

void breakpoints_remove_all(struct breakpoints *set, enum breakpoint_owner owner, bool hidden_only)
{
    for (guint i = set->points->len; i-- > 0;) {
        const struct breakpoint *point = g_ptr_array_index(set->points, i);
        if (point->owner == owner && (point->hidden || !hidden_only)) {
            g_ptr_array_remove_index(set->points, i);
        }
    }
    set->changed = true;
}

void breakpoints_purge(struct breakpoints *set)
{
    for (guint i = set->points->len; i-- > 0;) {
        const struct breakpoint *point = g_ptr_array_index(set->points, i);
        if (point->gone) {
            g_ptr_array_remove_index(set->points, i);
        }
    }
}

struct breakpoint *breakpoints_find(const struct breakpoints *set, unsigned number)
{
    for (guint i = 0; i < set->points->len; i++) {
        struct breakpoint *point = g_ptr_array_index(set->points, i);
        if (point->number == number && !point->hidden && !point->gone) {
            return point;
        }
    }
    return NULL;
}

struct breakpoint *breakpoints_match(const struct breakpoints *set, enum breakpoint_owner owner,
                                     const struct breakpoint *like)
{
    for (guint i = 0; i < set->points->len; i++) {
        struct breakpoint *point = g_ptr_array_index(set->points, i);
        if (point->owner == owner && point->kind == like->kind && point->address == like->address &&
            point->size == MAX(like->size, 1) && point->access == like->access && !point->hidden) {
            return point;
        }
    }
    return NULL;
}

void breakpoints_touch(struct breakpoints *set)
{
    set->changed = true;
}

/* ---- what engines ask ---- */

static bool table_has_page(GHashTable *table, uint64_t address)
{
    GHashTableIter iter;
    void *key;
    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        if (*(const uint64_t *)key >> PAGE_BITS == address >> PAGE_BITS) {
            return true;
        }
    }
    return false;
}

bool break_index_covers(const struct break_index *has, const struct break_index *wants)
{
    bool covers = (wants->events & ~has->events) == 0;
    for (unsigned i = 0; i < BREAK_PAGE_WORDS; i++) {
        covers &= (wants->code[i] & ~has->code[i]) == 0;
    }
    return covers;
}

bool breakpoints_code_page(const struct breakpoints *set, uint64_t linear, uint64_t physical)
{
    return breakpoints_wants(set, BREAK_SEGMENT) || table_has_page(set->linear, linear) ||
           table_has_page(set->physical, physical);
}

bool breakpoints_watched(const struct breakpoints *set, uint64_t linear, uint64_t physical)
{
    return table_get(set->watched_linear, linear >> PAGE_BITS) != NULL ||
           table_get(set->watched_physical, physical >> PAGE_BITS) != NULL;
}

/* The access does not cross a page. */
static bool touches(GHashTable *table, uint64_t address, unsigned size)
{
    const uint64_t *bytes = table_get(table, address >> PAGE_BITS);
    if (bytes == NULL) {
        return false;
    }
    unsigned first = address & PAGE_MASK;
    for (unsigned i = first; i < first + size && i <= PAGE_MASK; i++) {
        if ((bytes[i >> 6] >> (i & 63) & 1) != 0) {
            return true;
        }
    }
    return false;
}

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a - b < b_size || b - a < a_size;
}

/* Whether a point is about this event; conditions apart. */
static bool concerns(const struct breakpoint *point, const struct break_event *event)
{
    bool accessed = (point->access & (event->write ? BREAK_WRITE : BREAK_READ)) != 0;
    switch (point->kind) {
    case BREAK_LINEAR:
        return event->kind == BREAK_LINEAR && point->address == event->linear;
    case BREAK_PHYSICAL:
        return event->kind == BREAK_LINEAR && point->address == event->physical;
    case BREAK_SEGMENT:
        return event->kind == BREAK_LINEAR && point->address == event->rip && point->selector == event->selector;
    case WATCH_LINEAR:
        return event->kind == WATCH_LINEAR && accessed &&
               overlaps(point->address, point->size, event->linear, event->size);
    case WATCH_PHYSICAL:
        return event->kind == WATCH_LINEAR && accessed &&
               overlaps(point->address, point->size, event->physical, event->size);
    case WATCH_PORT:
        return event->kind == WATCH_PORT && accessed &&
               overlaps(point->address, point->size, event->linear, event->size);
    case BREAK_EXCEPTION:
    case BREAK_INTERRUPT:
        return event->kind == point->kind && (point->address == BREAK_ANY || point->address == event->linear);
    case BREAK_RETURN:
        return event->kind == BREAK_RETURN && event->linear - point->address < RETURN_WINDOW;
    default:
        return event->kind == point->kind;
    }
}

/* A quick no for what happens often. */
static bool may_concern(const struct breakpoints *set, const struct break_event *event)
{
    if (event->kind == BREAK_LINEAR) {
        return table_get(set->linear, event->linear) != NULL ||
               table_get(set->physical, event->physical) != NULL || breakpoints_wants(set, BREAK_SEGMENT);
    }
    if (event->kind == WATCH_LINEAR) {
        return touches(set->watched_linear, event->linear, event->size) ||
               touches(set->watched_physical, event->physical, event->size);
    }
    return breakpoints_wants(set, event->kind);
}

bool breakpoints_event(struct breakpoints *set, const struct break_event *event)
{
    if (set->has_pending[event->cpu] || !may_concern(set, event)) {
        return set->has_pending[event->cpu];
    }
    pthread_mutex_lock(&set->lock);
    for (guint i = 0; i < set->points->len; i++) {
        const struct breakpoint *point = g_ptr_array_index(set->points, i);
        if (is_active(point) && concerns(point, event)) {
            set->pending[event->cpu] = *event;
            set->has_pending[event->cpu] = true;
            break;
        }
    }
    pthread_mutex_unlock(&set->lock);
    return set->has_pending[event->cpu];
}

/* Counts a hit; true if it stops the machine. */
static bool hit(struct breakpoint *point, unsigned cpu, const struct x86_state *state)
{
    if ((point->cpu >= 0 && (unsigned)point->cpu != cpu) || state->gpr[RSP] < point->sp_above ||
        (point->condition != NULL && !point->condition(point->condition_arg, cpu, state))) {
        return false;
    }
    point->hits++;
    if (point->ignore > 0) {
        point->ignore--;
        return false;
    }
    return true;
}

static bool accept_locked(struct breakpoints *set, unsigned cpu, const struct x86_state *state)
{
    const struct break_event event = set->pending[cpu];
    struct breakpoint *found = NULL;
    set->has_pending[cpu] = false;
    /* Each point that is met counts; the first that wants to stops. */
    for (guint i = 0; i < set->points->len; i++) {
        struct breakpoint *point = g_ptr_array_index(set->points, i);
        if (is_active(point) && concerns(point, &event) && hit(point, cpu, state) && found == NULL) {
            found = point;
        }
    }
    if (found == NULL) {
        return false;
    }
    set->stop = (struct break_stop){ .why = BREAK_STOP_POINT,
                                     .cpu = cpu,
                                     .number = found->number,
                                     .owner = found->owner,
                                     .kind = found->kind,
                                     .hidden = found->hidden,
                                     .access = found->access,
                                     .event = event };
    if (found->temporary) {
        found->gone = true;
        breakpoints_update(set);
    }
    return true;
}

bool breakpoints_accept(struct breakpoints *set, unsigned cpu, const struct x86_state *state)
{
    if (!set->has_pending[cpu]) {
        return false;
    }
    pthread_mutex_lock(&set->lock);
    bool stops = accept_locked(set, cpu, state);
    pthread_mutex_unlock(&set->lock);
    return stops;
}
