/*
 * The display over the network: a VNC server (RFC 6143) on libvncserver, for hosts without a screen.
 *
 * All clients see the same: the guest's screen, or a text console after Ctrl-Alt-2 .. 9 (Ctrl-Alt-1 goes back).
 * Ctrl-Alt-V types the text that a client has cut, Ctrl-Alt-D sends Ctrl-Alt-Delete. Keys come by position where the
 * client can tell it (the "QEMU extended key event"), else by character, for the keyboard layout of -k.
 *
 * The protocol runs in a thread of its own, since libvncserver waits for slow clients; the main thread copies what
 * changed into a picture of their own, while there is a client at all, and takes keys and pointer from a queue.
 *
 * Not modelled: TLS and SASL (use ssh -L, or a unix socket), sound, resizing by the client.
 */
#ifndef UI_VNC_H
#define UI_VNC_H

#include <glib.h>

#include "ui/display.h"
#include "ui/input.h"
#include "ui/ui_console.h"

struct machine_lock;
struct vnc;

enum vnc_share {
    VNC_SHARE_ALLOW_EXCLUSIVE, /* who asks for the screen alone gets it: the others are disconnected */
    VNC_SHARE_FORCE_SHARED,    /* nobody gets it alone */
};

struct vnc_options {
    const char *address; /* [HOST]:N (TCP port 5900 + N; without HOST loopback only) or unix:PATH */
    unsigned to;         /* the first free one of N .. to is taken; at most N: N alone */
    const char *name;    /* of the desktop; NULL: "vmm" */
    bool password;       /* clients need one; until it is set none gets in */
    enum vnc_share share;
    void *arg;              /* of the function */
    ui_console_fn *console; /* may be NULL */
};

/* Listens. display, input and lock must outlive it; the strings of options are copied. NULL and error if the address
 * is none or cannot be had. Main thread, as all that follows. */
struct vnc *vnc_create(const struct vnc_options *options, struct display *display, struct input *input,
                       struct machine_lock *lock, GError **error);
/* Disconnects all. NULL is fine. */
void vnc_destroy(struct vnc *vnc);

/* Where it listens: "127.0.0.1:5901", "[::1]:5901", "unix:PATH". */
const char *vnc_address(const struct vnc *vnc);
/* Whether everybody who reaches this host may try. */
bool vnc_is_public(const struct vnc *vnc);

/* The password for clients to come, of which the protocol takes 8 bytes; NULL: none gets in. False if -vnc was not
 * given password=on. */
bool vnc_set_password(struct vnc *vnc, const char *password);

/* Appends the answer of `info vnc`. */
void vnc_info(struct vnc *vnc, GString *out);

#endif
