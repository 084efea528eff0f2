/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Throttling of vCPUs: a timer makes each of them sleep on its own thread, where it can be stopped
 * meanwhile. BQL. */
#include "qemu/osdep.h"
#include "migration/throttle.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "system/cpus.h"
#include "system/runstate.h"

enum { SLICE_NS = 10000000 }; /* a vCPU runs so long between two sleeps */

static struct {
    unsigned percent;
    QEMUTimer *timer;
} throttle;

static void sleep_now(CPUState *cpu, void *opaque)
{
    int64_t sleep_us = (int64_t)SLICE_NS / 1000 * throttle.percent / (100 - throttle.percent);
    int64_t end_us = g_get_monotonic_time() + sleep_us;

    while (throttle.percent && !cpu->stop && !cpu->unplug && g_get_monotonic_time() < end_us) {
        bql_cond_wait_until(&cpu->halt_cond, end_us);
    }
}

static void tick(void *opaque)
{
    int64_t period_ns;
    CPUState *cpu;

    if (!throttle.percent) {
        return;
    }
    CPU_FOREACH(cpu) {
        if (runstate_is_running() && !cpu->halted && g_queue_is_empty(&cpu->work)) {
            async_run_on_cpu(cpu, sleep_now, NULL);
        }
    }
    period_ns = (int64_t)SLICE_NS * 100 / (100 - throttle.percent);
    timer_mod_ns(throttle.timer, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + period_ns);
}

void cpu_throttle_set(unsigned percent)
{
    bool was_on = throttle.percent;

    throttle.percent = MIN(percent, 99);
    if (!throttle.timer) {
        throttle.timer = timer_new_ns(QEMU_CLOCK_REALTIME, tick, NULL);
    }
    if (throttle.percent && !was_on) {
        timer_mod_ns(throttle.timer, qemu_clock_get_ns(QEMU_CLOCK_REALTIME) + SLICE_NS);
    }
}

unsigned cpu_throttle_get(void)
{
    return throttle.percent;
}
