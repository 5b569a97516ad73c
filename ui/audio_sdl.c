/*
 * Sound by SDL. The callback in SDL's own thread takes samples from a ring.
 *
 * Playing starts when 40 ms are there, and what would make the sound lag by more than 150 ms is thrown away: so small
 * differences between the guest's time and the card's do no harm. When the ring runs empty in the middle of a sound
 * that is counted, and 40 ms are waited for again. A sound that has ended is played however short it was.
 */
#include <SDL.h>

#include "ui/audio_impl.h"

#define RING_SIZE 16384
#define PERIOD 512
#define START (AUDIO_RATE * 40 / 1000)
#define LAG_MAX (AUDIO_RATE * 150 / 1000)

struct audio_sdl {
    SDL_AudioDeviceID device;
    /* Under SDL_LockAudioDevice(). */
    int16_t ring[RING_SIZE];
    size_t head, count;
    bool playing;
    bool sounding; /* the sound has not ended */
    uint64_t underruns;
};

static void SDLCALL fill(void *arg, Uint8 *stream, int size)
{
    struct audio_sdl *sdl = arg;
    int16_t *samples = (int16_t *)(void *)stream;
    size_t wanted = (size_t)size / sizeof(*samples);

    if (!sdl->playing && (sdl->count >= START || (!sdl->sounding && sdl->count > 0))) {
        sdl->playing = true;
    }
    for (size_t i = 0; i < wanted; i++) {
        samples[i] = 0;
        if (sdl->playing && sdl->count > 0) {
            samples[i] = sdl->ring[sdl->head];
            sdl->head = (sdl->head + 1) % RING_SIZE;
            sdl->count--;
        } else if (sdl->playing) {
            sdl->playing = false;
            sdl->underruns += sdl->sounding;
        }
    }
}

struct audio_sdl *audio_sdl_create(GError **error)
{
    struct audio_sdl *sdl = g_new0(struct audio_sdl, 1);
    SDL_AudioSpec spec = {.freq = AUDIO_RATE, .format = AUDIO_S16SYS, .channels = 1, .samples = PERIOD,
                          .callback = fill, .userdata = sdl};

    if (SDL_InitSubSystem(SDL_INIT_AUDIO) == 0) {
        sdl->device = SDL_OpenAudioDevice(NULL, 0, &spec, NULL, 0);
        if (sdl->device == 0) {
            SDL_QuitSubSystem(SDL_INIT_AUDIO);
        }
    }
    if (sdl->device == 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "no sound device: %s; use -audiodev none,id=.. or -audiodev wav,id=..,path=FILE", SDL_GetError());
        g_free(sdl);
        return NULL;
    }
    SDL_PauseAudioDevice(sdl->device, 0);
    return sdl;
}

void audio_sdl_destroy(struct audio_sdl *sdl)
{
    if (sdl == NULL) {
        return;
    }
    SDL_CloseAudioDevice(sdl->device);
    SDL_QuitSubSystem(SDL_INIT_AUDIO);
    g_free(sdl);
}

void audio_sdl_write(struct audio_sdl *sdl, const int16_t *samples, size_t count, bool sounding)
{
    SDL_LockAudioDevice(sdl->device);
    for (size_t i = 0; i < count; i++) {
        if (sdl->count >= LAG_MAX) {
            sdl->head = (sdl->head + 1) % RING_SIZE;
            sdl->count--;
        }
        sdl->ring[(sdl->head + sdl->count) % RING_SIZE] = samples[i];
        sdl->count++;
    }
    sdl->sounding = sounding;
    SDL_UnlockAudioDevice(sdl->device);
}

uint64_t audio_sdl_underruns(struct audio_sdl *sdl)
{
    uint64_t underruns;

    SDL_LockAudioDevice(sdl->device);
    underruns = sdl->underruns;
    SDL_UnlockAudioDevice(sdl->device);
    return underruns;
}

const char *audio_sdl_driver(struct audio_sdl *sdl)
{
    return SDL_GetCurrentAudioDriver();
}
