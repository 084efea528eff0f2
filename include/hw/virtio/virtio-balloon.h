/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What monitors ask the balloon (virtio 1.2, 5.5). There is at most one. BQL. */
#ifndef HW_VIRTIO_VIRTIO_BALLOON_H
#define HW_VIRTIO_VIRTIO_BALLOON_H

#include "qemu/osdep.h"

/* How much memory the guest has left, in bytes; false: there is no balloon. */
bool balloon_query(uint64_t *actual_bytes);
/* Asks the guest to shrink or grow to @bytes (more than the machine has: all); false: there is no
 * balloon. */
bool balloon_set_target(uint64_t bytes);

#endif
