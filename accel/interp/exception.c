/*
 * Faults: from the point where an instruction finds one to the first instruction of its handler. Double faults
 * follow SDM volume 3, table 6-5; a fault while a double fault is delivered shuts the CPU down.
 */
#include <assert.h>

#include "accel/interp/breaks.h"
#include "accel/interp/interrupt.h"
#include "accel/interp/logging.h"
#include "accel/interp/segment.h"
#include "core/machine.h"

static bool is_contributory(int vector)
{
    return vector == EXC_DE || (vector >= EXC_TS && vector <= EXC_GP);
}

static bool pushes_error(int vector)
{
    return vector == EXC_DF || (vector >= EXC_TS && vector <= EXC_PF) || vector == EXC_AC;
}

static void log_exception(struct cpu *cpu, int vector, uint32_t error)
{
    if (cpu->machine == NULL || !log_wants(cpu->machine->log, LOG_INT)) {
        return;
    }
    log_print(cpu->machine->log, LOG_INT,
              "check_exception old: 0x%x new 0x%x\n"
              "  v=%02x e=%04x i=0 cpl=%u IP=%04x:%016llx SP=%04x:%016llx CR2=%016llx RAX=%016llx\n",
              (unsigned)cpu->exception_depth, (unsigned)vector, (unsigned)vector, error, cpu->cpl,
              cpu->s.seg[CS].selector, (unsigned long long)cpu->rip, cpu->s.seg[SS].selector,
              (unsigned long long)cpu->gpr[RSP], (unsigned long long)cpu->s.cr2,
              (unsigned long long)cpu->gpr[RAX]);
}

static void note_fault(struct cpu *cpu, int vector, uint32_t error)
{
    struct blackbox *box = &cpu->box;
    box->faults[box->fault_count++ % BLACKBOX_FAULTS] = (struct blackbox_fault){
        .vector = (uint8_t)vector,
        .delivering = cpu->exception_depth >= 0 || cpu->delivering,
        .first = (uint8_t)(cpu->exception_depth >= 0 ? cpu->exception_depth : 0),
        .cpl = (uint8_t)cpu->cpl,
        .cs = cpu->s.seg[CS].selector,
        .error = pushes_error(vector) ? error : 0,
        .rip = cpu->rip,
        .linear = (cpu->mode & MODE_CODE64 ? 0 : cpu->s.seg[CS].base) + cpu->rip,
        .rsp = cpu->gpr[RSP],
        .cr2 = cpu->s.cr2,
    };
}

static void shut_down(struct cpu *cpu)
{
    if (cpu->machine != NULL) {
        log_print(cpu->machine->log, LOG_INT, "Triple fault\n");
    }
    if (cpu->breaks != NULL) {
        breaks_triple(cpu);
    }
    cpu->exception_depth = -1;
    cpu->delivering = false;
    cpu->triple_fault = true;
    cpu->s.activity = X86_SHUTDOWN;
    siglongjmp(cpu->fault_exit, 1);
}

void cpu_fault(struct cpu *cpu, const struct insn *insn, enum x86_vector vector, uint32_t error)
{
    int first = cpu->exception_depth;
    int second = vector;

    assert(cpu->machine == NULL || !lock_held(&cpu->machine->lock));
    if (insn != NULL) {
        cpu->rip = insn_rip(cpu, insn);
        cpu->budget -= insn->n;
    }
    log_exception(cpu, second, error);
    note_fault(cpu, second, error);
    if (first == EXC_DF) {
        shut_down(cpu);
    }
    if ((is_contributory(first) && is_contributory(second)) ||
        (first == EXC_PF && (is_contributory(second) || second == EXC_PF))) {
        second = EXC_DF;
        error = 0;
    }
    /* What raises #DB, and the acknowledgement of an interrupt, are not done a second time. */
    bool can_retry = second != EXC_DB && !cpu->delivering;
    if (cpu->breaks != NULL && breaks_exception(cpu, (unsigned)second, error, can_retry)) {
        cpu->exception_depth = -1;
        siglongjmp(cpu->fault_exit, 1);
    }
    cpu->exception_depth = second;
    cpu->delivering = false;
    cpu->step_armed = false;
    if (second != EXC_DB) {
        cpu->debug_pending = 0; /* the instruction did not complete */
    }
    cpu_event_deliver(cpu, &(struct cpu_event){ .kind = EVENT_EXCEPTION,
                                        .vector = (uint8_t)second,
                                        .has_error = pushes_error(second),
                                        .error = error,
                                        .rip = cpu->rip,
                                        .set_rf = second != EXC_DB });
    cpu->exception_depth = -1;
    siglongjmp(cpu->fault_exit, 1);
}

void cpu_page_fault(struct cpu *cpu, const struct insn *insn, uint64_t linear, uint32_t error)
{
    cpu->s.cr2 = linear;
    if (logging(cpu, LOG_MMU)) {
        logging_page_fault(cpu, linear, error);
    }
    cpu_fault(cpu, insn, EXC_PF, error);
}

void op_ud(struct cpu *cpu, const struct insn *insn)
{
    cpu_fault(cpu, insn, EXC_UD, 0);
}

void op_gp0(struct cpu *cpu, const struct insn *insn)
{
    cpu_fault(cpu, insn, EXC_GP, 0);
}

void op_nm(struct cpu *cpu, const struct insn *insn)
{
    cpu_fault(cpu, insn, EXC_NM, 0);
}
