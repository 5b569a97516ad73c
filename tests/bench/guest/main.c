/*
 * The 64-bit side of the CPU loops: commands by COM1, the table of all loops, exceptions.
 *
 * Commands are lines: `l` lists the loops ("GROUP NAME" each, then "."), `r N PASSES` runs loop number N of that
 * list and answers "+" before and "= CHECKSUM" after it. An exception prints "! VECTOR ADDRESS" and ends the session.
 */
#include "tests/bench/guest/system.h"

#define COM1 0x3f8

__asm__(".section .head, \"ax\"\n"
        "    call main64\n"
        ".text\n");

static void put_char(char c)
{
    while ((port_in(COM1 + 5) & 0x20) == 0) {
    }
    port_out(COM1, (uint8_t)c);
}

static void put_text(const char *text)
{
    while (*text != '\0') {
        put_char(*text++);
    }
}

static void put_hex(uint64_t value)
{
    for (int shift = 60; shift >= 0; shift -= 4) {
        put_char("0123456789abcdef"[value >> shift & 15]);
    }
}

/* Commands that flat.asm has left in memory come instead of those by COM1; behind the last the CPU halts. */
#define SCRIPT_AT 0x50000ul

static const volatile char *script;

static void script_init(void)
{
    static const char mark[] = "script: ";
    script = (const volatile char *)SCRIPT_AT;
    for (unsigned i = 0; mark[i] != '\0' && script != 0; i++) {
        script = script[0] == mark[i] ? script + 1 : 0;
    }
}

static char get_char(void)
{
    if (script != 0) {
        if (*script == '\0') {
            __asm__ volatile("cli; hlt");
        }
        return *script++;
    }
    while ((port_in(COM1 + 5) & 1) == 0) {
    }
    return (char)port_in(COM1);
}

/* Reads a decimal number and the character behind it. */
static uint64_t get_number(void)
{
    uint64_t value = 0;
    for (char c = get_char(); c >= '0' && c <= '9'; c = get_char()) {
        value = value * 10 + (uint64_t)(c - '0');
    }
    return value;
}

static void serial_init(void)
{
    port_out(COM1 + 1, 0);
    port_out(COM1 + 3, 0x80);
    port_out(COM1, 1);
    port_out(COM1 + 1, 0);
    port_out(COM1 + 3, 3);
    port_out(COM1 + 2, 0);
    port_out(COM1 + 4, 3);
}

/* ---- the table ---- */

/* entry.asm at 10000h and loops32.c at 40000h. */
static const struct loop *low_loops(unsigned bits)
{
    return (const struct loop *)(uintptr_t)*(volatile uint32_t *)(bits == 16 ? 0x10008ul : 0x40000ul);
}

static uint64_t run_low(unsigned bits, const struct loop *loop, uint64_t passes)
{
    uint32_t (*run)(uint32_t, uint32_t, uint32_t) = (void *)(uintptr_t)*(volatile uint32_t *)0x1000cul;
    uint64_t function = *(const uint64_t *)(loop->group + sizeof(loop->group));
    return run(bits, (uint32_t)function, (uint32_t)passes);
}

/* Calls visit for each loop in turn until it returns false. */
static void each_loop(bool (*visit)(const struct loop *loop, unsigned bits, uint64_t *a, uint64_t *b), uint64_t *a,
                      uint64_t *b)
{
    const struct loop *tables[] = { integer_loops, branch_loops, memory_loops, sse_loops, x87_loops,
                                    simd_loops, code_loops, system_loops, low_loops(32), low_loops(16) };
    const unsigned count = sizeof(tables) / sizeof(tables[0]);
    for (unsigned i = 0; i < count; i++) {
        unsigned bits = i == count - 1 ? 16 : i == count - 2 ? 32 : 64;
        for (const struct loop *loop = tables[i]; loop->name[0] != '\0'; loop++) {
            if (!visit(loop, bits, a, b)) {
                return;
            }
        }
    }
}

static bool show(const struct loop *loop, unsigned bits, uint64_t *a, uint64_t *b)
{
    put_text(loop->group);
    put_char(' ');
    put_text(loop->name);
    put_char('\n');
    return true;
}

static bool run_at_zero(const struct loop *loop, unsigned bits, uint64_t *countdown, uint64_t *passes)
{
    if ((*countdown)-- != 0) {
        return true;
    }
    put_char('+');
    uint64_t checksum = bits == 64 ? loop->run(*passes) : run_low(bits, loop, *passes);
    put_text("= ");
    put_hex(checksum);
    put_char('\n');
    return false;
}

void unexpected_exception(uint64_t vector, uint64_t rip)
{
    put_text("! ");
    put_hex(vector);
    put_char(' ');
    put_hex(rip);
    put_char('\n');
    for (;;) {
        __asm__ volatile("hlt");
    }
}

__attribute__((noreturn, used)) void main64(void);
void main64(void)
{
    script_init();
    serial_init();
    system_init();
    put_text("ready\n");
    for (;;) {
        char command = get_char();
        if (command == 'l') {
            each_loop(show, NULL, NULL);
            put_text(".\n");
        } else if (command == 'r') {
            get_char();
            uint64_t number = get_number();
            uint64_t passes = get_number();
            each_loop(run_at_zero, &number, &passes);
        }
    }
}
