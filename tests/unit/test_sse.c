/*
 * SSE to SSE4.2, AES, PCLMULQDQ and SHA: every row of opcodes_sse.def against the host CPU,
 * register and memory forms, with special values, all rounding modes, DAZ and FTZ.
 */
#include "tests/diff/native.h"
#include "tests/support/test.h"

#define ROUNDS 100

static bool is_skipped(const struct op_row *row)
{
    static const char *const skip[] = {"ldmxcsr", "emms"};
    for (unsigned i = 0; i < G_N_ELEMENTS(skip); i++) {
        if (strcmp(row->mnemonic, skip[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void check_form(struct native *n, const struct op_row *row, struct native_form form)
{
    const struct native_compare compare = {FLAGS_STATUS, 0xffff};
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t code[16];
        native_randomize(n, false);
        form.imm = (uint8_t)g_rand_int(n->rand);
        n->start->gpr[RBX] = (uintptr_t)n->host->memory + 2048;
        n->start->gpr[RDI] = (uintptr_t)n->host->memory + 1024;
        native_check(n, code, native_encode(row, &form, code), row->mnemonic, &compare);
    }
}

static void check_row(struct native *n, const struct op_row *row)
{
    static const uint8_t regs[][3] = {{1, 2, 3}, {9, 10, 11}, {1, 1, 1}, {8, 2, 8}, {2, 9, 3}};
    bool wide = row->attr & AT_O64;
    for (unsigned w = 0; w <= wide; w++) {
        if (row->handlers->reg[1] != NULL) {
            for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++) {
                check_form(
                    n, row,
                    (struct native_form){false, w, 0, regs[i][0], regs[i][1], regs[i][2], 0});
            }
        }
        if (row->handlers->mem[1] != NULL) {
            check_form(n, row, (struct native_form){true, w, 0, 1, 0, 0, 0});
            check_form(n, row, (struct native_form){true, w, 0, 9, 0, 0, 0});
        }
    }
}

static void check_rows(uint32_t attr, uint32_t without)
{
    struct native n;
    native_create(&n);
    for (unsigned i = 0; i < op_table_size; i++) {
        const struct op_row *row = &op_table[i];
        if ((row->attr & attr) && !(row->attr & without) && x86_has(&n.cpuid, row->feature) &&
            !is_skipped(row)) {
            check_row(&n, row);
        }
    }
    g_assert_cmpuint(n.runs, >, 0);
    native_destroy(&n);
}

static void test_sse(void)
{
    check_rows(AT_SSE, AT_MMX);
}

static void test_mmx(void)
{
    check_rows(AT_MMX, 0);
}

sigjmp_buf native_sigfpe_exit;
volatile uint32_t native_sigfpe_mxcsr;

/* Random masks in MXCSR. DPPS and DPPD report the exceptions of their first step alone on some
 * hosts. */
static void test_unmasked(void)
{
    struct native n;
    native_create(&n);
    for (unsigned i = 0; i < op_table_size; i++) {
        const struct op_row *row = &op_table[i];
        if (!(row->attr & AT_SSE) || row->attr & AT_MMX || !x86_has(&n.cpuid, row->feature) ||
            is_skipped(row) || strcmp(row->mnemonic, "maskmovdqu") == 0 ||
            g_str_has_prefix(row->mnemonic, "dpp")) {
            continue;
        }
        for (unsigned round = 0; round < ROUNDS; round++) {
            uint8_t code[16];
            struct native_form form = {round & 1, 0, 0, 1, 2, 0, (uint8_t)g_rand_int(n.rand)};
            uint32_t mxcsr;
            if (row->handlers->reg[1] == NULL || row->handlers->mem[1] == NULL) {
                continue;
            }
            native_randomize(&n, false);
            memcpy(&mxcsr, n.start->fx + 24, 4);
            mxcsr &= ~((g_rand_int(n.rand) & 0x3f) << 7);
            memcpy(n.start->fx + 24, &mxcsr, 4);
            n.start->gpr[RBX] = (uintptr_t)n.host->memory + 2048;
            native_check_unmasked(&n, code, native_encode(row, &form, code), row->mnemonic);
        }
    }
    native_destroy(&n);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/sse/host", test_sse);
    g_test_add_func("/sse/unmasked", test_unmasked);
    g_test_add_func("/mmx/host", test_mmx);
    return g_test_run();
}
