/*
 * Colours that change while the beam draws: programs wait for a line and write to the DAC, so that the picture has more
 * than 256 colours (split palettes, bars). The writes to the DAC that fall into the visible part of a frame are kept
 * with their line; if two frames in a row have such writes, the picture is drawn from those of the last whole frame.
 * A palette that is loaded once is not taken for that.
 *
 * Not modelled: changes within a line, other registers in the middle of a frame, text modes.
 */
#include <string.h>

#include "hw/display/vga_impl.h"

/* For so many frames the last writes are still shown. */
#define STALE_FRAMES 3

void vga_raster_note(struct vga *vga, unsigned index, const uint8_t rgb[3])
{
    struct vga_raster *raster = &vga->raster;
    unsigned line;
    uint64_t frame;

    if (!vga_beam(vga, &frame, &line)) {
        return;
    }
    if (raster->count[raster->now] == 0 || raster->frame[raster->now] != frame) {
        raster->now ^= 1;
        raster->frame[raster->now] = frame;
        raster->count[raster->now] = 0;
        memcpy(raster->dac[raster->now], vga->dac, sizeof(vga->dac));
    }
    if (raster->count[raster->now] < VGA_RASTER_WRITES) {
        struct vga_raster_write *write = &raster->writes[raster->now][raster->count[raster->now]++];

        *write = (struct vga_raster_write){(uint16_t)line, (uint8_t)index, {rgb[0], rgb[1], rgb[2]}};
    }
}

bool vga_raster_begin(struct vga *vga)
{
    struct vga_raster *raster = &vga->raster;
    unsigned now = raster->now, last = now ^ 1;
    bool was_on = raster->on;

    raster->on = raster->count[now] != 0 && raster->count[last] != 0 && raster->frame[last] + 1 == raster->frame[now] &&
                 vga_frame(vga) < raster->frame[now] + STALE_FRAMES;
    raster->next = 0;
    if (raster->on) {
        memcpy(raster->shown, raster->dac[last], sizeof(raster->shown));
    }
    if (raster->on || was_on) {
        vga->palette_changed = true;
    }
    return raster->on;
}

bool vga_raster_line(struct vga *vga, unsigned y)
{
    struct vga_raster *raster = &vga->raster;
    unsigned last = raster->now ^ 1;
    bool changed = false;

    while (raster->on && raster->next < raster->count[last] && raster->writes[last][raster->next].line <= y) {
        const struct vga_raster_write *write = &raster->writes[last][raster->next++];

        memcpy(&raster->shown[write->index * 3], write->rgb, 3);
        changed = true;
    }
    return changed;
}
