/*
 * Between the files of the VGA.
 */
#ifndef HW_DISPLAY_VGA_IMPL_H
#define HW_DISPLAY_VGA_IMPL_H

#include "core/machine.h"
#include "core/ram.h"
#include "hw/display/vga.h"

/* Miscellaneous output */
#define MISC_COLOUR 0x01
#define MISC_RAM_ENABLE 0x02
#define MISC_CLOCK_SHIFT 2

/* Sequencer */
#define SEQ_CLOCKING_MODE 1
#define SEQ_8_DOT 0x01
#define SEQ_HALF_CLOCK 0x08
#define SEQ_SCREEN_OFF 0x20
#define SEQ_MAP_MASK 2
#define SEQ_FONT_SELECT 3
#define SEQ_MEMORY_MODE 4
#define SEQ_EXTENDED_MEMORY 0x02
#define SEQ_ODD_EVEN_OFF 0x04
#define SEQ_CHAIN4 0x08

/* CRT controller */
#define CRTC_H_TOTAL 0x00
#define CRTC_H_DISPLAY_END 0x01
#define CRTC_H_BLANK_START 0x02
#define CRTC_V_TOTAL 0x06
#define CRTC_OVERFLOW 0x07
#define CRTC_PRESET_ROW_SCAN 0x08
#define CRTC_MAX_SCAN_LINE 0x09
#define CRTC_CURSOR_START 0x0a
#define CRTC_CURSOR_OFF 0x20
#define CRTC_CURSOR_END 0x0b
#define CRTC_START_HIGH 0x0c
#define CRTC_START_LOW 0x0d
#define CRTC_CURSOR_HIGH 0x0e
#define CRTC_CURSOR_LOW 0x0f
#define CRTC_V_RETRACE_START 0x10
#define CRTC_V_RETRACE_END 0x11
#define CRTC_PROTECT 0x80
#define CRTC_V_DISPLAY_END 0x12
#define CRTC_OFFSET 0x13
#define CRTC_UNDERLINE 0x14
#define CRTC_COUNT_BY_4 0x20
#define CRTC_DOUBLEWORD 0x40
#define CRTC_MODE 0x17
#define CRTC_MODE_A13 0x01
#define CRTC_MODE_A14 0x02
#define CRTC_MODE_LINES_X2 0x04
#define CRTC_MODE_COUNT_BY_2 0x08
#define CRTC_MODE_A15 0x20
#define CRTC_MODE_BYTE 0x40
#define CRTC_MODE_RUN 0x80
#define CRTC_LINE_COMPARE 0x18

/* Graphics controller */
#define GFX_SET_RESET 0
#define GFX_SET_RESET_ENABLE 1
#define GFX_COLOUR_COMPARE 2
#define GFX_ROTATE 3
#define GFX_READ_MAP 4
#define GFX_MODE 5
#define GFX_MODE_READ_COMPARE 0x08
#define GFX_MODE_ODD_EVEN 0x10
#define GFX_MODE_SHIFT_CGA 0x20
#define GFX_MODE_SHIFT_256 0x40
#define GFX_MISC 6
#define GFX_MISC_GRAPHICS 0x01
#define GFX_MISC_CHAIN_ODD_EVEN 0x02
#define GFX_COLOUR_CARE 7
#define GFX_BIT_MASK 8

/* Attribute controller */
#define ATTR_INDEX_VIDEO_ON 0x20
#define ATTR_MODE 0x10
#define ATTR_MODE_LINE_GRAPHICS 0x04
#define ATTR_MODE_BLINK 0x08
#define ATTR_MODE_PAN_SPLIT 0x20
#define ATTR_MODE_P54 0x80
#define ATTR_PLANE_ENABLE 0x12
#define ATTR_PANNING 0x13
#define ATTR_COLOUR_SELECT 0x14

/* Larger pictures than these cannot be set by DISPI; within SURFACE_MAX_*. */
#define DISPI_MAX_XRES 8192
#define DISPI_MAX_YRES 8192

/* A byte with bit p set becomes a word with byte p = ff. */
static inline uint32_t vga_planes(unsigned bits)
{
    return ((bits & 1) * 0xffu) | (((bits >> 1) & 1) * 0xff00u) | (((bits >> 2) & 1) * 0xff0000u) |
           (((bits >> 3) & 1) * 0xff000000u);
}

/* True if a DISPI mode is on. */
static inline bool dispi_on(const struct vga *vga)
{
    return (vga->dispi[DISPI_ENABLE] & DISPI_ENABLED) != 0;
}

/* Which part of the window is decoded; a DISPI mode has its bank at A0000 whatever the register says. */
static inline unsigned vga_window_select(const struct vga *vga)
{
    return dispi_on(vga) ? 1 : (vga->gfx[GFX_MISC] >> 2) & 3;
}

