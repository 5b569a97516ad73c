/*
 * vmm-img, the disk image tool: main(). What it does is in block/img_*.c.
 */
#include "block/img.h"

#include <signal.h>

int main(int argc, char **argv)
{
    /* Messages begin with the name it was called by: it is also used as qemu-img, by a link. */
    g_autofree char *name = g_path_get_basename(argv[0]);

    /* A file that may not grow further (ulimit -f) is an error like a full disk: it is told in words. */
    signal(SIGXFSZ, SIG_IGN);
    g_set_prgname(name);
    return img_main(argc, argv);
}
