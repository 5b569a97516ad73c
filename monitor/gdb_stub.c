/* See the header. The session: connection, acknowledgements, registers and memory; the rest is in gdb_run.c and
 * gdb_query.c. */
#include "monitor/gdb_stub.h"

#include <inttypes.h>
#include <string.h>

#include "chardev/chardev.h"
#include "core/machine.h"
#include "monitor/cpu_view.h"
#include "monitor/gdb_impl.h"

#define PAGE 4096u
#define PENDING_MAX (1u << 20) /* while a peer does not read, no further packets are taken */

/* ---- sending ---- */

static void send_pending(struct gdb_stub *stub)
{
    while (stub->sent < stub->pending->len) {
        size_t size = stub->pending->len - stub->sent;
        size_t taken = chardev_write(stub->chr, stub->pending->str + stub->sent, size);
        stub->sent += taken;
        if (taken < size) {
            return;
        }
    }
    g_string_truncate(stub->pending, 0);
    stub->sent = 0;
}

void gdb_send(struct gdb_stub *stub, const char *data, size_t size)
{
    g_string_truncate(stub->last, 0);
    gdb_packet_frame(stub->last, data, size);
    g_string_append_len(stub->pending, stub->last->str, (gssize)stub->last->len);
}

static void acknowledge(struct gdb_stub *stub, char c)
{
    if (!stub->no_ack) {
        g_string_append_c(stub->pending, c);
    }
}

/* ---- registers ---- */

static void read_all(struct gdb_stub *stub, GString *reply)
{
    struct x86_state state;
    uint8_t data[GDB_REG_BYTES_MAX];
    accel_state_get(stub->env->accel, stub->settings.cpu, &state);
    for (unsigned n = 0; n < gdb_reg_count(stub->arch); n++) {
        gdb_hex_append(reply, data, gdb_reg_get(stub->arch, &state, n, data));
    }
}

/* As many as gdb sent. */
static void write_all(struct gdb_stub *stub, const char *text, GString *reply)
{
    struct x86_state state;
    uint8_t data[GDB_REG_BYTES_MAX];
    unsigned n = 0, count = gdb_reg_count(stub->arch);
    accel_state_get(stub->env->accel, stub->settings.cpu, &state);
    while (n < count && gdb_hex_bytes(&text, data, gdb_reg_size(stub->arch, n)) == gdb_reg_size(stub->arch, n)) {
        gdb_reg_set(stub->arch, &state, n++, data);
    }
    if (n == 0 || *text != '\0') {
        g_string_append(reply, "E22");
        return;
    }
    accel_state_put(stub->env->accel, stub->settings.cpu, &state);
    g_string_append(reply, "OK");
}

static void read_one(struct gdb_stub *stub, const char *text, GString *reply)
{
    struct x86_state state;
    uint8_t data[GDB_REG_BYTES_MAX];
    uint64_t n;
    if (!gdb_hex_number(&text, &n) || *text != '\0' || n >= gdb_reg_count(stub->arch)) {
        g_string_append(reply, "E22");
        return;
    }
    accel_state_get(stub->env->accel, stub->settings.cpu, &state);
    gdb_hex_append(reply, data, gdb_reg_get(stub->arch, &state, (unsigned)n, data));
}

static void write_one(struct gdb_stub *stub, const char *text, GString *reply)
{
    struct x86_state state;
    uint8_t data[GDB_REG_BYTES_MAX];
    uint64_t n;
    if (!gdb_hex_number(&text, &n) || *text++ != '=' || n >= gdb_reg_count(stub->arch) ||
        gdb_hex_bytes(&text, data, gdb_reg_size(stub->arch, (unsigned)n)) != gdb_reg_size(stub->arch, (unsigned)n) ||
        *text != '\0') {
        g_string_append(reply, "E22");
        return;
    }
    accel_state_get(stub->env->accel, stub->settings.cpu, &state);
    gdb_reg_set(stub->arch, &state, (unsigned)n, data);
    accel_state_put(stub->env->accel, stub->settings.cpu, &state);
    g_string_append(reply, "OK");
}

/* ---- memory ---- */

