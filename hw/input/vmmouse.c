/*
 * vmmouse. The interface is the one that VMware published with its X.org driver (xf86-input-vmmouse,
 * vmmouse_defs.h): commands ABSPOINTER_DATA, _STATUS and _COMMAND of the backdoor port.
 *
 * A report is four words: buttons, x, y (0..65535), wheel. A report that the guest has not fetched yet is brought up to
 * date as long as no button and no wheel moved, so that a slow guest finds the newest position.
 * Not modelled: relative reports (the PS/2 mouse makes them), the restriction to privileged code.
 */
#include "hw/input/vmmouse.h"

#include <string.h>

#include "core/machine.h"
#include "hw/input/ps2_mouse.h"
#include "hw/misc/vmport.h"

#define CMD_DATA 39
#define CMD_STATUS 40
#define CMD_COMMAND 41
#define CMD_RESTRICT 86

#define COMMAND_ENABLE 0x45414552
#define COMMAND_DISABLE 0xf5
#define COMMAND_RELATIVE 0x4c455252
#define COMMAND_ABSOLUTE 0x53424152

#define VERSION_ID 0x3442554a
#define STATUS_ERROR 0xffff0000

#define BUTTON_LEFT 0x20
#define BUTTON_RIGHT 0x10
#define BUTTON_MIDDLE 0x08

#define REPORT_WORDS 4
#define QUEUE_WORDS (64 * REPORT_WORDS)

struct vmmouse {
    struct device dev;
    /* Saved. */
    bool enabled, absolute;
    uint32_t queue[QUEUE_WORDS]; /* oldest first */
    uint32_t count;              /* words in it */
    struct device *mouse;
    struct input *input;
};

static uint32_t buttons_of(unsigned buttons)
{
    return ((buttons & INPUT_BUTTON_LEFT) != 0 ? BUTTON_LEFT : 0) |
           ((buttons & INPUT_BUTTON_RIGHT) != 0 ? BUTTON_RIGHT : 0) |
           ((buttons & INPUT_BUTTON_MIDDLE) != 0 ? BUTTON_MIDDLE : 0);
}

/* The last report may be changed: it is whole, and about the same buttons. */
static bool can_merge(const struct vmmouse *vm, uint32_t buttons)
{
    const uint32_t *last = vm->queue + vm->count - REPORT_WORDS;
    return vm->count >= 2 * REPORT_WORDS && vm->count % REPORT_WORDS == 0 && last[0] == buttons && last[3] == 0;
}

static void on_pointer(void *arg, const struct input_pointer *report)
{
    struct vmmouse *vm = arg;
    uint32_t words[REPORT_WORDS] = {
        buttons_of(report->buttons),
        report->x * 65535u / INPUT_ABSOLUTE_MAX,
        report->y * 65535u / INPUT_ABSOLUTE_MAX,
        (uint32_t)CLAMP(report->wheel, -127, 127) & 0xff,
    };
    if (report->wheel == 0 && can_merge(vm, words[0])) {
        memcpy(vm->queue + vm->count - REPORT_WORDS, words, sizeof(words));
    } else if (vm->count + REPORT_WORDS <= QUEUE_WORDS) {
        memcpy(vm->queue + vm->count, words, sizeof(words));
        vm->count += REPORT_WORDS;
    } else {
        /* The guest does not listen; when it does, the buttons are to be as they are now. */
        memcpy(vm->queue + vm->count - REPORT_WORDS, words, sizeof(words));
    }
    ps2_mouse_poke(vm->mouse);
}

static void vmmouse_drive(struct device *dev)
{
    struct vmmouse *vm = (struct vmmouse *)dev;
    if (vm->input != NULL) {
        bool on = vm->enabled && vm->absolute;
        input_set_tablet(vm->input, on ? on_pointer : NULL, on ? vm : NULL);
    }
}

/* EBX words are taken from the queue into EAX, EBX, ECX, EDX. */
static void command_data(void *arg, struct port_registers *registers)
{
    struct vmmouse *vm = arg;
    uint32_t words[REPORT_WORDS] = {0}, n = registers->ebx;
    if (n > REPORT_WORDS || n > vm->count) {
        log_print(vm->dev.machine->log, LOG_GUEST_ERROR, "vmmouse: %u words wanted of %u\n", n, vm->count);
        vm->enabled = false;
        vm->count = 0;
        vmmouse_drive(&vm->dev);
        registers->eax = UINT32_MAX;
        return;
    }
    memcpy(words, vm->queue, n * sizeof(*words));
    vm->count -= n;
    memmove(vm->queue, vm->queue + n, vm->count * sizeof(*words));
    registers->eax = words[0];
    registers->ebx = words[1];
    registers->ecx = words[2];
    registers->edx = words[3];
}

static void command_status(void *arg, struct port_registers *registers)
{
    struct vmmouse *vm = arg;
    registers->eax = vm->enabled ? vm->count : STATUS_ERROR;
}

static void command_command(void *arg, struct port_registers *registers)
{
    struct vmmouse *vm = arg;
    switch (registers->ebx) {
    case COMMAND_ENABLE:
        vm->enabled = true;
        vm->queue[0] = VERSION_ID;
        vm->count = 1;
        break;
    case COMMAND_DISABLE:
        vm->enabled = false;
        vm->count = 0;
        break;
    case COMMAND_RELATIVE:
    case COMMAND_ABSOLUTE:
        vm->absolute = registers->ebx == COMMAND_ABSOLUTE;
        break;
    default:
        log_print(vm->dev.machine->log, LOG_GUEST_ERROR, "vmmouse: unknown command %08x\n", registers->ebx);
        break;
    }
    registers->eax = 0;
    vmmouse_drive(&vm->dev);
}

static void command_restrict(void *arg, struct port_registers *registers)
{
    registers->eax = 0;
}

void vmmouse_connect(struct device *dev, struct device *vmport, struct device *mouse, struct input *input)
{
    struct vmmouse *vm = (struct vmmouse *)dev;
    vm->mouse = mouse;
    vm->input = input;
    vmport_connect(vmport, CMD_DATA, command_data, vm);
    vmport_connect(vmport, CMD_STATUS, command_status, vm);
    vmport_connect(vmport, CMD_COMMAND, command_command, vm);
    vmport_connect(vmport, CMD_RESTRICT, command_restrict, vm);
}

static void vmmouse_reset(struct device *dev)
{
    struct vmmouse *vm = (struct vmmouse *)dev;
    vm->enabled = vm->absolute = false;
    vm->count = 0;
    memset(vm->queue, 0, sizeof(vm->queue));
}

static void vmmouse_loaded(struct device *dev)
{
    struct vmmouse *vm = (struct vmmouse *)dev;
    vm->count = MIN(vm->count, QUEUE_WORDS);
}

static const struct field vmmouse_fields[] = {
    FIELD_BOOL(struct vmmouse, enabled),
    FIELD_BOOL(struct vmmouse, absolute),
    FIELD_U32_ARRAY(struct vmmouse, queue),
    FIELD_U32(struct vmmouse, count),
    FIELD_END,
};

const struct device_class vmmouse_class = {
    .name = "vmmouse",
    .description = "VMware's absolute pointer",
    .state_size = sizeof(struct vmmouse),
    .fields = vmmouse_fields,
    .reset = vmmouse_reset,
    .drive = vmmouse_drive,
    .loaded = vmmouse_loaded,
};
