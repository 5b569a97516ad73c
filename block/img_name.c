/*
 * Names of images as users of qemu's tools write them: "json:{..}", "file:NAME" and, with --image-opts,
 * "driver=qcow2,file.filename=NAME" (commas inside a value are doubled). They come to a file's name and a
 * format. Only what the user writes is read this way, never what an image names.
 *
 * Not modelled: nodes that are defined elsewhere, network protocols, options of the format drivers.
 */
#include "block/img.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <string.h>

struct name {
    char *path, *format, *protocol;
    bool no_lock;
};

static void name_finish(struct name *name)
{
    g_free(name->path);
    g_free(name->format);
    g_free(name->protocol);
}

G_GNUC_PRINTF(3, 4) static bool bad(GError **error, const char *word, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *why = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, BLOCK_ERROR, EINVAL, "Could not open '%s': %s", word, why);
    return false;
}

static bool is_protocol(const char *driver)
{
    return strcmp(driver, "file") == 0 || strcmp(driver, "host_device") == 0;
}

static bool set_option(struct name *name, const char *word, const char *key, const char *value,
                       GError **error)
{
    if (strcmp(key, "driver") == 0 || strcmp(key, "file.driver") == 0) {
        char **where = key[0] == 'f' ? &name->protocol : &name->format;
        g_free(*where);
        /* The file itself, as it is. */
        *where = g_strdup(key[0] == 'd' && is_protocol(value) ? "raw" : value);
        return true;
    }
    if (strcmp(key, "filename") == 0 || strcmp(key, "file.filename") == 0) {
        g_free(name->path);
        name->path = g_strdup(value);
        return true;
    }
    if (strcmp(key, "file.locking") == 0 || strcmp(key, "locking") == 0) {
        name->no_lock = strcmp(value, "off") == 0;
        return true;
    }
    if (g_str_has_prefix(key, "encrypt.") || strcmp(key, "key-secret") == 0) {
        return bad(error, word, "encrypted images are not supported ('%s')", key);
    }
    return bad(error, word,
               "the option '%s' is not supported; there are: driver, file.driver, file.filename, "
               "file.locking", key);
}

static bool set_object(struct name *name, const char *word, const char *prefix, JsonObject *object,
                       GError **error)
{
    g_autoptr(GList) keys = json_object_get_members(object);

    for (GList *k = keys; k != NULL; k = k->next) {
        JsonNode *node = json_object_get_member(object, k->data);
        g_autofree char *key = g_strconcat(prefix, k->data, NULL);
        if (JSON_NODE_HOLDS_OBJECT(node) && prefix[0] == '\0') {
            g_autofree char *below = g_strconcat(key, ".", NULL);
            if (!set_object(name, word, below, json_node_get_object(node), error)) {
                return false;
            }
        } else if (json_node_get_value_type(node) == G_TYPE_STRING) {
            if (!set_option(name, word, key, json_node_get_string(node), error)) {
                return false;
            }
        } else {
            return bad(error, word, "the option '%s' is not supported, or no string", key);
        }
    }
    return true;
}

static bool parse_json(struct name *name, const char *word, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    GError *wrong = NULL;

    if (!json_parser_load_from_data(parser, word + strlen("json:"), -1, &wrong)) {
        bad(error, word, "Could not parse the JSON options: %s", wrong->message);
        g_error_free(wrong);
        return false;
    }
    JsonNode *root = json_parser_get_root(parser);
    if (root == NULL || !JSON_NODE_HOLDS_OBJECT(root)) {
        return bad(error, word, "Invalid JSON object given");
    }
    return set_object(name, word, "", json_node_get_object(root), error);
}

struct block *img_open(const char *word, const struct block_options *options,
                       struct event_queue *queue, GError **error)
{
    struct block_options named = *options;
    struct name name = {0};
    struct block *block = NULL;
    bool ok = true;

    if (g_str_has_prefix(word, "json:")) {
        ok = parse_json(&name, word, error);
        if (ok && name.path == NULL) {
            ok = bad(error, word, "A block device must be specified for \"file\" (file.filename=NAME)");
        } else if (ok && name.protocol != NULL && !is_protocol(name.protocol)) {
            ok = bad(error, word, "Unknown protocol '%s'; supported: file host_device", name.protocol);
        }
    } else {
        name.path = g_strdup(g_str_has_prefix(word, "file:") ? word + strlen("file:") : word);
    }
    if (ok) {
        named.format = name.format != NULL ? name.format : options->format;
        named.no_lock = options->no_lock || name.no_lock;
        block = block_open(name.path, &named, queue, error);
    }
    name_finish(&name);
    return block;
}

/* ---- --image-opts ---- */

/* Does it look like options of an image? */
static bool is_image_opts(const char *word)
{
    return g_str_has_prefix(word, "driver=") || g_str_has_prefix(word, "file.") ||
           g_str_has_prefix(word, "filename=") || strstr(word, ",driver=") != NULL ||
           strstr(word, ",file.filename=") != NULL;
}

char *img_name_of_opts(const char *word)
{
    const char *operand = g_str_has_prefix(word, "if=") ? word + strlen("if=") : word;

    if (!is_image_opts(operand)) {
        return g_strdup(word);
    }
    g_autoptr(GString) json = g_string_new_len(word, operand - word);
    g_autoptr(GString) piece = g_string_new(NULL);

    g_string_append(json, "json:{");
    for (const char *c = operand;; c++) {
        if (*c != '\0' && (*c != ',' || c[1] == ',')) {
            g_string_append_c(piece, *c);
            c += *c == ',';
            continue;
        }
        g_auto(GStrv) parts = g_strsplit(piece->str, "=", 2);
        img_json_string(json, parts[0] != NULL ? parts[0] : "");
        g_string_append_c(json, ':');
        img_json_string(json, parts[0] != NULL && parts[1] != NULL ? parts[1] : "on");
        g_string_truncate(piece, 0);
        if (*c == '\0') {
            break;
        }
        g_string_append_c(json, ',');
    }
    g_string_append_c(json, '}');
    return g_string_free(g_steal_pointer(&json), FALSE);
}
