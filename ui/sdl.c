/*
 * The SDL window: picture, size, title, and the timer that keeps it up to date. See sdl.h.
 *
 * A texture holds the guest's picture; only damaged rectangles are sent to it, and the window is painted again
 * only after damage. The lock is held while the device converts, not while anything is drawn.
 */
#include "core/lock.h"
#include "ui/sdl_impl.h"

/* How often to look: while something changes, after a second without, and while nobody can see it. */
#define INTERVAL_ACTIVE_MS 16
#define INTERVAL_IDLE_MS 33
#define INTERVAL_HIDDEN_MS 250
#define ACTIVE_US 1000000
#define TITLE_US 500000

/* Many small rectangles cost more than one large one. */
#define RECTANGLES_MAX 64
#define EVENTS_MAX 1000

static struct display *shown_display(const struct sdl_window *window)
{
    return window->console.display != NULL ? window->console.display : window->guest;
}

static void start_viewing(struct sdl_window *window)
{
    lock_acquire(window->lock);
    if (window->viewing) {
        display_viewer_finish(&window->viewer);
    }
    display_viewer_init(&window->viewer, shown_display(window));
    lock_release(window->lock);
    window->viewing = true;
    if (window->texture != NULL) {
        SDL_DestroyTexture(window->texture);
        window->texture = NULL;
    }
}

void sdl_show_console(struct sdl_window *window, unsigned n)
{
    struct sdl_console console = {0};

    if (n != 1 && (window->options.console == NULL ||
                   !window->options.console(window->options.arg, n, &console))) {
        return;
    }
    input_release_all(window->input);
    if (n != 1) {
        sdl_grab(window, false);
    }
    window->console = console;
    window->last_title = 0;
    if (console.display != NULL) {
        SDL_StartTextInput();
    } else {
        SDL_StopTextInput();
    }
    start_viewing(window);
}

void sdl_set_full_screen(struct sdl_window *window, bool on)
{
    if (SDL_SetWindowFullscreen(window->window, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0) == 0) {
        window->full_screen = on;
        window->repaint = true;
    }
}

void sdl_fit_window(struct sdl_window *window)
{
    if (!window->full_screen && window->width != 0) {
        SDL_SetWindowSize(window->window, (int)(window->width * window->zoom / 100),
                          (int)(window->height * window->zoom / 100));
    }
    window->repaint = true;
}

/* A texture of the surface's size. False if SDL cannot make one; tried again at the next look. */
static bool make_texture(struct sdl_window *window, const struct surface *surface)
{
    bool same_size = window->width == surface->width && window->height == surface->height;

    if (window->texture != NULL) {
        SDL_DestroyTexture(window->texture);
    }
    window->texture =
        SDL_CreateTexture(window->renderer, SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_STREAMING,
                          (int)surface->width, (int)surface->height);
    if (window->texture == NULL) {
        return false;
    }
    window->width = surface->width;
    window->height = surface->height;
    if (!same_size && !window->resized) {
        sdl_fit_window(window);
    }
    return true;
}

static void upload(struct sdl_window *window, const struct surface *surface, pixman_box32_t box)
{
    SDL_Rect rect = {box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1};

    SDL_UpdateTexture(window->texture, &rect, surface_line(surface, (unsigned)box.y1) + box.x1,
                      (int)(surface->stride * sizeof(uint32_t)));
}

/* Sends the damage to the texture. True if there was any. */
static bool update_texture(struct sdl_window *window)
{
    const struct surface *surface = display_surface(shown_display(window));
    pixman_region32_t *damage = &window->viewer.damage;
    pixman_box32_t *boxes;
    int count;

    if (!pixman_region32_not_empty(damage)) {
        return false;
    }
    if ((window->texture == NULL || window->width != surface->width ||
         window->height != surface->height) &&
        !make_texture(window, surface)) {
        return false;
    }
    boxes = pixman_region32_rectangles(damage, &count);
    if (count > RECTANGLES_MAX) {
        boxes = pixman_region32_extents(damage);
        count = 1;
    }
    for (int i = 0; i < count; i++) {
        upload(window, surface, boxes[i]);
    }
    display_viewer_taken(&window->viewer);
    return true;
}

/* The largest rectangle of the picture's shape in the middle of the window. */
static void place_picture(struct sdl_window *window)
{
    int width = 1, height = 1;
    SDL_Rect *picture = &window->picture;

    SDL_GetRendererOutputSize(window->renderer, &width, &height);
    if ((int64_t)width * window->height <= (int64_t)height * window->width) {
        picture->w = width;
        picture->h = (int)((int64_t)width * window->height / window->width);
    } else {
        picture->h = height;
        picture->w = (int)((int64_t)height * window->width / window->height);
    }
    picture->x = (width - picture->w) / 2;
    picture->y = (height - picture->h) / 2;
}

static void paint(struct sdl_window *window)
{
    if (window->texture == NULL) {
        return;
    }
    place_picture(window);
    SDL_SetRenderDrawColor(window->renderer, 0, 0, 0, 255);
    SDL_RenderClear(window->renderer);
    SDL_RenderCopy(window->renderer, window->texture, NULL, &window->picture);
    SDL_RenderPresent(window->renderer);
    window->repaint = false;
}

