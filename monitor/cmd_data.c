/* Single values, ports, and memory as a whole: print, i, o, memsave, pmemsave, sum, gva2gpa. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "accel/accel.h"
#include "core/machine.h"
#include "core/ram.h"
#include "monitor/cmd.h"
#include "monitor/core_dump.h"
#include "monitor/cpu_view.h"

#define CHUNK 65536u

void cmd_print(struct command_call *call)
{
    uint64_t value = call->args[0].value;
    switch (call->format.format) {
    case 'o':
        command_print(call, "%#" PRIo64, value);
        break;
    case 'd':
    case 'i':
        command_print(call, "%" PRId64, (int64_t)value);
        break;
    case 'u':
        command_print(call, "%" PRIu64, value);
        break;
    case 'c':
    case 's':
        cmd_print_char(call->out, (uint8_t)value);
        break;
    default:
        command_print(call, "%#" PRIx64, value);
        break;
    }
    command_print(call, "\n");
}

/* Ports are 1, 2 or 4 bytes wide; 4 unless said otherwise, as a format's size is. */
static unsigned port_size(struct command_call *call, char *suffix)
{
    unsigned size = call->format.size == 1 || call->format.size == 2 ? call->format.size : 4;
    *suffix = size == 1 ? 'b' : size == 2 ? 'w' : 'l';
    return size;
}

void cmd_in(struct command_call *call)
{
    struct machine *machine = call->env->machine;
    uint64_t port = call->args[0].value & 0xffff;
    char suffix;
    unsigned size = port_size(call, &suffix);
    lock_acquire(&machine->lock);
    if (call->args[1].given) {
        bus_write(machine->io, port, call->args[1].value & 0xff, 1);
        port = (port + 1) & 0xffff;
    }
    uint64_t value = bus_read(machine->io, port, size);
    lock_release(&machine->lock);
    command_print(call, "port%c[0x%04" PRIx64 "] = 0x%0*" PRIx64 "\n", suffix, port, (int)size * 2,
                  value);
}

void cmd_out(struct command_call *call)
{
    struct machine *machine = call->env->machine;
    char suffix;
    unsigned size = port_size(call, &suffix);
    lock_acquire(&machine->lock);
    bus_write(machine->io, call->args[0].value & 0xffff,
              call->args[1].value & (UINT64_MAX >> (64 - 8 * size)), size);
    lock_release(&machine->lock);
}

/* The first address above all RAM and ROM. */
static uint64_t memory_end(struct machine *machine)
{
    uint64_t end = 0;
    lock_acquire(&machine->lock);
    const struct flat_view *view = bus_view(machine->memory);
    for (unsigned i = 0; i < view->count; i++) {
        if (view->ranges[i].region->kind != REGION_IO) {
            end = view->ranges[i].last + 1;
        }
    }
    lock_release(&machine->lock);
    return end;
}

/* Nothing is read that would not fit into memory: it could go on for days. */
static bool check_range(struct command_call *call, uint64_t address, uint64_t size, bool physical)
{
    uint64_t end = memory_end(call->env->machine);
    if (size > end || (physical && address > end - size)) {
        command_print(call,
                      "Error: 0x%" PRIx64 " bytes at 0x%" PRIx64
                      " are more than there is: memory ends at 0x%" PRIx64 "\n",
                      size, address, end);
        return false;
    }
    return true;
}

/* Reads a chunk; returns bytes read. */
static size_t read_chunk(struct command_call *call, uint64_t address, void *data, size_t size,
                         bool physical)
{
    struct machine *machine = call->env->machine;
    if (!physical) {
        return cpu_view_read(call, address, data, size, false);
    }
    lock_acquire(&machine->lock);
    bus_read_bytes(machine->memory, address, data, size, false);
    lock_release(&machine->lock);
    return size;
}

static void save(struct command_call *call, bool physical)
{
    uint64_t address = call->args[0].value, size = call->args[1].value;
    const char *path = call->args[2].text;
    if (!physical && call->env->accel == NULL) {
        command_print(call, "Error: the machine has no CPU\n");
        return;
    }
    if (!check_range(call, address, size, physical)) {
        return;
    }
    FILE *file = fopen(path, "wbe");
    if (file == NULL) {
        command_print(call, "Error: Could not open '%s': %s\n", path, g_strerror(errno));
        return;
    }
    g_autofree uint8_t *data = g_malloc(CHUNK);
    bool good = true;
    cpu_view_park(call->env);
    for (uint64_t done = 0; done < size && good;) {
        size_t want = MIN(size - done, CHUNK);
        size_t got = read_chunk(call, address + done, data, want, physical);
        if (got < want) {
            command_print(call,
                          "Error: no memory at 0x%016" PRIx64 "; 0x%" PRIx64 " bytes were saved\n",
                          address + done + got, done + got);
            size = done + got;
        }
        good = fwrite(data, 1, got, file) == got;
        done += want;
    }
    cpu_view_unpark(call->env);
    if (fclose(file) != 0 || !good) {
        command_print(call, "Error: writing '%s': %s\n", path, g_strerror(errno));
    }
}

void cmd_memsave(struct command_call *call)
{
    save(call, false);
}

void cmd_pmemsave(struct command_call *call)
{
    save(call, true);
}

void cmd_dump_guest_memory(struct command_call *call)
{
    GError *error = NULL;
    if (call->env->accel == NULL) {
        command_print(call, "Error: the machine has no CPU\n");
    } else if (!core_dump_write(call->env, call->args[0].text, &error)) {
        command_error(call, error);
    }
}

/* The checksum of BSD's sum(1). */
void cmd_sum(struct command_call *call)
{
    uint64_t address = call->args[0].value, size = call->args[1].value;
    if (!check_range(call, address, size, true)) {
        return;
    }
    g_autofree uint8_t *data = g_malloc(CHUNK);
    uint16_t sum = 0;
    for (uint64_t done = 0; done < size; done += CHUNK) {
        size_t n = MIN(size - done, CHUNK);
        read_chunk(call, address + done, data, n, true);
        for (size_t i = 0; i < n; i++) {
            sum = (uint16_t)((sum >> 1 | sum << 15) + data[i]);
        }
    }
    command_print(call, "%05u\n", sum);
}

void cmd_gpa2hva(struct command_call *call)
{
    struct machine *machine = call->env->machine;
    uint64_t address = call->args[0].value;
    lock_acquire(&machine->lock);
    const struct flat_range *range = bus_find(machine->memory, address);
    if (range == NULL) {
        command_print(call, "No memory is mapped at address 0x%" PRIx64 "\n", address);
    } else if (range->region->kind == REGION_IO) {
        command_print(call, "Memory at address 0x%" PRIx64 " is not RAM\n", address);
    } else {
        const uint8_t *host = range->region->ram->host + range->region->ram_offset + range->region_offset;
        command_print(call, "Host virtual address for 0x%" PRIx64 " (%s) is %p\n", address, range->region->name,
                      (const void *)(host + (address - range->base)));
    }
    lock_release(&machine->lock);
}

void cmd_gva2gpa(struct command_call *call)
{
    uint64_t physical;
    if (call->env->accel == NULL) {
        command_print(call, "Error: the machine has no CPU\n");
        return;
    }
    cpu_view_park(call->env);
    bool mapped =
        accel_translate(call->env->accel, call->settings->cpu, call->args[0].value, &physical);
    cpu_view_unpark(call->env);
    if (mapped) {
        command_print(call, "gpa: %#" PRIx64 "\n", physical);
    } else {
        command_print(call, "Unmapped\n");
    }
}
