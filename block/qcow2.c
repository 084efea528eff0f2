/* SPDX-License-Identifier: GPL-2.0-or-later */
/* qcow2: opening, the header, resizing, closing; the driver. */
#include "qemu/osdep.h"
#include "block/qcow2.h"

#define DEFAULT_L2_CACHE_BYTES  (32 * MiB)
#define DEFAULT_REF_CACHE_BYTES (4 * MiB)

/* Header extensions */
#define EXT_END            0u
#define EXT_BACKING_FORMAT 0xe2792acau
#define EXT_FEATURE_NAMES  0x6803f857u

/* --- The header --- */

int qcow2_write_header(Qcow2State *s)
{
    return bdrv_pwrite(s->bs->file->bs, 0, s->header, s->header_len, 0);
}

static int set_incompat(Qcow2State *s, uint64_t bits, bool on)
{
    s->incompat = on ? s->incompat | bits : s->incompat & ~bits;
    put_be64(s->header + QH_INCOMPAT, s->incompat);
    return qcow2_write_header(s);
}

int qcow2_set_dirty_bit(Qcow2State *s, bool on)
{
    int ret = set_incompat(s, QCOW2_INCOMPAT_DIRTY, on);

    if (ret == 0) {
        ret = bdrv_flush(s->bs->file->bs);
    }
    if (ret == 0) {
        s->dirty_set = on;
    }
    return ret;
}

int qcow2_corrupt(Qcow2State *s, uint64_t offset, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    if (s->corrupt) {
        return -EIO;
    }
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (s->writable && s->version >= 3) {
        set_incompat(s, QCOW2_INCOMPAT_CORRUPT, true);
    }
    s->corrupt = true;
    bdrv_report_corrupt(s->bs, text, offset, s->writable);
    return -EIO;
}

void qcow2_note_metadata(Qcow2State *s, uint64_t offset, bool used)
{
    gpointer key = GSIZE_TO_POINTER(offset >> s->cluster_bits);

    if (used) {
        g_hash_table_add(s->metadata, key);
    } else {
        g_hash_table_remove(s->metadata, key);
    }
}

static bool in_area(uint64_t offset, uint64_t bytes, uint64_t area, uint64_t area_bytes)
{
    return area_bytes && offset < area + area_bytes && area < offset + bytes;
}

static bool in_tables(const Qcow2State *s, uint64_t offset, uint64_t bytes)
{
    uint64_t first = offset >> s->cluster_bits, last = (offset + bytes - 1) >> s->cluster_bits;

    if (last - first > g_hash_table_size(s->metadata)) {
        GHashTableIter it;
        gpointer key;

        g_hash_table_iter_init(&it, s->metadata);
        while (g_hash_table_iter_next(&it, &key, NULL)) {
            if (GPOINTER_TO_SIZE(key) >= first && GPOINTER_TO_SIZE(key) <= last) {
                return true;
            }
        }
        return false;
    }
    for (uint64_t c = first; c <= last; c++) {
        if (g_hash_table_contains(s->metadata, GSIZE_TO_POINTER(c))) {
            return true;
        }
    }
    return false;
}

bool qcow2_overlaps(const Qcow2State *s, uint64_t offset, uint64_t bytes)
{
    if (offset < s->cluster_size ||
        in_area(offset, bytes, s->l1_offset, (uint64_t)s->l1_size * 8) ||
        in_area(offset, bytes, s->reftable_offset,
                (uint64_t)s->reftable_clusters << s->cluster_bits) ||
        in_area(offset, bytes, s->snapshots_offset, s->snapshots_bytes)) {
        return true;
    }
    for (guint i = 0; i < s->snapshots->len; i++) {
        const Qcow2Snapshot *sn = g_ptr_array_index(s->snapshots, i);

        if (in_area(offset, bytes, sn->l1_offset, (uint64_t)sn->l1_size * 8)) {
            return true;
        }
    }
    return in_tables(s, offset, bytes);
}

/* --- Opening --- */

