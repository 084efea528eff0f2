/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of the machine as an -object (memory-backend-ram, -file, -memfd), which says where it
 * comes from: -machine memory-backend=ID. BQL. */
#ifndef BACKENDS_MEMORY_H
#define BACKENDS_MEMORY_H

#include "hw/core/object.h"
#include "system/memory.h"

extern const ObjectType type_memory_backend, type_memory_backend_ram, type_memory_backend_file,
    type_memory_backend_memfd;

/* Size of the backend of that id, with QEMU's error when there is none. */
bool memory_backend_size(const char *id, uint64_t *size_bytes, Error **errp);
/* Its memory, for the machine: once. Borrowed; the object cannot be deleted any more. */
RAMBlock *memory_backend_use(const char *id, Error **errp);
/* Makes a memory-backend-ram of that id, as a machine does that was told nothing. */
bool memory_backend_create(const char *id, uint64_t size_bytes, bool merge, bool dump,
                           Error **errp);

#endif
