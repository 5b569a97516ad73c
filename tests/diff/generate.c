/*
 * Forms of op_table and cases of them. A form is tried by making its bytes and asking the decoder; what decodes
 * to the row exists. Registers that address memory are then set so that the operand lies in the data page.
 */
#include "accel/interp/decode_impl.h"
#include "tests/diff/diff.h"

const char *const shape_name[SHAPES] = { "implied", "register", "[base]", "[base+disp8]", "[base+disp32]",
                                         "[base+index]", "[base+index+disp]", "[index+disp32]", "[absolute]",
                                         "[rip+disp32]",
                                         "[addr32]", "gs:[addr16]", "gs:[base]", "lock [base+disp8]" };
const char *const size_name[SIZES] = { "default", "66/L1", "W" };

static bool has_operand(const struct op_row *row, unsigned operand)
{
    for (unsigned i = 0; i < 4; i++) {
        if (row->operand[i] == operand) {
            return true;
        }
    }
    return false;
}

static bool is_stack(const struct op_row *row)
{
    static const char *const prefix[] = { "push", "pop", "call", "ret", "enter", "leave", "iret" };
    for (unsigned i = 0; i < G_N_ELEMENTS(prefix); i++) {
        if (g_str_has_prefix(row->mnemonic, prefix[i]) && strcmp(row->mnemonic, "popcnt") != 0) {
            return true;
        }
    }
    return false;
}

static bool is_string(const struct op_row *row)
{
    return has_operand(row, O_Xb) || has_operand(row, O_Xv) || has_operand(row, O_Yb) || has_operand(row, O_Yv);
}

/* ---- bytes ---- */

struct encoding {
    uint8_t *p;
    unsigned reg, rm, index, base, disp_size, modrm_mod;
    bool sib;
};

static unsigned random_register(struct diff *d, unsigned bits)
{
    return diff_random(d) % (bits == 64 ? 16 : 8);
}

static void choose(struct diff *d, const struct diff_form *f, struct encoding *e)
{
    unsigned shape = f->shape;
    e->reg = random_register(d, f->bits);
    e->rm = random_register(d, f->bits);
    e->base = random_register(d, f->bits);
    e->index = random_register(d, f->bits);
    e->sib = shape == SHAPE_SIB || shape == SHAPE_SIB_DISP || shape == SHAPE_INDEX ||
             (shape == SHAPE_ABSOLUTE && f->bits == 64) || (shape != SHAPE_REG && (e->base & 7) == RSP);
    e->disp_size = 0;
    e->modrm_mod = 0;
    switch (shape) {
    case SHAPE_REG:
        e->modrm_mod = 3;
        e->base = e->rm;
        break;
    case SHAPE_DISP8:
    case SHAPE_ADDR32:
    case SHAPE_LOCK:
        e->modrm_mod = 1;
        break;
    case SHAPE_DISP32:
        e->modrm_mod = 2;
        break;
    case SHAPE_ADDR16:
        e->modrm_mod = diff_random(d) % 3;
        e->sib = false;
        break;
    case SHAPE_SIB_DISP:
        e->modrm_mod = 1 + diff_random(d) % 2;
        break;
    case SHAPE_INDEX:
    case SHAPE_ABSOLUTE:
    case SHAPE_RIP:
        e->base = (e->base & 8) | RBP;
        break;
    case SHAPE_BASE:
    case SHAPE_GS:
    case SHAPE_SIB:
        if ((e->base & 7) == RBP) {
            e->base ^= 1;
        }
        e->sib |= (e->base & 7) == RSP;
        break;
    }
    if (shape == SHAPE_ABSOLUTE || shape == SHAPE_RIP || !e->sib) {
        e->index = RSP;
    }
    if (e->sib && shape != SHAPE_SIB && shape != SHAPE_SIB_DISP && shape != SHAPE_INDEX) {
        e->index = RSP;
    }
}

