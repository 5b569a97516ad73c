/*
 * The board's interrupt chips change hands (core/irqchip.h): an engine with chips of its own takes their registers, and
 * gives them back. Meanwhile ISA lines, the 8259s' INT and messages go to the engine, by pc_irq.c and apic_bus.c.
 */
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/intc/lapic.h"
#include "hw/pc/pc_impl.h"

_Static_assert(IRQCHIP_ISA_LINES == PC_ISA_IRQS && IRQCHIP_IOAPIC_PINS == IOAPIC_INPUTS, "the board's");
_Static_assert((int)IRQCHIP_CPUS == (int)APIC_BUS_MAX_CPUS, "the board's");

static uint32_t isa_levels(const struct pc *pc)
{
    uint32_t levels = 0;
    for (unsigned n = 0; n < PC_ISA_IRQS; n++) {
        levels |= (uint32_t)pc->isa_out[n].level << n;
    }
    return levels;
}

static void get_pic(void *arg, unsigned chip, struct pic_registers *pic)
{
    i8259_get(((struct pc *)arg)->pic[chip], pic);
}

static void get_ioapic(void *arg, struct ioapic_registers *ioapic)
{
    ioapic_get(((struct pc *)arg)->ioapic, ioapic);
}

static void get_lapic(void *arg, unsigned cpu, struct lapic_registers *lapic)
{
    lapic_get(((struct pc *)arg)->apics.cpus[cpu], lapic);
}

static void put_pic(void *arg, unsigned chip, const struct pic_registers *pic)
{
    struct pc *pc = arg;
    i8259_put(pc->pic[chip], pic, (uint8_t)(isa_levels(pc) >> 8 * chip));
}

static void put_ioapic(void *arg, const struct ioapic_registers *ioapic)
{
    struct pc *pc = arg;
    uint32_t isa = isa_levels(pc);
    ioapic_put(pc->ioapic, ioapic, (isa & ~5u) | (isa & 1) << 2);
}

static void put_lapic(void *arg, unsigned cpu, const struct lapic_registers *lapic)
{
    lapic_put(((struct pc *)arg)->apics.cpus[cpu], lapic);
}

static void move(void *arg, enum irqchip_away away, const struct irqchip_outside *outside)
{
    struct pc *pc = arg;
    pc->away = away;
    pc->outside = away != IRQCHIP_HERE ? *outside : (struct irqchip_outside){ 0 };
    pc->apics.outside = away != IRQCHIP_HERE ? &pc->outside : NULL;
    if (away == IRQCHIP_HERE) {
        /* The slave before its master, all before the pins that follow from them. */
        device_drive(pc->pic[1]);
        device_drive(pc->pic[0]);
    }
    for (unsigned i = 0; i < pc->apics.cpu_count; i++) {
        lapic_set_away(pc->apics.cpus[i], away != IRQCHIP_HERE);
    }
    if (away == IRQCHIP_HERE) {
        device_drive(pc->ioapic);
    }
}

static bool line(void *arg, unsigned n)
{
    return ((struct pc *)arg)->isa_out[n].level;
}

static bool extint(void *arg)
{
    return ((struct pc *)arg)->pic_int.level;
}

static int acknowledge(void *arg)
{
    return i8259_acknowledge(((struct pc *)arg)->pic[0]);
}

static void eoi(void *arg, uint8_t vector)
{
    apic_bus_eoi(&((struct pc *)arg)->apics, vector);
}

void pc_irqchip_create(struct pc *pc)
{
    pc->machine->irqchip = (struct machine_irqchip){
        .arg = pc,
        .cpus = pc->apics.cpu_count,
        .get_pic = get_pic,
        .get_ioapic = get_ioapic,
        .get_lapic = get_lapic,
        .put_pic = put_pic,
        .put_ioapic = put_ioapic,
        .put_lapic = put_lapic,
        .move = move,
        .line = line,
        .extint = extint,
        .acknowledge = acknowledge,
        .eoi = eoi,
    };
}
