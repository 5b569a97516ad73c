/*
 * IDE channel registers (hw/ide/channel.c): selection, absent drives, two-deep registers, interrupt line,
 * resets, and long random sequences of accesses with drives attached.
 */
#include <string.h>

#include "core/event.h"
#include "core/state.h"
#include "tests/support/ide_bench.h"

#define READY (ATA_STATUS_DRDY | ATA_STATUS_DSC)

static void test_empty(void)
{
    struct ide_bench bench;

    bench_init(&bench);
    bench_out(&bench, P_COUNT, 0x55);
    bench_out(&bench, P_LOW, 0xaa);
    g_assert_cmphex(bench_in(&bench, P_COUNT), ==, 0);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, 0);
    bench_out(&bench, P_COMMAND, 0xec);
    bench_out(&bench, P_COMMAND, 0x90);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, 0);
    g_assert_false(bench.irq[0].level);
    g_assert_cmphex(bus_read(bench.machine->io, P_DATA, 2), ==, 0xffff);
    bench_finish(&bench);
}

static void test_absent_slave(void)
{
    struct ide_bench bench;

    bench_init(&bench);
    bench_attach(&bench, 0, bench_image(&bench, 1 << 20, NULL), IDE_DISK, NULL);
    bench_out(&bench, P_DEVICE, 0xb0);
    g_assert_cmphex(bench_in(&bench, P_DEVICE), ==, 0xb0);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, 0);
    bench_out(&bench, P_COMMAND, 0xec);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, 0);
    bench_out(&bench, P_COMMAND, 0x90); /* drive 0 answers for both */
    g_assert_cmphex(bench_in(&bench, P_DEVICE), ==, 0);
    g_assert_true(bench.irq[0].level);
    g_assert_cmphex(bench_in(&bench, P_ERROR), ==, 1);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, READY);
    bench_finish(&bench);
}

static void test_two_drives(void)
{
    struct ide_bench bench;
    uint16_t word;

    bench_init(&bench);
    bench_attach(&bench, 0, bench_image(&bench, 1 << 20, NULL), IDE_DISK, NULL);
    bench_attach(&bench, 1, bench_image(&bench, 1 << 20, NULL), IDE_CDROM, NULL);
    g_assert_cmphex(bench_in(&bench, P_HIGH), ==, 0);
    bench_out(&bench, P_DEVICE, 0x10);
    g_assert_cmphex(bench_in(&bench, P_HIGH), ==, 0xeb);
    bench_out(&bench, P_COUNT, 0x55); /* both see it */
    bench_out(&bench, P_DEVICE, 0x00);
    g_assert_cmphex(bench_in(&bench, P_COUNT), ==, 0x55);

    /* An interrupt of a drive that is not selected does not reach the line. */
    bench_out(&bench, P_COMMAND, 0xec);
    g_assert_true(bench.irq[0].level);
    word = (uint16_t)bus_read(bench.machine->io, P_DATA, 2);
    g_assert_cmphex(word, ==, 0x0040);
    for (unsigned i = 1; i < 128; i += 1) {
        bus_read(bench.machine->io, P_DATA, 4); /* 32 bits wide: 2 + 127 * 4 = 510 */
    }
    bus_read(bench.machine->io, P_DATA, 2);
    g_assert_cmphex(bench_status(&bench), ==, READY);
    bench_out(&bench, P_DEVICE, 0x10);
    g_assert_false(bench.irq[0].level);
    bench_out(&bench, P_DEVICE, 0x00);
    g_assert_true(bench.irq[0].level);
    bench_in(&bench, P_STATUS);
    g_assert_false(bench.irq[0].level);
    bench_finish(&bench);
}