static bool read_header(Qcow2State *s, Error **errp)
{
    BlockNode *file = s->bs->file->bs;
    const uint8_t *h = s->header;
    int ret = bdrv_pread(file, 0, s->header, sizeof(s->header));

    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read qcow2 header");
        return false;
    }
    if (be32(h + QH_MAGIC) != QCOW2_MAGIC) {
        error_setg(errp, "Image is not in qcow2 format");
        return false;
    }
    s->version = be32(h + QH_VERSION);
    if (s->version < 2 || s->version > 3) {
        error_setg(errp, "Unsupported qcow2 version %" PRIu32, s->version);
        return false;
    }
    s->cluster_bits = be32(h + QH_CLUSTER_BITS);
    if (s->cluster_bits < QCOW2_MIN_BITS || s->cluster_bits > QCOW2_MAX_BITS) {
        error_setg(errp, "Unsupported cluster size: 2^%u", s->cluster_bits);
        return false;
    }
    s->cluster_size = 1ull << s->cluster_bits;
    s->l2_bits = s->cluster_bits - 3;
    s->l2_entries = 1ull << s->l2_bits;
    s->header_len = s->version == 2 ? QH_V2_LEN : be32(h + QH_HEADER_LEN);
    if (s->header_len < (s->version == 2 ? QH_V2_LEN : QH_V3_LEN) ||
        s->header_len > s->cluster_size) {
        error_setg(errp, "qcow2 header length %" PRIu32 " is not possible", s->header_len);
        return false;
    }
    if (be32(h + QH_CRYPT)) {
        error_setg(errp, "image '%s' is encrypted, which is not supported", s->bs->filename);
        error_append_hint(errp, "decrypt it with qemu-img convert\n");
        return false;
    }
    return true;
}

/* Names of feature bits, from the image itself. */
static char *feature_names(const uint8_t *ext, uint32_t len, uint64_t bits)
{
    GString *names = g_string_new(NULL);

    for (uint32_t i = 0; ext && i + 48 <= len; i += 48) {
        if (ext[i] == 0 && ext[i + 1] < 64 && (bits & BIT_ULL(ext[i + 1]))) {
            g_string_append_printf(names, "%s%.46s", names->len ? ", " : "", ext + i + 2);
            bits &= ~BIT_ULL(ext[i + 1]);
        }
    }
    if (bits) {
        g_string_append_printf(names, "%sUnknown incompatible feature: %" PRIx64,
                               names->len ? ", " : "", bits);
    }
    return g_string_free(names, FALSE);
}

static bool check_features(Qcow2State *s, const uint8_t *names_ext, uint32_t names_len,
                           Error **errp)
{
    uint64_t known = QCOW2_INCOMPAT_DIRTY | QCOW2_INCOMPAT_CORRUPT | QCOW2_INCOMPAT_COMPRESSION;

    if (s->incompat & QCOW2_INCOMPAT_DATA_FILE) {
        error_setg(errp, "image '%s' keeps its data in another file, which is not supported",
                   s->bs->filename);
        error_append_hint(errp, "copy it with qemu-img convert\n");
        return false;
    }
    if (s->incompat & ~known) {
        g_autofree char *names = feature_names(names_ext, names_len, s->incompat & ~known);

        error_setg(errp, "Unsupported qcow2 feature(s): %s", names);
        return false;
    }
    if ((s->incompat & QCOW2_INCOMPAT_CORRUPT) && !s->bs->read_only) {
        error_setg(errp, "qcow2: Image is corrupt; cannot be opened read/write");
        error_append_hint(errp, "repair it with qemu-img check -r all\n");
        return false;
    }
    return true;
}

static bool read_v3_fields(Qcow2State *s, Error **errp)
{
    const uint8_t *h = s->header;

    s->refcount_order = 4;
    if (s->version >= 3) {
        s->incompat = be64(h + QH_INCOMPAT);
        s->compat = be64(h + QH_COMPAT);
        s->refcount_order = be32(h + QH_REFCOUNT_ORDER);
    }
    if (s->refcount_order > 6) {
        error_setg(errp, "Reference count entry width too large; may not exceed 64 bits");
        return false;
    }
    s->refs_per_block = s->cluster_size * 8 >> s->refcount_order;
    if (s->version >= 3 && s->header_len > QH_COMPRESSION) {
        s->zstd = h[QH_COMPRESSION] == 1;
        if (h[QH_COMPRESSION] > 1) {
            error_setg(errp, "qcow2: unknown compression type: %u", h[QH_COMPRESSION]);
            return false;
        }
    }
    if (s->zstd != !!(s->incompat & QCOW2_INCOMPAT_COMPRESSION)) {
        error_setg(errp, "qcow2: Compression type incompatible feature bit must %s",
                   s->zstd ? "be set" : "not be set");
        return false;
    }
    return true;
}

