/*
 * What the board leaves in CMOS and fw_cfg for the firmware: equipment, boot order (the layout that SeaBIOS
 * reads), disks, number of CPUs. Bytes 0Eh-3Fh are those of the IBM PC/AT Technical Reference; 38h, 39h, 3Dh and 5Fh
 * are the firmware's own.
 */
#include <string.h>

#include "hw/ide/piix_ide.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pc/linux_boot.h"
#include "hw/pc/pc_impl.h"
#include "hw/rtc/mc146818.h"

#define CMOS_FLOPPY_TYPES 0x10
#define CMOS_DISK_TYPES 0x12
#define CMOS_EQUIPMENT 0x14
#define CMOS_DISK_EXTENDED 0x19 /* and the next: types above 15 */
#define CMOS_DISK_GEOMETRY 0x1b /* nine bytes for each disk */
#define CMOS_BOOT_FLAGS 0x38 /* bit 0: no floppy signature check; bits 4-7: third boot device */
#define CMOS_TRANSLATION 0x39 /* two bits for each IDE disk */
#define CMOS_BOOT_ORDER 0x3d /* bits 0-3: first, 4-7: second */
#define CMOS_LAST_CPU 0x5f

#define EQUIPMENT_FLOPPY 0x01
#define EQUIPMENT_SECOND 0x40 /* floppy drive */
#define EQUIPMENT_FPU 0x02
#define EQUIPMENT_MOUSE 0x04
#define TRANSLATION_NONE 0
#define TRANSLATION_LBA 1
#define DEFAULT_ORDER "cdn"

/* The firmware's number of a boot letter; 0 = none. */
static int boot_code(char letter)
{
    const char *letters = " acdn";
    const char *p = strchr(letters + 1, letter);
    return letter != '\0' && p != NULL ? (int)(p - letters) : 0;
}

bool pc_set_boot_order(struct pc *pc, const char *order)
{
    int code[3] = { 0, 0, 0 };
    size_t n = strlen(order);
    for (size_t i = 0; i < n; i++) {
        if (i >= 3 || boot_code(order[i]) == 0) {
            return false;
        }
        code[i] = boot_code(order[i]);
    }
    uint8_t flags = mc146818_nvram(pc->rtc, CMOS_BOOT_FLAGS) & 0x0f;
    mc146818_set_nvram(pc->rtc, CMOS_BOOT_ORDER, (uint8_t)(code[0] | code[1] << 4));
    mc146818_set_nvram(pc->rtc, CMOS_BOOT_FLAGS, (uint8_t)(flags | code[2] << 4));
    return true;
}

static void fill_floppies(struct pc *pc)
{
    uint8_t types = 0, equipment = EQUIPMENT_FPU | EQUIPMENT_MOUSE;
    if (pc->floppy != NULL) {
        uint8_t first = i82078_drive_type(pc->floppy, 0), second = i82078_drive_type(pc->floppy, 1);
        types = (uint8_t)(first << 4 | second);
        equipment |= EQUIPMENT_FLOPPY | (first != 0 && second != 0 ? EQUIPMENT_SECOND : 0);
    }
    mc146818_set_nvram(pc->rtc, CMOS_FLOPPY_TYPES, types);
    mc146818_set_nvram(pc->rtc, CMOS_EQUIPMENT, equipment);
}

/* How the BIOS shall translate a disk's geometry: up to 1024 cylinders it goes as it is. */
static uint8_t translation_of(const struct ide_drive *drive, const char *wanted)
{
    static const char *const names[] = { "none", "lba", "large", "rechs" };
    for (uint8_t i = 0; wanted != NULL && i < G_N_ELEMENTS(names); i++) {
        if (strcmp(names[i], wanted) == 0) {
            return i;
        }
    }
    return drive->geometry.cylinders > 1024 ? TRANSLATION_LBA : TRANSLATION_NONE;
}

