/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The type table: everything that -device, -global and introspection know, a row a type. */
#include "qemu/osdep.h"
#include "hw/char/serial.h"
#include "hw/core/qdev.h"
#include "hw/isa/pc-ports.h"
#include "hw/misc/testdev.h"
#include "target/i386/cpu.h"

const ObjectType *const object_types[] = {
    &type_device,
    &type_isa_debug_exit.object,
    &type_isa_debugcon.object,
    &type_isa_serial.object,
    &type_pc_ports.object,
    &type_pc_testdev.object,
    &type_x86_cpu.object,
    NULL,
};
