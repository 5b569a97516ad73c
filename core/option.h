/*
 * Command-line parsing by a table, and NAME=VALUE lists. Both `-opt` and `--opt` are accepted; an unknown
 * option is answered with the nearest one that exists.
 */
#ifndef CORE_OPTION_H
#define CORE_OPTION_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far an option is. */
enum option_status {
    OPTION_WORKS,
    OPTION_NO_EFFECT, /* accepted; `help` says why it changes nothing; warned about once */
    OPTION_LATER,     /* known to QEMU's users, not here yet: refused with one line */
};

struct option {
    const char *name;     /* without dash; NULL ends the table */
    const char *argument; /* shape of the argument for the help, or NULL: takes none */
    enum option_status status;
    const char *help;     /* one line; NULL hides it from the help (an old spelling) */
    /* Stores the argument (NULL if it takes none). False and error if it is wrong: the message need not name
     * the option. NULL for OPTION_LATER and OPTION_NO_EFFECT. */
    bool (*set)(void *target, const struct option *option, const char *argument, GError **error);
    size_t offset;        /* for the ready-made set functions below: of the member in target */
    const char *value;    /* for option_set_const() */
};

/* Walks argv; non-options go to bare() . Warnings ("-x has no effect: ...") are appended to warnings (char *, may
 * be NULL). False and an error that names the option and the remedy. */
bool option_parse(const struct option *table, void *target, int argc, char **argv,
                  bool (*bare)(void *target, const char *word, GError **error), GPtrArray *warnings,
                  GError **error);
/* The help text of the table, in its order. */
void option_help(const struct option *table, GString *out);

/* set functions: a char * member (replaced, owned by target), a bool member set to true, a char * member
 * set to option->value. */
bool option_set_string(void *target, const struct option *option, const char *argument, GError **error);
bool option_set_true(void *target, const struct option *option, const char *argument, GError **error);
bool option_set_const(void *target, const struct option *option, const char *argument, GError **error);

/* The candidate that is nearest to word by edit distance, NULL if none is near. NULL-terminated list. */
const char *option_nearest(const char *word, const char *const *candidates);

/* A size with suffix k M G T (powers of 1024), b for bytes; without suffix in units of `unit` bytes. */
bool option_parse_size(const char *text, uint64_t unit, uint64_t *bytes, GError **error);
/* on/off/yes/no/true/false. */
bool option_parse_bool(const char *text, bool *value, GError **error);

/* A list "first,name=value,name": a comma within a value is doubled. A word without '=' is implied_name's
 * value if it comes first and implied_name is not NULL, else name=on (noNAME: name=off). */
struct option_list {
    GPtrArray *names, *values; /* char *, owned; same length */
};
/* known: NULL-terminated names that are allowed, NULL = all. False and error with the nearest name. */
bool option_list_parse(struct option_list *list, const char *text, const char *implied_name,
                       const char *const *known, GError **error);
void option_list_finish(struct option_list *list);
/* The last value of a name, or NULL. */
const char *option_list_get(const struct option_list *list, const char *name);

#endif
