/*
 * Joining of TCP segments. See user_merge.h.
 *
 * Joined are plain data segments of IPv4 (RFC 791, RFC 9293): no IP options, no fragments, no flags
 * but ACK and PSH, TCP headers that differ in sequence number, checksum and PSH alone. Their
 * checksums are verified first: what is damaged goes on as it is. A segment alone is handed out
 * unchanged.
 */
#include "net/user_merge.h"

#include <string.h>

#include "net/checksum.h"

#define ETHERNET_SIZE 14u
#define IP_SIZE       20u
#define IP_AT         ETHERNET_SIZE
#define TCP_AT        (ETHERNET_SIZE + IP_SIZE)
#define TCP_MIN       20u
#define TCP_PROTOCOL  6u
#define TCP_ACK       0x10u
#define TCP_PSH       0x08u
#define IP_LENGTH     (IP_AT + 2)
#define IP_FRAGMENT   (IP_AT + 6)
#define IP_CHECKSUM   (IP_AT + 10)
#define IP_ADDRESSES  (IP_AT + 12)
#define TCP_SEQUENCE  (TCP_AT + 4)
#define TCP_ACKED     (TCP_AT + 8)
#define TCP_OFFSET    (TCP_AT + 12)
#define TCP_FLAGS     (TCP_AT + 13)
#define TCP_WINDOW    (TCP_AT + 14)
#define TCP_CHECKSUM  (TCP_AT + 16)
#define TCP_URGENT    (TCP_AT + 18)

static unsigned get16(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)(value >> 8);
    p[1] = (uint8_t)value;
}

static size_t headers_size(const uint8_t *frame)
{
    return TCP_AT + (size_t)(frame[TCP_OFFSET] >> 4) * 4;
}

/* Sum of the segment and its pseudo header, checksum field included, from that of its payload. */
static uint16_t tcp_sum(const uint8_t *frame, size_t size, uint32_t payload)
{
    return net_sum_fold(net_sum_fold(net_sum(frame + IP_ADDRESSES, 8) + TCP_PROTOCOL + (uint32_t)(size - TCP_AT)) +
                        net_sum(frame + TCP_AT, headers_size(frame) - TCP_AT) + payload);
}

/* Is this a data segment that can be joined with others? *size becomes that of the packet, without
 * padding, *sum that of the payload's words. */
static bool is_plain(const uint8_t *frame, size_t *size, uint32_t *sum)
{
    if (*size < TCP_AT + TCP_MIN || get16(frame + 12) != 0x0800 || frame[IP_AT] != 0x45 ||
        frame[IP_AT + 9] != TCP_PROTOCOL || (get16(frame + IP_FRAGMENT) & 0x3fff) != 0) {
        return false;
    }
    size_t packet = ETHERNET_SIZE + get16(frame + IP_LENGTH), headers = headers_size(frame);
    if (packet > *size || packet > USER_MERGE_MAX || headers < TCP_AT + TCP_MIN ||
        headers >= packet || (frame[TCP_FLAGS] & ~TCP_PSH) != TCP_ACK) {
        return false;
    }
    *size = packet;
    *sum = net_sum(frame + headers, packet - headers);
    return net_sum_fold(net_sum(frame + IP_AT, IP_SIZE)) == 0xffff && tcp_sum(frame, packet, *sum) == 0xffff;
}

/* Does the plain segment continue the one held? */
static bool follows(const struct user_merge *merge, const uint8_t *frame, size_t size)
{
    const uint8_t *held = merge->frame;
    size_t headers = headers_size(frame);
    return merge->size + size - headers <= USER_MERGE_MAX &&
           get32(frame + TCP_SEQUENCE) == merge->next &&
           memcmp(held, frame, IP_LENGTH) == 0 && /* Ethernet; version, size, service */
           memcmp(held + IP_FRAGMENT, frame + IP_FRAGMENT, 4) == 0 &&
           memcmp(held + IP_ADDRESSES, frame + IP_ADDRESSES, 12) == 0 && /* and the ports */
           memcmp(held + TCP_ACKED, frame + TCP_ACKED, 5) == 0 &&        /* and the header's size */
           memcmp(held + TCP_WINDOW, frame + TCP_WINDOW, 2) == 0 &&
           memcmp(held + TCP_URGENT, frame + TCP_URGENT, headers - TCP_URGENT) == 0;
}

bool user_merge_add(struct user_merge *merge, const uint8_t *frame, size_t size)
{
    uint32_t sum;
    if (!is_plain(frame, &size, &sum)) {
        return false;
    }
    size_t headers = headers_size(frame);
    if (merge->size == 0) {
        memcpy(merge->frame, frame, size);
        merge->size = size;
        merge->count = 1;
        merge->sum = sum;
        merge->next = get32(frame + TCP_SEQUENCE) + (uint32_t)(size - headers);
        return true;
    }
    if (!follows(merge, frame, size)) {
        return false;
    }
    memcpy(merge->frame + merge->size, frame + headers, size - headers);
    /* Behind an odd number of bytes the halves of the words are the other way round. */
    bool odd = (merge->size - headers) & 1;
    merge->sum = net_sum_fold(merge->sum + (odd ? (sum & 0xff) << 8 | sum >> 8 : sum));
    merge->frame[TCP_FLAGS] |= frame[TCP_FLAGS] & TCP_PSH;
    merge->size += size - headers;
    merge->next += (uint32_t)(size - headers);
    merge->count++;
    return true;
}

const uint8_t *user_merge_take(struct user_merge *merge, size_t *size)
{
    uint8_t *frame = merge->frame;
    *size = merge->size;
    if (merge->count > 1) {
        put16(frame + IP_LENGTH, (unsigned)(merge->size - ETHERNET_SIZE));
        put16(frame + IP_CHECKSUM, 0);
        put16(frame + IP_CHECKSUM, (uint16_t)~net_sum_fold(net_sum(frame + IP_AT, IP_SIZE)));
        put16(frame + TCP_CHECKSUM, 0);
        put16(frame + TCP_CHECKSUM, (uint16_t)~tcp_sum(frame, merge->size, merge->sum));
    }
    merge->size = 0;
    merge->count = 0;
    return frame;
}