/* The header's cluster: extensions and the backing file's name. */
static bool read_extensions(Qcow2State *s, Error **errp)
{
    g_autofree uint8_t *buf = g_malloc(s->cluster_size);
    uint64_t backing = be64(s->header + QH_BACKING_OFFSET), at = s->header_len;
    uint32_t backing_len = be32(s->header + QH_BACKING_LEN);
    uint64_t end = backing ? backing : s->cluster_size;
    const uint8_t *names = NULL;
    uint32_t names_len = 0;
    int ret = bdrv_pread(s->bs->file->bs, 0, buf, s->cluster_size);

    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read qcow2 header");
        return false;
    }
    if (backing > s->cluster_size) {
        error_setg(errp, "Invalid backing file offset");
        return false;
    }
    if (backing && backing_len > MIN(1023, s->cluster_size - backing)) {
        error_setg(errp, "Backing file name too long");
        return false;
    }
    while (at + 8 <= end && be32(buf + at) != EXT_END) {
        uint32_t type = be32(buf + at), len = be32(buf + at + 4);

        at += 8;
        if (len > end - at) {
            error_setg(errp, "Header extension too large");
            return false;
        }
        if (type == EXT_BACKING_FORMAT && !s->backing_format) {
            s->backing_format = g_strndup((char *)buf + at, len);
        } else if (type == EXT_FEATURE_NAMES) {
            names = buf + at;
            names_len = len;
        }
        at = ROUND_UP(at + len, 8ull);
    }
    if (backing && backing_len) {
        s->backing_name = g_strndup((char *)buf + backing, backing_len);
    }
    return check_features(s, names, names_len, errp);
}

/* An offset of a table that must lie in the file. */
static bool check_table(const Qcow2State *s, const char *what, uint64_t offset, uint64_t bytes,
                        Error **errp)
{
    uint64_t length = (uint64_t)bdrv_length(s->bs->file->bs);

    if (offset & (s->cluster_size - 1) || (!offset && bytes)) {
        error_setg(errp, "%s offset invalid", what);
        return false;
    }
    if (offset > length || bytes > length - offset) {
        error_setg(errp, "%s lies beyond the end of the image file", what);
        return false;
    }
    return true;
}

/* Big-endian numbers of 8 bytes; NULL with an error. */
static uint64_t *load_table(Qcow2State *s, const char *what, uint64_t offset, uint64_t entries,
                            Error **errp)
{
    uint64_t *table = g_try_malloc(MAX(entries, 1) * 8);
    int ret = table ? bdrv_pread(s->bs->file->bs, (int64_t)offset, table, entries * 8) : -ENOMEM;

    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not read %s", what);
        g_free(table);
        return NULL;
    }
    for (uint64_t i = 0; i < entries; i++) {
        table[i] = GUINT64_FROM_BE(table[i]);
    }
    return table;
}

static bool load_reftable(Qcow2State *s, Error **errp)
{
    uint64_t bytes;

    s->reftable_offset = be64(s->header + QH_REFTABLE_OFFSET);
    s->reftable_clusters = be32(s->header + QH_REFTABLE_CLUSTERS);
    bytes = (uint64_t)s->reftable_clusters << s->cluster_bits;
    if (!bytes) {
        error_setg(errp, "Image does not contain a reference count table");
        return false;
    }
    if (bytes > QCOW2_MAX_REFTABLE) {
        error_setg(errp, "Reference count table too large");
        return false;
    }
    if (!check_table(s, "Reference count table", s->reftable_offset, bytes, errp)) {
        return false;
    }
    s->reftable_entries = (uint32_t)(bytes / 8);
    s->reftable = load_table(s, "reference count table", s->reftable_offset, bytes / 8, errp);
    return s->reftable != NULL;
}

