/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI transport, see virtio-pci.h. BQL, but notifications and interrupts of queues: any thread.
 *
 *   region 0   I/O     legacy registers (4.1.4.10), transitional devices only
 *   region 1   memory  MSI-X
 *   region 4   memory  0 common configuration | 1000 ISR | 2000 device configuration | 3000 notify
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtio-pci.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "system/accel.h"

enum {
    CAP_COMMON = 1,
    CAP_NOTIFY = 2,
    CAP_ISR = 3,
    CAP_DEVICE = 4,
    CAP_PCI = 5,

    CAP_BYTES = 16,
    CAP_NOTIFY_BYTES = 20,
    CAP_BAR = 4, /* offsets in a capability */
    CAP_OFFSET = 8,
    CAP_LENGTH = 12,
    CAP_MORE = 16, /* notify multiplier, or data of the access capability */

    PART_BYTES = 0x1000,
    NOTIFY_MULTIPLIER = 4,
    MODERN_BAR = 4,
    MSIX_BAR = 1,

    LEGACY_NOTIFY = 16,
    LEGACY_CONFIG = 20,
    LEGACY_CONFIG_MSIX = 24,
};

enum { PART_COMMON, PART_ISR, PART_DEVICE, PART_NOTIFY, NR_PARTS };

#define VECTORS_UNSPECIFIED UINT32_MAX

typedef struct VirtIOPCI {
    PCIDevice pci;
    VirtIODevice *vdev; /* child "virtio-backend"; NULL when a global broke it */
    BusState bus;
    bool bus_in_tree, legacy, modern;
    uint32_t feature_sel, driver_feature_sel;
    uint16_t access_cap; /* offset of the PCI configuration access capability */
    MemoryRegion bar, part[NR_PARTS], legacy_io;
    IoEvent *events; /* of each queue: modern, legacy; NULL: notifications arrive as writes */
    /* Properties */
    int disable_legacy; /* OnOffAuto */
    bool disable_modern, ioeventfd, page_per_vq, modern_pio_notify, ats, aer, migrate_extra,
        bus_master_bug;
    uint32_t vectors, class_code;
} VirtIOPCI;

static VirtIOPCI *VIRTIO_PCI(PCIDevice *d)
{
    return container_of(d, VirtIOPCI, pci);
}

static const VirtIOPCIType *virtio_pci_type(const VirtIOPCI *s)
{
    return (const VirtIOPCIType *)s->pci.dev.object.type;
}

static VirtQueue *selected(VirtIOPCI *s)
{
    VirtIODevice *vdev = s->vdev;

    return vdev->queue_sel < vdev->nr_queues ? &vdev->queue[vdev->queue_sel] : NULL;
}

/* --- Interrupts ------------------------------------------------------------------------------ */

static void update_line(VirtIODevice *vdev)
{
    VirtIOPCI *s = vdev->transport_opaque;

    if (!msix_enabled(&s->pci)) {
        pci_set_intx(&s->pci, __atomic_load_n(&vdev->isr, __ATOMIC_SEQ_CST) & VIRTIO_ISR_QUEUE);
    }
}

static bool pci_notify(VirtIODevice *vdev, uint16_t vector)
{
    VirtIOPCI *s = vdev->transport_opaque;

    if (msix_enabled(&s->pci)) {
        return msix_notify(&s->pci, vector);
    }
    if (vdev->ctx && !bql_locked()) {
        return false;
    }
    update_line(vdev);
    return true;
}

static void pci_catch_up(VirtIODevice *vdev)
{
    VirtIOPCI *s = vdev->transport_opaque;

    msix_send_pending(&s->pci);
    update_line(vdev);
}

static bool pci_may_dma(VirtIODevice *vdev)
{
    return pci_may_master(&((VirtIOPCI *)vdev->transport_opaque)->pci);
}

static const VirtIOTransport pci_transport = {
    .notify = pci_notify, .may_dma = pci_may_dma, .catch_up = pci_catch_up,
};

static uint8_t read_isr(VirtIOPCI *s)
{
    uint8_t isr = __atomic_exchange_n(&s->vdev->isr, 0, __ATOMIC_SEQ_CST);

    pci_set_intx(&s->pci, false);
    return isr;
}

/* What does not exist reads back as "no vector": the driver sees that it failed (4.1.5.1.2.1). */
static uint16_t usable_vector(const VirtIOPCI *s, uint32_t value)
{
    return value < s->pci.msix.nr ? (uint16_t)value : VIRTIO_NO_VECTOR;
}

