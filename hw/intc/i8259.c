/*
 * Intel 8259A programmable interrupt controller (datasheet order number 231468), with the
 * edge/level control register of the 82371 (PIIX).
 *
 * Priorities are rotated: `lowest` is the input of lowest priority, lowest + 1 (mod 8) that of the
 * highest. A request goes to INT when it is not masked and outranks everything in service; special
 * mask mode takes masked inputs out of the in-service register's vote, special fully nested mode
 * lets a slave interrupt itself.
 *
 * Edge mode: a rising input sets the IRR bit, a falling one clears it, so a source that gives up
 * too early yields the default vector of IR7. Level mode: the IRR bit follows the input.
 *
 * Not modelled: the MCS-80/85 mode (three-byte CALL sequences; ICW4 is taken to select 8086 mode),
 * buffered mode (its bits are accepted and have no effect, there being no bus drivers), and a
 * single poll answer for a whole cascade (as on the chip, each chip is polled for itself).
 */
#include "hw/intc/i8259.h"

#include "core/bus.h"
#include "core/irq.h"
#include "core/machine.h"

#define PIC_INPUTS 8

#define ICW1_INIT      0x10
#define ICW1_LTIM      0x08
#define ICW1_SNGL      0x02
#define ICW1_IC4       0x01
#define ICW4_SFNM      0x10
#define ICW4_AEOI      0x02
#define OCW3_SELECT    0x08
#define OCW3_ESMM      0x40
#define OCW3_SMM       0x20
#define OCW3_P         0x04
#define OCW3_RR        0x02
#define OCW3_RIS       0x01
#define OCW2_R         0x80
#define OCW2_SL        0x40
#define OCW2_EOI       0x20
#define POLL_INTERRUPT 0x80
#define SPURIOUS_INPUT 7

/* What a write to the odd register is. */
enum init_state { INIT_DONE, INIT_ICW2, INIT_ICW3, INIT_ICW4 };

struct i8259 {
    struct device dev;
    /* Registers; saved. */
    uint8_t irr_edge; /* latched requests of edge-triggered inputs */
    uint8_t lines;    /* input levels: the memory of the edge detectors */
    uint8_t imr;
    uint8_t isr;
    uint8_t icw2; /* vector base, bits 7-3 */
    uint8_t icw3; /* master: inputs with slaves; slave: its number */
    uint8_t elcr; /* 1 = level-triggered, used if elcr_mask != 0 */
    uint8_t lowest;
    uint8_t init_state;
    bool ltim;
    bool single;
    bool needs_icw4;
    bool aeoi;
    bool rotate_aeoi;
    bool sfnm;
    bool special_mask;
    bool poll;     /* the next read is a poll */
    bool read_isr; /* reads of the even register give ISR, else IRR */
    /* Configuration and wiring. */
    uint64_t elcr_mask;
    struct irq *out_int;
    struct i8259 *slaves[PIC_INPUTS];
    struct irq in[PIC_INPUTS];
    struct region io;
    struct region elcr_io;
};

static uint8_t level_inputs(const struct i8259 *pic)
{
    if (pic->elcr_mask != 0) {
        return pic->elcr;
    }
    return pic->ltim ? 0xff : 0x00;
}

static uint8_t irr(const struct i8259 *pic)
{
    uint8_t level = level_inputs(pic);
    return (pic->irr_edge & ~level) | (pic->lines & level);
}

/* The highest-ranking bit of mask as a distance from the top (0..7), 8 if the mask is empty. */
static unsigned top_rank(const struct i8259 *pic, uint8_t mask)
{
    unsigned first = pic->lowest + 1;
    for (unsigned rank = 0; rank < PIC_INPUTS; rank++) {
        if (mask & (1u << ((first + rank) & 7))) {
            return rank;
        }
    }
    return PIC_INPUTS;
}

static unsigned rank_input(const struct i8259 *pic, unsigned rank)
{
    return (pic->lowest + 1 + rank) & 7;
}

/* True if input n has a slave whose requests this chip passes on. */
static bool has_slave(const struct i8259 *pic, unsigned n)
{
    return pic->slaves[n] != NULL && !pic->single && (pic->icw3 & (1u << n));
}

