/*
 * The register window in memory of the PCI card: the VGA ports 3C0-3DF as bytes at 400-41F, the DISPI
 * registers as words at 500-515 ("standard VGA" of QEMU, docs/specs/standard-vga: BAR 2). At 0
 * lies the monitor's EDID, from which the VGA BIOS answers function 4F15h. There are no extended registers: they read as
 * 0, by which drivers know.
 */
#include "hw/display/edid.h"
#include "hw/display/vga_impl.h"

#define MMIO_PORTS 0x400
#define MMIO_PORTS_END 0x420
#define MMIO_DISPI 0x500
#define MMIO_DISPI_END (MMIO_DISPI + 2 * DISPI_COUNT)

static uint64_t mmio_read(void *owner, uint64_t offset, unsigned size)
{
    struct vga *vga = owner;
    uint64_t value = 0;

    if (offset >= MMIO_DISPI && offset < MMIO_DISPI_END) {
        return (uint64_t)dispi_read(vga, (unsigned)(offset - MMIO_DISPI) / 2) >> (8 * (offset & 1));
    }
    if (offset < EDID_SIZE) {
        uint8_t edid[EDID_SIZE];

        edid_fill(edid);
        for (unsigned i = 0; i < size && offset + i < EDID_SIZE; i++) {
            value |= (uint64_t)edid[offset + i] << (8 * i);
        }
        return value;
    }
    for (unsigned i = 0; i < size; i++) {
        if (offset + i >= MMIO_PORTS && offset + i < MMIO_PORTS_END) {
            unsigned port = 0x3c0 + (unsigned)(offset + i - MMIO_PORTS);

            value |= (uint64_t)vga_port_read(vga, port) << (8 * i);
        }
    }
    return value;
}

static void mmio_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct vga *vga = owner;

    vga_wake(vga);
    if (offset >= MMIO_DISPI && offset < MMIO_DISPI_END) {
        if ((offset & 1) == 0) {
            dispi_write(vga, (unsigned)(offset - MMIO_DISPI) / 2, (uint16_t)value);
        }
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        if (offset + i >= MMIO_PORTS && offset + i < MMIO_PORTS_END) {
            vga_port_write(vga, 0x3c0 + (unsigned)(offset + i - MMIO_PORTS), (uint8_t)(value >> (8 * i)));
        }
    }
}

const struct region_ops vga_mmio_ops = {mmio_read, mmio_write, 1, 2};
