/*
 * Memory slots, dirty log and CPUID of the KVM engine, on a fake kernel: what KVM is told when the bus's view changes, how
 * its log reaches the display and the interpreter's decoded code, and which features a guest is shown.
 */
#include <errno.h>
#include <string.h>

#include "accel/kvm/kvm_impl.h"
#include "tests/support/fake_kvm.h"
#include "tests/support/test.h"

#define MIB (1u << 20)

struct rig {
    struct fake_kvm fake;
    struct machine *machine;
    struct ram *ram, *rom;
    struct region low, high, rom_region, device;
    struct mapping *device_mapping;
    struct kvm_engine engine;
    unsigned dropped; /* calls of the code hook */
    uint64_t dropped_at;
};

static void code_changed(void *arg, struct ram *ram, uint64_t offset, uint64_t size)
{
    struct rig *r = arg;
    g_assert_cmpuint(size, ==, RAM_PAGE_SIZE);
    r->dropped++;
    r->dropped_at = offset;
    __atomic_fetch_and(&ram->flags[offset >> RAM_PAGE_BITS], (uint8_t)~RAM_CODE, __ATOMIC_RELAXED);
}

static uint64_t device_read(void *owner, uint64_t offset, unsigned size)
{
    return 0;
}

static const struct region_ops device_ops = { .read = device_read };

/* 1 MiB of RAM at 0 with a device in its middle and ROM at its end, 1 MiB more at 4 GiB. */
static void rig_create(struct rig *r, bool emulated)
{
    GError *error = NULL;
    *r = (struct rig){ 0 };
    fake_kvm_vt(&r->fake);
    r->machine = test_machine_create();
    r->ram = ram_create("ram", 2 * MIB, NULL);
    r->rom = ram_create("rom", 0x10000, NULL);
    r->ram->code_hook = code_changed;
    r->ram->hook_arg = r;
    region_init_ram(&r->low, "low", r->ram, 0, MIB);
    region_init_ram(&r->high, "high", r->ram, MIB, MIB);
    region_init_rom(&r->rom_region, "rom", r->rom, 0, 0x10000);
    region_init_io(&r->device, "device", 0x20000, &device_ops, NULL);
    bus_map(r->machine->memory, &r->low, 0, 0);
    bus_map(r->machine->memory, &r->high, 1ull << 32, 0);
    bus_map(r->machine->memory, &r->rom_region, 0xf0000, 1);
    r->device_mapping = bus_map(r->machine->memory, &r->device, 0xc0000, 1);
    r->engine = (struct kvm_engine){ .machine = r->machine, .sys = r->fake.sys, .count = 1, .vm = 101, .device = 100,
                                     .limits = { .emulated = emulated }, .caps = { .readonly_mem = true } };
    r->engine.memory = kvm_memory_create(&r->engine, &error);
    g_assert_no_error(error);
}

static void rig_destroy(struct rig *r)
{
    kvm_memory_destroy(r->engine.memory);
    test_machine_destroy(r->machine);
    ram_destroy(r->ram);
    ram_destroy(r->rom);
}

/* The slot at a guest physical address, or NULL. */
static const struct kvm_userspace_memory_region *slot_at(const struct rig *r, uint64_t base)
{
    for (unsigned i = 0; i < FAKE_SLOTS; i++) {
        const struct kvm_userspace_memory_region *s = &r->fake.slots[i];
        if (s->memory_size != 0 && s->guest_phys_addr == base) {
            return s;
        }
    }
    return NULL;
}

static unsigned slot_count(const struct rig *r)
{
    unsigned count = 0;
    for (unsigned i = 0; i < FAKE_SLOTS; i++) {
        count += r->fake.slots[i].memory_size != 0;
    }
    return count;
}

static void assert_slot(const struct rig *r, uint64_t base, uint64_t size, const void *host, uint32_t flags)
{
    const struct kvm_userspace_memory_region *s = slot_at(r, base);
    g_assert_nonnull(s);
    g_assert_cmphex(s->memory_size, ==, size);
    g_assert_cmphex(s->userspace_addr, ==, (uintptr_t)host);
    g_assert_cmphex(s->flags, ==, flags);
}

