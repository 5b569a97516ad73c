/*
 * x87: every row of opcodes_fpu.def against the host CPU, with masked and unmasked exceptions,
 * empty and full registers, every rounding and precision control; control instructions and images
 * by themselves.
 */
#include "tests/diff/native.h"
#include "tests/support/test.h"

#define ROUNDS 2000

/* Their images have FIP and FDP in them, or they are tested elsewhere. */
static bool is_skipped(const struct op_row *row)
{
    static const char *const skip[] = {"fldenv", "fnstenv", "frstor", "fnsave",
                                       "fxsave", "fxrstor", "fldcw"};
    for (unsigned i = 0; i < G_N_ELEMENTS(skip); i++) {
        if (strcmp(row->mnemonic, skip[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The condition codes that the manual leaves undefined are compared too: the handlers keep the
 * guest's. But makers differ in whether FCOMI clears C1, and whether it writes EFLAGS when it
 * raises an unmasked exception. */
static void check_row(struct native *n, const struct op_row *row, bool memory, bool unmasked)
{
    bool comi = strstr(row->mnemonic, "comi") != NULL;
    const struct native_compare compare = {comi && unmasked ? 0 : FLAGS_STATUS,
                                           comi ? 0xffff & ~FSW_C1 : 0xffff};
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t code[16];
        struct native_form form = {.memory = memory, .rm = (uint8_t)(g_rand_int(n->rand) & 7)};
        native_randomize(n, unmasked);
        n->start->gpr[RBX] = (uintptr_t)n->host->memory + 2048;
        native_check(n, code, native_encode(row, &form, code), row->mnemonic, &compare);
    }
}

static void check_rows(bool unmasked)
{
    struct native n;
    native_create(&n);
    for (unsigned i = 0; i < op_table_size; i++) {
        const struct op_row *row = &op_table[i];
        if ((row->attr & AT_FPU) && x86_has(&n.cpuid, row->feature) && !is_skipped(row)) {
            if (row->handlers->reg[1] != NULL) {
                check_row(&n, row, false, unmasked);
            }
            if (row->handlers->mem[1] != NULL) {
                check_row(&n, row, true, unmasked);
            }
        }
    }
    g_assert_cmpuint(n.runs, >, 100 * ROUNDS);
    native_destroy(&n);
}

static void test_masked(void)
{
    check_rows(false);
}

static void test_unmasked(void)
{
    check_rows(true);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/fpu/host/masked", test_masked);
    g_test_add_func("/fpu/host/unmasked", test_unmasked);
    return g_test_run();
}
