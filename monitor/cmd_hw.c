/* `info` about the board: interrupt controllers, PCI, address spaces, pointing devices. */
#include <inttypes.h>

#include "core/bus.h"
#include "core/machine.h"
#include "hw/pc/pc_machine.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"
#include "ui/input.h"

static void from_board(struct command_call *call, void (*print)(struct pc *pc, GString *out))
{
    if (call->env->pc == NULL) {
        command_print(call, "Error: the machine has no board\n");
        return;
    }
    cpu_view_park(call->env); /* the engine may have the registers */
    lock_acquire(&call->env->machine->lock);
    print(call->env->pc, call->out);
    lock_release(&call->env->machine->lock);
    cpu_view_unpark(call->env);
}

void cmd_info_pic(struct command_call *call)
{
    from_board(call, pc_print_pic);
}

void cmd_info_irq(struct command_call *call)
{
    from_board(call, pc_print_irq);
}

void cmd_info_lapic(struct command_call *call)
{
    g_autofree char *id = g_strdup_printf("apic%u", call->settings->cpu);
    if (!info_device(call->env, id, call->out)) {
        command_print(call, "Error: CPU %u has no local APIC\n", call->settings->cpu);
    }
}

void cmd_info_tree(struct command_call *call)
{
    struct machine *machine = call->env->machine;
    lock_acquire(&machine->lock);
    for (guint i = 0; i < machine->devices->len; i++) {
        const struct device *dev = g_ptr_array_index(machine->devices, i);
        command_print(call, "%s: %s, %s\n", dev->id, dev->class->name, dev->class->description);
        for (unsigned r = 0; r < dev->region_count; r++) {
            const struct region *region = dev->regions[r];
            command_print(call, "    %s, 0x%" PRIx64 " bytes\n", region->name, region->size);
        }
    }
    lock_release(&machine->lock);
}

void cmd_info_pci(struct command_call *call)
{
    from_board(call, pc_print_pci);
}

void cmd_info_mice(struct command_call *call)
{
    if (call->env->input == NULL) {
        command_print(call, "No mouse devices connected\n");
        return;
    }
    bool tablet = input_absolute(call->env->input);
    command_print(call, "%c Mouse #%d: QEMU PS/2 Mouse\n", tablet ? ' ' : '*', INPUT_MOUSE);
    if (input_has_pointer(call->env->input, INPUT_TABLET)) {
        command_print(call, "%c Mouse #%d: vmmouse (absolute)\n", tablet ? '*' : ' ', INPUT_TABLET);
    }
}

static const char *kind_name(enum region_kind kind)
{
    return kind == REGION_RAM ? "ram" : kind == REGION_ROM ? "rom" : "i/o";
}

static void print_mapping(void *arg, const struct region *region, uint64_t base, uint64_t size,
                          int priority, bool enabled)
{
    g_string_append_printf(arg, "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): %s%s\n", base,
                           base + size - 1, priority, kind_name(region->kind), region->name,
                           enabled ? "" : " [disabled]");
}

static void print_flat(struct command_call *call, const char *name, struct bus *bus)
{
    const struct flat_view *view = bus_view(bus);
    command_print(call, "flat view: %s\n", name);
    for (unsigned i = 0; i < view->count; i++) {
        const struct flat_range *range = &view->ranges[i];
        command_print(call, "  %016" PRIx64 "-%016" PRIx64 " (%s): %s @%016" PRIx64 "\n",
                      range->base, range->last, kind_name(range->region->kind), range->region->name,
                      range->region_offset);
    }
}

void cmd_info_mtree(struct command_call *call)
{
    struct machine *machine = call->env->machine;
    bool flat = call->flags & COMMAND_FLAG('f');
    const struct {
        const char *name;
        struct bus *bus;
    } spaces[] = {{"memory", machine->memory}, {"I/O", machine->io}};
    lock_acquire(&machine->lock);
    for (unsigned i = 0; i < G_N_ELEMENTS(spaces); i++) {
        if (flat) {
            print_flat(call, spaces[i].name, spaces[i].bus);
        } else {
            command_print(call, "address-space: %s\n", spaces[i].name);
            bus_foreach_mapping(spaces[i].bus, print_mapping, call->out);
        }
        command_print(call, "\n");
    }
    lock_release(&machine->lock);
}