/* Reads or writes up to the first page that is not mapped; returns how many bytes that was. */
static size_t memory(struct gdb_stub *stub, uint64_t address, void *data, size_t size, bool write)
{
    struct machine *machine = stub->env->machine;
    size_t done = 0;
    while (done < size) {
        uint64_t at = address + done, physical = at;
        size_t piece = MIN(size - done, PAGE - at % PAGE);
        if (!stub->physical && !accel_translate(stub->env->accel, stub->settings.cpu, at, &physical)) {
            break;
        }
        lock_acquire(&machine->lock);
        if (write) {
            bus_write_bytes(machine->memory, physical, (uint8_t *)data + done, piece, true);
        } else {
            bus_read_bytes(machine->memory, physical, (uint8_t *)data + done, piece, true);
        }
        lock_release(&machine->lock);
        done += piece;
    }
    return done;
}

static bool parse_range(const char **text, uint64_t *address, uint64_t *size)
{
    return gdb_hex_number(text, address) && *(*text)++ == ',' && gdb_hex_number(text, size);
}

static void read_memory(struct gdb_stub *stub, const char *text, GString *reply)
{
    uint8_t data[GDB_PACKET_MAX / 2];
    uint64_t address, size;
    if (!parse_range(&text, &address, &size) || *text != '\0') {
        g_string_append(reply, "E22");
        return;
    }
    size_t got = memory(stub, address, data, MIN(size, sizeof(data)), false);
    if (got == 0 && size > 0) {
        g_string_append(reply, "E14");
        return;
    }
    gdb_hex_append(reply, data, got);
}

/* M has hexadecimal digits, X bytes. */
static void write_memory(struct gdb_stub *stub, const char *text, size_t size, bool binary, GString *reply)
{
    uint8_t data[GDB_PACKET_MAX];
    const char *end = text + size;
    uint64_t address, length;
    if (!parse_range(&text, &address, &length) || *text++ != ':' || length > sizeof(data) ||
        (size_t)(end - text) != (binary ? length : length * 2)) {
        g_string_append(reply, "E22");
        return;
    }
    if (binary) {
        memcpy(data, text, length);
    } else if (gdb_hex_bytes(&text, data, length) != length) {
        g_string_append(reply, "E22");
        return;
    }
    g_string_append(reply, memory(stub, address, data, length, true) == length ? "OK" : "E14");
}

/* ---- packets ---- */

static void select_thread(struct gdb_stub *stub, const char *text, GString *reply)
{
    unsigned cpu;
    char what = *text;
    const char *thread = text + (what != '\0');
    if ((what != 'g' && what != 'c') || !gdb_parse_thread(stub, &thread, &cpu) || *thread != '\0') {
        g_string_append(reply, "E22");
        return;
    }
    if (cpu != GDB_CPU_ANY) {
        *(what == 'g' ? &stub->settings.cpu : &stub->run_cpu) = cpu;
    }
    g_string_append(reply, "OK");
}

static void is_thread_alive(struct gdb_stub *stub, const char *text, GString *reply)
{
    unsigned cpu;
    g_string_append(reply, gdb_parse_thread(stub, &text, &cpu) && cpu != GDB_CPU_ANY ? "OK" : "E22");
}

static void end_machine(struct gdb_stub *stub)
{
    if (stub->env->quit != NULL) {
        stub->env->quit(stub->env->arg);
    }
}

/* What needs no more than a look at the CPUs; an empty reply means that the packet is not known. */
static void plain_packet(struct gdb_stub *stub, const char *packet, size_t size, GString *reply)
{
    switch (packet[0]) {
    case 'g':
        read_all(stub, reply);
        break;
    case 'G':
        write_all(stub, packet + 1, reply);
        break;
    case 'p':
        read_one(stub, packet + 1, reply);
        break;
    case 'P':
        write_one(stub, packet + 1, reply);
        break;
    case 'm':
        read_memory(stub, packet + 1, reply);
        break;
    case 'M':
    case 'X':
        write_memory(stub, packet + 1, size - 1, packet[0] == 'X', reply);
        break;
    case 'H':
        select_thread(stub, packet + 1, reply);
        break;
    case 'T':
        is_thread_alive(stub, packet + 1, reply);
        break;
    case 'v':
        if (g_str_has_prefix(packet, "vKill;")) {
            g_string_append(reply, "OK");
            end_machine(stub);
        }
        break;
    default:
        break;
    }
}

static void handle_packet(struct gdb_stub *stub, const char *packet, size_t size)
{
    g_autoptr(GString) reply = g_string_new(NULL);
    bool replies = true;
    if (packet[0] == 'k') {
        end_machine(stub);
        return;
    }
    if (packet[0] == 'q' || packet[0] == 'Q') {
        gdb_query_packet(stub, packet, size, reply);
    } else if (!gdb_run_packet(stub, packet, reply, &replies) && !gdb_break_packet(stub, packet, reply)) {
        cpu_view_park(stub->env);
        plain_packet(stub, packet, size, reply);
        cpu_view_unpark(stub->env);
    }
    if (replies) {
        gdb_send(stub, reply->str, reply->len);
    }
}

