/*
 * A QMP connection: cuts the bytes into JSON objects, runs them, sends answers and events.
 *
 * What is kept is bounded: an object of at most REQUEST_MAX bytes and DEPTH_MAX levels, and while an answer waits for a
 * slow peer nothing further is read. Events for a peer that does not read are dropped when EVENTS_MAX bytes wait.
 */
#include "monitor/qmp.h"

#include <string.h>

#include "chardev/backends.h"
#include "chardev/chardev.h"
#include "core/machine.h"
#include "monitor/qmp_impl.h"

enum { REQUEST_MAX = 1 << 20, DEPTH_MAX = 64, EVENTS_MAX = 1 << 18 };

struct qmp {
    const struct monitor_env *env;
    struct chardev *chr; /* not owned */
    bool pretty;
    bool negotiated; /* qmp_capabilities was given */
    bool told_end;   /* the peer knows that vmm ends */
    GString *request; /* what has come of an object */
    unsigned depth;
    bool in_string, escaped;
    bool too_large; /* the rest of the object is not kept */
    GString *pending; /* not sent yet, from `sent` on */
    gsize sent;
};

/* ---- sending ---- */

static void send_pending(struct qmp *self)
{
    if (self->sent < self->pending->len) {
        self->sent += chardev_write(self->chr, self->pending->str + self->sent, self->pending->len - self->sent);
    }
    if (self->sent == self->pending->len) {
        g_string_truncate(self->pending, 0);
        self->sent = 0;
    }
}

/* Queues a line. Takes the object. */
static void put(struct qmp *self, JsonObject *object)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(node, object);
    g_autofree char *text = json_to_string(node, self->pretty);

    g_string_append(self->pending, text);
    g_string_append(self->pending, "\r\n");
}

JsonObject *qmp_version(void)
{
    unsigned major = 0, minor = 0, micro = 0;
    JsonObject *numbers = json_object_new(), *version = json_object_new();

    (void)sscanf(VMM_VERSION, "%u.%u.%u", &major, &minor, &micro);
    json_object_set_int_member(numbers, "micro", micro);
    json_object_set_int_member(numbers, "minor", minor);
    json_object_set_int_member(numbers, "major", major);
    json_object_set_object_member(version, "qemu", numbers); /* the name that clients look for */
    json_object_set_string_member(version, "package", "vmm");
    return version;
}

static void greet(struct qmp *self)
{
    JsonObject *banner = json_object_new(), *object = json_object_new();

    json_object_set_object_member(banner, "version", qmp_version());
    json_object_set_array_member(banner, "capabilities", json_array_new());
    json_object_set_object_member(object, "QMP", banner);
    put(self, object);
}

/* data is taken; NULL: the event has none. */
static void put_event(struct qmp *self, const char *name, JsonObject *data)
{
    gint64 now = g_get_real_time();
    JsonObject *stamp, *object;

    if (!self->negotiated || self->pending->len - self->sent > EVENTS_MAX) {
        g_clear_pointer(&data, json_object_unref);
        return;
    }
    stamp = json_object_new();
    object = json_object_new();
    json_object_set_int_member(stamp, "seconds", now / G_USEC_PER_SEC);
    json_object_set_int_member(stamp, "microseconds", now % G_USEC_PER_SEC);
    json_object_set_object_member(object, "timestamp", stamp);
    json_object_set_string_member(object, "event", name);
    if (data != NULL) {
        json_object_set_object_member(object, "data", data);
    }
    put(self, object);
    send_pending(self);
}

static void put_error(struct qmp *self, JsonNode *id, const char *class, const char *text)
{
    JsonObject *error = json_object_new(), *object = json_object_new();

    if (id != NULL) {
        json_object_set_member(object, "id", json_node_copy(id));
    }
    json_object_set_string_member(error, "class", class);
    json_object_set_string_member(error, "desc", text);
    json_object_set_object_member(object, "error", error);
    put(self, object);
}

/* ---- requests ---- */

static const struct qmp_command *find(const char *name)
{
    for (const struct qmp_command *row = qmp_command_table; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0) {
            return row;
        }
    }
    return NULL;
}

