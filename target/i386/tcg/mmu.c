/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paging and guest memory access of the software CPU (SDM vol 3 chapter 4): 32-bit, PAE, 4 and 5
 * levels, A and D bits, NX, SMEP, SMAP, protection keys. Owner thread.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/debug-regs.h"
#include "target/i386/tcg/tcg.h"

#define PTE_P 1ull
#define PTE_W 2ull
#define PTE_U 4ull
#define PTE_A 0x20ull
#define PTE_D 0x40ull
#define PTE_PS 0x80ull
#define PTE_G 0x100ull
#define PTE_NX (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

#define CR4_PSE (1u << 4)
#define CR4_PGE (1u << 7)
#define CR4_SMEP (1u << 20)
#define CR4_SMAP (1u << 21)

enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16, PF_PK = 32 };
enum { XS_PKRU = 2688 };

/* One translation. */
typedef struct Walk {
    uint64_t la;
    TcgAccess access;
    unsigned set; /* TCG_MMU_* */
    uint64_t rights; /* PTE_W, PTE_U: and over the levels; PTE_NX: or */
    uint64_t gpa;    /* result: of the byte */
    bool dirty;      /* the leaf has D set */
    uint64_t leaf;   /* the entry, 0 without paging */
    unsigned shift;  /* of the page */
    uint32_t error;  /* of a #PF */
} Walk;

/* ---- Physical memory ------------------------------------------------------------------------- */

static uint64_t pte_read(TcgCPU *c, uint64_t gpa, unsigned bytes)
{
    bool ro;
    uint8_t *p = c->mem->page(c->opaque, gpa & TCG_PAGE_MASK, &ro);

    if (!p) {
        return c->mem->read(c->opaque, gpa, bytes);
    }
    p += gpa & 0xfff;
    return bytes == 8 ? __atomic_load_n((uint64_t *)p, __ATOMIC_ACQUIRE)
                      : __atomic_load_n((uint32_t *)p, __ATOMIC_ACQUIRE);
}

/* The page at @gpa is written, before or after this in the same instruction. */
static void note_dirty(TcgCPU *c, uint64_t gpa)
{
    if (unlikely(c->dirty_log)) {
        c->mem->dirty(c->opaque, gpa & TCG_PAGE_MASK);
    }
}

/* Sets @bits in the entry unless it changed meanwhile; then false. */
static bool pte_set_bits(TcgCPU *c, uint64_t gpa, uint64_t old, uint64_t bits, unsigned bytes)
{
    bool ro = false;
    uint8_t *p = c->mem->page(c->opaque, gpa & TCG_PAGE_MASK, &ro);

    if (!p || ro) {
        return true;
    }
    note_dirty(c, gpa);
    p += gpa & 0xfff;
    if (bytes == 8) {
        return __sync_bool_compare_and_swap((uint64_t *)p, old, old | bits);
    }
    return __sync_bool_compare_and_swap((uint32_t *)p, (uint32_t)old, (uint32_t)(old | bits));
}

/* ---- Rights ---------------------------------------------------------------------------------- */

static bool pkey_denies(const TcgCPU *c, const Walk *w, uint64_t leaf)
{
    uint32_t pkru, key;

    if (!(c->env->cr[4] & CR4_PKE_MASK) || !(c->env->efer & MSR_EFER_LMA) ||
        w->access == TCG_EXEC || !(w->rights & PTE_U)) {
        return false;
    }
    memcpy(&pkru, c->xs + XS_PKRU, 4);
    key = leaf >> 59 & 15;
    return pkru >> key * 2 & 1 ||
           (w->access == TCG_WRITE && pkru >> (key * 2 + 1) & 1 &&
            (w->set == TCG_MMU_USER || c->env->cr[0] & CR0_WP_MASK));
}

