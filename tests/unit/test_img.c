/*
 * vmm-img: what each subcommand prints, its exit status, and that it prints what qemu-img prints.
 */
#include "block/img.h"
#include "tests/support/block_test.h"
#include "tests/support/test.h"

#include <glib/gstdio.h>
#include <string.h>

enum { DISK_BYTES = 2 * 1024 * 1024 };

/* Runs `vmm-img WORDS` (split at blanks) and wants this status and, if not NULL, this output. */
static void expect(const char *words, int status, const char *output)
{
    g_auto(GStrv) w = g_strsplit(words, " ", -1);
    g_autofree char *got = NULL;
    guint n = g_strv_length(w);

    g_assert_cmpuint(n, <=, 8);
#define WORD(i) (n > (i) ? w[i] : NULL)
    int result = block_test_vmm_img(&got, WORD(0), WORD(1), WORD(2), WORD(3), WORD(4), WORD(5),
                                    WORD(6), WORD(7), NULL);
#undef WORD
    if (result != status || (output != NULL && strcmp(got, output) != 0)) {
        g_error("vmm-img %s: status %d, output: %s", words, result, got);
    }
}

/* Wants a message behind "vmm-img: " that contains these words. */
static void expect_error(const char *words, int status, const char *message)
{
    g_auto(GStrv) w = g_strsplit(words, " ", -1);
    g_autofree char *got = NULL;
    guint n = g_strv_length(w);

#define WORD(i) (n > (i) ? w[i] : NULL)
    int result = block_test_vmm_img(&got, WORD(0), WORD(1), WORD(2), WORD(3), WORD(4), WORD(5),
                                    WORD(6), WORD(7), NULL);
#undef WORD
    g_assert_cmpint(result, ==, status);
    g_assert_nonnull(strstr(got, "vmm-img: "));
    g_assert_true(g_str_has_suffix(got, "\n"));
    if (strstr(got, message) == NULL) {
        g_error("vmm-img %s: '%s' does not say '%s'", words, got, message);
    }
}

static void test_main_errors(void)
{
    block_test_begin();
    expect_error("frobnicate", 1, "Command not found: frobnicate");
    g_assert_cmpint(block_test_vmm_img(NULL, NULL), ==, 1);
    g_assert_cmpint(block_test_vmm_img(NULL, "--help", NULL), ==, 0);
    g_assert_cmpint(block_test_vmm_img(NULL, "--version", NULL), ==, 0);
    g_assert_cmpint(block_test_vmm_img(NULL, "create", "--help", NULL), ==, 0);
    expect_error("info --frob", 1, "unrecognized option '--frob'");
    expect_error("info -x", 1, "unrecognized option '-x'");
    expect_error("info -f", 1, "missing argument for option '-f'");
    block_test_end();
}

static void test_create(void)
{
    block_test_begin();
    expect("create -f qcow vm-disk.img 4G", 0,
           "Formatting 'vm-disk.img', fmt=qcow size=4294967296\n");
    expect("create a.raw 1M", 0, "Formatting 'a.raw', fmt=raw size=1048576\n");
    expect("create -q a.raw 1000", 0, "");
    expect("create -f qcow -b a.raw -F raw b.qcow", 0,
           "Formatting 'b.qcow', fmt=qcow size=1024 backing_file=a.raw backing_fmt=raw\n");
    expect("create -f qcow -o backing_file=a.raw,size=2M b.qcow", 0,
           "Formatting 'b.qcow', fmt=qcow size=2097152 backing_file=a.raw\n");
    expect_error("create", 1, "Expecting image file name");
    expect_error("create x", 1, "x: Image creation needs a size parameter");
    expect_error("create x 1M y", 1, "Unexpected argument: y");
    expect_error("create x 1Q", 1, "Invalid image size specified");
    expect_error("create -f vhdx x 1M", 1,
                 "format 'vhdx' is not supported yet; supported: raw qcow qcow2");
    expect_error("create -f zzz x 1M", 1, "x: Unknown file format 'zzz'");
    expect_error("create -b a.raw x 1M", 1, "Backing file not supported");
    expect_error("create -f qcow -b nope x", 1, "'nope': No such file");
    expect_error("create -f qcow x 0", 1, "too small");
    expect_error("create -f qcow x 7E", 1, "too large");
    expect_error("create -o frob=1 x 1M", 1, "Invalid parameter 'frob'");
    expect_error("create /nope/x 1M", 1, "Could not open '/nope/x': No such file or directory");
    block_test_end();
}

static void test_info(void)
{
    block_test_begin();
    block_test_create("vm-disk.img", "qcow", 4ull << 30, NULL);
    expect("info vm-disk.img", 0,
           "image: vm-disk.img\nfile format: qcow\nvirtual size: 4 GiB (4294967296 bytes)\ndisk "
           "size: 20 KiB\n"
           "cluster_size: 4096\n");
    expect_error("info", 1, "Expecting one image file name");
    expect_error("info nope", 1, "Could not open 'nope': No such file or directory");
    expect_error("info --output=xml vm-disk.img", 1, "--output must be used with human or json");
    block_test_end();
}

