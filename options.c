/*
 * The table of vmm's command line: QEMU's and the 2007 kvm's spellings. Options that QEMU's users know and
 * that do nothing here yet are in the table too, marked OPTION_LATER, so that they are refused by name.
 */
#include "options.h"

#include <string.h>

#include "core/option.h"
#include "hw/pc/pc_machine.h"
#include "options_accel.h"
#include "options_drive.h"
#include "options_run.h"

#define FAIL(error, ...) (g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, __VA_ARGS__), false)
#define MIB (1ull << 20)
#define RAM_MIN MIB
#define CPUS_MAX 64u
#define RAM_MAX (1ull << 39) /* half of a 40-bit physical address space */

typedef bool set_fn(void *target, const struct option *option, const char *argument, GError **error);

void options_init(struct options *o)
{
    memset(o, 0, sizeof(*o));
    o->ram = 128 * MIB;
    o->cpus = 1;
    o->firmware_dirs = g_ptr_array_new_with_free_func(g_free);
    o->option_roms = g_ptr_array_new_with_free_func(g_free);
    o->drives = g_ptr_array_new_with_free_func(option_drive_free);
    o->monitors = g_ptr_array_new_with_free_func(g_free);
    o->chardevs = g_ptr_array_new_with_free_func(option_chardev_free);
    o->scripts = g_ptr_array_new_with_free_func(option_script_free);
    o->drive_devices = g_ptr_array_new_with_free_func(option_drive_device_free);
    option_net_init(&o->net);
    o->audio.kind = AUDIO_AUTO;
    o->debugcon_iobase = 0xe9;
    o->debug_exit_iobase = 0x501;
    o->debug_exit_iosize = 2;
    o->echr = 1;
}

void options_finish(struct options *o)
{
    char **strings[] = {
        &o->help_topic, &o->cpu, &o->accel, &o->accel_policy, &o->bios, &o->boot_order, &o->boot_once,
        &o->kernel, &o->initrd, &o->append, &o->vga, &o->display.kind, &o->vnc.address, &o->monitor_prompt,
        &o->debugcon, &o->rtc_base, &o->load_state, &o->name, &o->keyboard, &o->pidfile, &o->log_items, &o->log_file,
        &o->log_filter, &o->flat,
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(strings); i++) {
        g_free(*strings[i]);
    }
    for (unsigned i = 0; i < OPTIONS_SERIAL_MAX; i++) {
        g_free(o->serial[i]);
    }
    for (unsigned i = 0; i < OPTIONS_PARALLEL_MAX; i++) {
        g_free(o->parallel[i]);
    }
    g_clear_pointer(&o->firmware_dirs, g_ptr_array_unref);
    g_clear_pointer(&o->option_roms, g_ptr_array_unref);
    g_clear_pointer(&o->drives, g_ptr_array_unref);
    g_clear_pointer(&o->scripts, g_ptr_array_unref);
    g_clear_pointer(&o->monitors, g_ptr_array_unref);
    for (unsigned i = 0; i < o->qmp_count; i++) {
        g_free(o->qmp[i].spec);
    }
    g_clear_pointer(&o->chardevs, g_ptr_array_unref);
    g_clear_pointer(&o->drive_devices, g_ptr_array_unref);
    option_net_finish(&o->net);
    option_audio_finish(&o->audio);
}

static void replace(char **member, const char *text)
{
    char *copy = g_strdup(text);
    g_free(*member);
    *member = copy;
}

/* ---- machine ---- */

static bool set_ram(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    static const char *const known[] = { "size", "slots", "maxmem", NULL };
    struct option_list list;
    if (!option_list_parse(&list, arg, "size", known, error)) {
        return false;
    }
    const char *size = option_list_get(&list, "size");
    bool ok = size != NULL ? option_parse_size(size, MIB, &o->ram, error) : FAIL(error, "no size given");
    if (ok && (option_list_get(&list, "slots") != NULL || option_list_get(&list, "maxmem") != NULL)) {
        ok = FAIL(error, "memory hot plug (slots, maxmem) is not supported");
    }
    if (ok && (o->ram < RAM_MIN || o->ram > RAM_MAX)) {
        ok = FAIL(error, "%s: guest memory must be between 1M and %lluG", size, RAM_MAX >> 30);
    }
    o->ram &= ~0xfffull;
    option_list_finish(&list);
    return ok;
}

