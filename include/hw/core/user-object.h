/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects that users make with -object: below /objects, found by their id. BQL. */
#ifndef HW_CORE_USER_OBJECT_H
#define HW_CORE_USER_OBJECT_H

#include "hw/core/object.h"

/* -object's argument, keyval or JSON. */
bool user_object_add(const char *arg, Error **errp);
/* Frees one that nothing uses, with QEMU's errors. */
bool user_object_del(const char *id, Error **errp);
/* The object of that id, NULL: none. */
Object *user_object_find(const char *id);
/* Text of "-object help". */
void user_object_print_help(FILE *f);

#endif
