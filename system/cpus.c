/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vCPU threads: start, stop, work queues. Everything under the BQL unless said otherwise. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "qemu/main-loop.h"
#include "system/cpus.h"
#include "system/runstate.h"

#include <sys/syscall.h>

__thread CPUState *current_cpu;

static GPtrArray *cpus; /* of CPUState, by index */

typedef struct CPUWork {
    RunOnCPUFn fn;
    void *opaque;
    bool *done; /* NULL: nobody waits */
} CPUWork;

unsigned cpus_count(void)
{
    return cpus ? cpus->len : 0;
}

CPUState *cpus_get(unsigned index)
{
    return g_ptr_array_index(cpus, index);
}

static const AccelOps *accel(void)
{
    return current_machine->accel;
}

static void run_queued_work(CPUState *cpu)
{
    CPUWork *work;

    while ((work = g_queue_pop_head(&cpu->work))) {
        work->fn(cpu, work->opaque);
        if (work->done) {
            *work->done = true;
            g_cond_broadcast(&cpu->done_cond);
        }
        g_free(work);
    }
}

/* The vCPU sleeps in the common loop while it may not or need not run guest code. */
static bool should_wait(CPUState *cpu)
{
    return cpu->stopped || (accel()->vcpu_idle && accel()->vcpu_idle(cpu));
}

/* Until cpu_kick() was called after @kicks was read: a kick between the caller's look at its
 * requests and this is not lost, although it may come without the BQL. */
static void sleep_until_kicked(CPUState *cpu, uint32_t kicks)
{
    bql_unlock();
    g_mutex_lock(&cpu->halt_lock);
    while (cpu->kicks == kicks) {
        g_cond_wait(&cpu->halt_cond, &cpu->halt_lock);
    }
    g_mutex_unlock(&cpu->halt_lock);
    bql_lock();
}

static void wait_for_work(CPUState *cpu)
{
    for (;;) {
        uint32_t kicks = __atomic_load_n(&cpu->kicks, __ATOMIC_SEQ_CST);

        run_queued_work(cpu);
        if (cpu->unplug) {
            return;
        }
        if (cpu->stop && !cpu->stopped) {
            cpu->stopped = true;
            g_cond_broadcast(&cpu->done_cond);
        }
        if (!should_wait(cpu)) {
            return;
        }
        sleep_until_kicked(cpu, kicks);
    }
}

typedef struct ThreadStart {
    CPUState *cpu;
    Error *err;
    bool failed;
} ThreadStart;

static void *cpu_thread(void *opaque)
{
    ThreadStart *start = opaque;
    CPUState *cpu = start->cpu;

    bql_lock();
    current_cpu = cpu;
    cpu->thread_id = (int)syscall(SYS_gettid);
    start->failed = !accel()->vcpu_init(cpu, &start->err);
    cpu->created = true;
    g_cond_broadcast(&cpu->done_cond);
    if (!start->failed) {
        while (wait_for_work(cpu), !cpu->unplug) {
            accel()->vcpu_exec(cpu);
        }
    }
    if (accel()->vcpu_destroy) {
        accel()->vcpu_destroy(cpu);
    }
    bql_unlock();
    return NULL;
}

bool cpu_start_thread(CPUState *cpu, Error **errp)
{
    ThreadStart start = { .cpu = cpu };
    g_autofree char *name = NULL;

    if (!cpus) {
        cpus = g_ptr_array_new();
    }
    cpu->index = (int)cpus->len;
    cpu->stop = cpu->stopped = true;
    g_queue_init(&cpu->work);
    g_mutex_init(&cpu->halt_lock);
    g_cond_init(&cpu->halt_cond);
    g_cond_init(&cpu->done_cond);
    name = g_strdup_printf("CPU %d/%s", cpu->index, accel()->name);
    cpu->thread = g_thread_new(name, cpu_thread, &start);
    while (!cpu->created) {
        bql_cond_wait(&cpu->done_cond);
    }
    if (start.failed) {
        bql_unlock();
        g_thread_join(cpu->thread);
        bql_lock();
        cpu->thread = NULL;
        error_propagate(errp, start.err);
        return false;
    }
    g_ptr_array_add(cpus, cpu);
    return true;
}

