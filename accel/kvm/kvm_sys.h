/*
 * The seam to the host: every system call that has to do with KVM goes through one table of functions, so that
 * a test can stand in for the kernel (a VT host, a PVM host, no device, no permission ...).
 *
 * All functions return 0 or more, or a negative errno; errno itself means nothing to the callers. A table and
 * its argument outlive whatever was opened through them. The real table may be used by any thread.
 */
#ifndef ACCEL_KVM_KVM_SYS_H
#define ACCEL_KVM_KVM_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KVM_DEVICE_PATH "/dev/kvm"

/* What a KVM cannot do, as its probe finds and its engine minds. All false: VT or SVM as it should be. */
struct kvm_limits {
    bool no_paging32; /* 32-bit and PAE paging do not stick; then there is no V86 mode either */
    bool emulated;    /* all but 64-bit user code is emulated in the kernel: slow, and full of holes */
    bool no_x87;      /* the kernel's emulator stops at x87 instructions */
};

/* Who owns the device, for a remedy that names the group. */
struct kvm_sys_owner {
    uid_t uid;
    gid_t gid;
    mode_t mode;
};

struct kvm_sys_ops {
    /* A file descriptor. Always read-write and close-on-exec. */
    int (*open)(void *arg, const char *path);
    int (*close)(void *arg, int fd);
    /* What the kernel answers: a number, or a new file descriptor. `value` is the third argument as it is: a
     * number, or a pointer cast to it. KVM_RUN is -EINTR when a signal came or immediate_exit is set. */
    int (*ioctl)(void *arg, int fd, unsigned long request, uintptr_t value);
    /* Maps `size` bytes of fd shared, read-write, at `offset`. NULL if that fails. */
    void *(*map)(void *arg, int fd, size_t size, uint64_t offset);
    void (*unmap)(void *arg, void *memory, size_t size);
    /* Anonymous zeroed memory for guest code of the probe, page-aligned. NULL if there is none. To be given back by
     * unmap(). */
    void *(*memory)(void *arg, size_t size);
    /* Reads at `offset` of fd; how many bytes. */
    int (*read)(void *arg, int fd, void *data, size_t size, uint64_t offset);
    int (*owner)(void *arg, const char *path, struct kvm_sys_owner *owner);
    /* The file's bytes, at most size - 1, with a 0 behind; how many. */
    int (*read_text)(void *arg, const char *path, char *text, size_t size);
    /* Monotonic time in ns. */
    uint64_t (*now)(void *arg);
};

struct kvm_sys {
    const struct kvm_sys_ops *ops;
    void *arg;
};

/* The host's own kernel; arg is not used. */
extern const struct kvm_sys kvm_sys_host;

static inline int kvm_sys_open(const struct kvm_sys *sys, const char *path)
{
    return sys->ops->open(sys->arg, path);
}
static inline int kvm_sys_close(const struct kvm_sys *sys, int fd)
{
    return sys->ops->close(sys->arg, fd);
}
static inline int kvm_sys_ioctl(const struct kvm_sys *sys, int fd, unsigned long request, uintptr_t value)
{
    return sys->ops->ioctl(sys->arg, fd, request, value);
}
static inline int kvm_sys_ioctl_ptr(const struct kvm_sys *sys, int fd, unsigned long request, void *data)
{
    return sys->ops->ioctl(sys->arg, fd, request, (uintptr_t)data);
}

#endif
