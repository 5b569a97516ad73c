/* hw/misc/vmport.c and hw/input/vmmouse.c: the backdoor's registers, the queue, and every pixel of a screen. */
#include "tests/support/test.h"

#include <string.h>

#include "hw/input/ps2_mouse.h"
#include "hw/input/vmmouse.h"
#include "hw/misc/vmport.h"

struct bench {
    struct machine *machine;
    struct device *port, *mouse, *pointer;
    struct input *input;
    struct port_registers registers;
};

static void registers(void *arg, struct port_registers *r, bool write)
{
    struct bench *bench = arg;

    if (write) {
        bench->registers = *r;
    } else {
        *r = bench->registers;
    }
}

static struct bench *bench_create(void)
{
    struct bench *bench = g_new0(struct bench, 1);

    bench->machine = test_machine_create();
    bench->input = input_create(bench->machine);
    bench->port = test_device_create(bench->machine, &vmport_class, "vmport", NULL);
    bench->mouse = test_device_create(bench->machine, &ps2_mouse_class, "mouse", NULL);
    bench->pointer = test_device_create(bench->machine, &vmmouse_class, "vmmouse", NULL);
    ps2_mouse_connect_input(bench->mouse, bench->input);
    vmmouse_connect(bench->pointer, bench->port, bench->mouse, bench->input);
    return bench;
}

static void bench_destroy(struct bench *bench)
{
    input_destroy(bench->input);
    test_machine_destroy(bench->machine);
    g_free(bench);
}

/* As `in eax, dx` with these registers; returns EAX. */
static uint32_t backdoor(struct bench *bench, unsigned command, uint32_t ebx)
{
    uint32_t eax;

    bench->registers = (struct port_registers){VMPORT_MAGIC, ebx, command, VMPORT_BASE, 0, 0};
    bench->machine->port_registers = registers;
    bench->machine->port_registers_arg = bench;
    eax = (uint32_t)test_region_read(vmport_io(bench->port), 0, 4);
    bench->machine->port_registers = NULL;
    return eax;
}

static void enable(struct bench *bench)
{
    backdoor(bench, 41, 0x45414552);
    g_assert_cmphex(backdoor(bench, 40, 0), ==, 1);
    g_assert_cmphex(backdoor(bench, 39, 1), ==, 0x3442554a);
    backdoor(bench, 41, 0x53424152);
}

static void test_port(void)
{
    struct bench *bench = bench_create();

    g_assert_cmphex(test_region_read(vmport_io(bench->port), 0, 4), ==, 0xffffffff);
    g_assert_cmphex(backdoor(bench, 10, 0), ==, 6);
    g_assert_cmphex(bench->registers.ebx, ==, VMPORT_MAGIC);
    g_assert_cmphex(backdoor(bench, 11, 0), ==, 0xffffffff);
    g_assert_cmphex(backdoor(bench, 0xffff, 0), ==, 0xffffffff);
    bench->machine->port_registers = registers;
    bench->machine->port_registers_arg = bench;
    bench->registers.eax = 0;
    bench->registers.ecx = 10;
    g_assert_cmphex(test_region_read(vmport_io(bench->port), 0, 4), ==, 0xffffffff);
    bench_destroy(bench);
}

static void test_reports(void)
{
    struct bench *bench = bench_create();

    g_assert_cmphex(backdoor(bench, 40, 0), ==, 0xffff0000);
    g_assert_false(input_absolute(bench->input));
    enable(bench);
    g_assert_true(input_absolute(bench->input));
    input_position(bench->input, 0, INPUT_ABSOLUTE_MAX);
    input_button(bench->input, INPUT_BUTTON_LEFT, true);
    input_button(bench->input, INPUT_BUTTON_RIGHT, true);
    input_wheel(bench->input, 2, 0);
    test_run_events(bench->machine);
    g_assert_cmphex(backdoor(bench, 40, 0), ==, 12);
    g_assert_cmphex(backdoor(bench, 39, 4), ==, 0);
    g_assert_cmphex(bench->registers.ebx, ==, 0);
    g_assert_cmphex(bench->registers.ecx, ==, 65535);
    g_assert_cmphex(backdoor(bench, 39, 4), ==, 0x20);
    g_assert_cmphex(backdoor(bench, 39, 4), ==, 0x30);
    g_assert_cmphex(bench->registers.edx, ==, 2);
    /* Too much: the guest has lost its place, and has to begin anew. */
    g_assert_cmphex(backdoor(bench, 39, 4), ==, 0xffffffff);
    g_assert_cmphex(backdoor(bench, 40, 0), ==, 0xffff0000);
    g_assert_false(input_absolute(bench->input));
    enable(bench);
    g_assert_true(input_choose_pointer(bench->input, INPUT_MOUSE));
    g_assert_false(input_absolute(bench->input));
    g_assert_true(input_choose_pointer(bench->input, INPUT_TABLET));
    backdoor(bench, 41, 0x4c455252);
    g_assert_false(input_absolute(bench->input));
    g_assert_false(input_choose_pointer(bench->input, INPUT_TABLET));
    bench_destroy(bench);
}

/* A guest that does not fetch finds the newest position, and no more than the queue holds. */
static void test_full(void)
{
    struct bench *bench = bench_create();

    enable(bench);
    for (unsigned i = 0; i < 2000; i++) {
        input_position(bench->input, (int)i, 5);
        test_run_events(bench->machine);
    }
    g_assert_cmphex(backdoor(bench, 40, 0), ==, 8);
    backdoor(bench, 39, 4);
    backdoor(bench, 39, 4);
    g_assert_cmphex(bench->registers.ebx, ==, 1999 * 65535 / 32767);
    for (unsigned i = 0; i < 2000; i++) {
        input_button(bench->input, INPUT_BUTTON_LEFT, i % 2 == 0);
        test_run_events(bench->machine);
    }
    g_assert_cmphex(backdoor(bench, 40, 0), ==, 256);
    bench_destroy(bench);
}

/* As the window computes positions and as drivers scale them: each pixel is met. */
static void test_every_pixel(void)
{
    static const unsigned widths[] = {320, 640, 800, 1024, 1280, 1366, 1600, 1920, 2560};
    struct bench *bench = bench_create();

    enable(bench);
    for (unsigned i = 0; i < G_N_ELEMENTS(widths); i++) {
        for (unsigned pixel = 0; pixel < widths[i]; pixel++) {
            input_position(bench->input, (int)((2 * pixel + 1) * 32768ull / (2 * widths[i])), 0);
            test_run_events(bench->machine);
            backdoor(bench, 39, 4);
            g_assert_cmpuint((uint64_t)bench->registers.ebx * widths[i] / 65536, ==, pixel);
        }
    }
    bench_destroy(bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/vmmouse/port", test_port);
    g_test_add_func("/vmmouse/reports", test_reports);
    g_test_add_func("/vmmouse/full", test_full);
    g_test_add_func("/vmmouse/every-pixel", test_every_pixel);
    return g_test_run();
}
