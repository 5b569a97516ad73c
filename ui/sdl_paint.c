/*
 * The window's pixels: the picture, scaled; black around it; selected text; messages.
 *
 * Everything is drawn by the CPU, with pixman, into the surface that SDL shares with the display server, and only
 * inside the region that changed: at natural size a changed line costs one copy here and one in the server. No
 * graphics driver is loaded and nothing waits for the screen's refresh.
 */
#include "ui/sdl_impl.h"

/* Many small rectangles cost more than one large one. */
#define RECTANGLES_MAX 64

void sdl_painter_finish(struct sdl_painter *painter)
{
    if (painter->image != NULL) {
        pixman_image_unref(painter->image);
    }
    if (painter->source != NULL) {
        pixman_image_unref(painter->source);
    }
    surface_unref(painter->surface);
    if (painter->shadow != NULL) {
        SDL_FreeSurface(painter->shadow);
    }
    *painter = (struct sdl_painter){0};
}

static void set_picture_scale(struct sdl_window *window)
{
    pixman_image_t *source = window->painter.source;
    SDL_Rect *picture = &window->picture;
    pixman_transform_t scale;
    bool whole = picture->w % (int)window->width == 0 && picture->h % (int)window->height == 0;

    if (source == NULL) {
        return;
    }
    if (picture->w == (int)window->width && picture->h == (int)window->height) {
        pixman_image_set_transform(source, NULL);
        return;
    }
    pixman_transform_init_scale(
        &scale, (pixman_fixed_t)(((int64_t)window->width << 16) / picture->w),
        (pixman_fixed_t)(((int64_t)window->height << 16) / picture->h));
    pixman_image_set_transform(source, &scale);
    pixman_image_set_filter(source, whole ? PIXMAN_FILTER_NEAREST : PIXMAN_FILTER_BILINEAR, NULL, 0);
    pixman_image_set_repeat(source, PIXMAN_REPEAT_PAD);
}

/* The size of the picture in a window of this size. */
static void scale_picture(const struct sdl_window *window, int width, int height, SDL_Rect *picture)
{
    int64_t w = window->width, h = window->height;
    int64_t times = MIN(width / w, height / h);

    if (window->console.resize != NULL) {
        /* Consoles have as many characters as fit. */
        picture->w = (int)(w * window->zoom / 100);
        picture->h = (int)(h * window->zoom / 100);
    } else if (window->scaling == SDL_SCALING_INTEGER && times >= 1) {
        picture->w = (int)(w * times);
        picture->h = (int)(h * times);
    } else if (width * h <= height * w) {
        picture->w = width;
        picture->h = (int)MAX(width * h / w, 1);
    } else {
        picture->h = height;
        picture->w = (int)MAX(height * w / h, 1);
    }
}

void sdl_place_picture(struct sdl_window *window)
{
    int width = 1, height = 1;
    SDL_Rect *picture = &window->picture;

    if (window->width == 0) {
        return;
    }
    SDL_GetWindowSizeInPixels(window->window, &width, &height);
    scale_picture(window, width, height, picture);
    picture->x = (width - picture->w) / 2;
    picture->y = (height - picture->h) / 2;
    set_picture_scale(window);
    window->repaint = true;
}

void sdl_pixel_position(const struct sdl_window *window, int x, int y, int *pixel_x, int *pixel_y)
{
    int width = 1, height = 1, pixel_width = 1, pixel_height = 1;

    SDL_GetWindowSize(window->window, &width, &height);
    SDL_GetWindowSizeInPixels(window->window, &pixel_width, &pixel_height);
    *pixel_x = (int)((int64_t)x * pixel_width / MAX(width, 1));
    *pixel_y = (int)((int64_t)y * pixel_height / MAX(height, 1));
}

static int scale_down(int pixel, int start, int shown, unsigned size)
{
    int64_t inside = (int64_t)(pixel - start) * size;

    /* Rounds down on both sides of 0. */
    return shown > 0 ? (int)(inside >= 0 ? inside / shown : -((-inside + shown - 1) / shown)) : 0;
}

