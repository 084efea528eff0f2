/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks of decoded instructions, keyed by guest-physical address and mode, and what keeps them
 * true: pages with code are not writable in any TLB, and a store that hits a 64-byte granule with
 * code drops the blocks in it. A dropped block's ops all become "leave the block", so that a vCPU
 * inside it goes on with fresh code after its current instruction. Blocks are freed in one go when
 * the table is full and every vCPU has been seen outside of them.
 *
 * A page that gets its first block may still be writable in other vCPUs' TLBs. Until each of them
 * has noticed (code_seq), or is outside of tcg_run(), its code runs an instruction at a time and
 * nothing of it is kept.
 */
#include "qemu/osdep.h"
#include "target/i386/tcg/insn-tables.h"
#include "target/i386/tcg/native.h"

/* IDLE_WRITES: after so many a page that lost its last block counts as data. What is patched and
 * run in turn stays a page with code, because becoming one is dear. */
enum { HASH_BITS = 16, FILTER_BITS = 20, GRANULE = 64, IDLE_WRITES = 16 };
#define MAX_BYTES (64u << 20)
#define CODE_BYTES (32u << 20)

typedef struct CodePage {
    uint64_t gpa;
    uint64_t granules; /* bit n: code in bytes 64n.. */
    uint64_t seq;      /* vCPUs that have seen this notice writes */
    bool quiet;        /* all have */
    uint8_t idle;      /* writes since the last block went */
    TcgBlock *blocks;
} CodePage;

struct TcgShared {
    GMutex lock;
    TcgBlock *hash[1 << HASH_BITS];    /* read without the lock */
    uint16_t filter[1 << FILTER_BITS]; /* atomic reads: number of code pages that hash here */
    GHashTable *pages;                 /* gpa -> CodePage */
    GPtrArray *cpus;
    GPtrArray *all;    /* every block of this epoch */
    size_t bytes;
    uint32_t epoch;                    /* written with the lock */
    uint64_t code_seq;                 /* of the youngest code page */
    GMutex excl_lock;
    GCond excl_cond;
    TcgCPU *excl_owner; /* atomic: the vCPU that has the machine for itself */
    uint8_t *code_rw, *code_rx; /* the code of runs; NULL: none */
    size_t code_used;
    bool code_full;    /* atomic: no room */
    bool code_dead;    /* it is all of blocks in their graves, or freed */
    GPtrArray *graves; /* blocks of earlier epochs, freed when all vCPUs know of this one */
};

static unsigned block_hash(uint64_t gpa, uint64_t mode)
{
    return ((gpa ^ mode << 7) * 0x9e3779b97f4a7c15ull) >> (64 - HASH_BITS);
}

static unsigned filter_hash(uint64_t gpa)
{
    return gpa >> 12 & ((1u << FILTER_BITS) - 1);
}

TcgShared *tcg_shared_new(void)
{
    TcgShared *s = g_new0(TcgShared, 1);

    g_mutex_init(&s->lock);
    g_mutex_init(&s->excl_lock);
    g_cond_init(&s->excl_cond);
    s->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    s->cpus = g_ptr_array_new();
    s->all = g_ptr_array_new_with_free_func(g_free);
    s->graves = g_ptr_array_new_with_free_func(g_free);
    s->code_full = !tcg_native_map(CODE_BYTES, &s->code_rw, &s->code_rx);
    if (s->code_full) {
        s->code_rw = NULL;
    }
    return s;
}

void tcg_shared_free(TcgShared *s)
{
    g_hash_table_destroy(s->pages);
    g_ptr_array_free(s->all, TRUE);
    g_ptr_array_free(s->graves, TRUE);
    g_ptr_array_free(s->cpus, TRUE);
    if (s->code_rw) {
        tcg_native_unmap(CODE_BYTES, s->code_rw, s->code_rx);
    }
    g_mutex_clear(&s->lock);
    g_mutex_clear(&s->excl_lock);
    g_cond_clear(&s->excl_cond);
    g_free(s);
}

void tcg_shared_add(TcgShared *s, TcgCPU *c)
{
    g_mutex_lock(&s->lock);
    c->epoch = s->epoch;
    g_ptr_array_add(s->cpus, c);
    g_mutex_unlock(&s->lock);
}

