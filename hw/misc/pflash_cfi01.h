/*
 * NOR flash with the Intel command set (CFI primary command set 0001h), one byte wide: the firmware chip of machines
 * that keep UEFI variables. Intel 28F128J3 data sheet 290667, section 10 "Command Operations"; JEDEC JESD68.01
 * (Common Flash Interface).
 *
 * While it is in read-array mode the chip is memory like any ROM; a command turns the whole chip into registers until
 * Read Array (FFh) is written. Bytes are programmed one by one or by the 32-byte buffer, and can only clear bits; erasing
 * sets a block to FFh. What was changed goes to the image behind it at once, without the guest waiting for it.
 *
 * One deviation: after Clear Status the status register reads 00h until the next operation, ready bit included, as
 * QEMU's chip has it and as OVMF recognises a flash chip.
 *
 * Not modelled: the time that operations take (the chip is ready at once), suspend, lock bits (accepted, without effect),
 * the protection register, VPEN.
 */
#ifndef HW_MISC_PFLASH_CFI01_H
#define HW_MISC_PFLASH_CFI01_H

#include "core/device.h"

struct block;
struct bus;
struct ram;

#define PFLASH_BLOCK_BYTES 4096u
#define PFLASH_BUFFER_BYTES 32u

extern const struct device_class pflash_cfi01_class;

/* The property "num-blocks" says how large the chip is, in blocks of 4 KiB. Fills the chip from an image of just that
 * size and writes changes back to it, unless it is read-only: then programming and erasing fail. The block stays the
 * caller's and is to be closed before the device goes. Before the machine runs; may block. False and error. */
bool pflash_cfi01_attach(struct device *dev, struct block *block, GError **error);

/* Maps the chip at an address of a bus, for as long as the device lives. */
void pflash_cfi01_map(struct device *dev, struct bus *bus, uint64_t base);

/* The contents, as the array holds them. Owned by the device. */
struct ram *pflash_cfi01_ram(struct device *dev);

#endif
