/*
 * Mode pages of CD drives: MODE SENSE (10) and MODE SELECT (10), SPC-3 chapters 6.8, 6.10 and 7.4, MMC-3 chapter 6.3.
 * Error recovery and audio control can be changed; the drive keeps what it is told and does nothing else with it.
 */
#include <string.h>

#include "hw/ide/atapi.h"
#include "hw/ide/busmaster.h"
#include "hw/ide/channel.h"

#define MODE_HEADER  8
#define PAGE_HEADER  2
#define SELECT_PF    0x10 /* pages as the standard has them */
#define SELECT_SP    0x01 /* save them */
#define CONTROL_CHANGEABLE 1
#define CONTROL_DEFAULT    2
#define CONTROL_SAVED      3

/* A page behind its two bytes of header: what it holds at power-on, and which bits may be changed. */
struct mode_page {
    uint8_t code, length;
    const uint8_t *defaults, *changeable;
};

static const uint8_t recovery_defaults[6] = {0, 5 /* retries */};
static const uint8_t recovery_changeable[6] = {0xff, 0xff};
/* Seconds of a minute, frames of a second. */
static const uint8_t cd_parameters[6] = {0, 0, 0, 60, 0, 75};
static const uint8_t audio_defaults[14] = {0x04 /* immediate */, 0, 0, 0, 0, 0, 1, 0xff, 2, 0xff};
static const uint8_t audio_changeable[14] = {0x06, 0, 0, 0,    0,    0,    0x0f,
                                             0xff, 0x0f, 0xff, 0x0f, 0xff, 0x0f, 0xff};
/* Capabilities: speeds in kB/s (four times CD speed; old drivers time by it), buffer in KiB. */
static const uint8_t capabilities[20] = {
    0x3b, 0, /* reads CD-R, CD-RW, method 2, DVD-ROM, DVD-R */
    0x70, 0, /* mode 2 forms, multisession */
    0x29, 0, /* tray, ejects, locks */
    706 >> 8, 706 & 0xff, 0, 2 /* volume levels */, 512 >> 8, 512 & 0xff, 706 >> 8, 706 & 0xff,
};
static const uint8_t power_condition[10]; /* no timers */
static const uint8_t nothing_changeable[20];

static const struct mode_page pages[] = {
    {0x01, 6, recovery_defaults, recovery_changeable},
    {0x0d, 6, cd_parameters, nothing_changeable},
    {0x0e, 14, audio_defaults, audio_changeable},
    {0x1a, 10, power_condition, nothing_changeable},
    {0x2a, 20, capabilities, nothing_changeable},
};

/* Where the drive keeps a page; NULL: it is constant. */
static uint8_t *kept(struct ide_drive *drive, const struct mode_page *page)
{
    switch (page->code) {
    case 0x01:
        return drive->mode_recovery;
    case 0x0e:
        return drive->mode_audio;
    default:
        return NULL;
    }
}

void atapi_mode_reset(struct ide_drive *drive)
{
    G_STATIC_ASSERT(sizeof(recovery_defaults) == sizeof(drive->mode_recovery));
    G_STATIC_ASSERT(sizeof(audio_defaults) == sizeof(drive->mode_audio));
    memcpy(drive->mode_recovery, recovery_defaults, sizeof(recovery_defaults));
    memcpy(drive->mode_audio, audio_defaults, sizeof(audio_defaults));
}

static uint8_t *put_page(struct ide_drive *drive, const struct mode_page *page, unsigned control,
                         uint8_t *at)
{
    const uint8_t *now = kept(drive, page);
    const uint8_t *data = control == CONTROL_CHANGEABLE               ? page->changeable
                          : control == CONTROL_DEFAULT || now == NULL ? page->defaults
                                                                      : now;

    at[0] = page->code;
    at[1] = page->length;
    memcpy(at + PAGE_HEADER, data, page->length);
    if (page->code == 0x2a && control != CONTROL_CHANGEABLE && drive->locked) {
        at[6] |= 0x02;
    }
    return at + PAGE_HEADER + page->length;
}

void atapi_mode_sense(struct ide_drive *drive, const uint8_t *packet)
{
    unsigned code = packet[2] & 0x3f, control = packet[2] >> 6;
    uint8_t *data = drive->pio, *at = data + MODE_HEADER;

    if (control == CONTROL_SAVED) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_SAVING_UNSUPPORTED);
        return;
    }
    memset(data, 0, MODE_HEADER);
    for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++) {
        if (code == pages[i].code || code == 0x3f) {
            at = put_page(drive, &pages[i], control, at);
        }
    }
    if (at == data + MODE_HEADER) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD);
        return;
    }
    atapi_put16(data, (uint32_t)(at - data) - 2);
    data[2] = drive->tray_open ? 0x71 : atapi_has_disc(drive) ? 0x01 : 0x70;
    atapi_reply(drive, (uint32_t)(at - data), atapi_be16(packet + 7));
}

void atapi_mode_select(struct ide_drive *drive, const uint8_t *packet)
{
    uint32_t bytes = atapi_be16(packet + 7);

    if ((packet[1] & SELECT_PF) == 0 || (packet[1] & SELECT_SP) != 0) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD);
    } else if (bytes == 0) {
        atapi_good(drive);
    } else if (bytes < MODE_HEADER) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_LIST_LENGTH);
    } else {
        atapi_want(drive, bytes);
    }
}

static const struct mode_page *find_page(uint8_t code)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++) {
        if (pages[i].code == (code & 0x3f)) {
            return &pages[i];
        }
    }
    return NULL;
}

/* One page of a list of `bytes` bytes at `data`: its length, or 0 and *asc. `store`: else only looks. */
static uint32_t take_page(struct ide_drive *drive, const uint8_t *data, uint32_t bytes, bool store,
                          uint16_t *asc)
{
    const struct mode_page *page = bytes >= PAGE_HEADER ? find_page(data[0]) : NULL;

    *asc = bytes < PAGE_HEADER ? ASC_LIST_LENGTH : ASC_INVALID_PARAMETER;
    if (page == NULL || data[1] != page->length) {
        return 0;
    }
    if (bytes < (uint32_t)PAGE_HEADER + page->length) {
        *asc = ASC_LIST_LENGTH;
        return 0;
    }
    uint8_t now[PAGE_HEADER + sizeof(capabilities)];
    put_page(drive, page, 0, now);
    for (unsigned i = 0; i < page->length; i++) {
        if (((now[PAGE_HEADER + i] ^ data[PAGE_HEADER + i]) & ~page->changeable[i]) != 0) {
            return 0;
        }
    }
    if (store && kept(drive, page) != NULL) {
        memcpy(kept(drive, page), data + PAGE_HEADER, page->length);
    }
    return PAGE_HEADER + page->length;
}

void atapi_mode_taken(struct ide_drive *drive)
{
    const uint8_t *data = drive->pio;
    uint32_t start = MODE_HEADER + atapi_be16(data + 6); /* behind the block descriptors */
    uint16_t asc = ASC_INVALID_PARAMETER;

    /* All of it is right, or nothing is changed. */
    for (unsigned store = 0; store < 2; store++) {
        uint32_t at = start;
        while (at < drive->fill) {
            uint32_t length = take_page(drive, data + at, drive->fill - at, store != 0, &asc);
            if (length == 0) {
                atapi_check(drive, SENSE_ILLEGAL_REQUEST, asc);
                return;
            }
            at += length;
        }
        if (at > drive->fill) {
            atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_LIST_LENGTH);
            return;
        }
    }
    atapi_good(drive);
}