static bool rights_allow(const TcgCPU *c, const Walk *w)
{
    bool user_page = w->rights & PTE_U;

    if (w->set == TCG_MMU_USER) {
        if (!user_page || (w->access == TCG_WRITE && !(w->rights & PTE_W))) {
            return false;
        }
    } else {
        if (w->access == TCG_WRITE && !(w->rights & PTE_W) && c->env->cr[0] & CR0_WP_MASK) {
            return false;
        }
        if (user_page && (w->access == TCG_EXEC ? c->env->cr[4] & CR4_SMEP
                                                : w->set == TCG_MMU_KERNEL)) {
            return false;
        }
    }
    return w->access != TCG_EXEC || !(w->rights & PTE_NX);
}

static bool deny(Walk *w, const TcgCPU *c, uint32_t why)
{
    bool i_bit = c->env->efer & MSR_EFER_NXE || c->env->cr[4] & CR4_SMEP;

    w->error = why | (w->access == TCG_WRITE ? PF_W : 0) |
               (w->set == TCG_MMU_USER ? PF_U : 0) |
               (w->access == TCG_EXEC && i_bit ? PF_I : 0);
    return false;
}

/* The leaf @pte at @pte_gpa maps a page of 2^@shift bytes. Restart when *again. */
static bool take_leaf(TcgCPU *c, Walk *w, uint64_t pte, uint64_t pte_gpa, unsigned bytes,
                      uint64_t frame, unsigned shift, bool *again)
{
    uint64_t bits = PTE_A | (w->access == TCG_WRITE ? PTE_D : 0);

    if (!rights_allow(c, w)) {
        return deny(w, c, PF_P);
    }
    if (pkey_denies(c, w, pte)) {
        return deny(w, c, PF_P | PF_PK);
    }
    if ((pte & bits) != bits && !pte_set_bits(c, pte_gpa, pte, bits, bytes)) {
        *again = true;
        return true;
    }
    w->dirty = (pte | bits) & PTE_D;
    w->leaf = pte;
    w->shift = shift;
    w->gpa = (frame & ~((1ull << shift) - 1)) | (w->la & ((1ull << shift) - 1));
    return true;
}

static void merge_rights(Walk *w, uint64_t pte)
{
    w->rights &= pte | ~(PTE_W | PTE_U);
    w->rights |= pte & PTE_NX;
}

/* ---- The walks ------------------------------------------------------------------------------- */

/* PAE, 4 and 5 levels. Returns false on a fault; *again: an entry changed under us. */
static bool walk_pae(TcgCPU *c, Walk *w, bool *again)
{
    bool lma = c->env->efer & MSR_EFER_LMA;
    int level = lma ? (c->env->cr[4] & CR4_LA57_MASK ? 5 : 4) : 3;
    uint64_t table = c->env->cr[3] & (lma ? PTE_ADDR : 0xffffffe0);
    uint64_t reserved = PTE_ADDR & ~c->phys_mask;

    reserved |= c->env->efer & MSR_EFER_NXE ? 0 : PTE_NX;
    for (;; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        bool pdpte = !lma && level == 3;
        uint64_t gpa = table + (w->la >> shift & (pdpte ? 3 : 511)) * 8;
        uint64_t pte = pdpte ? c->pdptr[w->la >> 30 & 3] : pte_read(c, gpa, 8), bad = reserved;
        bool leaf = level == 1 || (pte & PTE_PS && !pdpte && level <= 3);

        if (!(pte & PTE_P)) {
            return deny(w, c, 0);
        }
        bad |= leaf && level > 1 ? ((1ull << shift) - 1) & 0xfffffffffe000ull : 0;
        bad |= level >= 4 ? PTE_PS : 0;
        bad |= lma ? 0 : 0x7ff0000000000000ull;
        if (!pdpte && pte & bad) { /* those of a PDPTE were seen when CR3 was loaded */
            return deny(w, c, PF_P | PF_RSVD);
        }
        if (!pdpte) {
            merge_rights(w, pte);
        }
        if (leaf) {
            return take_leaf(c, w, pte, gpa, 8, pte & PTE_ADDR, shift, again);
        }
        if (!pdpte && !(pte & PTE_A) && !pte_set_bits(c, gpa, pte, PTE_A, 8)) {
            *again = true;
            return true;
        }
        table = pte & PTE_ADDR;
    }
}

