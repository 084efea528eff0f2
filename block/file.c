/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protocol drivers "file" and "host_device": a file descriptor of the host, with O_DIRECT, locks,
 * discard and zeroing. I/O functions run in worker threads.
 */
#include "qemu/osdep.h"
#include "block/block-int.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define MAX_IOV          1024 /* IOV_MAX */
#define DIRECT_MEM_ALIGN 4096

typedef struct FileState {
    int fd;
    bool locking;
    uint64_t locked_perm, locked_unshared; /* BQL */
    GRWLock rmw;      /* O_DIRECT: written by requests that read, change and write a block */
    GMutex grow;      /* the file's length is made larger by one at a time */
    int flush_error;  /* atomic; a failed fdatasync() may have lost pages for good */
    bool no_zero_range, no_punch_hole; /* atomic; the file system said so */
} FileState;

/* --- Opening --- */

static int open_flags(const BlockNode *bs)
{
    return O_CLOEXEC | (bs->read_only ? O_RDONLY : O_RDWR) | (bs->direct ? O_DIRECT : 0);
}

static bool open_fd(BlockNode *bs, FileState *s, const BlockdevOptions *opts, Error **errp)
{
    bool may_fall_back = !bs->read_only && opts->has_auto_read_only && opts->auto_read_only;

    s->fd = open(bs->filename, open_flags(bs));
    if (s->fd < 0 && may_fall_back && (errno == EACCES || errno == EROFS || errno == EPERM)) {
        bs->read_only = true;
        s->fd = open(bs->filename, open_flags(bs));
    }
    if (s->fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", bs->filename);
        if (errno == EINVAL && bs->direct) {
            error_append_hint(errp, "The file system may not support O_DIRECT; use "
                                    "cache.direct=off (-drive: cache=writeback)\n");
        }
        return false;
    }
    return true;
}

static bool check_type(const BlockNode *bs, const FileState *s, struct stat *st, Error **errp)
{
    bool device;

    if (fstat(s->fd, st) < 0) {
        error_setg_errno(errp, errno, "Could not stat file");
        return false;
    }
    device = S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode);
    if (bs->drv->id == BLOCKDEV_DRIVER_FILE && !S_ISREG(st->st_mode)) {
        error_setg(errp, "'file' driver requires '%s' to be a regular file", bs->filename);
        return false;
    }
    if (bs->drv->id == BLOCKDEV_DRIVER_HOST_DEVICE && !device) {
        error_setg(errp, "'host_device' driver requires '%s' to be either a character or block "
                         "device", bs->filename);
        return false;
    }
    return true;
}

static bool get_length(BlockNode *bs, FileState *s, const struct stat *st, Error **errp)
{
    uint64_t bytes = (uint64_t)st->st_size;

    if (S_ISBLK(st->st_mode) && ioctl(s->fd, BLKGETSIZE64, &bytes) < 0) {
        error_setg_errno(errp, errno, "Could not get the size of '%s'", bs->filename);
        return false;
    }
    if (bytes > (uint64_t)BDRV_MAX_LENGTH) {
        error_setg(errp, "'%s' is too large", bs->filename);
        return false;
    }
    bdrv_set_total(bs, (int64_t)bytes);
    return true;
}

/* Whether a read of @align bytes at offset 0 works. */
static bool alignment_works(int fd, void *buf, size_t align)
{
    ssize_t n;

    do {
        n = pread(fd, buf, align, 0);
    } while (n < 0 && errno == EINTR);
    return n >= 0 || errno != EINVAL;
}

/* The smallest block O_DIRECT accepts. */
static void probe_alignment(BlockNode *bs, const FileState *s, const struct stat *st)
{
    g_autofree char *raw = NULL;
    char *buf;
    int sector;

    if (!bs->direct) {
        return;
    }
    bs->mem_alignment = DIRECT_MEM_ALIGN;
    if (S_ISBLK(st->st_mode) && ioctl(s->fd, BLKSSZGET, &sector) == 0 &&
        is_power_of_2((uint64_t)sector)) {
        bs->request_alignment = (unsigned)sector;
        return;
    }
    raw = g_malloc(2 * DIRECT_MEM_ALIGN);
    buf = (char *)ROUND_UP((uintptr_t)raw, DIRECT_MEM_ALIGN);
    for (bs->request_alignment = 512; bs->request_alignment < DIRECT_MEM_ALIGN;
         bs->request_alignment *= 2) {
        if (alignment_works(s->fd, buf, bs->request_alignment)) {
            break;
        }
    }
}

