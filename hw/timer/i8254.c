/*
 * Intel 8254 programmable interval timer (datasheet order number 231164): registers, pins and the
 * delivery of edges. The counting itself is in i8254_counter.c.
 *
 * An output that is connected to a line gets one timer event for each rising edge. The low phase
 * before it is not shown on the line (the line falls and rises again at once): on a PC nobody can
 * use it, it would double the events, and an interrupt controller forgets a request whose line
 * falls before a late CPU came to serve it. i8254_output() and the status register show the exact
 * level.
 *
 * When the host is late, the edges that were missed are delivered one by one, at least half a
 * period apart, so that the guest can serve each; what lies more than half a second back is given
 * up. The counter values always follow guest time exactly.
 */
#include "hw/timer/i8254.h"

#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/machine.h"
#include "hw/timer/i8254_impl.h"

#define COUNTERS             3
#define CONTROL_REGISTER     3
#define CW_COUNTER(word)     ((word) >> 6)
#define CW_READ_BACK         3
#define READ_BACK_NO_COUNT   0x20
#define READ_BACK_NO_STATUS  0x10
#define READ_BACK_COUNTER(n) (2u << (n))

#define BACKLOG_LIMIT  (I8254_HZ / 2) /* ticks */
#define LEAST_INTERVAL 12             /* ticks between two deliveries: 10 us */

struct i8254 {
    struct device dev;
    struct i8254_counter counters[COUNTERS];
    struct irq *out[COUNTERS];
    struct irq gates[COUNTERS];
    struct timer timer;
    struct region io;
    /* Who wants to know of changes of a counter; functions NULL: nobody. */
    unsigned watched;
    void (*before)(void *arg);
    void (*after)(void *arg);
    void *watch_arg;
};

static uint64_t ticks_now(const struct i8254 *pit)
{
    return muldiv64(clock_now(pit->dev.machine->guest_clock), I8254_HZ, NS_PER_SECOND);
}

/* The first nanosecond of a tick. */
static uint64_t tick_time(uint64_t tick)
{
    if (tick > UINT64_MAX / 1000) {
        return CLOCK_NEVER;
    }
    return muldiv64(tick, NS_PER_SECOND, I8254_HZ) + 1;
}

/* The tick at which the next rising edge is to be delivered. */
static uint64_t delivery_tick(const struct i8254_counter *c)
{
    if (c->next_rise == I8254_NO_RISE) {
        return I8254_NO_RISE;
    }
    bool late = c->delivered > c->next_rise - (c->next_rise > c->n ? c->n : c->next_rise);
    uint64_t interval = late && c->n / 2 > LEAST_INTERVAL ? c->n / 2 : LEAST_INTERVAL;
    uint64_t earliest = c->delivered + interval;
    return c->next_rise > earliest ? c->next_rise : earliest;
}

static void i8254_drive(struct device *dev)
{
    struct i8254 *pit = (struct i8254 *)dev;
    uint64_t deadline = CLOCK_NEVER;
    for (unsigned n = 0; n < COUNTERS; n++) {
        if (pit->out[n] != NULL) {
            uint64_t time = tick_time(delivery_tick(&pit->counters[n]));
            deadline = time < deadline ? time : deadline;
            irq_set(pit->out[n], pit->counters[n].pin);
        }
    }
    timer_at(&pit->timer, deadline);
}

/* Delivers the edge that is due, if one is. */
static void deliver(struct i8254 *pit, unsigned n, uint64_t now)
{
    struct i8254_counter *c = &pit->counters[n];
    uint64_t due = delivery_tick(c);
    if (pit->out[n] == NULL || due == I8254_NO_RISE || due > now) {
        return;
    }
    if (now - c->next_rise > BACKLOG_LIMIT) {
        uint64_t rise = i8254_counter_rise_after(c, now - BACKLOG_LIMIT);
        c->next_rise = rise != I8254_NO_RISE && rise <= now ? rise : c->next_rise;
    }
    c->pin = true;
    c->delivered = now;
    c->next_rise = i8254_counter_rise_after(c, c->next_rise);
    irq_set(pit->out[n], false);
    irq_set(pit->out[n], true);
}

