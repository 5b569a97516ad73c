/*
 * The options that describe drives: -hda .. -hdd, -fda, -fdb, -cdrom, -drive, -device of a drive, and a bare
 * file name. Functions for rows of the table in options.c; target is the struct options.
 */
#ifndef OPTIONS_DRIVE_H
#define OPTIONS_DRIVE_H

#include "core/option.h"
#include "options.h"

/* Free a struct option_drive or option_drive_device. */
void option_drive_free(gpointer data);
void option_drive_device_free(gpointer data);

bool option_set_hd(void *target, const struct option *option, const char *argument, GError **error);
bool option_set_fd(void *target, const struct option *option, const char *argument, GError **error);
bool option_set_cdrom(void *target, const struct option *option, const char *argument, GError **error);
bool option_set_drive(void *target, const struct option *option, const char *argument, GError **error);
/* Settings of a list: a number up to max, a value among choices (NULL-terminated; *member is freed and set), on or off.
 * Those that are not there leave the value alone. False: error names the setting. */
bool option_drive_number(const struct option_list *list, const char *name, int max, int *value, GError **error);
bool option_drive_choice(const struct option_list *list, const char *name, const char *const *choices, char **member,
                         GError **error);
bool option_drive_flag(const struct option_list *list, const char *name, bool *flag, GError **error);
/* An id= that names a drive: letters, digits, '-', '.', '_', a letter first. NULL is none, and fine. */
bool option_drive_check_id(const char *id, GError **error);
bool option_drive_errors(struct option_drive *drive, const struct option_list *list, GError **error);
struct option_drive *option_drive_new(struct options *options);

/* Is `driver` one of -device that takes drive=? */
bool option_is_drive_device(const char *driver);
bool option_drive_device(struct options *options, const char *argument, GError **error);
/* After all options: gives the drives that -device names their interface and place. */
bool option_drives_finish(struct options *options, GError **error);
/* For option_parse(): the first disk. */
bool option_bare_drive(void *target, const char *word, GError **error);

#endif
