/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory-backend-ram: the machine takes the size of its memory from it (memory-backend=ID). BQL. */
#include "qemu/osdep.h"
#include "backends/memory.h"
#include "hw/core/user-object.h"

typedef struct MemoryBackend {
    Object parent;
    uint64_t size_bytes;
} MemoryBackend;

static bool check_size(Object *obj, const Property *prop, uint64_t value, Error **errp)
{
    if (value == 0) {
        error_setg(errp, "property '%s' of %s doesn't take value '0'", prop->name,
                   obj->type->name);
        return false;
    }
    return true;
}

static const Property memory_backend_props[] = {
    DEFINE_PROP(PROP_SIZE, MemoryBackend, size_bytes, "size", .check = check_size),
    DEFINE_PROP_END,
};

static bool memory_backend_complete(Object *obj, Error **errp)
{
    if (!((MemoryBackend *)obj)->size_bytes) {
        error_setg(errp, "Parameter 'size' is missing");
        return false;
    }
    return true;
}

const ObjectType type_memory_backend = {
    .name = "memory-backend",
    .instance_size = sizeof(MemoryBackend),
    .abstract = true,
    .props = memory_backend_props,
};

const ObjectType type_memory_backend_ram = {
    .name = "memory-backend-ram",
    .parent = &type_memory_backend,
    .instance_size = sizeof(MemoryBackend),
    .user_creatable = true,
    .complete = memory_backend_complete,
};

bool memory_backend_size(const char *id, uint64_t *size_bytes, Error **errp)
{
    Object *obj = user_object_find(id);

    if (!obj || !object_is_a(obj, &type_memory_backend)) {
        error_setg(errp, "Memory backend '%s' not found", id);
        return false;
    }
    *size_bytes = ((MemoryBackend *)obj)->size_bytes;
    return true;
}
