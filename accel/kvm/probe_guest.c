/*
 * The throw-away VM of the probe: does 32-bit paging stick, how long does a loop take, does an x87 instruction
 * run, and how many instructions does the kernel say that it emulated.
 *
 * The loop runs in pieces with an OUT after each, and the fastest piece counts, so that a busy host does not pass
 * for an emulated one; nor does the loop go on once it is known to be slow. A timer's signal sets immediate_exit
 * when the time is over (api.rst, KVM_RUN), so that a KVM that never comes back costs no more than the budget. Only
 * where the host had no CPU for us in that time is there a little more, since a wrong answer would be worse.
 */
#include "accel/kvm/probe_impl.h"

#include <errno.h>
#include <glib.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "accel/x86_state.h"

#define MEMORY_SIZE 0x3000u
#define LOOP_AT 0x1000u
#define X87_AT 0x1100u
#define TSS_AT 0xfffbd000ull /* three pages that no guest has: for VT without unrestricted guests */
#define PIECES 100u
#define PIECES_MIN 3u
#define PIECE_ROUNDS (PROBE_ROUNDS / PIECES)
#define PORT_DONE 0x80

/* For all rounds: hardware needs a few dozen microseconds, and a millisecond or two for a hundred exits to a
 * hypervisor below another; PVM's emulator needs ten milliseconds and more. */
#define SLOW_NS 5000000ull
/* Real hardware emulates none of the loop; a few are emulated to get a CPU without unrestricted mode started. */
#define EMULATED_MIN 500u

#define EXTENSIONS 4u
#define EXTENSION_NS 10000000u
#define EXTENSION_CPU_NS 8000000u /* who has had so much has had enough */

struct guest {
    const struct kvm_sys *sys;
    int vm, cpu;
    uint8_t *memory;
    struct kvm_run *run;
    size_t run_size;
    uint64_t deadline;
    uint64_t cpu_time; /* of this thread at the start, ns */
    unsigned extensions; /* left */
    timer_t timer;
    bool timer_set;
    struct sigaction old_action;
};

/* ---- the end of the time ---- */

static void on_timeout(int number, siginfo_t *info, void *context)
{
    ((volatile struct kvm_run *)info->si_value.sival_ptr)->immediate_exit = 1;
}

/* Repeats, in case the first signal comes between two calls. */
static void timeout_set(struct guest *g, uint64_t left)
{
    struct itimerspec when = {
        .it_value = { .tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000) },
        .it_interval = { .tv_nsec = 1000000 },
    };
    if (g->timer_set) {
        timer_settime(g->timer, 0, &when, NULL);
    }
}

static void timeout_start(struct guest *g)
{
    int number = SIGRTMIN + 1;
    struct sigaction action = { .sa_sigaction = on_timeout, .sa_flags = SA_SIGINFO };
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number };
    uint64_t now = g->sys->ops->now(g->sys->arg);
    uint64_t left = g->deadline > now ? g->deadline - now : 1;
    event.sigev_value.sival_ptr = g->run;
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    sigaction(number, &action, &g->old_action);
    if (timer_create(CLOCK_MONOTONIC, &event, &g->timer) == 0) {
        g->timer_set = true;
        timeout_set(g, left);
    } else {
        sigaction(number, &g->old_action, NULL);
    }
}

static void timeout_stop(struct guest *g)
{
    if (g->timer_set) {
        timer_delete(g->timer);
        sigaction(SIGRTMIN + 1, &g->old_action, NULL);
    }
}

/* The time is over, but it was not ours. */
static bool timeout_extend(struct guest *g)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    uint64_t since = (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec - g->cpu_time;
    if (!g->run->immediate_exit || g->extensions == 0 || since > EXTENSION_CPU_NS) {
        return false;
    }
    g->extensions--;
    timeout_set(g, EXTENSION_NS);
    g->run->immediate_exit = 0;
    return true;
}

/* ---- making and unmaking ---- */

