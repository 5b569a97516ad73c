/*
 * Breakpoints and watchpoints: the set by itself, and in the interpreter: stops at the right instruction, in every
 * mode, with conditions and counts; nothing in guest memory; nothing planted that is not wanted.
 */
#include "accel/debug.h"

#include <string.h>

#include "core/machine.h"
#include "core/ram.h"
#include "tests/support/test.h"

#define RAM_SIZE (2u << 20)
#define CODE 0x1000u
#define DATA 0x3000u

struct rig {
    struct machine *machine;
    struct ram *ram;
    struct accel *accel;
};

static void rig_begin(struct rig *rig, unsigned cpus)
{
    struct accel_options options = { .engine = "interp", .cpus = cpus };
    GError *error = NULL;
    rig->machine = test_machine_create();
    rig->ram = test_machine_add_ram(rig->machine, RAM_SIZE);
    lock_release(&rig->machine->lock);
    rig->accel = accel_create(rig->machine, &options, &error);
    g_assert_no_error(error);
    machine_reset(rig->machine);
}

static void rig_end(struct rig *rig)
{
    if (rig->machine->run_state == RUN_STATE_RUNNING) {
        machine_pause(rig->machine, RUN_STATE_PAUSED);
    }
    accel_destroy(rig->accel);
    test_machine_destroy(rig->machine);
}

static void put(struct rig *rig, uint32_t address, const void *bytes, size_t size)
{
    memcpy(rig->ram->host + address, bytes, size);
    ram_touched(rig->ram, address, size);
}
#define PUT(rig, address, text) put((rig), (address), (text), sizeof(text) - 1)

/* CS:IP = 0:ip in real mode. */
static void go_to(struct rig *rig, uint32_t ip)
{
    struct x86_state s;
    accel_state_get(rig->accel, 0, &s);
    s.seg[CS].selector = 0;
    s.seg[CS].base = 0;
    s.rip = ip;
    s.gpr[RSP] = 0x8000;
    s.a20 = true;
    accel_state_put(rig->accel, 0, &s);
}

static struct breakpoint *add(struct rig *rig, struct breakpoint point)
{
    point.cpu = -1;
    struct breakpoint *added = breakpoints_add(accel_breakpoints_edit(rig->accel), &point);
    accel_breakpoints_done(rig->accel);
    return added;
}

/* Runs until the machine is stopped; the state it is stopped in. */
static enum run_state run(struct rig *rig)
{
    machine_resume(rig->machine);
    gint64 end = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    while (rig->machine->run_state == RUN_STATE_RUNNING && g_get_monotonic_time() < end) {
        g_usleep(200);
        g_assert_true(machine_serve_request(rig->machine));
    }
    return rig->machine->run_state;
}

static void expect_stop(struct rig *rig, unsigned number, uint64_t rip)
{
    struct x86_state s;
    g_assert_cmpint(run(rig), ==, RUN_STATE_DEBUG);
    accel_state_get(rig->accel, 0, &s);
    g_assert_cmpint(accel_debug_stop(rig->accel)->why, ==, BREAK_STOP_POINT);
    g_assert_cmpuint(accel_debug_stop(rig->accel)->number, ==, number);
    g_assert_cmphex(s.rip, ==, rip);
}

/* mov cx,3; 1: inc ax; mov [DATA],ax; inc bx; loop 1b; hlt */
#define LOOP "\xb9\x03\x00\x40\xa3\x00\x30\x43\xe2\xf9\xf4"
enum { AT_INC = CODE + 3, AT_STORE = CODE + 4, AT_BX = CODE + 7, AT_LOOP = CODE + 8, AT_HLT = CODE + 10 };

