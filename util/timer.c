/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks and timers: one sorted list per clock, one GSource that wakes the main loop for the head
 * of each. `timers_lock` is a leaf lock; callbacks run without it. */
#include "qemu/osdep.h"
#include "qemu/timer.h"

#include <time.h>

struct QEMUTimer {
    QEMUTimer *next; /* in its clock's list, sorted by expire_ns */
    int64_t expire_ns;
    QEMUTimerCB *cb;
    void *opaque;
    QEMUClockType type;
    bool armed;
};

static GMutex timers_lock;
static QEMUTimer *timers[QEMU_CLOCK_MAX]; /* timers_lock */
static GSource *timer_source;             /* made with the first timer; ready time is thread-safe */
static int64_t virtual_base_ns;           /* timers_lock: virtual time at virtual_start_ns */
static int64_t virtual_start_ns;          /* monotonic time of the last start */
static bool virtual_running;
static bool virtual_manual; /* guest time moves by qemu_clock_step_to() only */

static int64_t host_ns(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * NANOSECONDS_PER_SECOND + ts.tv_nsec;
}

static int64_t virtual_ns_locked(void)
{
    return virtual_base_ns +
           (virtual_running ? host_ns(CLOCK_MONOTONIC) - virtual_start_ns : 0);
}

static int64_t clock_ns_locked(QEMUClockType type)
{
    switch (type) {
    case QEMU_CLOCK_VIRTUAL:
        return virtual_ns_locked();
    case QEMU_CLOCK_HOST:
        return host_ns(CLOCK_REALTIME);
    default:
        return host_ns(CLOCK_MONOTONIC);
    }
}

int64_t qemu_clock_get_ns(QEMUClockType type)
{
    int64_t now;

    if (type != QEMU_CLOCK_VIRTUAL) {
        return clock_ns_locked(type);
    }
    g_mutex_lock(&timers_lock);
    now = virtual_ns_locked();
    g_mutex_unlock(&timers_lock);
    return now;
}

/* Sets the source's ready time to the earliest expiry of all running clocks. */
static void rearm_locked(void)
{
    int64_t soonest_ns = INT64_MAX;

    for (int type = 0; type < QEMU_CLOCK_MAX; type++) {
        QEMUTimer *t = timers[type];

        if (t && (type != QEMU_CLOCK_VIRTUAL || virtual_running)) {
            soonest_ns = MIN(soonest_ns, MAX(t->expire_ns - clock_ns_locked(type), 0));
        }
    }
    if (timer_source) {
        /* Rounded up to glib's microseconds, so that the loop never spins before an expiry. */
        g_source_set_ready_time(timer_source, soonest_ns == INT64_MAX ? -1
                                : g_get_monotonic_time() + DIV_ROUND_UP(soonest_ns, SCALE_US));
    }
}

static QEMUTimer *take_expired_locked(QEMUClockType type)
{
    QEMUTimer *t = timers[type];

    if (!t || (type == QEMU_CLOCK_VIRTUAL && !virtual_running) ||
        t->expire_ns > clock_ns_locked(type)) {
        return NULL;
    }
    timers[type] = t->next;
    t->armed = false;
    return t;
}

