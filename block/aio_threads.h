/*
 * Transfers carried out by a few threads with plain calls, for aio.c: what aio=threads asks for in the place of libaio.
 */
#ifndef BLOCK_AIO_THREADS_H
#define BLOCK_AIO_THREADS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct aio_threads;

/* In the caller's memory, untouched by it from submission until it is taken. */
struct aio_transfer {
    int fd;
    bool write;
    const struct iovec *iov;
    int iov_count;
    uint64_t offset; /* bytes */
    long result;     /* bytes, or -errno */
    struct aio_transfer *next;
};

/* wake_fd: an eventfd (borrowed) that is written to at each completion. NULL if no thread can be had. */
struct aio_threads *aio_threads_create(int wake_fd);
/* Nothing may be under way. NULL is fine. */
void aio_threads_destroy(struct aio_threads *threads);

void aio_threads_submit(struct aio_threads *threads, struct aio_transfer *transfer);
/* One that is complete; NULL if there is none and `wait` is false. */
struct aio_transfer *aio_threads_take(struct aio_threads *threads, bool wait);

#endif