static void i8254_expired(void *arg)
{
    struct i8254 *pit = arg;
    uint64_t now = ticks_now(pit);
    for (unsigned n = 0; n < COUNTERS; n++) {
        i8254_counter_settle(&pit->counters[n], now);
        deliver(pit, n, now);
    }
    i8254_drive(&pit->dev);
}

/* Something is about to happen to counter n. */
static void tell_before(struct i8254 *pit, unsigned n)
{
    if (pit->before != NULL && n == pit->watched) {
        pit->before(pit->watch_arg);
    }
}

static void tell_after(struct i8254 *pit, unsigned n)
{
    if (pit->after != NULL && n == pit->watched) {
        pit->after(pit->watch_arg);
    }
}

static void write_control(struct i8254 *pit, uint8_t word, uint64_t now)
{
    if (CW_COUNTER(word) == CW_READ_BACK) {
        for (unsigned n = 0; n < COUNTERS; n++) {
            if (!(word & READ_BACK_COUNTER(n))) {
                continue;
            }
            if (!(word & READ_BACK_NO_COUNT)) {
                i8254_counter_latch(&pit->counters[n], now);
            }
            if (!(word & READ_BACK_NO_STATUS)) {
                i8254_counter_latch_status(&pit->counters[n], now);
            }
        }
        return;
    }
    struct i8254_counter *c = &pit->counters[CW_COUNTER(word)];
    if ((word & 0x30) == 0) {
        i8254_counter_latch(c, now);
    } else {
        i8254_counter_control(c, word);
    }
}

static void i8254_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8254 *pit = owner;
    uint64_t now = ticks_now(pit);
    unsigned n = offset == CONTROL_REGISTER ? CW_COUNTER((uint8_t)value) : (unsigned)offset;
    tell_before(pit, n);
    if (offset == CONTROL_REGISTER) {
        write_control(pit, (uint8_t)value, now);
    } else {
        i8254_counter_write(&pit->counters[offset], now, (uint8_t)value);
    }
    i8254_drive(&pit->dev);
    tell_after(pit, n);
}

static uint64_t i8254_read(void *owner, uint64_t offset, unsigned size)
{
    struct i8254 *pit = owner;
    if (offset == CONTROL_REGISTER) {
        return 0xff; /* "no operation": the bus floats */
    }
    return i8254_counter_read(&pit->counters[offset], ticks_now(pit));
}

static const struct region_ops i8254_ops = {
    .read = i8254_read, .write = i8254_write, .max_size = 1};

static void i8254_gate_input(void *sink, unsigned n, bool level)
{
    struct i8254 *pit = sink;
    tell_before(pit, n);
    i8254_counter_gate(&pit->counters[n], ticks_now(pit), level);
    i8254_drive(&pit->dev);
    tell_after(pit, n);
}

struct region *i8254_io(struct device *dev)
{
    return &((struct i8254 *)dev)->io;
}

struct irq *i8254_gate(struct device *dev, unsigned n)
{
    g_assert(n < COUNTERS);
    return &((struct i8254 *)dev)->gates[n];
}

void i8254_connect_out(struct device *dev, unsigned n, struct irq *line)
{
    g_assert(n < COUNTERS);
    ((struct i8254 *)dev)->out[n] = line;
}

bool i8254_output(void *arg, unsigned n)
{
    struct i8254 *pit = arg;
    g_assert(n < COUNTERS);
    uint64_t now = ticks_now(pit);
    i8254_counter_settle(&pit->counters[n], now);
    return i8254_counter_output(&pit->counters[n], now);
}

bool i8254_output_at(struct device *dev, unsigned n, uint64_t tick)
{
    struct i8254_counter *c = &((struct i8254 *)dev)->counters[n];
    i8254_counter_settle(c, tick);
    return i8254_counter_output(c, tick);
}

void i8254_watch(struct device *dev, unsigned n, void (*before)(void *arg), void (*after)(void *arg), void *arg)
{
    struct i8254 *pit = (struct i8254 *)dev;
    pit->watched = n;
    pit->before = before;
    pit->after = after;
    pit->watch_arg = arg;
}

bool i8254_tone(struct device *dev, unsigned n, uint32_t *period)
{
    struct i8254 *pit = (struct i8254 *)dev;
    g_assert(n < COUNTERS);
    struct i8254_counter *c = &pit->counters[n];
    i8254_counter_settle(c, ticks_now(pit));
    *period = c->n;
    return (c->mode == 2 || c->mode == 3) && c->loaded && c->running && c->n > 1;
}

