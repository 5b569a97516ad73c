/*
 * Damaged and malicious disk images of every format: headers, tables, snapshots, names of other files. Each one
 * is opened as a guest's disk and as a tool would open it, read, mapped, checked and, where the format can,
 * written, repaired and used with snapshots. Each has two seconds; no allocation may be larger than 256 MiB (the
 * sanitizer build ends the program at one that is; the plain build has a limit of address space); and files that
 * an image may not name must not be opened, which inotify watches.
 *
 * A session makes 100 images of each format: FUZZ_SEEDS=5000 for half a million of each.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/driver_impl.h"
#include "tests/support/block_test.h"
#include "tests/support/fuzz.h"
#include "tests/support/image_maker.h"

enum { IMAGES = 100, MEGABYTES = 256 };

/* A good image in memory. */
struct seed {
    const struct image_maker *maker;
    gchar *bytes;
    gsize length;
};

struct rig {
    struct seed seeds[32];
    unsigned count;
    int watch;
    char *secret; /* path of a file outside the images' folder */
};

static void rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    block_test_begin();
    g_autofree char *here = g_get_current_dir();
    rig->secret = g_build_filename(here, "secret", NULL);
    block_test_put("secret", "secret", 6);
    g_assert_cmpint(g_mkdir("images", 0700), ==, 0);
    g_assert_cmpint(g_chdir("images"), ==, 0);
    for (const struct image_maker *maker = image_makers; maker->name != NULL; maker++) {
        struct seed *seed = &rig->seeds[rig->count++];
        seed->maker = maker;
        maker->make("bad.img");
        g_assert_true(g_file_get_contents("bad.img", &seed->bytes, &seed->length, NULL));
    }
    rig->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    g_assert_cmpint(inotify_add_watch(rig->watch, rig->secret, IN_OPEN), >=, 0);
}

static void rig_finish(struct rig *rig)
{
    uint8_t event[256];

    /* Opened by none of them? */
    g_assert_cmpint(read(rig->watch, event, sizeof(event)), <, 0);
    close(rig->watch);
    for (unsigned i = 0; i < rig->count; i++) {
        g_free(rig->seeds[i].bytes);
    }
    g_free(rig->secret);
    g_assert_cmpint(g_chdir(".."), ==, 0);
    block_test_end();
}

/* A number at an aligned place, in either order of bytes. */
static void damage_number(struct fuzz *fuzz, uint8_t *bytes, gsize length)
{
    unsigned size = 1u << fuzz_below(fuzz, 4);
    uint64_t value = fuzz_number(fuzz), mask = ~0ull >> (64 - 8 * size);
    gsize at = fuzz_once_in(fuzz, 2) ? fuzz_below(fuzz, MIN(length, 0x200)) : fuzz_below(fuzz, length);

    at = at / size * size;
    for (unsigned i = 0; i < size && at + i < length; i++) {
        unsigned shift = 8 * (fuzz_once_in(fuzz, 2) ? i : size - 1 - i);
        bytes[at + i] = (uint8_t)((value & mask) >> shift);
    }
}

/* An entry that is in use gets another one's value, or a bit more. */
static void damage_entry(struct fuzz *fuzz, uint8_t *bytes, gsize length)
{
    gsize entries = length / 8, at = 0;

    for (unsigned tries = 0; tries < 100 && entries > 0; tries++) {
        at = fuzz_below(fuzz, entries) * 8;
        if (memcmp(bytes + at, "\0\0\0\0\0\0\0", 8) != 0) {
            break;
        }
    }
    if (entries == 0 || fuzz_once_in(fuzz, 2)) {
        bytes[at + (length > 8 ? fuzz_below(fuzz, 8) : 0)] ^= (uint8_t)(1u << fuzz_below(fuzz, 8));
    } else {
        memmove(bytes + at, bytes + fuzz_below(fuzz, entries) * 8, 8);
    }
}

/* A name, or a piece of a descriptor, over what is there. */
static void damage_text(struct fuzz *fuzz, const struct rig *rig, uint8_t *bytes, gsize length)
{
    const char *const words[] = {
        rig->secret, "../secret", "/etc/passwd", "bad.img", "./../images/../secret", "file:../secret",
        "json:{\"file\":\"../secret\"}", "RW 99999999999999 FLAT \"", "\"\n", "parentFileNameHint=\"",
        "SPARSE \"../secret\"", "RW 64 FLAT \"../secret\" 0\n", "base.raw", "createType=\"custom\"", "raw", "qcow2",
    };
    static const char *const anchors[] = {"base.raw", "flat.img", "sparse.img", "data.raw", "RW ", "\"", "=", "raw"};
    const char *word = words[fuzz_below(fuzz, G_N_ELEMENTS(words))];
    const char *anchor = anchors[fuzz_below(fuzz, G_N_ELEMENTS(anchors))];
    uint8_t *at = memmem(bytes, length, anchor, strlen(anchor));

    if (at == NULL) {
        at = bytes + fuzz_below(fuzz, MIN(length, 1024));
    }
    gsize room = (gsize)(bytes + length - at);
    memcpy(at, word, MIN(room, strlen(word)));
    if (fuzz_once_in(fuzz, 2) && room > strlen(word)) {
        at[strlen(word)] = fuzz_once_in(fuzz, 2) ? '"' : '\0';
    }
    /* qcow and qcow2 count the characters of the backing file's name. */
    if (fuzz_once_in(fuzz, 2) && length > 20) {
        bytes[19] = (uint8_t)strlen(word);
    }
}

