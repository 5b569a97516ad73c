/* Services at addresses of the guest's own net: guestfwd= of a user network. */
#ifndef NET_USER_GUESTFWD_H
#define NET_USER_GUESTFWD_H

#include <glib.h>
#include <slirp/libslirp.h>
#include <stdint.h>

struct user_guestfwd;

/* [tcp]:SERVER:PORT-cmd:COMMAND (started anew for each connection, which is its stdin and stdout), -unix:PATH or
 * -tcp:HOST:PORT (HOST an IPv4 address). NULL and error that names the part; free with user_guestfwd_destroy() before
 * the Slirp. */
struct user_guestfwd *user_guestfwd_create(Slirp *slirp, const char *rule, GError **error);
/* The same, but the target is the caller's, see net_user_add_pipe(). */
struct user_guestfwd *user_guestfwd_create_pipe(Slirp *slirp, const char *rule,
                                                size_t (*write)(void *arg, const void *data, size_t size), void *arg,
                                                GError **error);
/* Of a pipe: bytes that the guest would take now (0 also if none is connected), and a way to send no more than that. */
size_t user_guestfwd_room(struct user_guestfwd *forward);
void user_guestfwd_receive(struct user_guestfwd *forward, const uint8_t *data, size_t size);
void user_guestfwd_destroy(struct user_guestfwd *forward);

#endif