static void put_modrm(struct diff *d, const struct diff_form *f, const struct op_row *row, struct encoding *e)
{
    if (row->ext >= EX_BYTE) {
        *e->p++ = (uint8_t)(row->ext - EX_BYTE);
        return;
    }
    unsigned reg = row->ext >= 0 ? row->ext & 7 : e->reg & 7;
    *e->p++ = (uint8_t)(e->modrm_mod << 6 | reg << 3 | (e->sib && e->modrm_mod != 3 ? RSP : e->base & 7));
    if (e->sib && e->modrm_mod != 3) {
        *e->p++ = (uint8_t)((diff_random(d) & 3) << 6 | (e->index & 7) << 3 | (e->base & 7));
    }
}

static void put_legacy(struct diff *d, const struct diff_form *f, const struct op_row *row, struct encoding *e)
{
    static const uint8_t mandatory[] = { 0, 0, 0x66, 0xf3, 0xf2 };
    bool w = f->size == SIZE_W;
    unsigned rex = 0x40 | (w ? 8 : 0) | (e->reg & 8 ? 4 : 0) | (e->index & 8 ? 2 : 0) | (e->base & 8 ? 1 : 0);
    if (f->size == SIZE_66) {
        *e->p++ = 0x66;
    }
    if (row->prefix == PX_ANY && f->shape != SHAPE_LOCK && diff_chance(d, 32)) {
        *e->p++ = diff_chance(d, 2) ? 0xf2 : 0xf3;
    }
    if (mandatory[row->prefix] != 0) {
        *e->p++ = mandatory[row->prefix];
    }
    if (f->bits == 64 && (rex != 0x40 || diff_chance(d, 4))) {
        *e->p++ = (uint8_t)rex;
    }
    if (row->map != M_1) {
        *e->p++ = 0x0f;
    }
    if (row->map == M_0F38 || row->map == M_0F3A) {
        *e->p++ = row->map == M_0F38 ? 0x38 : 0x3a;
    }
}

static void put_vex(struct diff *d, const struct diff_form *f, const struct op_row *row, struct encoding *e)
{
    static const uint8_t pp[] = { 0, 0, 1, 2, 3 };
    unsigned l = f->size == SIZE_66 ? 4 : 0, v = row->attr & AT_NOV ? 0 : random_register(d, f->bits);
    bool fixed = f->bits == 64 && row->attr & (AT_W0 | AT_W1), w = fixed ? row->attr & AT_W1 : f->vex_w;
    unsigned low = (~v & 15) << 3 | l | pp[row->prefix];
    if (row->map == M_V0F && !w && !(e->index & 8) && !(e->base & 8) && diff_chance(d, 2)) {
        *e->p++ = 0xc5;
        *e->p++ = (uint8_t)((e->reg & 8 ? 0 : 0x80) | low);
        return;
    }
    *e->p++ = 0xc4;
    *e->p++ = (uint8_t)((e->reg & 8 ? 0 : 0x80) | (e->index & 8 ? 0 : 0x40) | (e->base & 8 ? 0 : 0x20) |
                        (row->map - M_V0F + 1));
    *e->p++ = (uint8_t)((w ? 0x80 : 0) | low);
}

bool diff_decode(struct diff *d, struct diff_case *c, unsigned bits)
{
    bool more;
    memset(&c->insn, 0, sizeof(c->insn));
    const struct op_row *row = decode_insn_indexed(d->index, &c->insn, c->code, 15, guest_mode(d, bits),
                                                   &d->bench.cpuid, &more);
    c->size = c->insn.len;
    return row == c->row && !more && c->insn.fn != op_ud;
}