/* --- Common configuration (4.1.4.3) ---------------------------------------------------------- */

static uint32_t get_device_feature(VirtIOPCI *s)
{
    uint64_t f = s->vdev->host_features;

    if (s->feature_sel > 1) {
        return 0;
    }
    /* Features of the legacy interface alone. */
    f &= ~(1ull << VIRTIO_F_NOTIFY_ON_EMPTY | 1ull << VIRTIO_F_ANY_LAYOUT |
           virtio_type(s->vdev)->legacy_features);
    return (uint32_t)(f >> (32 * s->feature_sel));
}

static uint32_t get_driver_feature(VirtIOPCI *s)
{
    return s->driver_feature_sel > 1
               ? 0 : (uint32_t)(s->vdev->guest_features >> (32 * s->driver_feature_sel));
}

static void set_driver_feature(VirtIOPCI *s, uint32_t value)
{
    virtio_set_features(s->vdev, s->driver_feature_sel, value);
}

static void set_status(VirtIOPCI *s, uint32_t value)
{
    virtio_set_status(s->vdev, (uint8_t)value);
    if (!value) {
        s->feature_sel = s->driver_feature_sel = 0;
        pci_set_intx(&s->pci, false);
    }
}

static void set_queue_size(VirtIOPCI *s, uint32_t value)
{
    VirtQueue *vq = selected(s);

    if (vq && !vq->ready) {
        vq->size = (uint16_t)value; /* checked when the queue is enabled */
    }
}

static void set_queue_vector(VirtIOPCI *s, uint32_t value)
{
    VirtQueue *vq = selected(s);

    if (vq) {
        vq->vector = usable_vector(s, value);
    }
}

static void set_queue_enable(VirtIOPCI *s, uint32_t value)
{
    VirtQueue *vq = selected(s);

    if (vq && value == 1 && !vq->ready) {
        virtio_queue_enable(s->vdev, s->vdev->queue_sel);
    }
}

static void set_queue_reset(VirtIOPCI *s, uint32_t value)
{
    VirtQueue *vq = selected(s);

    if (vq && value == 1 && virtio_has(s->vdev, VIRTIO_F_RING_RESET)) {
        virtio_queue_reset(s->vdev, s->vdev->queue_sel);
    }
}

/* Half of one of the three addresses, by its offset in the structure. */
static uint64_t *queue_address(VirtIOPCI *s, unsigned offset, unsigned *shift)
{
    VirtQueue *vq = selected(s);

    *shift = (offset & 4) * 8;
    if (!vq) {
        return NULL;
    }
    return offset < 0x28 ? &vq->desc : offset < 0x30 ? &vq->avail : &vq->used;
}

static uint32_t common_get(VirtIOPCI *s, unsigned offset)
{
    VirtIODevice *vdev = s->vdev;
    VirtQueue *vq = selected(s);
    unsigned shift;

    switch (offset) {
    case 0x00: return s->feature_sel;
    case 0x04: return get_device_feature(s);
    case 0x08: return s->driver_feature_sel;
    case 0x0c: return get_driver_feature(s);
    case 0x10: return vdev->config_vector;
    case 0x12: return vdev->nr_queues;
    case 0x14: return vdev->status;
    case 0x15: return vdev->generation;
    case 0x16: return vdev->queue_sel;
    case 0x18: return vq ? vq->size : 0;
    case 0x1a: return vq ? vq->vector : VIRTIO_NO_VECTOR;
    case 0x1c: return vq ? vq->ready : 0;
    case 0x1e: return vdev->queue_sel;
    case 0x20: case 0x24: case 0x28: case 0x2c: case 0x30: case 0x34:
        return vq ? (uint32_t)(*queue_address(s, offset, &shift) >> ((offset & 4) * 8)) : 0;
    default: return 0; /* queue_reset is done at once */
    }
}

