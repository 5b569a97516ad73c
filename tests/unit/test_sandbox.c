/* -sandbox: what it denies fails in every thread, what it leaves works; the option's words. */
#include "sandbox.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "options.h"
#include "tests/support/test.h"

static void *fork_in_thread(void *arg)
{
    pid_t child = fork();

    if (child == 0) {
        _exit(0);
    }
    *(int *)arg = child < 0 ? errno : 0;
    return NULL;
}

/* In a process of its own, since there is no way back. Its exit code says what was denied. */
static int try_calls(const struct sandbox_options *options)
{
    pid_t child = fork();

    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        cpu_set_t cpus;
        pthread_t thread;
        int code = 0, thread_errno = 0;
        if (!sandbox_enter(options, NULL)) {
            _exit(100);
        }
        if (pthread_create(&thread, NULL, fork_in_thread, &thread_errno) != 0 || pthread_join(thread, NULL) != 0) {
            _exit(101);
        }
        code |= thread_errno == EPERM ? 1 : 0;
        char name[] = "true", *const arguments[] = {name, NULL};
        pid_t other = vfork();
        if (other == 0) {
            execv("/bin/true", arguments);
            _exit(1);
        }
        code |= other < 0 && errno == EPERM ? 2 : 0;
        code |= setuid(getuid()) < 0 && errno == EPERM ? 4 : 0;
        sched_getaffinity(0, sizeof(cpus), &cpus);
        code |= sched_setaffinity(0, sizeof(cpus), &cpus) < 0 && errno == EPERM ? 8 : 0;
        _exit(code);
    }
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_calls(void)
{
    g_assert_cmpint(try_calls(&(struct sandbox_options){.on = false, .deny_spawn = true}), ==, 0);
    g_assert_cmpint(try_calls(&(struct sandbox_options){.on = true, .deny_obsolete = true}), ==, 0);
    g_assert_cmpint(try_calls(&(struct sandbox_options){.on = true, .deny_spawn = true}), ==, 3);
    g_assert_cmpint(try_calls(&(struct sandbox_options){.on = true, .deny_privileges = true, .no_new_privileges = true}),
                    ==, 4);
    g_assert_cmpint(try_calls(&(struct sandbox_options){.on = true, .deny_resources = true}), ==, 8);
}

static void test_option(void)
{
    static const struct {
        const char *text;
        bool good, on, obsolete, privileges, none_new, spawn, resources;
    } rows[] = {
        {"on", true, true, true, false, false, false, false},
        {"off", true, false, true, false, false, false, false},
        {"on,obsolete=allow,spawn=deny", true, true, false, false, false, true, false},
        {"on,elevateprivileges=children", true, true, true, false, true, false, false},
        {"on,elevateprivileges=deny,resourcecontrol=deny", true, true, true, true, true, false, true},
        {"maybe", .good = false},
        {"on,spawn=children", .good = false},
        {"on,other=deny", .good = false},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct options options = {.daemonize = false};
        const struct sandbox_options *got = &options.sandbox;
        GError *error = NULL;
        g_assert_cmpint(option_set_sandbox(&options, NULL, rows[i].text, &error), ==, rows[i].good);
        g_assert_cmpint(error == NULL, ==, rows[i].good);
        g_clear_error(&error);
        if (rows[i].good) {
            g_assert_cmpint(got->on, ==, rows[i].on);
            g_assert_cmpint(got->deny_obsolete, ==, rows[i].obsolete);
            g_assert_cmpint(got->deny_privileges, ==, rows[i].privileges);
            g_assert_cmpint(got->no_new_privileges, ==, rows[i].none_new);
            g_assert_cmpint(got->deny_spawn, ==, rows[i].spawn);
            g_assert_cmpint(got->deny_resources, ==, rows[i].resources);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sandbox/calls", test_calls);
    g_test_add_func("/sandbox/option", test_option);
    return g_test_run();
}
