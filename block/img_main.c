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

int img_fail_usage(const struct img_command *command, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return img_fail("%s; usage: %s %s %s", text, program_name(), command->name, command->usage);
}

int img_bad_option(const struct img_command *command, int option, char **argv)
{
    const char *word = argv[optind - 1];

    if (option == ':') {
        return img_fail_usage(command, "option '%s' needs an argument", word);
    }
    if (optopt > ' ' && optopt < 127 && strncmp(word, "--", 2) != 0) {
        return img_fail_usage(command, "unknown option '-%c'", optopt);
    }
    return img_fail_usage(command, "unknown option '%s'", word);
}

int img_help(const struct img_command *command)
{
    printf("usage: %s %s %s\n", program_name(), command->name, command->usage);
    return 0;
}

void img_print_json_string(const char *value)
{
    putchar('"');
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            printf("\\%c", *c);
        } else if ((unsigned char)*c < 0x20) {
            printf("\\u%04x", (unsigned char)*c);
        } else {
            putchar(*c);
        }
    }
    putchar('"');
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

int img_main(int argc, char **argv)
{
    if (argc < 2) {
        return img_fail("Not enough arguments; try '%s --help'", program_name());
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
            optind = 0; /* starts getopt anew, which also takes in a leading + or : */
            return commands[i]->run(argc - 1, argv + 1);
        }
    }
    return img_fail("Command not found: %s; try '%s --help'", argv[1], program_name());
}
