/*
 * Sound from the guest's device to its sinks. See audio.h.
 */
#include "ui/audio.h"

#include "core/lock.h"
#include "ui/audio_impl.h"
#include "ui/wav.h"

#define CAPTURES_MAX 8
#define PENDING_MAX (10 * AUDIO_RATE)
#define DEFAULT_ID "audio0"
#define DEFAULT_PATH "qemu.wav"

struct audio {
    enum audio_kind kind;
    char *id;
    struct machine_lock *lock;
    void (*sync)(void *arg);
    void *sync_arg;
    /* Main thread. */
    struct audio_sdl *sdl;
    struct wav *wav;
    GPtrArray *captures; /* struct wav * */
    uint64_t samples;    /* carried on so far */
    int recorders;       /* atomic: files being written */
    GMutex mutex;        /* guards what follows */
    GArray *pending;     /* int16_t, not yet carried on */
    bool sounding;       /* a sound has begun and not ended */
    guint source;        /* the call owed to the main thread; 0: none */
    uint64_t lost;
};

bool audio_wants_silence(struct audio *audio)
{
    return g_atomic_int_get(&audio->recorders) > 0;
}

/* The device is opened at the first sound, so that a silent guest costs nothing; without one nothing more is tried. */
static void open_late(struct audio *audio)
{
    g_autoptr(GError) error = NULL;

    audio->sdl = audio_sdl_create(&error);
    audio->kind = AUDIO_SDL;
    if (audio->sdl == NULL) {
        audio->kind = AUDIO_NONE;
        g_printerr("vmm: %s; the speaker stays silent\n", error->message);
    }
}

static void carry_on(struct audio *audio)
{
    g_autoptr(GArray) samples = NULL;
    bool sounding;

    g_mutex_lock(&audio->mutex);
    samples = audio->pending;
    audio->pending = g_array_new(FALSE, FALSE, sizeof(int16_t));
    sounding = audio->sounding;
    g_mutex_unlock(&audio->mutex);
    if (sounding && audio->kind == AUDIO_AUTO) {
        open_late(audio);
    }
    if (audio->sdl != NULL) {
        audio_sdl_write(audio->sdl, (const int16_t *)(void *)samples->data, samples->len, sounding);
    }
    if (samples->len == 0) {
        return;
    }
    audio->samples += samples->len;
    if (audio->wav != NULL) {
        wav_write(audio->wav, (const int16_t *)(void *)samples->data, samples->len, AUDIO_RATE);
    }
    for (guint i = 0; i < audio->captures->len; i++) {
        wav_write(g_ptr_array_index(audio->captures, i), (const int16_t *)(void *)samples->data, samples->len,
                  AUDIO_RATE);
    }
}

static gboolean on_pending(gpointer data)
{
    struct audio *audio = data;

    g_mutex_lock(&audio->mutex);
    audio->source = 0;
    g_mutex_unlock(&audio->mutex);
    carry_on(audio);
    return G_SOURCE_REMOVE;
}

/* Mutex held. */
static void call_main(struct audio *audio)
{
    if (audio->source == 0) {
        audio->source = g_idle_add_full(G_PRIORITY_HIGH, on_pending, audio, NULL);
    }
}

/* Mutex held. */
static void append(struct audio *audio, const int16_t *samples, size_t count)
{
    size_t taken = MIN(count, PENDING_MAX - MIN(audio->pending->len, PENDING_MAX));

    g_array_append_vals(audio->pending, samples, (guint)taken);
    audio->lost += count - taken;
    call_main(audio);
}

void audio_write(struct audio *audio, const int16_t *samples, size_t count)
{
    g_mutex_lock(&audio->mutex);
    audio->sounding = true;
    append(audio, samples, count);
    g_mutex_unlock(&audio->mutex);
}

void audio_end(struct audio *audio)
{
    g_mutex_lock(&audio->mutex);
    audio->sounding = false;
    call_main(audio);
    g_mutex_unlock(&audio->mutex);
}

void audio_write_silence(struct audio *audio, uint64_t count)
{
    static const int16_t silence[1024];

    g_mutex_lock(&audio->mutex);
    for (; count > 0; count -= MIN(count, G_N_ELEMENTS(silence))) {
        append(audio, silence, MIN(count, G_N_ELEMENTS(silence)));
    }
    g_mutex_unlock(&audio->mutex);
}

