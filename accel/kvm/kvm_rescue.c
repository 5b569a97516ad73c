/*
 * See kvm_rescue.h. The list of rescues is bounded, and guarded by a mutex of its own since the monitor reads it
 * while CPUs run.
 */
#include "accel/kvm/kvm_rescue.h"

#include <string.h>

#include "accel/interp/tlb.h"
#include "accel/kvm/kvm_impl.h"

#define KVM_STRETCH 4096u        /* instructions of a turn after a first rescue */
#define KVM_STRETCH_MAX (1u << 20)
#define KVM_STRETCH_SPIN 2000u
#define RESET_STRETCH 500000u    /* after a reset, on a KVM that emulates: tables are not yet guarded there */
#define START_STRETCH 5000000u   /* ... after a start-up message: systems look at CPUID, and wait in loops */
#define SLICE 20000u             /* instructions between two looks at mode and time */
#define TIMES_KVM 6u             /* a turn lasts so many times the time that an emulating KVM had ... */
#define TURN_LEAST_NS 2000000u   /* ... within these bounds */
#define TURN_MOST_NS 100000000u
#define LIST_MOST 256  /* places remembered, */
#define LIST_SHOWN 40  /* and listed: those most often met */
#define BYTES_MOST 15
#define PAGES 256 /* direct-mapped memory of where rescues cluster */

struct kvm_rescue {
    uint64_t rip; /* linear */
    enum kvm_reason reason;
    uint8_t bytes[BYTES_MOST];
    unsigned byte_count;
    uint64_t count, instructions, ns;
};

struct kvm_rescues {
    pthread_mutex_t mutex;
    GPtrArray *list; /* struct kvm_rescue *, owned */
    struct kvm_rescue others; /* that found no room */
    uint64_t total;
    uint64_t turns[KVM_REASON_COUNT];
    struct {
        uint64_t page;
        uint32_t stretch;
    } pages[PAGES];
};

static const char *const reason_names[KVM_REASON_COUNT] = {
    [KVM_REASON_EMULATION] = "emulation failure", [KVM_REASON_SHUTDOWN] = "shutdown",
    [KVM_REASON_ENTRY] = "failed entry", [KVM_REASON_UNKNOWN] = "unknown exit",
    [KVM_REASON_SPIN] = "no progress", [KVM_REASON_LATE] = "interrupt window",
    [KVM_REASON_INTERRUPT] = "interrupts", [KVM_REASON_MODE] = "mode", [KVM_REASON_SHARE] = "share of time",
};

uint64_t kvm_now(struct kvm_engine *e)
{
    return e->sys.ops->now(e->sys.arg);
}

struct kvm_rescues *kvm_rescues_create(void)
{
    struct kvm_rescues *r = g_new0(struct kvm_rescues, 1);
    pthread_mutex_init(&r->mutex, NULL);
    r->list = g_ptr_array_new_with_free_func(g_free);
    return r;
}

void kvm_rescues_destroy(struct kvm_rescues *r)
{
    if (r != NULL) {
        g_ptr_array_free(r->list, TRUE);
        pthread_mutex_destroy(&r->mutex);
        g_free(r);
    }
}

static int by_count(gconstpointer a, gconstpointer b)
{
    const struct kvm_rescue *const *x = a, *const *y = b;
    return (*x)->count < (*y)->count ? 1 : (*x)->count > (*y)->count ? -1 : 0;
}

static void print_line(GString *out, const char *rip, const struct kvm_rescue *rescue, const char *bytes)
{
    g_string_append_printf(out, "%-16s %-32s %10" G_GUINT64_FORMAT " %11.3f %12" G_GUINT64_FORMAT " %s\n", rip, bytes,
                           rescue->count, (double)rescue->ns / 1e6, rescue->instructions,
                           reason_names[rescue->reason]);
}

static void print_rescue(GString *out, const struct kvm_rescue *rescue)
{
    char rip[20], bytes[3 * BYTES_MOST + 1] = "";
    unsigned shown = MIN(rescue->byte_count, 10);
    for (unsigned i = 0; i < shown; i++) {
        g_snprintf(bytes + 3 * i, 4, "%02x ", rescue->bytes[i]);
    }
    g_snprintf(rip, sizeof(rip), "%016" G_GINT64_MODIFIER "x", rescue->rip);
    print_line(out, rip, rescue, g_strchomp(bytes));
}

