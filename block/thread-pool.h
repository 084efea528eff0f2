/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads that run blocking requests. */
#ifndef BLOCK_THREAD_POOL_H
#define BLOCK_THREAD_POOL_H

#include "qemu/osdep.h"

#define THREAD_POOL_MAX 64 /* as QEMU's */

typedef struct PoolWork PoolWork;
struct PoolWork {
    void (*run)(PoolWork *work); /* in a worker; the pool does not touch @work afterwards */
    PoolWork *next;
};

/* Queues @work. Any thread. Threads start on demand and end after ten idle seconds. */
void thread_pool_submit(PoolWork *work);

#endif
