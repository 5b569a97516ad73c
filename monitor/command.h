/*
 * Commands: their table rows, the parsing of arguments by a row's shape, and running a line.
 *
 * A shape is a list of letters, separated by blanks; `?` after one says it may be left out:
 *
 *   /      count, format and size as in x/4xw; what is left out is as it was in the last such command (/1: not so)
 *   -f     a flag (any letter), before the arguments
 *   w      a word, or text in "quotes"             e      an expression
 *   t      the rest of the line
 *
 * A word or text may say what it names, for completion: w:drive, t:file ... (enum in complete.c).
 */
#ifndef MONITOR_COMMAND_H
#define MONITOR_COMMAND_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "monitor/monitor.h"

#define COMMAND_ARGS_MAX 4

struct command_call;
struct command_wait;

struct command {
    const char *name;    /* NULL ends the table */
    const char *alias;   /* other names, with '|' between them, or NULL */
    const char *shape;   /* see above; "" = no arguments */
    const char *params;  /* the arguments as the help shows them */
    const char *help;    /* one line */
    const char *example; /* or NULL */
    void (*run)(struct command_call *call);
    const struct command *sub; /* a table of second words, or NULL */
};

/* What lasts from one line to the next of a monitor. */
struct monitor_settings {
    bool intel;   /* disassembly in Intel's notation */
    unsigned cpu; /* whose registers are meant */
    char format;   /* of the last command with a format; 0 = none yet */
    unsigned size; /* likewise, in bytes */
    bool quit;    /* `quit` was given: the lines after it are not read any more */
    bool failed;  /* a line's answer was an error; never cleared here */
    struct command_wait *wait; /* the last line is not done before this is (wait.h); owned, or NULL */
};

struct command_format {
    uint64_t count; /* 1 unless given */
    char format;    /* x d u o c i s, 0 = not given */
    unsigned size;  /* 1, 2, 4, 8, 0 = not given */
};

struct command_arg {
    bool given;
    char *text;     /* of a w or t; owned by the call */
    uint64_t value; /* of an e */
};

struct command_call {
    const struct monitor_env *env;
    struct monitor_settings *settings;
    const struct command *command;
    GString *out;
    struct command_format format;
    guint32 flags; /* bit n = the flag that is letter n of the alphabet */
    struct command_arg args[COMMAND_ARGS_MAX];
};

#define COMMAND_FLAG(letter) (1u << ((letter) - 'a'))

/* The table of all commands. */
extern const struct command command_table[];

/* Runs a line as monitor_run() does. */
void command_run(const struct monitor_env *env, struct monitor_settings *settings, const char *line,
                 GString *out);

/* The row with a name or alias, of n bytes; NULL if there is none. */
const struct command *command_find(const struct command *table, const char *name, size_t n);

/* For a command's answer. */
void command_print(struct command_call *call, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Appends "Error: ..." and frees the error. */
void command_error(struct command_call *call, GError *error);

/* Appends the usage line of a row; prefix: the first word of a two-word command, or NULL. */
void command_usage(const struct command *command, const char *prefix, GString *out);

#endif