static void common_set(VirtIOPCI *s, unsigned offset, uint32_t value)
{
    uint64_t *address;
    unsigned shift;

    switch (offset) {
    case 0x00: s->feature_sel = value; break;
    case 0x08: s->driver_feature_sel = value; break;
    case 0x0c: set_driver_feature(s, value); break;
    case 0x10: s->vdev->config_vector = usable_vector(s, value); break;
    case 0x14: set_status(s, value); break;
    case 0x16: s->vdev->queue_sel = (uint16_t)value; break;
    case 0x18: set_queue_size(s, value); break;
    case 0x1a: set_queue_vector(s, value); break;
    case 0x1c: set_queue_enable(s, value); break;
    case 0x20: case 0x24: case 0x28: case 0x2c: case 0x30: case 0x34:
        address = queue_address(s, offset, &shift);
        if (address && !selected(s)->ready) {
            *address = deposit64(*address, shift, 32, value);
        }
        break;
    case 0x3a: set_queue_reset(s, value); break;
    default: break;
    }
}

static uint64_t common_read(void *opaque, hwaddr addr, unsigned size)
{
    return common_get(opaque, (unsigned)addr);
}

static void common_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    common_set(opaque, (unsigned)addr, (uint32_t)value);
}

/* --- The other parts ------------------------------------------------------------------------- */

static uint64_t isr_read(void *opaque, hwaddr addr, unsigned size)
{
    return read_isr(opaque);
}

static void ignore_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
}

static uint64_t device_read(void *opaque, hwaddr addr, unsigned size)
{
    return virtio_config_read(((VirtIOPCI *)opaque)->vdev, (unsigned)addr, size);
}

static void device_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    virtio_config_write(((VirtIOPCI *)opaque)->vdev, (unsigned)addr, (uint32_t)value, size);
}

static uint64_t notify_read(void *opaque, hwaddr addr, unsigned size)
{
    return 0;
}

static void notify_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    VirtIOPCI *s = opaque;

    virtio_queue_notify(s->vdev, (unsigned)addr /
                                     (s->page_per_vq ? PART_BYTES : NOTIFY_MULTIPLIER));
}

static const MemoryRegionOps part_ops[NR_PARTS] = {
    [PART_COMMON] = { .read = common_read, .write = common_write },
    [PART_ISR] = { .read = isr_read, .write = ignore_write },
    [PART_DEVICE] = { .read = device_read, .write = device_write },
    [PART_NOTIFY] = { .read = notify_read, .write = notify_write },
};

/* --- Access through configuration space (4.1.4.9) -------------------------------------------- */

/* The part and the offset in it that the capability's fields select; NULL: nothing valid. */
static const MemoryRegionOps *access_target(VirtIOPCI *s, hwaddr *offset, unsigned *len)
{
    const PCIDevice *d = &s->pci;
    uint64_t at = pci_get(d, s->access_cap + CAP_OFFSET, 4);
    uint32_t n = pci_get(d, s->access_cap + CAP_LENGTH, 4);

    if (d->config[s->access_cap + CAP_BAR] != MODERN_BAR || (n != 1 && n != 2 && n != 4) ||
        at % n) {
        return NULL;
    }
    for (unsigned i = 0; i < NR_PARTS; i++) {
        if (at - s->part[i].addr < s->part[i].size) {
            *offset = at - s->part[i].addr;
            *len = n;
            return &part_ops[i];
        }
    }
    return NULL;
}

static bool access_data(const VirtIOPCI *s, unsigned reg, unsigned size)
{
    unsigned data = s->access_cap + (unsigned)CAP_MORE;

    return s->access_cap && reg < data + 4 && reg + size > data;
}

static void virtio_pci_config_reading(PCIDevice *d, unsigned reg, unsigned size)
{
    VirtIOPCI *s = VIRTIO_PCI(d);
    const MemoryRegionOps *ops;
    hwaddr offset;
    unsigned len;

    if (access_data(s, reg, size) && (ops = access_target(s, &offset, &len))) {
        pci_set(d, s->access_cap + CAP_MORE, (uint32_t)ops->read(s, offset, len), len);
    }
}

static void virtio_pci_config_written(PCIDevice *d, unsigned reg, unsigned size)
{
    VirtIOPCI *s = VIRTIO_PCI(d);
    const MemoryRegionOps *ops;
    hwaddr offset;
    unsigned len;

    if (access_data(s, reg, size) && (ops = access_target(s, &offset, &len))) {
        ops->write(s, offset, pci_get(d, s->access_cap + CAP_MORE, len), len);
    }
    pcie_endpoint_config_written(d, reg, size);
}

/* --- Legacy interface (4.1.4.10) ------------------------------------------------------------- */

static unsigned legacy_config_start(const VirtIOPCI *s)
{
    return msix_enabled(&s->pci) ? LEGACY_CONFIG_MSIX : LEGACY_CONFIG;
}