void sdl_picture_position(const struct sdl_window *window, int x, int y, int *column, int *row)
{
    int pixel_x, pixel_y;

    sdl_pixel_position(window, x, y, &pixel_x, &pixel_y);
    *column = scale_down(pixel_x, window->picture.x, window->picture.w, window->width);
    *row = scale_down(pixel_y, window->picture.y, window->picture.h, window->height);
}

/* The picture to paint from. */
static void take_source(struct sdl_window *window)
{
    struct sdl_painter *painter = &window->painter;
    struct surface *surface = display_surface(sdl_shown_display(window));

    if (painter->surface == surface) {
        return;
    }
    if (painter->source != NULL) {
        pixman_image_unref(painter->source);
    }
    surface_unref(painter->surface);
    painter->surface = surface_ref(surface);
    painter->source = pixman_image_create_bits(PIXMAN_x8r8g8b8, (int)surface->width, (int)surface->height,
                                               surface->pixels, (int)(surface->stride * sizeof(uint32_t)));
    set_picture_scale(window);
    window->repaint = true;
}

/* The surface to paint on: pixman knows the format that nearly every display has, others go through a copy. */
static bool take_target(struct sdl_window *window)
{
    struct sdl_painter *painter = &window->painter;
    SDL_Surface *surface = SDL_GetWindowSurface(window->window);
    Uint32 format;

    if (surface == NULL || surface->w < 1 || surface->h < 1) {
        return false;
    }
    if (painter->image != NULL && painter->seen == surface && painter->width == surface->w &&
        painter->height == surface->h) {
        return true;
    }
    format = surface->format->format;
    painter->seen = painter->target = surface;
    painter->width = surface->w;
    painter->height = surface->h;
    if (painter->shadow != NULL) {
        SDL_FreeSurface(painter->shadow);
        painter->shadow = NULL;
    }
    if (format != SDL_PIXELFORMAT_RGB888 && format != SDL_PIXELFORMAT_ARGB8888) {
        painter->shadow = painter->target =
            SDL_CreateRGBSurfaceWithFormat(0, surface->w, surface->h, 32, SDL_PIXELFORMAT_RGB888);
    }
    if (painter->image != NULL) {
        pixman_image_unref(painter->image);
    }
    painter->image = painter->target == NULL
                         ? NULL
                         : pixman_image_create_bits(PIXMAN_x8r8g8b8, surface->w, surface->h,
                                                    painter->target->pixels, painter->target->pitch);
    sdl_place_picture(window);
    return painter->image != NULL;
}

/* Adds where pixels of the picture show in the window. */
static void add_box(const struct sdl_window *window, pixman_region32_t *region, const pixman_box32_t *box)
{
    const SDL_Rect *picture = &window->picture;
    int64_t w = window->width, h = window->height;
    bool scaled = picture->w != w || picture->h != h;
    /* Smooth scaling lets a pixel bleed into its neighbours. */
    int edge = scaled ? 1 : 0;
    int x1 = (int)(box->x1 * picture->w / w) - edge, y1 = (int)(box->y1 * picture->h / h) - edge;
    int x2 = (int)((box->x2 * picture->w + w - 1) / w) + edge;
    int y2 = (int)((box->y2 * picture->h + h - 1) / h) + edge;

    if (scaled) {
        edge = (int)MAX(picture->w / w, picture->h / h);
        x1 -= edge;
        y1 -= edge;
        x2 += edge;
        y2 += edge;
    }
    x1 = MAX(x1, 0);
    y1 = MAX(y1, 0);
    x2 = MIN(x2, picture->w);
    y2 = MIN(y2, picture->h);
    if (x1 < x2 && y1 < y2) {
        pixman_region32_union_rect(region, region, picture->x + x1, picture->y + y1, (unsigned)(x2 - x1),
                                   (unsigned)(y2 - y1));
    }
}

