/*
 * See fuzz_rig.h: the machines.
 */
#include "tests/support/fuzz_rig.h"

#include <glib/gstdio.h>

#include "accel/interp/memory.h"
#include "accel/interp/tlb.h"
#include "accel/interp/trace.h"
#include "block/block.h"
#include "core/event.h"
#include "hw/ide/channel.h"
#include "hw/pc/pc_impl.h"
#include "ui/display.h"
#include "ui/input.h"

enum { DRIVE_BYTES = 1 << 20 };

/* ---- the board's lines to the CPU ---- */

static void set_intr(void *arg, unsigned n, bool level)
{
    struct cpu *cpu = ((struct cpu_test *)arg)->cpu;
    cpu->s.intr = level;
    if (level) {
        cpu_attention_set(cpu, CPU_ATTENTION_INTR);
    } else {
        cpu_attention_clear(cpu, CPU_ATTENTION_INTR);
    }
}

static void set_nmi(void *arg, unsigned n)
{
    cpu_attention_set(((struct cpu_test *)arg)->cpu, CPU_ATTENTION_NMI);
}

static void set_a20(void *arg, bool enabled)
{
    struct cpu *cpu = ((struct cpu_test *)arg)->cpu;
    cpu->s.a20 = enabled;
    cpu->a20_mask = enabled ? ~0ull : ~(1ull << 20);
    tlb_flush(cpu, true);
}

static void set_init(void *arg, unsigned n)
{
    cpu_attention_set(((struct cpu_test *)arg)->cpu, CPU_ATTENTION_INIT);
}

static void set_sipi(void *arg, unsigned n, uint8_t vector)
{
    struct cpu *cpu = ((struct cpu_test *)arg)->cpu;
    cpu->sipi_vector = vector;
    cpu_attention_set(cpu, CPU_ATTENTION_SIPI);
}

static void set_ignne(void *arg, bool level)
{
    ((struct cpu_test *)arg)->cpu->ignne = level;
}

static void reset_cpu(void *arg)
{
    interp_cpu_reset(((struct cpu_test *)arg)->cpu, false);
}

static void kick(void *arg)
{
    cpu_attention_set(((struct cpu_test *)arg)->cpu, CPU_ATTENTION_KICK);
}

static void board_ferr(void *arg)
{
    struct machine *machine = ((struct cpu_test *)arg)->machine;
    lock_acquire(&machine->lock);
    if (machine->ferr != NULL) {
        machine->ferr(machine->ferr_arg);
    }
    lock_release(&machine->lock);
}

/* ---- construction ---- */

static uint64_t no_time(void *arg)
{
    return 0;
}

static struct block *open_image(struct fuzz_rig *rig, struct machine *machine, const char *name)
{
    struct block_options options = { .format = "raw" };
    g_autofree char *path = g_build_filename(rig->folder, name, NULL);
    g_autofree char *zeroes = g_malloc0(DRIVE_BYTES);
    GError *error = NULL;
    g_assert_true(g_file_set_contents(path, zeroes, DRIVE_BYTES, NULL));
    struct block *block = block_open(path, &options, machine->events, &error);
    g_assert_no_error(error);
    return block;
}

static void build_board(struct fuzz_rig *rig, struct machine *machine)
{
    GError *error = NULL;
    rig->folder = g_dir_make_tmp("vmm-fuzz-XXXXXX", &error);
    g_assert_no_error(error);
    rig->display = display_create();
    rig->input = input_create(machine);
    rig->pc = pc_create(machine);
    rig->disk = open_image(rig, machine, "disk");
    rig->disc = open_image(rig, machine, "disc");
    struct pc_config config = {
        .ram = CPU_TEST_RAM,
        .vga = true,
        .cpus = 1,
        .display = rig->display,
        .input = rig->input,
        .drives = { [0] = { .present = true, .kind = IDE_DISK, .block = rig->disk },
                    [2] = { .present = true, .kind = IDE_CDROM, .block = rig->disc } },
    };
    g_assert_true(pc_build(rig->pc, &config, &error));
    g_assert_no_error(error);
}

