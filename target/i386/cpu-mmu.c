/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking at guest memory as the guest's page tables show it, for monitors and dumps: SDM vol 3 ch.
 * 4. Changes nothing (no accessed bits). BQL; registers must be in env. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "target/i386/cpu.h"

#define PTE_PRESENT 1ull
#define PTE_PAGE_SIZE (1ull << 7)
#define PTE_ADDR_MASK 0x000ffffffffff000ull

typedef struct Walk {
    unsigned levels;      /* of tables below CR3 */
    unsigned index_bits;  /* of the virtual address a table resolves */
    unsigned entry_bytes;
    uint64_t table;       /* gpa of the top table */
} Walk;

static Walk walk_start(const CPUX86State *env)
{
    uint64_t cr3 = env->cr[3];

    if (!(env->cr[4] & CR4_PAE_MASK)) {
        return (Walk){ 2, 10, 4, cr3 & 0xfffff000 };
    }
    if (!(env->efer & MSR_EFER_LMA)) {
        return (Walk){ 3, 9, 8, cr3 & 0xffffffe0 };
    }
    return (Walk){ env->cr[4] & CR4_LA57_MASK ? 5 : 4, 9, 8, cr3 & PTE_ADDR_MASK };
}

/* Whether an entry of the table @level (1: maps 4 KiB pages) is a big page. */
static bool is_big_page(const CPUX86State *env, const Walk *w, unsigned level, uint64_t entry)
{
    if (!(entry & PTE_PAGE_SIZE) || level == 1 || level > 3) {
        return false;
    }
    if (w->entry_bytes == 4) {
        return env->cr[4] & CR4_PSE_MASK;
    }
    return level == 2 || w->levels >= 4;
}

static uint64_t page_base(const Walk *w, uint64_t entry, uint64_t page_bytes)
{
    /* PSE-36: bits 20:13 of a 4 MiB entry are bits 39:32 of the address. */
    if (w->entry_bytes == 4 && page_bytes > 4096) {
        return (entry & 0xffc00000) | (entry >> 13 & 0xff) << 32;
    }
    return entry & PTE_ADDR_MASK & ~(page_bytes - 1);
}

static bool walk(const CPUX86State *env, AddressSpace *as, uint64_t va, uint64_t *gpa)
{
    Walk w = walk_start(env);
    uint64_t table = w.table;

    for (unsigned level = w.levels; level > 0; level--) {
        unsigned shift = 12 + (level - 1) * w.index_bits;
        uint64_t index = va >> shift & ((1u << w.index_bits) - 1);
        uint64_t entry = address_space_ld(as, table + index * w.entry_bytes, w.entry_bytes);

        if (!(entry & PTE_PRESENT)) {
            return false;
        }
        if (level == 1 || is_big_page(env, &w, level, entry)) {
            uint64_t page_bytes = 1ull << shift;

            *gpa = page_base(&w, entry, page_bytes) | (va & (page_bytes - 1));
            return true;
        }
        table = entry & (w.entry_bytes == 4 ? 0xfffff000 : PTE_ADDR_MASK);
    }
    return false;
}

/* --- All pages ------------------------------------------------------------------------------- */

enum { MAX_TABLES = 20000, MAX_TABLE_BYTES = 4096 };

typedef struct PageVisit {
    const CPUX86State *env;
    AddressSpace *as;
    Walk w;
    void (*fn)(const X86Page *page, void *opaque);
    void *opaque;
    unsigned nr_tables;
} PageVisit;

static uint64_t canonical_va(const PageVisit *v, uint64_t va)
{
    unsigned unused = 64 - 12 - v->w.levels * 9;

    return v->w.levels >= 4 ? (uint64_t)((int64_t)(va << unused) >> unused) : va;
}

static void visit_leaf(PageVisit *v, unsigned shift, uint64_t va, uint64_t entry, uint64_t rights)
{
    X86Page page = {
        .va = canonical_va(v, va), .bytes = 1ull << shift, .entry = entry, .rights = rights,
    };

    page.gpa = page_base(&v->w, entry, page.bytes);
    v->fn(&page, v->opaque);
}

/* The table at @gpa maps from @va on. */
static bool visit_table(PageVisit *v, unsigned level, uint64_t gpa, uint64_t va, uint64_t rights)
{
    unsigned shift = 12 + (level - 1) * v->w.index_bits, bytes = v->w.entry_bytes;
    bool pdpt = v->w.levels == 3 && level == 3;
    unsigned nr = pdpt ? 4 : 1u << v->w.index_bits;
    uint8_t table[MAX_TABLE_BYTES];

    if (++v->nr_tables > MAX_TABLES) {
        return false;
    }
    address_space_rw(v->as, gpa, table, nr * bytes, false);
    for (unsigned i = 0; i < nr; i++) {
        uint64_t entry = 0, here, at = va | (uint64_t)i << shift;

        memcpy(&entry, table + i * bytes, bytes);
        if (!(entry & PTE_PRESENT)) {
            continue;
        }
        here = pdpt ? rights : rights & entry;
        if (level == 1 || is_big_page(v->env, &v->w, level, entry)) {
            visit_leaf(v, shift, at, entry, here);
        } else if (!visit_table(v, level - 1, entry & (bytes == 4 ? 0xfffff000 : PTE_ADDR_MASK),
                                at, here)) {
            return false;
        }
    }
    return true;
}

bool x86_cpu_foreach_page(X86CPU *cpu, void (*fn)(const X86Page *page, void *opaque),
                          void *opaque)
{
    PageVisit v = { .env = &cpu->env, .as = current_machine->memory, .fn = fn, .opaque = opaque };

    cpu_synchronize_state(&cpu->cpu);
    v.w = walk_start(&cpu->env);
    return visit_table(&v, v.w.levels, v.w.table, 0, 6);
}

bool x86_cpu_translate(X86CPU *cpu, uint64_t va, uint64_t *gpa)
{
    const CPUX86State *env = &cpu->env;

    cpu_synchronize_state(&cpu->cpu);
    if (!(env->efer & MSR_EFER_LMA)) {
        va = (uint32_t)va;
    }
    if (!(env->cr[0] & CR0_PG_MASK)) {
        *gpa = va;
        return true;
    }
    return walk(env, current_machine->memory, va, gpa);
}

bool x86_cpu_access_memory(X86CPU *cpu, uint64_t va, void *buf, size_t len, bool write)
{
    uint8_t *p = buf;

    while (len) {
        size_t chunk = MIN(len, 4096 - (va & 4095));
        uint64_t gpa;

        if (!x86_cpu_translate(cpu, va, &gpa) ||
            !address_space_debug_rw(current_machine->memory, gpa, p, chunk, write)) {
            return false;
        }
        va += chunk;
        p += chunk;
        len -= chunk;
    }
    return true;
}

bool x86_cpu_read_memory(X86CPU *cpu, uint64_t va, void *buf, size_t len)
{
    return x86_cpu_access_memory(cpu, va, buf, len, false);
}

int x86_cpu_code_bits(const X86CPU *cpu)
{
    const CPUX86State *env = &cpu->env;
    uint32_t flags = env->segs[R_CS].flags;

    if ((env->efer & MSR_EFER_LMA) && (flags & DESC_L_MASK)) {
        return 64;
    }
    return (env->cr[0] & CR0_PE_MASK) && !(env->eflags & RFLAGS_VM) && (flags & DESC_B_MASK) ? 32
                                                                                              : 16;
}
