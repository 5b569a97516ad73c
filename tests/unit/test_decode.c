/*
 * The decoder: lengths, operands and conditions by mode; and that the table is well formed.
 */
#include <string.h>

#include "accel/interp/decode.h"
#include "accel/interp/flags.h"
#include "tests/support/test.h"

#define M16 0u
#define M32 (MODE_PE | MODE_CODE32 | MODE_STACK32)
#define M64 (MODE_PE | MODE_CODE64 | MODE_LMA)

static struct x86_cpuid cpuid;

static const struct op_row *decode(struct insn *insn, uint32_t mode, const char *bytes, unsigned size)
{
    bool more;
    memset(insn, 0, sizeof(*insn));
    const struct op_row *row = decode_insn(insn, (const uint8_t *)bytes, size, mode, &cpuid, &more);
    g_assert_false(more);
    return row;
}
#define DECODE(mode, bytes) decode(&insn, (mode), (bytes), sizeof(bytes) - 1)

static void test_modrm16(void)
{
    struct insn insn;
    g_assert_nonnull(DECODE(M16, "\x8b\x42\xfe")); /* mov ax, [bp+si-2] */
    g_assert_cmpuint(insn.len, ==, 3);
    g_assert_cmpuint(insn.base, ==, RBP);
    g_assert_cmpuint(insn.index, ==, RSI);
    g_assert_cmpint(insn.disp, ==, -2);
    g_assert_cmpuint(insn.seg, ==, SS);
    g_assert_cmpuint(insn.asize, ==, 0);
    g_assert_nonnull(DECODE(M16, "\x26\xa1\x34\x92")); /* mov ax, es:[9234h] */
    g_assert_cmpuint(insn.seg, ==, ES);
    g_assert_cmphex(insn.imm, ==, 0x9234);
    g_assert_nonnull(DECODE(M16, "\x89\x0e\x00\xff")); /* mov [0ff00h], cx */
    g_assert_cmpuint(insn.base, ==, REG_ZERO);
    g_assert_cmpint(insn.disp, ==, 0xff00);
    g_assert_cmpuint(insn.seg, ==, DS);
    g_assert_nonnull(DECODE(M16, "\x66\x67\x8b\x04\x24")); /* mov eax, [esp] */
    g_assert_cmpuint(insn.len, ==, 5);
    g_assert_cmpuint(insn.base, ==, RSP);
    g_assert_cmpuint(insn.seg, ==, SS);
    g_assert_cmpuint(insn.asize, ==, 1);
}

static void test_modrm64(void)
{
    struct insn insn;
    g_assert_nonnull(DECODE(M64, "\x4a\x8b\x44\xa5\x10")); /* mov rax, [rbp+r12*4+10h] */
    g_assert_cmpuint(insn.base, ==, RBP);
    g_assert_cmpuint(insn.index, ==, R12);
    g_assert_cmpuint(insn.scale, ==, 2);
    g_assert_cmpuint(insn.seg, ==, SS);
    g_assert_nonnull(DECODE(M64, "\x41\x8b\x45\x00")); /* mov eax, [r13+0] */
    g_assert_cmpuint(insn.base, ==, R13);
    g_assert_cmpuint(insn.seg, ==, DS);
    g_assert_nonnull(DECODE(M64, "\x8b\x05\x10\x00\x00\x00")); /* mov eax, [rip+10h] */
    g_assert_cmpuint(insn.base, ==, REG_RIP0);
    g_assert_cmpint(insn.disp, ==, 0x16);
    g_assert_nonnull(DECODE(M64, "\x8b\x05\xff\xff\xff\x7f")); /* further than 31 bits from the start */
    g_assert_cmpuint(insn.index, ==, REG_4G);
    g_assert_cmphex((uint64_t)insn.disp + (1ull << 32), ==, 0x80000005ull);
    g_assert_nonnull(DECODE(M64, "\x36\x8b\x00")); /* ss: is ignored, fs: is not */
    g_assert_cmpuint(insn.seg, ==, DS);
    g_assert_nonnull(DECODE(M64, "\x64\x8b\x00"));
    g_assert_cmpuint(insn.seg, ==, FS);
}

static void test_registers(void)
{
    struct insn insn;
    g_assert_nonnull(DECODE(M32, "\x88\xe1")); /* mov cl, ah */
    g_assert_cmpuint(insn.reg, ==, 1);
    g_assert_cmpuint(insn.rm, ==, 8);
    g_assert_nonnull(DECODE(M64, "\x40\x88\xe1")); /* mov cl, spl */
    g_assert_cmpuint(insn.reg, ==, 32);
    g_assert_nonnull(DECODE(M64, "\x49\xb8\x88\x77\x66\x55\x44\x33\x22\x91")); /* mov r8, imm64 */
    g_assert_cmpuint(insn.reg, ==, R8);
    g_assert_cmphex(insn.imm, ==, 0x9122334455667788ull);
    /* A REX that is not the last prefix does not count. */
    g_assert_nonnull(DECODE(M64, "\x48\x66\xb8\x34\x12"));
    g_assert_cmpuint(insn.len, ==, 5);
}

