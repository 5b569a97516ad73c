/*
 * The descriptor of a VMDK: lines "key = value", and one line an extent:
 *
 *     RW 4192256 SPARSE "disk-s001.vmdk"
 *     RW 8388608 FLAT "disk-flat.vmdk" 0
 *     RW 63 ZERO
 *
 * Names of files come from a stranger: they may lead to the descriptor's folder or below only.
 */
#include "block/vmdk_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct vmdk_extent *vmdk_add_extent(struct vmdk *vmdk)
{
    uint64_t start = 0;

    if (vmdk->count > 0) {
        start = vmdk->extents[vmdk->count - 1].start + vmdk->extents[vmdk->count - 1].bytes;
    }
    vmdk->extents = g_renew(struct vmdk_extent, vmdk->extents, vmdk->count + 1);
    struct vmdk_extent *extent = &vmdk->extents[vmdk->count++];
    *extent = (struct vmdk_extent){.start = start};
    return extent;
}

/* The word at *at, up to a blank; or what is in quotes. Ends it with 0 and moves on; NULL: none. */
static char *take_word(char **at)
{
    char *start = *at + strspn(*at, " \t");
    char end = ' ';

    if (*start == '\0') {
        return NULL;
    }
    if (*start == '"') {
        start++;
        end = '"';
    }
    char *stop = strchr(start, end);
    *at = stop != NULL ? stop + 1 : start + strlen(start);
    if (stop != NULL) {
        *stop = '\0';
    }
    return start;
}

static bool take_number(char **at, uint64_t *number)
{
    char *word = take_word(at), *end = NULL;

    *number = word != NULL ? g_ascii_strtoull(word, &end, 10) : 0;
    return word != NULL && end != word && *end == '\0' &&
           *number <= INT64_MAX / BLOCK_SECTOR_BYTES;
}

static bool open_file(struct block_image *image, struct vmdk_extent *extent, const char *name,
                      const struct block_options *options, GError **error)
{
    g_autofree char *path = block_backing_path(image->path, name);
    struct block_options below = *options;

    below.format = NULL;
    below.read_only = true;
    if (!block_image_may_name(image, "extent", path, options, error)) {
        return false;
    }
    extent->file = block_file_open(path, &below, false, error);
    return extent->file != NULL;
}

/* access sectors kind ["file" [offset]] */
static bool parse_extent(struct block_image *image, struct vmdk *vmdk, char *line,
                         const struct block_options *options, GError **error)
{
    uint64_t sectors, offset = 0;

    take_word(&line);
    bool sized = take_number(&line, &sectors);
    const char *kind = take_word(&line), *name = take_word(&line);
    if (!sized || sectors == 0 || kind == NULL) {
        return block_reader_bad(image, error, "a line of its descriptor makes no sense");
    }
    if (vmdk->count >= VMDK_EXTENTS_MAX) {
        return block_reader_bad(image, error, "it has more than %d extents", VMDK_EXTENTS_MAX);
    }
    bool flat = strcmp(kind, "FLAT") == 0 || strcmp(kind, "VMFS") == 0;
    bool sparse = strcmp(kind, "SPARSE") == 0, zero = strcmp(kind, "ZERO") == 0;
    if (!flat && !sparse && !zero) {
        return block_reader_bad(image, error, "extents of the kind '%.32s' are not supported", kind);
    }
    struct vmdk_extent *extent = vmdk_add_extent(vmdk);
    extent->kind = zero ? VMDK_ZERO : VMDK_FLAT;
    extent->bytes = sectors * BLOCK_SECTOR_BYTES;
    if (extent->bytes > (uint64_t)INT64_MAX - extent->start) {
        return block_reader_bad(image, error, "its size is impossible");
    }
    if (zero) {
        return true;
    }
    if (name == NULL || (flat && strcmp(kind, "FLAT") == 0 && !take_number(&line, &offset))) {
        return block_reader_bad(image, error, "a line of its descriptor makes no sense");
    }
    extent->offset = offset * BLOCK_SECTOR_BYTES;
    return open_file(image, extent, name, options, error) &&
           (flat || vmdk_sparse_open(image, extent, NULL, error));
}

/* "key = value" or key="value". */
static void parse_setting(struct vmdk *vmdk, char *line)
{
    char *value = strchr(line, '=');

    if (value == NULL) {
        return;
    }
    *value++ = '\0';
    g_strchomp(line);
    value = take_word(&value);
    if (value != NULL && strcmp(line, "createType") == 0) {
        g_free(vmdk->type);
        vmdk->type = g_strdup(value);
    } else if (value != NULL && strcmp(line, "parentFileNameHint") == 0) {
        g_free(vmdk->parent);
        vmdk->parent = g_strdup(value);
    }
}

bool vmdk_parse(struct block_image *image, struct vmdk *vmdk, char *text,
                const struct block_options *options, bool embedded, GError **error)
{
    for (char *line = text, *next; line != NULL; line = next) {
        next = strpbrk(line, "\r\n");
        if (next != NULL) {
            *next++ = '\0';
        }
        line += strspn(line, " \t");
        bool extent = g_str_has_prefix(line, "RW ") || g_str_has_prefix(line, "RDONLY ") ||
                      g_str_has_prefix(line, "NOACCESS ");
        if (!extent) {
            parse_setting(vmdk, line);
        } else if (!embedded && !parse_extent(image, vmdk, line, options, error)) {
            return false;
        }
    }
    return true;
}
