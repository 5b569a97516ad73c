/*
 * Locks on image files: open file description locks (fcntl(2), F_OFD_SETLK), which live as long as
 * the descriptor, go with it over threads, and vanish with the process.
 *
 * The bytes that are locked are those that qemu and qemu-img use, so that the two notice each
 * other: byte 100+n is held (shared) by whoever uses permission n, byte 200+n by whoever does not
 * allow others to use it; 0 is reading, 1 writing, 3 resizing. A writer here wants no other user at
 * all, so it holds both ranges exclusively; a reader allows other readers.
 *
 * File systems without locks are let through: better no lock than no disk.
 */
#include "block/driver_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOCK_USED = 100,
    LOCK_DENIED = 200,
    LOCK_READING = 0,
    LOCK_WRITING = 1,
    LOCK_RESIZING = 3,
    LOCK_KINDS = 4,
};

enum lock_outcome { LOCK_TAKEN, LOCK_BUSY, LOCK_IMPOSSIBLE };

static enum lock_outcome outcome_of(int result)
{
    if (result == 0) {
        return LOCK_TAKEN;
    }
    return errno == EAGAIN || errno == EACCES ? LOCK_BUSY : LOCK_IMPOSSIBLE;
}

static enum lock_outcome take(int fd, short type, off_t first, off_t count)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = first, .l_len = count};

    return outcome_of(fcntl(fd, F_OFD_SETLK, &lock));
}

/* Whether somebody else holds byte `first`, without taking it. */
static enum lock_outcome look(int fd, off_t first)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = 1};

    if (fcntl(fd, F_OFD_GETLK, &lock) < 0) {
        return LOCK_IMPOSSIBLE;
    }
    return lock.l_type == F_UNLCK ? LOCK_TAKEN : LOCK_BUSY;
}

static enum lock_outcome lock_exclusive(int fd)
{
    enum lock_outcome outcome = take(fd, F_WRLCK, LOCK_USED, LOCK_KINDS);

    return outcome == LOCK_TAKEN ? take(fd, F_WRLCK, LOCK_DENIED, LOCK_KINDS) : outcome;
}

static enum lock_outcome lock_shared(int fd)
{
    static const off_t held[] = {LOCK_USED + LOCK_READING, LOCK_DENIED + LOCK_WRITING,
                                 LOCK_DENIED + LOCK_RESIZING};
    static const off_t free_of[] = {LOCK_USED + LOCK_WRITING, LOCK_USED + LOCK_RESIZING,
                                    LOCK_DENIED + LOCK_READING};

    for (unsigned i = 0; i < G_N_ELEMENTS(held); i++) {
        enum lock_outcome outcome = take(fd, F_RDLCK, held[i], 1);
        if (outcome != LOCK_TAKEN) {
            return outcome;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(free_of); i++) {
        enum lock_outcome outcome = look(fd, free_of[i]);
        if (outcome != LOCK_TAKEN) {
            return outcome;
        }
    }
    return LOCK_TAKEN;
}

/* ---- who has it ---- */

/* True if descriptor `fd_name` of process `pid` is this file and carries a lock. */
static bool descriptor_holds(const char *pid, const char *fd_name, const struct stat *wanted)
{
    g_autofree char *link = g_strdup_printf("/proc/%s/fd/%s", pid, fd_name);
    g_autofree char *info = g_strdup_printf("/proc/%s/fdinfo/%s", pid, fd_name);
    g_autofree char *text = NULL;
    struct stat st;

    if (stat(link, &st) < 0 || st.st_dev != wanted->st_dev || st.st_ino != wanted->st_ino) {
        return false;
    }
    return g_file_get_contents(info, &text, NULL, NULL) && strstr(text, "lock:") != NULL;
}

static bool process_holds(const char *pid, int own_fd, const struct stat *wanted)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/fd", pid);
    bool own = atoi(pid) == (int)getpid();
    DIR *folder = opendir(path);
    bool found = false;

    if (folder == NULL) {
        return false;
    }
    for (struct dirent *entry; !found && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.' || (own && atoi(entry->d_name) == own_fd)) {
            continue;
        }
        found = descriptor_holds(pid, entry->d_name, wanted);
    }
    closedir(folder);
    return found;
}

/* The kernel gives no owner for this kind of lock (/proc/locks says -1), so look through the
 * descriptors that we may see. Newly allocated text such as "process 123 (vmm)". */
static char *find_holder(int fd)
{
    struct stat wanted;
    DIR *processes = opendir("/proc");
    char *holder = NULL;

    if (processes == NULL) {
        return g_strdup("another process");
    }
    if (fstat(fd, &wanted) == 0) {
        for (struct dirent *entry; holder == NULL && (entry = readdir(processes)) != NULL;) {
            if (!g_ascii_isdigit(entry->d_name[0]) || !process_holds(entry->d_name, fd, &wanted)) {
                continue;
            }
            g_autofree char *path = g_strdup_printf("/proc/%s/comm", entry->d_name);
            g_autofree char *name = NULL;
            if (atoi(entry->d_name) == (int)getpid()) {
                holder =
                    g_strdup_printf("this process (%s), which has it open already", entry->d_name);
            } else if (g_file_get_contents(path, &name, NULL, NULL)) {
                holder = g_strdup_printf("process %s (%s)", entry->d_name, g_strchomp(name));
            } else {
                holder = g_strdup_printf("process %s", entry->d_name);
            }
        }
    }
    closedir(processes);
    return holder != NULL ? holder : g_strdup("another process");
}

bool block_lock_file(int fd, const char *path, bool exclusive, GError **error)
{
    enum lock_outcome outcome = exclusive ? lock_exclusive(fd) : lock_shared(fd);

    if (outcome != LOCK_BUSY) {
        return true;
    }
    g_autofree char *holder = find_holder(fd);
    if (exclusive) {
        g_set_error(error, BLOCK_ERROR, EBUSY,
                    "'%s' is in use by %s; stop that one first, or use -snapshot for both to share "
                    "the image",
                    path, holder);
    } else {
        g_set_error(
            error, BLOCK_ERROR, EBUSY,
            "'%s' is being written to by %s; stop that one first, or use -snapshot for both to "
            "share the image",
            path, holder);
    }
    return false;
}

void block_unlock_file(int fd)
{
    (void)take(fd, F_UNLCK, LOCK_USED, LOCK_KINDS);
    (void)take(fd, F_UNLCK, LOCK_DENIED, LOCK_KINDS);
}
