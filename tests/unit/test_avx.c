/*
 * AVX, AVX2, FMA, F16C: every row of opcodes_avx.def against the host CPU, both lengths, W 0 and 1
 * where it is ignored, register and memory forms. Gathers with and without a part of the mask.
 */
#include "tests/diff/native.h"
#include "tests/support/test.h"

#define ROUNDS 60

static const struct native_compare all = {FLAGS_STATUS, 0xffff};

static void randomize(struct native *n)
{
    native_randomize(n, false);
    n->start->gpr[RBX] = (uintptr_t)n->host->memory + 2048;
    n->start->gpr[RDI] = (uintptr_t)n->host->memory + 1024;
}

static void check_form(struct native *n, const struct op_row *row, struct native_form form)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t code[16];
        randomize(n);
        form.imm = (uint8_t)g_rand_int(n->rand);
        native_check(n, code, native_encode(row, &form, code), row->mnemonic, &all);
    }
}

static void check_row(struct native *n, const struct op_row *row)
{
    static const uint8_t regs[][3] = {{1, 2, 3}, {9, 10, 11}, {1, 1, 1}, {8, 2, 8}, {2, 9, 9}};
    bool no_vvvv = row->attr & AT_NOV;
    for (unsigned l = 0; l < 2; l++) {
        if (row->attr & (l ? AT_VL0 : AT_VL1)) {
            continue;
        }
        for (unsigned w = 0; w < 2; w++) {
            if (row->attr & (w ? AT_W0 : AT_W1)) {
                continue;
            }
            for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++) {
                struct native_form form = {
                    false, w, l, regs[i][0], regs[i][1], no_vvvv ? 0 : regs[i][2], 0};
                if (row->handlers->reg[l] != NULL) {
                    check_form(n, row, form);
                }
                form.memory = true;
                if (row->handlers->mem[l] != NULL) {
                    check_form(n, row, form);
                }
            }
        }
    }
}

static bool is_skipped(const struct op_row *row)
{
    return row->attr & AT_VSIB || strcmp(row->mnemonic, "vzeroupper") == 0 ||
           strcmp(row->mnemonic, "vldmxcsr") == 0;
}

static void test_rows(void)
{
    struct native n;
    native_create(&n);
    for (unsigned i = 0; i < op_table_size; i++) {
        const struct op_row *row = &op_table[i];
        if ((row->attr & AT_AVX) && x86_has(&n.cpuid, row->feature) && !is_skipped(row)) {
            check_row(&n, row);
        }
    }
    native_destroy(&n);
}

static void test_zero(void)
{
    struct native n;
    native_create(&n);
    if (n.avx) {
        randomize(&n);
        native_check(&n, (const uint8_t *)"\xc5\xf8\x77", 3, "vzeroupper", &all);
        native_check(&n, (const uint8_t *)"\xc5\xfc\x77", 3, "vzeroall", &all);
    }
    native_destroy(&n);
}

/* Indexes from the vector kinds are wild: make them small. */
static void check_gather(struct native *n, const struct op_row *row, unsigned l, unsigned scale)
{
    bool index64 = row->opcode & 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t code[16];
        randomize(n);
        for (unsigned i = 0; i < 8; i++) {
            int64_t v = (int64_t)(g_rand_int(n->rand) % 64) - 32;
            uint8_t *lane = n->start->fx + (i < 4 ? 160 : 576) + 16 * 12 + 4 * (i & 3);
            if (!index64) {
                memcpy(lane, &v, 4);
            } else if (!(i & 1)) {
                memcpy(lane, &v, 8);
            }
        }
        /* reg 9, mask 3, index 12, base RBX, displacement 16 */
        code[0] = 0xc4;
        code[1] = 0x22;
        code[2] = (uint8_t)((row->attr & AT_W1 ? 0x80 : 0) | (~3 & 15) << 3 | l << 2 | 1);
        code[3] = row->opcode;
        code[4] = 0x4c;
        code[5] = (uint8_t)(scale << 6 | 4 << 3 | 3);
        code[6] = 16;
        native_check(n, code, 7, row->mnemonic, &all);
    }
}

static void test_gather(void)
{
    struct native n;
    native_create(&n);
    for (unsigned i = 0; i < op_table_size; i++) {
        const struct op_row *row = &op_table[i];
        if ((row->attr & AT_VSIB) && x86_has(&n.cpuid, row->feature)) {
            for (unsigned scale = 0; scale < 4; scale++) {
                check_gather(&n, row, 0, scale);
                check_gather(&n, row, 1, scale);
            }
        }
    }
    native_destroy(&n);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/avx/host/rows", test_rows);
    g_test_add_func("/avx/host/zero", test_zero);
    g_test_add_func("/avx/host/gather", test_gather);
    return g_test_run();
}
