/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: internal snapshots. Each change is one transaction (qcow2-txn.c): new tables for the
 * active disk, new reference counts, one header write. */
#include "qemu/osdep.h"
#include "block/qcow2.h"
#include "qemu/cutils.h"

#define SNAP_FIXED 40 /* bytes of an entry before the extra data */
#define SNAP_EXTRA 24 /* bytes of extra data we know */

/* --- The table of snapshots --- */

static void snapshot_free(Qcow2Snapshot *sn)
{
    g_free(sn->info.id);
    g_free(sn->info.name);
    g_free(sn->extra);
    g_free(sn);
}

void qcow2_free_snapshots(Qcow2State *s)
{
    for (guint i = 0; i < s->snapshots->len; i++) {
        snapshot_free(g_ptr_array_index(s->snapshots, i));
    }
    g_ptr_array_set_size(s->snapshots, 0);
}

/* @bytes at *@at of the snapshot table; false when that leaves the file or the limit. */
static bool read_piece(Qcow2State *s, uint64_t *at, void *buf, size_t bytes, Error **errp)
{
    uint64_t length = (uint64_t)bdrv_length(s->bs->file->bs);
    int ret;

    if (*at > length || bytes > length - *at ||
        *at + bytes - s->snapshots_offset > QCOW2_MAX_SNAP_BYTES) {
        error_setg(errp, "Snapshot table is too large or lies beyond the end of the image file");
        return false;
    }
    ret = bdrv_pread(s->bs->file->bs, (int64_t)*at, buf, bytes);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read snapshots");
    }
    *at += bytes;
    return ret == 0;
}

static char *read_string(Qcow2State *s, uint64_t *at, uint16_t len, Error **errp)
{
    g_autofree char *text = g_malloc0((size_t)len + 1);

    return read_piece(s, at, text, len, errp) ? g_steal_pointer(&text) : NULL;
}

static bool read_extra(Qcow2State *s, uint64_t *at, uint32_t len, Qcow2Snapshot *sn, Error **errp)
{
    uint8_t buf[1024] = { 0 };

    if (len > sizeof(buf)) {
        error_setg(errp, "Too much extra metadata in snapshot table entry %u", s->snapshots->len);
        return false;
    }
    if (!read_piece(s, at, buf, len, errp)) {
        return false;
    }
    if (len >= 8) {
        sn->info.vm_state_bytes = be64(buf);
    }
    sn->info.disk_bytes = len >= 16 ? be64(buf + 8) : 0;
    sn->info.icount = len >= 24 ? be64(buf + 16) : UINT64_MAX;
    if (len > SNAP_EXTRA) {
        sn->extra_len = len - SNAP_EXTRA;
        sn->extra = g_memdup2(buf + SNAP_EXTRA, sn->extra_len);
    }
    return true;
}

static bool load_one(Qcow2State *s, uint64_t *at, Error **errp)
{
    Qcow2Snapshot *sn = g_new0(Qcow2Snapshot, 1);
    uint8_t h[SNAP_FIXED];

    if (!read_piece(s, at, h, sizeof(h), errp)) {
        snapshot_free(sn);
        return false;
    }
    sn->l1_offset = be64(h);
    sn->l1_size = be32(h + 8);
    sn->info.date_sec = be32(h + 16);
    sn->info.date_nsec = be32(h + 20);
    sn->info.vm_clock_ns = be64(h + 24);
    sn->info.vm_state_bytes = be32(h + 32);
    if (!read_extra(s, at, be32(h + 36), sn, errp) ||
        !(sn->info.id = read_string(s, at, be16(h + 12), errp)) ||
        !(sn->info.name = read_string(s, at, be16(h + 14), errp))) {
        snapshot_free(sn);
        return false;
    }
    *at = ROUND_UP(*at, 8ull);
    g_ptr_array_add(s->snapshots, sn);
    return true;
}

