/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each virtio PCI device with a hostile driver. FUZZ_DEVICE names the device. An input is
 *
 *   4 bytes    features, enabled queues, size of the queues, number of operations
 *   5 each     operations: kind, argument, 24 bits
 *   the rest   guest memory from address 0: queue n has its descriptors at n * 0x400, then its
 *              available ring (+0x100) and its used ring (+0x200); buffers are anywhere
 *
 * The cable of a network device ends here: operation 14 sends a frame out of guest memory, and
 * what the device sends is read to the end.
 *
 * Checked: no access outside of guest memory, no leak, no failed assertion; every request ends.
 */
#include "qemu/osdep.h"
#include "block/blockdev.h"
#include "chardev/char.h"
#include "hw/core/machine.h"
#include "hw/core/qdev.h"
#include "hw/pci-host/pci-host.h"
#include "hw/virtio/virtio.h"
#include "net/net.h"
#include "qemu/log.h"
#include "qemu/main-loop.h"
#include "system/runstate.h"

#define RAM_BYTES (256 * KiB)
#define BAR 0xc0000000u
#define MSIX_BAR 0xc0100000u
#define PORTS 0xc000u
#define MAX_OPS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const struct {
    const char *name;
    const char *prepare[3]; /* -blockdev, -chardev, second -device */
    const char *device;
} rows[] = {
    { "virtio-blk", { "driver=null-co,node-name=d,size=1M,read-zeroes=on" },
      "virtio-blk-pci,addr=2,packed=on,drive=d,num-queues=2,serial=fuzz" },
    { "virtio-rng", { NULL }, "virtio-rng-pci,addr=2,packed=on" },
    { "virtio-serial", { NULL, "ringbuf,id=c", "virtconsole,chardev=c,nr=0" },
      "virtio-serial-pci,addr=2,packed=on,max_ports=4" },
    { "virtio-balloon", { NULL },
      "virtio-balloon-pci,addr=2,packed=on,deflate-on-oom=on,free-page-reporting=on" },
    { "virtio-net", { NULL }, "virtio-net-pci,addr=2,packed=on,netdev=cable,host_mtu=1500" },
};

static PCIDevice *device;
static NetClient *cable;
static bool cable_full;
static RAMBlock *ram;

static Object *child(Object *parent, const char *name)
{
    Object *obj = object_new(&type_container, &error_abort);

    object_add_child(parent, name, obj);
    return obj;
}

static void make_machine(void)
{
    static const ObjectType type = { .name = "fuzz", .instance_size = sizeof(MachineState) };
    static const AccelOps no_accel = { .name = "fuzz" };
    MachineState *ms = (MachineState *)object_new(&type, &error_abort);
    MemoryRegion *mr = g_new0(MemoryRegion, 1);
    PCIHostConfig cfg = { .preset = true };

    bql_lock();
    current_machine = ms;
    ms->accel = &no_accel;
    ms->version = machine_find("q35");
    ms->smp.cpus = ms->smp.max_cpus = 1;
    ms->root = object_new(&type_container, &error_abort);
    child(ms->root, "objects");
    ms->system_memory = g_new0(MemoryRegion, 1);
    memory_region_init(ms->system_memory, "system", UINT64_MAX);
    ms->memory = address_space_new("memory", ms->system_memory);
    ms->system_io = g_new0(MemoryRegion, 1);
    memory_region_init(ms->system_io, "io", 64 * KiB);
    ms->io = address_space_new("I/O", ms->system_io);
    ms->unattached = child(&ms->object, "unattached");
    ms->peripheral = child(&ms->object, "peripheral");
    ms->peripheral_anon = child(&ms->object, "peripheral-anon");
    ram = ram_block_new("ram", RAM_BYTES, &error_abort);
    ms->ram = ram;
    ms->ram_size_bytes = RAM_BYTES;
    memory_region_init_ram(mr, "ram", ram);
    memory_region_add_subregion(ms->system_memory, 0, mr);
    cfg.memory = ms->system_memory;
    cfg.io = ms->system_io;
    q35_pcihost_create(&cfg, &error_abort);
}

/* --- The other end of a network device's cable ------------------------------------------------ */

static bool cable_receive(NetClient *nc, const struct iovec *iov, unsigned n)
{
    size_t bytes = 0;

    if (cable_full) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        for (size_t at = 0; at < iov[i].iov_len; at += 64) {
            (void)((const volatile uint8_t *)iov[i].iov_base)[at]; /* reads it */
        }
        bytes += iov[i].iov_len;
    }
    assert(bytes <= NET_MAX_FRAME_BYTES);
    return true;
}

static bool cable_create(const Netdev *opts, Error **errp)
{
    return false;
}

static void cable_set_header(NetClient *nc, unsigned bytes)
{
    assert(bytes == 10 || bytes == 12);
    nc->vnet_hdr_len = bytes;
}

static const NetClientClass cable_class = {
    .kind = "fuzz", .size = sizeof(NetClient), .create = cable_create, .receive = cable_receive,
    .set_vnet_hdr_len = cable_set_header,
};

static void make_cable(void)
{
    cable = net_client_new(&cable_class, "cable", 0);
    cable->has_vnet_hdr = cable->has_ufo = true;
    net_set_vm_running(true);
}

