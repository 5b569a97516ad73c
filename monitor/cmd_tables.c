/*
 * The CPU's tables in words: info gdt, ldt, idt, ivt, tss; and sreg, creg, Bochs's words for segment and control
 * registers (SDM volume 3, chapters 2, 3, 6 and 7).
 */
#include <inttypes.h>
#include <string.h>

#include "monitor/cmd.h"
#include "monitor/cpu_view.h"
#include "monitor/descriptor_view.h"

#define IVT_ENTRIES 256u

/* What the commands here work on: the CPU's state, with the VCPUs parked. */
struct tables {
    struct command_call *call;
    struct x86_state state;
    bool long_mode;
};

static bool tables_begin(struct tables *tables, struct command_call *call)
{
    GError *error = NULL;
    tables->call = call;
    if (!cpu_view_state(call, &tables->state, &error)) {
        command_error(call, error);
        return false;
    }
    tables->long_mode = (tables->state.msr.efer & EFER_LMA) != 0;
    cpu_view_park(call->env);
    return true;
}

static void tables_end(struct tables *tables)
{
    cpu_view_unpark(tables->call->env);
}

/* Reads one descriptor; false, with a line about it, if it cannot be read. */
static bool read_descriptor(struct tables *tables, uint64_t address, struct descriptor *d)
{
    uint8_t bytes[16] = { 0 };
    if (cpu_view_read(tables->call, address, bytes, 16, false) < 8) {
        command_print(tables->call, "Error: no memory at %016" PRIx64 "\n", address);
        return false;
    }
    *d = descriptor_parse(bytes, tables->long_mode);
    return true;
}

static void print_segments(struct tables *tables, const char *name, uint64_t base, uint32_t limit, unsigned bits)
{
    command_print(tables->call, "%s: base %016" PRIx64 ", limit %04x\n", name, base, limit);
    for (uint32_t at = 0; at + 7 <= limit && at < 0x10000;) {
        struct descriptor d;
        if (!read_descriptor(tables, base + at, &d)) {
            return;
        }
        if (d.low != 0 || d.high != 0) {
            command_print(tables->call, "%04x: ", at | bits);
            descriptor_describe(&d, tables->long_mode, tables->call->out);
            command_print(tables->call, "\n");
        }
        at += d.bytes;
    }
}

void cmd_info_gdt(struct command_call *call)
{
    struct tables tables;
    if (tables_begin(&tables, call)) {
        print_segments(&tables, "GDT", tables.state.gdtr.base, tables.state.gdtr.limit, 0);
        tables_end(&tables);
    }
}

void cmd_info_ldt(struct command_call *call)
{
    struct tables tables;
    if (!tables_begin(&tables, call)) {
        return;
    }
    if (tables.state.ldtr.attr & SEG_P && tables.state.ldtr.selector & ~3) {
        print_segments(&tables, "LDT", tables.state.ldtr.base, tables.state.ldtr.limit, 4);
    } else {
        command_print(call, "LDT: none (LDTR is empty)\n");
    }
    tables_end(&tables);
}

/* The interrupt vectors of real mode. */
static void print_ivt(struct tables *tables)
{
    uint8_t ivt[IVT_ENTRIES * 4];
    uint64_t base = tables->state.cr0 & CR0_PE ? 0 : tables->state.idtr.base;
    if (cpu_view_read(tables->call, base, ivt, sizeof(ivt), false) != sizeof(ivt)) {
        command_print(tables->call, "Error: no memory at %016" PRIx64 "\n", base);
        return;
    }
    command_print(tables->call, "IVT: base %08" PRIx64 "\n", base);
    for (unsigned i = 0; i < IVT_ENTRIES; i++) {
        unsigned offset = ivt[4 * i] | ivt[4 * i + 1] << 8, segment = ivt[4 * i + 2] | ivt[4 * i + 3] << 8;
        if (offset != 0 || segment != 0) {
            command_print(tables->call, "%02x: %04x:%04x", i, segment, offset);
            cmd_print_symbol(tables->call, segment * 16 + offset);
            command_print(tables->call, "\n");
        }
    }
}

void cmd_info_ivt(struct command_call *call)
{
    struct tables tables;
    if (tables_begin(&tables, call)) {
        print_ivt(&tables);
        tables_end(&tables);
    }
}