/* Most checks come after the checksum. */
static void mend_checksum(uint8_t *bytes, gsize length)
{
    const struct {
        gsize from, size, at;
    } sums[] = {{0, 512, 64}, {512, 1024, 36}, {length - 512, 512, 64}};

    for (unsigned i = 0; i < G_N_ELEMENTS(sums) && length > 2048; i++) {
        uint32_t sum = 0;
        uint8_t *data = bytes + sums[i].from;
        memset(data + sums[i].at, 0, 4);
        for (gsize k = 0; k < sums[i].size; k++) {
            sum += data[k];
        }
        sum = GUINT32_TO_BE(~sum);
        memcpy(data + sums[i].at, &sum, 4);
    }
}

static void damage(struct fuzz *fuzz, const struct rig *rig, const struct seed *seed, uint8_t *bytes,
                   gsize *length)
{
    for (unsigned hits = 1 + (unsigned)fuzz_below(fuzz, 6); hits > 0; hits--) {
        switch (fuzz_below(fuzz, 8)) {
        case 0:
            *length = 1 + fuzz_below(fuzz, *length);
            break;
        case 1:
        case 2:
            damage_text(fuzz, rig, bytes, *length);
            break;
        case 3:
        case 4:
            damage_entry(fuzz, bytes, *length);
            break;
        default:
            damage_number(fuzz, bytes, *length);
            break;
        }
    }
    if (strcmp(seed->maker->format, "vpc") == 0 && !fuzz_once_in(fuzz, 4)) {
        mend_checksum(bytes, *length);
    }
}

static void change(struct fuzz *fuzz, struct block *block, const uint8_t *buffer)
{
    static const char *const names[] = {"one", "two", "three"};
    uint64_t bytes = MIN(block_size(block), IMAGE_DISK_BYTES);

    for (unsigned i = 0; i < 6 && bytes >= 4096; i++) {
        uint64_t offset = fuzz_below(fuzz, bytes / 2), count = fuzz_below(fuzz, bytes / 2);
        const char *name = names[fuzz_below(fuzz, G_N_ELEMENTS(names))];
        switch (fuzz_below(fuzz, 8)) {
        case 0:
            (void)block_discard(block, offset, count);
            break;
        case 1:
            (void)block_write_zeroes(block, offset, count);
            break;
        case 2:
            (void)block_snapshot_create(block, name, NULL, NULL);
            break;
        case 3:
            (void)block_snapshot_apply(block, name, NULL);
            break;
        case 4:
            (void)block_snapshot_delete(block, name, NULL);
            break;
        case 5:
            (void)block_truncate(block, bytes + fuzz_below(fuzz, 65536) / 512 * 512);
            break;
        default:
            (void)block_write(block, offset, buffer, count);
            break;
        }
        bytes = MIN(block_size(block), IMAGE_DISK_BYTES);
    }
    (void)block_flush(block);
}

static void look(struct block *block, uint8_t *buffer)
{
    struct block_image *image = block_get_image(block);
    uint64_t bytes = block_size(block), end = MIN(bytes, IMAGE_DISK_BYTES);
    struct block_extent extent;
    struct block_info info;
    unsigned count;

    block_get_info(block, &info);
    block_snapshots(block, &count);
    (void)block_read(block, 0, buffer, end);
    if (bytes > end) {
        (void)block_read(block, bytes - 4096, buffer, 4096);
        (void)block_read(block, bytes / 2, buffer, 4096);
    }
    for (uint64_t at = 0, steps = 0; at < end && steps < 100; at += extent.bytes, steps++) {
        bool data;
        uint64_t run;
        if (block_image_map(image, at, bytes - at, &extent) < 0 ||
            block_status(block, at, bytes - at, &data, &run) < 0) {
            break;
        }
        g_assert_cmpuint(extent.bytes, >, 0);
        g_assert_cmpuint(run, >, 0);
        g_assert_cmpuint(run, <=, bytes - at);
    }
}

