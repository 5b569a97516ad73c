/* Symbol files: System.map, Bochs's, ELF; several at once; the nearest symbol; damaged files; the commands. */
#include "monitor/symbols.h"

#include <elf.h>
#include <glib/gstdio.h>
#include <string.h>

#include "monitor/symbols_read.h"
#include "tests/support/monitor_test.h"
#include "tests/support/test.h"

static char *folder;

static char *file_with(const char *name, const void *data, gssize size)
{
    char *path = g_build_filename(folder, name, NULL);
    g_assert_true(g_file_set_contents(path, data, size, NULL));
    return path;
}

static void expect_text(const struct symbols *symbols, uint64_t address, const char *expected)
{
    g_autofree char *text = symbols_text(symbols, address);
    g_assert_cmpstr(text, ==, expected);
}

static void test_system_map(void)
{
    g_autofree char *path = file_with("System.map",
                                      "0000000000000000 A fixed_percpu_data\n"
                                      "ffffffff81000000 T _text\n"
                                      "ffffffff81000040 t helper\n",
                                      -1);
    struct symbols *symbols = symbols_create();
    uint64_t address;
    expect_text(symbols, 0, NULL);
    g_assert_cmpint(symbols_load(symbols, path, 0x200000, NULL), ==, 3);
    g_assert_true(symbols_find(symbols, "_text", &address));
    g_assert_cmphex(address, ==, 0xffffffff81200000);
    g_assert_true(symbols_find(symbols, "fixed_percpu_data", &address));
    g_assert_cmphex(address, ==, 0);
    g_assert_false(symbols_find(symbols, "text", &address));
    expect_text(symbols, 0x10, NULL); /* an absolute symbol is no place */
    expect_text(symbols, 0xffffffff811fffff, NULL);
    expect_text(symbols, 0xffffffff8120003f, "_text+0x3f");
    expect_text(symbols, 0xffffffff81200040, "helper");
    expect_text(symbols, 0xffffffff82200041, NULL); /* too far away */
    g_assert_cmpint(symbols_load(symbols, path, 0, NULL), ==, 3); /* moves it */
    expect_text(symbols, 0xffffffff81000041, "helper+0x1");
    g_autofree char *other = file_with("bochs.sym", "# mine\n7c00 start\n00007C10 loop\n\n", -1);
    g_assert_cmpint(symbols_load(symbols, other, 0, NULL), ==, 2);
    expect_text(symbols, 0x7c0f, "start+0xf");
    expect_text(symbols, 0xffffffff81000000, "_text");
    symbols_clear(symbols);
    expect_text(symbols, 0x7c00, NULL);
    symbols_destroy(symbols);
}

/* An ELF file of one kind with symbols main (1000h), an undefined one, an absolute one, a section's. */
static GByteArray *make_elf64(void)
{
    static const char names[] = "\0main\0extern\0number\0";
    Elf64_Ehdr header = { .e_shnum = 3, .e_shentsize = sizeof(Elf64_Shdr), .e_shoff = sizeof(header) };
    Elf64_Shdr sections[3] = { { 0 } };
    Elf64_Sym table[] = {
        { 0 },
        { .st_name = 1, .st_value = 0x1000, .st_shndx = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC) },
        { .st_name = 6, .st_value = 0x2000, .st_shndx = SHN_UNDEF },
        { .st_name = 13, .st_value = 0x42, .st_shndx = SHN_ABS },
        { .st_name = 1, .st_value = 0x3000, .st_shndx = 1, .st_info = ELF64_ST_INFO(STB_LOCAL, STT_SECTION) },
    };
    memcpy(header.e_ident, ELFMAG "\2\1\1", 7);
    sections[1] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB, .sh_link = 2, .sh_size = sizeof(table),
                                .sh_offset = sizeof(header) + sizeof(sections) };
    sections[2] = (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_size = sizeof(names),
                                .sh_offset = sections[1].sh_offset + sizeof(table) };
    GByteArray *file = g_byte_array_new();
    g_byte_array_append(file, (void *)&header, sizeof(header));
    g_byte_array_append(file, (void *)sections, sizeof(sections));
    g_byte_array_append(file, (void *)table, sizeof(table));
    g_byte_array_append(file, (const void *)names, sizeof(names));
    return file;
}

