/*
 * The guest's memory as an ELF core file (System V ABI, chapter 5; the note layout of Linux's <linux/elfcore.h>), which gdb and crash
 * load: a PT_LOAD for each stretch of RAM, by physical address, and the CPUs' general registers as NT_PRSTATUS notes.
 */
#ifndef MONITOR_CORE_DUMP_H
#define MONITOR_CORE_DUMP_H

#include <glib.h>
#include <stdbool.h>

struct monitor_env;

/* Linear and physical addresses are the same in the file. Parks the VCPUs. False and error if the file cannot be written. */
bool core_dump_write(const struct monitor_env *env, const char *path, GError **error);

#endif
