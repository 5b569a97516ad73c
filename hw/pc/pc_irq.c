/*
 * Interrupt wiring of the board: two 8259s in cascade and an I/O APIC, an OR gate before each input (an ISA device
 * and the PCI router may share one), the lines to the CPUs, the A20 gate and the reset lines.
 *
 * A reset asked for by the keyboard controller or port 92h resets the whole board, not the CPU alone: the
 * firmware of this board counts on it.
 */
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"
#include "hw/pc/pc_impl.h"

static void intr_changed(void *sink, unsigned n, bool level)
{
    struct machine *machine = sink;
    if (machine->cpus.set_intr != NULL) {
        machine->cpus.set_intr(machine->cpus.arg, n, level);
    }
}

/* The 8259's INT goes to LINT0 of every CPU; only one takes it, as software says. */
static void int_changed(void *sink, unsigned n, bool level)
{
    struct pc *pc = sink;
    for (unsigned i = 0; i < pc->apics.cpu_count; i++) {
        irq_set(lapic_lint(pc->apics.cpus[i], 0), level);
    }
    if (pc->away == IRQCHIP_LAPICS_AWAY) {
        pc->outside.extint(pc->outside.arg, level);
    }
}

/* ISA interrupts reach both the 8259s and the I/O APIC: the timer there at input 2, where the 8259s have their
 * cascade. */
static void isa_changed(void *sink, unsigned n, bool level)
{
    struct pc *pc = sink;
    if (pc->away == IRQCHIP_ALL_AWAY) {
        i8259_irq(pc->pic[n / 8], n % 8)->rises += level;
        pc->outside.line(pc->outside.arg, n, level);
        return;
    }
    irq_set(i8259_irq(pc->pic[n / 8], n % 8), level);
    if (n != 2) {
        irq_set(ioapic_irq(pc->ioapic, n == 0 ? 2 : n), level);
    }
}

static void a20_changed(void *sink, unsigned n, bool level)
{
    struct machine *machine = sink;
    if (machine->cpus.set_a20 != NULL) {
        machine->cpus.set_a20(machine->cpus.arg, level);
    }
}

static void ignne_changed(void *sink, unsigned n, bool level)
{
    struct machine *machine = sink;
    if (machine->cpus.set_ignne != NULL) {
        machine->cpus.set_ignne(machine->cpus.arg, level);
    }
}

static void reset_changed(void *sink, unsigned n, bool level)
{
    if (level) {
        machine_guest_reset(sink);
    }
}

bool pc_irq_create(struct pc *pc, unsigned cpus, GError **error)
{
    struct machine *machine = pc->machine;
    const char *const master[] = { "elcr-mask", "0xf8", NULL };
    const char *const slave[] = { "elcr-mask", "0xde", NULL };
    irq_init(&pc->pic_int, "int", int_changed, pc, 0);
    for (unsigned i = 0; i < cpus; i++) {
        irq_init(&pc->intr[i], "intr", intr_changed, machine, i);
    }
    irq_init(&pc->a20_cpu, "a20", a20_changed, machine, 0);
    irq_init(&pc->ignne, "ignne", ignne_changed, machine, 0);
    irq_init(&pc->reset_machine, "reset", reset_changed, machine, 0);
    irq_or_init(&pc->a20, "a20-sources", 2, &pc->a20_cpu);
    irq_or_init(&pc->reset, "reset-sources", 2, &pc->reset_machine);
    pc->pic[0] = device_create(machine, &i8259_class, "pic0", master, error);
    pc->pic[1] = pc->pic[0] != NULL ? device_create(machine, &i8259_class, "pic1", slave, error) : NULL;
    if (pc->pic[1] == NULL) {
        return false;
    }
    if (!pc_apic_create(pc, cpus, error)) {
        return false;
    }
    for (unsigned n = 0; n < PC_ISA_IRQS; n++) {
        irq_init(&pc->isa_out[n], "isa-irq", isa_changed, pc, n);
        irq_or_init(&pc->isa[n], "isa-irq", PC_IRQ_SOURCES, &pc->isa_out[n]);
    }
    i8259_connect_int(pc->pic[0], &pc->pic_int);
    i8259_connect_int(pc->pic[1], i8259_irq(pc->pic[0], 2));
    i8259_connect_slave(pc->pic[0], 2, pc->pic[1]);
    machine->interrupt_acknowledge = i8259_acknowledge_fn;
    machine->interrupt_arg = pc->pic[0];
    pc_irqchip_create(pc);
    bus_map(machine->io, i8259_io(pc->pic[0]), 0x20, 0);
    bus_map(machine->io, i8259_io(pc->pic[1]), 0xa0, 0);
    bus_map(machine->io, i8259_elcr(pc->pic[0]), 0x4d0, 0);
    bus_map(machine->io, i8259_elcr(pc->pic[1]), 0x4d1, 0);
    return true;
}

struct irq *pc_irq(struct pc *pc, unsigned n, enum pc_irq_source source)
{
    return &pc->isa[n].in[source];
}

void pc_print_pic(struct pc *pc, GString *out)
{
    ioapic_format(pc->ioapic, out);
    i8259_format(pc->pic[1], 1, out);
    i8259_format(pc->pic[0], 0, out);
}

void pc_print_irq(struct pc *pc, GString *out)
{
    for (unsigned chip = 0; chip < 2; chip++) {
        g_string_append(out, "IRQ statistics for isa-i8259:\n");
        for (unsigned n = 0; n < 8; n++) {
            uint64_t rises = i8259_irq(pc->pic[chip], n)->rises;
            if (rises > 0) {
                g_string_append_printf(out, "%2u: %" G_GUINT64_FORMAT "\n", n, rises);
            }
        }
    }
}
