/* The Internet checksum (RFC 1071) over bytes in memory. */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Sum of the 16-bit big-endian words, an odd last byte being the high half of one; folded to 16
 * bits, so that sums of several pieces (of even size but the last) may be added. */
uint32_t net_sum(const uint8_t *data, size_t size);
/* Adds the carries: 16 bits. The checksum to store is the complement; a stored one is right if the
 * sum over all of it folds to 0xffff. */
uint16_t net_sum_fold(uint32_t sum);

#endif
