/* Commands about the network: cards, user networks, forwards, cables, captures. */
#include <string.h>

#include "monitor/cmd.h"
#include "net/pcap.h"
#include "net/port.h"
#include "net/user.h"

static struct monitor_nic *find_nic(struct command_call *call, const char *name)
{
    for (unsigned i = 0; i < call->env->nic_count; i++) {
        struct monitor_nic *nic = &call->env->nics[i];
        if (strcmp(nic->name, name) == 0 || g_strcmp0(nic->backend, name) == 0) {
            return nic;
        }
    }
    command_print(
        call, "Error: there is no network card or network '%s'; info network lists them\n", name);
    return NULL;
}

void cmd_info_network(struct command_call *call)
{
    for (unsigned i = 0; i < call->env->nic_count; i++) {
        const struct monitor_nic *nic = &call->env->nics[i];
        struct net_port_stats sent = net_port_stats(net_link_port(nic->link, 0));
        struct net_port_stats received = net_port_stats(net_link_port(nic->link, 1));
        command_print(call, "%s: index=0,type=nic,model=e1000,macaddr=%s%s\n", nic->name, nic->mac,
                      net_link_up(nic->link) ? "" : ",link=off");
        if (nic->user != NULL) {
            command_print(call, " \\ %s: index=0,type=user%s\n", nic->backend,
                          nic->capture != NULL ? ",captured" : "");
        }
        command_print(call,
                      "   sent %" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT
                      " bytes; received %" G_GUINT64_FORMAT " frames, %" G_GUINT64_FORMAT
                      " bytes\n",
                      sent.frames, sent.bytes, received.frames, received.bytes);
    }
}

void cmd_info_usernet(struct command_call *call)
{
    for (unsigned i = 0; i < call->env->nic_count; i++) {
        const struct monitor_nic *nic = &call->env->nics[i];
        if (nic->user != NULL) {
            command_print(call, "%s:\n", nic->backend);
            net_user_print(nic->user, call->out);
        }
    }
}

/* "[NETWORK] RULE": the network may be left out, then the first is meant. *rule points at the
 * second word. */
static struct net_user *user_of(struct command_call *call, const char **rule)
{
    if (call->args[1].given) {
        struct monitor_nic *nic = find_nic(call, call->args[0].text);
        *rule = call->args[1].text;
        if (nic != NULL && nic->user == NULL) {
            command_print(call, "Error: '%s' is not on a user network\n", nic->name);
        }
        return nic != NULL ? nic->user : NULL;
    }
    *rule = call->args[0].text;
    for (unsigned i = 0; i < call->env->nic_count; i++) {
        if (call->env->nics[i].user != NULL) {
            return call->env->nics[i].user;
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

void cmd_set_link(struct command_call *call)
{
    const char *state = call->args[1].text;
    bool on = strcmp(state, "on") == 0;
    if (!on && strcmp(state, "off") != 0) {
        command_print(call, "Error: '%s' is neither on nor off\n", state);
        return;
    }
    struct monitor_nic *nic = find_nic(call, call->args[0].text);
    if (nic != NULL) {
        net_link_set(nic->link, on);
    }
}

void cmd_netdump(struct command_call *call)
{
    GError *error = NULL;
    struct monitor_nic *nic = NULL;
    if (call->args[1].given) {
        nic = find_nic(call, call->args[1].text);
    } else if (call->env->nic_count > 0) {
        nic = &call->env->nics[0];
    } else {
        command_print(call, "Error: there is no network card\n");
    }
    if (nic == NULL) {
        return;
    }
    if (nic->user == NULL) {
        command_print(call, "Error: '%s' is connected to nothing\n", nic->name);
        return;
    }
    struct net_port *port = net_link_port(nic->link, 1);
    net_port_set_tap(port, NULL, NULL);
    g_clear_pointer(&nic->capture, pcap_destroy);
    if (strcmp(call->args[0].text, "off") == 0) {
        return;
    }
    nic->capture = pcap_create(call->args[0].text, &error);
    if (nic->capture == NULL) {
        command_error(call, error);
        return;
    }
    net_port_set_tap(port, pcap_frame, nic->capture);
}
