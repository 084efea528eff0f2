/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boards q35 and pc share: memory layout, ISA devices, interrupt lines, direct boot.
 * BQL. */
#ifndef HW_I386_PC_H
#define HW_I386_PC_H

#include "hw/core/machine.h"
#include "hw/i386/boot.h"

#define PC_IOAPIC_BASE 0xfec00000ull
#define PC_HPET_BASE   0xfed00000ull
#define PC_NR_GSIS     24

/* How RAM is split around the hole below 4 GiB. */
typedef struct PCRamLayout {
    uint64_t below_4g, above_4g; /* bytes; the second part begins at 4 GiB */
} PCRamLayout;

/* Properties of both boards, for MachineBoard.props. */
extern const Property pc_machine_props[];

/* The split of @ram_size: up to @max_low stays below 4 GiB if all of it fits there, else
 * @split_low. @max_ram_below_4g (0: no wish) lowers both, or on boards with @may_raise replaces
 * them. Warnings as QEMU's. Pure apart from these. */
PCRamLayout pc_ram_layout(uint64_t ram_size, uint64_t max_low, uint64_t split_low,
                          uint64_t max_ram_below_4g, bool may_raise);

#endif
