/*
 * ATAPI CD drives (hw/ide/atapi*.c): the PACKET protocol and multimedia commands, through the ports.
 */
#include <errno.h>
#include <string.h>

#include "core/machine.h"
#include "hw/ide/atapi.h"
#include "hw/ide/cd_sector.h"
#include "tests/support/ide_bench.h"

enum { DISC_SECTORS = 4000 };

#define READY   (ATA_STATUS_DRDY | ATA_STATUS_DSC)
#define CHECKED (READY | ATA_STATUS_ERR)

static void setup(struct ide_bench *bench, bool disc, struct block_fault *fault)
{
    bench_init(bench);
    bench_attach(bench, 0,
                 disc ? bench_image(bench, DISC_SECTORS * CD_SECTOR_BYTES, fault) : NULL,
                 IDE_CDROM, NULL);
}

static void assert_sector(const uint8_t *data, uint32_t lba)
{
    const uint32_t *words = (const uint32_t *)(const void *)data;

    for (unsigned i = 0; i < CD_SECTOR_BYTES / 4; i++) {
        g_assert_cmpuint(words[i], ==, lba * (CD_SECTOR_BYTES / 4) + i);
    }
}

/* Runs a command with PIO data into `data`; returns how many bytes came. */
static unsigned command(struct ide_bench *bench, const uint8_t *packet, uint8_t *data,
                        unsigned size)
{
    bench_packet(bench, packet, 0x800);
    return bench_packet_data(bench, data, size);
}

/* Asserts CHECK CONDITION, fetches the sense data and returns key << 16 | code << 8 | qualifier. */
static uint32_t sense(struct ide_bench *bench)
{
    const uint8_t request[12] = {0x03, 0, 0, 0, 18};
    uint8_t data[18];

    g_assert_cmphex(bench_wait(bench), ==, CHECKED);
    g_assert_true(bench->irq[0].level);
    bench_in(bench, P_STATUS);
    g_assert_cmpuint(command(bench, request, data, sizeof(data)), ==, 18);
    g_assert_cmphex(data[0], ==, 0x70);
    return (uint32_t)data[2] << 16 | (uint32_t)data[12] << 8 | data[13];
}

static uint32_t sense_after(struct ide_bench *bench, const uint8_t *packet)
{
    bench_packet(bench, packet, 0x800);
    return sense(bench);
}

static void test_identify(void)
{
    struct ide_bench bench;
    uint8_t data[512];

    setup(&bench, true, NULL);
    g_assert_cmphex(bench_status(&bench), ==, 0);
    bench_out(&bench, P_COMMAND, 0xec);
    g_assert_cmphex(bench_status(&bench), ==, CHECKED);
    g_assert_cmphex(bench_in(&bench, P_MID), ==, 0x14);
    g_assert_cmphex(bench_in(&bench, P_HIGH), ==, 0xeb);
    bench_out(&bench, P_COMMAND, 0xa1);
    g_assert_cmphex(bench_in(&bench, P_STATUS), ==, READY | ATA_STATUS_DRQ);
    bench_pio_in(&bench, data, sizeof(data));
    g_assert_cmphex(data[1] << 8 | data[0], ==, 0x85c0);
    g_assert_cmphex(bench_status(&bench), ==, READY);
    bench_out(&bench, P_COMMAND, 0x08); /* DEVICE RESET: no interrupt */
    g_assert_cmphex(bench_status(&bench), ==, 0);
    g_assert_false(bench.irq[0].level);
    g_assert_cmphex(bench_in(&bench, P_HIGH), ==, 0xeb);
    bench_finish(&bench);
}

static void test_inquiry(void)
{
    const uint8_t inquiry[12] = {0x12, 0, 0, 0, 36}, small[12] = {0x12, 0, 0, 0, 5};
    const uint8_t page[12] = {0x12, 0, 1, 0, 36}, unknown[12] = {0xff};
    struct ide_bench bench;
    uint8_t data[64];

    setup(&bench, true, NULL);
    g_assert_cmpuint(command(&bench, inquiry, data, sizeof(data)), ==, 36);
    g_assert_cmphex(data[0], ==, 5);
    g_assert_cmpmem(data + 16, 10, "VMM CD-ROM", 10);
    g_assert_cmpuint(command(&bench, small, data, sizeof(data)), ==, 5); /* an odd count */
    g_assert_cmphex(sense_after(&bench, page), ==, 0x052400);
    g_assert_cmphex(sense_after(&bench, unknown), ==, 0x052000);
    bench_finish(&bench);
}

