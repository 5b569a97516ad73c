/*
 * 82371AB (PIIX4) power management: data sheet 290562, chapter 7; ACPI specification 2.0, section 4.7.
 *
 * ACPI is switched on by writing F1h to the SMI command port, off by F0h. On the real board SMM firmware does it;
 * here the device does, and DEVACTB says from the start that SMIs on that port are set up, so that firmware does
 * not try to. SLP_TYP 0 is soft-off; nothing else is known (firmware is told not to offer S3 and S4).
 *
 * The general-purpose events' registers are at a fixed port, as firmware and its ACPI tables for this board have
 * it, and not in the chip's own block. They have no source yet.
 *
 * Not modelled: SMM and all that makes SMIs, the SMBus host (reads as absent), device monitors, throttling.
 */
#include "hw/acpi/pm.h"

#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/log.h"
#include "core/machine.h"

#define PCI_PMBA 0x40
#define PCI_DEVACTB 0x58
#define PCI_PMREGMISC 0x80
#define PCI_SMBBA 0x90
#define DEVACTB_APMC_EN (1u << 25)
#define PMREGMISC_PMIOSE 0x01
#define PMBA_MASK 0xffc0u
#define PM_SIZE 64

/* Registers in the block. */
#define PMSTS 0x00
#define PMEN 0x02
#define PMCNTRL 0x04
#define PMTMR 0x08

#define PM_TMR 0x0001u    /* bit 23 of the timer toggled */
#define PM_GBL 0x0020u
#define PM_PWRBTN 0x0100u
#define PM_RTC 0x0400u
#define PM_EVENTS (PM_TMR | PM_GBL | PM_PWRBTN | PM_RTC)
#define PM_STATUS (PM_EVENTS | 0x8000u) /* WAK_STS */
#define CNT_SCI_EN 0x0001u
#define CNT_SLP_TYP 0x1c00u
#define CNT_SLP_TYP_SHIFT 10
#define CNT_SLP_EN 0x2000u
#define CNT_WRITABLE (0x0002u | CNT_SLP_TYP) /* BRLD_EN_BM; SCI_EN is SMM's */
#define SOFT_OFF 0

#define APM_ACPI_ENABLE 0xf1
#define APM_ACPI_DISABLE 0xf0

#define TIMER_HZ 3579545u
#define TIMER_MASK 0xffffffu
#define TIMER_TOGGLE_BIT 23

struct pm {
    struct device dev;
    /* Saved. */
    struct pci_device pci;
    uint16_t status, enable, control; /* PM1 */
    uint16_t gpe_status, gpe_enable;
    uint8_t apmc, apms;
    uint64_t toggles; /* of timer bit 23, up to which TMR_STS is accounted */
    /* Wiring. */
    struct irq *sci;
    struct timer timer;
    struct region io, apm, gpe, hotplug;
    struct mapping *mapping; /* of io; made when first enabled */
};

static struct pm *from_dev(struct device *dev)
{
    return (struct pm *)dev;
}

/* ---- timer ---- */

static uint64_t ticks(const struct pm *pm)
{
    return muldiv64(clock_now(pm->dev.machine->guest_clock), TIMER_HZ, NS_PER_SECOND);
}

static void timer_account(struct pm *pm)
{
    uint64_t toggles = ticks(pm) >> TIMER_TOGGLE_BIT;
    if (toggles != pm->toggles) {
        pm->toggles = toggles;
        pm->status |= PM_TMR;
    }
}

/* The first ns at which the timer has this many ticks. */
static uint64_t tick_time(uint64_t tick)
{
    return muldiv64(tick, NS_PER_SECOND, TIMER_HZ) + 1;
}

/* ---- outputs ---- */

static void map_registers(struct pm *pm)
{
    uint16_t base = pci_get_u16(&pm->pci, PCI_PMBA) & PMBA_MASK;
    bool on = (pci_get_u8(&pm->pci, PCI_PMREGMISC) & PMREGMISC_PMIOSE) != 0 && base != 0;
    struct bus *bus = pm->dev.machine->io;
    if (pm->mapping == NULL && !on) {
        return;
    }
    bus_begin(bus);
    if (pm->mapping == NULL) {
        pm->mapping = bus_map(bus, &pm->io, base, 0);
    }
    if (on) {
        mapping_move(pm->mapping, base);
    }
    mapping_enable(pm->mapping, on);
    bus_commit(bus);
}

static void drive_lines(struct pm *pm)
{
    bool event = (pm->status & pm->enable & PM_EVENTS) != 0 || (pm->gpe_status & pm->gpe_enable) != 0;
    bool waits = (pm->enable & PM_TMR) != 0 && (pm->status & PM_TMR) == 0;
    irq_set(pm->sci, event && (pm->control & CNT_SCI_EN) != 0);
    timer_at(&pm->timer, waits ? tick_time((pm->toggles + 1) << TIMER_TOGGLE_BIT) : CLOCK_NEVER);
}

