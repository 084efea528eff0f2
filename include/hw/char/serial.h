/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ISA serial ports and the debug console. */
#ifndef HW_CHAR_SERIAL_H
#define HW_CHAR_SERIAL_H

#include "chardev/char.h"
#include "hw/core/qdev.h"

extern const DeviceType type_isa_serial;   /* properties: index, iobase, irq, chardev */
extern const DeviceType type_isa_debugcon; /* properties: iobase, readback, chardev */

/* Board: COM port @index (0..3) with back end @chr, at its usual port and interrupt. */
DeviceState *isa_serial_create(unsigned index, Chardev *chr, Error **errp);
/* Port base and IRQ of COM port @index, for ACPI tables. */
unsigned isa_serial_iobase(unsigned index);
unsigned isa_serial_irq(unsigned index);

#endif
