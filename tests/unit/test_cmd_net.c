/* monitor/cmd_net.c: networks as the command line makes them, without a machine behind the cards. */
#include <glib/gstdio.h>
#include <string.h>

#include "net/port.h"
#include "network.h"
#include "options.h"
#include "tests/support/monitor_test.h"
#include "tests/support/test.h"

struct setup {
    struct options options;
    struct networks networks;
    struct pc_config config;
    GPtrArray *warnings;
    struct monitor_test t;
};

static void begin(struct setup *s, const char *line)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    GError *error = NULL;
    memset(s, 0, sizeof(*s));
    s->warnings = g_ptr_array_new_with_free_func(g_free);
    options_init(&s->options);
    g_assert_true(options_parse(&s->options, (int)g_strv_length(argv), argv, s->warnings, &error));
    g_assert_true(networks_open(&s->networks, &s->options.net, &s->config, s->warnings, &error));
    monitor_test_init(&s->t, false);
    s->t.env.nics = s->networks.list;
    s->t.env.nic_count = s->networks.count;
    s->t.env.nets = s->networks.nets;
    s->t.env.net_count = s->networks.net_count;
}

static void end(struct setup *s)
{
    monitor_test_finish(&s->t);
    networks_close(&s->networks);
    networks_free(&s->networks);
    options_finish(&s->options);
    g_ptr_array_unref(s->warnings);
}

static void test_info(void)
{
    struct setup s;
    begin(&s, "vmm");
    monitor_test_contains(&s.t, "info network",
                          "hub 0\n \\ e1000.0: index=0,type=nic,model=e1000,macaddr=52:54:00:12:34:56\n");
    monitor_test_contains(&s.t, "info network", " \\ user.0: index=0,type=user,net=10.0.2.0,restrict=off\n");
    monitor_test_contains(&s.t, "info usernet",
                          "Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ");
    end(&s);
    begin(&s, "vmm -netdev user,id=n0,restrict=on -device ne2k_pci,netdev=n0,id=card -nic socket,listen=127.0.0.1:31414");
    monitor_test_contains(&s.t, "info network", "card: index=0,type=nic,model=ne2k_pci,");
    monitor_test_contains(&s.t, "info network", " \\ n0: index=0,type=user,net=10.0.2.0,restrict=on\n");
    monitor_test_contains(&s.t, "info network",
                          " \\ socket.0: index=0,type=socket,listen=127.0.0.1:31414,disconnected\n");
    end(&s);
    begin(&s, "vmm -net none");
    monitor_test_expect(&s.t, "info network", "");
    monitor_test_contains(&s.t, "netdump x.pcap", "Error: there is no network card");
    monitor_test_contains(&s.t, "hostfwd_add tcp::1-:1", "Error: there is no user network");
    end(&s);
}

static void test_forwards(void)
{
    struct setup s;
    begin(&s, "vmm");
    monitor_test_expect(&s.t, "hostfwd_add tcp:127.0.0.1:31515-:22", "");
    monitor_test_contains(&s.t, "info usernet", "TCP[HOST_FORWARD]");
    monitor_test_contains(&s.t, "info usernet", "31515");
    monitor_test_contains(&s.t, "hostfwd_add tcp:127.0.0.1:31515-:22", "Could not set up host forwarding rule 'tcp:127.0.0.1:31515-:22'");
    monitor_test_expect(&s.t, "hostfwd_add user.0 udp:127.0.0.1:31516-:53", "");
    monitor_test_contains(&s.t, "info usernet", "UDP[HOST_FORWARD]");
    monitor_test_contains(&s.t, "hostfwd_remove tcp:127.0.0.1:31515", "removed");
    monitor_test_contains(&s.t, "hostfwd_remove tcp:127.0.0.1:31515", "host forwarding rule for tcp:127.0.0.1:31515 not found");
    monitor_test_contains(&s.t, "hostfwd_add nowhere tcp::1-:1", "unrecognized netdev id 'nowhere'");
    monitor_test_contains(&s.t, "hostfwd_add nonsense", "Invalid host forwarding rule 'nonsense' (No : separators)");
    end(&s);
}

static void test_cable(void)
{
    struct setup s;
    begin(&s, "vmm");
    monitor_test_expect(&s.t, "set_link e1000.0 off", "");
    g_assert_false(net_link_up(s.networks.list[0].link));
    monitor_test_contains(&s.t, "info network", ",link=off");
    monitor_test_expect(&s.t, "set_link user.0 on", "");
    g_assert_true(net_link_up(s.networks.list[0].link));
    monitor_test_contains(&s.t, "set_link e1000.0 maybe", "Expected 'on' or 'off'");
    monitor_test_contains(&s.t, "set_link eth7 on", "Error: Device 'eth7' not found");
    end(&s);
}

/* A frame of the backend ends up in the file; after "off" none does. */
static void test_capture(void)
{
    struct setup s;
    g_autofree char *folder = g_dir_make_tmp("vmm-net-XXXXXX", NULL);
    g_autofree char *path = g_strdup_printf("%s/net.pcap", folder);
    g_autofree char *line = g_strdup_printf("netdump %s", path);
    g_autofree char *data = NULL;
    const uint8_t frame[60] = {1, 2, 3};
    gsize size;
    begin(&s, "vmm");
    monitor_test_expect(&s.t, line, "");
    monitor_test_contains(&s.t, "info network", ",captured");
    net_port_send(net_link_port(s.networks.list[0].link, 1), frame, sizeof(frame));
    monitor_test_expect(&s.t, "netdump off", "");
    net_port_send(net_link_port(s.networks.list[0].link, 1), frame, sizeof(frame));
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    g_assert_cmpuint(size, ==, 24 + 16 + 60);
    monitor_test_contains(&s.t, "netdump /nowhere/at/all.pcap", "cannot write");
    end(&s);
    g_unlink(path);
    g_rmdir(folder);
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/cmd-net/info", test_info);
    g_test_add_func("/cmd-net/forwards", test_forwards);
    g_test_add_func("/cmd-net/cable", test_cable);
    g_test_add_func("/cmd-net/capture", test_capture);
    return g_test_run();
}
