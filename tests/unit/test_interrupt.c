/*
 * What happens between instructions: INTR, NMI, shadows of STI and MOV SS, single stepping, breakpoints, HLT.
 */
#include "accel/interp/interrupt.h"

#include "accel/interp/debug.h"
#include "tests/support/cpu_test.h"

/* An interrupt controller with one request. */
struct controller {
    struct cpu *cpu;
    int vector;
    unsigned acknowledged;
};

static int acknowledge(void *arg)
{
    struct controller *c = arg;
    c->acknowledged++;
    cpu_set_intr(c->cpu, false);
    return c->vector;
}

static void connect(struct cpu_test *t, struct controller *c)
{
    *c = (struct controller){ .cpu = t->cpu, .vector = 0x40 };
    t->machine->interrupt_acknowledge = acknowledge;
    t->machine->interrupt_arg = c;
}

static uint64_t saved_rip(struct cpu_test *t)
{
    return cpu_test_peek(t, (uint32_t)t->cpu->gpr[RSP], 4);
}

static void test_intr(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    struct controller c;
    connect(t, &c);
    cpu_test_protected(t, 0);
    CODE(t, 0x90, 0x90, 0x90);
    cpu_set_intr(t->cpu, true);
    cpu_test_step(t); /* IF is clear */
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + 1);
    g_assert_cmpuint(c.acknowledged, ==, 0);
    g_assert_cmphex(t->cpu->attention, ==, 0);
    t->cpu->eflags |= FLAG_IF;
    cpu_check_intr(t->cpu);
    cpu_test_step(t);
    g_assert_cmpuint(c.acknowledged, ==, 1);
    g_assert_cmphex(saved_rip(t), ==, CPU_TEST_CODE + 1);
    g_assert_cmphex(cpu_test_peek(t, (uint32_t)t->cpu->gpr[RSP] + 8, 4), ==, FLAG_1 | FLAG_IF);
    cpu_test_destroy(t);
}

/* Runs until the HLT of the handler; returns where it was interrupted. */
static uint64_t run_to_handler(struct cpu_test *t)
{
    g_assert_cmpint(interp_run(t->cpu, 1000), ==, VCPU_HALTED);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_HANDLERS + 0x40 * 16 + 1);
    return saved_rip(t);
}

static void test_sti_shadow(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    struct controller c;
    connect(t, &c);
    /* one instruction behind STI runs, then the interrupt comes: before CLI */
    cpu_test_protected(t, 0);
    CODE(t, 0x90, 0xfb, 0x90, 0xfa, 0x90, 0xeb, 0xfe);
    cpu_set_intr(t->cpu, true);
    g_assert_cmphex(run_to_handler(t), ==, CPU_TEST_CODE + 3);
    g_assert_cmphex(t->cpu->mode & MODE_SINGLE, ==, 0);
    /* STI; CLI lets nothing in */
    cpu_test_protected(t, 0);
    CODE(t, 0xfb, 0xfa, 0x90, 0xf4);
    cpu_set_intr(t->cpu, true);
    g_assert_cmpint(interp_run(t->cpu, 1000), ==, VCPU_HALTED);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + 4);
    /* STI; HLT: the interrupt wakes the CPU, no wake-up is lost */
    cpu_test_protected(t, 0);
    CODE(t, 0xfb, 0xf4, 0x90);
    cpu_set_intr(t->cpu, true);
    g_assert_cmphex(run_to_handler(t), ==, CPU_TEST_CODE + 2);
    /* a loop onto itself right behind STI */
    cpu_test_protected(t, 0);
    CODE(t, 0xfb, 0xeb, 0xfe);
    cpu_set_intr(t->cpu, true);
    g_assert_cmphex(run_to_handler(t), ==, CPU_TEST_CODE + 1);
    cpu_test_destroy(t);
}

