/*
 * Logging. One sink a process (stderr or -D FILE), a mask of items as in `-d`, and warnings that are said
 * once. Everything that a guest does wrong goes to LOG_GUEST_ERROR and is silent unless asked for.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum log_item {
    LOG_GUEST_ERROR = 1 << 0,  /* guest_errors */
    LOG_UNIMP = 1 << 1,        /* unimp */
    LOG_INT = 1 << 2,          /* int */
    LOG_CPU_RESET = 1 << 3,    /* cpu_reset */
    LOG_IN_ASM = 1 << 4,       /* in_asm */
    LOG_EXEC = 1 << 5,         /* exec */
    LOG_CPU = 1 << 6,          /* cpu */
    LOG_MMU = 1 << 7,          /* mmu */
    LOG_IO = 1 << 8,           /* io */
    LOG_PCALL = 1 << 9,        /* pcall */
};

struct log;

/* The process's log: made by main, passed to machine_create(). file is not owned (stderr, say). */
struct log *log_create(FILE *file, uint32_t items);
void log_destroy(struct log *log);
void log_set_items(struct log *log, uint32_t items);
uint32_t log_items(const struct log *log);
/* Opens a file for the log; false if it cannot be opened (errno says why). */
bool log_set_file(struct log *log, const char *path);

static inline bool log_wants(const struct log *log, enum log_item item);

/* printf to the sink if the item is on. A NULL log swallows everything. Thread-safe. */
void log_print(struct log *log, enum log_item item, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As log_print(), whatever the items. */
void log_write(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Parses "int,cpu_reset" into *items. Other emulators' names without a counterpart ("op", "nochain")
 * are accepted and select nothing, "all" and "none" mean that; "trace:PATTERN" is passed over. False: *bad_item
 * points at a newly allocated copy of the wrong word. */
bool log_parse_items(const char *text, uint32_t *items, char **bad_item);

/* -dfilter: in_asm, exec and cpu speak of these addresses only: "0x1000..0x1fff,0x8000+0x200,0x9000-0x10"
 * (first..last, start+size, end-size). False and a message if the text is none of this. NULL: everything. */
bool log_set_filter(struct log *log, const char *ranges, char **message);
bool log_in_filter(const struct log *log, uint64_t address);

/* Chooses the devices whose register accesses are logged: those whose region's name matches (* and ?) a word
 * "trace:PATTERN" of the list; the other words are passed over. */
void log_set_traces(struct log *log, const char *items);
bool log_traces(struct log *log, const char *region);
/* Name and help of item number i (0, 1, ..); NULL at the end. */
const char *log_item_name(unsigned i, const char **help);

/* Warnings and notes to the person who started vmm: "vmm: warning: ..." on stderr, each text once. A NULL
 * log swallows them. */
void warn_once(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct log_mask {
    uint32_t items;
    uint32_t trace_epoch; /* grows with each log_set_traces() */
};
/* Changes whenever log_traces() may answer otherwise than before. */
static inline uint32_t log_trace_epoch(const struct log *log)
{
    return log != NULL ? __atomic_load_n(&((const struct log_mask *)log)->trace_epoch, __ATOMIC_RELAXED) : 0;
}
static inline bool log_wants(const struct log *log, enum log_item item)
{
    /* The mask is the first member, so that the check costs one load. */
    return log != NULL &&
           (__atomic_load_n(&((const struct log_mask *)log)->items, __ATOMIC_RELAXED) & item) != 0;
}

#endif
