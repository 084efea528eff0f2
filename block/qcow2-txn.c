/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: changes that touch many tables at once. While a transaction runs, every refcount block is
 * moved to a new cluster before its first change, and the refcount table in memory points to the
 * new ones; clusters are only taken that were free before. Commit writes it all beside the old
 * tables and then the header, in one sector: a crash leaves the old image or the new one.
 * Qcow2State.lock is held throughout.
 */
#include "qemu/osdep.h"
#include "block/qcow2.h"

int qcow2_txn_begin(Qcow2State *s)
{
    Qcow2Txn *txn;
    int ret = qcow2_cache_write(s, &s->ref_cache);

    if (ret < 0) {
        return ret;
    }
    txn = g_new0(Qcow2Txn, 1);
    txn->old_reftable = g_memdup2(s->reftable, (gsize)s->reftable_entries * 8);
    txn->old_entries = s->reftable_entries;
    txn->old_clusters = s->reftable_clusters;
    txn->old_reftable_offset = s->reftable_offset;
    txn->shadowed = g_hash_table_new(NULL, NULL);
    txn->old_block = g_malloc(s->cluster_size);
    txn->old_block_index = UINT64_MAX;
    txn->saved_free_index = s->free_index;
    txn->cursor = s->free_index;
    s->txn = txn;
    return 0;
}

static void txn_free(Qcow2State *s)
{
    Qcow2Txn *txn = g_steal_pointer(&s->txn);

    g_hash_table_destroy(txn->shadowed);
    g_free(txn->old_block);
    g_free(txn->old_reftable);
    g_free(txn);
}

int qcow2_txn_was_used(Qcow2State *s, uint64_t cluster, bool *used)
{
    Qcow2Txn *txn = s->txn;
    uint64_t index = cluster / s->refs_per_block;
    uint64_t offset = index < txn->old_entries ? txn->old_reftable[index] : 0;

    *used = false;
    if (!offset || !g_hash_table_contains(txn->shadowed, GSIZE_TO_POINTER(index + 1))) {
        return 0; /* nothing was there, or it has not changed */
    }
    if (txn->old_block_index != index) {
        int ret = bdrv_pread(s->bs->file->bs, (int64_t)offset, txn->old_block, s->cluster_size);

        txn->old_block_index = ret < 0 ? UINT64_MAX : index;
        if (ret < 0) {
            return ret;
        }
    }
    *used = qcow2_ref_get(s, txn->old_block, cluster % s->refs_per_block) != 0;
    return 0;
}

/* A free cluster, found without changing any count. */
static int peek_free(Qcow2State *s, uint64_t *cluster)
{
    for (*cluster = s->txn->cursor;; (*cluster)++) {
        uint64_t index = *cluster / s->refs_per_block, count;
        bool used;
        int ret;

        if (index >= s->reftable_entries || !s->reftable[index]) {
            return -ENOENT;
        }
        ret = qcow2_get_refcount(s, *cluster, &count);
        ret = ret ? ret : qcow2_txn_was_used(s, *cluster, &used);
        if (ret == 0 && !count && !used) {
            s->txn->cursor = *cluster + 1; /* taken, although not counted yet */
        }
        if (ret < 0 || (!count && !used)) {
            return ret;
        }
    }
}

/* Moves block @index to @cluster, which may be one it counts itself. */
static int move_block(Qcow2State *s, uint64_t index, uint64_t cluster)
{
    uint64_t old = s->reftable[index], offset = cluster << s->cluster_bits;
    g_autofree uint8_t *data = NULL;
    Qcow2Table *t;
    int ret;

    if (qcow2_overlaps(s, offset, s->cluster_size)) {
        return qcow2_corrupt(s, offset, "metadata at %#" PRIx64 " has no reference count", offset);
    }
    t = qcow2_cache_get(s, &s->ref_cache, old, &ret);
    if (!t) {
        return ret;
    }
    data = g_memdup2(t->data, s->cluster_size);
    t = qcow2_cache_new(s, &s->ref_cache, offset, &ret);
    if (!t) {
        return ret;
    }
    memcpy(t->data, data, s->cluster_size);
    s->reftable[index] = offset;
    g_hash_table_add(s->txn->shadowed, GSIZE_TO_POINTER(index + 1));
    qcow2_note_metadata(s, offset, true);
    return 0;
}