/* The same words from both programs. */
static void same_as_qemu(const char *command, const char *option, const char *path)
{
    g_autofree char *ours = NULL, *theirs = NULL;
    int status = block_test_vmm_img(&ours, command, option, path, NULL);

    g_assert_cmpint(block_test_qemu_img(&theirs, command, option, path, NULL), ==, status);
    g_assert_cmpstr(ours, ==, theirs);
}

static void test_info_as_qemu(void)
{
    static const char *const paths[] = {"a.raw", "b.qcow", "c.qcow", "./b.qcow"};

    if (!block_test_need_qemu_img()) {
        return;
    }
    block_test_begin();
    block_test_put("a.raw", "something", 9);
    block_test_create("b.qcow", "qcow", 1234567, "a.raw");
    block_test_create("c.qcow", "qcow", 3ull << 40, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
        same_as_qemu("info", "--output=human", paths[i]);
        same_as_qemu("info", "--output=json", paths[i]);
    }
    block_test_end();
}

/* ---- convert, compare ---- */

static void put_model(const char *path, uint64_t bytes)
{
    g_autofree uint8_t *model = g_malloc0(bytes);
    g_autoptr(GRand) random = g_rand_new_with_seed(41);

    for (unsigned i = 0; i < 20; i++) {
        block_test_fill(random, model + g_rand_int_range(random, 0, (gint32)bytes - 20000), 20000);
    }
    block_test_put(path, model, bytes);
}

static void test_convert(void)
{
    GStatBuf st;

    block_test_begin();
    put_model("a.raw", DISK_BYTES);
    expect("convert -f raw -O qcow a.raw b.qcow", 0, "");
    expect("convert -p -O raw b.qcow c.raw", 0, NULL);
    expect("compare a.raw c.raw", 0, "Images are identical.\n");
    expect("compare a.raw b.qcow", 0, "Images are identical.\n");
    expect("check -q b.qcow", 0, "");
    block_test_create("hole.raw", "raw", 1ull << 30, NULL);
    expect("convert -p -O qcow hole.raw d.qcow", 0, "    (0.00/100%)\r    (100.00/100%)\r\n");
    g_assert_cmpint(g_stat("d.qcow", &st), ==, 0);
    g_assert_cmpint(st.st_size, <, 10000);
    expect("convert d.qcow e.raw", 0, "");
    g_assert_cmpint(g_stat("e.raw", &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, 1 << 30);
    g_assert_cmpint(st.st_blocks, <, 100);
    expect_error("convert a.raw", 1, "Must specify image file name");
    expect_error("convert nope x", 1, "Could not open 'nope'");
    expect_error("convert -O vhdx a.raw x", 1, "format 'vhdx' is not supported yet");
    expect_error("convert -c -O raw a.raw x", 1, "Compression not supported");
    expect_error("convert a.raw a.raw", 1, "in use by this process");
    block_test_end();
}

static void test_compare(void)
{
    struct block *block;
    uint8_t byte = 0xaa;

    block_test_begin();
    put_model("a.raw", DISK_BYTES);
    expect("convert a.raw b.raw", 0, "");
    expect("resize -q -f raw b.raw +64k", 0, "");
    expect("compare a.raw b.raw", 0, "Warning: Image size mismatch!\nImages are identical.\n");
    expect("compare -q a.raw b.raw", 0, "");
    expect("compare -s a.raw b.raw", 1, "Strict mode: Image size mismatch!\n");
    block = block_test_open("b.raw", NULL);
    g_assert_cmpint(block_write(block, DISK_BYTES + 1000, &byte, 1), ==, 0);
    block_close(block);
    expect("compare a.raw b.raw", 1,
           "Warning: Image size mismatch!\nContent mismatch at offset 2097664!\n");
    expect_error("compare a.raw nope", 2, "Could not open 'nope'");
    expect_error("compare a.raw", 1, "Expecting two image file names");
    block_test_end();
}

static void test_compare_as_qemu(void)
{
    static const char *const flags[] = {"", "-q", "-s"};
    uint8_t byte = 0xaa;

    if (!block_test_need_qemu_img()) {
        return;
    }
    block_test_begin();
    put_model("a", DISK_BYTES);
    for (unsigned round = 0; round < 3; round++) {
        put_model("b", DISK_BYTES + (round == 1 ? 512 : 0));
        struct block *block = block_test_open("b", NULL);
        g_assert_cmpint(round == 2 ? block_write(block, 700000, &byte, 1) : 0, ==, 0);
        block_close(block);
        for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
            g_autofree char *ours = NULL, *theirs = NULL;
            const char *flag = i == 0 ? "-f" : flags[i];
            int status = i == 0 ? block_test_vmm_img(&ours, "compare", flag, "raw", "a", "b", NULL)
                                : block_test_vmm_img(&ours, "compare", flag, "a", "b", NULL);
            int their_status =
                i == 0 ? block_test_qemu_img(&theirs, "compare", flag, "raw", "a", "b", NULL)
                       : block_test_qemu_img(&theirs, "compare", flag, "a", "b", NULL);
            g_assert_cmpint(status, ==, their_status);
            g_assert_cmpstr(ours, ==, theirs);
        }
    }
    block_test_end();
}

