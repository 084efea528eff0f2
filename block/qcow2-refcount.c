/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: reference counts and allocation. Qcow2State.lock is held. */
#include "qemu/osdep.h"
#include "block/qcow2.h"

uint64_t qcow2_ref_get(const Qcow2State *s, const uint8_t *block, uint64_t index)
{
    unsigned bits = 1u << s->refcount_order;

    switch (s->refcount_order) {
    case 3:
        return block[index];
    case 4:
        return be16(block + index * 2);
    case 5:
        return be32(block + index * 4);
    case 6:
        return be64(block + index * 8);
    default:
        return (block[index * bits / 8] >> (index * bits % 8)) & ((1u << bits) - 1);
    }
}

void qcow2_ref_set(const Qcow2State *s, uint8_t *block, uint64_t index, uint64_t value)
{
    unsigned bits = 1u << s->refcount_order, shift = index * bits % 8;
    uint8_t *byte = block + index * bits / 8;

    switch (s->refcount_order) {
    case 3:
        *byte = (uint8_t)value;
        break;
    case 4:
        put_be16(byte, (uint16_t)value);
        break;
    case 5:
        put_be32(byte, (uint32_t)value);
        break;
    case 6:
        put_be64(byte, value);
        break;
    default:
        *byte = (uint8_t)((*byte & ~(((1u << bits) - 1) << shift)) | (value << shift));
        break;
    }
}

static uint64_t max_refcount(const Qcow2State *s)
{
    return s->refcount_order == 6 ? UINT64_MAX : (1ull << (1u << s->refcount_order)) - 1;
}

/* The refcount block of @index, NULL with *ret 0 where there is none. */
static Qcow2Table *get_block(Qcow2State *s, uint64_t index, int *ret)
{
    uint64_t entry = index < s->reftable_entries ? s->reftable[index] : 0;

    *ret = 0;
    if (!entry) {
        return NULL;
    }
    if (entry & (s->cluster_size - 1) || entry >= QCOW2_MAX_OFFSET) {
        *ret = qcow2_corrupt(s, entry, "Refblock offset %#" PRIx64 " unaligned (reftable index: %#"
                             PRIx64 ")", entry, index);
        return NULL;
    }
    return qcow2_cache_get(s, &s->ref_cache, entry, ret);
}

int qcow2_get_refcount(Qcow2State *s, uint64_t cluster, uint64_t *count)
{
    int ret;
    Qcow2Table *t = get_block(s, cluster / s->refs_per_block, &ret);

    *count = t ? qcow2_ref_get(s, t->data, cluster % s->refs_per_block) : 0;
    return ret;
}

/* A dirty image may have any count; write it down before the first one is wrong on disk. */
static int before_change(Qcow2State *s, uint64_t index)
{
    if (s->txn) {
        return qcow2_txn_shadow(s, index);
    }
    return s->lazy && !s->dirty_set ? qcow2_set_dirty_bit(s, true) : 0;
}

int qcow2_change_refcount(Qcow2State *s, uint64_t cluster, int add)
{
    uint64_t index = cluster / s->refs_per_block, slot = cluster % s->refs_per_block, count;
    int ret = before_change(s, index);
    Qcow2Table *t = ret == 0 ? get_block(s, index, &ret) : NULL;

    if (ret < 0) {
        return ret;
    }
    count = t ? qcow2_ref_get(s, t->data, slot) : 0;
    if (!t || (add < 0 && !count)) {
        return qcow2_corrupt(s, cluster << s->cluster_bits,
                             "cluster %#" PRIx64 " is in use but has no references",
                             cluster << s->cluster_bits);
    }
    if (add > 0 && count == max_refcount(s)) {
        return -ERANGE;
    }
    qcow2_ref_set(s, t->data, slot, add > 0 ? count + 1 : count - 1);
    qcow2_cache_dirty(&s->ref_cache, t);
    if (add < 0 && count == 1) {
        s->free_index = MIN(s->free_index, cluster);
    }
    return 0;
}