static void test_interrupt_enable(void)
{
    struct ide_bench bench;

    bench_init(&bench);
    bench_attach(&bench, 0, bench_image(&bench, 1 << 20, NULL), IDE_DISK, NULL);
    bench_out(&bench, P_CONTROL, IDE_CONTROL_NIEN);
    bench_out(&bench, P_COMMAND, 0xec);
    g_assert_false(bench.irq[0].level);
    g_assert_cmphex(bench_dma_status(&bench), ==, 0);
    bench_out(&bench, P_CONTROL, 0);
    g_assert_true(bench.irq[0].level);
    g_assert_cmphex(bench_dma_status(&bench), ==, BUSMASTER_STATUS_INTERRUPT);
    bench_in(&bench, P_CONTROL); /* the alternate status leaves it alone */
    g_assert_true(bench.irq[0].level);
    bench_out(&bench, P_CONTROL, IDE_CONTROL_SRST);
    g_assert_false(bench.irq[0].level);
    bench_finish(&bench);
}

static void test_two_deep(void)
{
    struct ide_bench bench;

    bench_init(&bench);
    bench_attach(&bench, 0, bench_image(&bench, 1 << 20, NULL), IDE_DISK, NULL);
    bench_out(&bench, P_LOW, 0x12);
    bench_out(&bench, P_LOW, 0x34);
    g_assert_cmphex(bench_in(&bench, P_LOW), ==, 0x34);
    bench_out(&bench, P_CONTROL, IDE_CONTROL_HOB);
    g_assert_cmphex(bench_in(&bench, P_LOW), ==, 0x12);
    bench_out(&bench, P_COUNT, 1); /* any write goes back to the current ones */
    g_assert_cmphex(bench_in(&bench, P_LOW), ==, 0x34);
    bench_finish(&bench);
}

/* Registers of a drive that is busy or transfers data are not written. */
static void test_busy(void)
{
    struct ide_bench bench;

    bench_init(&bench);
    bench_attach(&bench, 0, bench_image(&bench, 1 << 20, NULL), IDE_DISK, NULL);
    bench_command28(&bench, 0x20, 3, 1);
    bench_out(&bench, P_COUNT, 9);
    bench_out(&bench, P_COMMAND, 0xec);
    g_assert_cmphex(bench_wait(&bench), ==, READY | ATA_STATUS_DRQ);
    g_assert_cmphex(bench_in(&bench, P_COUNT), ==, 0);
    bench_out(&bench, P_COMMAND, 0xec);
    g_assert_cmphex(bus_read(bench.machine->io, P_DATA, 4), ==, 3 * 128);
    bench_finish(&bench);
}

/* A guest that writes anything anywhere. Some accesses are likely ones, so that commands get going. */
static void random_access(struct ide_bench *bench, struct test_random *random)
{
    static const uint8_t commands[] = {0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0x40, 0xa0,
                                       0xa0, 0xa0, 0xa1, 0xb0, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xe7,
                                       0xec, 0xef, 0x90, 0x08, 0x91, 0x3d, 0xf8};
    static const uint8_t packets[] = {0x00, 0x03, 0x12, 0x1b, 0x1e, 0x25, 0x28, 0x28, 0x42, 0x43,
                                      0x44, 0x46, 0x4a, 0x51, 0x52, 0x5a, 0xa8, 0xb9, 0xbd, 0xbe};
    uint64_t r = test_random_next(random);
    uint8_t value = (uint8_t)(r >> 32);
    unsigned size = 1u << (r >> 40) % 3;

    switch (r % 16) {
    case 0:
        bench_out(bench, P_COMMAND, commands[value % sizeof(commands)]);
        break;
    case 1:
        bench_out(bench, P_DEVICE, value);
        break;
    case 2:
        bench_out(bench, P_FEATURES + (r >> 8) % 5, (r >> 12) % 2 ? value : value & 3);
        break;
    case 3:
        bus_write(bench->machine->io, BENCH_BM_BASE + (r >> 8) % 16, r >> 16, size);
        break;
    case 4:
        bench_out(bench, BENCH_BM_BASE, (r >> 8) % 4 ? value | 1 : value);
        break;
    case 5:
        if ((r >> 8) % 16 == 0) {
            bench_out(bench, P_CONTROL, value);
            bench_out(bench, P_CONTROL, value & ~IDE_CONTROL_SRST);
        }
        break;
    case 6: { /* a packet, if one is wanted; else data */
        uint8_t packet[12];

        for (unsigned i = 0; i < 12; i++) {
            uint64_t byte = test_random_next(random);

            packet[i] = byte % 3 ? 0 : (uint8_t)(byte >> 8);
        }
        packet[0] = packets[value % sizeof(packets)];
        bench_pio_out(bench, packet, 12);
        break;
    }
    case 7:
        event_run(bench->machine->events);
        break;
    case 8:
        for (unsigned i = 0; i < (r >> 8) % 3000; i++) {
            bus_read(bench->machine->io, P_DATA, 4);
        }
        break;
    case 9:
        for (unsigned i = 0; i < (r >> 8) % 3000; i++) {
            bus_write(bench->machine->io, P_DATA, r, 4);
        }
        break;
    case 10:
        ide_drive_change_medium(ide_channel_drive_at(bench->channel, 1),
                                (r >> 8) % 3 ? bench->blocks[1 + (r >> 16) % 2] : NULL);
        break;
    default:
        bus_read(bench->machine->io, 0x1f0 + (r >> 8) % 10, size);
        bus_write(bench->machine->io, 0x1f0 + (r >> 16) % 8, r >> 24, size);
        break;
    }
}

