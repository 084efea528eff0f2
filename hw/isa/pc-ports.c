/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single-byte ports of a PC: reset through the keyboard controller's pulse command (IBM AT), port
 * 0x92 (PS/2 system control port A) and the reset control register 0xcf9 (ICH9 13.7.5); POST code
 * and delay ports. Address line 20 is always on. BQL. The keyboard controller itself is absent.
 */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/isa/pc-ports.h"
#include "migration/vmstate.h"
#include "system/runstate.h"

#define KBD_PULSE_RESET 0xfe
#define PORT92_FAST_RESET 0x01
#define PORT92_A20 0x02
#define CF9_SYS_RST 0x02
#define CF9_RST_CPU 0x04

enum { PORT_KBD, PORT_POST, PORT_DELAY, PORT_92, PORT_CF9, NR_PORTS };

/* One port: its region's opaque, so that the handlers know which it is. */
typedef struct PCPort {
    unsigned which;
    uint8_t value;
    MemoryRegion io;
} PCPort;

typedef struct PCPorts {
    DeviceState dev;
    PCPort port[NR_PORTS];
} PCPorts;

static const struct {
    uint16_t base;
    uint8_t reset_value;
    const char *name;
} port_rows[NR_PORTS] = {
    [PORT_KBD] = { 0x64, 0xff, "i8042-cmd" },
    [PORT_POST] = { 0x80, 0xff, "ioport80" },
    [PORT_DELAY] = { 0xed, 0xff, "ioportED" },
    [PORT_92] = { 0x92, PORT92_A20, "port92" },
    [PORT_CF9] = { 0xcf9, 0, "reset-control" },
};

static void request_reset(void)
{
    vm_request_reset(SHUTDOWN_CAUSE_GUEST_RESET);
}

static uint64_t port_read(void *opaque, hwaddr addr, unsigned size)
{
    return ((PCPort *)opaque)->value;
}

static void port_write(void *opaque, hwaddr addr, uint64_t data, unsigned size)
{
    PCPort *p = opaque;
    uint8_t value = (uint8_t)data, old = p->value;

    switch (p->which) {
    case PORT_KBD:
        if (value == KBD_PULSE_RESET) {
            request_reset();
        }
        break;
    case PORT_92:
        p->value = value | PORT92_A20;
        if ((value & ~old) & PORT92_FAST_RESET) {
            request_reset();
        }
        break;
    case PORT_CF9:
        p->value = value & (CF9_SYS_RST | 0x08);
        if (value & CF9_RST_CPU) {
            request_reset();
        }
        break;
    default: /* POST codes go nowhere */
        break;
    }
}

static const MemoryRegionOps port_ops = {
    .read = port_read, .write = port_write, .impl_max = 1,
};

static bool pc_ports_realize(DeviceState *dev, Error **errp)
{
    PCPorts *s = container_of(dev, PCPorts, dev);

    for (unsigned i = 0; i < NR_PORTS; i++) {
        PCPort *p = &s->port[i];

        p->which = i;
        memory_region_init_io(&p->io, &port_ops, p, port_rows[i].name, 1);
        memory_region_add_subregion_overlap(current_machine->system_io, port_rows[i].base, &p->io,
                                            1); /* cf9 lies inside the PCI address port */
    }
    return true;
}

static void pc_ports_reset(DeviceState *dev)
{
    PCPorts *s = container_of(dev, PCPorts, dev);

    for (unsigned i = 0; i < NR_PORTS; i++) {
        s->port[i].value = port_rows[i].reset_value;
    }
}

static const VMStateField port_fields[] = { VMSTATE_UINT(PCPort, value), VMSTATE_END };
static const VMStateDescription vmstate_port = { "port", .version = 1, .fields = port_fields };
static const VMStateField ports_fields[] = {
    VMSTATE_STRUCT_ARRAY(PCPorts, port, &vmstate_port), VMSTATE_END,
};
static const VMStateDescription vmstate_ports = {
    "pc-ports", .version = 1, .fields = ports_fields,
};

const DeviceType type_pc_ports = {
    .object = {
        .name = "pc-ports",
        .parent = &type_device,
        .instance_size = sizeof(PCPorts),
    },
    .migration = MIGRATION_VMSD(&vmstate_ports),
    .realize = pc_ports_realize,
    .reset = pc_ports_reset,
};
