/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The graph of block nodes: opening, naming, references, closing. Main thread, BQL. */
#include "qemu/osdep.h"
#include "block/block-int.h"
#include "qapi/json-stream.h"

static GPtrArray *nodes; /* of BlockNode, oldest first */
static unsigned nr_generated; /* names of nodes that were not given one */
static unsigned open_depth; /* nodes that are being opened inside one another */

static const BlockDriver *const drivers[] = {
    &block_driver_file, &block_driver_host_device, &block_driver_null_co,
    &block_driver_qcow2, &block_driver_raw,
};

static const BlockDriver *find_driver(BlockdevDriver id)
{
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        if (drivers[i]->id == id) {
            return drivers[i];
        }
    }
    return NULL;
}

BlockNode *bdrv_find(const char *node_name)
{
    for (guint i = 0; nodes && i < nodes->len; i++) {
        BlockNode *bs = g_ptr_array_index(nodes, i);

        if (!strcmp(bs->node_name, node_name)) {
            return bs;
        }
    }
    return NULL;
}

BlockNode *bdrv_next(const BlockNode *bs)
{
    guint i = 0;

    if (bs && (!nodes || !g_ptr_array_find(nodes, bs, &i))) {
        return NULL;
    }
    i += bs != NULL;
    return nodes && i < nodes->len ? g_ptr_array_index(nodes, i) : NULL;
}

/* As QEMU: letters, digits, '-', '.', '_', first a letter. */
static bool name_is_wellformed(const char *name)
{
    if (!g_ascii_isalpha(name[0])) {
        return false;
    }
    for (const char *p = name; *p; p++) {
        if (!g_ascii_isalnum(*p) && !strchr("-._", *p)) {
            return false;
        }
    }
    return strlen(name) < 32;
}

static char *generate_name(void)
{
    return g_strdup_printf("#block%03u", nr_generated++);
}

static bool choose_name(BlockNode *bs, const char *name, Error **errp)
{
    if (!name) {
        bs->node_name = generate_name();
        return true;
    }
    if (!name_is_wellformed(name)) {
        error_setg(errp, "Invalid node-name: '%s'", name);
        return false;
    }
    if (bdrv_find(name)) {
        error_setg(errp, "Duplicate nodes with node-name='%s'", name);
        return false;
    }
    bs->node_name = g_strdup(name);
    return true;
}

static bool apply_common(BlockNode *bs, const BlockdevOptions *opts, Error **errp)
{
    if (!choose_name(bs, opts->node_name, errp)) {
        return false;
    }
    bs->read_only = opts->has_read_only && opts->read_only;
    bs->inactive = bdrv_opening_inactive();
    bs->force_share = opts->has_force_share && opts->force_share;
    bs->direct = opts->cache && opts->cache->has_direct && opts->cache->direct;
    bs->no_flush = opts->cache && opts->cache->has_no_flush && opts->cache->no_flush;
    bs->discard = opts->has_discard ? opts->discard : BLOCKDEV_DISCARD_OPTIONS_IGNORE;
    bs->detect_zeroes =
        opts->has_detect_zeroes ? opts->detect_zeroes : BLOCKDEV_DETECT_ZEROES_OPTIONS_OFF;
    if (bs->force_share && !bs->read_only) {
        error_setg(errp, "force-share=on can only be used with read-only images");
        return false;
    }
    if (bs->detect_zeroes == BLOCKDEV_DETECT_ZEROES_OPTIONS_UNMAP &&
        bs->discard != BLOCKDEV_DISCARD_OPTIONS_UNMAP) {
        error_setg(errp, "setting detect-zeroes to unmap is not allowed without setting "
                         "discard operation to unmap");
        return false;
    }
    return true;
}

static void node_free(BlockNode *bs)
{
    bdrv_detach_child(&bs->file);
    bdrv_detach_child(&bs->backing);
    assert(!bs->parents->len);
    g_ptr_array_free(bs->parents, TRUE);
    g_free(bs->state);
    g_free(bs->filename);
    g_free(bs->node_name);
    g_free(bs);
}

static BlockNode *node_new(const BlockDriver *drv)
{
    BlockNode *bs = g_new0(BlockNode, 1);

    bs->drv = drv;
    bs->state = g_malloc0(MAX(drv->state_size, 1));
    bs->refcnt = 1;
    bs->parents = g_ptr_array_new();
    bs->shared = BLK_PERM_ALL;
    bs->request_alignment = 1;
    bs->mem_alignment = 1;
    return bs;
}

static bool open_with_driver(BlockNode *bs, const BlockdevOptions *opts, Error **errp)
{
    bool ok;

    if (open_depth >= BDRV_MAX_DEPTH) {
        error_setg(errp, "the chain of images has a loop, or is longer than %u", BDRV_MAX_DEPTH);
        return false;
    }
    open_depth++;
    ok = bs->drv->open(bs, opts, errp);
    open_depth--;
    return ok;
}

BlockNode *bdrv_open(const BlockdevOptions *opts, Error **errp)
{
    const BlockDriver *drv = find_driver(opts->driver);
    BlockNode *bs;

    if (!drv) {
        error_setg(errp, "Unknown driver '%s'",
                   qapi_enum_name(&qapi_type_BlockdevDriver, opts->driver));
        return NULL;
    }
    bs = node_new(drv);
    if (!apply_common(bs, opts, errp) || !open_with_driver(bs, opts, errp)) {
        node_free(bs);
        return NULL;
    }
    if (bdrv_find(bs->node_name)) { /* a node inside it took the name */
        error_setg(errp, "Duplicate nodes with node-name='%s'", bs->node_name);
        if (drv->close) {
            drv->close(bs);
        }
        node_free(bs);
        return NULL;
    }
    if (!bs->filename) {
        bs->filename = g_strdup(bs->file ? bs->file->bs->filename : "");
    }
    if (!nodes) {
        nodes = g_ptr_array_new();
    }
    g_ptr_array_add(nodes, bs);
    return bs;
}

