/* See the header. The source is always attached; posting makes it ready, running it makes it wait
 * again. */
#include "chardev/main_call.h"

struct main_call_source {
    GSource source;
    void (*fn)(void *arg);
    void *arg;
};

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct main_call_source *self = (struct main_call_source *)source;
    g_source_set_ready_time(source, -1);
    self->fn(self->arg);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs main_call_funcs = {.dispatch = dispatch};

void main_call_init(struct main_call *call, void (*fn)(void *arg), void *arg)
{
    call->source = g_source_new(&main_call_funcs, sizeof(struct main_call_source));
    struct main_call_source *self = (struct main_call_source *)call->source;
    self->fn = fn;
    self->arg = arg;
    g_source_set_ready_time(call->source, -1);
    g_source_attach(call->source, NULL);
}

void main_call_finish(struct main_call *call)
{
    if (call->source != NULL) {
        g_source_destroy(call->source);
        g_source_unref(call->source);
        call->source = NULL;
    }
}

void main_call_post(struct main_call *call)
{
    g_source_set_ready_time(call->source, 0);
}
