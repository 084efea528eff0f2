/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Address spaces: what a guest access reaches. */
#include "qemu/osdep.h"
#include "qemu/log.h"
#include "system/memory.h"

typedef struct Fixture {
    MemoryRegion root, ram, rom, io, alias;
    RAMBlock *ram_block, *rom_block;
    AddressSpace *as;
    uint64_t last_addr, last_value;
    unsigned last_size, nr_calls;
} Fixture;

static uint64_t io_read(void *opaque, hwaddr addr, unsigned size)
{
    Fixture *f = opaque;

    f->last_addr = addr;
    f->last_size = size;
    f->nr_calls++;
    return 0x8877665544332211ull >> (8 * (addr & 7));
}

static void io_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    Fixture *f = opaque;

    f->last_addr = addr;
    f->last_value = value;
    f->last_size = size;
    f->nr_calls++;
}

static const MemoryRegionOps ops = { .read = io_read, .write = io_write };
static const MemoryRegionOps dword_ops = {
    .read = io_read, .write = io_write, .impl_min = 4, .impl_max = 4,
};
static const MemoryRegionOps valid4_ops = {
    .read = io_read, .write = io_write, .valid_min = 4, .valid_max = 4,
};

static void setup(Fixture *f, gconstpointer unused)
{
    memory_region_init(&f->root, "root", UINT64_MAX);
    f->ram_block = ram_block_new("ram", 64 * KiB, &error_abort);
    f->rom_block = ram_block_new("rom", 4 * KiB, &error_abort);
    memory_region_init_ram(&f->ram, "ram", f->ram_block);
    memory_region_init_rom(&f->rom, "rom", f->rom_block);
    memory_region_init_io(&f->io, &ops, f, "io", 0x100);
    memory_region_add_subregion(&f->root, 0, &f->ram);
    f->as = address_space_new("test", &f->root);
}

static void teardown(Fixture *f, gconstpointer unused)
{
    address_space_free(f->as);
    ram_block_free(f->ram_block);
    ram_block_free(f->rom_block);
    g_ptr_array_free(f->root.children, TRUE);
}

static void test_ram_keeps_what_is_written(Fixture *f, gconstpointer unused)
{
    address_space_st(f->as, 0x123, 0x1122334455667788ull, 8);
    g_assert_cmphex(address_space_ld(f->as, 0x123, 4), ==, 0x55667788);
    g_assert_cmphex(f->ram_block->host[0x123], ==, 0x88);
}

static void test_unassigned_reads_as_ones(Fixture *f, gconstpointer unused)
{
    uint8_t buf[8] = { 0 };

    g_assert_cmphex(address_space_ld(f->as, 0x10000000, 4), ==, 0xffffffff);
    g_assert_false(address_space_rw(f->as, 64 * KiB - 4, buf, 8, false));
    g_assert_cmphex(buf[3], ==, 0);
    g_assert_cmphex(buf[4], ==, 0xff);
}

static void test_last_byte_of_the_address_space_is_reachable(Fixture *f, gconstpointer unused)
{
    memory_region_add_subregion(&f->root, UINT64_MAX - 0xff, &f->io);
    address_space_st(f->as, UINT64_MAX, 0x5a, 1);
    g_assert_cmphex(f->last_addr, ==, 0xff);
    g_assert_cmphex(f->last_value, ==, 0x5a);
}

static void test_higher_priority_wins_and_uncovers_when_disabled(Fixture *f, gconstpointer unused)
{
    memory_region_add_subregion_overlap(&f->root, 0x1000, &f->io, 1);
    address_space_st(f->as, 0x1010, 0xabcd, 2);
    g_assert_cmphex(f->last_addr, ==, 0x10);
    g_assert_cmphex(f->ram_block->host[0x1010], ==, 0);
    memory_region_set_enabled(&f->io, false);
    address_space_st(f->as, 0x1010, 0xabcd, 2);
    g_assert_cmphex(f->ram_block->host[0x1010], ==, 0xcd);
    g_assert_cmpuint(f->nr_calls, ==, 1);
}

static void test_rom_ignores_writes(Fixture *f, gconstpointer unused)
{
    f->rom_block->host[0] = 0x42;
    memory_region_add_subregion_overlap(&f->root, 0x2000, &f->rom, 1);
    address_space_st(f->as, 0x2000, 0x99, 1);
    g_assert_cmphex(address_space_ld(f->as, 0x2000, 1), ==, 0x42);
    g_assert_null(address_space_map_ram(f->as, 0x2000, 4, true));
    g_assert_nonnull(address_space_map_ram(f->as, 0x2000, 4, false));
}

static void test_alias_shows_the_middle_of_its_target(Fixture *f, gconstpointer unused)
{
    memory_region_init_alias(&f->alias, "alias", &f->ram, 0x3000, 0x1000);
    memory_region_add_subregion(&f->root, 0x100000, &f->alias);
    address_space_st(f->as, 0x100004, 0x1234, 2);
    g_assert_cmphex(address_space_ld(f->as, 0x3004, 2), ==, 0x1234);
    g_assert_cmphex(address_space_ld(f->as, 0x101000, 1), ==, 0xff);
}

