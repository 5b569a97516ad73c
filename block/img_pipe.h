/*
 * Reading ahead for vmm-img: several threads find, read and prepare pieces of a disk, while the caller's
 * thread takes them in order.
 */
#ifndef BLOCK_IMG_PIPE_H
#define BLOCK_IMG_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMG_PIPE_THREADS_MAX = 16 };

struct img_piece {
    uint64_t at, bytes; /* set by next() */
    unsigned source;
    bool data;
    int result;      /* set by work(): 0 or -errno */
    uint8_t *buffer; /* img_pipe.buffer_bytes */
    uint8_t *extra;  /* img_pipe.extra_bytes, aligned for any type */
};

struct img_pipe {
    unsigned threads; /* 1 to IMG_PIPE_THREADS_MAX */
    size_t buffer_bytes, extra_bytes;
    void *arg;
    /* Says what the next piece is; one call at a time, in any of the threads. False: there is none. */
    bool (*next)(void *arg, unsigned thread, struct img_piece *piece);
    /* Reads it; several calls at a time, each with another `thread` (0, 1, ..). */
    void (*work)(void *arg, unsigned thread, struct img_piece *piece);
    /* Takes it, in the caller's thread and in order. Not 0: no more. */
    int (*take)(void *arg, struct img_piece *piece);
};

/* Until the pieces end, or take() says so: what it returned, else 0. */
int img_pipe_run(const struct img_pipe *pipe);
/* How many threads are of use on this host. */
unsigned img_pipe_threads(void);

#endif
