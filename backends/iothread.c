/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -object iothread, see iothread.h. BQL; the thread itself runs nothing but the sources that
 * devices and their block back ends put into its context. The loop sleeps in poll() when it has
 * nothing to do. TODO: the polling that poll-max-ns bounds; it pays only with a host CPU to spare.
 */
#include "qemu/osdep.h"
#include "backends/iothread.h"
#include "hw/core/machine.h"
#include "hw/core/user-object.h"

#include <signal.h>
#include <unistd.h>

#define POLL_MAX_NS_DEFAULT 32768
#define POOL_THREADS_MAX 64

struct IOThread {
    Object object;
    GMainContext *ctx;
    GMainLoop *loop;
    GThread *thread;
    int thread_id; /* atomic: 0 until it runs */
    unsigned users;
    int64_t poll_max_ns, poll_grow, poll_shrink, aio_max_batch, pool_min, pool_max;
};

static gpointer run_loop(gpointer opaque)
{
    IOThread *t = opaque;

    g_main_context_push_thread_default(t->ctx);
    __atomic_store_n(&t->thread_id, gettid(), __ATOMIC_RELEASE);
    g_main_loop_run(t->loop);
    g_main_context_pop_thread_default(t->ctx);
    return NULL;
}

/* --- For devices ----------------------------------------------------------------------------- */

IOThread *iothread_find(const char *id)
{
    Object *obj = user_object_find(id);

    return obj && object_is_a(obj, &type_iothread) ? (IOThread *)obj : NULL;
}

GMainContext *iothread_context(const IOThread *t)
{
    return t->ctx;
}

void iothread_ref(IOThread *t)
{
    t->users++;
}

void iothread_unref(IOThread *t)
{
    assert(t->users);
    t->users--;
}

bool iothread_in_use(const IOThread *t)
{
    return t->users != 0;
}

typedef struct Barrier {
    GMutex lock;
    GCond cond;
    bool passed;
} Barrier;

static gboolean pass_barrier(gpointer opaque)
{
    Barrier *b = opaque;

    g_mutex_lock(&b->lock);
    b->passed = true;
    g_cond_signal(&b->cond);
    g_mutex_unlock(&b->lock);
    return G_SOURCE_REMOVE;
}

/* @fn once in the loop. */
static void call_in_loop(IOThread *t, GSourceFunc fn, gpointer opaque)
{
    GSource *source = g_idle_source_new();

    g_source_set_priority(source, G_PRIORITY_HIGH);
    g_source_set_callback(source, fn, opaque, NULL);
    g_source_attach(source, t->ctx);
    g_source_unref(source);
}

void iothread_barrier(IOThread *t)
{
    Barrier b = { .passed = false };

    g_mutex_init(&b.lock);
    g_cond_init(&b.cond);
    call_in_loop(t, pass_barrier, &b);
    g_mutex_lock(&b.lock);
    while (!b.passed) {
        g_cond_wait(&b.cond, &b.lock);
    }
    g_mutex_unlock(&b.lock);
    g_mutex_clear(&b.lock);
    g_cond_clear(&b.cond);
}

void iothread_foreach(void (*fn)(void *opaque, const IOThreadState *state), void *opaque)
{
    const Object *objects = object_get_child(current_machine->root, "objects");

    for (guint i = 0; objects && objects->children && i < objects->children->len; i++) {
        const Object *obj = g_ptr_array_index(objects->children, i);
        const IOThread *t = (const IOThread *)obj;

        if (object_is_a(obj, &type_iothread)) {
            fn(opaque, &(IOThreadState){
                obj->name, __atomic_load_n(&t->thread_id, __ATOMIC_ACQUIRE), t->poll_max_ns,
                t->poll_grow, t->poll_shrink, t->aio_max_batch });
        }
    }
}

/* --- Life cycle ------------------------------------------------------------------------------ */

/* Signals are the main thread's. */
static bool start_thread(IOThread *t, Error **errp)
{
    g_autoptr(GError) err = NULL;
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    t->thread = g_thread_try_new("iothread", run_loop, t, &err);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!t->thread) {
        error_setg(errp, "cannot start the thread of an iothread: %s", err->message);
        return false;
    }
    while (!__atomic_load_n(&t->thread_id, __ATOMIC_ACQUIRE)) {
        g_usleep(10);
    }
    return true;
}

static bool iothread_complete(Object *obj, Error **errp)
{
    IOThread *t = (IOThread *)obj;

    if (t->pool_min > t->pool_max) {
        error_setg(errp, "bad thread-pool-min/thread-pool-max values");
        return false;
    }
    t->ctx = g_main_context_new();
    t->loop = g_main_loop_new(t->ctx, FALSE);
    return start_thread(t, errp);
}

static gboolean quit_loop(gpointer opaque)
{
    g_main_loop_quit(((IOThread *)opaque)->loop);
    return G_SOURCE_REMOVE;
}

static void iothread_finalize(Object *obj)
{
    IOThread *t = (IOThread *)obj;

    if (t->thread) {
        call_in_loop(t, quit_loop, t);
        g_thread_join(t->thread);
    }
    if (t->ctx) {
        g_main_loop_unref(t->loop);
        g_main_context_unref(t->ctx);
    }
}

static bool check_range(Object *obj, const Property *prop, uint64_t value, Error **errp)
{
    if ((int64_t)value < 0) {
        error_setg(errp, "%s value must be in range [0, %" PRId64 "]", prop->name, INT64_MAX);
        return false;
    }
    return true;
}

#define NUMBER(_field, _name, _default)                                                         \
    DEFINE_PROP(PROP_INT64, IOThread, _field, _name, .default_val = _default,                   \
                .check = check_range)

static const Property iothread_props[] = {
    NUMBER(poll_max_ns, "poll-max-ns", POLL_MAX_NS_DEFAULT),
    NUMBER(poll_grow, "poll-grow", 0),
    NUMBER(poll_shrink, "poll-shrink", 0),
    NUMBER(aio_max_batch, "aio-max-batch", 0),
    NUMBER(pool_min, "thread-pool-min", 0),
    NUMBER(pool_max, "thread-pool-max", POOL_THREADS_MAX),
    DEFINE_PROP_END,
};

const ObjectType type_iothread = {
    .name = "iothread",
    .instance_size = sizeof(IOThread),
    .instance_finalize = iothread_finalize,
    .props = iothread_props,
    .user_creatable = true,
    .complete = iothread_complete,
};
