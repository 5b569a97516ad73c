/* options_net.c and network.c: the ways to say what network there is. */
#include <string.h>

#include "network.h"
#include "options.h"
#include "tests/support/test.h"

struct setup {
    struct options options;
    struct networks networks;
    struct pc_config config;
    GPtrArray *warnings;
};

/* NULL if all went well, else the message (newly allocated). */
static char *setup_begin(struct setup *s, const char *line)
{
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    GError *error = NULL;
    memset(s, 0, sizeof(*s));
    s->warnings = g_ptr_array_new_with_free_func(g_free);
    options_init(&s->options);
    if (!options_parse(&s->options, (int)g_strv_length(argv), argv, s->warnings, &error) ||
        !networks_open(&s->networks, &s->options.net, &s->config, s->warnings, &error)) {
        char *message = g_strdup(error->message);
        g_error_free(error);
        return message;
    }
    return NULL;
}

static void setup_end(struct setup *s)
{
    networks_close(&s->networks);
    networks_free(&s->networks);
    options_finish(&s->options);
    g_ptr_array_unref(s->warnings);
}

static void test_good(void)
{
    static const struct {
        const char *line, *mac;
        unsigned nics, users, warnings;
    } cases[] = {
        {"vmm", "52:54:00:12:34:56", 1, 1, 0},
        {"vmm -net none", NULL, 0, 0, 0},
        {"vmm -nic none", NULL, 0, 0, 0},
        {"vmm -net nic -net user", "52:54:00:12:34:56", 1, 1, 0},
        {"vmm -tftp /tmp -bootp pxelinux.0", "52:54:00:12:34:56", 1, 1, 0},
        {"vmm -net nic,model=e1000,macaddr=00:11:22:33:44:55 -net user,restrict=on",
         "00:11:22:33:44:55", 1, 1, 0},
        {"vmm -net nic", "52:54:00:12:34:56", 1, 0, 1},
        {"vmm -net user", NULL, 0, 1, 1},
        {"vmm -nic user,model=e1000,mac=00:11:22:33:44:66 -nic user", "00:11:22:33:44:66", 2, 2, 0},
        {"vmm -netdev user,id=n0,ipv6=off -device e1000,netdev=n0,mac=00:11:22:33:44:77",
         "00:11:22:33:44:77", 1, 1, 0},
        {"vmm -device e1000", "52:54:00:12:34:56", 1, 0, 1},
        {"vmm -netdev user,id=n0", NULL, 0, 1, 1},
        {"vmm -net nic,model=ne2k_isa,iobase=0x320,irq=10 -net user", "52:54:00:12:34:56", 1, 1, 0},
        {"vmm -nic user,model=rtl8029", "52:54:00:12:34:56", 1, 1, 0},
        {"vmm -nic model=ne2k_pci", "52:54:00:12:34:56", 1, 1, 0},
        {"vmm -device ne2k_pci,netdev=n -netdev user,id=n", "52:54:00:12:34:56", 1, 1, 0},
        /* Hubs. */
        {"vmm -net nic -net nic -net user", "52:54:00:12:34:56", 2, 1, 0},
        {"vmm -net nic -net nic", "52:54:00:12:34:56", 2, 0, 0},
        {"vmm -net nic,vlan=1 -net user", "52:54:00:12:34:56", 1, 1, 2},
        {"vmm -net nic,vlan=1 -net user,vlan=1 -net nic -net user", "52:54:00:12:34:56", 2, 2, 0},
        {"vmm -net nic,netdev=n -netdev user,id=n", "52:54:00:12:34:56", 1, 1, 0},
        {"vmm -netdev user,id=n -netdev hubport,id=a,hubid=3 -netdev hubport,id=b,hubid=3,netdev=n "
         "-device e1000,netdev=a",
         "52:54:00:12:34:56", 1, 1, 0},
        {"vmm -net nic -net socket,mcast=230.0.0.9:30303,localaddr=127.0.0.1", "52:54:00:12:34:56", 1,
         0, 0},
        {"vmm -nic socket,listen=127.0.0.1:31313 -nic socket,connect=127.0.0.1:31313",
         "52:54:00:12:34:56", 2, 0, 0},
        {"vmm -nic user,guestfwd=tcp:10.0.2.100:7-cmd:cat,guestfwd=tcp:10.0.2.100:8-tcp:127.0.0.1:9",
         "52:54:00:12:34:56", 1, 1, 0},
        {"vmm -nic user,id=u -object filter-dump,id=f,netdev=u,file=/dev/null", "52:54:00:12:34:56", 1, 1, 0},
        {"vmm -nic user,dns=1.2.3.4", "52:54:00:12:34:56", 1, 1, 0},
        {"vmm -nic user,ipv6-net=fec0:0:0:7::/64,ipv6-host=fec0:0:0:7::9,dnssearch=a.test,dnssearch=b.test",
         "52:54:00:12:34:56", 1, 1, 0},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct setup s;
        g_autofree char *message = setup_begin(&s, cases[i].line);
        unsigned users = 0;
        g_assert_cmpstr(message, ==, NULL);
        for (unsigned k = 0; k < s.networks.net_count; k++) {
            users += s.networks.nets[k].user != NULL;
        }
        g_assert_cmpuint(s.config.nic_count, ==, cases[i].nics);
        g_assert_cmpuint(users, ==, cases[i].users);
        g_assert_cmpuint(s.warnings->len, ==, cases[i].warnings);
        if (cases[i].nics > 0) {
            g_assert_cmpstr(s.config.nics[0].mac, ==, cases[i].mac);
        }
        setup_end(&s);
    }
}

