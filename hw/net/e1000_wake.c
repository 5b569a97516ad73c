/*
 * Power states and wake-up of the 82540EM (manual chapter 6; PCI Power Management Interface 1.1): in D3 frames are not
 * received but compared with the filters of WUFC (WUC.APME: magic packets anyway); a match is kept in WUS, WUPL and WUPM
 * and sets PME_Status. The PME# line is not connected on this board, so the system is not woken by it.
 */
#include <string.h>

#include "hw/net/e1000_impl.h"

#define PM_CAPABILITY  0x01
#define PM_SIZE        8
#define PMC            2
#define PMCSR          4
#define PMC_VALUE      0xc822 /* PME from D0 and D3, device specific initialization, version 1.1 */
#define PMCSR_STATE    0x0003
#define PMCSR_PME_EN   0x0100
#define PMCSR_PME      0x8000
#define STATE_D3       3
#define MAGIC_REPEATS  16u
#define FLEXIBLE_COUNT 4u
#define FLEXIBLE_MAX   128u
#define ETHERTYPE_IPV4 0x0800u
#define ETHERTYPE_ARP  0x0806u
#define ETHERTYPE_IPV6 0x86ddu

static void written(struct pci_device *pci, unsigned offset, unsigned size)
{
    struct e1000 *e = e1000_of(pci->dev);
    if (offset + size > E1000_PM_OFFSET + PMCSR && e->port != NULL) {
        net_port_resume(e->port);
    }
}

void e1000_wake_create(struct e1000 *e)
{
    pci_add_capability(&e->pci, PM_CAPABILITY, E1000_PM_OFFSET, PM_SIZE);
    pci_default_u16(&e->pci, E1000_PM_OFFSET + PMC, PMC_VALUE);
    pci_writable_u16(&e->pci, E1000_PM_OFFSET + PMCSR, PMCSR_STATE | PMCSR_PME_EN);
    e->pci.clear[E1000_PM_OFFSET + PMCSR + 1] = PMCSR_PME >> 8;
    e->pci.written = written;
}

bool e1000_wake_asleep(const struct e1000 *e)
{
    return (pci_get_u16(&e->pci, E1000_PM_OFFSET + PMCSR) & PMCSR_STATE) == STATE_D3;
}

static void wake(struct e1000 *e, uint32_t causes)
{
    e->wus |= causes;
    e->wuc |= WUC_PME_STATUS;
    e->pci.config[E1000_PM_OFFSET + PMCSR + 1] |= PMCSR_PME >> 8;
}

static bool enabled(const struct e1000 *e)
{
    return (e->wuc & (WUC_PME_EN | WUC_APME)) || (pci_get_u16(&e->pci, E1000_PM_OFFSET + PMCSR) & PMCSR_PME_EN);
}

/* Six bytes of ones, then our address sixteen times, anywhere. */
static bool is_magic(const uint8_t mac[6], const uint8_t *frame, size_t size)
{
    for (size_t at = 14; at + 6 + 6 * MAGIC_REPEATS <= size; at++) {
        unsigned n = 0;
        if (memcmp(frame + at, "\xff\xff\xff\xff\xff\xff", 6) != 0) {
            continue;
        }
        while (n < MAGIC_REPEATS && memcmp(frame + at + 6 + 6 * n, mac, 6) == 0) {
            n++;
        }
        if (n == MAGIC_REPEATS) {
            return true;
        }
    }
    return false;
}

/* An ARP request for, or a packet to, one of the enabled addresses of IP4AT. */
static bool is_our_ip4(const struct e1000 *e, const uint8_t *address)
{
    for (unsigned i = 0; i < 4; i++) {
        if ((e->ipav >> i & 1) && memcmp(&e->ip4at[2 * i], address, 4) == 0) {
            return true;
        }
    }
    return false;
}

/* The frame's first bytes against a flexible filter: those whose mask bit is set must be equal. */
static bool is_flexible(const struct e1000 *e, unsigned filter, const uint8_t *frame, size_t size)
{
    unsigned length = MIN(e->fflt[2 * filter] & 0x7ff, FLEXIBLE_MAX);
    for (unsigned i = 0; i < length; i++) {
        if ((e->ffmt[2 * i] >> filter & 1) && (i >= size || (uint8_t)(e->ffvt[2 * i] >> 8 * filter) != frame[i])) {
            return false;
        }
    }
    return length > 0 && size >= length;
}

static uint32_t causes_of(struct e1000 *e, const uint8_t *frame, size_t size)
{
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    unsigned type = (unsigned)frame[12] << 8 | frame[13];
    bool is_broadcast = memcmp(frame, broadcast, 6) == 0;
    uint8_t mac[6];
    e1000_station(e, mac);
    bool direct = memcmp(frame, mac, 6) == 0;
    uint32_t causes = is_magic(mac, frame, size) ? WUFC_MAG : 0;
    causes |= direct ? WUFC_EX : 0;
    causes |= is_broadcast ? WUFC_BC : 0;
    causes |= !is_broadcast && (frame[0] & 1) && e1000_filter(e, frame, size) ? WUFC_MC : 0;
    causes |= type == ETHERTYPE_ARP && size >= 42 && is_our_ip4(e, frame + 38) ? WUFC_ARP : 0;
    causes |= type == ETHERTYPE_IPV4 && size >= 34 && direct && is_our_ip4(e, frame + 30) ? WUFC_IPV4 : 0;
    causes |= type == ETHERTYPE_IPV6 && size >= 54 && direct && (e->ipav >> 16 & 1) &&
                      memcmp(e->ip6at, frame + 38, 16) == 0
                  ? WUFC_IPV6
                  : 0;
    for (unsigned i = 0; i < FLEXIBLE_COUNT; i++) {
        causes |= is_flexible(e, i, frame, size) ? 1u << (WUFC_FLX_SHIFT + i) : 0;
    }
    return causes;
}

void e1000_wake_frame(struct e1000 *e, const uint8_t *frame, size_t size)
{
    if (!enabled(e) || size < NET_HEADER_SIZE) {
        return;
    }
    uint32_t wanted = e->wufc | (e->wuc & WUC_APME ? WUFC_MAG : 0);
    uint32_t causes = causes_of(e, frame, size) & wanted;
    if (causes != 0) {
        memset(e->wupm, 0, sizeof(e->wupm));
        memcpy(e->wupm, frame, MIN(size, sizeof(e->wupm)));
        e->wupl = (uint32_t)size & 0xfff;
        wake(e, causes);
    }
}

void e1000_wake_link(struct e1000 *e)
{
    if (e1000_wake_asleep(e) && enabled(e) && (e->wufc & WUFC_LNKC)) {
        wake(e, WUFC_LNKC);
    }
}