static void test_set(void)
{
    struct breakpoints *set = breakpoints_create(1);
    struct x86_state state = { 0 };
    struct breakpoint point = { .kind = BREAK_LINEAR, .address = 0x12345, .cpu = -1 };
    g_assert_cmpuint(breakpoints_add(set, &point)->number, ==, 1);
    point.address = 0x22345;
    struct breakpoint *second = breakpoints_add(set, &point);
    g_assert_cmpuint(second->number, ==, 2);
    g_assert_false(breakpoints_armed(set));
    breakpoints_update(set);
    g_assert_true(breakpoints_armed(set));
    g_assert_true(break_index_code(&set->index, 0x7345));
    g_assert_false(break_index_code(&set->index, 0x7346));
    g_assert_true(breakpoints_code_page(set, 0x12000, 0));
    g_assert_false(breakpoints_code_page(set, 0x13000, 0x12000));
    struct break_event event = { .kind = BREAK_LINEAR, .linear = 0x7345, .physical = 0x12345 };
    g_assert_false(breakpoints_event(set, &event));
    event.linear = 0x22345;
    g_assert_true(breakpoints_event(set, &event));
    g_assert_true(breakpoints_accept(set, 0, &state));
    g_assert_cmpuint(set->stop.number, ==, 2);
    g_assert_false(breakpoints_accept(set, 0, &state));
    second->disabled = true;
    breakpoints_touch(set);
    breakpoints_update(set);
    g_assert_false(breakpoints_event(set, &event));
    /* What makes no sense is refused. */
    point = (struct breakpoint){ .kind = WATCH_LINEAR, .address = UINT64_MAX - 1, .size = 4 };
    g_assert_null(breakpoints_add(set, &point));
    point = (struct breakpoint){ .kind = WATCH_PORT, .address = 0xffff, .size = 2 };
    g_assert_null(breakpoints_add(set, &point));
    point = (struct breakpoint){ .kind = BREAK_EXCEPTION, .address = 256 };
    g_assert_null(breakpoints_add(set, &point));
    point = (struct breakpoint){ .kind = WATCH_LINEAR, .address = 0, .size = (uint64_t)BREAK_SIZE_MAX + 1 };
    g_assert_null(breakpoints_add(set, &point));
    breakpoints_remove_all(set, BREAK_OWNER_GDB, false);
    g_assert_nonnull(breakpoints_find(set, 1));
    breakpoints_remove_all(set, BREAK_OWNER_MONITOR, false);
    g_assert_null(breakpoints_find(set, 1));
    breakpoints_update(set);
    g_assert_false(breakpoints_armed(set));
    breakpoints_destroy(set);
}

static void test_code(void)
{
    struct rig rig;
    rig_begin(&rig, 1);
    PUT(&rig, CODE, LOOP);
    go_to(&rig, CODE);
    add(&rig, (struct breakpoint){ .kind = BREAK_LINEAR, .address = AT_BX });
    for (unsigned i = 0; i < 3; i++) {
        expect_stop(&rig, 1, AT_BX);
        g_assert_cmpmem(rig.ram->host + CODE, sizeof(LOOP) - 1, LOOP, sizeof(LOOP) - 1);
    }
    g_assert_cmpuint(breakpoints_find(accel_breakpoints(rig.accel), 1)->hits, ==, 3);
    breakpoints_remove_all(accel_breakpoints_edit(rig.accel), BREAK_OWNER_MONITOR, false);
    accel_breakpoints_done(rig.accel);
    add(&rig, (struct breakpoint){ .kind = BREAK_PHYSICAL, .address = AT_INC });
    add(&rig, (struct breakpoint){ .kind = BREAK_SEGMENT, .selector = 0, .address = AT_LOOP });
    /* The same linear address by another selector is another place. */
    add(&rig, (struct breakpoint){ .kind = BREAK_SEGMENT, .selector = 0x10, .address = AT_LOOP - 0x100 });
    go_to(&rig, CODE);
    expect_stop(&rig, 2, AT_INC);
    expect_stop(&rig, 3, AT_LOOP);
    expect_stop(&rig, 2, AT_INC);
    rig_end(&rig);
}

static bool ax_is_2(void *arg, unsigned cpu, const struct x86_state *state)
{
    (*(unsigned *)arg)++;
    return (uint16_t)state->gpr[RAX] == 2;
}

static void test_conditions(void)
{
    struct rig rig;
    unsigned asked = 0;
    rig_begin(&rig, 1);
    PUT(&rig, CODE, LOOP);
    go_to(&rig, CODE);
    add(&rig, (struct breakpoint){
                  .kind = BREAK_LINEAR, .address = AT_BX, .condition = ax_is_2, .condition_arg = &asked });
    add(&rig, (struct breakpoint){ .kind = BREAK_LINEAR, .address = AT_LOOP, .ignore = 2 });
    add(&rig, (struct breakpoint){ .kind = BREAK_LINEAR, .address = AT_HLT, .temporary = true });
    expect_stop(&rig, 1, AT_BX);
    g_assert_cmpuint(asked, ==, 2);
    expect_stop(&rig, 2, AT_LOOP);
    g_assert_cmpuint(breakpoints_find(accel_breakpoints(rig.accel), 2)->hits, ==, 3);
    expect_stop(&rig, 3, AT_HLT);
    g_assert_null(breakpoints_find(accel_breakpoints(rig.accel), 3));
    rig_end(&rig);
}

