/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What PCI functions are called and how `info qtree` shows them. BQL. */
#include "qemu/osdep.h"
#include "hw/pci/pci.h"

static const struct {
    uint16_t class_code;
    const char *name;
} class_names[] = {
    { 0x0001, "VGA controller" },     { 0x0100, "SCSI controller" },
    { 0x0101, "IDE controller" },     { 0x0102, "Floppy controller" },
    { 0x0103, "IPI controller" },     { 0x0104, "RAID controller" },
    { 0x0106, "SATA controller" },    { 0x0107, "SAS controller" },
    { 0x0180, "Storage controller" }, { 0x0200, "Ethernet controller" },
    { 0x0201, "Token Ring controller" }, { 0x0202, "FDDI controller" },
    { 0x0203, "ATM controller" },     { 0x0280, "Network controller" },
    { 0x0300, "VGA controller" },     { 0x0301, "XGA controller" },
    { 0x0302, "3D controller" },      { 0x0380, "Display controller" },
    { 0x0400, "Video controller" },   { 0x0401, "Audio controller" },
    { 0x0480, "Multimedia controller" }, { 0x0500, "RAM controller" },
    { 0x0501, "Flash controller" },   { 0x0580, "Memory controller" },
    { 0x0600, "Host bridge" },        { 0x0601, "ISA bridge" },
    { 0x0602, "EISA bridge" },        { 0x0603, "MC bridge" },
    { 0x0604, "PCI bridge" },         { 0x0605, "PCMCIA bridge" },
    { 0x0606, "NUBUS bridge" },       { 0x0607, "CARDBUS bridge" },
    { 0x0608, "RACEWAY bridge" },     { 0x0680, "Bridge" },
    { 0x0700, "Serial port" },        { 0x0701, "Parallel port" },
    { 0x0800, "Interrupt controller" }, { 0x0801, "DMA controller" },
    { 0x0802, "Timer" },              { 0x0803, "RTC" },
    { 0x0900, "Keyboard" },           { 0x0901, "Pen" },
    { 0x0902, "Mouse" },              { 0x0A00, "Docking station" },
    { 0x0B00, "i386 cpu" },           { 0x0c00, "Firewire controller" },
    { 0x0c01, "Access bus controller" }, { 0x0c02, "SSA controller" },
    { 0x0c03, "USB controller" },     { 0x0c04, "Fibre channel controller" },
    { 0x0c05, "SMBus" },
};

const char *pci_class_name(uint16_t class_code)
{
    for (size_t i = 0; i < ARRAY_SIZE(class_names); i++) {
        if (class_names[i].class_code == class_code) {
            return class_names[i].name;
        }
    }
    return NULL;
}

void pci_print_qtree(const DeviceState *dev, GString *out, int indent)
{
    const PCIDevice *d = PCI_DEVICE((DeviceState *)dev);
    uint16_t class_code = (uint16_t)pci_get(d, PCI_CLASS_DEVICE, 2);
    const char *name = pci_class_name(class_code);
    g_autofree char *label = name ? g_strdup(name) : g_strdup_printf("Class %04x", class_code);

    g_string_append_printf(out, "%*sclass %s, addr %02x:%02x.%x, pci id %04x:%04x "
                           "(sub %04x:%04x)\n", indent, "", label, pci_bus_number(d->bus),
                           PCI_SLOT(d->devfn), PCI_FUNC(d->devfn), pci_get(d, PCI_VENDOR_ID, 2),
                           pci_get(d, PCI_DEVICE_ID, 2), pci_get(d, PCI_SUBSYSTEM_VENDOR, 2),
                           pci_get(d, PCI_SUBSYSTEM_ID, 2));
    for (unsigned n = 0; n < PCI_NR_REGIONS; n++) {
        const PCIRegion *r = &d->regions[n];

        if (r->mr) {
            g_string_append_printf(out, "%*sbar %u: %s at 0x%" PRIx64 " [0x%" PRIx64 "]\n", indent,
                                   "", n, r->type & PCI_BAR_IO ? "i/o" : "mem", r->addr,
                                   r->addr + r->size - 1);
        }
    }
}
