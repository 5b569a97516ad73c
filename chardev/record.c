/* See the header. */
#include "chardev/record.h"

#include <glib.h>
#include <string.h>

#include "chardev/chardev.h"

struct chardev_record {
    GMutex lock;
    uint64_t total; /* bytes written since the start */
    uint8_t data[RECORD_SIZE]; /* byte n at n % RECORD_SIZE */
};

static void record_take(void *arg, const uint8_t *data, size_t size)
{
    struct chardev_record *record = arg;
    g_mutex_lock(&record->lock);
    for (size_t i = 0; i < size; i++) {
        record->data[record->total++ % RECORD_SIZE] = data[i];
    }
    g_mutex_unlock(&record->lock);
}

struct chardev_record *chardev_record_create(struct chardev *chr)
{
    struct chardev_record *record = g_new0(struct chardev_record, 1);
    g_mutex_init(&record->lock);
    chardev_set_tap(chr, record_take, record);
    return record;
}

void chardev_record_destroy(struct chardev_record *record)
{
    if (record != NULL) {
        g_mutex_clear(&record->lock);
        g_free(record);
    }
}

static bool matches(const struct chardev_record *record, uint64_t at, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (record->data[(at + i) % RECORD_SIZE] != (uint8_t)text[i]) {
            return false;
        }
    }
    return true;
}

bool chardev_record_find(struct chardev_record *record, uint64_t *place, const char *text)
{
    size_t length = strlen(text);
    bool found = false;
    g_mutex_lock(&record->lock);
    if (record->total > RECORD_SIZE) {
        *place = MAX(*place, record->total - RECORD_SIZE);
    }
    for (; !found && *place + length <= record->total; *place += found ? length : 1) {
        found = matches(record, *place, text, length);
    }
    g_mutex_unlock(&record->lock);
    return found;
}