static void test_invalid(void)
{
    struct insn insn;
    g_assert_null(DECODE(M64, "\x06")); /* push es */
    g_assert_true(insn.fn == op_ud);
    g_assert_null(DECODE(M32, "\xf0\x01\xc0")); /* lock add eax, eax */
    g_assert_null(DECODE(M32, "\xf0\x8b\x00")); /* lock mov */
    g_assert_nonnull(DECODE(M32, "\xf0\x01\x00"));
    g_assert_nonnull(DECODE(M32, "\xf0\x87\x00")); /* lock xchg */
    g_assert_null(DECODE(M32, "\x8d\xc0"));        /* lea of a register */
    g_assert_null(DECODE(M64, "\x66\xc4\xe2\x78\xf2\xc1")); /* 66 before VEX */
    g_assert_null(DECODE(M16, "\xc4\xe2\x78\xf2\xc1"));     /* VEX in real mode is LES of a register */
    g_assert_nonnull(DECODE(M64, "\xc4\xe2\x78\xf2\xc1"));  /* andn eax, eax, ecx */
    g_assert_null(DECODE(M64, "\xc4\xe2\x7c\xf2\xc1"));     /* VEX.L must be 0 */
}

static void test_length(void)
{
    struct insn insn;
    bool more;
    static const uint8_t code[] = { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
                                    0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90 };
    memset(&insn, 0, sizeof(insn));
    g_assert_nonnull(decode_insn(&insn, code, 15, M32, &cpuid, &more));
    g_assert_cmpuint(insn.len, ==, 15);
    g_assert_null(decode_insn(&insn, code, 14, M32, &cpuid, &more));
    g_assert_true(more);
    uint8_t longer[15];
    memset(longer, 0x66, sizeof(longer));
    g_assert_null(decode_insn(&insn, longer, 15, M32, &cpuid, &more));
    g_assert_false(more);
    g_assert_true(insn.fn == op_gp0);
}

/* Without the feature LZCNT is BSR. */
/* PREFETCHW is there on every 64-bit CPU, named by CPUID or not; on older ones it is not. */
static void test_prefetchw(void)
{
    static const struct {
        const char *model;
        bool known;
    } models[] = { { "pentium3", false }, { "qemu32", false }, { "qemu64", true }, { "x86-64-v3", true }, { "max", true } };
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        struct x86_cpuid model;
        struct insn insn;
        bool more;
        GError *error = NULL;
        g_assert_true(x86_cpuid_parse(&model, models[i].model, &error));
        const struct op_row *row = decode_insn(&insn, (const uint8_t *)"\x0f\x0d\x08", 3, M32, &model, &more);
        g_assert_cmpint(row != NULL, ==, models[i].known);
    }
}

static void test_feature(void)
{
    struct insn insn;
    struct x86_cpuid none = cpuid;
    bool more;
    const uint8_t *code = (const uint8_t *)"\xf3\x0f\xbd\xc1";
    memset(none.features, 0, sizeof(none.features));
    memset(&insn, 0, sizeof(insn));
    g_assert_cmpstr(decode_insn(&insn, code, 4, M32, &cpuid, &more)->mnemonic, ==, "lzcnt");
    g_assert_cmpstr(decode_insn(&insn, code, 4, M32, &none, &more)->mnemonic, ==, "bsr");
}

/* The index and the plain search choose the same row for every opcode with any prefix. */
static void test_index(void)
{
    struct op_index *index = op_index_create();
    static const uint8_t prefix[] = { 0, 0x66, 0xf3, 0xf2 };
    for (unsigned i = 0; i < 4 * 4 * 256; i++) {
        static const uint8_t leads[4][2] = { { 0x3e, 0x3e }, { 0x3e, 0x0f }, { 0x0f, 0x38 }, { 0x0f, 0x3a } };
        uint8_t code[15] = { prefix[i & 3] != 0 ? prefix[i & 3] : 0x3e, leads[i >> 2 & 3][0],
                             leads[i >> 2 & 3][1], i >> 4, 0x04 + (i & 0xf8) };
        struct insn a = { 0 }, b = { 0 };
        bool more_a, more_b;
        const struct op_row *row = decode_insn(&a, code, 15, M64, &cpuid, &more_a);
        g_assert_true(row == decode_insn_indexed(index, &b, code, 15, M64, &cpuid, &more_b));
        g_assert_cmpint(more_a, ==, more_b);
        g_assert_cmpmem(&a, sizeof(a), &b, sizeof(b));
    }
    g_free(index);
}

static void test_rows(void)
{
    for (unsigned i = 0; i < op_table_size; i++) {
        const struct op_row *row = &op_table[i];
        const struct op_handlers *h = row->handlers;
        bool any = false;
        for (unsigned k = 0; k < 3; k++) {
            any |= h->reg[k] != NULL || h->mem[k] != NULL;
        }
        g_assert_true(any);
        g_assert_cmpuint(row->map, <, OP_MAPS);
        g_assert_nonnull(row->mnemonic);
    }
}

int main(int argc, char **argv)
{
    GError *error = NULL;
    test_main_init(&argc, &argv);
    g_assert_true(x86_cpuid_parse(&cpuid, "max", &error));
    g_test_add_func("/decode/prefetchw", test_prefetchw);
    g_test_add_func("/decode/modrm16", test_modrm16);
    g_test_add_func("/decode/modrm64", test_modrm64);
    g_test_add_func("/decode/registers", test_registers);
    g_test_add_func("/decode/invalid", test_invalid);
    g_test_add_func("/decode/length", test_length);
    g_test_add_func("/decode/feature", test_feature);
    g_test_add_func("/decode/index", test_index);
    g_test_add_func("/decode/rows", test_rows);
    return g_test_run();
}
