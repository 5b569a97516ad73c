/*
 * Sizes as people write and read them: "4G" and "4 GiB".
 */
#include "block/size.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool block_size_parse(const char *text, uint64_t *bytes)
{
    static const char units[] = "bkmgtpe";
    char *end;
    unsigned shift = 0;

    if (!g_ascii_isdigit(text[0])) {
        return false;
    }
    errno = 0;
    unsigned long long whole = strtoull(text, &end, 10);
    double fraction = *end == '.' ? g_ascii_strtod(end, &end) : 0;
    if (errno != 0 || fraction < 0 || fraction >= 1) {
        return false;
    }
    if (*end != '\0') {
        const char *unit = strchr(units, g_ascii_tolower(*end));
        if (unit == NULL || end[1] != '\0') {
            return false;
        }
        shift = (unsigned)(unit - units) * 10;
    }
    if (whole > (uint64_t)INT64_MAX >> shift || (fraction > 0 && shift == 0)) {
        return false;
    }
    *bytes = ((uint64_t)whole << shift) + (uint64_t)(fraction * (double)(1ull << shift));
    return true;
}

char *block_size_text(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned unit = 0;

    /* The next unit is used from 1000 on, so that three digits are always enough. */
    while (unit + 1 < G_N_ELEMENTS(units) && (bytes >> (unit * 10)) >= 1000) {
        unit++;
    }
    return g_strdup_printf("%0.3g %s", (double)bytes / (double)(1ull << (unit * 10)), units[unit]);
}
