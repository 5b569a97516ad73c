/*
 * Exits on the host's KVM, looked at through the seam of system calls: what a port access costs in our own code, between
 * two KVM_RUNs; and that a store to ROM takes no lock. The program runs in real mode, which every KVM has.
 */
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

#include "accel/kvm/kvm_engine.h"
#include "accel/kvm/probe.h"
#include "tests/support/test.h"

#define RAM_SIZE 0x100000u
#define ROM_AT 0xf0000u
#define ROM_SIZE 0x10000u
#define CODE_AT 0x1000u
#define COUNTER 0x500u
#define PORT 0x80u
#define SAMPLES 2000u
#define OWN_NS 1000u

struct rig {
    struct machine *machine;
    struct ram *ram, *rom;
    struct region ram_region, rom_region, port_region;
    struct x86_cpuid cpuid;
    struct kvm_limits limits;
    struct kvm_sys_ops ops; /* the host's, but for ioctl */
    struct kvm_sys sys;
    void *interp, *kvm;
    GThread *thread;
    bool stop;
    /* CPU thread: */
    uint64_t returned; /* when KVM_RUN came back */
    uint64_t own[SAMPLES];
    unsigned samples;
};

static int timed_ioctl(void *arg, int fd, unsigned long request, uintptr_t value)
{
    struct rig *r = arg;
    if (request != KVM_RUN) {
        return kvm_sys_host.ops->ioctl(NULL, fd, request, value);
    }
    unsigned n = __atomic_load_n(&r->samples, __ATOMIC_RELAXED);
    if (r->returned != 0 && n < SAMPLES) {
        r->own[n] = kvm_sys_host.ops->now(NULL) - r->returned;
        __atomic_store_n(&r->samples, n + 1, __ATOMIC_RELEASE);
    }
    int result = kvm_sys_host.ops->ioctl(NULL, fd, request, value);
    r->returned = result >= 0 ? kvm_sys_host.ops->now(NULL) : 0;
    return result;
}

static uint64_t port_read(void *owner, uint64_t offset, unsigned size)
{
    return 0x5a;
}

static const struct region_ops port_ops = { .read = port_read, .max_size = 1 };

static void *cpu_main(void *arg)
{
    struct rig *r = arg;
    while (!__atomic_load_n(&r->stop, __ATOMIC_SEQ_CST)) {
        accel_kvm_ops.vcpu_run(r->kvm, 0);
    }
    return NULL;
}

/* NULL after g_test_skip() where there is no KVM. */
static struct rig *rig_create(const uint8_t *program, size_t size)
{
    static const uint8_t start[] = { 0xea, 0x00, 0x10, 0x00, 0x00 }; /* jmp 0:1000 */
    GError *error = NULL;
    struct kvm_probe probe;
    kvm_probe(&probe, &kvm_sys_host);
    if (!kvm_probe_usable(&probe)) {
        g_test_skip(probe.reason);
        return NULL;
    }
    struct rig *r = g_new0(struct rig, 1);
    r->ops = *kvm_sys_host.ops;
    r->ops.ioctl = timed_ioctl;
    r->sys = (struct kvm_sys){ &r->ops, r };
    r->machine = machine_create(NULL);
    r->ram = ram_create("ram", RAM_SIZE, NULL);
    r->rom = ram_create("rom", ROM_SIZE, NULL);
    region_init_ram(&r->ram_region, "ram", r->ram, 0, RAM_SIZE);
    region_init_rom(&r->rom_region, "rom", r->rom, 0, ROM_SIZE);
    region_init_io(&r->port_region, "port", 1, &port_ops, r);
    bus_map(r->machine->memory, &r->ram_region, 0, 0);
    bus_map_window(r->machine->memory, &r->rom_region, 0, ROM_SIZE, ROM_AT, 1);
    bus_map_window(r->machine->memory, &r->rom_region, 0, ROM_SIZE, 0xffff0000, 1);
    bus_map(r->machine->io, &r->port_region, PORT, 0);
    memcpy(r->ram->host + CODE_AT, program, size);
    memcpy(r->rom->host + 0xfff0, start, sizeof(start));
    g_assert_true(x86_cpuid_parse(&r->cpuid, "qemu64", NULL));
    r->cpuid.tsc_khz = 1000000;
    struct accel_open open = { .machine = r->machine, .cpuid = &r->cpuid, .cpus = 1, .limits = &r->limits,
                               .may_mask = true };
    open.interp = r->interp = accel_interp_ops.open(&open, NULL);
    r->kvm = kvm_engine_open(&open, &r->sys, &error);
    g_assert_no_error(error);
    accel_kvm_ops.set_a20(r->kvm, true); /* a CPU with A20 off is interpreted */
    r->thread = g_thread_new("cpu", cpu_main, r);
    return r;
}

