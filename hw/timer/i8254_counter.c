/*
 * The counting of an 8254 counter, modes 0 to 5 (datasheet order number 231164, "Mode
 * definitions").
 *
 * A count written is in the counting element one tick later; that tick is `start`. With e ticks
 * passed since (0 at the load) and n the count:
 *
 *   mode 0  OUT low until e = n, then high     mode 1  likewise, started by the gate
 *   mode 2  OUT low while e mod n = n - 1      mode 3  OUT high while e mod n < (n + 1) / 2
 *   mode 4  OUT low while e = n                mode 5  likewise, started by the gate
 *
 * In modes 2 and 3 a new count waits for the end of the period or half period (`reload`).
 *
 * Not modelled: the value seen between a write and the next tick, and the odd readings of a count
 * of 1 in the periodic modes, which the datasheet forbids (OUT stands still then).
 */
#include "hw/timer/i8254_impl.h"

#define CW_ACCESS_SHIFT 4
#define CW_MODE_SHIFT   1
#define CW_BCD          0x01
#define STATUS_OUT      0x80
#define STATUS_NULL     0x40

static bool periodic(const struct i8254_counter *c)
{
    return c->mode == 2 || c->mode == 3;
}

static bool gate_starts(const struct i8254_counter *c)
{
    return c->mode == 1 || c->mode == 5;
}

/* The count that a value of the count register means: 0 is the largest. */
static uint32_t count_of(const struct i8254_counter *c)
{
    if (!c->bcd) {
        return c->cr != 0 ? c->cr : 0x10000;
    }
    uint32_t n =
        (c->cr >> 12) * 1000u + (c->cr >> 8 & 15) * 100u + (c->cr >> 4 & 15) * 10u + (c->cr & 15);
    return n != 0 ? n : 10000;
}

static uint64_t passed(const struct i8254_counter *c, uint64_t now)
{
    if (!c->running) {
        return c->elapsed;
    }
    return now > c->start ? now - c->start : 0;
}

static uint32_t high_part(uint32_t n)
{
    return (n + 1) / 2;
}

/* The counting element. */
static uint32_t value_at(const struct i8254_counter *c, uint64_t now)
{
    uint64_t e = passed(c, now);
    uint32_t wrap = c->bcd ? 10000 : 0x10000;
    if (c->mode == 2) {
        return c->n - (uint32_t)(e % c->n);
    }
    if (c->mode == 3) {
        uint32_t phase = (uint32_t)(e % c->n);
        uint32_t high = high_part(c->n);
        return (c->n & ~1u) - 2 * (phase < high ? phase : phase - high);
    }
    return (uint32_t)((c->n % wrap + wrap - e % wrap) % wrap);
}

/* The value as the bus sees it. */
static uint16_t count_readable(const struct i8254_counter *c, uint64_t now)
{
    uint32_t value = value_at(c, now);
    if (!c->bcd) {
        return (uint16_t)value;
    }
    return (uint16_t)((value / 1000 % 10) << 12 | (value / 100 % 10) << 8 | (value / 10 % 10) << 4 |
                      value % 10);
}

bool i8254_counter_output(const struct i8254_counter *c, uint64_t now)
{
    uint64_t e = passed(c, now);
    if (!c->loaded) {
        return c->mode != 0;
    }
    switch (c->mode) {
    case 0:
    case 1:
        return e >= c->n;
    case 2:
        return !c->gate || c->n == 1 || e % c->n != c->n - 1;
    case 3:
        return !c->gate || e % c->n < high_part(c->n);
    default:
        return !c->running || e != c->n;
    }
}

/* First start + k * n that is later than r and not before `from`. */
static uint64_t first_multiple(uint64_t start, uint32_t n, uint64_t r, uint64_t from)
{
    uint64_t least = r + 1 > from ? r + 1 : from;
    if (least <= start) {
        return start;
    }
    return start + (least - start + n - 1) / n * n;
}

/* Where the schedule of count n begins if it takes over at `at`: in mode 3 the takeover may be in
 * the middle of a period, and the low half is next. */
static uint64_t takeover_start(const struct i8254_counter *c, uint32_t n)
{
    uint64_t e = c->reload_at - c->start;
    bool half = c->mode == 3 && c->reload_at > c->start && e % c->n != 0;
    uint32_t high = high_part(n);
    return half && c->reload_at > high ? c->reload_at - high : c->reload_at;
}

uint64_t i8254_counter_rise_after(const struct i8254_counter *c, uint64_t r)
{
    if (!c->loaded || !c->running) {
        return I8254_NO_RISE;
    }
    if (!periodic(c)) {
        uint64_t rise = c->start + c->n + (c->mode >= 4 ? 1 : 0);
        return rise > r ? rise : I8254_NO_RISE;
    }
    uint64_t rise = c->n > 1 ? first_multiple(c->start, c->n, r, c->valid_from) : I8254_NO_RISE;
    if (c->reload && rise > c->reload_at) {
        uint32_t n = count_of(c);
        return n > 1 ? first_multiple(takeover_start(c, n), n, r, c->reload_at) : I8254_NO_RISE;
    }
    return rise;
}

