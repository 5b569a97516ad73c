/* The gdb stub: framing, registers and their description, and the packets, as gdb sends them. */
#include "monitor/gdb_stub.h"

#include <string.h>

#include "accel/debug.h"
#include "chardev/chardev.h"
#include "monitor/gdb_packet.h"
#include "tests/support/monitor_test.h"
#include "tests/support/test.h"

static enum gdb_input feed(struct gdb_parser *parser, const char *bytes, size_t size)
{
    enum gdb_input got = GDB_INPUT_NONE;
    for (size_t i = 0; i < size; i++) {
        got = gdb_parser_feed(parser, (uint8_t)bytes[i]);
    }
    return got;
}
#define FEED(parser, text) feed(parser, text, sizeof(text) - 1)

static void test_framing(void)
{
    struct gdb_parser *parser = g_new0(struct gdb_parser, 1);
    g_assert_cmpint(FEED(parser, "+"), ==, GDB_INPUT_ACK);
    g_assert_cmpint(FEED(parser, "-"), ==, GDB_INPUT_NAK);
    g_assert_cmpint(FEED(parser, "\x03"), ==, GDB_INPUT_INTERRUPT);
    g_assert_cmpint(FEED(parser, "$OK#9a"), ==, GDB_INPUT_PACKET);
    g_assert_cmpstr(parser->data, ==, "OK");
    g_assert_cmpint(FEED(parser, "noise$OK#9A"), ==, GDB_INPUT_PACKET);
    g_assert_cmpint(FEED(parser, "$OK#9b"), ==, GDB_INPUT_BAD);
    g_assert_cmpint(FEED(parser, "$OK#zz"), ==, GDB_INPUT_BAD);
    g_assert_cmpint(FEED(parser, "$lost$OK#9a"), ==, GDB_INPUT_PACKET);
    g_assert_cmpint(FEED(parser, "$#00"), ==, GDB_INPUT_PACKET);
    g_assert_cmpuint(parser->size, ==, 0);
    /* What has a meaning is escaped, and comes back. */
    static const char raw[] = "a#b$c}d*e\0f";
    g_autoptr(GString) framed = g_string_new(NULL);
    gdb_packet_frame(framed, raw, sizeof(raw));
    g_assert_cmpint(feed(parser, framed->str, framed->len), ==, GDB_INPUT_PACKET);
    g_assert_cmpmem(parser->data, parser->size, raw, sizeof(raw));
    /* As long as may be, and one more. */
    g_autofree char *longest = g_strnfill(GDB_PACKET_MAX + 1, 'x');
    g_string_truncate(framed, 0);
    gdb_packet_frame(framed, longest, GDB_PACKET_MAX);
    g_assert_cmpint(feed(parser, framed->str, framed->len), ==, GDB_INPUT_PACKET);
    g_string_truncate(framed, 0);
    gdb_packet_frame(framed, longest, GDB_PACKET_MAX + 1);
    g_assert_cmpint(feed(parser, framed->str, framed->len), ==, GDB_INPUT_BAD);
    const char *text = "1fF,x";
    uint64_t value;
    g_assert_true(gdb_hex_number(&text, &value));
    g_assert_cmphex(value, ==, 0x1ff);
    g_assert_false(gdb_hex_number(&text, &value));
    text = "12345678123456781";
    g_assert_false(gdb_hex_number(&text, &value));
    g_free(parser);
}

static void test_registers(void)
{
    static const enum gdb_arch arches[] = { GDB_X86_64, GDB_I386 };
    struct x86_state state = { .rflags = 2, .cr0 = CR0_PE };
    uint8_t data[GDB_REG_BYTES_MAX];
    for (unsigned a = 0; a < 2; a++) {
        g_autoptr(GString) xml = g_string_new(NULL);
        unsigned described = 0, bytes = 0;
        gdb_reg_describe(arches[a], xml);
        for (const char *p = xml->str; (p = strstr(p, "<reg ")) != NULL; p++) {
            unsigned bits = (unsigned)strtoul(strstr(p, "bitsize=\"") + 9, NULL, 10);
            g_assert_cmpuint(gdb_reg_size(arches[a], described), ==, bits / 8);
            described++;
            bytes += bits / 8;
        }
        g_assert_cmpuint(described, ==, gdb_reg_count(arches[a]));
        g_assert_cmpuint(bytes * 2, <, GDB_PACKET_MAX);
        /* Each register comes back as it was set. */
        for (unsigned n = 0; n < described; n++) {
            uint8_t before[GDB_REG_BYTES_MAX] = { 3, 0 };
            gdb_reg_set(arches[a], &state, n, before);
            unsigned size = gdb_reg_get(arches[a], &state, n, data);
            g_assert_cmpuint(size, ==, gdb_reg_size(arches[a], n));
            g_assert_true((data[0] & 3) == 3);
        }
    }
    /* The tag word: empty, valid, zero. */
    memset(&state.fpu, 0, sizeof(state.fpu));
    state.fpu.fsw = 6 << 11; /* ST(0) is register 6 */
    state.fpu.ftw = 0xc0;
    state.fpu.st[0][7] = 0x80; /* 1.0 */
    state.fpu.st[0][8] = 0xff;
    state.fpu.st[0][9] = 0x3f;
    unsigned ftag = 24 + 8 + 2;
    gdb_reg_get(GDB_X86_64, &state, ftag, data);
    g_assert_cmphex(data[0] | data[1] << 8, ==, 0x4fff);
    /* Real mode: the base follows the selector. */
    state.cr0 = 0;
    data[0] = 0x34;
    data[1] = 0x12;
    gdb_reg_set(GDB_X86_64, &state, 18, data);
    g_assert_cmphex(state.seg[CS].base, ==, 0x12340);
}

