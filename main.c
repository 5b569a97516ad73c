/*
 * vmm: from the command line to a running machine, the main loop, and the way out.
 *
 * The main thread owns run control: requests from the guest, the monitor and the window end up here. Guest
 * code runs in the thread of accel/vcpu.c.
 */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel/accel.h"
#include "accel/choose.h"
#include "chardev/backends.h"
#include "chardev/mux.h"
#include "core/machine.h"
#include "desktop.h"
#include "doctor.h"
#include "daemon.h"
#include "drives.h"
#include "flat.h"
#include "hw/catalog.h"
#include "hw/pc/pc_machine.h"
#include "monitor/gdb_stub.h"
#include "monitor/monitor.h"
#include "monitor/qmp.h"
#include "monitor/symbols.h"
#include "monitor/vm_state.h"
#include "network.h"
#include "options.h"
#include "options_run.h"
#include "sandbox.h"
#include "scripted.h"
#include "terminals.h"
#include "ui/audio.h"
#include "ui/display.h"
#include "ui/input.h"

struct app {
    struct options options;
    GMainLoop *loop;
    int exit_code;
    struct log *log;
    struct machine *machine;
    struct pc *pc; /* NULL with -flat */
    struct flat *flat;
    struct accel *accel;
    struct display *display;
    struct input *input;
    struct audio *audio;
    struct drives drives;
    struct networks networks;
    GPtrArray *warnings; /* char *, about the command line */
    struct terminals terminals;
    struct monitor_env monitor_env;
    struct gdb_server *gdb;
    struct monitor *monitors[OPTIONS_MONITOR_MAX];
    struct qmp *qmp[OPTIONS_QMP_MAX];
    struct symbols *symbols;
    struct scripted scripted;
    bool guest_ended; /* the guest has ended the run, with exit_code */
    bool called_qemu; /* by a link named qemu... or kvm: the monitor's prompt is QEMU's */
    bool on_terminal; /* serial port and monitor are on the terminal */
    struct desktop *desktop;   /* window or terminal display, and the consoles in it */
};

/* ---- lists that end the program at once ---- */

static void device_help(const char *word, GString *out)
{
    const char *card = pc_nic_model(word), *name = card != NULL ? card : word;
    for (const struct device_class *const *c = catalog_classes(); *c != NULL; c++) {
        if (strcmp((*c)->name, name) == 0) {
            g_string_append_printf(out, "%s options:\n", name);
            for (const struct property *p = (*c)->properties; p != NULL && p->name != NULL; p++) {
                g_string_append_printf(out, "  %s=<%s> - %s (default: %s)\n", p->name,
                                       p->type == PROPERTY_STRING ? "str" : "int", p->help,
                                       p->default_value != NULL ? p->default_value : "");
            }
            g_string_append(out, option_net_device_help(name));
            return;
        }
    }
    g_string_append_printf(out, "there is no device '%s'; -device help lists them\n", name);
}

static void print_help_topic(const char *topic)
{
    GString *out = g_string_new(NULL);
    if (strcmp(topic, "cpu") == 0) {
        x86_cpuid_help(out);
    } else if (strcmp(topic, "machine") == 0) {
        g_string_append(out, "Supported machines are:\n"
                             "pc                   Standard PC (i440FX + PIIX3, 1996) (default)\n");
    } else if (strcmp(topic, "accel") == 0) {
        accel_help(out);
    } else if (strcmp(topic, "nic") == 0) {
        g_string_append(out, "Supported NIC models:\ne1000\nne2k_pci\nne2k_isa\n");
    } else if (strcmp(topic, "netdev") == 0) {
        g_string_append(out, "Available netdev backend types:\nhubport\nsocket\ntap\nuser\n");
    } else if (g_str_has_prefix(topic, "device ")) {
        device_help(topic + strlen("device "), out);
    } else {
        for (const struct device_class *const *c = catalog_classes(); *c != NULL; c++) {
            g_string_append_printf(out, "name \"%s\", desc \"%s\"\n", (*c)->name, (*c)->description);
        }
    }
    fputs(out->str, stdout);
    g_string_free(out, TRUE);
}