/* ---- resize ---- */

static void expect_size(const char *path, uint64_t bytes)
{
    struct block *block = block_test_open(path, NULL);

    g_assert_cmpuint(block_size(block), ==, bytes);
    block_close(block);
}

static void test_resize(void)
{
    block_test_begin();
    block_test_create("a.raw", "raw", 1 << 20, NULL);
    block_test_create("b.qcow", "qcow", 1 << 20, NULL);
    expect("resize a.raw 2M", 0, "Image resized.\n");
    expect_size("a.raw", 2 << 20);
    expect("resize -f raw a.raw +512k", 0, "Image resized.\n");
    expect_size("a.raw", (2 << 20) + (512 << 10));
    expect_error("resize a.raw 1M", 1, "Use the --shrink option");
    expect_error("resize a.raw -1M", 1, "Use the --shrink option");
    expect("resize --shrink a.raw -1M", 0, "Image resized.\n");
    expect_size("a.raw", (1 << 20) + (512 << 10));
    expect_error("resize --shrink a.raw -1G", 1, "must be positive");
    expect_error("resize a.raw +8E", 1, "must be positive");
    expect_error("resize a.raw frob", 1, "Invalid parameter 'frob'");
    expect_error("resize b.qcow 2M", 1, "does not support resize");
    expect_error("resize a.raw", 1, "Not enough arguments");
    block_test_end();
}

/* ---- check ---- */

static void patch(const char *path, uint64_t offset, uint64_t value)
{
    struct block_options options = {.format = "raw"};
    struct block *block = block_test_open(path, &options);
    uint64_t stored = GUINT64_TO_BE(value);

    g_assert_cmpint(block_write(block, offset, &stored, sizeof(stored)), ==, 0);
    block_close(block);
}

static uint64_t peek(const char *path, uint64_t offset)
{
    struct block_options options = {.format = "raw"};
    struct block *block = block_test_open(path, &options);
    uint64_t stored;

    g_assert_cmpint(block_read(block, offset, &stored, sizeof(stored)), ==, 0);
    block_close(block);
    return GUINT64_FROM_BE(stored);
}

static void test_check(void)
{
    uint8_t data[20000];

    block_test_begin();
    memset(data, 1, sizeof(data));
    block_test_create("a.qcow", "qcow", DISK_BYTES, NULL);
    block_test_create("a.raw", "raw", DISK_BYTES, NULL);
    struct block *block = block_test_open("a.qcow", NULL);
    g_assert_cmpint(block_write(block, 4096, data, sizeof(data)), ==, 0);
    block_close(block);
    expect(
        "check a.qcow", 0,
        "No errors were found on the image.\n5/512 = 0.98% allocated, 0.00% compressed clusters\n"
        "Image end offset: 28672\n");
    uint64_t l2 = peek("a.qcow", 48);
    uint64_t second = peek("a.qcow", l2 + 16);
    patch("a.qcow", l2 + 16, 0); /* lose a cluster */
    expect("check -q a.qcow", 3, "");
    patch("a.qcow", l2 + 16, peek("a.qcow", l2 + 24)); /* one used twice */
    expect("check -q a.qcow", 2, "");
    patch("a.qcow", l2 + 16, 1ull << 40); /* outside the file */
    expect("check -q a.qcow", 2, "");
    patch("a.qcow", l2 + 16, 0);
    patch("a.qcow", l2 + 24, 0);
    patch("a.qcow", l2 + 32, l2); /* on its own table */
    expect("check -q a.qcow", 2, "");
    patch("a.qcow", l2 + 32, second + 8); /* askew */
    expect("check -q a.qcow", 2, "");
    patch("a.qcow", 48, 1ull << 50); /* the table outside the file */
    expect("check -q a.qcow", 2, "");
    expect_error("check a.raw", 63, "does not support checks");
    expect_error("check -r all a.qcow", 63, "does not support repairs");
    expect_error("check nope", 1, "Could not open 'nope'");
    block_test_end();
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/img/main", test_main_errors);
    g_test_add_func("/img/create", test_create);
    g_test_add_func("/img/info", test_info);
    g_test_add_func("/img/info-as-qemu", test_info_as_qemu);
    g_test_add_func("/img/convert", test_convert);
    g_test_add_func("/img/compare", test_compare);
    g_test_add_func("/img/compare-as-qemu", test_compare_as_qemu);
    g_test_add_func("/img/resize", test_resize);
    g_test_add_func("/img/check", test_check);
    return g_test_run();
}