static GArray *read_elf(const GByteArray *file, bool *good)
{
    GArray *out = g_array_new(FALSE, FALSE, sizeof(struct symbol));
    g_autofree char *copy = g_malloc(file->len + 1);
    memcpy(copy, file->data, file->len);
    copy[file->len] = '\0';
    g_autoptr(GError) error = NULL;
    *good = symbols_read(copy, file->len, out, &error);
    g_assert_true(*good == (error == NULL));
    return out;
}

static void forget(GArray *out)
{
    for (guint i = 0; i < out->len; i++) {
        g_free(g_array_index(out, struct symbol, i).name);
    }
    g_array_unref(out);
}

static void test_elf(void)
{
    bool good;
    GByteArray *file = make_elf64();
    GArray *out = read_elf(file, &good);
    g_assert_true(good);
    g_assert_cmpuint(out->len, ==, 2);
    g_assert_cmpstr(g_array_index(out, struct symbol, 0).name, ==, "main");
    g_assert_cmphex(g_array_index(out, struct symbol, 0).address, ==, 0x1000);
    g_assert_true(g_array_index(out, struct symbol, 1).absolute);
    forget(out);
    g_byte_array_unref(file);
}

/* Every file cut short or with a byte changed is read or refused, without harm. */
static void test_damage(void)
{
    struct test_random random = { 7 };
    GByteArray *file = make_elf64();
    for (guint length = 0; length < file->len; length++) {
        bool good;
        GByteArray cut = { file->data, length };
        forget(read_elf(&cut, &good));
    }
    for (unsigned i = 0; i < 20000; i++) {
        bool good;
        uint64_t any = test_random_next(&random);
        uint8_t *byte = &file->data[any % file->len], old = *byte;
        *byte = (uint8_t)(any >> 32);
        forget(read_elf(file, &good));
        *byte = old;
    }
    g_byte_array_unref(file);
}

static void test_errors(void)
{
    struct symbols *symbols = symbols_create();
    g_autofree char *bad = file_with("bad", "7c00 start\nnonsense\n", -1);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(symbols_load(symbols, bad, 0, &error), ==, -1);
    g_assert_nonnull(strstr(error->message, "line 2 is not of the form"));
    g_clear_error(&error);
    g_assert_cmpint(symbols_load(symbols, folder, 0, &error), ==, -1);
    g_assert_nonnull(strstr(error->message, "is not a file"));
    symbols_destroy(symbols);
}

static void test_commands(void)
{
    struct monitor_test t;
    monitor_test_init(&t, true);
    t.env.symbols = symbols_create();
    g_autofree char *path = file_with("mine.sym", "1000 start\n1003 next\n", -1);
    g_autofree char *load = g_strdup_printf("sym load %s", path);
    static const uint8_t code[] = { 0xe9, 0, 0, 0x90 }; /* jmp 1003h in 16-bit code */
    memcpy(t.ram->host + 0x1000, code, sizeof(code));
    monitor_test_expect(&t, load, "2 symbols\n");
    monitor_test_expect(&t, "p next + 1", "0x1004\n");
    monitor_test_expect(&t, "sym at 0x1005", "next+0x2\n");
    monitor_test_expect(&t, "sym list n*", "0000000000001003 next\n");
    monitor_test_expect(&t, "p [start].b", "0xe9\n");
    monitor_test_expect(&t, "p *(start - 1)", "0xe900\n");
    monitor_test_expect(&t, "p [0x1003].g", "0x90\n");
    monitor_test_contains(&t, "x /2i start", "<start>:\n0x00001000:");
    monitor_test_contains(&t, "x /2i start", "jmp      0x1003 <next>\n<next>:\n");
    monitor_test_contains(&t, "info symbols", "mine.sym: 2 symbols, offset 0x0\n");
    monitor_test_expect(&t, "sym clear", "");
    monitor_test_contains(&t, "sym at 0x1005", "Error: no symbol is near 0x1005");
    monitor_test_contains(&t, "sym foo", "unknown command: 'sym foo'");
    symbols_destroy(t.env.symbols);
    monitor_test_finish(&t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    folder = g_dir_make_tmp("symbols-XXXXXX", NULL);
    g_test_add_func("/symbols/system-map", test_system_map);
    g_test_add_func("/symbols/elf", test_elf);
    g_test_add_func("/symbols/damage", test_damage);
    g_test_add_func("/symbols/errors", test_errors);
    g_test_add_func("/symbols/commands", test_commands);
    int result = g_test_run();
    static const char *const names[] = { "System.map", "bochs.sym", "bad", "mine.sym" };
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        g_unlink(path);
    }
    g_rmdir(folder);
    g_free(folder);
    return result;
}
