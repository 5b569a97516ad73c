/* See hub.h. */
#include "net/hub.h"

#include <glib.h>

#include "net/wake.h"

struct member {
    struct net_hub *hub;
    struct net_port *port;
};

struct net_hub {
    GPtrArray *members; /* struct member *, owned */
    struct net_wake *wake;
};

static struct member *member_at(const struct net_hub *hub, guint i)
{
    return g_ptr_array_index(hub->members, i);
}

static void poll_all(void *arg)
{
    struct net_hub *hub = arg;
    for (guint i = 0; i < hub->members->len; i++) {
        net_port_poll(member_at(hub, i)->port);
    }
}

static void port_schedule(void *owner)
{
    net_wake_up(((struct member *)owner)->hub->wake);
}

static enum net_result port_receive(void *owner, const uint8_t *frame, size_t size)
{
    struct member *from = owner;
    struct net_hub *hub = from->hub;
    bool crowded = false;
    for (guint i = 0; i < hub->members->len; i++) {
        struct member *to = member_at(hub, i);
        crowded |= to != from && net_port_crowded(to->port);
    }
    if (crowded) {
        return NET_WAIT;
    }
    for (guint i = 0; i < hub->members->len; i++) {
        struct member *to = member_at(hub, i);
        if (to != from) {
            net_port_send(to->port, frame, size);
        }
    }
    return NET_SENT;
}

static void port_resume(void *owner)
{
    struct net_hub *hub = ((struct member *)owner)->hub;
    for (guint i = 0; i < hub->members->len; i++) {
        net_port_resume(member_at(hub, i)->port);
    }
}

static const struct net_port_ops port_ops = {
    .schedule = port_schedule,
    .receive = port_receive,
    .resume = port_resume,
};

struct net_hub *net_hub_create(void)
{
    struct net_hub *hub = g_new0(struct net_hub, 1);
    hub->members = g_ptr_array_new_with_free_func(g_free);
    hub->wake = net_wake_create("hub", poll_all, hub);
    return hub;
}

void net_hub_destroy(struct net_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    for (guint i = 0; i < hub->members->len; i++) {
        net_port_detach(member_at(hub, i)->port);
    }
    net_wake_destroy(hub->wake);
    g_ptr_array_unref(hub->members);
    g_free(hub);
}

void net_hub_add(struct net_hub *hub, struct net_port *port)
{
    struct member *member = g_new0(struct member, 1);
    member->hub = hub;
    member->port = port;
    g_ptr_array_add(hub->members, member);
    net_port_attach(port, &port_ops, member);
}
