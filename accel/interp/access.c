/*
 * Guest memory off the fast path: segment checks (SDM volume 3, 5.3 and 5.5), canonical addresses, alignment
 * checks, page crossing, devices, stores to pages with decoded code or a dirty log.
 *
 * Faults are raised before anything was stored and never with the machine lock held. A misaligned access to a
 * device is made as naturally aligned pieces in ascending order.
 */
#include "accel/interp/access.h"

#include "accel/interp/apic.h"
#include "accel/interp/breaks.h"
#include "accel/interp/debug.h"
#include "accel/interp/fpu.h"
#include "accel/interp/segment.h"
#include "accel/interp/tlb.h"
#include "accel/interp/trace.h"
#include "core/machine.h"
#include "core/ram.h"

#define PAGE_MASK 0xfffull

/* ---- physical ---- */

static bool machine_enter(struct cpu *cpu)
{
    if (lock_held(&cpu->machine->lock)) {
        return false;
    }
    lock_acquire(&cpu->machine->lock);
    return true;
}

static void machine_leave(struct cpu *cpu, bool entered)
{
    if (entered) {
        lock_release(&cpu->machine->lock);
    }
}

/* The largest naturally aligned piece at the start of [address, address + size). */
static unsigned aligned_piece(uint64_t address, unsigned size)
{
    unsigned piece = 8;
    while (piece > size || (address & (piece - 1)) != 0) {
        piece /= 2;
    }
    return piece;
}

static void device_read(struct cpu *cpu, uint64_t phys, void *data, unsigned size)
{
    uint8_t *bytes = data;
    uint32_t fp_flags = fpu_flags_save();
    bool entered = machine_enter(cpu);
    cpu->machine->trail.rip = cpu->segf[CS].base + cpu->gpr[REG_RIP0];
    while (size > 0) {
        unsigned piece = aligned_piece(phys, size);
        uint64_t value = apic_hit(cpu, phys) ? apic_read(cpu, phys, piece)
                                             : bus_read(cpu->machine->memory, phys, piece);
        memcpy(bytes, &value, piece);
        bytes += piece;
        phys += piece;
        size -= piece;
    }
    machine_leave(cpu, entered);
    fpu_flags_restore(fp_flags);
}

static void device_write(struct cpu *cpu, uint64_t phys, const void *data, unsigned size)
{
    const uint8_t *bytes = data;
    uint32_t fp_flags = fpu_flags_save();
    bool entered = machine_enter(cpu);
    cpu->machine->trail.rip = cpu->segf[CS].base + cpu->gpr[REG_RIP0];
    while (size > 0) {
        unsigned piece = aligned_piece(phys, size);
        uint64_t value = 0;
        memcpy(&value, bytes, piece);
        if (apic_hit(cpu, phys)) {
            apic_write(cpu, phys, value, piece);
        } else {
            bus_write(cpu->machine->memory, phys, value, piece);
        }
        bytes += piece;
        phys += piece;
        size -= piece;
    }
    machine_leave(cpu, entered);
    fpu_flags_restore(fp_flags);
}

/* Pieces that do not cross a page. */
static void piece_read(struct cpu *cpu, uint64_t phys, void *data, unsigned size)
{
    struct memory_page page = apic_memory_find(cpu, phys);
    if (page.host != NULL) {
        memcpy(data, page.host + (phys & PAGE_MASK), size);
    } else {
        device_read(cpu, phys, data, size);
    }
}

static void piece_write(struct cpu *cpu, uint64_t phys, const void *data, unsigned size)
{
    struct memory_page page = apic_memory_find(cpu, phys);
    if (page.kind == MEMORY_RAM) {
        memcpy(page.host + (phys & PAGE_MASK), data, size);
        memory_stored(cpu->memory, &page, phys & PAGE_MASK, size);
    } else {
        device_write(cpu, phys, data, size);
    }
}

uint64_t phys_read(struct cpu *cpu, uint64_t phys, unsigned size)
{
    uint64_t value = 0;
    unsigned first = RAM_PAGE_SIZE - (phys & PAGE_MASK);
    if (first >= size) {
        piece_read(cpu, phys, &value, size);
    } else {
        piece_read(cpu, phys, &value, first);
        piece_read(cpu, phys + first, (uint8_t *)&value + first, size - first);
    }
    return value;
}

void phys_write(struct cpu *cpu, uint64_t phys, uint64_t value, unsigned size)
{
    unsigned first = RAM_PAGE_SIZE - (phys & PAGE_MASK);
    if (first >= size) {
        piece_write(cpu, phys, &value, size);
    } else {
        piece_write(cpu, phys, &value, first);
        piece_write(cpu, phys + first, (const uint8_t *)&value + first, size - first);
    }
}

/* ---- linear ---- */

