/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Block nodes and backends: raw images, alignment, locks, permissions, asynchronous requests. */
#include "qemu/osdep.h"
#include "block/block-int.h"
#include "block/block-backend.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#define IMAGE_BYTES (1 * MiB)

void bdrv_report_corrupt(BlockNode *bs, const char *what, uint64_t offset, bool fatal)
{
    g_assert_not_reached();
}

static char *make_image(size_t bytes)
{
    g_autofree char *name = NULL;
    int fd = g_file_open_tmp("block-XXXXXX", &name, NULL);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, (off_t)bytes), ==, 0);
    close(fd);
    return g_steal_pointer(&name);
}

static void remove_image(char *name)
{
    g_unlink(name);
    g_free(name);
}

static BlockNode *open_raw(const char *file, const char *extra, const char *file_extra,
                           Error **errp)
{
    g_autofree char *json =
        g_strdup_printf("{'driver':'raw'%s,'file':{'driver':'file','filename':'%s'%s}}", extra,
                        file, file_extra);

    return bdrv_open_json(json, errp);
}

static BlockNode *open_ok(const char *file, const char *extra, const char *file_extra)
{
    return open_raw(file, extra, file_extra, &error_abort);
}

static void assert_fails(BlockNode *bs, Error **err, const char *text)
{
    g_assert_null(bs);
    g_assert_cmpstr(error_get_pretty(*err), ==, text);
    g_clear_pointer(err, error_free);
}

/* --- I/O against a model --- */

static void random_io(BlockNode *bs, uint8_t *model, size_t bytes, int rounds)
{
    g_autofree uint8_t *buf = g_malloc(128 * KiB);

    for (int i = 0; i < rounds; i++) {
        size_t off = (size_t)g_test_rand_int_range(0, (int)bytes);
        size_t len = (size_t)g_test_rand_int_range(1, 128 * KiB);
        size_t cut;

        len = MIN(len, bytes - off);
        cut = (size_t)g_test_rand_int_range(0, (int)len + 1);
        switch (g_test_rand_int_range(0, 4)) {
        case 0: {
            struct iovec iov[2] = { { buf, cut }, { buf + cut, len - cut } };

            memset(buf, g_test_rand_int_range(0, 256), len);
            memcpy(model + off, buf, len);
            g_assert_cmpint(bdrv_pwritev(bs, (int64_t)off, iov, 2, 0), ==, 0);
            break;
        }
        case 1:
            memset(model + off, 0, len);
            g_assert_cmpint(bdrv_pwrite_zeroes(bs, (int64_t)off, (int64_t)len,
                                               i % 2 ? BDRV_REQ_MAY_UNMAP : 0), ==, 0);
            break;
        default: {
            struct iovec iov[2] = { { buf, cut }, { buf + cut, len - cut } };

            g_assert_cmpint(bdrv_preadv(bs, (int64_t)off, iov, 2), ==, 0);
            g_assert_cmpmem(buf, len, model + off, len);
        }
        }
    }
}

static void check_raw_io(const char *extra, const char *file_extra)
{
    char *image = make_image(IMAGE_BYTES);
    g_autofree uint8_t *model = g_malloc0(IMAGE_BYTES), *whole = g_malloc(IMAGE_BYTES);
    BlockNode *bs = open_ok(image, extra, file_extra);

    random_io(bs, model, IMAGE_BYTES, 400);
    g_assert_cmpint(bdrv_pread(bs, 0, whole, IMAGE_BYTES), ==, 0);
    g_assert_cmpmem(whole, IMAGE_BYTES, model, IMAGE_BYTES);
    g_assert_cmpint(bdrv_length(bs), ==, IMAGE_BYTES);
    bdrv_unref(bs);
    remove_image(image);
}

static void test_cached_io(void)
{
    check_raw_io("", "");
}

static void test_unmap_io(void)
{
    check_raw_io(",'discard':'unmap','detect-zeroes':'unmap'", "");
}

static void test_direct_io(void)
{
    char *image = make_image(4096);
    Error *err = NULL;
    BlockNode *bs = open_raw(image, ",'cache':{'direct':true}", "", &err);

    remove_image(image);
    if (!bs) {
        error_free(err);
        g_test_skip("no O_DIRECT in the temporary directory");
        return;
    }
    g_assert_cmpuint(bdrv_request_alignment(bs), >=, 512);
    bdrv_unref(bs);
    check_raw_io(",'cache':{'direct':true}", "");
}