static void test_read_pio(void)
{
    const uint8_t read10[12] = {0x28, 0, 0, 0, 0x03, 0xe8, 0, 0, 80};
    const uint8_t none[12] = {0x28, 0, 0, 0, 0, 1, 0, 0, 0};
    const uint8_t beyond[12] = {0xa8, 0, 0, 0, 0x0f, 0x9f, 0, 0, 0, 2};
    const uint16_t limits[] = {2048, 0xfffe, 512, 8192, 3000};
    uint8_t *data = g_malloc(80 * CD_SECTOR_BYTES);
    struct ide_bench bench;

    setup(&bench, true, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(limits); i++) {
        bench_packet(&bench, read10, limits[i]);
        g_assert_cmpuint(bench_packet_data(&bench, data, 80 * CD_SECTOR_BYTES), ==,
                         80 * CD_SECTOR_BYTES);
        for (unsigned s = 0; s < 80; s++) {
            assert_sector(data + s * CD_SECTOR_BYTES, 1000 + s);
        }
    }
    g_assert_cmpuint(command(&bench, none, data, 1), ==, 0);
    g_assert_cmphex(sense_after(&bench, beyond), ==, 0x052100);
    g_free(data);
    bench_finish(&bench);
}

static void test_read_dma(void)
{
    const uint8_t read12[12] = {0xa8, 0, 0, 0, 0, 7, 0, 0, 1, 0x40};
    const uint8_t inquiry[12] = {0x12, 0, 0, 0, 36};
    struct bench_region regions[10], small = {0x100000, 36};
    struct ide_bench bench;

    setup(&bench, true, NULL);
    for (unsigned i = 0; i < 10; i++) {
        regions[i] = (struct bench_region){0x200000 + i * 0x10000, 0};
    }
    g_assert_cmphex(bench_packet(&bench, read12, 0), ==, ATA_STATUS_BSY);
    bench_dma_start(&bench, regions, 10, true);
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    g_assert_true(bench.irq[0].level);
    g_assert_cmphex(bench_dma_status(&bench), ==, BUSMASTER_STATUS_INTERRUPT);
    for (unsigned s = 0; s < 320; s++) {
        assert_sector(bench.ram->host + 0x200000 + s * CD_SECTOR_BYTES, 7 + s);
    }
    bench_dma_stop(&bench);
    bench_packet(&bench, inquiry, 0);
    bench_dma_start(&bench, &small, 1, true);
    g_assert_cmphex(bench_wait(&bench), ==, READY);
    g_assert_cmpmem(bench.ram->host + 0x100010, 3, "VMM", 3);
    g_assert_cmphex(bench_dma_status(&bench), ==, BUSMASTER_STATUS_INTERRUPT);
    bench_finish(&bench);
}

static void test_read_cd(void)
{
    const uint8_t user[12] = {0xbe, 0, 0, 0, 0, 150, 0, 0, 2, 0x10};
    const uint8_t raw[12] = {0xbe, 0, 0, 0, 0, 150, 0, 0, 40, 0xf8};
    const uint8_t audio[12] = {0xbe, 0x04, 0, 0, 0, 150, 0, 0, 2, 0x10};
    const uint8_t msf[12] = {0xb9, 0, 0, 0, 4, 0, 0, 4, 2, 0x10};
    uint8_t *data = g_malloc(40 * CD_SECTOR_WHOLE);
    struct ide_bench bench;

    setup(&bench, true, NULL);
    g_assert_cmpuint(command(&bench, user, data, 5000), ==, 4096);
    assert_sector(data, 150);
    bench_packet(&bench, raw, 0xfffe);
    g_assert_cmpuint(bench_packet_data(&bench, data, 40 * CD_SECTOR_WHOLE), ==, 40 * CD_SECTOR_WHOLE);
    for (unsigned s = 0; s < 40; s++) {
        const uint8_t *sector = data + s * CD_SECTOR_WHOLE;
        const uint8_t start[15] = {0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0,
                                   0, 4, (uint8_t)(s / 10 << 4 | s % 10)};

        g_assert_cmpmem(sector, 15, start, 15);
        g_assert_cmpint(sector[15], ==, 1);
        g_assert_cmpuint(sector[16] | sector[17] << 8 | sector[18] << 16, ==, (150 + s) * 512);
    }
    g_assert_cmphex(sense_after(&bench, audio), ==, 0x056400);
    g_assert_cmpuint(command(&bench, msf, data, 5000), ==, 4096);
    assert_sector(data, 150);
    g_free(data);
    bench_finish(&bench);
}

