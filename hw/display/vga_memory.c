/*
 * The memory window at A0000: address translation, latches, write modes 0-3 and read modes 0-1 (IBM Video
 * Subsystem Technical Reference, "Graphics Controller"; odd/even and chain-4 by the sequencer's memory mode).
 *
 * A store goes through one path whatever the mode: the CPU byte becomes four bytes, one a plane, which are
 * rotated, replaced by set/reset, combined with the latches, masked by bits, and stored in the planes that
 * address decoding and the map mask leave.
 */
#include "hw/display/vga_impl.h"

/* Where a CPU address leads. */
struct target {
    uint32_t word;   /* index into vram as 32-bit words: the address in the planes */
    unsigned planes; /* bit p: plane p may be written */
    unsigned read;   /* plane read in read mode 0 */
};

/* First address of the selected part of the window, and its size, by gfx[6] bits 2-3. */
static const uint32_t WINDOW_BASE[4] = {0x00000, 0x00000, 0x10000, 0x18000};
static const uint32_t WINDOW_SIZE[4] = {0x20000, 0x10000, 0x08000, 0x08000};

/* Makes *address relative to the selected part; false if it lies outside. */
static bool window_select(const struct vga *vga, uint32_t *address)
{
    unsigned select = vga_window_select(vga);

    if (*address - WINDOW_BASE[select] >= WINDOW_SIZE[select]) {
        return false;
    }
    *address -= WINDOW_BASE[select];
    return true;
}

/* In odd/even addressing bit 0 chooses the plane and, where chained, is replaced by a higher bit. */
static uint32_t odd_even_address(const struct vga *vga, uint32_t address)
{
    if ((vga->gfx[GFX_MISC] & GFX_MISC_CHAIN_ODD_EVEN) == 0) {
        return address;
    }
    return (address & ~1u) | (vga_window_select(vga) == 0 ? (address >> 16) & 1 : 0);
}

static uint32_t plane_word(const struct vga *vga, uint32_t address)
{
    uint32_t words = (uint32_t)(vga->vram->size / 4);

    if (dispi_on(vga)) {
        return (uint32_t)(address + dispi_bank_offset(vga)) & (words - 1);
    }
    return address & 0xffff;
}

static struct target decode_write(const struct vga *vga, uint32_t address)
{
    struct target target = {.planes = vga->seq[SEQ_MAP_MASK]};

    if ((vga->seq[SEQ_MEMORY_MODE] & SEQ_CHAIN4) != 0) {
        target.planes &= 1u << (address & 3);
        target.word = plane_word(vga, address >> 2);
    } else if ((vga->seq[SEQ_MEMORY_MODE] & SEQ_ODD_EVEN_OFF) == 0) {
        target.planes &= (address & 1) != 0 ? 0xa : 0x5;
        target.word = plane_word(vga, odd_even_address(vga, address));
    } else {
        target.word = plane_word(vga, address);
    }
    return target;
}

static struct target decode_read(const struct vga *vga, uint32_t address)
{
    struct target target = {.read = vga->gfx[GFX_READ_MAP] & 3};

    if ((vga->seq[SEQ_MEMORY_MODE] & SEQ_CHAIN4) != 0) {
        target.read = address & 3;
        target.word = plane_word(vga, address >> 2);
    } else if ((vga->gfx[GFX_MODE] & GFX_MODE_ODD_EVEN) != 0) {
        target.read = (target.read & 2) | (address & 1);
        target.word = plane_word(vga, odd_even_address(vga, address));
    } else {
        target.word = plane_word(vga, address);
    }
    return target;
}

static uint32_t *vram_word(const struct vga *vga, uint32_t word)
{
    return (uint32_t *)(void *)vga->vram->host + word;
}

static uint8_t rotate_right(uint8_t value, unsigned count)
{
    return (uint8_t)(value >> count | value << ((8 - count) & 7));
}

/* The function select of gfx[3]. */
static uint32_t combine(const struct vga *vga, uint32_t value)
{
    switch ((vga->gfx[GFX_ROTATE] >> 3) & 3) {
    case 1:
        return value & vga->latch;
    case 2:
        return value | vga->latch;
    case 3:
        return value ^ vga->latch;
    default:
        return value;
    }
}

/* The way from the CPU to the planes changes nothing: so it is for text. */
static bool write_is_plain(const struct vga *vga)
{
    return (vga->gfx[GFX_MODE] & 3) == 0 && (vga->gfx[GFX_ROTATE] & 0x1f) == 0 &&
           (vga->gfx[GFX_SET_RESET_ENABLE] & 0xf) == 0 && vga->gfx[GFX_BIT_MASK] == 0xff;
}