/* NULL, or what is wrong with the object's members. */
static char *check_members(JsonObject *object)
{
    g_autoptr(GList) names = json_object_get_members(object);

    for (const GList *name = names; name != NULL; name = name->next) {
        static const char *const known[] = {"execute", "arguments", "id", NULL};
        if (!g_strv_contains(known, name->data)) {
            return g_strdup_printf("QMP input member '%s' is unexpected", (const char *)name->data);
        }
    }
    JsonNode *execute = json_object_get_member(object, "execute");
    JsonNode *arguments = json_object_get_member(object, "arguments");
    if (execute == NULL) {
        return g_strdup("QMP input lacks member 'execute'");
    }
    if (json_node_get_value_type(execute) != G_TYPE_STRING) {
        return g_strdup("QMP input member 'execute' must be a string");
    }
    if (arguments != NULL && !JSON_NODE_HOLDS_OBJECT(arguments)) {
        return g_strdup("QMP input member 'arguments' must be an object");
    }
    return NULL;
}

static void negotiate(struct qmp *self, JsonNode *id)
{
    JsonObject *object = json_object_new();

    self->negotiated = true;
    if (id != NULL) {
        json_object_set_member(object, "id", json_node_copy(id));
    }
    json_object_set_object_member(object, "return", json_object_new());
    put(self, object);
}

static void execute(struct qmp *self, JsonObject *object)
{
    JsonNode *id = json_object_get_member(object, "id"), *answer = NULL;
    g_autofree char *wrong = check_members(object);
    GError *error = NULL;

    if (wrong != NULL) {
        put_error(self, id, "GenericError", wrong);
        return;
    }
    const char *name = json_object_get_string_member(object, "execute");
    bool negotiates = strcmp(name, "qmp_capabilities") == 0;
    if (negotiates && !self->negotiated) {
        negotiate(self, id);
        return;
    }
    if (negotiates || !self->negotiated) {
        put_error(self, id, "CommandNotFound",
                  negotiates ? "Capabilities negotiation is already complete, command ignored"
                             : "Expecting capabilities negotiation with 'qmp_capabilities'");
        return;
    }
    const struct qmp_command *command = find(name);
    if (command == NULL) {
        g_autofree char *text = g_strdup_printf("The command %s has not been found", name);
        put_error(self, id, "CommandNotFound", text);
        return;
    }
    g_autoptr(JsonObject) none = json_object_new();
    JsonObject *arguments = json_object_has_member(object, "arguments")
                                ? json_object_get_object_member(object, "arguments") : none;
    if (!qmp_command_run(self->env, command, arguments, &answer, &error)) {
        put_error(self, id, "GenericError", error->message);
        g_error_free(error);
        return;
    }
    JsonObject *reply = json_object_new();
    if (id != NULL) {
        json_object_set_member(reply, "id", json_node_copy(id));
    }
    json_object_set_member(reply, "return", answer);
    put(self, reply);
}

static void run_request(struct qmp *self)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) error = NULL;

    if (self->too_large) {
        put_error(self, NULL, "GenericError", "JSON parse error, the object is too large or nested too deeply");
    } else if (!json_parser_load_from_data(parser, self->request->str, (gssize)self->request->len, &error)) {
        g_autofree char *text = g_strdup_printf("JSON parse error, %s", error->message);
        put_error(self, NULL, "GenericError", text);
    } else if (!JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser))) {
        put_error(self, NULL, "GenericError", "QMP input must be a JSON object");
    } else {
        execute(self, json_node_get_object(json_parser_get_root(parser)));
    }
    g_string_truncate(self->request, 0);
    self->depth = 0;
    self->in_string = self->escaped = self->too_large = false;
}

/* Follows strings and brackets. True behind the last byte of something. */
static bool scan(struct qmp *self, char byte)
{
    if (self->in_string) {
        bool end = byte == '"' && !self->escaped;
        self->escaped = byte == '\\' && !self->escaped;
        self->in_string = !end;
        return end && self->depth == 0;
    }
    if (byte == '"') {
        self->in_string = true;
    } else if (byte == '{' || byte == '[') {
        self->depth++;
    } else if (byte == '}' || byte == ']') {
        self->depth -= self->depth > 0;
        return self->depth == 0;
    }
    /* A bare word, which is wrong, ends with its line. */
    return self->depth == 0 && byte == '\n';
}