static void test_narrow_access_to_a_dword_device_is_widened(Fixture *f, gconstpointer unused)
{
    f->io.ops = &dword_ops;
    memory_region_add_subregion_overlap(&f->root, 0x1000, &f->io, 1);
    g_assert_cmphex(address_space_ld(f->as, 0x1002, 1), ==, 0x33);
    g_assert_cmphex(f->last_addr, ==, 0);
    g_assert_cmpuint(f->last_size, ==, 4);
}

static void test_wide_access_is_split_to_what_the_device_takes(Fixture *f, gconstpointer unused)
{
    memory_region_add_subregion_overlap(&f->root, 0x1000, &f->io, 1);
    g_assert_cmphex(address_space_ld(f->as, 0x1000, 8), ==, 0x8877665544332211ull);
    g_assert_cmpuint(f->nr_calls, ==, 2);
}

static void test_access_is_not_split_at_a_small_neighbour(Fixture *f, gconstpointer unused)
{
    MemoryRegion reset;

    memory_region_init_io(&reset, &ops, NULL, "reset", 1);
    memory_region_add_subregion(&f->root, 0x10000cf8, &f->io);
    memory_region_add_subregion_overlap(&f->root, 0x10000cf9, &reset, 1);
    address_space_st(f->as, 0x10000cf8, 0x80000000, 4);
    g_assert_cmphex(f->last_value, ==, 0x80000000);
    g_assert_cmpuint(f->last_size, ==, 4);
    memory_region_del_subregion(&f->root, &reset);
    memory_region_fini(&reset);
    memory_region_del_subregion(&f->root, &f->io);
}

static void test_invalid_size_never_reaches_the_device(Fixture *f, gconstpointer unused)
{
    f->io.ops = &valid4_ops;
    memory_region_add_subregion_overlap(&f->root, 0x1000, &f->io, 1);
    g_assert_cmphex(address_space_ld(f->as, 0x1000, 2), ==, 0xffff);
    address_space_st(f->as, 0x1000, 1, 8);
    g_assert_cmpuint(f->nr_calls, ==, 0);
}

static void test_map_ram_refuses_what_is_not_contiguous_ram(Fixture *f, gconstpointer unused)
{
    memory_region_add_subregion_overlap(&f->root, 0x1000, &f->io, 1);
    g_assert_null(address_space_map_ram(f->as, 0xffc, 8, false));
    g_assert_null(address_space_map_ram(f->as, 0, UINT64_MAX, false));
    g_assert_true(address_space_map_ram(f->as, 0xffc, 4, true) == f->ram_block->host + 0xffc);
}

typedef struct Slots {
    MemoryListener listener;
    int64_t bytes;
    unsigned adds, dels;
} Slots;

static void slot_add(MemoryListener *l, const FlatRange *range)
{
    Slots *s = container_of(l, Slots, listener);

    s->bytes += range->size;
    s->adds++;
}

static void slot_del(MemoryListener *l, const FlatRange *range)
{
    Slots *s = container_of(l, Slots, listener);

    s->bytes -= range->size;
    s->dels++;
}

static void test_listener_follows_ram_and_sees_transactions_once(Fixture *f, gconstpointer unused)
{
    Slots s = { .listener = { slot_add, slot_del } };

    address_space_set_listener(f->as, &s.listener);
    g_assert_cmpint(s.bytes, ==, 64 * KiB);
    memory_region_transaction_begin();
    memory_region_add_subregion_overlap(&f->root, 0x1000, &f->io, 1);
    memory_region_set_enabled(&f->ram, false);
    g_assert_cmpuint(s.dels, ==, 0);
    memory_region_transaction_commit();
    g_assert_cmpint(s.bytes, ==, 0);
    memory_region_set_enabled(&f->ram, true);
    g_assert_cmpint(s.bytes, ==, 64 * KiB - 0x100);
    g_assert_cmpuint(s.adds, ==, 3);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*fn)(Fixture *f, gconstpointer unused);
    } tests[] = {
        { "/memory/ram/keeps_what_is_written", test_ram_keeps_what_is_written },
        { "/memory/unassigned/reads_as_ones", test_unassigned_reads_as_ones },
        { "/memory/last_byte_is_reachable", test_last_byte_of_the_address_space_is_reachable },
        { "/memory/overlap/higher_priority_wins",
          test_higher_priority_wins_and_uncovers_when_disabled },
        { "/memory/rom/ignores_writes", test_rom_ignores_writes },
        { "/memory/alias/shows_the_middle_of_its_target",
          test_alias_shows_the_middle_of_its_target },
        { "/memory/io/narrow_access_is_widened", test_narrow_access_to_a_dword_device_is_widened },
        { "/memory/io/wide_access_is_split", test_wide_access_is_split_to_what_the_device_takes },
        { "/memory/io/access_is_not_split_at_a_small_neighbour",
          test_access_is_not_split_at_a_small_neighbour },
        { "/memory/io/invalid_size_never_reaches_the_device",
          test_invalid_size_never_reaches_the_device },
        { "/memory/map/refuses_what_is_not_contiguous_ram",
          test_map_ram_refuses_what_is_not_contiguous_ram },
        { "/memory/listener/follows_ram", test_listener_follows_ram_and_sees_transactions_once },
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        g_test_add(tests[i].path, Fixture, NULL, setup, tests[i].fn, teardown);
    }
    return g_test_run();
}
