/* SPDX-License-Identifier: GPL-2.0-or-later */
/* APIC ids from CPU topology and back. Pure. */
#include "qemu/osdep.h"

#include "target/i386/cpu-topology.h"

const X86CPUTopo x86_topo_single = {1, 1, 1, 1};

/* Bits to number @count things. */
static unsigned id_width(unsigned count)
{
    return count > 1 ? 32 - clz32(count - 1) : 0;
}

/* How many units of @level are in one of the next level. */
static unsigned units_at(const X86CPUTopo *t, X86TopoLevel level)
{
    switch (level) {
    case X86_TOPO_THREAD:
        return t->threads_per_core;
    case X86_TOPO_CORE:
        return t->cores_per_module;
    case X86_TOPO_MODULE:
        return t->modules_per_die;
    case X86_TOPO_DIE:
        return t->dies_per_pkg;
    default:
        return 1;
    }
}

unsigned x86_topo_threads_at(const X86CPUTopo *t, X86TopoLevel level)
{
    unsigned n = 1;

    for (X86TopoLevel l = X86_TOPO_THREAD; l < level; l++) {
        n *= units_at(t, l);
    }
    return n;
}

unsigned x86_topo_threads_per_pkg(const X86CPUTopo *t)
{
    return x86_topo_threads_at(t, X86_TOPO_SOCKET);
}

unsigned x86_topo_offset(const X86CPUTopo *t, X86TopoLevel level)
{
    unsigned bits = 0;

    for (X86TopoLevel l = X86_TOPO_THREAD; l < level; l++) {
        bits += id_width(units_at(t, l));
    }
    return bits;
}

bool x86_topo_has_level(const X86CPUTopo *t, X86TopoLevel level)
{
    return units_at(t, level) > 1;
}

X86CPUTopoIDs x86_topo_ids_from_index(const X86CPUTopo *t, unsigned index)
{
    X86CPUTopoIDs ids;

    ids.smt = index % t->threads_per_core;
    index /= t->threads_per_core;
    ids.core = index % t->cores_per_module;
    index /= t->cores_per_module;
    ids.module = index % t->modules_per_die;
    index /= t->modules_per_die;
    ids.die = index % t->dies_per_pkg;
    ids.pkg = index / t->dies_per_pkg;
    return ids;
}

uint32_t x86_apicid_from_ids(const X86CPUTopo *t, const X86CPUTopoIDs *ids)
{
    return ids->pkg << x86_topo_offset(t, X86_TOPO_SOCKET) |
           ids->die << x86_topo_offset(t, X86_TOPO_DIE) |
           ids->module << x86_topo_offset(t, X86_TOPO_MODULE) |
           ids->core << x86_topo_offset(t, X86_TOPO_CORE) | ids->smt;
}

static unsigned id_field(const X86CPUTopo *t, uint32_t apic_id, X86TopoLevel level)
{
    unsigned low = x86_topo_offset(t, level), width = id_width(units_at(t, level));

    return width ? apic_id >> low & ((1u << width) - 1) : 0;
}

X86CPUTopoIDs x86_topo_ids_from_apicid(const X86CPUTopo *t, uint32_t apic_id)
{
    X86CPUTopoIDs ids = {
        .pkg = apic_id >> x86_topo_offset(t, X86_TOPO_SOCKET),
        .die = id_field(t, apic_id, X86_TOPO_DIE),
        .module = id_field(t, apic_id, X86_TOPO_MODULE),
        .core = id_field(t, apic_id, X86_TOPO_CORE),
        .smt = id_field(t, apic_id, X86_TOPO_THREAD),
    };

    return ids;
}

uint32_t x86_apicid_from_index(const X86CPUTopo *t, unsigned index)
{
    X86CPUTopoIDs ids = x86_topo_ids_from_index(t, index);

    return x86_apicid_from_ids(t, &ids);
}
