/* QMP on a connection: greeting, negotiation, answers and errors, events, and bytes of any kind. */
#include "monitor/qmp.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "chardev/chardev.h"
#include "core/machine.h"
#include "tests/support/monitor_test.h"
#include "tests/support/test.h"

#define READY "{\"return\":{}}\r\n"

static void send(struct chardev *chr, const char *text)
{
    g_assert_cmpuint(chardev_memory_send(chr, text, strlen(text)), ==, strlen(text));
}

static char *take(struct chardev *chr)
{
    size_t size;
    const uint8_t *data = chardev_memory_data(chr, &size);
    char *got = g_strndup((const char *)data, size);

    chardev_memory_clear(chr);
    return got;
}

static void expect(struct chardev *chr, const char *request, const char *answer)
{
    send(chr, request);
    g_autofree char *got = take(chr);
    g_assert_cmpstr(got, ==, answer);
}

#define ERROR(text) "{\"error\":{\"class\":\"GenericError\",\"desc\":\"" text "\"}}\r\n"
#define NOT_FOUND(text) "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":\"" text "\"}}\r\n"

static void test_session(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    struct chardev *chr = chardev_memory_create(65536);
    struct qmp *qmp = qmp_create(&t.env, chr, false);

    g_autofree char *greeting = take(chr);
    g_assert_true(g_str_has_prefix(greeting, "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":"));
    expect(chr, "{\"execute\":\"stop\"}", NOT_FOUND("Expecting capabilities negotiation with 'qmp_capabilities'"));
    expect(chr, " {\"execute\" : \"qmp_capabilities\"}\n", READY);
    expect(chr, "{\"execute\":\"qmp_capabilities\"}",
           NOT_FOUND("Capabilities negotiation is already complete, command ignored"));
    expect(chr, "{\"execute\":\"query-status\",\"id\":[1,\"}\"]}",
           "{\"id\":[1,\"}\"],\"return\":{\"status\":\"prelaunch\",\"singlestep\":false,\"running\":false}}\r\n");
    expect(chr, "{\"execute\":\"no-such\"}", NOT_FOUND("The command no-such has not been found"));
    expect(chr, "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"info foo\"}}",
           ERROR("Parameter 'cpu-index' expects a CPU number")); /* this machine has none */
    expect(chr, "{\"execute\":\"stop\",\"arguments\":{\"x\":1}}", ERROR("Parameter 'x' is unexpected"));
    expect(chr, "{\"execute\":\"eject\",\"arguments\":{\"device\":1}}",
           ERROR("Invalid parameter type for 'device', expected: string"));
    expect(chr, "{\"execute\":\"eject\",\"arguments\":{\"device\":\"no\"}}", ERROR("Device 'no' not found"));
    expect(chr, "{\"execute\":\"memsave\"}", ERROR("Parameter 'val' is missing"));
    expect(chr, "{\"execute\":7}", ERROR("QMP input member 'execute' must be a string"));
    expect(chr, "{}", ERROR("QMP input lacks member 'execute'"));
    expect(chr, "{\"execute\":\"stop\",\"more\":7}", ERROR("QMP input member 'more' is unexpected"));
    expect(chr, "{\"execute\":\"stop\",\"arguments\":[]}", ERROR("QMP input member 'arguments' must be an object"));
    expect(chr, "[{}] 5\n", ERROR("QMP input must be a JSON object") ERROR("QMP input must be a JSON object"));
    /* The next peer begins anew. */
    send(chr, "{\"execute\":\"st");
    chardev_memory_event(chr, CHARDEV_CLOSED);
    chardev_memory_event(chr, CHARDEV_OPENED);
    g_autofree char *again = take(chr);
    g_assert_cmpstr(again, ==, greeting);
    expect(chr, "{\"execute\":\"quit\"}{\"execute\":\"qmp_capabilities\"}{\"execute\":\"quit\"}",
           NOT_FOUND("Expecting capabilities negotiation with 'qmp_capabilities'") READY READY);
    g_assert_cmpuint(t.quits, ==, 1);
    qmp_destroy(qmp);
    g_autofree char *end = take(chr);
    g_assert_nonnull(strstr(end, "\"event\":\"SHUTDOWN\",\"data\":{\"guest\":false,\"reason\":\"host-qmp-quit\"}}\r\n"));
    chardev_destroy(chr);
    monitor_test_finish(&t);
}

static void test_events(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    struct chardev *chr = chardev_memory_create(65536);
    struct qmp *qmp = qmp_create(&t.env, chr, false);

    g_free(take(chr));
    machine_resume(t.env.machine); /* nobody listens yet */
    expect(chr, "{\"execute\":\"qmp_capabilities\"}", READY);
    machine_pause(t.env.machine, RUN_STATE_PAUSED);
    machine_resume(t.env.machine);
    machine_host_reset(t.env.machine);
    g_assert_true(machine_serve_request(t.env.machine));
    machine_guest_reset(t.env.machine);
    g_assert_true(machine_serve_request(t.env.machine));
    g_autofree char *got = take(chr);
    g_auto(GStrv) lines = g_strsplit(got, "\r\n", 0);
    static const char *const expected[] = {
        "\"event\":\"STOP\"}", "\"event\":\"RESUME\"}",
        "\"event\":\"RESET\",\"data\":{\"guest\":false,\"reason\":\"host-qmp-system-reset\"}}",
        "\"event\":\"RESET\",\"data\":{\"guest\":true,\"reason\":\"guest-reset\"}}", "",
    };
    g_assert_cmpuint(g_strv_length(lines), ==, G_N_ELEMENTS(expected));
    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_true(g_str_has_suffix(lines[i], expected[i]));
    }
    machine_pause(t.env.machine, RUN_STATE_PAUSED);
    qmp_destroy(qmp);
    chardev_destroy(chr);
    monitor_test_finish(&t);
}

/* The peer takes little at a time: all arrives. Objects that are too large or too deep are one error. */
static void test_bounds(void)
{
    struct monitor_test t;
    monitor_test_init(&t, false);
    struct chardev *chr = chardev_memory_create(1 << 20);
    struct qmp *qmp = qmp_create(&t.env, chr, false);
    g_autoptr(GString) deep = g_string_new(NULL), large = g_string_new("{\"execute\":\"");

    g_free(take(chr));
    expect(chr, "{\"execute\":\"qmp_capabilities\"}", READY);
    for (unsigned i = 0; i < 100000; i++) {
        g_string_append_c(deep, '[');
    }
    for (unsigned i = 0; i < 100000; i++) {
        g_string_append_c(deep, ']');
    }
    g_string_set_size(large, 2 << 20);
    memset(large->str + 12, 'x', large->len - 12);
    g_string_append(large, "\"}");
    for (gsize i = 0; i < deep->len; i += 4096) {
        chardev_memory_send(chr, deep->str + i, MIN(4096, deep->len - i));
    }
    g_autofree char *first = take(chr);
    g_assert_cmpstr(first, ==, ERROR("JSON parse error, the object is too large or nested too deeply"));
    for (gsize i = 0; i < large->len; i += 4096) {
        chardev_memory_send(chr, large->str + i, MIN(4096, large->len - i));
    }
    g_autofree char *second = take(chr);
    g_assert_cmpstr(second, ==, ERROR("JSON parse error, the object is too large or nested too deeply"));
    qmp_destroy(qmp);
    chardev_destroy(chr);
    monitor_test_finish(&t);
}

/* Anything may come; afterwards the connection works. */
static void test_noise(void)
{
    static const char *const pieces[] = {
        "{", "}", "[", "]", "\"", "\\", ",", ":", "\"execute\"", "\"arguments\"", "\"id\"", "\"stop\"", "\"query-block\"",
        "\"send-key\"", "\"keys\"", "\"type\"", "\"qcode\"", "\"data\"", "null", "true", "-1e999", "\n", " ", "\xff", "\"\\u0000\"",
        "\"screendump\"", "{\"execute\":\"query-commands\"}", "{\"execute\":\"send-key\",\"arguments\":{\"keys\":[{}]}}",
    };
    struct monitor_test t;
    monitor_test_init(&t, false);
    struct chardev *chr = chardev_memory_create(1 << 20);
    struct qmp *qmp = qmp_create(&t.env, chr, true);
    GRand *random = g_rand_new_with_seed(9);

    for (unsigned i = 0; i < 50000; i++) {
        const char *piece = pieces[g_rand_int_range(random, 0, G_N_ELEMENTS(pieces))];
        chardev_memory_send(chr, piece, strlen(piece));
        if (i % 50 == 0) {
            chardev_memory_event(chr, CHARDEV_CLOSED);
            chardev_memory_event(chr, CHARDEV_OPENED);
            chardev_memory_send(chr, "{\"execute\":\"qmp_capabilities\"}", 30);
        }
        g_free(take(chr));
    }
    chardev_memory_event(chr, CHARDEV_CLOSED);
    chardev_memory_event(chr, CHARDEV_OPENED);
    g_free(take(chr));
    expect(chr, "{\"execute\":\"qmp_capabilities\"}", "{\n  \"return\" : {  }\n}\r\n");
    g_rand_free(random);
    qmp_destroy(qmp);
    chardev_destroy(chr);
    monitor_test_finish(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qmp/session", test_session);
    g_test_add_func("/qmp/events", test_events);
    g_test_add_func("/qmp/bounds", test_bounds);
    g_test_add_func("/qmp/noise", test_noise);
    return g_test_run();
}
