/*
 * Saving, loading, comparing and printing structs by their field tables.
 *
 * The saved form is a sequence of records, each with a name, a type, a count and a length, so that fields
 * can be added and removed between versions: a record that the reader does not know is skipped, one that is
 * missing keeps its reset value. Never positional.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include "core/device.h"

/* Appends the records of one struct to out. */
void state_save(const struct field *fields, const void *object, GByteArray *out);
/* Reads records into the struct. False and error if the data is damaged (the struct may be half-written). */
bool state_load(const struct field *fields, void *object, const uint8_t *data, size_t size,
                GError **error);
/* The name of the first field that differs (path.like[3].this; newly allocated), or NULL if equal. */
char *state_compare(const struct field *fields, const void *a, const void *b);
/* Appends one line a field, `name = 0x..`, for the monitor. */
void state_print(const struct field *fields, const void *object, GString *out);
/* Fills every field with bytes from next(arg): for tests. FIELD_TYPE_RAM contents are left alone. */
void state_randomize(const struct field *fields, void *object, uint64_t (*next)(void *arg), void *arg);

/* The whole machine: the guest clock and every device, by id. The machine is parked, its lock held. Loading
 * resets all devices first (what is missing keeps its reset value), then reads, then drives all of them. A
 * device in the data that the machine does not have is an error; after an error the machine must be reset. */
void state_save_machine(struct machine *machine, GByteArray *out);
/* Looks, before anything is changed, whether the data has the machine's devices, all of them and no others. */
bool state_check_machine(struct machine *machine, const uint8_t *data, size_t size, GError **error);
bool state_load_machine(struct machine *machine, const uint8_t *data, size_t size, GError **error);

#endif
