/*
 * VGA with the Bochs "DISPI" extension for linear modes, as a part without a bus: registers, video memory
 * and picture. hw/display/vga_isa.c and vga_pci.c put it on a bus.
 *
 * Registers follow the IBM Video Subsystem Technical Reference (VGA); the DISPI ports follow the description
 * of the Bochs VBE interface up to revision B0C5.
 *
 * Memory is one block. Byte address a of plane p is at 4 * a + p of the block, so that the four planes of an
 * address form one 32-bit word. As on super-VGA chips chain-4 addresses run through the block in order
 * (CPU address a is byte a of the block), and doubleword addressing of the CRTC fits that; therefore the
 * window can be mapped as plain memory in the modes in which a store has no side effect.
 *
 * Not modelled: the vertical retrace interrupt, light pen, overscan border, the misc output page bit (bit 5),
 * blinking of graphics pixels, changes of registers in the middle of a frame.
 */
#ifndef HW_DISPLAY_VGA_H
#define HW_DISPLAY_VGA_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/bus.h"
#include "core/device.h"
#include "ui/display.h"

struct ram;

#define VGA_SEQ_COUNT 8
#define VGA_CRTC_COUNT 25
#define VGA_GFX_COUNT 9
#define VGA_ATTR_COUNT 21

#define VGA_WINDOW_BASE 0xa0000
#define VGA_WINDOW_SIZE 0x20000
#define VGA_PORTS_BASE 0x3b0
#define VGA_PORTS_SIZE 0x30
#define DISPI_PORTS_BASE 0x1ce
#define DISPI_PORTS_SIZE 4
#define VGA_MMIO_SIZE 0x1000

/* Indices of the DISPI registers. */
enum dispi_index {
    DISPI_ID,
    DISPI_XRES,
    DISPI_YRES,
    DISPI_BPP,
    DISPI_ENABLE,
    DISPI_BANK,
    DISPI_VIRT_WIDTH,
    DISPI_VIRT_HEIGHT,
    DISPI_X_OFFSET,
    DISPI_Y_OFFSET,
    DISPI_VIDEO_MEMORY_64K,
    DISPI_COUNT,
};

#define DISPI_ID_FIRST 0xb0c0
#define DISPI_ID_LAST 0xb0c5
#define DISPI_ENABLED 0x01
#define DISPI_GETCAPS 0x02
#define DISPI_8BIT_DAC 0x20
#define DISPI_LFB_ENABLED 0x40
#define DISPI_NOCLEARMEM 0x80

/* How the picture is made of memory, derived from the registers. */
enum vga_kind { VGA_BLANK, VGA_TEXT, VGA_PLANAR, VGA_CGA4, VGA_PIXEL8, VGA_LINEAR };

struct vga_mode {
    enum vga_kind kind;
    unsigned width, height;   /* of the surface, dots and scan lines */
    unsigned dot;             /* surface dots to a dot of the shift registers: 1 or 2 */
    unsigned char_width;      /* dots to a character clock: 8 or 9 */
    unsigned chars;           /* character clocks to a line */
    unsigned rows_lines;      /* scan lines to a row: maximum scan line + 1 */
    unsigned repeat;          /* 2 if lines are scanned twice, else 1 */
    unsigned line_compare;    /* scan line after which the address starts from 0 */
    uint32_t start;           /* address counter at the first line; byte address for VGA_LINEAR */
    uint32_t pitch;           /* added to it after each row; bytes for VGA_LINEAR */
    unsigned preset_row;      /* row scan counter at the first line */
    unsigned pan;             /* dots by which the picture is shifted to the left */
    bool pan_split_only;      /* the part below the split is not panned */
    unsigned bpp;             /* of VGA_LINEAR: 8, 15, 16, 24 or 32 */
    unsigned count_shift;     /* the counter advances every 1 << this character clocks */
    uint8_t addressing;       /* CRTC mode control: A13, A14, A15 and byte mode bits */
    bool doubleword;
    uint32_t word_mask;       /* of addresses in the planes */
};

