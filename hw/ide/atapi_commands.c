/*
 * Packet commands about the drive itself: SFF-8020i chapter 10, MMC-3 chapter 6, SPC-3 chapter 6.
 */
#include <string.h>

#include "hw/ide/atapi.h"
#include "hw/ide/channel.h"

#define PROFILE_CD_ROM  0x0008
#define PROFILE_DVD_ROM 0x0010

static void invalid_field(struct ide_drive *drive)
{
    atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD);
}

static void run_good(struct ide_drive *drive, const uint8_t *packet)
{
    atapi_good(drive);
}

static void run_request_sense(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *data = drive->pio;

    if (drive->attention && drive->sense_key == SENSE_NONE) {
        drive->attention = false;
        drive->sense_key = SENSE_UNIT_ATTENTION;
        drive->asc = ASC_MEDIUM_CHANGED >> 8;
        drive->ascq = 0;
    }
    memset(data, 0, 18);
    data[0] = 0x70; /* current error, fixed format */
    data[2] = drive->sense_key;
    data[7] = 10; /* bytes that follow */
    data[12] = drive->asc;
    data[13] = drive->ascq;
    drive->sense_key = drive->asc = drive->ascq = 0;
    atapi_reply(drive, 18, packet[4]);
}

/* Vital product data: the list of pages, the serial number, and a name made of vendor, product and serial number. */
static void run_vital_data(struct ide_drive *drive, const uint8_t *packet)
{
    static const uint8_t list[] = {0x00, 0x80, 0x83};
    uint8_t *data = drive->pio;
    size_t serial = strlen(drive->serial), product = MIN(strlen(drive->model), 16);

    memset(data, 0, 64);
    data[0] = 0x05;
    data[1] = packet[2];
    switch (packet[2]) {
    case 0x00:
        data[3] = sizeof(list);
        memcpy(data + 4, list, sizeof(list));
        break;
    case 0x80:
        data[3] = (uint8_t)serial;
        memcpy(data + 4, drive->serial, serial);
        break;
    case 0x83:
        data[4] = 2; /* text */
        data[5] = 1; /* T10 vendor identification */
        data[7] = (uint8_t)(8 + 16 + serial);
        data[3] = data[7] + 4;
        memset(data + 8, ' ', 8 + 16);
        memcpy(data + 8, "VMM", 3);
        memcpy(data + 16, drive->model, product);
        memcpy(data + 32, drive->serial, serial);
        break;
    default:
        invalid_field(drive);
        return;
    }
    atapi_reply(drive, 4u + data[3], packet[4]);
}

static void run_inquiry(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *data = drive->pio;

    if ((packet[1] & 0x01) != 0) {
        run_vital_data(drive, packet);
        return;
    }
    if (packet[2] != 0) {
        invalid_field(drive);
        return;
    }
    memset(data, 0, 36);
    memset(data + 8, ' ', 28);
    data[0] = 0x05; /* CD/DVD drive */
    data[1] = 0x80; /* removable medium */
    data[3] = 0x21; /* ATAPI version 2, response format 1 */
    data[4] = 31;   /* bytes that follow */
    memcpy(data + 8, "VMM", 3);
    memcpy(data + 16, drive->model, MIN(strlen(drive->model), 16));
    memcpy(data + 32, drive->firmware, MIN(strlen(drive->firmware), 4));
    atapi_reply(drive, 36, packet[4]);
}

static void run_start_stop(struct ide_drive *drive, const uint8_t *packet)
{
    bool start = (packet[4] & 1) != 0, load_eject = (packet[4] & 2) != 0;

    if (!load_eject) {
        atapi_good(drive); /* spin up or down */
        return;
    }
    if (!start && drive->locked) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_REMOVAL_PREVENTED);
        return;
    }
    if (start && drive->tray_open && drive->block != NULL) {
        drive->attention = true;
        drive->media_event = MEDIA_EVENT_NEW;
    } else if (!start && atapi_has_disc(drive)) {
        drive->attention = false;
        drive->media_event = MEDIA_EVENT_REMOVAL;
    }
    drive->tray_open = !start;
    atapi_good(drive);
}

static void run_prevent_allow(struct ide_drive *drive, const uint8_t *packet)
{
    drive->locked = (packet[4] & 1) != 0;
    atapi_good(drive);
}

static void run_mechanism_status(struct ide_drive *drive, const uint8_t *packet)
{
    uint8_t *data = drive->pio;

    memset(data, 0, 8);
    data[1] = drive->tray_open ? 0x10 : 0;
    data[5] = 1; /* one slot */
    atapi_reply(drive, 8, atapi_be16(packet + 8));
}

/* The four bytes of an event of each class; true if something has happened. */
static bool put_operational(struct ide_drive *drive, uint8_t *at)
{
    bool event = drive->feature_event;

    at[0] = event ? 2 : 0; /* changed: the features that are current */
    at[3] = event ? 1 : 0;
    drive->feature_event = false;
    return event;
}

static bool put_power(struct ide_drive *drive, uint8_t *at)
{
    at[1] = 1; /* active */
    return false;
}

static bool put_media(struct ide_drive *drive, uint8_t *at)
{
    bool event = drive->media_event != MEDIA_EVENT_NONE;

    at[0] = drive->media_event;
    at[1] = (uint8_t)((drive->tray_open ? 1 : 0) | (atapi_has_disc(drive) ? 2 : 0));
    drive->media_event = MEDIA_EVENT_NONE;
    return event;
}

static bool put_busy(struct ide_drive *drive, uint8_t *at)
{
    return false; /* never */
}