static void pm_drive(struct device *dev)
{
    struct pm *pm = from_dev(dev);
    pci_drive(&pm->pci);
    map_registers(pm);
    drive_lines(pm);
}

static void timer_fired(void *arg)
{
    struct pm *pm = arg;
    timer_account(pm);
    drive_lines(pm);
}

static void pm_written(struct pci_device *pci, unsigned offset, unsigned size)
{
    pm_drive(pci->dev);
}

void pm_press_power_button(struct device *dev)
{
    struct pm *pm = from_dev(dev);
    pm->status |= PM_PWRBTN;
    drive_lines(pm);
}

/* ---- ACPI registers, as bytes ---- */

static uint8_t byte_of(uint32_t value, unsigned n)
{
    return (uint8_t)(value >> n * 8);
}

static uint8_t register_byte(const struct pm *pm, unsigned offset)
{
    switch (offset & ~1u) {
    case PMSTS:
        return byte_of(pm->status, offset & 1);
    case PMEN:
        return byte_of(pm->enable, offset & 1);
    case PMCNTRL:
        return byte_of(pm->control, offset & 1);
    default:
        return 0;
    }
}

static uint64_t pm_read(void *owner, uint64_t offset, unsigned size)
{
    struct pm *pm = owner;
    uint32_t value = 0;
    timer_account(pm);
    drive_lines(pm);
    if (offset >= PMTMR && offset < PMTMR + 4) {
        return (uint32_t)(ticks(pm) & TIMER_MASK) >> (offset - PMTMR) * 8;
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)register_byte(pm, (unsigned)offset + i) << i * 8;
    }
    return value;
}

static void enter_sleep(struct pm *pm)
{
    unsigned type = (pm->control & CNT_SLP_TYP) >> CNT_SLP_TYP_SHIFT;
    if (type == SOFT_OFF) {
        machine_request(pm->dev.machine, REQUEST_POWEROFF);
    } else {
        log_print(pm->dev.machine->log, LOG_GUEST_ERROR, "PIIX4_PM: sleep type %u is not there\n", type);
    }
}

static void register_write(struct pm *pm, unsigned offset, uint8_t value)
{
    unsigned shift = (offset & 1) * 8;
    uint16_t v = (uint16_t)(value << shift), keep = (uint16_t)(shift != 0 ? 0x00ff : 0xff00);
    switch (offset & ~1u) {
    case PMSTS:
        pm->status &= (uint16_t)~v;
        break;
    case PMEN:
        pm->enable = (uint16_t)((pm->enable & keep) | (v & PM_EVENTS));
        break;
    case PMCNTRL:
        pm->control = (uint16_t)((pm->control & (keep | ~CNT_WRITABLE)) | (v & CNT_WRITABLE));
        if ((v & CNT_SLP_EN) != 0) {
            enter_sleep(pm);
        }
        break;
    default:
        break;
    }
}

static void pm_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct pm *pm = owner;
    timer_account(pm);
    for (unsigned i = 0; i < size; i++) {
        register_write(pm, (unsigned)offset + i, (uint8_t)(value >> i * 8));
    }
    drive_lines(pm);
}

static const struct region_ops pm_ops = { pm_read, pm_write, 1, 4 };

/* ---- SMI command port ---- */

static uint64_t apm_read(void *owner, uint64_t offset, unsigned size)
{
    const struct pm *pm = owner;
    return offset == 0 ? pm->apmc : pm->apms;
}

static void apm_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct pm *pm = owner;
    if (offset != 0) {
        pm->apms = (uint8_t)value;
        return;
    }
    pm->apmc = (uint8_t)value;
    if (value == APM_ACPI_ENABLE) {
        pm->control |= CNT_SCI_EN;
    } else if (value == APM_ACPI_DISABLE) {
        pm->control &= (uint16_t)~CNT_SCI_EN;
    }
    drive_lines(pm);
}

static const struct region_ops apm_ops = { apm_read, apm_write, 1, 1 };

/* ---- general-purpose events ---- */

static uint64_t gpe_read(void *owner, uint64_t offset, unsigned size)
{
    const struct pm *pm = owner;
    return (pm->gpe_status | (uint32_t)pm->gpe_enable << 16) >> offset * 8 & 0xff;
}

static void gpe_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct pm *pm = owner;
    unsigned shift = (offset & 1) * 8;
    if (offset < 2) {
        pm->gpe_status &= (uint16_t) ~(value << shift);
    } else {
        pm->gpe_enable = (uint16_t)((pm->gpe_enable & ~(0xffu << shift)) | value << shift);
    }
    drive_lines(pm);
}

