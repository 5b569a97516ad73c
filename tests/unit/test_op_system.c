/*
 * System instructions: control and debug registers, mode switches, tables, MSRs, fast system calls.
 */
#include "accel/interp/debug.h"
#include "accel/interp/segment.h"
#include "accel/interp/system.h"
#include "tests/support/cpu_test.h"

/* mov cr_n, rax */
static void write_cr(struct cpu_test *t, unsigned n, uint64_t value)
{
    uint8_t code[] = { 0x0f, 0x22, (uint8_t)(0xc0 | n << 3) };
    cpu_test_code(t, code, sizeof(code));
    t->cpu->gpr[RAX] = value;
    cpu_test_step(t);
}

static void expect_next(struct cpu_test *t, unsigned length)
{
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + length);
}

static void test_cr0(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    write_cr(t, 0, CR0_PE | CR0_TS | 1u << 7); /* an undefined bit is ignored, ET is fixed */
    expect_next(t, 3);
    g_assert_cmphex(t->cpu->s.cr0, ==, CR0_PE | CR0_TS | CR0_ET);
    g_assert_cmphex(t->cpu->mode & MODE_SSE_NM, ==, MODE_SSE_NM);
    cpu_test_protected(t, 0);
    write_cr(t, 0, CR0_PG);
    cpu_test_expect_error(t, EXC_GP, 0);
    cpu_test_protected(t, 0);
    write_cr(t, 0, CR0_PE | CR0_NW);
    cpu_test_expect_error(t, EXC_GP, 0);
    cpu_test_protected(t, 3);
    write_cr(t, 0, 0);
    cpu_test_expect_error(t, EXC_GP, 0);
    /* LMSW cannot leave protected mode */
    cpu_test_protected(t, 0);
    CODE(t, 0x0f, 0x01, 0xf0);
    t->cpu->gpr[RAX] = CR0_TS;
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->s.cr0 & 15, ==, CR0_PE | CR0_TS);
    CODE(t, 0x0f, 0x06);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->s.cr0 & CR0_TS, ==, 0);
    cpu_test_destroy(t);
}

static void test_real_to_protected(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0); /* makes the tables */
    cpu_test_real(t);
    t->cpu->s.seg[CS].base = CPU_TEST_CODE;
    cpu_update_segment(t->cpu, CS);
    cpu_test_poke(t, 0x500, 0xff, 2);
    cpu_test_poke(t, 0x502, CPU_TEST_GDT, 4);
    /* lgdt [0x500]; mov eax, cr0; or al, 1; mov cr0, eax; jmp dword 8:0x12345 */
    CODE(t, 0x66, 0x0f, 0x01, 0x16, 0x00, 0x05, 0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0, 0x66, 0xea, 0x45,
         0x23, 0x01, 0x00, 0x08, 0x00);
    cpu_test_poke(t, 0x12345, 0xf4, 1);
    g_assert_cmpint(interp_run(t->cpu, 100), ==, VCPU_HALTED);
    g_assert_cmphex(t->cpu->rip, ==, 0x12346);
    g_assert_cmphex(t->cpu->s.gdtr.base, ==, CPU_TEST_GDT);
    g_assert_cmphex(t->cpu->mode & (MODE_PE | MODE_CODE32), ==, MODE_PE | MODE_CODE32);
    cpu_test_destroy(t);
}

static void test_to_long_mode(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_long(t, 0);
    cpu_test_protected(t, 0);
    cpu_test_descriptor(t, SEL_FREE, 0, UINT32_MAX, SEG_P | SEG_S | SEG_CODE | SEG_L | SEG_G);
    write_cr(t, 4, CR4_PAE);
    write_cr(t, 3, CPU_TEST_TABLES);
    CODE(t, 0x0f, 0x30); /* wrmsr EFER */
    t->cpu->gpr[RCX] = 0xc0000080;
    t->cpu->gpr[RAX] = EFER_LME;
    t->cpu->gpr[RDX] = 0;
    cpu_test_step(t);
    write_cr(t, 0, CR0_PE | CR0_PG);
    expect_next(t, 3);
    g_assert_cmphex(t->cpu->s.msr.efer, ==, EFER_LME | EFER_LMA);
    g_assert_cmphex(t->cpu->mode & (MODE_LMA | MODE_CODE64 | MODE_CODE32), ==, MODE_LMA | MODE_CODE32);
    CODE(t, 0xea, 0x00, 0x00, 0x02, 0x00, SEL_FREE, 0x00);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->mode & MODE_CODE64, ==, MODE_CODE64);
    /* PAE cannot be cleared now, LME not be changed, paging not be left from 64-bit code */
    t->cpu->s.idtr.limit = 0xfff;
    for (unsigned v = 0; v < 32; v++) {
        cpu_test_gate(t, v, SEL_FREE, CPU_TEST_HANDLERS + v * 16, SYSTEM_INT32, 0);
    }
    write_cr(t, 4, 0);
    cpu_test_expect_error(t, EXC_GP, 0);
    write_cr(t, 0, CR0_PE);
    cpu_test_expect_error(t, EXC_GP, 0);
    cpu_test_destroy(t);
}

