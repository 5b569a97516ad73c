/*
 * See the header. The CPU asserts FERR# anew for every error, so that IGNNE# is taken back with the next one
 * instead of following a level.
 */
#include "hw/misc/ferr.h"

#include "core/bus.h"

struct ferr {
    struct device dev;
    struct region io;
    struct irq *irq, *ignne;
    bool latched;  /* IRQ 13 is asserted */
    bool ignoring; /* IGNNE# is asserted */
};

static void ferr_drive(struct device *dev)
{
    struct ferr *f = (struct ferr *)dev;
    irq_set(f->ignne, f->ignoring);
    irq_set(f->irq, f->latched);
}

void ferr_assert(void *arg)
{
    struct ferr *f = arg;
    f->latched = true;
    f->ignoring = false;
    ferr_drive(&f->dev);
}

static uint64_t ferr_read(void *owner, uint64_t offset, unsigned size)
{
    return 0xff;
}

static void ferr_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct ferr *f = owner;
    f->ignoring = f->latched;
    f->latched = false;
    ferr_drive(&f->dev);
}

static const struct region_ops ferr_ops = { ferr_read, ferr_write, 1, 1 };

static bool ferr_create(struct device *dev, GError **error)
{
    struct ferr *f = (struct ferr *)dev;
    region_init_io(&f->io, "fpu-error", 1, &ferr_ops, f);
    device_add_region(dev, &f->io);
    return true;
}

static void ferr_reset(struct device *dev)
{
    struct ferr *f = (struct ferr *)dev;
    f->latched = false;
    f->ignoring = false;
}

struct region *ferr_io(struct device *dev)
{
    return &((struct ferr *)dev)->io;
}

void ferr_connect_irq(struct device *dev, struct irq *line)
{
    ((struct ferr *)dev)->irq = line;
}

void ferr_connect_ignne(struct device *dev, struct irq *line)
{
    ((struct ferr *)dev)->ignne = line;
}

static const struct field ferr_fields[] = {
    FIELD_BOOL(struct ferr, latched),
    FIELD_BOOL(struct ferr, ignoring),
    FIELD_END,
};

const struct device_class ferr_class = {
    .name = "isa-fpu-error",
    .description = "x87 error latch and port F0h",
    .state_size = sizeof(struct ferr),
    .fields = ferr_fields,
    .create = ferr_create,
    .reset = ferr_reset,
    .drive = ferr_drive,
};