static bool load_l1(Qcow2State *s, Error **errp)
{
    uint64_t size = be64(s->header + QH_SIZE), needed;

    if (size > (uint64_t)BDRV_MAX_LENGTH) {
        error_setg(errp, "Image is too big");
        return false;
    }
    s->l1_size = be32(s->header + QH_L1_SIZE);
    s->l1_offset = be64(s->header + QH_L1_OFFSET);
    if ((uint64_t)s->l1_size * 8 > QCOW2_MAX_L1_BYTES) {
        error_setg(errp, "Active L1 table too large");
        return false;
    }
    needed = qcow2_l1_entries(s, size);
    if (needed > QCOW2_MAX_L1_BYTES / 8) {
        error_setg(errp, "Image is too big");
        return false;
    }
    if (s->l1_size < needed) {
        error_setg(errp, "L1 table is too small");
        return false;
    }
    s->vm_state_index = (uint32_t)needed;
    if (!check_table(s, "Active L1 table", s->l1_offset, (uint64_t)s->l1_size * 8, errp)) {
        return false;
    }
    s->l1 = load_table(s, "L1 table", s->l1_offset, s->l1_size, errp);
    bdrv_set_total(s->bs, (int64_t)ROUND_UP(size, (uint64_t)BDRV_SECTOR_SIZE));
    return s->l1 != NULL;
}

/* For writing every table must have a place of its own. */
static bool note_tables(Qcow2State *s, Error **errp)
{
    const struct {
        const char *what;
        const uint64_t *table;
        uint64_t count, mask;
    } tables[] = {
        { "L2 table", s->l1, s->l1_size, QCOW2_OFFSET_MASK },
        { "refcount block", s->reftable, s->reftable_entries, ~511ull },
    };

    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        for (uint64_t i = 0; i < tables[t].count; i++) {
            uint64_t offset = tables[t].table[i] & tables[t].mask;

            if (!offset) {
                continue;
            }
            if (offset & (s->cluster_size - 1) || offset >= QCOW2_MAX_OFFSET) {
                error_setg(errp, "%s %" PRIu64 " has the impossible offset %#" PRIx64,
                           tables[t].what, i, offset);
                return false;
            }
            if (qcow2_overlaps(s, offset, s->cluster_size)) {
                error_setg(errp, "%s %" PRIu64 " at %#" PRIx64 " overlaps other metadata",
                           tables[t].what, i, offset);
                return false;
            }
            qcow2_note_metadata(s, offset, true);
        }
    }
    return true;
}

static unsigned cache_tables(const Qcow2State *s, bool given, int64_t bytes, uint64_t fallback,
                             uint64_t useful)
{
    uint64_t size = given && bytes > 0 ? (uint64_t)bytes : fallback;

    return (unsigned)MIN(MIN(size / s->cluster_size, useful), 1u << 20);
}

static void init_caches(Qcow2State *s, const BlockdevOptionsQcow2 *o)
{
    int64_t ref_bytes = o->has_refcount_cache_size ? o->refcount_cache_size : 0;
    int64_t l2_bytes = o->has_l2_cache_size ? o->l2_cache_size
                       : o->has_cache_size  ? o->cache_size - ref_bytes
                                            : 0;

    qcow2_cache_init(&s->l2_cache, cache_tables(s, l2_bytes > 0, l2_bytes, DEFAULT_L2_CACHE_BYTES,
                                                (uint64_t)s->l1_size + 2));
    qcow2_cache_init(&s->ref_cache, MAX(cache_tables(s, ref_bytes > 0, ref_bytes,
                                                     DEFAULT_REF_CACHE_BYTES, 1u << 20), 4));
}

static bool setup_lazy(Qcow2State *s, const BlockdevOptionsQcow2 *o, Error **errp)
{
    s->lazy = o->has_lazy_refcounts ? o->lazy_refcounts
                                    : s->compat & QCOW2_COMPAT_LAZY_REFCOUNTS;
    if (s->lazy && s->version < 3) {
        error_setg(errp, "Lazy refcounts require a qcow2 image with at least qemu 1.1 "
                         "compatibility level");
        return false;
    }
    s->lazy = s->lazy && s->writable;
    return true;
}

