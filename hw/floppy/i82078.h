/*
 * Intel 82078 floppy disk controller with up to two drives, as on a PC/AT: ports 3F0h-3F5h and 3F7h,
 * interrupt 6, DMA channel 2.
 *
 *   i82078_io(dev)                       six ports: DOR, TDR, MSR/DSR, FIFO
 *   i82078_dir(dev)                      one port: DIR/CCR
 *   i82078_connect_irq(dev, line)
 *   i82078_connect_dma(dev, dma, n)      channel n of an i8237
 *   i82078_attach(dev, unit, ...)        plugs a drive in, before the machine starts
 */
#ifndef HW_FLOPPY_I82078_H
#define HW_FLOPPY_I82078_H

#include <glib.h>

#include "block/error_policy.h"
#include "core/device.h"
#include "hw/floppy/floppy_geometry.h"

#define I82078_DRIVES 2

struct block;

extern const struct device_class i82078_class;

struct region *i82078_io(struct device *dev);
struct region *i82078_dir(struct device *dev);
void i82078_connect_irq(struct device *dev, struct irq *line);
void i82078_connect_dma(struct device *dev, struct device *dma, unsigned channel);

struct floppy_options {
    enum floppy_type type; /* FLOPPY_NONE: the one for the disk; without a disk 2.88M */
    enum block_error_policy read_error, write_error;
};

/* `block` (not owned; NULL: no disk) must have been opened with the machine's event queue and stay open as
 * for ide_channel_attach(). False and error if the unit is taken or the image is no floppy disk. options may
 * be NULL. */
bool i82078_attach(struct device *dev, unsigned unit, struct block *block,
                   const struct floppy_options *options, GError **error);
/* FLOPPY_NONE if there is no such drive. */
enum floppy_type i82078_drive_type(struct device *dev, unsigned unit);

/* Puts another disk in, or with NULL takes it out. Afterwards the former block is not used any more, apart
 * from one request that may be in flight: block_close() waits for it. False and error if the disk does not
 * fit into the drive; then nothing has changed. Machine lock held. */
bool i82078_change_medium(struct device *dev, unsigned unit, struct block *block, GError **error);

#endif