/* One page number stands for the three parts, which follow each other (2.7.2). */
static void legacy_set_pfn(VirtIOPCI *s, uint32_t pfn)
{
    VirtQueue *vq = selected(s);

    if (!pfn) {
        virtio_reset(s->vdev);
        return;
    }
    if (!vq || !vq->max_size || vq->ready) {
        return;
    }
    vq->size = vq->max_size;
    vq->desc = (uint64_t)pfn << 12;
    vq->avail = vq->desc + 16ull * vq->size;
    vq->used = ROUND_UP(vq->avail + 6 + 2ull * vq->size, 4096ull);
    virtio_queue_enable(s->vdev, s->vdev->queue_sel);
}

static uint32_t legacy_get(VirtIOPCI *s, unsigned reg)
{
    VirtIODevice *vdev = s->vdev;
    VirtQueue *vq = selected(s);

    switch (reg) {
    case 0: return (uint32_t)vdev->host_features;
    case 4: return (uint32_t)vdev->guest_features;
    case 8: return vq && vq->ready ? (uint32_t)(vq->desc >> 12) : 0;
    case 12: return vq ? vq->max_size : 0;
    case 14: return vdev->queue_sel;
    case 18: return vdev->status;
    case 19: return read_isr(s);
    case 20: return vdev->config_vector;
    case 22: return vq ? vq->vector : VIRTIO_NO_VECTOR;
    default: return UINT32_MAX;
    }
}

static void legacy_set(VirtIOPCI *s, unsigned reg, uint32_t value)
{
    switch (reg) {
    case 4: virtio_set_features(s->vdev, 0, value); break;
    case 8: legacy_set_pfn(s, value); break;
    case 14: s->vdev->queue_sel = (uint16_t)value; break;
    case LEGACY_NOTIFY: virtio_queue_notify(s->vdev, value); break;
    case 18: set_status(s, value & 0xff); break;
    case 20: s->vdev->config_vector = usable_vector(s, value); break;
    case 22: set_queue_vector(s, value); break;
    default: break;
    }
}

static uint64_t legacy_read(void *opaque, hwaddr addr, unsigned size)
{
    VirtIOPCI *s = opaque;
    unsigned start = legacy_config_start(s);

    return addr < start ? legacy_get(s, (unsigned)addr)
                        : virtio_config_read(s->vdev, (unsigned)addr - start, size);
}

static void legacy_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    VirtIOPCI *s = opaque;
    unsigned start = legacy_config_start(s);

    if (addr < start) {
        legacy_set(s, (unsigned)addr, (uint32_t)value);
    } else {
        virtio_config_write(s->vdev, (unsigned)addr - start, (uint32_t)value, size);
    }
}

static const MemoryRegionOps legacy_ops = { .read = legacy_read, .write = legacy_write };

/* --- Life cycle ------------------------------------------------------------------------------ */

static bool add_cap(VirtIOPCI *s, uint8_t kind, uint64_t offset, uint64_t len)
{
    PCIDevice *d = &s->pci;
    unsigned bytes = kind == CAP_NOTIFY || kind == CAP_PCI ? CAP_NOTIFY_BYTES : CAP_BYTES;
    unsigned cap = pci_add_capability(d, PCI_CAP_VENDOR, 0, bytes);

    if (!cap) {
        return false;
    }
    pci_set(d, cap + 2, bytes, 1);
    pci_set(d, cap + 3, kind, 1);
    if (kind == CAP_PCI) {
        s->access_cap = (uint16_t)cap;
        pci_set_wmask(d, cap + CAP_BAR, 0xff, 1);
        for (unsigned reg = CAP_OFFSET; reg < CAP_NOTIFY_BYTES; reg += 4) {
            pci_set_wmask(d, cap + reg, UINT32_MAX, 4);
        }
        return true;
    }
    pci_set(d, cap + CAP_BAR, MODERN_BAR, 1);
    pci_set(d, cap + CAP_OFFSET, (uint32_t)offset, 4);
    pci_set(d, cap + CAP_LENGTH, (uint32_t)len, 4);
    if (kind == CAP_NOTIFY) {
        pci_set(d, cap + CAP_MORE, s->page_per_vq ? PART_BYTES : NOTIFY_MULTIPLIER, 4);
    }
    return true;
}

