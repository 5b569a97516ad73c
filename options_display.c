/*
 * -display sdl[,...], -vnc and the older spellings of its settings. See options_display.h.
 */
#include "options_display.h"

#include <string.h>

#include "options.h"

#define FAIL(error, ...) (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)
#define ZOOM_MIN 25
#define ZOOM_MAX 400

/* The value of a switch; *value stays if it is not given. */
static bool take_bool(const struct option_list *list, const char *name, bool *value, GError **error)
{
    const char *text = option_list_get(list, name);
    if (text != NULL && !option_parse_bool(text, value, error)) {
        g_prefix_error(error, "%s: ", name);
        return false;
    }
    return true;
}

static bool take_zoom(struct option_display *display, const char *text, GError **error)
{
    char *end;
    if (text == NULL) {
        return true;
    }
    guint64 zoom = g_ascii_strtoull(text, &end, 10);
    if (end == text || (*end != '\0' && strcmp(end, "%") != 0) || zoom < ZOOM_MIN || zoom > ZOOM_MAX) {
        return FAIL(error, "zoom=%s: must be a percentage from %d to %d", text, ZOOM_MIN, ZOOM_MAX);
    }
    display->zoom = (unsigned)zoom;
    return true;
}

static bool take_words(struct option_display *display, const struct option_list *list, GError **error)
{
    const char *grab = option_list_get(list, "grab-mod"), *scaling = option_list_get(list, "scaling");
    bool close = !display->no_quit, gl = false, alt = false, ctrl = false;
    if (grab != NULL && !sdl_parse_grab_modifier(grab, &display->grab_modifier)) {
        return FAIL(error, "grab-mod=%s: there is lctrl-lalt, lshift-lctrl-lalt and rctrl", grab);
    }
    if (scaling != NULL && strcmp(scaling, "smooth") != 0 && strcmp(scaling, "integer") != 0) {
        return FAIL(error, "scaling=%s: there is smooth and integer", scaling);
    }
    if (scaling != NULL) {
        display->scaling = strcmp(scaling, "integer") == 0 ? SDL_SCALING_INTEGER : SDL_SCALING_SMOOTH;
    }
    if (!take_bool(list, "window-close", &close, error) || !take_bool(list, "alt_grab", &alt, error) ||
        !take_bool(list, "ctrl_grab", &ctrl, error) ||
        !take_bool(list, "full-screen", &display->full_screen, error) ||
        !take_bool(list, "show-cursor", &display->show_cursor, error) || !take_bool(list, "gl", &gl, error) ||
        !take_zoom(display, option_list_get(list, "zoom"), error)) {
        return false;
    }
    if (gl) {
        return FAIL(error, "gl=on is not supported: the window is drawn by the CPU; leave it out");
    }
    display->no_quit = !close;
    display->grab_modifier = alt ? SDL_GRAB_CTRL_ALT_SHIFT : ctrl ? SDL_GRAB_RCTRL : display->grab_modifier;
    return true;
}

bool option_set_display(void *target, const struct option *option, const char *arg, GError **error)
{
    struct option_display *display = &((struct options *)target)->display;
    static const char *const known[] = { "kind",      "grab-mod",  "window-close", "scaling", "zoom", "full-screen",
                                         "show-cursor", "alt_grab", "ctrl_grab",    "gl",      NULL };
    struct option_list list;
    if (g_str_has_prefix(arg, "vnc=")) {
        g_free(display->kind);
        display->kind = g_strdup("vnc");
        return option_set_vnc(target, option, arg + strlen("vnc="), error);
    }
    if (!option_list_parse(&list, arg, "kind", known, error)) {
        return false;
    }
    const char *kind = option_list_get(&list, "kind");
    bool ok = true;
    if (kind == NULL || (strcmp(kind, "sdl") != 0 && strcmp(kind, "curses") != 0 && strcmp(kind, "none") != 0)) {
        ok = FAIL(error, "'%s' is not supported; there is sdl, curses, vnc=:N and none (or use -nographic)", arg);
    } else if (strcmp(kind, "sdl") != 0 && list.names->len > 1) {
        ok = FAIL(error, "-display %s has no settings", kind);
    } else if (take_words(display, &list, error)) {
        g_free(display->kind);
        display->kind = g_strdup(kind);
    } else {
        ok = false;
    }
    option_list_finish(&list);
    return ok;
}

/* What QEMU has besides. */
static const char *find_refused(const struct option_list *list)
{
    static const char *const refused[] = { "tls-creds", "tls-authz", "sasl", "sasl-authz", "acl", "websocket", "reverse",
                                           "password-secret", "audiodev", NULL };
    for (unsigned i = 0; refused[i] != NULL; i++) {
        if (option_list_get(list, refused[i]) != NULL) {
            return refused[i];
        }
    }
    return NULL;
}

static bool take_vnc(struct option_vnc *vnc, const struct option_list *list, GError **error)
{
    const char *refused = find_refused(list), *to = option_list_get(list, "to"), *share = option_list_get(list, "share");
    bool on;
    guint64 last = 0;
    if (refused != NULL) {
        return FAIL(error, "%s is not supported; for a safe way over the network use ssh -L, or password=on", refused);
    }
    if (to != NULL && !g_ascii_string_to_unsigned(to, 10, 0, 65535 - 5900, &last, NULL)) {
        return FAIL(error, "to=%s: must be a number up to %d", to, 65535 - 5900);
    }
    if (share != NULL && strcmp(share, "allow-exclusive") != 0 && strcmp(share, "force-shared") != 0 &&
        strcmp(share, "ignore") != 0) {
        return FAIL(error, "share=%s: there is allow-exclusive, force-shared and ignore", share);
    }
    /* How the picture is packed is agreed with each client; these of QEMU's change nothing here. */
    if (!take_bool(list, "lossy", &on, error) || !take_bool(list, "non-adaptive", &on, error) ||
        !take_bool(list, "power-control", &on, error) || !take_bool(list, "password", &vnc->password, error)) {
        return false;
    }
    vnc->to = (unsigned)last;
    vnc->share = share == NULL || strcmp(share, "allow-exclusive") == 0 ? VNC_SHARE_ALLOW_EXCLUSIVE
                                                                       : VNC_SHARE_FORCE_SHARED;
    g_free(vnc->address);
    const char *address = option_list_get(list, "vnc");
    vnc->address = g_strcmp0(address, "none") == 0 ? NULL : g_strdup(address);
    return true;
}

bool option_set_vnc(void *target, const struct option *option, const char *arg, GError **error)
{
    static const char *const known[] = { "vnc",   "to",   "password",        "share",    "lossy",     "non-adaptive",
                                         "power-control", "tls-creds", "tls-authz", "sasl", "sasl-authz", "acl",
                                         "websocket", "reverse", "password-secret", "audiodev", NULL };
    struct option_list list;
    if (!option_list_parse(&list, arg, "vnc", known, error)) {
        return false;
    }
    bool ok = option_list_get(&list, "vnc") != NULL ||
              FAIL(error, "'%s': must begin with [HOST]:N, unix:PATH or none", arg);
    ok = ok && take_vnc(&((struct options *)target)->vnc, &list, error);
    option_list_finish(&list);
    return ok;
}

bool option_set_grab(void *target, const struct option *option, const char *arg, GError **error)
{
    return sdl_parse_grab_modifier(option->value, &((struct options *)target)->display.grab_modifier);
}
