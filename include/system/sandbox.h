/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -sandbox: the list of the system calls that the program makes once start-up is done. */
#ifndef SYSTEM_SANDBOX_H
#define SYSTEM_SANDBOX_H

#include "qemu/osdep.h"
#include "qemu/error.h"

/* What an option asks for. The bits from SANDBOX_OBSOLETE on deny the rows of that group. */
typedef enum SandboxFlags {
    SANDBOX_ON = 1 << 0,
    SANDBOX_OBSOLETE = 1 << 1,
    SANDBOX_PRIVILEGES = 1 << 2,
    SANDBOX_SPAWN = 1 << 3,
    SANDBOX_RESOURCES = 1 << 4,
} SandboxFlags;

/* One call, or one value of an argument of a call. The first row that fits decides; a call that
 * fits none ends the process with SIGSYS. */
typedef struct SandboxRow {
    unsigned nr;
    unsigned group;       /* 0: always in the list; else the SandboxFlags bit that takes it out */
    uint32_t mask, value; /* fits if (low half of the argument & mask) == value; mask 0: always */
    uint8_t arg;          /* which argument */
    uint8_t error;        /* 0: allowed; else the call does nothing and returns this errno */
    const char *why;      /* the part of the program that makes the call */
} SandboxRow;

extern const SandboxRow sandbox_rows[];
extern const size_t sandbox_nr_rows;

/* Adds what the argument of a -sandbox option asks for to *flags. Error texts are QEMU's. */
bool sandbox_parse(const char *arg, unsigned *flags, Error **errp);

/* Puts all threads of the process, and those and the processes they will start, behind the list.
 * Nothing takes them out again. Does nothing without SANDBOX_ON. */
bool sandbox_enter(unsigned flags, Error **errp);

#endif
