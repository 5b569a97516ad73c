/* What `why` says an exception comes from, by the instruction and the registers. */
#include <string.h>

#include "accel/blackbox.h"
#include "monitor/why_hint.h"

struct example {
    uint8_t vector, cpl;
    uint32_t error;
    uint64_t cr2, linear;
    const char *code; /* hexadecimal */
    uint64_t cr0, cr4, efer, rflags;
    const char *said; /* a part of it; NULL: nothing */
};

static void check(const struct example *e)
{
    struct blackbox_fault fault = { .vector = e->vector, .cpl = e->cpl, .error = e->error, .cr2 = e->cr2, .linear = e->linear };
    struct x86_state state = { .cr0 = e->cr0, .cr4 = e->cr4, .rflags = e->rflags };
    uint8_t code[15];
    struct why_hint hint = { .fault = &fault, .state = &state, .long_mode = true, .code = code };
    g_autoptr(GString) out = g_string_new(NULL);
    state.msr.efer = e->efer;
    for (const char *p = e->code; p[0] != '\0'; p += 2) {
        code[hint.code_size++] = (uint8_t)(g_ascii_xdigit_value(p[0]) * 16 + g_ascii_xdigit_value(p[1]));
    }
    why_hint(&hint, out);
    if (e->said == NULL) {
        g_assert_cmpstr(out->str, ==, "");
    } else if (strstr(out->str, e->said) == NULL) {
        g_error("%s: '%s' lacks '%s'", e->code, out->str, e->said);
    }
}

static void test_instructions(void)
{
    static const struct example examples[] = {
        { .vector = 0, .code = "f7f1", .said = "the divisor is 0" },
        { .vector = 6, .code = "0f0b", .said = "UD2 is there on purpose" },
        { .vector = 6, .code = "410f28c1", .said = "CR4.OSFXSR must be 1" },
        { .vector = 6, .code = "0f28c1", .cr4 = CR4_OSFXSR },
        { .vector = 6, .code = "f30f6f00", .cr4 = CR4_OSFXSR, .cr0 = CR0_EM, .said = "CR0.EM" },
        { .vector = 6, .code = "c5f877", .cr4 = CR4_OSFXSR, .said = "AVX is not enabled" },
        { .vector = 6, .code = "0f05", .said = "EFER.SCE is 0" },
        { .vector = 6, .code = "0f05", .efer = EFER_SCE },
        { .vector = 6, .code = "ffff", .said = "FF bytes are no code" },
        { .vector = 7, .code = "d9e8", .cr0 = CR0_TS, .said = "CLTS" },
        { .vector = 13, .code = "f4", .cpl = 3, .said = "for CPL 0 only" },
        { .vector = 13, .code = "fa", .cpl = 3, .said = "IOPL 3 or more (it is 0)" },
        { .vector = 13, .code = "ec", .cpl = 3, .rflags = 0x3000 },
        { .vector = 13, .code = "0f30", .said = "MSR 0x0" },
        { .vector = 13, .code = "0f22c0", .said = "control register" },
        { .vector = 13, .code = "660f7f0424", .said = "multiple of 16" },
        { .vector = 13, .code = "f30f7f0424" },
        { .vector = 13, .code = "48cf", .said = "IRET takes from the stack" },
        { .vector = 13, .code = "" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(examples); i++) {
        check(&examples[i]);
    }
}

static void test_addresses(void)
{
    static const struct example examples[] = {
        { .vector = 14, .code = "8b07", .cr2 = 8, .linear = 0x7c00, .said = "a null pointer" },
        { .vector = 14, .code = "", .cr2 = 0, .linear = 0, .said = "a null function pointer" },
        { .vector = 14, .code = "", .cr2 = 0, .linear = 0, .efer = EFER_SCE, .said = "LSTAR is 0x0: SYSCALL leads there; it was never set" },
        { .vector = 14, .code = "8b07", .cr2 = UINT64_MAX, .linear = 0x7c00, .said = "all ones" },
        { .vector = 14, .code = "8b07", .cr2 = 0x123456, .linear = 0x7c00 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(examples); i++) {
        check(&examples[i]);
    }
}

static void test_stack(void)
{
    struct blackbox_fault fault = { .vector = 12, .cpl = 3 };
    struct x86_state state = { .rflags = 2 };
    struct why_hint hint = { .fault = &fault, .state = &state, .long_mode = true, .stack_words = 1 };
    g_autoptr(GString) out = g_string_new(NULL);
    why_hint_stack(&hint, out);
    g_assert_nonnull(strstr(out->str, "TR is 0: no TSS was loaded"));
    state.tr.selector = 0x28;
    g_string_truncate(out, 0);
    why_hint_stack(&hint, out);
    g_assert_nonnull(strstr(out->str, "0x0: not set"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/why_hint/instructions", test_instructions);
    g_test_add_func("/why_hint/addresses", test_addresses);
    g_test_add_func("/why_hint/stack", test_stack);
    return g_test_run();
}
