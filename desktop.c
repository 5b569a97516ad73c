/*
 * The desktop: opens the window or the terminal display, and joins text consoles to their connections. See
 * desktop.h.
 */
#include "desktop.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "accel/accel.h"
#include "block/block.h"
#include "chardev/vc.h"
#include "core/machine.h"
#include "drives.h"
#include "hw/pc/firmware.h"
#include "net/port.h"
#include "network.h"
#include "options.h"
#include "ui/console_text.h"
#include "ui/curses.h"
#include "ui/sdl.h"
#include "ui/vnc.h"

#define FONT_ROM "vgabios-stdvga.bin"
#define FONT_ROM_MAX (64u << 10)
#define COLUMNS 80
#define ROWS 25
#define CELL_WIDTH 8
#define CELL_HEIGHT 16

struct desk_console {
    struct desktop *desktop;
    char *title;
    unsigned rank; /* consoles are numbered in this order */
    struct chardev *chr;
    struct console_text *text;
    bool fixed; /* its size was given */
};

struct desktop {
    struct desktop_env env;
    struct accel *accel;
    struct sdl_window *window;
    struct curses *curses;
    struct vnc *vnc;
    GPtrArray *consoles; /* struct desk_console *, by rank */
    bool has_font;
    uint8_t font[CONSOLE_FONT_SIZE];
    /* For the title. */
    uint64_t speed_instructions;
    gint64 speed_time; /* us, monotonic */
    double speed_mips;
    uint64_t disk_seen, disc_seen, net_seen; /* counters at the last look */
};

/* ---- title ---- */

static const char *window_state(void *arg)
{
    return run_state_text(((struct desktop *)arg)->env.machine->run_state);
}

static bool window_running(void *arg)
{
    return ((struct desktop *)arg)->env.machine->run_state == RUN_STATE_RUNNING;
}

/* Guest speed over the last second. */
static char *window_speed(void *arg)
{
    struct desktop *desktop = arg;
    if (desktop->accel == NULL || !window_running(desktop)) {
        return NULL;
    }
    if (strcmp(accel_name(desktop->accel), "kvm") == 0) {
        return g_strdup("KVM");
    }
    gint64 now = g_get_monotonic_time();
    uint64_t n = accel_instructions(desktop->accel);
    if (now - desktop->speed_time >= G_USEC_PER_SEC) {
        desktop->speed_mips = (double)(n - desktop->speed_instructions) / (double)(now - desktop->speed_time);
        desktop->speed_instructions = n;
        desktop->speed_time = now;
    }
    return desktop->speed_mips < 1 ? g_strdup("idle") : g_strdup_printf("%.0f MIPS", desktop->speed_mips);
}

static void count_drives(const struct drives *drives, uint64_t *disks, uint64_t *discs)
{
    *disks = *discs = 0;
    for (unsigned i = 0; i < drives->count; i++) {
        const struct monitor_drive *drive = &drives->list[i];
        struct block_stats stats = {0};
        if (drive->block != NULL) {
            block_get_stats(drive->block, &stats);
        }
        *(drive->removable ? discs : disks) += stats.reads + stats.writes + stats.flushes;
    }
}

static uint64_t count_frames(const struct networks *networks)
{
    uint64_t frames = 0;
    for (unsigned i = 0; i < networks->count; i++) {
        for (unsigned end = 0; end < 2; end++) {
            frames += net_port_stats(net_link_port(networks->list[i].link, end)).frames;
        }
    }
    return frames;
}

/* What was busy since the last call. */
static char *window_activity(void *arg)
{
    struct desktop *desktop = arg;
    uint64_t disk, disc, net = count_frames(desktop->env.networks);
    count_drives(desktop->env.drives, &disk, &disc);
    const char *words[4] = {0};
    unsigned n = 0;
    if (disk != desktop->disk_seen) {
        words[n++] = "disk";
    }
    if (disc != desktop->disc_seen) {
        words[n++] = "CD";
    }
    if (net != desktop->net_seen) {
        words[n++] = "net";
    }
    desktop->disk_seen = disk;
    desktop->disc_seen = disc;
    desktop->net_seen = net;
    return n > 0 ? g_strjoinv(" ", (char **)words) : NULL;
}

static void window_close(void *arg)
{
    struct desktop *desktop = arg;
    desktop->env.quit(desktop->env.arg);
}

static const char *window_command(void *arg, enum sdl_command command)
{
    struct machine *machine = ((struct desktop *)arg)->env.machine;
    if (command == SDL_COMMAND_REWIND) {
        /* The disks would have to go back, too: what is kept are the states that the user saves. */
        return "No way back: only states saved by savevm are kept (loadvm)";
    }
    if (machine->run_state == RUN_STATE_RUNNING) {
        machine_pause(machine, RUN_STATE_PAUSED);
    } else {
        machine_resume(machine);
    }
    return NULL;
}

