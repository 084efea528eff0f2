/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: from guest offsets to host clusters; reading, writing, zeroing, discarding. */
#include "qemu/osdep.h"
#include "block/qcow2.h"

/* --- Order of requests --- */

static bool ranges_conflict(const RangeLock *a, const RangeLock *b)
{
    return (a->exclusive || b->exclusive) && a->start < b->end && b->start < a->end;
}

/* Whether somebody before @range stands in its way. */
static bool must_wait(const Qcow2State *s, const RangeLock *range)
{
    for (const GList *l = s->ranges.head; l && l->data != range; l = l->next) {
        if (ranges_conflict(l->data, range)) {
            return true;
        }
    }
    return false;
}

RangeLock *qcow2_range_lock(Qcow2State *s, uint64_t guest, uint64_t bytes, bool exclusive)
{
    RangeLock *range = g_new(RangeLock, 1);

    range->start = ROUND_DOWN(guest, s->cluster_size);
    range->end = guest + bytes > UINT64_MAX - s->cluster_size
                     ? UINT64_MAX : ROUND_UP(guest + bytes, s->cluster_size);
    range->exclusive = exclusive;
    g_mutex_lock(&s->range_lock);
    g_queue_push_tail(&s->ranges, range);
    while (must_wait(s, range)) {
        g_cond_wait(&s->range_cond, &s->range_lock);
    }
    g_mutex_unlock(&s->range_lock);
    return range;
}

RangeLock *qcow2_range_lock_all(Qcow2State *s)
{
    return qcow2_range_lock(s, 0, UINT64_MAX, true);
}

void qcow2_range_unlock(Qcow2State *s, RangeLock *range)
{
    g_mutex_lock(&s->range_lock);
    g_queue_remove(&s->ranges, range);
    g_cond_broadcast(&s->range_cond);
    g_mutex_unlock(&s->range_lock);
    g_free(range);
}

/* --- L2 entries --- */

Qcow2Type qcow2_entry_type(uint64_t entry)
{
    if (entry & QCOW2_COMPRESSED) {
        return QCOW2_CLUSTER_COMPRESSED;
    }
    if (entry & QCOW2_ZERO) {
        return QCOW2_CLUSTER_ZERO;
    }
    return entry & QCOW2_OFFSET_MASK ? QCOW2_CLUSTER_NORMAL : QCOW2_CLUSTER_UNALLOCATED;
}

static void compressed_extent(const Qcow2State *s, uint64_t entry, uint64_t *offset,
                              uint64_t *bytes)
{
    unsigned shift = 62 - (s->cluster_bits - 8);
    uint64_t sectors = ((entry >> shift) & ((1ull << (s->cluster_bits - 8)) - 1)) + 1;

    *offset = entry & ((1ull << shift) - 1);
    *bytes = sectors * 512 - (*offset & 511);
}

bool qcow2_entry_clusters(const Qcow2State *s, uint64_t entry, uint64_t *offset, uint64_t *count)
{
    uint64_t bytes = s->cluster_size;

    *count = 0;
    if (qcow2_entry_type(entry) == QCOW2_CLUSTER_COMPRESSED) {
        compressed_extent(s, entry, offset, &bytes);
    } else {
        *offset = entry & QCOW2_OFFSET_MASK;
        if (!*offset) {
            return true;
        }
        if (*offset & (s->cluster_size - 1)) {
            return false;
        }
    }
    if (*offset >= QCOW2_MAX_OFFSET - bytes) {
        return false;
    }
    *count = ((*offset + bytes - 1) >> s->cluster_bits) - (*offset >> s->cluster_bits) + 1;
    *offset = ROUND_DOWN(*offset, s->cluster_size);
    return true;
}

/* The L2 table that maps @guest, NULL with *ret 0 where there is none. */
static Qcow2Table *l2_table(Qcow2State *s, uint64_t guest, int *ret)
{
    uint64_t index = qcow2_l1_index(s, guest);
    uint64_t offset = index < s->l1_size ? s->l1[index] & QCOW2_OFFSET_MASK : 0;

    *ret = 0;
    if (!offset) {
        return NULL;
    }
    if (offset & (s->cluster_size - 1)) {
        *ret = qcow2_corrupt(s, offset, "L2 table offset %#" PRIx64 " unaligned (L1 index: %#"
                             PRIx64 ")", offset, index);
        return NULL;
    }
    return qcow2_cache_get(s, &s->l2_cache, offset, ret);
}