static gboolean timer_source_dispatch(GSource *source, GSourceFunc fn, gpointer data)
{
    /* Each clock fires a bounded number per round: a timer that re-arms in the past cannot keep
     * the loop from its file descriptors. */
    for (int type = 0; type < QEMU_CLOCK_MAX; type++) {
        for (int fired = 0; fired < 1000; fired++) {
            QEMUTimer *t;

            g_mutex_lock(&timers_lock);
            t = take_expired_locked(type);
            g_mutex_unlock(&timers_lock);
            if (!t) {
                break;
            }
            t->cb(t->opaque);
        }
    }
    g_mutex_lock(&timers_lock);
    rearm_locked();
    g_mutex_unlock(&timers_lock);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs timer_source_funcs = { .dispatch = timer_source_dispatch };

static void unlink_locked(QEMUTimer *t)
{
    if (t->armed) {
        QEMUTimer **link = &timers[t->type];

        while (*link != t) {
            link = &(*link)->next;
        }
        *link = t->next;
        t->armed = false;
    }
}

QEMUTimer *timer_new_ns(QEMUClockType type, QEMUTimerCB *cb, void *opaque)
{
    QEMUTimer *t = g_new0(QEMUTimer, 1);

    t->type = type;
    t->cb = cb;
    t->opaque = opaque;
    g_mutex_lock(&timers_lock);
    if (!timer_source) {
        timer_source = g_source_new(&timer_source_funcs, sizeof(GSource));
        g_source_set_priority(timer_source, G_PRIORITY_HIGH);
        g_source_attach(timer_source, NULL);
    }
    g_mutex_unlock(&timers_lock);
    return t;
}

void timer_free(QEMUTimer *t)
{
    if (t) {
        timer_del(t);
        g_free(t);
    }
}

void timer_mod_ns(QEMUTimer *t, int64_t expire_ns)
{
    QEMUTimer **link = &timers[t->type];

    g_mutex_lock(&timers_lock);
    unlink_locked(t);
    while (*link && (*link)->expire_ns <= expire_ns) {
        link = &(*link)->next;
    }
    t->expire_ns = expire_ns;
    t->next = *link;
    *link = t;
    t->armed = true;
    if (timers[t->type] == t) {
        rearm_locked();
    }
    g_mutex_unlock(&timers_lock);
}

void timer_del(QEMUTimer *t)
{
    g_mutex_lock(&timers_lock);
    unlink_locked(t);
    g_mutex_unlock(&timers_lock);
}

bool timer_pending(QEMUTimer *t)
{
    return timer_expire_time_ns(t) >= 0;
}

int64_t timer_expire_time_ns(QEMUTimer *t)
{
    int64_t expire_ns;

    g_mutex_lock(&timers_lock);
    expire_ns = t->armed ? t->expire_ns : -1;
    g_mutex_unlock(&timers_lock);
    return expire_ns;
}

void qemu_clock_enable_virtual(bool on)
{
    g_mutex_lock(&timers_lock);
    if (on != virtual_running && !virtual_manual) {
        if (on) {
            virtual_start_ns = host_ns(CLOCK_MONOTONIC);
        } else {
            virtual_base_ns = virtual_ns_locked();
        }
        virtual_running = on;
        rearm_locked();
    }
    g_mutex_unlock(&timers_lock);
}

void qemu_clock_set_manual(void)
{
    virtual_manual = true;
}

bool qemu_clock_next_virtual_ns(int64_t *expire_ns)
{
    bool any;

    g_mutex_lock(&timers_lock);
    any = timers[QEMU_CLOCK_VIRTUAL] != NULL;
    *expire_ns = any ? timers[QEMU_CLOCK_VIRTUAL]->expire_ns : -1;
    g_mutex_unlock(&timers_lock);
    return any;
}

void qemu_clock_step_to(int64_t now_ns)
{
    for (;;) {
        QEMUTimer *t;

        g_mutex_lock(&timers_lock);
        t = timers[QEMU_CLOCK_VIRTUAL];
        if (t && t->expire_ns <= now_ns) {
            virtual_base_ns = MAX(virtual_base_ns, t->expire_ns);
            timers[QEMU_CLOCK_VIRTUAL] = t->next;
            t->armed = false;
        } else {
            virtual_base_ns = MAX(virtual_base_ns, now_ns);
            t = NULL;
        }
        g_mutex_unlock(&timers_lock);
        if (!t) {
            return;
        }
        t->cb(t->opaque);
    }
}

void qemu_clock_set_virtual_ns(int64_t now_ns)
{
    g_mutex_lock(&timers_lock);
    assert(!virtual_running);
    virtual_base_ns = now_ns;
    g_mutex_unlock(&timers_lock);
}