bool qcow2_load_snapshots(Qcow2State *s, Error **errp)
{
    uint32_t count = be32(s->header + QH_NB_SNAPSHOTS);
    uint64_t at = be64(s->header + QH_SNAPSHOTS_OFFSET);

    if (!count) {
        return true;
    }
    if (count > QCOW2_MAX_SNAPSHOTS) {
        error_setg(errp, "Snapshot table too large");
        return false;
    }
    if (!at || at & (s->cluster_size - 1) || at > INT64_MAX) {
        error_setg(errp, "Snapshot table offset invalid");
        return false;
    }
    s->snapshots_offset = at;
    for (uint32_t i = 0; i < count; i++) {
        if (!load_one(s, &at, errp)) {
            return false;
        }
    }
    s->snapshots_bytes = at - s->snapshots_offset;
    return true;
}

static void append_entry(GByteArray *out, const Qcow2Snapshot *sn)
{
    static const uint8_t padding[8];
    uint8_t h[SNAP_FIXED + SNAP_EXTRA] = { 0 };
    size_t id_len = strlen(sn->info.id), name_len = strlen(sn->info.name);

    put_be64(h, sn->l1_offset);
    put_be32(h + 8, sn->l1_size);
    put_be16(h + 12, (uint16_t)id_len);
    put_be16(h + 14, (uint16_t)name_len);
    put_be32(h + 16, sn->info.date_sec);
    put_be32(h + 20, sn->info.date_nsec);
    put_be64(h + 24, sn->info.vm_clock_ns);
    put_be32(h + 32, sn->info.vm_state_bytes > UINT32_MAX ? 0 : (uint32_t)sn->info.vm_state_bytes);
    put_be32(h + 36, SNAP_EXTRA + sn->extra_len);
    put_be64(h + 40, sn->info.vm_state_bytes);
    put_be64(h + 48, sn->info.disk_bytes);
    put_be64(h + 56, sn->info.icount);
    g_byte_array_append(out, h, sizeof(h));
    if (sn->extra_len) {
        g_byte_array_append(out, sn->extra, sn->extra_len);
    }
    g_byte_array_append(out, (const guint8 *)sn->info.id, (guint)id_len);
    g_byte_array_append(out, (const guint8 *)sn->info.name, (guint)name_len);
    g_byte_array_append(out, padding, -out->len & 7);
}

/* Inside a transaction: writes @list to a new place and gives up the old one's clusters. */
static int write_snapshots(Qcow2State *s, const GPtrArray *list, uint64_t *offset, uint64_t *bytes)
{
    g_autoptr(GByteArray) buf = g_byte_array_new();
    uint64_t old_clusters = DIV_ROUND_UP(s->snapshots_bytes, s->cluster_size);
    int ret = 0;

    for (guint i = 0; i < list->len; i++) {
        append_entry(buf, g_ptr_array_index(list, i));
    }
    *offset = 0;
    *bytes = buf->len;
    if (buf->len > QCOW2_MAX_SNAP_BYTES) {
        return -EFBIG;
    }
    if (buf->len) {
        ret = qcow2_alloc_exactly(s, DIV_ROUND_UP(buf->len, s->cluster_size), offset);
        ret = ret ? ret : bdrv_pwrite(s->bs->file->bs, (int64_t)*offset, buf->data, buf->len, 0);
    }
    for (uint64_t i = 0; i < old_clusters && ret == 0; i++) {
        ret = qcow2_change_refcount(s, (s->snapshots_offset >> s->cluster_bits) + i, -1);
    }
    put_be64(s->header + QH_SNAPSHOTS_OFFSET, *offset);
    put_be32(s->header + QH_NB_SNAPSHOTS, list->len);
    return ret;
}

/* --- Trees of tables, inside a transaction --- */

static int change_clusters(Qcow2State *s, uint64_t offset, uint64_t count, int add)
{
    int ret = 0;

    for (uint64_t i = 0; i < count && ret == 0; i++) {
        ret = qcow2_change_refcount(s, (offset >> s->cluster_bits) + i, add);
    }
    return ret;
}

/* A copy of the L2 table at @offset. */
static int read_l2(Qcow2State *s, uint64_t offset, uint8_t *buf)
{
    Qcow2Table *t;
    int ret;

    if (offset & (s->cluster_size - 1)) {
        return qcow2_corrupt(s, offset, "L2 table offset %#" PRIx64 " unaligned", offset);
    }
    t = qcow2_cache_get(s, &s->l2_cache, offset, &ret);
    if (t) {
        memcpy(buf, t->data, s->cluster_size);
    }
    return ret;
}

