/*
 * Exceptions, and loops on the paths that operating systems use: system calls, interrupts, page faults, ports,
 * page table switches, registers and memory of devices.
 */
#include "tests/bench/guest/system.h"

#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_FMASK 0xc0000084

#define SELECTOR_CODE 8
#define SELECTOR_USER 48 /* for SYSRET: +8 data, +16 64-bit code */

#define VECTOR_PF 14
#define VECTOR_KERNEL 0x30
#define VECTOR_USER 0x31

#define USER_STACK (ARENA + 0x100000)

struct gate {
    uint16_t offset0, selector;
    uint8_t ist, attr;
    uint16_t offset1;
    uint32_t offset2, zero;
};

static struct gate idt[0x32];

void exception_stubs(void), page_fault_stub(void), kernel_stub(void), user_stub(void), syscall_stub(void),
    user_syscalls(void), user_interrupts(void);
uint64_t run_user(uint64_t passes, void (*user)(void), void *stack);

/* Each exception stub is 16 bytes long and pushes a zero where the CPU has no error code. User loops count down
 * in RDI and end with interrupt 31h while it is 0; run_user() then returns. */
__asm__(
    ".balign 16\n"
    "exception_stubs:\n"
    ".set vector, 0\n"
    ".rept 32\n"
    "    .balign 16\n"
    "    .if !((0x27d00 >> vector) & 1)\n"
    "    push $0\n"
    "    .endif\n"
    "    push $vector\n"
    "    jmp exception_common\n"
    "    .set vector, vector + 1\n"
    ".endr\n"
    "exception_common:\n"
    "    mov (%rsp), %rdi\n"
    "    mov 16(%rsp), %rsi\n"
    "    and $-16, %rsp\n"
    "    call unexpected_exception\n"
    /* Makes the page present: its entry in the page tables is RAX's. */
    "page_fault_stub:\n"
    "    push %rax\n"
    "    push %rcx\n"
    "    mov %cr2, %rax\n"
    "    mov %rax, %rcx\n"
    "    shr $12, %rcx\n"
    "    and $-4096, %rax\n"
    "    or $7, %rax\n"
    "    mov %rax, 0x103000(,%rcx,8)\n"
    "    pop %rcx\n"
    "    pop %rax\n"
    "    add $8, %rsp\n"
    "    iretq\n"
    "kernel_stub:\n"
    "    inc %rax\n"
    "    iretq\n"
    "user_stub:\n"
    "    test %rdi, %rdi\n"
    "    jz 1f\n"
    "    inc %rax\n"
    "    iretq\n"
    "1:  mov saved_rsp(%rip), %rsp\n"
    "    pop %rbp\n"
    "    pop %rbx\n"
    "    ret\n"
    "syscall_stub:\n"
    "    inc %rax\n"
    "    sysretq\n"
    "user_syscalls:\n"
    "1:  mov $100, %ebx\n"
    "2:  syscall\n"
    "    dec %ebx\n"
    "    jnz 2b\n"
    "    dec %rdi\n"
    "    jnz 1b\n"
    "    int $0x31\n"
    "user_interrupts:\n"
    "1:  mov $100, %ebx\n"
    "2:  int $0x31\n"
    "    dec %ebx\n"
    "    jnz 2b\n"
    "    dec %rdi\n"
    "    jnz 1b\n"
    "    int $0x31\n"
    "run_user:\n"
    "    push %rbx\n"
    "    push %rbp\n"
    "    mov %rsp, saved_rsp(%rip)\n"
    "    xor %eax, %eax\n"
    "    push $56 + 3\n"
    "    push %rdx\n"
    "    push $2\n"
    "    push $64 + 3\n"
    "    push %rsi\n"
    "    iretq\n"
    ".data\n"
    "saved_rsp: .quad 0\n"
    ".text\n");

static void set_gate(unsigned vector, uintptr_t handler, unsigned dpl)
{
    idt[vector] = (struct gate){ (uint16_t)handler, SELECTOR_CODE, 0, (uint8_t)(0x8e | dpl << 5),
                                 (uint16_t)(handler >> 16), (uint32_t)(handler >> 32), 0 };
}

