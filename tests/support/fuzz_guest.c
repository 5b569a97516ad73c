/*
 * See fuzz_rig.h: hostile guests. The layout is that of cpu_test.h, with page tables of each kind from
 * CPU_TEST_TABLES.
 */
#include <string.h>

#include "tests/support/fuzz_code.h"
#include "tests/support/fuzz_rig.h"

#define PTE_PRESENT_RWU 7u
#define PTE_LARGE 0x80u
#define TABLE(n) (CPU_TEST_TABLES + (n) * 0x1000u)
enum { PML4, PDPT, PD, PT, PD_HIGH, PD32, PT32, PDPT_PAE, TABLES };

/* ---- memory ---- */

static void put(struct fuzz_rig *rig, uint64_t address, uint64_t value, unsigned size)
{
    cpu_test_poke(rig->t, (uint32_t)address, value, size);
}

/* The first 2 MiB by small pages, the rest of RAM by large ones; 3 to 4 GiB and the top as they are. */
static void make_page_tables(struct fuzz_rig *rig)
{
    memset(rig->t->mem + TABLE(0), 0, TABLES * 0x1000u);
    put(rig, TABLE(PML4), TABLE(PDPT) | PTE_PRESENT_RWU, 8);
    put(rig, TABLE(PML4) + 511 * 8, TABLE(PDPT) | PTE_PRESENT_RWU, 8);
    put(rig, TABLE(PDPT), TABLE(PD) | PTE_PRESENT_RWU, 8);
    put(rig, TABLE(PDPT) + 3 * 8, TABLE(PD_HIGH) | PTE_PRESENT_RWU, 8);
    put(rig, TABLE(PDPT_PAE), TABLE(PD) | 1, 8);
    put(rig, TABLE(PDPT_PAE) + 3 * 8, TABLE(PD_HIGH) | 1, 8);
    put(rig, TABLE(PD), TABLE(PT) | PTE_PRESENT_RWU, 8);
    put(rig, TABLE(PD32), TABLE(PT32) | PTE_PRESENT_RWU, 4);
    for (uint64_t i = 1; i < 512; i++) {
        put(rig, TABLE(PD) + i * 8, (i << 21) | PTE_LARGE | PTE_PRESENT_RWU, 8);
    }
    for (uint64_t i = 0; i < 512; i++) {
        put(rig, TABLE(PT) + i * 8, i << 12 | PTE_PRESENT_RWU, 8);
        put(rig, TABLE(PD_HIGH) + i * 8, (0xc0000000u + (i << 21)) | PTE_LARGE | PTE_PRESENT_RWU, 8);
    }
    for (uint64_t i = 0; i < 1024; i++) {
        put(rig, TABLE(PT32) + i * 4, i << 12 | PTE_PRESENT_RWU, 4);
        if (i > 0) {
            put(rig, TABLE(PD32) + i * 4, (i << 22) | PTE_LARGE | PTE_PRESENT_RWU, 4);
        }
    }
}

static void spoil_page_tables(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    for (uint64_t n = fuzz_below(fuzz, 12); n > 0; n--) {
        uint64_t index = fuzz_once_in(fuzz, 2) ? fuzz_below(fuzz, 24) : fuzz_below(fuzz, 512);
        uint64_t at = TABLE(fuzz_below(fuzz, TABLES)) + index * 8;
        uint64_t value = cpu_test_peek(rig->t, (uint32_t)at, 8);
        switch (fuzz_below(fuzz, 5)) {
        case 0:
            value ^= 1ull << fuzz_below(fuzz, 64);
            break;
        case 1:
            value = fuzz_number(fuzz);
            break;
        case 2:
            value = TABLE(fuzz_below(fuzz, TABLES)) | PTE_PRESENT_RWU;
            break;
        case 3:
            value ^= 1ull << fuzz_below(fuzz, 9);
            break;
        default:
            value = (fuzz_below(fuzz, 2 * CPU_TEST_RAM) & ~0xfffull) | (fuzz_any(fuzz) & 0xfff);
            break;
        }
        put(rig, at, value, 8);
    }
}

