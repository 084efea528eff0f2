/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images that belong to another process during a migration ("inactive"): no locks, no writes, and
 * what a format has in memory is not to be trusted. Main thread, BQL.
 */
#include "qemu/osdep.h"
#include "block/block-int.h"

static bool opening_inactive;

void bdrv_open_inactive(bool inactive)
{
    opening_inactive = inactive;
}

bool bdrv_opening_inactive(void)
{
    return opening_inactive;
}

/* All nodes that are (not) @inactive, children before their parents. */
static GPtrArray *list_nodes(bool inactive)
{
    GPtrArray *list = g_ptr_array_new();

    for (BlockNode *bs = bdrv_next(NULL); bs; bs = bdrv_next(bs)) {
        if (bs->inactive == inactive) {
            g_ptr_array_add(list, bs);
        }
    }
    return list;
}

/* Parents first: they say what their children need. */
static bool set_inactive(GPtrArray *list, bool inactive, Error **errp)
{
    for (guint i = 0; i < list->len; i++) {
        ((BlockNode *)g_ptr_array_index(list, i))->inactive = inactive;
    }
    for (guint i = list->len; i-- > 0;) {
        if (!bdrv_refresh_perm(g_ptr_array_index(list, i), errp)) {
            return false;
        }
    }
    return true;
}

bool bdrv_activate_all(Error **errp)
{
    g_autoptr(GPtrArray) list = list_nodes(true);
    bool ok = set_inactive(list, false, errp);

    opening_inactive = false;
    for (guint i = 0; ok && i < list->len; i++) {
        BlockNode *bs = g_ptr_array_index(list, i);

        ok = !bs->drv->activate || bs->drv->activate(bs, errp);
    }
    if (!ok) {
        set_inactive(list, true, NULL); /* gives up what it got: cannot fail */
    }
    return ok;
}

bool bdrv_inactivate_all(Error **errp)
{
    g_autoptr(GPtrArray) list = list_nodes(false);
    int ret = bdrv_flush_all();

    for (guint i = list->len; ret == 0 && i-- > 0;) {
        BlockNode *bs = g_ptr_array_index(list, i);

        ret = bs->drv->inactivate ? bs->drv->inactivate(bs) : 0;
    }
    ret = ret ? ret : bdrv_flush_all();
    if (ret < 0) {
        set_inactive(list, true, NULL); /* the formats stop writing before they begin again */
        bdrv_activate_all(NULL);
        error_setg_errno(errp, -ret, "disk images could not be written");
        return false;
    }
    return set_inactive(list, true, errp);
}
