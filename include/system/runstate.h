/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Run state of the virtual machine, and requests to change it. */
#ifndef SYSTEM_RUNSTATE_H
#define SYSTEM_RUNSTATE_H

#include "qemu/osdep.h"
#include "qapi/qapi-types.h" /* RunState, ShutdownCause: the order is QEMU's */
#include "qemu/error.h"

/* What monitors and the debugger want to hear of (QMP events STOP, RESUME, RESET, SHUTDOWN,
 * POWERDOWN). BQL. */
typedef enum VmEvent {
    VM_EVENT_STOP,
    VM_EVENT_RESUME,
    VM_EVENT_RESET,
    VM_EVENT_SHUTDOWN,
    VM_EVENT_POWERDOWN,
} VmEvent;
typedef void (*VmEventFn)(VmEvent event, ShutdownCause cause);

RunState runstate_get(void);
bool runstate_is_running(void);
/* "running", "paused", ... as in QMP; and "guest-reset", ... */
const char *runstate_name(RunState state);
const char *shutdown_cause_name(ShutdownCause cause);
bool shutdown_cause_is_guest(ShutdownCause cause);
/* Listeners are called in the order in which they came; at most four. */
void vm_add_event_listener(VmEventFn fn);
void vm_remove_event_listener(VmEventFn fn);
/* Nobody hears of anything any more. */
void vm_remove_event_listeners(void);

/* Starts or continues the guest. False with QEMU's error where the state forbids it. BQL, main
 * loop. */
bool vm_start(Error **errp);
/* Stops all vCPUs and guest time and enters @state. Returns after all vCPUs have stopped. */
void vm_stop(RunState state);

/* Called with false when the vCPUs have stopped, before disks come to rest; with true before vCPUs
 * run again. For devices that work in threads of their own. BQL. */
typedef void (*VmRunFn)(void *opaque, bool running);
void vm_add_run_handler(VmRunFn fn, void *opaque);
void vm_remove_run_handler(VmRunFn fn, void *opaque);

/* Called by vm_stop() after the vCPUs have stopped: to bring disks to rest. */
void vm_set_stopped_handler(void (*fn)(void));

/* Called by vm_start() before anything runs: what a running guest needs (its disks). */
void vm_set_start_handler(bool (*fn)(Error **errp));

/* Requests, from any thread with the BQL held; the main loop carries them out with the vCPUs
 * stopped. */
void vm_request_reset(ShutdownCause cause);
void vm_request_shutdown(ShutdownCause cause);
/* Press the power button (QMP system_powerdown). */
void vm_request_powerdown(void);
/* Stop as a vCPU that cannot go on (internal error, debug). */
void vm_request_stop(RunState state);
/* isa-debug-exit: leave the main loop at once with this exit status. */
void vm_request_exit(int status);
/* Called by system_powerdown; the ACPI device sets it. */
void vm_set_powerdown_handler(void (*fn)(void *opaque), void *opaque);
/* -action and its old forms -no-reboot, -no-shutdown. */
void vm_set_reboot_action(bool shutdown_on_reboot);
void vm_set_shutdown_action(bool pause_on_shutdown);
/* The exit status main() returns. */
int vm_exit_status(void);

#endif
