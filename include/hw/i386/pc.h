/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the boards q35 and pc share: memory layout, interrupt lines, ISA devices, CPUs, direct boot.
 * Each function of the second part does one step of a board's init, in the order given here. BQL.
 */
#ifndef HW_I386_PC_H
#define HW_I386_PC_H

#include "hw/acpi/pm.h"
#include "hw/core/machine.h"
#include "hw/i386/acpi-build.h"
#include "hw/i386/direct-boot.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic-device.h"
#include "hw/pci-host/pci-host.h"
#include "hw/rtc/mc146818.h"
#include "hw/smbios/smbios.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"

#define PC_NR_GSIS 24
#define PC_SCI_IRQ 9
#define PC_PM_BASE 0x600 /* where firmware, or the board in its place, puts the PM registers */

/* How RAM is split around the hole below 4 GiB. */
typedef struct PCRamLayout {
    uint64_t below_4g, above_4g; /* bytes; the second part begins at 4 GiB */
} PCRamLayout;

/* MachineState.board_state of both boards. */
typedef struct PCState {
    MachineState *ms;
    PCRamLayout layout;
    MemoryRegion ram, ram_low, ram_high;
    MemoryRegion vga_hole; /* a0000..bffff: nothing is there without a VGA */
    IOAPICDevice *ioapic;  /* NULL: the kernel's */
    I8259Device *pic;      /* NULL: the kernel's, or none */
    PITDevice *pit;        /* same */
    AcpiPmDevice *pm;
    bool pm_mapped;
    PCIHost *host;
    DirectBoot *boot;      /* NULL: no -kernel */
    SmbiosTables *smbios;
    RTCDevice *rtc;
    HPETDevice *hpet;      /* NULL: hpet=off */
    uint32_t pin2_lines;   /* lines 0 and 2, which share an I/O APIC pin */
    uint16_t sci_lines, pci_lines; /* ISA interrupts by who holds them high */
    AcpiConfig acpi;       /* what the board knows of it before devices are plugged */
} PCState;

/* Properties of both boards, for MachineBoard.props. */
extern const Property pc_machine_props[];

/* The split of @ram_size: all of it below 4 GiB when it is smaller than @all_low, else @low there
 * and the rest from 4 GiB on. Pure. */
PCRamLayout pc_ram_layout(uint64_t ram_size, uint64_t all_low, uint64_t low);

/* Steps of a board's init. False with an error; what was made then stays, the process ends. */
PCState *pc_new(MachineState *ms);
bool pc_add_ram(PCState *s, PCRamLayout layout, Error **errp);
/* APIC bus, I/O APIC, 8259 pair, interval timer, the lines in ms->gsi, and ACPI's PM registers on
 * line PC_SCI_IRQ; the host bridge maps these. */
bool pc_add_interrupts(PCState *s, bool is_ich9, Error **errp);
/* The configuration for the board's host bridge. */
PCIHostConfig pc_host_config(PCState *s);
/* Real-time clock, HPET, serial ports, the single-byte ports. */
bool pc_add_isa_devices(PCState *s, uint32_t hpet_intcap, Error **errp);
bool pc_add_cpus(PCState *s, Error **errp);
/* fw_cfg with what is known before devices are plugged (then -fw_cfg may add files), and the rest.
 * @acpi NULL: no tables. */
bool pc_add_fw_cfg(PCState *s, Error **errp);
bool pc_finish_fw_cfg(PCState *s, const AcpiConfig *acpi, const SmbiosTables *smbios, Error **errp);
SmbiosTables *pc_build_smbios(PCState *s, Error **errp);
/* MachineBoard.finish: -kernel, with s->acpi filled in. */
bool pc_finish(MachineState *ms, Error **errp);
/* MachineBoard.reset. */
void pc_reset(MachineState *ms);

#endif
