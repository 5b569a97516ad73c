/*
 * The guest's memory as KVM has it: a slot for every whole-page piece of RAM or ROM in the bus's flat view, kept up
 * to date by the differences that the bus reports.
 */
#ifndef ACCEL_KVM_KVM_MEMORY_H
#define ACCEL_KVM_KVM_MEMORY_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct kvm_engine;
struct kvm_memory;

/* Listens to machine->memory and takes over the dirty_sync hook of the RAM blocks it meets. The machine stands
 * still. NULL and error if KVM refuses a slot. */
struct kvm_memory *kvm_memory_create(struct kvm_engine *engine, GError **error);
void kvm_memory_destroy(struct kvm_memory *memory);

/* Would a store of `size` bytes at phys go nowhere (ROM without a register behind it)? Takes no lock. `cpu` is the
 * asking CPU's number; only its own thread may ask for it. */
bool kvm_memory_store_vanishes(struct kvm_memory *memory, unsigned cpu, uint64_t phys, unsigned size);

/* Drops the decoded code of pages that KVM has stored to since the last call; false if it is not known which (then all
 * is to be dropped). The world is ours, or all CPUs are parked. */
bool kvm_memory_drop_code(struct kvm_memory *memory);
/* How often that was done, how often it could not be, and how many pages with decoded code had been stored to. */
struct kvm_code_drops {
    uint64_t times, unknown, pages;
};
struct kvm_code_drops kvm_memory_code_drops(struct kvm_memory *memory);

/* Makes KVM forget what it derived from guest page tables (docs/kvm.md); slow. No CPU is in KVM. */
void kvm_memory_refresh(struct kvm_memory *memory);

#endif