static void test_watch(void)
{
    struct rig rig;
    rig_begin(&rig, 1);
    PUT(&rig, CODE, LOOP);
    /* mov ax,[DATA+6]; inc word [DATA]; push ax; hlt */
    PUT(&rig, CODE + 0x100, "\xa1\x06\x30\xff\x06\x00\x30\x50\xf4");
    go_to(&rig, CODE);
    add(&rig, (struct breakpoint){ .kind = WATCH_LINEAR, .address = DATA + 1, .size = 1, .access = BREAK_WRITE });
    expect_stop(&rig, 1, AT_BX);
    const struct break_event *event = &accel_debug_stop(rig.accel)->event;
    g_assert_cmphex(event->linear, ==, DATA);
    g_assert_cmphex(event->rip, ==, AT_STORE);
    g_assert_cmpuint(event->old_value, ==, 0);
    g_assert_cmpuint(event->value, ==, 1);
    g_assert_cmpuint(event->size, ==, 2);
    expect_stop(&rig, 1, AT_BX);
    g_assert_cmpuint(event->old_value, ==, 1);
    g_assert_cmpuint(event->value, ==, 2);
    add(&rig, (struct breakpoint){ .kind = WATCH_PHYSICAL, .address = DATA + 6, .size = 1, .access = BREAK_READ });
    add(&rig, (struct breakpoint){ .kind = WATCH_LINEAR, .address = 0x7ffe, .size = 2, .access = BREAK_WRITE });
    go_to(&rig, CODE + 0x100);
    expect_stop(&rig, 2, CODE + 0x103);
    g_assert_false(event->write);
    expect_stop(&rig, 1, CODE + 0x107); /* read, modified, written */
    g_assert_true(event->write);
    expect_stop(&rig, 3, CODE + 0x108); /* the stack */
    g_assert_cmphex(event->value, ==, 0);
    rig_end(&rig);
}

static void test_port(void)
{
    struct rig rig;
    rig_begin(&rig, 1);
    /* in al,80; out 80h,al; mov dx,61h; in al,dx; hlt */
    PUT(&rig, CODE, "\xb0\x2a\xe6\x80\xba\x61\x00\xec\xf4");
    go_to(&rig, CODE);
    add(&rig, (struct breakpoint){ .kind = WATCH_PORT, .address = 0x80, .access = BREAK_WRITE });
    add(&rig, (struct breakpoint){ .kind = WATCH_PORT, .address = 0x60, .size = 4, .access = BREAK_READ });
    expect_stop(&rig, 1, CODE + 4);
    g_assert_cmphex(accel_debug_stop(rig.accel)->event.value, ==, 0x2a);
    expect_stop(&rig, 2, CODE + 8);
    g_assert_cmphex(accel_debug_stop(rig.accel)->event.linear, ==, 0x61);
    rig_end(&rig);
}

static void test_events(void)
{
    struct rig rig;
    struct x86_state s;
    rig_begin(&rig, 1);
    /* xchg bx,bx; ud2; lgdt [2000h]; mov eax,cr0; or al,1; mov cr0,eax; mov cr3,eax; int 20h */
    PUT(&rig, CODE, "\x87\xdb\x0f\x0b\x0f\x01\x16\x00\x20\x0f\x20\xc0\x0c\x01\x0f\x22\xc0\x0f\x22\xd8\xcd\x20");
    /* vector 6 goes on behind UD2: pop ax; add ax,2; push ax; iret */
    PUT(&rig, 6 * 4, "\x00\x15\x00\x00");
    PUT(&rig, 0x1500, "\x58\x05\x02\x00\x50\xcf");
    go_to(&rig, CODE);
    add(&rig, (struct breakpoint){ .kind = BREAK_MAGIC });
    add(&rig, (struct breakpoint){ .kind = BREAK_EXCEPTION, .address = 6 });
    add(&rig, (struct breakpoint){ .kind = BREAK_MODE });
    add(&rig, (struct breakpoint){ .kind = BREAK_CR3 });
    add(&rig, (struct breakpoint){ .kind = BREAK_TRIPLE });
    expect_stop(&rig, 1, CODE + 2);
    expect_stop(&rig, 2, CODE + 2); /* not delivered yet */
    accel_state_get(rig.accel, 0, &s);
    g_assert_cmphex(s.gpr[RSP], ==, 0x8000);
    expect_stop(&rig, 3, CODE + 17);
    g_assert_cmpint((int)accel_debug_stop(rig.accel)->event.value, ==, BREAK_MODE_PROTECTED);
    expect_stop(&rig, 4, CODE + 20);
    expect_stop(&rig, 5, CODE + 20); /* the IDT of real mode is none */
    rig_end(&rig);
}