static uint32_t code_address(struct fuzz *fuzz)
{
    return CPU_TEST_CODE + (uint32_t)fuzz_below(fuzz, FUZZ_CODE_SIZE);
}

/* Addresses worth using. */
static uint64_t address(struct fuzz *fuzz)
{
    static const uint64_t ends[] = { 0x7fffffffffff, 0xffff800000000000, 0xffffffff, 0xffff, 0xa0000, 0xb8000,
                                     0xc0000, 0xfec00000, 0xfee00000, 0x100000, CPU_TEST_RAM };
    switch (fuzz_below(fuzz, 8)) {
    case 0:
        return code_address(fuzz);
    case 1:
        return fuzz_number(fuzz);
    case 2:
        return fuzz_below(fuzz, CPU_TEST_STACK3);
    case 3:
        return ends[fuzz_below(fuzz, G_N_ELEMENTS(ends))] - 16 + fuzz_below(fuzz, 32);
    case 4:
        return 0xa0000 + fuzz_below(fuzz, 0x20000);
    case 5:
        return TABLE(0) + fuzz_below(fuzz, TABLES * 0x1000);
    default:
        return 0x20000 + fuzz_below(fuzz, 0x60000);
    }
}

/* Returns past the instruction that trapped, so that the program goes on; or stops, or does anything. */
static void make_handler(struct fuzz_rig *rig, struct fuzz *fuzz, const struct fuzz_guest *guest, unsigned v)
{
    static const uint8_t skip16[] = { 0x55, 0x89, 0xe5, 0x83, 0x46, 0x02, 0, 0x5d, 0xcf };
    static const uint8_t skip32[] = { 0x83, 0x04, 0x24, 0, 0xcf };
    static const uint8_t skip64[] = { 0x48, 0x83, 0x04, 0x24, 0, 0x48, 0xcf };
    static const uint8_t drop32[] = { 0x83, 0xc4, 4 }, drop64[] = { 0x48, 0x83, 0xc4, 8 };
    uint8_t code[16] = { 0xf4 };
    unsigned at = 0;
    bool real = guest->bits == 16 && guest->cpl == 0;
    bool error_code = !real && v < 32 && (0x227d00u >> v & 1);
    if (fuzz_once_in(fuzz, 8)) {
        fuzz_code(fuzz, code, sizeof(code), guest->bits);
    } else if (!fuzz_once_in(fuzz, 8)) {
        const uint8_t *drop = guest->bits == 64 ? drop64 : drop32;
        const uint8_t *skip = real ? skip16 : guest->bits == 64 ? skip64 : skip32;
        unsigned size = real ? sizeof(skip16) : guest->bits == 64 ? sizeof(skip64) : sizeof(skip32);
        if (error_code) {
            at = guest->bits == 64 ? sizeof(drop64) : sizeof(drop32);
            memcpy(code, drop, at);
        }
        memcpy(code + at, skip, size);
        code[at + (real ? 6 : guest->bits == 64 ? 4 : 3)] = (uint8_t)(1 + fuzz_below(fuzz, 6));
    }
    memcpy(rig->t->mem + CPU_TEST_HANDLERS + 16 * v, code, sizeof(code));
}

