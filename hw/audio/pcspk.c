/*
 * The loudspeaker (IBM PC/AT Technical Reference, "Speaker interface"): its cone follows OUT2 of the timer while bit
 * 1 of port 61h is set. Programs play tones with the counter as a square wave generator, and sampled sound by moving
 * either of the two bits themselves.
 *
 * Samples are made of the exact level, averaged over each sample's time, so that the pitch has no error of its
 * own. A speaker shows no constant pressure: a high-pass filter of about 110 Hz takes it away, and
 * with it the step at the end of a tone within 10 ms.
 */
#include "hw/audio/pcspk.h"

#include "core/clock.h"
#include "core/machine.h"
#include "hw/misc/port61.h"
#include "hw/timer/i8254.h"
#include "ui/audio.h"

#define LEVEL 9000        /* of the cone pushed out; half of it to either side remains after the filter */
#define OVERSAMPLING 16   /* looks at the level a sample */
#define FILTER_SHIFT 6    /* the filter forgets 1/64 a sample */
#define QUIET 8           /* what is less is silence */
#define PERIOD_NS 10000000
#define CATCH_UP_MAX AUDIO_RATE /* samples; what lies further back is not rendered */
#define BLOCK 512
/* Between the notes of a tune silence is written, so that the rests have their length. */
#define REST_MAX (AUDIO_RATE / 2)

struct pcspk {
    struct device dev;
    struct device *pit, *port61;
    struct audio *audio;
    struct timer timer;
    uint64_t position; /* of the next sample, in samples since guest time 0 */
    int32_t before;    /* the filter: its last input, .. */
    int32_t output;    /* .. and output, times 1 << FILTER_SHIFT */
    bool sounding;     /* samples are being written, if only of silence */
    uint64_t last;     /* position after the last sound */
};

static uint64_t position_now(const struct pcspk *speaker)
{
    return muldiv64(clock_now(speaker->dev.machine->guest_clock), AUDIO_RATE, NS_PER_SECOND);
}

/* The cone's position during a sample. */
static int32_t level_at(const struct pcspk *speaker, uint64_t position)
{
    unsigned high = 0;
    if (!port61_speaker_data(speaker->port61)) {
        return 0;
    }
    for (unsigned i = 0; i < OVERSAMPLING; i++) {
        uint64_t tick = muldiv64(position * OVERSAMPLING + i, I8254_HZ, AUDIO_RATE * OVERSAMPLING);
        high += i8254_output_at(speaker->pit, 2, tick);
    }
    return (int32_t)(high * LEVEL / OVERSAMPLING);
}

static int16_t filter(struct pcspk *speaker, int32_t level)
{
    speaker->output += (level - speaker->before) * (1 << FILTER_SHIFT);
    speaker->output -= speaker->output / (1 << FILTER_SHIFT);
    speaker->before = level;
    return (int16_t)(speaker->output / (1 << FILTER_SHIFT));
}

static bool is_settled(const struct pcspk *speaker)
{
    return speaker->before == 0 && ABS(speaker->output) < QUIET << FILTER_SHIFT;
}

static void render(struct pcspk *speaker, uint64_t end)
{
    int16_t block[BLOCK];
    unsigned n = 0;
    speaker->sounding = true;
    speaker->last = end;
    while (speaker->position < end) {
        block[n++] = filter(speaker, level_at(speaker, speaker->position++));
        if (n == BLOCK || speaker->position == end) {
            audio_write(speaker->audio, block, n);
            n = 0;
        }
    }
}

void pcspk_sync(void *arg)
{
    struct pcspk *speaker = arg;
    uint64_t now = position_now(speaker);
    if (speaker->audio == NULL || now <= speaker->position) {
        /* A snapshot may have put the clock back. */
        speaker->position = now;
        return;
    }
    if (is_settled(speaker) && !port61_speaker_data(speaker->port61)) {
        speaker->output = 0;
        if (speaker->sounding || audio_wants_silence(speaker->audio)) {
            audio_write_silence(speaker->audio, MIN(now - speaker->position, 3600ull * AUDIO_RATE));
        }
        speaker->position = now;
        if (speaker->sounding && now - speaker->last >= REST_MAX) {
            speaker->sounding = false;
            audio_end(speaker->audio);
        }
        return;
    }
    if (now - speaker->position > CATCH_UP_MAX) {
        speaker->position = now - CATCH_UP_MAX;
    }
    render(speaker, now);
}

static void pcspk_drive(struct device *dev)
{
    struct pcspk *speaker = (struct pcspk *)dev;
    bool busy = speaker->audio != NULL && (!is_settled(speaker) || port61_speaker_data(speaker->port61) ||
                                           speaker->sounding || audio_wants_silence(speaker->audio));
    if (!busy) {
        timer_cancel(&speaker->timer);
    } else if (speaker->timer.deadline == CLOCK_NEVER) {
        timer_at(&speaker->timer, clock_now(dev->machine->guest_clock) + PERIOD_NS);
    }
}

void pcspk_changed(void *arg)
{
    pcspk_drive(arg);
}

static void pcspk_expired(void *arg)
{
    pcspk_sync(arg);
    pcspk_drive(arg);
}

/* The monitor wants all sound up to now. */
static void on_sync(void *arg)
{
    pcspk_expired(arg);
}

void pcspk_connect_audio(struct device *dev, struct audio *audio)
{
    struct pcspk *speaker = (struct pcspk *)dev;
    speaker->audio = audio;
    if (audio != NULL) {
        audio_set_source(audio, on_sync, speaker);
    }
}

void pcspk_connect_source(struct device *dev, struct device *pit, struct device *port61)
{
    struct pcspk *speaker = (struct pcspk *)dev;
    speaker->pit = pit;
    speaker->port61 = port61;
}

static bool pcspk_create(struct device *dev, GError **error)
{
    struct pcspk *speaker = (struct pcspk *)dev;
    timer_init(&speaker->timer, dev->machine->guest_clock, pcspk_expired, speaker);
    return true;
}

static void pcspk_destroy(struct device *dev)
{
    struct pcspk *speaker = (struct pcspk *)dev;
    timer_finish(&speaker->timer);
    if (speaker->audio != NULL) {
        audio_set_source(speaker->audio, NULL, NULL);
    }
}

const struct device_class pcspk_class = {
    .name = "isa-pcspk",
    .description = "loudspeaker on timer 2 and port 61h",
    .state_size = sizeof(struct pcspk),
    .create = pcspk_create,
    .drive = pcspk_drive,
    .destroy = pcspk_destroy,
};
