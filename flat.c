/*
 * The machine of -flat, and the state in which a flat binary begins.
 *
 * RAM from 0, no firmware, no device but the output port F1h and what -debugcon and -device isa-debug-exit add. So no
 * interrupt can come, and the first HLT is the end.
 *
 *   16 bits   the image lies at F0000h. If it reaches FFFF0h it is a whole boot ROM and begins there, as after a
 *             reset (CS F000h, IP FFF0h); a shorter one begins with its first byte (CS F000h, IP 0).
 *   -32       the image lies at 100000h and begins with its first byte; CS 8 and the data segments 10h are flat
 *             without descriptors behind them, ESP is 80000h, interrupts are off.
 */
#include "flat.h"

#include <stdio.h>
#include <string.h>

#include "accel/accel.h"
#include "core/machine.h"
#include "core/ram.h"
#include "hw/char/debugcon.h"
#include "hw/misc/flat_output.h"
#include "hw/misc/isa_debug_exit.h"

#define ROM_AT 0xf0000u
#define ROM_VECTOR 0xfff0u /* offset of the reset vector */
#define FLAT_AT 0x100000u
#define FLAT_STACK 0x80000u

struct flat {
    struct machine *machine;
    bool protected32;
    bool reset_vector; /* the image reaches FFFF0h */
    struct ram *ram;
    struct region memory;
};

static void put_text(void *arg, const char *text, size_t size)
{
    fwrite(text, 1, size, stdout);
    if (text[size - 1] == '\n') {
        fflush(stdout);
    }
}

static bool add_memory(struct flat *flat, const struct flat_config *config, GError **error)
{
    g_autofree char *image = NULL;
    gsize size;
    uint64_t base = config->protected32 ? FLAT_AT : ROM_AT;
    if (!g_file_get_contents(config->file, &image, &size, error)) {
        g_prefix_error(error, "-flat: ");
        return false;
    }
    if (size == 0 || config->ram < base || size > config->ram - base) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    size == 0 ? "-flat: '%s' is empty" : "-flat: '%s' does not fit into memory; give more with -m",
                    config->file);
        return false;
    }
    flat->ram = ram_create("ram", config->ram, error);
    if (flat->ram == NULL) {
        g_prefix_error(error, "-m: ");
        return false;
    }
    memcpy(flat->ram->host + base, image, size);
    flat->reset_vector = size > ROM_VECTOR;
    region_init_ram(&flat->memory, "ram", flat->ram, 0, flat->ram->size);
    bus_map(flat->machine->memory, &flat->memory, 0, 0);
    return true;
}

static bool add_debug_ports(struct flat *flat, const struct flat_config *config, GError **error)
{
    struct bus *io = flat->machine->io;
    if (config->debugcon != NULL) {
        g_autofree char *base = g_strdup_printf("%u", config->debugcon_iobase);
        const char *const properties[] = { "iobase", base, NULL };
        struct device *dev = device_create(flat->machine, &debugcon_class, "debugcon", properties, error);
        if (dev == NULL) {
            return false;
        }
        debugcon_connect_chardev(dev, config->debugcon);
        bus_map(io, debugcon_io(dev), debugcon_iobase(dev), 0);
    }
    if (config->debug_exit) {
        g_autofree char *base = g_strdup_printf("%u", config->debug_exit_iobase);
        g_autofree char *size = g_strdup_printf("%u", config->debug_exit_iosize);
        const char *const properties[] = { "iobase", base, "iosize", size, NULL };
        struct device *dev = device_create(flat->machine, &isa_debug_exit_class, "debug-exit", properties, error);
        if (dev == NULL) {
            return false;
        }
        bus_map(io, isa_debug_exit_io(dev), isa_debug_exit_iobase(dev), 0);
    }
    return true;
}

static bool build(struct flat *flat, const struct flat_config *config, GError **error)
{
    if (!add_memory(flat, config, error)) {
        return false;
    }
    struct device *output = device_create(flat->machine, &flat_output_class, "output", NULL, error);
    if (output == NULL) {
        return false;
    }
    flat_output_connect(output, put_text, NULL);
    bus_map(flat->machine->io, flat_output_io(output), flat_output_iobase(output), 0);
    return add_debug_ports(flat, config, error);
}

struct flat *flat_create(struct machine *machine, const struct flat_config *config, GError **error)
{
    struct flat *flat = g_new0(struct flat, 1);
    flat->machine = machine;
    flat->protected32 = config->protected32;
    machine->leave_when_halted = true;
    lock_acquire(&machine->lock);
    bool ok = build(flat, config, error);
    lock_release(&machine->lock);
    if (!ok) {
        ram_destroy(flat->ram);
        g_free(flat);
        return NULL;
    }
    return flat;
}

void flat_destroy(struct flat *flat)
{
    if (flat != NULL) {
        ram_destroy(flat->ram);
        g_free(flat);
    }
}

static void enter_protected(struct x86_state *state)
{
    const uint32_t data = SEG_P | SEG_S | SEG_W | SEG_A | SEG_DB | SEG_G;
    for (unsigned i = ES; i <= GS; i++) {
        state->seg[i] = (struct x86_segment){
            .limit = 0xffffffff,
            .attr = i == CS ? data | SEG_CODE : data,
            .selector = i == CS ? 8 : 16,
        };
    }
    state->cr0 = CR0_PE | CR0_ET;
    state->gpr[RSP] = FLAT_STACK;
    state->rip = FLAT_AT;
}

static void show_registers(const struct x86_state *state)
{
    g_autoptr(GString) text = g_string_new(NULL);
    x86_state_dump(state, 0, text);
    fputs(text->str, stderr);
}

void flat_enter(const struct flat *flat, struct accel *accel)
{
    struct x86_state state;
    accel_state_get(accel, 0, &state);
    state.a20 = true;
    if (flat->protected32) {
        enter_protected(&state);
    } else {
        state.seg[CS].selector = ROM_AT >> 4;
        state.seg[CS].base = ROM_AT;
        state.rip = flat->reset_vector ? ROM_VECTOR : 0;
    }
    accel_state_put(accel, 0, &state);
    show_registers(&state);
}

void flat_report_shutdown(struct accel *accel)
{
    struct x86_state state;
    accel_state_get(accel, 0, &state);
    fprintf(stderr, "vmm: -flat: the CPU shut down (triple fault)\n");
    show_registers(&state);
}
