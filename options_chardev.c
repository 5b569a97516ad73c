/* See the header. */
#include "options_chardev.h"

#include <string.h>

#include "options.h"

#define FAIL(error, ...) (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)

void option_chardev_free(gpointer data)
{
    struct option_chardev *chardev = data;
    g_free(chardev->id);
    g_free(chardev->spec);
    g_free(chardev);
}

/* The switch `name`, `otherwise` if it is not given. */
static bool get_bool(const struct option_list *list, const char *name, bool otherwise, bool *value, GError **error)
{
    const char *text = option_list_get(list, name);
    *value = otherwise;
    return text == NULL || option_parse_bool(text, value, error);
}

static bool socket_spec(const struct option_list *list, GString *spec, GError **error)
{
    const char *path = option_list_get(list, "path"), *port = option_list_get(list, "port");
    const char *host = option_list_get(list, "host");
    bool server, wait, telnet;
    if (!get_bool(list, "server", false, &server, error) || !get_bool(list, "wait", true, &wait, error) ||
        !get_bool(list, "telnet", false, &telnet, error)) {
        return false;
    }
    if ((path == NULL) == (port == NULL)) {
        return FAIL(error, "socket needs either path= or host= and port=");
    }
    if (path != NULL && telnet) {
        return FAIL(error, "telnet=on needs host= and port=");
    }
    if (path != NULL) {
        g_string_printf(spec, "unix:%s", path);
    } else {
        g_string_printf(spec, "%s:%s:%s", telnet ? "telnet" : "tcp", host != NULL ? host : "", port);
    }
    g_string_append(spec, server ? wait ? ",server" : ",server,nowait" : "");
    return true;
}

static bool path_spec(const struct option_list *list, const char *prefix, GString *spec, GError **error)
{
    const char *path = option_list_get(list, "path");
    if (path == NULL) {
        return FAIL(error, "path= is missing");
    }
    g_string_printf(spec, "%s%s", prefix, path);
    return true;
}

static bool backend_spec(const struct option_list *list, GString *spec, GError **error)
{
    static const char *const plain[] = { "stdio", "pty", "null", "vc" };
    const char *backend = option_list_get(list, "backend");
    for (unsigned i = 0; backend != NULL && i < G_N_ELEMENTS(plain); i++) {
        if (strcmp(backend, plain[i]) == 0) {
            g_string_assign(spec, backend);
            return true;
        }
    }
    if (backend != NULL && strcmp(backend, "socket") == 0) {
        return socket_spec(list, spec, error);
    }
    if (backend != NULL && strcmp(backend, "file") == 0) {
        return path_spec(list, "file:", spec, error);
    }
    if (backend != NULL && (strcmp(backend, "serial") == 0 || strcmp(backend, "tty") == 0)) {
        return path_spec(list, "", spec, error);
    }
    return FAIL(error, "'%s' is not supported; there is stdio, pty, vc, socket, file, serial and null",
                backend != NULL ? backend : "");
}

const struct option_chardev *option_chardev_find(const struct options *options, const char *id)
{
    for (guint i = 0; i < options->chardevs->len; i++) {
        const struct option_chardev *chardev = g_ptr_array_index(options->chardevs, i);
        if (strcmp(chardev->id, id) == 0) {
            return chardev;
        }
    }
    return NULL;
}

bool option_set_chardev(void *target, const struct option *option, const char *arg, GError **error)
{
    static const char *const known[] = { "backend", "id", "mux", "path", "host", "port", "server", "wait", "telnet",
                                         NULL };
    struct options *o = target;
    struct option_list list;
    g_autoptr(GString) spec = g_string_new(NULL);
    bool mux = false;
    if (!option_list_parse(&list, arg, "backend", known, error)) {
        return false;
    }
    const char *id = option_list_get(&list, "id");
    bool ok = backend_spec(&list, spec, error) && get_bool(&list, "mux", false, &mux, error);
    if (ok && id == NULL) {
        ok = FAIL(error, "id= is missing: the name by which -serial chardev:ID or -mon chardev=ID speak of it");
    } else if (ok && option_chardev_find(o, id) != NULL) {
        ok = FAIL(error, "there are two connections with id=%s", id);
    } else if (ok) {
        struct option_chardev *chardev = g_new0(struct option_chardev, 1);
        chardev->id = g_strdup(id);
        chardev->spec = g_strdup(spec->str);
        chardev->mux = mux;
        g_ptr_array_add(o->chardevs, chardev);
    }
    option_list_finish(&list);
    return ok;
}

bool option_set_monitor(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    if (o->monitors->len == OPTIONS_MONITOR_MAX) {
        return FAIL(error, "there are at most %d monitors", OPTIONS_MONITOR_MAX);
    }
    g_ptr_array_add(o->monitors, g_strdup(arg));
    return true;
}

static bool add_qmp(struct options *o, const char *spec, bool pretty, GError **error)
{
    if (o->qmp_count == OPTIONS_QMP_MAX) {
        return FAIL(error, "there are at most %d control monitors", OPTIONS_QMP_MAX);
    }
    o->qmp[o->qmp_count].spec = g_strdup(spec);
    o->qmp[o->qmp_count++].pretty = pretty;
    return true;
}

bool option_set_qmp(void *target, const struct option *option, const char *arg, GError **error)
{
    return add_qmp(target, arg, strcmp(option->name, "qmp-pretty") == 0, error);
}

bool option_set_mon(void *target, const struct option *option, const char *arg, GError **error)
{
    static const char *const known[] = { "chardev", "mode", "pretty", NULL };
    struct option_list list;
    if (!option_list_parse(&list, arg, "chardev", known, error)) {
        return false;
    }
    const char *id = option_list_get(&list, "chardev"), *mode = option_list_get(&list, "mode");
    bool ok = true;
    if (id == NULL) {
        ok = FAIL(error, "chardev= is missing: the id of a -chardev");
    } else if (mode != NULL && strcmp(mode, "readline") != 0 && strcmp(mode, "control") != 0) {
        ok = FAIL(error, "mode=%s: must be readline (for people) or control (QMP)", mode);
    } else if (mode != NULL && strcmp(mode, "control") == 0) {
        g_autofree char *spec = g_strdup_printf("chardev:%s", id);
        bool pretty;
        ok = get_bool(&list, "pretty", false, &pretty, error) && add_qmp(target, spec, pretty, error);
    } else {
        g_autofree char *spec = g_strdup_printf("chardev:%s", id);
        ok = option_set_monitor(target, option, spec, error);
    }
    option_list_finish(&list);
    return ok;
}
