/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The single-byte ports every PC has besides its devices. */
#ifndef HW_ISA_PC_PORTS_H
#define HW_ISA_PC_PORTS_H

#include "hw/core/qdev.h"

/* 0x64 (reset pulse only), 0x80 and 0xed (POST codes, I/O delay), 0x92 (A20, fast reset), 0xcf9
 * (reset control). */
extern const DeviceType type_pc_ports;

#endif
