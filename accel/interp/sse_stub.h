/*
 * Instructions with an immediate operand: the host wants the immediate in its code, so there is a
 * table of 256 stubs of 8 bytes for each, of which the guest's immediate picks one.
 */
#ifndef ACCEL_INTERP_SSE_STUB_H
#define ACCEL_INTERP_SSE_STUB_H

/* Defines the table `name`: `code`, in which simd_stub stands for the immediate, then RET. */
#define SIMD_STUBS(name, code)                                                                     \
    extern const uint8_t name[256][8];                                                             \
    __asm__(".pushsection .text\n"                                                                 \
            ".p2align 4\n" #name ":\n"                                                             \
            ".set simd_stub, 0\n"                                                                  \
            ".rept 256\n"                                                                          \
            "    " code "\n"                                                                       \
            "    ret\n"                                                                            \
            "    .p2align 3\n"                                                                     \
            "    .set simd_stub, simd_stub + 1\n"                                                  \
            ".endr\n"                                                                              \
            ".popsection\n");

/* A call from inside a function that does not know of it: keeps off the red zone, touches no flags.
 */
#define SIMD_STUB_CALL(target) "lea -128(%%rsp), %%rsp\n\tcall *" target "\n\tlea 128(%%rsp), %%rsp"

#endif
