/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What plugs into a virtio-serial bus. */
#ifndef HW_VIRTIO_VIRTIO_SERIAL_H
#define HW_VIRTIO_VIRTIO_SERIAL_H

#include "hw/core/qdev.h"

extern const DeviceType type_virtconsole, type_virtserialport;

#endif
