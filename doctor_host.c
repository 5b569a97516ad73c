/*
 * The parts of the report of vmm -doctor that have nothing to do with the engine: display, firmware, sound, network,
 * limits.
 */
#include "doctor_report.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "hw/pc/firmware.h"
#include "ui/sdl_driver.h"

#define MIB (1ull << 20)
#define FILES_MIN 256u         /* descriptors: images, sockets, event sources */
#define OWN_MEMORY (64 * MIB)  /* of vmm beside the guest's */
#define DISK_MIN (256 * MIB)   /* for -snapshot's temporary files */

/* ---- display ---- */

void doctor_display(struct doctor *doctor)
{
    const char *asked = doctor->options->display.kind;
    bool window_asked = asked != NULL && strcmp(asked, "sdl") == 0;
    g_autoptr(GError) error = NULL;
    g_autofree char *driver = sdl_driver_try(&error);
    if (driver != NULL) {
        const char *where = g_getenv(strcmp(driver, "wayland") == 0 ? "WAYLAND_DISPLAY" : "DISPLAY");
        doctor_say(doctor, FINDING_OK, "display", "windows by SDL, driver %s%s%s", driver, where != NULL ? " on " : "",
                   where != NULL ? where : "");
        return;
    }
    doctor_say(doctor, window_asked ? FINDING_FAIL : FINDING_NOTE, "display", "%s", error->message);
    doctor_remedy(doctor, "start vmm in a desktop session, or use -display curses or -nographic");
}

/* ---- firmware ---- */

/* True if it was found. */
static bool examine_image(struct doctor *doctor, const char *name, enum finding without, const char *what,
                          const char *package)
{
    g_autofree char *path = firmware_find(name, (const char *const *)doctor->options->firmware_dirs->pdata);
    if (path != NULL && access(path, R_OK) == 0) {
        doctor_say(doctor, FINDING_OK, "firmware", "%s (%s)", path, what);
        return true;
    }
    if (path != NULL) {
        doctor_say(doctor, without, "firmware", "%s (%s): %s", path, what, g_strerror(errno));
        doctor_remedy(doctor, "sudo chmod a+r %s", path);
        return false;
    }
    doctor_say(doctor, without, "firmware", "%s (%s) is not there", name, what);
    if (package != NULL) {
        doctor_remedy(doctor, "sudo apt-get install %s", package);
    } else {
        doctor_remedy(doctor, "leave -bios out, or name a file that exists");
    }
    return false;
}

void doctor_firmware(struct doctor *doctor)
{
    const char *bios = doctor->options->bios;
    examine_image(doctor, bios != NULL ? bios : "bios-256k.bin", FINDING_FAIL, "BIOS", bios != NULL ? NULL : "seabios");
    examine_image(doctor, "vgabios-stdvga.bin", FINDING_FAIL, "VGA BIOS", "seabios");
    examine_image(doctor, "pxe-e1000.rom", FINDING_NOTE, "network boot", "ipxe-qemu");
}

/* ---- sound ---- */

static bool is_socket(const char *folder, const char *name)
{
    struct stat st;
    g_autofree char *path = folder != NULL ? g_build_filename(folder, name, NULL) : NULL;
    return path != NULL && stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

void doctor_sound(struct doctor *doctor)
{
    const char *folder = g_getenv("XDG_RUNTIME_DIR"), *server = g_getenv("PULSE_SERVER");
    if (server != NULL || is_socket(folder, "pulse/native")) {
        doctor_say(doctor, FINDING_OK, "sound", "PulseAudio%s%s", server != NULL ? " at " : "",
                   server != NULL ? server : "");
    } else if (is_socket(folder, "pipewire-0")) {
        doctor_say(doctor, FINDING_OK, "sound", "PipeWire");
    } else if (access("/dev/snd/controlC0", R_OK | W_OK) == 0) {
        doctor_say(doctor, FINDING_OK, "sound", "ALSA");
    } else if (access("/dev/snd/controlC0", F_OK) == 0) {
        struct passwd *user = getpwuid(geteuid());
        doctor_say(doctor, FINDING_NOTE, "sound", "/dev/snd may not be opened");
        doctor_remedy(doctor, "sudo usermod -aG audio %s, then log in again", user != NULL ? user->pw_name : "$USER");
    } else {
        doctor_say(doctor, FINDING_NOTE, "sound", "this host has no sound card or sound server");
        doctor_remedy(doctor, "none needed: guests run silently");
    }
}

/* ---- network ---- */

/* The guest can ping hosts if this user's group may (ping_group_range in the kernel's ip-sysctl.rst). */
static void examine_ping(struct doctor *doctor)
{
    g_autofree char *text = NULL;
    unsigned long first, last, group = (unsigned long)getegid();
    if (!g_file_get_contents("/proc/sys/net/ipv4/ping_group_range", &text, NULL, NULL) ||
        sscanf(text, "%lu %lu", &first, &last) != 2) {
        return;
    }
    if (group >= first && group <= last) {
        doctor_say(doctor, FINDING_OK, "network", "guests can ping other hosts");
        return;
    }
    doctor_say(doctor, FINDING_NOTE, "network", "guests cannot ping other hosts (ping_group_range leaves group %lu out)",
               group);
    /* Who was in the range stays in it. */
    bool empty = first > last;
    doctor_remedy(doctor, "sudo sysctl -w net.ipv4.ping_group_range='%lu %lu'", empty ? group : MIN(first, group),
                  empty ? group : MAX(last, group));
}

void doctor_network(struct doctor *doctor)
{
    static const char *const helpers[] = { "/usr/lib/qemu/qemu-bridge-helper", "/usr/libexec/qemu-bridge-helper" };
    const char *helper = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(helpers) && helper == NULL; i++) {
        helper = access(helpers[i], X_OK) == 0 ? helpers[i] : NULL;
    }
    doctor_say(doctor, FINDING_OK, "network", "user networking is built in and needs no helper%s%s",
               helper != NULL ? "; bridge helper: " : "; there is no bridge helper", helper != NULL ? helper : "");
    examine_ping(doctor);
}