static int guest_create(struct guest *g, int device, const char **what)
{
    const struct kvm_sys *sys = g->sys;
    *what = "KVM_CREATE_VM";
    if ((g->vm = kvm_sys_ioctl(sys, device, KVM_CREATE_VM, 0)) < 0) {
        return g->vm;
    }
    kvm_sys_ioctl(sys, g->vm, KVM_SET_TSS_ADDR, TSS_AT);
    *what = "memory";
    g->memory = sys->ops->memory(sys->arg, MEMORY_SIZE);
    if (g->memory == NULL) {
        return -ENOMEM;
    }
    struct kvm_userspace_memory_region slot = {
        .memory_size = MEMORY_SIZE,
        .userspace_addr = (uintptr_t)g->memory,
    };
    *what = "KVM_SET_USER_MEMORY_REGION";
    int r = kvm_sys_ioctl_ptr(sys, g->vm, KVM_SET_USER_MEMORY_REGION, &slot);
    if (r < 0) {
        return r;
    }
    *what = "KVM_CREATE_VCPU";
    if ((g->cpu = kvm_sys_ioctl(sys, g->vm, KVM_CREATE_VCPU, 0)) < 0) {
        return g->cpu;
    }
    r = kvm_sys_ioctl(sys, device, KVM_GET_VCPU_MMAP_SIZE, 0);
    *what = "KVM_GET_VCPU_MMAP_SIZE";
    if (r < (int)sizeof(struct kvm_run)) {
        return r < 0 ? r : -EINVAL;
    }
    g->run_size = (size_t)r;
    *what = "mmap";
    g->run = sys->ops->map(sys->arg, g->cpu, g->run_size, 0);
    return g->run != NULL ? 0 : -ENOMEM;
}

static void guest_destroy(struct guest *g)
{
    const struct kvm_sys *sys = g->sys;
    if (g->run != NULL) {
        sys->ops->unmap(sys->arg, g->run, g->run_size);
    }
    if (g->cpu >= 0) {
        kvm_sys_close(sys, g->cpu);
    }
    if (g->vm >= 0) {
        kvm_sys_close(sys, g->vm);
    }
    if (g->memory != NULL) {
        sys->ops->unmap(sys->arg, g->memory, MEMORY_SIZE);
    }
}

/* ---- code ---- */

static void write_code(uint8_t *memory)
{
    static const uint8_t loop[] = {
        0xb9, PIECE_ROUNDS & 0xff, PIECE_ROUNDS >> 8, 0, 0, /* mov ecx, rounds */
        0x49,                                               /* again: dec ecx */
        0x75, 0xfd,                                         /* jnz again */
        0xe6, PORT_DONE,                                    /* out PORT_DONE, al */
        0xeb, 0xf4,                                         /* jmp to the start */
    };
    static const uint8_t x87[] = {
        0xdb, 0xe3,      /* fninit */
        0xd9, 0xe8,      /* fld1 */
        0xdd, 0xd8,      /* fstp st0 */
        0xe6, PORT_DONE, /* out PORT_DONE, al */
    };
    memcpy(memory + LOOP_AT, loop, sizeof(loop));
    memcpy(memory + X87_AT, x87, sizeof(x87));
}

static void flat_segment(struct kvm_segment *segment, uint16_t selector, uint8_t type)
{
    *segment = (struct kvm_segment){
        .limit = 0xffffffff, .selector = selector, .type = type, .present = 1, .db = 1, .s = 1, .g = 1,
    };
}

/* Flat 32-bit protected mode without paging. */
static bool enter_protected(struct guest *g, struct kvm_sregs *sregs)
{
    if (kvm_sys_ioctl_ptr(g->sys, g->cpu, KVM_GET_SREGS, sregs) < 0) {
        return false;
    }
    flat_segment(&sregs->cs, 8, 11);
    flat_segment(&sregs->ds, 16, 3);
    sregs->es = sregs->ss = sregs->fs = sregs->gs = sregs->ds;
    sregs->cr0 = CR0_PE | CR0_ET | CR0_NE;
    return kvm_sys_ioctl_ptr(g->sys, g->cpu, KVM_SET_SREGS, sregs) >= 0;
}

/* 32-bit paging is asked for and read back; the tables are empty, but nothing runs. It comes last: where paging
 * does not stick, the CPU is not fit to run afterwards. */
static void try_paging(struct guest *g, struct kvm_probe *probe, const struct kvm_sregs *protected)
{
    struct kvm_sregs sregs = *protected;
    sregs.cr0 |= CR0_PG;
    probe->limits.no_paging32 = kvm_sys_ioctl_ptr(g->sys, g->cpu, KVM_SET_SREGS, &sregs) < 0 ||
                                kvm_sys_ioctl_ptr(g->sys, g->cpu, KVM_GET_SREGS, &sregs) < 0 ||
                                !(sregs.cr0 & CR0_PG);
}

static bool start_at(struct guest *g, uint32_t address)
{
    struct kvm_regs regs = { .rip = address, .rsp = LOOP_AT, .rflags = FLAG_1 };
    return kvm_sys_ioctl_ptr(g->sys, g->cpu, KVM_SET_REGS, &regs) >= 0;
}