static void test_odd_length(void)
{
    char *image = make_image(1000);
    BlockNode *bs = open_ok(image, "", "");
    uint8_t buf[1024], expected[1024] = { 0 };

    g_assert_cmpint(bdrv_length(bs), ==, 1024);
    memset(buf, 1, sizeof(buf));
    memset(expected, 2, 1000);
    g_assert_cmpint(bdrv_pwrite(bs, 0, expected, 1000, 0), ==, 0);
    g_assert_cmpint(bdrv_pread(bs, 0, buf, sizeof(buf)), ==, 0);
    g_assert_cmpmem(buf, sizeof(buf), expected, sizeof(expected));
    bdrv_unref(bs);
    remove_image(image);
}

static void test_outside(void)
{
    char *image = make_image(4096);
    BlockNode *bs = open_ok(image, "", "");
    uint8_t buf[512] = { 0 };

    g_assert_cmpint(bdrv_pread(bs, 4096, buf, 1), ==, -EIO);
    g_assert_cmpint(bdrv_pread(bs, -512, buf, 512), ==, -EIO);
    g_assert_cmpint(bdrv_pwrite(bs, 4000, buf, 512, 0), ==, -EIO);
    g_assert_cmpint(bdrv_pwrite(bs, INT64_MAX - 100, buf, 512, 0), ==, -EIO);
    g_assert_cmpint(bdrv_pwrite_zeroes(bs, 512, INT64_MAX - 100, 0), ==, -EIO);
    g_assert_cmpint(bdrv_pdiscard(bs, 512, 4096), ==, -EIO);
    bdrv_unref(bs);
    remove_image(image);
}

static int64_t allocated(const char *file)
{
    struct stat st;

    g_assert_cmpint(stat(file, &st), ==, 0);
    return (int64_t)st.st_blocks * 512;
}

static void test_discard(void)
{
    char *image = make_image(IMAGE_BYTES);
    g_autofree uint8_t *buf = g_malloc(IMAGE_BYTES);
    BlockNode *bs;

    memset(buf, 1, IMAGE_BYTES);
    bs = open_ok(image, "", "");
    g_assert_cmpint(bdrv_pwrite(bs, 0, buf, IMAGE_BYTES, 0), ==, 0);
    g_assert_cmpint(bdrv_flush(bs), ==, 0);
    g_assert_cmpint(bdrv_pdiscard(bs, 0, IMAGE_BYTES), ==, 0);
    g_assert_cmpint(allocated(image), >=, IMAGE_BYTES); /* discard=ignore */
    bdrv_unref(bs);
    bs = open_ok(image, ",'discard':'unmap'", "");
    g_assert_cmpint(bdrv_pdiscard(bs, 0, IMAGE_BYTES), ==, 0);
    g_assert_cmpint(allocated(image), <, IMAGE_BYTES / 2);
    bdrv_unref(bs);
    remove_image(image);
}

static void test_offset_and_size(void)
{
    char *image = make_image(4096);
    BlockNode *whole = open_ok(image, ",'node-name':'whole'", ",'node-name':'f'");
    Error *err = NULL;
    BlockNode *part = bdrv_open_json("{'driver':'raw','file':'f','offset':512,'size':1024}", &err);
    uint8_t buf[1024];

    g_assert_no_error((GError *)NULL);
    g_assert_nonnull(part);
    memset(buf, 7, sizeof(buf));
    g_assert_cmpint(bdrv_length(part), ==, 1024);
    g_assert_cmpint(bdrv_pwrite(part, 1000, buf, 24, 0), ==, 0);
    g_assert_cmpint(bdrv_pwrite(part, 1000, buf, 25, 0), ==, -EIO);
    g_assert_cmpint(bdrv_pread(whole, 1511, buf, 3), ==, 0);
    g_assert_cmpint(buf[0], ==, 0);
    g_assert_cmpint(buf[1], ==, 7);
    g_assert_null(bdrv_open_json("{'driver':'raw','file':'f','offset':4000,'size':97}", &err));
    g_assert_true(g_str_has_prefix(error_get_pretty(err), "The sum of offset (4000) and size"));
    error_free(err);
    bdrv_unref(part);
    bdrv_unref(whole);
    remove_image(image);
}