static void use(struct fuzz *fuzz, const char *format, bool write, bool repair)
{
    struct block_options options = {.format = format,
                                    .read_only = !write && !repair,
                                    .repair = repair,
                                    .no_backing = repair,
                                    .cache = BLOCK_CACHE_UNSAFE,
                                    .discard = true};
    g_autofree uint8_t *buffer = g_malloc0(IMAGE_DISK_BYTES);
    GError *error = NULL;
    struct block *block = block_open("bad.img", &options, NULL, &error);

    if (block == NULL) {
        g_assert_nonnull(error);
        g_clear_error(&error);
        return;
    }
    struct block_image *image = block_get_image(block);
    struct block_check check = {.repair = repair ? BLOCK_REPAIR_ALL : BLOCK_REPAIR_NOTHING};
    look(block, buffer);
    if (image->driver->check != NULL) {
        (void)image->driver->check(image, &check);
    }
    if (write) {
        change(fuzz, block, buffer);
    }
    image->failed = false; /* no complaints at the end */
    image->read_only = true;
    block_close(block);
}

static bool is_same_format(const struct seed *a, const struct seed *b)
{
    return strcmp(a->maker->format, b->maker->format) == 0;
}

static void fuzz_format(struct fuzz *fuzz, struct rig *rig, unsigned first, unsigned variants)
{
    const char *format = rig->seeds[first].maker->format;
    bool writes = g_str_has_prefix(format, "qcow");

    for (unsigned i = 0; i < IMAGES; i++) {
        const struct seed *seed = &rig->seeds[first + fuzz_below(fuzz, variants)];
        gsize length = seed->length;
        g_autofree uint8_t *bytes = g_memdup2(seed->bytes, length);
        fuzz_case(fuzz);
        damage(fuzz, rig, seed, bytes, &length);
        block_test_put("bad.img", bytes, length);
        use(fuzz, format, false, false);
        if (writes) {
            use(fuzz, format, true, false);
            if (fuzz_once_in(fuzz, 4)) {
                use(fuzz, format, false, strcmp(format, "qcow2") == 0);
            }
        } else {
            use(fuzz, NULL, false, false); /* by its contents */
        }
    }
}

static void session(struct fuzz *fuzz)
{
    struct rig rig;

    rig_init(&rig);
    for (unsigned first = 0, next; first < rig.count; first = next) {
        for (next = first + 1; next < rig.count && is_same_format(&rig.seeds[first], &rig.seeds[next]);) {
            next++;
        }
        fuzz_format(fuzz, &rig, first, next - first);
    }
    rig_finish(&rig);
}

static void test_images(void)
{
    fuzz_sessions("images", session, 2);
}

/* The good images are good: what is read is what they were made of. */
static void test_good(void)
{
    struct rig rig;

    rig_init(&rig);
    for (unsigned i = 0; i < rig.count; i++) {
        const struct image_maker *maker = rig.seeds[i].maker;
        struct block_options options = {.format = maker->format, .read_only = true};
        g_autofree uint8_t *buffer = g_malloc(IMAGE_DISK_BYTES);
        maker->make("bad.img");
        struct block *block = block_test_open("bad.img", &options);
        g_assert_cmpuint(block_size(block), ==, IMAGE_DISK_BYTES);
        g_assert_cmpint(block_read(block, 0, buffer, IMAGE_DISK_BYTES), ==, 0);
        bool split = strcmp(maker->name, "vmdk of several files") == 0;
        for (unsigned k = 0; k < IMAGE_DISK_BYTES && !g_str_has_prefix(maker->format, "qcow"); k++) {
            /* Half of it, zeroes, and the first quarter again. */
            unsigned at = split && k >= 3 * IMAGE_DISK_BYTES / 4 ? k - 3 * IMAGE_DISK_BYTES / 4 : k;
            bool zero = split && k >= IMAGE_DISK_BYTES / 2 && k < 3 * IMAGE_DISK_BYTES / 4;
            g_assert_cmphex(buffer[k], ==, zero ? 0 : image_maker_byte(maker->format, at));
        }
        block_close(block);
    }
    rig_finish(&rig);
}

/* That images are damaged is no news here. */
static void ignore_message(const char *text)
{
}

int main(int argc, char **argv)
{
    struct rlimit file_limit = {MEGABYTES << 20, MEGABYTES << 20};

    if (g_file_test("/dev/shm", G_FILE_TEST_IS_DIR)) {
        g_setenv("TMPDIR", "/dev/shm", FALSE);
    }
    test_main_init(&argc, &argv);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &file_limit); /* no image may fill the host's disk */
#ifndef __SANITIZE_ADDRESS__
    struct rlimit space = {(rlim_t)2 * MEGABYTES << 20, (rlim_t)2 * MEGABYTES << 20};
    setrlimit(RLIMIT_AS, &space);
#endif
    g_set_printerr_handler(ignore_message);
    g_test_add_func("/fuzz-image/good", test_good);
    g_test_add_func("/fuzz-image/images", test_images);
    return g_test_run();
}
