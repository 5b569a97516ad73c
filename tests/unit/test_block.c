/*
 * Requests: never completed inside submit, exactly once, in the machine thread; limits; errors;
 * draining; closing. Each test runs on every engine: the worker on raw and qcow, libaio on raw with
 * O_DIRECT where the file system has it, and a -snapshot layer.
 */
#include "block/block.h"
#include "block/fault.h"
#include "core/event.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

enum { DISK_BYTES = 1024 * 1024, MANY = 100 };

struct kind {
    const char *name;
    const char *format;
    struct block_options options;
};

static const struct kind kinds[] = {
    {"raw", "raw", {.format = "raw"}},
    {"qcow", "qcow", {.format = "qcow"}},
    {"direct", "raw", {.format = "raw", .cache = BLOCK_CACHE_NONE}},
    {"snapshot", "raw", {.format = "raw", .snapshot = true}},
};

/* A front end: a request, its memory, and what became of it. */
struct front {
    struct block_request request;
    struct iovec iov[3];
    uint8_t memory[8192];
    unsigned done;
    int result;
    GThread *thread;
    struct block *block;
    unsigned again; /* submit from inside done() so many times */
    bool drain;     /* drain from inside done() */
};

static struct block *open_kind(const struct kind *kind, struct event_queue *queue)
{
    GError *error = NULL;

    block_test_begin();
    block_test_create("disk", kind->format, DISK_BYTES, NULL);
    struct block *block = block_open("disk", &kind->options, queue, &error);
    if (block == NULL && kind->options.cache == BLOCK_CACHE_NONE) {
        g_test_skip("the file system has no O_DIRECT");
        g_clear_error(&error);
        block_test_end();
    } else if (block == NULL) {
        g_error("%s", error->message);
    }
    return block;
}

static void front_done(struct block_request *request, int result)
{
    struct front *front = request->arg;

    front->done++;
    front->result = result;
    g_assert_true(front->thread == g_thread_self());
    if (front->again > 0) {
        front->again--;
        block_submit(front->block, request);
        g_assert_true(request->busy);
    }
    if (front->drain) {
        front->drain = false;
        block_drain(front->block);
    }
}

static void front_init(struct front *front, struct block *block, enum block_op op, uint64_t offset,
                       size_t bytes)
{
    *front = (struct front){.block = block, .thread = g_thread_self()};
    front->iov[0] = (struct iovec){.iov_base = front->memory, .iov_len = bytes};
    front->request = (struct block_request){.op = op,
                                            .offset = offset,
                                            .bytes = bytes,
                                            .iov = front->iov,
                                            .iov_count = 1,
                                            .done = front_done,
                                            .arg = front};
}

/* Runs events as the machine thread does, until `count` completions have come. */
static void wait_done(struct event_queue *queue, struct front *front, unsigned count)
{
    for (unsigned i = 0; front->done < count; i++) {
        g_assert_cmpuint(i, <, 10000);
        if (event_run(queue) == 0) {
            g_usleep(1000);
        }
    }
}

static int submit_and_wait(struct event_queue *queue, struct front *front)
{
    unsigned before = front->done;

    block_submit(front->block, &front->request);
    g_assert_cmpuint(front->done, ==, before);
    wait_done(queue, front, before + 1);
    g_assert_false(front->request.busy);
    return front->result;
}

