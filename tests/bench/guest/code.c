/*
 * Code that changes: patched immediates, regenerated functions, data beside code.
 */
#include "tests/bench/guest/loops.h"

#define CODE (ARENA + 0x800000)

typedef uint64_t code_fn(uint64_t);

static uint8_t *emit(uint8_t *p, const void *bytes, unsigned size)
{
    const uint8_t *from = bytes;
    while (size-- > 0) {
        *(volatile uint8_t *)p++ = *from++;
    }
    return p;
}

/* Patches the immediate of an addition, then runs it. */
static uint64_t run_patch(uint64_t passes)
{
    static const uint8_t code[] = { 0x48, 0x89, 0xf8, 0x48, 0x05, 0, 0, 0, 0, 0xc3 }; /* mov rax, rdi; add; ret */
    uint64_t v = 0;
    emit(CODE, code, sizeof(code));
    for (uint64_t i = 0; i < passes * 100; i++) {
        *(volatile uint32_t *)(CODE + 5) = (uint32_t)i & 0xffff;
        v = ((code_fn *)CODE)(v);
    }
    return v;
}

/* As a compiler at run time does: writes functions of some 40 instructions and runs each four times. */
static uint64_t run_generate(uint64_t passes)
{
    uint64_t v = 1;
    uint32_t seed = 1;
    for (uint64_t i = 0; i < passes * 8; i++) {
        uint8_t *begin = CODE + 0x10000 + (i % 64) * 1024, *p = emit(begin, "\x48\x89\xf8", 3);
        for (unsigned n = 0; n < 40; n++) {
            uint32_t immediate = next_random(&seed) >> 4;
            p = emit(p, n & 1 ? "\x48\x35" : "\x48\x05", 2);
            p = emit(p, &immediate, 4);
        }
        emit(p, "\xc3", 1);
        for (unsigned n = 0; n < 4; n++) {
            v = ((code_fn *)begin)(v);
        }
    }
    return v;
}

/* Counts in a variable that shares a page, but no line, with the running function. */
static uint64_t run_data_page(uint64_t passes)
{
    /* mov rax, rdi; inc qword [begin + 100h]; add rax, [begin + 100h]; ret */
    static const uint8_t code[] = { 0x48, 0x89, 0xf8, 0x48, 0xff, 0x05, 0xf6, 0, 0, 0,
                                    0x48, 0x03, 0x05, 0xef, 0, 0, 0, 0xc3 };
    uint8_t *begin = CODE + 0x20000;
    uint64_t v = 0;
    emit(begin, code, sizeof(code));
    *(volatile uint64_t *)(begin + 0x100) = 0;
    for (uint64_t i = 0; i < passes * 200; i++) {
        v = ((code_fn *)begin)(v);
    }
    return v;
}

/* The same in the same line. */
static uint64_t run_data_line(uint64_t passes)
{
    static const uint8_t code[] = { 0x48, 0x89, 0xf8, 0x48, 0xff, 0x05, 0x16, 0, 0, 0,
                                    0x48, 0x03, 0x05, 0x0f, 0, 0, 0, 0xc3 };
    uint8_t *begin = CODE + 0x30000;
    uint64_t v = 0;
    emit(begin, code, sizeof(code));
    *(volatile uint64_t *)(begin + 0x20) = 0;
    for (uint64_t i = 0; i < passes * 200; i++) {
        v = ((code_fn *)begin)(v);
    }
    return v;
}

const struct loop code_loops[] = {
    { "patch", "code", run_patch },
    { "generate", "code", run_generate },
    { "data_page", "code", run_data_page },
    { "data_line", "code", run_data_line },
    LOOP_END
};