static bool setup_locking(const BlockNode *bs, FileState *s, const BlockdevOptionsFile *o,
                          Error **errp)
{
    BlockdevLocking mode = o->has_locking ? o->locking : BLOCKDEV_LOCKING_AUTO;

    s->locking = mode != BLOCKDEV_LOCKING_OFF;
    if (s->locking && !image_lock_supported(s->fd)) {
        s->locking = false;
        if (mode == BLOCKDEV_LOCKING_ON) {
            error_setg(errp, "the file system of '%s' has no locks", bs->filename);
            error_append_hint(errp, "use locking=auto or locking=off\n");
            return false;
        }
    }
    return true;
}

static bool file_open(BlockNode *bs, const BlockdevOptions *opts, Error **errp)
{
    FileState *s = bs->state;
    const BlockdevOptionsFile *o = opts->u.file;
    struct stat st;

    bs->filename = g_strdup(o->filename);
    if (o->has_aio && o->aio == BLOCKDEV_AIO_OPTIONS_NATIVE && !bs->direct) {
        error_setg(errp, "aio=native was specified, but it requires cache.direct=on, which was not "
                         "specified.");
        return false;
    }
    if (!open_fd(bs, s, opts, errp)) {
        return false;
    }
    if (!check_type(bs, s, &st, errp) || !get_length(bs, s, &st, errp) ||
        !setup_locking(bs, s, o, errp)) {
        close(s->fd);
        return false;
    }
    probe_alignment(bs, s, &st);
    g_rw_lock_init(&s->rmw);
    g_mutex_init(&s->grow);
    return true;
}

static void file_close(BlockNode *bs)
{
    FileState *s = bs->state;

    close(s->fd); /* drops the locks */
    g_rw_lock_clear(&s->rmw);
    g_mutex_clear(&s->grow);
}

/* Its length may have changed. */
static bool file_activate(BlockNode *bs, Error **errp)
{
    FileState *s = bs->state;
    struct stat st;

    if (fstat(s->fd, &st) < 0) {
        error_setg_errno(errp, errno, "Could not access '%s'", bs->filename);
        return false;
    }
    return get_length(bs, s, &st, errp);
}

static bool file_set_perm(BlockNode *bs, uint64_t perm, uint64_t shared, Error **errp)
{
    FileState *s = bs->state;

    if (!s->locking || bs->force_share) {
        return true;
    }
    return image_lock_apply(s->fd, bs->filename, &s->locked_perm, &s->locked_unshared, perm, shared,
                            errp);
}

/* --- Reading and writing --- */

