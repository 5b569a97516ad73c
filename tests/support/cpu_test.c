/*
 * See cpu_test.h.
 */
#include "tests/support/cpu_test.h"

#include <string.h>

#include "accel/interp/memory.h"
#include "accel/interp/segment.h"
#include "accel/interp/trace.h"

#define DATA_ATTR (SEG_P | SEG_S | SEG_W | SEG_A)
#define CODE_ATTR (SEG_P | SEG_S | SEG_CODE | SEG_R | SEG_A)

struct cpu_test *cpu_test_create(const char *model)
{
    struct cpu_test *t = g_new0(struct cpu_test, 1);
    GError *error = NULL;

    t->machine = test_machine_create();
    t->ram = test_machine_add_ram(t->machine, CPU_TEST_RAM);
    t->mem = t->ram->host;
    lock_release(&t->machine->lock);
    x86_cpuid_parse(&t->cpuid, model, &error);
    g_assert_no_error(error);
    t->cpuid.cpu_count = 1;
    t->traces = trace_cache_create();
    t->memory = interp_memory_create(t->machine, t->traces);
    t->cpu = interp_cpu_create(t->machine, &t->cpuid, t->traces, 0);
    interp_memory_attach(t->memory, t->cpu);
    return t;
}

void cpu_test_destroy(struct cpu_test *t)
{
    interp_memory_detach(t->memory, t->cpu);
    interp_cpu_destroy(t->cpu);
    interp_memory_destroy(t->memory);
    trace_cache_destroy(t->traces);
    test_machine_destroy(t->machine);
    g_free(t);
}

void cpu_test_poke(struct cpu_test *t, uint32_t address, uint64_t value, unsigned size)
{
    memcpy(t->mem + address, &value, size);
    ram_touched(t->ram, address, size);
}

uint64_t cpu_test_peek(const struct cpu_test *t, uint32_t address, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, t->mem + address, size);
    return value;
}

void cpu_test_descriptor(struct cpu_test *t, unsigned selector, uint32_t base, uint32_t limit, uint32_t attr)
{
    if ((attr & SEG_G) != 0) {
        limit >>= 12;
    }
    uint32_t lo = base << 16 | (limit & 0xffff);
    uint32_t hi = (base & 0xff000000) | (base >> 16 & 0xff) | (limit & 0xf0000) | attr;
    cpu_test_poke(t, CPU_TEST_GDT + (selector & ~7u), lo | (uint64_t)hi << 32, 8);
}

void cpu_test_gate(struct cpu_test *t, unsigned vector, uint16_t selector, uint32_t offset, unsigned type,
                   unsigned dpl)
{
    bool wide = (t->cpu->s.msr.efer & EFER_LMA) != 0;
    uint32_t address = CPU_TEST_IDT + vector * (wide ? 16 : 8);
    uint32_t lo = (uint32_t)selector << 16 | (offset & 0xffff);
    uint32_t hi = (offset & 0xffff0000) | SEG_P | dpl << SEG_DPL_SHIFT | type << SEG_TYPE_SHIFT;
    cpu_test_poke(t, address, lo | (uint64_t)hi << 32, 8);
    if (wide) {
        cpu_test_poke(t, address + 8, 0, 8);
    }
}

static void make_handlers(struct cpu_test *t)
{
    for (unsigned v = 0; v < 256; v++) {
        cpu_test_poke(t, CPU_TEST_HANDLERS + v * 16, 0xf4, 1);
    }
}

void cpu_test_real(struct cpu_test *t)
{
    struct x86_state s;
    interp_cpu_reset(t->cpu, false);
    cpu_state_get(t->cpu, &s);
    s.seg[CS] = s.seg[DS];
    s.gpr[RSP] = CPU_TEST_STACK0;
    s.a20 = true;
    s.idtr.limit = 0x3ff;
    s.cr0 = CR0_ET;
    s.rip = CPU_TEST_HANDLERS;
    cpu_state_put(t->cpu, &s);
    make_handlers(t);
    for (unsigned v = 0; v < 256; v++) {
        cpu_test_poke(t, v * 4, CPU_TEST_HANDLERS + v * 16, 4);
    }
}

static void make_tables(struct cpu_test *t, bool wide)
{
    uint32_t code_size = wide ? SEG_L : SEG_DB;
    cpu_test_descriptor(t, SEL_CODE0, 0, UINT32_MAX, CODE_ATTR | SEG_G | code_size);
    cpu_test_descriptor(t, SEL_DATA0, 0, UINT32_MAX, DATA_ATTR | SEG_G | SEG_DB);
    cpu_test_descriptor(t, SEL_CODE3, 0, UINT32_MAX, CODE_ATTR | SEG_DPL | SEG_G | code_size);
    cpu_test_descriptor(t, SEL_DATA3, 0, UINT32_MAX, DATA_ATTR | SEG_DPL | SEG_G | SEG_DB);
    cpu_test_descriptor(t, SEL_TSS, CPU_TEST_TSS, 0x67, SEG_P | SYSTEM_TSS32_BUSY << SEG_TYPE_SHIFT);
    cpu_test_poke(t, CPU_TEST_GDT + SEL_TSS + 8, 0, 8);
    cpu_test_poke(t, CPU_TEST_TSS + 4, CPU_TEST_STACK0, 8);
    if (!wide) {
        cpu_test_poke(t, CPU_TEST_TSS + 8, SEL_DATA0, 4);
    }
    cpu_test_poke(t, CPU_TEST_TSS + 0x66, 0x68, 2);
    make_handlers(t);
}

