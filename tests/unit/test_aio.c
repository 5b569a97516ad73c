/*
 * The libaio engine: many random requests in flight at once against a model, memory of any
 * alignment, the end of a file that is no whole unit long, and what has to go round libaio.
 */
#include "block/block_impl.h"
#include "core/event.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <string.h>

enum {
    DISK_BYTES = 4 * 1024 * 1024,
    SLOT_BYTES = 65536,
    SLOTS = DISK_BYTES / SLOT_BYTES,
    ROUNDS = 150
};

/* One stretch of the disk with one request at a time in it, so that the order among requests does
 * not matter. */
struct slot {
    struct block_request request;
    struct iovec iov[4];
    uint8_t *memory; /* SLOT_BYTES and some more, for odd starts */
    uint8_t *model;
    uint64_t offset; /* in the slot, of the request */
    unsigned rounds;
    struct block *block;
    GRand *random;
};

static struct block *open_direct(struct event_queue *queue, const char *format, uint64_t bytes,
                                 enum block_cache cache, enum block_aio aio)
{
    struct block_options options = {.format = format, .cache = cache, .aio = aio, .discard = true};
    GError *error = NULL;

    block_test_begin();
    block_test_create("disk", format, bytes, NULL);
    struct block *block = block_open("disk", &options, queue, &error);
    if (block == NULL) {
        g_test_skip("the file system has no O_DIRECT");
        g_clear_error(&error);
        block_test_end();
    }
    return block;
}

/* Cuts the memory into up to four pieces, at odd places or at pages. */
static void scatter(struct slot *slot, uint64_t bytes)
{
    size_t start =
        g_rand_boolean(slot->random) ? 0 : (size_t)g_rand_int_range(slot->random, 0, 600);
    int pieces = g_rand_int_range(slot->random, 1, 5);
    uint8_t *at = slot->memory + start;
    uint64_t left = bytes;

    for (int i = 0; i < pieces; i++) {
        uint64_t piece = i == pieces - 1 ? left : MIN(left, bytes / (uint64_t)pieces);
        if (start == 0 && i < pieces - 1) {
            piece = MIN(left, (piece + 4095) / 4096 * 4096);
        }
        slot->iov[i] = (struct iovec){.iov_base = at, .iov_len = piece};
        at += piece;
        left -= piece;
    }
    slot->request.iov_count = pieces;
}

static void start(struct slot *slot, uint64_t base)
{
    GRand *random = slot->random;
    struct block_request *request = &slot->request;
    int what = g_rand_int_range(random, 0, 100);
    uint64_t sectors = SLOT_BYTES / 512;
    uint64_t first = (uint64_t)g_rand_int_range(random, 0, (gint32)sectors);
    uint64_t count = (uint64_t)g_rand_int_range(random, 1, (gint32)(sectors - first) + 1);

    slot->offset = first * 512;
    request->offset = base + slot->offset;
    request->bytes = count * 512;
    request->op = what < 45   ? BLOCK_READ
                  : what < 93 ? BLOCK_WRITE
                  : what < 97 ? BLOCK_WRITE_ZEROES
                              : BLOCK_FLUSH;
    scatter(slot, request->bytes);
    if (request->op == BLOCK_WRITE) {
        block_test_fill(random, (uint8_t *)slot->iov[0].iov_base, request->bytes);
        memcpy(slot->model + slot->offset, slot->iov[0].iov_base, request->bytes);
    } else if (request->op == BLOCK_WRITE_ZEROES) {
        memset(slot->model + slot->offset, 0, request->bytes);
    }
    block_submit(slot->block, request);
}

static void slot_done(struct block_request *request, int result)
{
    struct slot *slot = request->arg;

    g_assert_cmpint(result, ==, 0);
    if (request->op == BLOCK_READ) {
        g_assert_cmpint(memcmp(slot->iov[0].iov_base, slot->model + slot->offset, request->bytes),
                        ==, 0);
    }
    if (slot->rounds > 0) {
        slot->rounds--;
        start(slot, request->offset / SLOT_BYTES * SLOT_BYTES);
    }
}

