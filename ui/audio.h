/*
 * Sound on its way from a device of the guest to the host: to the sound card by SDL, into a WAV file, and into
 * captures that the monitor starts.
 *
 * There is one stream of mono samples, AUDIO_RATE a second of guest time. The device writes them in the machine
 * thread; the main thread carries them on, so that no file is written and no sound card waited for under the
 * machine lock. When the guest is slower than the host the card runs out of samples while there is sound: that is
 * an underrun, and counted.
 */
#ifndef UI_AUDIO_H
#define UI_AUDIO_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audio;
struct machine_lock;
struct wav_format;

#define AUDIO_RATE 44100

enum audio_kind {
    AUDIO_NONE, /* nothing is heard; captures work */
    AUDIO_SDL,
    AUDIO_WAV,
    AUDIO_AUTO, /* SDL from the first sound on; where there is no sound device that is said once */
};

struct audio_options {
    enum audio_kind kind;
    const char *id;   /* for the monitor; NULL: "audio0". Copied */
    const char *path; /* of AUDIO_WAV; NULL: "qemu.wav" */
};

/* lock is held while the source is asked for its samples (see audio_set_source()). Main thread. NULL and error with
 * a remedy if the device or file cannot be opened. */
struct audio *audio_create(const struct audio_options *options, struct machine_lock *lock, GError **error);
/* After the machine has stopped. NULL is fine. */
void audio_destroy(struct audio *audio);

/* Device side. `sync` writes all samples up to the present guest time; called in the main thread with the machine
 * lock held, before captures start and end. NULL detaches. */
void audio_set_source(struct audio *audio, void (*sync)(void *arg), void *arg);
/* True if silence has to be written as well, since somebody records. Any thread. */
bool audio_wants_silence(struct audio *audio);
/* The next samples; machine thread. Never blocks; what the main thread does not fetch in time (10 s) is lost. */
void audio_write(struct audio *audio, const int16_t *samples, size_t count);
/* The sound is over for now: that no more samples come is no underrun. */
void audio_end(struct audio *audio);
/* As audio_write() with samples of 0. */
void audio_write_silence(struct audio *audio, uint64_t count);

/* Monitor side, main thread, machine lock not held. */
void audio_print(struct audio *audio, GString *out);
const char *audio_id(const struct audio *audio);
/* Starts to write all sound to a file. False and error. */
bool audio_capture_start(struct audio *audio, const char *path, const struct wav_format *format, GError **error);
/* Ends capture n. False if there is none. */
bool audio_capture_stop(struct audio *audio, unsigned n);
/* Numbered lines, one a capture. */
void audio_print_captures(struct audio *audio, GString *out);

#endif
