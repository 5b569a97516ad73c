/*
 * See the header. The multiplexer is the front of the terminal, in the main thread, and the backend
 * of its connections. What the connections write, from whatever thread, goes into one bounded
 * buffer under a lock, and the main thread moves it on to the terminal; a connection whose bytes
 * find no room is told when there is.
 */
#include "chardev/mux.h"

#include <string.h>
#include <unistd.h>

#include "chardev/backends.h"
#include "chardev/chardev_impl.h"
#include "chardev/main_call.h"

#define MUX_CONNECTIONS 4
#define MUX_BUFFER      16384
#define MUX_STAMP_MAX   32 /* bytes of a time stamp at most */
#define MUX_STALL_MS    2000
#define MUX_DRAIN_MS    200 /* how long the end waits for a terminal that has stopped */

struct mux_connection {
    struct chardev base;
    struct mux *mux;
    bool at_line_start; /* for time stamps; mux->lock */
    bool refused;       /* a write found no room; mux->lock */
};

struct mux {
    struct chardev *backend; /* owned */
    const struct mux_ops *ops;
    void *arg;
    unsigned escape;
    bool escaped;  /* the escape key was the last byte */
    bool dropping; /* the front with the focus has taken nothing for MUX_STALL_MS: see stalled() */
    guint stall_timer;
    struct mux_connection *connections[MUX_CONNECTIONS];
    struct mux_connection *focus;
    struct main_call flush_call, read_call;

    GMutex lock; /* guards what follows and the marked fields of the connections */
    uint8_t buffer[MUX_BUFFER];
    size_t head, count;
    uint8_t last; /* byte that was put in */
    bool stamps;
    gint64 stamps_since; /* us */
};

/* Lock held; room checked. */
static void put(struct mux *mux, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        mux->buffer[(mux->head + mux->count++) % MUX_BUFFER] = bytes[i];
        mux->last = bytes[i];
    }
}

