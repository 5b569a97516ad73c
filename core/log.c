/*
 * Logging: the sink, the mask and the names of the items.
 */
#include "core/log.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>

#define TRACE_PREFIX "trace:"

enum { WARN_LIMIT = 1024 }; /* different warnings remembered (and said) */

struct log {
    struct log_mask mask; /* first: log_wants() reads it without knowing the rest */
    pthread_mutex_t mutex;
    FILE *file;
    bool owned; /* file was opened by log_set_file() */
    GHashTable *said; /* texts given to warn_once() */
    GArray *filter; /* pairs of uint64_t, first and last; set before the machine runs; NULL: everything */
    GPtrArray *traces; /* GPatternSpec *, owned; guarded by mutex */
};

struct log_name {
    const char *name;
    uint32_t items;
    const char *help;
};

static const struct log_name log_names[] = {
    { "guest_errors", LOG_GUEST_ERROR, "what the guest does wrong (invalid register values, bad requests)" },
    { "unimp", LOG_UNIMP, "accesses to what is not there or not modelled" },
    { "int", LOG_INT, "interrupts and exceptions in short form" },
    { "cpu_reset", LOG_CPU_RESET, "CPU state before a CPU reset" },
    { "in_asm", LOG_IN_ASM, "guest code as it is decoded" },
    { "exec", LOG_EXEC, "each trace before it is executed" },
    { "cpu", LOG_CPU, "CPU state before each trace" },
    { "mmu", LOG_MMU, "page walks and faults" },
    { "io", LOG_IO, "port and register accesses" },
    { "pcall", LOG_PCALL, "far calls, returns and task switches in protected mode" },
};

/* Names of other emulators that are accepted for the sake of people's scripts. */
static const struct log_name log_aliases[] = {
    { "all", 0x3ff, NULL },     { "none", 0, NULL }, { "fpu", LOG_CPU, NULL },
    { "out_asm", 0, NULL }, { "op", 0, NULL },   { "nochain", 0, NULL },
};

struct log *log_create(FILE *file, uint32_t items)
{
    struct log *log = g_new0(struct log, 1);

    pthread_mutex_init(&log->mutex, NULL);
    log->mask.items = items;
    log->file = file;
    log->traces = g_ptr_array_new_with_free_func((GDestroyNotify)g_pattern_spec_free);
    log->said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return log;
}

void log_destroy(struct log *log)
{
    if (log == NULL) {
        return;
    }
    if (log->owned) {
        fclose(log->file);
    }
    g_hash_table_destroy(log->said);
    g_ptr_array_unref(log->traces);
    g_clear_pointer(&log->filter, g_array_unref);
    pthread_mutex_destroy(&log->mutex);
    g_free(log);
}

void log_set_items(struct log *log, uint32_t items)
{
    __atomic_store_n(&log->mask.items, items, __ATOMIC_RELAXED);
}

uint32_t log_items(const struct log *log)
{
    return log ? __atomic_load_n(&log->mask.items, __ATOMIC_RELAXED) : 0;
}

bool log_set_file(struct log *log, const char *path)
{
    FILE *file = fopen(path, "we");

    if (file == NULL) {
        return false;
    }
    setvbuf(file, NULL, _IOLBF, 0);
    pthread_mutex_lock(&log->mutex);
    if (log->owned) {
        fclose(log->file);
    }
    log->file = file;
    log->owned = true;
    pthread_mutex_unlock(&log->mutex);
    return true;
}

static void put(struct log *log, const char *format, va_list args)
{
    pthread_mutex_lock(&log->mutex);
    vfprintf(log->file, format, args);
    pthread_mutex_unlock(&log->mutex);
}

void log_print(struct log *log, enum log_item item, const char *format, ...)
{
    va_list args;

    if (log_wants(log, item)) {
        va_start(args, format);
        put(log, format, args);
        va_end(args);
    }
}

void log_write(struct log *log, const char *format, ...)
{
    va_list args;

    if (log != NULL) {
        va_start(args, format);
        put(log, format, args);
        va_end(args);
    }
}

/* One range; false if it is none. */
static bool parse_range(const char *text, uint64_t range[2])
{
    char *end, *stop;
    uint64_t first = g_ascii_strtoull(text, &end, 0);
    bool dots = g_str_has_prefix(end, "..");

    if (end == text || (!dots && *end != '+' && *end != '-')) {
        return false;
    }
    const char *rest = end + (dots ? 2 : 1);
    uint64_t second = g_ascii_strtoull(rest, &stop, 0);
    if (stop == rest || *stop != '\0' || (!dots && second == 0)) {
        return false;
    }
    range[0] = *end == '-' ? first - second + 1 : first;
    range[1] = dots ? second : *end == '+' ? first + second - 1 : first;
    return range[0] <= range[1];
}

