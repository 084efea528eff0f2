/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The type table: everything that -device, -global and introspection know, a row a type; types that
 * follow from other tables are families. */
#include "qemu/osdep.h"
#include "backends/iothread.h"
#include "backends/memory.h"
#include "backends/secret.h"
#include "chardev/char-object.h"
#include "hw/acpi/pm.h"
#include "hw/char/serial.h"
#include "hw/core/machine.h"
#include "backends/rng.h"
#include "hw/core/qdev.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic-device.h"
#include "hw/isa/pc-ports.h"
#include "hw/misc/testdev.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci-host/pci-host.h"
#include "hw/rtc/mc146818.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "hw/virtio/virtio-pci.h"
#include "hw/virtio/virtio-serial.h"
#include "target/i386/cpu.h"

static const ObjectType type_accel = {
    .name = "accel",
    .abstract = true,
};

static void accel_object_types(ObjectTypeFn *fn, void *opaque)
{
    for (const AccelOps *const *a = accel_table; *a; a++) {
        ObjectType *type = g_new0(ObjectType, 1); /* asked for once; lives forever */

        type->name = (*a)->type_name;
        type->parent = &type_accel;
        fn(opaque, type);
    }
}

const ObjectType *const object_types[] = {
    &type_accel,
    &type_acpi_pm.object,
    &type_container,
    &type_cpu,
    &type_device,
    &type_fw_cfg.object,
    &type_hpet.object,
    &type_i440fx.device.object,
    &type_i440fx_pcihost.object,
    &type_i8259.object,
    &type_ich9_lpc.device.object,
    &type_ioapic.object,
    &type_iothread,
    &type_isa_debug_exit.object,
    &type_isa_debugcon.object,
    &type_isa_serial.object,
    &type_machine,
    &type_mc146818.object,
    &type_mch.device.object,
    &type_memory_backend,
    &type_memory_backend_file,
    &type_memory_backend_memfd,
    &type_memory_backend_ram,
    &type_object,
    &type_pc_ports.object,
    &type_pc_testdev.object,
    &type_pci_bridge.device.object,
    &type_pci_device,
    &type_pcie_root_port.device.object,
    &type_piix3.device.object,
    &type_piix4_pm.device.object,
    &type_pit.object,
    &type_secret,
    &type_q35_pcihost.object,
    &type_rng_backend,
    &type_rng_builtin,
    &type_rng_random,
    &type_virtio_balloon_device.device.object,
    &type_virtio_balloon_pci.pci.device.object,
    &type_virtio_balloon_pci_non_transitional.pci.device.object,
    &type_virtio_balloon_pci_transitional.pci.device.object,
    &type_virtio_blk_device.device.object,
    &type_virtio_blk_pci.pci.device.object,
    &type_virtio_blk_pci_non_transitional.pci.device.object,
    &type_virtio_blk_pci_transitional.pci.device.object,
    &type_virtio_device,
    &type_virtio_net_device.device.object,
    &type_virtio_net_pci.pci.device.object,
    &type_virtio_net_pci_non_transitional.pci.device.object,
    &type_virtio_net_pci_transitional.pci.device.object,
    &type_virtio_pci,
    &type_virtio_rng_device.device.object,
    &type_virtio_rng_pci.pci.device.object,
    &type_virtio_rng_pci_non_transitional.pci.device.object,
    &type_virtio_rng_pci_transitional.pci.device.object,
    &type_virtio_serial_device.device.object,
    &type_virtio_serial_pci.pci.device.object,
    &type_virtio_serial_pci_non_transitional.pci.device.object,
    &type_virtio_serial_pci_transitional.pci.device.object,
    &type_virtconsole.object,
    &type_virtserialport.object,
    &type_x86_cpu.object,
    NULL,
};

void (*const object_type_families[])(ObjectTypeFn *fn, void *opaque) = {
    accel_object_types,
    chardev_object_types,
    machine_object_types,
    x86_cpu_object_types,
    NULL,
};
