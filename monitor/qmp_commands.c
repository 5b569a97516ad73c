/*
 * The commands of QMP, with the names, arguments and answers of QEMU's schema. What the monitor for people can do already
 * is done by its commands: a row builds the line, and an answer that begins with "Error: " is the error.
 */
#include "monitor/qmp_impl.h"

#include <string.h>

#include "accel/accel.h"
#include "block/block.h"
#include "core/machine.h"
#include "monitor/command.h"
#include "monitor/wait.h"

static GQuark qmp_error(void)
{
    return g_quark_from_static_string("qmp");
}

#define FAIL(error, ...) (g_set_error(error, qmp_error(), 0, __VA_ARGS__), false)

/* ---- arguments ---- */

static bool has_type(JsonNode *node, char type)
{
    switch (type) {
    case 's':
        return json_node_get_value_type(node) == G_TYPE_STRING;
    case 'i':
        return json_node_get_value_type(node) == G_TYPE_INT64;
    case 'b':
        return json_node_get_value_type(node) == G_TYPE_BOOLEAN;
    default:
        return JSON_NODE_HOLDS_ARRAY(node);
    }
}

static const char *type_name(char type)
{
    return type == 's' ? "string" : type == 'i' ? "integer" : type == 'b' ? "boolean" : "array";
}

static bool check_arguments(const struct qmp_command *command, JsonObject *arguments, GError **error)
{
    g_auto(GStrv) params = g_strsplit(command->params, " ", 0);
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);

    for (char **param = params; *param != NULL; param++) {
        char *colon = strchr(*param, ':');
        if (colon == NULL) {
            continue; /* an empty list */
        }
        char type = colon[1];
        bool optional = colon[-1] == '?';
        colon[optional ? -1 : 0] = '\0';
        g_hash_table_add(known, *param);
        JsonNode *node = json_object_get_member(arguments, *param);
        if (node == NULL && !optional) {
            return FAIL(error, "Parameter '%s' is missing", *param);
        }
        if (node != NULL && !has_type(node, type)) {
            return FAIL(error, "Invalid parameter type for '%s', expected: %s", *param, type_name(type));
        }
    }
    g_autoptr(GList) names = json_object_get_members(arguments);
    for (const GList *name = names; name != NULL; name = name->next) {
        if (!g_hash_table_contains(known, name->data)) {
            return FAIL(error, "Parameter '%s' is unexpected", (const char *)name->data);
        }
    }
    return true;
}

static const char *text_of(const struct qmp_call *call, const char *name)
{
    return json_object_get_string_member_with_default(call->arguments, name, NULL);
}

static gint64 number_of(const struct qmp_call *call, const char *name, gint64 otherwise)
{
    return json_object_get_int_member_with_default(call->arguments, name, otherwise);
}

/* ---- lines of the monitor ---- */

/* Appends " "text"" so that the monitor takes it as one word. */
static void add_word(GString *line, const char *text)
{
    g_string_append(line, " \"");
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\') {
            g_string_append_c(line, '\\');
        }
        g_string_append_c(line, *p == '\n' ? ' ' : *p);
    }
    g_string_append_c(line, '"');
}

/* Runs a line. False and its error if that is what it answers. */
static bool run_line(const struct qmp_call *call, unsigned cpu, const char *line, GString *out, GError **error)
{
    struct monitor_settings settings = {.cpu = cpu};

    command_run(call->env, &settings, line, out);
    if (settings.wait != NULL) {
        command_wait_destroy(settings.wait);
        return FAIL(error, "'%s' waits for the guest, which cannot be done here", line);
    }
    return true;
}

static bool do_line(const struct qmp_call *call, const char *line, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (!run_line(call, 0, line, out, error)) {
        return false;
    }
    g_strchomp(out->str);
    if (out->str[0] == '\0') {
        return true;
    }
    return FAIL(error, "%s", g_str_has_prefix(out->str, "Error: ") ? out->str + strlen("Error: ") : out->str);
}

static bool run_human(struct qmp_call *call, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GString) lines = g_string_new(NULL);
    gint64 cpu = number_of(call, "cpu-index", 0);

    if (cpu < 0 || call->env->accel == NULL || cpu >= accel_cpu_count(call->env->accel)) {
        return FAIL(error, "Parameter 'cpu-index' expects a CPU number");
    }
    if (!run_line(call, (unsigned)cpu, text_of(call, "command-line"), out, error)) {
        return false;
    }
    for (const char *p = out->str; *p != '\0'; p++) {
        g_string_append(lines, *p == '\n' ? "\r\n" : (char[]){*p, '\0'});
    }
    call->answer = json_node_init_string(json_node_alloc(), lines->str);
    return true;
}

