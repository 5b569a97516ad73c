/*
 * Runs any x87 arithmetic, load or store instruction on the host with the guest's whole x87 state:
 * FRSTOR, the instruction itself out of a table of stubs, FNSAVE. Exceptions that the guest has
 * unmasked are unmasked on the host as well; the host records them in FSW.ES and would only signal
 * at the next waiting instruction, but FNSAVE does not wait and clears them. So unmasked
 * exceptions, too, have the hardware's results: operands kept for #I, #Z and #D, scaled results for
 * #O and #U (SDM volume 1, sections 8.5 and 8.6).
 */
#include "accel/interp/fpu_native.h"

/* FSAVE image, 32-bit protected mode format (SDM volume 1, figure 8-9); registers in ST order. */
struct native_image {
    uint32_t fcw, fsw, ftw, fip, fcs_fop, fdp, fds;
    uint8_t st[8][10];
};
_Static_assert(sizeof(struct native_image) == 108, "FSAVE image");

void fpu_native_run(struct native_image *image, const void *stub, void *memory);
extern const uint8_t fpu_native_reg_stubs[512][4], fpu_native_mem_stubs[64][4];

/* fpu_native_run(rdi = image, rsi = stub, rdx = memory operand). The stubs are D8+n modrm; ret. The
 * memory forms address (%rdx). At the stub ZF = PF = 1 and CF = 0, for FCMOV. The host's control
 * word is kept. */
__asm__(".text\n"
        ".p2align 4\n"
        ".type fpu_native_run,@function\n"
        ".globl fpu_native_run\n"
        "fpu_native_run:\n"
        "    push %rax\n"
        "    fnstcw (%rsp)\n"
        "    frstor (%rdi)\n"
        "    xor %eax, %eax\n"
        "    call *%rsi\n"
        "    fnsave (%rdi)\n"
        "    fldcw (%rsp)\n"
        "    pop %rax\n"
        "    ret\n"
        ".size fpu_native_run,.-fpu_native_run\n"
        ".p2align 4\n"
        ".globl fpu_native_reg_stubs\n"
        "fpu_native_reg_stubs:\n"
        ".set fpu_stub, 0\n"
        ".rept 512\n"
        "    .byte 0xd8 + (fpu_stub >> 6), 0xc0 + (fpu_stub & 63), 0xc3, 0x90\n"
        "    .set fpu_stub, fpu_stub + 1\n"
        ".endr\n"
        ".globl fpu_native_mem_stubs\n"
        "fpu_native_mem_stubs:\n"
        ".set fpu_stub, 0\n"
        ".rept 64\n"
        "    .byte 0xd8 + (fpu_stub >> 3), ((fpu_stub & 7) << 3) + 2, 0xc3, 0x90\n"
        "    .set fpu_stub, fpu_stub + 1\n"
        ".endr\n");

static void image_out(struct cpu *cpu, struct native_image *image)
{
    memset(image, 0, sizeof(*image));
    image->fcw = cpu->s.fpu.fcw;
    /* With IGNNE# an exception may still be pending: it must not be signalled on the host. */
    image->fsw = fpu_status(cpu) & ~(FSW_ES | FSW_B);
    if (cpu->s.fpu.fsw & FSW_ES) {
        image->fsw &= ~FSW_FLAGS | cpu->s.fpu.fcw;
    }
    image->ftw = fpu_full_tags(cpu);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(image->st[i], fpu_st(cpu, i), 10);
    }
}

/* The opcode field of an exception report. struct insn has not all of it, so looks at the code
 * again if that is at hand; else it is made up from the instruction's number. */
static uint16_t code_fop(struct cpu *cpu, const struct insn *insn, unsigned number, bool memory)
{
    uint16_t fop = (uint16_t)(number >> 6 << 8 | (memory ? 0 : 0xc0) | (number & 63));
    const uint8_t *code = mem_fast(cpu, CS, insn_rip(cpu, insn), insn->len, false);
    if (code != NULL) {
        for (unsigned i = 0; i + 1 < insn->len; i++) {
            if ((code[i] & 0xf8) == 0xd8) {
                fop = (uint16_t)((code[i] & 7) << 8 | code[i + 1]);
                break;
            }
        }
    }
    return fop;
}

static void image_in(struct cpu *cpu, const struct insn *insn, const struct native_image *image,
                     unsigned number, bool memory)
{
    uint16_t sticky = cpu->s.fpu.fsw & FSW_FLAGS;
    fpu_set_control(cpu, cpu->s.fpu.fcw, (uint16_t)image->fsw | sticky);
    cpu->s.fpu.ftw = fpu_abridged_tags((uint16_t)image->ftw);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(fpu_st(cpu, i), image->st[i], 10);
    }
    if (cpu->s.fpu.fsw & FSW_ES) {
        cpu->s.fpu.fop = code_fop(cpu, insn, number, memory);
    }
}

void fpu_native_reg(struct cpu *cpu, const struct insn *insn, unsigned number)
{
    struct native_image image;
    image_out(cpu, &image);
    fpu_native_run(&image, fpu_native_reg_stubs[number], NULL);
    image_in(cpu, insn, &image, number, false);
    fpu_track(cpu, insn);
}

static void native_load(struct cpu *cpu, const struct insn *insn, unsigned number, void *operand,
                        uint64_t ea)
{
    struct native_image image;
    image_out(cpu, &image);
    fpu_native_run(&image, fpu_native_mem_stubs[number >> 3], operand);
    image_in(cpu, insn, &image, number, true);
    fpu_track_mem(cpu, insn, ea);
}

void fpu_native_load(struct cpu *cpu, const struct insn *insn, unsigned number, uint64_t operand,
                     uint64_t ea)
{
    native_load(cpu, insn, number, &operand, ea);
}

void fpu_native_load10(struct cpu *cpu, const struct insn *insn, unsigned number)
{
    uint8_t operand[10];
    uint64_t ea = insn_ea(cpu, insn);
    mem_read_bytes(cpu, insn, insn->seg, ea, operand, sizeof(operand));
    native_load(cpu, insn, number, operand, ea);
}

void fpu_native_store(struct cpu *cpu, const struct insn *insn, unsigned number, unsigned size,
                      uint64_t ea)
{
    struct native_image image;
    uint8_t result[16];
    image_out(cpu, &image);
    uint32_t before = image.fsw;
    fpu_native_run(&image, fpu_native_mem_stubs[number >> 3], result);
    /* Every unmasked exception but precision leaves memory alone. */
    uint32_t raised = image.fsw & ~before & ~image.fcw & (FSW_FLAGS & ~0x20u);
    if (!raised) {
        mem_write_bytes(cpu, insn, insn->seg, ea, result, size);
    } else {
        mem_probe_write(cpu, insn, insn->seg, ea, size);
    }
    image_in(cpu, insn, &image, number, true);
    fpu_track_mem(cpu, insn, ea);
}
