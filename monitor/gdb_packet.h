/*
 * Framing of gdb's remote protocol ("$data#checksum", '+', '-', ^C): GDB manual, appendix E.1. No state of the
 * debugger here.
 */
#ifndef MONITOR_GDB_PACKET_H
#define MONITOR_GDB_PACKET_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_PACKET_MAX 0x4000u /* bytes of data in a packet, either way; told to gdb */

enum gdb_input {
    GDB_INPUT_NONE,      /* nothing complete yet */
    GDB_INPUT_PACKET,    /* parser->data and ->size, until the next byte is fed */
    GDB_INPUT_BAD,       /* checksum wrong or too long: to be answered with '-' */
    GDB_INPUT_ACK,
    GDB_INPUT_NAK,       /* send the last packet again */
    GDB_INPUT_INTERRUPT, /* ^C outside packets */
};

struct gdb_parser {
    enum { GDB_OUTSIDE, GDB_DATA, GDB_CHECKSUM_1, GDB_CHECKSUM_2 } at;
    size_t size;
    uint8_t sum;    /* of the bytes as they came */
    int expected;   /* first digit of the checksum; -1: none */
    bool escaped, too_long;
    char data[GDB_PACKET_MAX + 1]; /* escapes resolved; a NUL follows */
};

enum gdb_input gdb_parser_feed(struct gdb_parser *parser, uint8_t byte);

/* Appends data as a packet, with escapes. */
void gdb_packet_frame(GString *out, const char *data, size_t size);

/* Hexadecimal, two digits a byte, as the protocol has nearly everything. */
void gdb_hex_append(GString *out, const void *data, size_t size);
/* Reads up to `size` bytes; returns how many there were. *text moves behind them. */
size_t gdb_hex_bytes(const char **text, void *data, size_t size);
/* Reads a number of 1 to 16 digits; false if there is none or it is longer. */
bool gdb_hex_number(const char **text, uint64_t *value);

#endif
