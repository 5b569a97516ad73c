/*
 * Writing WAV files (RIFF, uncompressed PCM; Multimedia Programming Interface and Data Specifications 1.0).
 */
#ifndef UI_WAV_H
#define UI_WAV_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wav;

struct wav_format {
    unsigned rate;     /* samples a second */
    unsigned bits;     /* 8 or 16 */
    unsigned channels; /* 1 or 2 */
};

/* Makes or overwrites the file. NULL and error. */
struct wav *wav_create(const char *path, const struct wav_format *format, GError **error);
/* Completes the header. NULL is fine. */
void wav_destroy(struct wav *wav);
/* Appends mono samples of `rate` a second, converted to the file's format. False if the disk is full. The header is
 * right after each call, so that a file is whole even if the program is killed. */
bool wav_write(struct wav *wav, const int16_t *samples, size_t count, unsigned rate);
const char *wav_path(const struct wav *wav);
const struct wav_format *wav_format(const struct wav *wav);
/* Bytes of samples so far. */
uint64_t wav_size(const struct wav *wav);

#endif