/* Immediates that say where to go or that the kernel would take for itself. */
static void fix_immediate(struct diff *d, const struct diff_form *f, const struct op_row *row, uint8_t *p,
                          unsigned at)
{
    uint64_t target = BENCH_CODE + TAKEN_AT;
    if (has_operand(row, O_Jb)) {
        p[0] = (uint8_t)(TAKEN_AT - at - 1);
    } else if (has_operand(row, O_Jz)) {
        uint32_t distance = TAKEN_AT - at - 4;
        memcpy(p, &distance, 4);
    } else if (has_operand(row, O_Ap)) {
        memcpy(p, &target, 4);
        p[4] = USER_CS32;
        p[5] = 0;
    } else if (has_operand(row, O_Ob) || has_operand(row, O_Ov)) {
        target = BENCH_DATA + diff_random(d) % (DATA_SIZE - 64);
        target -= f->shape == SHAPE_GS || f->shape == SHAPE_ADDR16 ? GS_BASE : 0;
        memcpy(p, &target, f->shape == SHAPE_ADDR16 ? 2 : f->bits == 64 && f->shape != SHAPE_ADDR32 ? 8 : 4);
    } else if (has_operand(row, O_Iwb)) {
        p[1] = 0; /* not far below the data */
        p[2] &= 0xe3;
    } else if (strcmp(row->mnemonic, "int") == 0) {
        p[0] = p[0] == 0x80 ? 3 : p[0];
    } else if (has_operand(row, O_Iw)) {
        p[1] &= 3; /* RET */
    }
}

static bool encode(struct diff *d, const struct diff_form *f, struct diff_case *c)
{
    const struct op_row *row = c->row;
    struct encoding e = { .p = c->code };
    for (unsigned i = 0; i < 16; i += 8) {
        uint64_t v = diff_random(d);
        memcpy(c->code + i, &v, 8);
    }
    choose(d, f, &e);
    if (f->shape == SHAPE_LOCK) {
        *e.p++ = 0xf0;
    } else if (f->shape == SHAPE_GS) {
        *e.p++ = 0x65;
    } else if (f->shape == SHAPE_ADDR32) {
        *e.p++ = 0x67;
    } else if (f->shape == SHAPE_ADDR16) {
        *e.p++ = 0x65;
        *e.p++ = 0x67;
    }
    if (row->map >= M_V0F) {
        put_vex(d, f, row, &e);
    } else {
        put_legacy(d, f, row, &e);
    }
    *e.p++ = row->opcode;
    uint8_t *modrm = e.p;
    if (op_row_has_modrm(row)) {
        put_modrm(d, f, row, &e);
    } else {
        fix_immediate(d, f, row, e.p, (unsigned)(e.p - c->code));
    }
    bool ok = diff_decode(d, c, f->bits);
    if (ok && (f->shape == SHAPE_RIP || f->shape == SHAPE_ABSOLUTE) && op_row_has_modrm(row)) {
        uint8_t *disp = modrm + (e.sib ? 2 : 1);
        uint32_t target = (uint32_t)(BENCH_DATA + 64 + (diff_random(d) % (DATA_SIZE - 1024) & ~31u));
        target -= f->shape == SHAPE_RIP ? (uint32_t)BENCH_CODE + c->size : 0;
        memcpy(disp, &target, 4);
        ok = diff_decode(d, c, f->bits);
    } else if (ok && f->shape == SHAPE_ADDR16 && op_row_has_modrm(row) && (modrm[0] & 0xc7) == 6) {
        uint16_t target = (uint16_t)(BENCH_DATA - GS_BASE + 64 + (diff_random(d) % (DATA_SIZE - 1024) & ~31u));
        memcpy(modrm + 1, &target, 2);
        ok = diff_decode(d, c, f->bits);
    }
    return ok;
}

/* ---- registers ---- */

static uint64_t data_address(struct diff *d)
{
    uint64_t offset = 512 + diff_random(d) % (DATA_SIZE - 2048);
    return BENCH_DATA + (diff_chance(d, 4) ? offset : offset & ~63ull);
}

