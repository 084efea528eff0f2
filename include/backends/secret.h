/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object secret. BQL. */
#ifndef BACKENDS_SECRET_H
#define BACKENDS_SECRET_H

#include "hw/core/object.h"

extern const ObjectType type_secret;

#endif