/* An access of up to 64 bytes after translation. */
struct span {
    struct tlb_entry *entry[2];
    uint64_t linear[2], phys[2];
    unsigned size[2]; /* [1] is 0 unless the access crosses a page */
};

static void span_translate(struct cpu *cpu, const struct insn *insn, uint64_t linear, unsigned size,
                           enum access_kind kind, enum tlb_bank bank, struct span *span)
{
    unsigned room = RAM_PAGE_SIZE - (linear & PAGE_MASK);
    span->linear[0] = linear;
    span->size[0] = size <= room ? size : room;
    span->size[1] = size - span->size[0];
    span->entry[0] = tlb_translate(cpu, insn, linear, kind, bank, &span->phys[0]);
    if (span->size[1] != 0) {
        span->linear[1] = linear + room;
        if ((cpu->mode & MODE_CODE64) == 0 && (cpu->mode & MODE_LMA) == 0) {
            span->linear[1] = (uint32_t)span->linear[1];
        }
        span->entry[1] = tlb_translate(cpu, insn, span->linear[1], kind, bank, &span->phys[1]);
    }
}

static void span_read(struct cpu *cpu, const struct span *span, void *data)
{
    uint8_t *bytes = data;
    for (unsigned i = 0; i < 2 && span->size[i] != 0; i++) {
        if ((span->entry[i]->read_tag & TLB_SLOW) == 0) {
            memcpy(bytes, (const void *)(span->linear[i] + span->entry[i]->addend), span->size[i]);
        } else if (likely(cpu->breaks == NULL)) {
            device_read(cpu, span->phys[i], bytes, span->size[i]);
        } else { /* or a watched page of RAM */
            piece_read(cpu, span->phys[i], bytes, span->size[i]);
            breaks_access(cpu, span->linear[i], span->phys[i], bytes, bytes, span->size[i], false);
        }
        bytes += span->size[i];
    }
}

static bool is_watched(const struct cpu *cpu, uint64_t linear, uint64_t phys)
{
    return unlikely(cpu->breaks != NULL) && breaks_watched(cpu, linear, phys);
}

/* Just before a store to a watched page, which is within the page. */
static void report_write(struct cpu *cpu, uint64_t linear, uint64_t phys, const void *data, unsigned size,
                         const struct memory_page *page)
{
    const void *before = page->host != NULL ? page->host + (phys & PAGE_MASK) : data;
    breaks_access(cpu, linear, phys, data, before, size, true);
}

static void span_write(struct cpu *cpu, const struct span *span, const void *data)
{
    const uint8_t *bytes = data;
    for (unsigned i = 0; i < 2 && span->size[i] != 0; i++) {
        struct tlb_entry *entry = span->entry[i];
        if ((entry->write_tag & TLB_SLOW) == 0) {
            memcpy((void *)(span->linear[i] + entry->addend), bytes, span->size[i]);
        } else {
            struct memory_page page = apic_memory_find(cpu, span->phys[i]);
            bool watched = is_watched(cpu, span->linear[i], span->phys[i]);
            if (watched) {
                report_write(cpu, span->linear[i], span->phys[i], bytes, span->size[i], &page);
            }
            if (page.kind == MEMORY_RAM) {
                unsigned offset = span->phys[i] & PAGE_MASK;
                memcpy(page.host + offset, bytes, span->size[i]);
                memory_stored(cpu->memory, &page, offset, span->size[i]);
                if (!watched) {
                    tlb_relax(entry, span->linear[i], &page);
                }
            } else {
                device_write(cpu, span->phys[i], bytes, span->size[i]);
            }
        }
        bytes += span->size[i];
    }
}

uint64_t lin_read(struct cpu *cpu, const struct insn *insn, uint64_t linear, unsigned size, enum tlb_bank bank)
{
    struct span span;
    uint64_t value = 0;
    span_translate(cpu, insn, linear, size, ACCESS_READ, bank, &span);
    span_read(cpu, &span, &value);
    return value;
}

void lin_write(struct cpu *cpu, const struct insn *insn, uint64_t linear, uint64_t value, unsigned size,
               enum tlb_bank bank)
{
    struct span span;
    span_translate(cpu, insn, linear, size, ACCESS_WRITE, bank, &span);
    span_write(cpu, &span, &value);
}

void lin_write_bytes(struct cpu *cpu, const struct insn *insn, uint64_t linear, const void *data, unsigned size,
                     enum tlb_bank bank)
{
    struct span span;
    span_translate(cpu, insn, linear, size, ACCESS_WRITE, bank, &span);
    span_write(cpu, &span, data);
}

void lin_probe_write(struct cpu *cpu, const struct insn *insn, uint64_t linear, unsigned size,
                     enum tlb_bank bank)
{
    struct span span;
    span_translate(cpu, insn, linear, size, ACCESS_WRITE, bank, &span);
}