/* ---- consoles ---- */

static void console_output(void *arg, const void *data, size_t size)
{
    console_text_write(((struct desk_console *)arg)->text, data, size);
}

static void console_input(void *arg, const void *data, size_t size)
{
    chardev_vc_type(((struct desk_console *)arg)->chr, data, size);
}

static void console_resize(void *arg, unsigned width, unsigned height)
{
    console_text_resize(arg, width / CELL_WIDTH, height / CELL_HEIGHT);
}

static void console_scroll(void *arg, int lines)
{
    console_text_scroll(arg, lines);
}

static bool get_console(void *arg, unsigned n, struct ui_console *console)
{
    struct desktop *desktop = arg;
    if (n < 2 || n - 2 >= desktop->consoles->len) {
        return false;
    }
    const struct desk_console *found = g_ptr_array_index(desktop->consoles, n - 2);
    *console = (struct ui_console){
        .title = found->title,
        .display = console_text_display(found->text),
        .key = console_text_key,
        .text = console_text_typed,
        .resize = found->fixed ? NULL : console_resize,
        .scroll = console_scroll,
        .arg = found->text,
    };
    return true;
}

static void free_console(void *data)
{
    struct desk_console *console = data;
    chardev_vc_connect(console->chr, NULL, NULL);
    console_text_destroy(console->text);
    g_free(console->title);
    g_free(console);
}

static gint compare_rank(gconstpointer a, gconstpointer b)
{
    const struct desk_console *left = *(struct desk_console *const *)a, *right = *(struct desk_console *const *)b;
    return (gint)left->rank - (gint)right->rank;
}

/* The monitor comes first, then the ports, then whatever else there is. */
static unsigned rank_of(const char *option, unsigned n)
{
    static const char *const order[] = { "monitor", "serial", "parallel", "debugcon" };
    unsigned i;
    for (i = 0; i < G_N_ELEMENTS(order) && strcmp(option, order[i]) != 0; i++) {
    }
    return i * 100 + n;
}

void desktop_adopt(struct desktop *desktop, const char *option, unsigned n, struct chardev *chr)
{
    unsigned columns, rows;
    if (!chardev_is_vc(chr) || !desktop_has_consoles(desktop)) {
        return;
    }
    chardev_vc_size(chr, &columns, &rows);
    struct desk_console *console = g_new0(struct desk_console, 1);
    console->desktop = desktop;
    console->title = strcmp(option, "monitor") == 0 && n == 0 ? g_strdup(option) : g_strdup_printf("%s%u", option, n);
    console->rank = rank_of(option, n);
    console->chr = chr;
    console->fixed = columns != 0;
    console->text = console_text_create(desktop->font, columns != 0 ? columns : COLUMNS, rows != 0 ? rows : ROWS);
    console_text_on_input(console->text, console_input, console);
    g_ptr_array_add(desktop->consoles, console);
    g_ptr_array_sort(desktop->consoles, compare_rank);
    chardev_vc_connect(chr, console_output, console);
}

/* ---- opening ---- */

/* The letters are those of the VGA BIOS. */
static void load_font(struct desktop *desktop)
{
    if (desktop->has_font) {
        return;
    }
    g_autoptr(GError) why = NULL;
    g_autoptr(GBytes) rom =
        firmware_load(FONT_ROM, (const char *const *)desktop->env.options->firmware_dirs->pdata, FONT_ROM_MAX, &why);
    desktop->has_font = rom != NULL && console_text_find_font(g_bytes_get_data(rom, NULL), g_bytes_get_size(rom),
                                                              desktop->font);
    if (!desktop->has_font) {
        fprintf(stderr, "vmm: no letters for the text consoles in the window: %s\n",
                why != NULL ? why->message : FONT_ROM " has none");
    }
}

static bool open_window(struct desktop *desktop, GError **error)
{
    const struct options *o = desktop->env.options;
    g_autofree char *size_file = g_build_filename(g_get_user_state_dir(), "vmm", "windows", NULL);
    load_font(desktop);
    struct sdl_options options = {
        .name = o->name,
        .font = desktop->has_font ? desktop->font : NULL,
        .full_screen = o->display.full_screen,
        .grab_modifier = o->display.grab_modifier,
        .scaling = o->display.scaling,
        .zoom = o->display.zoom,
        .ignore_close = o->display.no_quit,
        .show_cursor = o->display.show_cursor,
        .size_file = o->name != NULL ? size_file : NULL,
        .arg = desktop,
        .state = window_state,
        .speed = window_speed,
        .activity = window_activity,
        .running = window_running,
        .close = window_close,
        .command = window_command,
        .console = get_console,
    };
    desktop->window = sdl_window_create(&options, desktop->env.display, desktop->env.input,
                                        &desktop->env.machine->lock, error);
    return desktop->window != NULL;
}

