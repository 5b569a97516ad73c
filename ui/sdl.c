/*
 * The SDL window: its life, size, consoles, and the timer that keeps it up to date. See sdl.h.
 *
 * The machine lock is held while the device converts, not while anything is drawn.
 */
#include <SDL_syswm.h>
#include <glib-unix.h>

#include "core/lock.h"
#include "ui/sdl_driver.h"
#include "ui/sdl_impl.h"

/* How often to look where nobody tells of changes; at most; while the window cannot be seen. */
#define INTERVAL_US 16000
#define INTERVAL_LEAST_US 12000
#define INTERVAL_HIDDEN_US 250000
/* After the first store to the picture others follow: so long it waits for them. */
#define SETTLE_US 3000
#define TITLE_US 500000
/* How often to look for events where a descriptor tells of them. */
#define EVENTS_US 500000
#define EVENTS_MAX 1000
#define DPI_NORMAL 96
#define DPI_DENSE 168
#define HINT_SECONDS 3

void sdl_look_soon(struct sdl_window *window)
{
    gint64 earliest = __atomic_load_n(&window->earliest, __ATOMIC_RELAXED);

    g_source_set_ready_time(window->clock, MAX(g_get_monotonic_time() + SETTLE_US, earliest));
}

/* The picture changes; any thread. */
static void on_wake(void *arg)
{
    struct sdl_window *window = arg;

    g_atomic_int_set(&window->woken, 1);
    sdl_look_soon(window);
}

static void stop_viewing(struct sdl_window *window)
{
    if (window->viewing) {
        display_on_wake(window->viewer.display, NULL, NULL);
        display_viewer_finish(&window->viewer);
    }
    window->viewing = false;
}

static void start_viewing(struct sdl_window *window)
{
    lock_acquire(window->lock);
    stop_viewing(window);
    display_viewer_init(&window->viewer, sdl_shown_display(window));
    display_on_wake(window->viewer.display, on_wake, window);
    lock_release(window->lock);
    window->viewing = true;
    window->width = window->height = 0;
    sdl_select_clear(window);
}

void sdl_size_console(struct sdl_window *window)
{
    int width, height;

    if (window->console.resize != NULL) {
        SDL_GetWindowSizeInPixels(window->window, &width, &height);
        window->console.resize(window->console.arg, (unsigned)width * 100 / window->zoom,
                               (unsigned)height * 100 / window->zoom);
    }
}

void sdl_window_show_console(struct sdl_window *window, unsigned n)
{
    struct ui_console console = {0};

    if (n == window->console_number ||
        (n != 1 && (window->options.console == NULL ||
                    !window->options.console(window->options.arg, n, &console)))) {
        return;
    }
    input_release_all(window->input);
    if (n != 1) {
        sdl_grab(window, false);
    }
    window->console = console;
    window->console_number = n;
    window->last_title = 0;
    if (console.display != NULL) {
        SDL_StartTextInput();
    } else {
        SDL_StopTextInput();
    }
    sdl_size_console(window);
    start_viewing(window);
    sdl_update_cursor(window);
}

void sdl_set_full_screen(struct sdl_window *window, bool on)
{
    if (SDL_SetWindowFullscreen(window->window, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0) == 0) {
        window->full_screen = on;
        sdl_place_picture(window);
        if (on) {
            sdl_panel_show(window, "Ctrl-Alt-F leaves full screen", HINT_SECONDS);
        }
    }
}

void sdl_fit_window(struct sdl_window *window)
{
    SDL_Rect usable;
    int display = SDL_GetWindowDisplayIndex(window->window);
    int64_t width = (int64_t)window->width * window->zoom / 100;
    int64_t height = (int64_t)window->height * window->zoom / 100;

    if (!window->full_screen && width > 0 && height > 0 && window->console.resize == NULL) {
        /* A picture that is larger than the screen is scaled down. */
        if (SDL_GetDisplayUsableBounds(MAX(display, 0), &usable) == 0 && usable.w > 0 && usable.h > 0) {
            if (width > usable.w) {
                height = height * usable.w / width;
                width = usable.w;
            }
            if (height > usable.h) {
                width = width * usable.h / height;
                height = usable.h;
            }
        }
        window->asked_width = (int)MAX(width, 1);
        window->asked_height = (int)MAX(height, 1);
        SDL_SetWindowSize(window->window, window->asked_width, window->asked_height);
    }
    sdl_place_picture(window);
}

