/*
 * Statistics of the 82540EM (manual 13.7): counters that are cleared by reading and stick at their
 * largest value; octets are counted in pairs of registers, cleared by reading the high half. Sizes
 * include the FCS.
 */
#include "hw/net/e1000_impl.h"

#define FCS_SIZE 4u

/* Is the register the high half of a pair? Its low half is the one before. */
static bool is_high_half(unsigned n)
{
    return n == STAT_GORCL + 1 || n == STAT_GOTCL + 1 || n == STAT_TORL + 1 || n == STAT_TOTL + 1;
}

void e1000_stat_add(struct e1000 *e, enum e1000_stat stat, uint32_t n)
{
    uint32_t *value = &e->stats[stat];
    *value = *value > UINT32_MAX - n ? UINT32_MAX : *value + n;
}

static void add_octets(struct e1000 *e, enum e1000_stat low, uint64_t n)
{
    uint64_t value = (uint64_t)e->stats[low + 1] << 32 | e->stats[low];
    value = value > UINT64_MAX - n ? UINT64_MAX : value + n;
    e->stats[low] = (uint32_t)value;
    e->stats[low + 1] = (uint32_t)(value >> 32);
}

uint32_t e1000_stat_read(struct e1000 *e, unsigned n)
{
    uint32_t value = e->stats[n];
    bool low_half = n + 1 < STAT_COUNT && is_high_half(n + 1);
    if (!low_half) {
        e->stats[n] = 0;
        if (is_high_half(n)) {
            e->stats[n - 1] = 0;
        }
    }
    return value;
}

/* Which of the six size classes: 64, 65-127, 128-255, 256-511, 512-1023, more. */
static unsigned size_class(size_t size)
{
    unsigned class = 0;
    for (size_t limit = 64; class < 5 && size > limit; class ++) {
        limit = limit == 64 ? 127 : limit * 2 + 1;
    }
    return class;
}

static bool is_broadcast(const uint8_t *frame)
{
    return (frame[0] & frame[1] & frame[2] & frame[3] & frame[4] & frame[5]) == 0xff;
}

void e1000_stat_arrived(struct e1000 *e, size_t size)
{
    e1000_stat_add(e, STAT_TPR, 1);
    add_octets(e, STAT_TORL, size + FCS_SIZE);
}

void e1000_stat_received(struct e1000 *e, const uint8_t *frame, size_t size)
{
    size += FCS_SIZE;
    e1000_stat_add(e, STAT_PRC64 + size_class(size), 1);
    e1000_stat_add(e, STAT_GPRC, 1);
    add_octets(e, STAT_GORCL, size);
    if (frame[0] & 1) {
        e1000_stat_add(e, is_broadcast(frame) ? STAT_BPRC : STAT_MPRC, 1);
    }
}

void e1000_stat_sent(struct e1000 *e, const uint8_t *frame, size_t size)
{
    size += FCS_SIZE;
    e1000_stat_add(e, STAT_PTC64 + size_class(size), 1);
    e1000_stat_add(e, STAT_TPT, 1);
    e1000_stat_add(e, STAT_GPTC, 1);
    add_octets(e, STAT_GOTCL, size);
    add_octets(e, STAT_TOTL, size);
    if (frame[0] & 1) {
        e1000_stat_add(e, is_broadcast(frame) ? STAT_BPTC : STAT_MPTC, 1);
    }
}
