/* What a kernel and a CPU do together: signals of every fault with their details, state kept across handlers,
 * single-step and watchpoints by ptrace, threads, fork, pipes, shared memory, timers, code that changes itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/boot/userland/sum.h"

static sigjmp_buf jump;
static volatile int seen, seen_code;
static void *volatile seen_address;

static void on_fault(int number, siginfo_t *info, void *context)
{
    seen = number;
    seen_code = info->si_code;
    seen_address = info->si_addr;
    siglongjmp(jump, 1);
}

static void zero_division(void) { __asm__ volatile("xorl %%ecx, %%ecx\n\tcltd\n\tidivl %%ecx" : : : "eax", "ecx", "edx"); }
static void division_overflow(void)
{
    __asm__ volatile("movl $0x80000000, %%eax\n\tcltd\n\tmovl $-1, %%ecx\n\tidivl %%ecx" : : : "eax", "ecx", "edx");
}
static void undefined(void) { __asm__ volatile("ud2"); }
static void null_read(void) { __asm__ volatile("movl 0x123, %%eax" : : : "eax"); }
static void non_canonical(void) { __asm__ volatile("movq $1, %%rax\n\tshlq $63, %%rax\n\tmovb $0, (%%rax)" : : : "rax"); }
static void privileged(void) { __asm__ volatile("hlt"); }
static void misaligned(void) { __asm__ volatile("movaps 1(%%rsp), %%xmm0" : : : "xmm0"); }
static void breakpoint(void) { __asm__ volatile("int3"); }
static void single_step(void)
{
    __asm__ volatile("pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\tnop\n\tnop" : : : "memory", "cc");
}
static void x87_fault(void)
{
    unsigned short control = 0x37B; /* division by zero unmasked */
    __asm__ volatile("fldcw %0\n\tfld1\n\tfldz\n\tfdivrp\n\tfwait" : : "m"(control));
}
static void sse_fault(void)
{
    unsigned mxcsr = 0x1F80 & ~0x200u;
    __asm__ volatile("ldmxcsr %0\n\txorps %%xmm1, %%xmm1\n\tdivss %%xmm1, %%xmm0" : : "m"(mxcsr) : "xmm0", "xmm1");
}
static void read_only_write(void) { *(volatile int *)(uintptr_t)zero_division = 1; }
static void alignment_check(void)
{
    __asm__ volatile("pushfq\n\torl $0x40000, (%%rsp)\n\tpopfq\n\tmovl 1(%%rsp), %%eax" : : : "rax", "memory", "cc");
}

static void faults(void)
{
    static const struct { const char *name; void (*run)(void); } cases[] = {
        {"#DE zero", zero_division}, {"#DE overflow", division_overflow}, {"#UD", undefined}, {"#PF null", null_read},
        {"#GP non-canonical", non_canonical}, {"#GP privileged", privileged}, {"#GP misaligned", misaligned},
        {"#BP", breakpoint}, {"#DB", single_step}, {"#MF", x87_fault}, {"#XM", sse_fault},
        {"#PF read-only", read_only_write}, {"#AC", alignment_check},
    };
    static char stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaltstack(&alternate, NULL);
    int signals[] = {SIGFPE, SIGSEGV, SIGILL, SIGBUS, SIGTRAP};
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaction(signals[i], &action, NULL);
    }
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned mxcsr = 0x1F80;
        seen = 0;
        if (sigsetjmp(jump, 1) == 0) {
            cases[i].run();
        }
        __asm__ volatile("fninit\n\tldmxcsr %0\n\tpushfq\n\tandl $~0x40100, (%%rsp)\n\tpopfq" : : "m"(mxcsr) : "memory", "cc");
        printf("%s: signal %d code %d address %s\n", cases[i].name, seen, seen_code,
               (uintptr_t)seen_address < 0x1000 ? (seen_address ? "low" : "zero") : "code or data");
    }
}

/* A handler that wrecks every register of the FPU must not be felt. */
static void on_alarm(int number)
{
    seen++;
    __asm__ volatile("fninit\n\tfldpi\n\tfldpi\n\tpcmpeqd %%xmm0, %%xmm0\n\tmovaps %%xmm0, %%xmm7" : : : "xmm0", "xmm7");
}

static void timers(void)
{
    struct itimerval every = {{0, 2000}, {0, 2000}};
    struct sum sum = {1};
    seen = 0;
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &every, NULL);
    for (int round = 0; round < 10 || seen < 20; round++) {
        double a = 1.0;
        long double b = 1.0L;
        uint64_t integer = 1;
        for (int i = 1; i < 20000; i++) {
            a = a * 1.0000001 + 1.0 / i;
            b = b * 1.0000001L + 1.0L / i;
            integer = integer * 6364136223846793005u + (uint64_t)i;
        }
        sum.value = 1;
        sum_add(&sum, &a, sizeof(a));
        sum_add(&sum, &b, 10);
        sum_add(&sum, &integer, sizeof(integer));
    }
    struct itimerval off = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &off, NULL);
    sum_print(&sum, "state across signals");
}