static void print_idt(struct tables *tables)
{
    const struct x86_table *idtr = &tables->state.idtr;
    unsigned size = tables->long_mode ? 16 : 8;
    command_print(tables->call, "IDT: base %016" PRIx64 ", limit %04x\n", idtr->base, idtr->limit);
    for (unsigned vector = 0; vector < 256 && (vector + 1) * size - 1 <= idtr->limit; vector++) {
        struct descriptor d;
        if (!read_descriptor(tables, idtr->base + vector * size, &d)) {
            return;
        }
        if (d.low != 0 || d.high != 0) {
            command_print(tables->call, "%02x: ", vector);
            descriptor_describe(&d, tables->long_mode, tables->call->out);
            cmd_print_symbol(tables->call, d.offset);
            command_print(tables->call, "\n");
        }
    }
}

void cmd_info_idt(struct command_call *call)
{
    struct tables tables;
    if (!tables_begin(&tables, call)) {
        return;
    }
    if (tables.state.cr0 & CR0_PE) {
        print_idt(&tables);
    } else {
        print_ivt(&tables);
    }
    tables_end(&tables);
}

/* ---- task state ---- */

struct tss_field {
    const char *name;
    uint8_t offset, size;
};

static const struct tss_field tss16_fields[] = {
    { "link", 0, 2 }, { "sp0", 2, 2 }, { "ss0", 4, 2 }, { "sp1", 6, 2 }, { "ss1", 8, 2 }, { "sp2", 10, 2 },
    { "ss2", 12, 2 }, { "ip", 14, 2 }, { "flags", 16, 2 }, { "ax", 18, 2 }, { "cx", 20, 2 }, { "dx", 22, 2 },
    { "bx", 24, 2 }, { "sp", 26, 2 }, { "bp", 28, 2 }, { "si", 30, 2 }, { "di", 32, 2 }, { "es", 34, 2 },
    { "cs", 36, 2 }, { "ss", 38, 2 }, { "ds", 40, 2 }, { "ldtr", 42, 2 }, { NULL, 0, 0 },
};
static const struct tss_field tss32_fields[] = {
    { "link", 0, 2 }, { "esp0", 4, 4 }, { "ss0", 8, 2 }, { "esp1", 12, 4 }, { "ss1", 16, 2 }, { "esp2", 20, 4 },
    { "ss2", 24, 2 }, { "cr3", 28, 4 }, { "eip", 32, 4 }, { "eflags", 36, 4 }, { "eax", 40, 4 }, { "ecx", 44, 4 },
    { "edx", 48, 4 }, { "ebx", 52, 4 }, { "esp", 56, 4 }, { "ebp", 60, 4 }, { "esi", 64, 4 }, { "edi", 68, 4 },
    { "es", 72, 2 }, { "cs", 76, 2 }, { "ss", 80, 2 }, { "ds", 84, 2 }, { "fs", 88, 2 }, { "gs", 92, 2 },
    { "ldtr", 96, 2 }, { "trap", 100, 2 }, { "iomap", 102, 2 }, { NULL, 0, 0 },
};
static const struct tss_field tss64_fields[] = {
    { "rsp0", 4, 8 }, { "rsp1", 12, 8 }, { "rsp2", 20, 8 }, { "ist1", 36, 8 }, { "ist2", 44, 8 },
    { "ist3", 52, 8 }, { "ist4", 60, 8 }, { "ist5", 68, 8 }, { "ist6", 76, 8 }, { "ist7", 84, 8 },
    { "iomap", 102, 2 }, { NULL, 0, 0 },
};

static void print_tss(struct tables *tables)
{
    const struct x86_segment *tr = &tables->state.tr;
    bool narrow = !(tr->attr >> SEG_TYPE_SHIFT & 8); /* types 1 and 3 */
    const struct tss_field *field = tables->long_mode ? tss64_fields : narrow ? tss16_fields : tss32_fields;
    uint8_t data[104] = { 0 };
    size_t got = cpu_view_read(tables->call, tr->base, data, sizeof(data), false);
    command_print(tables->call, "TSS %04x: base %016" PRIx64 ", limit %08x, %s-bit\n", tr->selector, tr->base,
                  tr->limit, tables->long_mode ? "64" : narrow ? "16" : "32");
    for (; field->name != NULL; field++) {
        uint64_t value = 0;
        if (field->offset + field->size > got || field->offset + field->size - 1u > tr->limit) {
            continue;
        }
        memcpy(&value, data + field->offset, field->size);
        command_print(tables->call, "%-6s %0*" PRIx64 "\n", field->name, field->size * 2, value);
    }
}

