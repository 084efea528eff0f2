/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 against a model in memory and against qemu-img: images it made are read right, and it finds
 * no fault in images we wrote after random writes, discards, snapshots and resizes.
 */
#include "qemu/osdep.h"
#include "block/block-int.h"
#include "qemu-img.h"

#include <fcntl.h>
#include <glib/gstdio.h>

static unsigned nr_corrupt;

void bdrv_report_corrupt(BlockNode *bs, const char *what, uint64_t offset, bool fatal)
{
    nr_corrupt++;
    g_test_message("corrupt: %s", what);
}

/* --- qemu-img --- */

static void assert_clean(const char *image)
{
    g_assert_cmpint(run_command("qemu-img check -q -f qcow2 %s", image), ==, 0);
}

/* --- An image and what it should hold --- */

typedef struct Config {
    const char *name, *options;
    const char *node; /* more options of the node */
    bool backing;
} Config;

typedef struct Saved {
    char *name;
    uint8_t *disk, *vm;
    size_t disk_len, vm_len;
} Saved;

#define MAX_BYTES (6 * MiB)

typedef struct Image {
    char *dir, *path, *base;
    const Config *config;
    BlockNode *bs;
    uint8_t *model;
    size_t len;
    GPtrArray *saved; /* of Saved */
    unsigned next_name;
} Image;

static void image_open(Image *img)
{
    g_autofree char *json = g_strdup_printf(
        "{'driver':'qcow2','node-name':'q'%s,'file':{'driver':'file','filename':'%s'}}",
        img->config->node ? img->config->node : "", img->path);

    img->bs = bdrv_open_json(json, &error_abort);
}

static void image_close(Image *img)
{
    bdrv_unref(g_steal_pointer(&img->bs));
}

static void fill(uint8_t *buf, size_t len)
{
    uint32_t seed = (uint32_t)g_test_rand_int();

    for (size_t i = 0; i < len; i++) {
        seed = seed * 1664525 + 1013904223;
        buf[i] = (uint8_t)(seed >> 24);
    }
}

static void image_init(Image *img, const Config *config, size_t len)
{
    g_autofree char *opts = g_strdup(config->options);

    *img = (Image){ .config = config, .len = len };
    img->dir = g_dir_make_tmp("qcow2-XXXXXX", NULL);
    img->path = g_build_filename(img->dir, "disk.qcow2", NULL);
    img->base = g_build_filename(img->dir, "base.raw", NULL);
    img->model = g_malloc0(MAX_BYTES);
    img->saved = g_ptr_array_new();
    if (config->backing) {
        fill(img->model, len / 2 + 512);
        g_assert_true(g_file_set_contents(img->base, (char *)img->model, (gssize)(len / 2 + 512),
                                          NULL));
        g_assert_cmpint(run_command("qemu-img create -q -f qcow2 -o %s -b base.raw -F raw %s %zu",
                                    opts, img->path, len), ==, 0);
    } else {
        g_assert_cmpint(run_command("qemu-img create -q -f qcow2 -o %s %s %zu", opts, img->path,
                                    len), ==, 0);
    }
    image_open(img);
}

static void saved_free(Saved *sv)
{
    g_free(sv->name);
    g_free(sv->disk);
    g_free(sv->vm);
    g_free(sv);
}

static void image_fini(Image *img)
{
    if (img->bs) {
        image_close(img);
    }
    g_unlink(img->path);
    g_unlink(img->base);
    g_rmdir(img->dir);
    g_free(img->dir);
    g_free(img->path);
    g_free(img->base);
    g_free(img->model);
    for (guint i = 0; i < img->saved->len; i++) {
        saved_free(g_ptr_array_index(img->saved, i));
    }
    g_ptr_array_free(img->saved, TRUE);
}

static void check_contents(Image *img)
{
    g_autofree uint8_t *buf = g_malloc(MAX_BYTES);

    g_assert_cmpint(bdrv_length(img->bs), ==, (int64_t)img->len);
    g_assert_cmpint(bdrv_pread(img->bs, 0, buf, img->len), ==, 0);
    g_assert_cmpmem(buf, img->len, img->model, img->len);
}