static void test_popf_window(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    struct controller c;
    connect(t, &c);
    cpu_test_protected(t, 0);
    CODE(t, 0x68, 0x02, 0x02, 0x00, 0x00, 0x9d, 0xfa, 0xeb, 0xfe); /* push 0x202; popf; cli; jmp $ */
    cpu_set_intr(t->cpu, true);
    g_assert_cmphex(run_to_handler(t), ==, CPU_TEST_CODE + 6);
    cpu_test_destroy(t);
}

static void test_mov_ss(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    struct controller c;
    connect(t, &c);
    cpu_test_protected(t, 0);
    t->cpu->gpr[RAX] = SEL_DATA0;
    t->cpu->eflags |= FLAG_IF;
    CODE(t, 0x8e, 0xd0, 0x90, 0x90); /* mov ss, ax; nop; nop */
    cpu_test_step(t);
    cpu_set_intr(t->cpu, true);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + 3);
    g_assert_cmpuint(c.acknowledged, ==, 0);
    g_assert_cmphex(run_to_handler(t), ==, CPU_TEST_CODE + 3);
    cpu_test_destroy(t);
}

static void test_nmi(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    cpu_test_poke(t, CPU_TEST_HANDLERS + 2 * 16, 0xcf90, 2); /* nop; iret */
    CODE(t, 0x90, 0x90, 0x90);
    cpu_raise_nmi(t->cpu);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_HANDLERS + 2 * 16 + 1);
    g_assert_true(t->cpu->s.nmi_blocked);
    cpu_raise_nmi(t->cpu); /* held back until IRET */
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE);
    g_assert_false(t->cpu->s.nmi_blocked);
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_HANDLERS + 2 * 16 + 1);
    cpu_test_destroy(t);
}

static void test_halt(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    struct controller c;
    connect(t, &c);
    cpu_test_protected(t, 0);
    CODE(t, 0xf4, 0x90);
    g_assert_cmpint(interp_run(t->cpu, 100), ==, VCPU_HALTED);
    cpu_set_intr(t->cpu, true);
    g_assert_cmpint(interp_run(t->cpu, 100), ==, VCPU_HALTED); /* IF is clear */
    t->cpu->eflags |= FLAG_IF;
    cpu_set_intr(t->cpu, true);
    g_assert_cmphex(run_to_handler(t), ==, CPU_TEST_CODE + 1);
    cpu_test_destroy(t);
}

static void test_single_step(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    CODE(t, 0x90, 0x90, 0x90, 0xf4);
    t->cpu->eflags |= FLAG_TF;
    cpu_update_mode(t->cpu);
    g_assert_cmpint(interp_run(t->cpu, 100), ==, VCPU_HALTED);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_HANDLERS + 16 + 1);
    g_assert_cmphex(saved_rip(t), ==, CPU_TEST_CODE + 1);
    g_assert_cmphex(t->cpu->s.dr[6], ==, DR6_FIXED | DR6_BS);
    g_assert_cmphex(t->cpu->eflags & FLAG_TF, ==, 0);
    /* not behind MOV SS, but after the next instruction */
    cpu_test_protected(t, 0);
    t->cpu->gpr[RAX] = SEL_DATA0;
    CODE(t, 0x8e, 0xd0, 0x90, 0x90);
    t->cpu->eflags |= FLAG_TF;
    cpu_update_mode(t->cpu);
    interp_run(t->cpu, 100);
    g_assert_cmphex(saved_rip(t), ==, CPU_TEST_CODE + 3);
    /* POPF that sets TF: the trap comes after the instruction behind it */
    cpu_test_protected(t, 0);
    CODE(t, 0x68, 0x02, 0x01, 0x00, 0x00, 0x9d, 0x90, 0x90);
    interp_run(t->cpu, 100);
    g_assert_cmphex(saved_rip(t), ==, CPU_TEST_CODE + 7);
    cpu_test_destroy(t);
}

