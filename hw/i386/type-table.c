/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The type table: everything that -device, -global and introspection know, a row a type. */
#include "qemu/osdep.h"
#include "hw/core/qdev.h"
#include "target/i386/cpu.h"

const ObjectType *const object_types[] = {
    &type_device,
    &type_x86_cpu.object,
    NULL,
};