void i8254_counter_settle(struct i8254_counter *c, uint64_t now)
{
    if (c->null_count && c->loaded && !c->reload && !gate_starts(c) && now >= c->start) {
        c->null_count = false;
    }
    if (c->reload && c->running && now >= c->reload_at) {
        uint32_t n = count_of(c);
        uint64_t from = c->reload_at;
        c->start = takeover_start(c, n);
        c->n = n;
        c->valid_from = from;
        c->reload = false;
        c->null_count = false;
    }
}

/* Puts the count register into the counting element at the next tick. */
static void load(struct i8254_counter *c, uint64_t now)
{
    c->n = count_of(c);
    c->start = now + 1;
    c->elapsed = 0;
    c->loaded = true;
    c->reload = false;
    c->running = c->gate || gate_starts(c);
    c->valid_from = c->start + 1;
    if (gate_starts(c)) {
        c->null_count = false;
    }
    if (c->mode <= 1) {
        c->pin = false;
    }
    c->next_rise = i8254_counter_rise_after(c, c->start);
}

static void freeze(struct i8254_counter *c, uint64_t now)
{
    c->elapsed = passed(c, now);
    c->running = false;
    c->next_rise = I8254_NO_RISE;
}

void i8254_counter_control(struct i8254_counter *c, uint8_t word)
{
    c->access = word >> CW_ACCESS_SHIFT & 3;
    c->mode = word >> CW_MODE_SHIFT & 7;
    if (c->mode >= 6) {
        c->mode -= 4; /* bit 2 is not looked at in modes 2 and 3 */
    }
    c->bcd = word & CW_BCD;
    c->write_msb = false;
    c->read_msb = false;
    c->latched = false;
    c->status_latched = false;
    c->written = false;
    c->null_count = true;
    c->loaded = false;
    c->running = false;
    c->elapsed = 0;
    c->reload = false;
    c->next_rise = I8254_NO_RISE;
    c->pin = c->mode != 0;
}

/* The count register is complete. */
static void count_written(struct i8254_counter *c, uint64_t now)
{
    bool first = !c->written;
    c->written = true;
    c->null_count = true;
    if (gate_starts(c)) {
        return; /* waits for the trigger */
    }
    if (!periodic(c) || first || !c->running) {
        load(c, now);
        return;
    }
    uint64_t e = passed(c, now);
    uint32_t phase = (uint32_t)(e % c->n);
    uint32_t high = high_part(c->n);
    uint32_t left = c->mode == 3 && phase < high ? high - phase : c->n - phase;
    c->reload = true;
    c->reload_at = (now > c->start ? now : c->start) + left;
}

void i8254_counter_write(struct i8254_counter *c, uint64_t now, uint8_t byte)
{
    i8254_counter_settle(c, now);
    switch (c->access) {
    case I8254_LSB:
        c->cr = byte;
        break;
    case I8254_MSB:
        c->cr = (uint16_t)(byte << 8);
        break;
    default:
        c->write_msb = !c->write_msb;
        if (c->write_msb) {
            c->write_lsb = byte;
            if (c->mode == 0) {
                freeze(c, now);
                c->loaded = false;
                c->pin = false;
            }
            return;
        }
        c->cr = (uint16_t)(byte << 8 | c->write_lsb);
        break;
    }
    count_written(c, now);
}

void i8254_counter_latch(struct i8254_counter *c, uint64_t now)
{
    i8254_counter_settle(c, now);
    if (!c->latched) {
        c->latched = true;
        c->latch = count_readable(c, now);
    }
}

void i8254_counter_latch_status(struct i8254_counter *c, uint64_t now)
{
    i8254_counter_settle(c, now);
    if (!c->status_latched) {
        c->status_latched = true;
        c->status = (i8254_counter_output(c, now) ? STATUS_OUT : 0) |
                    (c->null_count ? STATUS_NULL : 0) | (uint8_t)(c->access << CW_ACCESS_SHIFT) |
                    (uint8_t)(c->mode << CW_MODE_SHIFT) | (c->bcd ? CW_BCD : 0);
    }
}

uint8_t i8254_counter_read(struct i8254_counter *c, uint64_t now)
{
    i8254_counter_settle(c, now);
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    uint16_t count = c->latched ? c->latch : count_readable(c, now);
    bool msb = c->access == I8254_MSB || (c->access == I8254_LSB_MSB && c->read_msb);
    if (c->access == I8254_LSB_MSB) {
        c->read_msb = !c->read_msb;
    }
    if (c->access != I8254_LSB_MSB || !c->read_msb) {
        c->latched = false;
    }
    return (uint8_t)(msb ? count >> 8 : count);
}

void i8254_counter_gate(struct i8254_counter *c, uint64_t now, bool level)
{
    if (level == c->gate) {
        return;
    }
    i8254_counter_settle(c, now);
    c->gate = level;
    if (gate_starts(c)) {
        if (level && c->written) {
            load(c, now);
        }
    } else if (!level) {
        if (c->loaded) {
            freeze(c, now);
        }
    } else if (periodic(c)) {
        if (c->written) {
            load(c, now);
        }
    } else if (c->loaded) {
        c->start = now - (c->elapsed < now ? c->elapsed : now);
        c->running = true;
        c->next_rise = i8254_counter_rise_after(c, now);
    }
}