static bool aim_vsib(struct diff *d, struct diff_case *c)
{
    struct insn *insn = &c->insn;
    for (unsigned i = 0; i < 8; i++) {
        uint8_t *lane = c->start.fx + (i < 4 ? FX_XMM : FX_YMM) + 16 * insn->rm + 4 * (i & 3);
        int64_t v = (int64_t)(diff_random(d) % 64) - 32;
        memcpy(lane, &v, !(c->row->opcode & 1) ? 4 : i & 1 ? 0 : 8);
    }
    if (insn->base > R15) {
        return false;
    }
    uint64_t target = BENCH_DATA + 1024 + diff_random(d) % 1024;
    c->start.gpr[insn->base] = target - (int64_t)insn->disp;
    return true;
}

/* Registers of the memory operand, so that it lies in the data. False if they cannot be set. */
static bool aim_operand(struct diff *d, struct diff_case *c)
{
    struct insn *insn = &c->insn;
    uint64_t *gpr = c->start.gpr, mask = address_mask[insn->asize], rest = 0;
    unsigned bits = c->form->bits;
    const char *name = c->row->mnemonic;
    if (insn->asize == 0 && insn->base > R15 && insn->index <= R15) {
        gpr[insn->index] = (gpr[insn->index] & ~mask) | ((data_address(d) - GS_BASE - (uint64_t)insn->disp) & mask);
        return true;
    }
    if ((insn->base <= R15 && insn->base == insn->index) || (is_stack(c->row) && insn->base == RSP)) {
        return false;
    }
    if (name[0] == 'b' && name[1] == 't' && has_operand(c->row, O_Gv)) { /* BT reaches far */
        if (insn->reg == insn->base || insn->reg == insn->index || insn->reg == RSP) {
            return false;
        }
        gpr[insn->reg] = (gpr[insn->reg] & ~0xffffull) * (c->form->size == SIZE_66) +
                         (uint64_t)((int64_t)(gpr[insn->reg] & 0x3ff) - 0x100) * (c->form->size != SIZE_66) +
                         (gpr[insn->reg] & 0x3ff) * (c->form->size == SIZE_66);
    }
    uint64_t target = data_address(d) - (insn->seg == GS ? GS_BASE : 0);
    if (insn->base > R15) {
        return insn->index > R15; /* absolute or RIP-relative */
    }
    if (insn->index <= R15) {
        gpr[insn->index] = diff_chance(d, 2) ? gpr[insn->index] & 0xff : gpr[insn->index];
        rest = gpr[insn->index] << insn->scale;
    }
    uint64_t high = bits == 64 && insn->asize == 1 ? diff_random(d) & ~mask : 0;
    high = insn->asize == 0 ? gpr[insn->base] & ~mask : high;
    gpr[insn->base] = ((target - rest - (uint64_t)(int64_t)insn->disp) & mask) | high;
    return true;
}

/* [index + disp32]: the index makes up for the displacement, which must leave room for that. */
static bool aim_index(struct diff *d, struct diff_case *c)
{
    struct insn *insn = &c->insn;
    if (insn->base <= R15 || insn->index > R15) {
        return false;
    }
    uint64_t target = data_address(d), scale = insn->scale, mask = address_mask[insn->asize];
    int32_t disp = (int32_t)(insn->disp & ~7) | (int32_t)(target & 7);
    uint8_t *at = memmem(c->code, 15, &insn->disp, 4);
    if (at == NULL) {
        return false;
    }
    memcpy(at, &disp, 4);
    c->start.gpr[insn->index] = ((target - (uint64_t)(int64_t)disp) & mask) >> scale;
    if (scale != 0 && insn->asize == 2) {
        c->start.gpr[insn->index] = (uint64_t)((int64_t)(target - (uint64_t)(int64_t)disp) >> scale);
    }
    return diff_decode(d, c, c->form->bits);
}