/* The input to be served next, -1 if INT is to be low. */
static int pending_input(const struct i8259 *pic)
{
    unsigned request = top_rank(pic, irr(pic) & ~pic->imr);
    if (request == PIC_INPUTS) {
        return -1;
    }
    unsigned service = top_rank(pic, pic->special_mask ? pic->isr & ~pic->imr : pic->isr);
    unsigned n = rank_input(pic, request);
    if (request < service || (request == service && pic->sfnm && has_slave(pic, n))) {
        return (int)n;
    }
    return -1;
}

static void i8259_drive(struct device *dev)
{
    struct i8259 *pic = (struct i8259 *)dev;
    irq_set(pic->out_int, pic->init_state == INIT_DONE && pending_input(pic) >= 0);
}

static void i8259_input(void *sink, unsigned n, bool level)
{
    struct i8259 *pic = sink;
    uint8_t bit = 1u << n;
    if (level == ((pic->lines & bit) != 0)) {
        return;
    }
    if (level) {
        pic->lines |= bit;
        pic->irr_edge |= bit;
    } else {
        pic->lines &= ~bit;
        pic->irr_edge &= ~bit;
    }
    i8259_drive(&pic->dev);
}

static void end_of_interrupt(struct i8259 *pic, unsigned n, bool rotate)
{
    pic->isr &= ~(1u << n);
    if (rotate) {
        pic->lowest = n;
    }
}

/* The falling edge of the first INTA: freezes the request. Returns the input; IR7 if there was
 * none. */
static unsigned accept_request(struct i8259 *pic)
{
    int n = pending_input(pic);
    /* INT falls with the acknowledgement, so that a further request makes a new edge for a master. */
    irq_set(pic->out_int, false);
    if (n < 0) {
        return SPURIOUS_INPUT;
    }
    pic->irr_edge &= ~(1u << n);
    if (pic->aeoi) {
        if (pic->rotate_aeoi) {
            pic->lowest = (uint8_t)n;
        }
    } else {
        pic->isr |= 1u << n;
    }
    return (unsigned)n;
}

int i8259_acknowledge(struct device *master)
{
    struct i8259 *pic = (struct i8259 *)master;
    unsigned n = accept_request(pic);
    int vector = pic->icw2 | (int)n;
    struct i8259 *slave = has_slave(pic, n) ? pic->slaves[n] : NULL;
    if (slave != NULL) {
        /* A slave that was given another number does not answer, and the bus floats. */
        vector = 0xff;
        if ((slave->icw3 & 7) == n) {
            vector = slave->icw2 | (int)accept_request(slave);
            i8259_drive(&slave->dev);
        }
    }
    i8259_drive(&pic->dev);
    return vector;
}

int i8259_acknowledge_fn(void *arg)
{
    return i8259_acknowledge(arg);
}

static void write_icw1(struct i8259 *pic, uint8_t value)
{
    pic->ltim = value & ICW1_LTIM;
    pic->single = value & ICW1_SNGL;
    pic->needs_icw4 = value & ICW1_IC4;
    pic->init_state = INIT_ICW2;
    /* The edge detectors want to see a new rising edge (datasheet, "Initialization"). */
    pic->irr_edge = 0;
    pic->imr = 0;
    pic->isr = 0;
    pic->lowest = 7;
    pic->special_mask = false;
    pic->poll = false;
    pic->read_isr = false;
    pic->aeoi = false;
    pic->rotate_aeoi = false;
    pic->sfnm = false;
}

static void write_ocw2(struct i8259 *pic, uint8_t value)
{
    unsigned n = value & 7;
    bool rotate = value & OCW2_R;
    switch (value & (OCW2_R | OCW2_SL | OCW2_EOI)) {
    case OCW2_EOI:
    case OCW2_EOI | OCW2_R: {
        /* A masked in-service bit is left alone in special mask mode. */
        unsigned rank = top_rank(pic, pic->special_mask ? pic->isr & ~pic->imr : pic->isr);
        if (rank < PIC_INPUTS) {
            end_of_interrupt(pic, rank_input(pic, rank), rotate);
        }
        break;
    }
    case OCW2_EOI | OCW2_SL:
    case OCW2_EOI | OCW2_SL | OCW2_R:
        end_of_interrupt(pic, n, rotate);
        break;
    case OCW2_R | OCW2_SL:
        pic->lowest = n;
        break;
    case OCW2_R:
    case 0:
        pic->rotate_aeoi = rotate;
        break;
    default: /* OCW2_SL alone: no operation */
        break;
    }
}

