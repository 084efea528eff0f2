/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Properties of the boards q35 and pc (-machine NAME,prop=value). All of QEMU's names are taken;
 * what this release has no device for accepts only the value that asks for nothing. Main thread.
 */
#include "qemu/osdep.h"
#include "hw/i386/pc.h"
#include "target/i386/cpu.h"

static const char *const on_off_auto[] = { "auto", "on", "off", NULL };
static const char *const smbios_types[] = { "auto", "32", "64", NULL };

/* Booleans that must stay as they are. */
static bool check_refused(Object *obj, const Property *prop, uint64_t value, Error **errp)
{
    if (value != prop->default_val) {
        error_setg(errp, "machine property '%s=%s' is not supported", prop->name,
                   value ? "on" : "off");
        return false;
    }
    return true;
}

/* OnOffAuto properties of devices that do not exist here: everything but "on". */
static bool check_not_on(Object *obj, const Property *prop, uint64_t value, Error **errp)
{
    if (value == ON_OFF_AUTO_ON) {
        error_setg(errp, "machine property '%s=on' is not supported", prop->name);
        return false;
    }
    return true;
}

static bool check_max_ram_below_4g(Object *obj, const Property *prop, uint64_t value, Error **errp)
{
    if (value > 4 * GiB) {
        error_setg(errp, "Machine option 'max-ram-below-4g=%" PRIu64
                         "' expects size less than or equal to 4G", value);
        return false;
    }
    if (value < 1 * MiB) {
        warn_report("Only %" PRIu64 " bytes of RAM below the 4GiB boundary,"
                    "BIOS may not work with less than 1MiB", value);
    }
    return true;
}

#define MACHINE_BOOL(_field, _name, _default, ...)                                               \
    DEFINE_PROP(PROP_BOOL, MachineState, _field, _name, .default_val = _default, __VA_ARGS__)
#define MACHINE_OOA(_field, _name, ...)                                                          \
    DEFINE_PROP(PROP_ENUM, MachineState, _field, _name, .enum_names = on_off_auto,               \
                .enum_type = "OnOffAuto", __VA_ARGS__)
#define REFUSED(_name, _default, ...)                                                            \
    DEFINE_PROP(PROP_BOOL, MachineState, refused, _name, .default_val = _default,                \
                .check = check_refused, __VA_ARGS__)
#define MACHINE_STR(_field, _name, ...)                                                          \
    DEFINE_PROP(PROP_STRING, MachineState, _field, _name, __VA_ARGS__)

const Property pc_machine_props[] = {
    MACHINE_OOA(acpi, "acpi", .description = "Enable ACPI"),
    MACHINE_STR(kernel_cmdline, "append", .description = "Linux kernel command line"),
    REFUSED("default-bus-bypass-iommu", false),
    MACHINE_BOOL(dump_guest_core, "dump-guest-core", true,
                 .description = "Include guest memory in a core dump"),
    REFUSED("fd-bootchk", true),
    MACHINE_BOOL(graphics, "graphics", true,
                 .description = "Set on/off to enable/disable graphics emulation"),
    REFUSED("hmat", false, .description = "Set on/off to enable/disable ACPI Heterogeneous Memory "
                                          "Attribute Table (HMAT)"),
    MACHINE_BOOL(hpet, "hpet", true,
                 .description = "Enable/disable high precision event timer emulation"),
    MACHINE_BOOL(i8042, "i8042", true, .description = "Enable/disable Intel 8042 PS/2 Controller "
                                                      "emulation"),
    MACHINE_STR(initrd_filename, "initrd", .description = "Linux initial ramdisk file"),
    MACHINE_STR(kernel_filename, "kernel", .description = "Linux kernel image file"),
    DEFINE_PROP(PROP_SIZE, MachineState, max_ram_below_4g, "max-ram-below-4g",
                .check = check_max_ram_below_4g,
                .description = "Maximum ram below the 4G boundary (32bit boundary)"),
    MACHINE_BOOL(mem_merge, "mem-merge", true,
                 .description = "Enable/disable memory merge support"),
    MACHINE_STR(memory_backend, "memory-backend", .description = "Set RAM backend"),
    REFUSED("nvdimm", false, .description = "Set on/off to enable/disable NVDIMM instantiation"),
    MACHINE_OOA(pic, "pic", .description = "Enable i8259 PIC"),
    MACHINE_OOA(pit, "pit", .description = "Enable i8254 PIT"),
    MACHINE_BOOL(sata, "sata", true, .description = "Enable/disable Serial ATA bus"),
    DEFINE_PROP(PROP_ENUM, MachineState, smbios_type, "smbios-entry-point-type",
                .enum_names = smbios_types, .enum_type = "SmbiosEntryPointType",
                .description = "SMBIOS Entry Point type [32, 64]"),
    MACHINE_BOOL(smbus, "smbus", true, .description = "Enable/disable system management bus"),
    MACHINE_OOA(smm, "smm", .check = check_not_on, .description = "Enable SMM"),
    REFUSED("suppress-vmdesc", false, .description = "Set on to disable self-describing migration"),
    REFUSED("usb", false, .description = "Set on/off to enable/disable usb"),
    MACHINE_OOA(vmport, "vmport", .check = check_not_on, .description = "Enable vmport (pc & q35)"),
    MACHINE_STR(oem_id, "x-oem-id", .default_str = "BOCHS ",
                .description = "Override the default value of field OEMID in ACPI table header."
                               "The string may be up to 6 bytes in size"),
    MACHINE_STR(oem_table_id, "x-oem-table-id", .default_str = "BXPC    ",
                .description = "Override the default value of field OEM Table ID in ACPI table "
                               "header.The string may be up to 8 bytes in size"),
    DEFINE_PROP_END,
};