static uint64_t l2_entry(const Qcow2Table *t, uint64_t index)
{
    return be64(t->data + index * 8);
}

static int bad_entry(Qcow2State *s, uint64_t entry, uint64_t guest)
{
    return qcow2_corrupt(s, entry & QCOW2_OFFSET_MASK,
                         "Cluster allocation offset %#" PRIx64 " unaligned (guest offset: %#" PRIx64
                         ")", (uint64_t)(entry & QCOW2_OFFSET_MASK), guest);
}

/* Whether the cluster of @entry continues the run that @first began @n clusters before. */
static bool continues(const Qcow2State *s, uint64_t first, uint64_t entry, uint64_t n)
{
    if (qcow2_entry_type(first) != qcow2_entry_type(entry)) {
        return false;
    }
    return qcow2_entry_type(first) != QCOW2_CLUSTER_NORMAL ||
           entry == first + (n << s->cluster_bits);
}

int qcow2_map(Qcow2State *s, uint64_t guest, uint64_t bytes, Qcow2Mapping *m)
{
    uint64_t index = qcow2_l2_index(s, guest), in_cluster = guest & (s->cluster_size - 1);
    uint64_t in_table = ((s->l2_entries - index) << s->cluster_bits) - in_cluster;
    uint64_t entry, n = 1, offset, count;
    Qcow2Table *t;
    int ret;

    *m = (Qcow2Mapping){ .type = QCOW2_CLUSTER_UNALLOCATED, .bytes = MIN(bytes, in_table) };
    t = l2_table(s, guest, &ret);
    if (!t) {
        return ret;
    }
    entry = l2_entry(t, index);
    m->type = qcow2_entry_type(entry);
    if (!qcow2_entry_clusters(s, entry, &offset, &count) ||
        (m->type == QCOW2_CLUSTER_ZERO && s->version < 3)) {
        return bad_entry(s, entry, guest);
    }
    while (m->type != QCOW2_CLUSTER_COMPRESSED && (n << s->cluster_bits) - in_cluster < m->bytes &&
           continues(s, entry, l2_entry(t, index + n), n)) {
        n++;
    }
    m->bytes = MIN(m->bytes, (n << s->cluster_bits) - in_cluster);
    m->copied = entry & QCOW2_COPIED;
    m->entry = entry;
    m->host = (entry & QCOW2_OFFSET_MASK) + in_cluster;
    return 0;
}

/* --- Reading --- */

int qcow2_read_compressed(Qcow2State *s, uint64_t entry, uint8_t *buf)
{
    uint64_t offset, bytes;
    g_autofree uint8_t *in = NULL;
    int ret;

    compressed_extent(s, entry, &offset, &bytes);
    in = g_malloc(bytes);
    ret = bdrv_pread(s->bs->file->bs, (int64_t)offset, in, bytes);
    return ret ? ret : qcow2_decompress(s->zstd, in, bytes, buf, s->cluster_size);
}

static int read_compressed_part(Qcow2State *s, const Qcow2Mapping *m, uint64_t guest,
                                const struct iovec *iov, int niov)
{
    g_autofree uint8_t *buf = g_malloc(s->cluster_size);
    int ret = qcow2_read_compressed(s, m->entry, buf);

    if (ret == 0) {
        iov_from_buffer(iov, niov, 0, buf + (guest & (s->cluster_size - 1)), m->bytes);
    }
    return ret;
}

/* What the image does not say, the backing file does. */
static int read_backing(Qcow2State *s, uint64_t guest, const struct iovec *iov, int niov,
                        uint64_t bytes)
{
    BlockNode *backing = s->bs->backing ? s->bs->backing->bs : NULL;
    uint64_t own = (uint64_t)bdrv_get_total(s->bs); /* behind it: VM state */
    uint64_t length = backing ? MIN((uint64_t)bdrv_length(backing), own) : 0;
    uint64_t inside = guest < length ? MIN(bytes, length - guest) : 0;
    int ret = 0;

    if (inside) {
        int n;
        g_autofree struct iovec *part = iov_slice(iov, niov, 0, inside, &n);

        ret = bdrv_preadv(backing, (int64_t)guest, part, n);
    }
    iov_zero(iov, niov, inside, bytes - inside);
    return ret;
}