/* A count among the words of -smp; 1 if it is not given. */
static bool smp_word(const struct option_list *list, const char *word, uint64_t *n, GError **error)
{
    const char *text = option_list_get(list, word);
    char *end = NULL;
    *n = text != NULL ? g_ascii_strtoull(text, &end, 10) : 1;
    if (text != NULL && (end == text || *end != '\0' || *n < 1 || *n > CPUS_MAX)) {
        return FAIL(error, "%s=%s: must be a number from 1 to %u", word, text, CPUS_MAX);
    }
    return true;
}

/* Sockets, cores and threads must multiply to the number of CPUs, one that is not given making up for it; or they
 * are the number. The guest sees packages of one core in any case. */
static bool smp_topology(const struct option_list *list, uint64_t *cpus, GError **error)
{
    static const char *const words[] = { "sockets", "dies", "cores", "threads" };
    uint64_t product = 1, n;
    bool all = option_list_get(list, "sockets") != NULL && option_list_get(list, "cores") != NULL &&
               option_list_get(list, "threads") != NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (!smp_word(list, words[i], &n, error)) {
            return false;
        }
        product *= n;
    }
    *cpus = option_list_get(list, "cpus") == NULL ? product : *cpus;
    if (*cpus > CPUS_MAX) {
        return FAIL(error, "%u CPUs: at most %u are supported", (unsigned)*cpus, CPUS_MAX);
    }
    if (*cpus % product != 0 || (all && product != *cpus)) {
        return FAIL(error, "sockets * dies * cores * threads must be the number of CPUs");
    }
    if (!smp_word(list, "maxcpus", &n, error)) {
        return false;
    }
    if (option_list_get(list, "maxcpus") != NULL && n != *cpus) {
        return FAIL(error, "maxcpus must be the number of CPUs: they cannot be plugged in later");
    }
    return true;
}

static bool set_smp(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    static const char *const known[] = { "cpus", "cores", "threads", "sockets", "dies", "maxcpus", NULL };
    struct option_list list;
    if (!option_list_parse(&list, arg, "cpus", known, error)) {
        return false;
    }
    const char *cpus = option_list_get(&list, "cpus");
    char *end = NULL;
    uint64_t n = cpus != NULL ? g_ascii_strtoull(cpus, &end, 10) : 1;
    bool ok = cpus == NULL || (end != cpus && *end == '\0');
    if (!ok || n < 1) {
        ok = FAIL(error, "'%s' is no number of CPUs", arg);
    } else {
        ok = smp_topology(&list, &n, error);
    }
    o->cpus = (unsigned)n;
    option_list_finish(&list);
    return ok;
}

static bool set_machine(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    static const char *const known[] = { "type", "accel", "acpi", "hpet", "usb", "vmport", "kernel_irqchip",
                                        "kernel-irqchip", "pcspk-audiodev", NULL };
    struct option_list list;
    bool ok = true;
    if (strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0) {
        replace(&o->help_topic, "machine");
        return true;
    }
    if (!option_list_parse(&list, arg, "type", known, error)) {
        return false;
    }
    const char *type = option_list_get(&list, "type"), *acpi = option_list_get(&list, "acpi");
    if (type != NULL && strcmp(type, "pc") != 0 && !g_str_has_prefix(type, "pc-i440fx")) {
        ok = FAIL(error, "unknown machine '%s'; there is pc (i440FX + PIIX3)", type);
    }
    if (ok && acpi != NULL) {
        bool on = false;
        ok = option_parse_bool(acpi, &on, error);
        o->no_acpi = !on;
    }
    ok = ok && option_irqchip(o, &list, error);
    if (option_list_get(&list, "accel") != NULL) {
        replace(&o->accel, option_list_get(&list, "accel"));
    }
    const char *vmport = option_list_get(&list, "vmport");
    if (ok && vmport != NULL && strcmp(vmport, "auto") != 0) {
        bool on = true;
        ok = option_parse_bool(vmport, &on, error);
        o->no_vmport = !on;
    }
    if (option_list_get(&list, "pcspk-audiodev") != NULL) {
        replace(&o->audio.speaker, option_list_get(&list, "pcspk-audiodev"));
    }
    for (guint i = 0; ok && i < 2; i++) {
        static const char *const absent[] = { "hpet", "usb" };
        const char *value = option_list_get(&list, absent[i]);
        bool on = false;
        ok = value == NULL || option_parse_bool(value, &on, error);
        if (ok && on) {
            ok = FAIL(error, "%s=on is not supported yet", absent[i]);
        }
    }
    option_list_finish(&list);
    return ok;
}