/* --- Allocation --- */

/* More entries for the refcount table. */
static int grow_reftable(Qcow2State *s, uint64_t entries)
{
    uint64_t per_cluster = s->cluster_size / 8;
    uint64_t wanted = ROUND_UP(MAX(entries, s->reftable_entries + s->reftable_entries / 2),
                               per_cluster);
    bool own_txn = !s->txn;
    int ret = 0;

    if (wanted * 8 > QCOW2_MAX_REFTABLE) {
        return -EFBIG;
    }
    if (own_txn) {
        ret = qcow2_txn_begin(s);
        if (ret < 0) {
            return ret;
        }
    }
    s->reftable = g_renew(uint64_t, s->reftable, wanted);
    memset(s->reftable + s->reftable_entries, 0, (wanted - s->reftable_entries) * 8);
    s->reftable_entries = (uint32_t)wanted;
    if (own_txn) {
        ret = qcow2_txn_commit(s);
        if (ret < 0) {
            qcow2_txn_abort(s);
        }
    }
    return ret;
}

/* Writes one refcount table entry, after its block. */
static int write_reftable_entry(Qcow2State *s, uint64_t index)
{
    uint8_t buf[8];
    int ret = bdrv_flush(s->bs->file->bs);

    put_be64(buf, s->reftable[index]);
    return ret ? ret
               : bdrv_pwrite(s->bs->file->bs, (int64_t)(s->reftable_offset + index * 8), buf, 8, 0);
}

/* A block for a part of the image that has none: nothing there is in use, so it takes the first
 * cluster that it counts itself. */
static int add_block(Qcow2State *s, uint64_t index)
{
    uint64_t offset = index * s->refs_per_block << s->cluster_bits;
    Qcow2Table *t;
    int ret;

    if (offset >= QCOW2_MAX_OFFSET) {
        return -EFBIG;
    }
    if (index >= s->reftable_entries) {
        ret = grow_reftable(s, index + 1);
        if (ret < 0 || s->reftable[index]) {
            return ret;
        }
    }
    if (qcow2_overlaps(s, offset, s->cluster_size)) {
        return qcow2_corrupt(s, offset, "metadata at %#" PRIx64 " has no reference count", offset);
    }
    t = qcow2_cache_new(s, &s->ref_cache, offset, &ret);
    if (!t) {
        return ret;
    }
    qcow2_ref_set(s, t->data, 0, 1);
    s->reftable[index] = offset;
    if (s->txn) {
        g_hash_table_add(s->txn->shadowed, GSIZE_TO_POINTER(index + 1));
    } else {
        ret = qcow2_cache_write(s, &s->ref_cache);
        ret = ret ? ret : write_reftable_entry(s, index);
        if (ret < 0) {
            s->reftable[index] = 0;
            qcow2_cache_forget(&s->ref_cache, offset);
            return ret;
        }
    }
    qcow2_note_metadata(s, offset, true);
    return 0;
}

/* *free: whether @cluster can be taken. May add a block. */
static int is_free(Qcow2State *s, uint64_t cluster, bool *free)
{
    uint64_t index = cluster / s->refs_per_block;
    bool used = false;
    Qcow2Table *t;
    int ret = 0;

    while (index >= s->reftable_entries || !s->reftable[index]) {
        ret = add_block(s, index);
        if (ret < 0) {
            return ret;
        }
    }
    t = get_block(s, index, &ret);
    if (!t) {
        return ret;
    }
    *free = qcow2_ref_get(s, t->data, cluster % s->refs_per_block) == 0;
    if (*free && s->txn) {
        ret = qcow2_txn_was_used(s, cluster, &used);
        *free = !used;
    }
    return ret;
}