/* Returns the exit code. */
static int print_doctor(struct options *options)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_ptr_array_add(options->firmware_dirs, NULL);
    bool good = doctor_examine(options, &kvm_sys_host, out);
    fputs(out->str, stdout);
    return good ? 0 : 1;
}

/* ---- main loop ---- */

static void app_quit(void *arg)
{
    struct app *app = arg;
    g_main_loop_quit(app->loop);
}

/* There is no firmware that could start again. */
static void flat_leave(struct app *app, enum flat_exit code)
{
    machine_pause(app->machine, RUN_STATE_PAUSED);
    if (code == FLAT_EXIT_SHUTDOWN) {
        flat_report_shutdown(app->accel);
    }
    app->exit_code = code;
    app_quit(app);
}

static gboolean on_request(gpointer arg)
{
    struct app *app = arg;
    if (app->machine->request == REQUEST_RESET && app->flat != NULL) {
        flat_leave(app, FLAT_EXIT_SHUTDOWN);
        return G_SOURCE_REMOVE;
    }
    if (app->machine->request == REQUEST_RESET) {
        pc_prepare_reset(app->pc);
    }
    if (!machine_serve_request(app->machine)) {
        app->exit_code = app->machine->exit_code;
        app->guest_ended = true;
        app_quit(app);
    }
    return G_SOURCE_REMOVE;
}

/* Any thread. */
static void wake_main(void *arg)
{
    g_idle_add_full(G_PRIORITY_HIGH, on_request, arg, NULL);
}

static void on_state(void *arg, struct machine *machine, enum run_state state)
{
    struct app *app = arg;
    if (state == RUN_STATE_IO_ERROR) {
        fprintf(stderr, "vmm: a disk image cannot be read or written on the host (is its disk full?): the guest is "
                        "paused; when that is mended, 'cont' in the monitor repeats the request\r\n");
    } else if (state == RUN_STATE_INTERNAL_ERROR && app->flat != NULL) {
        fprintf(stderr, "vmm: -flat: the engine cannot go on\n");
        app->exit_code = FLAT_EXIT_ERROR;
        app_quit(app);
    } else if (state == RUN_STATE_INTERNAL_ERROR) {
        fprintf(stderr, "vmm: the engine cannot go on: the guest is paused; 'info registers' shows where\r\n");
    }
}

static gboolean on_signal(gpointer arg)
{
    app_quit(arg);
    return G_SOURCE_CONTINUE;
}

static void mux_commit(void *arg)
{
    struct app *app = arg;
    g_autoptr(GString) out = g_string_new(NULL);
    monitor_run(&app->monitor_env, "commit all", out);
    fputs(out->str, stderr);
}

static const struct mux_ops mux_ops = { app_quit, mux_commit };

/* ---- building the machine ---- */

/* Offset of the guest's wall clock from the host's, in seconds. */
static bool rtc_offset(const char *base, int64_t *seconds, GError **error)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    *seconds = 0;
    if (base == NULL || strcmp(base, "utc") == 0) {
        return true;
    }
    if (strcmp(base, "localtime") == 0) {
        *seconds = g_date_time_get_utc_offset(now) / G_USEC_PER_SEC;
        return true;
    }
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autofree char *full = strchr(base, 'T') != NULL ? g_strdup(base) : g_strconcat(base, "T00:00:00", NULL);
    g_autoptr(GDateTime) date = g_date_time_new_from_iso8601(full, utc);
    if (date == NULL) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-rtc: '%s' is neither utc, localtime nor a date such as 2007-01-31 or 2007-01-31T12:00:00", base);
        return false;
    }
    *seconds = g_date_time_to_unix(date) - g_date_time_to_unix(now);
    return true;
}