/* Disks of the first channel in the form of the AT: type 47 is one whose geometry is told. */
static void fill_disks(struct pc *pc, const struct pc_config *config)
{
    uint8_t types = 0, translations = 0;
    for (unsigned i = 0; i < PC_IDE_DRIVES; i++) {
        const struct ide_drive *drive = ide_channel_drive_at(piix_ide_channel(pc->ide, i / 2), i % 2);
        if (drive == NULL || drive->kind != IDE_DISK) {
            continue;
        }
        const struct ide_geometry *g = &drive->geometry;
        translations |= (uint8_t)(translation_of(drive, config->drives[i].translation) << (2 * i));
        if (i >= 2) {
            continue;
        }
        const uint8_t bytes[] = { (uint8_t)g->cylinders, (uint8_t)(g->cylinders >> 8), (uint8_t)g->heads,
                                  0xff, 0xff, /* no write precompensation */
                                  (uint8_t)(0xc0 | (g->heads > 8 ? 0x08 : 0)), (uint8_t)g->cylinders,
                                  (uint8_t)(g->cylinders >> 8), (uint8_t)g->sectors };
        types |= i == 0 ? 0xf0 : 0x0f;
        mc146818_set_nvram(pc->rtc, (uint8_t)(CMOS_DISK_EXTENDED + i), 47);
        for (uint8_t k = 0; k < sizeof(bytes); k++) {
            mc146818_set_nvram(pc->rtc, (uint8_t)(CMOS_DISK_GEOMETRY + i * sizeof(bytes) + k), bytes[k]);
        }
    }
    mc146818_set_nvram(pc->rtc, CMOS_DISK_TYPES, types);
    mc146818_set_nvram(pc->rtc, CMOS_TRANSLATION, translations);
}

void pc_cmos_fill(struct pc *pc, const struct pc_config *config)
{
    const char *order = config->boot_order != NULL ? config->boot_order : DEFAULT_ORDER;
    fill_floppies(pc);
    mc146818_set_nvram(pc->rtc, CMOS_BOOT_FLAGS, config->no_fd_bootchk);
    mc146818_set_nvram(pc->rtc, CMOS_LAST_CPU, (uint8_t)(config->cpus - 1));
    pc_set_boot_order(pc, config->boot_once != NULL ? config->boot_once : order);
    if (config->boot_once != NULL) {
        pc->boot_order = g_strdup(order);
    }
    fw_cfg_add_u16(pc->fw_cfg, FW_CFG_NB_CPUS, (uint16_t)config->cpus);
    fw_cfg_add_u16(pc->fw_cfg, FW_CFG_MAX_CPUS, (uint16_t)config->cpus);
    fw_cfg_add_u32(pc->fw_cfg, FW_CFG_IRQ0_OVERRIDE, 1);
    fw_cfg_add_u16(pc->fw_cfg, FW_CFG_NOGRAPHIC, config->nographic);
    fw_cfg_add_u16(pc->fw_cfg, FW_CFG_BOOT_MENU, config->boot_menu);
    /* Firmware asks for the menu key only if told to; without it a boot is seconds faster. */
    uint16_t show = GUINT16_TO_LE(config->boot_menu);
    fw_cfg_set_file(pc->fw_cfg, "etc/show-boot-menu", &show, sizeof(show));
    /* Sleep states S0..S5 for the firmware's tables: bit 7 = there, the rest is SLP_TYP. S3 and S4 are not. */
    static const uint8_t states[6] = { 0x80, 0, 0, 1, 2, 0x80 };
    fw_cfg_set_file(pc->fw_cfg, "etc/system-states", states, sizeof(states));
    fill_disks(pc, config);
}

void pc_prepare_reset(struct pc *pc)
{
    if (pc->boot_order != NULL) {
        pc_set_boot_order(pc, pc->boot_order);
        g_clear_pointer(&pc->boot_order, g_free);
    }
}
