/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -dump-vmstate: the state tables of all device types as JSON, in QEMU's form, so that its
 * vmstate-static-checker.py reads it. Main thread. */
#include "qemu/osdep.h"
#include "hw/core/machine.h"
#include "migration/savestate.h"
#include "migration/vmstate.h"

/* All CPU models have one table: that of their abstract parent. */
static bool is_listed(const ObjectType *type)
{
    bool cpu = object_type_is_a(type, "cpu");

    return object_type_is_a(type, "device") && cpu == type->abstract &&
           ((const DeviceType *)type)->migration.vmsd;
}

void device_states_dump(const char *machine, GString *out)
{
    const GPtrArray *types = object_type_list();

    g_string_append_printf(out, "{\n  \"vmschkmachine\": {\n    \"Name\": \"%s\"\n  }", machine);
    for (guint i = 0; i < types->len; i++) {
        const ObjectType *type = g_ptr_array_index(types, i);
        const VMStateDescription *vmsd;

        if ((type->abstract && strcmp(type->name, "x86_64-cpu")) || !is_listed(type)) {
            continue;
        }
        vmsd = ((const DeviceType *)type)->migration.vmsd;
        g_string_append_printf(out, ",\n  \"%s\": {\n    \"Name\": \"%s\",\n    \"version_id\": "
                               "%u,\n    \"minimum_version_id\": %u,\n    \"Description\": {\n",
                               type->name, type->name, vmsd->version, MAX(vmsd->minimum, 1));
        vmstate_dump_json(vmsd, 6, out);
        g_string_append(out, "    }\n  }");
    }
    g_string_append(out, "\n}\n");
}
