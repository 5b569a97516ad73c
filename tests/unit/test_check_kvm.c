/*
 * The cross-check: its comparisons, and the whole of it on the host's KVM, with a difference that the test makes.
 */
#include "accel/kvm/check.h"

#include <string.h>

#include "accel/interp/interp.h"
#include "accel/kvm/check_impl.h"
#include "accel/kvm/probe.h"
#include "tests/support/test.h"

#define RAM_SIZE (1u << 20)
#define CODE_AT 0x1000u
#define DATA_AT 0x8000u

/* ---- comparing ---- */

static void test_states(void)
{
    g_autofree struct check_cpu *k = g_new0(struct check_cpu, 1);
    struct x86_state interp = { 0 }, kvm;
    bool tolerated;
    x86_state_reset(&interp, false, 0x60fb1);
    kvm = interp;
    g_assert_null(check_compare_state(k, &interp, &kvm, &tolerated));
    g_assert_false(tolerated);
    kvm.gpr[RDI] = 1;
    g_autofree char *gpr = check_compare_state(k, &interp, &kvm, &tolerated);
    g_assert_cmpstr(gpr, ==, "gpr[7]");
    kvm = interp;
    kvm.seg[DS].limit = 5;
    g_autofree char *limit = check_compare_state(k, &interp, &kvm, &tolerated);
    g_assert_cmpstr(limit, ==, "seg[3].limit");
    kvm = interp;
    kvm.msr.efer = EFER_LME;
    g_autofree char *efer = check_compare_state(k, &interp, &kvm, &tolerated);
    g_assert_cmpstr(efer, ==, "msr.efer");
}

/* What need not be equal. */
static void test_leniency(void)
{
    g_autofree struct check_cpu *k = g_new0(struct check_cpu, 1);
    struct x86_state interp = { 0 }, kvm;
    bool tolerated;
    x86_state_reset(&interp, false, 0x60fb1);
    kvm = interp;
    kvm.rflags ^= FLAG_AF;
    g_autofree char *flags = check_compare_state(k, &interp, &kvm, &tolerated);
    g_assert_cmpstr(flags, ==, "rflags");
    k->insn.undefined = FLAG_AF;
    kvm.rflags = interp.rflags ^ FLAG_AF;
    g_assert_null(check_compare_state(k, &interp, &kvm, &tolerated));
    g_assert_true(tolerated);
    kvm = interp;
    kvm.tsc += 100;
    kvm.seg[ES].attr ^= SEG_G | SEG_A;
    kvm.fpu.fip = 77;
    kvm.msr.star = 5;
    g_assert_null(check_compare_state(k, &interp, &kvm, &tolerated));
    /* The x87 counts only if the instruction may change it. */
    kvm = interp;
    kvm.fpu.st[0][0] = 1;
    g_assert_null(check_compare_state(k, &interp, &kvm, &tolerated));
    k->insn.fpu = true;
    kvm.fpu.st[0][0] = 1;
    g_autofree char *fpu = check_compare_state(k, &interp, &kvm, &tolerated);
    g_assert_true(g_str_has_prefix(fpu, "fpu.st"));
    /* Hidden parts of a segment that cannot be used. */
    interp.seg[FS].attr = kvm.seg[FS].attr = 0;
    kvm.seg[FS].limit = 1;
    kvm.fpu = interp.fpu;
    g_assert_null(check_compare_state(k, &interp, &kvm, &tolerated));
}

static void test_memory(void)
{
    struct machine *machine = test_machine_create();
    struct ram *ram = test_machine_add_ram(machine, RAM_SIZE);
    g_autofree struct check_cpu *k = g_new0(struct check_cpu, 1);
    k->store_count = 2;
    k->stores[0] = (struct check_store){ .address = DATA_AT, .size = 4, .data = { 1, 2, 3, 4 } };
    k->stores[1] = (struct check_store){ .address = DATA_AT + 2, .size = 1, .data = { 9 } };
    memcpy(ram->host + DATA_AT, (const uint8_t[]){ 1, 2, 9, 4 }, 4);
    g_assert_null(check_compare_memory(k, machine->memory));
    ram->host[DATA_AT + 3] = 5;
    g_autofree char *text = check_compare_memory(k, machine->memory);
    g_assert_cmpstr(text, ==, "memory at 0x8003: interpreter 05, KVM 04");
    ram->host[DATA_AT + 3] = 4;
    ram->host[DATA_AT + 2] = 3; /* what only the first store would have left */
    g_autofree char *last = check_compare_memory(k, machine->memory);
    g_assert_cmpstr(last, ==, "memory at 0x8002: interpreter 03, KVM 09");
    test_machine_destroy(machine);
}

/* ---- on the host's KVM ---- */

struct rig {
    struct machine *machine;
    struct ram *ram;
    struct x86_cpuid cpuid;
    struct kvm_probe probe;
    struct accel_open open;
    void *interp, *check;
};

/* False: skipped. */
static bool rig_create(struct rig *rig)
{
    GError *error = NULL;
    memset(rig, 0, sizeof(*rig));
    kvm_probe(&rig->probe, &kvm_sys_host);
    if (!kvm_probe_usable(&rig->probe)) {
        g_autofree char *why = g_strdup_printf("no usable KVM here: %s", rig->probe.reason);
        g_test_skip(why);
        return false;
    }
    rig->machine = test_machine_create();
    rig->ram = test_machine_add_ram(rig->machine, RAM_SIZE);
    lock_release(&rig->machine->lock);
    g_assert_true(x86_cpuid_parse(&rig->cpuid, NULL, NULL));
    rig->cpuid.cpu_count = 1;
    rig->cpuid.tsc_khz = 1000000;
    rig->open = (struct accel_open){ .machine = rig->machine, .cpuid = &rig->cpuid, .cpus = 1,
                                     .limits = &rig->probe.limits, .may_mask = true };
    rig->interp = accel_interp_ops.open(&rig->open, &error);
    g_assert_no_error(error);
    rig->open.interp = rig->interp;
    rig->check = accel_check_ops.open(&rig->open, &error);
    g_assert_no_error(error);
    return true;
}

