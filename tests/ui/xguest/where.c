/*
 * Runs in the guest: writes where X sees the pointer, "x y", one line for each motion, to standard output. It grabs the
 * pointer; the first line is the screen's size.
 */
#include <X11/Xlib.h>
#include <stdio.h>

int main(void)
{
    Display *display = XOpenDisplay(NULL);
    XEvent event;

    if (display == NULL) {
        return 1;
    }
    Window root = DefaultRootWindow(display);
    if (XGrabPointer(display, root, False, PointerMotionMask | ButtonPressMask, GrabModeAsync, GrabModeAsync, None, None,
                     CurrentTime) != GrabSuccess) {
        return 1;
    }
    printf("where %d %d\n", DisplayWidth(display, DefaultScreen(display)),
           DisplayHeight(display, DefaultScreen(display)));
    fflush(stdout);
    for (;;) {
        XNextEvent(display, &event);
        if (event.type == ButtonPress) {
            printf("where button\n");
            return 0;
        }
        printf("%d %d\n", event.xmotion.x_root, event.xmotion.y_root);
        fflush(stdout);
    }
}
