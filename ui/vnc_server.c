/*
 * The thread of the VNC server: the only place that calls libvncserver.
 */
#include <errno.h>
#include <poll.h>
#include <rfb/rfb.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ui/vnc_impl.h"

#define CLIENT_WAIT_MS 5000 /* a client that takes nothing for so long is disconnected */
#define CLIENTS_MAX 32
#define FIRST_WIDTH 640
#define FIRST_HEIGHT 480
#define ENCODING_EXTENDED_KEY (-258) /* registry of the RFB community: QEMU Extended Key Event */
#define MESSAGE_QEMU 255

struct vnc_server {
    struct vnc *vnc;
    pthread_t thread;
    struct vnc_listeners listeners;
    rfbScreenInfoPtr screen;
    rfbProtocolExtension extension;
    int encodings[2]; /* of the extension, ends with 0 */
    char *name;
    uint32_t *pixels; /* as libvncserver sends it */
    unsigned client_count;
};

static void send_event(struct vnc *vnc, const struct vnc_event *event)
{
    struct vnc_shared *shared = &vnc->shared;
    struct vnc_event *last;

    pthread_mutex_lock(&shared->mutex);
    last = g_queue_peek_tail(&shared->events);
    if (event->kind == VNC_EVENT_POINTER && last != NULL && last->kind == VNC_EVENT_POINTER &&
        last->buttons == event->buttons) {
        *last = *event;
    } else if (g_queue_get_length(&shared->events) < VNC_EVENTS_MAX || event->kind == VNC_EVENT_CLIENTS) {
        g_queue_push_tail(&shared->events, g_memdup2(event, sizeof(*event)));
    } else {
        g_free(event->text);
    }
    pthread_mutex_unlock(&shared->mutex);
    eventfd_write(vnc->wake_main, 1);
}

/* ---- what libvncserver calls ---- */

static struct vnc_server *server_of(const rfbClientRec *client)
{
    return client->screen->screenData;
}

static struct vnc *vnc_of(const rfbClientRec *client)
{
    return server_of(client)->vnc;
}

static void on_key(rfbBool down, rfbKeySym keysym, rfbClientPtr client)
{
    struct vnc_event event = { .kind = VNC_EVENT_KEYSYM, .keysym = keysym, .down = down };

    send_event(vnc_of(client), &event);
}

static void on_pointer(int buttons, int x, int y, rfbClientPtr client)
{
    struct vnc_event event = { .kind = VNC_EVENT_POINTER, .buttons = (unsigned)buttons, .x = (unsigned)MAX(x, 0),
                               .y = (unsigned)MAX(y, 0) };

    send_event(vnc_of(client), &event);
}

/* Cut text is Latin-1 (RFC 6143, 7.5.6). */
static void on_cut(char *text, int length, rfbClientPtr client)
{
    struct vnc_event event = { .kind = VNC_EVENT_CUT };

    if (length > 0 && length <= VNC_CUT_MAX) {
        event.text = g_convert(text, length, "UTF-8", "ISO-8859-1", NULL, NULL, NULL);
        send_event(vnc_of(client), &event);
    }
}

static void on_cut_utf8(char *text, int length, rfbClientPtr client)
{
    struct vnc_event event = { .kind = VNC_EVENT_CUT };

    if (length > 0 && length <= VNC_CUT_MAX) {
        event.text = g_utf8_make_valid(text, length);
        send_event(vnc_of(client), &event);
    }
}

/* The challenge, encrypted with the password, is what the client has to answer. */
static rfbBool check_password(rfbClientPtr client, const char *response, int length)
{
    struct vnc_shared *shared = &vnc_of(client)->shared;
    char password[VNC_PASSWORD_MAX + 1];
    unsigned char expected[CHALLENGESIZE];
    unsigned difference = 0;

    pthread_mutex_lock(&shared->mutex);
    memcpy(password, shared->password, sizeof(password));
    pthread_mutex_unlock(&shared->mutex);
    if (password[0] == '\0' || length != CHALLENGESIZE) {
        return FALSE;
    }
    memcpy(expected, client->authChallenge, CHALLENGESIZE);
    rfbEncryptBytes(expected, password);
    for (unsigned i = 0; i < CHALLENGESIZE; i++) {
        difference |= expected[i] ^ (unsigned char)response[i];
    }
    return difference == 0;
}

static void on_gone(rfbClientPtr client)
{
    struct vnc *vnc = vnc_of(client);
    struct vnc_event event = { .kind = VNC_EVENT_CLIENTS };

    server_of(client)->client_count--;
    /* libvncserver forgets to. */
    free(client->extensions);
    client->extensions = NULL;
    pthread_mutex_lock(&vnc->shared.mutex);
    g_ptr_array_remove(vnc->shared.clients, client->clientData);
    pthread_mutex_unlock(&vnc->shared.mutex);
    send_event(vnc, &event);
}