static void use_cable(uint32_t value)
{
    if (value & 0x10000) {
        cable_full = value & 1;
        net_flush(cable);
    } else {
        net_send_buf(cable, ram->host + (value >> 4 & 0xff0), value & 0xfff);
    }
}

/* --- Machine --------------------------------------------------------------------------------- */

static void *find_chardev(const char *id)
{
    return chardev_find(id);
}

static const char *name_chardev(const void *chr)
{
    return chardev_id(chr);
}

static void remember(void *opaque, DeviceState *dev)
{
    if (object_is_a(&dev->object, &type_pci_device) && PCI_DEVICE(dev)->devfn == 2 << 3) {
        device = PCI_DEVICE(dev);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *name = g_getenv("FUZZ_DEVICE");
    size_t i = 0;

    while (i < ARRAY_SIZE(rows) && g_strcmp0(rows[i].name, name)) {
        i++;
    }
    if (i == ARRAY_SIZE(rows)) {
        fprintf(stderr, "FUZZ_DEVICE names no device: %s\n", name);
        return 1;
    }
    make_machine();
    object_set_chardev_resolver(find_chardev, name_chardev);
    if (rows[i].prepare[0]) {
        blockdev_add_option(rows[i].prepare[0], &error_abort);
    }
    if (rows[i].prepare[1]) {
        chardev_new_from_opts(rows[i].prepare[1], &error_abort);
    }
    make_cable();
    qdev_device_add(rows[i].device, &error_abort);
    if (rows[i].prepare[2]) {
        qdev_device_add(rows[i].prepare[2], &error_abort);
    }
    qdev_foreach(remember, NULL);
    return 0;
}

static void place_bars(void)
{
    pci_config_write(device, 0x10, PORTS | 1, 4);
    pci_config_write(device, 0x14, MSIX_BAR, 4);
    pci_config_write(device, 0x20, BAR, 4);
    pci_config_write(device, 0x24, 0, 4);
    pci_config_write(device, 0x04, 7, 2);
}

static void st(uint32_t offset, uint64_t value, unsigned size)
{
    address_space_st(current_machine->memory, BAR + offset, value, size);
}

static void start_driver(const uint8_t *head)
{
    static const uint64_t features[] = {
        1ull << VIRTIO_F_VERSION_1, 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_EVENT_IDX,
        1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_F_INDIRECT_DESC, ~0ull,
    };
    uint64_t f = features[head[0] & 3];

    st(0x14, 0, 1);
    st(0x14, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER, 1);
    for (unsigned half = 0; half < 2; half++) {
        st(0x08, half, 4);
        st(0x0c, (uint32_t)(f >> 32 * half), 4);
    }
    st(0x14, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK, 1);
    for (unsigned n = 0; n < 4; n++) {
        if (head[1] >> n & 1) {
            st(0x16, n, 2);
            st(0x18, 1u << (head[2] & 3) << 1, 2);
            for (unsigned i = 0; i < 3; i++) {
                st(0x20 + 8 * i, n * 0x400 + i * 0x100, 4);
            }
            st(0x1c, 1, 2);
        }
    }
    st(0x14, 0xf, 1);
}

/* What ran in worker threads comes back. */
static void run_main_loop(void)
{
    for (unsigned i = 0; i < 8 && g_main_context_iteration(NULL, FALSE); i++) {
        continue;
    }
}

static void operate(const uint8_t *op)
{
    uint32_t value = op[2] | (uint32_t)op[3] << 8 | (uint32_t)op[4] << 16;
    unsigned size = 1u << (op[4] & 3);

    switch (op[0] & 15) {
    case 0: case 1: case 2: st(0x3000 + 4 * (op[1] & 7), op[1] & 7, 2); break;
    case 3: st(op[1] & 0x3f, op[2] | op[3] << 8, size); break;
    case 4: address_space_ld(current_machine->memory, BAR + (value & 0x3fff), size); break;
    case 5: case 6: ram->host[value & 0xfff] = op[1]; break;
    case 7: st(0x2000 + op[1], op[2] | op[3] << 8, size); break;
    case 8: pci_config_write(device, op[1], op[2] | op[3] << 8, MIN(size, 4)); break;
    case 9: address_space_st(current_machine->io, PORTS + (op[1] & 63), value, MIN(size, 4)); break;
    case 10: address_space_ld(current_machine->io, PORTS + (op[1] & 63), MIN(size, 4)); break;
    case 11: address_space_st(current_machine->memory, MSIX_BAR + op[1], value, 4); break;
    case 12: st(0x16, op[1] & 3, 2); st(0x3a, 1, 2); break;
    case 13: address_space_ld(current_machine->memory, BAR + 0x1000, 1); break;
    case 14: use_cable(value); break;
    default: run_main_loop(); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned nr_ops;

    if (size < 16) {
        return 0;
    }
    cable_full = false;
    nr_ops = MIN(data[3], MIN(MAX_OPS, (size - 4) / 5));
    memset(ram->host, 0, 0x4000);
    memcpy(ram->host, data + 4 + 5 * nr_ops, MIN(size - 4 - 5 * nr_ops, 0x4000));
    place_bars();
    start_driver(data);
    for (unsigned i = 0; i < nr_ops; i++) {
        operate(data + 4 + 5 * i);
    }
    run_main_loop();
    pci_device_reset(&device->dev);
    run_main_loop();
    return 0;
}
