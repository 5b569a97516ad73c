/*
 * Host files: what every image format stands on. Opening with the host cache mode that was asked
 * for, whole reads and writes, holes, and the alignment rules of O_DIRECT (open(2)), which are kept
 * by going through an aligned buffer. Offsets are never moved: a seek position is not used.
 *
 * Not modelled: network protocols and host device passthrough other than plain block devices.
 */
#include "block/driver_impl.h"
#include "block/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DIRECT_ALIGN = 4096, /* of memory, and of offsets where the host does not say */
    BOUNCE_BYTES = 256 * 1024,
};

void *block_memory(size_t bytes)
{
    void *memory = NULL;

    if (bytes > 0 && posix_memalign(&memory, DIRECT_ALIGN, bytes) != 0) {
        g_error("out of memory");
    }
    return memory;
}

static bool cache_is_direct(enum block_cache cache)
{
    return cache == BLOCK_CACHE_NONE || cache == BLOCK_CACHE_DIRECTSYNC;
}

/* ---- opening ---- */

static int open_flags(const struct block_options *options, bool create)
{
    /* O_NONBLOCK: do not hang on a pipe named by mistake, nor on a drive without a disc. */
    int flags = O_CLOEXEC | O_NONBLOCK | (options->read_only ? O_RDONLY : O_RDWR);

    if (create) {
        flags |= O_CREAT;
    }
    if (cache_is_direct(options->cache)) {
        flags |= O_DIRECT;
    }
    if (options->cache == BLOCK_CACHE_WRITETHROUGH || options->cache == BLOCK_CACHE_DIRECTSYNC) {
        flags |= O_DSYNC;
    }
    return flags;
}

static void set_open_error(GError **error, const char *path, const struct block_options *options,
                           int code)
{
    const char *remedy = "";

    if (code == EINVAL && cache_is_direct(options->cache)) {
        remedy = " (this file system has no O_DIRECT: use another cache= than none and directsync)";
    } else if ((code == EACCES || code == EROFS) && !options->read_only &&
               access(path, R_OK) == 0) {
        remedy = " for writing (it can be read: use readonly=on or -snapshot)";
    }
    g_set_error(error, BLOCK_ERROR, code, "Could not open '%s': %s%s", path, g_strerror(code),
                remedy);
}

/* Smallest unit of O_DIRECT transfers: the device's if it is one, else found by trying. */
static size_t find_alignment(int fd, bool device)
{
    int sector = 0;
    void *memory = NULL;
    size_t align = DIRECT_ALIGN;

    if (device && ioctl(fd, BLKSSZGET, &sector) == 0 && sector >= BLOCK_SECTOR_BYTES &&
        sector <= DIRECT_ALIGN) {
        return (size_t)sector;
    }
    if (posix_memalign(&memory, DIRECT_ALIGN, DIRECT_ALIGN) != 0) {
        return align;
    }
    if (pread(fd, memory, BLOCK_SECTOR_BYTES, BLOCK_SECTOR_BYTES) >= 0) {
        align = BLOCK_SECTOR_BYTES;
    }
    free(memory);
    return align;
}

static bool find_size(struct block_file *file, GError **error)
{
    struct stat st;
    uint64_t device_bytes = 0;

    if (fstat(file->fd, &st) < 0) {
        int code = errno;
        g_set_error(error, BLOCK_ERROR, code, "Could not open '%s': %s", file->path,
                    g_strerror(code));
        return false;
    }
    if (S_ISREG(st.st_mode)) {
        file->bytes = (uint64_t)st.st_size;
        return true;
    }
    if (!S_ISBLK(st.st_mode)) {
        int code = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        g_set_error(error, BLOCK_ERROR, code, "Could not open '%s': it is %s", file->path,
                    S_ISDIR(st.st_mode) ? "a directory" : "neither a file nor a block device");
        return false;
    }
    file->device = true;
    if (ioctl(file->fd, BLKGETSIZE64, &device_bytes) < 0) {
        int code = errno;
        g_set_error(error, BLOCK_ERROR, code, "Could not find the size of '%s': %s", file->path,
                    g_strerror(code));
        return false;
    }
    file->bytes = device_bytes;
    return true;
}

static bool prepare_direct(struct block_file *file, GError **error)
{
    void *memory = NULL;

    file->align = 1;
    if (!cache_is_direct(file->cache)) {
        return true;
    }
    file->align = find_alignment(file->fd, file->device);
    if (posix_memalign(&memory, DIRECT_ALIGN, BOUNCE_BYTES) != 0) {
        g_set_error(error, BLOCK_ERROR, ENOMEM, "Could not open '%s': out of memory", file->path);
        return false;
    }
    file->bounce = memory;
    return true;
}

static bool empty_file(struct block_file *file, GError **error)
{
    if (file->device || file->bytes == 0) {
        return true;
    }
    if (ftruncate(file->fd, 0) < 0) {
        int code = errno;
        g_set_error(error, BLOCK_ERROR, code, "Could not empty '%s': %s", file->path,
                    g_strerror(code));
        return false;
    }
    file->bytes = 0;
    return true;
}

