/*
 * The virtual console's connection. See vc.h. The front writes in its own thread into a bounded buffer, from
 * which the main thread feeds the screen.
 */
#include "chardev/vc.h"

#include <stdlib.h>
#include <string.h>

#include "chardev/backends_impl.h"
#include "chardev/main_call.h"

#define BUFFER_MAX 65536
#define COLUMNS_MAX 500
#define ROWS_MAX 200

struct vc {
    struct chardev base;
    unsigned columns, rows; /* asked for; 0: none */
    struct main_call call;
    /* Main thread. */
    chardev_vc_output_fn *fn;
    void *arg;
    GString *typed; /* not yet taken by the queue */
    GMutex mutex; /* guards what follows */
    GString *output;
    bool connected; /* fn != NULL; without a screen old output makes room for new */
    bool refused;   /* a write was cut short */
};

static size_t vc_write(struct chardev *chr, const uint8_t *data, size_t size)
{
    struct vc *vc = (struct vc *)chr;
    g_mutex_lock(&vc->mutex);
    if (!vc->connected && vc->output->len + size > BUFFER_MAX) {
        g_string_erase(vc->output, 0, (gssize)MIN(vc->output->len, MAX(size, BUFFER_MAX / 2)));
    }
    size_t taken = MIN(size, BUFFER_MAX - vc->output->len);
    g_string_append_len(vc->output, (const char *)data, (gssize)taken);
    vc->refused = vc->refused || taken < size;
    g_mutex_unlock(&vc->mutex);
    main_call_post(&vc->call);
    return taken;
}

static void vc_resume(struct chardev *chr)
{
    main_call_post(&((struct vc *)chr)->call);
}

static void send_typed(struct vc *vc)
{
    while (vc->typed->len > 0 && chardev_room(&vc->base) > 0) {
        size_t taken = chardev_deliver(&vc->base, vc->typed->str, vc->typed->len);
        g_string_erase(vc->typed, 0, (gssize)taken);
    }
}

/* Main thread. */
static void run(void *arg)
{
    struct vc *vc = arg;
    g_autoptr(GString) output = NULL;
    bool refused = false;
    if (vc->fn != NULL) {
        g_mutex_lock(&vc->mutex);
        output = vc->output;
        vc->output = g_string_new(NULL);
        refused = vc->refused;
        vc->refused = false;
        g_mutex_unlock(&vc->mutex);
        if (output->len > 0) {
            vc->fn(vc->arg, output->str, output->len);
        }
    }
    if (refused) {
        chardev_writable(&vc->base);
    }
    send_typed(vc);
}

static enum chardev_peer vc_peer(struct chardev *chr)
{
    return CHARDEV_PEER_TERMINAL;
}

static void vc_destroy(struct chardev *chr)
{
    struct vc *vc = (struct vc *)chr;
    main_call_finish(&vc->call);
    g_string_free(vc->typed, TRUE);
    g_string_free(vc->output, TRUE);
    g_mutex_clear(&vc->mutex);
}

static const struct chardev_ops vc_ops = {
    .write = vc_write,
    .resume = vc_resume,
    .peer = vc_peer,
    .destroy = vc_destroy,
};

/* "80Cx24C" or, in pixels of an 8 x 16 font, "640x384"; empty: no wish. */
static bool parse_size(struct vc *vc, const char *text)
{
    unsigned *sizes[2] = {&vc->columns, &vc->rows};
    static const unsigned cell[2] = {8, 16}, max[2] = {COLUMNS_MAX, ROWS_MAX};
    for (unsigned i = 0; i < 2 && text[0] != '\0'; i++) {
        char *end;
        unsigned long n = strtoul(text, &end, 10);
        if (end == text) {
            return false;
        }
        if (*end == 'C') {
            end++;
        } else {
            n /= cell[i];
        }
        if (n < 1 || n > max[i] || *end != (i == 0 ? 'x' : '\0')) {
            return false;
        }
        *sizes[i] = (unsigned)n;
        text = end + (i == 0);
    }
    return (vc->columns == 0) == (vc->rows == 0);
}

struct chardev *chardev_vc_create(const char *size, GError **error)
{
    struct vc *vc = g_new0(struct vc, 1);
    if (!parse_size(vc, size)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "'%s' is no size of a console; write it as 80Cx24C or 640x384", size);
        g_free(vc);
        return NULL;
    }
    chardev_init(&vc->base, &vc_ops, "vc", true);
    g_mutex_init(&vc->mutex);
    vc->output = g_string_new(NULL);
    vc->typed = g_string_new(NULL);
    main_call_init(&vc->call, run, vc);
    return &vc->base;
}

bool chardev_is_vc(struct chardev *chr)
{
    return chr != NULL && chr->ops == &vc_ops;
}

void chardev_vc_size(struct chardev *chr, unsigned *columns, unsigned *rows)
{
    *columns = ((struct vc *)chr)->columns;
    *rows = ((struct vc *)chr)->rows;
}

void chardev_vc_connect(struct chardev *chr, chardev_vc_output_fn *fn, void *arg)
{
    struct vc *vc = (struct vc *)chr;
    vc->fn = fn;
    vc->arg = arg;
    g_mutex_lock(&vc->mutex);
    vc->connected = fn != NULL;
    g_mutex_unlock(&vc->mutex);
    run(vc);
}

void chardev_vc_type(struct chardev *chr, const void *data, size_t size)
{
    struct vc *vc = (struct vc *)chr;
    g_string_append_len(vc->typed, data, (gssize)MIN(size, BUFFER_MAX - vc->typed->len));
    send_typed(vc);
}
