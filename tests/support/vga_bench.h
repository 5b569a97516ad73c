/*
 * A VGA on a test machine with a display, and the standard modes as the IBM reference gives them, for the tests
 * of hw/display.
 */
#ifndef TESTS_SUPPORT_VGA_BENCH_H
#define TESTS_SUPPORT_VGA_BENCH_H

#include "hw/display/vga.h"
#include "tests/support/test.h"
#include "ui/display.h"

struct vga_bench {
    struct machine *machine;
    struct vga *vga;
    struct display *display;
    struct display_viewer viewer;
};

/* Register values of a mode. crtc[9..] and so on in the order of the indices. */
struct vga_mode_table {
    const char *name;
    uint8_t misc;
    uint8_t seq[4]; /* 1-4 */
    uint8_t crtc[25];
    uint8_t attr[20];
    uint8_t gfx[9];
    unsigned width, height; /* of the picture on the screen */
};

enum vga_test_mode {
    MODE_1, MODE_3, MODE_7, MODE_4, MODE_6, MODE_D, MODE_E, MODE_10, MODE_12, MODE_13, MODE_X,
    MODE_TEST_COUNT
};
extern const struct vga_mode_table vga_mode_tables[MODE_TEST_COUNT];

struct vga_bench *vga_bench_create(void);
void vga_bench_destroy(struct vga_bench *bench);

void vga_out(struct vga_bench *bench, unsigned port, uint8_t value);
uint8_t vga_in(struct vga_bench *bench, unsigned port);
/* Through index and data port: 3C4, 3D4 (or 3B4 by the misc register) and 3CE. */
void vga_seq(struct vga_bench *bench, unsigned index, uint8_t value);
void vga_crtc(struct vga_bench *bench, unsigned index, uint8_t value);
void vga_gfx(struct vga_bench *bench, unsigned index, uint8_t value);
void vga_attr(struct vga_bench *bench, unsigned index, uint8_t value);
void vga_dispi(struct vga_bench *bench, unsigned index, uint16_t value);
uint16_t vga_dispi_in(struct vga_bench *bench, unsigned index);
/* A byte at a physical address. */
void vga_poke(struct vga_bench *bench, uint32_t address, uint8_t value);
uint8_t vga_peek(struct vga_bench *bench, uint32_t address);

/* Sets a mode, fills the DAC with colours that are all different, clears memory, switches the video on. */
void vga_set_mode(struct vga_bench *bench, enum vga_test_mode mode);
/* The colour that vga_set_mode() puts into the DAC. */
uint32_t vga_dac_colour(unsigned index);
/* The colour of a 4-bit pixel by the mode's attribute table. */
uint32_t vga_pixel_colour(enum vga_test_mode mode, unsigned pixel);

/* Updates the display and compares every pixel with fn(arg, x, y). */
typedef uint32_t vga_expect_fn(const void *arg, unsigned x, unsigned y);
void vga_expect(struct vga_bench *bench, unsigned width, unsigned height, vga_expect_fn *fn,
                const void *arg);

#endif