void kvm_rescues_print(struct kvm_rescues *r, GString *out)
{
    pthread_mutex_lock(&r->mutex);
    g_string_append_printf(out, "rescues: %" G_GUINT64_FORMAT "\n", r->total);
    if (r->total > 0) {
        g_string_append_printf(out, "%-16s %-32s %10s %11s %12s %s\n", "RIP", "BYTES", "COUNT", "TIME(ms)",
                               "INSTRUCTIONS", "REASON");
        g_ptr_array_sort(r->list, by_count);
        for (unsigned i = 0; i < MIN(r->list->len, LIST_SHOWN); i++) {
            print_rescue(out, g_ptr_array_index(r->list, i));
        }
        if (r->list->len > LIST_SHOWN) {
            g_string_append_printf(out, "and %u more places\n", r->list->len - LIST_SHOWN);
        }
        if (r->others.count > 0) {
            print_line(out, "others", &r->others, "");
        }
    }
    g_string_append(out, "interpreted by policy:");
    for (unsigned i = KVM_REASON_RESCUES; i < KVM_REASON_COUNT; i++) {
        g_string_append_printf(out, " %s %" G_GUINT64_FORMAT "%s", reason_names[i], r->turns[i],
                               i + 1 < KVM_REASON_COUNT ? "," : "\n");
    }
    pthread_mutex_unlock(&r->mutex);
}

/* ---- the length of a turn ---- */

static uint32_t page_stretch(struct kvm_rescues *r, uint64_t rip)
{
    uint64_t page = rip >> 12;
    uint32_t *stretch = &r->pages[page % PAGES].stretch;
    if (r->pages[page % PAGES].page != page || *stretch == 0) {
        r->pages[page % PAGES].page = page;
        *stretch = KVM_STRETCH / 2;
    }
    *stretch = MIN(*stretch * 2, KVM_STRETCH_MAX);
    return *stretch;
}

static uint64_t clamp(uint64_t value, uint64_t least, uint64_t most)
{
    return value < least ? least : MIN(value, most);
}

static void turn_measure(struct kvm_cpu *c, uint64_t rip)
{
    struct kvm_engine *e = c->engine;
    struct kvm_turn *turn = &c->turn;
    uint64_t now = kvm_now(e), had = now - turn->native_since;
    uint64_t left = turn->reason == KVM_REASON_SPIN ? KVM_STRETCH_SPIN : page_stretch(e->rescues, rip);
    turn->left = MAX(turn->left, left);
    uint64_t most = turn->share == KVM_SHARE_NS ? TURN_MOST_NS : TURN_LEAST_NS;
    turn->until = e->limits.emulated ? now + clamp(had * TIMES_KVM, TURN_LEAST_NS, most) : now;
}

/* ---- the list ---- */

static unsigned code_bytes(struct kvm_cpu *c, uint64_t rip, uint8_t *bytes)
{
    struct machine *machine = c->engine->machine;
    unsigned count = 0;
    uint64_t phys;
    lock_acquire(&machine->lock);
    while (count < BYTES_MOST && pagewalk_probe(c->cpu, rip + count, &phys)) {
        bus_read_bytes(machine->memory, phys, &bytes[count++], 1, false);
    }
    lock_release(&machine->lock);
    return count;
}

static struct kvm_rescue *rescue_find(struct kvm_cpu *c, uint64_t rip, enum kvm_reason reason)
{
    struct kvm_rescues *r = c->engine->rescues;
    for (unsigned i = 0; i < r->list->len; i++) {
        struct kvm_rescue *rescue = g_ptr_array_index(r->list, i);
        if (rescue->rip == rip && rescue->reason == reason) {
            return rescue;
        }
    }
    if (r->list->len >= LIST_MOST) {
        r->others.reason = reason;
        return &r->others;
    }
    struct kvm_rescue *rescue = g_new0(struct kvm_rescue, 1);
    rescue->rip = rip;
    rescue->reason = reason;
    rescue->byte_count = code_bytes(c, rip, rescue->bytes);
    g_ptr_array_add(r->list, rescue);
    return rescue;
}