/* What is to be painted, in pixels of the window. */
static void find_region(struct sdl_window *window, pixman_region32_t *region)
{
    pixman_region32_t *damage = &window->viewer.damage;
    const pixman_box32_t *boxes;
    int count;

    if (window->repaint) {
        pixman_region32_union_rect(region, region, 0, 0, (unsigned)window->painter.width,
                                   (unsigned)window->painter.height);
        return;
    }
    boxes = pixman_region32_rectangles(damage, &count);
    if (count > RECTANGLES_MAX) {
        boxes = pixman_region32_extents(damage);
        count = 1;
    }
    for (int i = 0; i < count; i++) {
        add_box(window, region, &boxes[i]);
    }
    pixman_region32_intersect_rect(region, region, 0, 0, (unsigned)window->painter.width,
                                   (unsigned)window->painter.height);
}

static void fill_border(struct sdl_window *window)
{
    struct sdl_painter *painter = &window->painter;
    const SDL_Rect *p = &window->picture;
    static const pixman_color_t black = {0, 0, 0, 0xffff};
    pixman_rectangle16_t sides[4];
    int right = p->x + p->w, bottom = p->y + p->h;

    if (p->x <= 0 && p->y <= 0 && right >= painter->width && bottom >= painter->height) {
        return;
    }
    sides[0] = (pixman_rectangle16_t){0, 0, (uint16_t)painter->width, (uint16_t)MAX(p->y, 0)};
    sides[1] = (pixman_rectangle16_t){0, (int16_t)bottom, (uint16_t)painter->width,
                                      (uint16_t)MAX(painter->height - bottom, 0)};
    sides[2] = (pixman_rectangle16_t){0, 0, (uint16_t)MAX(p->x, 0), (uint16_t)painter->height};
    sides[3] = (pixman_rectangle16_t){(int16_t)right, 0, (uint16_t)MAX(painter->width - right, 0),
                                      (uint16_t)painter->height};
    pixman_image_fill_rectangles(PIXMAN_OP_SRC, painter->image, &black, 4, sides);
}

/* Hands the rectangles to the display server. */
static void show(struct sdl_window *window, pixman_region32_t *region)
{
    SDL_Rect rects[RECTANGLES_MAX];
    int count;
    const pixman_box32_t *boxes = pixman_region32_rectangles(region, &count);

    if (count > RECTANGLES_MAX) {
        boxes = pixman_region32_extents(region);
        count = 1;
    }
    for (int i = 0; i < count; i++) {
        rects[i] = (SDL_Rect){boxes[i].x1, boxes[i].y1, boxes[i].x2 - boxes[i].x1, boxes[i].y2 - boxes[i].y1};
        if (window->painter.shadow != NULL) {
            SDL_Rect place = rects[i];

            SDL_BlitSurface(window->painter.shadow, &rects[i], window->painter.seen, &place);
        }
    }
    SDL_UpdateWindowSurfaceRects(window->window, rects, count);
}

bool sdl_paint(struct sdl_window *window)
{
    struct sdl_painter *painter = &window->painter;
    const SDL_Rect *picture = &window->picture;
    pixman_region32_t region;

    if (!window->repaint && !pixman_region32_not_empty(&window->viewer.damage)) {
        return false;
    }
    if (window->width == 0 || !take_target(window)) {
        return false;
    }
    take_source(window);
    pixman_region32_init(&region);
    find_region(window, &region);
    if (pixman_region32_not_empty(&region)) {
        pixman_image_set_clip_region32(painter->image, &region);
        fill_border(window);
        pixman_image_composite32(PIXMAN_OP_SRC, painter->source, NULL, painter->image, 0, 0, 0, 0, picture->x,
                                 picture->y, picture->w, picture->h);
        sdl_select_paint(window, painter->image);
        sdl_panel_paint(window, painter->image);
        show(window, &region);
    }
    pixman_region32_fini(&region);
    display_viewer_taken(&window->viewer);
    window->repaint = false;
    return true;
}
