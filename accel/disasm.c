/* See the header. */
#include "accel/disasm.h"

#include <capstone/capstone.h>
#include <inttypes.h>

#define BYTES_A_LINE 8

struct disasm {
    csh handle;
    cs_insn *insn; /* owned */
    char *(*name)(void *arg, uint64_t address, bool exact); /* NULL: no names */
    void *name_arg;
};

struct disasm *disasm_create(unsigned bits, bool intel)
{
    struct disasm *disasm = g_new0(struct disasm, 1);
    cs_mode mode = bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 : CS_MODE_16;
    if (cs_open(CS_ARCH_X86, mode, &disasm->handle) != CS_ERR_OK) {
        g_free(disasm);
        return NULL;
    }
    cs_option(disasm->handle, CS_OPT_SYNTAX, intel ? CS_OPT_SYNTAX_INTEL : CS_OPT_SYNTAX_ATT);
    disasm->insn = cs_malloc(disasm->handle);
    return disasm;
}

void disasm_set_names(struct disasm *disasm, char *(*name)(void *arg, uint64_t address, bool exact), void *arg)
{
    disasm->name = name;
    disasm->name_arg = arg;
}

void disasm_destroy(struct disasm *disasm)
{
    if (disasm != NULL) {
        cs_free(disasm->insn, 1);
        cs_close(&disasm->handle);
        g_free(disasm);
    }
}

/* Address and up to a line's bytes from `from` on; the first line's text starts in a fixed column.
 */
static void put_bytes(GString *out, uint64_t address, const uint8_t *code, size_t from,
                      size_t length, bool text)
{
    size_t n = MIN(length - from, BYTES_A_LINE);
    g_string_append_printf(out, "0x%08" PRIx64 ":  ", address + from);
    for (size_t i = 0; i < n; i++) {
        g_string_append_printf(out, text || i + 1 < n ? "%02x " : "%02x", code[from + i]);
    }
    if (text) {
        g_string_append_printf(out, "%*s", (int)(BYTES_A_LINE - n) * 3 + 1, "");
    }
}

static void put_label(struct disasm *disasm, uint64_t address, GString *out)
{
    g_autofree char *name = disasm->name != NULL ? disasm->name(disasm->name_arg, address, true) : NULL;
    if (name != NULL) {
        g_string_append_printf(out, "<%s>:\n", name);
    }
}

/* " <name>" if the instruction's only operand is an address. */
static void put_target(struct disasm *disasm, GString *out)
{
    char *end;
    const char *operand = disasm->insn->op_str;
    uint64_t target = g_ascii_strtoull(operand, &end, 16);
    g_autofree char *name = disasm->name != NULL && g_str_has_prefix(operand, "0x") && *end == '\0'
                                ? disasm->name(disasm->name_arg, target, false)
                                : NULL;
    if (name != NULL) {
        g_string_append_printf(out, " <%s>", name);
    }
}

size_t disasm_one(struct disasm *disasm, uint64_t address, const uint8_t *code, size_t size,
                  GString *out)
{
    const uint8_t *p = code;
    size_t left = MIN(size, DISASM_INSTRUCTION_MAX);
    uint64_t at = address;
    if (size == 0) {
        return 0;
    }
    put_label(disasm, address, out);
    if (!cs_disasm_iter(disasm->handle, &p, &left, &at, disasm->insn)) {
        put_bytes(out, address, code, 0, 1, true);
        g_string_append_printf(out, "%-8s 0x%02x\n", ".byte", code[0]);
        return 1;
    }
    size_t length = disasm->insn->size;
    put_bytes(out, address, code, 0, length, true);
    g_string_append_printf(out, "%-8s %s", disasm->insn->mnemonic, disasm->insn->op_str);
    put_target(disasm, out);
    g_string_append_c(out, '\n');
    for (size_t from = BYTES_A_LINE; from < length; from += BYTES_A_LINE) {
        put_bytes(out, address, code, from, length, false);
        g_string_append_c(out, '\n');
    }
    return length;
}
