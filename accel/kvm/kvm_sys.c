/*
 * The real kernel behind kvm_sys.h.
 */
#include "accel/kvm/kvm_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int result(long r)
{
    return r >= 0 ? (int)r : -errno;
}

static int host_open(void *arg, const char *path)
{
    return result(open(path, O_RDWR | O_CLOEXEC));
}

static int host_close(void *arg, int fd)
{
    return result(close(fd));
}

static int host_ioctl(void *arg, int fd, unsigned long request, uintptr_t value)
{
    return result(ioctl(fd, request, value));
}

static void *host_map(void *arg, int fd, size_t size, uint64_t offset)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
    return memory == MAP_FAILED ? NULL : memory;
}

static void host_unmap(void *arg, void *memory, size_t size)
{
    munmap(memory, size);
}

static void *host_memory(void *arg, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static int host_read(void *arg, int fd, void *data, size_t size, uint64_t offset)
{
    return result(pread(fd, data, size, (off_t)offset));
}

static int host_owner(void *arg, const char *path, struct kvm_sys_owner *owner)
{
    struct stat st;
    int r = result(stat(path, &st));
    if (r == 0) {
        *owner = (struct kvm_sys_owner){ st.st_uid, st.st_gid, st.st_mode };
    }
    return r;
}

static int host_read_text(void *arg, const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    size_t done = 0;
    ssize_t n = 0;
    while (done < size - 1 && (n = read(fd, text + done, size - 1 - done)) > 0) {
        done += (size_t)n;
    }
    int error = n < 0 ? -errno : 0;
    close(fd);
    text[done] = 0;
    return error != 0 ? error : (int)done;
}

static uint64_t host_now(void *arg)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static const struct kvm_sys_ops host_ops = {
    .open = host_open,
    .close = host_close,
    .ioctl = host_ioctl,
    .map = host_map,
    .unmap = host_unmap,
    .memory = host_memory,
    .read = host_read,
    .owner = host_owner,
    .read_text = host_read_text,
    .now = host_now,
};

const struct kvm_sys kvm_sys_host = { .ops = &host_ops };