void tcg_shared_remove(TcgShared *s, TcgCPU *c)
{
    g_mutex_lock(&s->lock);
    g_ptr_array_remove(s->cpus, c);
    g_mutex_unlock(&s->lock);
}

bool tcg_page_has_code(TcgCPU *c, uint64_t gpa)
{
    return __atomic_load_n(&c->shared->filter[filter_hash(gpa)], __ATOMIC_ACQUIRE);
}

void tcg_jmp_flush(TcgCPU *c)
{
    c->jmp_gen += 1ull << 16; /* above the bits of c->mode */
    c->jmp_key = c->mode | c->jmp_gen;
    memset(c->code_pages_seen, 0, sizeof(c->code_pages_seen));
}

static unsigned seen_hash(uint64_t la)
{
    return (la >> 12) * 0x9e3779b97f4a7c15ull >> 52;
}

void tcg_jmp_flush_page(TcgCPU *c, uint64_t la)
{
    unsigned h = seen_hash(la);

    if (c->code_pages_seen[h / 64] >> h % 64 & 1) {
        tcg_jmp_flush(c);
    }
}

static void jmp_remember(TcgCPU *c, uint64_t la, TcgBlock *b)
{
    unsigned h = seen_hash(la);

    c->code_pages_seen[h / 64] |= 1ull << h % 64;
    *tcg_jmp_entry(c, la) = (TcgJmp){ .pc = la, .mode = c->jmp_key, .block = b };
}

/* ---- Dropping blocks (lock held) ------------------------------------------------------------- */

static void unhash(TcgShared *s, TcgBlock *b)
{
    TcgBlock **p = &s->hash[block_hash(b->gpa, b->mode)];

    while (*p != b) {
        p = &(*p)->next;
    }
    __atomic_store_n(p, b->next, __ATOMIC_RELEASE);
}

static void drop_block(TcgShared *s, TcgBlock *b)
{
    unhash(s, b);
    __atomic_store_n(&b->valid, false, __ATOMIC_RELEASE);
    for (unsigned i = 0; i <= b->nr_ops; i++) {
        __atomic_store_n(&b->ops[i].fn, tcg_op_end_block, __ATOMIC_RELEASE);
    }
}

static uint64_t granule_mask(uint64_t gpa, unsigned len)
{
    unsigned first = (gpa & 0xfff) / GRANULE, last = ((gpa & 0xfff) + len - 1) / GRANULE;

    last = MIN(last, 63);
    return (UINT64_MAX >> (63 - last)) & (UINT64_MAX << first);
}

static void remove_page(TcgShared *s, CodePage *p)
{
    unsigned h = filter_hash(p->gpa);

    __atomic_store_n(&s->filter[h], s->filter[h] - 1, __ATOMIC_RELEASE);
    g_hash_table_remove(s->pages, &p->gpa);
}

static void drop_granules(TcgShared *s, CodePage *p, uint64_t mask)
{
    TcgBlock **link = &p->blocks;

    p->granules = 0;
    while (*link) {
        TcgBlock *b = *link;
        uint64_t own = granule_mask(b->gpa, MAX(b->bytes, 1));

        if (own & mask) {
            *link = b->page_next;
            drop_block(s, b);
        } else {
            p->granules |= own;
            link = &b->page_next;
        }
    }
}

/* True: the page is one with code no more; remove_page() is due. */
static bool drop_written(TcgShared *s, CodePage *p, uint64_t gpa, unsigned len)
{
    uint64_t mask = granule_mask(gpa, len);

    if (p->granules & mask) {
        drop_granules(s, p, mask);
    }
    return !p->blocks && ++p->idle >= IDLE_WRITES;
}

static CodePage *page_at(TcgShared *s, uint64_t gpa)
{
    uint64_t page = gpa & TCG_PAGE_MASK;

    return g_hash_table_lookup(s->pages, &page);
}

