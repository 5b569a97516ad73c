/*
 * Nothing that a program can execute may crash or hang the interpreter: random and half-random instructions in
 * each mode, with tables full of traps, on a bare machine and on the whole board; after each stretch the CPU's
 * state must hold together. And the same program must end the same whether it ran in traces or step by step.
 */
#include <string.h>

#include "accel/interp/memory.h"
#include "accel/x86_state.h"
#include "core/state.h"
#include "tests/support/fuzz_rig.h"

enum {
    CASES = 24,     /* of a session */
    STRETCHES = 24, /* of a case */
    STRETCH = 400,  /* instructions, about */
    STEPS = 6000,   /* of a program that runs twice */
};

static struct fuzz_guest any_guest(struct fuzz *fuzz)
{
    static const unsigned bits[] = { 16, 32, 64 };
    return (struct fuzz_guest){ .bits = bits[fuzz_below(fuzz, 3)], .cpl = fuzz_once_in(fuzz, 2) ? 3 : 0,
                                .paging = fuzz_once_in(fuzz, 2) };
}

/* What is derived is what it would be if derived anew, and the canonical form is complete. */
static void check_cpu(struct cpu *cpu, struct fuzz *fuzz)
{
    struct x86_state before, after;
    uint32_t mode = cpu->mode;

    g_assert_cmphex(cpu->gpr[REG_ZERO], ==, 0);
    g_assert_cmphex(cpu->gpr[REG_4G], ==, 1ull << 32);
    g_assert_cmphex(cpu->eflags & (FLAGS_STATUS | FLAG_1), ==, FLAG_1);
    g_assert_cmphex(cpu->eflags & ~0x3f7fd7u, ==, 0);
    g_assert_cmpuint(cpu->cpl, <=, 3);
    g_assert_false(cpu->mxcsr_loaded);
    g_assert_cmphex(cpu->s.mxcsr & ~0xffffu, ==, 0);
    if ((cpu->s.cr0 & CR0_PG) != 0) {
        g_assert_cmphex(cpu->s.cr0 & CR0_PE, !=, 0);
    }
    if ((cpu->mode & MODE_LMA) == 0) {
        g_assert_cmphex(cpu->rip >> 32, ==, 0);
    }
    cpu_update_mode(cpu);
    g_assert_cmphex(cpu->mode, ==, mode);
    if (fuzz_once_in(fuzz, 4)) {
        cpu_state_get(cpu, &before);
        cpu_state_put(cpu, &before);
        cpu_state_get(cpu, &after);
        char *path = state_compare(x86_state_fields, &before, &after);
        if (path != NULL) {
            g_error("the CPU's state differs after put and get: %s", path);
        }
        g_assert_cmphex(cpu->mode & ~(uint32_t)MODE_SINGLE, ==, mode & ~(uint32_t)MODE_SINGLE);
    }
}

static enum vcpu_exit run_stretch(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    struct cpu *cpu = rig->t->cpu;
    enum vcpu_exit reason = VCPU_KICKED;
    uint64_t before = interp_instructions(cpu, NULL);
    if (!fuzz_once_in(fuzz, 8)) {
        reason = interp_run(cpu, 1 + fuzz_below(fuzz, STRETCH));
    } else {
        for (unsigned i = 0; i < 20 && reason != VCPU_SHUTDOWN && reason != VCPU_HALTED; i++) {
            reason = interp_step(cpu);
        }
    }
    fuzz->instructions += interp_instructions(cpu, NULL) - before;
    return reason;
}

static void run_case(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    struct fuzz_guest guest = any_guest(fuzz);
    fuzz_case(fuzz);
    fuzz_guest_build(rig, fuzz, &guest);
    fuzz_guest_enter(rig, fuzz, &guest);
    for (unsigned i = 0; i < STRETCHES; i++) {
        enum vcpu_exit reason = run_stretch(rig, fuzz);
        check_cpu(rig->t->cpu, fuzz);
        if (rig->pc != NULL) {
            fuzz_rig_time(rig, fuzz);
            fuzz_rig_requests(rig, fuzz);
        }
        if (reason == VCPU_HALTED || reason == VCPU_SHUTDOWN || fuzz_once_in(fuzz, 3)) {
            fuzz_guest_enter(rig, fuzz, &guest);
        }
        if (fuzz_once_in(fuzz, 3)) {
            fuzz_guest_dma(rig, fuzz);
        }
        if (fuzz_once_in(fuzz, 16)) {
            cpu_attention_set(rig->t->cpu, 1u << fuzz_below(fuzz, 10));
        }
    }
}

