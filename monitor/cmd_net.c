/* Commands about the network: cards, networks, forwards, cables, captures. */
#include <string.h>

#include "monitor/cmd.h"
#include "net/pcap.h"
#include "net/port.h"
#include "net/socket.h"
#include "net/tap.h"
#include "net/user.h"

static struct monitor_nic *find_nic(const struct command_call *call, const char *name)
{
    for (unsigned i = 0; i < call->env->nic_count; i++) {
        if (strcmp(call->env->nics[i].name, name) == 0) {
            return &call->env->nics[i];
        }
    }
    return NULL;
}

static struct monitor_net *find_net(const struct command_call *call, const char *name)
{
    for (unsigned i = 0; i < call->env->net_count; i++) {
        if (strcmp(call->env->nets[i].name, name) == 0) {
            return &call->env->nets[i];
        }
    }
    return NULL;
}

static void no_such(struct command_call *call, const char *name)
{
    command_print(call, "Error: Device '%s' not found; info network lists the network cards and networks\n", name);
}

/* ---- info ---- */

static void print_nic(struct command_call *call, const char *lead, const struct monitor_nic *nic)
{
    command_print(call, "%s%s: index=0,type=nic,model=%s,macaddr=%s%s%s\n", lead, nic->name, nic->model, nic->mac,
                  net_link_up(nic->link) ? "" : ",link=off", nic->capture != NULL ? ",captured" : "");
}

static void print_net(struct command_call *call, const char *lead, const struct monitor_net *net)
{
    g_autoptr(GString) text = g_string_new(net->settings);
    if (net->socket != NULL) {
        net_socket_print(net->socket, text);
    } else if (net->tap != NULL) {
        net_tap_print(net->tap, text);
    }
    command_print(call, "%s%s: index=0,type=%s,%s%s%s\n", lead, net->name, net->type, text->str,
                  net_link_up(net->link) ? "" : ",link=off", net->capture != NULL ? ",captured" : "");
}

static void print_frames(struct command_call *call, const struct monitor_nic *nic)
{
    struct net_port_stats sent = net_port_stats(net_link_port(nic->link, 0));
    struct net_port_stats received = net_port_stats(net_link_port(nic->link, 1));
    command_print(call,
                  "   sent %" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT " bytes; received %" G_GUINT64_FORMAT
                  " frames, %" G_GUINT64_FORMAT " bytes\n",
                  sent.frames, sent.bytes, received.frames, received.bytes);
}

static void print_hub(struct command_call *call, int hub)
{
    bool headed = false;
    for (unsigned i = 0; i < call->env->nic_count; i++) {
        if (call->env->nics[i].hub == hub) {
            if (!headed) {
                command_print(call, "hub %d\n", hub);
            }
            headed = true;
            print_nic(call, " \\ ", &call->env->nics[i]);
            print_frames(call, &call->env->nics[i]);
        }
    }
    for (unsigned i = 0; i < call->env->net_count; i++) {
        if (call->env->nets[i].hub == hub) {
            if (!headed) {
                command_print(call, "hub %d\n", hub);
            }
            headed = true;
            print_net(call, " \\ ", &call->env->nets[i]);
        }
    }
}

static bool has_card(const struct command_call *call, const struct monitor_net *net)
{
    bool has = false;
    for (unsigned i = 0; i < call->env->nic_count; i++) {
        has |= call->env->nics[i].net == net;
    }
    return has;
}

void cmd_info_network(struct command_call *call)
{
    int last = -1;
    for (unsigned i = 0; i < call->env->nic_count; i++) {
        last = MAX(last, call->env->nics[i].hub);
    }
    for (unsigned i = 0; i < call->env->net_count; i++) {
        last = MAX(last, call->env->nets[i].hub);
    }
    for (int hub = 0; hub <= last; hub++) {
        print_hub(call, hub);
    }
    for (unsigned i = 0; i < call->env->nic_count; i++) {
        const struct monitor_nic *nic = &call->env->nics[i];
        if (nic->hub < 0) {
            print_nic(call, "", nic);
            if (nic->net != NULL) {
                print_net(call, " \\ ", nic->net);
            }
            print_frames(call, nic);
        }
    }
    for (unsigned i = 0; i < call->env->net_count; i++) {
        const struct monitor_net *net = &call->env->nets[i];
        if (net->hub < 0 && !has_card(call, net)) {
            print_net(call, "", net);
        }
    }
}

