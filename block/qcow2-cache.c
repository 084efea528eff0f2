/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: L2 tables and refcount blocks in memory, bounded, and the order in which they reach the
 * disk. Qcow2State.lock is held. */
#include "qemu/osdep.h"
#include "block/qcow2.h"

static void table_free(gpointer data)
{
    Qcow2Table *t = data;

    g_free(t->data);
    g_free(t);
}

void qcow2_cache_init(Qcow2Cache *c, unsigned max)
{
    c->by_offset = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, table_free);
    c->max = MAX(max, 2);
    c->nr_dirty = 0;
}

void qcow2_cache_clear(Qcow2Cache *c)
{
    g_hash_table_remove_all(c->by_offset);
    c->nr_dirty = 0;
}

void qcow2_cache_dirty(Qcow2Cache *c, Qcow2Table *t)
{
    c->nr_dirty += !t->dirty;
    t->dirty = true;
}

void qcow2_cache_forget(Qcow2Cache *c, uint64_t offset)
{
    Qcow2Table *t = g_hash_table_lookup(c->by_offset, &offset);

    if (t) {
        c->nr_dirty -= t->dirty;
        g_hash_table_remove(c->by_offset, &offset);
    }
}

static int compare_offsets(gconstpointer a, gconstpointer b)
{
    const Qcow2Table *x = *(Qcow2Table *const *)a, *y = *(Qcow2Table *const *)b;

    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

int qcow2_cache_write(Qcow2State *s, Qcow2Cache *c)
{
    g_autoptr(GPtrArray) dirty = NULL;
    GHashTableIter it;
    gpointer value;

    if (!c->nr_dirty) {
        return 0;
    }
    if (s->corrupt) {
        return -EIO;
    }
    dirty = g_ptr_array_new();
    g_hash_table_iter_init(&it, c->by_offset);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        if (((Qcow2Table *)value)->dirty) {
            g_ptr_array_add(dirty, value);
        }
    }
    g_ptr_array_sort(dirty, compare_offsets);
    for (guint i = 0; i < dirty->len; i++) {
        Qcow2Table *t = g_ptr_array_index(dirty, i);
        int ret = bdrv_pwrite(s->bs->file->bs, (int64_t)t->offset, t->data, s->cluster_size, 0);

        if (ret < 0) {
            return ret;
        }
        t->dirty = false;
        c->nr_dirty--;
    }
    return 0;
}

static int sync_file(Qcow2State *s)
{
    return bdrv_flush(s->bs->file->bs);
}

static int write_l1(Qcow2State *s)
{
    g_autofree uint8_t *buf = g_malloc((size_t)s->l1_size * 8);
    int ret;

    for (uint32_t i = 0; i < s->l1_size; i++) {
        put_be64(buf + (size_t)i * 8, s->l1[i]);
    }
    ret = bdrv_pwrite(s->bs->file->bs, (int64_t)s->l1_offset, buf, (size_t)s->l1_size * 8, 0);
    s->l1_dirty = s->l1_dirty && ret < 0;
    return ret;
}

int qcow2_write_metadata(Qcow2State *s)
{
    int ret = s->dirty_set ? 0 : qcow2_cache_write(s, &s->ref_cache);

    if (ret == 0 && (s->l2_cache.nr_dirty || s->l1_dirty)) {
        ret = sync_file(s);
    }
    if (ret == 0) {
        ret = qcow2_cache_write(s, &s->l2_cache);
    }
    if (ret == 0 && s->l1_dirty) {
        ret = sync_file(s);
        ret = ret ? ret : write_l1(s);
    }
    return ret;
}

int qcow2_flush_locked(Qcow2State *s)
{
    int ret = s->writable && !s->corrupt ? qcow2_write_metadata(s) : 0;

    if (ret == 0) {
        ret = sync_file(s);
    }
    if (ret == 0 && s->writable && !s->corrupt) {
        ret = qcow2_apply_pending(s);
    }
    return ret;
}

/* Makes room for one more. */
static int evict(Qcow2State *s, Qcow2Cache *c)
{
    Qcow2Table *oldest = NULL;
    GHashTableIter it;
    gpointer value;
    int ret;

    if (g_hash_table_size(c->by_offset) < c->max) {
        return 0;
    }
    g_hash_table_iter_init(&it, c->by_offset);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        Qcow2Table *t = value;

        if (!oldest || t->used < oldest->used) {
            oldest = t;
        }
    }
    if (oldest->dirty) {
        ret = c == &s->l2_cache ? qcow2_write_metadata(s) : qcow2_cache_write(s, c);
        if (ret < 0) {
            return ret;
        }
    }
    g_hash_table_remove(c->by_offset, &oldest->offset);
    return 0;
}

static Qcow2Table *insert(Qcow2State *s, Qcow2Cache *c, uint64_t offset, int *ret)
{
    Qcow2Table *t;

    *ret = evict(s, c);
    if (*ret < 0) {
        return NULL;
    }
    t = g_new0(Qcow2Table, 1);
    t->offset = offset;
    t->used = ++c->clock;
    t->data = g_malloc0(s->cluster_size);
    g_hash_table_insert(c->by_offset, &t->offset, t);
    return t;
}

Qcow2Table *qcow2_cache_get(Qcow2State *s, Qcow2Cache *c, uint64_t offset, int *ret)
{
    Qcow2Table *t = g_hash_table_lookup(c->by_offset, &offset);

    *ret = 0;
    if (t) {
        t->used = ++c->clock;
        return t;
    }
    t = insert(s, c, offset, ret);
    if (!t) {
        return NULL;
    }
    *ret = bdrv_pread(s->bs->file->bs, (int64_t)offset, t->data, s->cluster_size);
    if (*ret < 0) {
        g_hash_table_remove(c->by_offset, &offset);
        return NULL;
    }
    return t;
}

Qcow2Table *qcow2_cache_new(Qcow2State *s, Qcow2Cache *c, uint64_t offset, int *ret)
{
    Qcow2Table *t;

    qcow2_cache_forget(c, offset);
    t = insert(s, c, offset, ret);
    if (t) {
        qcow2_cache_dirty(c, t);
    }
    return t;
}
