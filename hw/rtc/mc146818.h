/*
 * Motorola MC146818 real-time clock with 128 bytes of battery-backed memory, as in the PC/AT.
 *
 *   mc146818_connect_irq(dev, line)        the interrupt output
 *   mc146818_connect_nmi_mask(dev, line)   high while bit 7 of the index port forbids NMI
 *
 * Properties: "century" (u64, 0x32): index of the byte that holds the century in BCD, 0 for none.
 *             "lost_tick_policy" (string, discard): what becomes of periodic interrupts that the
 *             guest had no time to serve: "discard" as on hardware, "slew" delivers them later, at
 *             up to double speed.
 *
 * Time starts from machine->rtc_clock at reset and then runs with guest time. What the battery
 * keeps survives resets: NVRAM, mode bits, and by how much the guest has set the clock.
 */
#ifndef HW_RTC_MC146818_H
#define HW_RTC_MC146818_H

#include "core/device.h"

extern const struct device_class mc146818_class;

/* Index (70h) and data (71h). */
struct region *mc146818_io(struct device *dev);
void mc146818_connect_irq(struct device *dev, struct irq *line);
void mc146818_connect_nmi_mask(struct device *dev, struct irq *line);

/* NVRAM, index 14..127, for the board. */
void mc146818_set_nvram(struct device *dev, unsigned index, uint8_t value);
uint8_t mc146818_nvram(struct device *dev, unsigned index);

/* The time the clock shows, seconds since 1970 (of whatever zone it is set to). */
int64_t mc146818_time(struct device *dev);

#endif