static void rig_destroy(struct rig *rig)
{
    accel_check_ops.close(rig->check);
    accel_interp_ops.close(rig->interp);
    test_machine_destroy(rig->machine);
}

/* Flat 32-bit protected mode at the code. */
static void rig_start(struct rig *rig, const uint8_t *code, size_t size)
{
    struct x86_state state;
    memcpy(rig->ram->host + CODE_AT, code, size);
    ram_touched(rig->ram, CODE_AT, size);
    accel_check_ops.vcpu_reset(rig->check, 0);
    accel_check_ops.state_get(rig->check, 0, &state);
    for (unsigned i = ES; i <= GS; i++) {
        state.seg[i] = (struct x86_segment){
            .limit = 0xffffffff,
            .attr = SEG_P | SEG_S | SEG_W | SEG_A | SEG_DB | SEG_G | (i == CS ? SEG_CODE : 0),
            .selector = i == CS ? 8 : 16,
        };
    }
    state.cr0 = CR0_PE | CR0_ET;
    state.gpr[RSP] = DATA_AT;
    state.rip = CODE_AT;
    state.a20 = true;
    accel_check_ops.state_put(rig->check, 0, &state);
}

static char *rig_report(struct rig *rig)
{
    GString *out = g_string_new(NULL);
    check_report(rig->check, out);
    return g_string_free(out, FALSE);
}

/* Loops, stores, calls, string instructions, flags that are undefined; to HLT. */
static const uint8_t program[] = {
    0xb9, 5, 0, 0, 0,                   /* mov ecx, 5 */
    0xbf, 0, 0x90, 0, 0,                /* mov edi, 9000h */
    0xb8, 0x78, 0x56, 0x34, 0x12,       /* mov eax, 12345678h */
    0xf3, 0xab,                         /* rep stosd */
    0x66, 0x89, 0x07,                   /* mov [edi], ax */
    0xc6, 0x47, 4, 7,                   /* mov byte [edi + 4], 7 */
    0xf7, 0xe0,                         /* mul eax */
    0x50,                               /* push eax */
    0x5b,                               /* pop ebx */
    0xe8, 0, 0, 0, 0,                   /* call next */
    0x58,                               /* pop eax */
    0x31, 0xc0,                         /* xor eax, eax */
    0x87, 0x07,                         /* xchg [edi], eax */
    0xf0, 0xff, 0x07,                   /* lock inc dword [edi] */
    0xf4,                               /* hlt */
};

static void test_equal(void)
{
    struct rig rig;
    if (!rig_create(&rig)) {
        return;
    }
    rig_start(&rig, program, sizeof(program));
    enum vcpu_exit exit = VCPU_KICKED;
    for (unsigned i = 0; i < 10 && exit == VCPU_KICKED; i++) {
        exit = accel_check_ops.vcpu_run(rig.check, 0);
    }
    g_assert_cmpint(exit, ==, VCPU_HALTED);
    g_assert_false(check_found(rig.check));
    g_autofree char *report = rig_report(&rig);
    unsigned long compared = strtoul(report + strlen("compared: "), NULL, 10);
    g_assert_cmpuint(compared, >=, 10);
    g_assert_nonnull(strstr(report, "no difference"));
    /* What KVM stored was dropped, what the interpreter stored is there, once. */
    g_assert_cmphex(*(uint32_t *)(rig.ram->host + 0x9010), ==, 0x12345678);
    g_assert_cmphex(*(uint32_t *)(rig.ram->host + 0x9014), ==, 1);
    rig_destroy(&rig);
}

/* A register of the interpreter's CPU is changed behind KVM's back. */
static void test_different(void)
{
    static const uint8_t code[] = { 0x90, 0x90, 0x43, 0x43, 0xf4 }; /* nop; nop; inc ebx; inc ebx; hlt */
    struct rig rig;
    if (!rig_create(&rig)) {
        return;
    }
    rig_start(&rig, code, sizeof(code));
    struct cpu *cpu = interp_engine_cpu(rig.interp, 0);
    check_single_step(rig.check, 0);
    g_assert_cmphex(cpu->rip, ==, CODE_AT + 1);
    g_assert_false(check_found(rig.check));
    cpu->gpr[RBX] = 41;
    g_assert_cmpint(accel_check_ops.vcpu_run(rig.check, 0), ==, VCPU_ERROR);
    g_assert_true(check_found(rig.check));
    g_autofree char *report = rig_report(&rig);
    g_assert_nonnull(strstr(report, "with a difference\n"));
    g_assert_nonnull(strstr(report, "difference: gpr[3]\n"));
    g_assert_nonnull(strstr(report, "after, interpreter:\n"));
    g_assert_nonnull(strstr(report, "after, KVM:\n"));
    rig_destroy(&rig);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/check-kvm/states", test_states);
    g_test_add_func("/check-kvm/leniency", test_leniency);
    g_test_add_func("/check-kvm/memory", test_memory);
    g_test_add_func("/check-kvm/equal", test_equal);
    g_test_add_func("/check-kvm/different", test_different);
    return g_test_run();
}