/* Adds @add to everything the entries of an L2 table refer to. */
static int change_l2_refs(Qcow2State *s, const uint8_t *l2, int add)
{
    int ret = 0;

    for (uint64_t i = 0; i < s->l2_entries && ret == 0; i++) {
        uint64_t offset, count, entry = be64(l2 + i * 8);

        if (!qcow2_entry_clusters(s, entry, &offset, &count)) {
            return qcow2_corrupt(s, entry & QCOW2_OFFSET_MASK,
                                 "Cluster allocation offset %#" PRIx64 " unaligned",
                                 (uint64_t)(entry & QCOW2_OFFSET_MASK));
        }
        ret = change_clusters(s, offset, count, add);
    }
    return ret;
}

/* Writes @l2 to a cluster of its own. */
static int write_l2_copy(Qcow2State *s, const uint8_t *l2, uint64_t *offset)
{
    int ret = qcow2_alloc_exactly(s, 1, offset);

    if (ret == 0) {
        qcow2_cache_forget(&s->l2_cache, *offset);
        ret = bdrv_pwrite(s->bs->file->bs, (int64_t)*offset, l2, s->cluster_size, 0);
    }
    return ret;
}

/* A second user for what @l1 maps: its tables are copied without COPIED marks, its clusters get one
 * more reference. */
static int clone_tree(Qcow2State *s, const uint64_t *l1, uint64_t count, uint64_t *new_l1)
{
    g_autofree uint8_t *l2 = g_malloc(s->cluster_size);
    int ret = 0;

    for (uint64_t i = 0; i < count && ret == 0; i++) {
        uint64_t offset = l1[i] & QCOW2_OFFSET_MASK;

        if (!offset) {
            continue;
        }
        ret = read_l2(s, offset, l2);
        ret = ret ? ret : change_l2_refs(s, l2, 1);
        for (uint64_t j = 0; j < s->l2_entries && ret == 0; j++) {
            put_be64(l2 + j * 8, be64(l2 + j * 8) & ~QCOW2_COPIED);
        }
        ret = ret ? ret : write_l2_copy(s, l2, &offset);
        new_l1[i] = offset | QCOW2_COPIED;
    }
    return ret;
}

/* Gives up everything @l1 maps, and the table itself. */
static int drop_tree(Qcow2State *s, const uint64_t *l1, uint64_t count, uint64_t l1_offset)
{
    g_autofree uint8_t *l2 = g_malloc(s->cluster_size);
    int ret = change_clusters(s, l1_offset, DIV_ROUND_UP(count * 8, s->cluster_size), -1);

    for (uint64_t i = 0; i < count && ret == 0; i++) {
        uint64_t offset = l1[i] & QCOW2_OFFSET_MASK;

        if (offset) {
            ret = read_l2(s, offset, l2);
            ret = ret ? ret : change_l2_refs(s, l2, -1);
            ret = ret ? ret : change_clusters(s, offset, 1, -1);
        }
    }
    return ret;
}

static int write_new_l1(Qcow2State *s, const uint64_t *l1, uint64_t count, uint64_t *offset)
{
    g_autofree uint8_t *buf = g_malloc(MAX(count, 1) * 8);
    int ret = qcow2_alloc_exactly(s, MAX(DIV_ROUND_UP(count * 8, s->cluster_size), 1), offset);

    for (uint64_t i = 0; i < count; i++) {
        put_be64(buf + i * 8, l1[i]);
    }
    ret = ret ? ret : bdrv_pwrite(s->bs->file->bs, (int64_t)*offset, buf, count * 8, 0);
    put_be64(s->header + QH_L1_OFFSET, *offset);
    put_be32(s->header + QH_L1_SIZE, (uint32_t)count);
    return ret;
}

/* The active disk's tables are now @l1, which it takes over. */
static void switch_l1(Qcow2State *s, uint64_t *l1, uint64_t count, uint64_t offset)
{
    for (uint32_t i = 0; i < s->l1_size; i++) {
        if (s->l1[i] & QCOW2_OFFSET_MASK) {
            qcow2_note_metadata(s, s->l1[i] & QCOW2_OFFSET_MASK, false);
        }
    }
    for (uint64_t i = 0; i < count; i++) {
        if (l1[i] & QCOW2_OFFSET_MASK) {
            qcow2_note_metadata(s, l1[i] & QCOW2_OFFSET_MASK, true);
        }
    }
    g_free(s->l1);
    s->l1 = l1;
    s->l1_size = (uint32_t)count;
    s->l1_offset = offset;
    qcow2_cache_clear(&s->l2_cache);
}

