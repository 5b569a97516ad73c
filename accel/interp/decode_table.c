/*
 * The table of instructions and its index by opcode.
 */
#include "accel/interp/decode_impl.h"

#include <assert.h>
#include <glib.h>

#define OP(map, opcode, prefix, ext, mnemonic, a, b, c, d, attr, feature, handlers) \
    extern const struct op_handlers handlers;
#define OP8 OP
#include "accel/interp/opcodes.def"
#undef OP
#undef OP8

#define OP(map, opcode, prefix, ext, mnemonic, a, b, c, d, attr, feature, handlers) \
    { map, opcode, prefix, ext, mnemonic, { a, b, c, d }, attr, feature, &handlers },
#define OP8(map, opcode, prefix, ext, mnemonic, a, b, c, d, attr, feature, handlers)         \
    OP(map, (opcode) + 0, prefix, ext, mnemonic, a, b, c, d, attr, feature, handlers)        \
    OP(map, (opcode) + 1, prefix, ext, mnemonic, a, b, c, d, attr, feature, handlers)        \
    OP(map, (opcode) + 2, prefix, ext, mnemonic, a, b, c, d, attr, feature, handlers)        \
    OP(map, (opcode) + 3, prefix, ext, mnemonic, a, b, c, d, attr, feature, handlers)        \
    OP(map, (opcode) + 4, prefix, ext, mnemonic, a, b, c, d, attr, feature, handlers)        \
    OP(map, (opcode) + 5, prefix, ext, mnemonic, a, b, c, d, attr, feature, handlers)        \
    OP(map, (opcode) + 6, prefix, ext, mnemonic, a, b, c, d, attr, feature, handlers)        \
    OP(map, (opcode) + 7, prefix, ext, mnemonic, a, b, c, d, attr, feature, handlers)

const struct op_row op_table[] = {
#include "accel/interp/opcodes.def"
};
const unsigned op_table_size = G_N_ELEMENTS(op_table);

bool op_row_has_modrm(const struct op_row *row)
{
    if (row->ext != EX_ANY) {
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(row->operand); i++) {
        switch ((enum op_operand)row->operand[i]) {
        case O_NONE:
        case O_Zb: case O_Zv:
        case O_Ib: case O_Ibs: case O_Iw: case O_Iz: case O_Iv: case O_I1: case O_Iwb:
        case O_Jb: case O_Jz: case O_Ap: case O_Ob: case O_Ov:
        case O_AL: case O_AX: case O_rAX: case O_CL: case O_DX:
        case O_Xb: case O_Xv: case O_Yb: case O_Yv:
        case O_ST0: case O_Lx: case O_Hx: case O_Bv: case O_By:
            break;
        default:
            return true;
        }
    }
    return false;
}

/* An exact ModRM byte is preferred to a group, a definite prefix to any. */
static unsigned row_preference(const struct op_row *row)
{
    return (row->ext >= EX_BYTE ? 0 : 2) + (row->prefix != PX_ANY ? 0 : 1);
}

unsigned op_candidates(unsigned map, unsigned opcode, uint16_t rows[OP_CANDIDATES_MAX])
{
    unsigned count = 0;
    for (unsigned preference = 0; preference < 4; preference++) {
        for (unsigned i = 0; i < op_table_size; i++) {
            const struct op_row *row = &op_table[i];
            if (row->map == map && row->opcode == opcode && row_preference(row) == preference) {
                assert(count < OP_CANDIDATES_MAX);
                rows[count++] = i;
            }
        }
    }
    return count;
}

/* Counting sort: by slot, then by preference, then by place in the table. */
struct op_index *op_index_create(void)
{
    struct op_index *index = g_malloc0(sizeof(*index) + op_table_size * sizeof(index->row[0]));
    uint16_t *next = g_new(uint16_t, OP_SLOTS);
    for (unsigned i = 0; i < op_table_size; i++) {
        index->first[op_table[i].map * 256 + op_table[i].opcode + 1]++;
    }
    for (unsigned slot = 0; slot < OP_SLOTS; slot++) {
        index->first[slot + 1] += index->first[slot];
        next[slot] = index->first[slot];
    }
    for (unsigned preference = 0; preference < 4; preference++) {
        for (unsigned i = 0; i < op_table_size; i++) {
            const struct op_row *row = &op_table[i];
            if (row_preference(row) == preference) {
                unsigned slot = row->map * 256 + row->opcode;
                index->row[next[slot]++] = i;
                index->modrm[slot] |= op_row_has_modrm(row);
            }
        }
    }
    g_free(next);
    return index;
}
