/* SPDX-License-Identifier: GPL-2.0-or-later */
/* File descriptors that QMP clients pass and name (getfd), for options that take a name. BQL. */
#ifndef QEMU_NAMED_FD_H
#define QEMU_NAMED_FD_H

#include "qemu/osdep.h"

/* Keeps @fd as @name; an older one of that name is closed. */
void named_fd_add(const char *name, int fd);
/* The descriptor @name stands for, which the caller owns then: a name is forgotten, a number is
 * one that the process inherited. -1: none. */
int named_fd_take(const char *name);

#endif