static void test_random_accesses(void)
{
    struct test_random random = {.state = 1};
    struct ide_bench bench;

    bench_init(&bench);
    bench_attach(&bench, 0, bench_image(&bench, 1 << 20, NULL), IDE_DISK, NULL);
    bench_attach(&bench, 1, bench_image(&bench, 1 << 20, NULL), IDE_CDROM, NULL);
    bench_image(&bench, 6000, NULL);
    for (unsigned i = 0; i < 4096; i++) { /* descriptors everywhere */
        uint64_t r = test_random_next(&random);
        uint32_t *row = (uint32_t *)(bench.ram->host + 8 * i);

        row[0] = r % 8 ? (uint32_t)(r >> 8) & (BENCH_RAM_BYTES - 1) : (uint32_t)(r >> 16);
        row[1] = (uint32_t)(r >> 40) & (r % 5 ? 0x0000fffe : 0x8000fffe);
    }
    for (unsigned i = 0; i < 30000; i++) {
        random_access(&bench, &random);
    }
    bench_finish(&bench);
}

/* States that no run can reach, as from a damaged file, with drives attached. */
static void test_random_state(void)
{
    struct test_random random = {.state = 2};
    struct ide_bench bench;

    bench_init(&bench);
    bench_attach(&bench, 0, bench_image(&bench, 1 << 20, NULL), IDE_DISK, NULL);
    bench_attach(&bench, 1, bench_image(&bench, 1 << 20, NULL), IDE_CDROM, NULL);
    bench_image(&bench, 6000, NULL);
    for (unsigned round = 0; round < 300; round++) {
        state_randomize(piix_ide_class.fields, bench.dev, test_random_fn, &random);
        for (unsigned unit = 0; unit < 2; unit++) {
            struct ide_drive *drive = ide_channel_drive_at(bench.channel, unit);
            uint64_t r = test_random_next(&random);

            /* Some of it plausible, or nothing would pass the first check. */
            drive->phase = (int32_t)(r % PHASE_COUNT);
            drive->op = (int32_t)(r >> 8) % OP_COUNT;
            drive->fill %= IDE_PIO_BYTES + 1;
            drive->block_end %= IDE_PIO_BYTES + 1;
            drive->position %= drive->block_end + 1;
            drive->per_block %= 17;
            drive->lba %= 4096;
        }
        piix_ide_class.loaded(bench.dev);
        device_drive(bench.dev);
        for (unsigned i = 0; i < 60; i++) {
            random_access(&bench, &random);
        }
    }
    bench_finish(&bench);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/ide-channel/empty", test_empty);
    g_test_add_func("/ide-channel/absent-slave", test_absent_slave);
    g_test_add_func("/ide-channel/two-drives", test_two_drives);
    g_test_add_func("/ide-channel/interrupt-enable", test_interrupt_enable);
    g_test_add_func("/ide-channel/two-deep", test_two_deep);
    g_test_add_func("/ide-channel/busy", test_busy);
    g_test_add_func("/ide-channel/random-accesses", test_random_accesses);
    g_test_add_func("/ide-channel/random-state", test_random_state);
    return g_test_run();
}
