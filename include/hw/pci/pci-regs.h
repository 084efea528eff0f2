/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of PCI configuration space (PCI 3.0 chapter 6, PCI Express 4.0 chapter 7). */
#ifndef HW_PCI_PCI_REGS_H
#define HW_PCI_PCI_REGS_H

enum {
    /* Every function */
    PCI_VENDOR_ID = 0x00,
    PCI_DEVICE_ID = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION = 0x08,
    PCI_CLASS_PROG = 0x09,
    PCI_CLASS_DEVICE = 0x0a,
    PCI_CACHE_LINE = 0x0c,
    PCI_LATENCY = 0x0d,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_CAP_LIST = 0x34,
    PCI_INTERRUPT_LINE = 0x3c,
    PCI_INTERRUPT_PIN = 0x3d,
    PCI_DEVICE_REGS = 0x40,

    /* Header type 0 */
    PCI_SUBSYSTEM_VENDOR = 0x2c,
    PCI_SUBSYSTEM_ID = 0x2e,
    PCI_ROM_ADDRESS = 0x30,

    /* Header type 1: bridges */
    PCI_PRIMARY_BUS = 0x18,
    PCI_SECONDARY_BUS = 0x19,
    PCI_SUBORDINATE_BUS = 0x1a,
    PCI_SEC_LATENCY = 0x1b,
    PCI_IO_BASE = 0x1c,
    PCI_IO_LIMIT = 0x1d,
    PCI_SEC_STATUS = 0x1e,
    PCI_MEM_BASE = 0x20,
    PCI_MEM_LIMIT = 0x22,
    PCI_PREF_BASE = 0x24,
    PCI_PREF_LIMIT = 0x26,
    PCI_PREF_BASE_HIGH = 0x28,
    PCI_PREF_LIMIT_HIGH = 0x2c,
    PCI_IO_BASE_HIGH = 0x30,
    PCI_IO_LIMIT_HIGH = 0x32,
    PCI_BRIDGE_ROM = 0x38,
    PCI_BRIDGE_CONTROL = 0x3e,
};

enum {
    PCI_COMMAND_IO = 0x001,
    PCI_COMMAND_MEMORY = 0x002,
    PCI_COMMAND_MASTER = 0x004,
    PCI_COMMAND_SERR = 0x100,
    PCI_COMMAND_INTX_OFF = 0x400,

    PCI_STATUS_INTERRUPT = 0x0008,
    PCI_STATUS_CAP_LIST = 0x0010,

    PCI_HEADER_BRIDGE = 0x01,
    PCI_HEADER_MULTI = 0x80,

    PCI_BAR_IO = 0x1,
    PCI_BAR_64 = 0x4,
    PCI_BAR_PREFETCH = 0x8,

    PCI_BRIDGE_CTL_RESET = 0x40,
};

/* Capability ids */
enum {
    PCI_CAP_PM = 0x01,
    PCI_CAP_MSI = 0x05,
    PCI_CAP_VENDOR = 0x09,
    PCI_CAP_SSVID = 0x0d,
    PCI_CAP_EXPRESS = 0x10,
    PCI_CAP_MSIX = 0x11,

    PCIE_EXT_CAP_AER = 0x01,
    PCIE_EXT_CAP_ACS = 0x0d,
};

#define PCI_VENDOR_INTEL 0x8086
#define PCI_VENDOR_REDHAT 0x1b36
#define PCI_VENDOR_VIRTIO 0x1af4
#define PCI_SUBSYSTEM_QEMU 0x1100

#define PCI_DEVFN(slot, fn) ((slot) << 3 | (fn))
#define PCI_SLOT(devfn) ((devfn) >> 3 & 0x1f)
#define PCI_FUNC(devfn) ((devfn) & 7)

#define PCI_CONFIG_BYTES 256u
#define PCIE_CONFIG_BYTES 4096u
#define PCI_NR_INTX 4
#define PCI_NR_BARS 6
#define PCI_ROM_SLOT 6
#define PCI_NR_REGIONS 7

#endif