#define THREADS 8
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn, locked_count;
static atomic_int atomic_count;
static volatile uint64_t wide[2] __attribute__((aligned(16)));

static void *thread(void *arg)
{
    int id = (int)(intptr_t)arg;
    for (int i = 0; i < 20000; i++) {
        atomic_fetch_add(&atomic_count, 1);
        uint64_t low, high;
        unsigned char done;
        do {
            low = wide[0];
            high = wide[1];
            __asm__ volatile("lock cmpxchg16b %1\n\tsete %0"
                             : "=q"(done), "+m"(wide), "+a"(low), "+d"(high) : "b"(low + 1), "c"(high + 2) : "cc");
        } while (!done);
        pthread_mutex_lock(&mutex);
        locked_count++;
        pthread_mutex_unlock(&mutex);
    }
    for (int i = 0; i < 50; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % THREADS != id) {
            pthread_cond_wait(&condition, &mutex);
        }
        turn++;
        pthread_cond_broadcast(&condition);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t ids[THREADS];
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&ids[i], NULL, thread, (void *)(intptr_t)i);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
    }
    printf("threads: %d atomic, %d locked, %d turns, wide %lld %lld\n", atomic_load(&atomic_count), locked_count, turn,
           (long long)wide[0], (long long)wide[1]);
}

static void processes(void)
{
    int up[2];
    long *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    static long private_value = 1;
    if (pipe(up) < 0) {
        exit(1);
    }
    for (long i = 0; i < 40; i++) {
        if (fork() == 0) {
            private_value += i; /* copy on write */
            long result = private_value;
            for (int k = 0; k < 1000; k++) {
                __atomic_fetch_add(shared, i, __ATOMIC_SEQ_CST);
                result += (result * 31 + k) % 17;
            }
            _exit(write(up[1], &result, sizeof(result)) != sizeof(result));
        }
    }
    long total = 0, one;
    int bad = 0, status;
    for (int i = 0; i < 40; i++) {
        total += read(up[0], &one, sizeof(one)) == sizeof(one) ? one : 0;
    }
    while (wait(&status) > 0) {
        bad += status != 0;
    }
    printf("processes: total %ld, shared %ld, own %ld, bad %d\n", total, *shared, private_value, bad);
}

static volatile int watched;

static int next_stop(pid_t child)
{
    int status;
    waitpid(child, &status, 0);
    return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
}

static void tracing(void)
{
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        for (int i = 0; i < 5; i++) {
            watched = i;
            __asm__ volatile("" : : : "memory");
        }
        raise(SIGUSR1);
        __asm__ volatile("movl $100, %%ecx\n1: decl %%ecx\n\tjnz 1b\n\tud2" : : : "ecx", "cc");
        _exit(0);
    }
    next_stop(child);
    int hits = 0;
    /* DR0 = the variable; 4 bytes, writes. */
    if (ptrace(PTRACE_POKEUSER, child, offsetof(struct user, u_debugreg[0]), (void *)&watched) == 0 &&
        ptrace(PTRACE_POKEUSER, child, offsetof(struct user, u_debugreg[7]), (void *)0xD0001L) == 0) {
        ptrace(PTRACE_CONT, child, NULL, NULL);
        while (next_stop(child) == SIGTRAP) {
            hits++;
            ptrace(PTRACE_CONT, child, NULL, NULL);
        }
        ptrace(PTRACE_POKEUSER, child, offsetof(struct user, u_debugreg[7]), (void *)0L);
    }
    printf("watchpoint: %d hits\n", hits);
    int stops;
    struct user_regs_struct registers = {0};
    /* From the loop's first instruction on. */
    for (stops = 0; stops < 100000; stops++) {
        ptrace(PTRACE_SINGLESTEP, child, NULL, NULL);
        if (next_stop(child) != SIGTRAP) {
            break;
        }
        ptrace(PTRACE_GETREGS, child, NULL, &registers);
        long code = ptrace(PTRACE_PEEKTEXT, child, (void *)registers.rip, NULL);
        if ((code & 0xFFFF) == 0x0B0F) {
            break;
        }
    }
    printf("single-step: reached ud2 with ecx %d, %s\n", (int)registers.rcx, stops > 200 ? "stepped" : "not stepped");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void changing_code(void)
{
    uint8_t *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t total = 0;
    for (int offset = 0; offset <= 4093; offset += 4093) { /* the second one across the page's end */
        uint8_t *at = code + offset;
        at[0] = 0xB8; /* mov eax, imm32; ret */
        at[5] = 0xC3;
        for (uint32_t i = 0; i < 20000; i++) {
            memcpy(at + 1, &i, 4);
            total = total * 3 + ((uint32_t(*)(void))at)();
        }
    }
    printf("changing code: %llx\n", (unsigned long long)total);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    faults();
    timers();
    threads();
    processes();
    tracing();
    changing_code();
    return 0;
}
