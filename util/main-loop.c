/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The big lock and the main loop. Sources of glib's default context run with the BQL held; it is
 * released only inside poll(). */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"

static GMutex bql;
static __thread bool bql_held;
static GMainLoop *loop;

void bql_lock(void)
{
    assert(!bql_held);
    g_mutex_lock(&bql);
    bql_held = true;
}

void bql_unlock(void)
{
    assert(bql_held);
    bql_held = false;
    g_mutex_unlock(&bql);
}

bool bql_locked(void)
{
    return bql_held;
}

void bql_cond_wait(GCond *cond)
{
    bql_held = false;
    g_cond_wait(cond, &bql);
    bql_held = true;
}

bool bql_cond_wait_until(GCond *cond, int64_t end_us)
{
    bool signalled;

    bql_held = false;
    signalled = g_cond_wait_until(cond, &bql, end_us);
    bql_held = true;
    return signalled;
}

static gint poll_without_bql(GPollFD *fds, guint nfds, gint timeout_ms)
{
    gint ret, saved_errno;

    bql_unlock();
    ret = g_poll(fds, nfds, timeout_ms);
    saved_errno = errno;
    bql_lock();
    errno = saved_errno;
    return ret;
}

void main_loop_init(void)
{
    g_main_context_set_poll_func(g_main_context_default(), poll_without_bql);
    loop = g_main_loop_new(NULL, FALSE);
}

void main_loop_run(void)
{
    g_main_loop_run(loop);
}

void main_loop_quit(void)
{
    if (loop) {
        g_main_loop_quit(loop);
    }
}

typedef struct DeferredCall {
    void (*fn)(void *opaque);
    void *opaque;
} DeferredCall;

static gboolean run_deferred(gpointer data)
{
    DeferredCall *call = data;

    call->fn(call->opaque);
    return G_SOURCE_REMOVE;
}

void main_loop_defer(void (*fn)(void *opaque), void *opaque)
{
    DeferredCall *call = g_new(DeferredCall, 1);

    *call = (DeferredCall){ fn, opaque };
    g_idle_add_full(G_PRIORITY_HIGH, run_deferred, call, g_free);
}