static bool add_option_rom(void *target, const struct option *option, const char *arg, GError **error)
{
    g_ptr_array_add(((struct options *)target)->option_roms, g_strdup(arg));
    return true;
}

static bool set_cpu(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    if (strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0) {
        replace(&o->help_topic, "cpu");
        return true;
    }
    replace(&o->cpu, arg);
    return true;
}

static bool set_firmware_dir(void *target, const struct option *option, const char *arg, GError **error)
{
    g_ptr_array_add(((struct options *)target)->firmware_dirs, g_strdup(arg));
    return true;
}

/* ---- boot ---- */

static bool boot_letters(const char *text, GError **error)
{
    if (text[0] == '\0' || strspn(text, "acdn") != strlen(text) || strlen(text) > 3) {
        return FAIL(error, "'%s': up to three of a (floppy), c (disk), d (CD-ROM), n (network)", text);
    }
    return true;
}

static bool set_boot(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    static const char *const known[] = { "order", "once", "menu", "strict", "splash-time", NULL };
    struct option_list list;
    if (!option_list_parse(&list, arg, "order", known, error)) {
        return false;
    }
    const char *order = option_list_get(&list, "order"), *once = option_list_get(&list, "once");
    const char *menu = option_list_get(&list, "menu");
    bool ok = (order == NULL || boot_letters(order, error)) && (once == NULL || boot_letters(once, error)) &&
              (menu == NULL || option_parse_bool(menu, &o->boot_menu, error));
    if (ok && order != NULL) {
        replace(&o->boot_order, order);
    }
    if (ok && once != NULL) {
        replace(&o->boot_once, once);
    }
    option_list_finish(&list);
    return ok;
}

/* ---- what a person sees ---- */

static bool set_vga(void *target, const struct option *option, const char *arg, GError **error)
{
    if (strcmp(arg, "std") != 0 && strcmp(arg, "none") != 0) {
        return FAIL(error, "'%s' is not supported; there is std and none", arg);
    }
    replace(&((struct options *)target)->vga, arg);
    return true;
}

static bool set_serial(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    if (o->serial_count == OPTIONS_SERIAL_MAX) {
        return FAIL(error, "there are only %d serial ports", OPTIONS_SERIAL_MAX);
    }
    replace(&o->serial[o->serial_count++], arg);
    return true;
}

static bool set_parallel(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    if (o->parallel_count == OPTIONS_PARALLEL_MAX) {
        return FAIL(error, "there are only %d parallel ports", OPTIONS_PARALLEL_MAX);
    }
    replace(&o->parallel[o->parallel_count++], arg);
    return true;
}

static bool set_number(const char *text, const char *what, uint64_t max, uint64_t *value, GError **error)
{
    char *end;
    uint64_t n = g_ascii_strtoull(text, &end, 0);
    if (end == text || *end != '\0' || n > max) {
        return FAIL(error, "%s '%s' must be a number up to %#llx", what, text, (unsigned long long)max);
    }
    *value = n;
    return true;
}

static bool set_echr(void *target, const struct option *option, const char *arg, GError **error)
{
    uint64_t n;
    if (!set_number(arg, "key code", 31, &n, error)) {
        return false;
    }
    ((struct options *)target)->echr = (unsigned)n;
    return true;
}

static bool device_debug_exit(struct options *o, const struct option_list *list, GError **error)
{
    const char *base = option_list_get(list, "iobase"), *size = option_list_get(list, "iosize");
    o->debug_exit = true;
    return (base == NULL || set_number(base, "iobase", 0xffff, &o->debug_exit_iobase, error)) &&
           (size == NULL || set_number(size, "iosize", 8, &o->debug_exit_iosize, error));
}

