/* Finds the backend for a spec and hands it the pieces. The table below is the one list of them. */
#include "chardev/backends.h"

#include <string.h>
#include <unistd.h>

#include "chardev/backends_impl.h"

#define FAIL(error, ...) g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__)

struct backend {
    const char *prefix; /* ends with ':' if an argument follows */
    struct chardev *(*open)(const char *argument, GError **error);
};

/* Words after the first comma of a socket's spec. */
struct socket_words {
    char *address; /* owned */
    bool server, nowait;
};

static bool parse_on(const char *word, const char *name, bool *value)
{
    size_t n = strlen(name);
    if (strncmp(word, name, n) != 0) {
        return false;
    }
    if (word[n] == '\0' || strcmp(word + n, "=on") == 0 || strcmp(word + n, "=off") == 0) {
        *value = strcmp(word + n, "=off") != 0;
        return true;
    }
    return false;
}

static bool parse_socket_words(struct socket_words *words, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    bool ignored, wait = true;
    for (unsigned i = 1; parts[0] != NULL && parts[i] != NULL; i++) {
        if (parse_on(parts[i], "server", &words->server) ||
            parse_on(parts[i], "nowait", &words->nowait) ||
            parse_on(parts[i], "nodelay", &ignored)) {
            continue;
        }
        if (parse_on(parts[i], "wait", &wait)) {
            words->nowait = !wait;
            continue;
        }
        FAIL(error, "'%s' is none of server, nowait", parts[i]);
        return false;
    }
    if (parts[0] == NULL || parts[0][0] == '\0') {
        FAIL(error, "an address is missing");
        return false;
    }
    words->address = g_strdup(parts[0]);
    return true;
}

static struct chardev *open_socket(enum socket_kind kind, const char *argument, GError **error)
{
    struct socket_words words = {0};
    if (!parse_socket_words(&words, argument, error)) {
        return NULL;
    }
    struct chardev *chr = NULL;
    if (words.nowait && !words.server) {
        FAIL(error, "nowait is for servers: add 'server'");
    } else {
        chr = chardev_socket_create(kind, words.address, words.server, !words.nowait, error);
    }
    g_free(words.address);
    return chr;
}

static struct chardev *open_unix(const char *argument, GError **error)
{
    return open_socket(SOCKET_UNIX, argument, error);
}

static struct chardev *open_tcp(const char *argument, GError **error)
{
    return open_socket(SOCKET_TCP, argument, error);
}

static struct chardev *open_telnet(const char *argument, GError **error)
{
    return open_socket(SOCKET_TELNET, argument, error);
}

static struct chardev *open_stdio(const char *argument, GError **error)
{
    return chardev_stdio_create(STDIN_FILENO, STDOUT_FILENO, error);
}

static struct chardev *open_null(const char *argument, GError **error)
{
    return chardev_null_create();
}

static struct chardev *open_file(const char *argument, GError **error)
{
    if (argument[0] == '\0') {
        FAIL(error, "a path is missing: file:PATH");
        return NULL;
    }
    return chardev_file_create(argument, false, error);
}

static struct chardev *open_pty(const char *argument, GError **error)
{
    return chardev_pty_create(error);
}

static struct chardev *open_vc(const char *argument, GError **error)
{
    return chardev_vc_create(argument, error);
}

static const struct backend backends[] = {
    {"stdio", open_stdio}, {"null", open_null},  {"none", open_null}, {"file:", open_file},
    {"pty", open_pty},     {"unix:", open_unix}, {"tcp:", open_tcp},  {"telnet:", open_telnet},
    {"vc", open_vc},       {"vc:", open_vc},
};

struct chardev *chardev_open(const char *spec, GError **error)
{
    struct chardev *chr = NULL;
    GError *why = NULL;
    if (spec[0] == '/') {
        chr = chardev_device_create(spec, &why);
    }
    bool known = spec[0] == '/';
    for (unsigned i = 0; i < G_N_ELEMENTS(backends) && !known; i++) {
        size_t n = strlen(backends[i].prefix);
        bool argument = backends[i].prefix[n - 1] == ':';
        known = argument ? g_str_has_prefix(spec, backends[i].prefix)
                         : strcmp(spec, backends[i].prefix) == 0;
        if (known) {
            chr = backends[i].open(spec + n, &why);
        }
    }
    if (!known) {
        FAIL(error,
             "'%s' is no connection; there are stdio, vc, pty, null, none, file:PATH, "
             "unix:PATH[,server[,nowait]], "
             "tcp:HOST:PORT[,server[,nowait]], telnet:HOST:PORT,server[,nowait] and /dev/NAME",
             spec);
        return NULL;
    }
    if (chr == NULL) {
        g_propagate_prefixed_error(error, why, "'%s': ", spec);
    }
    return chr;
}

static enum chardev_peer peer_of(struct chardev *chr)
{
    return chr != NULL && chr->ops->peer != NULL ? chr->ops->peer(chr) : CHARDEV_PEER_OTHER;
}

bool chardev_wants_echo(struct chardev *chr)
{
    return peer_of(chr) == CHARDEV_PEER_TERMINAL;
}

bool chardev_is_script(struct chardev *chr)
{
    return peer_of(chr) == CHARDEV_PEER_SCRIPT;
}

void chardev_set_signals(struct chardev *chr, bool on)
{
    if (chr != NULL && chr->ops->set_signals != NULL) {
        chr->ops->set_signals(chr, on);
    }
}
