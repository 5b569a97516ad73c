/*
 * WAV files. See wav.h.
 */
#include "ui/wav.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADER_SIZE 44
#define DATA_MAX (UINT32_MAX - HEADER_SIZE)

struct wav {
    struct wav_format format;
    char *path;
    FILE *file;
    uint64_t size;  /* of the samples */
    uint64_t phase; /* position of the next sample to write, in 1 / format.rate of a source sample */
};

static void put32(uint8_t *bytes, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

static bool write_header(struct wav *wav)
{
    const struct wav_format *format = &wav->format;
    unsigned frame = format->channels * format->bits / 8;
    uint8_t header[HEADER_SIZE];

    memcpy(header, "RIFF....WAVEfmt ", 16);
    put32(header + 4, (uint32_t)wav->size + HEADER_SIZE - 8);
    put32(header + 16, 16);
    put32(header + 20, 1 | format->channels << 16); /* PCM */
    put32(header + 24, format->rate);
    put32(header + 28, format->rate * frame);
    put32(header + 32, frame | format->bits << 16);
    memcpy(header + 36, "data", 4);
    put32(header + 40, (uint32_t)wav->size);
    return fseek(wav->file, 0, SEEK_SET) == 0 && fwrite(header, sizeof(header), 1, wav->file) == 1 &&
           fseek(wav->file, 0, SEEK_END) == 0;
}

struct wav *wav_create(const char *path, const struct wav_format *format, GError **error)
{
    FILE *file = fopen(path, "wb");
    struct wav *wav;

    if (file == NULL) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "cannot write '%s': %s", path,
                    g_strerror(errno));
        return NULL;
    }
    wav = g_new0(struct wav, 1);
    wav->format = *format;
    wav->path = g_strdup(path);
    wav->file = file;
    write_header(wav);
    fflush(file);
    return wav;
}

void wav_destroy(struct wav *wav)
{
    if (wav == NULL) {
        return;
    }
    fclose(wav->file);
    g_free(wav->path);
    g_free(wav);
}

bool wav_write(struct wav *wav, const int16_t *samples, size_t count, unsigned rate)
{
    const struct wav_format *format = &wav->format;
    GByteArray *bytes = g_byte_array_new();
    bool ok;

    for (; wav->phase < (uint64_t)count * format->rate; wav->phase += rate) {
        int16_t sample = samples[wav->phase / format->rate];
        uint8_t frame[2] = {(uint8_t)sample, (uint8_t)((uint16_t)sample >> 8)};

        if (format->bits == 8) {
            frame[0] = (uint8_t)((sample >> 8) + 128);
        }
        for (unsigned channel = 0; channel < format->channels; channel++) {
            g_byte_array_append(bytes, frame, format->bits / 8);
        }
    }
    wav->phase -= (uint64_t)count * format->rate;
    ok = wav->size + bytes->len <= DATA_MAX && fwrite(bytes->data, 1, bytes->len, wav->file) == bytes->len;
    if (ok) {
        wav->size += bytes->len;
    }
    g_byte_array_free(bytes, TRUE);
    return write_header(wav) && fflush(wav->file) == 0 && ok;
}

const char *wav_path(const struct wav *wav)
{
    return wav->path;
}

const struct wav_format *wav_format(const struct wav *wav)
{
    return &wav->format;
}

uint64_t wav_size(const struct wav *wav)
{
    return wav->size;
}