void sdl_close(struct sdl_window *window)
{
    const struct sdl_options *options = &window->options;
    bool ask = options->running != NULL && options->font != NULL && options->running(options->arg);

    if (options->ignore_close) {
        sdl_panel_show(window, "This window cannot be closed (-no-quit)", HINT_SECONDS);
    } else if (ask && !window->panel.question) {
        sdl_grab(window, false);
        input_release_all(window->input);
        sdl_panel_ask(window);
    } else if (options->close != NULL) {
        options->close(options->arg);
    }
}

/* The picture has another size than the last one. */
static void follow_picture(struct sdl_window *window)
{
    const struct surface *surface = display_surface(sdl_shown_display(window));
    bool first = window->width == 0;

    if (window->width == surface->width && window->height == surface->height) {
        return;
    }
    window->width = surface->width;
    window->height = surface->height;
    sdl_select_clear(window);
    if (window->resized || (first && window->asked_width == (int)(surface->width * window->zoom / 100) &&
                            window->asked_height == (int)(surface->height * window->zoom / 100))) {
        sdl_place_picture(window);
    } else {
        sdl_fit_window(window);
    }
}

static void take_events(struct sdl_window *window)
{
    SDL_Event event;

    for (unsigned i = 0; i < EVENTS_MAX && SDL_PollEvent(&event) != 0; i++) {
        sdl_handle_event(window, &event);
    }
}

/* When to look next, unless the display or an event calls before. */
static void plan(struct sdl_window *window, gint64 now, uint64_t rest)
{
    gint64 limit = window->event_watch != 0 ? EVENTS_US : INTERVAL_US;
    gint64 pause = rest == 0 ? INTERVAL_US : (gint64)MIN(rest, (uint64_t)limit);
    bool hidden = (SDL_GetWindowFlags(window->window) & (SDL_WINDOW_MINIMIZED | SDL_WINDOW_HIDDEN)) != 0;

    if (window->panel.until != 0) {
        pause = MIN(pause, MAX(window->panel.until - now, 0));
    }
    if (window->grab_at != 0) {
        pause = MIN(pause, MAX(window->grab_at - now, 0));
    }
    pause = hidden ? INTERVAL_HIDDEN_US : MAX(pause, INTERVAL_LEAST_US);
    __atomic_store_n(&window->earliest, now + (hidden ? INTERVAL_HIDDEN_US : INTERVAL_LEAST_US), __ATOMIC_RELAXED);
    g_source_set_ready_time(window->clock, now + pause);
    /* A call that came since the look began was overwritten just now. */
    if (g_atomic_int_get(&window->woken) != 0) {
        sdl_look_soon(window);
    }
}

static void update(struct sdl_window *window, gint64 now)
{
    uint64_t rest;

    sdl_panel_tick(window, now);
    if (window->grab_at != 0 && now >= window->grab_at) {
        window->grab_at = 0;
        sdl_grab(window, true);
    }
    g_atomic_int_set(&window->woken, 0);
    lock_acquire(window->lock);
    display_update(sdl_shown_display(window));
    rest = display_rest(sdl_shown_display(window));
    lock_release(window->lock);
    follow_picture(window);
    if (sdl_paint(window) && window->event_watch != 0) {
        /* Waiting for the server may have read events from the descriptor. */
        take_events(window);
    }
    if (now - window->last_title >= TITLE_US) {
        sdl_update_title(window, now);
        sdl_update_cursor(window);
    }
    plan(window, now, rest);
}

void sdl_window_refresh(struct sdl_window *window)
{
    take_events(window);
    update(window, g_get_monotonic_time());
}

