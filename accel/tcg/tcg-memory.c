/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's memory and ports for the interpreter. vCPU threads read the RAM table without a lock;
 * everything else takes the big lock, but for the vCPU's own local APIC page and for writes that
 * only wake somebody (IoEvent).
 */
#include "qemu/osdep.h"
#include "accel/tcg/tcg-int.h"
#include "hw/intc/apic-cpu.h"
#include "qemu/main-loop.h"
#include "system/ram-dirty.h"

/* ---- The RAM table --------------------------------------------------------------------------- */

static TcgRam *make_table(TcgMachine *m)
{
    TcgRam *r = g_malloc0(sizeof(*r) + m->flat->len * sizeof(r->ranges[0]));

    for (unsigned i = 0; i < m->flat->len; i++) {
        const FlatRange *f = &g_array_index(m->flat, FlatRange, i);

        r->ranges[i].gpa = f->addr;
        r->ranges[i].size = f->size;
        r->ranges[i].host = f->mr->ram->host + f->offset;
        r->ranges[i].ram = f->mr->ram;
        r->ranges[i].offset = f->offset;
        r->ranges[i].readonly = f->readonly || f->mr->kind == MR_ROM;
    }
    r->nr = m->flat->len;
    return r;
}

static void publish(TcgMachine *m)
{
    TcgRam *old = m->ram;

    __atomic_store_n(&m->ram, make_table(m), __ATOMIC_SEQ_CST);
    tcg_shared_flush(m->shared, old);
}

static bool is_ram(const FlatRange *f)
{
    return (f->mr->kind == MR_RAM || f->mr->kind == MR_ROM) && f->mr->ram;
}

static void region_add(MemoryListener *l, const FlatRange *range)
{
    TcgMachine *m = (TcgMachine *)l;

    if (is_ram(range)) {
        g_array_append_val(m->flat, *range);
        publish(m);
    }
}

static void region_del(MemoryListener *l, const FlatRange *range)
{
    TcgMachine *m = (TcgMachine *)l;

    for (unsigned i = 0; i < m->flat->len; i++) {
        if (g_array_index(m->flat, FlatRange, i).addr == range->addr) {
            g_array_remove_index_fast(m->flat, i);
            publish(m);
            return;
        }
    }
}

static void ram_written(MemoryListener *l, hwaddr addr, uint64_t len)
{
    while (len) {
        unsigned n = (unsigned)MIN(len, 0x1000 - (addr & 0xfff));

        tcg_shared_written(((TcgMachine *)l)->shared, addr, n);
        addr += n;
        len -= n;
    }
}

/* ---- Dirty logging --------------------------------------------------------------------------- */

static void set_dirty_log(CPUState *cpu, void *opaque)
{
    TcgVcpu *v = cpu->accel;

    tcg_dirty_log(v->c, ram_dirty_logging());
}

/* Each vCPU forgets which pages it may write without saying so. */
static void log_again(MemoryListener *l)
{
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        run_on_cpu(cpu, set_dirty_log, NULL);
    }
}

static bool log_start(MemoryListener *l, Error **errp)
{
    log_again(l);
    return true;
}

TcgMachine *tcg_machine_new(MachineState *ms)
{
    TcgMachine *m = g_new0(TcgMachine, 1);

    m->ms = ms;
    m->shared = tcg_shared_new();
    m->flat = g_array_new(FALSE, FALSE, sizeof(FlatRange));
    m->listener = (MemoryListener){ region_add, region_del, ram_written, .log_start = log_start,
                                    .log_stop = log_again, .log_harvest = log_again };
    m->ram = make_table(m);
    return m;
}

/* ---- For the interpreter --------------------------------------------------------------------- */

static uint8_t *mem_page(void *opaque, uint64_t gpa, bool *readonly)
{
    TcgVcpu *v = opaque;
    const TcgRam *r = __atomic_load_n(&v->m->ram, __ATOMIC_ACQUIRE);

    for (unsigned n = 0, i = v->last_range; n < r->nr; n++, i++) {
        uint64_t at;

        i = i < r->nr ? i : 0;
        at = gpa - r->ranges[i].gpa;
        if (at < r->ranges[i].size && r->ranges[i].size - at >= 0x1000) {
            v->last_range = i;
            *readonly = r->ranges[i].readonly;
            return r->ranges[i].host + at;
        }
    }
    return NULL;
}