static bool add_modern(VirtIOPCI *s, Error **errp)
{
    static const uint8_t kinds[NR_PARTS] = { CAP_COMMON, CAP_ISR, CAP_DEVICE, CAP_NOTIFY };
    static const char *const names[NR_PARTS] = {
        "virtio-pci-common", "virtio-pci-isr", "virtio-pci-device", "virtio-pci-notify",
    };
    uint64_t notify = s->page_per_vq ? VIRTIO_MAX_QUEUES * (uint64_t)PART_BYTES : PART_BYTES;
    bool ok = true;

    memory_region_init(&s->bar, "virtio-pci", pow2ceil(3 * PART_BYTES + notify));
    for (unsigned i = 0; i < NR_PARTS; i++) {
        uint64_t len = i == PART_NOTIFY ? notify : PART_BYTES;

        memory_region_init_io(&s->part[i], &part_ops[i], s, names[i], len);
        memory_region_add_subregion(&s->bar, i * (uint64_t)PART_BYTES, &s->part[i]);
        ok = ok && add_cap(s, kinds[i], i * (uint64_t)PART_BYTES, len);
    }
    pci_register_bar(&s->pci, MODERN_BAR, PCI_BAR_64 | PCI_BAR_PREFETCH, &s->bar);
    if (!ok || !add_cap(s, CAP_PCI, 0, 0)) {
        error_setg(errp, "no room for virtio's capabilities");
        return false;
    }
    return true;
}

/* Modern ids are 0x1040 + device id; transitional ones were given one by one (4.1.2.1). */
static uint16_t transitional_id(uint16_t device_id)
{
    static const uint16_t ids[] = {
        [VIRTIO_ID_NET] = 0x1000, [VIRTIO_ID_BLOCK] = 0x1001, [VIRTIO_ID_CONSOLE] = 0x1003,
        [VIRTIO_ID_RNG] = 0x1005, [VIRTIO_ID_BALLOON] = 0x1002,
    };

    return device_id < ARRAY_SIZE(ids) ? ids[device_id] : 0;
}

static void set_ids(VirtIOPCI *s)
{
    uint16_t id = virtio_type(s->vdev)->device_id;
    PCIDevice *d = &s->pci;

    if (s->legacy) {
        pci_set(d, PCI_DEVICE_ID, transitional_id(id), 2);
        pci_set(d, PCI_SUBSYSTEM_ID, id, 2);
    } else {
        pci_set(d, PCI_DEVICE_ID, 0x1040u + id, 2);
        pci_set(d, PCI_REVISION, 1, 1);
    }
    if (s->class_code) {
        pci_set(d, PCI_CLASS_DEVICE, s->class_code & 0xffff, 2);
    }
    pci_set(d, PCI_INTERRUPT_PIN, 1, 1);
}

static bool choose_interfaces(VirtIOPCI *s, Error **errp)
{
    bool port = s->pci.bus->express && !pci_bus_is_root(s->pci.bus);

    switch (virtio_pci_type(s)->flavour) {
    case VIRTIO_PCI_TRANSITIONAL:
        s->disable_legacy = ON_OFF_AUTO_OFF;
        break;
    case VIRTIO_PCI_NON_TRANSITIONAL:
        s->disable_legacy = ON_OFF_AUTO_ON;
        break;
    default:
        break;
    }
    s->legacy = s->disable_legacy == ON_OFF_AUTO_OFF ||
                (s->disable_legacy == ON_OFF_AUTO_AUTO && !port);
    s->modern = !s->disable_modern;
    if (!s->legacy && !s->modern) {
        error_setg(errp, "device cannot work as neither modern nor legacy mode is enabled");
        error_append_hint(errp, "Set either disable-modern or disable-legacy to off\n");
        return false;
    }
    if (s->legacy && s->vdev->iommu_platform) {
        error_setg(errp, "VIRTIO_F_IOMMU_PLATFORM was supported by neither legacy nor "
                         "transitional device");
        return false;
    }
    return true;
}

static bool realize_vdev(VirtIOPCI *s, Error **errp)
{
    VirtIODevice *vdev = s->vdev;

    if (!vdev) { /* again, for the error of the global */
        Object *obj = object_new(&virtio_pci_type(s)->vdev->device.object, errp);

        object_free(obj);
        return false;
    }
    qdev_bus_init(&s->bus, "virtio-pci-bus", "virtio-bus", &s->pci.dev);
    s->bus.internal = true;
    s->bus_in_tree = true;
    vdev->transport = &pci_transport;
    vdev->transport_opaque = s;
    vdev->dev.bus = &s->bus;
    vdev->host_features |= (uint64_t)s->modern << VIRTIO_F_VERSION_1;
    return qdev_realize(&vdev->dev, errp);
}

