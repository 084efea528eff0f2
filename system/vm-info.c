/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command line says about the VM and boards or monitors want to know. Set by main(). */
#include "qemu/osdep.h"
#include "system/system.h"

static struct {
    Chardev *serials[MAX_SERIAL_PORTS];
    unsigned nr_serials;
    const char *name, *uuid;
} info;

void serial_hd_add(Chardev *chr)
{
    assert(info.nr_serials < MAX_SERIAL_PORTS);
    info.serials[info.nr_serials++] = chr;
}

Chardev *serial_hd(unsigned i)
{
    return i < info.nr_serials ? info.serials[i] : NULL;
}

unsigned serial_hd_count(void)
{
    return info.nr_serials;
}

void vm_set_identity(const char *name, const char *uuid)
{
    info.name = name;
    info.uuid = uuid;
}

const char *vm_name(void)
{
    return info.name;
}

const char *vm_uuid(void)
{
    return info.uuid;
}