void cmd_info_usernet(struct command_call *call)
{
    bool any = false;
    for (unsigned i = 0; i < call->env->net_count; i++) {
        const struct monitor_net *net = &call->env->nets[i];
        if (net->user != NULL) {
            command_print(call, "Hub %d (%s):\n", net->hub, net->name);
            net_user_print(net->user, call->out);
            any = true;
        }
    }
    const char *why = any ? net_user_ping_limit() : NULL;
    if (why != NULL) {
        command_print(call, "ping reaches the gateway only: %s\n", why);
    }
}

/* ---- forwards ---- */

/* "[NETWORK] RULE": the network may be left out, then the first is meant. *rule points at the
 * second word. */
static struct net_user *user_of(struct command_call *call, const char **rule)
{
    if (call->args[1].given) {
        const char *name = call->args[0].text;
        const struct monitor_nic *nic = find_nic(call, name);
        const struct monitor_net *net = nic != NULL ? nic->net : find_net(call, name);
        *rule = call->args[1].text;
        if (nic == NULL && net == NULL) {
            command_print(call, "unrecognized netdev id '%s'; info network lists the networks\n", name);
        } else if (net == NULL || net->user == NULL) {
            command_print(call, "Error: '%s' is not on a user network\n", name);
        }
        return net != NULL ? net->user : NULL;
    }
    *rule = call->args[0].text;
    for (unsigned i = 0; i < call->env->net_count; i++) {
        if (call->env->nets[i].user != NULL) {
            return call->env->nets[i].user;
        }
    }
    command_print(call, "Error: there is no user network\n");
    return NULL;
}

void cmd_hostfwd_add(struct command_call *call)
{
    const char *rule;
    GError *error = NULL;
    struct net_user *user = user_of(call, &rule);
    if (user != NULL && !net_user_add_forward(user, rule, &error)) {
        command_error(call, error);
    }
}

void cmd_hostfwd_remove(struct command_call *call)
{
    const char *rule;
    GError *error = NULL;
    struct net_user *user = user_of(call, &rule);
    if (user != NULL && !net_user_remove_forward(user, rule, &error)) {
        command_error(call, error);
    } else if (user != NULL) {
        command_print(call, "host forwarding rule for %s removed\n", rule);
    }
}

/* ---- cables, captures ---- */

/* The wire of a card or network, and where its capture is kept. NULL and a message. */
static struct net_link *find_link(struct command_call *call, const char *name, struct pcap ***capture)
{
    struct monitor_nic *nic = find_nic(call, name);
    struct monitor_net *net = nic == NULL ? find_net(call, name) : NULL;
    if (nic == NULL && net == NULL) {
        no_such(call, name);
        return NULL;
    }
    /* The two ends of one wire have one capture. */
    for (unsigned i = 0; net != NULL && i < call->env->nic_count; i++) {
        if (call->env->nics[i].net == net) {
            nic = &call->env->nics[i];
        }
    }
    *capture = nic != NULL ? &nic->capture : &net->capture;
    return nic != NULL ? nic->link : net->link;
}

void cmd_set_link(struct command_call *call)
{
    const char *state = call->args[1].text;
    struct pcap **capture;
    bool on = strcmp(state, "on") == 0;
    if (!on && strcmp(state, "off") != 0) {
        command_print(call, "Expected 'on' or 'off'\nTry \"help set_link\" for more information\n");
        return;
    }
    struct net_link *link = find_link(call, call->args[0].text, &capture);
    if (link != NULL) {
        net_link_set(link, on);
    }
}

void cmd_netdump(struct command_call *call)
{
    GError *error = NULL;
    struct pcap **capture;
    if (!call->args[1].given && call->env->nic_count == 0) {
        command_print(call, "Error: there is no network card\n");
        return;
    }
    const char *name = call->args[1].given ? call->args[1].text : call->env->nics[0].name;
    struct net_link *link = find_link(call, name, &capture);
    if (link == NULL) {
        return;
    }
    struct net_port *port = net_link_port(link, 1);
    net_port_set_tap(port, NULL, NULL);
    g_clear_pointer(capture, pcap_destroy);
    if (strcmp(call->args[0].text, "off") == 0) {
        return;
    }
    *capture = pcap_create(call->args[0].text, &error);
    if (*capture == NULL) {
        command_error(call, error);
        return;
    }
    net_port_set_tap(port, pcap_frame, *capture);
}
