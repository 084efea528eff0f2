/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The empty machine, for questions over QMP: no devices, no CPU; RAM when -m asks for it. BQL. */
#include "qemu/osdep.h"
#include "hw/i386/boards.h"

static bool none_init(MachineState *ms, Error **errp)
{
    MemoryRegion *ram;

    if (ms->kernel_filename) {
        error_setg(errp, "The -kernel parameter is not supported (use the generic 'loader' device "
                         "instead).");
        return false;
    }
    if (ms->ram_size_bytes) {
        ms->ram = ram_block_new("ram", ms->ram_size_bytes, errp);
        if (!ms->ram) {
            return false;
        }
        ms->board_state = ram = g_new0(MemoryRegion, 1);
        memory_region_init_ram(ram, "ram", ms->ram);
        memory_region_add_subregion(ms->system_memory, 0, ram);
    }
    return true;
}

const MachineBoard board_none = {
    .family = "none",
    .init = none_init,
    .default_ram_id = "ram",
};