static void i8254_reset(struct device *dev)
{
    struct i8254 *pit = (struct i8254 *)dev;
    for (unsigned n = 0; n < COUNTERS; n++) {
        /* The datasheet leaves the state undefined: idle in mode 0 is the quiet choice. */
        pit->counters[n] = (struct i8254_counter){
            .access = I8254_LSB_MSB,
            .n = 0x10000,
            .gate = pit->gates[n].level,
            .next_rise = I8254_NO_RISE,
        };
    }
}

static bool i8254_create(struct device *dev, GError **error)
{
    static const char *const names[COUNTERS] = {"gate0", "gate1", "gate2"};
    struct i8254 *pit = (struct i8254 *)dev;
    for (unsigned n = 0; n < COUNTERS; n++) {
        irq_init(&pit->gates[n], names[n], i8254_gate_input, pit, n);
        pit->gates[n].level = n != 2;
    }
    /* Those that are tied to a high level on a PC are no lines that someone else drives. */
    dev->inputs = &pit->gates[2];
    dev->input_count = 1;
    timer_init(&pit->timer, dev->machine->guest_clock, i8254_expired, pit);
    region_init_io(&pit->io, "pit", 4, &i8254_ops, pit);
    device_add_region(dev, &pit->io);
    i8254_reset(dev); /* a count is never 0 */
    return true;
}

static void i8254_destroy(struct device *dev)
{
    timer_finish(&((struct i8254 *)dev)->timer);
}

static void clamp_tick(uint64_t *tick)
{
    if (*tick > I8254_MAX_TICK) {
        *tick = I8254_MAX_TICK;
    }
}

static void i8254_loaded(struct device *dev)
{
    struct i8254 *pit = (struct i8254 *)dev;
    for (unsigned n = 0; n < COUNTERS; n++) {
        struct i8254_counter *c = &pit->counters[n];
        c->mode = c->mode > 5 ? 0 : c->mode;
        c->access = (c->access & 3) != I8254_LATCH ? c->access & 3 : I8254_LSB_MSB;
        c->n = c->n > 0 && c->n <= 0x10000 ? c->n : 0x10000;
        clamp_tick(&c->start);
        clamp_tick(&c->elapsed);
        clamp_tick(&c->reload_at);
        clamp_tick(&c->valid_from);
        clamp_tick(&c->delivered);
        if (c->next_rise != I8254_NO_RISE) {
            clamp_tick(&c->next_rise);
        }
        if (c->reload && c->reload_at < c->start) {
            c->reload = false;
        }
    }
}

#define C struct i8254_counter
static const struct field counter_fields[] = {
    FIELD_U8(C, mode),        FIELD_U8(C, access),
    FIELD_BOOL(C, bcd),       FIELD_BOOL(C, write_msb),
    FIELD_BOOL(C, read_msb),  FIELD_U8(C, write_lsb),
    FIELD_BOOL(C, latched),   FIELD_BOOL(C, status_latched),
    FIELD_U16(C, latch),      FIELD_U8(C, status),
    FIELD_BOOL(C, gate),      FIELD_U16(C, cr),
    FIELD_BOOL(C, written),   FIELD_BOOL(C, null_count),
    FIELD_BOOL(C, loaded),    FIELD_BOOL(C, running),
    FIELD_U32(C, n),          FIELD_U64(C, start),
    FIELD_U64(C, elapsed),    FIELD_BOOL(C, reload),
    FIELD_U64(C, reload_at),  FIELD_BOOL(C, pin),
    FIELD_U64(C, valid_from), FIELD_U64(C, next_rise),
    FIELD_U64(C, delivered),  FIELD_END,
};
#undef C

static const struct field i8254_fields[] = {
    FIELD_STRUCT_ARRAY(struct i8254, counters, counter_fields),
    FIELD_END,
};

const struct device_class i8254_class = {
    .name = "isa-pit",
    .description = "Intel 8254 interval timer",
    .state_size = sizeof(struct i8254),
    .fields = i8254_fields,
    .create = i8254_create,
    .reset = i8254_reset,
    .drive = i8254_drive,
    .loaded = i8254_loaded,
    .destroy = i8254_destroy,
};
