/*
 * A kernel of 32 bits for tests/boot/gdb.t, run with vmm -flat -32: much work beside watched memory, then two stores
 * to it.
 */
#define CELLS 4000 /* gdb watches every fourth */

volatile unsigned cells[CELLS] = { 1 }; /* in .data: a flat binary has no .bss */
volatile unsigned rounds = 1;

void _start(void);

static void store(unsigned cell, unsigned value)
{
    cells[cell] = value;
}

/* Touches every page with watched bytes, but none of those. */
static void work(void)
{
    for (rounds = 0; rounds < 300; rounds++) {
        for (unsigned i = 0; i < CELLS; i += 4) {
            store(i + 1, rounds + i);
        }
    }
}

void done(void)
{
    __asm__ volatile("cli; hlt");
}

void _start(void)
{
    work();
    store(4 * 123, 77);
    store(4 * 999, 88);
    done();
}