static void add_vectors(VirtIOPCI *s)
{
    uint32_t n = s->vectors;

    if (n == VECTORS_UNSPECIFIED) {
        n = virtio_pci_type(s)->default_vectors;
        n = n == VECTORS_UNSPECIFIED ? s->vdev->nr_queues + 1 : n;
    }
    if (n && !msix_init(&s->pci, MSIX_BAR, n, NULL)) {
        warn_report("unable to init msix vectors to %u", n);
        n = 0;
    }
    s->vectors = n;
}

static void add_legacy(VirtIOPCI *s)
{
    uint64_t bytes = pow2ceil((s->vectors ? LEGACY_CONFIG_MSIX : LEGACY_CONFIG) +
                              (uint64_t)s->vdev->config_bytes);

    memory_region_init_io(&s->legacy_io, &legacy_ops, s, "virtio-pci", MAX(bytes, 32));
    pci_register_bar(&s->pci, 0, PCI_BAR_IO, &s->legacy_io);
}

/* The kernel signals file descriptors; the software CPU calls fire() itself, which is worth it only
 * for an iothread: else the notification is handled at once, in the vCPU's thread. */
static bool add_events(VirtIOPCI *s, Error **errp)
{
    VirtIODevice *vdev = s->vdev;
    const AccelOps *accel = current_machine->accel;
    bool fds = accel->has_ioeventfd && accel->has_ioeventfd(current_machine);

    if (!s->ioeventfd && vdev->ctx) {
        error_setg(errp, "ioeventfd is required for iothread");
        return false;
    }
    if (!s->ioeventfd || (!fds && !vdev->ctx) || !virtio_use_events(vdev, fds)) {
        return true;
    }
    s->events = g_new0(IoEvent, 2 * vdev->nr_queues);
    memory_region_transaction_begin();
    for (unsigned n = 0; n < vdev->nr_queues; n++) {
        IoEvent *ev = &s->events[2 * n], common = {
            .data = n, .fd = vdev->events[n].fd, .fire = virtio_queue_event_fire,
            .opaque = &vdev->events[n],
        };

        ev[0] = ev[1] = common;
        ev[0].addr = n * (hwaddr)(s->page_per_vq ? PART_BYTES : NOTIFY_MULTIPLIER);
        ev[1].addr = LEGACY_NOTIFY;
        ev[1].size = 2;
        ev[1].match = true;
        if (s->modern) {
            memory_region_add_event(&s->part[PART_NOTIFY], &ev[0]);
        }
        if (s->legacy) {
            memory_region_add_event(&s->legacy_io, &ev[1]);
        }
    }
    memory_region_transaction_commit();
    return true;
}

static void drop_events(VirtIOPCI *s)
{
    for (unsigned n = 0; s->events && n < s->vdev->nr_queues; n++) {
        memory_region_del_event(&s->part[PART_NOTIFY], &s->events[2 * n]);
        memory_region_del_event(&s->legacy_io, &s->events[2 * n + 1]);
    }
    g_clear_pointer(&s->events, g_free);
}

static bool virtio_pci_realize(PCIDevice *d, Error **errp)
{
    VirtIOPCI *s = VIRTIO_PCI(d);

    if ((s->vdev && !choose_interfaces(s, errp)) || !realize_vdev(s, errp)) {
        return false;
    }
    if (d->config_bytes > PCI_CONFIG_BYTES && !pci_bus_is_root(d->bus) &&
        (!pcie_endpoint_init(d, errp) || !pci_pm_init(d, errp))) {
        return false;
    }
    set_ids(s);
    if (s->modern && !add_modern(s, errp)) {
        return false;
    }
    add_vectors(s);
    if (s->legacy) {
        add_legacy(s);
    }
    return add_events(s, errp);
}

static void virtio_pci_exit(PCIDevice *d)
{
    drop_events(VIRTIO_PCI(d));
}

static void virtio_pci_reset(PCIDevice *d)
{
    VirtIOPCI *s = VIRTIO_PCI(d);

    s->feature_sel = s->driver_feature_sel = 0;
    virtio_reset(s->vdev);
}

