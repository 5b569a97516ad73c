/*
 * The host's side: the instruction stands in the twin of the bench's memory, followed by a jump to a stub that
 * stores the state; exceptions arrive as signals on a stack of their own, whose frame has the state.
 */
#include <asm/ldt.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/diff/diff.h"

/* Absolute addresses in the last page of the twin. */
#define SLOT(n) "0x103ff0" #n
#define SAVED_RSP SLOT(00)
#define SAVED_STATE SLOT(08)
#define TARGET SLOT(10)
#define SAVED_RAX SLOT(18)
#define RETURN_SLOT 0x103ff020u
#define TAKEN_SLOT 0x103ff028u
#define FAR_SLOT SLOT(30)
#define FAR_SLOT_ADDRESS 0x103ff030u
#define SAVED_GS SLOT(38)
#define GATE 0x103ff040u /* code that jumps to the stubs in 64-bit mode */
#define TAKEN_GATE 0x103ff050u

_Static_assert(offsetof(struct diff_state, gpr) == 832, "known to assembly");
_Static_assert(offsetof(struct diff_state, rflags) == 960, "known to assembly");
_Static_assert(offsetof(struct diff_state, gs_base) == 968, "known to assembly");
_Static_assert(offsetof(struct diff_state, sel) == 976, "known to assembly");
_Static_assert(offsetof(struct diff_state, vector) == 984, "known to assembly");

void diff_enter64(struct diff_state *state, const void *target);
void diff_enter32(struct diff_state *state);
void diff_return(void);
void diff_taken(void);
/* gs: how GS is set, from state in RDI. */
#define ENTER(name, gs, jump)                                                                       \
    ".globl " name "\n" name ":\n"                                                              \
    "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"                      \
    "  mov %rsp, " SAVED_RSP "\n"                                                               \
    "  mov %rdi, " SAVED_STATE "\n"                                                             \
    "  mov %rsi, " TARGET "\n"                                                                  \
    "  rdgsbase %rax; mov %rax, " SAVED_GS "\n"                                                 \
    "  mov $0x2b, %eax; mov %eax, %ds; mov %eax, %es\n"                                         \
    "  xor %eax, %eax; mov %eax, %gs\n"                                                         \
    "  " gs "\n"                                                                                \
    "  mov $7, %eax; xor %edx, %edx; xrstor64 (%rdi)\n"                                         \
    "  pushq 960(%rdi); popfq\n"                                                                \
    "  mov 832(%rdi), %rax; mov 840(%rdi), %rcx; mov 848(%rdi), %rdx; mov 856(%rdi), %rbx\n"    \
    "  mov 864(%rdi), %rsp; mov 872(%rdi), %rbp; mov 880(%rdi), %rsi\n"                         \
    "  mov 896(%rdi), %r8; mov 904(%rdi), %r9; mov 912(%rdi), %r10; mov 920(%rdi), %r11\n"      \
    "  mov 928(%rdi), %r12; mov 936(%rdi), %r13; mov 944(%rdi), %r14; mov 952(%rdi), %r15\n"    \
    "  mov 888(%rdi), %rdi\n"                                                                   \
    "  " jump "\n"
