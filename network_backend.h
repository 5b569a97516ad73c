/* Opening one backend as the command line says. */
#ifndef NETWORK_BACKEND_H
#define NETWORK_BACKEND_H

#include "network.h"

struct network_chardevs;

/* Opens the backend at end 1 of net->link. old: what the old options (-redir, -tftp, -bootp) say of a user
 * network besides its own settings, or NULL.
 * chardevs: for guestfwd=. */
bool network_backend_open(struct monitor_net *net, const struct option_netdev *dev, const struct option_net *old,
                          const struct network_chardevs *chardevs, GError **error);
void network_backend_close(struct monitor_net *net);

#endif
