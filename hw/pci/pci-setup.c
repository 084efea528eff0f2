/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Enumeration in place of firmware, see pci-setup.h. Buses are numbered depth first; on each bus
 * regions go in falling order of size, so that nothing is lost to alignment; what is behind a
 * bridge is one region to the bus above. BQL.
 *
 *   size_bus()    upwards:   how much I/O and memory a bus needs
 *   place_bus()   downwards: addresses
 */
#include "qemu/osdep.h"
#include "hw/pci/pci-setup.h"

enum { KIND_IO, KIND_MEMORY, NR_KINDS };

#define NOWHERE UINT64_MAX

/* A region of a function, or all that is behind a bridge. */
typedef struct Piece {
    PCIDevice *d;
    int region; /* -1: a bridge's window */
    uint64_t size, align;
} Piece;

typedef struct Setup {
    const PCISetup *cfg;
    unsigned next_bus;
} Setup;

static const uint64_t window_align[NR_KINDS] = { 0x1000, 0x100000 };

static PCIBus *behind(PCIDevice *d)
{
    return pci_type(d)->is_bridge ? &container_of(d, PCIBridge, pci)->sec : NULL;
}

static int by_size(gconstpointer a, gconstpointer b)
{
    const Piece *p = a, *q = b;

    return p->align < q->align ? 1 : p->align > q->align ? -1 : (int)p->d->devfn - q->d->devfn;
}

static uint64_t size_bus(PCIBus *bus, unsigned kind, uint64_t *align);

static void add_pieces(GArray *pieces, PCIDevice *d, unsigned kind)
{
    PCIBus *sec = behind(d);

    for (int n = 0; n < PCI_NR_BARS; n++) {
        const PCIRegion *r = &d->regions[n];

        if (r->mr && !(r->type & PCI_BAR_IO) == (kind == KIND_MEMORY)) {
            Piece p = { d, n, r->size, r->size };

            g_array_append_val(pieces, p);
        }
    }
    if (sec) {
        Piece p = { .d = d, .region = -1 };

        p.size = size_bus(sec, kind, &p.align);
        if (p.size) {
            g_array_append_val(pieces, p);
        }
    }
}

static GArray *list_pieces(PCIBus *bus, unsigned kind)
{
    GArray *pieces = g_array_new(FALSE, FALSE, sizeof(Piece));

    for (unsigned devfn = 0; devfn < 256; devfn++) {
        if (bus->devices[devfn]) {
            add_pieces(pieces, bus->devices[devfn], kind);
        }
    }
    g_array_sort(pieces, by_size);
    return pieces;
}

/* What a bridge must pass on for @bus, a multiple of the window's granularity. Sizes are a few
 * regions of less than 2^63 each: saturate. */
static uint64_t size_bus(PCIBus *bus, unsigned kind, uint64_t *align)
{
    g_autoptr(GArray) pieces = list_pieces(bus, kind);
    uint64_t total = 0;

    *align = window_align[kind];
    for (guint i = 0; i < pieces->len; i++) {
        const Piece *p = &g_array_index(pieces, Piece, i);

        *align = MAX(*align, p->align);
        total = p->size > UINT64_MAX / 2 - total ? UINT64_MAX / 2 : total + p->size;
    }
    return ROUND_UP(total, window_align[kind]);
}

static void set_region(PCIDevice *d, int n, uint64_t addr)
{
    unsigned reg = PCI_BAR0 + 4u * (unsigned)n;

    pci_config_write(d, reg, (uint32_t)addr, 4);
    if (d->regions[n].type & PCI_BAR_64) {
        pci_config_write(d, reg + 4, (uint32_t)(addr >> 32), 4);
    }
}

