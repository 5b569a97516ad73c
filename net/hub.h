/*
 * A hub: what comes in at one of its ports goes out at all others. It takes a frame only when all others have room, so
 * that a slow card slows the rest down instead of losing frames.
 */
#ifndef NET_HUB_H
#define NET_HUB_H

#include "net/port.h"

struct net_hub;

/* Everything in the main thread. */
struct net_hub *net_hub_create(void);
/* Lets go of all ports. NULL is fine. */
void net_hub_destroy(struct net_hub *hub);
/* Takes the other end of somebody's wire, which must outlive the hub. */
void net_hub_add(struct net_hub *hub, struct net_port *port);

#endif