/* ---- packets ---- */

struct rig {
    struct monitor_test t;
    struct chardev *chr;
    struct gdb_stub *stub;
};

/* mov cx,3; 1: inc ax; mov [3000h],ax; inc bx; loop 1b; hlt */
#define LOOP "\xb9\x03\x00\x40\xa3\x00\x30\x43\xe2\xf9\xf4"

static void rig_begin(struct rig *rig)
{
    struct x86_state s;
    monitor_test_init(&rig->t, true);
    memcpy(rig->t.ram->host + 0x1000, LOOP, sizeof(LOOP) - 1);
    accel_state_get(rig->t.env.accel, 0, &s);
    s.seg[CS].selector = 0;
    s.seg[CS].base = 0;
    s.rip = 0x1000;
    s.a20 = true;
    accel_state_put(rig->t.env.accel, 0, &s);
    rig->chr = chardev_memory_create(1u << 16);
    rig->stub = gdb_stub_create(&rig->t.env, rig->chr, GDB_X86_64);
}

static void rig_end(struct rig *rig)
{
    gdb_stub_destroy(rig->stub);
    chardev_destroy(rig->chr);
    monitor_test_finish(&rig->t);
}

static void send(struct rig *rig, const char *packet, size_t size)
{
    g_autoptr(GString) framed = g_string_new(NULL);
    gdb_packet_frame(framed, packet, size);
    g_assert_cmpuint(chardev_memory_send(rig->chr, framed->str, framed->len), ==, framed->len);
}

/* What the stub has sent, without framing. */
static char *take_reply(struct rig *rig)
{
    struct gdb_parser *parser = g_new0(struct gdb_parser, 1);
    size_t size;
    const uint8_t *data = chardev_memory_data(rig->chr, &size);
    g_autoptr(GString) reply = g_string_new(NULL);
    for (size_t i = 0; i < size; i++) {
        enum gdb_input input = gdb_parser_feed(parser, data[i]);
        g_assert_cmpint(input, !=, GDB_INPUT_BAD);
        if (input == GDB_INPUT_PACKET) {
            g_string_append_printf(reply, "%s%s", reply->len > 0 ? "|" : "", parser->data);
        }
    }
    chardev_memory_clear(rig->chr);
    g_free(parser);
    return g_string_free(g_steal_pointer(&reply), FALSE);
}

static void expect(struct rig *rig, const char *packet, const char *want)
{
    send(rig, packet, strlen(packet));
    g_autofree char *got = take_reply(rig);
    g_assert_cmpstr(got, ==, want);
}

/* After a packet that lets the guest run. */
static void expect_stop(struct rig *rig, const char *packet, const char *want)
{
    size_t size = 0;
    send(rig, packet, strlen(packet));
    gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    while (size < 4 && g_get_monotonic_time() < end) { /* "+" and more */
        machine_serve_request(rig->t.machine);
        g_usleep(200);
        chardev_memory_data(rig->chr, &size);
    }
    g_autofree char *got = take_reply(rig);
    g_assert_cmpstr(got, ==, want);
}

static void test_looking(void)
{
    struct rig rig;
    rig_begin(&rig);
    expect(&rig, "?", "T05thread:01;");
    expect(&rig, "qfThreadInfo", "m01");
    expect(&rig, "qsThreadInfo", "l");
    expect(&rig, "qC", "QC01");
    expect(&rig, "T1", "OK");
    expect(&rig, "T2", "E22");
    expect(&rig, "Hg1", "OK");
    expect(&rig, "Hg7", "E22");
    expect(&rig, "Hc-1", "OK");
    expect(&rig, "m1000,4", "b9030040");
    expect(&rig, "M1000,1:90", "OK");
    send(&rig, "X1001,3:\x91#\x92", 11);
    g_autofree char *stored = take_reply(&rig);
    g_assert_cmpstr(stored, ==, "OK");
    expect(&rig, "m1000,4", "90912392");
    expect(&rig, "M1000,2:9", "E22");
    expect(&rig, "m,", "E22");
    expect(&rig, "p10", "0010000000000000"); /* rip */
    expect(&rig, "P0=efbeadde00000000", "OK");
    expect(&rig, "p0", "efbeadde00000000");
    expect(&rig, "pfff", "E22");
    expect(&rig, "qqemu.sstepbits", "ENABLE=1,NOIRQ=2,NOTIMER=4");
    expect(&rig, "qqemu.sstep", "0x7");
    expect(&rig, "Qqemu.sstep=5", "OK");
    expect(&rig, "qqemu.sstep", "0x5");
    expect(&rig, "Qqemu.sstep=8", "E22");
    expect(&rig, "Qqemu.PhyMemMode:1", "OK");
    expect(&rig, "qqemu.PhyMemMode", "1");
    expect(&rig, "vCont?", "vCont;c;C;s;S");
    expect(&rig, "vMustReplyEmpty", "");
    expect(&rig, "nonsense", "");
    /* "info status" */
    expect(&rig, "qRcmd,696e666f20737461747573",
           "O564d207374617475733a2070617573656420287072656c61756e6368290a|OK");
    expect(&rig, "vKill;1", "OK");
    g_assert_cmpuint(rig.t.quits, ==, 1);
    rig_end(&rig);
}

