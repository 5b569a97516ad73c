/*
 * IN, OUT, INS, OUTS: sizes, order, permission, repetition, faults in the middle.
 */
#include "accel/interp/segment.h"
#include "tests/support/cpu_test.h"

struct port {
    uint32_t next;
    unsigned reads, writes;
    uint32_t written[600];
};

static uint64_t port_read(void *owner, uint64_t offset, unsigned size)
{
    struct port *p = owner;
    p->reads++;
    return p->next++;
}

static void port_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct port *p = owner;
    if (p->writes < G_N_ELEMENTS(p->written)) {
        p->written[p->writes] = (uint32_t)value;
    }
    p->writes++;
}
static const struct region_ops port_ops = { port_read, port_write, 1, 4 };

struct setup {
    struct cpu_test *t;
    struct port port;
    struct region region;
};

static struct setup *setup_create(void)
{
    struct setup *s = g_new0(struct setup, 1);
    s->t = cpu_test_create("qemu64");
    s->port.next = 0x11223344;
    region_init_io(&s->region, "port", 8, &port_ops, &s->port);
    lock_acquire(&s->t->machine->lock);
    bus_map(s->t->machine->io, &s->region, 0x1f0, 0);
    lock_release(&s->t->machine->lock);
    cpu_test_protected(s->t, 0);
    s->t->cpu->gpr[RDX] = 0x1f0;
    return s;
}

static void setup_destroy(struct setup *s)
{
    cpu_test_destroy(s->t);
    g_free(s);
}

static void test_in_out(void)
{
    struct setup *s = setup_create();
    struct cpu *cpu = s->t->cpu;
    cpu->gpr[RAX] = 0xaaaaaaaa;
    CODE(s->t, 0xec, 0x66, 0xed, 0xed, 0xe4, 0x99, 0xef, 0xee);
    cpu_test_step(s->t);
    g_assert_cmphex(cpu->gpr[RAX], ==, 0xaaaaaa44);
    cpu_test_step(s->t);
    g_assert_cmphex(cpu->gpr[RAX], ==, 0xaaaa3345);
    cpu_test_step(s->t);
    g_assert_cmphex(cpu->gpr[RAX], ==, 0x11223346);
    cpu_test_step(s->t); /* nothing there */
    g_assert_cmphex(cpu->gpr[RAX], ==, 0x112233ff);
    cpu_test_step(s->t);
    cpu_test_step(s->t);
    g_assert_cmphex(s->port.written[0], ==, 0x112233ff);
    g_assert_cmphex(s->port.written[1], ==, 0xff);
    setup_destroy(s);
}

static void test_rep(void)
{
    struct setup *s = setup_create();
    struct cpu *cpu = s->t->cpu;
    s->port.next = 0;
    cpu->gpr[RDI] = 0x20e01; /* crosses a page, misaligned */
    cpu->gpr[RCX] = 512;
    CODE(s->t, 0xf3, 0x66, 0x6d, 0xf4);
    g_assert_cmpint(interp_run(cpu, 1000), ==, VCPU_HALTED);
    g_assert_cmphex(cpu->gpr[RDI], ==, 0x21201);
    g_assert_cmphex(cpu->gpr[RCX], ==, 0);
    g_assert_cmpuint(s->port.reads, ==, 512);
    for (unsigned i = 0; i < 512; i++) {
        g_assert_cmpuint(cpu_test_peek(s->t, 0x20e01 + i * 2, 2), ==, i);
    }
    cpu_test_protected(s->t, 0);
    cpu->gpr[RDX] = 0x1f0;
    cpu->gpr[RSI] = 0x20e01;
    cpu->gpr[RCX] = 512;
    CODE(s->t, 0xf3, 0x66, 0x6f, 0xf4);
    g_assert_cmpint(interp_run(cpu, 1000), ==, VCPU_HALTED);
    g_assert_cmpuint(s->port.writes, ==, 512);
    g_assert_cmpuint(s->port.written[300], ==, 300);
    /* downwards, bytes, and a count of 0 */
    cpu_test_protected(s->t, 0);
    s->port.next = 1;
    cpu->gpr[RDX] = 0x1f0;
    cpu->gpr[RDI] = 0x30003;
    cpu->gpr[RCX] = 3;
    cpu->eflags |= FLAG_DF;
    CODE(s->t, 0xf3, 0x6c, 0xf3, 0x6c, 0xf4);
    interp_run(cpu, 1000);
    g_assert_cmphex(cpu_test_peek(s->t, 0x30001, 3), ==, 0x010203);
    g_assert_cmphex(cpu->gpr[RDI], ==, 0x30000);
    setup_destroy(s);
}

static void test_fault(void)
{
    struct setup *s = setup_create();
    struct cpu *cpu = s->t->cpu;
    struct x86_segment es = { .limit = 0x20fff, .attr = SEG_P | SEG_S | SEG_W | SEG_DB, .selector = SEL_FREE };
    segment_set(cpu, ES, &es);
    cpu->gpr[RDI] = 0x20ff8;
    cpu->gpr[RCX] = 10;
    CODE(s->t, 0xf3, 0x66, 0x6d);
    interp_run(cpu, 100);
    g_assert_cmphex(cpu->rip, ==, CPU_TEST_HANDLERS + EXC_GP * 16 + 1);
    /* four were moved, nothing was lost, and it can go on */
    g_assert_cmpuint(s->port.reads, ==, 4);
    g_assert_cmphex(cpu->gpr[RCX], ==, 6);
    g_assert_cmphex(cpu->gpr[RDI], ==, 0x21000);
    g_assert_cmphex(cpu_test_peek(s->t, (uint32_t)cpu->gpr[RSP] + 4, 4), ==, CPU_TEST_CODE);
    setup_destroy(s);
}

static void test_permission(void)
{
    struct setup *s = setup_create();
    struct cpu *cpu = s->t->cpu;
    cpu_test_protected(s->t, 3);
    cpu->gpr[RDX] = 0x1f0;
    CODE(s->t, 0xec);
    cpu_test_step(s->t);
    cpu_test_expect_error(s->t, EXC_GP, 0);
    g_assert_cmpuint(s->port.reads, ==, 0);
    cpu_test_protected(s->t, 3);
    cpu->gpr[RDX] = 0x1f0;
    cpu->eflags |= FLAG_IOPL;
    CODE(s->t, 0xec);
    cpu_test_step(s->t);
    g_assert_cmpuint(s->port.reads, ==, 1);
    cpu_test_protected(s->t, 3);
    cpu->gpr[RDX] = 0x1f0;
    cpu->s.tr.limit = 0x68 + 0x40;
    memset(s->t->mem + CPU_TEST_TSS + 0x68, 0, 0x40);
    CODE(s->t, 0xec);
    cpu_test_step(s->t);
    g_assert_cmpuint(s->port.reads, ==, 2);
    setup_destroy(s);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/op_io/in_out", test_in_out);
    g_test_add_func("/op_io/rep", test_rep);
    g_test_add_func("/op_io/fault", test_fault);
    g_test_add_func("/op_io/permission", test_permission);
    return g_test_run();
}
