/* Handlers of options about how a run goes: -e, -mon-script, -timeout, -action, -trace; and the log that -d, -D and
 * -dfilter ask for. */
#ifndef OPTIONS_RUN_H
#define OPTIONS_RUN_H

#include "core/option.h"
#include "options.h"

struct log;

/* For the table of options.c; target: struct options. */
bool option_set_script(void *target, const struct option *option, const char *arg, GError **error);
bool option_set_timeout(void *target, const struct option *option, const char *arg, GError **error);
bool option_set_guest_action(void *target, const struct option *option, const char *arg, GError **error);
bool option_set_trace(void *target, const struct option *option, const char *arg, GError **error);

bool option_set_uuid(void *target, const struct option *option, const char *arg, GError **error);

/* As it is written, newly allocated. */
char *option_uuid_text(const uint8_t uuid[16]);

/* A GDestroyNotify for struct option_script. */
void option_script_free(gpointer data);

/* The log, owned by the caller. NULL and error if an item, a range or the file is bad. */
struct log *option_log_open(const struct options *options, GError **error);

#endif