/* ---- run control ---- */

static bool run_stop(struct qmp_call *call, GError **error)
{
    return do_line(call, "stop", error);
}

static bool run_cont(struct qmp_call *call, GError **error)
{
    return do_line(call, "cont", error);
}

static bool run_quit(struct qmp_call *call, GError **error)
{
    if (call->env->quit != NULL) {
        call->env->quit(call->env->arg);
    }
    return true;
}

static bool run_reset(struct qmp_call *call, GError **error)
{
    return do_line(call, "system_reset", error);
}

static bool run_powerdown(struct qmp_call *call, GError **error)
{
    return do_line(call, "system_powerdown", error);
}

static bool run_nmi(struct qmp_call *call, GError **error)
{
    return do_line(call, "nmi", error);
}

/* ---- keys, screen, memory ---- */

static bool run_send_key(struct qmp_call *call, GError **error)
{
    JsonArray *keys = json_object_get_array_member(call->arguments, "keys");
    g_autoptr(GString) line = g_string_new("sendkey ");

    for (guint i = 0; i < json_array_get_length(keys); i++) {
        JsonNode *node = json_array_get_element(keys, i);
        JsonObject *key = JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
        const char *type = key != NULL ? json_object_get_string_member_with_default(key, "type", NULL) : NULL;
        if (type == NULL || !json_object_has_member(key, "data")) {
            return FAIL(error, "Parameter 'keys' expects objects with type and data");
        }
        g_string_append(line, i > 0 ? "-" : "");
        if (strcmp(type, "qcode") == 0) {
            const char *name = json_object_get_string_member_with_default(key, "data", "");
            if (name[0] == '\0' || strpbrk(name, " \t\n\"-") != NULL) {
                return FAIL(error, "Parameter 'data' does not accept value '%s'", name);
            }
            g_string_append(line, name);
        } else if (strcmp(type, "number") == 0) {
            g_string_append_printf(line, "0x%x",
                                   (unsigned)json_object_get_int_member_with_default(key, "data", 0) & 0xffffu);
        } else {
            return FAIL(error, "Parameter 'type' does not accept value '%s'", type);
        }
    }
    if (json_object_has_member(call->arguments, "hold-time")) {
        g_string_append_printf(line, " %" G_GINT64_FORMAT, number_of(call, "hold-time", 0));
    }
    return do_line(call, line->str, error);
}

static bool run_screendump(struct qmp_call *call, GError **error)
{
    const char *format = text_of(call, "format");
    g_autoptr(GString) line = g_string_new("screendump");

    if (format != NULL && strcmp(format, "ppm") != 0 && strcmp(format, "png") != 0) {
        return FAIL(error, "Parameter 'format' does not accept value '%s'", format);
    }
    add_word(line, text_of(call, "filename"));
    if (format != NULL) {
        g_string_append_printf(line, " -f %s", format);
    }
    return do_line(call, line->str, error);
}

static bool save_memory(struct qmp_call *call, const char *command, GError **error)
{
    g_autoptr(GString) line = g_string_new(NULL);

    g_string_printf(line, "%s 0x%" G_GINT64_MODIFIER "x 0x%" G_GINT64_MODIFIER "x", command,
                    (guint64)number_of(call, "val", 0), (guint64)number_of(call, "size", 0));
    add_word(line, text_of(call, "filename"));
    return do_line(call, line->str, error);
}

static bool run_memsave(struct qmp_call *call, GError **error)
{
    return save_memory(call, "memsave", error);
}

static bool run_pmemsave(struct qmp_call *call, GError **error)
{
    return save_memory(call, "pmemsave", error);
}

static bool run_dump(struct qmp_call *call, GError **error)
{
    const char *protocol = text_of(call, "protocol");
    g_autoptr(GString) line = g_string_new("dump-guest-memory");

    if (!g_str_has_prefix(protocol, "file:")) {
        return FAIL(error, "Parameter 'protocol' expects file:PATH");
    }
    add_word(line, protocol + strlen("file:"));
    return do_line(call, line->str, error);
}

