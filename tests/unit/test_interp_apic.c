/*
 * The CPU's side of a local APIC, with a fake one: where the page of registers is, MSRs, CR8, INIT and start-up.
 */
#include "accel/interp/apic.h"

#include "accel/interp/interrupt.h"
#include "accel/interp/system.h"
#include "tests/support/cpu_test.h"

#define PAGE 0xfee00000u

struct fake {
    uint32_t offset;
    uint64_t value, base, deadline, guest_ns;
    uint8_t tpr;
};

static int no_vector(void *arg, unsigned cpu)
{
    return -1;
}

static uint64_t fake_read(void *arg, unsigned cpu, uint32_t offset, unsigned size)
{
    ((struct fake *)arg)->offset = offset;
    return 0x12345678;
}

static void fake_write(void *arg, unsigned cpu, uint32_t offset, uint64_t value, unsigned size)
{
    struct fake *f = arg;
    f->offset = offset;
    f->value = value;
    if (offset == 0x80) {
        f->tpr = (uint8_t)value;
    }
}

static bool fake_msr_read(void *arg, unsigned cpu, uint32_t msr, uint64_t *value)
{
    *value = msr;
    return msr != 0x80b;
}

static bool fake_msr_write(void *arg, unsigned cpu, uint32_t msr, uint64_t value)
{
    if (msr == 0x808) {
        ((struct fake *)arg)->tpr = (uint8_t)value;
    }
    return msr != 0x802;
}

static void fake_set_base(void *arg, unsigned cpu, uint64_t base)
{
    ((struct fake *)arg)->base = base;
}

static uint8_t fake_tpr(void *arg, unsigned cpu)
{
    return ((struct fake *)arg)->tpr;
}

static void fake_set_tpr(void *arg, unsigned cpu, uint8_t tpr)
{
    ((struct fake *)arg)->tpr = tpr;
}

static uint64_t fake_deadline(void *arg, unsigned cpu)
{
    return ((struct fake *)arg)->deadline;
}

static void fake_set_deadline(void *arg, unsigned cpu, uint64_t tsc, uint64_t guest_ns)
{
    struct fake *f = arg;
    f->deadline = tsc;
    f->guest_ns = guest_ns;
}

static struct cpu_test *start(struct fake *fake)
{
    struct cpu_test *t = cpu_test_create("max");
    *fake = (struct fake){ 0 };
    t->machine->apics = (struct machine_apics){
        fake,          no_vector, fake_read,    fake_write,    fake_msr_read,    fake_msr_write,
        fake_set_base, fake_tpr,  fake_set_tpr, fake_deadline, fake_set_deadline,
    };
    cpu_test_protected(t, 0);
    apic_update(t->cpu);
    return t;
}

static void test_page(void)
{
    struct fake fake;
    struct cpu_test *t = start(&fake);
    t->cpu->gpr[RBX] = PAGE + 0x30;
    CODE(t, 0x8b, 0x03, 0xc7, 0x43, 0x50, 0x70, 0, 0, 0); /* mov eax,[ebx]; mov dword [ebx+50h],70h */
    cpu_test_step(t);
    g_assert_cmphex(t->cpu->gpr[RAX], ==, 0x12345678);
    g_assert_cmphex(fake.offset, ==, 0x30);
    cpu_test_step(t);
    g_assert_cmphex(fake.offset, ==, 0x80);
    g_assert_cmphex(t->cpu->s.cr8, ==, 7);
    cpu_test_destroy(t);
}

static void test_base(void)
{
    struct fake fake;
    struct cpu_test *t = start(&fake);
    g_assert_true(apic_hit(t->cpu, PAGE + 0xfff) && !apic_hit(t->cpu, PAGE + 0x1000));
    g_assert_false(apic_base_write(t->cpu, PAGE | 0x401));     /* reserved */
    g_assert_false(apic_base_write(t->cpu, PAGE | 0x500));     /* x2APIC without enable */
    g_assert_true(apic_base_write(t->cpu, 0x5000 | 0x900));
    g_assert_true(apic_hit(t->cpu, 0x5000));                   /* hides RAM */
    g_assert_cmpint(apic_memory_find(t->cpu, 0x5000).kind, ==, MEMORY_DEVICE);
    g_assert_true(apic_base_write(t->cpu, PAGE | 0xd00));
    g_assert_cmphex(fake.base, ==, PAGE | 0xd00);
    g_assert_false(apic_hit(t->cpu, PAGE));
    g_assert_false(apic_base_write(t->cpu, PAGE | 0x900));     /* x2APIC to xAPIC */
    g_assert_true(apic_base_write(t->cpu, PAGE | 0x100));
    g_assert_false(apic_base_write(t->cpu, PAGE | 0xd00));     /* off to x2APIC */
    cpu_test_destroy(t);
}

static void test_msrs(void)
{
    struct fake fake;
    struct cpu_test *t = start(&fake);
    uint64_t value;
    g_assert_true(apic_msr_read(t->cpu, 0x802, &value) && value == 0x802);
    g_assert_false(apic_msr_read(t->cpu, 0x80b, &value));
    g_assert_true(apic_msr_write(t->cpu, 0x808, 0x30));
    g_assert_cmphex(t->cpu->s.cr8, ==, 3);
    apic_cr8_write(t->cpu, 5);
    g_assert_cmphex(fake.tpr, ==, 0x50);
    t->cpuid.tsc_khz = 1000000;
    cpu_set_tsc(t->cpu, 1000000);
    uint64_t guest = clock_now(t->machine->guest_clock);
    apic_deadline_write(t->cpu, 1000000 + 500 * (t->cpu->cpuid->tsc_khz / 1000));
    g_assert_cmpuint(fake.guest_ns, >=, guest + 500000 - 1);
    g_assert_cmpuint(fake.guest_ns, <=, clock_now(t->machine->guest_clock) + 500000 + 1);
    cpu_test_destroy(t);
}

static void test_start_up(void)
{
    struct fake fake;
    struct cpu_test *t = start(&fake);
    t->cpu->sipi_vector = 0x12;
    cpu_attention_set(t->cpu, CPU_ATTENTION_SIPI);
    cpu_settle(t->cpu); /* nobody waits: ignored */
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_CODE);
    cpu_attention_set(t->cpu, CPU_ATTENTION_INIT);
    cpu_settle(t->cpu);
    g_assert_cmphex(t->cpu->s.seg[CS].base, ==, 0xffff0000); /* the boot CPU starts over */
    t->cpu->s.activity = X86_WAIT_SIPI;
    cpu_attention_set(t->cpu, CPU_ATTENTION_SIPI);
    cpu_settle(t->cpu);
    g_assert_cmpint(t->cpu->s.activity, ==, X86_ACTIVE);
    g_assert_cmphex(t->cpu->s.seg[CS].selector, ==, 0x1200);
    g_assert_cmphex(t->cpu->s.seg[CS].base, ==, 0x12000);
    g_assert_cmphex(t->cpu->rip, ==, 0);
    cpu_test_destroy(t);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/interp_apic/page", test_page);
    g_test_add_func("/interp_apic/base", test_base);
    g_test_add_func("/interp_apic/msrs", test_msrs);
    g_test_add_func("/interp_apic/start-up", test_start_up);
    return g_test_run();
}
