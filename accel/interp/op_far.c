/*
 * Handlers of far JMP, CALL, RET, IRET, of the software interrupts, and BOUND. All but INTO and BOUND leave the
 * trace always.
 */
#include "accel/interp/decode.h"
#include "accel/interp/far.h"
#include "accel/interp/interrupt.h"
#include "accel/interp/segment.h"
#include "accel/interp/system.h"
#include "accel/interp/trace.h"
#include "accel/interp/flags.h"

/* Three handlers, by operand size, of one body that takes the width in bytes. */
#define SIZED(name)                                                          \
    static void name##_16(struct cpu *cpu, const struct insn *insn)          \
    {                                                                        \
        return name(cpu, insn, 2);                                           \
    }                                                                        \
    static void name##_32(struct cpu *cpu, const struct insn *insn)          \
    {                                                                        \
        return name(cpu, insn, 4);                                           \
    }                                                                        \
    static void name##_64(struct cpu *cpu, const struct insn *insn)          \
    {                                                                        \
        return name(cpu, insn, 8);                                           \
    }
#define SIZED_HANDLERS(name)                                                                             \
    { { name##_16, name##_32, name##_64 }, { name##_16, name##_32, name##_64 }, { NULL, NULL, NULL } }
#define MEMORY_HANDLERS(name) \
    { { NULL, NULL, NULL }, { name##_16, name##_32, name##_64 }, { NULL, NULL, NULL } }

static uint64_t cut(uint64_t offset, unsigned width)
{
    return width == 2 ? offset & 0xffff : width == 4 ? offset & 0xffffffff : offset;
}

/* A far pointer in memory: offset, then selector. */
static uint64_t read_far_pointer(struct cpu *cpu, const struct insn *insn, unsigned width, uint16_t *selector)
{
    uint64_t ea = insn_ea(cpu, insn);
    uint64_t mask = address_mask[insn->asize];
    uint64_t offset = width == 2   ? mem_read16(cpu, NULL, insn->seg, ea)
                      : width == 4 ? mem_read32(cpu, NULL, insn->seg, ea)
                                   : mem_read64(cpu, NULL, insn->seg, ea);
    *selector = mem_read16(cpu, NULL, insn->seg, (ea + width) & mask);
    return offset;
}

static void jmp_direct(struct cpu *cpu, const struct insn *insn, unsigned width)
{
    system_begin(cpu, insn);
    far_jump(cpu, (uint16_t)(insn->imm >> 32), cut((uint32_t)insn->imm, width), system_next(cpu, insn));
    return trace_leave(cpu, insn, cpu->rip);
}
SIZED(jmp_direct)
const struct op_handlers h_jmp_far = SIZED_HANDLERS(jmp_direct);

static void call_direct(struct cpu *cpu, const struct insn *insn, unsigned width)
{
    system_begin(cpu, insn);
    far_call(cpu, (uint16_t)(insn->imm >> 32), cut((uint32_t)insn->imm, width), system_next(cpu, insn), width);
    return trace_leave(cpu, insn, cpu->rip);
}
SIZED(call_direct)
const struct op_handlers h_call_far = SIZED_HANDLERS(call_direct);

static void jmp_indirect(struct cpu *cpu, const struct insn *insn, unsigned width)
{
    uint16_t selector;
    system_begin(cpu, insn);
    uint64_t offset = read_far_pointer(cpu, insn, width, &selector);
    far_jump(cpu, selector, offset, system_next(cpu, insn));
    return trace_leave(cpu, insn, cpu->rip);
}
SIZED(jmp_indirect)
const struct op_handlers h_jmp_far_indirect = MEMORY_HANDLERS(jmp_indirect);

static void call_indirect(struct cpu *cpu, const struct insn *insn, unsigned width)
{
    uint16_t selector;
    system_begin(cpu, insn);
    uint64_t offset = read_far_pointer(cpu, insn, width, &selector);
    far_call(cpu, selector, offset, system_next(cpu, insn), width);
    return trace_leave(cpu, insn, cpu->rip);
}
SIZED(call_indirect)
const struct op_handlers h_call_far_indirect = MEMORY_HANDLERS(call_indirect);

static void ret_far(struct cpu *cpu, const struct insn *insn, unsigned width)
{
    system_begin(cpu, insn);
    far_return(cpu, width, 0);
    return trace_leave(cpu, insn, cpu->rip);
}
SIZED(ret_far)
const struct op_handlers h_ret_far = SIZED_HANDLERS(ret_far);

static void ret_far_imm(struct cpu *cpu, const struct insn *insn, unsigned width)
{
    system_begin(cpu, insn);
    far_return(cpu, width, insn->imm & 0xffff);
    return trace_leave(cpu, insn, cpu->rip);
}
SIZED(ret_far_imm)
const struct op_handlers h_ret_far_imm = SIZED_HANDLERS(ret_far_imm);

static void iret(struct cpu *cpu, const struct insn *insn, unsigned width)
{
    system_begin(cpu, insn);
    far_iret(cpu, width, system_next(cpu, insn));
    return trace_leave(cpu, insn, cpu->rip);
}
SIZED(iret)
const struct op_handlers h_iret = SIZED_HANDLERS(iret);

/* ---- software interrupts ---- */

static void software_interrupt(struct cpu *cpu, const struct insn *insn, enum event_kind kind, uint8_t vector)
{
    system_begin(cpu, insn);
    cpu_event_deliver(cpu, &(struct cpu_event){
                               .kind = kind, .vector = vector, .rip = system_next(cpu, insn) });
    return trace_leave(cpu, insn, cpu->rip);
}

static void int_n(struct cpu *cpu, const struct insn *insn)
{
    return software_interrupt(cpu, insn, EVENT_INT_N, (uint8_t)insn->imm);
}
const struct op_handlers h_int = HANDLERS(int_n, int_n);

static void int3(struct cpu *cpu, const struct insn *insn)
{
    return software_interrupt(cpu, insn, EVENT_INT3_INTO, EXC_BP);
}
const struct op_handlers h_int3 = HANDLERS(int3, int3);

static void int1(struct cpu *cpu, const struct insn *insn)
{
    return software_interrupt(cpu, insn, EVENT_INT1, EXC_DB);
}
const struct op_handlers h_int1 = HANDLERS(int1, int1);

static void into(struct cpu *cpu, const struct insn *insn)
{
    if (!flag_of(cpu)) {
        NEXT(cpu, insn);
    }
    return software_interrupt(cpu, insn, EVENT_INT3_INTO, EXC_OF);
}
const struct op_handlers h_into = HANDLERS(into, into);

/* ---- BOUND ---- */

static void bound(struct cpu *cpu, const struct insn *insn, unsigned width)
{
    uint64_t ea = insn_ea(cpu, insn);
    uint64_t upper_ea = (ea + width) & address_mask[insn->asize];
    int32_t index, lower, upper;

    system_begin(cpu, insn);
    if (width == 2) {
        index = (int16_t)cpu->gpr[insn->reg];
        lower = (int16_t)mem_read16(cpu, NULL, insn->seg, ea);
        upper = (int16_t)mem_read16(cpu, NULL, insn->seg, upper_ea);
    } else {
        index = (int32_t)cpu->gpr[insn->reg];
        lower = (int32_t)mem_read32(cpu, NULL, insn->seg, ea);
        upper = (int32_t)mem_read32(cpu, NULL, insn->seg, upper_ea);
    }
    if (index < lower || index > upper) {
        cpu_fault(cpu, NULL, EXC_BR, 0);
    }
    NEXT(cpu, insn);
}
SIZED(bound)
const struct op_handlers h_bound = MEMORY_HANDLERS(bound);