bool tcg_load_pdptrs(TcgCPU *c, uint64_t cr3)
{
    uint64_t bad = 0x1e6 | (~c->phys_mask & ~0xfffull), e[4] = { 0 };
    bool ro;
    uint8_t *p = c->mem->page(c->opaque, cr3 & 0xfffff000, &ro);

    if (p) { /* devices hold no tables; the big lock may be taken here */
        memcpy(e, p + (cr3 & 0xfe0), sizeof(e));
    }
    for (unsigned i = 0; i < 4; i++) {
        if (e[i] & PTE_P && e[i] & bad) {
            return false;
        }
    }
    memcpy(c->pdptr, e, sizeof(e));
    return true;
}

static bool walk_32(TcgCPU *c, Walk *w, bool *again)
{
    uint64_t gpa = (c->env->cr[3] & 0xfffff000) + (w->la >> 22 & 1023) * 4;
    uint64_t pde = pte_read(c, gpa, 4), pte;

    if (!(pde & PTE_P)) {
        return deny(w, c, 0);
    }
    merge_rights(w, pde);
    if (pde & PTE_PS && c->env->cr[4] & CR4_PSE) {
        uint64_t frame = (pde & 0xffc00000) | (pde >> 13 & 0xff) << 32;

        if (pde & 1 << 21) {
            return deny(w, c, PF_P | PF_RSVD);
        }
        return take_leaf(c, w, pde, gpa, 4, frame, 22, again);
    }
    if (!(pde & PTE_A) && !pte_set_bits(c, gpa, pde, PTE_A, 4)) {
        *again = true;
        return true;
    }
    gpa = (pde & 0xfffff000) + (w->la >> 12 & 1023) * 4;
    pte = pte_read(c, gpa, 4);
    if (!(pte & PTE_P)) {
        return deny(w, c, 0);
    }
    merge_rights(w, pte);
    return take_leaf(c, w, pte, gpa, 4, pte & 0xfffff000, 12, again);
}

static bool translate(TcgCPU *c, Walk *w)
{
    bool again;

    do {
        bool ok;

        again = false;
        w->rights = PTE_W | PTE_U;
        if (!(c->env->cr[0] & CR0_PG_MASK)) {
            w->gpa = w->la;
            w->dirty = true;
            w->leaf = 0;
            w->shift = 12;
            return true;
        }
        ok = c->env->cr[4] & CR4_PAE_MASK ? walk_pae(c, w, &again) : walk_32(c, w, &again);
        if (!ok) {
            return false;
        }
    } while (again);
    return true;
}

static bool canonical(const TcgCPU *c, uint64_t la)
{
    return la == sext(la, c->env->cr[4] & CR4_LA57_MASK ? 57 : 48);
}

static void G_GNUC_NORETURN page_fault(TcgCPU *c, const TcgOp *op, const Walk *w)
{
    c->env->cr[2] = w->la;
    tcg_raise_err(c, op, EXC_PF, w->error);
}

/* Does @op reach @la by the stack segment? Pushes and pops have no ModRM operand there. */
static bool by_stack(const TcgCPU *c, const TcgOp *op, uint64_t la)
{
    if (!op) {
        return false;
    }
    if (op->i.flags & X86_I_MEM) {
        return op->i.seg == R_SS;
    }
    return la - c->r[R_ESP] + 64 < 128 && !(x86_insn_row(op->i.row)->attrs & X86_A_rep);
}

static void walk_or_fault(TcgCPU *c, const TcgOp *op, Walk *w)
{
    if (c->code64 && !canonical(c, w->la)) {
        tcg_raise_err(c, op, by_stack(c, op, w->la) ? EXC_SS : EXC_GP, 0);
    }
    if (!translate(c, w)) {
        page_fault(c, op, w);
    }
    w->gpa &= c->phys_mask | 0xfff;
}

/* ---- TLB ------------------------------------------------------------------------------------- */

static bool may_write_later(TcgCPU *c, const Walk *w, bool readonly)
{
    Walk t = *w;

    t.access = TCG_WRITE;
    return !readonly && w->dirty && rights_allow(c, &t) && !pkey_denies(c, &t, w->leaf);
}