static void write_msr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static void enable_avx(void)
{
    uint32_t eax = 1, ebx, ecx = 0, edx;
    uint64_t cr4;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    if ((ecx & (1u << 26)) == 0 || (ecx & (1u << 28)) == 0) {
        return;
    }
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | 1u << 18));
    __asm__ volatile("xsetbv" : : "c"(0), "a"(7), "d"(0));
}

void system_init(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = { sizeof(idt) - 1, (uintptr_t)idt };
    for (unsigned i = 0; i < 32; i++) {
        set_gate(i, (uintptr_t)exception_stubs + 16 * i, 0);
    }
    set_gate(VECTOR_PF, (uintptr_t)page_fault_stub, 0);
    set_gate(VECTOR_KERNEL, (uintptr_t)kernel_stub, 0);
    set_gate(VECTOR_USER, (uintptr_t)user_stub, 3);
    __asm__ volatile("lidt %0" : : "m"(pointer));
    write_msr(MSR_STAR, (uint64_t)SELECTOR_USER << 48 | (uint64_t)SELECTOR_CODE << 32);
    write_msr(MSR_LSTAR, (uintptr_t)syscall_stub);
    write_msr(MSR_FMASK, 0x700);
    enable_avx();
    __asm__ volatile("fninit\n ldmxcsr %0" : : "m"((uint32_t){ 0x1f80 }));
}

/* ---- loops ---- */

static uint64_t run_syscall(uint64_t passes)
{
    return run_user(passes, user_syscalls, USER_STACK);
}

static uint64_t run_int_user(uint64_t passes)
{
    return run_user(passes, user_interrupts, USER_STACK);
}

static uint64_t run_int_kernel(uint64_t passes)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < passes * 100; i++) {
        __asm__ volatile("int $0x30" : "+a"(count));
    }
    return count;
}

/* Touches 64 pages that are not present. */
static uint64_t run_page_fault(uint64_t passes)
{
    uint64_t sum = 0;
    for (; passes > 0; passes--) {
        for (unsigned i = 0; i < 64; i++) {
            volatile uint8_t *page = ARENA + 0x200000 + i * 4096;
            *PTE(page) = 0;
            __asm__ volatile("invlpg %0" : : "m"(*page));
            *page = (uint8_t)i;
            sum += *page;
        }
    }
    return sum;
}

/* Address space switches, each followed by loads from 16 pages. */
static uint64_t run_cr3(uint64_t passes)
{
    uint64_t sum = 0, cr3;
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    for (unsigned j = 0; j < 16; j++) {
        *(uint32_t *)(ARENA + 0x300000 + j * 4096) = j * 3;
    }
    for (; passes > 0; passes--) {
        for (unsigned i = 0; i < 16; i++) {
            __asm__ volatile("mov %0, %%cr3" : : "r"(cr3) : "memory");
            for (unsigned j = 0; j < 16; j++) {
                sum += *(volatile uint32_t *)(ARENA + 0x300000 + j * 4096);
            }
        }
    }
    return sum;
}

static uint64_t run_port_out(uint64_t passes)
{
    for (uint64_t i = 0; i < passes * 200; i++) {
        port_out(0x80, (uint8_t)i);
    }
    return 0;
}

static uint64_t run_port_in(uint64_t passes)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < passes * 200; i++) {
        sum += port_in(0x3fb); /* the UART's line control register */
    }
    return sum;
}

/* Stores to the text screen. */
static uint64_t run_text(uint64_t passes)
{
    volatile uint16_t *screen = (uint16_t *)0xb8000;
    for (; passes > 0; passes--) {
        for (unsigned i = 0; i < 2000; i++) {
            screen[i] = (uint16_t)(0x700 | ((i + passes) & 0x7f));
        }
    }
    return 0;
}

static uint64_t run_cpuid(uint64_t passes)
{
    for (uint64_t i = 0; i < passes * 50; i++) {
        uint32_t eax = 0, ebx, ecx = 0, edx;
        __asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    }
    return 0;
}

const struct loop system_loops[] = {
    { "syscall", "system", run_syscall },
    { "int_user", "system", run_int_user },
    { "int_kernel", "system", run_int_kernel },
    { "page_fault", "system", run_page_fault },
    { "cr3", "system", run_cr3 },
    { "port_out", "system", run_port_out },
    { "port_in", "system", run_port_in },
    { "text", "system", run_text },
    { "cpuid", "system", run_cpuid },
    LOOP_END
};
