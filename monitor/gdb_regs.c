/* See the header. */
#include "monitor/gdb_regs.h"

#include <stddef.h>
#include <string.h>

/* What is done with a register beside copying a field of the state. */
enum kind { PLAIN, SELECTOR, FTAG, X87 };

struct reg {
    const char *name;
    uint8_t bytes; /* as gdb sees it */
    uint8_t width; /* of the field; the rest is zero */
    uint8_t kind;
    const char *type;
    size_t offset;
};

#define RFLAGS_KNOWN 0x3f7fd5ull
#define AT(field) offsetof(struct x86_state, field)
#define GPR(name, n, bytes, type) { name, bytes, 8, PLAIN, type, AT(gpr) + 8 * (n) }
#define SEL(name, n) { name, 4, 2, SELECTOR, "int32", AT(seg) + (n) * sizeof(struct x86_segment) + \
                       offsetof(struct x86_segment, selector) }
#define BASE(name, n, bytes) { name, bytes, 8, PLAIN, bytes == 8 ? "uint64" : "uint32", \
                               AT(seg) + (n) * sizeof(struct x86_segment) + offsetof(struct x86_segment, base) }
#define FIELD(name, bytes, field) { name, bytes, sizeof(((struct x86_state *)0)->field), PLAIN, \
                                    bytes == 8 ? "uint64" : bytes == 4 ? "uint32" : "uint16", AT(field) }
#define ST(n) { "st" #n, 10, 10, X87, "i387_ext", AT(fpu.st) + 16 * (n) }
#define FPU(name, field) { name, 4, sizeof(((struct x86_fpu *)0)->field) > 4 ? 4 : sizeof(((struct x86_fpu *)0)->field), \
                           PLAIN, "int", AT(fpu.field) }
#define XMM(n) { "xmm" #n, 16, 16, PLAIN, "vec128", AT(ymm) + 32 * (n) }
#define YMMH(n) { "ymm" #n "h", 16, 16, PLAIN, "uint128", AT(ymm) + 32 * (n) + 16 }

#define SEGMENTS SEL("cs", CS), SEL("ss", SS), SEL("ds", DS), SEL("es", ES), SEL("fs", FS), SEL("gs", GS)
#define X87_REGS                                                                                        \
    ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7), FPU("fctrl", fcw), FPU("fstat", fsw),       \
        { "ftag", 4, 1, FTAG, "int", AT(fpu.ftw) }, FPU("fiseg", fcs), FPU("fioff", fip), FPU("foseg", fds), \
        FPU("fooff", fdp), FPU("fop", fop)
#define XMM_LOW XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7)
#define XMM_HIGH XMM(8), XMM(9), XMM(10), XMM(11), XMM(12), XMM(13), XMM(14), XMM(15)
#define YMM_LOW YMMH(0), YMMH(1), YMMH(2), YMMH(3), YMMH(4), YMMH(5), YMMH(6), YMMH(7)
#define YMM_HIGH YMMH(8), YMMH(9), YMMH(10), YMMH(11), YMMH(12), YMMH(13), YMMH(14), YMMH(15)
#define SYSTEM(bytes)                                                                                   \
    BASE("cs_base", CS, bytes), BASE("ss_base", SS, bytes), BASE("ds_base", DS, bytes),                 \
        BASE("es_base", ES, bytes), FIELD("cr0", bytes, cr0), FIELD("cr2", bytes, cr2),                 \
        FIELD("cr3", bytes, cr3), FIELD("cr4", bytes, cr4), FIELD("cr8", bytes, cr8),                   \
        FIELD("efer", bytes, msr.efer), FIELD("gdtr_base", bytes, gdtr.base),                           \
        FIELD("gdtr_limit", 4, gdtr.limit), FIELD("idtr_base", bytes, idtr.base),                       \
        FIELD("idtr_limit", 4, idtr.limit), FIELD("ldtr", 4, ldtr.selector), FIELD("tr", 4, tr.selector)

