/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads that run blocking requests. A request may wait for another that runs, never for one that
 * is still queued: so a full pool cannot lock itself up.
 */
#include "qemu/osdep.h"
#include "block/thread-pool.h"

#include <signal.h>

#define IDLE_US (10 * G_USEC_PER_SEC)

static struct ThreadPool {
    GMutex lock;
    GCond cond;
    PoolWork *head, **tail;
    unsigned threads, idle, queued;
} pool;

/* With the lock held. NULL: nothing came for a long time. */
static PoolWork *next_work(void)
{
    gint64 end_us = g_get_monotonic_time() + IDLE_US;
    PoolWork *work;

    while (!pool.head) {
        bool signalled;

        pool.idle++;
        signalled = g_cond_wait_until(&pool.cond, &pool.lock, end_us);
        pool.idle--;
        if (!signalled && !pool.head) {
            return NULL;
        }
    }
    work = pool.head;
    pool.head = work->next;
    pool.queued--;
    if (!pool.head) {
        pool.tail = &pool.head;
    }
    return work;
}

static gpointer worker(gpointer unused)
{
    PoolWork *work;

    g_mutex_lock(&pool.lock);
    while ((work = next_work())) {
        g_mutex_unlock(&pool.lock);
        work->run(work);
        g_mutex_lock(&pool.lock);
    }
    pool.threads--;
    g_mutex_unlock(&pool.lock);
    return NULL;
}

/* A thread without signals. Whether it started; with the lock held. */
static bool start_thread(void)
{
    sigset_t all, old;
    GThread *thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    thread = g_thread_try_new("block", worker, NULL, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (thread) {
        g_thread_unref(thread);
        pool.threads++;
    }
    return thread != NULL;
}

void thread_pool_submit(PoolWork *work)
{
    bool started = true;

    work->next = NULL;
    g_mutex_lock(&pool.lock);
    if (!pool.tail) {
        pool.tail = &pool.head;
    }
    *pool.tail = work;
    pool.tail = &work->next;
    pool.queued++;
    if (pool.queued > pool.idle && pool.threads < THREAD_POOL_MAX) {
        started = start_thread();
    }
    if (!started && !pool.threads) { /* no thread at all: do the work here, all of it */
        while (pool.head) {
            PoolWork *first = next_work();

            g_mutex_unlock(&pool.lock);
            first->run(first);
            g_mutex_lock(&pool.lock);
        }
    } else {
        g_cond_signal(&pool.cond);
    }
    g_mutex_unlock(&pool.lock);
}
