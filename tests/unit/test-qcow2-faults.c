/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 when the host fails: kill -9 and power cuts at any write, disk full, I/O errors, short
 * reads and writes. The system calls of block/file.c are wrapped (-Wl,--wrap).
 *
 * Each sector carries its number and the number of the write that filled it; a tracker in shared
 * memory knows which writes had begun and which had been flushed.
 */
#include "qemu/osdep.h"
#include "block/block-int.h"
#include "qemu-img.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

#define DISK_BYTES (2 * MiB)
#define SECTORS    (DISK_BYTES / 512)
#define FILE_MAX   (24 * MiB)

void bdrv_report_corrupt(BlockNode *bs, const char *what, uint64_t offset, bool fatal)
{
    g_test_message("corrupt: %s", what);
    g_assert_not_reached();
}

/* --- What may be on the disk --- */

typedef struct Track {
    uint32_t seq; /* of the last operation that began */
    struct {
        uint32_t last, flushed; /* writes: begun; on the disk for sure (0: none) */
        bool zero, flushed_zero; /* zeroed or discarded since the flush; zero at the flush */
        bool failed; /* the last write of it did */
    } s[SECTORS];
} Track;

static Track *track; /* shared with children */

/* --- Wrapped system calls --- */

static struct {
    bool on;
    unsigned ops;       /* writes, syncs and holes so far */
    unsigned kill_at;   /* dies in this one */
    unsigned fail_from, fail_to; /* these fail */
    int error;          /* with this; 0: short */
    bool fail_reads, short_io;
    unsigned cut_every; /* power cuts: a crash image now and then */
    const char *cut_path;
} hook;

/* The file as the disk has it after the last sync, and what was written since. */
static uint8_t *stable;
static size_t stable_len;
static GPtrArray *unsynced; /* of GBytes: uint64_t offset, data; empty data: a hole of .. */

ssize_t __real_pwritev64(int fd, const struct iovec *iov, int n, off_t offset);
ssize_t __real_preadv64(int fd, const struct iovec *iov, int n, off_t offset);
int __real_fdatasync(int fd);
int __real_fallocate64(int fd, int mode, off_t offset, off_t len);
ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int n, off_t offset);
ssize_t __wrap_preadv64(int fd, const struct iovec *iov, int n, off_t offset);
int __wrap_fdatasync(int fd);
int __wrap_fallocate64(int fd, int mode, off_t offset, off_t len);

static void check_crash_image(void);

static void log_write(const void *data, size_t len, uint64_t offset)
{
    uint8_t *copy;

    if (!unsynced) {
        return;
    }
    copy = g_malloc(len + 8);
    memcpy(copy, &offset, 8);
    if (data) {
        memcpy(copy + 8, data, len);
    } else {
        memset(copy + 8, 0, len);
    }
    g_ptr_array_add(unsynced, g_bytes_new_take(copy, len + 8));
}

static void apply_write(uint8_t *file, size_t *file_len, GBytes *write, bool torn)
{
    size_t len;
    const uint8_t *p = g_bytes_get_data(write, &len);
    uint64_t offset;

    memcpy(&offset, p, 8);
    len -= 8;
    if (torn) {
        len = (size_t)g_test_rand_int_range(0, (int)(len / 512) + 1) * 512;
    }
    g_assert_cmpuint(offset + len, <=, FILE_MAX);
    memcpy(file + offset, p + 8, len);
    *file_len = MAX(*file_len, offset + len);
}

static void count_op(void)
{
    hook.ops++;
    if (hook.cut_every && hook.ops % hook.cut_every == 0) {
        hook.on = false;
        check_crash_image();
        hook.on = true;
    }
}

