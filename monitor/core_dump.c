/* See the header. */
#include "monitor/core_dump.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/procfs.h>

#include "accel/accel.h"
#include "core/machine.h"
#include "core/ram.h"
#include "monitor/cpu_view.h"

#define CHUNK (1u << 20)

/* A stretch of RAM. */
struct stretch {
    uint64_t base, size;
};

static GArray *find_ram(const struct bus *bus)
{
    const struct flat_view *view = bus_view(bus);
    GArray *stretches = g_array_new(FALSE, FALSE, sizeof(struct stretch));
    for (unsigned i = 0; i < view->count; i++) {
        const struct flat_range *range = &view->ranges[i];
        if (range->region->kind != REGION_RAM) {
            continue;
        }
        struct stretch *last =
            stretches->len > 0 ? &g_array_index(stretches, struct stretch, stretches->len - 1) : NULL;
        uint64_t size = range->last - range->base + 1;
        if (last != NULL && last->base + last->size == range->base) {
            last->size += size;
        } else {
            struct stretch stretch = { range->base, size };
            g_array_append_val(stretches, stretch);
        }
    }
    return stretches;
}

/* The order of user_regs_struct, which NT_PRSTATUS holds. */
static void put_registers(const struct x86_state *s, struct elf_prstatus *status)
{
    const uint64_t regs[] = {
        s->gpr[R15], s->gpr[R14], s->gpr[R13], s->gpr[R12], s->gpr[RBP], s->gpr[RBX], s->gpr[R11],
        s->gpr[R10], s->gpr[R9], s->gpr[R8], s->gpr[RAX], s->gpr[RCX], s->gpr[RDX], s->gpr[RSI],
        s->gpr[RDI], s->gpr[RAX], s->seg[CS].base * !(s->seg[CS].attr & SEG_L) + s->rip, s->seg[CS].selector, s->rflags,
        s->gpr[RSP], s->seg[SS].selector, s->seg[FS].base, s->seg[GS].base, s->seg[DS].selector, s->seg[ES].selector,
        s->seg[FS].selector, s->seg[GS].selector,
    };
    G_STATIC_ASSERT(sizeof(regs) == sizeof(status->pr_reg));
    memcpy(status->pr_reg, regs, sizeof(regs));
}

static GByteArray *make_notes(const struct monitor_env *env)
{
    GByteArray *notes = g_byte_array_new();
    for (unsigned i = 0; i < accel_cpu_count(env->accel); i++) {
        Elf64_Nhdr header = { .n_namesz = 5, .n_descsz = sizeof(struct elf_prstatus), .n_type = NT_PRSTATUS };
        struct elf_prstatus status = { .pr_pid = (int)i + 1 };
        struct x86_state state;
        accel_state_get(env->accel, i, &state);
        put_registers(&state, &status);
        g_byte_array_append(notes, (const guint8 *)&header, sizeof(header));
        g_byte_array_append(notes, (const guint8 *)"CORE\0\0\0", 8);
        g_byte_array_append(notes, (const guint8 *)&status, sizeof(status));
    }
    return notes;
}

static bool write_headers(FILE *file, const GArray *ram, const GByteArray *notes)
{
    Elf64_Ehdr header = { .e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
                          .e_phoff = sizeof(header), .e_ehsize = sizeof(header), .e_phentsize = sizeof(Elf64_Phdr),
                          .e_phnum = (Elf64_Half)(ram->len + 1) };
    uint64_t offset = sizeof(header) + (ram->len + 1) * sizeof(Elf64_Phdr);
    Elf64_Phdr segment = { .p_type = PT_NOTE, .p_offset = offset, .p_filesz = notes->len, .p_align = 4 };
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    bool good = fwrite(&header, sizeof(header), 1, file) == 1 && fwrite(&segment, sizeof(segment), 1, file) == 1;
    offset += notes->len;
    for (guint i = 0; i < ram->len && good; i++) {
        const struct stretch *stretch = &g_array_index(ram, struct stretch, i);
        segment = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_offset = offset,
                                .p_vaddr = stretch->base, .p_paddr = stretch->base, .p_filesz = stretch->size,
                                .p_memsz = stretch->size, .p_align = 1 };
        good = fwrite(&segment, sizeof(segment), 1, file) == 1;
        offset += stretch->size;
    }
    return good && fwrite(notes->data, notes->len, 1, file) == 1;
}

static bool write_ram(const struct monitor_env *env, FILE *file, const GArray *ram)
{
    g_autofree uint8_t *data = g_malloc(CHUNK);
    bool good = true;
    for (guint i = 0; i < ram->len; i++) {
        const struct stretch *stretch = &g_array_index(ram, struct stretch, i);
        for (uint64_t done = 0; done < stretch->size && good;) {
            size_t piece = MIN(stretch->size - done, CHUNK);
            lock_acquire(&env->machine->lock);
            bus_read_bytes(env->machine->memory, stretch->base + done, data, piece, false);
            lock_release(&env->machine->lock);
            good = fwrite(data, piece, 1, file) == 1;
            done += piece;
        }
    }
    return good;
}

bool core_dump_write(const struct monitor_env *env, const char *path, GError **error)
{
    FILE *file = fopen(path, "wbe");
    if (file == NULL) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "Could not open '%s': %s", path, g_strerror(errno));
        return false;
    }
    cpu_view_park(env);
    GArray *ram = find_ram(env->machine->memory);
    GByteArray *notes = make_notes(env);
    bool good = write_headers(file, ram, notes) && write_ram(env, file, ram);
    int why = errno;
    cpu_view_unpark(env);
    g_byte_array_unref(notes);
    g_array_unref(ram);
    if (fclose(file) != 0 || !good) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "writing '%s': %s", path, g_strerror(good ? errno : why));
        return false;
    }
    return true;
}