/* ---- drives, network ---- */

static bool run_eject(struct qmp_call *call, GError **error)
{
    const char *device = text_of(call, "device") != NULL ? text_of(call, "device") : text_of(call, "id");
    bool force = json_object_get_boolean_member_with_default(call->arguments, "force", FALSE);
    g_autoptr(GString) line = g_string_new(force ? "eject -f" : "eject");

    if (device == NULL) {
        return FAIL(error, "Parameter 'device' is missing");
    }
    add_word(line, device);
    return do_line(call, line->str, error);
}

static bool run_change_medium(struct qmp_call *call, GError **error)
{
    const char *device = text_of(call, "device") != NULL ? text_of(call, "device") : text_of(call, "id");
    g_autoptr(GString) line = g_string_new("change");

    if (device == NULL) {
        return FAIL(error, "Parameter 'device' is missing");
    }
    if (json_object_get_boolean_member_with_default(call->arguments, "force", FALSE)) {
        g_string_append(line, " -f");
    }
    add_word(line, device);
    add_word(line, text_of(call, "filename"));
    if (text_of(call, "format") != NULL) {
        add_word(line, text_of(call, "format"));
    }
    return do_line(call, line->str, error);
}

static bool run_block_resize(struct qmp_call *call, GError **error)
{
    g_autoptr(GString) line = g_string_new("block_resize");

    add_word(line, text_of(call, "device"));
    g_string_append_printf(line, " %" G_GINT64_FORMAT "B", number_of(call, "size", 0));
    return do_line(call, line->str, error);
}

static bool run_set_link(struct qmp_call *call, GError **error)
{
    g_autoptr(GString) line = g_string_new("set_link");

    add_word(line, text_of(call, "name"));
    g_string_append(line, json_object_get_boolean_member(call->arguments, "up") ? " on" : " off");
    return do_line(call, line->str, error);
}

/* ---- questions ---- */

static void answer_object(struct qmp_call *call, JsonObject *object)
{
    call->answer = json_node_new(JSON_NODE_OBJECT);
    json_node_take_object(call->answer, object);
}

static void answer_array(struct qmp_call *call, JsonArray *array)
{
    call->answer = json_node_new(JSON_NODE_ARRAY);
    json_node_take_array(call->answer, array);
}

static bool run_query_status(struct qmp_call *call, GError **error)
{
    static const char *const words[] = {
        [RUN_STATE_PRELAUNCH] = "prelaunch", [RUN_STATE_RUNNING] = "running", [RUN_STATE_PAUSED] = "paused",
        [RUN_STATE_GUEST_PANICKED] = "guest-panicked", [RUN_STATE_INTERNAL_ERROR] = "internal-error",
        [RUN_STATE_IO_ERROR] = "io-error", [RUN_STATE_SHUTDOWN] = "shutdown", [RUN_STATE_DEBUG] = "debug",
    };
    enum run_state state = call->env->machine->run_state;
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "status", words[state]);
    json_object_set_boolean_member(object, "singlestep", FALSE);
    json_object_set_boolean_member(object, "running", state == RUN_STATE_RUNNING);
    answer_object(call, object);
    return true;
}

static bool run_query_name(struct qmp_call *call, GError **error)
{
    JsonObject *object = json_object_new();

    if (call->env->machine->name != NULL) {
        json_object_set_string_member(object, "name", call->env->machine->name);
    }
    answer_object(call, object);
    return true;
}

static bool run_query_uuid(struct qmp_call *call, GError **error)
{
    const char *uuid = call->env->machine->uuid;
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "UUID", uuid != NULL ? uuid : "00000000-0000-0000-0000-000000000000");
    answer_object(call, object);
    return true;
}

static bool run_query_version(struct qmp_call *call, GError **error)
{
    answer_object(call, qmp_version());
    return true;
}

static bool run_query_kvm(struct qmp_call *call, GError **error)
{
    JsonObject *object = json_object_new();
    bool kvm = call->env->accel != NULL && strcmp(accel_name(call->env->accel), "kvm") == 0;

    json_object_set_boolean_member(object, "enabled", kvm);
    json_object_set_boolean_member(object, "present", TRUE);
    answer_object(call, object);
    return true;
}

