/*
 * The speaker and its recordings: a tune played by port writes is captured; pitch and length are measured in the WAV
 * file.
 */
#include "tests/support/test.h"

#include <glib/gstdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/irq.h"
#include "hw/audio/pcspk.h"
#include "hw/misc/port61.h"
#include "hw/timer/i8254.h"
#include "ui/audio.h"
#include "ui/wav.h"

struct bench {
    struct machine *machine;
    struct device *pit, *port61, *speaker;
    struct audio *audio;
    char *path;
};

static struct bench bench_create(enum audio_kind kind)
{
    struct bench bench = {.machine = test_machine_create()};
    struct audio_options options = {.kind = kind};
    GError *error = NULL;

    bench.path = g_strdup_printf("%s/vmm-test-%d.wav", g_get_tmp_dir(), (int)getpid());
    options.path = bench.path;
    lock_release(&bench.machine->lock);
    bench.audio = audio_create(&options, &bench.machine->lock, &error);
    g_assert_no_error(error);
    lock_acquire(&bench.machine->lock);
    bench.pit = test_device_create(bench.machine, &i8254_class, "pit", NULL);
    bench.port61 = test_device_create(bench.machine, &port61_class, "port61", NULL);
    bench.speaker = device_create(bench.machine, &pcspk_class, "pcspk", NULL, &error);
    g_assert_no_error(error);
    port61_connect_gate2(bench.port61, i8254_gate(bench.pit, 2));
    pcspk_connect_source(bench.speaker, bench.pit, bench.port61);
    pcspk_connect_audio(bench.speaker, bench.audio);
    i8254_watch(bench.pit, 2, pcspk_sync, pcspk_changed, bench.speaker);
    port61_watch(bench.port61, pcspk_sync, pcspk_changed, bench.speaker);
    return bench;
}

static void bench_destroy(struct bench *bench)
{
    test_machine_destroy(bench->machine);
    audio_destroy(bench->audio);
    g_remove(bench->path);
    g_free(bench->path);
}

static void tone(struct bench *bench, unsigned divisor)
{
    test_region_write(i8254_io(bench->pit), 3, 0xb6, 1);
    test_region_write(i8254_io(bench->pit), 2, divisor & 0xff, 1);
    test_region_write(i8254_io(bench->pit), 2, divisor >> 8, 1);
    test_region_write(port61_io(bench->port61), 0, 3, 1);
}

static void silence(struct bench *bench)
{
    test_region_write(port61_io(bench->port61), 0, 0, 1);
}

static void wait_ms(struct bench *bench, unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        test_advance(bench->machine, 1000000);
    }
    lock_release(&bench->machine->lock);
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    lock_acquire(&bench->machine->lock);
}

/* The samples of a mono file of 16 bits. */
static int16_t *load(const char *path, size_t *count)
{
    char *bytes;
    gsize size;

    g_assert_true(g_file_get_contents(path, &bytes, &size, NULL));
    g_assert_cmpuint(size, >, 44);
    g_assert_cmpmem(bytes, 4, "RIFF", 4);
    g_assert_cmpmem(bytes + 8, 8, "WAVEfmt ", 8);
    *count = (size - 44) / 2;
    uint32_t length;
    memcpy(&length, bytes + 40, 4);
    g_assert_cmpuint(length, ==, size - 44);
    int16_t *samples = g_malloc(size);
    memcpy(samples, bytes + 44, size - 44);
    g_free(bytes);
    return samples;
}

/* Finds the next sound: where it begins and ends, and its pitch by counting rising edges. */
static double next_tone(const int16_t *samples, size_t count, size_t *at, double *ms)
{
    size_t start = *at, end, first = 0, last = 0;
    unsigned edges = 0;

    while (start < count && abs(samples[start]) < 100) {
        start++;
    }
    end = start;
    for (size_t i = start; i < count && i < end + 400; i++) {
        if (abs(samples[i]) >= 100) {
            end = i;
        }
        if (i > start && samples[i - 1] < 0 && samples[i] >= 0 && i + 1 < count && samples[i + 1] > 1000) {
            first = edges == 0 ? i : first;
            last = i;
            edges++;
        }
    }
    *ms = (double)(end - start) * 1000 / AUDIO_RATE;
    *at = end + 400;
    return edges > 1 ? (double)(edges - 1) * AUDIO_RATE / (double)(last - first) : 0;
}

