/* See the header. */
#include "accel/blackbox.h"

#include <string.h>

void blackbox_init(struct blackbox *box)
{
    memset(box, 0, sizeof(*box));
    for (unsigned i = 0; i < BLACKBOX_PATH; i++) {
        box->path[i] = BLACKBOX_EMPTY;
    }
}

void blackbox_set_base(struct blackbox *box, uint64_t base)
{
    if (base != box->path_base) {
        blackbox_branch(box, BLACKBOX_BASE | (uint32_t)box->path_base);
        box->path_base = base;
    }
}

unsigned blackbox_branches(const struct blackbox *box, uint64_t *linear, unsigned max)
{
    uint64_t base = box->path_base;
    unsigned count = 0;
    for (unsigned age = 1; age <= BLACKBOX_PATH && count < max; age++) {
        uint64_t entry = box->path[(uint8_t)(box->path_next - age)];
        if (entry == BLACKBOX_EMPTY) {
            break;
        }
        if (entry >> 32 == BLACKBOX_BASE >> 32) {
            base = (uint32_t)entry;
        } else {
            linear[count++] = base + entry;
        }
    }
    return count;
}
