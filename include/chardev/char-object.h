/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Character devices in the object tree. BQL. */
#ifndef CHARDEV_CHAR_OBJECT_H
#define CHARDEV_CHAR_OBJECT_H

#include "hw/core/object.h"

/* The family of chardev classes ("chardev-socket"), for object_type_families. */
void chardev_object_types(ObjectTypeFn *fn, void *opaque);
/* Gives every chardev that has none an object below @container, /chardevs. */
void chardev_add_objects(Object *container);

#endif