/* All sound up to now reaches the sinks. */
static void flush(struct audio *audio)
{
    if (audio->sync != NULL) {
        lock_acquire(audio->lock);
        audio->sync(audio->sync_arg);
        lock_release(audio->lock);
    }
    carry_on(audio);
}

void audio_set_source(struct audio *audio, void (*sync)(void *arg), void *arg)
{
    audio->sync = sync;
    audio->sync_arg = arg;
}

static void free_wav(void *data)
{
    wav_destroy(data);
}

struct audio *audio_create(const struct audio_options *options, struct machine_lock *lock, GError **error)
{
    struct audio *audio = g_new0(struct audio, 1);
    static const struct wav_format format = {AUDIO_RATE, 16, 2};

    audio->kind = options->kind;
    audio->id = g_strdup(options->id != NULL ? options->id : DEFAULT_ID);
    audio->lock = lock;
    audio->captures = g_ptr_array_new_with_free_func(free_wav);
    audio->pending = g_array_new(FALSE, FALSE, sizeof(int16_t));
    g_mutex_init(&audio->mutex);
    if (options->kind == AUDIO_SDL) {
        audio->sdl = audio_sdl_create(error);
    } else if (options->kind == AUDIO_WAV) {
        audio->wav = wav_create(options->path != NULL ? options->path : DEFAULT_PATH, &format, error);
        audio->recorders = 1;
    }
    if ((options->kind == AUDIO_SDL && audio->sdl == NULL) || (options->kind == AUDIO_WAV && audio->wav == NULL)) {
        audio_destroy(audio);
        return NULL;
    }
    return audio;
}

void audio_destroy(struct audio *audio)
{
    if (audio == NULL) {
        return;
    }
    if (audio->source != 0) {
        g_source_remove(audio->source);
    }
    carry_on(audio);
    audio_sdl_destroy(audio->sdl);
    wav_destroy(audio->wav);
    g_ptr_array_unref(audio->captures);
    g_array_unref(audio->pending);
    g_mutex_clear(&audio->mutex);
    g_free(audio->id);
    g_free(audio);
}

const char *audio_id(const struct audio *audio)
{
    return audio->id;
}

void audio_print(struct audio *audio, GString *out)
{
    flush(audio);
    g_string_append_printf(out, "%s: ", audio->id);
    if (audio->sdl != NULL) {
        g_string_append_printf(out, "sdl (%s), underruns %" G_GUINT64_FORMAT, audio_sdl_driver(audio->sdl),
                               audio_sdl_underruns(audio->sdl));
    } else if (audio->wav != NULL) {
        g_string_append_printf(out, "wav, %s, underruns 0", wav_path(audio->wav));
    } else {
        g_string_append(out, audio->kind == AUDIO_AUTO ? "sdl (opened at the first sound), underruns 0"
                                                       : "none, underruns 0");
    }
    g_string_append_printf(out, ", samples %" G_GUINT64_FORMAT " at %d Hz, lost %" G_GUINT64_FORMAT "\n",
                           audio->samples, AUDIO_RATE, audio->lost);
    g_string_append_printf(out, "pcspk: speaker of the PC, on %s\n", audio->id);
}

bool audio_capture_start(struct audio *audio, const char *path, const struct wav_format *format, GError **error)
{
    struct wav *wav;

    if (audio->captures->len >= CAPTURES_MAX) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "there are %d captures already", CAPTURES_MAX);
        return false;
    }
    flush(audio);
    wav = wav_create(path, format, error);
    if (wav == NULL) {
        return false;
    }
    g_ptr_array_add(audio->captures, wav);
    g_atomic_int_inc(&audio->recorders);
    /* From here on silence counts. */
    flush(audio);
    return true;
}

bool audio_capture_stop(struct audio *audio, unsigned n)
{
    if (n >= audio->captures->len) {
        return false;
    }
    flush(audio);
    g_ptr_array_remove_index(audio->captures, n);
    (void)g_atomic_int_dec_and_test(&audio->recorders);
    return true;
}

void audio_print_captures(struct audio *audio, GString *out)
{
    for (guint i = 0; i < audio->captures->len; i++) {
        const struct wav *wav = g_ptr_array_index(audio->captures, i);
        const struct wav_format *format = wav_format(wav);

        g_string_append_printf(out, "[%u]: Capturing audio(%u,%u,%u) to %s: %" G_GUINT64_FORMAT " bytes\n", i,
                               format->rate, format->bits, format->channels, wav_path(wav), wav_size(wav));
    }
}
