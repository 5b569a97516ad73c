/* Services at addresses of the guest's own net: guestfwd= of a user network. */
#ifndef NET_USER_GUESTFWD_H
#define NET_USER_GUESTFWD_H

#include <glib.h>
#include <slirp/libslirp.h>

struct user_guestfwd;

/* [tcp]:SERVER:PORT-cmd:COMMAND (started anew for each connection, which is its stdin and stdout), -unix:PATH or
 * -tcp:HOST:PORT (HOST an IPv4 address). NULL and error that names the part; free with user_guestfwd_destroy() before
 * the Slirp. */
struct user_guestfwd *user_guestfwd_create(Slirp *slirp, const char *rule, GError **error);
void user_guestfwd_destroy(struct user_guestfwd *forward);

#endif