static void test_toc(void)
{
    const uint8_t toc[12] = {0x43, 0, 0, 0, 0, 0, 0, 0, 64};
    const uint8_t toc_msf[12] = {0x43, 2, 0, 0, 0, 0, 0xaa, 0, 64};
    const uint8_t session[12] = {0x43, 0, 1, 0, 0, 0, 0, 0, 64};
    const uint8_t full[12] = {0x43, 2, 2, 0, 0, 0, 0, 0, 64};
    const uint8_t capacity[12] = {0x25};
    const uint8_t bad[12] = {0x43, 0, 0, 0, 0, 0, 7, 0, 64};
    struct ide_bench bench;
    uint8_t data[64];

    setup(&bench, true, NULL);
    g_assert_cmpuint(command(&bench, toc, data, 64), ==, 20);
    g_assert_cmpuint(atapi_be16(data), ==, 18);
    g_assert_cmpuint(data[6], ==, 1);
    g_assert_cmpuint(atapi_be32(data + 8), ==, 0);
    g_assert_cmphex(data[14], ==, 0xaa);
    g_assert_cmpuint(atapi_be32(data + 16), ==, DISC_SECTORS);
    g_assert_cmpuint(command(&bench, toc_msf, data, 64), ==, 12);
    g_assert_cmpuint(data[9] * 4500 + data[10] * 75 + data[11], ==, DISC_SECTORS + 150);
    g_assert_cmpuint(command(&bench, session, data, 64), ==, 12);
    g_assert_cmpuint(command(&bench, full, data, 64), ==, 48);
    g_assert_cmphex(data[7], ==, 0xa0);
    g_assert_cmpuint(command(&bench, capacity, data, 64), ==, 8);
    g_assert_cmpuint(atapi_be32(data), ==, DISC_SECTORS - 1);
    g_assert_cmpuint(atapi_be32(data + 4), ==, 2048);
    g_assert_cmphex(sense_after(&bench, bad), ==, 0x052400);
    bench_finish(&bench);
}

static void test_mode_and_features(void)
{
    const uint8_t all[12] = {0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 128};
    const uint8_t caps[12] = {0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 128};
    const uint8_t saved[12] = {0x5a, 0, 0xea, 0, 0, 0, 0, 0, 128};
    const uint8_t unknown[12] = {0x5a, 0, 0x0f, 0, 0, 0, 0, 0, 128};
    const uint8_t configuration[12] = {0x46, 0, 0, 0, 0, 0, 0, 0, 128};
    const uint8_t header[12] = {0x46, 2, 0xff, 0, 0, 0, 0, 0, 8};
    const uint8_t information[12] = {0x51, 0, 0, 0, 0, 0, 0, 0, 128};
    const uint8_t mechanism[12] = {0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 8};
    struct ide_bench bench;
    uint8_t data[128];

    setup(&bench, true, NULL);
    g_assert_cmpuint(command(&bench, all, data, 128), ==, 8 + 8 + 8 + 16 + 12 + 22);
    g_assert_cmpuint(atapi_be16(data), ==, 8 + 8 + 8 + 16 + 12 + 22 - 2);
    g_assert_cmpuint(command(&bench, caps, data, 128), ==, 30);
    g_assert_cmphex(data[8], ==, 0x2a);
    g_assert_cmphex(sense_after(&bench, saved), ==, 0x053900);
    g_assert_cmphex(sense_after(&bench, unknown), ==, 0x052400);
    g_assert_cmpuint(command(&bench, configuration, data, 128), ==,
                     atapi_be32(data) + 4);
    g_assert_cmphex(atapi_be16(data + 6), ==, 8); /* CD-ROM */
    g_assert_cmpuint(command(&bench, header, data, 128), ==, 8);
    g_assert_cmpuint(atapi_be32(data), ==, 4);
    g_assert_cmpuint(command(&bench, information, data, 128), ==, 34);
    g_assert_cmpuint(command(&bench, mechanism, data, 128), ==, 8);
    bench_finish(&bench);
}

