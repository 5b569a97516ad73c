/* See the header. */
#include "monitor/symbols.h"

#include <string.h>
#include <sys/stat.h>

#include "monitor/symbols_read.h"

#define FILE_MAX (1ll << 30)
#define DISTANCE_MAX (16u << 20) /* from a symbol to an address that is told by it */

struct symbol_file {
    char *path; /* owned */
    uint64_t offset;
    GArray *symbols; /* struct symbol; names owned */
};

struct symbols {
    GPtrArray *files;  /* struct symbol_file *, owned */
    GPtrArray *sorted; /* const struct symbol *, by address, without absolute ones */
    GHashTable *names; /* name -> const struct symbol * */
};

static void symbol_clear(gpointer data)
{
    g_free(((struct symbol *)data)->name);
}

static void file_free(gpointer data)
{
    struct symbol_file *file = data;
    g_free(file->path);
    g_array_unref(file->symbols);
    g_free(file);
}

struct symbols *symbols_create(void)
{
    struct symbols *symbols = g_new0(struct symbols, 1);
    symbols->files = g_ptr_array_new_with_free_func(file_free);
    symbols->sorted = g_ptr_array_new();
    symbols->names = g_hash_table_new(g_str_hash, g_str_equal);
    return symbols;
}

void symbols_destroy(struct symbols *symbols)
{
    if (symbols != NULL) {
        g_hash_table_unref(symbols->names);
        g_ptr_array_unref(symbols->sorted);
        g_ptr_array_unref(symbols->files);
        g_free(symbols);
    }
}

static int compare(gconstpointer a, gconstpointer b)
{
    const struct symbol *x = *(const struct symbol *const *)a, *y = *(const struct symbol *const *)b;
    return x->address < y->address ? -1 : x->address > y->address;
}

/* Makes both indices anew from the files. */
static void build_index(struct symbols *symbols)
{
    g_hash_table_remove_all(symbols->names);
    g_ptr_array_set_size(symbols->sorted, 0);
    for (guint f = 0; f < symbols->files->len; f++) {
        const struct symbol_file *file = g_ptr_array_index(symbols->files, f);
        for (guint i = 0; i < file->symbols->len; i++) {
            struct symbol *symbol = &g_array_index(file->symbols, struct symbol, i);
            if (!symbol->absolute) {
                g_ptr_array_add(symbols->sorted, symbol);
            }
            if (!g_hash_table_contains(symbols->names, symbol->name)) {
                g_hash_table_insert(symbols->names, symbol->name, symbol);
            }
        }
    }
    g_ptr_array_sort(symbols->sorted, compare);
}

static bool read_file(const char *path, char **data, gsize *size, GError **error)
{
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "'%s' is not a file", path);
        return false;
    }
    if (stat(path, &st) == 0 && st.st_size > FILE_MAX) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "'%s' is larger than 1 GiB", path);
        return false;
    }
    return g_file_get_contents(path, data, size, error);
}

int symbols_load(struct symbols *symbols, const char *path, uint64_t offset, GError **error)
{
    g_autofree char *data = NULL;
    gsize size;
    if (!read_file(path, &data, &size, error)) {
        return -1;
    }
    struct symbol_file *file = g_new0(struct symbol_file, 1);
    file->path = g_strdup(path);
    file->offset = offset;
    file->symbols = g_array_new(FALSE, FALSE, sizeof(struct symbol));
    g_array_set_clear_func(file->symbols, symbol_clear);
    if (!symbols_read(data, size, file->symbols, error)) {
        g_prefix_error(error, "'%s': ", path);
        file_free(file);
        return -1;
    }
    for (guint i = 0; i < file->symbols->len; i++) {
        struct symbol *symbol = &g_array_index(file->symbols, struct symbol, i);
        symbol->address += symbol->absolute ? 0 : offset;
    }
    for (guint f = 0; f < symbols->files->len; f++) {
        if (strcmp(((struct symbol_file *)g_ptr_array_index(symbols->files, f))->path, path) == 0) {
            g_ptr_array_remove_index(symbols->files, f);
            break;
        }
    }
    g_ptr_array_add(symbols->files, file);
    build_index(symbols);
    return (int)file->symbols->len;
}

void symbols_clear(struct symbols *symbols)
{
    g_ptr_array_set_size(symbols->files, 0);
    build_index(symbols);
}

bool symbols_find(const struct symbols *symbols, const char *name, uint64_t *address)
{
    const struct symbol *symbol = symbols != NULL ? g_hash_table_lookup(symbols->names, name) : NULL;
    if (symbol != NULL) {
        *address = symbol->address;
    }
    return symbol != NULL;
}

const struct symbol *symbols_at(const struct symbols *symbols, uint64_t address, uint64_t *offset)
{
    guint low = 0, high = symbols != NULL ? symbols->sorted->len : 0;
    while (low < high) {
        guint middle = low + (high - low) / 2;
        const struct symbol *symbol = g_ptr_array_index(symbols->sorted, middle);
        if (symbol->address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    const struct symbol *found = g_ptr_array_index(symbols->sorted, low - 1);
    *offset = address - found->address;
    return *offset <= DISTANCE_MAX ? found : NULL;
}

char *symbols_text(const struct symbols *symbols, uint64_t address)
{
    uint64_t offset;
    const struct symbol *symbol = symbols_at(symbols, address, &offset);
    if (symbol == NULL) {
        return NULL;
    }
    return offset == 0 ? g_strdup(symbol->name)
                       : g_strdup_printf("%s+0x%" G_GINT64_MODIFIER "x", symbol->name, offset);
}

char *symbols_name(void *arg, uint64_t address, bool exact)
{
    uint64_t offset;
    const struct symbol *symbol = symbols_at(arg, address, &offset);
    return symbol == NULL || (exact && offset != 0) ? NULL : symbols_text(arg, address);
}

void symbols_each(const struct symbols *symbols, bool (*fn)(void *arg, const struct symbol *symbol), void *arg)
{
    for (guint i = 0; i < symbols->sorted->len; i++) {
        if (!fn(arg, g_ptr_array_index(symbols->sorted, i))) {
            return;
        }
    }
}

void symbols_files(const struct symbols *symbols,
                   void (*fn)(void *arg, const char *path, uint64_t offset, unsigned count), void *arg)
{
    for (guint f = 0; f < symbols->files->len; f++) {
        const struct symbol_file *file = g_ptr_array_index(symbols->files, f);
        fn(arg, file->path, file->offset, file->symbols->len);
    }
}
