/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 images, versions 2 and 3 (docs/interop/qcow2 of the QEMU project is the format's
 * specification). What the files block/qcow2*.c share.
 *
 * Locks: RangeLock entries order requests on guest clusters (shared: reads and writes in place;
 * exclusive: whatever changes the mapping; snapshots and resizing take everything). .lock protects
 * all metadata and is held across metadata I/O, never across data I/O. A request takes its range
 * first, then .lock.
 *
 * Order of metadata on disk, so that a crash only ever leaks clusters:
 *   1. reference counts that grew, and data
 *   2. (sync) L2 tables
 *   3. (sync) the L1 table
 *   4. (sync) only now clusters that were given up lose their references, and may be used again
 * Snapshots, refcount table growth and repair build new tables beside the old ones and switch by
 * one write of the header (qcow2-txn.c).
 */
#ifndef BLOCK_QCOW2_H
#define BLOCK_QCOW2_H

#include "block/block-int.h"
#include "block/snapshot.h"

#define QCOW2_MAGIC          0x514649fbu
#define QCOW2_MIN_BITS       9
#define QCOW2_MAX_BITS       21
#define QCOW2_MAX_L1_BYTES   (32 * MiB)
#define QCOW2_MAX_REFTABLE   (8 * MiB)
#define QCOW2_MAX_SNAPSHOTS  65536u
#define QCOW2_MAX_SNAP_BYTES (64 * MiB)
#define QCOW2_MAX_OFFSET     (1ull << 56)
#define QCOW2_MAX_PENDING    16384u

#define QCOW2_COPIED      (1ull << 63)
#define QCOW2_COMPRESSED  (1ull << 62)
#define QCOW2_ZERO        1ull
#define QCOW2_OFFSET_MASK 0x00fffffffffffe00ull

enum {
    QCOW2_INCOMPAT_DIRTY = 1 << 0,
    QCOW2_INCOMPAT_CORRUPT = 1 << 1,
    QCOW2_INCOMPAT_DATA_FILE = 1 << 2,
    QCOW2_INCOMPAT_COMPRESSION = 1 << 3,
    QCOW2_INCOMPAT_EXTL2 = 1 << 4,
    QCOW2_COMPAT_LAZY_REFCOUNTS = 1 << 0,
};

/* Offsets in the header; all numbers are big endian. */
enum {
    QH_MAGIC = 0,
    QH_VERSION = 4,
    QH_BACKING_OFFSET = 8,
    QH_BACKING_LEN = 16,
    QH_CLUSTER_BITS = 20,
    QH_SIZE = 24,
    QH_CRYPT = 32,
    QH_L1_SIZE = 36,
    QH_L1_OFFSET = 40,
    QH_REFTABLE_OFFSET = 48,
    QH_REFTABLE_CLUSTERS = 56,
    QH_NB_SNAPSHOTS = 60,
    QH_SNAPSHOTS_OFFSET = 64,
    QH_V2_LEN = 72,
    QH_INCOMPAT = 72,
    QH_COMPAT = 80,
    QH_AUTOCLEAR = 88,
    QH_REFCOUNT_ORDER = 96,
    QH_HEADER_LEN = 100,
    QH_V3_LEN = 104,
    QH_COMPRESSION = 104,
    QH_MAX_LEN = 112,
};

/* One table of a cluster's size. */
typedef struct Qcow2Table {
    uint64_t offset;
    bool dirty;
    uint64_t used; /* for eviction */
    uint8_t *data;
} Qcow2Table;

typedef struct Qcow2Cache {
    GHashTable *by_offset; /* guint64 * in the table -> Qcow2Table */
    unsigned max;
    uint64_t clock;
    unsigned nr_dirty;
} Qcow2Cache;

typedef struct Qcow2Snapshot {
    uint64_t l1_offset;
    uint32_t l1_size;
    SnapshotInfo info;
    uint8_t *extra; /* what follows the fields we know */
    uint32_t extra_len;
} Qcow2Snapshot;

/* A request's clusters, in the order of arrival. */
typedef struct RangeLock {
    uint64_t start, end;
    bool exclusive;
} RangeLock;

