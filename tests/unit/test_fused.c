/*
 * Fused pairs of comparison and branch against the same two instructions stepped one by one.
 */
#include <inttypes.h>
#include <string.h>

#include "accel/interp/flags.h"
#include "tests/support/interp_bench.h"
#include "tests/support/test.h"

static const struct {
    const char *name, *code;
    unsigned size;
} first[] = {
#define ROW(name, code) { name, code, sizeof(code) - 1 }
    ROW("cmp eax,ebx", "\x39\xd8"), ROW("cmp rax,rbx", "\x48\x39\xd8"), ROW("cmp ebx,eax", "\x3b\xd8"),
    ROW("cmp rbx,rax", "\x48\x3b\xd8"), ROW("cmp eax,5", "\x83\xf8\x05"), ROW("cmp rax,-1", "\x48\x83\xf8\xff"),
    ROW("cmp eax,imm", "\x3d\x00\x00\x00\x80"), ROW("test eax,ebx", "\x85\xd8"),
    ROW("test rax,rax", "\x48\x85\xc0"), ROW("test eax,imm", "\xa9\x00\x00\x00\x80"),
    ROW("test rax,imm", "\x48\xa9\x00\x00\x00\x80"), ROW("cmp al,bl", "\x38\xd8"), ROW("cmp al,80h", "\x3c\x80"),
    ROW("test al,bl", "\x84\xd8"), ROW("test ah,1", "\xf6\xc4\x01"), ROW("cmp [rsi],ebx", "\x39\x1e"),
    ROW("cmp [rsi],rbx", "\x48\x39\x1e"), ROW("cmp ebx,[rsi]", "\x3b\x1e"), ROW("cmp rbx,[rsi]", "\x48\x3b\x1e"),
    ROW("cmp dword [rsi],7", "\x83\x3e\x07"), ROW("cmp qword [rsi],-2", "\x48\x83\x3e\xfe"),
    ROW("cmp byte [rsi],80h", "\x80\x3e\x80"), ROW("test byte [rsi],81h", "\xf6\x06\x81"),
#undef ROW
};

struct outcome {
    uint64_t rcx, flags, count;
};

static struct outcome run(struct interp_bench *b, uint64_t rax, uint64_t rbx, uint64_t rsi, uint64_t end, bool step)
{
    struct cpu *cpu = b->cpu;
    cpu->gpr[RAX] = rax;
    cpu->gpr[RBX] = rbx;
    cpu->gpr[RCX] = 0;
    cpu->gpr[RSI] = rsi;
    cpu->rip = BENCH_CODE;
    cpu->s.activity = X86_ACTIVE;
    cpu_set_rflags(cpu, FLAG_1);
    uint64_t before = interp_instructions(cpu, NULL);
    if (step) {
        while (cpu->rip != end) {
            g_assert_cmpint(interp_step(cpu), ==, VCPU_DEBUG);
        }
        interp_step(cpu);
    } else {
        g_assert_cmpint(interp_run(cpu, 100), ==, VCPU_HALTED);
    }
    return (struct outcome){ cpu->gpr[RCX], cpu_rflags(cpu), interp_instructions(cpu, NULL) - before };
}

static void test_pairs(void)
{
    static const uint64_t values[] = { 0, 1, 5, 7, 0x7f, 0x80, 0xff, 0x100, 0x7fffffff, 0x80000000, 0xffffffff,
                                       0x100000000ull, INT64_MAX, 1ull << 63, UINT64_MAX - 1, UINT64_MAX };
    struct interp_bench b;
    interp_bench_begin(&b, 64);
    for (unsigned i = 0; i < G_N_ELEMENTS(first); i++) {
        for (unsigned cc = 0; cc < 16; cc++) {
            uint8_t code[16];
            unsigned n = first[i].size;
            memcpy(code, first[i].code, n);
            memcpy(code + n, "\x70\x02\xb1\x01\xf4", 5); /* jcc over mov cl,1; hlt */
            code[n] += cc;
            interp_bench_code(&b, BENCH_CODE, code, n + 5);
            for (unsigned k = 0; k < 16 * 16; k++) {
                uint64_t x = values[k >> 4], y = values[k & 15], end = BENCH_CODE + n + 4;
                /* now and then a memory operand that crosses a page: always the slow path */
                uint64_t rsi = k % 7 == 0 ? BENCH_DATA + 0xffd : BENCH_DATA + 8;
                memcpy(interp_bench_at(&b, rsi), &x, sizeof(x));
                struct outcome a = run(&b, x, y, rsi, end, true), c = run(&b, x, y, rsi, end, false);
                if (memcmp(&a, &c, sizeof(a)) != 0) {
                    g_error("%s, condition %u, %" PRIx64 " and %" PRIx64, first[i].name, cc, x, y);
                }
            }
        }
    }
    interp_bench_end(&b);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/fused/pairs", test_pairs);
    return g_test_run();
}
