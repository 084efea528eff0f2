/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boards q35 and pc share; see include/hw/i386/pc.h. BQL. */
#include "qemu/osdep.h"
#include "backends/memory.h"
#include "hw/char/serial.h"
#include "hw/i386/pc.h"
#include "hw/intc/apic-cpu.h"
#include "hw/isa/pc-ports.h"
#include "hw/pci/pci-setup.h"
#include "system/system.h"
#include "target/i386/cpu.h"

PCState *pc_new(MachineState *ms)
{
    PCState *s = g_new0(PCState, 1);

    s->ms = ms;
    ms->board_state = s;
    return s;
}

/* --- Memory ---------------------------------------------------------------------------------- */

PCRamLayout pc_ram_layout(uint64_t ram_size, uint64_t all_low, uint64_t low)
{
    if (ram_size < all_low) {
        return (PCRamLayout){ .below_4g = ram_size };
    }
    low = MIN(low, ram_size);
    return (PCRamLayout){ .below_4g = low, .above_4g = ram_size - low };
}

bool pc_add_ram(PCState *s, PCRamLayout layout, Error **errp)
{
    static const MemoryRegionOps nothing;
    MachineState *ms = s->ms;

    s->layout = layout;
    if (!ms->memory_backend &&
        !memory_backend_create("pc.ram", ms->ram_size_bytes, ms->mem_merge, ms->dump_guest_core,
                               errp)) {
        return false;
    }
    ms->ram = memory_backend_use(ms->memory_backend ? ms->memory_backend : "pc.ram", errp);
    if (!ms->ram) {
        return false;
    }
    memory_region_init_ram(&s->ram, "pc.ram", ms->ram);
    memory_region_init_alias(&s->ram_low, "ram-below-4g", &s->ram, 0, layout.below_4g);
    memory_region_transaction_begin(); /* KVM takes milliseconds for each change */
    memory_region_add_subregion(ms->system_memory, 0, &s->ram_low);
    if (layout.above_4g) {
        memory_region_init_alias(&s->ram_high, "ram-above-4g", &s->ram, layout.below_4g,
                                 layout.above_4g);
        memory_region_add_subregion(ms->system_memory, 4 * GiB, &s->ram_high);
    }
    memory_region_init_io(&s->vga_hole, &nothing, s, "vga-hole", 128 * KiB);
    memory_region_add_subregion_overlap(ms->system_memory, 0xa0000, &s->vga_hole, 1);
    memory_region_transaction_commit();
    return true;
}

/* --- Interrupts ------------------------------------------------------------------------------ */

/* Line @n: 8259 input n and I/O APIC pin n. Pin 2 there is the timer's line 0 besides line 2, and
 * input 2 of the 8259 pair is its cascade. */
static void pc_set_line(void *opaque, int n, int level)
{
    PCState *s = opaque;
    ApicBus *bus = s->ms->apic_bus;

    if (apic_bus_mode(bus) == APIC_BUS_KVM_FULL) {
        apic_bus_set_gsi(bus, (unsigned)n, level);
        return;
    }
    if (s->pic && n < 16) {
        i8259_device_set_irq(s->pic, (unsigned)n, level);
    }
    if (n == 0 || n == 2) {
        s->pin2_lines = deposit32(s->pin2_lines, (unsigned)n, 1, level != 0);
        n = 2;
        level = s->pin2_lines != 0;
    }
    apic_bus_set_gsi(bus, (unsigned)n, level);
}

/* ACPI and PCI may share ISA interrupts. */
static void pc_share_line(PCState *s, uint16_t *lines, unsigned irq, bool level)
{
    *lines = (uint16_t)deposit32(*lines, irq, 1, level);
    irq_set(&s->ms->gsi[irq], ((s->sci_lines | s->pci_lines) & BIT(irq)) != 0);
}

static void pc_set_sci(void *opaque, int n, int level)
{
    PCState *s = opaque;

    pc_share_line(s, &s->sci_lines, (unsigned)n, level != 0);
}

static void pc_set_pci_irq(void *opaque, unsigned irq, bool level)
{
    PCState *s = opaque;

    pc_share_line(s, &s->pci_lines, irq, level);
}

static void pc_set_pci_gsi(void *opaque, unsigned gsi, bool level)
{
    PCState *s = opaque;

    irq_set(&s->ms->gsi[gsi], level);
}

static void pc_send_msi(void *opaque, uint64_t addr, uint32_t data)
{
    apic_bus_send_msi(((PCState *)opaque)->ms->apic_bus, addr, data);
}

static void kick_cpu(void *opaque, unsigned cpu_index)
{
    cpu_interrupt(cpus_get(cpu_index), CPU_INTERRUPT_POLL);
}

static ApicBusMode bus_mode(const MachineState *ms)
{
    if (!ms->irqchip) {
        return APIC_BUS_USER;
    }
    return ms->irqchip_mode == IRQCHIP_ON ? APIC_BUS_KVM_FULL : APIC_BUS_KVM_SPLIT;
}

