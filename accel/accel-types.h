/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accelerators; only accel/accel.c looks at them by name. */
#ifndef ACCEL_ACCEL_TYPES_H
#define ACCEL_ACCEL_TYPES_H

#include "system/accel.h"

extern const AccelOps kvm_accel_ops;
extern const AccelOps tcg_accel_ops;
extern const AccelOps qtest_accel_ops;

#endif