/* ---- the connection ---- */

static size_t front_room(void *arg)
{
    struct gdb_stub *stub = arg;
    return stub->pending->len - stub->sent < PENDING_MAX ? GDB_PACKET_MAX : 0;
}

static void feed(struct gdb_stub *stub, uint8_t byte)
{
    switch (gdb_parser_feed(&stub->parser, byte)) {
    case GDB_INPUT_PACKET:
        acknowledge(stub, '+');
        handle_packet(stub, stub->parser.data, stub->parser.size);
        break;
    case GDB_INPUT_BAD:
        acknowledge(stub, '-');
        break;
    case GDB_INPUT_NAK:
        if (!stub->no_ack) {
            g_string_append_len(stub->pending, stub->last->str, (gssize)stub->last->len);
        }
        break;
    case GDB_INPUT_INTERRUPT:
        machine_pause(stub->env->machine, RUN_STATE_PAUSED);
        break;
    case GDB_INPUT_ACK:
    case GDB_INPUT_NONE:
        break;
    }
}

static void front_receive(void *arg, const uint8_t *data, size_t size)
{
    struct gdb_stub *stub = arg;
    for (size_t i = 0; i < size; i++) {
        feed(stub, data[i]);
    }
    send_pending(stub);
}

static void front_writable(void *arg)
{
    struct gdb_stub *stub = arg;
    send_pending(stub);
    chardev_accept(stub->chr);
}

/* A new session finds everything as at first. */
static void session_begin(struct gdb_stub *stub)
{
    memset(&stub->parser, 0, sizeof(stub->parser));
    g_string_truncate(stub->pending, 0);
    g_string_truncate(stub->last, 0);
    stub->sent = 0;
    stub->no_ack = stub->awaits_stop = stub->physical = false;
    stub->wants_swbreak = stub->wants_hwbreak = false;
    stub->run_cpu = stub->settings.cpu = 0;
    stub->step_flags = GDB_STEP_ENABLE | STEP_NO_IRQ | STEP_NO_TIMER;
}

static void session_end(struct gdb_stub *stub)
{
    breakpoints_remove_all(accel_breakpoints_edit(stub->env->accel), BREAK_OWNER_GDB, false);
    accel_breakpoints_done(stub->env->accel);
    stub->connected = stub->awaits_stop = false;
}

static void front_event(void *arg, enum chardev_event event)
{
    struct gdb_stub *stub = arg;
    if (event == CHARDEV_OPENED) {
        session_begin(stub);
        stub->connected = true;
        if (stub->env->machine->run_state == RUN_STATE_RUNNING) {
            machine_pause(stub->env->machine, RUN_STATE_PAUSED);
        }
    } else if (event == CHARDEV_CLOSED && stub->connected) {
        session_end(stub);
    }
}

static const struct chardev_front gdb_front = {
    .room = front_room,
    .receive = front_receive,
    .writable = front_writable,
    .event = front_event,
};

static void on_state(void *arg, struct machine *machine, enum run_state state)
{
    struct gdb_stub *stub = arg;
    if (state != RUN_STATE_RUNNING && stub->awaits_stop) {
        g_autoptr(GString) reply = g_string_new(NULL);
        stub->awaits_stop = false;
        gdb_stop_reply(stub, reply);
        gdb_send(stub, reply->str, reply->len);
        send_pending(stub);
    }
}

struct gdb_stub *gdb_stub_create(const struct monitor_env *env, struct chardev *chr, enum gdb_arch arch)
{
    struct gdb_stub *stub = g_new0(struct gdb_stub, 1);
    stub->env = env;
    stub->chr = chr;
    stub->arch = arch;
    stub->pending = g_string_new(NULL);
    stub->last = g_string_new(NULL);
    session_begin(stub);
    machine_on_state(env->machine, on_state, stub);
    chardev_attach(chr, NULL, &gdb_front, stub);
    return stub;
}

void gdb_stub_destroy(struct gdb_stub *stub)
{
    if (stub == NULL) {
        return;
    }
    machine_off_state(stub->env->machine, on_state, stub);
    if (stub->connected) {
        gdb_send(stub, "W00", 3);
        send_pending(stub);
        session_end(stub);
    }
    chardev_detach(stub->chr);
    g_string_free(stub->pending, TRUE);
    g_string_free(stub->last, TRUE);
    g_free(stub);
}