/* Segments, gates, task states behind the selectors that cpu_test.h uses. */
static void spoil_descriptors(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    for (unsigned selector = SEL_FREE; selector < 0x100; selector += 8) {
        uint32_t attr = (uint32_t)fuzz_any(fuzz) & 0xf0ff00;
        uint32_t base = fuzz_once_in(fuzz, 2) ? CPU_TEST_TSS + ((uint32_t)fuzz_any(fuzz) & 0x700)
                                              : (uint32_t)address(fuzz);
        cpu_test_descriptor(rig->t, selector, base, (uint32_t)fuzz_number(fuzz), attr);
        if (fuzz_once_in(fuzz, 4)) { /* a call gate, more often than by chance */
            uint32_t target = code_address(fuzz);
            put(rig, CPU_TEST_GDT + selector, (SEL_CODE0 << 16) | (target & 0xffff), 4);
            put(rig, CPU_TEST_GDT + selector + 4, (target & 0xffff0000) | 0xec00 | (fuzz_any(fuzz) & 0x1f), 4);
        }
    }
    for (uint64_t n = fuzz_below(fuzz, 16); n > 0; n--) {
        unsigned vector = (unsigned)fuzz_below(fuzz, fuzz_once_in(fuzz, 2) ? 32 : 256);
        cpu_test_gate(rig->t, vector, (uint16_t)fuzz_below(fuzz, 0x110), (uint32_t)address(fuzz),
                      (unsigned)fuzz_below(fuzz, 16), (unsigned)fuzz_below(fuzz, 4));
    }
    for (uint64_t n = fuzz_below(fuzz, 6); n > 0; n--) {
        put(rig, CPU_TEST_GDT + fuzz_below(fuzz, 0x100), fuzz_any(fuzz), 1);
        put(rig, CPU_TEST_TSS + fuzz_below(fuzz, 0x68), fuzz_any(fuzz), 1);
    }
}

/* Images of tasks, good enough to be switched to. */
static void make_tasks(struct fuzz_rig *rig, struct fuzz *fuzz, uint64_t cr3)
{
    for (unsigned at = CPU_TEST_TSS + 0x100; at < CPU_TEST_HANDLERS; at += 0x100) {
        put(rig, at, fuzz_below(fuzz, 0x100), 2);
        put(rig, at + 4, CPU_TEST_STACK0, 4);
        put(rig, at + 8, SEL_DATA0, 4);
        put(rig, at + 0x1c, cr3, 4);
        put(rig, at + 0x20, code_address(fuzz), 4);
        put(rig, at + 0x24, fuzz_any(fuzz) & 0x3fffff, 4);
        for (unsigned i = 0; i < 8; i++) {
            put(rig, at + 0x28 + 4 * i, address(fuzz), 4);
        }
        put(rig, at + 0x38, CPU_TEST_STACK0, 4);
        for (unsigned i = 0; i < 6; i++) {
            unsigned good = i == CS ? SEL_CODE0 : SEL_DATA0;
            put(rig, at + 0x48 + 4 * i, fuzz_once_in(fuzz, 8) ? fuzz_any(fuzz) : good, 4);
        }
        put(rig, at + 0x60, fuzz_once_in(fuzz, 4) ? fuzz_below(fuzz, 0x100) : 0, 4);
        put(rig, at + 0x64, fuzz_any(fuzz), 4);
    }
}

void fuzz_guest_build(struct fuzz_rig *rig, struct fuzz *fuzz, const struct fuzz_guest *guest)
{
    struct cpu_test *t = rig->t;
    memset(t->mem, 0, 0x10000);
    if (guest->bits == 64) {
        cpu_test_long(t, guest->cpl);
    } else if (guest->bits == 32 || guest->cpl == 3) {
        cpu_test_protected(t, guest->cpl);
    } else {
        cpu_test_real(t);
    }
    cpu_state_get(t->cpu, &rig->start);
    make_page_tables(rig);
    if (!guest->tame) {
        if (guest->bits != 16 || guest->cpl == 3) {
            spoil_descriptors(rig, fuzz);
            make_tasks(rig, fuzz, TABLE(PD32));
        }
        spoil_page_tables(rig, fuzz);
    }
    for (unsigned v = 0; v < 256; v++) {
        make_handler(rig, fuzz, guest, v);
    }
    fuzz_code(fuzz, t->mem + CPU_TEST_CODE, FUZZ_CODE_SIZE, guest->bits);
    fuzz_bytes(fuzz, t->mem + 0x20000, 0x1000);
    ram_touched(t->ram, 0, 0x100000 + TABLES * 0x1000);
}

/* ---- the CPU ---- */