static bool set_device(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    static const char *const known[] = { "driver", "iobase", "iosize", "id", NULL };
    g_auto(GStrv) words = g_strsplit(arg, ",", 2);
    if (strcmp(arg, "help") == 0 || strcmp(arg, "?") == 0) {
        replace(&o->help_topic, "device");
        return true;
    }
    if (words[0] != NULL && words[1] != NULL && (strcmp(words[1], "help") == 0 || strcmp(words[1], "?") == 0)) {
        g_autofree char *topic = g_strdup_printf("device %s", words[0]);
        replace(&o->help_topic, topic);
        return true;
    }
    if (words[0] != NULL && option_net_is_card(words[0])) {
        return option_net_device(&o->net, arg, error);
    }
    if (words[0] != NULL && option_net_is_missing_card(words[0])) {
        return FAIL(error, "network card '%s' is not modelled; there is %s", words[0], PC_NIC_MODELS);
    }
    if (words[0] != NULL && option_is_drive_device(words[0])) {
        return option_drive_device(o, arg, error);
    }
    if (words[0] == NULL || strcmp(words[0], "isa-debug-exit") != 0) {
        return FAIL(error, "device '%s' cannot be added; there is e1000, ide-hd, ide-cd, floppy and isa-debug-exit (the other devices are on the board)",
                    words[0] != NULL ? words[0] : "");
    }
    struct option_list list;
    if (!option_list_parse(&list, arg, "driver", known, error)) {
        return false;
    }
    bool ok = device_debug_exit(o, &list, error);
    option_list_finish(&list);
    return ok;
}

/* Properties of devices that are always there. */
static bool set_global(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    const char *value = strchr(arg, '=');
    if (value != NULL && strncmp(arg, "isa-debugcon.iobase=", 20) == 0) {
        return set_number(value + 1, "iobase", 0xffff, &o->debugcon_iobase, error);
    }
    return FAIL(error, "'%s' is not supported; there is isa-debugcon.iobase=N", arg);
}

static bool set_net_help(struct options *o, const char *arg)
{
    const char *topic = option_net_help(arg);
    if (topic != NULL) {
        replace(&o->help_topic, topic);
    }
    return topic != NULL;
}

static bool set_net(void *target, const struct option *option, const char *arg, GError **error)
{
    return set_net_help(target, arg) || option_net_legacy(&((struct options *)target)->net, arg, error);
}

static bool set_nic(void *target, const struct option *option, const char *arg, GError **error)
{
    return set_net_help(target, arg) || option_net_nic(&((struct options *)target)->net, arg, error);
}

static bool set_netdev(void *target, const struct option *option, const char *arg, GError **error)
{
    return set_net_help(target, arg) || option_net_netdev(&((struct options *)target)->net, arg, error);
}

static bool set_object(void *target, const struct option *option, const char *arg, GError **error)
{
    return option_net_object(&((struct options *)target)->net, arg, error);
}

static bool set_redir(void *target, const struct option *option, const char *arg, GError **error)
{
    return option_net_redirect(&((struct options *)target)->net, arg, error);
}

static bool set_rtc(void *target, const struct option *option, const char *arg, GError **error)
{
    struct options *o = target;
    static const char *const known[] = { "base", "clock", "driftfix", NULL };
    struct option_list list;
    if (!option_list_parse(&list, arg, NULL, known, error)) {
        return false;
    }
    const char *base = option_list_get(&list, "base"), *clock = option_list_get(&list, "clock");
    const char *drift = option_list_get(&list, "driftfix");
    bool ok = true;
    if (clock != NULL && strcmp(clock, "host") != 0) {
        ok = FAIL(error, "clock=%s is not supported yet; there is clock=host", clock);
    } else if (drift != NULL && strcmp(drift, "none") != 0) {
        ok = FAIL(error, "driftfix=%s is not supported yet", drift);
    } else if (base != NULL) {
        replace(&o->rtc_base, base);
    }
    option_list_finish(&list);
    return ok;
}

static bool set_action(void *target, const struct option *option, const char *arg, GError **error)
{
    static const char *const names[] = { [ACTION_HELP] = "help", [ACTION_VERSION] = "version",
                                         [ACTION_DOCTOR] = "doctor" };
    for (unsigned i = ACTION_HELP; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(option->value, names[i]) == 0) {
            ((struct options *)target)->action = (enum option_action)i;
        }
    }
    return true;
}