bool log_set_filter(struct log *log, const char *ranges, char **message)
{
    g_auto(GStrv) words = g_strsplit(ranges != NULL ? ranges : "", ",", -1);
    g_autoptr(GArray) filter = g_array_new(FALSE, FALSE, 2 * sizeof(uint64_t));

    for (char **word = words; *word; word++) {
        uint64_t range[2];

        if (!parse_range(*word, range)) {
            *message = g_strdup_printf("'%s' is no range; write FIRST..LAST, START+SIZE or END-SIZE", *word);
            return false;
        }
        g_array_append_vals(filter, range, 1);
    }
    g_clear_pointer(&log->filter, g_array_unref);
    log->filter = ranges != NULL ? g_steal_pointer(&filter) : NULL;
    return true;
}

bool log_in_filter(const struct log *log, uint64_t address)
{
    if (log == NULL || log->filter == NULL) {
        return true;
    }
    for (unsigned i = 0; i < log->filter->len; i++) {
        const uint64_t *range = (const uint64_t *)(const void *)(log->filter->data + i * 2 * sizeof(uint64_t));

        if (address >= range[0] && address <= range[1]) {
            return true;
        }
    }
    return false;
}

void log_set_traces(struct log *log, const char *items)
{
    g_auto(GStrv) words = g_strsplit(items, ",", -1);

    pthread_mutex_lock(&log->mutex);
    g_ptr_array_set_size(log->traces, 0);
    for (char **word = words; *word; word++) {
        if (g_str_has_prefix(*word, TRACE_PREFIX)) {
            g_ptr_array_add(log->traces, g_pattern_spec_new(*word + strlen(TRACE_PREFIX)));
        }
    }
    pthread_mutex_unlock(&log->mutex);
    __atomic_add_fetch(&log->mask.trace_epoch, 1, __ATOMIC_RELAXED);
}

bool log_traces(struct log *log, const char *region)
{
    bool found = false;

    if (log == NULL) {
        return false;
    }
    pthread_mutex_lock(&log->mutex);
    for (unsigned i = 0; i < log->traces->len && !found; i++) {
        found = g_pattern_spec_match_string(g_ptr_array_index(log->traces, i), region);
    }
    pthread_mutex_unlock(&log->mutex);
    return found;
}

static const struct log_name *find_name(const struct log_name *names, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i].name, word) == 0) {
            return &names[i];
        }
    }
    return NULL;
}

bool log_parse_items(const char *text, uint32_t *items, char **bad_item)
{
    char **words = g_strsplit(text, ",", -1);
    uint32_t result = 0;
    bool ok = true;

    for (char **word = words; *word && ok; word++) {
        const struct log_name *name = find_name(log_names, G_N_ELEMENTS(log_names), *word);

        if (name == NULL) {
            name = find_name(log_aliases, G_N_ELEMENTS(log_aliases), *word);
        }
        if (name != NULL) {
            result |= name->items;
        } else if (!g_str_has_prefix(*word, TRACE_PREFIX)) {
            ok = false;
            if (bad_item) {
                *bad_item = g_strdup(*word);
            }
        }
    }
    g_strfreev(words);
    if (ok) {
        *items = result;
    }
    return ok;
}

const char *log_item_name(unsigned i, const char **help)
{
    if (i >= G_N_ELEMENTS(log_names)) {
        return NULL;
    }
    if (help) {
        *help = log_names[i].help;
    }
    return log_names[i].name;
}

void warn_once(struct log *log, const char *format, ...)
{
    va_list args;

    if (log == NULL) {
        return;
    }
    va_start(args, format);
    char *text = g_strdup_vprintf(format, args);
    va_end(args);

    pthread_mutex_lock(&log->mutex);
    bool fresh = g_hash_table_size(log->said) < WARN_LIMIT && !g_hash_table_contains(log->said, text);
    if (fresh) {
        g_hash_table_add(log->said, text);
        fprintf(stderr, "vmm: warning: %s\n", text);
    }
    pthread_mutex_unlock(&log->mutex);
    if (!fresh) {
        g_free(text);
    }
}
