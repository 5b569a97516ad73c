/*
 * Scripts: monitor commands from -mon-script FILE and -e 'COMMAND; COMMAND', run one after the other while the guest
 * runs. A line's answer goes to standard output. A line that answers with an error, or a wait that is not
 * fulfilled, ends the script and vmm, with exit code 1 and a message that names the line.
 */
#ifndef MONITOR_SCRIPT_H
#define MONITOR_SCRIPT_H

#include <glib.h>
#include <stdbool.h>

struct monitor_env;
struct monitor_script;

/* Empty. env must outlive it; env->outcome is needed. */
struct monitor_script *monitor_script_create(const struct monitor_env *env);
void monitor_script_destroy(struct monitor_script *script); /* NULL is fine */

/* Appends the lines of a file ("-" for standard input), or commands separated by `;` (not in quotes). */
bool monitor_script_add_file(struct monitor_script *script, const char *path, GError **error);
void monitor_script_add_commands(struct monitor_script *script, const char *commands);

/* Begins to run it, from the main loop. */
void monitor_script_start(struct monitor_script *script);

/* All lines have been run (or the script has failed). */
bool monitor_script_done(const struct monitor_script *script);

#endif
