/*
 * AVX2 gathers. The decoder gives the index register's number in insn->rm. Elements are loaded in
 * order; after each one the destination and the mask are written, so that a fault leaves the
 * instruction to be restarted with the rest (SDM volume 2, VGATHERDPS).
 */
#include "accel/interp/avx.h"

static int64_t gather_index(const struct cpu *cpu, const struct insn *insn, unsigned i,
                            unsigned size)
{
    const uint8_t *p = (const uint8_t *)cpu->s.ymm[insn->rm] + i * size;
    if (size == 4) {
        int32_t v;
        memcpy(&v, p, sizeof(v));
        return v;
    }
    int64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* count elements of `size` bytes by indexes of index_size bytes; the registers behind them are
 * cleared. */
static __attribute__((noinline)) void gather(struct cpu *cpu, const struct insn *insn,
                                             unsigned index_size, unsigned size, unsigned count)
{
    if (insn->reg == insn->vreg || insn->reg == insn->rm || insn->vreg == insn->rm) {
        cpu_fault(cpu, insn, EXC_UD, 0);
    }
    uint8_t *d = (uint8_t *)cpu->s.ymm[insn->reg], *mask = (uint8_t *)cpu->s.ymm[insn->vreg];
    uint64_t base = cpu->gpr[insn->base] + (int64_t)insn->disp;
    for (unsigned i = 0; i < count; i++) {
        if (mask[i * size + size - 1] & 0x80) {
            uint64_t offset = (uint64_t)gather_index(cpu, insn, i, index_size) << insn->scale;
            uint64_t ea = (base + offset) & address_mask[insn->asize];
            if (size == 4) {
                uint32_t v = mem_read32(cpu, insn, insn->seg, ea);
                memcpy(d + i * size, &v, sizeof(v));
            } else {
                uint64_t v = mem_read64(cpu, insn, insn->seg, ea);
                memcpy(d + i * size, &v, sizeof(v));
            }
        }
        memset(mask + i * size, 0, size);
    }
    memset(d + count * size, 0, 32 - count * size);
    memset(mask + count * size, 0, 32 - count * size);
}

#define GATHER(name, index_size, size, count128, count256)                                         \
    static void name##_128m(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                              \
        gather(cpu, insn, index_size, size, count128);                                             \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    static void name##_256m(struct cpu *cpu, const struct insn *insn)                              \
    {                                                                                              \
        gather(cpu, insn, index_size, size, count256);                                             \
        NEXT(cpu, insn);                                                                           \
    }                                                                                              \
    VEX_TABLE(name, NULL, NULL, name##_128m, name##_256m)

GATHER(avx_gather_d32, 4, 4, 4, 8)
GATHER(avx_gather_d64, 4, 8, 2, 4)
GATHER(avx_gather_q32, 8, 4, 2, 4)
GATHER(avx_gather_q64, 8, 8, 2, 4)
