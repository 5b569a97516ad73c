/*
 * A monitor session: bytes from the connection through the line editor to the commands, answers
 * back.
 *
 * The answer of one command is made whole before it is sent. A peer may leave PENDING_MAX bytes unread (programs that
 * only write do so) before no further input is taken. So what is kept is bounded by that and the longest single
 * answer, which the commands bound.
 */
#include "monitor/monitor.h"

#include <string.h>

#include "chardev/backends.h"
#include "chardev/chardev.h"
#include "core/machine.h"
#include "monitor/command.h"
#include "monitor/complete.h"
#include "monitor/debug_view.h"
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
    GString *queued;   /* typed meanwhile */
    bool in_command;
};

#define QUEUED_MAX 4096
#define PENDING_MAX (256 << 10)
#define CTRL_C     3

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
    return self->pending->len - self->sent > PENDING_MAX || self->queued->len >= QUEUED_MAX ? 0 : 1;
}

static void front_receive(void *arg, const uint8_t *data, size_t size);

/* What was typed while a command waited. */
static void take_queued(struct monitor *self)
{
    g_autoptr(GString) queued = self->queued;
    self->queued = g_string_new(NULL);
    front_receive(self, (const uint8_t *)queued->str, queued->len);
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
    take_queued(self);
    chardev_accept(self->chr);
    return G_SOURCE_REMOVE;
}

/* While a command waits, Ctrl-C stops the guest or ends the wait, and all else is kept for later. */
static void receive_waiting(struct monitor *self, uint8_t byte)
{
    if (byte != CTRL_C) {
        if (self->queued->len < QUEUED_MAX) {
            g_string_append_c(self->queued, (gchar)byte);
        }
    } else if (self->settings.wait->tells_stop) {
        machine_pause(self->env->machine, RUN_STATE_PAUSED);
    } else {
        self->settings.wait->deadline = 0;
    }
}

static void front_receive(void *arg, const uint8_t *data, size_t size)
{
    struct monitor *self = arg;
    for (size_t i = 0; i < size && !self->settings.quit; i++) {
        if (self->settings.wait != NULL) {
            receive_waiting(self, data[i]);
            continue;
        }
        g_autoptr(GString) out = g_string_new(NULL);
        const char *line = readline_feed(self->readline, data[i], out);
        if (line != NULL) {
            self->in_command = true;
            command_run(self->env, &self->settings, line, out);
            self->in_command = false;
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

/* The machine runs or has stopped: says so if it was for a breakpoint. */
static void on_state(void *arg, struct machine *machine, enum run_state state)
{
    struct monitor *self = arg;
    const struct command_wait *wait = self->settings.wait;
    if (state != RUN_STATE_DEBUG || self->in_command || self->env->accel == NULL ||
        !chardev_is_open(self->chr) || (wait != NULL && wait->tells_stop)) {
        return;
    }
    const struct break_stop *stop = accel_debug_stop(self->env->accel);
    if (stop->why == BREAK_STOP_POINT && !stop->hidden && stop->owner == BREAK_OWNER_MONITOR) {
        g_autoptr(GString) out = g_string_new(self->script || wait != NULL ? NULL : "\n");
        debug_view_stop(self->env, &self->settings, out);
        put(self, out);
        if (wait == NULL) {
            put_prompt(self);
        }
        send_pending(self);
    }
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
    self->queued = g_string_new(NULL);
    machine_on_state(env->machine, on_state, self);
    chardev_set_signals(chr, false);
    chardev_attach(chr, NULL, &monitor_front, self);
    return self;
}

void monitor_destroy(struct monitor *self)
{
    if (self == NULL) {
        return;
    }
    machine_off_state(self->env->machine, on_state, self);
    chardev_detach(self->chr);
    g_string_free(self->queued, TRUE);
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