static void test_bad(void)
{
    static const struct {
        const char *line, *part;
    } cases[] = {
        {"vmm -net nic,model=rtl8139", "there is e1000"},
        {"vmm -device rtl8139", "'rtl8139' is not modelled; there is e1000, ne2k_pci, ne2k_isa"},
        {"vmm -device virtio-net-pci,netdev=n", "'virtio-net-pci' is not modelled; there is e1000, ne2k_pci, ne2k_isa"},
        {"vmm -nic user,model=virtio-net-pci", "there is e1000, ne2k_pci, ne2k_isa"},
        {"vmm -device e1000,addr=20", "addr=20: must be"},
        {"vmm -device e1000,addr=3.8", "addr=3.8: must be"},
        {"vmm -device e1000,addr=x", "addr=x: must be"},
        {"vmm -device e1000,addr=", "addr=: must be"},
        {"vmm -device e1000,addr=-1", "addr=-1: must be"},
        {"vmm -device e1000,bus=pci.1", "Bus 'pci.1' not found"},
        {"vmm -device ne2k_isa,bus=pci.0", "bus=isa.0"},
        {"vmm -device ne2k_isa,addr=3", "cards on PCI"},
        {"vmm -device e1000,bootindex=first", "bootindex=first"},
        {"vmm -device e1000,rombar=2", "rombar=2"},
        {"vmm -net none -tftp /tmp", "-tftp needs a user network"},
        {"vmm -nic none -bootp f", "-bootp needs"},
        {"vmm -tftp /nowhere/at/all", "is no folder"},
        {"vmm -nic user,smb=/tmp", "no SMB server"},
        {"vmm -nic user,id=u -netdev user,id=u", "id=u is taken"},
        {"vmm -nic user,ipv4=off,ipv6=off", "IPv4 and IPv6 disabled"},
        {"vmm -nic user,restrict=on,dns=1.2.3.4", "dns=: 1.2.3.4 is not in"},
        {"vmm -nic user,dns=1.2.3", "dns=: '1.2.3' is no"},
        {"vmm -netdev socket,id=a", "exactly one"}, /* without a card, too */
        {"vmm -netdev tap,id=a,fd=99", "open tap descriptor"},
        {"vmm -net tape", "there is nic, none, dump, user, socket, tap"},
        {"vmm -nic bridge", "there is none, user, socket, tap"},
        {"vmm -net nic,vlan=x -net user", "vlan=x"},
        {"vmm -netdev hubport,id=a,hubid=0,netdev=zz", "no -netdev with id=zz"},
        {"vmm -nic user,guestfwd=tcp:10.0.2.100:7", "guestfwd"},
        {"vmm -nic user,guestfwd=tcp:1.2.3.4:7-cmd:cat", "guestfwd"},
        {"vmm -nic user,guestfwd=tcp:10.0.2.100:7-pipe:x", "cmd:COMMAND"},
        {"vmm -nic user,restrict=maybe", "restrict="},
        {"vmm -object rng-random,id=r", "filter-dump"},
        {"vmm -netdev user,id=a -device e1000,netdev=a -object filter-dump,id=f,netdev=b,file=/dev/null", "id=b"},
        {"vmm -netdev user,id=a -device e1000,netdev=a -object filter-dump,id=f,netdev=a", "file=FILE"},
        {"vmm -netdev user,id=a -device e1000,netdev=a -object filter-dump,id=f,netdev=a,file=/no/such/file", "cannot write"},
        {"vmm -net nic -net user -net dump,file=/dev/null -net dump,file=/dev/null", "one capture"},
        {"vmm -nic user,ipv6-net=10.0.2.0", "ipv6-net="},
        {"vmm -nic user,ipv6-net=fec0::/200", "1 to 126"},
        {"vmm -nic user,ipv6-host=fec1::1", "not in the guest's network"},
        {"vmm -nic socket", "exactly one"},
        {"vmm -nic socket,listen=1234", "HOST:PORT"},
        {"vmm -nic socket,connect=127.0.0.1:1", "refused"},
        {"vmm -nic socket,mcast=127.0.0.1:1234", "multicast address"},
        {"vmm -nic socket,udp=127.0.0.1:1234", "localaddr="},
        {"vmm -nic socket,fd=77", "open socket"},
        {"vmm -nic tap,fd=0", "open tap descriptor"},
        {"vmm -nic tap,ifname=a-name-that-is-too-long", "at most 15"},
        {"vmm -netdev user", "id= is missing"},
        {"vmm -netdev user,id=a -netdev user,id=a", "taken"},
        {"vmm -device e1000,netdev=x", "no -netdev with id=x"},
        {"vmm -netdev user,id=a -device e1000,netdev=a -device e1000,netdev=a",
         "has a card already"},
        {"vmm -net nic,macaddr=zz", "mac=zz"},
        {"vmm -net user,restict=on", "restrict"},
        {"vmm -redir tcp:1", "HOSTPORT"},
        {"vmm -redir tcp:x::22", "(Bad host port)"},
        {"vmm -nic user,hostfwd=tcp:22", "(Missing : separator)"},
        {"vmm -nic user,hostfwd=sctp::1-:2", "(Bad protocol name)"},
        {"vmm -nic user,hostfwd=tcp:host:1-:2", "(Bad host address)"},
        {"vmm -nic user,hostfwd=tcp::1", "(Bad host port separator)"},
        {"vmm -nic user,hostfwd=tcp::65536-:2", "(Bad host port)"},
        {"vmm -nic user,hostfwd=tcp::1-2", "(Missing guest address)"},
        {"vmm -nic user,hostfwd=tcp::1-guest:2", "(Bad guest address)"},
        {"vmm -nic user,hostfwd=tcp::1-:0", "(Bad guest port)"},
        {"vmm -net none -redir tcp:1234::22", "needs a user network"},
        {"vmm -nic user,hostfwd=tcp::1-", "(Missing guest address)"},
        {"vmm -nic user,net=10.0.0.0/40", "net="},
        {"vmm -nic user,tftp=/nowhere/at/all", "is no folder"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct setup s;
        g_autofree char *message = setup_begin(&s, cases[i].line);
        g_assert_nonnull(message);
        if (strstr(message, cases[i].part) == NULL) {
            g_error("%s: %s", cases[i].line, message);
        }
        setup_end(&s);
    }
}

static void test_place(void)
{
    struct setup s;
    g_autofree char *message = setup_begin(
        &s, "vmm -device e1000,bus=pci.0,addr=0x1e.3,romfile=,bootindex=1 -nic user,model=ne2k_pci,addr=a,romfile=/a/b "
            "-net nic,addr=00:07,bootindex=0 -device ne2k-pci,rombar=0,multifunction=on -device ne2k_isa,bus=isa.0");
    g_assert_cmpstr(message, ==, NULL);
    const struct pc_nic_config *nics = s.config.nics;
    g_assert_cmpuint(s.config.nic_count, ==, 5);
    static const struct {
        int slot;
        unsigned function;
        int bootindex;
        const char *romfile;
    } want[] = {{0x1e, 3, 1, ""}, {10, 0, -1, "/a/b"}, {7, 0, 0, NULL}, {-1, 0, -1, ""}, {-1, 0, -1, NULL}};
    for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
        g_assert_cmpint(nics[i].slot, ==, want[i].slot);
        g_assert_cmpuint(nics[i].function, ==, want[i].function);
        g_assert_cmpint(nics[i].bootindex, ==, want[i].bootindex);
        g_assert_cmpstr(nics[i].romfile, ==, want[i].romfile);
    }
    setup_end(&s);
}

static void test_help(void)
{
    g_assert_cmpstr(option_net_help("help"), ==, "netdev");
    g_assert_cmpstr(option_net_help("?"), ==, "netdev");
    g_assert_cmpstr(option_net_help("nic,model=help"), ==, "nic");
    g_assert_cmpstr(option_net_help("nic,model=?"), ==, "nic");
    g_assert_null(option_net_help("user,hostname=help"));
}

int main(int argc, char **argv)
{
    test_main_init(&argc, &argv);
    g_test_add_func("/options-net/good", test_good);
    g_test_add_func("/options-net/bad", test_bad);
    g_test_add_func("/options-net/place", test_place);
    g_test_add_func("/options-net/help", test_help);
    return g_test_run();
}
