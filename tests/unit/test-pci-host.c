/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host bridges through their ports and the memory-mapped configuration space. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/pci-host/pci-host.h"
#include "qemu/main-loop.h"

/* A machine with nothing but address spaces and a host bridge. */
typedef struct Fixture {
    MachineState *ms;
    PCIHost *host;
    uint16_t pm_base;
    bool pm_enabled;
} Fixture;

/* What the tested code links against and never uses. */
const MachineVersion machine_versions[] = { { .name = NULL } };
const ObjectType *const object_types[] = { NULL };
void (*const object_type_families[])(ObjectTypeFn *fn, void *opaque) = { NULL };

static const ObjectType type_test_machine = {
    .name = "test-machine", .instance_size = sizeof(MachineState),
};

static void pm_base_changed(void *opaque, uint16_t base, bool enabled)
{
    Fixture *f = opaque;

    f->pm_base = base;
    f->pm_enabled = enabled;
}

static GSList *machines; /* they live, as in the emulator, until the program ends */

static Fixture new_machine(void)
{
    Fixture f = { .ms = (MachineState *)object_new(&type_test_machine, &error_abort) };

    machines = g_slist_prepend(machines, f.ms);
    f.ms->system_memory = g_new0(MemoryRegion, 1);
    memory_region_init(f.ms->system_memory, "system", UINT64_MAX);
    f.ms->memory = address_space_new("memory", f.ms->system_memory);
    f.ms->system_io = g_new0(MemoryRegion, 1);
    memory_region_init(f.ms->system_io, "io", 64 * KiB);
    f.ms->io = address_space_new("I/O", f.ms->system_io);
    f.ms->unattached = object_new(&type_test_machine, &error_abort);
    current_machine = f.ms;
    return f;
}

static void add_host(Fixture *f, bool q35, bool preset)
{
    PCIHostConfig cfg = {
        .memory = f->ms->system_memory, .io = f->ms->system_io, .preset = preset,
        .pm_base_changed = pm_base_changed, .opaque = f,
    };

    f->host = q35 ? q35_pcihost_create(&cfg, &error_abort)
                  : i440fx_pcihost_create(&cfg, &error_abort);
}

static uint64_t cfg_read(Fixture *f, unsigned devfn, unsigned reg, unsigned size)
{
    address_space_st(f->ms->io, 0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc), 4);
    return address_space_ld(f->ms->io, 0xcfc + (reg & 3), size);
}

static void cfg_write(Fixture *f, unsigned devfn, unsigned reg, uint32_t value, unsigned size)
{
    address_space_st(f->ms->io, 0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc), 4);
    address_space_st(f->ms->io, 0xcfc + (reg & 3), value, size);
}

static void test_ids(void)
{
    Fixture q35 = new_machine(), pc;

    add_host(&q35, true, false);
    g_assert_cmphex(cfg_read(&q35, 0, 0, 4), ==, 0x29c08086);
    g_assert_cmphex(cfg_read(&q35, 0xf8, 0, 4), ==, 0x29188086);
    g_assert_cmphex(cfg_read(&q35, 0xf8, 0x0e, 1), ==, 0x80);
    g_assert_cmphex(cfg_read(&q35, 0xf8, 0x0a, 2), ==, 0x0601);
    pc = new_machine();
    add_host(&pc, false, false);
    g_assert_cmphex(cfg_read(&pc, 0, 0, 4), ==, 0x12378086);
    g_assert_cmphex(cfg_read(&pc, 8, 2, 2), ==, 0x7000);
    g_assert_cmphex(cfg_read(&pc, 11, 0, 4), ==, 0x71138086);
}

static void test_absent_functions_read_ones(void)
{
    Fixture f = new_machine();

    add_host(&f, true, true);
    g_assert_cmphex(cfg_read(&f, 0x10, 0, 4), ==, 0xffffffff);
    g_assert_cmphex(cfg_read(&f, 0xf9, 0, 2), ==, 0xffff);
    cfg_write(&f, 0x10, 4, 0xffffffff, 4);
    address_space_st(f.ms->io, 0xcf8, 0x80010000u, 4); /* bus 1 */
    g_assert_cmphex(address_space_ld(f.ms->io, 0xcfc, 4), ==, 0xffffffff);
    address_space_st(f.ms->io, 0xcf8, 0, 4); /* not enabled */
    g_assert_cmphex(address_space_ld(f.ms->io, 0xcfc, 4), ==, 0xffffffff);
    g_assert_cmphex(address_space_ld(f.ms->memory, 0xb0000000 + (0x10 << 12), 4), ==, 0xffffffff);
}

static void test_address_port_takes_32_bit_writes_only(void)
{
    Fixture f = new_machine();

    add_host(&f, true, false);
    address_space_st(f.ms->io, 0xcf8, 0x80000000, 4);
    address_space_st(f.ms->io, 0xcf8, 0x12, 1);
    address_space_st(f.ms->io, 0xcfa, 0x1234, 2);
    g_assert_cmphex(address_space_ld(f.ms->io, 0xcf8, 4), ==, 0x80000000);
}