static int read_mapped(Qcow2State *s, const Qcow2Mapping *m, uint64_t guest,
                       const struct iovec *iov, int niov)
{
    switch (m->type) {
    case QCOW2_CLUSTER_NORMAL:
        return bdrv_preadv(s->bs->file->bs, (int64_t)m->host, iov, niov);
    case QCOW2_CLUSTER_ZERO:
        iov_zero(iov, niov, 0, m->bytes);
        return 0;
    case QCOW2_CLUSTER_COMPRESSED:
        return read_compressed_part(s, m, guest, iov, niov);
    default:
        return read_backing(s, guest, iov, niov, m->bytes);
    }
}

int qcow2_read(Qcow2State *s, uint64_t guest, const struct iovec *iov, int niov, size_t bytes)
{
    size_t done = 0;
    int ret = 0;

    while (done < bytes && ret == 0) {
        Qcow2Mapping m;

        g_mutex_lock(&s->lock);
        ret = qcow2_map(s, guest + done, bytes - done, &m);
        g_mutex_unlock(&s->lock);
        if (ret == 0 && !done && m.bytes == bytes) {
            return read_mapped(s, &m, guest, iov, niov);
        }
        if (ret == 0) {
            int n;
            g_autofree struct iovec *part = iov_slice(iov, niov, done, m.bytes, &n);

            ret = read_mapped(s, &m, guest + done, part, n);
            done += m.bytes;
        }
    }
    return ret;
}

/* --- Changing the mapping: .lock held, the range exclusive --- */

/* The L2 table for @guest, there and ours alone, to be changed. */
static Qcow2Table *l2_table_for_write(Qcow2State *s, uint64_t guest, int *ret)
{
    uint64_t index = qcow2_l1_index(s, guest), old, offset;
    g_autofree uint8_t *copy = NULL;
    Qcow2Table *t = NULL;

    assert(index < s->l1_size);
    old = s->l1[index] & QCOW2_OFFSET_MASK;
    if (old) {
        t = l2_table(s, guest, ret);
        if (!t || (s->l1[index] & QCOW2_COPIED)) {
            return t;
        }
        copy = g_memdup2(t->data, s->cluster_size);
    }
    *ret = qcow2_alloc_exactly(s, 1, &offset);
    if (*ret < 0) {
        return NULL;
    }
    t = qcow2_cache_new(s, &s->l2_cache, offset, ret);
    if (!t) {
        qcow2_free_now(s, offset, 1);
        return NULL;
    }
    if (copy) {
        memcpy(t->data, copy, s->cluster_size);
        qcow2_free_later(s, old, 1);
        qcow2_note_metadata(s, old, false);
    }
    s->l1[index] = offset | QCOW2_COPIED;
    s->l1_dirty = true;
    qcow2_note_metadata(s, offset, true);
    return t;
}

static int drop_entry(Qcow2State *s, uint64_t entry, uint64_t guest)
{
    uint64_t offset, count;

    if (!qcow2_entry_clusters(s, entry, &offset, &count)) {
        return bad_entry(s, entry, guest);
    }
    qcow2_free_later(s, offset, count);
    return 0;
}

/* Maps @count clusters from @guest on to @host (which is ours). */
static int link_clusters(Qcow2State *s, uint64_t guest, uint64_t host, uint64_t count)
{
    int ret;
    Qcow2Table *t = l2_table_for_write(s, guest, &ret);
    uint64_t index = qcow2_l2_index(s, guest);

    if (!t) {
        return ret;
    }
    for (uint64_t i = 0; i < count; i++) {
        ret = drop_entry(s, l2_entry(t, index + i), guest + (i << s->cluster_bits));
        if (ret < 0) {
            return ret;
        }
        put_be64(t->data + (index + i) * 8, (host + (i << s->cluster_bits)) | QCOW2_COPIED);
    }
    qcow2_cache_dirty(&s->l2_cache, t);
    return 0;
}

/* Too much to take back later: do it now. */
static int limit_pending(Qcow2State *s)
{
    return s->pending->len > QCOW2_MAX_PENDING ? qcow2_flush_locked(s) : 0;
}

