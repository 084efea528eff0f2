/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The board "Standard PC (i440FX + PIIX, 1996)". BQL. */
#include "qemu/osdep.h"
#include "hw/i386/boards.h"
#include "hw/i386/pc.h"

/* RAM that reaches 3.5 GiB is split at 3 GiB, so that both parts are aligned to 1 GiB. */
#define I440FX_ALL_LOW 0xe0000000ull
#define I440FX_SPLIT   0xc0000000ull

#define I440FX_GPE0_BASE 0xafe0

/* max-ram-below-4g takes the place of 3.5 GiB; above it RAM is still split at 3 GiB at most. */
static PCRamLayout i440fx_ram_layout(const MachineState *ms)
{
    uint64_t ram = ms->ram_size_bytes, max = ms->max_ram_below_4g;
    uint64_t low = max ? max : I440FX_ALL_LOW;

    if (ram >= low) {
        low = MIN(low, I440FX_SPLIT);
        if (low % GiB) {
            warn_report("Large machine and max_ram_below_4g (%" PRIu64
                        ") not a multiple of 1G; possible bad performance.", max);
        }
    }
    return pc_ram_layout(ram, low, low);
}

static bool i440fx_init(MachineState *ms, Error **errp)
{
    PCState *s = pc_new(ms);
    PCIHostConfig host = pc_host_config(s);

    s->acpi = (AcpiConfig){ .gpe0_base = I440FX_GPE0_BASE };
    if (!pc_add_ram(s, i440fx_ram_layout(ms), errp) || !pc_add_interrupts(s, false, errp)) {
        return false;
    }
    memory_region_add_subregion(ms->system_io, I440FX_GPE0_BASE, &s->pm->gpe);
    s->host = i440fx_pcihost_create(&host, errp);
    return s->host && pc_add_isa_devices(s, HPET_INTCAP_PC, errp) && pc_add_cpus(s, errp);
}

const MachineBoard board_i440fx = {
    .family = "pc_piix",
    .init = i440fx_init,
    .finish = pc_finish,
    .reset = pc_reset,
    .props = pc_machine_props,
    .dies = true,
    .modules = true,
    .default_ram_id = "pc.ram",
};