struct block_file *block_file_open(const char *path, const struct block_options *options,
                                   bool create, GError **error)
{
    int fd = open(path, open_flags(options, create), 0644);

    if (fd < 0) {
        set_open_error(error, path, options, errno);
        return NULL;
    }
    struct block_file *file = g_new0(struct block_file, 1);
    file->fd = fd;
    file->path = g_strdup(path);
    file->cache = options->cache;
    file->read_only = options->read_only;
    file->discard = options->discard;
    file->fault = options->fault;
    if (!find_size(file, error) ||
        (!options->no_lock && !block_lock_file(fd, path, !options->read_only, error)) ||
        !prepare_direct(file, error) || (create && !empty_file(file, error))) {
        block_file_close(file);
        return NULL;
    }
    return file;
}

struct block_file *block_file_temporary(GError **error)
{
    /* Not /tmp, which is often memory: a disk's worth of changes may come together. */
    const char *folder = g_getenv("TMPDIR") != NULL ? g_getenv("TMPDIR") : "/var/tmp";
    g_autofree char *path = g_build_filename(folder, "vmm-snapshot-XXXXXX", NULL);
    int fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0) {
        int code = errno;
        g_set_error(error, BLOCK_ERROR, code,
                    "Could not create a temporary file in '%s': %s (TMPDIR names another place)",
                    folder, g_strerror(code));
        return NULL;
    }
    unlink(path);
    struct block_file *file = g_new0(struct block_file, 1);
    file->fd = fd;
    file->path = g_steal_pointer(&path);
    file->cache = BLOCK_CACHE_UNSAFE;
    file->discard = true;
    file->align = 1;
    return file;
}

void block_file_close(struct block_file *file)
{
    if (file == NULL) {
        return;
    }
    close(file->fd);
    free(file->bounce);
    g_free(file->path);
    g_free(file);
}

/* ---- reading and writing ---- */

/* Reads up to the end of the file; *got tells how far that was. */
static int read_some(struct block_file *file, uint64_t offset, uint8_t *buffer, size_t bytes,
                     size_t *got)
{
    *got = 0;
    while (*got < bytes) {
        ssize_t n = pread(file->fd, buffer + *got, bytes - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        *got += (size_t)n;
        /* With O_DIRECT a partial unit can only be the file's end, and cannot be continued. */
        if (n == 0 || *got % file->align != 0) {
            break;
        }
    }
    return 0;
}

static int write_all(struct block_file *file, uint64_t offset, const uint8_t *buffer, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = pwrite(file->fd, buffer, bytes, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0 || (size_t)n % file->align != 0) {
            return -ENOSPC;
        }
        buffer += n;
        offset += (uint64_t)n;
        bytes -= (size_t)n;
        file->bytes = MAX(file->bytes, offset);
    }
    return 0;
}

static bool is_aligned(const struct block_file *file, uint64_t offset, const void *buffer,
                       size_t bytes)
{
    return file->align == 1 || (offset % file->align == 0 && bytes % file->align == 0 &&
                                (uintptr_t)buffer % DIRECT_ALIGN == 0);
}

/* The piece at the start of a range that goes through the bounce buffer in one go. */
static size_t bounce_piece(const struct block_file *file, uint64_t offset, size_t bytes,
                           uint64_t *start, size_t *length)
{
    *start = offset - offset % file->align;
    size_t skip = (size_t)(offset - *start);
    size_t piece = MIN(bytes, BOUNCE_BYTES - skip);
    *length = (skip + piece + file->align - 1) / file->align * file->align;
    return piece;
}

static int read_bounced(struct block_file *file, uint64_t offset, uint8_t *buffer, size_t bytes)
{
    while (bytes > 0) {
        uint64_t start;
        size_t length, got;
        size_t piece = bounce_piece(file, offset, bytes, &start, &length);
        int result = read_some(file, start, file->bounce, length, &got);
        if (result < 0) {
            return result;
        }
        memset(file->bounce + got, 0, length - got);
        memcpy(buffer, file->bounce + (offset - start), piece);
        buffer += piece;
        offset += piece;
        bytes -= piece;
    }
    return 0;
}

static int write_bounced(struct block_file *file, uint64_t offset, const uint8_t *buffer,
                         size_t bytes)
{
    while (bytes > 0) {
        uint64_t start;
        size_t length, got = 0;
        size_t piece = bounce_piece(file, offset, bytes, &start, &length);
        uint64_t end = MAX(file->bytes, offset + piece);
        int result = 0;
        if (start != offset || length != piece) {
            result = read_some(file, start, file->bounce, length, &got);
            memset(file->bounce + got, 0, length - got);
        }
        memcpy(file->bounce + (offset - start), buffer, piece);
        if (result == 0) {
            result = write_all(file, start, file->bounce, length);
        }
        /* Whole units were written; the file must not look longer than what the caller wrote. */
        if (result == 0 && !file->device && start + length > end) {
            result = ftruncate(file->fd, (off_t)end) < 0 ? -errno : 0;
            file->bytes = end;
        }
        if (result < 0) {
            return result;
        }
        buffer += piece;
        offset += piece;
        bytes -= piece;
    }
    return 0;
}

