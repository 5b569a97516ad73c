/*
 * Differential testing of single instructions: the same bytes are run by the host CPU and by the
 * interpreter's decoder and handler from the same state, and everything is compared: x87, MMX,
 * XMM/YMM, MXCSR, general registers, EFLAGS and memory.
 *
 * The interpreter's CPU is a bare struct cpu in 64-bit mode whose TLB maps the operand pages to
 * themselves, so a host address is also a guest linear address.
 */
#ifndef TESTS_DIFF_NATIVE_H
#define TESTS_DIFF_NATIVE_H

#include <cpuid.h>
#include <glib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "accel/interp/access.h"
#include "accel/interp/decode.h"
#include "accel/interp/flags.h"
#include "accel/interp/fpu.h"

#define NATIVE_MEMORY 4096u

struct native_state {
    uint8_t fx[832]
        __attribute__((aligned(64))); /* XSAVE area, standard format; FXSAVE's if there is no AVX */
    uint64_t gpr[12];                 /* RAX to R11; RSP, RBP are not loaded */
    uint64_t rflags;
    uint8_t memory[NATIVE_MEMORY] __attribute__((aligned(4096)));
};

struct native {
    struct cpu *cpu;
    struct x86_cpuid cpuid;
    uint8_t *code; /* executable page */
    struct native_state *host, *guest, *start;
    bool avx;
    GRand *rand;
    unsigned runs;
};

/* rdi = state, rsi = code, edx = nonzero for XSAVE. */
void native_call(struct native_state *state, const void *code, unsigned avx);
__asm__(".text\n"
        "native_call:\n"
        "    push %rbx\n    push %rbp\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    mov %rdi, %r15\n    mov %rsi, %r14\n    mov %edx, %r13d\n"
        "    mov $7, %eax\n    xor %edx, %edx\n"
        "    test %r13d, %r13d\n    jz 1f\n    xrstor64 (%r15)\n    jmp 2f\n"
        "1:  fxrstor64 (%r15)\n"
        "2:  push 928(%r15)\n    popfq\n"
        "    mov 832(%r15), %rax\n    mov 840(%r15), %rcx\n    mov 848(%r15), %rdx\n"
        "    mov 856(%r15), %rbx\n    mov 880(%r15), %rsi\n    mov 888(%r15), %rdi\n"
        "    mov 896(%r15), %r8\n    mov 904(%r15), %r9\n    mov 912(%r15), %r10\n"
        "    mov 920(%r15), %r11\n"
        "    call *%r14\n"
        "    mov %rax, 832(%r15)\n    mov %rcx, 840(%r15)\n    mov %rdx, 848(%r15)\n"
        "    mov %rbx, 856(%r15)\n    mov %rsi, 880(%r15)\n    mov %rdi, 888(%r15)\n"
        "    mov %r8, 896(%r15)\n    mov %r9, 904(%r15)\n    mov %r10, 912(%r15)\n"
        "    mov %r11, 920(%r15)\n"
        "    pushfq\n    pop 928(%r15)\n    cld\n"
        "    mov $7, %eax\n    xor %edx, %edx\n"
        "    test %r13d, %r13d\n    jz 1f\n    xsave64 (%r15)\n    jmp 2f\n"
        "1:  fxsave64 (%r15)\n"
        "2:  fninit\n"
        "    movl $0x1f80, -8(%rsp)\n    ldmxcsr -8(%rsp)\n"
        "    test %r13d, %r13d\n    jz 1f\n    vzeroupper\n"
        "1:  pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbp\n    pop %rbx\n"
        "    ret\n");

static void native_stop(struct cpu *cpu, const struct insn *insn)
{
}

