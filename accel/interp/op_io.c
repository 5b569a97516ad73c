/*
 * Ports: IN, OUT, INS, OUTS. SDM volume 1, chapter 19.
 *
 * A repeated INS or OUTS moves as much as lies in one page under one acquisition of the machine lock; between pages
 * it looks at the attention word and can be resumed. What would fault does so before the port is touched.
 */
#include "accel/interp/breaks.h"
#include "accel/interp/debug.h"
#include "accel/interp/decode.h"
#include "accel/interp/fpu.h"
#include "accel/interp/segment.h"
#include "accel/interp/system.h"
#include "accel/interp/task.h"
#include "accel/interp/trace.h"
#include "core/machine.h"
#include "core/ram.h"

/* #GP(0) unless the program may use the ports. */
static void check_port(struct cpu *cpu, uint16_t port, unsigned size)
{
    unsigned iopl = (cpu->eflags & FLAG_IOPL) >> FLAG_IOPL_SHIFT;
    bool ask_tss = (cpu->mode & MODE_PE) != 0 && ((cpu->mode & MODE_V86) != 0 || cpu->cpl > iopl);
    if (ask_tss && !tss_io_allowed(cpu, port, size)) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    if ((cpu->s.dr[7] & 0xff) != 0) {
        debug_check_io(cpu, port, size);
    }
}

/* See core/machine.h. */
static void port_registers(void *arg, struct port_registers *registers, bool write)
{
    struct cpu *cpu = arg;
    if (write) {
        cpu->gpr[RBX] = registers->ebx;
        cpu->gpr[RCX] = registers->ecx;
        cpu->gpr[RDX] = registers->edx;
        cpu->gpr[RSI] = registers->esi;
        cpu->gpr[RDI] = registers->edi;
        return;
    }
    *registers = (struct port_registers){
        .eax = (uint32_t)cpu->gpr[RAX], .ebx = (uint32_t)cpu->gpr[RBX], .ecx = (uint32_t)cpu->gpr[RCX],
        .edx = (uint32_t)cpu->gpr[RDX], .esi = (uint32_t)cpu->gpr[RSI], .edi = (uint32_t)cpu->gpr[RDI],
    };
}

static uint32_t port_read(struct cpu *cpu, uint16_t port, unsigned size)
{
    struct machine *machine = cpu->machine;
    uint32_t fp_flags = fpu_flags_save();
    lock_acquire(&machine->lock);
    machine->trail.rip = cpu->segf[CS].base + cpu->rip;
    machine->port_registers = port_registers;
    machine->port_registers_arg = cpu;
    uint32_t value = (uint32_t)bus_read(machine->io, port, size);
    machine->port_registers = NULL;
    lock_release(&machine->lock);
    fpu_flags_restore(fp_flags);
    if (cpu->breaks != NULL) {
        breaks_port(cpu, port, value, size, false);
    }
    return value;
}

static void port_write(struct cpu *cpu, uint16_t port, uint32_t value, unsigned size)
{
    struct machine *machine = cpu->machine;
    uint32_t fp_flags = fpu_flags_save();
    lock_acquire(&machine->lock);
    machine->trail.rip = cpu->segf[CS].base + cpu->rip;
    bus_write(machine->io, port, value, size);
    lock_release(&machine->lock);
    fpu_flags_restore(fp_flags);
    if (cpu->breaks != NULL) {
        breaks_port(cpu, port, value, size, true);
    }
}

/* Goes on in the trace unless the device wants something of the run loop. */
static inline void after_io(struct cpu *cpu, const struct insn *insn)
{
    if (__atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) != 0) {
        return trace_leave(cpu, insn, system_next(cpu, insn));
    }
    NEXT(cpu, insn);
}

static void set_accumulator(struct cpu *cpu, uint32_t value, unsigned size)
{
    if (size == 1) {
        set_reg8(cpu, 0, (uint8_t)value);
    } else if (size == 2) {
        set_reg16(cpu, RAX, (uint16_t)value);
    } else {
        set_reg32(cpu, RAX, value);
    }
}

static void in(struct cpu *cpu, const struct insn *insn, uint16_t port, unsigned size)
{
    system_begin(cpu, insn);
    check_port(cpu, port, size);
    set_accumulator(cpu, port_read(cpu, port, size), size);
    return after_io(cpu, insn);
}

static void out(struct cpu *cpu, const struct insn *insn, uint16_t port, unsigned size)
{
    system_begin(cpu, insn);
    check_port(cpu, port, size);
    port_write(cpu, port, (uint32_t)(cpu->gpr[RAX] & (0xffffffffu >> (32 - 8 * size))), size);
    return after_io(cpu, insn);
}

