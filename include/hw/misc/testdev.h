/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices for bare-metal test guests. */
#ifndef HW_MISC_TESTDEV_H
#define HW_MISC_TESTDEV_H

#include "hw/core/qdev.h"

/* Ends the process with status (value << 1) | 1. Properties: iobase, iosize. */
extern const DeviceType type_isa_debug_exit;
/* What kvm-unit-tests drive: interrupt lines, echo ports, a page flush, a memory buffer. */
extern const DeviceType type_pc_testdev;

#endif