/* Lets the interpreter reach [p, p + size) at its own address. */
static inline void native_map(struct native *n, const void *p, size_t size)
{
    for (uintptr_t page = (uintptr_t)p & ~0xfffull; page < (uintptr_t)p + size; page += 4096) {
        for (unsigned bank = 0; bank < TLB_BANKS; bank++) {
            struct tlb_entry *e = &n->cpu->tlb_bank[bank][page >> 12 & (TLB_SIZE - 1)];
            *e = (struct tlb_entry){page, page, page, 0};
        }
    }
}

static inline void native_create(struct native *n)
{
    memset(n, 0, sizeof(*n));
    n->cpu = aligned_alloc(64, (sizeof(struct cpu) + 63) & ~63ull);
    memset(n->cpu, 0, sizeof(struct cpu));
    n->avx = __builtin_cpu_supports("avx");
    for (unsigned f = 0; f < X86_FEATURE_COUNT; f++) {
        if (interp_host_supports(f)) {
            n->cpuid.features[f / 64] |= 1ull << (f % 64);
        }
    }
    struct cpu *cpu = n->cpu;
    cpu->cpuid = &n->cpuid;
    cpu->mode = MODE_PE | MODE_CODE64 | MODE_STACK32 | MODE_LMA;
    cpu->s.cr0 = CR0_PE | CR0_PG | CR0_NE;
    cpu->s.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
    cpu->s.xcr0 = 7;
    cpu->tlb = cpu->tlb_bank[0];
    for (unsigned i = 0; i < 6; i++) {
        cpu->segf[i] = (struct seg_fast){0, ~0ull, ~0ull};
    }
    n->code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true(n->code != MAP_FAILED);
    n->host = aligned_alloc(4096, 2 * sizeof(struct native_state));
    n->guest = aligned_alloc(4096, sizeof(struct native_state));
    n->start = aligned_alloc(4096, sizeof(struct native_state));
    native_map(n, n->host->memory, NATIVE_MEMORY);
    n->rand = g_rand_new_with_seed(20240611);
}

static inline void native_destroy(struct native *n)
{
    g_rand_free(n->rand);
    munmap(n->code, 4096);
    free(n->host);
    free(n->guest);
    free(n->start);
    free(n->cpu);
}

static inline uint64_t native_random(struct native *n)
{
    return (uint64_t)g_rand_int(n->rand) << 32 | g_rand_int(n->rand);
}

/* ---- operands ---- */

static inline uint32_t native_float(struct native *n)
{
    static const uint32_t special[] = {
        0,          0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000,
        0xffc00001, 0x7f800001, 0xffa00000, 1,          0x80000001, 0x007fffff, 0x00800000,
        0x80800001, 0x7f7fffff, 0xff7fffff, 0x4f000000, 0xcf000000, 0x4effffff, 0x5f000000,
        0x3f000000, 0x3f7fffff, 0x34000000, 0x40490fdb, 0x4b000001};
    unsigned kind = g_rand_int(n->rand) % 8;
    if (kind < 4) {
        return special[g_rand_int(n->rand) % G_N_ELEMENTS(special)];
    }
    uint32_t v = g_rand_int(n->rand);
    /* Mostly near 1, so that operands interact. */
    return kind < 7 ? (v & 0x807fffff) | (120 + v % 16) << 23 : v;
}

static inline uint64_t native_double(struct native *n)
{
    static const uint64_t special[] = {0,
                                       1ull << 63,
                                       0x3ff0000000000000,
                                       0xbff0000000000000,
                                       0x7ff0000000000000,
                                       0xfff0000000000000,
                                       0x7ff8000000000000,
                                       0xfff8000000000001,
                                       0x7ff0000000000001,
                                       0xfff4000000000000,
                                       1,
                                       0x8000000000000001,
                                       0x000fffffffffffff,
                                       0x0010000000000000,
                                       0x7fefffffffffffff,
                                       0x41e0000000000000,
                                       0xc1e0000000000000,
                                       0x41dfffffffc00000,
                                       0x43e0000000000000,
                                       0xc3e0000000000000,
                                       0x3fe0000000000000,
                                       0x36a0000000000000,
                                       0x47efffffe0000000,
                                       0x47f0000000000000,
                                       0x3810000000000000,
                                       0x4330000000000001};
    unsigned kind = g_rand_int(n->rand) % 8;
    if (kind < 4) {
        return special[g_rand_int(n->rand) % G_N_ELEMENTS(special)];
    }
    uint64_t v = native_random(n);
    return kind < 7 ? (v & 0x800fffffffffffff) | (1015 + v % 16) << 52 : v;
}

