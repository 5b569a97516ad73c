/*
 * Comparing the two states after an instruction, and showing them.
 *
 * Not compared: what the interpreter alone keeps (time, pins, what waits to be delivered), the x87's last instruction
 * and operand pointers, hidden parts of segments that cannot be used, the granularity bit, which KVM sets by the limit,
 * the accessed bits of code and data, and MSRs, since what changes them is left out (check_rules.c). Of memory what
 * KVM wanted to store is compared; a store that only the interpreter makes is found when it is loaded.
 */
#include <string.h>

#include "accel/kvm/check_impl.h"
#include "core/bus.h"
#include "core/state.h"

static void even_out_segment(const struct x86_segment *interp, struct x86_segment *kvm)
{
    const uint32_t ignored = SEG_G | SEG_AVL | ((interp->attr & SEG_S) != 0 ? SEG_A : 0);
    kvm->attr = (kvm->attr & ~ignored) | (interp->attr & ignored);
    if ((interp->attr & SEG_P) == 0 && (kvm->attr & SEG_P) == 0) {
        uint16_t selector = kvm->selector;
        *kvm = *interp;
        kvm->selector = selector;
    }
}

static void even_out(const struct check_cpu *k, const struct x86_state *interp, struct x86_state *kvm)
{
    uint64_t efer = kvm->msr.efer;
    for (unsigned i = 0; i < 6; i++) {
        even_out_segment(&interp->seg[i], &kvm->seg[i]);
    }
    even_out_segment(&interp->ldtr, &kvm->ldtr);
    even_out_segment(&interp->tr, &kvm->tr);
    kvm->msr = interp->msr;
    kvm->msr.efer = efer;
    kvm->cr0 = (kvm->cr0 & ~(uint64_t)CR0_ET) | (interp->cr0 & CR0_ET);
    memcpy(kvm->pdpte, interp->pdpte, sizeof(kvm->pdpte));
    memcpy(kvm->dr, interp->dr, sizeof(kvm->dr));
    kvm->xcr0 = interp->xcr0;
    kvm->tsc = interp->tsc;
    kvm->activity = interp->activity;
    kvm->nmi_blocked = interp->nmi_blocked;
    kvm->nmi_pending = interp->nmi_pending;
    kvm->shadow_sti = interp->shadow_sti;
    kvm->shadow_mov_ss = interp->shadow_mov_ss;
    kvm->smm = interp->smm;
    kvm->smi_pending = interp->smi_pending;
    kvm->smbase = interp->smbase;
    kvm->a20 = interp->a20;
    kvm->intr = interp->intr;
    kvm->fpu.fop = interp->fpu.fop;
    kvm->fpu.fip = interp->fpu.fip;
    kvm->fpu.fdp = interp->fpu.fdp;
    kvm->fpu.fcs = interp->fpu.fcs;
    kvm->fpu.fds = interp->fpu.fds;
    if (!k->insn.fpu) {
        kvm->fpu = interp->fpu;
        kvm->mxcsr = interp->mxcsr;
        memcpy(kvm->ymm, interp->ymm, sizeof(kvm->ymm));
    }
}

char *check_compare_state(const struct check_cpu *k, const struct x86_state *interp, struct x86_state *kvm,
                          bool *tolerated)
{
    uint32_t open = k->insn.undefined | FLAG_RF;
    even_out(k, interp, kvm);
    *tolerated = ((interp->rflags ^ kvm->rflags) & open) != 0;
    kvm->rflags = (kvm->rflags & ~(uint64_t)open) | (interp->rflags & open);
    return state_compare(x86_state_fields, interp, kvm);
}

/* The last store to an address counts. */
static bool is_last(const struct check_cpu *k, unsigned number, uint64_t address)
{
    for (unsigned i = number + 1; i < k->store_count; i++) {
        if (address - k->stores[i].address < k->stores[i].size) {
            return false;
        }
    }
    return true;
}

char *check_compare_memory(const struct check_cpu *k, const struct bus *memory)
{
    for (unsigned i = 0; i < k->store_count; i++) {
        const struct check_store *store = &k->stores[i];
        uint8_t there[8];
        bus_read_bytes((struct bus *)memory, store->address, there, store->size, false);
        for (unsigned n = 0; n < store->size; n++) {
            if (there[n] != store->data[n] && is_last(k, i, store->address + n)) {
                return g_strdup_printf("memory at 0x%" G_GINT64_MODIFIER "x: interpreter %02x, KVM %02x",
                                       store->address + n, there[n], store->data[n]);
            }
        }
    }
    return NULL;
}

void check_describe(const struct check_cpu *k, const char *what, const struct x86_state *before,
                    const struct x86_state *interp, const struct x86_state *kvm, GString *out)
{
    const struct check_insn *insn = &k->insn;
    g_string_append_printf(out, "difference: %s\ninstruction: %s at %04x:%08" G_GINT64_MODIFIER "x, bytes", what,
                           insn->row != NULL ? insn->row->mnemonic : "(invalid)", before->seg[CS].selector, before->rip);
    for (unsigned i = 0; i < insn->available && i < MAX(insn->insn.len, 1u); i++) {
        g_string_append_printf(out, " %02x", insn->code[i]);
    }
    g_string_append(out, "\nbefore:\n");
    x86_state_dump(before, k->kvm->index, out);
    g_string_append(out, "after, interpreter:\n");
    x86_state_dump(interp, k->kvm->index, out);
    if (kvm != NULL) {
        g_string_append(out, "after, KVM:\n");
        x86_state_dump(kvm, k->kvm->index, out);
    }
}