static void test_disc(void)
{
    const uint8_t seek[12] = {0x2b, 0, 0, 0, 0, 9}, seek_far[12] = {0x2b, 0, 0, 1};
    const uint8_t sub[12] = {0x42, 0, 0, 0, 0, 0, 0, 0, 4};
    const uint8_t header[12] = {0x44, 2, 0, 0, 0, 75, 0, 0, 8};
    const uint8_t q[12] = {0x42, 0, 0x40, 1, 0, 0, 0, 0, 16};
    const uint8_t track[12] = {0x52, 1, 0, 0, 0, 1, 0, 0, 64};
    const uint8_t track9[12] = {0x52, 1, 0, 0, 0, 9, 0, 0, 64};
    const uint8_t external[12] = {0x4a, 1, 0, 0, 0x08, 0, 0, 0, 8};
    const uint8_t asynchronous[12] = {0x4a, 0, 0, 0, 0x10, 0, 0, 0, 8};
    const uint8_t nothing[12] = {0xbe, 0, 0, 0, 0, 1, 0, 0, 1, 0};
    const uint8_t header_only[12] = {0xbe, 0, 0, 0, 0, 1, 0, 0, 1, 0x20};
    const uint8_t apart[12] = {0xbe, 0, 0, 0, 0, 1, 0, 0, 1, 0x28};
    const uint8_t bad_msf[12] = {0xb9, 0, 0, 0, 60, 0, 0, 61, 0, 0x10};
    const uint8_t speed[12] = {0xbb, 0, 0xff, 0xff};
    struct ide_bench bench;
    uint8_t data[64];

    setup(&bench, true, NULL);
    g_assert_cmpuint(command(&bench, seek, data, 64), ==, 0);
    g_assert_cmphex(sense_after(&bench, seek_far), ==, 0x052100);
    g_assert_cmpuint(command(&bench, sub, data, 64), ==, 4);
    g_assert_cmphex(data[1], ==, 0x15);
    g_assert_cmpuint(command(&bench, q, data, 64), ==, 16);
    g_assert_cmpuint(data[3], ==, 12);
    g_assert_cmphex(atapi_be32(data + 4), ==, 0x01140101); /* position in track 1, index 1 */
    g_assert_cmpuint(command(&bench, header, data, 64), ==, 8);
    g_assert_cmpuint(atapi_be32(data + 4), ==, 0x00000300); /* 00:03.00 */
    g_assert_cmpuint(command(&bench, track, data, 64), ==, 36);
    g_assert_cmpuint(atapi_be32(data + 24), ==, DISC_SECTORS);
    g_assert_cmphex(sense_after(&bench, track9), ==, 0x052400);
    g_assert_cmpuint(command(&bench, external, data, 64), ==, 4);
    g_assert_cmphex(data[2], ==, 0x80);
    g_assert_cmphex(sense_after(&bench, asynchronous), ==, 0x052400);
    g_assert_cmpuint(command(&bench, nothing, data, 64), ==, 0);
    g_assert_cmpuint(command(&bench, header_only, data, 64), ==, 4);
    g_assert_cmphex(atapi_be32(data), ==, 0x00020101); /* 00:02.01, mode 1 */
    g_assert_cmphex(sense_after(&bench, apart), ==, 0x052400);
    g_assert_cmphex(sense_after(&bench, bad_msf), ==, 0x052400);
    g_assert_cmpuint(command(&bench, speed, data, 64), ==, 0);
    bench_finish(&bench);
}

/* The position follows what was read; there are no catalogue number and no ISRC. */
static void test_sub_channel(void)
{
    const uint8_t read[12] = {0x28, 0, 0, 0, 0, 99, 0, 0, 1};
    const uint8_t lba[12] = {0x42, 0, 0x40, 1, 0, 0, 0, 0, 16}, msf[12] = {0x42, 2, 0x40, 1, 0, 0, 0, 0, 16};
    const uint8_t catalogue[12] = {0x42, 0, 0x40, 2, 0, 0, 0, 0, 64}, isrc[12] = {0x42, 0, 0x40, 3, 0, 0, 1, 0, 64};
    const uint8_t isrc2[12] = {0x42, 0, 0x40, 3, 0, 0, 2, 0, 64}, format4[12] = {0x42, 0, 0x40, 4, 0, 0, 0, 0, 64};
    struct ide_bench bench;
    uint8_t data[2048];

    setup(&bench, true, NULL);
    g_assert_cmpuint(command(&bench, read, data, 2048), ==, 2048);
    g_assert_cmpuint(command(&bench, lba, data, 64), ==, 16);
    g_assert_cmpuint(atapi_be32(data + 8), ==, 99);
    g_assert_cmpuint(atapi_be32(data + 12), ==, 99);
    g_assert_cmpuint(command(&bench, msf, data, 64), ==, 16);
    g_assert_cmphex(atapi_be32(data + 8), ==, 0x00000318);  /* 99 + 150 frames: 00:03.24 */
    g_assert_cmphex(atapi_be32(data + 12), ==, 0x00000118); /* 00:01.24 of the track */
    g_assert_cmpuint(command(&bench, catalogue, data, 64), ==, 24);
    g_assert_cmphex(data[4], ==, 2);
    g_assert_cmphex(data[8], ==, 0);
    g_assert_cmpuint(command(&bench, isrc, data, 64), ==, 24);
    g_assert_cmphex(data[6], ==, 1);
    g_assert_cmphex(data[8], ==, 0);
    g_assert_cmphex(sense_after(&bench, isrc2), ==, 0x052400);
    g_assert_cmphex(sense_after(&bench, format4), ==, 0x052400);
    bench_finish(&bench);
}

