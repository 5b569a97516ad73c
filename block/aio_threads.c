/* See the header. The threads share one list of work and one of results. */
#include "block/aio_threads.h"

#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <unistd.h>

enum { THREADS = 8 };

struct transfer_list {
    struct aio_transfer *head, *tail;
};

struct aio_threads {
    int wake_fd;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;   /* for the threads: something to do, or stop */
    pthread_cond_t done;   /* for aio_threads_take() */
    struct transfer_list pending, complete;
    bool stop;
    pthread_t threads[THREADS];
    unsigned count;
};

static void append(struct transfer_list *list, struct aio_transfer *transfer)
{
    transfer->next = NULL;
    if (list->head == NULL) {
        list->head = transfer;
    } else {
        list->tail->next = transfer;
    }
    list->tail = transfer;
}

static struct aio_transfer *take(struct transfer_list *list)
{
    struct aio_transfer *transfer = list->head;

    if (transfer != NULL) {
        list->head = transfer->next;
    }
    return transfer;
}

static long carry_out(const struct aio_transfer *t)
{
    ssize_t n;

    do {
        n = t->write ? pwritev(t->fd, t->iov, t->iov_count, (off_t)t->offset)
                     : preadv(t->fd, t->iov, t->iov_count, (off_t)t->offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static void wake(const struct aio_threads *threads)
{
    uint64_t one = 1;

    /* Can only fail when the counter is about to overflow, and then it is not 0 anyway. */
    if (write(threads->wake_fd, &one, sizeof(one)) < 0) {
        return;
    }
}

static void *run(void *arg)
{
    struct aio_threads *threads = arg;

    pthread_mutex_lock(&threads->mutex);
    while (!threads->stop) {
        struct aio_transfer *transfer = take(&threads->pending);

        if (transfer == NULL) {
            pthread_cond_wait(&threads->work, &threads->mutex);
            continue;
        }
        pthread_mutex_unlock(&threads->mutex);
        transfer->result = carry_out(transfer);
        pthread_mutex_lock(&threads->mutex);
        append(&threads->complete, transfer);
        pthread_cond_signal(&threads->done);
        wake(threads);
    }
    pthread_mutex_unlock(&threads->mutex);
    return NULL;
}

struct aio_threads *aio_threads_create(int wake_fd)
{
    struct aio_threads *threads = g_new0(struct aio_threads, 1);

    threads->wake_fd = wake_fd;
    pthread_mutex_init(&threads->mutex, NULL);
    pthread_cond_init(&threads->work, NULL);
    pthread_cond_init(&threads->done, NULL);
    while (threads->count < THREADS && pthread_create(&threads->threads[threads->count], NULL, run, threads) == 0) {
        threads->count++;
    }
    if (threads->count == 0) {
        aio_threads_destroy(threads);
        return NULL;
    }
    return threads;
}

void aio_threads_destroy(struct aio_threads *threads)
{
    if (threads == NULL) {
        return;
    }
    pthread_mutex_lock(&threads->mutex);
    threads->stop = true;
    pthread_cond_broadcast(&threads->work);
    pthread_mutex_unlock(&threads->mutex);
    for (unsigned i = 0; i < threads->count; i++) {
        pthread_join(threads->threads[i], NULL);
    }
    pthread_cond_destroy(&threads->work);
    pthread_cond_destroy(&threads->done);
    pthread_mutex_destroy(&threads->mutex);
    g_free(threads);
}

void aio_threads_submit(struct aio_threads *threads, struct aio_transfer *transfer)
{
    pthread_mutex_lock(&threads->mutex);
    append(&threads->pending, transfer);
    pthread_mutex_unlock(&threads->mutex);
    pthread_cond_signal(&threads->work);
}

struct aio_transfer *aio_threads_take(struct aio_threads *threads, bool wait)
{
    pthread_mutex_lock(&threads->mutex);
    while (wait && threads->complete.head == NULL) {
        pthread_cond_wait(&threads->done, &threads->mutex);
    }
    struct aio_transfer *transfer = take(&threads->complete);
    pthread_mutex_unlock(&threads->mutex);
    return transfer;
}
