/*
 * Screen dumps. See screendump.h. PPM after the Netpbm format description, PNG by libpng.
 */
#include "ui/screendump.h"

#include <errno.h>
#include <png.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/lock.h"
#include "ui/display.h"

static void set_errno_error(GError **error)
{
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s", g_strerror(errno));
}

bool screendump_parse_format(const char *name, enum screendump_format *format)
{
    if (g_ascii_strcasecmp(name, "ppm") == 0) {
        *format = SCREENDUMP_PPM;
        return true;
    }
    if (g_ascii_strcasecmp(name, "png") == 0) {
        *format = SCREENDUMP_PNG;
        return true;
    }
    return false;
}

/* Line y as bytes red, green, blue. */
static void line_to_rgb(const struct surface *surface, unsigned y, uint8_t *rgb)
{
    const uint32_t *pixels = surface_line(surface, y);

    for (unsigned x = 0; x < surface->width; x++) {
        rgb[3 * x] = (uint8_t)(pixels[x] >> 16);
        rgb[3 * x + 1] = (uint8_t)(pixels[x] >> 8);
        rgb[3 * x + 2] = (uint8_t)pixels[x];
    }
}

static bool write_ppm(const struct surface *surface, FILE *stream, GError **error)
{
    uint8_t *rgb = g_malloc((size_t)surface->width * 3);
    bool ok = fprintf(stream, "P6\n%u %u\n255\n", surface->width, surface->height) > 0;

    for (unsigned y = 0; ok && y < surface->height; y++) {
        line_to_rgb(surface, y, rgb);
        ok = fwrite(rgb, 3, surface->width, stream) == surface->width;
    }
    if (!ok) {
        set_errno_error(error);
    }
    g_free(rgb);
    return ok;
}

static void png_failed(png_structp png, png_const_charp message)
{
    GError **error = png_get_error_ptr(png);

    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "PNG: %s", message);
    png_longjmp(png, 1);
}

static void png_warned(png_structp png, png_const_charp message)
{
}

static bool write_png(const struct surface *surface, FILE *stream, GError **error)
{
    uint8_t *rgb = g_malloc((size_t)surface->width * 3);
    GError *local = NULL;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &local, png_failed, png_warned);
    png_infop info = png != NULL ? png_create_info_struct(png) : NULL;
    volatile bool ok = false;

    if (info == NULL) {
        g_set_error(&local, G_FILE_ERROR, G_FILE_ERROR_NOMEM, "PNG: out of memory");
    } else if (setjmp(png_jmpbuf(png)) == 0) {
        png_init_io(png, stream);
        /* A screen is mostly flat: the fastest level already takes it to a few per cent. */
        png_set_compression_level(png, 1);
        png_set_IHDR(png, info, surface->width, surface->height, 8, PNG_COLOR_TYPE_RGB,
                     PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
        png_write_info(png, info);
        for (unsigned y = 0; y < surface->height; y++) {
            line_to_rgb(surface, y, rgb);
            png_write_row(png, rgb);
        }
        png_write_end(png, info);
        ok = true;
    }
    png_destroy_write_struct(&png, &info);
    g_free(rgb);
    if (!ok) {
        g_propagate_error(error, local);
    }
    return ok;
}

bool screendump_write(const struct surface *surface, enum screendump_format format, FILE *stream,
                      GError **error)
{
    bool ok = format == SCREENDUMP_PNG ? write_png(surface, stream, error)
                                       : write_ppm(surface, stream, error);

    if (ok && fflush(stream) != 0) {
        set_errno_error(error);
        ok = false;
    }
    return ok;
}

bool screendump_save(const struct surface *surface, const char *path, const char *format_name,
                     GError **error)
{
    enum screendump_format format = SCREENDUMP_PPM;
    FILE *stream;
    struct stat status;
    bool ok, regular;

    if (format_name == NULL) {
        format = g_str_has_suffix(path, ".png") ? SCREENDUMP_PNG : SCREENDUMP_PPM;
    } else if (!screendump_parse_format(format_name, &format)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "invalid parameter: %s (use ppm or png)", format_name);
        return false;
    }
    stream = fopen(path, "wb");
    if (stream == NULL) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "Could not open '%s': %s",
                    path, g_strerror(errno));
        return false;
    }
    regular = fstat(fileno(stream), &status) == 0 && S_ISREG(status.st_mode);
    ok = screendump_write(surface, format, stream, error);
    if (fclose(stream) != 0 && ok) {
        set_errno_error(error);
        ok = false;
    }
    if (!ok) {
        /* Never a device. */
        if (regular) {
            unlink(path);
        }
        g_prefix_error(error, "Could not write '%s': ", path);
    }
    return ok;
}

bool screendump_display(struct display *display, struct machine_lock *lock, const char *path,
                        const char *format_name, GError **error)
{
    struct surface *surface;
    bool ok;

    lock_acquire(lock);
    if (display_update(display)) {
        display_wake(display);
    }
    surface = surface_ref(display_surface(display));
    lock_release(lock);
    ok = screendump_save(surface, path, format_name, error);
    surface_unref(surface);
    return ok;
}
