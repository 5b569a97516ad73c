/*
 * The differential tester: cases, and the two sides that run them. A case is one instruction with a complete
 * user-mode state and a page of data; the host CPU and the interpreter run it and everything is compared.
 */
#ifndef TESTS_DIFF_DIFF_H
#define TESTS_DIFF_DIFF_H

#include <stdio.h>
#include <string.h>

#include "accel/interp/decode.h"
#include "accel/interp/flags.h"
#include "tests/support/interp_bench.h"

#define DATA_SIZE 0x1000u
#define TAKEN_AT 0x40u      /* where branches go, from the instruction's first byte */
#define GS_BASE BENCH_BASE
#define USER_CS32 0x23      /* Linux's selectors; the interpreter's GDT has the same */
#define USER_DS 0x2b
#define USER_CS64 0x33
#define USER_GS32 0x07 /* the first entry of the LDT */
#define VECTOR_NONE -1
#define VECTOR_TAKEN -2     /* no exception, and went to TAKEN_AT */

/* What a side starts from and ends with. The order is known to host.c's assembly. */
struct diff_state {
    uint8_t fx[832] __attribute__((aligned(64))); /* XSAVE area, standard format: x87, SSE, AVX */
    uint64_t gpr[16];
    uint64_t rflags;
    uint64_t gs_base;
    uint16_t sel[4]; /* ES, SS, DS, GS */
    int32_t vector;  /* exception, or VECTOR_* */
    uint32_t error;
    uint64_t rip;    /* of the exception */
    uint8_t data[DATA_SIZE];
};
#define FX_FCW 0
#define FX_FSW 2
#define FX_FTW 4
#define FX_MXCSR 24
#define FX_ST 32
#define FX_XMM 160
#define FX_XSTATE_BV 512
#define FX_YMM 576

/* How memory is addressed. */
enum diff_shape {
    SHAPE_NONE, /* no ModRM byte */
    SHAPE_REG, SHAPE_BASE, SHAPE_DISP8, SHAPE_DISP32, SHAPE_SIB, SHAPE_SIB_DISP, SHAPE_INDEX, SHAPE_ABSOLUTE,
    SHAPE_RIP, SHAPE_ADDR32 /* 67 in 64-bit mode */, SHAPE_ADDR16 /* GS and 67 in 32-bit mode */, SHAPE_GS,
    SHAPE_LOCK, SHAPES
};
extern const char *const shape_name[SHAPES];
enum diff_size { SIZE_DEFAULT, SIZE_66, SIZE_W, SIZES };
extern const char *const size_name[SIZES];

/* A form: a row of op_table in a mode, with an operand size (VEX: SIZE_66 is L = 1) and an addressing form. */
struct diff_form {
    uint16_t row;
    uint8_t bits, size, shape;
    bool vex_w;
    uint64_t runs;
};

struct diff_case {
    const struct op_row *row;
    const struct diff_form *form;
    uint8_t code[16];
    unsigned size;
    struct insn insn;
    uint64_t ea; /* linear address of the memory operand, 0 = none */
    struct diff_state start;
};

struct diff {
    struct interp_bench bench;
    struct op_index *index;
    uint64_t random;
    struct diff_form *forms;
    unsigned form_count;
    unsigned form_total; /* with those that are not run */
    struct x86_segment segments[6];
    uint8_t image[DATA_SIZE];
};

/* rng.c */
uint64_t diff_random(struct diff *d);
/* True once in n. */
bool diff_chance(struct diff *d, unsigned n);
void diff_random_state(struct diff *d, struct diff_state *s, const struct op_row *row);
/* A number for an integer register: corner values, small and wide ones. */
uint64_t diff_random_integer(struct diff *d);

/* generate.c: forms[] from op_table; `only` NULL or a mnemonic. */
void diff_enumerate(struct diff *d, const char *only);
/* False if the random choices did not give the form. */
bool diff_generate(struct diff *d, const struct diff_form *form, struct diff_case *c);
/* Makes the encoding wrong: LOCK where it may not be, VEX.L, W or vvvv. False if it is not #UD after that. */
bool diff_corrupt(struct diff *d, struct diff_case *c);
/* Decodes c->code again. False if it is another row. */
bool diff_decode(struct diff *d, struct diff_case *c, unsigned bits);

/* host.c */
bool host_begin(void);
void host_end(void);
void host_run(const struct diff_case *c, struct diff_state *out);

/* guest.c */
void guest_begin(struct diff *d);
void guest_run(struct diff *d, const struct diff_case *c, bool by_step, struct diff_state *out);
uint32_t guest_mode(struct diff *d, unsigned bits);

/* rules.c: what is not run and what is not compared, with reasons. */
const char *rule_not_run(const struct op_row *row, unsigned bits, unsigned size);
uint32_t rule_undefined_flags(const struct diff_case *c);
/* Bits of FSW that are not compared. */
uint16_t rule_undefined_fsw(const struct diff_case *c);
/* Hosts may take an encoding of it that the SDM says is invalid. */
bool rule_lenient(const struct op_row *row);
/* Brings implementation-defined results of both sides in line. */
void rule_adjust(const struct diff_case *c, struct diff_state *host, struct diff_state *guest);
/* The host could not tell: undefined through and through. */
bool rule_incomparable(const struct diff_case *c);

/* compare.c: NULL, or what differs first. */
const char *diff_difference(const struct diff_case *c, const struct diff_state *host,
                            const struct diff_state *guest);
/* Runs both sides. Page faults on the host make *comparable false. */
const char *diff_run_case(struct diff *d, const struct diff_case *c, struct diff_state *host,
                          struct diff_state *guest, bool *comparable);
/* Simplifies a differing case as long as it still differs. */
void diff_minimise(struct diff *d, struct diff_case *c);
void diff_print(FILE *out, const struct diff_case *c, const struct diff_state *host,
                const struct diff_state *guest, const char *what);

#endif
