/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2: an image whose dirty bit is set may have any reference counts. They are counted anew from
 * the L1 tables and written to new places at the end of the file; the header then switches to them
 * and clears the bit. Runs while the image is opened.
 */
#include "qemu/osdep.h"
#include "block/qcow2.h"

#define CHUNK      1024u /* counts in a piece */
#define MAX_CHUNKS 65536u

/* Counts of all clusters, sparse. */
typedef struct Counts {
    GHashTable *chunks; /* cluster / CHUNK + 1 -> uint32_t[CHUNK] */
    uint64_t end;       /* one more than the highest cluster in use */
} Counts;

static int add_count(const Qcow2State *s, Counts *c, uint64_t offset, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t cluster = (offset >> s->cluster_bits) + i;
        gpointer key = GSIZE_TO_POINTER(cluster / CHUNK + 1);
        uint32_t *chunk = g_hash_table_lookup(c->chunks, key);

        if (!chunk) {
            if (g_hash_table_size(c->chunks) >= MAX_CHUNKS) {
                return -EFBIG;
            }
            chunk = g_new0(uint32_t, CHUNK);
            g_hash_table_insert(c->chunks, key, chunk);
        }
        if (++chunk[cluster % CHUNK] == UINT32_MAX) {
            return -ERANGE;
        }
        c->end = MAX(c->end, cluster + 1);
    }
    return 0;
}

static uint32_t get_count(const Counts *c, uint64_t cluster)
{
    const uint32_t *chunk =
        g_hash_table_lookup(c->chunks, GSIZE_TO_POINTER(cluster / CHUNK + 1));

    return chunk ? chunk[cluster % CHUNK] : 0;
}

static int read_l2(Qcow2State *s, uint64_t offset, uint8_t *l2)
{
    if (offset & (s->cluster_size - 1)) {
        return -EIO;
    }
    return bdrv_pread(s->bs->file->bs, (int64_t)offset, l2, s->cluster_size);
}

static int count_tree(Qcow2State *s, Counts *c, const uint64_t *l1, uint64_t entries)
{
    g_autofree uint8_t *l2 = g_malloc(s->cluster_size);
    int ret = 0;

    for (uint64_t i = 0; i < entries && ret == 0; i++) {
        uint64_t table = l1[i] & QCOW2_OFFSET_MASK;

        if (!table) {
            continue;
        }
        ret = read_l2(s, table, l2);
        ret = ret ? ret : add_count(s, c, table, 1);
        for (uint64_t j = 0; j < s->l2_entries && ret == 0; j++) {
            uint64_t offset, count;

            ret = qcow2_entry_clusters(s, be64(l2 + j * 8), &offset, &count)
                      ? add_count(s, c, offset, count) : -EIO;
        }
    }
    return ret;
}

static int count_snapshot(Qcow2State *s, Counts *c, const Qcow2Snapshot *sn)
{
    uint64_t bytes = (uint64_t)sn->l1_size * 8;
    g_autofree uint64_t *l1 = NULL;
    int ret;

    if (bytes > QCOW2_MAX_L1_BYTES || sn->l1_offset & (s->cluster_size - 1) ||
        sn->l1_offset + bytes > (uint64_t)bdrv_length(s->bs->file->bs)) {
        return -EIO;
    }
    l1 = g_malloc(MAX(bytes, 8));
    ret = bdrv_pread(s->bs->file->bs, (int64_t)sn->l1_offset, l1, bytes);
    for (uint32_t i = 0; i < sn->l1_size; i++) {
        l1[i] = GUINT64_FROM_BE(l1[i]);
    }
    ret = ret ? ret : add_count(s, c, sn->l1_offset, DIV_ROUND_UP(bytes, s->cluster_size));
    return ret ? ret : count_tree(s, c, l1, sn->l1_size);
}