void tcg_code_written(TcgCPU *c, uint64_t gpa, unsigned len)
{
    TcgShared *s = c->shared;
    bool guest_fp = c->guest_fp;
    CodePage *p;

    g_mutex_lock(&s->lock);
    p = page_at(s, gpa);
    if (p && drop_written(s, p, gpa, len)) {
        tcg_native_leave(c); /* hash tables calculate with doubles when they shrink */
        remove_page(s, p);
        if (guest_fp) {
            tcg_native_enter(c);
        }
    }
    g_mutex_unlock(&s->lock);
}

void tcg_shared_written(TcgShared *s, uint64_t gpa, unsigned len)
{
    CodePage *p;

    g_mutex_lock(&s->lock);
    p = page_at(s, gpa);
    if (p && drop_written(s, p, gpa, len)) {
        remove_page(s, p);
    }
    g_mutex_unlock(&s->lock);
}

void tcg_code_write_pending(TcgCPU *c, uint64_t gpa, unsigned len)
{
    tcg_code_written(c, gpa, len);
    if (c->late_len) { /* two in one instruction: forget the whole of the first page */
        tcg_code_written(c, c->late_gpa, c->late_len);
    }
    c->late_gpa = gpa;
    c->late_len = len;
    __atomic_store_n(&c->attention, 1, __ATOMIC_SEQ_CST);
}

/* ---- The bound ------------------------------------------------------------------------------- */

/* A vCPU outside of tcg_run() catches up before it runs a block. */
static bool is_out(const TcgCPU *c)
{
    return !__atomic_load_n(&c->running, __ATOMIC_SEQ_CST);
}

static bool all_cpus_know(TcgShared *s)
{
    for (unsigned i = 0; i < s->cpus->len; i++) {
        TcgCPU *c = s->cpus->pdata[i];

        if (__atomic_load_n(&c->epoch, __ATOMIC_ACQUIRE) != s->epoch && !is_out(c)) {
            return false;
        }
    }
    return true;
}

static void drop_all(TcgShared *s)
{
    for (unsigned i = 0; i < s->all->len; i++) {
        TcgBlock *b = s->all->pdata[i];

        if (b->valid) {
            drop_block(s, b);
        }
    }
    g_hash_table_remove_all(s->pages);
    if (s->all->len) { /* else it is zero, and at start its memory not even there */
        memset(s->filter, 0, sizeof(s->filter));
    }
    for (unsigned i = 0; i < s->all->len; i++) {
        g_ptr_array_add(s->graves, s->all->pdata[i]);
    }
    g_ptr_array_set_free_func(s->all, NULL); /* the graves own them now */
    g_ptr_array_set_size(s->all, 0);
    g_ptr_array_set_free_func(s->all, g_free);
    s->bytes = 0;
    s->code_dead = true; /* blocks of the new epoch get none before the graves are empty */
    __atomic_store_n(&s->code_full, true, __ATOMIC_RELEASE);
    __atomic_store_n(&s->epoch, s->epoch + 1, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < s->cpus->len; i++) {
        TcgCPU *c = s->cpus->pdata[i];

        __atomic_store_n(&c->attention, 1, __ATOMIC_RELEASE);
    }
}

/* With the lock. */
static void free_code(TcgShared *s)
{
    s->code_used = 0;
    s->code_dead = false;
    __atomic_store_n(&s->code_full, !s->code_rw, __ATOMIC_RELEASE);
}

/* With the lock. Frees what was dropped before every vCPU's last look. */
static void reap(TcgShared *s)
{
    if (s->code_dead && all_cpus_know(s)) {
        g_ptr_array_set_size(s->graves, 0);
        free_code(s);
    }
}

void tcg_shared_flush(TcgShared *s, void *replaced)
{
    g_mutex_lock(&s->lock);
    reap(s);
    drop_all(s);
    g_ptr_array_add(s->graves, replaced);
    for (unsigned i = 0; i < s->cpus->len; i++) {
        TcgCPU *c = s->cpus->pdata[i];

        __atomic_store_n(&c->tlb_flush, 1, __ATOMIC_RELEASE);
        __atomic_store_n(&c->attention, 1, __ATOMIC_RELEASE);
    }
    g_mutex_unlock(&s->lock);
}

