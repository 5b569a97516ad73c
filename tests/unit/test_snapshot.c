/* The stream of a machine's state: what is written is read; what is damaged is refused and changes nothing it may not. */
#include "core/snapshot.h"

#include <errno.h>
#include <string.h>

#include "accel/x86_cpuid.h"
#include "accel/x86_state.h"
#include "tests/support/test.h"

enum { PAGES = 64 };

struct tape {
    GByteArray *bytes;
    guint at;
    guint room; /* -ENOSPC behind so many */
};

static int tape_write(void *arg, const void *data, size_t bytes)
{
    struct tape *tape = arg;

    if (tape->bytes->len + bytes > tape->room) {
        return -ENOSPC;
    }
    g_byte_array_append(tape->bytes, data, (guint)bytes);
    return 0;
}

static int tape_read(void *arg, void *data, size_t bytes)
{
    struct tape *tape = arg;

    if (bytes > tape->bytes->len - tape->at) {
        return -EPROTO;
    }
    memcpy(data, tape->bytes->data + tape->at, bytes);
    tape->at += (guint)bytes;
    return 0;
}

static struct ram *make_ram(void)
{
    struct ram *ram = ram_create("test.ram", PAGES * RAM_PAGE_SIZE, NULL);
    static const unsigned used[] = {0, 1, 2, 17, 40, 41, PAGES - 1};

    for (unsigned i = 0; i < G_N_ELEMENTS(used); i++) {
        ram->host[used[i] * RAM_PAGE_SIZE + i * 500] = (uint8_t)(i + 1);
    }
    return ram;
}

static int write_all(const struct snapshot_stream *stream, const struct ram *ram)
{
    int result = snapshot_write_start(stream);

    result = result == 0 ? snapshot_write_blob(stream, "note", "hello", 5) : result;
    result = result == 0 ? snapshot_write_ram(stream, ram) : result;
    return result == 0 ? snapshot_write_end(stream) : result;
}

/* 0 if all of it was as expected. */
static int read_all(const struct snapshot_stream *stream, struct ram *ram)
{
    struct snapshot_header header;
    int result = snapshot_read_start(stream);

    while (result == 0) {
        GBytes *blob = NULL;
        result = snapshot_read_header(stream, &header);
        if (result < 0 || header.type == SNAPSHOT_END) {
            break;
        }
        if (header.type == SNAPSHOT_BLOB) {
            result = snapshot_read_blob(stream, &header, 100, &blob);
        } else {
            result = header.bytes == ram->size ? snapshot_read_ram(stream, ram) : -EINVAL;
        }
        g_clear_pointer(&blob, g_bytes_unref);
    }
    return result;
}

static void test_round_trip(void)
{
    struct tape tape = {.bytes = g_byte_array_new(), .room = G_MAXUINT};
    struct snapshot_stream stream = {tape_write, tape_read, &tape};
    struct ram *ram = make_ram(), *other = ram_create("test.ram", PAGES * RAM_PAGE_SIZE, NULL);
    struct snapshot_header header;
    GBytes *blob = NULL;

    memset(other->host, 0xaa, other->size);
    g_assert_cmpint(write_all(&stream, ram), ==, 0);
    g_assert_cmpuint(tape.bytes->len, <, 8 * RAM_PAGE_SIZE); /* zero pages take no room */
    g_assert_cmpint(snapshot_read_start(&stream), ==, 0);
    g_assert_cmpint(snapshot_read_header(&stream, &header), ==, 0);
    g_assert_cmpstr(header.name, ==, "note");
    g_assert_cmpint(snapshot_read_blob(&stream, &header, 4, &blob), ==, -EFBIG);
    g_assert_cmpint(snapshot_read_blob(&stream, &header, 5, &blob), ==, 0);
    g_assert_cmpmem(g_bytes_get_data(blob, NULL), g_bytes_get_size(blob), "hello", 5);
    g_assert_cmpint(snapshot_read_header(&stream, &header), ==, 0);
    g_assert_cmpuint(header.bytes, ==, ram->size);
    g_assert_cmpint(snapshot_read_ram(&stream, other), ==, 0);
    g_assert_cmpmem(other->host, other->size, ram->host, ram->size);
    g_assert_cmpint(snapshot_read_header(&stream, &header), ==, 0);
    g_assert_cmpuint(header.type, ==, SNAPSHOT_END);
    g_bytes_unref(blob);
    ram_destroy(ram);
    ram_destroy(other);
    g_byte_array_unref(tape.bytes);
}

