/*
 * Memory dumps: x (through the CPU's page tables) and xp (physical). Reads go through device
 * registers, so that the text screen at B8000h can be seen; looking at other registers may have
 * side effects, as it has for the guest. One answer is bounded in size.
 */
#include <inttypes.h>
#include <string.h>

#include "core/machine.h"
#include "monitor/cmd.h"
#include "monitor/cpu_view.h"
#include "monitor/debug_view.h"
#include "accel/disasm.h"
#include "monitor/symbols.h"

#define DUMP_BYTES_MAX  (1u << 20)
#define DUMP_ITEMS_MAX  16384u /* instructions or strings */
#define DUMP_STRING_MAX 200u   /* bytes of one string */

struct dump {
    struct command_call *call;
    bool physical;
    uint64_t address;
};

/* Returns how many bytes could be read. */
static size_t fetch(struct dump *dump, uint64_t address, void *data, size_t size)
{
    struct machine *machine = dump->call->env->machine;
    if (!dump->physical) {
        return cpu_view_read(dump->call, address, data, size, true);
    }
    lock_acquire(&machine->lock);
    bus_read_bytes(machine->memory, address, data, size, true);
    lock_release(&machine->lock);
    return size;
}

void cmd_print_char(GString *out, uint8_t c)
{
    static const char names[] = "\\\\''\nn\rr";
    for (unsigned i = 0; i + 1 < sizeof(names); i += 2) {
        if ((uint8_t)names[i] == c) {
            g_string_append_printf(out, "'\\%c'", names[i + 1]);
            return;
        }
    }
    g_string_append_printf(out, g_ascii_isprint((gchar)c) ? "'%c'" : "'\\x%02x'", c);
}

static void print_item(GString *out, const uint8_t *data, unsigned size, char format)
{
    unsigned bits = size * 8;
    uint64_t value = 0;
    memcpy(&value, data, size);
    g_string_append_c(out, ' ');
    switch (format) {
    case 'o':
        g_string_append_printf(out, "%#*" PRIo64, (int)(bits + 2) / 3, value);
        break;
    case 'd':
        g_string_append_printf(out, "%*" PRId64, (int)(bits * 10 + 32) / 33, (int64_t)value);
        break;
    case 'u':
        g_string_append_printf(out, "%*" PRIu64, (int)(bits * 10 + 32) / 33, value);
        break;
    case 'c':
        cmd_print_char(out, (uint8_t)value);
        break;
    default:
        g_string_append_printf(out, "0x%0*" PRIx64, (int)size * 2, value);
        break;
    }
}

static void dump_data(struct dump *dump, uint64_t count, unsigned size, char format)
{
    unsigned line = format == 'c' || size == 1 ? 8 : 16;
    uint64_t left = count * size;
    while (left > 0) {
        uint8_t data[16];
        size_t want = MIN(left, line);
        size_t got = fetch(dump, dump->address, data, want);
        command_print(dump->call, "%016" PRIx64 ":", dump->address);
        for (size_t i = 0; i + size <= got; i += size) {
            print_item(dump->call->out, data + i, size, format);
        }
        if (got < want) {
            command_print(dump->call, " Cannot access memory\n");
            return;
        }
        command_print(dump->call, "\n");
        dump->address += want;
        left -= want;
    }
}

/* VCPUs parked. state NULL: no CPU. */
static void dump_code(struct dump *dump, uint64_t count, const struct x86_state *state)
{
    struct disasm *disasm =
        disasm_create(state != NULL ? debug_view_code_bits(state) : 32, dump->call->settings->intel);
    if (!dump->physical) {
        disasm_set_names(disasm, symbols_name, dump->call->env->symbols);
    }
    while (count-- > 0) {
        uint8_t code[DISASM_INSTRUCTION_MAX];
        size_t got = fetch(dump, dump->address, code, sizeof(code));
        if (got == 0) {
            command_print(dump->call, "0x%08" PRIx64 ": unable to read memory\n", dump->address);
            break;
        }
        dump->address += disasm_one(disasm, dump->address, code, got, dump->call->out);
    }
    disasm_destroy(disasm);
}

static void dump_strings(struct dump *dump, uint64_t count)
{
    GString *out = dump->call->out;
    while (count-- > 0) {
        g_string_append_printf(out, "%016" PRIx64 ": \"", dump->address);
        uint8_t c = 1;
        for (unsigned i = 0; i < DUMP_STRING_MAX && c != 0; i++) {
            if (fetch(dump, dump->address, &c, 1) == 0) {
                g_string_append(out, "\" Cannot access memory\n");
                return;
            }
            dump->address++;
            if (c == '"' || c == '\\') {
                g_string_append_printf(out, "\\%c", c);
            } else if (c != 0) {
                g_string_append_printf(out, g_ascii_isprint((gchar)c) ? "%c" : "\\x%02x", c);
            }
        }
        g_string_append(out, c != 0 ? "\"...\n" : "\"\n");
    }
}

static void dump(struct command_call *call, bool physical)
{
    struct dump dump = {.call = call, .physical = physical, .address = call->args[0].value};
    struct command_format format = call->format;
    struct x86_state state;
    GError *error = NULL;
    bool have_state = cpu_view_state(call, &state, &error);
    if (!have_state && !physical) {
        command_error(call, error);
        return;
    }
    g_clear_error(&error);
    char kind = format.format;
    unsigned size = kind == 'c' ? 1 : format.size;
    bool items = kind == 'i' || kind == 's';
    if (format.count > (items ? DUMP_ITEMS_MAX : DUMP_BYTES_MAX / size)) {
        command_print(call,
                      "Error: count is too large: at most %u of these at once; pmemsave writes "
                      "more to a file\n",
                      items ? DUMP_ITEMS_MAX : DUMP_BYTES_MAX / size);
        return;
    }
    cpu_view_park(call->env);
    if (kind == 'i') {
        dump_code(&dump, format.count, have_state ? &state : NULL);
    } else if (kind == 's') {
        dump_strings(&dump, format.count);
    } else {
        dump_data(&dump, format.count, size, kind);
    }
    cpu_view_unpark(call->env);
}

void cmd_x(struct command_call *call)
{
    dump(call, false);
}

void cmd_xp(struct command_call *call)
{
    dump(call, true);
}
