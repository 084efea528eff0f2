/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The board "Standard PC (Q35 + ICH9, 2009)". BQL. */
#include "qemu/osdep.h"
#include "hw/i386/boards.h"
#include "hw/i386/pc.h"

/* The 256 MiB of memory-mapped configuration space begin at 2.75 GiB. RAM that reaches it is split
 * at 2 GiB, so that both parts are aligned to 1 GiB. */
#define Q35_ALL_LOW 0xb0000000ull
#define Q35_SPLIT   0x80000000ull

static PCRamLayout q35_ram_layout(const MachineState *ms)
{
    uint64_t ram = ms->ram_size_bytes, max = ms->max_ram_below_4g;
    uint64_t low = ram >= Q35_ALL_LOW ? Q35_SPLIT : Q35_ALL_LOW;

    if (max && max < low) {
        low = max;
        if (ram > low && ram - low > low && low % GiB) {
            warn_report("There is possibly poor performance as the ram size  (0x%" PRIx64
                        ") is more then twice the size of max-ram-below-4g (%" PRIu64
                        ") and max-ram-below-4g is not a multiple of 1G.", ram, max);
        }
    }
    return pc_ram_layout(ram, low, low);
}

static bool q35_init(MachineState *ms, Error **errp)
{
    PCState *s = pc_new(ms);
    PCIHostConfig host = pc_host_config(s);

    s->acpi = (AcpiConfig){ .q35 = true, .gpe0_base = PC_PM_BASE + 0x20 };
    if (!pc_add_ram(s, q35_ram_layout(ms), errp) || !pc_add_interrupts(s, true, errp)) {
        return false;
    }
    s->host = q35_pcihost_create(&host, errp);
    return s->host && pc_add_isa_devices(s, HPET_INTCAP_Q35, errp) && pc_add_cpus(s, errp);
}

const MachineBoard board_q35 = {
    .family = "pc_q35",
    .init = q35_init,
    .finish = pc_finish,
    .reset = pc_reset,
    .props = pc_machine_props,
    .dies = true,
    .modules = true,
    .default_ram_id = "pc.ram",
};
