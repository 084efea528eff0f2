/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The big lock and the main loop (glib's default context). See docs/devel/locks.rst. */
#ifndef QEMU_MAIN_LOOP_H
#define QEMU_MAIN_LOOP_H

#include "qemu/osdep.h"

/* The big lock: device models, memory topology, machine tree, run state, monitor. Not recursive. */
void bql_lock(void);
void bql_unlock(void);
/* Whether the calling thread holds it. */
bool bql_locked(void);
/* Waits on @cond with the BQL as its mutex. */
void bql_cond_wait(GCond *cond);
/* Same, at most until @end_us of g_get_monotonic_time(); false when the time ran out. */
bool bql_cond_wait_until(GCond *cond, int64_t end_us);

/* Makes the main loop drop the BQL while it sleeps. Called once, with the BQL held. */
void main_loop_init(void);
/* Runs until main_loop_quit(). Called with the BQL held. */
void main_loop_run(void);
/* Any thread. */
void main_loop_quit(void);
/* Runs @fn(@opaque) once in the main loop under the BQL. Any thread. */
void main_loop_defer(void (*fn)(void *opaque), void *opaque);

#endif
