/*
 * What a drive does when the host's disk fails: the options rerror= and werror=.
 */
#ifndef BLOCK_ERROR_POLICY_H
#define BLOCK_ERROR_POLICY_H

#include <stdbool.h>

enum block_error_policy {
    BLOCK_ON_ERROR_DEFAULT, /* REPORT for reads, ENOSPC for writes */
    BLOCK_ON_ERROR_REPORT,  /* tell the guest */
    BLOCK_ON_ERROR_IGNORE,  /* pretend it worked */
    BLOCK_ON_ERROR_STOP,    /* pause the machine; the request is repeated when it goes on */
    BLOCK_ON_ERROR_ENOSPC,  /* STOP if the host is out of space, else REPORT */
};

/* What is to be done about -errno of a read or write: REPORT, IGNORE or STOP. */
enum block_error_policy block_error_action(enum block_error_policy policy, bool write, int error);

/* "report", "ignore", "stop", "enospc"; NULL is the default. False: unknown name. */
bool block_error_policy_parse(const char *name, enum block_error_policy *policy);

#endif
