/*
 * Motorola MC146818 real-time clock (datasheet ADI-856), with the 128 bytes of the AT's CMOS.
 *
 * The chip's time is a sum: the RTC clock as read at reset, guest time passed since, and the offset
 * by which the guest has set the clock. While it runs, the time registers are computed when read;
 * while SET is 1 or the divider is held in reset, they are bytes of memory. Flags are accounted
 * lazily: before every access and at timer deadlines, for all the guest time since `seen`. Timers
 * run only for interrupts that are enabled.
 *
 * An update cycle ends at the turn of the second; UIP is 1 from 244 us before its start, which with
 * the 1984 us that it takes is the last 2228 us of each second.
 *
 * What the battery keeps (NVRAM, the mode bits, the offset) lives in a RAM block and survives
 * resets.
 *
 * Not modelled: daylight saving (DSE is kept), the square wave pin, time bases other than 32768 Hz,
 * a day of the week that disagrees with the date, and bits 7-6 alarm ranges of later chips
 * (day-of-month alarm).
 */
#include "hw/rtc/mc146818.h"

#include <string.h>

#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/machine.h"
#include "core/ram.h"
#include "hw/rtc/mc146818_impl.h"

#define INDEX_NMI_MASK 0x80
#define UPDATE_NS      (244000 + 1984000)
#define CRYSTAL_HZ     32768
#define FLAGS          (RTC_C_PF | RTC_C_AF | RTC_C_UF)
#define HALF_SECOND_NS (NS_PER_SECOND / 2)
/* Offsets beyond this come from a damaged state; the registers can hold some 16600 years. */
#define OFFSET_LIMIT (20000ll * 366 * SECONDS_PER_DAY)

/* The contents of the battery-backed block. */
struct battery {
    uint8_t regs[RTC_SIZE];
    int64_t offset_seconds; /* the guest's setting against the RTC clock */
    int64_t offset_ns;      /* sub-second part, 0..NS_PER_SECOND-1 */
};

struct mc146818 {
    struct device dev;
    /* Saved. */
    struct ram *nvram;    /* struct battery */
    uint8_t index;        /* as written, with the NMI mask */
    uint8_t flags;        /* register C without IRQF */
    uint64_t start_rtc;   /* RTC clock at reset, ns */
    uint64_t start_guest; /* guest clock at the same moment, ns */
    uint64_t seen;        /* guest ns up to which flags are accounted */
    uint32_t lost;        /* periodic interrupts that the guest is owed ("slew") */
    uint64_t repay_at;    /* guest ns of the next of them */
    /* Configuration and wiring. */
    uint64_t century;
    char *lost_tick_policy;
    bool slew;
    struct irq *irq;
    struct irq *nmi_mask;
    struct timer timer;
    struct region io;
};

static struct battery *battery(const struct mc146818 *rtc)
{
    return (struct battery *)rtc->nvram->host;
}

static uint8_t *regs(const struct mc146818 *rtc)
{
    return battery(rtc)->regs;
}

static uint64_t guest_now(const struct mc146818 *rtc)
{
    return clock_now(rtc->dev.machine->guest_clock);
}

/* The chip's time at a guest time: seconds since 1970, and nanoseconds within the second. */
static int64_t time_at(const struct mc146818 *rtc, uint64_t guest, uint64_t *ns)
{
    uint64_t passed = guest > rtc->start_guest ? guest - rtc->start_guest : 0;
    uint64_t sub =
        rtc->start_rtc % NS_PER_SECOND + passed % NS_PER_SECOND + battery(rtc)->offset_ns;
    *ns = sub % NS_PER_SECOND;
    return (int64_t)(rtc->start_rtc / NS_PER_SECOND + passed / NS_PER_SECOND +
                     sub / NS_PER_SECOND) +
           battery(rtc)->offset_seconds;
}

static bool dividing(const struct mc146818 *rtc)
{
    return (regs(rtc)[RTC_REG_A] & RTC_A_DV) == RTC_A_DV_RUN;
}

