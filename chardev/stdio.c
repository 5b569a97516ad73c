/*
 * The backend that is vmm's own standard input and output: a terminal in raw mode, or pipes and
 * files.
 *
 * The descriptors are shared with the process that started us, so their flags are left alone: where
 * it can be done we open the same file once more and make that non-blocking. The end of a piped
 * input is no hang-up: output goes on.
 */
#include "chardev/backends_impl.h"
#include "chardev/stream.h"
#include "chardev/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct stdio {
    struct stream stream;
    struct terminal *terminal; /* NULL: no terminal */
    bool script;               /* the input is no terminal */
    int restore_fd[2];         /* descriptors whose flags we had to change; -1 = none */
    int restore_flags[2];
};

static enum chardev_peer stdio_peer(struct chardev *chr)
{
    struct stdio *self = (struct stdio *)chr;
    return self->script ? CHARDEV_PEER_SCRIPT : CHARDEV_PEER_TERMINAL;
}

static void stdio_set_signals(struct chardev *chr, bool on)
{
    struct stdio *self = (struct stdio *)chr;
    if (self->terminal != NULL) {
        terminal_set_signals(self->terminal, on);
    }
}

/* There is one standard input: who has it is noted at the main context it is read in. */
static const char stdio_owner[] = "chardev-stdio";

static void stdio_destroy(struct stream *stream)
{
    struct stdio *self = (struct stdio *)stream;
    if (g_dataset_get_data(g_main_context_default(), stdio_owner) == self) {
        g_dataset_remove_data(g_main_context_default(), stdio_owner);
    }
    terminal_leave(self->terminal);
    /* Backwards, since both may be one file. */
    for (int i = 1; i >= 0; i--) {
        if (self->restore_fd[i] >= 0) {
            fcntl(self->restore_fd[i], F_SETFL, self->restore_flags[i]);
        }
    }
}

static bool stdio_may_read(struct stream *stream)
{
    struct stdio *self = (struct stdio *)stream;
    return self->terminal == NULL || terminal_has_keys(self->terminal);
}

static void stdio_foreground(void *arg)
{
    stream_resume(arg);
}

static const struct stream_ops stdio_stream_ops = {
    .may_read = stdio_may_read,
    .destroy = stdio_destroy,
};

static const struct chardev_ops stdio_ops = {
    .write = stream_write,
    .resume = stream_resume,
    .peer = stdio_peer,
    .set_signals = stdio_set_signals,
    .destroy = stream_destroy,
};

/* A descriptor of our own for the same file, non-blocking if it is one that can block; -1 if fd is
 * not open. */
static int own_descriptor(struct stdio *self, unsigned index, int fd, int mode)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        return -1;
    }
    if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)) {
        g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
        int own = open(path, mode | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (own >= 0) {
            return own;
        }
    }
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own >= 0 && !S_ISREG(st.st_mode)) {
        self->restore_fd[index] = fd;
        self->restore_flags[index] = fcntl(fd, F_GETFL);
        stream_set_nonblocking(own);
    }
    return own;
}

struct chardev *chardev_stdio_create(int in, int out, GError **error)
{
    if (g_dataset_get_data(g_main_context_default(), stdio_owner) != NULL) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                    "the terminal is in use already; mon:stdio shares it between a serial port and "
                    "the monitor");
        return NULL;
    }
    struct stdio *self = g_new0(struct stdio, 1);
    g_dataset_set_data(g_main_context_default(), stdio_owner, self);
    stream_init(&self->stream, &stdio_stream_ops, &stdio_ops, "stdio", true);
    self->stream.keep_out = true;
    self->restore_fd[0] = self->restore_fd[1] = -1;
    self->script = !isatty(in);
    int own_in = own_descriptor(self, 0, in, O_RDONLY);
    int own_out = own_descriptor(self, 1, out, O_WRONLY);
    if (own_out < 0 && own_in < 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_BADF,
                    "standard input and output are closed; use 'null' or 'file:PATH'");
        chardev_destroy(&self->stream.base);
        return NULL;
    }
    if (!self->script) {
        self->terminal = terminal_enter(in);
    }
    if (self->terminal != NULL) {
        terminal_on_foreground(self->terminal, stdio_foreground, &self->stream.base);
    }
    stream_open(&self->stream, own_in, own_out);
    return &self->stream.base;
}