static bool build_board(struct app *app, GError **error)
{
    struct options *o = &app->options;
    g_ptr_array_add(o->firmware_dirs, NULL);
    g_ptr_array_add(o->option_roms, NULL);
    struct pc_config config = {
        .ram = o->ram,
        .bios = o->bios,
        .firmware_dirs = (const char *const *)o->firmware_dirs->pdata,
        .boot_order = o->boot_order,
        .boot_once = o->boot_once,
        .boot_menu = o->boot_menu,
        .no_fd_bootchk = o->no_fd_bootchk,
        .nographic = app->on_terminal,
        .kernel = o->kernel,
        .initrd = o->initrd,
        .append = o->append,
        .uuid = o->have_uuid ? o->uuid : NULL,
        .option_roms = (const char *const *)o->option_roms->pdata,
        .vga = o->vga == NULL || strcmp(o->vga, "none") != 0,
        .cpus = o->cpus,
        .acpi = !o->no_acpi,
        .debug_exit = o->debug_exit,
        .debug_exit_iobase = (uint16_t)o->debug_exit_iobase,
        .debug_exit_iosize = (uint16_t)o->debug_exit_iosize,
        .display = app->display,
        .input = app->input,
        .audio = app->audio,
        .no_vmport = o->no_vmport,
    };
    if (o->kernel == NULL && (o->initrd != NULL || o->append != NULL)) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s needs -kernel",
                    o->initrd != NULL ? "-initrd" : "-append");
        return false;
    }
    app->networks.chardevs.open = terminals_open_extra;
    app->networks.chardevs.arg = &app->terminals;
    return drives_open(&app->drives, o, app->machine->events, &config, error) &&
           terminals_open(&app->terminals, app->on_terminal, &config, error) &&
           networks_open(&app->networks, &o->net, &config, app->warnings, error) && pc_build(app->pc, &config, error);
}

static bool build_flat(struct app *app, GError **error)
{
    struct options *o = &app->options;
    struct pc_config ports = { .ram = o->ram };
    if (o->cpus > 1 || o->drives->len > 0 || o->kernel != NULL || o->bios != NULL) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-flat: there is one CPU with memory and nothing else; leave out -smp, -bios, -kernel and disks");
        return false;
    }
    if (!terminals_open(&app->terminals, app->on_terminal, &ports, error)) {
        return false;
    }
    struct flat_config config = {
        .file = o->flat,
        .protected32 = o->flat32,
        .ram = o->ram,
        .debugcon = app->terminals.debugcon,
        .debugcon_iobase = (uint16_t)o->debugcon_iobase,
        .debug_exit = o->debug_exit,
        .debug_exit_iobase = (uint16_t)o->debug_exit_iobase,
        .debug_exit_iosize = (uint16_t)o->debug_exit_iosize,
    };
    app->flat = flat_create(app->machine, &config, error);
    return app->flat != NULL;
}

/* Unless something else was asked for the speaker is heard where there is a window. */
static bool open_audio(struct app *app, GError **error)
{
    const struct option_audio *o = &app->options.audio;
    bool heard = o->given || desktop_is_here(app->desktop);
    struct audio_options options = { .kind = heard ? o->kind : AUDIO_NONE, .id = o->id, .path = o->path };
    app->audio = audio_create(&options, &app->machine->lock, error);
    if (app->audio == NULL) {
        g_prefix_error(error, "-audiodev: ");
    }
    return app->audio != NULL;
}

static bool build_pc(struct app *app, GError **error)
{
    app->pc = pc_create(app->machine);
    return desktop_open(app->desktop, &app->on_terminal, error) && open_audio(app, error) && build_board(app, error);
}

