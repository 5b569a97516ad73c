/* Inside QMP: the table of commands. */
#ifndef MONITOR_QMP_IMPL_H
#define MONITOR_QMP_IMPL_H

#include <json-glib/json-glib.h>

#include "monitor/monitor.h"

struct qmp_call {
    const struct monitor_env *env;
    JsonObject *arguments; /* checked against `params` */
    JsonNode *answer;      /* NULL: {} */
};

struct qmp_command {
    const char *name; /* NULL ends the table */
    /* "name:type", with '?' behind the name if it may be left out; types: s text, i integer, b truth, a list. */
    const char *params;
    bool (*run)(struct qmp_call *call, GError **error);
};

extern const struct qmp_command qmp_command_table[];

/* What the greeting and query-version say of vmm's version; new. */
JsonObject *qmp_version(void);

/* Checks the arguments against the row and runs it; *answer is new. False and error: the error's text is the answer. */
bool qmp_command_run(const struct monitor_env *env, const struct qmp_command *command, JsonObject *arguments,
                     JsonNode **answer, GError **error);

#endif
