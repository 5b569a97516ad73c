/* See the header. */
#include "tests/support/e1000_test.h"

#include <string.h>

static void schedule(void *owner)
{
}

static enum net_result receive(void *owner, const uint8_t *frame, size_t size)
{
    struct e1000_test *t = owner;
    if (t->peer_busy) {
        return NET_WAIT;
    }
    if (t->frames < G_N_ELEMENTS(t->sizes)) {
        t->sizes[t->frames] = size;
    }
    t->frames++;
    t->size = size;
    memcpy(t->frame, frame, size);
    return NET_SENT;
}

static const struct net_port_ops ops = {.schedule = schedule, .receive = receive};

uint32_t e1000_test_get(struct e1000_test *t, uint32_t reg)
{
    return (uint32_t)test_region_read(&t->e->mmio, reg, 4);
}

void e1000_test_set(struct e1000_test *t, uint32_t reg, uint32_t value)
{
    test_region_write(&t->e->mmio, reg, value, 4);
}

void e1000_test_begin(struct e1000_test *t)
{
    memset(t, 0, sizeof(*t));
    t->machine = test_machine_create();
    t->ram = test_machine_add_ram(t->machine, E1000_TEST_RAM);
    t->dev = test_device_create(t->machine, &e1000_class, "net", NULL);
    t->e = e1000_of(t->dev);
    t->link = net_link_create();
    t->peer = net_link_port(t->link, 1);
    net_port_attach(t->peer, &ops, t);
    e1000_connect_port(t->dev, net_link_port(t->link, 0));
    pci_config_write(&t->e->pci, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    for (unsigned i = 0; i < E1000_TEST_COUNT; i++) {
        uint64_t address = E1000_TEST_RX_DATA + i * 2048;
        memcpy(t->ram->host + E1000_TEST_RX_RING + i * E1000_DESC_SIZE, &address, 8);
    }
    e1000_test_set(t, E1000_TDBAL, E1000_TEST_TX_RING);
    e1000_test_set(t, E1000_TDLEN, E1000_TEST_COUNT * E1000_DESC_SIZE);
    e1000_test_set(t, E1000_TCTL, TCTL_EN | TCTL_PSP);
    e1000_test_set(t, E1000_RDBAL, E1000_TEST_RX_RING);
    e1000_test_set(t, E1000_RDLEN, E1000_TEST_COUNT * E1000_DESC_SIZE);
    e1000_test_set(t, E1000_RDT, E1000_TEST_COUNT - 1);
    e1000_test_set(t, E1000_RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC);
}

void e1000_test_end(struct e1000_test *t)
{
    net_port_detach(t->peer);
    test_machine_destroy(t->machine);
    net_link_destroy(t->link);
}

void e1000_test_transmit(struct e1000_test *t, uint64_t address, uint32_t command, uint32_t upper)
{
    uint32_t tail = e1000_test_get(t, E1000_TDT);
    uint8_t *d = t->ram->host + E1000_TEST_TX_RING + tail * E1000_DESC_SIZE;
    memcpy(d, &address, 8);
    memcpy(d + 8, &command, 4);
    memcpy(d + 12, &upper, 4);
    e1000_test_set(t, E1000_TDT, (tail + 1) % E1000_TEST_COUNT);
    e1000_test_run(t);
}

void e1000_test_run(struct e1000_test *t)
{
    net_port_poll(t->peer);
    test_run_events(t->machine);
    net_port_poll(t->peer);
}

void e1000_test_arrive(struct e1000_test *t, const uint8_t *frame, size_t size)
{
    g_assert_cmpint(net_port_send(t->peer, frame, size), ==, NET_SENT);
    test_run_events(t->machine);
}
