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

#define EXITS_SHOWN 40

static int by_register(const void *a, const void *b)
{
    const struct trail_count *x = a, *y = b;
    int bus = strcmp(x->bus, y->bus);
    return bus != 0 ? bus : (x->address > y->address) - (x->address < y->address);
}

static int by_use(const void *a, const void *b)
{
    const struct trail_count *x = a, *y = b;
    uint64_t of_x = x->reads + x->writes, of_y = y->reads + y->writes;
    return of_x != of_y ? (of_x < of_y ? 1 : -1) : by_register(a, b);
}

/* The counts that there are, the most used first; merged: without regard to the RIP. To be freed. */
static struct trail_count *take_counts(const struct trail *trail, bool merged, unsigned *count)
{
    struct trail_count *list = g_new(struct trail_count, TRAIL_COUNTS);
    unsigned used = 0, kept = 0;
    for (unsigned i = 0; i < TRAIL_COUNTS; i++) {
        if (trail->counts[i].bus != NULL) {
            list[used++] = trail->counts[i];
        }
    }
    qsort(list, used, sizeof(list[0]), by_register);
    for (unsigned i = 0; i < used; i++) {
        if (merged && kept > 0 && by_register(&list[kept - 1], &list[i]) == 0) {
            list[kept - 1].reads += list[i].reads;
            list[kept - 1].writes += list[i].writes;
        } else {
            list[kept++] = list[i];
        }
    }
    qsort(list, kept, sizeof(list[0]), by_use);
    *count = kept;
    return list;
}

static char *register_name(struct machine *machine, const struct trail_count *count)
{
    struct bus *bus = strcmp(count->bus, "io") == 0 ? machine->io : machine->memory;
    const struct flat_range *range = bus_find(bus, count->address);
    return range == NULL ? g_strdup("(nothing now)")
                         : g_strdup_printf("%s+0x%" PRIx64, range->region->name,
                                           count->address - range->base + range->region_offset);
}

/* `info io -r`: register by register, the most used first. Machine lock held. */
static void print_registers(struct command_call *call)
{
    unsigned count;
    g_autofree struct trail_count *list = take_counts(&call->env->machine->trail, true, &count);
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *name = register_name(call->env->machine, &list[i]);
        command_print(call, "%016" PRIx64 " %-24s %12" PRIu64 " %12" PRIu64 "\n", list[i].address, name, list[i].reads,
                      list[i].writes);
    }
}

/* Which instructions make the guest leave its own code for a device, the most frequent first. */
void cmd_info_exits(struct command_call *call)
{
    struct machine *machine = call->env->machine;
    uint64_t most = call->args[0].given ? call->args[0].value : EXITS_SHOWN;
    unsigned count;
    lock_acquire(&machine->lock);
    g_autofree struct trail_count *list = take_counts(&machine->trail, false, &count);
    command_print(call, "%12s %12s  %-6s %-16s %-24s %s\n", "reads", "writes", "bus", "address", "register", "from");
    for (unsigned i = 0; i < count && i < most; i++) {
        const struct trail_count *c = &list[i];
        g_autofree char *name = register_name(machine, c);
        command_print(call, "%12" PRIu64 " %12" PRIu64 "  %-6s %016" PRIx64 " %-24s ", c->reads, c->writes, c->bus,
                      c->address, name);
        if (c->rip == TRAIL_RIP_OTHER) {
            command_print(call, "elsewhere\n");
        } else {
            command_print(call, "0x%" PRIx64, c->rip);
            cmd_print_symbol(call, c->rip);
            command_print(call, "\n");
        }
    }
    lock_release(&machine->lock);
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