static void test_vital_data(void)
{
    const uint8_t list[12] = {0x12, 1, 0x00, 0, 64}, serial[12] = {0x12, 1, 0x80, 0, 64};
    const uint8_t name[12] = {0x12, 1, 0x83, 0, 96}, other[12] = {0x12, 1, 0x99, 0, 64};
    struct ide_bench bench;
    uint8_t data[128];

    setup(&bench, true, NULL);
    strcpy(ide_channel_drive_at(bench.channel, 0)->serial, "SERIAL7");
    g_assert_cmpuint(command(&bench, list, data, 64), ==, 7);
    g_assert_cmphex(data[5], ==, 0x80);
    g_assert_cmpuint(command(&bench, serial, data, 64), ==, 4 + 7);
    g_assert_cmpmem(data + 4, 7, "SERIAL7", 7);
    g_assert_cmpuint(command(&bench, name, data, 96), ==, 8 + 24 + 7);
    g_assert_cmpmem(data + 8, 8, "VMM     ", 8);
    g_assert_cmpmem(data + 32, 7, "SERIAL7", 7);
    g_assert_cmphex(sense_after(&bench, other), ==, 0x052400);
    bench_finish(&bench);
}

/* A disc larger than any CD is a DVD; past one layer's room it has two. */
static void test_dvd(void)
{
    const uint8_t physical[12] = {0xad, 0, 0, 0, 0, 0, 0, 0x00, 0x08, 0x04};
    const uint8_t copyright[12] = {0xad, 0, 0, 0, 0, 0, 0, 0x01, 0, 64}, burst[12] = {0xad, 0, 0, 0, 0, 0, 0, 0x03, 0, 64};
    const uint8_t list[12] = {0xad, 0, 0, 0, 0, 0, 0, 0xff, 0, 64}, layer1[12] = {0xad, 0, 0, 0, 0, 0, 1, 0x00, 0, 64};
    const uint8_t configuration[12] = {0x46, 0, 0, 0, 0, 0, 0, 0, 128};
    struct ide_bench bench;
    static uint8_t data[4096];

    setup(&bench, true, NULL);
    g_assert_cmphex(sense_after(&bench, physical), ==, 0x053002);
    ide_channel_drive_at(bench.channel, 0)->sectors = 1000000;
    g_assert_cmpuint(command(&bench, physical, data, sizeof(data)), ==, 2052);
    g_assert_cmpuint(atapi_be16(data), ==, 2050);
    g_assert_cmphex(data[6], ==, 0x01);
    g_assert_cmphex(atapi_be32(data + 8), ==, 0x030000);
    g_assert_cmphex(atapi_be32(data + 12), ==, 0x030000 + 999999);
    g_assert_cmpuint(command(&bench, copyright, data, 64), ==, 8);
    g_assert_cmpuint(command(&bench, list, data, 64), ==, 4 + 12);
    g_assert_cmphex(sense_after(&bench, burst), ==, 0x052400);
    g_assert_cmphex(sense_after(&bench, layer1), ==, 0x052400);
    g_assert_cmpuint(command(&bench, configuration, data, 128), ==, atapi_be32(data) + 4);
    g_assert_cmphex(atapi_be16(data + 6), ==, 0x10);

    ide_channel_drive_at(bench.channel, 0)->sectors = 4000000;
    g_assert_cmpuint(command(&bench, physical, data, sizeof(data)), ==, 2052);
    g_assert_cmphex(data[6], ==, 0x31);
    g_assert_cmphex(atapi_be32(data + 16), ==, 0x030000 + 1999999);
    g_assert_cmphex(atapi_be32(data + 12), ==, (~(0x030000u + 1999999) & 0xffffff) + 1999999);
    bench_finish(&bench);
}