static void add_bus(PCState *s)
{
    static const ApicCpuOps cpu_ops = { .kick = kick_cpu };
    MachineState *ms = s->ms;
    ApicBusMode mode = bus_mode(ms);
    ApicBusConfig cfg = {
        .mode = mode,
        .seoib = SEOIB_QUIRKED, /* until the first CPU says otherwise */
        .ext_dest = mode == APIC_BUS_KVM_SPLIT,
        .max_cpus = ms->smp.max_cpus,
        .cpu_ops = &cpu_ops,
        .irqchip_ops = ms->irqchip,
        .irqchip_opaque = ms->accel_state,
    };

    ms->apic_bus = apic_bus_new(&cfg);
    apic_msi_map(ms->apic_bus, ms->system_memory);
    for (int n = 0; n < PC_NR_GSIS; n++) {
        ms->gsi[n] = (IRQLine){ .handler = pc_set_line, .opaque = s, .n = n };
    }
}

static bool add_controllers(PCState *s, Error **errp)
{
    MachineState *ms = s->ms;

    if (apic_bus_mode(ms->apic_bus) == APIC_BUS_KVM_FULL) {
        return true; /* I/O APIC, 8259 pair and interval timer are the kernel's */
    }
    s->ioapic = ioapic_device_create(ms->apic_bus, ms->system_memory, IOAPIC_DEFAULT_BASE, 0,
                                     apic_bus_mode(ms->apic_bus) == APIC_BUS_KVM_SPLIT, errp);
    if (!s->ioapic) {
        return false;
    }
    if (ms->pic != ON_OFF_AUTO_OFF) {
        s->pic = i8259_device_create(ms->apic_bus, errp);
        if (!s->pic) {
            return false;
        }
    }
    if (ms->pit != ON_OFF_AUTO_OFF) {
        s->pit = pit_device_create(ms->gsi[0], errp);
        return s->pit != NULL;
    }
    return true;
}

bool pc_add_interrupts(PCState *s, bool is_ich9, Error **errp)
{
    add_bus(s);
    if (!add_controllers(s, errp)) {
        return false;
    }
    s->pm = acpi_pm_device_create((IRQLine){ .handler = pc_set_sci, .opaque = s, .n = PC_SCI_IRQ },
                                  is_ich9, errp);
    return s->pm != NULL;
}

/* --- Devices --------------------------------------------------------------------------------- */

static void move_pm(void *opaque, uint16_t base, bool enabled)
{
    PCState *s = opaque;

    memory_region_transaction_begin();
    if (!s->pm_mapped) {
        memory_region_add_subregion(s->ms->system_io, base, &s->pm->io);
        s->pm_mapped = true;
    }
    memory_region_set_address(&s->pm->io, base);
    memory_region_set_enabled(&s->pm->io, enabled);
    memory_region_transaction_commit();
}

PCIHostConfig pc_host_config(PCState *s)
{
    return (PCIHostConfig){
        .memory = s->ms->system_memory,
        .io = s->ms->system_io,
        .pm_base_changed = move_pm,
        .set_isa_irq = pc_set_pci_irq,
        .set_gsi = pc_set_pci_gsi,
        .send_msi = pc_send_msi,
        .opaque = s,
        .preset = s->ms->kernel_filename != NULL,
    };
}

static bool add_serials(Error **errp)
{
    for (unsigned i = 0; i < serial_hd_count(); i++) {
        if (serial_hd(i) && !isa_serial_create(i, serial_hd(i), errp)) {
            return false;
        }
    }
    return true;
}

/* HPET in legacy replacement mode: its timers 0 and 1 take lines 0 and 8 over. */
static void set_hpet_legacy(void *opaque, bool on)
{
    PCState *s = opaque;
    const IrqChipOps *chip = s->ms->irqchip;

    if (s->pit) {
        pit_device_disconnect(s->pit, on);
    } else if (chip && chip->pit_disconnect) {
        chip->pit_disconnect(s->ms->accel_state, on);
    }
    rtc_device_disconnect(s->rtc, on);
}

static bool add_clocks(PCState *s, uint32_t hpet_intcap, Error **errp)
{
    MachineState *ms = s->ms;

    s->rtc = rtc_device_create(ms->gsi[8], rtc_base_offset_ns(), errp);
    if (!s->rtc) {
        return false;
    }
    rtc_set_pc_config(&s->rtc->rtc, s->layout.below_4g, s->layout.above_4g, ms->smp.cpus);
    if (ms->hpet) {
        s->hpet = hpet_device_create(ms->system_memory, ms->gsi, hpet_intcap, set_hpet_legacy, s,
                                     errp);
        return s->hpet != NULL;
    }
    return true;
}

bool pc_add_isa_devices(PCState *s, uint32_t hpet_intcap, Error **errp)
{
    return add_clocks(s, hpet_intcap, errp) && qdev_create(&type_pc_ports, errp) &&
           pc_add_fw_cfg(s, errp) && add_serials(errp);
}