/* Of the 4 MiB around. */
static unsigned large_hash(uint64_t la)
{
    return (la >> 22) * 0x9e3779b97f4a7c15ull >> 52;
}

static bool large_page_seen(const TcgCPU *c, uint64_t la)
{
    unsigned h = large_hash(la);

    return (c->huge_seen >> (la >> 30 & 63) & 1) || (c->large_seen[h / 64] >> h % 64 & 1);
}

/* Global pages survive a new CR3. INVLPG must find all of a large page. */
static uint64_t note_page(TcgCPU *c, const Walk *w)
{
    if (w->shift > 22) {
        c->huge_seen |= 1ull << (w->la >> 30 & 63);
    } else if (w->shift > 12) {
        unsigned h = large_hash(w->la);

        c->large_seen[h / 64] |= 1ull << h % 64;
    }
    return (w->gpa & TCG_PAGE_MASK) |
           (w->leaf & PTE_G && c->env->cr[4] & CR4_PGE ? TCG_TLB_GLOBAL : 0);
}

/* Fills the entry for @w. Returns the host address of the byte, NULL for a device or ROM write. */
static uint8_t *fill(TcgCPU *c, Walk *w)
{
    uint64_t page = w->la & TCG_PAGE_MASK;
    TcgTlbEntry *e = tcg_tlb_entry(c, w->la);
    bool readonly = false, writable;
    uint8_t *host = c->mem->page(c->opaque, w->gpa & TCG_PAGE_MASK, &readonly);

    c->nr_tlb_miss++;
    if (!host || (readonly && w->access == TCG_WRITE)) {
        return NULL;
    }
    if (w->access == TCG_WRITE) {
        note_dirty(c, w->gpa);
    }
    if (unlikely(c->debug_armed & TCG_DEBUG_DATA) && tcg_debug_page(c, w->la)) {
        return host + (w->la & 0xfff);
    }
    e->read = page; /* whoever may write may read */
    writable = may_write_later(c, w, readonly);
    e->write = writable && (!c->dirty_log || w->access == TCG_WRITE) &&
               !tcg_page_has_code(c, w->gpa) ? page : TCG_NO_TAG;
    e->addend = (uintptr_t)host - page;
    e->gpa = note_page(c, w) | (writable ? TCG_TLB_CODE : 0);
    return host + (w->la & 0xfff);
}

void tcg_tlb_flush(TcgCPU *c)
{
    for (unsigned s = 0; s < TCG_MMU_SETS; s++) {
        for (unsigned i = 0; i < TCG_TLB_ENTRIES; i++) {
            c->tlb[s][i].read = c->tlb[s][i].write = TCG_NO_TAG;
        }
    }
    memset(c->code_tlb, 0, sizeof(c->code_tlb));
    memset(c->large_seen, 0, sizeof(c->large_seen));
    c->huge_seen = 0;
    tcg_jmp_flush(c);
}

void tcg_tlb_flush_local(TcgCPU *c)
{
    for (unsigned s = 0; s < TCG_MMU_SETS; s++) {
        for (unsigned i = 0; i < TCG_TLB_ENTRIES; i++) {
            TcgTlbEntry *e = &c->tlb[s][i];

            if (!(e->gpa & TCG_TLB_GLOBAL)) {
                e->read = e->write = TCG_NO_TAG;
            }
        }
    }
    for (unsigned i = 0; i < TCG_CODE_TLB_ENTRIES; i++) {
        if (!(c->code_tlb[i].gpa & TCG_TLB_GLOBAL)) {
            c->code_tlb[i].tag = 0;
        }
    }
    tcg_jmp_flush(c);
}

void tcg_tlb_protect_code(TcgCPU *c)
{
    for (unsigned s = 0; s < TCG_MMU_SETS; s++) {
        for (unsigned i = 0; i < TCG_TLB_ENTRIES; i++) {
            TcgTlbEntry *e = &c->tlb[s][i];

            if (e->write != TCG_NO_TAG && tcg_page_has_code(c, e->gpa)) {
                e->write = TCG_NO_TAG;
            }
        }
    }
}