void kvm_turn_begin(struct kvm_cpu *c)
{
    struct kvm_engine *e = c->engine;
    struct kvm_turn *turn = &c->turn;
    world_take(&e->world, kvm_kick_all, e);
    kvm_coalesced_flush(e);
    if (kvm_has_chips(e)) {
        kvm_gang_take(e);
    } else {
        kvm_take(c, false);
    }
    uint64_t rip = c->cpu->s.seg[CS].base + c->cpu->rip;
    pthread_mutex_lock(&e->rescues->mutex);
    turn_measure(c, rip);
    turn->rescue = NULL;
    e->rescues->turns[turn->reason]++;
    if (turn->reason < KVM_REASON_RESCUES) {
        turn->rescue = rescue_find(c, rip, turn->reason);
        turn->rescue->count++;
        turn->share = KVM_SHARE_NS;
        e->rescues->total++;
    }
    pthread_mutex_unlock(&e->rescues->mutex);
    world_release(&e->world);
}

void kvm_turn_start_up(struct kvm_cpu *c)
{
    if (c->engine->limits.emulated) {
        c->turn.left = START_STRETCH;
    }
}

void kvm_turn_reset(struct kvm_cpu *c)
{
    /* Interrupts of chips in the kernel wait unseen for a window that an emulating KVM may never find. */
    c->turn = (struct kvm_turn){ .share = kvm_has_chips(c->engine) ? KVM_SHARE_NS : KVM_SHARE_FIRST_NS };
    if (c->engine->limits.emulated) {
        c->turn.left = RESET_STRETCH;
    }
}

/* ---- the turn ---- */

/* Something is on its way that the interpreter has to see to its end. */
static bool is_busy(const struct cpu *cpu)
{
    const uint32_t messages = CPU_ATTENTION_INIT | CPU_ATTENTION_SIPI | CPU_ATTENTION_NMI | CPU_ATTENTION_SMI |
                              CPU_ATTENTION_SHADOW;
    return cpu->triple_fault || cpu->s.nmi_pending || cpu->debug_pending != 0 || (cpu->mode & MODE_SINGLE) != 0 ||
           (__atomic_load_n(&cpu->attention, __ATOMIC_SEQ_CST) & messages) != 0;
}

bool kvm_turn_idle(struct kvm_cpu *c)
{
    const char *why;
    return !is_busy(c->cpu) && (c->cpu->s.activity == X86_WAIT_SIPI ||
                                !kvm_policy_interpret(&c->engine->policy, c->cpu, &why));
}

bool kvm_turn_lasts(struct kvm_cpu *c)
{
    const struct cpu *cpu = c->cpu;
    const char *why;
    if (c->turn.left > 0 || cpu->s.activity != X86_ACTIVE || is_busy(cpu) ||
        kvm_policy_interpret(&c->engine->policy, cpu, &why) ||
        kvm_policy_between(&c->engine->policy, cpu->s.cr0, &cpu->s.idtr)) {
        return true;
    }
    return c->turn.until != 0 && kvm_now(c->engine) < c->turn.until;
}

static void turn_account(struct kvm_cpu *c, uint64_t instructions, uint64_t ns)
{
    struct kvm_turn *turn = &c->turn;
    turn->left -= MIN(turn->left, MAX(instructions, 1));
    if (turn->rescue != NULL) {
        pthread_mutex_lock(&c->engine->rescues->mutex);
        turn->rescue->instructions += instructions;
        turn->rescue->ns += ns;
        pthread_mutex_unlock(&c->engine->rescues->mutex);
    }
}

enum vcpu_exit kvm_turn_run(struct kvm_cpu *c)
{
    struct kvm_engine *e = c->engine;
    world_take(&e->world, kvm_kick_all, e);
    if (c->native) { /* gone to KVM with the others of its gang meanwhile */
        world_release(&e->world);
        return VCPU_KICKED;
    }
    kvm_code_settle(e);
    if ((__atomic_load_n(&c->cpu->attention, __ATOMIC_SEQ_CST) & (CPU_ATTENTION_INIT | CPU_ATTENTION_SIPI)) != 0) {
        kvm_turn_start_up(c);
    }
    uint64_t start = kvm_now(e), before = interp_instructions(c->cpu, NULL);
    enum vcpu_exit why = interp_run(c->cpu, SLICE);
    turn_account(c, interp_instructions(c->cpu, NULL) - before, kvm_now(e) - start);
    if (why == VCPU_HALTED) {
        c->turn.left = 0;
    }
    world_release(&e->world);
    return why;
}