/* --- Frame of a change --- */

typedef struct Change {
    RangeLock *range;
    uint8_t header[QH_MAX_LEN]; /* to go back to */
} Change;

static int change_begin(Qcow2State *s, Change *c)
{
    int ret;

    c->range = qcow2_range_lock_all(s);
    g_mutex_lock(&s->lock);
    memcpy(c->header, s->header, sizeof(c->header));
    ret = s->corrupt ? -EIO : qcow2_flush_locked(s);
    return ret ? ret : qcow2_txn_begin(s);
}

/* Commits when @ret is 0; else, or when that fails, everything is as before. */
static int change_end(Qcow2State *s, Change *c, int ret)
{
    ret = ret ? ret : qcow2_txn_commit(s);
    if (ret < 0) {
        uint64_t incompat = s->incompat;

        if (s->txn) {
            qcow2_txn_abort(s);
        }
        memcpy(s->header, c->header, sizeof(s->header));
        if (s->version >= 3) {
            put_be64(s->header + QH_INCOMPAT, incompat);
        }
    }
    return ret;
}

static void change_unlock(Qcow2State *s, Change *c)
{
    g_mutex_unlock(&s->lock);
    qcow2_range_unlock(s, c->range);
}

static bool report(int ret, Error **errp, const char *what, const char *name, const BlockNode *bs)
{
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not %s snapshot '%s' on '%s'", what, name,
                         bs->filename);
    }
    return ret == 0;
}

/* --- Create --- */

static char *new_id(const Qcow2State *s)
{
    uint64_t max = 0, id;

    for (guint i = 0; i < s->snapshots->len; i++) {
        const Qcow2Snapshot *sn = g_ptr_array_index(s->snapshots, i);

        if (qemu_strtou64(sn->info.id, NULL, 10, &id) == 0 && id < UINT32_MAX) {
            max = MAX(max, id);
        }
    }
    return g_strdup_printf("%" PRIu64, max + 1);
}

/* The snapshot keeps the tables; the disk gets new ones. */
static int create_locked(Qcow2State *s, Change *c, Qcow2Snapshot *sn)
{
    uint64_t disk = MIN(s->vm_state_index, s->l1_size), l1_offset = 0, offset = 0, bytes = 0;
    uint64_t count = s->l1_size;
    g_autofree uint64_t *l1 = g_new0(uint64_t, MAX(count, 1));
    int ret = change_begin(s, c);

    sn->l1_offset = s->l1_offset;
    sn->l1_size = s->l1_size;
    if (ret < 0) {
        return change_end(s, c, ret);
    }
    ret = clone_tree(s, s->l1, disk, l1);
    ret = ret ? ret : write_new_l1(s, l1, count, &l1_offset);
    g_ptr_array_add(s->snapshots, sn);
    ret = ret ? ret : write_snapshots(s, s->snapshots, &offset, &bytes);
    ret = change_end(s, c, ret);
    if (ret < 0) {
        g_ptr_array_set_size(s->snapshots, (gint)s->snapshots->len - 1);
        return ret;
    }
    switch_l1(s, g_steal_pointer(&l1), count, l1_offset);
    s->snapshots_offset = offset;
    s->snapshots_bytes = bytes;
    return 0;
}

