/* What is always kept: why, info branches, info trail, info io. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "accel/accel.h"
#include "core/machine.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"
#include "monitor/why.h"

void cmd_why(struct command_call *call)
{
    if (call->env->accel == NULL) {
        command_print(call, "Error: the machine has no CPU\n");
        return;
    }
    why_explain(call->env, call->settings->cpu, call->out);
}

void cmd_info_branches(struct command_call *call)
{
    uint64_t branches[BLACKBOX_PATH];
    if (call->env->accel == NULL) {
        command_print(call, "Error: the machine has no CPU\n");
        return;
    }
    cpu_view_park(call->env);
    unsigned count = blackbox_branches(accel_blackbox(call->env->accel, call->settings->cpu), branches, BLACKBOX_PATH);
    cpu_view_unpark(call->env);
    while (count-- > 0) {
        command_print(call, "0x%016" PRIx64, branches[count]);
        cmd_print_symbol(call, branches[count]);
        command_print(call, "\n");
    }
}

void cmd_info_trail(struct command_call *call)
{
    struct machine *machine = call->env->machine;
    const struct trail *trail = &machine->trail;
    lock_acquire(&machine->lock);
    for (uint64_t n = trail->count - MIN(trail->count, TRAIL_SIZE); n < trail->count; n++) {
        const struct trail_entry *e = &trail->entries[n % TRAIL_SIZE];
        command_print(call, "%-6s %s 0x%" PRIx64 " %s 0x%0*" PRIx64 "\n", e->bus, e->write ? "write" : "read ",
                      e->address, e->write ? "<-" : "->", e->size * 2, e->value);
    }
    lock_release(&machine->lock);
}

static void print_counts(struct command_call *call, const struct bus *bus)
{
    const struct flat_view *view = bus_view(bus);
    const struct region *before = NULL;
    for (unsigned i = 0; i < view->count; i++) {
        const struct flat_range *range = &view->ranges[i];
        const struct region *region = range->region;
        if (region->kind == REGION_IO && region != before && (region->reads != 0 || region->writes != 0)) {
            command_print(call, "%016" PRIx64 " %-24s %12" PRIu64 " %12" PRIu64 "\n", range->base, region->name,
                          region->reads, region->writes);
        }
        before = region;
    }
}

static int by_use(const void *a, const void *b)
{
    const struct trail_count *x = *(const struct trail_count *const *)a, *y = *(const struct trail_count *const *)b;
    uint64_t of_x = x->reads + x->writes, of_y = y->reads + y->writes;
    return of_x != of_y ? (of_x < of_y ? 1 : -1) : (x->address > y->address) - (x->address < y->address);
}

/* `info io -r`: register by register, the most used first. Machine lock held. */
static void print_registers(struct command_call *call)
{
    const struct trail *trail = &call->env->machine->trail;
    const struct trail_count *used[TRAIL_COUNTS];
    unsigned count = 0;
    for (unsigned i = 0; i < TRAIL_COUNTS; i++) {
        if (trail->counts[i].bus != NULL) {
            used[count++] = &trail->counts[i];
        }
    }
    qsort(used, count, sizeof(used[0]), by_use);
    for (unsigned i = 0; i < count; i++) {
        struct bus *bus = strcmp(used[i]->bus, "io") == 0 ? call->env->machine->io : call->env->machine->memory;
        const struct flat_range *range = bus_find(bus, used[i]->address);
        g_autofree char *name = range == NULL ? g_strdup("(nothing now)")
                                              : g_strdup_printf("%s+0x%" PRIx64, range->region->name,
                                                                used[i]->address - range->base + range->region_offset);
        command_print(call, "%016" PRIx64 " %-24s %12" PRIu64 " %12" PRIu64 "\n", used[i]->address, name, used[i]->reads,
                      used[i]->writes);
    }
}

/* Registers that have been used, by region; what passes through KVM or the interpreter counts alike. */
void cmd_info_io(struct command_call *call)
{
    struct machine *machine = call->env->machine;
    struct bus_stats ports = bus_stats(machine->io), memory = bus_stats(machine->memory);
    command_print(call, "%-16s %-24s %12s %12s\n", "address", "device", "reads", "writes");
    lock_acquire(&machine->lock);
    if (call->flags & COMMAND_FLAG('r')) {
        print_registers(call);
    } else {
        print_counts(call, machine->io);
        print_counts(call, machine->memory);
    }
    lock_release(&machine->lock);
    command_print(call, "unassigned ports: %" PRIu64 " reads, %" PRIu64 " writes; unassigned memory: %" PRIu64
                  " reads, %" PRIu64 " writes\n", ports.unassigned_reads, ports.unassigned_writes,
                  memory.unassigned_reads, memory.unassigned_writes);
}