void tcg_dirty_log(TcgCPU *c, bool on)
{
    c->dirty_log = on;
    for (unsigned s = 0; on && s < TCG_MMU_SETS; s++) {
        for (unsigned i = 0; i < TCG_TLB_ENTRIES; i++) {
            c->tlb[s][i].write = TCG_NO_TAG;
        }
    }
}

static TcgCodeTlb *code_entry(TcgCPU *c, uint64_t la)
{
    return &c->code_tlb[(la >> 12 ^ la >> 21) % TCG_CODE_TLB_ENTRIES];
}

void tcg_tlb_flush_page(TcgCPU *c, uint64_t la)
{
    unsigned set = c->mmu_set;

    if (large_page_seen(c, la)) {
        tcg_tlb_flush(c);
        return;
    }
    code_entry(c, la)->tag = 0;
    for (c->mmu_set = 0; c->mmu_set < TCG_MMU_SETS; c->mmu_set++) {
        TcgTlbEntry *e = tcg_tlb_entry(c, la);

        e->read = e->write = TCG_NO_TAG;
    }
    c->mmu_set = set;
    tcg_jmp_flush_page(c, la);
}

/* ---- Access ---------------------------------------------------------------------------------- */

static bool in_page(uint64_t la, unsigned len)
{
    return (la & 0xfff) + len <= 0x1000;
}

/* One page; @host NULL: a device at w->gpa. */
static uint8_t *access_page(TcgCPU *c, const TcgOp *op, uint64_t la, TcgAccess access, Walk *w)
{
    TcgTlbEntry *e = tcg_tlb_entry(c, la);

    /* The caller looks for code. */
    if (e->read == (la & TCG_PAGE_MASK) && (access != TCG_WRITE || e->gpa & TCG_TLB_CODE)) {
        if (access == TCG_WRITE) {
            note_dirty(c, e->gpa);
            if (!tcg_page_has_code(c, e->gpa)) {
                e->write = e->read; /* there is none any more */
            }
        }
        w->gpa = (e->gpa & TCG_PAGE_MASK) | (la & 0xfff);
        return (uint8_t *)(la + e->addend);
    }
    *w = (Walk){ .la = la, .access = access, .set = c->mmu_set };
    walk_or_fault(c, op, w);
    return fill(c, w);
}

static void note_data(TcgCPU *c, uint64_t la, unsigned len, TcgAccess access)
{
    if (unlikely(c->debug_armed & TCG_DEBUG_DATA)) {
        tcg_debug_data(c, la, len, access == TCG_WRITE);
    }
}

static uint64_t load_page(TcgCPU *c, const TcgOp *op, uint64_t la, unsigned bytes)
{
    Walk w;
    uint8_t *p = access_page(c, op, la, TCG_READ, &w);
    uint64_t v = 0;

    note_data(c, la, bytes, TCG_READ);
    if (!p) {
        tcg_native_leave(c);
        v = c->mem->read(c->opaque, w.gpa, bytes);
        tcg_native_enter(c);
        return v;
    }
    memcpy(&v, p, bytes);
    return v;
}

static void store_page(TcgCPU *c, const TcgOp *op, uint64_t la, uint64_t v, unsigned bytes)
{
    Walk w;
    uint8_t *p = access_page(c, op, la, TCG_WRITE, &w);

    note_data(c, la, bytes, TCG_WRITE);
    if (!p) {
        tcg_native_leave(c);
        c->mem->write(c->opaque, w.gpa, v, bytes);
        tcg_native_enter(c);
        return;
    }
    memcpy(p, &v, bytes);
    if (tcg_page_has_code(c, w.gpa)) {
        tcg_code_written(c, w.gpa, bytes);
    }
}

static uint64_t wrap_la(const TcgCPU *c, uint64_t la)
{
    return c->code64 ? la : (uint32_t)la;
}

