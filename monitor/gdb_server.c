/* The server behind -gdb and the command gdbserver: a connection and the stub on it. */
#include <string.h>

#include "chardev/backends.h"
#include "core/machine.h"
#include "monitor/cmd.h"
#include "monitor/gdb_stub.h"

#define DEFAULT_SPEC "tcp::1234"

struct gdb_server {
    const struct monitor_env *env;
    struct chardev *chr;   /* owned; NULL: closed */
    struct gdb_stub *stub; /* owned */
};

struct gdb_server *gdb_server_create(const struct monitor_env *env)
{
    struct gdb_server *server = g_new0(struct gdb_server, 1);
    server->env = env;
    return server;
}

void gdb_server_close(struct gdb_server *server)
{
    gdb_stub_destroy(server->stub);
    chardev_destroy(server->chr);
    server->stub = NULL;
    server->chr = NULL;
}

void gdb_server_destroy(struct gdb_server *server)
{
    if (server != NULL) {
        gdb_server_close(server);
        g_free(server);
    }
}

/* Takes ",arch=..." off the spec, and makes a server of a socket. NULL and error. */
static char *spec_parse(const char *spec, enum gdb_arch *arch, GError **error)
{
    g_auto(GStrv) words = g_strsplit(spec, ",", -1);
    g_autoptr(GString) plain = g_string_new(words[0]);
    bool server = false;
    *arch = GDB_X86_64;
    for (unsigned i = 1; words[0] != NULL && words[i] != NULL; i++) {
        if (strcmp(words[i], "arch=i386") == 0) {
            *arch = GDB_I386;
        } else if (g_str_has_prefix(words[i], "arch=") && strcmp(words[i], "arch=x86-64") != 0) {
            g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                        "'%s': there is arch=x86-64 (the default) and arch=i386", words[i]);
            return NULL;
        } else if (!g_str_has_prefix(words[i], "arch=")) {
            server |= g_str_has_prefix(words[i], "server");
            g_string_append_printf(plain, ",%s", words[i]);
        }
    }
    bool socket = g_str_has_prefix(spec, "tcp:") || g_str_has_prefix(spec, "unix:") || g_str_has_prefix(spec, "telnet:");
    if (socket && !server) {
        g_string_append(plain, ",server,nowait");
    }
    return g_string_free(g_steal_pointer(&plain), FALSE);
}

bool gdb_server_open(struct gdb_server *server, const char *spec, GError **error)
{
    enum gdb_arch arch;
    g_autofree char *plain = spec_parse(spec, &arch, error);
    if (plain == NULL) {
        return false;
    }
    if (server->env->accel == NULL) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "the machine has no CPU");
        return false;
    }
    gdb_server_close(server);
    server->chr = chardev_open(plain, error);
    if (server->chr == NULL) {
        return false;
    }
    chardev_set_signals(server->chr, false);
    server->stub = gdb_stub_create(server->env, server->chr, arch);
    return true;
}

void cmd_gdbserver(struct command_call *call)
{
    const char *spec = call->args[0].given ? call->args[0].text : DEFAULT_SPEC;
    GError *error = NULL;
    if (call->env->gdb == NULL) {
        command_print(call, "Error: there is no gdb server here\n");
    } else if (strcmp(spec, "none") == 0) {
        gdb_server_close(call->env->gdb);
        command_print(call, "Disabled gdbserver\n");
    } else if (gdb_server_open(call->env->gdb, spec, &error)) {
        command_print(call, "Waiting for gdb connection on device '%s'\n", spec);
    } else {
        command_error(call, error);
    }
}
