/*
 * Options about how a run goes: scripts, time limit, what happens at its end, and the log. See the header.
 */
#include "options_run.h"

#include <errno.h>
#include <string.h>

#include "core/log.h"

#define FAIL(error, ...) (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)
#define TIMEOUT_MAX 31536000u /* a year */

void option_script_free(gpointer data)
{
    struct option_script *script = data;
    g_free(script->text);
    g_free(script);
}

static bool action_word(const struct option_list *list, const char *word, const char *go_on, enum accel_action *action,
                        GError **error)
{
    const char *text = option_list_get(list, word);
    if (text == NULL) {
        return true;
    }
    if (strcmp(text, go_on) == 0) {
        *action = ACTION_GO_ON;
    } else if (strcmp(text, "pause") == 0) {
        *action = ACTION_PAUSE;
    } else if (strcmp(text, "shutdown") == 0) {
        *action = ACTION_POWER_OFF;
    } else {
        return FAIL(error, "%s=%s: must be %s, pause or shutdown", word, text, go_on);
    }
    return true;
}

bool option_set_guest_action(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    static const char *const known[] = { "triple-fault", "reboot", "halt", "shutdown", NULL };
    struct option_list list;
    if (!option_list_parse(&list, arg, NULL, known, error)) {
        return false;
    }
    bool ok = action_word(&list, "triple-fault", "reset", &o->triple_fault, error) &&
              action_word(&list, "reboot", "reset", &o->reboot, error) &&
              action_word(&list, "halt", "none", &o->halt, error);
    const char *shutdown = option_list_get(&list, "shutdown");
    if (ok && shutdown != NULL) {
        o->no_shutdown = strcmp(shutdown, "pause") == 0;
        ok = o->no_shutdown || strcmp(shutdown, "poweroff") == 0 ||
             FAIL(error, "shutdown=%s: must be poweroff or pause", shutdown);
    }
    option_list_finish(&list);
    return ok;
}

/* -trace PATTERN is -d trace:PATTERN. */
bool option_set_trace(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    bool named = g_str_has_prefix(arg, "enable=");
    char *items = g_strdup_printf("%s%strace:%s", o->log_items != NULL ? o->log_items : "",
                                             o->log_items != NULL ? "," : "", named ? arg + strlen("enable=") : arg);
    g_free(o->log_items);
    o->log_items = items;
    return true;
}

/* -e and -mon-script, which may come several times. */
bool option_set_script(void *target, const struct option *option, const char *arg, GError **error)
{
    struct option_script *script = g_new0(struct option_script, 1);
    script->file = strcmp(option->name, "mon-script") == 0;
    script->text = g_strdup(arg);
    g_ptr_array_add(((struct options *)target)->scripts, script);
    return true;
}

bool option_set_timeout(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    char *end;
    o->timeout = g_ascii_strtoull(arg, &end, 10);
    if (end == arg || *end != '\0' || *arg == '-' || o->timeout == 0 || o->timeout > TIMEOUT_MAX) {
        return FAIL(error, "'%s': must be a number of seconds from 1 to %u", arg, TIMEOUT_MAX);
    }
    return true;
}

struct log *option_log_open(const struct options *o, GError **error)
{
    g_autofree char *bad = NULL;
    uint32_t items = 0;
    if (o->log_items != NULL && !log_parse_items(o->log_items, &items, &bad)) {
        GString *known = g_string_new(NULL);
        const char *help, *name;
        for (unsigned i = 0; (name = log_item_name(i, &help)) != NULL; i++) {
            g_string_append_printf(known, "%s%s", i > 0 ? " " : "", name);
        }
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "-d: unknown item '%s'; known: %s", bad,
                    known->str);
        g_string_free(known, TRUE);
        return NULL;
    }
    struct log *log = log_create(stderr, items);
    if (o->log_filter != NULL && !log_set_filter(log, o->log_filter, &bad)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "-dfilter: %s", bad);
        log_destroy(log);
        return NULL;
    }
    if (o->log_items != NULL) {
        log_set_traces(log, o->log_items);
    }
    if (o->log_file != NULL && !log_set_file(log, o->log_file)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "-D: cannot write '%s': %s", o->log_file,
                    g_strerror(errno));
        log_destroy(log);
        return NULL;
    }
    return log;
}

bool option_set_uuid(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    unsigned digits = 0;

    if (!g_uuid_string_is_valid(arg)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "'%s' is no UUID such as 550e8400-e29b-41d4-a716-446655440000", arg);
        return false;
    }
    for (const char *p = arg; *p != '\0'; p++) {
        if (*p != '-') {
            uint8_t *byte = &o->uuid[digits++ / 2];
            *byte = (uint8_t)(*byte << 4 | g_ascii_xdigit_value(*p));
        }
    }
    o->have_uuid = true;
    return true;
}

char *option_uuid_text(const uint8_t uuid[16])
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < 16; i++) {
        g_string_append_printf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
    }
    return g_string_free(text, FALSE);
}