static bool run_query_cpus(struct qmp_call *call, GError **error)
{
    unsigned count = call->env->accel != NULL ? accel_cpu_count(call->env->accel) : 0;
    JsonArray *array = json_array_new();

    for (unsigned i = 0; i < count; i++) {
        JsonObject *cpu = json_object_new();
        json_object_set_int_member(cpu, "cpu-index", i);
        json_object_set_int_member(cpu, "thread-id", accel_thread_id(call->env->accel, i));
        json_object_set_string_member(cpu, "target", "x86_64");
        json_array_add_object_element(array, cpu);
    }
    answer_array(call, array);
    return true;
}

static JsonObject *describe_medium(const struct monitor_drive *drive)
{
    JsonObject *inserted = json_object_new();
    struct block_info info;

    block_get_info(drive->block, &info);
    json_object_set_string_member(inserted, "file", info.file_name);
    json_object_set_string_member(inserted, "drv", info.format);
    json_object_set_boolean_member(inserted, "ro", info.read_only);
    if (info.backing_name != NULL) {
        json_object_set_string_member(inserted, "backing_file", info.backing_name);
    }
    JsonObject *image = json_object_new();
    json_object_set_string_member(image, "filename", info.file_name);
    json_object_set_string_member(image, "format", info.format);
    json_object_set_int_member(image, "virtual-size", (gint64)info.virtual_bytes);
    json_object_set_int_member(image, "actual-size", (gint64)info.actual_bytes);
    json_object_set_object_member(inserted, "image", image);
    return inserted;
}

static bool run_query_block(struct qmp_call *call, GError **error)
{
    JsonArray *array = json_array_new();

    for (unsigned i = 0; i < call->env->drive_count; i++) {
        const struct monitor_drive *drive = &call->env->drives[i];
        JsonObject *object = json_object_new();
        json_object_set_string_member(object, "device", drive->name);
        json_object_set_string_member(object, "type", "unknown");
        json_object_set_boolean_member(object, "removable", drive->removable);
        if (drive->block != NULL) {
            json_object_set_object_member(object, "inserted", describe_medium(drive));
        }
        json_array_add_object_element(array, object);
    }
    answer_array(call, array);
    return true;
}

static bool run_query_commands(struct qmp_call *call, GError **error)
{
    JsonArray *array = json_array_new();

    for (const struct qmp_command *row = qmp_command_table; row->name != NULL; row++) {
        JsonObject *object = json_object_new();
        json_object_set_string_member(object, "name", row->name);
        json_array_add_object_element(array, object);
    }
    answer_array(call, array);
    return true;
}

/* ---- the table ---- */

const struct qmp_command qmp_command_table[] = {
    {"block_resize", "device:s size:i", run_block_resize},
    {"blockdev-change-medium", "device?:s id?:s filename:s format?:s force?:b", run_change_medium},
    {"cont", "", run_cont},
    {"dump-guest-memory", "paging:b protocol:s", run_dump},
    {"eject", "device?:s id?:s force?:b", run_eject},
    {"human-monitor-command", "command-line:s cpu-index?:i", run_human},
    {"inject-nmi", "", run_nmi},
    {"memsave", "val:i size:i filename:s cpu-index?:i", run_memsave},
    {"pmemsave", "val:i size:i filename:s", run_pmemsave},
    {"query-block", "", run_query_block},
    {"query-commands", "", run_query_commands},
    {"query-cpus-fast", "", run_query_cpus},
    {"query-kvm", "", run_query_kvm},
    {"query-name", "", run_query_name},
    {"query-status", "", run_query_status},
    {"query-uuid", "", run_query_uuid},
    {"query-version", "", run_query_version},
    {"quit", "", run_quit},
    {"screendump", "filename:s format?:s", run_screendump},
    {"send-key", "keys:a hold-time?:i", run_send_key},
    {"set_link", "name:s up:b", run_set_link},
    {"stop", "", run_stop},
    {"system_powerdown", "", run_powerdown},
    {"system_reset", "", run_reset},
    {NULL},
};

bool qmp_command_run(const struct monitor_env *env, const struct qmp_command *command, JsonObject *arguments,
                     JsonNode **answer, GError **error)
{
    struct qmp_call call = {.env = env, .arguments = arguments};

    if (!check_arguments(command, arguments, error) || !command->run(&call, error)) {
        return false;
    }
    if (call.answer == NULL) {
        answer_object(&call, json_object_new());
    }
    *answer = call.answer;
    return true;
}