static void take_byte(struct qmp *self, char byte)
{
    bool space = g_ascii_isspace(byte);

    if (self->request->len == 0 && !self->too_large && space) {
        return;
    }
    bool done = scan(self, byte);
    if (self->request->len >= REQUEST_MAX || self->depth > DEPTH_MAX) {
        self->too_large = true;
        g_string_truncate(self->request, 0);
    }
    if (!self->too_large) {
        g_string_append_c(self->request, byte);
    }
    if (done) {
        run_request(self);
    }
}

/* ---- the connection ---- */

static size_t front_room(void *arg)
{
    const struct qmp *self = arg;

    return self->pending->len > self->sent ? 0 : 1;
}

static void front_receive(void *arg, const uint8_t *data, size_t size)
{
    struct qmp *self = arg;

    for (size_t i = 0; i < size; i++) {
        take_byte(self, (char)data[i]);
    }
    send_pending(self);
}

static void front_writable(void *arg)
{
    struct qmp *self = arg;

    send_pending(self);
    chardev_accept(self->chr);
}

/* Each peer begins anew. */
static void start(struct qmp *self)
{
    g_string_truncate(self->pending, 0);
    g_string_truncate(self->request, 0);
    self->sent = 0;
    self->depth = 0;
    self->negotiated = self->in_string = self->escaped = self->too_large = false;
}

static void front_event(void *arg, enum chardev_event event)
{
    struct qmp *self = arg;

    if (event == CHARDEV_OPENED) {
        start(self);
        greet(self);
        send_pending(self);
    } else if (event == CHARDEV_CLOSED) {
        start(self);
    }
}

static const struct chardev_front qmp_front = {
    .room = front_room,
    .receive = front_receive,
    .writable = front_writable,
    .event = front_event,
};

/* ---- events ---- */

static void on_state(void *arg, struct machine *machine, enum run_state state)
{
    struct qmp *self = arg;

    if (machine->resetting) {
        return;
    }
    if (state == RUN_STATE_GUEST_PANICKED) {
        JsonObject *data = json_object_new();
        json_object_set_string_member(data, "action", "pause");
        put_event(self, "GUEST_PANICKED", data);
    }
    put_event(self, state == RUN_STATE_RUNNING ? "RESUME" : "STOP", NULL);
}

static void on_request(void *arg, struct machine *machine, enum machine_request request, bool by_guest)
{
    struct qmp *self = arg;
    JsonObject *data = json_object_new();

    json_object_set_boolean_member(data, "guest", by_guest);
    json_object_set_string_member(data, "reason", request == REQUEST_RESET ? by_guest ? "guest-reset"
                                                                                      : "host-qmp-system-reset"
                                                                           : "guest-shutdown");
    put_event(self, request == REQUEST_RESET ? "RESET" : "SHUTDOWN", data);
    self->told_end = request == REQUEST_POWEROFF;
}

struct qmp *qmp_create(const struct monitor_env *env, struct chardev *chr, bool pretty)
{
    struct qmp *self = g_new0(struct qmp, 1);

    self->env = env;
    self->chr = chr;
    self->pretty = pretty;
    self->request = g_string_new(NULL);
    self->pending = g_string_new(NULL);
    machine_on_state(env->machine, on_state, self);
    machine_on_request(env->machine, on_request, self);
    chardev_set_signals(chr, false);
    chardev_attach(chr, NULL, &qmp_front, self);
    return self;
}

void qmp_destroy(struct qmp *self)
{
    if (self == NULL) {
        return;
    }
    if (!self->told_end) {
        JsonObject *data = json_object_new();
        json_object_set_boolean_member(data, "guest", FALSE);
        json_object_set_string_member(data, "reason", "host-qmp-quit");
        put_event(self, "SHUTDOWN", data);
    }
    machine_off_state(self->env->machine, on_state, self);
    machine_off_request(self->env->machine, on_request, self);
    chardev_detach(self->chr);
    g_string_free(self->request, TRUE);
    g_string_free(self->pending, TRUE);
    g_free(self);
}