/* --- Writing --- */

/* Whether writing to the host clusters in place can hurt the image. */
static int check_in_place(Qcow2State *s, const Qcow2Mapping *m)
{
    if (qcow2_overlaps(s, m->host, m->bytes)) {
        return qcow2_corrupt(s, m->host, "Preventing invalid write on metadata at %#" PRIx64,
                             m->host);
    }
    return s->corrupt ? -EIO : 0;
}

static int write_in_place(Qcow2State *s, const Qcow2Mapping *m, const struct iovec *iov, int niov,
                          size_t skip)
{
    int n;
    g_autofree struct iovec *part = iov_slice(iov, niov, skip, m->bytes, &n);

    return bdrv_pwritev(s->bs->file->bs, (int64_t)m->host, part, n, 0);
}

/* Bytes of the guest around a write, to fill its clusters up. */
static int read_around(Qcow2State *s, uint64_t guest, void *buf, size_t bytes)
{
    struct iovec iov = { buf, bytes };

    return bytes ? qcow2_read(s, guest, &iov, 1, bytes) : 0;
}

/* Data for new clusters at @host: what is written, and around it what was there. */
static int write_new(Qcow2State *s, uint64_t guest, uint64_t host, const struct iovec *iov,
                     int niov, size_t skip, size_t bytes)
{
    uint64_t head = guest & (s->cluster_size - 1);
    uint64_t tail = -(guest + bytes) & (s->cluster_size - 1);
    g_autofree uint8_t *before = g_malloc(head + 1), *after = g_malloc(tail + 1);
    g_autofree struct iovec *part = NULL, *whole = NULL;
    int n, total = 0;
    int ret = read_around(s, guest - head, before, head);

    ret = ret ? ret : read_around(s, guest + bytes, after, tail);
    if (ret < 0) {
        return ret;
    }
    part = iov_slice(iov, niov, skip, bytes, &n);
    whole = g_new(struct iovec, n + 2);
    if (head) {
        whole[total++] = (struct iovec){ before, head };
    }
    memcpy(whole + total, part, (size_t)n * sizeof(*part));
    total += n;
    if (tail) {
        whole[total++] = (struct iovec){ after, tail };
    }
    return bdrv_pwritev(s->bs->file->bs, (int64_t)host, whole, total, 0);
}

/* Writes the first part of [guest, guest + bytes) into new clusters; *done says how much. */
static int write_allocating(Qcow2State *s, uint64_t guest, const struct iovec *iov, int niov,
                            size_t skip, uint64_t bytes, uint64_t *done)
{
    uint64_t in_cluster = guest & (s->cluster_size - 1);
    uint64_t want = DIV_ROUND_UP(in_cluster + bytes, s->cluster_size), host, got;
    int ret;

    g_mutex_lock(&s->lock);
    ret = limit_pending(s);
    ret = ret ? ret : qcow2_alloc(s, want, &host, &got);
    g_mutex_unlock(&s->lock);
    if (ret < 0) {
        return ret;
    }
    *done = MIN(bytes, (got << s->cluster_bits) - in_cluster);
    ret = write_new(s, guest, host, iov, niov, skip, *done);
    g_mutex_lock(&s->lock);
    if (ret == 0) {
        ret = link_clusters(s, guest - in_cluster, host, got);
    }
    if (ret < 0) {
        qcow2_free_now(s, host, got);
    }
    g_mutex_unlock(&s->lock);
    return ret;
}

/* How far from @guest on clusters need new places: to the end of the table, or the first that can
 * be written in place. .lock held. */
static int allocating_bytes(Qcow2State *s, uint64_t guest, uint64_t bytes, uint64_t *n)
{
    *n = 0;
    bytes = MIN(bytes, ((s->l2_entries - qcow2_l2_index(s, guest)) << s->cluster_bits) -
                       (guest & (s->cluster_size - 1)));
    while (*n < bytes) {
        Qcow2Mapping m;
        int ret = qcow2_map(s, guest + *n, bytes - *n, &m);

        if (ret < 0 || (m.type == QCOW2_CLUSTER_NORMAL && m.copied)) {
            return ret;
        }
        *n += m.bytes;
    }
    return 0;
}