static void test_write_read(gconstpointer data)
{
    struct event_queue *queue = event_queue_create();
    struct block *block = open_kind(data, queue);
    g_autofree struct front *front = g_new0(struct front, 1);
    struct block_stats stats;

    if (block == NULL) {
        event_queue_destroy(queue);
        return;
    }
    front_init(front, block, BLOCK_WRITE, 4096, 8192);
    memset(front->memory, 0x77, 8192);
    g_assert_cmpint(submit_and_wait(queue, front), ==, 0);
    front_init(front, block, BLOCK_FLUSH, 0, 0);
    g_assert_cmpint(submit_and_wait(queue, front), ==, 0);
    /* Scattered, with odd lengths and an empty element. */
    front_init(front, block, BLOCK_READ, 4096 + 7680, 1024);
    front->iov[0].iov_len = 2;
    front->iov[1] = (struct iovec){.iov_base = front->memory + 100, .iov_len = 0};
    front->iov[2] = (struct iovec){.iov_base = front->memory + 1000, .iov_len = 1022};
    front->request.iov_count = 3;
    memset(front->memory, 1, 8192);
    g_assert_cmpint(submit_and_wait(queue, front), ==, 0);
    g_assert_cmpuint(front->memory[1], ==, 0x77);
    g_assert_cmpuint(front->memory[2], ==, 1);
    g_assert_cmpuint(front->memory[1000 + 509], ==, 0x77);
    g_assert_cmpuint(front->memory[1000 + 510], ==, 0);
    block_get_stats(block, &stats);
    g_assert_cmpuint(stats.writes, ==, 1);
    g_assert_cmpuint(stats.reads, ==, 1);
    g_assert_cmpuint(stats.flushes, ==, 1);
    g_assert_cmpuint(stats.bytes_written, ==, 8192);
    g_assert_cmpuint(stats.bytes_read, ==, 1024);
    g_assert_cmpuint(stats.errors, ==, 0);
    block_close(block);
    event_queue_destroy(queue);
    block_test_end();
}

static void test_limits(gconstpointer data)
{
    static const struct {
        enum block_op op;
        uint64_t offset;
        uint64_t bytes;
        int count;
        int result;
    } cases[] = {
        {BLOCK_READ, DISK_BYTES, 512, 1, -EIO},
        {BLOCK_READ, DISK_BYTES - 512, 1024, 1, -EIO},
        {BLOCK_WRITE, UINT64_MAX - 511, 512, 1, -EIO},
        {BLOCK_WRITE, 512, UINT64_MAX - 511, 1, -EIO},
        {BLOCK_DISCARD, DISK_BYTES, 512, 0, -EIO},
        {BLOCK_WRITE_ZEROES, DISK_BYTES, 512, 0, -EIO},
        {BLOCK_READ, 100, 512, 1, -EINVAL},
        {BLOCK_READ, 512, 100, 1, -EINVAL},
        {BLOCK_READ, 512, 1024, 0, -EINVAL},
        {BLOCK_READ, 512, 1024, -5, -EINVAL},
        {BLOCK_READ, 512, 1024, 1, -EINVAL}, /* the iov has 512 */
        {BLOCK_READ, 512, 0, 1, 0},
        {BLOCK_READ, DISK_BYTES - 512, 512, 1, 0},
        {BLOCK_DISCARD, 0, DISK_BYTES, 0, 0},
        {BLOCK_WRITE_ZEROES, 0, DISK_BYTES, 0, 0},
    };
    struct event_queue *queue = event_queue_create();
    struct block *block = open_kind(data, queue);
    g_autofree struct front *front = g_new0(struct front, 1);

    for (unsigned i = 0; block != NULL && i < G_N_ELEMENTS(cases); i++) {
        front_init(front, block, cases[i].op, cases[i].offset, 512);
        front->request.bytes = cases[i].bytes;
        front->request.iov_count = cases[i].count;
        g_assert_cmpint(submit_and_wait(queue, front), ==, cases[i].result);
    }
    block_close(block);
    event_queue_destroy(queue);
    if (block != NULL) {
        block_test_end();
    }
}