static struct cpu_test *board_cpu(struct fuzz_rig *rig, const char *model)
{
    struct cpu_test *t = g_new0(struct cpu_test, 1);
    GError *error = NULL;

    t->machine = machine_create(NULL);
    clock_set_source(t->machine->guest_clock, no_time, NULL);
    clock_start(t->machine->guest_clock);
    clock_stop(t->machine->rtc_clock);
    clock_set(t->machine->rtc_clock, TEST_RTC_SECONDS * NS_PER_SECOND);
    build_board(rig, t->machine);
    t->ram = rig->pc->ram;
    t->mem = t->ram->host;
    x86_cpuid_parse(&t->cpuid, model, &error);
    g_assert_no_error(error);
    t->cpuid.cpu_count = 1;
    t->traces = trace_cache_create();
    t->memory = interp_memory_create(t->machine, t->traces);
    t->cpu = interp_cpu_create(t->machine, &t->cpuid, t->traces, 0);
    interp_memory_attach(t->memory, t->cpu);
    t->cpu->ferr = board_ferr;
    t->cpu->ferr_arg = t;
    t->machine->cpus = (struct machine_cpus){ .arg = t, .kick = kick, .reset = reset_cpu, .set_intr = set_intr,
                                              .nmi = set_nmi, .set_a20 = set_a20, .init = set_init,
                                              .sipi = set_sipi, .set_ignne = set_ignne };
    machine_reset(t->machine);
    return t;
}

void fuzz_rig_init(struct fuzz_rig *rig, const char *model, bool board)
{
    *rig = (struct fuzz_rig){ 0 };
    rig->t = board ? board_cpu(rig, model) : cpu_test_create(model);
}

static void remove_image(struct fuzz_rig *rig, struct block *block, const char *name)
{
    g_autofree char *path = g_build_filename(rig->folder, name, NULL);
    block_close(block);
    g_remove(path);
}

void fuzz_rig_finish(struct fuzz_rig *rig)
{
    struct cpu_test *t = rig->t;
    if (rig->pc == NULL) {
        cpu_test_destroy(t);
        return;
    }
    t->machine->cpus = (struct machine_cpus){ 0 };
    interp_memory_detach(t->memory, t->cpu);
    interp_cpu_destroy(t->cpu);
    interp_memory_destroy(t->memory);
    trace_cache_destroy(t->traces);
    /* While the drives that may have requests under way are there. */
    remove_image(rig, rig->disk, "disk");
    remove_image(rig, rig->disc, "disc");
    input_destroy(rig->input);
    machine_destroy(t->machine);
    pc_destroy(rig->pc);
    display_destroy(rig->display);
    g_rmdir(rig->folder);
    g_free(rig->folder);
    g_free(t);
}

/* ---- time and requests ---- */

void fuzz_rig_time(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    struct machine *machine = rig->t->machine;
    struct clock *clock = machine->guest_clock;
    uint64_t target = clock_now(clock) + fuzz_below(fuzz, fuzz_once_in(fuzz, 50) ? 60000000 : 2000000);

    for (unsigned turn = 0; turn < 500 && clock_deadline(clock) <= target; turn++) {
        clock_set(clock, MAX(clock_deadline(clock), clock_now(clock)));
        machine_poll(machine);
    }
    clock_set(clock, target);
    machine_poll(machine);
    if (rig->display != NULL && fuzz_once_in(fuzz, 4)) {
        lock_acquire(&machine->lock);
        display_update(rig->display);
        lock_release(&machine->lock);
    }
}

void fuzz_rig_requests(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    struct machine *machine = rig->t->machine;
    enum machine_request request = machine->request;
    machine->request = REQUEST_NONE;
    if (request == REQUEST_RESET && fuzz_once_in(fuzz, 8)) {
        machine_reset(machine);
    }
}