int block_file_read(struct block_file *file, uint64_t offset, void *buffer, size_t bytes)
{
    uint64_t take;
    size_t got;
    int result = block_fault_check(file->fault, BLOCK_FAULT_READ, offset, bytes, &take);

    if (result < 0) {
        return result;
    }
    if (offset > INT64_MAX - bytes) {
        return -EIO;
    }
    if (!is_aligned(file, offset, buffer, bytes)) {
        return read_bounced(file, offset, buffer, bytes);
    }
    result = read_some(file, offset, buffer, bytes, &got);
    if (result == 0 && got < bytes) {
        memset((uint8_t *)buffer + got, 0, bytes - got);
    }
    return result;
}

int block_file_write(struct block_file *file, uint64_t offset, const void *buffer, size_t bytes)
{
    uint64_t take;
    int fault = block_fault_check(file->fault, BLOCK_FAULT_WRITE, offset, bytes, &take);
    int result;

    if (offset > INT64_MAX - bytes) {
        return -EFBIG;
    }
    if (fault < 0) {
        bytes = (size_t)take;
    }
    block_fault_save(file->fault, file->fd, offset, bytes);
    if (is_aligned(file, offset, buffer, bytes)) {
        result = write_all(file, offset, buffer, bytes);
    } else {
        result = write_bounced(file, offset, buffer, bytes);
    }
    return fault < 0 ? fault : result;
}

static int write_zero_blocks(struct block_file *file, uint64_t offset, uint64_t bytes)
{
    static const uint8_t zeroes[65536];

    while (bytes > 0) {
        size_t piece = (size_t)MIN(bytes, sizeof(zeroes));
        int result = is_aligned(file, offset, zeroes, piece)
                         ? write_all(file, offset, zeroes, piece)
                         : write_bounced(file, offset, zeroes, piece);
        if (result < 0) {
            return result;
        }
        offset += piece;
        bytes -= piece;
    }
    return 0;
}

/* mode: of fallocate(), tried first. */
static int zero_range(struct block_file *file, uint64_t offset, uint64_t bytes, int mode)
{
    uint64_t take;
    int result = block_fault_check(file->fault, BLOCK_FAULT_WRITE, offset, bytes, &take);

    if (result < 0) {
        return result;
    }
    if (offset >= file->bytes) {
        return 0;
    }
    bytes = MIN(bytes, file->bytes - offset);
    if (bytes == 0) {
        return 0;
    }
    block_fault_save(file->fault, file->fd, offset, bytes);
    if (fallocate(file->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes) == 0) {
        return 0;
    }
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL && errno != ENODEV &&
        errno != EPERM) {
        return -errno;
    }
    return write_zero_blocks(file, offset, bytes);
}

int block_file_zero(struct block_file *file, uint64_t offset, uint64_t bytes)
{
    return zero_range(file, offset, bytes, FALLOC_FL_PUNCH_HOLE);
}

int block_file_zero_in_place(struct block_file *file, uint64_t offset, uint64_t bytes)
{
    return zero_range(file, offset, bytes,
                      file->discard ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
}

int block_file_sync(struct block_file *file)
{
    uint64_t take;
    int result = block_fault_check(file->fault, BLOCK_FAULT_SYNC, 0, 0, &take);

    if (result < 0) {
        return result;
    }
    if (file->cache == BLOCK_CACHE_UNSAFE || file->read_only) {
        return 0;
    }
    if (fdatasync(file->fd) < 0) {
        return -errno;
    }
    block_fault_synced(file->fault);
    return 0;
}

int block_file_truncate(struct block_file *file, uint64_t bytes)
{
    uint64_t take;
    int result = block_fault_check(file->fault, BLOCK_FAULT_TRUNCATE, bytes, 0, &take);

    if (result < 0) {
        return result;
    }
    if (file->device) {
        return bytes <= file->bytes ? 0 : -ENOTSUP;
    }
    if (bytes > INT64_MAX) {
        return -EFBIG;
    }
    if (ftruncate(file->fd, (off_t)bytes) < 0) {
        return -errno;
    }
    file->bytes = bytes;
    return 0;
}

int block_file_status(struct block_file *file, uint64_t offset, uint64_t bytes, bool *data,
                      uint64_t *run)
{
    *data = false;
    *run = bytes;
    if (offset >= file->bytes) {
        return 0;
    }
    off_t start = lseek(file->fd, (off_t)offset, SEEK_DATA);
    if (start < 0 && errno == ENXIO) {
        return 0; /* only a hole from here to the end */
    }
    *data = true;
    if (start < 0) {
        return 0; /* the file system cannot tell: all of it may be data */
    }
    if ((uint64_t)start > offset) {
        *data = false;
        *run = MIN(bytes, (uint64_t)start - offset);
        return 0;
    }
    off_t end = lseek(file->fd, (off_t)offset, SEEK_HOLE);
    if (end > 0 && (uint64_t)end > offset) {
        *run = MIN(bytes, (uint64_t)end - offset);
    }
    return 0;
}

uint64_t block_file_allocated(const struct block_file *file)
{
    struct stat st;

    return fstat(file->fd, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
}
