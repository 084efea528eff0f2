/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI transport (virtio 1.2, 4.1): a PCI function that owns a virtio device. On a root bus it
 * is transitional (the legacy interface in an I/O region besides the modern one), behind a PCI
 * Express port modern only, as in QEMU. BQL.
 */
#ifndef HW_VIRTIO_VIRTIO_PCI_H
#define HW_VIRTIO_VIRTIO_PCI_H

#include "hw/pci/pci.h"
#include "hw/virtio/virtio.h"

/* What "-transitional" and "-non-transitional" at the end of a type's name fix. */
typedef enum VirtIOPCIFlavour {
    VIRTIO_PCI_GENERIC, /* as the bus and the properties say */
    VIRTIO_PCI_TRANSITIONAL,
    VIRTIO_PCI_NON_TRANSITIONAL,
} VirtIOPCIFlavour;

/* A named function type around a device type; `pci` comes first. */
typedef struct VirtIOPCIType {
    PCIDeviceType pci;
    const VirtIODeviceType *vdev;
    uint32_t default_vectors; /* where "vectors" is not given */
    VirtIOPCIFlavour flavour;
} VirtIOPCIType;

extern const ObjectType type_virtio_pci; /* abstract "virtio-pci" */
#define VIRTIO_PCI_TYPES(_var) extern const VirtIOPCIType _var, _var##_transitional,            \
                                                    _var##_non_transitional
VIRTIO_PCI_TYPES(type_virtio_rng_pci);
VIRTIO_PCI_TYPES(type_virtio_blk_pci);
VIRTIO_PCI_TYPES(type_virtio_serial_pci);
VIRTIO_PCI_TYPES(type_virtio_balloon_pci);
VIRTIO_PCI_TYPES(type_virtio_net_pci);

#endif