/* ---- limits ---- */

/* Memory that can be had without swapping, in bytes; UINT64_MAX if the kernel does not say. */
static uint64_t available_memory(void)
{
    g_autofree char *text = NULL;
    const char *line;
    unsigned long long kib;
    if (!g_file_get_contents("/proc/meminfo", &text, NULL, NULL) || (line = strstr(text, "MemAvailable:")) == NULL ||
        sscanf(line, "MemAvailable: %llu", &kib) != 1) {
        return UINT64_MAX;
    }
    return kib * 1024;
}

static void examine_memory(struct doctor *doctor)
{
    uint64_t need = doctor->options->ram + OWN_MEMORY, available = available_memory();
    struct rlimit space;
    getrlimit(RLIMIT_AS, &space);
    if (space.rlim_cur != RLIM_INFINITY && space.rlim_cur < need) {
        doctor_say(doctor, FINDING_FAIL, "memory", "the limit is %llu MiB of addresses; %llu are needed",
                   (unsigned long long)space.rlim_cur / MIB, (unsigned long long)(need / MIB));
        doctor_remedy(doctor, "ulimit -v unlimited");
    } else if (available < need) {
        doctor_say(doctor, FINDING_NOTE, "memory", "%llu MiB are free, %llu are needed: the host will swap",
                   (unsigned long long)(available / MIB), (unsigned long long)(need / MIB));
        doctor_remedy(doctor, "give the guest less with -m");
    } else {
        doctor_say(doctor, FINDING_OK, "memory", "%llu MiB are free, %llu are needed",
                   (unsigned long long)(available / MIB), (unsigned long long)(need / MIB));
    }
}

static void examine_disk(struct doctor *doctor)
{
    struct statvfs fs;
    const char *folder = g_get_tmp_dir();
    if (statvfs(folder, &fs) != 0 || access(folder, W_OK) != 0) {
        doctor_say(doctor, FINDING_NOTE, "disk", "%s cannot be written: -snapshot will not work", folder);
        doctor_remedy(doctor, "export TMPDIR=/var/tmp");
        return;
    }
    uint64_t free = (uint64_t)fs.f_bavail * fs.f_frsize;
    doctor_say(doctor, free < DISK_MIN ? FINDING_NOTE : FINDING_OK, "disk", "%llu MiB are free in %s for -snapshot",
               (unsigned long long)(free / MIB), folder);
    if (free < DISK_MIN) {
        doctor_remedy(doctor, "export TMPDIR=FOLDER, one with more space");
    }
}

void doctor_limits(struct doctor *doctor)
{
    struct rlimit files;
    examine_memory(doctor);
    examine_disk(doctor);
    getrlimit(RLIMIT_NOFILE, &files);
    bool few = files.rlim_cur != RLIM_INFINITY && files.rlim_cur < FILES_MIN;
    doctor_say(doctor, few ? FINDING_NOTE : FINDING_OK, "limits", "%llu open files; %ld CPUs",
               (unsigned long long)files.rlim_cur, sysconf(_SC_NPROCESSORS_ONLN));
    if (few) {
        doctor_remedy(doctor, "ulimit -n %u", FILES_MIN * 4);
    }
}
