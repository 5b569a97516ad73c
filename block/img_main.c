/*
 * vmm-img: the table of subcommands and what they share.
 */
#include "block/img.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct img_command *const commands[] = {
    &img_bench_command,    &img_check_command,   &img_commit_command, &img_compare_command,
    &img_convert_command,  &img_create_command,  &img_dd_command,     &img_info_command,
    &img_map_command,      &img_measure_command, &img_rebase_command, &img_resize_command,
    &img_snapshot_command,
};

static const char *program_name(void)
{
    return g_get_prgname() != NULL ? g_get_prgname() : "vmm-img";
}

int img_fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", program_name(), text);
    return 1;
}

int img_fail_error(GError **error)
{
    img_fail("%s", (*error)->message);
    g_clear_error(error);
    return 1;
}

static int try_help(void)
{
    fprintf(stderr, "Try '%s --help' for more information\n", program_name());
    return 1;
}

int img_fail_usage(const struct img_command *command, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    img_fail("%s", text);
    return try_help();
}

int img_bad_option(const struct img_command *command, int option, char **argv)
{
    const char *word = argv[optind - 1];

    if (option == ':') {
        return img_fail_usage(command, "missing argument for option '%s'", word);
    }
    if (optopt > ' ' && optopt < 127 && strncmp(word, "--", 2) != 0) {
        return img_fail_usage(command, "unrecognized option '-%c'", optopt);
    }
    return img_fail_usage(command, "unrecognized option '%s'", word);
}

int img_cache_option(const char *word, enum block_cache *cache)
{
    return block_cache_parse(word, cache) ? 0 : img_fail("Invalid cache option: %s", word);
}

int img_output_option(const char *word, bool *json)
{
    *json = strcmp(word, "json") == 0;
    return *json || strcmp(word, "human") == 0
               ? 0
               : img_fail("--output must be used with human or json as argument.");
}

int img_bad_size(const char *what)
{
    img_fail("Invalid %s specified. You may use k, M, G, T, P or E suffixes for", what);
    return img_fail("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
}

int img_help(const struct img_command *command)
{
    printf("usage: %s %s %s\n", program_name(), command->name, command->usage);
    return 0;
}

void img_json_string(GString *out, const char *value)
{
    g_string_append_c(out, '"');
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            g_string_append_printf(out, "\\%c", *c);
        } else if ((unsigned char)*c < 0x20) {
            g_string_append_printf(out, "\\u%04x", (unsigned char)*c);
        } else {
            g_string_append_c(out, *c);
        }
    }
    g_string_append_c(out, '"');
}

void img_print_json_string(const char *value)
{
    g_autoptr(GString) out = g_string_new(NULL);

    img_json_string(out, value);
    fputs(out->str, stdout);
}

void img_progress(bool wanted, uint64_t done, uint64_t total)
{
    if (!wanted) {
        return;
    }
    printf("    (%3.2f/100%%)\r", total > 0 ? (double)done * 100 / (double)total : 100.0);
    if (done == total) {
        putchar('\n');
    }
    fflush(stdout);
}

static int print_help(void)
{
    printf("vmm-img version %s: creates, converts and examines disk images\n\n", VMM_VERSION);
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        printf("  %s %s %s\n", program_name(), commands[i]->name, commands[i]->usage);
    }
    printf("\nSIZE is in bytes, or has one of the units k M G T P E (powers of 1024).\nFormats:");
    for (unsigned i = 0; block_format_name(i) != NULL; i++) {
        printf(" %s", block_format_name(i));
    }
    printf("\n");
    return 0;
}

/* Options that every subcommand takes: --object, --image-opts, --target-image-opts. words: a copy of argv without
 * them, whose images are names as img_open() takes them. 0, or an exit status after a message. */
static int take_common(int argc, char **argv, GPtrArray *words)
{
    bool opts = false, target_opts = false, format = false, no_create = false;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--object") == 0 || g_str_has_prefix(argv[i], "--object=")) {
            return img_fail("--object: objects are not supported (secrets neither: encrypted images "
                            "cannot be opened)");
        }
        format = format || strcmp(argv[i], "-f") == 0;
        no_create = no_create || strcmp(argv[i], "-n") == 0;
        if (strcmp(argv[i], "--image-opts") == 0) {
            opts = true;
        } else if (strcmp(argv[i], "--target-image-opts") == 0) {
            target_opts = true;
        } else {
            g_ptr_array_add(words, g_strdup(argv[i]));
        }
    }
    if (opts && format) {
        return img_fail("--image-opts and --format are mutually exclusive");
    }
    if (target_opts && !no_create) {
        return img_fail("--target-image-opts requires use of -n flag");
    }
    for (unsigned i = 1; i < words->len; i++) {
        if (opts || (target_opts && i + 1 == words->len)) {
            g_autofree char *old = words->pdata[i];
            words->pdata[i] = img_name_of_opts(old);
        }
    }
    return 0;
}

/* words: as argv from the subcommand on. */
static int run_command(const struct img_command *command, int argc, char **argv)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    int status = take_common(argc, argv, words);

    if (status != 0) {
        return status;
    }
    /* getopt sorts its array: what it works on is not what frees the words. */
    g_autofree char **list = g_memdup2(words->pdata, words->len * sizeof(char *));
    list = g_renew(char *, list, words->len + 1);
    list[words->len] = NULL;
    optind = 0; /* starts getopt anew, which also takes in a leading + or : */
    return command->run((int)words->len, list);
}

int img_main(int argc, char **argv)
{
    if (argc < 2) {
        img_fail("Not enough arguments");
        return try_help();
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        return print_help();
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("vmm-img version %s\n", VMM_VERSION);
        return 0;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(argv[1], commands[i]->name) == 0) {
            return run_command(commands[i], argc - 1, argv + 1);
        }
    }
    if (strcmp(argv[1], "amend") == 0) {
        return img_fail("amend is not supported: convert -o OPTIONS makes a new image of the old one");
    }
    if (strcmp(argv[1], "bitmap") == 0) {
        return img_fail("bitmap is not supported: persistent bitmaps are not kept up to date here");
    }
    img_fail("Command not found: %s", argv[1]);
    return try_help();
}