/* 80-bit values: also pseudo-denormals, unnormals, pseudo-infinities. */
static inline void native_extended(struct native *n, uint8_t *p)
{
    static const struct {
        uint16_t e;
        uint64_t s;
    } special[] = {{0, 0},
                   {0x8000, 0},
                   {0x3fff, 1ull << 63},
                   {0xbfff, 1ull << 63},
                   {0x7fff, 1ull << 63},
                   {0xffff, 1ull << 63},
                   {0x7fff, 3ull << 62},
                   {0xffff, 3ull << 62},
                   {0x7fff, 0xa000000000000000},
                   {0x7fff, 0xc000000000000001},
                   {0, 1},
                   {0x8000, 0x7fffffffffffffff},
                   {0, 1ull << 63},
                   {1, 1ull << 63},
                   {0x7ffe, ~0ull},
                   {0xfffe, ~0ull},
                   {0x3fff, 1},
                   {0x7fff, 0},
                   {0x7fff, 1},
                   {0x403e, 1ull << 63},
                   {0x401d, 0xfffffffe00000000},
                   {0xc01e, 1ull << 63},
                   {0x3ffe, 1ull << 63},
                   {0x4000, 0xc90fdaa22168c235},
                   {0x403d, ~0ull},
                   {0x400e, 0xfffe000000000000},
                   {0x3c01, 1ull << 63},
                   {0x3f81, 1ull << 63},
                   {0x43fe, 0xfffffffffffff800},
                   {0x407e, 0xffffff0000000000}};
    unsigned kind = g_rand_int(n->rand) % 8;
    uint64_t s;
    uint16_t e;
    if (kind < 3) {
        unsigned i = g_rand_int(n->rand) % G_N_ELEMENTS(special);
        s = special[i].s;
        e = special[i].e;
    } else {
        s = native_random(n) | 1ull << 63;
        e = (uint16_t)((g_rand_int(n->rand) & 0x8000) | (0x3fff - 16 + g_rand_int(n->rand) % 80));
        if (kind == 7) {
            e = (uint16_t)g_rand_int(n->rand);
        }
        if (kind >= 5) {
            s &= ~0ull << g_rand_int(n->rand) % 64;
            s |= 1ull << 63;
        }
    }
    memcpy(p, &s, 8);
    memcpy(p + 8, &e, 2);
}

/* 16 bytes for an XMM register or memory, of one of several kinds. */
static inline void native_vector(struct native *n, uint8_t *p, unsigned kind)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t v = native_float(n);
        memcpy(p + 4 * i, &v, 4);
    }
    for (unsigned i = 0; i < 2 && kind != 0; i++) {
        uint64_t v = kind == 1 ? native_double(n) : native_random(n);
        if (kind == 3) {
            v &= 0x1f; /* counts, indices, small numbers */
        } else if (kind == 4) {
            v &= native_random(n) & 0x0303030303030303;
        }
        memcpy(p + 8 * i, &v, 8);
    }
}

/* Random x87, SIMD, general registers, flags and memory. x87_free: unmasked exceptions and empty
 * registers too. */
