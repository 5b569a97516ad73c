/* Tables shared by the parts of the PS/2 keyboard. */
#ifndef HW_INPUT_PS2_KEYBOARD_IMPL_H
#define HW_INPUT_PS2_KEYBOARD_IMPL_H

#include <stdint.h>

#define KEY_REPEATS 1 /* typematic */
#define KEY_BREAKS  2 /* sends a code on release */

extern const uint8_t ps2_keyboard_set2[128];
extern const uint8_t ps2_keyboard_set3[256];
extern const uint8_t ps2_keyboard_set3_types[256];

#endif