/* What a writer has to do first. */
static bool prepare_writing(Qcow2State *s, Error **errp)
{
    int ret = 0;

    if (s->version >= 3 && be64(s->header + QH_AUTOCLEAR)) {
        put_be64(s->header + QH_AUTOCLEAR, 0);
        ret = qcow2_write_header(s);
    }
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Could not update qcow2 header");
        return false;
    }
    return !(s->incompat & QCOW2_INCOMPAT_DIRTY) || qcow2_repair(s, errp);
}

/* The node the header names as backing file. */
static BlockNode *open_named_backing(Qcow2State *s, const BlockdevOptions *outer, Error **errp)
{
    g_autofree char *dir = g_path_get_dirname(s->bs->filename), *path = NULL;
    const char *name = s->backing_name, *format = s->backing_format;
    BlockdevOptions file = { .driver = BLOCKDEV_DRIVER_FILE }, opts = { 0 };
    BlockdevOptionsFile o = { 0 };
    BlockdevRef ref = { .branch = BLOCKDEV_REF_BRANCH_DEFINITION, .u.definition = &file };
    BlockdevOptionsRaw raw = { .file = &ref };
    BlockdevOptionsQcow2 qcow2 = { .file = &ref };
    int driver;

    if (!bdrv_check_filename(name, errp)) {
        error_prepend(errp, "backing file of '%s': ", s->bs->filename);
        return NULL;
    }
    name += g_str_has_prefix(name, "file:") ? 5 : 0;
    path = g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(dir, name, NULL);
    format = format ? format : bdrv_probe_format(path);
    driver = qapi_enum_parse(&qapi_type_BlockdevDriver, format);
    if (driver != BLOCKDEV_DRIVER_RAW && driver != BLOCKDEV_DRIVER_QCOW2) {
        error_setg(errp, "Could not open backing file: Unknown driver '%s'", format);
        return NULL;
    }
    file.driver = bdrv_path_is_device(path) ? BLOCKDEV_DRIVER_HOST_DEVICE : BLOCKDEV_DRIVER_FILE;
    o.filename = path;
    file.u.any = &o;
    opts.driver = driver;
    opts.cache = outer->cache;
    opts.has_read_only = true;
    opts.read_only = true;
    opts.has_force_share = outer->has_force_share;
    opts.force_share = outer->force_share && s->bs->force_share;
    opts.u.any = driver == BLOCKDEV_DRIVER_RAW ? (void *)&raw : (void *)&qcow2;
    return bdrv_open(&opts, errp);
}

static bool open_backing(Qcow2State *s, const BlockdevOptions *opts, Error **errp)
{
    const BlockdevRefOrNull *b = opts->u.qcow2->backing;
    BlockNode *bs = s->bs, *backing;

    if (b && b->branch == BLOCKDEV_REF_OR_NULL_BRANCH_NULL) {
        return true;
    }
    if (b) {
        BlockdevRef ref = { 0 };

        ref.branch = b->branch == BLOCKDEV_REF_OR_NULL_BRANCH_DEFINITION
                         ? BLOCKDEV_REF_BRANCH_DEFINITION : BLOCKDEV_REF_BRANCH_REFERENCE;
        ref.u.definition = b->u.definition; /* or .reference: both pointers */
        if (ref.branch == BLOCKDEV_REF_BRANCH_REFERENCE) {
            ref.u.reference = b->u.reference;
        }
        return bdrv_open_child(bs, &bs->backing, "backing", BLOCK_ROLE_COW, &ref, opts, errp);
    }
    if (!s->backing_name) {
        return true;
    }
    backing = open_named_backing(s, opts, errp);
    if (!backing) {
        error_prepend(errp, "Could not open backing file: ");
        return false;
    }
    return bdrv_attach_child(bs, &bs->backing, "backing", BLOCK_ROLE_COW, backing, errp);
}

static void state_free(Qcow2State *s)
{
    qcow2_free_snapshots(s);
    g_ptr_array_free(s->snapshots, TRUE);
    g_hash_table_destroy(s->metadata);
    g_clear_pointer(&s->l2_cache.by_offset, g_hash_table_destroy);
    g_clear_pointer(&s->ref_cache.by_offset, g_hash_table_destroy);
    g_array_free(s->pending, TRUE);
    g_free(s->l1);
    g_free(s->reftable);
    g_free(s->backing_name);
    g_free(s->backing_format);
    g_mutex_clear(&s->lock);
    g_mutex_clear(&s->range_lock);
    g_cond_clear(&s->range_cond);
}

