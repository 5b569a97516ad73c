/* Hardware addresses as text. */
#ifndef NET_MAC_H
#define NET_MAC_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* "52:54:00:12:34:56" or with '-' to six bytes. False and error if malformed, a group address or zero. */
bool net_mac_parse(const char *text, uint8_t mac[6], GError **error);

#endif
