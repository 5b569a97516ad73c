/*
 * Access to the save areas of FSAVE, FXSAVE and XSAVE in pieces of 64 bytes.
 */
#include "accel/interp/fpu_memory.h"

#define PIECE 64u

static unsigned piece(unsigned size, unsigned done)
{
    return size - done < PIECE ? size - done : PIECE;
}
static uint64_t piece_ea(const struct insn *insn, uint64_t ea, unsigned done)
{
    return (ea + done) & address_mask[insn->asize];
}

void fpu_read_area(struct cpu *cpu, const struct insn *insn, uint64_t ea, void *data, unsigned size)
{
    for (unsigned done = 0; done < size; done += PIECE) {
        mem_read_bytes(cpu, insn, insn->seg, piece_ea(insn, ea, done), (uint8_t *)data + done,
                       piece(size, done));
    }
}

void fpu_probe_area(struct cpu *cpu, const struct insn *insn, uint64_t ea, unsigned size)
{
    for (unsigned done = 0; done < size; done += PIECE) {
        mem_probe_write(cpu, insn, insn->seg, piece_ea(insn, ea, done), piece(size, done));
    }
}

void fpu_write_area(struct cpu *cpu, const struct insn *insn, uint64_t ea, const void *data,
                    unsigned size)
{
    if (size > PIECE) {
        fpu_probe_area(cpu, insn, ea, size);
    }
    for (unsigned done = 0; done < size; done += PIECE) {
        mem_write_bytes(cpu, insn, insn->seg, piece_ea(insn, ea, done),
                        (const uint8_t *)data + done, piece(size, done));
    }
}

void fpu_check_alignment(struct cpu *cpu, const struct insn *insn, uint64_t ea, unsigned alignment)
{
    if ((cpu->segf[insn->seg].base + ea) & (alignment - 1)) {
        cpu_fault(cpu, insn, EXC_GP, 0);
    }
}