/* qemu-img finds no fault and reads the same bytes, of the disk and of every snapshot. */
static void check_with_qemu_img(Image *img)
{
    g_autofree char *raw = g_build_filename(img->dir, "model.raw", NULL);

    image_close(img);
    assert_clean(img->path);
    g_assert_true(g_file_set_contents(raw, (char *)img->model, (gssize)img->len, NULL));
    g_assert_cmpint(run_command("qemu-img compare -q -f qcow2 -F raw %s %s", img->path, raw),
                    ==, 0);
    for (guint i = 0; i < img->saved->len; i++) {
        const Saved *sv = g_ptr_array_index(img->saved, i);
        g_autofree char *out = g_build_filename(img->dir, "sn.raw", NULL), *data = NULL;
        gsize n;

        g_assert_cmpint(run_command("qemu-img convert -q -f qcow2 -l snapshot.name=%s -O raw %s %s",
                            sv->name, img->path, out), ==, 0);
        g_assert_true(g_file_get_contents(out, &data, &n, NULL));
        /* qemu-img shows the snapshot with the length the disk has now. */
        g_assert_cmpint(memcmp(data, sv->disk, MIN(n, sv->disk_len)), ==, 0);
        g_unlink(out);
    }
    g_unlink(raw);
    image_open(img);
}

/* --- Random operations --- */

static void random_range(const Image *img, size_t *off, size_t *len)
{
    size_t max = g_test_rand_int_range(0, 8) ? 20000 : 700000;

    *off = (size_t)g_test_rand_int_range(0, (int)img->len);
    *len = (size_t)g_test_rand_int_range(1, (int)max);
    *len = MIN(*len, img->len - *off);
    if (g_test_rand_int_range(0, 2)) { /* as disks are used */
        *off &= ~(size_t)511;
        *len = MIN(ROUND_UP(*len, (size_t)512), img->len - *off);
    }
}

static void op_write(Image *img)
{
    size_t off, len;

    random_range(img, &off, &len);
    fill(img->model + off, len);
    g_assert_cmpint(bdrv_pwrite(img->bs, (int64_t)off, img->model + off, len, 0), ==, 0);
}

static void op_zero(Image *img)
{
    size_t off, len;

    random_range(img, &off, &len);
    memset(img->model + off, 0, len);
    g_assert_cmpint(bdrv_pwrite_zeroes(img->bs, (int64_t)off, (int64_t)len,
                                       g_test_rand_int_range(0, 2) ? BDRV_REQ_MAY_UNMAP : 0),
                    ==, 0);
}

/* Contents afterwards are not defined: the model takes what is there, old bytes or zeroes. */
static void op_discard(Image *img)
{
    g_autofree uint8_t *now = g_malloc(MAX_BYTES);
    size_t off, len;

    random_range(img, &off, &len);
    g_assert_cmpint(bdrv_pdiscard(img->bs, (int64_t)off, (int64_t)len), ==, 0);
    g_assert_cmpint(bdrv_pread(img->bs, (int64_t)off, now, len), ==, 0);
    for (size_t i = 0; i < len; i++) {
        g_assert_true(now[i] == 0 || now[i] == img->model[off + i]);
    }
    memcpy(img->model + off, now, len);
}

static void op_read(Image *img)
{
    g_autofree uint8_t *now = g_malloc(MAX_BYTES);
    size_t off, len;

    random_range(img, &off, &len);
    g_assert_cmpint(bdrv_pread(img->bs, (int64_t)off, now, len), ==, 0);
    g_assert_cmpmem(now, len, img->model + off, len);
}

static void op_flush(Image *img)
{
    g_assert_cmpint(bdrv_flush(img->bs), ==, 0);
}

static void op_reopen(Image *img)
{
    image_close(img);
    image_open(img);
}