static void mem_dirty(void *opaque, uint64_t gpa)
{
    TcgVcpu *v = opaque;
    const TcgRam *r = __atomic_load_n(&v->m->ram, __ATOMIC_ACQUIRE);

    for (unsigned i = 0; i < r->nr; i++) {
        uint64_t at = gpa - r->ranges[i].gpa;

        if (at < r->ranges[i].size) {
            ram_mark_dirty(r->ranges[i].ram, r->ranges[i].offset + at, RAM_PAGE_BYTES);
            return;
        }
    }
}

/* A kick of the calling vCPU only sets exit_request (cpu_kick()), and a message to its own LAPIC
 * not even that: see both soon. */
void tcg_look_for_kick(TcgVcpu *v)
{
    if (v->cpu->lapic && lapic_sync_needed(v->cpu->lapic)) {
        __atomic_store_n(&v->cpu->cpu.exit_request, true, __ATOMIC_SEQ_CST);
    }
    if (__atomic_load_n(&v->cpu->cpu.exit_request, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&v->c->attention, 1, __ATOMIC_SEQ_CST);
    }
}

static bool own_apic_page(const TcgVcpu *v, uint64_t gpa)
{
    return (gpa & ~0xfffull) == LAPIC_DEFAULT_BASE && v->cpu->lapic;
}

/* Devices take powers of two. */
static uint64_t split_read(AddressSpace *as, uint64_t addr, unsigned size)
{
    uint64_t v = 0;

    if (size == 1 || size == 2 || size == 4 || size == 8) {
        return address_space_ld(as, addr, size);
    }
    for (unsigned i = 0; i < size; i++) {
        v |= address_space_ld(as, addr + i, 1) << i * 8;
    }
    return v;
}

static void split_write(AddressSpace *as, uint64_t addr, uint64_t value, unsigned size)
{
    if (size == 1 || size == 2 || size == 4 || size == 8) {
        address_space_st(as, addr, value, size);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        address_space_st(as, addr + i, value >> i * 8 & 0xff, 1);
    }
}

static uint64_t mem_read(void *opaque, uint64_t gpa, unsigned size)
{
    TcgVcpu *v = opaque;
    uint64_t value;

    if (own_apic_page(v, gpa)) {
        return apic_cpu_mmio_read(v->m->ms->apic_bus, v->cpu->cpu.index, gpa & 0xfff, size);
    }
    bql_lock();
    value = split_read(v->m->ms->memory, gpa, size);
    bql_unlock();
    tcg_look_for_kick(v);
    return value;
}

static void mem_write(void *opaque, uint64_t gpa, uint64_t value, unsigned size)
{
    TcgVcpu *v = opaque;

    if (own_apic_page(v, gpa)) {
        apic_cpu_mmio_write(v->m->ms->apic_bus, v->cpu->cpu.index, gpa & 0xfff, value, size);
        v->c->irq_pending = true; /* TPR or EOI may have let one through */
        tcg_look_for_kick(v);
        return;
    }
    if (address_space_fire_event(v->m->ms->memory, gpa, value, size)) {
        return;
    }
    bql_lock();
    split_write(v->m->ms->memory, gpa, value, size);
    bql_unlock();
    tcg_look_for_kick(v);
}

static uint64_t port_in(void *opaque, uint16_t port, unsigned size)
{
    TcgVcpu *v = opaque;
    uint64_t value;

    bql_lock();
    value = address_space_ld(v->m->ms->io, port, size);
    bql_unlock();
    tcg_look_for_kick(v);
    return value;
}

static void port_out(void *opaque, uint16_t port, uint64_t value, unsigned size)
{
    TcgVcpu *v = opaque;

    if (address_space_fire_event(v->m->ms->io, port, value, size)) {
        return;
    }
    bql_lock();
    address_space_st(v->m->ms->io, port, value, size);
    bql_unlock();
    tcg_look_for_kick(v);
}

const TcgMemOps tcg_machine_mem_ops = { mem_page, mem_read, mem_write, port_in, port_out,
                                        mem_dirty };