static void test_identity_is_read_only(void)
{
    Fixture f = new_machine();

    add_host(&f, true, false);
    cfg_write(&f, 0, 0, 0, 4);
    cfg_write(&f, 0, 8, 0, 4);
    cfg_write(&f, 0, 0x10, 0xffffffff, 4); /* no BARs */
    cfg_write(&f, 0, 4, 0xffffffff, 4);
    g_assert_cmphex(cfg_read(&f, 0, 0, 4), ==, 0x29c08086);
    g_assert_cmphex(cfg_read(&f, 0, 8, 4), ==, 0x06000000);
    g_assert_cmphex(cfg_read(&f, 0, 0x10, 4), ==, 0);
    g_assert_cmphex(cfg_read(&f, 0, 4, 4), ==, 0x507);
}

static void test_ecam_is_where_pciexbar_says(void)
{
    Fixture f = new_machine();

    add_host(&f, true, false); /* disabled until firmware writes it */
    g_assert_cmphex(address_space_ld(f.ms->memory, 0xb0000000, 4), ==, 0xffffffff);
    cfg_write(&f, 0, 0x60, 0xb0000001, 4);
    g_assert_cmphex(address_space_ld(f.ms->memory, 0xb0000000, 4), ==, 0x29c08086);
    g_assert_cmphex(address_space_ld(f.ms->memory, 0xb0000000 + (0xf8 << 12) + 2, 2), ==, 0x2918);
    /* a conventional function has nothing behind its 256 bytes */
    g_assert_cmphex(address_space_ld(f.ms->memory, 0xb0000000 + 0x100, 4), ==, 0xffffffff);
    address_space_st(f.ms->memory, 0xb0000000 + 0x3c, 0x5a, 1);
    g_assert_cmphex(cfg_read(&f, 0, 0x3c, 1), ==, 0x5a);
    cfg_write(&f, 0, 0x60, 0xe0000003, 4); /* moved, 128 MiB */
    g_assert_cmphex(address_space_ld(f.ms->memory, 0xb0000000, 4), ==, 0xffffffff);
    g_assert_cmphex(address_space_ld(f.ms->memory, 0xe0000000, 4), ==, 0x29c08086);
    cfg_write(&f, 0, 0x60, 0, 4);
    g_assert_cmphex(address_space_ld(f.ms->memory, 0xe0000000, 4), ==, 0xffffffff);
    cfg_write(&f, 0, 0x60, 0xe0000007, 4); /* reserved length */
    g_assert_cmphex(address_space_ld(f.ms->memory, 0xe0000000, 4), ==, 0xffffffff);
}

static void test_pm_base_follows_its_register(void)
{
    Fixture q35 = new_machine(), pc;

    add_host(&q35, true, false);
    g_assert_false(q35.pm_enabled);
    cfg_write(&q35, 0xf8, 0x40, 0x0681, 4);
    cfg_write(&q35, 0xf8, 0x44, 0x80, 1);
    g_assert_true(q35.pm_enabled);
    g_assert_cmphex(q35.pm_base, ==, 0x680);
    pc = new_machine();
    add_host(&pc, false, false);
    cfg_write(&pc, 11, 0x40, 0xb001, 4);
    g_assert_false(pc.pm_enabled);
    cfg_write(&pc, 11, 0x80, 1, 1);
    g_assert_true(pc.pm_enabled);
    g_assert_cmphex(pc.pm_base, ==, 0xb000);
}

static void test_without_firmware_reset_sets_bases_up(void)
{
    Fixture f = new_machine();

    add_host(&f, true, true);
    for (int i = 0; i < 2; i++) {
        uint64_t base, len;

        g_assert_true(pcihost_ecam(f.host, &base, &len));
        g_assert_cmphex(base, ==, 0xb0000000);
        g_assert_cmphex(len, ==, 256 * MiB);
        g_assert_true(f.pm_enabled);
        g_assert_cmphex(f.pm_base, ==, 0x600);
        cfg_write(&f, 0, 0x60, 0, 4); /* the guest changes it; the second round is after reset */
        cfg_write(&f, 0xf8, 0x40, 0x0801, 4);
        pci_bus_reset(f.host->bus);
    }
}

/* Every register, any value: nothing but the checks of address spaces may notice. */
static void test_any_write_is_harmless(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    Fixture f = new_machine();

    add_host(&f, true, true);
    for (int i = 0; i < 20000; i++) {
        static const unsigned fns[] = { 0, 0xf8, 0x10 };

        cfg_write(&f, fns[i % 3], g_rand_int(rand) & 0xff, g_rand_int(rand), 1u << (i % 3));
        cfg_read(&f, fns[i % 3], g_rand_int(rand) & 0xff, 4);
    }
    g_assert_cmphex(cfg_read(&f, 0, 0, 4), ==, 0x29c08086);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    bql_lock();
    g_test_add_func("/pci-host/ids", test_ids);
    g_test_add_func("/pci-host/absent_functions_read_ones", test_absent_functions_read_ones);
    g_test_add_func("/pci-host/address_port_takes_32_bit_writes_only",
                    test_address_port_takes_32_bit_writes_only);
    g_test_add_func("/pci-host/identity_is_read_only", test_identity_is_read_only);
    g_test_add_func("/pci-host/ecam_is_where_pciexbar_says", test_ecam_is_where_pciexbar_says);
    g_test_add_func("/pci-host/pm_base_follows_its_register", test_pm_base_follows_its_register);
    g_test_add_func("/pci-host/without_firmware_reset_sets_bases_up",
                    test_without_firmware_reset_sets_bases_up);
    g_test_add_func("/pci-host/any_write_is_harmless", test_any_write_is_harmless);
    return g_test_run();
}
