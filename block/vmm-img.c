/*
 * vmm-img, the disk image tool: main(). What it does is in block/img_*.c.
 */
#include "block/img.h"

int main(int argc, char **argv)
{
    /* Messages begin with the name it was called by: it is also used as qemu-img, by a link. */
    g_autofree char *name = g_path_get_basename(argv[0]);

    g_set_prgname(name);
    return img_main(argc, argv);
}
