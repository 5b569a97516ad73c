/*
 * Intel 8042 keyboard controller with the PS/2 firmware (IBM PS/2 Technical Reference, "Keyboard
 * and auxiliary device controller"; AT Technical Reference, "Keyboard controller").
 *
 * A byte reaches the output buffer when it is empty, from three sources in this order: the
 * controller's own reply, the keyboard, the auxiliary device. After the buffer was read the next
 * byte of a device follows BYTE_TIME later, so that reading port 60h twice gives the same byte
 * twice, as on hardware.
 *
 * Not modelled: the password commands (A4 says that none is set), the test mode lines of command E0
 * beyond idle ones, and the time that the controller needs for a command: IBF is always 0.
 */
#include "hw/input/i8042.h"

#include "core/bus.h"
#include "core/clock.h"
#include "core/irq.h"
#include "core/machine.h"

#define STATUS_OBF      0x01
#define STATUS_SYS      0x04
#define STATUS_COMMAND  0x08
#define STATUS_UNLOCKED 0x10
#define STATUS_AUX      0x20
#define STATUS_TIMEOUT  0x40

#define CONFIG_KBD_INT     0x01
#define CONFIG_AUX_INT     0x02
#define CONFIG_SYS         0x04
#define CONFIG_KBD_DISABLE 0x10
#define CONFIG_AUX_DISABLE 0x20
#define CONFIG_XLATE       0x40

#define OUTPUT_RUN      0x01 /* 0 holds the CPU in reset */
#define OUTPUT_A20      0x02
#define OUTPUT_KBD_OBF  0x10
#define OUTPUT_AUX_OBF  0x20
#define OUTPUT_WRITABLE 0xcf

#define CMD_READ_RAM       0x20 /* ..0x3f */
#define CMD_WRITE_RAM      0x60
#define CMD_TEST_PASSWORD  0xa4
#define CMD_AUX_DISABLE    0xa7
#define CMD_AUX_ENABLE     0xa8
#define CMD_AUX_TEST       0xa9
#define CMD_SELF_TEST      0xaa
#define CMD_KBD_TEST       0xab
#define CMD_KBD_DISABLE    0xad
#define CMD_KBD_ENABLE     0xae
#define CMD_READ_INPUT     0xc0
#define CMD_READ_OUTPUT    0xd0
#define CMD_WRITE_OUTPUT   0xd1
#define CMD_WRITE_KBD_OBUF 0xd2
#define CMD_WRITE_AUX_OBUF 0xd3
#define CMD_WRITE_AUX      0xd4
#define CMD_A20_OFF        0xdd
#define CMD_A20_ON         0xdf
#define CMD_READ_TEST      0xe0
#define CMD_PULSE          0xf0 /* ..0xff: low bits that are 0 are pulsed */

#define PASSWORD_NONE   0xf1
#define SELF_TEST_OK    0x55
#define REPLY_RESEND    0xfe
#define INPUT_PORT_IDLE 0xb0 /* not inhibited, no manufacturing jumper, colour, 512 KiB on board   \
                              */

#define BYTE_TIME_NS 100000
#define RAM_SIZE     32

enum { PORT_KBD, PORT_AUX, PORT_COUNT };

struct i8042 {
    struct device dev;
    /* Saved. */
    uint8_t ram[RAM_SIZE]; /* [0] is the command byte */
    uint8_t output_port;   /* without the two OBF bits */
    uint8_t obuf;
    bool obf;
    bool obf_aux;
    bool timeout;      /* status bit 6, with the byte in obuf */
    bool last_command; /* the last write went to the command port */
    uint8_t command;   /* waits for its data byte; 0 none */
    bool reply_pending;
    uint8_t reply;
    bool reply_aux;
    bool reply_timeout;
    bool xlate_break;   /* F0 was swallowed */
    uint64_t next_byte; /* guest ns: no byte of a device before */
    /* Wiring. */
    struct ps2_port *ports[PORT_COUNT];
    struct irq *irqs[PORT_COUNT];
    struct irq *a20;
    struct irq *reset_line;
    struct timer timer;
    struct region data;
    struct region command_io;
};

/* Scan code set 2 to set 1, as in the controller's ROM. */
static const uint8_t xlate_table[0x85] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29,
    0x59, 0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11,
    0x03, 0x5b, 0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14,
    0x13, 0x06, 0x5d, 0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24,
    0x16, 0x08, 0x09, 0x5f, 0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35,
    0x26, 0x27, 0x19, 0x0c, 0x61, 0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36,
    0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c,
    0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f, 0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45,
    0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54, 0x80, 0x81, 0x82, 0x41, 0x54,
};