static void run_session(struct fuzz *fuzz, bool board)
{
    struct fuzz_rig rig;
    fuzz_rig_init(&rig, "max", board);
    for (unsigned i = 0; i < CASES; i++) {
        run_case(&rig, fuzz);
    }
    fuzz_rig_finish(&rig);
}

static void bare_session(struct fuzz *fuzz)
{
    run_session(fuzz, false);
}

static void board_session(struct fuzz *fuzz)
{
    run_session(fuzz, true);
}

/* ---- traces against steps ---- */

static bool same_state(struct cpu_test *a, struct cpu_test *b, char **path)
{
    struct x86_state x, y;
    cpu_state_get(a->cpu, &x);
    cpu_state_get(b->cpu, &y);
    *path = state_compare(x86_state_fields, &x, &y);
    return *path == NULL;
}

/* First address that differs, -1 if none does. */
static int first_difference(const struct cpu_test *a, const struct cpu_test *b)
{
    for (int i = 0; i < 0x100000; i++) {
        if (a->mem[i] != b->mem[i]) {
            return i;
        }
    }
    return -1;
}

static void report(const struct cpu_test *t, const char *what)
{
    struct x86_state s;
    GString *text = g_string_new(what);
    cpu_state_get(t->cpu, &s);
    x86_state_dump(&s, 0, text);
    g_printerr("%s", text->str);
    g_string_free(text, TRUE);
}

/* Steps b until it stands where a has come to, with the same memory (a loop may pass there before). */
static void catch_up(struct cpu_test *a, struct cpu_test *b)
{
    char *path = NULL;
    int differs = -1;
    for (unsigned i = 0; i < STEPS; i++) {
        enum vcpu_exit reason = interp_step(b->cpu);
        bool ended = reason == VCPU_SHUTDOWN || reason == VCPU_HALTED;
        if (b->cpu->rip == a->cpu->rip) {
            g_free(path);
            differs = same_state(a, b, &path) ? first_difference(a, b) : differs;
            if (path == NULL && differs < 0) {
                return;
            }
        }
        if (ended) {
            break;
        }
    }
    report(a, "run:\n");
    report(b, "steps:\n");
    g_error("run and steps differ: %s, memory at %x", path != NULL ? path : "nothing at the end", differs);
}

static void compare_case(struct fuzz_rig *a, struct fuzz_rig *b, struct fuzz *fuzz)
{
    struct fuzz_guest guest = any_guest(fuzz);
    struct fuzz twin = *fuzz;
    guest.tame = true;
    fuzz_case(fuzz);
    fuzz_guest_build(a, fuzz, &guest);
    fuzz_guest_enter(a, fuzz, &guest);
    fuzz_guest_build(b, &twin, &guest);
    fuzz_guest_enter(b, &twin, &guest);
    uint64_t before = interp_instructions(a->t->cpu, NULL);
    interp_run(a->t->cpu, 1 + fuzz_below(fuzz, STRETCH));
    fuzz->instructions += interp_instructions(a->t->cpu, NULL) - before;
    catch_up(a->t, b->t);
}

static void compare_session(struct fuzz *fuzz)
{
    struct fuzz_rig a, b;
    fuzz_rig_init(&a, "max,-rdrand,-rdseed", false);
    fuzz_rig_init(&b, "max,-rdrand,-rdseed", false);
    for (unsigned i = 0; i < CASES; i++) {
        compare_case(&a, &b, fuzz);
    }
    fuzz_rig_finish(&a);
    fuzz_rig_finish(&b);
}

static void test_bare(void)
{
    fuzz_sessions("cpu on a bare machine", bare_session, 8);
}

static void test_board(void)
{
    fuzz_sessions("cpu on the board", board_session, 4);
}

static void test_compare(void)
{
    fuzz_sessions("traces against steps", compare_session, 8);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/fuzz/cpu/bare", test_bare);
    g_test_add_func("/fuzz/cpu/board", test_board);
    g_test_add_func("/fuzz/cpu/traces-and-steps", test_compare);
    return g_test_run();
}
