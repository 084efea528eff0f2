/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test helper: runs single instructions of this very process on the host CPU, at 2 signals each and
 * without a context switch: a handler loads the case's registers into the interrupted context with
 * TF set, the next signal's handler takes the results out. The caller is a child process that the
 * test can lose. One page of code at HOST_CODE and data at HOST_DATA as in host-step.h; FS and GS
 * bases stay the process's own. Linux on x86-64 only, one thread.
 */
#ifndef TESTS_TCG_HOST_SIGNAL_H
#define TESTS_TCG_HOST_SIGNAL_H

#include "tests/tcg/host-step.h"

enum { HOST_XSTATE_BYTES = 832 }; /* legacy area, header, upper halves of YMM */

/* Maps the pages and takes over SIGTRAP, SIGSEGV, SIGBUS, SIGILL and SIGFPE; SIGFPE outside of
 * cases goes to the handler there was before. False: the addresses are taken, or the kernel keeps
 * no AVX state in signal frames. */
bool host_signal_init(void);
uint8_t *host_signal_code(void); /* 4096 bytes */
uint8_t *host_signal_data(void); /* HOST_DATA_BYTES, at HOST_DATA */
/* Loads @regs (no segments) and the image @xs, executes one instruction, reads both back. Goes on
 * while RIP stays the same, @repeats times at most. */
void host_signal_run(struct user_regs_struct *regs, uint8_t xs[HOST_XSTATE_BYTES],
                     unsigned repeats, HostSignal *sig);

#endif