/* Writes to the DAC while the beam was in the picture, of two frames; vga_raster.c. */
#define VGA_RASTER_WRITES 2048
struct vga_raster_write {
    uint16_t line; /* from which it shows */
    uint8_t index, rgb[3];
};
struct vga_raster {
    unsigned now; /* which of the two is being filled */
    uint64_t frame[2];
    unsigned count[2];
    struct vga_raster_write writes[2][VGA_RASTER_WRITES];
    uint8_t dac[2][768]; /* before the first of them */
    bool on;             /* the picture is drawn by the other one .. */
    unsigned next;       /* .. whose writes were made up to this one .. */
    uint8_t shown[768];  /* .. to this DAC */
};

struct vga {
    struct device *dev; /* the device that this is part of */
    struct machine *machine;

    /* Registers; saved. */
    uint8_t misc, feature, enable;
    uint8_t seq_index, seq[VGA_SEQ_COUNT];
    uint8_t crtc_index, crtc[VGA_CRTC_COUNT];
    uint8_t gfx_index, gfx[VGA_GFX_COUNT];
    uint8_t attr_index, attr[VGA_ATTR_COUNT];
    bool attr_data; /* the flip-flop: the next write to 3C0 is data */
    uint8_t dac_mask, dac_state, dac_read, dac_write, dac_sub, dac_latch[3];
    uint8_t dac[768];
    uint32_t latch; /* byte p = latch of plane p */
    uint16_t dispi_index;
    uint16_t dispi[DISPI_COUNT];
    struct ram *vram; /* owned; saved by the device's table */

    /* Offered to the board. */
    struct region ports;  /* 3B0-3DF */
    struct region window; /* A0000-BFFFF */
    struct region dispi_ports;
    struct region lfb;  /* all of the video memory */
    struct region mmio; /* 400-41F: ports 3C0-3DF; 500-515: DISPI registers */

    /* Derived. */
    struct bus *memory;                /* where the window is mapped; NULL before vga_connect() */
    struct mapping *maps[4];           /* window, mono ports, colour ports, DISPI ports */
    struct mapping *direct;            /* part of lfb over the window; NULL if not simple now */
    uint64_t direct_offset, direct_size;
    uint64_t direct_base;
    int priority;
    bool decode_io, decode_memory; /* by the bus: PCI command register */

    /* The picture; derived. */
    struct display *display; /* NULL while nobody looks; not owned */
    struct vga_mode mode;    /* as last drawn */
    bool redraw;             /* everything */
    bool font_changed;       /* plane 2 was written to */
    bool palette_changed;
    struct vga_raster raster;
    uint32_t colours[256];   /* DAC as x8r8g8b8, pixel mask applied */
    uint32_t palette[16];    /* attribute controller and DAC */
    uint64_t *dirty;         /* bitmap over the pages of vram: changed since the last drawing */
    uint32_t *cells;         /* what was drawn: character, attribute, cursor and blink of each cell */
    unsigned cell_count;
    uint32_t text_seen[3];   /* cursor, start address and blink phase of the last drawing */
};

/* Registers only: the device's own table has a FIELD_RAM(struct .., vga.vram) beside it. */
extern const struct field vga_fields[];

/* Makes memory of `megabytes` (a power of two, 1 to 256) and initialises the regions, which become known as
 * dev's. On failure vga_finish() must still be called. */
bool vga_init(struct vga *vga, struct device *dev, uint64_t megabytes, GError **error);
void vga_finish(struct vga *vga);
void vga_reset(struct vga *vga);
void vga_drive(struct vga *vga);
void vga_loaded(struct vga *vga);

/* Maps the legacy window and the ports. The window's RAM goes on top of it with the same priority: system
 * management RAM needs a higher one. */
void vga_connect(struct vga *vga, struct bus *memory, struct bus *io, int priority);
/* What the PCI command register allows of the legacy addresses. */
void vga_set_decode(struct vga *vga, bool io, bool memory);
/* Shows the picture there; NULL detaches. */
void vga_attach_display(struct vga *vga, struct display *display);

#endif