static void test_many_and_drain(gconstpointer data)
{
    struct event_queue *queue = event_queue_create();
    struct block *block = open_kind(data, queue);
    g_autofree struct front *fronts = g_new0(struct front, MANY);

    if (block == NULL) {
        event_queue_destroy(queue);
        return;
    }
    for (unsigned i = 0; i < MANY; i++) {
        front_init(&fronts[i], block, BLOCK_WRITE, i * 8192, 8192);
        memset(fronts[i].memory, (int)i + 1, 8192);
        fronts[i].again = i % 3;
        fronts[i].drain = i == 10;
        block_submit(block, &fronts[i].request);
    }
    block_drain(block);
    g_assert_cmpuint(block_in_flight(block), ==, 0);
    for (unsigned i = 0; i < MANY; i++) {
        g_assert_cmpuint(fronts[i].done, ==, 1 + i % 3);
        g_assert_cmpint(fronts[i].result, ==, 0);
    }
    /* The event that was on its way finds nothing to do. */
    event_run(queue);
    for (unsigned i = 0; i < MANY; i++) {
        uint8_t byte;
        g_assert_cmpint(block_read(block, i * 8192 + 5000, &byte, 1), ==, 0);
        g_assert_cmpuint(byte, ==, i + 1);
    }
    /* Closing with requests in flight completes them. */
    for (unsigned i = 0; i < MANY; i++) {
        block_submit(block, &fronts[i].request);
    }
    block_close(block);
    for (unsigned i = 0; i < MANY; i++) {
        g_assert_cmpuint(fronts[i].done, ==, 2 + i % 3);
    }
    g_assert_false(event_pending(queue));
    event_queue_destroy(queue);
    block_test_end();
}

/* Synchronous calls beside requests in flight. */
static void test_synchronous(gconstpointer data)
{
    g_autofree uint8_t *model = g_malloc0(DISK_BYTES);
    g_autoptr(GRand) random = g_rand_new_with_seed(11);
    struct event_queue *queue = event_queue_create();
    struct block *block = open_kind(data, queue);

    if (block != NULL) {
        block_test_hammer(block, model, DISK_BYTES, random, 600);
        block_test_same(block, model, DISK_BYTES);
        g_assert_cmpint(block_read(block, DISK_BYTES - 1, model, 2), ==, -EIO);
        block_close(block);
        block_test_end();
    }
    event_queue_destroy(queue);
}

/* ---- errors ---- */

static int result_under_fault(const char *format, enum block_op op,
                              const struct block_fault_rule *rule, struct block_stats *stats)
{
    struct block_fault *fault = block_fault_create();
    struct block_options options = {.format = format, .fault = fault};
    struct event_queue *queue = event_queue_create();
    g_autofree struct front *front = g_new0(struct front, 1);
    GError *error = NULL;

    block_test_begin();
    block_test_create("disk", format, DISK_BYTES, NULL);
    struct block *block = block_open("disk", &options, queue, &error);
    g_assert_no_error(error);
    front_init(front, block, BLOCK_WRITE, 0, 8192);
    g_assert_cmpint(submit_and_wait(queue, front), ==, 0);
    block_fault_add(fault, rule);
    front_init(front, block, op, 0, 8192);
    int result = submit_and_wait(queue, front);
    g_assert_cmpuint(block_fault_hits(fault), >=, 1);
    block_fault_clear(fault);
    block_get_stats(block, stats);
    block_close(block);
    event_queue_destroy(queue);
    block_fault_destroy(fault);
    block_test_end();
    return result;
}

static void test_errors_arrive(void)
{
    static const struct {
        enum block_op op;
        unsigned fault;
        int error;
    } cases[] = {{BLOCK_READ, BLOCK_FAULT_READ, EIO},
                 {BLOCK_WRITE, BLOCK_FAULT_WRITE, ENOSPC},
                 {BLOCK_WRITE, BLOCK_FAULT_WRITE, EIO},
                 {BLOCK_WRITE_ZEROES, BLOCK_FAULT_WRITE, ENOSPC},
                 {BLOCK_FLUSH, BLOCK_FAULT_SYNC, EIO}};

    for (unsigned i = 0; i < G_N_ELEMENTS(cases) * 2; i++) {
        struct block_fault_rule rule = {
            .ops = cases[i / 2].fault, .error = cases[i / 2].error, .count = 1};
        struct block_stats stats;
        g_assert_cmpint(result_under_fault(i % 2 ? "qcow" : "raw", cases[i / 2].op, &rule, &stats),
                        ==, -cases[i / 2].error);
        g_assert_cmpuint(stats.errors, ==, 1);
    }
}

