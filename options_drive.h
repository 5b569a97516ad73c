/*
 * The options that describe drives: -hda .. -hdd, -cdrom, -drive and a bare file name. Functions for rows of
 * the table in options.c; target is the struct options.
 */
#ifndef OPTIONS_DRIVE_H
#define OPTIONS_DRIVE_H

#include "core/option.h"
#include "options.h"

/* Frees a struct option_drive. */
void option_drive_free(gpointer data);

bool option_set_hd(void *target, const struct option *option, const char *argument, GError **error);
bool option_set_cdrom(void *target, const struct option *option, const char *argument, GError **error);
bool option_set_drive(void *target, const struct option *option, const char *argument, GError **error);
/* For option_parse(): the first disk. */
bool option_bare_drive(void *target, const char *word, GError **error);

#endif
