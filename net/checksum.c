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

/* Adds whole words of eight bytes, four at a time: independent sums keep the host's adders busy. */
static uint64_t sum_words(const uint8_t *data, size_t count)
{
    uint64_t low[4] = {0}, high[4] = {0};
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        uint64_t words[4];
        memcpy(words, data + 8 * i, sizeof(words));
        for (unsigned k = 0; k < 4; k++) {
            low[k] += (uint32_t)words[k];
            high[k] += words[k] >> 32;
        }
    }
    for (; i < count; i++) {
        uint64_t word;
        memcpy(&word, data + 8 * i, sizeof(word));
        low[0] += (uint32_t)word;
        high[0] += word >> 32;
    }
    return low[0] + low[1] + low[2] + low[3] + high[0] + high[1] + high[2] + high[3];
}

uint32_t net_sum(const uint8_t *data, size_t size)
{
    uint64_t sum = sum_words(data, size / 8);
    size_t rest = size % 8;
    if (rest != 0) {
        uint64_t word = 0;
        memcpy(&word, data + size - rest, rest);
        sum += (uint32_t)word;
        sum += word >> 32;
    }
    sum = (sum & 0xffffffffu) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
    uint16_t folded = net_sum_fold((uint32_t)sum);
    return (uint32_t)((folded & 0xff) << 8 | folded >> 8);
}