uint64_t lin_read_system(struct cpu *cpu, const struct insn *insn, uint64_t linear, unsigned size)
{
    if ((cpu->mode & MODE_LMA) == 0) {
        linear = (uint32_t)linear;
    }
    return lin_read(cpu, insn, linear, size, TLB_SUPERVISOR);
}

void lin_write_system(struct cpu *cpu, const struct insn *insn, uint64_t linear, uint64_t value, unsigned size)
{
    if ((cpu->mode & MODE_LMA) == 0) {
        linear = (uint32_t)linear;
    }
    lin_write(cpu, insn, linear, value, size, TLB_SUPERVISOR);
}

/* ---- segment:offset ---- */

bool segment_covers(const struct cpu *cpu, const struct x86_segment *s, uint64_t ea, uint64_t size, bool write)
{
    if ((s->attr & SEG_P) == 0) {
        return false;
    }
    bool expand_down = (s->attr & (SEG_CODE | SEG_E)) == SEG_E;
    uint64_t last = ea + (size - 1);
    if (expand_down ? ea <= s->limit || last > ((s->attr & SEG_DB) != 0 ? 0xffffffffull : 0xffff)
                    : last > s->limit) {
        return false;
    }
    if ((cpu->mode & MODE_PE) == 0 || (cpu->mode & MODE_V86) != 0) {
        return true;
    }
    if ((s->attr & SEG_CODE) != 0) {
        return !write && (s->attr & SEG_R) != 0;
    }
    return !write || (s->attr & SEG_W) != 0;
}

/* False if the access is not allowed. */
static bool linear_of(const struct cpu *cpu, unsigned seg, uint64_t ea, uint64_t size, bool write,
                      uint64_t *linear)
{
    const struct x86_segment *s = &cpu->s.seg[seg];
    if ((cpu->mode & MODE_CODE64) != 0) {
        *linear = ea + (seg == FS || seg == GS ? s->base : 0);
        return is_canonical(*linear) && is_canonical(*linear + (size - 1));
    }
    *linear = (uint32_t)(s->base + ea);
    return segment_covers(cpu, s, ea, size, write);
}

uint64_t mem_linear(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, uint64_t size,
                    bool write)
{
    uint64_t linear;
    if (!linear_of(cpu, seg, ea, size, write, &linear)) {
        cpu_fault(cpu, insn, seg == SS ? EXC_SS : EXC_GP, 0);
    }
    return linear;
}

/* Everything up to the access itself: may fault. */
static void access_prepare(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, unsigned size,
                           enum access_kind kind, struct span *span)
{
    uint64_t linear = mem_linear(cpu, insn, seg, ea, size, kind == ACCESS_WRITE);
    if (cpu->alignment_check && size <= 8 && (size & (size - 1)) == 0 && (linear & (size - 1)) != 0) {
        cpu_fault(cpu, insn, EXC_AC, 0);
    }
    span_translate(cpu, insn, linear, size, kind, tlb_bank_of(cpu, cpu->cpl), span);
    if (cpu->data_breakpoints) {
        debug_check_data(cpu, linear, size, kind == ACCESS_WRITE);
    }
}

uint64_t mem_read_slow(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, unsigned size)
{
    struct span span;
    uint64_t value = 0;
    access_prepare(cpu, insn, seg, ea, size, ACCESS_READ, &span);
    span_read(cpu, &span, &value);
    return value;
}

/* Where a store goes whose page has decoded code, but not in its lines; NULL if it needs more than that. */
static void *beside_code(struct cpu *cpu, unsigned seg, uint64_t ea, unsigned size)
{
    const struct seg_fast *f = &cpu->segf[seg];
    uint64_t linear = f->base + ea;
    const struct tlb_entry *e = tlb_slot(cpu, linear);
    if (ea + (size - 1) >= f->write_end ||
        e->write_tag != (((linear + (size - 1)) & ~PAGE_MASK) | TLB_SLOW | TLB_BESIDE)) {
        return NULL;
    }
    void *host = (void *)(linear + e->addend);
    return trace_spares(cpu->traces, host, size) ? host : NULL;
}

void mem_write_slow(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, uint64_t value,
                    unsigned size)
{
    struct span span;
    void *host = beside_code(cpu, seg, ea, size);
    if (host != NULL) {
        memcpy(host, &value, size);
        return;
    }
    access_prepare(cpu, insn, seg, ea, size, ACCESS_WRITE, &span);
    span_write(cpu, &span, &value);
}

