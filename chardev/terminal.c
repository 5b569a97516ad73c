/*
 * See the header. The modes are those of a raw line (termios(3), cfmakeraw), but output processing
 * stays on, so that messages of the process itself, which end their lines with LF alone, do not
 * walk down in stairs.
 *
 * `rescue` is the one mutable variable of this file: a signal handler is given no context.
 */
#include "chardev/terminal.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

struct terminal {
    int fd;
    struct termios cooked, raw;
    int continued; /* signalfd of SIGCONT; -1 = none */
    guint watch;
};

static struct {
    int fd; /* -1: nothing to rescue */
    struct termios cooked;
    struct sigaction old[G_N_ELEMENTS(fatal_signals)];
} rescue = {.fd = -1};

/* Puts the terminal and the signal back; a fault happens again on return and then meets who was
 * there before us, a signal that was sent is sent once more. */
static void on_fatal(int number, siginfo_t *info, void *context)
{
    if (rescue.fd >= 0) {
        tcsetattr(rescue.fd, TCSANOW, &rescue.cooked);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(fatal_signals); i++) {
        if (fatal_signals[i] == number) {
            sigaction(number, &rescue.old[i], NULL);
        }
    }
    if (info->si_code <= 0 && number != SIGABRT) {
        raise(number);
    }
}

static void rescue_start(const struct terminal *terminal)
{
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    rescue.fd = terminal->fd;
    rescue.cooked = terminal->cooked;
    for (unsigned i = 0; i < G_N_ELEMENTS(fatal_signals); i++) {
        sigaction(fatal_signals[i], &action, &rescue.old[i]);
    }
}

static void rescue_stop(void)
{
    rescue.fd = -1;
    for (unsigned i = 0; i < G_N_ELEMENTS(fatal_signals); i++) {
        sigaction(fatal_signals[i], &rescue.old[i], NULL);
    }
}

static bool in_foreground(int fd)
{
    return tcgetpgrp(fd) == getpgrp();
}

static gboolean on_continued(gint fd, GIOCondition condition, gpointer arg)
{
    struct terminal *terminal = arg;
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof(info)) == sizeof(info) && in_foreground(terminal->fd)) {
        tcsetattr(terminal->fd, TCSANOW, &terminal->raw);
    }
    return G_SOURCE_CONTINUE;
}

/* A blocked SIGCONT still continues the process, and can be read from a descriptor. */
static void watch_continue(struct terminal *terminal)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    terminal->continued = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal->continued >= 0) {
        terminal->watch = g_unix_fd_add(terminal->continued, G_IO_IN, on_continued, terminal);
    }
}

struct terminal *terminal_enter(int fd)
{
    struct termios cooked;
    if (rescue.fd >= 0 || tcgetattr(fd, &cooked) < 0) {
        return NULL;
    }
    struct terminal *terminal = g_new0(struct terminal, 1);
    terminal->fd = fd;
    terminal->cooked = terminal->raw = cooked;
    cfmakeraw(&terminal->raw);
    terminal->raw.c_oflag |= OPOST;
    terminal->raw.c_lflag |= ISIG;
    rescue_start(terminal);
    watch_continue(terminal);
    if (in_foreground(fd)) {
        tcsetattr(fd, TCSANOW, &terminal->raw);
    }
    return terminal;
}

void terminal_set_signals(struct terminal *terminal, bool on)
{
    if (on) {
        terminal->raw.c_lflag |= ISIG;
    } else {
        terminal->raw.c_lflag &= ~(tcflag_t)ISIG;
    }
    if (in_foreground(terminal->fd)) {
        tcsetattr(terminal->fd, TCSANOW, &terminal->raw);
    }
}

void terminal_leave(struct terminal *terminal)
{
    if (terminal == NULL) {
        return;
    }
    rescue_stop();
    if (terminal->watch != 0) {
        g_source_remove(terminal->watch);
    }
    if (terminal->continued >= 0) {
        close(terminal->continued);
    }
    if (in_foreground(terminal->fd)) {
        tcsetattr(terminal->fd, TCSADRAIN, &terminal->cooked);
    }
    g_free(terminal);
}
