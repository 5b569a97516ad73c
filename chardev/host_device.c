/*
 * The backend that is a character device of the host: a serial port, whose line settings and modem
 * lines follow the guest's, a printer port, a terminal. Changes of the incoming modem lines are not
 * watched: they are looked up when the front asks.
 */
#include "chardev/backends_impl.h"
#include "chardev/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define BREAK_MS 250

struct host_device {
    struct stream stream;
    int fd; /* borrowed from the stream; -1 after a hang-up */
    bool tty;
    struct termios saved; /* if tty */
    struct main_call break_call;
    guint break_timer;
};

static const struct {
    unsigned baud;
    speed_t speed;
} speeds[] = {
    {50, B50},       {75, B75},       {110, B110},     {150, B150},       {300, B300},
    {600, B600},     {1200, B1200},   {2400, B2400},   {4800, B4800},     {9600, B9600},
    {19200, B19200}, {38400, B38400}, {57600, B57600}, {115200, B115200},
};

static const struct {
    unsigned line;
    int tiocm;
} line_bits[] = {
    {CHARDEV_LINE_DTR, TIOCM_DTR}, {CHARDEV_LINE_RTS, TIOCM_RTS}, {CHARDEV_LINE_CTS, TIOCM_CTS},
    {CHARDEV_LINE_DSR, TIOCM_DSR}, {CHARDEV_LINE_DCD, TIOCM_CAR}, {CHARDEV_LINE_RI, TIOCM_RNG},
};

static void device_set_params(struct chardev *chr, const struct chardev_params *params)
{
    static const tcflag_t sizes[] = {CS5, CS6, CS7, CS8};
    struct host_device *self = (struct host_device *)chr;
    struct termios mode;
    if (!self->tty || tcgetattr(self->fd, &mode) < 0) {
        return;
    }
    mode.c_cflag &= ~(tcflag_t)(CSIZE | CSTOPB | PARENB | PARODD);
    mode.c_cflag |= sizes[CLAMP(params->data_bits, 5, 8) - 5];
    mode.c_cflag |= params->stop_bits == 2 ? CSTOPB : 0;
    mode.c_cflag |= params->parity == 'N' ? 0 : params->parity == 'O' ? PARENB | PARODD : PARENB;
    for (unsigned i = 0; i < G_N_ELEMENTS(speeds); i++) {
        if (speeds[i].baud == params->speed) {
            cfsetispeed(&mode, speeds[i].speed);
            cfsetospeed(&mode, speeds[i].speed);
        }
    }
    tcsetattr(self->fd, TCSANOW, &mode);
}

static void device_set_lines(struct chardev *chr, unsigned lines)
{
    struct host_device *self = (struct host_device *)chr;
    int bits;
    if (!self->tty || ioctl(self->fd, TIOCMGET, &bits) < 0) {
        return;
    }
    bits &= ~(TIOCM_DTR | TIOCM_RTS);
    bits |= (lines & CHARDEV_LINE_DTR ? TIOCM_DTR : 0) | (lines & CHARDEV_LINE_RTS ? TIOCM_RTS : 0);
    ioctl(self->fd, TIOCMSET, &bits);
}

static unsigned device_lines(struct chardev *chr)
{
    struct host_device *self = (struct host_device *)chr;
    int bits;
    unsigned lines = 0;
    if (!self->tty || ioctl(self->fd, TIOCMGET, &bits) < 0) {
        return CHARDEV_LINE_CTS | CHARDEV_LINE_DSR | CHARDEV_LINE_DCD;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(line_bits); i++) {
        lines |= bits & line_bits[i].tiocm ? line_bits[i].line : 0;
    }
    return lines & ~(unsigned)(CHARDEV_LINE_DTR | CHARDEV_LINE_RTS);
}

static gboolean end_break(gpointer arg)
{
    struct host_device *self = arg;
    self->break_timer = 0;
    ioctl(self->fd, TIOCCBRK);
    return G_SOURCE_REMOVE;
}

/* Main thread. */
static void start_break(void *arg)
{
    struct host_device *self = arg;
    if (self->tty && self->break_timer == 0 && ioctl(self->fd, TIOCSBRK) == 0) {
        self->break_timer = g_timeout_add(BREAK_MS, end_break, self);
    }
}

static void device_event(struct chardev *chr, enum chardev_event event)
{
    struct host_device *self = (struct host_device *)chr;
    if (event == CHARDEV_BREAK) {
        main_call_post(&self->break_call);
    }
}

static void device_hung_up(struct stream *stream)
{
    struct host_device *self = (struct host_device *)stream;
    self->fd = -1;
    chardev_deliver_event(&stream->base, CHARDEV_CLOSED);
}

static void device_destroy(struct stream *stream)
{
    struct host_device *self = (struct host_device *)stream;
    main_call_finish(&self->break_call);
    if (self->break_timer != 0) {
        g_source_remove(self->break_timer);
        end_break(self);
    }
    if (self->tty) {
        tcsetattr(self->fd, TCSANOW, &self->saved);
    }
}

static const struct stream_ops device_stream_ops = {.hung_up = device_hung_up,
                                                    .destroy = device_destroy};

static const struct chardev_ops device_ops = {
    .write = stream_write,
    .resume = stream_resume,
    .event = device_event,
    .set_params = device_set_params,
    .set_lines = device_set_lines,
    .lines = device_lines,
    .destroy = stream_destroy,
};

struct chardev *chardev_device_create(const char *path, GError **error)
{
    struct stat st;
    int mode = O_RDWR;
    int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES) {
        mode = O_WRONLY;
        fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode)) {
        int err = errno;
        if (fd >= 0) {
            close(fd);
        }
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s",
                    fd >= 0 ? "not a character device; use file:PATH to write to a file"
                            : strerror(err));
        return NULL;
    }
    struct host_device *self = g_new0(struct host_device, 1);
    stream_init(&self->stream, &device_stream_ops, &device_ops, path, true);
    main_call_init(&self->break_call, start_break, self);
    self->fd = fd;
    self->tty = isatty(fd) && tcgetattr(fd, &self->saved) == 0;
    if (self->tty) {
        struct termios raw = self->saved;
        cfmakeraw(&raw);
        raw.c_cflag |= CLOCAL;
        tcsetattr(fd, TCSANOW, &raw);
    }
    stream_open(&self->stream, mode == O_RDWR ? fd : -1, fd);
    return &self->stream.base;
}