__asm__(".text\n"
        ENTER("diff_enter64", "mov 968(%rdi), %rax; wrgsbase %rax", "jmp *" TARGET)
        ENTER("diff_enter32", "mov 982(%rdi), %gs", "ljmp *" FAR_SLOT)
        ".globl diff_taken\n"
        "diff_taken:\n"
        "  mov %rax, " SAVED_RAX "\n"
        "  mov " SAVED_STATE ", %rax\n"
        "  movl $-2, 984(%rax)\n"
        "  jmp 1f\n"
        ".globl diff_return\n"
        "diff_return:\n"
        "  mov %rax, " SAVED_RAX "\n"
        "  mov " SAVED_STATE ", %rax\n"
        "  movl $-1, 984(%rax)\n"
        "1: mov %rcx, 840(%rax); mov %rdx, 848(%rax); mov %rbx, 856(%rax); mov %rsp, 864(%rax)\n"
        "  mov %rbp, 872(%rax); mov %rsi, 880(%rax); mov %rdi, 888(%rax); mov %r8, 896(%rax)\n"
        "  mov %r9, 904(%rax); mov %r10, 912(%rax); mov %r11, 920(%rax); mov %r12, 928(%rax)\n"
        "  mov %r13, 936(%rax); mov %r14, 944(%rax); mov %r15, 952(%rax)\n"
        "  mov " SAVED_RAX ", %rcx; mov %rcx, 832(%rax)\n"
        "  mov " SAVED_RSP ", %rsp\n"
        "  pushfq; popq 960(%rax); cld\n"
        "  mov %es, 976(%rax); mov %ss, 978(%rax); mov %ds, 980(%rax); mov %gs, 982(%rax)\n"
        "  mov %rax, %rdi\n"
        "  rdgsbase %rax; mov %rax, 968(%rdi)\n"
        "  mov $7, %eax; xor %edx, %edx; xsave64 (%rdi)\n"
        "  xor %eax, %eax; mov %eax, %gs; mov " SAVED_GS ", %rax; wrgsbase %rax\n"
        "  fninit\n"
        "  movl $0x1f80, -8(%rsp); ldmxcsr -8(%rsp); vzeroupper\n"
        "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "  ret\n");

static sigjmp_buf escape;
static struct diff_state *signal_state;
static const int signals[] = { SIGFPE, SIGSEGV, SIGBUS, SIGILL, SIGTRAP };
static struct sigaction old_action[G_N_ELEMENTS(signals)];
static stack_t old_stack, new_stack;

static void on_signal(int number, siginfo_t *info, void *context)
{
    static const int order[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
    const mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
    struct diff_state *s = signal_state;
    for (unsigned i = 0; i < 16; i++) {
        s->gpr[i] = m->gregs[order[i]];
    }
    s->rflags = m->gregs[REG_EFL];
    s->rip = m->gregs[REG_RIP];
    s->vector = m->gregs[REG_TRAPNO];
    s->error = m->gregs[REG_ERR];
    memcpy(s->fx, m->fpregs, sizeof(s->fx));
    siglongjmp(escape, 1);
}

bool host_begin(void)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_ONSTACK | SA_SIGINFO };
    void (*stub)(void) = diff_return, (*taken)(void) = diff_taken;
    if (!__builtin_cpu_supports("avx") || (getauxval(AT_HWCAP2) & 2) == 0 /* FSGSBASE */) {
        return false;
    }
    struct user_desc gs = { .entry_number = USER_GS32 >> 3, .base_addr = GS_BASE, .limit = 0xfffff,
                            .seg_32bit = 1, .limit_in_pages = 1 };
    if (syscall(SYS_modify_ldt, 0x11, &gs, sizeof(gs)) != 0) {
        return false;
    }
    void *base = mmap((void *)BENCH_BASE, BENCH_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (base != (void *)BENCH_BASE) {
        return false;
    }
    memcpy((void *)(uintptr_t)RETURN_SLOT, &stub, sizeof(stub));
    memcpy((void *)(uintptr_t)TAKEN_SLOT, &taken, sizeof(taken));
    memcpy((void *)(uintptr_t)GATE, "\xff\x24\x25\x20\xf0\x3f\x10", 7); /* jmp *RETURN_SLOT */
    memcpy((void *)(uintptr_t)TAKEN_GATE, "\xff\x24\x25\x28\xf0\x3f\x10", 7);
    new_stack = (stack_t){ .ss_sp = g_malloc(1 << 17), .ss_size = 1 << 17 };
    sigaltstack(&new_stack, &old_stack);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &action, &old_action[i]);
    }
    return true;
}

void host_end(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &old_action[i], NULL);
    }
    sigaltstack(&old_stack, NULL);
    g_free(new_stack.ss_sp);
    munmap((void *)BENCH_BASE, BENCH_SIZE);
}

static void put_exit(uint8_t *at, unsigned bits, uint32_t slot, uint32_t gate)
{
    uint16_t cs64 = USER_CS64;
    if (bits == 64) {
        memcpy(at, "\xff\x24\x25", 3); /* jmp *slot */
        memcpy(at + 3, &slot, 4);
    } else {
        at[0] = 0xea; /* jmp far USER_CS64:gate */
        memcpy(at + 1, &gate, 4);
        memcpy(at + 5, &cs64, 2);
    }
}

void host_run(const struct diff_case *c, struct diff_state *out)
{
    uint8_t *at = (uint8_t *)BENCH_CODE;
    unsigned bits = c->form->bits;
    uint32_t target = BENCH_CODE;
    uint16_t cs32 = USER_CS32;
    memcpy(at, c->code, c->size);
    put_exit(at + c->size, bits, RETURN_SLOT, GATE);
    put_exit(at + TAKEN_AT, bits, TAKEN_SLOT, TAKEN_GATE);
    memcpy((void *)(uintptr_t)FAR_SLOT_ADDRESS, &target, sizeof(target));
    memcpy((void *)(uintptr_t)(FAR_SLOT_ADDRESS + 4), &cs32, sizeof(cs32));
    memcpy(out, &c->start, offsetof(struct diff_state, data));
    memcpy((void *)BENCH_DATA, c->start.data, DATA_SIZE);
    signal_state = out;
    if (sigsetjmp(escape, 1) == 0) {
        if (bits == 64) {
            diff_enter64(out, at);
        } else {
            diff_enter32(out);
        }
        out->rip = 0;
        out->error = 0;
    } else {
        memcpy(out->sel, c->start.sel, sizeof(out->sel)); /* not in the frame; not compared then */
        __asm__ volatile("fninit; vzeroupper" ::: "memory");
        uint32_t mxcsr = 0x1f80;
        __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
    }
    memcpy(out->data, (void *)BENCH_DATA, DATA_SIZE);
}
