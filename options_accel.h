/* Handlers of the options that choose an engine: -accel with its properties, and kernel_irqchip. */
#ifndef OPTIONS_ACCEL_H
#define OPTIONS_ACCEL_H

#include "core/option.h"
#include "options.h"

/* For the table of options.c; target: struct options. */
bool option_set_accel(void *target, const struct option *option, const char *arg, GError **error);
bool option_set_no_irqchip(void *target, const struct option *option, const char *arg, GError **error);

/* kernel_irqchip=, or kernel-irqchip=, of a list; neither there: nothing changes. */
bool option_irqchip(struct options *o, const struct option_list *list, GError **error);

#endif
