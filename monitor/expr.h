/*
 * Expressions of the monitor: numbers as in C (0x.., 0.., decimal, 'c'), registers as $name or
 * %name, symbols by name, memory as [address] or *address (a word of the CPU's size; [address].b, .h, .w and
 * .g: 1, 2, 4, 8 bytes), and C's operators with C's precedence. All arithmetic is on 64-bit unsigned numbers and
 * wraps.
 */
#ifndef MONITOR_EXPR_H
#define MONITOR_EXPR_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Where $names, symbols and memory come from; NULL: there are none. */
struct expr_env {
    bool (*reg)(void *arg, const char *name, uint64_t *value);
    bool (*symbol)(void *arg, const char *name, uint64_t *value);
    /* size: 1, 2, 4, 8 bytes; 0: the CPU's size */
    bool (*memory)(void *arg, uint64_t address, unsigned size, uint64_t *value);
    void *arg;
};

/* Evaluates the longest expression at *text and moves *text behind it and the blanks that follow.
 * False and error (text unchanged) if there is none. */
bool expr_parse(const struct expr_env *env, const char **text, uint64_t *value, GError **error);

#endif
