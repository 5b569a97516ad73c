/*
 * Work for the main thread that any thread can ask for: what a backend's end of a wire uses for its
 * schedule operation.
 */
#ifndef NET_WAKE_H
#define NET_WAKE_H

#include <glib.h>

struct net_wake;

/* fn(arg) is called from the main context, once after any number of net_wake_up(). Main thread. */
struct net_wake *net_wake_create(const char *name, void (*fn)(void *arg), void *arg);
/* fn is not called any more. Main thread; NULL is fine. */
void net_wake_destroy(struct net_wake *wake);
/* Any thread, never blocks. */
void net_wake_up(struct net_wake *wake);

#endif
