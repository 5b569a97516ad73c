/* Commands that need a whole board: drives, PCI, interrupt controllers, screen, keyboard. */
#include <glib/gstdio.h>
#include <string.h>

#include "block/block.h"
#include "core/machine.h"
#include "hw/ide/channel.h"
#include "hw/pc/pc_machine.h"
#include "tests/support/monitor_test.h"
#include "tests/support/test.h"
#include "ui/display.h"
#include "ui/input.h"

#define DISK_BYTES (1u << 20)

struct board {
    struct monitor_test t;
    struct monitor_drive drives[2];
    char *folder, *disk, *disc; /* owned */
};

static void board_init(struct board *b)
{
    struct accel_options accel_options = {.engine = "interp", .cpus = 1};
    struct block_options disk_options = {.format = "raw"};
    GError *error = NULL;
    g_autofree char *zeroes = g_malloc0(DISK_BYTES);
    *b = (struct board){0};
    b->folder = g_dir_make_tmp("vmm-monitor-XXXXXX", &error);
    b->disk = g_strdup_printf("%s/disk.img", b->folder);
    b->disc = g_strdup_printf("%s/disc.iso", b->folder);
    g_assert_true(g_file_set_contents(b->disk, zeroes, DISK_BYTES, &error));
    g_assert_true(g_file_set_contents(b->disc, zeroes, DISK_BYTES, &error));
    struct machine *machine = machine_create(NULL);
    struct monitor_env *env = &b->t.env;
    b->t.machine = machine;
    *env = (struct monitor_env){
        .machine = machine, .prompt = "(vmm) ", .drives = b->drives, .drive_count = 2};
    env->accel = accel_create(machine, &accel_options, &error);
    g_assert_no_error(error);
    env->display = display_create();
    env->input = input_create(machine);
    env->pc = pc_create(machine);
    struct block *block = block_open(b->disk, &disk_options, machine->events, &error);
    g_assert_no_error(error);
    b->drives[0] = (struct monitor_drive){.name = "ide0-hd0", .block = block, .index = 0};
    b->drives[1] = (struct monitor_drive){.name = "ide1-cd0", .removable = true, .index = 2};
    struct pc_config config = {
        .ram = 16u << 20,
        .vga = true,
        .cpus = 1,
        .display = env->display,
        .input = env->input,
        .drives = {[0] = {.present = true, .kind = IDE_DISK, .block = block},
                   [2] = {.present = true, .kind = IDE_CDROM}},
    };
    g_assert_true(pc_build(env->pc, &config, &error));
    machine_reset(machine);
}

static void board_finish(struct board *b)
{
    struct monitor_env *env = &b->t.env;
    accel_destroy(env->accel);
    env->machine->cpus = (struct machine_cpus){0};
    input_destroy(env->input);
    lock_acquire(&env->machine->lock);
    for (unsigned i = 0; i < 2; i++) {
        block_close(b->drives[i].block);
    }
    lock_release(&env->machine->lock);
    machine_destroy(env->machine);
    pc_destroy(env->pc);
    display_destroy(env->display);
    g_remove(b->disk);
    g_remove(b->disc);
    g_rmdir(b->folder);
    g_free(b->disk);
    g_free(b->disc);
    g_free(b->folder);
}

static void test_drives(void)
{
    struct board b;
    board_init(&b);
    g_autofree char *expected = g_strdup_printf("ide0-hd0 (#block0): %s (raw)\n"
                                                "    Attached to:      IDE channel 0, drive 0\n"
                                                "    Cache mode:       writeback\n\n"
                                                "ide1-cd0: [not inserted]\n"
                                                "    Attached to:      IDE channel 1, drive 0\n"
                                                "    Removable device: not locked, tray closed\n",
                                                b.disk);
    monitor_test_expect(&b.t, "info block", expected);
    monitor_test_contains(&b.t, "info blockstats",
                          "ide0-hd0: rd_bytes=0 wr_bytes=0 rd_operations=0 wr_operations=0 ");
    monitor_test_expect(&b.t, "eject foo", "Error: Device 'foo' not found\n");
    monitor_test_expect(&b.t, "eject ide0-hd0", "Error: Device 'ide0-hd0' is not removable\n");
    monitor_test_expect(&b.t, "eject ide1-cd0", "");
    monitor_test_contains(&b.t, "change ide1-cd0 /nonexistent.iso", "Error: ");
    g_autofree char *change = g_strdup_printf("change ide1-cd0 \"%s\"", b.disc);
    monitor_test_expect(&b.t, change, "");
    monitor_test_contains(&b.t, "info block", "disc.iso (raw, read-only)\n");
    g_assert_nonnull(b.drives[1].block);
    monitor_test_expect(&b.t, change, "");
    /* A locked tray. */
    struct ide_drive *drive = pc_ide_drive(b.t.env.pc, 2);
    drive->locked = true;
    monitor_test_contains(&b.t, "info block", "Removable device: locked, tray closed\n");
    monitor_test_contains(&b.t, "eject ide1-cd0",
                          "Error: Device 'ide1-cd0' is locked and force was not specified");
    monitor_test_contains(&b.t, change,
                          "Error: Device 'ide1-cd0' is locked and force was not specified");
    g_assert_nonnull(b.drives[1].block);
    monitor_test_expect(&b.t, "eject -f ide1-cd0", "");
    g_assert_null(b.drives[1].block);
    monitor_test_contains(&b.t, "info block", "ide1-cd0: [not inserted]\n");
    board_finish(&b);
}