static void op_snapshot(Image *img)
{
    g_autofree char *name = g_strdup_printf("s%u", img->next_name++);
    SnapshotInfo info = { .name = name, .date_sec = 1700000000, .icount = UINT64_MAX };
    Saved *sv;

    if (img->saved->len >= 5) {
        return;
    }
    sv = g_new0(Saved, 1);
    sv->name = g_strdup(name);
    sv->disk = g_memdup2(img->model, img->len);
    sv->disk_len = img->len;
    if (g_test_rand_int_range(0, 2)) {
        sv->vm_len = (size_t)g_test_rand_int_range(1, 300000);
        sv->vm = g_malloc(sv->vm_len);
        fill(sv->vm, sv->vm_len);
        g_assert_cmpint(bdrv_save_vmstate(img->bs, 0, sv->vm, sv->vm_len), ==, 0);
        info.vm_state_bytes = sv->vm_len;
    }
    g_assert_true(bdrv_snapshot_create(img->bs, &info, &error_abort));
    g_ptr_array_add(img->saved, sv);
}

static Saved *random_saved(Image *img)
{
    return img->saved->len
               ? g_ptr_array_index(img->saved, (guint)g_test_rand_int_range(
                                                   0, (int)img->saved->len))
               : NULL;
}

static void op_apply(Image *img)
{
    const Saved *sv = random_saved(img);
    g_autofree uint8_t *vm = NULL;

    if (!sv) {
        return;
    }
    g_assert_true(bdrv_snapshot_apply(img->bs, sv->name, &error_abort));
    memcpy(img->model, sv->disk, sv->disk_len);
    img->len = sv->disk_len;
    vm = g_malloc(sv->vm_len + 1);
    g_assert_cmpint(bdrv_load_vmstate(img->bs, 0, vm, sv->vm_len), ==, 0);
    g_assert_cmpmem(vm, sv->vm_len, sv->vm, sv->vm_len);
    check_contents(img);
}

static void op_delete(Image *img)
{
    Saved *sv = random_saved(img);

    if (sv) {
        g_assert_true(bdrv_snapshot_delete(img->bs, sv->name, &error_abort));
        g_ptr_array_remove(img->saved, sv);
        saved_free(sv);
    }
}

static void op_resize(Image *img)
{
    size_t len = (size_t)g_test_rand_int_range(100, (int)(MAX_BYTES / 512)) * 512;

    if (strstr(img->config->options, "compat=0.10") && img->saved->len) {
        return;
    }
    g_assert_true(bdrv_truncate(img->bs, (int64_t)len, &error_abort));
    if (len > img->len) {
        memset(img->model + img->len, 0, len - img->len);
    }
    img->len = len;
}

static const struct {
    void (*op)(Image *img);
    int weight;
} ops[] = {
    { op_write, 40 }, { op_zero, 12 },    { op_discard, 12 }, { op_read, 20 },  { op_flush, 6 },
    { op_reopen, 2 }, { op_snapshot, 3 }, { op_apply, 2 },    { op_delete, 2 }, { op_resize, 1 },
};

static void random_op(Image *img)
{
    int n = g_test_rand_int_range(0, 100);
    size_t i = 0;

    while (n >= ops[i].weight) {
        n -= ops[i++].weight;
    }
    ops[i].op(img);
}

static const Config configs[] = {
    { "default", "compat=1.1", ",'discard':'unmap'" },
    { "cluster_512", "cluster_size=512", ",'discard':'unmap'" },
    { "cluster_2M", "cluster_size=2M", NULL },
    { "refcount_1", "refcount_bits=1,cluster_size=4k", ",'discard':'unmap'" },
    { "refcount_64", "refcount_bits=64,cluster_size=1k", ",'discard':'unmap'" },
    { "version_2", "compat=0.10,cluster_size=4k", ",'discard':'unmap'" },
    { "lazy_refcounts", "lazy_refcounts=on,cluster_size=4k", ",'discard':'unmap'" },
    { "backing", "cluster_size=4k", ",'discard':'unmap'", true },
    { "backing_version_2", "compat=0.10,cluster_size=4k", ",'discard':'unmap'", true },
    { "small_cache", "cluster_size=512", ",'discard':'unmap','cache-size':4096", true },
    { "detect_zeroes", "cluster_size=8k", ",'discard':'unmap','detect-zeroes':'unmap'" },
};

static void test_random(gconstpointer data)
{
    const Config *config = data;
    Image img;

    if (!have_qemu_img()) {
        return;
    }
    nr_corrupt = 0;
    image_init(&img, config, 3 * MiB + 512 * 7);
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 120; i++) {
            /* a count of one bit leaves no room for snapshots */
            if (!strcmp(config->name, "refcount_1")) {
                ops[g_test_rand_int_range(0, 6)].op(&img);
            } else {
                random_op(&img);
            }
        }
        check_contents(&img);
        check_with_qemu_img(&img);
    }
    g_assert_cmpuint(nr_corrupt, ==, 0);
    image_fini(&img);
}

