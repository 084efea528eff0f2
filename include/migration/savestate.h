/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of all devices and vCPUs of the machine in one buffer: what the device section of a
 * migration stream and of a snapshot holds. All functions: main thread, BQL, machine stopped
 * (vm_stop() has returned, or the guest has not started yet).
 *
 * The buffer is self-describing: it names each device and says its version and length, so that
 * device_states_check() can tell everything that is wrong before device_states_load() changes
 * anything.
 */
#ifndef MIGRATION_SAVESTATE_H
#define MIGRATION_SAVESTATE_H

#include "qemu/osdep.h"
#include "qemu/error.h"

/* Limit of what a stream may claim for all devices together. */
#define DEVICE_STATES_MAX_BYTES (64 * 1024 * 1024)

/* False when there is a device whose state cannot be saved; the error names the device and says
 * why, with QEMU's words. With @reasons every reason is appended (char *, to be freed). */
bool device_states_migratable(GPtrArray *reasons, Error **errp);

/* The devices with state, one char * each (to be freed), in the order of saving: a name that is
 * the same on both sides when the machines are the same. Goes into the configuration. */
void device_states_list(GPtrArray *names);

/* Brings to rest what is under way and reads what lives elsewhere (the kernel), as
 * device_states_save() does first. Ends of interrupt that KVM has not told yet are not carried out
 * here, where they still come, but in what is saved (apic_bus_lost_eois()). */
void device_states_settle(void);

/* Appends the state of all devices. Calls device_states_settle() first. */
bool device_states_save(GByteArray *out, Error **errp);

/* Whether device_states_load() would take @buf: every device, every field, range and version.
 * Errors name "device/field". Nothing is changed. */
bool device_states_check(const uint8_t *buf, size_t len, Error **errp);

/* device_states_check(), then loads. When the accelerator or a device refuses what was loaded, the
 * old state is put back: false means that the machine is as before. */
bool device_states_load(const uint8_t *buf, size_t len, Error **errp);

/* Appends a JSON array that describes the devices and fields of device_states_save(). */
void device_states_describe(GString *json);

/* Appends the text of -dump-vmstate: the tables of all device types there are. No machine is
 * needed. */
void device_states_dump(const char *machine, GString *out);

#endif