int qcow2_txn_shadow(Qcow2State *s, uint64_t index)
{
    uint64_t cluster, old;
    int ret;

    if (index >= s->reftable_entries || !s->reftable[index] ||
        g_hash_table_contains(s->txn->shadowed, GSIZE_TO_POINTER(index + 1))) {
        return 0;
    }
    old = s->reftable[index] >> s->cluster_bits;
    ret = peek_free(s, &cluster);
    if (ret == -ENOENT) {
        uint64_t offset;

        /* Make a block; then there is a free cluster, or the block has been moved already. */
        ret = qcow2_alloc_exactly(s, 1, &offset);
        if (ret < 0) {
            return ret;
        }
        cluster = offset >> s->cluster_bits;
        if (g_hash_table_contains(s->txn->shadowed, GSIZE_TO_POINTER(index + 1))) {
            return qcow2_change_refcount(s, cluster, -1);
        }
        ret = move_block(s, index, cluster);
    } else if (ret == 0) {
        ret = move_block(s, index, cluster);
        ret = ret ? ret : qcow2_change_refcount(s, cluster, 1);
    }
    /* The old block's cluster is free in the new tables (and was in use, so not taken now). */
    return ret ? ret : qcow2_change_refcount(s, old, -1);
}

/* Writes the refcount table to a new place. */
static int write_reftable(Qcow2State *s)
{
    uint64_t clusters = DIV_ROUND_UP((uint64_t)s->reftable_entries * 8, s->cluster_size), offset;
    g_autofree uint8_t *buf = NULL;
    int ret = qcow2_alloc_exactly(s, clusters, &offset);

    if (ret < 0) {
        return ret;
    }
    if (DIV_ROUND_UP((uint64_t)s->reftable_entries * 8, s->cluster_size) != clusters) {
        return -EFBIG; /* the allocation itself made it larger; cannot happen with slack left */
    }
    for (uint32_t i = 0; i < s->txn->old_clusters && ret == 0; i++) {
        ret = qcow2_change_refcount(
            s, (s->txn->old_reftable_offset >> s->cluster_bits) + i, -1);
    }
    if (ret < 0) {
        return ret;
    }
    buf = g_malloc0(clusters << s->cluster_bits);
    for (uint32_t i = 0; i < s->reftable_entries; i++) {
        put_be64(buf + (size_t)i * 8, s->reftable[i]);
    }
    ret = qcow2_cache_write(s, &s->ref_cache);
    ret = ret ? ret : bdrv_pwrite(s->bs->file->bs, (int64_t)offset, buf,
                                  clusters << s->cluster_bits, 0);
    s->reftable_offset = offset;
    s->reftable_clusters = (uint32_t)clusters;
    return ret;
}

int qcow2_txn_commit(Qcow2State *s)
{
    Qcow2Txn *txn = s->txn;
    int ret = write_reftable(s);

    if (ret == 0) {
        ret = bdrv_flush(s->bs->file->bs);
    }
    if (ret < 0) {
        return ret;
    }
    put_be64(s->header + QH_REFTABLE_OFFSET, s->reftable_offset);
    put_be32(s->header + QH_REFTABLE_CLUSTERS, s->reftable_clusters);
    ret = qcow2_write_header(s);
    if (ret < 0) {
        return ret;
    }
    for (uint32_t i = 0; i < txn->old_entries; i++) {
        if (txn->old_reftable[i] != s->reftable[i]) {
            qcow2_note_metadata(s, txn->old_reftable[i], false);
            qcow2_cache_forget(&s->ref_cache, txn->old_reftable[i]);
        }
    }
    s->free_index = 0; /* what the transaction gave up lies anywhere */
    txn_free(s);
    if (bdrv_flush(s->bs->file->bs) < 0) {
        s->corrupt = true; /* old tables may still be the valid ones: nothing may be overwritten */
    }
    return 0;
}

void qcow2_txn_abort(Qcow2State *s)
{
    Qcow2Txn *txn = s->txn;

    qcow2_cache_clear(&s->ref_cache);
    for (uint32_t i = 0; i < s->reftable_entries; i++) {
        uint64_t old = i < txn->old_entries ? txn->old_reftable[i] : 0;

        if (s->reftable[i] != old) {
            qcow2_note_metadata(s, s->reftable[i], false);
        }
    }
    g_free(s->reftable);
    s->reftable = g_steal_pointer(&txn->old_reftable);
    s->reftable_entries = txn->old_entries;
    s->reftable_clusters = txn->old_clusters;
    s->reftable_offset = txn->old_reftable_offset;
    put_be64(s->header + QH_REFTABLE_OFFSET, s->reftable_offset);
    put_be32(s->header + QH_REFTABLE_CLUSTERS, s->reftable_clusters);
    s->free_index = txn->saved_free_index;
    txn_free(s);
}