static void test_interrupt(void)
{
    struct rig rig;
    rig_begin(&rig, 1);
    PUT(&rig, CODE, "\xcd\x21\xf4"); /* int 21h; hlt */
    PUT(&rig, 0x21 * 4, "\x00\x15\x00\x00");
    PUT(&rig, 0x1500, "\x90\xcf"); /* nop; iret */
    go_to(&rig, CODE);
    add(&rig, (struct breakpoint){ .kind = BREAK_INTERRUPT, .address = 0x20 });
    add(&rig, (struct breakpoint){ .kind = BREAK_INTERRUPT, .address = 0x21 });
    add(&rig, (struct breakpoint){ .kind = BREAK_RETURN, .address = 0x8000 - 6 });
    add(&rig, (struct breakpoint){ .kind = BREAK_LINEAR, .address = CODE + 2 });
    expect_stop(&rig, 2, 0x1500);
    expect_stop(&rig, 3, 0x1501);
    expect_stop(&rig, 4, CODE + 2);
    rig_end(&rig);
}

static void test_step(void)
{
    struct rig rig;
    struct x86_state s;
    rig_begin(&rig, 1);
    PUT(&rig, CODE, LOOP);
    go_to(&rig, CODE);
    static const uint16_t path[] = { AT_INC, AT_STORE, AT_BX, AT_LOOP, AT_INC };
    add(&rig, (struct breakpoint){ .kind = BREAK_LINEAR, .address = AT_STORE });
    add(&rig, (struct breakpoint){ .kind = WATCH_LINEAR, .address = DATA, .size = 2, .access = BREAK_WRITE });
    for (unsigned i = 0; i < G_N_ELEMENTS(path); i++) {
        g_assert_cmpint(accel_debug_step(rig.accel, 0, STEP_NO_IRQ | STEP_NO_TIMER), ==, VCPU_DEBUG);
        accel_state_get(rig.accel, 0, &s);
        g_assert_cmphex(s.rip, ==, path[i]);
        g_assert_cmpint(accel_debug_stop(rig.accel)->why, ==, i == 2 ? BREAK_STOP_POINT : BREAK_STOP_STEP);
    }
    /* Going on from where a step ended meets the breakpoint of the next round, and a step off it does not. */
    expect_stop(&rig, 1, AT_STORE);
    g_assert_cmpint(accel_debug_step(rig.accel, 0, STEP_NO_IRQ | STEP_NO_TIMER), ==, VCPU_DEBUG);
    breakpoints_remove_all(accel_breakpoints_edit(rig.accel), BREAK_OWNER_MONITOR, false);
    accel_breakpoints_done(rig.accel);
    add(&rig, (struct breakpoint){ .kind = BREAK_LINEAR, .address = AT_HLT });
    expect_stop(&rig, 3, AT_HLT);
    g_assert_cmpint(accel_debug_step(rig.accel, 0, STEP_NO_IRQ | STEP_NO_TIMER), ==, VCPU_DEBUG);
    g_assert_cmpint(accel_debug_step(rig.accel, 0, STEP_NO_IRQ | STEP_NO_TIMER), ==, VCPU_HALTED);
    rig_end(&rig);
}