static inline void native_randomize(struct native *n, bool x87_free)
{
    struct native_state *s = n->start;
    unsigned kind = g_rand_int(n->rand) % 5;
    memset(s, 0, offsetof(struct native_state, memory));
    uint16_t fcw = (uint16_t)(0x7f | (g_rand_int(n->rand) & 0x0c00) |
                              (g_rand_int(n->rand) % 3 ? 0x300 : 0x200));
    uint16_t fsw = (uint16_t)(g_rand_int(n->rand) & 0x7f3f);
    if (g_rand_int(n->rand) % 8 == 0) {
        fcw &= ~0x300;
    }
    s->fx[4] = (uint8_t)(g_rand_int(n->rand) % 4 ? 0 : g_rand_int(n->rand));
    if (x87_free) {
        s->fx[4] = (uint8_t)(g_rand_int(n->rand) | g_rand_int(n->rand) | g_rand_int(n->rand));
        if (g_rand_int(n->rand) & 1) {
            fcw &= (uint16_t)(g_rand_int(n->rand) | ~0x3f);
            fsw &= fcw | ~0x3f;
        }
        if (!(g_rand_int(n->rand) & 3)) {
            s->fx[4] = 0x7f << (g_rand_int(n->rand) & 7);
        }
    }
    memcpy(s->fx, &fcw, 2);
    memcpy(s->fx + 2, &fsw, 2);
    for (unsigned i = 0; i < 8; i++) {
        native_extended(n, s->fx + 32 + 16 * i);
    }
    uint32_t mxcsr = 0x1f80 | (g_rand_int(n->rand) & 0xe03f);
    if (!(g_rand_int(n->rand) & 3)) {
        mxcsr |= 0x40;
    }
    memcpy(s->fx + 24, &mxcsr, 4);
    for (unsigned i = 0; i < 16; i++) {
        native_vector(n, s->fx + 160 + 16 * i, kind);
        native_vector(n, s->fx + 576 + 16 * i, kind);
    }
    s->fx[512] = 7;
    for (unsigned i = 0; i < 12; i++) {
        s->gpr[i] = native_random(n);
        if (kind == 3) {
            s->gpr[i] = (uint64_t)(int64_t)(int8_t)s->gpr[i];
        }
    }
    s->rflags = 2 | (native_random(n) & FLAGS_STATUS);
    /* Handlers get addresses about the middle. */
    for (unsigned i = NATIVE_MEMORY / 2 - 256; i < NATIVE_MEMORY / 2 + 320; i += 16) {
        native_vector(n, s->memory + i, kind);
        if (kind == 2) {
            native_extended(n, s->memory + i);
        }
    }
}

/* ---- the two sides ---- */

static inline void native_state_to_cpu(struct native *n, const struct native_state *s)
{
    struct cpu *cpu = n->cpu;
    struct x86_fpu *f = &cpu->s.fpu;
    memcpy(&f->fcw, s->fx, 2);
    memcpy(&f->fsw, s->fx + 2, 2);
    f->ftw = s->fx[4];
    for (unsigned i = 0; i < 8; i++) {
        memcpy(f->st[i], s->fx + 32 + 16 * i, 16);
    }
    memcpy(&cpu->s.mxcsr, s->fx + 24, 4);
    for (unsigned i = 0; i < 16; i++) {
        memcpy(&cpu->s.ymm[i][0], s->fx + 160 + 16 * i, 16);
        memcpy(&cpu->s.ymm[i][2], s->fx + 576 + 16 * i, 16);
    }
    for (unsigned i = 0; i < 12; i++) {
        cpu->gpr[i] = s->gpr[i];
    }
    set_flags_status(cpu, (uint32_t)s->rflags);
    fpu_state_put(cpu);
}