static bool fails(void)
{
    return hook.ops >= hook.fail_from && hook.ops < hook.fail_to;
}

ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int n, off_t offset)
{
    size_t bytes = iov_bytes(iov, n);
    g_autofree uint8_t *buf = NULL;

    if (!hook.on) {
        return __real_pwritev64(fd, iov, n, offset);
    }
    count_op();
    buf = g_malloc(bytes);
    iov_to_buffer(iov, n, 0, buf, bytes);
    if (hook.kill_at && hook.ops >= hook.kill_at) {
        /* half of it, in whole sectors: neither disks nor the page cache write less */
        g_assert_cmpint(pwrite(fd, buf, bytes / 2 & ~511ul, offset), >=, 0);
        kill(getpid(), SIGKILL);
    }
    if (fails() && hook.error) {
        errno = hook.error;
        return -1;
    }
    if (hook.short_io && bytes > 1) {
        bytes = (size_t)g_test_rand_int_range(1, (int)bytes + 1);
    }
    log_write(buf, bytes, (uint64_t)offset);
    return pwrite(fd, buf, bytes, offset);
}

ssize_t __wrap_preadv64(int fd, const struct iovec *iov, int n, off_t offset)
{
    if (hook.on && hook.fail_reads && fails()) {
        errno = hook.error;
        return -1;
    }
    if (hook.on && hook.short_io) {
        struct iovec first = iov[0];

        first.iov_len = (size_t)g_test_rand_int_range(1, (int)first.iov_len + 1);
        return __real_preadv64(fd, &first, 1, offset);
    }
    return __real_preadv64(fd, iov, n, offset);
}

int __wrap_fdatasync(int fd)
{
    if (!hook.on) {
        return 0; /* nothing to gain here */
    }
    count_op();
    if (hook.kill_at && hook.ops >= hook.kill_at) {
        kill(getpid(), SIGKILL);
    }
    if (fails() && hook.error == EIO) {
        errno = EIO;
        return -1;
    }
    for (guint i = 0; unsynced && i < unsynced->len; i++) {
        apply_write(stable, &stable_len, g_ptr_array_index(unsynced, i), false);
    }
    if (unsynced) {
        g_ptr_array_set_size(unsynced, 0);
    }
    return 0;
}

int __wrap_fallocate64(int fd, int mode, off_t offset, off_t len)
{
    if (hook.on) {
        count_op();
        if (unsynced) {
            log_write(NULL, (size_t)len, (uint64_t)offset);
        }
    }
    return __real_fallocate64(fd, mode, offset, len);
}

/* --- Operations --- */

static BlockNode *open_image(const char *path)
{
    g_autofree char *json = g_strdup_printf(
        "{'driver':'qcow2','discard':'unmap','file':{'driver':'file','filename':'%s'}}", path);

    return bdrv_open_json(json, &error_abort);
}

static void stamp(uint32_t *sector, uint32_t number, uint32_t seq)
{
    for (int i = 0; i < 128; i += 2) {
        sector[i] = number;
        sector[i + 1] = seq;
    }
}

static int do_write(BlockNode *bs, uint32_t first, uint32_t count)
{
    g_autofree uint32_t *buf = g_malloc(count * 512);
    uint32_t seq = ++track->seq;
    int ret;

    for (uint32_t i = 0; i < count; i++) {
        stamp(buf + i * 128, first + i, seq);
        track->s[first + i].last = seq;
    }
    ret = bdrv_pwrite(bs, first * 512ll, buf, count * 512, 0);
    for (uint32_t i = 0; i < count; i++) {
        track->s[first + i].failed = ret < 0;
    }
    return ret;
}

static int do_zero(BlockNode *bs, uint32_t first, uint32_t count, bool discard)
{
    for (uint32_t i = 0; i < count; i++) {
        track->s[first + i].zero = true;
    }
    return discard ? bdrv_pdiscard(bs, first * 512ll, count * 512ll)
                   : bdrv_pwrite_zeroes(bs, first * 512ll, count * 512ll, BDRV_REQ_MAY_UNMAP);
}

/* What was written before is safe now. A sector that was zeroed may be zero or not: both stay
 * possible, except that writes before the last one are gone. */
static int do_flush(BlockNode *bs)
{
    int ret = bdrv_flush(bs);

    for (uint32_t i = 0; ret == 0 && i < SECTORS; i++) {
        if (track->s[i].zero) {
            track->s[i].flushed_zero = true;
        } else if (!track->s[i].failed) {
            track->s[i].flushed = track->s[i].last;
        }
    }
    return ret;
}