static bool snapshot_create(BlockNode *bs, const SnapshotInfo *info, Error **errp)
{
    Qcow2State *s = bs->state;
    Qcow2Snapshot *sn;
    Change c;
    int ret;

    if (s->snapshots->len >= QCOW2_MAX_SNAPSHOTS || strlen(info->name) > UINT16_MAX) {
        error_setg(errp, s->snapshots->len >= QCOW2_MAX_SNAPSHOTS ? "too many snapshots"
                                                                  : "snapshot name is too long");
        return false;
    }
    for (guint i = 0; !info->replaces && i < s->snapshots->len; i++) {
        if (!strcmp(((Qcow2Snapshot *)g_ptr_array_index(s->snapshots, i))->info.name,
                    info->name)) {
            error_setg(errp, "Snapshot '%s' already exists on node '%s'", info->name,
                       bs->node_name);
            return false;
        }
    }
    sn = g_new0(Qcow2Snapshot, 1);
    sn->info = *info;
    sn->info.id = new_id(s);
    sn->info.name = g_strdup(info->name);
    sn->info.disk_bytes = (uint64_t)bdrv_length(bs);
    ret = create_locked(s, &c, sn);
    change_unlock(s, &c);
    if (ret < 0) {
        snapshot_free(sn);
    }
    return report(ret, errp, "create", info->name, bs);
}

/* --- Apply --- */

/* The L1 table of a snapshot, at least @min entries of it. */
static uint64_t *load_snapshot_l1(Qcow2State *s, const Qcow2Snapshot *sn, uint64_t min, int *ret)
{
    uint64_t bytes = (uint64_t)sn->l1_size * 8, length = (uint64_t)bdrv_length(s->bs->file->bs);
    uint64_t *l1;

    *ret = -EIO;
    if (bytes > QCOW2_MAX_L1_BYTES || sn->l1_offset & (s->cluster_size - 1) ||
        (bytes && !sn->l1_offset) || sn->l1_offset > length || bytes > length - sn->l1_offset) {
        return NULL;
    }
    l1 = g_new0(uint64_t, MAX(MAX(sn->l1_size, min), 1));
    *ret = bdrv_pread(s->bs->file->bs, (int64_t)sn->l1_offset, l1, bytes);
    for (uint32_t i = 0; i < sn->l1_size; i++) {
        l1[i] = GUINT64_FROM_BE(l1[i]);
    }
    if (*ret < 0) {
        g_clear_pointer(&l1, g_free);
    }
    return l1;
}

static int apply_locked(Qcow2State *s, Change *c, const Qcow2Snapshot *sn, uint64_t disk_bytes)
{
    uint64_t needed = qcow2_l1_entries(s, disk_bytes), count = MAX(sn->l1_size, needed);
    uint64_t l1_offset = 0;
    g_autofree uint64_t *from = NULL, *l1 = NULL;
    int ret = change_begin(s, c);

    if (ret < 0) {
        return change_end(s, c, ret);
    }
    from = load_snapshot_l1(s, sn, count, &ret);
    l1 = g_new0(uint64_t, MAX(count, 1));
    ret = ret ? ret : clone_tree(s, from, sn->l1_size, l1);
    ret = ret ? ret : drop_tree(s, s->l1, s->l1_size, s->l1_offset);
    ret = ret ? ret : write_new_l1(s, l1, count, &l1_offset);
    put_be64(s->header + QH_SIZE, disk_bytes);
    ret = change_end(s, c, ret);
    if (ret == 0) {
        switch_l1(s, g_steal_pointer(&l1), count, l1_offset);
        s->vm_state_index = (uint32_t)needed;
        bdrv_set_total(s->bs, (int64_t)disk_bytes);
    }
    return ret;
}

static bool snapshot_apply(BlockNode *bs, unsigned i, Error **errp)
{
    Qcow2State *s = bs->state;
    const Qcow2Snapshot *sn = g_ptr_array_index(s->snapshots, i);
    uint64_t bytes = sn->info.disk_bytes ? sn->info.disk_bytes : (uint64_t)bdrv_length(bs);
    Change c;
    int ret;

    if (bytes & 511 || bytes > (uint64_t)BDRV_MAX_LENGTH ||
        qcow2_l1_entries(s, bytes) > QCOW2_MAX_L1_BYTES / 8) {
        error_setg(errp, "Snapshot '%s' on '%s' has the impossible disk size %" PRIu64,
                   sn->info.name, bs->filename, bytes);
        return false;
    }
    if (sn->l1_size > QCOW2_MAX_L1_BYTES / 8) {
        error_setg(errp, "Snapshot L1 table too large");
        return false;
    }
    ret = apply_locked(s, &c, sn, bytes);
    change_unlock(s, &c);
    return report(ret, errp, "load", sn->info.name, bs);
}

