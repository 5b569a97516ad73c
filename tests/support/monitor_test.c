/* See the header. */
#include "tests/support/monitor_test.h"

#include <string.h>

#include "core/machine.h"
#include "tests/support/test.h"

static void quit(void *arg)
{
    ((struct monitor_test *)arg)->quits++;
}

void monitor_test_init(struct monitor_test *test, bool cpu)
{
    *test = (struct monitor_test){0};
    test->machine = test_machine_create();
    test->ram = test_machine_add_ram(test->machine, MONITOR_TEST_RAM);
    lock_release(&test->machine->lock);
    test->env = (struct monitor_env){
        .machine = test->machine, .prompt = "(vmm) ", .quit = quit, .arg = test};
    if (cpu) {
        struct accel_options options = {.engine = "interp", .cpus = 1};
        GError *error = NULL;
        test->env.accel = accel_create(test->machine, &options, &error);
        g_assert_no_error(error);
        machine_reset(test->machine);
    }
}

void monitor_test_finish(struct monitor_test *test)
{
    accel_destroy(test->env.accel);
    test_machine_destroy(test->machine);
}

char *monitor_test_run(struct monitor_test *test, const char *line)
{
    GString *out = g_string_new(NULL);
    test->settings.format = 0; /* the line's format does not depend on those before */
    test->settings.size = 0;
    command_run(&test->env, &test->settings, line, out);
    return g_string_free(out, FALSE);
}

void monitor_test_expect(struct monitor_test *test, const char *line, const char *answer)
{
    g_autofree char *text = monitor_test_run(test, line);
    g_assert_cmpstr(text, ==, answer);
}

void monitor_test_contains(struct monitor_test *test, const char *line, const char *part)
{
    g_autofree char *text = monitor_test_run(test, line);
    if (strstr(text, part) == NULL) {
        g_test_message("'%s' answered: %s", line, text);
        g_error("'%s': answer lacks '%s'", line, part);
    }
}