/* --- Images of qemu-img --- */

static void check_foreign(const char *convert)
{
    g_autofree char *dir = g_dir_make_tmp("qcow2-XXXXXX", NULL);
    g_autofree char *raw = g_build_filename(dir, "a.raw", NULL), *json = NULL;
    g_autofree char *image = g_build_filename(dir, "a.qcow2", NULL);
    g_autofree uint8_t *model = g_malloc0(MAX_BYTES), *now = g_malloc(MAX_BYTES);
    BlockNode *bs;

    for (size_t i = 0; i < MAX_BYTES; i++) { /* compresses, but not to nothing */
        model[i] = (uint8_t)((i >> 9) % 7 * (i % 251));
    }
    g_assert_true(g_file_set_contents(raw, (char *)model, MAX_BYTES, NULL));
    g_assert_cmpint(run_command("qemu-img convert -q -f raw -O qcow2 %s %s %s",
                        convert, raw, image), ==, 0);
    json = g_strdup_printf("{'driver':'qcow2','file':{'driver':'file','filename':'%s'}}", image);
    bs = bdrv_open_json(json, &error_abort);
    g_assert_cmpint(bdrv_pread(bs, 0, now, MAX_BYTES), ==, 0);
    g_assert_cmpmem(now, MAX_BYTES, model, MAX_BYTES);
    memset(model + 5000, 0x77, 100000); /* and written over */
    g_assert_cmpint(bdrv_pwrite(bs, 5000, model + 5000, 100000, 0), ==, 0);
    bdrv_unref(bs);
    assert_clean(image);
    g_assert_true(g_file_set_contents(raw, (char *)model, MAX_BYTES, NULL));
    g_assert_cmpint(run_command("qemu-img compare -q -f qcow2 -F raw %s %s", image, raw), ==, 0);
    g_unlink(raw);
    g_unlink(image);
    g_rmdir(dir);
}

static void test_foreign(void)
{
    if (have_qemu_img()) {
        check_foreign("");
        check_foreign("-c");
        check_foreign("-c -o compression_type=zstd");
        check_foreign("-c -o cluster_size=4k");
        check_foreign("-o preallocation=metadata");
    }
}

/* Features that we do not have are refused in words. */
static void check_refused(const char *options, const char *text)
{
    g_autofree char *dir = g_dir_make_tmp("qcow2-XXXXXX", NULL), *json = NULL;
    g_autofree char *image = g_build_filename(dir, "a.qcow2", NULL);
    g_autofree char *data = g_build_filename(dir, "data", NULL);
    Error *err = NULL;

    g_assert_cmpint(run_command("qemu-img create -q -f qcow2 %s%s %s 1M", options,
                        g_str_has_suffix(options, "=") ? data : "", image), ==, 0);
    json = g_strdup_printf("{'driver':'qcow2','file':{'driver':'file','filename':'%s'}}", image);
    g_assert_null(bdrv_open_json(json, &err));
    g_test_message("%s", error_get_pretty(err));
    g_assert_nonnull(strstr(error_get_pretty(err), text));
    error_free(err);
    g_unlink(image);
    g_unlink(data);
    g_rmdir(dir);
}

static void test_refused(void)
{
    if (have_qemu_img()) {
        check_refused("-o data_file=", "keeps its data in another file");
        check_refused("-o extended_l2=on", "extended L2 entries");
        check_refused("--object secret,id=s,data=abc -o encrypt.format=luks,encrypt.key-secret=s",
                      "is encrypted");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
        g_autofree char *name =
            g_strdup_printf("/qcow2/random_operations_agree_with_qemu_img/%s", configs[i].name);

        g_test_add_data_func(name, &configs[i], test_random);
    }
    g_test_add_func("/qcow2/open/images_of_qemu_img_are_read_and_written", test_foreign);
    g_test_add_func("/qcow2/open/features_we_lack_are_refused", test_refused);
    return g_test_run();
}