static const struct reg core64[] = {
    GPR("rax", RAX, 8, "int64"), GPR("rbx", RBX, 8, "int64"), GPR("rcx", RCX, 8, "int64"), GPR("rdx", RDX, 8, "int64"),
    GPR("rsi", RSI, 8, "int64"), GPR("rdi", RDI, 8, "int64"), GPR("rbp", RBP, 8, "data_ptr"),
    GPR("rsp", RSP, 8, "data_ptr"), GPR("r8", R8, 8, "int64"), GPR("r9", R9, 8, "int64"), GPR("r10", R10, 8, "int64"),
    GPR("r11", R11, 8, "int64"), GPR("r12", R12, 8, "int64"), GPR("r13", R13, 8, "int64"), GPR("r14", R14, 8, "int64"),
    GPR("r15", R15, 8, "int64"), { "rip", 8, 8, PLAIN, "code_ptr", AT(rip) },
    { "eflags", 4, 4, PLAIN, "i386_eflags", AT(rflags) }, SEGMENTS, X87_REGS,
};
static const struct reg core32[] = {
    GPR("eax", RAX, 4, "int32"), GPR("ecx", RCX, 4, "int32"), GPR("edx", RDX, 4, "int32"), GPR("ebx", RBX, 4, "int32"),
    GPR("esp", RSP, 4, "data_ptr"), GPR("ebp", RBP, 4, "data_ptr"), GPR("esi", RSI, 4, "int32"),
    GPR("edi", RDI, 4, "int32"), { "eip", 4, 8, PLAIN, "code_ptr", AT(rip) },
    { "eflags", 4, 4, PLAIN, "i386_eflags", AT(rflags) }, SEGMENTS, X87_REGS,
};
static const struct reg sse64[] = { XMM_LOW, XMM_HIGH, { "mxcsr", 4, 4, PLAIN, "i386_mxcsr", AT(mxcsr) } };
static const struct reg sse32[] = { XMM_LOW, { "mxcsr", 4, 4, PLAIN, "i386_mxcsr", AT(mxcsr) } };
static const struct reg avx64[] = { YMM_LOW, YMM_HIGH };
static const struct reg avx32[] = { YMM_LOW };
static const struct reg bases64[] = {
    { "fs_base", 8, 8, PLAIN, "int64", AT(seg[FS].base) }, { "gs_base", 8, 8, PLAIN, "int64", AT(seg[GS].base) },
};
static const struct reg system64[] = { FIELD("k_gs_base", 8, msr.kernel_gs_base), SYSTEM(8) };
static const struct reg system32[] = { BASE("fs_base", FS, 4), BASE("gs_base", GS, 4), SYSTEM(4) };

static const struct feature {
    const char *name;
    const struct reg *regs;
    unsigned count;
} features[2][5] = {
#define FEATURE(name, regs) { name, regs, G_N_ELEMENTS(regs) }
    [GDB_X86_64] = { FEATURE("org.gnu.gdb.i386.core", core64), FEATURE("org.gnu.gdb.i386.sse", sse64),
                     FEATURE("org.gnu.gdb.i386.avx", avx64), FEATURE("org.gnu.gdb.i386.segments", bases64),
                     FEATURE("org.vmm.x86.system", system64) },
    [GDB_I386] = { FEATURE("org.gnu.gdb.i386.core", core32), FEATURE("org.gnu.gdb.i386.sse", sse32),
                   FEATURE("org.gnu.gdb.i386.avx", avx32), FEATURE("org.vmm.x86.system", system32) },
};

static const struct reg *find(enum gdb_arch arch, unsigned n)
{
    for (unsigned f = 0; f < G_N_ELEMENTS(features[arch]); f++) {
        if (n < features[arch][f].count) {
            return &features[arch][f].regs[n];
        }
        n -= features[arch][f].count;
    }
    return NULL;
}

unsigned gdb_reg_count(enum gdb_arch arch)
{
    unsigned n = 0;
    for (unsigned f = 0; f < G_N_ELEMENTS(features[arch]); f++) {
        n += features[arch][f].count;
    }
    return n;
}

unsigned gdb_reg_size(enum gdb_arch arch, unsigned n)
{
    return find(arch, n)->bytes;
}

/* ---- the x87 tag word: two bits a physical register, of which the state keeps only whether it is empty ---- */

enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

static unsigned tag_of(const uint8_t st[10])
{
    uint64_t mantissa;
    uint16_t exponent;
    memcpy(&mantissa, st, 8);
    memcpy(&exponent, st + 8, 2);
    exponent &= 0x7fff;
    if (exponent == 0 && mantissa == 0) {
        return TAG_ZERO;
    }
    return exponent != 0 && exponent != 0x7fff && mantissa >> 63 != 0 ? TAG_VALID : TAG_SPECIAL;
}

static uint16_t tag_word(const struct x86_fpu *fpu)
{
    unsigned top = fpu->fsw >> 11 & 7;
    uint16_t word = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned tag = (fpu->ftw >> i & 1) != 0 ? tag_of(fpu->st[(i - top) & 7]) : TAG_EMPTY;
        word = (uint16_t)(word | tag << (2 * i));
    }
    return word;
}

