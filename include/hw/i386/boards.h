/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The boards of this target; machine versions (hw/i386/machine-versions.c) point at them. */
#ifndef HW_I386_BOARDS_H
#define HW_I386_BOARDS_H

#include "hw/core/machine.h"

/* "Standard PC (i440FX + PIIX, 1996)" */
extern const MachineBoard board_i440fx;
/* "Standard PC (Q35 + ICH9, 2009)" */
extern const MachineBoard board_q35;
/* "empty machine": for management software that only asks questions. */
extern const MachineBoard board_none;

#endif
