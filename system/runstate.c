/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Run state and requests. Requests are recorded and carried out in the main loop. BQL. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "hw/core/qdev.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "system/cpus.h"
#include "system/debug.h"
#include "system/runstate.h"

/* The state machine; all of it under the BQL. */
static struct {
    RunState state;
    ShutdownCause reset_requested, shutdown_requested;
    bool powerdown_requested, stop_requested, exit_requested;
    RunState stop_state;
    bool shutdown_on_reboot, pause_on_shutdown, needs_reset;
    int exit_status;
    VmEventFn listeners[4];
    void (*powerdown_fn)(void *opaque);
    void *powerdown_opaque;
    bool pending; /* main loop will look at the requests */
    void (*stopped)(void);
    GSList *run_handlers; /* of RunHandler */
    bool (*starting)(Error **errp);
} vm = { .state = RUN_STATE_PRELAUNCH };

RunState runstate_get(void)
{
    return vm.state;
}

bool runstate_is_running(void)
{
    return vm.state == RUN_STATE_RUNNING;
}

const char *runstate_name(RunState state)
{
    return qapi_enum_name(&qapi_type_RunState, state);
}

const char *shutdown_cause_name(ShutdownCause cause)
{
    return qapi_enum_name(&qapi_type_ShutdownCause, cause);
}

bool shutdown_cause_is_guest(ShutdownCause cause)
{
    return cause >= SHUTDOWN_CAUSE_GUEST_SHUTDOWN && cause <= SHUTDOWN_CAUSE_GUEST_PANIC;
}

/* The list has no gaps. */
void vm_add_event_listener(VmEventFn fn)
{
    size_t i = 0;

    while (i < ARRAY_SIZE(vm.listeners) && vm.listeners[i]) {
        i++;
    }
    assert(i < ARRAY_SIZE(vm.listeners));
    vm.listeners[i] = fn;
}

void vm_remove_event_listener(VmEventFn fn)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(vm.listeners); i++) {
        if (vm.listeners[i] != fn) {
            vm.listeners[n++] = vm.listeners[i];
        }
    }
    while (n < ARRAY_SIZE(vm.listeners)) {
        vm.listeners[n++] = NULL;
    }
}

void vm_remove_event_listeners(void)
{
    memset(vm.listeners, 0, sizeof(vm.listeners));
}

static void emit(VmEvent event, ShutdownCause cause)
{
    for (size_t i = 0; i < ARRAY_SIZE(vm.listeners) && vm.listeners[i]; i++) {
        vm.listeners[i](event, cause);
    }
}

typedef struct RunHandler {
    VmRunFn fn;
    void *opaque;
} RunHandler;

void vm_add_run_handler(VmRunFn fn, void *opaque)
{
    RunHandler *h = g_new(RunHandler, 1);

    *h = (RunHandler){ fn, opaque };
    vm.run_handlers = g_slist_prepend(vm.run_handlers, h);
}

void vm_remove_run_handler(VmRunFn fn, void *opaque)
{
    for (GSList *l = vm.run_handlers; l; l = l->next) {
        const RunHandler *h = l->data;

        if (h->fn == fn && h->opaque == opaque) {
            g_free(l->data);
            vm.run_handlers = g_slist_delete_link(vm.run_handlers, l);
            return;
        }
    }
}

static void call_run_handlers(bool running)
{
    for (GSList *l = vm.run_handlers; l; l = l->next) {
        const RunHandler *h = l->data;

        h->fn(h->opaque, running);
    }
}

static void accel_state_change(bool running)
{
    if (current_machine && current_machine->accel && current_machine->accel->vm_state_change) {
        current_machine->accel->vm_state_change(current_machine, running);
    }
}

bool vm_start(Error **errp)
{
    if (vm.state == RUN_STATE_RUNNING) {
        return true;
    }
    if (vm.state == RUN_STATE_FINISH_MIGRATE || vm.state == RUN_STATE_INMIGRATE) {
        error_setg(errp, "Migration is not finalized yet");
        return false;
    }
    if (vm.needs_reset) {
        error_setg(errp, "Resetting the Virtual Machine is required");
        return false;
    }
    if (vm.starting && !vm.starting(errp)) {
        return false;
    }
    vm.state = RUN_STATE_RUNNING;
    qemu_clock_enable_virtual(!debug_time_stands_still());
    accel_state_change(true);
    call_run_handlers(true);
    emit(VM_EVENT_RESUME, SHUTDOWN_CAUSE_NONE);
    cpus_resume_all();
    return true;
}

void vm_set_stopped_handler(void (*fn)(void))
{
    vm.stopped = fn;
}