static void test_commit(void)
{
    struct board b;
    GError *error = NULL;
    board_init(&b);
    monitor_test_expect(&b.t, "commit ide0-hd0", "Error: Device 'ide0-hd0' has neither a snapshot nor a backing file\n");
    monitor_test_expect(&b.t, "commit foo", "Error: Device 'foo' not found\n");
    monitor_test_expect(&b.t, "commit all", "");
    /* A second drive of the monitor, on no channel, with an overlay. */
    struct block_options options = {.format = "raw", .snapshot = true};
    b.drives[1].block = block_open(b.disc, &options, b.t.machine->events, &error);
    g_assert_no_error(error);
    g_assert_cmpint(block_write(b.drives[1].block, 0, "changed", 7), ==, 0);
    monitor_test_contains(&b.t, "info block", "disc.iso (raw)");
    g_autofree char *before = NULL, *after = NULL;
    g_assert_true(g_file_get_contents(b.disc, &before, NULL, &error));
    g_assert_cmpint(before[0], ==, 0);
    monitor_test_expect(&b.t, "commit all", "");
    g_assert_true(g_file_get_contents(b.disc, &after, NULL, &error));
    g_assert_cmpmem(after, 7, "changed", 7);
    monitor_test_expect(&b.t, "commit ide1-cd0", "");
    board_finish(&b);
}

static void test_info(void)
{
    struct board b;
    board_init(&b);
    monitor_test_contains(&b.t, "info pic", "pic0: irr=");
    monitor_test_contains(&b.t, "info irq", "IRQ statistics for ");
    monitor_test_contains(&b.t, "info pci", "Bus  0, device   0, function 0:");
    monitor_test_contains(&b.t, "info mice", "* Mouse #2: ");
    monitor_test_contains(&b.t, "boot_set d", "boot device list now set to d\n");
    monitor_test_contains(&b.t, "boot_set z", "Error: Invalid boot device 'z'");
    /* Every device can be looked at. */
    for (guint i = 0; i < b.t.machine->devices->len; i++) {
        const struct device *dev = g_ptr_array_index(b.t.machine->devices, i);
        g_autofree char *line = g_strdup_printf("info %s", dev->id);
        g_free(monitor_test_run(&b.t, line));
    }
    monitor_test_contains(&b.t, "x /1i $pc",
                          "0xfffffff0:  ea 5b e0 00 f0           ljmpw    $0xf000:$0xe05b\n");
    board_finish(&b);
}

static void test_input(void)
{
    struct board b;
    board_init(&b);
    monitor_test_expect(&b.t, "sendkey foo", "invalid parameter: foo\n");
    monitor_test_expect(&b.t, "sendkey ctrl-alt-delete", "");
    monitor_test_expect(&b.t, "sendkey a 50", "");
    monitor_test_contains(&b.t, "sendkey a 99999999", "Error: the hold time is at most");
    monitor_test_expect(&b.t, "type \"Hello\\n\"", "");
    monitor_test_contains(&b.t, "type \xff", "Error: ");
    monitor_test_expect(&b.t, "mouse_move 10 -5", "");
    monitor_test_expect(&b.t, "mouse_move 10 -5 1", "");
    monitor_test_contains(&b.t, "mouse_move 10 y", "Error: ");
    monitor_test_contains(&b.t, "mouse_move 10000000 0", "Error: ");
    monitor_test_expect(&b.t, "mouse_button 1", "");
    monitor_test_expect(&b.t, "mouse_button 0", "");
    board_finish(&b);
}

static void test_screen(void)
{
    struct board b;
    board_init(&b);
    static const char *const forms[] = {"screendump %s", "screendump %s -f png",
                                        "screendump -f ppm %s"};
    g_autofree char *picture = g_strdup_printf("%s/picture", b.folder);
    for (unsigned i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autofree char *data = NULL;
        g_auto(GStrv) parts = g_strsplit(forms[i], "%s", 2);
        g_autofree char *line = g_strconcat(parts[0], picture, parts[1], NULL);
        monitor_test_expect(&b.t, line, "");
        g_assert_true(g_file_get_contents(picture, &data, NULL, NULL));
        g_assert_true(g_str_has_prefix(data, i == 1 ? "\x89PNG" : "P6"));
        g_remove(picture);
    }
    monitor_test_contains(&b.t, "screendump /nonexistent/x", "Error: ");
    monitor_test_contains(&b.t, "screendump x -f gif", "Error: ");
    monitor_test_contains(&b.t, "screendump a b", "Error: screendump FILE");
    g_free(monitor_test_run(&b.t, "screentext"));
    struct display *display = b.t.env.display;
    b.t.env.display = NULL;
    monitor_test_contains(&b.t, "screentext", "Error: the machine has no display");
    monitor_test_contains(&b.t, "screendump x", "Error: the machine has no display");
    b.t.env.display = display;
    board_finish(&b);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/cmd_board/drives", test_drives);
    g_test_add_func("/cmd_board/commit", test_commit);
    g_test_add_func("/cmd_board/info", test_info);
    g_test_add_func("/cmd_board/input", test_input);
    g_test_add_func("/cmd_board/screen", test_screen);
    return g_test_run();
}
