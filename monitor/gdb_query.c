/* The q and Q packets: features, threads, the target description, `monitor` commands, and QEMU's settings. */
#include <inttypes.h>
#include <string.h>

#include "core/machine.h"
#include "monitor/cpu_view.h"
#include "monitor/gdb_impl.h"
#include "monitor/wait.h"

#define OUTPUT_CHUNK (GDB_PACKET_MAX / 2 - 16)

typedef void query_fn(struct gdb_stub *stub, const char *args, GString *reply);

static bool has_feature(const char *args, const char *name)
{
    g_auto(GStrv) words = g_strsplit(args + (*args == ':'), ";", -1);
    return g_strv_contains((const char *const *)words, name);
}

static void q_supported(struct gdb_stub *stub, const char *args, GString *reply)
{
    stub->wants_swbreak = has_feature(args, "swbreak+");
    stub->wants_hwbreak = has_feature(args, "hwbreak+");
    g_string_append_printf(reply,
                           "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+",
                           GDB_PACKET_MAX);
}

/* args: "target.xml:OFFSET,LENGTH" */
static void q_xfer_features(struct gdb_stub *stub, const char *args, GString *reply)
{
    uint64_t offset, length;
    g_autoptr(GString) xml = g_string_new(NULL);
    if (!g_str_has_prefix(args, "target.xml:")) {
        g_string_append(reply, "E00");
        return;
    }
    args += strlen("target.xml:");
    if (!gdb_hex_number(&args, &offset) || *args++ != ',' || !gdb_hex_number(&args, &length) || *args != '\0') {
        g_string_append(reply, "E22");
        return;
    }
    gdb_reg_describe(stub->arch, xml);
    offset = MIN(offset, xml->len);
    length = MIN(length, GDB_PACKET_MAX / 2); /* escapes may double it */
    bool last = xml->len - offset <= length;
    g_string_append_c(reply, last ? 'l' : 'm');
    g_string_append_len(reply, xml->str + offset, (gssize)MIN(length, xml->len - offset));
}

static void q_no_ack(struct gdb_stub *stub, const char *args, GString *reply)
{
    stub->no_ack = true;
    g_string_append(reply, "OK");
}

/* ---- threads ---- */

static void q_first_threads(struct gdb_stub *stub, const char *args, GString *reply)
{
    for (unsigned i = 0; i < accel_cpu_count(stub->env->accel); i++) {
        g_string_append_printf(reply, "%c%02x", i == 0 ? 'm' : ',', i + 1);
    }
}

static void q_more_threads(struct gdb_stub *stub, const char *args, GString *reply)
{
    g_string_append_c(reply, 'l');
}

static void q_thread_info(struct gdb_stub *stub, const char *args, GString *reply)
{
    struct x86_state state;
    unsigned cpu;
    if (!gdb_parse_thread(stub, &args, &cpu) || cpu == GDB_CPU_ANY) {
        g_string_append(reply, "E22");
        return;
    }
    cpu_view_park(stub->env);
    accel_state_get(stub->env->accel, cpu, &state);
    cpu_view_unpark(stub->env);
    g_autofree char *text = g_strdup_printf("CPU#%u [%s]", cpu, state.activity == X86_ACTIVE ? "running" : "halted ");
    gdb_hex_append(reply, text, strlen(text));
}

static void q_current(struct gdb_stub *stub, const char *args, GString *reply)
{
    g_string_append_printf(reply, "QC%02x", stub->settings.cpu + 1);
}

static void q_attached(struct gdb_stub *stub, const char *args, GString *reply)
{
    g_string_append_c(reply, '1');
}

/* ---- monitor commands ---- */

/* An answer goes out in pieces, as output of the target. */
static void send_output(struct gdb_stub *stub, const GString *text)
{
    for (gsize at = 0; at < text->len; at += OUTPUT_CHUNK) {
        g_autoptr(GString) packet = g_string_new("O");
        gdb_hex_append(packet, text->str + at, MIN(text->len - at, OUTPUT_CHUNK));
        gdb_send(stub, packet->str, packet->len);
    }
}

static void q_command(struct gdb_stub *stub, const char *args, GString *reply)
{
    g_autofree char *line = g_malloc0(strlen(args) / 2 + 1);
    g_autoptr(GString) out = g_string_new(NULL);
    gdb_hex_bytes(&args, line, strlen(args) / 2);
    if (*args != '\0') {
        g_string_append(reply, "E22");
        return;
    }
    command_run(stub->env, &stub->settings, line, out);
    /* gdb cannot be kept waiting for anything but a stop reply. */
    g_clear_pointer(&stub->settings.wait, command_wait_destroy);
    if (stub->settings.cpu >= accel_cpu_count(stub->env->accel)) {
        stub->settings.cpu = 0;
    }
    send_output(stub, out);
    g_string_append(reply, "OK");
}

/* ---- QEMU's ---- */

static void q_step_bits(struct gdb_stub *stub, const char *args, GString *reply)
{
    g_string_append_printf(reply, "ENABLE=%x,NOIRQ=%x,NOTIMER=%x", GDB_STEP_ENABLE, STEP_NO_IRQ, STEP_NO_TIMER);
}

static void q_step(struct gdb_stub *stub, const char *args, GString *reply)
{
    g_string_append_printf(reply, "0x%x", stub->step_flags);
}

static void q_set_step(struct gdb_stub *stub, const char *args, GString *reply)
{
    uint64_t flags;
    args += g_str_has_prefix(args, "0x") ? 2 : 0;
    bool good = gdb_hex_number(&args, &flags) && *args == '\0' &&
                (flags & ~(uint64_t)(GDB_STEP_ENABLE | STEP_NO_IRQ | STEP_NO_TIMER)) == 0;
    if (good) {
        stub->step_flags = (unsigned)flags;
    }
    g_string_append(reply, good ? "OK" : "E22");
}

static void q_physical(struct gdb_stub *stub, const char *args, GString *reply)
{
    g_string_append_c(reply, stub->physical ? '1' : '0');
}

static void q_set_physical(struct gdb_stub *stub, const char *args, GString *reply)
{
    bool good = strcmp(args, "0") == 0 || strcmp(args, "1") == 0;
    if (good) {
        stub->physical = args[0] == '1';
    }
    g_string_append(reply, good ? "OK" : "E22");
}

/* Longer names before those that they begin with. */
static const struct {
    const char *name;
    query_fn *fn;
    bool whole; /* nothing may follow */
} queries[] = {
    { "qSupported", q_supported, false },
    { "qXfer:features:read:", q_xfer_features, false },
    { "QStartNoAckMode", q_no_ack, true },
    { "qfThreadInfo", q_first_threads, true },
    { "qsThreadInfo", q_more_threads, true },
    { "qThreadExtraInfo,", q_thread_info, false },
    { "qAttached", q_attached, false },
    { "qRcmd,", q_command, false },
    { "qqemu.sstepbits", q_step_bits, true },
    { "qqemu.sstep", q_step, true },
    { "Qqemu.sstep=", q_set_step, false },
    { "Qqemu.sstep:", q_set_step, false },
    { "qqemu.PhyMemMode", q_physical, true },
    { "Qqemu.PhyMemMode:", q_set_physical, false },
    { "qC", q_current, true },
};

void gdb_query_packet(struct gdb_stub *stub, const char *packet, size_t size, GString *reply)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(queries); i++) {
        size_t n = strlen(queries[i].name);
        if (strncmp(packet, queries[i].name, n) == 0 && (!queries[i].whole || packet[n] == '\0')) {
            queries[i].fn(stub, packet + n, reply);
            return;
        }
    }
}