static uint64_t now_ns(const struct i8042 *kbc)
{
    return clock_now(kbc->dev.machine->guest_clock);
}

static bool port_ready(const struct i8042 *kbc, unsigned n)
{
    uint8_t disabled = n == PORT_KBD ? CONFIG_KBD_DISABLE : CONFIG_AUX_DISABLE;
    const struct ps2_port *port = kbc->ports[n];
    return port != NULL && !(kbc->ram[0] & disabled) && port->ops->pending(port->owner);
}

static bool byte_waiting(const struct i8042 *kbc)
{
    return kbc->reply_pending || port_ready(kbc, PORT_KBD) || port_ready(kbc, PORT_AUX);
}

static void i8042_drive(struct device *dev)
{
    struct i8042 *kbc = (struct i8042 *)dev;
    irq_set(kbc->a20, kbc->output_port & OUTPUT_A20);
    irq_set(kbc->reset_line, !(kbc->output_port & OUTPUT_RUN));
    irq_set(kbc->irqs[PORT_KBD], kbc->obf && !kbc->obf_aux && (kbc->ram[0] & CONFIG_KBD_INT));
    irq_set(kbc->irqs[PORT_AUX], kbc->obf && kbc->obf_aux && (kbc->ram[0] & CONFIG_AUX_INT));
    timer_at(&kbc->timer, !kbc->obf && byte_waiting(kbc) ? kbc->next_byte : CLOCK_NEVER);
}

static void put_obuf(struct i8042 *kbc, uint8_t byte, bool aux, bool timeout)
{
    kbc->obuf = byte;
    kbc->obf = true;
    kbc->obf_aux = aux;
    kbc->timeout = timeout;
}

/* A byte of the keyboard; false if the translation swallowed it. */
static bool put_key_byte(struct i8042 *kbc, uint8_t byte)
{
    if (kbc->ram[0] & CONFIG_XLATE) {
        if (byte == 0xf0) {
            kbc->xlate_break = true;
            return false;
        }
        if (byte < sizeof(xlate_table)) {
            byte = xlate_table[byte] | (kbc->xlate_break ? 0x80 : 0);
        }
        kbc->xlate_break = false;
    }
    put_obuf(kbc, byte, false, false);
    return true;
}

/* Fills the output buffer if it is empty and something waits. */
static void fill(struct i8042 *kbc)
{
    if (kbc->obf) {
        return;
    }
    if (kbc->reply_pending) {
        kbc->reply_pending = false;
        put_obuf(kbc, kbc->reply, kbc->reply_aux, kbc->reply_timeout);
        return;
    }
    if (now_ns(kbc) < kbc->next_byte) {
        return;
    }
    if (port_ready(kbc, PORT_KBD)) {
        struct ps2_port *port = kbc->ports[PORT_KBD];
        uint8_t byte = port->ops->take(port->owner);
        if (!put_key_byte(kbc, byte) && port_ready(kbc, PORT_KBD)) {
            put_key_byte(kbc, port->ops->take(port->owner));
        }
    } else if (port_ready(kbc, PORT_AUX)) {
        struct ps2_port *port = kbc->ports[PORT_AUX];
        put_obuf(kbc, port->ops->take(port->owner), true, false);
    }
}

static void update(struct i8042 *kbc)
{
    fill(kbc);
    i8042_drive(&kbc->dev);
}

static void i8042_expired(void *arg)
{
    update(arg);
}

static void i8042_notify(void *controller, unsigned n)
{
    update(controller);
}

static void reply(struct i8042 *kbc, uint8_t byte, bool aux)
{
    kbc->reply = byte;
    kbc->reply_aux = aux;
    kbc->reply_timeout = false;
    kbc->reply_pending = true;
}

/* Sends a byte to a device. Where none is plugged in, nobody clocks it out, and the controller says
 * so. */
static void send(struct i8042 *kbc, unsigned n, uint8_t byte)
{
    struct ps2_port *port = kbc->ports[n];
    kbc->ram[0] &= n == PORT_KBD ? ~CONFIG_KBD_DISABLE : ~CONFIG_AUX_DISABLE;
    if (port != NULL) {
        port->ops->send(port->owner, byte);
        return;
    }
    reply(kbc, REPLY_RESEND, n == PORT_AUX);
    kbc->reply_timeout = true;
}

static uint8_t read_output_port(const struct i8042 *kbc)
{
    uint8_t obf = !kbc->obf ? 0 : kbc->obf_aux ? OUTPUT_AUX_OBF : OUTPUT_KBD_OBF;
    return kbc->output_port | obf;
}

