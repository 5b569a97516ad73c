/* See the header. */
#include "hw/ide/cd_sector.h"

#include <stddef.h>
#include <string.h>

enum {
    AT_ZERO = 2068, /* eight bytes behind the EDC */
    /* The error correction sees two byte planes of 16-bit words, counted from the header on. */
    P_COLUMNS = 43,
    P_ROWS = 26, /* 24 of data, 2 of parity */
    Q_DIAGONALS = 26,
    Q_ROWS = 45, /* 43 of data, 2 of parity */
    Q_STEP = 44,
    Q_FIRST_PARITY = P_COLUMNS * P_ROWS, /* words 0 to 1117 are data and P parity */
};

/* Multiplication by a in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1 (annex A). */
static uint8_t times_a(uint8_t value)
{
    return (uint8_t)(value << 1 ^ (value & 0x80 ? 0x1d : 0));
}

/* Division by a + 1: the b with a b + b = value. */
static uint8_t over_a_plus_1(uint8_t value)
{
    /* a + 1 has the inverse f4h: (x + 1) * f4h = 1. */
    uint8_t product = 0;

    for (unsigned bit = 8; bit-- > 0;) {
        product = times_a(product);
        product ^= 0xf4 >> bit & 1 ? value : 0;
    }
    return product;
}

/* The places of a code word in a plane; the last two are its parity. */
typedef unsigned place_fn(unsigned word, unsigned row);

static unsigned p_place(unsigned column, unsigned row)
{
    return P_COLUMNS * row + column;
}

static unsigned q_place(unsigned diagonal, unsigned row)
{
    return row < Q_ROWS - 2 ? (Q_STEP * row + P_COLUMNS * diagonal) % Q_FIRST_PARITY
                            : Q_FIRST_PARITY + Q_DIAGONALS * (row - (Q_ROWS - 2)) + diagonal;
}

/* Parity such that the sum of all bytes is 0, and the sum weighted with a^(rows - 1), .., a, 1. */
static void add_parity(uint8_t *plane, unsigned words, unsigned rows, place_fn *place)
{
    for (unsigned word = 0; word < words; word++) {
        uint8_t sum = 0, weighted = 0;
        for (unsigned row = 0; row < rows - 2; row++) {
            uint8_t value = plane[2 * place(word, row)];
            sum ^= value;
            weighted = times_a(weighted ^ value);
        }
        weighted = times_a(weighted);
        uint8_t first = over_a_plus_1(sum ^ weighted);
        plane[2 * place(word, rows - 2)] = first;
        plane[2 * place(word, rows - 1)] = sum ^ first;
    }
}

/* CRC with (x^16 + x^15 + x^2 + 1)(x^16 + x^2 + x + 1), least significant bit first. */
static uint32_t checksum(const uint8_t *bytes, size_t count)
{
    uint32_t crc = 0;

    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xd8018001 : 0);
        }
    }
    return crc;
}

void cd_sector_complete(uint8_t *sector, const uint8_t *msf)
{
    memset(sector, 0xff, CD_AT_HEADER);
    sector[0] = sector[CD_AT_HEADER - 1] = 0;
    for (unsigned i = 0; i < 3; i++) {
        sector[CD_AT_HEADER + i] = (uint8_t)(msf[i] / 10 << 4 | msf[i] % 10);
    }
    sector[CD_AT_HEADER + 3] = 1; /* mode */
    uint32_t crc = checksum(sector, CD_AT_EDC);
    for (unsigned i = 0; i < 4; i++) {
        sector[CD_AT_EDC + i] = (uint8_t)(crc >> 8 * i);
    }
    memset(sector + AT_ZERO, 0, CD_SECTOR_WHOLE - AT_ZERO);
    for (unsigned plane = 0; plane < 2; plane++) {
        add_parity(sector + CD_AT_HEADER + plane, P_COLUMNS, P_ROWS, p_place);
        add_parity(sector + CD_AT_HEADER + plane, Q_DIAGONALS, Q_ROWS, q_place);
    }
}