static void state_init(Qcow2State *s, BlockNode *bs)
{
    s->bs = bs;
    s->writable = !bs->read_only && !bs->inactive;
    s->snapshots = g_ptr_array_new();
    s->metadata = g_hash_table_new(NULL, NULL);
    s->pending = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    g_mutex_init(&s->lock);
    g_mutex_init(&s->range_lock);
    g_cond_init(&s->range_cond);
    g_queue_init(&s->ranges);
}

static bool load_image(Qcow2State *s, Error **errp)
{
    const BlockdevOptionsQcow2 *o = &s->given;

    if (!read_header(s, errp) || !read_v3_fields(s, errp) || !read_extensions(s, errp) ||
        !load_reftable(s, errp) || !load_l1(s, errp) || !qcow2_load_snapshots(s, errp) ||
        !setup_lazy(s, o, errp)) {
        return false;
    }
    s->header_len = MIN(s->header_len, QH_MAX_LEN);
    s->corrupt = s->incompat & QCOW2_INCOMPAT_CORRUPT;
    init_caches(s, o);
    return !s->writable || (note_tables(s, errp) && prepare_writing(s, errp));
}

static bool qcow2_open(BlockNode *bs, const BlockdevOptions *opts, Error **errp)
{
    Qcow2State *s = bs->state;

    if (!bdrv_open_child(bs, &bs->file, "file", BLOCK_ROLE_STORAGE, opts->u.qcow2->file, opts,
                         errp)) {
        return false;
    }
    bs->filename = g_strdup(bs->file->bs->filename);
    bs->read_only = bs->read_only || bs->file->bs->read_only;
    bs->mem_alignment = bs->file->bs->mem_alignment;
    bs->request_alignment = bs->file->bs->request_alignment;
    state_init(s, bs);
    s->given = *opts->u.qcow2;
    s->given.file = NULL;
    s->given.backing = NULL;
    if (!load_image(s, errp) || !open_backing(s, opts, errp)) {
        state_free(s);
        return false;
    }
    return true;
}

/* Everything that is in memory goes to the image. */
static int write_back(Qcow2State *s)
{
    int ret;

    g_mutex_lock(&s->lock);
    ret = qcow2_flush_locked(s); /* takes pending references back: in memory */
    if (s->writable && !s->corrupt && ret == 0) {
        ret = qcow2_cache_write(s, &s->ref_cache);
        if (ret == 0 && s->dirty_set) {
            ret = bdrv_flush(s->bs->file->bs);
            ret = ret ? ret : qcow2_set_dirty_bit(s, false);
        }
    }
    g_mutex_unlock(&s->lock);
    return ret;
}

static int qcow2_inactivate(BlockNode *bs)
{
    Qcow2State *s = bs->state;
    int ret = s->writable ? write_back(s) : 0;

    if (ret == 0) {
        s->writable = false;
    }
    return ret;
}

/* Another process has written the image: all of its metadata is read again. */
static bool qcow2_activate(BlockNode *bs, Error **errp)
{
    Qcow2State *s = bs->state;
    BlockdevOptionsQcow2 given = s->given;

    state_free(s);
    memset(s, 0, sizeof(*s));
    state_init(s, bs);
    s->given = given;
    if (!load_image(s, errp)) {
        error_prepend(errp, "Could not read image '%s' again: ", bs->filename);
        s->corrupt = true; /* no request may use what is not there */
        s->writable = false;
        s->l1_size = s->reftable_entries = 0;
        bdrv_set_total(bs, 0);
        return false;
    }
    return true;
}

static void qcow2_close(BlockNode *bs)
{
    Qcow2State *s = bs->state;
    int ret = bs->inactive ? 0 : write_back(s);

    if (ret < 0) {
        error_report("Lost persistent metadata of '%s' at close: %s", bs->filename,
                     g_strerror(-ret));
    }
    state_free(s);
}

/* --- The driver's functions --- */

static int qcow2_preadv(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov,
                        size_t bytes)
{
    Qcow2State *s = bs->state;
    RangeLock *range = qcow2_range_lock(s, (uint64_t)offset, bytes, false);
    int ret = qcow2_read(s, (uint64_t)offset, iov, niov, bytes);

    qcow2_range_unlock(s, range);
    return ret;
}

