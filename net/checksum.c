/*
 * The Internet checksum. See checksum.h. RFC 1071, section 2: a one's complement sum may be made in
 * wider words and in the host's byte order, and be folded and swapped at the end.
 */
#include "net/checksum.h"

#include <string.h>

uint16_t net_sum_fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)(sum + (sum >> 16));
}

uint32_t net_sum(const uint8_t *data, size_t size)
{
    uint64_t low = 0, high = 0;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, sizeof(word));
        low += (uint32_t)word;
        high += word >> 32;
    }
    if (i < size) {
        uint64_t word = 0;
        memcpy(&word, data + i, size - i);
        low += (uint32_t)word;
        high += word >> 32;
    }
    low = (low & 0xffffffffu) + (low >> 32) + (high & 0xffffffffu) + (high >> 32);
    low = (low & 0xffff) + (low >> 16 & 0xffff) + (low >> 32);
    uint16_t folded = net_sum_fold((uint32_t)low);
    return (uint32_t)((folded & 0xff) << 8 | folded >> 8);
}