uint64_t tcg_load_slow(TcgCPU *c, const TcgOp *op, uint64_t la, unsigned bytes)
{
    unsigned first = 0x1000 - (la & 0xfff);

    if (in_page(la, bytes)) {
        return load_page(c, op, la, bytes);
    }
    return load_page(c, op, la, first) |
           load_page(c, op, wrap_la(c, la + first), bytes - first) << first * 8;
}

void tcg_store_slow(TcgCPU *c, const TcgOp *op, uint64_t la, uint64_t v, unsigned bytes)
{
    unsigned first = 0x1000 - (la & 0xfff);

    if (in_page(la, bytes)) {
        store_page(c, op, la, v, bytes);
        return;
    }
    tcg_probe(c, op, la, bytes, TCG_WRITE);
    store_page(c, op, la, v, first);
    store_page(c, op, wrap_la(c, la + first), v >> first * 8, bytes - first);
}

void tcg_probe(TcgCPU *c, const TcgOp *op, uint64_t la, unsigned len, TcgAccess access)
{
    uint64_t last = wrap_la(c, la + len - 1);
    Walk w;

    access_page(c, op, la, access, &w);
    if ((la ^ last) & TCG_PAGE_MASK) {
        access_page(c, op, last & TCG_PAGE_MASK, access, &w);
    }
}

void *tcg_host(TcgCPU *c, const TcgOp *op, uint64_t la, unsigned len, TcgAccess access)
{
    Walk w;
    uint8_t *p;

    if (!in_page(la, len)) {
        return NULL;
    }
    p = access_page(c, op, la, access, &w);
    if (p) {
        note_data(c, la, len, access);
    }
    if (p && access == TCG_WRITE && tcg_page_has_code(c, w.gpa)) {
        tcg_code_write_pending(c, w.gpa, len);
    }
    return p;
}

void tcg_read(TcgCPU *c, const TcgOp *op, uint64_t la, void *buf, unsigned len)
{
    uint8_t *b = buf;

    while (len) {
        unsigned n = MIN(MIN(len, 8u), 0x1000 - (la & 0xfff));
        uint64_t v = tcg_load(c, op, la, n);

        memcpy(b, &v, n);
        b += n;
        len -= n;
        la = wrap_la(c, la + n);
    }
}

void tcg_write(TcgCPU *c, const TcgOp *op, uint64_t la, const void *buf, unsigned len)
{
    const uint8_t *b = buf;

    if (len) {
        tcg_probe(c, op, la, len, TCG_WRITE);
    }
    while (len) {
        unsigned n = MIN(MIN(len, 8u), 0x1000 - (la & 0xfff));
        uint64_t v = 0;

        memcpy(&v, b, n);
        tcg_store(c, op, la, v, n);
        b += n;
        len -= n;
        la = wrap_la(c, la + n);
    }
}

static unsigned enter_sys(TcgCPU *c)
{
    unsigned set = c->mmu_set;

    c->mmu_set = c->env->cr[4] & CR4_SMAP ? TCG_MMU_KERNEL : TCG_MMU_KERNEL_USER;
    return set;
}

uint64_t tcg_load_sys(TcgCPU *c, uint64_t la, unsigned bytes)
{
    unsigned set = enter_sys(c);
    uint64_t v = tcg_load(c, NULL, la, bytes);

    c->mmu_set = set;
    return v;
}

void tcg_store_sys(TcgCPU *c, uint64_t la, uint64_t v, unsigned bytes)
{
    unsigned set = enter_sys(c);

    tcg_store(c, NULL, la, v, bytes);
    c->mmu_set = set;
}

uint64_t tcg_fetch_gpa(TcgCPU *c, uint64_t la)
{
    Walk w = { .la = la, .access = TCG_EXEC, .set = c->mmu_set };

    walk_or_fault(c, NULL, &w);
    return w.gpa;
}

