/*
 * Messages in the window: how to leave the grab, and the question before a running guest is closed. They are
 * drawn with the font of the text consoles, half transparent, over the picture.
 */
#include <string.h>

#include "ui/sdl_impl.h"

#define CELL_WIDTH 8
#define CELL_HEIGHT 16
#define MARGIN 12
#define INK 0xffffffffu
#define PAPER 0xd0101828u /* alpha, premultiplied red, green, blue */
#define LINES_MAX 8

static void draw_character(uint32_t *pixels, int stride, const uint8_t *glyph, unsigned scale)
{
    for (unsigned y = 0; y < CELL_HEIGHT * scale; y++) {
        for (unsigned x = 0; x < CELL_WIDTH * scale; x++) {
            if ((glyph[y / scale] >> (7 - x / scale) & 1) != 0) {
                pixels[(size_t)y * (unsigned)stride + x] = INK;
            }
        }
    }
}

/* Messages are to be readable on dense screens, too. */
static unsigned text_scale(const struct sdl_window *window)
{
    int width, height;

    SDL_GetWindowSizeInPixels(window->window, &width, &height);
    return width >= 2000 ? 2 : 1;
}

static void make_panel(struct sdl_window *window, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", LINES_MAX);
    unsigned scale = text_scale(window), rows = g_strv_length(lines), columns = 1;
    struct sdl_panel *panel = &window->panel;
    uint32_t *pixels;
    int stride;

    sdl_panel_hide(window);
    if (window->options.font == NULL) {
        return;
    }
    for (unsigned i = 0; i < rows; i++) {
        columns = MAX(columns, (unsigned)strlen(lines[i]));
    }
    panel->width = (int)(columns * CELL_WIDTH * scale) + 2 * MARGIN;
    panel->height = (int)(rows * CELL_HEIGHT * scale) + 2 * MARGIN;
    panel->image = pixman_image_create_bits(PIXMAN_a8r8g8b8, panel->width, panel->height, NULL, 0);
    pixels = pixman_image_get_data(panel->image);
    stride = pixman_image_get_stride(panel->image) / (int)sizeof(uint32_t);
    for (int i = 0; i < stride * panel->height; i++) {
        pixels[i] = PAPER;
    }
    for (unsigned row = 0; row < rows; row++) {
        /* Lines are centred. */
        size_t indent = (columns - strlen(lines[row])) * CELL_WIDTH * scale / 2;

        for (unsigned i = 0; lines[row][i] != '\0'; i++) {
            draw_character(pixels + (size_t)(MARGIN + row * CELL_HEIGHT * scale) * (unsigned)stride + MARGIN +
                               indent + i * CELL_WIDTH * scale,
                           stride, window->options.font + (uint8_t)lines[row][i] * CELL_HEIGHT, scale);
        }
    }
    window->repaint = true;
}

void sdl_panel_show(struct sdl_window *window, const char *text, unsigned seconds)
{
    if (window->panel.question) {
        return;
    }
    make_panel(window, text);
    window->panel.until = seconds != 0 ? g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC : 0;
}

void sdl_panel_ask(struct sdl_window *window)
{
    make_panel(window, "The guest is running.\nClose the window and end it?\n\n  Y: yes          N: no  ");
    window->panel.question = true;
}

void sdl_panel_hide(struct sdl_window *window)
{
    if (window->panel.image != NULL) {
        pixman_image_unref(window->panel.image);
        window->repaint = true;
    }
    memset(&window->panel, 0, sizeof(window->panel));
}

void sdl_panel_tick(struct sdl_window *window, gint64 now)
{
    if (window->panel.until != 0 && now >= window->panel.until) {
        sdl_panel_hide(window);
    }
}

void sdl_panel_paint(struct sdl_window *window, pixman_image_t *target)
{
    struct sdl_panel *panel = &window->panel;
    int width = window->painter.width, height = window->painter.height;

    if (panel->image == NULL) {
        return;
    }
    panel->place = (SDL_Rect){(width - panel->width) / 2,
                              panel->question ? (height - panel->height) / 2 : MIN(24, height / 20),
                              panel->width, panel->height};
    pixman_image_composite32(PIXMAN_OP_OVER, panel->image, NULL, target, 0, 0, 0, 0, panel->place.x,
                             panel->place.y, panel->width, panel->height);
}

static void answer(struct sdl_window *window, bool yes)
{
    sdl_panel_hide(window);
    if (yes && window->options.close != NULL) {
        window->options.close(window->options.arg);
    }
}

bool sdl_panel_event(struct sdl_window *window, const SDL_Event *event)
{
    const struct sdl_panel *panel = &window->panel;
    int x, y;

    if (!panel->question) {
        return false;
    }
    switch (event->type) {
    case SDL_KEYDOWN: {
        enum key_code key = sdl_keymap(event->key.keysym.scancode);
        bool yes = event->key.keysym.sym == SDLK_y || key == KEY_RET || key == KEY_KP_ENTER;

        if (yes || event->key.keysym.sym == SDLK_n || key == KEY_ESC) {
            answer(window, yes);
        }
        return true;
    }
    case SDL_MOUSEBUTTONDOWN:
        sdl_pixel_position(window, event->button.x, event->button.y, &x, &y);
        if (SDL_PointInRect(&(SDL_Point){x, y}, &panel->place)) {
            answer(window, x < panel->place.x + panel->place.w / 2);
        }
        return true;
    case SDL_KEYUP:
    case SDL_TEXTINPUT:
    case SDL_MOUSEBUTTONUP:
    case SDL_MOUSEMOTION:
    case SDL_MOUSEWHEEL:
        return true;
    default:
        return false;
    }
}