static void run_event_status(struct ide_drive *drive, const uint8_t *packet)
{
    static const struct {
        uint8_t number;
        bool (*put)(struct ide_drive *drive, uint8_t *at);
    } classes[] = {{1, put_operational}, {2, put_power}, {4, put_media}, {6, put_busy}};
    uint8_t *data = drive->pio;
    bool found = false, event = false;
    uint32_t wanted = atapi_be16(packet + 7);

    if ((packet[1] & 0x01) == 0) {
        atapi_check(drive, SENSE_ILLEGAL_REQUEST, ASC_INVALID_FIELD); /* only polling */
        return;
    }
    memset(data, 0, 8);
    data[1] = 2;
    data[2] = 0x80; /* no event of the classes asked for */
    data[3] = 0x56; /* supported classes */
    /* The first class that has an event; if none has, the first of those asked for. */
    for (unsigned i = 0; i < G_N_ELEMENTS(classes) && !event; i++) {
        uint8_t descriptor[4] = {0};
        if ((packet[4] >> classes[i].number & 1) == 0) {
            continue;
        }
        /* What does not fit is told again. */
        event = wanted > 4 && classes[i].put(drive, descriptor);
        if (event || !found) {
            data[1] = 6;
            data[2] = classes[i].number;
            memcpy(data + 4, descriptor, sizeof(descriptor));
        }
        found = true;
    }
    atapi_reply(drive, found ? 8 : 4, wanted);
}

/* A feature descriptor without its data. Flags: bits 5:2 version, 1 persistent, 0 current. */
static uint8_t *put_feature(uint8_t *at, uint16_t code, uint8_t flags, uint8_t length)
{
    memset(at, 0, 4u + length);
    atapi_put16(at, code);
    at[2] = flags;
    at[3] = length;
    return at + 4 + length;
}

static bool feature_wanted(unsigned type, uint16_t from, uint16_t code, bool current)
{
    return type == 2 ? code == from : code >= from && (type == 0 || current);
}

static void run_get_configuration(struct ide_drive *drive, const uint8_t *packet)
{
    bool disc = atapi_has_disc(drive), dvd = disc && drive->sectors > CD_MAX_SECTORS;
    unsigned type = packet[1] & 3, from = atapi_be16(packet + 2);
    uint8_t *data = drive->pio, *at = data + 8;

    if (type == 3) {
        invalid_field(drive);
        return;
    }
    memset(data, 0, 8);
    if (disc) {
        atapi_put16(data + 6, dvd ? PROFILE_DVD_ROM : PROFILE_CD_ROM);
    }
    if (feature_wanted(type, from, 0x0000, true)) { /* profile list */
        uint8_t *list = at + 4;

        at = put_feature(at, 0x0000, 0x03, 8);
        atapi_put16(list, PROFILE_DVD_ROM);
        list[2] = dvd;
        atapi_put16(list + 4, PROFILE_CD_ROM);
        list[6] = disc && !dvd;
    }
    if (feature_wanted(type, from, 0x0001, true)) { /* core: ATAPI */
        at = put_feature(at, 0x0001, 0x0b, 8);
        at[-5] = 2;
        at[-4] = 1; /* DBE: device busy events */
    }
    if (feature_wanted(type, from, 0x0003, true)) { /* removable medium: tray, lockable, ejects */
        at = put_feature(at, 0x0003, 0x03, 4);
        at[-4] = 0x29;
    }
    if (feature_wanted(type, from, 0x0010, disc)) { /* random readable: 2048-byte blocks */
        at = put_feature(at, 0x0010, disc, 8);
        atapi_put32(at - 8, CD_SECTOR_BYTES);
        atapi_put16(at - 4, 1);
    }
    if (feature_wanted(type, from, 0x001d, true)) { /* multi-read: CD-R and CD-RW as well */
        at = put_feature(at, 0x001d, 0x03, 0);
    }
    if (feature_wanted(type, from, 0x001e, disc && !dvd)) { /* CD read */
        at = put_feature(at, 0x001e, disc && !dvd, 4);
    }
    if (feature_wanted(type, from, 0x001f, dvd)) { /* DVD read */
        at = put_feature(at, 0x001f, dvd, 4);
    }
    if (feature_wanted(type, from, 0x0100, true)) { /* power management */
        at = put_feature(at, 0x0100, 0x03, 0);
    }
    if (feature_wanted(type, from, 0x0105, true)) { /* timeout */
        at = put_feature(at, 0x0105, 0x03, 0);
    }
    atapi_put32(data, (uint32_t)(at - data) - 4);
    atapi_reply(drive, (uint32_t)(at - data), atapi_be16(packet + 7));
}

const struct atapi_entry atapi_commands[] = {
    {0x00, ATAPI_NEEDS_DISC, run_good},                   /* TEST UNIT READY */
    {0x03, ATAPI_SKIP_ATTENTION, run_request_sense},      /* REQUEST SENSE */
    {0x12, ATAPI_SKIP_ATTENTION, run_inquiry},            /* INQUIRY */
    {0x1b, 0, run_start_stop},                            /* START STOP UNIT */
    {0x1e, 0, run_prevent_allow},                         /* PREVENT ALLOW MEDIUM REMOVAL */
    {0x46, ATAPI_SKIP_ATTENTION, run_get_configuration},  /* GET CONFIGURATION */
    {0x4a, ATAPI_SKIP_ATTENTION, run_event_status},       /* GET EVENT STATUS NOTIFICATION */
    {0x55, 0, atapi_mode_select},                         /* MODE SELECT (10) */
    {0x5a, 0, atapi_mode_sense},                          /* MODE SENSE (10) */
    {0xbb, 0, run_good},                                  /* SET CD SPEED */
    {0xbd, 0, run_mechanism_status},                      /* MECHANISM STATUS */
    {0, 0, NULL},
};
