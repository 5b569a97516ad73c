/*
 * Virtual-8086 mode extensions: SDM volume 3, 20.3. The redirection bitmap is the 32 bytes below the TSS's I/O
 * permission bitmap; a clear bit lets the 8086 program handle INT n itself.
 */
#include "accel/interp/interrupt.h"
#include "accel/interp/segment.h"
#include "accel/interp/stack.h"

bool v86_redirected(struct cpu *cpu, uint8_t vector)
{
    const struct x86_segment *tr = &cpu->s.tr;
    bool iopl3 = (cpu->eflags & FLAG_IOPL) == FLAG_IOPL;

    if ((cpu->mode & MODE_V86) == 0) {
        return false;
    }
    if ((cpu->s.cr4 & CR4_VME) != 0 && tr->limit >= 0x67) {
        uint32_t map = (uint32_t)lin_read_system(cpu, NULL, tr->base + 0x66, 2);
        uint32_t byte = map - 32 + vector / 8;
        if (map < 32 || byte > tr->limit) {
            cpu_fault(cpu, NULL, EXC_GP, 0);
        }
        if ((lin_read_system(cpu, NULL, tr->base + byte, 1) >> (vector & 7) & 1) == 0) {
            return true;
        }
    }
    if (!iopl3) {
        cpu_fault(cpu, NULL, EXC_GP, 0);
    }
    return false;
}

void v86_deliver(struct cpu *cpu, const struct cpu_event *event)
{
    bool virtual_if = (cpu->eflags & FLAG_IOPL) != FLAG_IOPL;
    uint64_t flags = cpu_rflags(cpu) & 0xffff;
    struct stack st = stack_current(cpu, 0);

    uint64_t entry = lin_read(cpu, NULL, event->vector * 4u, 4, TLB_USER);
    if (virtual_if) {
        flags = (flags & ~(uint64_t)FLAG_IF) | FLAG_IOPL;
        flags |= (cpu->eflags & FLAG_VIF) != 0 ? FLAG_IF : 0;
    }
    uint64_t frame[3] = { flags, cpu->s.seg[CS].selector, event->rip & 0xffff };
    stack_push(cpu, &st, frame, 3, 2);
    stack_commit(cpu, &st);
    cpu->eflags &= ~(FLAG_TF | FLAG_NT | (virtual_if ? FLAG_VIF : FLAG_IF));
    segment_set_real(cpu, CS, (uint16_t)(entry >> 16));
    cpu->rip = entry & 0xffff;
}
