/*
 * Moves the pointer over every pixel of an X window and checks where the guest in it (tests/ui/guest/pointer.asm) says
 * that it is: sweep WINDOW WIDTH HEIGHT STEP PIPE. The guest writes "buttons x y wheel" in hexadecimal to PIPE for each
 * report, x and y from 0 to 65535 over the whole picture. Every STEPth pixel of every STEPth line is visited, in turn
 * from the left and from the right. Prints how many were, and the first ten that were not found; fails if there are any.
 */
#include <X11/Xlib.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 3000

struct reader {
    int fd;
    char line[64];
    unsigned length;
};

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The next report; false if none comes in time. */
static int next_report(struct reader *reader, unsigned *x, unsigned *y, long end)
{
    char c;

    for (;;) {
        struct pollfd poll_fd = {.fd = reader->fd, .events = POLLIN};
        long left = end - now_ms();

        if (left <= 0 || poll(&poll_fd, 1, (int)left) != 1 || read(reader->fd, &c, 1) != 1) {
            return 0;
        }
        if (c != '\n') {
            reader->length = reader->length < sizeof(reader->line) - 1 ? reader->length : 0;
            reader->line[reader->length++] = c;
            continue;
        }
        reader->line[reader->length] = '\0';
        reader->length = 0;
        if (sscanf(reader->line, "%*x %x %x", x, y) == 2) {
            return 1;
        }
    }
}

static int visit(Display *display, Window window, struct reader *reader, const unsigned size[2], unsigned x, unsigned y)
{
    unsigned seen_x = 0, seen_y = 0;
    long end = now_ms() + PATIENCE_MS;

    XWarpPointer(display, None, window, 0, 0, 0, 0, (int)x, (int)y);
    XFlush(display);
    while (next_report(reader, &seen_x, &seen_y, end)) {
        if (seen_x * size[0] / 65536 == x && seen_y * size[1] / 65536 == y) {
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    Display *display = XOpenDisplay(NULL);
    unsigned long count = 0, missed = 0;
    struct reader reader = {.fd = argc == 6 ? open(argv[5], O_RDONLY) : -1};

    if (display == NULL || reader.fd < 0) {
        fprintf(stderr, "usage: sweep WINDOW WIDTH HEIGHT STEP PIPE\n");
        return 2;
    }
    Window window = strtoul(argv[1], NULL, 0);
    const unsigned size[2] = {(unsigned)atoi(argv[2]), (unsigned)atoi(argv[3])};
    unsigned step = (unsigned)atoi(argv[4]);

    for (unsigned y = 0; y < size[1] && missed < 10; y += step) {
        for (unsigned i = 0; i < size[0] && missed < 10; i += step) {
            unsigned x = (y / step) % 2 == 0 ? i : size[0] - 1 - i;

            count++;
            if (!visit(display, window, &reader, size, x, y)) {
                missed++;
                printf("not found: %u, %u\n", x, y);
            }
        }
    }
    printf("%lu pixels, %lu not found\n", count, missed);
    return missed != 0;
}