uint64_t tcg_fetch_page(TcgCPU *c, uint64_t la, uint8_t **host)
{
    TcgCodeTlb *e = code_entry(c, la);
    uint64_t tag = (la & TCG_PAGE_MASK) | c->mmu_set | 8;
    Walk w = { .la = la, .access = TCG_EXEC, .set = c->mmu_set };
    bool ro;

    if (e->tag != tag) {
        walk_or_fault(c, NULL, &w);
        *host = c->mem->page(c->opaque, w.gpa & TCG_PAGE_MASK, &ro);
        if (!*host) {
            return w.gpa;
        }
        *e = (TcgCodeTlb){ .tag = tag, .gpa = note_page(c, &w), .host = *host };
    }
    *host = e->host + (la & 0xfff);
    return (e->gpa & TCG_PAGE_MASK) | (la & 0xfff);
}

/* ---- What hot paths keep --------------------------------------------------------------------- */

/* Flat and writable: no access through it needs a check. */
static bool segment_is_flat(const SegmentCache *s)
{
    unsigned type = s->flags >> DESC_TYPE_SHIFT & 15;

    return s->flags & DESC_P_MASK && s->limit == UINT32_MAX && s->base == 0 &&
           (type & 0xe) == 2; /* data, writable, expand up */
}

static bool env_am(const TcgCPU *c)
{
    return c->env->cr[0] & CR0_AM_MASK;
}

static void update_segments(TcgCPU *c)
{
    bool pe = c->env->cr[0] & CR0_PE_MASK;

    c->ac_check = c->cpl == 3 && c->eflags & F_AC && env_am(c);
    c->seg_check = c->ac_check ? 0x3f : 0;
    for (unsigned i = 0; i < 6; i++) {
        const SegmentCache *s = &c->env->segs[i];

        c->seg_base[i] = c->code64 && i < R_FS ? 0 : s->base;
        if (!c->code64 && !(pe && !(c->eflags & F_VM) && segment_is_flat(s))) {
            c->seg_check |= 1 << i;
        }
    }
}

static void update_fpu_trap(TcgCPU *c)
{
    const CPUX86State *env = c->env;
    bool ts = env->cr[0] & CR0_TS_MASK, em = env->cr[0] & CR0_EM_MASK;

    c->fpu_trap = (em || ts ? TCG_FPU_X87 | TCG_FPU_MMX : 0) |
                  (em || ts || !(env->cr[4] & CR4_OSFXSR_MASK) ? TCG_FPU_SSE : 0) |
                  (ts || !(env->cr[4] & CR4_OSXSAVE_MASK) || (env->xcr0 & 6) != 6 ? TCG_FPU_AVX
                                                                                 : 0);
}

void tcg_update_mode(TcgCPU *c)
{
    const CPUX86State *env = c->env;
    bool vm86 = c->eflags & F_VM, pe = env->cr[0] & CR0_PE_MASK;
    uint32_t cs = env->segs[R_CS].flags;
    unsigned bits;

    c->code64 = env->efer & MSR_EFER_LMA && cs & DESC_L_MASK;
    bits = c->code64 ? 64 : cs & DESC_B_MASK ? 32 : 16;
    c->cpl = !pe ? 0 : vm86 ? 3 : env->segs[R_SS].flags >> DESC_DPL_SHIFT & 3;
    if (c->cpl == 3) {
        c->mmu_set = TCG_MMU_USER;
    } else {
        c->mmu_set = env->cr[4] & CR4_SMAP && !(c->eflags & F_AC) ? TCG_MMU_KERNEL
                                                                  : TCG_MMU_KERNEL_USER;
    }
    update_fpu_trap(c);
    c->sp_mask = c->code64 ? UINT64_MAX
                 : env->segs[R_SS].flags & DESC_B_MASK ? UINT32_MAX : 0xffff;
    update_segments(c);
    c->mode = bits | (pe && !vm86 ? 0 : 0x100) |
              (env->segs[R_SS].flags & DESC_B_MASK || c->code64 ? 0x200 : 0) |
              (uint64_t)(c->mmu_set == TCG_MMU_KERNEL) << 11 | (uint64_t)c->cpl << 13 |
              (c->ac_check ? TCG_MODE_ALIGN : 0);
    c->jmp_key = c->mode | c->jmp_gen;
}
