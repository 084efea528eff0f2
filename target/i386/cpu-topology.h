/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From -smp to APIC ids (Intel SDM vol 3 10.9.1; AMD APM vol 3 appendix E.5). An APIC id is the
 * concatenation of thread, core, module, die and package number, each field as wide as its count
 * needs. Pure.
 *
 *   31                                             0
 *   | package | die | module | core | SMT thread |
 */
#ifndef I386_CPU_TOPOLOGY_H
#define I386_CPU_TOPOLOGY_H

#include "qemu/osdep.h"

/* How many of each are in one of the next level; each at least 1. */
typedef struct X86CPUTopo {
    unsigned dies_per_pkg;
    unsigned modules_per_die;
    unsigned cores_per_module;
    unsigned threads_per_core;
} X86CPUTopo;

typedef struct X86CPUTopoIDs {
    unsigned pkg, die, module, core, smt;
} X86CPUTopoIDs;

/* Levels as CPUID leaves 0xB and 0x1F count them. */
typedef enum X86TopoLevel {
    X86_TOPO_THREAD,
    X86_TOPO_CORE,
    X86_TOPO_MODULE,
    X86_TOPO_DIE,
    X86_TOPO_SOCKET,
    X86_TOPO_LEVELS,
} X86TopoLevel;

/* One thread, one core, ... */
extern const X86CPUTopo x86_topo_single;

unsigned x86_topo_threads_per_pkg(const X86CPUTopo *t);
/* Logical processors in one unit of @level. */
unsigned x86_topo_threads_at(const X86CPUTopo *t, X86TopoLevel level);
/* The width of the APIC id fields below @level: CPUs with equal bits above it share a @level. */
unsigned x86_topo_offset(const X86CPUTopo *t, X86TopoLevel level);
/* Whether the topology has more than one unit of @level in the next (dies, modules). */
bool x86_topo_has_level(const X86CPUTopo *t, X86TopoLevel level);

/* The position of CPU @index when CPUs are counted thread first, package last. */
X86CPUTopoIDs x86_topo_ids_from_index(const X86CPUTopo *t, unsigned index);
uint32_t x86_apicid_from_ids(const X86CPUTopo *t, const X86CPUTopoIDs *ids);
X86CPUTopoIDs x86_topo_ids_from_apicid(const X86CPUTopo *t, uint32_t apic_id);
uint32_t x86_apicid_from_index(const X86CPUTopo *t, unsigned index);

#endif