static void write_output_port(struct i8042 *kbc, uint8_t value)
{
    kbc->output_port = value & OUTPUT_WRITABLE;
}

static uint64_t i8042_read_data(void *owner, uint64_t offset, unsigned size)
{
    struct i8042 *kbc = owner;
    uint8_t byte = kbc->obuf;
    if (kbc->obf) {
        kbc->obf = false;
        kbc->timeout = false;
        kbc->next_byte = now_ns(kbc) + BYTE_TIME_NS;
        /* The request must be seen to end before the next one begins. */
        i8042_drive(&kbc->dev);
        update(kbc);
    }
    return byte;
}

static void i8042_write_data(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8042 *kbc = owner;
    uint8_t byte = (uint8_t)value;
    uint8_t command = kbc->command;
    kbc->last_command = false;
    kbc->command = 0;
    switch (command) {
    case 0:
        send(kbc, PORT_KBD, byte);
        break;
    case CMD_WRITE_OUTPUT:
        write_output_port(kbc, byte);
        break;
    case CMD_WRITE_KBD_OBUF:
        reply(kbc, byte, false);
        break;
    case CMD_WRITE_AUX_OBUF:
        reply(kbc, byte, true);
        break;
    case CMD_WRITE_AUX:
        send(kbc, PORT_AUX, byte);
        break;
    default:
        kbc->ram[command & (RAM_SIZE - 1)] = byte;
        break;
    }
    update(kbc);
}

/* Commands that are complete in themselves. False if unknown. */
static bool run_command(struct i8042 *kbc, uint8_t command)
{
    switch (command) {
    case CMD_TEST_PASSWORD:
        reply(kbc, PASSWORD_NONE, false);
        break;
    case CMD_AUX_DISABLE:
        kbc->ram[0] |= CONFIG_AUX_DISABLE;
        break;
    case CMD_AUX_ENABLE:
        kbc->ram[0] &= ~CONFIG_AUX_DISABLE;
        break;
    case CMD_AUX_TEST:
    case CMD_KBD_TEST:
        reply(kbc, 0, false);
        break;
    case CMD_SELF_TEST:
        kbc->ram[0] |= CONFIG_SYS;
        reply(kbc, SELF_TEST_OK, false);
        break;
    case CMD_KBD_DISABLE:
        kbc->ram[0] |= CONFIG_KBD_DISABLE;
        break;
    case CMD_KBD_ENABLE:
        kbc->ram[0] &= ~CONFIG_KBD_DISABLE;
        break;
    case CMD_READ_INPUT:
        reply(kbc, INPUT_PORT_IDLE, false);
        break;
    case CMD_READ_OUTPUT:
        reply(kbc, read_output_port(kbc), false);
        break;
    case CMD_A20_OFF:
        kbc->output_port &= ~OUTPUT_A20;
        break;
    case CMD_A20_ON:
        kbc->output_port |= OUTPUT_A20;
        break;
    case CMD_READ_TEST:
        reply(kbc, 0, false);
        break;
    default:
        return false;
    }
    return true;
}

static void i8042_write_command(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct i8042 *kbc = owner;
    uint8_t command = (uint8_t)value;
    kbc->last_command = true;
    kbc->command = 0;
    if (command >= CMD_PULSE) {
        if (!(command & OUTPUT_RUN)) {
            irq_pulse(kbc->reset_line);
        }
    } else if (command >= CMD_READ_RAM && command < CMD_READ_RAM + RAM_SIZE) {
        reply(kbc, kbc->ram[command & (RAM_SIZE - 1)], false);
    } else if ((command >= CMD_WRITE_RAM && command < CMD_WRITE_RAM + RAM_SIZE) ||
               (command >= CMD_WRITE_OUTPUT && command <= CMD_WRITE_AUX)) {
        kbc->command = command;
    } else if (!run_command(kbc, command)) {
        log_print(kbc->dev.machine->log, LOG_GUEST_ERROR, "i8042: unknown command %02x\n", command);
    }
    update(kbc);
}

static uint64_t i8042_read_status(void *owner, uint64_t offset, unsigned size)
{
    struct i8042 *kbc = owner;
    return STATUS_UNLOCKED | (kbc->obf ? STATUS_OBF : 0) |
           (kbc->obf && kbc->obf_aux ? STATUS_AUX : 0) |
           (kbc->ram[0] & CONFIG_SYS ? STATUS_SYS : 0) | (kbc->last_command ? STATUS_COMMAND : 0) |
           (kbc->obf && kbc->timeout ? STATUS_TIMEOUT : 0);
}