static void test_full(void)
{
    struct ram *ram = make_ram();

    for (guint room = 0; room < 8 * RAM_PAGE_SIZE; room += 997) {
        struct tape tape = {.bytes = g_byte_array_new(), .room = room};
        struct snapshot_stream stream = {tape_write, tape_read, &tape};
        int result = write_all(&stream, ram);
        g_assert_true(result == -ENOSPC || room > 7 * RAM_PAGE_SIZE);
        g_byte_array_unref(tape.bytes);
    }
    ram_destroy(ram);
}

static void test_damaged(void)
{
    struct tape tape = {.bytes = g_byte_array_new(), .room = G_MAXUINT};
    struct snapshot_stream stream = {tape_write, tape_read, &tape};
    struct ram *ram = make_ram();
    unsigned refused = 0;

    g_assert_cmpint(write_all(&stream, ram), ==, 0);
    guint length = tape.bytes->len;
    for (guint cut = 0; cut < length; cut += 61) {
        tape.at = 0;
        tape.bytes->len = cut;
        g_assert_cmpint(read_all(&stream, ram), ==, -EPROTO);
    }
    tape.bytes->len = length;
    GRand *random = g_rand_new_with_seed(4);
    for (unsigned i = 0; i < 20000; i++) {
        guint at = (guint)g_rand_int_range(random, 0, 64);
        uint8_t was = tape.bytes->data[at];
        tape.bytes->data[at] = (uint8_t)g_rand_int(random);
        tape.at = 0;
        refused += read_all(&stream, ram) < 0;
        tape.bytes->data[at] = was;
    }
    g_assert_cmpuint(refused, >, 10000);
    g_rand_free(random);
    ram_destroy(ram);
    g_byte_array_unref(tape.bytes);
}

static void test_cpu_states(void)
{
    struct x86_cpuid cpuid;
    struct x86_state good = {0};
    GError *error = NULL;

    g_assert_true(x86_cpuid_parse(&cpuid, "qemu64", NULL));
    x86_state_reset(&good, false, x86_cpuid_signature(&cpuid));
    g_assert_true(x86_state_check(&good, &cpuid, NULL));
#define REFUSED(change, word)                                    \
    {                                                            \
        struct x86_state bad = good;                             \
        change;                                                  \
        g_assert_false(x86_state_check(&bad, &cpuid, &error));   \
        g_assert_nonnull(strstr(error->message, word));          \
        g_clear_error(&error);                                   \
    }
    REFUSED(bad.rflags = 0, "RFLAGS")
    REFUSED(bad.rflags |= 1ull << 40, "RFLAGS")
    REFUSED(bad.rip = 1ull << 32, "RIP")
    REFUSED(bad.mxcsr = 0x10000, "MXCSR")
    REFUSED(bad.activity = 4, "activity")
    REFUSED(bad.cr0 = CR0_PG, "CR0")
    REFUSED(bad.cr4 = 1u << 31, "CR4")
    REFUSED(bad.msr.efer = 1u << 20, "EFER")
    REFUSED(bad.xcr0 = 0, "XCR0")
    REFUSED(bad.xcr0 = 0xff, "XCR0")
    REFUSED(bad.cr3 = UINT64_MAX, "CR3")
    REFUSED(bad.cr8 = 16, "CR8")
    REFUSED(bad.msr.apic_base = UINT64_MAX, "APIC")
#undef REFUSED
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/snapshot/round-trip", test_round_trip);
    g_test_add_func("/snapshot/full", test_full);
    g_test_add_func("/snapshot/damaged", test_damaged);
    g_test_add_func("/snapshot/cpu-states", test_cpu_states);
    return g_test_run();
}
