/* See the header. */
#include "monitor/complete.h"

#include <string.h>

#include "core/log.h"
#include "core/machine.h"
#include "monitor/command.h"
#include "monitor/cpu_view.h"
#include "monitor/symbols.h"
#include "ui/input.h"

#define CANDIDATES_MAX 500

struct collector {
    const struct monitor_env *env;
    const char *prefix; /* what is there of the word */
    size_t length;
    GPtrArray *candidates;
};

static void offer(struct collector *c, const char *word)
{
    if (strncmp(word, c->prefix, c->length) == 0 && c->candidates->len < CANDIDATES_MAX) {
        g_ptr_array_add(c->candidates, g_strdup(word));
    }
}

static void offer_key(void *arg, const char *name)
{
    offer(arg, name);
}

static void offer_table(struct collector *c, const struct command *table)
{
    for (const struct command *row = table; row->name != NULL; row++) {
        offer(c, row->name);
    }
}

static void offer_commands(struct collector *c)
{
    offer_table(c, command_table);
}

static void offer_drives(struct collector *c)
{
    for (unsigned i = 0; i < c->env->drive_count; i++) {
        offer(c, c->env->drives[i].name);
    }
}

static void offer_devices(struct collector *c)
{
    for (guint i = 0; i < c->env->machine->devices->len; i++) {
        const struct device *dev = g_ptr_array_index(c->env->machine->devices, i);
        offer(c, dev->id);
    }
}

static void offer_log_items(struct collector *c)
{
    const char *name, *help;
    for (unsigned i = 0; (name = log_item_name(i, &help)) != NULL; i++) {
        offer(c, name);
    }
    offer(c, "help");
    offer(c, "none");
}

static void offer_files(struct collector *c)
{
    const char *slash = strrchr(c->prefix, '/');
    size_t folder_length = slash != NULL ? (size_t)(slash - c->prefix) + 1 : 0;
    g_autofree char *folder = g_strndup(c->prefix, folder_length);
    GDir *dir = g_dir_open(folder_length > 0 ? folder : ".", 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        bool hidden = name[0] == '.' && c->prefix[folder_length] != '.';
        g_autofree char *path = g_strconcat(folder, name, NULL);
        bool is_folder = g_file_test(path, G_FILE_TEST_IS_DIR);
        g_autofree char *shown = g_strconcat(path, is_folder ? "/" : "", NULL);
        if (!hidden) {
            offer(c, shown);
        }
    }
    if (dir != NULL) {
        g_dir_close(dir);
    }
}

static void offer_keys(struct collector *c)
{
    key_code_foreach_name(offer_key, c);
}

static void offer_settings(struct collector *c)
{
    offer(c, "asm");
}

static const struct {
    const char *kind; /* behind the colon in a shape */
    void (*fill)(struct collector *c);
} kinds[] = {
    {"command", offer_commands}, {"drive", offer_drives}, {"device", offer_devices},
    {"log", offer_log_items},    {"file", offer_files},   {"key", offer_keys},
    {"set", offer_settings},
};

/* The shape's token for argument number n, newly allocated, or NULL. */
static char *shape_token(const char *shape, unsigned n)
{
    g_auto(GStrv) tokens = g_strsplit(shape, " ", -1);
    for (unsigned i = 0; tokens[i] != NULL; i++) {
        if (tokens[i][0] == '-' || tokens[i][0] == '/' || tokens[i][0] == '\0') {
            continue;
        }
        if (n-- == 0) {
            return g_strdup(tokens[i]);
        }
    }
    return NULL;
}

static void offer_register(void *arg, const char *name)
{
    g_autofree char *word = g_strconcat("$", name, NULL);
    offer(arg, word);
}

static bool offer_symbol(void *arg, const struct symbol *symbol)
{
    struct collector *c = arg;
    offer(c, symbol->name);
    return c->candidates->len < CANDIDATES_MAX;
}

/* Within an expression: a register, or a symbol of which at least a letter is there. */
static void offer_terms(struct collector *c)
{
    if (c->prefix[0] == '$') {
        cpu_view_each_register(offer_register, c);
    } else if (c->length > 0 && c->env->symbols != NULL) {
        symbols_each(c->env->symbols, offer_symbol, c);
    }
}

static void offer_argument(struct collector *c, const struct command *command, unsigned n)
{
    g_autofree char *token = shape_token(command->shape, n);
    const char *colon = token != NULL ? strchr(token, ':') : NULL;
    if (token != NULL && (token[0] == 'e' || token[0] == 't') && (colon == NULL || c->prefix[0] == '$')) {
        offer_terms(c);
    }
    if (colon == NULL) {
        return;
    }
    size_t length = strcspn(colon + 1, "?");
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strlen(kinds[i].kind) == length && strncmp(kinds[i].kind, colon + 1, length) == 0) {
            kinds[i].fill(c);
        }
    }
}

static gint compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Where the word starts that is being typed: for key names a dash parts words, too; in an expression, a register or a name
 * behind an operator is one. */
static const char *last_word(const char *text)
{
    const char *space = strrchr(text, ' ');
    const char *word = space != NULL ? space + 1 : text;
    const char *dollar = strrchr(word, '$'), *p = word + strlen(word);
    if (dollar != NULL && strspn(dollar + 1, "abcdefghijklmnopqrstuvwxyz0123456789.") == strlen(dollar + 1)) {
        return dollar;
    }
    while (p > word && (g_ascii_isalnum(p[-1]) || p[-1] == '_' || p[-1] == '.')) {
        p--;
    }
    if (p > word && space != NULL && strchr("+*([&|^~!<>=", p[-1]) != NULL) {
        return p;
    }
    const char *dash = strrchr(word, '-');
    return dash != NULL && g_str_has_prefix(text, "sendkey ") ? dash + 1 : word;
}

size_t complete_line(void *arg, const char *line, size_t cursor, GPtrArray *candidates)
{
    g_autofree char *text = g_strndup(line, cursor);
    size_t start = strlen(text) - strlen(last_word(text));
    struct collector c = {.env = arg,
                          .prefix = text + start,
                          .length = strlen(text + start),
                          .candidates = candidates};
    /* What is before the word and belongs to it (ctrl- of ctrl-alt) is no word of its own. */
    g_autofree char *before = g_strndup(text, start);
    char *blank = strrchr(before, ' ');
    if (blank != NULL) {
        *blank = '\0';
    } else {
        before[0] = '\0';
    }
    g_auto(GStrv) words = g_strsplit_set(g_strstrip(before), " \t", -1);
    unsigned count = 0, arguments = 0;
    for (unsigned i = 0; words[i] != NULL; i++) {
        count += words[i][0] != '\0';
        arguments += i > 0 && words[i][0] != '\0' && words[i][0] != '-' && words[i][0] != '/';
    }
    const struct command *command =
        count > 0 ? command_find(command_table, words[0], strlen(words[0])) : NULL;
    if (count == 0) {
        offer_commands(&c);
    } else if (command != NULL && command->sub != NULL && count == 1) {
        offer_table(&c, command->sub);
        offer_devices(&c);
    } else if (command != NULL) {
        offer_argument(&c, command, arguments);
    }
    g_ptr_array_sort(candidates, compare);
    return start;
}