/* The time registers advance. */
static bool updating(const struct mc146818 *rtc)
{
    return dividing(rtc) && !(regs(rtc)[RTC_REG_B] & RTC_B_SET);
}

/* Period of the periodic interrupt in cycles of the crystal, 0 if off. */
static uint32_t period_cycles(const struct mc146818 *rtc)
{
    unsigned rs = regs(rtc)[RTC_REG_A] & RTC_A_RS;
    if (rs == 0 || !dividing(rtc)) {
        return 0;
    }
    return 1u << (rs <= 2 ? rs + 6 : rs - 1);
}

/* Crystal cycles within the chip's second; periods divide or are divided by it evenly. */
static uint64_t cycles_at(const struct mc146818 *rtc, uint64_t guest)
{
    uint64_t ns;
    int64_t seconds = time_at(rtc, guest, &ns);
    return (uint64_t)seconds * CRYSTAL_HZ + muldiv64(ns, CRYSTAL_HZ, NS_PER_SECOND);
}

static uint64_t period_ns(uint32_t cycles)
{
    return muldiv64(cycles, NS_PER_SECOND, CRYSTAL_HZ);
}

/* Counts what the guest did not get, half a second at most. */
static void count_lost(struct mc146818 *rtc, uint64_t periods, uint32_t cycles)
{
    uint64_t missed = periods - (rtc->flags & RTC_C_PF ? 0 : 1);
    uint64_t limit = CRYSTAL_HZ / 2 / cycles;
    if (rtc->slew && (regs(rtc)[RTC_REG_B] & RTC_B_PIE)) {
        rtc->lost = (uint32_t)MIN(rtc->lost + MIN(missed, limit), limit);
    }
}

static void account_periodic(struct mc146818 *rtc, uint64_t now)
{
    uint32_t cycles = period_cycles(rtc);
    if (cycles == 0) {
        rtc->lost = 0;
        return;
    }
    uint64_t periods = cycles_at(rtc, now) / cycles - cycles_at(rtc, rtc->seen) / cycles;
    if (periods > 0) {
        count_lost(rtc, periods, cycles);
        rtc->flags |= RTC_C_PF;
    }
    if (rtc->lost > 0 && !(rtc->flags & RTC_C_PF) && now >= rtc->repay_at) {
        rtc->lost--;
        rtc->flags |= RTC_C_PF;
    }
}

/* Brings the flags up to the present. */
static void account(struct mc146818 *rtc)
{
    uint64_t now = guest_now(rtc);
    uint64_t ns;
    if (rtc->seen > now) {
        rtc->seen = now;
    }
    account_periodic(rtc, now);
    int64_t before = time_at(rtc, rtc->seen, &ns);
    int64_t after = time_at(rtc, now, &ns);
    if (updating(rtc) && after > before) {
        rtc->flags |= RTC_C_UF;
        unsigned alarm = rtc_seconds_to_alarm(regs(rtc), before);
        if (alarm != 0 && after - before >= alarm) {
            rtc->flags |= RTC_C_AF;
        }
    }
    rtc->seen = now;
}

/* Guest time of the chip's second that begins `seconds` (> 0) after the present one. */
static uint64_t second_begin(const struct mc146818 *rtc, uint64_t now, unsigned seconds)
{
    uint64_t ns;
    time_at(rtc, now, &ns);
    return now - ns + seconds * NS_PER_SECOND;
}

static uint64_t next_period(const struct mc146818 *rtc, uint64_t now)
{
    uint32_t cycles = period_cycles(rtc);
    if (cycles == 0) {
        return CLOCK_NEVER;
    }
    uint64_t ns;
    int64_t seconds = time_at(rtc, now, &ns);
    uint64_t whole = (uint64_t)seconds * CRYSTAL_HZ;
    uint64_t next = ((whole + muldiv64(ns, CRYSTAL_HZ, NS_PER_SECOND)) / cycles + 1) * cycles;
    uint64_t edge = now - ns + ((next - whole) * NS_PER_SECOND + CRYSTAL_HZ - 1) / CRYSTAL_HZ;
    return rtc->lost > 0 && rtc->repay_at < edge ? rtc->repay_at : edge;
}

