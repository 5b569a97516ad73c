/*
 * Symbol files: ELF (System V ABI, chapter 4, "Symbol Table"; little-endian, 32 and 64 bits), and text with one symbol a
 * line. Nothing in a file is believed before it is checked against the file's size.
 */
#include "monitor/symbols_read.h"

#include <elf.h>
#include <string.h>

#define FAIL(error, ...) (g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, __VA_ARGS__), false)

static void add(GArray *out, uint64_t address, const char *name, size_t length, bool absolute)
{
    struct symbol symbol = { .address = address, .name = g_strndup(name, length), .absolute = absolute };
    g_array_append_val(out, symbol);
}

/* ---- ELF ---- */

struct elf {
    const char *data;
    size_t size;
    bool wide; /* 64 bits */
    uint64_t section_table;
    unsigned section_count, section_size;
};

struct elf_section {
    uint32_t type, link;
    uint64_t offset, size;
};

static bool inside(const struct elf *elf, uint64_t offset, uint64_t size)
{
    return offset <= elf->size && size <= elf->size - offset;
}

static bool elf_open(struct elf *elf, GError **error)
{
    Elf64_Ehdr h64;
    Elf32_Ehdr h32;
    elf->wide = elf->data[EI_CLASS] == ELFCLASS64;
    if (elf->data[EI_DATA] != ELFDATA2LSB || elf->size < (elf->wide ? sizeof(h64) : sizeof(h32))) {
        return FAIL(error, "not an ELF file for x86");
    }
    if (elf->wide) {
        memcpy(&h64, elf->data, sizeof(h64));
        elf->section_table = h64.e_shoff;
        elf->section_count = h64.e_shnum;
        elf->section_size = h64.e_shentsize;
    } else {
        memcpy(&h32, elf->data, sizeof(h32));
        elf->section_table = h32.e_shoff;
        elf->section_count = h32.e_shnum;
        elf->section_size = h32.e_shentsize;
    }
    if (elf->section_count != 0 && elf->section_size != (elf->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr))) {
        return FAIL(error, "damaged ELF file: its sections' headers have an odd size");
    }
    if (!inside(elf, elf->section_table, (uint64_t)elf->section_count * elf->section_size)) {
        return FAIL(error, "damaged ELF file: its section table lies outside");
    }
    return true;
}

static struct elf_section elf_section(const struct elf *elf, unsigned index)
{
    const char *at = elf->data + elf->section_table + (size_t)index * elf->section_size;
    if (elf->wide) {
        Elf64_Shdr s;
        memcpy(&s, at, sizeof(s));
        return (struct elf_section){ s.sh_type, s.sh_link, s.sh_offset, s.sh_size };
    }
    Elf32_Shdr s;
    memcpy(&s, at, sizeof(s));
    return (struct elf_section){ s.sh_type, s.sh_link, s.sh_offset, s.sh_size };
}

static Elf64_Sym elf_symbol(const struct elf *elf, const char *at)
{
    Elf64_Sym wide;
    Elf32_Sym narrow;
    if (elf->wide) {
        memcpy(&wide, at, sizeof(wide));
        return wide;
    }
    memcpy(&narrow, at, sizeof(narrow));
    return (Elf64_Sym){ .st_name = narrow.st_name, .st_value = narrow.st_value, .st_info = narrow.st_info,
                        .st_shndx = narrow.st_shndx };
}

static bool elf_read_table(const struct elf *elf, const struct elf_section *table, GArray *out, GError **error)
{
    size_t entry = elf->wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    if (table->link >= elf->section_count) {
        return FAIL(error, "damaged ELF file: its symbols have no names");
    }
    struct elf_section names = elf_section(elf, table->link);
    if (!inside(elf, table->offset, table->size) || !inside(elf, names.offset, names.size)) {
        return FAIL(error, "damaged ELF file: its symbols lie outside");
    }
    for (uint64_t at = 0; at + entry <= table->size; at += entry) {
        Elf64_Sym s = elf_symbol(elf, elf->data + table->offset + at);
        unsigned type = ELF64_ST_TYPE(s.st_info);
        if (s.st_shndx == SHN_UNDEF || type == STT_SECTION || type == STT_FILE || s.st_name >= names.size) {
            continue;
        }
        const char *name = elf->data + names.offset + s.st_name;
        size_t length = strnlen(name, names.size - s.st_name);
        if (length > 0) {
            add(out, s.st_value, name, length, s.st_shndx == SHN_ABS);
        }
    }
    return true;
}

static bool elf_read(const char *data, size_t size, GArray *out, GError **error)
{
    struct elf elf = { .data = data, .size = size };
    bool found = false;
    if (!elf_open(&elf, error)) {
        return false;
    }
    for (unsigned i = 0; i < elf.section_count; i++) {
        struct elf_section section = elf_section(&elf, i);
        if (section.type == SHT_SYMTAB) {
            found = true;
            if (!elf_read_table(&elf, &section, out, error)) {
                return false;
            }
        }
    }
    return found || FAIL(error, "the ELF file has no symbol table (it is stripped)");
}

/* ---- text ---- */

/* "ffffffff81000000 T _text" or "00007c00 start". False if it is neither. */
static bool text_line(const char *line, const char *end, GArray *out)
{
    char *p;
    uint64_t address = g_ascii_strtoull(line, &p, 16);
    bool absolute = false;
    if (p == line || p >= end || !g_ascii_isspace(*p)) {
        return false;
    }
    while (p < end && g_ascii_isspace(*p)) {
        p++;
    }
    if (end - p > 2 && g_ascii_isalpha(p[0]) && g_ascii_isspace(p[1])) {
        absolute = g_ascii_tolower(p[0]) == 'a';
        for (p++; p < end && g_ascii_isspace(*p); p++) {
        }
    }
    const char *name = p;
    while (p < end && !g_ascii_isspace(*p)) {
        p++;
    }
    if (p == name) {
        return false;
    }
    add(out, address, name, (size_t)(p - name), absolute);
    return true;
}

static bool text_read(const char *data, size_t size, GArray *out, GError **error)
{
    const char *end = data + size;
    unsigned number = 1;
    for (const char *line = data; line < end; number++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop != NULL ? stop : end;
        const char *first = line;
        while (first < stop && g_ascii_isspace(*first)) {
            first++;
        }
        if (first < stop && *first != '#' && !text_line(first, stop, out)) {
            return FAIL(error, "line %u is not of the form 'ADDRESS NAME' or 'ADDRESS TYPE NAME'", number);
        }
        line = stop + 1;
    }
    return true;
}

bool symbols_read(const char *data, size_t size, GArray *out, GError **error)
{
    bool elf = size > EI_NIDENT && memcmp(data, ELFMAG, SELFMAG) == 0;
    return elf ? elf_read(data, size, out, error) : text_read(data, size, out, error);
}