static void test_tune(void)
{
    static const unsigned hertz[] = {262, 440, 1000, 3000, 110};
    struct bench bench = bench_create(AUDIO_NONE);
    struct wav_format format = {AUDIO_RATE, 16, 1};
    GError *error = NULL;
    size_t count, at = 0;

    wait_ms(&bench, 100);
    lock_release(&bench.machine->lock);
    g_assert_true(audio_capture_start(bench.audio, bench.path, &format, &error));
    lock_acquire(&bench.machine->lock);
    for (unsigned i = 0; i < G_N_ELEMENTS(hertz); i++) {
        wait_ms(&bench, 150);
        tone(&bench, I8254_HZ / hertz[i]);
        wait_ms(&bench, 200 + 50 * i);
        silence(&bench);
    }
    wait_ms(&bench, 300);
    lock_release(&bench.machine->lock);
    g_assert_false(audio_capture_stop(bench.audio, 1));
    g_assert_true(audio_capture_stop(bench.audio, 0));
    lock_acquire(&bench.machine->lock);
    int16_t *samples = load(bench.path, &count);
    double total = (double)count * 1000 / AUDIO_RATE;
    g_assert_cmpfloat(fabs(total - (5 * 150 + 200 + 250 + 300 + 350 + 400 + 300)), <, 20);
    for (unsigned i = 0; i < G_N_ELEMENTS(hertz); i++) {
        double ms, pitch = next_tone(samples, count, &at, &ms);

        g_test_message("%u Hz: %.2f Hz for %.1f ms", hertz[i], pitch, ms);
        g_assert_cmpfloat(fabs(pitch - hertz[i]) / hertz[i], <, 0.01);
        g_assert_cmpfloat(fabs(ms - (200 + 50.0 * i)), <, 20);
    }
    g_free(samples);
    bench_destroy(&bench);
}

/* Sampled sound: the data bit moved by the program itself. */
static void test_bit_banging(void)
{
    struct bench bench = bench_create(AUDIO_NONE);
    struct wav_format format = {AUDIO_RATE, 16, 1};
    size_t count, at = 0;
    double ms, pitch;

    lock_release(&bench.machine->lock);
    audio_capture_start(bench.audio, bench.path, &format, NULL);
    lock_acquire(&bench.machine->lock);
    /* With its gate closed the square wave generator holds its output high. */
    tone(&bench, 1000);
    silence(&bench);
    for (unsigned i = 0; i < 200; i++) {
        test_region_write(port61_io(bench.port61), 0, i % 2 == 0 ? 2 : 0, 1);
        wait_ms(&bench, 1);
    }
    wait_ms(&bench, 100);
    lock_release(&bench.machine->lock);
    audio_capture_stop(bench.audio, 0);
    lock_acquire(&bench.machine->lock);
    int16_t *samples = load(bench.path, &count);
    pitch = next_tone(samples, count, &at, &ms);
    g_assert_cmpfloat(fabs(pitch - 500), <, 5);
    g_free(samples);
    bench_destroy(&bench);
}

static void test_formats(void)
{
    struct bench bench = bench_create(AUDIO_WAV);
    g_autofree char *other = g_strconcat(bench.path, ".8", NULL);
    struct wav_format format = {11025, 8, 1};
    g_autoptr(GString) out = g_string_new(NULL);
    size_t count;
    gsize size;
    char *bytes;

    lock_release(&bench.machine->lock);
    g_assert_true(audio_capture_start(bench.audio, other, &format, NULL));
    lock_acquire(&bench.machine->lock);
    tone(&bench, 1193);
    wait_ms(&bench, 1000);
    lock_release(&bench.machine->lock);
    audio_print_captures(bench.audio, out);
    g_assert_nonnull(strstr(out->str, "[0]: Capturing audio(11025,8,1) to "));
    g_string_truncate(out, 0);
    audio_print(bench.audio, out);
    g_assert_nonnull(strstr(out->str, "underruns 0"));
    audio_capture_stop(bench.audio, 0);
    lock_acquire(&bench.machine->lock);
    g_assert_true(g_file_get_contents(other, &bytes, &size, NULL));
    g_assert_cmpuint(size, >=, 44 + 11025 - 20);
    g_assert_cmpuint(size, <=, 44 + 11025 + 20);
    g_assert_cmpint(bytes[34], ==, 8);
    g_free(bytes);
    g_remove(other);
    int16_t *samples = load(bench.path, &count); /* stereo */
    g_assert_cmpuint(count, >=, 2 * AUDIO_RATE - 100);
    g_assert_cmpint(samples[2000], ==, samples[2001]);
    g_free(samples);
    bench_destroy(&bench);
}

/* While nobody listens and the speaker is off there is no timer and no sample. */
static void test_idle(void)
{
    struct bench bench = bench_create(AUDIO_NONE);

    tone(&bench, 1000);
    wait_ms(&bench, 50);
    silence(&bench);
    wait_ms(&bench, 1000);
    g_assert_cmpuint(clock_deadline(bench.machine->guest_clock), ==, CLOCK_NEVER);
    bench_destroy(&bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/pcspk/tune", test_tune);
    g_test_add_func("/pcspk/bit-banging", test_bit_banging);
    g_test_add_func("/pcspk/formats", test_formats);
    g_test_add_func("/pcspk/idle", test_idle);
    return g_test_run();
}