static int qcow2_pwritev(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov,
                         size_t bytes, int flags)
{
    return qcow2_write(bs->state, (uint64_t)offset, iov, niov, bytes);
}

static int qcow2_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    return qcow2_zero(bs->state, (uint64_t)offset, (uint64_t)bytes, flags);
}

static int qcow2_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes)
{
    return qcow2_discard(bs->state, (uint64_t)offset, (uint64_t)bytes, false);
}

static int qcow2_flush(BlockNode *bs)
{
    Qcow2State *s = bs->state;
    int ret;

    g_mutex_lock(&s->lock);
    ret = s->corrupt ? -EIO : qcow2_flush_locked(s);
    g_mutex_unlock(&s->lock);
    return ret;
}

/* --- Resizing --- */

int qcow2_grow_l1(Qcow2State *s, uint64_t entries)
{
    uint64_t old_offset = s->l1_offset, old_bytes = (uint64_t)s->l1_size * 8, offset;
    uint64_t count = DIV_ROUND_UP(entries * 8, s->cluster_size);
    uint32_t old_size = s->l1_size;
    int ret;

    if (entries <= s->l1_size) {
        return 0;
    }
    if (entries * 8 > QCOW2_MAX_L1_BYTES) {
        return -EFBIG;
    }
    ret = qcow2_alloc_exactly(s, count, &offset);
    if (ret < 0) {
        return ret;
    }
    s->l1 = g_renew(uint64_t, s->l1, entries);
    memset(s->l1 + old_size, 0, (entries - old_size) * 8);
    s->l1_size = (uint32_t)entries;
    s->l1_offset = offset;
    s->l1_dirty = true;
    ret = qcow2_write_metadata(s);
    ret = ret ? ret : qcow2_cache_write(s, &s->ref_cache);
    ret = ret ? ret : bdrv_flush(s->bs->file->bs);
    put_be32(s->header + QH_L1_SIZE, s->l1_size);
    put_be64(s->header + QH_L1_OFFSET, s->l1_offset);
    ret = ret ? ret : qcow2_write_header(s);
    if (ret < 0) {
        s->l1_size = old_size;
        s->l1_offset = old_offset;
        s->l1_dirty = true;
        put_be32(s->header + QH_L1_SIZE, s->l1_size);
        put_be64(s->header + QH_L1_OFFSET, s->l1_offset);
        qcow2_free_now(s, offset, count);
        return ret;
    }
    qcow2_free_later(s, old_offset, DIV_ROUND_UP(old_bytes, s->cluster_size));
    return qcow2_flush_locked(s);
}

static int write_size(Qcow2State *s, uint64_t bytes)
{
    uint64_t old = be64(s->header + QH_SIZE);
    int ret;

    put_be64(s->header + QH_SIZE, bytes);
    ret = qcow2_write_header(s);
    if (ret < 0) {
        put_be64(s->header + QH_SIZE, old);
        return ret;
    }
    s->vm_state_index = (uint32_t)qcow2_l1_entries(s, bytes);
    bdrv_set_total(s->bs, (int64_t)bytes);
    return bdrv_flush(s->bs->file->bs);
}

/* What is left of a VM state must not become disk. */
static int drop_vm_state(Qcow2State *s)
{
    uint64_t per = s->cluster_size << s->l2_bits;

    return s->l1_size > s->vm_state_index
               ? qcow2_discard(s, s->vm_state_index * per, (s->l1_size - s->vm_state_index) * per,
                               true)
               : 0;
}

static int grow(Qcow2State *s, uint64_t old, uint64_t bytes)
{
    uint64_t below = s->bs->backing ? (uint64_t)bdrv_length(s->bs->backing->bs) : 0;
    int ret = drop_vm_state(s);

    g_mutex_lock(&s->lock);
    ret = ret ? ret : qcow2_grow_l1(s, qcow2_l1_entries(s, bytes));
    ret = ret ? ret : write_size(s, bytes);
    g_mutex_unlock(&s->lock);
    if (ret == 0 && below > old) { /* what the backing file has there must not show */
        ret = bdrv_pwrite_zeroes(s->bs, (int64_t)old, (int64_t)(MIN(bytes, below) - old), 0);
    }
    return ret;
}

