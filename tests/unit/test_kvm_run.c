/*
 * Run control on the host's KVM: kicks, pauses, resets, interrupts, changes of the engine at random moments, with one,
 * two and four CPUs in a program that never ends; nothing may hang, and no increment may be lost. VMM_KICKS sets
 * how many [300 in all]. Meant for ThreadSanitizer too.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel/accel.h"
#include "accel/choose.h"
#include "accel/debug.h"
#include "accel/kvm/probe.h"
#include "tests/support/test.h"

#define RAM_SIZE 0x200000u
#define COUNTER 0x500u  /* LOCK INC by all */
#define CPU_COUNTS 0x600u /* one dword a CPU, by its own thread */
#define TICKS 0x580u    /* interrupts taken */
#define CODE_AT 0x1000u
#define HANDLER_AT 0x1800u
#define VECTOR 0x20u
#define MOST_SECONDS 120

struct rig {
    struct machine *machine;
    struct ram *ram, *rom;
    struct region ram_region, rom_region;
    struct accel *accel;
    unsigned cpus;
    unsigned acknowledged;
    struct test_random random;
};

/* The count of a CPU is found by its stack segment's number, so that the same code serves all:
 *   1000: xor ax,ax; mov ds,ax; mov bx,CPU_COUNTS; (AP: mov bx,[SS selector * 4 ...]) ...  */
static void write_program(struct rig *r)
{
    static const uint8_t program[] = {
        0xfa,                               /* cli */
        0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, /* ds = es = 0 */
        0xb8, 0x01, 0x00,                   /* mov ax, 1 */
        0xf0, 0x0f, 0xc1, 0x06, 0x40, 0x05, /* lock xadd [540], ax: my number */
        0x89, 0xc3, 0x83, 0xe3, 0x0f,       /* bx = ax & 15 */
        0xc1, 0xe3, 0x02,                   /* shl bx, 2 */
        0x89, 0xd8, 0xc1, 0xe0, 0x06,       /* ax = bx << 6 */
        0x05, 0x00, 0x30,                   /* add ax, 3000: a stack of my own */
        0x31, 0xc9, 0x8e, 0xd1, 0x89, 0xc4, /* ss = 0, sp = ax */
        0xfb,                               /* sti */
        /* again: */
        0x66, 0xf0, 0xff, 0x06, 0x00, 0x05, /* lock inc dword [COUNTER] */
        0x66, 0xff, 0x87, 0x00, 0x06,       /* inc dword [bx + CPU_COUNTS] */
        0xeb, 0xf3,                         /* jmp again */
    };
    static const uint8_t handler[] = { 0x66, 0xf0, 0xff, 0x06, 0x80, 0x05, 0xcf }; /* lock inc [TICKS]; iret */
    static const uint8_t start[] = { 0xea, 0x00, 0x10, 0x00, 0x00 };               /* jmp 0:1000 */
    memcpy(r->ram->host + CODE_AT, program, sizeof(program));
    memcpy(r->ram->host + HANDLER_AT, handler, sizeof(handler));
    r->ram->host[VECTOR * 4] = HANDLER_AT & 0xff;
    r->ram->host[VECTOR * 4 + 1] = HANDLER_AT >> 8;
    memcpy(r->rom->host + 0xfff0, start, sizeof(start));
}

/* The board: one line that falls when its interrupt is taken. */
static int acknowledge(void *arg)
{
    struct rig *r = arg;
    r->acknowledged++;
    r->machine->cpus.set_intr(r->machine->cpus.arg, 0, false);
    return VECTOR;
}

static struct rig *rig_create(unsigned cpus, const char *engine)
{
    struct rig *r = g_new0(struct rig, 1);
    GError *error = NULL;
    struct accel_options options = { .engine = engine, .cpus = cpus };
    r->machine = machine_create(NULL);
    r->cpus = cpus;
    r->ram = ram_create("ram", RAM_SIZE, NULL);
    r->rom = ram_create("rom", 0x10000, NULL);
    region_init_ram(&r->ram_region, "ram", r->ram, 0, RAM_SIZE);
    region_init_rom(&r->rom_region, "rom", r->rom, 0, 0x10000);
    bus_map(r->machine->memory, &r->ram_region, 0, 0);
    bus_map(r->machine->memory, &r->rom_region, 0xffff0000, 0);
    r->machine->interrupt_acknowledge = acknowledge;
    r->machine->interrupt_arg = r;
    r->accel = accel_create(r->machine, &options, &error);
    g_assert_no_error(error);
    write_program(r);
    return r;
}

