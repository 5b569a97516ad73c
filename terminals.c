/* See the header. */
#include "terminals.h"

#include <string.h>

#include "chardev/backends.h"
#include "chardev/mux.h"
#include "desktop.h"
#include "hw/pc/pc_machine.h"

#define MON_ID "" /* of the multiplexer that mon:stdio makes */

/* A connection with a name, or the one behind mon:SPEC. */
struct shared_terminal {
    const char *id;      /* of -chardev; MON_ID */
    struct mux *mux;     /* owned; NULL: it belongs to its one user */
};

static struct shared_terminal *find_shared(const struct terminals *terminals, const char *id)
{
    for (guint i = 0; i < terminals->shared->len; i++) {
        struct shared_terminal *shared = g_ptr_array_index(terminals->shared, i);
        if (strcmp(shared->id, id) == 0) {
            return shared;
        }
    }
    return NULL;
}

static bool fail(GError **error, const char *option, const char *format, const char *id)
{
    g_autofree char *text = g_strdup_printf("-%s: ", option);
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, format, id);
    g_prefix_error(error, "%s", text);
    return false;
}

/* A connection for an option, number n of its kind; id: under which it is shared, NULL if it is not. */
static bool open_backend(struct terminals *terminals, const char *option, unsigned n, const char *spec, const char *id,
                         bool mux, struct chardev **chr, GError **error)
{
    *chr = chardev_open(spec, error);
    if (*chr == NULL) {
        g_prefix_error(error, "-%s: ", option);
        return false;
    }
    desktop_adopt(terminals->desktop, option, n, *chr);
    if (id != NULL) {
        struct shared_terminal *shared = g_new0(struct shared_terminal, 1);
        shared->id = id;
        g_ptr_array_add(terminals->shared, shared);
        if (mux) {
            shared->mux = mux_create(*chr, terminals->options->echr, terminals->mux_ops, terminals->arg);
            *chr = mux_connect(shared->mux, option);
        }
    }
    return true;
}

/* "none" gives NULL and no error. */
static bool open_one(struct terminals *terminals, const char *option, unsigned n, const char *spec, struct chardev **chr,
                     GError **error)
{
    *chr = NULL;
    if (strcmp(spec, "none") == 0) {
        return true;
    }
    const char *id = NULL;
    bool mux = false;
    if (g_str_has_prefix(spec, "mon:")) {
        id = MON_ID;
        spec += strlen("mon:");
        mux = true;
    } else if (g_str_has_prefix(spec, "chardev:")) {
        id = spec + strlen("chardev:");
        const struct option_chardev *named = option_chardev_find(terminals->options, id);
        if (named == NULL) {
            return fail(error, option, "there is no -chardev with id=%s", id);
        }
        spec = named->spec;
        mux = named->mux;
    }
    const struct shared_terminal *shared = id != NULL ? find_shared(terminals, id) : NULL;
    if (shared == NULL) {
        return open_backend(terminals, option, n, spec, id, mux, chr, error);
    }
    if (shared->mux == NULL) {
        return fail(error, option, "the connection '%s' is in use already; -chardev ...,mux=on lets several share it", id);
    }
    *chr = mux_connect(shared->mux, option);
    return true;
}

static bool open_serial(struct terminals *terminals, bool plain, struct pc_config *config, GError **error)
{
    const struct options *o = terminals->options;
    for (unsigned i = 0; i < OPTIONS_SERIAL_MAX; i++) {
        const char *spec = o->serial[i];
        if (spec == NULL && i == 0) {
            spec = plain ? "mon:stdio" : desktop_has_consoles(terminals->desktop) ? "vc" : "null";
        }
        if (spec != NULL && !open_one(terminals, "serial", i, spec, &terminals->serial[i], error)) {
            return false;
        }
        config->serial[i] = terminals->serial[i];
        config->serial_present[i] = spec != NULL && strcmp(spec, "none") != 0;
    }
    return true;
}

