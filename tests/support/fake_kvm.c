/*
 * The kernel for tests; see fake_kvm.h.
 */
#include "tests/support/fake_kvm.h"

#include <errno.h>
#include <string.h>

#include "accel/x86_state.h"

#define FAKE_DEVICE 100
#define FAKE_VM 101
#define FAKE_CPU 102
#define FAKE_STATS 103
#define RUN_SIZE 12288u
#define IOCTL_NS 100u
#define EXIT_NS 1000u
#define BUSY_NS 3000000u

static int fake_open(void *arg, const char *path)
{
    struct fake_kvm *fake = arg;
    g_assert_cmpstr(path, ==, KVM_DEVICE_PATH);
    if (!fake->device || fake->open_error != 0) {
        return fake->device ? -fake->open_error : -ENOENT;
    }
    fake->open_files++;
    return FAKE_DEVICE;
}

static int fake_close(void *arg, int fd)
{
    struct fake_kvm *fake = arg;
    g_assert_cmpint(fd, >=, FAKE_DEVICE);
    g_assert_cmpuint(fake->open_files, >, 0);
    fake->open_files--;
    return 0;
}

static int fake_opened(struct fake_kvm *fake, int fd)
{
    fake->open_files++;
    return fd;
}

/* ---- running ---- */

static const uint8_t *fake_code(const struct fake_kvm *fake)
{
    g_assert_cmpuint(fake->regs.rip, <, fake->slot.memory_size);
    return (const uint8_t *)(uintptr_t)fake->slot.userspace_addr + fake->regs.rip;
}

static int fake_exit(struct fake_kvm *fake, uint32_t reason)
{
    fake->now += EXIT_NS;
    fake->run->exit_reason = reason;
    if (reason == KVM_EXIT_INTERNAL_ERROR) {
        fake->run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
    } else if (reason == KVM_EXIT_IO) {
        fake->run->io.direction = KVM_EXIT_IO_OUT;
        fake->run->io.size = 1;
        fake->run->io.count = 1;
        fake->run->io.port = 0x80;
    }
    return 0;
}

static int fake_run(struct fake_kvm *fake)
{
    fake->runs++;
    if (fake->hang) {
        /* What a signal does to a KVM that does not come back. */
        fake->now += 25000000;
        fake->run->immediate_exit = 1;
        return -EINTR;
    }
    const uint8_t *code = fake_code(fake);
    g_assert_cmphex(fake->sregs.cr0 & (CR0_PE | CR0_PG), ==, CR0_PE);
    if (fake->wild) {
        return fake_exit(fake, KVM_EXIT_SHUTDOWN);
    }
    if (code[0] == 0xb9) {
        uint32_t rounds;
        memcpy(&rounds, code + 1, sizeof(rounds));
        fake->now += rounds * fake->round_ns;
        fake->emulated += fake->emulates ? 2 * rounds : 0;
        if (fake->slow_pieces > 0) {
            fake->slow_pieces--;
            fake->now += BUSY_NS;
        }
        return fake_exit(fake, KVM_EXIT_IO);
    }
    g_assert_cmphex(code[0], ==, 0xdb);
    return fake_exit(fake, fake->x87 ? KVM_EXIT_IO : KVM_EXIT_INTERNAL_ERROR);
}

/* ---- ioctls ---- */

static int fake_cpuid(struct fake_kvm *fake, struct kvm_cpuid2 *table)
{
    if (fake->supported == NULL || table->nent < fake->supported_count) {
        return fake->supported == NULL ? -EINVAL : -E2BIG;
    }
    table->nent = fake->supported_count;
    memcpy(table->entries, fake->supported, fake->supported_count * sizeof(*fake->supported));
    return 0;
}

