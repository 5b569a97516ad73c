/*
 * What exits, doorbells and interrupt lines cost on the host's KVM, by the bare interface: whether ioeventfd and irqfd would
 * pay (docs/kvm.md). A real-mode guest stores to ports in a loop.
 *
 *   cc -O2 -pthread -o kvm_exits tests/bench/kvm_exits.c && ./kvm_exits
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 20000
#define TRIPS 2000
#define CODE 0x1000
#define FLAG 0x500
#define EXIT_PORT 0x80
#define BELL_PORT 0x81
#define END_PORT 0x82

static int device, vm, cpu, bell;
static struct kvm_run *run;
static uint8_t *memory;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void start(const uint8_t *code, size_t size)
{
    struct kvm_sregs sregs;
    struct kvm_regs regs = { .rip = CODE, .rflags = 2, .rcx = ROUNDS, .rsp = 0x800 };
    memcpy(memory + CODE, code, size);
    ioctl(cpu, KVM_GET_SREGS, &sregs);
    sregs.cs.base = sregs.cs.selector = 0;
    ioctl(cpu, KVM_SET_SREGS, &sregs);
    ioctl(cpu, KVM_SET_REGS, &regs);
}

/* Runs until the guest stores to END_PORT; us. */
static double run_to_end(void)
{
    double begin = now_us();
    for (;;) {
        if (ioctl(cpu, KVM_RUN, 0) < 0 ||
            (run->exit_reason == KVM_EXIT_IO && run->io.port == END_PORT) || run->exit_reason != KVM_EXIT_IO) {
            return now_us() - begin;
        }
    }
}

/* CX rounds of: out PORT, al. */
static double loop_us(uint8_t port)
{
    const uint8_t code[] = { 0xe6, port, 0xe2, 0xfc, 0xe6, END_PORT };
    start(code, sizeof(code));
    return run_to_end() / ROUNDS;
}

static double empty_us(void)
{
    const uint8_t code[] = { 0x88, 0xc0, 0xe2, 0xfc, 0xe6, END_PORT }; /* mov al, al */
    start(code, sizeof(code));
    return run_to_end() / ROUNDS;
}

/* The other side of the doorbell: a thread that would run the device. */
static void *device_main(void *arg)
{
    for (unsigned i = 0; i < TRIPS; i++) {
        uint64_t rings;
        if (read(bell, &rings, sizeof(rings)) < 0) {
            return NULL;
        }
        __atomic_store_n(memory + FLAG, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

/* The guest rings, and waits until the thread has been there. */
static double trip_us(void)
{
    const uint8_t code[] = {
        0xc6, 0x06, 0x00, 0x05, 0x00, /* again: mov byte [FLAG], 0 */
        0xe6, BELL_PORT,
        0x80, 0x3e, 0x00, 0x05, 0x00, /* wait: cmp byte [FLAG], 0 */
        0x74, 0xf9,                   /* je wait */
        0xe2, 0xf0,                   /* loop again */
        0xe6, END_PORT,
    };
    struct kvm_regs regs;
    pthread_t thread;
    uint64_t rings;
    fcntl(bell, F_SETFL, O_NONBLOCK);
    while (read(bell, &rings, sizeof(rings)) > 0) {
    }
    fcntl(bell, F_SETFL, 0);
    pthread_create(&thread, NULL, device_main, NULL);
    start(code, sizeof(code));
    ioctl(cpu, KVM_GET_REGS, &regs);
    regs.rcx = TRIPS;
    ioctl(cpu, KVM_SET_REGS, &regs);
    double us = run_to_end() / TRIPS;
    pthread_join(thread, NULL);
    return us;
}

static double line_us(void)
{
    double begin = now_us();
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct kvm_irq_level line = { .irq = 5, .level = i & 1 };
        ioctl(vm, KVM_IRQ_LINE, &line);
    }
    return (now_us() - begin) / ROUNDS;
}

static double irqfd_us(void)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    struct kvm_irqfd irqfd = { .fd = (uint32_t)fd, .gsi = 5 };
    const uint64_t one = 1;
    if (ioctl(vm, KVM_IRQFD, &irqfd) < 0) {
        return -1;
    }
    double begin = now_us();
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (write(fd, &one, sizeof(one)) < 0) {
            return -1;
        }
    }
    double us = (now_us() - begin) / ROUNDS;
    close(fd);
    return us;
}

int main(void)
{
    device = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    vm = device >= 0 ? ioctl(device, KVM_CREATE_VM, 0) : -1;
    if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0) < 0) {
        printf("no KVM with interrupt chips here\n");
        return 0;
    }
    memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region slot = { .memory_size = 1 << 20, .userspace_addr = (uintptr_t)memory };
    ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot);
    cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    run = mmap(NULL, (size_t)ioctl(device, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
    bell = eventfd(0, EFD_CLOEXEC);
    struct kvm_ioeventfd doorbell = { .addr = BELL_PORT, .len = 1, .fd = bell, .flags = KVM_IOEVENTFD_FLAG_PIO };
    if (ioctl(vm, KVM_IOEVENTFD, &doorbell) < 0) {
        printf("no ioeventfd here\n");
        return 0;
    }
    double empty = empty_us(), exits = loop_us(EXIT_PORT), bells = loop_us(BELL_PORT);
    printf("a round of the loop without port: %.2f us\n", empty);
    printf("a port store that exits:          %.2f us\n", exits - empty);
    printf("a port store by ioeventfd:        %.2f us\n", bells - empty);
    printf("from the store until a thread at the eventfd has run and the guest sees it: %.1f us\n", trip_us());
    printf("KVM_IRQ_LINE:                     %.2f us\n", line_us());
    printf("a write to an irqfd:              %.2f us (and the line is raised and lowered later, by a worker)\n", irqfd_us());
    return 0;
}
