/*
 * Crash consistency of images that are written, for every format. Writes, discards, snapshots and flushes end at
 * some point, in one of two ways:
 *   - cut: after the n-th operation on the host file nothing is written any more, the last write perhaps in part,
 *     and what was not synced by then is lost, wholly, in part or not at all, sector by sector: as if the host had
 *     torn, dropped or reordered it;
 *   - killed: another process writes, and gets a SIGKILL at a random time.
 * The image must then open, have no errors (leaks are fine), and hold everything that was flushed.
 * VMM_BLOCK_CRASHES sets the number of either for each set of options.
 */
#include "block/driver_impl.h"
#include "block/fault.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DISK_BYTES = 2 * 1024 * 1024, SECTORS = DISK_BYTES / 512 };

static const struct subject {
    const char *name;
    struct block_create_options create;
} subjects[] = {
    {"raw", {.format = "raw"}},
    {"raw-preallocated", {.format = "raw", .preallocation = BLOCK_PREALLOCATE_FALLOC}},
    {"qcow", {.format = "qcow"}},
    {"qcow-backing", {.format = "qcow", .backing_name = "base.raw", .backing_format = "raw"}},
    {"qcow2-4k", {.format = "qcow2", .cluster_bytes = 4096}},
    {"qcow2-512", {.format = "qcow2", .cluster_bytes = 512}},
    {"qcow2-64k", {.format = "qcow2", .cluster_bytes = 65536}},
    {"qcow2-version-2", {.format = "qcow2", .cluster_bytes = 4096, .version = 2}},
    {"qcow2-refcount-64", {.format = "qcow2", .cluster_bytes = 512, .refcount_bits = 64}},
    {"qcow2-lazy", {.format = "qcow2", .cluster_bytes = 4096, .lazy_refcounts = true}},
    {"qcow2-extended", {.format = "qcow2", .cluster_bytes = 16384, .extended_l2 = true}},
    {"qcow2-backing",
     {.format = "qcow2",
      .cluster_bytes = 4096,
      .backing_name = "base.raw",
      .backing_format = "raw"}},
};

struct history {
    uint8_t *now;
    uint8_t *flushed;
    uint8_t *touched; /* a byte each sector: changed since the flush */
    bool snapshots;
    bool ready; /* the process that will be killed has begun */
};

static void settle(struct history *history)
{
    memcpy(history->flushed, history->now, DISK_BYTES);
    memset(history->touched, 0, SECTORS);
}

static int step(struct block *block, struct history *history, GRand *random)
{
    uint64_t offset = (uint64_t)g_rand_int_range(random, 0, SECTORS - 100) * 512;
    uint64_t bytes = (uint64_t)g_rand_int_range(random, 1, 100) * 512;
    int what = g_rand_int_range(random, 0, 100);
    int result;

    if (what < 60) {
        block_test_fill(random, history->now + offset, bytes);
        memset(history->touched + offset / 512, 1, bytes / 512);
        return block_write(block, offset, history->now + offset, bytes);
    }
    if (what < 75) {
        memset(history->now + offset, 0, bytes);
        memset(history->touched + offset / 512, 1, bytes / 512);
        return what < 68 ? block_write_zeroes(block, offset, bytes)
                         : block_discard(block, offset, bytes);
    }
    if (what < 92 || !history->snapshots) {
        result = block_flush(block);
        if (result == 0) {
            /* Discarded sectors may hold either. */
            result = block_read(block, 0, history->now, DISK_BYTES);
            settle(history);
        }
        return result;
    }
    unsigned count;
    const struct block_snapshot *list = block_snapshots(block, &count);
    if (count >= 2) {
        g_autofree char *name = g_strdup(list[0].name);
        return block_snapshot_delete(block, name, NULL) ? 0 : -EIO;
    }
    return block_snapshot_create(block, what < 96 ? "x" : "y", NULL, NULL) ? 0 : -EIO;
}

static void assert_survived(const struct subject *subject, struct history *history)
{
    struct block_options options = {.format = subject->create.format, .allow_backing = true};
    g_autofree uint8_t *found = g_malloc(DISK_BYTES);
    struct block *block = block_test_open("a.img", &options);
    struct block_image *image = block_get_image(block);
    struct block_check check = {0};

    if (image->driver->check != NULL) {
        g_assert_cmpint(image->driver->check(image, &check), ==, 0);
        g_assert_cmpuint(check.errors, ==, 0);
    }
    g_assert_cmpint(block_read(block, 0, found, DISK_BYTES), ==, 0);
    for (unsigned sector = 0; sector < SECTORS; sector++) {
        if (!history->touched[sector]) {
            g_assert_cmpmem(found + sector * 512, 512, history->flushed + sector * 512, 512);
        }
    }
    memcpy(history->now, found, DISK_BYTES);
    block_close(block);
}