static gboolean on_events(gint fd, GIOCondition condition, gpointer data)
{
    struct sdl_window *window = data;

    take_events(window);
    sdl_look_soon(window);
    if ((condition & (G_IO_HUP | G_IO_ERR)) != 0) {
        window->event_watch = 0;
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

/* Asking X for events costs several system calls; its connection tells when there are any. */
static void watch_events(struct sdl_window *window)
{
#ifdef SDL_VIDEO_DRIVER_X11
    SDL_SysWMinfo info;

    SDL_VERSION(&info.version);
    if (SDL_GetWindowWMInfo(window->window, &info) && info.subsystem == SDL_SYSWM_X11) {
        window->event_watch =
            g_unix_fd_add(ConnectionNumber(info.info.x11.display), G_IO_IN | G_IO_HUP, on_events, window);
    }
#endif
}

static gboolean look(gpointer data)
{
    struct sdl_window *window = data;
    gint64 now = g_get_monotonic_time();

    if (window->event_watch == 0 || now - window->last_events >= EVENTS_US) {
        window->last_events = now;
        take_events(window);
    }
    update(window, now);
    return G_SOURCE_CONTINUE;
}

static gboolean run_clock(GSource *source, GSourceFunc callback, gpointer data)
{
    return callback(data);
}

static void start_clock(struct sdl_window *window)
{
    window->clock_functions = (GSourceFuncs){.dispatch = run_clock};
    window->clock = g_source_new(&window->clock_functions, sizeof(GSource));
    g_source_set_callback(window->clock, look, window, NULL);
    g_source_attach(window->clock, NULL);
}

static void set_error(GError **error, const char *what)
{
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                "cannot open a window: %s: %s; set DISPLAY or WAYLAND_DISPLAY, or use -nographic, "
                "-display curses or -display none",
                what, SDL_GetError());
}

/* On dense screens a guest's pixel takes several of the host's. */
static unsigned density_zoom(void)
{
    float dpi = 0;

    if (SDL_GetDisplayDPI(0, &dpi, NULL, NULL) != 0 || dpi < DPI_DENSE || dpi > 10 * DPI_NORMAL) {
        return 100;
    }
    return 100 * (unsigned)(dpi / DPI_NORMAL + 0.5f);
}

static bool open_window(struct sdl_window *window, GError **error)
{
    const struct surface *surface = display_surface(window->guest);
    int width, height;

    /* Ctrl-C in the terminal is main's affair; so is the host's screen saver. Pixels are drawn here: a graphics
     * driver would only carry them. */
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
    if (SDL_InitSubSystem(SDL_INIT_VIDEO) != 0) {
        set_error(error, "no video driver");
        return false;
    }
    /* SDL's last resort is a driver whose windows nobody sees. */
    if (sdl_driver_invisible(SDL_GetCurrentVideoDriver())) {
        SDL_SetError("there is no display");
        set_error(error, "no video driver");
        return false;
    }
    window->zoom = window->options.zoom != 0 ? window->options.zoom : density_zoom();
    window->resized = window->options.zoom == 0 && sdl_size_load(window, &width, &height);
    if (!window->resized) {
        width = (int)(surface->width * window->zoom / 100);
        height = (int)(surface->height * window->zoom / 100);
    }
    window->asked_width = width;
    window->asked_height = height;
    window->window = SDL_CreateWindow("vmm", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, width, height,
                                      SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI);
    if (window->window == NULL || SDL_GetWindowSurface(window->window) == NULL) {
        set_error(error, window->window == NULL ? "no window" : "no picture in the window");
        return false;
    }
    SDL_StopTextInput();
    return true;
}

struct sdl_window *sdl_window_create(const struct sdl_options *options, struct display *display,
                                     struct input *input, struct machine_lock *lock, GError **error)
{
    struct sdl_window *window = g_new0(struct sdl_window, 1);

    window->options = *options;
    window->options.name = g_strdup(options->name);
    window->options.size_file = g_strdup(options->size_file);
    window->scaling = options->scaling;
    window->guest = display;
    window->input = input;
    window->lock = lock;
    window->console_number = 1;
    if (!open_window(window, error)) {
        sdl_window_destroy(window);
        return NULL;
    }
    start_clock(window);
    start_viewing(window);
    if (options->full_screen) {
        sdl_set_full_screen(window, true);
        sdl_grab(window, true);
    }
    watch_events(window);
    sdl_look_soon(window);
    return window;
}

void sdl_window_destroy(struct sdl_window *window)
{
    if (window == NULL) {
        return;
    }
    if (window->event_watch != 0) {
        g_source_remove(window->event_watch);
    }
    if (window->viewing) {
        lock_acquire(window->lock);
        stop_viewing(window);
        lock_release(window->lock);
        input_release_all(window->input);
        sdl_size_save(window);
    }
    if (window->clock != NULL) {
        g_source_destroy(window->clock);
        g_source_unref(window->clock);
    }
    sdl_panel_hide(window);
    sdl_painter_finish(&window->painter);
    if (window->window != NULL) {
        SDL_DestroyWindow(window->window);
    }
    if (SDL_WasInit(SDL_INIT_VIDEO) != 0) {
        SDL_QuitSubSystem(SDL_INIT_VIDEO);
    }
    g_free((char *)window->options.name);
    g_free((char *)window->options.size_file);
    g_free(window->title);
    g_free(window);
}