typedef struct Qcow2State {
    BlockNode *bs;
    uint8_t header[QH_MAX_LEN]; /* as on disk */
    uint32_t header_len, version;
    unsigned cluster_bits, l2_bits, refcount_order;
    uint64_t cluster_size, l2_entries, refs_per_block;
    uint64_t incompat, compat;
    bool zstd, has_compression_field;
    BlockdevOptionsQcow2 given; /* the numbers; pointers are NULL */
    bool writable;  /* opened for writing, and not inactive */
    bool corrupt;   /* found, or marked: no more writes */
    bool lazy;      /* lazy refcounts are on; .dirty_set: the dirty bit is on disk */
    bool dirty_set;

    GMutex range_lock; /* leaf: .ranges */
    GCond range_cond;
    GQueue ranges; /* of RangeLock */

    GMutex lock; /* everything below */
    uint64_t *l1; /* host order */
    uint32_t l1_size, vm_state_index; /* entries; the first one that is not the disk's */
    uint64_t l1_offset;
    bool l1_dirty;
    Qcow2Cache l2_cache, ref_cache;
    uint64_t *reftable; /* host order */
    uint32_t reftable_entries, reftable_clusters;
    uint64_t reftable_offset;
    uint64_t free_index;  /* no free cluster is before this one */
    GArray *pending;      /* uint64_t: clusters that lose a reference in step 4 */
    GHashTable *metadata; /* cluster numbers of L2 tables and refcount blocks in use */
    GPtrArray *snapshots; /* of Qcow2Snapshot */
    uint64_t snapshots_offset, snapshots_bytes;
    struct {              /* .l1 and so on while those of a snapshot stand in their place */
        uint64_t *l1;
        uint32_t l1_size, vm_state_index;
        bool on;
    } own;
    struct Qcow2Txn *txn; /* NULL: none */
    char *backing_name, *backing_format;
    uint64_t opened_size_max; /* larger of file length and what we allocated */
} Qcow2State;

static inline uint64_t be64(const void *p)
{
    uint64_t v;

    memcpy(&v, p, 8);
    return GUINT64_FROM_BE(v);
}

static inline uint32_t be32(const void *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return GUINT32_FROM_BE(v);
}

static inline uint16_t be16(const void *p)
{
    uint16_t v;

    memcpy(&v, p, 2);
    return GUINT16_FROM_BE(v);
}

static inline void put_be64(void *p, uint64_t v)
{
    v = GUINT64_TO_BE(v);
    memcpy(p, &v, 8);
}

static inline void put_be32(void *p, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    memcpy(p, &v, 4);
}

static inline void put_be16(void *p, uint16_t v)
{
    v = GUINT16_TO_BE(v);
    memcpy(p, &v, 2);
}

static inline uint64_t qcow2_l1_index(const Qcow2State *s, uint64_t guest)
{
    return guest >> (s->cluster_bits + s->l2_bits);
}

static inline uint64_t qcow2_l2_index(const Qcow2State *s, uint64_t guest)
{
    return (guest >> s->cluster_bits) & (s->l2_entries - 1);
}

/* L1 entries that @size bytes of disk need. */
static inline uint64_t qcow2_l1_entries(const Qcow2State *s, uint64_t size)
{
    uint64_t per = s->cluster_size << s->l2_bits;

    return size / per + (size % per != 0);
}

/* --- qcow2-cache.c: tables in memory. .lock held. --- */

void qcow2_cache_init(Qcow2Cache *c, unsigned max);
void qcow2_cache_clear(Qcow2Cache *c);
/* The table at @offset, read if need be; valid until the next call for this cache. NULL: *ret. */
Qcow2Table *qcow2_cache_get(Qcow2State *s, Qcow2Cache *c, uint64_t offset, int *ret);
/* A table of zeroes that will be at @offset, dirty. */
Qcow2Table *qcow2_cache_new(Qcow2State *s, Qcow2Cache *c, uint64_t offset, int *ret);
void qcow2_cache_dirty(Qcow2Cache *c, Qcow2Table *t);
int qcow2_cache_write(Qcow2State *s, Qcow2Cache *c);
void qcow2_cache_forget(Qcow2Cache *c, uint64_t offset);
/* Steps 1..3 of the order above. */
int qcow2_write_metadata(Qcow2State *s);
/* Steps 1..4, with a sync. */
int qcow2_flush_locked(Qcow2State *s);

/* --- qcow2-refcount.c: .lock held --- */

int qcow2_get_refcount(Qcow2State *s, uint64_t cluster, uint64_t *count);
/* One more or one fewer; -EIO and the image marked corrupt below 0, -ERANGE above the maximum. */
int qcow2_change_refcount(Qcow2State *s, uint64_t cluster, int add);
/* Up to @want clusters in a row, at least one; *got. */
int qcow2_alloc(Qcow2State *s, uint64_t want, uint64_t *offset, uint64_t *got);
/* Exactly @count in a row. */
int qcow2_alloc_exactly(Qcow2State *s, uint64_t count, uint64_t *offset);
/* Gives back what no table on disk refers to. */
void qcow2_free_now(Qcow2State *s, uint64_t offset, uint64_t count);
/* Gives up references that tables on disk may still hold: step 4 takes them back. */
void qcow2_free_later(Qcow2State *s, uint64_t offset, uint64_t count);
int qcow2_apply_pending(Qcow2State *s);
/* The reference count in a block's data. */
uint64_t qcow2_ref_get(const Qcow2State *s, const uint8_t *block, uint64_t index);
void qcow2_ref_set(const Qcow2State *s, uint8_t *block, uint64_t index, uint64_t value);