/* rerror=ignore: zeroes, and the command goes well; rerror=stop: the machine pauses and the read is repeated. */
static void test_policies(void)
{
    const uint8_t read10[12] = {0x28, 0, 0, 0, 0, 5, 0, 0, 1};
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_READ, .error = EIO};
    struct ide_bench bench;
    uint8_t data[2048], zeroes[2048] = {0};

    setup(&bench, true, fault);
    struct ide_drive *drive = ide_channel_drive_at(bench.channel, 0);
    block_fault_add(fault, &rule);
    drive->read_error = BLOCK_ON_ERROR_IGNORE;
    g_assert_cmpuint(command(&bench, read10, data, sizeof(data)), ==, 2048);
    g_assert_cmpmem(data, sizeof(data), zeroes, sizeof(zeroes));
    g_assert_cmpint(bench.machine->request, ==, REQUEST_NONE);

    drive->read_error = BLOCK_ON_ERROR_STOP;
    bench_out(&bench, P_FEATURES, 0);
    bench_out(&bench, P_MID, 0);
    bench_out(&bench, P_HIGH, 8);
    bench_out(&bench, P_COMMAND, 0xa0);
    bench_pio_out(&bench, read10, sizeof(read10));
    block_drain(bench.blocks[0]);
    g_assert_cmpint(bench.machine->request, ==, REQUEST_PAUSE);
    g_assert_cmphex(bench_status(&bench), ==, ATA_STATUS_BSY);
    block_fault_clear(fault);
    lock_release(&bench.machine->lock);
    machine_serve_request(bench.machine);
    g_assert_cmpstr(run_state_text(bench.machine->run_state), ==, "paused (io-error)");
    machine_resume(bench.machine);
    lock_acquire(&bench.machine->lock);
    g_assert_cmpuint(bench_packet_data(&bench, data, sizeof(data)), ==, 2048);
    assert_sector(data, 5);
    bench_finish(&bench);
    block_fault_destroy(fault);
}

/* Every byte of raw sectors: the sums that the error correction makes zero (ECMA-130, annex A). */
static void test_raw_sector(void)
{
    uint8_t sector[CD_SECTOR_WHOLE];
    const uint8_t msf[3] = {12, 34, 56};

    for (unsigned i = 0; i < CD_SECTOR_BYTES; i++) {
        sector[CD_AT_DATA + i] = (uint8_t)(i * 7 + i / 256);
    }
    cd_sector_complete(sector, msf);
    g_assert_cmphex(atapi_be32(sector + CD_AT_HEADER), ==, 0x12345601);
    for (unsigned plane = 0; plane < 2; plane++) {
        const uint8_t *words = sector + CD_AT_HEADER + plane;
        for (unsigned column = 0; column < 43; column++) {
            uint8_t sum = 0;
            for (unsigned row = 0; row < 26; row++) {
                sum ^= words[2 * (43 * row + column)];
            }
            g_assert_cmphex(sum, ==, 0);
        }
        for (unsigned diagonal = 0; diagonal < 26; diagonal++) {
            uint8_t sum = words[2 * (1118 + diagonal)] ^ words[2 * (1144 + diagonal)];
            for (unsigned row = 0; row < 43; row++) {
                sum ^= words[2 * ((44 * row + 43 * diagonal) % 1118)];
            }
            g_assert_cmphex(sum, ==, 0);
        }
    }
}

