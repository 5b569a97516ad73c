/*
 * Joins TCP segments that follow each other into one, before the user network sees them: libslirp
 * works, writes to a socket and acknowledges once for each segment, whatever its size.
 */
#ifndef NET_USER_MERGE_H
#define NET_USER_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a joined frame: a quarter of the window that libslirp gives, so that its
 * acknowledgements still come while the guest sends. */
#define USER_MERGE_MAX 16384u

struct user_merge {
    uint8_t frame[USER_MERGE_MAX];
    size_t size;    /* of the frame held; 0: none */
    unsigned count; /* segments in it */
    uint32_t next;  /* sequence number that would follow */
    uint32_t sum;   /* of the payload's words, as net_sum() */
};

/* Takes the frame in: true. False: it cannot follow the one held, which must be taken out first, or
 * can be joined to nothing at all (nothing is held then). */
bool user_merge_add(struct user_merge *merge, const uint8_t *frame, size_t size);
/* The frame held, with its lengths and checksums put right; size 0: none. It stays valid until the
 * next addition. */
const uint8_t *user_merge_take(struct user_merge *merge, size_t *size);

#endif