static int do_snapshot(BlockNode *bs, bool create)
{
    static unsigned n;
    g_autofree char *name = g_strdup_printf("s%u", ++n);
    SnapshotInfo info = { .name = name, .icount = UINT64_MAX };
    Error *err = NULL;
    bool ok;

    if (create) {
        ok = bdrv_snapshot_count(bs) >= 3 || bdrv_snapshot_create(bs, &info, &err);
    } else {
        ok = !bdrv_snapshot_count(bs) ||
             bdrv_snapshot_delete(bs, bdrv_snapshot_get(bs, 0)->id, &err);
    }
    error_free(err);
    return ok ? 0 : -EIO;
}

static int random_op(BlockNode *bs)
{
    uint32_t first = (uint32_t)g_test_rand_int_range(0, SECTORS - 300);
    uint32_t count = (uint32_t)g_test_rand_int_range(1, 300);

    switch (g_test_rand_int_range(0, 16)) {
    case 0:
        return do_zero(bs, first, count, false);
    case 1:
        return do_zero(bs, first, count, true);
    case 2 ... 4:
        return do_flush(bs);
    case 5:
        return do_snapshot(bs, true);
    case 6:
        return do_snapshot(bs, false);
    default:
        return do_write(bs, first, count);
    }
}

static void check_sector(const uint32_t *data, uint32_t i)
{
    uint32_t expected[128];

    if (buffer_is_zero(data, 512)) {
        g_assert_true(track->s[i].zero || track->s[i].flushed_zero || !track->s[i].flushed);
        return;
    }
    stamp(expected, i, data[1]);
    /* A torn write of a sector's neighbours is fine, of a sector not: hosts write whole ones. */
    g_assert_cmpmem(data, 512, expected, 512);
    g_assert_cmpuint(data[1], >=, track->s[i].flushed);
    g_assert_cmpuint(data[1], <=, track->s[i].last);
}

/* Only leaks, and everything that was flushed. */
static void check_image(const char *path, bool with_qemu_img)
{
    g_autofree uint32_t *data = g_malloc(DISK_BYTES);
    BlockNode *bs;

    if (with_qemu_img) {
        int status = run_command("qemu-img check -q -f qcow2 %s", path);

        g_assert_true(status == 0 || status == 3);
    }
    bs = open_image(path);
    g_assert_cmpint(bdrv_pread(bs, 0, data, DISK_BYTES), ==, 0);
    for (uint32_t i = 0; i < SECTORS; i++) {
        check_sector(data + i * 128, i);
    }
    bdrv_unref(bs);
}

static char *make_image(const char *options)
{
    char *path = g_build_filename(g_get_tmp_dir(), "qcow2-fault-XXXXXX", NULL);

    close(g_mkstemp(path));
    memset(track, 0, sizeof(*track));
    g_assert_cmpint(run_command("qemu-img create -q -f qcow2 -o %s %s %llu", options, path,
                                DISK_BYTES), ==, 0);
    return path;
}

/* --- kill -9 --- */

static void child(const char *path, unsigned kill_at)
{
    BlockNode *bs = open_image(path);

    hook.kill_at = kill_at;
    hook.on = true;
    for (;;) {
        g_assert_cmpint(random_op(bs), ==, 0);
    }
}

