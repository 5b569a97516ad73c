/* -daemonize. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool daemon_start(int *parent, GError **error)
{
    int ends[2];
    char ready = 0;

    pid_t child = pipe(ends) == 0 ? fork() : -1;
    if (child < 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "-daemonize: %s", g_strerror(errno));
        return false;
    }
    if (child > 0) {
        close(ends[1]);
        _exit(read(ends[0], &ready, 1) == 1 ? 0 : 1);
    }
    close(ends[0]);
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    setsid();
    *parent = ends[1];
    return true;
}

void daemon_ready(int parent)
{
    if (parent < 0) {
        return;
    }
    int null = open("/dev/null", O_RDWR);
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++) {
        dup2(null, fd);
    }
    if (null > STDERR_FILENO) {
        close(null);
    }
    (void)!write(parent, "", 1);
    close(parent);
}
