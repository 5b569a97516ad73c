/*
 * The main thread's side of the VNC server: the picture, pointer and consoles. See vnc.h.
 */
#include "ui/vnc.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/lock.h"
#include "ui/vnc_impl.h"

#define INTERVAL_MS 33

/* ---- picture ---- */

static void copy_damage(struct vnc *vnc, const struct surface *surface)
{
    struct vnc_shared *shared = &vnc->shared;
    const pixman_box32_t *boxes;
    int count;

    if (shared->width != surface->width || shared->height != surface->height) {
        shared->width = surface->width;
        shared->height = surface->height;
        shared->pixels = g_realloc_n(shared->pixels, (gsize)shared->width * shared->height, sizeof(*shared->pixels));
        pixman_region32_fini(&vnc->viewer.damage);
        pixman_region32_init_rect(&vnc->viewer.damage, 0, 0, shared->width, shared->height);
    }
    boxes = pixman_region32_rectangles(&vnc->viewer.damage, &count);
    for (int i = 0; i < count; i++) {
        for (int y = boxes[i].y1; y < boxes[i].y2; y++) {
            memcpy(shared->pixels + (size_t)y * shared->width + boxes[i].x1,
                   surface_line(surface, (unsigned)y) + boxes[i].x1,
                   (size_t)(boxes[i].x2 - boxes[i].x1) * sizeof(*shared->pixels));
        }
    }
    pixman_region32_union(&shared->damage, &shared->damage, &vnc->viewer.damage);
}

static gboolean on_tick(gpointer data)
{
    struct vnc *vnc = data;
    struct display *display = vnc->viewer.display;
    bool changed;

    lock_acquire(vnc->lock);
    changed = display_update(display);
    lock_release(vnc->lock);
    if (changed) {
        display_wake(display);
    }
    if (pixman_region32_not_empty(&vnc->viewer.damage)) {
        pthread_mutex_lock(&vnc->shared.mutex);
        copy_damage(vnc, display_surface(display));
        pthread_mutex_unlock(&vnc->shared.mutex);
        display_viewer_taken(&vnc->viewer);
        eventfd_write(vnc->wake_server, 1);
    }
    return G_SOURCE_CONTINUE;
}

void vnc_show_console(struct vnc *vnc, unsigned n)
{
    struct ui_console console = {0};

    if (n != 1 && (vnc->console_fn == NULL || !vnc->console_fn(vnc->arg, n, &console))) {
        return;
    }
    input_release_all(vnc->input);
    vnc->console = console;
    display_viewer_finish(&vnc->viewer);
    display_viewer_init(&vnc->viewer, console.display != NULL ? console.display : vnc->display);
}

/* ---- what clients do ---- */

static void take_wheel(struct vnc *vnc, unsigned pressed)
{
    int down = (int)(pressed >> 4 & 1) - (int)(pressed >> 3 & 1);
    int right = (int)(pressed >> 6 & 1) - (int)(pressed >> 5 & 1);

    if (down == 0 && right == 0) {
        return;
    }
    if (vnc->console.display == NULL) {
        input_wheel(vnc->input, down, right);
    } else if (vnc->console.scroll != NULL) {
        vnc->console.scroll(vnc->console.arg, -3 * down);
    }
}

static void take_pointer(struct vnc *vnc, const struct vnc_event *event)
{
    static const enum input_button BUTTONS[] = { INPUT_BUTTON_LEFT, INPUT_BUTTON_MIDDLE, INPUT_BUTTON_RIGHT };
    unsigned changed = event->buttons ^ vnc->buttons;

    if (vnc->console.display == NULL && (!vnc->pointed || event->x != vnc->x || event->y != vnc->y)) {
        if (input_absolute(vnc->input)) {
            input_position(vnc->input, (int)(event->x * INPUT_ABSOLUTE_MAX / MAX(vnc->shared.width - 1, 1)),
                           (int)(event->y * INPUT_ABSOLUTE_MAX / MAX(vnc->shared.height - 1, 1)));
        } else if (vnc->pointed) {
            input_motion(vnc->input, (int)event->x - (int)vnc->x, (int)event->y - (int)vnc->y);
        }
    }
    for (unsigned i = 0; vnc->console.display == NULL && i < G_N_ELEMENTS(BUTTONS); i++) {
        if ((changed >> i & 1) != 0) {
            input_button(vnc->input, BUTTONS[i], event->buttons >> i & 1);
        }
    }
    take_wheel(vnc, changed & event->buttons);
    vnc->pointed = true;
    vnc->x = event->x;
    vnc->y = event->y;
    vnc->buttons = event->buttons;
}

static void take_clients(struct vnc *vnc)
{
    pthread_mutex_lock(&vnc->shared.mutex);
    unsigned count = vnc->shared.clients->len;
    pthread_mutex_unlock(&vnc->shared.mutex);
    if (count > 0 && vnc->timer == 0) {
        vnc->timer = g_timeout_add(INTERVAL_MS, on_tick, vnc);
        on_tick(vnc);
    } else if (count == 0 && vnc->timer != 0) {
        g_source_remove(vnc->timer);
        vnc->timer = 0;
    }
    if (count < vnc->client_count) {
        /* Whoever left may have held keys. */
        input_release_all(vnc->input);
        memset(vnc->held, 0, sizeof(vnc->held));
        memset(vnc->hidden, 0, sizeof(vnc->hidden));
        vnc->buttons = 0;
        vnc->pointed = false;
    }
    vnc->client_count = count;
}