static void test_kill(gconstpointer options)
{
    if (!have_qemu_img()) {
        return;
    }
    for (int point = 0; point < 70; point++) {
        unsigned kill_at = (unsigned)g_test_rand_int_range(1, 400);
        char *path = make_image(options);
        int status;
        pid_t pid = fork();

        if (pid == 0) {
            child(path, kill_at);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        check_image(path, true);
        g_unlink(path);
        g_free(path);
    }
}

/* --- Power cuts --- */

static unsigned nr_cuts;

/* The stable file with some of the writes that were under way, some of them torn. */
static void check_crash_image(void)
{
    g_autofree uint8_t *file = g_memdup2(stable, FILE_MAX);
    size_t len = stable_len;
    bool all = g_test_rand_int_range(0, 4) == 0;

    for (guint i = 0; i < unsynced->len; i++) {
        if (all || g_test_rand_int_range(0, 2)) {
            apply_write(file, &len, g_ptr_array_index(unsynced, i),
                        !all && g_test_rand_int_range(0, 4) == 0);
        }
    }
    g_assert_true(g_file_set_contents(hook.cut_path, (char *)file, (gssize)len, NULL));
    check_image(hook.cut_path, ++nr_cuts % 8 == 0);
}

static void test_power_cut(gconstpointer options)
{
    g_autofree char *cut = NULL;
    char *path, *data;
    BlockNode *bs;

    if (!have_qemu_img()) {
        return;
    }
    path = make_image(options);
    cut = g_strconcat(path, ".cut", NULL);
    stable = g_malloc0(FILE_MAX);
    g_assert_true(g_file_get_contents(path, &data, &stable_len, NULL));
    memcpy(stable, data, stable_len);
    g_free(data);
    unsynced = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    bs = open_image(path);
    hook.cut_every = 7;
    hook.cut_path = cut;
    hook.on = true;
    nr_cuts = 0;
    while (nr_cuts < 500) {
        g_assert_cmpint(random_op(bs), ==, 0);
    }
    memset(&hook, 0, sizeof(hook));
    bdrv_unref(bs);
    g_clear_pointer(&unsynced, g_ptr_array_unref);
    g_clear_pointer(&stable, g_free);
    g_unlink(path);
    g_unlink(cut);
    g_free(path);
}

/* --- Errors --- */

/* Requests fail while the host does; afterwards nothing that was flushed is missing. */
static void check_errors(int error, bool reads)
{
    unsigned failed = 0;

    if (!have_qemu_img()) {
        return;
    }
    for (int round = 0; round < 25; round++) {
        char *path = make_image("cluster_size=4k");
        BlockNode *bs = open_image(path);

        hook.fail_from = (unsigned)g_test_rand_int_range(5, 200);
        hook.fail_to = hook.fail_from + (unsigned)g_test_rand_int_range(1, 20);
        hook.error = error;
        hook.fail_reads = reads;
        hook.on = true;
        for (int i = 0; i < 150; i++) {
            failed += random_op(bs) < 0;
        }
        memset(&hook, 0, sizeof(hook));
        bdrv_unref(bs);
        check_image(path, true);
        g_unlink(path);
        g_free(path);
    }
    g_assert_cmpuint(failed, >, 0);
}

static void test_enospc(void)
{
    check_errors(ENOSPC, false);
}

static void test_read_errors(void)
{
    check_errors(EIO, true);
}

static void test_short(void)
{
    char *path;
    BlockNode *bs;

    if (!have_qemu_img()) {
        return;
    }
    path = make_image("cluster_size=4k");
    bs = open_image(path);
    hook.short_io = true;
    hook.on = true;
    for (int i = 0; i < 200; i++) {
        g_assert_cmpint(random_op(bs), ==, 0);
    }
    memset(&hook, 0, sizeof(hook));
    bdrv_unref(bs);
    check_image(path, true);
    g_unlink(path);
    g_free(path);
}

int main(int argc, char **argv)
{
    track = mmap(NULL, sizeof(*track), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    g_assert_true(track != MAP_FAILED);
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/qcow2/kill/flushed_data_is_there_and_nothing_is_corrupt/64k",
                         "compat=1.1", test_kill);
    g_test_add_data_func("/qcow2/kill/flushed_data_is_there_and_nothing_is_corrupt/4k",
                         "cluster_size=4k", test_kill);
    g_test_add_data_func("/qcow2/kill/flushed_data_is_there_and_nothing_is_corrupt/512",
                         "cluster_size=512", test_kill);
    g_test_add_data_func("/qcow2/power_cut/flushed_data_is_there_and_nothing_is_corrupt/4k",
                         "cluster_size=4k", test_power_cut);
    g_test_add_data_func("/qcow2/power_cut/flushed_data_is_there_and_nothing_is_corrupt/512",
                         "cluster_size=512", test_power_cut);
    g_test_add_func("/qcow2/errors/disk_full_loses_nothing", test_enospc);
    g_test_add_func("/qcow2/errors/io_errors_lose_nothing", test_read_errors);
    g_test_add_func("/qcow2/errors/short_reads_and_writes_are_completed", test_short);
    return g_test_run();
}