/* A slow disk must not hold up the submitter. */
static void test_submit_does_not_wait(void)
{
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_READ, .delay_ms = 100};
    struct block_options options = {.format = "raw", .fault = fault};
    struct event_queue *queue = event_queue_create();
    g_autofree struct front *front = g_new0(struct front, 1);
    GError *error = NULL;

    block_test_begin();
    block_test_create("disk", "raw", DISK_BYTES, NULL);
    struct block *block = block_open("disk", &options, queue, &error);
    g_assert_no_error(error);
    block_fault_add(fault, &rule);
    front_init(front, block, BLOCK_READ, 0, 512);
    block_submit(block, &front->request);
    g_assert_cmpuint(block_in_flight(block), ==, 1);
    g_assert_false(event_pending(queue));
    block_drain(block);
    g_assert_cmpuint(front->done, ==, 1);
    block_close(block);
    event_queue_destroy(queue);
    block_fault_destroy(fault);
    block_test_end();
}

/* The worker writes waiting tables by itself; if that fails, the next flush says so. */
static void test_idle_write(void)
{
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_SYNC, .count = 1, .error = EIO};
    struct block_options options = {.format = "qcow", .fault = fault};
    struct event_queue *queue = event_queue_create();
    GError *error = NULL;
    uint8_t byte = 1;

    block_test_begin();
    block_test_create("disk", "qcow", DISK_BYTES, NULL);
    struct block *block = block_open("disk", &options, queue, &error);
    g_assert_no_error(error);
    for (unsigned round = 0; round < 2; round++) {
        g_assert_cmpint(block_write(block, round * 65536, &byte, 1), ==, 0);
        uint64_t syncs = block_fault_seen(fault, BLOCK_FAULT_SYNC);
        uint64_t wanted = syncs + (round == 0 ? 3 : 1);
        for (unsigned i = 0; block_fault_seen(fault, BLOCK_FAULT_SYNC) < wanted; i++) {
            g_assert_cmpuint(i, <, 1000);
            g_usleep(10000);
        }
        g_assert_cmpint(block_flush(block), ==, round == 0 ? 0 : -EIO);
        block_fault_add(fault, &rule);
    }
    block_fault_clear(fault);
    g_assert_cmpint(block_flush(block), ==, 0);
    block_close(block);
    event_queue_destroy(queue);
    block_fault_destroy(fault);
    block_test_end();
}

/* Beyond the limit on file sizes: an error for the guest, no signal for the process. */
static void test_file_size_limit(void)
{
    struct event_queue *queue = event_queue_create();
    struct rlimit old, limit;
    GError *error = NULL;
    uint8_t byte = 1;

    block_test_begin();
    block_test_create("disk", "qcow", DISK_BYTES, NULL);
    struct block *block = block_open("disk", NULL, queue, &error);
    g_assert_no_error(error);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit){.rlim_cur = 6000, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    g_assert_cmpint(block_write(block, 0, &byte, 1), ==, -EFBIG);
    setrlimit(RLIMIT_FSIZE, &old);
    g_assert_cmpint(block_write(block, 0, &byte, 1), ==, 0);
    block_close(block);
    event_queue_destroy(queue);
    block_test_end();
}

static void test_read_only(void)
{
    struct block_options options = {.format = "raw", .read_only = true};
    uint8_t byte = 1;

    block_test_begin();
    block_test_create("disk", "raw", DISK_BYTES, NULL);
    struct block *block = block_test_open("disk", &options);
    g_assert_true(block_read_only(block));
    g_assert_cmpint(block_write(block, 0, &byte, 1), ==, -EROFS);
    g_assert_cmpint(block_write_zeroes(block, 0, 1), ==, -EROFS);
    g_assert_cmpint(block_discard(block, 0, 1), ==, -EROFS);
    g_assert_cmpint(block_flush(block), ==, 0);
    g_assert_cmpint(block_read(block, 0, &byte, 1), ==, 0);
    block_close(block);
    block_test_end();
}

