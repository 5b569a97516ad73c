/*
 * Running a case on both sides, comparing, simplifying what differs, and printing it.
 */
#include <inttypes.h>

#include "accel/interp/fpu.h"
#include "tests/diff/diff.h"

#define FLAGS_COMPARED (FLAGS_STATUS | FLAG_DF | FLAG_TF | FLAG_NT | FLAG_AC | FLAG_ID)

static const char *fpu_difference(const struct diff_case *c, const uint8_t *a, const uint8_t *b)
{
    uint16_t fsw_a, fsw_b, undefined = rule_undefined_fsw(c);
    memcpy(&fsw_a, a + FX_FSW, 2);
    memcpy(&fsw_b, b + FX_FSW, 2);
    if (memcmp(a + FX_FCW, b + FX_FCW, 2) != 0) {
        return "FCW";
    }
    if ((fsw_a ^ fsw_b) & ~undefined) {
        return "FSW";
    }
    if (a[FX_FTW] != b[FX_FTW]) {
        return "FTW";
    }
    for (unsigned i = 0; i < 8; i++) { /* empty registers are not compared */
        if ((a[FX_FTW] >> ((i + (fsw_a >> 11)) & 7) & 1) &&
            memcmp(a + FX_ST + 16 * i, b + FX_ST + 16 * i, 10) != 0) {
            return "ST";
        }
    }
    if (memcmp(a + FX_MXCSR, b + FX_MXCSR, 4) != 0) {
        return "MXCSR";
    }
    if (memcmp(a + FX_XMM, b + FX_XMM, 256) != 0) {
        return "XMM";
    }
    return memcmp(a + FX_YMM, b + FX_YMM, 256) != 0 ? "YMM" : NULL;
}

const char *diff_difference(const struct diff_case *c, const struct diff_state *host,
                            const struct diff_state *guest)
{
    bool normal = host->vector < 0;
    uint32_t flags = FLAGS_COMPARED & ~(normal ? rule_undefined_flags(c) : 0);
    uint64_t mask = c->form->bits == 32 ? UINT32_MAX : UINT64_MAX;
    if (host->vector != guest->vector) {
        return "exception";
    }
    if (!normal && (host->rip != guest->rip || (host->error ^ guest->error) & 0xffff)) {
        return "exception's RIP or error code";
    }
    for (unsigned i = 0; i < (c->form->bits == 32 ? 8 : 16); i++) {
        if ((host->gpr[i] ^ guest->gpr[i]) & mask) {
            return "GPR";
        }
    }
    if ((host->rflags ^ guest->rflags) & flags) {
        return "RFLAGS";
    }
    const char *what = fpu_difference(c, host->fx, guest->fx);
    if (what != NULL) {
        return what;
    }
    if (normal && memcmp(host->sel, guest->sel, sizeof(host->sel)) != 0) {
        return "selectors";
    }
    if (normal && c->form->bits == 64 && host->gs_base != guest->gs_base) {
        return "GS base";
    }
    return memcmp(host->data, guest->data, DATA_SIZE) != 0 ? "memory" : NULL;
}

const char *diff_run_case(struct diff *d, const struct diff_case *c, struct diff_state *host,
                          struct diff_state *guest, bool *comparable)
{
    host_run(c, host);
    *comparable = host->vector != EXC_PF;
    if (!*comparable) {
        return NULL;
    }
    guest_run(d, c, (c->start.gpr[RDX] ^ c->start.gpr[RBX]) & 1, guest);
    rule_adjust(c, host, guest);
    return diff_difference(c, host, guest);
}

/* ---- minimising ---- */

static bool still_differs(struct diff *d, struct diff_case *c)
{
    static struct diff_state host, guest;
    bool comparable;
    return diff_decode(d, c, c->form->bits) && !rule_incomparable(c) &&
           diff_run_case(d, c, &host, &guest, &comparable) != NULL;
}

/* Tries [p, p + size) with `value`. */
static void simplify(struct diff *d, struct diff_case *c, void *p, const void *value, unsigned size)
{
    uint8_t old[DATA_SIZE];
    memcpy(old, p, size);
    memcpy(p, value, size);
    if (memcmp(old, value, size) != 0 && !still_differs(d, c)) {
        memcpy(p, old, size);
        diff_decode(d, c, c->form->bits);
    }
}

/* Those of relative branches stay: the distance is from the end. */
static void drop_prefixes(struct diff *d, struct diff_case *c)
{
    if (c->row->operand[0] == O_Jb || c->row->operand[0] == O_Jz || c->form->shape == SHAPE_RIP) {
        return;
    }
    for (unsigned i = 0; i < 5 && i < c->size; i++) {
        struct diff_case old = *c;
        if (memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", c->code[i], 11) == NULL &&
            (c->form->bits == 32 || (c->code[i] & 0xf0) != 0x40)) {
            break;
        }
        memmove(c->code + i, c->code + i + 1, 15 - i);
        if (!still_differs(d, c)) {
            *c = old;
        }
    }
}