/* MODE SELECT: what can be changed is, all or nothing, through the data port and by DMA. */
static void test_mode_select(void)
{
    const uint8_t page[12] = {0x5a, 0, 0x01, 0, 0, 0, 0, 0, 64};
    const uint8_t changeable[12] = {0x5a, 0, 0x41, 0, 0, 0, 0, 0, 64};
    const uint8_t defaults[12] = {0x5a, 0, 0x81, 0, 0, 0, 0, 0, 64};
    const uint8_t select[12] = {0x55, 0x10, 0, 0, 0, 0, 0, 0, 16};
    const uint8_t saving[12] = {0x55, 0x11, 0, 0, 0, 0, 0, 0, 16};
    const uint8_t none[12] = {0x55, 0x10}, shorter[12] = {0x55, 0x10, 0, 0, 0, 0, 0, 0, 4};
    uint8_t list[16] = {[8] = 0x01, [9] = 6, [10] = 0x20, [11] = 9};
    const uint8_t ready[12] = {0};
    const struct bench_region memory = {0x8000, 16};
    struct ide_bench bench;
    uint8_t data[64];

    setup(&bench, true, NULL);
    g_assert_cmpuint(command(&bench, changeable, data, 64), ==, 16);
    g_assert_cmphex(data[10] & data[11], ==, 0xff);
    g_assert_cmphex(data[12], ==, 0);
    g_assert_cmphex(sense_after(&bench, saving), ==, 0x052400);
    g_assert_cmphex(sense_after(&bench, shorter), ==, 0x051a00);
    g_assert_cmpuint(command(&bench, none, data, 64), ==, 0);
    g_assert_cmphex(bench_packet(&bench, select, 10) & ATA_STATUS_DRQ, ==, ATA_STATUS_DRQ);
    g_assert_cmphex(bench_in(&bench, P_COUNT) & 3, ==, 0);
    g_assert_cmpuint(bench_in(&bench, P_MID), ==, 10);
    bench_pio_out(&bench, list, 10); /* in two blocks, as the limit says */
    g_assert_cmphex(bench_wait(&bench) & ATA_STATUS_DRQ, ==, ATA_STATUS_DRQ);
    g_assert_cmpuint(bench_in(&bench, P_MID), ==, 6);
    bench_pio_out(&bench, list + 10, 6);
    g_assert_cmphex(bench_wait(&bench), ==, ATA_STATUS_DRDY | ATA_STATUS_DSC);
    g_assert_cmpuint(command(&bench, page, data, 64), ==, 16);
    g_assert_cmpmem(data + 8, 8, list + 8, 8);
    g_assert_cmpuint(command(&bench, defaults, data, 64), ==, 16);
    g_assert_cmpuint(data[11], ==, 5);
    /* A bit that cannot be changed. */
    list[11] = 1;
    list[12] = 1;
    bench_packet(&bench, select, 64);
    bench_pio_out(&bench, list, 16);
    g_assert_cmphex(sense(&bench), ==, 0x052600);
    g_assert_cmpuint(command(&bench, page, data, 64), ==, 16);
    g_assert_cmpuint(data[11], ==, 9);
    list[12] = 0;
    memcpy(bench.ram->host + 0x8000, list, 16);
    bench_packet(&bench, select, 0);
    bench_dma_start(&bench, &memory, 1, false);
    g_assert_cmphex(bench_wait(&bench), ==, ATA_STATUS_DRDY | ATA_STATUS_DSC);
    bench_dma_stop(&bench);
    g_assert_cmpuint(command(&bench, page, data, 64), ==, 16);
    g_assert_cmpuint(data[11], ==, 1);
    device_reset(bench.dev);
    command(&bench, ready, data, 64);
    g_assert_cmpuint(command(&bench, page, data, 64), ==, 16);
    g_assert_cmpuint(data[11], ==, 5);
    bench_finish(&bench);
}

static uint8_t media_event(struct ide_bench *bench, uint8_t *status)
{
    const uint8_t poll[12] = {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8};
    uint8_t data[8];

    g_assert_cmpuint(command(bench, poll, data, 8), ==, 8);
    *status = data[5];
    return data[4];
}

/* No disc, a disc, another disc, eject by the guest and by the monitor, the lock. */
static void test_media(void)
{
    const uint8_t ready[12] = {0}, capacity[12] = {0x25};
    const uint8_t lock[12] = {0x1e, 0, 0, 0, 1}, unlock[12] = {0x1e, 0, 0, 0, 0};
    const uint8_t eject[12] = {0x1b, 0, 0, 0, 2}, load[12] = {0x1b, 0, 0, 0, 3};
    struct ide_bench bench;
    struct ide_drive *drive;
    uint8_t status, data[8];

    setup(&bench, false, NULL);
    drive = ide_channel_drive_at(bench.channel, 0);
    g_assert_cmphex(sense_after(&bench, ready), ==, 0x023a01);
    ide_drive_change_medium(drive, bench_image(&bench, 100 * 2048, NULL));
    g_assert_cmphex(media_event(&bench, &status), ==, MEDIA_EVENT_NEW);
    g_assert_cmphex(status, ==, 2);
    g_assert_cmphex(media_event(&bench, &status), ==, MEDIA_EVENT_NONE);
    g_assert_cmphex(sense_after(&bench, ready), ==, 0x062800);
    g_assert_cmpuint(command(&bench, ready, data, 8), ==, 0);
    ide_drive_change_medium(drive, bench_image(&bench, 200 * 2048, NULL));
    g_assert_cmphex(sense_after(&bench, ready), ==, 0x062800);
    g_assert_cmpuint(command(&bench, capacity, data, 8), ==, 8);
    g_assert_cmpuint(atapi_be32(data), ==, 199);
    media_event(&bench, &status);

    g_assert_cmpuint(command(&bench, lock, data, 8), ==, 0);
    g_assert_true(ide_drive_locked(drive));
    g_assert_cmphex(sense_after(&bench, eject), ==, 0x055302);
    g_assert_false(ide_drive_request_eject(drive));
    g_assert_cmphex(media_event(&bench, &status), ==, MEDIA_EVENT_EJECT);
    g_assert_cmpuint(command(&bench, unlock, data, 8), ==, 0);
    g_assert_true(ide_drive_request_eject(drive));

    g_assert_cmpuint(command(&bench, eject, data, 8), ==, 0);
    g_assert_true(ide_drive_tray_open(drive));
    g_assert_cmphex(media_event(&bench, &status), ==, MEDIA_EVENT_REMOVAL);
    g_assert_cmphex(status, ==, 1);
    g_assert_cmphex(sense_after(&bench, ready), ==, 0x023a02);
    g_assert_cmpuint(command(&bench, load, data, 8), ==, 0);
    g_assert_cmphex(sense_after(&bench, ready), ==, 0x062800);
    ide_drive_change_medium(drive, NULL);
    g_assert_cmphex(sense_after(&bench, ready), ==, 0x023a02);
    bench_finish(&bench);
}

