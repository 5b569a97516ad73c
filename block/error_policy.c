/* See the header. */
#include "block/error_policy.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum block_error_policy block_error_action(enum block_error_policy policy, bool write, int error)
{
    if (policy == BLOCK_ON_ERROR_DEFAULT) {
        policy = write ? BLOCK_ON_ERROR_ENOSPC : BLOCK_ON_ERROR_REPORT;
    }
    if (policy == BLOCK_ON_ERROR_ENOSPC) {
        policy = error == -ENOSPC ? BLOCK_ON_ERROR_STOP : BLOCK_ON_ERROR_REPORT;
    }
    return policy;
}

bool block_error_policy_parse(const char *name, enum block_error_policy *policy)
{
    static const char *const names[] = {
        [BLOCK_ON_ERROR_REPORT] = "report",
        [BLOCK_ON_ERROR_IGNORE] = "ignore",
        [BLOCK_ON_ERROR_STOP] = "stop",
        [BLOCK_ON_ERROR_ENOSPC] = "enospc",
    };

    *policy = BLOCK_ON_ERROR_DEFAULT;
    for (size_t i = BLOCK_ON_ERROR_REPORT; name != NULL && i < sizeof(names) / sizeof(names[0]);
         i++) {
        if (strcmp(names[i], name) == 0) {
            *policy = (enum block_error_policy)i;
        }
    }
    return name == NULL || *policy != BLOCK_ON_ERROR_DEFAULT;
}
