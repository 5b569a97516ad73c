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

/* Makes KVM forget what it derived from guest page tables (docs/kvm.md); slow. No CPU is in KVM. */
void kvm_memory_refresh(struct kvm_memory *memory);

#endif
