/*
 * See the header. What comes from the connection while no guest is connected waits there: a timer asks again, as libslirp
 * does not say when it has room.
 */
#include "network_guestfwd.h"

#include <string.h>

#include "chardev/chardev.h"
#include "net/user.h"
#include "net/user_guestfwd.h"

#define RETRY_MS 10

struct network_guestfwd {
    struct chardev *chr; /* not owned */
    struct user_guestfwd *pipe; /* the user network's */
    guint retry;
};

bool network_guestfwd_is(const char *rule)
{
    const char *target = strchr(rule, '-');
    return target != NULL && !g_str_has_prefix(target, "-cmd:") && !g_str_has_prefix(target, "-unix:") &&
           !g_str_has_prefix(target, "-tcp:");
}

static gboolean try_again(gpointer data)
{
    struct network_guestfwd *f = data;
    f->retry = 0;
    chardev_accept(f->chr);
    return G_SOURCE_REMOVE;
}

static size_t room(void *arg)
{
    struct network_guestfwd *f = arg;
    size_t n = user_guestfwd_room(f->pipe);
    if (n == 0 && f->retry == 0) {
        f->retry = g_timeout_add(RETRY_MS, try_again, f);
    }
    return n;
}

static void receive(void *arg, const uint8_t *data, size_t size)
{
    user_guestfwd_receive(((struct network_guestfwd *)arg)->pipe, data, size);
}

static const struct chardev_front front = {.room = room, .receive = receive};

static size_t from_guest(void *arg, const void *data, size_t size)
{
    return chardev_write(((struct network_guestfwd *)arg)->chr, data, size);
}

struct network_guestfwd *network_guestfwd_create(const struct network_chardevs *chardevs, struct net_user *user,
                                                 const char *rule, GError **error)
{
    const char *target = strchr(rule, '-') + 1;
    struct network_guestfwd *f = g_new0(struct network_guestfwd, 1);
    f->chr = chardevs->open(chardevs->arg, "guestfwd", target, error);
    f->pipe = f->chr != NULL ? net_user_add_pipe(user, rule, from_guest, f, error) : NULL;
    if (f->pipe == NULL) {
        g_free(f);
        return NULL;
    }
    chardev_attach(f->chr, NULL, &front, f);
    return f;
}

void network_guestfwd_destroy(struct network_guestfwd *f)
{
    if (f != NULL) {
        chardev_detach(f->chr);
        if (f->retry != 0) {
            g_source_remove(f->retry);
        }
        g_free(f);
    }
}
