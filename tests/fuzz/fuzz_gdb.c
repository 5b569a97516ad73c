/*
 * Bytes for the gdb stub as a confused or hostile peer would send them: packets that are nearly right, with numbers
 * out of any range, wrong checksums, escapes, lengths that lie, connections that break. The guest is random code; it
 * is stepped, let run and stopped. No crash, no hang, and in the end the stub still answers.
 */
#include <string.h>

#include "accel/debug.h"
#include "chardev/chardev.h"
#include "monitor/gdb_packet.h"
#include "monitor/gdb_stub.h"
#include "tests/support/fuzz.h"
#include "tests/support/monitor_test.h"

enum { PACKETS = 25000 }; /* of a session */

struct rig {
    struct monitor_test t;
    struct chardev *chr;
    struct gdb_stub *stub;
};

static void send(struct rig *rig, const char *data, size_t size)
{
    while (size > 0) {
        size_t taken = chardev_memory_send(rig->chr, data, MIN(size, 2048));
        g_assert_cmpuint(taken, >, 0);
        data += taken;
        size -= taken;
    }
}

static void any_number(struct fuzz *fuzz, GString *out)
{
    g_string_append_printf(out, "%" G_GINT64_MODIFIER "x",
                           fuzz_once_in(fuzz, 2) ? fuzz_number(fuzz) : fuzz_below(fuzz, 0x3000));
}

static void any_hex(struct fuzz *fuzz, GString *out)
{
    for (uint64_t n = fuzz_once_in(fuzz, 20) ? fuzz_below(fuzz, 3000) : fuzz_below(fuzz, 40); n > 0; n--) {
        g_string_append_printf(out, "%02x", (unsigned)fuzz_below(fuzz, 256));
    }
}

/* A template's '#' is a number, '%' are bytes in hexadecimal, '!' any byte, '@' a monitor command. */
static void fill_in(struct fuzz *fuzz, const char *form, GString *out)
{
    static const char *const commands[] = { "info status", "info registers", "x /4xw 0", "x /2i $pc", "p $rsp",
                                            "info breakpoints", "help", "break 0x10", "delete", "watch 0x500",
                                            "info cpus", "stop", "set asm intel", "cpu 0", "cpu 9", "foo", "" };
    for (; *form != '\0'; form++) {
        if (*form == '#') {
            any_number(fuzz, out);
        } else if (*form == '%') {
            any_hex(fuzz, out);
        } else if (*form == '!') {
            g_string_append_c(out, (gchar)fuzz_any(fuzz));
        } else if (*form == '@') {
            const char *command = commands[fuzz_below(fuzz, G_N_ELEMENTS(commands))];
            gdb_hex_append(out, command, strlen(command));
        } else {
            g_string_append_c(out, *form);
        }
    }
}

static void any_packet(struct fuzz *fuzz, GString *out)
{
    static const char *const forms[] = {
        "g", "G%", "p#", "P#=%", "m#,#", "M#,#:%", "X#,#:!!!!", "Z0,#,1", "z0,#,1", "Z1,#,#", "z1,#,#", "Z2,#,#",
        "z2,#,#", "Z3,#,4", "z3,#,4", "Z4,#,1", "Z#,#,#;X1,%", "Hg#", "Hc-1", "Hg0", "H!#", "T#", "?", "qSupported:!",
        "qSupported:swbreak+;hwbreak+;xmlRegisters=i386", "qXfer:features:read:target.xml:#,#",
        "qXfer:features:read:!:0,#", "qRcmd,@", "qRcmd,%", "qfThreadInfo", "qsThreadInfo", "qThreadExtraInfo,#", "qC",
        "qAttached:#", "qqemu.sstep", "Qqemu.sstep=#", "qqemu.sstepbits", "Qqemu.PhyMemMode:1", "Qqemu.PhyMemMode:0",
        "qqemu.PhyMemMode", "vCont?", "vCont;s:#;c", "vCont;#", "vCont;s", "vCont!", "s", "s#", "S05", "S#;#",
        "vMustReplyEmpty", "vKill;#", "v!", "q!!", "Q!", "!", "", "bs", "R00", "k", "QNonStop:1", "vFile:open:%",
    };
    fill_in(fuzz, forms[fuzz_below(fuzz, G_N_ELEMENTS(forms))], out);
    if (fuzz_once_in(fuzz, 8) && out->len > 0) { /* spoilt in one place */
        out->str[fuzz_below(fuzz, out->len)] = (gchar)fuzz_any(fuzz);
    }
    if (fuzz_once_in(fuzz, 16)) {
        g_string_truncate(out, fuzz_below(fuzz, out->len + 1));
    }
    if (fuzz_once_in(fuzz, 2000)) {
        g_string_set_size(out, 2 * GDB_PACKET_MAX);
        memset(out->str, 'a', out->len);
    }
}

