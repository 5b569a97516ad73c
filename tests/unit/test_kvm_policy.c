/*
 * Where the modes of a CPU run, by what the KVM can do and by -accel-policy.
 */
#include "accel/kvm/kvm_policy.h"
#include "accel/kvm/kvm_sys.h"
#include "tests/support/cpu_test.h"

static const struct kvm_limits pvm = { .no_paging32 = true, .emulated = true, .no_x87 = true };
static const struct kvm_limits vt = { 0 };

static bool interpreted(struct kvm_policy *policy, const struct cpu *cpu)
{
    const char *why = NULL;
    bool yes = kvm_policy_interpret(policy, cpu, &why);
    g_assert_true(!yes || why != NULL);
    return yes;
}

static void test_modes(void)
{
    g_assert_cmpint(kvm_mode_of(0, 0, 0, 0, 0), ==, KVM_MODE_REAL);
    g_assert_cmpint(kvm_mode_of(CR0_PE, 0, 0, 0, 0), ==, KVM_MODE_PROT);
    g_assert_cmpint(kvm_mode_of(CR0_PE | CR0_PG, 0, 0, 0, 3), ==, KVM_MODE_PAGED);
    g_assert_cmpint(kvm_mode_of(CR0_PE | CR0_PG, FLAG_VM, 0, 0, 3), ==, KVM_MODE_V86);
    g_assert_cmpint(kvm_mode_of(CR0_PE | CR0_PG, 0, EFER_LMA, 0, 0), ==, KVM_MODE_LONG);
    g_assert_cmpint(kvm_mode_of(CR0_PE | CR0_PG, 0, EFER_LMA, 0, 3), ==, KVM_MODE_USER64);
}

static void test_full(void)
{
    struct kvm_policy policy;
    struct cpu_test *t = cpu_test_create("max");
    kvm_policy_init(&policy, &vt);
    cpu_test_real(t);
    g_assert_false(interpreted(&policy, t->cpu));
    cpu_test_protected(t, 3);
    g_assert_false(interpreted(&policy, t->cpu));
    cpu_test_long(t, 3);
    g_assert_false(interpreted(&policy, t->cpu));
    cpu_test_long(t, 0);
    g_assert_false(interpreted(&policy, t->cpu));
    t->cpu->s.a20 = false; /* no KVM has the gate */
    g_assert_true(interpreted(&policy, t->cpu));
    cpu_test_destroy(t);
}

static void test_limited(void)
{
    struct kvm_policy policy;
    struct cpu_test *t = cpu_test_create("max");
    kvm_policy_init(&policy, &pvm);
    cpu_test_real(t);
    g_assert_false(interpreted(&policy, t->cpu));
    cpu_test_protected(t, 0);
    g_assert_false(interpreted(&policy, t->cpu));
    t->cpu->s.dr[7] = 0x401;
    g_assert_true(interpreted(&policy, t->cpu));
    cpu_test_protected(t, 3); /* an instruction that it does not know is #UD there */
    t->cpu->s.dr[7] = 0x400;
    g_assert_true(interpreted(&policy, t->cpu));
    cpu_test_protected(t, 0);
    t->cpu->s.cr0 |= CR0_PG;
    g_assert_true(interpreted(&policy, t->cpu));
    cpu_test_destroy(t);
}

/* Once 64-bit user code has run, stale translations are possible: long mode stays with the interpreter. */
static void test_user_seen(void)
{
    struct kvm_policy policy;
    struct cpu_test *t = cpu_test_create("max");
    kvm_policy_init(&policy, &pvm);
    cpu_test_long(t, 0);
    g_assert_false(interpreted(&policy, t->cpu));
    cpu_test_long(t, 3);
    g_assert_true(interpreted(&policy, t->cpu));
    cpu_test_long(t, 0);
    g_assert_true(interpreted(&policy, t->cpu));
    cpu_test_destroy(t);
}

static void test_text(void)
{
    struct kvm_policy policy;
    GError *error = NULL;
    struct cpu_test *t = cpu_test_create("max");
    kvm_policy_init(&policy, &vt);
    g_assert_true(kvm_policy_parse(&policy, "firmware=interp,long=interp", &error));
    cpu_test_real(t);
    g_assert_false(interpreted(&policy, t->cpu));
    t->cpu->s.seg[CS].base = 0xf0000;
    t->cpu->rip = 0xe05b;
    g_assert_true(interpreted(&policy, t->cpu));
    cpu_test_long(t, 0);
    g_assert_true(interpreted(&policy, t->cpu));
    g_assert_true(kvm_policy_parse(&policy, "long=kvm", &error));
    g_assert_false(interpreted(&policy, t->cpu));
    static const char *const bad[] = { "real", "real=", "real=tcg", "moon=interp", "real=interp,,", "real=interp=kvm" };
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(kvm_policy_parse(&policy, bad[i], &error));
        g_assert_nonnull(strstr(error->message, "-accel-policy"));
        g_clear_error(&error);
    }
    cpu_test_destroy(t);
}

static void test_guard(void)
{
    struct kvm_policy policy;
    struct x86_state state = { .cr0 = CR0_ET };
    kvm_policy_init(&policy, &pvm);
    g_assert_false(kvm_policy_guard(&policy, &state)); /* the IVT is needed */
    const struct x86_table ivt = { 0, 0x3ff }, none = { 0, 0 }, idt = { 0x9000, 0x3ff };
    g_assert_false(kvm_policy_between(&policy, state.cr0, &ivt));
    state.cr0 |= CR0_PE;
    g_assert_true(kvm_policy_guard(&policy, &state));
    g_assert_true(kvm_policy_between(&policy, state.cr0, &ivt));
    g_assert_false(kvm_policy_between(&policy, state.cr0, &none));
    g_assert_false(kvm_policy_between(&policy, state.cr0, &idt));
    kvm_policy_init(&policy, &vt);
    g_assert_false(kvm_policy_between(&policy, state.cr0, &ivt));
    g_assert_false(kvm_policy_guard(&policy, &state));
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/kvm/policy/modes", test_modes);
    g_test_add_func("/kvm/policy/full", test_full);
    g_test_add_func("/kvm/policy/limited", test_limited);
    g_test_add_func("/kvm/policy/user-seen", test_user_seen);
    g_test_add_func("/kvm/policy/text", test_text);
    g_test_add_func("/kvm/policy/guard", test_guard);
    return g_test_run();
}