static void virtio_pci_instance_init(Object *obj)
{
    VirtIOPCI *s = (VirtIOPCI *)obj;
    Object *child = object_new(&virtio_pci_type(s)->vdev->device.object, NULL);

    if (child) {
        s->vdev = (VirtIODevice *)child;
        object_add_child(obj, "virtio-backend", child);
    }
}

static void virtio_pci_finalize(Object *obj)
{
    VirtIOPCI *s = (VirtIOPCI *)obj;

    if (s->bus_in_tree) {
        qdev_bus_fini(&s->bus);
    }
}

/* --- Properties of the device behind, under the function's name ------------------------------ */

static VirtIODevice *behind(Object *obj, const char *name)
{
    VirtIODevice *vdev = ((VirtIOPCI *)obj)->vdev;

    return vdev && object_type_find_prop(vdev->dev.object.type, name) ? vdev : NULL;
}

static bool hook_set_str(Object *obj, const char *name, const char *value, bool *found,
                         Error **errp)
{
    VirtIODevice *vdev = behind(obj, name);

    *found = vdev != NULL;
    return vdev && object_set_prop_str(&vdev->dev.object, name, value, errp);
}

static bool hook_set_json(Object *obj, const char *name, json_object *value, bool *found,
                          Error **errp)
{
    VirtIODevice *vdev = behind(obj, name);

    *found = vdev != NULL;
    return vdev && object_set_prop_json(&vdev->dev.object, name, value, errp);
}

static json_object *hook_get_json(Object *obj, const char *name, bool *found)
{
    VirtIODevice *vdev = behind(obj, name);

    *found = vdev != NULL;
    return vdev ? object_get_prop_json(&vdev->dev.object, name, NULL) : NULL;
}

/* Called for each level of the type: only the last knows the device. */
static void hook_foreach(const ObjectType *type, const Object *obj, PropertyFn *fn, void *opaque)
{
    if (!type->abstract) {
        const VirtIODeviceType *t = ((const VirtIOPCIType *)type)->vdev;

        object_type_foreach_own_prop(&t->device.object, fn, opaque);
        object_type_foreach_own_prop(&type_virtio_device, fn, opaque);
    }
}

static const PropertyHooks hooks = {
    .set_str = hook_set_str, .set_json = hook_set_json, .get_json = hook_get_json,
    .foreach = hook_foreach,
};

/* --- Types ----------------------------------------------------------------------------------- */

static const char *const on_off_auto[] = { "auto", "on", "off", NULL };

static const Property virtio_pci_props[] = {
    DEFINE_PROP(PROP_ENUM, VirtIOPCI, disable_legacy, "disable-legacy", .enum_names = on_off_auto,
                .enum_type = "OnOffAuto", .default_str = "auto", .description = "on/off/auto"),
    DEFINE_PROP(PROP_BOOL, VirtIOPCI, disable_modern, "disable-modern"),
    DEFINE_PROP(PROP_BOOL, VirtIOPCI, bus_master_bug, "virtio-pci-bus-master-bug-migration",
                .description = "on/off"),
    DEFINE_PROP(PROP_BOOL, VirtIOPCI, migrate_extra, "migrate-extra", .default_val = true,
                .description = "on/off"),
    DEFINE_PROP(PROP_BOOL, VirtIOPCI, modern_pio_notify, "modern-pio-notify",
                .description = "on/off"),
    DEFINE_PROP(PROP_BOOL, VirtIOPCI, page_per_vq, "page-per-vq", .description = "on/off"),
    DEFINE_PROP(PROP_BOOL, VirtIOPCI, ats, "ats", .description = "on/off"),
    DEFINE_PROP(PROP_BOOL, VirtIOPCI, aer, "aer", .description = "on/off"),
    DEFINE_PROP_END,
};

const ObjectType type_virtio_pci = {
    .name = "virtio-pci",
    .parent = &type_pci_device,
    .instance_size = sizeof(VirtIOPCI),
    .abstract = true,
    .props = virtio_pci_props,
    .hooks = &hooks,
    .instance_init = virtio_pci_instance_init,
    .instance_finalize = virtio_pci_finalize,
};

static const VMStateField virtio_pci_fields[] = {
    VMSTATE_STRUCT(VirtIOPCI, pci, &vmstate_pci_device),
    VMSTATE_UINT(VirtIOPCI, feature_sel),
    VMSTATE_UINT(VirtIOPCI, driver_feature_sel),
    VMSTATE_END,
};
static const VMStateDescription vmstate_virtio_pci = {
    "virtio-pci", .version = 1, .fields = virtio_pci_fields, .applied = pci_applied,
};