/* Where indirect branches and far transfers go; flags that POPF and IRET load; selectors. */
static void aim_special(struct diff *d, struct diff_case *c)
{
    const struct op_row *row = c->row;
    uint64_t *gpr = c->start.gpr, target = BENCH_CODE + TAKEN_AT;
    static const uint16_t selectors[] = { 0, 3, USER_DS, USER_DS, USER_CS32, USER_CS64, 0x10, 0x1b, 0x4f, 0x18 };
    bool code64 = c->form->bits == 64;
    unsigned word = c->form->size == SIZE_66 ? 2 : c->form->size == SIZE_W ? 8 : 4;
    uint8_t *sp = c->start.data + (gpr[RSP] - BENCH_DATA) % DATA_SIZE, image[40] = { 0 };
    const char *name = row->mnemonic;
    if (c->insn.rm <= R15 && (strcmp(name, "jmp") == 0 || strcmp(name, "call") == 0)) {
        gpr[c->insn.rm] = c->form->shape == SHAPE_REG ? target : gpr[c->insn.rm];
    }
    if (strcmp(name, "ret") == 0) {
        memcpy(sp, &target, 8);
    } else if (strcmp(name, "popf") == 0) {
        sp[1] &= 0x8e; /* not TF, NT, IOPL */
        sp[2] = sp[3] = 0;
    } else if (strcmp(name, "retf") == 0 || strcmp(name, "iret") == 0) {
        uint64_t flags = c->start.rflags ^ (diff_random(d) & FLAGS_STATUS), ss = USER_DS,
                 cs = code64 ? USER_CS64 : USER_CS32, rsp = BENCH_DATA + 1024;
        memcpy(image, &target, word);
        memcpy(image + word, &cs, word);
        if (name[0] == 'i') {
            memcpy(image + 2 * word, &flags, word);
            memcpy(image + 3 * word, &rsp, word);
            memcpy(image + 4 * word, &ss, word);
        }
        memcpy(sp, image, (name[0] == 'i' ? 5 : 2) * word);
    }
    if (has_operand(row, O_Sw) || has_operand(row, O_Ew) || g_str_has_prefix(name, "pop ")) {
        uint16_t selector = selectors[diff_random(d) % G_N_ELEMENTS(selectors)];
        if (c->form->shape == SHAPE_REG && c->insn.rm <= R15 && c->insn.rm != RSP) {
            gpr[c->insn.rm] = (gpr[c->insn.rm] & ~0xffffull) | selector;
        } else if (g_str_has_prefix(name, "pop ")) {
            memcpy(sp, &selector, 2);
        }
    }
    if (g_str_has_prefix(name, "div") || g_str_has_prefix(name, "idiv")) {
        gpr[RDX] = diff_chance(d, 4) ? gpr[RDX] : name[0] == 'i' && (gpr[RAX] >> 63) ? ~0ull : 0;
    }
}

/* Contents of the memory operand that must make sense. */
static void fill_operand(struct diff *d, struct diff_case *c)
{
    uint64_t ea = 0, target = BENCH_CODE + TAKEN_AT, *gpr = c->start.gpr;
    const struct insn *insn = &c->insn;
    unsigned bits = c->form->bits, word = c->form->size == SIZE_66 ? 2 : c->form->size == SIZE_W ? 8 : 4;
    const char *name = c->row->mnemonic;
    if (c->form->shape == SHAPE_RIP) {
        ea = BENCH_CODE + (int64_t)insn->disp;
    } else {
        ea = (insn->base <= R15 ? gpr[insn->base] : 0) + (insn->index <= R15 ? gpr[insn->index] << insn->scale : 0) +
             (uint64_t)(int64_t)insn->disp;
        ea &= address_mask[insn->asize];
    }
    ea += insn->seg == GS ? GS_BASE : 0;
    c->ea = ea;
    if (ea < BENCH_DATA || ea > BENCH_DATA + DATA_SIZE - 1024) {
        return;
    }
    uint8_t *at = c->start.data + (ea - BENCH_DATA);
    if (strcmp(name, "jmp") == 0 || strcmp(name, "call") == 0) {
        memcpy(at, &target, bits / 8);
    } else if (has_operand(c->row, O_Mp)) {
        uint16_t selector = strstr(name, "f") != NULL && name[0] != 'l' ? bits == 64 ? USER_CS64 : USER_CS32
                            : diff_chance(d, 4)                       ? 0
                                                                      : USER_DS;
        memcpy(at, &target, word);
        memcpy(at + word, &selector, 2);
    } else if (g_str_has_suffix(name, "ldmxcsr")) {
        uint32_t mxcsr = (uint32_t)diff_random(d) & (diff_chance(d, 16) ? ~0u : 0xffff);
        memcpy(at, &mxcsr, 4);
    } else if (strcmp(name, "fxrstor") == 0) {
        uint32_t mxcsr = (uint32_t)diff_random(d) & 0xffff;
        struct diff_state other;
        diff_random_state(d, &other, c->row);
        memcpy(at, other.fx, 416);
        memcpy(at + 24, &mxcsr, 4);
    } else if (strcmp(name, "frstor") == 0 || strcmp(name, "fldenv") == 0) {
        at[5 - 3 * (word == 2)] &= 0x7f; /* B follows ES */
    } else if (has_operand(c->row, O_Ew) || has_operand(c->row, O_Sw)) {
        at[0] = diff_chance(d, 2) ? USER_DS : USER_CS64;
        at[1] = 0;
    }
}