static void mc146818_drive(struct device *dev)
{
    struct mc146818 *rtc = (struct mc146818 *)dev;
    uint64_t now = guest_now(rtc);
    uint64_t deadline = CLOCK_NEVER;
    uint8_t enabled = regs(rtc)[RTC_REG_B] & FLAGS;
    uint8_t awaited = enabled & ~rtc->flags;
    if (awaited & RTC_B_PIE) {
        deadline = next_period(rtc, now);
    }
    if (updating(rtc) && (awaited & RTC_B_UIE)) {
        deadline = MIN(deadline, second_begin(rtc, now, 1));
    }
    if (updating(rtc) && (awaited & RTC_B_AIE)) {
        uint64_t ns;
        unsigned alarm = rtc_seconds_to_alarm(regs(rtc), time_at(rtc, now, &ns));
        deadline = alarm != 0 ? MIN(deadline, second_begin(rtc, now, alarm)) : deadline;
    }
    timer_at(&rtc->timer, deadline);
    irq_set(rtc->irq, (rtc->flags & enabled) != 0);
    irq_set(rtc->nmi_mask, rtc->index & INDEX_NMI_MASK);
}

static void mc146818_expired(void *arg)
{
    struct mc146818 *rtc = arg;
    account(rtc);
    mc146818_drive(&rtc->dev);
}

static bool is_time_register(const struct mc146818 *rtc, unsigned index)
{
    if (rtc->century != 0 && index == rtc->century) {
        return true;
    }
    return index <= RTC_YEAR && index != RTC_SECONDS_ALARM && index != RTC_MINUTES_ALARM &&
           index != RTC_HOURS_ALARM;
}

/* Brings the register bytes up to date while they are not the truth themselves. */
static void refresh_registers(struct mc146818 *rtc)
{
    if (updating(rtc)) {
        uint64_t ns;
        rtc_encode(regs(rtc), (unsigned)rtc->century, time_at(rtc, guest_now(rtc), &ns));
    }
}

/* Makes the chip's time what the registers say. The fraction of the second goes on, or is set to
 * `ns`. */
static void adopt_registers(struct mc146818 *rtc, bool set_ns, uint64_t ns)
{
    uint64_t old_ns;
    int64_t wanted = rtc_decode(regs(rtc), (unsigned)rtc->century);
    time_at(rtc, guest_now(rtc), &old_ns);
    if (set_ns) {
        uint64_t sum = (uint64_t)battery(rtc)->offset_ns + ns + NS_PER_SECOND - old_ns;
        battery(rtc)->offset_ns = (int64_t)(sum % NS_PER_SECOND);
    }
    battery(rtc)->offset_seconds += wanted - time_at(rtc, guest_now(rtc), &old_ns);
}

static void write_reg_a(struct mc146818 *rtc, uint8_t value)
{
    bool was_reset = !dividing(rtc);
    refresh_registers(rtc);
    regs(rtc)[RTC_REG_A] = value & ~RTC_A_UIP;
    if (was_reset && dividing(rtc)) {
        /* The first update comes half a second after the divider was let go. */
        adopt_registers(rtc, true, HALF_SECOND_NS);
    }
}

static void write_reg_b(struct mc146818 *rtc, uint8_t value)
{
    bool was_updating = updating(rtc);
    refresh_registers(rtc);
    if (value & RTC_B_SET) {
        value &= ~RTC_B_UIE; /* as the datasheet says of SET */
    }
    regs(rtc)[RTC_REG_B] = value;
    if (was_updating) {
        /* If the format changed, the bytes are still to show the same time. */
        uint64_t ns;
        rtc_encode(regs(rtc), (unsigned)rtc->century, time_at(rtc, guest_now(rtc), &ns));
    } else if (updating(rtc)) {
        adopt_registers(rtc, false, 0);
    }
}

