/*
 * What an exit asks of the board: ports, memory without RAM behind it, MSRs. KVM API 5: KVM_EXIT_IO, KVM_EXIT_MMIO,
 * KVM_EXIT_X86_RDMSR and _WRMSR; 4.116 for the ring of coalesced stores.
 *
 * A store to ROM that nobody listens to takes no lock.
 */
#include <string.h>
#include <unistd.h>

#include "accel/interp/apic.h"
#include "accel/interp/system.h"
#include "accel/kvm/kvm_impl.h"
#include "core/bus.h"

/* See core/machine.h. The registers other than RAX are right although the access is not complete. */
static void port_registers(void *arg, struct port_registers *registers, bool write)
{
    struct kvm_cpu *c = arg;
    struct kvm_regs regs;
    if (kvm_cpu_ioctl(c, KVM_GET_REGS, &regs) < 0) {
        *registers = (struct port_registers){0};
        return;
    }
    if (!write) {
        *registers = (struct port_registers){
            .eax = (uint32_t)regs.rax, .ebx = (uint32_t)regs.rbx, .ecx = (uint32_t)regs.rcx,
            .edx = (uint32_t)regs.rdx, .esi = (uint32_t)regs.rsi, .edi = (uint32_t)regs.rdi,
        };
        return;
    }
    regs.rbx = registers->ebx;
    regs.rcx = registers->ecx;
    regs.rdx = registers->edx;
    regs.rsi = registers->esi;
    regs.rdi = registers->edi;
    kvm_cpu_ioctl(c, KVM_SET_REGS, &regs);
}

/* Of the instruction that has exited. */
static uint64_t linear_rip(const struct kvm_run *run)
{
    return run->s.regs.sregs.cs.base + run->s.regs.regs.rip;
}

void kvm_exit_io(struct kvm_cpu *c)
{
    struct machine *machine = c->engine->machine;
    struct kvm_run *run = c->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    uint16_t port = run->io.port;
    unsigned size = run->io.size;
    c->io_pending = true;
    kvm_coalesced_flush(c->engine);
    lock_acquire(&machine->lock);
    machine->trail.rip = linear_rip(run);
    if (run->io.count == 1) {
        machine->port_registers = port_registers;
        machine->port_registers_arg = c;
    }
    for (uint32_t i = 0; i < run->io.count; i++, data += size) {
        uint32_t value = 0;
        if (run->io.direction == KVM_EXIT_IO_OUT) {
            memcpy(&value, data, size);
            bus_write(machine->io, port, value, size);
        } else {
            value = (uint32_t)bus_read(machine->io, port, size);
            memcpy(data, &value, size);
        }
    }
    machine->port_registers = NULL;
    lock_release(&machine->lock);
}

/* One access of any length up to 8 bytes, in pieces that the bus takes. Machine lock held. */
static void memory_access(struct kvm_cpu *c, uint64_t phys, uint8_t *data, unsigned length, bool write)
{
    while (length > 0) {
        unsigned size = length >= 8 ? 8 : length >= 4 ? 4 : length >= 2 ? 2 : 1;
        uint64_t value = 0;
        bool apic = apic_hit(c->cpu, phys);
        if (write) {
            memcpy(&value, data, size);
            if (apic) {
                apic_write(c->cpu, phys, value, size);
            } else {
                bus_write(c->engine->machine->memory, phys, value, size);
            }
        } else {
            value = apic ? apic_read(c->cpu, phys, size) : bus_read(c->engine->machine->memory, phys, size);
            memcpy(data, &value, size);
        }
        phys += size;
        data += size;
        length -= size;
    }
}

void kvm_exit_mmio(struct kvm_cpu *c)
{
    struct machine *machine = c->engine->machine;
    struct kvm_run *run = c->run;
    unsigned length = MIN(run->mmio.len, sizeof(run->mmio.data));
    c->io_pending = true;
    if (run->mmio.is_write &&
        kvm_memory_store_vanishes(c->engine->memory, c->index, run->mmio.phys_addr, length)) {
        return;
    }
    kvm_coalesced_flush(c->engine);
    lock_acquire(&machine->lock);
    machine->trail.rip = linear_rip(run);
    memory_access(c, run->mmio.phys_addr, run->mmio.data, length, run->mmio.is_write);
    lock_release(&machine->lock);
}

void kvm_exit_msr(struct kvm_cpu *c, bool write)
{
    struct kvm_run *run = c->run;
    c->io_pending = true;
    if (write) {
        run->msr.error = !msr_write(c->cpu, run->msr.index, run->msr.data);
    } else {
        uint64_t value = 0;
        run->msr.error = !msr_read(c->cpu, run->msr.index, &value);
        run->msr.data = value;
    }
}

void kvm_coalesced_flush(struct kvm_engine *e)
{
    if (e->caps.coalesced == 0) {
        return;
    }
    struct kvm_coalesced_mmio_ring *ring =
        (void *)((uint8_t *)e->cpus[0].run + (size_t)e->caps.coalesced * (size_t)sysconf(_SC_PAGESIZE));
    const uint32_t room = ((uint32_t)sysconf(_SC_PAGESIZE) - sizeof(*ring)) / sizeof(struct kvm_coalesced_mmio);
    struct machine *machine = e->machine;
    if (__atomic_load_n(&ring->first, __ATOMIC_ACQUIRE) == __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE)) {
        return;
    }
    lock_acquire(&machine->lock);
    uint32_t first = ring->first;
    while (first != __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE)) {
        struct kvm_coalesced_mmio *m = &ring->coalesced_mmio[first];
        memory_access(&e->cpus[0], m->phys_addr, m->data, MIN(m->len, sizeof(m->data)), true);
        first = (first + 1) % room;
        __atomic_store_n(&ring->first, first, __ATOMIC_RELEASE);
    }
    lock_release(&machine->lock);
}

void kvm_exit_apic(struct kvm_cpu *c)
{
    struct cpu *cpu = c->cpu;
    if (kvm_has_chips(c->engine)) {
        if (c->run->apic_base != cpu->s.msr.apic_base) {
            cpu->s.msr.apic_base = c->run->apic_base;
            apic_update(cpu);
        }
        return;
    }
    if (c->run->cr8 != cpu->s.cr8) {
        apic_cr8_write(cpu, c->run->cr8);
    }
    if (c->run->apic_base != cpu->s.msr.apic_base && x86_has(c->engine->cpuid, X86_APIC)) {
        cpu->s.msr.apic_base = c->run->apic_base;
        apic_set_base(cpu);
    }
    c->run->cr8 = cpu->s.cr8;
}