bool diff_generate(struct diff *d, const struct diff_form *form, struct diff_case *c)
{
    const struct op_row *row = &op_table[form->row];
    c->row = row;
    c->form = form;
    c->ea = 0;
    if (!encode(d, form, c)) {
        return false;
    }
    diff_random_state(d, &c->start, row);
    uint64_t *gpr = c->start.gpr;
    if (form->bits == 32) {
        c->start.sel[3] = USER_GS32;
    }
    for (unsigned i = 0; form->bits == 32 && i < 16; i++) {
        gpr[i] = i < 8 ? (uint32_t)gpr[i] : 0;
    }
    gpr[RSI] = data_address(d);
    gpr[RDI] = data_address(d);
    gpr[RSP] = data_address(d) & (diff_chance(d, 8) ? ~0ull : ~7ull);
    gpr[RCX] = is_string(row) ? diff_random(d) % 8 : gpr[RCX];
    if (form->shape == SHAPE_ADDR32) {
        gpr[RCX] |= is_string(row) ? diff_random(d) << 32 : 0;
    }
    if (strcmp(row->mnemonic, "leave") == 0 || strcmp(row->mnemonic, "enter") == 0) {
        gpr[RBP] = data_address(d);
    }
    if (strcmp(row->mnemonic, "xlat") == 0) {
        gpr[RBX] = data_address(d) & ~0xffull;
    }
    if (c->insn.seg == GS && !op_row_has_modrm(row)) {
        gpr[RSI] -= GS_BASE;
        gpr[RBX] -= GS_BASE;
    }
    if (form->shape > SHAPE_REG && op_row_has_modrm(row) && strcmp(row->mnemonic, "lea") != 0) {
        bool (*aim)(struct diff *, struct diff_case *) = row->attr & AT_VSIB          ? aim_vsib
                                                         : form->shape == SHAPE_INDEX ? aim_index
                                                                                      : aim_operand;
        if (!aim(d, c)) {
            return false;
        }
        fill_operand(d, c);
    }
    aim_special(d, c);
    return !rule_incomparable(c);
}

bool diff_corrupt(struct diff *d, struct diff_case *c)
{
    bool vex = c->row->map >= M_V0F, vex3 = vex && c->code[0] == 0xc4;
    uint8_t *last = c->code + (vex3 ? 2 : 1);
    if (rule_lenient(c->row)) {
        return false;
    }
    if (vex && (c->code[0] & 0xfe) == 0xc4) {
        if (diff_chance(d, 2)) {
            *last ^= 4; /* L */
        } else if (vex3 && diff_chance(d, 2)) {
            *last ^= 0x80;
        } else {
            *last ^= (uint8_t)(8 << diff_random(d) % (c->form->bits == 32 ? 3 : 4));
        }
    } else if (!vex && c->form->shape != SHAPE_LOCK && c->size < 15 && !(c->row->attr & AT_CPL0)) {
        memmove(c->code + 1, c->code, 15);
        c->code[0] = 0xf0;
        c->size++;
    } else {
        return false;
    }
    struct diff_case copy = *c;
    return !diff_decode(d, &copy, c->form->bits) && copy.insn.fn == op_ud;
}