void cpu_kick(CPUState *cpu)
{
    __atomic_store_n(&cpu->exit_request, true, __ATOMIC_SEQ_CST);
    if (accel()->vcpu_kick && cpu != current_cpu) {
        accel()->vcpu_kick(cpu);
    }
    g_mutex_lock(&cpu->halt_lock);
    __atomic_store_n(&cpu->kicks, cpu->kicks + 1, __ATOMIC_SEQ_CST);
    g_cond_signal(&cpu->halt_cond);
    g_mutex_unlock(&cpu->halt_lock);
}

static void queue_work(CPUState *cpu, RunOnCPUFn fn, void *opaque, bool *done)
{
    CPUWork *work = g_new(CPUWork, 1);

    *work = (CPUWork){ fn, opaque, done };
    g_queue_push_tail(&cpu->work, work);
    cpu_kick(cpu);
}

void run_on_cpu(CPUState *cpu, RunOnCPUFn fn, void *opaque)
{
    bool done = false;

    if (cpu == current_cpu || !cpu->thread) {
        fn(cpu, opaque);
        return;
    }
    queue_work(cpu, fn, opaque, &done);
    while (!done) {
        bql_cond_wait(&cpu->done_cond);
    }
}

void async_run_on_cpu(CPUState *cpu, RunOnCPUFn fn, void *opaque)
{
    queue_work(cpu, fn, opaque, NULL);
}

void cpu_interrupt(CPUState *cpu, uint32_t mask)
{
    __atomic_or_fetch(&cpu->interrupt_request, mask, __ATOMIC_SEQ_CST);
    cpu_kick(cpu);
}

void cpu_reset_interrupt(CPUState *cpu, uint32_t mask)
{
    __atomic_and_fetch(&cpu->interrupt_request, ~mask, __ATOMIC_SEQ_CST);
}

void cpus_pause_all(void)
{
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        cpu->stop = true;
        if (cpu == current_cpu) {
            cpu->stopped = true;
        }
        cpu_kick(cpu);
    }
    CPU_FOREACH(cpu) {
        while (!cpu->stopped) {
            bql_cond_wait(&cpu->done_cond);
        }
    }
}

void cpus_resume_all(void)
{
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        cpu_commit_state(cpu);
    }
    CPU_FOREACH(cpu) {
        if (!cpu->frozen) {
            cpu->stop = cpu->stopped = false;
            cpu_kick(cpu);
        }
    }
}

void cpus_destroy_all(void)
{
    CPUState *cpu;

    CPU_FOREACH(cpu) {
        cpu->unplug = true;
        cpu_kick(cpu);
    }
    CPU_FOREACH(cpu) {
        bql_unlock();
        g_thread_join(cpu->thread);
        bql_lock();
        cpu->thread = NULL;
    }
    if (cpus) {
        g_ptr_array_set_size(cpus, 0);
    }
}

static void do_synchronize_state(CPUState *cpu, void *opaque)
{
    Error *err = NULL;

    if (cpu->state_valid) {
        return;
    }
    if (accel()->get_state(cpu, &err)) {
        cpu->state_valid = true;
    } else {
        error_report_err(err);
        vm_request_stop(RUN_STATE_INTERNAL_ERROR);
    }
}

void cpu_synchronize_state(CPUState *cpu)
{
    run_on_cpu(cpu, do_synchronize_state, NULL);
}

static void do_commit_state(CPUState *cpu, void *opaque)
{
    Error *err = NULL;

    if (!cpu->state_valid) {
        return;
    }
    if (accel()->put_state(cpu, cpu->state_full, &err)) {
        cpu->state_valid = cpu->state_full = false;
    } else {
        error_report_err(err);
        vm_request_stop(RUN_STATE_INTERNAL_ERROR);
    }
}

void cpu_commit_state(CPUState *cpu)
{
    run_on_cpu(cpu, do_commit_state, NULL);
}
