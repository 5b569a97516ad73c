/*
 * The subcommands of vmm-img. Each gets its own name as argv[0] and returns the exit status.
 */
#ifndef BLOCK_IMG_H
#define BLOCK_IMG_H

#include "block/block.h"

struct img_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage; /* what follows the name */
};

extern const struct img_command img_bench_command;
extern const struct img_command img_commit_command;
extern const struct img_command img_create_command;
extern const struct img_command img_dd_command;
extern const struct img_command img_map_command;
extern const struct img_command img_measure_command;
extern const struct img_command img_rebase_command;
extern const struct img_command img_snapshot_command;
extern const struct img_command img_info_command;
extern const struct img_command img_convert_command;
extern const struct img_command img_check_command;
extern const struct img_command img_compare_command;
extern const struct img_command img_resize_command;

/* Runs a command line; argv[0] is the program. Returns the exit status. */
int img_main(int argc, char **argv);

/* "vmm-img: " and the message as one line on stderr. Returns 1, the usual exit status. */
int img_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for *error, which is freed and cleared. */
int img_fail_error(GError **error);
/* For the default branch of getopt_long() loops and wrong numbers of arguments. */
int img_fail_usage(const struct img_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What getopt_long() answered instead of an option: says so. Returns 1. */
int img_bad_option(const struct img_command *command, int option, char **argv);
/* Values that several commands take: of -t and -T, of --output. 0, or 1 after a message. */
int img_cache_option(const char *word, enum block_cache *cache);
int img_output_option(const char *word, bool *json);
/* Says that a size (`what`: "image size") makes no sense. Returns 1. */
int img_bad_size(const char *what);
/* Prints the usage of one command. Returns 0. */
int img_help(const struct img_command *command);

/* As block_open(), for a name that the user wrote: json:{..} and file:NAME as well (img_name.c). */
struct block *img_open(const char *word, const struct block_options *options,
                       struct event_queue *queue, GError **error);
/* What --image-opts makes of a word of the command line: json:{..} of driver=..,file.filename=..; others stay.
 * Newly allocated. */
char *img_name_of_opts(const char *word);

/* Do the words of -o ask for the list of options? Prints it: of a format, for a file that was named or
 * not. Returns 0. */
bool img_wants_option_help(char **words);
int img_print_options(const char *format, bool named);
/* One "name=value" of -o for a new image (its format is set); the options point into it. 0, or an
 * exit status after a message. */
int img_create_option(struct block_create_options *options, char *word);
/* -l NAME, snapshot.id=ID or snapshot.name=NAME: what to look for. */
const char *img_snapshot_name(const char *text);
/* "Snapshot list:" and its lines. */
void img_print_snapshots(const struct block_snapshot *list, unsigned count);
/* A JSON string with its quotes: appended, or printed. */
void img_json_string(GString *out, const char *value);
void img_print_json_string(const char *value);

/* "    (12.34/100%)" and back to the start of the line; at the end a new line. */
void img_progress(bool wanted, uint64_t done, uint64_t total);

#endif
