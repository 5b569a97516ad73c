/*
 * Random states: integers at corners, floating-point numbers of every class, control words, flags.
 */
#include "accel/interp/fpu.h"
#include "tests/diff/diff.h"

uint64_t diff_random(struct diff *d)
{
    uint64_t z = d->random += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

bool diff_chance(struct diff *d, unsigned n)
{
    return diff_random(d) % n == 0;
}

uint64_t diff_random_integer(struct diff *d)
{
    static const uint64_t corner[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
                                       0xffffffff, INT64_MAX, 1ull << 63, UINT64_MAX };
    uint64_t v = diff_random(d);
    switch (v >> 60 & 3) {
    case 0:
        return corner[v % G_N_ELEMENTS(corner)];
    case 1:
        return v & 0xff;
    default:
        return diff_random(d);
    }
}

/* A number with `e` bits of exponent and `m` of fraction: zeros, denormals, infinities, NaNs, ordinary ones near
 * 1, powers of two, the largest and the smallest. */
static uint64_t random_float(struct diff *d, unsigned e, unsigned m)
{
    uint64_t r = diff_random(d), fraction_mask = (1ull << m) - 1, fraction = diff_random(d) & fraction_mask;
    uint64_t max = (1u << e) - 1, bias = max >> 1, exponent = bias - 8 + (r >> 8) % 16;
    switch (r & 15) {
    case 0:
        exponent = 0;
        break;
    case 1:
        exponent = max;
        break;
    case 2:
        exponent = r >> 16 & 1 ? 1 : max - 1;
        break;
    case 3:
        exponent = (r >> 16) % (max + 1);
        break;
    case 4:
        exponent = bias + (r >> 16) % 66; /* about the limits of integers */
        exponent = exponent > max ? max : exponent;
        break;
    }
    switch (r >> 4 & 15) {
    case 0:
    case 1:
    case 2:
        fraction = 0;
        break;
    case 3:
        fraction = 1;
        break;
    case 4:
        fraction = fraction_mask;
        break;
    case 5:
        fraction = (fraction_mask >> 1) + 1;
        break;
    case 6:
    case 7:
        fraction &= fraction_mask << (r >> 32) % m;
        break;
    }
    return (r >> 63) << (e + m) | exponent << m | fraction;
}

/* 80 bits: also pseudo-denormals, unnormals, pseudo-infinities. */
static void random_extended(struct diff *d, uint8_t *p)
{
    uint64_t r = diff_random(d), significand = random_float(d, 1, 63) & INT64_MAX;
    uint16_t exponent = (uint16_t)(random_float(d, 15, 32) >> 32);
    bool integer_bit = (exponent & 0x7fff) != 0;
    if ((r & 15) == 0) {
        integer_bit = !integer_bit;
    }
    significand |= (uint64_t)integer_bit << 63;
    memcpy(p, &significand, 8);
    memcpy(p + 8, &exponent, 2);
}

enum kind { KIND_F32, KIND_F64, KIND_RANDOM, KIND_INTEGER, KIND_SMALL, KIND_BYTES, KIND_F16, KIND_F80, KINDS };

static void random_vector(struct diff *d, uint8_t *p, enum kind kind)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t v = diff_random(d);
        switch (kind) {
        case KIND_F32:
            v = random_float(d, 8, 23) << 32 | random_float(d, 8, 23);
            break;
        case KIND_F64:
            v = random_float(d, 11, 52);
            break;
        case KIND_INTEGER:
            v = diff_random_integer(d);
            break;
        case KIND_SMALL:
            v &= 0x1f0000001f;
            break;
        case KIND_BYTES:
            v &= diff_random(d) & 0x8303038003030383;
            break;
        case KIND_F16:
            v = random_float(d, 5, 10) << 48 | random_float(d, 5, 10) << 32 | random_float(d, 5, 10) << 16 |
                random_float(d, 5, 10);
            break;
        default:
            break;
        }
        memcpy(p + 8 * i, &v, 8);
    }
    if (kind == KIND_F80) {
        random_extended(d, p);
    }
}

/* FSW's ES and B follow from flags and masks. */
static void random_x87(struct diff *d, uint8_t *fx)
{
    uint64_t r = diff_random(d);
    uint16_t fcw = (uint16_t)(0x7f | (r & 0x0c00)), fsw = (uint16_t)(r >> 16 & 0x7f7f & ~0x80u);
    static const uint16_t precision[] = { 0x300, 0x300, 0x200, 0 };
    fcw |= precision[r >> 12 & 3];
    if ((r >> 32 & 3) == 0) {
        fcw &= (uint16_t)(diff_random(d) | ~0x3full);
    }
    if ((r >> 34 & 31) != 0) {
        fsw &= fcw | ~0x3f;
    }
    if (fsw & ~fcw & 0x3f) {
        fsw |= FSW_ES | FSW_B;
    }
    fx[FX_FTW] = (uint8_t)((r >> 40 & 3) ? 0xff : diff_random(d));
    if ((r >> 42 & 7) == 0) {
        fx[FX_FTW] = 0;
    }
    memcpy(fx + FX_FCW, &fcw, 2);
    memcpy(fx + FX_FSW, &fsw, 2);
    for (unsigned i = 0; i < 8; i++) {
        random_extended(d, fx + FX_ST + 16 * i);
    }
}

void diff_random_state(struct diff *d, struct diff_state *s, const struct op_row *row)
{
    enum kind kind = diff_random(d) % KINDS;
    bool simd = row->attr & (AT_SSE | AT_AVX | AT_MMX), x87 = row->attr & (AT_FPU | AT_MMX | AT_WAIT);
    uint32_t mxcsr = 0x1f80;
    uint16_t fcw = 0x37f;
    memset(s, 0, offsetof(struct diff_state, data));
    memcpy(s->fx + FX_FCW, &fcw, 2);
    if (x87 || diff_chance(d, 16)) {
        random_x87(d, s->fx);
    }
    if (simd || diff_chance(d, 16)) {
        mxcsr |= diff_random(d) & (diff_chance(d, 2) ? 0xe07f : 0x603f);
        mxcsr &= diff_chance(d, 8) ? ~((uint32_t)diff_random(d) & 0x1f80) : ~0u;
        for (unsigned i = 0; i < 16; i++) {
            random_vector(d, s->fx + FX_XMM + 16 * i, kind);
            random_vector(d, s->fx + FX_YMM + 16 * i, kind);
        }
    }
    memcpy(s->fx + FX_MXCSR, &mxcsr, 4);
    s->fx[FX_XSTATE_BV] = 7;
    for (unsigned i = 0; i < 16; i++) {
        s->gpr[i] = diff_random_integer(d);
    }
    s->rflags = FLAG_1 | FLAG_IF | (diff_random(d) & (FLAGS_STATUS | FLAG_DF));
    s->gs_base = GS_BASE;
    s->sel[0] = s->sel[1] = s->sel[2] = USER_DS;
    for (unsigned i = 0; i < 32; i++) {
        random_vector(d, d->image + (diff_random(d) % (DATA_SIZE / 16)) * 16, kind);
    }
    memcpy(s->data, d->image, DATA_SIZE);
}