/* The calling vCPU is outside of blocks and forgets them when the epoch changed. */
static void catch_up(TcgCPU *c)
{
    TcgShared *s = c->shared;
    uint32_t epoch = __atomic_load_n(&s->epoch, __ATOMIC_SEQ_CST);

    if (c->epoch != epoch) {
        tcg_jmp_flush(c);
        __atomic_store_n(&c->epoch, epoch, __ATOMIC_SEQ_CST);
    }
}

/* ---- Exclusive access ------------------------------------------------------------------------ */

/* With excl_lock. */
static void wait_for_owner(TcgCPU *c)
{
    TcgShared *s = c->shared;

    __atomic_store_n(&c->parked, 1, __ATOMIC_SEQ_CST);
    g_cond_broadcast(&s->excl_cond);
    while (s->excl_owner) {
        g_cond_wait(&s->excl_cond, &s->excl_lock);
    }
    __atomic_store_n(&c->parked, 0, __ATOMIC_SEQ_CST);
}

static bool others_stand(TcgShared *s, const TcgCPU *c)
{
    for (unsigned i = 0; i < s->cpus->len; i++) {
        const TcgCPU *other = s->cpus->pdata[i];

        if (other != c && !is_out(other) && !__atomic_load_n(&other->parked, __ATOMIC_SEQ_CST)) {
            return false;
        }
    }
    return true;
}

void tcg_exclusive_begin(TcgCPU *c)
{
    TcgShared *s = c->shared;

    if (s->cpus->len < 2) {
        return;
    }
    tcg_native_leave(c);
    g_mutex_lock(&s->excl_lock);
    wait_for_owner(c);
    __atomic_store_n(&s->excl_owner, c, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < s->cpus->len; i++) {
        TcgCPU *other = s->cpus->pdata[i];

        if (other != c) {
            __atomic_store_n(&other->attention, 1, __ATOMIC_SEQ_CST);
        }
    }
    while (!others_stand(s, c)) { /* those that leave tcg_run() do not say so: look again */
        g_cond_wait_until(&s->excl_cond, &s->excl_lock, g_get_monotonic_time() + 100);
    }
    g_mutex_unlock(&s->excl_lock);
    c->exclusive = true;
    tcg_native_enter(c);
}

void tcg_exclusive_end(TcgCPU *c)
{
    TcgShared *s = c->shared;

    c->exclusive = false;
    g_mutex_lock(&s->excl_lock);
    __atomic_store_n(&s->excl_owner, NULL, __ATOMIC_SEQ_CST);
    g_cond_broadcast(&s->excl_cond);
    g_mutex_unlock(&s->excl_lock);
}

static void stand_still(TcgCPU *c)
{
    TcgShared *s = c->shared;

    if (unlikely(__atomic_load_n(&s->excl_owner, __ATOMIC_SEQ_CST))) {
        g_mutex_lock(&s->excl_lock);
        wait_for_owner(c);
        g_mutex_unlock(&s->excl_lock);
    }
}

/* ---- Requests of others ---------------------------------------------------------------------- */

void tcg_blocks_look_up(TcgCPU *c)
{
    uint64_t seq = __atomic_load_n(&c->shared->code_seq, __ATOMIC_SEQ_CST);

    if (__atomic_exchange_n(&c->tlb_flush, 0, __ATOMIC_SEQ_CST)) {
        tcg_tlb_flush(c);
    }
    if (c->code_seq != seq) {
        tcg_tlb_protect_code(c);
        __atomic_store_n(&c->code_seq, seq, __ATOMIC_SEQ_CST);
    }
    if (c->late_len) {
        tcg_code_written(c, c->late_gpa, c->late_len);
        c->late_len = 0;
    }
    stand_still(c);
    catch_up(c);
}

void tcg_blocks_enter(TcgCPU *c)
{
    __atomic_store_n(&c->running, 1, __ATOMIC_SEQ_CST);
    tcg_blocks_look_up(c);
}

void tcg_blocks_leave(TcgCPU *c)
{
    if (c->late_len) {
        tcg_code_written(c, c->late_gpa, c->late_len);
        c->late_len = 0;
    }
    __atomic_store_n(&c->running, 0, __ATOMIC_SEQ_CST);
}

static bool code_is_due(const TcgShared *s)
{
    return s->code_full && s->code_rw && !s->code_dead;
}