static void rig_destroy(struct rig *r)
{
    __atomic_store_n(&r->stop, true, __ATOMIC_SEQ_CST);
    accel_kvm_ops.vcpu_kick(r->kvm, 0);
    g_thread_join(r->thread);
    accel_kvm_ops.close(r->kvm);
    accel_interp_ops.close(r->interp);
    machine_destroy(r->machine);
    ram_destroy(r->ram);
    ram_destroy(r->rom);
    g_free(r);
}

static uint32_t counter(struct rig *r)
{
    return *(volatile uint32_t *)(void *)(r->ram->host + COUNTER);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void test_port_cost(void)
{
    static const uint8_t program[] = {
        0x31, 0xc0, 0x8e, 0xd8,             /* xor ax, ax; mov ds, ax */
        0xe4, PORT,                         /* again: in al, PORT */
        0x66, 0xff, 0x06, 0x00, 0x05,       /* inc dword [COUNTER] */
        0xeb, 0xf7,                         /* jmp again */
    };
    struct rig *r = rig_create(program, sizeof(program));
    gint64 end = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;
    if (r == NULL) {
        return;
    }
    while (__atomic_load_n(&r->samples, __ATOMIC_ACQUIRE) < SAMPLES && g_get_monotonic_time() < end) {
        g_usleep(1000);
    }
    g_assert_cmpuint(r->samples, ==, SAMPLES);
    qsort(r->own, SAMPLES, sizeof(r->own[0]), by_value);
    g_test_message("between two KVM_RUNs: median %u ns, a tenth above %u ns", (unsigned)r->own[SAMPLES / 2],
                   (unsigned)r->own[SAMPLES * 9 / 10]);
#ifdef __OPTIMIZE__
    g_assert_cmpuint(r->own[SAMPLES / 2], <=, OWN_NS);
#endif
    rig_destroy(r);
}

static void test_rom_store_takes_no_lock(void)
{
    static const uint8_t program[] = {
        0x31, 0xc0, 0x8e, 0xd8,             /* xor ax, ax; mov ds, ax */
        0xb8, 0x00, 0xf0, 0x8e, 0xc0,       /* mov ax, f000; mov es, ax */
        0x26, 0xa2, 0x34, 0x12,             /* again: mov es:[1234], al */
        0x66, 0xff, 0x06, 0x00, 0x05,       /* inc dword [COUNTER] */
        0xeb, 0xf5,                         /* jmp again */
    };
    struct rig *r = rig_create(program, sizeof(program));
    if (r == NULL) {
        return;
    }
    gint64 end = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;
    while (counter(r) == 0 && g_get_monotonic_time() < end) {
        g_usleep(1000);
    }
    lock_acquire(&r->machine->lock);
    uint32_t before = counter(r);
    while (counter(r) < before + 100 && g_get_monotonic_time() < end) {
        g_usleep(1000);
    }
    uint32_t after = counter(r);
    lock_release(&r->machine->lock);
    g_assert_cmpuint(after, >=, before + 100);
    g_assert_cmpuint(r->rom->host[0x1234], ==, 0);
    rig_destroy(r);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/kvm/exit/port-cost", test_port_cost);
    g_test_add_func("/kvm/exit/rom-store-takes-no-lock", test_rom_store_takes_no_lock);
    return g_test_run();
}