static void rig_destroy(struct rig *r)
{
    accel_destroy(r->accel);
    machine_destroy(r->machine);
    ram_destroy(r->ram);
    ram_destroy(r->rom);
    g_free(r);
}

/* Guest memory while the guest stores to it: no race of ours, so hidden from ThreadSanitizer. */
__attribute__((noinline, no_sanitize("thread"))) static uint32_t peek(struct rig *r, uint32_t address)
{
    return *(volatile uint32_t *)(void *)(r->ram->host + address);
}

/* Clears the counters, and starts all CPUs from their reset. Paused before and after. */
static void restart(struct rig *r)
{
    struct machine_cpus *cpus = &r->machine->cpus;
    memset(r->ram->host + COUNTER, 0, 0x200);
    machine_reset(r->machine);
    lock_acquire(&r->machine->lock);
    cpus->set_a20(cpus->arg, true); /* a CPU with A20 off is interpreted */
    cpus->set_intr(cpus->arg, 0, false);
    for (unsigned i = 1; i < r->cpus; i++) {
        cpus->init(cpus->arg, i);
        cpus->sipi(cpus->arg, i, CODE_AT >> 12);
    }
    lock_release(&r->machine->lock);
}

/* An increment of COUNTER is followed by one of the CPU's own, so the sum is at most one behind for each CPU. */
static void check_sum(struct rig *r)
{
    uint32_t total = peek(r, COUNTER), sum = 0;
    for (unsigned i = 0; i < r->cpus; i++) {
        sum += peek(r, CPU_COUNTS + 4 * i);
    }
    g_assert_cmpuint(total - sum, <=, r->cpus);
}

/* All CPUs get on. */
static void wait_for_all(struct rig *r)
{
    uint32_t before[16];
    gint64 end = g_get_monotonic_time() + MOST_SECONDS * G_TIME_SPAN_SECOND;
    for (unsigned i = 0; i < r->cpus; i++) {
        before[i] = peek(r, CPU_COUNTS + 4 * i);
    }
    for (unsigned i = 0; i < r->cpus; i++) {
        while (peek(r, CPU_COUNTS + 4 * i) == before[i]) {
            g_assert_cmpint(g_get_monotonic_time(), <, end);
            g_usleep(200);
        }
    }
}

static void interrupt(struct rig *r)
{
    lock_acquire(&r->machine->lock);
    r->machine->cpus.set_intr(r->machine->cpus.arg, 0, true);
    lock_release(&r->machine->lock);
}

static void random_step(struct rig *r, bool *reset)
{
    GError *error = NULL;
    switch (test_random_next(&r->random) % 8) {
    case 0:
    case 1:
        machine_pause(r->machine, RUN_STATE_PAUSED);
        check_sum(r);
        machine_resume(r->machine);
        break;
    case 2:
        machine_pause(r->machine, RUN_STATE_PAUSED);
        restart(r);
        machine_resume(r->machine);
        *reset = true;
        break;
    case 3:
    case 4:
        r->machine->cpus.kick(r->machine->cpus.arg);
        break;
    case 5:
        interrupt(r);
        break;
    case 6:
        machine_pause(r->machine, RUN_STATE_PAUSED);
        g_assert_true(accel_switch(r->accel, test_random_next(&r->random) & 1 ? "kvm" : "interp", &error));
        g_assert_no_error(error);
        machine_resume(r->machine);
        break;
    case 7:
        g_usleep(test_random_next(&r->random) % 3000);
        break;
    }
}

static bool kvm_is_here(void)
{
    static const char *const none = "no KVM that can be used here";
    struct kvm_probe probe;
    kvm_probe(&probe, &kvm_sys_host);
    if (!kvm_probe_usable(&probe)) {
        g_test_skip(probe.reason[0] != '\0' ? probe.reason : none);
        return false;
    }
    return true;
}