static void write_register(struct mc146818 *rtc, unsigned index, uint8_t value)
{
    switch (index) {
    case RTC_REG_A:
        write_reg_a(rtc, value);
        break;
    case RTC_REG_B:
        write_reg_b(rtc, value);
        break;
    case RTC_REG_C:
    case RTC_REG_D:
        break; /* read-only */
    default:
        if (is_time_register(rtc, index)) {
            refresh_registers(rtc);
            regs(rtc)[index] = value;
            if (updating(rtc)) {
                adopt_registers(rtc, false, 0);
            }
        } else {
            regs(rtc)[index] = value;
        }
        break;
    }
}

static uint8_t read_reg_a(const struct mc146818 *rtc)
{
    uint64_t ns;
    time_at(rtc, guest_now(rtc), &ns);
    bool uip = updating(rtc) && ns >= NS_PER_SECOND - UPDATE_NS;
    return (regs(rtc)[RTC_REG_A] & ~RTC_A_UIP) | (uip ? RTC_A_UIP : 0);
}

static uint8_t read_reg_c(struct mc146818 *rtc)
{
    uint8_t enabled = regs(rtc)[RTC_REG_B] & FLAGS;
    uint8_t value = rtc->flags | (rtc->flags & enabled ? RTC_C_IRQF : 0);
    rtc->flags = 0;
    rtc->repay_at = guest_now(rtc) + period_ns(period_cycles(rtc)) / 2;
    return value;
}

static uint8_t read_register(struct mc146818 *rtc, unsigned index)
{
    switch (index) {
    case RTC_REG_A:
        return read_reg_a(rtc);
    case RTC_REG_C:
        return read_reg_c(rtc);
    case RTC_REG_D:
        return RTC_D_VRT;
    default:
        if (is_time_register(rtc, index)) {
            refresh_registers(rtc);
        }
        return regs(rtc)[index];
    }
}

static uint64_t mc146818_read(void *owner, uint64_t offset, unsigned size)
{
    struct mc146818 *rtc = owner;
    if (offset == 0) {
        return 0xff; /* the index is write-only */
    }
    account(rtc);
    uint8_t value = read_register(rtc, rtc->index & ~INDEX_NMI_MASK);
    mc146818_drive(&rtc->dev);
    return value;
}

static void mc146818_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct mc146818 *rtc = owner;
    if (offset == 0) {
        rtc->index = (uint8_t)value;
    } else {
        account(rtc);
        write_register(rtc, rtc->index & ~INDEX_NMI_MASK, (uint8_t)value);
    }
    mc146818_drive(&rtc->dev);
}

static const struct region_ops mc146818_ops = {
    .read = mc146818_read, .write = mc146818_write, .max_size = 1};

struct region *mc146818_io(struct device *dev)
{
    return &((struct mc146818 *)dev)->io;
}

void mc146818_connect_irq(struct device *dev, struct irq *line)
{
    ((struct mc146818 *)dev)->irq = line;
}

void mc146818_connect_nmi_mask(struct device *dev, struct irq *line)
{
    ((struct mc146818 *)dev)->nmi_mask = line;
}

void mc146818_set_nvram(struct device *dev, unsigned index, uint8_t value)
{
    g_assert(index >= RTC_NVRAM && index < RTC_SIZE);
    regs((struct mc146818 *)dev)[index] = value;
}

uint8_t mc146818_nvram(struct device *dev, unsigned index)
{
    g_assert(index >= RTC_NVRAM && index < RTC_SIZE);
    return regs((struct mc146818 *)dev)[index];
}

int64_t mc146818_time(struct device *dev)
{
    struct mc146818 *rtc = (struct mc146818 *)dev;
    uint64_t ns;
    if (!updating(rtc)) {
        return rtc_decode(regs(rtc), (unsigned)rtc->century);
    }
    return time_at(rtc, guest_now(rtc), &ns);
}

/* Keeps arithmetic on what a snapshot brought within 64 bits. */
static void mc146818_loaded(struct device *dev)
{
    struct mc146818 *rtc = (struct mc146818 *)dev;
    struct battery *b = battery(rtc);
    b->offset_seconds = CLAMP(b->offset_seconds, -OFFSET_LIMIT, OFFSET_LIMIT);
    b->offset_ns = b->offset_ns >= 0 && b->offset_ns < (int64_t)NS_PER_SECOND ? b->offset_ns : 0;
    b->regs[RTC_REG_A] &= ~RTC_A_UIP;
    rtc->flags &= FLAGS;
}

