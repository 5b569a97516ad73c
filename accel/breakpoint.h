/*
 * Breakpoints and watchpoints: what the guest shall be stopped for, and what it was stopped for. The monitor and
 * the gdb stub fill the set; engines ask it. It knows neither of them.
 *
 * Nothing of this is ever in guest memory. An engine plants what it needs in its own structures when it is told
 * that the set has changed (accel_ops.breakpoints_changed), reports what happens with breakpoints_event(), and
 * leaves the guest's code with VCPU_DEBUG. Then, outside guest code and with the CPU's state at hand,
 * breakpoints_accept() looks through the points that match: CPU, condition, count. Only if one of them wants it
 * does the machine stop; so a condition may look at everything, and costs one way out of the engine and back.
 *
 * An engine that runs guest code natively must not run what the set is about: while breakpoints_armed(), it
 * interprets the pages of breakpoints_code_page() and those that touch breakpoints_watched() ones, and everything
 * if `index.events` has bits that it cannot see (all but exceptions, say).
 *
 * Threads: the set is changed in the main thread while the CPUs are parked (accel_breakpoints_edit/done). While
 * they run it belongs to the VCPU thread, which counts hits and takes temporary points out of service.
 *
 * Not watched: accesses of devices (DMA), and those of the page walk itself.
 */
#ifndef ACCEL_BREAKPOINT_H
#define ACCEL_BREAKPOINT_H

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "accel/x86_state.h"

enum breakpoint_kind {
    /* Before an instruction is executed, by its address. */
    BREAK_LINEAR,
    BREAK_PHYSICAL,
    BREAK_SEGMENT, /* selector:offset, as CS and RIP are */
    /* After the instruction that made an access. */
    WATCH_LINEAR,
    WATCH_PHYSICAL,
    WATCH_PORT,
    /* Before the faulting instruction, with the exception not delivered yet (#DB, and faults on the way to an
     * interrupt's handler: at the handler's first instruction). */
    BREAK_EXCEPTION,
    BREAK_INTERRUPT, /* external, NMI, INT n: at the handler's first instruction */
    BREAK_MODE,      /* after the instruction that changed between real, protected, V86, compatibility, 64-bit */
    BREAK_CR3,       /* after a load of CR3 */
    BREAK_TRIPLE,    /* where the CPU shuts down */
    BREAK_MAGIC,     /* after XCHG BX,BX */
    BREAK_RETURN,    /* before RET, IRET and the like with the stack at or a little above `address` */
};

#define BREAK_ANY UINT64_MAX /* address of BREAK_EXCEPTION, BREAK_INTERRUPT: any vector */
#define BREAK_READ 1u
#define BREAK_WRITE 2u
#define BREAK_SIZE_MAX (64u << 20) /* bytes of a watchpoint */

enum breakpoint_owner { BREAK_OWNER_MONITOR, BREAK_OWNER_GDB };

typedef bool breakpoint_condition(void *arg, unsigned cpu, const struct x86_state *state);

struct breakpoint {
    enum breakpoint_kind kind;
    enum breakpoint_owner owner;
    uint64_t address;  /* linear, physical or offset; first port; vector; stack pointer */
    uint64_t size;     /* of what is watched: bytes or ports, at least 1 */
    uint16_t selector; /* BREAK_SEGMENT */
    uint8_t access;    /* watchpoints: BREAK_READ, BREAK_WRITE */
    int cpu;           /* only this one; -1: any */
    bool disabled;
    bool temporary;    /* goes away when it has stopped the machine */
    bool hidden;       /* not in lists: made by a command for its own use */
    uint64_t ignore;   /* so many more hits do not stop */
    uint64_t sp_above; /* only with a stack pointer at least this: the frame that set it, not a deeper one */
    /* NULL: always. Called in the VCPU thread, outside guest code; or in the main thread by accel_debug_step(). */
    breakpoint_condition *condition;
    void *condition_arg;              /* given back through condition_free (may be NULL) */
    GDestroyNotify condition_free;
    /* The set's own: */
    unsigned number;   /* from 1, never used again */
    uint64_t hits;     /* how often it was met with its condition true */
    bool gone;         /* has done its duty: to be removed */
};

/* Something that happened in the guest. */
struct break_event {
    enum breakpoint_kind kind; /* of the points it concerns; BREAK_LINEAR, WATCH_LINEAR also stand for physical ones */
    unsigned cpu;
    uint64_t linear;    /* of the instruction, or of the access; port; vector; new CR3; stack pointer */
    uint64_t physical;
    uint16_t selector;  /* CS */
    uint64_t rip;       /* offset in CS */
    unsigned size;      /* of the access, bytes */
    bool write;
    uint64_t old_value; /* before a write; of MODE: the mode left; 0 for a port */
    uint64_t value;     /* read or written; error code of an exception; of MODE: enum break_mode */
};