static enum rfbNewClientAction on_client(rfbClientPtr client)
{
    struct vnc *vnc = vnc_of(client);
    struct vnc_event event = { .kind = VNC_EVENT_CLIENTS };

    client->clientGoneHook = on_gone;
    client->clientData = vnc_socket_name(client->sock, true);
    server_of(client)->client_count++;
    pthread_mutex_lock(&vnc->shared.mutex);
    g_ptr_array_add(vnc->shared.clients, client->clientData);
    pthread_mutex_unlock(&vnc->shared.mutex);
    send_event(vnc, &event);
    return RFB_CLIENT_ACCEPT;
}

/* ---- keys by position ---- */

static rfbBool extension_new(rfbClientPtr client, void **data)
{
    return TRUE;
}

/* The server says that it knows the encoding by an empty rectangle of it. */
static rfbBool extension_enable(rfbClientPtr client, void **data, int encoding)
{
    static const uint8_t answer[16] = { 0, 0, 0, 1, [12] = 0xff, 0xff, 0xfe, 0xfe };

    return encoding == ENCODING_EXTENDED_KEY && rfbWriteExact(client, (const char *)answer, sizeof(answer)) > 0;
}

/* U8 submessage 0, U16 down, U32 keysym, U32 make code of set 1 with bit 7 for the prefix E0. */
static rfbBool extension_message(rfbClientPtr client, void *data, const rfbClientToServerMsg *message)
{
    uint8_t rest[11];
    uint32_t keysym, code;

    if (message->type != MESSAGE_QEMU) {
        return FALSE;
    }
    if (rfbReadExact(client, (char *)rest, sizeof(rest)) <= 0 || rest[0] != 0) {
        rfbCloseClient(client);
        return TRUE;
    }
    memcpy(&keysym, rest + 3, 4);
    memcpy(&code, rest + 7, 4);
    code = GUINT32_FROM_BE(code);
    if (code > 0 && code < KEY_COUNT) {
        struct vnc_event event = { .kind = VNC_EVENT_KEY, .keysym = GUINT32_FROM_BE(keysym),
                                   .key = (enum key_code)code, .down = (rest[1] | rest[2]) != 0 };

        send_event(vnc_of(client), &event);
    }
    return TRUE;
}

/* ---- the picture ---- */

static void set_format(rfbScreenInfoPtr screen)
{
    screen->serverFormat.redShift = 16;
    screen->serverFormat.greenShift = 8;
    screen->serverFormat.blueShift = 0;
}

static void change_size(struct vnc_server *server, unsigned width, unsigned height)
{
    uint32_t *old = server->pixels;
    rfbClientIteratorPtr clients;
    rfbClientPtr client;

    server->pixels = g_malloc_n((gsize)width * height, sizeof(*server->pixels));
    memcpy(server->pixels, server->vnc->shared.pixels, (gsize)width * height * sizeof(*server->pixels));
    rfbNewFramebuffer(server->screen, (char *)server->pixels, (int)width, (int)height, 8, 3, 4);
    set_format(server->screen);
    clients = rfbGetClientIterator(server->screen);
    while ((client = rfbClientIteratorNext(clients)) != NULL) {
        server->screen->setTranslateFunction(client);
    }
    rfbReleaseClientIterator(clients);
    g_free(old);
}

static void take_picture(struct vnc_server *server)
{
    struct vnc_shared *shared = &server->vnc->shared;
    pixman_region32_t damage;
    const pixman_box32_t *boxes;
    int count;

    pixman_region32_init(&damage);
    pthread_mutex_lock(&shared->mutex);
    unsigned width = shared->width, height = shared->height;
    if (width != (unsigned)server->screen->width || height != (unsigned)server->screen->height) {
        change_size(server, width, height);
    } else {
        pixman_region32_copy(&damage, &shared->damage);
    }
    pixman_region32_clear(&shared->damage);
    boxes = pixman_region32_rectangles(&damage, &count);
    for (int i = 0; i < count; i++) {
        for (size_t y = (size_t)boxes[i].y1; y < (size_t)boxes[i].y2; y++) {
            memcpy(server->pixels + y * width + boxes[i].x1, shared->pixels + y * width + boxes[i].x1,
                   (size_t)(boxes[i].x2 - boxes[i].x1) * sizeof(*server->pixels));
        }
    }
    pthread_mutex_unlock(&shared->mutex);
    for (int i = 0; i < count; i++) {
        rfbMarkRectAsModified(server->screen, boxes[i].x1, boxes[i].y1, boxes[i].x2, boxes[i].y2);
    }
    pixman_region32_fini(&damage);
}

/* ---- the loop ---- */

static void accept_client(struct vnc_server *server, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0 && (fd >= FD_SETSIZE || server->client_count >= CLIENTS_MAX)) {
        close(fd);
    } else if (fd >= 0) {
        rfbNewClient(server->screen, fd);
    }
}

