/*
 * Captures. See pcap.h. The time stamps are the host's wall clock: a capture is for people, the
 * guest never sees it. A record is written in one piece and flushed, so that the file can be read
 * while it grows.
 */
#include "net/pcap.h"

#include <errno.h>
#include <stdio.h>

#define PCAP_MAGIC         0xa1b2c3d4u
#define PCAP_VERSION_MAJOR 2
#define PCAP_VERSION_MINOR 4
#define PCAP_SNAPLEN       65535u
#define LINKTYPE_ETHERNET  1

struct pcap {
    FILE *file;
};

struct file_header {
    uint32_t magic;
    uint16_t version_major, version_minor;
    uint32_t zone, accuracy, snap_length, link_type;
};

struct record_header {
    uint32_t seconds, microseconds, captured, length;
};

struct pcap *pcap_create(const char *path, GError **error)
{
    const struct file_header header = {
        .magic = PCAP_MAGIC,
        .version_major = PCAP_VERSION_MAJOR,
        .version_minor = PCAP_VERSION_MINOR,
        .snap_length = PCAP_SNAPLEN,
        .link_type = LINKTYPE_ETHERNET,
    };
    FILE *file = fopen(path, "wbe");
    if (file == NULL || fwrite(&header, sizeof(header), 1, file) != 1 || fflush(file) != 0) {
        int code = errno;
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "cannot write '%s': %s",
                    path, g_strerror(code));
        if (file != NULL) {
            fclose(file);
        }
        return NULL;
    }
    struct pcap *pcap = g_new0(struct pcap, 1);
    pcap->file = file;
    return pcap;
}

void pcap_destroy(struct pcap *pcap)
{
    if (pcap != NULL) {
        fclose(pcap->file);
        g_free(pcap);
    }
}

void pcap_frame(void *arg, const uint8_t *frame, size_t size)
{
    struct pcap *pcap = arg;
    gint64 now = g_get_real_time();
    const struct record_header header = {
        .seconds = (uint32_t)(now / G_USEC_PER_SEC),
        .microseconds = (uint32_t)(now % G_USEC_PER_SEC),
        .captured = (uint32_t)size,
        .length = (uint32_t)size,
    };
    /* A full disk ends the capture's growth, not the guest's network. */
    if (fwrite(&header, sizeof(header), 1, pcap->file) == 1 &&
        fwrite(frame, size, 1, pcap->file) == 1) {
        fflush(pcap->file);
    }
}