static void test_description(void)
{
    struct rig rig;
    g_autoptr(GString) all = g_string_new(NULL), whole = g_string_new(NULL);
    rig_begin(&rig);
    bool last = false;
    while (!last) {
        g_autofree char *packet = g_strdup_printf("qXfer:features:read:target.xml:%zx,400", all->len);
        send(&rig, packet, strlen(packet));
        g_autofree char *part = take_reply(&rig);
        g_string_append(all, part + 1);
        last = part[0] == 'l';
    }
    gdb_reg_describe(GDB_X86_64, whole);
    g_assert_cmpstr(all->str, ==, whole->str);
    expect(&rig, "qXfer:features:read:other.xml:0,400", "E00");
    rig_end(&rig);
}

static void test_running(void)
{
    struct rig rig;
    rig_begin(&rig);
    send(&rig, "qSupported:swbreak+;hwbreak+", 28);
    g_autofree char *features = take_reply(&rig);
    g_assert_nonnull(strstr(features, "qXfer:features:read+"));
    expect(&rig, "Z0,1007,1", "OK");
    expect(&rig, "Z0,1007,1", "OK");
    expect(&rig, "vCont;s:1;c", "T05thread:01;");
    expect_stop(&rig, "vCont;c", "T05thread:01;swbreak:;");
    expect(&rig, "z0,1007,1", "OK");
    expect(&rig, "Z1,1008,1", "OK");
    expect_stop(&rig, "c", "T05thread:01;hwbreak:;");
    expect(&rig, "z1,1008,1", "OK");
    expect(&rig, "Z2,3000,2", "OK");
    expect_stop(&rig, "C05", "T05thread:01;watch:3000;");
    expect(&rig, "p10", "0710000000000000");
    expect(&rig, "z2,3000,2", "OK");
    expect(&rig, "Z5,0,1", "");
    expect(&rig, "Z0,0", "E22");
    expect(&rig, "vCont;x", "E22");
    expect(&rig, "vCont;s:9", "E22");
    /* It runs into HLT and stays there; ^C stops it. */
    send(&rig, "c", 1);
    g_usleep(20000);
    g_assert_cmpuint(chardev_memory_send(rig.chr, "\x03", 1), ==, 1);
    g_autofree char *got = take_reply(&rig);
    g_assert_cmpstr(got, ==, "T02thread:01;");
    expect(&rig, "D", "OK");
    g_assert_cmpint(rig.t.machine->run_state, ==, RUN_STATE_RUNNING);
    rig_end(&rig);
}

/* A connection that comes stops the guest; one that goes takes its breakpoints with it. */
static void test_session(void)
{
    struct rig rig;
    rig_begin(&rig);
    expect(&rig, "Z0,1007,1", "OK");
    expect(&rig, "QStartNoAckMode", "OK");
    chardev_memory_event(rig.chr, CHARDEV_CLOSED);
    g_assert_cmpuint(accel_breakpoints(rig.t.env.accel)->points->len, ==, 0);
    machine_resume(rig.t.machine);
    chardev_memory_event(rig.chr, CHARDEV_OPENED);
    g_assert_cmpint(rig.t.machine->run_state, ==, RUN_STATE_PAUSED);
    size_t size;
    g_assert_cmpuint(chardev_memory_send(rig.chr, "$qC#b4", 6), ==, 6);
    const uint8_t *data = chardev_memory_data(rig.chr, &size);
    g_assert_cmpmem(data, size, "+$QC01#f5", 9);
    chardev_memory_clear(rig.chr);
    /* Not understood there: once more. */
    g_assert_cmpuint(chardev_memory_send(rig.chr, "-", 1), ==, 1);
    data = chardev_memory_data(rig.chr, &size);
    g_assert_cmpmem(data, size, "$QC01#f5", 8);
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/gdb/framing", test_framing);
    g_test_add_func("/gdb/registers", test_registers);
    g_test_add_func("/gdb/looking", test_looking);
    g_test_add_func("/gdb/description", test_description);
    g_test_add_func("/gdb/running", test_running);
    g_test_add_func("/gdb/session", test_session);
    return g_test_run();
}
