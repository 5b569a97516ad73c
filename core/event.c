/*
 * The event queue. Two lists: what was posted, and what event_run() took over and is calling one by one, so
 * that events posted by handlers wait for the next call while those not called yet can still be cancelled.
 */
#include "core/event.h"

#include <glib.h>
#include <pthread.h>

struct event_list {
    struct event *first;
    struct event **last; /* where the next one is linked */
};

struct event_queue {
    pthread_mutex_t mutex; /* guards everything below and the events' own fields */
    struct event_list posted;
    struct event_list running;
    void (*on_post)(void *arg);
    void *on_post_arg;
};

static void list_init(struct event_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static bool list_remove(struct event_list *list, struct event *event)
{
    for (struct event **link = &list->first; *link; link = &(*link)->next) {
        if (*link == event) {
            *link = event->next;
            if (event->next == NULL) {
                list->last = link;
            }
            event->next = NULL;
            event->queued = false;
            return true;
        }
    }
    return false;
}

struct event_queue *event_queue_create(void)
{
    struct event_queue *queue = g_new0(struct event_queue, 1);

    pthread_mutex_init(&queue->mutex, NULL);
    list_init(&queue->posted);
    list_init(&queue->running);
    return queue;
}

void event_queue_destroy(struct event_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    pthread_mutex_destroy(&queue->mutex);
    g_free(queue);
}

bool event_post(struct event_queue *queue, struct event *event)
{
    pthread_mutex_lock(&queue->mutex);
    bool fresh = !event->queued;
    if (fresh) {
        event->queued = true;
        event->next = NULL;
        *queue->posted.last = event;
        queue->posted.last = &event->next;
    }
    pthread_mutex_unlock(&queue->mutex);

    if (fresh && queue->on_post) {
        queue->on_post(queue->on_post_arg);
    }
    return fresh;
}

bool event_cancel(struct event_queue *queue, struct event *event)
{
    pthread_mutex_lock(&queue->mutex);
    bool removed = event->queued &&
                   (list_remove(&queue->running, event) || list_remove(&queue->posted, event));
    pthread_mutex_unlock(&queue->mutex);
    return removed;
}

/* Moves everything posted behind what is running. */
static void take_posted(struct event_queue *queue)
{
    if (queue->posted.first) {
        *queue->running.last = queue->posted.first;
        queue->running.last = queue->posted.last;
        list_init(&queue->posted);
    }
}

unsigned event_run(struct event_queue *queue)
{
    unsigned count = 0;

    pthread_mutex_lock(&queue->mutex);
    take_posted(queue);
    while (queue->running.first) {
        struct event *event = queue->running.first;

        list_remove(&queue->running, event);
        pthread_mutex_unlock(&queue->mutex);
        event->fn(event);
        count++;
        pthread_mutex_lock(&queue->mutex);
    }
    pthread_mutex_unlock(&queue->mutex);
    return count;
}

bool event_pending(struct event_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    bool pending = queue->posted.first || queue->running.first;
    pthread_mutex_unlock(&queue->mutex);
    return pending;
}

void event_on_post(struct event_queue *queue, void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&queue->mutex);
    queue->on_post = fn;
    queue->on_post_arg = arg;
    pthread_mutex_unlock(&queue->mutex);
}
