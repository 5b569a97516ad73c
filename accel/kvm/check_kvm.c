/*
 * One instruction on KVM: api.rst, KVM_SET_GUEST_DEBUG (single step), KVM_RUN.
 *
 * All memory is read-only for this VM, so that a store comes out as KVM_EXIT_MMIO; it is noted and not made. On a KVM
 * that emulates all but 64-bit user code, single step does not work in the latter; there the trap flag does, and its
 * trap, with an IDT limit of 0, comes out as a shutdown with vector 1 (kvm_policy.h, guarded).
 */
#include <errno.h>
#include <string.h>

#include "accel/kvm/check_impl.h"
#include "core/bus.h"

#define EXITS_MAX (CHECK_STORES_MAX + 64)

static void set_debug(struct check_cpu *k, bool on)
{
    struct kvm_guest_debug debug = { .control = on ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP : 0 };
    kvm_cpu_ioctl(k->kvm, KVM_SET_GUEST_DEBUG, &debug);
    k->debugging = on;
}

/* 64-bit user code on a KVM that emulates the rest. */
static bool is_native_user(const struct check_cpu *k, const struct x86_state *s)
{
    return k->kvm->engine->limits.emulated &&
           kvm_mode_of(s->cr0, s->rflags, s->msr.efer, s->seg[CS].attr, k->cpu->cpl) == KVM_MODE_USER64 &&
           (s->seg[CS].attr & SEG_L) != 0;
}

/* An access that nobody answers: KVM completes it when it is entered again, and does nothing else. */
static void discard(struct check_cpu *k)
{
    k->fresh = false;
    for (unsigned i = 0; i < 64; i++) {
        k->kvm->run->immediate_exit = 1;
        if (kvm_cpu_ioctl(k->kvm, KVM_RUN, NULL) != 0) {
            break;
        }
    }
    k->kvm->run->immediate_exit = 0;
}

/* False if it is not a store to RAM. A store to ROM vanishes on both sides. */
static bool note_store(struct check_cpu *k)
{
    const struct kvm_run *run = k->kvm->run;
    const struct flat_range *range = bus_find(k->kvm->engine->machine->memory, run->mmio.phys_addr);
    if (!run->mmio.is_write || range == NULL || range->region->kind == REGION_IO ||
        (range->region->kind == REGION_ROM && range->region->ops != NULL) || k->store_count == CHECK_STORES_MAX) {
        return false;
    }
    if (range->region->kind == REGION_RAM) {
        struct check_store *store = &k->stores[k->store_count++];
        store->address = run->mmio.phys_addr;
        store->size = MIN(run->mmio.len, sizeof(store->data));
        memcpy(store->data, run->mmio.data, store->size);
    }
    return true;
}

static bool give_state(struct check_cpu *k, const struct x86_state *state, bool user)
{
    if (k->fresh) {
        return true;
    }
    if (user) {
        kvm_memory_refresh(k->kvm->engine->memory);
    }
    k->fresh = kvm_state_put(k->kvm, state) >= 0;
    return k->fresh;
}

/* With the trap flag set by us. */
static bool arm_trap(struct check_cpu *k)
{
    struct kvm_run *run = k->kvm->run;
    if (kvm_regs_sync(k->kvm) < 0) {
        return false;
    }
    run->s.regs.regs.rflags |= FLAG_TF;
    return kvm_cpu_ioctl(k->kvm, KVM_SET_REGS, &run->s.regs.regs) >= 0;
}

/* The registers have moved on from `state`: the instruction, or some rounds of it, is over. */
static bool has_moved(struct check_cpu *k, const struct x86_state *state)
{
    struct x86_state now = *state;
    if (kvm_regs_sync(k->kvm) < 0) {
        return false;
    }
    kvm_registers_get(k->kvm, &now);
    return now.rip != state->rip || memcmp(now.gpr, state->gpr, sizeof(now.gpr)) != 0;
}

/* Runs to the next exit that is no store. A store is completed when KVM is entered again, and no single-step exit
 * follows it: so KVM is entered to return at once, and registers that have moved are the end of the step. */
static int run_to_exit(struct check_cpu *k, const struct x86_state *state)
{
    struct kvm_cpu *c = k->kvm;
    bool stored = false;
    for (unsigned i = 0; i < EXITS_MAX; i++) {
        c->run->immediate_exit = stored;
        int r = kvm_cpu_ioctl(c, KVM_RUN, NULL);
        c->ran = true;
        c->run->immediate_exit = 0;
        if (r == -EINTR || r == -EAGAIN) {
            if (stored && has_moved(k, state)) {
                return KVM_EXIT_DEBUG;
            }
            stored = false;
            continue;
        }
        if (r < 0) {
            return r;
        }
        stored = c->run->exit_reason == KVM_EXIT_MMIO && note_store(k);
        if (!stored) {
            return (int)c->run->exit_reason;
        }
    }
    return -ELOOP;
}

static enum check_outcome of_exception(struct check_cpu *k, unsigned *vector)
{
    const struct kvm_vcpu_events *events = &k->kvm->run->s.regs.events;
    bool known = k->kvm->guarded && (events->exception.injected || events->exception.pending);
    k->fresh = false;
    *vector = known ? events->exception.nr : 0;
    return known ? CHECK_FAULT : CHECK_CANNOT;
}

static enum check_outcome finish(struct check_cpu *k, struct x86_state *after)
{
    struct kvm_cpu *c = k->kvm;
    int error = kvm_regs_sync(c);
    *after = c->base;
    error = error < 0 || !k->insn.fpu ? error : kvm_fpu_get(c, after);
    if (error < 0) {
        k->fresh = false;
        return CHECK_CANNOT;
    }
    kvm_registers_get(c, after);
    return CHECK_DONE;
}

/* 64-bit user code shows neither IOPL nor IF on a KVM that runs it natively; and the trap's event is still there. */
static enum check_outcome finish_user(struct check_cpu *k, const struct x86_state *state, struct x86_state *after)
{
    const uint64_t lost = FLAG_TF | FLAG_IF | FLAG_IOPL;
    enum check_outcome outcome = finish(k, after);
    after->rflags = (after->rflags & ~lost) | (state->rflags & lost);
    k->fresh = false;
    return outcome;
}

enum check_outcome check_kvm_step(struct check_cpu *k, const struct x86_state *state, struct x86_state *after,
                                  unsigned *vector)
{
    bool user = is_native_user(k, state);
    k->store_count = 0;
    if (k->debugging == user) {
        set_debug(k, !user); /* first: it may clear the trap flag */
    }
    if (!give_state(k, state, user) || (user && !arm_trap(k))) {
        k->fresh = false;
        return CHECK_CANNOT;
    }
    switch (run_to_exit(k, state)) {
    case KVM_EXIT_DEBUG:
        if (!has_moved(k, state)) {
            /* It wants to see what it has stored, such as the accessed bit of a descriptor; or it jumps to itself. */
            k->fresh = false;
            return CHECK_CANNOT;
        }
        return user ? finish_user(k, state, after) : finish(k, after);
    case KVM_EXIT_IO:
    case KVM_EXIT_MMIO:
    case KVM_EXIT_X86_RDMSR:
    case KVM_EXIT_X86_WRMSR:
        discard(k);
        return CHECK_DEVICE;
    case KVM_EXIT_SHUTDOWN: {
        enum check_outcome outcome = of_exception(k, vector);
        if (!user || outcome != CHECK_FAULT || *vector != EXC_DB) {
            return outcome;
        }
        return finish_user(k, state, after);
    }
    default:
        k->fresh = false;
        return CHECK_CANNOT;
    }
}