static void test_slots(void)
{
    struct rig r;
    rig_create(&r, false);
    g_assert_cmpuint(slot_count(&r), ==, 4);
    assert_slot(&r, 0, 0xc0000, r.ram->host, 0);
    assert_slot(&r, 0xe0000, 0x10000, r.ram->host + 0xe0000, 0);
    assert_slot(&r, 0xf0000, 0x10000, r.rom->host, KVM_MEM_READONLY);
    assert_slot(&r, 1ull << 32, MIB, r.ram->host + MIB, 0);
    /* The device goes: RAM comes in its place; what did not change is not touched. */
    unsigned changes = r.fake.slot_changes;
    bus_unmap(r.machine->memory, r.device_mapping);
    g_assert_cmpuint(slot_count(&r), ==, 3);
    assert_slot(&r, 0, 0xf0000, r.ram->host, 0);
    g_assert_cmpuint(r.fake.slot_changes - changes, ==, 3); /* two go, one comes */
    /* Stores to ROM go nowhere; to RAM and to what is no slot they are not ours to judge. */
    g_assert_true(kvm_memory_store_vanishes(r.engine.memory, 0, 0xf1234, 4));
    g_assert_false(kvm_memory_store_vanishes(r.engine.memory, 0, 0xffffe, 4));
    g_assert_false(kvm_memory_store_vanishes(r.engine.memory, 0, 0x1234, 4));
    g_assert_false(kvm_memory_store_vanishes(r.engine.memory, 0, 0x80000000, 4));
    kvm_memory_destroy(r.engine.memory);
    r.engine.memory = kvm_memory_create(&r.engine, NULL);
    rig_destroy(&r);
}

/* A display switches its log on: from then on what KVM logs is dirty, and fetched means clean. */
static void test_display_log(void)
{
    struct rig r;
    uint64_t bits[8];
    rig_create(&r, false);
    ram_log_dirty(r.ram, true);
    g_assert_true(ram_dirty_fetch(r.ram, 0, 256, bits)); /* all, at first */
    assert_slot(&r, 0, 0xc0000, r.ram->host, KVM_MEM_LOG_DIRTY_PAGES);
    while (ram_dirty_fetch(r.ram, 0, 256, bits)) {
        g_assert_cmpuint(r.fake.log_fetches, <, 10);
    }
    uint64_t dirty[3] = { 1ull << 5, 0, 1ull << 63 };
    r.fake.dirty[slot_at(&r, 0)->slot] = dirty;
    g_assert_true(ram_dirty_fetch(r.ram, 0, 256, bits));
    g_assert_cmphex(bits[0], ==, 1ull << 5);
    g_assert_cmphex(bits[1], ==, 0);
    g_assert_cmphex(bits[2], ==, 1ull << 63);
    g_assert_false(ram_dirty_fetch(r.ram, 0, 256, bits));
    rig_destroy(&r);
}

static void set_code(struct rig *r, uint64_t page)
{
    r->ram->flags[page] |= RAM_CODE;
}

static void test_code_of_written_pages(void)
{
    struct rig r;
    rig_create(&r, true);
    assert_slot(&r, 0, 0xc0000, r.ram->host, KVM_MEM_LOG_DIRTY_PAGES); /* from the start */
    set_code(&r, 3);
    set_code(&r, 70);
    uint64_t dirty[3] = { 1ull << 4, 1ull << (70 - 64), 0 }; /* page 4 has no code, page 3 was not written */
    r.fake.dirty[slot_at(&r, 0)->slot] = dirty;
    g_assert_true(kvm_memory_drop_code(r.engine.memory));
    g_assert_cmpuint(r.dropped, ==, 1);
    g_assert_cmphex(r.dropped_at, ==, 70 * RAM_PAGE_SIZE);
    g_assert_true(kvm_memory_drop_code(r.engine.memory));
    g_assert_cmpuint(r.dropped, ==, 1); /* fetched once */
    /* In the second piece of the block. */
    set_code(&r, 256 + 9);
    uint64_t high[4] = { 1ull << 9 };
    r.fake.dirty[slot_at(&r, 1ull << 32)->slot] = high;
    g_assert_true(kvm_memory_drop_code(r.engine.memory));
    g_assert_cmphex(r.dropped_at, ==, MIB + 9 * RAM_PAGE_SIZE);
    struct kvm_code_drops drops = kvm_memory_code_drops(r.engine.memory);
    g_assert_cmpuint(drops.times, ==, 3);
    g_assert_cmpuint(drops.pages, ==, 2);
    g_assert_cmpuint(drops.unknown, ==, 0);
    rig_destroy(&r);
}

