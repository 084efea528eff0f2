/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -object iothread: an event loop in a thread of its own that works on the queues of devices
 * (iothread=ID) without the BQL. It never takes the BQL, so whoever holds that may wait for it.
 */
#ifndef BACKENDS_IOTHREAD_H
#define BACKENDS_IOTHREAD_H

#include "hw/core/object.h"

typedef struct IOThread IOThread;

extern const ObjectType type_iothread;

/* The -object of that id, NULL when it is none of ours. BQL, as all of this. */
IOThread *iothread_find(const char *id);
GMainContext *iothread_context(const IOThread *t);
/* A device uses it, or not any more: object-del refuses while one does. */
void iothread_ref(IOThread *t);
void iothread_unref(IOThread *t);
bool iothread_in_use(const IOThread *t);
/* Returns when everything that its loop runs at the moment has ended: a source that was destroyed
 * before does not run afterwards. */
void iothread_barrier(IOThread *t);

/* What query-iothreads shows. */
typedef struct IOThreadState {
    const char *id;
    int64_t thread_id, poll_max_ns, poll_grow, poll_shrink, aio_max_batch;
} IOThreadState;

/* Calls @fn for each iothread in the order of their making. */
void iothread_foreach(void (*fn)(void *opaque, const IOThreadState *state), void *opaque);

#endif