static bool open_curses(struct desktop *desktop, GError **error)
{
    struct curses_options options = {
        .arg = desktop,
        .console = get_console,
    };
    desktop->curses = curses_create(&options, desktop->env.display, desktop->env.input, &desktop->env.machine->lock,
                                    STDIN_FILENO, STDOUT_FILENO, error);
    return desktop->curses != NULL;
}

static bool open_vnc(struct desktop *desktop, GError **error)
{
    const struct options *o = desktop->env.options;
    load_font(desktop);
    struct vnc_options options = {
        .address = o->vnc.address,
        .to = o->vnc.to,
        .name = o->name,
        .password = o->vnc.password,
        .share = o->vnc.share,
        .arg = desktop,
        .console = get_console,
    };
    desktop->vnc = vnc_create(&options, desktop->env.display, desktop->env.input, &desktop->env.machine->lock, error);
    if (desktop->vnc == NULL) {
        g_prefix_error(error, "-vnc: ");
        return false;
    }
    fprintf(stderr, "vmm: VNC server on %s%s\n", vnc_address(desktop->vnc),
            !vnc_is_public(desktop->vnc) ? ""
            : o->vnc.password            ? " (the network sees what is typed; ssh -L hides it)"
                              : " (whoever reaches this port uses the VM: set password=on, or leave the host out)");
    return true;
}

/* Whether the options leave the terminal to the display. */
static bool is_terminal_free(const struct options *o)
{
    const char *users[] = { o->serial[0], o->serial[1], o->serial[2], o->serial[3], o->debugcon };
    for (unsigned i = 0; i < G_N_ELEMENTS(users); i++) {
        if (users[i] != NULL && g_str_has_suffix(users[i], "stdio")) {
            return false;
        }
    }
    for (guint i = 0; i < o->monitors->len; i++) {
        if (g_str_has_suffix(g_ptr_array_index(o->monitors, i), "stdio")) {
            return false;
        }
    }
    for (unsigned i = 0; i < o->qmp_count; i++) {
        if (g_str_has_suffix(o->qmp[i].spec, "stdio")) {
            return false;
        }
    }
    for (guint i = 0; i < o->chardevs->len; i++) {
        if (strcmp(((const struct option_chardev *)g_ptr_array_index(o->chardevs, i))->spec, "stdio") == 0) {
            return false;
        }
    }
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

bool desktop_open(struct desktop *desktop, bool *plain, GError **error)
{
    const struct options *o = desktop->env.options;
    const char *kind = o->nographic ? "none" : o->display.kind;
    g_autoptr(GError) why = NULL;
    *plain = o->nographic;
    if (o->vnc.address != NULL && !open_vnc(desktop, error)) {
        return false;
    }
    if (kind == NULL ? desktop->vnc != NULL : strcmp(kind, "none") == 0 || strcmp(kind, "vnc") == 0) {
        return true;
    }
    if (kind != NULL && strcmp(kind, "curses") == 0) {
        if (!open_curses(desktop, error)) {
            g_prefix_error(error, "-display curses: ");
            return false;
        }
        return true;
    }
    if (open_window(desktop, &why)) {
        return true;
    }
    if (is_terminal_free(o) && open_curses(desktop, NULL)) {
        curses_message(desktop->curses, why->message);
        return true;
    }
    if (kind != NULL) {
        g_propagate_prefixed_error(error, g_steal_pointer(&why), "-display sdl: ");
        return false;
    }
    *plain = true;
    fprintf(stderr, "vmm: %s; using the terminal (Ctrl-A h lists its keys)\n", why->message);
    return true;
}

bool desktop_has_consoles(const struct desktop *desktop)
{
    return desktop_is_here(desktop) || desktop->vnc != NULL;
}

bool desktop_is_here(const struct desktop *desktop)
{
    return desktop->window != NULL || desktop->curses != NULL;
}

struct vnc *desktop_vnc(const struct desktop *desktop)
{
    return desktop->vnc;
}

void desktop_set_accel(struct desktop *desktop, struct accel *accel)
{
    desktop->accel = accel;
}

struct desktop *desktop_create(const struct desktop_env *env)
{
    struct desktop *desktop = g_new0(struct desktop, 1);
    desktop->env = *env;
    desktop->consoles = g_ptr_array_new_with_free_func(free_console);
    return desktop;
}

void desktop_destroy(struct desktop *desktop)
{
    if (desktop == NULL) {
        return;
    }
    sdl_window_destroy(desktop->window);
    curses_destroy(desktop->curses);
    vnc_destroy(desktop->vnc);
    g_ptr_array_unref(desktop->consoles);
    g_free(desktop);
}
