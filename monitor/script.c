/* See the header. */
#include "monitor/script.h"

#include <stdio.h>
#include <string.h>

#include "monitor/command.h"
#include "monitor/wait.h"

struct script_line {
    char *text;   /* owned */
    char *origin; /* "boot.mon:3" or "-e"; owned */
};

struct monitor_script {
    const struct monitor_env *env;
    struct monitor_settings settings;
    GPtrArray *lines; /* struct script_line *; owned */
    guint next;       /* line to run */
    guint source;     /* GLib source, 0 = none */
};

static void line_free(gpointer data)
{
    struct script_line *line = data;
    g_free(line->text);
    g_free(line->origin);
    g_free(line);
}

struct monitor_script *monitor_script_create(const struct monitor_env *env)
{
    struct monitor_script *script = g_new0(struct monitor_script, 1);
    script->env = env;
    script->lines = g_ptr_array_new_with_free_func(line_free);
    return script;
}

void monitor_script_destroy(struct monitor_script *script)
{
    if (script == NULL) {
        return;
    }
    if (script->source != 0) {
        g_source_remove(script->source);
    }
    command_wait_destroy(script->settings.wait);
    g_ptr_array_unref(script->lines);
    g_free(script);
}

static void add_line(struct monitor_script *script, char *text, char *origin)
{
    struct script_line *line = g_new0(struct script_line, 1);
    line->text = text;
    line->origin = origin;
    g_ptr_array_add(script->lines, line);
}

bool monitor_script_add_file(struct monitor_script *script, const char *path, GError **error)
{
    g_autofree char *contents = NULL;
    bool standard_input = strcmp(path, "-") == 0;
    if (!g_file_get_contents(standard_input ? "/dev/stdin" : path, &contents, NULL, error)) {
        return false;
    }
    g_auto(GStrv) lines = g_strsplit(contents, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        add_line(script, g_strdup(g_strchomp(lines[i])), g_strdup_printf("%s:%u", path, i + 1));
    }
    return true;
}

void monitor_script_add_commands(struct monitor_script *script, const char *commands)
{
    const char *start = commands;
    bool quoted = false;
    for (const char *p = commands;; p++) {
        if (*p == '\\' && quoted && p[1] != '\0') {
            p++;
        } else if (*p == '"') {
            quoted = !quoted;
        } else if (*p == '\0' || (*p == ';' && !quoted)) {
            add_line(script, g_strndup(start, (gsize)(p - start)), g_strdup("-e"));
            start = p + 1;
            if (*p == '\0') {
                return;
            }
        }
    }
}

/* The outcome of the line before `next`. */
static void line_done(struct monitor_script *script, const GString *out, bool failed)
{
    const struct script_line *line = g_ptr_array_index(script->lines, script->next - 1);
    fputs(out->str, stdout);
    fflush(stdout);
    if (failed) {
        fprintf(stderr, "vmm: %s: '%s' failed\n", line->origin, g_strstrip(line->text));
        script->env->outcome->failed = true;
        script->next = script->lines->len;
        script->env->quit(script->env->arg);
    }
}

static gboolean script_step(gpointer arg)
{
    struct monitor_script *script = arg;
    g_autoptr(GString) out = g_string_new(NULL);
    if (script->settings.wait != NULL) {
        enum wait_result result = command_wait_poll(script->settings.wait, out);
        if (result == WAIT_PENDING) {
            return G_SOURCE_CONTINUE;
        }
        g_clear_pointer(&script->settings.wait, command_wait_destroy);
        line_done(script, out, result == WAIT_FAILED);
    } else if (script->next < script->lines->len && !script->settings.quit) {
        const struct script_line *line = g_ptr_array_index(script->lines, script->next++);
        script->settings.failed = false;
        command_run(script->env, &script->settings, line->text, out);
        line_done(script, out, script->settings.failed);
    } else {
        script->source = 0;
        return G_SOURCE_REMOVE;
    }
    script->source = g_timeout_add(script->settings.wait != NULL ? WAIT_POLL_MS : 0, script_step, script);
    return G_SOURCE_REMOVE;
}

void monitor_script_start(struct monitor_script *script)
{
    script->source = g_timeout_add(0, script_step, script);
}

bool monitor_script_done(const struct monitor_script *script)
{
    return script->next == script->lines->len && script->settings.wait == NULL;
}
