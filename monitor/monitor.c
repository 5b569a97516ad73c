/*
 * A monitor session: bytes from the connection through the line editor to the commands, answers
 * back.
 *
 * The answer of one command is made whole before it is sent; while it waits for a slow peer no
 * further input is taken. So what is kept is bounded by the longest single answer, which the
 * commands bound.
 */
#include "monitor/monitor.h"

#include <string.h>

#include "chardev/backends.h"
#include "chardev/chardev.h"
#include "monitor/command.h"
#include "monitor/complete.h"
#include "monitor/readline.h"
#include "monitor/wait.h"

struct monitor {
    const struct monitor_env *env;
    struct monitor_settings settings;
    struct chardev *chr; /* not owned */
    struct readline *readline;
    bool script;      /* plain answers: no banner, no prompt, LF alone */
    GString *pending; /* not sent yet, from `sent` on */
    size_t sent;
    guint wait_source; /* GLib source that looks whether settings.wait is over; 0 = none */
};

/* Sends what is pending, as much as the peer takes. */
static void send_pending(struct monitor *self)
{
    while (self->sent < self->pending->len) {
        size_t size = self->pending->len - self->sent;
        size_t taken = chardev_write(self->chr, self->pending->str + self->sent, size);
        self->sent += taken;
        if (taken < size) {
            break;
        }
    }
    if (self->sent == self->pending->len) {
        /* A long answer's memory is not kept. */
        if (self->pending->allocated_len > 65536) {
            g_string_free(self->pending, TRUE);
            self->pending = g_string_new(NULL);
        }
        g_string_truncate(self->pending, 0);
        self->sent = 0;
    }
}

/* Queues text; on terminals and sockets lines end with CR LF. */
static void put(struct monitor *self, const GString *text)
{
    for (gsize i = 0; i < text->len; i++) {
        if (text->str[i] == '\n' && !self->script) {
            g_string_append_c(self->pending, '\r');
        }
        g_string_append_c(self->pending, text->str[i]);
    }
}

static void put_prompt(struct monitor *self)
{
    g_autoptr(GString) text = g_string_new(NULL);
    readline_show(self->readline, text);
    put(self, text);
}

static size_t front_room(void *arg)
{
    struct monitor *self = arg;
    return self->pending->len > self->sent || self->settings.wait != NULL ? 0 : 1;
}

static gboolean on_wait(gpointer arg)
{
    struct monitor *self = arg;
    g_autoptr(GString) out = g_string_new(NULL);
    if (command_wait_poll(self->settings.wait, out) == WAIT_PENDING) {
        return G_SOURCE_CONTINUE;
    }
    self->wait_source = 0;
    g_clear_pointer(&self->settings.wait, command_wait_destroy);
    readline_show(self->readline, out);
    put(self, out);
    send_pending(self);
    chardev_accept(self->chr);
    return G_SOURCE_REMOVE;
}

static void front_receive(void *arg, const uint8_t *data, size_t size)
{
    struct monitor *self = arg;
    for (size_t i = 0; i < size && !self->settings.quit; i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        const char *line = readline_feed(self->readline, data[i], out);
        if (line != NULL) {
            command_run(self->env, &self->settings, line, out);
            if (self->settings.wait != NULL) {
                self->wait_source = g_timeout_add(WAIT_POLL_MS, on_wait, self);
            } else if (!self->settings.quit) {
                readline_show(self->readline, out);
            }
        }
        put(self, out);
    }
    send_pending(self);
}

static void front_writable(void *arg)
{
    struct monitor *self = arg;
    send_pending(self);
    chardev_accept(self->chr);
}

static void greet(struct monitor *self)
{
    if (!self->script) {
        g_autoptr(GString) text =
            g_string_new("vmm " VMM_VERSION " monitor - type 'help' for more information\n");
        put(self, text);
        put_prompt(self);
    }
}

static void front_event(void *arg, enum chardev_event event)
{
    struct monitor *self = arg;
    if (event == CHARDEV_OPENED) {
        greet(self);
    } else if (event == CHARDEV_FOCUSED) {
        put_prompt(self);
    } else if (event == CHARDEV_CLOSED) {
        g_string_truncate(self->pending, 0);
        self->sent = 0;
    }
    send_pending(self);
}

static const struct chardev_front monitor_front = {
    .room = front_room,
    .receive = front_receive,
    .writable = front_writable,
    .event = front_event,
};

struct monitor *monitor_create(const struct monitor_env *env, struct chardev *chr, bool echo)
{
    struct monitor *self = g_new0(struct monitor, 1);
    self->env = env;
    self->chr = chr;
    self->script = !echo && chardev_is_script(chr);
    self->pending = g_string_new(NULL);
    const char *prompt = self->script ? NULL : env->prompt != NULL ? env->prompt : "(vmm) ";
    self->readline = readline_create(prompt, echo, complete_line, (void *)env);
    chardev_set_signals(chr, false);
    chardev_attach(chr, NULL, &monitor_front, self);
    return self;
}

void monitor_destroy(struct monitor *self)
{
    if (self == NULL) {
        return;
    }
    chardev_detach(self->chr);
    if (self->wait_source != 0) {
        g_source_remove(self->wait_source);
    }
    command_wait_destroy(self->settings.wait);
    readline_destroy(self->readline);
    g_string_free(self->pending, TRUE);
    g_free(self);
}

void monitor_run(const struct monitor_env *env, const char *line, GString *out)
{
    struct monitor_settings settings = {0};
    command_run(env, &settings, line, out);
    if (settings.wait != NULL) {
        g_string_append_printf(out, "Error: %s: nothing can be waited for here\n", settings.wait->what);
        command_wait_destroy(settings.wait);
    }
}