/* The disc goes while a read is in flight, then comes back smaller. */
static void test_change_in_flight(void)
{
    const uint8_t read10[12] = {0x28, 0, 0, 0, 0x0f, 0, 0, 0, 16};
    struct ide_bench bench;
    struct ide_drive *drive;

    setup(&bench, true, NULL);
    drive = ide_channel_drive_at(bench.channel, 0);
    for (unsigned round = 0; round < 2; round++) {
        struct block *next = round == 0 ? NULL : bench_image(&bench, 10 * 2048, NULL);

        bench_out(&bench, P_FEATURES, 0);
        bench_out(&bench, P_HIGH, 8);
        bench_out(&bench, P_COMMAND, 0xa0);
        bench_pio_out(&bench, read10, 12);
        g_assert_cmphex(bench_status(&bench), ==, ATA_STATUS_BSY);
        ide_drive_change_medium(drive, next);
        g_assert_cmphex(sense(&bench), ==, round == 0 ? 0x023a02 : 0x052100);
        ide_drive_change_medium(drive, bench.blocks[0]);
        bench_packet(&bench, read10, 0x800);
        g_assert_cmphex(sense(&bench), ==, 0x062800);
    }
    bench_finish(&bench);
}

static void test_unreadable(void)
{
    const uint8_t read10[12] = {0x28, 0, 0, 0, 0, 0, 0, 0, 64};
    struct block_fault *fault = block_fault_create();
    struct block_fault_rule rule = {.ops = BLOCK_FAULT_READ, .first = 9 * 2048,
                                    .last = 9 * 2048 + 100, .error = EIO};
    struct ide_bench bench;
    uint8_t data[2048];

    setup(&bench, true, fault);
    block_fault_add(fault, &rule);
    bench_packet(&bench, read10, 0x800);
    for (unsigned s = 0; s < 9; s++) {
        g_assert_cmphex(bench_wait(&bench), ==, READY | ATA_STATUS_DRQ);
        bench_pio_in(&bench, data, 2048);
        assert_sector(data, s);
    }
    g_assert_cmphex(sense(&bench), ==, 0x031100);
    bench_finish(&bench);
    block_fault_destroy(fault);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/atapi/identify", test_identify);
    g_test_add_func("/atapi/inquiry", test_inquiry);
    g_test_add_func("/atapi/read-pio", test_read_pio);
    g_test_add_func("/atapi/read-dma", test_read_dma);
    g_test_add_func("/atapi/read-cd", test_read_cd);
    g_test_add_func("/atapi/toc", test_toc);
    g_test_add_func("/atapi/mode-and-features", test_mode_and_features);
    g_test_add_func("/atapi/policies", test_policies);
    g_test_add_func("/atapi/sub-channel", test_sub_channel);
    g_test_add_func("/atapi/vital-data", test_vital_data);
    g_test_add_func("/atapi/dvd", test_dvd);
    g_test_add_func("/atapi/disc", test_disc);
    g_test_add_func("/atapi/raw-sector", test_raw_sector);
    g_test_add_func("/atapi/mode-select", test_mode_select);
    g_test_add_func("/atapi/media", test_media);
    g_test_add_func("/atapi/change-in-flight", test_change_in_flight);
    g_test_add_func("/atapi/unreadable", test_unreadable);
    return g_test_run();
}