static void test_truncate_and_discard(void)
{
    struct block_options options = {.format = "raw", .discard = true};
    struct block_info info;
    g_autofree uint8_t *model = g_malloc(DISK_BYTES);

    block_test_begin();
    memset(model, 9, DISK_BYTES);
    block_test_put("disk", model, DISK_BYTES);
    struct block *block = block_test_open("disk", &options);
    g_assert_cmpint(block_truncate(block, DISK_BYTES / 2), ==, 0);
    g_assert_cmpuint(block_size(block), ==, DISK_BYTES / 2);
    g_assert_cmpint(block_truncate(block, DISK_BYTES), ==, 0);
    memset(model + DISK_BYTES / 2, 0, DISK_BYTES / 2);
    block_test_same(block, model, DISK_BYTES);
    g_assert_cmpint(block_discard(block, 0, DISK_BYTES), ==, 0);
    block_get_info(block, &info);
    g_assert_cmpstr(info.format, ==, "raw");
    g_assert_cmpuint(info.virtual_bytes, ==, DISK_BYTES);
    block_close(block);
    block_test_end();
}

static void test_open_errors(void)
{
    static const struct {
        const char *path;
        const char *format;
        const char *words;
        int code;
    } cases[] = {{"nope", NULL, "Could not open 'nope': No such file", ENOENT},
                 {".", NULL, "directory", EISDIR},
                 {"disk", "qcow", "not a QCOW", EINVAL},
                 {"disk", "vhdx", "not supported yet; supported: raw qcow qcow2", ENOTSUP},
                 {"disk", "zzz", "Unknown file format 'zzz'", EINVAL},
                 {"/dev/null", NULL, "neither a file nor a block device", EINVAL}};

    block_test_begin();
    block_test_create("disk", "raw", DISK_BYTES, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct block_options options = {.format = cases[i].format, .read_only = i == 1};
        GError *error = NULL;
        g_assert_null(block_open(cases[i].path, &options, NULL, &error));
        g_assert_error(error, BLOCK_ERROR, cases[i].code);
        g_assert_nonnull(strstr(error->message, cases[i].words));
        g_clear_error(&error);
    }
    block_test_end();
}

static void test_cache_names(void)
{
    static const char *const names[] = {"writeback", "writethrough", "none", "directsync",
                                        "unsafe"};
    enum block_cache cache;

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_assert_true(block_cache_parse(names[i], &cache));
        g_assert_cmpstr(block_cache_name(cache), ==, names[i]);
    }
    g_assert_false(block_cache_parse("", &cache));
    g_assert_false(block_cache_parse("off", &cache));
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        static const struct {
            const char *name;
            GTestDataFunc fn;
        } tests[] = {{"write-read", test_write_read},
                     {"limits", test_limits},
                     {"many-and-drain", test_many_and_drain},
                     {"synchronous", test_synchronous}};
        for (unsigned k = 0; k < G_N_ELEMENTS(tests); k++) {
            g_autofree char *path = g_strdup_printf("/block/%s/%s", kinds[i].name, tests[k].name);
            g_test_add_data_func(path, &kinds[i], tests[k].fn);
        }
    }
    g_test_add_func("/block/errors-arrive", test_errors_arrive);
    g_test_add_func("/block/submit-does-not-wait", test_submit_does_not_wait);
    g_test_add_func("/block/idle-write", test_idle_write);
    g_test_add_func("/block/file-size-limit", test_file_size_limit);
    g_test_add_func("/block/read-only", test_read_only);
    g_test_add_func("/block/truncate-and-discard", test_truncate_and_discard);
    g_test_add_func("/block/open-errors", test_open_errors);
    g_test_add_func("/block/cache-names", test_cache_names);
    return g_test_run();
}
