/*
 * One counter of the 8254, as a value over time: no bus, no lines, only ticks. Shared by
 * i8254_counter.c (the counting) and i8254.c (registers, pins).
 *
 * Time is the number of clock ticks since guest time 0. A counter that runs is described by the
 * tick `start` at which the count n was in the counting element; everything else (value, OUT, next
 * edge) is computed from the ticks passed since. So nothing drifts and nothing happens while nobody
 * looks.
 */
#ifndef HW_TIMER_I8254_IMPL_H
#define HW_TIMER_I8254_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#define I8254_NO_RISE UINT64_MAX
/* No tick that the guest clock can reach is larger; loaded states are clamped to it. */
#define I8254_MAX_TICK (1ull << 62)

enum i8254_access { I8254_LATCH, I8254_LSB, I8254_MSB, I8254_LSB_MSB };

struct i8254_counter {
    /* Control word. */
    uint8_t mode;   /* 0..5 */
    uint8_t access; /* enum i8254_access, never I8254_LATCH */
    bool bcd;
    /* Byte sequencing and latches. */
    bool write_msb;    /* the next write is the second byte */
    bool read_msb;     /* the next read is the second byte */
    uint8_t write_lsb; /* the first byte, waiting for the second */
    bool latched;
    bool status_latched;
    uint16_t latch; /* count, as read (BCD if bcd) */
    uint8_t status;
    /* Counting. */
    bool gate;
    uint16_t cr;      /* count register, as written */
    bool written;     /* cr was written since the control word */
    bool null_count;  /* cr is not in the counting element yet */
    bool loaded;      /* the counting element was loaded since the control word */
    bool running;     /* counting: `start` is valid, else `elapsed` */
    uint32_t n;       /* count loaded, 1..65536 */
    uint64_t start;   /* tick */
    uint64_t elapsed; /* ticks since the load, when not running */
    bool reload;      /* periodic modes: cr takes over at tick reload_at */
    uint64_t reload_at;
    /* OUT as a line. */
    bool pin;            /* level delivered */
    uint64_t valid_from; /* rising edges before this tick are not of the present count */
    uint64_t next_rise;  /* tick of the first edge not delivered, I8254_NO_RISE */
    uint64_t delivered;  /* tick of the last delivery */
};

/* The effects of bus and gate at tick `now`. */
void i8254_counter_control(struct i8254_counter *c, uint8_t word);
void i8254_counter_write(struct i8254_counter *c, uint64_t now, uint8_t byte);
uint8_t i8254_counter_read(struct i8254_counter *c, uint64_t now);
void i8254_counter_latch(struct i8254_counter *c, uint64_t now);
void i8254_counter_latch_status(struct i8254_counter *c, uint64_t now);
void i8254_counter_gate(struct i8254_counter *c, uint64_t now, bool level);

/* Lets a count that was waiting for the end of a period take over. To be called before looking. */
void i8254_counter_settle(struct i8254_counter *c, uint64_t now);

bool i8254_counter_output(const struct i8254_counter *c, uint64_t now);

/* The tick of the first rising edge of OUT after tick r, I8254_NO_RISE if there will be none by
 * itself. */
uint64_t i8254_counter_rise_after(const struct i8254_counter *c, uint64_t r);

#endif
