/* See the header. */
#include "monitor/command.h"

#include <string.h>

#include "core/option.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"
#include "monitor/expr.h"

#define COMMAND_NAMES_MAX 256
#define COMMAND_NAME_MAX  32 /* longer words are no mistyped names */

void command_print(struct command_call *call, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_string_append_vprintf(call->out, format, args);
    va_end(args);
}

void command_error(struct command_call *call, GError *error)
{
    command_print(call, "Error: %s\n", error->message);
    g_error_free(error);
}

/* names: one or several with '|' between them, or NULL. */
static bool is_name(const char *names, const char *text, size_t n)
{
    while (names != NULL) {
        size_t length = strcspn(names, "|");
        if (length == n && memcmp(names, text, n) == 0) {
            return true;
        }
        names = names[length] == '|' ? names + length + 1 : NULL;
    }
    return false;
}

const struct command *command_find(const struct command *table, const char *name, size_t n)
{
    for (const struct command *row = table; row->name != NULL; row++) {
        if (is_name(row->name, name, n) || is_name(row->alias, name, n)) {
            return row;
        }
    }
    return NULL;
}

void command_usage(const struct command *command, const char *prefix, GString *out)
{
    if (prefix != NULL) {
        g_string_append_printf(out, "%s ", prefix);
    }
    g_string_append(out, command->name);
    if (command->alias != NULL) {
        g_string_append_printf(out, "|%s", command->alias);
    }
    g_string_append_printf(out, " %s -- %s\n", command->params, command->help);
}

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t') {
        p++;
    }
    return p;
}

/* ---- arguments ---- */

static bool fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool fail(GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, text);
    return false;
}

static unsigned size_of_letter(char c)
{
    return c == 'b' ? 1 : c == 'h' ? 2 : c == 'w' ? 4 : c == 'g' || c == 'L' ? 8 : 0;
}

/* What a format leaves out is as in the command before. */
static void complete_format(struct command_format *format, struct monitor_settings *settings)
{
    if (format->format == 0) {
        format->format = settings->format != 0 ? settings->format : 'x';
    }
    if (format->size == 0) {
        format->size = settings->size != 0 ? settings->size : 4;
    }
    settings->format = format->format;
    if (format->format != 'i') {
        settings->size = format->size;
    }
}

static bool parse_format(struct command_format *format, const char **text, GError **error)
{
    const char *p = *text;
    *format = (struct command_format){.count = 1};
    if (*p != '/') {
        return true;
    }
    p++;
    if (g_ascii_isdigit(*p)) {
        for (format->count = 0; g_ascii_isdigit(*p); p++) {
            if (format->count > UINT32_MAX) {
                return fail(error, "count is too large");
            }
            format->count = format->count * 10 + (unsigned)(*p - '0');
        }
    }
    for (; g_ascii_isalpha(*p); p++) {
        if (size_of_letter(*p) != 0) {
            format->size = size_of_letter(*p);
        } else if (strchr("xduocis", *p) != NULL) {
            format->format = *p;
        } else {
            return fail(error, "invalid char in format: '%c'", *p);
        }
    }
    if (*p != '\0' && *p != ' ' && *p != '\t') {
        return fail(error, "invalid char in format: '%c'", *p);
    }
    *text = skip_blanks(p);
    return true;
}

/* A word or "quoted text", in which a backslash takes the next character as it is. */
static bool parse_word(char **word, const char **text, GError **error)
{
    const char *p = *text;
    g_autoptr(GString) result = g_string_new(NULL);
    bool quoted = *p == '"';
    p += quoted;
    while (*p != '\0' && (quoted ? *p != '"' : *p != ' ' && *p != '\t')) {
        if (quoted && *p == '\\' && p[1] != '\0') {
            p++;
            g_string_append_c(result, *p == 'n' ? '\n' : *p);
            p++;
        } else {
            g_string_append_c(result, *p++);
        }
    }
    if (quoted && *p++ != '"') {
        return fail(error, "unterminated string");
    }
    *word = g_string_free(g_steal_pointer(&result), FALSE);
    *text = skip_blanks(p);
    return true;
}

/* Flags in any order before the arguments; `allowed` is a bit set. */
static bool parse_flags(struct command_call *call, guint32 allowed, const char **text,
                        GError **error)
{
    const char *p = *text;
    while (allowed != 0 && p[0] == '-' && g_ascii_islower(p[1])) {
        for (p++; g_ascii_islower(*p); p++) {
            if (!(allowed & COMMAND_FLAG(*p))) {
                return fail(error, "unsupported option -%c", *p);
            }
            call->flags |= COMMAND_FLAG(*p);
        }
        p = skip_blanks(p);
    }
    *text = p;
    return true;
}

static guint32 flags_of_shape(const char *shape)
{
    guint32 flags = 0;
    for (const char *p = strchr(shape, '-'); p != NULL; p = strchr(p + 1, '-')) {
        flags |= COMMAND_FLAG(p[1]);
    }
    return flags;
}