bool tcg_shared_has_room(TcgShared *s)
{
    return !__atomic_load_n(&s->code_full, __ATOMIC_ACQUIRE);
}

void *tcg_shared_publish(TcgShared *s, const uint8_t *code, unsigned len)
{
    void *at = NULL;

    g_mutex_lock(&s->lock);
    if (s->code_used + len > CODE_BYTES) {
        __atomic_store_n(&s->code_full, true, __ATOMIC_RELEASE);
    }
    if (!s->code_full) {
        memcpy(s->code_rw + s->code_used, code, len);
        at = s->code_rx + s->code_used;
        s->code_used += ROUND_UP(len, 16);
    }
    g_mutex_unlock(&s->lock);
    return at;
}

/* With the lock. */
static void check_epoch(TcgCPU *c)
{
    TcgShared *s = c->shared;

    catch_up(c);
    reap(s);
    if ((s->bytes > MAX_BYTES || code_is_due(s)) && !s->graves->len) {
        drop_all(s);
        catch_up(c);
    }
}

/* Too much, and some vCPU has been in a block for long. */
static bool is_full(const TcgShared *s)
{
    return s->bytes > 2 * (size_t)MAX_BYTES;
}

/* ---- Making blocks --------------------------------------------------------------------------- */

static HANDLER(op_too_long)
{
    tcg_raise_err(c, op, EXC_GP, 0);
}

static X86DecodeMode decode_mode(const TcgCPU *c)
{
    return (X86DecodeMode){ .code_bits = c->mode & 0x7f, .no_vex = c->mode & 0x100,
                            .features = c->features };
}

/* A conditional jump that is not taken goes on in the block. */
static bool ends_block(const TcgOp *op)
{
    const X86InsnRow *row = x86_insn_row(op->i.row);

    return row->attrs & X86_A_end && row->handler != X86_H_jcc;
}

/* Decodes up to @max instructions of @len bytes. The ops end with one that leaves the block. */
static X86DecodeResult decode_ops(TcgCPU *c, const uint8_t *code, unsigned len, TcgOp *ops,
                                  unsigned max, unsigned *nr, unsigned *bytes)
{
    X86DecodeMode mode = decode_mode(c);
    X86DecodeResult r = X86_DECODE_OK;
    unsigned n = 0, pos = 0;
    bool ends = false, guest_fp = c->guest_fp;

    tcg_native_leave(c); /* tables of stubs calculate with doubles when they grow */

    while (n < max && !ends) {
        TcgOp *op = &ops[n];

        r = x86_decode(&op->i, code + pos, len - pos, &mode);
        if (r == X86_DECODE_MORE) {
            break;
        }
        op->i.user = pos;
        op->aux = NULL;
        if (r == X86_DECODE_OK) {
            op->fn = tcg_select(c, op);
            ends = ends_block(op);
        } else {
            op->fn = r == X86_DECODE_INVALID ? tcg_op_ud : op_too_long;
            ends = true;
        }
        pos += op->i.len;
        n++;
    }
    ops[n] = (TcgOp){ .fn = tcg_op_end_block };
    ops[n].i.user = pos;
    *nr = n;
    *bytes = pos;
    if (guest_fp) {
        tcg_native_enter(c);
    }
    return n ? X86_DECODE_OK : r;
}

/* Bytes of the code segment from c->rip on; raises #GP when there are none. */
static uint64_t bytes_in_segment(TcgCPU *c)
{
    const SegmentCache *cs = &c->env->segs[R_CS];

    if (c->code64) {
        return 16;
    }
    if (c->rip > cs->limit) {
        tcg_raise_err(c, NULL, EXC_GP, 0);
    }
    return (uint64_t)cs->limit - c->rip + 1;
}

static void fetch_bytes(TcgCPU *c, uint64_t la, uint8_t *buf, unsigned len)
{
    bool ro;

    for (unsigned i = 0; i < len; i++) {
        uint64_t gpa = tcg_fetch_gpa(c, c->code64 ? la + i : (uint32_t)(la + i));
        uint8_t *host = c->mem->page(c->opaque, gpa & TCG_PAGE_MASK, &ro);

        buf[i] = host ? host[gpa & 0xfff] : c->mem->read(c->opaque, gpa, 1);
    }
}

