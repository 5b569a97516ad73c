/*
 * The page walk in all paging modes: addresses, rights, error codes, A and D bits.
 */
#include "accel/interp/tlb.h"
#include "tests/support/cpu_test.h"

#define PD 0x200000u
#define PT 0x201000u
#define PDPT 0x202000u
#define PML4 0x203000u

static struct page_walk result;
static uint32_t error;

/* True if the walk succeeds; result or error is set. */
static bool walk(struct cpu_test *t, uint64_t linear, enum access_kind kind, enum tlb_bank bank)
{
    error = 0;
    return pagewalk(t->cpu, linear, kind, bank, &result, &error);
}

static void set_mode(struct cpu_test *t, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer)
{
    cpu_test_protected(t, 0);
    t->cpu->s.cr0 |= cr0;
    t->cpu->s.cr3 = cr3;
    t->cpu->s.cr4 = cr4;
    t->cpu->s.msr.efer = efer;
    tlb_flush(t->cpu, true);
}

static void test_none(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    set_mode(t, 0, 0, 0, 0);
    g_assert_true(walk(t, 0x123456, ACCESS_WRITE, TLB_USER));
    g_assert_cmphex(result.phys, ==, 0x123456);
    t->cpu->a20_mask = ~0x100000ull;
    g_assert_true(walk(t, 0x123456, ACCESS_READ, TLB_USER));
    g_assert_cmphex(result.phys, ==, 0x23456);
    cpu_test_destroy(t);
}

static void test_32(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    set_mode(t, CR0_PG, PD, 0, 0);
    cpu_test_poke(t, PD + 4, PT | 7, 4);
    cpu_test_poke(t, PT + 8, 0x345000 | 5, 4); /* user, read-only */
    g_assert_true(walk(t, 0x402678, ACCESS_READ, TLB_USER));
    g_assert_cmphex(result.phys, ==, 0x345678);
    g_assert_false(result.dirty);
    g_assert_cmphex(cpu_test_peek(t, PD + 4, 4), ==, PT | 7 | PTE_A);
    g_assert_cmphex(cpu_test_peek(t, PT + 8, 4), ==, 0x345000 | 5 | PTE_A);
    g_assert_false(walk(t, 0x402678, ACCESS_WRITE, TLB_USER));
    g_assert_cmphex(error, ==, PF_P | PF_W | PF_U);
    /* WP decides for the supervisor. */
    g_assert_true(walk(t, 0x402678, ACCESS_WRITE, TLB_SUPERVISOR));
    g_assert_cmphex(cpu_test_peek(t, PT + 8, 4) & PTE_D, ==, PTE_D);
    t->cpu->s.cr0 |= CR0_WP;
    g_assert_false(walk(t, 0x402678, ACCESS_WRITE, TLB_SUPERVISOR));
    g_assert_cmphex(error, ==, PF_P | PF_W);
    /* Not present, at both levels; no fetch bit without NX and SMEP. */
    g_assert_false(walk(t, 0x403000, ACCESS_EXEC, TLB_USER));
    g_assert_cmphex(error, ==, PF_U);
    g_assert_false(walk(t, 0x800000, ACCESS_READ, TLB_SUPERVISOR));
    g_assert_cmphex(error, ==, 0);
    /* Supervisor page */
    cpu_test_poke(t, PT + 8, 0x345000 | 3, 4);
    g_assert_false(walk(t, 0x402678, ACCESS_READ, TLB_USER));
    g_assert_cmphex(error, ==, PF_P | PF_U);
    cpu_test_destroy(t);
}

static void test_pse(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    set_mode(t, CR0_PG, PD, CR4_PSE, 0);
    cpu_test_poke(t, PD, 0x800000 | PTE_PS | 7, 4);
    g_assert_true(walk(t, 0x123456, ACCESS_READ, TLB_USER));
    g_assert_cmphex(result.phys, ==, 0x923456);
    g_assert_true(result.large);
    cpu_test_poke(t, PD, 0x800000 | 1u << 13 | PTE_PS | 7, 4); /* address bit 32 */
    g_assert_true(walk(t, 0x123456, ACCESS_READ, TLB_USER));
    g_assert_cmphex(result.phys, ==, 0x100923456);
    cpu_test_poke(t, PD, 0x800000 | 1u << 21 | PTE_PS | 7, 4);
    g_assert_false(walk(t, 0x123456, ACCESS_READ, TLB_SUPERVISOR));
    g_assert_cmphex(error, ==, PF_P | PF_RSVD);
    cpu_test_destroy(t);
}