static void update_title(struct sdl_window *window, gint64 now)
{
    const struct sdl_options *options = &window->options;
    const char *state = options->state != NULL ? options->state(options->arg) : NULL;
    const char *hint = sdl_grab_hint(window);
    char *speed = options->speed != NULL ? options->speed(options->arg) : NULL;
    GString *title = g_string_new(NULL);

    window->last_title = now;
    if (options->name != NULL) {
        g_string_append_printf(title, "%s - ", options->name);
    }
    g_string_append(title, "vmm");
    if (window->console.title != NULL) {
        g_string_append_printf(title, " - %s", window->console.title);
    }
    if (state != NULL) {
        g_string_append_printf(title, " [%s]", state);
    }
    if (speed != NULL) {
        g_string_append_printf(title, " %s", speed);
    }
    if (hint[0] != '\0') {
        g_string_append_printf(title, " - %s", hint);
    }
    if (window->title == NULL || !g_str_equal(title->str, window->title)) {
        SDL_SetWindowTitle(window->window, title->str);
        g_free(window->title);
        window->title = g_string_free(title, FALSE);
    } else {
        g_string_free(title, TRUE);
    }
    g_free(speed);
}

static bool take_events(struct sdl_window *window)
{
    SDL_Event event;
    unsigned count = 0;

    while (count < EVENTS_MAX && SDL_PollEvent(&event) != 0) {
        sdl_handle_event(window, &event);
        count++;
    }
    return count != 0;
}

static unsigned next_interval(const struct sdl_window *window, gint64 now)
{
    if ((SDL_GetWindowFlags(window->window) & (SDL_WINDOW_MINIMIZED | SDL_WINDOW_HIDDEN)) != 0) {
        return INTERVAL_HIDDEN_MS;
    }
    return now - window->last_change < ACTIVE_US ? INTERVAL_ACTIVE_MS : INTERVAL_IDLE_MS;
}

void sdl_window_refresh(struct sdl_window *window)
{
    gint64 now = g_get_monotonic_time();
    bool events = take_events(window);
    bool changed;

    lock_acquire(window->lock);
    changed = display_update(shown_display(window));
    lock_release(window->lock);
    if (update_texture(window) || window->repaint) {
        paint(window);
    }
    if (events || changed) {
        window->last_change = now;
    }
    if (now - window->last_title >= TITLE_US) {
        update_title(window, now);
    }
    window->interval = next_interval(window, now);
}

static gboolean tick(gpointer data)
{
    struct sdl_window *window = data;
    unsigned before = window->interval;

    sdl_window_refresh(window);
    if (window->interval == before) {
        return G_SOURCE_CONTINUE;
    }
    window->timer = g_timeout_add(window->interval, tick, window);
    return G_SOURCE_REMOVE;
}

unsigned sdl_window_interval(const struct sdl_window *window)
{
    return window->interval;
}

static void set_error(GError **error, const char *what)
{
    g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                "cannot open a window: %s: %s; set DISPLAY or WAYLAND_DISPLAY, or use -nographic, "
                "-display curses or -display none",
                what, SDL_GetError());
}

static bool open_window(struct sdl_window *window, GError **error)
{
    const struct surface *surface = display_surface(window->guest);

    /* Ctrl-C in the terminal is main's affair; so is the host's screen saver. */
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
    if (SDL_InitSubSystem(SDL_INIT_VIDEO) != 0) {
        set_error(error, "no video driver");
        return false;
    }
    window->window = SDL_CreateWindow("vmm", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED,
                                      (int)surface->width, (int)surface->height,
                                      SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI);
    if (window->window != NULL) {
        window->renderer = SDL_CreateRenderer(window->window, -1, 0);
    }
    if (window->renderer == NULL) {
        set_error(error, window->window == NULL ? "no window" : "no renderer");
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
    window->guest = display;
    window->input = input;
    window->lock = lock;
    window->zoom = 100;
    if (!open_window(window, error)) {
        sdl_window_destroy(window);
        return NULL;
    }
    start_viewing(window);
    if (options->full_screen) {
        sdl_set_full_screen(window, true);
        sdl_grab(window, true);
    }
    window->last_change = g_get_monotonic_time();
    window->interval = INTERVAL_ACTIVE_MS;
    window->timer = g_timeout_add(window->interval, tick, window);
    return window;
}

void sdl_window_destroy(struct sdl_window *window)
{
    if (window == NULL) {
        return;
    }
    if (window->timer != 0) {
        g_source_remove(window->timer);
    }
    if (window->viewing) {
        lock_acquire(window->lock);
        display_viewer_finish(&window->viewer);
        lock_release(window->lock);
        input_release_all(window->input);
    }
    if (window->texture != NULL) {
        SDL_DestroyTexture(window->texture);
    }
    if (window->renderer != NULL) {
        SDL_DestroyRenderer(window->renderer);
    }
    if (window->window != NULL) {
        SDL_DestroyWindow(window->window);
    }
    if (SDL_WasInit(SDL_INIT_VIDEO) != 0) {
        SDL_QuitSubSystem(SDL_INIT_VIDEO);
    }
    g_free((char *)window->options.name);
    g_free(window->title);
    g_free(window);
}
