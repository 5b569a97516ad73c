/*
 * Symbols of the guest's programs: names and addresses from ELF files, from System.map (and what nm prints), and from
 * Bochs's symbol files ("ADDRESS NAME", addresses in hexadecimal). Several files may be loaded at once, each with
 * an offset that is added to its addresses (KASLR, a module's base).
 */
#ifndef MONITOR_SYMBOLS_H
#define MONITOR_SYMBOLS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct symbols;

struct symbol {
    uint64_t address; /* offset added */
    char *name;
    bool absolute; /* a number rather than a place: found by name only */
};

struct symbols *symbols_create(void);
void symbols_destroy(struct symbols *symbols); /* NULL is fine */

/* Adds the symbols of a file; returns how many, or -1 and error. A file that is loaded again replaces its former
 * symbols. Files of more than 1 GiB are refused. */
int symbols_load(struct symbols *symbols, const char *path, uint64_t offset, GError **error);
/* Forgets all files. */
void symbols_clear(struct symbols *symbols);

/* The address of a name; that of the file loaded first, if several have it. False if there is none. */
bool symbols_find(const struct symbols *symbols, const char *name, uint64_t *address);
/* The symbol at or below an address, at most 16 MiB below; *offset is the distance. NULL if there is none. */
const struct symbol *symbols_at(const struct symbols *symbols, uint64_t address, uint64_t *offset);
/* "name" or "name+0x12" for an address, newly allocated; NULL if there is none. symbols may be NULL. */
char *symbols_text(const struct symbols *symbols, uint64_t address);

/* As symbols_text(), for disasm_set_names(); arg: struct symbols *. */
char *symbols_name(void *arg, uint64_t address, bool exact);

/* Calls fn for each symbol in order of addresses until it returns false; absolute ones are left out. */
void symbols_each(const struct symbols *symbols, bool (*fn)(void *arg, const struct symbol *symbol), void *arg);
/* Calls fn for each loaded file. */
void symbols_files(const struct symbols *symbols,
                   void (*fn)(void *arg, const char *path, uint64_t offset, unsigned count), void *arg);

#endif
