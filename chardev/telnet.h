/*
 * The telnet protocol as a byte filter (RFC 854; options BINARY, RFC 856; ECHO, RFC 857; SUPPRESS
 * GO AHEAD, RFC 858). We offer a character-at-a-time connection and refuse nothing else in words:
 * unknown options go unanswered, which clients take for a no.
 */
#ifndef CHARDEV_TELNET_H
#define CHARDEV_TELNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TELNET_IAC 255

struct telnet {
    uint8_t state;
    bool after_cr; /* an LF or NUL now belongs to the CR before it */
};

/* What a server says first. */
extern const uint8_t telnet_hello[];
extern const size_t telnet_hello_size;

/* Takes the protocol out of n received bytes, in place; returns how many bytes of data are left.
 * *breaks grows by the number of break commands. */
size_t telnet_decode(struct telnet *telnet, uint8_t *data, size_t n, unsigned *breaks);

#endif