static unsigned add_clients(struct vnc_server *server, struct pollfd *fds, unsigned count)
{
    rfbClientIteratorPtr clients = rfbGetClientIterator(server->screen);
    rfbClientPtr client;

    while ((client = rfbClientIteratorNext(clients)) != NULL) {
        fds[count++] = (struct pollfd){ .fd = client->sock, .events = POLLIN };
    }
    rfbReleaseClientIterator(clients);
    return count;
}

static bool is_stopped(struct vnc_server *server)
{
    pthread_mutex_lock(&server->vnc->shared.mutex);
    bool stop = server->vnc->shared.stop;
    pthread_mutex_unlock(&server->vnc->shared.mutex);
    return stop;
}

static void *run(void *data)
{
    struct vnc_server *server = data;
    struct pollfd fds[1 + VNC_LISTENERS_MAX + CLIENTS_MAX];
    eventfd_t ignored;

    while (!is_stopped(server)) {
        unsigned listeners = server->listeners.count;

        fds[0] = (struct pollfd){ .fd = server->vnc->wake_server, .events = POLLIN };
        for (unsigned i = 0; i < listeners; i++) {
            fds[1 + i] = (struct pollfd){ .fd = server->listeners.fd[i], .events = POLLIN };
        }
        poll(fds, add_clients(server, fds, 1 + listeners), -1);
        if (fds[0].revents != 0) {
            eventfd_read(server->vnc->wake_server, &ignored);
            take_picture(server);
        }
        for (unsigned i = 0; i < listeners; i++) {
            if (fds[1 + i].revents != 0) {
                accept_client(server, server->listeners.fd[i]);
            }
        }
        while (rfbProcessEvents(server->screen, 0)) {
        }
    }
    return NULL;
}

static void free_server(struct vnc_server *server)
{
    rfbShutdownServer(server->screen, TRUE);
    rfbScreenCleanup(server->screen);
    rfbUnregisterProtocolExtension(&server->extension);
    vnc_listeners_close(&server->listeners);
    g_free(server->pixels);
    g_free(server->name);
    g_free(server);
}

/* Signals are the main thread's. */
static int start_thread(struct vnc_server *server)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&server->thread, NULL, run, server);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0) {
        pthread_setname_np(server->thread, "vnc");
    }
    return code;
}

int vnc_server_start(struct vnc *vnc, const struct vnc_listeners *listeners, const char *name, enum vnc_share share)
{
    struct vnc_server *server = g_new0(struct vnc_server, 1);
    rfbScreenInfoPtr screen;

    server->vnc = vnc;
    server->listeners = *listeners;
    server->name = g_strdup(name != NULL ? name : "vmm");
    server->pixels = g_malloc0_n(FIRST_WIDTH * FIRST_HEIGHT, sizeof(*server->pixels));
    server->encodings[0] = ENCODING_EXTENDED_KEY;
    server->extension = (rfbProtocolExtension){
        .newClient = extension_new,
        .pseudoEncodings = server->encodings,
        .enablePseudoEncoding = extension_enable,
        .handleMessage = extension_message,
    };
    rfbLogEnable(0);
    rfbRegisterProtocolExtension(&server->extension);
    screen = rfbGetScreen(NULL, NULL, FIRST_WIDTH, FIRST_HEIGHT, 8, 3, 4);
    server->screen = screen;
    set_format(screen);
    screen->frameBuffer = (char *)server->pixels;
    screen->desktopName = server->name;
    screen->screenData = server;
    screen->autoPort = FALSE;
    screen->port = 0; /* the listeners are ours */
    screen->ipv6port = 0;
    screen->alwaysShared = share == VNC_SHARE_FORCE_SHARED;
    screen->cursor = NULL; /* the guest draws it */
    screen->deferUpdateTime = 0;
    screen->maxClientWait = CLIENT_WAIT_MS;
    screen->handleEventsEagerly = TRUE;
    screen->authPasswdData = vnc->password ? vnc : NULL;
    screen->passwordCheck = check_password;
    screen->kbdAddEvent = on_key;
    screen->ptrAddEvent = on_pointer;
    screen->setXCutText = on_cut;
    screen->setXCutTextUTF8 = on_cut_utf8;
    screen->newClientHook = on_client;
    rfbInitServer(screen);
    eventfd_write(vnc->wake_server, 1); /* the first picture */
    int code = start_thread(server);
    if (code != 0) {
        free_server(server);
        return code;
    }
    vnc->server = server;
    return 0;
}

void vnc_server_stop(struct vnc *vnc)
{
    struct vnc_server *server = vnc->server;

    pthread_mutex_lock(&vnc->shared.mutex);
    vnc->shared.stop = true;
    pthread_mutex_unlock(&vnc->shared.mutex);
    eventfd_write(vnc->wake_server, 1);
    pthread_join(server->thread, NULL);
    free_server(server);
}