static inline void native_cpu_to_state(struct native *n, struct native_state *s)
{
    static struct x86_state x;
    struct cpu *cpu = n->cpu;
    x = cpu->s;
    fpu_state_get(cpu, &x);
    memcpy(s->fx, &x.fpu.fcw, 2);
    memcpy(s->fx + 2, &x.fpu.fsw, 2);
    s->fx[4] = x.fpu.ftw;
    for (unsigned i = 0; i < 8; i++) {
        memcpy(s->fx + 32 + 16 * i, x.fpu.st[i], 16);
    }
    memcpy(s->fx + 24, &x.mxcsr, 4);
    for (unsigned i = 0; i < 16; i++) {
        memcpy(s->fx + 160 + 16 * i, &x.ymm[i][0], 16);
        memcpy(s->fx + 576 + 16 * i, &x.ymm[i][2], 16);
    }
    for (unsigned i = 0; i < 12; i++) {
        s->gpr[i] = cpu->gpr[i];
    }
    s->rflags = 2 | flags_status(cpu);
}

struct native_compare {
    uint32_t rflags; /* status flags that are defined */
    uint16_t fsw;    /* bits of FSW that are defined */
};

static inline void native_dump(GString *out, const char *name, const struct native_state *s)
{
    g_string_append_printf(out,
                           "\n%s: fcw %02x%02x fsw %02x%02x ftw %02x mxcsr %08x flags %03x rax "
                           "%016lx rcx %016lx rdx %016lx",
                           name, s->fx[1], s->fx[0], s->fx[3], s->fx[2], s->fx[4],
                           *(const uint32_t *)(s->fx + 24), (unsigned)s->rflags, s->gpr[0],
                           s->gpr[1], s->gpr[2]);
    for (unsigned i = 0; i < 3; i++) {
        g_string_append_printf(out, "\n  st%u %04x %016lx", i,
                               *(const uint16_t *)(s->fx + 40 + 16 * i),
                               *(const uint64_t *)(s->fx + 32 + 16 * i));
    }
    for (unsigned i = 1; i < 12; i += i == 3 ? 6 : 1) {
        const uint64_t *lo = (const uint64_t *)(s->fx + 160 + 16 * i),
                       *hi = (const uint64_t *)(s->fx + 576 + 16 * i);
        g_string_append_printf(out, "\n  ymm%u %016lx %016lx %016lx %016lx", i, hi[1], hi[0], lo[1],
                               lo[0]);
    }
    const uint64_t *m = (const uint64_t *)(s->memory + 2048);
    g_string_append_printf(out, "\n  mem %016lx %016lx %016lx %016lx", m[3], m[2], m[1], m[0]);
}

/* Empty x87 registers and FOP, FIP, FDP are not compared. */
static inline const char *native_difference(const struct native *n, const struct native_state *a,
                                            const struct native_state *b,
                                            const struct native_compare *c)
{
    uint16_t fsw_a, fsw_b;
    memcpy(&fsw_a, a->fx + 2, 2);
    memcpy(&fsw_b, b->fx + 2, 2);
    if (memcmp(a->fx, b->fx, 2) != 0) {
        return "FCW";
    }
    if ((fsw_a ^ fsw_b) & c->fsw) {
        return "FSW";
    }
    if (a->fx[4] != b->fx[4]) {
        return "FTW";
    }
    for (unsigned i = 0; i < 8; i++) {
        if ((a->fx[4] >> ((i + (fsw_a >> 11)) & 7) & 1) &&
            memcmp(a->fx + 32 + 16 * i, b->fx + 32 + 16 * i, 10) != 0) {
            return "ST";
        }
    }
    if (memcmp(a->fx + 24, b->fx + 24, 4) != 0) {
        return "MXCSR";
    }
    if (memcmp(a->fx + 160, b->fx + 160, 256) != 0) {
        return "XMM";
    }
    if (n->avx && memcmp(a->fx + 576, b->fx + 576, 256) != 0) {
        return "YMM";
    }
    for (unsigned i = 0; i < 12; i++) {
        if (i != RSP && i != RBP && a->gpr[i] != b->gpr[i]) {
            return "GPR";
        }
    }
    if ((a->rflags ^ b->rflags) & c->rflags) {
        return "EFLAGS";
    }
    return memcmp(a->memory, b->memory, NATIVE_MEMORY) != 0 ? "memory" : NULL;
}