/* With DEBUGCTL.BTF the trap comes after a branch that is taken, and not after others, nor within REP. */
static void test_branch_step(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    cpu_test_protected(t, 0);
    t->cpu->gpr[RAX] = 0;
    t->cpu->gpr[RCX] = 3;
    t->cpu->gpr[RSI] = t->cpu->gpr[RDI] = 0x20000;
    /* nop; rep movsb; cmp eax, 1; je +2; nop; jmp +1; nop; nop */
    CODE(t, 0x90, 0xf3, 0xa4, 0x83, 0xf8, 0x01, 0x74, 0x02, 0x90, 0xeb, 0x01, 0x90, 0x90);
    t->cpu->eflags |= FLAG_TF;
    t->cpu->s.msr.debugctl = DEBUGCTL_BTF;
    cpu_update_mode(t->cpu);
    g_assert_cmpint(interp_run(t->cpu, 100), ==, VCPU_HALTED);
    g_assert_cmphex(saved_rip(t), ==, CPU_TEST_CODE + 12);
    g_assert_cmphex(t->cpu->s.dr[6], ==, DR6_FIXED | DR6_BS);
    g_assert_cmphex(t->cpu->s.msr.debugctl, ==, 0); /* the next step is by instructions again */
    cpu_test_destroy(t);
}

static void test_breakpoints(void)
{
    struct cpu_test *t = cpu_test_create("qemu64");
    /* execution: before the instruction; RF lets it pass on return */
    cpu_test_protected(t, 0);
    CODE(t, 0x90, 0x90, 0xf4);
    static const uint8_t handler[] = { 0x43, 0x81, 0x4c, 0x24, 0x08, 0, 0, 1, 0, 0xcf }; /* inc ebx; or [esp+8], RF; iret */
    memcpy(t->mem + CPU_TEST_HANDLERS + 16, handler, sizeof(handler));
    t->cpu->s.dr[0] = CPU_TEST_CODE + 1;
    t->cpu->s.dr[7] = DR7_FIXED | 1;
    cpu_update_mode(t->cpu);
    t->cpu->gpr[RBX] = 0;
    g_assert_cmpint(interp_run(t->cpu, 100), ==, VCPU_HALTED);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE + 3);
    g_assert_cmphex(t->cpu->gpr[RBX], ==, 1);
    g_assert_cmphex(t->cpu->s.dr[6] & 15, ==, 1);
    /* data write of 4 bytes: after the instruction; reads do not count */
    cpu_test_protected(t, 0);
    cpu_test_poke(t, CPU_TEST_HANDLERS + 16, 0xf4, 1);
    t->cpu->s.dr[1] = 0x500;
    t->cpu->s.dr[7] = DR7_FIXED | 4 | 0xd00000;
    cpu_update_mode(t->cpu);
    CODE(t, 0xa1, 0x00, 0x05, 0x00, 0x00, 0xa2, 0x03, 0x05, 0x00, 0x00, 0x90); /* mov eax,[0x500]; mov [0x503],al */
    interp_run(t->cpu, 100);
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_HANDLERS + 16 + 1);
    g_assert_cmphex(saved_rip(t), ==, CPU_TEST_CODE + 10);
    g_assert_cmphex(t->cpu->s.dr[6] & 15, ==, 2);
    cpu_test_destroy(t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/interrupt/intr", test_intr);
    g_test_add_func("/interrupt/sti_shadow", test_sti_shadow);
    g_test_add_func("/interrupt/popf_window", test_popf_window);
    g_test_add_func("/interrupt/mov_ss", test_mov_ss);
    g_test_add_func("/interrupt/nmi", test_nmi);
    g_test_add_func("/interrupt/halt", test_halt);
    g_test_add_func("/interrupt/single_step", test_single_step);
    g_test_add_func("/interrupt/branch_step", test_branch_step);
    g_test_add_func("/interrupt/breakpoints", test_breakpoints);
    return g_test_run();
}
