/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Permissions: what each parent does with a node and what it lets others do. A parent is attached,
 * or wants more, only when all parents agree; what they want together goes down the tree and ends
 * as locks on the image file. Main thread, BQL.
 */
#include "qemu/osdep.h"
#include "block/block-int.h"

static const char *const perm_names[BLK_PERM_BITS] = {
    "consistent read", "write", "write unchanged", "resize",
};

const char *bdrv_perm_name(unsigned bit)
{
    return perm_names[bit];
}

static char *perm_list(uint64_t perm)
{
    GString *s = g_string_new(NULL);

    for (unsigned bit = 0; bit < BLK_PERM_BITS; bit++) {
        if (perm & BIT(bit)) {
            g_string_append_printf(s, "%s%s", s->len ? ", " : "", perm_names[bit]);
        }
    }
    return g_string_free(s, FALSE);
}

static bool check_pair(const BlockEdge *a, const BlockEdge *b, Error **errp)
{
    uint64_t conflict = a->perm & ~b->shared;
    g_autofree char *list = NULL;

    if (!conflict) {
        return true;
    }
    list = perm_list(conflict);
    error_setg(errp,
               "Permission conflict on node '%s': permissions '%s' are both required by %s (uses "
               "node '%s' as '%s' child) and unshared by %s (uses node '%s' as '%s' child).",
               a->bs->node_name, list, a->parent_label, a->bs->node_name, a->name,
               b->parent_label, b->bs->node_name, b->name);
    return false;
}

static bool check_parents(const BlockNode *bs, Error **errp)
{
    for (guint i = 0; i < bs->parents->len; i++) {
        for (guint j = 0; j < bs->parents->len; j++) {
            if (i != j && !check_pair(g_ptr_array_index(bs->parents, i),
                                      g_ptr_array_index(bs->parents, j), errp)) {
                return false;
            }
        }
    }
    return true;
}

/* What a node wants of a child, given what its own parents want of it. */
static void child_perm(const BlockNode *bs, BlockRole role, uint64_t *perm, uint64_t *shared)
{
    const uint64_t writing = BLK_PERM_WRITE | BLK_PERM_RESIZE;

    switch (role) {
    case BLOCK_ROLE_STORAGE:
        *perm = BLK_PERM_CONSISTENT_READ | (bs->read_only || bs->inactive ? 0 : writing);
        *shared = BLK_PERM_ALL & ~(bs->inactive ? 0 : writing);
        break;
    case BLOCK_ROLE_COW:
        *perm = BLK_PERM_CONSISTENT_READ;
        *shared = BLK_PERM_CONSISTENT_READ | BLK_PERM_WRITE_UNCHANGED;
        if (bs->shared & BLK_PERM_WRITE) {
            *shared |= writing;
        }
        break;
    default:
        *perm = bs->perm;
        *shared = bs->shared;
        break;
    }
    if (bs->force_share) {
        *shared = BLK_PERM_ALL;
    }
}

static bool refresh(BlockNode *bs, Error **errp);

static bool edge_update(BlockEdge *edge, uint64_t perm, uint64_t shared, Error **errp)
{
    uint64_t old_perm = edge->perm, old_shared = edge->shared;

    if (perm == old_perm && shared == old_shared) {
        return true;
    }
    edge->perm = perm;
    edge->shared = shared;
    if (!refresh(edge->bs, errp)) {
        edge->perm = old_perm;
        edge->shared = old_shared;
        refresh(edge->bs, NULL); /* what was granted before still is */
        return false;
    }
    return true;
}

static bool refresh_child(BlockNode *bs, BlockEdge *edge, Error **errp)
{
    uint64_t perm, shared;

    if (!edge) {
        return true;
    }
    child_perm(bs, edge->role, &perm, &shared);
    return edge_update(edge, perm, shared, errp);
}

/* Brings @bs and what is below it in line with its parents. */
static bool refresh(BlockNode *bs, Error **errp)
{
    uint64_t perm = 0, shared = BLK_PERM_ALL;

    for (guint i = 0; i < bs->parents->len; i++) {
        const BlockEdge *edge = g_ptr_array_index(bs->parents, i);

        perm |= edge->perm;
        shared &= edge->shared;
    }
    if (!check_parents(bs, errp)) {
        return false;
    }
    if ((perm & (BLK_PERM_WRITE | BLK_PERM_WRITE_UNCHANGED)) && bs->read_only) {
        error_setg(errp, "Block node is read-only");
        return false;
    }
    if (bs->inactive) {
        perm &= BLK_PERM_CONSISTENT_READ;
        shared = BLK_PERM_ALL;
    }
    bs->perm = perm;
    bs->shared = shared;
    return (!bs->drv->set_perm || bs->drv->set_perm(bs, perm, shared, errp)) &&
           refresh_child(bs, bs->file, errp) && refresh_child(bs, bs->backing, errp);
}

bool bdrv_refresh_perm(BlockNode *bs, Error **errp)
{
    return refresh(bs, errp);
}

static void edge_free(BlockEdge *edge)
{
    g_free(edge->name);
    g_free(edge->parent_label);
    g_free(edge);
}

static void edge_remove(BlockEdge *edge)
{
    BlockNode *bs = edge->bs;

    g_ptr_array_remove(bs->parents, edge);
    refresh(bs, NULL); /* fewer wishes: nothing can be against it */
    edge_free(edge);
    bdrv_unref(bs);
}

/* A reference to @bs is taken over even on failure. */
static BlockEdge *edge_new(BlockNode *bs, const char *name, BlockRole role, char *label)
{
    BlockEdge *edge = g_new0(BlockEdge, 1);

    edge->name = g_strdup(name);
    edge->role = role;
    edge->bs = bs;
    edge->parent_label = label;
    edge->shared = BLK_PERM_ALL;
    g_ptr_array_add(bs->parents, edge);
    return edge;
}

bool bdrv_attach_child(BlockNode *bs, BlockEdge **edge, const char *name, BlockRole role,
                       BlockNode *child, Error **errp)
{
    uint64_t perm, shared;

    if (child->depth + 1 > BDRV_MAX_DEPTH) {
        error_setg(errp, "'%s' would be node %u in a chain; at most %u are possible",
                   bs->node_name, child->depth + 2, BDRV_MAX_DEPTH);
        bdrv_unref(child);
        return false;
    }
    *edge = edge_new(child, name, role, g_strdup_printf("node '%s'", bs->node_name));
    (*edge)->parent = bs;
    child_perm(bs, role, &perm, &shared);
    if (!edge_update(*edge, perm, shared, errp)) {
        edge_remove(*edge);
        *edge = NULL;
        return false;
    }
    bs->depth = MAX(bs->depth, child->depth + 1);
    return true;
}

void bdrv_detach_child(BlockEdge **edge)
{
    if (*edge) {
        edge_remove(g_steal_pointer(edge));
    }
}

BlockEdge *bdrv_root_attach(BlockNode *bs, const char *label, uint64_t perm, uint64_t shared,
                            Error **errp)
{
    BlockEdge *edge;

    bdrv_ref(bs);
    edge = edge_new(bs, "root", BLOCK_ROLE_ROOT, g_strdup(label));
    if (!edge_update(edge, perm, shared, errp)) {
        edge_remove(edge);
        return NULL;
    }
    return edge;
}

void bdrv_root_detach(BlockEdge *edge)
{
    edge_remove(edge);
}

bool bdrv_edge_set_perm(BlockEdge *edge, uint64_t perm, uint64_t shared, Error **errp)
{
    return edge_update(edge, perm, shared, errp);
}
