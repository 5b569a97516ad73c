/*
 * See the header. The conditions are those of the instructions' pages in the Intel SDM, volume 2; each line says what would make
 * the exception go away.
 */
#include "monitor/why_hint.h"

#include <inttypes.h>

#include "accel/blackbox.h"

enum { DE = 0, UD = 6, NM = 7, SS_FAULT = 12, GP = 13, PF = 14 };

#define FLAG_IOPL_SHIFT 12
#define NEAR_NULL 4096u

/* An instruction without its prefixes. */
struct opcode {
    uint8_t prefix;  /* 66, F2 or F3; 0 = none */
    bool two;        /* it begins with 0F */
    bool vex;
    uint8_t byte;
    uint8_t modrm; /* 0 if cut off */
};

static struct opcode parse(const struct why_hint *hint)
{
    struct opcode op = { 0 };
    unsigned i = 0;
    for (; i < hint->code_size; i++) {
        uint8_t byte = hint->code[i];
        if (byte == 0x66 || byte == 0xf2 || byte == 0xf3) {
            op.prefix = byte;
        } else if (!(byte == 0x67 || byte == 0xf0 || (byte & 0xe7) == 0x26 || byte == 0x64 || byte == 0x65 ||
                     (hint->long_mode && (byte & 0xf0) == 0x40))) {
            break;
        }
    }
    op.two = i < hint->code_size && hint->code[i] == 0x0f;
    i += op.two;
    op.byte = i < hint->code_size ? hint->code[i] : 0;
    op.modrm = i + 1 < hint->code_size ? hint->code[i + 1] : 0;
    op.vex = !op.two && hint->long_mode && (op.byte == 0xc4 || op.byte == 0xc5);
    return op;
}

/* The 0F opcodes of SSE: moves and arithmetic of XMM registers. */
static bool is_sse(const struct opcode *op)
{
    uint8_t b = op->byte;
    return op->two && ((b >= 0x10 && b <= 0x17) || (b >= 0x28 && b <= 0x2f) || (b >= 0x50 && b <= 0x5f) || b == 0xc6 ||
                       (op->prefix != 0 && ((b >= 0x60 && b <= 0x7f) || (b >= 0xd0 && b != 0xff))));
}

/* Those whose memory operand must lie at a multiple of 16. */
static bool wants_alignment(const struct opcode *op)
{
    uint8_t b = op->byte;
    return op->two && (op->modrm & 0xc0) != 0xc0 && op->prefix != 0xf2 && op->prefix != 0xf3 &&
           (b == 0x28 || b == 0x29 || b == 0x2b || (b >= 0x51 && b <= 0x5f) || (op->prefix == 0x66 && (b == 0x6f || b == 0x7f || b == 0xe7)));
}

static bool is_privileged(const struct opcode *op)
{
    if (op->two) {
        return (op->byte >= 0x20 && op->byte <= 0x23) || op->byte == 0x30 || op->byte == 0x32 || op->byte == 0x06 ||
               op->byte == 0x08 || op->byte == 0x09 || op->byte == 0x00 || op->byte == 0x01;
    }
    return op->byte == 0xf4;
}

static bool wants_iopl(const struct opcode *op)
{
    return !op->two && (op->byte == 0xfa || op->byte == 0xfb || (op->byte & 0xfc) == 0x6c || (op->byte & 0xf4) == 0xe4);
}

static void put_frame(const struct why_hint *hint, bool iret, GString *out)
{
    static const char *const names[] = { "IP", "CS", "FLAGS", "SP", "SS" };
    unsigned count = iret ? (hint->long_mode ? 5 : 3) : 2;
    g_string_append_printf(out, "     %s takes from the stack:", iret ? "IRET" : "a far RET");
    for (unsigned i = 0; i < MIN(count, hint->stack_words); i++) {
        g_string_append_printf(out, " %s 0x%" PRIx64, names[i], hint->stack[i]);
    }
    g_string_append_printf(out, "\n     if these look shifted, the %s has not taken off all that it pushed, or the error code\n",
                           iret ? "handler" : "function");
}

