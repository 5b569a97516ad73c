/*
 * Measures the time from a guest's store to pixels in the window: latency WINDOW PIPE. The guest writes a byte to
 * PIPE with each change of its screen; this program notes when, and polls a pixel of the X window until it changes.
 * Prints the median and the largest of 40 delays in milliseconds.
 */
#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define COUNT 40

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static unsigned long pixel(Display *display, Window window)
{
    XImage *image = XGetImage(display, window, 100, 100, 1, 1, AllPlanes, ZPixmap);
    unsigned long value = image != NULL ? XGetPixel(image, 0, 0) : 0;

    if (image != NULL) {
        XDestroyImage(image);
    }
    return value;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    Display *display = XOpenDisplay(NULL);
    Window window = argc == 3 ? strtoul(argv[1], NULL, 0) : 0;
    int fd = argc == 3 ? open(argv[2], O_RDONLY | O_NONBLOCK) : -1;
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    double delays[COUNT];
    char byte;

    if (display == NULL || fd < 0) {
        fprintf(stderr, "usage: latency WINDOW PIPE\n");
        return 2;
    }
    while (read(fd, &byte, 1) == 1) {
    }
    for (int i = -3; i < COUNT; i++) {
        unsigned long before = pixel(display, window);
        double start;

        if (poll(&poll_fd, 1, 5000) != 1 || read(fd, &byte, 1) != 1) {
            fprintf(stderr, "latency: the guest says nothing\n");
            return 1;
        }
        start = now();
        while (pixel(display, window) == before && now() - start < 1000) {
            usleep(300);
        }
        if (i >= 0) {
            delays[i] = now() - start;
        }
    }
    qsort(delays, COUNT, sizeof(delays[0]), compare);
    printf("%.1f %.1f\n", delays[COUNT / 2], delays[COUNT - 1]);
    return 0;
}
