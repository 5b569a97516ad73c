/*
 * Helpers for tests of block/: a folder of their own, running vmm-img in a child, the qemu-img
 * oracle.
 */
#ifndef TESTS_SUPPORT_BLOCK_TEST_H
#define TESTS_SUPPORT_BLOCK_TEST_H

#include "block/block.h"

/* A new folder, made the current one, so that tests can use plain file names. Leave and remove it
 * with _end. */
void block_test_begin(void);
void block_test_end(void);

/* Runs vmm-img with these arguments (NULL at the end) in a child process. *output (may be NULL)
 * gets what it printed on stdout and stderr together, newly allocated. Returns its exit status. */
int block_test_vmm_img(char **output, ...) G_GNUC_NULL_TERMINATED;
/* The same for qemu-img; call only if it is there. */
int block_test_qemu_img(char **output, ...) G_GNUC_NULL_TERMINATED;
/* False, after g_test_skip(): there is no qemu-img here. */
bool block_test_need_qemu_img(void);

/* Creates an image; any failure ends the test. */
void block_test_create(const char *path, const char *format, uint64_t bytes, const char *backing);
/* Opens one without a queue; any failure ends the test. */
struct block *block_test_open(const char *path, const struct block_options *options);
/* A file with these contents. */
void block_test_put(const char *path, const void *bytes, size_t count);
/* Fails the test unless the whole disk reads as model. */
void block_test_same(struct block *block, const uint8_t *model, uint64_t bytes);
/* Random bytes. */
void block_test_fill(GRand *random, uint8_t *bytes, size_t count);
/* `count` random reads, writes, zeroings, flushes on block and model; checks each read. */
void block_test_hammer(struct block *block, uint8_t *model, uint64_t bytes, GRand *random,
                       unsigned count);

#endif
