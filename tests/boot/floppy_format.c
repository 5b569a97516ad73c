/*
 * For a Linux guest: formats a track of a floppy disk, as fdformat does, and ends with 0 if that went well.
 *     floppy_format DEVICE TRACK
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <linux/fd.h>

int main(int argc, char **argv)
{
    struct format_descr where = {0};
    int fd = argc == 3 ? open(argv[1], O_WRONLY) : -1;

    if (fd < 0 || ioctl(fd, FDFMTBEG) < 0) {
        perror("floppy_format");
        return 1;
    }
    where.track = (unsigned)atoi(argv[2]);
    for (where.head = 0; where.head < 2; where.head++) {
        if (ioctl(fd, FDFMTTRK, &where) < 0) {
            perror("floppy_format: FDFMTTRK");
            return 1;
        }
    }
    return ioctl(fd, FDFMTEND) < 0;
}
