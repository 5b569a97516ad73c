/*
 * The options of sound: -audiodev, -audio, -soundhw and the machine's pcspk-audiodev.
 */
#ifndef OPTIONS_AUDIO_H
#define OPTIONS_AUDIO_H

#include "core/option.h"
#include "ui/audio.h"

struct option_audio {
    bool given;
    enum audio_kind kind;
    char *id, *path; /* owned; NULL: default */
    char *speaker;   /* the audiodev of -machine pcspk-audiodev=; owned, or NULL */
};

void option_audio_finish(struct option_audio *audio);
/* After all options: false and error if they name an audiodev that there is not. */
bool option_audio_check(const struct option_audio *audio, GError **error);

/* Set functions for rows of the option table; target is a struct options. */
bool option_set_audiodev(void *target, const struct option *option, const char *arg, GError **error);
bool option_set_audio(void *target, const struct option *option, const char *arg, GError **error);
bool option_set_soundhw(void *target, const struct option *option, const char *arg, GError **error);

#endif
