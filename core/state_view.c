/*
 * Looking at state by field tables: compare, print, and fill with anything (for tests). Saving and loading
 * are in core/state.c.
 */
#include "core/state.h"

#include "core/ram.h"

#include <inttypes.h>
#include <string.h>

enum { BYTES_SHOWN = 64, ELEMENTS_SHOWN = 32 }; /* of one array, when printed */

/* ---- comparing ---- */

static bool ram_equal(const struct ram *a, const struct ram *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    return a->size == b->size && memcmp(a->host, b->host, a->size) == 0;
}

static char *compare_element(const struct field *f, size_t i, const uint8_t *a, const uint8_t *b)
{
    char *inner = NULL;

    if (f->type == FIELD_TYPE_STRUCT) {
        inner = state_compare(f->sub, a, b);
        if (inner == NULL) {
            return NULL;
        }
    } else if (f->type == FIELD_TYPE_RAM) {
        if (ram_equal(*(struct ram *const *)a, *(struct ram *const *)b)) {
            return NULL;
        }
    } else if (memcmp(a, b, f->size) == 0) {
        return NULL;
    }

    GString *path = g_string_new(f->name);
    if (f->count > 1) {
        g_string_append_printf(path, "[%zu]", i);
    }
    if (inner) {
        g_string_append_printf(path, ".%s", inner);
        g_free(inner);
    }
    return g_string_free(path, FALSE);
}

char *state_compare(const struct field *fields, const void *a, const void *b)
{
    for (const struct field *f = fields; f && f->name; f++) {
        for (size_t i = 0; i < f->count; i++) {
            size_t at = f->offset + i * f->size;
            char *path = compare_element(f, i, (const uint8_t *)a + at, (const uint8_t *)b + at);

            if (path) {
                return path;
            }
        }
    }
    return NULL;
}

/* ---- printing ---- */

static void print_scalar(const struct field *f, const uint8_t *member, GString *out)
{
    uint64_t value = 0;

    memcpy(&value, member, MIN(f->size, sizeof(value)));
    switch (f->type) {
    case FIELD_TYPE_BOOL:
        g_string_append_printf(out, "%u", (unsigned)value);
        break;
    case FIELD_TYPE_I32:
        g_string_append_printf(out, "%" PRId32, (int32_t)value);
        break;
    case FIELD_TYPE_I64:
        g_string_append_printf(out, "%" PRId64, (int64_t)value);
        break;
    default:
        g_string_append_printf(out, "0x%0*" PRIx64, (int)(2 * f->size), value);
        break;
    }
}

static void print_values(const struct field *f, const uint8_t *member, GString *out)
{
    size_t limit = f->type == FIELD_TYPE_BYTES ? BYTES_SHOWN : ELEMENTS_SHOWN;

    for (size_t i = 0; i < f->count && i < limit; i++) {
        if (f->type == FIELD_TYPE_BYTES) {
            g_string_append_printf(out, "%02x", member[i]);
        } else {
            g_string_append(out, i ? " " : "");
            print_scalar(f, member + i * f->size, out);
        }
    }
    if (f->count > limit) {
        g_string_append_printf(out, "... (%zu)", f->count);
    }
}

static void print_fields(const struct field *fields, const uint8_t *object, const char *prefix,
                         GString *out)
{
    for (const struct field *f = fields; f && f->name; f++) {
        const uint8_t *member = object + f->offset;

        if (f->type == FIELD_TYPE_STRUCT) {
            for (size_t i = 0; i < f->count; i++) {
                char *path = f->count > 1 ? g_strdup_printf("%s%s[%zu].", prefix, f->name, i)
                                          : g_strdup_printf("%s%s.", prefix, f->name);

                print_fields(f->sub, member + i * f->size, path, out);
                g_free(path);
            }
            continue;
        }
        g_string_append_printf(out, "%s%s = ", prefix, f->name);
        if (f->type == FIELD_TYPE_RAM) {
            const struct ram *ram = *(struct ram *const *)member;

            g_string_append_printf(out, "%" PRIu64 " bytes of memory", ram ? ram->size : 0);
        } else {
            print_values(f, member, out);
        }
        g_string_append_c(out, '\n');
    }
}

void state_print(const struct field *fields, const void *object, GString *out)
{
    print_fields(fields, object, "", out);
}

/* ---- randomizing ---- */

void state_randomize(const struct field *fields, void *object, uint64_t (*next)(void *arg), void *arg)
{
    for (const struct field *f = fields; f && f->name; f++) {
        for (size_t i = 0; i < f->count; i++) {
            uint8_t *member = (uint8_t *)object + f->offset + i * f->size;

            if (f->type == FIELD_TYPE_STRUCT) {
                state_randomize(f->sub, member, next, arg);
            } else if (f->type == FIELD_TYPE_BOOL) {
                *member = next(arg) & 1;
            } else if (f->type != FIELD_TYPE_RAM) {
                uint64_t value = next(arg);

                memcpy(member, &value, MIN(f->size, sizeof(value)));
            }
        }
    }
}
