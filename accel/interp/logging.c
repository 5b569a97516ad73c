/* See the header. */
#include "accel/interp/logging.h"

#include <inttypes.h>

#include "accel/disasm.h"
#include "accel/interp/interp.h"

void logging_decoded(struct cpu *cpu, uint64_t linear, const uint8_t *code, unsigned size)
{
    unsigned bits = cpu->mode & MODE_CODE64 ? 64 : cpu->s.seg[CS].attr & SEG_DB ? 32 : 16;
    if (!log_in_filter(cpu->machine->log, linear)) {
        return;
    }
    struct disasm *disasm = disasm_create(bits, false);
    g_autoptr(GString) out = g_string_new("----------------\nIN:\n");
    for (unsigned at = 0; disasm != NULL && at < size;) {
        at += (unsigned)disasm_one(disasm, linear + at, code + at, size - at, out);
    }
    disasm_destroy(disasm);
    log_print(cpu->machine->log, LOG_IN_ASM, "%s", out->str);
}

void logging_trace(struct cpu *cpu)
{
    uint64_t linear = (cpu->mode & MODE_CODE64 ? 0 : cpu->s.seg[CS].base) + cpu->rip;
    bool wanted = logging(cpu, (enum log_item)(LOG_EXEC | LOG_CPU));
    if (!wanted) {
        cpu_attention_clear(cpu, CPU_ATTENTION_LOG);
        return;
    }
    cpu_attention_set(cpu, CPU_ATTENTION_LOG);
    if (!log_in_filter(cpu->machine->log, linear)) {
        return;
    }
    log_print(cpu->machine->log, LOG_EXEC, "Trace %u: [%016" PRIx64 "] %04x:%016" PRIx64 "\n", cpu->index, linear,
              cpu->s.seg[CS].selector, cpu->rip);
    if (logging(cpu, LOG_CPU)) {
        struct x86_state state;
        g_autoptr(GString) out = g_string_new(NULL);
        cpu_state_get(cpu, &state);
        x86_state_dump(&state, cpu->index, out);
        log_print(cpu->machine->log, LOG_CPU, "%s", out->str);
    }
}

void logging_page_fault(struct cpu *cpu, uint64_t linear, uint32_t error)
{
    log_print(cpu->machine->log, LOG_MMU, "mmu: page fault at %016" PRIx64 ", error %04x, CR3=%016" PRIx64 ", RIP=%016" PRIx64 "\n",
              linear, error, cpu->s.cr3, cpu->rip);
}

void logging_transfer(struct cpu *cpu, const char *what, uint16_t selector, uint64_t offset)
{
    log_print(cpu->machine->log, LOG_PCALL, "%s", what);
    if (selector != 0 || offset != 0) {
        log_print(cpu->machine->log, LOG_PCALL, " to %04x:%016" PRIx64, selector, offset);
    }
    log_print(cpu->machine->log, LOG_PCALL, " from %04x:%016" PRIx64 ", CPL=%u, SP=%04x:%016" PRIx64 "\n",
              cpu->s.seg[CS].selector, cpu->rip, cpu->cpl, cpu->s.seg[SS].selector, cpu->gpr[RSP]);
}