static void test_resize(void)
{
    char *image = make_image(4096);
    BlockNode *bs = open_ok(image, "", "");
    struct stat st;

    g_assert_true(bdrv_truncate(bs, 8192, &error_abort));
    g_assert_cmpint(bdrv_length(bs), ==, 8192);
    g_assert_true(bdrv_truncate(bs, 512, &error_abort));
    g_assert_cmpint(stat(image, &st), ==, 0);
    g_assert_cmpint(st.st_size, ==, 512);
    bdrv_unref(bs);
    remove_image(image);
}

/* --- Options --- */

static void test_open_errors(void)
{
    char *image = make_image(512);
    g_autofree char *text = NULL;
    Error *err = NULL;
    BlockNode *bs;

    assert_fails(open_raw("/nonexistent/x", "", "", &err), &err,
                 "Could not open '/nonexistent/x': No such file or directory");
    assert_fails(open_raw("/tmp", "", ",'read-only':true", &err), &err,
                 "'file' driver requires '/tmp' to be a regular file");
    assert_fails(bdrv_open_json("{'driver':'raw','file':'zz'}", &err), &err,
                 "Cannot find device='zz' nor node-name='zz'");
    assert_fails(bdrv_open_json("{'driver':'raw'}", &err), &err, "Parameter 'file' is missing");
    assert_fails(bdrv_open_json("{'driver':'blah'}", &err), &err,
                 "Parameter 'driver' does not accept value 'blah'");
    assert_fails(bdrv_open_json("{'driver':'null-co','node-name':'1 b'}", &err), &err,
                 "Invalid node-name: '1 b'");
    assert_fails(bdrv_open_json("{'driver':'null-co','x':1}", &err), &err,
                 "Parameter 'x' is unexpected");
    assert_fails(open_raw(image, ",'force-share':true", "", &err), &err,
                 "force-share=on can only be used with read-only images");
    text = g_strdup_printf("'host_device' driver requires '%s' to be either a character or block "
                           "device", image);
    g_free(g_steal_pointer(&text));
    bs = bdrv_open_json("{'driver':'null-co','node-name':'n'}", &error_abort);
    assert_fails(bdrv_open_json("{'driver':'null-co','node-name':'n'}", &err), &err,
                 "Duplicate nodes with node-name='n'");
    bdrv_unref(bs);
    assert_fails(bdrv_open_json("{'driver':'raw','node-name':'x','file':{'driver':'null-co',"
                                "'node-name':'x'}}", &err), &err,
                 "Duplicate nodes with node-name='x'");
    g_assert_null(bdrv_next(NULL)); /* nothing that failed is left */
    remove_image(image);
}