/* One instruction outside of RAM: decoded each time. */
static TcgBlock *scratch(TcgCPU *c, uint64_t la)
{
    TcgBlock *b = c->scratch_block;
    unsigned nr, bytes, len = 1, max = MIN(bytes_in_segment(c), 15);
    uint8_t buf[15];

    for (;; len++) {
        fetch_bytes(c, la + len - 1, buf + len - 1, 1);
        if (decode_ops(c, buf, len, b->ops, 1, &nr, &bytes) == X86_DECODE_OK) {
            break;
        }
        if (len == max) {
            tcg_raise_err(c, NULL, EXC_GP, 0);
        }
    }
    b->nr_ops = nr;
    return b;
}

static bool cross_is_true(const TcgCPU *c, const TcgCross *x, uint64_t la)
{
    return x->la == la && x->mode == c->jmp_key && x->block->nr_ops &&
           !memcmp(x->bytes, x->host[0], x->len[0]) &&
           !memcmp(x->bytes + x->len[0], x->host[1], x->len[1]);
}

/* One instruction in two pages. @first: its bytes in the first one. Nothing watches the second
 * page for writes, so the bytes are compared each time. */
static TcgBlock *crossing(TcgCPU *c, uint64_t la, const uint8_t *first)
{
    TcgCross *x = &c->cross[(la >> 4) % TCG_NR_CROSS];
    uint64_t next = (la | 0xfff) + 1, gpa;
    unsigned nr, bytes, max = MIN(bytes_in_segment(c), 15);
    bool ro;

    if (cross_is_true(c, x, la)) {
        return x->block;
    }
    x->block->nr_ops = 0;
    x->len[0] = 0x1000 - (la & 0xfff);
    if (max <= x->len[0]) {
        return scratch(c, la);
    }
    gpa = tcg_fetch_gpa(c, c->code64 ? next : (uint32_t)next);
    x->host[0] = first;
    x->host[1] = c->mem->page(c->opaque, gpa & TCG_PAGE_MASK, &ro);
    x->len[1] = max - x->len[0];
    if (!x->host[1]) {
        return scratch(c, la);
    }
    memcpy(x->bytes, first, x->len[0]);
    memcpy(x->bytes + x->len[0], x->host[1], x->len[1]);
    if (decode_ops(c, x->bytes, max, x->block->ops, 1, &nr, &bytes) != X86_DECODE_OK) {
        return scratch(c, la);
    }
    x->len[1] = bytes > x->len[0] ? bytes - x->len[0] : 0;
    x->la = la;
    x->mode = c->jmp_key;
    x->block->nr_ops = nr;
    return x->block;
}

/* The page becomes one with code: all vCPUs shall notice writes to it from now on. */
static CodePage *add_page(TcgCPU *c, uint64_t gpa)
{
    TcgShared *s = c->shared;
    CodePage *p = g_new0(CodePage, 1);
    unsigned f = filter_hash(gpa);

    p->gpa = gpa;
    g_hash_table_insert(s->pages, &p->gpa, p);
    __atomic_store_n(&s->filter[f], s->filter[f] + 1, __ATOMIC_SEQ_CST);
    p->seq = s->code_seq + 1;
    __atomic_store_n(&s->code_seq, p->seq, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < s->cpus->len; i++) {
        TcgCPU *other = s->cpus->pdata[i];

        if (other != c) {
            __atomic_store_n(&other->attention, 1, __ATOMIC_SEQ_CST);
        }
    }
    tcg_tlb_protect_code(c);
    return p;
}

/* Can nobody write to it unnoticed? */
static bool is_quiet(TcgCPU *c, CodePage *p)
{
    TcgShared *s = c->shared;

    for (unsigned i = 0; i < s->cpus->len && !p->quiet; i++) {
        const TcgCPU *other = s->cpus->pdata[i];

        if (other != c && !is_out(other) &&
            __atomic_load_n(&other->code_seq, __ATOMIC_SEQ_CST) < p->seq) {
            return false;
        }
    }
    p->quiet = true;
    return true;
}

