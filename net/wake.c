/*
 * Work for the main thread. See wake.h. A flag that the source's prepare looks at: the loop is
 * interrupted in its sleep only by the first of several requests, and never by one from the main
 * thread itself.
 */
#include "net/wake.h"

struct net_wake {
    GSource source;
    void (*fn)(void *arg);
    void *arg;
    gint pending; /* atomic */
};

static gboolean wake_check(GSource *source)
{
    return g_atomic_int_get(&((struct net_wake *)source)->pending) != 0;
}

static gboolean wake_prepare(GSource *source, gint *timeout)
{
    *timeout = -1;
    return wake_check(source);
}

static gboolean wake_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct net_wake *wake = (struct net_wake *)source;
    g_atomic_int_set(&wake->pending, 0);
    wake->fn(wake->arg);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs wake_funcs = {wake_prepare, wake_check, wake_dispatch, NULL, NULL, NULL};

struct net_wake *net_wake_create(const char *name, void (*fn)(void *arg), void *arg)
{
    GSource *source = g_source_new(&wake_funcs, sizeof(struct net_wake));
    struct net_wake *wake = (struct net_wake *)source;
    g_source_set_static_name(source, name);
    wake->fn = fn;
    wake->arg = arg;
    g_source_attach(source, NULL);
    return wake;
}

void net_wake_destroy(struct net_wake *wake)
{
    if (wake != NULL) {
        g_source_destroy(&wake->source);
        g_source_unref(&wake->source);
    }
}

void net_wake_up(struct net_wake *wake)
{
    if (g_atomic_int_compare_and_exchange(&wake->pending, 0, 1) &&
        !g_main_context_is_owner(g_main_context_default())) {
        g_main_context_wakeup(NULL);
    }
}
