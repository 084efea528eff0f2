/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MSI-X capability (PCI 3.0, 6.8.2): a table of messages in a region of its own and a bit for
 * each that waits while its vector is masked. BQL, and .lock for what other threads look at when
 * they interrupt; it is not held while a message is sent.
 *
 *   region:  0 table, 16 bytes a vector: address, data, control (bit 0: masked)
 *            half  pending bits
 */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/intc/irqchip.h"
#include "hw/pci/pci.h"
#include "qemu/main-loop.h"

#include <sys/eventfd.h>

enum {
    MSIX_CONTROL = 2,
    MSIX_TABLE = 4,
    MSIX_PBA = 8,
    MSIX_CAP_BYTES = 12,

    MSIX_ENABLE = 0x8000,
    MSIX_MASK_ALL = 0x4000,

    ENTRY_BYTES = 16,
    ENTRY_DATA = 8,
    ENTRY_CONTROL = 12,
    ENTRY_MASKED = 1,
};

static uint64_t ld(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;

    memcpy(&v, p, bytes); /* little endian host */
    return v;
}

static bool vector_masked(const PCIDevice *d, unsigned vector)
{
    const PCIMsix *m = &d->msix;

    return m->masked || (m->table[vector * ENTRY_BYTES + ENTRY_CONTROL] & ENTRY_MASKED);
}

static bool test_pending(const PCIMsix *m, unsigned vector)
{
    return m->pending[vector / 8] & BIT(vector % 8);
}

static void set_pending(PCIMsix *m, unsigned vector, bool on)
{
    uint8_t bit = BIT(vector % 8);

    m->pending[vector / 8] = (uint8_t)((m->pending[vector / 8] & ~bit) | (on ? bit : 0));
}

typedef struct Message {
    uint64_t addr;
    uint32_t data;
} Message;

static Message message(const PCIMsix *m, unsigned vector)
{
    const uint8_t *entry = m->table + vector * ENTRY_BYTES;

    return (Message){ ld(entry, 8), (uint32_t)ld(entry + ENTRY_DATA, 4) };
}

/* --- irqfds: with KVM the kernel sends the message of an unmasked vector ---------------------- */

static bool irqfd_prepare(PCIIrqfd *q, const Message *msg)
{
    const IrqChipOps *chip = current_machine->irqchip;
    void *opaque = current_machine->accel_state;

    if (!q->gsi) {
        int gsi = chip->msi_route_new(opaque);

        q->fd = gsi > 0 ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
        if (q->fd < 0) {
            if (gsi > 0) {
                chip->msi_route_free(opaque, (unsigned)gsi);
            }
            return false;
        }
        q->gsi = gsi;
        q->routed = false;
    }
    if (!q->routed || q->addr != msg->addr || q->data != msg->data) {
        q->routed = true;
        q->addr = msg->addr;
        q->data = msg->data;
        chip->msi_route_set(opaque, (unsigned)q->gsi, msg->addr, msg->data);
    }
    return true;
}

/* The vector's mask or message changed. Where there is no irqfd msix_notify() sends. */
static void update_irqfd(PCIDevice *d, unsigned vector)
{
    PCIMsix *m = &d->msix;
    PCIIrqfd *q = m->irqfd ? &m->irqfd[vector] : NULL;
    Message msg = message(m, vector);
    bool want, was;

    if (!q) {
        return;
    }
    want = msix_enabled(d) && !vector_masked(d, vector) && pci_msi_is_interrupt(msg.addr) &&
           irqfd_prepare(q, &msg);
    g_mutex_lock(&m->lock);
    was = q->on;
    q->on = want && was;
    g_mutex_unlock(&m->lock);
    if (want != was && q->gsi &&
        current_machine->irqchip->irqfd_set(current_machine->accel_state, (unsigned)q->gsi, q->fd,
                                            want)) {
        g_mutex_lock(&m->lock);
        q->on = want;
        g_mutex_unlock(&m->lock);
    }
}