/* --- Delete --- */

/* Sets COPIED marks of an L2 table by the counts; whether one changed. */
static int fix_l2_marks(Qcow2State *s, uint8_t *l2, bool *changed)
{
    int ret = 0;

    for (uint64_t i = 0; i < s->l2_entries && ret == 0; i++) {
        uint64_t entry = be64(l2 + i * 8), count, marked;

        if (entry & QCOW2_COMPRESSED || !(entry & QCOW2_OFFSET_MASK)) {
            continue;
        }
        ret = qcow2_get_refcount(s, (entry & QCOW2_OFFSET_MASK) >> s->cluster_bits, &count);
        marked = count == 1 ? entry | QCOW2_COPIED : entry & ~QCOW2_COPIED;
        if (ret == 0 && marked != entry) {
            put_be64(l2 + i * 8, marked);
            *changed = true;
        }
    }
    return ret;
}

/* After counts fell: marks in @l1 (a copy of the active table) and new L2 tables where marks in
 * them change. */
static int fix_marks(Qcow2State *s, uint64_t *l1, bool *l1_changed)
{
    g_autofree uint8_t *l2 = g_malloc(s->cluster_size);
    int ret = 0;

    for (uint32_t i = 0; i < s->l1_size && ret == 0; i++) {
        uint64_t offset = l1[i] & QCOW2_OFFSET_MASK, old = offset, count, marked;
        bool changed = false;

        if (!offset) {
            continue;
        }
        ret = qcow2_get_refcount(s, offset >> s->cluster_bits, &count);
        if (ret == 0 && count == 1) {
            ret = read_l2(s, offset, l2);
            ret = ret ? ret : fix_l2_marks(s, l2, &changed);
        }
        if (ret == 0 && changed) {
            ret = write_l2_copy(s, l2, &offset);
            ret = ret ? ret : change_clusters(s, old, 1, -1);
        }
        marked = offset | (count == 1 ? QCOW2_COPIED : 0);
        *l1_changed = *l1_changed || marked != l1[i];
        l1[i] = marked;
    }
    return ret;
}

static int delete_locked(Qcow2State *s, Change *c, unsigned i)
{
    const Qcow2Snapshot *sn = g_ptr_array_index(s->snapshots, i);
    uint64_t l1_offset = s->l1_offset, offset, bytes;
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    g_autofree uint64_t *from = NULL, *l1 = NULL;
    bool l1_changed = false;
    int ret = change_begin(s, c);

    if (ret < 0) {
        return change_end(s, c, ret);
    }
    for (unsigned j = 0; j < s->snapshots->len; j++) {
        if (j != i) {
            g_ptr_array_add(list, g_ptr_array_index(s->snapshots, j));
        }
    }
    l1 = g_memdup2(s->l1, MAX((size_t)s->l1_size, 1) * 8);
    from = load_snapshot_l1(s, sn, 0, &ret);
    ret = ret ? ret : drop_tree(s, from, sn->l1_size, sn->l1_offset);
    ret = ret ? ret : fix_marks(s, l1, &l1_changed);
    if (ret == 0 && l1_changed) {
        ret = write_new_l1(s, l1, s->l1_size, &l1_offset);
        ret = ret ? ret : change_clusters(s, s->l1_offset,
                                          DIV_ROUND_UP((uint64_t)s->l1_size * 8, s->cluster_size),
                                          -1);
    }
    ret = ret ? ret : write_snapshots(s, list, &offset, &bytes);
    ret = change_end(s, c, ret);
    if (ret == 0) {
        if (l1_changed) {
            switch_l1(s, g_steal_pointer(&l1), s->l1_size, l1_offset);
        }
        s->snapshots_offset = offset;
        s->snapshots_bytes = bytes;
        snapshot_free(g_ptr_array_remove_index(s->snapshots, i));
    }
    return ret;
}

static bool snapshot_remove(BlockNode *bs, unsigned i, Error **errp)
{
    Qcow2State *s = bs->state;
    g_autofree char *name =
        g_strdup(((Qcow2Snapshot *)g_ptr_array_index(s->snapshots, i))->info.name);
    Change c;
    int ret = delete_locked(s, &c, i);

    change_unlock(s, &c);
    return report(ret, errp, "delete", name, bs);
}

