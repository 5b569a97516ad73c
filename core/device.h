/*
 * Device classes and devices.
 *
 * A device is a plain struct of guest-visible state that starts with a struct device. Its class is a static
 * record; there are no constructors and no registration by side effect: hw/catalog.c lists the classes.
 *
 *   reset  writes the defaults into the fields and touches nothing else;
 *   drive  recomputes every output (line levels, timer deadlines, mappings, display mode) from the fields
 *          and the time; it is idempotent;
 *   load   reads the fields; the machine then calls drive.
 *
 * So a register write is: change fields, drive. The one field table of the class serves save, load, compare,
 * `info DEVICE` and the tests; a guest-visible field that is not in the table is a bug that the catalog test
 * finds.
 */
#ifndef CORE_DEVICE_H
#define CORE_DEVICE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;
struct device;
struct region;
struct irq;

enum field_type {
    FIELD_TYPE_BOOL,
    FIELD_TYPE_U8,
    FIELD_TYPE_U16,
    FIELD_TYPE_U32,
    FIELD_TYPE_U64,
    FIELD_TYPE_I32,
    FIELD_TYPE_I64,
    FIELD_TYPE_BYTES,  /* count bytes, shown as hex */
    FIELD_TYPE_STRUCT, /* count elements described by sub */
    FIELD_TYPE_RAM,    /* a struct ram * member: its contents */
};

/* One row of a state field table. */
struct field {
    const char *name; /* as in the datasheet, lower case; NULL ends the table */
    enum field_type type;
    size_t offset;           /* of the first element in the struct */
    size_t size;             /* of one element, bytes */
    size_t count;            /* elements; 1 for a scalar */
    const struct field *sub; /* for FIELD_TYPE_STRUCT */
};

#define FIELD_ELEMENT_(s, m) (sizeof(((s *)0)->m[0]))
#define FIELD_SCALAR_(t, s, m) \
    { #m, t, offsetof(s, m), sizeof(((s *)0)->m), 1, NULL }
#define FIELD_VECTOR_(t, s, m) \
    { #m, t, offsetof(s, m), FIELD_ELEMENT_(s, m), sizeof(((s *)0)->m) / FIELD_ELEMENT_(s, m), NULL }
/* FIELD_U8(struct i8254, latch): scalar; FIELD_U8_ARRAY: every element of an array member. Enumerations are
 * saved as FIELD_I32. */
#define FIELD_BOOL(s, m) FIELD_SCALAR_(FIELD_TYPE_BOOL, s, m)
#define FIELD_U8(s, m) FIELD_SCALAR_(FIELD_TYPE_U8, s, m)
#define FIELD_U16(s, m) FIELD_SCALAR_(FIELD_TYPE_U16, s, m)
#define FIELD_U32(s, m) FIELD_SCALAR_(FIELD_TYPE_U32, s, m)
#define FIELD_U64(s, m) FIELD_SCALAR_(FIELD_TYPE_U64, s, m)
#define FIELD_I32(s, m) FIELD_SCALAR_(FIELD_TYPE_I32, s, m)
#define FIELD_I64(s, m) FIELD_SCALAR_(FIELD_TYPE_I64, s, m)
#define FIELD_BOOL_ARRAY(s, m) FIELD_VECTOR_(FIELD_TYPE_BOOL, s, m)
#define FIELD_U8_ARRAY(s, m) FIELD_VECTOR_(FIELD_TYPE_U8, s, m)
#define FIELD_U16_ARRAY(s, m) FIELD_VECTOR_(FIELD_TYPE_U16, s, m)
#define FIELD_U32_ARRAY(s, m) FIELD_VECTOR_(FIELD_TYPE_U32, s, m)
#define FIELD_U64_ARRAY(s, m) FIELD_VECTOR_(FIELD_TYPE_U64, s, m)
#define FIELD_BYTES(s, m) \
    { #m, FIELD_TYPE_BYTES, offsetof(s, m), 1, sizeof(((s *)0)->m), NULL }
#define FIELD_STRUCT(s, m, table) \
    { #m, FIELD_TYPE_STRUCT, offsetof(s, m), sizeof(((s *)0)->m), 1, table }
#define FIELD_STRUCT_ARRAY(s, m, table) \
    { #m, FIELD_TYPE_STRUCT, offsetof(s, m), FIELD_ELEMENT_(s, m), \
      sizeof(((s *)0)->m) / FIELD_ELEMENT_(s, m), table }
#define FIELD_RAM(s, m) FIELD_SCALAR_(FIELD_TYPE_RAM, s, m)
#define FIELD_END \
    { NULL, 0, 0, 0, 0, NULL }

/* A property is configuration, fixed at creation and not saved. */
enum property_type { PROPERTY_BOOL, PROPERTY_U64, PROPERTY_STRING };

struct property {
    const char *name; /* QEMU's spelling; NULL ends the table */
    enum property_type type;
    size_t offset; /* of a bool, uint64_t or char * (owned by the device) member */
    const char *default_value; /* as text; NULL = false, 0, NULL */
    const char *help;
};

struct device_class {
    const char *name;                  /* QEMU's name where it has one, else the part number */
    const char *description;           /* one line, for `-device help` */
    size_t state_size;                 /* sizeof the struct that starts with struct device */
    const struct property *properties; /* NULL or a table */
    const struct field *fields;        /* NULL or a table */
    /* Allocates what the device needs beyond its struct, inits its regions and input lines, using
     * dev->machine. On failure destroy is called as well. */
    bool (*create)(struct device *dev, GError **error);
    void (*reset)(struct device *dev);
    void (*drive)(struct device *dev);
    /* After a load, before drive: brings derived caches up to date and clamps what a hostile snapshot may
     * hold. NULL if nothing to do. */
    void (*loaded)(struct device *dev);
    void (*destroy)(struct device *dev); /* frees what create allocated; not the struct */
};

#define DEVICE_MAX_REGIONS 16

struct device {
    const struct device_class *class;
    char *id; /* unique in the machine, e.g. "pit" or "ide0"; owned */
    struct machine *machine;
    /* Every region and input line the device offers, so that tests and the monitor can find them. */
    struct region *regions[DEVICE_MAX_REGIONS];
    unsigned region_count;
    struct irq *inputs; /* first of input_count lines that others drive; NULL if none */
    unsigned input_count;
};

/* Makes a device with the class's default properties, changed by `properties`: alternating names and values
 * ended by NULL, or NULL. Adds it to the machine. The machine owns it. It is not reset yet: that happens
 * with the machine, or by device_reset() for one made later. NULL and error if create failed or a property
 * is unknown or malformed. */
struct device *device_create(struct machine *machine, const struct device_class *class, const char *id,
                             const char *const *properties, GError **error);
void device_destroy(struct device *dev);

/* For create functions: makes a region known (at most DEVICE_MAX_REGIONS). */
void device_add_region(struct device *dev, struct region *region);

/* reset, then drive, of this one device. */
void device_reset(struct device *dev);
void device_drive(struct device *dev);

#endif