static const struct region_ops gpe_ops = { gpe_read, gpe_write, 1, 1 };

static uint64_t hotplug_read(void *owner, uint64_t offset, unsigned size)
{
    return 0;
}

static const struct region_ops hotplug_ops = { hotplug_read, NULL, 1, 4 };

/* ---- device ---- */

static bool pm_create(struct device *dev, GError **error)
{
    static const struct pci_identity identity = {
        .vendor = 0x8086, .device = 0x7113, .class_code = 0x0680, .revision = 3, .interrupt_pin = 1
    };
    struct pm *pm = from_dev(dev);
    pci_init(&pm->pci, dev, &identity);
    pm->pci.written = pm_written;
    pci_default_u16(&pm->pci, PCI_STATUS, PCI_STATUS_DEVSEL_MEDIUM | PCI_STATUS_FAST_BACK);
    pci_default_u32(&pm->pci, PCI_PMBA, 1);
    pci_writable_u32(&pm->pci, PCI_PMBA, PMBA_MASK);
    pci_default_u32(&pm->pci, PCI_DEVACTB, DEVACTB_APMC_EN);
    pci_writable_u8(&pm->pci, PCI_PMREGMISC, PMREGMISC_PMIOSE);
    pci_default_u32(&pm->pci, PCI_SMBBA, 1);
    pci_writable_u32(&pm->pci, PCI_SMBBA, 0xfff0);
    region_init_io(&pm->io, "acpi-pm", PM_SIZE, &pm_ops, pm);
    region_init_io(&pm->apm, "apm", 2, &apm_ops, pm);
    region_init_io(&pm->gpe, "acpi-gpe0", 4, &gpe_ops, pm);
    region_init_io(&pm->hotplug, "pci-removable", 4, &hotplug_ops, pm);
    device_add_region(dev, &pm->io);
    device_add_region(dev, &pm->apm);
    device_add_region(dev, &pm->gpe);
    device_add_region(dev, &pm->hotplug);
    timer_init(&pm->timer, dev->machine->guest_clock, timer_fired, pm);
    return true;
}

static void pm_reset(struct device *dev)
{
    struct pm *pm = from_dev(dev);
    pci_reset(&pm->pci);
    pm->status = pm->enable = pm->control = 0;
    pm->gpe_status = pm->gpe_enable = 0;
    pm->apmc = pm->apms = 0;
    pm->toggles = ticks(pm) >> TIMER_TOGGLE_BIT;
}

static void pm_loaded(struct device *dev)
{
    struct pm *pm = from_dev(dev);
    pci_loaded(&pm->pci);
    pm->status &= PM_STATUS;
    pm->enable &= PM_EVENTS;
    pm->control &= CNT_WRITABLE | CNT_SCI_EN;
    pm->toggles = MIN(pm->toggles, ticks(pm) >> TIMER_TOGGLE_BIT);
}

static void pm_destroy(struct device *dev)
{
    struct pm *pm = from_dev(dev);
    timer_finish(&pm->timer);
    pci_finish(&pm->pci);
    if (pm->mapping != NULL) {
        bus_unmap(dev->machine->io, pm->mapping);
    }
}

struct pci_device *pm_pci(struct device *dev)
{
    return &from_dev(dev)->pci;
}

struct region *pm_apm_io(struct device *dev)
{
    return &from_dev(dev)->apm;
}

struct region *pm_gpe_io(struct device *dev)
{
    return &from_dev(dev)->gpe;
}

struct region *pm_hotplug_io(struct device *dev)
{
    return &from_dev(dev)->hotplug;
}

uint16_t pm_base(struct device *dev)
{
    return pci_get_u16(&from_dev(dev)->pci, PCI_PMBA) & PMBA_MASK;
}

void pm_connect_sci(struct device *dev, struct irq *line)
{
    from_dev(dev)->sci = line;
}

static const struct field pm_fields[] = {
    FIELD_STRUCT(struct pm, pci, pci_device_fields),
    FIELD_U16(struct pm, status),
    FIELD_U16(struct pm, enable),
    FIELD_U16(struct pm, control),
    FIELD_U16(struct pm, gpe_status),
    FIELD_U16(struct pm, gpe_enable),
    FIELD_U8(struct pm, apmc),
    FIELD_U8(struct pm, apms),
    FIELD_U64(struct pm, toggles),
    FIELD_END,
};

const struct device_class pm_class = {
    .name = "PIIX4_PM",
    .description = "Intel 82371AB power management: ACPI registers and timer",
    .state_size = sizeof(struct pm),
    .fields = pm_fields,
    .create = pm_create,
    .reset = pm_reset,
    .drive = pm_drive,
    .loaded = pm_loaded,
    .destroy = pm_destroy,
};