/* What somebody else fetched, what cannot be fetched, and what nobody logs: all code has to go. */
static void test_code_unknown(void)
{
    struct rig r;
    uint64_t bits[8], dirty[4] = { 1ull << 3 };
    rig_create(&r, true);
    set_code(&r, 3);
    ram_log_dirty(r.ram, true);
    r.fake.dirty[slot_at(&r, 0)->slot] = dirty;
    ram_dirty_fetch(r.ram, 0, 16, bits); /* the display's timer, while the CPUs run */
    g_assert_cmpuint(r.dropped, ==, 0);
    g_assert_false(kvm_memory_drop_code(r.engine.memory));
    g_assert_true(kvm_memory_drop_code(r.engine.memory));
    dirty[0] = 1ull << 3;
    bus_unmap(r.machine->memory, r.device_mapping); /* a slot goes, and its log with it */
    g_assert_false(kvm_memory_drop_code(r.engine.memory));
    r.fake.log_error = ENOENT;
    g_assert_false(kvm_memory_drop_code(r.engine.memory));
    rig_destroy(&r);
    rig_create(&r, false); /* hardware keeps its large pages */
    g_assert_false(kvm_memory_drop_code(r.engine.memory));
    g_assert_cmpuint(r.fake.log_fetches, ==, 0);
    rig_destroy(&r);
}

/* ---- CPUID ---- */

static void masked(struct x86_cpuid *cpuid, bool emulated, const struct kvm_cpuid_entry2 *entries, unsigned count)
{
    struct fake_kvm fake;
    fake_kvm_vt(&fake);
    fake.supported = entries;
    fake.supported_count = count;
    struct kvm_engine engine = { .sys = fake.sys, .device = 100, .limits = { .emulated = emulated } };
    g_assert_true(x86_cpuid_parse(cpuid, "qemu64", NULL));
    g_assert_true(x86_has(cpuid, X86_CX16) && x86_has(cpuid, X86_SSE3) && x86_has(cpuid, X86_APIC));
    g_assert_cmpint(kvm_cpuid_mask(&engine, cpuid), ==, entries != NULL);
}

static void test_cpuid(void)
{
    /* All of leaf 1 but SSE3 (ECX bit 0) and the APIC (EDX bit 9); all of the extended leaf. */
    static const struct kvm_cpuid_entry2 entries[] = {
        { .function = 1, .ecx = ~1u, .edx = ~(1u << 9) },
        { .function = 0x80000001, .ecx = ~0u, .edx = ~0u },
    };
    struct x86_cpuid cpuid;
    masked(&cpuid, false, entries, G_N_ELEMENTS(entries));
    g_assert_false(x86_has(&cpuid, X86_SSE3)); /* not listed */
    g_assert_true(x86_has(&cpuid, X86_APIC));  /* ours, whatever KVM lists */
    g_assert_true(x86_has(&cpuid, X86_CX16) && x86_has(&cpuid, X86_LM));
    masked(&cpuid, true, entries, G_N_ELEMENTS(entries));
    g_assert_false(x86_has(&cpuid, X86_CX16)); /* listed, but its emulator has it not */
    g_assert_true(x86_has(&cpuid, X86_LM));
    masked(&cpuid, false, NULL, 0); /* the ioctl fails: said so, nothing changed */
    g_assert_true(x86_has(&cpuid, X86_SSE3));
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/kvm/memory/slots", test_slots);
    g_test_add_func("/kvm/memory/display-log", test_display_log);
    g_test_add_func("/kvm/memory/code-of-written-pages", test_code_of_written_pages);
    g_test_add_func("/kvm/memory/code-unknown", test_code_unknown);
    g_test_add_func("/kvm/cpuid/mask", test_cpuid);
    return g_test_run();
}