/* Lets the guest run for a moment. */
static void run(struct rig *rig, struct fuzz *fuzz)
{
    static const char interrupt = 3;
    g_autoptr(GString) bytes = g_string_new(NULL);
    static const char *const forms[] = { "c", "C05", "vCont;c", "vCont;c:1", "D", "D;1" };
    const char *form = forms[fuzz_below(fuzz, G_N_ELEMENTS(forms))];
    gdb_packet_frame(bytes, form, strlen(form));
    send(rig, bytes->str, bytes->len);
    machine_serve_request(rig->t.machine);
    send(rig, &interrupt, 1);
    machine_serve_request(rig->t.machine);
    g_assert_cmpint(rig->t.machine->run_state, !=, RUN_STATE_RUNNING);
}

static void packet_case(struct rig *rig, struct fuzz *fuzz)
{
    g_autoptr(GString) packet = g_string_new(NULL), bytes = g_string_new(NULL);
    any_packet(fuzz, packet);
    gdb_packet_frame(bytes, packet->str, packet->len);
    if (fuzz_once_in(fuzz, 20)) { /* on the wire */
        bytes->str[fuzz_below(fuzz, bytes->len)] = (gchar)fuzz_any(fuzz);
    }
    send(rig, bytes->str, bytes->len);
    if (fuzz_once_in(fuzz, 100)) {
        send(rig, fuzz_once_in(fuzz, 2) ? "-" : "+", 1);
    }
    if (fuzz_once_in(fuzz, 500)) {
        run(rig, fuzz);
    }
    if (rig->t.machine->run_state == RUN_STATE_RUNNING) {
        machine_pause(rig->t.machine, RUN_STATE_PAUSED);
    }
    if (fuzz_once_in(fuzz, 3000)) {
        chardev_memory_event(rig->chr, CHARDEV_CLOSED);
        chardev_memory_event(rig->chr, CHARDEV_OPENED);
    }
    chardev_memory_clear(rig->chr);
}

/* A new session is answered as if nothing had been. */
static void check_alive(struct rig *rig)
{
    size_t size;
    chardev_memory_event(rig->chr, CHARDEV_CLOSED);
    chardev_memory_event(rig->chr, CHARDEV_OPENED);
    chardev_memory_clear(rig->chr);
    send(rig, "$qAttached#8f", 13);
    const uint8_t *data = chardev_memory_data(rig->chr, &size);
    g_assert_cmpmem(data, size, "+$1#31", 6);
    chardev_memory_clear(rig->chr);
}

static void gdb_session(struct fuzz *fuzz)
{
    struct rig rig;
    monitor_test_init(&rig.t, true);
    fuzz_bytes(fuzz, rig.t.ram->host, 0x3000);
    rig.chr = chardev_memory_create(1u << 20);
    rig.stub = gdb_stub_create(&rig.t.env, rig.chr, fuzz_once_in(fuzz, 4) ? GDB_I386 : GDB_X86_64);
    for (unsigned i = 0; i < PACKETS; i++) {
        fuzz_case(fuzz);
        packet_case(&rig, fuzz);
    }
    check_alive(&rig);
    gdb_stub_destroy(rig.stub);
    chardev_destroy(rig.chr);
    monitor_test_finish(&rig.t);
}

static void test_gdb(void)
{
    fuzz_sessions("packets for the gdb stub", gdb_session, 1);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/fuzz/gdb", test_gdb);
    return g_test_run();
}