static void mc146818_reset(struct device *dev)
{
    struct mc146818 *rtc = (struct mc146818 *)dev;
    if ((regs(rtc)[RTC_REG_A] & RTC_A_DV) != RTC_A_DV_RUN || (regs(rtc)[RTC_REG_B] & RTC_B_SET)) {
        /* A guest that stopped the clock and died is not to stop the next one: firmware expects it
         * to run. */
        regs(rtc)[RTC_REG_A] = RTC_A_DV_RUN | 6;
        regs(rtc)[RTC_REG_B] &= ~RTC_B_SET;
    }
    if (regs(rtc)[RTC_REG_B] == 0) {
        regs(rtc)[RTC_REG_B] = RTC_B_24H;
    }
    regs(rtc)[RTC_REG_B] &= ~(RTC_B_PIE | RTC_B_AIE | RTC_B_UIE | RTC_B_SQWE);
    rtc->index = 0;
    rtc->flags = 0;
    rtc->start_rtc = clock_now(dev->machine->rtc_clock);
    rtc->start_guest = guest_now(rtc);
    rtc->seen = rtc->start_guest;
    rtc->lost = 0;
    rtc->repay_at = 0;
}

static bool mc146818_create(struct device *dev, GError **error)
{
    struct mc146818 *rtc = (struct mc146818 *)dev;
    rtc->slew = g_strcmp0(rtc->lost_tick_policy, "slew") == 0;
    if (!rtc->slew && g_strcmp0(rtc->lost_tick_policy, "discard") != 0) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "mc146818rtc: lost_tick_policy is 'discard' or 'slew', not '%s'",
                    rtc->lost_tick_policy);
        return false;
    }
    if (rtc->century >= RTC_SIZE || (rtc->century != 0 && rtc->century < RTC_NVRAM)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "mc146818rtc: century is an index from %d to %d, or 0 for none", RTC_NVRAM,
                    RTC_SIZE - 1);
        return false;
    }
    rtc->nvram = ram_create("cmos", sizeof(struct battery), error);
    if (rtc->nvram == NULL) {
        return false;
    }
    timer_init(&rtc->timer, dev->machine->guest_clock, mc146818_expired, rtc);
    region_init_io(&rtc->io, "rtc", 2, &mc146818_ops, rtc);
    device_add_region(dev, &rtc->io);
    return true;
}

static void mc146818_destroy(struct device *dev)
{
    struct mc146818 *rtc = (struct mc146818 *)dev;
    if (rtc->nvram != NULL) {
        timer_finish(&rtc->timer);
        ram_destroy(rtc->nvram);
    }
}

static const struct property mc146818_properties[] = {
    {"century", PROPERTY_U64, offsetof(struct mc146818, century), "0x32",
     "index of the century byte, 0 none"},
    {"lost_tick_policy", PROPERTY_STRING, offsetof(struct mc146818, lost_tick_policy), "discard",
     "periodic interrupts the guest was late for: discard or slew"},
    {NULL},
};

#define R struct mc146818
static const struct field mc146818_fields[] = {
    FIELD_RAM(R, nvram),     FIELD_U8(R, index),        FIELD_U8(R, flags),
    FIELD_U64(R, start_rtc), FIELD_U64(R, start_guest), FIELD_U64(R, seen),
    FIELD_U32(R, lost),      FIELD_U64(R, repay_at),    FIELD_END,
};
#undef R

const struct device_class mc146818_class = {
    .name = "mc146818rtc",
    .description = "MC146818 real-time clock and CMOS memory",
    .state_size = sizeof(struct mc146818),
    .properties = mc146818_properties,
    .fields = mc146818_fields,
    .create = mc146818_create,
    .reset = mc146818_reset,
    .drive = mc146818_drive,
    .loaded = mc146818_loaded,
    .destroy = mc146818_destroy,
};