/* Runs to the next OUT. False if something else happened. */
static bool run_to_port(struct guest *g)
{
    int r;
    do {
        r = kvm_sys_ioctl(g->sys, g->cpu, KVM_RUN, 0);
    } while (r == -EINTR && !((volatile struct kvm_run *)g->run)->immediate_exit);
    return r >= 0 && g->run->exit_reason == KVM_EXIT_IO && g->run->io.port == PORT_DONE;
}

/* ---- measurements ---- */

static void time_loop(struct guest *g, struct kvm_probe *probe)
{
    uint64_t best = UINT64_MAX;
    if (!start_at(g, LOOP_AT)) {
        return;
    }
    for (unsigned i = 0; i < PIECES;) {
        uint64_t before = g->sys->ops->now(g->sys->arg);
        if (!run_to_port(g)) {
            if (!probe->loop_done && timeout_extend(g)) {
                continue;
            }
            return;
        }
        i++;
        best = MIN(best, g->sys->ops->now(g->sys->arg) - before);
        probe->loop_done = true;
        probe->loop_ns = best * PIECES;
        if (i >= PIECES_MIN && probe->loop_ns > SLOW_NS) {
            break;
        }
    }
    probe->limits.emulated = probe->loop_ns > SLOW_NS;
}

/* The kernel's emulator takes its time to say that it cannot; where the class is known already, and the time is
 * half over, it is not asked. */
static void try_x87(struct guest *g, struct kvm_probe *probe)
{
    bool late = g->sys->ops->now(g->sys->arg) + KVM_PROBE_BUDGET_NS / 2 > g->deadline;
    if ((late && probe->limits.emulated) || !start_at(g, X87_AT)) {
        return;
    }
    bool ran = run_to_port(g);
    probe->x87_done = ran || !g->run->immediate_exit;
    probe->limits.no_x87 = probe->x87_done && !ran;
}

/* The VCPU's statistics (api.rst, KVM_GET_STATS_FD): descriptors with names, then the values. */
static bool read_counter(struct guest *g, int fd, const char *name, uint64_t *value)
{
    const struct kvm_sys *sys = g->sys;
    struct kvm_stats_header header;
    if (sys->ops->read(sys->arg, fd, &header, sizeof(header), 0) != sizeof(header) || header.name_size > 256 ||
        header.num_desc > 1000) {
        return false;
    }
    size_t step = sizeof(struct kvm_stats_desc) + header.name_size, size = step * header.num_desc;
    g_autofree char *descriptors = g_malloc0(size + 1);
    if (sys->ops->read(sys->arg, fd, descriptors, size, header.desc_offset) != (int)size) {
        return false;
    }
    for (unsigned i = 0; i < header.num_desc; i++) {
        struct kvm_stats_desc desc;
        const char *text = descriptors + i * step;
        memcpy(&desc, text, sizeof(desc));
        if (strncmp(text + sizeof(desc), name, header.name_size) == 0) {
            return sys->ops->read(sys->arg, fd, value, sizeof(*value), header.data_offset + desc.offset) ==
                   sizeof(*value);
        }
    }
    return false;
}

static void count_emulated(struct guest *g, struct kvm_probe *probe)
{
    int fd = kvm_sys_ioctl(g->sys, g->cpu, KVM_GET_STATS_FD, 0);
    if (fd < 0) {
        return;
    }
    probe->stats_done = read_counter(g, fd, "insn_emulation", &probe->emulated);
    probe->limits.emulated |= probe->stats_done && probe->emulated >= EMULATED_MIN;
    kvm_sys_close(g->sys, fd);
}

bool kvm_probe_guest(struct kvm_probe *probe, const struct kvm_sys *sys, int device, uint64_t deadline,
                     const char **what, int *error)
{
    struct guest g = { .sys = sys, .vm = -1, .cpu = -1, .deadline = deadline, .extensions = EXTENSIONS };
    struct kvm_sregs sregs;
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    g.cpu_time = (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
    *error = guest_create(&g, device, what);
    if (*error == 0) {
        write_code(g.memory);
        timeout_start(&g);
        if (enter_protected(&g, &sregs)) {
            time_loop(&g, probe);
            count_emulated(&g, probe);
            try_x87(&g, probe);
            try_paging(&g, probe, &sregs);
        }
        timeout_stop(&g);
    }
    guest_destroy(&g);
    return *error == 0;
}