static void test_read_only(void)
{
    char *image = make_image(512);
    BlockNode *bs = open_ok(image, ",'read-only':true", "");
    BlockBackend *blk = blk_new(bs, NULL, &error_abort);
    Error *err = NULL;
    char c = 0;

    g_assert_cmpint(bdrv_pwrite(bs, 0, &c, 1, 0), ==, -EPERM);
    g_assert_false(blk_claim(blk, false, false, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Block node is read-only");
    error_free(err);
    g_assert_true(blk_claim(blk, true, false, &error_abort));
    blk_unref(blk);
    bdrv_unref(bs);
    remove_image(image);
}

static void test_chain_limit(void)
{
    BlockNode *bs = bdrv_open_json("{'driver':'null-co','node-name':'n0'}", &error_abort);
    Error *err = NULL;

    for (int i = 1;; i++) {
        g_autofree char *json = g_strdup_printf(
            "{'driver':'raw','node-name':'n%d','file':'n%d'}", i, i - 1);
        BlockNode *next = bdrv_open_json(json, &err);

        bdrv_unref(bs);
        if (!next) {
            g_assert_cmpint(i, ==, BDRV_MAX_DEPTH + 1);
            break;
        }
        bs = next;
    }
    g_assert_nonnull(strstr(error_get_pretty(err), "at most 200"));
    error_free(err);
    g_assert_null(bdrv_next(NULL));
}

/* --- Permissions and locks --- */

static void test_two_writers(void)
{
    BlockNode *bs = bdrv_open_json("{'driver':'null-co','node-name':'n'}", &error_abort);
    BlockBackend *a = blk_new(bs, "a", &error_abort), *b = blk_new(bs, "b", &error_abort);
    Error *err = NULL;

    g_assert_true(blk_claim(a, false, false, &error_abort));
    g_assert_false(blk_claim(b, false, false, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), "Permission conflict on node 'n'"));
    error_free(err);
    g_assert_true(blk_claim(b, true, true, &error_abort)); /* reading beside a writer */
    blk_unref(a);
    g_assert_true(blk_claim(b, false, false, &error_abort)); /* the first has gone */
    blk_unref(b);
    bdrv_unref(bs);
}

static void test_file_lock(void)
{
    char *image = make_image(512);
    BlockNode *one = open_ok(image, "", ""), *two;
    BlockBackend *a = blk_new(one, NULL, &error_abort), *b;
    Error *err = NULL;
    g_autofree char *hint =
        g_strdup_printf("Is another process using the image [%s]?\n", image);

    g_assert_true(blk_claim(a, false, false, &error_abort));
    two = open_ok(image, "", "");
    b = blk_new(two, NULL, &error_abort);
    g_assert_false(blk_claim(b, false, false, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Failed to get \"write\" lock");
    g_assert_cmpstr(error_get_hint(err), ==, hint);
    g_clear_pointer(&err, error_free);
    g_assert_false(blk_claim(b, true, false, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "Failed to get shared \"write\" lock");
    g_clear_pointer(&err, error_free);
    blk_unref(a);
    bdrv_unref(one);
    g_assert_true(blk_claim(b, false, false, &error_abort));
    blk_unref(b);
    bdrv_unref(two);
    remove_image(image);
}

/* --- Backends --- */

typedef struct Done {
    int calls, ret;
    GThread *thread;
} Done;

static void on_done(void *opaque, int ret)
{
    Done *d = opaque;

    d->calls++;
    d->ret = ret;
    d->thread = g_thread_self();
}

static void wait_for(Done *d, GMainContext *ctx)
{
    while (!d->calls) {
        g_main_context_iteration(ctx, TRUE);
    }
}

static void test_async(void)
{
    char *image = make_image(IMAGE_BYTES);
    BlockNode *bs = open_ok(image, "", "");
    BlockBackend *blk = blk_new(bs, "d", &error_abort);
    uint8_t out[4096], in[4096];
    struct iovec w = { out, sizeof(out) }, r = { in, sizeof(in) };
    Done d = { 0 };
    BlockAcctStats st;

    memset(out, 0x5a, sizeof(out));
    g_assert_true(blk_claim(blk, false, false, &error_abort));
    blk_aio_pwritev(blk, 8192, &w, 1, 0, on_done, &d);
    g_assert_cmpint(d.calls, ==, 0); /* never inside the call */
    wait_for(&d, NULL);
    g_assert_cmpint(d.ret, ==, 0);
    g_assert_true(d.thread == g_thread_self());
    d.calls = 0;
    blk_aio_flush(blk, on_done, &d);
    wait_for(&d, NULL);
    d.calls = 0;
    blk_aio_preadv(blk, 8192, &r, 1, on_done, &d);
    wait_for(&d, NULL);
    g_assert_cmpmem(in, sizeof(in), out, sizeof(out));
    d.calls = 0;
    blk_aio_preadv(blk, IMAGE_BYTES - 512, &r, 1, on_done, &d);
    wait_for(&d, NULL);
    g_assert_cmpint(d.ret, ==, -EIO);
    st = blk_stats(blk);
    g_assert_cmpuint(st.ops[BLOCK_ACCT_WRITE], ==, 1);
    g_assert_cmpuint(st.bytes[BLOCK_ACCT_WRITE], ==, 4096);
    g_assert_cmpuint(st.ops[BLOCK_ACCT_READ], ==, 1);
    g_assert_cmpuint(st.failed[BLOCK_ACCT_READ], ==, 1);
    g_assert_cmpuint(st.ops[BLOCK_ACCT_FLUSH], ==, 1);
    blk_unref(blk);
    bdrv_unref(bs);
    remove_image(image);
}

static void test_other_context(void)
{
    BlockNode *bs = bdrv_open_json("{'driver':'null-co'}", &error_abort);
    BlockBackend *blk = blk_new(bs, NULL, &error_abort);
    GMainContext *ctx = g_main_context_new();
    Done d = { 0 };

    blk_set_context(blk, ctx);
    blk_aio_pdiscard(blk, 0, 4096, on_done, &d);
    for (int i = 0; i < 20; i++) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
    g_assert_cmpint(d.calls, ==, 0);
    g_main_context_push_thread_default(ctx);
    wait_for(&d, ctx);
    g_main_context_pop_thread_default(ctx);
    blk_unref(blk);
    bdrv_unref(bs);
    g_main_context_unref(ctx);
}

static void test_drain(void)
{
    BlockNode *bs = bdrv_open_json("{'driver':'null-co','latency-ns':2000000}", &error_abort);
    BlockBackend *blk = blk_new(bs, NULL, &error_abort);
    char buf[512];
    struct iovec iov = { buf, sizeof(buf) };
    Done d = { 0 };

    for (int i = 0; i < 100; i++) {
        blk_aio_preadv(blk, i * 512, &iov, 1, on_done, &d);
    }
    blk_drain(blk);
    g_assert_cmpint(d.calls, ==, 100);
    g_assert_cmpuint(blk_in_flight(blk), ==, 0);
    blk_drained_begin(blk);
    blk_aio_flush(blk, on_done, &d);
    for (int i = 0; i < 20; i++) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
    g_assert_cmpint(d.calls, ==, 100); /* waits */
    blk_drained_end(blk);
    blk_drain(blk);
    g_assert_cmpint(d.calls, ==, 101);
    blk_unref(blk);
    bdrv_unref(bs);
}

static void drain_in_callback(void *opaque, int ret)
{
    blk_drain(opaque);
}

static void test_drain_in_callback(void)
{
    BlockNode *bs = bdrv_open_json("{'driver':'null-co','latency-ns':1000000}", &error_abort);
    BlockBackend *blk = blk_new(bs, NULL, &error_abort);
    Done d = { 0 };

    blk_aio_flush(blk, drain_in_callback, blk);
    for (int i = 0; i < 10; i++) {
        blk_aio_flush(blk, on_done, &d);
    }
    while (d.calls < 10) {
        g_main_context_iteration(NULL, TRUE);
    }
    blk_unref(blk);
    bdrv_unref(bs);
}

static void test_empty_drive(void)
{
    BlockBackend *blk = blk_new(NULL, "cd", &error_abort);
    Done d = { 0 };

    blk_aio_flush(blk, on_done, &d);
    blk_drain(blk);
    g_assert_cmpint(d.ret, ==, -ENOMEDIUM);
    g_assert_true(blk_by_name("cd") == blk);
    blk_unref(blk);
    g_assert_null(blk_by_name("cd"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/block/raw/random_requests_agree_with_model", test_cached_io);
    g_test_add_func("/block/raw/unmapping_requests_agree_with_model", test_unmap_io);
    g_test_add_func("/block/raw/direct_requests_need_no_alignment", test_direct_io);
    g_test_add_func("/block/raw/partial_last_sector_reads_zeroes_behind", test_odd_length);
    g_test_add_func("/block/raw/requests_outside_fail_with_EIO", test_outside);
    g_test_add_func("/block/raw/discard_frees_space_only_with_unmap", test_discard);
    g_test_add_func("/block/raw/offset_and_size_bound_requests", test_offset_and_size);
    g_test_add_func("/block/raw/resize", test_resize);
    g_test_add_func("/block/open/errors_have_qemus_texts_and_leave_nothing", test_open_errors);
    g_test_add_func("/block/open/read_only_refuses_writes", test_read_only);
    g_test_add_func("/block/open/chain_length_is_bounded", test_chain_limit);
    g_test_add_func("/block/perm/one_writer_unless_shared", test_two_writers);
    g_test_add_func("/block/perm/image_is_locked_against_other_openers", test_file_lock);
    g_test_add_func("/block/backend/requests_complete_in_callers_loop", test_async);
    g_test_add_func("/block/backend/callbacks_run_in_their_context", test_other_context);
    g_test_add_func("/block/backend/drain_waits_and_holds_back", test_drain);
    g_test_add_func("/block/backend/callback_may_drain", test_drain_in_callback);
    g_test_add_func("/block/backend/empty_drive_fails_requests", test_empty_drive);
    return g_test_run();
}
