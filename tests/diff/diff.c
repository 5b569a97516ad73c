/*
 * Differential test of the interpreter against the host CPU in user mode, 64-bit and compatibility.
 *   diff [--seed N] [--first N] [--cases N] [--only MNEMONIC] [--shown N] [--list FILE] [--uncovered]
 * --list runs the regression list: lines "SEED CASES MNEMONIC". TAP output.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/diff/diff.h"

#define SHOWN_DEFAULT 20

struct tally {
    uint64_t run, skipped, invalid, differ;
};

struct options {
    gint64 seed, first, cases, shown;
    char *only, *list;
    gboolean uncovered;
};

static uint64_t case_seed(uint64_t seed, uint64_t number)
{
    struct diff d = { .random = seed * 0x9e3779b97f4a7c15 ^ number << 20 };
    return diff_random(&d);
}

/* All forms in turn. */
static void run_cases(struct diff *d, const struct options *o, struct tally *t)
{
    static struct diff_case c, wrong;
    static struct diff_state host, guest;
    GHashTable *reported = g_hash_table_new(g_str_hash, g_str_equal);
    for (uint64_t i = o->first; d->form_count > 0 && i < (uint64_t)(o->first + o->cases); i++) {
        struct diff_form *form = &d->forms[i % d->form_count];
        const struct op_row *row = &op_table[form->row];
        bool comparable = false, made = false;
        d->random = case_seed(o->seed, i);
        memset(d->image, 0, sizeof(d->image));
        for (unsigned attempt = 0; attempt < 30 && !made; attempt++) {
            made = diff_generate(d, form, &c);
        }
        bool invalid = false;
        if (made && diff_chance(d, 16)) {
            wrong = c;
            invalid = diff_corrupt(d, &wrong);
            c = invalid ? wrong : c;
        }
        const char *what = made ? diff_run_case(d, &c, &host, &guest, &comparable) : NULL;
        t->run += comparable;
        t->skipped += !comparable;
        t->invalid += invalid;
        form->runs += comparable && !invalid;
        if (what == NULL) {
            continue;
        }
        t->differ++;
        if (t->differ <= (uint64_t)o->shown && !g_hash_table_contains(reported, row->mnemonic)) {
            g_hash_table_add(reported, (char *)row->mnemonic);
            if (!invalid) {
                diff_minimise(d, &c);
            }
            what = diff_run_case(d, &c, &host, &guest, &comparable);
            printf("# seed %" PRId64 ", case %" PRIu64 "\n", o->seed, i);
            diff_print(stdout, &c, &host, &guest, what != NULL ? what : "nothing any more");
        }
    }
    g_hash_table_destroy(reported);
}

static void report_coverage(const struct diff *d, bool uncovered)
{
    unsigned covered = 0;
    for (unsigned i = 0; i < d->form_count; i++) {
        const struct diff_form *f = &d->forms[i];
        covered += f->runs != 0;
        if (f->runs == 0 && uncovered) {
            printf("# not exercised: %s, row %u, %u bits, %s, %s\n", op_table[f->row].mnemonic, f->row, f->bits,
                   size_name[f->size], shape_name[f->shape]);
        }
    }
    printf("# coverage: %u of %u forms that user mode can run (%.2f %%); %u forms in the table\n", covered,
           d->form_count, d->form_count ? 100.0 * covered / d->form_count : 0, d->form_total);
}

/* By name, once for each reason. */
static void report_not_run(struct diff *d)
{
    GHashTable *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; i < op_table_size * SIZES * 2; i++) {
        const struct op_row *row = &op_table[i / (SIZES * 2)];
        const char *reason = row->feature == X86_BASE || x86_has(&d->bench.cpuid, row->feature)
                                 ? rule_not_run(row, i & 1 ? 32 : 64, i / 2 % SIZES)
                                 : "the host or the CPU model lacks it";
        if (reason != NULL && g_hash_table_add(seen, g_strdup_printf("%s: %s", row->mnemonic, reason))) {
            printf("# not run: %s: %s\n", row->mnemonic, reason);
        }
    }
    g_hash_table_destroy(seen);
}

static bool run_seed(struct diff *d, const struct options *o, unsigned number)
{
    struct tally t = { 0 };
    diff_enumerate(d, o->only);
    run_cases(d, o, &t);
    printf("# %" PRIu64 " cases compared (%" PRIu64 " invalid encodings), %" PRIu64 " not comparable, %" PRIu64
           " differ\n", t.run, t.invalid, t.skipped, t.differ);
    if (o->only == NULL) {
        report_coverage(d, o->uncovered);
        if (o->uncovered) {
            report_not_run(d);
        }
    }
    printf("%s %u - seed %" PRId64 " %s\n", t.differ == 0 ? "ok" : "not ok", number, o->seed,
           o->only != NULL ? o->only : "all forms");
    fflush(stdout);
    g_free(d->forms);
    g_free(d->index);
    d->form_total = 0;
    return t.differ == 0;
}

static bool run_list(struct diff *d, const struct options *o, unsigned *number)
{
    char line[256], name[64];
    bool ok = true;
    FILE *in = fopen(o->list, "r");
    if (in == NULL) {
        printf("Bail out! cannot read %s\n", o->list);
        return false;
    }
    while (fgets(line, sizeof(line), in) != NULL) {
        struct options one = *o;
        if (line[0] != '#' && sscanf(line, "%" SCNd64 " %" SCNd64 " %63[^\n#]", &one.seed, &one.cases, name) == 3) {
            one.only = g_strchomp(name);
            ok &= run_seed(d, &one, ++*number);
        }
    }
    fclose(in);
    return ok;
}

int main(int argc, char **argv)
{
    struct options o = { .seed = 1, .cases = 1000000, .shown = SHOWN_DEFAULT };
    const GOptionEntry entries[] = {
        { "seed", 0, 0, G_OPTION_ARG_INT64, &o.seed, "first number of the generator", "N" },
        { "first", 0, 0, G_OPTION_ARG_INT64, &o.first, "number of the first case", "N" },
        { "cases", 0, 0, G_OPTION_ARG_INT64, &o.cases, "how many", "N" },
        { "shown", 0, 0, G_OPTION_ARG_INT64, &o.shown, "print at most N differences", "N" },
        { "only", 0, 0, G_OPTION_ARG_STRING, &o.only, "this instruction alone", "MNEMONIC" },
        { "list", 0, 0, G_OPTION_ARG_FILENAME, &o.list, "regression list to run first", "FILE" },
        { "uncovered", 0, 0, G_OPTION_ARG_NONE, &o.uncovered, "list forms that were not run", NULL },
        { NULL }
    };
    GOptionContext *context = g_option_context_new(NULL);
    GError *error = NULL;
    static struct diff d;
    unsigned number = 0;
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        fprintf(stderr, "diff: %s\n", error->message);
        return 2;
    }
    g_option_context_free(context);
    if (!host_begin()) {
        printf("1..0 # SKIP host without AVX, FSGSBASE or LDT, or address taken\n");
        return 0;
    }
    guest_begin(&d);
    bool ok = o.list == NULL || run_list(&d, &o, &number);
    ok &= run_seed(&d, &o, ++number);
    printf("1..%u\n", number);
    interp_bench_end(&d.bench);
    host_end();
    return !ok;
}