#define IN_OUT(name, function, port, size)                              \
    static void name(struct cpu *cpu, const struct insn *insn)          \
    {                                                                   \
        return function(cpu, insn, (uint16_t)(port), size);             \
    }
IN_OUT(in8_imm, in, insn->imm & 0xff, 1)
IN_OUT(in16_imm, in, insn->imm & 0xff, 2)
IN_OUT(in32_imm, in, insn->imm & 0xff, 4)
IN_OUT(in8_dx, in, cpu->gpr[RDX], 1)
IN_OUT(in16_dx, in, cpu->gpr[RDX], 2)
IN_OUT(in32_dx, in, cpu->gpr[RDX], 4)
IN_OUT(out8_imm, out, insn->imm & 0xff, 1)
IN_OUT(out16_imm, out, insn->imm & 0xff, 2)
IN_OUT(out32_imm, out, insn->imm & 0xff, 4)
IN_OUT(out8_dx, out, cpu->gpr[RDX], 1)
IN_OUT(out16_dx, out, cpu->gpr[RDX], 2)
IN_OUT(out32_dx, out, cpu->gpr[RDX], 4)

#define SIZES(a, b) { { a, b, b }, { a, b, b }, { NULL, NULL, NULL } }
const struct op_handlers h_in8_imm = HANDLERS(in8_imm, in8_imm);
const struct op_handlers h_in_imm = SIZES(in16_imm, in32_imm);
const struct op_handlers h_in8_dx = HANDLERS(in8_dx, in8_dx);
const struct op_handlers h_in_dx = SIZES(in16_dx, in32_dx);
const struct op_handlers h_out8_imm = HANDLERS(out8_imm, out8_imm);
const struct op_handlers h_out_imm = SIZES(out16_imm, out32_imm);
const struct op_handlers h_out8_dx = HANDLERS(out8_dx, out8_dx);
const struct op_handlers h_out_dx = SIZES(out16_dx, out32_dx);

/* ---- strings ---- */

static void set_by_asize(struct cpu *cpu, unsigned reg, uint64_t value, unsigned asize)
{
    if (asize == 0) {
        set_reg16(cpu, reg, (uint16_t)value);
    } else {
        cpu->gpr[reg] = value & address_mask[asize];
    }
}

/* Moves the index register over n elements and counts them. */
static void string_advance(struct cpu *cpu, const struct insn *insn, unsigned index, unsigned size, uint64_t n,
                           bool rep)
{
    uint64_t step = n * size;
    uint64_t at = (cpu->eflags & FLAG_DF) != 0 ? cpu->gpr[index] - step : cpu->gpr[index] + step;
    set_by_asize(cpu, index, at, insn->asize);
    if (rep) {
        set_by_asize(cpu, RCX, cpu->gpr[RCX] - n, insn->asize);
    }
}

/* How many elements can be moved in one go: up to the end of the page, upwards only. */
static uint64_t string_block(const struct cpu *cpu, uint64_t linear, uint64_t ea, const struct insn *insn,
                             unsigned size, uint64_t count)
{
    uint64_t room = RAM_PAGE_SIZE - (linear & (RAM_PAGE_SIZE - 1));
    uint64_t to_wrap = address_mask[insn->asize] - ea;
    if ((cpu->eflags & FLAG_DF) != 0 || (cpu->mode & MODE_SINGLE) != 0) {
        return 1;
    }
    room = MIN(room, to_wrap) / size;
    return MAX(1, MIN(room, count));
}

static void ins_elements(struct cpu *cpu, uint16_t port, uint8_t *host, unsigned size, uint64_t n)
{
    struct machine *machine = cpu->machine;
    uint32_t fp_flags = fpu_flags_save();
    lock_acquire(&machine->lock);
    machine->trail.rip = cpu->segf[CS].base + cpu->rip;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t value = bus_read(machine->io, port, size);
        memcpy(host + i * size, &value, size);
    }
    lock_release(&machine->lock);
    fpu_flags_restore(fp_flags);
}

static void outs_elements(struct cpu *cpu, uint16_t port, const uint8_t *host, unsigned size, uint64_t n)
{
    struct machine *machine = cpu->machine;
    uint32_t fp_flags = fpu_flags_save();
    lock_acquire(&machine->lock);
    machine->trail.rip = cpu->segf[CS].base + cpu->rip;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t value = 0;
        memcpy(&value, host + i * size, size);
        bus_write(machine->io, port, value, size);
    }
    lock_release(&machine->lock);
    fpu_flags_restore(fp_flags);
}

