/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of inherited file descriptors (-add-fd). A file is opened from a set by the name
 * "/dev/fdset/N": management software opens files itself and hands the descriptors over. BQL.
 */
#ifndef QEMU_FDSET_H
#define QEMU_FDSET_H

#include "qemu/osdep.h"
#include "qemu/error.h"

/* The argument of -add-fd: fd=N[,set=N][,opaque=TEXT]. Takes the descriptor: it is closed, a
 * duplicate stays in the set. Without set= it becomes the only one of a new set. */
bool fdset_add_from_opts(const char *arg, Error **errp);
/* open(2), and for "/dev/fdset/N" a duplicate of that set's first descriptor with the access mode
 * of @flags. Close-on-exec. -1 with errno: ENOENT no such set, EACCES none with that mode. */
int open_file(const char *path, int flags, mode_t mode);

#endif