/* Runs `length` bytes of code from n->start on both sides; fails the test with a dump if they
 * differ. The memory of the host's state is what both sides address. */
static inline void native_check(struct native *n, const uint8_t *bytes, unsigned length,
                                const char *name, const struct native_compare *compare)
{
    struct insn insn[2] = {{0}};
    bool more;
    const struct op_row *row = decode_insn(&insn[0], bytes, length, n->cpu->mode, &n->cpuid, &more);
    if (row == NULL || insn[0].len != length) {
        g_error("%s: decoded as %s, %u bytes", name, row != NULL ? row->mnemonic : "nothing",
                insn[0].len);
    }
    insn[1].fn = native_stop;
    memcpy(n->host, n->start, sizeof(*n->host));
    native_state_to_cpu(n, n->start);
    n->cpu->gpr[REG_RIP0] = (uintptr_t)n->code;
    fpu_enter(n->cpu);
    insn[0].fn(n->cpu, &insn[0]);
    fpu_leave(n->cpu);
    memcpy(n->guest->memory, n->host->memory, NATIVE_MEMORY);
    native_cpu_to_state(n, n->guest);

    memcpy(n->host, n->start, sizeof(*n->host));
    memcpy(n->code, bytes, length);
    n->code[length] = 0xc3;
    native_call(n->host, n->code, n->avx);
    n->runs++;
    const char *what = native_difference(n, n->host, n->guest, compare);
    if (what != NULL) {
        g_autoptr(GString) out = g_string_new(NULL);
        for (unsigned i = 0; i < length; i++) {
            g_string_append_printf(out, "%02x ", bytes[i]);
        }
        native_dump(out, "before", n->start);
        native_dump(out, "host", n->host);
        native_dump(out, "guest", n->guest);
        g_error("%s: %s differs: %s", name, what, out->str);
    }
}

/* ---- unmasked SIMD exceptions: SIGFPE on the host, #XM in the guest ---- */

extern sigjmp_buf native_sigfpe_exit;
extern volatile uint32_t native_sigfpe_mxcsr;

static inline void native_sigfpe(int signal, siginfo_t *info, void *context)
{
    native_sigfpe_mxcsr = ((ucontext_t *)context)->uc_mcontext.fpregs->mxcsr;
    siglongjmp(native_sigfpe_exit, 1);
}

/* As native_check() with exceptions unmasked in n->start's MXCSR: both sides raise or neither, with
 * the same flags; no register changes if they do. With overflow or underflow unmasked the guest may
 * report PE too often. */
static inline void native_check_unmasked(struct native *n, const uint8_t *bytes, unsigned length,
                                         const char *name)
{
    struct insn insn[2] = {{0}};
    bool more;
    struct sigaction action = {.sa_sigaction = native_sigfpe, .sa_flags = SA_SIGINFO}, old;
    g_assert_nonnull(decode_insn(&insn[0], bytes, length, n->cpu->mode, &n->cpuid, &more));
    insn[1].fn = native_stop;
    memcpy(n->host, n->start, sizeof(*n->host));
    native_state_to_cpu(n, n->start);
    n->cpu->gpr[REG_RIP0] = (uintptr_t)n->code;
    n->cpu->exception_depth = -1;
    bool guest_raised = true, host_raised = true;
    fpu_enter(n->cpu);
    if (sigsetjmp(n->cpu->fault_exit, 0) == 0) {
        insn[0].fn(n->cpu, &insn[0]);
        guest_raised = false;
    }
    fpu_leave(n->cpu);
    native_cpu_to_state(n, n->guest);
    memcpy(n->guest->memory, n->host->memory, NATIVE_MEMORY);

    memcpy(n->host, n->start, sizeof(*n->host));
    memcpy(n->code, bytes, length);
    n->code[length] = 0xc3;
    sigaction(SIGFPE, &action, &old);
    if (sigsetjmp(native_sigfpe_exit, 1) == 0) {
        native_call(n->host, n->code, n->avx);
        host_raised = false;
    } else {
        memcpy(n->host->fx + 24, (const void *)&native_sigfpe_mxcsr, 4);
    }
    sigaction(SIGFPE, &old, NULL);
    n->runs++;
    if (host_raised && (n->start->fx[25] & 12) != 12) {
        n->host->fx[24] |= n->guest->fx[24] & 0x20;
        n->guest->fx[24] |= n->host->fx[24] & 0x20;
    }
    const struct native_compare compare = {host_raised ? 0 : FLAGS_STATUS, 0xffff};
    const char *what = host_raised != guest_raised
                           ? "exception"
                           : native_difference(n, n->host, n->guest, &compare);
    if (what != NULL) {
        g_autoptr(GString) out = g_string_new(NULL);
        native_dump(out, "before", n->start);
        native_dump(out, "host", n->host);
        native_dump(out, "guest", n->guest);
        g_error("%s: %s differs: host raised %d guest raised %d %s", name, what, host_raised,
                guest_raised, out->str);
    }
}

