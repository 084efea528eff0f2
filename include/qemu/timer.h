/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks and timers. Timers fire in the main loop with the BQL held. */
#ifndef QEMU_TIMER_H
#define QEMU_TIMER_H

#include "qemu/osdep.h"

typedef enum QEMUClockType {
    QEMU_CLOCK_REALTIME, /* monotonic, runs always */
    QEMU_CLOCK_VIRTUAL,  /* guest time: stands still while the VM is stopped */
    QEMU_CLOCK_HOST,     /* wall clock; may jump */
    QEMU_CLOCK_MAX,
} QEMUClockType;

/* Nanoseconds; any thread. */
int64_t qemu_clock_get_ns(QEMUClockType type);
/* Starts or stops QEMU_CLOCK_VIRTUAL; it begins stopped at 0. BQL. */
void qemu_clock_enable_virtual(bool on);
/* Continues QEMU_CLOCK_VIRTUAL at @now_ns (after loading state). Clock must be stopped. */
void qemu_clock_set_virtual_ns(int64_t now_ns);

/* From now on QEMU_CLOCK_VIRTUAL moves by qemu_clock_step_to() only (-qtest). Before it runs. */
void qemu_clock_set_manual(void);
/* Manual: moves to @now_ns, if that is later, and fires what is due on the way, each timer at its
 * time. BQL. */
void qemu_clock_step_to(int64_t now_ns);
/* When the first timer of QEMU_CLOCK_VIRTUAL expires; false: none is armed. */
bool qemu_clock_next_virtual_ns(int64_t *expire_ns);

typedef struct QEMUTimer QEMUTimer;
typedef void QEMUTimerCB(void *opaque);

/* A timer that is not armed. Freed with timer_free(). */
QEMUTimer *timer_new_ns(QEMUClockType type, QEMUTimerCB *cb, void *opaque);
/* Disarms and frees; NULL is fine. BQL. */
void timer_free(QEMUTimer *t);
/* Fire once when the clock reaches @expire_ns (at the next loop iteration when that has passed);
 * replaces an earlier expiry. Any thread. */
void timer_mod_ns(QEMUTimer *t, int64_t expire_ns);
void timer_del(QEMUTimer *t);
bool timer_pending(QEMUTimer *t);
/* -1 when not armed. */
int64_t timer_expire_time_ns(QEMUTimer *t);

/* @a * @b / @c without overflow in the product. @c must not be 0. */
static inline uint64_t muldiv64(uint64_t a, uint32_t b, uint32_t c)
{
    return (uint64_t)((unsigned __int128)a * b / c);
}

#endif
