/*
 * The description that a monitor gives of itself (VESA Enhanced EDID standard, release A, revision 2; block 0 only).
 */
#ifndef HW_DISPLAY_EDID_H
#define HW_DISPLAY_EDID_H

#include <stdint.h>

#define EDID_SIZE 128

/* A monitor that prefers 1024 x 768 and shows the usual modes up to 2560 x 1600. */
void edid_fill(uint8_t edid[EDID_SIZE]);

#endif
