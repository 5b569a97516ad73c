/*
 * Sound on the command line. See options_audio.h.
 */
#include "options_audio.h"

#include <string.h>

#include "options.h"

#define FAIL(error, ...) (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)

static bool take_driver(struct option_audio *audio, const char *driver, GError **error)
{
    static const struct {
        const char *name;
        enum audio_kind kind;
    } drivers[] = { { "sdl", AUDIO_SDL }, { "wav", AUDIO_WAV }, { "none", AUDIO_NONE } };
    for (unsigned i = 0; driver != NULL && i < G_N_ELEMENTS(drivers); i++) {
        if (strcmp(driver, drivers[i].name) == 0) {
            audio->kind = drivers[i].kind;
            return true;
        }
    }
    return FAIL(error, "'%s' is no audio driver; there is sdl, wav and none", driver != NULL ? driver : "");
}

static void replace(char **member, const char *text)
{
    g_free(*member);
    *member = g_strdup(text);
}

bool option_set_audiodev(void *target, const struct option *option, const char *arg, GError **error)
{
    struct option_audio *audio = &((struct options *)target)->audio;
    struct option_list list;
    if (audio->given) {
        return FAIL(error, "only one audio device is supported");
    }
    /* What SDL chooses itself (buffers, formats) may be given and is not looked at. */
    if (!option_list_parse(&list, arg, "driver", NULL, error)) {
        return false;
    }
    const char *id = option_list_get(&list, "id"), *path = option_list_get(&list, "path");
    bool ok = take_driver(audio, option_list_get(&list, "driver"), error);
    if (ok && id == NULL) {
        ok = FAIL(error, "id= is missing, as in -audiodev %s,id=snd0", option_list_get(&list, "driver"));
    } else if (ok && path != NULL && audio->kind != AUDIO_WAV) {
        ok = FAIL(error, "path= is for the driver wav");
    } else if (ok) {
        audio->given = true;
        replace(&audio->id, id);
        replace(&audio->path, path);
    }
    option_list_finish(&list);
    return ok;
}

bool option_set_audio(void *target, const struct option *option, const char *arg, GError **error)
{
    struct option_audio *audio = &((struct options *)target)->audio;
    static const char *const known[] = { "driver", "model", "path", NULL };
    struct option_list list;
    if (!option_list_parse(&list, arg, "driver", known, error)) {
        return false;
    }
    const char *model = option_list_get(&list, "model"), *path = option_list_get(&list, "path");
    bool ok = take_driver(audio, option_list_get(&list, "driver"), error);
    if (ok && model != NULL && strcmp(model, "pcspk") != 0) {
        ok = FAIL(error, "model=%s is not supported; there is pcspk", model);
    } else if (ok) {
        audio->given = true;
        replace(&audio->path, path);
    }
    option_list_finish(&list);
    return ok;
}

bool option_set_soundhw(void *target, const struct option *option, const char *arg, GError **error)
{
    if (strcmp(arg, "pcspk") != 0 && strcmp(arg, "all") != 0) {
        return FAIL(error, "'%s' is not supported; there is pcspk", arg);
    }
    ((struct options *)target)->audio.given = true;
    return true;
}

bool option_audio_check(const struct option_audio *audio, GError **error)
{
    if (audio->speaker != NULL && g_strcmp0(audio->speaker, audio->id) != 0) {
        return FAIL(error, "-machine pcspk-audiodev=%s: there is no such audio device; add -audiodev sdl,id=%s",
                    audio->speaker, audio->speaker);
    }
    return true;
}

void option_audio_finish(struct option_audio *audio)
{
    g_free(audio->id);
    g_free(audio->path);
    g_free(audio->speaker);
}
