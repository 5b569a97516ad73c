/*
 * Inside the floppy controller.
 *
 *   i82078.c           ports, reset, the interrupt and DMA request lines
 *   i82078_command.c   the table of commands, and those that move no data
 *   i82078_seek.c      drives: heads, change lines, seeking
 *   i82078_transfer.c  commands that move data: where to, how far, with which result
 *   i82078_data.c      their engine: between the image, the buffer and the guest
 *
 * A command that moves data alternates between two phases. In PHASE_DISK a block request is to be made, or in
 * flight; in PHASE_MOVE bytes pass between data[] and the guest, by DMA or through the FIFO. sector and the
 * other counts move on only when a chunk is complete, so that at any moment the saved fields suffice to do the
 * chunk again: after a load, or after the host's disk was full (werror=stop).
 */
#ifndef HW_FLOPPY_I82078_IMPL_H
#define HW_FLOPPY_I82078_IMPL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "block/block.h"
#include "core/bus.h"
#include "core/clock.h"
#include "core/event.h"
#include "core/irq.h"
#include "hw/floppy/i82078.h"

/* Digital output register */
#define DOR_SELECT  0x03
#define DOR_RESET   0x04 /* low: held in reset */
#define DOR_DMAGATE 0x08 /* interrupt and DMA request reach the bus */
#define DOR_MOTOR   0x10 /* of drive 0; the others follow */
/* Main status register */
#define MSR_RQM     0x80
#define MSR_DIO     0x40 /* to the guest */
#define MSR_NON_DMA 0x20
#define MSR_BUSY    0x10
/* Data rate select register */
#define DSR_RESET 0x80
#define RATE_MASK 0x03
/* Digital input register */
#define DIR_CHANGED 0x80
/* Status registers of the result phase */
#define ST0_ABNORMAL  0x40
#define ST0_INVALID   0x80
#define ST0_POLLING   0xc0
#define ST0_SEEK_END  0x20
#define ST0_EQUIPMENT 0x10
#define ST1_END       0x80
#define ST1_DATA      0x20
#define ST1_NO_DATA   0x04
#define ST1_PROTECTED 0x02
#define ST1_MISSING   0x01
#define ST2_CONTROL   0x40
#define ST2_DATA      0x20
#define ST2_CYLINDER  0x10
#define ST2_EQUAL     0x08
#define ST2_NOT       0x04
#define ST3_PROTECTED 0x40
#define ST3_READY     0x20
#define ST3_TRACK_0   0x10
#define ST3_TWO_SIDED 0x08
/* CONFIGURE, second byte */
#define CONFIG_IMPLIED_SEEK 0x40
#define CONFIG_NO_FIFO      0x20
#define CONFIG_NO_POLL      0x10
#define CONFIG_THRESHOLD    0x0f
/* First byte of a command */
#define COMMAND_MT  0x80
#define COMMAND_MFM 0x40
#define COMMAND_SK  0x20
/* Second byte */
#define HDS 0x04

#define FDC_UNITS 4
#define FDC_FIFO  20
#define FDC_ID_BYTES 4 /* of a sector, in FORMAT: C H R N */
#define FDC_DATA (FLOPPY_MAX_SECTORS * (FLOPPY_SECTOR_BYTES + FDC_ID_BYTES))

enum fdc_phase { PHASE_COMMAND, PHASE_DISK, PHASE_MOVE, PHASE_RESULT, PHASE_COUNT };

enum fdc_op { OP_READ, OP_VERIFY, OP_SCAN, OP_WRITE, OP_FORMAT, OP_COUNT };

struct fdc_unit {
    /* Configuration, not saved. */
    enum floppy_type type; /* FLOPPY_NONE: no drive */
    struct block *block;   /* not owned; NULL: no disk */
    struct floppy_geometry geometry;
    enum block_error_policy read_error, write_error;
    struct timer timer;
    struct i82078 *fdc;
    /* Saved. */
    uint8_t track;    /* where the head is */
    uint8_t cylinder; /* where the controller believes it to be (PCN) */
    uint8_t status;   /* ST0 for SENSE INTERRUPT STATUS, if ended */
    bool ended;       /* a seek, or a change seen by polling, that waits for SENSE INTERRUPT STATUS */
    bool changed;     /* the drive's disk change latch */
    uint64_t arrival; /* end of a seek on the guest clock; CLOCK_NEVER = none under way */
};