#define VECTOR_PROPS                                                                            \
    DEFINE_PROP(PROP_BOOL, VirtIOPCI, ioeventfd, "ioeventfd", .default_val = true,              \
                .description = "on/off"),                                                       \
    DEFINE_PROP(PROP_UINT32, VirtIOPCI, vectors, "vectors", .default_val = VECTORS_UNSPECIFIED)


static const Property class_props[] = {
    DEFINE_PROP(PROP_UINT32, VirtIOPCI, class_code, "class"), DEFINE_PROP_END,
};
static const Property vector_props[] = { VECTOR_PROPS, DEFINE_PROP_END };
static const Property vector_class_props[] = {
    VECTOR_PROPS, DEFINE_PROP(PROP_UINT32, VirtIOPCI, class_code, "class"), DEFINE_PROP_END,
};

#define VIRTIO_PCI_TYPE_AS(_name, _vdev, _class, _vectors, _props, _flavour)                     \
    {                                                                                            \
        .pci = {                                                                                 \
            .device = {                                                                          \
                .object = {                                                                      \
                    .name = _name,                                                               \
                    .parent = &type_virtio_pci,                                                  \
                    .instance_size = sizeof(VirtIOPCI),                                          \
                    .props = _props,                                                             \
                },                                                                               \
                .bus = "PCI",                                                                    \
                .user_creatable = true,                                                          \
                .migration = MIGRATION_VMSD(&vmstate_virtio_pci),                                \
                .realize = pci_device_realize,                                                   \
                .reset = pci_device_reset,                                                       \
                .unrealize = pci_device_unrealize,                                               \
            },                                                                                   \
            .vendor = PCI_VENDOR_VIRTIO,                                                         \
            .subsystem_vendor = PCI_VENDOR_VIRTIO,                                               \
            .subsystem_id = PCI_SUBSYSTEM_QEMU,                                                  \
            .class_code = (_class) << 8,                                                         \
            .is_express = (_flavour) != VIRTIO_PCI_TRANSITIONAL,                                 \
            .realize = virtio_pci_realize,                                                       \
            .exit = virtio_pci_exit,                                                             \
            .reset = virtio_pci_reset,                                                           \
            .config_written = virtio_pci_config_written,                                         \
            .config_reading = virtio_pci_config_reading,                                         \
        },                                                                                       \
        .vdev = _vdev,                                                                           \
        .default_vectors = _vectors,                                                             \
        .flavour = _flavour,                                                                     \
    }

/* The type, and what its name with a suffix is: one that never changes its interface. Management
 * software chooses those by the slot. */
#define VIRTIO_PCI_TYPE(_var, _name, ...)                                                       \
    const VirtIOPCIType _var = VIRTIO_PCI_TYPE_AS(_name, __VA_ARGS__, VIRTIO_PCI_GENERIC);       \
    const VirtIOPCIType _var##_transitional =                                                    \
        VIRTIO_PCI_TYPE_AS(_name "-transitional", __VA_ARGS__, VIRTIO_PCI_TRANSITIONAL);         \
    const VirtIOPCIType _var##_non_transitional =                                                \
        VIRTIO_PCI_TYPE_AS(_name "-non-transitional", __VA_ARGS__, VIRTIO_PCI_NON_TRANSITIONAL)

VIRTIO_PCI_TYPE(type_virtio_balloon_pci, "virtio-balloon-pci", &type_virtio_balloon_device, 0x00ff,
                VECTORS_UNSPECIFIED, class_props);
VIRTIO_PCI_TYPE(type_virtio_blk_pci, "virtio-blk-pci", &type_virtio_blk_device, 0x0100,
                VECTORS_UNSPECIFIED, vector_class_props);
VIRTIO_PCI_TYPE(type_virtio_serial_pci, "virtio-serial-pci", &type_virtio_serial_device, 0x0780, 2,
                vector_class_props);
VIRTIO_PCI_TYPE(type_virtio_net_pci, "virtio-net-pci", &type_virtio_net_device, 0x0200,
                VECTORS_UNSPECIFIED, vector_props);
VIRTIO_PCI_TYPE(type_virtio_rng_pci, "virtio-rng-pci", &type_virtio_rng_device, 0x00ff, 2,
                vector_props);