bool pc_add_cpus(PCState *s, Error **errp)
{
    MachineState *ms = s->ms;
    X86CPUTopo topo = x86_cpu_topology(ms);

    for (unsigned i = 0; i < ms->smp.cpus; i++) {
        if (!x86_cpu_create(ms, i, x86_apicid_from_index(&topo, i), errp)) {
            return false;
        }
    }
    return true;
}

/* --- Direct boot ----------------------------------------------------------------------------- */

static void describe_serials(AcpiConfig *acpi)
{
    for (unsigned i = 0; i < MIN(serial_hd_count(), ACPI_MAX_SERIALS); i++) {
        if (serial_hd(i)) {
            acpi->serial[i].port = (uint16_t)isa_serial_iobase(i);
            acpi->serial[i].irq = (uint8_t)isa_serial_irq(i);
        }
    }
}

/* What is left of the CPU's physical addresses above RAM, at most 32 GiB, for 64-bit BARs. */
static void describe_pci64_window(const PCState *s, AcpiConfig *acpi)
{
    uint64_t end = 1ull << MIN(X86_CPU(cpus_get(0))->cfg.phys_bits, 52);
    uint64_t base = ROUND_UP(4 * GiB + s->layout.above_4g, GiB);

    if (base < end) {
        acpi->pci64_base = base;
        acpi->pci64_len = MIN(32 * GiB, end - base);
    }
}

/* As the preset PIRQ routes of chipset.c: A, B to 10; C, D to 11; E..H the same. */
static uint8_t pc_interrupt_line(unsigned slot, unsigned pin)
{
    return ((slot - 1 + pin) & 3) < 2 ? 10 : 11;
}

static uint8_t q35_interrupt_line(unsigned slot, unsigned pin)
{
    unsigned pirq = slot < 25 ? slot + pin : pin;

    return (pirq & 3) < 2 ? 10 : 11;
}

/* What firmware does: numbers buses and assigns addresses, in the windows that _CRS tells. */
static void pc_setup_pci(PCState *s)
{
    uint64_t base = MAX(ROUND_UP(s->layout.below_4g, 256 * MiB), 0x80000000ull);
    PCISetup setup = {
        .io_base = 0xc000, .io_end = 0x10000,
        .memory_base = base, .memory_end = 0xfec00000,
        .interrupt_line = s->acpi.q35 ? q35_interrupt_line : pc_interrupt_line,
    };

    if (s->acpi.ecam_len) {
        setup.memory_base = MAX(base, s->acpi.ecam_base + s->acpi.ecam_len);
    }
    pci_setup(s->host->bus, &setup);
}

bool pc_finish(MachineState *ms, Error **errp)
{
    PCState *s = ms->board_state;
    AcpiConfig *acpi = &s->acpi;
    g_autofree uint32_t *apic_ids = g_new(uint32_t, ms->smp.cpus);
    DirectBootConfig cfg = {
        .ram_below_4g = s->layout.below_4g,
        .ram_above_4g = s->layout.above_4g,
        .acpi = ms->acpi == ON_OFF_AUTO_OFF ? NULL : acpi,
    };

    s->smbios = pc_build_smbios(s, errp);
    if (!s->smbios) {
        return false;
    }
    for (unsigned i = 0; i < ms->smp.cpus; i++) {
        apic_ids[i] = X86_CPU(cpus_get(i))->apic_id;
    }
    acpi->oem_id = ms->oem_id;
    acpi->oem_table_id = ms->oem_table_id;
    acpi->nr_cpus = ms->smp.cpus;
    acpi->apic_ids = apic_ids;
    acpi->ioapic_base = IOAPIC_DEFAULT_BASE;
    acpi->pm_base = PC_PM_BASE;
    acpi->smi_cmd = 0xb2;
    acpi->acpi_enable = s->pm->pm.acpi_enable;
    acpi->acpi_disable = s->pm->pm.acpi_disable;
    acpi->gpe0_len = (uint8_t)(2 * s->pm->pm.gpe_bytes);
    acpi->has_pic = ms->pic != ON_OFF_AUTO_OFF;
    acpi->has_hpet = s->hpet != NULL;
    acpi->has_rtc = true;
    acpi->ram_below_4g = s->layout.below_4g;
    pcihost_ecam(s->host, &acpi->ecam_base, &acpi->ecam_len);
    acpi->last_bus = pci_count_buses(s->host->bus) - 1;
    describe_serials(acpi);
    describe_pci64_window(s, acpi);
    if (!pc_finish_fw_cfg(s, cfg.acpi, s->smbios, errp)) {
        return false;
    }
    if (ms->kernel_filename) {
        cfg.smbios = s->smbios;
        s->boot = direct_boot_new(ms, &cfg, errp);
    }
    return s->boot || !ms->kernel_filename;
}

void pc_reset(MachineState *ms)
{
    PCState *s = ms->board_state;

    if (s->boot) {
        pc_setup_pci(s);
        direct_boot_reset(s->boot);
    }
}