/* Moves some elements, at least one; returns how many. */
static uint64_t ins_some(struct cpu *cpu, const struct insn *insn, unsigned size, uint64_t count)
{
    uint16_t port = (uint16_t)cpu->gpr[RDX];
    uint64_t ea = cpu->gpr[RDI] & address_mask[insn->asize];
    uint64_t n = string_block(cpu, cpu->segf[ES].base + ea, ea, insn, size, count);
    void *host = mem_page_pointer(cpu, NULL, ES, ea, n * size, ACCESS_WRITE);

    if (host != NULL && cpu->breaks == NULL) {
        ins_elements(cpu, port, host, size, n);
        return n;
    }
    mem_probe_write(cpu, NULL, ES, ea, size);
    uint32_t value = port_read(cpu, port, size);
    if (size == 1) {
        mem_write8(cpu, NULL, ES, ea, (uint8_t)value);
    } else if (size == 2) {
        mem_write16(cpu, NULL, ES, ea, (uint16_t)value);
    } else {
        mem_write32(cpu, NULL, ES, ea, value);
    }
    return 1;
}

static uint64_t outs_some(struct cpu *cpu, const struct insn *insn, unsigned size, uint64_t count)
{
    uint16_t port = (uint16_t)cpu->gpr[RDX];
    uint64_t ea = cpu->gpr[RSI] & address_mask[insn->asize];
    uint64_t n = string_block(cpu, cpu->segf[insn->seg].base + ea, ea, insn, size, count);
    const void *host = mem_page_pointer(cpu, NULL, insn->seg, ea, n * size, ACCESS_READ);

    if (host != NULL && cpu->breaks == NULL) {
        outs_elements(cpu, port, host, size, n);
        return n;
    }
    uint32_t value = size == 1   ? mem_read8(cpu, NULL, insn->seg, ea)
                     : size == 2 ? mem_read16(cpu, NULL, insn->seg, ea)
                                 : mem_read32(cpu, NULL, insn->seg, ea);
    port_write(cpu, port, value, size);
    return 1;
}

static void string_io(struct cpu *cpu, const struct insn *insn, unsigned size, bool input, bool rep)
{
    unsigned index = input ? RDI : RSI;
    uint64_t count = rep ? cpu->gpr[RCX] & address_mask[insn->asize] : 1;

    system_begin(cpu, insn);
    check_port(cpu, (uint16_t)cpu->gpr[RDX], size); /* even if there is nothing to do */
    if (count == 0) {
        NEXT(cpu, insn);
    }
    while (count > 0) {
        uint64_t n = input ? ins_some(cpu, insn, size, count) : outs_some(cpu, insn, size, count);
        string_advance(cpu, insn, index, size, n, rep);
        count -= n;
        cpu->budget -= (int64_t)n - 1; /* each element counts as an instruction, so that clocks are served */
        if (count > 0 && ((cpu->mode & MODE_SINGLE) != 0 || cpu->budget <= insn->n ||
                          __atomic_load_n(&cpu->attention, __ATOMIC_RELAXED) != 0)) {
            return trace_leave(cpu, insn, cpu->rip); /* to come back for the rest */
        }
        cpu->budget -= count > 0; /* the last one is counted with the instruction */
    }
    return after_io(cpu, insn);
}

#define STRING_IO(name, size, input, rep)                               \
    static void name(struct cpu *cpu, const struct insn *insn)          \
    {                                                                   \
        return string_io(cpu, insn, size, input, rep);                  \
    }
STRING_IO(ins8, 1, true, false)
STRING_IO(ins16, 2, true, false)
STRING_IO(ins32, 4, true, false)
STRING_IO(rep_ins8, 1, true, true)
STRING_IO(rep_ins16, 2, true, true)
STRING_IO(rep_ins32, 4, true, true)
STRING_IO(outs8, 1, false, false)
STRING_IO(outs16, 2, false, false)
STRING_IO(outs32, 4, false, false)
STRING_IO(rep_outs8, 1, false, true)
STRING_IO(rep_outs16, 2, false, true)
STRING_IO(rep_outs32, 4, false, true)
const struct op_handlers h_ins8 = HANDLERS(ins8, ins8);
const struct op_handlers h_ins = SIZES(ins16, ins32);
const struct op_handlers h_rep_ins8 = HANDLERS(rep_ins8, rep_ins8);
const struct op_handlers h_rep_ins = SIZES(rep_ins16, rep_ins32);
const struct op_handlers h_outs8 = HANDLERS(outs8, outs8);
const struct op_handlers h_outs = SIZES(outs16, outs32);
const struct op_handlers h_rep_outs8 = HANDLERS(rep_outs8, rep_outs8);
const struct op_handlers h_rep_outs = SIZES(rep_outs16, rep_outs32);
