/* See the header. */
#include "monitor/gdb_packet.h"

#include <string.h>

#define ESCAPE '}'
#define ESCAPE_XOR 0x20
#define INTERRUPT 3

static enum gdb_input feed_outside(struct gdb_parser *parser, uint8_t byte)
{
    switch (byte) {
    case '$':
        parser->at = GDB_DATA;
        parser->size = 0;
        parser->sum = 0;
        parser->escaped = parser->too_long = false;
        return GDB_INPUT_NONE;
    case '+':
        return GDB_INPUT_ACK;
    case '-':
        return GDB_INPUT_NAK;
    case INTERRUPT:
        return GDB_INPUT_INTERRUPT;
    default:
        return GDB_INPUT_NONE; /* noise between packets */
    }
}

static void feed_data(struct gdb_parser *parser, uint8_t byte)
{
    if (byte == '#') {
        parser->at = GDB_CHECKSUM_1;
        return;
    }
    parser->sum = (uint8_t)(parser->sum + byte);
    if (byte == ESCAPE && !parser->escaped) {
        parser->escaped = true;
        return;
    }
    if (parser->size == GDB_PACKET_MAX) {
        parser->too_long = true;
        return;
    }
    parser->data[parser->size++] = (char)(parser->escaped ? byte ^ ESCAPE_XOR : byte);
    parser->escaped = false;
}

enum gdb_input gdb_parser_feed(struct gdb_parser *parser, uint8_t byte)
{
    switch (parser->at) {
    case GDB_OUTSIDE:
        return feed_outside(parser, byte);
    case GDB_DATA:
        if (byte == '$') { /* the rest of the last one was lost */
            return feed_outside(parser, byte);
        }
        feed_data(parser, byte);
        return GDB_INPUT_NONE;
    case GDB_CHECKSUM_1:
        parser->expected = g_ascii_xdigit_value((gchar)byte);
        parser->at = GDB_CHECKSUM_2;
        return GDB_INPUT_NONE;
    case GDB_CHECKSUM_2:
        break;
    }
    int low = g_ascii_xdigit_value((gchar)byte);
    parser->at = GDB_OUTSIDE;
    parser->data[parser->size] = '\0';
    bool good = parser->expected >= 0 && low >= 0 && (parser->expected << 4 | low) == parser->sum;
    return good && !parser->too_long && !parser->escaped ? GDB_INPUT_PACKET : GDB_INPUT_BAD;
}

void gdb_packet_frame(GString *out, const char *data, size_t size)
{
    uint8_t sum = 0;
    g_string_append_c(out, '$');
    gsize begin = out->len;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '#' || data[i] == '$' || data[i] == ESCAPE || data[i] == '*') {
            g_string_append_c(out, ESCAPE);
            g_string_append_c(out, (gchar)(data[i] ^ ESCAPE_XOR));
        } else {
            g_string_append_c(out, data[i]);
        }
    }
    for (gsize i = begin; i < out->len; i++) {
        sum = (uint8_t)(sum + (uint8_t)out->str[i]);
    }
    g_string_append_printf(out, "#%02x", sum);
}

void gdb_hex_append(GString *out, const void *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        g_string_append_c(out, digits[bytes[i] >> 4]);
        g_string_append_c(out, digits[bytes[i] & 15]);
    }
}

size_t gdb_hex_bytes(const char **text, void *data, size_t size)
{
    uint8_t *bytes = data;
    size_t n = 0;
    while (n < size && g_ascii_isxdigit((*text)[0]) && g_ascii_isxdigit((*text)[1])) {
        bytes[n++] = (uint8_t)(g_ascii_xdigit_value((*text)[0]) << 4 | g_ascii_xdigit_value((*text)[1]));
        *text += 2;
    }
    return n;
}

bool gdb_hex_number(const char **text, uint64_t *value)
{
    unsigned digits = 0;
    *value = 0;
    while (g_ascii_isxdigit(**text) && digits <= 16) {
        *value = *value << 4 | (uint64_t)g_ascii_xdigit_value(*(*text)++);
        digits++;
    }
    return digits > 0 && digits <= 16;
}