static void free_irqfds(PCIMsix *m)
{
    const IrqChipOps *chip = current_machine->irqchip;
    void *opaque = current_machine->accel_state;

    for (unsigned v = 0; m->irqfd && v < m->nr; v++) {
        PCIIrqfd *q = &m->irqfd[v];

        if (q->on) {
            chip->irqfd_set(opaque, (unsigned)q->gsi, q->fd, false);
        }
        if (q->gsi) {
            chip->msi_route_free(opaque, (unsigned)q->gsi);
            close(q->fd);
        }
    }
    g_clear_pointer(&m->irqfd, g_free);
}

/* A vector may have become unmasked. BQL. */
static void fire_pending(PCIDevice *d, unsigned vector)
{
    PCIMsix *m = &d->msix;
    Message msg;
    bool fire;

    update_irqfd(d, vector);
    g_mutex_lock(&m->lock);
    fire = test_pending(m, vector) && !vector_masked(d, vector);
    if (fire) {
        set_pending(m, vector, false);
        msg = message(m, vector);
    }
    g_mutex_unlock(&m->lock);
    if (fire) {
        pci_send_msi(d, msg.addr, msg.data);
    }
}

void msix_send_pending(PCIDevice *d)
{
    for (unsigned v = 0; v < d->msix.nr; v++) {
        fire_pending(d, v);
    }
}

bool msix_enabled(const PCIDevice *d)
{
    return d->msix.cap && (pci_get(d, d->msix.cap + MSIX_CONTROL, 2) & MSIX_ENABLE);
}

bool msix_notify(PCIDevice *d, unsigned vector)
{
    PCIMsix *m = &d->msix;
    Message msg = { 0 };
    bool send, able, irqfd;

    if (vector >= m->nr || !msix_enabled(d)) {
        return true;
    }
    g_mutex_lock(&m->lock);
    send = !vector_masked(d, vector);
    if (send) {
        msg = message(m, vector);
    }
    irqfd = send && m->irqfd && m->irqfd[vector].on && pci_may_master(d);
    if (irqfd) {
        eventfd_write(m->irqfd[vector].fd, 1);
    }
    able = !send || pci_msi_is_interrupt(msg.addr) || bql_locked();
    if (!send || !able) {
        set_pending(m, vector, true);
    }
    g_mutex_unlock(&m->lock);
    if (send && able && !irqfd) {
        pci_send_msi(d, msg.addr, msg.data);
    }
    return able;
}

/* --- Guest accesses -------------------------------------------------------------------------- */

static uint64_t table_read(void *opaque, hwaddr addr, unsigned size)
{
    PCIDevice *d = opaque;

    return addr + size <= d->msix.nr * (hwaddr)ENTRY_BYTES ? ld(d->msix.table + addr, size) : 0;
}

static void table_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PCIDevice *d = opaque;

    if (addr + size <= d->msix.nr * (hwaddr)ENTRY_BYTES) {
        g_mutex_lock(&d->msix.lock);
        memcpy(d->msix.table + addr, &value, size);
        g_mutex_unlock(&d->msix.lock);
        fire_pending(d, (unsigned)(addr / ENTRY_BYTES));
    }
}

static uint64_t pba_read(void *opaque, hwaddr addr, unsigned size)
{
    PCIDevice *d = opaque;

    return addr + size <= ROUND_UP(d->msix.nr, 64u) / 8 ? ld(d->msix.pending + addr, size) : 0;
}

static void pba_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
}

static const MemoryRegionOps table_ops = {
    .read = table_read, .write = table_write, .valid_min = 4, .valid_max = 8, .impl_min = 4,
    .impl_max = 4,
};
static const MemoryRegionOps pba_ops = {
    .read = pba_read, .write = pba_write, .valid_min = 4, .valid_max = 8, .impl_min = 4,
    .impl_max = 4,
};

void msix_post_load(PCIDevice *d)
{
    if (d->msix.cap) {
        uint32_t control = pci_get(d, d->msix.cap + MSIX_CONTROL, 2);

        d->msix.masked = (control & (MSIX_ENABLE | MSIX_MASK_ALL)) != MSIX_ENABLE;
    }
}

