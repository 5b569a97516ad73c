/*
 * See fuzz_code.h. Encodings as in SDM volume 2, chapter 2. Lengths of immediates are those without size prefixes:
 * what they make wrong only shifts where the next instruction begins.
 */
#include "tests/support/fuzz_code.h"

#include <string.h>

#include "accel/interp/decode.h"

struct writer {
    struct fuzz *fuzz;
    uint8_t *out;
    unsigned size;
};

static void put(struct writer *w, uint64_t byte)
{
    w->out[w->size++] = (uint8_t)byte;
}

static void put_random(struct writer *w, unsigned count)
{
    uint64_t value = fuzz_number(w->fuzz);
    for (unsigned i = 0; i < count; i++) {
        put(w, value >> (8 * i));
    }
}

static void put_prefixes(struct writer *w, const struct op_row *row, unsigned bits)
{
    static const uint8_t some[] = { 0x66, 0x67, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0, 0xf2, 0xf3 };
    static const uint8_t mandatory[] = { [PX_66] = 0x66, [PX_F3] = 0xf3, [PX_F2] = 0xf2 };
    while (w->size < 4 && fuzz_once_in(w->fuzz, 4)) {
        put(w, some[fuzz_below(w->fuzz, sizeof(some))]);
    }
    if (row->map < M_V0F && row->prefix < sizeof(mandatory) && mandatory[row->prefix] != 0) {
        put(w, mandatory[row->prefix]);
    }
    if (bits == 64 && row->map < M_V0F && (row->attr & AT_W1 || fuzz_once_in(w->fuzz, 2))) {
        put(w, 0x40 | (row->attr & AT_W1 ? 8 : 0) | fuzz_below(w->fuzz, 16));
    }
}

static void put_opcode(struct writer *w, const struct op_row *row, unsigned bits)
{
    static const uint8_t pp[] = { [PX_ANY] = 0, [PX_NP] = 0, [PX_66] = 1, [PX_F3] = 2, [PX_F2] = 3 };
    uint64_t any = fuzz_any(w->fuzz);
    if (row->map >= M_V0F) {
        unsigned v = row->attr & AT_NOV ? 15 : any & 15;
        unsigned l = row->attr & AT_VL0 ? 0 : row->attr & AT_VL1 ? 1 : any >> 4 & 1;
        unsigned wide = row->attr & AT_W0 ? 0 : row->attr & AT_W1 ? 1 : any >> 5 & 1;
        unsigned rxb = bits == 64 ? any >> 6 & 7 : 7;
        put(w, 0xc4);
        put(w, rxb << 5 | (row->map - M_V0F + 1));
        put(w, wide << 7 | v << 3 | l << 2 | pp[row->prefix]);
    } else if (row->map != M_1) {
        put(w, 0x0f);
        if (row->map != M_0F) {
            put(w, row->map == M_0F38 ? 0x38 : 0x3a);
        }
    }
    put(w, row->opcode);
}

/* Bytes of an immediate; -1: an operand of the ModRM byte. */
static int immediate_size(unsigned operand, unsigned bits)
{
    unsigned z = bits == 16 ? 2 : 4;
    switch (operand) {
    case O_Ib: case O_Ibs: case O_Jb: case O_Lx:
        return 1;
    case O_Iw:
        return 2;
    case O_Iwb:
        return 3;
    case O_Iz: case O_Iv: case O_Jz:
        return (int)z;
    case O_Ap:
        return (int)z + 2;
    case O_Ob: case O_Ov:
        return (int)bits / 8;
    case O_NONE: case O_Zb: case O_Zv: case O_I1: case O_AL: case O_AX: case O_rAX: case O_CL: case O_DX:
    case O_Xb: case O_Xv: case O_Yb: case O_Yv: case O_ST0: case O_Hx: case O_Bv: case O_By:
        return 0;
    default:
        return -1;
    }
}

static bool has_modrm(const struct op_row *row, unsigned bits)
{
    bool has = row->ext != EX_ANY || row->map >= M_V0F;
    for (unsigned i = 0; i < G_N_ELEMENTS(row->operand); i++) {
        has = has || immediate_size(row->operand[i], bits) < 0;
    }
    return has;
}

static void put_modrm(struct writer *w, const struct op_row *row, unsigned bits)
{
    uint64_t any = fuzz_any(w->fuzz);
    unsigned mod = any & 3, reg = any >> 2 & 7, rm = any >> 5 & 7;
    if (row->ext >= EX_BYTE) {
        put(w, (unsigned)row->ext & 0xff);
        return;
    }
    if (row->ext != EX_ANY) {
        reg = (unsigned)row->ext & 7;
        mod = row->ext >= EX_REG_0 ? 3 : row->ext >= EX_MEM_0 ? mod % 3 : mod;
    }
    put(w, mod << 6 | reg << 3 | rm);
    if (mod == 3) {
        return;
    }
    if (bits == 16) {
        put_random(w, mod == 1 ? 1 : mod == 2 || rm == 6 ? 2 : 0);
        return;
    }
    if (rm == 4) {
        put(w, any >> 16);
    }
    if (mod == 1) {
        put_random(w, 1);
    } else if (mod == 2 || rm == 5) {
        /* Near, so that something is there. */
        int32_t disp = (int32_t)(any >> 24) >> (any >> 56 & 31);
        for (unsigned i = 0; i < 4; i++) {
            put(w, (uint32_t)disp >> (8 * i));
        }
    }
}

static void put_row(struct writer *w, unsigned bits)
{
    const struct op_row *row = &op_table[fuzz_below(w->fuzz, op_table_size)];
    put_prefixes(w, row, bits);
    put_opcode(w, row, bits);
    if (has_modrm(row, bits)) {
        put_modrm(w, row, bits);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(row->operand); i++) {
        int size = immediate_size(row->operand[i], bits);
        if (size == 1 && (row->operand[i] == O_Jb)) {
            put(w, fuzz_below(w->fuzz, 48) - 16); /* short jumps stay near */
        } else if (size > 0 && row->operand[i] == O_Jz && !fuzz_once_in(w->fuzz, 8)) {
            int32_t distance = (int32_t)fuzz_below(w->fuzz, 0x800) - 0x400;
            for (int k = 0; k < size; k++) {
                put(w, (uint32_t)distance >> (8 * k));
            }
        } else if (size > 0) {
            put_random(w, (unsigned)size);
        }
    }
}

unsigned fuzz_insn(struct fuzz *fuzz, uint8_t *out, unsigned bits)
{
    struct writer w = { fuzz, out, 0 };
    unsigned kind = (unsigned)fuzz_below(fuzz, 8);
    if (kind == 0) {
        put_random(&w, 1 + (unsigned)fuzz_below(fuzz, 8));
        return w.size;
    }
    put_row(&w, bits);
    if (kind == 1) {
        out[fuzz_below(fuzz, w.size)] = (uint8_t)fuzz_any(fuzz);
    }
    return w.size;
}

void fuzz_code(struct fuzz *fuzz, uint8_t *out, size_t size, unsigned bits)
{
    while (size > 0) {
        uint8_t insn[FUZZ_INSN_MAX];
        size_t length = fuzz_insn(fuzz, insn, bits);
        length = MIN(length, size);
        memcpy(out, insn, length);
        out += length;
        size -= length;
    }
}