static int count_all(Qcow2State *s, Counts *c)
{
    int ret = add_count(s, c, 0, 1);

    ret = ret ? ret : add_count(s, c, s->l1_offset,
                                DIV_ROUND_UP((uint64_t)s->l1_size * 8, s->cluster_size));
    ret = ret ? ret : count_tree(s, c, s->l1, s->l1_size);
    ret = ret ? ret : add_count(s, c, s->snapshots_offset,
                                DIV_ROUND_UP(s->snapshots_bytes, s->cluster_size));
    for (guint i = 0; i < s->snapshots->len && ret == 0; i++) {
        ret = count_snapshot(s, c, g_ptr_array_index(s->snapshots, i));
    }
    return ret;
}

static uint64_t with_mark(const Qcow2State *s, const Counts *c, uint64_t entry)
{
    uint64_t offset = entry & QCOW2_OFFSET_MASK;

    if (entry & QCOW2_COMPRESSED || !offset) {
        return entry;
    }
    return get_count(c, offset >> s->cluster_bits) == 1 ? entry | QCOW2_COPIED
                                                        : entry & ~QCOW2_COPIED;
}

/* COPIED marks of the active tables, in place: the dirty bit still stands. */
static int fix_marks(Qcow2State *s, const Counts *c)
{
    g_autofree uint8_t *l2 = g_malloc(s->cluster_size);
    int ret = 0;

    for (uint32_t i = 0; i < s->l1_size && ret == 0; i++) {
        uint64_t table = s->l1[i] & QCOW2_OFFSET_MASK;
        bool changed = false;

        if (!table) {
            continue;
        }
        s->l1_dirty = s->l1_dirty || with_mark(s, c, s->l1[i]) != s->l1[i];
        s->l1[i] = with_mark(s, c, s->l1[i]);
        ret = read_l2(s, table, l2);
        for (uint64_t j = 0; j < s->l2_entries && ret == 0; j++) {
            uint64_t entry = be64(l2 + j * 8), marked = with_mark(s, c, entry);

            changed = changed || marked != entry;
            put_be64(l2 + j * 8, marked);
        }
        if (ret == 0 && changed) {
            ret = bdrv_pwrite(s->bs->file->bs, (int64_t)table, l2, s->cluster_size, 0);
        }
    }
    return ret;
}

/* Where the new tables go: blocks from cluster .first on, then the table. */
typedef struct Layout {
    uint64_t first, blocks, table_clusters, end;
    GArray *indices; /* uint64_t: numbers of the refcount blocks that are needed */
} Layout;

static int compare_u64(gconstpointer a, gconstpointer b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void needed_blocks(const Qcow2State *s, const Counts *c, Layout *l)
{
    GHashTable *set = g_hash_table_new(NULL, NULL);
    GHashTableIter it;
    gpointer key;

    g_hash_table_iter_init(&it, c->chunks);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        uint64_t start = (GPOINTER_TO_SIZE(key) - 1) * CHUNK;

        for (uint64_t n = start / s->refs_per_block; n <= (start + CHUNK - 1) / s->refs_per_block;
             n++) {
            g_hash_table_add(set, GSIZE_TO_POINTER(n + 1));
        }
    }
    for (uint64_t n = l->first / s->refs_per_block; n <= (l->end - 1) / s->refs_per_block; n++) {
        g_hash_table_add(set, GSIZE_TO_POINTER(n + 1));
    }
    g_array_set_size(l->indices, 0);
    g_hash_table_iter_init(&it, set);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        uint64_t n = GPOINTER_TO_SIZE(key) - 1;

        g_array_append_val(l->indices, n);
    }
    g_array_sort(l->indices, compare_u64);
    g_hash_table_destroy(set);
}

static int choose_layout(const Qcow2State *s, const Counts *c, Layout *l)
{
    uint64_t length = (uint64_t)bdrv_length(s->bs->file->bs), old_end;

    l->first = MAX(c->end, DIV_ROUND_UP(length, s->cluster_size));
    l->end = l->first + 1;
    do { /* the tables need counts too, which may need more tables */
        old_end = l->end;
        needed_blocks(s, c, l);
        l->blocks = l->indices->len;
        l->table_clusters = DIV_ROUND_UP(
            (g_array_index(l->indices, uint64_t, l->blocks - 1) + 1) * 8, s->cluster_size);
        if (l->table_clusters << s->cluster_bits > QCOW2_MAX_REFTABLE) {
            return -EFBIG;
        }
        l->end = MAX(old_end, l->first + l->blocks + l->table_clusters);
    } while (l->end != old_end);
    return l->end > QCOW2_MAX_OFFSET >> s->cluster_bits ? -EFBIG : 0;
}