/* --- qcow2-cluster.c --- */

typedef enum Qcow2Type {
    QCOW2_CLUSTER_UNALLOCATED,
    QCOW2_CLUSTER_ZERO,
    QCOW2_CLUSTER_NORMAL,
    QCOW2_CLUSTER_COMPRESSED,
} Qcow2Type;

typedef struct Qcow2Mapping {
    Qcow2Type type;
    bool copied;     /* normal: may be written in place */
    uint64_t host;   /* normal: of the first byte */
    uint64_t entry;  /* compressed: the L2 entry */
    uint64_t bytes;  /* for which this holds */
} Qcow2Mapping;

Qcow2Type qcow2_entry_type(uint64_t entry);
/* Host clusters an L2 entry refers to: @count 0 when none. False: the entry is invalid. */
bool qcow2_entry_clusters(const Qcow2State *s, uint64_t entry, uint64_t *offset, uint64_t *count);
/* What is behind @guest, at most @bytes of it. .lock held. */
int qcow2_map(Qcow2State *s, uint64_t guest, uint64_t bytes, Qcow2Mapping *m);
int qcow2_read(Qcow2State *s, uint64_t guest, const struct iovec *iov, int niov, size_t bytes);
int qcow2_write(Qcow2State *s, uint64_t guest, const struct iovec *iov, int niov, size_t bytes);
int qcow2_zero(Qcow2State *s, uint64_t guest, uint64_t bytes, int flags);
int qcow2_discard(Qcow2State *s, uint64_t guest, uint64_t bytes, bool drop);
/* Decompresses a cluster into @buf; no lock. */
int qcow2_read_compressed(Qcow2State *s, uint64_t entry, uint8_t *buf);

/* Exactly @out_len bytes, -EIO when the input is not that. */
int qcow2_decompress(bool zstd, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len);

RangeLock *qcow2_range_lock(Qcow2State *s, uint64_t guest, uint64_t bytes, bool exclusive);
RangeLock *qcow2_range_lock_all(Qcow2State *s);
void qcow2_range_unlock(Qcow2State *s, RangeLock *range);

/* --- qcow2.c --- */

/* Marks the image corrupt and says so once; returns -EIO. .lock held. */
int qcow2_corrupt(Qcow2State *s, uint64_t offset, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
/* Whether clusters hold metadata we know of, that data must not overwrite. */
bool qcow2_overlaps(const Qcow2State *s, uint64_t offset, uint64_t bytes);
int qcow2_write_header(Qcow2State *s);
/* A larger L1 table, on disk. .lock held. */
int qcow2_grow_l1(Qcow2State *s, uint64_t entries);
int qcow2_set_dirty_bit(Qcow2State *s, bool on);
void qcow2_note_metadata(Qcow2State *s, uint64_t offset, bool used);

/* --- qcow2-txn.c: new tables beside the old ones. .lock held, everything range-locked. --- */

typedef struct Qcow2Txn {
    uint64_t *old_reftable;
    uint32_t old_entries, old_clusters;
    uint64_t old_reftable_offset;
    GHashTable *shadowed; /* numbers of refcount blocks that have a new place */
    uint8_t *old_block;   /* one old block, for the allocator */
    uint64_t old_block_index;
    uint64_t saved_free_index, cursor; /* no cluster before .cursor can be taken now */
} Qcow2Txn;

int qcow2_txn_begin(Qcow2State *s);
/* Before refcount block @index is changed: gives it a new place. */
int qcow2_txn_shadow(Qcow2State *s, uint64_t index);
/* Whether a cluster was in use when the transaction began. */
int qcow2_txn_was_used(Qcow2State *s, uint64_t cluster, bool *used);
/* Writes everything; the header in .header (which the caller has changed) makes it valid. On
 * failure nothing has changed on disk and the caller restores what it changed in memory. */
int qcow2_txn_commit(Qcow2State *s);
void qcow2_txn_abort(Qcow2State *s);

/* --- qcow2-snapshot.c --- */

bool qcow2_load_snapshots(Qcow2State *s, Error **errp);
void qcow2_free_snapshots(Qcow2State *s);
extern const SnapshotOps qcow2_snapshot_ops;

/* --- qcow2-repair.c --- */

/* Counts all references anew and writes new refcount tables: images that were not closed. */
bool qcow2_repair(Qcow2State *s, Error **errp);

#endif
