/* Disassembly of x86 code, by capstone, laid out as QEMU's monitor does: address, bytes, AT&T text.
 */
#ifndef ACCEL_DISASM_H
#define ACCEL_DISASM_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISASM_INSTRUCTION_MAX 15 /* bytes of the longest instruction */

struct disasm;

/* bits: 16, 32 or 64. intel: Intel's notation. NULL if capstone has no x86. */
struct disasm *disasm_create(unsigned bits, bool intel);
/* Names addresses from now on: a line "<name>:" before a symbol's first instruction, and the target of a jump or call
 * behind it. name: newly allocated text such as "main+0x12", or NULL; exact: only if a symbol begins there. */
void disasm_set_names(struct disasm *disasm, char *(*name)(void *arg, uint64_t address, bool exact), void *arg);
void disasm_destroy(struct disasm *disasm);

/* Appends one instruction (or, if the bytes are none, a .byte line) and returns its length: at
 * least 1 if size is. size: bytes that can be looked at. */
size_t disasm_one(struct disasm *disasm, uint64_t address, const uint8_t *code, size_t size,
                  GString *out);

#endif
