/*
 * Checksums and TCP segmentation of the 82540EM (manual 3.2.9 and 3.3.7, 3.5), on frames in our own
 * memory. Received IPv6 packets with extension headers and fragments are not checked, as on the
 * chip.
 */
#include <string.h>

#include "hw/net/e1000_impl.h"
#include "net/checksum.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define PROTOCOL_TCP   6
#define PROTOCOL_UDP   17
#define TCP_FLAGS      13
#define TCP_FIN_PSH    0x09
#define TCP_MIN        20u
#define UDP_MIN        8u

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

bool e1000_insert_sum(uint8_t *frame, size_t size, unsigned css, unsigned cso, unsigned cse)
{
    size_t end = cse != 0 && cse + 1u < size ? cse + 1u : size;
    if (css >= end || cso + 2u > size) {
        return false;
    }
    put16(frame + cso, (uint16_t)~net_sum_fold(net_sum(frame + css, end - css)));
    return true;
}

bool e1000_segment(uint8_t *frame, size_t size, const struct e1000_context *c, uint32_t index,
                   uint32_t offset, bool last)
{
    unsigned ip = c->ipcss, l4 = c->tucss;
    if (ip + 8u > c->hdrlen || l4 + (c->tcp ? TCP_MIN : UDP_MIN) > c->hdrlen || l4 <= ip ||
        c->hdrlen > size) {
        return false;
    }
    if (c->ip) {
        put16(frame + ip + 2, (unsigned)(size - ip));
        put16(frame + ip + 4, get16(frame + ip + 4) + index);
    } else {
        put16(frame + ip + 4, (unsigned)(size - ip - 40));
    }
    if (c->tcp) {
        uint32_t sequence =
            ((uint32_t)get16(frame + l4 + 4) << 16 | get16(frame + l4 + 6)) + offset;
        put16(frame + l4 + 4, sequence >> 16);
        put16(frame + l4 + 6, sequence & 0xffff);
        if (!last) {
            frame[l4 + TCP_FLAGS] &= (uint8_t)~TCP_FIN_PSH;
        }
    } else {
        put16(frame + l4 + 4, (unsigned)(size - l4));
    }
    /* The driver has put the sum of the pseudo header without its length where the checksum goes.
     */
    if (c->tucso + 2u <= c->hdrlen) {
        put16(frame + c->tucso,
              net_sum_fold((uint32_t)get16(frame + c->tucso) + (uint32_t)(size - l4)));
    }
    return true;
}

/* The sum of size bytes at data, within a frame whose sum is known perhaps: then it is that without what is around. */
static uint16_t part_sum(const struct e1000_sums *sums, const uint8_t *data, size_t size)
{
    size_t before = (size_t)(data - sums->frame), after = sums->size - before - size;
    if (!sums->known || (before & 1) || (size & 1)) {
        return net_sum_fold(net_sum(data, size));
    }
    uint32_t around = (uint32_t)(uint16_t)~net_sum_fold(net_sum(sums->frame, before)) +
                      (uint16_t)~net_sum_fold(net_sum(data + size, after));
    return net_sum_fold(sums->sum + around);
}

/* The sum of a packet's payload with its pseudo header is right? A UDP checksum of 0 means none. */
static void check_l4(const struct e1000_sums *sums, const uint8_t *addresses, size_t addresses_size, uint8_t protocol,
                     const uint8_t *data, size_t size, uint8_t *status, uint8_t *errors)
{
    if ((protocol == PROTOCOL_TCP && size < TCP_MIN) ||
        (protocol == PROTOCOL_UDP && size < UDP_MIN) ||
        (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) ||
        (protocol == PROTOCOL_UDP && get16(data + 6) == 0)) {
        return;
    }
    uint32_t sum = net_sum(addresses, addresses_size) + protocol + (uint32_t)size;
    *status |= RXD_STA_TCPCS;
    if (net_sum_fold(sum + part_sum(sums, data, size)) != 0xffff) {
        *errors |= RXD_ERR_TCPE;
    }
}

static void check_ipv4(const struct e1000_sums *sums, const uint8_t *p, size_t size, bool ip, bool l4, uint8_t *status,
                       uint8_t *errors)
{
    if (size < 20 || p[0] >> 4 != 4) {
        return;
    }
    size_t header = (size_t)(p[0] & 15) * 4, total = get16(p + 2);
    if (header < 20 || total < header || total > size) {
        return;
    }
    if (ip) {
        *status |= RXD_STA_IPCS;
        if (net_sum_fold(net_sum(p, header)) != 0xffff) {
            *errors |= RXD_ERR_IPE;
        }
    }
    if (l4 && (get16(p + 6) & 0x3fff) == 0) {
        check_l4(sums, p + 12, 8, p[9], p + header, total - header, status, errors);
    }
}

void e1000_check_sums(const struct e1000_sums *sums, bool ip, bool l4, uint8_t *status, uint8_t *errors)
{
    const uint8_t *frame = sums->frame;
    size_t at = 12;
    size_t size = sums->size;
    if (size >= 18 && get16(frame + at) == ETHERTYPE_VLAN) {
        at += 4;
    }
    if (size < at + 2) {
        return;
    }
    const uint8_t *p = frame + at + 2;
    size_t rest = size - at - 2;
    if (get16(frame + at) == ETHERTYPE_IPV4) {
        check_ipv4(sums, p, rest, ip, l4, status, errors);
    } else if (get16(frame + at) == ETHERTYPE_IPV6 && l4 && rest >= 40 &&
               40u + get16(p + 4) <= rest) {
        check_l4(sums, p + 8, 32, p[6], p + 40, get16(p + 4), status, errors);
    }
}