static void hint_protection(const struct why_hint *hint, const struct opcode *op, GString *out)
{
    const struct x86_state *s = hint->state;
    unsigned iopl = s->rflags >> FLAG_IOPL_SHIFT & 3;
    if (!op->two && (op->byte == 0xcf || op->byte == 0xcb || op->byte == 0xca)) {
        put_frame(hint, op->byte == 0xcf, out);
    } else if (hint->fault->error == 0 && hint->fault->cpl > 0 && is_privileged(op)) {
        g_string_append_printf(out, "     the instruction is for CPL 0 only, and this code runs at CPL %u\n", hint->fault->cpl);
    } else if (hint->fault->error == 0 && hint->fault->cpl > iopl && wants_iopl(op)) {
        g_string_append_printf(out, "     at CPL %u the instruction needs IOPL %u or more (it is %u), or a port in the TSS's bitmap\n",
                               hint->fault->cpl, hint->fault->cpl, iopl);
    } else if (op->two && (op->byte == 0x30 || op->byte == 0x32)) {
        g_string_append_printf(out, "     MSR 0x%x (ECX) does not exist here, or cannot have this value\n", (uint32_t)s->gpr[RCX]);
    } else if (op->two && op->byte == 0x22) {
        g_string_append(out, "     a control register cannot have this value: a reserved bit, or a bit that needs another one\n");
    } else if (hint->fault->error == 0 && wants_alignment(op)) {
        g_string_append(out, "     the operand must lie at a multiple of 16: is the stack aligned, is the data?\n");
    }
}

static void hint_opcode(const struct why_hint *hint, const struct opcode *op, GString *out)
{
    const struct x86_state *s = hint->state;
    if (op->two && op->byte == 0x0b) {
        g_string_append(out, "     UD2 is there on purpose: the program has given up (a panic, an assertion, the end of a function)\n");
    } else if (is_sse(op) && (s->cr0 & CR0_EM || !(s->cr4 & CR4_OSFXSR))) {
        g_string_append(out, "     SSE is not enabled: CR4.OSFXSR must be 1 and CR0.EM 0\n");
    } else if (op->vex && !(s->cr4 & CR4_OSXSAVE)) {
        g_string_append(out, "     AVX is not enabled: CR4.OSXSAVE must be 1, and bits 1 and 2 of XCR0\n");
    } else if (op->two && op->byte == 0x05 && !(s->msr.efer & EFER_SCE)) {
        g_string_append(out, "     SYSCALL is not enabled: EFER.SCE is 0\n");
    } else if (hint->code_size >= 2 && hint->code[0] == 0xff && hint->code[1] == 0xff) {
        g_string_append(out, "     FF bytes are no code: what runs here is memory that is not there, or erased ROM\n");
    }
}

static void hint_page(const struct why_hint *hint, GString *out)
{
    uint64_t at = hint->fault->cr2, all_ones = hint->long_mode ? UINT64_MAX : UINT32_MAX;
    bool fetch = hint->fault->linear == at;
    if (fetch && hint->long_mode && at == hint->state->msr.lstar && hint->state->msr.efer & EFER_SCE) {
        g_string_append_printf(out, "     LSTAR is 0x%" PRIx64 ": SYSCALL leads there%s\n", at, at == 0 ? "; it was never set" : "");
    } else if (fetch && at < NEAR_NULL) {
        g_string_append(out, "     the CPU was sent to an address near 0: a null function pointer, or an overwritten return address\n");
    } else if (at < NEAR_NULL) {
        g_string_append(out, "     an address near 0: a null pointer, perhaps to a structure\n");
    } else if (all_ones - at < NEAR_NULL) {
        g_string_append_printf(out, "     an address near -1: what is read where there is no device is all ones (unassigned memory was read "
                                    "%" PRIu64 " times)\n", hint->unassigned);
    }
}

void why_hint(const struct why_hint *hint, GString *out)
{
    struct opcode op = parse(hint);
    switch (hint->fault->vector) {
    case DE:
        g_string_append(out, "     the divisor is 0, or the quotient does not fit\n");
        break;
    case UD:
        hint_opcode(hint, &op, out);
        break;
    case NM:
        g_string_append(out, hint->state->cr0 & CR0_TS ? "     CR0.TS is 1: the FPU's registers are to be switched first (CLTS)\n"
                                                       : "     CR0.EM is 1: there is no FPU for this code\n");
        break;
    case SS_FAULT:
    case GP:
        hint_protection(hint, &op, out);
        break;
    case PF:
        hint_page(hint, out);
        break;
    default:
        break;
    }
}

void why_hint_stack(const struct why_hint *hint, GString *out)
{
    const struct x86_state *s = hint->state;
    if ((s->tr.selector & ~3u) == 0) {
        g_string_append(out, "     TR is 0: no TSS was loaded (LTR), so there is no stack to switch to\n");
    } else if (hint->fault->cpl > 0 && hint->stack_words > 0) {
        g_string_append_printf(out, "     the stack for CPL 0 in the TSS is 0x%" PRIx64 "%s\n", hint->stack[0],
                               hint->stack[0] == 0 ? ": not set" : "");
    }
}
