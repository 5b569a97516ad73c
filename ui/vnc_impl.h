/*
 * Between the files that implement ui/vnc.h.
 */
#ifndef UI_VNC_IMPL_H
#define UI_VNC_IMPL_H

#include <pthread.h>

#include "ui/vnc.h"

#define VNC_PASSWORD_MAX 8 /* RFC 6143, 7.2.2 */
#define VNC_EVENTS_MAX 4096
#define VNC_CUT_MAX 65536
#define VNC_LISTENERS_MAX 4

enum vnc_event_kind { VNC_EVENT_KEYSYM, VNC_EVENT_KEY, VNC_EVENT_POINTER, VNC_EVENT_CUT, VNC_EVENT_CLIENTS };

/* From the server's thread to the main thread. */
struct vnc_event {
    enum vnc_event_kind kind;
    uint32_t keysym;   /* X11's number */
    enum key_code key; /* VNC_EVENT_KEY */
    bool down;
    unsigned x, y;   /* pixels of the picture */
    unsigned buttons; /* bit 0 left, 1 middle, 2 right, 3 .. 6 wheel up, down, left, right */
    char *text;      /* VNC_EVENT_CUT; owned */
};

/* What the two threads share, under the mutex, which is a leaf lock. */
struct vnc_shared {
    pthread_mutex_t mutex;
    uint32_t *pixels; /* width x height, 0x00rrggbb */
    unsigned width, height;
    pixman_region32_t damage;       /* what the server's thread has not taken */
    GQueue events;                  /* struct vnc_event * */
    GPtrArray *clients;             /* char *: their addresses */
    char password[VNC_PASSWORD_MAX + 1]; /* "": none is set */
    bool stop;
};

struct vnc_server;

struct vnc {
    char *address; /* as shown */
    char *socket_path; /* of a unix socket, to be removed; NULL: none */
    bool is_public, password;
    struct vnc_shared shared;
    struct vnc_server *server;
    int wake_server, wake_main; /* eventfds */
    /* main thread */
    struct display *display;
    struct input *input;
    struct machine_lock *lock;
    void *arg;
    ui_console_fn *console_fn;
    struct ui_console console; /* display NULL: the guest is shown */
    struct display_viewer viewer;
    guint watch, timer; /* timer 0: there are no clients */
    bool held[KEY_COUNT];
    bool hidden[KEY_COUNT]; /* pressed, but kept from the guest */
    unsigned client_count;
    bool pointed; /* x and y are known */
    unsigned buttons, x, y;
    char *cut; /* NULL: none */
};

/* ---- vnc_listen.c ---- */

struct vnc_listeners {
    int fd[VNC_LISTENERS_MAX];
    unsigned count;
};

/* Opens the sockets; fills in vnc's address, socket_path and is_public. */
bool vnc_listen(struct vnc *vnc, const char *address, unsigned to, struct vnc_listeners *listeners, GError **error);
void vnc_listeners_close(struct vnc_listeners *listeners);
/* "192.0.2.1:5901" of a socket's end; newly allocated. */
char *vnc_socket_name(int fd, bool peer);

/* ---- vnc_server.c ---- */

/* Takes the listeners over and starts the thread; 0 or the error number, with the listeners closed. */
int vnc_server_start(struct vnc *vnc, const struct vnc_listeners *listeners, const char *name, enum vnc_share share);
void vnc_server_stop(struct vnc *vnc);

/* ---- vnc_keys.c ---- */

/* The key of a keysym that is no character, KEY_NONE for others. */
enum key_code vnc_key_of_keysym(uint32_t keysym);
/* The Unicode character, 0 if it is none. */
uint32_t vnc_character_of_keysym(uint32_t keysym);
/* A key or a character was pressed or released. */
void vnc_take_key(struct vnc *vnc, const struct vnc_event *event);
void vnc_show_console(struct vnc *vnc, unsigned n);

#endif