/* All of it is mapped and ours: no metadata changes. False: *ret says whether to go on. */
static bool all_in_place(Qcow2State *s, uint64_t guest, size_t bytes, GArray *maps, int *ret)
{
    uint64_t done = 0;
    bool ok = true;

    g_mutex_lock(&s->lock);
    *ret = s->corrupt ? -EIO : 0;
    while (done < bytes && ok && *ret == 0) {
        Qcow2Mapping m;

        *ret = qcow2_map(s, guest + done, bytes - done, &m);
        ok = *ret == 0 && m.type == QCOW2_CLUSTER_NORMAL && m.copied;
        if (ok) {
            *ret = check_in_place(s, &m);
            g_array_append_val(maps, m);
            done += m.bytes;
        }
    }
    g_mutex_unlock(&s->lock);
    return ok && *ret == 0;
}

static int write_exclusively(Qcow2State *s, uint64_t guest, const struct iovec *iov, int niov,
                             size_t bytes)
{
    size_t done = 0;
    int ret = 0;

    while (done < bytes && ret == 0) {
        Qcow2Mapping m;
        uint64_t n = 0;

        g_mutex_lock(&s->lock);
        ret = qcow2_map(s, guest + done, bytes - done, &m);
        if (ret == 0 && m.type == QCOW2_CLUSTER_NORMAL && m.copied) {
            ret = check_in_place(s, &m);
        } else if (ret == 0) {
            ret = allocating_bytes(s, guest + done, bytes - done, &n);
        }
        g_mutex_unlock(&s->lock);
        if (ret == 0 && n) {
            ret = write_allocating(s, guest + done, iov, niov, done, n, &n);
        } else if (ret == 0) {
            ret = write_in_place(s, &m, iov, niov, done);
            n = m.bytes;
        }
        done += n;
    }
    return ret;
}

int qcow2_write(Qcow2State *s, uint64_t guest, const struct iovec *iov, int niov, size_t bytes)
{
    g_autoptr(GArray) maps = g_array_new(FALSE, FALSE, sizeof(Qcow2Mapping));
    RangeLock *range = qcow2_range_lock(s, guest, bytes, false);
    size_t done = 0;
    int ret;

    if (all_in_place(s, guest, bytes, maps, &ret)) {
        for (guint i = 0; i < maps->len && ret == 0; i++) {
            const Qcow2Mapping *m = &g_array_index(maps, Qcow2Mapping, i);

            ret = maps->len == 1 ? bdrv_pwritev(s->bs->file->bs, (int64_t)m->host, iov, niov, 0)
                                 : write_in_place(s, m, iov, niov, done);
            done += m->bytes;
        }
        qcow2_range_unlock(s, range);
        return ret;
    }
    qcow2_range_unlock(s, range);
    if (ret < 0) {
        return ret;
    }
    range = qcow2_range_lock(s, guest, bytes, true);
    ret = write_exclusively(s, guest, iov, niov, bytes);
    qcow2_range_unlock(s, range);
    return ret;
}

/* --- Zeroing and discarding whole clusters --- */

/* The new entry for a cluster that is to read as zeroes or to be given up; false: leave it. */
typedef bool NewEntryFn(const Qcow2State *s, uint64_t entry, int flags, uint64_t *new_entry,
                        bool *drop);

static bool zero_entry(const Qcow2State *s, uint64_t entry, int flags, uint64_t *new_entry,
                       bool *drop)
{
    Qcow2Type type = qcow2_entry_type(entry);

    *drop = true;
    *new_entry = s->bs->backing ? QCOW2_ZERO : 0;
    if (type == QCOW2_CLUSTER_ZERO || (type == QCOW2_CLUSTER_UNALLOCATED && !s->bs->backing)) {
        return false;
    }
    if (type == QCOW2_CLUSTER_NORMAL && !(flags & BDRV_REQ_MAY_UNMAP) && (entry & QCOW2_COPIED)) {
        *drop = false; /* keeps its place for later */
        *new_entry = entry | QCOW2_ZERO;
    }
    return true;
}

static bool discard_entry(const Qcow2State *s, uint64_t entry, int flags, uint64_t *new_entry,
                          bool *drop)
{
    *drop = true;
    *new_entry = s->bs->backing ? QCOW2_ZERO : 0;
    return entry != *new_entry;
}