static bool build(struct app *app, GError **error)
{
    struct options *o = &app->options;
    int64_t offset;
    if (o->flat32 && o->flat == NULL) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "-32: goes with a flat binary: -flat FILE -32");
        return false;
    }
    if ((app->log = option_log_open(o, error)) == NULL || !rtc_offset(o->rtc_base, &offset, error)) {
        return false;
    }
    app->machine = machine_create(app->log);
    app->machine->name = g_strdup(o->name);
    app->machine->uuid = o->have_uuid ? option_uuid_text(o->uuid) : NULL;
    app->machine->no_reboot = o->no_reboot;
    app->machine->no_shutdown = o->no_shutdown;
    app->machine->wake_main = wake_main;
    app->machine->wake_main_arg = app;
    clock_set(app->machine->rtc_clock, clock_now(app->machine->rtc_clock) + (uint64_t)offset * NS_PER_SECOND);
    app->display = display_create();
    app->input = input_create(app->machine);
    g_autoptr(GError) layout = NULL;
    if (o->keyboard != NULL && !input_set_layout(app->input, o->keyboard, &layout)) {
        fprintf(stderr, "vmm: -k: %s; text is typed as on a US keyboard\n", layout->message);
    }
    struct desktop_env env = {
        .options = o,
        .machine = app->machine,
        .display = app->display,
        .input = app->input,
        .drives = &app->drives,
        .networks = &app->networks,
        .quit = app_quit,
        .arg = app,
    };
    app->desktop = desktop_create(&env);
    app->terminals = (struct terminals){
        .options = o, .desktop = app->desktop, .mux_ops = &mux_ops, .arg = app };
    if (!(o->flat != NULL ? build_flat(app, error) : build_pc(app, error))) {
        return false;
    }
    struct accel_options accel = { .engine = o->accel, .cpu = o->cpu, .cpus = o->cpus, .policy = o->accel_policy,
                                   .irqchip = o->flat != NULL ? ACCEL_IRQCHIP_OFF : o->irqchip };
    app->accel = accel_create(app->machine, &accel, error);
    if (app->accel == NULL) {
        return false;
    }
    accel_set_actions(app->accel, &(struct accel_actions){ .triple_fault = o->triple_fault, .reboot = o->reboot,
                                                           .halt = o->halt });
    desktop_set_accel(app->desktop, app->accel);
    if (accel_choice(app->accel)->announce) {
        fprintf(stderr, "vmm: %s\n", accel_reason(app->accel));
    }
    return true;
}

static bool start_monitor(struct app *app, GError **error)
{
    app->symbols = symbols_create();
    app->gdb = gdb_server_create(&app->monitor_env);
    app->monitor_env = (struct monitor_env){
        .machine = app->machine,
        .accel = app->accel,
        .pc = app->pc,
        .display = app->display,
        .input = app->input,
        .audio = app->audio,
        .vnc = desktop_vnc(app->desktop),
        .log = app->log,
        .symbols = app->symbols,
        .gdb = app->gdb,
        .prompt = app->options.monitor_prompt != NULL ? app->options.monitor_prompt
                  : app->called_qemu                   ? "(qemu) "
                                                       : "(vmm) ",
        .drives = app->drives.list,
        .drive_count = app->drives.count,
        .nics = app->networks.list,
        .nic_count = app->networks.count,
        .nets = app->networks.nets,
        .net_count = app->networks.net_count,
        .quit = app_quit,
        .arg = app,
    };
    for (unsigned i = 0; i < app->terminals.monitor_count; i++) {
        struct chardev *chr = app->terminals.monitors[i];
        app->monitors[i] = monitor_create(&app->monitor_env, chr, !chardev_is_script(chr));
    }
    for (unsigned i = 0; i < OPTIONS_QMP_MAX; i++) {
        if (app->terminals.qmp[i] != NULL) {
            app->qmp[i] = qmp_create(&app->monitor_env, app->terminals.qmp[i], app->options.qmp[i].pretty);
        }
    }
    const char *gdb = app->options.gdb != NULL ? app->options.gdb : app->options.gdb_default ? "tcp::1234" : NULL;
    if (gdb != NULL && strcmp(gdb, "none") != 0 && !gdb_server_open(app->gdb, gdb, error)) {
        g_prefix_error(error, "-%s: ", app->options.gdb != NULL ? "gdb" : "s");
        return false;
    }
    return scripted_init(&app->scripted, &app->monitor_env, &app->options, app->terminals.serial, error);
}

static bool write_pidfile(const char *path, GError **error)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    if (!g_file_set_contents(path, text, -1, error)) {
        g_prefix_error(error, "-pidfile: ");
        return false;
    }
    return true;
}

/* ---- from start to end ---- */

/* What -accel check has found. */
static void print_check(struct app *app)
{
    g_autoptr(GString) out = g_string_new("vmm: ");
    if (accel_check_report(app->accel, out)) {
        fputs(out->str, stderr);
    }
}

