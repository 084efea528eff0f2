/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The graph of block nodes: opening, permissions, closing, and blocking I/O on a node.
 *
 *     BlockBackend  ->  format node (raw, qcow2)  ->  protocol node (file, host_device, null-co)
 *                           \-> backing: another format node, ...
 *
 * The graph changes in the main thread with the BQL held. bdrv_p*() and bdrv_flush() block and run
 * in worker threads (or wherever blocking is fine); they take no BQL. docs/devel/block.rst.
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include "qapi/qapi-types.h"
#include "qemu/error.h"

#include <sys/uio.h>

typedef struct BlockNode BlockNode;
typedef struct BlockEdge BlockEdge;
typedef struct BlockBackend BlockBackend;

#define BDRV_SECTOR_SIZE 512u
/* Largest image: offsets stay representable whatever is added to them. */
#define BDRV_MAX_LENGTH  ((int64_t)(INT64_MAX & ~1023ll))
/* Largest single request. */
#define BDRV_MAX_REQUEST ((int64_t)INT32_MAX & ~65535ll)
/* Longest chain of nodes under one another. */
#define BDRV_MAX_DEPTH   200

/* Request flags. */
enum {
    BDRV_REQ_FUA = 1 << 0,       /* on stable storage before the request completes */
    BDRV_REQ_MAY_UNMAP = 1 << 1, /* write_zeroes may free the space */
    BDRV_REQ_NO_FALLBACK = 1 << 2, /* write_zeroes: -ENOTSUP rather than writing a buffer */
};

/* What a parent does with a node, and what it lets others do. The bits also are the byte numbers
 * of QEMU's locks on image files. */
enum {
    BLK_PERM_CONSISTENT_READ = 1 << 0,
    BLK_PERM_WRITE = 1 << 1,
    BLK_PERM_WRITE_UNCHANGED = 1 << 2,
    BLK_PERM_RESIZE = 1 << 3,
    BLK_PERM_ALL = 0xf,
};
#define BLK_PERM_BITS 4
/* "consistent read", "write", ... of bit number @bit. */
const char *bdrv_perm_name(unsigned bit);

/* --- Opening and closing: main thread, BQL --- */

/* Opens the tree that @opts describes. The caller owns one reference. NULL with an error. */
BlockNode *bdrv_open(const BlockdevOptions *opts, Error **errp);
/* Same from JSON text as in -blockdev. */
BlockNode *bdrv_open_json(const char *json, Error **errp);
void bdrv_ref(BlockNode *bs);
/* Flushes and closes with the last reference. */
void bdrv_unref(BlockNode *bs);
/* By node-name; NULL. Borrowed. */
BlockNode *bdrv_find(const char *node_name);
/* All named nodes, oldest first (NULL starts); NULL at the end. */
BlockNode *bdrv_next(const BlockNode *bs);
/* Migration: while @inactive, images that are opened stay inactive: another process may still write
 * them. */
void bdrv_open_inactive(bool inactive);
/* Writes everything back and gives the locks on all images up; takes them again and reads anew what
 * a format keeps in memory. On failure all images are as before. */
bool bdrv_inactivate_all(Error **errp);
bool bdrv_activate_all(Error **errp);
/* Flushes all nodes; the first error. */
int bdrv_flush_all(void);

/* --- Looking --- */

const char *bdrv_node_name(const BlockNode *bs);
const char *bdrv_driver_name(const BlockNode *bs);
/* As given; "" when there is none. */
const char *bdrv_filename(const BlockNode *bs);
bool bdrv_is_read_only(const BlockNode *bs);
/* Bytes; atomic, any thread. */
int64_t bdrv_length(const BlockNode *bs);
/* Bytes on the host's disk, -errno. */
int64_t bdrv_allocated_file_size(BlockNode *bs);
/* The node below a format's data or behind a copy-on-write overlay; NULL. */
BlockNode *bdrv_file(const BlockNode *bs);
BlockNode *bdrv_backing(const BlockNode *bs);
/* Alignment that requests need not to be bounced; memory alignment of buffers for O_DIRECT. */
unsigned bdrv_request_alignment(const BlockNode *bs);
unsigned bdrv_mem_alignment(const BlockNode *bs);
/* Whether anything but the monitor uses it. */
bool bdrv_is_used(const BlockNode *bs);

/* --- Blocking I/O: 0 or -errno. Requests beyond the end are -EIO. --- */

int bdrv_preadv(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov);
int bdrv_pwritev(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov, int flags);
int bdrv_pread(BlockNode *bs, int64_t offset, void *buf, size_t bytes);
int bdrv_pwrite(BlockNode *bs, int64_t offset, const void *buf, size_t bytes, int flags);
int bdrv_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags);
/* A hint: 0 where nothing can be freed. */
int bdrv_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes);
/* Everything written before is on stable storage afterwards. */
int bdrv_flush(BlockNode *bs);
/* New length in bytes; new space reads as zeroes. No requests may be running. */
bool bdrv_truncate(BlockNode *bs, int64_t bytes, Error **errp);

/* --- iovec helpers --- */

size_t iov_bytes(const struct iovec *iov, int niov);
/* The @bytes from @offset on as a new array of *@niov_out elements; the caller frees it. */
struct iovec *iov_slice(const struct iovec *iov, int niov, size_t offset, size_t bytes,
                        int *niov_out);
/* Copy between a vector (from @offset on) and a buffer. */
void iov_to_buffer(const struct iovec *iov, int niov, size_t offset, void *buf, size_t bytes);
void iov_from_buffer(const struct iovec *iov, int niov, size_t offset, const void *buf,
                     size_t bytes);
void iov_zero(const struct iovec *iov, int niov, size_t offset, size_t bytes);
bool iov_is_zero(const struct iovec *iov, int niov);
bool buffer_is_zero(const void *buf, size_t bytes);

#endif
