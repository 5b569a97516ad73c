/*
 * The copying in vmm-img convert: one or several disks, one behind the other, to the target.
 */
#ifndef BLOCK_IMG_COPY_H
#define BLOCK_IMG_COPY_H

#include "block/block.h"
#include "block/img_pipe.h"

enum {
    IMG_SOURCES_MAX = 64,
    IMG_COPY_BYTES = 256 << 10, /* copied at once, at most */
};

struct img_copy {
    struct block *sources[IMG_PIPE_THREADS_MAX][IMG_SOURCES_MAX]; /* each thread has its own */
    unsigned threads, count;
    uint64_t total; /* bytes of all sources */
    struct block *target;
    bool image_zero; /* what is left out reads as zero */
    bool salvage;    /* what cannot be read is zero */
    bool progress;
    uint64_t grain; /* zeroes of this length are left out; 0: nothing is */
    uint64_t rate;  /* bytes a second; 0: no limit */
    int64_t started_us;
    uint64_t at; /* where the next piece begins */
};

/* How the disk made of the sources is stored at `at`; as block_status(). */
int img_copy_status(const struct img_copy *copy, unsigned thread, uint64_t at, bool *data,
                    uint64_t *run);
/* Reads a range of it. */
int img_copy_read(const struct img_copy *copy, unsigned thread, uint64_t at, uint8_t *buffer,
                  size_t bytes);
/* After each piece: the rate, and what -p prints. */
void img_copy_advance(const struct img_copy *copy, uint64_t done);
/* Flushes the target, and says that all is there. An exit status. */
int img_copy_end(const struct img_copy *copy);

/* Copies everything. An exit status. */
int img_copy_plain(struct img_copy *copy);
/* The same as compressed clusters. */
int img_copy_packed(struct img_copy *copy);

#endif