static void write_ocw3(struct i8259 *pic, uint8_t value)
{
    if (value & OCW3_ESMM) {
        pic->special_mask = value & OCW3_SMM;
    }
    if (value & OCW3_P) {
        pic->poll = true;
    }
    if (value & OCW3_RR) {
        pic->read_isr = value & OCW3_RIS;
    }
}

static void write_odd(struct i8259 *pic, uint8_t value)
{
    switch (pic->init_state) {
    case INIT_ICW2:
        pic->icw2 = value & 0xf8;
        pic->init_state = !pic->single ? INIT_ICW3 : pic->needs_icw4 ? INIT_ICW4 : INIT_DONE;
        break;
    case INIT_ICW3:
        pic->icw3 = value;
        pic->init_state = pic->needs_icw4 ? INIT_ICW4 : INIT_DONE;
        break;
    case INIT_ICW4:
        pic->aeoi = value & ICW4_AEOI;
        pic->sfnm = value & ICW4_SFNM;
        pic->init_state = INIT_DONE;
        break;
    default:
        pic->imr = value;
        break;
    }
}

static void i8259_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8259 *pic = owner;
    uint8_t byte = (uint8_t)value;
    if (offset != 0) {
        write_odd(pic, byte);
    } else if (byte & ICW1_INIT) {
        write_icw1(pic, byte);
    } else if (byte & OCW3_SELECT) {
        write_ocw3(pic, byte);
    } else {
        write_ocw2(pic, byte);
    }
    i8259_drive(&pic->dev);
}

static uint64_t i8259_read(void *owner, uint64_t offset, unsigned size)
{
    struct i8259 *pic = owner;
    if (pic->poll) {
        pic->poll = false;
        bool requested = pending_input(pic) >= 0;
        uint8_t answer = (uint8_t)accept_request(pic) | (requested ? POLL_INTERRUPT : 0);
        i8259_drive(&pic->dev);
        return answer;
    }
    if (offset != 0) {
        return pic->imr;
    }
    return pic->read_isr ? pic->isr : irr(pic);
}

static const struct region_ops i8259_ops = {
    .read = i8259_read, .write = i8259_write, .max_size = 1};

static uint64_t elcr_read(void *owner, uint64_t offset, unsigned size)
{
    return ((struct i8259 *)owner)->elcr;
}

static void elcr_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8259 *pic = owner;
    pic->elcr = (uint8_t)(value & pic->elcr_mask);
    i8259_drive(&pic->dev);
}

static const struct region_ops elcr_ops = {.read = elcr_read, .write = elcr_write, .max_size = 1};

struct irq *i8259_irq(struct device *dev, unsigned n)
{
    g_assert(n < PIC_INPUTS);
    return &((struct i8259 *)dev)->in[n];
}

struct region *i8259_io(struct device *dev)
{
    return &((struct i8259 *)dev)->io;
}

struct region *i8259_elcr(struct device *dev)
{
    return &((struct i8259 *)dev)->elcr_io;
}

void i8259_connect_int(struct device *dev, struct irq *line)
{
    ((struct i8259 *)dev)->out_int = line;
}

void i8259_connect_slave(struct device *master, unsigned n, struct device *slave)
{
    g_assert(n < PIC_INPUTS);
    ((struct i8259 *)master)->slaves[n] = (struct i8259 *)slave;
}

void i8259_get(struct device *dev, struct pic_registers *r)
{
    const struct i8259 *pic = (const struct i8259 *)dev;
    *r = (struct pic_registers){
        .irr = irr(pic), .imr = pic->imr, .isr = pic->isr, .icw2 = pic->icw2, .icw3 = pic->icw3, .elcr = pic->elcr,
        .lowest = pic->lowest, .init_state = pic->init_state, .single = pic->single, .needs_icw4 = pic->needs_icw4,
        .aeoi = pic->aeoi, .rotate_aeoi = pic->rotate_aeoi, .sfnm = pic->sfnm, .special_mask = pic->special_mask,
        .poll = pic->poll, .read_isr = pic->read_isr,
    };
}

static void i8259_loaded(struct device *dev)
{
    struct i8259 *pic = (struct i8259 *)dev;
    pic->lowest &= 7;
    pic->icw2 &= 0xf8;
    pic->elcr &= pic->elcr_mask;
    pic->init_state &= 3;
}

