/* SPDX-License-Identifier: GPL-2.0-or-later */
/* APIC ids from topology: field widths, positions, round trips. */
#include "qemu/osdep.h"

#include "target/i386/cpu-topology.h"

static void check_offsets(const X86CPUTopo *t, unsigned core, unsigned module, unsigned die,
                          unsigned pkg)
{
    g_assert_cmpuint(x86_topo_offset(t, X86_TOPO_THREAD), ==, 0);
    g_assert_cmpuint(x86_topo_offset(t, X86_TOPO_CORE), ==, core);
    g_assert_cmpuint(x86_topo_offset(t, X86_TOPO_MODULE), ==, module);
    g_assert_cmpuint(x86_topo_offset(t, X86_TOPO_DIE), ==, die);
    g_assert_cmpuint(x86_topo_offset(t, X86_TOPO_SOCKET), ==, pkg);
}

/* A field is as wide as its count needs, none for one. */
static void test_widths(void)
{
    check_offsets(&x86_topo_single, 0, 0, 0, 0);
    check_offsets(&(X86CPUTopo){1, 1, 1, 2}, 1, 1, 1, 1);
    check_offsets(&(X86CPUTopo){1, 1, 2, 1}, 0, 1, 1, 1);
    check_offsets(&(X86CPUTopo){1, 1, 3, 3}, 2, 4, 4, 4);
    check_offsets(&(X86CPUTopo){3, 2, 6, 2}, 1, 4, 5, 7);
    check_offsets(&(X86CPUTopo){1, 1, 9, 2}, 1, 5, 5, 5);
    check_offsets(&(X86CPUTopo){1, 1, 8, 1}, 0, 3, 3, 3);
}

static void test_ids(void)
{
    static const struct {
        X86CPUTopo t;
        unsigned index;
        uint32_t apic_id;
    } rows[] = {
        {{1, 1, 1, 1}, 0, 0},
        {{1, 1, 1, 1}, 5, 5},
        {{1, 1, 2, 2}, 3, 3},
        {{1, 1, 3, 3}, 0, 0},
        {{1, 1, 3, 3}, 1, 1},
        {{1, 1, 3, 3}, 3, 1 << 2},
        {{1, 1, 3, 3}, 8, 2 << 2 | 2},
        {{1, 1, 3, 3}, 9, 1 << 4},
        {{1, 1, 3, 3}, 17, 1 << 4 | 2 << 2 | 2},
        {{3, 1, 6, 3}, 35, 1 << 5 | 5 << 2 | 2},
        {{3, 1, 6, 3}, 54, 1 << 7},
        {{2, 2, 2, 2}, 15, 15},
        {{2, 2, 2, 2}, 16, 16},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        g_assert_cmphex(x86_apicid_from_index(&rows[i].t, rows[i].index), ==, rows[i].apic_id);
    }
}

/* Index to ids to APIC id and back; ids are unique. */
static void test_round_trip(void)
{
    static const X86CPUTopo topos[] = {
        {1, 1, 1, 1}, {1, 1, 4, 2}, {2, 1, 3, 2}, {3, 2, 5, 1}, {4, 3, 7, 3},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(topos); i++) {
        const X86CPUTopo *t = &topos[i];
        unsigned per_pkg = x86_topo_threads_per_pkg(t);
        uint32_t last = 0;

        for (unsigned index = 0; index < 3 * per_pkg; index++) {
            X86CPUTopoIDs ids = x86_topo_ids_from_index(t, index);
            uint32_t apic_id = x86_apicid_from_ids(t, &ids);
            X86CPUTopoIDs back = x86_topo_ids_from_apicid(t, apic_id);

            g_assert_cmpuint(ids.pkg, ==, index / per_pkg);
            g_assert_cmpint(memcmp(&ids, &back, sizeof(ids)), ==, 0);
            g_assert_true(index == 0 || apic_id > last);
            last = apic_id;
        }
    }
}

static void test_counts(void)
{
    static const X86CPUTopo t = {2, 3, 4, 5};

    g_assert_cmpuint(x86_topo_threads_at(&t, X86_TOPO_CORE), ==, 5);
    g_assert_cmpuint(x86_topo_threads_at(&t, X86_TOPO_MODULE), ==, 20);
    g_assert_cmpuint(x86_topo_threads_at(&t, X86_TOPO_DIE), ==, 60);
    g_assert_cmpuint(x86_topo_threads_per_pkg(&t), ==, 120);
    g_assert_true(x86_topo_has_level(&t, X86_TOPO_DIE));
    g_assert_false(x86_topo_has_level(&x86_topo_single, X86_TOPO_DIE));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/topology/field_is_as_wide_as_its_count_needs", test_widths);
    g_test_add_func("/cpu/topology/apic_id_of_index", test_ids);
    g_test_add_func("/cpu/topology/ids_are_unique_and_reversible", test_round_trip);
    g_test_add_func("/cpu/topology/threads_of_each_level", test_counts);
    return g_test_run();
}