static int find_free(Qcow2State *s, uint64_t want, bool exactly, uint64_t *first, uint64_t *got)
{
    uint64_t *hint = s->txn ? &s->txn->cursor : &s->free_index;
    uint64_t cluster = *hint, run = 0;
    bool skipped = false;

    for (;; cluster++) {
        bool free = false;
        int ret = is_free(s, cluster, &free);

        if (ret < 0) {
            return ret;
        }
        if (free) {
            run++;
        } else if (run && !exactly) {
            cluster--;
            break;
        } else {
            skipped = skipped || run;
            run = 0;
        }
        if (run == want) {
            break;
        }
    }
    *first = cluster + 1 - run;
    *got = run;
    if (!skipped || s->txn) { /* taking these may need places for refcount blocks: not here */
        *hint = cluster + 1;
    }
    return 0;
}

static int take(Qcow2State *s, uint64_t first, uint64_t count)
{
    if (first + count > QCOW2_MAX_OFFSET >> s->cluster_bits) {
        return -EFBIG;
    }
    if (qcow2_overlaps(s, first << s->cluster_bits, count << s->cluster_bits)) {
        return qcow2_corrupt(s, first << s->cluster_bits,
                             "metadata at %#" PRIx64 " has no reference count",
                             first << s->cluster_bits);
    }
    for (uint64_t i = 0; i < count; i++) {
        int ret = qcow2_change_refcount(s, first + i, 1);

        if (ret < 0) {
            qcow2_free_now(s, first << s->cluster_bits, i);
            return ret;
        }
    }
    return 0;
}

static int alloc(Qcow2State *s, uint64_t want, bool exactly, uint64_t *offset, uint64_t *got)
{
    uint64_t first;
    int ret = s->corrupt || !s->writable ? -EIO : find_free(s, want, exactly, &first, got);

    if (ret == 0) {
        ret = take(s, first, *got);
    }
    if (ret == 0) {
        *offset = first << s->cluster_bits;
    }
    return ret;
}

int qcow2_alloc(Qcow2State *s, uint64_t want, uint64_t *offset, uint64_t *got)
{
    return alloc(s, want, false, offset, got);
}

int qcow2_alloc_exactly(Qcow2State *s, uint64_t count, uint64_t *offset)
{
    uint64_t got;

    /* A new refcount block takes the first cluster that it counts: longer runs never come about.
     * TODO: put blocks elsewhere; it matters for large disks with clusters below 4 KiB. */
    return count < s->refs_per_block ? alloc(s, count, true, offset, &got) : -EFBIG;
}

void qcow2_free_now(Qcow2State *s, uint64_t offset, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (qcow2_change_refcount(s, (offset >> s->cluster_bits) + i, -1) < 0) {
            return; /* leaked */
        }
    }
}

void qcow2_free_later(Qcow2State *s, uint64_t offset, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t cluster = (offset >> s->cluster_bits) + i;

        g_array_append_val(s->pending, cluster);
    }
}

/* A cluster that nobody uses: its space goes back to the host where discards do. */
static void discard_cluster(Qcow2State *s, uint64_t cluster)
{
    uint64_t count;

    if (s->bs->discard == BLOCKDEV_DISCARD_OPTIONS_UNMAP &&
        qcow2_get_refcount(s, cluster, &count) == 0 && count == 0) {
        bdrv_pdiscard(s->bs->file->bs, (int64_t)(cluster << s->cluster_bits),
                      (int64_t)s->cluster_size);
    }
}

int qcow2_apply_pending(Qcow2State *s)
{
    int ret = 0;

    for (guint i = 0; i < s->pending->len && ret == 0; i++) {
        uint64_t cluster = g_array_index(s->pending, uint64_t, i);

        ret = qcow2_change_refcount(s, cluster, -1);
        if (ret == 0) {
            discard_cluster(s, cluster);
        }
    }
    g_array_set_size(s->pending, 0); /* after an error the rest is leaked */
    return ret;
}
