/*
 * The one list of device classes: what `-device help` shows, the monitor knows and the catalog test tries.
 */
#ifndef HW_CATALOG_H
#define HW_CATALOG_H

#include "core/device.h"

/* Every class, in the order of the list, ended by NULL. */
const struct device_class *const *catalog_classes(void);
/* The class of that name, or NULL. */
const struct device_class *catalog_find(const char *name);

#endif
