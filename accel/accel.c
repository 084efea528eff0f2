/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accelerators built in. */
#include "qemu/osdep.h"
#include "accel/accel-types.h"

const AccelOps *const accel_table[] = {
    &tcg_accel_ops,
#ifdef CONFIG_KVM
    &kvm_accel_ops,
#endif
    &qtest_accel_ops,
    NULL,
};

const AccelOps *accel_find(const char *name)
{
    for (const AccelOps *const *a = accel_table; *a; a++) {
        if (!strcmp((*a)->name, name)) {
            return *a;
        }
    }
    return NULL;
}
