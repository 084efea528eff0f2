/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -qtest: QEMU's text protocol by which a test accesses devices in place of a CPU. */
#ifndef SYSTEM_QTEST_H
#define SYSTEM_QTEST_H

#include "qemu/error.h"

/* @dev: as for -serial; @log: a file, "none" or NULL for no log. The machine exists. */
bool qtest_start(const char *dev, const char *log, Error **errp);

#endif