static const struct region_ops data_ops = {
    .read = i8042_read_data,
    .write = i8042_write_data,
    .max_size = 1,
};

static const struct region_ops command_ops = {
    .read = i8042_read_status,
    .write = i8042_write_command,
    .max_size = 1,
};

struct region *i8042_data(struct device *dev)
{
    return &((struct i8042 *)dev)->data;
}

struct region *i8042_command(struct device *dev)
{
    return &((struct i8042 *)dev)->command_io;
}

static void connect_port(struct device *dev, unsigned n, struct ps2_port *port)
{
    struct i8042 *kbc = (struct i8042 *)dev;
    kbc->ports[n] = port;
    if (port != NULL) {
        port->notify = i8042_notify;
        port->controller = kbc;
        port->n = n;
    }
}

void i8042_connect_keyboard(struct device *dev, struct ps2_port *port)
{
    connect_port(dev, PORT_KBD, port);
}

void i8042_connect_mouse(struct device *dev, struct ps2_port *port)
{
    connect_port(dev, PORT_AUX, port);
}

void i8042_connect_kbd_irq(struct device *dev, struct irq *line)
{
    ((struct i8042 *)dev)->irqs[PORT_KBD] = line;
}

void i8042_connect_aux_irq(struct device *dev, struct irq *line)
{
    ((struct i8042 *)dev)->irqs[PORT_AUX] = line;
}

void i8042_connect_a20(struct device *dev, struct irq *line)
{
    ((struct i8042 *)dev)->a20 = line;
}

void i8042_connect_reset(struct device *dev, struct irq *line)
{
    ((struct i8042 *)dev)->reset_line = line;
}

static bool i8042_create(struct device *dev, GError **error)
{
    struct i8042 *kbc = (struct i8042 *)dev;
    timer_init(&kbc->timer, dev->machine->guest_clock, i8042_expired, kbc);
    region_init_io(&kbc->data, "i8042-data", 1, &data_ops, kbc);
    region_init_io(&kbc->command_io, "i8042-cmd", 1, &command_ops, kbc);
    device_add_region(dev, &kbc->data);
    device_add_region(dev, &kbc->command_io);
    return true;
}

static void i8042_destroy(struct device *dev)
{
    timer_finish(&((struct i8042 *)dev)->timer);
}

static void i8042_reset(struct device *dev)
{
    struct i8042 *kbc = (struct i8042 *)dev;
    for (unsigned i = 0; i < RAM_SIZE; i++) {
        kbc->ram[i] = 0;
    }
    kbc->ram[0] = CONFIG_KBD_INT | CONFIG_XLATE;
    kbc->output_port = OUTPUT_WRITABLE;
    kbc->obuf = 0;
    kbc->obf = false;
    kbc->obf_aux = false;
    kbc->timeout = false;
    kbc->last_command = false;
    kbc->command = 0;
    kbc->reply_pending = false;
    kbc->reply = 0;
    kbc->reply_aux = false;
    kbc->reply_timeout = false;
    kbc->xlate_break = false;
    kbc->next_byte = 0;
}

static void i8042_loaded(struct device *dev)
{
    struct i8042 *kbc = (struct i8042 *)dev;
    kbc->output_port &= OUTPUT_WRITABLE;
}

static const struct field i8042_fields[] = {
    FIELD_BYTES(struct i8042, ram),
    FIELD_U8(struct i8042, output_port),
    FIELD_U8(struct i8042, obuf),
    FIELD_BOOL(struct i8042, obf),
    FIELD_BOOL(struct i8042, obf_aux),
    FIELD_BOOL(struct i8042, timeout),
    FIELD_BOOL(struct i8042, last_command),
    FIELD_U8(struct i8042, command),
    FIELD_BOOL(struct i8042, reply_pending),
    FIELD_U8(struct i8042, reply),
    FIELD_BOOL(struct i8042, reply_aux),
    FIELD_BOOL(struct i8042, reply_timeout),
    FIELD_BOOL(struct i8042, xlate_break),
    FIELD_U64(struct i8042, next_byte),
    FIELD_END,
};

const struct device_class i8042_class = {
    .name = "i8042",
    .description = "PS/2 keyboard and mouse controller",
    .state_size = sizeof(struct i8042),
    .fields = i8042_fields,
    .create = i8042_create,
    .reset = i8042_reset,
    .drive = i8042_drive,
    .loaded = i8042_loaded,
    .destroy = i8042_destroy,
};
