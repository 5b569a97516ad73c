/*
 * EDID of the monitor on the card. See edid.h; timings are those of the VESA Display Monitor Timing standard
 * (DMT 10h and 4Ch).
 */
#include "hw/display/edid.h"

#include <string.h>

#define STANDARD_TIMINGS 38
#define DESCRIPTORS 54
#define DESCRIPTOR_SIZE 18
#define WIDTH_MM 271
#define HEIGHT_MM 203
#define SYNC_DIGITAL 0x18
#define H_SYNC_POSITIVE 0x02

struct timing {
    unsigned clock_10khz;
    unsigned width, h_blank, h_front, h_sync;
    unsigned height, v_blank, v_front, v_sync;
    uint8_t polarity;
};

static const struct timing PREFERRED = {6500, 1024, 320, 24, 136, 768, 38, 3, 6, 0};
static const struct timing LARGEST = {26850, 2560, 160, 48, 32, 1600, 46, 3, 6, H_SYNC_POSITIVE};

static void put_timing(uint8_t *d, const struct timing *t)
{
    d[0] = (uint8_t)t->clock_10khz;
    d[1] = (uint8_t)(t->clock_10khz >> 8);
    d[2] = (uint8_t)t->width;
    d[3] = (uint8_t)t->h_blank;
    d[4] = (uint8_t)((t->width >> 8) << 4 | t->h_blank >> 8);
    d[5] = (uint8_t)t->height;
    d[6] = (uint8_t)t->v_blank;
    d[7] = (uint8_t)((t->height >> 8) << 4 | t->v_blank >> 8);
    d[8] = (uint8_t)t->h_front;
    d[9] = (uint8_t)t->h_sync;
    d[10] = (uint8_t)(t->v_front << 4 | t->v_sync);
    d[12] = (uint8_t)WIDTH_MM;
    d[13] = (uint8_t)HEIGHT_MM;
    d[14] = (uint8_t)((WIDTH_MM >> 8) << 4 | HEIGHT_MM >> 8);
    d[17] = SYNC_DIGITAL | t->polarity;
}

void edid_fill(uint8_t edid[EDID_SIZE])
{
    /* Header; "VMM" in 5-bit letters, product; 2020; EDID 1.4; digital; 27 x 20 cm, gamma 2.2; sRGB and preferred
     * timing first; sRGB's colours; 640x480, 800x600 and 1024x768 at 60 Hz. */
    static const uint8_t start[STANDARD_TIMINGS] = {
        0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x59, 0xad, 0x11, 0x11, 0,    0,    0,    0,    0,    30,   1,
        4,    0x80, 27,   20,   120,  0x06, 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54, 0x21, 0x08, 0,
    };
    /* At 60 Hz: 1280x1024, 1280x800, 1440x900, 1600x1200, 1680x1050, 1920x1080, 1920x1200, 1280x960. */
    static const uint8_t standard[16] = {0x81, 0x80, 0x81, 0x00, 0x95, 0x00, 0xa9, 0x40,
                                         0xb3, 0x00, 0xd1, 0xc0, 0xd1, 0x00, 0x81, 0x40};
    static const uint8_t name[DESCRIPTOR_SIZE] = "\0\0\0\xfc\0vmm\n         ";
    /* 50-125 Hz, 30-160 kHz, up to 280 MHz; no formula. */
    static const uint8_t range[DESCRIPTOR_SIZE] = {0,  0, 0,    0xfd, 0,    50,   125,  30,   160,
                                                   28, 1, '\n', ' ',  ' ',  ' ',  ' ',  ' ',  ' '};
    uint8_t sum = 0;

    memset(edid, 0, EDID_SIZE);
    memcpy(edid, start, sizeof(start));
    memcpy(edid + STANDARD_TIMINGS, standard, sizeof(standard));
    put_timing(edid + DESCRIPTORS, &PREFERRED);
    put_timing(edid + DESCRIPTORS + DESCRIPTOR_SIZE, &LARGEST);
    memcpy(edid + DESCRIPTORS + 2 * DESCRIPTOR_SIZE, range, sizeof(range));
    memcpy(edid + DESCRIPTORS + 3 * DESCRIPTOR_SIZE, name, sizeof(name));
    for (unsigned i = 0; i < EDID_SIZE - 1; i++) {
        sum = (uint8_t)(sum + edid[i]);
    }
    edid[EDID_SIZE - 1] = (uint8_t)-sum;
}
