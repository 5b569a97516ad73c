/*
 * The interpreter's side of the bench.
 */
#include "tests/support/interp_bench.h"

#include <string.h>

#include "core/event.h"

static void flat_segments(struct x86_state *s, unsigned bits)
{
    uint32_t base_attr = SEG_P | SEG_S | SEG_A | (bits == 16 ? 0 : SEG_G | SEG_DB);
    for (unsigned i = 0; i < 6; i++) {
        s->seg[i] = (struct x86_segment){ .limit = bits == 16 ? 0xffff : UINT32_MAX,
                                          .attr = base_attr | SEG_W,
                                          .selector = bits == 16 ? 0 : 0x10 };
    }
    if (bits != 16) {
        s->seg[CS].selector = 8;
        s->seg[CS].attr = (base_attr & ~(bits == 64 ? SEG_DB : 0)) | SEG_CODE | SEG_R |
                          (bits == 64 ? SEG_L : 0);
        s->cr0 |= CR0_PE;
    }
    if (bits == 64) {
        s->msr.efer |= EFER_LME | EFER_LMA;
    }
}

void interp_bench_begin(struct interp_bench *bench, unsigned bits)
{
    struct x86_state state;
    GError *error = NULL;
    memset(bench, 0, sizeof(*bench));
    bench->machine = machine_create(NULL);
    bench->ram = ram_create("bench", BENCH_SIZE, NULL);
    bench->low = ram_create("low", 1 << 20, NULL);
    region_init_ram(&bench->region, "bench", bench->ram, 0, BENCH_SIZE);
    region_init_ram(&bench->low_region, "low", bench->low, 0, 1 << 20);
    lock_acquire(&bench->machine->lock);
    bus_map(bench->machine->memory, &bench->region, BENCH_BASE, 0);
    bus_map(bench->machine->memory, &bench->low_region, 0, 0);
    lock_release(&bench->machine->lock);
    g_assert_true(x86_cpuid_parse(&bench->cpuid, "max", &error));
    bench->cpuid.cpu_count = 1;
    bench->traces = trace_cache_create();
    bench->memory = interp_memory_create(bench->machine, bench->traces);
    bench->cpu = interp_cpu_create(bench->machine, &bench->cpuid, bench->traces, 0);
    interp_memory_attach(bench->memory, bench->cpu);
    cpu_state_get(bench->cpu, &state);
    flat_segments(&state, bits);
    state.rip = bits == 16 ? 0x1000 : BENCH_CODE;
    state.a20 = true;
    cpu_state_put(bench->cpu, &state);
}

void interp_bench_end(struct interp_bench *bench)
{
    interp_memory_detach(bench->memory, bench->cpu);
    interp_cpu_destroy(bench->cpu);
    interp_memory_destroy(bench->memory);
    trace_cache_destroy(bench->traces);
    machine_destroy(bench->machine);
    ram_destroy(bench->ram);
    ram_destroy(bench->low);
}

uint8_t *interp_bench_at(struct interp_bench *bench, uint64_t address)
{
    return address < 1 << 20 ? bench->low->host + address : bench->ram->host + (address - BENCH_BASE);
}

void interp_bench_code(struct interp_bench *bench, uint64_t address, const void *code, unsigned size)
{
    struct ram *ram = address < 1 << 20 ? bench->low : bench->ram;
    uint64_t offset = address < 1 << 20 ? address : address - BENCH_BASE;
    memcpy(ram->host + offset, code, size);
    trace_invalidate(bench->traces, ram, offset, size);
}
