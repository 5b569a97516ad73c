/*
 * Between the parts of the cross-check: check.c (the engine, the course of a step), check_kvm.c (a step on KVM),
 * check_rules.c (what can be compared), check_compare.c (comparing and showing).
 */
#ifndef ACCEL_KVM_CHECK_IMPL_H
#define ACCEL_KVM_CHECK_IMPL_H

#include "accel/interp/decode.h"
#include "accel/kvm/kvm_impl.h"

#define CHECK_STORES_MAX 2048

/* A store to RAM that KVM wanted to make; it is not made. */
struct check_store {
    uint64_t address; /* physical */
    unsigned size;
    uint8_t data[8];
};

/* The instruction at hand. */
struct check_insn {
    uint8_t code[15];
    unsigned available; /* bytes of code that could be fetched */
    struct insn insn;
    const struct op_row *row; /* NULL: none */
    bool repeated;            /* a string instruction with a repeat prefix */
    uint32_t undefined;       /* flags that it leaves undefined */
    bool fpu;                 /* it may change x87, MMX or SSE registers */
};

struct check_cpu {
    struct kvm_cpu *kvm;
    struct cpu *cpu; /* the interpreter's */
    bool fresh;      /* KVM holds the same state as the interpreter's CPU */
    bool debugging;  /* KVM's single step is on */
    struct check_insn insn;
    struct check_store stores[CHECK_STORES_MAX]; /* of this step */
    unsigned store_count;
    unsigned boring; /* instructions in a row that have been compared often enough */
};

enum check_outcome {
    CHECK_DONE,   /* registers are after the instruction */
    CHECK_DEVICE, /* it wants a device */
    CHECK_CANNOT, /* this KVM cannot run it */
    CHECK_FAULT,  /* it raises an exception; *vector says which */
};

/* ---- check_kvm.c ---- */

/* One instruction from `state` on KVM. *after is filled for CHECK_DONE. */
enum check_outcome check_kvm_step(struct check_cpu *k, const struct x86_state *state, struct x86_state *after,
                                  unsigned *vector);

/* ---- check_rules.c ---- */

/* Fetches into k->insn and decodes what the CPU stands on. False if it cannot be fetched from memory. */
bool check_fetch(struct check_cpu *k, const struct op_index *index, const struct x86_state *state);
/* Why it cannot be compared in this state: a short word, or NULL. */
const char *check_obstacle(const struct check_cpu *k, const struct x86_state *state);
/* ---- check_compare.c ---- */

/* The name of the first field that differs, or NULL; free it. Fields that need not be equal are made so in *kvm.
 * *tolerated: there are differences in undefined flags. */
char *check_compare_state(const struct check_cpu *k, const struct x86_state *interp, struct x86_state *kvm,
                          bool *tolerated);
/* The same for memory: what KVM wanted to store must be there. */
char *check_compare_memory(const struct check_cpu *k, const struct bus *memory);
/* The report. kvm may be NULL (it took an exception). */
void check_describe(const struct check_cpu *k, const char *what, const struct x86_state *before,
                    const struct x86_state *interp, const struct x86_state *kvm, GString *out);

#endif
