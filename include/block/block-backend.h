/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk as a device sees it: asynchronous requests, completion callbacks in the device's own event
 * loop, error policy, statistics.
 *
 * Threads. A BlockBackend belongs to one GMainContext (NULL: the main loop): callbacks run there,
 * never inside the function that started the request, and in the main loop with the BQL held.
 * Requests may be started by any thread that the context's state is safe from: for the main loop
 * any thread with the BQL (vCPUs too), for an iothread that thread. docs/devel/block.rst.
 *
 * Buffers. The iovec array and what it points to stay valid until the callback has begun. No
 * alignment is needed; O_DIRECT requests that are not aligned go through a bounce buffer.
 */
#ifndef BLOCK_BLOCK_BACKEND_H
#define BLOCK_BLOCK_BACKEND_H

#include "block/block.h"

/* @ret: 0 or -errno. */
typedef void BlockCompletionFunc(void *opaque, int ret);

/* What a device wants to hear. Main thread, BQL. Any may be NULL. */
typedef struct BlockDevOps {
    /* The length changed (block_resize). */
    void (*resize)(void *opaque);
    /* Between these no callback will come and requests only queue up. */
    void (*drained_begin)(void *opaque);
    void (*drained_end)(void *opaque);
} BlockDevOps;

/* --- Finding and attaching: main thread, BQL --- */

/* A backend over @bs (NULL: an empty drive); takes a reference of its own. @name: of -drive id=,
 * NULL for none. */
BlockBackend *blk_new(BlockNode *bs, const char *name, Error **errp);
/* What a device's drive=@name means: the -drive of that id, or a new backend for the node of that
 * name. One device a drive. The device owns a reference: blk_unref(). */
BlockBackend *blk_get_for_device(const char *name, Error **errp);
void blk_ref(BlockBackend *blk);
/* The last reference drains first; not inside a callback. */
void blk_unref(BlockBackend *blk);
/* Of -drive id=; NULL. Borrowed. */
BlockBackend *blk_by_name(const char *name);
/* NULL starts, NULL ends. */
BlockBackend *blk_next(const BlockBackend *blk);

/* Claims the permissions a disk device needs: reading, and writing unless @read_only. With
 * @share_rw others may write too (share-rw=on). Takes the locks on the image file. */
bool blk_claim(BlockBackend *blk, bool read_only, bool share_rw, Error **errp);
/* @qdev_path: how query-block names the device ("/machine/peripheral/virtio-disk0/virtio-backend");
 * @id: the user's id or NULL. False when another device has it. */
bool blk_attach_dev(BlockBackend *blk, const char *id, const char *qdev_path,
                    const BlockDevOps *ops, void *opaque, Error **errp);
void blk_detach_dev(BlockBackend *blk);
/* Callbacks run in @ctx from now on. No request may be in flight. */
void blk_set_context(BlockBackend *blk, GMainContext *ctx);
GMainContext *blk_context(const BlockBackend *blk);

/* --- Looking: any thread --- */

const char *blk_name(const BlockBackend *blk); /* "" when it has none */
BlockNode *blk_bs(const BlockBackend *blk);    /* NULL: empty drive */
int64_t blk_length(const BlockBackend *blk);   /* bytes; 0 when empty */
bool blk_is_read_only(const BlockBackend *blk);
bool blk_is_writable(const BlockBackend *blk);
/* Best size and start of requests; a power of two, at least 1. */
unsigned blk_request_alignment(const BlockBackend *blk);
unsigned blk_mem_alignment(const BlockBackend *blk);
/* Whether completed writes may still sit in a cache (the guest must flush). Off: each write is
 * flushed before it completes (cache=writethrough, write-cache=off). */
bool blk_write_cache(const BlockBackend *blk);
void blk_set_write_cache(BlockBackend *blk, bool on);
/* Whether a discard reaches the image (discard=unmap). */
bool blk_can_discard(const BlockBackend *blk);

/* --- Requests --- */

void blk_aio_preadv(BlockBackend *blk, int64_t offset, const struct iovec *iov, int niov,
                    BlockCompletionFunc *cb, void *opaque);