/* --- Looking, VM state --- */

static unsigned snapshot_count(BlockNode *bs)
{
    return ((Qcow2State *)bs->state)->snapshots->len;
}

static const SnapshotInfo *snapshot_get(BlockNode *bs, unsigned i)
{
    const Qcow2State *s = bs->state;

    return &((Qcow2Snapshot *)g_ptr_array_index(s->snapshots, i))->info;
}

/* Where byte @pos of the VM state is; false when it cannot be. */
static bool vm_state_offset(const Qcow2State *s, uint64_t pos, size_t bytes, uint64_t *guest)
{
    uint64_t per = s->cluster_size << s->l2_bits;
    uint64_t max = (QCOW2_MAX_L1_BYTES / 8 - s->vm_state_index) * per;

    *guest = s->vm_state_index * per + pos;
    return pos <= max && bytes <= max - pos && bytes <= (size_t)BDRV_MAX_REQUEST;
}

static int save_vmstate(BlockNode *bs, uint64_t pos, const void *buf, size_t bytes)
{
    Qcow2State *s = bs->state;
    struct iovec iov = { (void *)buf, bytes };
    uint64_t guest;
    int ret;

    if (!vm_state_offset(s, pos, bytes, &guest)) {
        return -EFBIG;
    }
    if (!bytes) {
        return 0;
    }
    g_mutex_lock(&s->lock);
    ret = qcow2_grow_l1(s, qcow2_l1_entries(s, guest + bytes));
    g_mutex_unlock(&s->lock);
    return ret ? ret : qcow2_write(s, guest, &iov, 1, bytes);
}

static int load_vmstate(BlockNode *bs, uint64_t pos, void *buf, size_t bytes)
{
    Qcow2State *s = bs->state;
    struct iovec iov = { buf, bytes };
    uint64_t guest;

    return vm_state_offset(s, pos, bytes, &guest) ? qcow2_read(s, guest, &iov, 1, bytes) : -EIO;
}

/* Reading goes through the snapshot's L1 table meanwhile. */
static bool peek_begin(BlockNode *bs, unsigned i, Error **errp)
{
    Qcow2State *s = bs->state;
    const Qcow2Snapshot *sn = g_ptr_array_index(s->snapshots, i);
    uint64_t bytes = sn->info.disk_bytes ? sn->info.disk_bytes : (uint64_t)bdrv_length(bs);
    uint64_t needed = MIN(bytes, (uint64_t)BDRV_MAX_LENGTH);
    uint64_t *l1;
    int ret;

    needed = qcow2_l1_entries(s, needed);
    if (needed > QCOW2_MAX_L1_BYTES / 8) {
        error_setg(errp, "Snapshot '%s' on '%s' has the impossible disk size %" PRIu64,
                   sn->info.name, bs->filename, bytes);
        return false;
    }
    g_mutex_lock(&s->lock);
    l1 = load_snapshot_l1(s, sn, needed, &ret);
    if (ret == 0) {
        s->own.l1 = s->l1;
        s->own.l1_size = s->l1_size;
        s->own.vm_state_index = s->vm_state_index;
        s->own.on = true;
        s->l1 = l1;
        s->l1_size = (uint32_t)MAX(sn->l1_size, needed);
        s->vm_state_index = (uint32_t)needed;
    }
    g_mutex_unlock(&s->lock);
    return report(ret, errp, "read", sn->info.name, bs);
}

static void peek_end(BlockNode *bs)
{
    Qcow2State *s = bs->state;

    g_mutex_lock(&s->lock);
    if (s->own.on) {
        g_free(s->l1);
        s->l1 = s->own.l1;
        s->l1_size = s->own.l1_size;
        s->vm_state_index = s->own.vm_state_index;
        s->own.on = false;
    }
    g_mutex_unlock(&s->lock);
}

const SnapshotOps qcow2_snapshot_ops = {
    .peek_begin = peek_begin,
    .peek_end = peek_end,
    .count = snapshot_count,
    .get = snapshot_get,
    .create = snapshot_create,
    .apply = snapshot_apply,
    .remove = snapshot_remove,
    .save_vmstate = save_vmstate,
    .load_vmstate = load_vmstate,
};