#define AT(member) offsetof(struct options, member)
#define WORKS(n, a, h, s) { n, a, OPTION_WORKS, h, s, 0, NULL }
#define STRING(n, a, h, m) { n, a, OPTION_WORKS, h, option_set_string, AT(m), NULL }
#define FLAG(n, h, m) { n, NULL, OPTION_WORKS, h, option_set_true, AT(m), NULL }
#define CONST(n, h, m, v) { n, NULL, OPTION_WORKS, h, option_set_const, AT(m), v }
#define NO_EFFECT(n, a, why) { n, a, OPTION_NO_EFFECT, why, NULL, 0, NULL }
#define LATER(n, a) { n, a, OPTION_LATER, NULL, NULL, 0, NULL }

static const struct option option_table[] = {
    { "h", NULL, OPTION_WORKS, "this text", set_action, 0, "help" },
    { "help", NULL, OPTION_WORKS, NULL, set_action, 0, "help" },
    { "version", NULL, OPTION_WORKS, "print the version", set_action, 0, "version" },
    { "doctor", NULL, OPTION_WORKS, "what this host offers: KVM, display, firmware ...; remedies", set_action, 0,
      "doctor" },
    WORKS("m", "SIZE", "guest memory, in MiB or with suffix K, M, G [128]", set_ram),
    WORKS("smp", "N[,sockets=,cores=,threads=]", "number of CPUs, at most 64 [1]", set_smp),
    WORKS("cpu", "MODEL[,+F,-F]", "CPU model and features; -cpu help lists them", set_cpu),
    WORKS("machine", "pc[,acpi=off]", "board; the only one is pc (i440FX + PIIX3)", set_machine),
    WORKS("M", "TYPE", NULL, set_machine),
    WORKS("accel", "auto|interp|kvm|check", "engine; repeat for a list in order of preference", option_set_accel),
    STRING("accel-policy", "MODE=interp|kvm[,...]",
           "with KVM, what runs where: firmware, real, protected, paged, v86, long, user64", accel_policy),
    CONST("enable-kvm", "run on KVM or fail", accel, "kvm"),
    CONST("no-kvm", "run on the interpreter", accel, "interp"),
    WORKS("no-kvm-irqchip", NULL, "the same as -machine kernel_irqchip=off", option_set_no_irqchip),
    NO_EFFECT("no-kvm-pit", NULL, "the timer is always modelled outside the kernel"),
    NO_EFFECT("no-kvm-pit-reinjection", NULL, "the timer is always modelled outside the kernel"),
    WORKS("fda", "FILE", "image of the disk in the first floppy drive", option_set_fd),
    WORKS("fdb", "FILE", "... second floppy drive", option_set_fd),
    WORKS("hda", "FILE", "disk image of the first channel's first drive", option_set_hd),
    WORKS("hdb", "FILE", "... second drive", option_set_hd),
    WORKS("hdc", "FILE", "... second channel's first drive", option_set_hd),
    WORKS("hdd", "FILE", "... second drive", option_set_hd),
    WORKS("cdrom", "FILE", "CD-ROM image (second channel's first drive)", option_set_cdrom),
    WORKS("drive", "file=F[,if=ide|floppy|pflash|none][,index=N][,media=disk|cdrom][,format=F][,cache=C][,...]",
          "a drive with all its settings", option_set_drive),
    FLAG("allow-backing", "accept backing files outside the image's folder", allow_backing),
    FLAG("snapshot", "write to temporary files, leave the images alone", snapshot),
    WORKS("boot", "[order=]acdn[,once=..][,menu=on]", "what to boot from", set_boot),
    FLAG("no-fd-bootchk", "boot floppies without signature", no_fd_bootchk),
    STRING("kernel", "FILE", "boot this Linux kernel", kernel),
    STRING("initrd", "FILE", "... with this initial RAM disk", initrd),
    STRING("append", "TEXT", "... and this command line", append),
    WORKS("option-rom", "FILE", "an image that the firmware runs like the ROM of a card", add_option_rom),
    STRING("bios", "FILE", "firmware image [bios-256k.bin]", bios),
    WORKS("L", "DIR", "look for firmware here first", set_firmware_dir),
    WORKS("vga", "std|none", "graphics card", set_vga),
    NO_EFFECT("std-vga", NULL, "the standard VGA is the default"),
    WORKS("display", "sdl[,grab-mod=M][,zoom=N][,scaling=integer][,window-close=off][,...]|curses|vnc=[HOST]:N|none",
          "window, terminal or no picture [a window, else the terminal]", option_set_display),
    CONST("sdl", NULL, display.kind, "sdl"),
    CONST("curses", "the screen on the terminal, same as -display curses", display.kind, "curses"),
    WORKS("vnc", "[HOST]:N|unix:PATH[,password=on][,to=M][,share=..]", "the screen for VNC viewers, port 5900 + N (loopback unless HOST)",
          option_set_vnc),
    FLAG("nographic", "no window: serial port and monitor on the terminal", nographic),
    WORKS("audiodev", "sdl|wav|none,id=ID[,path=FILE]", "where the speaker is heard [the sound device of a desktop]",
          option_set_audiodev),
    WORKS("audio", "sdl|wav|none[,model=pcspk]", "short for -audiodev and the speaker on it", option_set_audio),
    WORKS("soundhw", "pcspk", NULL, option_set_soundhw),
    FLAG("full-screen", "start in full screen", display.full_screen),
    FLAG("no-quit", "closing the window does nothing", display.no_quit),
    { "alt-grab", NULL, OPTION_WORKS, "Ctrl-Alt-Shift instead of Ctrl-Alt", option_set_grab, 0, "lshift-lctrl-lalt" },
    { "ctrl-grab", NULL, OPTION_WORKS, "right Ctrl instead of Ctrl-Alt", option_set_grab, 0, "rctrl" },
    WORKS("serial", "stdio|vc|mon:stdio|file:F|pty|unix:P,server|tcp:..|null|none", "serial port, up to four times",
          set_serial),
    WORKS("parallel", "vc|file:F|..|null|none", "parallel port, up to three times", set_parallel),
    WORKS("monitor", "vc|stdio|none|unix:P,server|chardev:ID|...", "where the monitor is; several times for several", option_set_monitor),
    WORKS("chardev", "stdio|pty|vc|socket|file|null|serial,id=ID[,mux=on][,path=P][,host=H,port=N][,server=on][,wait=off]",
          "a connection with a name, for -serial chardev:ID, -mon chardev=ID and the like", option_set_chardev),
    WORKS("qmp", "DEVICE", "a monitor for programs, as -monitor: QMP, JSON (also -mon mode=control)", option_set_qmp),
    WORKS("qmp-pretty", "DEVICE", NULL, option_set_qmp),
    WORKS("mon", "chardev=ID[,mode=readline]", "a monitor on such a connection", option_set_mon),
    STRING("mon-prompt", "TEXT", "the monitor's prompt [(vmm) ]", monitor_prompt),
    WORKS("mon-script", "FILE", "run monitor commands from a file; an error ends vmm with exit code 1", option_set_script),
    WORKS("e", "COMMAND[;COMMAND]", "run monitor commands, e.g. -e 'waittext \"login:\" 60; screendump s.png; quit'",
          option_set_script),
    WORKS("timeout", "SECONDS", "end vmm with exit code 124 after this time", option_set_timeout),
    WORKS("echr", "N", "escape key of the terminal, 1 = Ctrl-A", set_echr),
    STRING("debugcon", "stdio|file:F|...", "debug console at port E9h", debugcon),
    WORKS("device", "isa-debug-exit[,iobase=N]|e1000|ne2k_pci|ne2k_isa[,netdev=ID][,mac=A]|ide-hd,drive=ID|..", "add a device", set_device),
    WORKS("global", "isa-debugcon.iobase=N", "port of the debug console, e.g. 0x402 for SeaBIOS's log", set_global),
    WORKS("nic", "user|tap|socket[,model=M][,mac=A][,...]|none",
          "a network card with its network [user]", set_nic),
    WORKS("netdev", "user|tap|socket|hubport,id=ID[,hostfwd=tcp::2222-:22][,...]", "a network for -device e1000", set_netdev),
    WORKS("net", "nic[,model=M][,macaddr=A]|user|tap|socket[,...]|dump[,file=F]|none", "a card or a network at the hub; no network", set_net),
    WORKS("object", "filter-dump,id=ID,netdev=ID,file=FILE", "capture what goes over a network, as -net dump", set_object),
    STRING("tftp", "FOLDER", "serve it to the guest by TFTP (as -nic user,tftp=)", net.tftp),
    STRING("bootp", "FILE", "the boot file that DHCP names (as -nic user,bootfile=)", net.bootp),
    WORKS("redir", "[tcp|udp]:HOSTPORT:[GUESTADDR]:GUESTPORT", "forward a port of the host to the guest", set_redir),
    WORKS("rtc", "[base=utc|localtime|DATE]", "clock of the guest", set_rtc),
    CONST("localtime", "same as -rtc base=localtime", rtc_base, "localtime"),
    STRING("startdate", "DATE", NULL, rtc_base),
    FLAG("no-acpi", "no ACPI", no_acpi),
    NO_EFFECT("no-hpet", NULL, "there is no HPET"),
    STRING("loadvm", "NAME", "go on from a state that savevm has saved in the disk images", load_state),
    FLAG("S", "do not start the CPU; the monitor's cont does", start_paused),
    FLAG("s", "wait for gdb on TCP port 1234: -gdb tcp::1234", gdb_default),
    STRING("gdb", "DEVICE", "wait for gdb: tcp::PORT, unix:PATH, stdio (,arch=i386: show it a 32-bit CPU)", gdb),
    FLAG("no-reboot", "leave when the guest resets", no_reboot),
    FLAG("no-shutdown", "stay, stopped, when the guest powers off", no_shutdown),
    STRING("flat", "FILE", "run a flat binary on a CPU with memory only; port F1h prints", flat),
    FLAG("32", "... from 1 MiB in flat 32-bit protected mode", flat32),
    WORKS("action", "triple-fault=reset|pause|shutdown[,reboot=..][,halt=none|pause|shutdown][,shutdown=poweroff|pause]",
          "what a triple fault, a reset, a halt for good, a power-off do; 'why' in the monitor explains", option_set_guest_action),
    STRING("name", "TEXT", "name of the VM, for the window's title", name),
    WORKS("uuid", "UUID", "the machine's UUID, for the guest (SMBIOS) and info uuid", option_set_uuid),
    STRING("pidfile", "FILE", "write the process number to a file", pidfile),
    WORKS("sandbox", "on[,obsolete=deny][,spawn=deny][,elevateprivileges=deny|children][,resourcecontrol=deny]",
          "system calls that vmm has no use for fail while the guest runs", option_set_sandbox),
    FLAG("daemonize", "go into the background once the machine is made", daemonize),
    STRING("d", "ITEM,..", "log: int, cpu_reset, guest_errors, unimp, io ...", log_items),
    STRING("dfilter", "RANGES", "in_asm, exec and cpu: only these addresses, e.g. 0x7c00+0x200", log_filter),
    WORKS("trace", "PATTERN", "log the register accesses of devices, e.g. 'ide*' (as -d trace:PATTERN)", option_set_trace),
    STRING("D", "FILE", "log to a file instead of stderr", log_file),
    STRING("k", "LANG", "layout of the guest for typed text: us, gb, de, fr, es", keyboard),
    NO_EFFECT("singlestep", NULL, "blocks of one instruction are an engine's matter that is not here; the monitor has step"),
    NO_EFFECT("g", "WxH", "the guest chooses the resolution"),
    NO_EFFECT("no-frame", NULL, "the window has its frame"),
    NO_EFFECT("win2k-hack", NULL, "the disk model needs no such help"),
    NO_EFFECT("rtc-td-hack", NULL, "no timer tick is dropped"),
    NO_EFFECT("tdf", NULL, "no timer tick is dropped"),
    LATER("usb", NULL), LATER("usbdevice", "D"),
    LATER("icount", "N"),
    LATER("incoming", "U"),
    LATER("readconfig", "F"),
    LATER("runas", "U"), 
    LATER("balloon", "B"), LATER("smb", "D"), LATER("chroot", "D"),
    LATER("smbios", "S"),
    LATER("blockdev", "B"), LATER("watchdog", "W"),
    { NULL, NULL, 0, NULL, NULL, 0, NULL },
};

bool options_parse(struct options *options, int argc, char **argv, GPtrArray *warnings, GError **error)
{
    return option_parse(option_table, options, argc, argv, option_bare_drive, warnings, error) &&
           option_drives_finish(options, error) && option_audio_check(&options->audio, error);
}

char *options_help(void)
{
    GString *out = g_string_new("Usage: vmm [OPTION]... [DISK_IMAGE]\n\n");
    option_help(option_table, out);
    g_string_append(out, "\nIn the window: Ctrl-Alt-G grabs and releases the mouse, Ctrl-Alt-F is full screen.\n"
                         "On the terminal (-nographic): Ctrl-A h lists the keys, Ctrl-A x leaves.\n");
    return g_string_free(out, FALSE);
}
