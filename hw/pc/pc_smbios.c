/*
 * What the firmware's SMBIOS tables say of this machine in place of their defaults: the UUID (-uuid). SeaBIOS makes
 * the tables and takes single fields from fw_cfg (FW_CFG_SMBIOS_ENTRIES): a 16-bit count, then for each a 16-bit
 * length, the kind (0 = field), the structure's type, the field's offset in it, and the bytes. SeaBIOS' tables are of SMBIOS 2.4,
 * where a UUID is sixteen bytes in the order in which it is written (DMTF DSP0134, 7.2.1).
 */
#include <string.h>

#include "hw/misc/fw_cfg.h"
#include "hw/pc/pc_impl.h"

enum { KIND_FIELD = 0, TYPE_SYSTEM = 1, SYSTEM_UUID_OFFSET = 8, HEAD_BYTES = 2, FIELD_BYTES = 6 };

void pc_smbios_fill(struct pc *pc, const struct pc_config *config)
{
    uint8_t entries[HEAD_BYTES + FIELD_BYTES + PC_UUID_BYTES] = {
        1, 0, FIELD_BYTES + PC_UUID_BYTES, 0, KIND_FIELD, TYPE_SYSTEM, SYSTEM_UUID_OFFSET, 0,
    };

    if (config->uuid == NULL) {
        return;
    }
    memcpy(entries + HEAD_BYTES + FIELD_BYTES, config->uuid, PC_UUID_BYTES);
    fw_cfg_add(pc->fw_cfg, FW_CFG_SMBIOS_ENTRIES, entries, sizeof(entries));
    fw_cfg_add(pc->fw_cfg, FW_CFG_UUID, config->uuid, PC_UUID_BYTES);
}