static void set_control(struct x86_state *s, struct fuzz *fuzz, const struct fuzz_guest *guest)
{
    bool protected = (s->cr0 & CR0_PE) != 0, wide = guest->bits == 64;
    uint64_t any = fuzz_any(fuzz);
    s->cr0 |= any & (CR0_WP | CR0_NE | CR0_MP | CR0_AM | CR0_CD);
    if ((any >> 32 & 15) == 0) {
        s->cr0 |= CR0_TS;
    }
    if ((any >> 36 & 15) == 0) {
        s->cr0 |= CR0_EM;
    }
    any = fuzz_any(fuzz);
    s->cr4 |= any & (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_MCE | CR4_PGE | CR4_PCE | CR4_UMIP |
                     CR4_FSGSBASE);
    if ((any >> 32 & 7) != 0) {
        s->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
    }
    if ((any >> 36 & 15) == 0) {
        s->cr4 |= any >> 40 & (CR4_SMEP | CR4_SMAP);
    }
    s->xcr0 = any >> 63 ? 7 : any >> 62 & 1 ? 3 : 1;
    s->msr.efer |= any >> 50 & EFER_SCE;
    s->msr.efer |= any >> 51 & 1 ? EFER_NXE : 0;
    if (wide) {
        s->cr3 = TABLE(PML4);
        s->cr4 |= any >> 52 & 1 ? CR4_PCIDE : 0;
    } else if (guest->paging && protected && any >> 53 & 1) {
        s->cr0 |= CR0_PG;
        s->cr4 |= CR4_PAE;
        s->cr3 = TABLE(PDPT_PAE);
        s->pdpte[0] = TABLE(PD) | 1;
        s->pdpte[3] = TABLE(PD_HIGH) | 1;
    } else if (guest->paging && protected) {
        s->cr0 |= CR0_PG;
        s->cr4 |= CR4_PSE;
        s->cr3 = TABLE(PD32);
    }
}

static void set_debug(struct x86_state *s, struct fuzz *fuzz)
{
    for (unsigned i = 0; i < 4; i++) {
        s->dr[i] = fuzz_once_in(fuzz, 2) ? code_address(fuzz) : (uint32_t)address(fuzz);
    }
    s->dr[7] = (fuzz_any(fuzz) & 0xffff03ff) | 0x400;
}

/* Data segments with any base, limit and kind, as far as they can be loaded. */
static void set_segments(struct x86_state *s, struct fuzz *fuzz, const struct fuzz_guest *guest)
{
    static const unsigned some[] = { ES, DS, FS, GS };
    for (unsigned i = 0; i < G_N_ELEMENTS(some); i++) {
        struct x86_segment *seg = &s->seg[some[i]];
        uint64_t any = fuzz_any(fuzz);
        if (any % 4 != 0) {
            continue;
        }
        seg->base = (uint32_t)address(fuzz) & 0xfffff;
        seg->limit = any >> 8 & 1 ? 0xffff : (uint32_t)any >> 9 | 0xfff;
        seg->attr = SEG_P | SEG_S | SEG_A | (guest->cpl << SEG_DPL_SHIFT) | (any >> 32 & (SEG_W | SEG_E));
        seg->attr |= seg->limit > 0xfffff ? SEG_G : 0;
        seg->limit = seg->attr & SEG_G ? seg->limit | 0xfff : seg->limit;
        seg->attr |= any >> 40 & 1 ? SEG_DB : 0;
    }
}

static void set_code16(struct x86_state *s, struct fuzz *fuzz, const struct fuzz_guest *guest)
{
    if (guest->cpl == 0) { /* real mode */
        s->rip &= 0xffff;
        s->seg[CS].selector = CPU_TEST_CODE >> 4;
        s->seg[CS].base = CPU_TEST_CODE;
        s->rip = fuzz_below(fuzz, FUZZ_CODE_SIZE);
    } else if (fuzz_once_in(fuzz, 2)) {
        s->rflags |= FLAG_VM;
        for (unsigned i = 0; i < 6; i++) {
            s->seg[i].selector = i == CS ? CPU_TEST_CODE >> 4 : (uint16_t)fuzz_any(fuzz);
            s->seg[i].base = (uint32_t)s->seg[i].selector << 4;
            s->seg[i].limit = 0xffff;
            s->seg[i].attr = 0xf300;
        }
        s->seg[SS].selector = 0;
        s->seg[SS].base = 0;
        s->rip = fuzz_below(fuzz, FUZZ_CODE_SIZE);
    } else {
        s->seg[CS].attr &= ~SEG_DB;
    }
}

