/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sources of random bytes for guests: -object rng-builtin and rng-random. BQL. */
#ifndef BACKENDS_RNG_H
#define BACKENDS_RNG_H

#include "hw/core/object.h"

typedef struct RngBackend RngBackend;

extern const ObjectType type_rng_backend, type_rng_builtin, type_rng_random;

/* The -object of that id, NULL when it is none of ours. */
RngBackend *rng_backend_use(const char *id);
/* Up to @len bytes, without waiting; 0 when the source has none now. @rng NULL: the host's
 * generator. */
size_t rng_backend_read(RngBackend *rng, void *buf, size_t len);

#endif
