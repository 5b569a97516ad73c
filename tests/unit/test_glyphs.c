/* Text drawn with a font is read back: anywhere on the picture, in any two colours; a picture without text says so. */
#include "ui/glyphs.h"

#include <string.h>

#include "tests/support/test.h"
#include "ui/display.h"

enum { ROM_SIZE = 0x4000, FONT_AT = 0x1230, CODES = 256, HEIGHT = 16 };

/* A made-up font behind other bytes; only the letter A must be the real one. */
static void make_rom(uint8_t *rom)
{
    static const uint8_t letter_a[HEIGHT] = { 0, 0, 0x10, 0x38, 0x6c, 0xc6, 0xc6, 0xfe, 0xc6, 0xc6, 0xc6, 0xc6 };
    memset(rom, 0x5a, ROM_SIZE);
    for (unsigned code = 0; code < CODES; code++) {
        for (unsigned row = 0; row < HEIGHT; row++) {
            rom[FONT_AT + code * HEIGHT + row] = row == 7 || row == 9 ? (uint8_t)(code * (row + 4)) | 2 : 0;
        }
    }
    memset(rom + FONT_AT + ' ' * HEIGHT, 0, HEIGHT);
    memcpy(rom + FONT_AT + 'A' * HEIGHT, letter_a, HEIGHT);
}

static void draw(struct surface *surface, const uint8_t *rom, unsigned x, unsigned y, const char *text,
                 uint32_t ink, uint32_t paper)
{
    for (; *text != '\0'; text++, x += 8) {
        for (unsigned row = 0; row < HEIGHT; row++) {
            uint8_t bits = rom[FONT_AT + (uint8_t)*text * HEIGHT + row];
            for (unsigned column = 0; column < 8; column++) {
                surface_line(surface, y + row)[x + column] = bits << column & 0x80 ? ink : paper;
            }
        }
    }
}

static void test_read(void)
{
    uint8_t rom[ROM_SIZE];
    make_rom(rom);
    struct glyphs *glyphs = glyphs_create(rom, sizeof(rom));
    g_assert_nonnull(glyphs);
    for (unsigned shift = 0; shift < 8; shift += 5) {
        struct surface *surface = surface_create(320, 200);
        struct text_screen screen;
        draw(surface, rom, 16 + shift, 32 + shift, "BALALAIKA", 0xffffff, 0);
        draw(surface, rom, 24 + shift, 64 + shift, "login: A", 0x10, 0xaa5500);
        g_assert_true(glyphs_read(glyphs, surface, &screen));
        enum { ABOVE = 2 }; /* rows of the grid before the first line */
        g_autofree char *first = text_screen_line(&screen, ABOVE);
        g_autofree char *second = text_screen_line(&screen, ABOVE + 2);
        g_assert_cmpstr(first, ==, "  BALALAIKA");
        g_assert_cmpstr(second, ==, "   login: A");
        text_screen_clear(&screen);
        surface_unref(surface);
    }
    glyphs_destroy(glyphs);
}

static void test_nothing(void)
{
    uint8_t rom[ROM_SIZE];
    struct text_screen screen;
    make_rom(rom);
    struct glyphs *glyphs = glyphs_create(rom, sizeof(rom));
    struct surface *surface = surface_create(64, 48), *tiny = surface_create(8, 8);
    g_assert_false(glyphs_read(glyphs, surface, &screen));
    surface_fill(surface, 3, 3, 40, 30, 0xff00ff);
    g_assert_false(glyphs_read(glyphs, surface, &screen));
    g_assert_false(glyphs_read(glyphs, tiny, &screen));
    surface_unref(surface);
    surface_unref(tiny);
    glyphs_destroy(glyphs);
    memset(rom + FONT_AT, 0, sizeof(rom) - FONT_AT);
    g_assert_null(glyphs_create(rom, sizeof(rom)));
    g_assert_null(glyphs_create(rom, 10));
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/glyphs/read", test_read);
    g_test_add_func("/glyphs/nothing", test_nothing);
    return g_test_run();
}