static int shrink(Qcow2State *s, uint64_t old, uint64_t bytes)
{
    uint64_t whole = ROUND_UP(bytes, s->cluster_size), tail = MIN(whole, old) - bytes;
    int ret = 0;

    if (tail) {
        g_autofree void *zeroes = g_malloc0(tail);

        ret = bdrv_pwrite(s->bs, (int64_t)bytes, zeroes, tail, 0);
    }
    if (ret == 0 && whole < old) {
        ret = qcow2_discard(s, whole, ROUND_UP(old, s->cluster_size) - whole, true);
    }
    g_mutex_lock(&s->lock);
    ret = ret ? ret : qcow2_flush_locked(s);
    ret = ret ? ret : write_size(s, bytes);
    g_mutex_unlock(&s->lock);
    return ret;
}

static bool qcow2_truncate(BlockNode *bs, int64_t bytes, Error **errp)
{
    Qcow2State *s = bs->state;
    uint64_t old = (uint64_t)bdrv_get_total(bs);
    int ret;

    if (bytes & 511) {
        error_setg(errp, "The new size must be a multiple of 512");
        return false;
    }
    if (s->version < 3 && s->snapshots->len) {
        error_setg(errp, "Can't resize a version 2 image which has snapshots");
        return false;
    }
    if (qcow2_l1_entries(s, (uint64_t)bytes) > QCOW2_MAX_L1_BYTES / 8) {
        error_setg(errp, "The new size of '%s' is too large for its cluster size", bs->filename);
        return false;
    }
    ret = (uint64_t)bytes >= old ? grow(s, old, (uint64_t)bytes) : shrink(s, old, (uint64_t)bytes);
    if (ret < 0) {
        error_setg_errno(errp, -ret, "Failed to resize '%s'", bs->filename);
    }
    return ret == 0;
}

static void qcow2_image_info(BlockNode *bs, ImageInfo *info)
{
    const Qcow2State *s = bs->state;
    ImageInfoSpecificQCow2 *q = g_new0(ImageInfoSpecificQCow2, 1);

    info->has_cluster_size = true;
    info->cluster_size = (int64_t)s->cluster_size;
    info->dirty_flag = s->incompat & QCOW2_INCOMPAT_DIRTY;
    info->backing_filename = g_strdup(s->backing_name);
    info->backing_filename_format = g_strdup(s->backing_format);
    q->compat = g_strdup(s->version < 3 ? "0.10" : "1.1");
    q->refcount_bits = 1 << s->refcount_order;
    q->compression_type = s->zstd ? QCOW2_COMPRESSION_TYPE_ZSTD : QCOW2_COMPRESSION_TYPE_ZLIB;
    q->has_lazy_refcounts = q->has_corrupt = q->has_extended_l2 = s->version >= 3;
    q->lazy_refcounts = s->compat & QCOW2_COMPAT_LAZY_REFCOUNTS;
    q->corrupt = s->incompat & QCOW2_INCOMPAT_CORRUPT;
    info->format_specific = g_new0(ImageInfoSpecific, 1);
    info->format_specific->type = IMAGE_INFO_SPECIFIC_KIND_QCOW2;
    info->format_specific->u.qcow2 = g_new0(ImageInfoSpecificQCow2Wrapper, 1);
    info->format_specific->u.qcow2->data = q;
}

const BlockDriver block_driver_qcow2 = {
    .name = "qcow2",
    .id = BLOCKDEV_DRIVER_QCOW2,
    .state_size = sizeof(Qcow2State),
    .is_format = true,
    .file_role = BLOCK_ROLE_STORAGE,
    .open = qcow2_open,
    .close = qcow2_close,
    .activate = qcow2_activate,
    .inactivate = qcow2_inactivate,
    .preadv = qcow2_preadv,
    .pwritev = qcow2_pwritev,
    .pwrite_zeroes = qcow2_pwrite_zeroes,
    .pdiscard = qcow2_pdiscard,
    .flush = qcow2_flush,
    .truncate = qcow2_truncate,
    .image_info = qcow2_image_info,
    .snapshot = &qcow2_snapshot_ops,
};