/* ---- the forms there are ---- */

/* MOV to and from control and debug registers ignores the mode bits of ModRM. */
static bool is_control(const struct op_row *row)
{
    return has_operand(row, O_Cd) || has_operand(row, O_Dd);
}

static bool shape_fits(const struct op_row *row, unsigned bits, unsigned shape)
{
    bool modrm = op_row_has_modrm(row), byte = row->ext >= EX_BYTE;
    bool moffs = has_operand(row, O_Ob) || has_operand(row, O_Ov);
    bool source = has_operand(row, O_Xb) || has_operand(row, O_Xv) || strcmp(row->mnemonic, "xlat") == 0;
    switch (shape) {
    case SHAPE_NONE:
        return !modrm;
    case SHAPE_REG:
        return modrm;
    case SHAPE_RIP:
        return modrm && !byte && bits == 64 && !is_control(row) && !(row->attr & AT_VSIB);
    case SHAPE_ADDR32:
        return bits == 64 && !byte && (modrm || moffs || is_string(row)) && !(row->attr & AT_VSIB);
    case SHAPE_ADDR16:
        source = moffs || strcmp(row->mnemonic, "xlat") == 0;
        return bits == 32 && !byte && !is_control(row) && (modrm || source) && !(row->attr & AT_VSIB);
    case SHAPE_GS:
        return !byte && !is_control(row) && (modrm || source || moffs) && !(row->attr & AT_VSIB);
    case SHAPE_BASE:
    case SHAPE_DISP8:
    case SHAPE_DISP32:
    case SHAPE_ABSOLUTE:
    case SHAPE_INDEX:
        return modrm && !byte && !(row->attr & AT_VSIB) && !is_control(row);
    default:
        return modrm && !byte && !is_control(row);
    }
}

/* 66 is no size where it is the mandatory prefix or its absence is; VEX.W none where it is fixed. */
static bool size_fits(const struct op_row *row, unsigned bits, unsigned size)
{
    bool vex = row->map >= M_V0F;
    if (size == SIZE_66) {
        return vex || (row->prefix != PX_NP && row->prefix != PX_66);
    }
    return size != SIZE_W || (bits == 32 ? vex : !vex || !(row->attr & (AT_W0 | AT_W1)));
}

static bool exists(struct diff *d, struct diff_form *form)
{
    struct diff_case c = { .row = &op_table[form->row] };
    for (unsigned i = 0; i < 40; i++) {
        if (encode(d, form, &c)) {
            return true;
        }
    }
    return false;
}

void diff_enumerate(struct diff *d, const char *only)
{
    GArray *forms = g_array_new(FALSE, TRUE, sizeof(struct diff_form));
    d->index = op_index_create();
    d->random = 1;
    for (unsigned i = 0; i < op_table_size * 2 * SIZES * SHAPES; i++) {
        struct diff_form form = { .row = (uint16_t)(i / (2 * SIZES * SHAPES)),
                                  .bits = i / (SIZES * SHAPES) % 2 ? 32 : 64,
                                  .size = i / SHAPES % SIZES,
                                  .shape = i % SHAPES };
        const struct op_row *row = &op_table[form.row];
        form.vex_w = form.size == SIZE_W;
        bool named = only == NULL || strcmp(only, row->mnemonic) == 0;
        if (!named || !shape_fits(row, form.bits, form.shape) || !size_fits(row, form.bits, form.size) ||
            !exists(d, &form)) {
            continue;
        }
        d->form_total++;
        if (rule_not_run(row, form.bits, form.size) == NULL) {
            g_array_append_val(forms, form);
        }
    }
    d->form_count = forms->len;
    d->forms = (struct diff_form *)g_array_free(forms, FALSE);
}
