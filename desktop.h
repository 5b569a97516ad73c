/*
 * What the user sees: the window or the terminal display, and the text consoles in it.
 */
#ifndef DESKTOP_H
#define DESKTOP_H

#include <glib.h>
#include <stdbool.h>

struct accel;
struct chardev;
struct desktop;
struct display;
struct drives;
struct input;
struct machine;
struct networks;
struct options;
struct vnc;

/* What it works with; borrowed. drives and networks may be filled later. */
struct desktop_env {
    const struct options *options;
    struct machine *machine;
    struct display *display;
    struct input *input;
    const struct drives *drives;
    const struct networks *networks;
    void (*quit)(void *arg); /* the user closes the window */
    void *arg;
};

struct desktop *desktop_create(const struct desktop_env *env);
/* Closes the window; before the machine, the display and the connections are destroyed. NULL is fine. */
void desktop_destroy(struct desktop *desktop);

/* Opens what the options say. Where no window can be opened the user is told, and the terminal takes its place: as a
 * display if it is one, else *plain is set to true and serial port and monitor are to use it, unless a window was
 * asked for by name: then false and error. */
bool desktop_open(struct desktop *desktop, bool *plain, GError **error);

/* True if there are consoles to see: a window, a terminal display or a VNC server. */
bool desktop_has_consoles(const struct desktop *desktop);
/* True if they are to be seen (and sound is to be heard) on this host: a window or a terminal display. */
bool desktop_is_here(const struct desktop *desktop);
/* NULL: there is none. */
struct vnc *desktop_vnc(const struct desktop *desktop);

/* Shows a connection that was opened as vc (nothing happens with any other): `option` is monitor, serial and so
 * on, n its number. To be called before the front is attached. */
void desktop_adopt(struct desktop *desktop, const char *option, unsigned n, struct chardev *chr);

/* For the speed in the title; NULL before there is an engine. */
void desktop_set_accel(struct desktop *desktop, struct accel *accel);

#endif
