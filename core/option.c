/* See the header. */
#include "core/option.h"

#include <string.h>

#define OPTION_FAIL(error, ...) g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__)

/* Levenshtein distance, one row at a time. */
static unsigned edit_distance(const char *a, const char *b)
{
    size_t n = strlen(b);
    g_autofree unsigned *row = g_new(unsigned, n + 1);
    for (size_t j = 0; j <= n; j++) {
        row[j] = (unsigned)j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < n; j++) {
            unsigned above = row[j + 1];
            unsigned change = diagonal + (g_ascii_tolower(a[i]) != g_ascii_tolower(b[j]));
            row[j + 1] = MIN(change, MIN(above, row[j]) + 1);
            diagonal = above;
        }
    }
    return row[n];
}

const char *option_nearest(const char *word, const char *const *candidates)
{
    const char *best = NULL;
    unsigned best_distance = (unsigned)MAX(strlen(word) / 2, 2) + 1;
    for (; *candidates != NULL; candidates++) {
        unsigned d = edit_distance(word, *candidates);
        if (d < best_distance) {
            best_distance = d;
            best = *candidates;
        }
    }
    return best;
}

static const struct option *option_find(const struct option *table, const char *name)
{
    for (; table->name != NULL; table++) {
        if (strcmp(table->name, name) == 0) {
            return table;
        }
    }
    return NULL;
}

static void unknown_option(const struct option *table, const char *word, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (; table->name != NULL; table++) {
        g_ptr_array_add(names, (gpointer)table->name);
    }
    g_ptr_array_add(names, NULL);
    const char *near = option_nearest(word, (const char *const *)names->pdata);
    if (near != NULL) {
        OPTION_FAIL(error, "-%s: unknown option; did you mean -%s?", word, near);
    } else {
        OPTION_FAIL(error, "-%s: unknown option; see vmm -help", word);
    }
}

static bool option_apply(const struct option *o, void *target, const char *argument, GPtrArray *warnings,
                         GError **error)
{
    switch (o->status) {
    case OPTION_LATER:
        OPTION_FAIL(error, "-%s: not supported yet%s%s", o->name, o->help != NULL ? ": " : "",
                    o->help != NULL ? o->help : "");
        return false;
    case OPTION_NO_EFFECT:
        if (warnings != NULL) {
            g_ptr_array_add(warnings, g_strdup_printf("-%s has no effect: %s", o->name, o->help));
        }
        return true;
    case OPTION_WORKS:
        break;
    }
    if (!o->set(target, o, argument, error)) {
        g_prefix_error(error, "-%s: ", o->name);
        return false;
    }
    return true;
}

bool option_parse(const struct option *table, void *target, int argc, char **argv,
                  bool (*bare)(void *target, const char *word, GError **error), GPtrArray *warnings,
                  GError **error)
{
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (word[0] != '-' || word[1] == '\0') {
            if (!bare(target, word, error)) {
                return false;
            }
            continue;
        }
        word += word[1] == '-' ? 2 : 1;
        const struct option *o = option_find(table, word);
        if (o == NULL) {
            unknown_option(table, word, error);
            return false;
        }
        const char *argument = NULL;
        if (o->argument != NULL && o->status != OPTION_LATER) {
            if (i + 1 >= argc) {
                OPTION_FAIL(error, "-%s: needs an argument: -%s %s", o->name, o->name, o->argument);
                return false;
            }
            argument = argv[++i];
        }
        if (!option_apply(o, target, argument, warnings, error)) {
            return false;
        }
    }
    return true;
}

void option_help(const struct option *table, GString *out)
{
    for (; table->name != NULL; table++) {
        if (table->help == NULL || table->status == OPTION_LATER) {
            continue;
        }
        g_autofree char *left = g_strdup_printf("-%s%s%s", table->name, table->argument != NULL ? " " : "",
                                                table->argument != NULL ? table->argument : "");
        if (strlen(left) <= 26) {
            g_string_append_printf(out, "  %-26s %s\n", left, table->help);
        } else {
            g_string_append_printf(out, "  %s\n  %-26s %s\n", left, "", table->help);
        }
    }
}

bool option_set_string(void *target, const struct option *option, const char *argument, GError **error)
{
    char **member = (char **)((char *)target + option->offset);
    g_free(*member);
    *member = g_strdup(argument);
    return true;
}