/* A new image, empty but for what its backing file has. */
static void make_image(const struct subject *subject, struct history *history, GRand *random)
{
    struct block_create_options create = subject->create;
    GError *error = NULL;

    memset(history->now, 0, DISK_BYTES);
    if (create.backing_name != NULL) {
        block_test_fill(random, history->now, DISK_BYTES);
        block_test_put("base.raw", history->now, DISK_BYTES);
    }
    settle(history);
    create.bytes = DISK_BYTES;
    create.have_bytes = true;
    if (!block_create("a.img", &create, NULL, &error)) {
        g_error("%s", error->message);
    }
}

static unsigned crashes(unsigned few)
{
    const char *wish = g_getenv("VMM_BLOCK_CRASHES");

    return wish != NULL ? (unsigned)atoi(wish) : few;
}

/* True if the guest came to its end before the cut. */
static bool cut_after(const struct subject *subject, unsigned operations, uint32_t seed)
{
    g_autofree uint8_t *memory = g_malloc0(2 * DISK_BYTES + SECTORS);
    struct history history = {memory, memory + DISK_BYTES, memory + 2 * DISK_BYTES};
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_WRITE | BLOCK_FAULT_SYNC,
                                    .skip = operations,
                                    .error = EIO,
                                    .cut = true,
                                    .partial = seed % 3 == 0};
    struct block_options options = {.format = subject->create.format,
                                    .fault = fault,
                                    .allow_backing = true,
                                    .discard = true};

    history.snapshots = seed % 2 == 0 && strcmp(subject->create.format, "qcow2") == 0;
    make_image(subject, &history, random);
    struct block *block = block_test_open("a.img", &options);
    block_fault_record(fault, true);
    block_fault_add(fault, &rule);
    int result = 0;
    for (unsigned i = 0; i < 60 && result == 0; i++) {
        result = step(block, &history, random);
    }
    struct block_image *image = block_get_image(block);
    image->read_only = true; /* the process is dead: closing must not write any more */
    image->failed = false;
    block_close(block);
    block_fault_lose(fault, "a.img", random, g_rand_int_range(random, 0, 3) * 50);
    block_fault_destroy(fault);
    assert_survived(subject, &history);
    return result == 0;
}

static void test_cut(gconstpointer data)
{
    unsigned cuts = crashes(40);
    unsigned last = 300;

    block_test_begin();
    for (unsigned i = 0; i < cuts; i++) {
        unsigned at = (i * 37) % last;
        if (cut_after(data, at, i)) {
            last = MAX(at, 20); /* runs end about here */
        }
    }
    block_test_end();
}

/* ---- killed ---- */

/* The writer's life. The history is shared with the one who kills: whenever that is, a sector is either as it was at
 * the last flush or marked. */
static void G_GNUC_NORETURN write_until_killed(const struct subject *subject,
                                               struct history *history, uint32_t seed)
{
    struct block_options options = {
        .format = subject->create.format, .allow_backing = true, .discard = true};
    struct block *block = block_test_open("a.img", &options);
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);

    history->ready = true;
    while (step(block, history, random) == 0) {
    }
    _exit(1);
}

static void kill_after(const struct subject *subject, struct history *history, GRand *random)
{
    uint32_t seed = g_rand_int(random);
    int status;

    history->ready = false;
    pid_t pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        write_until_killed(subject, history, seed);
    }
    while (!*(volatile bool *)&history->ready && waitpid(pid, &status, WNOHANG) == 0) {
        g_usleep(50);
    }
    g_usleep((gulong)g_rand_int_range(random, 0, 5000));
    kill(pid, SIGKILL);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_survived(subject, history);
}

static void test_killed(gconstpointer data)
{
    enum { LIVES = 10 }; /* of an image, each going on with what the last one has left */
    const struct subject *subject = data;
    size_t bytes = sizeof(struct history) + 2 * DISK_BYTES + SECTORS;
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    unsigned count = crashes(20);
    struct history *history =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    g_assert_true(history != MAP_FAILED);
    history->now = (uint8_t *)(history + 1);
    history->flushed = history->now + DISK_BYTES;
    history->touched = history->flushed + DISK_BYTES;
    history->snapshots = strcmp(subject->create.format, "qcow2") == 0;
    block_test_begin();
    for (unsigned i = 0; i < count; i++) {
        if (i % LIVES == 0) {
            make_image(subject, history, random);
        } else {
            settle(history);
        }
        kill_after(subject, history, random);
    }
    block_test_end();
    munmap(history, bytes);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    for (unsigned i = 0; i < G_N_ELEMENTS(subjects); i++) {
        g_autofree char *cut = g_strdup_printf("/block-crash/cut/%s", subjects[i].name);
        g_autofree char *killed = g_strdup_printf("/block-crash/killed/%s", subjects[i].name);
        g_test_add_data_func(cut, &subjects[i], test_cut);
        g_test_add_data_func(killed, &subjects[i], test_killed);
    }
    return g_test_run();
}