static int write_block(Qcow2State *s, const Counts *c, const Layout *l, uint64_t i, uint8_t *buf)
{
    uint64_t start = g_array_index(l->indices, uint64_t, i) * s->refs_per_block;
    uint64_t max = s->refcount_order >= 5 ? UINT32_MAX : (1ull << (1u << s->refcount_order)) - 1;

    memset(buf, 0, s->cluster_size);
    for (uint64_t j = 0; j < s->refs_per_block; j++) {
        uint64_t cluster = start + j;
        bool ours = cluster >= l->first && cluster < l->first + l->blocks + l->table_clusters;
        uint64_t count = ours ? 1 : get_count(c, cluster);

        if (count > max) {
            return -ERANGE;
        }
        qcow2_ref_set(s, buf, j, count);
    }
    return bdrv_pwrite(s->bs->file->bs, (int64_t)((l->first + i) << s->cluster_bits), buf,
                       s->cluster_size, 0);
}

/* Writes the new counts and switches to them. */
static int write_counts(Qcow2State *s, const Counts *c, const Layout *l)
{
    uint64_t entries = (l->table_clusters << s->cluster_bits) / 8;
    uint64_t *table = g_new0(uint64_t, entries);
    g_autofree uint8_t *buf = g_malloc(MAX(s->cluster_size, entries * 8));
    uint64_t table_offset = (l->first + l->blocks) << s->cluster_bits;
    int ret = 0;

    for (uint64_t i = 0; i < l->blocks && ret == 0; i++) {
        table[g_array_index(l->indices, uint64_t, i)] = (l->first + i) << s->cluster_bits;
        ret = write_block(s, c, l, i, buf);
    }
    for (uint64_t i = 0; i < entries; i++) {
        put_be64(buf + i * 8, table[i]);
    }
    ret = ret ? ret : bdrv_pwrite(s->bs->file->bs, (int64_t)table_offset, buf, entries * 8, 0);
    ret = ret ? ret : qcow2_write_metadata(s); /* L1 marks */
    ret = ret ? ret : bdrv_flush(s->bs->file->bs);
    put_be64(s->header + QH_REFTABLE_OFFSET, table_offset);
    put_be32(s->header + QH_REFTABLE_CLUSTERS, (uint32_t)l->table_clusters);
    ret = ret ? ret : qcow2_set_dirty_bit(s, false);
    if (ret < 0) {
        g_free(table);
        return ret;
    }
    for (uint32_t i = 0; i < s->reftable_entries; i++) {
        if (s->reftable[i]) {
            qcow2_note_metadata(s, s->reftable[i], false);
        }
    }
    for (uint64_t i = 0; i < l->blocks; i++) {
        qcow2_note_metadata(s, (l->first + i) << s->cluster_bits, true);
    }
    g_free(s->reftable);
    s->reftable = table;
    s->reftable_entries = (uint32_t)entries;
    s->reftable_clusters = (uint32_t)l->table_clusters;
    s->reftable_offset = table_offset;
    return 0;
}

bool qcow2_repair(Qcow2State *s, Error **errp)
{
    Counts c = { .chunks = g_hash_table_new_full(NULL, NULL, NULL, g_free) };
    Layout l = { .indices = g_array_new(FALSE, FALSE, sizeof(uint64_t)) };
    int ret = count_all(s, &c);

    ret = ret ? ret : fix_marks(s, &c);
    ret = ret ? ret : choose_layout(s, &c, &l);
    ret = ret ? ret : write_counts(s, &c, &l);
    g_hash_table_destroy(c.chunks);
    g_array_free(l.indices, TRUE);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not repair dirty image '%s'", s->bs->filename);
        error_append_hint(errp, "try qemu-img check -r all\n");
    }
    return ret == 0;
}
