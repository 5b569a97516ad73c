/* Between the files of the sound. */
#ifndef UI_AUDIO_IMPL_H
#define UI_AUDIO_IMPL_H

#include "ui/audio.h"

/* The host's sound card by SDL; audio_sdl.c. */
struct audio_sdl;

/* NULL and error with a remedy. Main thread. */
struct audio_sdl *audio_sdl_create(GError **error);
void audio_sdl_destroy(struct audio_sdl *sdl);
/* sounding: the samples are more than silence. */
void audio_sdl_write(struct audio_sdl *sdl, const int16_t *samples, size_t count, bool sounding);
uint64_t audio_sdl_underruns(struct audio_sdl *sdl);
const char *audio_sdl_driver(struct audio_sdl *sdl);

#endif
