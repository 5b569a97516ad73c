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

/* Nothing tells a process that it came to the foreground; a shell sends SIGCONT only to stopped
 * jobs. */
#define FOREGROUND_POLL_MS 250

struct terminal {
    int fd;
    struct termios cooked, raw;
    int continued; /* signalfd of SIGCONT; -1 = none */
    guint watch;
    guint poll; /* looks for the foreground; 0 = is there, or nobody asked */
    bool told;  /* that there are no keys */
    struct sigaction old_ttin;
    void (*foreground)(void *arg); /* may be NULL */
    void *foreground_arg;
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

/* A terminal that does not control our session (-1) stops nobody. */
static bool in_foreground(int fd)
{
    pid_t group = tcgetpgrp(fd);
    return group < 0 || group == getpgrp();
}

static gboolean look_for_foreground(gpointer arg)
{
    struct terminal *terminal = arg;
    if (!in_foreground(terminal->fd)) {
        return G_SOURCE_CONTINUE;
    }
    terminal->poll = 0;
    tcsetattr(terminal->fd, TCSANOW, &terminal->raw);
    if (terminal->foreground != NULL) {
        terminal->foreground(terminal->foreground_arg);
    }
    return G_SOURCE_REMOVE;
}

bool terminal_has_keys(struct terminal *terminal)
{
    if (in_foreground(terminal->fd)) {
        return true;
    }
    if (!terminal->told) {
        terminal->told = true;
        g_printerr("vmm: in the background of its terminal, whose keys are read in the foreground "
                   "only ('fg', or 'timeout --foreground')\n");
    }
    if (terminal->poll == 0) {
        terminal->poll = g_timeout_add(FOREGROUND_POLL_MS, look_for_foreground, terminal);
    }
    return false;
}

void terminal_on_foreground(struct terminal *terminal, void (*call)(void *arg), void *arg)
{
    terminal->foreground = call;
    terminal->foreground_arg = arg;
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
    /* Between a look at the foreground and the read the shell may take it away: then EIO. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGTTIN, &ignore, &terminal->old_ttin);
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
    sigaction(SIGTTIN, &terminal->old_ttin, NULL);
    if (terminal->watch != 0) {
        g_source_remove(terminal->watch);
    }
    if (terminal->poll != 0) {
        g_source_remove(terminal->poll);
    }
    if (terminal->continued >= 0) {
        close(terminal->continued);
    }
    if (in_foreground(terminal->fd)) {
        tcsetattr(terminal->fd, TCSADRAIN, &terminal->cooked);
    }
    g_free(terminal);
}
