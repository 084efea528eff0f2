/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object memory-backend-ram. BQL. */
#ifndef BACKENDS_MEMORY_H
#define BACKENDS_MEMORY_H

#include "hw/core/object.h"

/* Size of the memory back end @id; false with QEMU's error when there is none of that id. */
bool memory_backend_size(const char *id, uint64_t *size_bytes, Error **errp);

extern const ObjectType type_memory_backend, type_memory_backend_ram;

#endif