BlockNode *bdrv_open_json(const char *json, Error **errp)
{
    g_autoptr(BlockdevOptions) opts = NULL;
    json_object *value = NULL;

    if (!json_parse_text(json, &value, errp)) {
        return NULL;
    }
    opts = qapi_from_json(&qapi_type_BlockdevOptions, value, errp);
    json_object_put(value);
    return opts ? bdrv_open(opts, errp) : NULL;
}

void bdrv_ref(BlockNode *bs)
{
    bs->refcnt++;
}

void bdrv_unref(BlockNode *bs)
{
    if (!bs || --bs->refcnt) {
        return;
    }
    g_ptr_array_remove(nodes, bs);
    if (!nodes->len) {
        g_ptr_array_free(g_steal_pointer(&nodes), TRUE);
    }
    if (!bs->read_only) {
        bdrv_flush(bs);
    }
    if (bs->drv->close) {
        bs->drv->close(bs);
    }
    node_free(bs);
}

int bdrv_flush_all(void)
{
    int ret = 0;

    for (guint i = nodes ? nodes->len : 0; i-- > 0;) {
        BlockNode *bs = g_ptr_array_index(nodes, i);

        if (!bs->read_only) {
            int r = bdrv_flush(bs);

            ret = ret ? ret : r;
        }
    }
    return ret;
}

/* --- Children --- */

/* What a node inside another gets when its own options do not say: the outer one's choice, and
 * discards always passed down (the outer node already decided). Returns a shallow copy. */
static BlockdevOptions inherit(const BlockdevOptions *own, const BlockdevOptions *outer,
                               BlockRole role, BlockdevCacheOptions *cache)
{
    BlockdevOptions merged = *own;

    *cache = own->cache ? *own->cache : (BlockdevCacheOptions){ 0 };
    if (outer->cache && !cache->has_direct && outer->cache->has_direct) {
        cache->has_direct = true;
        cache->direct = outer->cache->direct;
    }
    if (outer->cache && !cache->has_no_flush && outer->cache->has_no_flush) {
        cache->has_no_flush = true;
        cache->no_flush = outer->cache->no_flush;
    }
    merged.cache = cache;
    if (!own->has_read_only) {
        merged.has_read_only = true;
        merged.read_only = role == BLOCK_ROLE_COW || (outer->has_read_only && outer->read_only);
    }
    if (!own->has_auto_read_only) {
        merged.has_auto_read_only = outer->has_auto_read_only;
        merged.auto_read_only = outer->auto_read_only;
    }
    if (!own->has_force_share && merged.read_only) {
        merged.has_force_share = outer->has_force_share;
        merged.force_share = outer->force_share;
    }
    if (!own->has_discard && role != BLOCK_ROLE_COW) {
        merged.has_discard = true;
        merged.discard = BLOCKDEV_DISCARD_OPTIONS_UNMAP;
    }
    return merged;
}

bool bdrv_open_child(BlockNode *bs, BlockEdge **edge, const char *name, BlockRole role,
                     const BlockdevRef *ref, const BlockdevOptions *opts, Error **errp)
{
    BlockNode *child;

    if (ref->branch == BLOCKDEV_REF_BRANCH_REFERENCE) {
        child = bdrv_find(ref->u.reference);
        if (!child) {
            error_setg(errp, "Cannot find device='%s' nor node-name='%s'", ref->u.reference,
                       ref->u.reference);
            return false;
        }
        bdrv_ref(child);
    } else {
        BlockdevCacheOptions cache;
        BlockdevOptions merged = inherit(ref->u.definition, opts, role, &cache);

        child = bdrv_open(&merged, errp);
        if (!child) {
            return false;
        }
    }
    return bdrv_attach_child(bs, edge, name, role, child, errp);
}

/* --- Looking --- */

const char *bdrv_node_name(const BlockNode *bs)
{
    return bs->node_name;
}

const char *bdrv_driver_name(const BlockNode *bs)
{
    return bs->drv->name;
}

const char *bdrv_filename(const BlockNode *bs)
{
    return bs->filename;
}

bool bdrv_is_read_only(const BlockNode *bs)
{
    return bs->read_only;
}

int64_t bdrv_length(const BlockNode *bs)
{
    return bdrv_get_total(bs);
}

int64_t bdrv_allocated_file_size(BlockNode *bs)
{
    if (bs->drv->allocated_file_size) {
        return bs->drv->allocated_file_size(bs);
    }
    return bs->file ? bdrv_allocated_file_size(bs->file->bs) : -ENOTSUP;
}

BlockNode *bdrv_file(const BlockNode *bs)
{
    return bs->file ? bs->file->bs : NULL;
}

BlockNode *bdrv_backing(const BlockNode *bs)
{
    return bs->backing ? bs->backing->bs : NULL;
}

unsigned bdrv_request_alignment(const BlockNode *bs)
{
    return bs->request_alignment;
}

unsigned bdrv_mem_alignment(const BlockNode *bs)
{
    return bs->mem_alignment;
}

bool bdrv_is_used(const BlockNode *bs)
{
    return bs->parents->len != 0;
}
