/* See the header. */
#include "hw/floppy/floppy_geometry.h"

#include <stddef.h>

#include "core/clock.h"

static const struct floppy_geometry formats[] = {
    /* 5.25", double density */
    {40, 1, 8, FLOPPY_RATE_250K, FLOPPY_360K},  /* 160 KB */
    {40, 1, 9, FLOPPY_RATE_250K, FLOPPY_360K},  /* 180 */
    {40, 2, 8, FLOPPY_RATE_250K, FLOPPY_360K},  /* 320 */
    {40, 2, 9, FLOPPY_RATE_250K, FLOPPY_360K},  /* 360 */
    {40, 2, 10, FLOPPY_RATE_250K, FLOPPY_360K}, /* 400 */
    {41, 2, 10, FLOPPY_RATE_250K, FLOPPY_360K}, /* 410 */
    {42, 2, 10, FLOPPY_RATE_250K, FLOPPY_360K}, /* 420 */
    /* 5.25", high density */
    {80, 2, 15, FLOPPY_RATE_500K, FLOPPY_1200K}, /* 1200 */
    /* 3.5", double density */
    {80, 2, 8, FLOPPY_RATE_250K, FLOPPY_720K},  /* 640 */
    {80, 2, 9, FLOPPY_RATE_250K, FLOPPY_720K},  /* 720 */
    {80, 2, 10, FLOPPY_RATE_250K, FLOPPY_720K}, /* 800 */
    {82, 2, 10, FLOPPY_RATE_250K, FLOPPY_720K}, /* 820 */
    {83, 2, 10, FLOPPY_RATE_250K, FLOPPY_720K}, /* 830 */
    /* 3.5", high density */
    {80, 2, 18, FLOPPY_RATE_500K, FLOPPY_1440K}, /* 1440 */
    {80, 2, 20, FLOPPY_RATE_500K, FLOPPY_1440K}, /* 1600 */
    {80, 2, 21, FLOPPY_RATE_500K, FLOPPY_1440K}, /* 1680 */
    {82, 2, 21, FLOPPY_RATE_500K, FLOPPY_1440K}, /* 1722 */
    {83, 2, 21, FLOPPY_RATE_500K, FLOPPY_1440K}, /* 1743 */
    {80, 2, 22, FLOPPY_RATE_500K, FLOPPY_1440K}, /* 1760 */
    {80, 2, 23, FLOPPY_RATE_500K, FLOPPY_1440K}, /* 1840 */
    {80, 2, 24, FLOPPY_RATE_500K, FLOPPY_1440K}, /* 1920 */
    /* 3.5", extra density */
    {80, 2, 36, FLOPPY_RATE_1M, FLOPPY_2880K}, /* 2880 */
};

static uint64_t size_of(const struct floppy_geometry *g)
{
    return (uint64_t)g->cylinders * g->heads * g->sectors * FLOPPY_SECTOR_BYTES;
}

bool floppy_geometry_guess(uint64_t bytes, struct floppy_geometry *geometry)
{
    static const struct floppy_geometry hd = {80, 2, 18, FLOPPY_RATE_500K, FLOPPY_1440K};
    static const struct floppy_geometry ed = {80, 2, 36, FLOPPY_RATE_1M, FLOPPY_2880K};

    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (size_of(&formats[i]) == bytes) {
            *geometry = formats[i];
            return true;
        }
    }
    *geometry = bytes <= size_of(&hd) ? hd : ed;
    return bytes > 0 && bytes <= size_of(&ed);
}

bool floppy_fits(enum floppy_type type, const struct floppy_geometry *geometry)
{
    switch (type) {
    case FLOPPY_360K:
        return geometry->type == FLOPPY_360K;
    case FLOPPY_1200K:
        return geometry->type == FLOPPY_360K || geometry->type == FLOPPY_1200K;
    case FLOPPY_720K:
    case FLOPPY_1440K:
    case FLOPPY_2880K:
        return geometry->type >= FLOPPY_720K && geometry->type <= (uint8_t)type;
    default:
        return false;
    }
}

unsigned floppy_tracks(enum floppy_type type)
{
    return type == FLOPPY_360K ? 43 : 84;
}

uint64_t floppy_turn_ns(enum floppy_type type)
{
    return NS_PER_SECOND / (type == FLOPPY_1200K ? 6 : 5);
}

const char *floppy_type_name(enum floppy_type type)
{
    static const char *const names[] = {"none", "360K", "1.2M", "720K", "1.44M", "2.88M"};

    return names[type <= FLOPPY_2880K ? type : FLOPPY_NONE];
}