static void publish(TcgCPU *c, CodePage *p, TcgBlock *b)
{
    TcgShared *s = c->shared;
    unsigned h = block_hash(b->gpa, b->mode);

    p->granules |= granule_mask(b->gpa, MAX(b->bytes, 1));
    p->idle = 0;
    b->page_next = p->blocks;
    p->blocks = b;
    b->next = s->hash[h];
    __atomic_store_n(&s->hash[h], b, __ATOMIC_RELEASE);
    g_ptr_array_add(s->all, b);
    s->bytes += sizeof(*b) + (b->nr_ops + 1) * sizeof(TcgOp);
}

static TcgBlock *lookup(TcgCPU *c, uint64_t gpa)
{
    TcgBlock *b = __atomic_load_n(&c->shared->hash[block_hash(gpa, c->mode)], __ATOMIC_ACQUIRE);

    while (b && (b->gpa != gpa || b->mode != c->mode || !b->valid)) {
        b = __atomic_load_n(&b->next, __ATOMIC_ACQUIRE);
    }
    return b;
}

/* NULL: the first instruction does not end in this page. */
static TcgBlock *build(TcgCPU *c, uint64_t gpa, const uint8_t *host)
{
    TcgOp ops[TCG_BLOCK_MAX_OPS + 1], with_runs[TCG_BLOCK_MAX_OPS * 3 / 2 + 1];
    unsigned len = 0x1000 - (gpa & 0xfff), nr, bytes;
    unsigned max = c->mode & TCG_MODE_SINGLE ? 1 : TCG_BLOCK_MAX_OPS;
    TcgBlock *b;

    if (!c->code64) {
        len = MIN(len, bytes_in_segment(c));
    }
    if (decode_ops(c, host, len, ops, max, &nr, &bytes) == X86_DECODE_MORE) {
        return NULL;
    }
    nr = tcg_add_runs(c, ops, nr, with_runs);
    b = g_malloc(sizeof(*b) + (nr + 1) * sizeof(TcgOp));
    *b = (TcgBlock){ .gpa = gpa, .mode = c->mode, .bytes = bytes, .nr_ops = nr, .valid = true,
                     .in_table = true };
    memcpy(b->ops, with_runs, (nr + 1) * sizeof(TcgOp));
    return b;
}

/* Makes the block at @gpa with the lock held; NULL: not now, or it crosses the page. */
static TcgBlock *make(TcgCPU *c, uint64_t gpa, const uint8_t *host)
{
    TcgShared *s = c->shared;
    TcgBlock *b = lookup(c, gpa);
    CodePage *p;

    if (b || is_full(s)) {
        return b;
    }
    p = page_at(s, gpa);
    if (!p) {
        p = add_page(c, gpa & TCG_PAGE_MASK);
    }
    if (is_quiet(c, p)) {
        b = build(c, gpa, host);
        if (b) {
            publish(c, p, b);
        }
    }
    return b;
}

static TcgBlock *find_slow(TcgCPU *c, uint64_t la)
{
    uint8_t *host;
    uint64_t gpa = tcg_fetch_page(c, la, &host);
    TcgBlock *b;

    if (!host) {
        return scratch(c, la);
    }
    bytes_in_segment(c);
    b = lookup(c, gpa);
    if (!b) {
        tcg_native_leave(c);
        g_mutex_lock(&c->shared->lock);
        check_epoch(c);
        b = make(c, gpa, host);
        g_mutex_unlock(&c->shared->lock);
        tcg_native_enter(c);
    }
    return b ? b : (la & 0xfff) > 0x1000 - 15 ? crossing(c, la, host) : scratch(c, la);
}

TcgBlock *tcg_block_find(TcgCPU *c)
{
    uint64_t la = tcg_linear_pc(c, c->rip);
    TcgJmp *j = tcg_jmp_entry(c, la);
    TcgCross *x;
    TcgBlock *b = j->block;

    if (likely(b && j->pc == la && j->mode == c->jmp_key &&
               __atomic_load_n(&b->valid, __ATOMIC_ACQUIRE))) {
        return b;
    }
    x = &c->cross[(la >> 4) % TCG_NR_CROSS];
    if (cross_is_true(c, x, la)) {
        return x->block;
    }
    b = find_slow(c, la);
    if (b->in_table) {
        jmp_remember(c, la, b);
    }
    return b;
}