void msix_applied(PCIDevice *d)
{
    for (unsigned v = 0; v < d->msix.nr; v++) {
        update_irqfd(d, v);
    }
}

void msix_config_written(PCIDevice *d, unsigned reg, unsigned size)
{
    PCIMsix *m = &d->msix;

    if (!m->cap || reg + size <= m->cap + (unsigned)MSIX_CONTROL ||
        reg >= m->cap + (unsigned)MSIX_TABLE) {
        return;
    }
    if (msix_enabled(d)) {
        pci_set_intx(d, false);
    }
    msix_post_load(d);
    msix_send_pending(d);
}

/* --- Life cycle ------------------------------------------------------------------------------ */

bool msix_init(PCIDevice *d, unsigned bar, unsigned vectors, Error **errp)
{
    PCIMsix *m = &d->msix;
    uint64_t half;
    unsigned cap;

    if (!vectors || vectors > PCI_MSIX_MAX_VECTORS) {
        error_setg(errp, "The number of MSI-X vectors is invalid");
        return false;
    }
    cap = pci_add_capability(d, PCI_CAP_MSIX, 0, MSIX_CAP_BYTES);
    if (!cap) {
        error_setg(errp, "no room for the MSI-X capability");
        return false;
    }
    half = MAX(2048, pow2ceil(vectors * (uint64_t)ENTRY_BYTES));
    g_mutex_init(&m->lock);
    m->cap = (uint16_t)cap;
    m->nr = (uint16_t)vectors;
    m->table_bytes = vectors * ENTRY_BYTES;
    m->table = g_malloc0(m->table_bytes);
    m->pending_bytes = ROUND_UP(vectors, 64u) / 8;
    m->pending = g_malloc0(m->pending_bytes);
    if (current_machine && current_machine->irqchip && current_machine->irqchip->irqfd_set) {
        m->irqfd = g_new0(PCIIrqfd, vectors);
    }
    pci_set(d, cap + MSIX_CONTROL, vectors - 1, 2);
    pci_set_wmask(d, cap + MSIX_CONTROL, MSIX_ENABLE | MSIX_MASK_ALL, 2);
    pci_set(d, cap + MSIX_TABLE, bar, 4);
    pci_set(d, cap + MSIX_PBA, (uint32_t)half | bar, 4);
    memory_region_init(&m->bar, "msix", 2 * half);
    memory_region_init_io(&m->table_mr, &table_ops, d, "msix-table", vectors * ENTRY_BYTES);
    memory_region_init_io(&m->pba_mr, &pba_ops, d, "msix-pba", ROUND_UP(vectors, 64u) / 8);
    memory_region_add_subregion(&m->bar, 0, &m->table_mr);
    memory_region_add_subregion(&m->bar, half, &m->pba_mr);
    pci_register_bar(d, bar, 0, &m->bar);
    msix_reset(d);
    return true;
}

void msix_uninit(PCIDevice *d)
{
    PCIMsix *m = &d->msix;

    if (m->cap) {
        free_irqfds(m);
        memory_region_del_subregion(&m->bar, &m->table_mr);
        memory_region_del_subregion(&m->bar, &m->pba_mr);
        memory_region_fini(&m->bar);
        g_free(m->table);
        g_free(m->pending);
        g_mutex_clear(&m->lock);
        *m = (PCIMsix){ .cap = 0 };
    }
}

void msix_reset(PCIDevice *d)
{
    PCIMsix *m = &d->msix;

    if (!m->cap) {
        return;
    }
    g_mutex_lock(&m->lock);
    m->masked = true;
    memset(m->table, 0, m->nr * (size_t)ENTRY_BYTES);
    memset(m->pending, 0, ROUND_UP(m->nr, 64u) / 8);
    for (unsigned v = 0; v < m->nr; v++) {
        m->table[v * ENTRY_BYTES + ENTRY_CONTROL] = ENTRY_MASKED;
    }
    g_mutex_unlock(&m->lock);
    for (unsigned v = 0; v < m->nr; v++) {
        update_irqfd(d, v);
    }
}