static void test_debug_registers(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    CODE(t, 0x0f, 0x23, 0xe8); /* mov dr5, eax = dr7 */
    t->cpu->gpr[RAX] = 0xf000;
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->s.dr[7], ==, DR7_FIXED | DR7_GD);
    cpu_test_step(t); /* the HLT */
    cpu_test_protected(t, 0);
    t->cpu->s.dr[7] |= DR7_GD;
    CODE(t, 0x0f, 0x21, 0xc0);
    cpu_test_step(t);
    cpu_test_expect_vector(t, EXC_DB);
    g_assert_cmphex(t->cpu->s.dr[6] & DR6_BD, ==, DR6_BD);
    g_assert_cmphex(t->cpu->s.dr[7] & DR7_GD, ==, 0);
    cpu_test_protected(t, 0);
    t->cpu->s.cr4 |= CR4_DE;
    CODE(t, 0x0f, 0x21, 0xe0);
    cpu_test_step(t);
    cpu_test_expect_vector(t, EXC_UD);
    cpu_test_destroy(t);
}

static void test_msr(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    uint64_t value;
    cpu_test_protected(t, 0);
    g_assert_true(msr_write(t->cpu, 0x277, 0x0706050401000706));
    g_assert_false(msr_write(t->cpu, 0x277, 0x02));
    g_assert_true(msr_read(t->cpu, 0x277, &value));
    g_assert_cmphex(value, ==, 0x0706050401000706);
    g_assert_false(msr_write(t->cpu, 0xc0000082, 0x800000000000));
    g_assert_true(msr_write(t->cpu, 0x10, 0x123456789));
    g_assert_true(msr_read(t->cpu, 0x10, &value));
    g_assert_cmphex(value, ==, 0x123456789);
    lock_acquire(&t->machine->lock);
    test_advance(t->machine, 1000000);
    lock_release(&t->machine->lock);
    g_assert_cmphex(cpu_tsc(t->cpu), ==, 0x123456789 + t->cpuid.tsc_khz);
    g_assert_false(msr_read(t->cpu, 0x12345, &value));
    g_assert_true(msr_read(t->cpu, 0xfe, &value));
    CODE(t, 0x0f, 0x32);
    t->cpu->gpr[RCX] = 0x12345;
    cpu_test_step(t);
    cpu_test_expect_error(t, EXC_GP, 0);
    cpu_test_destroy(t);
}

static void test_tables(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    CODE(t, 0x0f, 0x01, 0x05, 0x00, 0x05, 0x00, 0x00, 0x0f, 0x00, 0xd8); /* sgdt [0x500]; ltr ax */
    cpu_test_step(t);
    g_assert_cmphex(cpu_test_peek(t, 0x500, 2), ==, 0xff);
    g_assert_cmphex(cpu_test_peek(t, 0x502, 4), ==, CPU_TEST_GDT);
    t->cpu->gpr[RAX] = SEL_TSS;
    cpu_test_step(t); /* it is busy */
    cpu_test_expect_error(t, EXC_GP, SEL_TSS);
    cpu_test_protected(t, 0);
    cpu_test_descriptor(t, SEL_FREE, 0x5000, 0x67, SEG_P | SYSTEM_TSS32 << SEG_TYPE_SHIFT);
    t->cpu->gpr[RAX] = SEL_FREE;
    CODE(t, 0x0f, 0x00, 0xd8);
    cpu_test_step(t);
    expect_next(t, 3);
    g_assert_cmphex(t->cpu->s.tr.base, ==, 0x5000);
    g_assert_cmphex(cpu_test_peek(t, CPU_TEST_GDT + SEL_FREE + 5, 1) & 15, ==, SYSTEM_TSS32_BUSY);
    /* lar, lsl, verr, verw */
    CODE(t, 0x0f, 0x02, 0xd8, 0x0f, 0x03, 0xc8, 0x0f, 0x00, 0xe0, 0x0f, 0x00, 0xe8);
    t->cpu->gpr[RAX] = SEL_CODE0;
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->gpr[RBX], ==, 0xc09b00);
    g_assert_cmphex(cpu_rflags(t->cpu) & FLAG_ZF, ==, FLAG_ZF);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->gpr[RCX], ==, 0xffffffff);
    cpu_test_step(t);
    g_assert_cmphex(cpu_rflags(t->cpu) & FLAG_ZF, ==, FLAG_ZF);
    cpu_test_step(t);
    g_assert_cmphex(cpu_rflags(t->cpu) & FLAG_ZF, ==, 0);
    /* LLDT, then a selector in the LDT */
    cpu_test_descriptor(t, SEL_FREE + 8, CPU_TEST_GDT, 0xff, SEG_P | SYSTEM_LDT << SEG_TYPE_SHIFT);
    CODE(t, 0x0f, 0x00, 0xd0, 0x8e, 0xe1);
    t->cpu->gpr[RAX] = SEL_FREE + 8;
    t->cpu->gpr[RCX] = SEL_DATA0 | 4;
    cpu_test_step(t);
    cpu_test_step(t);
    expect_next(t, 5);
    g_assert_cmphex(t->cpu->s.seg[FS].selector, ==, SEL_DATA0 | 4);
    cpu_test_destroy(t);
}

