/* guestfwd= whose target is a character connection: chardev:ID, file:PATH and whatever else -serial takes. */
#ifndef NETWORK_GUESTFWD_H
#define NETWORK_GUESTFWD_H

#include "network.h"

struct net_user;
struct network_guestfwd;

/* Is the target of this rule a character connection, not one of user networking's own? */
bool network_guestfwd_is(const char *rule);
/* Connects the address of the rule to what it names. NULL and error; destroy before the user network. */
struct network_guestfwd *network_guestfwd_create(const struct network_chardevs *chardevs, struct net_user *user,
                                                 const char *rule, GError **error);
void network_guestfwd_destroy(struct network_guestfwd *forward);

#endif
