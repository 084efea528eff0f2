/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device "pc-testdev" that kvm-unit-tests drive:
 *
 *   0xe0..0xe3     four bytes of storage, any access size
 *   0xe4           write: unmaps and remaps the guest page at that address
 *   0xe8..0xeb     the storage again, seen in single bytes
 *   0x2000+n       write: level of interrupt line (GSI) n, 0..23
 *   0xff000000     64 KiB of storage that is not RAM
 *
 * BQL.
 */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/misc/testdev.h"
#include "migration/vmstate.h"

#include <sys/mman.h>

#define NR_LINES 24
#define IOMEM_BYTES 0x10000

typedef struct PCTestdev {
    DeviceState dev;
    MemoryRegion ioport, flush, ioport_byte, irq, iomem;
    uint32_t ioport_data;
    uint8_t iomem_data[IOMEM_BYTES];
} PCTestdev;

static void irq_line_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    irq_set(&current_machine->gsi[addr], value != 0);
}

static uint64_t irq_line_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static const MemoryRegionOps irq_line_ops = {
    .read = irq_line_read, .write = irq_line_write, .valid_min = 1, .valid_max = 1, .impl_max = 1,
};

static uint64_t ioport_read(void *opaque, hwaddr addr, unsigned size)
{
    return ((PCTestdev *)opaque)->ioport_data >> (8 * (addr & 3));
}

static void ioport_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PCTestdev *s = opaque;
    unsigned start = 8 * (addr & 3), bits = MIN(8 * size, 32 - start);

    s->ioport_data = deposit32(s->ioport_data, start, bits, (uint32_t)value);
}

static const MemoryRegionOps ioport_ops = { .read = ioport_read, .write = ioport_write };
static const MemoryRegionOps ioport_byte_ops = {
    .read = ioport_read, .write = ioport_write, .valid_max = 4, .impl_max = 1,
};

/* Takes a page of guest RAM away from the host's page tables for a moment; its contents stay. */
static void flush_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    const uint64_t page_bytes = 4096;
    void *page = address_space_map_ram(current_machine->memory, value & ~(page_bytes - 1),
                                       page_bytes, true);

    if (page) {
        mprotect(page, page_bytes, PROT_NONE);
        mprotect(page, page_bytes, PROT_READ | PROT_WRITE);
    }
}

static uint64_t flush_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static const MemoryRegionOps flush_ops = {
    .read = flush_read, .write = flush_write, .valid_min = 4, .valid_max = 4,
};

static uint64_t iomem_read(void *opaque, hwaddr addr, unsigned size)
{
    PCTestdev *s = opaque;
    uint64_t value = 0;

    memcpy(&value, &s->iomem_data[addr], MIN(size, IOMEM_BYTES - addr));
    return value;
}

static void iomem_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PCTestdev *s = opaque;

    memcpy(&s->iomem_data[addr], &value, MIN(size, IOMEM_BYTES - addr));
}

static const MemoryRegionOps iomem_ops = {
    .read = iomem_read, .write = iomem_write, .impl_max = 8,
};

static bool testdev_realize(DeviceState *dev, Error **errp)
{
    PCTestdev *s = container_of(dev, PCTestdev, dev);
    MemoryRegion *io = current_machine->system_io;

    if (!io) {
        error_setg(errp, "No 'ISA' bus found for device 'pc-testdev'");
        return false;
    }
    memory_region_init_io(&s->ioport, &ioport_ops, s, "pc-testdev-ioport", 4);
    memory_region_init_io(&s->flush, &flush_ops, s, "pc-testdev-flush-page", 4);
    memory_region_init_io(&s->ioport_byte, &ioport_byte_ops, s, "pc-testdev-ioport-byte", 4);
    memory_region_init_io(&s->irq, &irq_line_ops, s, "pc-testdev-irq-line", NR_LINES);
    memory_region_init_io(&s->iomem, &iomem_ops, s, "pc-testdev-iomem", IOMEM_BYTES);
    memory_region_transaction_begin();
    memory_region_add_subregion(io, 0xe0, &s->ioport);
    memory_region_add_subregion(io, 0xe4, &s->flush);
    memory_region_add_subregion(io, 0xe8, &s->ioport_byte);
    memory_region_add_subregion(io, 0x2000, &s->irq);
    memory_region_add_subregion(current_machine->system_memory, 0xff000000, &s->iomem);
    memory_region_transaction_commit();
    return true;
}

static const VMStateField testdev_fields[] = {
    VMSTATE_UINT(PCTestdev, ioport_data), VMSTATE_BYTES(PCTestdev, iomem_data), VMSTATE_END,
};
static const VMStateDescription vmstate_testdev = {
    "pc-testdev", .version = 1, .fields = testdev_fields,
};

const DeviceType type_pc_testdev = {
    .object = {
        .name = "pc-testdev",
        .parent = &type_device,
        .instance_size = sizeof(PCTestdev),
    },
    .bus = "ISA",
    .user_creatable = true,
    .migration = MIGRATION_VMSD(&vmstate_testdev),
    .realize = testdev_realize,
};