static bool open_parallel(struct terminals *terminals, struct pc_config *config, GError **error)
{
    for (unsigned i = 0; i < OPTIONS_PARALLEL_MAX; i++) {
        const char *spec = terminals->options->parallel[i];
        if (spec == NULL && i == 0) {
            spec = desktop_has_consoles(terminals->desktop) ? "vc" : "null";
        }
        if (spec != NULL && !open_one(terminals, "parallel", i, spec, &terminals->parallel[i], error)) {
            return false;
        }
        config->parallel[i] = terminals->parallel[i];
        config->parallel_present[i] = spec != NULL && strcmp(spec, "none") != 0;
    }
    return true;
}

static bool open_monitors(struct terminals *terminals, GError **error)
{
    const struct options *o = terminals->options;
    for (unsigned i = 0; i < o->qmp_count; i++) {
        if (!open_one(terminals, "qmp", i, o->qmp[i].spec, &terminals->qmp[i], error)) {
            return false;
        }
    }
    for (guint i = 0; i < o->monitors->len; i++) {
        struct chardev **chr = &terminals->monitors[terminals->monitor_count];
        if (!open_one(terminals, "monitor", i, g_ptr_array_index(o->monitors, i), chr, error)) {
            return false;
        }
        terminals->monitor_count += *chr != NULL;
    }
    if (o->monitors->len > 0) {
        return true;
    }
    const char *spec = find_shared(terminals, MON_ID) != NULL          ? "mon:stdio"
                       : desktop_has_consoles(terminals->desktop) ? "vc"
                                                                  : "none";
    bool opened = open_one(terminals, "monitor", 0, spec, &terminals->monitors[0], error);
    terminals->monitor_count = terminals->monitors[0] != NULL;
    return opened;
}

static void shared_free(gpointer data)
{
    struct shared_terminal *shared = data;
    if (shared->mux != NULL) {
        mux_destroy(shared->mux);
    }
    g_free(shared);
}

bool terminals_open(struct terminals *terminals, bool plain, struct pc_config *config, GError **error)
{
    const struct options *o = terminals->options;
    terminals->shared = g_ptr_array_new_with_free_func(shared_free);
    terminals->extra = g_ptr_array_new_with_free_func((GDestroyNotify)chardev_destroy);
    if (!open_serial(terminals, plain, config, error) || !open_parallel(terminals, config, error) ||
        (o->debugcon != NULL && !open_one(terminals, "debugcon", 0, o->debugcon, &terminals->debugcon, error))) {
        return false;
    }
    config->debugcon = terminals->debugcon;
    config->debugcon_iobase = (uint16_t)o->debugcon_iobase;
    return open_monitors(terminals, error);
}

struct chardev *terminals_open_extra(void *arg, const char *option, const char *spec, GError **error)
{
    struct terminals *terminals = arg;
    struct chardev *chr;
    if (!open_one(terminals, option, terminals->extra->len, spec, &chr, error)) {
        return NULL;
    }
    if (chr == NULL) {
        fail(error, option, "'%s' is no connection", spec);
        return NULL;
    }
    g_ptr_array_add(terminals->extra, chr);
    return chr;
}

void terminals_close(struct terminals *terminals)
{
    for (unsigned i = 0; i < OPTIONS_SERIAL_MAX; i++) {
        chardev_destroy(terminals->serial[i]);
    }
    for (unsigned i = 0; i < OPTIONS_PARALLEL_MAX; i++) {
        chardev_destroy(terminals->parallel[i]);
    }
    for (unsigned i = 0; i < OPTIONS_MONITOR_MAX; i++) {
        chardev_destroy(terminals->monitors[i]);
    }
    for (unsigned i = 0; i < OPTIONS_QMP_MAX; i++) {
        chardev_destroy(terminals->qmp[i]);
    }
    chardev_destroy(terminals->debugcon);
    g_clear_pointer(&terminals->extra, g_ptr_array_unref);
    g_clear_pointer(&terminals->shared, g_ptr_array_unref);
}