static void set_msrs(struct x86_state *s, struct fuzz *fuzz)
{
    s->msr.star = (uint64_t)SEL_CODE0 << 32 | (uint64_t)SEL_DATA0 << 48;
    s->msr.lstar = s->msr.cstar = code_address(fuzz);
    s->msr.fmask = (uint32_t)fuzz_any(fuzz);
    s->msr.sysenter_cs = SEL_CODE0;
    s->msr.sysenter_eip = code_address(fuzz);
    s->msr.sysenter_esp = CPU_TEST_STACK0;
}

void fuzz_guest_enter(struct fuzz_rig *rig, struct fuzz *fuzz, const struct fuzz_guest *guest)
{
    static const uint32_t flags = FLAGS_STATUS | FLAG_DF | FLAG_IF | FLAG_IOPL | FLAG_NT | FLAG_AC | FLAG_VIF |
                                  FLAG_VIP | FLAG_ID | FLAG_RF;
    struct cpu_test *t = rig->t;
    struct x86_state s;
    cpu_state_get(t->cpu, &s);
    bool a20 = s.a20, intr = s.intr;
    s = rig->start;
    s.a20 = a20 || fuzz_once_in(fuzz, 2);
    s.intr = intr;
    for (unsigned i = 0; i < G_N_ELEMENTS(s.gpr); i++) {
        s.gpr[i] = fuzz_once_in(fuzz, 4) ? fuzz_number(fuzz) : address(fuzz);
    }
    uint32_t top = guest->cpl == 3 ? CPU_TEST_STACK3 : CPU_TEST_STACK0;
    s.gpr[RSP] = fuzz_once_in(fuzz, 8) ? address(fuzz) : top - fuzz_below(fuzz, 0x80);
    if (fuzz_once_in(fuzz, 2)) {
        s.gpr[RCX] &= 0xff;
    }
    s.rip = code_address(fuzz);
    s.rflags = (fuzz_any(fuzz) & flags) | FLAG_1 | (fuzz_once_in(fuzz, 16) ? FLAG_TF : 0);
    if (guest->tame) {
        s.rflags &= ~(uint64_t)(FLAG_NT | FLAG_IF);
    }
    set_control(&s, fuzz, guest);
    set_msrs(&s, fuzz);
    set_segments(&s, fuzz, guest);
    if (guest->bits == 16) {
        set_code16(&s, fuzz, guest);
    }
    if (fuzz_once_in(fuzz, 8)) {
        set_debug(&s, fuzz);
    }
    fuzz_bytes(fuzz, s.ymm, sizeof(s.ymm));
    for (unsigned i = 0; i < 8; i++) {
        fuzz_bytes(fuzz, s.fpu.st[i], 10);
    }
    s.fpu.fcw = fuzz_once_in(fuzz, 4) ? (uint16_t)fuzz_any(fuzz) : 0x37f;
    s.fpu.fsw = (uint16_t)fuzz_any(fuzz);
    s.fpu.ftw = (uint8_t)fuzz_any(fuzz);
    s.mxcsr = fuzz_once_in(fuzz, 4) ? fuzz_any(fuzz) & 0xffff : 0x1f80 | (fuzz_any(fuzz) & 0xe03f);
    cpu_state_put(t->cpu, &s);
}

void fuzz_guest_dma(struct fuzz_rig *rig, struct fuzz *fuzz)
{
    uint32_t at = code_address(fuzz);
    uint8_t code[FUZZ_INSN_MAX];
    unsigned size = fuzz_insn(fuzz, code, 32);
    memcpy(rig->t->mem + at, code, size);
    ram_touched(rig->t->ram, at, size);
}
