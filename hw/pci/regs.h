/*
 * Names of the standard configuration registers and bits (PCI Local Bus 2.3, chapter 6).
 */
#ifndef HW_PCI_REGS_H
#define HW_PCI_REGS_H

#define PCI_CONFIG_SIZE 256

#define PCI_VENDOR_ID           0x00
#define PCI_DEVICE_ID           0x02
#define PCI_COMMAND             0x04
#define PCI_STATUS              0x06
#define PCI_REVISION_ID         0x08
#define PCI_CLASS_PROG          0x09
#define PCI_CLASS_CODE          0x0a /* subclass, then base class */
#define PCI_CACHE_LINE_SIZE     0x0c
#define PCI_LATENCY_TIMER       0x0d
#define PCI_HEADER_TYPE         0x0e
#define PCI_BASE_ADDRESS_0      0x10
#define PCI_SUBSYSTEM_VENDOR_ID 0x2c
#define PCI_SUBSYSTEM_ID        0x2e
#define PCI_ROM_ADDRESS         0x30
#define PCI_CAPABILITY_LIST     0x34
#define PCI_INTERRUPT_LINE      0x3c
#define PCI_INTERRUPT_PIN       0x3d

#define PCI_COMMAND_IO           0x0001
#define PCI_COMMAND_MEMORY       0x0002
#define PCI_COMMAND_MASTER       0x0004
#define PCI_COMMAND_PARITY       0x0040
#define PCI_COMMAND_SERR         0x0100
#define PCI_COMMAND_INTX_DISABLE 0x0400

#define PCI_STATUS_INTERRUPT     0x0008
#define PCI_STATUS_CAP_LIST      0x0010
#define PCI_STATUS_FAST_BACK     0x0080
#define PCI_STATUS_DEVSEL_MEDIUM 0x0200
#define PCI_STATUS_W1C           0xf900 /* error bits, cleared by writing ones */

#define PCI_HEADER_MULTIFUNCTION 0x80

#define PCI_BASE_ADDRESS_IO       0x01
#define PCI_BASE_ADDRESS_64       0x04
#define PCI_BASE_ADDRESS_PREFETCH 0x08
#define PCI_ROM_ADDRESS_ENABLE    0x01

#define PCI_CAP_PM  0x01
#define PCI_CAP_MSI 0x05

/* What the chips of a QEMU pc carry in their subsystem registers; guests and drivers look for it. */
#define PCI_SUBSYSTEM_VENDOR_DEFAULT 0x1af4
#define PCI_SUBSYSTEM_DEVICE_DEFAULT 0x1100

#define PCI_DEVFN(slot, function) (((slot) << 3) | (function))
#define PCI_SLOT(devfn)           ((devfn) >> 3)
#define PCI_FUNCTION(devfn)       ((devfn)&7)

#endif
