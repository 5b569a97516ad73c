/*
 * A machine with the PIIX3 IDE function, RAM and images in temporary files, and the host's side of the ATA
 * protocols: for the tests of hw/ide.
 */
#ifndef TESTS_SUPPORT_IDE_BENCH_H
#define TESTS_SUPPORT_IDE_BENCH_H

#include "block/block.h"
#include "block/fault.h"
#include "hw/ide/piix_ide.h"
#include "tests/support/test.h"

enum {
    BENCH_RAM_BYTES = 16 << 20,
    BENCH_BM_BASE = 0xc000,
    BENCH_TABLE = 0x1000, /* where bench_dma_start() puts the descriptors */
};

/* Ports of the primary channel. */
enum {
    P_DATA = 0x1f0, P_ERROR = 0x1f1, P_FEATURES = 0x1f1, P_COUNT = 0x1f2, P_LOW = 0x1f3,
    P_MID = 0x1f4, P_HIGH = 0x1f5, P_DEVICE = 0x1f6, P_STATUS = 0x1f7, P_COMMAND = 0x1f7,
    P_CONTROL = 0x3f6,
};

struct ide_bench {
    struct machine *machine;
    struct ram *ram;
    struct device *dev;
    struct ide_channel *channel; /* primary */
    struct test_probe irq[2];
    struct block *blocks[8]; /* closed at the end */
    char *paths[8];
    unsigned block_count;
};

void bench_init(struct ide_bench *bench);
void bench_finish(struct ide_bench *bench);

/* A new image file of `bytes`; every 32-bit word holds its own index. fault may be NULL. */
struct block *bench_image(struct ide_bench *bench, uint64_t bytes, struct block_fault *fault);
/* A disk or CD of that size as `unit` of the primary channel. */
struct ide_drive *bench_attach(struct ide_bench *bench, unsigned unit, struct block *block,
                               enum ide_kind kind, const struct ide_options *options);

uint8_t bench_in(struct ide_bench *bench, unsigned port);
void bench_out(struct ide_bench *bench, unsigned port, uint8_t value);
/* Alternate status. */
uint8_t bench_status(struct ide_bench *bench);
/* Lets the block layer finish until BSY is clear; gives up (fails) after 10 s. Returns the status. */
uint8_t bench_wait(struct ide_bench *bench);

/* Task file for a 28-bit LBA command, or a 48-bit one, and the command itself. */
void bench_command28(struct ide_bench *bench, uint8_t command, uint32_t lba, uint8_t count);
void bench_command48(struct ide_bench *bench, uint8_t command, uint64_t lba, uint16_t count);

/* One DRQ block of `bytes` through the data port, in words. */
void bench_pio_in(struct ide_bench *bench, void *data, unsigned bytes);
void bench_pio_out(struct ide_bench *bench, const void *data, unsigned bytes);

/* One region a (address, bytes) pair, the last marked as the end; then START. */
struct bench_region {
    uint32_t address, bytes;
};
void bench_dma_start(struct ide_bench *bench, const struct bench_region *regions, unsigned count,
                     bool to_memory);
uint8_t bench_dma_status(struct ide_bench *bench);
void bench_dma_stop(struct ide_bench *bench);

/* PACKET with a byte count limit, or with DMA if limit is 0; ends with the packet sent and BSY clear. */
uint8_t bench_packet(struct ide_bench *bench, const uint8_t *packet, uint16_t limit);
/* Takes DRQ blocks until the command ends; returns how many bytes came. Good status is asserted. */
unsigned bench_packet_data(struct ide_bench *bench, uint8_t *data, unsigned size);

#endif