static size_t put_stamped(struct mux_connection *connection, const uint8_t *data, size_t size)
{
    struct mux *mux = connection->mux;
    size_t taken = 0;
    while (taken < size && mux->count + MUX_STAMP_MAX < MUX_BUFFER) {
        if (connection->at_line_start) {
            gint64 ms = (g_get_monotonic_time() - mux->stamps_since) / 1000;
            char text[MUX_STAMP_MAX];
            int n =
                g_snprintf(text, sizeof(text), "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000 % 100),
                           (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
            put(mux, text, (size_t)n);
        }
        put(mux, data + taken, 1);
        connection->at_line_start = data[taken++] == '\n';
    }
    return taken;
}

static size_t mux_write(struct chardev *chr, const uint8_t *data, size_t size)
{
    struct mux_connection *connection = (struct mux_connection *)chr;
    struct mux *mux = connection->mux;
    g_mutex_lock(&mux->lock);
    size_t taken;
    if (mux->stamps) {
        taken = put_stamped(connection, data, size);
    } else {
        taken = MIN(size, MUX_BUFFER - mux->count);
        put(mux, data, taken);
    }
    if (taken < size) {
        connection->refused = true;
    }
    g_mutex_unlock(&mux->lock);
    main_call_post(&mux->flush_call);
    return taken;
}

/* Main thread: moves the buffer on to the terminal, as much as that takes. */
static void flush(void *arg)
{
    struct mux *mux = arg;
    g_mutex_lock(&mux->lock);
    while (mux->count > 0) {
        /* Only this thread takes bytes out, so the run stays while the lock is open. */
        const uint8_t *run = &mux->buffer[mux->head];
        size_t size = MIN(mux->count, MUX_BUFFER - mux->head);
        g_mutex_unlock(&mux->lock);
        size_t taken = chardev_write(mux->backend, run, size);
        g_mutex_lock(&mux->lock);
        mux->head = (mux->head + taken) % MUX_BUFFER;
        mux->count -= taken;
        if (taken < size) {
            break; /* the backend says when it goes on */
        }
    }
    bool again[MUX_CONNECTIONS] = {false};
    for (unsigned i = 0; i < MUX_CONNECTIONS && mux->count < MUX_BUFFER / 2; i++) {
        if (mux->connections[i] != NULL && mux->connections[i]->refused) {
            mux->connections[i]->refused = false;
            again[i] = true;
        }
    }
    g_mutex_unlock(&mux->lock);
    for (unsigned i = 0; i < MUX_CONNECTIONS; i++) {
        if (again[i] && mux->connections[i] != NULL) {
            chardev_writable(&mux->connections[i]->base);
        }
    }
}

/* The multiplexer's own text; dropped if there is no room. */
static void say(struct mux *mux, const char *text)
{
    g_mutex_lock(&mux->lock);
    size_t size = strlen(text);
    if (MUX_BUFFER - mux->count >= size) {
        put(mux, text, size);
    }
    g_mutex_unlock(&mux->lock);
    main_call_post(&mux->flush_call);
}

static void say_help(struct mux *mux)
{
    static const struct {
        char key;
        const char *text;
    } keys[] = {
        {'h', "print this help"},
        {'x', "exit vmm"},
        {'s', "save what -snapshot drives changed to their images"},
        {'t', "switch time stamps on or off"},
        {'b', "send a break"},
        {'c', "switch between console and monitor"},
    };
    char name[16];
    if (mux->escape < 32) {
        g_snprintf(name, sizeof(name), "C-%c", (char)(mux->escape + 96));
    } else {
        g_snprintf(name, sizeof(name), "0x%02x", mux->escape);
    }
    g_autoptr(GString) text = g_string_new("\r\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_string_append_printf(text, "%s %c    %s\r\n", name, keys[i].key, keys[i].text);
    }
    g_string_append_printf(text, "%s %s  send %s\r\n", name, name, name);
    say(mux, text->str);
}

static void next_focus(struct mux *mux)
{
    for (unsigned i = 0; i < MUX_CONNECTIONS; i++) {
        if (mux->connections[i] == mux->focus) {
            for (unsigned k = 1; k <= MUX_CONNECTIONS; k++) {
                struct mux_connection *next = mux->connections[(i + k) % MUX_CONNECTIONS];
                if (next != NULL) {
                    mux_focus(mux, &next->base);
                    return;
                }
            }
        }
    }
}

static void toggle_stamps(struct mux *mux)
{
    g_mutex_lock(&mux->lock);
    mux->stamps = !mux->stamps;
    mux->stamps_since = g_get_monotonic_time();
    for (unsigned i = 0; i < MUX_CONNECTIONS; i++) {
        if (mux->connections[i] != NULL) {
            mux->connections[i]->at_line_start = mux->last == '\n';
        }
    }
    g_mutex_unlock(&mux->lock);
}

/* The byte after the escape key. */
static void command(struct mux *mux, uint8_t byte)
{
    if (byte == mux->escape) {
        if (mux->focus != NULL) {
            chardev_deliver(&mux->focus->base, &byte, 1);
        }
        return;
    }
    switch (byte) {
    case 'x':
        say(mux, "vmm: terminated\r\n");
        if (mux->ops != NULL && mux->ops->quit != NULL) {
            mux->ops->quit(mux->arg);
        }
        break;
    case 's':
        if (mux->ops != NULL && mux->ops->commit != NULL) {
            mux->ops->commit(mux->arg);
        }
        break;
    case 'b':
        if (mux->focus != NULL) {
            chardev_deliver_event(&mux->focus->base, CHARDEV_BREAK);
        }
        break;
    case 'c':
        next_focus(mux);
        break;
    case 't':
        toggle_stamps(mux);
        break;
    default: /* h, ? and all that have no meaning */
        say_help(mux);
        break;
    }
}

/* A guest that does not read would keep us from reading the escape key. So at a terminal, after a
 * while, what is typed at it is dropped with a bell until it reads again. */
static gboolean stalled(gpointer arg)
{
    struct mux *mux = arg;
    mux->stall_timer = 0;
    mux->dropping = mux->focus != NULL && chardev_room(&mux->focus->base) == 0;
    chardev_accept(mux->backend);
    return G_SOURCE_REMOVE;
}

static void stall_over(struct mux *mux)
{
    mux->dropping = false;
    if (mux->stall_timer != 0) {
        g_source_remove(mux->stall_timer);
        mux->stall_timer = 0;
    }
}

/* Byte by byte, since each may move the focus to a connection with less room. */
static size_t front_room(void *arg)
{
    struct mux *mux = arg;
    if (mux->escaped || mux->focus == NULL || mux->dropping) {
        return 1;
    }
    size_t room = chardev_room(&mux->focus->base);
    if (room == 0 && mux->stall_timer == 0 && mux->escape != 0 &&
        chardev_wants_echo(mux->backend)) {
        mux->stall_timer = g_timeout_add(MUX_STALL_MS, stalled, mux);
    }
    return MIN(room, 1);
}

static void front_receive(void *arg, const uint8_t *data, size_t size)
{
    struct mux *mux = arg;
    for (size_t i = 0; i < size; i++) {
        if (mux->escaped) {
            mux->escaped = false;
            command(mux, data[i]);
        } else if (mux->escape != 0 && data[i] == mux->escape) {
            mux->escaped = true;
        } else if (mux->focus != NULL && chardev_deliver(&mux->focus->base, &data[i], 1) == 0) {
            say(mux, "\a");
        }
    }
}

static void front_writable(void *arg)
{
    flush(arg);
}

static void front_event(void *arg, enum chardev_event event)
{
    struct mux *mux = arg;
    if (event == CHARDEV_BREAK && mux->focus != NULL) {
        chardev_deliver_event(&mux->focus->base, CHARDEV_BREAK);
    }
}

static const struct chardev_front mux_front = {
    .room = front_room,
    .receive = front_receive,
    .writable = front_writable,
    .event = front_event,
};

static void read_on(void *arg)
{
    struct mux *mux = arg;
    stall_over(mux);
    chardev_accept(mux->backend);
}

struct mux *mux_create(struct chardev *backend, unsigned escape, const struct mux_ops *ops,
                       void *arg)
{
    struct mux *mux = g_new0(struct mux, 1);
    mux->backend = backend;
    mux->escape = escape;
    mux->ops = ops;
    mux->arg = arg;
    mux->last = '\n';
    g_mutex_init(&mux->lock);
    main_call_init(&mux->flush_call, flush, mux);
    main_call_init(&mux->read_call, read_on, mux);
    if (escape != 0) {
        chardev_set_signals(backend, false);
    }
    chardev_attach(backend, NULL, &mux_front, mux);
    return mux;
}

void mux_destroy(struct mux *mux)
{
    if (mux == NULL) {
        return;
    }
    for (unsigned i = 0; i < MUX_CONNECTIONS; i++) {
        g_assert(mux->connections[i] == NULL);
    }
    /* The guest's last words count; a terminal that stands still does not hold us up for long. */
    flush(mux);
    for (unsigned ms = 0; ms < MUX_DRAIN_MS && mux->count > 0; ms += 10) {
        g_usleep(10000);
        flush(mux);
    }
    stall_over(mux);
    main_call_finish(&mux->flush_call);
    main_call_finish(&mux->read_call);
    chardev_destroy(mux->backend);
    g_mutex_clear(&mux->lock);
    g_free(mux);
}

/* ---- the connections' backend side ---- */

static void connection_resume(struct chardev *chr)
{
    main_call_post(&((struct mux_connection *)chr)->mux->read_call);
}

static enum chardev_peer connection_peer(struct chardev *chr)
{
    struct mux *mux = ((struct mux_connection *)chr)->mux;
    return chardev_wants_echo(mux->backend)  ? CHARDEV_PEER_TERMINAL
           : chardev_is_script(mux->backend) ? CHARDEV_PEER_SCRIPT
                                             : CHARDEV_PEER_OTHER;
}

static unsigned connection_lines(struct chardev *chr)
{
    return CHARDEV_LINE_CTS | CHARDEV_LINE_DSR | CHARDEV_LINE_DCD;
}

static void connection_destroy(struct chardev *chr)
{
    struct mux_connection *connection = (struct mux_connection *)chr;
    struct mux *mux = connection->mux;
    for (unsigned i = 0; i < MUX_CONNECTIONS; i++) {
        if (mux->connections[i] == connection) {
            mux->connections[i] = NULL;
        }
    }
    if (mux->focus == connection) {
        mux->focus = NULL;
    }
}

static const struct chardev_ops connection_ops = {
    .write = mux_write,
    .resume = connection_resume,
    .lines = connection_lines,
    .peer = connection_peer,
    .destroy = connection_destroy,
};

struct chardev *mux_connect(struct mux *mux, const char *label)
{
    struct mux_connection *connection = g_new0(struct mux_connection, 1);
    bool first = mux->focus == NULL;
    unsigned slot = 0;
    while (slot < MUX_CONNECTIONS && mux->connections[slot] != NULL) {
        slot++;
    }
    g_assert(slot < MUX_CONNECTIONS);
    chardev_init(&connection->base, &connection_ops, label, first);
    connection->mux = mux;
    connection->at_line_start = true;
    g_mutex_lock(&mux->lock);
    mux->connections[slot] = connection;
    g_mutex_unlock(&mux->lock);
    if (first) {
        mux->focus = connection;
    }
    return &connection->base;
}

void mux_focus(struct mux *mux, struct chardev *connection)
{
    if (mux->focus == (struct mux_connection *)connection) {
        return;
    }
    g_mutex_lock(&mux->lock);
    if (mux->last != '\n' && MUX_BUFFER - mux->count >= 2) {
        put(mux, "\r\n", 2); /* who gets the keyboard starts on a line of its own */
    }
    g_mutex_unlock(&mux->lock);
    main_call_post(&mux->flush_call);
    mux->focus = (struct mux_connection *)connection;
    if (!chardev_is_open(connection)) {
        chardev_deliver_event(connection, CHARDEV_OPENED);
    } else {
        chardev_deliver_event(connection, CHARDEV_FOCUSED);
    }
    main_call_post(&mux->read_call);
}