/* vga_regs.c: port 3B0 + offset. */
extern const struct region_ops vga_ports_ops;
uint8_t vga_port_read(struct vga *vga, unsigned port);
void vga_port_write(struct vga *vga, unsigned port, uint8_t value);

/* vga_memory.c: the window at A0000. */
extern const struct region_ops vga_window_ops;
/* True if stores to the window are plain stores to vram from *offset on; *base, *size: which part of the
 * window that is about. */
bool vga_window_is_plain(const struct vga *vga, uint64_t *offset, uint64_t *base, uint64_t *size);

/* vbe.c */
extern const struct region_ops dispi_ports_ops;
void dispi_reset(struct vga *vga);
/* After a load: a mode that cannot be is switched off. */
void dispi_loaded(struct vga *vga);
uint16_t dispi_read(struct vga *vga, unsigned index);
void dispi_write(struct vga *vga, unsigned index, uint16_t value);
/* True if a DISPI mode of 8 or more bits a pixel is on: the window is a bank of linear memory. */
bool dispi_linear(const struct vga *vga);
/* The mode described for the drawing part; dispi_on() is true. */
void dispi_mode(const struct vga *vga, struct vga_mode *mode);
/* Byte address in vram of the bank in the window. */
uint64_t dispi_bank_offset(const struct vga *vga);
/* Converts one line that starts at byte `address` of vram. */
void dispi_draw_line(const struct vga *vga, uint32_t address, uint32_t *pixels);
/* Bytes of vram that a line of the mode shows. */
uint32_t dispi_line_bytes(const struct vga_mode *mode);

/* vga_mmio.c */
extern const struct region_ops vga_mmio_ops;

/* vga_mode.c */
void vga_mode_get(const struct vga *vga, struct vga_mode *mode);
/* Where a scan line comes from. */
struct vga_line {
    uint32_t address; /* of the address counter at its start */
    unsigned row_scan;
    unsigned scanned; /* how often this row of dots was shown already */
    bool below_split;
};
/* The line at y = 0. */
void vga_line_first(const struct vga_mode *mode, struct vga_line *line);
/* From line y to line y + 1. */
void vga_line_next(const struct vga_mode *mode, unsigned y, struct vga_line *line);
/* The plane address that the counter puts out in a line of the row. */
uint32_t vga_plane_address(const struct vga_mode *mode, uint32_t counter, unsigned row_scan);

/* vga_timing.c */
/* Status register 1 at the present guest time. */
uint8_t vga_status1(struct vga *vga);
/* Number of frames since the guest clock was 0. */
uint64_t vga_frame(const struct vga *vga);
/* Microseconds until that number is the next multiple of `frames`. */
uint64_t vga_until_frame(const struct vga *vga, unsigned frames);

/* Where the beam is: true if in the visible part, with the frame's number and the line that a change now shows from. */
bool vga_beam(const struct vga *vga, uint64_t *frame, unsigned *line);

/* vga_raster.c */
/* A colour is about to be written to the DAC. */
void vga_raster_note(struct vga *vga, unsigned index, const uint8_t rgb[3]);
/* Before a picture is drawn: true if its colours change on the way; raster.shown is then the DAC above line 0. */
bool vga_raster_begin(struct vga *vga);
/* Brings raster.shown to line y; true if that changed it. */
bool vga_raster_line(struct vga *vga, unsigned y);

/* vga_draw.c */
extern const struct display_source vga_display_source;
/* True if bytes [first, first + size) of vram (wrapping) changed since the last drawing. */
bool vga_is_dirty(const struct vga *vga, uint32_t first, uint32_t size);
/* Tells whoever shows the picture that a register was written. */
static inline void vga_wake(const struct vga *vga)
{
    display_wake(vga->display);
}
static inline void vga_mark_redraw(struct vga *vga)
{
    vga->redraw = true;
}

/* vga_text.c */
/* dirty: vram was stored to since the last drawing. */
void vga_text_draw(struct vga *vga, struct surface *surface, bool dirty);
bool vga_text_read(struct vga *vga, struct text_screen *screen);
/* Microseconds until the cursor or characters blink; DISPLAY_REST_LONG if none do. */
uint64_t vga_text_rest(const struct vga *vga);

/* vga_planar.c: the 16-colour, CGA and 256-colour modes of the VGA proper. */
void vga_planar_draw_line(const struct vga *vga, const struct vga_line *line, uint32_t *pixels);
/* The part of vram that the line shows. */
void vga_planar_line_range(const struct vga *vga, const struct vga_line *line, uint32_t *first,
                           uint32_t *size);

#endif