/* @flags: 0 or BDRV_REQ_FUA. */
void blk_aio_pwritev(BlockBackend *blk, int64_t offset, const struct iovec *iov, int niov,
                     int flags, BlockCompletionFunc *cb, void *opaque);
/* @flags: BDRV_REQ_FUA, BDRV_REQ_MAY_UNMAP. */
void blk_aio_pwrite_zeroes(BlockBackend *blk, int64_t offset, int64_t bytes, int flags,
                           BlockCompletionFunc *cb, void *opaque);
void blk_aio_pdiscard(BlockBackend *blk, int64_t offset, int64_t bytes, BlockCompletionFunc *cb,
                      void *opaque);
/* Covers every write that completed before. */
void blk_aio_flush(BlockBackend *blk, BlockCompletionFunc *cb, void *opaque);

/* Blocking forms, for start-up and small things (firmware variables, boot sectors). */
int blk_pread(BlockBackend *blk, int64_t offset, void *buf, size_t bytes);
int blk_pwrite(BlockBackend *blk, int64_t offset, const void *buf, size_t bytes, int flags);
int blk_flush(BlockBackend *blk);

/* Waits until no request is in flight and all callbacks have run (in the calling thread, which must
 * be the context's, or hold the BQL when the context is the main loop's). From another thread it
 * waits for the context's thread: then hold no lock that callbacks take. */
void blk_drain(BlockBackend *blk);
/* Drains and keeps new requests waiting until the matching end. Nests. */
void blk_drained_begin(BlockBackend *blk);
void blk_drained_end(BlockBackend *blk);
/* Every backend: before a VM state is saved, and when the VM stops. BQL. */
void blk_drain_all(void);
/* Requests started and not called back. */
unsigned blk_in_flight(const BlockBackend *blk);

/* --- Errors: werror=, rerror= --- */

/* BLOCKDEV_ON_ERROR_AUTO leaves the default (write: enospc, read: report). */
void blk_set_on_error(BlockBackend *blk, BlockdevOnError on_read, BlockdevOnError on_write);
BlockdevOnError blk_on_error(const BlockBackend *blk, bool is_read);
/* What to do about a failed request; @error: positive errno. */
BlockErrorAction blk_get_error_action(const BlockBackend *blk, bool is_read, int error);
/*
 * Carries it out: sends BLOCK_IO_ERROR, remembers the io-status and, for STOP, stops the VM (state
 * "io-error"). The device then completes the request with an error (REPORT), as if it had worked
 * (IGNORE), or keeps it and starts it again when the VM runs (STOP). Any thread; @error as above.
 */
void blk_error_action(BlockBackend *blk, BlockErrorAction action, bool is_read, int error);
/* io-status back to "ok"; when the VM continues. */
void blk_iostatus_reset(BlockBackend *blk);
BlockDeviceIoStatus blk_iostatus(const BlockBackend *blk);

/* --- Statistics --- */

typedef enum BlockAcctType {
    BLOCK_ACCT_READ,
    BLOCK_ACCT_WRITE,
    BLOCK_ACCT_FLUSH,
    BLOCK_ACCT_UNMAP,
    BLOCK_ACCT__MAX,
} BlockAcctType;

typedef struct BlockAcctStats {
    uint64_t bytes[BLOCK_ACCT__MAX], ops[BLOCK_ACCT__MAX], total_ns[BLOCK_ACCT__MAX];
    uint64_t failed[BLOCK_ACCT__MAX], invalid[BLOCK_ACCT__MAX], merged[BLOCK_ACCT__MAX];
    int64_t last_access_ns; /* QEMU_CLOCK_REALTIME; 0: never */
} BlockAcctStats;

/* A copy; any thread. */
BlockAcctStats blk_stats(BlockBackend *blk);
/* A request the device refused before it started one (bad sector, bad length). */
void blk_acct_invalid(BlockBackend *blk, BlockAcctType type);
/* @merged requests of the guest went into one of ours. */
void blk_acct_merged(BlockBackend *blk, BlockAcctType type, unsigned merged);

#endif