bool option_set_true(void *target, const struct option *option, const char *argument, GError **error)
{
    *(bool *)((char *)target + option->offset) = true;
    return true;
}

bool option_set_const(void *target, const struct option *option, const char *argument, GError **error)
{
    return option_set_string(target, option, option->value, error);
}

bool option_parse_size(const char *text, uint64_t unit, uint64_t *bytes, GError **error)
{
    char *end;
    uint64_t value = g_ascii_strtoull(text, &end, 0);
    bool digits = g_ascii_isdigit(text[0]) && end != text;
    unsigned shift = 0;
    switch (g_ascii_tolower(*end)) {
    case 'b': unit = 1; end++; break;
    case 'k': shift = 10; end++; break;
    case 'm': shift = 20; end++; break;
    case 'g': shift = 30; end++; break;
    case 't': shift = 40; end++; break;
    }
    uint64_t factor = shift != 0 ? 1ull << shift : unit;
    if (!digits || *end != '\0') {
        OPTION_FAIL(error, "'%s' is no size; write a number with an optional suffix k, M, G or T", text);
        return false;
    }
    if (value > UINT64_MAX / factor) {
        OPTION_FAIL(error, "size '%s' is too large", text);
        return false;
    }
    *bytes = value * factor;
    return true;
}

bool option_parse_bool(const char *text, bool *value, GError **error)
{
    static const char *const on[] = { "on", "yes", "true", "y", NULL };
    static const char *const off[] = { "off", "no", "false", "n", NULL };
    if (g_strv_contains(on, text)) {
        *value = true;
    } else if (g_strv_contains(off, text)) {
        *value = false;
    } else {
        OPTION_FAIL(error, "'%s' is neither on nor off", text);
        return false;
    }
    return true;
}

/* ---- lists ---- */

static bool is_known(const char *const *known, const char *name)
{
    return known == NULL || g_strv_contains(known, name);
}

static bool list_add(struct option_list *list, const char *word, const char *implied, const char *const *known,
                     GError **error)
{
    const char *equals = strchr(word, '=');
    g_autofree char *name = NULL;
    const char *value;
    if (equals != NULL) {
        name = g_strndup(word, (gsize)(equals - word));
        value = equals + 1;
    } else if (implied != NULL) {
        name = g_strdup(implied);
        value = word;
    } else if (strncmp(word, "no", 2) == 0 && known != NULL && !is_known(known, word) && is_known(known, word + 2)) {
        name = g_strdup(word + 2);
        value = "off";
    } else {
        name = g_strdup(word);
        value = "on";
    }
    if (!is_known(known, name)) {
        const char *near = option_nearest(name, known);
        OPTION_FAIL(error, "unknown setting '%s'%s%s%s", name, near != NULL ? "; did you mean '" : "",
                    near != NULL ? near : "", near != NULL ? "'?" : "");
        return false;
    }
    g_ptr_array_add(list->names, g_steal_pointer(&name));
    g_ptr_array_add(list->values, g_strdup(value));
    return true;
}

bool option_list_parse(struct option_list *list, const char *text, const char *implied_name,
                       const char *const *known, GError **error)
{
    list->names = g_ptr_array_new_with_free_func(g_free);
    list->values = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) word = g_string_new(NULL);
    bool first = true;
    for (const char *p = text;; p++) {
        if (p[0] == ',' && p[1] == ',') {
            g_string_append_c(word, ',');
            p++;
        } else if (p[0] == ',' || p[0] == '\0') {
            if (word->len > 0 && !list_add(list, word->str, first ? implied_name : NULL, known, error)) {
                option_list_finish(list);
                return false;
            }
            first = false;
            g_string_truncate(word, 0);
            if (p[0] == '\0') {
                return true;
            }
        } else {
            g_string_append_c(word, p[0]);
        }
    }
}

void option_list_finish(struct option_list *list)
{
    g_clear_pointer(&list->names, g_ptr_array_unref);
    g_clear_pointer(&list->values, g_ptr_array_unref);
}

const char *option_list_get(const struct option_list *list, const char *name)
{
    for (guint i = list->names->len; i > 0; i--) {
        if (strcmp(g_ptr_array_index(list->names, i - 1), name) == 0) {
            return g_ptr_array_index(list->values, i - 1);
        }
    }
    return NULL;
}
