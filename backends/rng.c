/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -object rng-builtin (getrandom()) and rng-random (a file, /dev/urandom unless told). BQL. */
#include "qemu/osdep.h"
#include "backends/rng.h"
#include "hw/core/machine.h"
#include "hw/core/user-object.h"

#include <fcntl.h>
#include <sys/random.h>

struct RngBackend {
    Object object;
    char *filename;
    int fd; /* -1: getrandom() */
    bool used; /* by a device */
};

RngBackend *rng_backend_use(const char *id)
{
    Object *obj = user_object_find(id);

    if (!obj || !object_is_a(obj, &type_rng_backend)) {
        return NULL;
    }
    ((RngBackend *)obj)->used = true;
    return (RngBackend *)obj;
}

size_t rng_backend_read(RngBackend *rng, void *buf, size_t len)
{
    ssize_t n;

    do {
        n = rng && rng->fd >= 0 ? read(rng->fd, buf, len)
                                : getrandom(buf, MIN(len, 256), GRND_NONBLOCK);
    } while (n < 0 && errno == EINTR);
    return n > 0 ? (size_t)n : 0;
}

static void rng_init(Object *obj)
{
    ((RngBackend *)obj)->fd = -1;
}

static void rng_finalize(Object *obj)
{
    RngBackend *rng = (RngBackend *)obj;

    if (rng->fd >= 0) {
        close(rng->fd);
    }
}

static bool rng_in_use(const Object *obj)
{
    return ((const RngBackend *)obj)->used;
}

static bool rng_random_complete(Object *obj, Error **errp)
{
    RngBackend *rng = (RngBackend *)obj;

    rng->fd = open(rng->filename, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (rng->fd < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", rng->filename);
        return false;
    }
    return true;
}

static const Property rng_random_props[] = {
    DEFINE_PROP(PROP_STRING, RngBackend, filename, "filename", .default_str = "/dev/urandom"),
    DEFINE_PROP_END,
};

const ObjectType type_rng_backend = {
    .name = "rng-backend",
    .instance_size = sizeof(RngBackend),
    .abstract = true,
    .instance_init = rng_init,
    .instance_finalize = rng_finalize,
    .in_use = rng_in_use,
};

const ObjectType type_rng_builtin = {
    .name = "rng-builtin",
    .parent = &type_rng_backend,
    .instance_size = sizeof(RngBackend),
    .user_creatable = true,
};

const ObjectType type_rng_random = {
    .name = "rng-random",
    .parent = &type_rng_backend,
    .instance_size = sizeof(RngBackend),
    .props = rng_random_props,
    .user_creatable = true,
    .complete = rng_random_complete,
};
