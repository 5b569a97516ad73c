/*
 * The loudspeaker of the PC: counter 2 of the timer, through bits 0 and 1 of port 61h.
 *
 * Neither of them knows the speaker; the board tells it before either changes (pcspk_sync()), and it asks them for
 * the level at any moment since.
 */
#ifndef HW_AUDIO_PCSPK_H
#define HW_AUDIO_PCSPK_H

#include "core/device.h"

struct audio;

extern const struct device_class pcspk_class;

/* Where samples go; NULL: the speaker is not heard. Not owned. */
void pcspk_connect_audio(struct device *dev, struct audio *audio);
/* The timer (hw/timer/i8254.h) and port 61h (hw/misc/port61.h). */
void pcspk_connect_source(struct device *dev, struct device *pit, struct device *port61);
/* Renders all samples up to now, with levels as they have been; arg is the device. To be called before the timer's
 * counter 2 or port 61h changes. */
void pcspk_sync(void *arg);
/* To be called after such a change. */
void pcspk_changed(void *arg);

#endif
