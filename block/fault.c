/*
 * Fault injection for tests (block/fault.h).
 */
#include "block/fault.h"

#include <fcntl.h>
#include <unistd.h>

struct block_fault {
    GMutex mutex;
    GArray *rules; /* struct block_fault_rule; skip and count are used up in place */
    GArray *used;  /* bool for each rule: a rule with a count has hit for the last time */
    uint64_t hits;
    uint64_t seen[4];
    bool cut;
    int cut_error;
    GPtrArray *saved; /* struct saved; NULL: not recording */
};

/* What a write has overwritten. */
struct saved {
    uint64_t offset;
    size_t bytes;
    uint8_t *old;
};

static void saved_free(void *arg)
{
    struct saved *saved = arg;

    g_free(saved->old);
    g_free(saved);
}

struct block_fault *block_fault_create(void)
{
    struct block_fault *fault = g_new0(struct block_fault, 1);

    g_mutex_init(&fault->mutex);
    fault->rules = g_array_new(FALSE, FALSE, sizeof(struct block_fault_rule));
    fault->used = g_array_new(FALSE, TRUE, sizeof(bool));
    return fault;
}

void block_fault_destroy(struct block_fault *fault)
{
    if (fault == NULL) {
        return;
    }
    block_fault_record(fault, false);
    g_array_free(fault->rules, TRUE);
    g_array_free(fault->used, TRUE);
    g_mutex_clear(&fault->mutex);
    g_free(fault);
}

void block_fault_add(struct block_fault *fault, const struct block_fault_rule *rule)
{
    bool used = false;

    g_mutex_lock(&fault->mutex);
    g_array_append_val(fault->rules, *rule);
    g_array_append_val(fault->used, used);
    g_mutex_unlock(&fault->mutex);
}

void block_fault_clear(struct block_fault *fault)
{
    g_mutex_lock(&fault->mutex);
    g_array_set_size(fault->rules, 0);
    g_array_set_size(fault->used, 0);
    fault->cut = false;
    g_mutex_unlock(&fault->mutex);
}

uint64_t block_fault_hits(struct block_fault *fault)
{
    g_mutex_lock(&fault->mutex);
    uint64_t hits = fault->hits;
    g_mutex_unlock(&fault->mutex);
    return hits;
}

uint64_t block_fault_seen(struct block_fault *fault, unsigned ops)
{
    uint64_t sum = 0;

    g_mutex_lock(&fault->mutex);
    for (unsigned i = 0; i < G_N_ELEMENTS(fault->seen); i++) {
        sum += (ops & (1u << i)) != 0 ? fault->seen[i] : 0;
    }
    g_mutex_unlock(&fault->mutex);
    return sum;
}

static bool rule_matches(const struct block_fault_rule *rule, enum block_fault_op op,
                         uint64_t offset, uint64_t bytes)
{
    if ((rule->ops & op) == 0) {
        return false;
    }
    if (rule->first == 0 && rule->last == 0) {
        return true;
    }
    return offset <= rule->last && (bytes == 0 || offset + bytes - 1 >= rule->first);
}

/* The rule that hits this operation, with its counters moved on; NULL: none. */
static struct block_fault_rule *find_rule(struct block_fault *fault, enum block_fault_op op,
                                          uint64_t offset, uint64_t bytes)
{
    for (guint i = 0; i < fault->rules->len; i++) {
        struct block_fault_rule *rule = &g_array_index(fault->rules, struct block_fault_rule, i);
        bool *used = &g_array_index(fault->used, bool, i);
        if (*used || !rule_matches(rule, op, offset, bytes)) {
            continue;
        }
        if (rule->skip > 0) {
            rule->skip--;
            continue;
        }
        if (rule->count > 0 && --rule->count == 0) {
            *used = true;
        }
        return rule;
    }
    return NULL;
}

int block_fault_check(struct block_fault *fault, enum block_fault_op op, uint64_t offset,
                      uint64_t bytes, uint64_t *take)
{
    unsigned delay_ms = 0;
    int result = 0;

    *take = 0;
    if (fault == NULL) {
        return 0;
    }
    g_mutex_lock(&fault->mutex);
    for (unsigned i = 0; i < G_N_ELEMENTS(fault->seen); i++) {
        fault->seen[i] += op == (enum block_fault_op)(1u << i);
    }
    if (fault->cut && op != BLOCK_FAULT_READ) {
        fault->hits++;
        g_mutex_unlock(&fault->mutex);
        return -fault->cut_error;
    }
    const struct block_fault_rule *rule = find_rule(fault, op, offset, bytes);
    if (rule != NULL) {
        fault->hits++;
        delay_ms = rule->delay_ms;
        result = -rule->error;
        *take = rule->partial ? bytes / 2 : 0;
        if (rule->cut) {
            fault->cut = true;
            fault->cut_error = rule->error;
        }
    }
    g_mutex_unlock(&fault->mutex);
    if (delay_ms > 0) {
        g_usleep((gulong)delay_ms * 1000);
    }
    return result;
}

/* ---- lost caches ---- */

void block_fault_record(struct block_fault *fault, bool on)
{
    g_clear_pointer(&fault->saved, g_ptr_array_unref);
    if (on) {
        fault->saved = g_ptr_array_new_with_free_func(saved_free);
    }
}

void block_fault_save(struct block_fault *fault, int fd, uint64_t offset, uint64_t bytes)
{
    if (fault == NULL || fault->saved == NULL || bytes == 0) {
        return;
    }
    struct saved *saved = g_new0(struct saved, 1);
    saved->offset = offset;
    saved->bytes = bytes;
    saved->old = g_malloc0(bytes);
    /* What lies beyond the end of the file stays zero. */
    ssize_t got = pread(fd, saved->old, bytes, (off_t)offset);
    g_assert(got >= 0);
    g_ptr_array_add(fault->saved, saved);
}

void block_fault_synced(struct block_fault *fault)
{
    if (fault != NULL && fault->saved != NULL) {
        g_ptr_array_set_size(fault->saved, 0);
    }
}

void block_fault_lose(struct block_fault *fault, const char *path, GRand *random, int percent)
{
    enum { SECTOR = 512 };
    int fd = open(path, O_RDWR | O_CLOEXEC);

    g_assert(fd >= 0 && fault->saved != NULL);
    /* From the newest to the oldest: each sector ends at some state that it had. */
    for (guint i = fault->saved->len; i-- > 0;) {
        const struct saved *saved = g_ptr_array_index(fault->saved, i);
        for (size_t at = 0; at < saved->bytes;) {
            size_t piece = MIN(SECTOR - (size_t)((saved->offset + at) % SECTOR), saved->bytes - at);
            if (g_rand_int_range(random, 0, 100) < percent) {
                ssize_t put = pwrite(fd, saved->old + at, piece, (off_t)(saved->offset + at));
                g_assert(put == (ssize_t)piece);
            }
            at += piece;
        }
    }
    close(fd);
    g_ptr_array_set_size(fault->saved, 0);
}
