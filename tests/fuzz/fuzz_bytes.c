/*
 * Nothing that a guest can execute may crash or hang the interpreter, part two: purely random bytes, counted, in each of
 * six modes (16, 32, 64 bits; CPL 0 and 3), with hostile tables behind them. A session feeds CASES blocks of FUZZ_CODE_SIZE
 * bytes to each mode. Every byte is fetched as code: execution goes on after the last instruction that was
 * reached in order, and one byte further on where a trap or a jump led away.
 */
#include "accel/interp/memory.h"
#include "accel/x86_state.h"
#include "tests/support/fuzz_rig.h"

enum {
    CASES = 32,   /* blocks of a session, for each mode */
    STRETCH = 16, /* instructions that may run before the next look */
};

/* The CPU is still in the mode that the case is about. */
static bool in_mode(const struct cpu *cpu, const struct fuzz_guest *guest)
{
    unsigned bits = (cpu->s.seg[CS].attr & SEG_L) != 0 && (cpu->mode & MODE_LMA) != 0 ? 64
                    : (cpu->s.seg[CS].attr & SEG_DB) != 0                             ? 32
                                                                                      : 16;
    return bits == guest->bits && cpu->cpl == guest->cpl && cpu->s.activity == X86_ACTIVE;
}

static void feed(struct fuzz_rig *rig, struct fuzz *fuzz, const struct fuzz_guest *guest)
{
    struct cpu *cpu = rig->t->cpu;
    uint64_t before = interp_instructions(cpu, NULL);
    unsigned at = 0;

    while (at < FUZZ_CODE_SIZE) {
        if (!in_mode(cpu, guest) || fuzz_once_in(fuzz, 256)) {
            fuzz_guest_enter(rig, fuzz, guest);
        }
        uint64_t start = CPU_TEST_CODE + at;
        cpu->rip = start - cpu->s.seg[CS].base;
        cpu->rip &= guest->bits == 64 ? ~0ull : 0xffffffffu;
        interp_run(cpu, 1 + fuzz_below(fuzz, STRETCH));
        uint64_t now = cpu->rip + cpu->s.seg[CS].base;
        at += now > start && now <= start + 15 * STRETCH ? (unsigned)(now - start) : 1;
    }
    fuzz->instructions += interp_instructions(cpu, NULL) - before;
}

static void run_session(struct fuzz *fuzz, unsigned bits, unsigned cpl)
{
    struct fuzz_rig rig;
    fuzz_rig_init(&rig, "max", false);
    for (unsigned i = 0; i < CASES; i++) {
        struct fuzz_guest guest = { .bits = bits, .cpl = cpl, .paging = fuzz_once_in(fuzz, 2) };
        fuzz_case(fuzz);
        fuzz_guest_build(&rig, fuzz, &guest);
        fuzz_bytes(fuzz, rig.t->mem + CPU_TEST_CODE, FUZZ_CODE_SIZE);
        ram_touched(rig.t->ram, CPU_TEST_CODE, FUZZ_CODE_SIZE);
        fuzz_guest_enter(&rig, fuzz, &guest);
        feed(&rig, fuzz, &guest);
    }
    fuzz_rig_finish(&rig);
}

static const struct fuzz_mode {
    const char *name;
    unsigned bits, cpl;
} modes[] = {
    { "16 bits, CPL 0", 16, 0 }, { "16 bits, CPL 3", 16, 3 }, { "32 bits, CPL 0", 32, 0 },
    { "32 bits, CPL 3", 32, 3 }, { "64 bits, CPL 0", 64, 0 }, { "64 bits, CPL 3", 64, 3 },
};

#define MODE_SESSION(n)                                     \
    static void session_##n(struct fuzz *fuzz)              \
    {                                                       \
        run_session(fuzz, modes[n].bits, modes[n].cpl);     \
    }
MODE_SESSION(0)
MODE_SESSION(1)
MODE_SESSION(2)
MODE_SESSION(3)
MODE_SESSION(4)
MODE_SESSION(5)
static fuzz_session_fn *const sessions[] = { session_0, session_1, session_2, session_3, session_4, session_5 };

static void test_mode(const void *data)
{
    const struct fuzz_mode *mode = data;
    fuzz_sessions(mode->name, sessions[mode - modes], 1);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_autofree char *path = g_strdup_printf("/fuzz/bytes/%u-bits-cpl-%u", modes[i].bits, modes[i].cpl);
        g_test_add_data_func(path, &modes[i], test_mode);
    }
    g_test_message("%u random bytes of code in a session", CASES * FUZZ_CODE_SIZE);
    return g_test_run();
}