static void set_window(PCIDevice *d, unsigned kind, uint64_t base, uint64_t size)
{
    uint64_t last = base + size - 1;

    if (kind == KIND_IO) {
        pci_config_write(d, PCI_IO_BASE, (uint32_t)(base >> 8 & 0xf0), 1);
        pci_config_write(d, PCI_IO_LIMIT, (uint32_t)(last >> 8 & 0xf0), 1);
    } else {
        pci_config_write(d, PCI_MEM_BASE, (uint32_t)(base >> 16 & 0xfff0), 2);
        pci_config_write(d, PCI_MEM_LIMIT, (uint32_t)(last >> 16 & 0xfff0), 2);
    }
}

static void place_bus(PCIBus *bus, unsigned kind, uint64_t base, uint64_t end)
{
    g_autoptr(GArray) pieces = list_pieces(bus, kind);

    for (guint i = 0; i < pieces->len; i++) {
        const Piece *p = &g_array_index(pieces, Piece, i);
        uint64_t at = ROUND_UP(base, p->align);

        if (at < base || at > end || p->size > end - at) {
            continue;
        }
        base = at + p->size;
        if (p->region >= 0) {
            set_region(p->d, p->region, at);
        } else {
            set_window(p->d, kind, at, p->size);
            place_bus(behind(p->d), kind, at, base);
        }
    }
}

static void number_buses(Setup *s, PCIBus *bus, unsigned nr)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        PCIDevice *d = bus->devices[devfn];
        PCIBus *sec = d ? behind(d) : NULL;

        if (sec && s->next_bus < 256) {
            unsigned own = s->next_bus++;

            pci_config_write(d, PCI_PRIMARY_BUS, nr, 1);
            pci_config_write(d, PCI_SECONDARY_BUS, own, 1);
            pci_config_write(d, PCI_SUBORDINATE_BUS, 0xff, 1);
            number_buses(s, sec, own);
            pci_config_write(d, PCI_SUBORDINATE_BUS, s->next_bus - 1, 1);
        }
    }
}

static void set_interrupt_line(const Setup *s, PCIDevice *d)
{
    unsigned pin = d->config[PCI_INTERRUPT_PIN], devfn = d->devfn;

    if (!pin || !s->cfg->interrupt_line) {
        return;
    }
    pin = (pin - 1) & 3;
    for (const PCIBus *bus = d->bus; bus->bridge; bus = bus->bridge->bus) {
        pin = (pin + PCI_SLOT(devfn)) & 3;
        devfn = bus->bridge->devfn;
    }
    pci_config_write(d, PCI_INTERRUPT_LINE, s->cfg->interrupt_line(PCI_SLOT(devfn), pin), 1);
}

/* Decoding on where every region of a kind has a place; bridges pass on and forward DMA. */
static void enable_bus(const Setup *s, PCIBus *bus)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        PCIDevice *d = bus->devices[devfn];
        uint32_t command = 0;

        if (!d || (d->config[PCI_CLASS_DEVICE + 1] == 0x06 && !behind(d))) {
            continue; /* the chipset's own */
        }
        for (unsigned n = 0; n < PCI_NR_BARS; n++) {
            if (d->regions[n].mr) {
                command |= d->regions[n].type & PCI_BAR_IO ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY;
            }
        }
        if (behind(d)) {
            command |= PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
        }
        pci_config_write(d, PCI_COMMAND, command, 2);
        set_interrupt_line(s, d);
        if (behind(d)) {
            enable_bus(s, behind(d));
        }
    }
}

void pci_setup(PCIBus *root, const PCISetup *setup)
{
    Setup s = { .cfg = setup, .next_bus = 1 };

    memory_region_transaction_begin();
    number_buses(&s, root, 0);
    place_bus(root, KIND_IO, setup->io_base, setup->io_end);
    place_bus(root, KIND_MEMORY, setup->memory_base, setup->memory_end);
    enable_bus(&s, root);
    memory_region_transaction_commit();
}

unsigned pci_count_buses(const PCIBus *root)
{
    unsigned n = 1;

    for (unsigned devfn = 0; devfn < 256; devfn++) {
        PCIBus *sec = root->devices[devfn] ? behind(root->devices[devfn]) : NULL;

        n += sec ? pci_count_buses(sec) : 0;
    }
    return MIN(n, 256);
}
