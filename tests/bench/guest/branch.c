/*
 * Loops full of branches: sorting, a bytecode interpreter, direct and indirect calls, string scanning.
 */
#include "tests/bench/guest/loops.h"

static void quick_sort(uint32_t *a, long low, long high)
{
    while (low < high) {
        uint32_t pivot = a[(low + high) / 2];
        long i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot) {
                i++;
            }
            while (a[j] > pivot) {
                j--;
            }
            if (i <= j) {
                uint32_t t = a[i];
                a[i++] = a[j];
                a[j--] = t;
            }
        }
        quick_sort(a, low, j);
        low = i;
    }
}

static uint64_t run_qsort(uint64_t passes)
{
    uint32_t *a = (uint32_t *)ARENA, seed = 1;
    uint64_t sum = 0;
    for (; passes > 0; passes--) {
        for (unsigned i = 0; i < 512; i++) {
            a[i] = next_random(&seed) >> 8;
        }
        quick_sort(a, 0, 511);
        sum += a[100];
    }
    return sum;
}

enum { VM_ADD, VM_SUB, VM_XOR, VM_LOAD, VM_STORE, VM_CONST, VM_JNZ, VM_DEC, VM_END };

/* A machine with one accumulator and eight cells. */
static uint64_t vm_run(const uint8_t *code, uint64_t cells[8])
{
    uint64_t acc = 0;
    for (unsigned pc = 0;; pc += 2) {
        unsigned operand = code[pc + 1];
        switch (code[pc]) {
        case VM_ADD:
            acc += cells[operand];
            break;
        case VM_SUB:
            acc -= cells[operand];
            break;
        case VM_XOR:
            acc ^= cells[operand];
            break;
        case VM_LOAD:
            acc = cells[operand];
            break;
        case VM_STORE:
            cells[operand] = acc;
            break;
        case VM_CONST:
            acc = operand;
            break;
        case VM_DEC:
            cells[operand]--;
            break;
        case VM_JNZ:
            pc = cells[0] != 0 ? operand - 2u : pc;
            break;
        default:
            return acc;
        }
    }
}

static uint64_t run_bytecode(uint64_t passes)
{
    static const uint8_t code[] = { VM_CONST, 100, VM_STORE, 0, VM_LOAD, 1, VM_ADD, 2, VM_XOR, 3, VM_STORE, 1,
                                    VM_SUB, 2, VM_STORE, 3, VM_ADD, 0, VM_STORE, 2, VM_DEC, 0, VM_JNZ, 4,
                                    VM_END, 0 };
    uint64_t cells[8] = { 0, 1, 2, 3, 4, 5, 6, 7 }, sum = 0;
    for (; passes > 0; passes--) {
        sum += vm_run(code, cells);
    }
    return sum;
}

static __attribute__((noinline)) uint64_t fibonacci(unsigned n)
{
    __asm__ volatile("" : "+r"(n));
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t run_calls(uint64_t passes)
{
    uint64_t sum = 0;
    for (; passes > 0; passes--) {
        sum += fibonacci(13);
    }
    return sum;
}

static uint64_t leaf0(uint64_t v) { return v + 1; }
static uint64_t leaf1(uint64_t v) { return v ^ 0x55; }
static uint64_t leaf2(uint64_t v) { return v * 3; }
static uint64_t leaf3(uint64_t v) { return v - 7; }

static uint64_t run_indirect(uint64_t passes)
{
    static uint64_t (*const leaves[4])(uint64_t) = { leaf0, leaf1, leaf2, leaf3 };
    uint64_t v = 0;
    uint32_t seed = 1;
    for (uint64_t i = 0; i < passes * 1000; i++) {
        v = leaves[next_random(&seed) >> 30](v);
    }
    return v;
}

/* Length and comparison of strings, byte by byte. */
static uint64_t run_strings(uint64_t passes)
{
    uint8_t *text = ARENA;
    uint64_t sum = 0;
    for (unsigned i = 0; i < 4096; i++) {
        text[i] = i % 61 == 60 ? 0 : (uint8_t)(32 + i % 64);
    }
    for (; passes > 0; passes--) {
        for (const uint8_t *p = text; p < text + 2048; p++) {
            const uint8_t *begin = p;
            while (*p != 0) {
                sum += *p >= 'A' && *p <= 'Z';
                p++;
            }
            sum += (uint64_t)(p - begin);
        }
    }
    return sum;
}

const struct loop branch_loops[] = {
    { "qsort", "branches", run_qsort },
    { "bytecode", "branches", run_bytecode },
    { "calls", "branches", run_calls },
    { "indirect", "branches", run_indirect },
    { "strings", "branches", run_strings },
    LOOP_END
};