static uint8_t tag_bits(uint16_t word)
{
    uint8_t bits = 0;
    for (unsigned i = 0; i < 8; i++) {
        bits = (uint8_t)(bits | ((word >> (2 * i) & 3) != TAG_EMPTY) << i);
    }
    return bits;
}

/* ---- values ---- */

unsigned gdb_reg_get(enum gdb_arch arch, const struct x86_state *state, unsigned n, uint8_t data[GDB_REG_BYTES_MAX])
{
    const struct reg *reg = find(arch, n);
    memset(data, 0, GDB_REG_BYTES_MAX);
    if (reg->kind == FTAG) {
        uint16_t word = tag_word(&state->fpu);
        memcpy(data, &word, sizeof(word));
    } else {
        memcpy(data, (const char *)state + reg->offset, MIN(reg->bytes, reg->width));
    }
    return reg->bytes;
}

/* The limit and rights of real mode are kept: "unreal mode". */
static void selector_loaded(struct x86_state *state, const struct reg *reg)
{
    size_t index = (reg->offset - AT(seg)) / sizeof(struct x86_segment);
    struct x86_segment *segment = &state->seg[index];
    if ((state->cr0 & CR0_PE) == 0 || (state->rflags & FLAG_VM) != 0) {
        segment->base = (uint64_t)segment->selector << 4;
    }
}

void gdb_reg_set(enum gdb_arch arch, struct x86_state *state, unsigned n, const uint8_t *data)
{
    const struct reg *reg = find(arch, n);
    char *field = (char *)state + reg->offset;
    if (reg->kind == FTAG) {
        uint16_t word;
        memcpy(&word, data, sizeof(word));
        state->fpu.ftw = tag_bits(word);
        return;
    }
    uint8_t before[GDB_REG_BYTES_MAX];
    memcpy(before, field, reg->width);
    memcpy(field, data, MIN(reg->bytes, reg->width));
    if (reg->kind == SELECTOR && memcmp(before, field, reg->width) != 0) {
        selector_loaded(state, reg);
    }
    state->rflags = (state->rflags & RFLAGS_KNOWN) | FLAG_1;
}

/* ---- target.xml ---- */

static const char types[] =
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/><vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
    "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/><vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
    "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/><vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
    "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
    "<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/>"
    "<field name=\"v4_int32\" type=\"v4i32\"/><field name=\"v2_int64\" type=\"v2i64\"/>"
    "<field name=\"uint128\" type=\"uint128\"/></union>";

static void put_flags(GString *out, const char *id, const char *const *names, unsigned count)
{
    g_string_append_printf(out, "<flags id=\"%s\" size=\"4\">", id);
    for (unsigned i = 0; i < count; i++) {
        if (names[i] != NULL) {
            g_string_append_printf(out, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>", names[i], i, i);
        }
    }
    g_string_append(out, "</flags>");
}

void gdb_reg_describe(enum gdb_arch arch, GString *out)
{
    static const char *const eflags[] = { "CF", "", "PF", NULL, "AF", NULL, "ZF", "SF", "TF", "IF", "DF",
                                          "OF", NULL, NULL, "NT", NULL, "RF", "VM", "AC", "VIF", "VIP", "ID" };
    static const char *const mxcsr[] = { "IE", "DE", "ZE", "OE", "UE", "PE", "DAZ", "IM",
                                         "DM", "ZM", "OM", "UM", "PM", NULL, NULL, "FZ" };
    g_string_append_printf(out,
                           "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
                           "<architecture>%s</architecture>",
                           arch == GDB_X86_64 ? "i386:x86-64" : "i386");
    for (unsigned f = 0; f < G_N_ELEMENTS(features[arch]) && features[arch][f].name != NULL; f++) {
        const struct feature *feature = &features[arch][f];
        g_string_append_printf(out, "<feature name=\"%s\">", feature->name);
        if (f == 0) {
            put_flags(out, "i386_eflags", eflags, G_N_ELEMENTS(eflags));
        } else if (f == 1) {
            g_string_append(out, types);
            put_flags(out, "i386_mxcsr", mxcsr, G_N_ELEMENTS(mxcsr));
        }
        for (unsigned i = 0; i < feature->count; i++) {
            const struct reg *reg = &feature->regs[i];
            g_string_append_printf(out, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>", reg->name, reg->bytes * 8,
                                   reg->type);
        }
        g_string_append(out, "</feature>");
    }
    g_string_append(out, "</target>");
}