struct fdc_io {
    struct block_request request;
    struct iovec iov;
    struct block *block; /* where it was submitted; valid while busy */
    uint8_t *bounce;     /* FDC_DATA, owned; so that late data does no harm */
    bool busy, abandoned;
};

struct i82078 {
    struct device dev;
    struct fdc_unit units[FDC_UNITS];
    struct fdc_io io;
    /* Registers, saved. */
    uint8_t dor, tdr, dsr;
    uint8_t specify[2], config, precomp_track, perpendicular, option, powerdown;
    uint8_t drive_spec[FDC_UNITS];
    bool lock;
    bool irq_pending; /* of the result phase, a seek or a reset */
    /* The command, saved. */
    int32_t phase, op;
    uint8_t fifo[FDC_FIFO]; /* command and parameters, then the result */
    uint8_t fifo_length, fifo_position;
    uint8_t unit;
    uint8_t cylinder, head, sector, size_code; /* the next sector's ID: C H R N */
    uint8_t side;                              /* where the head is switched to (HDS) */
    uint8_t eot;                               /* last sector, or sectors of a track to be formatted */
    uint8_t step;                              /* of SCAN */
    uint8_t st1, st2;
    uint16_t left;  /* sectors that VERIFY or READ TRACK still want; 0 = up to eot */
    uint8_t chunk;  /* sectors of this chunk */
    uint64_t marks; /* FORMAT: sectors still to be written, bit 0 = sector 1 */
    uint8_t fill;   /* FORMAT: the data byte */
    bool tc;        /* terminal count was seen */
    bool stalled;   /* waits for the machine to go on after an error of the host's disk */
    uint8_t burst;  /* bytes moved through the FIFO since the interrupt rose */
    uint32_t position, length; /* in data: what has been moved, and what shall be */
    uint8_t data[FDC_DATA];
    /* Wiring and derived, not saved. */
    struct irq dack;
    struct irq *irq;
    struct device *dma;
    unsigned dma_channel;
    bool advancing;
    struct region io_region, dir_region;
    struct event resumed; /* posted when the machine goes on */
};

/* i82078.c */
/* Outputs from the fields, and whatever can move on now. */
void i82078_advance(struct i82078 *fdc);
void i82078_interrupt(struct i82078 *fdc);
bool i82078_uses_dma(const struct i82078 *fdc);

/* i82078_command.c */
/* A byte arrived in the command phase. */
void fdc_command_byte(struct i82078 *fdc, uint8_t value);
/* The result phase: `count` bytes of fifo; none: the next command may come. */
void fdc_result(struct i82078 *fdc, unsigned count);

/* i82078_seek.c */
void fdc_seek(struct i82078 *fdc, unsigned unit, uint8_t cylinder);
void fdc_seek_relative(struct i82078 *fdc, unsigned unit, bool inwards, uint8_t steps);
void fdc_recalibrate(struct i82078 *fdc, unsigned unit);
/* At once and without interrupt, for implied seeks. */
void fdc_seek_now(struct i82078 *fdc, unsigned unit, uint8_t cylinder);
void fdc_unit_init(struct i82078 *fdc, unsigned unit);
void fdc_unit_drive(struct fdc_unit *unit);
bool fdc_disk_changed(const struct i82078 *fdc);

/* i82078_transfer.c: entries of the command table. */
void fdc_read_write(struct i82078 *fdc);
void fdc_read_id(struct i82078 *fdc);
void fdc_format(struct i82078 *fdc);
/* To the engine: a chunk of `chunk` sectors is done (OP_SCAN: compared with data[512..]). */
void fdc_chunk_done(struct i82078 *fdc);
/* The next chunk: which sectors, whether they exist. May end the command. */
void fdc_next_chunk(struct i82078 *fdc);
/* Ends the command with status 1 and 2 so far and these bits more; abnormally if there are any in ic or
 * st1. */
void fdc_end(struct i82078 *fdc, uint8_t ic, uint8_t st1, uint8_t st2);

/* i82078_data.c */
/* One step of PHASE_DISK or PHASE_MOVE; true if there was something to do. */
bool fdc_data_step(struct i82078 *fdc);
uint8_t fdc_fifo_read(struct i82078 *fdc);
void fdc_fifo_write(struct i82078 *fdc, uint8_t value);
/* Does the present PHASE_MOVE go to the guest? */
bool fdc_moves_out(const struct i82078 *fdc);
/* Where the present chunk lies in the image. */
uint64_t fdc_offset(const struct i82078 *fdc);
void fdc_abandon(struct i82078 *fdc);

#endif