static int fake_device_ioctl(struct fake_kvm *fake, unsigned long request, uintptr_t value)
{
    switch (request) {
    case KVM_GET_API_VERSION:
        return fake->api_version;
    case KVM_CHECK_EXTENSION:
        return (int)value != fake->lacking;
    case KVM_GET_VCPU_MMAP_SIZE:
        return RUN_SIZE;
    case KVM_GET_SUPPORTED_CPUID:
        return fake_cpuid(fake, (struct kvm_cpuid2 *)value);
    case KVM_CREATE_VM:
        fake->vms++;
        return fake->vm_error != 0 ? -fake->vm_error : fake_opened(fake, FAKE_VM);
    default:
        return -EINVAL;
    }
}

static int fake_log(struct fake_kvm *fake, struct kvm_dirty_log *log)
{
    const struct kvm_userspace_memory_region *slot = &fake->slots[log->slot];
    g_assert_cmphex(slot->flags & KVM_MEM_LOG_DIRTY_PAGES, !=, 0);
    fake->log_fetches++;
    if (fake->log_error != 0) {
        return -fake->log_error;
    }
    size_t size = (slot->memory_size / 4096 + 63) / 64 * 8;
    memset(log->dirty_bitmap, 0, size);
    if (fake->dirty[log->slot] != NULL) {
        memcpy(log->dirty_bitmap, fake->dirty[log->slot], size);
        memset(fake->dirty[log->slot], 0, size);
    }
    return 0;
}

static int fake_vm_ioctl(struct fake_kvm *fake, unsigned long request, uintptr_t value)
{
    switch (request) {
    case KVM_SET_TSS_ADDR:
        return 0;
    case KVM_SET_USER_MEMORY_REGION:
        fake->slot = *(struct kvm_userspace_memory_region *)value;
        g_assert_cmpuint(fake->slot.slot, <, FAKE_SLOTS);
        fake->slots[fake->slot.slot] = fake->slot;
        fake->slot_changes++;
        return 0;
    case KVM_GET_DIRTY_LOG:
        return fake_log(fake, (struct kvm_dirty_log *)value);
    case KVM_CREATE_VCPU:
        return fake->cpu_error != 0 ? -fake->cpu_error : fake_opened(fake, FAKE_CPU);
    default:
        return -EINVAL;
    }
}

static int fake_cpu_ioctl(struct fake_kvm *fake, unsigned long request, uintptr_t value)
{
    switch (request) {
    case KVM_RUN:
        return fake_run(fake);
    case KVM_SET_REGS:
        fake->regs = *(struct kvm_regs *)value;
        return 0;
    case KVM_GET_SREGS:
        *(struct kvm_sregs *)value = fake->sregs;
        return 0;
    case KVM_SET_SREGS:
        fake->sregs = *(struct kvm_sregs *)value;
        if (!fake->paging32 && !(fake->sregs.efer & EFER_LME)) {
            fake->sregs.cr0 &= ~(uint64_t)CR0_PG;
        }
        return 0;
    case KVM_GET_STATS_FD:
        return fake->stats ? fake_opened(fake, FAKE_STATS) : -EINVAL;
    default:
        return -EINVAL;
    }
}

static int fake_ioctl(void *arg, int fd, unsigned long request, uintptr_t value)
{
    struct fake_kvm *fake = arg;
    fake->now += IOCTL_NS;
    switch (fd) {
    case FAKE_DEVICE:
        return fake_device_ioctl(fake, request, value);
    case FAKE_VM:
        return fake_vm_ioctl(fake, request, value);
    case FAKE_CPU:
        return fake_cpu_ioctl(fake, request, value);
    default:
        return -EBADF;
    }
}

/* ---- memory and files ---- */

static void *fake_memory(void *arg, size_t size)
{
    struct fake_kvm *fake = arg;
    if (fake->no_memory) {
        return NULL;
    }
    fake->maps++;
    return g_malloc0(size);
}

static void *fake_map(void *arg, int fd, size_t size, uint64_t offset)
{
    struct fake_kvm *fake = arg;
    g_assert_cmpint(fd, ==, FAKE_CPU);
    g_assert_cmpuint(size, ==, RUN_SIZE);
    g_assert_cmpuint(offset, ==, 0);
    if (fake->no_map) {
        return NULL;
    }
    fake->maps++;
    fake->run = g_malloc0(size);
    return fake->run;
}