/* So that it is known that KVM runs them: on a limited one, sooner or later something must be rescued. */
static void wait_for_rescue(struct rig *r)
{
    gint64 end = g_get_monotonic_time() + MOST_SECONDS * G_TIME_SPAN_SECOND;
    bool rescued = accel_choice(r->accel)->probe.class != KVM_CLASS_LIMITED;
    machine_pause(r->machine, RUN_STATE_PAUSED);
    g_assert_true(accel_switch(r->accel, "kvm", NULL));
    machine_resume(r->machine);
    while (!rescued) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(1000);
        GString *text = g_string_new(NULL);
        accel_rescues(r->accel, text);
        rescued = !g_str_has_prefix(text->str, "rescues: 0\n");
        g_string_free(text, TRUE);
    }
}

static void run_control(unsigned cpus, unsigned steps)
{
    struct rig *r = rig_create(cpus, "kvm");
    bool reset = false;
    r->random.state = cpus;
    restart(r);
    machine_resume(r->machine);
    wait_for_all(r);
    for (unsigned i = 0; i < steps; i++) {
        random_step(r, &reset);
        if (i % 50 == 49) {
            wait_for_all(r);
        }
    }
    wait_for_all(r);
    /* The last interrupt comes through, too. */
    interrupt(r);
    gint64 end = g_get_monotonic_time() + MOST_SECONDS * G_TIME_SPAN_SECOND;
    while (peek(r, TICKS) == 0) {
        g_assert_cmpint(g_get_monotonic_time(), <, end);
        g_usleep(200);
    }
    wait_for_rescue(r);
    machine_pause(r->machine, RUN_STATE_PAUSED);
    check_sum(r);
    g_assert_cmpuint(r->acknowledged, >, 0);
    machine_resume(r->machine);
    rig_destroy(r); /* quits while they run */
}

static unsigned steps_wanted(void)
{
    const char *text = getenv("VMM_KICKS");
    return (text != NULL ? (unsigned)atoi(text) : 300) / 3;
}

static void test_one(void)
{
    if (kvm_is_here()) {
        run_control(1, steps_wanted());
    }
}

static void test_two(void)
{
    if (kvm_is_here()) {
        run_control(2, steps_wanted());
    }
}

static void test_four(void)
{
    if (kvm_is_here()) {
        run_control(4, steps_wanted());
    }
}

/* Hits of a breakpoint that four CPUs meet all the time: none is lost, and none is counted twice. */
static void test_hits(void)
{
    enum { INCREMENT_AT = CODE_AT + 0x2d };
    if (!kvm_is_here()) {
        return;
    }
    struct rig *r = rig_create(4, "kvm");
    restart(r);
    g_assert_cmphex(r->ram->host[INCREMENT_AT], ==, 0x66); /* LOCK INC of the counter */
    struct breakpoints *set = accel_breakpoints_edit(r->accel);
    struct breakpoint *point = breakpoints_add(set, &(struct breakpoint){
        .kind = BREAK_LINEAR, .address = INCREMENT_AT, .size = 1, .cpu = -1, .ignore = 1u << 30 });
    accel_breakpoints_done(r->accel);
    machine_resume(r->machine);
    for (unsigned i = 0; i < 20; i++) {
        wait_for_all(r);
        interrupt(r);
        g_usleep(2000);
    }
    machine_pause(r->machine, RUN_STATE_PAUSED);
    g_test_message("%u hits", (unsigned)point->hits);
    g_assert_cmpuint(point->hits, >=, peek(r, COUNTER));
    /* Met and not yet executed: once for each CPU, and where an interrupt came first. */
    g_assert_cmpuint(point->hits - peek(r, COUNTER), <=, 4 + peek(r, TICKS));
    g_assert_cmpuint(point->ignore, ==, (1u << 30) - point->hits);
    rig_destroy(r);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/kvm/run-control/one-cpu", test_one);
    g_test_add_func("/kvm/run-control/two-cpus", test_two);
    g_test_add_func("/kvm/run-control/four-cpus", test_four);
    g_test_add_func("/kvm/run-control/breakpoint-hits", test_hits);
    return g_test_run();
}
