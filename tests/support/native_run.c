/*
 * Running a few bytes of code on the host CPU with given registers. The code stands in the twin of the bench's
 * memory and ends with a jump to a stub that stores the registers; signals are caught on a stack of their own.
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/support/interp_bench.h"

/* Absolute addresses in the last page of the twin. */
#define SLOT(n) "0x103ff0" #n
#define SAVED_RSP SLOT(00)
#define SAVED_REGS SLOT(08)
#define TARGET SLOT(10)
#define SAVED_RAX SLOT(18)
#define RETURN_SLOT 0x103ff020u
#define FAR_SLOT SLOT(28)
#define FAR_SLOT_ADDRESS 0x103ff028u
#define GATE 0x103ff040u /* code that jumps to native_return in 64-bit mode */
#define USER_CS32 0x23   /* Linux's selectors */
#define USER_CS64 0x33

void native_enter(struct native_regs *regs, const void *target);
void native_enter32(struct native_regs *regs);
void native_return(void);
__asm__(".text\n"
        ".globl native_enter\n"
        "native_enter:\n"
        "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "  mov %rsp, " SAVED_RSP "\n"
        "  mov %rdi, " SAVED_REGS "\n"
        "  mov %rsi, " TARGET "\n"
        "  pushq 128(%rdi)\n"
        "  popfq\n"
        "  mov 0(%rdi), %rax; mov 8(%rdi), %rcx; mov 16(%rdi), %rdx; mov 24(%rdi), %rbx\n"
        "  mov 32(%rdi), %rsp; mov 40(%rdi), %rbp; mov 48(%rdi), %rsi\n"
        "  mov 64(%rdi), %r8; mov 72(%rdi), %r9; mov 80(%rdi), %r10; mov 88(%rdi), %r11\n"
        "  mov 96(%rdi), %r12; mov 104(%rdi), %r13; mov 112(%rdi), %r14; mov 120(%rdi), %r15\n"
        "  mov 56(%rdi), %rdi\n"
        "  jmp *" TARGET "\n"
        ".globl native_enter32\n"
        "native_enter32:\n"
        "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "  mov %rsp, " SAVED_RSP "\n"
        "  mov %rdi, " SAVED_REGS "\n"
        "  mov $0x2b, %eax\n"
        "  mov %eax, %ds\n"
        "  mov %eax, %es\n"
        "  pushq 128(%rdi)\n"
        "  popfq\n"
        "  mov 0(%rdi), %rax; mov 8(%rdi), %rcx; mov 16(%rdi), %rdx; mov 24(%rdi), %rbx\n"
        "  mov 32(%rdi), %rsp; mov 40(%rdi), %rbp; mov 48(%rdi), %rsi\n"
        "  mov 56(%rdi), %rdi\n"
        "  ljmp *" FAR_SLOT "\n"
        ".globl native_return\n"
        "native_return:\n"
        "  mov %rax, " SAVED_RAX "\n"
        "  mov " SAVED_REGS ", %rax\n"
        "  mov %rcx, 8(%rax); mov %rdx, 16(%rax); mov %rbx, 24(%rax); mov %rsp, 32(%rax)\n"
        "  mov %rbp, 40(%rax); mov %rsi, 48(%rax); mov %rdi, 56(%rax)\n"
        "  mov %r8, 64(%rax); mov %r9, 72(%rax); mov %r10, 80(%rax); mov %r11, 88(%rax)\n"
        "  mov %r12, 96(%rax); mov %r13, 104(%rax); mov %r14, 112(%rax); mov %r15, 120(%rax)\n"
        "  mov " SAVED_RAX ", %rcx\n"
        "  mov %rcx, 0(%rax)\n"
        "  mov " SAVED_RSP ", %rsp\n"
        "  pushfq\n"
        "  popq 128(%rax)\n"
        "  cld\n"
        "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "  ret\n");

static sigjmp_buf escape;
static const int signals[] = { SIGFPE, SIGSEGV, SIGBUS, SIGILL, SIGTRAP };
static struct sigaction old_action[G_N_ELEMENTS(signals)];
static stack_t old_stack;

static void on_signal(int number)
{
    siglongjmp(escape, number);
}

bool native_begin(void)
{
    stack_t stack = { .ss_sp = g_malloc(65536), .ss_size = 65536 };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
    void (*stub)(void) = native_return;
    void *base = mmap((void *)BENCH_BASE, BENCH_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (base != (void *)BENCH_BASE) {
        g_free(stack.ss_sp);
        return false;
    }
    memcpy((void *)(uintptr_t)RETURN_SLOT, &stub, sizeof(stub));
    memcpy((void *)(uintptr_t)GATE, "\xff\x24\x25\x20\xf0\x3f\x10", 7); /* jmp *RETURN_SLOT */
    sigaltstack(&stack, &old_stack);
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &action, &old_action[i]);
    }
    return true;
}

void native_end(void)
{
    stack_t stack;
    for (unsigned i = 0; i < G_N_ELEMENTS(signals); i++) {
        sigaction(signals[i], &old_action[i], NULL);
    }
    sigaltstack(&old_stack, &stack);
    g_free(stack.ss_sp);
    munmap((void *)BENCH_BASE, BENCH_SIZE);
}

int native_run(struct native_regs *regs, const void *code, unsigned size)
{
    uint8_t *at = (uint8_t *)BENCH_CODE;
    uint32_t slot = RETURN_SLOT;
    memcpy(at, code, size);
    memcpy(at + size, "\xff\x24\x25", 3); /* jmp *slot */
    memcpy(at + size + 3, &slot, sizeof(slot));
    int number = sigsetjmp(escape, 1);
    if (number == 0) {
        native_enter(regs, at);
    }
    return number;
}

int native_run32(struct native_regs *regs, const void *code, unsigned size)
{
    uint8_t *at = (uint8_t *)BENCH_CODE;
    uint32_t target = BENCH_CODE, gate = GATE;
    uint16_t cs32 = USER_CS32, cs64 = USER_CS64;
    memcpy(at, code, size);
    at[size] = 0xea; /* jmp far USER_CS64:GATE */
    memcpy(at + size + 1, &gate, sizeof(gate));
    memcpy(at + size + 5, &cs64, sizeof(cs64));
    memcpy((void *)(uintptr_t)FAR_SLOT_ADDRESS, &target, sizeof(target));
    memcpy((void *)(uintptr_t)(FAR_SLOT_ADDRESS + 4), &cs32, sizeof(cs32));
    int number = sigsetjmp(escape, 1);
    if (number == 0) {
        native_enter32(regs);
    }
    return number;
}