/* What a byte from the CPU becomes in the four planes, before the map mask. */
static uint32_t write_data(const struct vga *vga, uint8_t value)
{
    uint8_t bit_mask = vga->gfx[GFX_BIT_MASK];
    uint32_t set_reset, data, mask;

    if (write_is_plain(vga)) {
        return value * 0x01010101u;
    }
    set_reset = vga_planes(vga->gfx[GFX_SET_RESET]);
    switch (vga->gfx[GFX_MODE] & 3) {
    case 0:
        mask = vga_planes(vga->gfx[GFX_SET_RESET_ENABLE]);
        data = rotate_right(value, vga->gfx[GFX_ROTATE] & 7) * 0x01010101u;
        data = (data & ~mask) | (set_reset & mask);
        break;
    case 1:
        return vga->latch;
    case 2:
        data = vga_planes(value & 0xf);
        break;
    default:
        bit_mask &= rotate_right(value, vga->gfx[GFX_ROTATE] & 7);
        data = set_reset;
        break;
    }
    mask = bit_mask * 0x01010101u;
    return (combine(vga, data) & mask) | (vga->latch & ~mask);
}

static void write_byte(struct vga *vga, uint32_t address, uint8_t value)
{
    struct target target = decode_write(vga, address);
    uint32_t mask = vga_planes(target.planes);
    uint32_t *word = vram_word(vga, target.word);

    *word = (*word & ~mask) | (write_data(vga, value) & mask);
    if ((target.planes & 4) != 0) {
        vga->font_changed = true;
    }
    ram_touched(vga->vram, target.word * 4ull, 4);
}

static uint8_t read_byte(struct vga *vga, uint32_t address)
{
    struct target target = decode_read(vga, address);
    uint32_t different;

    vga->latch = *vram_word(vga, target.word);
    if ((vga->gfx[GFX_MODE] & GFX_MODE_READ_COMPARE) == 0) {
        return (uint8_t)(vga->latch >> (8 * target.read));
    }
    different = (vga->latch ^ vga_planes(vga->gfx[GFX_COLOUR_COMPARE])) &
                vga_planes(vga->gfx[GFX_COLOUR_CARE]);
    different |= different >> 16;
    different |= different >> 8;
    return (uint8_t)~different;
}

static uint64_t linear_address(const struct vga *vga, uint32_t address)
{
    return (dispi_bank_offset(vga) + address) & (vga->vram->size - 1);
}

static uint64_t window_read(void *owner, uint64_t offset, unsigned size)
{
    struct vga *vga = owner;
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        uint32_t address = (uint32_t)offset + i;
        uint8_t byte = 0xff;

        if (window_select(vga, &address)) {
            byte = dispi_linear(vga) ? vga->vram->host[linear_address(vga, address)]
                                     : read_byte(vga, address);
        }
        value |= (uint64_t)byte << (8 * i);
    }
    return value;
}

static void window_write(void *owner, uint64_t offset, uint64_t value, unsigned size)
{
    struct vga *vga = owner;

    for (unsigned i = 0; i < size; i++) {
        uint32_t address = (uint32_t)offset + i;
        uint8_t byte = (uint8_t)(value >> (8 * i));

        if (!window_select(vga, &address)) {
            continue;
        }
        if (dispi_linear(vga)) {
            vga->vram->host[linear_address(vga, address)] = byte;
            ram_touched(vga->vram, linear_address(vga, address), 1);
        } else {
            write_byte(vga, address, byte);
        }
    }
}

const struct region_ops vga_window_ops = {window_read, window_write, 1, 8};

/* Chain-4 with every step between CPU and memory transparent. */
static bool chain4_is_plain(const struct vga *vga)
{
    return (vga->seq[SEQ_MEMORY_MODE] & SEQ_CHAIN4) != 0 && vga->seq[SEQ_MAP_MASK] == 0xf &&
           (vga->gfx[GFX_MODE] & (GFX_MODE_READ_COMPARE | 3)) == 0 &&
           (vga->gfx[GFX_ROTATE] & 0x1f) == 0 && vga->gfx[GFX_SET_RESET_ENABLE] == 0 &&
           vga->gfx[GFX_BIT_MASK] == 0xff && !dispi_on(vga);
}

bool vga_window_is_plain(const struct vga *vga, uint64_t *offset, uint64_t *base, uint64_t *size)
{
    unsigned select = vga_window_select(vga);

    if (!dispi_linear(vga) && !chain4_is_plain(vga)) {
        return false;
    }
    *offset = dispi_linear(vga) ? dispi_bank_offset(vga) : 0;
    *base = WINDOW_BASE[select];
    *size = WINDOW_SIZE[select];
    return *offset + *size <= vga->vram->size;
}
