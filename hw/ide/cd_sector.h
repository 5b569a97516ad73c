/*
 * Whole sectors of CD-ROMs, mode 1: synchronisation, header, data, error detection and correction (ECMA-130,
 * chapter 14 and annexes A and B).
 */
#ifndef HW_IDE_CD_SECTOR_H
#define HW_IDE_CD_SECTOR_H

#include <stdint.h>

enum {
    CD_AT_HEADER = 12,
    CD_AT_DATA = 16,
    CD_AT_EDC = 2064,
    CD_SECTOR_WHOLE = 2352,
};

/* Fills in all of a sector but its data, which is at CD_AT_DATA already. msf: minute, second, frame. */
void cd_sector_complete(uint8_t *sector, const uint8_t *msf);

#endif
