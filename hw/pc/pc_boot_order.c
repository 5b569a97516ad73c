/*
 * The file "bootorder" in fw_cfg: Open Firmware paths of what SeaBIOS tries first, one a line (its src/boot.c compares
 * them with the places where it finds devices). A kernel that is given comes before all, then bootindex=.
 */
#include "core/option.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pc/linux_boot.h"
#include "hw/pc/pc_impl.h"

struct place {
    int bootindex;
    char *name, *path;
};

static void place_free(gpointer data)
{
    struct place *place = data;
    g_free(place->name);
    g_free(place->path);
    g_free(place);
}

static gint by_bootindex(gconstpointer a, gconstpointer b)
{
    const struct place *const *x = a, *const *y = b;
    return (*x)->bootindex < (*y)->bootindex ? -1 : (*x)->bootindex > (*y)->bootindex;
}

bool pc_boot_place(struct pc *pc, int bootindex, const char *name, const char *path, GError **error)
{
    if (pc->boot_places == NULL) {
        pc->boot_places = g_ptr_array_new_with_free_func(place_free);
    }
    for (guint i = 0; i < pc->boot_places->len; i++) {
        const struct place *other = g_ptr_array_index(pc->boot_places, i);
        if (other->bootindex == bootindex) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "%s: The bootindex %d has already been used, by %s", name, bootindex, other->name);
            return false;
        }
    }
    struct place *place = g_new(struct place, 1);
    *place = (struct place){ bootindex, g_strdup(name), g_strdup(path) };
    g_ptr_array_add(pc->boot_places, place);
    return true;
}

static bool add_drives(struct pc *pc, const struct pc_config *config, GError **error)
{
    for (unsigned i = 0; i < PC_IDE_DRIVES; i++) {
        g_autofree char *name = g_strdup_printf("IDE drive %u", i);
        g_autofree char *path = g_strdup_printf("/pci@i0cf8/ide@1,1/drive@%u/disk@%u", i / 2, i % 2);
        unsigned rank = config->drives[i].boot_rank;
        if (rank > 0 && !pc_boot_place(pc, (int)rank - 1, name, path, error)) {
            return false;
        }
    }
    for (unsigned i = 0; i < I82078_DRIVES; i++) {
        g_autofree char *name = g_strdup_printf("floppy drive %u", i);
        g_autofree char *path = g_strdup_printf("/pci@i0cf8/isa@1/fdc@03f0/floppy@%u", i);
        unsigned rank = config->floppies[i].boot_rank;
        if (rank > 0 && !pc_boot_place(pc, (int)rank - 1, name, path, error)) {
            return false;
        }
    }
    return true;
}

bool pc_boot_places_tell(struct pc *pc, const struct pc_config *config, GError **error)
{
    if (!add_drives(pc, config, error)) {
        return false;
    }
    g_autoptr(GString) list = g_string_new(config->kernel != NULL ? LINUX_BOOT_ORDER_ENTRY "\n" : "");
    if (pc->boot_places != NULL) {
        g_ptr_array_sort(pc->boot_places, by_bootindex);
    }
    for (guint i = 0; pc->boot_places != NULL && i < pc->boot_places->len; i++) {
        const struct place *place = g_ptr_array_index(pc->boot_places, i);
        g_string_append_printf(list, "%s\n", place->path);
    }
    if (list->len > 0) {
        fw_cfg_set_file(pc->fw_cfg, "bootorder", list->str, list->len + 1);
    }
    return true;
}

void pc_boot_places_free(struct pc *pc)
{
    g_clear_pointer(&pc->boot_places, g_ptr_array_unref);
}