static void test_syscall(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_long(t, 3);
    struct x86_msrs *m = &t->cpu->s.msr;
    m->efer |= EFER_SCE;
    m->star = (uint64_t)SEL_CODE0 << 32 | 0x10ull << 48;
    m->lstar = 0x12345;
    m->fmask = FLAG_IF | FLAG_DF;
    t->cpu->eflags |= FLAG_DF;
    CODE(t, 0x0f, 0x05);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, 0x12345);
    g_assert_cmpuint(t->cpu->cpl, ==, 0);
    g_assert_cmphex(t->cpu->gpr[RCX], ==, CPU_TEST_CODE + 2);
    g_assert_cmphex(t->cpu->gpr[R11], ==, FLAG_1 | FLAG_DF);
    g_assert_cmphex(t->cpu->eflags & FLAG_DF, ==, 0);
    g_assert_cmphex(t->cpu->s.seg[SS].selector, ==, SEL_DATA0);
    cpu_test_poke(t, 0x12345, 0x070f48, 3); /* sysretq */
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + 2);
    g_assert_cmpuint(t->cpu->cpl, ==, 3);
    g_assert_cmphex(t->cpu->s.seg[CS].selector, ==, 0x23);
    g_assert_cmphex(t->cpu->eflags & FLAG_DF, ==, FLAG_DF);
    /* sysenter and sysexit in legacy mode */
    cpu_test_protected(t, 3);
    m->sysenter_cs = SEL_CODE0;
    m->sysenter_eip = 0x23456;
    m->sysenter_esp = 0x7000;
    CODE(t, 0x0f, 0x34);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, 0x23456);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, 0x7000);
    g_assert_cmpuint(t->cpu->cpl, ==, 0);
    cpu_test_poke(t, 0x23456, 0x350f, 2);
    t->cpu->gpr[RDX] = 0x34567;
    t->cpu->gpr[RCX] = 0x8800;
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, 0x34567);
    g_assert_cmphex(t->cpu->gpr[RSP], ==, 0x8800);
    g_assert_cmphex(t->cpu->s.seg[CS].selector, ==, SEL_CODE0 + 16 + 3);
    cpu_test_destroy(t);
}

static void test_bases(void)
{
    struct cpu_test *t = cpu_test_create("max");
    cpu_test_long(t, 0);
    t->cpu->s.cr4 |= CR4_FSGSBASE;
    t->cpu->s.msr.kernel_gs_base = 0x5000;
    /* swapgs; rdgsbase rax; wrfsbase rax */
    CODE(t, 0x0f, 0x01, 0xf8, 0xf3, 0x48, 0x0f, 0xae, 0xc8, 0xf3, 0x48, 0x0f, 0xae, 0xd0);
    cpu_test_step(t);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->gpr[RAX], ==, 0x5000);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->segf[FS].base, ==, 0x5000);
    cpu_test_poke(t, 0x5000, 0x99, 1);
    g_assert_cmphex(mem_read8(t->cpu, NULL, FS, 0), ==, 0x99);
    cpu_test_destroy(t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/op_system/cr0", test_cr0);
    g_test_add_func("/op_system/real_to_protected", test_real_to_protected);
    g_test_add_func("/op_system/to_long_mode", test_to_long_mode);
    g_test_add_func("/op_system/debug_registers", test_debug_registers);
    g_test_add_func("/op_system/msr", test_msr);
    g_test_add_func("/op_system/tables", test_tables);
    g_test_add_func("/op_system/syscall", test_syscall);
    g_test_add_func("/op_system/bases", test_bases);
    return g_test_run();
}
