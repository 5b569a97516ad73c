/* ui/screendump.c */
#include "tests/support/test.h"

#include <glib/gstdio.h>
#include <png.h>
#include <string.h>

#include "ui/display.h"
#include "ui/screendump.h"

static struct surface *make_picture(void)
{
    struct surface *surface = surface_create(5, 3);

    for (unsigned y = 0; y < 3; y++) {
        for (unsigned x = 0; x < 5; x++) {
            surface_line(surface, y)[x] = 0xff000000u | (x * 50) << 16 | (y * 100) << 8 | (x + y);
        }
    }
    return surface;
}

static void check_rgb(const uint8_t *rgb)
{
    for (unsigned i = 0; i < 15; i++) {
        g_assert_cmpuint(rgb[3 * i], ==, i % 5 * 50);
        g_assert_cmpuint(rgb[3 * i + 1], ==, i / 5 * 100);
        g_assert_cmpuint(rgb[3 * i + 2], ==, i % 5 + i / 5);
    }
}

static char *temporary_name(const char *suffix)
{
    char *directory = g_dir_make_tmp("screendump-XXXXXX", NULL);
    char *path = g_strdup_printf("%s/picture%s", directory, suffix);

    g_free(directory);
    return path;
}

static void remove_temporary(char *path)
{
    char *directory = g_path_get_dirname(path);

    g_unlink(path);
    g_rmdir(directory);
    g_free(directory);
    g_free(path);
}

static void test_ppm(void)
{
    struct surface *surface = make_picture();
    char *path = temporary_name("");
    GError *error = NULL;
    char *data;
    gsize size;

    g_assert_true(screendump_save(surface, path, NULL, &error));
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    g_assert_cmpuint(size, ==, 11 + 45);
    g_assert_cmpint(memcmp(data, "P6\n5 3\n255\n", 11), ==, 0);
    check_rgb((uint8_t *)data + 11);
    g_free(data);
    remove_temporary(path);
    surface_unref(surface);
}

static void test_png(void)
{
    struct surface *surface = make_picture();
    char *path = temporary_name(".png");
    GError *error = NULL;
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint8_t rgb[45];

    g_assert_true(screendump_save(surface, path, NULL, &error));
    g_assert_true(png_image_begin_read_from_file(&image, path));
    g_assert_cmpuint(image.width, ==, 5);
    g_assert_cmpuint(image.height, ==, 3);
    image.format = PNG_FORMAT_RGB;
    g_assert_true(png_image_finish_read(&image, NULL, rgb, 0, NULL));
    check_rgb(rgb);
    remove_temporary(path);
    surface_unref(surface);
}

static void test_errors(void)
{
    struct surface *surface = make_picture();
    GError *error = NULL;

    g_assert_false(screendump_save(surface, "/nonexistent/x.ppm", NULL, &error));
    g_assert_nonnull(strstr(error->message, "/nonexistent/x.ppm"));
    g_clear_error(&error);
    g_assert_false(screendump_save(surface, "x.gif", "gif", &error));
    g_assert_cmpstr(error->message, ==, "invalid parameter: gif (use ppm or png)");
    g_clear_error(&error);
    for (unsigned format = SCREENDUMP_PPM; format <= SCREENDUMP_PNG; format++) {
        FILE *full = fopen("/dev/full", "wb");

        if (full != NULL) {
            g_assert_false(screendump_write(surface, format, full, &error));
            g_assert_nonnull(error);
            g_clear_error(&error);
            fclose(full);
        }
    }
    surface_unref(surface);
}

static void test_display(void)
{
    struct display *display = display_create();
    struct machine_lock lock;
    char *path = temporary_name(".ppm");
    GError *error = NULL;

    lock_init(&lock);
    g_assert_true(screendump_display(display, &lock, path, "ppm", &error));
    lock_finish(&lock);
    remove_temporary(path);
    display_destroy(display);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/screendump/ppm", test_ppm);
    g_test_add_func("/screendump/png", test_png);
    g_test_add_func("/screendump/errors", test_errors);
    g_test_add_func("/screendump/display", test_display);
    return g_test_run();
}