void vm_set_start_handler(bool (*fn)(Error **errp))
{
    vm.starting = fn;
}

void vm_stop(RunState state)
{
    bool was_running = vm.state == RUN_STATE_RUNNING;

    if (was_running) {
        qemu_clock_enable_virtual(false);
        cpus_pause_all();
        accel_state_change(false);
        call_run_handlers(false);
        if (vm.stopped) {
            vm.stopped();
        }
    }
    vm.state = state;
    vm.needs_reset = state == RUN_STATE_INTERNAL_ERROR || state == RUN_STATE_SHUTDOWN;
    if (was_running) {
        emit(VM_EVENT_STOP, SHUTDOWN_CAUSE_NONE);
    }
}

static void do_reset(ShutdownCause cause)
{
    cpus_pause_all();
    qdev_reset_all();
    if (current_machine->version->board->reset) {
        current_machine->version->board->reset(current_machine);
    }
    vm.needs_reset = false;
    emit(VM_EVENT_RESET, cause);
    if (vm.state == RUN_STATE_RUNNING) {
        cpus_resume_all();
    } else if (vm.state == RUN_STATE_INTERNAL_ERROR || vm.state == RUN_STATE_SHUTDOWN) {
        vm.state = RUN_STATE_PAUSED;
    }
}

static void do_shutdown(ShutdownCause cause)
{
    emit(VM_EVENT_SHUTDOWN, cause);
    if (vm.pause_on_shutdown && cause != SHUTDOWN_CAUSE_HOST_QMP_QUIT &&
        cause != SHUTDOWN_CAUSE_HOST_SIGNAL) {
        vm_stop(RUN_STATE_SHUTDOWN);
        return;
    }
    if (cause == SHUTDOWN_CAUSE_GUEST_PANIC) {
        vm.exit_status = EXIT_FAILURE;
    }
    main_loop_quit();
}

static void take_requests(void *opaque)
{
    ShutdownCause cause;

    vm.pending = false;
    if (vm.exit_requested) {
        main_loop_quit();
        return;
    }
    if (vm.stop_requested) {
        vm.stop_requested = false;
        vm_stop(vm.stop_state);
    }
    cause = vm.shutdown_requested;
    if (cause != SHUTDOWN_CAUSE_NONE) {
        vm.shutdown_requested = SHUTDOWN_CAUSE_NONE;
        do_shutdown(cause);
        return;
    }
    cause = vm.reset_requested;
    if (cause != SHUTDOWN_CAUSE_NONE) {
        vm.reset_requested = SHUTDOWN_CAUSE_NONE;
        do_reset(cause);
    }
    if (vm.powerdown_requested) {
        vm.powerdown_requested = false;
        emit(VM_EVENT_POWERDOWN, SHUTDOWN_CAUSE_NONE);
        if (vm.powerdown_fn) {
            vm.powerdown_fn(vm.powerdown_opaque);
        }
    }
}

/* The requesting vCPU leaves guest code at once: what it asked for happens before its next
 * instruction. */
static void request(void)
{
    if (current_cpu) {
        current_cpu->stop = current_cpu->stopped = true;
        g_cond_broadcast(&current_cpu->done_cond);
        __atomic_store_n(&current_cpu->exit_request, true, __ATOMIC_SEQ_CST);
    }
    if (!vm.pending) {
        vm.pending = true;
        main_loop_defer(take_requests, NULL);
    }
}

void vm_request_reset(ShutdownCause cause)
{
    if (vm.shutdown_on_reboot && cause != SHUTDOWN_CAUSE_SUBSYSTEM_RESET) {
        vm.shutdown_requested = cause;
    } else {
        vm.reset_requested = cause;
    }
    request();
}

void vm_request_shutdown(ShutdownCause cause)
{
    vm.shutdown_requested = cause;
    request();
}

void vm_request_powerdown(void)
{
    vm.powerdown_requested = true;
    request();
}

void vm_request_stop(RunState state)
{
    vm.stop_requested = true;
    vm.stop_state = state;
    request();
}

void vm_request_exit(int status)
{
    vm.exit_requested = true;
    vm.exit_status = status;
    request();
}

void vm_set_powerdown_handler(void (*fn)(void *opaque), void *opaque)
{
    vm.powerdown_fn = fn;
    vm.powerdown_opaque = opaque;
}

void vm_set_reboot_action(bool shutdown_on_reboot)
{
    vm.shutdown_on_reboot = shutdown_on_reboot;
}

void vm_set_shutdown_action(bool pause_on_shutdown)
{
    vm.pause_on_shutdown = pause_on_shutdown;
}

int vm_exit_status(void)
{
    return vm.exit_status;
}