static gboolean on_events(gint fd, GIOCondition condition, gpointer data)
{
    struct vnc *vnc = data;
    struct vnc_event *event;
    eventfd_t ignored;

    eventfd_read(fd, &ignored);
    for (;;) {
        pthread_mutex_lock(&vnc->shared.mutex);
        event = g_queue_pop_head(&vnc->shared.events);
        pthread_mutex_unlock(&vnc->shared.mutex);
        if (event == NULL) {
            return G_SOURCE_CONTINUE;
        }
        switch (event->kind) {
        case VNC_EVENT_KEYSYM:
        case VNC_EVENT_KEY:
            vnc_take_key(vnc, event);
            break;
        case VNC_EVENT_POINTER:
            take_pointer(vnc, event);
            break;
        case VNC_EVENT_CUT:
            g_free(vnc->cut);
            vnc->cut = event->text;
            break;
        case VNC_EVENT_CLIENTS:
            take_clients(vnc);
            break;
        }
        g_free(event);
    }
}

/* ---- password and info ---- */

bool vnc_set_password(struct vnc *vnc, const char *password)
{
    if (!vnc->password) {
        return false;
    }
    pthread_mutex_lock(&vnc->shared.mutex);
    memset(vnc->shared.password, 0, sizeof(vnc->shared.password));
    if (password != NULL) {
        memcpy(vnc->shared.password, password, strnlen(password, VNC_PASSWORD_MAX));
    }
    pthread_mutex_unlock(&vnc->shared.mutex);
    return true;
}

static const char *family_of(const char *address)
{
    return g_str_has_prefix(address, "unix") ? "unix" : address[0] == '[' ? "ipv6" : "ipv4";
}

void vnc_info(struct vnc *vnc, GString *out)
{
    const char *auth = vnc->password ? "vnc" : "none";

    g_string_append_printf(out, "default:\n  Server: %s (%s)\n    Auth: %s (Sub: none)\n", vnc->address,
                           family_of(vnc->address), auth);
    pthread_mutex_lock(&vnc->shared.mutex);
    for (guint i = 0; i < vnc->shared.clients->len; i++) {
        const char *client = g_ptr_array_index(vnc->shared.clients, i);

        g_string_append_printf(out, "  Client: %s (%s)\n    x509_dname: none\n    sasl_username: none\n", client,
                               family_of(client));
    }
    pthread_mutex_unlock(&vnc->shared.mutex);
    g_string_append_printf(out, "  Auth: %s (Sub: none)\n", auth);
}

const char *vnc_address(const struct vnc *vnc)
{
    return vnc->address;
}

bool vnc_is_public(const struct vnc *vnc)
{
    return vnc->is_public;
}

/* ---- life ---- */

static void free_event(gpointer data)
{
    g_free(((struct vnc_event *)data)->text);
    g_free(data);
}

static void free_vnc(struct vnc *vnc)
{
    close(vnc->wake_server);
    close(vnc->wake_main);
    display_viewer_finish(&vnc->viewer);
    pixman_region32_fini(&vnc->shared.damage);
    g_queue_clear_full(&vnc->shared.events, free_event);
    g_ptr_array_unref(vnc->shared.clients);
    pthread_mutex_destroy(&vnc->shared.mutex);
    g_free(vnc->shared.pixels);
    g_free(vnc->address);
    g_free(vnc->socket_path);
    g_free(vnc->cut);
    g_free(vnc);
}

static void close_vnc(struct vnc *vnc)
{
    g_source_remove(vnc->watch);
    if (vnc->socket_path != NULL) {
        unlink(vnc->socket_path);
    }
    free_vnc(vnc);
}

struct vnc *vnc_create(const struct vnc_options *options, struct display *display, struct input *input,
                       struct machine_lock *lock, GError **error)
{
    struct vnc *vnc = g_new0(struct vnc, 1);
    struct vnc_listeners listeners = {0};

    vnc->display = display;
    vnc->input = input;
    vnc->lock = lock;
    vnc->arg = options->arg;
    vnc->console_fn = options->console;
    vnc->password = options->password;
    vnc->wake_server = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    vnc->wake_main = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&vnc->shared.mutex, NULL);
    g_queue_init(&vnc->shared.events);
    vnc->shared.clients = g_ptr_array_new_with_free_func(g_free);
    pixman_region32_init(&vnc->shared.damage);
    display_viewer_init(&vnc->viewer, display);
    if (!vnc_listen(vnc, options->address, options->to, &listeners, error)) {
        free_vnc(vnc);
        return NULL;
    }
    /* The first client is told this size before it sees a picture. */
    pthread_mutex_lock(&vnc->shared.mutex);
    copy_damage(vnc, display_surface(display));
    pthread_mutex_unlock(&vnc->shared.mutex);
    vnc->watch = g_unix_fd_add(vnc->wake_main, G_IO_IN, on_events, vnc);
    int code = vnc_server_start(vnc, &listeners, options->name, options->share);
    if (code != 0) {
        g_set_error(error, G_IO_ERROR, g_io_error_from_errno(code), "no thread for the server: %s", g_strerror(code));
        close_vnc(vnc);
        return NULL;
    }
    return vnc;
}

void vnc_destroy(struct vnc *vnc)
{
    if (vnc == NULL) {
        return;
    }
    vnc_server_stop(vnc);
    if (vnc->timer != 0) {
        g_source_remove(vnc->timer);
    }
    close_vnc(vnc);
}
