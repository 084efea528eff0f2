/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test helper: runs single instructions on the host CPU in a traced child process. The child maps
 * one page of code at HOST_CODE, nothing after it, and pages of data; all shared with the tracer.
 * The child has no memory near them, so that stray displacements fault. Linux on x86-64 only.
 */
#ifndef TESTS_TCG_HOST_STEP_H
#define TESTS_TCG_HOST_STEP_H

#include "qemu/osdep.h"
#include <sys/user.h>

#define HOST_CODE 0x20000000ull
#define HOST_CODE_END (HOST_CODE + 4096)
#define HOST_DATA 0x30000000ull
enum { HOST_DATA_BYTES = 16384 };

typedef struct HostStep HostStep;

typedef struct HostSignal {
    int signo; /* SIGTRAP: the instruction completed */
    int code;
    uint64_t addr;
} HostSignal;

/* NULL when the host does not allow tracing. */
HostStep *host_step_new(void);
void host_step_free(HostStep *h);
uint8_t *host_step_code(HostStep *h); /* 4096 bytes */
uint8_t *host_step_data(HostStep *h); /* HOST_DATA_BYTES */
/* The registers that the child was born with: segments, fs_base. */
const struct user_regs_struct *host_step_initial(HostStep *h);
/* The child's XSAVE image in standard format; *len: size of the buffer, then of the image. */
bool host_step_get_xstate(HostStep *h, void *xstate, size_t *len);
/* Loads @regs and, when not NULL, the XSAVE image; executes one instruction; reads both back. */
bool host_step_run(HostStep *h, struct user_regs_struct *regs, void *xstate, size_t *xstate_len,
                   HostSignal *sig);

#endif
