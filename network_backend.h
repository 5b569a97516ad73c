/* Opening one backend as the command line says. */
#ifndef NETWORK_BACKEND_H
#define NETWORK_BACKEND_H

#include "network.h"

/* Opens the backend at end 1 of net->link. redirections: rules for a user network besides its own, or NULL. */
bool network_backend_open(struct monitor_net *net, const struct option_netdev *dev, const GPtrArray *redirections,
                          GError **error);
void network_backend_close(struct monitor_net *net);

#endif
