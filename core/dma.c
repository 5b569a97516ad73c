/*
 * DMA: copies between device buffers and guest memory, never through registers.
 */
#include "core/dma.h"

#include "core/bus_impl.h"
#include "core/ram.h"

#include <string.h>

bool dma_read(struct bus *memory, uint64_t address, void *data, uint64_t size)
{
    return bus_read_bytes(memory, address, data, size, false) == size;
}

bool dma_write(struct bus *memory, uint64_t address, const void *data, uint64_t size)
{
    const uint8_t *in = data;
    bool all = true;

    while (size > 0) {
        uint64_t last;
        const struct flat_range *range = bus_find_extent(memory, address, &last);
        uint64_t piece = last - address < size - 1 ? last - address + 1 : size;

        if (range && range->region->kind == REGION_RAM) {
            struct ram *ram = range->region->ram;
            uint64_t offset = range_ram_offset(range, address);

            memcpy(ram->host + offset, in, piece);
            ram_touched(ram, offset, piece);
        } else {
            all = false;
        }
        in += piece;
        address += piece;
        size -= piece;
    }
    return all;
}
