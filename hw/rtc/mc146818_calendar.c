/*
 * Calendar and register encoding of the MC146818 (datasheet, "Time, calendar and alarm locations"):
 * BCD or binary, 12 or 24 hours, alarm bytes with "don't care" codes.
 *
 * The calendar is the Gregorian one in days since 1970, with years that begin in March so that the
 * leap day comes last.
 */
#include "hw/rtc/mc146818_impl.h"

#define HOURS_PM     0x80
#define ALARM_ANY    0xc0   /* both upper bits: don't care */
#define DAYS_PER_ERA 146097 /* 400 years */
#define DAYS_TO_1970 719468 /* from 1 March of year 0 */

static uint8_t encode(const uint8_t *regs, unsigned value)
{
    return regs[RTC_REG_B] & RTC_B_DM ? (uint8_t)value : (uint8_t)(value / 10 << 4 | value % 10);
}

static unsigned decode(const uint8_t *regs, uint8_t byte)
{
    return regs[RTC_REG_B] & RTC_B_DM ? byte : (byte >> 4) * 10u + (byte & 15);
}

static uint8_t encode_hours(const uint8_t *regs, unsigned hours)
{
    if (regs[RTC_REG_B] & RTC_B_24H) {
        return encode(regs, hours);
    }
    unsigned twelve = hours % 12 == 0 ? 12 : hours % 12;
    return encode(regs, twelve) | (hours >= 12 ? HOURS_PM : 0);
}

static unsigned decode_hours(const uint8_t *regs, uint8_t byte)
{
    if (regs[RTC_REG_B] & RTC_B_24H) {
        return decode(regs, byte);
    }
    return decode(regs, byte & ~HOURS_PM) % 12 + (byte & HOURS_PM ? 12 : 0);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

static int64_t days_of_date(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

static void date_of_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += DAYS_TO_1970;
    int64_t era = floor_div(days, DAYS_PER_ERA);
    int64_t doe = days - era * DAYS_PER_ERA;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

void rtc_encode(uint8_t *regs, unsigned century, int64_t seconds)
{
    int64_t days = floor_div(seconds, SECONDS_PER_DAY);
    unsigned tod = (unsigned)(seconds - days * SECONDS_PER_DAY);
    int64_t year;
    unsigned month, day;
    date_of_days(days, &year, &month, &day);
    unsigned y = (unsigned)(year - floor_div(year, 10000) * 10000);
    regs[RTC_SECONDS] = encode(regs, tod % 60);
    regs[RTC_MINUTES] = encode(regs, tod / 60 % 60);
    regs[RTC_HOURS] = encode_hours(regs, tod / 3600);
    /* 1 January 1970 was a Thursday; Sunday is 1. */
    regs[RTC_DAY_OF_WEEK] = (uint8_t)(days + 4 - floor_div(days + 4, 7) * 7 + 1);
    regs[RTC_DAY] = encode(regs, day);
    regs[RTC_MONTH] = encode(regs, month);
    regs[RTC_YEAR] = encode(regs, y % 100);
    if (century != 0) {
        regs[century] = (uint8_t)(y / 1000 << 4 | y / 100 % 10);
    }
}

int64_t rtc_decode(const uint8_t *regs, unsigned century)
{
    unsigned year = decode(regs, regs[RTC_YEAR]);
    unsigned hundreds = century != 0 ? (regs[century] >> 4) * 10u + (regs[century] & 15) : 0;
    if (hundreds == 0) {
        hundreds = year < 80 ? 20 : 19;
    }
    unsigned month = decode(regs, regs[RTC_MONTH]);
    month = month >= 1 && month <= 12 ? month : 1;
    int64_t days = days_of_date((int64_t)hundreds * 100 + year, month, decode(regs, regs[RTC_DAY]));
    return days * SECONDS_PER_DAY + decode_hours(regs, regs[RTC_HOURS]) * 3600 +
           decode(regs, regs[RTC_MINUTES]) * 60 + decode(regs, regs[RTC_SECONDS]);
}

static bool alarm_matches(uint8_t alarm, uint8_t now)
{
    return alarm == now || (alarm & ALARM_ANY) == ALARM_ANY;
}

/* The first second of a minute, not before `from`, at which the seconds alarm matches; 60 if none.
 */
static unsigned first_second(const uint8_t *regs, unsigned from)
{
    while (from < 60 && !alarm_matches(regs[RTC_SECONDS_ALARM], encode(regs, from))) {
        from++;
    }
    return from;
}

unsigned rtc_seconds_to_alarm(const uint8_t *regs, int64_t seconds)
{
    int64_t days = floor_div(seconds, SECONDS_PER_DAY);
    unsigned tod = (unsigned)(seconds - days * SECONDS_PER_DAY);
    unsigned earliest = first_second(regs, 0);
    if (earliest == 60) {
        return 0;
    }
    /* Candidates minute by minute: the rest of this one, then a day of whole ones. */
    unsigned rest = first_second(regs, tod % 60 + 1);
    unsigned this_minute = tod / 60;
    for (unsigned i = 0; i <= SECONDS_PER_DAY / 60; i++) {
        unsigned minute = (this_minute + i) % (SECONDS_PER_DAY / 60);
        if (!alarm_matches(regs[RTC_HOURS_ALARM], encode_hours(regs, minute / 60))) {
            i += 59 - minute % 60; /* on to the next hour */
            continue;
        }
        unsigned second = i == 0 ? rest : earliest;
        if (second < 60 && alarm_matches(regs[RTC_MINUTES_ALARM], encode(regs, minute % 60))) {
            unsigned delta = i * 60 + second - tod % 60;
            return delta <= SECONDS_PER_DAY ? delta : 0;
        }
    }
    return 0;
}