static bool parse_one(struct command_call *call, struct command_arg *arg, const char *token, const char **text, GError **error)
{
    char kind = token[0];
    bool optional = strchr(token, '?') != NULL;
    if (kind == '/') {
        bool good = parse_format(&call->format, text, error);
        if (good && token[1] == '\0') {
            complete_format(&call->format, call->settings);
        }
        return good;
    }
    if (**text == '\0') {
        if (optional) {
            return true;
        }
        return kind == 'e' ? fail(error, "unexpected end of expression")
                           : fail(error, "%s: an argument is missing", call->command->name);
    }
    arg->given = true;
    if (kind == 'e') {
        return cpu_view_expression(call, text, &arg->value, error);
    }
    if (kind == 't' && **text != '"') {
        arg->text = g_strdup(*text);
        *text += strlen(*text);
        return true;
    }
    return parse_word(&arg->text, text, error);
}

static bool parse_args(struct command_call *call, const char *text, GError **error)
{
    unsigned n = 0;
    text = skip_blanks(text);
    if (!parse_flags(call, flags_of_shape(call->command->shape), &text, error)) {
        return false;
    }
    g_auto(GStrv) tokens = g_strsplit(call->command->shape, " ", -1);
    for (unsigned i = 0; tokens[i] != NULL; i++) {
        char kind = tokens[i][0];
        if (kind == '-' || kind == '\0') {
            continue;
        }
        g_assert(n < COMMAND_ARGS_MAX);
        if (!parse_one(call, &call->args[n], tokens[i], &text, error)) {
            return false;
        }
        n += kind != '/';
    }
    if (*text != '\0') {
        return fail(error, "%s%s%s: extraneous characters at the end of line", call->command->name,
                    call->command->alias != NULL ? "|" : "",
                    call->command->alias != NULL ? call->command->alias : "");
    }
    return true;
}

/* ---- running ---- */

/* The only name that starts so, else the one with the least difference. */
static const char *nearest_name(const char *word, const char *const *names)
{
    const char *found = NULL;
    unsigned count = 0;
    if (!g_ascii_isalpha(word[0]) || word[1] == '\0' || strlen(word) > COMMAND_NAME_MAX) {
        return NULL;
    }
    for (unsigned i = 0; names[i] != NULL; i++) {
        if (g_str_has_prefix(names[i], word)) {
            found = names[i];
            count++;
        }
    }
    return count == 1 ? found : option_nearest(word, names);
}

static void unknown(const struct command *table, const char *prefix, const char *name, size_t n,
                    GString *out)
{
    const char *names[COMMAND_NAMES_MAX];
    unsigned count = 0;
    g_autofree char *word = g_strndup(name, n);
    g_autofree char *shown = g_strescape(word, NULL);
    for (const struct command *row = table; row->name != NULL && count < COMMAND_NAMES_MAX - 1;
         row++) {
        names[count++] = row->name;
    }
    names[count] = NULL;
    const char *nearest = nearest_name(word, names);
    g_string_append_printf(out, "unknown command: '%s%.80s'", prefix, shown);
    if (nearest != NULL) {
        g_string_append_printf(out, "\nDid you mean '%s%s'?", prefix, nearest);
    }
    g_string_append_c(out, '\n');
}

/* The end of a command's name: letters, digits, '_' and '-', so that `p/x` needs no blank; or one '?'.
 */
static size_t name_length(const char *p)
{
    size_t n = 0;
    while (g_ascii_isalnum(p[n]) || p[n] == '_' || (n > 0 && p[n] == '-')) {
        n++;
    }
    if (n == 0) {
        return p[0] != '\0';
    }
    /* A word that goes on with anything but a format is no command's name. */
    return p[n] == '/' || p[n] == ' ' || p[n] == '\t' || p[n] == '\0' ? n : strcspn(p, " \t");
}

/* False if the answer is an error. */
static bool run_line(const struct monitor_env *env, struct monitor_settings *settings,
                     const char *line, GString *out)
{
    const char *p = skip_blanks(line);
    size_t n = name_length(p);
    if (n == 0 || *p == '#') {
        return true;
    }
    const struct command *command = command_find(command_table, p, n);
    if (command == NULL) {
        unknown(command_table, "", p, n, out);
        return false;
    }
    g_autofree char *help_name = g_strndup(p, n); /* as it was typed */
    const char *rest = skip_blanks(p + n);
    if (command->sub != NULL && *rest != '\0') {
        size_t length = strcspn(rest, " \t");
        const struct command *sub = command_find(command->sub, rest, length);
        if (sub == NULL) {
            g_autofree char *word = g_strndup(rest, length);
            g_autofree char *prefix = g_strdup_printf("%s ", command->name);
            bool device = command->run == cmd_info && info_device(env, word, out);
            if (!device) {
                unknown(command->sub, prefix, rest, length, out);
            }
            return device;
        }
        g_free(help_name);
        help_name = g_strndup(p, (gsize)(rest + length - p));
        command = sub;
        rest += length;
    }
    struct command_call call = {.env = env, .settings = settings, .command = command, .out = out};
    GError *error = NULL;
    bool good = parse_args(&call, rest, &error);
    if (good) {
        gsize before = out->len;
        command->run(&call);
        good = !g_str_has_prefix(out->str + before, "Error: ");
    } else {
        g_string_append_printf(out, "%s\nTry \"help %s\" for more information\n", error->message,
                               help_name);
        g_error_free(error);
    }
    for (unsigned i = 0; i < COMMAND_ARGS_MAX; i++) {
        g_free(call.args[i].text);
    }
    return good;
}

void command_run(const struct monitor_env *env, struct monitor_settings *settings, const char *line,
                 GString *out)
{
    if (!run_line(env, settings, line, out)) {
        settings->failed = true;
    }
}
