/*
 * The beam: where on the screen it is at the present guest time, for status register 1 and for blinking. It
 * follows from the time, the dot clock and the CRT controller's totals alone.
 *
 * In DISPI modes, and while the registers describe no possible frame, the beam runs as in mode 3.
 */
#include "hw/display/vga_impl.h"

#define STATUS1_DISPLAY_OFF 0x01
#define STATUS1_V_RETRACE 0x08

/* In dots and lines. */
struct frame {
    uint64_t clock; /* Hz */
    uint64_t h_display, h_total;
    uint64_t v_display, v_total, retrace_start, retrace_end;
};

static const struct frame TEXT_FRAME = {28322000, 720, 900, 400, 449, 412, 414};

static struct frame frame_of(const struct vga *vga)
{
    static const uint64_t CLOCKS[4] = {25175000, 28322000, 25175000, 25175000};
    const uint8_t *crtc = vga->crtc;
    unsigned overflow = crtc[CRTC_OVERFLOW];
    unsigned width = (vga->seq[SEQ_CLOCKING_MODE] & SEQ_8_DOT) != 0 ? 8 : 9;
    unsigned lines_x2 = (crtc[CRTC_MODE] & CRTC_MODE_LINES_X2) != 0 ? 2 : 1;
    unsigned start = crtc[CRTC_V_RETRACE_START] | (overflow & 0x04) << 6 | (overflow & 0x80) << 2;
    struct frame frame = {
        .clock = CLOCKS[(vga->misc >> MISC_CLOCK_SHIFT) & 3],
        .h_display = (crtc[CRTC_H_DISPLAY_END] + 1u) * width,
        .h_total = (crtc[CRTC_H_TOTAL] + 5u) * width,
        .v_display = crtc[CRTC_V_DISPLAY_END] | (overflow & 0x02) << 7 | (overflow & 0x40) << 3,
        .v_total = crtc[CRTC_V_TOTAL] | (overflow & 0x01) << 8 | (overflow & 0x20) << 4,
    };

    frame.v_display = (frame.v_display + 1) * lines_x2;
    frame.v_total = (frame.v_total + 2) * lines_x2;
    frame.retrace_start = start * lines_x2;
    /* The end is given by its low four bits. */
    frame.retrace_end =
        (start + (((crtc[CRTC_V_RETRACE_END] & 0xfu) - start - 1) & 0xf) + 1) * lines_x2;
    if ((vga->seq[SEQ_CLOCKING_MODE] & SEQ_HALF_CLOCK) != 0) {
        frame.clock /= 2;
    }
    if (dispi_on(vga) || frame.v_total < 100 || frame.v_total <= frame.v_display ||
        frame.h_total <= frame.h_display) {
        return TEXT_FRAME;
    }
    if (frame.retrace_start >= frame.v_total) {
        frame.retrace_start = frame.v_display;
        frame.retrace_end = frame.v_total;
    }
    return frame;
}

/* Dots since the guest clock was 0. */
static uint64_t dots_now(const struct vga *vga, const struct frame *frame)
{
    return muldiv64(clock_now(vga->machine->guest_clock), frame->clock, NS_PER_SECOND);
}

uint8_t vga_status1(struct vga *vga)
{
    struct frame frame = frame_of(vga);
    uint64_t dot = dots_now(vga, &frame) % (frame.h_total * frame.v_total);
    uint64_t line = dot / frame.h_total;
    uint8_t status = 0;

    if (line >= frame.v_display || dot % frame.h_total >= frame.h_display) {
        status |= STATUS1_DISPLAY_OFF;
    }
    if (line >= frame.retrace_start && line < frame.retrace_end) {
        status |= STATUS1_V_RETRACE;
    }
    return status;
}

bool vga_beam(const struct vga *vga, uint64_t *frame_number, unsigned *line)
{
    struct frame frame = frame_of(vga);
    uint64_t dots = dots_now(vga, &frame), dot = dots % (frame.h_total * frame.v_total);

    *frame_number = dots / (frame.h_total * frame.v_total);
    *line = (unsigned)(dot / frame.h_total + (dot % frame.h_total >= frame.h_display ? 1 : 0));
    return *line < frame.v_display;
}

uint64_t vga_frame(const struct vga *vga)
{
    struct frame frame = frame_of(vga);

    return dots_now(vga, &frame) / (frame.h_total * frame.v_total);
}

uint64_t vga_until_frame(const struct vga *vga, unsigned frames)
{
    struct frame frame = frame_of(vga);
    uint64_t period = frame.h_total * frame.v_total * frames;

    return muldiv64(period - dots_now(vga, &frame) % period, NS_PER_SECOND, frame.clock) / 1000 + 1;
}