static ssize_t rw_once(const FileState *s, bool is_write, const struct iovec *iov, int niov,
                       int64_t offset)
{
    ssize_t n;

    do {
        n = is_write ? pwritev(s->fd, iov, niov, offset) : preadv(s->fd, iov, niov, offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* All of @bytes, whatever pieces the kernel makes of it. Reads beyond the end give zeroes. */
static int rw_full(const FileState *s, bool is_write, const struct iovec *iov, int niov,
                   size_t bytes, int64_t offset)
{
    size_t done = 0;

    if (niov <= MAX_IOV) {
        ssize_t n = rw_once(s, is_write, iov, niov, offset);

        if (n == (ssize_t)bytes || n < 0) {
            return n < 0 ? (int)n : 0;
        }
        done = (size_t)n;
    }
    while (done < bytes) {
        int n_slice;
        g_autofree struct iovec *slice = iov_slice(iov, niov, done, bytes - done, &n_slice);
        ssize_t n = rw_once(s, is_write, slice, MIN(n_slice, MAX_IOV), offset + (int64_t)done);

        if (n < 0) {
            return (int)n;
        }
        if (n == 0 && is_write) {
            return -ENOSPC;
        }
        if (n == 0) {
            iov_zero(iov, niov, done, bytes - done);
            return 0;
        }
        done += (size_t)n;
    }
    return 0;
}

static bool is_aligned(const BlockNode *bs, int64_t offset, const struct iovec *iov, int niov)
{
    uint64_t mask = (uint64_t)offset;

    for (int i = 0; i < niov; i++) {
        mask |= (uintptr_t)iov[i].iov_base | iov[i].iov_len;
    }
    return IS_ALIGNED(mask, (uint64_t)bs->request_alignment);
}

static int read_buffer(const FileState *s, void *buf, size_t bytes, int64_t offset)
{
    struct iovec iov = { buf, bytes };

    return rw_full(s, false, &iov, 1, bytes, offset);
}

/* The request widened to whole blocks, in a buffer that is aligned. */
typedef struct Bounce {
    void *raw;
    char *buf;
    int64_t start, end;
    size_t head; /* bytes before the request */
} Bounce;

static bool bounce_init(Bounce *b, const BlockNode *bs, int64_t offset, size_t bytes)
{
    int64_t align = bs->request_alignment;

    b->start = ROUND_DOWN(offset, align);
    b->end = ROUND_UP(offset + (int64_t)bytes, align);
    b->head = (size_t)(offset - b->start);
    b->raw = g_try_malloc((size_t)(b->end - b->start) + bs->mem_alignment);
    b->buf = (char *)ROUND_UP((uintptr_t)b->raw, (uintptr_t)bs->mem_alignment);
    return b->raw != NULL;
}

static int bounce_read(const BlockNode *bs, const FileState *s, int64_t offset,
                       const struct iovec *iov, int niov, size_t bytes)
{
    Bounce b;
    int ret;

    if (!bounce_init(&b, bs, offset, bytes)) {
        return -ENOMEM;
    }
    ret = read_buffer(s, b.buf, (size_t)(b.end - b.start), b.start);
    if (ret == 0) {
        iov_from_buffer(iov, niov, 0, b.buf + b.head, bytes);
    }
    g_free(b.raw);
    return ret;
}

/* With .rmw held for writing. */
static int bounce_write(const BlockNode *bs, const FileState *s, int64_t offset,
                        const struct iovec *iov, int niov, size_t bytes)
{
    size_t align = bs->request_alignment, len;
    struct iovec whole;
    Bounce b;
    int ret = 0;

    if (!bounce_init(&b, bs, offset, bytes)) {
        return -ENOMEM;
    }
    len = (size_t)(b.end - b.start);
    if (b.head) {
        ret = read_buffer(s, b.buf, align, b.start);
    }
    if (ret == 0 && b.head + bytes < len && (len > align || !b.head)) {
        ret = read_buffer(s, b.buf + len - align, align, b.end - (int64_t)align);
    }
    if (ret == 0) {
        iov_to_buffer(iov, niov, 0, b.buf + b.head, bytes);
        whole = (struct iovec){ b.buf, len };
        ret = rw_full(s, true, &whole, 1, len, b.start);
    }
    g_free(b.raw);
    return ret;
}

static int file_preadv(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov,
                       size_t bytes)
{
    FileState *s = bs->state;

    if (bs->request_alignment > 1 && !is_aligned(bs, offset, iov, niov)) {
        return bounce_read(bs, s, offset, iov, niov, bytes);
    }
    return rw_full(s, false, iov, niov, bytes, offset);
}

static void note_length(BlockNode *bs, int64_t end)
{
    int64_t old = bdrv_get_total(bs);

    while (old < end && !__atomic_compare_exchange_n(&bs->total_bytes, &old, end, true,
                                                     __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    }
}

static int write_locked(BlockNode *bs, FileState *s, int64_t offset, const struct iovec *iov,
                        int niov, size_t bytes)
{
    int ret;

    if (bs->request_alignment == 1) {
        return rw_full(s, true, iov, niov, bytes, offset);
    }
    if (is_aligned(bs, offset, iov, niov)) {
        g_rw_lock_reader_lock(&s->rmw);
        ret = rw_full(s, true, iov, niov, bytes, offset);
        g_rw_lock_reader_unlock(&s->rmw);
    } else {
        g_rw_lock_writer_lock(&s->rmw);
        ret = bounce_write(bs, s, offset, iov, niov, bytes);
        g_rw_lock_writer_unlock(&s->rmw);
    }
    return ret;
}

static int file_flush(BlockNode *bs)
{
    FileState *s = bs->state;
    int error = __atomic_load_n(&s->flush_error, __ATOMIC_ACQUIRE);

    if (bs->no_flush) {
        return 0;
    }
    if (!error && fdatasync(s->fd) < 0 && errno != EINVAL) { /* EINVAL: /dev/zero and the like */
        error = errno;
        if (!bs->direct) {
            __atomic_store_n(&s->flush_error, error, __ATOMIC_RELEASE);
        }
    }
    return -error;
}

static int file_pwritev(BlockNode *bs, int64_t offset, const struct iovec *iov, int niov,
                        size_t bytes, int flags)
{
    int ret = write_locked(bs, bs->state, offset, iov, niov, bytes);

    if (ret == 0) {
        note_length(bs, offset + (int64_t)bytes);
        ret = flags & BDRV_REQ_FUA ? file_flush(bs) : 0;
    }
    return ret;
}

/* --- Holes --- */

/* -ENOTSUP when the file system cannot, which *@unsupported remembers. */
static int do_fallocate(const FileState *s, int mode, int64_t offset, int64_t bytes,
                        bool *unsupported)
{
    int ret;

    if (__atomic_load_n(unsupported, __ATOMIC_RELAXED)) {
        return -ENOTSUP;
    }
    do {
        ret = fallocate(s->fd, mode, offset, bytes) < 0 ? -errno : 0;
    } while (ret == -EINTR);
    if (ret == -EOPNOTSUPP || ret == -ENODEV || ret == -ENOSYS) {
        __atomic_store_n(unsupported, true, __ATOMIC_RELAXED);
        return -ENOTSUP;
    }
    return ret;
}

static int file_pdiscard(BlockNode *bs, int64_t offset, int64_t bytes)
{
    FileState *s = bs->state;

    return do_fallocate(s, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, bytes,
                        &s->no_punch_hole);
}

/* Makes the file at least @end bytes long. */
static int grow_to(BlockNode *bs, FileState *s, int64_t end)
{
    int ret = 0;

    g_mutex_lock(&s->grow);
    if (bdrv_get_total(bs) < end) {
        struct stat st;

        if (fstat(s->fd, &st) < 0 || (st.st_size < end && ftruncate(s->fd, end) < 0)) {
            ret = -errno;
        } else {
            note_length(bs, end);
        }
    }
    g_mutex_unlock(&s->grow);
    return ret;
}

static int file_pwrite_zeroes(BlockNode *bs, int64_t offset, int64_t bytes, int flags)
{
    FileState *s = bs->state;
    int ret = -ENOTSUP;

    if (bs->request_alignment > 1 &&
        !IS_ALIGNED((uint64_t)(offset | bytes), (uint64_t)bs->request_alignment)) {
        return -ENOTSUP;
    }
    if (flags & BDRV_REQ_MAY_UNMAP) {
        ret = file_pdiscard(bs, offset, bytes);
    }
    if (ret == -ENOTSUP) {
        ret = do_fallocate(s, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, bytes,
                           &s->no_zero_range);
    }
    if (ret == -EINVAL) { /* block devices want whole blocks */
        ret = -ENOTSUP;
    }
    if (ret == 0 && bdrv_get_total(bs) < offset + bytes) {
        ret = grow_to(bs, s, offset + bytes);
    }
    return ret == 0 && (flags & BDRV_REQ_FUA) ? file_flush(bs) : ret;
}

static bool file_truncate(BlockNode *bs, int64_t bytes, Error **errp)
{
    FileState *s = bs->state;

    if (bs->drv->id == BLOCKDEV_DRIVER_HOST_DEVICE) {
        struct stat st;

        /* The device has its size; somebody may have changed it. */
        if (fstat(s->fd, &st) < 0 || !get_length(bs, s, &st, errp)) {
            return false;
        }
        if (bytes > bdrv_get_total(bs)) {
            error_setg(errp, "Cannot grow device files");
            return false;
        }
        return true;
    }
    if (ftruncate(s->fd, bytes) < 0) {
        error_setg_errno(errp, errno, "Failed to resize the file");
        return false;
    }
    bdrv_set_total(bs, bytes);
    return true;
}

static int64_t file_allocated_size(BlockNode *bs)
{
    const FileState *s = bs->state;
    struct stat st;

    return fstat(s->fd, &st) < 0 ? -errno : (int64_t)st.st_blocks * 512;
}

#define FILE_DRIVER_FUNCTIONS                                                                      \
    .state_size = sizeof(FileState), .open = file_open, .close = file_close,                       \
    .set_perm = file_set_perm, .activate = file_activate, .preadv = file_preadv,                   \
    .pwritev = file_pwritev,                                                                       \
    .pwrite_zeroes = file_pwrite_zeroes, .pdiscard = file_pdiscard, .flush = file_flush,           \
    .truncate = file_truncate, .allocated_file_size = file_allocated_size

const BlockDriver block_driver_file = {
    .name = "file",
    .id = BLOCKDEV_DRIVER_FILE,
    .growable = true,
    FILE_DRIVER_FUNCTIONS,
};

const BlockDriver block_driver_host_device = {
    .name = "host_device",
    .id = BLOCKDEV_DRIVER_HOST_DEVICE,
    FILE_DRIVER_FUNCTIONS,
};
