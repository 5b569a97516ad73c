/*
 * Ports, descriptor tables and exceptions of the 64-bit side.
 */
#ifndef TESTS_BENCH_GUEST_SYSTEM_H
#define TESTS_BENCH_GUEST_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/bench/guest/loops.h"

#define PAGE_TABLES 0x100000ul
/* The page table entry of an address below 64 MiB. */
#define PTE(address) ((volatile uint64_t *)(PAGE_TABLES + 0x3000) + ((uintptr_t)(address) >> 12))

static inline void port_out(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
static inline uint8_t port_in(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* Loads GDT, TSS and IDT, lets SYSCALL work and turns AVX on where the CPU has it. */
void system_init(void);

/* Reports an exception that no loop asked for (main.c). */
void unexpected_exception(uint64_t vector, uint64_t rip) __attribute__((noreturn));

#endif