void cmd_info_tss(struct command_call *call)
{
    struct tables tables;
    if (!tables_begin(&tables, call)) {
        return;
    }
    if (tables.state.cr0 & CR0_PE && tables.state.tr.selector & ~3) {
        print_tss(&tables);
    } else {
        command_print(call, "TSS: none (TR is empty)\n");
    }
    tables_end(&tables);
}

/* ---- registers in words ---- */

static void print_bits(struct command_call *call, const char *name, uint64_t value, const char *const names[32])
{
    command_print(call, "%s=0x%08" PRIx64 ":", name, value);
    for (int bit = 31; bit >= 0; bit--) {
        if (names[bit] != NULL) {
            g_autofree char *text = value >> bit & 1 ? g_ascii_strup(names[bit], -1) : g_strdup(names[bit]);
            command_print(call, " %s", text);
        }
    }
    command_print(call, "\n");
}

/* Names of bits in capitals: the bit is set, as Bochs shows it. */
void cmd_creg(struct command_call *call)
{
    static const char *const cr0[32] = {
        [31] = "pg", [30] = "cd", [29] = "nw", [18] = "am", [16] = "wp", [5] = "ne", [4] = "et", [3] = "ts",
        [2] = "em", [1] = "mp", [0] = "pe",
    };
    static const char *const cr4[32] = {
        [21] = "smap", [20] = "smep", [18] = "osxsave", [17] = "pcide", [16] = "fsgsbase", [12] = "la57",
        [11] = "umip", [10] = "osxmmexcpt", [9] = "osfxsr", [8] = "pce", [7] = "pge", [6] = "mce", [5] = "pae",
        [4] = "pse", [3] = "de", [2] = "tsd", [1] = "pvi", [0] = "vme",
    };
    static const char *const efer[32] = { [11] = "nxe", [10] = "lma", [8] = "lme", [0] = "sce" };
    static const char *const xcr0[32] = { [2] = "ymm", [1] = "sse", [0] = "x87" };
    struct tables tables;
    if (!tables_begin(&tables, call)) {
        return;
    }
    print_bits(call, "CR0", tables.state.cr0, cr0);
    command_print(call, "CR2=0x%016" PRIx64 "\nCR3=0x%016" PRIx64 "\n", tables.state.cr2, tables.state.cr3);
    print_bits(call, "CR4", tables.state.cr4, cr4);
    command_print(call, "CR8=0x%" PRIx64 "\n", tables.state.cr8);
    print_bits(call, "EFER", tables.state.msr.efer, efer);
    print_bits(call, "XCR0", tables.state.xcr0, xcr0);
    tables_end(&tables);
}

static void print_segment(struct tables *tables, const char *name, const struct x86_segment *s, bool system)
{
    command_print(tables->call, "%s: %04x, base %016" PRIx64 ", limit %08x, ", name, s->selector, s->base, s->limit);
    if (!(s->attr & SEG_P)) {
        command_print(tables->call, "not usable\n");
    } else if (system) {
        command_print(tables->call, "type %u\n", s->attr >> SEG_TYPE_SHIFT & 15);
    } else {
        bool code = s->attr & SEG_CODE;
        command_print(tables->call, "%s%s, DPL %u\n",
                      code && tables->long_mode && s->attr & SEG_L ? "64-bit " : s->attr & SEG_DB ? "32-bit " : "16-bit ",
                      code ? "code" : "data", s->attr >> SEG_DPL_SHIFT & 3);
    }
}

void cmd_sreg(struct command_call *call)
{
    static const char *const names[] = { "es", "cs", "ss", "ds", "fs", "gs" };
    struct tables tables;
    if (!tables_begin(&tables, call)) {
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        print_segment(&tables, names[i], &tables.state.seg[i], false);
    }
    print_segment(&tables, "ldtr", &tables.state.ldtr, true);
    print_segment(&tables, "tr", &tables.state.tr, true);
    command_print(call, "gdtr: base %016" PRIx64 ", limit %04x\n", tables.state.gdtr.base, tables.state.gdtr.limit);
    command_print(call, "idtr: base %016" PRIx64 ", limit %04x\n", tables.state.idtr.base, tables.state.idtr.limit);
    tables_end(&tables);
}
