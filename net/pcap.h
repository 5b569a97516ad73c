/*
 * Captures: a port's frames in a file that tcpdump and Wireshark read (classic pcap, microseconds,
 * LINKTYPE_ETHERNET).
 */
#ifndef NET_PCAP_H
#define NET_PCAP_H

#include <glib.h>

#include "net/port.h"

struct pcap;

/* Creates or truncates a file. NULL and error if it cannot be written. */
struct pcap *pcap_create(const char *path, GError **error);
/* NULL is fine. */
void pcap_destroy(struct pcap *pcap);
/* A net_tap_fn; arg is the struct pcap *. */
void pcap_frame(void *arg, const uint8_t *frame, size_t size);

#endif