enum break_mode { BREAK_MODE_REAL, BREAK_MODE_PROTECTED, BREAK_MODE_V86, BREAK_MODE_COMPATIBILITY, BREAK_MODE_LONG };
/* "real mode" ... */
const char *break_mode_text(enum break_mode mode);

/* Why the machine stands. */
enum break_stop_why { BREAK_STOP_NONE, BREAK_STOP_POINT, BREAK_STOP_STEP };
struct break_stop {
    enum break_stop_why why;
    unsigned cpu;
    unsigned number; /* of the point */
    enum breakpoint_owner owner;
    enum breakpoint_kind kind;
    bool hidden;
    uint8_t access;  /* the watchpoint's */
    struct break_event event;
};

#define BREAK_PAGE_WORDS 64 /* a bit for each byte of a page */

/* What engines look at before they report; kept up to date by the set. */
struct break_index {
    uint32_t events;      /* bit 1 << kind: there is an active point of this kind */
    bool precise;         /* something stops right after an instruction: watchpoints, modes, CR3 */
    uint64_t code[BREAK_PAGE_WORDS]; /* offsets in a page at which a breakpoint on code may lie */
};

struct breakpoints {
    struct break_index index;
    pthread_mutex_t lock;   /* of the VCPU threads among themselves, where there are several */
    GPtrArray *points;      /* struct breakpoint *, by number; owned */
    GHashTable *linear, *physical; /* address -> the number of active code breakpoints there */
    GHashTable *watched_linear, *watched_physical; /* page number -> uint64_t[BREAK_PAGE_WORDS], bytes watched */
    bool changed;           /* since breakpoints_update() */
    bool runs;              /* the engine was told last because the CPUs are to run, not for a single step */
    unsigned next_number;
    unsigned cpus;
    struct break_event *pending; /* of each CPU; valid if the bit is set */
    bool *has_pending;
    struct break_stop stop; /* the last one */
};

struct breakpoints *breakpoints_create(unsigned cpus);
void breakpoints_destroy(struct breakpoints *set);

/* Adds a copy of *point and returns it. The condition's argument belongs to the set from now on. NULL if the size or
 * the vector is out of range; the argument stays with the caller then. */
struct breakpoint *breakpoints_add(struct breakpoints *set, const struct breakpoint *point);
void breakpoints_remove(struct breakpoints *set, struct breakpoint *point);
/* All of an owner; hidden ones only, or all. */
void breakpoints_remove_all(struct breakpoints *set, enum breakpoint_owner owner, bool hidden_only);
/* Those that are gone. */
void breakpoints_purge(struct breakpoints *set);
/* NULL if there is none, or it is hidden. */
struct breakpoint *breakpoints_find(const struct breakpoints *set, unsigned number);
/* An owner's point of this kind, address and size; NULL if there is none. */
struct breakpoint *breakpoints_match(const struct breakpoints *set, enum breakpoint_owner owner,
                                     const struct breakpoint *like);
/* After a change of a point's fields. */
void breakpoints_touch(struct breakpoints *set);
/* Brings the index up to date with the points; accel/debug.c calls it before the CPUs run. */
void breakpoints_update(struct breakpoints *set);

/* ---- for engines ---- */

static inline bool breakpoints_armed(const struct breakpoints *set)
{
    return set->index.events != 0;
}
static inline bool break_index_wants(const struct break_index *index, enum breakpoint_kind kind)
{
    return (index->events >> kind & 1) != 0;
}
static inline bool breakpoints_wants(const struct breakpoints *set, enum breakpoint_kind kind)
{
    return break_index_wants(&set->index, kind);
}
/* May there be a code breakpoint at an address with this offset in its page? */
static inline bool break_index_code(const struct break_index *index, uint64_t address)
{
    return (index->code[address >> 6 & 63] >> (address & 63) & 1) != 0;
}
/* Is there one on this page, by its linear or physical address? (seg:off points count for every page.) */
bool breakpoints_code_page(const struct breakpoints *set, uint64_t linear, uint64_t physical);
/* Is any byte of the page watched? */
bool breakpoints_watched(const struct breakpoints *set, uint64_t linear, uint64_t physical);

/* Does what was made for `has` do for `wants`, too? */
bool break_index_covers(const struct break_index *has, const struct break_index *wants);

/* Reports an event. True if it concerns an active point: the engine shall leave guest code (at the time the kind
 * says) with VCPU_DEBUG. The first event of a CPU counts until it was accepted. */
bool breakpoints_event(struct breakpoints *set, const struct break_event *event);
/* After VCPU_DEBUG, outside guest code: takes the CPU's event, counts hits, evaluates conditions. True if the
 * machine shall stop; set->stop says why. */
bool breakpoints_accept(struct breakpoints *set, unsigned cpu, const struct x86_state *state);

#endif