uint64_t mem_rmw_slow(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, unsigned size)
{
    struct span span;
    uint64_t value = 0;
    cpu->rmw.host = beside_code(cpu, seg, ea, size);
    cpu->rmw.size = (uint8_t)size;
    if (cpu->rmw.host != NULL) {
        memcpy(&value, cpu->rmw.host, size);
        return value;
    }
    access_prepare(cpu, insn, seg, ea, size, ACCESS_WRITE, &span);
    cpu->rmw.host = NULL;
    cpu->rmw.first = (uint8_t)span.size[0];
    cpu->rmw.phys[0] = span.phys[0];
    cpu->rmw.phys[1] = span.size[1] != 0 ? span.phys[1] : 0;
    cpu->rmw_linear[0] = span.linear[0];
    cpu->rmw_linear[1] = span.size[1] != 0 ? span.linear[1] : 0;
    if (span.size[1] == 0) {
        struct memory_page page = apic_memory_find(cpu, span.phys[0]);
        bool watched = is_watched(cpu, span.linear[0], span.phys[0]);
        if (page.kind == MEMORY_RAM && !watched && memory_mark_dirty(&page)) {
            tlb_relax(span.entry[0], span.linear[0], &page);
            cpu->rmw.host = page.host + (span.phys[0] & PAGE_MASK);
        }
        piece_read(cpu, span.phys[0], &value, size);
    } else {
        piece_read(cpu, span.phys[0], &value, span.size[0]);
        piece_read(cpu, span.phys[1], (uint8_t *)&value + span.size[0], span.size[1]);
    }
    return value;
}

static void rmw_write(struct cpu *cpu, unsigned i, const void *data, unsigned size)
{
    if (is_watched(cpu, cpu->rmw_linear[i], cpu->rmw.phys[i])) {
        struct memory_page page = apic_memory_find(cpu, cpu->rmw.phys[i]);
        const void *before = page.host != NULL ? page.host + (cpu->rmw.phys[i] & PAGE_MASK) : data;
        report_write(cpu, cpu->rmw_linear[i], cpu->rmw.phys[i], data, size, &page);
        breaks_access(cpu, cpu->rmw_linear[i], cpu->rmw.phys[i], before, before, size, false);
    }
    piece_write(cpu, cpu->rmw.phys[i], data, size);
}

void mem_rmw_finish_slow(struct cpu *cpu, const struct insn *insn, uint64_t value)
{
    if (cpu->rmw.host != NULL) {
        memcpy(cpu->rmw.host, &value, cpu->rmw.size);
        return;
    }
    rmw_write(cpu, 0, &value, cpu->rmw.first);
    if (cpu->rmw.first < cpu->rmw.size) {
        rmw_write(cpu, 1, (const uint8_t *)&value + cpu->rmw.first, cpu->rmw.size - cpu->rmw.first);
    }
}

void mem_read_bytes(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, void *data,
                    unsigned size)
{
    const void *p = mem_fast(cpu, seg, ea, size, false);
    if (likely(p != NULL)) {
        memcpy(data, p, size);
        return;
    }
    struct span span;
    access_prepare(cpu, insn, seg, ea, size, ACCESS_READ, &span);
    span_read(cpu, &span, data);
}

void mem_write_bytes(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, const void *data,
                     unsigned size)
{
    void *p = mem_fast(cpu, seg, ea, size, true);
    if (likely(p != NULL)) {
        memcpy(p, data, size);
        return;
    }
    struct span span;
    access_prepare(cpu, insn, seg, ea, size, ACCESS_WRITE, &span);
    span_write(cpu, &span, data);
}

void mem_probe_write(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, unsigned size)
{
    struct span span;
    if (mem_fast(cpu, seg, ea, size, true) == NULL) {
        uint64_t linear = mem_linear(cpu, insn, seg, ea, size, true);
        span_translate(cpu, insn, linear, size, ACCESS_WRITE, tlb_bank_of(cpu, cpu->cpl), &span);
    }
}

void mem_probe_read(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, unsigned size)
{
    struct span span;
    if (mem_fast(cpu, seg, ea, size, false) == NULL) {
        uint64_t linear = mem_linear(cpu, insn, seg, ea, size, false);
        span_translate(cpu, insn, linear, size, ACCESS_READ, tlb_bank_of(cpu, cpu->cpl), &span);
    }
}

void *mem_page_pointer(struct cpu *cpu, const struct insn *insn, unsigned seg, uint64_t ea, uint64_t size,
                       enum access_kind kind)
{
    bool write = kind == ACCESS_WRITE;
    uint64_t linear, phys;
    if (cpu->data_breakpoints || cpu->alignment_check ||
        !linear_of(cpu, seg, ea, size, write, &linear) ||
        (linear & PAGE_MASK) + size > RAM_PAGE_SIZE) {
        return NULL; /* one by one: then the fault comes at the right element */
    }
    const struct tlb_entry *entry =
        tlb_translate(cpu, insn, linear, kind, tlb_bank_of(cpu, cpu->cpl), &phys);
    if (((write ? entry->write_tag : entry->read_tag) & TLB_SLOW) != 0) {
        return NULL;
    }
    return (void *)(linear + entry->addend);
}