static void fake_unmap(void *arg, void *memory, size_t size)
{
    struct fake_kvm *fake = arg;
    g_assert_cmpuint(fake->maps, >, 0);
    fake->maps--;
    g_free(memory);
}

/* The statistics: a header, descriptors with names, values. Another counter whose name begins in the same way comes
 * first. */
static int fake_read(void *arg, int fd, void *data, size_t size, uint64_t offset)
{
    enum { NAME = 16, DESC = sizeof(struct kvm_stats_desc) + NAME, VALUES = sizeof(struct kvm_stats_header) + 2 * DESC };
    static const char *const names[] = { "insn_emulation_", "insn_emulation" };
    struct fake_kvm *fake = arg;
    const uint64_t values[] = { 77, fake->emulated };
    const struct kvm_stats_header header = { .name_size = NAME, .num_desc = 2, .desc_offset = sizeof(header),
                                             .data_offset = VALUES };
    uint8_t file[VALUES + sizeof(values)] = { 0 };
    g_assert_cmpint(fd, ==, FAKE_STATS);
    memcpy(file, &header, sizeof(header));
    for (unsigned i = 0; i < 2; i++) {
        const struct kvm_stats_desc desc = { .size = 1, .offset = i * 8 };
        memcpy(file + sizeof(header) + i * DESC, &desc, sizeof(desc));
        memcpy(file + sizeof(header) + i * DESC + sizeof(desc), names[i], strlen(names[i]));
    }
    memcpy(file + VALUES, values, sizeof(values));
    if (offset >= sizeof(file)) {
        return 0;
    }
    size_t n = MIN(size, sizeof(file) - offset);
    memcpy(data, file + offset, n);
    return (int)n;
}

static int fake_owner(void *arg, const char *path, struct kvm_sys_owner *owner)
{
    struct fake_kvm *fake = arg;
    *owner = fake->owner;
    return fake->device ? 0 : -ENOENT;
}

static int fake_read_text(void *arg, const char *path, char *text, size_t size)
{
    struct fake_kvm *fake = arg;
    g_assert_cmpstr(path, ==, "/proc/cpuinfo");
    return fake->cpuinfo != NULL ? (int)g_strlcpy(text, fake->cpuinfo, size) : -ENOENT;
}

static uint64_t fake_now(void *arg)
{
    return ((struct fake_kvm *)arg)->now;
}

static const struct kvm_sys_ops fake_ops = {
    .open = fake_open,
    .close = fake_close,
    .ioctl = fake_ioctl,
    .map = fake_map,
    .unmap = fake_unmap,
    .memory = fake_memory,
    .read = fake_read,
    .owner = fake_owner,
    .read_text = fake_read_text,
    .now = fake_now,
};

void fake_kvm_vt(struct fake_kvm *fake)
{
    *fake = (struct fake_kvm){
        .sys = { .ops = &fake_ops, .arg = fake },
        .cpuinfo = "processor\t: 0\nflags\t\t: fpu vme de vmx\nvmx flags\t: vnmi\n",
        .device = true,
        .owner = { .uid = 0, .gid = 0, .mode = 0660 },
        .api_version = 12,
        .lacking = -1,
        .paging32 = true,
        .x87 = true,
        .stats = true,
        .round_ns = 1,
    };
}

void fake_kvm_pvm(struct fake_kvm *fake)
{
    fake_kvm_vt(fake);
    fake->cpuinfo = "processor\t: 0\nflags\t\t: fpu vme de hypervisor\n";
    fake->paging32 = false;
    fake->x87 = false;
    fake->round_ns = 500;
    fake->emulates = true;
}

void fake_kvm_assert_clean(const struct fake_kvm *fake)
{
    g_assert_cmpuint(fake->open_files, ==, 0);
    g_assert_cmpuint(fake->maps, ==, 0);
}