/* Thousands of rounds past 1,000 breakpoints and 1,000 watchpoints that are not met, in reasonable time. */
static void test_many(void)
{
    struct rig rig;
    rig_begin(&rig, 1);
    /* mov cx,0; 1: inc word [DATA]; loop 1b; hlt */
    PUT(&rig, CODE, "\xb9\x00\x00\xff\x06\x00\x30\xe2\xfa\xf4");
    go_to(&rig, CODE);
    for (unsigned i = 0; i < 1000; i++) {
        add(&rig, (struct breakpoint){ .kind = BREAK_LINEAR, .address = 0x20000 + i * 7 });
        add(&rig, (struct breakpoint){
                      .kind = WATCH_LINEAR, .address = DATA + 2 + i * 3, .size = 1, .access = BREAK_WRITE });
    }
    struct breakpoint *end = add(&rig, (struct breakpoint){ .kind = BREAK_LINEAR, .address = CODE + 9 });
    expect_stop(&rig, end->number, CODE + 9);
    g_assert_cmpuint(rig.ram->host[DATA] | rig.ram->host[DATA + 1] << 8, ==, 0);
    rig_end(&rig);
}

/* Breakpoints come and go while the guest runs. */
static void test_while_running(void)
{
    struct rig rig;
    rig_begin(&rig, 2);
    PUT(&rig, CODE, "\x40\xeb\xfd"); /* 1: inc ax; jmp 1b */
    go_to(&rig, CODE);
    machine_resume(rig.machine);
    for (unsigned i = 0; i < 20; i++) {
        struct breakpoint *point = add(&rig, (struct breakpoint){ .kind = BREAK_LINEAR, .address = CODE });
        expect_stop(&rig, point->number, CODE);
        machine_resume(rig.machine);
        breakpoints_remove_all(accel_breakpoints_edit(rig.accel), BREAK_OWNER_MONITOR, false);
        accel_breakpoints_done(rig.accel);
        if (rig.machine->run_state != RUN_STATE_RUNNING) {
            machine_resume(rig.machine);
        }
        /* What was met before the removal may still have to be served. */
        g_usleep(500);
        machine_serve_request(rig.machine);
        machine_resume(rig.machine);
    }
    rig_end(&rig);
}

/* What is taken away and put back is met again, whatever was built meanwhile; another point stays set all the time. */
static void test_come_back(void)
{
    struct rig rig;
    rig_begin(&rig, 1);
    PUT(&rig, CODE, LOOP);
    add(&rig, (struct breakpoint){ .kind = BREAK_LINEAR, .address = AT_HLT });
    for (unsigned i = 0; i < 3; i++) {
        struct breakpoint *code = add(&rig, (struct breakpoint){ .kind = BREAK_LINEAR, .address = AT_BX });
        struct breakpoint *watch = add(&rig, (struct breakpoint){
                                                 .kind = WATCH_LINEAR, .address = DATA, .access = BREAK_WRITE });
        unsigned code_number = code->number, watch_number = watch->number;
        go_to(&rig, CODE);
        expect_stop(&rig, watch_number, AT_BX);
        breakpoints_remove(accel_breakpoints_edit(rig.accel), watch);
        accel_breakpoints_done(rig.accel);
        expect_stop(&rig, code_number, AT_BX);
        breakpoints_remove(accel_breakpoints_edit(rig.accel), code);
        accel_breakpoints_done(rig.accel);
        g_assert_cmpint(accel_debug_step(rig.accel, 0, STEP_NO_IRQ | STEP_NO_TIMER), ==, VCPU_DEBUG);
        expect_stop(&rig, 1, AT_HLT);
        ram_touched(rig.ram, CODE, sizeof(LOOP)); /* decoded anew, without the points */
        go_to(&rig, CODE);
        expect_stop(&rig, 1, AT_HLT);
    }
    rig_end(&rig);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/breakpoint/set", test_set);
    g_test_add_func("/breakpoint/code", test_code);
    g_test_add_func("/breakpoint/conditions", test_conditions);
    g_test_add_func("/breakpoint/watch", test_watch);
    g_test_add_func("/breakpoint/port", test_port);
    g_test_add_func("/breakpoint/events", test_events);
    g_test_add_func("/breakpoint/interrupt", test_interrupt);
    g_test_add_func("/breakpoint/step", test_step);
    g_test_add_func("/breakpoint/many", test_many);
    g_test_add_func("/breakpoint/come-back", test_come_back);
    g_test_add_func("/breakpoint/while-running", test_while_running);
    return g_test_run();
}