/* Also in overlays nothing is left: what is below shows again. For what is not disk. */
static bool drop_entry_entirely(const Qcow2State *s, uint64_t entry, int flags,
                                uint64_t *new_entry, bool *drop)
{
    *drop = true;
    *new_entry = 0;
    return entry != 0;
}

/* One L2 table's part of a change; @guest and @bytes are whole clusters. .lock held. */
static int change_entries(Qcow2State *s, uint64_t guest, uint64_t bytes, int flags, NewEntryFn *fn)
{
    uint64_t index = qcow2_l2_index(s, guest), count = bytes >> s->cluster_bits;
    Qcow2Table *t;
    int ret;

    t = l2_table(s, guest, &ret);
    if (ret < 0 || (!t && !s->bs->backing)) {
        return ret;
    }
    t = l2_table_for_write(s, guest, &ret);
    if (!t) {
        return ret;
    }
    for (uint64_t i = 0; i < count && ret == 0; i++) {
        uint64_t entry = l2_entry(t, index + i), new_entry;
        bool drop;

        if (!fn(s, entry, flags, &new_entry, &drop)) {
            continue;
        }
        ret = drop ? drop_entry(s, entry, guest + (i << s->cluster_bits)) : 0;
        if (ret == 0) {
            put_be64(t->data + (index + i) * 8, new_entry);
            qcow2_cache_dirty(&s->l2_cache, t);
        }
    }
    return ret;
}

static int change_range(Qcow2State *s, uint64_t start, uint64_t end, int flags, NewEntryFn *fn)
{
    int ret = 0;

    while (start < end && ret == 0) {
        uint64_t in_table = (s->l2_entries - qcow2_l2_index(s, start)) << s->cluster_bits;
        uint64_t bytes = MIN(end - start, in_table);

        g_mutex_lock(&s->lock);
        ret = s->corrupt ? -EIO : limit_pending(s);
        ret = ret ? ret : change_entries(s, start, bytes, flags, fn);
        g_mutex_unlock(&s->lock);
        start += bytes;
    }
    return ret;
}

/* The whole clusters in a range; the last one of the disk counts as whole. */
static void whole_clusters(const Qcow2State *s, uint64_t guest, uint64_t bytes, uint64_t *start,
                           uint64_t *end)
{
    *start = ROUND_UP(guest, s->cluster_size);
    *end = guest + bytes == (uint64_t)bdrv_get_total(s->bs)
               ? ROUND_UP(guest + bytes, s->cluster_size)
               : ROUND_DOWN(guest + bytes, s->cluster_size);
}

int qcow2_discard(Qcow2State *s, uint64_t guest, uint64_t bytes, bool drop)
{
    uint64_t start, end;
    RangeLock *range;
    int ret;

    whole_clusters(s, guest, bytes, &start, &end);
    if (start >= end || (s->version < 3 && s->bs->backing && !drop)) {
        return 0;
    }
    range = qcow2_range_lock(s, start, end - start, true);
    ret = change_range(s, start, end, 0, drop ? drop_entry_entirely : discard_entry);
    qcow2_range_unlock(s, range);
    return ret;
}

/* Zeroes as data, for what is less than a cluster. */
static int write_zero_data(Qcow2State *s, uint64_t guest, uint64_t bytes)
{
    g_autofree void *zeroes = bytes ? g_malloc0(bytes) : NULL;
    struct iovec iov = { zeroes, bytes };

    return bytes ? qcow2_write(s, guest, &iov, 1, bytes) : 0;
}

int qcow2_zero(Qcow2State *s, uint64_t guest, uint64_t bytes, int flags)
{
    uint64_t start, end;
    RangeLock *range;
    int ret;

    if (s->version < 3) {
        return -ENOTSUP;
    }
    whole_clusters(s, guest, bytes, &start, &end);
    if (start >= end) {
        return -ENOTSUP;
    }
    ret = write_zero_data(s, guest, start - guest);
    if (ret == 0 && guest + bytes > end) {
        ret = write_zero_data(s, end, guest + bytes - end);
    }
    if (ret == 0) {
        range = qcow2_range_lock(s, start, end - start, true);
        ret = change_range(s, start, end, flags, zero_entry);
        qcow2_range_unlock(s, range);
    }
    return ret;
}