static void test_pae(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    uint64_t pdpte[4];
    set_mode(t, CR0_PG, PDPT, CR4_PAE, 0);
    cpu_test_poke(t, PDPT, PD | 1, 8);
    cpu_test_poke(t, PDPT + 8, 0, 8);
    cpu_test_poke(t, PDPT + 16, 0, 8);
    cpu_test_poke(t, PDPT + 24, PD | 1, 8);
    g_assert_true(pagewalk_load_pdptes(t->cpu, PDPT, pdpte));
    memcpy(t->cpu->s.pdpte, pdpte, sizeof(pdpte));
    cpu_test_poke(t, PDPT, PD | 3, 8);
    g_assert_false(pagewalk_load_pdptes(t->cpu, PDPT, pdpte)); /* RW is reserved there */
    cpu_test_poke(t, PD + 8, 0x600000 | PTE_PS | 7, 8);
    g_assert_true(walk(t, 0xc0212345, ACCESS_READ, TLB_USER));
    g_assert_cmphex(result.phys, ==, 0x612345);
    g_assert_false(walk(t, 0x40212345, ACCESS_READ, TLB_USER));
    g_assert_cmphex(error, ==, PF_U);
    cpu_test_poke(t, PD + 8, 0x600000 | 1ull << 63 | PTE_PS | 7, 8);
    g_assert_false(walk(t, 0x212345, ACCESS_READ, TLB_USER)); /* NX is reserved without NXE */
    g_assert_cmphex(error, ==, PF_P | PF_U | PF_RSVD);
    t->cpu->s.msr.efer = EFER_NXE;
    g_assert_true(walk(t, 0x212345, ACCESS_READ, TLB_USER));
    g_assert_false(result.executable);
    g_assert_false(walk(t, 0x212345, ACCESS_EXEC, TLB_USER));
    g_assert_cmphex(error, ==, PF_P | PF_U | PF_I);
    cpu_test_destroy(t);
}

static void test_long(void)
{
    struct cpu_test *t = cpu_test_create("max");
    set_mode(t, CR0_PG | CR0_WP, PML4, CR4_PAE | CR4_PGE, EFER_LME | EFER_LMA | EFER_NXE);
    cpu_test_poke(t, PML4 + 0x100 * 8, PDPT | 7, 8);
    cpu_test_poke(t, PDPT, PD | 7, 8);
    cpu_test_poke(t, PDPT + 8, 0x40000000 | PTE_PS | PTE_G | 3, 8); /* 1 GiB */
    cpu_test_poke(t, PD, PT | 7, 8);
    cpu_test_poke(t, PT, 0x777000 | PTE_G | 7, 8);
    g_assert_true(walk(t, 0xffff800000000abc, ACCESS_WRITE, TLB_USER));
    g_assert_cmphex(result.phys, ==, 0x777abc);
    g_assert_true(result.global && result.dirty && !result.large);
    g_assert_true(walk(t, 0xffff800052345678, ACCESS_READ, TLB_SUPERVISOR));
    g_assert_cmphex(result.phys, ==, 0x52345678);
    g_assert_false(walk(t, 0xffff800052345678, ACCESS_READ, TLB_USER));
    g_assert_cmphex(error, ==, PF_P | PF_U);
    cpu_test_poke(t, PDPT + 8, 0x40002000 | PTE_PS | 3, 8);
    g_assert_false(walk(t, 0xffff800052345678, ACCESS_READ, TLB_SUPERVISOR));
    g_assert_cmphex(error, ==, PF_P | PF_RSVD);
    cpu_test_poke(t, PT, 0x777000 | 1ull << 51 | 7, 8); /* beyond MAXPHYADDR */
    g_assert_false(walk(t, 0xffff800000000abc, ACCESS_READ, TLB_SUPERVISOR));
    g_assert_cmphex(error, ==, PF_P | PF_RSVD);
    cpu_test_destroy(t);
}

static void test_smep_smap(void)
{
    struct cpu_test *t = cpu_test_create("max");
    set_mode(t, CR0_PG, PD, CR4_SMEP | CR4_SMAP, 0);
    cpu_test_poke(t, PD, PT | 7, 4);
    cpu_test_poke(t, PT, 0x345000 | 7, 4);
    g_assert_false(walk(t, 0x10, ACCESS_EXEC, TLB_SUPERVISOR));
    g_assert_cmphex(error, ==, PF_P | PF_I);
    g_assert_false(walk(t, 0x10, ACCESS_WRITE, TLB_SUPERVISOR));
    g_assert_cmphex(error, ==, PF_P | PF_W);
    g_assert_true(walk(t, 0x10, ACCESS_WRITE, TLB_SUPERVISOR_NO_SMAP));
    g_assert_true(walk(t, 0x10, ACCESS_EXEC, TLB_USER));
    cpu_test_destroy(t);
}

static void test_probe(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    uint64_t phys;
    set_mode(t, CR0_PG, PD, 0, 0);
    cpu_test_poke(t, PD, PT | 3, 4);
    cpu_test_poke(t, PT, 0x345000 | 1, 4);
    cpu_test_poke(t, PT + 4, 0, 4);
    g_assert_true(pagewalk_probe(t->cpu, 0x10, &phys));
    g_assert_cmphex(phys, ==, 0x345010);
    g_assert_cmphex(cpu_test_peek(t, PT, 4), ==, 0x345001);
    g_assert_false(pagewalk_probe(t->cpu, 0x1010, &phys));
    cpu_test_destroy(t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/pagewalk/none", test_none);
    g_test_add_func("/pagewalk/32", test_32);
    g_test_add_func("/pagewalk/pse", test_pse);
    g_test_add_func("/pagewalk/pae", test_pae);
    g_test_add_func("/pagewalk/long", test_long);
    g_test_add_func("/pagewalk/smep_smap", test_smep_smap);
    g_test_add_func("/pagewalk/probe", test_probe);
    return g_test_run();
}
