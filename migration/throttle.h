/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps vCPUs from running for a part of their time (auto-converge). BQL. */
#ifndef MIGRATION_THROTTLE_H
#define MIGRATION_THROTTLE_H

#include "qemu/osdep.h"

/* @percent 1..99 of each vCPU's time; 0: not at all. */
void cpu_throttle_set(unsigned percent);
unsigned cpu_throttle_get(void);

#endif
