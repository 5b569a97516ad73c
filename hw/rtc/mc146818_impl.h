/* Calendar and register encoding of the MC146818, without device or time source. */
#ifndef HW_RTC_MC146818_IMPL_H
#define HW_RTC_MC146818_IMPL_H

#include <stdbool.h>
#include <stdint.h>

/* Register numbers. */
enum {
    RTC_SECONDS,
    RTC_SECONDS_ALARM,
    RTC_MINUTES,
    RTC_MINUTES_ALARM,
    RTC_HOURS,
    RTC_HOURS_ALARM,
    RTC_DAY_OF_WEEK,
    RTC_DAY,
    RTC_MONTH,
    RTC_YEAR,
    RTC_REG_A,
    RTC_REG_B,
    RTC_REG_C,
    RTC_REG_D,
    RTC_NVRAM,
};

#define RTC_A_UIP      0x80
#define RTC_A_DV       0x70
#define RTC_A_DV_RUN   0x20 /* 32768 Hz time base */
#define RTC_A_DV_RESET 0x60 /* both upper bits: divider held in reset */
#define RTC_A_RS       0x0f

#define RTC_B_SET  0x80
#define RTC_B_PIE  0x40
#define RTC_B_AIE  0x20
#define RTC_B_UIE  0x10
#define RTC_B_SQWE 0x08
#define RTC_B_DM   0x04 /* 1 = binary, 0 = BCD */
#define RTC_B_24H  0x02
#define RTC_B_DSE  0x01

#define RTC_C_IRQF 0x80
#define RTC_C_PF   0x40
#define RTC_C_AF   0x20
#define RTC_C_UF   0x10

#define RTC_D_VRT 0x80

#define RTC_SIZE        128
#define SECONDS_PER_DAY 86400

/* Writes the ten time registers (not the alarms) for a time in seconds since 1970, in the form that
 * register B asks for, and the century byte at index `century` unless that is 0. */
void rtc_encode(uint8_t *regs, unsigned century, int64_t seconds);

/* The time that the registers show. Values out of range are taken modulo and carried, never
 * refused. */
int64_t rtc_decode(const uint8_t *regs, unsigned century);

/* Seconds (1..86400) from `seconds` to the next match of the alarm registers; 0 if they never
 * match. */
unsigned rtc_seconds_to_alarm(const uint8_t *regs, int64_t seconds);

#endif