void diff_minimise(struct diff *d, struct diff_case *c)
{
    static const uint8_t zero[DATA_SIZE];
    static const struct {
        unsigned at, value, size;
    } control[] = { { FX_FCW, 0x37f, 2 }, { FX_FSW, 0, 2 }, { FX_FTW, 0, 1 }, { FX_MXCSR, 0x1f80, 4 } };
    struct diff_state *s = &c->start;
    uint64_t flags = FLAG_1 | FLAG_IF;
    drop_prefixes(d, c);
    for (unsigned i = 0; i < 16; i++) {
        simplify(d, c, &s->gpr[i], zero, 8);
        uint64_t low = s->gpr[i] & 0xffff;
        simplify(d, c, &s->gpr[i], &low, 8);
        simplify(d, c, s->fx + FX_XMM + 16 * i, zero, 16);
        simplify(d, c, s->fx + FX_YMM + 16 * i, zero, 16);
        if (i < 8) {
            simplify(d, c, s->fx + FX_ST + 16 * i, zero, 16);
        }
    }
    simplify(d, c, &s->rflags, &flags, 8);
    for (unsigned i = 0; i < G_N_ELEMENTS(control); i++) {
        simplify(d, c, s->fx + control[i].at, &control[i].value, control[i].size);
    }
    for (unsigned chunk = DATA_SIZE; chunk >= 8; chunk /= 4) {
        for (unsigned at = 0; at < DATA_SIZE; at += chunk) {
            simplify(d, c, s->data + at, zero, chunk);
        }
    }
}

/* ---- printing ---- */

static bool print_value(FILE *out, const char *name, unsigned i, uint64_t a, uint64_t b, uint64_t c)
{
    if (a == b && b == c && a == 0) {
        return false;
    }
    fprintf(out, "#  %-6s%2u %016" PRIx64 "  host %016" PRIx64 "  interpreter %016" PRIx64 "%s\n", name, i, a, b, c,
            b != c ? "  <--" : "");
    return true;
}

static uint64_t load64(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, p, size);
    return v;
}

void diff_print(FILE *out, const struct diff_case *c, const struct diff_state *host,
                const struct diff_state *guest, const char *what)
{
    const struct diff_state *s = &c->start;
    fprintf(out, "# %s, %u bits, %s, %s: %s differs; code", c->row->mnemonic, c->form->bits,
            size_name[c->form->size], shape_name[c->form->shape], what);
    for (unsigned i = 0; i < c->size; i++) {
        fprintf(out, " %02x", c->code[i]);
    }
    fprintf(out, "\n#  exception: host %d error %x rip %" PRIx64 ", interpreter %d error %x rip %" PRIx64 "\n",
            host->vector, host->error, host->rip, guest->vector, guest->error, guest->rip);
    for (unsigned i = 0; i < 16; i++) {
        print_value(out, "gpr", i, s->gpr[i], host->gpr[i], guest->gpr[i]);
    }
    print_value(out, "rflags", 0, s->rflags, host->rflags, guest->rflags);
    static const struct {
        const char *name;
        unsigned at, size;
    } control[] = { { "fcw", FX_FCW, 2 }, { "fsw", FX_FSW, 2 }, { "ftw", FX_FTW, 1 }, { "mxcsr", FX_MXCSR, 4 } };
    for (unsigned i = 0; i < 4; i++) {
        unsigned at = control[i].at, n = control[i].size;
        print_value(out, control[i].name, 0, load64(s->fx + at, n), load64(host->fx + at, n),
                    load64(guest->fx + at, n));
    }
    for (unsigned i = 0; i < 16; i++) {
        unsigned st = FX_ST + 16 * (i / 2) + 8 * (i % 2);
        print_value(out, i % 2 ? "st.e" : "st.s", i / 2, load64(s->fx + st, i % 2 ? 2 : 8),
                    load64(host->fx + st, i % 2 ? 2 : 8), load64(guest->fx + st, i % 2 ? 2 : 8));
    }
    for (unsigned i = 0; i < 32; i++) {
        unsigned xmm = FX_XMM + 8 * i, ymm = FX_YMM + 8 * i;
        print_value(out, i % 2 ? "xmm.h" : "xmm.l", i / 2, load64(s->fx + xmm, 8), load64(host->fx + xmm, 8),
                    load64(guest->fx + xmm, 8));
        print_value(out, i % 2 ? "ymm.h" : "ymm.l", i / 2, load64(s->fx + ymm, 8), load64(host->fx + ymm, 8),
                    load64(guest->fx + ymm, 8));
    }
    for (unsigned i = 0; i < DATA_SIZE; i += 8) {
        uint64_t before = load64(s->data + i, 8), h = load64(host->data + i, 8), g = load64(guest->data + i, 8);
        if (h != g || (before != 0 && before != h)) {
            fprintf(out, "#  [%08x]", (unsigned)BENCH_DATA + i);
            print_value(out, "", 0, before, h, g);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        if (host->sel[i] != guest->sel[i]) {
            print_value(out, "sel", i, s->sel[i], host->sel[i], guest->sel[i]);
        }
    }
}
