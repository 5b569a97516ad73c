/* Sound: what it does, and recording it. */
#include "monitor/cmd.h"
#include "ui/audio.h"
#include "ui/wav.h"

#define RATE_MIN 4000
#define RATE_MAX 192000

static bool have_audio(struct command_call *call)
{
    if (call->env->audio == NULL) {
        command_print(call, "Error: the machine has no sound\n");
    }
    return call->env->audio != NULL;
}

void cmd_info_audio(struct command_call *call)
{
    g_autoptr(GString) out = g_string_new(NULL);
    if (have_audio(call)) {
        audio_print(call->env->audio, out);
        command_print(call, "%s", out->str);
    }
}

void cmd_info_capture(struct command_call *call)
{
    g_autoptr(GString) out = g_string_new(NULL);
    if (have_audio(call)) {
        audio_print_captures(call->env->audio, out);
        command_print(call, "%s", out->str);
    }
}

/* FILE [AUDIODEV] [RATE [BITS [CHANNELS]]]: the numbers are words, since the device may be left out. */
void cmd_wavcapture(struct command_call *call)
{
    struct wav_format format = {AUDIO_RATE, 16, 2};
    unsigned *members[] = {&format.rate, &format.bits, &format.channels};
    GError *error = NULL;
    if (!have_audio(call)) {
        return;
    }
    g_auto(GStrv) words = g_strsplit(call->args[1].given ? call->args[1].text : "", " ", -1);
    unsigned n = 0;
    for (unsigned i = 0; words[i] != NULL; i++) {
        guint64 value;
        if (words[i][0] == '\0' || (n == 0 && g_strcmp0(words[i], audio_id(call->env->audio)) == 0)) {
            continue;
        }
        if (n == G_N_ELEMENTS(members) || !g_ascii_string_to_unsigned(words[i], 10, 0, RATE_MAX, &value, NULL)) {
            command_print(call, "Error: '%s' is neither the audio device %s nor a number\n", words[i],
                          audio_id(call->env->audio));
            return;
        }
        *members[n++] = (unsigned)value;
    }
    if (format.rate < RATE_MIN || (format.bits != 8 && format.bits != 16) || format.channels < 1 ||
        format.channels > 2) {
        command_print(call, "Error: %d to %d samples a second of 8 or 16 bits, 1 or 2 channels\n", RATE_MIN,
                      RATE_MAX);
        return;
    }
    if (!audio_capture_start(call->env->audio, call->args[0].text, &format, &error)) {
        command_error(call, error);
    }
}

void cmd_stopcapture(struct command_call *call)
{
    if (have_audio(call) && !audio_capture_stop(call->env->audio, (unsigned)MIN(call->args[0].value, UINT32_MAX))) {
        command_print(call, "Error: there is no such capture; see info capture\n");
    }
}