/* False and error: nothing may run. */
static bool app_run(struct app *app, GError **error)
{
    app->loop = g_main_loop_new(NULL, FALSE);
    g_unix_signal_add(SIGINT, on_signal, app);
    g_unix_signal_add(SIGTERM, on_signal, app);
    g_unix_signal_add(SIGHUP, on_signal, app);
    machine_on_state(app->machine, on_state, app);
    machine_reset(app->machine);
    if (app->flat != NULL) {
        flat_enter(app->flat, app->accel);
    }
    if (app->options.load_state != NULL && !vm_state_load(&app->monitor_env, app->options.load_state, error)) {
        g_prefix_error(error, "-loadvm: ");
        return false;
    }
    if (!app->options.start_paused) {
        machine_resume(app->machine);
    }
    scripted_start(&app->scripted);
    g_main_loop_run(app->loop);
    print_check(app);
    machine_pause(app->machine, RUN_STATE_PAUSED);
    return true;
}

static void app_finish(struct app *app)
{
    gdb_server_destroy(app->gdb);
    for (unsigned i = 0; i < OPTIONS_QMP_MAX; i++) {
        qmp_destroy(app->qmp[i]);
    }
    for (unsigned i = 0; i < OPTIONS_MONITOR_MAX; i++) {
        monitor_destroy(app->monitors[i]);
    }
    desktop_destroy(app->desktop);
    symbols_destroy(app->symbols);
    accel_destroy(app->accel);
    if (app->input != NULL) {
        input_destroy(app->input);
    }
    networks_close(&app->networks);
    if (app->machine != NULL) {
        /* Images are closed while the machine can still take their completions. */
        lock_acquire(&app->machine->lock);
        drives_close(&app->drives);
        lock_release(&app->machine->lock);
        machine_destroy(app->machine);
    }
    pc_destroy(app->pc);
    flat_destroy(app->flat);
    networks_free(&app->networks);
    terminals_close(&app->terminals);
    if (app->display != NULL) {
        display_destroy(app->display);
    }
    audio_destroy(app->audio);
    if (app->log != NULL) {
        log_destroy(app->log);
    }
    if (app->options.pidfile != NULL) {
        unlink(app->options.pidfile);
    }
    if (app->loop != NULL) {
        g_main_loop_unref(app->loop);
    }
    options_finish(&app->options);
}

static int fail(struct app *app, GError *error)
{
    fprintf(stderr, "vmm: %s\n", error->message);
    g_error_free(error);
    app_finish(app);
    scripted_finish(&app->scripted, false, 1);
    return 1;
}

int main(int argc, char **argv)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    struct app app = { .warnings = warnings };
    GError *error = NULL;
    signal(SIGPIPE, SIG_IGN);
    options_init(&app.options);
    if (!options_parse(&app.options, argc, argv, warnings, &error)) {
        return fail(&app, error);
    }
    int code = 0;
    if (app.options.action == ACTION_HELP) {
        g_autofree char *help = options_help();
        fputs(help, stdout);
    } else if (app.options.action == ACTION_VERSION) {
        printf("vmm version %s\n", VMM_VERSION);
    } else if (app.options.action == ACTION_DOCTOR) {
        code = print_doctor(&app.options);
    } else if (app.options.help_topic != NULL) {
        print_help_topic(app.options.help_topic);
    }
    if (app.options.action != ACTION_RUN || app.options.help_topic != NULL) {
        options_finish(&app.options);
        return code;
    }
    g_autofree char *called = g_path_get_basename(argv[0]);
    app.called_qemu = g_str_has_prefix(called, "qemu") || strcmp(called, "kvm") == 0;
    int parent = -1;
    if (app.options.daemonize && app.options.nographic) {
        g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "-daemonize: -nographic needs the terminal; remedy: -display none, and -monitor and -serial elsewhere");
        return fail(&app, error);
    }
    if (app.options.daemonize && !daemon_start(&parent, &error)) {
        return fail(&app, error);
    }
    if (!build(&app, &error) || !start_monitor(&app, &error) ||
        (app.options.pidfile != NULL && !write_pidfile(app.options.pidfile, &error))) {
        return fail(&app, error);
    }
    for (guint i = 0; i < warnings->len; i++) {
        fprintf(stderr, "vmm: warning: %s\n", (const char *)g_ptr_array_index(warnings, i));
    }
    if (!sandbox_enter(&app.options.sandbox, &error)) {
        return fail(&app, error);
    }
    daemon_ready(parent);
    if (!app_run(&app, &error)) {
        return fail(&app, error);
    }
    app_finish(&app);
    return scripted_finish(&app.scripted, app.guest_ended, app.exit_code);
}