void i8259_put(struct device *dev, const struct pic_registers *r, uint8_t lines)
{
    struct i8259 *pic = (struct i8259 *)dev;
    pic->imr = r->imr;
    pic->isr = r->isr;
    pic->icw2 = r->icw2;
    pic->icw3 = r->icw3;
    pic->elcr = r->elcr;
    pic->lowest = r->lowest;
    pic->init_state = r->init_state;
    pic->single = r->single;
    pic->needs_icw4 = r->needs_icw4;
    pic->aeoi = r->aeoi;
    pic->rotate_aeoi = r->rotate_aeoi;
    pic->sfnm = r->sfnm;
    pic->special_mask = r->special_mask;
    pic->poll = r->poll;
    pic->read_isr = r->read_isr;
    i8259_loaded(dev);
    pic->irr_edge = r->irr & ~level_inputs(pic);
    for (unsigned n = 0; n < PIC_INPUTS; n++) {
        uint8_t bit = 1u << n;
        if (pic->slaves[n] == NULL) {
            pic->in[n].level = (lines & bit) != 0;
        }
        pic->lines = (pic->lines & ~bit) | (pic->in[n].level ? bit : 0);
    }
}

void i8259_format(struct device *dev, unsigned number, GString *out)
{
    const struct i8259 *pic = (const struct i8259 *)dev;
    g_string_append_printf(
        out,
        "pic%u: irr=%02x imr=%02x isr=%02x hprio=%u irq_base=%02x rr_sel=%d elcr=%02x fnm=%d\n",
        number, irr(pic), pic->imr, pic->isr, (pic->lowest + 1u) & 7, pic->icw2, pic->read_isr,
        pic->elcr, pic->sfnm);
}

static bool i8259_create(struct device *dev, GError **error)
{
    static const char *const names[PIC_INPUTS] = {"ir0", "ir1", "ir2", "ir3",
                                                  "ir4", "ir5", "ir6", "ir7"};
    struct i8259 *pic = (struct i8259 *)dev;
    pic->elcr_mask &= 0xff;
    for (unsigned n = 0; n < PIC_INPUTS; n++) {
        irq_init(&pic->in[n], names[n], i8259_input, pic, n);
    }
    dev->inputs = pic->in;
    dev->input_count = PIC_INPUTS;
    region_init_io(&pic->io, "pic", 2, &i8259_ops, pic);
    region_init_io(&pic->elcr_io, "elcr", 1, &elcr_ops, pic);
    device_add_region(dev, &pic->io);
    device_add_region(dev, &pic->elcr_io);
    return true;
}

static void i8259_reset(struct device *dev)
{
    struct i8259 *pic = (struct i8259 *)dev;
    write_icw1(pic, 0);
    pic->init_state = INIT_DONE;
    pic->icw2 = 0;
    pic->icw3 = 0;
    pic->elcr = 0;
    /* Inputs that are held high through the reset are levels, not edges. */
    pic->lines = 0;
    for (unsigned n = 0; n < PIC_INPUTS; n++) {
        pic->lines |= pic->in[n].level ? 1u << n : 0;
    }
}

static const struct property i8259_properties[] = {
    {"elcr-mask", PROPERTY_U64, offsetof(struct i8259, elcr_mask), "0",
     "bits of ELCR that can be set"},
    {NULL},
};

static const struct field i8259_fields[] = {
    FIELD_U8(struct i8259, irr_edge),
    FIELD_U8(struct i8259, lines),
    FIELD_U8(struct i8259, imr),
    FIELD_U8(struct i8259, isr),
    FIELD_U8(struct i8259, icw2),
    FIELD_U8(struct i8259, icw3),
    FIELD_U8(struct i8259, elcr),
    FIELD_U8(struct i8259, lowest),
    FIELD_U8(struct i8259, init_state),
    FIELD_BOOL(struct i8259, ltim),
    FIELD_BOOL(struct i8259, single),
    FIELD_BOOL(struct i8259, needs_icw4),
    FIELD_BOOL(struct i8259, aeoi),
    FIELD_BOOL(struct i8259, rotate_aeoi),
    FIELD_BOOL(struct i8259, sfnm),
    FIELD_BOOL(struct i8259, special_mask),
    FIELD_BOOL(struct i8259, poll),
    FIELD_BOOL(struct i8259, read_isr),
    FIELD_END,
};

const struct device_class i8259_class = {
    .name = "isa-i8259",
    .description = "Intel 8259A interrupt controller",
    .state_size = sizeof(struct i8259),
    .properties = i8259_properties,
    .fields = i8259_fields,
    .create = i8259_create,
    .reset = i8259_reset,
    .drive = i8259_drive,
    .loaded = i8259_loaded,
};