static struct x86_segment flat(uint16_t selector, uint32_t attr)
{
    return (struct x86_segment){ .limit = UINT32_MAX, .selector = selector,
                                 .attr = attr | SEG_G | (uint32_t)(selector & 3) << SEG_DPL_SHIFT };
}

static void enter_protected(struct cpu_test *t, unsigned cpl, bool wide)
{
    struct x86_state s;
    interp_cpu_reset(t->cpu, false);
    cpu_state_get(t->cpu, &s);
    make_tables(t, wide);
    for (unsigned i = 0; i < 6; i++) {
        s.seg[i] = flat(cpl == 3 ? SEL_DATA3 : SEL_DATA0, DATA_ATTR | SEG_DB);
    }
    s.seg[CS] = flat(cpl == 3 ? SEL_CODE3 : SEL_CODE0, CODE_ATTR | (wide ? SEG_L : SEG_DB));
    s.tr = (struct x86_segment){ .base = CPU_TEST_TSS, .limit = 0x67, .selector = SEL_TSS,
                                 .attr = SEG_P | SYSTEM_TSS32_BUSY << SEG_TYPE_SHIFT };
    s.ldtr = (struct x86_segment){ 0 };
    s.gdtr = (struct x86_table){ .base = CPU_TEST_GDT, .limit = 0xff };
    s.idtr = (struct x86_table){ .base = CPU_TEST_IDT, .limit = wide ? 0xfff : 0x7ff };
    s.gpr[RSP] = cpl == 3 ? CPU_TEST_STACK3 : CPU_TEST_STACK0;
    s.a20 = true;
    s.cr0 = CR0_PE | CR0_ET | CR0_NE;
    if (wide) {
        s.cr0 |= CR0_PG | CR0_WP;
        s.cr4 = CR4_PAE;
        s.cr3 = CPU_TEST_TABLES;
        s.msr.efer = EFER_LME | EFER_LMA;
    }
    s.rip = CPU_TEST_CODE;
    cpu_state_put(t->cpu, &s);
    for (unsigned v = 0; v < 256; v++) {
        cpu_test_gate(t, v, SEL_CODE0, CPU_TEST_HANDLERS + v * 16, SYSTEM_INT32, v == 3 || v >= 0x80 ? 3 : 0);
    }
}

void cpu_test_protected(struct cpu_test *t, unsigned cpl)
{
    enter_protected(t, cpl, false);
}

void cpu_test_long(struct cpu_test *t, unsigned cpl)
{
    uint32_t at = CPU_TEST_TABLES;
    cpu_test_poke(t, at, (at + 0x1000) | 7, 8);
    cpu_test_poke(t, at + 0x1000, (at + 0x2000) | 7, 8);
    for (unsigned i = 0; i < CPU_TEST_RAM >> 21; i++) {
        cpu_test_poke(t, at + 0x2000 + i * 8, (uint64_t)i << 21 | 0x87, 8);
    }
    enter_protected(t, cpl, true);
}

void cpu_test_code(struct cpu_test *t, const void *code, size_t size)
{
    memcpy(t->mem + CPU_TEST_CODE, code, size);
    t->mem[CPU_TEST_CODE + size] = 0xf4;
    ram_touched(t->ram, CPU_TEST_CODE, size + 1);
    t->cpu->rip = CPU_TEST_CODE - t->cpu->s.seg[CS].base;
}

enum vcpu_exit cpu_test_step(struct cpu_test *t)
{
    return interp_step(t->cpu);
}

void cpu_test_expect_vector(struct cpu_test *t, unsigned vector)
{
    g_assert_cmphex(t->cpu->rip, ==, CPU_TEST_HANDLERS + vector * 16);
}

void cpu_test_expect_error(struct cpu_test *t, unsigned vector, uint32_t error)
{
    cpu_test_expect_vector(t, vector);
    g_assert_cmphex(cpu_test_peek(t, (uint32_t)t->cpu->gpr[RSP], 4), ==, error);
}

bool cpu_test_try(struct cpu_test *t, void (*fn)(struct cpu *cpu, void *arg), void *arg)
{
    if (sigsetjmp(t->cpu->fault_exit, 0) != 0) {
        return false;
    }
    fn(t->cpu, arg);
    return true;
}