/* ---- encodings of table rows ---- */

struct native_form {
    bool memory, w, l;
    uint8_t reg, rm, vvvv, imm;
};

static inline bool native_has_imm(const struct op_row *row)
{
    for (unsigned i = 0; i < 4; i++) {
        if (row->operand[i] == O_Ib || row->operand[i] == O_Lx || row->operand[i] == O_Ibs) {
            return true;
        }
    }
    return false;
}

/* Bytes of a row in 64-bit mode; memory forms address (%rbx). Returns the length. */
static inline unsigned native_encode(const struct op_row *row, const struct native_form *f,
                                     uint8_t *p)
{
    unsigned n = 0;
    bool vex = row->map >= M_V0F;
    unsigned reg = row->ext >= EX_BYTE ? (row->ext - EX_BYTE) >> 3 & 7
                   : row->ext >= 0     ? row->ext & 7
                                       : f->reg;
    unsigned rm = row->ext >= EX_BYTE ? row->ext & 7 : f->memory ? RBX : f->rm;
    bool memory = row->ext < EX_BYTE && f->memory;
    if (vex) {
        static const uint8_t pp[] = {
            [PX_ANY] = 0, [PX_NP] = 0, [PX_66] = 1, [PX_F3] = 2, [PX_F2] = 3};
        p[n++] = 0xc4;
        p[n++] = (uint8_t)((reg & 8 ? 0 : 0x80) | 0x40 | (!memory && rm & 8 ? 0 : 0x20) |
                           (row->map - M_V0F + 1));
        p[n++] =
            (uint8_t)((f->w ? 0x80 : 0) | (~f->vvvv & 15) << 3 | (f->l ? 4 : 0) | pp[row->prefix]);
    } else {
        static const uint8_t prefix[] = {[PX_66] = 0x66, [PX_F3] = 0xf3, [PX_F2] = 0xf2};
        uint8_t rex =
            (uint8_t)(0x40 | (f->w ? 8 : 0) | (reg & 8 ? 4 : 0) | (!memory && rm & 8 ? 1 : 0));
        if (row->prefix >= PX_66) {
            p[n++] = prefix[row->prefix];
        }
        if (rex != 0x40) {
            p[n++] = rex;
        }
        if (row->map != M_1) {
            p[n++] = 0x0f;
        }
        if (row->map == M_0F38 || row->map == M_0F3A) {
            p[n++] = row->map == M_0F38 ? 0x38 : 0x3a;
        }
    }
    p[n++] = row->opcode;
    p[n++] = (uint8_t)((memory ? 0 : 0xc0) | (reg & 7) << 3 | (rm & 7));
    if (native_has_imm(row)) {
        p[n++] = f->imm;
    }
    return n;
}

#endif