static void hammer(const char *format, enum block_cache cache, enum block_aio aio, unsigned rounds)
{
    struct event_queue *queue = event_queue_create();
    struct block *block = open_direct(queue, format, DISK_BYTES, cache, aio);
    g_autofree uint8_t *model = g_malloc0(DISK_BYTES);
    g_autoptr(GRand) random = g_rand_new_with_seed(21);
    struct slot slots[SLOTS];

    if (block == NULL) {
        event_queue_destroy(queue);
        return;
    }
    g_assert_true(block->use_aio);
    for (unsigned i = 0; i < SLOTS; i++) {
        slots[i] = (struct slot){.model = model + i * SLOT_BYTES,
                                 .memory = g_aligned_alloc0(1, SLOT_BYTES + 8192, 4096),
                                 .rounds = rounds,
                                 .block = block,
                                 .random = random};
        slots[i].request =
            (struct block_request){.iov = slots[i].iov, .done = slot_done, .arg = &slots[i]};
        start(&slots[i], i * SLOT_BYTES);
    }
    block_drain(block);
    block_test_same(block, model, DISK_BYTES);
    block_close(block);
    for (unsigned i = 0; i < SLOTS; i++) {
        g_assert_cmpuint(slots[i].rounds, ==, 0);
        g_aligned_free(slots[i].memory);
    }
    struct block_options plain = {.format = format};
    block = block_test_open("disk", &plain);
    block_test_same(block, model, DISK_BYTES);
    struct block_image *image = block_get_image(block);
    struct block_check check = {0};
    if (image->driver->check != NULL) {
        g_assert_cmpint(image->driver->check(image, &check), ==, 0);
        g_assert_cmpuint(check.errors + check.leaks, ==, 0);
    }
    block_close(block);
    event_queue_destroy(queue);
    block_test_end();
}

static void test_random(gconstpointer format)
{
    hammer(format, BLOCK_CACHE_NONE, BLOCK_AIO_AUTO, ROUNDS);
}

static void test_random_threads(gconstpointer format)
{
    hammer(format, BLOCK_CACHE_NONE, BLOCK_AIO_THREADS, ROUNDS);
}

static void test_random_directsync(gconstpointer format)
{
    hammer(format, BLOCK_CACHE_DIRECTSYNC, BLOCK_AIO_AUTO, 10);
}

/* A file whose end is no whole unit: reads give zeroes behind it, writes do not make it longer than
 * the disk. */
static void test_odd_end(void)
{
    struct event_queue *queue = event_queue_create();
    struct block *block = open_direct(queue, "raw", 512, BLOCK_CACHE_NONE, BLOCK_AIO_AUTO);
    g_autofree uint8_t *model = g_malloc0(11264);
    g_autoptr(GRand) random = g_rand_new_with_seed(22);
    struct block_options options = {.format = "raw", .cache = BLOCK_CACHE_NONE};
    GError *error = NULL;

    if (block == NULL) {
        event_queue_destroy(queue);
        return;
    }
    block_close(block);
    memset(model, 0x33, 11000);
    block_test_put("disk", model, 11000);
    block = block_open("disk", &options, queue, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(block_size(block), ==, 11264);
    block_test_same(block, model, 11264);
    block_test_hammer(block, model, 11264, random, 500);
    block_close(block);
    block = block_open("disk", &options, queue, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(block_size(block), ==, 11264);
    block_test_same(block, model, 11264);
    block_close(block);
    event_queue_destroy(queue);
    block_test_end();
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_data_func("/aio/random/raw", "raw", test_random);
    g_test_add_data_func("/aio/random/qcow", "qcow", test_random);
    g_test_add_data_func("/aio/random/qcow2", "qcow2", test_random);
    g_test_add_data_func("/aio/threads/raw", "raw", test_random_threads);
    g_test_add_data_func("/aio/threads/qcow2", "qcow2", test_random_threads);
    g_test_add_data_func("/aio/directsync/raw", "raw", test_random_directsync);
    g_test_add_data_func("/aio/directsync/qcow", "qcow", test_random_directsync);
    g_test_add_data_func("/aio/directsync/qcow2", "qcow2", test_random_directsync);
    g_test_add_func("/aio/odd-end", test_odd_end);
    return g_test_run();
}
