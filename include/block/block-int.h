/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What block drivers see of a node, and what they implement. Only block/ and its tests. */
#ifndef BLOCK_BLOCK_INT_H
#define BLOCK_BLOCK_INT_H

#include "block/block.h"
#include "block/snapshot.h"

/* What a parent is to its child; from it follow the permissions it wants. */
typedef enum BlockRole {
    BLOCK_ROLE_ROOT,     /* a BlockBackend */
    BLOCK_ROLE_STORAGE,  /* a format's image file: nobody else may write or resize it */
    BLOCK_ROLE_FILTERED, /* requests are passed on: wants what its own parents want */
    BLOCK_ROLE_COW,      /* under an overlay: must not change */
} BlockRole;

struct BlockEdge {
    char *name; /* "file", "backing", "image", "root" */
    BlockRole role;
    BlockNode *bs;      /* the child; this edge holds a reference */
    BlockNode *parent;  /* NULL for BLOCK_ROLE_ROOT */
    char *parent_label; /* for messages about permissions */
    uint64_t perm, shared;
};

/*
 * Offsets and lengths are checked against the node's length before a driver sees them (drivers with
 * .growable excepted), sums cannot overflow. I/O functions block; several run at a time in
 * different threads; 0 or -errno.
 */
typedef struct BlockDriver {
    const char *name;
    BlockdevDriver id;
    size_t state_size;
    bool is_format; /* its data live in a child */
    bool growable;  /* writes beyond the end make it longer; reads there are zeroes */
    BlockRole file_role;
    bool (*open)(BlockNode *bs, const BlockdevOptions *opts, Error **errp);
    /* After a flush; no requests are running. */
    void (*close)(BlockNode *bs);
    /* Take or give back what other processes must know (locks). Failure leaves things as before. */
    bool (*set_perm)(BlockNode *bs, uint64_t perm, uint64_t shared, Error **errp);
    /* .inactive of the node has just been cleared: another process may have changed the image. Is
     * about to be set: write everything back (0 or -errno). No requests are running. */
    bool (*activate)(BlockNode *bs, Error **errp);
    int (*inactivate)(BlockNode *bs);
    int (*preadv)(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov, size_t bytes);
    int (*pwritev)(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov, size_t bytes,
                   int flags);
    int (*pwrite_zeroes)(BlockNode *bs, int64_t offset, int64_t bytes, int flags);
    int (*pdiscard)(BlockNode *bs, int64_t offset, int64_t bytes);
    int (*flush)(BlockNode *bs);
    bool (*truncate)(BlockNode *bs, int64_t bytes, Error **errp);
    int64_t (*allocated_file_size)(BlockNode *bs);
    /* A file descriptor and offset to which a request can be handed as it is, without blocking and
     * without this driver learning of its completion; false: not so. */
    bool (*direct_fd)(BlockNode *bs, bool is_write, int64_t offset, size_t bytes, int *fd,
                      int64_t *fd_offset);
    /* Adds what the format knows. */
    void (*image_info)(BlockNode *bs, ImageInfo *info);
    const SnapshotOps *snapshot; /* NULL: has none */
} BlockDriver;

struct BlockNode {
    char *node_name;
    const BlockDriver *drv;
    void *state;
    char *filename;
    unsigned refcnt;
    bool monitor_owned;
    bool read_only, force_share, direct, no_flush;
    bool inactive; /* another process may write the image: nothing is written, no locks are held */
    BlockdevDiscardOptions discard;
    BlockdevDetectZeroesOptions detect_zeroes;
    BlockEdge *file, *backing; /* constant while requests run */
    GPtrArray *parents;        /* of BlockEdge */
    uint64_t perm, shared;     /* of all parents together */
    int64_t total_bytes;         /* atomic */
    uint64_t wr_highest_offset;  /* atomic */
    unsigned request_alignment, mem_alignment;
    unsigned depth; /* of the tree below it */
};

extern const BlockDriver block_driver_file, block_driver_host_device, block_driver_null_co,
    block_driver_qcow2, block_driver_raw;

/* For .open: makes *@edge refer to the node @ref means. Options that @ref leaves out follow
 * @opts, those of @bs. */
bool bdrv_open_child(BlockNode *bs, BlockEdge **edge, const char *name, BlockRole role,
                     const BlockdevRef *ref, const BlockdevOptions *opts, Error **errp);
/* Same for a node that is open; takes over the caller's reference. */
bool bdrv_attach_child(BlockNode *bs, BlockEdge **edge, const char *name, BlockRole role,
                       BlockNode *child, Error **errp);
void bdrv_detach_child(BlockEdge **edge);
/* For BlockBackend. */
BlockEdge *bdrv_root_attach(BlockNode *bs, const char *label, uint64_t perm, uint64_t shared,
                            Error **errp);
void bdrv_root_detach(BlockEdge *edge);
/* Brings a node, and what is below it, in line with what its parents want and .inactive says. */
bool bdrv_refresh_perm(BlockNode *bs, Error **errp);
/* Whether nodes that are opened now begin inactive. */
bool bdrv_opening_inactive(void);
bool bdrv_edge_set_perm(BlockEdge *edge, uint64_t perm, uint64_t shared, Error **errp);

static inline int64_t bdrv_get_total(const BlockNode *bs)
{
    return __atomic_load_n(&bs->total_bytes, __ATOMIC_ACQUIRE);
}

static inline void bdrv_set_total(BlockNode *bs, int64_t bytes)
{
    __atomic_store_n(&bs->total_bytes, bytes, __ATOMIC_RELEASE);
}

/* Sends BLOCK_IMAGE_CORRUPTED and a message. Any thread. */
void bdrv_report_corrupt(BlockNode *bs, const char *what, uint64_t offset, bool fatal);
/* False for names that need a protocol or a "json:" description we do not have. */
bool bdrv_check_filename(const char *filename, Error **errp);
bool bdrv_path_is_device(const char *path);
/* "qcow2" or "raw" by the file's first bytes. */
const char *bdrv_probe_format(const char *path);

/* QEMU's locks on an image file (block/file-lock.c). From what is held now, *@locked_perm and
 * *@locked_unshared, to what @perm and @shared need. False with an error, and nothing changed, when
 * another process stands against it. */
bool image_lock_apply(int fd, const char *filename, uint64_t *locked_perm,
                      uint64_t *locked_unshared, uint64_t perm, uint64_t shared, Error **errp);
/* Whether the file system of @fd has such locks. */
bool image_lock_supported(int fd);

#endif
