/* See the header. */
#include "monitor/descriptor_view.h"

#include <inttypes.h>

#include "accel/x86_state.h"

enum { /* types of system descriptors, SDM table 3-2 */
    TYPE_TSS16 = 1,
    TYPE_LDT = 2,
    TYPE_TSS16_BUSY = 3,
    TYPE_CALL16 = 4,
    TYPE_TASK = 5,
    TYPE_INTERRUPT16 = 6,
    TYPE_TRAP16 = 7,
    TYPE_TSS = 9,
    TYPE_TSS_BUSY = 11,
    TYPE_CALL = 12,
    TYPE_INTERRUPT = 14,
    TYPE_TRAP = 15,
};

static bool is_gate(unsigned type)
{
    return (type >= TYPE_CALL16 && type <= TYPE_TRAP16) || type == TYPE_CALL || type >= TYPE_INTERRUPT;
}

static uint32_t word(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

struct descriptor descriptor_parse(const uint8_t bytes[16], bool long_mode)
{
    struct descriptor d = { .low = word(bytes), .high = word(bytes + 4), .bytes = 8 };
    d.present = d.high & SEG_P;
    d.system = !(d.high & SEG_S);
    d.type = d.high >> SEG_TYPE_SHIFT & 15;
    d.dpl = d.high >> SEG_DPL_SHIFT & 3;
    d.gate = d.system && is_gate(d.type);
    d.base = d.low >> 16 | (d.high & 0xff) << 16 | (d.high & 0xff000000);
    d.limit = (d.low & 0xffff) | (d.high & 0xf0000);
    if (d.high & SEG_G) {
        d.limit = d.limit << 12 | 0xfff;
    }
    d.selector = (uint16_t)(d.low >> 16);
    d.offset = (d.low & 0xffff) | (d.high & 0xffff0000);
    if (d.system && long_mode && d.type != 0) {
        d.bytes = 16;
        d.base |= (uint64_t)word(bytes + 8) << 32;
        d.offset |= (uint64_t)word(bytes + 8) << 32;
    }
    return d;
}

static void describe_gate(const struct descriptor *d, bool long_mode, GString *out)
{
    static const char *const names[16] = {
        [TYPE_CALL16] = "16-bit call gate", [TYPE_TASK] = "task gate",
        [TYPE_INTERRUPT16] = "16-bit interrupt gate", [TYPE_TRAP16] = "16-bit trap gate",
        [TYPE_CALL] = "call gate", [TYPE_INTERRUPT] = "interrupt gate", [TYPE_TRAP] = "trap gate",
    };
    g_string_append_printf(out, "%s to %04x", names[d->type], d->selector);
    if (d->type != TYPE_TASK) {
        g_string_append_printf(out, ":%0*" PRIx64, long_mode ? 16 : 8, d->offset);
    }
    g_string_append_printf(out, ", DPL %u", d->dpl);
    if (d->type == TYPE_CALL16 || (d->type == TYPE_CALL && !long_mode)) {
        g_string_append_printf(out, ", %u parameters", d->high & 31);
    } else if (long_mode && d->type >= TYPE_INTERRUPT) {
        g_string_append_printf(out, ", IST %u", d->high & 7);
    }
}

static void describe_segment(const struct descriptor *d, bool long_mode, GString *out)
{
    if (d->system) {
        static const char *const names[16] = {
            [TYPE_TSS16] = "16-bit TSS", [TYPE_LDT] = "LDT", [TYPE_TSS16_BUSY] = "16-bit TSS (busy)",
            [TYPE_TSS] = "TSS", [TYPE_TSS_BUSY] = "TSS (busy)",
        };
        g_string_append(out, names[d->type] != NULL ? names[d->type] : "reserved system type");
    } else {
        bool code = d->high & SEG_CODE;
        const char *width = code && long_mode && d->high & SEG_L ? "64-bit"
                            : d->high & SEG_DB                   ? "32-bit"
                                                                 : "16-bit";
        g_string_append_printf(out, "%s %s", width, code ? "code" : "data");
    }
    g_string_append_printf(out, ", base %0*" PRIx64 ", limit %08" PRIx64 ", DPL %u",
                           d->bytes == 16 ? 16 : 8, d->base, d->limit, d->dpl);
    if (d->system) {
        return;
    }
    if (d->high & SEG_CODE) {
        g_string_append(out, d->high & SEG_R ? ", readable" : ", execute-only");
        g_string_append(out, d->high & SEG_C ? ", conforming" : "");
        g_string_append(out, long_mode && d->high & SEG_L && d->high & SEG_DB ? ", L and D both set: not allowed" : "");
    } else {
        g_string_append(out, d->high & SEG_W ? ", writable" : ", read-only");
        g_string_append(out, d->high & SEG_E ? ", expand-down" : "");
    }
    g_string_append(out, d->high & SEG_A ? ", accessed" : "");
}

void descriptor_describe(const struct descriptor *descriptor, bool long_mode, GString *out)
{
    if (descriptor->low == 0 && descriptor->high == 0) {
        g_string_append(out, "empty");
        return;
    }
    if (descriptor->gate) {
        describe_gate(descriptor, long_mode, out);
    } else {
        describe_segment(descriptor, long_mode, out);
    }
    if (!descriptor->present) {
        g_string_append(out, ", NOT PRESENT");
    }
}
