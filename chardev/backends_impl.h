/* The constructors behind chardev_open(), one a source file. */
#ifndef CHARDEV_BACKENDS_IMPL_H
#define CHARDEV_BACKENDS_IMPL_H

#include "chardev/chardev_impl.h"

/* On two descriptors, which stay the caller's; chardev_open() gives 0 and 1. */
struct chardev *chardev_stdio_create(int in, int out, GError **error);
struct chardev *chardev_pty_create(GError **error);
/* A serial port or another character device of the host. */
struct chardev *chardev_device_create(const char *path, GError **error);

/* size: "80Cx24C", "640x384" or empty. See chardev/vc.h. */
struct chardev *chardev_vc_create(const char *size, GError **error);

enum socket_kind { SOCKET_UNIX, SOCKET_TCP, SOCKET_TELNET };

/* address: a path, or HOST:PORT. */
struct chardev *chardev_socket_create(enum socket_kind kind, const char *address, bool server,
                                      bool wait, GError **error);

#endif
